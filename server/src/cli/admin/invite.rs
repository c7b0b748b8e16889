//! Invitations: a one-time code for one phone, and the confirmation of who claimed it.

use std::time::Duration;

use bienban_core::client::{Client, ClientError, Invited, Invitee};
use bienban_core::clock;
use bienban_core::model::{DeviceId, PersonId, Scope, clean};
use bienban_core::net::HubAddress;
use bienban_core::replica::units;
use bienban_core::sync::{AdminAnswer, AdminRequest, Role};
use bienban_core::trust::Grant;
use bienban_core::trust::enrolment::{CheckDigits, Claim, EnrolRefusal};
use clap::Args;
use serde::Serialize;

use super::Online;
use super::desk::Desk;
use super::devices::enter;
use crate::cli::enrolling::{self, EnrolError};
use crate::cli::error::{CliError, Failed};
use crate::cli::output::{Answer, Output, Page};
use crate::cli::words::{self, TypedRole};
use crate::cli::wrong::Wrong;
use crate::cli::{folder, page, qr, time, wrong};
use crate::messages::Messages;

/// How often the hub is asked whether a phone has claimed.
const POLL: Duration = Duration::from_secs(2);

/// Whom to invite.
#[derive(Debug, Args)]
pub(super) struct InviteArgs {
    /// A person who has a device already, by the first digits of one's id or by name: the new phone is
    /// that person's too, with the same rights.
    #[arg(long = "for", value_name = "WHO", conflicts_with_all = ["name", "agency", "role", "scopes"])]
    whose: Option<String>,
    /// The holder's name, as others are shown it.
    #[arg(long, value_parser = wrong::something, required_unless_present = "whose")]
    name: Option<String>,
    /// The holder's agency.
    #[arg(long, value_parser = wrong::something, required_unless_present = "whose")]
    agency: Option<String>,
    /// What the holder is: inspector, leader, supervisor, admin or auditor.
    #[arg(long, value_enum, required_unless_present = "whose")]
    role: Option<TypedRole>,
    /// Administrative units whose records the holder may see and write: 5 digits a commune, 2 a province,
    /// 00 the country. May be given several times.
    #[arg(long = "scope", num_args = 1.., value_name = "CODE", required_unless_present = "whose")]
    scopes: Vec<Scope>,
    /// Another address at which the phone may find the hub, for instance outside the office. May be given
    /// several times.
    #[arg(long = "address", value_name = "HOST:PORT")]
    addresses: Vec<String>,
    /// Wait until a phone has claimed, and ask for the six digits that it shows. Other commands may use the
    /// folder meanwhile.
    #[arg(long)]
    wait: bool,
}

/// Which claim to confirm.
#[derive(Debug, Args)]
pub(super) struct ConfirmArgs {
    /// The invitation, by the first digits of its name; not needed where there is only one.
    invitation: Option<String>,
    /// The six digits that the phone shows. Without them they are asked for at a terminal.
    #[arg(long, value_name = "DIGITS")]
    digits: Option<String>,
    /// Turn the claim down: the digits differ, or the phone is not the right one.
    #[arg(long, conflicts_with = "digits")]
    deny: bool,
}

#[derive(Debug, Serialize)]
struct InvitedData {
    event: &'static str,
    invitation: String,
    /// What the phone is shown; whoever holds it may claim.
    uri: String,
    until: String,
    name: String,
    agency: String,
    /// The person, where that one has a device already.
    person: Option<String>,
    /// What a person should look at although the invitation is open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ClaimedData {
    event: &'static str,
    invitation: String,
    device: String,
    /// How the phone names itself or its user; believed by nobody.
    label: String,
    digits: String,
    confirmed: bool,
    name: String,
    agency: String,
    person: Option<String>,
    /// What the person had when the invitation was made, and has no more: not given to this device.
    withdrawn_since: Vec<WithdrawnRow>,
}

#[derive(Debug, Serialize)]
struct WithdrawnRow {
    role: &'static str,
    scope: String,
}

#[derive(Debug, Serialize)]
struct InvitationsData {
    rows: Vec<InvitationRow>,
}

#[derive(Debug, Serialize)]
struct InvitationRow {
    invitation: String,
    name: String,
    agency: String,
    until: String,
    /// A phone may still claim it; a claim that came in time may be confirmed for a day.
    open: bool,
}

