//! `bienban admin quarantine`: what the hub keeps aside, for those who decide of it. Looking at it puts
//! nothing into a record.

mod stopped;
mod written;

use bienban_core::client::{AsidePack, AsideShown, Client, ClientError, Named};
use bienban_core::driver::DriverError;
use bienban_core::model::{DeviceId, PersonId, Scope};
use bienban_core::replica::Lapsed;
use bienban_core::sync::{AsideEntry, QuarantineFilter, Verdict};
use bienban_core::trust::control::Judgement;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use self::stopped::StopData;
use self::written::Record;
use super::Online;
use crate::cli::decisions::DecidedData;
use crate::cli::error::CliError;
use crate::cli::folder;
use crate::cli::lapsed::{Claim, LapsedData};
use crate::cli::output::{Answer, Output, Page};
use crate::cli::page::{self, SHORT};
use crate::cli::record::conflicts::raw_text;
use crate::cli::record::{self, AuthorData};
use crate::cli::rejected::WrittenData;
use crate::cli::rows::{self, NamedData, UnitData};
use crate::cli::{time, words};
use crate::messages::Messages;

/// What to do with what is kept aside.
#[derive(Debug, Subcommand)]
pub(super) enum QuarantineCommand {
    /// List what the hub keeps aside in the units of this device's holder, and why.
    List(ListArgs),
    /// Show what one of it wrote, without putting it into any record.
    Show(OneArgs),
    /// Print a reference to one of it for minutes or a review: change, signer, when it came, why.
    Quote(OneArgs),
    /// Admit it into the record, with what its device wrote before it in the same line. A supervisor
    /// signs this.
    Admit(OneArgs),
    /// Keep it out of the record. A supervisor signs this, and may decide otherwise later.
    Keep(OneArgs),
}

/// Which of it.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only this administrative unit and what lies in it, by its code.
    #[arg(long, value_name = "CODE")]
    unit: Option<Scope>,
    /// Only what devices of this person signed: a device by the first digits of its id, or its holder's
    /// name; a device that nobody has named by its whole id.
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// Only what is kept aside for this reason: not_allowed, orphan, equivocation, poison, chain_broken,
    /// on_refused, full or unreadable.
    #[arg(long, value_enum, value_name = "WHY")]
    verdict: Option<TypedVerdict>,
}

/// One of it.
#[derive(Debug, Args)]
pub(super) struct OneArgs {
    /// Its change, by the first digits of its id.
    change: String,
}

/// Why something is kept aside, as it is typed. What is over a quota is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum TypedVerdict {
    NotAllowed,
    Orphan,
    Equivocation,
    Poison,
    ChainBroken,
    OnRefused,
    Full,
    Unreadable,
}

impl From<TypedVerdict> for Verdict {
    fn from(typed: TypedVerdict) -> Self {
        match typed {
            TypedVerdict::NotAllowed => Self::NotAllowed,
            TypedVerdict::Orphan => Self::Orphan,
            TypedVerdict::Equivocation => Self::Equivocation,
            TypedVerdict::Poison => Self::Poison,
            TypedVerdict::ChainBroken => Self::ChainBroken,
            TypedVerdict::OnRefused => Self::OnRefused,
            TypedVerdict::Full => Self::Full,
            TypedVerdict::Unreadable => Self::Unreadable,
        }
    }
}

/// Something that the hub keeps aside.
#[derive(Debug, Serialize)]
struct AsideData {
    /// Its last change; the digest of its bytes where they cannot be read.
    change: String,
    /// The place of that change in its device's line.
    seq: u64,
    document: NamedData,
    /// None where its bytes do not even say that.
    unit: Option<UnitData>,
    verdict: Verdict,
    /// A supervisor may admit it.
    admissible: bool,
    /// Who signed it.
    signer: AuthorData,
    /// The device that brought it, where the hub knows.
    brought_by: Option<String>,
    /// When it was kept aside, by the hub's clock.
    at: String,
    /// The revocation that it came after, where its device had the right to write it until then.
    after_revocation: Option<LapsedData>,
    /// What a supervisor decided of it, as far as this device was told.
    decided: Option<DecidedData>,
}

#[derive(Debug, Serialize)]
struct ListData {
    rows: Vec<AsideData>,
    /// There are more than one list holds.
    more: bool,
}

#[derive(Debug, Serialize)]
struct ShownData {
    #[serde(flatten)]
    aside: AsideData,
    /// None where the hub kept no bytes.
    pack: Option<PackData>,
}

