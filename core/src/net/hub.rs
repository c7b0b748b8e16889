//! The hub's end: lets known devices in and keeps strangers cheap.
//!
//! A handshake, a connection and a session that has not begun each cost something; each is counted
//! and limited by [`super::door`] before it costs, over QUIC and over TCP alike. The hub's own code sees
//! only [`Link`]s of devices that proved their key.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, Incoming, ServerConfig, TokioRuntime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::model::DeviceId;

use super::carrier::{Carrier, Inward, Outward, Transport};
use super::door::{Door, Handshake, Load, Verdict};
use super::error::{CloseReason, Ends, NetError};
use super::limits::{
    ACCEPT_QUEUE_MAX, INCOMING_BUFFER_BYTES, INCOMING_BUFFER_BYTES_TOTAL, INCOMING_MAX, Limits,
};
use super::link::Link;
use super::tcp;
use super::tls::{self, Admit};
use super::transport::{End, hub_endpoint, transport};

/// How long a closing hub waits for its last words to be heard.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long the hub waits when the system gives it no more sockets: others end meanwhile.
const NO_SOCKET_WAIT: Duration = Duration::from_millis(100);

/// How often a port is drawn anew when the system's choice for UDP is taken for TCP.
const PORTS_TRIED_MAX: usize = 16;

/// Where a hub listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// For QUIC.
    pub udp: SocketAddr,
    /// For TLS over TCP.
    pub tcp: ListenTcp,
}

/// Where a hub listens for TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenTcp {
    /// Where it listens for QUIC: phones know one port.
    Same,
    /// Elsewhere, for instance behind a relay that leads port 443 there.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

impl From<SocketAddr> for Listen {
    fn from(udp: SocketAddr) -> Self {
        Self { udp, tcp: ListenTcp::Same }
    }
}

/// A hub's sockets, key and limits.
#[derive(Debug)]
pub struct HubEndpoint {
    endpoint: Endpoint,
    address: SocketAddr,
    tcp_address: Option<SocketAddr>,
    key: DeviceId,
    door: Arc<Door>,
    links: tokio::sync::Mutex<mpsc::Receiver<Link>>,
    closing: watch::Sender<bool>,
    accepting: Vec<JoinHandle<()>>,
}

impl HubEndpoint {
    /// Opens an address, for QUIC and for TCP unless [`Listen`] says otherwise, and begins to let
    /// devices in.
    ///
    /// `admit` says whether the hub knows a device. It is asked during the handshake, on the thread
    /// that serves every connection, so it must look into memory and nothing else.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns [`NetError::Bind`] and [`NetError::BindTcp`] when a port cannot be opened, with the
    /// operating system's reason.
    pub fn bind(
        listen: impl Into<Listen>,
        hub_seed: &[u8; 32],
        admit: Arc<Admit>,
        limits: Limits,
    ) -> Result<Self, NetError> {
        Self::bind_with(listen, hub_seed, (admit, Arc::new(|_| false)), limits)
    }

    /// As [`HubEndpoint::bind`]; whom `admit` does not know and `newcomers` lets in gets a link that is
    /// marked ([`Link::is_newcomer`]), takes only short frames and has one of the few places for such.
    ///
    /// # Errors
    ///
    /// As [`HubEndpoint::bind`].
    pub fn bind_with(
        listen: impl Into<Listen>,
        hub_seed: &[u8; 32],
        (admit, newcomers): (Arc<Admit>, Arc<Admit>),
        limits: Limits,
    ) -> Result<Self, NetError> {
        let listen = listen.into();
        let known = Arc::clone(&admit);
        let tls = tls::hub_config(hub_seed, tls::either(admit, newcomers))?;
        let (socket, listener) = open(listen)?;
        let failed = |source| NetError::Bind { address: listen.udp, source };
        let address = socket.local_addr().map_err(failed)?;
        let tcp_address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let endpoint = Endpoint::new(
            hub_endpoint(hub_seed),
            Some(quic_config(tls.clone())),
            socket,
            Arc::new(TokioRuntime),
        )
        .map_err(failed)?;
        let key = tls::device_of(hub_seed);
        let (links_in, links) = mpsc::channel(ACCEPT_QUEUE_MAX);
        let (closing, seen) = watch::channel(false);
        let door = Arc::new(Door::new(limits, known));
        let serving = serve_door(endpoint.clone(), door.clone(), links_in.clone(), seen.clone());
        let mut accepting = vec![tokio::spawn(serving)];
        if let Some(listener) = listener {
            let acceptor = TlsAcceptor::from(Arc::new(tls));
            let serving = serve_tcp(listener, acceptor, door.clone(), links_in, seen);
            accepting.push(tokio::spawn(serving));
        }
        let links = tokio::sync::Mutex::new(links);
        Ok(Self { endpoint, address, tcp_address, key, door, links, closing, accepting })
    }

