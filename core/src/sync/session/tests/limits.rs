//! What bounds a session, and what it says when something goes wrong half-way.

use super::*;
use crate::sync::LogMessage;
use crate::sync::pack::LONG_PACK_BYTES_MAX;

fn greeted(hub: &FakeHub, live: bool) -> HubSession {
    let head = hub.position(hub.feed.len());
    let mut session = HubSession::new(HubStart { entry: entry(1).into(), head, now: Timestamp(2) });
    let start = Start { live, position: Some(hub.position(0)), ..FakePhone::new(1).start(live) };
    let mut phone = PhoneSession::new(start);
    say_first(&mut phone, &mut session);
    session
}

/// Takes a phone's Hello, and which heads of the log it kept, to the hub.
fn say_first(phone: &mut PhoneSession, session: &mut HubSession) {
    for _ in 0..2 {
        let Some(PhoneOutput::Send(said)) = phone.poll_output() else { panic!("no Hello") };
        session.handle_frame(&said, &MemoryTree::default()).unwrap();
    }
}

fn hear(session: &mut HubSession, frame: &Frame) -> Result<(), SessionError> {
    session.handle_frame(&frame.encode().unwrap(), &MemoryTree::default())
}

/// Polls until nothing is left, and returns what was said and what else was wanted.
fn drain(session: &mut HubSession) -> (Vec<Frame>, Vec<HubOutput>) {
    let (mut said, mut wanted) = (Vec::new(), Vec::new());
    while let Some(output) = session.poll_output() {
        match output {
            HubOutput::ShowLog { .. } => session.handle_log(shown(&FakeHub::new(1))).unwrap(),
            HubOutput::Send(bytes) => {
                let frame = Frame::decode(&bytes).unwrap();
                said.extend(Some(frame).filter(|frame| !matches!(frame, Frame::Log(_))));
            }
            other => wanted.push(other),
        }
    }
    (said, wanted)
}

#[test]
fn a_phone_that_pushes_faster_than_the_hub_stores_is_not_read() {
    let hub = FakeHub::new(1);
    let mut session = greeted(&hub, true);
    for _ in 0..ACCEPTS_MAX {
        assert!(session.wants_input());
        hear(&mut session, &Frame::Push { packs: vec![vec![1]] }).unwrap();
    }
    assert!(!session.wants_input());
    session.handle_accepted(Accepted::default()).unwrap();
    assert!(session.wants_input());
}

#[test]
fn a_slow_reader_is_served_one_page_at_a_time() {
    let (mut phone, mut hub) = (FakePhone::new(2), FakeHub::new(1));
    (0..7).for_each(|document| phone.edit(document, 1));
    sync(&mut phone, &mut hub);
    // A phone at the beginning of the feed, seven packs behind.
    let mut session = greeted(&hub, true);
    session.handle_position(true).unwrap();
    let (_, wanted) = drain(&mut session);
    let serves = wanted.iter().filter(|output| matches!(output, HubOutput::Serve { .. })).count();
    assert_eq!(serves, 1);
    // Until that page is handed in and written, no other is asked for.
    session.handle_feed(hub.page(key(1).device(), hub.position(0))).unwrap();
    assert!(matches!(session.poll_output(), Some(HubOutput::Send(_))));
    assert!(matches!(session.poll_output(), Some(HubOutput::Serve { .. })));
    assert!(session.poll_output().is_none());
}

#[test]
fn a_session_does_not_end_while_the_phones_packs_wait_to_be_merged() {
    let hub = FakeHub::new(1);
    let mut session = greeted(&hub, false);
    hear(&mut session, &Frame::Push { packs: vec![vec![1]] }).unwrap();
    hear(&mut session, &Frame::Pushed { answered: 0 }).unwrap();
    let (_, wanted) = drain(&mut session);
    assert!(wanted.iter().any(|output| matches!(output, HubOutput::Accept(_))));
    session.handle_accepted(Accepted { pending: true, ..Accepted::default() }).unwrap();
    session.handle_notices(0, vec![]).unwrap();
    assert_eq!(drain(&mut session).0, []);
    session.handle_merged(true);
    let (_, wanted) = drain(&mut session);
    assert!(wanted.iter().any(|output| matches!(output, HubOutput::Serve { .. })));
    let page = FeedPage { items: vec![], position: hub.position(0), more: false };
    session.handle_feed(page).unwrap();
    session.handle_notices(0, vec![]).unwrap();
    let (said, _) = drain(&mut session);
    assert_eq!(said, [Frame::Caught { position: hub.position(0) }, Frame::Bye]);
}

