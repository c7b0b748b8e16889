//! The phone's end: connects to the one hub it pinned.

use std::future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, TokioRuntime};
use tokio::task::JoinSet;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::model::DeviceId;

use super::address::HubAddress;
use super::carrier::{Carrier, Inward, Outward, Transport};
use super::error::{Ends, NetError};
use super::limits::{
    ADDRESS_STAGGER, ASK_ALIVE, KEEP_ALIVE, REFUSAL_PROBE_AFTER, STALL_TIMEOUT, TCP_REMEMBERED,
    TRANSPORT_STAGGER,
};
use super::link::Link;
use super::tcp;
use super::tls;
use super::transport::{End, transport};

/// rustls wants a server name; ours is not sent, and the key alone decides.
pub(super) const SERVER_NAME: &str = "hub.bienban";

/// How a phone may go to its hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ways {
    /// By QUIC, and by TCP where QUIC gets no answer.
    #[default]
    Both,
    /// By one only.
    Only(Transport),
}

/// A phone's UDP socket and key.
///
/// Hold a [`Link`] only while the app is in use: it keeps itself alive every 20 seconds. When the
/// phone sleeps nothing is sent; after waking, either the link still works or `receive` says that
/// it is lost.
#[derive(Debug)]
pub struct PhoneEndpoint {
    endpoint: Endpoint,
    seed: Zeroizing<[u8; 32]>,
    device: DeviceId,
    keep_alive: Duration,
    ways: Ways,
    /// The hub to which only TCP led, and until when that is believed.
    tcp_leads: Mutex<Option<(DeviceId, Instant)>>,
}