    /// Returns the address that was opened for QUIC; the port is the real one where 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address that was opened for TCP, if any was.
    #[must_use]
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        self.tcp_address
    }

    /// Returns the key that phones must pin.
    #[must_use]
    pub fn key(&self) -> DeviceId {
        self.key
    }

    /// Returns how much of its limits the hub uses now.
    #[must_use]
    pub fn load(&self) -> Load {
        self.door.load()
    }

    /// Returns the next session of a known device, or `None` once the hub is closing.
    ///
    /// The future may be dropped at any time without losing a session.
    pub async fn accept(&self) -> Option<Link> {
        let mut closing = self.closing.subscribe();
        let mut links = self.links.lock().await;
        tokio::select! {
            biased;
            // An error would mean that this endpoint is gone, and it is borrowed here.
            _ = closing.wait_for(|closing| *closing) => None,
            link = links.recv() => link,
        }
    }

    /// Ends every connection of a device, as when it has been revoked. Its phone learns that the
    /// hub does not know it. `admit` keeps it from coming back.
    pub fn disconnect(&self, device: DeviceId) {
        self.door.close_device(device, CloseReason::DeviceUnknown);
    }

    /// Stops letting devices in, gives the sessions up to `wait` to end, then ends the rest.
    /// Their phones learn that the hub is shutting down and try again later.
    pub async fn close(&self, wait: Duration) {
        self.closing.send_replace(true);
        // A caller that holds an accept without polling it must not hold up the end.
        if let Ok(mut links) = timeout(LAST_WORDS, self.links.lock()).await {
            while let Ok(link) = links.try_recv() {
                link.abort(CloseReason::ShuttingDown);
            }
        }
        // Those that did not end in time are ended below.
        timeout(wait, self.door.wait_empty()).await.ok();
        let closed = self.door.close_all(CloseReason::ShuttingDown);
        self.endpoint.close(CloseReason::ShuttingDown.code(), b"");
        let heard = async {
            for connection in &closed {
                if let Carrier::Tcp(connection) = connection {
                    connection.gone().await;
                }
            }
            self.endpoint.wait_idle().await;
        };
        timeout(LAST_WORDS, heard).await.ok();
    }
}

impl Drop for HubEndpoint {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
        self.door.close_all(CloseReason::ShuttingDown);
        self.endpoint.close(CloseReason::ShuttingDown.code(), b"");
    }
}

/// Looks at every attempt to connect and gives the admitted ones a task of their own. The tasks
/// are at most as many as the handshakes and connections allowed.
async fn serve_door(
    endpoint: Endpoint,
    door: Arc<Door>,
    links: mpsc::Sender<Link>,
    closing: watch::Receiver<bool>,
) {
    while let Some(incoming) = endpoint.accept().await {
        if *closing.borrow() {
            incoming.refuse();
            continue;
        }
        let address = incoming.remote_address().ip();
        match door.consider(address, Transport::Quic, incoming.remote_address_validated()) {
            Verdict::Welcome(handshake) => {
                let (door, links) = (Arc::clone(&door), links.clone());
                tokio::spawn(welcome(door, incoming, handshake, links));
            }
            Verdict::ProveAddress => {
                // An error would mean that the address is proved, which was asked just now.
                incoming.retry().ok();
            }
            Verdict::Refuse => incoming.refuse(),
        }
    }
}

/// Sees one device from its first packet to its session.
async fn welcome(
    door: Arc<Door>,
    incoming: Incoming,
    handshake: Handshake,
    links: mpsc::Sender<Link>,
) {
    let address = incoming.remote_address().ip();
    let Ok(connecting) = incoming.accept() else { return };
    let connection = match handshake.hold(connecting).await {
        Ok(Ok(connection)) => connection,
        // What a stranger gives as its reason is foreign text and stays out of the log.
        Ok(Err(_)) => {
            tracing::debug!("a handshake failed");
            return;
        }
        Err(why) => {
            tracing::debug!(?why, "a handshake came to nothing");
            return;
        }
    };
    let carrier = Carrier::Quic(connection.clone());
    let Some(device) = tls::peer_of(&connection) else {
        carrier.close(CloseReason::Misbehaved);
        return;
    };
    let opened = async {
        let (send, receive) = connection.accept_bi().await.ok()?;
        Some((Outward::Quic(send), Inward::Quic(receive)))
    };
    admit(&door, carrier, (device, address), opened, &links).await;
}

