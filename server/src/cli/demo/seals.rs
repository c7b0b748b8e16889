//! The minutes: signed on the leader's phone with no network, registered by the hub, and what a phone
//! wrote that had not heard of it.

use serde::Serialize;
use serde_json::Value;

use super::super::error::CliError;
use super::super::words;
use super::enrol::wrong;
use super::stage::{Player, Stage, text};
use super::story::{self, FACILITY, TEAM, Teller};

/// Who signs for the producer. Invented, as everybody.
const OWNER: (&str, &str) = ("Hà Văn Bình", "Chủ cơ sở");

/// The signature that the owner draws on the leader's screen.
const STROKES: &str = r#"{"width": 600, "height": 200, "strokes": [
  [[40, 120], [90, 40], [130, 150], [180, 60]], [[200, 110], [300, 90], [420, 120], [560, 50]]]}"#;

/// What the phone that had not heard of the seal answers, and where.
const LATE: (&str, &str) = ("8.2", "dat");

/// The seal, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Sealed {
    /// *Số biên bản*, by the hub.
    official: String,
    /// Digest of the record as it was sealed.
    digest: String,
    /// Who signed for the producer drew a signature.
    drawn: bool,
    /// What was written without sight of the seal.
    late: Vec<Late>,
}

/// One value that came late.
#[derive(Debug, Serialize)]
struct Late {
    item: String,
    grade: String,
    name: String,
    /// What the record says there.
    record: String,
}

/// Takes the inspection from its decision into the field, by the leader.
pub(super) async fn begin(
    stage: &Stage,
    leader: &Player,
    tell: &Teller<'_>,
) -> Result<(), CliError> {
    let plans = stage.call(leader, &["plans"]).await?;
    let plan = story::first_id(&plans).ok_or_else(|| wrong("no plan has arrived"))?;
    let opened = stage.call(leader, &["open", &plan, FACILITY]).await?;
    let inspection = text(&opened, "inspection");
    let mut lines = Vec::new();
    for (field, value) in [
        ("decision_signer", "Lương Thị Vân"),
        ("conduct_plan_approver", "Lương Thị Vân"),
        ("level", "commune"),
        ("facility_representative", OWNER.0),
    ] {
        lines.push(["header", &inspection, field, value].map(str::to_owned).to_vec());
    }
    for state in ["decided", "plan_approved", "announced", "in_field"] {
        lines.push(["state", &inspection, state].map(str::to_owned).to_vec());
    }
    stage.batch(leader, &lines).await?;
    tell.say("demo.begun", &[("name", TEAM[0].name)])
}

/// Seals the minutes on the leader's phone, and lets another one write that has not heard of it.
pub(super) async fn seal(
    stage: &Stage,
    phones: &[Player],
    inspection: &str,
    tell: &Teller<'_>,
) -> Result<(), CliError> {
    let file = stage.root().join("signature.json");
    std::fs::write(&file, STROKES)
        .map_err(|source| CliError::File { path: file.clone(), source })?;
    let file = file.to_string_lossy().into_owned();
    let (name, title) = OWNER;
    let words = ["seal", inspection, "--name", name, "--title", title, "--signature", &file];
    let done = stage.call(&phones[0], &words).await?;
    let digest = done.get("seal").map(|seal| text(seal, "content")).unwrap_or_default();
    let values = [("name", TEAM[0].name), ("person", name), ("title", title), ("digest", &digest)];
    tell.say("demo.sealed", &values)?;
    let (item, grade) = LATE;
    stage.call(&phones[3], &["answer", inspection, item, grade]).await?;
    let grade = words::grade_named(tell.messages(), "pass");
    let values = [("name", TEAM[3].name), ("item", item), ("grade", grade.as_str())];
    tell.say("demo.unaware", &values)
}

/// Shows the registered minutes, and what is kept beside them.
pub(super) async fn shown(
    stage: &Stage,
    phone: &Player,
    inspection: &str,
    tell: &Teller<'_>,
) -> Result<Sealed, CliError> {
    let shown = stage.call(phone, &["show", inspection]).await?;
    let minutes = shown.get("minutes").cloned().unwrap_or_default();
    let standing = minutes.get("standing").cloned().unwrap_or_default();
    if text(&standing, "state") != "registered" {
        return Err(wrong("the hub has not registered the minutes"));
    }
    let official = text(&standing, "official");
    tell.say("demo.registered", &[("official", &official)])?;
    let drawn = standing.pointer("/representative/drawn") == Some(&Value::Bool(true));
    let places = shown.pointer("/since_signed/places").and_then(Value::as_array);
    let mut late = Vec::new();
    for place in places.into_iter().flatten() {
        let item = text(place, "key");
        let by = place.pointer("/by/0/author").map(|author| text(author, "name"));
        let name = by.unwrap_or_default();
        // Kept: the history of the item holds it, though the record does not.
        let history = stage.call(phone, &["history", inspection, &item]).await?;
        let record = story::items(&shown).find(|held| text(held, "key") == item);
        let record = record.map(|held| text(held, "counts_as")).unwrap_or_default();
        let grade = newest(&history);
        let m = tell.messages();
        let (kept, counts) = (words::grade_named(m, &grade), words::grade_named(m, &record));
        let values = [("item", item.as_str()), ("name", &name), ("grade", &kept)];
        let values = [values[0], values[1], values[2], ("record", &counts)];
        tell.say("demo.late", &values)?;
        late.push(Late { item, grade, name, record });
    }
    Ok(Sealed { official, digest: text(&standing, "content"), drawn, late })
}

/// The grade of the last answer that a history lists.
fn newest(history: &Value) -> String {
    let rows = history.get("answers").and_then(Value::as_array);
    rows.and_then(|rows| rows.last()).map(|row| text(row, "grade")).unwrap_or_default()
}
