//! A hub, an administrator and phones in one temporary folder, ready for one planned visit; and what
//! must hold between them at the end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test harness stops at the first surprise")]
#![allow(clippy::missing_panics_doc, reason = "every call here panics when a process misbehaves")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bienban_core::checklist::{TEA, Template};
use bienban_core::client::Client;
use bienban_core::clock;
use bienban_core::model::{Document, DocumentId, Genesis};
use bienban_core::replica::{Hub, HubOptions, Projection};
use bienban_core::store::{DiskStore, Options, Store};
use bienban_core::trust::DeviceKey;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{HubProcess, free_port, run, text};

/// Exchanges of every phone after which everything must have arrived everywhere: what one sends in
/// the first, the others take in in the second; the third takes over what a fork left.
pub const ROUNDS: usize = 3;

/// A commune that the sample facility belongs to.
pub const COMMUNE: &str = "06325";

/// One facility, enough for one visit.
const FACILITIES: &str = "code,name,owner_kind,commune_code\nBS-001,HTX Chè Thử Nghiệm,HTX,06325\n";

/// Folders, processes and names of one test.
pub struct Scene {
    root: TempDir,
    /// The hub, while it runs.
    pub hub: Option<HubProcess>,
    /// The hub's folder.
    pub hub_dir: PathBuf,
    /// The administrator's folder.
    pub admin_dir: PathBuf,
    /// The administrator's device.
    pub admin: String,
    /// The phones' folders.
    pub phones: Vec<PathBuf>,
    /// The planned visit's name.
    pub inspection: String,
    port: u16,
}

impl Scene {
    /// Makes a running hub, an administrator, a published checklist, a facility, a plan with one
    /// visit, and phones that have heard of it all.
    #[must_use]
    pub fn with_phones(count: usize) -> Self {
        let root = TempDir::new().unwrap();
        let hub_dir = root.path().join("hub");
        Self::in_folders(root, hub_dir, count)
    }

    /// As [`Self::with_phones`], with the hub's folder elsewhere.
    #[must_use]
    pub fn in_folders(root: TempDir, hub_dir: PathBuf, count: usize) -> Self {
        let admin_dir = root.path().join("admin");
        let port = free_port();
        std::fs::create_dir_all(&hub_dir).unwrap();
        let shown = run(["serve", "--dir", text(&hub_dir), "--show-key"]).done();
        let uri = format!("bienban://127.0.0.1:{port}#{}", shown["key"].as_str().unwrap());
        let made = run(["admin", "--dir", text(&admin_dir), "init", "--hub", &uri]).done();
        let admin = made["device"].as_str().unwrap().to_owned();
        let hub = HubProcess::start(&hub_dir, port, Some(&admin));
        assert_eq!(hub.uri, uri);
        let mut scene = Self {
            root,
            hub: Some(hub),
            hub_dir,
            admin_dir,
            admin,
            phones: Vec::new(),
            inspection: String::new(),
            port,
        };
        for number in 1..=count {
            scene.add_phone(&format!("phone-{number}"), "inspector");
        }
        scene.plan();
        for phone in scene.phones.clone() {
            scene.sync(&phone);
        }
        scene
    }

    /// Publishes, imports, plans; learns the visit's name.
    fn plan(&mut self) {
        let file = self.path("facilities.csv");
        std::fs::write(&file, FACILITIES).unwrap();
        self.administer(&["checklist", "add", "tea"]);
        self.administer(&["import", "facilities", text(&file)]);
        let leader = self.admin.clone();
        let plan = self.administer(&[
            "plan",
            "add",
            "--title",
            "Kiểm tra thử",
            "--from",
            "2026-11-23",
            "--to",
            "2026-11-27",
            "--leader",
            &leader,
            "--facility",
            "BS-001",
        ]);
        let visits = plan["visits"].as_array().unwrap();
        self.inspection = visits[0]["inspection"].as_str().unwrap().to_owned();
    }

