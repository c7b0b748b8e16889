//! Folders of earlier releases are opened with all that is in them, and those of later ones are refused and
//! left as they are, byte for byte.
//!
//! The folders are kept packed under `core/fixtures`. Each release whose stores differ adds a pair, made by
//! `write_the_stores`; the ones that are there are never made anew. The keys in them are for this alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bienban_core::replica::{Hub, HubRunner, Replica};
use bienban_core::store::{
    DiskStore, Options, Position, Project, Read, Record, Store, StoreError, Writes,
};
use bienban_core::sync::{FRAME_VERSION, FailureCode, Fingerprint, Frame, Hello, PROTOCOL_VERSION};
use bienban_tests::fleet::{self, NOW, SHORT};
use bienban_tests::process::{HubProcess, Ran, free_port, log_of, run, text};
use bienban_tests::scene::{self, Scene};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What is not kept of a folder: room that is held free, and locks.
const LEFT_OUT: [&str; 4] = ["reserve", "lock", "holder", "keys.lock"];

/// A release's folders, and what stood in them.
struct Release {
    name: &'static str,
    phone: &'static [u8],
    hub: &'static [u8],
    facts: &'static str,
}

/// By the version of the records' meaning.
const RELEASES: [Release; 1] = [Release {
    name: "17",
    phone: include_bytes!("../../core/fixtures/store-v17-phone.bin"),
    hub: include_bytes!("../../core/fixtures/store-v17-hub.bin"),
    facts: include_str!("../../core/fixtures/store-v17.json"),
}];

/// Every file below a folder, by its path there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for item in fs::read_dir(at).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The hash of each file, so that a difference can be printed.
fn hashes(folder: &Path) -> BTreeMap<String, String> {
    let hash = |bytes: Vec<u8>| blake3::hash(&bytes).to_hex().to_string();
    files(folder).into_iter().map(|(name, bytes)| (name, hash(bytes))).collect()
}

/// Path, bytes, each with its length before it; all of it in zstd.
fn pack(folder: &Path) -> Vec<u8> {
    let mut plain = Vec::new();
    for (name, bytes) in files(folder) {
        if LEFT_OUT.iter().any(|left| name.ends_with(left)) {
            continue;
        }
        for part in [name.as_bytes(), &bytes] {
            plain.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
            plain.extend_from_slice(part);
        }
    }
    zstd::encode_all(&plain[..], 19).unwrap()
}

