//! The fuzz targets without a fuzzer: every saved input, every input that once failed, and seeded mutations of
//! them, with the stable compiler. The bodies are those of `tests/fuzz`, in `tests/src/fuzzing`.
//!
//! `BIENBAN_MUTATIONS=N` asks for N mutations of each target; `BIENBAN_SEED` replays a run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "a test says how much it tried")]

mod laws;
mod traffic;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use bienban_tests::fuzzing::{TARGETS, Target, mutation, target};
use rand::SeedableRng;
use rand::rngs::SmallRng;

/// No input may take longer. The fuzzer holds two seconds in an optimised build; here nothing is optimised,
/// and other tests run beside.
const SLOWEST: Duration = Duration::from_secs(30);

/// All saved inputs together: they are cloned with the repository.
const SEED_BYTES_MAX: u64 = 1_500_000;

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind)
}

/// Returns the inputs in a folder of a target, in the order of their names.
fn inputs(kind: &str, target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder(kind).join(target.name)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn try_one(target: &Target, name: &str, bytes: &[u8]) {
    let watch = Stopwatch::start();
    let failed = catch_unwind(|| (target.body)(bytes)).is_err();
    let slow = watch.elapsed() > SLOWEST;
    if failed || slow {
        let path = std::env::temp_dir().join(format!("bienban-{}-{name}", target.name));
        fs::write(&path, bytes).unwrap();
        let how = if failed { "panicked" } else { "was too slow" };
        panic!("{} {how} on {name}; its input is in {}", target.name, path.display());
    }
}

/// Replays and mutates one target.
fn replay(name: &str) {
    let target = target(name).unwrap();
    let seeds = inputs("seeds", target);
    assert!(!seeds.is_empty(), "{name} has no saved input; see CONTRIBUTING.md");
    let saved: Vec<_> = seeds.into_iter().chain(inputs("crashers", target)).collect();
    for (path, bytes) in &saved {
        try_one(target, &path.file_name().unwrap().to_string_lossy(), bytes);
    }
    let seed = bienban_tests::seed(name);
    let count = bienban_tests::number("BIENBAN_MUTATIONS").unwrap_or(target.mutations);
    let bytes: Vec<Vec<u8>> = saved.into_iter().map(|(_, bytes)| bytes).collect();
    let mut rng = SmallRng::seed_from_u64(seed);
    for number in 0..count {
        try_one(target, &format!("{seed}-{number}"), &mutation::mutated(&bytes, &mut rng));
    }
    println!("{name}: {} saved inputs and {count} mutations", bytes.len());
}

macro_rules! targets {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })+

        #[test]
        fn every_target_is_replayed_and_has_a_binary() {
            let here = BTreeSet::from([$(stringify!($name)),+]);
            let all: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(here, all);
            let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
            for name in all {
                assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} has no [[bin]]");
                let body = fs::read_to_string(folder("targets").join(format!("{name}.rs"))).unwrap();
                assert!(body.contains(&format!("run(\"{name}\", data)")), "{name} runs another");
            }
        }
    };
}

targets! {
    answers bundles changes comparison control drawings expressions facilities_csv facilities_xlsx facts
    foreign_hub frames journal key_files log meeting packs pictures receipts records seals session templates
    texts work
}

#[test]
fn saved_inputs_are_named_by_their_content_and_small_together() {
    let mut sum = 0;
    for kind in ["seeds", "crashers"] {
        for target in TARGETS {
            for (path, bytes) in inputs(kind, target) {
                sum += bytes.len() as u64;
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                assert_eq!(name, traffic::name_of(&bytes), "{}", path.display());
            }
        }
    }
    assert!(sum <= SEED_BYTES_MAX, "{sum} bytes of saved inputs");
}

/// Writes the saved inputs anew from traffic of real replicas; those that are there stay. Gives inputs that failed
/// their names.
#[test]
#[ignore = "changes the repository"]
fn writes_seeds() {
    for (target, inputs) in traffic::record() {
        let folder = folder("seeds").join(target);
        fs::create_dir_all(&folder).unwrap();
        for bytes in inputs {
            fs::write(folder.join(traffic::name_of(&bytes)), bytes).unwrap();
        }
    }
    for target in TARGETS {
        for (path, bytes) in inputs("crashers", target) {
            fs::rename(&path, path.with_file_name(traffic::name_of(&bytes))).unwrap();
        }
    }
}
