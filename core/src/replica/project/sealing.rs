//! Sealed minutes in the rows: which are held, which are not registered yet, which numbers are given.

use super::Step;
use super::trusting::TrustIndex;
use crate::checklist::{number_in_series, number_year};
use crate::model::DocumentId;
use crate::replica::rows::{self, SealingRow};
use crate::store::StoreError;
use crate::trust::control::{ActId, ControlEntry, Deed, SignedAct};
use crate::trust::seal::{Seal, SealId};

impl Step<'_> {
    /// Keeps a seal, once.
    pub(super) fn seal(&mut self, bytes: &[u8]) -> Result<(SealId, DocumentId), StoreError> {
        let seal = Seal::decode(bytes).map_err(|error| self.meaningless(&error.to_string()))?;
        let (id, document) = (SealId::of(bytes), seal.statement.document);
        self.index.put(rows::of_seal(id), &bytes.to_vec());
        self.index.put(rows::of_document_seal(document, id), &());
        Ok((id, document))
    }

    /// Keeps a seal with the act that registers it, until that has been entered.
    pub(super) fn presented(
        &mut self,
        act: &[u8],
        seal: &[u8],
        here: bool,
    ) -> Result<(), StoreError> {
        let (seal, document) = self.seal(seal)?;
        let signed = SignedAct::decode(act).and_then(|signed| signed.act.id());
        let id = signed.map_err(|error| self.meaningless(&error.to_string()))?;
        if self.index.get::<()>(&rows::of_act(id))?.is_some() {
            return Ok(());
        }
        let held: Option<SealingRow> = self.index.get(&rows::of_sealing(id))?;
        let (here, epoch) = held.map_or((here, None), |held| (here || held.here, held.epoch));
        let row = SealingRow { act: act.to_vec(), seal, document, here, epoch };
        self.index.put(rows::of_sealing(id), &row);
        Ok(())
    }

    pub(super) fn seal_answered(
        &mut self,
        act: ActId,
        epoch: [u8; 16],
        refused: bool,
    ) -> Result<(), StoreError> {
        let Some(row) = self.index.get::<SealingRow>(&rows::of_sealing(act))? else {
            return Ok(());
        };
        if refused {
            return self.seal_refused(act);
        }
        self.index.put(rows::of_sealing(act), &SealingRow { epoch: Some(epoch), ..row });
        Ok(())
    }

    /// What will not be registered stays, and is shown as such.
    pub(super) fn seal_refused(&mut self, act: ActId) -> Result<(), StoreError> {
        let key = rows::of_sealing(act);
        if let Some(row) = self.index.get::<SealingRow>(&key)? {
            self.index.remove(key);
            self.index.put(rows::of_seal_refused(act), &row);
        }
        Ok(())
    }
}

impl TrustIndex<'_, '_> {
    /// Notes the official number that an entry gives: the next of the unit's series continues it.
    pub(super) fn note_number(&mut self, entry: &ControlEntry) -> Result<(), StoreError> {
        let Some(official) = &entry.official else { return Ok(()) };
        let Deed::Seal { .. } = entry.act.act.deed else { return Ok(()) };
        let Some(number) = number_in_series(official) else { return Ok(()) };
        let key = rows::of_series(entry.scope(), number_year(entry.at));
        let last: u64 = self.index.get(&key)?.unwrap_or_default();
        self.index.put(key, &last.max(number));
        Ok(())
    }

    /// Returns the last official number of a unit's series in the year of an entry to come.
    pub(in crate::replica) fn last_number(
        &self,
        scope: &crate::model::Scope,
        year: i32,
    ) -> Result<u64, StoreError> {
        Ok(self.index.get(&rows::of_series(scope, year))?.unwrap_or_default())
    }
}
