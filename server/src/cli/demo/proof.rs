//! The record as a file that proves itself, and what one changed byte does to that.

use serde::Serialize;
use serde_json::Value;

use super::super::error::{CliError, Failed};
use super::enrol::wrong;
use super::stage::{Player, Stage, number, text};
use super::story::{TEAM, Teller};

/// The byte that is changed lies in an answer: its grade, as the file spells it.
const CHANGED: &[u8] = b"\"grade\":\"minor\"";

/// How far into [`CHANGED`] it lies: a letter of the grade.
const LETTER: usize = 11;

/// The exported file and its checks, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Proof {
    bytes: u64,
    /// `bienban verify` found that all of it holds.
    valid: bool,
    /// How many things it proves.
    proved: usize,
    /// Where the byte was changed.
    changed_at: usize,
    /// `bienban verify` refused the changed file.
    refused: bool,
    /// What broke.
    faults: Vec<String>,
}

impl Proof {
    /// The file holds, and the changed one does not.
    pub(super) fn holds(&self) -> bool {
        self.valid && self.refused && !self.faults.is_empty()
    }
}

/// Exports the record on the leader's phone, checks it, changes a byte and checks again.
pub(super) async fn check(
    stage: &Stage,
    phones: &[Player],
    inspection: &str,
    tell: &Teller<'_>,
) -> Result<Proof, CliError> {
    let path = |name: &str| stage.root().join(name);
    let (file, head, bad) = (path("record.bienban"), path("phone-2.head"), path("changed.bienban"));
    let [file_text, head_text] = [&file, &head].map(|path| path.to_string_lossy().into_owned());
    stage.call(&phones[1], &["log", "head", &head_text]).await?;
    let words = ["export", inspection, "--proof", &file_text, "--head", &head_text];
    let bytes = number(&stage.call(&phones[0], &words).await?, "bytes");
    let values = [("name", TEAM[0].name), ("other", TEAM[1].name)];
    let count = bytes.to_string();
    tell.say("demo.exported", &[values[0], values[1], ("bytes", &count)])?;
    let (code, told) = stage.verify(&file, Some(&head)).await?;
    let valid = code == Some(0) && told.get("valid") == Some(&Value::Bool(true));
    let proved = list(&told, "proved");
    if valid {
        let count = proved.len().to_string();
        tell.say("demo.valid", &[("count", &count)])?;
        for line in &proved {
            tell.plain(&format!("    {}", line.as_str().unwrap_or_default()))?;
        }
    }
    let failed = |path: &std::path::Path| {
        let path = path.to_owned();
        move |source| CliError::File { path, source }
    };
    let mut held = std::fs::read(&file).map_err(failed(&file))?;
    let found = held.windows(CHANGED.len()).position(|some| some == CHANGED);
    let changed_at = found.ok_or_else(|| wrong("the exported record holds no answer"))? + LETTER;
    if let Some(byte) = held.get_mut(changed_at) {
        *byte ^= 1;
    }
    std::fs::write(&bad, held).map_err(failed(&bad))?;
    tell.say("demo.byte", &[("offset", &changed_at.to_string())])?;
    let (code, told) = stage.verify(&bad, None).await?;
    let refused = code == Some(i32::from(Failed::NotValid.code()))
        && told.get("valid") == Some(&Value::Bool(false));
    let faults = list(&told, "faults");
    for fault in &faults {
        tell.plain(&format!("    {}", text(fault, "message")))?;
    }
    let faults = faults.iter().map(|fault| text(fault, "fault")).collect();
    Ok(Proof { bytes, valid, proved: proved.len(), changed_at, refused, faults })
}

fn list(told: &Value, key: &str) -> Vec<Value> {
    told.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
}
