//! A bad network for one or more phones: a UDP relay that delays, loses, repeats and reorders.
//!
//! The fate of the n-th datagram in each direction depends on the seed alone; which datagram is the
//! n-th depends on the machine, as far as real sockets do. The relay also plays the NAT in between:
//! it can be cut, restored, and made to change the address that the hub sees.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// The largest UDP payload.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// What one direction does to datagrams. The default passes everything on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Path {
    /// How long each datagram travels.
    pub delay: Duration,
    /// Up to how much longer, at random; anything above zero reorders a little.
    pub jitter: Duration,
    /// How many in a thousand are lost.
    pub lost_per_mille: u32,
    /// How many in a thousand arrive twice.
    pub doubled_per_mille: u32,
    /// How many in a thousand travel twice as long, so that later ones overtake them.
    pub late_per_mille: u32,
    /// How many bytes a second pass, if limited.
    pub bytes_per_second: Option<u32>,
}

impl Path {
    /// A line that only takes time.
    #[must_use]
    pub fn slow(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// A line that takes time and loses `percent` of all datagrams.
    #[must_use]
    pub fn lossy(delay: Duration, percent: u32) -> Self {
        Self { delay, lost_per_mille: percent * 10, ..Self::default() }
    }
}

/// Bytes that wait for a slow line before it drops what comes: what a mobile base station keeps.
const BACKLOG_BYTES_MAX: u32 = 64 * 1024;

/// What the relay has handled, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Passed on towards the hub.
    pub up: u64,
    /// Passed on towards phones.
    pub down: u64,
    /// Lost, by chance, by a cut or by a full backlog.
    pub lost: u64,
    /// Passed on a second time.
    pub doubled: u64,
    /// Bytes passed on towards the hub, without what UDP and IP put before them; what is passed on twice counts once.
    pub bytes_up: u64,
    /// The same towards phones.
    pub bytes_down: u64,
    /// QUIC connections that phones began.
    pub connections: u64,
}

impl Counters {
    /// Returns the bytes passed on, both ways.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes_up + self.bytes_down
    }
}

/// Set in the first byte of a QUIC datagram while its two ends make their connection.
const LONG_HEADER: u8 = 0x80;

/// Before the names of the two ends there: that byte, and the version.
const BEFORE_NAMES: usize = 5;

/// Returns how the sender of a datagram calls its end of the connection that it begins; none in later datagrams.
fn beginner(datagram: &[u8]) -> Option<&[u8]> {
    if datagram.first()? & LONG_HEADER == 0 {
        return None;
    }
    let (length, rest) = datagram.get(BEFORE_NAMES..)?.split_first()?;
    let (length, rest) = rest.get(usize::from(*length)..)?.split_first()?;
    rest.get(..usize::from(*length))
}

/// A relay between phones and one hub. Ends when dropped.
#[derive(Debug)]
pub struct UdpLink {
    address: SocketAddr,
    relay: Arc<Relay>,
    tasks: [JoinHandle<()>; 2],
}

impl UdpLink {
    /// Starts a relay to `hub`, which must be an IPv4 address.
    ///
    /// # Errors
    ///
    /// Returns the operating system's reason when no socket can be opened.
    pub async fn start(seed: u64, hub: SocketAddr, up: Path, down: Path) -> io::Result<Self> {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = front.local_addr()?;
        let (posts, posted) = mpsc::unbounded_channel();
        let relay = Arc::new(Relay {
            hub,
            front,
            posts,
            state: Mutex::new(State {
                up: Direction::new(seed, up),
                down: Direction::new(seed ^ u64::MAX, down),
                flows: BTreeMap::new(),
                counters: Counters::default(),
                cut: false,
                cut_at: None,
                beginners: BTreeSet::new(),
            }),
        });
        let tasks = [
            tokio::spawn(Arc::clone(&relay).carry_up()),
            tokio::spawn(Arc::clone(&relay).deliver(posted)),
        ];
        Ok(Self { address, relay, tasks })
    }

    /// Returns where phones find the hub.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Loses everything from now on, what is under way included.
    pub fn cut(&self) {
        self.relay.lock().cut = true;
    }

    /// Cuts by itself when so many bytes have been passed on in all.
    pub fn cut_at(&self, bytes: u64) {
        self.relay.lock().cut_at = Some(bytes);
    }

