//! `bienban demo`: the whole chain on one machine, told in plain words.
//!
//! The hub runs here, on loopback, with an empty store. Administrator, supervisor and four inspectors
//! are processes of this program, each with a folder of its own, exactly as a person would run them.

mod enrol;
mod ocop;
mod proof;
mod revoked;
mod seals;
mod stage;
mod story;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;

use self::stage::Stage;
use super::error::CliError;
use super::output::{Answer, Output, Page};
use super::serve::{asked_to_stop, service};

/// How long after a player failed a signal may still come that explains it.
const SIGNAL_PATIENCE: Duration = Duration::from_millis(100);
/// How often the temporary folder is removed again: players that are killed are gone within a second or two.
const CLEARINGS_MAX: u32 = 30;

/// How to run the demo.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Leave the hub running and say what to try next. Ctrl-C ends it.
    #[arg(long)]
    keep: bool,

    /// The folder to work in, new or empty; kept afterwards. Default: a temporary one, removed at the end.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the demo. Ends with another code than 0 if the replicas differ, or a check of the record.
pub(super) async fn run(arguments: DemoArgs, output: &Output) -> Result<ExitCode, CliError> {
    if let Some(dir) = &arguments.dir {
        check_free(dir)?;
    }
    // From here on Ctrl-C ends the story instead of the program, so that nothing is left behind.
    let (stop, stopped) = watch::channel(false);
    let asked = asked_to_stop();
    tokio::spawn(async move {
        asked.await;
        stop.send_replace(true);
    });
    let temporary = match &arguments.dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|error| service("temporary folder", error))?),
    };
    let root = match (&arguments.dir, &temporary) {
        (Some(dir), _) => dir.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => PathBuf::from("."),
    };
    let ended = play(&arguments, root, stopped, output).await;
    if let Some(temporary) = temporary {
        clear(temporary.path()).await.map_err(|error| service("temporary folder", error))?;
    }
    ended
}

/// Refuses a folder that holds anything: the story writes files of its own there, and would replace those of the
/// same name.
fn check_free(dir: &Path) -> Result<(), CliError> {
    let taken = match std::fs::read_dir(dir) {
        Ok(mut held) => held.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(source) => return Err(CliError::File { path: dir.to_owned(), source }),
    };
    if !taken {
        return Ok(());
    }
    let hub = dir.join("hub");
    let demo = crate::hub::holds_hub(&hub).then_some(hub);
    Err(CliError::DemoThere { path: dir.to_owned(), hub: demo })
}

/// Removes a folder. Players that were ended with the story may write a last file meanwhile, so it is
/// tried again for a while.
async fn clear(folder: &Path) -> std::io::Result<()> {
    let mut left = CLEARINGS_MAX;
    loop {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if left == 0 => return Err(error),
            // Also where it went: what was being made in it comes back.
            _ => {}
        }
        left = left.saturating_sub(1);
        tokio::time::sleep(SIGNAL_PATIENCE).await;
    }
}

async fn play(
    arguments: &DemoArgs,
    root: PathBuf,
    stopped: watch::Receiver<bool>,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let mut stage = Stage::open(root, output)?;
    let told = tokio::select! {
        told = story::tell(&mut stage, output) => match told {
            // At a terminal Ctrl-C ends the players too, and the story may hear of that first.
            Err(_) if tokio::time::timeout(SIGNAL_PATIENCE, heard(stopped.clone())).await.is_ok() => None,
            told => Some(told),
        },
        () = heard(stopped.clone()) => None,
    };
    let report = match told {
        Some(Ok(report)) => report,
        None => {
            stage.close().await?;
            output.remark(&output.messages().text("demo.stopped", &[]));
            return Ok(ExitCode::FAILURE);
        }
        Some(Err(error)) => {
            stage.close().await?;
            return Err(error);
        }
    };
    let holds = report.holds();
    output.answer(&Answer::new(&report, Page::new())?)?;
    if arguments.keep {
        stage.invite(output)?;
        heard(stopped).await;
    }
    stage.close().await?;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns once somebody asked the program to stop.
async fn heard(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        // Nobody listens for signals: the demo ends by itself.
        std::future::pending().await
    }
}
