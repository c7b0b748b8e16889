use super::*;
use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, Timestamp};
use crate::replica::facts::{Fact, Quarantined};
use crate::replica::hub::judging::tests::{
    ELSEWHERE, HERE, LOST, NOW, decide, judge, line, push, scene,
};
use crate::replica::meeting::{ask_at, entry, key, side, values};
use crate::sync::{AdminAnswer, AdminRequest, AsideEntry, Notice, Pack, PlainEntry, Role, Verdict};
use crate::trust::control::Judgement;
use crate::trust::log::{Act, LogEntry, LogLeaf, Turned};

/// Who is auditor of the province, and who of another one.
const AUDITOR: u8 = 7;
const STRANGER: u8 = 8;
/// Who is supervisor of the whole country.
const ALL: u8 = 9;

fn page(which: QuarantineFilter, after: Option<AsideName>) -> AdminRequest {
    AdminRequest::Quarantine(QuarantineRequest::Page { which, after })
}

fn listed(hub: &Hub, by: u8, which: &QuarantineFilter) -> Vec<AsideEntry> {
    let asker = hub.replica().device(key(by).device()).unwrap().unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let request = QuarantineRequest::Page { which: which.clone(), after };
        let answer = hub.show_aside(&request, &asker).unwrap();
        let QuarantineAnswer::Page { entries, next } = answer else { panic!("no page") };
        assert!(entries.len() <= QUARANTINE_PAGE_MAX);
        found.extend(entries);
        if next.is_none() {
            return found;
        }
        assert!(next > after, "it goes on");
        after = next;
    }
}

fn bytes(hub: &Hub, by: u8, name: AsideName, from: u64) -> (Vec<u8>, u64) {
    let asker = hub.replica().device(key(by).device()).unwrap().unwrap();
    let request = QuarantineRequest::Bytes { name, from };
    match hub.show_aside(&request, &asker).unwrap() {
        QuarantineAnswer::Bytes { bytes, total } => (bytes, total),
        QuarantineAnswer::Page { .. } | QuarantineAnswer::Stop(_) => panic!("no bytes"),
    }
}

fn grant(hub: &Hub, number: u8, role: Role, unit: &str) {
    hub.trust(PlainEntry { role, ..entry(number, unit) }).unwrap();
}

fn name_of(pack: &Pack) -> AsideName {
    let (document, actor) = (pack.document(), pack.actor());
    AsideName { document, actor, seq: pack.last_seq(), hash: pack.tip_hash() }
}

fn all() -> QuarantineFilter {
    QuarantineFilter::default()
}

/// Sets things aside whose bytes nobody reads here.
fn fill(hub: &Hub, count: u64, bytes: &[u8]) {
    let device = key(LOST).device();
    let quarantined = (1..=count)
        .map(|seq| {
            let (document, actor) = (DocumentId([7; 32]), Actor([7; 16]));
            let (hash, verdict) = (ChangeHash([7; 32]), Verdict::Equivocation);
            let notice = Notice { document, actor, seq, hash, verdict };
            Quarantined { device, notice, bytes: bytes.to_vec() }
        })
        .collect();
    hub.record(Fact::Accepted { from: device, packs: Vec::new(), quarantined, at: NOW }).unwrap();
}

fn logged(hub: &Hub) -> Vec<LogEntry> {
    let leaves = hub.log_page(0, NOW).unwrap().leaves;
    leaves.iter().map(|leaf| LogLeaf::decode(leaf).unwrap().entry).collect()
}

#[test]
fn what_is_kept_aside_is_shown_to_who_oversees_its_unit_and_is_not_there_for_others() {
    let (hub, genesis) = scene();
    grant(&hub, AUDITOR, Role::Auditor, "20");
    grant(&hub, STRANGER, Role::Auditor, "19");
    let packs = line(&genesis, &["first", "later"]);
    push(&hub, &packs);
    for by in [HERE, AUDITOR] {
        let found = listed(&hub, by, &all());
        assert_eq!(
            found.iter().map(|one| one.name).collect::<Vec<_>>(),
            packs.iter().map(name_of).collect::<Vec<_>>()
        );
        let one = &found[0];
        assert_eq!((one.verdict, one.device), (Verdict::NotAllowed, key(LOST).device()));
        assert_eq!(
            (one.from, one.scope.as_ref()),
            (Some(key(LOST).device()), Some(&genesis.scope))
        );
        assert_eq!(one.at, NOW);
        assert_eq!(bytes(&hub, by, name_of(&packs[1]), 0).0, packs[1].encode());
    }
    for by in [ELSEWHERE, STRANGER, 2] {
        assert_eq!(listed(&hub, by, &all()), [], "{by}");
        assert_eq!(bytes(&hub, by, name_of(&packs[0]), 0), (Vec::new(), 0), "{by}");
    }
    // To look at it puts nothing into the record, and it is listed until it is there.
    assert!(hub.replica().load(genesis.document()).is_err(), "nothing of it is in a record");
    decide(&hub, judge(HERE, "06325", 1, &packs[1], Judgement::Admit));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["first", "later"]);
    assert_eq!(listed(&hub, HERE, &all()), []);
    assert_eq!(bytes(&hub, HERE, name_of(&packs[0]), 0), (Vec::new(), 0));
}

