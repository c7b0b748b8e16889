use super::super::meeting::{Side, entry, hub, key, side, sync_at, values, visit};
use super::*;
use crate::model::{ChangeHash, Genesis, PersonId, Timestamp};
use crate::replica::{Hub, Phone};
use crate::sync::{PackHeader, PlainEntry, Role, Verdict};
use crate::trust::DeviceKey;
use crate::trust::bundle::{Head, LETTERS_MAX, PARTS, begin};
use crate::trust::control::{Act, Deed};
use std::sync::Arc;

mod lacking;
mod stored;
mod withheld;

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn later(steps: i64) -> Timestamp {
    Timestamp(NOW.0 + steps)
}

/// Random bytes that never repeat within a test.
fn entropy() -> impl FnMut() -> [u8; 32] {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    || {
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        *blake3::hash(&count.to_le_bytes()).as_bytes()
    }
}

fn to(number: u8) -> Receiver {
    Receiver::Device(entry(number, "06325").into())
}

fn to_hub() -> Receiver {
    Receiver::Hub(key(99).device())
}

fn try_export(side: &Side, to: &[Receiver], all: bool) -> Result<Vec<u8>, ReplicaError> {
    let mut file = Vec::new();
    side.phone.write_bundle(&mut file, to, all, &mut entropy(), later(1)).map(|_| file)
}

fn export(side: &Side, to: &[Receiver]) -> Vec<u8> {
    try_export(side, to, false).unwrap()
}

fn import(side: &Side, file: &[u8]) -> Result<BundleTaken, ReplicaError> {
    let pinned = Some(key(99).device());
    side.phone.take_bundle(&mut || Ok(file), pinned, &mut entropy(), later(2))
}

fn at_hub(hub: &Arc<Hub>, file: &[u8]) -> Result<(BundleAnswered, Vec<u8>), ReplicaError> {
    let mut answer = Vec::new();
    let taken = hub.take_bundle(&mut || Ok(file), &mut answer, &mut entropy(), later(3))?;
    Ok((taken, answer))
}

/// Two phones that know each other and an inspection, and their hub.
fn team() -> (Arc<Hub>, Side, Side, Genesis) {
    let hub = hub(&[1, 2]);
    let (a, b) = (side(1), side(2));
    let genesis = visit("06325", 1);
    for side in [&a, &b] {
        sync_at(side, &hub, NOW);
    }
    (hub, a, b, genesis)
}

fn stored(phone: &Phone, genesis: &Genesis) -> (u64, u64, u64) {
    let arrival = phone.arrival(genesis.document()).unwrap();
    (arrival.stored, arrival.merged, arrival.only_here)
}