fn unpack(packed: &[u8], folder: &Path) {
    let plain = zstd::decode_all(packed).unwrap();
    let mut rest = &plain[..];
    let mut part = || {
        let (length, after) = rest.split_at_checked(4)?;
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let (part, after) = after.split_at(length);
        rest = after;
        Some(part)
    };
    while let Some(name) = part() {
        let path = folder.join(std::str::from_utf8(name).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, part().unwrap()).unwrap();
        // Keys that others may read are not taken.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// The folders of a release, unpacked.
struct Unpacked {
    _root: TempDir,
    phone: PathBuf,
    hub: PathBuf,
    facts: Value,
}

impl Release {
    fn unpacked(&self) -> Unpacked {
        let root = tempfile::tempdir().unwrap();
        let (phone, hub) = (root.path().join("phone"), root.path().join("hub"));
        unpack(self.phone, &phone);
        unpack(self.hub, &hub);
        Unpacked { _root: root, phone, hub, facts: serde_json::from_str(self.facts).unwrap() }
    }
}

fn newest() -> Unpacked {
    RELEASES[RELEASES.len() - 1].unpacked()
}

/// The hash over every record of a journal up to a position, and that position.
fn records(store: &dyn Store, upto: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    for at in 1..=upto {
        let record = store.record(Position(at)).unwrap().unwrap();
        hasher.update(&[record.kind]);
        hasher.update(&(record.payload.len() as u64).to_le_bytes());
        hasher.update(&record.payload);
    }
    hasher.finalize().to_hex().to_string()
}

fn digest(replica: &Replica, inspection: &str) -> String {
    let document = replica.load(inspection.parse().unwrap()).unwrap();
    hex::encode(document.view().record().digest())
}

/// Who may do what, as a replica knows it.
fn rights(replica: &Replica) -> Value {
    let devices = replica.devices().unwrap();
    let one = |entry: &bienban_core::sync::DeviceEntry| {
        let grants = entry.grants.iter().map(|grant| format!("{:?} {}", grant.role, grant.scope));
        json!({
            "device": entry.device.to_string(), "name": entry.name, "agency": entry.agency,
            "active": entry.active, "grants": grants.collect::<Vec<_>>(),
        })
    };
    devices.iter().map(one).collect()
}

fn facts_of(replica: &Replica, inspection: &str, upto: u64) -> Value {
    let upto = if upto == 0 { replica.store().position().0 } else { upto };
    json!({
        "digest": digest(replica, inspection),
        "records": upto,
        "journal": records(&**replica.store(), upto),
        "rights": rights(replica),
    })
}

#[test]
fn folders_of_earlier_releases_hold_the_same_records_digests_and_rights() {
    for release in &RELEASES {
        let Unpacked { _root, phone, hub, facts } = release.unpacked();
        let inspection = facts["inspection"].as_str().unwrap();
        let client = scene::open_phone(&phone);
        let replica = client.phone().replica();
        let upto = facts["phone"]["records"].as_u64().unwrap();
        assert_eq!(facts_of(replica, inspection, upto), facts["phone"], "phone {}", release.name);
        assert_eq!(replica.store().opened().lost, []);
        scene::verify("phone", &**replica.store());
        let document = replica.load(inspection.parse().unwrap()).unwrap();
        let conflicts = document.view().conflicts().len();
        assert_eq!(conflicts as u64, facts["conflicts"].as_u64().unwrap());
        assert_eq!(client.phone().arrival(document.id()).unwrap().only_here, 1);
        let hub = scene::open_hub(&hub);
        let upto = facts["hub"]["records"].as_u64().unwrap();
        let at_hub = hub.replica();
        assert_eq!(facts_of(at_hub, inspection, upto), facts["hub"], "hub {}", release.name);
        assert_eq!(at_hub.store().opened().lost, []);
        scene::verify("hub", &**at_hub.store());
    }
}

#[test]
fn folders_of_earlier_releases_go_on_working_with_each_other() {
    for release in &RELEASES {
        let Unpacked { _root, phone, hub, facts } = release.unpacked();
        let inspection = facts["inspection"].as_str().unwrap();
        let running = HubProcess::start(&hub, free_port(), None);
        let field =
            |words: &[&str]| run([&["field", "--dir", text(&phone)], words].concat()).done();
        field(&["hub", "--set", &running.address.to_string()]);
        let item = &scene::items()[0];
        field(&["answer", inspection, item, "dat", "--value", "sau khi cập nhật"]);
        for _ in 0..3 {
            field(&["sync"]);
        }
        assert_eq!(field(&["status"])["only_here"], 0);
        let shown = field(&["show", inspection]);
        assert!(shown.to_string().contains("trước khi cập nhật"), "{shown}");
        assert!(running.stop().success());
        let hub = scene::open_hub(&hub);
        assert_eq!(digest(hub.replica(), inspection), shown["digest"].as_str().unwrap());
    }
}

#[test]
#[ignore = "writes a release's folders; once, when stores of a new form are released"]
fn write_the_stores() {
    let mut scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let it = scene.inspection.clone();
    scene.field(&one, &["answer", &it, "9.1", "dat", "--value", "một", "--note", "Có sổ theo lô."]);
    scene.field(&two, &["answer", &it, "9.1", "mi", "--value", "hai"]);
    scene.field(&two, &["finding", &it, "9.5", "mi", "Thiếu hóa đơn", "--deadline", "15"]);
    scene.settle();
    scene.stop_hub();
    scene.field(&one, &["answer", &it, "9.5", "dat", "--value", "trước khi cập nhật"]);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/fixtures");
    let name = |what: &str| fixtures.join(format!("store-v{}{what}", RELEASES[0].name));
    fs::write(name("-phone.bin"), pack(&one)).unwrap();
    fs::write(name("-hub.bin"), pack(&scene.hub_dir)).unwrap();
    let client = scene::open_phone(&one);
    let phone = client.phone().replica();
    let conflicts = phone.load(it.parse().unwrap()).unwrap().view().conflicts().len();
    let hub = scene::open_hub(&scene.hub_dir);
    let facts = json!({
        "inspection": it,
        "conflicts": conflicts,
        "phone": facts_of(phone, &it, 0),
        "hub": facts_of(hub.replica(), &it, 0),
    });
    fs::write(name(".json"), serde_json::to_string_pretty(&facts).unwrap() + "\n").unwrap();
}

/// Runs a command, and fails unless it refuses with a code and these words, and all files of a folder are as
/// they were.
fn refused(folder: &Path, command: &[&str], code: i32, words: &[&str]) {
    let before = hashes(folder);
    for _ in 0..2 {
        let Ran { code: ended, data, errors } = run(command.iter().copied());
        assert_eq!(ended, Some(code), "{command:?}: {data} {errors}");
        for word in words {
            assert!(errors.contains(word), "{command:?} does not say {word}: {errors}");
        }
        assert_eq!(hashes(folder), before, "{command:?} touched the folder");
    }
}

fn phone_refuses(phone: &Path, words: &[&str]) {
    for command in [
        &["status"][..],
        &["list"],
        &["sync"],
        &["verify"],
        &["bundle", "export", "--to", "hub", "file"],
    ] {
        refused(phone, &[&["field", "--dir", text(phone)], command].concat(), 1, words);
    }
    refused(phone, &["admin", "--dir", text(phone), "facilities"], 1, words);
}

/// A hub that starts all the same fails the test; waiting for its end would wait for ever.
fn hub_refuses(hub: &Path, words: &[&str]) {
    let before = hashes(hub);
    for _ in 0..2 {
        let Err(status) = HubProcess::try_start(hub, free_port(), None) else {
            panic!("the hub started");
        };
        let said = log_of(hub);
        assert_eq!(status.code(), Some(1), "{said}");
        for word in words {
            assert!(said.contains(word), "it does not say {word}: {said}");
        }
        assert_eq!(hashes(hub), before, "it touched the folder");
    }
}

/// The checksum of a segment's header: CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 & (0_u32.wrapping_sub(crc & 1)));
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc));
    !bytes.iter().fold(!0, byte)
}

