use crate::trust::{PlainEntry, Role};
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, PersonId, Timestamp};
use crate::sync::message::{ClosedLine, FailureCode, HubStatus, Resume, Snapshot, Verdict};
use crate::sync::pack::tests::{genesis, key, long, sealed};
use crate::sync::reconcile::{Fingerprint, Item, Part, Prefix};
use crate::sync::{AsideEntry, AsideName, QuarantineAnswer, QuarantineFilter, QuarantineRequest};
use crate::sync::{BackupCause, BackupFault, BackupStatus};
use crate::sync::{
    LogAnswer, LogPage, LogProofs, LogRequest, PACK_CHANGES_MAX, Pack, PackError, ProvedLeaf,
};
use crate::trust::enrolment::{Code, Invitation};
use crate::trust::log::{Loss, Shown, Standing, TreeHead};
use crate::trust::merkle::TreeHash;
use crate::trust::{ReceiptItem, Signature};

const DOCUMENT: DocumentId = DocumentId([2; 32]);
const ACTOR: Actor = Actor([3; 16]);
const HASH: ChangeHash = ChangeHash([4; 32]);

fn position() -> FeedPosition {
    FeedPosition { epoch: [1; 16], number: 300, chain: [9; 32] }
}

fn entry() -> PlainEntry {
    PlainEntry {
        device: DeviceId([5; 32]),
        name: "Điện thoại 1".into(),
        agency: "Trạm y tế".into(),
        role: Role::Inspector,
        scopes: vec!["06325".parse().unwrap()],
        active: true,
    }
}

fn wanted() -> Want {
    Want { document: DOCUMENT, actor: ACTOR, from_seq: 3 }
}

/// One frame of each kind, and of each kind of content.
fn samples() -> Vec<Frame> {
    let pack = sealed(2);
    let item = Item { document: DOCUMENT, actor: ACTOR, seq: 7, hash: HASH };
    let root = Prefix::ROOT;
    let parts = vec![
        Part::Node { prefix: root, fingerprint: Fingerprint([6; 16]) },
        Part::Children { prefix: root, present: 5, fingerprints: vec![Fingerprint([7; 16]); 2] },
        Part::Items { prefix: Prefix::of(&item.key(), 4), items: vec![item] },
        Part::Mine { items: vec![item] },
    ];
    let receipt = ReceiptItem { document: DOCUMENT, actor: ACTOR, seq: 7, hash: HASH };
    let receipt =
        HubReceipt::sign(&key(200), [1; 16], DeviceId([5; 32]), vec![receipt], Timestamp(8));
    let failure = Failure {
        code: FailureCode::Busy,
        message: "too many sessions".into(),
        retry_after_ms: Some(2_000),
    };
    let snapshot = snapshot(&pack);
    let status = HubStatus { documents: 1, devices: 2, head: 3, ..HubStatus::default() };
    let verdict = Verdict::Equivocation;
    let notice = Notice { document: DOCUMENT, actor: ACTOR, seq: 7, hash: HASH, verdict };
    vec![
        Frame::Hello(Hello {
            protocol: 1,
            device_time: Timestamp(1_800_000_000_000),
            position: Some(position()),
            notices: 4,
            live: true,
            root: Fingerprint([6; 16]),
            empty: false,
        }),
        Frame::Push { packs: vec![pack.encode_earlier()] },
        Frame::Pushed { answered: 1 },
        Frame::Ask { request_id: 1, request: AdminRequest::TrustDevice(entry()) },
        Frame::Welcome(Welcome {
            protocol: 1,
            epoch: [1; 16],
            hub_time: Timestamp(1_800_000_000_000),
            hub_head: 300,
            resume: Resume::Reconcile,
        }),
        Frame::Items {
            items: vec![
                FeedItem::Pack(pack.encode_earlier()),
                FeedItem::Yours { document: DOCUMENT, actor: ACTOR, seq: 7 },
                FeedItem::Object { bytes: b"{}".to_vec() },
                FeedItem::Device(entry()),
                FeedItem::Snapshot(snapshot),
                FeedItem::SnapshotPart { document: DOCUMENT, index: 0, count: 2, bytes: vec![1] },
            ],
            position: Some(position()),
        },
        Frame::Caught { position: position() },
        Frame::Receipts(receipt.unwrap()),
        Frame::Notices { upto: 1, notices: vec![notice.clone()] },
        Frame::Need(wanted()),
        Frame::Answer { request_id: 1, answer: AdminAnswer::Status(status) },
        Frame::Failed(failure),
        Frame::Compare(ReconcileMessage { parts, last: true }),
        Frame::Bye,
        Frame::Declined { packs: vec![notice] },
        Frame::PushPart { index: 0, count: 2, bytes: vec![2, 3] },
        Frame::Log(LogMessage::Kept { heads: vec![tree_head()] }),
        Frame::Enrol { protocol: 4, claim: claim() },
        Frame::Enrolled(EnrolAnswer::Waiting { now: Timestamp(8), until: Timestamp(9) }),
        Frame::Stored(stored()),
    ]
}

