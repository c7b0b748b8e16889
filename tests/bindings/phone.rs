//! The phone in Rust: the protocol of `bindings/scenario/README.md` on the facade that other languages use.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bienban_bindings::{
    AnswerDraft, Bienban, BienbanError, Changes, DrawnSignature, Enrolment, FindingDraft, Grade,
    KeyStore, KeyStoreError, ListQuery, NetworkHint, NextStep, Observer, ObserverError,
    OpenOptions, Point, Report, SealDraft, Settled, Severity, Signatory, StepDraft, Stroke,
    Subscription, SyncProgress, TextEdit, WipeOrder,
};
use serde_json::{Map, Value, json};

/// How long a phone waits for its folder: one that was killed may hold it for a moment.
const PATIENCE_MS: u64 = 10_000;

/// A key in a file beside the folder.
struct FileKeys(PathBuf);

impl KeyStore for FileKeys {
    fn load_key(&self, _name: String) -> Result<Option<Vec<u8>>, KeyStoreError> {
        match std::fs::read(&self.0) {
            Ok(key) => Ok(Some(key)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(KeyStoreError::Failed { reason: error.to_string() }),
        }
    }

    fn save_key(&self, _name: String, key: Vec<u8>) -> Result<(), KeyStoreError> {
        let failed = |error: std::io::Error| KeyStoreError::Failed { reason: error.to_string() };
        std::fs::write(&self.0, key).map_err(failed)
    }

    fn delete_key(&self, _name: String) -> Result<(), KeyStoreError> {
        drop(std::fs::remove_file(&self.0));
        Ok(())
    }
}

/// Looks for what an observer was told: so often, so far apart.
const LOOKS: (u32, Duration) = (300, Duration::from_millis(100));

/// Notes what it is told, and throws each time: that must disturb nobody.
#[derive(Default)]
struct Watching {
    inspections: Mutex<BTreeSet<String>>,
}

impl Observer for Watching {
    fn changed(&self, changes: Changes) -> Result<(), ObserverError> {
        let content = changes.documents.into_iter().filter(|one| one.content);
        self.inspections.lock().unwrap().extend(content.filter_map(|one| one.inspection));
        Err(ObserverError::Failed { reason: "on purpose".to_owned() })
    }

    fn sync_progress(&self, _progress: SyncProgress) -> Result<(), ObserverError> {
        Ok(())
    }

    fn wipe_ordered(&self, _order: WipeOrder) -> Result<(), ObserverError> {
        Ok(())
    }
}

/// One device, and what it does.
#[derive(Default)]
struct Phone {
    watching: Arc<Watching>,
    subscription: Option<Arc<Subscription>>,
    app: Option<Arc<Bienban>>,
    enrolment: Option<Arc<Enrolment>>,
}

/// Reads a step per line and answers a line, until the input ends.
pub(crate) fn run() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime without threads of its own starts");
    let mut phone = Phone::default();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let request: Value = serde_json::from_str(&line).unwrap();
        let mut answer = match runtime.block_on(phone.answer(&request)) {
            Ok(data) => json!({"ok": data}),
            Err(error) => json!({"error": told(error)}),
        };
        answer["id"] = request["id"].clone();
        println!("{answer}");
        drop(std::io::stdout().flush());
    }
    ExitCode::SUCCESS
}

/// Returns an error as the protocol tells it.
fn told(error: BienbanError) -> Value {
    use BienbanError as E;
    let (kind, report) = match error {
        E::Closed { report } => ("closed", report),
        E::Cancelled { report } => ("cancelled", report),
        E::Locked { report } => ("locked", report),
        E::Wiped { report } => ("wiped", report),
        E::RightsEnded { report, .. } => ("rights_ended", report),
        E::NotEnrolled { report } => ("not_enrolled", report),
        E::Network { report } => ("network", report),
        E::WrongHub { report } => ("wrong_hub", report),
        E::Refused { report } => ("refused", report),
        E::Full { report } => ("full", report),
        E::InUse { report } => ("in_use", report),
        E::NotFound { report } => ("not_found", report),
        E::Invalid { report } => ("invalid", report),
        E::NotAllowed { report } => ("not_allowed", report),
        E::Conflict { report } => ("conflict", report),
        E::NotReady { report, .. } => ("not_ready", report),
        E::Final { report } => ("final", report),
        E::Damaged { report } => ("damaged", report),
        E::Internal { report } => ("internal", report),
        other => panic!("the protocol has no name for {other:?}"),
    };
    let Report { message_vi, message_en, next, report_id, about } = report;
    let next = match next {
        NextStep::Retry => "retry",
        NextStep::Tell => "tell",
        NextStep::Report => "report",
    };
    json!({
        "kind": kind, "next": next, "message_vi": message_vi, "message_en": message_en,
        "report_id": report_id, "about": about,
    })
}

