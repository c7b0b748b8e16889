//! What the hub signed: receipts, heads of its log, leaves in it; and what a witness's head says to that.

use super::lines::Line;
use super::{Continued, Fault, Point, Told};
use crate::model::{ChangeHash, DeviceId, DocumentId};
use crate::trust::HubReceipt;
use crate::trust::log::{LogEntry, LogLeaf, TreeHead};
use crate::trust::merkle::{TreeHash, verify_consistency, verify_inclusion};
use crate::trust::proof::{ExportedRecord, Grown, ProofPage, WitnessHead};

/// What the hub said of the lines of one document.
pub(super) struct Words<'r> {
    pub(super) keys: &'r [DeviceId],
    pub(super) document: DocumentId,
    pub(super) lines: &'r [Line],
    /// For each line when the hub took in how much of it.
    pub(super) points: Vec<Vec<Point>>,
}

impl Words<'_> {
    fn signed(&self, by: impl Fn(DeviceId) -> bool) -> bool {
        self.keys.iter().any(|key| by(*key))
    }

    /// Takes the hub's word on a change; nothing where the file holds another at that place.
    fn note(&mut self, actor: crate::model::Actor, hash: ChangeHash, point: Point) -> Option<bool> {
        let place = self.lines.iter().position(|line| line.actor == actor)?;
        let held = self.lines[place].at(point.seq)?;
        if held == hash {
            self.points[place].push(point);
        }
        Some(held == hash)
    }

    /// Checks the receipts.
    pub(super) fn receipts(&mut self, receipts: &[HubReceipt], faults: &mut Vec<Fault>) {
        for (place, receipt) in (1..).zip(receipts) {
            if !self.signed(|key| receipt.verify(key).is_ok()) {
                faults.push(Fault::ReceiptUnsigned { place });
                continue;
            }
            let document = self.document;
            for item in receipt.items.iter().filter(|item| item.document == document) {
                let (at, seq) = (receipt.stored_at, item.seq);
                let point = Point { seq, at, told: Told::Receipt };
                if self.note(item.actor, item.hash, point) == Some(false) {
                    faults.push(Fault::ReceiptElse { place, device: receipt.device, seq });
                }
            }
        }
    }

    /// Checks the leaves and the heads that they lead to.
    pub(super) fn pages(&mut self, pages: &[ProofPage], faults: &mut Vec<Fault>) {
        for page in pages {
            let size = page.head.size;
            if !self.signed(|key| page.head.verify(key).is_ok()) {
                faults.push(Fault::HeadUnsigned { size });
                continue;
            }
            for leaf in &page.leaves {
                let index = leaf.index;
                let hash = TreeHash::of_leaf(&leaf.leaf);
                if !verify_inclusion(hash, index, size, page.head.root, &leaf.path) {
                    faults.push(Fault::NotIncluded { index, size });
                } else if self.leaf(&leaf.leaf) != Some(true) {
                    faults.push(Fault::LeafElse { index });
                }
            }
        }
    }

    fn leaf(&mut self, bytes: &[u8]) -> Option<bool> {
        let LogLeaf { at, entry, .. } = LogLeaf::decode(bytes)?;
        let LogEntry::Stored { document, actor, seq, hash, device, .. } = entry else {
            return None;
        };
        let own = self.lines.iter().any(|line| line.actor == actor && line.device == device);
        if document != self.document || !own {
            return None;
        }
        self.note(actor, hash, Point { seq, at, told: Told::Log })
    }

    /// Checks that the newest head continues the others in the file.
    pub(super) fn growth(&self, record: &ExportedRecord, faults: &mut Vec<Fault>) {
        let Some(newest) = record.proofs.last().map(|page| page.head) else {
            let orphans = record.grown.iter().map(|grown| grown.from.size);
            faults.extend(orphans.map(|size| Fault::NotGrown { size, newest: 0 }));
            return;
        };
        for Grown { from, proof } in &record.grown {
            if !self.signed(|key| from.verify(key).is_ok()) {
                faults.push(Fault::HeadUnsigned { size: from.size });
            } else if !continues(from, &newest, proof) {
                faults.push(Fault::NotGrown { size: from.size, newest: newest.size });
            }
        }
        for page in &record.proofs {
            let shown = page.head.agrees(&newest)
                || record.grown.iter().any(|grown| grown.from.agrees(&page.head));
            if !shown {
                faults.push(Fault::NotGrown { size: page.head.size, newest: newest.size });
            }
        }
    }

    /// Says whether the file's log is the one that a witness was shown.
    pub(super) fn witness(&self, record: &ExportedRecord, witness: &WitnessHead) -> Continued {
        let seen = &witness.head;
        if !self.signed(|key| seen.verify(key).is_ok()) {
            let of_other = !self.signed(|key| key == witness.hub);
            return match of_other && seen.verify(witness.hub).is_ok() {
                true => Continued::OtherHub,
                false => Continued::Unsigned,
            };
        }
        let pages = record.proofs.iter().map(|page| page.head);
        let heads: Vec<TreeHead> =
            pages.chain(record.grown.iter().map(|grown| grown.from)).collect();
        let same_size = |head: &&TreeHead| (head.epoch, head.size) == (seen.epoch, seen.size);
        if heads.iter().filter(same_size).any(|head| head.root != seen.root) {
            return Continued::Contradicted;
        }
        let Some(newest) = record.proofs.last().map(|page| page.head) else {
            return Continued::NotShown;
        };
        // A log only grows: one that the hub signed later cannot be shorter in the same life of its store.
        let same_life = newest.epoch == seen.epoch;
        if same_life
            && (newest.size < seen.size && newest.at > seen.at
                || newest.size > seen.size && newest.at < seen.at)
        {
            return Continued::Contradicted;
        }
        let grown = record.grown.iter().find(|grown| grown.from.agrees(seen));
        let shown = grown.is_some_and(|grown| continues(seen, &newest, &grown.proof));
        match shown || newest.agrees(seen) {
            true => Continued::Shown,
            false => Continued::NotShown,
        }
    }
}

fn continues(from: &TreeHead, to: &TreeHead, proof: &[TreeHash]) -> bool {
    verify_consistency((from.size, from.root), (to.size, to.root), proof)
}