fn snapshot(pack: &Pack) -> Snapshot {
    let attestations = vec![pack.attestation()];
    Snapshot { genesis: genesis(1), bytes: vec![1, 2, 3], attestations }
}

fn stored() -> Stored {
    let (signature, places) = (Signature([10; 64]), vec![(0, 200), (250, 1)]);
    Stored { stored_at: Timestamp(8), signature, places }
}

fn claim() -> Claim {
    Claim::make(&Code::new([6; 16]), key(200).device(), DeviceId([5; 32]), "Điện thoại 1")
}

/// What enrolment says in frames that were there before.
fn enrolment() -> Vec<(&'static str, Frame)> {
    let (hub, admin) = (key(200).device(), key(201));
    let (id, scope) = (Code::new([6; 16]).id(), "20".parse().unwrap());
    let invitation =
        Invitation { by: admin.device(), hub, id, scope, at: Timestamp(8) }.sign(&admin);
    let ask = |request| Frame::Ask { request_id: 1, request };
    let answer = |answer| Frame::Answer { request_id: 1, answer };
    vec![
        ("ask-invite", ask(AdminRequest::Invite(invitation))),
        ("ask-claimed", ask(AdminRequest::Claimed(id))),
        ("ask-deny", ask(AdminRequest::Deny(id))),
        ("answer-invited", answer(AdminAnswer::Invited { until: Timestamp(9) })),
        ("answer-claimed", answer(AdminAnswer::Claimed(Ok(Some(claim()))))),
    ]
}

/// What is said of a second disk.
fn second_disk() -> Vec<(&'static str, Frame)> {
    let fault = BackupFault {
        cause: BackupCause::NotWritten,
        path: "/mnt/đĩa hai/00000002.seg".to_owned(),
        said: "Input/output error (os error 5)".to_owned(),
    };
    let status = |failed| BackupStatus { number: 300, at: Some(Timestamp(8)), failed };
    let answer =
        |failed| Frame::Answer { request_id: 1, answer: AdminAnswer::Backup(status(failed)) };
    vec![
        ("answer-backup", answer(None)),
        ("answer-backup-failed", answer(Some((Timestamp(9), fault)))),
    ]
}

/// What is said of what is kept aside.
fn aside() -> Vec<(&'static str, Frame)> {
    let name = AsideName { document: DOCUMENT, actor: ACTOR, seq: 8, hash: HASH };
    let device = DeviceId([5; 32]);
    let which = QuarantineFilter {
        scope: Some("20".parse().unwrap()),
        person: Some(PersonId::of_device(device)),
        verdict: Some(Verdict::Orphan),
        digits: "00ff".to_owned(),
    };
    let entry = AsideEntry {
        name,
        verdict: Verdict::NotAllowed,
        device,
        from: Some(device),
        scope: None,
        at: Timestamp(9),
    };
    let ask = |request| Frame::Ask { request_id: 1, request: AdminRequest::Quarantine(request) };
    let answer = |answer| Frame::Answer { request_id: 1, answer: AdminAnswer::Quarantine(answer) };
    let page = QuarantineAnswer::Page { entries: vec![entry], next: Some(name) };
    vec![
        ("ask-quarantine", ask(QuarantineRequest::Page { which, after: Some(name) })),
        ("ask-quarantine-bytes", ask(QuarantineRequest::Bytes { name, from: 300 })),
        ("answer-quarantine", answer(page)),
        (
            "answer-quarantine-bytes",
            answer(QuarantineAnswer::Bytes { bytes: vec![1, 2], total: 302 }),
        ),
    ]
}

fn tree_head() -> TreeHead {
    TreeHead::sign(&key(200), [1; 16], (300, TreeHash([8; 32])), Timestamp(9))
}

