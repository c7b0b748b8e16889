//! Places that strangers, ghosts and slow lines hold, and how long.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bienban_core::net::limits::{HANDSHAKES_MAX, HANDSHAKES_PER_ADDRESS_MAX, TCP_REMEMBERED};
use bienban_core::net::{CloseReason, HubEndpoint, Limits, Listen, ListenTcp, NetError, Transport};
use bienban_tests::link::Path;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::harness::{
    HUB_SEED, PATIENCE, Relay, anywhere, eventually, hub_at, open_hub, pattern, phone, phone_over,
    serve_echo, soon,
};
use crate::raw::Raw;

/// Records over TCP: this end gives its stream up; it lives.
const RESET: [u8; 4] = [2, 1, 0, 0];
const PING: [u8; 4] = [4, 0, 0, 0];

#[tokio::test(flavor = "multi_thread")]
async fn device_that_gives_its_stream_up_first_is_cut_off_and_not_only_uncounted() {
    let hub = open_hub(Limits::default());
    let mut raw = Raw::known(Transport::Tcp, &hub).await;
    raw.send_bare(&[RESET, PING].concat()).await;
    assert_eq!(soon("end", raw.closed()).await, Some(CloseReason::NoSession));
    eventually("the place is free", || hub.load().connections == 0).await;
}

/// Opens TCP connections from many addresses of this machine that say nothing.
async fn silent(hub: SocketAddr, addresses: u8, from_each: usize) -> Vec<TcpStream> {
    let mut strangers = Vec::new();
    for last in 0..addresses {
        for _ in 0..from_each {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, last + 1), 0))).unwrap();
            strangers.push(socket.connect(hub).await.unwrap());
        }
    }
    strangers
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_handshakes_from_many_addresses_keep_no_phone_out_of_either_transport() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let place = hub.tcp_addr().unwrap();
    let strangers = silent(place, 6, HANDSHAKES_PER_ADDRESS_MAX).await;
    eventually("the flood", || hub.load().given_up > 0).await;
    assert!(hub.load().handshakes < HANDSHAKES_MAX, "QUIC keeps its share");
    for (number, over) in [(1, Transport::Tcp), (2, Transport::Quic)] {
        let begun = tokio::time::Instant::now();
        let address = hub_at(&hub, hub.local_addr());
        let mut link = phone_over(over, number).connect(&address, PATIENCE).await.unwrap();
        link.send(b"honest").await.unwrap();
        assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"honest");
        let waited = begun.elapsed();
        assert!(
            waited < Limits::default().handshake_timeout,
            "it waited for strangers: {waited:?}"
        );
    }
    assert!(hub.load().handshakes >= HANDSHAKES_MAX / 2, "the strangers are there still");
    drop(strangers);
}

#[tokio::test(flavor = "multi_thread")]
async fn piece_that_takes_longer_than_the_stall_timeout_makes_progress_over_tcp() {
    let stall_timeout = Duration::from_secs(1);
    let hub = open_hub(Limits { stall_timeout, ..Limits::default() });
    // A piece of 16 KiB takes five times as long as a frame may stand still.
    let slow = Path { bytes_per_second: Some(3_000), ..Path::default() };
    let relay = Relay::start(Transport::Tcp, &hub, slow, Path::default()).await;
    let phone = phone_over(Transport::Tcp, 1);
    let mut link = phone.connect(&hub_at(&hub, relay.address()), PATIENCE).await.unwrap();
    let frame = pattern(20_000);
    link.send(&frame).await.unwrap();
    let mut session = soon("session", hub.accept()).await.unwrap();
    let received = soon("the frame", session.receive()).await.unwrap().unwrap();
    assert!(received == frame);
}

/// Answers every TCP connection with a fatal alert in the clear, as anybody on the way can.
async fn alerts(listener: TcpListener, alert: u8) {
    while let Ok((mut stream, _)) = listener.accept().await {
        stream.write_all(&[21, 3, 3, 0, 2, 2, alert]).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alert_in_the_clear_over_tcp_does_not_keep_a_phone_from_quic() {
    // internal_error and no_application_protocol: "busy" and "incompatible".
    for alert in [80, 120] {
        let (hub, listener) = loop {
            let listen = Listen { udp: anywhere(), tcp: ListenTcp::Off };
            let hub = HubEndpoint::bind(listen, &HUB_SEED, Arc::new(|_| true), Limits::default());
            let hub = Arc::new(hub.unwrap());
            if let Ok(listener) = TcpListener::bind(hub.local_addr()).await {
                break (hub, listener);
            }
        };
        serve_echo(&hub);
        tokio::spawn(alerts(listener, alert));
        let phone = phone(1);
        phone.remember_tcp(hub.key(), TCP_REMEMBERED);
        let address = hub_at(&hub, hub.local_addr());
        let mut link = soon("by QUIC", phone.connect(&address, PATIENCE)).await.unwrap();
        assert_eq!(link.transport(), Transport::Quic, "alert {alert}");
        link.send(b"here").await.unwrap();
        assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"here");
        assert_eq!(phone.tcp_remembered(hub.key()), None);
    }
}

/// Listens where no UDP socket of another test comes to be by chance, which would take what is sent there and say
/// nothing: systems give such ports from 32,768 on.
async fn listens_alone() -> TcpListener {
    for port in 20_000..30_000 {
        let place = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if std::net::UdpSocket::bind(place).is_ok()
            && let Ok(listener) = TcpListener::bind(place).await
        {
            return listener;
        }
    }
    panic!("ten thousand ports are taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_that_led_nowhere_is_not_tried_first_again() {
    let listener = listens_alone().await;
    let place = listener.local_addr().unwrap();
    tokio::spawn(alerts(listener, 80));
    let hub = phone(9).device();
    let phone = phone(1);
    phone.remember_tcp(hub, TCP_REMEMBERED);
    let address = bienban_core::net::HubAddress::at(place, hub);
    let error = soon("failure", phone.connect(&address, PATIENCE)).await.unwrap_err();
    assert!(matches!(error, NetError::Refused { .. } | NetError::Busy), "{error:?}");
    assert_eq!(phone.tcp_remembered(hub), None);
}
