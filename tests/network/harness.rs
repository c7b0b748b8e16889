//! What the tests of this binary share.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bienban_core::model::DeviceId;
use bienban_core::net::{HubAddress, HubEndpoint, Limits, Link, NetError, PhoneEndpoint};

/// The hub's secret in all tests.
pub(crate) const HUB_SEED: [u8; 32] = [200; 32];
/// Longer than anything may take on a machine that does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Any free port of this machine.
pub(crate) fn anywhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// Limits for tests in which all phones share one address.
pub(crate) fn roomy() -> Limits {
    Limits { handshakes_per_address_max: 64, ..Limits::default() }
}

/// Makes a hub that knows everybody.
pub(crate) fn open_hub(limits: Limits) -> Arc<HubEndpoint> {
    hub_that_admits(limits, |_| true)
}

/// Makes a hub that knows those `admit` says.
pub(crate) fn hub_that_admits(
    limits: Limits,
    admit: impl Fn(DeviceId) -> bool + Send + Sync + 'static,
) -> Arc<HubEndpoint> {
    Arc::new(HubEndpoint::bind(anywhere(), &HUB_SEED, Arc::new(admit), limits).unwrap())
}

/// Answers each frame of each session with the same frame, until the hub closes.
pub(crate) fn serve_echo(hub: &Arc<HubEndpoint>) {
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        while let Some(link) = hub.accept().await {
            tokio::spawn(echo(link));
        }
    });
}

async fn echo(mut link: Link) -> Result<(), NetError> {
    while let Some(frame) = link.receive().await? {
        link.send(&frame).await?;
    }
    link.finish().await
}

/// Makes the phone with this number.
pub(crate) fn phone(number: u8) -> PhoneEndpoint {
    PhoneEndpoint::bind(&[number; 32]).unwrap()
}

/// The hub of all tests, found at `address`.
pub(crate) fn hub_at(hub: &HubEndpoint, address: SocketAddr) -> HubAddress {
    HubAddress::at(address, hub.key())
}

/// Waits for what must come soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {PATIENCE:?}"),
    }
}

/// Waits until `ready`.
pub(crate) async fn eventually(what: &str, mut ready: impl FnMut() -> bool) {
    soon(what, async {
        while !ready() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Bytes that differ at each place.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from((i * 31 + i / 251) % 256).unwrap()).collect()
}