#[test]
fn a_full_disk_is_told_before_another_refusal() {
    let codes = [FailureCode::Misbehaved, FailureCode::Full, FailureCode::Version];
    let hub = FakeHub::new(1);
    let mut session = greeted(&hub, false);
    for _ in codes {
        hear(&mut session, &Frame::Push { packs: vec![vec![1]] }).unwrap();
    }
    hear(&mut session, &Frame::Pushed { answered: 0 }).unwrap();
    drain(&mut session);
    for code in codes {
        let failure = Failure { code, message: "not taken in".into(), retry_after_ms: None };
        let accepted = Accepted { failure: Some(failure), ..Accepted::default() };
        session.handle_accepted(accepted).unwrap();
    }
    let mut said = Vec::new();
    for _ in 0..2 {
        session.handle_notices(0, vec![]).unwrap();
        said.extend(drain(&mut session).0);
    }
    let failed =
        Failure { code: FailureCode::Full, message: "not taken in".into(), retry_after_ms: None };
    assert_eq!(said.last(), Some(&Frame::Failed(failed)));
}

#[test]
fn growth_before_the_hello_is_not_missed() {
    let hub = FakeHub::new(1);
    let head = hub.position(0);
    let mut session = HubSession::new(HubStart { entry: entry(1).into(), head, now: Timestamp(2) });
    session.handle_feed_grown();
    let mut phone = FakePhone::new(1);
    phone.position = Some(head);
    let mut phone = PhoneSession::new(phone.start(true));
    say_first(&mut phone, &mut session);
    assert!(drain(&mut session).1.contains(&HubOutput::Serve { after: head }));
}

#[test]
fn nothing_is_said_after_goodbye() {
    let hub = FakeHub::new(1);
    let mut session = greeted(&hub, false);
    hear(&mut session, &Frame::Pushed { answered: 0 }).unwrap();
    drain(&mut session);
    session.handle_notices(0, vec![]).unwrap();
    assert_eq!(drain(&mut session).0.last(), Some(&Frame::Bye));
    // The feed grows while the phone's goodbye is on its way.
    session.handle_merged(true);
    drain(&mut session);
    session.handle_notices(9, vec![]).unwrap();
    session.handle_feed(hub.page(key(1).device(), hub.position(0))).unwrap();
    hear(&mut session, &Frame::Push { packs: vec![vec![1]] }).unwrap();
    let device = key(1).device();
    let receipt = HubReceipt::sign(&key(HUB), [1; 16], device, vec![], Timestamp(1)).unwrap();
    session.handle_accepted(Accepted { receipt: Some(receipt), ..Accepted::default() }).unwrap();
    assert_eq!(drain(&mut session).0, []);
    hear(&mut session, &Frame::Bye).unwrap();
    let (_, wanted) = drain(&mut session);
    let Some(HubOutput::Finished(outcome)) = wanted.last() else { panic!("not finished") };
    assert_eq!(outcome.ending, Ending::Done);
}

#[test]
fn notices_are_told_page_by_page_until_none_is_left() {
    let hub = FakeHub::new(1);
    let mut session = greeted(&hub, true);
    let notice = Notice {
        document: DocumentId([1; 32]),
        actor: Actor([1; 16]),
        seq: 1,
        hash: crate::model::ChangeHash([1; 32]),
        verdict: Verdict::Poison,
    };
    let (_, wanted) = drain(&mut session);
    assert!(wanted.contains(&HubOutput::Notices { after: 0 }));
    let upto = NOTICES_MAX as u64;
    session.handle_notices(upto, vec![notice.clone(); NOTICES_MAX]).unwrap();
    let (said, wanted) = drain(&mut session);
    assert!(matches!(&said[..], [Frame::Notices { notices, .. }] if notices.len() == NOTICES_MAX));
    assert_eq!(wanted, [HubOutput::Notices { after: upto }]);
    session.handle_notices(upto + 1, vec![notice]).unwrap();
    assert_eq!(drain(&mut session).1, []);
}

#[test]
fn packs_beyond_the_sessions_limit_are_left_for_the_next() {
    let start = Start {
        outbox: vec![vec![0; 1 << 20]; (OUTBOX_BYTES_MAX >> 20) + 5],
        ..FakePhone::new(1).start(true)
    };
    let mut session = PhoneSession::new(start);
    session.handle_closed();
    let Some(PhoneOutput::Finished(outcome)) = session.poll_output() else { panic!("not over") };
    assert!(outcome.left_behind);
}

#[test]
fn slices_of_a_snapshot_that_do_not_fit_together_are_refused() {
    let slice = |index, count| FeedItem::SnapshotPart {
        document: DocumentId([1; 32]),
        index,
        count,
        bytes: vec![0; 10],
    };
    for wrong in [
        vec![slice(1, 3)],
        vec![slice(0, 3), slice(2, 3)],
        vec![slice(0, 3), slice(1, 4)],
        vec![slice(0, 3), FeedItem::Object { bytes: vec![] }],
        vec![slice(0, 2), slice(1, 2)],
    ] {
        let mut joiner = items::Joiner::default();
        let joined: Result<Vec<_>, _> = wrong.into_iter().map(|item| joiner.join(item)).collect();
        assert!(matches!(joined, Err(SessionError::Snapshot)));
    }
}