/// What the fourth version of the protocol says beside its own frame.
fn fourth() -> Vec<(&'static str, Frame)> {
    let leaf = || ProvedLeaf { index: 3, leaf: vec![1, 2], path: vec![TreeHash([9; 32])] };
    let grew = Standing::Grew(vec![TreeHash([9; 32])]);
    let lost = Standing::Lost(Box::new(Loss { life: Some(leaf()), said: leaf() }));
    let shown = Shown { head: tree_head(), standings: vec![grew, lost] };
    let request = AdminRequest::Log(LogRequest::Page { from: 300 });
    let page = LogPage { from: 300, leaves: vec![vec![1, 2]], head: tree_head() };
    let proofs = LogProofs { head: tree_head(), leaves: vec![leaf()], more: true };
    let ask = |request| Frame::Ask { request_id: 1, request };
    let answer = |answer| Frame::Answer { request_id: 1, answer: AdminAnswer::Log(answer) };
    vec![
        ("log-shown", Frame::Log(LogMessage::Shown(shown))),
        ("ask-log", Frame::Ask { request_id: 1, request }),
        ("answer-log", answer(LogAnswer::Page(page))),
        ("answer-log-proofs", answer(LogAnswer::Proofs(proofs))),
        ("items", Frame::Items { items: vec![FeedItem::Control(vec![1, 2])], position: None }),
        ("ask-enter", ask(AdminRequest::Enter { acts: vec![vec![1, 2], vec![3]] })),
        ("ask-take-back", ask(AdminRequest::TakeBack { entries: vec![vec![1, 2]] })),
        ("items-seal", Frame::Items { items: vec![FeedItem::Seal(vec![1, 2])], position: None }),
        ("ask-seal", ask(AdminRequest::Seal { act: vec![1, 2], seal: vec![3] })),
    ]
}

/// What the second version of the protocol says in frames that the first one had.
fn second() -> Frame {
    let closed = ClosedLine {
        document: DOCUMENT,
        actor: ACTOR,
        from_seq: 8,
        culprit: HASH,
        verdict: Verdict::Full,
        before: Some(sealed(2).attestation()),
    };
    Frame::Items { items: vec![FeedItem::Closed(closed)], position: None }
}

