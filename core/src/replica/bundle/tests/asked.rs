//! What a phone asked of its hub by a file is answered in the answer file.

use super::*;
use crate::replica::meeting::sync;
use crate::replica::sealing::seal as seal_of;
use crate::store::Fault;
use crate::sync::FailureCode;
use crate::trust::control::ActId;

/// A hub at which 1 may write and assign, and the phone of 1.
fn leading() -> (Arc<Hub>, Side, Genesis) {
    let hub = hub(&[2]);
    hub.trust(PlainEntry { role: Role::Leader, ..entry(1, "06325") }).unwrap();
    let a = side(1);
    sync_at(&a, &hub, NOW);
    (hub, a, visit("06325", 1))
}

/// Signs that 1 alone writes an inspection of a unit.
fn assigned(a: &Side, scope: &str, nonce: u8) -> ActId {
    let genesis = visit(scope, nonce.into());
    let persons = vec![PersonId::of_device(key(1).device())];
    let deed = Deed::Assign { inspection: genesis.document(), persons };
    let (hub, by) = (key(99).device(), key(1).device());
    let act =
        Act { hub, by, scope: genesis.scope, nonce: [nonce; 16], at: later(nonce.into()), deed };
    a.phone.act(&a.phone.sign_act(act).unwrap()).unwrap()
}

fn revoke(hub: &Hub, number: u8) {
    let whom = crate::trust::control::Whom::Device(key(number).device());
    let deed = Deed::Revoke { whom, lost_since: None };
    let (by, scope) = (key(99).device(), "06325".parse().unwrap());
    let act = Act { hub: by, by, scope, nonce: [99; 16], at: NOW, deed };
    hub.enter(vec![act.sign(&key(99)).unwrap()], later(2)).unwrap();
}

/// What waits of a phone's decisions, and what the hub refused.
fn waits(a: &Side) -> (usize, usize) {
    let acting = a.phone.acting().unwrap();
    let refused = acting.iter().filter(|acting| acting.refused).count();
    (acting.len() - refused, refused)
}

