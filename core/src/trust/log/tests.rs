mod judging;

use super::*;
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, Kind, PersonId, TemplateId, Timestamp,
};
use crate::trust::DeviceKey;
use crate::trust::control::{ActId, Whom};
use crate::trust::merkle::TreeHash;

/// One leaf of each kind, a line each, as version 1 wrote them. Later programs must read them, and no
/// program may hash them otherwise.
const SAMPLES: &str = include_str!("../../../fixtures/log-leaves-v1.txt");

fn key() -> DeviceKey {
    DeviceKey::from_seed(&[7; 32])
}

fn head(epoch: u8, size: u64, root: u8) -> TreeHead {
    TreeHead::sign(&key(), [epoch; 16], (size, TreeHash([root; 32])), Timestamp(5))
}

fn entries() -> Vec<LogEntry> {
    let (from, device) = (DeviceId([1; 32]), DeviceId([2; 32]));
    let (document, actor) = (DocumentId([3; 32]), Actor([4; 16]));
    let (seq, hash, by) = (300, ChangeHash([5; 32]), DeviceId([6; 32]));
    vec![
        LogEntry::Begun { epoch: [8; 16] },
        LogEntry::Epoch { epoch: [9; 16], lost: 2, continues: 300 },
        LogEntry::Stored { from, device, document, actor, seq, hash },
        LogEntry::Refused { device, document, actor, seq, hash, why: Refusal::Poison },
        LogEntry::Merged { document, packs: 3 },
        LogEntry::Closed { document, lines: 1 },
        LogEntry::Published { template: Some(TemplateId([7; 32])) },
        LogEntry::Trusted { device, active: false },
        LogEntry::Recorded { kind: 22 },
        LogEntry::Read { by, kind: Kind::Inspection, scope: "06325".parse().unwrap(), given: 12 },
        LogEntry::TurnedAway {
            why: Turned::Stranger,
            device: Some(device),
            count: 90,
            since: Timestamp(4),
        },
        LogEntry::Administered { act: Act::Publish, by, hash: [1; 32] },
        LogEntry::Exported { by, document },
        LogEntry::Surpassed { by, head: Some(head(8, 9, 1)) },
        LogEntry::Object { hash: [2; 32] },
        LogEntry::Entered {
            act: ActId([3; 32]),
            scope: "06325".parse().unwrap(),
            by,
            deed: 1,
            whom: Some(Whom::Person(PersonId([4; 16]))),
        },
        LogEntry::Unrecorded { count: 3 },
        LogEntry::ClockOff { device, ahead_ms: -300_001 },
    ]
}

fn leaves() -> Vec<LogLeaf> {
    let leaf = |entry| LogLeaf { record: [0xaa; 32], at: Timestamp(1_795_000_000_000), entry };
    entries().into_iter().map(leaf).collect()
}

#[test]
fn leaves_of_version_1_are_still_read_and_hash_as_they_did() {
    let lines: Vec<&str> = SAMPLES.lines().collect();
    assert_eq!(lines.len(), leaves().len());
    for (line, leaf) in lines.into_iter().zip(leaves()) {
        let bytes = hex::decode(line).unwrap();
        assert_eq!(LogLeaf::decode(&bytes), Some(leaf.clone()));
        assert_eq!(leaf.encode(), bytes);
        assert_eq!(leaf.hash(), TreeHash::of_leaf(&bytes));
        assert!(bytes.len() <= LEAF_BYTES_MAX);
    }
}

#[test]
#[ignore = "writes the samples anew; only for a new version"]
fn write_the_samples() {
    let text: String = leaves().iter().map(|leaf| hex::encode(leaf.encode()) + "\n").collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/log-leaves-v1.txt");
    std::fs::write(path, text).unwrap();
}

#[test]
fn bytes_that_are_no_leaf_are_none() {
    for leaf in leaves() {
        let good = leaf.encode();
        for length in 0..good.len() {
            assert_eq!(LogLeaf::decode(&good[..length]), None);
        }
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(LogLeaf::decode(&longer), None);
        let mut newer = good;
        newer[0] = 2;
        assert_eq!(LogLeaf::decode(&newer), None);
    }
}

#[test]
fn any_changed_field_breaks_a_heads_signature_and_a_releases() {
    let good = head(1, 2, 3);
    let hub = key().device();
    good.verify(hub).unwrap();
    let other = DeviceKey::from_seed(&[9; 32]).device();
    assert!(good.verify(other).is_err());
    for wrong in [
        TreeHead { epoch: [2; 16], ..good },
        TreeHead { size: 3, ..good },
        TreeHead { root: TreeHash([4; 32]), ..good },
        TreeHead { at: Timestamp(6), ..good },
    ] {
        assert!(wrong.verify(hub).is_err(), "{wrong:?}");
    }
    let (device, doubt) = (DeviceId([1; 32]), [2; 32]);
    let release = Release::sign(&key(), device, doubt);
    release.verify(device, doubt).unwrap();
    assert!(release.verify(DeviceId([3; 32]), doubt).is_err());
    assert!(release.verify(device, [3; 32]).is_err());
    assert!(Release { by: other, ..release }.verify(device, doubt).is_err());
    assert_eq!(Release::from_text(&release.to_text()), Some(release));
    assert_eq!(Release::from_text("00"), None);
    assert_eq!(Release::from_text("zz"), None);
}
