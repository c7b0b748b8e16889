//! That a screen which asks what was written is told of everything that it would find by reading all rows, and of
//! little else.

use std::collections::{BTreeMap, BTreeSet};

use bienban_core::client::parts::{Arrival, SyncOptions};
use bienban_core::client::{Changed, Client, Draft, Seen};
use bienban_core::model::{DocumentId, Genesis, Grade, Kind, Summary};
use bienban_tests::scene::open_phone;
use tokio::runtime::Runtime;

use crate::join::Team;
use crate::program::text;

const MORE: &str = "code,name,owner_kind,commune_code\nCHE-03,HTX Ba,htx,06325\n";

/// How the minutes are signed, without one who was not heard.
const OWNER: [&str; 8] =
    ["--name", "Bà C", "--title", "Chủ", "--on", "2026-11-05", "--not-heard", "Vắng"];

/// All that a list or a screen shows of a record without opening it.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    row: Summary,
    minutes: Option<String>,
    arrival: Arrival,
}

/// Reads the rows of all records.
fn all(client: &Client) -> BTreeMap<DocumentId, Shown> {
    let mut shown = BTreeMap::new();
    for kind in Kind::ALL {
        for row in client.all(kind).unwrap() {
            let document = row.document;
            let standing = client.phone().replica().minutes(document).unwrap().standing;
            let minutes = standing.map(|held| format!("{:?} {:?}", held.state, held.countersigned));
            let arrival = client.phone().arrival(document).unwrap();
            drop(shown.insert(document, Shown { row, minutes, arrival }));
        }
    }
    shown
}

/// A phone that somebody watches.
struct Watched {
    client: Client,
    runtime: Runtime,
    seen: Seen,
    before: BTreeMap<DocumentId, Shown>,
}

impl Watched {
    fn open(team: &Team, phone: &str) -> Self {
        let client = open_phone(&team.folders.path(phone));
        let (mut seen, before) = (Seen::default(), all(&client));
        drop(client.look(&mut seen).unwrap());
        assert!(client.look(&mut seen).unwrap().is_empty(), "nothing was written since");
        Self { client, runtime: Runtime::new().unwrap(), seen, before }
    }

    fn sync(&self) {
        let _report = self.runtime.block_on(self.client.sync(SyncOptions::default())).unwrap();
    }

    /// Does something, looks, and compares with what reading all rows finds.
    fn after(&mut self, what: &str, does: impl FnOnce(&Self)) -> Changed {
        does(self);
        let told = self.client.look(&mut self.seen).unwrap();
        assert!(!told.more, "{what}");
        let now = all(&self.client);
        let differs =
            now.iter().filter(|(document, shown)| self.before.get(*document) != Some(*shown));
        // One more: a row of minutes may be written again as it was.
        assert!(told.records.len() <= differs.count() + 1, "{what}: {told:?}");
        for (document, shown) in &now {
            let before = self.before.get(document);
            if before == Some(shown) {
                continue;
            }
            let named = told.records.iter().find(|one| one.document == *document);
            let named = named.unwrap_or_else(|| panic!("{what}: {before:?} -> {shown:?}"));
            let content = before.is_none_or(|before| {
                (&before.row, &before.minutes) != (&shown.row, &shown.minutes)
            });
            assert!(named.content || !content, "{what}: {before:?} -> {shown:?}");
            assert_eq!(named.kind, shown.row.kind);
        }
        self.before = now;
        assert!(self.client.look(&mut self.seen).unwrap().is_empty(), "{what}: told twice");
        told
    }
}

fn named(told: &Changed) -> BTreeSet<Kind> {
    told.records.iter().map(|one| one.kind).collect()
}

/// A team in the field, and its second phone watched.
fn watched() -> (Team, Watched, Genesis) {
    let team = Team::new();
    team.in_field();
    for phone in ["an", "binh"] {
        team.sync(phone);
    }
    let binh = Watched::open(&team, "binh");
    let inspection = binh.client.find_inspection(&team.inspection).unwrap();
    (team, binh, inspection)
}

#[test]
fn who_looks_is_told_of_every_record_that_changed() {
    let (team, mut binh, inspection) = watched();
    let it = team.inspection.as_str();
    let answer = |item: &'static str, grade| {
        let inspection = inspection.clone();
        move |binh: &Watched| {
            let done = binh.client.answer(&inspection, item, Draft::graded(grade)).unwrap();
            assert!(done.recorded.is_some());
        }
    };
    let told = binh.after("an own answer", answer("2.1", Grade::Serious));
    assert_eq!(named(&told), BTreeSet::from([Kind::Inspection]));
    assert!(told.records[0].content);
    let told = binh.after("its way to the hub", Watched::sync);
    assert!(told.records.iter().all(|one| one.document == inspection.document()), "{told:?}");
    let told = binh.after("an exchange with nothing new", Watched::sync);
    assert!(told.records.iter().all(|one| !one.content), "{told:?}");
    drop(binh.after("another's answer, in conflict", |binh| {
        drop(team.folders.field_json("an", &["answer", it, "2.1", "dat"]));
        team.sync("an");
        binh.sync();
    }));
    assert_eq!(binh.before[&inspection.document()].row.conflicts, 1);
    drop(binh.after("the conflict settled", |binh| {
        team.sync("an");
        team.folders.field("an", &["resolve", it, "2.1", "se"]).ok();
        team.sync("an");
        binh.sync();
    }));
    let told = binh.after("an item sent back", |binh| {
        let back = ["review", "CHE-01", "send-back", "--item", "2.1", "Ảnh đâu?"];
        team.folders.admin("giam", &back).ok();
        binh.sync();
    });
    // The review is a record of its own, and says whose it is.
    let review = told.records.iter().find(|one| one.kind == Kind::Review).unwrap();
    assert_eq!(review.inspection, Some(inspection.document()));
    drop(binh.after("a new facility", |binh| {
        let file = team.folders.file("more.csv", MORE);
        team.folders.admin("first", &["import", "facilities", text(&file)]).ok();
        binh.sync();
    }));
}

#[test]
fn who_looks_is_told_of_checklists_minutes_and_rights() {
    let (team, mut binh, inspection) = watched();
    let it = team.inspection.as_str();
    let told = binh.after("a new checklist", |binh| {
        team.folders.admin("first", &["checklist", "add", "tea-1"]).ok();
        binh.sync();
    });
    assert!(told.checklists, "{told:?}");
    drop(binh.after("sealed minutes", |binh| {
        team.sync("an");
        team.folders.field("an", &[&["seal", it][..], &OWNER[..]].concat()).ok();
        team.sync("an");
        binh.sync();
    }));
    assert!(binh.before[&inspection.document()].row.sealed.is_some());
    drop(binh.after("an own countersignature", |binh| {
        let _signed = binh.client.countersign(&inspection).unwrap();
    }));
    drop(binh.after("its way to the hub and back", |binh| {
        binh.sync();
        binh.sync();
    }));
    let told = binh.after("rights", |binh| {
        let device = binh.client.device().to_string();
        let mut words = vec!["trust", &device, "--name", "binh", "--agency", "Phòng Kinh tế"];
        words.extend(["--role", "leader", "--scope", "06325"]);
        team.folders.admin("first", &words).ok();
        binh.sync();
    });
    assert!(told.rights, "{told:?}");
}
