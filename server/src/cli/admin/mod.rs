//! `bienban admin`: what administrators and supervisors do, as a device of their own.
//!
//! Exchanges with the hub before a command, so that it decides on what is known there, and after it,
//! so that what it did arrives. `--offline` leaves both out.

mod audit;
mod backups;
mod checklists;
mod corrections;
mod desk;
mod devices;
mod import;
mod invite;
mod plans;
mod quarantine;
mod reviews;
mod rights;
mod status;

use std::path::PathBuf;

use bienban_core::client::Client;
use bienban_core::model::Kind;
use clap::{Args, Subcommand};

use self::desk::Desk;
use super::error::CliError;
use super::export::{self, ExportArgs};
use super::field::ShowArgs;
use super::folder::{self, At, HubArgs, InitArgs, KeyArgs};
use super::nearest;
use super::output::{Answer, Output};
use super::plan::{self, Team};
use super::rows::{self, ListArgs};
use super::troubles;
use super::wrong::Wrong;

/// Which device, and what to do with it.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    /// The folder of the administrator's or supervisor's device; only what is done on the hub's own machine
    /// (backup, check, restore) needs none.
    #[arg(long, env = "BIENBAN_ADMIN_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,

    #[command(flatten)]
    key: KeyArgs,

    /// Work on what is here, and send nothing yet. What only the hub can do is refused then.
    #[arg(long, global = true)]
    offline: bool,

    #[command(subcommand)]
    command: AdminCommand,
}

/// An inspection is named by the first digits of its id, or by the facility's code or name.
#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make a device: its key, and the hub that it pins.
    Init(InitArgs),
    /// Say which device this is, and what the hub knows of it.
    Whoami,
    /// Show the hub that this device pins, pin one, or say where it has moved.
    Hub(HubArgs),
    /// Invite a person's phone: shows a one-time code, as text and as a QR code.
    Invite(invite::InviteArgs),
    /// List the invitations of this device.
    Invitations,
    /// Confirm the phone that took an invitation up, by the six digits that it shows.
    Confirm(invite::ConfirmArgs),
    /// Tell the hub of a device, or change what it knows of one.
    Trust(devices::TrustArgs),
    /// List the devices that the hub knows.
    Devices,
    /// Give a person a role in a unit, for a time.
    Grant(rights::GrantArgs),
    /// Take a role back.
    Withdraw(rights::WithdrawArgs),
    /// End a device or a person for good: it may never exchange again.
    Revoke(rights::RevokeArgs),
    /// Say what a person may do with a kind of document in a unit.
    Access(rights::AccessArgs),
    /// Add checklists, or list them.
    #[command(subcommand)]
    Checklist(checklists::ChecklistCommand),
    /// Import from a file.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// List facilities.
    Facilities(ListArgs),
    /// Make plans.
    #[command(subcommand)]
    Plan(plans::PlanCommand),
    /// List plans, or show one with its visits.
    Plans {
        /// A plan, by the first digits of its id or its title.
        plan: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// List inspections, the most recently changed first.
    Inspections(ListArgs),
    /// Show an inspection: answers with authors, conflicts, findings, grade so far, review.
    Show(ShowArgs),
    /// Say, as the leader, who writes an inspection.
    Assign(super::field::seal::AssignArgs),
    /// Write a record with its evidence into a file, which `bienban verify` checks.
    Export(ExportArgs),
    /// Review an inspection: accept it, comment on it, or send it back.
    Review(reviews::ReviewArgs),
    /// Verify corrections, and list those that are overdue.
    #[command(subcommand)]
    Action(corrections::ActionCommand),
    /// List the difficulties that facilities and communes raised.
    Difficulties(corrections::DifficultiesArgs),
    /// Say how the hub is, and what waits there for what.
    Status(status::StatusArgs),
    /// Look at what the hub keeps aside, and decide as a supervisor what enters the record.
    #[command(subcommand)]
    Quarantine(quarantine::QuarantineCommand),
    /// Read the hub's log, and check that nobody has rewritten it.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Back up a hub on its own machine, while it runs: the whole journal and its keys. Again it copies only
    /// what is new.
    Backup(backups::BackupArgs),
    /// Check a backup, or the folder of a hub that does not run: every file, every record, its logs. Needs no
    /// network.
    Check(backups::CheckArgs),
    /// Put a backup back into a new folder: the hub of it begins anew, and phones give back what it lacks.
    Restore(backups::RestoreArgs),
}

impl AdminCommand {
    /// Whether it writes documents, which then have to travel.
    fn writes(&self) -> bool {
        match self {
            Self::Import(import) => import.writes(),
            Self::Plan(_) | Self::Review(_) | Self::Assign(_) => true,
            Self::Action(action) => action.writes(),
            _ => false,
        }
    }

    /// Whether it looks at what the hub has, or names things that must be here.
    fn reads(&self) -> bool {
        let own = matches!(self, Self::Init(_) | Self::Whoami | Self::Hub(_) | Self::Invitations);
        let asks = matches!(self, Self::Grant(_) | Self::Withdraw(_) | Self::Revoke(_));
        !own && !asks && !matches!(self, Self::Status(_) | Self::Trust(_) | Self::Audit(_))
    }

    /// What others are told who want the folder meanwhile.
    fn name(&self) -> &'static str {
        match self {
            Self::Import(_) => "bienban admin import",
            _ => "bienban admin",
        }
    }
}

