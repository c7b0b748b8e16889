use std::sync::Arc;

use super::*;
use crate::checklist::{TEA, Template};
use crate::model::Genesis;
use crate::replica::Hub;
use crate::replica::Projection;
use crate::replica::meeting::{Pair, Side, entry, hub, key, side, sync, visit};
use crate::replica::merge::merger::{
    InProcess, MergeJob, MergeWork, Merger, MergerError, SealJob, SealWork,
};
use crate::store::MemoryStore;
use crate::sync::{PlainEntry, Role};
use crate::trust::control::Act;
use crate::trust::seal::{Ending, Hearing, MemberHeard, Presence, SealStatement, Signing};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

pub(in crate::replica) fn leader(number: u8) -> PlainEntry {
    PlainEntry { role: Role::Leader, ..entry(number, "06325") }
}

/// A hub with two leaders, 1 and 3, and an inspector, 2, who all have met it.
fn team() -> (Arc<Hub>, [Side; 3], Genesis) {
    let hub = hub(&[2]);
    hub.trust(leader(1)).unwrap();
    hub.trust(leader(3)).unwrap();
    let sides = [side(1), side(2), side(3)];
    sides.iter().for_each(|side| sync(side, &hub));
    (hub, sides, visit("06325", 1))
}

fn meet(one: &Side, two: &Side) {
    Pair::of(one, two).run();
}

fn sign(side: &Side, genesis: &Genesis) -> (SignedAct, Seal) {
    let replica = side.phone.replica();
    let document = replica.load(genesis.document()).unwrap();
    let (heard, unproven) = replica.heard(&document).unwrap();
    assert_eq!(unproven, 0);
    let members = heard
        .into_iter()
        .map(|(device, lines)| MemberHeard { device, hearing: Hearing::UpTo(lines) })
        .collect();
    let owner =
        Presence { name: "Mận".to_owned(), title: "Chủ cơ sở".to_owned(), drawn: None };
    let signing = Signing {
        checklist: (Template::parse(TEA).unwrap().id(), "CL-CHE 0".to_owned(), false),
        supplements: None,
        members,
        ending: Ending::Signed(owner),
        leader_drawn: None,
        at: NOW,
    };
    let device = side.phone.device();
    let statement = SealStatement::of(&document, device, signing).unwrap();
    let seal = side.phone.sign_seal(statement).unwrap();
    let deed = Deed::Seal { document: genesis.document(), seal: seal.id().unwrap().0 };
    (act(side, genesis, deed), seal)
}

fn act(side: &Side, genesis: &Genesis, deed: Deed) -> SignedAct {
    let (by, scope) = (side.phone.device(), genesis.scope.clone());
    let nonce = [side.number; 16];
    let hub = key(99).device();
    side.phone.sign_act(Act { hub, by, scope, nonce, at: NOW, deed }).unwrap()
}

pub(in crate::replica) fn seal(side: &Side, genesis: &Genesis) -> SealId {
    let (act, seal) = sign(side, genesis);
    side.phone.seal(&act, &seal).unwrap()
}

fn standing(replica: &Replica, genesis: &Genesis) -> (SealId, SealState, Option<String>) {
    let held = replica.minutes(genesis.document()).unwrap().standing.unwrap();
    (held.id, held.state, held.official)
}

