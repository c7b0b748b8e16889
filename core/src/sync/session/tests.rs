//! Sessions over queues in memory, with a small hub and phones that keep packs and load nothing.

use crate::trust::{PlainEntry, Role};
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::model::{Actor, DeviceId, DocumentId, Timestamp};
use crate::sync::message::*;
use crate::sync::pack::tests::{INCARNATION, changes, genesis, key};
use crate::sync::reconcile::{Item, ItemTree, MemoryTree, Prefix};
use crate::sync::{PROTOCOL_VERSION, Pack, PackHeader};
use crate::trust::log::{Shown, TreeHead};
use crate::trust::merkle::TreeHash;
use crate::trust::{HubReceipt, ReceiptItem};

mod limits;
mod refusals;

const HUB: u8 = 200;

/// What a replica holds: packs by document and actor, each run without gaps.
#[derive(Debug, Clone, Default)]
struct Held {
    packs: BTreeMap<(DocumentId, Actor), Vec<Vec<u8>>>,
    tree: MemoryTree,
}

impl Held {
    fn last(&self, document: DocumentId, actor: Actor) -> u64 {
        self.tree.item(document, actor).unwrap().map_or(0, |item| item.seq)
    }

    /// Keeps a pack if it continues what is held; reports what is missing before it.
    fn keep(&mut self, bytes: &[u8]) -> Result<bool, Want> {
        let pack = Pack::decode(bytes).unwrap();
        pack.verify().unwrap();
        let (document, actor) = (pack.document(), pack.actor());
        let last = self.last(document, actor);
        if pack.last_seq() <= last {
            return Ok(false);
        }
        if pack.first_seq() != last + 1 {
            return Err(Want { document, actor, from_seq: last + 1 });
        }
        let (seq, hash) = (pack.last_seq(), pack.tip_hash());
        self.tree.put(Item { document, actor, seq, hash });
        self.packs.entry((document, actor)).or_default().push(bytes.to_vec());
        Ok(true)
    }

    fn provide(&self, wants: &[Want]) -> Vec<Vec<u8>> {
        let packs = |want: &Want| self.packs.get(&(want.document, want.actor)).cloned();
        wants
            .iter()
            .flat_map(|want| {
                let from = want.from_seq;
                let packs = packs(want).unwrap_or_default().into_iter();
                packs.filter(move |pack| PackHeader::peek(pack).unwrap().last_seq >= from)
            })
            .collect()
    }

    fn root(&self) -> crate::sync::Fingerprint {
        self.tree.node(&Prefix::ROOT).unwrap().fingerprint()
    }
}

struct FakeHub {
    held: Held,
    epoch: [u8; 16],
    feed: Vec<Vec<u8>>,
    /// Bytes added to each snapshot, to make it long.
    ballast: usize,
    /// Why it takes nothing in.
    refuses: Option<Failure>,
}

impl FakeHub {
    fn new(epoch: u8) -> Self {
        Self { held: Held::default(), epoch: [epoch; 16], feed: vec![], ballast: 0, refuses: None }
    }

    fn position(&self, number: usize) -> FeedPosition {
        let mut chain = [0; 32];
        for pack in &self.feed[..number] {
            chain = *blake3::Hasher::new().update(&chain).update(pack).finalize().as_bytes();
        }
        FeedPosition { epoch: self.epoch, number: number as u64, chain }
    }

    fn accept(&mut self, device: DeviceId, packs: Vec<Vec<u8>>) -> Accepted {
        if self.refuses.is_some() {
            return Accepted { failure: self.refuses.clone(), ..Accepted::default() };
        }
        let mut accepted = Accepted::default();
        let mut items = Vec::new();
        for bytes in packs {
            let header = PackHeader::peek(&bytes).unwrap();
            match self.held.keep(&bytes) {
                Ok(new) => {
                    if new {
                        self.feed.push(bytes);
                        accepted.pending = true;
                    }
                    let item = self.held.tree.item(header.document, header.actor).unwrap().unwrap();
                    items.push(ReceiptItem {
                        document: item.document,
                        actor: item.actor,
                        seq: item.seq,
                        hash: item.hash,
                    });
                }
                Err(want) => accepted.needs.push(want),
            }
        }
        let now = Timestamp(1);
        accepted.receipt =
            Some(HubReceipt::sign(&key(HUB), self.epoch, device, items, now).unwrap());
        accepted
    }

