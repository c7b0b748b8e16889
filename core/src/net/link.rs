//! One session between two ends: frames of limited length on one stream.
//!
//! A frame is its length (u32, little endian) and its bytes. Memory grows with the bytes that have
//! come, never with the length that was claimed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::model::DeviceId;
use crate::trust::enrolment::ENROL_FRAME_BYTES_MAX;

use super::carrier::{Carrier, Inward, Outward, Traffic, Transport};
use super::door::Seat;
use super::error::{CloseReason, Ends, NetError};
use super::limits::{FINISH_TIMEOUT, FRAME_WIRE_BYTES_MAX, PROGRESS_BYTES};

/// Bytes of the length before each frame.
const HEADER_BYTES: usize = 4;

/// What the two halves of a link share. Closes the connection when both are gone.
#[derive(Debug)]
struct Shared {
    connection: Carrier,
    ends: Ends,
    stall_timeout: Duration,
    /// Whether the session was ended in order; if not, the peer is told so.
    finished: AtomicBool,
    /// The place taken at the hub; none on a phone.
    _seat: Option<Seat>,
}

impl Shared {
    fn traffic(&self) -> Traffic {
        self.connection.traffic()
    }

    fn close(&self, reason: CloseReason) {
        self.connection.close(reason);
    }

    fn too_slow(&self) -> NetError {
        self.close(CloseReason::TooSlow);
        NetError::TooSlow { waited: self.stall_timeout }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let finished = *self.finished.get_mut();
        self.close(if finished { CloseReason::Done } else { CloseReason::Abandoned });
    }
}

/// A session with an authenticated peer.
///
/// Dropping a link, or both of its halves, closes the connection at once; call [`Link::finish`] to
/// be sure that the peer has everything that was sent.
#[derive(Debug)]
pub struct Link {
    sender: FrameSender,
    receiver: FrameReceiver,
    newcomer: bool,
}

impl Link {
    pub(super) fn new(
        connection: Carrier,
        (send, receive): (Outward, Inward),
        ends: Ends,
        stall_timeout: Duration,
        seat: Option<Seat>,
    ) -> Self {
        let finished = AtomicBool::new(false);
        let shared = Arc::new(Shared { connection, ends, stall_timeout, finished, _seat: seat });
        Self {
            sender: FrameSender { stream: send, midway: false, shared: Arc::clone(&shared) },
            receiver: FrameReceiver {
                stream: receive,
                incoming: Incoming::default(),
                heard: None,
                shared,
            },
            newcomer: false,
        }
    }

    /// Marks the link as one of a phone that nobody knows, which is heard a little only.
    pub(super) fn limit_newcomer(&mut self) {
        self.newcomer = true;
        self.receiver.incoming.max = ENROL_FRAME_BYTES_MAX;
    }

    /// Returns whether the other end is a phone that the hub did not know when it connected.
    #[must_use]
    pub fn is_newcomer(&self) -> bool {
        self.newcomer
    }

    /// Returns the key that the peer proved.
    #[must_use]
    pub fn peer(&self) -> DeviceId {
        self.sender.shared.ends.peer
    }

    /// Returns how frames travel.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.sender.shared.connection.transport()
    }

    /// Returns what the connection has cost so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.sender.traffic()
    }

    /// Sends one frame; see [`FrameSender::send`].
    ///
    /// # Errors
    ///
    /// As [`FrameSender::send`].
    pub async fn send(&mut self, frame: &[u8]) -> Result<(), NetError> {
        self.sender.send(frame).await
    }

    /// Receives one frame; see [`FrameReceiver::receive`].
    ///
    /// # Errors
    ///
    /// As [`FrameReceiver::receive`].
    pub async fn receive(&mut self) -> Result<Option<Vec<u8>>, NetError> {
        self.receiver.receive().await
    }

    /// Separates the directions, for a task each. The connection ends when both halves are gone.
    #[must_use]
    pub fn split(self) -> (FrameSender, FrameReceiver) {
        (self.sender, self.receiver)
    }

    /// Ends the session: waits a short while until the peer has everything, then closes.
    ///
    /// # Errors
    ///
    /// As [`FrameSender::finish`].
    pub async fn finish(mut self) -> Result<(), NetError> {
        self.sender.finish().await
    }

    /// Ends the session at once and tells the peer why; what was not acknowledged is lost.
    pub fn abort(self, reason: CloseReason) {
        self.sender.shared.close(reason);
    }
}

