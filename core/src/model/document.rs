//! One document: an Automerge document that was born by a genesis and a shape.
//!
//! Holds no device's rights and no receipts. Never lets Automerge panic through, never queues a
//! change whose dependencies are missing, and is left as it was by anything it refuses.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use automerge::{
    ActorId, Automerge, Change, LoadOptions, OnPartialLoad, ReadDoc, SaveOptions, TextEncoding,
    VerificationMode,
};

use super::change::{CHANGE_DEPS_MAX, RawChange};
use super::chunk;
use super::edit::{EditError, Editor};
use super::ids::{Actor, ChangeHash, DocumentId, Genesis, Timestamp};
use super::layout::{Addition, BORN, Computed, FIRST_ACTOR, Layout, SCHEMA, Shape, newest};
use super::view::View;

/// Largest saved document: an inspection with every text full stays far below it, and a phone with
/// 2 GB of memory still loads it.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most actors in one document: some hundred devices with several lives each.
pub const DOCUMENT_ACTORS_MAX: usize = 1_000;
/// Most operations in one document; Automerge keeps some hundred bytes for each while it is open.
pub const DOCUMENT_OPS_MAX: u64 = 2_000_000;

/// How large a saved document may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) bytes: usize,
    pub(crate) actors: u64,
    /// Rows of each column: operations, and what they overwrite.
    pub(crate) ops: u64,
}

/// What others' changes may make of a document, and what a foreign snapshot may be. One and the same:
/// what is merged on one replica must be a snapshot that another takes.
pub(crate) const FOREIGN: Room =
    Room { bytes: DOCUMENT_BYTES_MAX, actors: DOCUMENT_ACTORS_MAX as u64, ops: DOCUMENT_OPS_MAX };

/// What is opened of our own: local edits may pass what foreign changes may not, because refusing to
/// open would lose what was typed.
const OWN: Room =
    Room { bytes: 4 * FOREIGN.bytes, actors: 4 * FOREIGN.actors, ops: 4 * FOREIGN.ops };

/// From this many changes on, collecting all is cheaper than finding each: finding one costs 0.1 ms
/// in a document of 2,000 changes, collecting all of them 30 ms.
const EACH_CHANGE_MAX: usize = 64;

/// First changes that are kept once computed: a device works with few checklists at a time, and
/// computing the first change of one costs more than opening most documents.
const FIRST_KEPT_MAX: usize = 4;

/// Computed changes, shared while their shape is in use.
type First = Arc<Computed>;

/// Why bytes are not a document that this program can open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The bytes are no Automerge document, or Automerge fails on them.
    #[error("document {document} cannot be read ({reason}); rebuild it from the journal")]
    Unreadable {
        /// The document, short.
        document: String,
        /// What Automerge said, without content.
        reason: &'static str,
        /// The cause, when there is one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A foreign document chunk is malformed or over a limit.
    #[error("foreign document refused: {what}")]
    Foreign {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A document chunk is over a limit.
    #[error("document refused: it is over the limit on its {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
    },
    /// The bytes hold another document, or one of another shape.
    #[error(
        "document {document} does not begin with its computed first change; check its kind and checklist"
    )]
    OtherFirstChange {
        /// The document, short.
        document: String,
    },
    /// The genesis and the shape name different kinds or checklists.
    #[error("document {document} was asked for with the shape of another kind or checklist")]
    WrongShape {
        /// The document, short.
        document: String,
    },
    /// A newer program made it, or added to it. The bytes are good: keep them.
    #[error(
        "document {document} has schema {found}, this program reads up to {SCHEMA}; update the program"
    )]
    NewerSchema {
        /// The document, short.
        document: String,
        /// Its schema.
        found: u32,
    },
    /// Heads were asked for that the document does not hold.
    #[error("document {document} does not hold change {change}; sync and try again")]
    UnknownHeads {
        /// The document, short.
        document: String,
        /// The first unknown change, short.
        change: String,
    },
    /// A line of changes cannot be renamed to a new actor.
    #[error("changes cannot be renamed to a new actor: {reason}")]
    Reauthor {
        /// What stands in the way.
        reason: &'static str,
    },
}

/// What the document knows of a change it holds.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) actor: Vec<u8>,
    pub(crate) seq: u64,
    pub(crate) max_op: u64,
    pub(crate) at: Timestamp,
    pub(crate) deps: Vec<ChangeHash>,
}

