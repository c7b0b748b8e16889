//! Sealed minutes in the rows: which are held, which are not registered yet, which numbers are given.

use super::Step;
use super::trusting::TrustIndex;
use crate::checklist::{number_in_series, number_year};
use crate::model::{DeviceId, DocumentId, Scope, Timestamp};
use crate::replica::again::anew;
use crate::replica::facts::Fact;
use crate::replica::rows::{
    self, ACTING, ActingRow, SEAL_REFUSED, SEALED, SEALING, STALE, SUMMARY, SealingRow,
};
use crate::store::StoreError;
use crate::trust::control::{ActId, ControlEntry, Deed, Device, Person, Sealed, SignedAct};
use crate::trust::seal::{Seal, SealId};

/// Numbers given twice that are named: a person looks at each, and a restore makes few.
const DOUBLES_MAX: usize = 256;

/// Seals of one document and leader that a hub remembers to have refused: as many as two days bring, so that a
/// phone which asks a day later is still told, and what a leader signs in vain does not grow for ever.
pub(in crate::replica) const REFUSED_KEPT_MAX: usize = 16;

impl Step<'_> {
    /// Takes in what a record says of sealed minutes.
    pub(super) fn of_seals(&mut self, fact: &Fact) -> Result<(), StoreError> {
        match fact {
            Fact::Signed { act, seal } => {
                let document = self.presented(act, seal, (true, None))?;
                self.counts_anew(document)
            }
            Fact::Presented { act, seal, at } => {
                self.presented(act, seal, (false, Some(*at))).map(drop)
            }
            Fact::HeardSeal { act, seal, .. } => {
                let document = self.presented(act, seal, (false, None))?;
                self.counts_anew(document)
            }
            Fact::SealAnswered { act, epoch, refused } => {
                self.seal_answered(*act, *epoch, *refused)
            }
            Fact::SealRefused { act, at } => self.seal_refused(*act, Some(*at)).map(drop),
            Fact::SealDropped { act, reason, at } => self.seal_dropped(*act, reason, *at),
            Fact::SealForgotten { act } => {
                let key = rows::of_sealing(*act);
                if let Some(row) = self.index.get::<SealingRow>(&key)? {
                    self.index.put(key, &anew(row));
                }
                Ok(())
            }
            Fact::SealUnentered { act, at } => self.seal_unentered(*act, *at),
            Fact::SealsSeen { acts, .. } => self.seals_seen(acts),
            Fact::AskedAgain => self.asked_again(),
            _ => Err(self.meaningless("no part of this program reads its kind")),
        }
    }

    /// Phone: what is sealed of a document may have changed, and its row in lists counts what is sealed. A
    /// hub lists nothing, and reads no document for that.
    pub(super) fn counts_anew(&mut self, document: DocumentId) -> Result<(), StoreError> {
        // What has no row yet is read when it gets one.
        if self.index.below.get(&rows::of_document(SUMMARY, document))?.is_some() {
            self.index.put(rows::of_document(STALE, document), &());
        }
        Ok(())
    }

    /// Keeps a seal, once.
    pub(super) fn seal(&mut self, bytes: &[u8]) -> Result<(SealId, DocumentId), StoreError> {
        let seal = Seal::decode(bytes).map_err(|error| self.meaningless(&error.to_string()))?;
        let (id, document) = (SealId::of(bytes), seal.statement.document);
        self.index.put(rows::of_seal(id), &bytes.to_vec());
        self.index.put(rows::of_document_seal(document, id), &());
        Ok((id, document))
    }

    /// Keeps a seal with the act that registers it, until that has been entered.
    fn presented(
        &mut self,
        act: &[u8],
        seal: &[u8],
        (here, since): (bool, Option<Timestamp>),
    ) -> Result<DocumentId, StoreError> {
        let (seal, document) = self.seal(seal)?;
        let signed = SignedAct::decode(act).and_then(|signed| signed.act.id());
        let id = signed.map_err(|error| self.meaningless(&error.to_string()))?;
        if self.index.get::<()>(&rows::of_act(id))?.is_some() {
            return Ok(document);
        }
        let held: Option<SealingRow> = self.index.get(&rows::of_sealing(id))?;
        let (here, epoch) = held.map_or((here, None), |held| (here || held.here, held.epoch));
        let (act, given_up) = (act.to_vec(), None);
        let row = SealingRow { act, seal, document, here, epoch, since, given_up };
        self.index.put(rows::of_sealing(id), &row);
        Ok(document)
    }

    fn seal_answered(
        &mut self,
        act: ActId,
        epoch: [u8; 16],
        refused: bool,
    ) -> Result<(), StoreError> {
        let Some(row) = self.index.get::<SealingRow>(&rows::of_sealing(act))? else {
            return Ok(());
        };
        if refused {
            self.seal_refused(act, None)?;
            return self.counts_anew(row.document);
        }
        self.index.put(rows::of_sealing(act), &SealingRow { epoch: Some(epoch), ..row });
        Ok(())
    }

    /// What the hub refused waits anew.
    fn asked_again(&mut self) -> Result<(), StoreError> {
        for (key, value) in self.index.rows(&[ACTING])? {
            let row: ActingRow = rows::decode(&key, &value)?;
            if row.refused {
                self.index.put(key, &ActingRow { refused: false, ..row });
            }
        }
        for (key, value) in self.index.rows(&[SEAL_REFUSED])? {
            let row: SealingRow = rows::decode(&key, &value)?;
            if row.given_up.is_some() {
                continue;
            }
            let signed = self.signed(&row)?;
            let act = signed.act.id().map_err(|error| self.meaningless(&error.to_string()))?;
            let document = row.document;
            self.index.remove(key);
            self.index.put(rows::of_sealing(act), &anew(row));
            self.counts_anew(document)?;
        }
        Ok(())
    }

    /// What will not be registered stays, and is shown as such. Returns of which document it is, if it waited.
    fn seal_refused(
        &mut self,
        act: ActId,
        since: Option<Timestamp>,
    ) -> Result<Option<DocumentId>, StoreError> {
        let key = rows::of_sealing(act);
        let Some(row) = self.index.get::<SealingRow>(&key)? else { return Ok(None) };
        let (document, by) = (row.document, self.signed(&row)?.act.by);
        self.index.remove(key);
        let row = SealingRow { since, ..row };
        self.index.put(rows::of_seal_refused(document, by, act), &row);
        // A phone keeps all of its own: each may be all that is left of what was signed.
        if since.is_some() {
            self.forget_refused(document, by)?;
        }
        Ok(Some(document))
    }

    /// What its signer may not seal is let go, with its bytes: its phone presents it again when the right is back.
    /// Where the signer's rights were ended for good no phone can, and its keys may be gone: it stays here.
    fn seal_unentered(&mut self, act: ActId, at: Timestamp) -> Result<(), StoreError> {
        let key = rows::of_sealing(act);
        let Some(row) = self.index.get::<SealingRow>(&key)? else { return Ok(()) };
        self.index.remove(key);
        let by = self.signed(&row)?.act.by;
        if !self.has_ended(by)? {
            return self.drop_unnamed(&row);
        }
        let refused = rows::of_seal_refused(row.document, by, act);
        let unseen = rows::of_seal_unseen(at, act);
        self.index.put(rows::of_seal_ended(act), &unseen);
        self.index.put(unseen, &refused);
        self.index.put(refused, &row);
        Ok(())
    }

    /// What an administrator was shown is named no more. Nothing else of it changes.
    fn seals_seen(&mut self, acts: &[ActId]) -> Result<(), StoreError> {
        for act in acts {
            if let Some(unseen) = self.index.get::<Vec<u8>>(&rows::of_seal_ended(*act))? {
                self.index.remove(unseen);
            }
        }
        Ok(())
    }

    /// Whether the rights of a device, or of its holder, were ended for good.
    fn has_ended(&self, device: DeviceId) -> Result<bool, StoreError> {
        let held: Option<Device> = self.index.get(&rows::of_certified(device))?;
        let Some(Device { certificate, revoked, .. }) = held else { return Ok(false) };
        let holder: Option<Person> = match &certificate {
            Some(certificate) => self.index.get(&rows::of_person(certificate.person))?,
            None => None,
        };
        Ok(revoked.is_some() || holder.is_some_and(|holder| holder.revoked.is_some()))
    }

    /// Drops the bytes of a row that is gone, where nothing else names them.
    fn drop_unnamed(&mut self, row: &SealingRow) -> Result<(), StoreError> {
        if !self.is_named(row)? {
            self.index.remove(rows::of_seal(row.seal));
            self.index.remove(rows::of_document_seal(row.document, row.seal));
        }
        Ok(())
    }

    fn signed(&self, row: &SealingRow) -> Result<SignedAct, StoreError> {
        SignedAct::decode(&row.act).map_err(|error| self.meaningless(&error.to_string()))
    }

    /// Hub: forgets the oldest of what it refused of one leader, where that is more than it remembers.
    fn forget_refused(&mut self, document: DocumentId, by: DeviceId) -> Result<(), StoreError> {
        let mut refused = Vec::new();
        for (key, value) in self.index.rows(&rows::seals_refused_by(document, by))? {
            let row: SealingRow = rows::decode(&key, &value)?;
            let act = self.signed(&row)?.act.id();
            let act = act.map_err(|error| self.meaningless(&error.to_string()))?;
            if self.index.get::<Vec<u8>>(&rows::of_seal_ended(act))?.is_none() {
                refused.push((row.since, key, row));
            }
        }
        let surplus = refused.len().saturating_sub(REFUSED_KEPT_MAX);
        refused.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        for (_, key, row) in refused.into_iter().take(surplus) {
            self.index.remove(key);
            self.drop_unnamed(&row)?;
        }
        Ok(())
    }

    /// Returns whether another act than that of a forgotten row names its seal: it waits, is refused or entered.
    fn is_named(&self, forgotten: &SealingRow) -> Result<bool, StoreError> {
        let (seal, document) = (forgotten.seal, forgotten.document);
        for prefix in [vec![SEALING], rows::seals_refused(document)] {
            for (key, value) in self.index.rows(&prefix)? {
                if rows::decode::<SealingRow>(&key, &value)?.seal == seal {
                    return Ok(true);
                }
            }
        }
        let scope = self.signed(forgotten)?.act.scope;
        let entered: Option<Sealed> =
            self.index.get(&rows::of_document_in(SEALED, document, &scope))?;
        Ok(entered.is_some_and(|one| one.seal == seal.0 || one.rivals.contains(&seal.0)))
    }

    /// What a person gave up stands with what is refused, and is not asked again by this device.
    fn seal_dropped(&mut self, act: ActId, reason: &str, at: Timestamp) -> Result<(), StoreError> {
        if let Some(document) = self.seal_refused(act, None)? {
            self.counts_anew(document)?;
        }
        // The record names the act alone; a phone has few that were refused.
        for (key, value) in self.index.rows(&[SEAL_REFUSED])? {
            if rows::is_of_refused(&key, act) {
                let row: SealingRow = rows::decode(&key, &value)?;
                let given_up = Some((reason.to_owned(), at));
                self.index.put(key, &SealingRow { given_up, ..row });
            }
        }
        Ok(())
    }
}

