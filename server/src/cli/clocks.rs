//! `bienban clocks`: the times that the law sets, and when one that starts on a day runs out. Needs no
//! device: of certificates, re-evaluations and dossiers no inspection here knows the start.

use bienban_core::checklist::{Clock, Day, due};
use bienban_core::client::{ClientError, law};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::CliError;
use super::output::{Answer, Output, Page};
use super::{time, words};
use crate::messages::Messages;

#[derive(Debug, Args)]
pub(super) struct ClocksArgs {
    #[command(subcommand)]
    command: ClocksCommand,
}

#[derive(Debug, Subcommand)]
enum ClocksCommand {
    /// List the times that the law sets, each with what it starts from and its clause.
    List,
    /// Count when a time that starts on a day runs out, and when what it limits may begin.
    Count {
        /// The time, by its name in the list.
        clock: String,
        /// The day that it starts from.
        #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
        from: Day,
        /// How often it was extended.
        #[arg(long, default_value_t = 0, value_name = "COUNT")]
        extended: u32,
    },
}

#[derive(Debug, Serialize)]
struct ClocksData {
    edition: String,
    effective_from: String,
    official: bool,
    source: String,
    rows: Vec<Clock>,
}

#[derive(Debug, Serialize)]
struct DueData {
    key: String,
    title: String,
    from: String,
    /// The first day on which it may be done, if there is one.
    opens: Option<String>,
    due: String,
    /// Years whose days off are not announced yet.
    provisional: Vec<i32>,
    explanation: ExplanationData,
    clause: String,
    official: bool,
}

#[derive(Debug, Serialize)]
struct ExplanationData {
    vi: String,
    en: String,
}

/// Lists clocks, or counts one.
pub(super) fn run(arguments: &ClocksArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    match &arguments.command {
        ClocksCommand::List => list(m),
        ClocksCommand::Count { clock, from, extended } => count(clock, *from, *extended, m),
    }
}

fn list(m: &Messages) -> Result<Answer, CliError> {
    let clocks = law().clocks;
    let data = ClocksData {
        edition: clocks.edition().to_owned(),
        effective_from: clocks.effective_from().to_string(),
        official: clocks.is_official(),
        source: clocks.source().to_owned(),
        rows: clocks.all().to_vec(),
    };
    let mut page = Page::new();
    for clock in &data.rows {
        let (title, from) = (words::local(m, &clock.title), words::local(m, &clock.from));
        let length = words::local(m, &clock.due.words()).to_owned();
        let values = [("length", length.as_str()), ("from", from), ("clause", &clock.clause)];
        page.line(format!("{}  {title}", clock.key));
        page.line(format!("    {}", m.text("clocks.rule", &values)));
    }
    unofficial(&mut page, m);
    Answer::new(&data, page)
}

fn count(key: &str, from: Day, extended: u32, m: &Messages) -> Result<Answer, CliError> {
    let law = law();
    let clock = law.clocks.clock(key).map_err(ClientError::from)?;
    let counted = due(clock, from, extended, law.holidays).map_err(ClientError::from)?;
    let data = DueData {
        key: clock.key.clone(),
        title: words::local(m, &clock.title).to_owned(),
        from: from.to_string(),
        opens: counted.opens.map(|day| day.to_string()),
        due: counted.day.to_string(),
        provisional: counted.provisional,
        explanation: ExplanationData {
            vi: counted.explanation.vi.clone(),
            en: counted.explanation.en_or_vi().to_owned(),
        },
        clause: clock.clause.clone(),
        official: law.clocks.is_official(),
    };
    let mut page = Page::new();
    if let Some(opens) = &data.opens {
        page.line(m.text("clocks.opens", &[("day", opens)]));
    }
    page.line(m.text("clocks.due", &[("day", &data.due)]));
    page.line(format!("    {}", words::local(m, &counted.explanation)));
    unofficial(&mut page, m);
    Answer::new(&data, page)
}

fn unofficial(page: &mut Page, m: &Messages) {
    if !law().clocks.is_official() {
        page.line(m.text("clock.unofficial", &[]));
    }
}