/// The sending half of a link.
#[derive(Debug)]
pub struct FrameSender {
    stream: Outward,
    /// A frame has been begun and not completed.
    midway: bool,
    shared: Arc<Shared>,
}

impl FrameSender {
    /// Sends one frame. Returns when it has been handed to the connection, which is soon unless
    /// the peer reads slowly: what a slow peer can make this end hold is limited.
    ///
    /// Giving the future up inside a frame leaves the link unable to send.
    ///
    /// # Errors
    ///
    /// Returns [`NetError::FrameNotSendable`] for a frame above [`FRAME_WIRE_BYTES_MAX`] (the link
    /// stays usable), [`NetError::TooSlow`] when the peer takes nothing for the stall timeout,
    /// [`NetError::Interrupted`] after a send was given up, and otherwise why the connection ended.
    pub async fn send(&mut self, frame: &[u8]) -> Result<(), NetError> {
        let too_long =
            || NetError::FrameNotSendable { len: frame.len(), max: FRAME_WIRE_BYTES_MAX };
        if frame.len() > FRAME_WIRE_BYTES_MAX {
            return Err(too_long());
        }
        let header = u32::try_from(frame.len()).map_err(|_| too_long())?.to_le_bytes();
        if self.midway {
            return Err(NetError::Interrupted);
        }
        self.midway = true;
        // One buffer, so that a small frame and its length leave in one packet.
        let bytes = [&header, frame].concat();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let written = self.write(rest).await?;
            rest = &rest[written..];
        }
        self.midway = false;
        Ok(())
    }

    /// Hands some bytes to the connection, unless the peer takes nothing for the stall timeout.
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, NetError> {
        let shared = &self.shared;
        let mut write = std::pin::pin!(self.stream.write(bytes, &shared.ends));
        loop {
            let taken = shared.connection.taken();
            if let Ok(written) = timeout(shared.stall_timeout, &mut write).await {
                return written;
            }
            if shared.connection.taken() == taken {
                return Err(shared.too_slow());
            }
        }
    }

    /// Says that nothing more follows, and waits a short while until the peer has everything.
    /// The connection closes in order once both halves are gone.
    ///
    /// # Errors
    ///
    /// Returns [`NetError::Interrupted`] after a send was given up, [`NetError::TooSlow`] when
    /// the peer did not acknowledge everything in time, and otherwise why the connection ended
    /// before that.
    pub async fn finish(&mut self) -> Result<(), NetError> {
        if self.midway {
            return Err(NetError::Interrupted);
        }
        match timeout(FINISH_TIMEOUT, self.stream.finish(&self.shared.ends)).await {
            Ok(finished) => finished?,
            Err(_) => return Err(NetError::TooSlow { waited: FINISH_TIMEOUT }),
        }
        self.shared.finished.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Returns what the connection has cost so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.traffic()
    }

    /// Ends the session at once and tells the peer why; what was not acknowledged is lost.
    pub fn abort(self, reason: CloseReason) {
        self.shared.close(reason);
    }
}

impl Drop for FrameSender {
    fn drop(&mut self) {
        // A dropped stream ends as if all had been said; the peer must not take it for that.
        if !self.shared.finished.load(Ordering::Relaxed) {
            self.stream.reset();
        }
    }
}

/// The receiving half of a link.
#[derive(Debug)]
pub struct FrameReceiver {
    stream: Inward,
    incoming: Incoming,
    /// What had come by the socket when the deadline was set, where that tells more than the frame.
    heard: Option<u64>,
    shared: Arc<Shared>,
}

