//! What the hub's marks say of this device's own edits.

use super::Step;
use crate::model::{Actor, DocumentId, Timestamp};
use crate::replica::rows::{
    self, ARRIVAL, AWAITED, ArrivalRow, AwaitedRow, BackedRow, MARKING, meta,
};
use crate::store::StoreError;
use crate::sync::FeedPosition;
use crate::trust::HubMark;

impl Step<'_> {
    /// Notes that the hub has merged an own line further, and has not signed for that yet.
    pub(super) fn await_mark(&mut self, document: DocumentId, actor: Actor) {
        self.index.put(rows::of_actor(MARKING, document, actor), &());
    }

    /// Takes the hub's word: what it said to have merged before the place of this device in the feed is
    /// merged by its signature, and what it had signed as merged by a place that is on its second disk is
    /// backed up.
    pub(super) fn hub_marked(&mut self, mark: &HubMark) -> Result<(), StoreError> {
        self.back(mark)?;
        let position: Option<FeedPosition> = self.index.get(&rows::single(meta::POSITION))?;
        let covered = position.filter(|at| at.epoch == mark.epoch && at.number <= mark.merged);
        if let Some(position) = covered {
            for (key, _) in self.index.rows(&[MARKING])? {
                let Some((document, actor)) = rows::document_in(&key).zip(rows::actor_in(&key))
                else {
                    continue;
                };
                self.index.remove(key);
                let own = rows::of_actor(ARRIVAL, document, actor);
                let Some(row) = self.index.get::<ArrivalRow>(&own)? else { continue };
                self.arrival(document, actor, |row| {
                    (row.merged_signed, row.merged_at) = (row.merged, mark.at);
                })?;
                let awaited = AwaitedRow { number: position.number, seq: row.merged };
                self.index.put(rows::of_actor(AWAITED, document, actor), &awaited);
            }
        }
        self.back(mark)?;
        self.index.put(rows::single(meta::MARK), mark);
        Ok(())
    }

    fn back(&mut self, mark: &HubMark) -> Result<(), StoreError> {
        for (key, value) in self.index.rows(&[AWAITED])? {
            let awaited: AwaitedRow = rows::decode(&key, &value)?;
            let Some((document, actor)) = rows::document_in(&key).zip(rows::actor_in(&key)) else {
                continue;
            };
            if awaited.number <= mark.backed {
                self.index.remove(key);
                self.arrival(document, actor, |row| {
                    (row.backed, row.backed_at) = (awaited.seq, mark.backed_at);
                })?;
            }
        }
        Ok(())
    }

    /// Takes the hub's word back where its store lives another life: it may have lost what it signed for.
    pub(super) fn unmark(&mut self) -> Result<(), StoreError> {
        for table in [AWAITED, MARKING] {
            for (key, _) in self.index.rows(&[table])? {
                self.index.remove(key);
            }
        }
        self.index.remove(rows::single(meta::MARK));
        for (key, value) in self.index.rows(&[ARRIVAL])? {
            let row: ArrivalRow = rows::decode(&key, &value)?;
            let Some((document, actor)) = rows::document_in(&key).zip(rows::actor_in(&key)) else {
                continue;
            };
            if row.merged > 0 {
                self.arrival(document, actor, |row| {
                    (row.merged_signed, row.backed) = (0, 0);
                    (row.merged_at, row.backed_at) = (Timestamp(0), Timestamp(0));
                })?;
                self.await_mark(document, actor);
            }
        }
        Ok(())
    }

    /// Hub: its second disk holds the feed up to a place.
    pub(super) fn backed_up(&mut self, epoch: [u8; 16], number: u64, at: Timestamp) {
        self.index.put(rows::single(meta::BACKED), &BackedRow { epoch, number, at });
    }
}
