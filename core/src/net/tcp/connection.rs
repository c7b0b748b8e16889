//! One connection: two tasks that move records, and the ends that a link holds of them.

use std::future::pending;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsStream;

use super::super::carrier::Traffic;
use super::super::error::{CloseReason, Ends, Fault, NetError};
use super::super::limits::{IDLE_TIMEOUT, TCP_LAST_WORDS, TCP_PIECES_MAX};
use super::record::{DATA_BYTES_MAX, HEADER_BYTES, Record};
use super::socket::{Counted, Counts};

/// How often an end that receives says so: behind a long frame on a slow line the other's own asking
/// would wait too long. A few signs fit into [`IDLE_TIMEOUT`], so that one may be late.
const SIGN_EVERY: Duration = Duration::from_secs(10);

/// A connection; copies are the same one.
#[derive(Debug, Clone)]
pub(in crate::net) struct Connection(Arc<Handle>);

/// A connection that has begun, with both of its streams.
pub(in crate::net) struct Open {
    pub(in crate::net) connection: Connection,
    pub(in crate::net) outward: Outward,
    pub(in crate::net) inward: Inward,
}

#[derive(Debug)]
struct Core {
    /// How it ended; the first cause stays.
    ended: watch::Sender<Option<Ended>>,
    /// Everything that this end said has arrived.
    arrived: watch::Sender<bool>,
    /// What the writer is to say between two pieces.
    due: Due,
    counts: Arc<Counts>,
    /// The round-trip time in microseconds.
    round_trip: AtomicU64,
    /// When a sign of life was last asked for.
    asked: Mutex<Option<Instant>>,
    /// Signs of life that came from the other end.
    signs: AtomicU64,
    /// Tasks that serve it still; see [`Connection::gone`].
    serving: watch::Sender<usize>,
}

/// What everybody but the two tasks holds of a connection. The last one to be let go ends it: signs of
/// life alone must not keep what nobody uses and nobody counts.
#[derive(Debug)]
struct Handle(Arc<Core>);

impl Deref for Handle {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.end(Ended::Here(CloseReason::Abandoned));
    }
}

#[derive(Debug, Clone)]
enum Ended {
    /// This end closed it, and why.
    Here(CloseReason),
    /// The other end closed it, and why.
    There(CloseReason),
    /// The line broke or fell silent.
    Lost(Fault),
    /// The other end sent what is no record.
    Misbehaved(Fault),
}

impl Ended {
    fn explain(&self, ends: &Ends) -> NetError {
        match self {
            Self::Here(_) => NetError::ClosedHere,
            Self::There(reason) => ends.closed_for(*reason),
            // TLS has its say first: it knows a refused key from a broken line.
            Self::Lost(Fault::Tcp(error)) | Self::Misbehaved(Fault::Tcp(error)) => {
                ends.explain_tls(again(error))
            }
            Self::Lost(source) => NetError::Lost { source: source.clone() },
            Self::Misbehaved(source) => NetError::Misbehaved { source: source.clone() },
        }
    }
}

/// Makes an error once more for the second half that meets it.
fn again(error: &Arc<io::Error>) -> io::Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.raw_os_error()) {
        (Some(tls), _) => io::Error::new(error.kind(), tls.clone()),
        (None, Some(code)) => io::Error::from_raw_os_error(code),
        (None, None) => io::Error::new(error.kind(), Arc::clone(error)),
    }
}

/// Short words that wait for the writer.
#[derive(Debug, Default)]
struct Due {
    alive: AtomicBool,
    arrived: AtomicBool,
    any: Notify,
}

impl Core {
    fn end(&self, how: Ended) {
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            if first {
                *ended = Some(how);
            }
            first
        });
    }

    fn how(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }

    /// Returns once the connection has ended, with how.
    async fn over(&self) -> Ended {
        let mut ended = self.ended.subscribe();
        let how = ended.wait_for(Option::is_some).await.ok().and_then(|how| how.clone());
        match how {
            Some(how) => how,
            // The sender is in this very object.
            None => pending().await,
        }
    }
}

impl Connection {
    pub(in crate::net) fn close(&self, reason: CloseReason) {
        self.0.end(Ended::Here(reason));
    }

    pub(in crate::net) fn traffic(&self) -> Traffic {
        let counts = &self.0.counts;
        Traffic {
            bytes_sent: counts.sent.load(Ordering::Relaxed),
            bytes_received: counts.received.load(Ordering::Relaxed),
            round_trip: Duration::from_micros(self.0.round_trip.load(Ordering::Relaxed)),
            ..Traffic::default()
        }
    }

