//! What one connection and one hub may cost, each number with its reason.
//!
//! Nothing here knows documents: a frame is bytes of limited length.

use std::time::Duration;

/// The longest frame on the wire, in bytes: a pack that holds one change of the largest size
/// (1 MiB), with its headers and signature, and room for twice that so that a batch need not be
/// cut to the byte. A peer that announces more is refused before anything is allocated.
pub const FRAME_WIRE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Handshakes under way at once. One costs a signature, a verification and some 100 kB until it
/// ends, so a flood of strangers costs at most a few megabytes.
pub const HANDSHAKES_MAX: usize = 64;

/// Handshakes under way from one address (IPv6: one /64), so that one stranger with one address
/// cannot take every place. A whole office behind one NAT still gets in, sixteen at a time.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = 16;

/// One in so many places for handshakes is kept for either transport: strangers on one of them leave the
/// other open. Where all are taken, the newcomer has the place of one that is old.
pub const HANDSHAKES_SHARE: usize = 4;

/// Handshakes under way above which a stranger must first prove that it receives at the address it
/// sends from (QUIC Retry). That costs a round trip, so in quiet times nobody is asked.
pub const RETRY_ABOVE: usize = 16;

/// Connections of one device. One is in use; the others are what a phone left behind when it lost
/// its network. The newest wins: a returning phone is never locked out by its own ghosts.
pub const CONNECTIONS_PER_DEVICE_MAX: usize = 4;

/// Connections of phones that nobody knows and that come to claim an invitation. They have places of their
/// own, so that strangers never take one of a known device: a class of thirty is enrolled at once.
pub const NEWCOMERS_MAX: usize = 32;

/// The same from one address. A class behind one address comes in turns; a claim takes seconds, and who
/// waits for its administrator comes again.
pub const NEWCOMERS_PER_ADDRESS_MAX: usize = 16;

/// Connections in all. An idle one costs about 38 kB, so this is 76 MB.
pub const CONNECTIONS_MAX: usize = 2_000;

/// Streams a phone may open on one connection. A session uses one; the others are for evidence,
/// which later travels beside it at a lower priority.
pub const STREAMS_MAX: u32 = 16;

/// Bytes a peer may send on one stream before they are read: enough for 1 MiB per round trip.
pub const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;

/// Bytes a peer may send on all streams before they are read.
pub const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// Bytes kept for a peer that has not acknowledged them: what one slow reader costs the hub.
pub const SEND_WINDOW_BYTES: u64 = 1024 * 1024;

/// Connection attempts that wait for the hub to look at them. Looking takes microseconds.
pub const INCOMING_MAX: usize = 256;

/// Bytes buffered for one such attempt: one flight of a phone.
pub const INCOMING_BUFFER_BYTES: u64 = 16 * 1024;

/// Bytes buffered for all such attempts.
pub const INCOMING_BUFFER_BYTES_TOTAL: u64 = 1024 * 1024;

/// Sessions that have begun and wait for the hub's accept. Above it, newcomers wait.
pub const ACCEPT_QUEUE_MAX: usize = 64;

/// How long a handshake may take: four losses in a row on a link of 600 ms.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a phone that has proved its key may wait before it opens its session. Phones send at
/// once; a connection that never does is half open and ended.
pub const STREAM_OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// After this long without any packet the connection is gone. Shorter would drop phones in a dead
/// spot of a minute, longer would keep ghosts.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a phone that holds a live link shows that it lives: home routers and mobile networks
/// forget a UDP path after 30 s. The hub never does, so it wakes no radio.
pub const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How often a phone shows that it lives while it waits for an answer of the hub: a hub that was
/// restarted meanwhile can only say so to a phone that speaks. Such a wait is short, and the radio is
/// awake anyway.
pub const ASK_ALIVE: Duration = Duration::from_secs(3);

/// How long a frame that has begun may bring less than [`PROGRESS_BYTES`], in either direction.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// What a frame that has begun must bring in each [`STALL_TIMEOUT`]: one packet. A link that gives
/// one packet now and then still makes progress; a peer that trickles bytes does not hold a place.
pub const PROGRESS_BYTES: usize = 1024;

/// How long the end of a session waits for the peer to have everything.
pub const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long another address of the hub waits behind the one before it.
pub const ADDRESS_STAGGER: Duration = Duration::from_millis(500);