    /// Returns whether everything is lost now.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.relay.lock().cut
    }

    /// Lets datagrams through again.
    pub fn restore(&self) {
        let mut state = self.relay.lock();
        (state.cut, state.cut_at) = (false, None);
    }

    /// Changes what both directions do, from the next datagram on.
    pub fn set_paths(&self, up: Path, down: Path) {
        let mut state = self.relay.lock();
        state.up.path = up;
        state.down.path = down;
    }

    /// Forgets how phones were seen by the hub: their next datagrams come from new addresses, and
    /// what the hub sends to the old ones is lost.
    pub fn change_addresses(&self) {
        self.relay.lock().flows.clear();
    }

    /// Returns what was handled.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.relay.lock().counters
    }
}

impl Drop for UdpLink {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.relay.lock().flows.clear();
    }
}

#[derive(Debug)]
struct Relay {
    hub: SocketAddr,
    front: UdpSocket,
    state: Mutex<State>,
    posts: mpsc::UnboundedSender<Parcel>,
}

/// A datagram under way.
#[derive(Debug)]
struct Parcel {
    due: Instant,
    datagram: Box<[u8]>,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    /// To the hub, from the address by which it sees the phone.
    Up(Arc<UdpSocket>),
    /// To the phone.
    Down(SocketAddr),
}

#[derive(Debug)]
struct State {
    up: Direction,
    down: Direction,
    /// How the hub sees each phone.
    flows: BTreeMap<SocketAddr, Flow>,
    counters: Counters,
    cut: bool,
    /// When it is to be cut, by the bytes passed on.
    cut_at: Option<u64>,
    /// How phones call their ends of the connections that they began.
    beginners: BTreeSet<Vec<u8>>,
}

/// One phone's way to the hub; ends when dropped.
#[derive(Debug)]
struct Flow {
    back: Arc<UdpSocket>,
    task: JoinHandle<()>,
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn carry_up(self: Arc<Self>) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            // An error here is an earlier datagram refused by the phone's machine.
            let Ok((len, phone)) = self.front.recv_from(&mut buffer).await else { continue };
            let Ok(back) = self.flow(phone).await else { continue };
            self.post(&buffer[..len], Way::Up(back));
        }
    }

    async fn carry_down(self: Arc<Self>, back: Arc<UdpSocket>, phone: SocketAddr) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let Ok((len, _)) = back.recv_from(&mut buffer).await else { continue };
            self.post(&buffer[..len], Way::Down(phone));
        }
    }

    /// Delivers what was posted when it is due; what is due together goes in the order it came, as
    /// on a real line.
    async fn deliver(self: Arc<Self>, mut posted: mpsc::UnboundedReceiver<Parcel>) {
        let mut waiting = BTreeMap::new();
        let mut posts = 0_u64;
        loop {
            let next = waiting.first_key_value().map(|((due, _), _)| *due);
            tokio::select! {
                parcel = posted.recv() => {
                    let Some(parcel) = parcel else { return };
                    waiting.insert((parcel.due, posts), parcel);
                    posts += 1;
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    let Some((_, parcel)) = waiting.pop_first() else { continue };
                    self.hand_over(parcel).await;
                }
            }
        }
    }

    async fn hand_over(&self, Parcel { datagram, way, .. }: Parcel) {
        if self.lock().cut {
            return;
        }
        // Nobody listens there any more: lost, as on a real network.
        match way {
            Way::Up(back) => back.send_to(&datagram, self.hub).await.ok(),
            Way::Down(phone) => self.front.send_to(&datagram, phone).await.ok(),
        };
    }

    fn post(&self, datagram: &[u8], way: Way) {
        let up = matches!(way, Way::Up(_));
        for due in self.decide(up, datagram).into_iter().flatten() {
            let parcel = Parcel { due, datagram: datagram.into(), way: way.clone() };
            // The receiver is gone only when the relay is ending.
            self.posts.send(parcel).ok();
        }
    }

    /// Returns the socket by which the hub sees the phone, making it when there is none.
    async fn flow(self: &Arc<Self>, phone: SocketAddr) -> io::Result<Arc<UdpSocket>> {
        if let Some(flow) = self.lock().flows.get(&phone) {
            return Ok(Arc::clone(&flow.back));
        }
        let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        let task = tokio::spawn(Arc::clone(self).carry_down(Arc::clone(&back), phone));
        self.lock().flows.insert(phone, Flow { back: Arc::clone(&back), task });
        Ok(back)
    }

    /// Decides when a datagram arrives: not at all, once, or twice.
    fn decide(&self, up: bool, datagram: &[u8]) -> [Option<Instant>; 2] {
        let len = datagram.len();
        let mut state = self.lock();
        let cut = state.cut;
        let direction = if up { &mut state.up } else { &mut state.down };
        let mut fate = direction.decide(Instant::now(), len);
        if cut {
            fate = [None, None];
        }
        let counters = &mut state.counters;
        let passed = u64::from(fate[0].is_some());
        counters.lost += 1 - passed;
        counters.doubled += u64::from(fate[1].is_some());
        let bytes = if passed == 0 { 0 } else { len as u64 };
        if up {
            counters.up += passed;
            counters.bytes_up += bytes;
        } else {
            counters.down += passed;
            counters.bytes_down += bytes;
        }
        let total = counters.bytes();
        if up
            && passed > 0
            && let Some(beginner) = beginner(datagram)
            && state.beginners.insert(beginner.to_owned())
        {
            state.counters.connections += 1;
        }
        state.cut |= state.cut_at.is_some_and(|at| total >= at);
        fate
    }
}

