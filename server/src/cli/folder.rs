//! What `field` and `admin` share: a device's folder, its making, and exchanges with the hub.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bienban_core::client::{self, Client, ClientError, OpenWith, Settings};
use bienban_core::clock;
use bienban_core::driver::{SyncOptions, SyncReport};
use bienban_core::model::DeviceId;
use bienban_core::net::HubAddress;
use bienban_core::store::StoreError;
use bienban_core::sync::{AdminAnswer, AdminRequest, DeviceEntry};
use bienban_core::trust::Grant;
use bienban_core::trust::rest::StoreKey;
use clap::Args;
use serde::Serialize;

use super::error::CliError;
use super::field::keys;
use super::newfile::{NewFile, Overwrite};
use super::output::{Answer, Output, Page};
use super::wrong::Wrong;
use super::{causes, time, words};
use crate::hub;
use crate::messages::Messages;

/// How long a command waits for the folder while another has it: longer than an exchange on a usual
/// line takes, and no longer than a person waits without wondering.
pub(super) const FOLDER_PATIENCE: Duration = Duration::from_secs(5);

/// Where a new device finds its hub.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The hub and its key, as `bienban serve` prints them: bienban://HOST:PORT#KEY.
    #[arg(long, value_name = "ADDRESS")]
    hub: Option<String>,
}

/// What opens a device's folder.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// A file with the key that the folder is sealed under: 64 hexadecimal digits, readable by nobody else.
    #[arg(long, env = "BIENBAN_KEY_FILE", value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,

    /// A file whose first line is the passphrase that opens the folder, readable by nobody else.
    #[arg(long, env = "BIENBAN_PASSPHRASE_FILE", value_name = "FILE", global = true)]
    passphrase_file: Option<PathBuf>,
}

impl KeyArgs {
    /// Returns what was typed of it, for commands that go on at the same folder. What the environment says is there
    /// for them too.
    pub(super) fn words(&self) -> Vec<String> {
        let given = [
            ("--key-file", "BIENBAN_KEY_FILE", &self.key_file),
            ("--passphrase-file", "BIENBAN_PASSPHRASE_FILE", &self.passphrase_file),
        ];
        let typed = given.into_iter().filter_map(|(word, variable, path)| {
            let path = path.as_deref()?;
            let by_variable =
                std::env::var_os(variable).is_some_and(|said| Path::new(&said) == path);
            (!by_variable).then(|| [word.to_owned(), path.display().to_string()])
        });
        typed.flatten().collect()
    }

    /// Reads what was given.
    pub(super) fn read(&self) -> Result<Option<StoreKey>, CliError> {
        if self.key_file.is_some() && self.passphrase_file.is_some() {
            return Err(Wrong::TwoKeys.into());
        }
        keys::read(self.key_file.as_deref(), self.passphrase_file.as_deref())
    }
}

/// Which hub a device pins.
#[derive(Debug, Args)]
pub(super) struct HubArgs {
    /// Pin this hub, or say where it has moved: bienban://HOST:PORT#KEY, or HOST:PORT for the same key.
    #[arg(long, value_name = "ADDRESS")]
    set: Option<String>,
    /// The hub's key, where --set gives only HOST:PORT.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Take another key than the pinned one: another hub, trusted from now on instead of that one.
    #[arg(long, conflicts_with = "new_key")]
    other_key: bool,
    /// The key of this same hub was replaced: take the one given. The hub must show that the one before
    /// announced it; all that is known of the hub stays, and what was not sent is sent.
    #[arg(long)]
    new_key: bool,
    /// Write the announcements by which the hub's keys follow each other into a file, for `bienban verify
    /// --hub-keys`.
    #[arg(long, value_name = "FILE")]
    keys_to: Option<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
}

/// The hub that a device pins.
#[derive(Debug, Serialize)]
struct HubShown {
    /// Address and key in one text.
    hub: Option<String>,
    address: Option<String>,
    key: Option<String>,
    /// Whether this command changed it.
    changed: bool,
    /// All keys that are known to be this hub's, the oldest first.
    keys: Vec<HubKeyRow>,
    /// The file with the announcements, if one was written.
    keys_to: Option<PathBuf>,
}

