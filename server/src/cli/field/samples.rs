//! Samples by the forms Mẫu 14, 15 and 16 of NĐ 37/2026/NĐ-CP, and what laboratories report.

use bienban_core::client::{Client, DayOf};
use bienban_core::clock;
use bienban_core::model::{
    Genesis, Handover, HandoverRow, LabResult, Parameter, Sample, SampleStep, Seal,
};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::EditData;
use crate::cli::course::{self, SampleData};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::time;
use crate::cli::wrong::Wrong;

#[derive(Debug, Subcommand)]
pub(super) enum SampleCommand {
    /// Record a sample: a row of the sampling minutes (form 15) with their head.
    Add(Box<AddArgs>),
    /// List the samples of an inspection.
    List {
        /// The inspection.
        inspection: String,
    },
    /// Show one sample with its seals, handovers and results.
    Show {
        /// The inspection.
        inspection: String,
        /// The sample, by the first digits of its id or its code.
        sample: String,
    },
    /// Record a seal (form 14).
    Seal(SealArgs),
    /// Record that samples change hands (form 16).
    Handover(HandoverArgs),
    /// Record what a laboratory reports.
    Result(ResultArgs),
    /// Take a sample back that was written by mistake. It stays visible as such.
    Withdraw {
        /// The inspection.
        inspection: String,
        /// The sample, by the first digits of its id or its code.
        sample: String,
        /// Why.
        reason: String,
    },
    /// Take a seal, handover or result back that was written by mistake. It stays visible as such.
    WithdrawStep {
        /// The inspection.
        inspection: String,
        /// The seal, handover or result, by the first digits of its id.
        step: String,
        /// Why.
        reason: String,
    },
}

/// A sample.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The inspection.
    inspection: String,
    /// What is sampled.
    name: String,
    /// Its code or mark.
    #[arg(long, default_value = "")]
    code: String,
    /// The maker named on the label, or who supplied it.
    #[arg(long, default_value = "")]
    maker: String,
    /// Unit of quantity.
    #[arg(long, default_value = "")]
    unit: String,
    /// Weight or number of the sample.
    #[arg(long, default_value = "")]
    quantity: String,
    /// Goods there were when it was taken.
    #[arg(long, default_value = "")]
    stock: String,
    /// Production date.
    #[arg(long, default_value = "")]
    produced_on: String,
    /// Number of the lot.
    #[arg(long, default_value = "")]
    lot: String,
    /// Until when the kept sample is stored.
    #[arg(long, default_value = "")]
    keep_until: String,
    /// A remark.
    #[arg(long, default_value = "")]
    note: String,
    /// Number of the sampling minutes; samples with the same one stand in the same minutes.
    #[arg(long, default_value = "")]
    minutes: String,
    /// Row in the sampling minutes.
    #[arg(long, default_value = "")]
    row: String,
    /// Day of sampling, as DD/MM/YYYY or YYYY-MM-DD: the clock to the laboratory starts then. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    taken_on: Option<bienban_core::checklist::Day>,
    /// How it was taken: the standard, or the ministry's rule.
    #[arg(long, default_value = "")]
    method: String,
    /// Who took it.
    #[arg(long, default_value = "")]
    sampler: String,
    /// The sampler's title.
    #[arg(long, default_value = "")]
    sampler_title: String,
    /// The sampler's agency.
    #[arg(long, default_value = "")]
    sampler_agency: String,
    /// Who represents the facility.
    #[arg(long, default_value = "")]
    representative: String,
    /// The representative's position.
    #[arg(long, default_value = "")]
    representative_position: String,
    /// A witness.
    #[arg(long, default_value = "")]
    witness: String,
    /// Number of sample units.
    #[arg(long, default_value = "")]
    units: String,
    /// Numbers of the seals put on.
    #[arg(long, default_value = "")]
    seals: String,
    /// Copies of the minutes.
    #[arg(long, default_value = "")]
    copies: String,
    /// Why it was taken: the doubt that documents or label raised, or the plan for goods of high risk.
    #[arg(long, default_value = "")]
    grounds: String,
}

/// A seal.
#[derive(Debug, Args)]
pub(super) struct SealArgs {
    /// The inspection.
    inspection: String,
    /// The sample, by the first digits of its id or its code.
    sample: String,
    /// Number of the seal.
    number: String,
    /// Day of sealing, as DD/MM/YYYY or YYYY-MM-DD. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    on: Option<bienban_core::checklist::Day>,
    /// Who signed for the facility.
    #[arg(long, default_value = "")]
    facility_signer: String,
    /// Who signed for the team.
    #[arg(long, default_value = "")]
    team_signer: String,
    /// The agency whose stamp is on it.
    #[arg(long, default_value = "")]
    stamp: String,
}

