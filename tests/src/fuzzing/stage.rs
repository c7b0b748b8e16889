//! What sessions are fuzzed on: a hub, an honest phone and a hostile one, made once and copied for each input.
//!
//! Everything in it is the same in every run, so that an input replays.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};

use bienban_core::model::{
    Actor, DeviceId, Document, Genesis, Incarnation, RawChange, Scope, Shape, TemplateId,
};
use bienban_core::replica::{
    Hub, InProcess, Meeting, MeetingOptions, MergeJob, MergeWork, Merger, MergerError, Phone,
    Projection, SealJob, SealWork,
};
use bienban_core::store::{MemoryDisk, MemoryStore};
use bienban_core::sync::{DeviceEntry, FRAME_VERSION, Frame, Pack, PlainEntry};
use bienban_core::trust::DeviceKey;
use sha2::{Digest as _, Sha256};

use crate::fleet::{self, NOW, SHORT, Way};

/// The honest phone.
pub const HONEST: u8 = 1;
/// A device with the rights of an inspector in the same unit, that does as it likes.
pub const HOSTILE: u8 = 2;
/// One with rights in another unit only.
pub const ELSEWHERE: u8 = 3;

/// What the honest phone typed and the hub does not have yet.
pub const TYPED: &str = "của máy một, chưa gửi";

/// Frames of one meeting, after which it hangs.
const MEETING_FRAMES_MAX: usize = 500;

/// What each input begins from.
pub struct Stage {
    /// The checklist.
    pub template: TemplateId,
    /// Its items.
    pub shape: Shape,
    /// Two inspections in which the honest phone wrote.
    pub visits: [Genesis; 2],
    /// The hub's disk: it has both, and knows the three devices.
    pub hub: MemoryDisk,
    /// The honest phone's disk; one answer waits there.
    pub honest: MemoryDisk,
    /// The hostile device's disk, as an honest program would have left it; some answers wait there.
    pub hostile: MemoryDisk,
    /// The first inspection as the hub has it.
    pub document: Document,
    /// Changes of the hostile device in the first inspection, in order.
    pub changes: Vec<RawChange>,
    /// What the hostile device says to the hub where it is honest, not compressed.
    pub up: Vec<Vec<u8>>,
    /// What the hub says to the honest phone, not compressed.
    pub down: Vec<Vec<u8>>,
    /// What the hostile device says to the honest phone where they meet, not compressed.
    pub met: Vec<Vec<u8>>,
    /// The packs that the hostile device pushes.
    pub packs: Vec<Vec<u8>>,
    /// A job that the hub has for who merges.
    pub job: Vec<u8>,
}

/// Returns the stage; it is made at the first call.
///
/// # Panics
///
/// When honest replicas fail.
#[must_use]
pub fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(make)
}

/// Returns a device's key.
#[must_use]
pub fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&fleet::phone_seed(number))
}

/// Opens a store on a copy of a disk; nothing gives the copy away.
#[must_use]
pub fn store_on(disk: &MemoryDisk) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::open(&disk.copy_unnoticed(), Arc::new(Projection)).unwrap())
}

/// Opens the hub on a copy of its disk.
#[must_use]
pub fn hub() -> (Arc<Hub>, Arc<MemoryStore>) {
    let store = store_on(&stage().hub);
    (fleet::hub_over(store.clone()), store)
}

/// Opens the honest phone on a copy of its disk.
#[must_use]
pub fn honest() -> (Arc<Phone>, Arc<MemoryStore>) {
    let store = store_on(&stage().honest);
    (fleet::phone_over(store.clone(), HONEST), store)
}

/// Returns the texts of all answers in a document, sorted.
#[must_use]
pub fn answers(document: &Document) -> Vec<String> {
    let view = document.view();
    let said = document.shape().items().iter().flat_map(|item| view.history(item));
    let mut texts: Vec<String> = said.filter_map(|said| said.value.value.clone()).collect();
    texts.sort();
    texts
}

/// Returns a frame's bytes with its payload as it is: behind zstd few mutations get through.
#[must_use]
pub fn plain(frame: &Frame) -> Vec<u8> {
    postcard::to_extend(frame, vec![FRAME_VERSION, 0]).unwrap()
}