impl PhoneEndpoint {
    /// Opens a UDP socket on any free port, for IPv6 and IPv4 where the phone has both.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns [`NetError::Bind`] when the operating system gives no socket.
    pub fn bind(device_seed: &[u8; 32]) -> Result<Self, NetError> {
        let socket = any_socket()?;
        let runtime = Arc::new(TokioRuntime);
        let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, runtime)
            .map_err(|source| NetError::Bind { address: ANY_V6, source })?;
        let seed = Zeroizing::new(*device_seed);
        let device = tls::device_of(&seed);
        Ok(Self {
            endpoint,
            seed,
            device,
            keep_alive: KEEP_ALIVE,
            ways: Ways::Both,
            tcp_leads: Mutex::default(),
        })
    }

    /// Makes connections of exchanges that end by themselves: while one waits for an answer it shows
    /// that it lives so often that a restarted hub is noticed within seconds.
    #[must_use]
    pub fn for_short_exchanges(self) -> Self {
        Self { keep_alive: ASK_ALIVE, ..self }
    }

    /// Goes to hubs only as said.
    #[must_use]
    pub fn by(self, ways: Ways) -> Self {
        Self { ways, ..self }
    }

    /// Remembers, from an earlier process, that only TCP led to the hub; believed for `rest` at most,
    /// and never longer than [`TCP_REMEMBERED`].
    pub fn remember_tcp(&self, hub: DeviceId, rest: Duration) {
        let until = Instant::now() + rest.min(TCP_REMEMBERED);
        *self.tcp_leads() = Some((hub, until));
    }

    /// Returns for how long it is still believed that only TCP leads to the hub; `None` when QUIC is
    /// tried first.
    #[must_use]
    pub fn tcp_remembered(&self, hub: DeviceId) -> Option<Duration> {
        let (known, until) = (*self.tcp_leads())?;
        let rest = until.checked_duration_since(Instant::now())?;
        (known == hub && !rest.is_zero()).then_some(rest)
    }

    /// Returns this phone's key.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    fn tcp_leads(&self) -> MutexGuard<'_, Option<(DeviceId, Instant)>> {
        self.tcp_leads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects to the hub and opens a session, within `timeout`: by QUIC, and where that gets no
    /// answer for [`TRANSPORT_STAGGER`], by TCP beside it. Where only TCP came through, it is the
    /// first for the next [`TCP_REMEMBERED`].
    ///
    /// Returns as soon as the hub has proved its key, so that the first frame leaves together with
    /// the end of the handshake. Whether the hub knows this device shows at the first
    /// [`Link::receive`], as [`NetError::DeviceUnknown`].
    ///
    /// # Errors
    ///
    /// Returns [`NetError::HubKeyMismatch`] when what answers is not the pinned hub,
    /// [`NetError::Refused`] when nothing listens there, [`NetError::Timeout`] when nothing
    /// answers, [`NetError::Resolve`] when the name is not found, [`NetError::Busy`] and
    /// [`NetError::Incompatible`] as the hub says.
    pub async fn connect(&self, hub: &HubAddress, timeout: Duration) -> Result<Link, NetError> {
        match tokio::time::timeout(timeout, self.open(hub)).await {
            Ok(result) => result,
            Err(_) => Err(NetError::Timeout { hub: hub.host_and_port(), waited: timeout }),
        }
    }

    /// Moves all connections to a fresh socket, as when the phone changed from Wi-Fi to mobile.
    /// Links go on working: QUIC shows the hub that it is the same phone.
    ///
    /// # Errors
    ///
    /// Returns [`NetError::Bind`] when there is no new socket; the old one stays.
    pub fn rebind(&self) -> Result<(), NetError> {
        let socket = any_socket()?;
        // What was learnt of the other network says nothing about this one.
        *self.tcp_leads() = None;
        self.endpoint.rebind(socket).map_err(|source| NetError::Bind { address: ANY_V6, source })
    }

    /// Waits until the hub has been told of every link that ended. Call it before the program ends.
    pub async fn wait_idle(&self, wait: Duration) {
        // Whether the last words were heard is the hub's loss, not ours.
        tokio::time::timeout(wait, self.endpoint.wait_idle()).await.ok();
    }

    async fn open(&self, hub: &HubAddress) -> Result<Link, NetError> {
        let addresses = hub.resolve().await?;
        match self.ways {
            Ways::Only(Transport::Quic) => self.quic(hub, addresses).await,
            Ways::Only(Transport::Tcp) => self.tcp(hub, addresses).await,
            Ways::Both if self.tcp_remembered(hub.key()).is_some() => {
                let quic = self.quic(hub, addresses.clone());
                let tcp = self.tcp(hub, addresses);
                let link = first_of((Transport::Tcp, tcp), (Transport::Quic, quic)).await;
                // Where it led nowhere this time, QUIC is the first again.
                if !matches!(&link, Ok(link) if link.transport() == Transport::Tcp) {
                    *self.tcp_leads() = None;
                }
                link
            }
            Ways::Both => {
                let tcp = self.tcp(hub, addresses.clone());
                let quic = self.quic(hub, addresses);
                let link = first_of((Transport::Quic, quic), (Transport::Tcp, tcp)).await?;
                if link.transport() == Transport::Tcp {
                    self.remember_tcp(hub.key(), TCP_REMEMBERED);
                }
                Ok(link)
            }
        }
    }

    async fn quic(&self, hub: &HubAddress, addresses: Vec<SocketAddr>) -> Result<Link, NetError> {
        let ends = Ends { device: self.device, peer: hub.key() };
        let config = self.config(hub.key())?;
        let try_one = |address| attempt(self.endpoint.clone(), config.clone(), address, ends);
        let connection = race(hub, addresses, try_one).await?;
        // The hub allows streams from the start, so this waits for nothing.
        let (send, receive) = connection.open_bi().await.map_err(|error| ends.explain(error))?;
        let streams = (Outward::Quic(send), Inward::Quic(receive));
        Ok(Link::new(Carrier::Quic(connection), streams, ends, STALL_TIMEOUT, None))
    }

    async fn tcp(&self, hub: &HubAddress, addresses: Vec<SocketAddr>) -> Result<Link, NetError> {
        let ends = Ends { device: self.device, peer: hub.key() };
        let config = Arc::new(tls::phone_config(&self.seed, hub.key())?);
        let keep_alive = self.keep_alive;
        let try_one = |address| tcp::connect(address, config.clone(), ends, keep_alive);
        let tcp::Open { connection, outward, inward } = race(hub, addresses, try_one).await?;
        let streams = (Outward::Tcp(outward), Inward::Tcp(inward));
        Ok(Link::new(Carrier::Tcp(connection), streams, ends, STALL_TIMEOUT, None))
    }

    fn config(&self, pinned: DeviceId) -> Result<ClientConfig, NetError> {
        let tls = tls::phone_config(&self.seed, pinned)?;
        let crypto = QuicClientConfig::try_from(tls)
            .expect("the ring provider has the cipher suite that QUIC begins with");
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(transport(End::Phone(self.keep_alive)));
        Ok(config)
    }
}

/// Goes one way, and the other beside it once the first has failed or kept silent for
/// [`TRANSPORT_STAGGER`]; the first to arrive wins.
///
/// What the hub itself says by QUIC holds for TCP, too: it is not asked twice, and UDP goes through. What is said over TCP
/// before a key is proved, anybody on the way can say in the clear, so it ends nothing.
async fn first_of<T>(
    (first_over, first): (Transport, impl Future<Output = Result<T, NetError>>),
    (second_over, second): (Transport, impl Future<Output = Result<T, NetError>>),
) -> Result<T, NetError> {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    let early = tokio::select! {
        result = &mut first => Some((first_over, result)),
        () = tokio::time::sleep(TRANSPORT_STAGGER) => None,
    };
    let (over, result) = match early {
        Some(early) => early,
        None => tokio::select! {
            result = &mut first => (first_over, result),
            result = &mut second => (second_over, result),
        },
    };
    let failed = match result {
        Err(error) if over == Transport::Tcp || weight(&error) < SAID_BY_HUB => (over, error),
        result => return result,
    };
    if over == first_over {
        second.await.map_err(|error| graver_of(failed, (second_over, error)))
    } else {
        first.await.map_err(|error| graver_of(failed, (first_over, error)))
    }
}

