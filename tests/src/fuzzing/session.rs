//! Whole sessions of a hostile device with a real hub: frames good and bad, cut and repeated, time that jumps,
//! merging in between, a power cut, and an honest phone that comes too.

use std::sync::Arc;

use bienban_core::model::Timestamp;
use bienban_core::replica::{Hub, HubRunner, Phone, ReplicaError};
use bienban_core::store::MemoryStore;
use bienban_core::sync::{Ending, Frame};

use super::bytes::Bytes;
use super::hostile::Said;
use super::stage::{self, ELSEWHERE, HOSTILE, TYPED, stage};
use crate::fleet;
use crate::overheard::Overheard;

/// Steps of one input.
const STEPS_MAX: usize = 64;

/// Frames that a hub says at one step, before it counts as never ending.
const FRAMES_MAX: usize = 2_000;

/// Bytes that a hub says in one input: all that it holds fits a hundred times.
const SAID_BYTES_MAX: usize = 32 << 20;

/// Exchanges of the honest phone after which its record and the hub's are equal.
const ROUNDS: usize = 3;

struct World {
    hub: Arc<Hub>,
    store: Arc<MemoryStore>,
    honest: Arc<Phone>,
    now: Timestamp,
    /// Two connections of the device at most.
    sessions: [Option<HubRunner>; 2],
    overheard: [Overheard; 2],
    number: u8,
    said: Said,
    heard: usize,
    last: Vec<u8>,
}

/// The first byte says which device comes; the others are steps.
pub(super) fn session(data: &[u8]) {
    let mut input = Bytes::new(data);
    let number = if input.byte().is_multiple_of(4) { ELSEWHERE } else { HOSTILE };
    let (hub, store) = stage::hub();
    let (honest, _) = stage::honest();
    let mut world = World {
        hub,
        store,
        honest,
        now: fleet::NOW,
        sessions: [None, None],
        overheard: Default::default(),
        number,
        said: Said::default(),
        heard: 0,
        last: Vec::new(),
    };
    let mut steps = 0;
    while !input.is_empty() && steps < STEPS_MAX {
        world.step(&mut input);
        steps += 1;
    }
    world.end();
}

impl World {
    fn step(&mut self, input: &mut Bytes<'_>) {
        let step = input.byte();
        let which = usize::from(step >> 7);
        match step & 0x7f {
            0..=3 => self.start(which),
            4..=79 => self.say(which, input),
            80..=83 => self.open(which),
            84..=87 => {
                let frame = self.last.clone();
                self.hear(which, &frame);
            }
            88..=91 => self.sessions[which] = None,
            92..=99 => {
                self.hub.merge_all(self.now).expect("the hub goes on merging");
            }
            100..=103 => {
                if let Some(session) = &mut self.sessions[which] {
                    session.grown().expect("reading does not fail");
                }
                self.poll(which);
            }
            104..=107 => {
                let by = i64::from(input.short().cast_signed()) * 60_000;
                self.now = Timestamp(self.now.0.saturating_add(by));
            }
            108..=109 => {
                if let Some(session) = &mut self.sessions[which] {
                    session.close();
                }
                self.poll(which);
            }
            110..=112 => self.honest_exchange(),
            113..=114 => self.power_cut(input.byte().is_multiple_of(2)),
            _ => self.claim(input),
        }
    }

    fn start(&mut self, which: usize) {
        let entry = self.hub.replica().device(stage::device(self.number)).unwrap();
        let entry = entry.expect("the hub was told of it");
        match HubRunner::start(self.hub.clone(), entry, self.now) {
            Ok(session) => {
                self.sessions[which] = Some(session);
                self.overheard[which] = Overheard::default();
            }
            Err(ReplicaError::Stranger { .. }) => self.sessions[which] = None,
            Err(error) => panic!("the hub fails: {error:?}"),
        }
    }

    /// The first words of an honest phone.
    fn open(&mut self, which: usize) {
        self.start(which);
        for frame in stage().up.iter().take(2) {
            self.hear(which, frame);
        }
    }

