//! Rows 25 and 26 of the scorecard, crowds: idle devices, strangers who begin and never end, and devices that say
//! a byte now and then.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bienban_core::net::{Limits, Transport};
use bienban_tests::link::{Path, UdpLink};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::{
    PATIENCE, eventually, hub_at, open_hub, over_both, phone_over, roomy, serve_echo, soon,
};
use crate::raw::Raw;
use crate::stranger;

/// Devices that are connected and say nothing, where `BIENBAN_IDLE` says nothing: the figure of row 25.
const IDLE: usize = 1_000;

/// What one of them may cost, both ends in this one process, in kB.
const IDLE_KB_MAX: u64 = 2 * 64;

/// Strangers who begin a handshake, where `BIENBAN_STRANGERS` says nothing; the figure of row 26 is 10,000.
const STRANGERS: usize = 2_000;

/// Devices that begin a frame and go on with a byte now and then.
const TRICKLERS: u8 = 64;

/// What a hub may send to an address that has not proved itself, in times of what came from there (RFC 9000, 8.1).
/// Datagrams are counted here: a first flight is padded to the size of a full one.
const AMPLIFIED_MAX: u64 = 3;

/// What they may make this process grow by, in kB, their own ends included.
const STRANGERS_KB_MAX: u64 = 128 << 10;

/// Strangers that begin beside each other here, before they are forgotten.
const FALL_SILENT: usize = 250;

/// Devices that connect at once here: all have one address.
const AT_ONCE: usize = 32;

fn memory_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

fn config(number: usize) -> ClientConfig {
    let mut seed = [9; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let tls = stranger::tls(b"bienban/1", Some(seed));
    ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

async fn echo(phone: u8, hub: &bienban_core::net::HubEndpoint) -> Duration {
    let begun = Instant::now();
    let address = hub_at(hub, hub.local_addr());
    let mut link = phone_over(Transport::Quic, phone).connect(&address, PATIENCE).await.unwrap();
    link.send(b"new").await.unwrap();
    assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"new");
    begun.elapsed()
}

/// Runs a test of this file in a process of its own: memory is measured there, and other tests have theirs.
fn alone(name: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("crowd::{name}"), "--ignored", "--nocapture"]);
    let ran = command.output().unwrap();
    println!("{}", String::from_utf8_lossy(&ran.stdout));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn idle_devices_cost_little_and_a_new_one_is_served() {
    alone("idle_devices");
}

#[test]
fn half_handshakes_cost_little_and_are_not_amplified() {
    alone("half_handshakes");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a process of its own"]
async fn idle_devices() {
    let count = bienban_tests::figure("BIENBAN_IDLE", IDLE);
    let connections_max = count + 64;
    let limits = Limits { stream_open_timeout: PATIENCE * 10, connections_max, ..roomy() };
    let hub = open_hub(limits);
    serve_echo(&hub);
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let before = memory_kb();
    let mut idle: Vec<Connection> = Vec::new();
    let mut begun = 0;
    while idle.len() < count {
        // On a machine that does much else a handshake may take too long; the device dials anew.
        assert!(begun < count * 2 + AT_ONCE, "{} of {begun} handshakes end", idle.len());
        let some = (0..AT_ONCE).map(|_| {
            let config = config(begun);
            begun += 1;
            endpoint.connect_with(config, hub.local_addr(), "hub.bienban").unwrap()
        });
        for connecting in some.collect::<Vec<_>>() {
            match soon("a device", connecting).await {
                Err(ConnectionError::TimedOut) => {}
                connected => idle.push(connected.unwrap()),
            }
        }
    }
    eventually("all have a place", || hub.load().connections >= count).await;
    let grown = memory_kb().saturating_sub(before);
    let each = grown / idle.len() as u64;
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        slowest = slowest.max(echo(number, &hub).await);
    }
    println!(
        "{} idle devices: {each} kB each, both ends; a new one within {slowest:?}",
        idle.len()
    );
    assert!(each <= IDLE_KB_MAX, "{each} kB each");
    assert!(idle.iter().all(|connection| connection.close_reason().is_none()), "all stayed");
}

