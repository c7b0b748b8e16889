//! Checklists that administrators have put in force.

use super::Replica;
use super::rows::{self, IN_FORCE};
use crate::model::{Scope, TemplateId, Timestamp};
use crate::store::StoreError;

/// A checklist that is in force in a unit and all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Where.
    pub scope: Scope,
    /// Which.
    pub template: TemplateId,
    /// From when on.
    pub from: Timestamp,
}

impl Replica {
    /// Returns all that was put in force, as the control logs held here say. There are few.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn checklists_in_force(&self) -> Result<Vec<InForce>, StoreError> {
        let page = self.store().scan(&[IN_FORCE], None, usize::MAX)?;
        page.iter()
            .map(|(key, value)| {
                let (scope, template) = rows::in_force_in(key).ok_or_else(|| {
                    StoreError::Damaged { what: "which checklist is in force".to_owned() }
                })?;
                Ok(InForce { scope, template, from: rows::decode(key, value)? })
            })
            .collect()
    }
}
