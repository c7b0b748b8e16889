//! Pack formats 3 and 4 (a long one): what can be recomputed is left out, like is put beside like, then zstd. In
//! formats 1 and 2, which are read still, a change tells its time apart from the answer that it gives.

use std::collections::BTreeMap;

use super::{LONG_PACK_BYTES_MAX, LONG_PACK_CHANGE_BYTES_MAX, Pack, PackError, Reach};
use crate::model::{
    Actor, CHANGE_ACTORS_MAX, CHANGE_BYTES_MAX, CHANGE_DEPS_MAX, ChangeHash, ChangeParts, Cursor,
    DeviceId, DocumentId, Genesis, Incarnation, RawChange, put_sleb, put_uleb,
};
use crate::sync::compression::{deflate, inflate, inflate_begin};
use crate::trust::{Line, Signature, Tip};

/// The format of all packs but long ones.
pub const PACK_VERSION: u8 = 3;
/// The format of a long pack: the same fields under other limits. A pack that fits the limits of
/// format 3 is written in that, so that it has one encoding.
pub const PACK_VERSION_LONG: u8 = 4;
/// The formats of packs and of long packs before.
const PACK_VERSION_1: u8 = 1;
const PACK_VERSION_LONG_2: u8 = 2;
/// What stands in front of the time, in milliseconds since 1970, of an answer (`model`): its author's clock, that
/// mostly is the time of the change as well.
pub(in crate::sync) const CLAIMED_AT: &[u8] = br#""claimed_at":"#;
/// The column of a change that holds values, in the numbering of Automerge's binary format (value, raw).
const VALUES_SPEC: u32 = 0x57;
/// Where a pack's flags stand, behind its version.
pub(in crate::sync) const FLAGS_AT: usize = 1;
/// The body is as it is.
pub(in crate::sync) const BODY_PLAIN: u8 = 0;
/// The body is a zstd frame.
const BODY_ZSTD: u8 = 1;
/// An encoded genesis is at most this long; ours have up to 112 bytes.
const GENESIS_BYTES_MAX: usize = 256;
/// A body inflates to at most this; it is never longer than its changes, but for small numbers.
const BODY_BYTES_MAX: usize = CHANGE_BYTES_MAX + (64 << 10);
/// The same for a long pack.
const LONG_BODY_BYTES_MAX: usize = LONG_PACK_CHANGE_BYTES_MAX + (64 << 10);
/// A change has at most this many columns; the change parser knows 14.
const COLUMNS_MAX: usize = 16;

/// The hash of the first change that a pack builds on stands within so many bytes of its body: behind three numbers.
const FIRST_DEPENDENCY_WITHIN: usize = 64;

/// What the start of a pack says, read without inflating or hashing its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackHeader {
    /// What the document was born as; it gives kind and scope.
    pub genesis: Genesis,
    /// The document.
    pub document: DocumentId,
    /// The device that claims to sign.
    pub device: DeviceId,
    /// The life of its store.
    pub incarnation: Incarnation,
    /// The actor, derived from the three above.
    pub actor: Actor,
    /// The end of what the actor wrote before.
    pub previous: Option<Tip>,
    /// Place of the first change.
    pub first_seq: u64,
    /// Place of the last change.
    pub last_seq: u64,
    /// Over the end of the run.
    pub signature: Signature,
    count: usize,
    body: usize,
    packed: bool,
    reach: Reach,
    times: Times,
}

/// From where the time of a change is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// From the time of the change before: formats 1 and 2.
    Before,
    /// From the time that its first answer claims; without one, from the time of the change before.
    Claimed,
}

impl Times {
    fn from(self, before: i64, columns: &[(u32, &[u8])]) -> i64 {
        match self {
            Self::Before => before,
            Self::Claimed => claimed(columns).unwrap_or(before),
        }
    }
}

