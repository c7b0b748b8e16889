//! A hub's key that another follows, as phones and the hub itself keep it.

use super::Step;
use super::trusting::TrustIndex;
use crate::model::DeviceId;
use crate::replica::rows::{self, SelfRow, meta};
use crate::store::StoreError;
use crate::trust::control::{Link, SignedAct};

impl Step<'_> {
    /// Keeps announcements, and pins the key that a phone speaks to, or the hub's own. Nothing else of the hub
    /// changes.
    pub(super) fn succeeded(&mut self, hub: DeviceId, acts: &[Vec<u8>]) -> Result<(), StoreError> {
        let mut decoded = Vec::with_capacity(acts.len());
        for bytes in acts {
            let act = SignedAct::decode(bytes);
            decoded.push(act.map_err(|error| self.meaningless(&error.to_string()))?);
        }
        let links: Vec<(Link, &SignedAct)> =
            decoded.iter().filter_map(|act| Some((Link::of(act)?, act))).collect();
        TrustIndex::new(&mut self.index).keep(Some(hub), &links)
    }

    /// Hub: its store is the next key's from here on.
    pub(super) fn switched(&mut self, hub: DeviceId) -> Result<(), StoreError> {
        let key = rows::single(meta::SELF);
        match self.index.get::<SelfRow>(&key)? {
            Some(owner) => self.index.put(key, &SelfRow { device: hub, ..owner }),
            None if self.replayed => {}
            None => return Err(self.meaningless("it comes before the store's birth")),
        }
        TrustIndex::new(&mut self.index).pin(hub)
    }
}