/// One record that several devices write.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) genesis: Genesis,
    pub(crate) id: DocumentId,
    pub(crate) shape: Shape,
    pub(crate) layout: Layout,
    pub(crate) automerge: Automerge,
    /// Every change held, by hash.
    pub(crate) known: BTreeMap<ChangeHash, Known>,
    /// The last change of each actor.
    pub(crate) tips: BTreeMap<Vec<u8>, (u64, ChangeHash)>,
}

impl Document {
    /// Makes a document that holds only its computed first change, the same bytes on every replica.
    ///
    /// The shape must be of the genesis' kind; [`Document::load`] refuses what was made otherwise.
    #[must_use]
    pub fn create(genesis: &Genesis, shape: &Shape) -> Self {
        debug_assert_eq!(genesis.kind, shape.kind(), "the shape is of the genesis' kind");
        let computed = first(shape, BORN);
        let (layout, automerge) = (computed.layout.clone(), computed.born.clone());
        let known = known_changes(&automerge);
        Self::assemble_known(genesis, shape, layout, automerge, known)
    }

    /// Opens bytes that [`Document::save`] made.
    ///
    /// # Errors
    ///
    /// Returns [`DocumentError`] when the bytes are damaged, are another document's, or come from a
    /// newer program; the caller keeps the bytes in every case.
    pub fn load(genesis: &Genesis, shape: &Shape, bytes: &[u8]) -> Result<Self, DocumentError> {
        let document = genesis.document().short();
        let other_checklist = match shape {
            Shape::Inspection { template, .. } => genesis.template != Some(*template),
            _ => false,
        };
        if genesis.kind != shape.kind() || other_checklist {
            return Err(DocumentError::WrongShape { document });
        }
        chunk::inspect_document(bytes, &OWN)?;
        let loaded = contain(|| load_automerge(bytes).map(|doc| (known_changes(&doc), doc)));
        let (known, automerge) = match loaded {
            Some(Ok(pair)) => pair,
            Some(Err(source)) => {
                let source = Some(source.into());
                let reason = "Automerge refuses the bytes";
                return Err(DocumentError::Unreadable { document, reason, source });
            }
            None => {
                let reason = "Automerge fails on the bytes";
                return Err(DocumentError::Unreadable { document, reason, source: None });
            }
        };
        match layout_held(shape, &known) {
            Some(layout) => Ok(Self::assemble_known(genesis, shape, layout, automerge, known)),
            None => match contain(|| claimed_schema(&automerge)).flatten() {
                Some(found) if found > SCHEMA => {
                    Err(DocumentError::NewerSchema { document, found })
                }
                _ => Err(DocumentError::OtherFirstChange { document }),
            },
        }
    }

    /// Checks a foreign document chunk against the limits, before anything else sees it.
    ///
    /// # Errors
    ///
    /// Returns [`DocumentError::Foreign`] for anything but one uncompressed document chunk, and
    /// [`DocumentError::TooLarge`] for one over a limit.
    pub fn inspect_foreign(bytes: &[u8]) -> Result<(), DocumentError> {
        Ok(chunk::inspect_document(bytes, &FOREIGN)?)
    }

    /// Checks what is said to be the bytes of [`Document::save`], without opening them.
    ///
    /// # Errors
    ///
    /// As [`Document::inspect_foreign`], with the room that own edits have.
    pub(crate) fn inspect_own(bytes: &[u8]) -> Result<(), DocumentError> {
        Ok(chunk::inspect_document(bytes, &OWN)?)
    }

    /// Makes a document of an Automerge document that holds no other computed changes than this one.
    pub(crate) fn with_content(&self, automerge: Automerge) -> Self {
        let known = known_changes(&automerge);
        let layout = layout_held(&self.shape, &known).unwrap_or_else(|| self.layout.clone());
        Self::assemble_known(&self.genesis, &self.shape, layout, automerge, known)
    }

    /// Returns the addition that this document could hold and does not.
    pub(crate) fn addition(&self) -> Option<First> {
        if self.layout.schema != BORN || newest(self.shape.kind()) == BORN {
            return None;
        }
        Some(first(&self.shape, BORN)).filter(|computed| computed.addition.is_some())
    }