    fn page(&self, device: DeviceId, after: FeedPosition) -> FeedPage {
        let start = usize::try_from(after.number).unwrap();
        let end = self.feed.len().min(start + 3);
        let items = self.feed[start..end]
            .iter()
            .map(|pack| {
                let header = PackHeader::peek(pack).unwrap();
                if header.device == device {
                    let PackHeader { document, actor, last_seq: seq, .. } = header;
                    FeedItem::Yours { document, actor, seq }
                } else {
                    FeedItem::Pack(pack.clone())
                }
            })
            .collect();
        FeedPage { items, position: self.position(end), more: end < self.feed.len() }
    }

    fn snapshots(&self, after: Option<DocumentId>) -> SnapshotPage {
        let next = self.held.packs.keys().map(|(document, _)| *document).find(|d| Some(*d) > after);
        let items = next.into_iter().map(|document| {
            let runs = self.held.packs.iter().filter(|((d, _), _)| *d == document);
            let packs: Vec<Vec<u8>> = runs.flat_map(|(_, packs)| packs.clone()).collect();
            let genesis = PackHeader::peek(&packs[0]).unwrap().genesis;
            let bytes = postcard::to_stdvec(&(packs, vec![5_u8; self.ballast])).unwrap();
            FeedItem::Snapshot(Snapshot { genesis, bytes, attestations: vec![] })
        });
        SnapshotPage { items: items.collect(), next }
    }
}

struct FakePhone {
    seed: u8,
    held: Held,
    position: Option<FeedPosition>,
    unacknowledged: BTreeSet<Vec<u8>>,
    notices: u64,
}

impl FakePhone {
    fn new(seed: u8) -> Self {
        let (held, unacknowledged) = (Held::default(), BTreeSet::new());
        Self { seed, held, position: None, unacknowledged, notices: 0 }
    }

    /// Makes `count` changes in all in the document numbered `nonce`, and releases what is new.
    fn edit(&mut self, nonce: u8, count: usize) {
        let genesis = genesis(nonce);
        let actor = Actor::derive(key(self.seed).device(), genesis.document(), INCARNATION);
        let key_of = (genesis.document(), actor);
        let known = self.held.packs.get(&key_of).cloned().unwrap_or_default();
        let previous = known.last().map(|pack| Pack::decode(pack).unwrap().tip());
        let values: Vec<_> = (0..count).map(|index| format!("{} {index}", self.seed)).collect();
        let mut all = changes(self.seed, &genesis, &values);
        let new = all
            .split_off(previous.map_or(0, |tip| usize::try_from(tip.seq).unwrap()).min(all.len()));
        if new.is_empty() {
            return;
        }
        let pack = Pack::seal(&key(self.seed), genesis, INCARNATION, previous, new).unwrap();
        assert!(self.held.keep(&pack.encode()).unwrap());
        self.unacknowledged.insert(pack.encode());
    }

    fn start(&self, live: bool) -> Start {
        let mut outbox: Vec<_> = self.unacknowledged.iter().cloned().collect();
        outbox.sort_by_key(|pack| PackHeader::peek(pack).unwrap().first_seq);
        Start {
            position: self.position,
            notices: self.notices,
            root: self.held.root(),
            empty: self.held.packs.is_empty(),
            outbox,
            deliver: false,
            asks: vec![],
            heads: vec![],
            asks_keys: false,
            live,
            hub: key(HUB).device(),
            device: key(self.seed).device(),
            now: Timestamp(1_800_000_000_000),
        }
    }

