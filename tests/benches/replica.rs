//! What the common path costs: an answer, opening and listing, taking packs in, merging, catching
//! up, comparing. `README.md` beside this file says what each figure means.
#![allow(clippy::print_stdout, reason = "percentiles stand beside what criterion prints")]
#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bienban_core::checklist::{TEA, Template};
use bienban_core::clock::Stopwatch;
use bienban_core::model::{
    Actor, ChangeHash, Document, DocumentId, Incarnation, Kind, RawChange, TemplateId,
};
use bienban_core::replica::{Hub, ListQuery, Phone, Projection};
use bienban_core::store::{DiskStore, MemoryStore, Options};
use bienban_core::sync::reconcile::Reconciler;
use bienban_core::sync::{Differences, Item, MemoryTree};
use bienban_tests::fleet::{self, NOW};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Answers whose times are kept for the percentiles.
const ANSWERS: usize = 400;
const STORED: u32 = 10_000;
const NEWEST: usize = 50;
const PACKS: u32 = 200;
const SESSIONS: [u8; 2] = [1, 4];
const CAUGHT_UP: u32 = 1_000;
const ITEMS: u32 = 10_000;
const DIFFERENCES: u32 = 10;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn on_disk(folder: &Path) -> Arc<DiskStore> {
    Arc::new(DiskStore::open(folder, Arc::new(Projection), Options::at(NOW.0)).unwrap())
}

/// One answer on a phone's disk: load, edit, sync the journal, renew the summary.
fn answer(bench: &mut Criterion) {
    let folder = folder();
    let phone = fleet::phone_over(on_disk(folder.path()), 1);
    let template = fleet::fill(&phone, TEA, 0..0);
    let items = Template::parse(TEA).unwrap().items();
    let mut number = 0;
    let mut once = || {
        number += 1;
        let answer = fleet::answer(&format!("{number}"));
        // Each inspection is filled once, from its first answer to its last.
        let item = items[number % items.len()].as_str();
        let genesis = fleet::visit(template, u32::try_from(number / items.len()).unwrap());
        phone.edit(&genesis, NOW, |editor| editor.answer(item, answer)).unwrap();
    };
    bench.bench_function("answer, durable", |bench| bench.iter(&mut once));
    let mut took: Vec<Duration> = (0..ANSWERS)
        .map(|_| {
            let watch = Stopwatch::start();
            once();
            watch.elapsed()
        })
        .collect();
    took.sort_unstable();
    let at = |share: usize| took[(ANSWERS * share / 100).min(ANSWERS - 1)];
    println!("answer, durable: p50 {:?}, p99 {:?}, worst {:?}", at(50), at(99), at(100));
}

/// A cleanly closed store of many inspections: open it and show the newest.
fn open_and_list(bench: &mut Criterion) {
    let folder = folder();
    let phone = fleet::phone_over(on_disk(folder.path()), 1);
    let _ = fleet::fill(&phone, TEA, 0..STORED);
    phone.replica().refresh(usize::MAX).unwrap();
    drop(phone);
    let query = ListQuery { limit: NEWEST, ..ListQuery::default() };
    bench.bench_function("open 10,000 inspections, list 50", |bench| {
        bench.iter(|| {
            let phone = fleet::phone_over(on_disk(folder.path()), 1);
            phone.replica().refresh(usize::MAX).unwrap();
            let newest = phone.replica().list(Kind::Inspection, &query).unwrap();
            assert_eq!((newest.len(), phone.replica().documents_loaded()), (NEWEST, 0));
        });
    });
    let phone = fleet::phone_over(on_disk(folder.path()), 1);
    bench.bench_function("list 50 of 10,000", |bench| {
        bench.iter(|| black_box(phone.replica().list(Kind::Inspection, &query).unwrap()));
    });
}

/// Packs of as many phones, each the answers of its own documents.
fn packs_of(sessions: u8) -> Vec<(Arc<Phone>, Vec<Vec<u8>>)> {
    let phones = (1..=sessions).map(|number| {
        let phone = fleet::phone(number);
        let first = u32::from(number) * PACKS;
        let _ = fleet::fill(&phone, TEA, first..first + PACKS);
        let packs = phone.release(NOW).unwrap();
        (phone, packs)
    });
    phones.collect()
}

