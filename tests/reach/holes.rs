//! A record of the journal is lost for good, its copy in the index too: whatever it held comes back
//! with the next contact, on a phone and on the hub alike.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, iter};

use bienban_core::model::{Genesis, NoteEdit, TemplateId};
use bienban_core::replica::{Hub, HubOptions, Phone, Projection, StoredTree};
use bienban_core::store::{DiskStore, Options, Position, Store};
use bienban_core::sync::{Fingerprint, ItemTree, Prefix};
use bienban_core::trust::DeviceKey;
use bienban_tests::fleet::{self, NOW, SHORT};
use tempfile::TempDir;

/// Exchanges of one phone that may follow at once, before they count as a loop.
const AGAIN_MAX: usize = 6;

const ITEMS: [&str; 4] = ["1.1", "1.2", "2.1", "2.2"];

fn store(dir: &Path) -> Arc<DiskStore> {
    Arc::new(DiskStore::open(dir, Arc::new(Projection), Options::at(NOW.0)).unwrap())
}

fn phone_at(dir: &Path) -> Arc<Phone> {
    fleet::phone_over(store(dir), 2)
}

/// Opens a hub that was damaged as an administrator would leave it: it knows devices and checklist, and
/// has merged what waited.
fn hub_at(dir: &Path, life: u8) -> (Arc<Hub>, TemplateId) {
    let options = HubOptions { fresh_epoch: [life; 16], now: NOW };
    let hub = Hub::open(store(dir), DeviceKey::from_seed(&fleet::HUB_SEED), options).unwrap();
    let template = hub.publish(SHORT.to_vec()).unwrap();
    for number in 1..=2 {
        hub.trust(fleet::entry(number)).unwrap();
    }
    hub.merge_all(NOW).unwrap();
    (Arc::new(hub), template)
}

pub(crate) fn settle(phone: &Arc<Phone>, hub: &Arc<Hub>) {
    for _ in 0..AGAIN_MAX {
        if !fleet::exchange(phone, hub).1.again {
            return;
        }
    }
    panic!("a phone does not come to rest");
}

fn edit(phone: &Phone, genesis: &Genesis, item: usize, value: &str) {
    phone
        .edit(genesis, NOW, |editor| editor.answer(ITEMS[item], fleet::answer(value)))
        .unwrap_or_else(|error| panic!("{value}: {error}"));
    let note = NoteEdit::Append(format!("[{value}]"));
    phone.edit(genesis, NOW, |editor| editor.note(ITEMS[item], note)).unwrap();
}

/// Two phones write into two visits in turn, and all exchange, so that each record holds a part of
/// several lines.
pub(crate) fn day(phones: [&Arc<Phone>; 2], hub: &Arc<Hub>, template: TemplateId) {
    for phone in phones {
        settle(phone, hub);
    }
    for round in 0..3 {
        for (at, phone) in phones.into_iter().enumerate() {
            for number in 1..=2 {
                let value = format!("phone-{at} visit-{number} round-{round}");
                edit(phone, &fleet::visit(template, number), 2 * at + round % 2, &value);
            }
            settle(phone, hub);
        }
    }
    settle(phones[0], hub);
}

fn root(store: &dyn Store) -> Fingerprint {
    StoredTree::new(store).node(&Prefix::ROOT).unwrap().fingerprint()
}

pub(crate) fn check(phones: [&Arc<Phone>; 2], hub: &Arc<Hub>, template: TemplateId, context: &str) {
    check_said(6, phones, hub, template, context);
}

