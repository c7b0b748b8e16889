//! What waits at the hub, by name: so that whoever can help knows what to do.

mod minutes;

use std::collections::BTreeMap;

use super::Hub;
use crate::model::{Actor, DeviceId, DocumentId, TemplateId};
use crate::replica::ReplicaError;
use crate::replica::rows::{
    self, LATER, META, PACK, PARKED, PENDING, PackRow, RIPE, SHUT, STRANDED,
};
use crate::store::StoreError;
use crate::sync::{HubWaiting, SetAside};

/// Checklists, documents and devices that are named; a person looks at each.
const NAMED_MAX: usize = 32;

/// Rows counted for one of them: more says the same.
const COUNTED_MAX: usize = 10_000;

/// Bytes of a name.
const NAME_BYTES: usize = 32;

impl Hub {
    /// Returns what waits, and for what.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn waiting(&self) -> Result<HubWaiting, ReplicaError> {
        let mut waiting = HubWaiting::default();
        let (checklists, more) = self.groups(LATER)?;
        for (name, count) in checklists {
            // What is here now is merged without anybody's help.
            let template = TemplateId(name);
            if self.replica.store().get(&rows::of_template(RIPE, template))?.is_none() {
                waiting.checklists.push((template, count));
            }
        }
        waiting.more |= more;
        let (mut causes, more) = self.groups(PARKED)?;
        let (stranded, more_stranded) = self.groups(STRANDED)?;
        for (name, count) in stranded {
            *causes.entry(name).or_default() += count;
        }
        waiting.causes = causes.into_iter().map(|(name, n)| (DocumentId(name), n)).collect();
        waiting.more |= more || more_stranded;
        let mut aside: BTreeMap<DeviceId, u64> = BTreeMap::new();
        for name in [rows::ASIDE, rows::REFUSALS] {
            let prefix = rows::key(META, &[name]);
            let page = self.replica.store().scan(&prefix, None, NAMED_MAX + 1)?;
            waiting.more |= page.len() > NAMED_MAX;
            for (key, value) in page.iter().take(NAMED_MAX) {
                let name = key.get(prefix.len()..).and_then(|name| name.try_into().ok());
                let Some(device) = name.map(DeviceId) else { continue };
                *aside.entry(device).or_default() += rows::decode::<u64>(key, value)?;
            }
        }
        waiting.more |= aside.len() > NAMED_MAX;
        for (device, count) in aside.into_iter().take(NAMED_MAX) {
            let shut = rows::key(SHUT, &[&device.0]);
            let shut = self.replica.store().scan(&shut, None, COUNTED_MAX)?.len() as u64;
            // Named above, by what they wait for.
            let stranded = rows::get(&**self.replica.store(), &rows::stranded_of(device))?;
            let count = count.saturating_sub(stranded.unwrap_or(0));
            if count == 0 {
                continue;
            }
            waiting.set_aside.push(SetAside {
                device,
                known: self.replica.device(device)?.is_some(),
                not_allowed: shut,
                others: count.saturating_sub(shut),
            });
        }
        for found in self.replica.troubles()? {
            waiting.lost.push((found.at, found.trouble.lost, found.trouble.everything));
        }
        Ok(waiting)
    }

    /// Returns whether a pack that ends with this change is in the record.
    pub(in crate::replica) fn has_merged(
        &self,
        document: DocumentId,
        actor: Actor,
        seq: u64,
    ) -> Result<bool, ReplicaError> {
        let store = self.replica.store();
        let key = rows::of_seq(PACK, document, actor, seq);
        let Some(PackRow { place, .. }) = rows::get(&**store, &key)? else { return Ok(false) };
        for table in [PENDING, PARKED] {
            if store.get(&rows::of_place(table, document, place))?.is_some() {
                return Ok(false);
            }
        }
        let Some(template) = self.replica.genesis(document)?.template else { return Ok(true) };
        let later = rows::of_later_place(template, document, place);
        Ok(store.get(&later)?.is_none())
    }

    /// Counts the rows of a table by the name that their keys begin with: the first names, and
    /// whether there are more.
    fn groups(&self, table: u8) -> Result<(BTreeMap<[u8; NAME_BYTES], u64>, bool), StoreError> {
        let store = self.replica.store();
        let mut groups = BTreeMap::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(&[table], after.as_deref(), 1)?;
            let name = page.first().and_then(|(key, _)| key.get(1..=NAME_BYTES)?.try_into().ok());
            let Some(name): Option<[u8; NAME_BYTES]> = name else { return Ok((groups, false)) };
            if groups.len() == NAMED_MAX {
                return Ok((groups, true));
            }
            let prefix = rows::key(table, &[&name]);
            let count = store.scan(&prefix, None, COUNTED_MAX)?.len() as u64;
            groups.insert(name, count);
            // Past every key of this name: none is longer than this.
            let mut last = prefix;
            last.resize(last.len() + 2 * NAME_BYTES, 0xff);
            after = Some(last);
        }
    }
}
