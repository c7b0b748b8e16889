//! Sealed minutes that were altered on their way, that another than the leader signed, or that say what is not
//! so: none is registered, each is refused by its own name, and the hub's log says of whom it came.

use bienban_core::checklist::Template;
use bienban_core::clock;
use bienban_core::model::ChangeHash;
use bienban_core::sync::{AdminAnswer, AdminRequest, Failure, FailureCode, Frame};
use bienban_core::trust::control::{Act, Deed, SignedAct};
use bienban_core::trust::log::{Act as Logged, LogEntry};
use bienban_core::trust::seal::{
    Ending, Hearing, MemberHeard, Presence, Seal, SealId, SealStatement, Signing,
};
use bienban_tests::fleet::{self, SHORT};

use crate::device::{Hostile, hello, kept};
use crate::stage::{HOSTILE, LEADER, Stage, key};

/// What somebody on the way does to a seal.
type Alter = fn(&mut Seal);

/// The record of what the hub found a seal to be worth (`docs/store-format.md`).
const SEAL_REFUSED: u8 = 44;

/// Sealed minutes of the visit as it stands at the hub, as a leader's device would word them.
fn worded(stage: &Stage, leader: u8) -> SealStatement {
    let replica = stage.hub.replica();
    let document = replica.load(stage.visit().document()).unwrap();
    let (heard, unproven) = replica.heard(&document).unwrap();
    assert_eq!(unproven, 0);
    let members = heard
        .into_iter()
        .map(|(device, lines)| MemberHeard { device, hearing: Hearing::UpTo(lines) })
        .collect();
    let owner =
        Presence { name: "Mận".to_owned(), title: "Chủ cơ sở".to_owned(), drawn: None };
    let signing = Signing {
        checklist: (Template::parse(SHORT).unwrap().id(), "SIM 1".to_owned(), false),
        supplements: None,
        members,
        ending: Ending::Signed(owner),
        leader_drawn: None,
        at: clock::now(),
    };
    SealStatement::of(&document, key(leader).device(), signing).unwrap()
}

/// The act with which a device registers a seal.
fn registering(stage: &Stage, by: u8, seal: SealId) -> SignedAct {
    let deed = Deed::Seal { document: stage.visit().document(), seal: seal.0 };
    let (key, hub, scope) = (key(by), stage.hub.device(), fleet::unit());
    let act = Act { hub, by: key.device(), scope, nonce: [by; 16], at: clock::now(), deed };
    act.sign(&key).unwrap()
}

/// Presents a seal in a session of the hostile device. Returns why it was refused, if it was.
fn present(hostile: &Hostile, act: &SignedAct, seal: &Seal) -> Option<Failure> {
    let request = AdminRequest::Seal { act: act.encode().unwrap(), seal: seal.encode().unwrap() };
    let ask = Frame::Ask { request_id: 1, request }.encode().unwrap();
    let pushed = Frame::Pushed { answered: 0 }.encode().unwrap();
    let heard = hostile.say(&[hello(), kept(), ask, pushed]);
    let answer = heard.frames.iter().find_map(|frame| match frame {
        Frame::Answer { answer, .. } => Some(answer.clone()),
        _ => None,
    });
    match answer {
        Some(AdminAnswer::Done) => None,
        Some(AdminAnswer::Refused(failure)) => Some(failure),
        _ => panic!("the hub does not answer: {heard:?}"),
    }
}

fn expect_unregistered(stage: &Stage) {
    assert_eq!(stage.hub.replica().registered(&stage.visit()).unwrap(), None);
}

/// How many of the log's leaves say that what the hostile device asked was refused.
fn refused_in_log(stage: &Stage) -> usize {
    let device = stage.hostile.key.device();
    let leaves = stage.log();
    let refused = leaves.iter().filter(|leaf| {
        matches!(leaf.entry, LogEntry::Administered { act: Logged::Refused, by, .. } if by == device)
    });
    refused.count()
}