/// What the third version of the protocol says in frames that the first one had.
fn third() -> Frame {
    let part = FeedItem::PackPart { index: 0, count: 2, bytes: vec![2, 3] };
    Frame::Items { items: vec![part], position: None }
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn fixtures() -> Vec<(PathBuf, Vec<u8>, Frame)> {
    let first = samples().into_iter().map(|frame| {
        let version = match frame {
            Frame::Log(_) | Frame::Enrol { .. } | Frame::Enrolled(_) | Frame::Stored(_) => 4,
            Frame::PushPart { .. } => 3,
            Frame::Declined { .. } => 2,
            _ => 1,
        };
        (version, frame)
    });
    let named = first.chain([(2, second()), (3, third())]).map(|(version, frame)| {
        (format!("frame-v{version}-{}.hex", frame.name().to_lowercase()), frame)
    });
    let fourth = fourth()
        .into_iter()
        .chain(enrolment())
        .chain(second_disk())
        .chain(aside())
        .map(|(name, frame)| (format!("frame-v4-{name}.hex"), frame));
    named
        .chain(fourth)
        .map(|(name, frame)| (fixture(&name), frame.encode().unwrap(), frame))
        .collect()
}

fn read_hex(path: &PathBuf) -> Vec<u8> {
    hex::decode(std::fs::read_to_string(path).unwrap().trim()).unwrap()
}

#[test]
fn frames_and_packs_written_by_earlier_versions_still_read() {
    for (path, _, frame) in fixtures() {
        assert_eq!(Frame::decode(&read_hex(&path)).as_ref(), Ok(&frame), "{}", path.display());
    }
    for short in ["pack-v1.hex", "pack-v3.hex"] {
        let pack = Pack::decode(&read_hex(&fixture(short))).unwrap();
        assert_eq!(pack, sealed(8));
        pack.verify().unwrap();
    }
    for longer in ["pack-v2.hex", "pack-v4.hex"] {
        let pack = Pack::decode(&read_hex(&fixture(longer))).unwrap();
        assert_eq!(pack, long(PACK_CHANGES_MAX + 1));
        pack.verify().unwrap();
    }
}

/// Writes fixtures that are missing; run it by name when a new kind of frame is added. A fixture
/// that is there is never rewritten.
#[test]
#[ignore = "writes files; run it by name after adding a kind of frame"]
fn write_missing_fixtures() {
    let packs = [
        (fixture("pack-v3.hex"), sealed(8).encode()),
        (fixture("pack-v4.hex"), long(PACK_CHANGES_MAX + 1).encode()),
    ];
    let frames = fixtures().into_iter().map(|(path, bytes, _)| (path, bytes));
    for (path, bytes) in frames.chain(packs) {
        if !path.exists() {
            std::fs::write(&path, hex::encode(bytes) + "\n").unwrap();
        }
    }
}

/// Packs of as many devices, each of whose bodies is worth compressing.
fn kept(count: u8) -> Vec<Vec<u8>> {
    let packs = (0..count).map(|number| {
        let pack = crate::sync::pack::tests::sealed_by(number, 40).encode();
        assert_eq!(pack[1], 1, "its body is compressed");
        pack
    });
    packs.collect()
}

#[test]
fn packs_of_one_frame_are_compressed_together_and_arrive_as_they_are_kept() {
    let packs = kept(20);
    let kept_bytes: usize = packs.iter().map(Vec::len).sum();
    let items = packs.iter().cloned().map(FeedItem::Pack).collect();
    for frame in
        [Frame::Push { packs: packs.clone() }, Frame::Items { items, position: Some(position()) }]
    {
        let bytes = frame.encode().unwrap();
        assert!(bytes.len() * 10 < kept_bytes * 8, "{} of {kept_bytes}", bytes.len());
        assert_eq!(Frame::decode(&bytes).unwrap(), frame);
    }
    // An earlier program sends them as they are kept.
    let plain = postcard::to_stdvec(&Frame::Push { packs: packs.clone() }).unwrap();
    let bytes = [&[FRAME_VERSION, PLAIN], &plain[..]].concat();
    assert_eq!(Frame::decode(&bytes).unwrap(), Frame::Push { packs });
}

#[test]
fn packs_of_a_frame_that_inflates_out_of_proportion_are_left_as_they_came() {
    let pack = Pack::opened(&kept(1)[0], PACK_BYTES_MAX).unwrap();
    assert_eq!(pack[1], 0);
    let packs = vec![pack; 200];
    let payload = postcard::to_stdvec(&Frame::Push { packs: packs.clone() }).unwrap();
    let packed = deflate(&payload).unwrap();
    assert!(packed.len() * 100 < payload.len());
    let bytes = [&[FRAME_VERSION, ZSTD], &packed[..]].concat();
    assert_eq!(Frame::decode(&bytes).unwrap(), Frame::Push { packs });
}

#[test]
fn a_frame_opens_no_more_packs_than_it_has_room_for() {
    let packs = kept(20);
    let frame = Frame::Push { packs: packs.clone() };
    let plain = |frame: &Frame| postcard::to_stdvec(frame).unwrap().len();
    let whole = plain(&packs::opened(&frame, usize::MAX / 2).unwrap());
    for room in [0, 1, 700, 5_000, whole - plain(&frame), whole] {
        let opened = packs::opened(&frame, room).unwrap();
        assert!(plain(&opened) <= plain(&frame) + room, "{room}");
        assert_eq!(packs::closed(packs::put_back(opened)), frame);
    }
}

#[test]
fn there_is_a_sample_of_every_kind_in_the_order_of_the_wire() {
    let names: Vec<_> = samples().iter().map(Frame::name).collect();
    assert_eq!(names, KIND_NAMES);
    for (frame, kind) in samples().iter().zip(0..KINDS) {
        assert_eq!(postcard::to_stdvec(frame).unwrap()[0], kind);
    }
}

#[test]
fn other_versions_flags_and_kinds_are_named_as_such() {
    let bytes = Frame::Bye.encode().unwrap();
    assert_eq!(bytes, [1, 0, 13]);
    assert_eq!(Frame::decode(&[2, 0, 13]), Err(FrameError::Version { found: 2, known: 1 }));
    assert_eq!(Frame::decode(&[1, 7, 13]), Err(FrameError::Flag { found: 7 }));
    assert_eq!(Frame::decode(&[1, 0, KINDS]), Err(FrameError::UnknownKind { found: KINDS }));
    assert_eq!(Frame::decode(&[1, 0, 13, 0]), Err(FrameError::Trailing { bytes: 1 }));
    assert_eq!(Frame::decode(&[1]), Err(FrameError::Truncated));
}

#[test]
fn each_side_says_only_its_own_frames() {
    let said_by = |speaker| -> Vec<_> {
        let all = samples().into_iter();
        let heard =
            |frame: &Frame| Frame::decode_from(&frame.encode().unwrap(), speaker, &Names::none());
        all.filter(|frame| heard(frame).is_ok()).map(|frame| frame.name()).collect()
    };
    let common = ["Failed", "Compare", "Bye", "PushPart", "Log"];
    assert_eq!(
        said_by(Speaker::Phone),
        [&["Hello", "Push", "Pushed", "Ask"][..], &common, &["Enrol"]].concat()
    );
    assert_eq!(said_by(Speaker::Newcomer), ["Enrol"]);
    assert_eq!(said_by(Speaker::Registrar), ["Failed", "Bye", "Enrolled"]);
    let hubs = [&KIND_NAMES[4..usize::from(PUSH_PART)], &["Log", "Stored"]].concat();
    assert_eq!(said_by(Speaker::Hub), hubs);
    assert_eq!(said_by(Speaker::Replica), [&["Push", "Pushed", "Items"][..], &common].concat());
}

#[test]
fn every_frame_cut_anywhere_is_refused() {
    for frame in samples() {
        let plain = postcard::to_stdvec(&frame).unwrap();
        for length in 0..plain.len() {
            assert!(
                decode_payload(&plain[..length], Speaker::Any).is_err(),
                "{} at {length}",
                frame.name()
            );
        }
        let bytes = frame.encode().unwrap();
        for length in 0..bytes.len() {
            assert!(Frame::decode(&bytes[..length]).is_err(), "{} at {length}", frame.name());
        }
    }
}

#[test]
fn an_oversized_frame_and_a_bomb_are_refused() {
    let long = vec![1; FRAME_BYTES_MAX + 1];
    assert!(matches!(Frame::decode(&long), Err(FrameError::TooLarge { .. })));
    let mut bomb = vec![FRAME_VERSION, ZSTD];
    bomb.extend(zstd::bulk::compress(&vec![1; 64 << 20], 19).unwrap());
    let limit = FRAME_INFLATED_BYTES_MAX;
    assert_eq!(Frame::decode(&bomb), Err(FrameError::Inflation { limit }));
    let overfull = Frame::Push { packs: vec![vec![0; FRAME_INFLATED_BYTES_MAX]] };
    assert!(matches!(overfull.encode(), Err(FrameError::TooLarge { .. })));
}

#[test]
fn an_unknown_scope_or_kind_of_document_is_refused() {
    let mut frame = postcard::to_stdvec(&Frame::Ask {
        request_id: 1,
        request: AdminRequest::TrustDevice(entry()),
    })
    .unwrap();
    let scope = frame.windows(5).position(|window| window == b"06325").unwrap();
    frame[scope] = b'x';
    assert_eq!(decode_payload(&frame, Speaker::Any), Err(FrameError::Malformed { kind: "Ask" }));

    let pack = sealed(1);
    let genesis = pack.genesis().encode();
    let mut bytes = pack.encode();
    let start = bytes.windows(genesis.len()).position(|window| window == genesis).unwrap();
    bytes[start] = 5;
    assert_eq!(Pack::decode(&bytes), Err(PackError::Malformed { what: "genesis" }));
}

proptest! {
    #[test]
    fn decode_gives_back_what_was_encoded(
        packs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..5),
        number in any::<u64>(),
        text in ".{0,300}",
    ) {
        let failure = Failure {
            code: FailureCode::Full,
            message: text,
            retry_after_ms: Some(number),
        };
        let items = packs.iter().cloned().map(FeedItem::Pack).collect();
        let position = Some(FeedPosition { number, ..position() });
        for frame in [
            Frame::Push { packs },
            Frame::Items { items, position },
            Frame::Failed(failure),
        ] {
            prop_assert_eq!(Frame::decode(&frame.encode().unwrap()).unwrap(), frame);
        }
    }

    #[test]
    fn random_and_mutated_frames_never_panic(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        kind in 0..KINDS,
        sample in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        drop(Frame::decode(&noise));
        let mut payload = vec![kind];
        payload.extend_from_slice(&noise);
        drop(decode_payload(&payload, Speaker::Any));
        let all = samples();
        let mut bytes = postcard::to_stdvec(sample.get(&all)).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = value;
        drop(decode_payload(&bytes, Speaker::Any));
    }
}
