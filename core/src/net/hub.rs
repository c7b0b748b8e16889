//! The hub's end: lets known devices in and keeps strangers cheap.
//!
//! A handshake, a connection and a session that has not begun each cost something; each is counted
//! and limited before it costs. The hub's own code sees only [`Link`]s of devices that proved their
//! key.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, Incoming, ServerConfig, TokioRuntime};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::model::DeviceId;

use super::error::{CloseReason, Ends, NetError};
use super::limits::{
    ACCEPT_QUEUE_MAX, INCOMING_BUFFER_BYTES, INCOMING_BUFFER_BYTES_TOTAL, INCOMING_MAX, Limits,
};
use super::link::Link;
use super::tls::{self, Admit};
use super::transport::{End, hub_endpoint, transport};

/// How long a closing hub waits for its last words to be heard.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much of its limits a hub uses now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Handshakes under way.
    pub handshakes: usize,
    /// Connections of devices that proved their key.
    pub connections: usize,
    /// Strangers asked to prove their address first, since the start.
    pub retried: u64,
    /// Attempts refused because of a limit, since the start.
    pub refused: u64,
}

/// A hub's UDP socket, key and limits.
#[derive(Debug)]
pub struct HubEndpoint {
    endpoint: Endpoint,
    address: SocketAddr,
    key: DeviceId,
    door: Arc<Door>,
    links: tokio::sync::Mutex<mpsc::Receiver<Link>>,
    closing: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl HubEndpoint {
    /// Opens `address` and begins to let devices in.
    ///
    /// `admit` says whether the hub knows a device. It is asked during the handshake, on the thread
    /// that serves every connection, so it must look into memory and nothing else.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns [`NetError::Bind`] when the port cannot be opened, with the operating system's
    /// reason.
    pub fn bind(
        address: SocketAddr,
        hub_seed: &[u8; 32],
        admit: Arc<Admit>,
        limits: Limits,
    ) -> Result<Self, NetError> {
        let failed = |source| NetError::Bind { address, source };
        let crypto = QuicServerConfig::try_from(tls::hub_config(hub_seed, admit)?)
            .expect("the ring provider has the cipher suite that QUIC begins with");
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        config
            .transport_config(transport(End::Hub))
            .migration(true)
            .max_incoming(INCOMING_MAX)
            .incoming_buffer_size(INCOMING_BUFFER_BYTES)
            .incoming_buffer_size_total(INCOMING_BUFFER_BYTES_TOTAL);
        let socket = UdpSocket::bind(address).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let runtime = Arc::new(TokioRuntime);
        let endpoint =
            Endpoint::new(hub_endpoint(hub_seed), Some(config), socket, runtime).map_err(failed)?;
        let key = tls::device_of(hub_seed);
        let (links_in, links) = mpsc::channel(ACCEPT_QUEUE_MAX);
        let (closing, closing_seen) = watch::channel(false);
        let door = Arc::new(Door::new(limits));
        let accepting =
            tokio::spawn(serve_door(endpoint.clone(), Arc::clone(&door), links_in, closing_seen));
        let links = tokio::sync::Mutex::new(links);
        Ok(Self { endpoint, address, key, door, links, closing, accepting })
    }

    /// Returns the address that was opened; the port is the real one where 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the key that phones must pin.
    #[must_use]
    pub fn key(&self) -> DeviceId {
        self.key
    }

    /// Returns how much of its limits the hub uses now.
    #[must_use]
    pub fn load(&self) -> Load {
        self.door.lock().load()
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
        for connection in self.door.lock().connections_of(device) {
            connection.close(CloseReason::DeviceUnknown.code(), b"");
        }
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
        self.endpoint.close(CloseReason::ShuttingDown.code(), b"");
        timeout(LAST_WORDS, self.endpoint.wait_idle()).await.ok();
    }
}

impl Drop for HubEndpoint {
    fn drop(&mut self) {
        self.accepting.abort();
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
        match door.consider(address, incoming.remote_address_validated()) {
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
    let Ok(connecting) = incoming.accept() else { return };
    let connection = match timeout(door.limits.handshake_timeout, connecting).await {
        Ok(Ok(connection)) => connection,
        // What a stranger gives as its reason is foreign text and stays out of the log.
        Ok(Err(_)) => {
            tracing::debug!("a handshake failed");
            return;
        }
        Err(_) => {
            tracing::debug!("a handshake took too long");
            return;
        }
    };
    drop(handshake);
    let Some(device) = tls::peer_of(&connection) else {
        connection.close(CloseReason::Misbehaved.code(), b"");
        return;
    };
    let Some(seat) = door.seat(device, &connection) else {
        connection.close(CloseReason::Busy.code(), b"");
        return;
    };
    match timeout(door.limits.stream_open_timeout, connection.accept_bi()).await {
        Ok(Ok(streams)) => {
            let ends = Ends { device, peer: device };
            let stall_timeout = door.limits.stall_timeout;
            let link = Link::new(connection, streams, ends, stall_timeout, Some(seat));
            // A hub that is gone has no use for the link, and the phone is told by its drop.
            links.send(link).await.ok();
        }
        Ok(Err(_)) => tracing::debug!(device = device.short(), "gone before its session began"),
        Err(_) => connection.close(CloseReason::NoSession.code(), b""),
    }
}

/// Counts what strangers and devices hold.
struct Door {
    limits: Limits,
    state: Mutex<State>,
    left: Notify,
}

#[derive(Default)]
struct State {
    handshakes: BTreeMap<IpAddr, usize>,
    seats: BTreeMap<DeviceId, VecDeque<(u64, Connection)>>,
    seated: usize,
    next_seat: u64,
    retried: u64,
    refused: u64,
}

impl State {
    fn load(&self) -> Load {
        Load {
            handshakes: self.handshakes.values().sum(),
            connections: self.seated,
            retried: self.retried,
            refused: self.refused,
        }
    }

    fn connections_of(&self, device: DeviceId) -> Vec<Connection> {
        let seats = self.seats.get(&device);
        seats.into_iter().flatten().map(|(_, connection)| connection.clone()).collect()
    }
}

/// What happens to an attempt to connect.
enum Verdict {
    Welcome(Handshake),
    ProveAddress,
    Refuse,
}

impl Door {
    fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), left: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the counts half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn consider(self: &Arc<Self>, address: IpAddr, proved: bool) -> Verdict {
        let address = neighbourhood(address);
        let mut state = self.lock();
        let handshakes: usize = state.handshakes.values().sum();
        if !proved && handshakes >= self.limits.retry_above {
            state.retried += 1;
            return Verdict::ProveAddress;
        }
        let from_here = state.handshakes.get(&address).copied().unwrap_or(0);
        if handshakes >= self.limits.handshakes_max
            || from_here >= self.limits.handshakes_per_address_max
            || state.seated >= self.limits.connections_max
        {
            state.refused += 1;
            return Verdict::Refuse;
        }
        state.handshakes.insert(address, from_here + 1);
        Verdict::Welcome(Handshake { door: Arc::clone(self), address })
    }

    /// Gives a connection its place, closing the device's oldest where it has too many; `None`
    /// when the hub is full.
    fn seat(self: &Arc<Self>, device: DeviceId, connection: &Connection) -> Option<Seat> {
        let mut state = self.lock();
        if state.seated >= self.limits.connections_max {
            state.refused += 1;
            return None;
        }
        let id = state.next_seat;
        state.next_seat += 1;
        state.seated += 1;
        let seats = state.seats.entry(device).or_default();
        seats.push_back((id, connection.clone()));
        let surplus = seats.len().saturating_sub(self.limits.connections_per_device_max);
        // They leave the table when their links are dropped.
        for (_, oldest) in seats.iter().take(surplus) {
            oldest.close(CloseReason::Superseded.code(), b"");
        }
        Some(Seat { door: Arc::clone(self), device, id })
    }

    async fn wait_empty(&self) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            // Registered before the look, so that a leave between the two is not missed.
            left.as_mut().enable();
            if self.lock().seated == 0 {
                return;
            }
            left.await;
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Door({:?})", self.lock().load())
    }
}

/// A handshake that is under way.
struct Handshake {
    door: Arc<Door>,
    address: IpAddr,
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut state = self.door.lock();
        if let Some(count) = state.handshakes.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                state.handshakes.remove(&self.address);
            }
        }
    }
}