    fn apply(&mut self, apply: Apply) {
        for item in apply.items {
            match item {
                FeedItem::Pack(bytes) => {
                    self.held.keep(&bytes).unwrap();
                }
                FeedItem::Snapshot(snapshot) => {
                    let (packs, _): (Vec<Vec<u8>>, Vec<u8>) =
                        postcard::from_bytes(&snapshot.bytes).unwrap();
                    for pack in packs {
                        self.held.keep(&pack).unwrap();
                    }
                }
                _ => {}
            }
        }
        self.position = apply.position.or(self.position);
    }

    fn acknowledge(&mut self, receipt: &HubReceipt) {
        self.unacknowledged.retain(|pack| {
            let header = PackHeader::peek(pack).unwrap();
            !receipt.items.iter().any(|item| {
                item.document == header.document
                    && item.actor == header.actor
                    && item.seq >= header.last_seq
            })
        });
    }
}

fn entry(seed: u8) -> PlainEntry {
    PlainEntry {
        device: key(seed).device(),
        name: "Phone".into(),
        agency: "Agency".into(),
        role: Role::Inspector,
        scopes: vec!["06325".parse().unwrap()],
        active: true,
    }
}

/// Two sessions and the frames between them.
struct Line {
    phone: PhoneSession,
    hub: HubSession,
    up: VecDeque<Vec<u8>>,
    down: VecDeque<Vec<u8>>,
    device: DeviceId,
    phone_outcome: Option<Outcome>,
    hub_outcome: Option<Outcome>,
    caught: usize,
    equivocations: Vec<crate::sync::Equivocation>,
    keeps: bool,
}

impl Line {
    fn new(phone: &FakePhone, hub: &FakeHub, live: bool) -> Self {
        let head = hub.position(hub.feed.len());
        Self {
            phone: PhoneSession::new(phone.start(live)),
            hub: HubSession::new(HubStart {
                entry: entry(phone.seed).into(),
                head,
                now: Timestamp(2),
            }),
            up: VecDeque::new(),
            down: VecDeque::new(),
            device: key(phone.seed).device(),
            phone_outcome: None,
            hub_outcome: None,
            caught: 0,
            equivocations: Vec::new(),
            keeps: true,
        }
    }

    /// Lets the phone do one thing; reports whether there was one.
    fn step_phone(&mut self, phone: &mut FakePhone) -> bool {
        if let Some(output) = self.phone.poll_output() {
            match output {
                PhoneOutput::Send(bytes) => self.up.push_back(bytes),
                PhoneOutput::Apply(apply) => {
                    if self.keeps {
                        phone.apply(apply);
                    }
                    self.phone.handle_applied(self.keeps);
                }
                PhoneOutput::Receipts(receipt) => phone.acknowledge(&receipt),
                PhoneOutput::Keys(_) => self.phone.handle_keys(true),
                PhoneOutput::Notices { upto, .. } => phone.notices = upto,
                PhoneOutput::Provide(wants) => {
                    self.phone.handle_provided(phone.held.provide(&wants), true);
                }
                PhoneOutput::Caught(position) => {
                    assert_eq!(phone.position, Some(position));
                    self.caught += 1;
                }
                PhoneOutput::Judge(_) => self.phone.handle_judged(true),
                PhoneOutput::Equivocations(found) => self.equivocations.extend(found),
                PhoneOutput::Answered { .. } | PhoneOutput::Declined(_) => {}
                PhoneOutput::Deliver => self.phone.handle_delivery(Vec::new(), false),
                PhoneOutput::Finished(outcome) => self.phone_outcome = Some(outcome),
            }
            return true;
        }
        if !self.phone.wants_input() {
            return false;
        }
        let Some(bytes) = self.down.pop_front() else { return false };
        drop(self.phone.handle_frame(&bytes, &phone.held.tree));
        true
    }

