//! Sessions over lines that lose, delay, repeat, break and change address.

use std::time::Duration;

use bienban_core::net::{Limits, Link};
use bienban_tests::link::{Path, UdpLink};

use crate::harness::{PATIENCE, hub_at, open_hub, pattern, phone, serve_echo, soon};

/// Half of the round trip of a mountain commune on a bad day.
const HALF_TRIP: Duration = Duration::from_millis(150);

async fn exchange(link: &mut Link, frames: usize, frame: &[u8]) {
    for _ in 0..frames {
        link.send(frame).await.unwrap();
        assert!(soon("echo", link.receive()).await.unwrap().unwrap() == frame);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_arrive_over_a_line_that_loses_every_fifth_datagram() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let path = Path::lossy(HALF_TRIP, 20);
    let relay = UdpLink::start(5, hub.local_addr(), path, path).await.unwrap();
    let phone = phone(1);
    let mut link =
        soon("connect", phone.connect(&hub_at(&hub, relay.address()), PATIENCE)).await.unwrap();
    exchange(&mut link, 3, &pattern(8_000)).await;
    let traffic = link.traffic();
    assert!(relay.counters().lost > 0);
    assert!(traffic.round_trip >= HALF_TRIP * 2, "{traffic:?}");
    assert!(traffic.bytes_sent > 24_000 && traffic.bytes_received > 24_000, "{traffic:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_reordered_datagrams_change_nothing() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let path = Path {
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(10),
        lost_per_mille: 20,
        doubled_per_mille: 200,
        late_per_mille: 200,
        bytes_per_second: None,
    };
    let relay = UdpLink::start(6, hub.local_addr(), path, path).await.unwrap();
    let mut link = phone(1).connect(&hub_at(&hub, relay.address()), PATIENCE).await.unwrap();
    exchange(&mut link, 10, &pattern(20_000)).await;
    assert!(relay.counters().doubled > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_goes_on_when_the_network_changes_the_address() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let path = Path::slow(Duration::from_millis(10));
    let relay = UdpLink::start(7, hub.local_addr(), path, path).await.unwrap();
    let mut link = phone(1).connect(&hub_at(&hub, relay.address()), PATIENCE).await.unwrap();
    exchange(&mut link, 1, &pattern(1_000)).await;
    let frame = pattern(400_000);
    let (mut sender, mut receiver) = link.split();
    let sending = frame.clone();
    let sent = tokio::spawn(async move {
        sender.send(&sending).await.unwrap();
        sender
    });
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        relay.change_addresses();
    }
    assert!(soon("echo", receiver.receive()).await.unwrap().unwrap() == frame);
    let sender = sent.await.unwrap();
    assert_eq!(hub.load().connections, 1, "one connection all along");
    drop((sender, receiver));
}

#[tokio::test(flavor = "multi_thread")]
async fn session_goes_on_when_the_phone_changes_networks() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let phone = phone(1);
    let mut link = phone.connect(&hub_at(&hub, hub.local_addr()), PATIENCE).await.unwrap();
    for _ in 0..3 {
        exchange(&mut link, 2, &pattern(50_000)).await;
        phone.rebind().unwrap();
    }
    exchange(&mut link, 2, &pattern(50_000)).await;
    assert_eq!(hub.load().connections, 1, "one connection all along");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_goes_on_after_a_dead_spot() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let path = Path::slow(Duration::from_millis(10));
    let relay = UdpLink::start(8, hub.local_addr(), path, path).await.unwrap();
    let mut link = phone(1).connect(&hub_at(&hub, relay.address()), PATIENCE).await.unwrap();
    exchange(&mut link, 1, &pattern(1_000)).await;
    relay.cut();
    let frame = pattern(30_000);
    link.send(&frame).await.unwrap();
    let early = tokio::time::timeout(Duration::from_secs(1), link.receive()).await;
    assert!(early.is_err(), "nothing passes a cut line");
    relay.restore();
    assert!(soon("echo", link.receive()).await.unwrap().unwrap() == frame);
}

#[tokio::test(flavor = "multi_thread")]
async fn catching_up_costs_one_round_trip_after_the_handshake() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let path = Path::slow(HALF_TRIP);
    let relay = UdpLink::start(9, hub.local_addr(), path, path).await.unwrap();
    let address = hub_at(&hub, relay.address());
    // One for the handshake and one for the exchange; a third would be 900 ms. A machine that does
    // other things too may be late, but not every time.
    let mut fastest = Duration::MAX;
    for _ in 0..8 {
        let begun = tokio::time::Instant::now();
        let mut link = phone(1).connect(&address, PATIENCE).await.unwrap();
        link.send(b"what is new?").await.unwrap();
        soon("answer", link.receive()).await.unwrap().unwrap();
        let took = begun.elapsed();
        assert!(took >= HALF_TRIP * 4, "faster than the line: {took:?}");
        fastest = fastest.min(took);
        if fastest < HALF_TRIP * 6 {
            let traffic = link.traffic();
            assert!(traffic.bytes_sent < 3_500, "{traffic:?}");
            assert!(traffic.bytes_received < 3_500, "{traffic:?}");
            return;
        }
    }
    panic!("the fastest of eight took {fastest:?}");
}