/// The same for a device that comes by TCP.
async fn welcome_tcp(
    door: Arc<Door>,
    (stream, address): (TcpStream, IpAddr),
    acceptor: TlsAcceptor,
    handshake: Handshake,
    links: mpsc::Sender<Link>,
) {
    let (open, device) = match handshake.hold(tcp::accept(stream, &acceptor)).await {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(why)) => {
            tracing::debug!(?why, "a handshake over TCP failed");
            return;
        }
        Err(why) => {
            tracing::debug!(?why, "a handshake over TCP came to nothing");
            return;
        }
    };
    let tcp::Open { connection, outward, mut inward } = open;
    let opened = async {
        let begun = inward.opened().await;
        begun.then_some((Outward::Tcp(outward), Inward::Tcp(inward)))
    };
    admit(&door, Carrier::Tcp(connection), (device, address), opened, &links).await;
}

/// Gives a device that proved its key a place, and hands its session on once it has begun.
async fn admit(
    door: &Arc<Door>,
    carrier: Carrier,
    (device, address): (DeviceId, IpAddr),
    opened: impl Future<Output = Option<(Outward, Inward)>>,
    links: &mpsc::Sender<Link>,
) {
    // Asked again: rights may have changed since the handshake began.
    let newcomer = !(door.known)(device);
    let seat = match newcomer {
        true => door.newcomer(address, &carrier),
        false => door.seat(device, &carrier),
    };
    let Some(seat) = seat else {
        tracing::warn!(device = device.short(), "the hub is full");
        carrier.close(CloseReason::Busy);
        return;
    };
    match timeout(door.limits.stream_open_timeout, opened).await {
        Ok(Some(streams)) => {
            let ends = Ends { device, peer: device };
            let stall_timeout = door.limits.stall_timeout;
            let mut link = Link::new(carrier, streams, ends, stall_timeout, Some(seat));
            if newcomer {
                link.limit_newcomer();
            }
            // A hub that is gone has no use for the link, and the phone is told by its drop.
            links.send(link).await.ok();
        }
        Ok(None) => {
            tracing::debug!(device = device.short(), "gone before its session began");
            // It may have given its stream up alone, and live on without the place it leaves now.
            carrier.close(CloseReason::NoSession);
        }
        Err(_) => {
            tracing::debug!(device = device.short(), "connected and opened no session");
            carrier.close(CloseReason::NoSession);
        }
    }
}

/// Looks at every TCP connection as [`serve_door`] does at QUIC's. Who has come so far receives at its
/// address, so nobody is asked to prove it.
async fn serve_tcp(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    door: Arc<Door>,
    links: mpsc::Sender<Link>,
    closing: watch::Receiver<bool>,
) {
    let mut welcomes = JoinSet::new();
    loop {
        let (stream, from) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(_) => {
                    tracing::warn!("the system gives no socket for a TCP connection");
                    sleep(NO_SOCKET_WAIT).await;
                    continue;
                }
            },
            Some(_) = welcomes.join_next(), if !welcomes.is_empty() => continue,
        };
        if *closing.borrow() {
            tcp::refuse(&stream);
            continue;
        }
        match door.consider(from.ip(), Transport::Tcp, true) {
            Verdict::Welcome(handshake) => {
                let (door, links) = (Arc::clone(&door), links.clone());
                welcomes.spawn(welcome_tcp(
                    door,
                    (stream, from.ip()),
                    acceptor.clone(),
                    handshake,
                    links,
                ));
            }
            Verdict::ProveAddress | Verdict::Refuse => tcp::refuse(&stream),
        }
    }
}

fn quic_config(tls: rustls::ServerConfig) -> ServerConfig {
    let crypto = QuicServerConfig::try_from(tls)
        .expect("the ring provider has the cipher suite that QUIC begins with");
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(transport(End::Hub))
        .migration(true)
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(INCOMING_BUFFER_BYTES_TOTAL);
    config
}

/// Opens both ports. Where the system chooses the port, it chooses one that is free for both.
fn open(listen: Listen) -> Result<(UdpSocket, Option<TcpListener>), NetError> {
    let udp =
        |address| UdpSocket::bind(address).map_err(|source| NetError::Bind { address, source });
    let tcp =
        |address| tcp::listen(address).map_err(|source| NetError::BindTcp { address, source });
    match listen.tcp {
        ListenTcp::Off => Ok((udp(listen.udp)?, None)),
        ListenTcp::At(address) => Ok((udp(listen.udp)?, Some(tcp(address)?))),
        ListenTcp::Same => {
            let mut tried = 0;
            loop {
                tried += 1;
                let socket = udp(listen.udp)?;
                let address = socket
                    .local_addr()
                    .map_err(|source| NetError::Bind { address: listen.udp, source })?;
                match tcp(address) {
                    Ok(listener) => return Ok((socket, Some(listener))),
                    Err(NetError::BindTcp { source, .. })
                        if source.kind() == io::ErrorKind::AddrInUse
                            && listen.udp.port() == 0
                            && tried < PORTS_TRIED_MAX => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}