/// Begins handshakes and is gone without a word more, with all that they cost on this side.
fn fall_silent(count: usize, hub: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let silent = runtime.block_on(async {
        let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let config = config(0);
        let mut begun = Vec::new();
        for number in 0..count {
            begun.push(endpoint.connect_with(config.clone(), hub, "hub.bienban").unwrap());
            if number % AT_ONCE == 0 {
                // The sockets must get to send.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        (endpoint, begun)
    });
    // Whoever ends in order says so to the hub; these cannot any more.
    runtime.shutdown_background();
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a process of its own"]
async fn half_handshakes() {
    let limits = Limits { handshake_timeout: Duration::from_secs(2), ..Limits::default() };
    let places = limits.handshakes_max;
    let hub = open_hub(limits);
    serve_echo(&hub);
    // What the hub answers is lost, as with a false source.
    let nowhere = Path { lost_per_mille: 1_000, ..Path::default() };
    let relay = UdpLink::start(26, hub.local_addr(), Path::default(), nowhere).await.unwrap();
    let before = memory_kb();
    let strangers = bienban_tests::figure("BIENBAN_STRANGERS", STRANGERS);
    let (mut begun, mut most) = (0, 0);
    while begun < strangers {
        let (count, address) = (FALL_SILENT.min(strangers - begun), relay.address());
        let silent = tokio::task::spawn_blocking(move || fall_silent(count, address));
        while !silent.is_finished() {
            most = most.max(hub.load().handshakes);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        silent.await.unwrap();
        begun += count;
    }
    let grown = memory_kb().saturating_sub(before);
    let load = hub.load();
    let sent = relay.counters();
    println!(
        "{strangers} strangers: {grown} kB more, {load:?}, at most {most} handshakes, {sent:?}"
    );
    assert!(sent.down + sent.lost <= sent.up * AMPLIFIED_MAX, "{sent:?}");
    assert!(load.retried + load.refused > 0, "they did not reach the hub");
    assert!(most <= places);
    assert!(grown <= STRANGERS_KB_MAX, "{grown} kB");
    let begun = Instant::now();
    soon("an honest phone", async {
        loop {
            let address = hub_at(&hub, hub.local_addr());
            let phone = phone_over(Transport::Quic, 1);
            if phone.connect(&address, Duration::from_secs(5)).await.is_ok() {
                return;
            }
        }
    })
    .await;
    println!("an honest phone got in within {:?}", begun.elapsed());
}

async fn bytes_that_trickle_hold_no_place_and_hinder_nobody(over: Transport) {
    let stall_timeout = Duration::from_secs(1);
    let hub = open_hub(Limits { stall_timeout, ..roomy() });
    serve_echo(&hub);
    let mut trickling = JoinSet::new();
    for number in 0..TRICKLERS {
        let mut raw = Raw::connect(over, &hub, b"bienban/1", Some([number; 32])).await.unwrap();
        // A frame of a kilobyte, of which hardly anything comes.
        raw.send(&[0, 4, 0, 0, 1]).await;
        trickling.spawn(async move {
            while raw.try_send(&[1]).await {
                tokio::time::sleep(stall_timeout / 5).await;
            }
        });
    }
    let mut slowest = Duration::ZERO;
    for number in 200..210 {
        slowest = slowest.max(echo(number, &hub).await);
    }
    soon("all of them are cut off", async { while trickling.join_next().await.is_some() {} }).await;
    println!("beside {TRICKLERS} that trickle over {over:?} an honest phone took {slowest:?}");
    eventually("their places are free", || hub.load().connections == 0).await;
}

over_both!(bytes_that_trickle_hold_no_place_and_hinder_nobody);
