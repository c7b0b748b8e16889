//! One simulated machine: a replica over a store in memory that loses what was not synced.

use std::collections::VecDeque;
use std::sync::Arc;

use bienban_core::model::{DeviceId, Incarnation, Timestamp};
use bienban_core::replica::{
    Hub, HubOptions, HubRunner, Phone, PhoneRunner, Projection, ReplicaError,
};
use bienban_core::store::{MemoryDisk, MemoryStore};
use bienban_core::sync::Frame;
use bienban_core::trust::DeviceKey;
use bienban_core::trust::seal::SealId;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// What a phone's user was told is safe, by its unique token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) token: String,
    pub(crate) visit: usize,
    pub(crate) what: What,
}

/// Where a token must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Answer,
    Note,
    Finding,
}

/// Frames under way in one exchange.
pub(crate) struct Exchange {
    pub(crate) phone: PhoneRunner,
    pub(crate) hub: HubRunner,
    pub(crate) up: VecDeque<Vec<u8>>,
    pub(crate) down: VecDeque<Vec<u8>>,
    /// What the hub sends comes in frames of one entry each, as it does where entries are large.
    pub(crate) small: bool,
}

/// Parts the entries of a frame; the position belongs to the last.
fn parted(frame: Vec<u8>) -> Vec<Vec<u8>> {
    let Ok(Frame::Items { items, position }) = Frame::decode(&frame) else { return vec![frame] };
    let count = items.len();
    if count < 2 {
        return vec![frame];
    }
    let part = |(at, item)| {
        let position = position.filter(|_| at + 1 == count);
        Frame::Items { items: vec![item], position }.encode().unwrap()
    };
    items.into_iter().enumerate().map(part).collect()
}

impl Exchange {
    /// Delivers the next frame to the hub, or lets the phone work. Returns whether anything was done.
    pub(crate) fn step_hub(&mut self, now: Timestamp) -> Result<bool, ReplicaError> {
        if let Some(frame) = self.phone.poll_frame(now)? {
            self.up.push_back(frame);
            return Ok(true);
        }
        if !self.hub.wants_input() {
            return Ok(false);
        }
        let Some(frame) = self.up.pop_front() else { return Ok(false) };
        self.hub.handle(&frame).map(|()| true)
    }

    /// Delivers the next frame to the phone, or lets the hub work. Returns whether anything was done.
    pub(crate) fn step_phone(&mut self, now: Timestamp) -> Result<bool, ReplicaError> {
        if let Some(frame) = self.hub.poll_frame(now)? {
            self.down.extend(if self.small { parted(frame) } else { vec![frame] });
            return Ok(true);
        }
        if !self.phone.wants_input() {
            return Ok(false);
        }
        let Some(frame) = self.down.pop_front() else { return Ok(false) };
        self.phone.handle(&frame).map(|()| true)
    }
}

pub(crate) struct PhoneNode {
    pub(crate) name: String,
    pub(crate) seed: [u8; 32],
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) phone: Arc<Phone>,
    pub(crate) exchange: Option<Exchange>,
    /// Milliseconds by which this phone's clock is wrong.
    pub(crate) skew: i64,
    pub(crate) said: Vec<Said>,
    /// Seals that were signed here: after how many edits, of which visit.
    pub(crate) sealed: Vec<(usize, usize, SealId)>,
    pub(crate) backup: Option<(MemoryDisk, usize)>,
    /// First flights of earlier exchanges, which the network may repeat.
    pub(crate) flights: Vec<Vec<Vec<u8>>>,
}

impl PhoneNode {
    pub(crate) fn new(name: String, number: u8, rng: &mut SmallRng) -> Self {
        let seed = [number; 32];
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        let phone = open(&store, seed, rng);
        Self {
            name,
            seed,
            store,
            phone,
            exchange: None,
            skew: 0,
            said: Vec::new(),
            sealed: Vec::new(),
            backup: None,
            flights: Vec::new(),
        }
    }

    pub(crate) fn device(&self) -> DeviceId {
        DeviceKey::from_seed(&self.seed).device()
    }

    /// Starts the app anew on what its disk holds.
    pub(crate) fn reopen(&mut self, rng: &mut SmallRng) {
        self.exchange = None;
        self.phone = open(&self.store, self.seed, rng);
    }

    /// Puts an image in the place of the disk.
    pub(crate) fn restore(&mut self, image: &MemoryDisk, moved: bool, rng: &mut SmallRng) {
        let disk = if moved { image.copy() } else { image.copy_unnoticed() };
        self.store = Arc::new(MemoryStore::open(&disk, Arc::new(Projection)).unwrap());
        self.reopen(rng);
    }
}

fn open(store: &Arc<MemoryStore>, seed: [u8; 32], rng: &mut SmallRng) -> Arc<Phone> {
    let fresh = Incarnation(rng.random());
    let key = DeviceKey::from_seed(&seed);
    Arc::new(Phone::open(store.clone(), key, fresh, Timestamp(0)).unwrap())
}

pub(crate) struct HubNode {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) hub: Arc<Hub>,
    /// A session or a merge met a store that failed, as the driver notes it for the merge worker.
    pub(crate) failed: bool,
}

impl HubNode {
    pub(crate) fn new(rng: &mut SmallRng) -> Self {
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        let hub = open_hub(&store, rng);
        Self { store, hub, failed: false }
    }

    pub(crate) fn reopen(&mut self, rng: &mut SmallRng) {
        self.hub = open_hub(&self.store, rng);
    }

    pub(crate) fn restore(&mut self, image: &MemoryDisk, rng: &mut SmallRng) {
        self.store = Arc::new(MemoryStore::open(&image.copy(), Arc::new(Projection)).unwrap());
        self.reopen(rng);
    }
}

fn open_hub(store: &Arc<MemoryStore>, rng: &mut SmallRng) -> Arc<Hub> {
    let options = HubOptions { fresh_epoch: rng.random(), now: Timestamp(0) };
    Arc::new(Hub::open(store.clone(), DeviceKey::from_seed(&[255; 32]), options).unwrap())
}

/// A source of random bytes that a seed decides.
pub(crate) fn entropy(rng: &mut SmallRng) -> Box<dyn FnMut() -> [u8; 16] + Send> {
    let mut own = SmallRng::from_rng(rng);
    Box::new(move || own.random())
}