/// Opens an invitation and shows it; with `--wait` sees it through to the certificate.
pub(super) async fn invite(
    desk: &mut Desk<'_>,
    arguments: InviteArgs,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    let wait = arguments.wait;
    let (invited, data, page) = opened(desk.open()?, arguments, output).await?;
    if !wait {
        return Answer::new(&data, page);
    }
    output.event(&data, page.text().trim_end())?;
    let claim = wait_for_claim(desk, &invited, output).await?;
    settle(desk, &invited, &claim, Asked::Ask, output).await
}

async fn opened(
    client: &Client,
    arguments: InviteArgs,
    output: &Output,
) -> Result<(Invited, InvitedData, Page), CliError> {
    let more = addresses(client, &arguments.addresses)?;
    let invitee = invitee(client, arguments)?;
    let scope = invitee.grants.first().map(|grant| grant.scope.clone()).ok_or(Wrong::Empty)?;
    let prepared = client.prepare_invitation(scope)?;
    let answer = folder::ask(client, prepared.request(), output).await?;
    let AdminAnswer::Invited { until } = answer else { return Err(CliError::NoAnswer) };
    let only_here = more.iter().chain([&client.hub()?]).all(HubAddress::is_only_here);
    let invited = client.keep_invitation(prepared, invitee, until, more)?;
    let (mut data, page) = shown(&invited, output);
    if only_here {
        let hub = client.hub()?.host_and_port();
        let warning = output.messages().text("enrol.only_here", &[("hub", &hub)]);
        output.remark(&warning);
        data.warnings.push(warning);
    }
    Ok((invited, data, page))
}

/// Confirms a claim, or turns it down.
pub(super) async fn confirm(
    desk: &mut Desk<'_>,
    arguments: &ConfirmArgs,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    let client = desk.open()?;
    let invited = client.find_invitation(arguments.invitation.as_deref())?;
    if arguments.deny {
        deny(client, &invited, output).await?;
        let mut page = Page::new();
        page.line(output.messages().text("enrol.turned_down", &[]));
        let data = serde_json::json!({
            "event": "denied", "invitation": invited.id.to_string(), "confirmed": false,
        });
        return Answer::new(&data, page);
    }
    let asked = match &arguments.digits {
        Some(typed) => {
            let given = typed.clone();
            Asked::Typed(CheckDigits::parse(typed).ok_or(Wrong::CheckDigits { given })?)
        }
        None if enrolling::somebody_is_there() => Asked::Ask,
        None => Asked::OnlyShow,
    };
    match claim_of(client, &invited, output).await? {
        Ok(Some(claim)) => settle(desk, &invited, &claim, asked, output).await,
        Ok(None) => Err(EnrolError::NotClaimed.into()),
        Err(why) => {
            client.forget_invitation(invited.id)?;
            Err(EnrolError::Refused { why }.into())
        }
    }
}

/// Lists the invitations of this device.
pub(super) fn list(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let now = clock::now();
    let row = |invited: &Invited| InvitationRow {
        invitation: invited.id.to_string(),
        name: invited.invitee.name.clone(),
        agency: invited.invitee.agency.clone(),
        until: time::rfc3339(invited.uri.until()),
        open: now < invited.uri.until(),
    };
    let rows: Vec<InvitationRow> = client.invitations()?.iter().map(row).collect();
    let mut page = Page::new();
    for row in &rows {
        let until = time::minute(&row.until);
        let open = if row.open { m.text("enrol.open", &[("time", &until)]) } else { String::new() };
        let invitation = &row.invitation[..page::SHORT];
        page.line(format!("{invitation}  {} ({})  {open}", row.name, row.agency));
    }
    if rows.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    Answer::new(&InvitationsData { rows }, page)
}

/// What is known of the digits on the phone.
enum Asked {
    Typed(CheckDigits),
    Ask,
    OnlyShow,
}