    /// Lets the hub do one thing; reports whether there was one.
    fn step_hub(&mut self, hub: &mut FakeHub) -> bool {
        if let Some(output) = self.hub.poll_output() {
            self.act_for_hub(output, hub);
            return true;
        }
        if !self.hub.wants_input() {
            return false;
        }
        let Some(bytes) = self.up.pop_front() else { return false };
        drop(self.hub.handle_frame(&bytes, &hub.held.tree));
        true
    }

    fn act_for_hub(&mut self, output: HubOutput, hub: &mut FakeHub) {
        let session = &mut self.hub;
        match output {
            HubOutput::Send(bytes) => self.down.push_back(bytes),
            HubOutput::ProveEnd { .. } => {
                let entry = FeedItem::Control(b"the end".to_vec());
                session.handle_proof(vec![entry], None).unwrap();
            }
            HubOutput::Accept(packs) => {
                let accepted = hub.accept(self.device, packs);
                let pending = accepted.pending;
                session.handle_accepted(accepted).unwrap();
                if pending {
                    session.handle_merged(true);
                }
            }
            HubOutput::CheckPosition(position) => {
                let number = usize::try_from(position.number).unwrap();
                let known = number <= hub.feed.len() && hub.position(number) == position;
                session.handle_position(known).unwrap();
            }
            HubOutput::ServeBase { .. } => {
                let items = vec![FeedItem::Device(entry(9))];
                session.handle_base(BasePage { items, next: None }).unwrap();
            }
            HubOutput::ServeSnapshots { after } => {
                session.handle_snapshots(hub.snapshots(after)).unwrap();
            }
            HubOutput::ShowTree => session.handle_tree(&hub.held.tree).unwrap(),
            HubOutput::Serve { after } => {
                session.handle_feed(hub.page(self.device, after)).unwrap();
            }
            HubOutput::Provide(wants) => {
                session.handle_provided(hub.held.provide(&wants), true).unwrap();
            }
            HubOutput::ShowKeys => session.handle_keys(vec![]).unwrap(),
            HubOutput::ShowLog { .. } => session.handle_log(shown(hub)).unwrap(),
            HubOutput::Notices { after } => session.handle_notices(after, vec![]).unwrap(),
            HubOutput::Admin { request_id, .. } => {
                session.handle_admin(request_id, AdminAnswer::Done).unwrap();
            }
            HubOutput::Finished(outcome) => self.hub_outcome = Some(outcome),
        }
    }

    /// Runs until nobody has anything to do.
    fn run(&mut self, phone: &mut FakePhone, hub: &mut FakeHub) {
        while self.step_phone(phone) | self.step_hub(hub) {}
    }
}

/// A whole one-shot session; both sides must end it well.
fn sync(phone: &mut FakePhone, hub: &mut FakeHub) -> Outcome {
    let mut line = Line::new(phone, hub, false);
    line.run(phone, hub);
    let outcome = line.phone_outcome.expect("the phone's session must end");
    assert_eq!(outcome.ending, Ending::Done);
    assert_eq!(line.hub_outcome.expect("the hub's session must end").ending, Ending::Done);
    assert!(phone.unacknowledged.is_empty());
    outcome
}

#[test]
fn a_phone_that_has_everything_spends_one_round_trip_and_few_bytes() {
    let (mut phone, mut hub) = (FakePhone::new(1), FakeHub::new(1));
    phone.edit(1, 5);
    sync(&mut phone, &mut hub);
    sync(&mut phone, &mut hub);
    let idle = sync(&mut phone, &mut hub);
    assert_eq!(idle.meter.round_trips, 1);
    // Of these 150 are the hub's signed word on its log.
    assert!(idle.meter.bytes_in + idle.meter.bytes_out < 450, "{:?}", idle.meter);
}