    /// Returns the document with the containers of the newest schema; none when there is nothing to
    /// add, or when Automerge cannot add it.
    pub(crate) fn raised(&self) -> Option<Self> {
        let computed = self.addition()?;
        let Addition { change, hash, layout } = computed.addition.as_ref()?;
        let automerge = contain(|| {
            let mut copy = self.automerge.clone();
            copy.apply_changes([change.clone()]).ok()?;
            Some(copy)
        })
        .flatten()?;
        let mut raised = self.clone();
        raised.automerge = automerge;
        raised.layout = layout.clone();
        let known = Known {
            actor: FIRST_ACTOR.to_vec(),
            seq: change.seq(),
            max_op: change.max_op(),
            at: Timestamp(0),
            deps: vec![layout.first],
        };
        raised.tips.insert(FIRST_ACTOR.to_vec(), (known.seq, *hash));
        raised.known.insert(*hash, known);
        Some(raised)
    }

    /// As [`Document::raised`], if one of the changes needs the newest schema.
    pub(crate) fn raised_for(&self, changes: &[RawChange]) -> Option<(Self, ChangeHash)> {
        let computed = self.addition()?;
        let hash = computed.addition.as_ref()?.hash;
        let needed = changes.iter().any(|change| change.facts().deps.contains(&hash));
        if needed { self.raised().map(|raised| (raised, hash)) } else { None }
    }

    fn assemble_known(
        genesis: &Genesis,
        shape: &Shape,
        layout: Layout,
        automerge: Automerge,
        known: BTreeMap<ChangeHash, Known>,
    ) -> Self {
        let tips = tips_of(&known);
        let id = genesis.document();
        let (genesis, shape) = (genesis.clone(), shape.clone());
        Self { genesis, id, shape, layout, automerge, known, tips }
    }

    /// Replaces the Automerge document by one that holds these changes as well.
    pub(crate) fn replace(&mut self, automerge: Automerge, changes: &[&RawChange]) {
        for change in changes {
            self.note(change);
        }
        self.automerge = automerge;
    }