/// Returns a chunk of Automerge with the checksum that its content should have, and the length.
#[must_use]
pub fn rehashed(chunk: &[u8]) -> Vec<u8> {
    const BEFORE: usize = 8;
    let mut at = BEFORE + 1;
    while chunk.get(at).is_some_and(|byte| byte & 0x80 != 0) && at < BEFORE + 10 {
        at += 1;
    }
    let body = chunk.get(at + 1..).unwrap_or_default();
    let mut hashed = vec![chunk.get(BEFORE).copied().unwrap_or(1)];
    let mut length = body.len();
    loop {
        let byte = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        hashed.push(if length == 0 { byte } else { byte | 0x80 });
        if length == 0 {
            break;
        }
    }
    hashed.extend_from_slice(body);
    let magic = [0x85, 0x6f, 0x4a, 0x83];
    [&magic[..], &Sha256::digest(&hashed)[..4], &hashed].concat()
}

/// Returns what the hub is told of a device.
fn entry(number: u8) -> PlainEntry {
    let mut entry = fleet::entry(number);
    if number == ELSEWHERE {
        let other: Scope = "06337".parse().unwrap();
        entry.scopes = vec![other];
    }
    entry
}

struct Made {
    hub: Arc<Hub>,
    hub_store: Arc<MemoryStore>,
    phones: [(Arc<Phone>, Arc<MemoryStore>); 2],
}

fn replicas() -> (Made, TemplateId) {
    let fresh = || Arc::new(MemoryStore::new(Arc::new(Projection)));
    let hub_store = fresh();
    let hub = fleet::hub_over(hub_store.clone());
    let template = hub.publish(SHORT.to_vec()).unwrap();
    for number in [HONEST, HOSTILE, ELSEWHERE] {
        hub.trust(entry(number)).unwrap();
    }
    let phones = [HONEST, HOSTILE].map(|number| {
        let store = fresh();
        (fleet::phone_over(store.clone(), number), store)
    });
    (Made { hub, hub_store, phones }, template)
}

/// Keeps the jobs that it is given.
#[derive(Default)]
struct Listening(Mutex<Vec<Vec<u8>>>);

impl Merger for Listening {
    fn merge(&self, job: &MergeJob) -> Result<MergeWork, MergerError> {
        self.0.lock().unwrap().push(job.encode()?);
        InProcess.merge(job)
    }

    fn hold(&self, job: &SealJob) -> Result<SealWork, MergerError> {
        InProcess.hold(job)
    }
}

fn make() -> Stage {
    let (made, template) = replicas();
    let Made { hub, hub_store, phones: [(one, one_store), (two, two_store)] } = &made;
    let visits = [0, 1].map(|number| fleet::visit(template, number));
    let _ = fleet::fill_answers(one, SHORT, 0..2, 2);
    for phone in [one, two, one, two] {
        drop(fleet::exchange(phone, hub));
    }
    let document = hub.replica().load(visits[0].document()).unwrap();
    let shape = document.shape().clone();
    let item = |at: usize| shape.items()[at % shape.items().len()].clone();
    let mut changes = Vec::new();
    let mut apart = document.clone();
    let actor = Actor::derive(two.device(), document.id(), Incarnation([HOSTILE; 16]));
    for number in 0..4 {
        let said = fleet::answer(&format!("của máy hai {number}"));
        let edited = apart.edit(actor, NOW, |edit| edit.answer(&item(number), said.clone()));
        changes.extend(edited.unwrap().1);
        two.edit(&visits[number % 2], NOW, |edit| edit.answer(&item(number), said)).unwrap();
    }
    one.edit(&visits[0], NOW, |edit| edit.answer(&item(1), fleet::answer(TYPED))).unwrap();
    let disks = [hub_store, one_store, two_store].map(|store| store.disk().copy_unnoticed());
    let met = meeting(one, two);
    // From here on the disks above are what inputs begin from.
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let listening = Arc::new(Listening::default());
    hub.merge_by(listening.clone()).unwrap();
    drop(fleet::exchange_heard(two, hub, NOW, &mut |way, frame| {
        if way == Way::Up {
            up.push(plain(frame));
        }
    }));
    drop(fleet::exchange_heard(one, hub, NOW, &mut |way, frame| {
        if way == Way::Down {
            down.push(plain(frame));
        }
    }));
    let packs = up.iter().filter_map(|frame| match Frame::decode(frame) {
        Ok(Frame::Push { packs }) => Some(packs),
        _ => None,
    });
    let job = listening.0.lock().unwrap().pop().unwrap();
    let [hub, honest, hostile] = disks;
    Stage {
        template,
        shape,
        visits,
        hub,
        honest,
        hostile,
        document,
        changes,
        packs: packs.flatten().collect(),
        up,
        down,
        met,
        job,
    }
}

