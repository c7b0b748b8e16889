//! What supervisors decided of lines that were kept aside: read on every replica from the control log.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::rows::{self, JUDGED, OWED};
use crate::model::{Actor, ChangeHash, DocumentId, Scope};
use crate::store::StoreError;
use crate::sync::{AsideName, Notice};
use crate::trust::control::{Judged, Judgement};

/// What was decided of each change of a line: its place, its hash, the decision.
pub(super) type JudgedLine = Vec<(u64, ChangeHash, Judged)>;

impl Replica {
    /// Returns what was decided of a line in the log of a unit, by place.
    pub(super) fn judged_in(
        &self,
        scope: &Scope,
        document: DocumentId,
        actor: Actor,
    ) -> Result<JudgedLine, StoreError> {
        let mut found = Vec::new();
        let prefix = rows::of_actor(JUDGED, document, actor);
        each_row(&**self.store(), &prefix, None, |key, value| {
            if let Some((seq, hash)) = rows::judged_in(key, scope) {
                found.push((seq, hash, rows::decode(key, value)?));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Hub: returns the lines of which something is kept aside that was admitted. However much was ever decided,
    /// no more is read than is kept aside.
    pub(super) fn owed_lines(&self) -> Result<BTreeSet<(DocumentId, Actor)>, StoreError> {
        let mut lines = BTreeSet::new();
        each_row(&**self.store(), &[OWED], None, |key, _| {
            lines.extend(rows::document_in(key).zip(rows::actor_in(key)));
            Ok(())
        })?;
        Ok(lines)
    }

    /// Returns the change whose id begins with these digits and that a supervisor admitted, and the decision,
    /// the last one where several units' logs have one; none where the digits name several such changes, or
    /// none. A decision in the log of a unit where a document is known not to be says nothing of it.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn admitted(&self, digits: &str) -> Result<Option<(ChangeHash, Judged)>, ReplicaError> {
        let mut rows = Vec::new();
        each_row(&**self.store(), &[JUDGED], None, |key, value| {
            let change = rows::judged_change(key);
            if change.is_some_and(|change| change.to_string().starts_with(digits)) {
                rows.push((key.to_vec(), rows::decode::<Judged>(key, value)?));
            }
            Ok(())
        })?;
        let mut found: BTreeMap<ChangeHash, Judged> = BTreeMap::new();
        for (key, judged) in rows {
            let (Some(change), Some(document)) =
                (rows::judged_change(&key), rows::document_in(&key))
            else {
                continue;
            };
            let here = match self.genesis(document) {
                Ok(genesis) => rows::judged_in(&key, &genesis.scope).is_some(),
                Err(ReplicaError::UnknownDocument { .. }) => true,
                Err(error) => return Err(error),
            };
            if !here || judged.judgement != Judgement::Admit {
                continue;
            }
            let last = found.entry(change).or_insert(judged);
            if last.at < judged.at {
                *last = judged;
            }
        }
        let only = found.pop_first();
        Ok(only.filter(|_| found.is_empty()))
    }

    /// Returns what a supervisor of a unit decided of just this change.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn judged_exactly(
        &self,
        scope: &Scope,
        name: &AsideName,
    ) -> Result<Option<Judged>, StoreError> {
        let AsideName { document, actor, seq, hash } = *name;
        rows::get(&**self.store(), &rows::of_judged(scope, (document, actor, seq, hash)))
    }

    /// Returns what a supervisor of a unit decided of a change that was kept aside: of it, or of the
    /// first after it in its line that was decided of. What cannot be admitted is not in the line that
    /// was, so only what names it counts.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn judged_aside(
        &self,
        scope: &Scope,
        notice: &Notice,
    ) -> Result<Option<Judged>, StoreError> {
        let line = self.judged_in(scope, notice.document, notice.actor)?;
        let behind = notice.verdict.may_be_admitted();
        let of = |(seq, hash, _): &&(u64, ChangeHash, Judged)| {
            (behind && *seq > notice.seq) || (*seq == notice.seq && *hash == notice.hash)
        };
        let fitting: Vec<Judged> = line.iter().filter(of).map(|(_, _, judged)| *judged).collect();
        // What was admitted up to a later change is in the record, whatever else was kept out before.
        let admitted = fitting.iter().find(|judged| judged.judgement == Judgement::Admit);
        Ok(admitted.or_else(|| fitting.first()).copied())
    }
}