    /// Returns the bytes to keep, uncompressed: the store compresses, and Automerge's inflation has
    /// no limit.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        save_automerge(&self.automerge)
    }

    /// Returns what the document was born as.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Returns the document's name.
    #[must_use]
    pub fn id(&self) -> DocumentId {
        self.id
    }

    /// Returns what the first change holds.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Returns the schema that the document is at: the newest one that some change of it needs.
    #[must_use]
    pub fn schema(&self) -> u32 {
        self.layout.schema
    }

    /// Returns the computed first change, which is never sent.
    #[must_use]
    pub fn first(&self) -> ChangeHash {
        self.layout.first
    }

    /// Returns the heads, sorted.
    #[must_use]
    pub fn heads(&self) -> Vec<ChangeHash> {
        heads_of(&self.automerge)
    }

    /// Returns whether the document holds the change.
    #[must_use]
    pub fn has(&self, hash: &ChangeHash) -> bool {
        self.known.contains_key(hash)
    }

    /// Returns the last change of each actor but the first change's: actor, sequence number, hash.
    #[must_use]
    pub fn tips(&self) -> Vec<(Vec<u8>, u64, ChangeHash)> {
        self.tips
            .iter()
            .filter(|(actor, _)| actor.as_slice() != FIRST_ACTOR)
            .map(|(actor, (seq, hash))| (actor.clone(), *seq, *hash))
            .collect()
    }

    /// Returns an actor's changes from a sequence number on, in order.
    #[must_use]
    pub fn changes_of(&self, actor: &[u8], from_seq: u64) -> Vec<RawChange> {
        let mut wanted: Vec<(u64, ChangeHash)> = self
            .known
            .iter()
            .filter(|(_, known)| known.actor == actor && known.seq >= from_seq)
            .map(|(hash, known)| (known.seq, *hash))
            .collect();
        wanted.sort_unstable();
        let hashes: Vec<ChangeHash> = wanted.into_iter().map(|(_, hash)| hash).collect();
        self.changes(&hashes)
            .into_iter()
            .filter_map(|change| RawChange::inspect(change.raw_bytes().to_vec()).ok())
            .collect()
    }

    /// Returns the changes held under these hashes, in their order.
    pub(crate) fn changes(&self, hashes: &[ChangeHash]) -> Vec<Change> {
        if hashes.len() < EACH_CHANGE_MAX {
            let one = |hash| self.automerge.get_change_by_hash(&to_automerge(hash));
            return hashes.iter().filter_map(|hash| contain(|| one(hash)).flatten()).collect();
        }
        let all = contain(|| self.automerge.get_changes(&[])).unwrap_or_default();
        let mut all: BTreeMap<ChangeHash, Change> =
            all.into_iter().map(|change| (ChangeHash(change.hash().0), change)).collect();
        hashes.iter().filter_map(|hash| all.remove(hash)).collect()
    }

    /// Makes one change.
    ///
    /// Everything that the closure did becomes exactly one change; none when nothing was changed.
    ///
    /// # Errors
    ///
    /// Returns the closure's error, or why the change cannot be made. The document is unchanged then.
    pub fn edit<T>(
        &mut self,
        actor: Actor,
        now: Timestamp,
        f: impl FnOnce(&mut Editor<'_>) -> Result<T, EditError>,
    ) -> Result<(T, Option<RawChange>), EditError> {
        if self.layout.schema < BORN {
            return Err(EditError::OldSchema { schema: self.layout.schema });
        }
        if actor.0 == FIRST_ACTOR {
            return Err(EditError::ReservedActor);
        }
        if self.addition().is_some() {
            let mut raised = self.raised().ok_or(EditError::Internal)?;
            let (value, change) = raised.edit(actor, now, f)?;
            if change.is_some() {
                *self = raised;
            }
            return Ok((value, change));
        }
        let heads = self.heads();
        if heads.len() >= CHANGE_DEPS_MAX {
            return self.edit_on_some(&heads, actor, now, f);
        }
        // On a copy: undoing inside Automerge is one more thing that could go wrong.
        let mut copy = self.automerge.clone();
        copy.set_actor(ActorId::from(actor.0));
        let done = contain(|| Editor::run(&*self, &mut copy, actor, now, f));
        let (value, changed) = done.unwrap_or(Err(EditError::Internal))?;
        if !changed {
            return Ok((value, None));
        }
        let raw = contain(|| copy.get_last_local_change().map(|c| c.raw_bytes().to_vec()))
            .flatten()
            .ok_or(EditError::Internal)?;
        let change = RawChange::inspect(raw)
            .map_err(|source| EditError::ChangeTooLarge { source: Box::new(source) })?;
        self.note(&change);
        self.automerge = copy;
        Ok((value, Some(change)))
    }

    /// Makes a change that follows only some of the heads, since a change may name only so many.
    /// It is concurrent with what the others wrote, as if this device had not heard of it yet.
    fn edit_on_some<T>(
        &mut self,
        heads: &[ChangeHash],
        actor: Actor,
        now: Timestamp,
        f: impl FnOnce(&mut Editor<'_>) -> Result<T, EditError>,
    ) -> Result<(T, Option<RawChange>), EditError> {
        let own = self.tips.get(actor.as_bytes()).map(|(_, hash)| *hash);
        let some: Vec<ChangeHash> =
            own.into_iter().chain(heads.iter().copied()).take(CHANGE_DEPS_MAX / 2).collect();
        let mut base = self.at(&some).map_err(|_| EditError::Internal)?;
        let (value, change) = base.edit(actor, now, f)?;
        if let Some(change) = &change
            && self.apply(std::slice::from_ref(change)).applied.is_empty()
        {
            return Err(EditError::Internal);
        }
        Ok((value, change))
    }

    fn note(&mut self, change: &RawChange) {
        let facts = change.facts();
        let known = Known {
            actor: facts.actor.clone(),
            seq: facts.seq,
            max_op: facts.start_op + facts.ops.saturating_sub(1),
            at: Timestamp(facts.time),
            deps: facts.deps.clone(),
        };
        let tip = self.tips.entry(facts.actor.clone()).or_insert((facts.seq, facts.hash));
        if facts.seq > tip.0 {
            *tip = (facts.seq, facts.hash);
        }
        self.known.insert(facts.hash, known);
    }

    /// Reads the document as it is now.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::of(self)
    }

    /// Reads the document as it was at past heads.
    ///
    /// # Errors
    ///
    /// Returns [`DocumentError::UnknownHeads`] when a head is not held, and
    /// [`DocumentError::Unreadable`] when Automerge cannot go back.
    pub fn view_at(&self, heads: &[ChangeHash]) -> Result<View<'static>, DocumentError> {
        Ok(View::owned(self.at(heads)?))
    }

    /// Returns the document as it was at past heads, as one of its own. No heads means the first
    /// change alone.
    ///
    /// # Errors
    ///
    /// As [`Document::view_at`].
    pub fn at(&self, heads: &[ChangeHash]) -> Result<Self, DocumentError> {
        if let Some(unknown) = heads.iter().find(|head| !self.has(head)) {
            return Err(DocumentError::UnknownHeads {
                document: self.id.short(),
                change: unknown.short(),
            });
        }
        let mut wanted: Vec<automerge::ChangeHash> = heads.iter().map(to_automerge).collect();
        if wanted.is_empty() {
            wanted.push(to_automerge(&self.layout.first));
        }
        match contain(|| self.automerge.fork_at(&wanted)) {
            Some(Ok(past)) => Ok(self.with_content(past)),
            other => Err(DocumentError::Unreadable {
                document: self.id.short(),
                reason: "Automerge cannot go back to the heads",
                source: match other {
                    Some(Err(source)) => Some(source.into()),
                    _ => None,
                },
            }),
        }
    }

    /// Returns the changes that one of these was made on: their ancestors without themselves, as far
    /// as none of them is another's ancestor.
    pub(crate) fn seen_by(&self, these: &[ChangeHash]) -> std::collections::BTreeSet<ChangeHash> {
        let known = these.iter().filter_map(|hash| self.known.get(hash));
        let causes: Vec<ChangeHash> = known.flat_map(|known| known.deps.iter().copied()).collect();
        self.ancestors(&causes)
    }

    /// Returns of each of these changes on which of them it was made, by their places. The past is walked
    /// once for all: a change comes after what it was made on in the order of operations.
    pub(crate) fn made_on(&self, these: &[ChangeHash]) -> Vec<Vec<usize>> {
        const BITS: usize = u64::BITS as usize;
        let words = these.len().div_ceil(BITS);
        let mut at: BTreeMap<ChangeHash, Vec<usize>> = BTreeMap::new();
        for (place, hash) in these.iter().enumerate() {
            at.entry(*hash).or_default().push(place);
        }
        let last = these.iter().filter_map(|hash| Some(self.known.get(hash)?.max_op)).max();
        let mut order: Vec<(&ChangeHash, &Known)> =
            self.known.iter().filter(|(_, known)| Some(known.max_op) <= last).collect();
        order.sort_unstable_by_key(|(_, known)| known.max_op);
        // Of each change the marks of what it was made on, itself with them.
        let mut marks: BTreeMap<&ChangeHash, Vec<u64>> = BTreeMap::new();
        let mut found = vec![Vec::new(); these.len()];
        for (hash, known) in order {
            let mut past = vec![0_u64; words];
            for dep in known.deps.iter().filter_map(|dep| marks.get(dep)) {
                past.iter_mut().zip(dep).for_each(|(mine, theirs)| *mine |= theirs);
            }
            let places = at.get(hash).map(Vec::as_slice).unwrap_or_default();
            let has = |place: &usize| past[place / BITS] & (1 << (place % BITS)) != 0;
            let seen: Vec<usize> =
                (0..if places.is_empty() { 0 } else { these.len() }).filter(has).collect();
            for place in places {
                found[*place].clone_from(&seen);
            }
            for place in places {
                past[place / BITS] |= 1 << (place % BITS);
            }
            marks.insert(hash, past);
        }
        found
    }

    /// Returns every change that is an ancestor of one of these, and these.
    pub(crate) fn ancestors(&self, of: &[ChangeHash]) -> std::collections::BTreeSet<ChangeHash> {
        let mut seen = std::collections::BTreeSet::new();
        let mut stack = of.to_vec();
        while let Some(hash) = stack.pop() {
            if let Some(known) = self.known.get(&hash)
                && seen.insert(hash)
            {
                stack.extend(&known.deps);
            }
        }
        seen
    }
}

