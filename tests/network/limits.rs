//! What strangers, slow readers and broken peers cost, and whom it does not hurt.

use std::sync::Arc;
use std::time::Duration;

use bienban_core::net::{Advice, CloseReason, FRAME_WIRE_BYTES_MAX, Limits, NetError, Transport};
use bienban_tests::link::{Path, UdpLink};
use tokio::task::JoinSet;

use crate::harness::{
    PATIENCE, Relay, eventually, hub_at, open_hub, over_both, pattern, phone, phone_over, roomy,
    serve_echo, soon,
};
use crate::raw::Raw;

over_both![
    one_hub_serves_fifty_phones_at_once,
    frame_over_the_limit_is_not_sent_and_the_link_goes_on,
    peer_that_announces_too_long_a_frame_is_cut_off,
    stream_cut_inside_a_frame_is_truncated,
    frame_that_stands_still_is_given_up,
    link_may_rest_between_frames,
    given_up_receive_loses_nothing,
    slow_reader_is_given_up_and_hinders_nobody,
    newest_connections_of_a_device_stay,
    full_hub_says_that_it_is_busy,
    connection_without_a_session_is_ended,
    stranger_without_a_key_or_with_another_protocol_gets_no_session,
    closing_hub_lets_sessions_end_and_turns_newcomers_away,
    session_that_does_not_end_is_told_that_the_hub_shuts_down,
    peer_that_goes_away_is_not_taken_for_an_end_in_order,
];

async fn one_hub_serves_fifty_phones_at_once(over: Transport) {
    let hub = open_hub(roomy());
    serve_echo(&hub);
    let address = hub_at(&hub, hub.local_addr());
    let mut phones = JoinSet::new();
    for number in 1..=50_u8 {
        let address = address.clone();
        phones.spawn(async move {
            let phone = phone_over(over, number);
            let mut link = phone.connect(&address, PATIENCE).await.unwrap();
            let frame = pattern(10_000 + usize::from(number));
            for _ in 0..5 {
                link.send(&frame).await.unwrap();
                assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), frame);
            }
            link.finish().await.unwrap();
            phone.wait_idle(PATIENCE).await;
        });
    }
    soon("fifty phones", phones.join_all()).await;
    eventually("every place free again", || hub.load().connections == 0).await;
}

async fn frame_over_the_limit_is_not_sent_and_the_link_goes_on(over: Transport) {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let address = hub_at(&hub, hub.local_addr());
    let mut link = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap();
    let error = link.send(&vec![0; FRAME_WIRE_BYTES_MAX + 1]).await.unwrap_err();
    assert!(matches!(error, NetError::FrameNotSendable { .. }), "{error:?}");
    let largest = pattern(FRAME_WIRE_BYTES_MAX);
    let (mut sender, mut receiver) = link.split();
    let (sent, received) = tokio::join!(sender.send(&largest), soon("echo", receiver.receive()));
    sent.unwrap();
    assert!(received.unwrap().unwrap() == largest);
}

async fn peer_that_announces_too_long_a_frame_is_cut_off(over: Transport) {
    let hub = open_hub(Limits::default());
    let mut raw = Raw::known(over, &hub).await;
    raw.send(&u32::MAX.to_le_bytes()).await;
    let mut link = soon("session", hub.accept()).await.unwrap();
    let error = soon("refusal", link.receive()).await.unwrap_err();
    assert!(matches!(error, NetError::FrameTooLong { .. }), "{error:?}");
    assert_eq!(error.advice(), Advice::PeerAtFault);
    assert_eq!(soon("close", raw.closed()).await, Some(CloseReason::Misbehaved));
}

async fn stream_cut_inside_a_frame_is_truncated(over: Transport) {
    let hub = open_hub(Limits::default());
    let mut raw = Raw::known(over, &hub).await;
    raw.send(&[100, 0, 0, 0, 1, 2, 3]).await;
    raw.finish().await;
    let mut link = soon("session", hub.accept()).await.unwrap();
    let error = soon("end", link.receive()).await.unwrap_err();
    assert!(matches!(error, NetError::Truncated { missing: 97 }), "{error:?}");
}

async fn frame_that_stands_still_is_given_up(over: Transport) {
    let limits = Limits { stall_timeout: Duration::from_millis(200), ..Limits::default() };
    let hub = open_hub(limits);
    let mut raw = Raw::known(over, &hub).await;
    raw.send(&[100, 0, 0, 0, 1]).await;
    let mut link = soon("session", hub.accept()).await.unwrap();
    let error = soon("end", link.receive()).await.unwrap_err();
    assert!(matches!(error, NetError::TooSlow { .. }), "{error:?}");
}