#[derive(Debug)]
struct Direction {
    path: Path,
    random: SmallRng,
    /// When the line has passed on all that waits for it.
    free_at: Option<Instant>,
}

impl Direction {
    fn new(seed: u64, path: Path) -> Self {
        Self { path, random: SmallRng::seed_from_u64(seed), free_at: None }
    }

    fn decide(&mut self, now: Instant, len: usize) -> [Option<Instant>; 2] {
        // Always the same number of draws, so that one datagram's fate does not move another's.
        let [lost, doubled, late] = [(); 3].map(|()| self.random.random_range(0..1000_u32));
        let jitter = self.path.jitter.mul_f64(self.random.random_range(0.0..1.0));
        if lost < self.path.lost_per_mille {
            return [None, None];
        }
        let Some(start) = self.queue(now, len) else { return [None, None] };
        let slower = if late < self.path.late_per_mille { self.path.delay } else { Duration::ZERO };
        let due = start + self.path.delay + jitter + slower;
        let again = doubled < self.path.doubled_per_mille;
        [Some(due), again.then_some(due + Duration::from_millis(1))]
    }

    /// Returns when the line has taken the datagram, or `None` when too much waits already.
    fn queue(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(rate) = self.path.bytes_per_second else { return Some(now) };
        let start = self.free_at.map_or(now, |free_at| free_at.max(now));
        let backlog = (start - now).as_secs_f64() * f64::from(rate);
        if backlog > f64::from(BACKLOG_BYTES_MAX) {
            return None;
        }
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let end = start + Duration::from_secs_f64(f64::from(len) / f64::from(rate));
        self.free_at = Some(end);
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn same_seed_same_fate() {
        let path = Path { lost_per_mille: 300, doubled_per_mille: 200, ..Path::default() };
        let now = Instant::now();
        let fates = |seed| {
            let mut direction = Direction::new(seed, path);
            (0..200).map(|_| direction.decide(now, 100)).collect::<Vec<_>>()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
        let lost = fates(1).iter().filter(|fate| fate[0].is_none()).count();
        assert!((30..90).contains(&lost), "{lost} of 200 lost at 30 %");
    }

    #[test]
    fn a_connection_is_told_by_how_its_phone_calls_its_end() {
        let begins = [0xc0, 0, 0, 0, 1, 2, 8, 8, 3, 7, 7, 7, 0];
        assert_eq!(beginner(&begins), Some(&[7, 7, 7][..]));
        assert_eq!(beginner(&begins[..10]), None, "cut short");
        assert_eq!(beginner(&[0x40, 0, 0, 0, 1, 2, 8, 8, 3, 7, 7, 7, 0]), None, "a later datagram");
        assert_eq!(beginner(&[]), None);
    }

    #[tokio::test]
    async fn slow_line_spaces_datagrams_and_drops_what_waits_too_long() {
        let path = Path { bytes_per_second: Some(8_000), ..Path::default() };
        let mut direction = Direction::new(1, path);
        let now = Instant::now();
        let due = |direction: &mut Direction| direction.decide(now, 800)[0];
        assert_eq!(due(&mut direction), Some(now + Duration::from_millis(100)));
        assert_eq!(due(&mut direction), Some(now + Duration::from_millis(200)));
        let passed = (0..200).filter(|_| due(&mut direction).is_some()).count();
        assert!((75..=85).contains(&passed), "{passed} datagrams waited for the line");
    }
}
