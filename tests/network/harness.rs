//! What the tests of this binary share.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bienban_core::model::DeviceId;
use bienban_core::net::{
    HubAddress, HubEndpoint, Limits, Link, NetError, PhoneEndpoint, Transport, Ways,
};
use bienban_tests::link::{Path, UdpLink};
use bienban_tests::tcp_link::TcpLink;

/// Makes two tests of each function: one over QUIC, one over TCP.
macro_rules! over_both {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use bienban_core::net::Transport;

            #[tokio::test(flavor = "multi_thread")]
            async fn quic() {
                super::$test(Transport::Quic).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn tcp() {
                super::$test(Transport::Tcp).await;
            }
        }
    )*};
}
pub(crate) use over_both;

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
    Limits { handshakes_max: 128, handshakes_per_address_max: 64, ..Limits::default() }
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

/// Makes the phone with this number, which goes to hubs by one transport only.
pub(crate) fn phone_over(over: Transport, number: u8) -> PhoneEndpoint {
    phone(number).by(Ways::Only(over))
}

/// A relay for either transport.
pub(crate) enum Relay {
    Quic(UdpLink),
    Tcp(TcpLink),
}

impl Relay {
    pub(crate) async fn start(over: Transport, hub: &HubEndpoint, up: Path, down: Path) -> Self {
        match over {
            Transport::Quic => {
                Self::Quic(UdpLink::start(1, hub.local_addr(), up, down).await.unwrap())
            }
            Transport::Tcp => {
                Self::Tcp(TcpLink::start(hub.tcp_addr().unwrap(), up, down).await.unwrap())
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Quic(relay) => relay.address(),
            Self::Tcp(relay) => relay.address(),
        }
    }

    /// Lets nothing through.
    pub(crate) fn cut(&self) {
        match self {
            Self::Quic(relay) => relay.cut(),
            Self::Tcp(relay) => relay.cut(),
        }
    }

    pub(crate) fn restore(&self) {
        match self {
            Self::Quic(relay) => relay.restore(),
            Self::Tcp(relay) => relay.restore(),
        }
    }
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
