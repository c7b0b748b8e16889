//! TCP sockets set up for links: small buffers, no waiting for more, and a count of what passes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::super::limits::{TCP_BACKLOG, TCP_RECEIVE_BYTES, TCP_SEND_BYTES};

/// Bytes that passed a socket, TLS included.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}

/// Opens a port.
pub(in crate::net) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = for_family(address)?;
    // A hub that is started again must not wait for the connections of the one before.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(TCP_BACKLOG)
}

/// Connects to a hub.
pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = for_family(address)?.connect(address).await?;
    prepare(&stream);
    Ok(stream)
}

/// Sets what every connection of either end has.
pub(super) fn prepare(stream: &TcpStream) {
    // Where the system refuses, connections are slower to leave or to be found dead, and still right.
    stream.set_nodelay(true).ok();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let idle = super::super::limits::IDLE_TIMEOUT;
        let millis = u32::try_from(idle.as_millis()).unwrap_or(u32::MAX);
        rustix::net::sockopt::set_tcp_user_timeout(stream, millis).ok();
    }
}

fn for_family(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Both pass on to what is accepted. A system that keeps its own sizes only costs more memory.
    socket.set_send_buffer_size(TCP_SEND_BYTES).ok();
    socket.set_recv_buffer_size(TCP_RECEIVE_BYTES).ok();
    Ok(socket)
}

/// A socket that counts.
#[derive(Debug)]
pub(super) struct Counted {
    stream: TcpStream,
    counts: Arc<Counts>,
}

impl Counted {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, counts: Arc::default() }
    }

    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let came = (buffer.filled().len() - before) as u64;
        self.counts.received.fetch_add(came, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            self.counts.sent.fetch_add(written as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