/// Returns what is known of a device where two phones meet.
#[must_use]
pub fn peer(number: u8) -> DeviceEntry {
    DeviceEntry::from(entry(number))
}

/// Returns the hub's key.
#[must_use]
pub fn hub_key() -> DeviceKey {
    DeviceKey::from_seed(&fleet::HUB_SEED)
}

/// Fails unless the honest phone still has what was typed there: in the record, or listed as refused.
///
/// # Panics
///
/// When it is gone.
pub fn expect_typed(phone: &Phone) {
    let replica = phone.replica();
    let document = replica.load(stage().visits[0].document()).unwrap();
    if answers(&document).iter().any(|text| text == TYPED) {
        return;
    }
    let rejected = phone.rejected().unwrap();
    let listed = rejected.iter().any(|edit| format!("{edit:?}").contains(TYPED));
    assert!(listed, "what was typed on the honest phone is gone: {rejected:?}");
}

/// Returns the device of a number.
#[must_use]
pub fn device(number: u8) -> DeviceId {
    key(number).device()
}

/// Lets the phones meet; returns what the second said.
fn meeting(one: &Arc<Phone>, two: &Arc<Phone>) -> Vec<Vec<u8>> {
    let start = |phone: &Arc<Phone>, other, opens| {
        let options = MeetingOptions { peer: peer(other), opens };
        Meeting::start(phone.clone(), options, Box::new(|| [8; 16]), NOW).unwrap()
    };
    let (mut here, mut there) = (start(one, HOSTILE, false), start(two, HONEST, true));
    let (mut said, mut up, mut down) = (Vec::new(), VecDeque::new(), VecDeque::new());
    for _ in 0..MEETING_FRAMES_MAX {
        while let Some(frame) = there.poll_frame(NOW).unwrap() {
            said.push(plain(&Frame::decode(&frame).unwrap()));
            up.push_back(frame);
        }
        if here.wants_input()
            && let Some(frame) = up.pop_front()
        {
            here.handle(&frame).unwrap();
        }
        while let Some(frame) = here.poll_frame(NOW).unwrap() {
            down.push_back(frame);
        }
        if there.wants_input()
            && let Some(frame) = down.pop_front()
        {
            there.handle(&frame).unwrap();
        }
        if here.outcome().is_some() && there.outcome().is_some() {
            return said;
        }
    }
    panic!("the meeting hangs");
}

/// Returns a pack of a change by the hostile device, signed as it should be; nothing where no pack holds it.
#[must_use]
pub fn sealed(visit: &Genesis, change: RawChange) -> Option<Vec<u8>> {
    let life = Incarnation([HOSTILE; 16]);
    let pack = Pack::seal(&key(HOSTILE), visit.clone(), life, None, vec![change]);
    pack.ok().map(|pack| pack.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_holds_what_inputs_are_made_of() {
        let stage = stage();
        assert!(stage.up.len() >= 3 && stage.down.len() >= 3 && stage.met.len() >= 3);
        assert!(!stage.packs.is_empty() && stage.changes.len() == 4);
        for change in &stage.changes {
            assert_eq!(rehashed(change.bytes()), change.bytes());
        }
        let (phone, _) = honest();
        let here = phone.replica().load(stage.visits[0].document()).unwrap();
        assert!(answers(&here).contains(&TYPED.to_owned()));
        assert!(!answers(&stage.document).contains(&TYPED.to_owned()));
    }
}
