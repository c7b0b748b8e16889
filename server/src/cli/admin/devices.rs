//! The devices that the hub knows, and how the hub is.

use bienban_core::client::{Client, ClientError};
use bienban_core::model::{DeviceId, Scope, clean};
use bienban_core::replica::units;
use bienban_core::sync::{AdminRequest, DeviceEntry};
use clap::Args;
use serde::Serialize;

use super::Online;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::words::{self, TypedRole};
use crate::cli::wrong::Wrong;
use crate::cli::{folder, page};

/// A device and its holder.
#[derive(Debug, Args)]
pub(super) struct TrustArgs {
    /// The device's id, all 64 digits, as `init` prints it on the device.
    device: DeviceId,
    /// The holder's name, as others are shown it.
    #[arg(long)]
    name: String,
    /// The holder's agency.
    #[arg(long)]
    agency: String,
    /// What the holder is: inspector (member of a team), leader (of a team), supervisor (reviews),
    /// admin (enrols devices, publishes checklists, imports, plans) or auditor (reads only).
    #[arg(long, value_enum)]
    role: TypedRole,
    /// Administrative units whose records it may see and write: 5 digits a commune, 2 a province,
    /// 00 the country. May be given several times.
    #[arg(long = "scope", required = true, num_args = 1.., value_name = "CODE")]
    scopes: Vec<Scope>,
    /// Stop exchanging with the device.
    #[arg(long)]
    inactive: bool,
}

#[derive(Debug, Serialize)]
struct DevicesData {
    rows: Vec<DeviceRow>,
}

#[derive(Debug, Serialize)]
struct DeviceRow {
    device: String,
    name: String,
    agency: String,
    role: &'static str,
    scopes: Vec<String>,
    active: bool,
}

impl From<&DeviceEntry> for DeviceRow {
    fn from(entry: &DeviceEntry) -> Self {
        Self {
            device: entry.device.to_string(),
            name: entry.name.clone(),
            agency: entry.agency.clone(),
            role: words::role(entry.role),
            scopes: folder::scopes(&entry.scopes),
            active: entry.active,
        }
    }
}

/// Tells the hub of a device.
pub(super) async fn trust(
    client: &Client,
    arguments: TrustArgs,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    let mut scopes = arguments.scopes;
    if let Some(unknown) = scopes.iter().find(|scope| units().unit(scope).is_none()) {
        return Err(Wrong::UnknownUnit { code: unknown.to_string() }.into());
    }
    scopes.sort();
    scopes.dedup();
    let entry = DeviceEntry {
        device: arguments.device,
        name: clean(&arguments.name),
        agency: clean(&arguments.agency),
        role: arguments.role.into(),
        scopes,
        active: !arguments.inactive,
    };
    let row = DeviceRow::from(&entry);
    folder::ask(client, AdminRequest::TrustDevice(entry), output).await?;
    let mut page = Page::new();
    let m = output.messages();
    let values = [("device", &row.device[..page::SHORT]), ("name", row.name.as_str())];
    page.line(if row.active {
        m.text("admin.trusted", &values)
    } else {
        m.text("admin.untrusted", &values)
    });
    Answer::new(&row, page)
}

/// Lists the devices that the hub knows.
pub(super) fn list(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let entries = client.phone().replica().devices().map_err(ClientError::from)?;
    let rows: Vec<DeviceRow> = entries.iter().map(DeviceRow::from).collect();
    let mut page = Page::new();
    for row in &rows {
        let inactive = if row.active { String::new() } else { m.text("admin.inactive", &[]) };
        page.line(format!(
            "{}  {} ({})  {}  {} {inactive}",
            &row.device[..page::SHORT],
            row.name,
            row.agency,
            row.role,
            row.scopes.join(" ")
        ));
    }
    if rows.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    Answer::new(&DevicesData { rows }, page)
}