#[test]
fn a_seal_signed_offline_is_registered_with_a_number_and_reaches_everybody() {
    let (hub, [one, two, three], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    one.answer(&genesis, "1.2", "one");
    let id = seal(&one, &genesis);
    assert_eq!(standing(one.phone.replica(), &genesis), (id, SealState::Waiting, None));
    sync(&one, &hub);
    sync(&two, &hub);
    let official = Some("01/2026/BB-ĐKT-06325".to_owned());
    assert_eq!(standing(hub.replica(), &genesis), (id, SealState::Registered, official.clone()));
    for side in [&one, &two, &three] {
        sync(side, &hub);
        let known = standing(side.phone.replica(), &genesis);
        assert_eq!(known, (id, SealState::Registered, official.clone()), "{}", side.number);
    }
    // A phone that begins anew gets it with its document.
    let fresh = side(4);
    hub.trust(leader(4)).unwrap();
    sync(&fresh, &hub);
    assert_eq!(standing(fresh.phone.replica(), &genesis).0, id);
    assert_eq!(one.phone.sealing().unwrap().len(), 0);
}

#[test]
fn a_list_counts_what_was_sealed_and_what_came_late_beside_it() {
    let (hub, [one, two, three], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    one.answer(&genesis, "1.2", "one");
    let row = |side: &Side| side.phone.replica().summary(genesis.document()).unwrap().unwrap();
    assert_eq!(row(&one).sealed, None);
    let id = seal(&one, &genesis);
    let counts = |side: &Side| row(side).sealed.map(|then| (then.seal, then.answered, then.late));
    assert_eq!(counts(&one), Some((id.0, 2, 0)), "durable, and shown at once");
    // It has not heard of the seal.
    two.answer(&genesis, "1.3", "late");
    for side in [&one, &two, &one, &two, &three] {
        sync(side, &hub);
    }
    for side in [&one, &two, &three] {
        assert_eq!(counts(side), Some((id.0, 2, 1)), "{}", side.number);
        assert_eq!(row(side).answered, 3, "the document goes on");
    }
}

#[test]
fn a_seal_waits_at_the_hub_for_what_it_was_made_over() {
    let (hub, [one, two, three], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&two, &one);
    let (act, sealed) = sign(&one, &genesis);
    let (encoded, bytes) = (act.encode().unwrap(), sealed.encode().unwrap());
    let presented = hub.present(&encoded, &bytes, NOW).unwrap();
    assert_eq!(presented, crate::replica::hub::sealing::Presented::Kept);
    hub.merge_all(NOW).unwrap();
    assert_eq!(hub.replica().registered(&genesis).unwrap(), None);
    sync(&two, &hub);
    hub.merge_all(NOW).unwrap();
    let registered = hub.replica().registered(&genesis).unwrap().unwrap();
    assert_eq!(registered.seal, sealed.id().unwrap().0);
    sync(&three, &hub);
    assert_eq!(standing(three.phone.replica(), &genesis).1, SealState::Registered);
}

#[test]
fn the_first_registered_counts_and_its_rival_is_kept_and_shown_everywhere() {
    let (hub, [one, two, three], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    meet(&three, &two);
    one.answer(&genesis, "1.2", "one");
    three.answer(&genesis, "1.3", "three");
    let (first, rival) = (seal(&one, &genesis), seal(&three, &genesis));
    for side in [&two, &one, &three, &one, &two] {
        sync(side, &hub);
    }
    for replica in [hub.replica(), one.phone.replica(), two.phone.replica(), three.phone.replica()]
    {
        let minutes = replica.minutes(genesis.document()).unwrap();
        assert_eq!(minutes.standing.unwrap().id, first);
        let others: Vec<_> = minutes.others.iter().map(|one| (one.id, one.state)).collect();
        assert_eq!(others, [(rival, SealState::Rival)]);
        assert_eq!(minutes.missing, []);
    }
}

#[test]
fn a_neighbour_shows_a_seal_and_brings_it_to_the_hub() {
    let (hub, [one, two, _], genesis) = team();
    one.answer(&genesis, "1.1", "one");
    let id = seal(&one, &genesis);
    meet(&one, &two);
    assert_eq!(standing(two.phone.replica(), &genesis), (id, SealState::Waiting, None));
    // The leader's phone is lost; the neighbour carries record and seal.
    sync(&two, &hub);
    sync(&two, &hub);
    assert_eq!(standing(two.phone.replica(), &genesis).1, SealState::Registered);
}

#[test]
fn a_seal_that_does_not_hold_or_may_not_be_made_is_refused_and_named() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    let id = seal(&two, &genesis);
    sync(&two, &hub);
    let minutes = two.phone.replica().minutes(genesis.document()).unwrap();
    assert_eq!(minutes.standing, None, "an inspector does not seal");
    assert_eq!((minutes.others[0].id, minutes.others[0].state), (id, SealState::Refused));
    // The content is not that of the record.
    sync(&one, &hub);
    let (_, sealed) = sign(&one, &genesis);
    let mut statement = sealed.statement;
    statement.content = [7; 32];
    let forged = statement.sign(&key(1)).unwrap();
    let deed = Deed::Seal { document: genesis.document(), seal: forged.id().unwrap().0 };
    let act = act(&one, &genesis, deed);
    one.phone.seal(&act, &forged).unwrap();
    sync(&one, &hub);
    // The worker has looked at it; the phone is told when it asks again.
    hub.merge_all(NOW).unwrap();
    sync(&one, &hub);
    assert_eq!(hub.replica().registered(&genesis).unwrap(), None);
    let minutes = one.phone.replica().minutes(genesis.document()).unwrap();
    assert_eq!(minutes.others[0].state, SealState::Refused);
}

#[test]
fn the_act_alone_registers_nothing() {
    let (hub, [one, ..], genesis) = team();
    let act = act(&one, &genesis, Deed::Seal { document: genesis.document(), seal: [9; 32] });
    let error = hub.enter(vec![act], NOW).unwrap_err();
    assert!(matches!(error, ReplicaError::NotEntered { deed: "seal", .. }), "{error}");
}

#[test]
fn numbers_of_a_unit_follow_each_other() {
    let (hub, [one, ..], _) = team();
    let mut given = Vec::new();
    for number in 1..=3 {
        let genesis = visit("06325", number);
        one.answer(&genesis, "1.1", "one");
        seal(&one, &genesis);
        sync(&one, &hub);
        sync(&one, &hub);
        given.extend(standing(one.phone.replica(), &genesis).2);
    }
    assert_eq!(given, ["01", "02", "03"].map(|n| format!("{n}/2026/BB-ĐKT-06325")));
}

#[test]
fn a_member_signs_too_and_everybody_sees_it() {
    let (hub, [one, two, three], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    let id = seal(&one, &genesis);
    sync(&one, &hub);
    sync(&two, &hub);
    // Neither a leader of the unit who is not of the team, nor the member's word in another unit's log.
    sync(&three, &hub);
    let deed = Deed::Countersign { document: genesis.document(), seal: id.0 };
    three.phone.act(&act(&three, &genesis, deed.clone())).unwrap();
    sync(&three, &hub);
    let told: Vec<bool> = three.phone.acting().unwrap().iter().map(|one| one.refused).collect();
    assert_eq!(told, [true], "it is refused, and its maker hears of it");
    hub.trust(PlainEntry { scopes: vec!["06337".parse().unwrap()], ..entry(2, "06337") }).unwrap();
    let elsewhere = act(&two, &visit("06337", 9), deed.clone());
    let error = hub.enter(vec![elsewhere], NOW).unwrap_err();
    assert!(matches!(error, ReplicaError::NotEntered { deed: "countersign", .. }), "{error}");
    let replica = hub.replica();
    let held = replica.minutes(genesis.document()).unwrap().standing.unwrap();
    assert_eq!(held.countersigned, []);
    hub.trust(entry(2, "06325")).unwrap();
    let deed = Deed::Countersign { document: genesis.document(), seal: id.0 };
    two.phone.act(&act(&two, &genesis, deed)).unwrap();
    sync(&two, &hub);
    assert_eq!(two.phone.acting().unwrap(), [], "one exchange tells that it is entered");
    sync(&one, &hub);
    let held = one.phone.replica().minutes(genesis.document()).unwrap().standing.unwrap();
    let signers: Vec<DeviceId> = held.countersigned.iter().map(|(device, _)| *device).collect();
    assert_eq!(signers, [two.phone.device()]);
}

#[test]
fn who_was_kept_off_an_inspection_does_not_sign_its_minutes_although_it_wrote() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    sync(&two, &hub);
    sync(&one, &hub);
    let id = seal(&one, &genesis);
    sync(&one, &hub);
    let deed = Deed::Countersign { document: genesis.document(), seal: id.0 };
    let signed = act(&two, &genesis, deed.clone());
    let persons = |of: &[&Side]| {
        of.iter().map(|side| PersonId::of_device(side.phone.device())).collect::<Vec<_>>()
    };
    let assign = |persons| Deed::Assign { inspection: genesis.document(), persons };
    let to_one = act(&one, &genesis, assign(persons(&[&one])));
    hub.enter(vec![to_one], NOW).unwrap();
    let error = hub.enter(vec![signed.clone()], NOW).unwrap_err();
    assert!(matches!(error, ReplicaError::NotEntered { deed: "countersign", .. }), "{error}");
    let to_both = act(&one, &genesis, assign(persons(&[&one, &two])));
    hub.enter(vec![to_both], NOW).unwrap();
    hub.enter(vec![signed.clone()], NOW).unwrap();
    // What stands in the log stays, whoever is assigned later.
    let again = Deed::Assign { inspection: genesis.document(), persons: Vec::new() };
    hub.enter(vec![act(&one, &genesis, again)], NOW).unwrap();
    hub.enter(vec![signed], NOW).unwrap();
    let held = hub.replica().minutes(genesis.document()).unwrap().standing.unwrap();
    assert_eq!(held.countersigned.len(), 1);
}

#[test]
fn of_two_signatures_of_one_device_the_first_counts() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    sync(&two, &hub);
    sync(&one, &hub);
    let id = seal(&one, &genesis);
    sync(&one, &hub);
    let deed = Deed::Countersign { document: genesis.document(), seal: id.0 };
    let first = act(&two, &genesis, deed);
    let again = Act { nonce: [77; 16], ..first.act.clone() };
    let again = two.phone.sign_act(again).unwrap();
    let signed_at = |replica: &Replica| {
        let held = replica.minutes(genesis.document()).unwrap().standing.unwrap();
        held.countersigned.iter().map(|(_, at)| *at).collect::<Vec<_>>()
    };
    let (then, later) = (Timestamp(NOW.0 + 1_000), Timestamp(NOW.0 + 9_000));
    hub.enter(vec![first], then).unwrap();
    hub.enter(vec![again], later).unwrap();
    sync(&one, &hub);
    for replica in [hub.replica(), one.phone.replica(), &anew(&one)] {
        assert_eq!(signed_at(replica), [then]);
    }
}

#[test]
fn what_is_written_after_a_seal_is_kept_and_changes_nothing_of_it() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    sync(&two, &hub);
    sync(&one, &hub);
    two.answer(&genesis, "1.2", "late");
    seal(&one, &genesis);
    sync(&one, &hub);
    sync(&two, &hub);
    sync(&one, &hub);
    for replica in [hub.replica(), one.phone.replica(), two.phone.replica()] {
        let held = replica.minutes(genesis.document()).unwrap().standing.unwrap();
        let document = replica.load(genesis.document()).unwrap();
        assert_eq!(held.seal.verify_record(&document), []);
        let late = document.touched_since(&held.seal.statement.heads).unwrap();
        assert_eq!(late.len(), 1);
        assert_eq!(late[0].place.key, "1.2");
    }
}