impl FrameReceiver {
    /// Returns what the connection has cost so far, also once it is lost.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.traffic()
    }

    /// Returns the next frame, or `None` when the peer ended the session in order.
    ///
    /// Between frames it waits as long as the connection lives. The future may be dropped at any
    /// time; the next call goes on where it was.
    ///
    /// # Errors
    ///
    /// Returns [`NetError::FrameTooLong`] before anything is allocated, [`NetError::TooSlow`] when
    /// a frame that has begun stands still, [`NetError::Truncated`] when the stream ends inside
    /// one, and otherwise why the connection ended. After the first two the connection is closed.
    pub async fn receive(&mut self) -> Result<Option<Vec<u8>>, NetError> {
        loop {
            let wanted = match self.incoming.next() {
                Next::Frame(frame) => return Ok(Some(frame)),
                Next::TooLong(len) => {
                    self.shared.close(CloseReason::Misbehaved);
                    return Err(NetError::FrameTooLong { len, max: self.incoming.max });
                }
                Next::Wanted(wanted) => wanted,
            };
            let deadline = self.incoming.deadline;
            let read = self.stream.read(wanted, self.incoming.buffer(), &self.shared.ends);
            let came = match deadline {
                Some(deadline) => match timeout_at(deadline, read).await {
                    Ok(came) => came,
                    Err(_) if self.comes() => continue,
                    Err(_) => return Err(self.shared.too_slow()),
                },
                None => read.await,
            };
            match came? {
                Some(came) => {
                    let deadline = Instant::now() + self.shared.stall_timeout;
                    if self.incoming.note(came, deadline) {
                        self.heard = self.shared.connection.received();
                    }
                }
                None => return self.incoming.end(wanted),
            }
        }
    }

    /// Returns whether enough came by the socket since the deadline was set, of a piece that is not
    /// whole; if so, sets it anew.
    fn comes(&mut self) -> bool {
        let (Some(before), Some(now)) = (self.heard, self.shared.connection.received()) else {
            return false;
        };
        let comes = now.saturating_sub(before) >= PROGRESS_BYTES as u64;
        if comes {
            self.heard = Some(now);
            self.incoming.deadline = Some(Instant::now() + self.shared.stall_timeout);
        }
        comes
    }

    /// Returns the key that the peer proved.
    #[must_use]
    pub fn peer(&self) -> DeviceId {
        self.shared.ends.peer
    }
}

/// The frame that is coming in.
#[derive(Debug)]
struct Incoming {
    /// The longest frame that is taken.
    max: usize,
    header: Vec<u8>,
    body: Vec<u8>,
    /// By when [`PROGRESS_BYTES`] must have come; set from the first byte of a frame.
    deadline: Option<Instant>,
    /// Bytes since the deadline was set.
    progress: usize,
}

/// What to do next about the frame that is coming in.
enum Next {
    Frame(Vec<u8>),
    TooLong(usize),
    Wanted(usize),
}

impl Default for Incoming {
    fn default() -> Self {
        let (header, body) = (Vec::new(), Vec::new());
        Self { max: FRAME_WIRE_BYTES_MAX, header, body, deadline: None, progress: 0 }
    }
}

impl Incoming {
    fn next(&mut self) -> Next {
        let Ok(header) = <[u8; HEADER_BYTES]>::try_from(self.header.as_slice()) else {
            return Next::Wanted(HEADER_BYTES - self.header.len());
        };
        let len = usize::try_from(u32::from_le_bytes(header)).unwrap_or(usize::MAX);
        if len > self.max {
            return Next::TooLong(len);
        }
        if self.body.len() < len {
            return Next::Wanted(len - self.body.len());
        }
        let fresh = Self { max: self.max, ..Self::default() };
        let done = std::mem::replace(self, fresh);
        Next::Frame(done.body)
    }

    /// Returns where the bytes that come next belong; never more than was wanted.
    fn buffer(&mut self) -> &mut Vec<u8> {
        if self.header.len() < HEADER_BYTES { &mut self.header } else { &mut self.body }
    }