/// As [`check`], where so many answers were given in each visit.
pub(crate) fn check_said(
    answers: usize,
    phones: [&Arc<Phone>; 2],
    hub: &Arc<Hub>,
    template: TemplateId,
    context: &str,
) {
    for number in 1..=2 {
        let id = fleet::visit(template, number).document();
        let at_hub = hub.replica().load(id).unwrap();
        let view = at_hub.view();
        let said: usize = ITEMS.iter().map(|item| view.history(item).len()).sum();
        assert_eq!(said, answers, "{context}: every answer is in the record");
        for phone in phones {
            let here = phone.replica().load(id).unwrap_or_else(|e| panic!("{context}: {e}"));
            assert_eq!(here.heads(), at_hub.heads(), "{context}");
            assert_eq!(here.view().record().digest(), view.record().digest(), "{context}");
        }
    }
    for phone in phones {
        assert_eq!(phone.fingerprint().unwrap(), root(&**hub.replica().store()), "{context}");
        assert_eq!(phone.only_here().unwrap(), [], "{context}");
        let verified = phone.replica().store().verify().unwrap();
        assert_eq!(verified.problems, Vec::<String>::new(), "{context}");
    }
    let verified = hub.replica().store().verify().unwrap();
    assert_eq!(verified.problems, Vec::<String>::new(), "{context}");
    let status = hub.status().unwrap();
    assert_eq!((status.pending, status.waiting), (0, 0), "{context}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()).collect()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in files(from) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// A copy of a closed store without its index, in which a byte of some records is flipped.
pub(crate) fn damaged(dir: &Path, payloads: &[Vec<u8>]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copied = folder.path().join("store");
    copy(dir, &copied);
    fs::remove_dir_all(copied.join("index")).unwrap();
    for payload in payloads {
        let hit = files(&copied.join("journal")).into_iter().any(|path| {
            let mut bytes = fs::read(&path).unwrap();
            let found = bytes.windows(payload.len()).position(|window| window == payload);
            let Some(at) = found else { return false };
            bytes[at + payload.len() / 2] ^= 4;
            fs::write(&path, bytes).unwrap();
            true
        });
        assert!(hit, "the record is in the journal");
    }
    (folder, copied)
}

/// What the journal of a closed store holds, by position.
fn payloads(dir: &Path) -> Vec<Vec<u8>> {
    let store = store(dir);
    let positions = 1..=store.position().0;
    positions.map(|at| store.record(Position(at)).unwrap().unwrap().payload).collect()
}

/// Each record alone, and each together with the one behind it.
pub(crate) fn losses(all: &[Vec<u8>]) -> impl Iterator<Item = (String, &[Vec<u8>])> {
    let pairs = all.windows(2).enumerate();
    let single = all.chunks(1).enumerate().map(|(at, lost)| (format!("record {}", at + 1), lost));
    single.chain(pairs.map(|(at, lost)| (format!("records {} and {}", at + 1, at + 2), lost)))
}

#[test]
fn whatever_record_a_phone_loses_the_next_sync_brings_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("phone");
    let (hub, template) = fleet::hub(SHORT, 2);
    let (one, two) = (fleet::phone(1), phone_at(&dir));
    day([&one, &two], &hub, template);
    check([&one, &two], &hub, template, "before");
    drop(two);
    for (context, lost) in losses(&payloads(&dir)) {
        let (_folder, dir) = damaged(&dir, lost);
        let two = phone_at(&dir);
        assert!(!two.replica().store().opened().lost.is_empty(), "{context}");
        settle(&two, &hub);
        settle(&one, &hub);
        check([&one, &two], &hub, template, &context);
        // It goes on as any phone, and the next opening has nothing to say.
        let arrived = |number| two.arrival(fleet::visit(template, number).document()).unwrap();
        for arrival in [arrived(1), arrived(2)] {
            assert_eq!(arrival.only_here, 0, "{context}: {arrival:?}");
        }
        let idle = fleet::exchange(&two, &hub).1;
        assert_eq!((idle.received, idle.sent, idle.again), (0, 0, false), "{context}");
    }
}

#[test]
fn whatever_record_the_hub_loses_phones_bring_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("hub");
    let (one, two) = (fleet::phone(1), fleet::phone(2));
    let (hub, template) = hub_at(&dir, 9);
    day([&one, &two], &hub, template);
    check([&one, &two], &hub, template, "before");
    drop(hub);
    let all = payloads(&dir);
    for (life, (context, lost)) in iter::zip(10.., losses(&all)) {
        let (_folder, dir) = damaged(&dir, lost);
        let (hub, _) = hub_at(&dir, life);
        for phone in [&one, &two, &one, &two] {
            settle(phone, &hub);
        }
        check([&one, &two], &hub, template, &context);
        // A phone that holds nothing gets all of it.
        let late = fleet::phone(2);
        settle(&late, &hub);
        check([&one, &late], &hub, template, &context);
    }
}