#[test]
fn a_list_is_narrowed_by_unit_person_verdict_and_digits() {
    let (hub, genesis) = scene();
    grant(&hub, AUDITOR, Role::Auditor, "20");
    let packs = line(&genesis, &["first", "later"]);
    push(&hub, &packs);
    let count = |which: QuarantineFilter| listed(&hub, AUDITOR, &which).len();
    let of_unit = |unit: &str| QuarantineFilter { scope: Some(unit.parse().unwrap()), ..all() };
    assert_eq!([count(of_unit("06325")), count(of_unit("20")), count(of_unit("06337"))], [2, 2, 0]);
    let of = |number: u8| {
        let person = hub.replica().device(key(number).device()).unwrap().unwrap().person;
        QuarantineFilter { person: Some(person), ..all() }
    };
    assert_eq!([count(of(LOST)), count(of(2))], [2, 0]);
    let why = |verdict| QuarantineFilter { verdict: Some(verdict), ..all() };
    assert_eq!([count(why(Verdict::NotAllowed)), count(why(Verdict::Poison))], [2, 0]);
    let digits = |digits: String| QuarantineFilter { digits, ..all() };
    let hash = packs[0].tip_hash().to_string();
    assert_eq!(count(digits(hash[..12].to_uppercase())), 1);
    assert_eq!(count(digits(hash.clone())), 1);
    assert_eq!(count(digits(format!("{hash}0"))), 0);
    let other = QuarantineFilter { digits: hash, ..why(Verdict::Poison) };
    assert_eq!(count(other), 0, "all that is given has to fit");
}

#[test]
fn a_long_list_and_a_long_pack_come_in_pieces_of_which_none_is_lost() {
    let (hub, _) = scene();
    grant(&hub, ALL, Role::Supervisor, "00");
    let whole: Vec<u8> = (0..=250).cycle().take(QUARANTINE_BYTES_MAX * 5 / 2).collect();
    fill(&hub, 1, &whole);
    let count = QUARANTINE_PAGE_MAX as u64 + 1;
    fill(&hub, count, &[]);
    let found = listed(&hub, ALL, &all());
    assert_eq!(
        found.iter().map(|one| one.name.seq).collect::<Vec<_>>(),
        (1..=count).collect::<Vec<_>>()
    );
    let name = found[0].name;
    let mut read = Vec::new();
    loop {
        let (piece, total) = bytes(&hub, ALL, name, read.len() as u64);
        assert!(piece.len() <= QUARANTINE_BYTES_MAX && total == whole.len() as u64);
        read.extend(piece);
        if read.len() as u64 >= total {
            break;
        }
    }
    assert_eq!(read, whole);
    assert_eq!(bytes(&hub, ALL, name, u64::MAX), (Vec::new(), whole.len() as u64));
    // What does not say its unit is for who oversees all of them.
    assert_eq!(listed(&hub, HERE, &all()), []);
}

#[test]
fn whoever_looks_at_it_is_in_the_log_and_an_inspector_is_turned_away() {
    let (hub, genesis) = scene();
    let packs = line(&genesis, &["first", "later"]);
    push(&hub, &packs);
    let give = |pack: &Pack, from| {
        AdminRequest::Quarantine(QuarantineRequest::Bytes { name: name_of(pack), from })
    };
    let asks = [
        page(all(), None),
        page(all(), None),
        give(&packs[0], 0),
        give(&packs[0], 9),
        give(&packs[1], 0),
    ];
    let answers = ask_at(&side(HERE), &hub, NOW, &asks);
    assert!(
        answers.iter().all(|answer| matches!(answer, AdminAnswer::Quarantine(_))),
        "{answers:?}"
    );
    let answers = ask_at(&side(2), &hub, NOW, &asks[..1]);
    assert!(matches!(answers[..], [AdminAnswer::Refused(_)]), "{answers:?}");
    hub.settle_log(Timestamp(NOW.0 + 60_000)).unwrap();
    let read = |entry: &&LogEntry| {
        let reader = key(HERE).device();
        matches!(entry, LogEntry::Administered { act: Act::ReadAside, by, .. } if *by == reader)
    };
    let entries = logged(&hub);
    assert_eq!(
        entries.iter().filter(read).count(),
        3,
        "the list once, and each pack once: {entries:?}"
    );
    let turned = |entry: &LogEntry| {
        let asker: DeviceId = key(2).device();
        matches!(entry, LogEntry::TurnedAway { why: Turned::NotAllowed, device, .. } if *device == Some(asker))
    };
    assert!(entries.iter().any(turned), "{entries:?}");
}