#[test]
fn a_circle_by_files_alone_brings_all_edits_and_the_hub_s_word_to_everyone() {
    let (hub, a, b, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    let from_a = export(&a, &[to(2)]);
    assert_eq!(stored(&a.phone, &genesis), (0, 0, 1));
    let taken = import(&b, &from_a).unwrap();
    assert_eq!((taken.received, taken.of_hub), (1, false));
    b.answer(&genesis, "9.5", "of B");
    assert_eq!(stored(&b.phone, &genesis), (0, 0, 1), "a phone is no hub");

    let (answered, answer) = at_hub(&hub, &export(&b, &[to_hub()])).unwrap();
    assert_eq!((answered.packs, answered.stored), (2, 2));
    assert_eq!(answered.receivers, [key(2).device(), key(1).device()]);
    assert_eq!(values(hub.replica(), &genesis, "9.1"), ["of A"]);

    for side in [&a, &b] {
        let taken = import(side, &answer).unwrap();
        assert!(taken.of_hub && taken.stored > 0, "{taken:?}");
        assert_eq!(stored(&side.phone, &genesis), (1, 1, 0));
        assert_eq!(side.values(&genesis, "9.1"), ["of A"]);
        assert_eq!(side.values(&genesis, "9.5"), ["of B"]);
        assert!(side.phone.carried().unwrap().is_empty());
    }
    // With a network again there is nothing left to say.
    for side in [&a, &b] {
        sync_at(side, &hub, later(9));
        assert_eq!(stored(&side.phone, &genesis), (1, 1, 0));
    }
}

#[test]
fn a_bundle_taken_in_again_changes_nothing() {
    let (hub, a, b, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    let from_a = export(&a, &[to(2), to_hub()]);
    import(&b, &from_a).unwrap();
    assert_eq!(import(&b, &from_a).unwrap().received, 0);
    assert_eq!(b.phone.carried().unwrap().len(), 1);
    let (_, first) = at_hub(&hub, &from_a).unwrap();
    let head = hub.head().unwrap();
    let (again, second) = at_hub(&hub, &from_a).unwrap();
    assert_eq!((again.stored, hub.head().unwrap()), (1, head));
    assert_eq!(values(hub.replica(), &genesis, "9.1"), ["of A"]);
    assert!(!import(&a, &first).unwrap().old);
    let position = a.phone.start(key(99).device(), false, later(5)).unwrap().0.position;
    for answer in [&first, &second] {
        let taken = import(&a, answer).unwrap();
        assert!(taken.old, "it speaks to a phone that has not heard of the first");
        assert_eq!(taken.received, 0);
    }
    let after = a.phone.start(key(99).device(), false, later(5)).unwrap().0.position;
    assert_eq!(position, after);
    assert_eq!(stored(&a.phone, &genesis), (1, 1, 0));
}

#[test]
fn a_bundle_for_others_or_damaged_is_refused_whole() {
    let (hub, a, b, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    let file = export(&a, &[to(2)]);
    let for_others = BundleError::NotForThis.to_string();
    assert_eq!(at_hub(&hub, &file).unwrap_err().to_string(), for_others);
    assert_eq!(import(&a, &file).unwrap_err().to_string(), for_others);
    for place in [0, 9, 20, 50, file.len() / 2, file.len() - 30, file.len() - 2] {
        let mut changed = file.clone();
        changed[place] ^= 4;
        assert!(matches!(import(&b, &changed), Err(ReplicaError::Bundle { .. })), "byte {place}");
        assert!(import(&b, &file[..place]).is_err());
    }
    assert!(b.phone.carried().unwrap().is_empty());
    import(&b, &file).unwrap();
}

#[test]
fn a_bundle_of_a_device_whose_rights_ended_is_not_taken_in() {
    let (hub, a, b, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    let file = export(&a, &[to(2), to_hub()]);
    let mut ended = entry(1, "06325");
    ended.active = false;
    hub.trust(ended).unwrap();
    sync_at(&b, &hub, later(1));
    assert!(matches!(import(&b, &file), Err(ReplicaError::Stranger { .. })));
    assert!(b.phone.carried().unwrap().is_empty());
    assert!(matches!(try_export(&b, &[to(1)], true), Err(ReplicaError::Stranger { .. })));
    assert!(matches!(at_hub(&hub, &file), Err(ReplicaError::Stranger { .. })));
    assert!(hub.replica().load(genesis.document()).is_err(), "nothing of it entered the record");
}

#[test]
fn a_receiver_gets_nothing_of_units_that_it_may_not_read() {
    let hub = hub(&[1]);
    hub.trust(entry(2, "06337")).unwrap();
    let (a, b) = (side(1), side(2));
    for side in [&a, &b] {
        sync_at(side, &hub, NOW);
    }
    let genesis = visit("06325", 1);
    a.answer(&genesis, "9.1", "of A");
    let peer = Receiver::Device(entry(2, "06337").into());
    let mut file = Vec::new();
    // The exporter was told of the neighbour only what a person says.
    let given = a.phone.write_bundle(&mut file, &[peer], true, &mut entropy(), later(1)).unwrap();
    assert_eq!(given[0].packs, 0);
    let mut letter = LetterReader::find(&*file, &key(2)).unwrap();
    while let Some(part) = read(&mut letter).unwrap() {
        assert!(matches!(part, Part::Heads(_) | Part::Control(_)), "{part:?}");
    }
}

#[test]
fn what_a_device_may_not_write_is_kept_aside_at_the_hub_and_its_maker_told() {
    let hub = hub(&[1]);
    let a = side(1);
    sync_at(&a, &hub, NOW);
    let foreign = visit("06337", 1);
    a.answer(&foreign, "9.1", "elsewhere");
    let (answered, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    assert_eq!((answered.packs, answered.stored), (1, 0));
    assert_eq!(hub.status().unwrap().quarantined, 1);
    assert_eq!(import(&a, &answer).unwrap().refused, 1);
    assert_eq!(a.phone.notices().unwrap().len(), 1);
    assert_eq!(stored(&a.phone, &foreign).0, 0);
}

#[test]
fn a_phone_far_from_its_hub_gets_what_others_wrote_and_decisions_on_rights() {
    let (hub, a, b, genesis) = team();
    b.answer(&genesis, "9.5", "of B");
    sync_at(&b, &hub, later(1));
    hub.trust(entry(3, "06325")).unwrap();
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    let taken = import(&a, &answer).unwrap();
    assert!(taken.of_hub && !taken.old);
    assert_eq!(a.values(&genesis, "9.5"), ["of B"]);
    assert!(a.phone.replica().device(key(3).device()).unwrap().is_some());
    // It is where an exchange would have left it: the next one has nothing to bring.
    let position = a.phone.start(key(99).device(), false, later(5)).unwrap().0.position;
    assert_eq!(position, Some(hub.head().unwrap()));
}

#[test]
fn decisions_on_rights_travel_from_phone_to_phone() {
    let (hub, a, b, genesis) = team();
    hub.trust(entry(3, "06325")).unwrap();
    let c = side(3);
    sync_at(&c, &hub, later(1));
    sync_at(&a, &hub, later(1));
    c.answer(&genesis, "9.1", "of C");
    // B has not heard of C; C itself brings the hub's word on who it is.
    let taken = import(&b, &export(&c, &[to(2)])).unwrap();
    assert_eq!((taken.strangers, taken.received > 0), (0, true));
    assert_eq!(b.phone.carried().unwrap(), [genesis.document()]);
    // And A the word that C's rights have ended.
    let mut ended = entry(3, "06325");
    ended.active = false;
    hub.trust(ended).unwrap();
    sync_at(&a, &hub, later(2));
    import(&b, &export(&a, &[to(2)])).unwrap();
    assert!(matches!(import(&b, &export(&c, &[to(2)])), Err(ReplicaError::Stranger { .. })));
}

#[test]
fn a_phone_that_has_been_away_for_too_long_gives_to_its_hub_alone() {
    let (hub, a, b, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    let after = a.phone.replica().lease().unwrap().unwrap();
    let after = Timestamp(after.0 + 1);
    let mut file = Vec::new();
    let given = a.phone.write_bundle(&mut file, &[to(2)], false, &mut entropy(), after);
    assert!(matches!(given, Err(ReplicaError::LeaseEnded { .. })));
    let file = export(&a, &[to(2)]);
    let pinned = Some(key(99).device());
    let taken = b.phone.take_bundle(&mut || Ok(&*file), pinned, &mut entropy(), after);
    assert!(matches!(taken, Err(ReplicaError::LeaseEnded { .. })));
    let mut file = Vec::new();
    a.phone.write_bundle(&mut file, &[to_hub()], false, &mut entropy(), after).unwrap();
    assert_eq!(at_hub(&hub, &file).unwrap().0.stored, 1);
}

#[test]
fn a_phone_that_lost_its_place_is_given_everything_and_takes_no_place_from_it() {
    let (hub, a, b, genesis) = team();
    b.answer(&genesis, "9.5", "of B");
    sync_at(&b, &hub, later(1));
    a.answer(&genesis, "9.1", "of A");
    a.phone.lag().unwrap();
    let (_, answer) = at_hub(&hub, &try_export(&a, &[to_hub()], true).unwrap()).unwrap();
    import(&a, &answer).unwrap();
    assert_eq!(a.values(&genesis, "9.5"), ["of B"]);
    assert_eq!(stored(&a.phone, &genesis), (1, 1, 0));
    assert_eq!(a.phone.start(key(99).device(), false, later(5)).unwrap().0.position, None);
}

#[test]
fn an_answer_of_another_life_of_the_hub_changes_nothing() {
    let (hub, a, _, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    a.phone.met([7; 16]).unwrap();
    a.phone.lag().unwrap();
    assert!(matches!(import(&a, &answer), Err(ReplicaError::OtherLife)));
    assert_eq!(stored(&a.phone, &genesis), (0, 0, 1));
}

#[test]
fn an_answer_that_crosses_the_news_of_another_life_takes_no_phone_back() {
    let (hub, a, _, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    // It had no place in the feed then, and has none now; only the life differs.
    a.phone.lag().unwrap();
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    a.phone.met([7; 16]).unwrap();
    a.phone.lag().unwrap();
    assert!(matches!(import(&a, &answer), Err(ReplicaError::OtherLife)));
    assert_eq!(stored(&a.phone, &genesis), (0, 0, 1));
}

#[test]
fn a_stuck_phone_is_emptied_by_a_file() {
    let (hub, a, b, genesis) = team();
    let other = visit("06325", 2);
    a.answer(&genesis, "9.1", "stuck");
    a.answer(&other, "9.1", "behind it");
    // The hub that it reaches cannot read what it sends, and is not offered it again for now.
    let head = PackHeader::peek(&a.phone.release(later(1)).unwrap()[0]).unwrap();
    let notice = Notice {
        document: head.document,
        actor: head.actor,
        seq: head.last_seq,
        hash: ChangeHash([0; 32]),
        verdict: Verdict::Unreadable,
    };
    a.phone.declined(&[notice], hub.head().unwrap().epoch, later(1)).unwrap();
    assert_eq!(a.phone.first_flight(later(2)).unwrap().len(), 1, "one is stuck");
    let file = try_export(&a, &[to(2), to_hub()], true).unwrap();
    import(&b, &file).unwrap();
    assert_eq!(b.phone.carried().unwrap().len(), 2);
    let (answered, answer) = at_hub(&hub, &file).unwrap();
    assert_eq!(answered.stored, 2);
    import(&a, &answer).unwrap();
    for genesis in [&genesis, &other] {
        assert_eq!(stored(&a.phone, genesis), (1, 1, 0));
    }
}

#[test]
fn a_decision_made_offline_reaches_the_hub_by_a_file_and_its_maker_learns_that_it_counts() {
    let hub = hub(&[2]);
    hub.trust(PlainEntry { role: Role::Leader, ..entry(1, "06325") }).unwrap();
    let (a, b) = (side(1), side(2));
    for side in [&a, &b] {
        sync_at(side, &hub, NOW);
    }
    let genesis = visit("06325", 1);
    let persons = vec![PersonId::of_device(key(1).device())];
    let deed = Deed::Assign { inspection: genesis.document(), persons };
    let (scope, by) = (genesis.scope.clone(), key(1).device());
    let act = Act { hub: hub.device(), by, scope, nonce: [5; 16], at: NOW, deed };
    a.phone.act(&a.phone.sign_act(act).unwrap()).unwrap();
    let (answered, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    assert_eq!(answered.refused, 0);
    import(&a, &answer).unwrap();
    assert!(a.phone.acting().unwrap().is_empty(), "it is in the control log");
    // What somebody who is not assigned writes from now on is refused by a phone that has heard of it.
    b.answer(&genesis, "9.1", "not assigned");
    assert_eq!(import(&a, &export(&b, &[to(1)])).unwrap().refused, 1);
}

#[test]
fn a_letter_over_its_limit_and_a_part_out_of_place_are_refused() {
    let (hub, a, b, _) = team();
    let to_b = |parts: &[Part]| {
        let mut file = Vec::new();
        begin(&mut file).unwrap();
        let maker = key(1);
        let mut letter =
            LetterWriter::new(&mut file, &maker, key(2).device(), NOW, &entropy()()).unwrap();
        parts.iter().for_each(|part| write(&mut letter, part).unwrap());
        letter.finish().unwrap();
        file
    };
    // A phone says that it is the hub, or brings a receipt that the hub never signed.
    let epoch = hub.head().unwrap().epoch;
    let answer = Part::Answer { epoch, greeting: None };
    let forged = HubReceipt::sign(&key(1), epoch, key(2).device(), Vec::new(), NOW).unwrap();
    for part in [answer, Part::Receipt(forged), Part::Reached(None), Part::Pack(vec![1, 2, 3])] {
        let refused = import(&b, &to_b(std::slice::from_ref(&part)));
        assert!(matches!(refused, Err(ReplicaError::Bundle { .. })), "{part:?}: {refused:?}");
    }
    let mut many = vec![Part::Greeting(greeting())];
    many.extend((0..40).map(|_| ask(AdminRequest::Mark)));
    let mut file = Vec::new();
    begin(&mut file).unwrap();
    let maker = key(1);
    let mut letter =
        LetterWriter::new(&mut file, &maker, key(99).device(), NOW, &entropy()()).unwrap();
    many.iter().for_each(|part| write(&mut letter, part).unwrap());
    letter.finish().unwrap();
    assert!(matches!(
        at_hub(&hub, &file),
        Err(ReplicaError::Bundle { source: BundleError::TooLarge { .. } })
    ));
    drop(a);
}

mod answering;

mod asked;
mod formats;
mod replayed;

fn greeting() -> Greeting {
    Greeting::default()
}

fn asked() -> Asked {
    Asked { errand: Errand::Mark, rights: [0; 32] }
}

fn ask(request: AdminRequest) -> Part {
    Part::Ask(request, asked())
}

/// A letter that says to be another's, under that one's head: its signature is not looked at in a second
/// read.
fn pretended(head: &Head, by: &DeviceKey, to: DeviceId, parts: &[Part]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = parts.iter().map(|part| encode(part).unwrap()).collect();
    raw((head, PARTS), by, to, &parts)
}

/// As [`pretended`], of encoded parts of a version.
fn raw(head: (&Head, u8), by: &DeviceKey, to: DeviceId, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    begin(&mut file).unwrap();
    let drawn = entropy()();
    let mut letter = LetterWriter::with_head(&mut file, by, to, head, &drawn).unwrap();
    parts.iter().for_each(|part| letter.part(part).unwrap());
    letter.finish().unwrap();
    file
}

#[test]
fn a_file_that_is_exchanged_between_two_reads_is_taken_in_by_nobody() {
    let (hub, a, b, genesis) = team();
    let file = export(&a, &[to(2), to_hub()]);
    b.answer(&genesis, "9.5", "of B");
    let packs = b.phone.release(later(1)).unwrap();
    for (to, own) in [(key(2).device(), &key(2)), (key(99).device(), &key(99))] {
        let head = LetterReader::find(&*file, own).unwrap().head();
        let mut parts = vec![Part::Greeting(greeting()), Part::Pack(packs[0].clone())];
        parts.drain(..usize::from(to == key(2).device()));
        let other = pretended(&head, &key(3), to, &parts);
        let mut files = [&*file, &*other].into_iter();
        let mut open = || Ok(files.next().unwrap());
        let taken = match to == key(99).device() {
            true => hub.take_bundle(&mut open, &mut Vec::new(), &mut entropy(), later(3)).map(drop),
            false => {
                let pinned = Some(key(99).device());
                b.phone.take_bundle(&mut open, pinned, &mut entropy(), later(3)).map(drop)
            }
        };
        let exchanged =
            matches!(taken, Err(ReplicaError::Bundle { source: BundleError::Exchanged }));
        assert!(exchanged, "{taken:?}");
    }
    assert!(hub.replica().load(genesis.document()).is_err(), "nothing of it entered the record");
}

/// A letter of the hub with these parts.
fn of_hub(number: u8, parts: &[Part]) -> Vec<u8> {
    let head = Head { maker: key(99).device(), receiver: key(number).device(), made_at: NOW };
    pretended(&head, &key(99), key(number).device(), parts)
}

/// The parts of a letter.
fn parts_of(file: &[u8], number: u8) -> Vec<Part> {
    let mut letter = LetterReader::find(file, &key(number)).unwrap();
    std::iter::from_fn(|| read(&mut letter).unwrap()).collect()
}

#[test]
fn nothing_of_a_hub_is_taken_in_before_it_shows_its_log() {
    let (hub, a, b, genesis) = team();
    b.answer(&genesis, "9.5", "of B");
    sync_at(&b, &hub, later(1));
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    let all = parts_of(&answer, 1);
    assert!(all.iter().any(|part| matches!(part, Part::Item(FeedItem::Pack(_)))), "{all:?}");
    let kept = |part: &&Part| !matches!(part, Part::Shown(_));
    let silent: Vec<Part> = all.iter().filter(kept).cloned().collect();
    let Part::Answer { epoch, .. } = silent[0] else { panic!("{silent:?}") };
    let unasked: Vec<Part> =
        [Part::Answer { epoch, greeting: None }].into_iter().chain(silent[1..].to_vec()).collect();
    let reached = vec![silent[0].clone(), Part::Reached(Some(hub.head().unwrap()))];
    let before = a.phone.start(key(99).device(), false, later(5)).unwrap().0.position;
    for parts in [silent, unasked, reached] {
        let refused = import(&a, &of_hub(1, &parts));
        assert!(matches!(refused, Err(ReplicaError::Bundle { .. })), "{refused:?}");
    }
    let after = a.phone.start(key(99).device(), false, later(5)).unwrap().0.position;
    assert_eq!(before, after);
    assert!(a.phone.replica().load(genesis.document()).is_err(), "nothing of it was taken in");
    import(&a, &answer).unwrap();
    assert_eq!(a.values(&genesis, "9.5"), ["of B"]);
}

#[test]
fn an_answer_to_nothing_shows_another_log_of_the_hub_too() {
    let (hub, a, _, _) = team();
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    let mut parts = parts_of(&answer, 1);
    for part in &mut parts {
        match part {
            Part::Answer { greeting, .. } => *greeting = None,
            Part::Shown(shown) => {
                let kept = a.phone.replica().last_head().unwrap().unwrap().last;
                let (epoch, size, at) = (kept.epoch, kept.size, kept.at);
                shown.head = TreeHead::sign(
                    &key(99),
                    epoch,
                    (size, crate::trust::merkle::TreeHash([9; 32])),
                    at,
                );
            }
            _ => {}
        }
    }
    let taken = import(&a, &of_hub(1, &parts));
    assert!(matches!(taken, Err(ReplicaError::LogForked { .. })), "{taken:?}");
}

#[test]
fn parts_that_would_fill_memory_are_refused_before_they_are_decoded() {
    let (hub, a, _, _) = team();
    let count = LIST_MAX + 1;
    // Far over what a frame holds, and within it; as the hub's and as a phone's.
    for count in [count, FRAME_BYTES_MAX + 1] {
        let many = vec![Vec::new(); count];
        let too_large = |taken: Result<(), ReplicaError>| {
            let large =
                matches!(taken, Err(ReplicaError::Bundle { source: BundleError::TooLarge { .. } }));
            assert!(large, "{count}: {taken:?}");
        };
        let epoch = hub.head().unwrap().epoch;
        let answer = Part::Answer { epoch, greeting: None };
        let file = of_hub(1, &[answer, Part::Keys(many.clone())]);
        too_large(import(&a, &file).map(drop));
        let asks =
            [AdminRequest::Enter { acts: many.clone() }, AdminRequest::TakeBack { entries: many }];
        for request in asks {
            let (from, to) = (key(1).device(), key(99).device());
            let head = Head { maker: from, receiver: to, made_at: NOW };
            let parts = [Part::Greeting(greeting()), ask(request)];
            too_large(at_hub(&hub, &pretended(&head, &key(1), to, &parts)).map(drop));
        }
    }
}

#[test]
fn requests_are_bounded_together() {
    let (hub, ..) = team();
    let (from, to) = (key(1).device(), key(99).device());
    let ask = ask(AdminRequest::PublishObject { bytes: vec![1; 1 << 20] });
    let parts: Vec<Part> =
        std::iter::once(Part::Greeting(greeting())).chain(std::iter::repeat_n(ask, 5)).collect();
    let head = Head { maker: from, receiver: to, made_at: NOW };
    let taken = at_hub(&hub, &pretended(&head, &key(1), to, &parts));
    assert!(matches!(
        taken,
        Err(ReplicaError::Bundle {
            source: BundleError::TooLarge { what: "bytes of requests", .. }
        })
    ));
}

#[test]
fn nothing_of_a_stranger_is_decoded() {
    let (hub, a, ..) = team();
    // Were it decoded it would be damaged, or over a limit.
    for (receiver, parts) in [(99, [&[8, 1][..], &[1, 4]]), (1, [&[8, 1][..], &[15, 255]])] {
        let (to, maker) = (key(receiver).device(), key(77));
        let mut file = Vec::new();
        begin(&mut file).unwrap();
        let mut letter = LetterWriter::new(&mut file, &maker, to, NOW, &entropy()()).unwrap();
        parts.iter().for_each(|part| letter.part(part).unwrap());
        letter.finish().unwrap();
        let taken = match receiver {
            99 => at_hub(&hub, &file).map(drop),
            _ => import(&a, &file).map(drop),
        };
        assert!(matches!(taken, Err(ReplicaError::Stranger { .. })), "{taken:?}");
    }
}

#[test]
fn parts_begin_with_the_numbers_that_they_are_known_by() {
    let request = AdminRequest::Mark;
    let parts = [
        (ask(request), tags::ASK),
        (Part::Pack(Vec::new()), tags::PACK),
        (Part::Control(Vec::new()), tags::CONTROL),
        (Part::Item(FeedItem::Object { bytes: Vec::new() }), tags::ITEM),
        (Part::Keys(Vec::new()), tags::KEYS),
        (Part::Answered { of: asked(), refused: None }, tags::LAST),
    ];
    for (part, tag) in parts {
        assert_eq!(postcard::to_stdvec(&part).unwrap()[0], tag);
    }
}

#[test]
fn more_receivers_than_letters_are_refused_before_anything_is_written() {
    let (_, a, b, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    let mut file = Vec::new();
    let receivers = vec![to(2); LETTERS_MAX + 1];
    let given = a.phone.write_bundle(&mut file, &receivers, false, &mut entropy(), later(1));
    assert!(matches!(
        given,
        Err(ReplicaError::Bundle { source: BundleError::TooLarge { what: "letters", .. } })
    ));
    assert!(file.is_empty());
    import(&b, &export(&a, &receivers[1..])).unwrap();
}

/// A hub that has replaced its key, a phone that heard of that, and an entry by which a thief of the first key
/// would end the phone's rights, dated back into a life of his own.
fn robbed() -> (Side, Part) {
    use crate::replica::{HubOptions, Projection};
    use crate::store::MemoryStore;
    use crate::trust::control::{ChainHead, ControlEntry, Whom};
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let open = |by: u8, start: u8| {
        let options = HubOptions { fresh_epoch: [start; 16], now: NOW };
        Arc::new(Hub::open(store.clone(), key(by), options).unwrap())
    };
    let first = open(99, 1);
    first.publish(crate::checklist::TEA.to_vec()).unwrap();
    [1, 2].into_iter().for_each(|number| first.trust(entry(number, "06325")).unwrap());
    let a = side(1);
    sync_at(&a, &first, NOW);
    first.announce(&key(98)).unwrap();
    sync_at(&a, &first, NOW);
    drop(first);
    sync_at(&a, &open(98, 2), NOW);
    let (by, at) = (key(99), Timestamp(NOW.0 - 1_000_000));
    let deed = Deed::Revoke { whom: Whom::Device(key(1).device()), lost_since: None };
    let scope = "06325".parse().unwrap();
    let act = Act { hub: by.device(), by: by.device(), scope, nonce: [7; 16], at, deed };
    let act = act.sign(&by).unwrap();
    let entry = ControlEntry::sign(&by, ([50; 16], &ChainHead::default()), (at, at), act, None);
    (a, Part::Control(entry.unwrap().encode().unwrap()))
}

#[test]
fn a_thief_of_a_replaced_key_ends_nobodys_rights_by_a_bundle() {
    let (a, forged) = robbed();
    let Part::Control(bytes) = forged.clone() else { panic!("{forged:?}") };
    // As the hub, to a phone whose settings still name the first key.
    let answer = Part::Answer { epoch: [2; 16], greeting: None };
    let parts = [answer, Part::Item(FeedItem::Control(bytes))];
    let refused = import(&a, &of_hub(1, &parts)).unwrap_err();
    assert!(matches!(refused, ReplicaError::Stranger { .. }), "{refused}");
    // In the letter of a phone that is known.
    let receiver = key(1).device();
    let head = Head { maker: key(2).device(), receiver, made_at: NOW };
    let taken = import(&a, &pretended(&head, &key(2), receiver, &[forged])).unwrap();
    assert_eq!((taken.received, a.phone.ended().unwrap()), (0, None));
}

#[test]
fn a_replaced_key_is_not_spoken_to_again() {
    let (a, _) = robbed();
    let (old, next) = (key(99).device(), key(98).device());
    let refused = a.phone.start(old, false, later(5)).unwrap_err();
    assert!(
        matches!(refused, ReplicaError::KeyReplaced { key, next: is } if (key, is) == (old, next))
    );
    assert_eq!(a.phone.replica().present_key(old).unwrap(), next);
    assert_eq!(a.phone.replica().hub_keys().unwrap().pinned, Some(next));
    a.phone.start(next, false, later(5)).unwrap();
}

#[test]
fn what_a_stranger_makes_up_of_rights_changes_nothing() {
    let (a, forged) = robbed();
    let receiver = key(1).device();
    let head = Head { maker: key(7).device(), receiver, made_at: NOW };
    let Part::Control(bytes) = &forged else { panic!("{forged:?}") };
    let mut own = crate::trust::control::ControlEntry::decode(bytes).unwrap();
    // Under a key of the stranger's own, and under the hub's with another's signature.
    own.hub = key(7).device();
    let by_itself = Part::Control(own.encode().unwrap());
    own.hub = key(98).device();
    let in_its_name = Part::Control(own.encode().unwrap());
    for part in [forged, by_itself, in_its_name] {
        let error = import(&a, &pretended(&head, &key(7), receiver, &[part])).unwrap_err();
        assert!(
            matches!(error, ReplicaError::Stranger { .. } | ReplicaError::Control { .. }),
            "{error}"
        );
        assert_eq!(a.phone.ended().unwrap(), None);
    }
}
