//! `bienban serve`: runs the hub until it is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use bienban_core::client::ClientError;
use bienban_core::model::{DeviceId, Scope};
use bienban_core::net::HubAddress;
use bienban_core::sync::{DeviceEntry, Role};
use clap::Args;
use serde::Serialize;
use tokio::sync::watch;

use super::error::CliError;
use super::output::Output;
use crate::config::{Config, ConfigError, Flags};
use crate::hub::{HubConfig, RunningHub};
use crate::logging;

/// The whole country: the first administrator is nobody's subordinate.
const COUNTRY: &str = "00";

/// How to run the hub.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The settings file (TOML).
    #[arg(long, env = "BIENBAN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The hub's folder.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// UDP address and port that phones connect to; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// plain or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Take this device in as an administrator's: the first one, who enrols all others.
    #[arg(long, value_name = "DEVICE")]
    admin: Vec<DeviceId>,
    /// Print a settings file with every setting at its default, and end.
    #[arg(long)]
    example_config: bool,
}

/// Where the hub listens, printed once it does.
#[derive(Debug, Serialize)]
struct ServingData {
    /// What `init --hub` takes.
    hub: String,
    address: String,
    key: String,
}

/// Runs the hub.
pub(super) async fn run(arguments: ServeArgs, output: &Output) -> Result<ExitCode, CliError> {
    if arguments.example_config {
        output.raw(&Config::example())?;
        return Ok(ExitCode::SUCCESS);
    }
    let flags = Flags {
        listen: arguments.listen,
        data_dir: arguments.data_dir,
        log_level: arguments.log_level,
        log_format: arguments.log_format,
    };
    let config = Config::load(arguments.config.as_deref(), std::env::vars(), &flags)
        .map_err(|error: ConfigError| CliError::Settings { source: error })?;
    logging::init(&config.log).map_err(failed("set up the log"))?;
    let hub = HubConfig {
        dir: config.data_dir.clone(),
        listen: config.listen,
        limits: config.net_limits(),
        trust: arguments.admin.iter().map(administrator).collect::<Result<_, _>>()?,
    };
    let running = RunningHub::open(&hub).map_err(failed("start the hub"))?;
    let address = HubAddress::at(running.address(), running.key());
    let data = ServingData {
        hub: address.to_string(),
        address: address.host_and_port(),
        key: running.key().to_string(),
    };
    output.event(&data, &output.messages().text("serve.listening", &[("hub", &data.hub)]))?;
    let (stop, stopped) = watch::channel(false);
    let signals = tokio::spawn(async move {
        wait_for_signal().await;
        stop.send_replace(true);
    });
    let outcome = running.run(stopped).await;
    signals.abort();
    outcome.map_err(failed("run the hub"))?;
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C, or for the signal by which an init system ends a service.
async fn wait_for_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without signals the process can still be killed safely.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn administrator(device: &DeviceId) -> Result<DeviceEntry, CliError> {
    let scope = COUNTRY.parse::<Scope>().map_err(ClientError::from)?;
    Ok(DeviceEntry {
        device: *device,
        name: "Administrator".to_owned(),
        agency: String::new(),
        role: Role::Admin,
        scopes: vec![scope],
        active: true,
    })
}

fn failed<E: std::error::Error + Send + Sync + 'static>(
    what: &'static str,
) -> impl Fn(E) -> CliError {
    move |source| CliError::Service { what: format!("cannot {what}"), source: Box::new(source) }
}
