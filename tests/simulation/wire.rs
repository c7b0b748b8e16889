//! One direction of a link, as QUIC and TLS give it to a session: frames in a stream of bytes. Below it packets are
//! lost, repeated, put out of order, held up and corrupted; what a packet's tag does not vouch for never arrives, as
//! with the ciphers of TLS, and is sent again. Where a link is cut, a frame may be there in part.

use std::collections::{BTreeMap, VecDeque};

use rand::Rng;
use rand::rngs::SmallRng;

use crate::tally::{Peak, Seen, Tally};

/// Packets that are under way or wait for one before them; a transport's window is bounded too.
const WINDOW_PACKETS_MAX: u64 = 32;

/// Whole frames that wait for a receiver that is busy; then nothing more is taken from the network.
const INBOX_FRAMES_MAX: usize = 4;

/// Bytes of the length before each frame.
const LENGTH_BYTES: usize = 4;

#[derive(Debug, Clone)]
struct Packet {
    number: u64,
    bytes: Vec<u8>,
    tag: [u8; 8],
    /// When it arrives on a good network.
    due: i64,
}

/// See the module.
pub(crate) struct Wire {
    key: [u8; 32],
    packet_bytes: usize,
    /// Of frames that were handed over and did not fit the window.
    unsent: VecDeque<u8>,
    numbered: u64,
    flight: VecDeque<Packet>,
    /// The next packet of the stream.
    next: u64,
    early: BTreeMap<u64, Vec<u8>>,
    /// A frame of which not all has come.
    begun: Vec<u8>,
    inbox: VecDeque<Vec<u8>>,
}

impl Wire {
    pub(crate) fn new(rng: &mut SmallRng) -> Self {
        Self {
            key: rng.random(),
            packet_bytes: rng.random_range(24..400),
            unsent: VecDeque::new(),
            numbered: 0,
            flight: VecDeque::new(),
            next: 0,
            early: BTreeMap::new(),
            begun: Vec::new(),
            inbox: VecDeque::new(),
        }
    }

    /// Whether the sender may hand over the next frame: what was handed over is under way.
    pub(crate) fn has_room(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Hands a frame over; it arrives at `due` on a good network.
    pub(crate) fn send(&mut self, frame: &[u8], due: i64) {
        let length = u32::try_from(frame.len()).expect("a frame is below its limit");
        self.unsent.extend(length.to_le_bytes());
        self.unsent.extend(frame);
        self.fill(due);
    }

    /// Sends what the window has room for.
    pub(crate) fn fill(&mut self, due: i64) {
        while !self.unsent.is_empty() && self.numbered - self.next < WINDOW_PACKETS_MAX {
            let count = self.unsent.len().min(self.packet_bytes);
            let bytes: Vec<u8> = self.unsent.drain(..count).collect();
            let (number, tag) = (self.numbered, self.tag(self.numbered, &bytes));
            self.flight.push_back(Packet { number, bytes, tag, due });
            self.numbered += 1;
        }
    }

    /// Something happens to a packet under way. Returns whether one was.
    pub(crate) fn stir(&mut self, rng: &mut SmallRng, tally: &mut Tally) -> bool {
        if self.flight.is_empty() || self.inbox.len() >= INBOX_FRAMES_MAX {
            return false;
        }
        let at = if rng.random_bool(0.3) { rng.random_range(0..self.flight.len()) } else { 0 };
        if at > 0 {
            tally.note(Seen::Reordered);
        }
        match rng.random_range(0..100) {
            // The sender notices, and it goes on its way once more.
            0..10 => tally.note(Seen::Lost),
            10..16 => {
                let Packet { number, mut bytes, tag, .. } = self.flight[at].clone();
                let flipped = rng.random_range(0..bytes.len() * 8);
                bytes[flipped / 8] ^= 1 << (flipped % 8);
                assert!(!self.arrive(number, bytes, tag), "a corrupted packet was taken");
                tally.note(Seen::Corrupted);
            }
            16..24 => {
                let Packet { number, bytes, tag, .. } = self.flight[at].clone();
                self.arrive(number, bytes, tag);
                tally.note(Seen::Repeated);
            }
            _ => {
                let Some(Packet { number, bytes, tag, .. }) = self.flight.remove(at) else {
                    return false;
                };
                self.arrive(number, bytes, tag);
            }
        }
        tally.peak(Peak::Packets, self.flight.len() + self.early.len());
        tally.peak(Peak::Inbox, self.inbox.len());
        true
    }

    /// Lets arrive what is due. Returns whether anything was.
    pub(crate) fn arrive_due(&mut self, now: i64) -> bool {
        let mut any = false;
        while self.flight.front().is_some_and(|packet| packet.due <= now) {
            let Some(Packet { number, bytes, tag, .. }) = self.flight.pop_front() else { break };
            self.arrive(number, bytes, tag);
            any = true;
        }
        any
    }

    /// When the next packet is due.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.flight.front().map(|packet| packet.due)
    }

    pub(crate) fn take_frame(&mut self) -> Option<Vec<u8>> {
        self.inbox.pop_front()
    }

    /// Whether the receiver holds a part of what it has not got whole.
    pub(crate) fn is_midway(&self) -> bool {
        !self.begun.is_empty() || !self.early.is_empty()
    }

    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.unsent.is_empty() && self.flight.is_empty() && self.inbox.is_empty()
    }

    fn tag(&self, number: u64, bytes: &[u8]) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&number.to_le_bytes()).update(bytes);
        let mut tag = [0; 8];
        tag.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        tag
    }

    /// Takes a packet in, if it is what was sent; one that was here before changes nothing.
    fn arrive(&mut self, number: u64, bytes: Vec<u8>, tag: [u8; 8]) -> bool {
        if self.tag(number, &bytes) != tag {
            return false;
        }
        if number >= self.next {
            self.early.insert(number, bytes);
        }
        while let Some(bytes) = self.early.remove(&self.next) {
            self.begun.extend(bytes);
            self.next += 1;
        }
        while let Some((length, rest)) = self.begun.split_first_chunk::<LENGTH_BYTES>() {
            let length = u32::from_le_bytes(*length) as usize;
            let Some(frame) = rest.get(..length) else { break };
            self.inbox.push_back(frame.to_vec());
            self.begun.drain(..LENGTH_BYTES + length);
        }
        true
    }
}