/// The hub takes packs in from several sessions at once, one pack a call: durable when signed for.
fn accept(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("hub accepts packs");
    group.sample_size(10);
    for sessions in SESSIONS {
        let pushed = packs_of(sessions);
        group.throughput(Throughput::Elements(u64::from(PACKS) * u64::from(sessions)));
        group.bench_function(format!("{sessions} sessions"), |bench| {
            bench.iter_batched(
                || {
                    let folder = folder();
                    let hub = fleet::hub_over(on_disk(folder.path()));
                    hub.publish(TEA.to_vec()).unwrap();
                    (1..=sessions).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
                    (folder, hub)
                },
                |(folder, hub)| {
                    push(&hub, &pushed);
                    (folder, hub)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn push(hub: &Hub, pushed: &[(Arc<Phone>, Vec<Vec<u8>>)]) {
    std::thread::scope(|scope| {
        for (phone, packs) in pushed {
            scope.spawn(move || {
                for pack in packs {
                    let accepted = hub.accept(phone.device(), std::slice::from_ref(pack), NOW);
                    assert!(accepted.unwrap().receipt.is_some());
                }
            });
        }
    });
}

/// Foreign answers into an inspection that has all its answers: applied, saved, loaded and read.
fn merge(bench: &mut Criterion) {
    let template = Template::parse(TEA).unwrap();
    let (shape, genesis) = (template.shape(), fleet::visit(template.id(), 1));
    let items = template.items();
    let ours = Actor::derive(fleet::entry(1).device, genesis.document(), Incarnation([1; 16]));
    let theirs = Actor::derive(fleet::entry(2).device, genesis.document(), Incarnation([2; 16]));
    let edits = |document: &mut Document, actor: Actor| -> Vec<RawChange> {
        let one = |item: &String| {
            let answer = fleet::answer("đạt");
            let edit = document.edit(actor, NOW, |editor| editor.answer(item, answer));
            edit.unwrap().1.unwrap()
        };
        items.iter().map(one).collect()
    };
    let foreign = edits(&mut Document::create(&genesis, &shape), theirs);
    let mut full = Document::create(&genesis, &shape);
    edits(&mut full, ours);
    for count in [1, foreign.len()] {
        bench.bench_function(&format!("merge {count} answers into {}", items.len()), |bench| {
            bench.iter_batched(
                || full.clone(),
                |mut document| {
                    assert_eq!(document.apply(&foreign[..count]).applied.len(), count);
                    document
                },
                BatchSize::SmallInput,
            );
        });
    }
}

/// A hub with many merged inspections, and the phone they came from.
fn full_hub(documents: u32) -> (Arc<Hub>, TemplateId) {
    let (hub, template) = fleet::hub(TEA, 2);
    let writer = fleet::phone(1);
    let _ = fleet::fill(&writer, TEA, 0..documents);
    fleet::exchange(&writer, &hub);
    (hub, template)
}

/// Both runners over a perfect line and memory: what the machine does, without network and disk.
fn catch_up(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("exchange");
    group.sample_size(10);
    let (hub, _) = full_hub(CAUGHT_UP);
    group.bench_function("empty phone takes in 1,000 documents", |bench| {
        bench.iter_batched(
            || fleet::phone(2),
            |phone| {
                let (outcome, _) = fleet::exchange(&phone, &hub);
                (phone, outcome)
            },
            BatchSize::PerIteration,
        );
    });
    let first = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let (small, _) = fleet::hub(TEA, 2);
    fleet::exchange(&fleet::phone_over(first.clone(), 2), &small);
    let writer = fleet::phone(1);
    let _ = fleet::fill(&writer, TEA, 0..CAUGHT_UP);
    fleet::exchange(&writer, &small);
    group.bench_function("phone catches up with 1,000 documents", |bench| {
        bench.iter_batched(
            || {
                let store = MemoryStore::open(&first.disk().copy_unnoticed(), Arc::new(Projection));
                fleet::phone_over(Arc::new(store.unwrap()), 2)
            },
            |phone| {
                let (outcome, _) = fleet::exchange(&phone, &small);
                assert_eq!(outcome.meter.round_trips, 1);
                (phone, outcome)
            },
            BatchSize::PerIteration,
        );
    });
    let idle = fleet::phone(2);
    fleet::exchange(&idle, &hub);
    group.bench_function("phone that has everything", |bench| {
        bench.iter(|| fleet::exchange(&idle, &hub));
    });
    group.finish();
}

/// Two replicas that differ in few of many items find out in which.
fn reconcile(bench: &mut Criterion) {
    let item = |number: u32, seq: u64| {
        let mut document = [0; 32];
        document[..4].copy_from_slice(&number.to_le_bytes());
        Item {
            document: DocumentId(*blake3::hash(&document).as_bytes()),
            actor: Actor([1; 16]),
            seq,
            hash: ChangeHash([7; 32]),
        }
    };
    let (mut one, mut two) = (MemoryTree::default(), MemoryTree::default());
    for number in 0..ITEMS {
        one.put(item(number, 1));
        two.put(item(number, 1 + u64::from(number % (ITEMS / DIFFERENCES) == 0)));
    }
    let (flights, bytes, found) = compare(&one, &two);
    println!("comparing {ITEMS} items, {found} differ: {flights} flights, {bytes} bytes");
    bench.bench_function("compare 10,000 items, 10 differ", |bench| {
        bench.iter(|| compare(&one, &two));
    });
}

/// Returns flights, bytes and differences found.
fn compare(one: &MemoryTree, two: &MemoryTree) -> (usize, usize, usize) {
    let (mut here, mut there) = (Reconciler::default(), Reconciler::default());
    let (mut gains, mut gives) = (Differences::default(), Differences::default());
    let mut said = vec![Reconciler::open(one).unwrap()];
    let (mut flights, mut bytes) = (0, 0);
    while !said.is_empty() {
        flights += 1;
        let mut reply = Vec::new();
        for message in said {
            bytes += postcard::to_stdvec(&message).unwrap().len();
            reply.extend(if flights % 2 == 1 {
                there.handle(message, two, &mut gives).unwrap()
            } else {
                here.handle(message, one, &mut gains).unwrap()
            });
        }
        said = reply;
    }
    (flights, bytes, gives.gives.len())
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = answer, merge, reconcile, accept, catch_up, open_and_list
}
criterion_main!(benches);
