//! Two phones in reach of each other: the same frames as over any link, and the same bad luck.

use std::collections::VecDeque;

use bienban_core::replica::{Meeting, MeetingOptions, ReplicaError};
use bienban_core::sync::Ending;
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::node::entropy;
use crate::world::{World, entry};

/// Meetings under way at a time.
const LINKS_MAX: usize = 3;

/// Frames of one meeting over a good link, before it counts as stuck.
const FRAMES_MAX: usize = 2000;

/// Frames under way between two phones.
pub(crate) struct Link {
    ends: [usize; 2],
    sides: [Meeting; 2],
    queues: [VecDeque<Vec<u8>>; 2],
}

impl World {
    /// Two phones find each other. Half the time the link is good enough for the whole exchange.
    pub(crate) fn meet(&mut self, one: usize) {
        let others: Vec<usize> = (0..self.phones.len()).filter(|at| *at != one).collect();
        let Some(&two) = others.choose(&mut self.rng) else { return };
        if self.links.len() >= LINKS_MAX {
            return;
        }
        let Some(mut link) = self.link(one, two) else { return };
        self.tally.meetings += 1;
        self.say(|| format!("phones {one} and {two} meet"));
        if self.rng.random_bool(0.5) {
            self.links.push(link);
            return;
        }
        for _ in 0..FRAMES_MAX {
            let moved = self
                .move_one(&mut link, 0)
                .and_then(|first| Ok(first | self.move_one(&mut link, 1)?));
            match moved {
                Ok(true) => {}
                Ok(false) => {
                    self.see_off(&link);
                    return;
                }
                Err(error) => {
                    self.say(|| format!("the meeting ends: {error}"));
                    return;
                }
            }
        }
        panic!("the meeting of phones {one} and {two} does not end");
    }

    /// Moves frames of a meeting under way.
    pub(crate) fn pass_on(&mut self) {
        if self.links.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..self.links.len());
        let mut link = self.links.swap_remove(at);
        for _ in 0..self.rng.random_range(1..8) {
            let side = self.rng.random_range(0..2);
            if let Err(error) = self.move_one(&mut link, side) {
                self.say(|| format!("a meeting ends: {error}"));
                return;
            }
        }
        if link.sides.iter().all(|side| side.outcome().is_some()) {
            self.see_off(&link);
        } else {
            self.links.push(link);
        }
    }

    /// The phones lose each other; what was under way is gone.
    pub(crate) fn part(&mut self) {
        if self.links.pop().is_some() {
            self.tally.cuts += 1;
        }
    }

    /// Cuts all links of a phone.
    pub(crate) fn part_from(&mut self, at: usize) {
        self.links.retain(|link| !link.ends.contains(&at));
    }

    fn link(&mut self, one: usize, two: usize) -> Option<Link> {
        let mut begin = |at: usize, peer: usize, opens: bool| {
            let options = MeetingOptions { peer: entry(&self.phones[peer]).into(), opens };
            let (now, entropy) = (self.now(at), entropy(&mut self.rng));
            let phone = self.phones[at].phone.clone();
            Meeting::start(phone, options, entropy, now).ok()
        };
        let sides = [begin(one, two, true)?, begin(two, one, false)?];
        Some(Link { ends: [one, two], sides, queues: [VecDeque::new(), VecDeque::new()] })
    }

    /// Lets one side work, or delivers its next frame. Returns whether anything happened.
    fn move_one(&mut self, link: &mut Link, side: usize) -> Result<bool, String> {
        let at = link.ends[side];
        step(link, side, self.now(at)).map_err(|error| format!("{error}: {error:?}"))
    }

    fn see_off(&mut self, link: &Link) {
        for side in &link.sides {
            let outcome = side.outcome().expect("a meeting over a good link ends");
            let progress = side.progress();
            self.tally.carried += progress.received as u64;
            assert!(outcome.ending == Ending::Done, "{outcome:?}");
            assert_eq!(progress.strangers + progress.refused, 0, "all are known and may write");
        }
        let [one, two] = &link.sides;
        let (one, two) = (one.progress(), two.progress());
        self.say(|| format!("phones {:?} part: {one:?} {two:?}", link.ends));
    }
}

fn step(
    link: &mut Link,
    side: usize,
    now: bienban_core::model::Timestamp,
) -> Result<bool, ReplicaError> {
    if let Some(frame) = link.sides[side].poll_frame(now)? {
        link.queues[1 - side].push_back(frame);
        return Ok(true);
    }
    if !link.sides[side].wants_input() {
        return Ok(false);
    }
    let Some(frame) = link.queues[side].pop_front() else { return Ok(false) };
    link.sides[side].handle(&frame).map(|()| true)
}