/// The phone's store opened from its journal alone.
fn anew(side: &Side) -> Replica {
    let disk = side.store.disk().copy_unnoticed();
    Replica::new(Arc::new(MemoryStore::open(&disk, Arc::new(Projection)).unwrap()))
}

#[test]
fn an_index_made_anew_knows_the_same_seals() {
    let (hub, [one, ..], genesis) = team();
    one.answer(&genesis, "1.1", "one");
    seal(&one, &genesis);
    let before = one.phone.replica().minutes(genesis.document()).unwrap();
    assert_eq!(anew(&one).minutes(genesis.document()).unwrap(), before);
    sync(&one, &hub);
    sync(&one, &hub);
    let after = one.phone.replica().minutes(genesis.document()).unwrap();
    assert_eq!(anew(&one).minutes(genesis.document()).unwrap(), after);
}

/// The same seal signed anew, with something in it changed.
fn again(
    side: &Side,
    genesis: &Genesis,
    change: impl FnOnce(&mut SealStatement),
) -> Result<(Vec<u8>, Vec<u8>), SealError> {
    let (_, sealed) = sign(side, genesis);
    let mut statement = sealed.statement;
    change(&mut statement);
    let sealed = side.phone.sign_seal(statement).map_err(|error| match error {
        ReplicaError::Seal { source } => source,
        other => panic!("{other}"),
    })?;
    let deed = Deed::Seal { document: genesis.document(), seal: sealed.id()?.0 };
    Ok((act(side, genesis, deed).encode().unwrap(), sealed.encode()?))
}