impl TrustIndex<'_, '_> {
    /// What was refused, or given up here, is registered now: somebody else brought it.
    pub(super) fn note_registered(&mut self, act: &SignedAct) -> Result<(), StoreError> {
        let Deed::Seal { document, .. } = act.act.deed else { return Ok(()) };
        let id = act
            .act
            .id()
            .map_err(|_| StoreError::Damaged { what: "an entry of a control log".to_owned() })?;
        self.index.remove(rows::of_seal_refused(document, act.act.by, id));
        let ended = rows::of_seal_ended(id);
        if let Some(unseen) = self.index.get::<Vec<u8>>(&ended)? {
            self.index.remove(unseen);
        }
        self.index.remove(ended);
        Ok(())
    }

    /// Notes the official number that an entry gives: the next of the unit's series continues it.
    pub(super) fn note_number(&mut self, entry: &ControlEntry) -> Result<(), StoreError> {
        let Some(official) = &entry.official else { return Ok(()) };
        let Deed::Seal { document, .. } = entry.act.act.deed else { return Ok(()) };
        let Some(number) = number_in_series(official) else { return Ok(()) };
        let (scope, year) = (entry.scope(), number_year(entry.clock));
        let key = rows::of_series(scope, year);
        let last: u64 = self.index.get(&key)?.unwrap_or_default();
        self.index.put(key, &last.max(number));
        let key = rows::of_numbered(scope, year, number);
        match self.index.get::<DocumentId>(&key)? {
            None => self.index.put(key, &document),
            Some(first) if first != document => {
                self.note_double((scope, official), [first, document])?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Notes that two lives of the hub's store gave one number to two documents.
    fn note_double(
        &mut self,
        (scope, official): (&Scope, &str),
        named: [DocumentId; 2],
    ) -> Result<(), StoreError> {
        let key = rows::double_numbers();
        let mut noted: Vec<(Scope, String, Vec<DocumentId>)> =
            self.index.get(&key)?.unwrap_or_default();
        let same = noted.iter().position(|(of, number, _)| of == scope && number == official);
        let place = same.unwrap_or(noted.len());
        if same.is_none() {
            if noted.len() >= DOUBLES_MAX {
                return Ok(());
            }
            noted.push((scope.clone(), official.to_owned(), Vec::new()));
        }
        if let Some((_, _, documents)) = noted.get_mut(place) {
            documents.extend(named);
            documents.sort_unstable();
            documents.dedup();
        }
        self.index.put(key, &noted);
        Ok(())
    }

    /// Returns the last official number of a unit's series in the year of an entry to come.
    pub(in crate::replica) fn last_number(
        &self,
        scope: &Scope,
        year: i32,
    ) -> Result<u64, StoreError> {
        Ok(self.index.get(&rows::of_series(scope, year))?.unwrap_or_default())
    }
}