#[test]
fn pushing_and_catching_up_take_one_round_trip_whatever_the_number_of_documents() {
    let (mut one, mut two, mut hub) = (FakePhone::new(1), FakePhone::new(2), FakeHub::new(1));
    two.edit(50, 1);
    sync(&mut two, &mut hub);
    (0..30).for_each(|document| one.edit(document, 2));
    let pushed = sync(&mut one, &mut hub);
    two.edit(51, 3);
    let caught_up = sync(&mut two, &mut hub);
    assert_eq!((pushed.meter.packs_out, caught_up.meter.items_in), (30, 31));
    // The hub signs for 30 packs and names each as merged; spelled out that were 4,000 bytes alone.
    assert!(pushed.meter.bytes_in < 2_000, "{:?}", pushed.meter);
    assert_eq!(caught_up.meter.round_trips, 1);
    sync(&mut one, &mut hub);
    assert_eq!(one.held.root(), two.held.root());
}

#[test]
fn an_empty_phone_gets_snapshots_and_long_ones_in_slices() {
    let (mut one, mut two, mut hub) = (FakePhone::new(1), FakePhone::new(2), FakeHub::new(1));
    (0..4).for_each(|document| one.edit(document, 3));
    sync(&mut one, &mut hub);
    hub.ballast = 3 * SNAPSHOT_PART_BYTES;
    sync(&mut two, &mut hub);
    assert_eq!(two.held.root(), hub.held.root());
    assert_eq!(two.position, Some(hub.position(hub.feed.len())));
}

#[test]
fn a_hub_restored_from_an_old_backup_gets_back_what_phones_hold() {
    let (mut one, mut two, mut hub) = (FakePhone::new(1), FakePhone::new(2), FakeHub::new(1));
    one.edit(1, 2);
    sync(&mut one, &mut hub);
    sync(&mut two, &mut hub);
    let mut restored = FakeHub { epoch: [2; 16], held: hub.held.clone(), ..FakeHub::new(2) };
    restored.feed.clone_from(&hub.feed);
    one.edit(1, 5);
    one.edit(2, 4);
    sync(&mut one, &mut hub);
    // What the lost hub acknowledged is only on the phone now; a new edit follows it.
    one.edit(1, 6);
    sync(&mut one, &mut restored);
    sync(&mut two, &mut restored);
    assert_eq!(restored.held.root(), one.held.root());
    assert_eq!(two.held.root(), one.held.root());
}

#[test]
fn a_hub_that_misses_earlier_changes_asks_for_them() {
    let (mut phone, mut hub) = (FakePhone::new(1), FakeHub::new(1));
    phone.edit(1, 2);
    sync(&mut phone, &mut hub);
    phone.edit(1, 3);
    // The hub forgets the actor without a new epoch: only the gap shows it.
    hub.held = Held::default();
    sync(&mut phone, &mut hub);
    assert_eq!(hub.held.root(), phone.held.root());
}

#[test]
fn a_live_phone_sees_the_others_edits_and_pushes_its_own() {
    let (mut one, mut two, mut hub) = (FakePhone::new(1), FakePhone::new(2), FakeHub::new(1));
    let mut line = Line::new(&one, &hub, true);
    line.run(&mut one, &mut hub);
    assert_eq!(line.caught, 1);
    two.edit(1, 2);
    sync(&mut two, &mut hub);
    line.hub.handle_feed_grown();
    line.run(&mut one, &mut hub);
    assert_eq!(one.held.root(), two.held.root());
    one.edit(2, 1);
    line.phone.handle_new_outbox(one.unacknowledged.iter().cloned().collect());
    line.run(&mut one, &mut hub);
    assert!(one.unacknowledged.is_empty());
    line.phone.finish();
    line.run(&mut one, &mut hub);
    assert_eq!(line.phone_outcome.unwrap().ending, Ending::Done);
    assert_eq!(line.hub_outcome.unwrap().ending, Ending::Done);
}

