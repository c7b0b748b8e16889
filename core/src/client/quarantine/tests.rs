use super::*;
use crate::checklist::{TEA, Template};
use crate::model::{
    Actor, AnswerInput, DeviceId, Document, DocumentId, Grade, Incarnation, Kind, Origin,
};
use crate::trust::DeviceKey;

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const LIFE: Incarnation = Incarnation([1; 16]);

fn visit() -> Genesis {
    let (plan, facility) = (DocumentId([1; 32]), DocumentId([2; 32]));
    Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(Template::parse(TEA).unwrap().id()),
        origin: Origin::Planned { plan, facility, visit: 1 },
    }
}

/// An answer of a device, as a pack.
fn pack(value: &str) -> Pack {
    let (key, genesis) = (DeviceKey::from_seed(&[1; 32]), visit());
    let actor = Actor::derive(key.device(), genesis.document(), LIFE);
    let mut document = Document::create(&genesis, &Template::parse(TEA).unwrap().shape());
    let answer = AnswerInput {
        grade: Grade::Minor,
        value: Some(value.to_owned()),
        evidence: Vec::new(),
        claimed_at: NOW,
        resolves: false,
    };
    let edited = document.edit(actor, NOW, |editor| editor.answer("1.1", answer)).unwrap();
    Pack::seal(&key, genesis, LIFE, None, vec![edited.1.unwrap()]).unwrap()
}

fn entry(pack: &Pack) -> AsideEntry {
    let name = AsideName {
        document: pack.document(),
        actor: pack.actor(),
        seq: pack.last_seq(),
        hash: pack.tip_hash(),
    };
    let (verdict, device) = (Verdict::NotAllowed, pack.device());
    AsideEntry {
        name,
        verdict,
        device,
        from: None,
        scope: Some(pack.genesis().scope.clone()),
        at: NOW,
    }
}

#[test]
fn what_a_pack_wrote_is_read_by_key_with_no_document() {
    let pack = pack("mười hai");
    let read = read(&entry(&pack), &pack.encode()).unwrap();
    assert_eq!((read.changes.len(), read.unread), (1, 0));
    let change = &read.changes[0];
    assert_eq!((change.seq, change.change), (1, pack.tip_hash()));
    let [written] = &change.written[..] else { panic!("{change:?}") };
    assert_eq!(written.key.as_deref(), Some("1.1"));
    assert!(written.text.contains("mười hai"), "{written:?}");
    assert_eq!(read.digest, *blake3::hash(&pack.encode()).as_bytes());
}

#[test]
fn what_is_not_what_the_hub_named_is_not_shown() {
    let (asked, other) = (pack("asked"), pack("other"));
    let fails = |entry: &AsideEntry, bytes: &[u8]| {
        matches!(read(entry, bytes), Err(ClientError::OtherEvidence { .. }))
    };
    assert!(fails(&entry(&asked), &other.encode()));
    let foreign = AsideEntry { device: DeviceId([9; 32]), ..entry(&asked) };
    assert!(fails(&foreign, &asked.encode()));
    let mut later = entry(&asked);
    later.name.seq += 1;
    assert!(fails(&later, &asked.encode()));
    let encoded = asked.encode();
    for at in 0..encoded.len() {
        let mut spoilt = encoded.clone();
        spoilt[at] ^= 1;
        assert!(read(&entry(&asked), &spoilt).is_err(), "byte {at}");
    }
}

#[test]
fn what_would_play_with_a_terminal_is_taken_out() {
    let bell = |text: &str| format!("{text}\u{1b}[2J\u{7}");
    let read = readable(Written { key: Some(bell("1.1")), text: bell("ghi chú") });
    let plain = |text: &str| format!("{text}\u{fffd}[2J\u{fffd}");
    assert_eq!(read, Written { key: Some(plain("1.1")), text: plain("ghi chú") });
}
