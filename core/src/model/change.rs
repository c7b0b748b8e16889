//! Reads the facts of one Automerge change from its bytes, before Automerge sees them.
//!
//! Automerge panics on some malformed bytes, inflates without bound and accepts changes after which
//! a document never loads again. So every foreign change passes here first: this parser never
//! allocates by a claimed size, never expands a run, never inflates, and refuses every shape that
//! Automerge would write back differently than it read it. It must not interpret content.

use sha2::{Digest, Sha256};

use super::ids::ChangeHash;

mod columns;
mod cursor;

use columns::check_columns;
pub(crate) use cursor::{Cursor, Cut};

/// A change is at most this long: reliability rule for one edit, a long note included.
pub const CHANGE_BYTES_MAX: usize = 1 << 20;
/// A change holds at most this many operations: 20,000 fit in 183 bytes, so bytes alone bound nothing.
pub const CHANGE_OPS_MAX: u64 = 20_000;
/// A change overwrites at most this many operations: five conflicting values for each operation.
pub const CHANGE_PREDS_MAX: u64 = 5 * CHANGE_OPS_MAX;
/// A change names at most this many changes it builds on: far above the heads of a team's document.
pub const CHANGE_DEPS_MAX: usize = 64;
/// A change names at most this many other actors: the limit of actors in a document.
pub const CHANGE_ACTORS_MAX: usize = 1_000;
/// An actor's name is at most this long; ours have 16 bytes.
pub const ACTOR_BYTES_MAX: usize = 32;
/// A map key or mark name is at most this long: a run repeats it without costing bytes.
pub const KEY_BYTES_MAX: usize = 256;
/// Sequence numbers and operation counters stay below this, because Automerge keeps 32 bits of them.
pub const COUNTER_MAX: u64 = u32::MAX as u64;

/// What every chunk starts with.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// The chunk type of an uncompressed change.
const CHUNK_CHANGE: u8 = 1;
/// Automerge's short check of a chunk: the start of its hash.
const CHECKSUM_BYTES: usize = 4;

/// What a change says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFacts {
    /// Automerge's SHA-256 of the change, recomputed from the bytes.
    pub hash: ChangeHash,
    /// Who it says wrote it.
    pub actor: Vec<u8>,
    /// Its place among that actor's changes; the first is 1.
    pub seq: u64,
    /// The counter of its first operation.
    pub start_op: u64,
    /// The time its author claimed, in Automerge's unit as written by the author.
    pub time: i64,
    /// The changes it builds on, sorted.
    pub deps: Vec<ChangeHash>,
    /// How many operations it holds.
    pub ops: u64,
}

/// One change whose bytes were checked, with its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawChange {
    bytes: Vec<u8>,
    facts: ChangeFacts,
}

impl RawChange {
    /// Checks the bytes of exactly one uncompressed change chunk.
    ///
    /// # Errors
    ///
    /// Returns [`ChangeError`] when the bytes are anything else, over a limit, or of a shape that
    /// Automerge would not write.
    pub fn inspect(bytes: Vec<u8>) -> Result<Self, ChangeError> {
        if bytes.len() > CHANGE_BYTES_MAX {
            return Err(ChangeError::TooLarge { bytes: bytes.len(), limit: CHANGE_BYTES_MAX });
        }
        let (body, hash) = open_chunk(&bytes)?;
        let parts = ChangeParts::parse(body)?;
        let ops = check_columns(&parts.columns, parts.other_actors.len() as u64 + 1)?;
        if parts.start_op.saturating_add(ops) > COUNTER_MAX {
            return Err(ChangeError::Malformed { what: "operation counter" });
        }
        let facts = ChangeFacts {
            hash,
            actor: parts.actor.to_vec(),
            seq: parts.seq,
            start_op: parts.start_op,
            time: parts.time,
            deps: parts.deps,
            ops,
        };
        Ok(Self { bytes, facts })
    }

    /// Returns the chunk, as Automerge reads it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns what the change says of itself.
    #[must_use]
    pub fn facts(&self) -> &ChangeFacts {
        &self.facts
    }

    /// Returns the chunk and gives up the facts.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns the change's fields, for encodings that leave out what can be recomputed.
    pub(crate) fn parts(&self) -> ChangeParts<'_> {
        open_frame(&self.bytes)
            .and_then(|(_, body)| ChangeParts::parse(body))
            .expect("the bytes of a RawChange were parsed when it was made")
    }
}

