//! `bienban serve`: runs the hub until it is told to stop.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use bienban_core::client;
use bienban_core::model::DeviceId;
use bienban_core::net::HubAddress;
use bienban_core::sync::{PlainEntry, Role};
use clap::Args;
use serde::Serialize;
use tokio::sync::watch;

use super::error::CliError;
use super::output::{Answer, Output, Page};
use super::wrong::Wrong;
use crate::config::{Config, Flags};
use crate::hub::{self, HubConfig, HubError, KeyStep, RunningHub};
use crate::logging;
use crate::merging::Merging;
use crate::messages::Messages;

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

    /// The folder was set back to a copy. Phones then compare everything and give back what the copy
    /// lacks. Say it once, at the first start; see docs/operations.md.
    #[arg(long)]
    restored: bool,

    /// Make the hub's key if there is none, print it and stop: devices pin it.
    #[arg(long)]
    show_key: bool,

    /// Make the key that will follow the hub's, and announce it: devices that exchange from now on take it
    /// by themselves once the hub has it. Say it at one start; see docs/operations.md.
    #[arg(long, conflicts_with = "switch_key")]
    announce_key: bool,

    /// Take the announced key: the one before signs nothing any more, and is overwritten. Say it at one
    /// start, when most devices have exchanged since the announcement.
    #[arg(long)]
    switch_key: bool,

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
    /// Both in one text, for `init --hub`: the first of `uris`.
    pub(super) uri: String,
    /// Where it listens for TCP, for phones whose network blocks UDP; none when it does not.
    pub(super) tcp_address: Option<String>,
    /// The same for each address of this machine at which the hub listens.
    pub(super) uris: Vec<String>,
    /// The key that is announced to follow; none where none is.
    pub(super) next_key: Option<String>,
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
    // Before anything is written: the key of a hub would make a phone's folder look like a hub's.
    if client::holds_device(&config.data_dir) {
        let path = config.data_dir.display().to_string();
        return Err(Wrong::DeviceFolder { path }.into());
    }
    if arguments.show_key {
        let key = hub::identity(&config.data_dir).map_err(|error| service("key", error))?;
        let mut page = Page::new();
        page.line(key.to_string());
        output.answer(&Answer::new(&serde_json::json!({ "key": key.to_string() }), page)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    logging::init(&config.log).map_err(|error| service("log", error))?;
    let step = match (arguments.announce_key, arguments.switch_key) {
        (true, _) => KeyStep::Announce,
        (_, true) => KeyStep::Switch,
        _ => KeyStep::Stay,
    };
    let settings = HubConfig {
        dir: config.data_dir.clone(),
        listen: config.listens(),
        limits: config.net_limits(),
        shutdown: config.shutdown,
        store: config.store.clone(),
        merging: Merging::Children(config.merge.clone()),
        pushes: config.limits.pushes,
        restored: arguments.restored,
        trust: arguments.admin.into_iter().map(first_admin).collect(),
    };
    let hub = RunningHub::open_with_key(&settings, step).map_err(|error| service("hub", error))?;
    let hub = match config.backup_folder.clone() {
        Some(folder) => hub.with_backup(&config.data_dir, folder),
        None => hub,
    };
    let data = data(&hub).map_err(|error| service("hub", error))?;
    let m = output.messages();
    // Before anybody is told that the hub runs, and may want it to stop.
    let asked = asked_to_stop();
    output.event(&data, &welcome(&data, m))?;
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
pub(super) fn data(hub: &RunningHub) -> Result<HubData, HubError> {
    let listens = hub.address();
    let at = |ip: IpAddr| {
        let address = SocketAddr::new(ip, listens.port());
        HubAddress::at(address, hub.key()).to_string()
    };
    let uris: Vec<String> = reachable(listens.ip(), &interfaces()).into_iter().map(at).collect();
    Ok(HubData {
        address: listens.to_string(),
        tcp_address: hub.tcp_address().map(|address| address.to_string()),
        key: hub.key().to_string(),
        uri: uris.first().cloned().unwrap_or_else(|| at(listens.ip())),
        uris,
        next_key: hub.next_key()?.map(|key| key.to_string()),
    })
}

/// Returns the addresses of this machine. Where the system does not tell, none.
fn interfaces() -> Vec<IpAddr> {
    if_addrs::get_if_addrs()
        .map(|all| all.iter().map(if_addrs::Interface::ip).collect())
        .unwrap_or_default()
}

/// Returns the addresses by which another machine comes to what listens at `listens`: that one, or for
/// 0.0.0.0 and [::] those of the machine, IPv4 first because it is shorter to type. Addresses that
/// need the name of an interface beside them are left out; the machine's own come last.
fn reachable(listens: IpAddr, interfaces: &[IpAddr]) -> Vec<IpAddr> {
    if !listens.is_unspecified() {
        return vec![listens];
    }
    let mut found: Vec<IpAddr> = interfaces
        .iter()
        .copied()
        // A socket for [::] takes IPv4 too where the system lets it, as the usual ones do.
        .filter(|ip| listens.is_ipv6() || ip.is_ipv4())
        .filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_link_local(),
            IpAddr::V6(ip) => !ip.is_unicast_link_local(),
        })
        .collect();
    found.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6(), *ip));
    found.dedup();
    if found.is_empty() {
        found.push(listens);
    }
    found
}

/// Says where the hub listens and how a device joins it.
fn welcome(data: &HubData, m: &Messages) -> String {
    let mut lines = vec![m.text("serve.listening", &[("uri", &data.uri)])];
    if data.uris.len() > 1 {
        lines.push(m.text("serve.other_addresses", &[]));
        lines.extend(data.uris.iter().skip(1).map(|uri| format!("  {uri}")));
    }
    if data.uri.contains("://0.0.0.0:") || data.uri.contains("://[::]:") {
        lines.push(m.text("serve.no_address", &[]));
    }
    if let Some(next) = &data.next_key {
        lines.push(m.text("serve.next_key", &[("key", next)]));
    }
    lines.push(m.text("serve.join", &[]));
    lines.push(format!("  bienban field --dir phone init --hub '{}'", data.uri));
    lines.push(
        "  bienban admin --dir admin trust DEVICE --name NAME --agency AGENCY --role inspector \
         --scope 20"
            .to_owned(),
    );
    lines.push("  bienban field --dir phone sync".to_owned());
    lines.join("\n")
}

/// The entry of an administrator that the operator vouches for.
pub(super) fn first_admin(device: DeviceId) -> PlainEntry {
    let country = "00".parse().expect("00 is the code of the country");
    PlainEntry {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_that_listens_everywhere_names_addresses_that_others_can_use() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let machine = ["127.0.0.1", "fe80::1", "2001:db8::7", "192.168.1.7", "169.254.3.3", "::1"];
        let machine = machine.map(ip);
        assert_eq!(reachable(ip("0.0.0.0"), &machine), [ip("192.168.1.7"), ip("127.0.0.1")]);
        assert_eq!(
            reachable(ip("::"), &machine),
            ["192.168.1.7", "2001:db8::7", "127.0.0.1", "::1"].map(ip)
        );
        assert_eq!(reachable(ip("10.0.0.1"), &machine), [ip("10.0.0.1")]);
        assert_eq!(reachable(ip("0.0.0.0"), &[]), [ip("0.0.0.0")], "then a remark says so");
    }
}