    fn say(&mut self, which: usize, input: &mut Bytes<'_>) {
        let frame = self.said.frame(input, &stage().up);
        self.hear(which, &frame);
        self.last = frame;
    }

    fn hear(&mut self, which: usize, frame: &[u8]) {
        let Some(session) = &mut self.sessions[which] else { return };
        if !session.wants_input() {
            return self.poll(which);
        }
        let heard = session.handle(frame);
        drop(self.overheard[which].phone(frame));
        self.poll(which);
        let Err(error) = heard else { return };
        assert!(matches!(error, ReplicaError::Session { .. }), "the hub fails: {error:?}");
        let session = self.sessions[which].as_ref();
        let ended = session.is_none_or(|session| session.outcome().is_some());
        assert!(ended, "a session goes on after {error}");
    }

    fn poll(&mut self, which: usize) {
        let Some(session) = &mut self.sessions[which] else { return };
        for _ in 0..FRAMES_MAX {
            match session.poll_frame(self.now) {
                Ok(Some(frame)) => {
                    self.heard += frame.len();
                    assert!(self.heard <= SAID_BYTES_MAX, "the hub says too much");
                    let read = self.overheard[which].hub(&frame);
                    read.expect("what a hub says is a frame");
                }
                Ok(None) => return,
                Err(ReplicaError::Session { .. }) => {}
                Err(error) => panic!("the hub fails: {error:?}"),
            }
        }
        panic!("the hub does not end talking");
    }

    fn claim(&mut self, input: &mut Bytes<'_>) {
        if let Ok((_, claim)) = Frame::decode_enrol(input.piece()) {
            let claimed = self.hub.claim(&claim, stage::device(self.number), self.now);
            claimed.expect("a claim is answered");
        }
    }

    fn power_cut(&mut self, kept: bool) {
        self.sessions = [None, None];
        self.store.power_cut(kept).expect("a hub's store opens again");
        self.hub = fleet::hub_over(self.store.clone());
    }

    fn honest_exchange(&mut self) {
        let (outcome, _) = fleet::exchange_heard(&self.honest, &self.hub, self.now, &mut |_, _| ());
        let ended = matches!(outcome.ending, Ending::Done | Ending::Told(_));
        assert!(ended, "an honest exchange ends badly: {outcome:?}");
    }

    /// After all of it: the honest phone comes, and finds and brings everything.
    fn end(mut self) {
        self.sessions = [None, None];
        self.hub.merge_all(self.now).expect("the hub goes on merging");
        for _ in 0..ROUNDS {
            self.honest_exchange();
            self.hub.merge_all(self.now).expect("the hub goes on merging");
        }
        for visit in &stage().visits {
            let there = self.hub.replica().load(visit.document()).unwrap();
            let here = self.honest.replica().load(visit.document()).unwrap();
            let digests = [&there, &here].map(|document| document.view().record().digest());
            assert_eq!(digests[0], digests[1], "hub and honest phone differ");
            self.expect_answers(&stage::answers(&there), visit == &stage().visits[0]);
        }
        assert_eq!(self.honest.only_here().unwrap(), [], "the hub did not sign for what is honest");
        let (problems, _) = (self.store_problems(), self.hub.status().unwrap());
        assert_eq!(problems, Vec::<String>::new());
    }

    fn store_problems(&self) -> Vec<String> {
        use bienban_core::store::Store as _;
        self.store.verify().unwrap().problems
    }

    fn expect_answers(&self, answers: &[String], is_first: bool) {
        if is_first {
            let count = answers.iter().filter(|text| *text == TYPED).count();
            assert_eq!(count, 1, "what was typed stands in the record once: {answers:?}");
            let before = stage::answers(&stage().document);
            assert!(before.iter().all(|text| answers.contains(text)), "{answers:?}");
        }
        let known =
            |text: &String| text == TYPED || text == "đạt" || text.starts_with("của máy hai ");
        assert!(self.said.crafted || answers.iter().all(known), "nobody signed this: {answers:?}");
    }
}
