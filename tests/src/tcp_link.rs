//! A bad network for TCP: a relay that delays, slows and breaks connections.
//!
//! What a line loses, TCP sends again, so loss shows as delay; what counts here is how slow a line is,
//! that it falls silent, and that it breaks in the middle of something.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::link::Path;

/// Bytes taken from a connection at once.
const TAKEN_BYTES: usize = 1_460;

/// Pieces on the line at once.
const ON_THE_LINE: usize = 64;

/// Whether the line carries anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Whole,
    /// Nothing passes, and nobody is told.
    Silent,
    /// Every connection is broken, and so are new ones.
    Broken,
}

/// A relay between phones and one hub. Ends when dropped.
#[derive(Debug)]
pub struct TcpLink {
    address: SocketAddr,
    line: watch::Sender<Line>,
    passed: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl TcpLink {
    /// Starts a relay to `hub`. Of the paths only the delay and the speed count.
    ///
    /// # Errors
    ///
    /// Returns the operating system's reason when no port can be opened.
    pub async fn start(hub: SocketAddr, up: Path, down: Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (line, seen) = watch::channel(Line::Whole);
        let passed = Arc::new(AtomicU64::new(0));
        let count = passed.clone();
        let task = tokio::spawn(async move {
            let mut relayed = JoinSet::new();
            while let Ok((phone, _)) = listener.accept().await {
                relayed.spawn(relay(phone, hub, up, down, seen.clone(), count.clone()));
            }
        });
        Ok(Self { address, line, passed, task })
    }

    /// Returns where phones find the hub.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets nothing through and tells nobody.
    pub fn cut(&self) {
        self.line.send_replace(Line::Silent);
    }

    /// Breaks every connection.
    pub fn break_all(&self) {
        self.line.send_replace(Line::Broken);
    }

    /// Lets everything through again.
    pub fn restore(&self) {
        self.line.send_replace(Line::Whole);
    }

    /// Returns how many bytes have passed, both ways.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

impl Drop for TcpLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(
    phone: TcpStream,
    hub: SocketAddr,
    up: Path,
    down: Path,
    line: watch::Receiver<Line>,
    passed: Arc<AtomicU64>,
) {
    // A line answers no sooner than it takes to cross it.
    sleep(up.delay + down.delay).await;
    let Ok(hub) = TcpStream::connect(hub).await else { return };
    for stream in [&phone, &hub] {
        stream.set_nodelay(true).ok();
    }
    let (from_phone, to_phone) = phone.into_split();
    let (from_hub, to_hub) = hub.into_split();
    let mut broken = line.clone();
    tokio::select! {
        _ = async {
            tokio::join!(
                carry(from_phone, to_hub, up, line.clone(), passed.clone()),
                carry(from_hub, to_phone, down, line, passed),
            )
        } => {}
        _ = broken.wait_for(|line| *line == Line::Broken) => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    path: Path,
    mut line: watch::Receiver<Line>,
    passed: Arc<AtomicU64>,
) {
    let (pieces, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_LINE);
    let taking = async move {
        let mut buffer = vec![0; TAKEN_BYTES];
        while let Ok(len @ 1..) = from.read(&mut buffer).await {
            if let Some(rate) = path.bytes_per_second {
                let len = u32::try_from(len).unwrap_or(u32::MAX);
                sleep(Duration::from_secs_f64(f64::from(len) / f64::from(rate))).await;
            }
            if pieces.send((Instant::now() + path.delay, buffer[..len].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let giving = async move {
        while let Some((at, piece)) = due.recv().await {
            sleep_until(at).await;
            // The sender is gone only when the test is over.
            line.wait_for(|line| *line == Line::Whole).await.ok();
            if to.write_all(&piece).await.is_err() {
                return;
            }
            passed.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        to.shutdown().await.ok();
    };
    tokio::join!(taking, giving);
}
