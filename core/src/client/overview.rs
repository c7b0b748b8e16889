//! One inspection in a list: what a row says of it, with its review and its minutes. Loads no document.

use super::{Client, ClientError, Named};
use crate::model::{SealedCounts, Summary};

/// An inspection in a list.
#[derive(Debug, Clone)]
pub struct InspectionRow {
    /// The row; the counts are those of the sealed minutes where `as_sealed`.
    pub row: Summary,
    /// The facility visited, for a planned visit.
    pub facility: Option<Named>,
    /// The plan, for a planned visit.
    pub plan: Option<Named>,
    /// The name of where it stands, as [`Summary::state_name`].
    pub state: String,
    /// Places in which values that differ stand, those of its corrective actions too.
    pub conflicts: u32,
    /// Its review, if one has begun here.
    pub review: Option<ReviewRow>,
    /// The counts are those of its sealed minutes.
    pub as_sealed: bool,
    /// *Số biên bản*, or the temporary code while they are not registered; none where nothing is sealed.
    pub minutes: Option<String>,
    /// They are registered.
    pub registered: bool,
    /// Edits of this device that no hub has signed for.
    pub only_here: u64,
}

/// A review beside its inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRow {
    /// The verdict's name.
    pub verdict: String,
    /// Whether the inspection differs from what the verdict was given over; none while nothing is
    /// decided, and where the verdict does not say.
    pub changed: Option<bool>,
    /// Requests that wait for an answer.
    pub open_requests: u32,
}

impl Client {
    /// Returns what a list says of an inspection.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn inspection_row(&self, row: &Summary) -> Result<InspectionRow, ClientError> {
        let review = match self.phone().replica().genesis(row.document) {
            Ok(genesis) => self.review_summary(&genesis)?,
            Err(_) => None,
        };
        let minutes = self.phone().replica().minutes(row.document)?;
        // The counts of another seal than the one that counts now say nothing of it.
        let standing = minutes.standing.as_ref();
        let then = row.sealed.filter(|then| standing.is_some_and(|held| held.id.0 == then.seal));
        let row = then.map_or_else(|| row.clone(), |then| as_sealed(row, &then));
        Ok(InspectionRow {
            facility: row.facility.map(|id| self.named(id)).transpose()?,
            plan: row.plan.map(|id| self.named(id)).transpose()?,
            state: row.state_name(minutes.is_sealed()).to_owned(),
            conflicts: self.conflict_count(&row)?,
            review: review.map(|review| ReviewRow {
                changed: review.over_digest.zip(row.content_digest).map(|(over, now)| over != now),
                verdict: review.state,
                open_requests: review.open_requests,
            }),
            as_sealed: then.is_some(),
            registered: minutes.standing.as_ref().is_some_and(|held| held.official.is_some()),
            minutes: minutes.standing.map(|held| held.official.unwrap_or_else(|| held.id.short())),
            only_here: self.phone().arrival(row.document)?.only_here,
            row,
        })
    }
}

/// Returns a row with the counts of its sealed minutes.
fn as_sealed(row: &Summary, then: &SealedCounts) -> Summary {
    Summary {
        answered: then.answered,
        items: then.items,
        findings: then.findings,
        conflicts: then.conflicts,
        since_signed: then.late,
        ..row.clone()
    }
}