/// Checks who made a claim, has the digits compared, and signs the certificate. The folder is free while the
/// digits are typed.
async fn settle(
    desk: &mut Desk<'_>,
    invited: &Invited,
    claim: &Claim,
    asked: Asked,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let Some(digits) = invited.judge(claim) else {
        return Err(turn_down(desk, invited, EnrolError::Swapped.into(), output).await);
    };
    let device = claim.device;
    let claimed = claimed(invited, claim, digits, false);
    let said = claimed_text(claim, m);
    let grouped = enrolling::grouped(digits);
    match asked {
        Asked::Typed(typed) if typed == digits => {}
        Asked::Typed(_) => return Err(EnrolError::Digits.into()),
        Asked::OnlyShow => {
            let mut page = Page::new();
            page.line(said);
            page.line(m.text("enrol.digits", &[("digits", &grouped)]));
            return Answer::new(&claimed, page);
        }
        Asked::Ask => {
            // The person reads them off the phone: what stands here too is confirmed without a look.
            output.event(&claimed, &said)?;
            desk.let_go();
            if let Err(error) = enrolling::ask(digits, output).await {
                return Err(turn_down(desk, invited, error, output).await);
            }
            look_again(desk.open_patiently(output)?, invited, claim, output).await?;
        }
    }
    let client = desk.open()?;
    let since = client.withdrawn_since(invited)?;
    let acts = client.confirm(invited, device)?;
    enter(client, &acts, device, output).await?;
    client.forget_invitation(invited.id)?;
    let known = client.phone().replica().device(device).map_err(ClientError::from)?;
    let person = known.map_or_else(|| PersonId::of_device(device), |known| known.person);
    let data = ClaimedData {
        event: "confirmed",
        confirmed: true,
        person: Some(person.to_string()),
        withdrawn_since: since
            .iter()
            .map(|grant| WithdrawnRow {
                role: words::role(grant.role),
                scope: grant.scope.to_string(),
            })
            .collect(),
        ..claimed
    };
    let mut page = Page::new();
    let values = [("name", invited.invitee.name.as_str()), ("device", &data.device[..page::SHORT])];
    page.line(m.text("enrol.confirmed", &values));
    for row in &data.withdrawn_since {
        let role = words::role_text(m, row.role);
        let values = [("role", role.as_str()), ("unit", &row.scope)];
        page.line(m.text("enrol.withdrawn_since", &values));
    }
    Answer::new(&data, page)
}

/// Asks the hub until a phone has claimed. The folder is free between two times.
async fn wait_for_claim(
    desk: &mut Desk<'_>,
    invited: &Invited,
    output: &Output,
) -> Result<Claim, CliError> {
    loop {
        let asked = match desk.open() {
            Ok(client) => claim_of(client, invited, output).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(Ok(Some(claim))) => return Ok(claim),
            Ok(Ok(None)) => {}
            Ok(Err(why)) => {
                desk.open()?.forget_invitation(invited.id)?;
                return Err(EnrolError::Refused { why }.into());
            }
            // A line that breaks is waited out, and so is another command in the folder: the hub says when the
            // invitation has ended.
            Err(error)
                if matches!(error.failed(), Failed::Network | Failed::InUse)
                    && clock::now() < invited.uri.until() => {}
            Err(error) => return Err(error),
        }
        desk.let_go();
        tokio::time::sleep(POLL).await;
    }
}

/// Says that a phone has claimed. Most phones give no name of their own.
fn claimed_text(claim: &Claim, m: &Messages) -> String {
    let device = claim.device.short();
    match claim.label.trim() {
        "" => m.text("enrol.claimed_unnamed", &[("device", &device)]),
        label => m.text("enrol.claimed", &[("label", label), ("device", &device)]),
    }
}

async fn claim_of(
    client: &Client,
    invited: &Invited,
    output: &Output,
) -> Result<Result<Option<Claim>, EnrolRefusal>, CliError> {
    match folder::ask(client, AdminRequest::Claimed(invited.id), output).await? {
        AdminAnswer::Claimed(claim) => Ok(claim),
        _ => Err(CliError::NoAnswer),
    }
}

/// Returns an error unless the claim whose digits were compared still stands: while they were typed another
/// command may have turned it down, or confirmed it.
async fn look_again(
    client: &Client,
    invited: &Invited,
    claim: &Claim,
    output: &Output,
) -> Result<(), CliError> {
    let held = is_held(client, invited)?;
    match claim_of(client, invited, output).await? {
        Ok(Some(stands)) if stands == *claim && held => Ok(()),
        Ok(Some(stands)) if stands == *claim => Err(EnrolError::Settled.into()),
        // A hub that was set back took another in its place.
        Ok(Some(_)) => Err(EnrolError::Digits.into()),
        Ok(None) => Err(EnrolError::NotClaimed.into()),
        Err(why) => {
            if held {
                client.forget_invitation(invited.id)?;
            }
            Err(EnrolError::Refused { why }.into())
        }
    }
}

