//! How rows lie in an engine: tables by key prefix, checksums, chunks, and the running hash of all.
//!
//! An [`Engine`] keeps small key-value pairs and knows nothing of this. Everything here is pure.

use std::collections::BTreeMap;

use super::entry::{Chain, Head, StoreId, u32_at, u64_at};
use super::{Position, Row, StoreError};

/// What an index engine must do. Keys and values are small (see [`CHUNK_BYTES`]).
pub(super) trait Engine: Send + Sync {
    /// Returns a value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns at most `limit` pairs whose key starts with `prefix`, in order, after `after`.
    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// Applies all changes, or none.
    fn apply(&self, batch: Batch) -> Result<(), StoreError>;

    /// Makes everything applied so far durable.
    fn flush(&self) -> Result<(), StoreError>;
}

/// Changes of an engine: put or remove, by key.
pub(super) type Batch = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// sled keeps values up to 64 KiB well; larger ones become files of their own. The rest of the 64
/// KiB is for the frame and the key.
pub(super) const CHUNK_BYTES: usize = 60 << 10;

/// The version of the framing below.
const FRAME_VERSION: u8 = 1;
const FRAME_BYTES: usize = 6;
const KIND_WHOLE: u8 = 0;
const KIND_CHUNKED: u8 = 1;
const KIND_CHUNK: u8 = 2;

const TABLE_META: u8 = b'm';
/// Copies of journal records.
pub(super) const TABLE_JOURNAL: u8 = b'j';
const TABLE_CHUNKS: u8 = b'c';
/// The owner's rows.
pub(super) const TABLE_ROWS: u8 = b'r';
/// Positions that were lost for good.
const TABLE_LOST: u8 = b'l';

/// Rows that are read at once while going through a table.
pub(super) const PAGE_ROWS: usize = 256;

/// A read that meets a value just being replaced looks again at most this often.
const RETRIES_MAX: usize = 64;

/// Returns the key of the one meta row.
pub(super) fn meta_key() -> Vec<u8> {
    vec![TABLE_META]
}

/// Returns the key of an owner's row.
pub(super) fn row_key(key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(key.len() + 1);
    full.push(TABLE_ROWS);
    full.extend_from_slice(key);
    full
}

/// Returns the key of the copy of a journal record.
pub(super) fn journal_key(at: Position) -> Vec<u8> {
    position_key(TABLE_JOURNAL, at)
}

/// Returns the key that marks a position as lost.
pub(super) fn lost_key(at: Position) -> Vec<u8> {
    position_key(TABLE_LOST, at)
}

/// Returns the prefix of all lost positions.
pub(super) fn lost_prefix() -> Vec<u8> {
    vec![TABLE_LOST]
}

fn position_key(table: u8, at: Position) -> Vec<u8> {
    let mut key = vec![table];
    key.extend_from_slice(&at.0.to_be_bytes());
    key
}

/// Reads the position out of a key of [`journal_key`] or [`lost_key`].
pub(super) fn position_of(key: &[u8]) -> Option<Position> {
    let bytes: [u8; 8] = key.get(1..)?.try_into().ok()?;
    Some(Position(u64::from_be_bytes(bytes)))
}

fn chunk_key(generation: u64, number: u32) -> Vec<u8> {
    let mut key = vec![TABLE_CHUNKS];
    key.extend_from_slice(&generation.to_be_bytes());
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Frames a body: version, kind, CRC32C over key, kind and body.
fn frame(key: &[u8], kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FRAME_BYTES + body.len());
    bytes.extend_from_slice(&[FRAME_VERSION, kind]);
    bytes.extend_from_slice(&frame_crc(key, kind, body).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn frame_crc(key: &[u8], kind: u8, body: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(key), &[FRAME_VERSION, kind]);
    crc32c::crc32c_append(crc, body)
}

/// Opens a frame; `None` when it is not what was written under this key.
fn unframe<'a>(key: &[u8], value: &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (head, body) = value.split_at_checked(FRAME_BYTES)?;
    let sound = head[0] == FRAME_VERSION && u32_at(head, 2) == frame_crc(key, head[1], body);
    sound.then_some((head[1], body))
}

/// Where the chunks of a large value lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chunked {
    generation: u64,
    count: u32,
    bytes: u64,
}

impl Chunked {
    fn encode(self) -> [u8; 20] {
        let mut body = [0; 20];
        body[0..8].copy_from_slice(&self.generation.to_le_bytes());
        body[8..12].copy_from_slice(&self.count.to_le_bytes());
        body[12..20].copy_from_slice(&self.bytes.to_le_bytes());
        body
    }

    fn decode(body: &[u8]) -> Option<Self> {
        (body.len() == 20).then(|| Self {
            generation: u64_at(body, 0),
            count: u32_at(body, 8),
            bytes: u64_at(body, 12),
        })
    }
}

