use super::*;
use crate::model::{Kind, Origin, PersonId};
use crate::sync::{Role, Snapshot, Verdict};
use crate::trust::control::{Act, ChainHead, ControlEntry, Deed, SignedAct};
use crate::trust::enrolment::{Code, Invitation};
use crate::trust::log::DoubtReason;
use crate::trust::merkle::TreeHash;
use crate::trust::{Attestation, DeviceKey, Grant, HubMark, Line, ReceiptItem, Tip};

/// One fact of each kind, a line each, as version 1 wrote them. Later programs must read them.
const SAMPLES: &str = include_str!("../../../fixtures/facts-v1.txt");

/// The same of the hub's marks.
const OF_MARKS: &str = include_str!("../../../fixtures/facts-v1-marks.txt");

/// The same of what sealed minutes brought.
const OF_SEALS: &str = include_str!("../../../fixtures/facts-v1-seals.txt");

const AT: Timestamp = Timestamp(1_795_000_000_000);

fn key() -> DeviceKey {
    DeviceKey::from_seed(&[7; 32])
}

fn genesis() -> Genesis {
    Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(TemplateId([1; 32])),
        origin: Origin::Planned {
            plan: DocumentId([2; 32]),
            facility: DocumentId([3; 32]),
            visit: 1,
        },
    }
}

fn notice() -> Notice {
    Notice {
        document: DocumentId([4; 32]),
        actor: Actor([5; 16]),
        seq: 6,
        hash: ChangeHash([7; 32]),
        verdict: Verdict::Equivocation,
    }
}

fn entry() -> PlainEntry {
    PlainEntry {
        device: key().device(),
        name: "Hoàng Thị Mây".to_owned(),
        agency: "Phòng Kinh tế xã".to_owned(),
        role: Role::Leader,
        scopes: vec!["20".parse().unwrap()],
        active: true,
    }
}

fn position() -> FeedPosition {
    FeedPosition { epoch: [8; 16], number: 9, chain: [10; 32] }
}

fn quarantined() -> Quarantined {
    Quarantined { device: key().device(), notice: notice(), bytes: vec![1, 2, 3] }
}

fn place() -> PackPlace {
    PackPlace { at: 11, index: 12 }
}

fn received() -> Fact {
    let tip = Tip { seq: 1, hash: ChangeHash([7; 32]), line: Line([9; 32]) };
    let life = Incarnation([13; 16]);
    let attestation = Attestation::sign(&key(), life, genesis().document(), tip);
    let (document, actor) = (DocumentId([4; 32]), Actor([5; 16]));
    let attestations = vec![attestation];
    Fact::Received {
        items: vec![
            FeedItem::Pack(vec![1, 2]),
            FeedItem::Yours { document, actor, seq: 6 },
            FeedItem::Object { bytes: b"{}".to_vec() },
            FeedItem::Device(entry()),
            FeedItem::Snapshot(Snapshot { genesis: genesis(), bytes: vec![3], attestations }),
        ],
        position: Some(position()),
        at: AT,
    }
}

fn receipted() -> Fact {
    let item = ReceiptItem {
        document: DocumentId([4; 32]),
        actor: Actor([5; 16]),
        seq: 6,
        hash: ChangeHash([7; 32]),
    };
    let receipt = HubReceipt::sign(&key(), [8; 16], key().device(), vec![item], AT).unwrap();
    Fact::Receipted { receipt }
}