    /// Notes that so many bytes came. Returns whether the deadline was set anew.
    fn note(&mut self, came: usize, deadline: Instant) -> bool {
        self.progress += came;
        let is_due = self.deadline.is_none() || self.progress >= PROGRESS_BYTES;
        if is_due {
            self.deadline = Some(deadline);
            self.progress = 0;
        }
        is_due
    }

    /// The stream has ended while `missing` bytes were wanted.
    fn end(&self, missing: usize) -> Result<Option<Vec<u8>>, NetError> {
        if self.header.is_empty() { Ok(None) } else { Err(NetError::Truncated { missing }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Incoming {
        fn take_in(&mut self, bytes: &[u8], deadline: Instant) {
            self.buffer().extend_from_slice(bytes);
            self.note(bytes.len(), deadline);
        }
    }

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn wanted(incoming: &mut Incoming) -> usize {
        match incoming.next() {
            Next::Wanted(wanted) => wanted,
            Next::Frame(_) | Next::TooLong(_) => panic!("the frame is not complete"),
        }
    }

    #[test]
    fn memory_grows_with_what_came_not_with_what_was_claimed() {
        let mut incoming = Incoming::default();
        let claimed = u32::try_from(FRAME_WIRE_BYTES_MAX).unwrap();
        incoming.take_in(&claimed.to_le_bytes(), deadline());
        assert_eq!(wanted(&mut incoming), FRAME_WIRE_BYTES_MAX);
        incoming.take_in(&[7; 100], deadline());
        assert_eq!(wanted(&mut incoming), FRAME_WIRE_BYTES_MAX - 100);
        assert!(incoming.body.capacity() < 1024, "{} reserved", incoming.body.capacity());
    }

    #[test]
    fn frame_over_the_limit_is_refused_by_its_header() {
        for len in [claim_over_limit(), u32::MAX] {
            let mut incoming = Incoming::default();
            incoming.take_in(&len.to_le_bytes(), deadline());
            assert!(matches!(incoming.next(), Next::TooLong(found) if found == len as usize));
            assert_eq!(incoming.body.capacity(), 0);
        }
    }

    fn claim_over_limit() -> u32 {
        u32::try_from(FRAME_WIRE_BYTES_MAX).unwrap() + 1
    }

    #[test]
    fn frame_arrives_whole_however_it_was_cut() {
        let mut incoming = Incoming::default();
        for byte in [3, 0, 0, 0, b'a', b'b', b'c'] {
            assert!(wanted(&mut incoming) >= 1);
            incoming.take_in(&[byte], deadline());
        }
        assert!(matches!(incoming.next(), Next::Frame(frame) if frame == b"abc"));
        assert_eq!(wanted(&mut incoming), HEADER_BYTES);
        assert!(incoming.deadline.is_none(), "between frames a link may rest");
    }

    #[test]
    fn empty_frame_is_a_frame() {
        let mut incoming = Incoming::default();
        incoming.take_in(&[0; HEADER_BYTES], deadline());
        assert!(matches!(incoming.next(), Next::Frame(frame) if frame.is_empty()));
    }

    #[test]
    fn trickling_bytes_do_not_move_the_deadline() {
        let mut incoming = Incoming::default();
        let first = deadline();
        incoming.take_in(&[0, 0, 1, 0], first);
        let later = first + Duration::from_secs(30);
        incoming.take_in(&[0; PROGRESS_BYTES - 1], later);
        assert_eq!(incoming.deadline, Some(first));
        incoming.take_in(&[0; 1], later);
        assert_eq!(incoming.deadline, Some(later));
    }

    #[test]
    fn stream_that_ends_inside_a_frame_is_truncated() {
        let mut incoming = Incoming::default();
        assert!(matches!(incoming.end(HEADER_BYTES), Ok(None)));
        incoming.take_in(&[9], deadline());
        assert!(matches!(incoming.end(3), Err(NetError::Truncated { missing: 3 })));
    }
}
