use std::path::PathBuf;

use super::*;
use crate::model::{DocumentId, Genesis, Origin, Timestamp};
use crate::sync::pack::tests::{INCARNATION, changes, genesis, key, sealed_by};
use crate::sync::{FeedItem, FrameError, Pack};
use crate::trust::{HubReceipt, ReceiptItem};

/// The pack of one device in so many documents.
fn packs(seed: u8, documents: u8) -> Vec<Pack> {
    let packs = (0..documents).map(|nonce| {
        let facility = DocumentId(*blake3::hash(&[nonce]).as_bytes());
        let origin = Origin::Planned { plan: DocumentId([1; 32]), facility, visit: 1 };
        let genesis = Genesis { origin, ..genesis(nonce) };
        let values = [String::new(), format!("{{\"grade\":\"pass\",\"by\":{seed}}}")];
        let changes = changes(seed, &genesis, &values);
        Pack::seal(&key(seed), genesis, INCARNATION, None, changes).unwrap()
    });
    packs.collect()
}

fn push(packs: &[Pack]) -> Frame {
    Frame::Push { packs: packs.iter().map(Pack::encode).collect() }
}

fn noted(frame: &Frame) -> Names {
    let mut names = Names::default();
    names.note(frame);
    names
}

fn receipt(packs: &[Pack]) -> Frame {
    let item = |pack: &Pack| ReceiptItem {
        document: pack.document(),
        actor: pack.actor(),
        seq: pack.last_seq(),
        hash: pack.tip_hash(),
    };
    let items = packs.iter().map(item).collect();
    let receipt = HubReceipt::sign(&key(200), [1; 16], key(1).device(), items, Timestamp(8));
    Frame::Receipts(receipt.unwrap())
}

#[test]
fn both_sides_write_down_the_same() {
    let mut all: Vec<Vec<u8>> = packs(1, 20).iter().map(Pack::encode).collect();
    // Bodies that are worth compressing, what is no pack, and one whose body is none.
    all.extend((0..5).map(|seed| sealed_by(seed, 40).encode()));
    all.push(b"no pack".to_vec());
    all.push([&all[22][..all[22].len() - 5], &[0; 5]].concat());
    all.push([&all[0][..], b"and more"].concat());
    let said = Frame::Push { packs: all };
    let heard = Frame::decode(&said.encode().unwrap()).unwrap();
    let (said, heard) = (noted(&said), noted(&heard));
    assert_eq!((&said.bytes, &said.ends), (&heard.bytes, &heard.ends));
    assert_eq!(said.len(), 28);
}

#[test]
fn what_the_other_side_pushed_is_not_spelled_out_again() {
    let pushed = packs(1, 30);
    let names = noted(&push(&pushed));
    let others = packs(2, 30).iter().map(|pack| FeedItem::Pack(pack.encode())).collect();
    let mine = pushed.iter().map(|pack| FeedItem::Yours {
        document: pack.document(),
        actor: pack.actor(),
        seq: pack.last_seq(),
    });
    let (mine, others) =
        [mine.collect(), others].map(|items: Vec<_>| Frame::Items { items, position: None }).into();
    // Of a receipt the hash of the last change is left; of another's pack the name of the facility is not there, which here
    // is all that tells records apart.
    for (frame, saved) in [(receipt(&pushed), 40), (mine, 40), (others, 20)] {
        let (spelled, pointed) = (frame.encode().unwrap(), frame.encode_after(&names).unwrap());
        let saving = (spelled.len() - pointed.len()) / 30;
        assert!(saving > saved, "{}: {saving} bytes a pack", frame.name());
        assert_eq!(Frame::decode_after(&pointed, &names).as_ref(), Ok(&frame));
        let unknown = FrameError::Names { found: 30, known: 0 };
        assert_eq!(Frame::decode(&pointed), Err(unknown));
    }
}

#[test]
fn a_hub_points_at_what_it_had_heard_by_then() {
    let (first, second) = (packs(1, 20), packs(1, 40).split_off(20));
    let mut names = noted(&push(&first));
    let said = receipt(&first).encode_after(&names).unwrap();
    // The phone has said more before this arrives.
    names.note(&push(&second));
    assert_eq!(names.len(), 40);
    assert_eq!(Frame::decode_after(&said, &names), Ok(receipt(&first)));
}

