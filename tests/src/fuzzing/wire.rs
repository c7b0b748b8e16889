//! What comes over the wire: frames, packs, messages of the comparison.

use bienban_core::model::{Actor, ChangeHash, DocumentId};
use bienban_core::sync::reconcile::{
    Differences, Item, ItemTree, MemoryTree, Node, Part, RECONCILE_ITEMS_MAX, RECONCILE_PARTS_MAX,
    Reconciler,
};
use bienban_core::sync::{
    FRAME_VERSION, FeedItem, Frame, FrameError, LONG_PACK_BYTES_MAX, Pack, PackHeader,
    ReconcileMessage,
};
use bienban_core::trust::DeviceKey;
use bienban_core::trust::enrolment::Code;

use super::bytes::Bytes;
use crate::fleet;

/// Items on this side of the comparison.
const ITEMS: u8 = 48;

/// A frame as it came, and the same bytes as an uncompressed payload: behind zstd few mutations get through.
pub(super) fn frames(data: &[u8]) {
    frame(data);
    frame(&[&[FRAME_VERSION, 0], data].concat());
}

/// A frame as it is but for how each of its packs is compressed: that is another's once it was sent on by another
/// program (docs/adr/0034).
fn opened(frame: Frame) -> Frame {
    let open = |pack: Vec<u8>| Pack::opened(&pack, LONG_PACK_BYTES_MAX).unwrap_or(pack);
    match frame {
        Frame::Push { packs } => Frame::Push { packs: packs.into_iter().map(open).collect() },
        Frame::Items { items, position } => {
            let items = items.into_iter().map(|item| match item {
                FeedItem::Pack(pack) => FeedItem::Pack(open(pack)),
                other => other,
            });
            Frame::Items { items: items.collect(), position }
        }
        other => other,
    }
}

fn frame(data: &[u8]) {
    if let Ok(frame) = Frame::decode(data) {
        match frame.encode() {
            Ok(again) => assert_eq!(Frame::decode(&again).map(opened), Ok(opened(frame))),
            // At most a header longer than what came in, compressed.
            Err(error) => assert!(matches!(error, FrameError::TooLarge { .. }), "{error}"),
        }
    }
    if let Ok((_, claim)) = Frame::decode_enrol(data) {
        let hub = DeviceKey::from_seed(&fleet::HUB_SEED).device();
        assert!(!claim.is_by_holder_of(&Code::new([200; 16]), hub), "nobody was shown this code");
        let shown = claim.label.chars().any(char::is_control);
        assert!(!(claim.is_well_formed() && shown), "{claim:?} would break a line of a list");
    }
    drop(Frame::decode_enrolled(data));
}

pub(super) fn packs(data: &[u8]) {
    let header = PackHeader::peek(data);
    let Ok(pack) = Pack::decode(data) else { return };
    let header = header.expect("what decodes has a head that reads");
    assert_eq!(&header.genesis, pack.genesis());
    assert_eq!((header.document, header.actor), (pack.document(), pack.actor()));
    assert_eq!((header.first_seq, header.last_seq), (pack.first_seq(), pack.last_seq()));
    let last = pack.changes().last().expect("a pack holds a change");
    assert_eq!(last.facts().hash, pack.tip_hash());
    let again = pack.encode();
    assert_eq!(Pack::decode(&again).as_ref(), Ok(&pack));
    // Whoever signed it, a pack that verifies is what its device's attestation says.
    assert_eq!(pack.verify().is_ok(), pack.attestation().verify().is_ok());
}

fn item(number: u8) -> Item {
    Item {
        document: DocumentId([number; 32]),
        actor: Actor([number / 2; 16]),
        seq: u64::from(number),
        hash: ChangeHash([number; 32]),
    }
}

/// One side of a comparison hears the messages of any other.
pub(super) fn comparison(data: &[u8]) {
    drop(Node::decode(data));
    let mut tree = MemoryTree::default();
    (1..=ITEMS).for_each(|number| tree.put(item(number)));
    let mut input = Bytes::new(data);
    let (mut here, mut found) = (Reconciler::default(), Differences::default());
    let (mut named, mut parts) = (0, 0);
    while !input.is_empty() {
        let piece = input.piece();
        let Ok(message) = postcard::from_bytes::<ReconcileMessage>(piece) else { continue };
        parts += message.parts.len();
        named += message.parts.iter().map(items_of).sum::<usize>();
        let Ok(answer) = here.handle(message, &tree, &mut found) else { break };
        for message in answer {
            assert!(message.parts.len() <= RECONCILE_PARTS_MAX);
            let encoded = postcard::to_stdvec(&message).unwrap();
            assert!(encoded.len() <= RECONCILE_ITEMS_MAX * 128, "{} bytes", encoded.len());
            assert_eq!(postcard::from_bytes::<ReconcileMessage>(&encoded).as_ref(), Ok(&message));
        }
    }
    // What the other side has more of, it named. What this side has more of hangs in its own tree; "these are all
    // my items" with none takes a few bytes and asks for all of them.
    let theirs = found.takes.len() + found.equivocations.len();
    assert!(theirs <= named, "{theirs} of the other side's {named} items differ");
    let mine = found.gives.len();
    let most = named + parts * usize::from(ITEMS);
    assert!(mine <= most, "{mine} given of {parts} parts with {named} items");
    for want in &found.gives {
        let held = tree.item(want.document, want.actor).unwrap();
        assert!(held.is_some_and(|held| want.from_seq <= held.seq), "{want:?} is not here to give");
    }
}

fn items_of(part: &Part) -> usize {
    match part {
        Part::Items { items, .. } | Part::Mine { items } => items.len(),
        Part::Node { .. } | Part::Children { .. } => 0,
    }
}