/// Returns the computed changes of a shape, computed once while it is in use. A pure function's
/// outcome: whether it was kept changes nothing but time.
fn first(shape: &Shape, schema: u32) -> First {
    static KEPT: Mutex<VecDeque<(Shape, u32, First)>> = Mutex::new(VecDeque::new());
    let held = |kept: &VecDeque<(Shape, u32, First)>| {
        let found = kept.iter().find(|(known, at, _)| *at == schema && known == shape);
        found.map(|(_, _, first)| Arc::clone(first))
    };
    if let Some(first) = held(&KEPT.lock().unwrap_or_else(PoisonError::into_inner)) {
        return first;
    }
    // Computed outside the lock, so that documents of other shapes do not wait.
    let first = Arc::new(Computed::of(shape, schema));
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if held(&kept).is_none() {
        kept.truncate(FIRST_KEPT_MAX - 1);
        kept.push_front((shape.clone(), schema, Arc::clone(&first)));
    }
    first
}

/// Returns the layout of a document by the computed changes that it holds; none when it begins with
/// another first change, or holds what a newer program computed.
fn layout_held(shape: &Shape, known: &BTreeMap<ChangeHash, Known>) -> Option<Layout> {
    let computed = known.values().filter(|known| known.actor == FIRST_ACTOR).count();
    for schema in (0..=BORN).rev() {
        let first = first(shape, schema);
        if !known.contains_key(&first.layout.first) {
            continue;
        }
        let added = first.addition.as_ref().filter(|added| known.contains_key(&added.hash));
        return match (added, computed) {
            (Some(added), 2) => Some(added.layout.clone()),
            (None, 1) => Some(first.layout.clone()),
            _ => None,
        };
    }
    None
}