fn raise_segment(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    assert_eq!(bytes[124..128], crc32c(&bytes[..124]).to_le_bytes(), "it was whole");
    bytes[8] = 5;
    let crc = crc32c(&bytes[..124]).to_le_bytes();
    bytes[124..128].copy_from_slice(&crc);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_journal_of_a_later_format_is_refused_and_left_as_it_is() {
    let Unpacked { _root, phone, hub, .. } = newest();
    for folder in [&phone, &hub] {
        raise_segment(&folder.join("store/journal/00000001.seg"));
    }
    let words = ["00000001.seg", "format 5", "up to 4", "update"];
    phone_refuses(&phone, &words);
    hub_refuses(&hub, &words);
}

#[test]
fn a_store_that_a_later_program_was_at_is_refused_and_left_as_it_is() {
    let Unpacked { _root, phone, hub, .. } = newest();
    for folder in [&phone, &hub] {
        let text = "bienban projection 1\nversion 999\n";
        let check = blake3::hash(text.as_bytes()).to_hex();
        fs::write(folder.join("store/projection"), format!("{text}check {check}\n")).unwrap();
    }
    phone_refuses(&phone, &["999", "update"]);
    hub_refuses(&hub, &["999", "update"]);
}

/// A later program, as far as its journal goes.
struct Later;

impl Project for Later {
    fn version(&self) -> u32 {
        999
    }

    fn project(
        &self,
        _: Position,
        _: &Record,
        _: &dyn Read,
        _: &mut Writes,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn records_of_a_later_program_are_refused_where_only_the_journal_was_put_back() {
    for (kind, payload) in [(200, vec![1]), (1, vec![3, 0, 0])] {
        let Unpacked { _root, hub, .. } = newest();
        let store = hub.join("store");
        let later = DiskStore::open(&store, Arc::new(Later), Options::at(0)).unwrap();
        later.commit(vec![Record { kind, payload }]).unwrap();
        later.close().unwrap();
        for name in ["projection", "closed", "reached"] {
            drop(fs::remove_file(store.join(name)));
        }
        fs::remove_dir_all(store.join("index")).unwrap();
        hub_refuses(&hub, &["journal record", "update"]);
    }
}

#[test]
fn keys_and_settings_of_a_later_program_are_refused_and_left_as_they_are() {
    let Unpacked { _root, phone, .. } = newest();
    let (path, mut keys) = (phone.join("keys"), fs::read(phone.join("keys")).unwrap());
    let whole = keys.clone();
    keys[8] = 2;
    let end = keys.len() - 32;
    let check = *blake3::hash(&keys[..end]).as_bytes();
    keys[end..].copy_from_slice(&check);
    fs::write(&path, keys).unwrap();
    phone_refuses(&phone, &["format 2", "knows 1", "newer program"]);
    fs::write(&path, whole).unwrap();
    let settings = phone.join("settings.json");
    let before = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, before.replace("\"version\": 1", "\"version\": 2")).unwrap();
    phone_refuses(&phone, &["settings.json", "format 2", "newer than this program"]);
    fs::write(&settings, before).unwrap();
    run(["field", "--dir", text(&phone), "status"]).done();
}

#[test]
fn settings_of_a_hub_that_only_a_later_program_knows_are_refused_before_its_folder_is_opened() {
    let Unpacked { _root, hub, .. } = newest();
    let file = hub.with_extension("later.toml");
    fs::write(&file, "[later]\nsetting = 1\n").unwrap();
    refused(&hub, &["serve", "--dir", text(&hub), "--config", text(&file)], 2, &["later"]);
}

/// What a hub answers to one frame, as the code of the failure that it tells.
fn told(hub: &Arc<Hub>, frame: &[u8]) -> Option<FailureCode> {
    let mut there = HubRunner::start(hub.clone(), fleet::entry(1).into(), NOW).unwrap();
    // It is an error of the session; what the peer is told follows.
    drop(there.handle(frame));
    let mut last = None;
    while let Ok(Some(bytes)) = there.poll_frame(NOW) {
        if let Ok(Frame::Failed(failure)) = Frame::decode(&bytes) {
            last = Some(failure.code);
        }
    }
    last
}

#[test]
fn frames_and_sessions_of_a_later_program_end_the_exchange_and_leave_nothing() {
    let (hub, _) = fleet::hub(SHORT, 1);
    let store = hub.replica().store().clone();
    let before = (store.position(), records(&*store, store.position().0));
    let hello = Hello {
        protocol: PROTOCOL_VERSION + 1,
        device_time: NOW,
        position: None,
        notices: 0,
        live: false,
        root: Fingerprint([0; 16]),
        empty: true,
    };
    let mut frame =
        Frame::Hello(Hello { protocol: PROTOCOL_VERSION, ..hello.clone() }).encode().unwrap();
    frame[0] = FRAME_VERSION + 1;
    for later in [frame, Frame::Hello(hello).encode().unwrap()] {
        assert_eq!(told(&hub, &later), Some(FailureCode::Version));
        assert_eq!((store.position(), records(&*store, store.position().0)), before);
    }
}

/// What travels: a bundle, an exported record and a checklist of later formats change nothing that is here.
#[test]
fn files_of_a_later_program_are_refused_and_change_nothing() {
    let Unpacked { _root, phone, .. } = newest();
    let beside = tempfile::tempdir().unwrap();
    let field = |words: &[&str]| run([&["field", "--dir", text(&phone)], words].concat());
    let write = |name: &str, bytes: &[u8]| {
        let path = beside.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    // Opened once, so that what an opening does is done.
    field(&["status"]).done();
    let journal = hashes(&phone.join("store/journal"));
    let mut bundle = include_bytes!("../../core/fixtures/bundle-v2.bin").to_vec();
    bundle[8] = 3;
    let bundle = write("bundle", &bundle);
    let ran = field(&["bundle", "import", text(&bundle)]);
    assert_eq!(ran.code, Some(1), "{}", ran.errors);
    assert!(ran.errors.contains("format 3") && ran.errors.contains("update"), "{}", ran.errors);
    assert_eq!(hashes(&phone.join("store/journal")), journal);

    let record = include_str!("../../core/fixtures/exported-record-v1.hex");
    let mut record = hex::decode(record.split_whitespace().collect::<String>()).unwrap();
    assert_eq!(record[16], 1);
    record[16] = 2;
    let record = write("record", &record);
    let ran = run(["verify", text(&record)]);
    assert_eq!(ran.code, Some(9), "{} {}", ran.data, ran.errors);
    let said = format!("{} {}", ran.data, ran.errors);
    assert!(said.contains("version 2") || said.contains("version"), "{said}");

    let template =
        include_str!("../simulation/checklist.json").replace("\"format\": 1", "\"format\": 99");
    let template = write("template.json", template.as_bytes());
    let ran = run(["template", "check", text(&template)]);
    assert_ne!(ran.code, Some(0));
    let said = format!("{} {}", ran.data, ran.errors);
    assert!(said.contains("99"), "{said}");
    let (hub, _) = fleet::hub(SHORT, 1);
    let held = hub.replica().store().position();
    assert!(hub.publish(fs::read(&template).unwrap()).is_err());
    assert_eq!(hub.replica().store().position(), held);
    assert_eq!(field(&["status"]).done()["only_here"], 1);
}
