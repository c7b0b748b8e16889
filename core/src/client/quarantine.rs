//! What the hub keeps aside, for those who decide of it: named, read without putting it into any record, and
//! decided of by a signed act.

use std::collections::BTreeMap;

use super::{Client, ClientError, Named, find};
use crate::driver::{DriverError, SyncOptions};
use crate::model::{ChangeHash, DocumentId, Genesis, Origin, Timestamp, Written, clean, written};
use crate::replica::{Lapsed, ReplicaError, WroteWhere, covers};
use crate::sync::{
    AdminAnswer, AdminRequest, AdmissionStop, AsideEntry, AsideName, LONG_PACK_BYTES_MAX, Notice,
    Pack, QuarantineAnswer, QuarantineFilter, QuarantineRequest, Verdict,
};
use crate::trust::Role;
use crate::trust::control::{Deed, Judged, Judgement, SignedAct};

/// Packs that one list holds: some megabytes. Who wants others narrows it.
pub const QUARANTINE_LISTED_MAX: usize = 10_000;

/// Answers that one list waits for: a hub that never comes to an end costs a bounded amount of data.
const PAGES_MAX: usize = 256;

/// Operations of a pack that are read: a whole day's work. A few bytes can say any number, so what a hostile
/// device wrote is read up to here, and the rest is only counted.
const READ_OPS_MAX: u64 = 200_000;

/// Some of what is kept aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quarantined {
    /// At most [`QUARANTINE_LISTED_MAX`], by document and line.
    pub entries: Vec<AsideEntry>,
    /// There are more.
    pub more: bool,
}

/// One change of what is kept aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideChange {
    /// Its place in its line.
    pub seq: u64,
    /// It.
    pub change: ChangeHash,
    /// When, as its author's clock claims.
    pub at: Timestamp,
    /// What it wrote, with control characters replaced. Deletions write nothing.
    pub written: Vec<Written>,
}

/// What was read of a pack that is kept aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsidePack {
    /// What its document was born as.
    pub genesis: Genesis,
    /// BLAKE3 of the pack as it came.
    pub digest: [u8; 32],
    /// Its changes, oldest first.
    pub changes: Vec<AsideChange>,
    /// Changes behind those that were not read, because they hold too much.
    pub unread: u64,
}

/// A pack that is kept aside, as a person looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideShown {
    /// What the hub says of it.
    pub entry: AsideEntry,
    /// Its document, with the title that it has here.
    pub document: Named,
    /// What was decided of it, as far as this device was told.
    pub judged: Option<Judged>,
    /// What it holds. The signature of its device was checked here; none where the hub kept no bytes.
    pub pack: Option<AsidePack>,
}

impl Client {
    /// Asks the hub what is kept aside in the units of which this device's holder is supervisor,
    /// administrator or auditor.
    ///
    /// # Errors
    ///
    /// As [`Client::sync`], and [`DriverError::Refused`] when the holder is none of these.
    pub async fn quarantined(&self, which: QuarantineFilter) -> Result<Quarantined, ClientError> {
        let (mut found, mut after) = (Quarantined::default(), None);
        for _ in 0..PAGES_MAX {
            let request = QuarantineRequest::Page { which: which.clone(), after };
            let QuarantineAnswer::Page { entries, next } = self.ask_quarantine(request).await?
            else {
                break;
            };
            found.entries.extend(entries);
            if found.entries.len() > QUARANTINE_LISTED_MAX {
                found.entries.truncate(QUARANTINE_LISTED_MAX);
                found.more = true;
                return Ok(found);
            }
            // A hub that goes back would never end.
            if next.is_none() || next <= after {
                return Ok(found);
            }
            after = next;
        }
        found.more = true;
        Ok(found)
    }

    /// Finds one thing that is kept aside by the first digits of its change.
    ///
    /// # Errors
    ///
    /// As [`Client::quarantined`]; [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for the digits.
    pub async fn find_quarantined(&self, digits: &str) -> Result<AsideEntry, ClientError> {
        let digits = digits.trim().to_ascii_lowercase();
        let which = QuarantineFilter { digits: digits.clone(), ..QuarantineFilter::default() };
        let found = match find::is_digits(&digits) {
            true => self.quarantined(which).await?.entries,
            false => Vec::new(),
        };
        find::one("change", &digits, found, |entry: &AsideEntry| {
            find::Candidate::bare(entry.name.hash.to_string())
        })
    }

