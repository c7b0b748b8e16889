//! What changes for a phone with its rights: it may see more, and what was refused for want of rights
//! may be in the record now.

use std::collections::BTreeMap;

use super::ReplicaError;
use super::access;
use super::fork::LineName;
use super::phone::Phone;
use super::rows::{self, ARRIVAL, ArrivalRow};
use crate::sync::{DeviceEntry, FeedItem, Verdict, Want};

impl Phone {
    /// Returns this device's entry if the hub now gives it other rights than it was told of before: it
    /// may see more, and what was refused may be taken in now. Only a comparison shows both.
    pub(super) fn new_rights(
        &self,
        items: &mut Vec<FeedItem>,
    ) -> Result<Option<DeviceEntry>, ReplicaError> {
        Self::check_seals(items);
        let own = self.check_control(items)?;
        let before = self.replica().device(self.device())?;
        let changed = own.zip(before).filter(|(own, before)| !access::same_rights(before, own));
        Ok(changed.map(|(own, _)| own))
    }

    /// Returns the own lines that were refused for want of rights and that these rights allow, from the
    /// first change on that the hub has not signed for. The hub may have taken them in meanwhile, from
    /// what it keeps aside or from another phone: a comparison finds no difference then and says
    /// nothing, so they are offered again until it signs for them.
    pub(super) fn allowed_now(&self, rights: &DeviceEntry) -> Result<Vec<Want>, ReplicaError> {
        let mut lines: BTreeMap<LineName, u64> = BTreeMap::new();
        for notice in self.notices()? {
            let (document, actor) = (notice.document, notice.actor);
            if notice.verdict != Verdict::NotAllowed {
                continue;
            }
            let genesis = match self.replica().genesis(document) {
                Err(ReplicaError::UnknownDocument { .. }) => continue,
                genesis => genesis?,
            };
            let key = rows::of_actor(ARRIVAL, document, actor);
            let row: Option<ArrivalRow> = rows::get(&**self.replica().store(), &key)?;
            if let Some(row) = row
                && self.replica().lets_write(rights, &genesis)?
            {
                lines.insert((document, actor), row.stored.max(row.merged).saturating_add(1));
            }
        }
        let want = |((document, actor), from_seq)| Want { document, actor, from_seq };
        Ok(lines.into_iter().map(want).collect())
    }
}