/// The place of one connection of a device.
pub(super) struct Seat {
    door: Arc<Door>,
    device: DeviceId,
    id: u64,
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seat({})", self.id)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.door.lock();
        if let Some(seats) = state.seats.get_mut(&self.device) {
            seats.retain(|(id, _)| *id != self.id);
            if seats.is_empty() {
                state.seats.remove(&self.device);
            }
        }
        state.seated -= 1;
        drop(state);
        self.door.left.notify_waiters();
    }
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 subscriber has.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Arc<Door> {
        let limits = Limits {
            handshakes_max: 4,
            handshakes_per_address_max: 3,
            retry_above: 2,
            ..Limits::default()
        };
        Arc::new(Door::new(limits))
    }

    fn host(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn welcome(verdict: Verdict) -> Handshake {
        match verdict {
            Verdict::Welcome(handshake) => handshake,
            Verdict::ProveAddress | Verdict::Refuse => panic!("not let in"),
        }
    }

    #[test]
    fn strangers_prove_their_address_once_it_gets_busy() {
        let door = door();
        let _first = welcome(door.consider(host(1), false));
        let second = welcome(door.consider(host(2), false));
        assert!(matches!(door.consider(host(3), false), Verdict::ProveAddress));
        let _third = welcome(door.consider(host(3), true));
        drop(second);
        drop(welcome(door.consider(host(4), true)));
        assert_eq!(door.lock().load().handshakes, 2);
        assert_eq!(door.lock().load().retried, 1);
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let door = door();
        let held: Vec<_> = (0..3).map(|_| welcome(door.consider(host(1), true))).collect();
        assert!(matches!(door.consider(host(1), true), Verdict::Refuse));
        let _other = welcome(door.consider(host(2), true));
        assert!(matches!(door.consider(host(3), true), Verdict::Refuse), "all four are taken");
        drop(held);
        let _again = welcome(door.consider(host(1), true));
    }

    #[test]
    fn one_subscriber_is_one_address() {
        let same = |a: &str, b: &str| {
            neighbourhood(a.parse().unwrap()) == neighbourhood(b.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.2", "192.0.2.1"));
    }
}
