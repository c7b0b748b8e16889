//! How often a device may ask for what the hub has to look at.

use super::*;
use crate::replica::meeting::once;
use crate::sync::{AdminAnswer, AdminRequest, FailureCode};
use crate::trust::log::{Act as Asked, LogEntry, LogLeaf, Turned};

const LATER: Timestamp = Timestamp(NOW.0 + 120_000);

/// How many requests of a device the hub's log says it refused, and how many it only turned away.
fn logged(hub: &Hub) -> (usize, u64) {
    hub.settle_log(LATER).unwrap();
    let mut after = 0;
    let (mut refused, mut turned_away) = (0, 0);
    loop {
        let leaves = hub.log_page(after, LATER).unwrap().leaves;
        if leaves.is_empty() {
            return (refused, turned_away);
        }
        after += leaves.len() as u64;
        for leaf in leaves.iter().filter_map(|leaf| LogLeaf::decode(leaf)) {
            match leaf.entry {
                LogEntry::Administered { act: Asked::Refused, .. } => refused += 1,
                LogEntry::TurnedAway { why: Turned::TooMuch, count, .. } => turned_away += count,
                _ => {}
            }
        }
    }
}

fn codes(answers: &[AdminAnswer]) -> Vec<Option<FailureCode>> {
    let code = |answer: &AdminAnswer| match answer {
        AdminAnswer::Refused(failure) => Some(failure.code),
        _ => None,
    };
    answers.iter().map(code).collect()
}

#[test]
fn who_asks_too_much_waits_with_seals_and_entries_too_and_fills_no_log() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    let (act, sealed) = sign(&one, &genesis);
    let (act, sealed) = (act.encode().unwrap(), sealed.encode().unwrap());
    hub.present(&act, &sealed, NOW).unwrap();
    let asks = [
        AdminRequest::Seal { act: vec![7; 9], seal: vec![7; 9] },
        AdminRequest::TakeBack { entries: vec![vec![7; 9]] },
        AdminRequest::Enter { acts: vec![vec![7; 9]] },
        AdminRequest::Enter { acts: Vec::new() },
        AdminRequest::Seal { act: act.clone(), seal: Vec::new() },
    ];
    let wrong = Some(FailureCode::Misbehaved);
    let answers = once(&two, &hub, (NOW, 0), &asks).answers().to_vec();
    assert_eq!(codes(&answers), [wrong, wrong, wrong, None, None]);
    assert_eq!(logged(&hub), (3, 0));
    while hub.paced_decisions(two.phone.device(), 1, NOW).is_none() {}
    let busy = Some(FailureCode::Busy);
    for round in 1..4 {
        let answers = once(&two, &hub, (NOW, round), &asks).answers().to_vec();
        // To ask after what is kept costs nothing.
        assert_eq!(codes(&answers), [busy, busy, busy, busy, None]);
    }
    assert_eq!(logged(&hub), (3, 12));
}

#[test]
fn what_asks_for_nothing_is_counted_all_the_same() {
    let (hub, [_, two, _], _) = team();
    let taken =
        (0..3_000).take_while(|_| hub.paced_decisions(two.phone.device(), 0, NOW).is_none());
    assert_eq!(taken.count(), 2_048);
}