    /// Returns the change, by the first digits of its id, that a supervisor admitted, and the decision; none
    /// where they name no single one, or this device was told of none.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn admitted(&self, digits: &str) -> Result<Option<(ChangeHash, Judged)>, ClientError> {
        let digits = digits.trim().to_ascii_lowercase();
        if !find::is_digits(&digits) {
            return Ok(None);
        }
        Ok(self.phone().replica().admitted(&digits)?)
    }

    /// Fetches what is kept aside and reads it, without putting it into any record.
    ///
    /// # Errors
    ///
    /// As [`Client::quarantined`]. Returns [`ClientError::OtherEvidence`] when what the hub gives is not what
    /// it named, or its device did not sign it.
    pub async fn read_quarantined(&self, entry: AsideEntry) -> Result<AsideShown, ClientError> {
        let bytes = self.quarantined_bytes(entry.name).await?;
        let pack = if bytes.is_empty() { None } else { Some(read(&entry, &bytes)?) };
        let judged = self.judged(&entry)?;
        let born = pack.as_ref().map(|pack: &AsidePack| &pack.genesis);
        let document = self.named_aside(&[entry.name.document], born)?.remove(0);
        Ok(AsideShown { entry, document, judged, pack })
    }

    /// Returns documents of which something is kept aside, each with what to call it. Of a visit that was begun on
    /// the device alone only the plan tells, or `born`: what one of them was born as, where that was read.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn named_aside(
        &self,
        documents: &[DocumentId],
        born: Option<&Genesis>,
    ) -> Result<Vec<Named>, ClientError> {
        let mut visited: Option<BTreeMap<DocumentId, DocumentId>> = None;
        let mut named = Vec::with_capacity(documents.len());
        for document in documents {
            let mut one = self.named(*document)?;
            if one.title.is_empty() {
                let visited = match &mut visited {
                    Some(visited) => visited,
                    None => visited.insert(self.visited(born)?),
                };
                if let Some(facility) = visited.get(document) {
                    one.title = self.named(*facility)?.title;
                }
            }
            named.push(one);
        }
        Ok(named)
    }

    /// Returns the facility of every visit that is planned, and of the one that was born as said.
    fn visited(
        &self,
        born: Option<&Genesis>,
    ) -> Result<BTreeMap<DocumentId, DocumentId>, ClientError> {
        let planned = self.planned()?.into_iter().map(|visit| visit.genesis);
        let visits = planned.chain(born.cloned()).filter_map(|genesis| match genesis.origin {
            Origin::Planned { facility, .. } => Some((genesis.document(), facility)),
            Origin::Device { .. } | Origin::About { .. } => None,
        });
        Ok(visits.collect())
    }

    /// Returns what was decided of just this change that is kept aside, as far as this device was told.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn judged(&self, entry: &AsideEntry) -> Result<Option<Judged>, ClientError> {
        let Some(scope) = &entry.scope else { return Ok(None) };
        let judged = self.phone().replica().judged_exactly(scope, &entry.name);
        Ok(judged.map_err(ReplicaError::from)?)
    }

    /// Returns, for each of what is kept aside, the revocation that it came after, where its device had the
    /// right to write it until then: when it was written nothing proves. None where the device had no such
    /// right, or something else keeps it aside. `born` says of one what its document was born as, where that
    /// was read.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn after_revocation(
        &self,
        entries: &[&AsideEntry],
        born: Option<&Genesis>,
    ) -> Result<Vec<Option<Lapsed>>, ClientError> {
        let replica = self.phone().replica();
        let mut answers = vec![None; entries.len()];
        let (mut places, mut asked) = (Vec::new(), Vec::new());
        let mut planned = None;
        for (place, entry) in entries.iter().enumerate() {
            let (Some(scope), Verdict::NotAllowed) = (&entry.scope, entry.verdict) else {
                continue;
            };
            if replica.ended(entry.device)?.is_none() {
                continue;
            }
            let document = entry.name.document;
            let mut genesis = born.cloned().or_else(|| replica.genesis(document).ok());
            if genesis.is_none() {
                // Of a visit that was begun on this device alone only the plan tells.
                let visits = match &mut planned {
                    Some(visits) => visits,
                    None => planned.insert(self.planned()?),
                };
                let visit = visits.iter().find(|visit| visit.document == document);
                genesis = visit.map(|visit| visit.genesis.clone());
            }
            places.push(place);
            asked.push(WroteWhere { device: entry.device, scope: scope.clone(), genesis });
        }
        for (place, lapsed) in places.into_iter().zip(replica.lapsed(&asked)?) {
            answers[place] = lapsed.filter(|lapsed| lapsed.end.at <= entries[place].at);
        }
        Ok(answers)
    }

    /// Returns, for each notice to this device, the revocation that it came after, as
    /// [`Client::after_revocation`].
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn noticed_after_revocation(
        &self,
        notices: &[&Notice],
    ) -> Result<Vec<Option<Lapsed>>, ClientError> {
        let replica = self.phone().replica();
        let mut answers = vec![None; notices.len()];
        if self.phone().ended()?.is_none() {
            return Ok(answers);
        }
        let (mut places, mut asked) = (Vec::new(), Vec::new());
        for (place, notice) in notices.iter().enumerate() {
            let genesis = replica.genesis(notice.document).ok();
            let Some(genesis) = genesis.filter(|_| notice.verdict == Verdict::NotAllowed) else {
                continue;
            };
            places.push(place);
            let (device, scope) = (self.device(), genesis.scope.clone());
            asked.push(WroteWhere { device, scope, genesis: Some(genesis) });
        }
        for (place, lapsed) in places.into_iter().zip(replica.lapsed(&asked)?) {
            answers[place] = lapsed;
        }
        Ok(answers)
    }

    /// Signs, as a supervisor of the document's unit, what becomes of something that is kept aside, and of
    /// what the same device wrote before it in the same line. It is asked of the hub with
    /// [`Client::to_enter`].
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotSupervisor`] when the holder of this device is no supervisor there, and
    /// [`ClientError::StaysOut`] when it is to be admitted and cannot be.
    pub fn judge_aside(
        &self,
        entry: &AsideEntry,
        judgement: Judgement,
    ) -> Result<SignedAct, ClientError> {
        let stays = || ClientError::StaysOut { change: entry.name.hash, verdict: entry.verdict };
        let scope = entry.scope.clone().ok_or_else(stays)?;
        if judgement == Judgement::Admit && !entry.verdict.may_be_admitted() {
            return Err(stays());
        }
        let own = self.own_entry()?;
        let decides = own.as_ref().is_some_and(|own| {
            let mut grants = own.grants.iter().filter(|_| own.active);
            grants.any(|held| held.role == Role::Supervisor && covers(&held.scope, &scope))
        });
        if !decides {
            let role = own.as_ref().map(super::work::role_names).unwrap_or_default();
            return Err(ClientError::NotSupervisor { role, scope: scope.to_string() });
        }
        let AsideName { document, actor, seq, hash } = entry.name;
        self.sign_act(scope, Deed::Judge { document, actor, seq, hash, judgement })
    }

    /// Asks the hub what would stop something that is kept aside from entering the record, with what is kept
    /// before it in its line, when it is admitted.
    ///
    /// # Errors
    ///
    /// As [`Client::quarantined`].
    pub async fn admission_stop(
        &self,
        name: AsideName,
    ) -> Result<Option<AdmissionStop>, ClientError> {
        match self.ask_quarantine(QuarantineRequest::Stop { name }).await? {
            QuarantineAnswer::Stop(stop) => Ok(stop),
            _ => Err(ClientError::NoAnswer),
        }
    }

    async fn quarantined_bytes(&self, name: AsideName) -> Result<Vec<u8>, ClientError> {
        let mut whole: Vec<u8> = Vec::new();
        loop {
            let request = QuarantineRequest::Bytes { name, from: whole.len() as u64 };
            let QuarantineAnswer::Bytes { bytes, total } = self.ask_quarantine(request).await?
            else {
                return Err(ClientError::OtherEvidence { change: name.hash });
            };
            let over = whole.len() + bytes.len() > LONG_PACK_BYTES_MAX;
            if over || (bytes.is_empty() && total > whole.len() as u64) {
                return Err(ClientError::OtherEvidence { change: name.hash });
            }
            whole.extend(bytes);
            if whole.len() as u64 >= total {
                return Ok(whole);
            }
        }
    }

    async fn ask_quarantine(
        &self,
        request: QuarantineRequest,
    ) -> Result<QuarantineAnswer, ClientError> {
        let asks = vec![AdminRequest::Quarantine(request)];
        let report = self.sync(SyncOptions { asks, ..SyncOptions::default() }).await?;
        match report.answers.into_iter().next() {
            Some(AdminAnswer::Quarantine(answer)) => Ok(answer),
            Some(AdminAnswer::Refused(failure)) => Err(DriverError::Refused { failure }.into()),
            _ => Err(ClientError::NoAnswer),
        }
    }
}

/// Reads a pack that the hub gave as one that it keeps aside. Its own hash and its device's signature say
/// that it is that one; nothing here rests on the hub's word.
fn read(entry: &AsideEntry, bytes: &[u8]) -> Result<AsidePack, ClientError> {
    let name = entry.name;
    let pack = Pack::decode(bytes).map_err(ReplicaError::from)?;
    let found = AsideName {
        document: pack.document(),
        actor: pack.actor(),
        seq: pack.last_seq(),
        hash: pack.tip_hash(),
    };
    if found != name || pack.device() != entry.device || pack.verify().is_err() {
        return Err(ClientError::OtherEvidence { change: name.hash });
    }
    let (mut changes, mut ops) = (Vec::new(), 0_u64);
    for (seq, change) in (pack.first_seq()..).zip(pack.changes()) {
        let facts = change.facts();
        ops = ops.saturating_add(facts.ops);
        if ops > READ_OPS_MAX {
            break;
        }
        let written = written(change, &[]).into_iter().map(readable);
        let (change, at, written) = (facts.hash, Timestamp(facts.time), written.collect());
        changes.push(AsideChange { seq, change, at, written });
    }
    let unread = (pack.changes().len() - changes.len()) as u64;
    let digest = *blake3::hash(bytes).as_bytes();
    Ok(AsidePack { genesis: pack.genesis().clone(), digest, changes, unread })
}

/// Takes out what would play with a terminal: who wrote it need not have used this program.
fn readable(written: Written) -> Written {
    Written { key: written.key.as_deref().map(clean), text: clean(&written.text) }
}

#[cfg(test)]
mod tests;
