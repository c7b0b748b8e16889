//! What is signed: the control log, the hub's log, receipts, seals.

use std::collections::BTreeMap;

use bienban_core::model::{Scope, Timestamp};
use bienban_core::replica::covers;
use bienban_core::trust::control::{Act, ChainHead, ControlEntry, Link, SignedAct, TrustState};
use bienban_core::trust::log::{Lives, LogEntry, LogLeaf, Shown, TreeHead, judge};
use bienban_core::trust::merkle::{
    Frontier, MemoryNodes, TreeHash, consistency, inclusion, root_at, verify_consistency,
    verify_inclusion,
};
use bienban_core::trust::seal::Seal;
use bienban_core::trust::{DeviceKey, HubMark, HubReceipt};

use super::bytes::Bytes;
use super::stage::stage;
use crate::fleet::{self, NOW};

/// Entries of one made-up log.
const ENTRIES_MAX: usize = 24;

/// Leaves of the largest tree.
const LEAVES_MAX: usize = 64;

/// The keys with which a made-up log is signed: the hub's and those of three devices.
#[must_use]
pub(super) fn keys() -> [DeviceKey; 4] {
    let device = |number| DeviceKey::from_seed(&fleet::phone_seed(number));
    [DeviceKey::from_seed(&fleet::HUB_SEED), device(1), device(2), device(3)]
}

/// Bytes that say to be an act or entry, and logs whose acts say anything but are signed as they should be.
pub(super) fn control(data: &[u8]) {
    if let Ok(entry) = ControlEntry::decode(data) {
        assert_eq!(entry.encode().as_deref(), Ok(data), "there is one encoding");
        drop((entry.verify(), entry.head(), entry.announces()));
    }
    if let Ok(act) = SignedAct::decode(data) {
        assert_eq!(act.encode().as_deref(), Ok(data), "there is one encoding");
        drop((act.verify(), act.act.id(), Link::of(&act)));
    }
    let entries = made_up(&mut Bytes::new(data));
    let hub = keys()[0].device();
    let folded = |entries: &[&ControlEntry]| {
        TrustState::of(hub, entries.iter().copied(), &covers).expect("all of it is signed")
    };
    let mut order: Vec<&ControlEntry> = entries.iter().collect();
    let (state, left) = folded(&order);
    order.reverse();
    let (backwards, left_then) = folded(&order);
    assert!(state == backwards && left == left_then, "what is trusted depends on the order");
    let middle = order.len() / 2;
    order.rotate_left(middle);
    assert!(state == folded(&order).0, "what is trusted depends on the order");
    for key in keys() {
        drop(state.entry(key.device(), &covers));
    }
}

fn made_up(input: &mut Bytes<'_>) -> Vec<ControlEntry> {
    let keys = keys();
    let mut heads: BTreeMap<(Scope, [u8; 16]), ChainHead> = BTreeMap::new();
    let mut entries = Vec::new();
    while !input.is_empty() && entries.len() < ENTRIES_MAX {
        let flags = input.byte();
        let Ok(mut act) = postcard::from_bytes::<Act>(input.piece()) else { continue };
        let (by, life) = (&keys[usize::from(flags & 3)], [flags >> 2 & 1; 16]);
        (act.hub, act.by) = (keys[0].device(), by.device());
        let scope = act.scope.clone();
        let Ok(act) = act.sign(by) else { continue };
        let head = heads.entry((scope, life)).or_default();
        let at = Timestamp(NOW.0 + i64::try_from(entries.len()).unwrap_or_default());
        let official = (flags & 8 != 0).then(|| format!("{flags}/BB-ĐKT"));
        let signer = if flags & 16 == 0 { &keys[0] } else { &keys[1] };
        let Ok(entry) = ControlEntry::sign(signer, (life, head), (at, at), act, official) else {
            continue;
        };
        // A hole, now and then.
        if flags & 32 == 0 {
            *head = entry.head().unwrap();
        }
        entries.push(entry);
    }
    entries
}

/// Leaves, proofs and heads of the hub's log.
pub(super) fn log(data: &[u8]) {
    if let Some(leaf) = LogLeaf::decode(data) {
        assert_eq!(LogLeaf::decode(&leaf.encode()), Some(leaf.clone()));
        let hub = [keys()[0].device()];
        let mut lives = Lives::default();
        lives.see(0, &leaf.entry, &hub);
        lives.see(1, &leaf.entry, &hub);
        assert!(!lives.was_set_back() || !matches!(leaf.entry, LogEntry::Stored { .. }));
    }
    let mut input = Bytes::new(data);
    prove(&mut input);
    let named = postcard::take_from_bytes::<Vec<TreeHead>>(input.rest());
    let Ok((named, rest)) = named else { return };
    let Ok(shown) = postcard::from_bytes::<Shown>(rest) else { return };
    let hub = [keys()[0].device()];
    assert_eq!(
        judge(&named, &[], &shown, &hub),
        judge(&named, &[], &shown, &hub),
        "a judgement is a function of what is shown"
    );
    drop(judge(&named, &[[1; 16], shown.head.epoch], &shown, &hub));
}