/// Returns the time that the first answer of a change claims.
fn claimed(columns: &[(u32, &[u8])]) -> Option<i64> {
    let (_, values) = columns.iter().find(|(spec, _)| *spec == VALUES_SPEC)?;
    let at = values.windows(CLAIMED_AT.len()).position(|window| window == CLAIMED_AT)?;
    let digits = values[at + CLAIMED_AT.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits
        .into_iter()
        .try_fold(0_i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')))
}

/// Returns whether bytes begin as a pack of format 1 or 2 does.
pub(super) fn is_earlier(pack: &[u8]) -> bool {
    matches!(pack.first(), Some(&(PACK_VERSION_1 | PACK_VERSION_LONG_2)))
}

/// Returns whether bytes begin as a long pack does.
pub(in crate::sync) fn is_long(pack: &[u8]) -> bool {
    matches!(pack.first(), Some(&(PACK_VERSION_LONG | PACK_VERSION_LONG_2)))
}

impl PackHeader {
    /// Reads the start of a pack: enough to route it, and to refuse it for its device, kind, scope
    /// or place. Nothing in it is proven until [`Pack::decode`] and [`Pack::verify`].
    ///
    /// # Errors
    ///
    /// Returns [`PackError`] when the start is malformed or the pack is over its limit.
    pub fn peek(bytes: &[u8]) -> Result<Self, PackError> {
        if bytes.len() > LONG_PACK_BYTES_MAX {
            return Err(PackError::TooLarge { bytes: bytes.len(), limit: LONG_PACK_BYTES_MAX });
        }
        let mut cursor = Cursor::new(bytes);
        let (reach, times) = match cursor.take(1, "version")?[0] {
            PACK_VERSION_1 => (Reach::Short, Times::Before),
            PACK_VERSION_LONG_2 => (Reach::Long, Times::Before),
            PACK_VERSION => (Reach::Short, Times::Claimed),
            PACK_VERSION_LONG => (Reach::Long, Times::Claimed),
            found => return Err(PackError::Version { found, known: PACK_VERSION_LONG }),
        };
        if bytes.len() > reach.bytes_max() {
            return Err(PackError::TooLarge { bytes: bytes.len(), limit: reach.bytes_max() });
        }
        let packed = match cursor.take(1, "flags")?[0] {
            BODY_PLAIN => false,
            BODY_ZSTD => true,
            _ => return Err(PackError::Malformed { what: "flags" }),
        };
        let device = DeviceId(array(&mut cursor, "device")?);
        let incarnation = Incarnation(array(&mut cursor, "incarnation")?);
        let signature = Signature(array(&mut cursor, "signature")?);
        let genesis = parse_genesis(cursor.prefixed("genesis")?)?;
        let previous = parse_previous(&mut cursor)?;
        let count = cursor.length("number of changes")?;
        if count == 0 {
            return Err(PackError::Empty);
        }
        if count > reach.changes_max() {
            return Err(PackError::Changes { count, limit: reach.changes_max() });
        }
        let document = genesis.document();
        let before = previous.map_or(0, |tip| tip.seq);
        Ok(Self {
            actor: Actor::derive(device, document, incarnation),
            genesis,
            document,
            device,
            incarnation,
            previous,
            first_seq: before + 1,
            last_seq: before + count as u64,
            signature,
            count,
            body: bytes.len() - cursor.remaining(),
            packed,
            reach,
            times,
        })
    }
}

/// Writes a pack.
pub(super) fn encode(pack: &Pack) -> Vec<u8> {
    encode_as(pack, Times::Claimed)
}

/// Writes a pack of format 1, or 2 where it is a long one, as earlier programs did.
pub(super) fn encode_earlier(pack: &Pack) -> Vec<u8> {
    encode_as(pack, Times::Before)
}

fn encode_as(pack: &Pack, times: Times) -> Vec<u8> {
    let body = encode_body(pack, times);
    let packed = deflate(&body);
    let genesis = pack.genesis.encode();
    let version = match (pack.reach(), times) {
        (Reach::Short, Times::Claimed) => PACK_VERSION,
        (Reach::Long, Times::Claimed) => PACK_VERSION_LONG,
        (Reach::Short, Times::Before) => PACK_VERSION_1,
        (Reach::Long, Times::Before) => PACK_VERSION_LONG_2,
    };
    let mut out = vec![version, if packed.is_some() { BODY_ZSTD } else { BODY_PLAIN }];
    out.extend_from_slice(&pack.device.0);
    out.extend_from_slice(&pack.incarnation.0);
    out.extend_from_slice(&pack.signature.0);
    put_uleb(&mut out, genesis.len() as u64);
    out.extend_from_slice(&genesis);
    put_uleb(&mut out, pack.previous.map_or(0, |tip| tip.seq));
    if let Some(tip) = pack.previous {
        out.extend_from_slice(&tip.hash.0);
        out.extend_from_slice(&tip.line.0);
    }
    put_uleb(&mut out, pack.changes.len() as u64);
    out.extend_from_slice(packed.as_deref().unwrap_or(&body));
    out
}

/// Reads a pack.
pub(super) fn decode(bytes: &[u8]) -> Result<Pack, PackError> {
    let header = PackHeader::peek(bytes)?;
    let body = &bytes[header.body..];
    let inflated;
    let body = if header.packed {
        let limit = match header.reach {
            Reach::Short => BODY_BYTES_MAX,
            Reach::Long => LONG_BODY_BYTES_MAX,
        };
        inflated =
            inflate(body, limit).map_err(|_| PackError::Malformed { what: "compressed body" })?;
        &inflated
    } else {
        body
    };
    let changes = decode_body(&header, body)?;
    let PackHeader { genesis, device, incarnation, previous, signature, reach, .. } = header;
    let pack = Pack::check(genesis, device, incarnation, previous, changes, signature)?;
    // Of one pack there is one spelling.
    if pack.reach() == reach { Ok(pack) } else { Err(PackError::Malformed { what: "version" }) }
}

/// Returns a pack with its body as it is, see [`Pack::opened`].
pub(super) fn opened(pack: &[u8], room: usize) -> Option<Vec<u8>> {
    let header = PackHeader::peek(pack).ok().filter(|header| header.packed)?;
    let limit = room.checked_sub(header.body)?.min(BODY_BYTES_MAX);
    let body = inflate(&pack[header.body..], limit).ok()?;
    let mut out = Vec::with_capacity(header.body + body.len());
    out.extend_from_slice(&pack[..header.body]);
    out[FLAGS_AT] = BODY_PLAIN;
    out.extend_from_slice(&body);
    Some(out)
}

/// Returns the body of a pack whose body is as it is; `None` for others, and for what is no pack.
pub(in crate::sync) fn body_of(pack: &[u8]) -> Option<&[u8]> {
    let header = PackHeader::peek(pack).ok().filter(|header| !header.packed)?;
    pack.get(header.body..)
}

/// Returns the first change that a pack builds on and spells out; `None` where it names none, or is no pack. Of the body
/// only the beginning is looked at.
pub(in crate::sync) fn rests_on(pack: &[u8], header: &PackHeader) -> Option<ChangeHash> {
    let body = pack.get(header.body..)?;
    let begin;
    let body = if header.packed {
        begin = inflate_begin(body, FIRST_DEPENDENCY_WITHIN)?;
        &begin
    } else {
        body
    };
    let mut cursor = Cursor::new(body);
    cursor.length("heads").ok()?;
    let listed = cursor.length("dependencies").ok()? > 1;
    let spelled = listed && cursor.uleb("dependencies").ok()? == 0;
    spelled.then(|| array(&mut cursor, "dependencies").ok().map(ChangeHash)).flatten()
}

/// Returns a pack as it is kept: with its body compressed where that pays. What is no pack stays as it is.
pub(in crate::sync) fn closed(pack: Vec<u8>) -> Vec<u8> {
    let Some(header) = PackHeader::peek(&pack).ok().filter(|header| !header.packed) else {
        return pack;
    };
    let Some(body) = deflate(&pack[header.body..]) else { return pack };
    let mut out = pack;
    out.truncate(header.body);
    out[FLAGS_AT] = BODY_ZSTD;
    out.extend_from_slice(&body);
    out
}

/// What earlier changes of the pack said, so that later ones need not.
struct Before {
    /// Hashes that can be named by their distance from the end.
    hashes: Vec<ChangeHash>,
    /// Where each of them stands last. Kept by the writer alone: a long pack has many.
    places: BTreeMap<ChangeHash, usize>,
    /// Other actors that can be named by their place.
    actors: Vec<Vec<u8>>,
    /// The last change's own hash.
    last: Option<ChangeHash>,
    /// Where the next change's operations would start.
    next_op: u64,
    time: i64,
    specs: Vec<u32>,
}

impl Before {
    fn new(previous: Option<&Tip>) -> Self {
        let last = previous.map(|tip| tip.hash);
        Self {
            hashes: last.into_iter().collect(),
            places: last.map(|hash| (hash, 0)).into_iter().collect(),
            actors: Vec::new(),
            last,
            next_op: 0,
            time: 0,
            specs: Vec::new(),
        }
    }

    fn note(&mut self, change: &RawChange, specs: Vec<u32>) {
        let facts = change.facts();
        self.hashes.push(facts.hash);
        self.last = Some(facts.hash);
        self.next_op = facts.start_op + facts.ops;
        self.time = facts.time;
        self.specs = specs;
    }

    fn only_on_last(&self, deps: &[ChangeHash]) -> bool {
        matches!((deps, self.last), ([only], Some(last)) if *only == last)
    }
}

/// Writes the heads of all changes, then their data, column by column.
fn encode_body(pack: &Pack, times: Times) -> Vec<u8> {
    let mut heads = Vec::new();
    let mut columns: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut before = Before::new(pack.previous.as_ref());
    for change in &pack.changes {
        let parts = change.parts();
        encode_head(&mut heads, &parts, times, &mut before);
        for (spec, data) in &parts.columns {
            columns.entry(*spec).or_default().extend_from_slice(data);
        }
        before.places.insert(change.facts().hash, before.hashes.len());
        before.note(change, parts.columns.iter().map(|(spec, _)| *spec).collect());
    }
    let mut body = Vec::new();
    put_uleb(&mut body, heads.len() as u64);
    body.append(&mut heads);
    body.extend(columns.into_values().flatten());
    body
}

fn encode_head(out: &mut Vec<u8>, parts: &ChangeParts<'_>, times: Times, before: &mut Before) {
    if before.only_on_last(&parts.deps) {
        put_uleb(out, 0);
    } else {
        put_uleb(out, parts.deps.len() as u64 + 1);
        for dep in &parts.deps {
            match before.places.get(dep) {
                Some(place) => put_uleb(out, (before.hashes.len() - place) as u64),
                None => {
                    put_uleb(out, 0);
                    out.extend_from_slice(&dep.0);
                    before.places.insert(*dep, before.hashes.len());
                    before.hashes.push(*dep);
                }
            }
        }
    }
    put_sleb(out, parts.start_op.cast_signed().wrapping_sub(before.next_op.cast_signed()));
    let from = times.from(before.time, &parts.columns);
    put_sleb(out, parts.time.wrapping_sub(from));
    put_uleb(out, parts.message.len() as u64);
    out.extend_from_slice(parts.message);
    put_uleb(out, parts.other_actors.len() as u64);
    for actor in &parts.other_actors {
        match before.actors.iter().position(|known| known == actor) {
            Some(place) => put_uleb(out, place as u64 + 1),
            None => {
                put_uleb(out, 0);
                put_uleb(out, actor.len() as u64);
                out.extend_from_slice(actor);
                before.actors.push(actor.to_vec());
            }
        }
    }
    if parts.columns.iter().map(|(spec, _)| spec).eq(&before.specs) {
        put_uleb(out, 0);
    } else {
        put_uleb(out, parts.columns.len() as u64 + 1);
        for (spec, _) in &parts.columns {
            put_uleb(out, u64::from(*spec));
        }
    }
    for (_, data) in &parts.columns {
        put_uleb(out, data.len() as u64);
    }
}

/// What a head says, before its data is found.
struct Head {
    deps: Deps,
    start_op_step: i64,
    time_step: i64,
    message: Vec<u8>,
    other_actors: Vec<Vec<u8>>,
    /// `None`: the columns of the change before.
    specs: Option<Vec<u32>>,
}

enum Deps {
    OnlyOnLast,
    Listed(Vec<ChangeHash>),
}

fn decode_body(header: &PackHeader, body: &[u8]) -> Result<Vec<RawChange>, PackError> {
    let mut cursor = Cursor::new(body);
    let mut heads = Cursor::new(cursor.prefixed("heads")?);
    // The data of a column starts where that of the columns before ends, so lengths come first.
    let layout = measure(heads.clone(), header, cursor.remaining())?;
    let mut data: BTreeMap<u32, Cursor<'_>> = BTreeMap::new();
    for (spec, length) in layout {
        data.insert(spec, Cursor::new(cursor.take(length, "column data")?));
    }
    if cursor.remaining() != 0 {
        return Err(PackError::Malformed { what: "end" });
    }
    let mut before = Before::new(header.previous.as_ref());
    let mut changes = Vec::with_capacity(header.count);
    let mut bytes = 0;
    for index in 0..header.count {
        let head = decode_head(&mut heads, &mut before)?;
        let change = decode_change(header, index, head, &mut heads, &mut data, &mut before)?;
        // Names repeat at one byte each, so what is put back is bounded here, not by the body.
        bytes += change.bytes().len();
        let limit = header.reach.change_bytes_max();
        if header.count > 1 && bytes > limit {
            return Err(PackError::TooLarge { bytes, limit });
        }
        changes.push(change);
    }
    Ok(changes)
}

/// Sums the lengths of each column over all heads; the sums may not exceed `available`.
fn measure(
    mut heads: Cursor<'_>,
    header: &PackHeader,
    available: usize,
) -> Result<BTreeMap<u32, usize>, PackError> {
    let mut layout: BTreeMap<u32, usize> = BTreeMap::new();
    let mut specs = Vec::new();
    for _ in 0..header.count {
        skip_to_specs(&mut heads)?;
        if let Some(listed) = decode_specs(&mut heads)? {
            specs = listed;
        }
        for spec in &specs {
            let length = heads.length("column length")?;
            let sum = layout.entry(*spec).or_default();
            *sum = sum.saturating_add(length);
            if *sum > available {
                return Err(PackError::Malformed { what: "column length" });
            }
        }
    }
    match heads.remaining() {
        0 => Ok(layout),
        _ => Err(PackError::Malformed { what: "heads" }),
    }
}

/// Passes over the fields of a head that are not needed to find its data.
fn skip_to_specs(heads: &mut Cursor<'_>) -> Result<(), PackError> {
    let deps = heads.length("dependencies")?.saturating_sub(1);
    if deps > CHANGE_DEPS_MAX {
        return Err(PackError::Malformed { what: "dependencies" });
    }
    for _ in 0..deps {
        if heads.uleb("dependencies")? == 0 {
            heads.take(32, "dependencies")?;
        }
    }
    heads.sleb("operation counter")?;
    heads.sleb("time")?;
    heads.prefixed("message")?;
    let actors = heads.length("other actors")?;
    if actors > CHANGE_ACTORS_MAX {
        return Err(PackError::Malformed { what: "other actors" });
    }
    for _ in 0..actors {
        if heads.uleb("other actors")? == 0 {
            heads.prefixed("other actors")?;
        }
    }
    Ok(())
}

/// Reads a head up to its column lengths. Its numbers were bounded by [`skip_to_specs`].
fn decode_head(heads: &mut Cursor<'_>, before: &mut Before) -> Result<Head, PackError> {
    let deps = match heads.length("dependencies")? {
        0 => Deps::OnlyOnLast,
        more => Deps::Listed(decode_deps(heads, more - 1, before)?),
    };
    let start_op_step = heads.sleb("operation counter")?;
    let time_step = heads.sleb("time")?;
    let message = heads.prefixed("message")?.to_vec();
    let actors = heads.length("other actors")?;
    let mut other_actors = Vec::new();
    for _ in 0..actors {
        let actor = match heads.length("other actors")? {
            0 => {
                let actor = heads.prefixed("other actors")?.to_vec();
                before.actors.push(actor.clone());
                actor
            }
            place => before
                .actors
                .get(place - 1)
                .cloned()
                .ok_or(PackError::Malformed { what: "other actors" })?,
        };
        other_actors.push(actor);
    }
    let specs = decode_specs(heads)?;
    Ok(Head { deps, start_op_step, time_step, message, other_actors, specs })
}

fn decode_deps(
    heads: &mut Cursor<'_>,
    count: usize,
    before: &mut Before,
) -> Result<Vec<ChangeHash>, PackError> {
    let mut deps = Vec::new();
    for _ in 0..count {
        let dep = match heads.length("dependencies")? {
            0 => {
                let dep = ChangeHash(array(heads, "dependencies")?);
                before.hashes.push(dep);
                dep
            }
            distance => before
                .hashes
                .len()
                .checked_sub(distance)
                .and_then(|place| before.hashes.get(place).copied())
                .ok_or(PackError::Malformed { what: "dependencies" })?,
        };
        deps.push(dep);
    }
    Ok(deps)
}

fn decode_specs(heads: &mut Cursor<'_>) -> Result<Option<Vec<u32>>, PackError> {
    let count = heads.length("columns")?;
    if count == 0 {
        return Ok(None);
    }
    if count - 1 > COLUMNS_MAX {
        return Err(PackError::Malformed { what: "columns" });
    }
    let mut specs = Vec::with_capacity(count - 1);
    for _ in 1..count {
        let spec = heads.uleb("columns")?;
        specs.push(u32::try_from(spec).map_err(|_| PackError::Malformed { what: "columns" })?);
    }
    Ok(Some(specs))
}

fn decode_change(
    header: &PackHeader,
    index: usize,
    head: Head,
    heads: &mut Cursor<'_>,
    data: &mut BTreeMap<u32, Cursor<'_>>,
    before: &mut Before,
) -> Result<RawChange, PackError> {
    let deps = match head.deps {
        Deps::Listed(deps) => deps,
        Deps::OnlyOnLast => {
            vec![before.last.ok_or(PackError::Malformed { what: "dependencies" })?]
        }
    };
    let specs = head.specs.unwrap_or_else(|| before.specs.clone());
    let mut columns = Vec::with_capacity(specs.len());
    for spec in &specs {
        let length = heads.length("column length")?;
        let cursor = data.get_mut(spec).ok_or(PackError::Malformed { what: "columns" })?;
        columns.push((*spec, cursor.take(length, "column data")?));
    }
    let start_op = before.next_op.cast_signed().wrapping_add(head.start_op_step);
    let time = header.times.from(before.time, &columns).wrapping_add(head.time_step);
    let parts = ChangeParts {
        deps,
        actor: &header.actor.0,
        seq: header.first_seq + index as u64,
        start_op: start_op.cast_unsigned(),
        time,
        message: &head.message,
        other_actors: head.other_actors.iter().map(Vec::as_slice).collect(),
        columns,
    };
    let change =
        RawChange::inspect(parts.assemble()).map_err(|source| PackError::Change { source })?;
    before.note(&change, specs);
    Ok(change)
}

fn parse_genesis(bytes: &[u8]) -> Result<Genesis, PackError> {
    let malformed = PackError::Malformed { what: "genesis" };
    if bytes.len() > GENESIS_BYTES_MAX {
        return Err(malformed);
    }
    let genesis: Genesis = postcard::from_bytes(bytes).map_err(|_| malformed.clone())?;
    // One document has one name: a second spelling of the same genesis is refused.
    if genesis.encode() == bytes { Ok(genesis) } else { Err(malformed) }
}

fn parse_previous(cursor: &mut Cursor<'_>) -> Result<Option<Tip>, PackError> {
    let seq = cursor.uleb("previous change")?;
    if seq == 0 {
        return Ok(None);
    }
    if seq > crate::model::COUNTER_MAX {
        return Err(PackError::Malformed { what: "previous change" });
    }
    let hash = ChangeHash(array(cursor, "previous change")?);
    let line = Line(array(cursor, "previous change")?);
    Ok(Some(Tip { seq, hash, line }))
}

fn array<const N: usize>(
    cursor: &mut Cursor<'_>,
    what: &'static str,
) -> Result<[u8; N], PackError> {
    let mut bytes = [0; N];
    bytes.copy_from_slice(cursor.take(N, what)?);
    Ok(bytes)
}