#[derive(Debug, Serialize)]
struct PackData {
    kind: &'static str,
    /// BLAKE3 of the signed bytes.
    digest: String,
    changes: Vec<ChangeData>,
    /// Changes that were not read, because they hold too much.
    unread: u64,
}

#[derive(Debug, Serialize)]
struct ChangeData {
    seq: u64,
    change: String,
    /// When, as its author's clock claims.
    claimed_at: String,
    /// Where that lies beside the revocation that it came after.
    claims: Option<Claim>,
    written: Vec<WrittenData>,
}

#[derive(Debug, Serialize)]
struct QuoteData {
    #[serde(flatten)]
    aside: AsideData,
    /// The hub that keeps it: its key.
    hub: String,
    /// BLAKE3 of the signed bytes, and none where the hub kept none.
    digest: Option<String>,
    /// The reference in the language asked for.
    text: String,
}

#[derive(Debug, Serialize)]
struct JudgedData {
    #[serde(flatten)]
    aside: AsideData,
    judgement: &'static str,
    /// The decision: an act of this device.
    act: String,
    /// It is still kept aside: it was not admitted, or something stops it.
    waits: bool,
    /// What stops what was admitted.
    stopped: Option<StopData>,
}

/// Does what is asked about what is kept aside.
pub(super) async fn run(
    client: &Client,
    command: &QuarantineCommand,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    match command {
        QuarantineCommand::List(which) => list(client, which, output).await,
        QuarantineCommand::Show(which) => show(client, which, output).await,
        QuarantineCommand::Quote(which) => quote(client, which, output).await,
        QuarantineCommand::Admit(which) => judge(client, which, Judgement::Admit, output).await,
        QuarantineCommand::Keep(which) => judge(client, which, Judgement::Keep, output).await,
    }
}

async fn list(client: &Client, which: &ListArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let person = which.person.as_deref().map(|who| person(client, who)).transpose()?;
    let verdict = which.verdict.map(Verdict::from);
    let digits = String::new();
    let filter = QuarantineFilter { scope: which.unit.clone(), person, verdict, digits };
    let found = waiting(client, client.quarantined(filter), output).await?;
    let entries: Vec<&AsideEntry> = found.entries.iter().collect();
    let lapsed = client.after_revocation(&entries, None)?;
    let documents: Vec<_> = entries.iter().map(|entry| entry.name.document).collect();
    let named = client.named_aside(&documents, None)?;
    let rows = entries.iter().zip(named).zip(lapsed);
    let rows = rows.map(|((entry, named), lapsed)| data(client, entry, named, lapsed));
    let rows = rows.collect::<Result<_, _>>()?;
    let data = ListData { rows, more: found.more };
    let mut page = Page::new();
    for row in &data.rows {
        line(&mut page, row, m);
    }
    if data.rows.is_empty() {
        page.line(m.text("quarantine.nothing", &[]));
    }
    if data.more {
        page.line(m.text("quarantine.more", &[]));
    }
    Answer::new(&data, page)
}

async fn show(client: &Client, which: &OneArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let shown = read(client, which, output).await?;
    let lapsed = lapsed(client, &shown)?;
    let aside = data(client, &shown.entry, shown.document.clone(), lapsed)?;
    let mut page = Page::new();
    line(&mut page, &aside, m);
    match &shown.pack {
        None => page.line(m.text("quarantine.no_bytes", &[])),
        Some(pack) => pack_text(&mut page, (pack, lapsed), &Record::of(client, pack), m),
    }
    let pack = shown.pack.as_ref().map(|read| pack(read, lapsed));
    let id = [("id", &aside.change[..SHORT])];
    page.line(match aside.admissible {
        true => m.text("quarantine.next", &id),
        false => m.text("quarantine.stays_out", &id),
    });
    Answer::new(&ShownData { aside, pack }, page)
}

async fn quote(client: &Client, which: &OneArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let shown = read(client, which, output).await?;
    let lapsed = lapsed(client, &shown)?;
    let aside = data(client, &shown.entry, shown.document.clone(), lapsed)?;
    let hub = client.hub()?.key().to_string();
    let digest = shown.pack.as_ref().map(|pack| hex::encode(pack.digest));
    let text = quoted(&aside, &hub, digest.as_deref(), m);
    let mut page = Page::new();
    page.line(&text);
    Answer::new(&QuoteData { aside, hub, digest, text }, page)
}

