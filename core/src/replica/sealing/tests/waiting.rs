//! What the hub names of seals that wait: which, since when, and for what.

use super::*;
use crate::sync::{LackingLine, LinePlace, SealWait, WaitingSeal};

fn present(hub: &Hub, (act, seal): &(SignedAct, Seal), at: i64) {
    let presented =
        hub.present(&act.encode().unwrap(), &seal.encode().unwrap(), Timestamp(NOW.0 + at));
    assert_eq!(presented.unwrap(), crate::replica::hub::sealing::Presented::Kept);
}

fn waits(hub: &Hub) -> Vec<WaitingSeal> {
    let waiting = hub.seals_waiting(NOW).unwrap();
    assert!(!waiting.more);
    waiting.seals
}

#[test]
fn a_waiting_seal_is_named_with_the_changes_that_the_hub_lacks_until_it_is_registered() {
    let (hub, [one, two, _], genesis) = team();
    assert_eq!(waits(&hub), []);
    two.answer(&genesis, "1.1", "two");
    meet(&two, &one);
    one.answer(&genesis, "1.2", "one");
    let signed = sign(&one, &genesis);
    present(&hub, &signed, 7);
    let (seal, leader) = (signed.1.id().unwrap(), one.phone.device());
    let lines: Vec<_> = signed.1.statement.heard_lines().collect();
    let lacking = lines.iter().map(|(device, line)| LackingLine {
        device: *device,
        seq: line.seq,
        hash: line.hash,
        place: LinePlace::Absent,
    });
    let lacking: Vec<_> = lacking.collect();
    assert_eq!(lacking.len(), 2);
    let expected = WaitingSeal {
        seal,
        document: genesis.document(),
        scope: genesis.scope.clone(),
        leader,
        since: Some(Timestamp(NOW.0 + 7)),
        wait: SealWait::Changes { lacking: lacking.clone(), more: false },
    };
    assert_eq!(waits(&hub), [expected]);
    // What has come is not named any more.
    sync(&two, &hub);
    let own = lacking.iter().filter(|line| line.device == leader).copied().collect();
    assert_eq!(waits(&hub)[0].wait, SealWait::Changes { lacking: own, more: false });
    sync(&one, &hub);
    hub.merge_all(NOW).unwrap();
    assert_eq!(waits(&hub), []);
    assert!(hub.replica().registered(&genesis).unwrap().is_some());
}

#[test]
fn a_waiting_seal_is_named_with_its_check_or_with_the_right_that_its_signer_lost() {
    let (hub, [one, ..], genesis) = team();
    one.answer(&genesis, "1.1", "one");
    sync(&one, &hub);
    present(&hub, &sign(&one, &genesis), 0);
    assert_eq!(waits(&hub)[0].wait, SealWait::Check { failed: 0 });
    hub.trust(entry(1, "06325")).unwrap();
    assert_eq!(waits(&hub)[0].wait, SealWait::Rights);
    hub.merge_all(NOW).unwrap();
    assert_eq!(waits(&hub), []);
}

#[test]
fn of_many_waiting_seals_the_oldest_are_named_and_that_there_are_more() {
    let (hub, [one, ..], _) = team();
    let mut seals = Vec::new();
    for number in 1..=33 {
        assert!(!hub.seals_waiting(NOW).unwrap().more);
        let genesis = visit("06325", number);
        one.answer(&genesis, "1.1", "one");
        let signed = sign(&one, &genesis);
        // The later it is made, the older.
        present(&hub, &signed, -i64::from(number));
        seals.insert(0, signed.1.id().unwrap());
    }
    let waiting = hub.seals_waiting(NOW).unwrap();
    assert!(waiting.more);
    let named: Vec<_> = waiting.seals.iter().map(|one| one.seal).collect();
    assert_eq!(named, seals[..32]);
}
