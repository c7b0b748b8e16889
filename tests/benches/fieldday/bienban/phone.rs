//! One phone of the day: opens its folder, does one phase, tells what it holds, and stays until it is let go.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bienban_core::client::{Client, Visit};
use bienban_core::clock::Stopwatch;
use bienban_core::driver::{Live, SyncEvent, SyncOptions};
use bienban_core::model::{
    Actor, AnswerInput, DocumentId, Genesis, Grade, InspectionView, Kind, NoteEdit, Timestamp,
};
use bienban_core::net::HubAddress;
use bienban_core::replica::StoredTree;
use bienban_core::sync::{ItemTree, Prefix};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::field::{self, Field, Row};
use crate::office::{self, item};
use crate::{made, open};

/// How long nothing may happen before what is here is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Does a phase and prints its line.
pub(crate) fn run(field: &Field) {
    let (dir, shared) = (Path::new(&field.dir), Path::new(&field.shared));
    settle_in(field, dir, shared);
    let watch = Stopwatch::start();
    if field.phase == "seed" {
        open(dir, field).set_hub(hub_of(field, shared), false).unwrap();
        office::seed(field, dir);
    }
    let runtime = Runtime::new().unwrap();
    let mut client = open(dir, field);
    client.set_hub(hub_of(field, shared), false).unwrap();
    let client = Arc::new(client);
    let exchange = match field.phase.as_str() {
        "edit" => {
            answer(&client, field);
            None
        }
        _ => Some(exchange(&client, field, &runtime)),
    };
    let took = watch.elapsed();
    let held = Held::of(&client, field);
    field.report(took.as_millis(), |doc, item| held.row(doc, item));
    field::wait_for_release();
    if let Some((stop, task)) = exchange {
        stop.send_replace(true);
        runtime.block_on(task).unwrap();
    }
}

/// Takes the folder that was made for this device, the first time.
fn settle_in(field: &Field, dir: &Path, shared: &Path) {
    let made = made(shared, field.inspector);
    if made.exists() {
        for entry in std::fs::read_dir(&made).unwrap() {
            let path = entry.unwrap().path();
            std::fs::rename(&path, dir.join(path.file_name().unwrap())).unwrap();
        }
        std::fs::remove_dir(&made).unwrap();
    }
}

fn hub_of(field: &Field, shared: &Path) -> HubAddress {
    let key = std::fs::read_to_string(shared.join("key")).unwrap();
    format!("{}#{key}", field.url).parse().unwrap()
}

/// An exchange that goes on, and what ends it.
type Going = (watch::Sender<bool>, JoinHandle<()>);

/// Exchanges until all is here that the phase is about, and stays connected.
fn exchange(client: &Arc<Client>, field: &Field, runtime: &Runtime) -> Going {
    let (stop, stopped) = watch::channel(false);
    let (tell, mut told) = mpsc::unbounded_channel();
    let live = Live {
        edited: Arc::new(Notify::new()),
        stop: stopped,
        observer: Arc::new(move |event| drop(tell.send(event))),
    };
    let options = SyncOptions { live: Some(live), ..SyncOptions::default() };
    let syncing = client.clone();
    let task = runtime.spawn(async move { drop(syncing.sync(options).await.unwrap()) });
    runtime.block_on(async {
        let mut caught_up = false;
        while !(caught_up && is_here(client, field)) {
            // Looking is no part of what is measured, so it is not done at each event.
            tokio::time::sleep(if caught_up { LOOK_EVERY } else { Duration::ZERO }).await;
            let mut event = tokio::time::timeout(LOOK_EVERY, told.recv()).await.ok().flatten();
            while let Some(told_of) = event {
                caught_up |= matches!(told_of, SyncEvent::CaughtUp);
                event = told.try_recv().ok();
            }
        }
    });
    (stop, task)
}

/// Whether what the phase is about is here. Asks the index, and opens no record.
fn is_here(client: &Client, field: &Field) -> bool {
    if field.phase == "noop" {
        return true;
    }
    let visits = visits(client);
    if visits.len() < field.docs {
        return false;
    }
    let authors = match field.phase.as_str() {
        "sync" | "check" => field.inspectors,
        _ => return true,
    };
    let per = (field.items / field.inspectors) as u64;
    let store = client.phone().replica().store().clone();
    let mut whole: BTreeMap<DocumentId, usize> = BTreeMap::new();
    for item in StoredTree::new(&*store).items(&Prefix::ROOT, usize::MAX).unwrap() {
        *whole.entry(item.document).or_default() += usize::from(item.seq >= per);
    }
    visits.iter().all(|visit| whole.get(&visit.document).is_some_and(|lines| *lines >= authors))
}

