//! Packs over the limits, signed as they should be: many operations, deep objects, huge texts.

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ExpandedChange, ObjType, ScalarValue};
use bienban_core::model::{
    CHANGE_BYTES_MAX, CHANGE_OPS_MAX, ChangeHash, Incarnation, Kind, RawChange,
};
use bienban_core::sync::{Frame, PACK_VERSION, Pack};
use bienban_core::trust::{Attestation, Tip};
use bienban_tests::scene::{self, Scene};

use crate::device::{Hostile, push};
use crate::packs::{expect_no_receipt, waiting_after_merging};
use crate::plot::{Plot, life};

/// Operations that cost a few bytes on the wire, because they are all alike, and gigabytes if they
/// were expanded on trust.
pub(crate) const ALIKE_OPS: u64 = 400_000;

/// Objects within objects: as many as fit a change.
const DEPTH: u64 = CHANGE_OPS_MAX - 1;

/// A text that is short while it is compressed.
pub(crate) const HUGE_TEXT_BYTES: usize = 64 << 20;

/// Bytes before a chunk's content length: magic number, checksum, type.
const CHUNK_START_BYTES: usize = 9;

/// Sends packs over each limit. Returns how many notices of each verdict must follow at least.
pub(crate) fn attack(hostile: &Hostile, scene: &Scene) -> Vec<(&'static str, usize)> {
    the_forger_can_make_good_packs(hostile);
    let many: Vec<Op> = (0..=CHANGE_OPS_MAX).map(|n| put(&format!("k{n}"), int(n))).collect();
    let alike = (0..ALIKE_OPS).map(|_| put("x", int(1))).collect();
    let text = |bytes: usize| vec![put("x", ScalarValue::Str("a".repeat(bytes).into()))];
    let told = [
        ("too many operations", forged(hostile, 60, many, false)),
        ("operations all alike", forged(hostile, 61, alike, false)),
        ("a text that inflates", forged(hostile, 62, text(HUGE_TEXT_BYTES), true)),
    ];
    for (name, pack) in &told {
        let heard = hostile.say(&push(vec![pack.clone()]));
        expect_no_receipt(&heard);
        assert!(!heard.was_thrown_out(), "{name}: {heard:?}");
    }
    // Too long for a pack: nothing of it is looked at, so nobody can be told but its sender, now.
    let long = forged(hostile, 63, text(CHANGE_BYTES_MAX + (8 << 10)), false);
    let heard = hostile.say(&push(vec![long]));
    expect_no_receipt(&heard);
    let refused = matches!(heard.frames.last(), Some(Frame::Failed(_)));
    assert!(refused, "{:?}", heard.frames.last());
    // Within the limits: it may enter the record or not, but nobody falls over it.
    let deep = forged(hostile, 64, nested(DEPTH), false);
    let heard = hostile.say(&push(vec![deep]));
    assert!(!heard.was_thrown_out(), "{heard:?}");
    waiting_after_merging(scene);
    vec![("unreadable", told.len())]
}

pub(crate) fn put(key: &str, value: ScalarValue) -> Op {
    op(ObjectId::Root, key, OpType::Put(value))
}

pub(crate) fn int(number: u64) -> ScalarValue {
    ScalarValue::Uint(number)
}

fn op(obj: ObjectId, key: &str, action: OpType) -> Op {
    Op { action, obj, key: Key::Map(key.into()), pred: Vec::new().into(), insert: false }
}

/// Each map holds the next; the first counter and actor are put in when the change is forged.
pub(crate) fn nested(depth: u64) -> Vec<Op> {
    (0..depth).map(|_| op(ObjectId::Root, "m", OpType::Make(ObjType::Map))).collect()
}

/// A pack of one change with these operations, whatever the limits say of it.
pub(crate) fn forged(hostile: &Hostile, nonce: u8, ops: Vec<Op>, packed: bool) -> Vec<u8> {
    let mut plot = Plot::new(hostile, Kind::Facility, scene::COMMUNE, nonce);
    let honest = plot.change(life(7), "forged");
    let mut change = Change::from_bytes(honest.into_bytes()).unwrap().decode();
    let actor = change.actor_id.clone();
    let start = change.start_op.get();
    change.operations = place(ops, start, &actor);
    seal(&plot, life(7), change, packed)
}

