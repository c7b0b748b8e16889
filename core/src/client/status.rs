//! Where this device's own work has verifiably arrived, per record.

use std::collections::BTreeSet;

use super::{Client, ClientError, find};
use crate::clock;
use crate::model::{DocumentId, Kind, Summary};
use crate::replica::{Acting, Arrival, Found, RejectedEdit, ReplicaError, Unregistered};
use crate::sync::Notice;
use crate::trust::control::Judged;

/// How far this device's edits of one record have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordStatus {
    /// The record.
    pub document: DocumentId,
    /// Its kind.
    pub kind: Kind,
    /// What to call it; may be empty.
    pub title: String,
    /// Recorded, stored, merged, only here.
    pub arrival: Arrival,
    /// Edits of others that came from their devices and that the hub is not known to have.
    pub carried: u64,
}

impl Client {
    /// Returns every record that this device has edited, or for which it carries what the hub is not known to have:
    /// those with edits that exist only here first, then those with edits of others. Loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn status(&self) -> Result<Vec<RecordStatus>, ClientError> {
        let (mut records, carried) = (Vec::new(), self.phone().carried_edits()?);
        for kind in Kind::ALL {
            for row in self.all(kind)? {
                let arrival = self.phone().arrival(row.document)?;
                let carried = carried.get(&row.document).copied().unwrap_or_default();
                if arrival.recorded > 0 || carried > 0 {
                    let (document, title) = (row.document, self.title(&row)?);
                    records.push(RecordStatus { document, kind, title, arrival, carried });
                }
            }
        }
        // A stable sort keeps the most recently changed first among equals.
        records.sort_by_key(|record| (record.arrival.only_here == 0, record.carried == 0));
        Ok(records)
    }

    /// Returns how many edits are nowhere but here, over all records, and how many of them the hub keeps aside,
    /// outside the record: no exchange changes that. Loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn only_here(&self) -> Result<(u64, u64), ClientError> {
        let aside = self.phone().set_aside()?;
        let documents: BTreeSet<DocumentId> =
            self.phone().only_here()?.into_iter().chain(aside.keys().copied()).collect();
        let (mut count, mut set_aside) = (0, 0);
        for document in documents {
            let here = self.phone().arrival(document)?.only_here;
            count += here;
            set_aside += aside.get(&document).copied().unwrap_or_default().min(here);
        }
        Ok((count, set_aside))
    }

    /// Returns what the hub did not take into the record, oldest first.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn refused(&self) -> Result<Vec<Notice>, ClientError> {
        Ok(self.phone().notices()?)
    }

    /// Returns what was decided on this device and the hub has not entered, oldest first: it waits for the
    /// next contact, or the hub has refused it.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn decisions(&self) -> Result<Vec<Acting>, ClientError> {
        Ok(self.phone().acting()?)
    }

    /// Finds a decision that no hub has entered by the first digits of its name.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`], and [`ClientError::Replica`] when
    /// reading fails.
    pub fn find_decision(&self, digits: &str) -> Result<Acting, ClientError> {
        let wanted = digits.trim().to_ascii_lowercase();
        let fits = |acting: &Acting| {
            find::is_digits(&wanted) && acting.id.to_string().starts_with(&wanted)
        };
        let found = self.decisions()?.into_iter().filter(fits).collect();
        find::one("decision", digits, found, |acting| find::Candidate::bare(acting.id.short()))
    }

    /// Gives up a decision that the hub has refused; what was signed stays in the journal. Where the rights
    /// of this device were ended, one that waits too: no hub enters it any more.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Waits`] for one that the hub has yet to answer, and [`ClientError::Replica`]
    /// when it could not be recorded.
    pub fn drop_decision(&self, acting: &Acting) -> Result<(), ClientError> {
        if !acting.refused && self.phone().ended()?.is_none() {
            return Err(ClientError::Waits { decision: acting.id.short() });
        }
        Ok(self.phone().drop_act(acting.id)?)
    }

    /// Returns the minutes that were sealed here and that no hub has registered, oldest first.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn unregistered_minutes(&self) -> Result<Vec<Unregistered>, ClientError> {
        Ok(self.phone().unregistered()?)
    }

    /// Finds minutes that were sealed here, that no hub has registered and nobody has given up, by the first
    /// digits of their seal.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`], and [`ClientError::Replica`] when
    /// reading fails.
    pub fn find_unregistered(&self, digits: &str) -> Result<Unregistered, ClientError> {
        let wanted = digits.trim().to_ascii_lowercase();
        let fits = |one: &Unregistered| {
            let named = find::is_digits(&wanted) && one.seal.to_string().starts_with(&wanted);
            named && one.given_up.is_none()
        };
        let found = self.unregistered_minutes()?.into_iter().filter(fits).collect();
        find::one("minutes", digits, found, |one| find::Candidate::bare(one.seal.short()))
    }

    /// Gives up minutes that the hub has refused, with a reason that stays here; the seal stays too. Where the
    /// rights of this device were ended, minutes that wait as well: no hub registers them any more.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Waits`] for minutes that the hub has yet to answer, and [`ClientError::Replica`]
    /// for those that it keeps, for a reason that does not fit, and when it could not be recorded.
    pub fn drop_minutes(&self, minutes: &Unregistered, reason: &str) -> Result<(), ClientError> {
        if !minutes.refused && self.phone().ended()?.is_none() {
            return Err(ClientError::Waits { decision: minutes.seal.short() });
        }
        Ok(self.phone().drop_seal(minutes.act, reason, clock::now())?)
    }

    /// Returns what a supervisor decided of something that the hub did not take into the record; none
    /// where nobody has, or nobody told this device.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn judged_aside(&self, notice: &Notice) -> Result<Option<Judged>, ClientError> {
        let replica = self.phone().replica();
        let scope = match replica.genesis(notice.document) {
            Err(ReplicaError::UnknownDocument { .. }) => return Ok(None),
            genesis => genesis?.scope,
        };
        Ok(replica.judged_aside(&scope, notice).map_err(ReplicaError::from)?)
    }

    /// Returns this device's edits that are not in the record, with what they wrote: they can be
    /// recorded once more by hand.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn rejected(&self) -> Result<Vec<RejectedEdit>, ClientError> {
        Ok(self.phone().rejected()?)
    }

    /// Returns what this device's store had lost when it was opened, now or earlier, as long as nobody
    /// has acknowledged it.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn troubles(&self) -> Result<Vec<Found>, ClientError> {
        Ok(self.phone().replica().troubles()?)
    }

    /// Records that a person has seen what was lost. Returns how many findings that were.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when it could not be recorded.
    pub fn acknowledge(&self) -> Result<usize, ClientError> {
        Ok(self.phone().replica().acknowledge(clock::now())?)
    }

    /// Returns what to call a record: its own title, else that of the facility it is about.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn title(&self, row: &Summary) -> Result<String, ClientError> {
        if !row.title.is_empty() {
            return Ok(row.title.clone());
        }
        let about = match row.inspection {
            Some(inspection) => self.phone().replica().summary(inspection)?,
            None => Some(row.clone()),
        };
        let Some(facility) = about.and_then(|row| row.facility) else { return Ok(String::new()) };
        let facility = self.phone().replica().summary(facility)?;
        Ok(facility.map(|row| row.title).unwrap_or_default())
    }
}