/// One key of the hub's.
#[derive(Debug, Serialize)]
struct HubKeyRow {
    key: String,
    /// `pinned`, `before` or `announced`.
    state: &'static str,
    /// Since when it counts no more.
    replaced_at: Option<String>,
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
    /// How what lies in the folder is kept: `plain`, `own_key`, `key` or `passphrase`.
    protection: &'static str,
    /// Whether the hub has told this device who it is.
    known: bool,
    name: Option<String>,
    agency: Option<String>,
    /// The person who holds it.
    person: Option<String>,
    /// What the person may do now, each role once.
    role: Option<String>,
    scopes: Vec<String>,
    /// Each role with its unit and time.
    grants: Vec<GrantRow>,
    /// When the hub last refused this device, if it has not taken it in again since.
    refused_at: Option<String>,
    /// What an administrator runs so that the hub takes it in.
    trust_command: String,
    /// What the hub's operator runs, once, if it is the first administrator's; none of a phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    serve_command: Option<String>,
}

/// Whose device it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// An inspector's or a leader's.
    Field,
    /// An administrator's or a supervisor's.
    Desk,
}

/// Opens a device's folder for a command, which is what others are told who want it meanwhile. Most
/// commands are done in a moment, and an exchange in some seconds, so this one waits for as long.
pub(super) fn open(
    dir: &Path,
    key: Option<&StoreKey>,
    command: &str,
    output: &Output,
) -> Result<Client, CliError> {
    not_a_hub(dir)?;
    let with = OpenWith { key, holder: command, patience: Duration::ZERO };
    match Client::open_with(dir, with) {
        Err(ClientError::Store(error @ StoreError::InUse { .. })) => {
            let m = output.messages();
            let seconds = FOLDER_PATIENCE.as_secs().to_string();
            let why = causes::explain(&error, m);
            output.remark(&m.text("hint.waits", &[("why", &why), ("seconds", &seconds)]));
            Ok(Client::open_with(dir, OpenWith { patience: FOLDER_PATIENCE, ..with })?)
        }
        opened => Ok(opened?),
    }
}

/// Refuses the folder of a hub, before anything is written there.
pub(super) fn not_a_hub(dir: &Path) -> Result<(), CliError> {
    if hub::holds_hub(dir) {
        return Err(Wrong::HubFolder { path: dir.display().to_string() }.into());
    }
    Ok(())
}

/// Makes a device in a folder. Without a key it is sealed too, under one that lies in the folder.
pub(super) fn init(
    dir: &Path,
    arguments: &InitArgs,
    key: Option<&StoreKey>,
    at: At,
    output: &Output,
) -> Result<Answer, CliError> {
    not_a_hub(dir)?;
    let m = output.messages();
    let hub = arguments.hub.as_deref().map(read_hub).transpose()?;
    let settings = Settings { hub: hub.clone() };
    let device = make(dir, &settings, key)?;
    let protection = client::protection(dir)?;
    let data = DeviceData {
        device: device.to_string(),
        dir: dir.to_owned(),
        hub: hub.map(|hub| hub.to_string()),
        protection: words::protection_name(protection),
        known: false,
        name: None,
        agency: None,
        person: None,
        role: None,
        scopes: Vec::new(),
        grants: Vec::new(),
        refused_at: None,
        trust_command: trust_command(device, at),
        serve_command: serve_command(device, at),
    };
    let mut page = Page::new();
    page.line(m.text("init.made", &[("dir", &dir.display().to_string())]));
    page.line(m.text("init.device", &[("device", &data.device)]));
    match &data.hub {
        Some(hub) => page.line(m.text("init.hub", &[("hub", hub)])),
        None => page.line(m.text("init.no_hub", &[])),
    }
    page.line(words::protection(m, protection));
    page.gap();
    taking_in(&mut page, &data, m);
    Answer::new(&data, page)
}

/// Makes a device whose folder is sealed: under the key given, else under one of its own.
pub(super) fn make(
    dir: &Path,
    settings: &Settings,
    key: Option<&StoreKey>,
) -> Result<DeviceId, ClientError> {
    match key {
        Some(key) => Client::init_sealed(dir, settings, key),
        None => Client::init_with_own_key(dir, settings),
    }
}

/// Says what makes the hub take a device in: of a desk the first one is named by the hub's operator,
/// because no administrator is there yet who could enrol it.
fn taking_in(page: &mut Page, data: &DeviceData, m: &Messages) {
    match &data.serve_command {
        Some(command) => {
            page.line(m.text("init.first_admin", &[]));
            page.line(format!("  {command}"));
            page.line(m.text("init.trust_desk", &[]));
        }
        None => page.line(m.text("init.trust", &[])),
    }
    page.line(format!("  {}", data.trust_command));
}