/// Signs the decision and has the hub enter it.
async fn judge(
    client: &Client,
    which: &OneArgs,
    judgement: Judgement,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let entry = find(client, which, output).await?;
    let act = client.judge_aside(&entry, judgement)?;
    let id = act.act.id().map_err(bienban_core::replica::ReplicaError::from)?;
    folder::ask(client, Client::to_enter(&[act])?, output).await?;
    folder::exchange(client, output).await?;
    let hash = entry.name.hash.to_string();
    let waits = match waiting(client, client.find_quarantined(&hash), output).await {
        Ok(_) => true,
        Err(CliError::Client(ClientError::NotFound { .. })) => false,
        Err(error) => return Err(error),
    };
    let stopped = match (judgement, waits) {
        (Judgement::Admit, true) => {
            waiting(client, client.admission_stop(entry.name), output).await?
        }
        _ => None,
    };
    let lapsed = client.after_revocation(&[&entry], None)?.into_iter().flatten().next();
    let named = client.named_aside(&[entry.name.document], None)?.remove(0);
    let (aside, stopped) = (data(client, &entry, named, lapsed)?, stopped.map(StopData::from));
    let values = [
        ("id", &aside.change[..SHORT]),
        ("device", aside.signer.device.as_deref().map_or("-", |device| &device[..SHORT])),
        ("act", &id.to_string()[..SHORT]),
    ];
    let mut page = Page::new();
    page.line(match (judgement, waits) {
        (Judgement::Keep, true) => m.text("quarantine.kept", &values),
        (Judgement::Keep, false) => m.text("quarantine.gone", &values),
        (Judgement::Admit, false) => m.text("quarantine.admitted", &values),
        (Judgement::Admit, true) => m.text("quarantine.admitted_later", &values),
    });
    if let Some(stopped) = &stopped {
        page.line(stopped.text(m));
    }
    let judgement = words::judgement(judgement);
    Answer::new(&JudgedData { aside, judgement, act: id.to_string(), waits, stopped }, page)
}

/// Finds one of it, and says of one that was admitted that it was.
async fn find(client: &Client, which: &OneArgs, output: &Output) -> Result<AsideEntry, CliError> {
    let found = waiting(client, client.find_quarantined(&which.change), output).await;
    if let Err(CliError::Client(ClientError::NotFound { .. })) = &found
        && let Some((change, judged)) = client.admitted(&which.change)?
    {
        return Err(CliError::Admitted { change: change.short(), decided: judged.into() });
    }
    found
}

async fn read(client: &Client, which: &OneArgs, output: &Output) -> Result<AsideShown, CliError> {
    let entry = find(client, which, output).await?;
    waiting(client, client.read_quarantined(entry), output).await
}

/// Waits for the hub, and says its refusal as such.
async fn waiting<T>(
    client: &Client,
    asking: impl Future<Output = Result<T, ClientError>>,
    output: &Output,
) -> Result<T, CliError> {
    let spinner = output.spinner(output.messages().text("sync.running", &[]));
    let answer = asking.await;
    spinner.finish_and_clear();
    answer.map_err(|error| match error {
        // Whether the device was let in says another error.
        ClientError::Driver(DriverError::Refused { failure })
            if client.refused_at().is_ok_and(|at| at.is_none()) =>
        {
            CliError::Refused { failure }
        }
        ClientError::NoAnswer => CliError::NoAnswer,
        error => folder::told(client, error),
    })
}

/// Finds the person whose devices signed something.
fn person(client: &Client, who: &str) -> Result<PersonId, CliError> {
    match (client.find_person(who), who.trim().parse::<DeviceId>()) {
        (Ok(known), _) => Ok(known.person),
        (Err(ClientError::NotFound { .. }), Ok(device)) => Ok(PersonId::of_device(device)),
        (Err(error), _) => Err(error.into()),
    }
}

/// Returns the revocation that something came after, where its device had the right to write it until then.
fn lapsed(client: &Client, shown: &AsideShown) -> Result<Option<Lapsed>, CliError> {
    let born = shown.pack.as_ref().map(|pack| &pack.genesis);
    Ok(client.after_revocation(&[&shown.entry], born)?.into_iter().flatten().next())
}

