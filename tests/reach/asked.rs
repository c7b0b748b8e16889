//! What administrators and auditors ask of the hub, and what of that its log tells.

use std::sync::Arc;

use bienban_core::model::{DeviceId, Timestamp};
use bienban_core::replica::{Hub, HubRunner, PhoneOptions, PhoneRunner};
use bienban_core::sync::{AdminAnswer, AdminRequest, LogAnswer, LogRequest, PlainEntry, Role};
use bienban_core::trust::log::{Act, LogEntry};
use bienban_tests::fleet::{self, NOW, SHORT};

use crate::rewritten::entries;

/// Asks all of it in one session of the phone with that number.
fn ask(hub: &Arc<Hub>, number: u8, asks: Vec<AdminRequest>) -> Vec<AdminAnswer> {
    let phone = fleet::phone(number);
    let options = PhoneOptions { hub: hub.device(), live: false, asks };
    let mut here = PhoneRunner::start(phone.clone(), options, Box::new(|| [7; 16]), NOW).unwrap();
    let entry = hub.replica().device(phone.device()).unwrap().unwrap();
    let mut there = HubRunner::start(hub.clone(), entry, NOW).unwrap();
    for _ in 0..100 {
        let up = here.poll_frame(NOW).unwrap();
        let down = there.poll_frame(NOW).unwrap();
        up.iter().for_each(|frame| there.handle(frame).unwrap());
        down.iter().for_each(|frame| here.handle(frame).unwrap());
    }
    here.answers().to_vec()
}

fn page(from: u64) -> AdminRequest {
    AdminRequest::Log(LogRequest::Page { from })
}

/// A hub that knows an inspector (1), an administrator (2) and an auditor (3).
fn hub() -> Arc<Hub> {
    let (hub, _) = fleet::hub(SHORT, 1);
    hub.trust(PlainEntry { role: Role::Admin, ..fleet::entry(2) }).unwrap();
    hub.trust(PlainEntry { role: Role::Auditor, ..fleet::entry(3) }).unwrap();
    hub
}

fn device(number: u8) -> DeviceId {
    fleet::entry(number).device
}

/// What the log says that a device did, in order.
fn acts(hub: &Hub, number: u8) -> Vec<Act> {
    let of = |entry: LogEntry| match entry {
        LogEntry::Administered { act, by, .. } if by == device(number) => Some(act),
        _ => None,
    };
    entries(hub).into_iter().filter_map(of).collect()
}

#[test]
fn an_auditor_reads_the_log_and_an_inspector_does_not() {
    let hub = hub();
    assert!(matches!(ask(&hub, 1, vec![page(0)])[..], [AdminAnswer::Refused(_)]));
    let answers = ask(&hub, 3, vec![page(0)]);
    let AdminAnswer::Log(LogAnswer::Page(page)) = &answers[0] else { panic!("no page") };
    assert!(page.leaves.len() as u64 == page.head.size);
    hub.settle_log(Timestamp(NOW.0 + 60_000)).unwrap();
    assert_eq!(acts(&hub, 3), [Act::ReadLog]);
    let turned = |entry: &LogEntry| matches!(entry, LogEntry::TurnedAway { device: named, .. } if *named == Some(device(1)));
    assert!(entries(&hub).iter().any(turned), "what was asked in vain is told too");
}

#[test]
fn whoever_reads_the_log_from_the_middle_is_in_it_once_a_session() {
    let hub = hub();
    for session in 1..=2 {
        ask(&hub, 3, vec![page(1), page(2), page(0), page(5)]);
        assert_eq!(acts(&hub, 3), vec![Act::ReadLog; session]);
    }
}

#[test]
fn what_waits_and_how_the_hub_is_are_told_to_nobody_unseen() {
    let hub = hub();
    use AdminRequest as R;
    let answers = ask(&hub, 2, vec![R::Status, R::Waiting, R::Status, R::Waiting, R::Status]);
    assert!(answers.iter().all(|answer| !matches!(answer, AdminAnswer::Refused(_))));
    assert_eq!(acts(&hub, 2), [Act::ReadStatus, Act::ReadWaiting]);
}

#[test]
fn what_an_administrator_asked_in_vain_is_in_the_log() {
    let hub = hub();
    let answers = ask(&hub, 2, vec![AdminRequest::Enter { acts: vec![vec![9; 9]] }]);
    assert!(matches!(answers[..], [AdminAnswer::Refused(_)]));
    assert_eq!(acts(&hub, 2), [Act::Refused]);
}

#[test]
fn proofs_for_an_export_are_in_the_log_wherever_their_reading_begins() {
    let hub = hub();
    let document = fleet::visit(bienban_core::model::TemplateId([1; 32]), 4).document();
    let proofs = |after| AdminRequest::Log(LogRequest::Proofs { document, after });
    ask(&hub, 3, vec![proofs(1), proofs(64)]);
    let exported =
        |entry: &LogEntry| matches!(entry, LogEntry::Exported { by, .. } if *by == device(3));
    assert_eq!(entries(&hub).iter().filter(|entry| exported(entry)).count(), 1);
}
