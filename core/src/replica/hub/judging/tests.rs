mod failing;

use super::*;
use crate::checklist::{TEA, Template};
use crate::model::{AnswerInput, Document, Genesis, Grade, Incarnation};
use crate::replica::meeting::{entry, hub, key, side, sync, values, visit};
use crate::sync::{PlainEntry, Role};
use crate::trust::control::{Act, Deed, SignedAct};

pub(in crate::replica::hub) const NOW: Timestamp = Timestamp(1_795_000_000_000);
const LIFE: Incarnation = Incarnation([1; 16]);
/// The phone whose rights were ended.
pub(in crate::replica::hub) const LOST: u8 = 1;
/// Supervisors: of the visit's commune, and of another.
pub(in crate::replica::hub) const HERE: u8 = 5;
pub(in crate::replica::hub) const ELSEWHERE: u8 = 6;

/// A hub that knows the supervisors, and the lost phone as revoked.
pub(in crate::replica::hub) fn scene() -> (std::sync::Arc<Hub>, Genesis) {
    let hub = hub(&[LOST, 2]);
    for (number, unit) in [(HERE, "06325"), (ELSEWHERE, "06337")] {
        hub.trust(PlainEntry { role: Role::Supervisor, ..entry(number, unit) }).unwrap();
    }
    hub.trust(PlainEntry { active: false, ..entry(LOST, "06325") }).unwrap();
    (hub, visit("06325", 1))
}

/// Answers of the lost phone to one item, each in a pack.
pub(in crate::replica::hub) fn line(genesis: &Genesis, answers: &[&str]) -> Vec<Pack> {
    let actor = Actor::derive(key(LOST).device(), genesis.document(), LIFE);
    let mut document = Document::create(genesis, &Template::parse(TEA).unwrap().shape());
    let mut previous = None;
    let pack = |value: &&str| {
        let answer = AnswerInput {
            grade: Grade::Minor,
            value: Some((*value).to_owned()),
            evidence: Vec::new(),
            claimed_at: NOW,
            resolves: false,
        };
        let edited = document.edit(actor, NOW, |editor| editor.answer("1.1", answer)).unwrap();
        let change = edited.1.unwrap();
        let hash = change.facts().hash;
        let pack = Pack::seal(&key(LOST), genesis.clone(), LIFE, previous, vec![change]).unwrap();
        previous = Some(Tip::after(previous.as_ref(), hash));
        pack
    };
    answers.iter().map(pack).collect()
}

pub(in crate::replica::hub) fn push(hub: &Hub, packs: &[Pack]) {
    let encoded: Vec<Vec<u8>> = packs.iter().map(Pack::encode).collect();
    hub.accept(key(LOST).device(), &encoded, NOW).unwrap();
    hub.merge_all(NOW).unwrap();
}

pub(in crate::replica::hub) fn judge(
    by: u8,
    unit: &str,
    nonce: u8,
    pack: &Pack,
    judgement: Judgement,
) -> SignedAct {
    let (document, actor) = (pack.document(), pack.actor());
    let (seq, hash) = (pack.last_seq(), pack.tip_hash());
    let deed = Deed::Judge { document, actor, seq, hash, judgement };
    let (hub, by) = (key(99).device(), key(by));
    let scope = unit.parse().unwrap();
    Act { hub, by: by.device(), scope, nonce: [nonce; 16], at: NOW, deed }.sign(&by).unwrap()
}

pub(in crate::replica::hub) fn decide(hub: &Hub, act: SignedAct) {
    hub.enter(vec![act], NOW).unwrap();
    hub.merge_all(NOW).unwrap();
}

fn aside(hub: &Hub) -> u64 {
    hub.status().unwrap().quarantined
}

#[test]
fn what_a_supervisor_of_the_unit_admits_enters_the_record_and_reaches_all() {
    let ((hub, genesis), two) = (scene(), side(2));
    let packs = line(&genesis, &["first", "later"]);
    push(&hub, &packs);
    assert_eq!(aside(&hub), 2);
    // In the log of a unit where the document is not it says nothing of it.
    decide(&hub, judge(ELSEWHERE, "06337", 1, &packs[1], Judgement::Admit));
    // Who is supervisor elsewhere may not decide here, nor may an inspector.
    for by in [ELSEWHERE, 2] {
        let act = judge(by, "06325", 2, &packs[1], Judgement::Admit);
        assert!(matches!(hub.enter(vec![act], NOW), Err(ReplicaError::NotEntered { .. })));
    }
    hub.reconsider_all().unwrap();
    hub.merge_all(NOW).unwrap();
    assert_eq!(aside(&hub), 2);
    decide(&hub, judge(HERE, "06325", 3, &packs[1], Judgement::Admit));
    assert_eq!(aside(&hub), 0);
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["first", "later"]);
    sync(&two, &hub);
    assert_eq!(two.values(&genesis, "1.1"), ["first", "later"]);
}