#[test]
fn a_seal_that_was_altered_on_its_way_is_refused_and_named() {
    let stage = Stage::open();
    stage.merged();
    let good = worded(&stage, LEADER).sign(&key(LEADER)).unwrap();
    let act = registering(&stage, LEADER, good.id().unwrap());
    let alter: [(&str, Alter); 5] = [
        ("content", |seal| seal.statement.content[0] ^= 1),
        ("heads", |seal| seal.statement.heads = vec![ChangeHash([7; 32])]),
        ("statement", |seal| seal.statement.checklist_name.push('!')),
        ("time", |seal| seal.statement.at.0 -= 1),
        ("signature", |seal| seal.signature.0[5] ^= 1),
    ];
    let count = alter.len();
    stage.during(|hostile| {
        for (part, alter) in alter {
            let mut altered = good.clone();
            alter(&mut altered);
            let failure = present(hostile, &act, &altered).unwrap();
            assert_eq!(failure.code, FailureCode::Misbehaved, "{part}: {failure:?}");
            assert!(failure.message.contains("did not sign it"), "{part}: {failure:?}");
            // Under an act that names the altered one its leader has not signed either.
            let other = registering(&stage, HOSTILE, altered.id().unwrap());
            let failure = present(hostile, &other, &altered).unwrap();
            assert_eq!(failure.code, FailureCode::Misbehaved, "{part}: {failure:?}");
        }
    });
    expect_unregistered(&stage);
    assert_eq!(refused_in_log(&stage), 2 * count);
    stage.expect_honest(&[]);
}

#[test]
fn a_seal_by_another_than_the_leader_is_refused_and_named() {
    let stage = Stage::open();
    stage.merged();
    let (own, leaders) = (worded(&stage, HOSTILE), worded(&stage, LEADER));
    stage.during(|hostile| {
        // Well signed, by somebody who does not lead.
        let own = own.sign(&key(HOSTILE)).unwrap();
        let failure = present(hostile, &registering(&stage, HOSTILE, own.id().unwrap()), &own);
        assert_eq!(failure.map(|failure| failure.code), Some(FailureCode::NotAllowed));
        // The leader's, which somebody else would register.
        let theirs = leaders.clone().sign(&key(LEADER)).unwrap();
        let failure =
            present(hostile, &registering(&stage, HOSTILE, theirs.id().unwrap()), &theirs);
        assert_eq!(failure.map(|failure| failure.code), Some(FailureCode::Misbehaved));
        // The leader's statement under another's signature.
        let forged = Seal { statement: leaders.clone(), signature: own.signature };
        let failure = present(hostile, &registering(&stage, LEADER, forged.id().unwrap()), &forged);
        assert!(failure.unwrap().message.contains("did not sign it"));
    });
    expect_unregistered(&stage);
    assert_eq!(refused_in_log(&stage), 3);
    stage.expect_honest(&[]);
}

#[test]
fn a_seal_of_what_the_record_does_not_say_is_never_registered() {
    let stage = Stage::open();
    stage.merged();
    let mut lie = worded(&stage, LEADER);
    lie.content = [7; 32];
    let lie = lie.sign(&key(LEADER)).unwrap();
    let act = registering(&stage, LEADER, lie.id().unwrap());
    stage.during(|hostile| {
        assert_eq!(present(hostile, &act, &lie), None, "it is well signed: the worker looks at it");
    });
    stage.expect_leaf("what the worker found", |leaf| {
        matches!(leaf.entry, LogEntry::Recorded { kind: SEAL_REFUSED })
    });
    let failure = present(&stage.hostile, &act, &lie).unwrap();
    assert_eq!(failure.code, FailureCode::NotAllowed);
    assert!(failure.message.contains("does not hold against its record"), "{failure:?}");
    expect_unregistered(&stage);
    assert_eq!(refused_in_log(&stage), 1);
    stage.expect_honest(&[]);
}