#[test]
fn names_have_a_limit_and_single_packs_none() {
    let names = noted(&push(&packs(1, 1)));
    assert_eq!((names.len(), names.first(0), names.first(1)), (0, None, None));
    let many = push(&vec![packs(1, 1).remove(0); NAMES_PACKS_MAX - 1]);
    let mut names = noted(&many);
    names.note(&many);
    assert_eq!((names.len(), names.first(NAMES_PACKS_MAX + 1)), (NAMES_PACKS_MAX, None));
    let mut none = Names::none();
    none.note(&many);
    assert!(none.is_empty());
}

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/frame-v4-receipts-names.hex")
}

#[test]
fn a_frame_that_points_at_names_written_by_an_earlier_version_still_reads() {
    let pushed = packs(1, 30);
    let kept = hex::decode(std::fs::read_to_string(fixture()).unwrap().trim()).unwrap();
    assert_eq!(Frame::decode_after(&kept, &noted(&push(&pushed))), Ok(receipt(&pushed)));
}

/// A fixture that is there is never rewritten.
#[test]
#[ignore = "writes a file; run it by name after a new version"]
fn write_the_missing_fixture() {
    let pushed = packs(1, 30);
    let said = receipt(&pushed).encode_after(&noted(&push(&pushed))).unwrap();
    if !fixture().exists() {
        std::fs::write(fixture(), hex::encode(said) + "\n").unwrap();
    }
}

fn stored(receipt: &Frame, names: &Names) -> Stored {
    let Frame::Receipts(receipt) = receipt else { panic!("no receipt") };
    let places = names.places(&receipt.items, 0..names.len()).unwrap();
    Stored { stored_at: receipt.stored_at, signature: receipt.signature, places }
}

#[test]
fn a_receipt_that_names_places_says_what_it_says_in_words() {
    let packs = packs(1, 30);
    let (names, mut pushed) = (noted(&push(&packs)), Pushed::default());
    pushed.note(&push(&packs));
    let read = |stored: &Stored| pushed.receipt(stored, [1; 16], key(1).device());
    let whole = stored(&receipt(&packs), &names);
    assert_eq!(whole.places, [(0, 30)]);
    let heard = read(&whole).unwrap();
    heard.verify(key(200).device()).unwrap();
    assert_eq!(Frame::Receipts(heard), receipt(&packs));
    let mut mixed = packs[7..20].to_vec();
    mixed.extend_from_slice(&packs[..3]);
    let some = stored(&receipt(&mixed), &names);
    assert_eq!(some.places, [(7, 13), (0, 3)]);
    assert_eq!(read(&some).map(Frame::Receipts), Some(receipt(&mixed)));
    // What names other places is not what was signed.
    let bent = Stored { places: vec![(8, 13), (0, 3)], ..some };
    assert!(read(&bent).unwrap().verify(key(200).device()).is_err());
}

#[test]
fn places_that_were_not_pushed_make_no_receipt() {
    let some = packs(1, 5);
    let mut said: Vec<Vec<u8>> = some.iter().map(Pack::encode).collect();
    said.push(b"no pack".to_vec());
    let said = Frame::Push { packs: said };
    let (names, mut pushed) = (noted(&said), Pushed::default());
    pushed.note(&said);
    let whole = stored(&receipt(&some), &names);
    for places in [
        vec![(0, 7)],
        vec![(4, 2)],
        vec![(6, 1)],
        vec![(u32::MAX, u32::MAX)],
        vec![(0, 5); RECEIPT_ITEMS_MAX],
    ] {
        let bent = Stored { places, ..whole.clone() };
        assert_eq!(pushed.receipt(&bent, [1; 16], key(1).device()), None);
    }
    // A phone that carries another's packs may bring two lines under one name.
    let twice = noted(&push(&[some[0].clone(), some[1].clone(), some[0].clone()]));
    let Frame::Receipts(word) = receipt(&some[..1]) else { unreachable!() };
    assert_eq!(twice.places(&word.items, 0..3), None);
    // A batch of which no pack has a name, or another batch.
    assert_eq!((twice.places(&word.items, 0..0), twice.places(&word.items, 1..2)), (None, None));
    assert_eq!(twice.places(&word.items, 2..3), Some(vec![(2, 1)]));
    let (other, later) = (packs(2, 1), sealed_by(1, 9));
    for missing in [other[0].clone(), later] {
        let Frame::Receipts(receipt) = receipt(&[some[0].clone(), missing]) else { unreachable!() };
        assert_eq!(names.places(&receipt.items, 0..names.len()), None);
    }
}