#[test]
fn a_position_moves_only_with_what_was_kept() {
    let (mut one, mut two, mut hub) = (FakePhone::new(1), FakePhone::new(2), FakeHub::new(1));
    sync(&mut two, &mut hub);
    one.edit(1, 2);
    sync(&mut one, &mut hub);
    let before = two.position;
    let mut line = Line::new(&two, &hub, false);
    line.keeps = false;
    line.run(&mut two, &mut hub);
    assert!(matches!(line.phone_outcome.unwrap().ending, Ending::Refused(_)));
    assert_eq!(two.position, before);
    sync(&mut two, &mut hub);
    assert_eq!(two.held.root(), one.held.root());
}

#[test]
fn a_revoked_device_is_refused_and_told() {
    let (mut phone, hub) = (FakePhone::new(1), FakeHub::new(1));
    let mut line = Line::new(&phone, &hub, false);
    let revoked = PlainEntry { active: false, ..entry(1) };
    let start = HubStart { entry: revoked.into(), head: hub.position(0), now: Timestamp(2) };
    line.hub = HubSession::new(start);
    let mut hub = hub;
    line.run(&mut phone, &mut hub);
    let Ending::Told(failure) = line.phone_outcome.unwrap().ending else { panic!("not told") };
    assert_eq!(failure.code, FailureCode::NotAllowed);
}

#[test]
fn a_device_that_may_only_leave_pushes_and_is_given_the_proof_alone() {
    let (mut other, mut phone, mut hub) = (FakePhone::new(2), FakePhone::new(1), FakeHub::new(1));
    other.edit(9, 2);
    sync(&mut other, &mut hub);
    phone.edit(1, 3);
    let mut line = Line::new(&phone, &hub, false);
    let revoked = PlainEntry { active: false, ..entry(1) };
    let start = HubStart { entry: revoked.into(), head: hub.position(0), now: Timestamp(2) };
    line.hub = HubSession::leaving(start);
    line.run(&mut phone, &mut hub);
    let outcome = line.phone_outcome.unwrap();
    let Ending::Told(failure) = outcome.ending else { panic!("not told") };
    assert_eq!(failure.code, FailureCode::NotAllowed);
    assert!(phone.unacknowledged.is_empty(), "what it brought is signed for");
    assert_eq!(outcome.meter.items_in, 1, "the proof, and nothing of what others wrote");
}

#[test]
fn a_receipt_that_another_signed_ends_the_session_and_acknowledges_nothing() {
    let mut phone = FakePhone::new(1);
    phone.edit(1, 1);
    let mut session = PhoneSession::new(phone.start(false));
    let welcome = Welcome {
        protocol: PROTOCOL_VERSION,
        epoch: [1; 16],
        hub_time: Timestamp(0),
        hub_head: 0,
        resume: Resume::Feed,
    };
    let device = key(1).device();
    let forged = HubReceipt::sign(&key(66), [1; 16], device, vec![], Timestamp(1)).unwrap();
    let hear = |session: &mut PhoneSession, frame: Frame| {
        session.handle_frame(&frame.encode().unwrap(), &MemoryTree::default())
    };
    hear(&mut session, Frame::Welcome(welcome)).unwrap();
    let error = hear(&mut session, Frame::Receipts(forged)).unwrap_err();
    assert!(matches!(error, SessionError::Receipt { source: Some(_) }));
    assert_eq!(error.fault(), Fault::Peer);
    let outputs: Vec<_> = std::iter::from_fn(|| session.poll_output()).collect();
    assert!(!outputs.iter().any(|output| matches!(output, PhoneOutput::Receipts(_))));
    assert!(matches!(outputs.last(), Some(PhoneOutput::Finished(_))));
}