fn each() -> Vec<Fact> {
    let device = key().device();
    let incarnation = Incarnation([13; 16]);
    let (document, actor) = (DocumentId([4; 32]), Actor([5; 16]));
    let merged =
        MergedPack { place: place(), actor, device, incarnation, seq: 6, tip: ChangeHash([7; 32]) };
    let first = vec![
        Fact::Born { device, incarnation, at: AT },
        Fact::Incarnated { incarnation, why: Renewal::Cloned, lost: 2, at: AT },
        Fact::Changed { genesis: genesis(), change: vec![1, 2, 3], at: AT },
        Fact::Released { packs: vec![vec![1], vec![2, 3]], at: AT },
        received(),
        receipted(),
        Fact::Noticed { upto: 1, notices: vec![notice()] },
        Fact::Accepted {
            from: device,
            packs: vec![vec![1]],
            quarantined: vec![quarantined()],
            at: AT,
        },
        Fact::Merged {
            document,
            scope: "06325".parse().unwrap(),
            merged: vec![merged],
            parked: vec![(place(), device)],
            refused: vec![(place(), quarantined())],
            at: AT,
        },
        Fact::Published { bytes: b"{}".to_vec() },
        Fact::Trusted { entry: entry() },
        Fact::Forked { document, actor },
        Fact::Adopted {
            genesis: genesis(),
            actor,
            incarnation,
            packs: vec![vec![1]],
            resubmitted: vec![vec![2]],
            replaced: vec![Replaced { place: place(), actor, seq: 6 }],
            at: AT,
        },
        Fact::Lagging,
        Fact::Met {
            from: device,
            items: vec![FeedItem::Object { bytes: b"{}".to_vec() }, FeedItem::Pack(vec![1])],
            at: AT,
        },
        Fact::Declined { packs: vec![(document, actor, 6)], at: AT },
        Fact::Closed {
            lines: vec![closed()],
            changes: vec![(ChangeHash([7; 32]), ChangeHash([9; 32]))],
            document,
            scope: "06325".parse().unwrap(),
            at: AT,
        },
        Fact::Rejected { document, edits: vec![rejected()], at: AT },
        Fact::Restored { epoch: [8; 16] },
        Fact::Lacking { wants: vec![Want { document, actor, from_seq: 6 }] },
    ];
    first.into_iter().chain(later()).chain(of_the_log()).collect()
}

/// Those that came after the first samples.
fn later() -> Vec<Fact> {
    let incarnation = Incarnation([13; 16]);
    let (document, actor) = (DocumentId([4; 32]), Actor([5; 16]));
    vec![
        // What kinds above could not hold when their first samples were written.
        Fact::Received { items: vec![FeedItem::Closed(closed())], position: None, at: AT },
        Fact::Incarnated { incarnation, why: Renewal::Closed, lost: 0, at: AT },
        Fact::HeldBack { packs: vec![(document, actor, 6)], epoch: [8; 16], at: AT },
        Fact::Troubled {
            trouble: Trouble { lost: 2, everything: true, set_aside: vec!["journal".to_owned()] },
            at: AT,
        },
        Fact::Acknowledged { upto: 9, at: AT },
        Fact::Returned { templates: vec![TemplateId([1; 32])], epoch: [8; 16] },
        Fact::Followed {
            document,
            actor,
            left: vec![Replaced { place: place(), actor, seq: 6 }],
            at: AT,
        },
        Fact::Kept { packs: vec![(document, actor, 6)], epoch: [8; 16] },
        Fact::Incarnated { incarnation, why: Renewal::Restored, lost: 0, at: AT },
        Fact::Audited { entries: vec![LogEntry::Begun { epoch: [8; 16] }], at: AT },
        Fact::Witnessed { hub: key().device(), head: head(6), heard: Some(key().device()), at: AT },
        Fact::Doubted { word: DoubtWord::Found(doubt()), at: AT },
        Fact::Doubted { word: DoubtWord::Released(release()), at: AT },
        Fact::Received { items: vec![FeedItem::Control(entered())], position: None, at: AT },
        Fact::Controlled { entries: vec![entered()] },
        Fact::Pinned { hub: key().device() },
        Fact::Acted { act: decided().encode().unwrap() },
        Fact::Dropped { act: decided().act.id().unwrap() },
        Fact::Reminded { epoch: [8; 16], upto: vec![1, 2] },
        Fact::Unentered { act: decided().act.id().unwrap() },
    ]
    .into_iter()
    .chain(enrolment())
    .collect()
}

