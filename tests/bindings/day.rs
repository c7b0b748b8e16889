//! Plays the steps of the day and compares what every phone says at its end.

use std::collections::BTreeMap;
use std::path::Path;

use bienban_core::clock::Stopwatch;
use serde_json::{Map, Value, json};

use crate::office::Office;
use crate::talk::{Answer, Phone};

/// The day.
const DAY: &str = include_str!("../../bindings/scenario/day.json");

/// Steps that are about the inspection.
const ABOUT: [&str; 15] = [
    "header",
    "step",
    "answer",
    "note",
    "finding",
    "resolve",
    "history",
    "send_back",
    "reply",
    "accept",
    "seal",
    "countersign",
    "show",
    "export",
    "heard",
];

/// Everybody who plays.
struct Stage {
    office: Office,
    phones: BTreeMap<String, Phone>,
    inspection: String,
    facility: String,
    root: std::path::PathBuf,
}

/// Plays the day in a folder, which stays if it is named.
pub(crate) fn play(programs: &BTreeMap<String, String>, keep: Option<&Path>) -> Result<(), String> {
    let watch = Stopwatch::start();
    let day: Value = serde_json::from_str(DAY).map_err(|error| error.to_string())?;
    let temporary = tempfile::tempdir().map_err(|error| error.to_string())?;
    let root = keep.unwrap_or_else(|| temporary.path());
    std::fs::create_dir_all(root).map_err(|error| error.to_string())?;
    let mut stage = Stage::open(&day, programs, root)?;
    for step in day["steps"].as_array().into_iter().flatten() {
        stage.step(step)?;
    }
    let told = stage.end();
    println!("{:.1} s", watch.elapsed().as_secs_f64());
    told
}

impl Stage {
    fn open(day: &Value, programs: &BTreeMap<String, String>, root: &Path) -> Result<Self, String> {
        let office = Office::open(root)?;
        let people = day["phones"].as_object().ok_or("a day without phones")?;
        let facility = day["facility"].as_str().unwrap_or_default().to_owned();
        let mut phones = BTreeMap::new();
        let mut team = Vec::new();
        for (who, person) in people {
            let program = programs.get(who).or_else(|| programs.get("*"));
            println!("{who}: {} ({})", person["name"], program.map_or("Rust", String::as_str));
            let mut phone = Phone::new(who, program, &root.join(format!("phone-{who}")))?;
            let device = office.enrol(&mut phone, person)?;
            if person["role"] != "supervisor" {
                team.push(device);
            }
            phones.insert(who.clone(), phone);
        }
        office.plan(&facility, &team)?;
        Ok(Self { office, phones, inspection: String::new(), facility, root: root.to_owned() })
    }

    fn step(&mut self, step: &Value) -> Result<(), String> {
        if let Some(said) = step["say"].as_str() {
            println!("- {said}");
            return Ok(());
        }
        let steps: Vec<Value> = match step["together"].as_array() {
            Some(steps) => steps.clone(),
            None => vec![step.clone()],
        };
        // Each phone does its own in order, all of them at the same time.
        let mut by_phone: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for step in steps {
            match step["who"].as_str() {
                Some("*") => {
                    let all = self.phones.keys().cloned();
                    all.for_each(|who| by_phone.entry(who).or_default().push(step.clone()));
                }
                Some(who) => by_phone.entry(who.to_owned()).or_default().push(step),
                None => return Err(format!("nobody does {step}")),
            }
        }
        let given = (self.inspection.clone(), self.facility.clone(), self.root.clone());
        let done: Vec<Result<Option<String>, String>> = std::thread::scope(|scope| {
            let phones = self.phones.iter_mut();
            let work = phones.filter_map(|(who, phone)| {
                let steps = by_phone.remove(who)?;
                let given = given.clone();
                Some(scope.spawn(move || steps_of(phone, &steps, given)))
            });
            let work: Vec<_> = work.collect();
            let ended = work.into_iter().map(|one| one.join());
            ended.map(|one| one.unwrap_or_else(|_| Err("a phone's thread".to_owned()))).collect()
        });
        for opened in done {
            if let Some(inspection) = opened? {
                self.inspection = inspection;
            }
        }
        Ok(())
    }