#[test]
fn what_was_admitted_before_it_came_enters_once_nothing_lacks_before_it() {
    let (hub, genesis) = scene();
    let packs = line(&genesis, &["first", "later", "last"]);
    decide(&hub, judge(HERE, "06325", 1, &packs[1], Judgement::Admit));
    push(&hub, &packs[1..]);
    assert_eq!(aside(&hub), 2);
    let name = (packs[1].last_seq(), packs[1].tip_hash());
    let found = hub.line_to(genesis.document(), packs[1].actor(), name).unwrap();
    let stop = found.expect_err("the first has not come");
    assert_eq!((stop.cause, stop.seq), (StopCause::Lacks, packs[0].last_seq()));
    push(&hub, &packs[..1]);
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["first", "later"]);
    assert_eq!(aside(&hub), 1, "what comes after the change decided of is not decided of");
    decide(&hub, judge(HERE, "06325", 2, &packs[2], Judgement::Admit));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["first", "last", "later"]);
    assert_eq!(aside(&hub), 0);
}

#[test]
fn another_line_under_the_same_name_is_not_what_was_admitted() {
    let (hub, genesis) = scene();
    let (seen, forged) = (line(&genesis, &["first", "later"]), line(&genesis, &["forged", "x"]));
    push(&hub, &forged);
    push(&hub, &seen);
    assert_eq!(aside(&hub), 4);
    decide(&hub, judge(HERE, "06325", 1, &seen[1], Judgement::Admit));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["first", "later"]);
    assert_eq!(aside(&hub), 2);
    decide(&hub, judge(HERE, "06325", 2, &forged[1], Judgement::Admit));
    assert_eq!(
        values(hub.replica(), &genesis, "1.1"),
        ["first", "later"],
        "it cannot continue what is held"
    );
}

#[test]
fn what_is_kept_out_stays_out_until_the_supervisor_decides_otherwise() {
    let ((hub, genesis), two) = (scene(), side(2));
    let packs = line(&genesis, &["first"]);
    push(&hub, &packs);
    decide(&hub, judge(HERE, "06325", 1, &packs[0], Judgement::Keep));
    hub.reconsider_all().unwrap();
    push(&hub, &packs);
    assert_eq!(aside(&hub), 1);
    sync(&two, &hub);
    let notice = super::super::notice(&packs[0], crate::sync::Verdict::NotAllowed);
    let judged = two.phone.replica().judged_aside(&genesis.scope, &notice).unwrap().unwrap();
    assert_eq!((judged.judgement, judged.by), (Judgement::Keep, key(HERE).device()));
    decide(&hub, judge(HERE, "06325", 2, &packs[0], Judgement::Admit));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["first"]);
}

#[test]
fn what_was_admitted_in_the_logs_of_two_units_is_found_by_its_digits() {
    let (hub, genesis) = scene();
    let packs = line(&genesis, &["first", "later"]);
    let digits = packs[1].tip_hash().to_string();
    let admitted = || hub.replica().admitted(&digits[..12]).unwrap();
    // The document is not here yet, so either may be its unit.
    decide(&hub, judge(ELSEWHERE, "06337", 1, &packs[1], Judgement::Admit));
    assert_eq!(admitted().unwrap().1.by, key(ELSEWHERE).device());
    decide(&hub, judge(HERE, "06325", 2, &packs[1], Judgement::Admit));
    let (change, judged) = admitted().unwrap();
    assert_eq!((change, judged.by), (packs[1].tip_hash(), key(HERE).device()));
    push(&hub, &packs);
    assert_eq!(admitted().unwrap().1.by, key(HERE).device());
    // Where the document is known only its unit's decision counts.
    decide(&hub, judge(HERE, "06325", 3, &packs[1], Judgement::Keep));
    assert_eq!(admitted(), None);
    decide(&hub, judge(HERE, "06325", 4, &packs[0], Judgement::Admit));
    assert!(admitted().is_none(), "another change");
    assert!(hub.replica().admitted("").unwrap().is_some());
}