/// The hash of all rows, independent of their order: a sum that is kept up to date row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RowSum {
    lanes: [u64; 4],
    /// How many rows.
    pub(super) rows: u64,
}

impl RowSum {
    /// Takes a row in.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        for (lane, part) in self.lanes.iter_mut().zip(Self::parts(key, value)) {
            *lane = lane.wrapping_add(part);
        }
        self.rows = self.rows.wrapping_add(1);
    }

    /// Takes a row out.
    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        for (lane, part) in self.lanes.iter_mut().zip(Self::parts(key, value)) {
            *lane = lane.wrapping_sub(part);
        }
        self.rows = self.rows.wrapping_sub(1);
    }

    fn parts(key: &[u8], value: &[u8]) -> [u64; 4] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(key.len() as u64).to_le_bytes());
        hasher.update(key);
        hasher.update(value);
        let hash = hasher.finalize();
        std::array::from_fn(|lane| u64_at(hash.as_bytes(), lane * 8))
    }
}

/// What an index says of itself, in one row that every batch rewrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    /// The version of the projection that made the rows.
    pub(super) projection: u32,
    /// The store that it belongs to.
    pub(super) store: StoreId,
    /// The journal up to which it reflects.
    pub(super) head: Head,
    /// The hash of all other rows.
    pub(super) sum: RowSum,
    /// The number that the next chunked value takes.
    pub(super) next_generation: u64,
}

const META_BYTES: usize = 4 + 16 + 8 + 32 + 32 + 8 + 8;

impl Meta {
    /// The meta row of an empty index.
    pub(super) fn empty(projection: u32, store: StoreId) -> Self {
        let head = Head::start(store);
        Self { projection, store, head, sum: RowSum::default(), next_generation: 1 }
    }

    /// Returns the framed row.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(META_BYTES);
        body.extend_from_slice(&self.projection.to_le_bytes());
        body.extend_from_slice(&self.store.0);
        body.extend_from_slice(&self.head.position.0.to_le_bytes());
        body.extend_from_slice(&self.head.chain.0);
        for lane in self.sum.lanes {
            body.extend_from_slice(&lane.to_le_bytes());
        }
        body.extend_from_slice(&self.sum.rows.to_le_bytes());
        body.extend_from_slice(&self.next_generation.to_le_bytes());
        frame(&meta_key(), KIND_WHOLE, &body)
    }

    /// Reads the framed row; `None` when it is damaged.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (kind, body) = unframe(&meta_key(), value)?;
        if kind != KIND_WHOLE || body.len() != META_BYTES {
            return None;
        }
        let mut store = [0; 16];
        store.copy_from_slice(&body[4..20]);
        let mut chain = [0; 32];
        chain.copy_from_slice(&body[28..60]);
        Some(Self {
            projection: u32_at(body, 0),
            store: StoreId(store),
            head: Head { position: Position(u64_at(body, 20)), chain: Chain(chain) },
            sum: RowSum {
                lanes: std::array::from_fn(|lane| u64_at(body, 60 + lane * 8)),
                rows: u64_at(body, 92),
            },
            next_generation: u64_at(body, 100),
        })
    }
}

/// Turns changes of whole values into changes of engine rows, keeping the meta row's sum true.
pub(super) struct Staging<'a> {
    engine: &'a dyn Engine,
    meta: Meta,
    batch: Batch,
}

impl<'a> Staging<'a> {
    /// Starts from the engine's present rows, which `meta` describes.
    pub(super) fn new(engine: &'a dyn Engine, meta: Meta) -> Self {
        Self { engine, meta, batch: Batch::new() }
    }

    /// Puts or removes a value of any size under a key of a table.
    pub(super) fn write(&mut self, key: Vec<u8>, value: Option<&[u8]>) -> Result<(), StoreError> {
        self.drop_chunks(&key)?;
        match value {
            None => self.stage(key, None),
            Some(value) if value.len() <= CHUNK_BYTES => {
                let framed = frame(&key, KIND_WHOLE, value);
                self.stage(key, Some(framed))
            }
            Some(value) => self.write_chunks(key, value),
        }
    }

    fn write_chunks(&mut self, key: Vec<u8>, value: &[u8]) -> Result<(), StoreError> {
        let generation = self.meta.next_generation;
        self.meta.next_generation += 1;
        let mut count = 0;
        for chunk in value.chunks(CHUNK_BYTES) {
            let chunk_key = chunk_key(generation, count);
            let framed = frame(&chunk_key, KIND_CHUNK, chunk);
            self.stage(chunk_key, Some(framed))?;
            count += 1;
        }
        let body = Chunked { generation, count, bytes: value.len() as u64 }.encode();
        let framed = frame(&key, KIND_CHUNKED, &body);
        self.stage(key, Some(framed))
    }