    /// Compares the digests of all, and checks the file that was exported.
    fn end(mut self) -> Result<(), String> {
        let client = self.office.digest(&self.inspection)?;
        println!("digest of {}", self.inspection);
        println!("  {client}  the Rust client");
        let mut differ = Vec::new();
        for (who, phone) in &mut self.phones {
            let shown = phone.done(&json!({"do": "show", "inspection": self.inspection}))?;
            let digest = shown["digest"].as_str().unwrap_or_default().to_owned();
            println!("  {digest}  {who}");
            if digest != client {
                differ.push(who.clone());
            }
            phone.done(&json!({"do": "close"}))?;
            if let Answer::Done(data) = phone.ask(&json!({"do": "sync"}))? {
                return Err(format!("{who} exchanges after it was closed: {data}"));
            }
        }
        let exported: Vec<_> = std::fs::read_dir(&self.root)
            .map_err(|error| error.to_string())?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "bienban"))
            .collect();
        for file in &exported {
            self.office.verify(file)?;
        }
        println!("{} exported file is valid", exported.len());
        match differ.is_empty() && !exported.is_empty() {
            true => {
                println!("equal: {} phones and the Rust client", self.phones.len());
                Ok(())
            }
            false => Err(format!("other digests on {}", differ.join(", "))),
        }
    }
}

/// Does the steps of one phone. Returns the inspection that it opened.
fn steps_of(
    phone: &mut Phone,
    steps: &[Value],
    (mut inspection, facility, root): (String, String, std::path::PathBuf),
) -> Result<Option<String>, String> {
    let mut opened = None;
    for step in steps {
        if let Some(killed) = step.get("kill") {
            phone.kill_in(&request(killed, &inspection, &facility, phone, &root))?;
            continue;
        }
        if step["do"] == "open" {
            phone.open()?;
            continue;
        }
        let request = request(step, &inspection, &facility, phone, &root);
        let answer = phone.ask(&request)?;
        let wanted = step["fails"].as_str();
        match (answer, wanted) {
            (Answer::Failed(error), Some(kind)) if error["kind"] == kind => check_error(&error)?,
            (Answer::Done(data), None) => {
                contains(&data, step.get("expect"))
                    .map_err(|why| format!("{}: {request}: {why}; it says {data}", phone.who))?;
                if let Some(id) = data["inspection"].as_str() {
                    inspection = id.to_owned();
                    opened = Some(id.to_owned());
                }
            }
            (answer, _) => return Err(format!("{}: {step}: {answer:?}", phone.who)),
        }
    }
    Ok(opened)
}

/// Turns a step into what a phone is asked.
fn request(step: &Value, inspection: &str, facility: &str, phone: &Phone, root: &Path) -> Value {
    let mut request: Map<String, Value> = step.as_object().cloned().unwrap_or_default();
    for key in ["who", "expect", "fails"] {
        request.remove(key);
    }
    let what = step["do"].as_str().unwrap_or_default();
    if ABOUT.contains(&what) {
        request.insert("inspection".to_owned(), inspection.into());
    }
    if what == "open_visit" {
        request.insert("facility".to_owned(), facility.into());
    }
    if what == "export" {
        let path = root.join(format!("record-{}.bienban", phone.who));
        request.insert("path".to_owned(), path.display().to_string().into());
    }
    Value::Object(request)
}

/// An error is told in both languages, with a code.
fn check_error(error: &Value) -> Result<(), String> {
    let says = |key: &str| error[key].as_str().is_some_and(|text| !text.is_empty());
    match ["next", "message_vi", "message_en", "report_id"].into_iter().find(|key| !says(key)) {
        None => Ok(()),
        Some(key) => Err(format!("an error without {key}: {error}")),
    }
}

/// Looks whether all that is expected is said: of an object each key, of anything else all of it.
fn contains(said: &Value, expected: Option<&Value>) -> Result<(), String> {
    match expected {
        None => Ok(()),
        Some(Value::Object(wanted)) => {
            wanted.iter().try_for_each(|(key, value)| match said.get(key) {
                Some(said) => contains(said, Some(value)),
                None => Err(format!("no {key}")),
            })
        }
        Some(wanted) if wanted == said => Ok(()),
        Some(wanted) => Err(format!("expected {wanted}, not {said}")),
    }
}