/// Shows the hub that a device pins, or pins one.
pub(super) fn hub(
    client: &mut Client,
    arguments: &HubArgs,
    at: At,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let before = client.settings().hub.clone();
    let announcing = arguments.keys_to.as_deref();
    let announcing =
        announcing.map(|path| NewFile::begin(path, arguments.overwrite)).transpose()?;
    if let Some(given) = &arguments.set {
        let hub = typed_hub(given, arguments.key.as_deref(), before.as_ref())?;
        match arguments.new_key {
            true => client.replace_hub_key(hub)?,
            false => client.set_hub(hub, arguments.other_key)?,
        }
    } else if let Some(argument) = [
        arguments.key.as_ref().map(|_| "--key"),
        arguments.other_key.then_some("--other-key"),
        arguments.new_key.then_some("--new-key"),
    ]
    .into_iter()
    .flatten()
    .next()
    {
        return Err(Wrong::WithoutSet { argument }.into());
    }
    if let Some(file) = announcing {
        file.whole(client.hub_announcements()?.as_bytes())?;
    }
    let now = client.settings().hub.clone();
    let data = HubShown {
        hub: now.as_ref().map(ToString::to_string),
        address: now.as_ref().map(HubAddress::host_and_port),
        key: now.as_ref().map(|hub| hub.key().to_string()),
        changed: now != before,
        keys: hub_keys(client)?,
        keys_to: arguments.keys_to.clone(),
    };
    let mut page = Page::new();
    match (&data.hub, &data.address, &data.key) {
        (Some(hub), Some(address), Some(key)) => {
            page.line(m.text("init.hub", &[("hub", hub)]));
            page.line(m.text("hub.address", &[("address", address)]));
            page.line(m.text("hub.key", &[("key", key)]));
        }
        _ => page.line(m.text("init.no_hub", &[])),
    }
    for row in data.keys.iter().filter(|row| row.state != "pinned") {
        page.line(match (row.state, &row.replaced_at) {
            ("announced", _) => m.text("hub.key_announced", &[("key", &row.key)]),
            (_, Some(at)) => {
                m.text("hub.key_replaced", &[("key", &row.key), ("time", &time::minute(at))])
            }
            _ => m.text("hub.key_before", &[("key", &row.key)]),
        });
    }
    if let Some(path) = &data.keys_to {
        page.line(m.text("hub.keys_written", &[("path", &path.display().to_string())]));
    }
    if data.changed {
        page.line(m.text("hub.changed", &[]));
        if arguments.new_key {
            page.line(m.text("hub.new_key", &[]));
        } else if before.map(|hub| hub.key()) != now.map(|hub| hub.key()) {
            page.line(m.text("hub.other", &[]));
            page.line(format!("  {}", trust_command(client.device(), at)));
        }
    }
    Answer::new(&data, page)
}

/// Returns the keys that are known to be the hub's.
fn hub_keys(client: &Client) -> Result<Vec<HubKeyRow>, CliError> {
    let replica = client.phone().replica();
    let known = replica.hub_keys().map_err(failed)?;
    let before = known.before.iter().rev().map(|key| (*key, "before"));
    let pinned = known.pinned.into_iter().map(|key| (key, "pinned"));
    let after = known.after.iter().map(|key| (*key, "announced"));
    let mut rows = Vec::new();
    for (key, state) in before.chain(pinned).chain(after) {
        let replaced_at = replica.replaced_at(key).map_err(failed)?.map(time::rfc3339);
        rows.push(HubKeyRow { key: key.to_string(), state, replaced_at });
    }
    Ok(rows)
}

/// Reads the hub that `--set` and `--key` name; the pinned key stands in for one that is not given.
fn typed_hub(
    given: &str,
    key: Option<&str>,
    pinned: Option<&HubAddress>,
) -> Result<HubAddress, CliError> {
    let place = given.trim();
    if place.contains('#') && key.is_none() {
        return read_hub(place);
    }
    let wrong = |source| CliError::from(Wrong::Hub { given: given.to_owned(), source });
    let place = place.strip_prefix("bienban://").unwrap_or(place);
    let key = match (key, pinned) {
        (Some(key), _) => {
            key.trim().parse().map_err(|_| Wrong::HubKey { given: key.to_owned() })?
        }
        (None, Some(pinned)) => pinned.key(),
        (None, None) => return Err(Wrong::HubWithoutKey.into()),
    };
    HubAddress::parse(place, key).map_err(wrong)
}

