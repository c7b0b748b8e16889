//! The hub's log: what each record of its journal gives to it. Computed with the record's other rows, so
//! nothing is stored without its leaf, and an index that is made anew gives the same tree.

use super::Step;
use crate::model::Timestamp;
use crate::replica::facts::{Fact, Quarantined};
use crate::replica::rows::{self, LOG_EPOCH, LOG_LEAF, LOG_STORED, LogEpochRow, SelfRow, meta};
use crate::store::{Record, StoreError};
use crate::sync::{Pack, Verdict};
use crate::trust::log::{LogEntry, LogLeaf, Refusal};
use crate::trust::merkle::{Frontier, TreeHash};

/// The context in which a record is hashed for its leaf.
const RECORD_CONTEXT: &str = "bienban 2026-11 logged record";

/// Returns what leaves say of a record: the hash of its kind and payload.
pub(in crate::replica) fn record_hash(record: &Record) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(RECORD_CONTEXT);
    hasher.update(&[record.kind]).update(&record.payload);
    *hasher.finalize().as_bytes()
}

impl Step<'_> {
    /// Appends to the log what a record gives to it. A phone has no log: one begins with the first record
    /// that only a hub writes.
    pub(super) fn log(&mut self, fact: &Fact, record: &Record) -> Result<(), StoreError> {
        if let Fact::Born { .. } = fact {
            self.index.put(rows::single(meta::BIRTH), &record_hash(record));
            return Ok(());
        }
        if is_phones(fact) {
            return Ok(());
        }
        let key = rows::single(meta::LOG);
        let begun: Option<Frontier> = self.index.get(&key)?;
        if begun.is_none() && !is_hubs(fact) {
            return Ok(());
        }
        let mut tree = begun.unwrap_or_default();
        if tree.size() == 0 {
            let entry = LogEntry::Begun { epoch: self.epoch()? };
            let birth = self.index.get(&rows::single(meta::BIRTH))?.unwrap_or_default();
            self.append(&mut tree, &LogLeaf { record: birth, at: Timestamp::default(), entry });
        }
        self.describe(fact);
        let (record, at) = (record_hash(record), time_of(fact));
        for entry in std::mem::take(&mut self.said) {
            self.note(&entry, tree.size());
            self.append(&mut tree, &LogLeaf { record, at, entry });
        }
        self.index.put(key, &tree);
        Ok(())
    }

    /// Adds what kinds of records give whose projection said nothing.
    fn describe(&mut self, fact: &Fact) {
        match fact {
            Fact::Merged { document, merged, .. } => {
                let packs = merged.len() as u64;
                self.said.push(LogEntry::Merged { document: *document, packs });
            }
            Fact::Closed { document, lines, .. } => {
                let lines = lines.len() as u64;
                self.said.push(LogEntry::Closed { document: *document, lines });
            }
            Fact::Published { bytes } => {
                let template = crate::checklist::Template::parse(bytes).ok();
                let template = template.map(|template| template.id());
                self.said.push(LogEntry::Published { template });
            }
            Fact::Trusted { entry } => {
                let (device, active) = (entry.device, entry.active);
                self.said.push(LogEntry::Trusted { device, active });
            }
            _ => {}
        }
        // Whatever a record is, it has a leaf, so that none can be changed unseen.
        if self.said.is_empty() {
            self.said.push(LogEntry::Recorded { kind: self.kind });
        }
    }

    /// Puts the rows by which entries are found.
    fn note(&mut self, entry: &LogEntry, leaf: u64) {
        match entry {
            LogEntry::Epoch { epoch, continues, .. } => {
                let row = LogEpochRow { leaf, continues: *continues };
                self.index.put(rows::key(LOG_EPOCH, &[epoch]), &row);
                self.index.remove(rows::single(meta::SURPASSED));
            }
            LogEntry::Stored { document, actor, seq, .. } => {
                self.index.put(rows::of_seq(LOG_STORED, *document, *actor, *seq), &leaf);
            }
            LogEntry::Surpassed { .. } => self.index.put(rows::single(meta::SURPASSED), &()),
            _ => {}
        }
    }

    fn append(&mut self, tree: &mut Frontier, leaf: &LogLeaf) {
        let bytes = leaf.encode();
        let key = rows::of_number(LOG_LEAF, tree.size());
        let completed = tree.append(TreeHash::of_leaf(&bytes));
        self.index.above.put(key, bytes);
        // A leaf's hash is that of its bytes and needs no row.
        for (name, hash) in completed.into_iter().filter(|(name, _)| name.level > 0) {
            self.index.put(rows::of_log_node(name), &hash);
        }
    }

    fn epoch(&self) -> Result<[u8; 16], StoreError> {
        let owner: Option<SelfRow> = self.index.get(&rows::single(meta::SELF))?;
        Ok(owner.map_or([0; 16], |owner| owner.incarnation.0))
    }

    /// Says that a new life of the store begins, and how far its log is known to be whole.
    pub(super) fn say_epoch(
        &mut self,
        epoch: [u8; 16],
        lost: u64,
        loses: bool,
    ) -> Result<(), StoreError> {
        let surpassed: Option<()> = self.index.get(&rows::single(meta::SURPASSED))?;
        let tree: Option<Frontier> = self.index.get(&rows::single(meta::LOG))?;
        let known = tree.filter(|_| !loses && surpassed.is_none());
        let continues = known.map_or(0, |tree| tree.size());
        self.said.push(LogEntry::Epoch { epoch, lost, continues });
        Ok(())
    }

    /// Says that a pack was stored.
    pub(super) fn say_stored(&mut self, from: crate::model::DeviceId, pack: &Pack) {
        self.said.push(LogEntry::Stored {
            from,
            device: pack.device(),
            document: pack.document(),
            actor: pack.actor(),
            seq: pack.last_seq(),
            hash: pack.tip_hash(),
        });
    }

    /// Says that a pack was set aside.
    pub(super) fn say_refused(&mut self, entry: &Quarantined) {
        let notice = &entry.notice;
        self.said.push(LogEntry::Refused {
            device: entry.device,
            document: notice.document,
            actor: notice.actor,
            seq: notice.seq,
            hash: notice.hash,
            why: refusal(notice.verdict),
        });
    }
}

