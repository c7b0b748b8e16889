//! `bienban field batch`: many commands on one open device, for scripts and tests.

use std::io::BufRead;

use bienban_core::client::Client;
use clap::{CommandFactory, FromArgMatches, Parser};

use super::super::error::CliError;
use super::super::output::{Answer, Output, Page};
use super::super::wrong::Wrong;
use super::super::{help, usage};
use super::{FieldCommand, perform};
use crate::messages::Messages;

/// One line of a batch.
#[derive(Debug, Parser)]
#[command(name = "batch", no_binary_name = true)]
struct Line {
    #[command(subcommand)]
    command: FieldCommand,
}

/// Runs the lines of standard input in order. Each answer is printed when its work is done, so a
/// reader that has seen it knows that the edit is durable. A line that fails does not stop the rest.
pub(super) async fn run(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let mut code = 0;
    let mut done = 0_usize;
    for (before, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.map_err(|source| CliError::Print { source })?;
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let answer = match parse(&line, output.messages()) {
            Ok(command) => Box::pin(perform(command, client, output)).await,
            Err(error) => Err(error),
        };
        let failed = match answer {
            Ok(answer) => {
                output.compact(&answer)?;
                answer.code()
            }
            Err(error) => {
                output.error_at(before + 1, &error);
                error.failed().code()
            }
        };
        done += usize::from(failed == 0);
        if code == 0 {
            code = failed;
        }
    }
    let data = serde_json::json!({ "done": done });
    Ok(Answer::new(&data, Page::new())?.silent().with_code(code))
}

fn parse(line: &str, m: &Messages) -> Result<FieldCommand, CliError> {
    let words = shlex::split(line).ok_or(Wrong::OpenQuote)?;
    let read = help::translated(Line::command(), "field", m)
        .try_get_matches_from_mut(words)
        .and_then(|matches| Line::from_arg_matches(&matches));
    read.map(|line| line.command)
        .map_err(|error| CliError::Usage { what: usage::explain(&error, m) })
}
