//! Why a connection failed, and what a person or a program can do about it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use quinn::{ConnectionError, TransportErrorCode, VarInt};

use crate::model::DeviceId;

/// TLS alert by which an end says that it does not accept the other's key.
const ALERT_ACCESS_DENIED: u8 = 49;
/// TLS alert by which an end says that it does not speak the protocol offered.
const ALERT_NO_APPLICATION_PROTOCOL: u8 = 120;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Nothing is wrong for good: try again, with back-off.
    RetryLater,
    /// Trying again changes nothing until a person has acted.
    TellUser,
    /// The other end broke the rules: end the session and count it against that end.
    PeerAtFault,
}

/// Why an end closed a connection. Travels as the QUIC application error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The session is over and both ends have everything.
    Done,
    /// The end went away without finishing its session.
    Abandoned,
    /// The device has made newer connections.
    Superseded,
    /// The hub is shutting down.
    ShuttingDown,
    /// The other end broke the protocol.
    Misbehaved,
    /// The other end read or wrote too slowly.
    TooSlow,
    /// The hub does not, or no longer, know the device.
    DeviceUnknown,
    /// The hub has as many connections as it allows.
    Busy,
    /// No session was opened in time.
    NoSession,
    /// A code that this version does not know.
    Unknown,
}

impl CloseReason {
    const CODES: [(Self, u32); 9] = [
        (Self::Done, 0),
        (Self::Abandoned, 1),
        (Self::Superseded, 2),
        (Self::ShuttingDown, 3),
        (Self::Misbehaved, 4),
        (Self::TooSlow, 5),
        (Self::DeviceUnknown, 6),
        (Self::Busy, 7),
        (Self::NoSession, 8),
    ];

    pub(super) fn code(self) -> VarInt {
        let code = Self::CODES.iter().find(|(reason, _)| *reason == self).map_or(1, |(_, c)| *c);
        VarInt::from_u32(code)
    }

    pub(super) fn from_code(code: VarInt) -> Self {
        let code = code.into_inner();
        Self::CODES
            .iter()
            .find(|(_, known)| u64::from(*known) == code)
            .map_or(Self::Unknown, |(reason, _)| *reason)
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "the session is over",
            Self::Abandoned => "it went away in the middle of the session",
            Self::Superseded => "the device connected again",
            Self::ShuttingDown => "the hub is shutting down",
            Self::Misbehaved => "this end broke the protocol",
            Self::TooSlow => "this end was too slow",
            Self::DeviceUnknown => "the device is not known",
            Self::Busy => "the hub is busy",
            Self::NoSession => "no session was opened in time",
            Self::Unknown => "a reason that this version does not know",
        })
    }
}

/// Why a connection could not be made or did not last.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The UDP port could not be opened.
    #[error("cannot open UDP port {address}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The device's or the hub's own key cannot be used.
    #[error("this end's own key cannot be used for TLS")]
    OwnKey {
        /// What rustls said.
        source: rustls::Error,
    },
    /// The hub's name has no address, most likely because there is no network.
    #[error("no address found for the hub {hub}")]
    Resolve {
        /// Host and port.
        hub: String,
        /// What the resolver said; `None` when it found nothing.
        source: Option<io::Error>,
    },
    /// An address of the hub cannot be reached from this device's network.
    #[error("no way to {address} from this network")]
    Unreachable {
        /// The address.
        address: SocketAddr,
        /// What quinn said.
        source: quinn::ConnectError,
    },
    /// The hub did not answer in time.
    #[error("the hub {hub} did not answer within {waited:?}")]
    Timeout {
        /// Host and port.
        hub: String,
        /// How long it was given.
        waited: Duration,
    },
    /// The machine is there but no hub listens at the port.
    #[error("nothing listens at {address}: is the hub running, and is the port right?")]
    Refused {
        /// The address.
        address: SocketAddr,
    },
    /// What answered does not hold the key that this phone pinned.
    #[error("this is not the hub you pinned: it does not hold the key {pinned}")]
    HubKeyMismatch {
        /// The pinned key.
        pinned: DeviceId,
    },
    /// The hub does not know the device.
    #[error("the hub does not know the device {device}: an administrator must enrol it")]
    DeviceUnknown {
        /// The phone's key.
        device: DeviceId,
    },
    /// The hub has as many connections or handshakes as it allows.
    #[error("the hub is busy")]
    Busy,
    /// The two ends have no protocol version in common.
    #[error("the other end speaks another protocol version: one of the two needs an update")]
    Incompatible,
    /// The other end closed the connection.
    #[error("the other end closed the connection: {reason}")]
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// This end closed the connection, by a call elsewhere or a newer connection of the device.
    #[error("this end closed the connection")]
    ClosedHere,
    /// The connection was lost.
    #[error("the connection was lost")]
    Lost {
        /// What quinn said.
        source: ConnectionError,
    },
    /// The other end broke the rules of QUIC or TLS.
    #[error("the other end broke the rules of the transport")]
    Misbehaved {
        /// What quinn said.
        source: ConnectionError,
    },
    /// The other end announced a frame above the limit; nothing was allocated for it.
    #[error("a frame of {len} bytes was announced, {max} are allowed")]
    FrameTooLong {
        /// What was announced.
        len: usize,
        /// What is allowed.
        max: usize,
    },
    /// The caller wants to send a frame above the limit; nothing was sent.
    #[error("a frame of {len} bytes cannot be sent, {max} are allowed")]
    FrameNotSendable {
        /// Its length.
        len: usize,
        /// What is allowed.
        max: usize,
    },
    /// The stream ended inside a frame.
    #[error("the stream ended {missing} bytes before the end of a frame")]
    Truncated {
        /// How many bytes, of the length or the content, did not come.
        missing: usize,
    },
    /// The other end stopped reading or writing inside a frame.
    #[error("the other end made no progress for {waited:?}")]
    TooSlow {
        /// How long it was given.
        waited: Duration,
    },
    /// An earlier send was given up half-way, so nothing more can be said on this link.
    #[error("an earlier frame was only half sent")]
    Interrupted,
}

