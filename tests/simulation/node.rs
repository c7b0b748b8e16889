//! One simulated machine: a replica over a store in memory that loses what was not synced.

use std::sync::Arc;

use bienban_core::model::{DeviceId, Incarnation, Scope, Timestamp};
use bienban_core::replica::{
    Hub, HubOptions, HubRunner, Phone, PhoneRunner, Projection, ReplicaError,
};
use bienban_core::store::{MemoryDisk, MemoryStore, Store};
use bienban_core::sync::{Frame, PlainEntry, Role};
use bienban_core::trust::DeviceKey;
use bienban_core::trust::seal::SealId;
use bienban_tests::overheard::Overheard;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::wire::Wire;

/// What must become of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its author was told that it is safe: it is in the record, once.
    Must,
    /// It is there once or not at all: nobody was told, or what held it is gone.
    May,
    /// It must not be there.
    Never,
}

/// What a phone's user typed, by its unique token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) token: String,
    pub(crate) visit: usize,
    pub(crate) what: What,
    pub(crate) fate: Fate,
    /// Its author never had the right.
    pub(crate) trespass: bool,
    /// It was made after the hub had ended its device's rights.
    pub(crate) after_the_end: bool,
}

/// Where a token must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Answer,
    Note,
    Finding,
}

/// One exchange with the hub.
pub(crate) struct Exchange {
    pub(crate) phone: PhoneRunner,
    pub(crate) hub: HubRunner,
    pub(crate) up: Wire,
    pub(crate) down: Wire,
    /// What the hub sends comes in frames of one entry each, as it does where entries are large.
    pub(crate) small: bool,
    pub(crate) overheard: Overheard,
    /// By how much the phone's clock was ahead of the hub's when it began.
    pub(crate) ahead_ms: i64,
}

/// Parts the entries of a frame; the position belongs to the last.
fn parted(frame: &[u8], read: Frame) -> Vec<Vec<u8>> {
    let Frame::Items { items, position } = read else { return vec![frame.to_vec()] };
    let count = items.len();
    if count < 2 {
        return vec![frame.to_vec()];
    }
    let part = |(at, item)| {
        let position = position.filter(|_| at + 1 == count);
        Frame::Items { items: vec![item], position }.encode().unwrap()
    };
    items.into_iter().enumerate().map(part).collect()
}

impl Exchange {
    /// Lets the phone work, and hand a frame over if the link has room. Returns what it said.
    pub(crate) fn phone_speaks(
        &mut self,
        now: Timestamp,
        due: i64,
    ) -> Result<Option<Frame>, ReplicaError> {
        self.up.fill(due);
        if !self.up.has_room() {
            return Ok(None);
        }
        let Some(frame) = self.phone.poll_frame(now)? else { return Ok(None) };
        self.up.send(&frame, due);
        Ok(Some(self.overheard.phone(&frame).expect("a phone says frames")))
    }

    /// As [`Exchange::phone_speaks`], of the hub.
    pub(crate) fn hub_speaks(
        &mut self,
        now: Timestamp,
        due: i64,
    ) -> Result<Option<Frame>, ReplicaError> {
        self.down.fill(due);
        if !self.down.has_room() {
            return Ok(None);
        }
        let Some(frame) = self.hub.poll_frame(now)? else { return Ok(None) };
        let read = self.overheard.hub(&frame).expect("a hub says frames");
        if self.small {
            parted(&frame, read.clone()).iter().for_each(|part| self.down.send(part, due));
        } else {
            self.down.send(&frame, due);
        }
        Ok(Some(read))
    }

    /// Gives the phone the next frame that has come whole. Returns whether there was one.
    pub(crate) fn phone_hears(&mut self) -> Result<bool, ReplicaError> {
        if !self.phone.wants_input() {
            return Ok(false);
        }
        let Some(frame) = self.down.take_frame() else { return Ok(false) };
        self.phone.handle(&frame).map(|()| true)
    }

    /// As [`Exchange::phone_hears`], of the hub.
    pub(crate) fn hub_hears(&mut self) -> Result<bool, ReplicaError> {
        if !self.hub.wants_input() {
            return Ok(false);
        }
        let Some(frame) = self.up.take_frame() else { return Ok(false) };
        self.hub.handle(&frame).map(|()| true)
    }
}

/// A phone's clock, beside the true one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// So many milliseconds off.
    Off(i64),
    /// It stands still.
    Stopped(i64),
}

pub(crate) struct PhoneNode {
    pub(crate) name: String,
    pub(crate) number: u8,
    pub(crate) role: Role,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) phone: Arc<Phone>,
    pub(crate) exchange: Option<Exchange>,
    pub(crate) clock: Clock,
    pub(crate) said: Vec<Said>,
    /// Seals that were signed here: after how many edits, of which visit.
    pub(crate) sealed: Vec<(usize, usize, SealId)>,
    pub(crate) backup: Option<(MemoryDisk, usize)>,
    /// First flights of earlier exchanges, which the network may repeat.
    pub(crate) flights: Vec<Vec<Vec<u8>>>,
    /// Its disk has no room.
    pub(crate) full: bool,
    /// Its disk takes long for each write.
    pub(crate) slow: bool,
    /// Until when it waits for its disk.
    pub(crate) busy_until: i64,
}