/// The fields of a change, in the order of the chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeParts<'a> {
    pub(crate) deps: Vec<ChangeHash>,
    pub(crate) actor: &'a [u8],
    pub(crate) seq: u64,
    pub(crate) start_op: u64,
    pub(crate) time: i64,
    pub(crate) message: &'a [u8],
    pub(crate) other_actors: Vec<&'a [u8]>,
    /// Column specification and data.
    pub(crate) columns: Vec<(u32, &'a [u8])>,
}

impl<'a> ChangeParts<'a> {
    fn parse(body: &'a [u8]) -> Result<Self, ChangeError> {
        let mut cursor = Cursor::new(body);
        let deps = parse_deps(&mut cursor)?;
        let actor = parse_actor(&mut cursor)?;
        let seq = cursor.uleb("sequence number")?;
        let start_op = cursor.uleb("operation counter")?;
        if seq == 0 || seq > COUNTER_MAX {
            return Err(ChangeError::Malformed { what: "sequence number" });
        }
        if start_op == 0 || start_op > COUNTER_MAX {
            return Err(ChangeError::Malformed { what: "operation counter" });
        }
        let time = cursor.sleb("time")?;
        let message = cursor.prefixed("message")?;
        if std::str::from_utf8(message).is_err() {
            return Err(ChangeError::Malformed { what: "message" });
        }
        let other_actors = parse_other_actors(&mut cursor, actor)?;
        let columns = columns::parse_columns(&mut cursor)?;
        match cursor.remaining() {
            0 => Ok(Self { deps, actor, seq, start_op, time, message, other_actors, columns }),
            bytes => Err(ChangeError::Trailing { bytes }),
        }
    }

    /// Writes the chunk that these fields came from.
    pub(crate) fn assemble(&self) -> Vec<u8> {
        let mut body = Vec::new();
        put_uleb(&mut body, self.deps.len() as u64);
        for dep in &self.deps {
            body.extend_from_slice(&dep.0);
        }
        put_prefixed(&mut body, self.actor);
        put_uleb(&mut body, self.seq);
        put_uleb(&mut body, self.start_op);
        put_sleb(&mut body, self.time);
        put_prefixed(&mut body, self.message);
        put_uleb(&mut body, self.other_actors.len() as u64);
        for actor in &self.other_actors {
            put_prefixed(&mut body, actor);
        }
        put_uleb(&mut body, self.columns.len() as u64);
        for (spec, data) in &self.columns {
            put_uleb(&mut body, u64::from(*spec));
            put_uleb(&mut body, data.len() as u64);
        }
        for (_, data) in &self.columns {
            body.extend_from_slice(data);
        }
        let hash = hash_body(&body);
        let mut chunk = Vec::with_capacity(body.len() + 16);
        chunk.extend_from_slice(&MAGIC);
        chunk.extend_from_slice(&hash.0[..CHECKSUM_BYTES]);
        chunk.push(CHUNK_CHANGE);
        put_prefixed(&mut chunk, &body);
        chunk
    }
}

/// Splits a chunk into its body and hash, and checks the hash.
fn open_chunk(bytes: &[u8]) -> Result<(&[u8], ChangeHash), ChangeError> {
    let (checksum, body) = open_frame(bytes)?;
    let hash = hash_body(body);
    if hash.0[..CHECKSUM_BYTES] == *checksum {
        Ok((body, hash))
    } else {
        Err(ChangeError::Checksum)
    }
}

/// Splits a chunk into its checksum and body.
fn open_frame(bytes: &[u8]) -> Result<(&[u8], &[u8]), ChangeError> {
    let mut cursor = Cursor::new(bytes);
    if cursor.take(MAGIC.len(), "magic number")? != MAGIC {
        return Err(ChangeError::Malformed { what: "magic number" });
    }
    let checksum = cursor.take(CHECKSUM_BYTES, "checksum")?;
    let chunk = cursor.take(1, "chunk type")?[0];
    if chunk != CHUNK_CHANGE {
        return Err(ChangeError::NotAChange { chunk });
    }
    let body = cursor.prefixed("length")?;
    match cursor.remaining() {
        0 => Ok((checksum, body)),
        bytes => Err(ChangeError::Trailing { bytes }),
    }
}

