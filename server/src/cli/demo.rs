//! `bienban demo`: the whole chain on one machine, told in plain words.
//!
//! The hub runs here, on loopback, with an empty store. Administrator, supervisor and four inspectors
//! are processes of this program, each with a folder of its own, exactly as a person would run them.

mod ocop;
mod stage;
mod story;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::stage::Stage;
use super::error::CliError;
use super::output::{Answer, Output, Page};
use super::serve::{asked_to_stop, service};

/// How to run the demo.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Leave the hub running and say what to try next. Ctrl-C ends it.
    #[arg(long)]
    keep: bool,

    /// The folder to work in; kept afterwards. Default: a temporary one, removed at the end.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the demo. Ends with another code than 0 if the replicas differ.
pub(super) async fn run(arguments: DemoArgs, output: &Output) -> Result<ExitCode, CliError> {
    let temporary = match &arguments.dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|error| service("temporary folder", error))?),
    };
    let root = match (&arguments.dir, &temporary) {
        (Some(dir), _) => dir.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => PathBuf::from("."),
    };
    let mut stage = Stage::open(root, output)?;
    let told = story::tell(&mut stage, output).await;
    let report = match told {
        Ok(report) => report,
        Err(error) => {
            stage.close().await?;
            return Err(error);
        }
    };
    let converged = report.converged;
    output.answer(&Answer::new(&report, Page::new())?)?;
    if arguments.keep {
        stage.invite(output)?;
        asked_to_stop().await;
    }
    stage.close().await?;
    Ok(if converged { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