    /// Returns how many bytes came by the socket. A piece is read once it is whole, which on a slow line
    /// takes long; this shows that it comes.
    pub(in crate::net) fn received(&self) -> u64 {
        self.0.counts.received.load(Ordering::Relaxed)
    }

    /// Returns a number that grows while the other end takes what is sent: the system takes more of it
    /// only now and then, and the other end says meanwhile that it receives.
    pub(in crate::net) fn taken(&self) -> u64 {
        let sent = self.0.counts.sent.load(Ordering::Relaxed);
        sent.saturating_add(self.0.signs.load(Ordering::Relaxed))
    }

    /// Returns once the connection is over and its last words are out or given up.
    pub(in crate::net) async fn gone(&self) {
        let mut serving = self.0.serving.subscribe();
        // An error would say that the connection is gone, which is what is waited for.
        serving.wait_for(|tasks| *tasks == 0).await.ok();
    }
}

/// Starts to serve a connection whose keys are proved. A phone says how often it shows that it lives.
pub(super) fn start(
    tls: TlsStream<Counted>,
    counts: Arc<Counts>,
    round_trip: Duration,
    keep_alive: Option<Duration>,
) -> Open {
    let (reader, writer) = tokio::io::split(tls);
    let micros = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
    let core = Arc::new(Core {
        ended: watch::channel(None).0,
        arrived: watch::channel(false).0,
        due: Due::default(),
        counts,
        round_trip: AtomicU64::new(micros),
        asked: Mutex::default(),
        signs: AtomicU64::new(0),
        serving: watch::channel(2).0,
    });
    let (words, spoken) = mpsc::channel(TCP_PIECES_MAX);
    let (pieces, heard) = mpsc::channel(TCP_PIECES_MAX);
    tokio::spawn(Writer { core: Arc::clone(&core), half: writer, spoken, keep_alive }.serve());
    tokio::spawn(Reader::new(Arc::clone(&core), reader, pieces).serve());
    let handle = Arc::new(Handle(core));
    Open {
        connection: Connection(Arc::clone(&handle)),
        outward: Outward { core: Arc::clone(&handle), words: Some(words) },
        inward: Inward { core: handle, heard, piece: Vec::new(), taken: 0, is_over: false },
    }
}

/// What the link hands to the writer.
#[derive(Debug)]
enum Word {
    Data(Vec<u8>),
    End,
    Reset,
}

/// The stream towards the other end.
#[derive(Debug)]
pub(in crate::net) struct Outward {
    core: Arc<Handle>,
    /// Gone once the stream has ended.
    words: Option<mpsc::Sender<Word>>,
}

impl Outward {
    pub(in crate::net) async fn write(
        &mut self,
        bytes: &[u8],
        ends: &Ends,
    ) -> Result<usize, NetError> {
        let Some(words) = &self.words else { return Err(NetError::Interrupted) };
        let permit = tokio::select! {
            biased;
            how = self.core.over() => return Err(how.explain(ends)),
            permit = words.reserve() => permit.map_err(|_| NetError::ClosedHere)?,
        };
        let taken = bytes.len().min(DATA_BYTES_MAX);
        permit.send(Word::Data(bytes[..taken].to_vec()));
        Ok(taken)
    }

    pub(in crate::net) async fn finish(&mut self, ends: &Ends) -> Result<(), NetError> {
        let mut arrived = self.core.arrived.subscribe();
        let said = async {
            if let Some(words) = &self.words {
                // A writer that is gone has ended the connection, which the other branch sees.
                words.send(Word::End).await.ok();
            }
            arrived.wait_for(|arrived| *arrived).await.ok();
        };
        let ended = tokio::select! {
            biased;
            () = said => None,
            how = self.core.over() => Some(how),
        };
        self.words = None;
        match ended {
            None | Some(Ended::There(CloseReason::Done)) => Ok(()),
            Some(how) => Err(how.explain(ends)),
        }
    }

    pub(in crate::net) fn reset(&mut self) {
        if let Some(words) = self.words.take() {
            // Where the queue is full, the end of the connection says the same.
            words.try_send(Word::Reset).ok();
        }
    }
}

/// What the reader hands to the link.
#[derive(Debug)]
enum Piece {
    Data(Vec<u8>),
    End,
    Reset(CloseReason),
}

/// The stream from the other end.
#[derive(Debug)]
pub(in crate::net) struct Inward {
    core: Arc<Handle>,
    heard: mpsc::Receiver<Piece>,
    /// What came and was not taken whole.
    piece: Vec<u8>,
    taken: usize,
    is_over: bool,
}