/// Turns a claim down and returns why, or else why that cannot be: what was not turned down is said to stand.
async fn turn_down(
    desk: &mut Desk<'_>,
    invited: &Invited,
    why: CliError,
    output: &Output,
) -> CliError {
    let denied = match desk.open_patiently(output) {
        Ok(client) => match is_held(client, invited) {
            Ok(true) => deny(client, invited, output).await,
            // It may have been confirmed: nothing is turned down then.
            Ok(false) => return EnrolError::Settled.into(),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    let Err(error) = denied else { return why };
    let id = invited.id.short();
    output.remark(&output.messages().text("enrol.not_turned_down", &[("invitation", &id)]));
    error
}

/// Whether this device still has an invitation: it is forgotten once its claim was confirmed or turned down.
fn is_held(client: &Client, invited: &Invited) -> Result<bool, CliError> {
    Ok(client.invitations()?.iter().any(|one| one.id == invited.id))
}

async fn deny(client: &Client, invited: &Invited, output: &Output) -> Result<(), CliError> {
    folder::ask(client, AdminRequest::Deny(invited.id), output).await?;
    Ok(client.forget_invitation(invited.id)?)
}

fn shown(invited: &Invited, output: &Output) -> (InvitedData, Page) {
    let m = output.messages();
    let uri = invited.uri.reveal();
    let data = InvitedData {
        event: "invited",
        invitation: invited.id.to_string(),
        uri: uri.to_string(),
        until: time::rfc3339(invited.uri.until()),
        name: invited.invitee.name.clone(),
        agency: invited.invitee.agency.clone(),
        person: invited.invitee.person.map(|person| person.to_string()),
        warnings: Vec::new(),
    };
    let mut page = Page::new();
    let until = time::minute(&data.until);
    page.line(m.text("enrol.invited", &[("name", &data.name), ("time", &until)]));
    if let Some(code) = qr::drawn(&uri) {
        page.block(0, &code);
    }
    page.line(m.text("enrol.on_the_phone", &[]));
    page.line(format!("  bienban field --dir phone enrol '{}'", data.uri));
    page.line(m.text("enrol.secret", &[]));
    page.line(m.text("enrol.then", &[]));
    page.line(format!("  bienban admin --dir DIR confirm {}", &data.invitation[..page::SHORT]));
    (data, page)
}

fn claimed(invited: &Invited, claim: &Claim, digits: CheckDigits, confirmed: bool) -> ClaimedData {
    ClaimedData {
        event: "claimed",
        invitation: invited.id.to_string(),
        device: claim.device.to_string(),
        label: claim.label.clone(),
        digits: digits.to_string(),
        confirmed,
        name: invited.invitee.name.clone(),
        agency: invited.invitee.agency.clone(),
        person: invited.invitee.person.map(|person| person.to_string()),
        withdrawn_since: Vec::new(),
    }
}

/// Returns whom the invitation is for.
fn invitee(client: &Client, arguments: InviteArgs) -> Result<Invitee, CliError> {
    if let Some(whose) = &arguments.whose {
        let entry = client.find_person(whose)?;
        let held = client.phone().replica().person(entry.person).map_err(folder::failed)?;
        if held.revoked.is_some() {
            let (device, name) = (entry.device.short(), entry.name);
            return Err(CliError::Revoked { device, name, person: true });
        }
        let live = held.grants.into_values().filter(|held| held.withdrawn.is_none());
        let mut grants: Vec<Grant> = live.map(|held| held.grant).collect();
        grants.sort_unstable();
        grants.dedup();
        let (name, agency) = (entry.name, entry.agency);
        return Ok(Invitee { person: Some(entry.person), name, agency, grants });
    }
    let mut scopes = arguments.scopes;
    if let Some(unknown) = scopes.iter().find(|scope| units().unit(scope).is_none()) {
        return Err(Wrong::UnknownUnit { code: unknown.to_string() }.into());
    }
    scopes.sort();
    scopes.dedup();
    let (Some(name), Some(agency), Some(role)) = (arguments.name, arguments.agency, arguments.role)
    else {
        return Err(Wrong::Empty.into());
    };
    let role: Role = role.into();
    let grants = scopes.into_iter().map(|scope| Grant::always(role, scope)).collect();
    Ok(Invitee { person: None, name: clean(&name), agency: clean(&agency), grants })
}

/// Reads other addresses of the hub that this device pins.
fn addresses(client: &Client, typed: &[String]) -> Result<Vec<HubAddress>, CliError> {
    let key: DeviceId = client.hub()?.key();
    let read = |given: &String| {
        let place = given.trim();
        let place = place.strip_prefix("bienban://").unwrap_or(place);
        let place = place.split_once('#').map_or(place, |(place, _)| place);
        HubAddress::parse(place, key)
            .map_err(|source| Wrong::Hub { given: given.clone(), source }.into())
    };
    typed.iter().map(read).collect()
}
