use super::*;
use crate::model::{
    AnswerInput, Document, Grade, Kind, Origin, Scope, Shape, TemplateId, Timestamp,
};
use crate::replica::facts::{KeptPack, PackPlace};
use crate::store::Position;
use crate::trust::DeviceKey;

const AT: Timestamp = Timestamp(1_795_000_000_000);

/// Facts of saved documents as version 1 wrote them, then a record as version 2 wrote it.
const SAMPLES: &str = include_str!("../../../fixtures/facts-v1-saved.txt");
const SHORT_SAMPLE: &str = include_str!("../../../fixtures/fact-v2.txt");
/// The same of a pack of format 3.
const SHORT_SAMPLE_CLAIMED: &str = include_str!("../../../fixtures/fact-v2-claimed.txt");

fn genesis() -> Genesis {
    Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse::<Scope>().unwrap(),
        template: Some(TemplateId([1; 32])),
        origin: Origin::Device { creator: DeviceKey::from_seed(&[7; 32]).device(), nonce: [3; 16] },
    }
}

fn edits(count: usize, seed: u8) -> (Document, Vec<RawChange>, Incarnation, DeviceKey) {
    let (key, life) = (DeviceKey::from_seed(&[seed; 32]), Incarnation([9; 16]));
    let shape = Shape::Inspection {
        template: TemplateId([1; 32]),
        items: vec!["1.1".to_owned(), "1.2".to_owned()],
        calculated: Vec::new(),
        groups: Vec::new(),
    };
    let mut document = Document::create(&genesis(), &shape);
    let actor = Actor::derive(key.device(), genesis().document(), life);
    let changes = (0..count).map(|at| {
        let answer = AnswerInput {
            grade: Grade::Pass,
            value: Some(format!("{at} đạt")),
            evidence: Vec::new(),
            claimed_at: AT,
            resolves: false,
        };
        let item = if at % 2 == 0 { "1.1" } else { "1.2" };
        let edited = document.edit(actor, AT, |editor| editor.answer(item, answer));
        edited.unwrap().1.unwrap()
    });
    let changes = changes.collect();
    (document, changes, life, key)
}

fn packs(changes: &[RawChange], life: Incarnation, key: &DeviceKey, each: usize) -> Vec<Pack> {
    let mut packs: Vec<Pack> = Vec::new();
    for run in changes.chunks(each) {
        let previous = packs.last().map(Pack::tip);
        packs.push(Pack::seal(key, genesis(), life, previous, run.to_vec()).unwrap());
    }
    packs
}

#[test]
fn packs_and_changes_are_told_again_to_the_byte_and_read_alike() {
    let (document, changes, life, key) = edits(40, 7);
    let grown = Grown::of(&document.save()).unwrap();
    let packs = packs(&changes, life, &key, 8);
    let spelled =
        packs.iter().flat_map(|pack| [(pack, pack.encode()), (pack, pack.encode_earlier())]);
    for (pack, bytes) in spelled {
        let named = [pack.first_seq() + 2, 1_000];
        let husk = grown.husk(&bytes, &named).unwrap();
        assert!(is_husk(&husk) && !is_husk(&bytes) && husk.len() < bytes.len());
        assert_eq!(grown.pack(&husk).unwrap(), bytes);
        let (long, short) = (PackFacts::read(&bytes).unwrap(), PackFacts::read(&husk).unwrap());
        assert_eq!(long.attestation(), short.attestation());
        assert_eq!((long.genesis(), long.previous()), (short.genesis(), short.previous()));
        assert_eq!((long.used, long.length), (short.used, short.length));
        assert_eq!(document_of(&husk), document_of(&bytes));
        // Of the places inside, those that something else speaks of are known, and no other is made up.
        let seqs: Vec<u64> = short.known().iter().map(|tip| tip.seq).collect();
        assert_eq!(seqs, [named[0], pack.last_seq()]);
        assert!(short.known().iter().all(|tip| long.known().contains(tip)));
        assert!(Pack::decode(&husk).is_err(), "what is kept of a pack never travels as one");
    }
    for change in &changes {
        let husk = grown.change_husk(change.bytes()).unwrap();
        assert_eq!(grown.change(&husk).unwrap(), change.bytes());
        assert_eq!(named_change(&husk).unwrap().1, change.facts().seq);
    }
}

