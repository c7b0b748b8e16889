//! What is kept aside, as it is shown to those who decide of it: by name, and as it came. Loads no document,
//! and decodes nothing but where it is asked what would stop an admission.

use super::Hub;
use crate::model::PersonId;
use crate::replica::ReplicaError;
use crate::replica::access;
use crate::replica::records::Records;
use crate::replica::rows::{self, Evidence, QUARANTINE, QuarantineRow};
use crate::store::StoreError;
use crate::sync::{
    AsideName, DeviceEntry, QUARANTINE_BYTES_MAX, QUARANTINE_DIGITS_MAX, QUARANTINE_PAGE_MAX,
    QuarantineAnswer, QuarantineFilter, QuarantineRequest,
};

/// Rows that are read at once.
const ROWS_AT_ONCE: usize = 256;

/// Rows that one request looks through: a filter that nothing fits must not hold a session up for as long
/// as the whole table takes. The answer says where to go on.
const ROWS_MAX: usize = 8_192;

impl Hub {
    /// Does what somebody asks about what is kept aside, as far as that device is shown it. That it is
    /// asked the caller has put into the log.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn show_aside(
        &self,
        request: &QuarantineRequest,
        asker: &DeviceEntry,
    ) -> Result<QuarantineAnswer, ReplicaError> {
        match request {
            QuarantineRequest::Page { which, after } => self.aside_page(which, *after, asker),
            QuarantineRequest::Bytes { name, from } => self.aside_bytes(name, *from, asker),
            QuarantineRequest::Stop { name } => self.aside_stop(name, asker),
        }
    }

    fn aside_page(
        &self,
        which: &QuarantineFilter,
        after: Option<AsideName>,
        asker: &DeviceEntry,
    ) -> Result<QuarantineAnswer, ReplicaError> {
        let mut entries = Vec::new();
        if which.digits.len() > QUARANTINE_DIGITS_MAX {
            return Ok(QuarantineAnswer::Page { entries, next: None });
        }
        let (store, mut seen, mut last) = (self.replica.store(), 0, after);
        while seen < ROWS_MAX && entries.len() < QUARANTINE_PAGE_MAX {
            let at = last.map(|last| of_name(&last));
            let page = store.scan(&[QUARANTINE], at.as_deref(), ROWS_AT_ONCE)?;
            let whole = page.len() < ROWS_AT_ONCE;
            for (key, value) in page {
                if entries.len() == QUARANTINE_PAGE_MAX {
                    return Ok(QuarantineAnswer::Page { entries, next: last });
                }
                let name = rows::aside_in(&key).ok_or_else(|| damaged(&key))?;
                let row: QuarantineRow = rows::decode(&key, &value)?;
                if access::sees_aside(asker, row.scope.as_ref()) && self.fits(which, &name, &row)? {
                    entries.push(row.entry(name));
                }
                (seen, last) = (seen + 1, Some(name));
            }
            if whole {
                return Ok(QuarantineAnswer::Page { entries, next: None });
            }
        }
        Ok(QuarantineAnswer::Page { entries, next: last })
    }

    fn fits(
        &self,
        which: &QuarantineFilter,
        name: &AsideName,
        row: &QuarantineRow,
    ) -> Result<bool, StoreError> {
        let within = |outer| row.scope.as_ref().is_some_and(|own| access::covers(outer, own));
        let digits = which.digits.to_ascii_lowercase();
        let plain = which.scope.as_ref().is_none_or(within)
            && which.verdict.is_none_or(|verdict| verdict == row.verdict)
            && name.hash.to_string().starts_with(&digits);
        let Some(person) = which.person.filter(|_| plain) else { return Ok(plain) };
        let known = self.replica.device(row.device)?.map(|known| known.person);
        Ok(known.unwrap_or_else(|| PersonId::of_device(row.device)) == person)
    }

    fn aside_bytes(
        &self,
        name: &AsideName,
        from: u64,
        asker: &DeviceEntry,
    ) -> Result<QuarantineAnswer, ReplicaError> {
        let row: Option<QuarantineRow> = rows::get(&**self.replica.store(), &of_name(name))?;
        let row = row.filter(|row| access::sees_aside(asker, row.scope.as_ref()));
        let whole = match row.map(|row| row.evidence) {
            None => Vec::new(),
            Some(Evidence::Aside(place)) => self
                .evidence(&mut Records::default(), place)?
                .map(|(bytes, _)| bytes)
                .unwrap_or_default(),
            Some(Evidence::Taken(place)) => self.replica.pack(place)?,
        };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let bytes = whole.iter().skip(from).take(QUARANTINE_BYTES_MAX).copied().collect();
        Ok(QuarantineAnswer::Bytes { bytes, total: whole.len() as u64 })
    }

    fn aside_stop(
        &self,
        name: &AsideName,
        asker: &DeviceEntry,
    ) -> Result<QuarantineAnswer, ReplicaError> {
        let row: Option<QuarantineRow> = rows::get(&**self.replica.store(), &of_name(name))?;
        let stop = match row.filter(|row| access::sees_aside(asker, row.scope.as_ref())) {
            Some(_) => self.admission_stop(name)?,
            None => None,
        };
        Ok(QuarantineAnswer::Stop(stop))
    }
}

fn of_name(name: &AsideName) -> Vec<u8> {
    rows::of_set_aside(name.document, name.actor, name.seq, &name.hash)
}

fn damaged(key: &[u8]) -> StoreError {
    StoreError::Damaged { what: format!("a name of {} bytes of what is kept aside", key.len()) }
}

#[cfg(test)]
mod tests;