fn enrolment() -> Vec<Fact> {
    let (code, own) = (Code::new([6; 16]), key().device());
    let (id, scope) = (code.id(), "20".parse().unwrap());
    let signed = Invitation { by: own, hub: own, id, scope, at: AT }.sign(&key());
    vec![
        Fact::Invited { signed, at: AT },
        Fact::Claimed { claim: Claim::make(&code, own, own, "Máy 1"), at: AT },
        Fact::Denied { invitation: id, at: AT },
    ]
}

/// What phone and hub keep of the hub's log beside the above.
fn of_the_log() -> Vec<Fact> {
    vec![
        Fact::Accounted { heads: vec![(&head(6)).into(), (&head(7)).into()], at: AT },
        Fact::Marked { size: 6, root: TreeHash([9; 32]) },
    ]
}

/// Those of sealed minutes, in a file of their own.
fn of_seals() -> Vec<Fact> {
    let (act, id) = (decided().encode().unwrap(), decided().act.id().unwrap());
    let seal = vec![1, 2, 3];
    let from = key().device();
    vec![
        Fact::Signed { act: act.clone(), seal: seal.clone() },
        Fact::Presented { act: act.clone(), seal: seal.clone(), at: AT },
        Fact::HeardSeal { act, seal, from, at: AT },
        Fact::SealAnswered { act: id, epoch: [8; 16], refused: true },
        Fact::SealRefused { act: id, at: AT },
        Fact::Received { items: vec![FeedItem::Seal(vec![1, 2])], position: None, at: AT },
        Fact::SealDropped { act: id, reason: "ký lại".to_owned(), at: AT },
        Fact::SealForgotten { act: id },
        Fact::SealsSeen { acts: vec![id], at: AT },
    ]
}

/// Those of the hub's marks, in a file of their own.
fn of_marks() -> Vec<Fact> {
    let mark = HubMark::sign(&key(), ([8; 16], 9, [7; 32]), (true, 6, AT), AT);
    vec![Fact::HubMarked { mark }, Fact::BackedUp { epoch: [8; 16], number: 6, at: AT }]
}

#[test]
fn facts_of_the_hubs_marks_are_still_read() {
    let lines: Vec<&str> = OF_MARKS.lines().collect();
    assert_eq!(lines.len(), of_marks().len());
    for (line, fact) in lines.into_iter().zip(of_marks()) {
        let (kind, payload) = line.split_once(' ').unwrap();
        let record = Record { kind: kind.parse().unwrap(), payload: hex::decode(payload).unwrap() };
        assert_eq!(Fact::read(Position(1), &record).unwrap(), fact);
    }
}

#[test]
fn facts_of_sealed_minutes_are_still_read() {
    let lines: Vec<&str> = OF_SEALS.lines().collect();
    assert_eq!(lines.len(), of_seals().len());
    for (line, fact) in lines.into_iter().zip(of_seals()) {
        let (kind, payload) = line.split_once(' ').unwrap();
        let record = Record { kind: kind.parse().unwrap(), payload: hex::decode(payload).unwrap() };
        assert_eq!(Fact::read(Position(1), &record).unwrap(), fact);
    }
}

fn decided() -> SignedAct {
    let grant = Grant::always(Role::Leader, "06325".parse().unwrap());
    let deed = Deed::Grant { person: PersonId([2; 16]), grant };
    let (by, scope) = (key().device(), "06325".parse().unwrap());
    Act { hub: by, by, scope, nonce: [3; 16], at: AT, deed }.sign(&key()).unwrap()
}

fn entered() -> Vec<u8> {
    let head = ChainHead::default();
    ControlEntry::sign(&key(), ([8; 16], &head), (AT, AT), decided(), None)
        .unwrap()
        .encode()
        .unwrap()
}

fn head(size: u64) -> TreeHead {
    TreeHead::sign(&key(), [8; 16], (size, TreeHash([9; 32])), AT)
}

fn doubt() -> Doubt {
    let (kept, shown, reason) = (head(6), head(5), DoubtReason::Shorter);
    Doubt { kept, shown, reason, peer: Some(key().device()) }
}

