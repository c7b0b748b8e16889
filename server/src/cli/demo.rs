//! `bienban demo`: the whole chain on one machine, told in plain words.

use std::process::ExitCode;

use clap::Args;

use super::error::CliError;
use super::output::Output;

/// How to run the demo.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Leave the hub running and say what to try next.
    #[arg(long)]
    keep: bool,
}

/// Runs the demo.
#[expect(clippy::unused_async, reason = "it starts a hub and waits for four phones")]
pub(super) async fn run(arguments: DemoArgs, _: &Output) -> Result<ExitCode, CliError> {
    let what = format!("the demo is not part of this build (keep: {})", arguments.keep);
    Err(CliError::Usage { what })
}
