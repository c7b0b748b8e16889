//! The command line of `bienban`: what is asked becomes calls of the client, what comes back is
//! printed. It decides nothing about records.

mod admin;
mod demo;
mod error;
mod field;
mod folder;
mod output;
mod page;
mod record;
mod rejected;
mod rows;
mod serve;
mod time;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use self::error::CliError;
use self::output::Output;
use crate::messages::{Lang, Messages};

/// The variable that says what is logged, in the form of tracing's filters.
const LOG_VARIABLE: &str = "BIENBAN_LOG";

/// Inspections that merge: a team fills one record on several phones with no network.
#[derive(Debug, Parser)]
#[command(name = "bienban", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found or ambiguous, \
    4 folder in use, 5 hub not reached, 6 refused by the hub, 7 disk full.")]
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
    /// Inspect: the whole client of one device, in a terminal.
    Field(field::FieldArgs),
    /// Show the whole chain on this machine: four devices, one hub, one record.
    Demo(demo::DemoArgs),
}

/// Runs the program on its arguments and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) if json && error.use_stderr() => {
            let what = error.to_string();
            let error = CliError::Usage { what: what.trim_end().to_owned() };
            Output::new(true, Messages::new(Lang::default())).error(&error);
            return ExitCode::from(error.failed().code());
        }
        Err(error) => {
            // clap prints help on standard output with code 0, mistakes on standard error with 2.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let variable = |name: &str| std::env::var(name).ok();
    let (lang, unknown) = match Lang::choose(arguments.lang.as_deref(), variable) {
        Ok(lang) => (lang, None),
        Err(error) => (Lang::choose(None, variable).unwrap_or_default(), Some(error)),
    };
    let output = Output::new(arguments.json, Messages::new(lang));
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

fn perform(command: Command, output: &Output) -> Result<ExitCode, CliError> {
    if !matches!(command, Command::Serve(_)) {
        log_to_stderr();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::Start { source })?;
    runtime.block_on(async {
        match command {
            Command::Serve(arguments) => serve::run(arguments, output).await,
            Command::Demo(arguments) => demo::run(arguments, output).await,
            Command::Admin(arguments) => finish(admin::run(arguments, output).await?, output),
            Command::Field(arguments) => finish(field::run(arguments, output).await?, output),
        }
    })
}

fn finish(answer: output::Answer, output: &Output) -> Result<ExitCode, CliError> {
    output.answer(&answer)?;
    Ok(ExitCode::from(answer.code()))
}

/// Shows warnings of what lies below, and more when asked. The hub sets up its own log.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("error"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A test may have set one already; its choice stands.
    drop(subscriber.try_init());
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }
}
