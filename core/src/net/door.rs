//! Who is let in: handshakes, connections and sessions are counted here before they cost, whichever
//! transport they come by.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::model::DeviceId;

use super::carrier::{Carrier, Transport};
use super::error::CloseReason;
use super::limits::{HANDSHAKES_SHARE, Limits};
use super::tls::Admit;

/// How much of its limits a hub uses now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Handshakes under way.
    pub handshakes: usize,
    /// Connections of devices that proved their key.
    pub connections: usize,
    /// Connections of phones that nobody knows, and that come to claim an invitation.
    pub newcomers: usize,
    /// Strangers asked to prove their address first, since the start.
    pub retried: u64,
    /// Attempts refused because of a limit, since the start.
    pub refused: u64,
    /// Handshakes given up because a newcomer needed their place, since the start.
    pub given_up: u64,
}

/// Counts what strangers and devices hold.
pub(super) struct Door {
    pub(super) limits: Limits,
    /// Whom the hub knows; all others that come this far are newcomers.
    pub(super) known: Arc<Admit>,
    state: Mutex<State>,
    left: Notify,
}

#[derive(Default)]
struct State {
    /// By number, so the oldest first.
    handshakes: BTreeMap<u64, UnderWay>,
    next_handshake: u64,
    seats: BTreeMap<DeviceId, VecDeque<(u64, Carrier)>>,
    newcomers: BTreeMap<u64, (IpAddr, Carrier)>,
    seated: usize,
    next_seat: u64,
    retried: u64,
    refused: u64,
    given_up: u64,
}

/// A handshake as the door knows it.
struct UnderWay {
    address: IpAddr,
    over: Transport,
    /// Told when its place is taken.
    given_up: Arc<Notify>,
}

impl State {
    fn is_empty(&self) -> bool {
        self.seated == 0 && self.newcomers.is_empty()
    }

    fn load(&self) -> Load {
        Load {
            handshakes: self.handshakes.len(),
            connections: self.seated,
            newcomers: self.newcomers.len(),
            retried: self.retried,
            refused: self.refused,
            given_up: self.given_up,
        }
    }

    fn handshakes_from(&self, address: IpAddr) -> usize {
        self.handshakes.values().filter(|handshake| handshake.address == address).count()
    }

    fn handshakes_over(&self, over: Transport) -> usize {
        self.handshakes.values().filter(|handshake| handshake.over == over).count()
    }

    /// Makes room for one more handshake where there is none: gives up the oldest of the address that
    /// has most under way. Whoever is in earnest ends soon; a stranger that keeps silent only grows old.
    /// Returns whether there is room.
    fn make_room(&mut self, over: Transport, limits: &Limits) -> bool {
        let share = limits.handshakes_max / HANDSHAKES_SHARE;
        let from = if self.handshakes_over(over) >= limits.handshakes_max - share {
            over
        } else if self.handshakes.len() >= limits.handshakes_max {
            // The other transport has more than its share, then.
            over.other()
        } else {
            return true;
        };
        let mut most: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for handshake in self.handshakes.values().filter(|handshake| handshake.over == from) {
            *most.entry(handshake.address).or_default() += 1;
        }
        let of_that = |handshake: &UnderWay| (handshake.over == from).then_some(handshake.address);
        let most = |address| most.get(&address).copied().unwrap_or(0);
        let oldest = self
            .handshakes
            .iter()
            .filter_map(|(id, handshake)| Some((*id, most(of_that(handshake)?))))
            .max_by_key(|(id, most)| (*most, Reverse(*id)));
        let Some(handshake) = oldest.and_then(|(id, _)| self.handshakes.remove(&id)) else {
            return false;
        };
        handshake.given_up.notify_one();
        self.given_up += 1;
        true
    }

    fn connections_of(&self, device: DeviceId) -> Vec<Carrier> {
        let seats = self.seats.get(&device);
        seats.into_iter().flatten().map(|(_, connection)| connection.clone()).collect()
    }

    fn connections(&self) -> Vec<Carrier> {
        let known = self.seats.values().flatten().map(|(_, connection)| connection);
        let strangers = self.newcomers.values().map(|(_, connection)| connection);
        known.chain(strangers).cloned().collect()
    }
}