#[test]
fn frames_out_of_place_end_the_session_with_the_peer_at_fault() {
    let hub = FakeHub::new(1);
    let fresh = || {
        HubSession::new(HubStart {
            entry: entry(1).into(),
            head: hub.position(0),
            now: Timestamp(2),
        })
    };
    let hello = Frame::Hello(Hello {
        protocol: PROTOCOL_VERSION + 1,
        device_time: Timestamp(0),
        position: None,
        notices: 0,
        live: false,
        root: crate::sync::Fingerprint::EMPTY,
        empty: true,
    });
    let early = Frame::Push { packs: vec![] };
    let wrong = [hello.encode().unwrap(), early.encode().unwrap(), vec![9, 9], vec![]];
    for bytes in wrong {
        let mut session = fresh();
        let error = session.handle_frame(&bytes, &hub.held.tree).unwrap_err();
        assert_eq!(error.fault(), Fault::Peer);
        let Some(HubOutput::Send(told)) = session.poll_output() else { panic!("not told") };
        assert!(matches!(Frame::decode(&told), Ok(Frame::Failed(_))));
        assert!(matches!(session.poll_output(), Some(HubOutput::Finished(_))));
        assert!(session.poll_output().is_none());
    }
}

#[test]
fn only_an_administrator_may_change_what_the_hub_trusts() {
    let (phone, mut hub) = (FakePhone::new(1), FakeHub::new(1));
    let ask = AdminRequest::TrustDevice(entry(7));
    let mut start = phone.start(false);
    start.asks = vec![(1, ask), (2, AdminRequest::Status)];
    let mut line = Line::new(&phone, &hub, false);
    line.phone = PhoneSession::new(start);
    let mut answers = Vec::new();
    let mut phone = phone;
    loop {
        let busy = line.step_hub(&mut hub);
        match line.phone.poll_output() {
            Some(PhoneOutput::Answered { request_id, answer }) => {
                answers.push((request_id, answer))
            }
            Some(PhoneOutput::Send(bytes)) => line.up.push_back(bytes),
            Some(PhoneOutput::Apply(apply)) => {
                phone.apply(apply);
                line.phone.handle_applied(true);
            }
            Some(_) => {}
            None => match line.down.pop_front() {
                Some(bytes) => line.phone.handle_frame(&bytes, &phone.held.tree).unwrap(),
                None if busy => {}
                None => break,
            },
        }
    }
    assert_eq!(answers.len(), 2);
    assert!(answers.contains(&(2, AdminAnswer::Done)));
    assert!(
        answers.iter().any(|(id, answer)| *id == 1 && matches!(answer, AdminAnswer::Refused(_)))
    );
}

/// A log of which nothing is said yet.
fn shown(hub: &FakeHub) -> Shown {
    let tree = (0, TreeHash::of_nothing());
    let head = TreeHead::sign(&key(HUB), hub.epoch, tree, Timestamp(1));
    Shown { head, standings: vec![] }
}

/// Runs a session between two replicas and returns what it moved.
fn meet(one: &mut Held, two: &mut Held) -> Outcome {
    let mut sides = [
        (PeerSession::new(true, &one.tree).unwrap(), VecDeque::new(), None),
        (PeerSession::new(false, &two.tree).unwrap(), VecDeque::new(), None),
    ];
    loop {
        let mut busy = false;
        for side in 0..2 {
            let held = if side == 0 { &mut *one } else { &mut *two };
            while let Some(output) = sides[side].0.poll_output() {
                busy = true;
                match output {
                    PeerOutput::Send(bytes) => sides[1 - side].1.push_back(bytes),
                    PeerOutput::Provide(wants) => {
                        let packs = held.provide(&wants);
                        sides[side].0.handle_provided(Vec::new(), packs);
                    }
                    PeerOutput::Objects(objects) => panic!("{objects:?}"),
                    PeerOutput::Accept(packs) => {
                        for pack in packs {
                            held.keep(&pack).unwrap();
                        }
                        sides[side].0.handle_accepted(None);
                    }
                    PeerOutput::Heads(heads) => panic!("{heads:?}"),
                    PeerOutput::Equivocations(found) => panic!("{found:?}"),
                    PeerOutput::Finished(outcome) => sides[side].2 = Some(outcome),
                }
            }
            if let Some(bytes) = sides[side].1.pop_front() {
                busy = true;
                sides[side].0.handle_frame(&bytes, &held.tree).unwrap();
            }
        }
        if !busy {
            break;
        }
    }
    let [(_, _, one), (_, _, two)] = sides;
    assert_eq!(two.expect("both sides must end").ending, Ending::Done);
    one.expect("both sides must end")
}

