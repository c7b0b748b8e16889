//! A link's stream over TLS/TCP, for networks that block UDP: what QUIC does of itself, done in
//! records ([`record`]): an end in order, a reason for closing, signs of life.
//!
//! One connection is one session. Two tasks serve it, one for each direction; both end with it.

mod connection;
mod record;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::error::{Ends, NetError};
use super::limits::TCP_LAST_WORDS;
use super::tls;

pub(super) use connection::{Connection, Inward, Open, Outward};
use socket::Counted;
pub(super) use socket::listen;

/// What a stranger may still say after its handshake failed, read only so that our alert is not lost
/// with the connection.
const UNHEARD_BYTES_MAX: usize = 64 * 1024;

/// An alert of TLS, in the clear as before any key is agreed: fatal, `internal_error`. rustls has no
/// other way to refuse before the handshake; a phone reads it as "busy".
const BUSY: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];

/// Connects to a hub and proves both keys.
///
/// # Errors
///
/// Returns [`NetError::Refused`] when nothing listens, [`NetError::UnreachableTcp`] when there is no
/// way, and what TLS says otherwise.
pub(super) async fn connect(
    address: SocketAddr,
    config: Arc<rustls::ClientConfig>,
    ends: Ends,
    keep_alive: Duration,
) -> Result<Open, NetError> {
    let begun = Instant::now();
    let stream = socket::connect(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::ConnectionRefused => NetError::Refused { address },
        _ => NetError::UnreachableTcp { address, source },
    })?;
    // Connecting takes one round trip of the line and no work at the other end.
    let round_trip = begun.elapsed();
    let counted = Counted::new(stream);
    let counts = counted.counts();
    let name = ServerName::try_from(super::phone::SERVER_NAME).expect("it is a host name");
    let tls = TlsConnector::from(config)
        .connect(name, counted)
        .await
        .map_err(|error| ends.explain_tls(error))?;
    if tls.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
        return Err(NetError::Incompatible);
    }
    Ok(connection::start(TlsStream::from(tls), counts, round_trip, Some(keep_alive)))
}

/// Why a stranger got no session.
#[derive(Debug)]
pub(super) enum Unwelcome {
    /// Its handshake failed.
    Handshake,
    /// It speaks another protocol, or none.
    Protocol,
}

/// Sees a stranger through its handshake.
///
/// # Errors
///
/// Returns [`Unwelcome`] for whoever does not prove a known key or speaks something else.
pub(super) async fn accept(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
) -> Result<(Open, crate::model::DeviceId), Unwelcome> {
    socket::prepare(&stream);
    let counted = Counted::new(stream);
    let counts = counted.counts();
    let tls = match acceptor.accept(counted).into_fallible().await {
        Ok(tls) => tls,
        Err((_, stream)) => {
            part(stream).await;
            return Err(Unwelcome::Handshake);
        }
    };
    let (_, session) = tls.get_ref();
    let speaks = session.alpn_protocol() == Some(tls::ALPN);
    let device = session.peer_certificates().and_then(|keys| tls::parse_key(keys.first()?));
    let (true, Some(device)) = (speaks, device) else { return Err(Unwelcome::Protocol) };
    Ok((connection::start(TlsStream::from(tls), counts, Duration::ZERO, None), device))
}

/// Turns somebody away before anything is spent on it.
pub(super) fn refuse(stream: &TcpStream) {
    // A new connection has room for seven bytes; whoever does not hear it tries again all the same.
    stream.try_write(&BUSY).ok();
}

/// Lets the alert that says why reach the other end: a socket that is closed while bytes wait unread
/// takes back what it has sent.
async fn part(mut stream: Counted) {
    let farewell = async {
        stream.shutdown().await?;
        let mut left = UNHEARD_BYTES_MAX;
        let mut unheard = [0; 1024];
        while left > 0 {
            match stream.read(&mut unheard).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        io::Result::Ok(())
    };
    // Whether it was heard is the stranger's loss.
    drop(timeout(TCP_LAST_WORDS, farewell).await);
}

#[cfg(test)]
mod tests;