impl NetError {
    /// Says what to do about the error.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::Resolve { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Refused { .. }
            | Self::Busy
            | Self::ClosedHere
            | Self::Lost { .. }
            | Self::Truncated { .. }
            | Self::TooSlow { .. }
            | Self::Interrupted => Advice::RetryLater,
            Self::Closed { reason } => match reason {
                CloseReason::DeviceUnknown | CloseReason::Misbehaved => Advice::TellUser,
                _ => Advice::RetryLater,
            },
            Self::Bind { .. }
            | Self::OwnKey { .. }
            | Self::HubKeyMismatch { .. }
            | Self::DeviceUnknown { .. }
            | Self::Incompatible
            | Self::FrameNotSendable { .. } => Advice::TellUser,
            Self::Misbehaved { .. } | Self::FrameTooLong { .. } => Advice::PeerAtFault,
        }
    }
}

/// The two ends of a connection: the phone's key is named by errors of either end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    /// The phone.
    pub(super) device: DeviceId,
    /// The other end, as seen from here.
    pub(super) peer: DeviceId,
}

impl Ends {
    /// Says in our words what quinn says in QUIC's.
    pub(super) fn explain(&self, error: ConnectionError) -> NetError {
        let denied = TransportErrorCode::crypto(ALERT_ACCESS_DENIED);
        let no_protocol = TransportErrorCode::crypto(ALERT_NO_APPLICATION_PROTOCOL);
        match error {
            // A verifier of this end refused the peer's key: on a phone, the hub's.
            ConnectionError::TransportError(ref found) if found.code == denied => {
                NetError::HubKeyMismatch { pinned: self.peer }
            }
            ConnectionError::TransportError(ref found) if found.code == no_protocol => {
                NetError::Incompatible
            }
            ConnectionError::TransportError(_) => NetError::Misbehaved { source: error },
            ConnectionError::ConnectionClosed(mut close) => match close.error_code {
                code if code == denied => NetError::DeviceUnknown { device: self.device },
                code if code == no_protocol => NetError::Incompatible,
                TransportErrorCode::CONNECTION_REFUSED => NetError::Busy,
                _ => {
                    // Anybody on the path may have written the text, so no screen shows it.
                    close.reason = Default::default();
                    NetError::Lost { source: ConnectionError::ConnectionClosed(close) }
                }
            },
            ConnectionError::ApplicationClosed(ref close) => self.closed(close.error_code),
            ConnectionError::VersionMismatch => NetError::Incompatible,
            ConnectionError::LocallyClosed => NetError::ClosedHere,
            ConnectionError::Reset | ConnectionError::TimedOut | ConnectionError::CidsExhausted => {
                NetError::Lost { source: error }
            }
        }
    }

    /// Says what the peer's application code means.
    pub(super) fn closed(&self, code: VarInt) -> NetError {
        match CloseReason::from_code(code) {
            CloseReason::DeviceUnknown => NetError::DeviceUnknown { device: self.device },
            CloseReason::Busy => NetError::Busy,
            reason => NetError::Closed { reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_reason_reads_back_from_its_code() {
        for (reason, code) in CloseReason::CODES {
            assert_eq!(CloseReason::from_code(VarInt::from_u32(code)), reason);
            assert_eq!(reason.code(), VarInt::from_u32(code));
        }
        assert_eq!(CloseReason::from_code(VarInt::from_u32(999)), CloseReason::Unknown);
    }

    #[test]
    fn advice_tells_lost_networks_from_wrong_keys() {
        let pinned = DeviceId([1; 32]);
        assert_eq!(NetError::Busy.advice(), Advice::RetryLater);
        assert_eq!(NetError::HubKeyMismatch { pinned }.advice(), Advice::TellUser);
        assert_eq!(NetError::DeviceUnknown { device: pinned }.advice(), Advice::TellUser);
        assert_eq!(NetError::FrameTooLong { len: 9, max: 8 }.advice(), Advice::PeerAtFault);
    }
}
