//! What `field` and `admin` share: a device's folder, its making, and exchanges with the hub.

use std::path::{Path, PathBuf};

use bienban_core::client::{Client, ClientError, Settings};
use bienban_core::driver::{SyncOptions, SyncReport};
use bienban_core::model::DeviceId;
use bienban_core::net::HubAddress;
use bienban_core::sync::{AdminAnswer, AdminRequest};
use clap::Args;
use serde::Serialize;

use super::error::CliError;
use super::output::{Answer, Output, Page};
use super::wrong::Wrong;
use super::{time, words};

/// Where a new device finds its hub.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The hub and its key, as `bienban serve` prints them: bienban://HOST:PORT#KEY.
    #[arg(long, value_name = "ADDRESS")]
    hub: Option<String>,
}

/// A device, as `init` and `whoami` print it.
#[derive(Debug, Serialize)]
struct DeviceData {
    /// The device's public key.
    device: String,
    /// Where it lives.
    dir: PathBuf,
    /// The hub that it pins.
    hub: Option<String>,
    /// Whether the hub has told this device who it is.
    known: bool,
    name: Option<String>,
    agency: Option<String>,
    role: Option<&'static str>,
    scopes: Vec<String>,
    /// When the hub last refused this device, if it has not taken it in again since.
    refused_at: Option<String>,
    /// What an administrator runs so that the hub takes it in.
    trust_command: String,
}

/// Makes a device in a folder.
pub(super) fn init(dir: &Path, arguments: &InitArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let hub = arguments.hub.as_deref().map(read_hub).transpose()?;
    let device = Client::init(dir, &Settings { hub: hub.clone() })?;
    let data = DeviceData {
        device: device.to_string(),
        dir: dir.to_owned(),
        hub: hub.map(|hub| hub.to_string()),
        known: false,
        name: None,
        agency: None,
        role: None,
        scopes: Vec::new(),
        refused_at: None,
        trust_command: trust_command(device),
    };
    let mut page = Page::new();
    page.line(m.text("init.made", &[("dir", &dir.display().to_string())]));
    page.line(m.text("init.device", &[("device", &data.device)]));
    match &data.hub {
        Some(hub) => page.line(m.text("init.hub", &[("hub", hub)])),
        None => page.line(m.text("init.no_hub", &[])),
    }
    page.gap();
    page.line(m.text("init.trust", &[]));
    page.line(format!("  {}", data.trust_command));
    Answer::new(&data, page)
}

/// Says which device a folder holds, and what the hub knows of it.
pub(super) fn whoami(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let device = client.device();
    let entry = client.phone().replica().device(device).map_err(failed)?;
    let mut page = Page::new();
    page.line(m.text("init.device", &[("device", &device.to_string())]));
    if let Some(hub) = &client.settings().hub {
        page.line(m.text("init.hub", &[("hub", &hub.to_string())]));
    }
    match &entry {
        Some(entry) => page.line(m.text(
            "whoami.known",
            &[
                ("name", &entry.name),
                ("agency", &entry.agency),
                ("role", words::role(entry.role)),
                ("scopes", &scopes(&entry.scopes).join(" ")),
            ],
        )),
        None => {
            page.line(m.text("whoami.unknown", &[]));
            page.line(format!("  {}", trust_command(device)));
        }
    }
    let refused_at = client.refused_at()?.map(time::rfc3339);
    if let Some(at) = &refused_at {
        let at = time::minute(at);
        page.line(match &entry {
            Some(_) => m.text("whoami.ended", &[("time", &at)]),
            None => m.text("whoami.refused", &[("time", &at)]),
        });
    }
    let data = DeviceData {
        refused_at,
        device: device.to_string(),
        dir: client.dir().to_owned(),
        hub: client.settings().hub.as_ref().map(ToString::to_string),
        known: entry.is_some(),
        role: entry.as_ref().map(|entry| words::role(entry.role)),
        scopes: entry.as_ref().map(|entry| scopes(&entry.scopes)).unwrap_or_default(),
        name: entry.as_ref().map(|entry| entry.name.clone()),
        agency: entry.map(|entry| entry.agency),
        trust_command: trust_command(device),
    };
    Answer::new(&data, page)
}

/// Returns the codes of units.
pub(super) fn scopes(scopes: &[bienban_core::model::Scope]) -> Vec<String> {
    scopes.iter().map(ToString::to_string).collect()
}

/// Returns a store's failure as the command's.
pub(super) fn failed(error: bienban_core::store::StoreError) -> CliError {
    ClientError::from(error).into()
}

fn trust_command(device: DeviceId) -> String {
    format!(
        "bienban admin --dir DIR trust {device} --name NAME --agency AGENCY --role inspector --scope 20"
    )
}

fn read_hub(text: &str) -> Result<HubAddress, CliError> {
    let text = text.trim();
    let full = if text.contains("://") { text.to_owned() } else { format!("bienban://{text}") };
    full.parse().map_err(|source| Wrong::Hub { given: text.to_owned(), source }.into())
}

/// Exchanges everything with the hub once.
pub(super) async fn exchange(client: &Client, output: &Output) -> Result<SyncReport, CliError> {
    let spinner = output.spinner(output.messages().text("sync.running", &[]));
    let report = client.sync(SyncOptions::default()).await;
    spinner.finish_and_clear();
    report.map_err(|error| told(client, error))
}

/// Tells a device that was never enrolled from one whose rights have ended: the hub closes the door
/// to both alike, but only one of them knows itself from the hub's table.
pub(super) fn told(client: &Client, error: ClientError) -> CliError {
    let refused = client.refused_at().ok().flatten().is_some();
    let enrolled = client.phone().replica().device(client.device()).ok().flatten().is_some();
    match CliError::Client(error) {
        CliError::Client(source) if refused && enrolled => CliError::Ended { source },
        error => error,
    }
}

/// Asks the hub for something that only an administrator may.
pub(super) async fn ask(
    client: &Client,
    request: AdminRequest,
    output: &Output,
) -> Result<AdminAnswer, CliError> {
    let spinner = output.spinner(output.messages().text("sync.running", &[]));
    let report = client.sync(SyncOptions { live: None, asks: vec![request] }).await;
    spinner.finish_and_clear();
    match report.map_err(|error| told(client, error))?.answers.pop() {
        Some(AdminAnswer::Refused(failure)) => Err(CliError::Refused { failure }),
        Some(answer) => Ok(answer),
        None => Err(CliError::NoAnswer),
    }
}
