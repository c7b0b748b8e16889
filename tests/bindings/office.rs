//! The administrator, the hub, and the Rust client that the phones are compared with: the program itself.

use std::path::{Path, PathBuf};

use bienban_tests::process::{HubProcess, free_port, run, text};
use serde_json::{Value, json};

use crate::talk::Phone;

/// Days that the plan lasts.
const DAYS: i64 = 4;

/// The hub and who administers it.
pub(crate) struct Office {
    root: PathBuf,
    _hub: HubProcess,
}

impl Office {
    /// Starts a hub with an administrator, a checklist and facilities.
    pub(crate) fn open(root: &Path) -> Result<Self, String> {
        let admin = root.join("admin");
        let made = said(&["admin", "--dir", text(&admin), "init"])?;
        let device = field(&made, "device")?;
        let hub = HubProcess::start(&root.join("hub"), free_port(), Some(&device));
        let uri = hub.uri.clone();
        let office = Self { root: root.to_owned(), _hub: hub };
        office.admin(&["hub", "--set", &uri])?;
        office.admin(&["checklist", "add", "tea"])?;
        let file = root.join("facilities.csv");
        std::fs::write(&file, bienban_server::import::SAMPLE_CSV)
            .map_err(|error| error.to_string())?;
        office.admin(&["import", "facilities", text(&file)])?;
        // The client that the phones are compared with: it writes nothing.
        let client = office.client();
        let made = said(&["field", "--dir", text(&client), "init", "--hub", &uri])?;
        let device = field(&made, "device")?;
        let mut words = vec!["trust", &device, "--name", "Dương Văn Lâm", "--agency", "Hội"];
        words.extend(["--role", "inspector", "--scope", "20"]);
        office.admin(&words)?;
        Ok(office)
    }

    fn client(&self) -> PathBuf {
        self.root.join("client")
    }

    fn admin(&self, words: &[&str]) -> Result<Value, String> {
        let dir = self.root.join("admin");
        said(&[&["admin", "--dir", text(&dir)], words].concat())
    }

    /// Enrols a phone by an invitation: both sides show the same six digits. Returns its device.
    pub(crate) fn enrol(&self, phone: &mut Phone, person: &Value) -> Result<String, String> {
        let who = phone.who.clone();
        let opened = phone.open()?;
        let of = |key: &str| person[key].as_str().unwrap_or_default();
        let mut words = vec!["invite", "--name", of("name"), "--agency", of("agency")];
        words.extend(["--role", of("role"), "--scope", "20"]);
        let invited = self.admin(&words)?;
        let (uri, invitation) = (field(&invited, "uri")?, field(&invited, "invitation")?);
        let label = format!("phone {who}");
        let shown = phone.done(&json!({"do": "enrol", "uri": uri, "label": label}))?;
        let digits = field(&shown, "digits")?;
        let seen = self.admin(&["confirm", &invitation])?;
        if field(&seen, "digits")? != digits {
            return Err(format!("the digits of {who} and of the administrator differ: {seen}"));
        }
        self.admin(&["confirm", &invitation, "--digits", &digits])?;
        let known = phone.done(&json!({"do": "enrolled"}))?;
        if known["name"] != person["name"] || known["roles"][0] != person["role"] {
            return Err(format!("{who} is enrolled as somebody else: {known}"));
        }
        field(&opened, "device")
    }

    /// Plans the visit: the first device leads, the others are members.
    pub(crate) fn plan(&self, facility: &str, devices: &[String]) -> Result<(), String> {
        let today = bienban_core::checklist::Day::nearest(bienban_core::clock::now());
        let last = today.plus_days(DAYS).unwrap_or(today).to_string();
        let today = today.to_string();
        let mut words = vec!["plan", "add", "--title", "Kiểm tra liên ngành cơ sở chè 2026"];
        words.extend(["--decision", "12/QĐ-UBND", "--decision-date", &today]);
        words.extend(["--from", &today, "--to", &last, "--template", "tea"]);
        words.extend(["--facility", facility]);
        for (at, device) in devices.iter().enumerate() {
            words.extend([if at == 0 { "--leader" } else { "--member" }, device]);
        }
        self.admin(&words).map(drop)
    }

    /// Returns the digest that the Rust client says the record has.
    pub(crate) fn digest(&self, inspection: &str) -> Result<String, String> {
        let dir = self.client();
        said(&["field", "--dir", text(&dir), "sync"])?;
        field(&said(&["field", "--dir", text(&dir), "show", inspection])?, "digest")
    }

    /// Checks an exported record with nothing but the file.
    pub(crate) fn verify(&self, file: &Path) -> Result<(), String> {
        said(&["verify", text(file)]).map(drop)
    }
}

fn said(words: &[&str]) -> Result<Value, String> {
    let ran = run(words.iter().copied());
    if ran.code == Some(0) {
        return Ok(ran.data);
    }
    Err(format!("{}: {}", words.join(" "), ran.errors))
}

fn field(data: &Value, key: &str) -> Result<String, String> {
    let text = data[key].as_str().ok_or_else(|| format!("no {key} in {data}"))?;
    Ok(text.to_owned())
}