impl PhoneNode {
    pub(crate) fn new(number: u8, (role, scopes): (Role, Vec<Scope>), rng: &mut SmallRng) -> Self {
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        let phone = open(&store, number, rng);
        Self {
            name: format!("phone-{number}"),
            number,
            role,
            scopes,
            store,
            phone,
            exchange: None,
            clock: Clock::Off(0),
            said: Vec::new(),
            sealed: Vec::new(),
            backup: None,
            flights: Vec::new(),
            full: false,
            slow: false,
            busy_until: 0,
        }
    }

    /// The same device once more, over a copy of its disk.
    pub(crate) fn cloned(&self, name: String, moved: bool, rng: &mut SmallRng) -> Self {
        let mut node = Self::new(self.number, (self.role, self.scopes.clone()), rng);
        node.name = name;
        node.restore(&self.store.disk(), moved, rng);
        node
    }

    pub(crate) fn device(&self) -> DeviceId {
        key(self.number).device()
    }

    pub(crate) fn reads(&self, scope: &Scope) -> bool {
        self.scopes.contains(scope)
    }

    /// As an administrator names it.
    pub(crate) fn entry(&self) -> PlainEntry {
        entry(self.number, self.role, self.scopes.clone())
    }

    /// Starts the app anew on what its disk holds.
    pub(crate) fn reopen(&mut self, rng: &mut SmallRng) {
        self.exchange = None;
        self.phone = open(&self.store, self.number, rng);
    }

    /// Puts an image in the place of the disk.
    pub(crate) fn restore(&mut self, image: &MemoryDisk, moved: bool, rng: &mut SmallRng) {
        let disk = if moved { image.copy() } else { image.copy_unnoticed() };
        self.store = Arc::new(MemoryStore::open(&disk, Arc::new(Projection)).unwrap());
        self.slow = false;
        self.reopen(rng);
    }

    /// Returns how many records its journal has.
    pub(crate) fn records(&self) -> u64 {
        self.store.position().0
    }
}

/// A device as an administrator names it.
pub(crate) fn entry(number: u8, role: Role, scopes: Vec<Scope>) -> PlainEntry {
    PlainEntry {
        device: key(number).device(),
        name: format!("Máy {number}"),
        agency: "Trạm Y tế".to_owned(),
        role,
        scopes,
        active: true,
    }
}

pub(crate) fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&[number; 32])
}

fn open(store: &Arc<MemoryStore>, number: u8, rng: &mut SmallRng) -> Arc<Phone> {
    let fresh = Incarnation(rng.random());
    Arc::new(Phone::open(store.clone(), key(number), fresh, Timestamp(0)).unwrap())
}

/// The number of the hub's key.
const HUB: u8 = 255;

pub(crate) struct HubNode {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) hub: Arc<Hub>,
    /// A session or a merge met a store that failed, as the driver notes it for the merge worker.
    pub(crate) failed: bool,
    pub(crate) full: bool,
    pub(crate) slow: bool,
    pub(crate) busy_until: i64,
}

impl HubNode {
    pub(crate) fn new(rng: &mut SmallRng) -> Self {
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        let hub = open_hub(&store, rng);
        Self { store, hub, failed: false, full: false, slow: false, busy_until: 0 }
    }

    pub(crate) fn reopen(&mut self, rng: &mut SmallRng) {
        self.hub = open_hub(&self.store, rng);
        self.failed = false;
    }

    /// Puts a copy in the place of the disk. Where nothing about it shows that, its operator says so.
    pub(crate) fn restore(&mut self, image: &MemoryDisk, shows: bool, rng: &mut SmallRng) {
        let disk = if shows { image.copy() } else { image.copy_unnoticed() };
        self.store = Arc::new(MemoryStore::open(&disk, Arc::new(Projection)).unwrap());
        self.reopen(rng);
        if !shows {
            self.hub.restored(options(rng)).unwrap();
        }
    }
}

fn options(rng: &mut SmallRng) -> HubOptions {
    HubOptions { fresh_epoch: rng.random(), now: Timestamp(0) }
}

fn open_hub(store: &Arc<MemoryStore>, rng: &mut SmallRng) -> Arc<Hub> {
    Arc::new(Hub::open(store.clone(), key(HUB), options(rng)).unwrap())
}

/// A source of random bytes that a seed decides.
pub(crate) fn entropy(rng: &mut SmallRng) -> Box<dyn FnMut() -> [u8; 16] + Send> {
    let mut own = SmallRng::from_rng(rng);
    Box::new(move || own.random())
}
