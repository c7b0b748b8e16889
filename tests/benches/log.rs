//! What the hub's log costs: bytes of a session, and its share of an acceptance.
#![allow(clippy::print_stdout, reason = "ratios and bytes stand beside what criterion prints")]
#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use bienban_core::sync::{Frame, LogMessage, Pack};
use bienban_core::trust::log::{LogEntry, LogLeaf, Standing};
use bienban_core::trust::merkle::{Frontier, MemoryNodes, TreeHash, consistency};
use bienban_tests::fleet::{self, NOW, SHORT};
use criterion::{Criterion, criterion_group, criterion_main};

/// Packs accepted one by one.
const PACKS: u32 = 500;

/// Leaves of the trees of which a proof's bytes are told.
const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];

fn leaf(pack: &Pack) -> Vec<u8> {
    let (device, document, actor) = (pack.device(), pack.document(), pack.actor());
    let (seq, hash, from) = (pack.last_seq(), pack.tip_hash(), device);
    let entry = LogEntry::Stored { from, device, document, actor, seq, hash };
    LogLeaf { record: [7; 32], at: NOW, entry }.encode()
}

/// The log's part of an acceptance: making the leaf and appending it. The rows are written with those of
/// the acceptance, in the same commit.
fn append(bench: &mut Criterion) {
    let (hub, _) = fleet::hub(SHORT, 1);
    let phone = fleet::phone(1);
    let _ = fleet::fill(&phone, SHORT, 0..PACKS);
    let packs = phone.release(NOW).unwrap();
    let watch = Stopwatch::start();
    for pack in &packs {
        black_box(hub.accept(phone.device(), std::slice::from_ref(pack), NOW).unwrap());
    }
    let accepted = watch.elapsed();
    let read: Vec<Pack> = packs.iter().map(|pack| Pack::decode(pack).unwrap()).collect();
    let mut tree = Frontier::default();
    let watch = Stopwatch::start();
    for pack in &read {
        black_box(tree.append(TreeHash::of_leaf(&leaf(pack))));
    }
    let logged = watch.elapsed();
    let share = 100.0 * logged.as_secs_f64() / accepted.as_secs_f64();
    println!("log: {share:.2} % of an acceptance in memory, without any sync of a disk");
    println!("log: a leaf of {} bytes for each pack", leaf(&read[0]).len());
    let mut numbers = (0_u64..).cycle();
    bench.bench_function("append a leaf", |bench| {
        bench.iter(|| {
            let number = numbers.next().unwrap_or_default();
            tree.append(TreeHash::of_leaf(black_box(&number.to_le_bytes())))
        });
    });
}

/// What a session says of the log, by the log's size.
fn show(bench: &mut Criterion) {
    let (hub, _) = fleet::hub(SHORT, 1);
    let head = hub.log_head(NOW).unwrap();
    let kept = LogMessage::Kept { heads: vec![head] };
    println!("log: {} bytes up in each session", Frame::Log(kept).encode().unwrap().len());
    for size in SIZES {
        let (mut tree, mut nodes) = (Frontier::default(), MemoryNodes::default());
        for number in 0..size {
            nodes.keep(tree.append(TreeHash::of_leaf(&number.to_le_bytes())));
        }
        let Ok(proof) = consistency(&nodes, size * 2 / 3, size);
        let mut shown = hub.show_log(&[head], NOW).unwrap();
        shown.head.size = size;
        shown.standings = vec![Standing::Grew(proof)];
        let frame = Frame::Log(LogMessage::Shown(shown)).encode().unwrap();
        println!("log: {} bytes down with a proof among {size} leaves", frame.len());
        bench.bench_function(&format!("prove among {size} leaves"), |bench| {
            bench.iter(|| consistency(&nodes, black_box(size * 2 / 3), size));
        });
    }
}

/// Returns the bytes of a pack that say whose it is and what it follows, and how many of them a pack that
/// nobody signs would not have: that names its writer by the actor alone, and the change that it follows
/// only where a change depends on it.
fn envelope(pack: &Pack) -> (usize, usize) {
    let signature = pack.attestation().signature.0.len();
    let writer = pack.device().0.len() + pack.incarnation().0.len();
    let follows = pack.previous().map_or(0, |tip| tip.hash.0.len() + tip.line.0.len());
    let depends = pack.previous().filter(|tip| pack.changes()[0].facts().deps.contains(&tip.hash));
    let unsigned = pack.actor().0.len() + depends.map_or(0, |tip| tip.hash.0.len());
    let all = signature + writer + follows;
    (all, all - unsigned)
}

/// What signing costs on the wire: in the envelope of each pack, and in each receipt.
fn sign(_: &mut Criterion) {
    let (hub, _) = fleet::hub(SHORT, 1);
    let phone = fleet::phone(1);
    let _ = fleet::fill(&phone, SHORT, 0..PACKS);
    let first = phone.release(NOW).unwrap();
    let read: Vec<Pack> = first.iter().map(|pack| Pack::decode(pack).unwrap()).collect();
    let (all, signing) = envelope(&read[0]);
    println!("sign: {signing} bytes for the first push of a device in a document (envelope {all})");
    for pack in &read {
        let genesis = pack.genesis().clone();
        phone.edit(&genesis, NOW, |edit| edit.answer("2.1", fleet::answer("đạt"))).unwrap();
    }
    let next = Pack::decode(&phone.release(NOW).unwrap()[0]).unwrap();
    let (all, signing) = envelope(&next);
    println!("sign: {signing} bytes for each later push (envelope {all})");
    let accepted = hub.accept(phone.device(), &first, NOW).unwrap();
    let receipt = accepted.receipt.unwrap();
    let (items, bytes) = (receipt.items.len(), Frame::Receipts(receipt).encode().unwrap().len());
    println!("sign: one signature of the hub for a batch of {items} packs, {bytes} bytes as sent");
    println!("sign: one signature of the hub for merged and backed up, the same for all phones");
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(1));
    targets = append, show, sign
}
criterion_main!(benches);
