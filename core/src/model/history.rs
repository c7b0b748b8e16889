//! What was ever written: walks a document's own changes.
//!
//! Costs a decoding of every change walked, so it serves one screen at a time and never a list.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{ObjectId, Op, OpType};
use automerge::{Change, ExpandedChange, ObjId, ScalarValue};
use serde::{Deserialize, Serialize};

use super::change::RawChange;
use super::document::{Document, contain};
use super::ids::{ChangeHash, Timestamp};
use super::kinds::finding::Parked;
use super::layout::FIRST_ACTOR;
use super::register::Said;

/// One change in a document's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The change.
    pub change: ChangeHash,
    /// Who wrote it.
    pub actor: Vec<u8>,
    /// 1 for the actor's first change.
    pub seq: u64,
    /// When, by the writer's clock.
    pub at: Timestamp,
}

/// Something that a change wrote, whether or not a document holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The register's key, such as an item's; `None` for text typed into a note or finding.
    pub key: Option<String>,
    /// The value as stored, or the characters typed.
    pub text: String,
}

/// Reads what a change wrote, without a document to hold it: all of it, or only what the operations
/// at `places` wrote. Deletions write nothing.
#[must_use]
pub fn written(change: &RawChange, places: &[u32]) -> Vec<Written> {
    let Some(change) = decode(change) else { return Vec::new() };
    let mut written: Vec<Written> = Vec::new();
    let mut typed = String::new();
    for (place, op) in (0_u32..).zip(&change.operations) {
        let OpType::Put(value) = &op.action else { continue };
        if !places.is_empty() && places.binary_search(&place).is_err() {
            continue;
        }
        match field(op) {
            Some(key) => written.push(Written { key: Some(key), text: text(value) }),
            None => typed.push_str(&text(value)),
        }
    }
    if !typed.is_empty() {
        written.push(Written { key: None, text: typed });
    }
    written
}

/// Decodes a change; `None` where Automerge cannot.
pub(crate) fn decode(change: &RawChange) -> Option<ExpandedChange> {
    // Decoding panics on operations that this version does not know.
    contain(|| Change::from_bytes(change.bytes().to_vec()).ok().map(|change| change.decode()))
        .flatten()
}

/// Lists all changes but the first, by their operation counters, then actors: an order that
/// respects cause and is the same on every replica.
pub(crate) fn changes(document: &Document) -> Vec<Past> {
    let mut past: Vec<(u64, Past)> = document
        .known
        .iter()
        .filter(|(_, known)| known.actor != FIRST_ACTOR)
        .map(|(hash, known)| {
            let (actor, seq, at) = (known.actor.clone(), known.seq, known.at);
            (known.max_op, Past { change: *hash, actor, seq, at })
        })
        .collect();
    past.sort_by(|a, b| (a.0, &a.1.actor).cmp(&(b.0, &b.1.actor)));
    past.into_iter().map(|(_, past)| past).collect()
}

/// Returns every scalar ever put under a key of a map, or under any of several that hold one thing,
/// oldest first: each after those that its writer had seen, and by the writers' clocks where nobody
/// had seen the other. What one change put under several keys comes once.
///
/// A clock that runs behind is corrected by what its owner had seen: a value is taken to be no older
/// than the latest of those before it. The order is the same on every replica.
pub(crate) fn puts(document: &Document, map: &ObjId, keys: &[&str]) -> Vec<Said<String>> {
    let all: Vec<ChangeHash> = document.known.keys().copied().collect();
    let mut found = Vec::new();
    for change in decoded(document, &all) {
        for (offset, op) in change.operations.iter().enumerate() {
            if is_object(&op.obj, map)
                && let automerge::legacy::Key::Map(key) = &op.key
                && keys.contains(&key.as_str())
                && let OpType::Put(value) = &op.action
            {
                found.push((change.start_op.get() + offset as u64, said(&change, text(value))));
            }
        }
    }
    let written: BTreeMap<ChangeHash, Timestamp> =
        found.iter().map(|(_, said)| (said.change, said.at)).collect();
    let times = no_older_than_seen(document, &written);
    let time = |said: &Said<String>| times.get(&said.change).copied().unwrap_or(said.at);
    found.sort_by(|a, b| (time(&a.1), a.0, &a.1.actor).cmp(&(time(&b.1), b.0, &b.1.actor)));
    let mut said: Vec<Said<String>> = found.into_iter().map(|(_, said)| said).collect();
    if keys.len() > 1 {
        let mut seen = BTreeSet::new();
        said.retain(|said| seen.insert((said.change, said.value.clone())));
    }
    said
}