#[test]
fn more_differences_than_are_kept_at_once_are_found_by_comparing_again() {
    let (mut one, mut two) = (FakePhone::new(1), FakePhone::new(2));
    let mut hub = FakeHub::new(1);
    (0..7).for_each(|document| one.edit(document, 1));
    sync(&mut one, &mut hub);
    (20..26).for_each(|document| two.edit(document, 1));
    // Two holds documents, but no position and nothing of the hub's; its own packs were
    // acknowledged by a hub that is gone.
    two.unacknowledged.clear();
    let mut line = Line::new(&two, &hub, false);
    line.phone.found = crate::sync::Differences::limited(3);
    line.hub.found = crate::sync::Differences::limited(3);
    line.run(&mut two, &mut hub);
    assert_eq!(line.phone_outcome.expect("the session must end").ending, Ending::Done);
    assert_eq!(two.held.root(), hub.held.root());
    assert_eq!(two.held.packs.len(), 13);
}

#[test]
fn a_peer_that_asks_without_end_is_stopped() {
    let parts = vec![
        crate::sync::reconcile::Part::Node {
            prefix: Prefix::ROOT,
            fingerprint: crate::sync::Fingerprint([1; 16]),
        };
        crate::sync::reconcile::RECONCILE_PARTS_MAX
    ];
    let message = crate::sync::ReconcileMessage { parts, last: false };
    let frame = Frame::Compare(message).encode().unwrap();
    let tree = MemoryTree::default();
    let mut session = PeerSession::new(false, &tree).unwrap();
    let stopped = (0..1_000).any(|_| session.handle_frame(&frame, &tree).is_err());
    assert!(stopped);
}

fn closing() -> Failure {
    Failure { code: FailureCode::Closing, message: "closing".into(), retry_after_ms: None }
}

#[test]
fn a_hub_that_closes_signs_for_what_is_under_way_and_then_tells_a_phone_that_stays() {
    let hub = FakeHub::new(1);
    let mut session = greeted(&hub, true);
    hear(&mut session, &Frame::Push { packs: vec![vec![1]] }).unwrap();
    hear(&mut session, &Frame::Pushed { answered: 0 }).unwrap();
    drain(&mut session);
    session.handle_notices(0, vec![]).unwrap();
    session.handle_closing(closing());
    assert_eq!(drain(&mut session).0, [], "the pack is being stored");
    let receipt = HubReceipt::sign(&key(HUB), [1; 16], key(1).device(), vec![], Timestamp(1));
    let receipt = receipt.unwrap();
    let accepted = Accepted { receipt: Some(receipt.clone()), ..Accepted::default() };
    session.handle_accepted(accepted).unwrap();
    session.handle_notices(0, vec![]).unwrap();
    let (said, wanted) = drain(&mut session);
    let caught = Frame::Caught { position: hub.position(0) };
    assert_eq!(said.first(), Some(&Frame::Receipts(receipt)));
    assert!(said.iter().skip(1).all(|frame| matches!(frame, Frame::Failed(_)) || *frame == caught));
    assert_eq!(said.last(), Some(&Frame::Failed(closing())));
    assert!(matches!(wanted.last(), Some(HubOutput::Finished(_))));
}

#[test]
fn a_hub_that_closes_lets_one_exchange_go_on_to_its_end() {
    let hub = FakeHub::new(1);
    let mut session = greeted(&hub, false);
    hear(&mut session, &Frame::Push { packs: vec![vec![1]] }).unwrap();
    drain(&mut session);
    session.handle_accepted(Accepted { pending: true, ..Accepted::default() }).unwrap();
    session.handle_closing(closing());
    session.handle_notices(0, vec![]).unwrap();
    drain(&mut session);
    session.handle_notices(0, vec![]).unwrap();
    // The rest of its pushes is still taken; what waits to be merged is not waited for.
    hear(&mut session, &Frame::Pushed { answered: 0 }).unwrap();
    assert_eq!(drain(&mut session).0.last(), Some(&Frame::Bye));
}

#[test]
fn a_hub_that_closes_begins_no_exchange() {
    let hub = FakeHub::new(1);
    let head = hub.position(0);
    let mut session = HubSession::new(HubStart { entry: entry(1).into(), head, now: Timestamp(2) });
    session.handle_closing(closing());
    assert_eq!(drain(&mut session).0, [Frame::Failed(closing())]);
}

