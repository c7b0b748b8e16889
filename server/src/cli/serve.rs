//! `bienban serve`: runs the hub until it is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::error::CliError;
use super::output::Output;

/// How to run the hub.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The hub's folder.
    #[arg(long, env = "BIENBAN_HUB_DIR")]
    dir: PathBuf,
}

/// Runs the hub.
#[expect(clippy::unused_async, reason = "it serves until it is told to stop")]
pub(super) async fn run(arguments: ServeArgs, _: &Output) -> Result<ExitCode, CliError> {
    let what = format!("the hub is not part of this build ({})", arguments.dir.display());
    Err(CliError::Usage { what })
}
