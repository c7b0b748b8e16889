//! A day of one phone: the field day's answers in 200 inspections, the exchange in the evening, a minute connected with
//! nothing to do, and grades. The hub is a process, reached by QUIC over the loopback.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bienban_core::checklist::Day as Date;
use bienban_core::checklist::grading::{Answers, Grader, Settings};
use bienban_core::client::{Client, Draft, Visit};
use bienban_core::clock::{self, Stopwatch};
use bienban_core::driver::{Live, SyncEvent, SyncOptions, SyncReport};
use bienban_core::model::{Grade, Kind};
use bienban_tests::process::{HubProcess, free_port};
use bienban_tests::scene;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc, watch};

use crate::field::Field;
use crate::meter::{Cost, Synced, alone, cells, grouped, spread, traced};
use crate::{made, office, open, stored};

const INSPECTORS: usize = 4;
const DOCS: usize = 200;
const ITEMS: usize = 60;
/// The phone whose day it is; its colleagues stay at home.
const PHONE: usize = 0;
/// How long a connection is left alone before it counts as one that has nothing to do.
const SETTLING: Duration = Duration::from_secs(3);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// Inspections that are answered whole for the grades, and answers given in each.
const GRADED: usize = 5;
const GRADES_EACH: usize = 20;

/// A hub, an office that planned the day, and a phone that has heard of it.
struct Scene {
    root: TempDir,
    hub: HubProcess,
}

fn field(root: &Path) -> Field {
    Field {
        shared: root.join("shared").to_str().unwrap().to_owned(),
        docs: DOCS,
        items: ITEMS,
        inspector: PHONE,
        inspectors: INSPECTORS,
        seed: 1,
        ..Field::default()
    }
}

/// Returns the phone's folder.
pub(crate) fn phone(root: &Path) -> PathBuf {
    made(&root.join("shared"), PHONE)
}

impl Scene {
    fn make() -> Self {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (data, shared) = (root.path().join("hub"), root.path().join("shared"));
        std::fs::create_dir_all(&shared).unwrap();
        office::prepare(&data, &shared, INSPECTORS);
        let hub = HubProcess::start(&data, free_port(), None);
        let runtime = Runtime::new().unwrap();
        let dir = made(&shared, INSPECTORS);
        // The office's folder is not sealed.
        let mut client = Client::open(&dir).unwrap();
        client.set_hub(hub.uri.parse().unwrap(), false).unwrap();
        drop(client);
        office::seed(&field(root.path()), &dir);
        let client = Client::open(&dir).unwrap();
        let _report = runtime.block_on(client.sync(SyncOptions::default())).unwrap();
        drop(client);
        let mut client = open(&phone(root.path()), PHONE);
        client.set_hub(hub.uri.parse().unwrap(), false).unwrap();
        let watch = Stopwatch::start();
        while visits(&client).len() < DOCS {
            assert!(watch.elapsed() < MINUTE, "the office's plan does not arrive");
            let _report = runtime.block_on(client.sync(SyncOptions::default())).unwrap();
        }
        Self { root, hub }
    }

    fn path(&self) -> &Path {
        self.root.path()
    }
}

/// Returns the visits of the office's plan.
fn visits(client: &Client) -> Vec<Visit> {
    let plans = client.all(Kind::Plan).unwrap();
    plans.iter().flat_map(|plan| client.visits(plan.document).unwrap()).collect()
}

fn by_name(client: &Client) -> BTreeMap<String, Visit> {
    visits(client).into_iter().map(|visit| (visit.name.clone(), visit)).collect()
}