/// Says which device a folder holds, and what the hub knows of it.
pub(super) fn whoami(client: &Client, at: At, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let device = client.device();
    let entry = client.phone().replica().device(device).map_err(failed)?;
    let refused_at = client.refused_at()?.map(time::rfc3339);
    let data = DeviceData {
        device: device.to_string(),
        dir: client.dir().to_owned(),
        hub: client.settings().hub.as_ref().map(ToString::to_string),
        protection: words::protection_name(client.protection()?),
        known: entry.is_some(),
        person: entry.as_ref().map(|entry| entry.person.to_string()),
        role: entry.as_ref().map(words::roles),
        scopes: entry.as_ref().map(units_now).unwrap_or_default(),
        grants: entry.as_ref().map(grants).unwrap_or_default(),
        name: entry.as_ref().map(|entry| entry.name.clone()),
        agency: entry.as_ref().map(|entry| entry.agency.clone()),
        refused_at,
        trust_command: trust_command(device, at),
        serve_command: serve_command(device, at),
    };
    let mut page = Page::new();
    page.line(m.text("init.device", &[("device", &data.device)]));
    if let Some(hub) = &data.hub {
        page.line(m.text("init.hub", &[("hub", hub)]));
    }
    match &entry {
        Some(entry) => known(&mut page, entry, m),
        None => {
            page.line(m.text("whoami.unknown", &[]));
            taking_in(&mut page, &data, m);
        }
    }
    if let Some(at) = &data.refused_at {
        let at = time::minute(at);
        page.line(match &entry {
            Some(_) => m.text("whoami.ended", &[("time", &at)]),
            None => m.text("whoami.refused", &[("time", &at)]),
        });
    }
    Answer::new(&data, page)
}

/// Says who a device is for the hub, with the roles that are in force, and which are not.
pub(super) fn known(page: &mut Page, entry: &DeviceEntry, m: &Messages) {
    let (role, units) = (words::role_text(m, &words::roles(entry)), units_now(entry).join(" "));
    let (name, agency) = (entry.name.as_str(), entry.agency.as_str());
    let values = [("name", name), ("agency", agency), ("role", &role), ("scopes", &units)];
    page.line(match units.is_empty() {
        true => m.text("whoami.no_role", &values),
        false => m.text("whoami.known", &values),
    });
    not_in_force(entry, m).iter().for_each(|line| page.line(line));
}

/// A role in a unit, for a time.
#[derive(Debug, Serialize)]
pub(super) struct GrantRow {
    role: &'static str,
    scope: String,
    from: Option<String>,
    until: Option<String>,
    /// It has begun and not ended.
    in_force: bool,
}

/// Returns what a holder may do, for data.
pub(super) fn grants(entry: &DeviceEntry) -> Vec<GrantRow> {
    let now = clock::now();
    let row = |grant: &Grant| GrantRow {
        role: words::role(grant.role),
        scope: grant.scope.to_string(),
        from: grant.from.map(time::rfc3339),
        until: grant.until.map(time::rfc3339),
        in_force: grant.is_in_force(now),
    };
    entry.grants.iter().map(row).collect()
}

/// Says of each grant that lets nothing now that it ended, or when it begins.
pub(super) fn not_in_force(entry: &DeviceEntry, m: &Messages) -> Vec<String> {
    let now = clock::now();
    let told = |grant: &Grant| {
        let (role, unit) = (words::role_text(m, words::role(grant.role)), grant.scope.to_string());
        let values = |day| [("role", role.clone()), ("unit", unit.clone()), ("day", day)];
        let (key, values) = match (grant.from, grant.until) {
            (_, Some(until)) if until <= now => {
                ("access.grant_over", values(time::last_day(until)))
            }
            (Some(from), _) if from > now => ("access.grant_to_come", values(time::day(from))),
            _ => return None,
        };
        Some(m.text(key, &values.each_ref().map(|(name, value)| (*name, value.as_str()))))
    };
    entry.grants.iter().filter_map(told).collect()
}

/// Returns the units in which a holder has a role now.
pub(super) fn units_now(entry: &DeviceEntry) -> Vec<String> {
    scopes(&entry.clone().in_force(clock::now()).scopes())
}

/// Returns the codes of units.
pub(super) fn scopes(scopes: &[bienban_core::model::Scope]) -> Vec<String> {
    scopes.iter().map(ToString::to_string).collect()
}

/// Returns a store's failure as the command's.
pub(super) fn failed(error: StoreError) -> CliError {
    ClientError::from(error).into()
}