#[test]
fn decisions_that_the_hub_refused_are_known_from_the_answer_and_hold_up_none_behind_them() {
    let (hub, a, _) = leading();
    // More than one letter brings, in a unit where this phone may decide nothing; behind them one that counts.
    for number in 1..=8 {
        assigned(&a, "06337", number);
    }
    assigned(&a, "06325", 9);
    let (answered, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    assert_eq!((answered.refused, answered.unentered), (8, 8));
    assert!(!answered.is_whole(), "the file may be the last that holds them");
    let taken = import(&a, &answer).unwrap();
    assert_eq!((taken.unentered, taken.done), (8, 0));
    assert_eq!(waits(&a), (1, 8));
    let (answered, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    assert_eq!((answered.refused, answered.unentered), (0, 0));
    assert!(answered.is_whole());
    let taken = import(&a, &answer).unwrap();
    assert_eq!((taken.unentered, taken.done), (0, 1));
    assert_eq!(waits(&a), (0, 8), "what counts is in the control log");
}

#[test]
fn what_a_phone_gives_back_of_the_control_log_is_no_request_of_a_person() {
    let (hub, a, _) = leading();
    assigned(&a, "06325", 1);
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    let mut parts = parts_of(&answer, 1);
    let rights = a.phone.rights_digest().unwrap();
    for errand in [Errand::Remind { upto: vec![9] }, Errand::Mark] {
        parts.push(Part::Answered { of: Asked { errand, rights }, refused: None });
    }
    let taken = import(&a, &of_hub(1, &parts)).unwrap();
    assert!(!taken.old);
    assert_eq!(taken.done, 1, "the decision alone");
}

#[test]
fn a_refusal_that_there_is_no_room_to_note_is_not_counted() {
    let (hub, a, _) = leading();
    assigned(&a, "06337", 1);
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    // Of this nothing else is to be noted.
    let mut parts = parts_of(&answer, 1);
    parts.retain(|part| {
        matches!(part, Part::Answer { .. } | Part::Shown(_) | Part::Answered { .. })
    });
    let refusal = of_hub(1, &parts);
    a.store.set_fault(Some(Fault::Full));
    let taken = import(&a, &refusal).unwrap();
    assert_eq!((taken.old, taken.unentered, waits(&a)), (false, 0, (1, 0)));
    a.store.set_fault(None);
    a.phone.replica().store().reopen().unwrap();
    assert_eq!(import(&a, &refusal).unwrap().unentered, 1);
    assert_eq!(waits(&a), (0, 1));
}

#[test]
fn an_answer_that_is_older_than_what_was_heard_since_refuses_nothing() {
    let (hub, a, _) = leading();
    assigned(&a, "06337", 1);
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    hub.trust(entry(3, "06325")).unwrap();
    // It hears of another device; its decision waits again, as where rights came back.
    sync(&a, &hub);
    assert_eq!(waits(&a), (0, 1));
    a.phone.record(crate::replica::facts::Fact::AskedAgain).unwrap();
    let taken = import(&a, &answer).unwrap();
    assert!(taken.old);
    assert_eq!((taken.unentered, waits(&a)), (0, (1, 0)));
}

#[test]
fn a_refusal_under_rights_that_are_others_by_now_is_no_last_word() {
    let (hub, a, _) = leading();
    assigned(&a, "06337", 1);
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    let mut parts = parts_of(&answer, 1);
    for part in &mut parts {
        if let Part::Answered { of, .. } = part {
            of.rights = [1; 32];
        }
    }
    let taken = import(&a, &of_hub(1, &parts)).unwrap();
    assert!(!taken.old);
    assert_eq!((taken.unentered, waits(&a)), (0, (1, 0)));
    // What the hub really said to these rights counts.
    assert_eq!(import(&a, &answer).unwrap().unentered, 1);
    assert_eq!(waits(&a), (0, 1));
}

#[test]
fn a_refusal_counts_from_the_hub_alone_and_under_the_key_that_it_has() {
    let (hub, a, _) = leading();
    assigned(&a, "06337", 1);
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    let refusal: Vec<Part> = parts_of(&answer, 1)
        .into_iter()
        .filter(|part| matches!(part, Part::Answered { .. }))
        .collect();
    assert_eq!(refusal.len(), 1);
    // A phone that says what the hub said.
    let receiver = key(1).device();
    let head = Head { maker: key(2).device(), receiver, made_at: NOW };
    assert!(import(&a, &pretended(&head, &key(2), receiver, &refusal)).is_err());
    // The hub, before it has shown its log.
    let mut parts = vec![parts_of(&answer, 1)[0].clone()];
    parts.extend(refusal);
    assert!(import(&a, &of_hub(1, &parts)).is_err());
    assert_eq!(waits(&a), (1, 0));
    // Whoever has the key that the hub has replaced.
    let (a, _) = robbed();
    let id = assigned(&a, "06325", 1);
    let of = Asked { errand: Errand::Act(id), rights: a.phone.rights_digest().unwrap() };
    let (code, message) = (FailureCode::NotAllowed, String::new());
    let refused = Some(Failure { code, message, retry_after_ms: None });
    let answer = Part::Answer { epoch: [2; 16], greeting: None };
    let refused = import(&a, &of_hub(1, &[answer, Part::Answered { of, refused }])).unwrap_err();
    assert!(matches!(refused, ReplicaError::Stranger { .. }), "{refused}");
    assert_eq!(waits(&a), (1, 0));
}

#[test]
fn minutes_that_the_hub_keeps_or_refuses_are_known_from_the_answer() {
    use crate::replica::sealing::{leader, seal};
    let hub = hub(&[]);
    hub.trust(leader(1)).unwrap();
    let a = side(1);
    sync_at(&a, &hub, NOW);
    let genesis = visit("06325", 1);
    a.answer(&genesis, "9.1", "of A");
    a.phone.release(later(1)).unwrap();
    seal(&a, &genesis);
    assert_eq!(a.phone.undelivered().unwrap(), 2, "the minutes, and the pack");
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    let kept = |part: &Part| !matches!(part, Part::Item(_) | Part::Reached(_));
    let parts: Vec<Part> = parts_of(&answer, 1).into_iter().filter(kept).collect();
    assert_eq!(import(&a, &of_hub(1, &parts)).unwrap().done, 1);
    assert_eq!(a.phone.undelivered().unwrap(), 0, "the hub keeps them");
    // Without the right to seal.
    let b = side(2);
    hub.trust(entry(2, "06325")).unwrap();
    sync_at(&b, &hub, NOW);
    let genesis = visit("06325", 2);
    b.answer(&genesis, "9.1", "of B");
    b.phone.release(later(1)).unwrap();
    let id = seal(&b, &genesis);
    let (_, answer) = at_hub(&hub, &export(&b, &[to_hub()])).unwrap();
    assert_eq!(import(&b, &answer).unwrap().unentered, 1);
    let minutes = b.phone.replica().minutes(genesis.document()).unwrap();
    let refused = minutes.others.iter().find(|held| held.id == id).unwrap();
    assert_eq!(refused.state, crate::replica::SealState::Refused);
}

#[test]
fn what_a_leaving_device_asks_is_answered_with_no_last_word() {
    let (hub, a, _) = leading();
    assigned(&a, "06337", 1);
    let file = export(&a, &[to_hub()]);
    revoke(&hub, 1);
    let (_, answer) = at_hub(&hub, &file).unwrap();
    let answered = parts_of(&answer, 1).into_iter().find_map(|part| match part {
        Part::Answered { refused, .. } => refused,
        _ => None,
    });
    assert_eq!(answered.unwrap().code, FailureCode::Busy);
    let taken = import(&a, &answer).unwrap();
    assert_eq!((taken.unentered, waits(&a)), (0, (1, 0)));
    assert!(a.phone.ended().unwrap().is_some());
}

#[test]
fn a_revoked_phones_file_with_minutes_that_the_hub_does_not_have_is_not_taken_in_whole() {
    let (hub, a, genesis) = leading();
    a.answer(&genesis, "9.1", "of A");
    seal_of(&a, &genesis);
    let file = export(&a, &[to_hub()]);
    revoke(&hub, 1);
    let (answered, _) = at_hub(&hub, &file).unwrap();
    assert_eq!((answered.packs, answered.settled), (1, 1), "kept aside");
    assert_eq!((answered.refused, answered.unentered), (1, 1));
    assert!(!answered.is_whole(), "{answered:?}");
}

#[test]
fn a_revoked_phones_file_is_taken_in_whole_where_the_hub_keeps_its_minutes() {
    let (hub, a, genesis) = leading();
    let b = side(2);
    sync_at(&b, &hub, NOW);
    // The minutes wait for what B wrote.
    b.answer(&genesis, "9.5", "of B");
    import(&a, &export(&b, &[to(1)])).unwrap();
    a.answer(&genesis, "9.1", "of A");
    let id = seal_of(&a, &genesis);
    let seals = || hub.seals_waiting(NOW).unwrap().seals;
    // Without what is carried, which would let them be registered.
    let parts = parts_of(&export(&a, &[to_hub()]), 99);
    let own = |part: &Part| match part {
        Part::Pack(pack) => PackHeader::peek(pack).unwrap().device == key(1).device(),
        _ => true,
    };
    let parts: Vec<_> =
        parts.iter().filter(|part| own(part)).map(|part| encode(part).unwrap()).collect();
    let head = Head { maker: key(1).device(), receiver: key(99).device(), made_at: NOW };
    let file = raw((&head, PARTS), &key(1), key(99).device(), &parts);
    let (answered, _) = at_hub(&hub, &file).unwrap();
    assert!(answered.is_whole(), "{answered:?}");
    assert_eq!((seals().len(), seals()[0].seal), (1, id));
    revoke(&hub, 1);
    hub.merge_all(NOW).unwrap();
    let (answered, _) = at_hub(&hub, &file).unwrap();
    assert_eq!((answered.refused, answered.unentered), (1, 0));
    assert!(answered.is_whole(), "{answered:?}");
    assert_eq!((seals().len(), seals()[0].seal), (1, id));
}