    /// Returns a path in the scene's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Runs a command of the administrator.
    pub fn administer(&self, arguments: &[&str]) -> Value {
        let start = ["admin", "--dir", text(&self.admin_dir)];
        run(start.into_iter().chain(arguments.iter().copied())).done()
    }

    /// Makes a device that the hub is told of, and returns its folder.
    pub fn add_device(&self, name: &str, role: &str, scope: &str) -> PathBuf {
        let dir = self.path(name);
        let device = self.init(&dir);
        self.administer(&[
            "trust", &device, "--name", name, "--agency", "Y tế", "--role", role, "--scope", scope,
        ]);
        dir
    }

    /// Makes a device that the hub has not been told of, and returns its name.
    #[must_use]
    pub fn init(&self, dir: &Path) -> String {
        let uri = &self.hub.as_ref().unwrap().uri;
        let made = run(["field", "--dir", text(dir), "init", "--hub", uri]).done();
        made["device"].as_str().unwrap().to_owned()
    }

    /// Makes one more phone of the team.
    pub fn add_phone(&mut self, name: &str, role: &str) -> PathBuf {
        let dir = self.add_device(name, role, COMMUNE);
        self.phones.push(dir.clone());
        dir
    }

    /// Starts the hub again where it was.
    pub fn restart_hub(&mut self) {
        drop(self.hub.take());
        self.hub = Some(HubProcess::start(&self.hub_dir, self.port, None));
    }

    /// Starts the hub where it was, and names its first administrator to it again.
    pub fn restart_hub_with(&mut self, admin: &str) {
        drop(self.hub.take());
        self.hub = Some(HubProcess::start(&self.hub_dir, self.port, Some(admin)));
    }

    /// Ends the hub in order and starts it again with more arguments. Returns whether it started.
    pub fn restart_hub_saying(&mut self, more: &[&str]) -> bool {
        if self.hub.is_some() {
            self.stop_hub();
        }
        self.hub = HubProcess::start_saying(&self.hub_dir, self.port, more).ok();
        self.hub.is_some()
    }

    /// Ends the hub in order.
    pub fn stop_hub(&mut self) {
        let status = self.hub.take().unwrap().stop();
        assert!(status.success(), "{status}");
    }

    /// Starts the hub again with settings in the environment.
    pub fn restart_hub_with_settings(&mut self, settings: &[(&str, &str)]) {
        if self.hub.is_some() {
            self.stop_hub();
        }
        self.hub = Some(HubProcess::start_with(&self.hub_dir, self.port, settings));
    }

    /// Runs a command of a phone.
    pub fn field(&self, phone: &Path, arguments: &[&str]) -> Value {
        run(["field", "--dir", text(phone)].into_iter().chain(arguments.iter().copied())).done()
    }

    /// Lets a phone exchange everything.
    pub fn sync(&self, phone: &Path) -> Value {
        self.field(phone, &["sync"])
    }

    /// Lets all phones exchange until everything must have arrived everywhere.
    pub fn settle(&self) {
        for _ in 0..ROUNDS {
            for phone in &self.phones {
                let ran = run(["field", "--dir", text(phone), "sync"]);
                // 6: the hub set something aside, which the check afterwards looks at.
                assert!(matches!(ran.code, Some(0 | 6)), "{}: {}", phone.display(), ran.errors);
            }
        }
    }

    /// Returns the visit's document name.
    #[must_use]
    pub fn document(&self) -> DocumentId {
        self.inspection.parse().unwrap()
    }
}

/// Returns the keys of the checklist's items.
#[must_use]
pub fn items() -> Vec<String> {
    let template = Template::parse(TEA).unwrap();
    template.each().map(|(_, item)| item.key.clone()).collect()
}

