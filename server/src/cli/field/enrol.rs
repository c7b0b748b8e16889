//! `field enrol`: takes up an invitation with a key that this device makes itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bienban_core::client::{self, Client, ClientError, Settings, holds_device};
use bienban_core::net::EnrolUri;
use bienban_core::trust::enrolment::{CheckDigits, EnrolAnswer};
use bienban_core::trust::rest::StoreKey;
use clap::Args;
use serde::Serialize;

use crate::cli::enrolling::{self, EnrolError};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::wrong::Wrong;
use crate::cli::{folder, qr, time, words};

/// What the text of an invitation begins with.
const START: &str = "bienban://enrol?";

/// An invitation, and how to take it up.
#[derive(Debug, Args)]
pub(super) struct EnrolArgs {
    /// The invitation that the administrator shows: bienban://enrol?…, in quotation marks.
    #[arg(value_name = "INVITATION", required_unless_present_any = ["image", "resume"])]
    uri: Option<String>,
    /// A picture of the invitation's QR code, PNG or JPEG.
    #[arg(long, value_name = "FILE", conflicts_with = "uri")]
    image: Option<PathBuf>,
    /// Go on with the invitation that this device has taken up, and wait for its administrator.
    #[arg(long, conflicts_with_all = ["uri", "image", "label"])]
    resume: bool,
    /// How this phone or you are called: the administrator is shown it with the claim.
    #[arg(long, default_value = "", value_name = "NAME")]
    label: String,
    /// How many seconds to wait for the administrator; go on later with --resume.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    wait: u64,
    /// Take another key than the pinned one: another hub, or one whose key was replaced.
    #[arg(long)]
    other_key: bool,
}

#[derive(Debug, Serialize)]
struct WaitingData {
    event: &'static str,
    device: String,
    /// What the administrator is told and types.
    digits: String,
    /// Until when the claim may be confirmed, by the hub's clock.
    until: String,
}

#[derive(Debug, Serialize)]
struct EnrolledData {
    event: &'static str,
    device: String,
    hub: String,
    name: Option<String>,
    agency: Option<String>,
    person: Option<String>,
    role: Option<String>,
    scopes: Vec<String>,
}

/// Takes an invitation up and waits for the administrator.
pub(super) async fn run(
    dir: &Path,
    arguments: EnrolArgs,
    key: Option<&StoreKey>,
    output: &Output,
) -> Result<Answer, CliError> {
    folder::not_a_hub(dir)?;
    let uri = match (&arguments.uri, &arguments.image) {
        (Some(text), _) => Some(read(text)?),
        (None, Some(path)) => Some(read(&qr::read(path, START)?)?),
        (None, None) => None,
    };
    if uri.is_some() && !holds_device(dir) {
        folder::make(dir, &Settings::default(), key)?;
        output.remark(&words::protection(output.messages(), client::protection(dir)?));
    }
    let mut client = folder::open(dir, key, "bienban field enrol", output)?;
    if let Some(uri) = &uri {
        pinned(&client, uri, arguments.other_key)?;
        client.begin_enrolment(uri, &arguments.label)?;
    } else if let Some(begun) = client.enrolment()? {
        pinned(&client, &begun.uri, arguments.other_key)?;
    }
    let device = client.device();
    let mut said = None;
    let answer = client
        .enrol(Duration::from_secs(arguments.wait), |answer, digits| {
            if said != Some(answer) && matches!(answer, EnrolAnswer::Waiting { .. }) {
                // The first word is enough: the digits stay the same.
                if said.is_none() {
                    waiting((device, arguments.wait), answer, digits, output);
                }
                said = Some(answer);
            }
        })
        .await?;
    match answer {
        EnrolAnswer::Admitted => admitted(&client, output).await,
        EnrolAnswer::Refused(why) => Err(EnrolError::Refused { why }.into()),
        EnrolAnswer::Waiting { .. } => Err(EnrolError::Waiting.into()),
    }
}

fn waiting(
    (device, seconds): (bienban_core::model::DeviceId, u64),
    answer: EnrolAnswer,
    digits: CheckDigits,
    output: &Output,
) {
    let EnrolAnswer::Waiting { until, .. } = answer else { return };
    let m = output.messages();
    let data = WaitingData {
        event: "waiting",
        device: device.to_string(),
        digits: digits.to_string(),
        until: time::rfc3339(until),
    };
    let grouped = enrolling::grouped(digits);
    let until = time::minute(&data.until);
    let seconds = seconds.to_string();
    let values = [("digits", grouped.as_str()), ("seconds", &seconds), ("time", &until)];
    let text = m.text("enrol.show_digits", &values);
    // Where the digits cannot be printed, nobody can compare them, and nothing is confirmed.
    drop(output.event(&data, &text));
}

/// Exchanges for the first time, and says who this device is.
async fn admitted(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    if let Err(error) = folder::exchange(client, output).await {
        output.remark(&error.in_one_line(m));
    }
    let known = client.phone().replica().device(client.device()).map_err(ClientError::from)?;
    let known = known.as_ref();
    let data = EnrolledData {
        event: "enrolled",
        device: client.device().to_string(),
        hub: client.hub()?.to_string(),
        name: known.map(|known| known.name.clone()),
        agency: known.map(|known| known.agency.clone()),
        person: known.map(|known| known.person.to_string()),
        role: known.map(words::roles),
        scopes: known.map(folder::units_now).unwrap_or_default(),
    };
    let mut page = Page::new();
    page.line(m.text("enrol.enrolled", &[("hub", &data.hub)]));
    if let Some(known) = known {
        folder::known(&mut page, known, m);
    }
    Answer::new(&data, page)
}

/// Another key than the pinned one is another hub; somebody must say that this is meant.
fn pinned(client: &Client, uri: &EnrolUri, other_key: bool) -> Result<(), CliError> {
    client.check_hub_key(uri.key())?;
    match client.settings().hub.as_ref().map(|hub| hub.key()) {
        Some(pinned) if pinned != uri.key() && !other_key => {
            Err(ClientError::OtherKey { pinned, given: uri.key() }.into())
        }
        _ => Ok(()),
    }
}

fn read(text: &str) -> Result<EnrolUri, CliError> {
    text.parse().map_err(|source| Wrong::Invitation { source }.into())
}