/// Of the failures of two ways, keeps the one that tells a person more.
fn graver_of(one: (Transport, NetError), other: (Transport, NetError)) -> NetError {
    let weight_of = |(over, error): &(Transport, NetError)| match (over, error) {
        (Transport::Tcp, NetError::Busy | NetError::Incompatible) => SAID_BY_ANYBODY,
        (_, error) => weight(error),
    };
    if weight_of(&one) >= weight_of(&other) { one.1 } else { other.1 }
}

/// Tries the hub's addresses, each a little after the one before; the first to answer wins.
async fn race<T: Send + 'static, F>(
    hub: &HubAddress,
    addresses: Vec<SocketAddr>,
    try_one: impl Fn(SocketAddr) -> F,
) -> Result<T, NetError>
where
    F: Future<Output = Result<T, NetError>> + Send + 'static,
{
    let mut addresses = addresses.into_iter().peekable();
    let mut attempts = JoinSet::new();
    let mut failure = None;
    loop {
        if let Some(address) = addresses.next() {
            attempts.spawn(try_one(address));
        }
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok(Ok(connection))) => return Ok(connection),
                Some(Ok(Err(error))) => failure = Some(graver(failure, error)),
                Some(Err(_)) => {}
                None => {
                    let nothing = || NetError::Resolve { hub: hub.host_and_port(), source: None };
                    return Err(failure.unwrap_or_else(nothing));
                }
            },
            () = tokio::time::sleep(ADDRESS_STAGGER), if addresses.peek().is_some() => {}
        }
    }
}

async fn attempt(
    endpoint: Endpoint,
    config: ClientConfig,
    address: SocketAddr,
    ends: Ends,
) -> Result<Connection, NetError> {
    let connecting = endpoint
        .connect_with(config, address, SERVER_NAME)
        .map_err(|source| NetError::Unreachable { address, source })?;
    tokio::select! {
        result = connecting => result.map_err(|error| ends.explain(error)),
        () = refused(address) => Err(NetError::Refused { address }),
    }
}

/// Returns when the machine at `address` says that nothing listens there; never otherwise.
///
/// A socket that serves many peers is not told of refusals, so after a while without an answer one
/// byte, which no hub reads, is sent from a socket that is.
async fn refused(address: SocketAddr) {
    tokio::time::sleep(REFUSAL_PROBE_AFTER).await;
    let probe = async {
        let any = if address.is_ipv4() { ANY_V4 } else { ANY_V6 };
        let socket = tokio::net::UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        socket.send(&[0]).await?;
        socket.recv(&mut [0]).await
    };
    match probe.await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        _ => future::pending().await,
    }
}

/// How much a failure tells a person; from here on it is the hub, or who stands in for it, that spoke.
const SAID_BY_HUB: u8 = 2;

/// What may come from anybody on the way says no more than that nothing listens.
const SAID_BY_ANYBODY: u8 = 1;

fn weight(error: &NetError) -> u8 {
    match error {
        NetError::HubKeyMismatch { .. } | NetError::Incompatible => 3,
        NetError::Busy | NetError::DeviceUnknown { .. } | NetError::Closed { .. } => SAID_BY_HUB,
        NetError::Refused { .. } => 1,
        _ => 0,
    }
}

/// Of two failures, keeps the one that tells a person more.
fn graver(earlier: Option<NetError>, error: NetError) -> NetError {
    match earlier {
        Some(earlier) if weight(&earlier) >= weight(&error) => earlier,
        _ => error,
    }
}

const ANY_V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
const ANY_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Opens a socket for both families, or for IPv4 where there is no IPv6.
fn any_socket() -> Result<UdpSocket, NetError> {
    UdpSocket::bind(ANY_V6)
        .or_else(|_| UdpSocket::bind(ANY_V4))
        .map_err(|source| NetError::Bind { address: ANY_V4, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::CloseReason;

    #[tokio::test]
    async fn a_refusal_that_came_over_udp_is_no_reason_to_go_by_tcp() {
        let device = DeviceId([7; 32]);
        for refusal in [
            NetError::DeviceUnknown { device },
            NetError::HubKeyMismatch { pinned: device },
            NetError::Busy,
            NetError::Closed { reason: CloseReason::ShuttingDown },
        ] {
            let said = refusal.to_string();
            let quic = (Transport::Quic, future::ready(Err(refusal)));
            let tcp = (Transport::Tcp, future::ready(Ok(())));
            assert_eq!(first_of(quic, tcp).await.unwrap_err().to_string(), said);
        }
        // Where nothing is heard, TCP is tried.
        let silent = NetError::Timeout { hub: "h".to_owned(), waited: Duration::ZERO };
        let quic = (Transport::Quic, future::ready(Err(silent)));
        first_of(quic, (Transport::Tcp, future::ready(Ok(())))).await.unwrap();
    }
}
