//! `bienban serve`: runs the hub until it is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use bienban_core::model::DeviceId;
use bienban_core::net::HubAddress;
use bienban_core::sync::{DeviceEntry, Role};
use clap::Args;
use serde::Serialize;
use tokio::sync::watch;

use super::error::CliError;
use super::output::{Answer, Output, Page};
use crate::config::{Config, Flags};
use crate::hub::{self, HubConfig, RunningHub};
use crate::logging;

/// How to run the hub. Settings come from the file, the environment (`BIENBAN_…`) and these
/// arguments, the later ones winning.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The hub's folder; made if it is not there.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// A file with settings, as --example prints one.
    #[arg(long, env = "BIENBAN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// The address that devices connect to, for instance 0.0.0.0:4433.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// What is logged: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,

    /// How it is logged: plain or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,

    /// A device to trust as an administrator of the whole country: the first one has nobody else to
    /// tell the hub of it.
    #[arg(long, value_name = "DEVICE")]
    admin: Vec<DeviceId>,

    /// Make the hub's key if there is none, print it and stop: devices pin it.
    #[arg(long)]
    show_key: bool,

    /// Print a file with all settings and stop.
    #[arg(long)]
    example: bool,
}

/// Where a hub can be reached.
#[derive(Debug, Serialize)]
pub(super) struct HubData {
    /// Address and port.
    pub(super) address: String,
    /// The key that devices pin.
    pub(super) key: String,
    /// Both in one text, for `init --hub`.
    pub(super) uri: String,
}

/// Runs the hub.
pub(super) async fn run(arguments: ServeArgs, output: &Output) -> Result<ExitCode, CliError> {
    if arguments.example {
        let mut page = Page::new();
        page.line(Config::example().trim_end());
        let data = serde_json::json!({ "example": Config::example() });
        output.answer(&Answer::new(&data, page)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let flags = Flags {
        listen: arguments.listen,
        data_dir: arguments.dir,
        log_level: arguments.log_level,
        log_format: arguments.log_format,
    };
    let config = Config::load(arguments.config.as_deref(), std::env::vars(), &flags)
        .map_err(|error| service("settings", error))?;
    if arguments.show_key {
        let key = hub::identity(&config.data_dir).map_err(|error| service("key", error))?;
        let mut page = Page::new();
        page.line(key.to_string());
        output.answer(&Answer::new(&serde_json::json!({ "key": key.to_string() }), page)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    logging::init(&config.log).map_err(|error| service("log", error))?;
    let hub = RunningHub::open(&HubConfig {
        dir: config.data_dir.clone(),
        listen: config.listen,
        limits: config.net_limits(),
        shutdown: config.shutdown,
        trust: arguments.admin.into_iter().map(first_admin).collect(),
    })
    .map_err(|error| service("hub", error))?;
    let data = data(&hub);
    let m = output.messages();
    // Before anybody is told that the hub runs, and may want it to stop.
    let asked = asked_to_stop();
    output.event(&data, &m.text("serve.listening", &[("uri", &data.uri)]))?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        asked.await;
        stop.send_replace(true);
    });
    hub.run(stopped).await.map_err(|error| service("hub", error))?;
    output.remark(&m.text("serve.stopped", &[]));
    Ok(ExitCode::SUCCESS)
}

/// Returns where a hub can be reached.
pub(super) fn data(hub: &RunningHub) -> HubData {
    let uri = HubAddress::at(hub.address(), hub.key()).to_string();
    HubData { address: hub.address().to_string(), key: hub.key().to_string(), uri }
}

/// The entry of an administrator that the operator vouches for.
pub(super) fn first_admin(device: DeviceId) -> DeviceEntry {
    let country = "00".parse().expect("00 is the code of the country");
    DeviceEntry {
        device,
        name: "Admin".to_owned(),
        agency: "Hub".to_owned(),
        role: Role::Admin,
        scopes: vec![country],
        active: true,
    }
}

/// Waits for Ctrl-C, or for the signal by which a service manager ends a service.
///
/// From this call on the signals are heard, also those that come before the result is awaited.
pub(super) fn asked_to_stop() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let (mut interrupted, mut terminated) = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    async move {
        #[cfg(unix)]
        if let (Ok(interrupted), Ok(terminated)) = (&mut interrupted, &mut terminated) {
            tokio::select! {
                _ = interrupted.recv() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
        // Without signals the process can still be killed safely.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Wraps an error of the hub.
pub(super) fn service(
    what: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> CliError {
    CliError::Service { what: what.to_owned(), source: Box::new(source) }
}
