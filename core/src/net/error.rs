//! Why a connection failed, and what a person or a program can do about it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
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

/// Why an end closed a connection. Travels as the application error code of QUIC, and over TCP in the
/// last record.
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
        VarInt::from_u32(self.number())
    }

    pub(super) fn from_code(code: VarInt) -> Self {
        Self::of_number(code.into_inner())
    }

    /// Returns the number that says it on the wire.
    pub(super) fn number(self) -> u32 {
        Self::CODES.iter().find(|(reason, _)| *reason == self).map_or(1, |(_, number)| *number)
    }

    pub(super) fn of_number(number: u64) -> Self {
        Self::CODES
            .iter()
            .find(|(_, known)| u64::from(*known) == number)
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

/// What the transport said of a connection that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// What quinn said.
    #[error(transparent)]
    Quic(#[from] ConnectionError),
    /// What TLS or the operating system said of a TCP connection.
    #[error(transparent)]
    Tcp(Arc<io::Error>),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Tcp(Arc::new(error))
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
    /// The TCP port could not be opened.
    #[error("cannot open TCP port {address}")]
    BindTcp {
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
    /// No TCP connection to an address of the hub could be made.
    #[error("no TCP connection to {address} from this network")]
    UnreachableTcp {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
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
    #[error("nothing listens at {address}: look whether the hub is running and the port is right")]
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
        /// What the transport said.
        source: Fault,
    },
    /// The other end broke the rules of QUIC, TCP's records or TLS.
    #[error("the other end broke the rules of the transport")]
    Misbehaved {
        /// What the transport said.
        source: Fault,
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
            | Self::UnreachableTcp { .. }
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
            | Self::BindTcp { .. }
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
            ConnectionError::TransportError(_) => NetError::Misbehaved { source: error.into() },
            ConnectionError::ConnectionClosed(mut close) => match close.error_code {
                code if code == denied => NetError::DeviceUnknown { device: self.device },
                code if code == no_protocol => NetError::Incompatible,
                TransportErrorCode::CONNECTION_REFUSED => NetError::Busy,
                _ => {
                    // Anybody on the path may have written the text, so no screen shows it.
                    close.reason = Default::default();
                    NetError::Lost { source: ConnectionError::ConnectionClosed(close).into() }
                }
            },
            ConnectionError::ApplicationClosed(ref close) => self.closed(close.error_code),
            ConnectionError::VersionMismatch => NetError::Incompatible,
            ConnectionError::LocallyClosed => NetError::ClosedHere,
            ConnectionError::Reset | ConnectionError::TimedOut | ConnectionError::CidsExhausted => {
                NetError::Lost { source: error.into() }
            }
        }
    }

    /// Says in our words what TLS says over TCP.
    pub(super) fn explain_tls(&self, error: io::Error) -> NetError {
        use rustls::{AlertDescription as Alert, CertificateError, Error};
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match tls {
            // The pinned key decides; a key that cannot be read is another key too.
            Some(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure | CertificateError::BadEncoding,
            )) => NetError::HubKeyMismatch { pinned: self.peer },
            Some(Error::AlertReceived(Alert::AccessDenied)) => {
                NetError::DeviceUnknown { device: self.device }
            }
            Some(Error::AlertReceived(Alert::NoApplicationProtocol)) => NetError::Incompatible,
            Some(Error::AlertReceived(Alert::InternalError)) => NetError::Busy,
            Some(Error::AlertReceived(_)) | None => NetError::Lost { source: error.into() },
            Some(_) => NetError::Misbehaved { source: error.into() },
        }
    }

    /// Says what the peer's application code means.
    pub(super) fn closed(&self, code: VarInt) -> NetError {
        self.closed_for(CloseReason::from_code(code))
    }

    /// Says what the peer's reason means.
    pub(super) fn closed_for(&self, reason: CloseReason) -> NetError {
        match reason {
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