/// Lives the day and prints what it cost.
pub(crate) fn report() {
    // The same day of another phone at another hub: counting its calls would spoil the times of this one.
    let counted = Scene::make();
    let [day, sync] = ["answers", "evening"].map(|part| traced(part, counted.path()));

    let scene = Scene::make();
    let answers = alone("answers", scene.path());
    let evening = alone("evening", scene.path());
    let (connected, idle) = std::thread::scope(|scope| {
        // Two connections with nothing to do are not in each other's way.
        let idle = scope.spawn(|| idle_syncs(counted.path()));
        (alone("connected", scene.path()), idle.join().unwrap())
    });
    drop(counted);
    let Scene { root, hub } = scene;
    assert!(hub.stop().success());
    expect_same(root.path());

    print_answers(&answers, day);
    print_energy(&answers, &evening, &connected, [day, sync, idle]);
    println!("\n## The day on disk\n");
    println!("| bytes of an inspection | journal | index |\n|---|---|---|");
    let docs = u32::try_from(DOCS).unwrap();
    stored::print_sizes("after the evening", &phone(root.path()), docs);
    let condensed = alone("condense-day", root.path());
    stored::print_sizes("after compaction", &phone(root.path()), docs);
    println!("\n{}", condensed["said"].as_str().unwrap());
    print_grades(&alone("grades", root.path()));
}

/// What a minute connected adds to a connection without it.
fn idle_syncs(root: &Path) -> Option<Synced> {
    let short = traced("connected-not", root)?;
    let long = traced("connected", root)?;
    let files = long.files.saturating_sub(short.files);
    Some(Synced { files, ranges: long.ranges.saturating_sub(short.ranges) })
}

/// Returns both counts as cells of a table.
fn syncs_cells(synced: Option<Synced>, show: impl Fn(u64) -> String) -> String {
    let unknown = || "no strace".to_owned();
    let of = |count: Option<u64>| count.map_or_else(unknown, &show);
    format!(
        "{} | {}",
        of(synced.map(|synced| synced.files)),
        of(synced.map(|synced| synced.ranges))
    )
}

fn print_answers(answers: &Value, synced: Option<Synced>) {
    let count = answers["count"].as_f64().unwrap();
    let of = |name: &str| answers["cost"][name].as_f64().unwrap() / count;
    println!("## An answer made durable\n\nEach of {count} answers, a note with every fifth.\n");
    println!(
        "| p50 ms | p99 ms | worst ms | CPU ms | wake-ups | fsyncs | index syncs | bytes written |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    println!(
        "| {} | {:.2} | {:.2} | {} | {:.0} |",
        cells(&answers["took"]),
        of("cpu") * 1000.0,
        of("wakeups"),
        syncs_cells(synced, |calls| format!("{:.2}", calls as f64 / count)),
        of("written")
    );
}

fn print_energy(answers: &Value, evening: &Value, connected: &Value, synced: [Option<Synced>; 3]) {
    println!("\n## What wears the battery down\n");
    print!("| | time s | CPU s | wake-ups | fsyncs | index syncs | bytes written ");
    println!("| bytes up | bytes down | datagrams |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let row = |what: &str, of: &Value, syncs: &str| {
        let cost = |name: &str| of["cost"][name].as_f64().unwrap();
        let count =
            |group: &str, name: &str| of[group][name].as_u64().map_or_else(|| "0".into(), grouped);
        let mut line = format!("| {what} | {:.2} | {:.2} ", cost("seconds"), cost("cpu"));
        write!(line, "| {} | {syncs} ", count("cost", "wakeups")).unwrap();
        write!(line, "| {} ", count("cost", "written")).unwrap();
        write!(line, "| {} | {} ", count("line", "up"), count("line", "down")).unwrap();
        println!("{line}| {} |", count("line", "datagrams"));
    };
    let [day, sync, idle] = synced.map(|synced| syncs_cells(synced, grouped));
    row("3,000 answers in 200 inspections, offline", answers, &day);
    row("one sync in the evening", evening, &sync);
    row("a minute connected, nothing to do", connected, &idle);
    println!(
        "\nThe evening took {} round trips; the hub signed for {} packs.",
        evening["round_trips"], evening["stored"]
    );
}

