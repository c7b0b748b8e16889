//! Power cuts while a device's folder is made, taken over, sealed anew under another key, and while its
//! keys are destroyed: what was acknowledged opens with the key, until the keys are gone for good.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use bienban_core::client::{Client, ClientError, OpenWith, Protection, Settings};
use bienban_core::model::{DeviceId, Timestamp};
use bienban_core::trust::control::{Act, Deed, Whom};
use bienban_core::trust::rest::{RestError, StoreKey};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::crashes::work_folder;
use crate::disk::{Disk, STYLES};
use crate::log::Log;
use crate::stage::ack_path;
use crate::worker::{record_as, recorder};

/// States in an ordinary test run; each opens a folder twice.
const STATES: u64 = 120;
/// Decisions that are recorded after each step: records like any other, that a test can tell apart.
const ACTS: u8 = 4;
/// What is said before the keys are destroyed, and after.
const DESTROYING: &str = "destroying";
const DESTROYED: &str = "destroyed";

/// Tells a process that it is this worker.
pub(crate) const STEP: &str = "BIENBAN_CRASH_FOLDER";

fn key() -> StoreKey {
    StoreKey::key(&[7; 32])
}

fn with(key: &StoreKey) -> OpenWith<'_> {
    OpenWith { key: Some(key), ..OpenWith::default() }
}

/// What a process does that was started with [`STEP`].
pub(crate) fn run(step: &str, root: &Path) {
    let mut acks = OpenOptions::new().append(true).create(true).open(ack_path(root)).unwrap();
    let mut say = |line: String| acks.write_all(format!("{line}\n").as_bytes()).unwrap();
    let (dir, key) = (root.join("phone"), key());
    let client = match step {
        "plain" => {
            Client::init(&dir, &Settings::default()).unwrap();
            say("made".to_owned());
            Client::open(&dir).unwrap()
        }
        "sealed" => Client::open_with(&dir, with(&key)).unwrap(),
        "rotated" => Client::open_with(&dir, with(&key)).unwrap().rotate_key(with(&key)).unwrap(),
        _ => {
            let client = Client::open_with(&dir, with(&key)).unwrap();
            say(DESTROYING.to_owned());
            client.destroy_key().unwrap();
            return say(DESTROYED.to_owned());
        }
    };
    say(step.to_owned());
    for number in 0..ACTS {
        let name = u8::try_from(step.len()).unwrap() * 16 + number;
        let act = Act {
            hub: client.device(),
            by: client.device(),
            scope: "20".parse().unwrap(),
            nonce: [name; 16],
            at: Timestamp(0),
            deed: Deed::Revoke { whom: Whom::Device(DeviceId([name; 32])), lost_since: None },
        };
        let signed = client.phone().sign_act(act).unwrap();
        client.phone().act(&signed).unwrap();
        say(format!("act {name}"));
    }
}

/// Opens a state and says what is wrong with it.
fn check(dir: &Path, acks: &[&str]) -> Result<(), String> {
    let said = |what: &str| acks.contains(&what);
    if !said("made") {
        return Ok(());
    }
    let key = key();
    let client = match Client::open_with(dir, with(&key)) {
        Ok(_) if said(DESTROYED) => return Err("it opens after its keys were destroyed".into()),
        Ok(client) => client,
        Err(ClientError::Rest(RestError::Destroyed)) if said(DESTROYING) => return Ok(()),
        Err(error) => return Err(format!("{error}: {error:?}")),
    };
    let held = client.phone().acting().map_err(|error| error.to_string())?;
    for ack in acks.iter().filter_map(|ack| ack.strip_prefix("act ")) {
        let name: u8 = ack.parse().unwrap();
        if !held.iter().any(|held| held.act.act.nonce == [name; 16]) {
            return Err(format!("act {name} is lost"));
        }
    }
    let problems = client.phone().replica().store().verify().map_err(|error| error.to_string())?;
    if !problems.problems.is_empty() {
        return Err(format!("problems: {:?}", problems.problems));
    }
    match client.protection() {
        Ok(Protection::Key) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn no_power_cut_between_two_keys_loses_anything() {
    let folder = work_folder();
    let Some(recorder) = recorder(folder.path()) else {
        println!("skipped: this test needs Linux and a C compiler");
        return;
    };
    let root = folder.path().join("root");
    std::fs::create_dir_all(&root).unwrap();
    let (base, log) = (Disk::load(&root), folder.path().join("log"));
    for step in ["plain", "sealed", "rotated", "destroyed"] {
        record_as(&recorder, (STEP, step), &root, &log);
    }
    let log = Log::read(&log);
    let events = log.events().count();
    let first: u64 = std::env::var("BIENBAN_CRASH_SEED").map_or(1, |text| text.parse().unwrap());
    let states: u64 =
        std::env::var("BIENBAN_CRASH_STATES").map_or(STATES, |text| text.parse().unwrap());
    println!("seed {first}, {states} states of {events} events");
    for nth in 0..states {
        let mut rng = SmallRng::seed_from_u64(first.wrapping_add(nth));
        let cut = rng.random_range(0..=events);
        let style = STYLES[rng.random_range(0..STYLES.len())];
        let names_kept = rng.random_bool(0.5);
        let mut disk = base.clone();
        disk.replay(&log, cut);
        let into = work_folder();
        disk.crash(&mut rng, style, names_kept, into.path());
        let (acks, dir) = (log.acks(cut), into.path().join("phone"));
        for opening in 1..=2 {
            if let Err(what) = check(&dir, &acks) {
                panic!(
                    "{what}\nat opening {opening}, cut {cut} of {events}, {style:?}, names kept \
                     {names_kept}; again: BIENBAN_CRASH_STATES=1 BIENBAN_CRASH_SEED={}",
                    first.wrapping_add(nth)
                );
            }
        }
    }
}
