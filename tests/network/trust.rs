//! Who talks to whom: pinned hubs, known devices, and what a person is told otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bienban_core::model::DeviceId;
use bienban_core::net::{Advice, HubAddress, HubEndpoint, Limits, NetError, Transport};

use crate::harness::{
    HUB_SEED, PATIENCE, anywhere, hub_at, hub_that_admits, open_hub, over_both, phone, phone_over,
    serve_echo, soon,
};

over_both![
    both_ends_learn_the_key_that_the_other_proved,
    hub_with_another_key_is_refused,
    unknown_device_is_told_so_and_the_hub_sees_no_session,
    revoked_device_loses_its_live_session_and_does_not_come_back,
    hub_is_found_by_name,
];

async fn both_ends_learn_the_key_that_the_other_proved(over: Transport) {
    let hub = open_hub(Limits::default());
    let phone = phone_over(over, 1);
    let address = hub_at(&hub, hub.local_addr());
    let mut here = phone.connect(&address, PATIENCE).await.unwrap();
    here.send(b"hello").await.unwrap();
    let mut there = soon("session", hub.accept()).await.unwrap();
    assert_eq!(here.peer(), hub.key());
    assert_eq!(there.peer(), phone.device());
    assert_eq!(there.receive().await.unwrap().unwrap(), b"hello");
    there.send(b"xin chao").await.unwrap();
    assert_eq!(here.receive().await.unwrap().unwrap(), b"xin chao");
    here.finish().await.unwrap();
    assert!(soon("end", there.receive()).await.unwrap().is_none());
}

async fn hub_with_another_key_is_refused(over: Transport) {
    let hub = open_hub(Limits::default());
    let pinned = DeviceId(*blake3::hash(b"another hub").as_bytes());
    let address = HubAddress::at(hub.local_addr(), pinned);
    let error = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap_err();
    assert!(matches!(error, NetError::HubKeyMismatch { pinned: named } if named == pinned));
    assert_eq!(error.advice(), Advice::TellUser);
    assert!(error.to_string().contains("not the hub you pinned"), "{error}");
}

async fn unknown_device_is_told_so_and_the_hub_sees_no_session(over: Transport) {
    let known = phone_over(over, 1);
    let known_device = known.device();
    let hub = hub_that_admits(Limits::default(), move |device| device == known_device);
    serve_echo(&hub);
    let address = hub_at(&hub, hub.local_addr());
    let stranger = phone_over(over, 2);
    // The handshake may end on the phone's side before the hub has looked at its key.
    let error = match stranger.connect(&address, PATIENCE).await {
        Ok(mut link) => {
            link.send(b"let me in").await.ok();
            soon("refusal", link.receive()).await.unwrap_err()
        }
        Err(error) => error,
    };
    assert!(
        matches!(error, NetError::DeviceUnknown { device } if device == stranger.device()),
        "{error:?}"
    );
    assert_eq!(error.advice(), Advice::TellUser);
    assert_eq!(hub.load().connections, 0);
    let mut link = known.connect(&address, PATIENCE).await.unwrap();
    link.send(b"known").await.unwrap();
    assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"known");
}

async fn revoked_device_loses_its_live_session_and_does_not_come_back(over: Transport) {
    let revoked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&revoked);
    let hub = hub_that_admits(Limits::default(), move |_| !seen.load(Ordering::Relaxed));
    serve_echo(&hub);
    let address = hub_at(&hub, hub.local_addr());
    let phone = phone_over(over, 1);
    let mut link = phone.connect(&address, PATIENCE).await.unwrap();
    link.send(b"1").await.unwrap();
    soon("echo", link.receive()).await.unwrap().unwrap();
    revoked.store(true, Ordering::Relaxed);
    hub.disconnect(phone.device());
    let error = soon("end", link.receive()).await.unwrap_err();
    assert!(matches!(error, NetError::DeviceUnknown { .. }), "{error:?}");
    let again = match phone.connect(&address, PATIENCE).await {
        Ok(mut link) => {
            link.send(b"again").await.ok();
            soon("refusal", link.receive()).await.unwrap_err()
        }
        Err(error) => error,
    };
    assert!(matches!(again, NetError::DeviceUnknown { .. }), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn port_without_a_hub_is_named() {
    let closed = std::net::UdpSocket::bind(anywhere()).unwrap().local_addr().unwrap();
    let address = HubAddress::at(closed, DeviceId([1; 32]));
    let error = phone(1).connect(&address, PATIENCE).await.unwrap_err();
    assert!(matches!(error, NetError::Refused { address } if address == closed), "{error:?}");
    assert_eq!(error.advice(), Advice::RetryLater);
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_that_does_not_answer_is_a_timeout() {
    let silent = std::net::UdpSocket::bind(anywhere()).unwrap();
    let address = HubAddress::at(silent.local_addr().unwrap(), DeviceId([1; 32]));
    let wait = Duration::from_millis(300);
    let error = phone(1).connect(&address, wait).await.unwrap_err();
    assert!(matches!(error, NetError::Timeout { waited, .. } if waited == wait), "{error:?}");
}

async fn hub_is_found_by_name(over: Transport) {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let place = format!("localhost:{}", hub.local_addr().port());
    let address = HubAddress::parse(&place, hub.key()).unwrap();
    let mut link = phone_over(over, 1).connect(&address, PATIENCE).await.unwrap();
    link.send(b"found").await.unwrap();
    assert_eq!(soon("echo", link.receive()).await.unwrap().unwrap(), b"found");
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_hub_tells_its_phones_at_once() {
    let hub = open_hub(Limits::default());
    serve_echo(&hub);
    let place = hub.local_addr();
    let relay = bienban_tests::link::UdpLink::start(
        1,
        place,
        bienban_tests::link::Path::default(),
        bienban_tests::link::Path::default(),
    )
    .await
    .unwrap();
    let mut link = phone(1).connect(&hub_at(&hub, relay.address()), PATIENCE).await.unwrap();
    link.send(b"1").await.unwrap();
    soon("echo", link.receive()).await.unwrap().unwrap();
    // As a power cut does, the relay keeps the old hub from saying goodbye.
    relay.cut();
    hub.close(Duration::ZERO).await;
    drop(hub);
    let again = restart(place).await;
    serve_echo(&again);
    relay.restore();
    link.send(&[0; 600]).await.unwrap();
    let error = soon("reset", link.receive()).await.unwrap_err();
    assert!(matches!(error, NetError::Lost { .. }), "{error:?}");
    assert_eq!(error.advice(), Advice::RetryLater);
}

/// Opens a hub at a port that the one before gives back only after a moment.
async fn restart(place: std::net::SocketAddr) -> Arc<HubEndpoint> {
    soon("restart", async {
        loop {
            match HubEndpoint::bind(place, &HUB_SEED, Arc::new(|_| true), Limits::default()) {
                Ok(hub) => return Arc::new(hub),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    })
    .await
}