fn data(
    client: &Client,
    entry: &AsideEntry,
    named: Named,
    lapsed: Option<Lapsed>,
) -> Result<AsideData, CliError> {
    let decided = client.judged(entry)?.map(DecidedData::from);
    let signer = record::author_data(client.person(entry.device)?);
    let verdict = entry.verdict;
    Ok(AsideData {
        change: entry.name.hash.to_string(),
        seq: entry.name.seq,
        document: NamedData { id: named.document.to_string(), title: named.title },
        unit: entry.scope.as_ref().map(rows::unit),
        verdict,
        admissible: verdict.may_be_admitted() && entry.scope.is_some(),
        signer,
        brought_by: entry.from.map(|from| from.to_string()),
        at: time::rfc3339(entry.at),
        after_revocation: lapsed.map(LapsedData::from),
        decided,
    })
}

fn pack(pack: &AsidePack, lapsed: Option<Lapsed>) -> PackData {
    let changes = pack.changes.iter().map(|change| ChangeData {
        seq: change.seq,
        change: change.change.to_string(),
        claimed_at: time::rfc3339(change.at),
        claims: lapsed.map(|lapsed| Claim::of(change.at, &lapsed)),
        written: change
            .written
            .iter()
            .map(|written| {
                let text = raw_text(written.key.as_deref(), &written.text);
                WrittenData { key: written.key.clone(), text }
            })
            .collect(),
    });
    PackData {
        kind: pack.genesis.kind.name(),
        digest: hex::encode(pack.digest),
        changes: changes.collect(),
        unread: pack.unread,
    }
}

/// Writes one of it: what, by whom, when, why, and what was decided.
fn line(page: &mut Page, row: &AsideData, m: &Messages) {
    let unit = row.unit.as_ref().map(rows::unit_text).unwrap_or_default();
    let title = if row.document.title.is_empty() { "-" } else { row.document.title.as_str() };
    page.line(format!(
        "{}  {}  {}  {}  {title}  {unit}",
        &row.change[..SHORT],
        time::minute(&row.at),
        page::who(&row.signer, m),
        &row.document.id[..SHORT],
    ));
    page.line(format!("          {}", why(row, m)));
    if let Some(decided) = &row.decided {
        page.line(format!("          {}", decided.text(m)));
    }
}

/// Says why it is kept aside.
fn why(row: &AsideData, m: &Messages) -> String {
    match &row.after_revocation {
        Some(lapsed) => lapsed.aside(m),
        None => words::aside(m, row.verdict),
    }
}

fn pack_text(
    page: &mut Page,
    (pack, lapsed): (&AsidePack, Option<Lapsed>),
    record: &Record,
    m: &Messages,
) {
    for change in &pack.changes {
        let at = time::minute(&time::rfc3339(change.at));
        let values = [("id", &change.change.to_string()[..SHORT]), ("at", at.as_str())];
        page.line(format!("  {}", m.text("quarantine.change", &values)));
        if let Some(lapsed) = &lapsed {
            page.line(format!("    {}", Claim::of(change.at, lapsed).text(m)));
        }
        for written in &change.written {
            record.text(page, written, m);
        }
        if change.written.is_empty() {
            page.line(format!("      {}", m.text("quarantine.wrote_nothing", &[])));
        }
    }
    if pack.unread > 0 {
        page.line(m.text("quarantine.unread", &[("count", &pack.unread.to_string())]));
    }
}

/// Returns the reference that stands in minutes or a review.
fn quoted(aside: &AsideData, hub: &str, digest: Option<&str>, m: &Messages) -> String {
    let (at, why, who) = (time::minute(&aside.at), why(aside, m), page::who(&aside.signer, m));
    let unit = aside.unit.as_ref().map_or_else(|| "-".to_owned(), rows::unit_text);
    let title = if aside.document.title.is_empty() { "-" } else { aside.document.title.as_str() };
    let seq = aside.seq.to_string();
    let values = [
        ("change", aside.change.as_str()),
        ("seq", &seq),
        ("record", &aside.document.id),
        ("title", title),
        ("unit", &unit),
        ("who", &who),
        ("device", aside.signer.device.as_deref().unwrap_or("-")),
        ("at", &at),
        ("why", &why),
        ("hub", hub),
    ];
    let mut text = m.text("quarantine.quote", &values);
    if let Some(digest) = digest {
        text.push(' ');
        text.push_str(&m.text("quarantine.quote_digest", &[("digest", digest)]));
    }
    if let Some(decided) = &aside.decided {
        let said = decided.text(m);
        text.push(' ');
        text.push_str(&m.text("quarantine.quote_decided", &[("decided", &said)]));
    }
    text
}
