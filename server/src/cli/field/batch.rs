//! `bienban field batch`: many commands on one open device, for scripts and tests.

use std::io::BufRead;

use bienban_core::client::Client;
use clap::Parser;

use super::super::error::CliError;
use super::super::output::{Answer, Output, Page};
use super::{FieldCommand, perform};

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
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|source| CliError::Print { source })?;
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let answer = match parse(&line) {
            Ok(command) => Box::pin(perform(command, client, output)).await,
            Err(error) => Err(error),
        };
        let failed = match answer {
            Ok(answer) => {
                output.compact(&answer)?;
                answer.code()
            }
            Err(error) => {
                output.error(&error);
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

fn parse(line: &str) -> Result<FieldCommand, CliError> {
    let words = shlex::split(line).ok_or_else(|| CliError::Usage {
        what: "a line of the batch has an open quotation mark".to_owned(),
    })?;
    Line::try_parse_from(words)
        .map(|line| line.command)
        .map_err(|error| CliError::Usage { what: error.to_string() })
}