fn print_grades(grades: &Value) {
    println!("\n## A grade after an answer\n\n{} answers in inspections of 60.\n", grades["count"]);
    println!("| | p50 ms | p99 ms | worst ms | CPU ms |\n|---|---|---|---|---|");
    let row = |what: &str, name: &str| {
        let (took, cpu) = (cells(&grades[name]["took"]), grades[name]["cpu"].as_f64().unwrap());
        println!("| {what} | {took} | {cpu:.2} |");
    };
    row("the answer, durable", "answer");
    row("the screen after it, grade and explanation in it", "show");
    row("of that: load and read the inspection", "view");
    row("of that: grade and explain", "grade");
}

fn grade(answer: &str) -> Grade {
    match answer {
        "pass" => Grade::Pass,
        "fail" => Grade::Major,
        _ => Grade::NotApplicable,
    }
}

/// Gives the day's answers, each durable before the next, and checks that they read as they were given.
pub(crate) fn answers(root: &Path) -> Value {
    let (client, field) = (open(&phone(root), PHONE), field(root));
    let visits = by_name(&client);
    let mut took = Vec::new();
    let cost = Cost::now();
    for doc in 0..field.docs {
        let genesis = &visits[&office::name(doc)].genesis;
        for item in field.items_of(PHONE) {
            let row = field.answer(doc, item);
            let note = (!row.note.is_empty()).then_some(row.note);
            let draft = Draft { note, ..Draft::graded(grade(&row.answer)) };
            let watch = Stopwatch::start();
            let given = client.answer(genesis, &office::item(item), draft).unwrap();
            took.push(watch.elapsed());
            assert!(given.recorded.is_some(), "an answer that changes nothing");
        }
    }
    let cost = cost.since();
    assert_eq!(took.len(), 3_000);
    expect_answers(&client, &field);
    json!({ "count": took.len(), "took": spread(took), "cost": cost })
}

fn expect_answers(client: &Client, field: &Field) {
    let visits = by_name(client);
    for doc in 0..field.docs {
        let document = client.open_inspection(&visits[&office::name(doc)].genesis).unwrap();
        let inspection = document.view().inspection().unwrap();
        for number in field.items_of(PHONE) {
            let (row, item) = (field.answer(doc, number), office::item(number));
            let [said] = inspection.answers[&item].all() else { panic!("no one answer of {item}") };
            assert_eq!(said.value.grade, grade(&row.answer));
            let note = inspection.notes.get(&item).map(|note| note.trim_end());
            assert_eq!(note.unwrap_or_default(), row.note);
        }
    }
}

/// One exchange: the day goes up.
pub(crate) fn evening(root: &Path) -> Value {
    let (client, field) = (open(&phone(root), PHONE), field(root));
    let runtime = Runtime::new().unwrap();
    let cost = Cost::now();
    let report = runtime.block_on(client.sync(SyncOptions::default())).unwrap();
    let cost = cost.since();
    assert_eq!(client.phone().outbox().unwrap().len(), 0, "everything is on the hub");
    expect_answers(&client, &field);
    let stored = report.progress.stored;
    json!({ "cost": cost, "line": line(&report), "round_trips": report.round_trips, "stored": stored })
}

fn line(report: &SyncReport) -> Value {
    let traffic = report.traffic;
    json!({
        "up": traffic.bytes_sent, "down": traffic.bytes_received,
        "datagrams": traffic.datagrams_sent + traffic.datagrams_received,
    })
}

/// A connection with nothing to do, and the same without that minute: bytes are told when it ends.
pub(crate) fn connected(root: &Path, stay: Duration) -> Value {
    let client = Arc::new(open(&phone(root), PHONE));
    let runtime = Runtime::new().unwrap();
    // What the hub merged since the evening comes by the first.
    let _first = live(&client, &runtime, Duration::ZERO);
    let (_, short) = live(&client, &runtime, Duration::ZERO);
    let (cost, long) = live(&client, &runtime, stay);
    let more = |name: &str| {
        let of = |line: &Value| line[name].as_u64().unwrap();
        of(&long).saturating_sub(of(&short))
    };
    let line = json!({ "up": more("up"), "down": more("down"), "datagrams": more("datagrams") });
    json!({ "cost": cost, "line": line })
}