/// Returns every change that wrote into one of some texts or made one, oldest first, with the place of
/// the text in the list: deletions write too.
pub(crate) fn text_writers(document: &Document, texts: &[ObjId]) -> Vec<(usize, Past)> {
    let all: Vec<ChangeHash> = document.known.keys().copied().collect();
    let mut found = Vec::new();
    for change in decoded(document, &all) {
        let Some(hash) = change.hash.map(|hash| ChangeHash(hash.0)) else { continue };
        let Some(known) = document.known.get(&hash) else { continue };
        for (at, text) in texts.iter().enumerate() {
            let made = |offset: usize| {
                let counter = change.start_op.get() + offset as u64;
                matches!(text, ObjId::Id(id, actor, _) if *id == counter && *actor == change.actor_id)
            };
            let mut operations = change.operations.iter().enumerate();
            if known.actor != FIRST_ACTOR
                && operations.any(|(offset, op)| is_object(&op.obj, text) || made(offset))
            {
                let (actor, seq) = (known.actor.clone(), known.seq);
                let past = Past { change: hash, actor, seq, at: known.at };
                found.push((known.max_op, at, past));
            }
        }
    }
    found.sort_by(|a, b| (a.0, &a.2.actor, a.1).cmp(&(b.0, &b.2.actor, b.1)));
    found.into_iter().map(|(_, at, past)| (at, past)).collect()
}

/// Returns every change that wrote one of some keys of a map: a value, or that others no longer stand. Choosing
/// the value that is shown anyway deletes the others and puts nothing.
pub(crate) fn writers(document: &Document, map: &ObjId, keys: &[String]) -> Vec<ChangeHash> {
    let all: Vec<ChangeHash> = document.known.keys().copied().collect();
    let writes = |op: &Op| {
        let automerge::legacy::Key::Map(key) = &op.key else { return false };
        is_object(&op.obj, map)
            && keys.iter().any(|known| known.as_str() == key.as_str())
            && matches!(op.action, OpType::Put(_) | OpType::Delete)
    };
    let changes = decoded(document, &all).into_iter();
    changes
        .filter(|change| change.operations.iter().any(writes))
        .map(|change| ChangeHash(change.hash.map_or([0; 32], |hash| hash.0)))
        .collect()
}

/// Returns for each change the latest of the given times in it and in what it builds on. Of two
/// changes of which one builds on the other, the later one never has the earlier time, and where the
/// times are equal its operation counters are higher.
fn no_older_than_seen(
    document: &Document,
    written: &BTreeMap<ChangeHash, Timestamp>,
) -> BTreeMap<ChangeHash, Timestamp> {
    let mut times = BTreeMap::new();
    // What a change builds on comes before it; the marks say which were asked for already.
    let mut stack: Vec<(ChangeHash, bool)> = written.keys().map(|hash| (*hash, false)).collect();
    while let Some((hash, is_ready)) = stack.pop() {
        let Some(known) = document.known.get(&hash) else { continue };
        if times.contains_key(&hash) {
            continue;
        }
        if is_ready {
            let seen = known.deps.iter().filter_map(|dep| times.get(dep)).max().copied();
            let own = written.get(&hash).copied();
            times.insert(hash, own.max(seen).unwrap_or(Timestamp(i64::MIN)));
        } else {
            stack.push((hash, true));
            let open = known.deps.iter().filter(|dep| !times.contains_key(*dep));
            stack.extend(open.map(|dep| (*dep, false)));
        }
    }
    times
}

