//! What a link stands on: a stream each way that either transport carries, and its connection.
//!
//! Everything above speaks of frames; everything below, of packets or records. Errors leave here in
//! the words of [`NetError`], so that nobody above asks which transport it was.

use std::time::Duration;

use quinn::{Connection, ConnectionError, ReadError, RecvStream, SendStream, WriteError};

use super::error::{CloseReason, Ends, NetError};
use super::tcp;

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// QUIC, over UDP: survives a change of address.
    Quic,
    /// TLS over TCP, for networks that block UDP.
    Tcp,
}

impl Transport {
    /// Returns the other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Quic => Self::Tcp,
            Self::Tcp => Self::Quic,
        }
    }

    /// Returns the short name that people and programs read.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }
}

/// What a connection has cost so far, handshake and repeats included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Bytes this end sent: UDP payloads, or what was given to TCP, TLS included.
    pub bytes_sent: u64,
    /// Bytes this end received.
    pub bytes_received: u64,
    /// Datagrams this end sent; 0 over TCP, where the system cuts packets and does not tell.
    pub datagrams_sent: u64,
    /// Datagrams this end received; 0 over TCP.
    pub datagrams_received: u64,
    /// Packets this end sent that were lost on the way; 0 over TCP.
    pub packets_lost: u64,
    /// The round-trip time as last estimated; over TCP only the phone knows it.
    pub round_trip: Duration,
}

/// A connection; copies are the same one.
#[derive(Debug, Clone)]
pub(super) enum Carrier {
    Quic(Connection),
    Tcp(tcp::Connection),
}

impl Carrier {
    /// Closes the connection and tells the other end why.
    pub(super) fn close(&self, reason: CloseReason) {
        match self {
            Self::Quic(connection) => connection.close(reason.code(), b""),
            Self::Tcp(connection) => connection.close(reason),
        }
    }

    /// Returns how many bytes of a piece that is not whole yet may have come, ever; `None` where each
    /// packet shows by itself.
    pub(super) fn received(&self) -> Option<u64> {
        match self {
            Self::Quic(_) => None,
            Self::Tcp(connection) => Some(connection.received()),
        }
    }

    /// Returns a number that grows while the other end takes what is sent; `None` where a write that
    /// goes on shows it.
    pub(super) fn taken(&self) -> Option<u64> {
        match self {
            Self::Quic(_) => None,
            Self::Tcp(connection) => Some(connection.taken()),
        }
    }

    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Quic(_) => Transport::Quic,
            Self::Tcp(_) => Transport::Tcp,
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        match self {
            Self::Quic(connection) => {
                let stats = connection.stats();
                Traffic {
                    bytes_sent: stats.udp_tx.bytes,
                    bytes_received: stats.udp_rx.bytes,
                    datagrams_sent: stats.udp_tx.datagrams,
                    datagrams_received: stats.udp_rx.datagrams,
                    packets_lost: stats.path.lost_packets,
                    round_trip: stats.path.rtt,
                }
            }
            Self::Tcp(connection) => connection.traffic(),
        }
    }
}

/// The stream towards the other end.
#[derive(Debug)]
pub(super) enum Outward {
    Quic(SendStream),
    Tcp(tcp::Outward),
}

impl Outward {
    /// Takes some of the bytes, at least one; returns how many.
    ///
    /// # Errors
    ///
    /// Returns why the connection or the stream ended.
    pub(super) async fn write(&mut self, bytes: &[u8], ends: &Ends) -> Result<usize, NetError> {
        match self {
            Self::Quic(stream) => stream.write(bytes).await.map_err(|error| match error {
                WriteError::Stopped(code) => ends.closed(code),
                WriteError::ConnectionLost(error) => ends.explain(error),
                WriteError::ClosedStream | WriteError::ZeroRttRejected => NetError::Interrupted,
            }),
            Self::Tcp(stream) => stream.write(bytes, ends).await,
        }
    }

    /// Says that nothing more follows; returns once the other end has everything.
    ///
    /// # Errors
    ///
    /// Returns why the connection or the stream ended before that.
    pub(super) async fn finish(&mut self, ends: &Ends) -> Result<(), NetError> {
        match self {
            Self::Quic(stream) => {
                // An error says that the stream was ended already, which the wait below explains.
                stream.finish().ok();
                finished(stream, ends).await
            }
            Self::Tcp(stream) => stream.finish(ends).await,
        }
    }

    /// Gives the stream up: the other end must not take what it has for everything.
    pub(super) fn reset(&mut self) {
        match self {
            // An error says that the stream is over already.
            Self::Quic(stream) => drop(stream.reset(CloseReason::Abandoned.code())),
            Self::Tcp(stream) => stream.reset(),
        }
    }
}

async fn finished(stream: &mut SendStream, ends: &Ends) -> Result<(), NetError> {
    use quinn::StoppedError;
    match stream.stopped().await {
        Ok(None) => Ok(()),
        Ok(Some(code)) => match CloseReason::from_code(code) {
            CloseReason::Done => Ok(()),
            _ => Err(ends.closed(code)),
        },
        Err(StoppedError::ConnectionLost(error)) if is_done(&error) => Ok(()),
        Err(StoppedError::ConnectionLost(error)) => Err(ends.explain(error)),
        Err(StoppedError::ZeroRttRejected) => Err(NetError::Interrupted),
    }
}

/// The stream from the other end.
#[derive(Debug)]
pub(super) enum Inward {
    Quic(RecvStream),
    Tcp(tcp::Inward),
}

impl Inward {
    /// Returns what came next, at most `max` bytes, or `None` when the other end said in order that
    /// nothing more follows. May be dropped at any time without losing a byte.
    ///
    /// # Errors
    ///
    /// Returns why the connection or the stream ended.
    pub(super) async fn read(
        &mut self,
        max: usize,
        into: &mut Vec<u8>,
        ends: &Ends,
    ) -> Result<Option<usize>, NetError> {
        match self {
            Self::Quic(stream) => match stream.read_chunk(max, true).await {
                Ok(Some(chunk)) => {
                    into.extend_from_slice(&chunk.bytes);
                    Ok(Some(chunk.bytes.len()))
                }
                Ok(None) => Ok(None),
                Err(ReadError::ConnectionLost(error)) if is_done(&error) => Ok(None),
                Err(ReadError::Reset(code)) => Err(ends.closed(code)),
                Err(ReadError::ConnectionLost(error)) => Err(ends.explain(error)),
                Err(
                    ReadError::ClosedStream
                    | ReadError::IllegalOrderedRead
                    | ReadError::ZeroRttRejected,
                ) => Err(NetError::Interrupted),
            },
            Self::Tcp(stream) => stream.read(max, into, ends).await,
        }
    }
}

fn is_done(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::ApplicationClosed(close)
        if CloseReason::from_code(close.error_code) == CloseReason::Done)
}