/// Stays connected for a while after all is said, and returns what that while cost.
fn live(client: &Arc<Client>, runtime: &Runtime, stay: Duration) -> (Value, Value) {
    let (stop, stopped) = watch::channel(false);
    let (tell, mut told) = mpsc::unbounded_channel();
    let live = Live {
        edited: Arc::new(Notify::new()),
        stop: stopped,
        observer: Arc::new(move |event| drop(tell.send(event))),
    };
    let options = SyncOptions { live: Some(live), ..SyncOptions::default() };
    let syncing = client.clone();
    let task = runtime.spawn(async move { syncing.sync(options).await.unwrap() });
    runtime.block_on(async {
        while !matches!(told.recv().await.unwrap(), SyncEvent::CaughtUp) {}
        tokio::time::sleep(SETTLING).await;
        let cost = Cost::now();
        tokio::time::sleep(stay).await;
        let cost = cost.since();
        stop.send_replace(true);
        (cost, line(&task.await.unwrap()))
    })
}

/// The hub and the phone hold the same records; neither may run.
fn expect_same(root: &Path) {
    let hub = scene::open_hub(&root.join("hub"));
    let client = open(&phone(root), PHONE);
    let visits = visits(&client);
    assert_eq!(visits.len(), DOCS);
    for visit in visits {
        let there = hub.replica().load(visit.document).unwrap();
        let here = client.phone().replica().load(visit.document).unwrap();
        assert_eq!(here.view().record().digest(), there.view().record().digest(), "{}", visit.name);
    }
}

/// Times and CPU of one thing that is done again and again.
#[derive(Default)]
struct Steps {
    took: Vec<Duration>,
    cpu: f64,
}

impl Steps {
    fn take<T>(&mut self, step: impl FnOnce() -> T) -> T {
        let cost = Cost::now();
        let watch = Stopwatch::start();
        let done = step();
        self.took.push(watch.elapsed());
        self.cpu += cost.since()["cpu"].as_f64().unwrap() * 1000.0;
        done
    }

    fn told(self) -> Value {
        let each = self.cpu / self.took.len() as f64;
        json!({ "took": spread(self.took), "cpu": each })
    }
}

/// Answers some inspections whole, then one item after the other otherwise, and looks at the grade each time.
pub(crate) fn grades(root: &Path) -> Value {
    let (client, field) = (open(&phone(root), PHONE), field(root));
    let visits = by_name(&client);
    let [mut answer, mut show, mut view, mut graded] = std::array::from_fn(|_| Steps::default());
    for doc in 0..GRADED {
        let genesis = &visits[&office::name(doc)].genesis;
        let give = |item: &str, grade| client.answer(genesis, item, Draft::graded(grade)).unwrap();
        for number in 0..field.items {
            let _ = give(&office::item(number), Grade::Pass);
        }
        for number in 0..GRADES_EACH {
            let item = office::item(number);
            let _ = answer.take(|| give(&item, Grade::Minor));
            let shown = show.take(|| client.show(genesis, None).unwrap());
            let minor = |key: &String| matches!(shown.view.answers[key].all(), [said] if said.value.grade == Grade::Minor);
            assert_eq!(shown.template.items().iter().filter(|key| minor(key)).count(), number + 1);
            let read =
                view.take(|| client.phone().view(genesis).unwrap().view().inspection().unwrap());
            let again = graded.take(|| {
                let settings = Settings::new(Date::nearest(clock::now()));
                let template = Arc::new(shown.template.clone());
                Grader::new(template, Answers::of_inspection(&read), settings).explain()
            });
            assert_eq!(again.0, shown.grade);
        }
    }
    json!({ "count": GRADED * GRADES_EACH, "answer": answer.told(), "show": show.told(), "view": view.told(),
        "grade": graded.told() })
}
