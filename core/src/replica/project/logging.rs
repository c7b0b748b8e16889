//! The hub's log: what each record of its journal gives to it. Computed with the record's other rows, so
//! nothing is stored without its leaf, and an index that is made anew gives the same tree.

use super::Step;
use crate::model::{DeviceId, Timestamp};
use crate::replica::facts::{Fact, Quarantined};
use crate::replica::log::StoredNodes;
use crate::replica::rows::{self, LOG_LEAF, LOG_STORED, SelfRow, meta};
use crate::replica::short::{PackFacts, written_hash};
use crate::store::{Record, StoreError};
use crate::sync::Verdict;
use crate::trust::control::{ControlEntry, Deed, Whom};
use crate::trust::log::{Lives, LogEntry, LogLeaf, Refusal};
use crate::trust::merkle::{Frontier, TreeHash, root_at};

/// The context in which a record is hashed for its leaf.
const RECORD_CONTEXT: &str = "bienban 2026-11 logged record";

/// Returns what leaves say of a record: the hash of its kind and payload.
pub(in crate::replica) fn record_hash(record: &Record) -> [u8; 32] {
    // One that was shortened says what it was; the tree must stay what it was signed as.
    if let Some(written) = written_hash(record) {
        return written;
    }
    let mut hasher = blake3::Hasher::new_derive_key(RECORD_CONTEXT);
    hasher.update(&[record.kind]).update(&record.payload);
    *hasher.finalize().as_bytes()
}

/// The context in which the records before the log are hashed one after the other.
const BEFORE_CONTEXT: &str = "bienban 2026-11 records before the log";

