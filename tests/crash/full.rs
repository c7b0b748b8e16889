//! A disk that is really full: a small file system in memory, where this process may mount one.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bienban_core::store::contract::{Rows, count, put};
use bienban_core::store::{DiskStore, Options, Position, Read, Store, StoreError};

use crate::stage::{PLAIN, row};

/// Room for what the store keeps free, its reserve and a few hundred rows.
const SMALL: &str = "size=28m";
/// Less than what the store would keep free.
const TINY: &str = "size=8m";
const LARGE: &str = "size=128m";
const COMMITS_MAX: u32 = 20_000;

/// A mounted file system.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", size, "none"], folder.path()).then(|| Self(folder))
    }

    fn enlarge(&self) {
        assert!(mount(&["-o", &format!("remount,{LARGE}")], self.0.path()));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).output());
    }
}

fn mount(options: &[&str], on: &Path) -> bool {
    let mounted = Command::new("mount").args(options).arg(on).output();
    mounted.is_ok_and(|output| output.status.success())
}

fn open(root: &Path) -> DiskStore {
    DiskStore::open(root, Arc::new(Rows(1)), PLAIN.options(false))
        .expect("a full disk opens for reading")
}

fn check(store: &DiskStore, acknowledged: u32) {
    for number in 0..acknowledged {
        let (key, value) = row(&number.to_string());
        let found = store.get(key.as_bytes()).expect("reading goes on");
        assert!(found == Some(value), "row {number} of {acknowledged}");
    }
}

fn commit(store: &DiskStore, number: u32) -> Result<Position, StoreError> {
    let (key, value) = row(&number.to_string());
    store.commit(vec![put(&key, value), count("all")])
}

#[test]
fn a_full_disk_refuses_commits_and_loses_nothing() {
    let Some(mounted) = Mounted::new(SMALL) else {
        println!("skipped: this process may not mount a file system");
        return;
    };
    let root = mounted.0.path().join("store");
    let store = open(&root);
    let mut acknowledged = 0;
    let refused = loop {
        match commit(&store, acknowledged) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < COMMITS_MAX, "the disk never gets full");
    };
    println!("{acknowledged} commits, then: {refused}");
    assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
    assert!(commit(&store, acknowledged).is_err(), "errors stay");
    check(&store, acknowledged);
    drop(store);

    drop(std::fs::write(root.with_file_name("ballast"), vec![1; 64 << 20]));
    let store = open(&root);
    println!("full again: {:?}", store.opened());
    check(&store, acknowledged);
    // There may be room for a few more; then it is refused again.
    while acknowledged < COMMITS_MAX && commit(&store, acknowledged).is_ok() {
        acknowledged += 1;
    }
    check(&store, acknowledged);

    mounted.enlarge();
    store.reopen().expect("there is room now");
    check(&store, acknowledged);
    commit(&store, acknowledged).expect("commits go on");
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    assert_eq!(store.opened().lost, vec![]);
}

/// Without the room that the store keeps free, sled meets the end of the disk, as it may when
/// something else fills it. In a process of its own, because sled may hang in it for good.
#[test]
fn when_sled_fails_on_a_full_disk_reading_goes_on() {
    const ROOT: &str = "BIENBAN_FULL_ROOT";
    if let Ok(root) = std::env::var(ROOT) {
        meet_the_end(Path::new(&root));
        std::process::exit(0);
    }
    let Some(mounted) = Mounted::new(TINY) else {
        println!("skipped: this process may not mount a file system");
        return;
    };
    let root = mounted.0.path().join("store");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["full::when_sled_fails_on_a_full_disk_reading_goes_on", "--exact"]);
    let output = command.args(["--nocapture"]).env(ROOT, &root).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let acknowledged = said.lines().find_map(|line| line.strip_prefix("acknowledged "));
    let acknowledged: u32 = acknowledged.unwrap().parse().unwrap();
    mounted.enlarge();
    let store = open(&root);
    println!("{acknowledged} commits; after a restart: {:?}", store.opened());
    check(&store, acknowledged);
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    commit(&store, acknowledged).expect("there is room now");
}

fn meet_the_end(root: &Path) {
    let options = || Options { free_bytes_min: 0, ..PLAIN.options(false) };
    let open = || DiskStore::open(root, Arc::new(Rows(1)), options()).expect("it opens");
    let store = open();
    let mut acknowledged = 0;
    while commit(&store, acknowledged).is_ok() {
        acknowledged += 1;
        assert!(acknowledged < COMMITS_MAX, "the disk never gets full");
    }
    println!("\nacknowledged {acknowledged}");
    check(&store, acknowledged);
    drop(store);
    // The same process: what sled left hanging must not hang this.
    let store = open();
    check(&store, acknowledged);
}