/// Returns the visits of the office's plan.
fn visits(client: &Client) -> Vec<Visit> {
    let plans = client.all(Kind::Plan).unwrap();
    plans.iter().flat_map(|plan| client.visits(plan.document).unwrap()).collect()
}

/// Gives this inspector's answers, each durable before the next.
fn answer(client: &Client, field: &Field) {
    let visits: BTreeMap<String, Genesis> =
        visits(client).into_iter().map(|visit| (visit.name, visit.genesis)).collect();
    for doc in 0..field.docs {
        let genesis = &visits[&office::name(doc)];
        for number in field.items_of(field.inspector) {
            let row = field.answer(doc, number);
            let now = Timestamp(row.at * 1000);
            let answer = AnswerInput {
                grade: grade(&row.answer),
                value: None,
                evidence: Vec::new(),
                claimed_at: now,
                resolves: false,
            };
            let edit = |editor: &mut bienban_core::model::Editor<'_>| {
                editor.answer(&item(number), answer)?;
                if row.note.is_empty() {
                    return Ok(());
                }
                editor.note(&item(number), NoteEdit::Append(row.note.clone()))
            };
            let recorded = client.phone().edit(genesis, now, edit).unwrap().recorded;
            assert!(recorded.is_some(), "an answer that changes nothing");
        }
    }
}

fn grade(answer: &str) -> Grade {
    match answer {
        "pass" => Grade::Pass,
        "fail" => Grade::Major,
        _ => Grade::NotApplicable,
    }
}

fn word(grade: Grade) -> String {
    let word = match grade {
        Grade::Pass => "pass",
        Grade::Major => "fail",
        Grade::NotApplicable => "na",
        _ => "something else",
    };
    word.to_owned()
}

/// What this phone holds, read from its records.
struct Held(BTreeMap<(usize, usize), Row>);

impl Held {
    fn of(client: &Client, field: &Field) -> Self {
        let names: BTreeMap<String, usize> =
            (0..field.docs).map(|doc| (office::name(doc), doc)).collect();
        let numbers: BTreeMap<String, usize> = (0..field.inspectors)
            .filter_map(|number| {
                let path = Path::new(&field.shared).join(format!("name-{number}"));
                Some((std::fs::read_to_string(path).ok()?, number))
            })
            .collect();
        let mut held = BTreeMap::new();
        for visit in visits(client) {
            let Some(doc) = names.get(&visit.name) else { continue };
            let template = client.phone().replica().template(visit.template).unwrap();
            let items = template.items();
            let document = client.phone().replica().load(visit.document).ok();
            let view = document.as_ref().and_then(|document| document.view().inspection());
            for number in 0..field.items {
                if !items.contains(&item(number)) {
                    continue;
                }
                let row =
                    view.as_ref().and_then(|view| read(client, &visit, view, number, &numbers));
                held.insert((*doc, number), row.unwrap_or_default());
            }
        }
        Self(held)
    }

    fn row(&self, doc: usize, item: usize) -> Option<Row> {
        self.0.get(&(doc, item)).cloned()
    }
}

/// Reads the one answer of an item, who gave it and when, and its note.
fn read(
    client: &Client,
    visit: &Visit,
    inspection: &InspectionView,
    number: usize,
    numbers: &BTreeMap<String, usize>,
) -> Option<Row> {
    let key = item(number);
    let [said] = inspection.answers.get(&key)?.all() else { return None };
    let actor = Actor(said.actor.as_slice().try_into().ok()?);
    let device = client.phone().replica().author(visit.document, actor).unwrap()?;
    Some(Row {
        answer: word(said.value.grade),
        by: *numbers.get(&device.to_string())?,
        at: said.at.0 / 1000,
        note: inspection.notes.get(&key).map(|note| note.trim_end().to_owned()).unwrap_or_default(),
    })
}