/// Runs one command of an administrator's or supervisor's device.
pub(super) async fn run(arguments: AdminArgs, output: &Output) -> Result<Answer, CliError> {
    match arguments.command {
        AdminCommand::Backup(wanted) => return backups::backup(wanted, output).await,
        AdminCommand::Check(what) => return backups::check(what, output).await,
        AdminCommand::Restore(wanted) => return backups::restore(wanted, output).await,
        _ => {}
    }
    let dir = arguments.dir.clone().ok_or_else(|| {
        let what =
            output.messages().text("usage.missing_argument", &[("arguments", "--dir <DIR>")]);
        CliError::Usage { what }
    })?;
    let key = arguments.key.read()?;
    if let AdminCommand::Init(init) = &arguments.command {
        return folder::init(&dir, init, key.as_ref(), At::Desk, output);
    }
    let mut client = folder::open(&dir, key.as_ref(), arguments.command.name(), output)?;
    troubles::warn(&client, output);
    if let AdminCommand::Hub(hub) = &arguments.command {
        return folder::hub(&mut client, hub, At::Desk, output);
    }
    let command = arguments.command.name();
    let mut desk = Desk::new((&dir, key.as_ref()), command, client);
    let done = run_on(&mut desk, arguments, output).await;
    done.map_err(|error| match desk.held() {
        Some(client) => nearest::with_meant(error, client).with_room(&dir),
        None => error.with_room(&dir),
    })
}

async fn run_on(
    desk: &mut Desk<'_>,
    arguments: AdminArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let online = !arguments.offline;
    if online && arguments.command.reads() {
        folder::exchange(desk.open()?, output).await.inspect_err(|_| {
            output.remark(&output.messages().text("admin.nothing_done", &[]));
        })?;
    }
    let writes = arguments.command.writes();
    let answer = match arguments.command {
        AdminCommand::Invite(invite) => {
            invite::invite(desk, invite, needs_hub(online)?, output).await?
        }
        AdminCommand::Confirm(which) => {
            invite::confirm(desk, &which, needs_hub(online)?, output).await?
        }
        command => perform(command, desk.open()?, online, output).await?,
    };
    if writes && online {
        let report = folder::exchange(desk.open()?, output).await.inspect_err(|_| {
            // What was written is durable here; only its way to the hub is still open.
            output.remark(&output.messages().text("admin.recorded_here", &[]));
        })?;
        if report.progress.refused > 0 {
            output.remark(&output.messages().text("admin.set_aside", &[]));
            return Ok(answer.with_code(super::error::Failed::Refused.code()));
        }
    }
    Ok(answer)
}

async fn perform(
    command: AdminCommand,
    client: &Client,
    online: bool,
    output: &Output,
) -> Result<Answer, CliError> {
    use AdminCommand as C;
    match command {
        // All but the last are done before: by what holds the folder, or without any.
        C::Backup(_)
        | C::Check(_)
        | C::Restore(_)
        | C::Init(_)
        | C::Hub(_)
        | C::Invite(_)
        | C::Confirm(_)
        | C::Whoami => folder::whoami(client, At::Desk, output),
        C::Trust(trust) => devices::trust(client, trust, needs_hub(online)?, output).await,
        C::Invitations => invite::list(client, output),
        C::Devices => devices::list(client, output),
        C::Grant(grant) => rights::grant(client, grant, needs_hub(online)?, output).await,
        C::Withdraw(end) => rights::withdraw(client, end, needs_hub(online)?, output).await,
        C::Revoke(end) => rights::revoke(client, end, needs_hub(online)?, output).await,
        C::Access(asked) => rights::access(client, &asked, output),
        C::Checklist(checklists::ChecklistCommand::List) => rows::templates(client, output),
        C::Checklist(checklists::ChecklistCommand::Add { file }) => {
            checklists::add(client, &file, needs_hub(online)?, output).await
        }
        C::Checklist(checklists::ChecklistCommand::InForce { checklist, scope, from }) => {
            let what = (checklist.as_str(), scope, from.as_deref());
            checklists::put_in_force(client, what, needs_hub(online)?, output).await
        }
        C::Import(import) => import::run(client, &import, output),
        C::Facilities(list) => rows::documents(client, Kind::Facility, &list, output),
        C::Plan(plan) => plans::run(client, &plan, output),
        C::Plans { plan: Some(plan), .. } => plan::show(client, &plan, Team::Checked, output),
        C::Plans { plan: None, list } => rows::documents(client, Kind::Plan, &list, output),
        C::Inspections(list) => rows::inspections(client, &list, output),
        C::Show(show) => super::field::show(client, &show, output),
        C::Assign(arguments) => super::field::seal::assign(client, &arguments, output),
        C::Export(export) => export::run(client, &export, !online, output).await,
        C::Review(review) => reviews::run(client, &review, output),
        C::Action(action) => corrections::action(client, &action, output),
        C::Difficulties(which) => corrections::difficulties(client, &which, output),
        C::Status(asked) => status::status(client, &asked, needs_hub(online)?, output).await,
        C::Quarantine(command) => {
            quarantine::run(client, &command, needs_hub(online)?, output).await
        }
        C::Audit(command) => {
            if command.asks_hub() {
                needs_hub(online)?;
            }
            audit::run(client, &command, output).await
        }
    }
}

/// A proof that the hub may be asked.
#[derive(Clone, Copy)]
struct Online;

fn needs_hub(online: bool) -> Result<Online, CliError> {
    if online {
        return Ok(Online);
    }
    Err(Wrong::OnlyHub.into())
}