/// What of a row is watched for edits that pass its tombstone by.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    /// The row.
    pub(crate) row: &'a ObjId,
    /// The key of the tombstone itself.
    pub(crate) tombstone: &'a str,
    /// Maps of registers in it, by name: their keys are told as `name/key`.
    pub(crate) maps: Vec<(&'a str, &'a ObjId)>,
    /// Texts in it, by name.
    pub(crate) texts: Vec<(&'a str, &'a ObjId)>,
}

impl Watched<'_> {
    /// Returns the name of the register that an operation writes to; none when it writes elsewhere.
    fn register(&self, op: &Op) -> Option<String> {
        let key = field(op)?;
        if is_object(&op.obj, self.row) {
            return (key != self.tombstone).then_some(key);
        }
        let map = self.maps.iter().find(|(_, map)| is_object(&op.obj, map));
        map.map(|(name, _)| format!("{name}/{key}"))
    }
}

/// Returns what was written to a row and what is in it by changes that are not ancestors of its
/// tombstones.
pub(crate) fn parked(
    document: &Document,
    watched: &Watched<'_>,
    tombstones: &[ChangeHash],
) -> Vec<Parked> {
    let before: BTreeSet<ChangeHash> = document.ancestors(tombstones);
    let others: Vec<ChangeHash> =
        document.known.keys().filter(|hash| !before.contains(hash)).copied().collect();
    let mut found = Vec::new();
    for change in decoded(document, &others) {
        let mut typed: BTreeMap<&str, (String, usize)> = BTreeMap::new();
        for (offset, op) in change.operations.iter().enumerate() {
            let text_of = watched.texts.iter().find(|(_, text)| is_object(&op.obj, text));
            if let Some((name, _)) = text_of {
                let (words, erased) = typed.entry(name).or_default();
                match &op.action {
                    OpType::Put(value) => words.push_str(&text(value)),
                    OpType::Delete => *erased += 1,
                    _ => {}
                }
            } else if let Some(field) = watched.register(op)
                && let OpType::Put(value) = &op.action
            {
                let at = change.start_op.get() + offset as u64;
                found.push((at, Parked { field, edit: said(&change, text(value)) }));
            }
        }
        for (name, (words, erased)) in typed {
            // Deleting text is an edit too: shown by how much, since it typed nothing.
            let words = if words.is_empty() { format!("[-{erased}]") } else { words };
            let edit = said(&change, words);
            found.push((change.start_op.get(), Parked { field: name.to_owned(), edit }));
        }
    }
    found.sort_by(|a, b| {
        (a.0, &a.1.edit.actor, &a.1.field).cmp(&(b.0, &b.1.edit.actor, &b.1.field))
    });
    found.into_iter().map(|(_, parked)| parked).collect()
}

fn decoded(document: &Document, hashes: &[ChangeHash]) -> Vec<ExpandedChange> {
    // Decoding panics on operations that this version does not know.
    document.changes(hashes).iter().filter_map(|change| contain(|| change.decode())).collect()
}

fn is_object(object: &ObjectId, wanted: &ObjId) -> bool {
    match (object, wanted) {
        (ObjectId::Id(id), ObjId::Id(counter, actor, _)) => id.0 == *counter && id.1 == *actor,
        (ObjectId::Root, ObjId::Root) => true,
        _ => false,
    }
}

fn field(op: &Op) -> Option<String> {
    match &op.key {
        automerge::legacy::Key::Map(key) => Some(key.to_string()),
        automerge::legacy::Key::Seq(_) => None,
    }
}

fn text(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Str(text) => text.to_string(),
        other => other.to_string(),
    }
}

fn said(change: &ExpandedChange, value: String) -> Said<String> {
    Said {
        value,
        actor: change.actor_id.to_bytes().to_vec(),
        change: ChangeHash(change.hash.map_or([0; 32], |hash| hash.0)),
        at: Timestamp(change.time),
    }
}