/// Opens a hub's folder in this process; the hub must not run.
#[must_use]
pub fn open_hub(dir: &Path) -> Hub {
    let mut seed = [0; 32];
    let key = std::fs::read_to_string(dir.join("hub.key")).unwrap();
    hex::decode_to_slice(key.trim(), &mut seed).unwrap();
    let now = clock::now();
    let store = DiskStore::open(dir.join("store"), Arc::new(Projection), Options::at(now.0));
    let options = HubOptions { fresh_epoch: clock::random().unwrap(), now };
    let hub = Hub::open(Arc::new(store.unwrap()), DeviceKey::from_seed(&seed), options).unwrap();
    while hub.merge_next(clock::now()).unwrap().is_some() {}
    hub
}

/// Opens a phone's folder in this process; no other may have it open.
#[must_use]
pub fn open_phone(dir: &Path) -> Client {
    Client::open(dir).unwrap_or_else(|error| panic!("{}: {error:?}", dir.display()))
}

/// Fails unless every record and row of a store is as it was written.
pub fn verify(name: &str, store: &dyn Store) {
    let verified = store.verify().unwrap();
    assert!(verified.problems.is_empty(), "{name}: {:?}", verified.problems);
}

/// What stands in the visit's record, by token: how often.
pub struct Record {
    answers: BTreeMap<String, usize>,
    notes: String,
    findings: BTreeMap<String, usize>,
}

/// What a person typed, and must find again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// The value of an answer.
    Answer(String),
    /// A line of a note.
    Note(String),
    /// The text of a finding.
    Finding(String),
}

impl Record {
    /// Reads a document: every answer ever given, every note, every finding.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let view = document.view();
        let inspection = view.inspection().unwrap();
        let mut answers = BTreeMap::new();
        for said in items().iter().flat_map(|item| view.history(item)) {
            *answers.entry(said.value.value.clone().unwrap_or_default()).or_default() += 1;
        }
        let mut findings = BTreeMap::new();
        for finding in inspection.findings.values() {
            *findings.entry(finding.text.clone()).or_default() += 1;
        }
        let notes = inspection.notes.values().map(|note| format!("{note}\n")).collect();
        Self { answers, notes, findings }
    }

    /// Returns how often something typed stands in the record.
    #[must_use]
    pub fn count(&self, typed: &Typed) -> usize {
        match typed {
            Typed::Answer(token) => self.answers.get(token).copied().unwrap_or(0),
            Typed::Note(token) => self.notes.lines().filter(|line| line == token).count(),
            Typed::Finding(token) => self.findings.get(token).copied().unwrap_or(0),
        }
    }

    /// Fails unless everything stands in the record exactly once.
    pub fn expect_all<'a>(&self, at: &str, typed: impl IntoIterator<Item = &'a Typed>) {
        for one in typed {
            let count = self.count(one);
            assert_eq!(count, 1, "{at}: {one:?} is in the record {count} times");
        }
    }
}

/// Opens everything (the hub must not run) and fails unless all replicas hold the same record of the
/// visit, every store verifies, and no phone holds what is nowhere else. Returns the record.
pub fn expect_same(scene: &Scene) -> Record {
    assert!(scene.hub.is_none(), "stop the hub before its folder is opened");
    let id = scene.document();
    let hub = open_hub(&scene.hub_dir);
    let at_hub = hub.replica().load(id).unwrap();
    let digest = at_hub.view().record().digest();
    verify("hub", &**hub.replica().store());
    for dir in &scene.phones {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let client = open_phone(dir);
        let here = client.phone().replica().load(id).unwrap();
        assert_eq!(here.heads(), at_hub.heads(), "{name} has other heads than the hub");
        assert_eq!(here.view().record().digest(), digest, "{name} has another digest");
        assert_eq!(client.phone().only_here().unwrap(), [], "{name} holds what is nowhere else");
        verify(&name, &**client.phone().replica().store());
    }
    Record::of(&at_hub)
}

/// Returns what the visit's document is born as, as a phone knows it.
#[must_use]
pub fn genesis(client: &Client, scene: &Scene) -> Genesis {
    client.find_inspection(&scene.inspection).unwrap()
}