/// Whether a record is of a kind that only a phone writes.
fn is_phones(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Changed { .. }
            | Fact::Released { .. }
            | Fact::Received { .. }
            | Fact::Receipted { .. }
            | Fact::Noticed { .. }
            | Fact::Forked { .. }
            | Fact::Adopted { .. }
            | Fact::Lagging
            | Fact::Met { .. }
            | Fact::Declined { .. }
            | Fact::Rejected { .. }
            | Fact::Restored { .. }
            | Fact::Lacking { .. }
            | Fact::HeldBack { .. }
            | Fact::Returned { .. }
            | Fact::Followed { .. }
            | Fact::Kept { .. }
            | Fact::Witnessed { .. }
            | Fact::Doubted { .. }
            | Fact::Acted { .. }
            | Fact::Dropped { .. }
            | Fact::Reminded { .. }
            | Fact::Marked { .. }
            | Fact::Signed { .. }
            | Fact::HeardSeal { .. }
            | Fact::SealAnswered { .. }
    )
}

/// Whether a record is of a kind that only a hub writes.
fn is_hubs(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Accepted { .. }
            | Fact::Merged { .. }
            | Fact::Published { .. }
            | Fact::Trusted { .. }
            | Fact::Closed { .. }
            | Fact::Audited { .. }
            | Fact::Controlled { .. }
            | Fact::BackedUp { .. }
            | Fact::Presented { .. }
            | Fact::SealRefused { .. }
    )
}

/// Returns when a record of a hub was made, as far as it says.
fn time_of(fact: &Fact) -> Timestamp {
    match fact {
        Fact::Incarnated { at, .. }
        | Fact::Accepted { at, .. }
        | Fact::Merged { at, .. }
        | Fact::Closed { at, .. }
        | Fact::Troubled { at, .. }
        | Fact::Acknowledged { at, .. }
        | Fact::Audited { at, .. }
        | Fact::Presented { at, .. }
        | Fact::SealRefused { at, .. }
        | Fact::BackedUp { at, .. } => *at,
        _ => Timestamp::default(),
    }
}

/// Returns a verdict as the log names it.
pub(in crate::replica) fn refusal(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Equivocation => Refusal::Equivocation,
        Verdict::Poison => Refusal::Poison,
        Verdict::ChainBroken => Refusal::ChainBroken,
        Verdict::NotAllowed => Refusal::NotAllowed,
        Verdict::Orphan => Refusal::Orphan,
        Verdict::OverQuota => Refusal::OverQuota,
        Verdict::Unreadable => Refusal::Unreadable,
        Verdict::OnRefused => Refusal::OnRefused,
        Verdict::Full => Refusal::Full,
    }
}
