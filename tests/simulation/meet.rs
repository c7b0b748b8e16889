//! Two phones in reach of each other: the same frames as over any link, and the same bad luck.

use bienban_core::model::Timestamp;
use bienban_core::replica::{Meeting, MeetingOptions, ReplicaError};
use bienban_core::sync::Ending;
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::bounds;
use crate::node::entropy;
use crate::rights;
use crate::tally::Seen;
use crate::wire::Wire;
use crate::world::World;

/// Meetings under way at a time.
const LINKS_MAX: usize = 3;

/// Frames of one meeting over a good link, before it counts as stuck.
const FRAMES_MAX: usize = 2000;

/// Frames under way between two phones.
pub(crate) struct Link {
    ends: [usize; 2],
    sides: [Meeting; 2],
    /// What is under way to each side.
    wires: [Wire; 2],
}

impl Link {
    pub(crate) fn is_of(&self, at: usize) -> bool {
        self.ends.contains(&at)
    }

    /// Lets a side work, and hand a frame over. Returns whether it did.
    fn speak(&mut self, side: usize, now: Timestamp) -> Result<bool, ReplicaError> {
        let wire = &mut self.wires[1 - side];
        wire.fill(0);
        if !wire.has_room() {
            return Ok(false);
        }
        let Some(frame) = self.sides[side].poll_frame(now)? else { return Ok(false) };
        wire.send(&frame, 0);
        Ok(true)
    }

    /// Gives a side the next frame that has come whole. Returns whether there was one.
    fn hear(&mut self, side: usize) -> Result<bool, ReplicaError> {
        if !self.sides[side].wants_input() {
            return Ok(false);
        }
        let Some(frame) = self.wires[side].take_frame() else { return Ok(false) };
        self.sides[side].handle(&frame).map(|()| true)
    }

    fn has_ended(&self) -> bool {
        self.sides.iter().all(|side| side.outcome().is_some())
    }
}

impl World {
    /// Two phones find each other. Half the time the link is good enough for the whole exchange.
    pub(crate) fn meet(&mut self, one: usize) {
        let others: Vec<usize> = (0..self.phones.len()).filter(|at| *at != one).collect();
        let Some(&two) = others.choose(&mut self.rng) else { return };
        let busy = [one, two].iter().any(|at| self.clock < self.phones[*at].busy_until);
        if self.links.len() >= LINKS_MAX || busy || self.is_parted(one, two) {
            return;
        }
        let Some(mut link) = self.link(one, two) else { return };
        self.tally.note(Seen::Meetings);
        self.say(|| format!("{} meets {}", self.phones[one].name, self.phones[two].name));
        if self.rng.random_bool(0.5) {
            self.links.push(link);
            return;
        }
        for _ in 0..FRAMES_MAX {
            match self.move_all(&mut link) {
                Ok(true) => {}
                Ok(false) => return self.see_off(&link),
                Err(error) => return self.say(|| format!("the meeting ends: {error}")),
            }
        }
        panic!("the meeting of phones {one} and {two} does not end");
    }

    /// Moves packets of a meeting under way.
    pub(crate) fn pass_on(&mut self) {
        if self.links.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..self.links.len());
        let [one, two] = self.links[at].ends;
        if self.is_parted(one, two) {
            return;
        }
        let mut link = self.links.swap_remove(at);
        for _ in 0..self.rng.random_range(1..8) {
            let side = self.rng.random_range(0..2);
            if let Err(error) = self.move_one(&mut link, side) {
                self.say(|| format!("a meeting ends: {error}"));
                return;
            }
        }
        if link.has_ended() {
            self.see_off(&link);
        } else {
            self.links.push(link);
        }
    }

    /// The phones lose each other; what was under way is gone.
    pub(crate) fn part(&mut self) {
        if let Some(link) = self.links.pop() {
            self.count_cut(&link);
        }
    }

    /// Cuts all links of a phone.
    pub(crate) fn part_from(&mut self, at: usize) {
        let all = std::mem::take(&mut self.links);
        let (cut, left): (Vec<Link>, Vec<Link>) = all.into_iter().partition(|link| link.is_of(at));
        self.links = left;
        cut.iter().for_each(|link| self.count_cut(link));
    }

    fn count_cut(&mut self, link: &Link) {
        self.tally.note(Seen::Cuts);
        if link.wires.iter().any(Wire::is_midway) {
            self.tally.note(Seen::CutsInAFrame);
        }
    }

    fn link(&mut self, one: usize, two: usize) -> Option<Link> {
        let mut begin = |at: usize, peer: usize, opens: bool| {
            let options = MeetingOptions { peer: self.phones[peer].entry().into(), opens };
            let (now, entropy) = (self.now(at), entropy(&mut self.rng));
            let phone = self.phones[at].phone.clone();
            Meeting::start(phone, options, entropy, now).ok()
        };
        let sides = [begin(one, two, true)?, begin(two, one, false)?];
        let wires = [Wire::new(&mut self.rng), Wire::new(&mut self.rng)];
        Some(Link { ends: [one, two], sides, wires })
    }

    /// Over a good link: each side speaks and hears. Returns whether anything happened.
    fn move_all(&mut self, link: &mut Link) -> Result<bool, String> {
        let mut any = false;
        for side in 0..2 {
            let now = self.now(link.ends[side]);
            any |= link.speak(side, now).map_err(told)?;
            any |= link.wires[1 - side].arrive_due(0);
            any |= link.hear(side).map_err(told)?;
            bounds::check(&link.sides[side].load(), &mut self.tally);
        }
        Ok(any)
    }

    /// Lets one side speak, the network do what it does to some packets, and the other side hear.
    fn move_one(&mut self, link: &mut Link, side: usize) -> Result<(), String> {
        let now = self.now(link.ends[side]);
        link.speak(side, now).map_err(told)?;
        for _ in 0..self.rng.random_range(1..8) {
            if !link.wires[1 - side].stir(&mut self.rng, &mut self.tally) {
                break;
            }
        }
        link.hear(1 - side).map_err(told)?;
        bounds::check(&link.sides[side].load(), &mut self.tally);
        Ok(())
    }

    fn see_off(&mut self, link: &Link) {
        for (side, at) in link.sides.iter().zip(link.ends) {
            let outcome = side.outcome().expect("a meeting over a good link ends");
            let progress = side.progress();
            self.tally.notes(Seen::Carried, progress.received);
            assert!(outcome.ending == Ending::Done, "{outcome:?}");
            if self.lawful {
                assert_eq!(progress.strangers + progress.refused, 0, "all are known and may write");
            }
            rights::expect_own(self, at).unwrap_or_else(|wrong| panic!("{wrong}"));
        }
        let [one, two] = &link.sides;
        let (one, two) = (one.progress(), two.progress());
        self.say(|| format!("phones {:?} part: {one:?} {two:?}", link.ends));
    }
}

fn told(error: ReplicaError) -> String {
    format!("{error}: {error:?}")
}
