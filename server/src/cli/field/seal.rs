//! Sealing minutes, signing sealed ones too, supplementing them, and who writes an inspection.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bienban_core::checklist::Day;
use bienban_core::checklist::grading::At;
use bienban_core::client::{Client, SealCheck, SealInput};
use bienban_core::model::{Genesis, LifeCycle, PersonId, clean};
use bienban_core::trust::seal::{Confirmer, Drawn, Ending, Presence, Refusal};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{EditData, drawing, unheard};
use crate::cli::course::{self, MissingData};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::record::minutes::{self, SealData};
use crate::cli::record::{self, AuthorData};
use crate::cli::wrong::{Wrong, something};
use crate::cli::{page, time, words};
use crate::messages::Messages;

/// The end of an inspection on the spot: the minutes, signed.
#[derive(Debug, Args)]
pub(super) struct SealArgs {
    /// The inspection.
    inspection: String,
    /// Only say what was heard of whom, and what stands in the way.
    #[arg(long)]
    check: bool,
    /// Who signs for the facility; with --refused who confirms the refusal.
    #[arg(long, value_name = "NAME", required_unless_present = "check")]
    name: Option<String>,
    /// The person's title, or as what the person is there.
    #[arg(long, value_name = "TEXT", required_unless_present = "check")]
    title: Option<String>,
    /// The person's drawn signature: a PNG, an SVG of lines and paths, or JSON of strokes. A record of
    /// presence, never a digital signature.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// The leader's own drawn signature, in the same forms.
    #[arg(long, value_name = "FILE")]
    leader_signature: Option<PathBuf>,
    /// The facility did not sign, for this reason; give who confirms that with --name and --as.
    #[arg(long, value_name = "REASON", requires = "confirmer")]
    refused: Option<String>,
    /// As what the person confirms the refusal: commune or witness.
    #[arg(long = "as", value_enum, requires = "refused")]
    confirmer: Option<As>,
    /// Why a device of the team was not heard, as DEVICE=REASON, by its first digits or its holder's name; a
    /// reason for all of them has no =.
    #[arg(long, value_name = "REASON")]
    not_heard: Vec<String>,
    /// The day of the minutes, as DD/MM/YYYY or YYYY-MM-DD. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    on: Option<Day>,
}

/// As what somebody confirms a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum As {
    /// Representative of the commune.
    Commune,
    /// Witness.
    Witness,
}

/// Sealed minutes to sign too.
#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// The inspection.
    inspection: String,
}

/// Sealed minutes to supplement.
#[derive(Debug, Args)]
pub(super) struct SupplementArgs {
    /// The inspection whose minutes are sealed.
    inspection: String,
}

/// Who writes an inspection.
#[derive(Debug, Args)]
pub(in crate::cli) struct AssignArgs {
    /// The inspection.
    inspection: String,
    /// Everybody who writes it, each by the first digits of a device or its holder's name.
    #[arg(required = true)]
    who: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MemberData {
    device: String,
    author: AuthorData,
    heard: bool,
    /// It is this device, which may sign as the leader's; it counts as heard.
    signs: bool,
    /// Of each line of the device its last change, and its place in the line.
    upto: Vec<UptoData>,
}

#[derive(Debug, Serialize)]
struct UptoData {
    seq: u64,
    change: String,
}

#[derive(Debug, Serialize)]
struct CheckData {
    inspection: String,
    state: Vec<&'static str>,
    heads: Vec<String>,
    digest: String,
    members: Vec<MemberData>,
    /// Places where values that differ stand: each blocks the seal.
    conflicts: Vec<String>,
    /// Lines whose author is not proven here yet.
    unproven: usize,
    /// What the step to signed minutes lacks.
    missing: Vec<MissingData>,
    supplements: Option<String>,
    /// The roles of this device, where none of them lets it seal; none where it may.
    not_leader: Option<String>,
    unanswered: UnansweredData,
    /// It could be sealed now, with a reason for each device that was not heard.
    ready: bool,
    seals: Vec<SealData>,
}

/// Items of the checklist without an answer that counts. They do not hinder the seal.
#[derive(Debug, Serialize)]
struct UnansweredData {
    count: usize,
    /// Of how many items that apply.
    of: usize,
    /// Which, in the order of the checklist.
    at: Vec<At>,
}

impl UnansweredData {
    fn of(check: &SealCheck) -> Self {
        let (listed, of) = &check.unanswered;
        Self { count: listed.count, of: *of, at: listed.at.clone() }
    }