impl Step<'_> {
    /// Appends to the log what a record gives to it. A phone has no log: one begins with the first record
    /// that only a hub writes. From there on every record has a leaf, of whatever kind it is; those before
    /// it are in the first leaf together.
    pub(super) fn log(&mut self, fact: &Fact, record: &Record) -> Result<(), StoreError> {
        let key = rows::single(meta::LOG);
        let begun: Option<Frontier> = self.index.get(&key)?;
        if begun.is_none() && !is_hubs(fact) {
            return self.note_before(record);
        }
        let mut tree = begun.unwrap_or_default();
        if tree.size() == 0 {
            let entry = LogEntry::Begun { epoch: self.epoch()? };
            let before = self.index.get(&rows::single(meta::BEFORE))?.unwrap_or_default();
            self.note(&entry, 0)?;
            self.append(&mut tree, &LogLeaf { record: before, at: Timestamp::default(), entry });
        }
        self.describe(fact);
        let (record, at) = (record_hash(record), time_of(fact));
        for entry in std::mem::take(&mut self.said) {
            self.note(&entry, tree.size())?;
            self.append(&mut tree, &LogLeaf { record, at, entry });
        }
        self.index.put(key, &tree);
        Ok(())
    }

    /// Takes a record that comes before the log into the hash that its first leaf will hold.
    fn note_before(&mut self, record: &Record) -> Result<(), StoreError> {
        let key = rows::single(meta::BEFORE);
        let before: [u8; 32] = self.index.get(&key)?.unwrap_or_default();
        let mut hasher = blake3::Hasher::new_derive_key(BEFORE_CONTEXT);
        hasher.update(&before).update(&record_hash(record));
        self.index.put(key, hasher.finalize().as_bytes());
        Ok(())
    }

    /// Leaves in what is said what the record itself says, and adds it for kinds whose projection says
    /// nothing. What a program makes of a record (whether it reads a checklist, whose rights a decision
    /// changes by its rules) is no part of a leaf: a later program must come to the same tree.
    fn describe(&mut self, fact: &Fact) {
        match fact {
            Fact::Accepted { .. } | Fact::Incarnated { .. } | Fact::Audited { .. } => {}
            Fact::Merged { document, merged, .. } => {
                let packs = merged.len() as u64;
                self.said.push(LogEntry::Merged { document: *document, packs });
            }
            _ => self.said = said_by(fact),
        }
        // Whatever a record is, it has a leaf, so that none can be changed unseen.
        if self.said.is_empty() {
            self.said.push(LogEntry::Recorded { kind: self.kind });
        }
    }

    /// Puts the rows by which entries are found.
    fn note(&mut self, entry: &LogEntry, leaf: u64) -> Result<(), StoreError> {
        if Lives::concern(entry) {
            let (owner, lives) = (rows::single(meta::SELF), rows::single(meta::LIVES));
            let mut known: Lives = self.index.get(&lives)?.unwrap_or_default();
            // A store that lost the record of its birth has no owner until it is opened.
            let owner: Option<SelfRow> = self.index.get(&owner)?;
            let mut keys: Vec<DeviceId> =
                self.index.get(&rows::single(meta::HUB_KEYS))?.unwrap_or_default();
            keys.extend(owner.map(|owner| owner.device));
            known.see(leaf, entry, &keys);
            self.index.put(lives, &known);
        }
        match entry {
            LogEntry::Epoch { .. } => {
                self.index.remove(rows::single(meta::SURPASSED));
                self.index.remove(rows::single(meta::OTHER_LOG));
            }
            LogEntry::Stored { document, actor, seq, .. } => {
                self.index.put(rows::of_seq(LOG_STORED, *document, *actor, *seq), &leaf);
            }
            LogEntry::Surpassed { .. } => self.index.put(rows::single(meta::SURPASSED), &()),
            _ => {}
        }
        Ok(())
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
        let other: Option<()> = self.index.get(&rows::single(meta::OTHER_LOG))?;
        let tree: Option<Frontier> = self.index.get(&rows::single(meta::LOG))?;
        let known = tree.filter(|_| !loses && surpassed.is_none() && other.is_none());
        let continues = known.map_or(0, |tree| tree.size());
        self.said.push(LogEntry::Epoch { epoch, lost, continues });
        Ok(())
    }

    /// Compares the log with what it was when the record was written: what was signed under this epoch then
    /// may not be what is computed now.
    pub(super) fn marked(&mut self, size: u64, root: TreeHash) -> Result<(), StoreError> {
        let tree: Option<Frontier> = self.index.get(&rows::single(meta::LOG))?;
        let longer = tree.is_some_and(|tree| tree.size() >= size);
        if !longer || root_at(&StoredNodes(self.index.below), size)? != root {
            self.index.put(rows::single(meta::OTHER_LOG), &());
        }
        self.index.put(rows::single(meta::MARKED), &size);
        Ok(())
    }

    /// Says that a pack was stored.
    pub(super) fn say_stored(&mut self, from: DeviceId, pack: &PackFacts) {
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

/// Returns what a record says by itself, whatever else is held.
fn said_by(fact: &Fact) -> Vec<LogEntry> {
    match fact {
        Fact::Closed { document, lines, .. } => {
            let lines = lines.len() as u64;
            vec![LogEntry::Closed { document: *document, lines }]
        }
        Fact::Published { bytes } => {
            vec![LogEntry::Object { hash: *blake3::hash(bytes).as_bytes() }]
        }
        Fact::Trusted { entry } => {
            vec![LogEntry::Trusted { device: entry.device, active: entry.active }]
        }
        Fact::Controlled { entries } => {
            // One that does not read is no part of any log; its projection has failed then.
            let read = entries.iter().filter_map(|bytes| ControlEntry::decode(bytes).ok());
            read.filter_map(|entry| entered(&entry)).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns what the log says of a decision that was entered.
fn entered(entry: &ControlEntry) -> Option<LogEntry> {
    let act = &entry.act.act;
    let whom = match &act.deed {
        Deed::Certify { device, .. } => Some(Whom::Device(*device)),
        Deed::Grant { person, .. } | Deed::Withdraw { person, .. } => Some(Whom::Person(*person)),
        Deed::Revoke { whom, .. } => Some(*whom),
        _ => None,
    };
    let scope = act.scope.clone();
    Some(LogEntry::Entered {
        act: act.id().ok()?,
        scope,
        by: act.by,
        deed: act.deed.number(),
        whom,
    })
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
            | Fact::Switched { .. }
            | Fact::Presented { .. }
            | Fact::SealRefused { .. }
            | Fact::SealUnentered { .. }
            | Fact::SealsSeen { .. }
            | Fact::Invited { .. }
            | Fact::Claimed { .. }
            | Fact::Denied { .. }
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
        | Fact::SealUnentered { at, .. }
        | Fact::SealsSeen { at, .. }
        | Fact::Invited { at, .. }
        | Fact::Claimed { at, .. }
        | Fact::Denied { at, .. }
        | Fact::Switched { at, .. }
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
