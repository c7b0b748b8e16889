//! A known device that keeps to the transport's rules and to none of ours above it.

use std::sync::Arc;

use bienban_core::net::{CloseReason, HubEndpoint, Transport};
use quinn::crypto::rustls::QuicClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::stranger;

/// The kinds of records over TCP that are sent and expected here.
const DATA: u8 = 0;
const END: u8 = 1;
const CLOSE: u8 = 3;

/// Such a device, connected.
pub(crate) enum Raw {
    Quic(quinn::Connection, Option<quinn::SendStream>),
    Tcp(Box<TlsStream<TcpStream>>),
}

impl Raw {
    /// Connects as a device with a key, in our protocol.
    pub(crate) async fn known(over: Transport, hub: &HubEndpoint) -> Self {
        Self::connect(over, hub, b"bienban/1", Some([77; 32])).await.unwrap()
    }

    /// Connects; `None` when the hub refuses during the handshake.
    pub(crate) async fn connect(
        over: Transport,
        hub: &HubEndpoint,
        protocol: &[u8],
        seed: Option<[u8; 32]>,
    ) -> Option<Self> {
        let tls = stranger::tls(protocol, seed);
        match over {
            Transport::Quic => {
                let crypto = QuicClientConfig::try_from(tls).unwrap();
                let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
                let config = quinn::ClientConfig::new(Arc::new(crypto));
                let connecting = endpoint.connect_with(config, hub.local_addr(), "hub.bienban");
                Some(Self::Quic(connecting.unwrap().await.ok()?, None))
            }
            Transport::Tcp => {
                let stream = TcpStream::connect(hub.tcp_addr().unwrap()).await.unwrap();
                let name = "hub.bienban".try_into().unwrap();
                let tls = TlsConnector::from(Arc::new(tls)).connect(name, stream).await.ok()?;
                Some(Self::Tcp(Box::new(tls)))
            }
        }
    }

    /// Sends bytes on the session's stream.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Quic(connection, stream) => {
                if stream.is_none() {
                    *stream = Some(connection.open_bi().await.unwrap().0);
                }
                stream.as_mut().unwrap().write_all(bytes).await.unwrap();
            }
            Self::Tcp(_) => {
                let len = u8::try_from(bytes.len()).unwrap();
                self.send_bare(&[&[DATA, len, 0, 0], bytes].concat()).await;
            }
        }
    }

    /// As [`Self::send`]; returns whether the hub still takes it. Over TCP that shows with one byte more.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Quic(connection, stream) => {
                let Some(stream) = stream else { return false };
                connection.close_reason().is_none() && stream.write_all(bytes).await.is_ok()
            }
            Self::Tcp(tls) => {
                let len = u8::try_from(bytes.len()).unwrap();
                let record = [&[DATA, len, 0, 0], bytes].concat();
                tls.write_all(&record).await.is_ok() && tls.flush().await.is_ok()
            }
        }
    }

    /// Says that nothing more follows on the stream.
    pub(crate) async fn finish(&mut self) {
        match self {
            Self::Quic(_, stream) => stream.as_mut().unwrap().finish().unwrap(),
            Self::Tcp(_) => self.send_bare(&[END, 0, 0, 0]).await,
        }
    }

    /// Sends bytes below the session: over TCP, in place of a record.
    pub(crate) async fn send_bare(&mut self, bytes: &[u8]) {
        let Self::Tcp(tls) = self else { panic!("only TCP has records") };
        tls.write_all(bytes).await.unwrap();
        tls.flush().await.unwrap();
    }

    /// Waits until the hub closes; returns its reason if it gave one.
    pub(crate) async fn closed(&mut self) -> Option<CloseReason> {
        let number = match self {
            Self::Quic(connection, _) => match connection.closed().await {
                quinn::ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
                _ => return None,
            },
            Self::Tcp(tls) => loop {
                let mut header = [0; 4];
                tls.read_exact(&mut header).await.ok()?;
                let [kind, number, ..] = header;
                match kind {
                    CLOSE => break number.into(),
                    DATA => panic!("the hub had nothing to say"),
                    _ => {}
                }
            },
        };
        Some(match number {
            4 => CloseReason::Misbehaved,
            8 => CloseReason::NoSession,
            other => panic!("closed for reason {other}"),
        })
    }
}