impl Inward {
    /// Returns once the other end has begun its session, or is gone.
    pub(in crate::net) async fn opened(&mut self) -> bool {
        match self.heard.recv().await {
            Some(Piece::Data(bytes)) => {
                self.piece = bytes;
                true
            }
            Some(Piece::End) => {
                self.is_over = true;
                true
            }
            Some(Piece::Reset(_)) | None => false,
        }
    }

    pub(in crate::net) async fn read(
        &mut self,
        max: usize,
        into: &mut Vec<u8>,
        ends: &Ends,
    ) -> Result<Option<usize>, NetError> {
        if let Some(how @ Ended::Here(_)) = self.core.how() {
            return Err(how.explain(ends));
        }
        if self.taken >= self.piece.len() && !self.is_over {
            match self.heard.recv().await {
                Some(Piece::Data(bytes)) => (self.piece, self.taken) = (bytes, 0),
                Some(Piece::End) => self.is_over = true,
                Some(Piece::Reset(reason)) => return Err(ends.closed_for(reason)),
                None => match self.core.over().await {
                    Ended::There(CloseReason::Done) => self.is_over = true,
                    how => return Err(how.explain(ends)),
                },
            }
        }
        let rest = &self.piece[self.taken..];
        if rest.is_empty() {
            return Ok(None);
        }
        let count = rest.len().min(max);
        into.extend_from_slice(&rest[..count]);
        self.taken += count;
        if self.taken >= self.piece.len() {
            // An idle link keeps no piece.
            (self.piece, self.taken) = (Vec::new(), 0);
        }
        Ok(Some(count))
    }
}

/// One of the two tasks; what it held is let go with it.
struct Serving(Arc<Core>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.serving.send_modify(|tasks| *tasks -= 1);
    }
}

struct Writer {
    core: Arc<Core>,
    half: WriteHalf<TlsStream<Counted>>,
    spoken: mpsc::Receiver<Word>,
    keep_alive: Option<Duration>,
}

impl Writer {
    async fn serve(mut self) {
        let _serving = Serving(Arc::clone(&self.core));
        let core = Arc::clone(&self.core);
        let written = tokio::select! {
            written = self.write() => Some(written),
            // A piece that is half out is given a moment, or the last word could not be told from it.
            () = async { core.over().await; tokio::time::sleep(TCP_LAST_WORDS).await } => None,
        };
        let is_whole = matches!(written, Some(Ok(())));
        if let Some(Err(error)) = written {
            // The other end may have said why before it stopped listening, and the reader finds that.
            drop(timeout(TCP_LAST_WORDS, core.over()).await);
            core.end(Ended::Lost(error.into()));
        }
        if let (true, Some(Ended::Here(reason))) = (is_whole, core.how()) {
            let last = async {
                self.say(Record::Close(reason)).await?;
                self.half.flush().await?;
                self.half.shutdown().await
            };
            // The other end learns of it from the end of the connection otherwise.
            drop(timeout(TCP_LAST_WORDS, last).await);
        }
    }

    /// Writes until the connection has ended; between two records only then.
    async fn write(&mut self) -> io::Result<()> {
        let core = Arc::clone(&self.core);
        let mut alive_at = self.keep_alive.map(|every| Instant::now() + every);
        let mut open = true;
        loop {
            let shows_life = async {
                match alive_at {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = core.over() => return Ok(()),
                () = core.due.any.notified() => {}
                word = self.spoken.recv(), if open => match word {
                    Some(word) => self.pass_on(word).await?,
                    None => open = false,
                },
                () = shows_life => {
                    *core.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    self.say(Record::Ping).await?;
                }
            }
            if core.due.arrived.swap(false, Ordering::Relaxed) {
                self.say(Record::Arrived).await?;
            }
            if core.due.alive.swap(false, Ordering::Relaxed) {
                self.say(Record::Alive).await?;
            }
            self.half.flush().await?;
            alive_at = self.keep_alive.map(|every| Instant::now() + every);
        }
    }

    /// Writes a word and those that wait behind it, so that they leave together.
    async fn pass_on(&mut self, word: Word) -> io::Result<()> {
        let mut next = Some(word);
        while let Some(word) = next {
            match word {
                Word::Data(bytes) => {
                    // One write, so that a small piece and its header are one record of TLS.
                    let record = [&Record::Data(bytes.len()).header(), &bytes[..]].concat();
                    self.half.write_all(&record).await?;
                }
                Word::End => self.say(Record::End).await?,
                Word::Reset => self.say(Record::Reset(CloseReason::Abandoned)).await?,
            }
            next = self.spoken.try_recv().ok();
        }
        Ok(())
    }

    async fn say(&mut self, record: Record) -> io::Result<()> {
        self.half.write_all(&record.header()).await
    }
}

struct Reader {
    core: Arc<Core>,
    half: ReadHalf<TlsStream<Counted>>,
    pieces: mpsc::Sender<Piece>,
    /// When this end last said that it receives.
    signed: Instant,
}

impl Reader {
    fn new(
        core: Arc<Core>,
        half: ReadHalf<TlsStream<Counted>>,
        pieces: mpsc::Sender<Piece>,
    ) -> Self {
        Self { core, half, pieces, signed: Instant::now() }
    }

