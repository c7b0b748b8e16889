//! An honest phone in the hands of others: of somebody with the hub's key, and of a hostile phone that it
//! meets. Whatever they say, it keeps what was typed there.

use std::sync::Arc;

use bienban_core::model::Timestamp;
use bienban_core::replica::{
    Meeting, MeetingOptions, Phone, PhoneOptions, PhoneRunner, ReplicaError,
};
use bienban_core::store::MemoryStore;

use super::bytes::Bytes;
use super::hostile::Said;
use super::stage::{self, HONEST, HOSTILE, stage};
use crate::fleet::{self, NOW};

/// Steps of one input.
const STEPS_MAX: usize = 64;

/// Frames that a phone says at one step, before it counts as never ending.
const FRAMES_MAX: usize = 2_000;

/// Either exchange.
trait Side {
    fn handle(&mut self, frame: &[u8]) -> Result<(), ReplicaError>;
    fn poll(&mut self, now: Timestamp) -> Result<Option<Vec<u8>>, ReplicaError>;
    fn wants_input(&self) -> bool;
    fn is_over(&self) -> bool;
}

impl Side for PhoneRunner {
    fn handle(&mut self, frame: &[u8]) -> Result<(), ReplicaError> {
        Self::handle(self, frame)
    }

    fn poll(&mut self, now: Timestamp) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.poll_frame(now)
    }

    fn wants_input(&self) -> bool {
        Self::wants_input(self)
    }

    fn is_over(&self) -> bool {
        self.outcome().is_some()
    }
}

impl Side for Meeting {
    fn handle(&mut self, frame: &[u8]) -> Result<(), ReplicaError> {
        Self::handle(self, frame)
    }

    fn poll(&mut self, now: Timestamp) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.poll_frame(now)
    }

    fn wants_input(&self) -> bool {
        Self::wants_input(self)
    }

    fn is_over(&self) -> bool {
        self.outcome().is_some()
    }
}

/// A phone and its exchange, if one is under way.
struct World<S> {
    phone: Arc<Phone>,
    store: Arc<MemoryStore>,
    side: Option<S>,
    now: Timestamp,
    said: Said,
}

/// Somebody has the hub's key.
pub(super) fn foreign_hub(data: &[u8]) {
    let start = |phone: &Arc<Phone>, live, now| {
        let options = PhoneOptions { hub: stage::hub_key().device(), live, asks: Vec::new() };
        PhoneRunner::start(phone.clone(), options, Box::new(|| [7; 16]), now)
    };
    play(data, start, |said, input| said.hub_frame(input));
}

/// A hostile phone is met.
pub(super) fn meeting(data: &[u8]) {
    let start = |phone: &Arc<Phone>, opens, now| {
        let options = MeetingOptions { peer: stage::peer(HOSTILE), opens };
        Meeting::start(phone.clone(), options, Box::new(|| [8; 16]), now)
    };
    play(data, start, |said, input| said.frame(input, &stage().met));
}

fn play<S: Side>(
    data: &[u8],
    start: impl Fn(&Arc<Phone>, bool, Timestamp) -> Result<S, ReplicaError>,
    frame: impl Fn(&mut Said, &mut Bytes<'_>) -> Vec<u8>,
) {
    let (phone, store) = stage::honest();
    let said = Said::default();
    let mut world = World { phone, store, side: None, now: NOW, said };
    let mut input = Bytes::new(data);
    let mut steps = 0;
    while !input.is_empty() && steps < STEPS_MAX {
        steps += 1;
        match input.byte() & 0x7f {
            step @ 0..=7 => {
                world.side = start(&world.phone, step % 2 == 0, world.now).ok();
                world.poll();
            }
            8..=11 => world.side = None,
            12..=15 => {
                let by = i64::from(input.short().cast_signed()) * 60_000;
                world.now = Timestamp(world.now.0.saturating_add(by));
            }
            16..=17 => world.power_cut(),
            _ => {
                let frame = frame(&mut world.said, &mut input);
                world.hear(&frame);
            }
        }
    }
    world.side = None;
    world.power_cut();
    stage::expect_typed(&world.phone);
}

impl<S: Side> World<S> {
    fn hear(&mut self, frame: &[u8]) {
        let Some(side) = &mut self.side else { return };
        if !side.wants_input() {
            return self.poll();
        }
        let heard = side.handle(frame);
        self.poll();
        let Err(error) = heard else { return };
        assert!(!matches!(error, ReplicaError::Store(_)), "the phone fails: {error:?}");
        let ended = self.side.as_ref().is_none_or(S::is_over);
        assert!(ended, "an exchange goes on after {error}");
    }

    fn poll(&mut self) {
        let Some(side) = &mut self.side else { return };
        for _ in 0..FRAMES_MAX {
            match side.poll(self.now) {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => {
                    assert!(!matches!(error, ReplicaError::Store(_)), "the phone fails: {error:?}");
                    // Whoever drives it ends the exchange.
                    self.side = None;
                    return;
                }
            }
        }
        panic!("the phone does not end talking");
    }

    fn power_cut(&mut self) {
        use bienban_core::store::Store as _;
        self.side = None;
        self.store.power_cut(true).expect("a phone's store opens again");
        self.phone = fleet::phone_over(self.store.clone(), HONEST);
        assert_eq!(self.store.verify().unwrap().problems, Vec::<String>::new());
    }
}
