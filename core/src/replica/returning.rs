//! Giving checklists back to a hub that was set up anew or set back to an older copy: without them it
//! cannot merge what the phones give back. A checklist is named by its content, so nothing can be
//! put in its place; who may publish one is still an administrator's device only.

use super::ReplicaError;
use super::documents::each_row;
use super::facts::Fact;
use super::phone::Phone;
use super::rows::{self, EpochRow, GIVEN, GivenRow, OBJECT, meta};
use crate::model::TemplateId;
use crate::store::StoreError;
use crate::sync::Role;

/// Checklists given back in one exchange; the others follow in the next.
pub(super) const RETURNED_AT_ONCE_MAX: usize = 16;

impl Phone {
    /// Returns checklists that the hub's store may lack in its present life, if this is the device of
    /// an administrator; the first of them.
    pub(super) fn unreturned(&self) -> Result<Vec<(TemplateId, Vec<u8>)>, ReplicaError> {
        let store = self.replica().store();
        let own = self.replica().device(self.device())?;
        let epoch: Option<EpochRow> = rows::get(&**store, &rows::single(meta::EPOCH))?;
        let (Some(epoch), true) = (epoch, own.is_some_and(|own| own.is(Role::Admin))) else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        each_row(&**store, &[OBJECT], None, |key, _| {
            names.extend(key.get(1..33).and_then(|name| name.try_into().ok()).map(TemplateId));
            Ok(())
        })?;
        let mut found = Vec::new();
        for template in names {
            let row: Option<GivenRow> = rows::get(&**store, &rows::of_template(GIVEN, template))?;
            if row.is_none_or(|row| row.epoch != epoch.epoch)
                && let Some(bytes) = self.replica().object(template)?
            {
                found.push((template, bytes));
            }
            if found.len() == RETURNED_AT_ONCE_MAX {
                break;
            }
        }
        Ok(found)
    }

    /// Records that the hub has taken checklists in, in a life of its store.
    pub(super) fn returned(
        &self,
        templates: Vec<TemplateId>,
        epoch: [u8; 16],
    ) -> Result<(), ReplicaError> {
        match self.record(Fact::Returned { templates, epoch }) {
            // They are given once more then, which changes nothing.
            Ok(_) | Err(ReplicaError::Store(StoreError::Full { .. })) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