/// A yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum YesNo {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// A handover.
#[derive(Debug, Args)]
pub(super) struct HandoverArgs {
    /// The inspection.
    inspection: String,
    /// A row: SAMPLE|QUANTITY|PARAMETERS|STANDARD|CODED NAME; parts at the end may be missing. May be
    /// given several times.
    #[arg(long = "row", required = true, value_name = "ROW")]
    rows: Vec<String>,
    /// Who hands over.
    #[arg(long)]
    giver: String,
    /// Who receives.
    #[arg(long)]
    receiver: String,
    /// Day of the handover, as DD/MM/YYYY or YYYY-MM-DD. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    on: Option<bienban_core::checklist::Day>,
    /// Time of day.
    #[arg(long, default_value = "")]
    time: String,
    /// Where.
    #[arg(long, default_value = "")]
    place: String,
    /// Condition of the samples.
    #[arg(long, default_value = "")]
    condition: String,
    /// Whether the receiver confirms that the seals are intact: yes or no.
    #[arg(long, value_name = "YES|NO")]
    seal_intact: Option<YesNo>,
    /// The receiver is the laboratory: this ends the clock.
    #[arg(long)]
    to_laboratory: bool,
}

/// A laboratory's report.
#[derive(Debug, Args)]
pub(super) struct ResultArgs {
    /// The inspection.
    inspection: String,
    /// The sample, by the first digits of its id or its code.
    sample: String,
    /// A parameter: NAME|VALUE|LIMIT|pass or NAME|VALUE|LIMIT|fail. May be given several times.
    #[arg(long = "row", required = true, value_name = "ROW")]
    rows: Vec<String>,
    /// The laboratory.
    #[arg(long)]
    laboratory: String,
    /// Number of the report.
    #[arg(long)]
    report: String,
    /// Day of the report, as DD/MM/YYYY or YYYY-MM-DD. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    on: Option<bienban_core::checklist::Day>,
}

#[derive(Debug, Serialize)]
struct SamplesAnswer {
    inspection: String,
    rows: Vec<SampleData>,
}

/// Records samples and what becomes of them.
pub(super) fn sample(
    client: &Client,
    command: SampleCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    match command {
        SampleCommand::Add(arguments) => add(client, *arguments, output),
        SampleCommand::List { inspection } => list(client, &inspection, None, output),
        SampleCommand::Show { inspection, sample } => {
            list(client, &inspection, Some(&sample), output)
        }
        SampleCommand::Seal(arguments) => seal(client, arguments, output),
        SampleCommand::Handover(arguments) => handover(client, arguments, output),
        SampleCommand::Result(arguments) => result(client, arguments, output),
        SampleCommand::Withdraw { inspection, sample, reason } => {
            let inspection = client.find_inspection(&inspection)?;
            let outcome = client.withdraw_sample(&inspection, &sample, &reason)?;
            let done = output.messages().text("edit.withdrawn", &[("id", &sample)]);
            EditData::of(client, &inspection, &outcome, output.messages()).answer(done, output)
        }
        SampleCommand::WithdrawStep { inspection, step, reason } => {
            let inspection = client.find_inspection(&inspection)?;
            let outcome = client.withdraw_step(&inspection, &step, &reason)?;
            let done = output.messages().text("edit.withdrawn", &[("id", &step)]);
            EditData::of(client, &inspection, &outcome, output.messages()).answer(done, output)
        }
    }
}

fn day(given: Option<bienban_core::checklist::Day>) -> String {
    given.map_or_else(|| time::day(clock::now()), |day| day.to_string())
}

fn add(client: &Client, arguments: AddArgs, output: &Output) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let sample = Sample {
        name: arguments.name,
        code: arguments.code,
        maker: arguments.maker,
        unit: arguments.unit,
        quantity: arguments.quantity,
        stock: arguments.stock,
        produced_on: arguments.produced_on,
        lot: arguments.lot,
        keep_until: arguments.keep_until,
        note: arguments.note,
        removed: false,
        removed_reason: String::new(),
        minutes: arguments.minutes,
        row: arguments.row,
        taken_on: day(arguments.taken_on),
        method: arguments.method,
        sampler: arguments.sampler,
        sampler_title: arguments.sampler_title,
        sampler_agency: arguments.sampler_agency,
        representative: arguments.representative,
        representative_position: arguments.representative_position,
        witness: arguments.witness,
        units: arguments.units,
        seals: arguments.seals,
        copies: arguments.copies,
        grounds: arguments.grounds,
    };
    let (id, outcome) = client.add_sample(&inspection, &sample)?;
    let mut data = EditData::of(client, &inspection, &outcome, output.messages());
    let id = hex::encode(id);
    let done = output.messages().text("edit.sampled", &[("id", &id[..8])]);
    data.id = Some(id);
    let taken = (sample.taken_on.as_str(), DayOf::Sample);
    data.warn_of_day(client, &inspection, taken, output.messages());
    data.answer(done, output)
}

