//! What phone and hub share: loading one document, lists from summary rows, objects, devices.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::ReplicaError;
use super::facts::{Fact, PackPlace};
use super::records::{Recent, Records};
use super::rows::{
    self, BASE, BaseRow, DEVICE, DOCUMENT, DocumentRow, OBJECT, ORDER, SOURCE, STALE, SUMMARY,
    SelfRow, Source, Totals, VisitRow, meta,
};
use crate::checklist::Template;
use crate::model::{
    Actor, Applied, ChangeHash, DeviceId, Document, DocumentId, Genesis, Kind, RawChange, Scope,
    Shape, Summary, TemplateId,
};
use crate::store::{Read, Store, StoreError, Writes};
use crate::sync::{ClosedLine, DeviceEntry, FeedItem, Pack};
use crate::trust::Attestation;

/// A saved document is renewed after this many sources, so that opening one applies few changes and
/// recording an answer does not rewrite the document each time.
pub(super) const BASE_EVERY: usize = 32;

/// Rows of one page of a scan: bounded memory, few calls.
const PAGE_ROWS: usize = 512;

/// Checklists kept once parsed: they never change, and a device works with few at a time.
const TEMPLATES_KEPT_MAX: usize = 4;

/// A store seen as documents.
pub struct Replica {
    store: Arc<dyn Store>,
    loads: AtomicU64,
    templates: Mutex<VecDeque<(TemplateId, Arc<Template>)>>,
    /// Held while a part of the journal is shortened: one after the other.
    pub(super) condensing: Mutex<()>,
    /// Records that merges read one after the other.
    recent: Arc<Recent>,
}

/// Which part of a list to read.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Continue after this summary, as the previous page returned it.
    pub after: Option<(i64, DocumentId)>,
    /// Only this administrative unit.
    pub scope: Option<Scope>,
    /// At most this many.
    pub limit: usize,
}

/// What a document is made from.
pub(super) struct Gathered {
    pub(super) genesis: Genesis,
    pub(super) shape: Shape,
    /// Its saved form, if there is one and it was asked for.
    pub(super) base: Option<Vec<u8>>,
    /// Changes on top of it.
    pub(super) changes: Vec<RawChange>,
    /// Key of the last source.
    pub(super) upto: Option<Vec<u8>>,
    /// Sources on top of the saved form.
    pub(super) fresh: usize,
    /// A source is lost.
    pub(super) missing: bool,
}

/// A document and what it takes to save it.
pub(super) struct Loaded {
    pub(super) document: Document,
    /// Key of the last source applied.
    pub(super) upto: Option<Vec<u8>>,
    /// Sources applied on top of the saved document.
    pub(super) fresh: usize,
    /// Nothing is waiting for causes or refused, so the saved form may move forward.
    pub(super) whole: bool,
}