/// What happens to an attempt to connect.
pub(super) enum Verdict {
    Welcome(Handshake),
    ProveAddress,
    Refuse,
}

impl Door {
    pub(super) fn new(limits: Limits, known: Arc<Admit>) -> Self {
        Self { limits, known, state: Mutex::default(), left: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the counts half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at an attempt over one transport; whether the stranger receives at its address may not be
    /// `proved` yet.
    pub(super) fn consider(
        self: &Arc<Self>,
        address: IpAddr,
        over: Transport,
        proved: bool,
    ) -> Verdict {
        let address = neighbourhood(address);
        let mut state = self.lock();
        if !proved && state.handshakes.len() >= self.limits.retry_above {
            state.retried += 1;
            return Verdict::ProveAddress;
        }
        if state.handshakes_from(address) >= self.limits.handshakes_per_address_max
            || state.seated >= self.limits.connections_max
            || !state.make_room(over, &self.limits)
        {
            state.refused += 1;
            return Verdict::Refuse;
        }
        let id = state.next_handshake;
        state.next_handshake += 1;
        let given_up = Arc::new(Notify::new());
        let under_way = UnderWay { address, over, given_up: Arc::clone(&given_up) };
        state.handshakes.insert(id, under_way);
        Verdict::Welcome(Handshake { door: Arc::clone(self), id, given_up })
    }

    pub(super) fn load(&self) -> Load {
        self.lock().load()
    }

    /// Closes every connection of a device.
    pub(super) fn close_device(&self, device: DeviceId, reason: CloseReason) {
        // Closing takes locks of its own.
        let connections = self.lock().connections_of(device);
        connections.iter().for_each(|connection| connection.close(reason));
    }

    /// Closes every connection; returns them.
    pub(super) fn close_all(&self, reason: CloseReason) -> Vec<Carrier> {
        let connections = self.lock().connections();
        connections.iter().for_each(|connection| connection.close(reason));
        connections
    }

    /// Gives a connection its place, closing the device's oldest where it has too many; `None`
    /// when the hub is full.
    pub(super) fn seat(self: &Arc<Self>, device: DeviceId, connection: &Carrier) -> Option<Seat> {
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
            oldest.close(CloseReason::Superseded);
        }
        Some(Seat { door: Arc::clone(self), device: Some(device), id })
    }

    /// Gives the connection of a phone that nobody knows one of the places for such; `None` when they are
    /// taken, in all or by its address. It takes none of a known device's.
    pub(super) fn newcomer(
        self: &Arc<Self>,
        address: IpAddr,
        connection: &Carrier,
    ) -> Option<Seat> {
        let address = neighbourhood(address);
        let mut state = self.lock();
        let from_here = state.newcomers.values().filter(|(from, _)| *from == address).count();
        if state.newcomers.len() >= self.limits.newcomers_max
            || from_here >= self.limits.newcomers_per_address_max
        {
            state.refused += 1;
            return None;
        }
        let id = state.next_seat;
        state.next_seat += 1;
        state.newcomers.insert(id, (address, connection.clone()));
        Some(Seat { door: Arc::clone(self), device: None, id })
    }

    pub(super) async fn wait_empty(&self) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            // Registered before the look, so that a leave between the two is not missed.
            left.as_mut().enable();
            if self.lock().is_empty() {
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
pub(super) struct Handshake {
    door: Arc<Door>,
    id: u64,
    given_up: Arc<Notify>,
}

/// Why a handshake came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// It took too long.
    Slow,
    /// A newcomer needed its place.
    GivenUp,
}

impl Handshake {
    /// Sees a handshake through while it holds its place.
    ///
    /// # Errors
    ///
    /// Returns [`Unfinished`] when it took too long, or its place was taken before it ended.
    pub(super) async fn hold<T>(self, under_way: impl Future<Output = T>) -> Result<T, Unfinished> {
        tokio::select! {
            ended = timeout(self.door.limits.handshake_timeout, under_way) => {
                ended.map_err(|_| Unfinished::Slow)
            }
            () = self.given_up.notified() => Err(Unfinished::GivenUp),
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.door.lock().handshakes.remove(&self.id);
    }
}

/// The place of one connection of a device, or of a phone that nobody knows.
pub(super) struct Seat {
    door: Arc<Door>,
    /// None for a newcomer.
    device: Option<DeviceId>,
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
        match self.device {
            None => drop(state.newcomers.remove(&self.id)),
            Some(device) => {
                if let Some(seats) = state.seats.get_mut(&device) {
                    seats.retain(|(id, _)| *id != self.id);
                    if seats.is_empty() {
                        state.seats.remove(&device);
                    }
                }
                state.seated -= 1;
            }
        }
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
    use std::time::Duration;

    use super::*;
    use Transport::{Quic, Tcp};

    fn door() -> Arc<Door> {
        let limits = Limits {
            handshakes_max: 4,
            handshakes_per_address_max: 3,
            retry_above: 2,
            ..Limits::default()
        };
        Arc::new(Door::new(limits, Arc::new(|_| true)))
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
        let _first = welcome(door.consider(host(1), Quic, false));
        let second = welcome(door.consider(host(2), Quic, false));
        assert!(matches!(door.consider(host(3), Quic, false), Verdict::ProveAddress));
        let _third = welcome(door.consider(host(3), Quic, true));
        drop(second);
        drop(welcome(door.consider(host(4), Quic, true)));
        assert_eq!(door.lock().load().handshakes, 2);
        assert_eq!(door.lock().load().retried, 1);
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let door = door();
        let held: Vec<_> =
            [Quic, Quic, Tcp].map(|over| welcome(door.consider(host(1), over, true))).into();
        assert!(matches!(door.consider(host(1), Quic, true), Verdict::Refuse));
        let _other = welcome(door.consider(host(2), Quic, true));
        drop(held);
        let _again = welcome(door.consider(host(1), Quic, true));
    }

    fn is_given_up(handshake: &Handshake) -> bool {
        !handshake.door.lock().handshakes.contains_key(&handshake.id)
    }

    #[test]
    fn a_newcomer_takes_the_oldest_place_of_the_address_that_has_most() {
        let door = door();
        let lone = welcome(door.consider(host(1), Quic, true));
        let many = [(); 2].map(|()| welcome(door.consider(host(2), Quic, true)));
        let _newcomer = welcome(door.consider(host(3), Quic, true));
        assert!(!is_given_up(&lone), "the first to come, and the only one of its address");
        assert!(is_given_up(&many[0]) && !is_given_up(&many[1]));
        assert_eq!(door.lock().load().given_up, 1);
        drop(many);
        assert_eq!(door.lock().load().handshakes, 2, "a place that was taken is not left twice");
    }

    #[test]
    fn each_transport_keeps_a_share_of_the_places() {
        for (flooded, other) in [(Quic, Tcp), (Tcp, Quic)] {
            let door = door();
            let flood: Vec<_> =
                (1..=9).map(|last| welcome(door.consider(host(last), flooded, true))).collect();
            assert_eq!(door.lock().load().handshakes, 3, "one place of four is the other's");
            let kept = welcome(door.consider(host(10), other, true));
            assert_eq!(door.lock().load().handshakes, 4);
            let _next = welcome(door.consider(host(11), flooded, true));
            assert!(!is_given_up(&kept));
            let _more = welcome(door.consider(host(12), other, true));
            assert!(!is_given_up(&kept), "the flooding transport has more than its share");
            assert!(flood.iter().all(is_given_up) || door.lock().load().handshakes == 4);
        }
    }

    #[tokio::test]
    async fn a_handshake_whose_place_was_taken_ends() {
        let door = door();
        let held: Vec<_> =
            (1..=4).map(|last| welcome(door.consider(host(last), Tcp, true))).collect();
        let ends = held.into_iter().map(|handshake| async move {
            timeout(Duration::from_millis(50), handshake.hold(std::future::pending::<()>())).await
        });
        let mut given_up = 0;
        for end in ends {
            given_up += usize::from(matches!(end.await, Ok(Err(Unfinished::GivenUp))));
        }
        assert_eq!(given_up, 1);
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