fn text(request: &Value, key: &str) -> String {
    request[key].as_str().unwrap_or_default().to_owned()
}

fn grade(name: &str) -> Grade {
    match name {
        "pass" => Grade::Pass,
        "minor" => Grade::Minor,
        "major" => Grade::Major,
        "serious" => Grade::Serious,
        "not_applicable" => Grade::NotApplicable,
        _ => Grade::Given,
    }
}

fn grade_name(grade: Grade) -> &'static str {
    match grade {
        Grade::Pass => "pass",
        Grade::Minor => "minor",
        Grade::Major => "major",
        Grade::Serious => "serious",
        Grade::NotApplicable => "not_applicable",
        Grade::Given => "given",
        Grade::Unanswered => "unanswered",
        Grade::Damaged => "damaged",
    }
}

fn draft(request: &Value) -> AnswerDraft {
    AnswerDraft {
        item: text(request, "item"),
        row: None,
        grade: grade(&text(request, "grade")),
        value: request["value"].as_str().map(str::to_owned),
        photos: Vec::new(),
        note: request["note"].as_str().map(str::to_owned),
    }
}

fn signed(request: &Value) -> SealDraft {
    let line = |points: &[(u32, u32)]| Stroke {
        points: points.iter().map(|&(x, y)| Point { x, y }).collect(),
    };
    let strokes = vec![line(&[(40, 120), (90, 40), (130, 150)]), line(&[(200, 110), (560, 50)])];
    SealDraft {
        person: Signatory {
            name: text(request, "name"),
            title: text(request, "title"),
            drawn: Some(DrawnSignature { width: 600, height: 200, strokes }),
        },
        refused: None,
        confirmed_by_commune: false,
        leader_drawn: None,
        not_heard: Some("Chưa ghi gì trong cuộc kiểm tra này.".to_owned()),
        on: None,
    }
}

impl Phone {
    fn app(&self) -> Arc<Bienban> {
        Arc::clone(self.app.as_ref().expect("the runner opens a phone first"))
    }

    async fn answer(&mut self, request: &Value) -> Result<Value, BienbanError> {
        let given = |key: &str| text(request, key);
        match given("do").as_str() {
            "open" => self.open(given("dir")).await,
            "enrol" => {
                let enrolment = self.app().enrol(given("uri"), given("label"), false).await?;
                let status = enrolment.wait_for_digits().await?;
                self.enrolment = Some(enrolment);
                Ok(json!({"digits": status.digits}))
            }
            "enrolled" => {
                let enrolment = self.enrolment.as_ref().expect("the runner enrols first");
                let me = enrolment.wait().await?;
                let roles: Vec<String> =
                    me.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
                Ok(json!({"name": me.name, "roles": roles}))
            }
            "network" => {
                let offline = request["offline"] == true;
                self.app().set_network(NetworkHint { offline, ..NetworkHint::default() })?;
                Ok(json!({}))
            }
            "sync" => {
                let done = self.app().sync().await?;
                Ok(json!({
                    "caught_up": done.caught_up, "sent": done.sent, "received": done.received,
                    "only_here": done.only_here,
                }))
            }
            "background" => {
                self.watching.inspections.lock().unwrap().clear();
                match request["on"] == true {
                    true => self.app().start_background_sync().await?,
                    false => self.app().stop_background_sync().await?,
                }
                Ok(json!({}))
            }
            "heard" => Ok(json!({"changed": self.hears(&given("inspection"))})),
            "ledger" => {
                let here = self.app().ledger().await?.only_here;
                Ok(json!({"only_here": here, "some_only_here": here > 0}))
            }
            "close" => {
                self.app().shutdown().await?;
                self.app().shutdown().await?;
                Ok(json!({}))
            }
            _ => self.about_inspection(request).await,
        }
    }

    /// Waits until the observer was told of an inspection. This thread has nothing else to do.
    fn hears(&self, inspection: &str) -> bool {
        let (looks, every) = LOOKS;
        (0..looks).any(|_| {
            std::thread::sleep(every);
            self.watching.inspections.lock().unwrap().contains(inspection)
        })
    }

    async fn open(&mut self, dir: String) -> Result<Value, BienbanError> {
        let keys = Arc::new(FileKeys(PathBuf::from(format!("{dir}.key"))));
        let options = OpenOptions { key_name: None, patience_ms: PATIENCE_MS };
        let app = Bienban::open(dir, keys, options).await?;
        let device = app.device()?;
        let watching = Arc::clone(&self.watching);
        self.subscription = Some(app.observe(watching).await?);
        self.app = Some(app);
        Ok(json!({"device": device}))
    }