fn leaf(number: usize) -> TreeHash {
    TreeHash::of_leaf(&number.to_le_bytes())
}

/// Changes true proofs: those that still hold say the same as before.
fn prove(input: &mut Bytes<'_>) {
    let (mut frontier, mut nodes) = (Frontier::default(), MemoryNodes::default());
    let count = input.below(LEAVES_MAX) + 1;
    (0..count).for_each(|number| nodes.keep(frontier.append(leaf(number))));
    let (size, root) = (count as u64, frontier.root());
    let (index, said) = (input.below(count), input.below(LEAVES_MAX));
    let Ok(mut path) = inclusion(&nodes, index as u64, size);
    let true_path = path.clone();
    assert!(verify_inclusion(leaf(index), index as u64, size, root, &path));
    let old = input.below(count + 1) as u64;
    let Ok(mut growth) = consistency(&nodes, old, size);
    let Ok(old_root) = root_at(&nodes, old);
    assert!(verify_consistency((old, old_root), (size, root), &growth));
    bend(&mut path, input);
    if verify_inclusion(leaf(said), said as u64, size, root, &path) {
        assert!(said < count && inclusion(&nodes, said as u64, size) == Ok(path.clone()));
    }
    if path != true_path {
        assert!(!verify_inclusion(leaf(index), index as u64, size, root, &path));
    }
    bend(&mut growth, input);
    let forged = TreeHash::of_leaf(b"another history");
    assert!(!verify_consistency((old, forged), (size, root), &growth));
    assert!(!verify_consistency((old.max(1), old_root), (size.max(old.max(1)), forged), &growth));
    // Any sizes at all: an answer, not a panic.
    let any = |input: &mut Bytes<'_>| {
        let eight = [input.short(), input.short(), input.short(), input.short()];
        eight.iter().fold(0_u64, |sum, part| sum << 16 | u64::from(*part))
    };
    let (one, two) = (any(input), any(input));
    let _any = verify_inclusion(leaf(0), one, two, root, &path)
        || verify_consistency((one, root), (two, root), &growth);
}

/// Changes a row of hashes as the input says.
fn bend(hashes: &mut Vec<TreeHash>, input: &mut Bytes<'_>) {
    let at = input.below(hashes.len().max(1));
    match input.byte() % 6 {
        1 => hashes.truncate(at),
        2 => hashes.push(leaf(at)),
        3 => hashes.insert(at.min(hashes.len()), leaf(at)),
        4 => hashes.reverse(),
        5 if !hashes.is_empty() => hashes[at].0[0] ^= input.byte(),
        _ => {}
    }
}

/// Receipts and marks: what verifies is what the hub signed, and nothing near it.
pub(super) fn receipts(data: &[u8]) {
    let hub = keys()[0].device();
    if let Ok(receipt) = postcard::from_bytes::<HubReceipt>(data) {
        let again = postcard::to_stdvec(&receipt).unwrap();
        assert_eq!(postcard::from_bytes::<HubReceipt>(&again).as_ref(), Ok(&receipt));
        if receipt.verify(hub).is_ok() {
            let mut other = receipt.clone();
            other.epoch[0] ^= 1;
            assert!(other.verify(hub).is_err());
            other = receipt;
            other.items.pop();
            assert!(other.items.is_empty() || other.verify(hub).is_err());
        }
    }
    if let Ok(mark) = postcard::from_bytes::<HubMark>(data)
        && mark.verify(hub).is_ok()
    {
        let more = HubMark { merged: mark.merged.wrapping_add(1), ..mark };
        assert!(more.verify(hub).is_err());
    }
}

/// Seals, held against a record; and their statements signed anew by the leader whom they name.
pub(super) fn seals(data: &[u8]) {
    let Ok(mut seal) = Seal::decode(data) else { return };
    assert_eq!(seal.encode().as_deref(), Ok(data), "there is one encoding");
    let document = &stage().document;
    let alone = seal.verify();
    let held = seal.verify_record(document);
    assert!(alone.iter().all(|breach| held.contains(breach)));
    held.iter().for_each(|breach| drop(breach.to_string()));
    let key = &keys()[1];
    seal.statement.leader = key.device();
    let Ok(signed) = seal.statement.sign(key) else { return };
    assert_eq!(signed.verify(), [], "a seal that was signed holds by itself");
    let bytes = signed.encode().unwrap();
    assert_eq!(Seal::decode(&bytes).as_ref(), Ok(&signed));
    drop(signed.verify_record(document));
}