fn hash_body(body: &[u8]) -> ChangeHash {
    let mut header = vec![CHUNK_CHANGE];
    put_uleb(&mut header, body.len() as u64);
    let digest = Sha256::new().chain_update(&header).chain_update(body).finalize();
    ChangeHash(digest.into())
}

fn parse_deps(cursor: &mut Cursor<'_>) -> Result<Vec<ChangeHash>, ChangeError> {
    let count = cursor.uleb("dependencies")?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > CHANGE_DEPS_MAX {
        return Err(ChangeError::Deps { limit: CHANGE_DEPS_MAX });
    }
    let mut deps: Vec<ChangeHash> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut hash = [0; 32];
        hash.copy_from_slice(cursor.take(32, "dependencies")?);
        // Automerge sorts them when it writes, so another order would hash anew after a save.
        if deps.last().is_some_and(|last| last.0 >= hash) {
            return Err(ChangeError::Malformed { what: "order of dependencies" });
        }
        deps.push(ChangeHash(hash));
    }
    Ok(deps)
}

fn parse_actor<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], ChangeError> {
    let actor = cursor.prefixed("actor")?;
    if actor.is_empty() || actor.len() > ACTOR_BYTES_MAX {
        return Err(ChangeError::Malformed { what: "actor" });
    }
    Ok(actor)
}

fn parse_other_actors<'a>(
    cursor: &mut Cursor<'a>,
    own: &[u8],
) -> Result<Vec<&'a [u8]>, ChangeError> {
    let count = cursor.uleb("other actors")?;
    if count > CHANGE_ACTORS_MAX as u64 {
        return Err(ChangeError::Actors { limit: CHANGE_ACTORS_MAX });
    }
    let mut actors: Vec<&[u8]> = Vec::new();
    for _ in 0..count {
        let actor = parse_actor(cursor)?;
        // Sorted and without the author, as Automerge writes them.
        if actor == own || actors.last().is_some_and(|last| *last >= actor) {
            return Err(ChangeError::Malformed { what: "order of other actors" });
        }
        actors.push(actor);
    }
    Ok(actors)
}

/// Writes an unsigned LEB128 number.
pub(crate) fn put_uleb(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Writes a signed LEB128 number.
pub(crate) fn put_sleb(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        let sign = byte & 0x40 != 0;
        if (value == 0 && !sign) || (value == -1 && sign) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

fn put_prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uleb(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

impl From<Cut> for ChangeError {
    fn from(cut: Cut) -> Self {
        Self::Malformed { what: cut.what }
    }
}

/// Why bytes are not a change that Automerge may see. Always the fault of whoever made the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The change is over [`CHANGE_BYTES_MAX`].
    #[error("a change has {bytes} bytes, over the limit of {limit}; split the edit")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The chunk is a document, a bundle, or a compressed change.
    #[error("chunk type {chunk} is not a plain change; send changes uncompressed, one by one")]
    NotAChange {
        /// The type found.
        chunk: u8,
    },
    /// The bytes do not hash as they claim.
    #[error("a change does not hash as it claims")]
    Checksum,
    /// Bytes follow where the change ends.
    #[error("{bytes} bytes follow the end of a change")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A column is deflated, so its size is unknown.
    #[error("column {column} of a change is deflated; send it plain")]
    Deflated {
        /// The column's specification.
        column: u32,
    },
    /// A column that this version does not know.
    #[error("column {column} of a change is unknown; this program may need an update")]
    UnknownColumn {
        /// The column's specification.
        column: u32,
    },
    /// More operations than [`CHANGE_OPS_MAX`], or more overwritten than [`CHANGE_PREDS_MAX`].
    #[error("a change holds more than {limit} operations; split the edit")]
    Ops {
        /// The limit.
        limit: u64,
    },
    /// More dependencies than [`CHANGE_DEPS_MAX`].
    #[error("a change builds on more than {limit} others")]
    Deps {
        /// The limit.
        limit: usize,
    },
    /// More other actors than [`CHANGE_ACTORS_MAX`].
    #[error("a change names more than {limit} other actors")]
    Actors {
        /// The limit.
        limit: usize,
    },
    /// A field is cut off, overlong, out of range or out of order.
    #[error("the {what} of a change is malformed")]
    Malformed {
        /// The field.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests;