#[test]
fn two_phones_that_meet_end_with_the_same() {
    let (mut one, mut two) = (FakePhone::new(1), FakePhone::new(2));
    (0..6).for_each(|document| one.edit(document, 2));
    (3..9).for_each(|document| two.edit(document, 3));
    let outcome = meet(&mut one.held, &mut two.held);
    assert_eq!(outcome.ending, Ending::Done);
    assert_eq!(one.held.root(), two.held.root());
    let again = meet(&mut one.held, &mut two.held);
    assert!(again.meter.bytes_in + again.meter.bytes_out < 100, "{:?}", again.meter);
}

/// What happens to a fleet.
#[derive(Debug, Clone)]
enum Act {
    Edit {
        phone: usize,
        document: u8,
        count: usize,
    },
    /// A session that is cut after so many steps, in an order given by the bits.
    Cut {
        phone: usize,
        steps: usize,
        order: u64,
    },
    Whole {
        phone: usize,
    },
    Meet,
    RestoreHub,
}

fn act() -> impl Strategy<Value = Act> {
    let phone = 0_usize..3;
    prop_oneof![
        4 => (phone.clone(), 0_u8..4, 1_usize..9)
            .prop_map(|(phone, document, count)| Act::Edit { phone, document, count }),
        4 => (phone.clone(), 0_usize..60, any::<u64>())
            .prop_map(|(phone, steps, order)| Act::Cut { phone, steps, order }),
        2 => phone.prop_map(|phone| Act::Whole { phone }),
        1 => Just(Act::Meet),
        1 => Just(Act::RestoreHub),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn phones_and_hub_converge_after_cuts_meetings_and_restores(
        acts in prop::collection::vec(act(), 1..24),
    ) {
        let mut hub = FakeHub::new(1);
        let mut phones = [FakePhone::new(1), FakePhone::new(2), FakePhone::new(3)];
        let mut backup = (hub.held.clone(), hub.feed.clone());
        for act in acts {
            match act {
                Act::Edit { phone, document, count } => phones[phone].edit(document, count),
                Act::Whole { phone } => drop(sync(&mut phones[phone], &mut hub)),
                Act::Cut { phone, steps, order } => {
                    let phone = &mut phones[phone];
                    let mut line = Line::new(phone, &hub, false);
                    for step in (0..64).cycle().take(steps) {
                        let first = order.rotate_right(step) & 1 == 0;
                        if first { line.step_phone(phone) } else { line.step_hub(&mut hub) };
                    }
                    line.phone.handle_closed();
                    line.hub.handle_closed();
                    backup = (hub.held.clone(), hub.feed.clone());
                }
                Act::Meet => {
                    let [one, two, _] = &mut phones;
                    meet(&mut one.held, &mut two.held);
                }
                Act::RestoreHub => {
                    hub.epoch[0] += 1;
                    (hub.held, hub.feed) = backup.clone();
                }
            }
        }
        for _ in 0..2 {
            for phone in &mut phones {
                sync(phone, &mut hub);
            }
        }
        for phone in &phones {
            prop_assert_eq!(phone.held.root(), hub.held.root());
        }
    }

    #[test]
    fn sessions_survive_random_frames(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
        kind in 0_u8..17,
    ) {
        let hub = FakeHub::new(1);
        let head = hub.position(0);
        let mut session = HubSession::new(HubStart { entry: entry(1).into(), head, now: Timestamp(0) });
        let mut phone = PhoneSession::new(FakePhone::new(1).start(true));
        for mut bytes in frames {
            let mut frame = vec![1, 0, kind];
            frame.append(&mut bytes);
            drop(session.handle_frame(&frame, &hub.held.tree));
            drop(phone.handle_frame(&frame, &hub.held.tree));
            while session.poll_output().is_some() {}
            while phone.poll_output().is_some() {}
        }
    }
}