    /// Removes the chunks of the value that the key has now, if it is a large one.
    fn drop_chunks(&mut self, key: &[u8]) -> Result<(), StoreError> {
        let Some(old) = self.present(key)? else { return Ok(()) };
        let Some((KIND_CHUNKED, body)) = unframe(key, &old) else { return Ok(()) };
        let chunked = Chunked::decode(body).ok_or_else(|| damaged(key))?;
        for number in 0..chunked.count {
            self.stage(chunk_key(chunked.generation, number), None)?;
        }
        Ok(())
    }

    fn present(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.batch.get(key) {
            Some(staged) => Ok(staged.clone()),
            None => self.engine.get(key),
        }
    }

    fn stage(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), StoreError> {
        let old = self.present(&key)?;
        if let Some(old) = &old {
            self.meta.sum.remove(&key, old);
        }
        if let Some(value) = &value {
            self.meta.sum.add(&key, value);
        }
        if old.is_some() || value.is_some() {
            self.batch.insert(key, value);
        }
        Ok(())
    }

    /// Ends the batch with the meta row for `head`.
    pub(super) fn finish(mut self, head: Head) -> (Batch, Meta) {
        self.meta.head = head;
        self.batch.insert(meta_key(), Some(self.meta.encode()));
        (self.batch, self.meta)
    }
}

/// Returns a whole value. A value that is replaced during the read is read again.
pub(super) fn read_value(engine: &dyn Engine, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let mut found = engine.get(key)?;
    for _ in 0..RETRIES_MAX {
        let Some(framed) = &found else { return Ok(None) };
        if let Some(value) = assemble(engine, key, framed)? {
            return Ok(Some(value));
        }
        let again = engine.get(key)?;
        if again == found {
            break;
        }
        found = again;
    }
    Err(damaged(key))
}

/// Returns whole values whose key starts with `prefix`; keys keep their table's byte.
pub(super) fn scan_values(
    engine: &dyn Engine,
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for (key, framed) in engine.scan(prefix, after, limit)? {
        let value = match assemble(engine, &key, &framed)? {
            Some(value) => Some(value),
            None => read_value(engine, &key)?,
        };
        if let Some(value) = value {
            rows.push((key, value));
        }
    }
    Ok(rows)
}

/// Opens a frame and gathers its chunks; `None` when something is missing or damaged.
fn assemble(engine: &dyn Engine, key: &[u8], framed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let Some((kind, body)) = unframe(key, framed) else { return Ok(None) };
    if kind == KIND_WHOLE {
        return Ok(Some(body.to_vec()));
    }
    let Some(chunked) = Chunked::decode(body).filter(|_| kind == KIND_CHUNKED) else {
        return Ok(None);
    };
    let mut value = Vec::new();
    for number in 0..chunked.count {
        let chunk_key = chunk_key(chunked.generation, number);
        let Some(chunk) = engine.get(&chunk_key)? else { return Ok(None) };
        let Some((KIND_CHUNK, part)) = unframe(&chunk_key, &chunk) else { return Ok(None) };
        value.extend_from_slice(part);
    }
    Ok((value.len() as u64 == chunked.bytes).then_some(value))
}

/// Goes through every engine row and returns the sum, the number of rows seen, and the keys of
/// damaged ones. Stops early, with a sum that cannot match, when there are more than `rows_max`.
pub(super) fn check_rows(
    engine: &dyn Engine,
    rows_max: u64,
) -> Result<(RowSum, Vec<String>), StoreError> {
    let mut sum = RowSum::default();
    let mut damaged_rows = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = engine.scan(&[], after.as_deref(), PAGE_ROWS)?;
        let Some((last, _)) = page.last() else { return Ok((sum, damaged_rows)) };
        if after.as_ref().is_some_and(|after| last <= after) {
            return Err(StoreError::Engine { reason: "its keys are out of order".into() });
        }
        after = Some(last.clone());
        for (key, value) in &page {
            if *key == meta_key() {
                continue;
            }
            if unframe(key, value).is_none() {
                damaged_rows.push(name(key));
            }
            sum.add(key, value);
        }
        if sum.rows > rows_max {
            return Ok((sum, damaged_rows));
        }
    }
}

fn damaged(key: &[u8]) -> StoreError {
    StoreError::Damaged { what: name(key) }
}

/// Names a row without its content: the table, and the position or a hash of the key.
fn name(key: &[u8]) -> String {
    match (key.first(), position_of(key)) {
        (Some(&TABLE_JOURNAL), Some(at)) => format!("the index's copy of record {}", at.0),
        (Some(&TABLE_META), _) => "the index's meta row".into(),
        _ => format!("index row {}", &blake3::hash(key).to_hex()[..16]),
    }
}
