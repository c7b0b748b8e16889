//! What a phone keeps of the hub's log: heads, and doubts.

use super::Step;
use crate::model::{DeviceId, Timestamp};
use crate::replica::facts::{DoubtWord, HeadName};
use crate::replica::rows::{self, DOUBT, DoubtRow, HEAD, HEARD, HeadRow, HeardRow, meta};
use crate::store::StoreError;
use crate::trust::log::{DoubtReason, TreeHead};

impl Step<'_> {
    pub(super) fn witnessed(
        &mut self,
        hub: DeviceId,
        head: &TreeHead,
        heard: Option<DeviceId>,
    ) -> Result<(), StoreError> {
        if let Some(from) = heard {
            let key = rows::of_heard(&head.into());
            self.index.put(key, &HeardRow { hub, head: *head, from });
            return Ok(());
        }
        let key = rows::key(HEAD, &[&head.epoch]);
        let before: Option<HeadRow> = self.index.get(&key)?;
        let keys: Vec<DeviceId> =
            self.index.get(&rows::single(meta::HUB_KEYS))?.unwrap_or_default();
        let same =
            |row: &HeadRow| row.hub == hub || (keys.contains(&row.hub) && keys.contains(&hub));
        let first = before.filter(same).map_or(*head, |row| row.first);
        self.index.put(key, &HeadRow { hub, first, last: *head });
        self.index.put(rows::single(meta::HEAD), &head.epoch);
        Ok(())
    }

    /// The hub has shown how these heads stand in its log; others that were heard it has yet to.
    pub(super) fn accounted(&mut self, heads: &[HeadName]) {
        for head in heads {
            self.index.remove(rows::of_heard(head));
        }
    }

    pub(super) fn doubted(&mut self, word: &DoubtWord, at: Timestamp) -> Result<(), StoreError> {
        match word {
            DoubtWord::Found(doubt) => {
                let row = DoubtRow { doubt: *doubt, at };
                self.index.put(rows::of_number(DOUBT, self.at.0), &row);
                if doubt.reason == DoubtReason::Restored {
                    self.index.put(rows::told_lost(doubt.kept.epoch), &doubt.shown.epoch);
                }
            }
            DoubtWord::Released(_) => {
                self.clear(DOUBT)?;
                self.clear(HEARD)?;
                self.clear(HEAD)?;
                for key in self.index.rows(&rows::single(rows::TOLD_LOST))?.into_keys() {
                    self.index.remove(key);
                }
                self.index.remove(rows::single(meta::HEAD));
            }
        }
        Ok(())
    }

    /// A person has seen that the hub was set back; what stops this device is an administrator's to lift.
    pub(super) fn see_restored(&mut self, upto: u64) -> Result<(), StoreError> {
        for (key, value) in self.index.rows(&[DOUBT])? {
            let row: DoubtRow = rows::decode(&key, &value)?;
            let seen = rows::number_in(&key).is_some_and(|number| number <= upto);
            if seen && !row.doubt.reason.stops() {
                self.index.remove(key);
            }
        }
        Ok(())
    }

    fn clear(&mut self, table: u8) -> Result<(), StoreError> {
        for key in self.index.rows(&[table])?.into_keys() {
            self.index.remove(key);
        }
        Ok(())
    }
}