fn release() -> Release {
    Release::sign(&key(), key().device(), doubt().id())
}

fn closed() -> ClosedLine {
    let tip = Tip { seq: 5, hash: ChangeHash([8; 32]), line: Line([9; 32]) };
    let (document, actor) = (DocumentId([4; 32]), Actor([5; 16]));
    ClosedLine {
        document,
        actor,
        from_seq: 6,
        culprit: ChangeHash([7; 32]),
        verdict: Verdict::OnRefused,
        before: Some(Attestation::sign(&key(), Incarnation([13; 16]), document, tip)),
    }
}

fn rejected() -> Rejected {
    let (place, culprit) = (place(), ChangeHash([7; 32]));
    Rejected { place, actor: Actor([5; 16]), seq: 6, culprit, operations: vec![1, 2] }
}

#[test]
fn facts_of_version_1_are_still_read() {
    let lines: Vec<&str> = SAMPLES.lines().collect();
    assert_eq!(lines.len(), each().len());
    for (line, fact) in lines.into_iter().zip(each()) {
        let (kind, payload) = line.split_once(' ').unwrap();
        let record = Record { kind: kind.parse().unwrap(), payload: hex::decode(payload).unwrap() };
        assert_eq!(Fact::read(Position(1), &record).unwrap(), fact);
    }
}

#[test]
#[ignore = "writes the samples anew; only for a new version"]
fn write_the_samples() {
    let line = |fact: Fact| {
        let record = fact.record().unwrap();
        format!("{} {}\n", record.kind, hex::encode(record.payload))
    };
    let text: String = each().into_iter().map(line).collect();
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/facts-v1.txt"), text).unwrap();
    let text: String = of_seals().into_iter().map(line).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/facts-v1-seals.txt");
    std::fs::write(path, text).unwrap();
    let text: String = of_marks().into_iter().map(line).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/facts-v1-marks.txt");
    std::fs::write(path, text).unwrap();
}

#[test]
fn what_is_too_much_for_one_record_is_cut_and_nothing_of_it_lost() {
    let third = PIECE_BYTES_MAX / 3 + 1;
    let packs: Vec<Vec<u8>> = (0..7).map(|n| vec![n; third]).collect();
    let cut = pieces(packs.iter().cloned(), Vec::len);
    assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 1]);
    for packs in &cut {
        let record = Fact::Released { packs: packs.clone(), at: AT }.record().unwrap();
        assert!(record.payload.len() <= RECORD_BYTES_MAX);
    }
    assert_eq!(cut.concat(), packs);
    let alone = pieces([2 * PIECE_BYTES_MAX, 1].into_iter(), |bytes| *bytes);
    assert_eq!(alone, [vec![2 * PIECE_BYTES_MAX], vec![1]], "a big one stands alone");
}

#[test]
fn bytes_that_are_no_fact_are_refused() {
    let at = Position(3);
    let good = each().remove(0).record().unwrap();
    let bad = |kind, payload| Fact::read(at, &Record { kind, payload });
    assert!(matches!(bad(1, Vec::new()), Err(StoreError::Meaningless { .. })));
    assert!(matches!(bad(1, vec![FACT_VERSION]), Err(StoreError::Meaningless { .. })));
    assert!(matches!(bad(2, good.payload.clone()), Err(StoreError::Meaningless { .. })));
    let mut longer = good.payload.clone();
    longer.push(0);
    assert!(matches!(bad(1, longer), Err(StoreError::Meaningless { .. })));
    let mut newer = good.payload;
    newer[0] = SHORT_VERSION + 1;
    assert!(matches!(bad(1, newer.clone()), Err(StoreError::Newer { .. })));
    // A kind that only a later program writes is not bytes that mean nothing.
    newer[0] = FACT_VERSION;
    assert!(matches!(bad(KIND_MAX + 1, newer), Err(StoreError::Newer { .. })));
    let kinds = each().iter().map(|fact| fact.record().unwrap().kind).max();
    assert_eq!(kinds, Some(KIND_MAX));
}