fn trust_command(device: DeviceId, at: At) -> String {
    let role = match at {
        At::Field => "inspector",
        At::Desk => "supervisor",
    };
    format!(
        "bienban admin --dir DIR trust {device} --name NAME --agency AGENCY --role {role} --scope 20"
    )
}

/// Returns what the hub's operator runs for the first administrator; none for a phone, which is none.
fn serve_command(device: DeviceId, at: At) -> Option<String> {
    (at == At::Desk).then(|| format!("bienban serve --dir HUB --admin {device}"))
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
        // Those say themselves what has become of this device.
        CliError::Client(source @ (ClientError::Wiped | ClientError::RightsEnded { .. })) => {
            CliError::Client(source)
        }
        CliError::Client(source) if refused && enrolled && client.has_met_hub() => {
            CliError::Ended { source }
        }
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
    let options = SyncOptions { asks: vec![request], ..SyncOptions::default() };
    let report = client.sync(options).await;
    spinner.finish_and_clear();
    match report.map_err(|error| told(client, error))?.answers.pop() {
        Some(AdminAnswer::Refused(failure)) => Err(CliError::Refused { failure }),
        Some(answer) => Ok(answer),
        None => Err(CliError::NoAnswer),
    }
}

#[cfg(test)]
mod tests {
    use bienban_core::model::{PersonId, Timestamp};
    use bienban_core::sync::Role;

    use super::*;
    use crate::messages::Lang;

    #[test]
    fn a_hub_is_named_whole_or_by_what_changes_of_it() {
        let (one, two) = ("ab".repeat(32), "cd".repeat(32));
        let pinned: HubAddress = format!("bienban://old:1#{one}").parse().unwrap();
        let read = |given: &str, key: Option<&str>, pinned: Option<&HubAddress>| {
            typed_hub(given, key, pinned).map(|hub| hub.to_string())
        };
        let moved = format!("bienban://new:2#{one}");
        assert_eq!(read("new:2", None, Some(&pinned)).unwrap(), moved);
        assert_eq!(read("bienban://new:2", None, Some(&pinned)).unwrap(), moved);
        let other = format!("bienban://new:2#{two}");
        assert_eq!(read(&other, None, Some(&pinned)).unwrap(), other);
        assert_eq!(read("new:2", Some(&two), None).unwrap(), other);
        let wrong = |given: &str, key: Option<&str>| match read(given, key, None).unwrap_err() {
            CliError::Wrong(wrong) => wrong.to_string(),
            other => panic!("{other}"),
        };
        assert!(wrong("new:2", None).contains("no hub yet"));
        assert!(wrong("new:2", Some("12")).contains("64 hexadecimal"));
        assert!(wrong("new", Some(&two)).contains("bienban://HOST:PORT#KEY"));
        assert!(wrong("new:0", Some(&two)).contains("not a port"));
        // A key twice is no address.
        assert!(wrong(&other, Some(&two)).contains("--hub"));
    }

    #[test]
    fn only_what_is_in_force_is_told_as_held_and_the_rest_as_ended_or_to_come() {
        let grant = |role, from, until| Grant {
            from,
            until,
            ..Grant::always(role, "06325".parse().unwrap())
        };
        // 2020-01-02 00:00 in Vietnam: what ends then holds last on the first.
        let past = Some(Timestamp(1_577_898_000_000));
        let later = Some(Timestamp(clock::now().0 + 1_000_000));
        let device = DeviceId([1; 32]);
        let mut entry = DeviceEntry {
            device,
            person: PersonId::of_device(device),
            name: "N".to_owned(),
            agency: "A".to_owned(),
            grants: vec![
                grant(Role::Leader, None, past),
                grant(Role::Supervisor, later, None),
                grant(Role::Inspector, past, later),
            ],
            active: true,
        };
        let m = Messages::new(Lang::En);
        assert_eq!(words::roles(&entry), "inspector");
        let lines = not_in_force(&entry, &m);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], "ended: leader in 06325, until 2020-01-01");
        assert!(lines[1].starts_with("not in force yet: supervisor in 06325, from "), "{lines:?}");
        entry.grants.truncate(2);
        assert_eq!((words::roles(&entry).as_str(), units_now(&entry)), ("", vec![]));
        let mut page = Page::new();
        known(&mut page, &entry, &m);
        assert!(page.text().contains("without a role that is in force now"), "{}", page.text());
    }
}