    /// Steps that write to an inspection, or read one.
    async fn about_inspection(&self, request: &Value) -> Result<Value, BienbanError> {
        let given = |key: &str| text(request, key);
        let (app, inspection) = (self.app(), given("inspection"));
        let edited = match given("do").as_str() {
            "header" => app.set_header(inspection, given("field"), given("value")).await?,
            "step" => {
                let step = StepDraft { to: given("to"), on: None, reason: String::new() };
                app.take_step(inspection, step).await?
            }
            "answer" => app.answer(inspection, draft(request)).await?,
            "note" => {
                let edit = TextEdit::Append { line: given("line") };
                app.note(inspection, given("item"), edit).await?
            }
            "accept" => {
                let heads = app.inspection(inspection.clone()).await?.heads;
                app.accept(inspection, given("text"), heads, None).await?
            }
            _ => return self.about_other(request).await,
        };
        Ok(json!({"recorded": edited.recorded}))
    }

    async fn about_other(&self, request: &Value) -> Result<Value, BienbanError> {
        let given = |key: &str| text(request, key);
        let (app, inspection) = (self.app(), given("inspection"));
        Ok(match given("do").as_str() {
            "open_visit" => {
                let wanted = ListQuery { text: Some(given("facility")), ..ListQuery::default() };
                let found = app.facilities(wanted).await?;
                let plans = app.plans(ListQuery::default()).await?;
                let (plan, facility) = (plans.rows[0].id.clone(), found.rows[0].id.clone());
                json!({"inspection": app.open_visit(plan, facility, None).await?})
            }
            "finding" => {
                let severity = match given("severity").as_str() {
                    "minor" => Severity::Minor,
                    "major" => Severity::Major,
                    _ => Severity::Serious,
                };
                let (item, text) = (Some(given("item")), given("text"));
                let (row, clause, deadline_ms, unfixable) = (None, None, None, false);
                let draft =
                    FindingDraft { item, row, severity, text, clause, deadline_ms, unfixable };
                json!({"finding": app.add_finding(inspection, draft).await?})
            }
            "resolve" => match app.resolve_answer(inspection, draft(request)).await? {
                Settled::Now => json!({"settled": "now"}),
                Settled::Before => json!({"settled": "before"}),
            },
            "history" => {
                let answers = app.answer_history(inspection, given("item"), None).await?;
                json!({"answers": answers.len()})
            }
            "send_back" => {
                let (item, text) = (Some(given("item")), given("text"));
                json!({"id": app.send_back(inspection, item, text, Vec::new()).await?.id})
            }
            "reply" => {
                let review = app.inspection(inspection.clone()).await?.review;
                let requests = review.map(|review| review.requests).unwrap_or_default();
                let open = requests.into_iter().find(|one| !one.settled).unwrap();
                json!({"id": app.reply(inspection, open.id, given("text")).await?.id})
            }
            "seal" => json!({"seal": app.seal(inspection, signed(request)).await?}),
            "countersign" => json!({"seal": app.countersign(inspection).await?}),
            "export" => {
                let made = app.export_record(inspection, given("path"), false).await?;
                json!({"bytes": made.bytes, "unhelped": made.unhelped})
            }
            "show" => self.show(inspection).await?,
            other => panic!("the protocol has no {other}"),
        })
    }

    async fn show(&self, inspection: String) -> Result<Value, BienbanError> {
        let screen = self.app().inspection(inspection.clone()).await?;
        assert_eq!(self.app().digest(inspection).await?, screen.digest);
        let items = screen.sections.iter().flat_map(|section| &section.items);
        let counts: Map<String, Value> = items
            .filter_map(|item| Some((item.key.clone(), grade_name(item.counts_as?).into())))
            .collect();
        let requests = screen.review.as_ref().map(|review| review.requests.as_slice());
        let open = requests.unwrap_or_default().iter().filter(|one| !one.settled).count();
        let review = screen.review.as_ref();
        let minutes = screen.minutes.as_ref();
        Ok(json!({
            "digest": screen.digest,
            "states": screen.states.iter().map(|state| &state.key).collect::<Vec<_>>(),
            "conflicts": screen.conflicts.iter().map(|one| &one.place).collect::<Vec<_>>(),
            "items": counts,
            "findings": screen.findings.iter().filter(|finding| !finding.deleted).count(),
            "verdict": review.map_or("pending", |review| review.verdict.key.as_str()),
            "open_requests": open,
            "sealed": screen.sealed,
            "numbered": minutes.is_some_and(|minutes| minutes.official.is_some()),
        }))
    }
}
