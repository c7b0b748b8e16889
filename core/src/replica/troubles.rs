//! What a store had lost when it was opened: recorded, and told until a person has seen it. A store that
//! lost something must never look like one that had nothing.

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::facts::{Fact, Trouble};
use super::rows::{self, TROUBLE, TroubleRow, meta};
use crate::model::Timestamp;
use crate::store::StoreError;

/// Files set aside that one record names.
const FILES_NAMED_MAX: usize = 16;

/// What a person has not yet said to have seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// When, by this machine's clock.
    pub at: Timestamp,
    /// What is gone.
    pub trouble: Trouble,
}

impl Replica {
    /// Returns what was gone when the store was opened, now or earlier, and was not acknowledged.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn troubles(&self) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        each_row(&**self.store(), &[TROUBLE], None, |key, value| {
            let TroubleRow { trouble, at } = rows::decode(key, value)?;
            found.push(Found { at, trouble });
            Ok(())
        })?;
        if found.is_empty() {
            // Nothing could be recorded yet, for instance because the disk is full.
            let trouble = self.trouble(false)?;
            found.extend(trouble.map(|trouble| Found { at: Timestamp::default(), trouble }));
        }
        Ok(found)
    }

    /// Records that a person has seen what was gone.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn acknowledge(&self, now: Timestamp) -> Result<usize, ReplicaError> {
        self.note_trouble(false, now)?;
        let restored = self.doubts()?.iter().filter(|known| !known.doubt.reason.stops()).count();
        let seen = self.troubles()?.len() + restored;
        if seen > 0 {
            let fact = Fact::Acknowledged { upto: self.store().position().0, at: now };
            self.store().commit(vec![fact.record()?])?;
        }
        Ok(seen)
    }

    /// Records what was found to be gone at this opening, if it was not told before. `anew` says that
    /// the store holds nobody's records although its folder was there.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded; it is told all the same then.
    pub(super) fn note_trouble(&self, anew: bool, now: Timestamp) -> Result<(), ReplicaError> {
        let Some(trouble) = self.trouble(anew)? else { return Ok(()) };
        let fact = Fact::Troubled { trouble, at: now };
        self.store().commit(vec![fact.record()?])?;
        Ok(())
    }

    /// Returns what this opening found to be gone and nobody was told of.
    fn trouble(&self, anew: bool) -> Result<Option<Trouble>, StoreError> {
        let opened = self.store().opened();
        let told: Option<u64> = rows::get(&**self.store(), &rows::single(meta::TOLD))?;
        let lost = (opened.lost.len() as u64).saturating_sub(told.unwrap_or(0));
        if lost == 0 && !anew {
            return Ok(None);
        }
        let names = opened.set_aside.into_iter().map(|(name, _)| name);
        let set_aside = names.take(FILES_NAMED_MAX).collect();
        Ok(Some(Trouble { lost, everything: anew, set_aside }))
    }
}
