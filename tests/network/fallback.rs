//! Where UDP is blocked: phones that fall back to TCP by themselves, and go back; and what TCP has of
//! its own, slow lines, cuts and strangers.

use std::sync::Arc;
use std::time::Duration;

use bienban_core::net::limits::{TCP_REMEMBERED, TRANSPORT_STAGGER};
use bienban_core::net::{
    HubAddress, HubEndpoint, Limits, Link, Listen, ListenTcp, NetError, PhoneEndpoint, Transport,
};
use bienban_tests::link::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::Instant;

use crate::harness::{
    HUB_SEED, PATIENCE, Relay, anywhere, eventually, hub_at, open_hub, over_both, pattern, phone,
    phone_over, roomy, serve_echo, soon,
};
use crate::raw::Raw;

over_both![
    frames_arrive_over_a_slow_line,
    line_cut_midway_is_noticed_and_the_next_connection_works,
    session_goes_on_after_a_dead_spot,
    a_flood_of_connections_keeps_no_known_phone_out,
];

/// A hub as a phone in a network that blocks UDP sees it: what goes there by UDP is lost.
async fn hub_without_udp() -> (Arc<HubEndpoint>, HubAddress, UdpSocket) {
    let (black_hole, listener) = loop {
        let black_hole = UdpSocket::bind(anywhere()).await.unwrap();
        if let Ok(listener) = TcpListener::bind(black_hole.local_addr().unwrap()).await {
            break (black_hole, listener);
        }
    };
    let place = black_hole.local_addr().unwrap();
    drop(listener);
    let listen = Listen { udp: anywhere(), tcp: ListenTcp::At(place) };
    let hub = HubEndpoint::bind(listen, &HUB_SEED, Arc::new(|_| true), Limits::default()).unwrap();
    let address = HubAddress::at(place, hub.key());
    (Arc::new(hub), address, black_hole)
}

async fn echo(link: &mut Link, frame: &[u8]) {
    link.send(frame).await.unwrap();
    assert!(soon("echo", link.receive()).await.unwrap().unwrap() == frame);
}

#[tokio::test(flavor = "multi_thread")]
async fn phone_falls_back_to_tcp_and_the_next_attempt_does_not_wait() {
    let (hub, address, _black_hole) = hub_without_udp().await;
    serve_echo(&hub);
    let phone = phone(1);
    let begun = Instant::now();
    let mut link = phone.connect(&address, PATIENCE).await.unwrap();
    assert!(begun.elapsed() >= TRANSPORT_STAGGER, "QUIC was given its time");
    assert_eq!(link.transport(), Transport::Tcp);
    echo(&mut link, &pattern(100_000)).await;
    let traffic = link.traffic();
    assert!(traffic.bytes_sent > 100_000 && traffic.bytes_received > 100_000, "{traffic:?}");
    link.finish().await.unwrap();
    assert!(phone.tcp_remembered(hub.key()).is_some());
    // What is dropped before the stagger is over has not waited for it.
    let again = tokio::time::timeout(TRANSPORT_STAGGER, phone.connect(&address, PATIENCE)).await;
    assert_eq!(again.expect("no waiting for QUIC").unwrap().transport(), Transport::Tcp);
}

