//! What a durable commit and an open cost.
//!
//! Besides criterion's own figures, percentiles and syncs per commit are printed once: a mean hides
//! what a person waits for.

#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]
#![allow(clippy::print_stdout, reason = "a bench says what it measured")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bienban_core::client::{Client, OpenWith};
use bienban_core::model::Timestamp;
use bienban_core::store::contract::{put, rows};
use bienban_core::store::faults::FaultyFiles;
use bienban_core::store::{DiskStore, Options, Store};
use bienban_core::trust::control::{Act, Deed, Whom};
use bienban_core::trust::rest::StoreKey;
use criterion::{Criterion, criterion_group, criterion_main};

/// About an answer with its attestation.
const PAYLOAD_BYTES: usize = 300;
const COMMITS: usize = 400;
const ROWS: [usize; 2] = [1_000, 10_000];

fn open(root: &Path, files: FaultyFiles) -> DiskStore {
    let options = Options { files: Arc::new(files), ..Options::at(0) };
    DiskStore::open(root, rows(), options).unwrap()
}

/// Prints percentiles of single commits, and how many syncs each cost.
fn report(threads: usize) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let files = FaultyFiles::new();
    let store = open(folder.path(), files.clone());
    let (before, took) = (files.syncs(), Mutex::new(Vec::<Duration>::new()));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (store, took) = (&store, &took);
            scope.spawn(move || {
                for number in 0..COMMITS {
                    let record = put(&format!("{thread}/{number}"), vec![b'x'; PAYLOAD_BYTES]);
                    let started = Instant::now();
                    store.commit(vec![record]).unwrap();
                    took.lock().unwrap().push(started.elapsed());
                }
            });
        }
    });
    let (whole, mut took) = (started.elapsed(), took.into_inner().unwrap());
    took.sort();
    let commits = took.len();
    let syncs = files.syncs() - before;
    println!(
        "{threads} writers: p50 {:?}, p99 {:?}, {:.2} syncs a commit, {:.0} commits/s",
        took[commits / 2],
        took[commits * 99 / 100],
        syncs as f64 / commits as f64,
        commits as f64 / whole.as_secs_f64(),
    );
}

fn commits(criterion: &mut Criterion) {
    report(1);
    report(4);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = open(folder.path(), FaultyFiles::new());
    criterion.bench_function("durable commit", |bencher| {
        bencher.iter(|| store.commit(vec![put("key", vec![b'x'; PAYLOAD_BYTES])]).unwrap());
    });
}

/// The same commits where every record and row is sealed.
fn sealed_commits(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let key = StoreKey::key(&[7; 32]);
    Client::init_sealed(folder.path(), &Default::default(), &key).unwrap();
    let with = OpenWith { key: Some(&key), ..Default::default() };
    let client = Client::open_with(folder.path(), with).unwrap();
    let plain = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    Client::init(plain.path(), &Default::default()).unwrap();
    let other = Client::open(plain.path()).unwrap();
    let mut group = criterion.benchmark_group("durable decision on a phone");
    for (name, client) in [("sealed", &client), ("plain", &other)] {
        let act = Act {
            hub: client.device(),
            by: client.device(),
            scope: "20".parse().unwrap(),
            nonce: [1; 16],
            at: Timestamp(0),
            deed: Deed::Revoke { whom: Whom::Device(client.device()), lost_since: None },
        };
        let signed = client.phone().sign_act(act).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| client.phone().act(&signed).unwrap());
        });
    }
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    for count in ROWS {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let store = open(folder.path(), FaultyFiles::new());
        for start in (0..count).step_by(100) {
            let keys = start..start + 100;
            let records = keys.map(|key| put(&key.to_string(), vec![b'x'; PAYLOAD_BYTES]));
            store.commit(records.collect()).unwrap();
        }
        store.close().unwrap();
        let mut group = criterion.benchmark_group("open");
        group.sample_size(10);
        group.bench_function(format!("{count} records, closed"), |bencher| {
            bencher.iter(|| open(folder.path(), FaultyFiles::new()).close().unwrap());
        });
        group.bench_function(format!("{count} records, killed"), |bencher| {
            bencher.iter(|| {
                std::fs::remove_file(folder.path().join("closed")).unwrap();
                open(folder.path(), FaultyFiles::new()).close().unwrap();
            });
        });
        group.finish();
    }
}

criterion_group!(benches, commits, sealed_commits, opening);
criterion_main!(benches);