async fn link_may_rest_between_frames(over: Transport) {
    let limits = Limits { stall_timeout: Duration::from_millis(100), ..Limits::default() };
    let hub = open_hub(limits);
    serve_echo(&hub);
    let address = hub_at(&hub, hub.local_addr());
    let mut link = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap();
    for _ in 0..2 {
        link.send(b"still here").await.unwrap();
        assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"still here");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

async fn given_up_receive_loses_nothing(over: Transport) {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let slow = Path { bytes_per_second: Some(500_000), ..Path::default() };
    let relay = Relay::start(over, &hub, Path::default(), slow).await;
    let mut link =
        phone_over(over, 1).connect(&hub_at(&hub, relay.address()), PATIENCE).await.unwrap();
    let frame = pattern(200_000);
    link.send(&frame).await.unwrap();
    let mut given_up = 0;
    let received = loop {
        match tokio::time::timeout(Duration::from_millis(5), link.receive()).await {
            Ok(received) => break received.unwrap().unwrap(),
            Err(_) => given_up += 1,
        }
    };
    assert!(received == frame);
    assert!(given_up > 5, "the frame came too fast for the test: {given_up}");
}

async fn slow_reader_is_given_up_and_hinders_nobody(over: Transport) {
    let limits = Limits { stall_timeout: Duration::from_millis(500), ..Limits::default() };
    let hub = open_hub(limits);
    let address = hub_at(&hub, hub.local_addr());
    let mut lazy = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap();
    lazy.send(b"send me much").await.unwrap();
    let mut flooding = soon("session", hub.accept()).await.unwrap();
    let flood = tokio::spawn(async move {
        let frame = pattern(FRAME_WIRE_BYTES_MAX);
        loop {
            if let Err(error) = flooding.send(&frame).await {
                return error;
            }
        }
    });
    serve_echo(&hub);
    let busy = phone_over(over, 2);
    let mut link = busy.connect(&address, PATIENCE).await.unwrap();
    for _ in 0..20 {
        link.send(b"quick").await.unwrap();
        assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"quick");
    }
    let error = soon("slow reader given up", flood).await.unwrap();
    assert!(matches!(error, NetError::TooSlow { .. }), "{error:?}");
    drop(lazy);
}

async fn newest_connections_of_a_device_stay(over: Transport) {
    let limits = Limits { connections_per_device_max: 2, ..Limits::default() };
    let hub = open_hub(limits);
    serve_echo(&hub);
    let address = hub_at(&hub, hub.local_addr());
    let mut links = Vec::new();
    for _ in 0..3 {
        let mut link = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap();
        link.send(b"hello").await.unwrap();
        soon("echo", link.receive()).await.unwrap().unwrap();
        links.push(link);
    }
    let error = soon("end of the oldest", links[0].receive()).await.unwrap_err();
    assert!(matches!(error, NetError::Closed { reason: CloseReason::Superseded }), "{error:?}");
    for link in &mut links[1..] {
        link.send(b"still").await.unwrap();
        assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"still");
    }
    eventually("the oldest left", || hub.load().connections == 2).await;
}

