//! *Mẫu áp dụng*: which edition of a checklist is in force in a unit, as its administrators have decided.

use super::{Client, ClientError};
use crate::clock;
use crate::model::{Scope, TemplateId, Timestamp};
use crate::replica::{InForce, ReplicaError, covers};
use crate::trust::control::{Deed, SignedAct};

impl Client {
    /// Signs that a checklist is in force in a unit, and in all below, from a moment on. Asked of the hub
    /// with [`Client::to_enter`]; it takes it from an administrator of the unit or above.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the checklist is not here, and [`ClientError::NoHub`].
    pub fn put_in_force(
        &self,
        template: TemplateId,
        scope: Scope,
        from: Timestamp,
    ) -> Result<SignedAct, ClientError> {
        self.phone().replica().template(template)?;
        self.sign_act(scope, Deed::Template { template, from })
    }

    /// Returns the edition of a checklist, by its code, that is in force in a unit: in the nearest unit that
    /// decided anything of it, the last one from now on backwards; none where nobody decided.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn in_force_in(&self, code: &str, unit: &Scope) -> Result<Option<TemplateId>, ClientError> {
        let now = clock::now();
        let decided = self.phone().replica().checklists_in_force().map_err(ReplicaError::from)?;
        let mut fitting = Vec::new();
        for one in decided.iter().filter(|one| covers(&one.scope, unit) && one.from <= now) {
            match self.phone().replica().template(one.template) {
                Ok(known) if known.code().eq_ignore_ascii_case(code.trim()) => fitting.push(one),
                // An edition that is not here cannot be filled by.
                Ok(_) | Err(ReplicaError::UnknownTemplate { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let depth =
            |one: &InForce| fitting.iter().filter(|other| covers(&other.scope, &one.scope)).count();
        let nearest = fitting.iter().max_by_key(|one| (depth(one), one.from, one.template));
        Ok(nearest.map(|one| one.template))
    }

    /// Finds the checklist that a name means in a unit: the edition that is in force there
    /// ([`Client::in_force_in`]). Where nobody decided, or the name is of one edition, as
    /// [`Client::find_template`].
    ///
    /// # Errors
    ///
    /// As [`Client::find_template`].
    pub fn find_template_in(
        &self,
        name: &str,
        unit: &Scope,
        today: &str,
    ) -> Result<TemplateId, ClientError> {
        match self.in_force_in(name, unit)? {
            Some(template) => Ok(template),
            None => self.find_template(name, today),
        }
    }
}