impl Replica {
    /// Takes a store opened with [`super::Projection`].
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            loads: AtomicU64::new(0),
            templates: Mutex::default(),
            condensing: Mutex::default(),
            recent: Arc::default(),
        }
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns whether the store takes writes at the moment, as far as it knows without one.
    pub(super) fn takes_writes(&self) -> bool {
        self.store.derive(Writes::default()).is_ok()
    }

    /// Records for a merge: large ones that merges read lately are at hand, and those that it reads will be.
    pub(super) fn records_to_merge(&self) -> Records {
        Records::beside(&self.recent, true)
    }

    /// Records of which those are at hand that merges read lately.
    pub(super) fn records(&self) -> Records {
        Records::beside(&self.recent, false)
    }

    /// Nothing waits to be merged: records are held no longer.
    pub(super) fn forget_records(&self) {
        self.recent.clear();
    }

    /// Returns how many documents were loaded since the store was opened: lists, accepting packs
    /// and serving the feed must not move it.
    #[must_use]
    pub fn documents_loaded(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// Returns whose store this is.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn owner(&self) -> Result<Option<SelfRow>, StoreError> {
        rows::get(&*self.store, &rows::single(meta::SELF))
    }

    /// Returns how many records the store has lost, if what was found at its opening calls for a
    /// fresh incarnation: files that were restored or copied, or losses not yet accounted for.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub(super) fn disturbed(&self) -> Result<Option<u64>, StoreError> {
        let opened = self.store.opened();
        let lost = opened.lost.len() as u64;
        let known: Option<u64> = rows::get(&*self.store, &rows::single(meta::LOST))?;
        // While a renewal is under way, the row is none of these.
        Ok((opened.moved || lost != known.unwrap_or(0)).then_some(lost))
    }

    /// Returns counts for status pages.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn totals(&self) -> Result<Totals, StoreError> {
        Ok(rows::get(&*self.store, &rows::single(meta::TOTALS))?.unwrap_or_default())
    }

    /// Returns what a document was born as.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::UnknownDocument`] when it is not here.
    pub fn genesis(&self, document: DocumentId) -> Result<Genesis, ReplicaError> {
        rows::get::<DocumentRow>(&*self.store, &rows::of_document(DOCUMENT, document))?
            .map(|row| row.genesis)
            .ok_or(ReplicaError::UnknownDocument { document })
    }

    /// Returns what the documents were born as whose names begin with these hexadecimal digits, at
    /// most `limit`, in the order of names. Loads no document.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn named(
        &self,
        digits: &str,
        limit: usize,
    ) -> Result<Vec<(DocumentId, Genesis)>, StoreError> {
        let digits = digits.to_ascii_lowercase();
        let whole = digits.get(..digits.len() / 2 * 2).unwrap_or_default();
        let Ok(bytes) = hex::decode(whole) else { return Ok(Vec::new()) };
        let prefix = rows::key(DOCUMENT, &[&bytes]);
        let mut found = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        while found.len() < limit {
            let page = self.store.scan(&prefix, after.as_deref(), PAGE_ROWS)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, value) in &page {
                let Some(document) = rows::document_in(key) else { continue };
                if found.len() < limit && document.to_string().starts_with(&digits) {
                    found.push((document, rows::decode::<DocumentRow>(key, value)?.genesis));
                }
            }
        }
        Ok(found)
    }

    /// Returns a checklist.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::UnknownTemplate`] when it has not arrived.
    pub fn template(&self, template: TemplateId) -> Result<Template, ReplicaError> {
        Ok((*self.parsed(template)?).clone())
    }

    fn parsed(&self, template: TemplateId) -> Result<Arc<Template>, ReplicaError> {
        let kept = || self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept().iter().find(|(id, _)| *id == template).map(|(_, read)| read.clone());
        if let Some(read) = found {
            return Ok(read);
        }
        let bytes = self.object(template)?.ok_or(ReplicaError::UnknownTemplate { template })?;
        let read = Template::parse(&bytes)
            .map_err(|source| ReplicaError::Template { template, source: Arc::new(source) })?;
        let read = Arc::new(read);
        let mut kept = kept();
        kept.truncate(TEMPLATES_KEPT_MAX - 1);
        kept.push_front((template, read.clone()));
        Ok(read)
    }

    /// Returns the bytes of an immutable object.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn object(&self, template: TemplateId) -> Result<Option<Vec<u8>>, StoreError> {
        rows::get(&*self.store, &rows::key(OBJECT, &[&template.0]))
    }

    /// Returns the names of all checklists here.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn templates(&self) -> Result<Vec<TemplateId>, StoreError> {
        let rows = self.store.scan(&[OBJECT], None, PAGE_ROWS)?;
        let name = |(key, _): &(Vec<u8>, _)| Some(TemplateId(key.get(1..)?.try_into().ok()?));
        Ok(rows.iter().filter_map(name).collect())
    }

    /// Returns a device that this replica was told of.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn device(&self, device: DeviceId) -> Result<Option<DeviceEntry>, StoreError> {
        rows::get(&*self.store, &rows::key(DEVICE, &[&device.0]))
    }

    /// Returns all devices that this replica was told of.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn devices(&self) -> Result<Vec<DeviceEntry>, StoreError> {
        let mut devices = Vec::new();
        each_row(&*self.store, &[DEVICE], None, |key, value| {
            devices.push(rows::decode(key, value)?);
            Ok(())
        })?;
        Ok(devices)
    }

    /// Returns who stands behind an actor of a document, if the actor's tip is held.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn author(
        &self,
        document: DocumentId,
        actor: Actor,
    ) -> Result<Option<DeviceId>, StoreError> {
        let tip: Option<rows::TipRow> =
            rows::get(&*self.store, &rows::of_actor(rows::TIP, document, actor))?;
        if let Some(tip) = tip {
            return Ok(Some(tip.attestation.device));
        }
        if let Some(carried) = self.carried_tip(document, actor)? {
            return Ok(Some(carried.device));
        }
        // An actor of our own that has released nothing yet.
        let Some(owner) = self.owner()? else { return Ok(None) };
        let key = rows::of_actor(rows::ARRIVAL, document, actor);
        let own = rows::get::<rows::ArrivalRow>(&*self.store, &key)?;
        Ok(own.map(|_| owner.device))
    }

    /// Opens a document, by loading just this one: what the hub confirmed, own edits, and on top what
    /// other phones brought.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::UnknownDocument`], [`ReplicaError::UnknownTemplate`], or
    /// [`ReplicaError::Document`] when its bytes do not load.
    pub fn load(&self, document: DocumentId) -> Result<Document, ReplicaError> {
        let loaded = self.load_whole(document)?;
        Ok(self.with_carried(document, &loaded.document)?.unwrap_or(loaded.document))
    }

    /// Returns the summaries of a kind, the most recently changed first. Loads no document.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn list(&self, kind: Kind, query: &ListQuery) -> Result<Vec<Summary>, StoreError> {
        let prefix = [ORDER, kind.number()];
        let after = query.after.map(|(updated, document)| {
            rows::of_order(kind, crate::model::Timestamp(updated), document)
        });
        let mut found = Vec::new();
        let mut at = after;
        while found.len() < query.limit {
            let page = self.store.scan(&prefix, at.as_deref(), PAGE_ROWS.min(query.limit))?;
            let Some((last, _)) = page.last() else { break };
            at = Some(last.clone());
            for (key, _) in &page {
                let Some(document) = key.get(10..42).and_then(|id| id.try_into().ok()) else {
                    continue;
                };
                let Some(summary) = self.summary(DocumentId(document))? else { continue };
                let wanted = query.scope.as_ref().is_none_or(|scope| *scope == summary.scope);
                if wanted && found.len() < query.limit {
                    found.push(summary);
                }
            }
        }
        Ok(found)
    }

    /// Returns the summary of a document. Loads no document.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn summary(&self, document: DocumentId) -> Result<Option<Summary>, StoreError> {
        let key = rows::of_document(SUMMARY, document);
        let Some(bytes) = self.store.get(&key)? else { return Ok(None) };
        Summary::decode(&bytes).map(Some).map_err(|_| StoreError::Damaged {
            what: format!("the summary of document {}", document.short()),
        })
    }

    /// Renews at most `limit` summaries that are behind (after a crash or rebuild, or after what the
    /// hub sent). Returns how many were renewed.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when the store fails. A document that cannot be opened yet stays
    /// behind and does not stop the others.
    pub fn refresh(&self, limit: usize) -> Result<usize, ReplicaError> {
        self.refresh_in_turns(limit, || Ok(()))
    }

    /// As [`Self::refresh`], in turns: what `turn` returns is held for one document, and let go of
    /// before the next.
    pub(super) fn refresh_in_turns<T>(
        &self,
        limit: usize,
        turn: impl Fn() -> Result<T, ReplicaError>,
    ) -> Result<usize, ReplicaError> {
        let mut renewed = 0;
        let mut records = Records::default();
        let mut after: Option<Vec<u8>> = None;
        while renewed < limit {
            let page = self.store.scan(&[STALE], after.as_deref(), PAGE_ROWS)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, _) in &page {
                if renewed == limit {
                    break;
                }
                let Some(document) = rows::document_in(key) else { continue };
                let _held = turn()?;
                // An edit may have renewed it between two turns.
                if self.store.get(key)?.is_none() {
                    continue;
                }
                match self.load_from(&mut records, document) {
                    Ok(mut loaded) => match self.renew(document, &mut loaded) {
                        Ok(()) => renewed += 1,
                        // Reading goes on while the disk is full; lists show the state before.
                        Err(ReplicaError::Store(StoreError::Full { .. })) => return Ok(renewed),
                        Err(error) => return Err(error),
                    },
                    Err(ReplicaError::Store(error)) => return Err(error.into()),
                    Err(_) => {}
                }
            }
        }
        Ok(renewed)
    }

    /// Renews the summary of one document, if it is behind and can be opened.
    pub(super) fn refresh_one(&self, document: DocumentId) -> Result<(), ReplicaError> {
        if self.store.get(&rows::of_document(STALE, document))?.is_none() {
            return Ok(());
        }
        match self.load_whole(document) {
            Ok(mut loaded) => match self.renew(document, &mut loaded) {
                // Reading goes on while the disk is full; lists show the state before.
                Err(ReplicaError::Store(StoreError::Full { .. })) => Ok(()),
                renewed => renewed,
            },
            Err(ReplicaError::Store(error)) => Err(error.into()),
            Err(_) => Ok(()),
        }
    }

    /// Returns the first change's shape of a document.
    pub(super) fn shape(&self, genesis: &Genesis) -> Result<Shape, ReplicaError> {
        Ok(match (genesis.kind, genesis.template) {
            (Kind::Facility, _) => Shape::Facility,
            (Kind::Plan, _) => Shape::Plan,
            (Kind::Review, _) => Shape::Review,
            (Kind::Followup, _) => Shape::Followup,
            (Kind::Inspection, Some(template)) => self.parsed(template)?.shape(),
            (Kind::Inspection, None) => {
                return Err(ReplicaError::UnknownTemplate { template: TemplateId([0; 32]) });
            }
        })
    }

    /// As [`Self::shape`], for a document whose checklist arrives with it.
    pub(super) fn shape_with(
        &self,
        genesis: &Genesis,
        arrived: &[FeedItem],
    ) -> Result<Shape, ReplicaError> {
        let here = self.shape(genesis);
        let (Err(ReplicaError::UnknownTemplate { .. }), Some(wanted)) = (&here, genesis.template)
        else {
            return here;
        };
        for item in arrived {
            if let FeedItem::Object { bytes } = item
                && let Ok(parsed) = Template::parse(bytes)
                && parsed.id() == wanted
            {
                return Ok(parsed.shape());
            }
        }
        here
    }

    /// Makes a document that holds only its computed first change.
    pub(super) fn empty(&self, genesis: &Genesis) -> Result<Document, ReplicaError> {
        Ok(Document::create(genesis, &self.shape(genesis)?))
    }

    /// Loads a document with what it takes to save it again.
    pub(super) fn load_whole(&self, document: DocumentId) -> Result<Loaded, ReplicaError> {
        self.load_from(&mut Records::default(), document)
    }

    /// As [`Self::load_whole`], as one of many documents whose changes lie in the same records.
    fn load_from(
        &self,
        records: &mut Records,
        document: DocumentId,
    ) -> Result<Loaded, ReplicaError> {
        let mut gathered = self.gather(records, document, true)?;
        let saved = gathered
            .base
            .as_ref()
            .map(|bytes| Document::load(&gathered.genesis, &gathered.shape, bytes));
        let mut loaded = match saved {
            Some(Ok(saved)) => saved,
            // A saved form that does not load is only a cache: start from the sources.
            Some(Err(_)) => {
                gathered = self.gather(records, document, false)?;
                Document::create(&gathered.genesis, &gathered.shape)
            }
            None => Document::create(&gathered.genesis, &gathered.shape),
        };
        let Applied { waiting, refused, .. } = loaded.replay(&gathered.changes);
        let Gathered { upto, fresh, missing, .. } = gathered;
        let whole = !missing && waiting.is_empty() && refused.is_empty();
        Ok(Loaded { document: loaded, upto, fresh, whole })
    }

    /// Reads what a document is made from: its saved form, unless it is to be made without, and the
    /// changes that are not in it. Opens no document of the hub.
    pub(super) fn gather(
        &self,
        records: &mut Records,
        document: DocumentId,
        with_base: bool,
    ) -> Result<Gathered, ReplicaError> {
        let genesis = self.genesis(document)?;
        self.loads.fetch_add(u64::from(with_base), Ordering::Relaxed);
        let shape = self.shape(&genesis)?;
        let base: Option<BaseRow> = if with_base {
            rows::get(&*self.store, &rows::of_document(BASE, document))?
        } else {
            None
        };
        let (base, mut upto) = match base {
            Some(base) => (Some(base.bytes), Some(base.upto)),
            None => (None, None),
        };
        let mut changes = Vec::new();
        let mut fresh = 0;
        let mut missing = false;
        let followed = self.followed(document)?;
        let prefix = rows::of_document(SOURCE, document);
        let start = upto.clone();
        each_row(&*self.store, &prefix, start, |key, value| {
            fresh += 1;
            upto = Some(key.to_vec());
            let source = rows::decode(key, value)?;
            match self.changes(records, key, source, (&genesis, &shape)) {
                Ok(more) => {
                    changes.extend(more.into_iter().filter(|c| stands(&followed, key, source, c)))
                }
                // A record that is lost: what builds on it waits until a peer brings it again.
                Err(StoreError::Damaged { .. }) => missing = true,
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        let closed = self.closed(document)?;
        changes.retain(|change| !is_closed(&closed, change));
        Ok(Gathered { genesis, shape, base, changes, upto, fresh, missing })
    }

    /// Returns the lines of a document that end in the record, by actor.
    pub(super) fn closed(&self, document: DocumentId) -> Result<ClosedLines, StoreError> {
        let mut lines = ClosedLines::new();
        each_row(&*self.store, &rows::of_document(rows::CLOSED, document), None, |key, value| {
            let line: ClosedLine = rows::decode(key, value)?;
            lines.insert(line.actor, line);
            Ok(())
        })?;
        Ok(lines)
    }

    /// Returns the lines of a document that were forked, and up to which record sources hold another
    /// line of their actors than the hub's.
    pub(super) fn followed(&self, document: DocumentId) -> Result<FollowedLines, StoreError> {
        let mut lines = FollowedLines::new();
        each_row(&*self.store, &rows::of_document(rows::FOLLOWED, document), None, |key, at| {
            if let Some(actor) = rows::actor_in(key) {
                lines.insert(actor, rows::decode(key, at)?);
            }
            Ok(())
        })?;
        Ok(lines)
    }

    /// Reads the changes that one source of a document brings.
    pub(super) fn source_changes(
        &self,
        records: &mut Records,
        key: &[u8],
        source: Source,
        genesis: &Genesis,
    ) -> Result<Vec<RawChange>, ReplicaError> {
        let shape = self.shape(genesis)?;
        Ok(self.changes(records, key, source, (genesis, &shape))?)
    }

    fn changes(
        &self,
        records: &mut Records,
        key: &[u8],
        source: Source,
        (genesis, shape): (&Genesis, &Shape),
    ) -> Result<Vec<RawChange>, StoreError> {
        let place = rows::place_in(key)
            .ok_or_else(|| StoreError::Damaged { what: "a source row's key".to_owned() })?;
        let damaged = |at: u64| StoreError::Damaged { what: format!("journal record {at}") };
        match source {
            Source::Change => Ok(vec![records.change(&*self.store, place.at)?]),
            Source::Resubmitted { index } => match records.fact(&*self.store, place.at)? {
                Fact::Adopted { resubmitted, .. } => {
                    let bytes = resubmitted.get(index as usize).ok_or_else(|| damaged(place.at))?;
                    let change = RawChange::inspect(bytes.clone());
                    Ok(vec![change.map_err(|_| damaged(place.at))?])
                }
                _ => Err(damaged(place.at)),
            },
            Source::Pack(pack) => {
                let bytes = records.pack(&*self.store, pack)?;
                Ok(Pack::decode(&bytes).map_err(|_| damaged(pack.at))?.into_changes())
            }
            Source::Snapshot { at, index } => {
                let Fact::Received { items, .. } = records.fact(&*self.store, at)? else {
                    return Err(damaged(at));
                };
                let Some(FeedItem::Snapshot(snapshot)) = items.get(index as usize) else {
                    return Err(damaged(at));
                };
                let saved =
                    Document::load(genesis, shape, &snapshot.bytes).map_err(|_| damaged(at))?;
                Ok(saved
                    .tips()
                    .iter()
                    .flat_map(|(actor, _, _)| saved.changes_of(actor, 1))
                    .collect())
            }
        }
    }

    /// Writes a document's summary, and its saved form when it has grown enough.
    pub(super) fn renew(
        &self,
        document: DocumentId,
        loaded: &mut Loaded,
    ) -> Result<(), ReplicaError> {
        let shown = self.with_carried(document, &loaded.document)?;
        let shown = shown.as_ref().unwrap_or(&loaded.document);
        let summary = self.summary_of(shown)?;
        let visits = super::visits::told_by(shown, &summary);
        let base = match &loaded.upto {
            Some(upto) if loaded.whole && loaded.fresh >= BASE_EVERY => Some(BaseRow {
                upto: upto.clone(),
                bytes: loaded.document.save(),
                attestations: self.attestations(document, loaded.document.tips())?,
            }),
            _ => None,
        };
        if base.is_some() {
            loaded.fresh = 0;
        }
        self.write_renewed(document, &summary, &visits, base.as_ref())
    }

    /// Writes what was read of a document, and its saved form if it is due.
    pub(super) fn write_renewed(
        &self,
        document: DocumentId,
        summary: &Summary,
        visits: &[(DocumentId, VisitRow)],
        base: Option<&BaseRow>,
    ) -> Result<(), ReplicaError> {
        let mut writes = Writes::default();
        let before = self.summary(document)?;
        // A row that says the same is left alone: whoever watches it would read the record again.
        if before.as_ref() != Some(summary) {
            if let Some(before) = before {
                writes.remove(rows::of_order(before.kind, before.updated_at, document));
            }
            let order = rows::of_order(summary.kind, summary.updated_at, document);
            writes.put(order, Vec::new());
            writes.put(rows::of_document(SUMMARY, document), summary.encode());
        }
        for (facility, row) in visits {
            rows::put(&mut writes, rows::of_visit(*facility, document), row);
        }
        writes.remove(rows::of_document(STALE, document));
        if let Some(base) = base {
            rows::put(&mut writes, rows::of_document(BASE, document), base);
        }
        self.store.derive(writes)?;
        Ok(())
    }

    /// Returns the proof of every actor's changes in a document, if all are held.
    pub(super) fn attestations(
        &self,
        document: DocumentId,
        tips: Vec<(Vec<u8>, u64, ChangeHash)>,
    ) -> Result<Option<Vec<Attestation>>, StoreError> {
        let mut records = Records::default();
        let mut proofs = Vec::new();
        for (actor, seq, hash) in tips {
            let Ok(actor) = actor.as_slice().try_into().map(Actor) else { return Ok(None) };
            let tip: Option<rows::TipRow> =
                rows::get(&*self.store, &rows::of_actor(rows::TIP, document, actor))?;
            if let Some(tip) = tip
                && tip.attestation.tip.seq == seq
            {
                proofs.push(tip.attestation);
                continue;
            }
            // More of this actor is held than is merged: the pack that ends here has its own proof.
            let key = rows::of_seq(rows::PACK, document, actor, seq);
            let Some(row) = rows::get::<rows::PackRow>(&*self.store, &key)? else {
                return Ok(None);
            };
            let bytes = records.pack(&*self.store, row.place)?;
            match Pack::decode(&bytes) {
                Ok(pack) if pack.tip_hash() == hash => proofs.push(pack.attestation()),
                _ => return Ok(None),
            }
        }
        Ok(Some(proofs))
    }

    /// Returns the bytes of a pack.
    pub(super) fn pack(&self, place: PackPlace) -> Result<Vec<u8>, StoreError> {
        Records::default().pack(&*self.store, place)
    }
}

/// The lines of a document that end in the record, by actor.
pub(super) type ClosedLines = BTreeMap<Actor, ClosedLine>;

/// The lines of a document that were forked, by actor, with a position in the journal.
pub(super) type FollowedLines = BTreeMap<Actor, u64>;

/// Returns whether a change that a source brings may stand in the document. It may not where it came
/// before the hub's own line of its actor took its place. Own edits that were made anew leave the
/// sources by themselves.
pub(super) fn stands(
    lines: &FollowedLines,
    key: &[u8],
    source: Source,
    change: &RawChange,
) -> bool {
    if lines.is_empty() || matches!(source, Source::Change | Source::Resubmitted { .. }) {
        return true;
    }
    let actor = change.facts().actor.as_slice().try_into().map(Actor);
    let since = actor.ok().and_then(|actor| lines.get(&actor));
    let place = rows::place_in(key);
    since.is_none_or(|since| place.is_none_or(|place| place.at >= *since))
}

/// Returns whether a change lies behind the end of its line.
pub(super) fn is_closed(lines: &ClosedLines, change: &RawChange) -> bool {
    let facts = change.facts();
    let actor = facts.actor.as_slice().try_into().map(Actor);
    let line = actor.ok().and_then(|actor| lines.get(&actor));
    line.is_some_and(|line| facts.seq >= line.from_seq)
}

/// Visits all rows of a prefix, a page at a time.
pub(super) fn each_row(
    rows: &dyn Read,
    prefix: &[u8],
    after: Option<Vec<u8>>,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = after;
    loop {
        let page = rows.scan(prefix, after.as_deref(), PAGE_ROWS)?;
        for (key, value) in &page {
            visit(key, value)?;
        }
        match page.last() {
            Some((key, _)) if page.len() == PAGE_ROWS => after = Some(key.clone()),
            _ => return Ok(()),
        }
    }
}