#[test]
fn what_a_saved_document_does_not_hold_stays_as_it_is() {
    let (_, changes, life, key) = edits(20, 7);
    let (early, ..) = edits(10, 7);
    let (other, ..) = edits(20, 8);
    let (early, other) = (Grown::of(&early.save()).unwrap(), Grown::of(&other.save()).unwrap());
    let whole = packs(&changes, life, &key, 20).remove(0).encode();
    assert!(early.husk(&whole, &[]).is_none() && other.husk(&whole, &[]).is_none());
    assert!(other.change_husk(changes[0].bytes()).is_none());
    assert!(early.change_husk(changes[12].bytes()).is_none());
    // A pack that is not quite what was signed is not told again as if it were.
    let mut forged = packs(&changes, life, &key, 5).remove(0).encode();
    forged[60] ^= 1;
    let late = Grown::of(&edits(20, 7).0.save()).unwrap();
    if let Some(husk) = late.husk(&forged, &[]) {
        assert_eq!(late.pack(&husk).unwrap(), forged);
    }
    assert!(late.covers(&early) && !early.covers(&late) && !late.covers(&other));
}

#[test]
fn damaged_leftovers_are_refused() {
    let (document, changes, life, key) = edits(10, 7);
    let grown = Grown::of(&document.save()).unwrap();
    let husk = grown.husk(&packs(&changes, life, &key, 10)[0].encode(), &[]).unwrap();
    for cut in 0..husk.len() {
        assert!(PackFacts::read(&husk[..cut]).is_err());
        assert!(grown.pack(&husk[..cut]).is_none());
    }
    assert!(Grown::of(&document.save()[1..]).is_none());
    let form = SavedForm::of(&document.save()).into_bytes();
    assert_eq!(SavedForm::read(&form).unwrap(), document.save());
    assert!(SavedForm::read(&[]).is_none() && SavedForm::read(&[7, 1]).is_none());
}

fn each() -> Vec<Fact> {
    let document = genesis().document();
    let key = DeviceKey::from_seed(&[7; 32]);
    let tip = Tip::after(None, ChangeHash([5; 32]));
    let place = PackPlace { at: 11, index: 2 };
    let kept = KeptPack {
        place,
        first_seq: 1,
        previous: None,
        attestation: Attestation::sign(&key, Incarnation([9; 16]), document, tip),
    };
    vec![
        Fact::Saved { document, bytes: vec![0, 1, 2], at: AT },
        Fact::Unsaved { document, packs: vec![place], changes: vec![4], kept: vec![kept], at: AT },
        Fact::Typed { document, actor: Actor([4; 16]), seq: 5, at: AT },
    ]
}

fn short_record(encode: fn(&Pack) -> Vec<u8>) -> (Record, Fact) {
    let (document, changes, life, key) = edits(10, 7);
    let grown = Grown::of(&document.save()).unwrap();
    let husk = grown.husk(&encode(&packs(&changes, life, &key, 10)[0]), &[4]).unwrap();
    let fact = Fact::Released { packs: vec![husk], at: AT };
    let kind = fact.record().unwrap().kind;
    (Record { kind, payload: payload(&fact, [6; 32]).unwrap() }, fact)
}

fn parse(line: &str) -> Record {
    let (kind, payload) = line.split_once(' ').unwrap();
    Record { kind: kind.parse().unwrap(), payload: hex::decode(payload.trim()).unwrap() }
}

#[test]
fn facts_of_saved_documents_and_shortened_records_are_still_read() {
    assert_eq!(SAMPLES.lines().count(), each().len());
    for (line, fact) in SAMPLES.lines().zip(each()) {
        assert_eq!(Fact::read(Position(1), &parse(line)).unwrap(), fact);
    }
    for (sample, (record, fact)) in [
        (SHORT_SAMPLE, short_record(Pack::encode_earlier)),
        (SHORT_SAMPLE_CLAIMED, short_record(Pack::encode)),
    ] {
        let sample = parse(sample);
        assert_eq!(written_hash(&sample), Some([6; 32]));
        assert_eq!(Fact::read(Position(1), &sample).unwrap(), fact);
        assert_eq!(sample, record);
    }
}

#[test]
#[ignore = "writes the samples anew; only for a new version"]
fn write_the_samples() {
    let line = |record: Record| format!("{} {}\n", record.kind, hex::encode(record.payload));
    let text: String = each().iter().map(|fact| line(fact.record().unwrap())).collect();
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/facts-v1-saved.txt"), text)
        .unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/fact-v2-claimed.txt");
    std::fs::write(path, line(short_record(Pack::encode).0)).unwrap();
}