/// Frames of long packs as large as they may be, one after the other, without an end.
fn long_packs() -> impl Iterator<Item = (u32, u32, Vec<u8>)> {
    let count = u32::try_from(LONG_PACK_BYTES_MAX / PACK_PART_BYTES).unwrap();
    let parts = move || (0..count).map(move |index| (index, count, vec![3; PACK_PART_BYTES]));
    std::iter::repeat_with(parts).flatten()
}

/// What one session may hold before something was stored, and the last frame that was read.
const HELD_MAX: usize = ACCEPTS_BYTES_MAX + LONG_PACK_BYTES_MAX + PACK_PART_BYTES;

#[test]
fn a_hub_that_stores_a_long_pack_leaves_the_next_on_the_wire() {
    let hub = FakeHub::new(1);
    let mut session = greeted(&hub, true);
    let mut long = long_packs();
    let mut read_all = |session: &mut HubSession| {
        let mut read = 0;
        while session.wants_input() {
            let (index, count, bytes) = long.next().unwrap();
            read += bytes.len();
            assert!(read <= HELD_MAX, "{read} bytes are held");
            hear(session, &Frame::PushPart { index, count, bytes }).unwrap();
        }
        read
    };
    // Behind as many ordinary packs as may wait.
    for _ in 1..ACCEPTS_MAX {
        hear(&mut session, &Frame::Push { packs: vec![vec![1; PACK_PART_BYTES]] }).unwrap();
    }
    assert_eq!(read_all(&mut session), LONG_PACK_BYTES_MAX);
    for _ in 0..ACCEPTS_MAX {
        assert!(!session.wants_input());
        session.handle_accepted(Accepted::default()).unwrap();
    }
    // Nothing is stuck, and nothing was skipped.
    assert_eq!(read_all(&mut session), LONG_PACK_BYTES_MAX);
    let packs = drain(&mut session).1.into_iter().filter_map(|output| match output {
        HubOutput::Accept(packs) => Some(packs.concat().len()),
        _ => None,
    });
    let ordinary = (ACCEPTS_MAX - 1) * PACK_PART_BYTES;
    assert_eq!(packs.sum::<usize>(), ordinary + 2 * LONG_PACK_BYTES_MAX);
}

#[test]
fn a_neighbour_that_stores_a_long_pack_leaves_the_next_on_the_wire() {
    let tree = MemoryTree::default();
    let mut session = PeerSession::new(false, &tree).unwrap();
    let mut long = long_packs();
    for _ in 0..2 {
        let mut read = 0;
        while session.wants_input() {
            let (index, count, bytes) = long.next().unwrap();
            read += bytes.len();
            assert!(read <= HELD_MAX, "{read} bytes are held");
            let frame = Frame::PushPart { index, count, bytes };
            session.handle_frame(&frame.encode().unwrap(), &tree).unwrap();
        }
        assert_eq!(read, LONG_PACK_BYTES_MAX);
        session.handle_accepted(None);
    }
}

#[test]
fn a_phone_that_keeps_a_long_pack_leaves_the_next_on_the_wire() {
    let hub = FakeHub::new(1);
    let mut session = PhoneSession::new(FakePhone::new(1).start(false));
    let welcome = Frame::Welcome(Welcome {
        protocol: PROTOCOL_VERSION,
        epoch: hub.position(0).epoch,
        hub_time: Timestamp(1),
        hub_head: 0,
        resume: Resume::Feed,
    });
    let tree = MemoryTree::default();
    session.handle_frame(&welcome.encode().unwrap(), &tree).unwrap();
    let log = Frame::Log(LogMessage::Shown(shown(&hub)));
    session.handle_frame(&log.encode().unwrap(), &tree).unwrap();
    while let Some(output) = session.poll_output() {
        if let PhoneOutput::Judge(_) = output {
            session.handle_judged(true);
        }
    }
    let mut long = long_packs();
    for _ in 0..2 {
        let (mut read, mut kept) = (0, 0);
        while session.wants_input() {
            let (index, count, bytes) = long.next().unwrap();
            read += bytes.len();
            assert!(read <= HELD_MAX, "{read} bytes are held");
            let items = vec![FeedItem::PackPart { index, count, bytes }];
            let frame = Frame::Items { items, position: None };
            session.handle_frame(&frame.encode().unwrap(), &tree).unwrap();
        }
        assert_eq!(read, LONG_PACK_BYTES_MAX);
        while let Some(output) = session.poll_output() {
            if let PhoneOutput::Apply(apply) = output {
                // Still held while it is being kept.
                assert!(!session.wants_input());
                kept += apply.items.len();
                session.handle_applied(true);
            }
        }
        assert_eq!(kept, 1);
    }
}