/// Runs something that a panic of Automerge must not escape from. The caller discards whatever the
/// closure was changing when this returns nothing.
pub(crate) fn contain<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

pub(crate) fn to_automerge(hash: &ChangeHash) -> automerge::ChangeHash {
    automerge::ChangeHash(hash.0)
}

pub(crate) fn heads_of(doc: &Automerge) -> Vec<ChangeHash> {
    let mut heads: Vec<ChangeHash> =
        doc.get_heads().into_iter().map(|hash| ChangeHash(hash.0)).collect();
    heads.sort_unstable();
    heads
}

pub(crate) fn save_automerge(doc: &Automerge) -> Vec<u8> {
    doc.save_with_options(SaveOptions { deflate: false, retain_orphans: false })
}

/// Returns all changes of a saved document, causes before effects; none where it does not load.
pub(crate) fn changes_in(saved: &[u8]) -> Option<Vec<RawChange>> {
    let changes = contain(|| load_automerge(saved).map(|doc| doc.get_changes(&[])))?.ok()?;
    changes.iter().map(|change| RawChange::inspect(change.raw_bytes().to_vec()).ok()).collect()
}

/// Loads strictly: everything or nothing, heads checked, texts counted in code points everywhere.
pub(crate) fn load_automerge(bytes: &[u8]) -> Result<Automerge, automerge::AutomergeError> {
    let options = LoadOptions::new()
        .on_partial_load(OnPartialLoad::Error)
        .verification_mode(VerificationMode::Check)
        .text_encoding(TextEncoding::UnicodeCodePoint);
    Automerge::load_with_options(bytes, options)
}

fn claimed_schema(doc: &Automerge) -> Option<u32> {
    let (value, _) = doc.get(automerge::ROOT, "schema").ok()??;
    value.as_i64().and_then(|schema| u32::try_from(schema).ok())
}

fn known_changes(doc: &Automerge) -> BTreeMap<ChangeHash, Known> {
    doc.get_changes_meta(&[])
        .into_iter()
        .map(|meta| {
            let known = Known {
                actor: meta.actor.to_bytes().to_vec(),
                seq: meta.seq,
                max_op: meta.max_op,
                at: Timestamp(meta.timestamp),
                deps: meta.deps.iter().map(|hash| ChangeHash(hash.0)).collect(),
            };
            (ChangeHash(meta.hash.0), known)
        })
        .collect()
}

fn tips_of(known: &BTreeMap<ChangeHash, Known>) -> BTreeMap<Vec<u8>, (u64, ChangeHash)> {
    let mut tips: BTreeMap<Vec<u8>, (u64, ChangeHash)> = BTreeMap::new();
    for (hash, change) in known {
        let tip = tips.entry(change.actor.clone()).or_insert((change.seq, *hash));
        if change.seq > tip.0 {
            *tip = (change.seq, *hash);
        }
    }
    tips
}