#[tokio::test(flavor = "multi_thread")]
async fn phone_prefers_quic_where_both_lead_to_the_hub() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let address = hub_at(&hub, hub.local_addr());
    let phone = phone(1);
    let mut link = phone.connect(&address, PATIENCE).await.unwrap();
    assert_eq!(link.transport(), Transport::Quic);
    echo(&mut link, b"by udp").await;
    assert_eq!(phone.tcp_remembered(hub.key()), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_ends_by_time_by_a_new_network_and_by_tcp_that_leads_nowhere() {
    let listen = Listen { udp: anywhere(), tcp: ListenTcp::Off };
    let hub = HubEndpoint::bind(listen, &HUB_SEED, Arc::new(|_| true), Limits::default()).unwrap();
    let hub = Arc::new(hub);
    serve_echo(&hub);
    let phone = phone(1);
    phone.remember_tcp(hub.key(), Duration::from_millis(1));
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(phone.tcp_remembered(hub.key()), None, "it has expired");
    phone.remember_tcp(hub.key(), Duration::MAX);
    assert!(phone.tcp_remembered(hub.key()).unwrap() <= TCP_REMEMBERED);
    phone.rebind().unwrap();
    assert_eq!(phone.tcp_remembered(hub.key()), None, "another network");
    phone.remember_tcp(hub.key(), TCP_REMEMBERED);
    let address = hub_at(&hub, hub.local_addr());
    let link = soon("by QUIC", phone.connect(&address, PATIENCE)).await.unwrap();
    assert_eq!(link.transport(), Transport::Quic);
    assert_eq!(phone.tcp_remembered(hub.key()), None, "UDP is open again");
}

#[tokio::test(flavor = "multi_thread")]
async fn port_where_neither_listens_is_named() {
    let closed = UdpSocket::bind(anywhere()).await.unwrap().local_addr().unwrap();
    let address = HubAddress::at(closed, phone(9).device());
    let error = phone(1).connect(&address, PATIENCE).await.unwrap_err();
    assert!(matches!(error, NetError::Refused { .. }), "{error:?}");
    let by_tcp = phone_over(Transport::Tcp, 1).connect(&address, PATIENCE).await.unwrap_err();
    assert!(matches!(by_tcp, NetError::Refused { address } if address == closed), "{by_tcp:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_port_that_answers_nothing_is_a_timeout() {
    let silent = TcpListener::bind(anywhere()).await.unwrap();
    let address = HubAddress::at(silent.local_addr().unwrap(), phone(9).device());
    let wait = Duration::from_millis(300);
    let error = phone_over(Transport::Tcp, 1).connect(&address, wait).await.unwrap_err();
    assert!(matches!(error, NetError::Timeout { .. }), "{error:?}");
}

async fn frames_arrive_over_a_slow_line(over: Transport) {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let half_trip = Duration::from_millis(150);
    let path = Path { bytes_per_second: Some(30_000), ..Path::slow(half_trip) };
    let relay = Relay::start(over, &hub, path, path).await;
    let phone = phone_over(over, 1);
    let mut link = phone.connect(&hub_at(&hub, relay.address()), PATIENCE).await.unwrap();
    echo(&mut link, &pattern(40_000)).await;
    // TCP's connects end at the relay, so what is known of the line there is known of no line.
    let known = link.traffic().round_trip;
    assert!(over == Transport::Tcp || known >= half_trip * 2, "{known:?}");
    // On so slow a line the last words may take longer than they are waited for.
    soon("end", link.finish()).await.ok();
}

async fn line_cut_midway_is_noticed_and_the_next_connection_works(over: Transport) {
    let limits = Limits { stall_timeout: Duration::from_millis(500), ..Limits::default() };
    let hub = open_hub(limits);
    let slow = Path { bytes_per_second: Some(100_000), ..Path::default() };
    let relay = Relay::start(over, &hub, slow, Path::default()).await;
    let phone = phone_over(over, 1);
    let mut link = phone.connect(&hub_at(&hub, relay.address()), PATIENCE).await.unwrap();
    let sending = tokio::spawn(async move { link.send(&pattern(1_000_000)).await.map(|()| link) });
    let mut session = soon("session", hub.accept()).await.unwrap();
    let receiving = tokio::spawn(async move { session.receive().await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    relay.cut();
    let error = soon("the hub gives up", receiving).await.unwrap().unwrap_err();
    assert!(matches!(error, NetError::TooSlow { .. }), "{error:?}");
    sending.abort();
    eventually("the place is free", || hub.load().connections == 0).await;
    serve_echo(&hub);
    let mut again = phone_over(over, 2).connect(&direct(over, &hub), PATIENCE).await.unwrap();
    echo(&mut again, b"again").await;
}

async fn session_goes_on_after_a_dead_spot(over: Transport) {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let path = Path::slow(Duration::from_millis(10));
    let relay = Relay::start(over, &hub, path, path).await;
    let phone = phone_over(over, 1);
    let mut link = phone.connect(&hub_at(&hub, relay.address()), PATIENCE).await.unwrap();
    echo(&mut link, &pattern(1_000)).await;
    relay.cut();
    let frame = pattern(30_000);
    link.send(&frame).await.unwrap();
    let early = tokio::time::timeout(Duration::from_secs(1), link.receive()).await;
    assert!(early.is_err(), "nothing passes a cut line");
    relay.restore();
    assert!(soon("echo", link.receive()).await.unwrap().unwrap() == frame);
}

fn direct(over: Transport, hub: &HubEndpoint) -> HubAddress {
    match over {
        Transport::Quic => hub_at(hub, hub.local_addr()),
        Transport::Tcp => hub_at(hub, hub.tcp_addr().unwrap()),
    }
}

/// A known device that connects again and again keeps no other out, whichever transport it uses.
async fn a_flood_of_connections_keeps_no_known_phone_out(over: Transport) {
    let limits = Limits { connections_per_device_max: 2, ..roomy() };
    let hub = open_hub(limits);
    serve_echo(&hub);
    let address = direct(over, &hub);
    let flooding = phone_over(over, 1);
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut link = flooding.connect(&address, PATIENCE).await.unwrap();
        // The oldest are ended under way; what is left of them does not matter.
        link.send(b"one more").await.ok();
        held.push(link);
    }
    eventually("only two are left", || hub.load().connections <= 2).await;
    let mut honest = phone_over(over, 2).connect(&address, PATIENCE).await.unwrap();
    echo(&mut honest, b"honest").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_handshakes_over_tcp_are_bounded_and_honest_phones_get_in() {
    let limits = Limits { handshake_timeout: Duration::from_secs(2), ..Limits::default() };
    let most = limits.handshakes_per_address_max;
    let hub = open_hub(limits);
    serve_echo(&hub);
    let place = hub.tcp_addr().unwrap();
    let mut strangers = Vec::new();
    for number in 0..150_u8 {
        let mut stranger = TcpStream::connect(place).await.unwrap();
        // Half of them trickle the beginning of a handshake, the others say nothing.
        if number % 2 == 0 {
            stranger.write_all(&[22, 3, 1]).await.ok();
        }
        strangers.push(stranger);
    }
    eventually("those over the limit are turned away", || hub.load().refused > 100).await;
    assert!(hub.load().handshakes <= most);
    let mut link = knock(&phone_over(Transport::Tcp, 200), &hub_at(&hub, place)).await;
    echo(&mut link, b"honest").await;
    eventually("half handshakes given up", || hub.load().handshakes == 0).await;
    for stranger in &mut strangers {
        let mut heard = Vec::new();
        // Turned away or given up; a socket that is closed over unread bytes reports a reset.
        soon("end", stranger.read_to_end(&mut heard)).await.ok();
        assert!(heard.len() <= 7, "{} bytes for a stranger that proved nothing", heard.len());
    }
}

/// Connects as often as it takes.
async fn knock(phone: &PhoneEndpoint, address: &HubAddress) -> Link {
    soon("honest phone", async {
        loop {
            match phone.connect(address, PATIENCE).await {
                Ok(link) => return link,
                Err(NetError::Busy | NetError::Lost { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_on_the_tcp_port_changes_nothing() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let place = hub.tcp_addr().unwrap();
    for len in [1, 5, 100, 1_400, 20_000] {
        let mut noise = TcpStream::connect(place).await.unwrap();
        noise.write_all(&pattern(len)).await.ok();
    }
    let mut link = knock(&phone_over(Transport::Tcp, 1), &hub_at(&hub, place)).await;
    echo(&mut link, b"clear").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_none_end_the_session_and_take_no_memory() {
    for bare in [[0, 255, 255, 255], [0, 0, 0, 0], [9, 0, 0, 0], [1, 1, 0, 0]] {
        let hub = open_hub(Limits::default());
        let mut raw = Raw::known(Transport::Tcp, &hub).await;
        raw.send(&[1, 0, 0, 0, 7]).await;
        raw.send_bare(&bare).await;
        let mut session = soon("session", hub.accept()).await.unwrap();
        assert_eq!(soon("frame", session.receive()).await.unwrap().unwrap(), [7]);
        let error = soon("end", session.receive()).await.unwrap_err();
        assert!(matches!(error, NetError::Misbehaved { .. }), "{bare:?}: {error:?}");
    }
}