/// After how long without an answer a phone asks whether anybody listens at the port at all.
pub const REFUSAL_PROBE_AFTER: Duration = Duration::from_secs(1);

/// How long a phone gives QUIC alone before it tries TCP beside it. A handshake takes one round trip,
/// on 2G about a second; a network that blocks UDP shows it by silence only. Shorter would make phones on
/// slow lines pay for both, longer would make the others wait.
pub const TRANSPORT_STAGGER: Duration = Duration::from_secs(2);

/// How long a phone remembers that only TCP came through and begins with it: long enough for the
/// exchanges of a visit to an office, short enough that QUIC is tried again within the hour.
pub const TCP_REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// Bytes that the system keeps for a peer that has not acknowledged them. Less than QUIC's, because a
/// sign of life waits behind them: at 2 kB/s they take half of [`IDLE_TIMEOUT`].
pub const TCP_SEND_BYTES: u32 = 64 * 1024;

/// Bytes that the system keeps until this end reads them, before the peer has to wait.
pub const TCP_RECEIVE_BYTES: u32 = 256 * 1024;

/// Pieces of at most 16 KiB that were read and wait for the session, and as many that wait to be written:
/// with the buffers of TLS and of the system, less than QUIC's windows.
pub const TCP_PIECES_MAX: usize = 2;

/// TCP connections that wait in the system for the hub to look at them.
pub const TCP_BACKLOG: u32 = 256;

/// How long an end of a TCP connection waits until its last words are out.
pub const TCP_LAST_WORDS: Duration = Duration::from_secs(1);

// A single frame must be able to pass the windows in a few round trips, and the retry must bite
// before the places are gone.
const _: () = assert!(FRAME_WIRE_BYTES_MAX <= CONNECTION_WINDOW_BYTES as usize);
const _: () = assert!(RETRY_ABOVE < HANDSHAKES_MAX);
const _: () = assert!(NEWCOMERS_PER_ADDRESS_MAX <= NEWCOMERS_MAX);
const _: () = assert!(HANDSHAKES_PER_ADDRESS_MAX <= HANDSHAKES_MAX);
const _: () = assert!(KEEP_ALIVE.as_secs() * 2 < IDLE_TIMEOUT.as_secs());
const _: () = assert!(TCP_RECEIVE_BYTES <= CONNECTION_WINDOW_BYTES);

/// What a hub allows. The defaults are the constants of this module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Handshakes under way at once; see [`HANDSHAKES_MAX`].
    pub handshakes_max: usize,
    /// Handshakes under way from one address; see [`HANDSHAKES_PER_ADDRESS_MAX`].
    pub handshakes_per_address_max: usize,
    /// Handshakes under way above which strangers prove their address; see [`RETRY_ABOVE`].
    pub retry_above: usize,
    /// Connections in all; see [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// Connections of one device, the newest staying; see [`CONNECTIONS_PER_DEVICE_MAX`].
    pub connections_per_device_max: usize,
    /// Connections of phones that nobody knows; see [`NEWCOMERS_MAX`].
    pub newcomers_max: usize,
    /// The same from one address; see [`NEWCOMERS_PER_ADDRESS_MAX`].
    pub newcomers_per_address_max: usize,
    /// How long a handshake may take; see [`HANDSHAKE_TIMEOUT`].
    pub handshake_timeout: Duration,
    /// How long until a connected phone opens its session; see [`STREAM_OPEN_TIMEOUT`].
    pub stream_open_timeout: Duration,
    /// How long a begun frame may stand still; see [`STALL_TIMEOUT`].
    pub stall_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshakes_max: HANDSHAKES_MAX,
            handshakes_per_address_max: HANDSHAKES_PER_ADDRESS_MAX,
            retry_above: RETRY_ABOVE,
            connections_max: CONNECTIONS_MAX,
            connections_per_device_max: CONNECTIONS_PER_DEVICE_MAX,
            newcomers_max: NEWCOMERS_MAX,
            newcomers_per_address_max: NEWCOMERS_PER_ADDRESS_MAX,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            stream_open_timeout: STREAM_OPEN_TIMEOUT,
            stall_timeout: STALL_TIMEOUT,
        }
    }
}