/// Puts each map of a nest into the one before it.
fn place(mut ops: Vec<Op>, start: u64, actor: &ActorId) -> Vec<Op> {
    for (counter, op) in (start..).zip(&mut ops).skip(1) {
        if matches!(op.action, OpType::Make(_)) {
            op.obj = ObjectId::Id(OpId(counter - 1, actor.clone()));
        }
    }
    ops
}

fn seal(plot: &Plot<'_>, life: Incarnation, mut change: ExpandedChange, packed: bool) -> Vec<u8> {
    change.hash = None;
    let change = Change::from(change);
    let tip = Tip::after(None, ChangeHash(change.hash().0));
    let key = &plot.hostile.key;
    let document = plot.genesis.document();
    let attestation = Attestation::sign(key, life, document, tip);
    let genesis = plot.genesis.encode();
    let body = body(change.raw_bytes());
    let mut pack = vec![PACK_VERSION, u8::from(packed)];
    pack.extend(key.device().0);
    pack.extend(life.0);
    pack.extend(attestation.signature.0);
    put_bytes(&mut pack, &genesis);
    put_uleb(&mut pack, 0);
    put_uleb(&mut pack, 1);
    pack.extend(if packed { zstd::bulk::compress(&body, 1).unwrap() } else { body });
    pack
}

/// A pack of the hostile device around a change, whoever's it is: what the sender signs is that change.
pub(crate) fn sealed_around(plot: &Plot<'_>, change: &RawChange) -> Vec<u8> {
    let change = Change::from_bytes(change.bytes().to_vec()).unwrap().decode();
    seal(plot, life(1), change, false)
}

/// The body of a pack that holds one change: its head, then its columns (`docs/protocol.md`, 4).
fn body(chunk: &[u8]) -> Vec<u8> {
    let mut rest = &chunk[CHUNK_START_BYTES..];
    take_uleb(&mut rest);
    let mut head = Vec::new();
    let deps = take_uleb(&mut rest);
    put_uleb(&mut head, deps + 1);
    for _ in 0..deps {
        head.push(0);
        head.extend(take(&mut rest, 32));
    }
    take_bytes(&mut rest);
    take_uleb(&mut rest);
    put_sleb(&mut head, take_uleb(&mut rest));
    head.extend(take_leb(&mut rest));
    put_bytes(&mut head, take_bytes(&mut rest));
    let actors = take_uleb(&mut rest);
    put_uleb(&mut head, actors);
    for _ in 0..actors {
        head.push(0);
        put_bytes(&mut head, take_bytes(&mut rest));
    }
    let columns = take_uleb(&mut rest);
    put_uleb(&mut head, columns + 1);
    let layout: Vec<_> =
        (0..columns).map(|_| (take_uleb(&mut rest), take_uleb(&mut rest))).collect();
    layout.iter().for_each(|(column, _)| put_uleb(&mut head, *column));
    layout.iter().for_each(|(_, length)| put_uleb(&mut head, *length));
    let mut body = Vec::new();
    put_bytes(&mut body, &head);
    body.extend(rest);
    body
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(count);
    *rest = left;
    taken
}

fn take_leb<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let last = rest.iter().position(|byte| byte & 0x80 == 0).unwrap();
    take(rest, last + 1)
}

fn take_uleb(rest: &mut &[u8]) -> u64 {
    take_leb(rest).iter().rev().fold(0, |sum, byte| (sum << 7) | u64::from(byte & 0x7f))
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let count = usize::try_from(take_uleb(rest)).unwrap();
    take(rest, count)
}

fn put_uleb(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap());
}

/// A number that is not negative.
fn put_sleb(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x40 {
        out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uleb(out, bytes.len() as u64);
    out.extend(bytes);
}

/// What is refused below is refused for its size, not because it was put together wrongly.
fn the_forger_can_make_good_packs(hostile: &Hostile) {
    for packed in [false, true] {
        let pack = Pack::decode(&forged(hostile, 65, vec![put("x", int(1))], packed)).unwrap();
        pack.verify().unwrap();
    }
}