    fn text(&self, m: &Messages) -> String {
        if self.count == 0 {
            return m.text("seal.all_answered", &[]);
        }
        let mut names: Vec<String> = self.at.iter().take(NAMED_MAX).map(named).collect();
        if self.count > names.len() {
            names.push("…".to_owned());
        }
        let (count, of) = (self.count.to_string(), self.of.to_string());
        let names = names.join(", ");
        m.text("seal.unanswered", &[("count", &count), ("of", &of), ("names", &names)])
    }
}

/// How many items without an answer a text names: a line, not a page.
const NAMED_MAX: usize = 8;

fn named(at: &At) -> String {
    let row = at.row.as_ref().and_then(|row| row.get(..page::SHORT));
    row.map_or_else(|| at.item.clone(), |row| format!("{row}/{}", at.item))
}

#[derive(Debug, Serialize)]
struct SealedData {
    inspection: String,
    seal: SealData,
    unanswered: UnansweredData,
    /// What a person should look at although it was recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SignedData {
    inspection: String,
    seal: String,
    act: String,
}

#[derive(Debug, Serialize)]
struct AssignedData {
    inspection: String,
    persons: Vec<String>,
    names: Vec<String>,
    act: String,
    /// What a person should look at although it was recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Checks or seals an inspection.
pub(super) fn seal(
    client: &Client,
    arguments: &SealArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let check = client.seal_check(&inspection)?;
    if arguments.check {
        return checked(client, &inspection, &check, m);
    }
    let reasons = unheard::reasons(&check.members, &arguments.not_heard)?;
    let input = SealInput {
        ending: ending(arguments)?,
        leader_drawn: drawn(arguments.leader_signature.as_ref())?,
        unheard: reasons.of,
        on: arguments.on,
    };
    let id = client.seal(&inspection, input)?;
    let unused = |reason: &String| m.text("seal.unused_reason", &[("reason", &clean(reason))]);
    let warnings: Vec<String> = reasons.unused.iter().map(unused).collect();
    for warning in &warnings {
        output.remark(warning);
    }
    let minutes = client.phone().replica().minutes(inspection.document());
    let minutes = minutes.map_err(bienban_core::client::ClientError::from)?;
    let held = minutes.standing.into_iter().chain(minutes.others).find(|held| held.id == id);
    let Some(held) = held else { return Err(Wrong::Empty.into()) };
    let data = minutes::seal(client, &held)?;
    let mut page = Page::new();
    page.line(m.text("seal.done", &[("code", &id.short())]));
    minutes::text(&mut page, &data, m);
    let unanswered = UnansweredData::of(&check);
    page.line(unanswered.text(m));
    page.line(m.text("seal.next", &[]));
    let inspection = inspection.document().to_string();
    Answer::new(&SealedData { inspection, seal: data, unanswered, warnings }, page)
}

fn ending(arguments: &SealArgs) -> Result<Ending, CliError> {
    let said = |argument: &'static str, text: &Option<String>| {
        something(text.as_deref().unwrap_or_default())
            .map_err(|_| Wrong::EmptyArgument { argument })
    };
    let person = Presence {
        name: said("--name", &arguments.name)?,
        title: said("--title", &arguments.title)?,
        drawn: drawn(arguments.signature.as_ref())?,
    };
    if arguments.refused.is_none() {
        return Ok(Ending::Signed(person));
    }
    let confirmer = match arguments.confirmer {
        Some(As::Commune) => Confirmer::Commune,
        _ => Confirmer::Witness,
    };
    let reason = said("--refused", &arguments.refused)?;
    Ok(Ending::Refused(Refusal { reason, confirmed: vec![(confirmer, person)] }))
}

fn drawn(path: Option<&PathBuf>) -> Result<Option<Drawn>, CliError> {
    path.map(|path| drawing::read(path)).transpose()
}

fn checked(
    client: &Client,
    inspection: &Genesis,
    check: &SealCheck,
    m: &Messages,
) -> Result<Answer, CliError> {
    let life = client.life(inspection, None)?;
    let step = life.next.iter().find(|step| step.to == LifeCycle::MinutesSigned);
    let missing = step.map(|step| step.missing.as_slice()).unwrap_or_default();
    let mut missing: Vec<_> = missing.iter().map(|one| MissingData::of(one, m)).collect();
    let conflicts: Vec<String> =
        check.conflicts.iter().map(|open| bienban_core::client::place_name(&open.place)).collect();
    let mut seals = Vec::new();
    for held in check.minutes.standing.iter().chain(&check.minutes.others) {
        seals.push(minutes::seal(client, held)?);
    }
    let signed = [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused];
    let steps = step.is_some() || check.without_step;
    let stands = steps || signed.iter().any(|state| check.states == [*state]);
    let sealed = check.minutes.is_sealed();
    if let ([state], false, false) = (&check.states[..], stands, sealed) {
        missing.push(MissingData::no_step(state.name(), LifeCycle::MinutesSigned.name(), m));
    }
    let free = conflicts.is_empty() && check.unproven == 0 && missing.is_empty();
    let free = free && check.not_leader.is_none();
    let data = CheckData {
        inspection: inspection.document().to_string(),
        state: check.state_names.clone(),
        heads: check.heads.iter().map(ToString::to_string).collect(),
        digest: hex::encode(check.digest),
        members: check.members.iter().map(member).collect(),
        conflicts,
        unproven: check.unproven,
        missing,
        supplements: check.supplements.map(|seal| seal.to_string()),
        not_leader: check.not_leader.clone(),
        unanswered: UnansweredData::of(check),
        ready: stands && free && !sealed,
        seals,
    };
    let mut page = Page::new();
    check_text(&mut page, &data, sealed, m);
    if let Some(role) = &data.not_leader {
        page.line(not_leader(client, inspection, role, m));
    }
    page.line(verdict(&data, check, m));
    Answer::new(&data, page)
}

/// Says whether it can be sealed, or that it is.
fn verdict(data: &CheckData, check: &SealCheck, m: &Messages) -> String {
    if check.minutes.standing.is_some() {
        // The one that counts stands first.
        if let Some(seal) = data.seals.first() {
            let (name, leader) =
                (seal.official.as_ref().unwrap_or(&seal.code), page::who(&seal.leader, m));
            return m.text("seal.sealed", &[("name", name), ("leader", &leader)]);
        }
    }
    if let Some(seal) = check.minutes.missing.first() {
        return m.text("seal.sealed_elsewhere", &[("name", &seal.short())]);
    }
    m.text(if data.ready { "seal.ready" } else { "seal.not_ready" }, &[])
}

fn member(member: &bienban_core::client::MemberCheck) -> MemberData {
    let upto = member.heard.iter();
    MemberData {
        device: member.device.to_string(),
        author: record::author_data(member.author.clone()),
        heard: !member.is_silent(),
        signs: member.signs,
        upto: upto.map(|line| UptoData { seq: line.seq, change: line.hash.to_string() }).collect(),
    }
}

fn check_text(page: &mut Page, data: &CheckData, sealed: bool, m: &Messages) {
    page.line(m.text("seal.team", &[]));
    for member in &data.members {
        let who = page::who(&member.author, m);
        let device = &member.device[..page::SHORT];
        let edits: u64 = member.upto.iter().map(|line| line.seq).sum();
        let edits = edits.to_string();
        let values = [("device", device), ("who", who.as_str()), ("count", edits.as_str())];
        let key = match (member.heard, sealed) {
            (true, _) if member.upto.is_empty() => "seal.signs",
            (true, _) => "seal.heard",
            (false, false) => "seal.not_heard",
            (false, true) => "seal.not_heard_then",
        };
        page.line(format!("  {}", m.text(key, &values)));
    }
    for place in &data.conflicts {
        page.line(m.text("seal.conflict", &[("place", place)]));
    }
    if data.unproven > 0 {
        page.line(m.text("seal.unproven", &[("count", &data.unproven.to_string())]));
    }
    for one in &data.missing {
        page.line(course::missing_text(one, m));
    }
    for seal in &data.seals {
        minutes::text(page, seal, m);
    }
    page.line(data.unanswered.text(m));
    page.line(m.text("seal.digest", &[("digest", &data.digest)]));
}

/// Says that this device may not seal, and by which command it may.
fn not_leader(client: &Client, inspection: &Genesis, role: &str, m: &Messages) -> String {
    let unit = inspection.scope.to_string();
    let command = words::grant_leader(&client.device().to_string(), &unit);
    let role = words::role_text(m, role);
    m.text("seal.not_leader", &[("role", &role), ("unit", &unit), ("command", &command)])
}

/// Signs sealed minutes too, as a member of the team.
pub(super) fn sign(
    client: &Client,
    arguments: &SignArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let (seal, act) = client.countersign(&inspection)?;
    let mut page = Page::new();
    page.line(m.text("seal.countersigned", &[("code", &seal.short())]));
    page.line(m.text("seal.next", &[]));
    let inspection = inspection.document().to_string();
    Answer::new(&SignedData { inspection, seal: seal.to_string(), act: act.to_string() }, page)
}

/// Begins a supplementary record.
pub(super) fn supplement(
    client: &Client,
    arguments: &SupplementArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let (genesis, outcome) = client.supplement(&inspection)?;
    let id = genesis.document().to_string();
    let done = m.text("seal.supplement", &[("id", &id[..page::SHORT])]);
    EditData::of(client, &genesis, &outcome, m).answer(done, output)
}

/// *Phân công*: says who writes an inspection.
pub(in crate::cli) fn assign(
    client: &Client,
    arguments: &AssignArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let mut persons: BTreeMap<PersonId, String> = BTreeMap::new();
    for who in &arguments.who {
        let found = client.find_person(who)?;
        persons.insert(found.person, found.name);
    }
    let whom: Vec<PersonId> = persons.keys().copied().collect();
    let left_out = client.leaders_left_out(&inspection, &whom)?;
    let warning = |name: &String| m.text("seal.leader_left_out", &[("name", name)]);
    let warnings: Vec<String> = left_out.iter().map(warning).collect();
    for warning in &warnings {
        output.remark(warning);
    }
    let act = client.assign(inspection.document(), whom)?;
    let mut page = Page::new();
    let names: Vec<String> = persons.values().cloned().collect();
    page.line(m.text("seal.assigned", &[("names", &names.join(", "))]));
    page.line(m.text("seal.next", &[]));
    let data = AssignedData {
        inspection: inspection.document().to_string(),
        persons: persons.keys().map(ToString::to_string).collect(),
        names,
        act: act.to_string(),
        warnings,
    };
    Answer::new(&data, page)
}