fn list(
    client: &Client,
    inspection: &str,
    only: Option<&str>,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(inspection)?;
    let (read, authors) = client.read_authored(&inspection)?;
    let mut rows = course::samples(&read, &authors);
    if let Some(name) = only {
        let id = client.find_sample(&inspection, name)?;
        rows.retain(|row| row.id == id);
    }
    let mut page = Page::new();
    course::samples_text(&mut page, &rows, m);
    if rows.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    Answer::new(&SamplesAnswer { inspection: inspection.document().to_string(), rows }, page)
}

fn seal(client: &Client, arguments: SealArgs, output: &Output) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let step = SampleStep::Seal(Seal {
        sample: client.find_sample(&inspection, &arguments.sample)?,
        number: arguments.number,
        day: day(arguments.on),
        facility_signer: arguments.facility_signer,
        team_signer: arguments.team_signer,
        stamp: arguments.stamp,
        removed: false,
        removed_reason: String::new(),
    });
    record(client, &inspection, &step, output)
}

fn handover(client: &Client, arguments: HandoverArgs, output: &Output) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let mut rows = Vec::new();
    for row in &arguments.rows {
        let parts: Vec<&str> = row.split('|').map(str::trim).collect();
        if parts.len() > 5 {
            let expected = "SAMPLE|QUANTITY|PARAMETERS|STANDARD|CODED NAME";
            return Err(Wrong::Row { given: row.clone(), expected }.into());
        }
        let part = |at: usize| parts.get(at).copied().unwrap_or_default().to_owned();
        rows.push(HandoverRow {
            sample: client.find_sample(&inspection, &part(0))?,
            quantity: part(1),
            parameters: part(2),
            standard: part(3),
            coded: part(4),
        });
    }
    let step = SampleStep::Handover(Handover {
        giver: arguments.giver,
        receiver: arguments.receiver,
        day: day(arguments.on),
        time: arguments.time,
        place: arguments.place,
        condition: arguments.condition,
        seal_intact: arguments.seal_intact.map(|answer| answer == YesNo::Yes),
        to_laboratory: arguments.to_laboratory,
        rows,
        removed: false,
        removed_reason: String::new(),
    });
    record(client, &inspection, &step, output)
}

fn result(client: &Client, arguments: ResultArgs, output: &Output) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let mut rows = Vec::new();
    for row in &arguments.rows {
        let parts: Vec<&str> = row.split('|').map(str::trim).collect();
        let (name, value, limit, pass) = match parts.as_slice() {
            [name, value, limit, "pass" | "dat"] => (name, value, limit, true),
            [name, value, limit, "fail" | "khong-dat"] => (name, value, limit, false),
            _ => {
                let expected = "NAME|VALUE|LIMIT|pass, NAME|VALUE|LIMIT|fail";
                return Err(Wrong::Row { given: row.clone(), expected }.into());
            }
        };
        rows.push(Parameter {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            limit: (*limit).to_owned(),
            pass,
        });
    }
    let step = SampleStep::Result(LabResult {
        sample: client.find_sample(&inspection, &arguments.sample)?,
        laboratory: arguments.laboratory,
        report: arguments.report,
        day: day(arguments.on),
        rows,
        removed: false,
        removed_reason: String::new(),
    });
    record(client, &inspection, &step, output)
}

fn record(
    client: &Client,
    inspection: &Genesis,
    step: &SampleStep,
    output: &Output,
) -> Result<Answer, CliError> {
    let (id, outcome) = client.sample_step(inspection, step)?;
    let mut data = EditData::of(client, inspection, &outcome, output.messages());
    let id = hex::encode(id);
    let done = output.messages().text("edit.sample_step", &[("id", &id[..8])]);
    data.id = Some(id);
    let day = match step {
        SampleStep::Seal(seal) => &seal.day,
        SampleStep::Handover(handover) => &handover.day,
        SampleStep::Result(result) => &result.day,
    };
    data.warn_of_day(client, inspection, (day, DayOf::Step(step)), output.messages());
    data.answer(done, output)
}