    async fn serve(mut self) {
        let _serving = Serving(Arc::clone(&self.core));
        let core = Arc::clone(&self.core);
        let how = tokio::select! {
            biased;
            how = core.over() => how,
            how = self.read() => how,
        };
        core.end(how);
        if let Some(Ended::Here(_)) = core.how() {
            // A socket that is closed while bytes wait unread takes back our last words.
            drop(timeout(TCP_LAST_WORDS, self.unheard()).await);
        }
    }

    async fn unheard(&mut self) -> io::Result<()> {
        let mut unheard = [0; 1024];
        while self.half.read(&mut unheard).await? > 0 {}
        Ok(())
    }

    /// Reads until the connection ends.
    async fn read(&mut self) -> Ended {
        loop {
            let record = match self.header().await {
                Ok(record) => record,
                Err(how) => return how,
            };
            let piece = match record {
                Record::Data(len) => {
                    let mut bytes = vec![0; len];
                    if let Err(how) = self.fill(&mut bytes).await {
                        return how;
                    }
                    Piece::Data(bytes)
                }
                Record::End => {
                    self.answer(&self.core.due.arrived);
                    Piece::End
                }
                Record::Reset(reason) => Piece::Reset(reason),
                Record::Close(reason) => return Ended::There(reason),
                Record::Ping => {
                    self.answer(&self.core.due.alive);
                    continue;
                }
                Record::Alive => {
                    self.note_alive();
                    continue;
                }
                Record::Arrived => {
                    self.core.arrived.send_replace(true);
                    continue;
                }
            };
            // A link that reads no more still wants to hear how the connection ends.
            self.pieces.send(piece).await.ok();
        }
    }

    async fn header(&mut self) -> Result<Record, Ended> {
        let mut header = [0; HEADER_BYTES];
        self.fill(&mut header).await?;
        Record::parse(header).map_err(|error| {
            Ended::Misbehaved(
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    rustls::Error::General(error.to_string()),
                )
                .into(),
            )
        })
    }

    /// Fills a buffer; any byte shows that the other end lives, also one of a piece that TLS gives out
    /// only when it is whole.
    async fn fill(&mut self, mut buffer: &mut [u8]) -> Result<(), Ended> {
        let lost = |kind| Ended::Lost(io::Error::from(kind).into());
        let (mut came, mut at) = (self.came(), Instant::now());
        while !buffer.is_empty() {
            match timeout(SIGN_EVERY, self.half.read(buffer)).await {
                Ok(Ok(0)) => return Err(lost(io::ErrorKind::UnexpectedEof)),
                Ok(Ok(read)) => buffer = &mut buffer[read..],
                Ok(Err(error)) => return Err(Ended::Lost(error.into())),
                Err(_) if self.came() == came && at.elapsed() >= IDLE_TIMEOUT => {
                    return Err(lost(io::ErrorKind::TimedOut));
                }
                Err(_) => {}
            }
            if self.came() != came {
                (came, at) = (self.came(), Instant::now());
                if self.signed.elapsed() >= SIGN_EVERY {
                    self.signed = at;
                    self.answer(&self.core.due.alive);
                }
            }
        }
        Ok(())
    }

    fn came(&self) -> u64 {
        self.core.counts.received.load(Ordering::Relaxed)
    }

    fn answer(&self, word: &AtomicBool) {
        word.store(true, Ordering::Relaxed);
        self.core.due.any.notify_one();
    }

    fn note_alive(&self) {
        self.core.signs.fetch_add(1, Ordering::Relaxed);
        let asked = self.core.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(asked) = asked {
            let micros = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.core.round_trip.store(micros, Ordering::Relaxed);
        }
    }
}
