//! The command line of `bienban`: what is asked becomes calls of the client, what comes back is
//! printed. It decides nothing about records.

mod admin;
pub(crate) mod bundle;
mod causes;
mod clocks;
mod course;
mod decisions;
mod demo;
mod doubts;
mod enrolling;
mod error;
mod export;
mod field;
mod field_names;
mod folder;
mod grade;
mod help;
mod hints;
mod lapsed;
mod nearest;
mod newfile;
mod output;
mod page;
mod plan;
mod qr;
mod readable;
mod rechecks;
mod record;
mod rejected;
mod rows;
mod serve;
mod template;
mod time;
mod troubles;
mod units;
mod unregistered;
mod usage;
mod verify;
mod words;
mod wrong;

pub use field::drawing::drawn_in;
pub use qr::text_in;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use self::error::CliError;
use self::folder::At;
use self::output::Output;
use crate::logging;
use crate::merging::{self, Hook};
use crate::messages::{Lang, Messages};

/// The variable that says what is logged, in the form of tracing's filters.
const LOG_VARIABLE: &str = "BIENBAN_LOG";

/// Inspections that merge: a team fills one record on several phones with no network.
#[derive(Debug, Parser)]
#[command(name = "bienban", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found or ambiguous, \
    4 folder in use, 5 hub not reached, 6 refused by the hub, 7 disk full, \
    8 the hub's log in doubt, \
    9 an exported record not valid, \
    10 a record that holds and cannot be compared with a head.")]
struct Arguments {
    /// Language of texts: vi or en. Default: what BIENBAN_LANG or the system asks for.
    #[arg(long, global = true, value_name = "LANG")]
    lang: Option<String>,

    /// Print data as JSON on standard output, errors as JSON on standard error.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the hub.
    Serve(serve::ServeArgs),
    /// Enrol devices, publish checklists, import facilities, plan and review.
    Admin(admin::AdminArgs),
    /// Give the hub of a folder on this machine a bundle that somebody brought, and fetch its answer.
    #[command(subcommand)]
    Bundle(bundle::HubBundleCommand),
    /// Inspect: the whole client of one device, in a terminal.
    Field(field::FieldArgs),
    /// Look into checklist files: check, show, compare. Needs no device.
    Template(template::TemplateArgs),
    /// Grade answers by a checklist and say why. Needs no device.
    Grade(grade::GradeArgs),
    /// Show the whole chain on this machine: four devices, one hub, one record.
    Demo(demo::DemoArgs),
    /// Check an exported record: who wrote what, by which right, and that nothing was changed since. Needs no
    /// device, no folder and no network.
    Verify(verify::VerifyArgs),
    /// Look up provinces and communes, those of before July 2025 too.
    Units(units::UnitsArgs),
    /// Look up the times that the law sets, and count when one runs out.
    Clocks(clocks::ClocksArgs),
    /// Merge for a hub, which starts this by itself.
    #[command(name = merging::COMMAND, hide = true)]
    MergeWorker(MergeWorkerArgs),
}

/// What a hub tells a child that merges for it.
#[derive(Debug, Args)]
struct MergeWorkerArgs {
    /// Memory that it may take, in MiB.
    #[arg(long, value_name = "MIB")]
    memory_mib: u64,

    /// Processor time that one merge may use, in seconds.
    #[arg(long, value_name = "SECONDS")]
    cpu_seconds: u64,
}

/// Runs the program on its arguments and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os(), None)
}

/// As [`main`], for a program that is built for tests: children that merge call `hook` before each job.
#[must_use]
pub fn main_with(hook: Hook) -> ExitCode {
    run(std::env::args_os(), Some(hook))
}