#[test]
fn one_leader_takes_no_place_from_another() {
    use crate::replica::hub::sealing::Presented;
    let (hub, [one, two, three], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    meet(&three, &two);
    let mut kept = 0;
    let busy = loop {
        let (act, sealed) = again(&one, &genesis, |statement| statement.at.0 += kept).unwrap();
        match hub.present(&act, &sealed, NOW).unwrap() {
            Presented::Kept => kept += 1,
            other => break other,
        }
    };
    assert_eq!((busy, kept), (Presented::Busy, 8));
    // Those of other records, to the leader's share of all that wait.
    for number in 2..200 {
        let genesis = visit("06325", number);
        one.answer(&genesis, "1.1", "one");
        let (act, sealed) = sign(&one, &genesis);
        let (act, sealed) = (act.encode().unwrap(), sealed.encode().unwrap());
        match hub.present(&act, &sealed, NOW).unwrap() {
            Presented::Kept => kept += 1,
            other => {
                assert_eq!(other, Presented::Busy);
                break;
            }
        }
    }
    assert_eq!(kept, 64);
    let (act, sealed) = sign(&three, &genesis);
    let presented = hub.present(&act.encode().unwrap(), &sealed.encode().unwrap(), NOW).unwrap();
    assert_eq!(presented, Presented::Kept);
}

#[test]
fn a_seal_at_a_change_that_nobody_wrote_is_not_even_signed() {
    let (_, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    let head = crate::model::ChangeHash([9; 32]);
    let error = again(&one, &genesis, |statement| statement.heads = vec![head]).unwrap_err();
    let SealError::Breached { breaches } = error else { panic!("{error}") };
    assert_eq!(breaches, [Breach::HeadUnheard { head }]);
}

#[test]
fn a_seal_of_a_line_that_went_another_way_is_refused_and_not_looked_at_for_ever() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    sync(&two, &hub);
    sync(&one, &hub);
    let head = crate::model::ChangeHash([9; 32]);
    let (act, sealed) = again(&one, &genesis, |statement| {
        statement.heads = vec![head];
        for member in &mut statement.members {
            if let Hearing::UpTo(lines) = &mut member.hearing {
                lines.iter_mut().for_each(|line| line.hash = head);
            }
        }
    })
    .unwrap();
    hub.present(&act, &sealed, NOW).unwrap();
    hub.merge_all(NOW).unwrap();
    assert_eq!(hub.replica().registered(&genesis).unwrap(), None);
    assert!(hub.replica().store().scan(&[SEALING], None, 1).unwrap().is_empty());
}

#[test]
fn a_neighbours_seal_that_does_not_hold_keeps_nobody_from_writing() {
    let (_, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    let (act, sealed) = again(&one, &genesis, |statement| statement.content = [7; 32]).unwrap();
    one.phone.record(Fact::Signed { act, seal: sealed }).unwrap();
    meet(&one, &two);
    assert!(!two.phone.replica().is_sealed(genesis.document()).unwrap());
    assert!(one.phone.replica().is_sealed(genesis.document()).unwrap());
    let held = one.phone.replica().minutes(genesis.document()).unwrap().standing.unwrap();
    assert!(one.phone.replica().contradicts(&held.seal).unwrap());
}

/// Merges as a worker would be asked to, and ends on the seals of one document.
struct EndsAt(DocumentId, Mutex<usize>);

impl Merger for EndsAt {
    fn merge(&self, job: &MergeJob) -> Result<MergeWork, MergerError> {
        InProcess.merge(job)
    }

    fn hold(&self, job: &SealJob) -> Result<SealWork, MergerError> {
        if job.document() == self.0 {
            *self.1.lock().unwrap() += 1;
            return Err(MergerError::Died { how: "the test".to_owned() });
        }
        SealWork::decode(&SealJob::decode(&job.encode()?)?.perform()?.encode()?)
    }
}

#[test]
fn a_document_that_cannot_be_opened_holds_up_its_own_seal_alone() {
    let (hub, [one, ..], _) = team();
    let documents = [1, 2, 3].map(|number| visit("06325", number));
    documents.iter().for_each(|genesis| one.answer(genesis, "1.1", "one"));
    sync(&one, &hub);
    for genesis in &documents {
        let (act, sealed) = sign(&one, genesis);
        hub.present(&act.encode().unwrap(), &sealed.encode().unwrap(), NOW).unwrap();
    }
    // The one whose seal is looked at first.
    let waiting = hub.replica().store().scan(&[SEALING], None, 1).unwrap();
    let first: SealingRow = rows::decode(&[SEALING], &waiting[0].1).unwrap();
    let merger = Arc::new(EndsAt(first.document, Mutex::default()));
    hub.merge_by(merger.clone()).unwrap();
    let mut ended = Vec::new();
    loop {
        match hub.merge_next(NOW) {
            Ok(None) => break,
            Ok(Some(_)) => {}
            Err(ReplicaError::Merging { document, .. }) => ended.push(document),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(ended, [first.document], "told once");
    assert_eq!(*merger.1.lock().unwrap(), 2, "tried twice, and not in every round");
    let waiting = hub.seals_waiting(NOW).unwrap().seals;
    let named: Vec<_> = waiting.into_iter().map(|one| (one.document, one.wait)).collect();
    assert_eq!(named, [(first.document, crate::sync::SealWait::Check { failed: 1 })]);
    let registered = |genesis: &Genesis| hub.replica().registered(genesis).unwrap().is_some();
    let damaged = |genesis: &Genesis| genesis.document() == first.document;
    assert!(documents.iter().all(|genesis| registered(genesis) != damaged(genesis)));
    hub.merge_by(Arc::new(InProcess)).unwrap();
    assert_eq!(hub.merge_next(NOW).unwrap(), None, "it rests");
    hub.merge_all(Timestamp(NOW.0 + 60_000)).unwrap();
    assert!(documents.iter().all(registered));
}

#[test]
fn what_is_no_outcome_of_a_look_at_a_seal_is_garbled() {
    for bytes in [&[][..], &[3], &[0, 0]] {
        let read = SealWork::decode(bytes);
        assert!(matches!(read, Err(MergerError::Garbled { .. })), "{bytes:?}: {read:?}");
    }
    assert!(SealJob::decode(&[0xff; 40]).is_err());
}

#[test]
fn a_seal_of_a_leader_who_may_not_seal_any_more_gives_its_place_back() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    let (act, sealed) = sign(&one, &genesis);
    hub.present(&act.encode().unwrap(), &sealed.encode().unwrap(), NOW).unwrap();
    assert_eq!(hub.replica().store().scan(&[SEALING], None, 9).unwrap().len(), 1);
    hub.trust(entry(1, "06325")).unwrap();
    hub.merge_all(NOW).unwrap();
    assert_eq!(hub.replica().store().scan(&[SEALING], None, 9).unwrap().len(), 0);
}

#[test]
fn a_seal_that_no_log_names_and_nobody_presented_stops_nobody() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    sync(&two, &hub);
    sync(&one, &hub);
    let (_, sealed) = sign(&one, &genesis);
    let bytes = sealed.encode().unwrap();
    two.phone.apply(vec![FeedItem::Seal(bytes)], None, Incarnation([8; 16]), NOW).unwrap();
    let minutes = two.phone.replica().minutes(genesis.document()).unwrap();
    assert_eq!((minutes.standing, minutes.others.len()), (None, 1));
    assert!(!two.phone.replica().is_sealed(genesis.document()).unwrap());
}

#[test]
fn minutes_are_registered_under_steady_load_too() {
    let (hub, [one, two, _], genesis) = team();
    one.answer(&genesis, "1.1", "one");
    sync(&one, &hub);
    let (act, sealed) = sign(&one, &genesis);
    hub.present(&act.encode().unwrap(), &sealed.encode().unwrap(), NOW).unwrap();
    // Each round leaves more to merge than it merges.
    let mut registered = false;
    for number in 2..200 {
        two.answer(&visit("06325", number), "1.1", "more");
        hub.accept(two.phone.device(), &two.phone.release(NOW).unwrap(), NOW).unwrap();
        if number > 2 {
            hub.merge_next(NOW).unwrap();
        }
        registered |= hub.replica().registered(&genesis).unwrap().is_some();
    }
    assert!(registered);
}

#[test]
fn minutes_that_no_hub_has_keep_the_keys_of_a_revoked_phone() {
    use crate::replica::meeting::once;
    use crate::trust::control::Whom;
    let (hub, [one, ..], genesis) = team();
    one.answer(&genesis, "1.1", "one");
    let id = seal(&one, &genesis);
    let whom = Whom::Device(key(1).device());
    hub.operate(vec![("06325".parse().unwrap(), Deed::Revoke { whom, lost_since: None })]).unwrap();
    for round in 0..4 {
        once(&one, &hub, (NOW, round), &[]);
    }
    assert!(one.phone.ended().unwrap().is_some());
    let held = hub.replica().seal_bytes(id).unwrap().is_some();
    let left = one.phone.undelivered().unwrap();
    assert!(held || left > 0, "the hub has the seal: {held}, what keeps the keys: {left}");
}

#[test]
fn minutes_that_wait_at_the_hub_hold_up_no_others() {
    use crate::replica::meeting::once;
    use crate::trust::control::Whom;
    let (hub, [one, two, _], _) = team();
    (1..=16).for_each(|number| two.answer(&visit("06325", number), "1.1", "two"));
    meet(&one, &two);
    let whom = Whom::Device(key(2).device());
    hub.operate(vec![("06325".parse().unwrap(), Deed::Revoke { whom, lost_since: None })]).unwrap();
    for number in 1..=16 {
        seal(&one, &visit("06325", number));
    }
    for number in 17..=22 {
        one.answer(&visit("06325", number), "1.1", "one");
        seal(&one, &visit("06325", number));
    }
    for round in 0..12 {
        once(&one, &hub, (NOW, round), &[]);
        hub.merge_all(NOW).unwrap();
    }
    let registered = (17..=22)
        .filter(|number| hub.replica().registered(&visit("06325", *number)).unwrap().is_some())
        .count();
    assert_eq!(registered, 6);
}

mod one_step;
mod pacing;
mod unregistered;
mod waiting;