async fn full_hub_says_that_it_is_busy(over: Transport) {
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let hub = open_hub(limits);
    serve_echo(&hub);
    let address = hub_at(&hub, hub.local_addr());
    let mut first = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap();
    first.send(b"first").await.unwrap();
    soon("echo", first.receive()).await.unwrap().unwrap();
    let error = phone_over(over, 2).connect(&address, PATIENCE).await.unwrap_err();
    assert!(matches!(error, NetError::Busy), "{error:?}");
    assert_eq!(error.advice(), Advice::RetryLater);
    drop(first);
    eventually("the place is free", || hub.load().connections == 0).await;
    let mut second = phone_over(over, 2).connect(&address, PATIENCE).await.unwrap();
    second.send(b"second").await.unwrap();
    soon("echo", second.receive()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_of_half_handshakes_is_bounded_and_honest_phones_get_in() {
    let limits = Limits { handshake_timeout: Duration::from_secs(2), ..Limits::default() };
    let (places, asked_above) = (limits.handshakes_max, limits.retry_above);
    let hub = open_hub(limits);
    serve_echo(&hub);
    // Strangers whose addresses lead nowhere: what the hub answers is lost.
    let nowhere = Path { lost_per_mille: 1000, ..Path::default() };
    let relay = UdpLink::start(4, hub.local_addr(), Path::default(), nowhere).await.unwrap();
    let mut strangers = JoinSet::new();
    for number in 0..150_u8 {
        let address = hub_at(&hub, relay.address());
        strangers.spawn(async move {
            let stranger = phone_over(Transport::Quic, number);
            stranger.connect(&address, Duration::from_secs(3)).await.unwrap_err()
        });
    }
    eventually("the flood", || hub.load().retried > 50).await;
    assert!(hub.load().handshakes <= places);
    assert!(hub.load().handshakes <= asked_above, "only proved addresses pass the first places");
    let honest = phone_over(Transport::Quic, 200);
    let address = hub_at(&hub, hub.local_addr());
    // The flood holds all places that its address may have; the honest phone has another one in
    // the field, and here comes back as soon as the half handshakes are given up.
    let mut link = soon("honest phone", async {
        loop {
            match honest.connect(&address, PATIENCE).await {
                Ok(link) => return link,
                Err(error) => assert!(matches!(error, NetError::Busy), "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    link.send(b"honest").await.unwrap();
    assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"honest");
    while let Some(error) = strangers.join_next().await {
        let error = error.unwrap();
        assert!(matches!(error, NetError::Timeout { .. }), "{error:?}");
    }
    eventually("half handshakes given up", || hub.load().handshakes == 0).await;
}

async fn connection_without_a_session_is_ended(over: Transport) {
    let limits = Limits { stream_open_timeout: Duration::from_millis(200), ..Limits::default() };
    let hub = open_hub(limits);
    let mut raw = Raw::known(over, &hub).await;
    assert_eq!(soon("end", raw.closed()).await, Some(CloseReason::NoSession));
    eventually("the place is free", || hub.load().connections == 0).await;
}

async fn stranger_without_a_key_or_with_another_protocol_gets_no_session(over: Transport) {
    let hub = open_hub(Limits::default());
    let without_key = Raw::connect(over, &hub, b"bienban/1", None).await;
    let other_protocol = Raw::connect(over, &hub, b"bienban/999", Some([9; 32])).await;
    for mut raw in [without_key, other_protocol].into_iter().flatten() {
        assert_eq!(soon("end", raw.closed()).await, None, "no session was opened");
    }
    assert_eq!(hub.load().connections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_on_the_port_changes_nothing() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let noise = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for len in 0..1400_usize {
        let mut datagram = pattern(len);
        if let Some(first) = datagram.first_mut() {
            *first = u8::try_from(len % 256).unwrap();
        }
        noise.send_to(&datagram, hub.local_addr()).unwrap();
    }
    let address = hub_at(&hub, hub.local_addr());
    let mut link = phone(1).connect(&address, PATIENCE).await.unwrap();
    link.send(b"clear").await.unwrap();
    assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"clear");
}

async fn closing_hub_lets_sessions_end_and_turns_newcomers_away(over: Transport) {
    let hub = open_hub(Limits::default());
    let address = hub_at(&hub, hub.local_addr());
    let mut link = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap();
    link.send(b"last words").await.unwrap();
    let mut session = soon("session", hub.accept()).await.unwrap();
    let closing = Arc::clone(&hub);
    let closed = tokio::spawn(async move { closing.close(PATIENCE).await });
    assert!(soon("no more sessions", hub.accept()).await.is_none());
    let error = phone_over(over, 2).connect(&address, PATIENCE).await.unwrap_err();
    assert!(matches!(error, NetError::Busy), "{error:?}");
    assert_eq!(session.receive().await.unwrap().unwrap(), b"last words");
    session.send(b"heard").await.unwrap();
    session.finish().await.unwrap();
    assert_eq!(soon("answer", link.receive()).await.unwrap().unwrap(), b"heard");
    assert!(soon("end", link.receive()).await.unwrap().is_none());
    soon("closed", closed).await.unwrap();
}

async fn session_that_does_not_end_is_told_that_the_hub_shuts_down(over: Transport) {
    let hub = open_hub(Limits::default());
    let address = hub_at(&hub, hub.local_addr());
    let mut link = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap();
    link.send(b"hello").await.unwrap();
    let session = soon("session", hub.accept()).await.unwrap();
    soon("closed", hub.close(Duration::from_millis(50))).await;
    let error = soon("end", link.receive()).await.unwrap_err();
    assert!(matches!(error, NetError::Closed { reason: CloseReason::ShuttingDown }), "{error:?}");
    assert_eq!(error.advice(), Advice::RetryLater);
    drop(session);
}

async fn peer_that_goes_away_is_not_taken_for_an_end_in_order(over: Transport) {
    let hub = open_hub(Limits::default());
    let address = hub_at(&hub, hub.local_addr());
    let mut link = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap();
    link.send(b"hello").await.unwrap();
    let session = soon("session", hub.accept()).await.unwrap();
    drop(session);
    let error = soon("end", link.receive()).await.unwrap_err();
    assert!(matches!(error, NetError::Closed { reason: CloseReason::Abandoned }), "{error:?}");
}