fn run(arguments: impl Iterator<Item = OsString>, hook: Option<Hook>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let variable = |name: &str| std::env::var(name).ok();
    // Help and mistakes come before the arguments are read, so the language is looked for first.
    let (lang, unknown) = match Lang::choose(asked_language(&arguments).as_deref(), variable) {
        Ok(lang) => (lang, None),
        Err(error) => (Lang::choose(None, variable).unwrap_or_default(), Some(error)),
    };
    let messages = Messages::new(lang);
    let arguments = match read(arguments, &messages) {
        Ok(arguments) => arguments,
        Err(error)
            if error.use_stderr()
                && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand =>
        {
            let what = usage::explain(&error, &messages);
            let error = CliError::Usage { what };
            Output::new(json, messages).error(&error);
            return ExitCode::from(error.failed().code());
        }
        Err(error) => {
            // clap prints help on standard output with code 0, that for no arguments at all on
            // standard error with 2.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // Before there are threads: it limits itself, and meets foreign bytes.
    if let Command::MergeWorker(limits) = &arguments.command {
        return merging::serve(limits.memory_mib, limits.cpu_seconds, hook);
    }
    let at = match arguments.command {
        Command::Admin(_) => At::Desk,
        _ => At::Field,
    };
    let opening = match &arguments.command {
        Command::Field(field) => field.opening(),
        _ => Vec::new(),
    };
    let output = Output::new(arguments.json, messages).at(at).opened_with(opening);
    let outcome = match unknown {
        Some(error) => Err(CliError::Usage { what: error.explain(output.messages()) }),
        None => perform(arguments.command, &output),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.failed().code())
        }
    }
}

fn read(arguments: Vec<OsString>, m: &Messages) -> Result<Arguments, clap::Error> {
    let mut command = help::translated(Arguments::command(), "", m);
    let matches = command.try_get_matches_from_mut(arguments)?;
    Arguments::from_arg_matches(&matches)
}

/// Returns what follows `--lang`, wherever it stands.
fn asked_language(arguments: &[OsString]) -> Option<String> {
    let mut words = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(word) = words.next() {
        if word == "--lang" {
            return words.next().map(str::to_owned);
        }
        if let Some(language) = word.strip_prefix("--lang=") {
            return Some(language.to_owned());
        }
    }
    None
}

/// How long the program waits at its end for work that was given up, such as a merge that took too
/// long. All that was acknowledged is durable by then.
const LAST_WORK_MAX: Duration = Duration::from_secs(1);

fn perform(command: Command, output: &Output) -> Result<ExitCode, CliError> {
    if !matches!(command, Command::Serve(_)) {
        log_to_stderr();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::Start { source })?;
    let outcome = runtime.block_on(async {
        match command {
            Command::Serve(arguments) => serve::run(arguments, output).await,
            Command::Demo(arguments) => demo::run(arguments, output).await,
            Command::Admin(arguments) => finish(admin::run(arguments, output).await?, output),
            Command::Bundle(command) => finish(bundle::at_hub(command, output).await?, output),
            Command::Field(arguments) => finish(field::run(arguments, output).await?, output),
            Command::Verify(arguments) => finish(verify::run(&arguments, output)?, output),
            Command::Clocks(arguments) => finish(clocks::run(&arguments, output)?, output),
            Command::Units(arguments) => finish(units::run(&arguments, output)?, output),
            Command::Template(arguments) => finish(template::run(arguments, output)?, output),
            Command::Grade(arguments) => finish(grade::run(&arguments, output)?, output),
            // It was answered before.
            Command::MergeWorker(_) => Ok(ExitCode::FAILURE),
        }
    });
    runtime.shutdown_timeout(LAST_WORK_MAX);
    outcome
}

fn finish(answer: output::Answer, output: &Output) -> Result<ExitCode, CliError> {
    output.answer(&answer)?;
    Ok(ExitCode::from(answer.code()))
}

/// Shows warnings of what lies below, and more when asked. The hub sets up its own log.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("error"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(logging::colours())
        .with_writer(std::io::stderr);
    // A test may have set one already; its choice stands.
    drop(subscriber.try_init());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_language_is_found_before_the_arguments_are_read() {
        let asked = |words: &str| {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            asked_language(&words)
        };
        assert_eq!(asked("bienban --lang vi field --help"), Some("vi".to_owned()));
        assert_eq!(asked("bienban field --lang=en --help"), Some("en".to_owned()));
        assert_eq!(asked("bienban field list"), None);
        assert_eq!(asked("bienban --lang"), None);
    }
}
