//! The hub's control log: who may decide is asked, then the decision is numbered, chained and signed.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::Hub;
use crate::model::{Actor, DeviceId, DocumentId, Genesis, Kind, PersonId, Scope, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::access;
use crate::replica::facts::Fact;
use crate::replica::project::Drafting;
use crate::replica::rows::{self, ASSIGNED, CONTROL_HEAD, SEALED, meta};
use crate::store::StoreError;
use crate::sync::{DeviceEntry, PlainEntry};
use crate::trust::control::{
    Act, Assignment, ControlEntry, Deed, Device, Folded, Log, Naming, Person, Sealed, SignedAct,
    TrustRows, Void, Whom, naming,
};
use crate::trust::seal::{Seal, SealId};

impl Hub {
    /// Names a device as the hub's operator does: a certificate, and one grant for each unit in place of
    /// those that its holder had. Everybody concerned learns of it through the feed. Packs that it might
    /// not write before are looked at again. It counts as entered when the hub was last told the time.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded, and [`ReplicaError::Control`] when
    /// a name is empty or too long.
    pub fn trust(&self, plain: PlainEntry) -> Result<(), ReplicaError> {
        let told = plain.scopes.clone();
        let wanted = DeviceEntry::from(plain);
        let known = self.replica.certified(wanted.device)?;
        let person = known.certificate.as_ref().map_or(wanted.person, |known| known.person);
        let grants = if wanted.active { wanted.grants } else { Vec::new() };
        let DeviceEntry { device, name, agency, .. } = wanted;
        let wanted = Naming { device, person, name, agency, grants, told };
        self.operate(naming(&known, &self.replica.person(person)?, &wanted, &access::covers))
    }

    /// Enters what a person decided, if that person may. What stands in the log already is not entered
    /// again. A later seal of the same document is entered too: it is a rival, and shown. Where the hub holds the
    /// seal, only members of its team sign it too.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::NotEntered`] when the signer may not decide it, or it has no object;
    /// [`ReplicaError::Control`] when it is malformed; [`ReplicaError::Store`] when it could not be
    /// recorded.
    pub fn enter(&self, acts: Vec<SignedAct>, now: Timestamp) -> Result<(), ReplicaError> {
        for act in &acts {
            act.verify()?;
            // Minutes come with their seal, which is held against the record first.
            if let Deed::Seal { .. } = act.act.deed {
                let (device, scope) = (act.act.by.short(), act.act.scope.clone());
                return Err(ReplicaError::NotEntered { device, scope, deed: act.act.deed.name() });
            }
            if !self.may_sign_too(act)? {
                let (device, scope) = (act.act.by.short(), act.act.scope.clone());
                return Err(ReplicaError::NotEntered { device, scope, deed: act.act.deed.name() });
            }
        }
        self.enter_all(acts, now)
    }

    /// Returns whether who signs minutes too is of their team, and does so in the log of their unit. Of a seal that
    /// has not arrived nothing is known, and nobody is kept out; what stands in the log stays there.
    fn may_sign_too(&self, act: &SignedAct) -> Result<bool, ReplicaError> {
        let Deed::Countersign { document, seal } = act.act.deed else { return Ok(true) };
        let entered = self.replica.store().get(&rows::of_act(act.act.id()?))?.is_some();
        let Some(bytes) = self.replica.seal_bytes(SealId(seal))?.filter(|_| !entered) else {
            return Ok(true);
        };
        let seal = Seal::decode(&bytes)?;
        let statement = &seal.statement;
        let named = statement.document == document && statement.genesis.scope == act.act.scope;
        Ok(named && self.replica.is_of_team(&seal, act.act.by)?)
    }

    /// Registers minutes whose seal was held against the record.
    pub(super) fn enter_seal(&self, act: SignedAct, now: Timestamp) -> Result<(), ReplicaError> {
        self.enter_all(vec![act], now)
    }

    /// Takes back entries that an earlier life of this hub's store had signed and this one lacks: rights,
    /// revocations and minutes count on. Returns whether there were any, and whether all that came are
    /// here now or never can be: of a log that is not known as far as its first, none is taken.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Control`] when one is malformed or not signed, and
    /// [`ReplicaError::Store`] when they could not be recorded.
    pub fn take_back(&self, encoded: &[Vec<u8>]) -> Result<TakenBack, ReplicaError> {
        let mut entries = Vec::with_capacity(encoded.len());
        for bytes in encoded {
            let entry = ControlEntry::decode(bytes)?;
            entry.verify()?;
            entries.push(entry);
        }
        let guard = self.control.lock().map_err(|_| ReplicaError::Interrupted)?;
        self.learn_keys(&entries, Timestamp(self.told.load(Ordering::Relaxed)))?;
        let strange = self.strange(&entries)?;
        let kept = |place: usize| !strange.get(place).copied().unwrap_or_default();
        let encoded: Vec<&Vec<u8>> = encoded
            .iter()
            .enumerate()
            .filter(|(place, _)| kept(*place))
            .map(|(_, one)| one)
            .collect();
        let mut places = 0..;
        entries.retain(|_| places.next().is_some_and(kept));
        let strange = strange.into_iter().filter(|strange| *strange).count();
        let mut draft = Drafting::new(&**self.replica.store());
        let folded = draft.with(|rows| rows.fold_all(&entries))?;
        let news: Vec<Vec<u8>> = encoded
            .iter()
            .zip(&folded)
            .filter(|(_, folded)| matches!(folded, Folded::Counts | Folded::Void(_)))
            .map(|(bytes, _)| (*bytes).clone())
            .collect();
        let found = !news.is_empty();
        let whole = folded.iter().all(|folded| *folded != Folded::Gap);
        let touched = draft.into_touched();
        if found {
            self.record(Fact::Controlled { entries: news })?;
        }
        self.note_known(&touched)?;
        drop(guard);
        let assigns = |entry: &ControlEntry| matches!(entry.act.act.deed, Deed::Assign { .. });
        self.look_again(touched, found && entries.iter().any(assigns));
        self.admit_judged_or_owe(
            &entries.iter().filter_map(|entry| judged(&entry.act.act)).collect(),
        );
        Ok(TakenBack { found, whole, strange })
    }

    /// Looks again at what was set aside of devices whose rights were changed; of all where it was said
    /// who writes an inspection.
    fn look_again(&self, touched: BTreeSet<DeviceId>, assigned: bool) {
        if assigned {
            self.reconsider_or_owe(None);
            return;
        }
        for device in touched {
            self.reconsider_or_owe(Some(device));
        }
    }

    /// Signs deeds with the hub's own key and enters them.
    pub(in crate::replica) fn operate(
        &self,
        deeds: Vec<(Scope, Deed)>,
    ) -> Result<(), ReplicaError> {
        if deeds.is_empty() {
            return Ok(());
        }
        let now = Timestamp(self.told.load(Ordering::Relaxed));
        let mut acts = Vec::with_capacity(deeds.len());
        for (place, (scope, deed)) in deeds.into_iter().enumerate() {
            acts.push(self.own_act(place, scope, deed, now)?);
        }
        self.enter_all(acts, now)
    }

    /// Makes an act of the operator's. Its nonce need not be secret, only its own: it follows from where
    /// the log stands.
    fn own_act(
        &self,
        place: usize,
        scope: Scope,
        deed: Deed,
        at: Timestamp,
    ) -> Result<SignedAct, ReplicaError> {
        let head = self.head()?;
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 operator's nonce");
        hasher.update(&head.chain).update(&(place as u64).to_le_bytes());
        hasher.update(&self.replica.store().position().0.to_le_bytes());
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        let own = self.key.device();
        Ok(Act { hub: own, by: own, scope, nonce, at, deed }.sign(&self.key)?)
    }

    fn enter_all(&self, acts: Vec<SignedAct>, now: Timestamp) -> Result<(), ReplicaError> {
        let guard = self.control.lock().map_err(|_| ReplicaError::Interrupted)?;
        let store = self.replica.store();
        let mut draft = Drafting::new(&**store);
        let mut entries = Vec::new();
        let assigned = acts.iter().any(|act| matches!(act.act.deed, Deed::Assign { .. }));
        let judged = acts.iter().filter_map(|act| judged(&act.act)).collect();
        for act in acts {
            let spread = self.spread(&act, now)?;
            self.draft(&mut draft, &mut entries, act, now)?;
            for act in spread {
                self.draft(&mut draft, &mut entries, act, now)?;
            }
        }
        let touched = draft.into_touched();
        if !entries.is_empty() {
            self.record(Fact::Controlled { entries })?;
        }
        self.note_known(&touched)?;
        if self.awaits_newcomers(now) {
            self.recall_invitations()?;
        }
        drop(guard);
        self.look_again(touched, assigned);
        self.admit_judged_or_owe(&judged);
        Ok(())
    }

    /// Numbers and signs one act behind those drafted before.
    fn draft(
        &self,
        draft: &mut Drafting<'_>,
        entries: &mut Vec<Vec<u8>>,
        act: SignedAct,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let (device, scope) = (act.act.by.short(), act.act.scope.clone());
        let (deed, life) = (act.act.deed.name(), rows::life(self.head()?.epoch, self.start));
        let folded = draft.with(|rows| -> Result<_, ReplicaError> {
            if rows.has_act(act.act.id()?)? {
                return Ok(None);
            }
            // Later than all before, whatever the clock says: the order of entries is their time's.
            let next = rows.latest()?.map(|latest| latest.at.0.saturating_add(1));
            let at = Timestamp(next.map_or(now.0, |next| next.max(now.0)));
            let head = rows.head(Log { scope: &scope, life })?;
            let official = Self::number_for(rows, &scope, &act.act.deed, now)?;
            let entry = ControlEntry::sign(&self.key, (life, &head), (at, now), act, official)?;
            Ok(Some((entry.encode()?, rows.fold(&entry)?)))
        })?;
        match folded {
            None => Ok(()),
            Some((bytes, Folded::Counts | Folded::Void(Void::Surpassed))) => {
                entries.push(bytes);
                Ok(())
            }
            Some(_) => Err(ReplicaError::NotEntered { device, scope, deed }),
        }
    }

    /// Returns the operator's acts that carry a revocation into the logs of all other units in which the
    /// person has or had a grant: those who read only there must learn of it too.
    fn spread(&self, act: &SignedAct, now: Timestamp) -> Result<Vec<SignedAct>, ReplicaError> {
        let Deed::Revoke { whom, .. } = &act.act.deed else { return Ok(Vec::new()) };
        if act.act.by == self.key.device() {
            return Ok(Vec::new());
        }
        let person = match whom {
            Whom::Person(person) => Some(*person),
            Whom::Device(device) => {
                self.replica.certified(*device)?.certificate.map(|held| held.person)
            }
        };
        let mut others = self.scopes_of(person)?;
        others.retain(|scope| *scope != act.act.scope);
        let mut acts = Vec::new();
        for (place, scope) in others.into_iter().enumerate() {
            acts.push(self.own_act(place, scope, act.act.deed.clone(), now)?);
        }
        Ok(acts)
    }

    /// Returns the units in which a person has or had a grant.
    pub(super) fn scopes_of(
        &self,
        person: Option<PersonId>,
    ) -> Result<BTreeSet<Scope>, ReplicaError> {
        let Some(person) = person else { return Ok(BTreeSet::new()) };
        let held = self.replica.person(person)?;
        Ok(held.grants.into_values().map(|held| held.grant.scope).collect())
    }

    /// Lets those in, or not, whose rights were changed.
    fn note_known(&self, devices: &BTreeSet<DeviceId>) -> Result<(), ReplicaError> {
        // Read before the lock is taken: handshakes wait for it, and must not wait for disk.
        let mut active = Vec::with_capacity(devices.len());
        for device in devices {
            let entry = self.replica.device(*device)?;
            active.push((*device, entry.is_some_and(|entry| entry.active)));
        }
        self.note_leaving(devices.iter().copied())?;
        let mut known = self.known.write().map_err(|_| ReplicaError::Interrupted)?;
        for (device, active) in active {
            if active {
                known.insert(device);
            } else {
                known.remove(&device);
            }
        }
        Ok(())
    }

    /// Begins the control log where there is none: the own key counts, and what a hub without one was
    /// told of devices is entered.
    pub(super) fn begin_control(&self) -> Result<(), ReplicaError> {
        let (own, store) = (self.key.device(), self.replica.store());
        let keys: Option<Vec<DeviceId>> = rows::get(&**store, &rows::single(meta::HUB_KEYS))?;
        if keys.is_none_or(|keys| !keys.contains(&own)) {
            self.record(Fact::Pinned { hub: own })?;
        }
        // Where there is one, a device that it does not certify has lost its rights by it.
        if !store.scan(&[CONTROL_HEAD], None, 1)?.is_empty() {
            return Ok(());
        }
        let mut deeds = Vec::new();
        for entry in self.replica.devices()? {
            let told = entry.scopes();
            let grants = if entry.active { entry.grants } else { Vec::new() };
            let DeviceEntry { device, person, name, agency, .. } = entry;
            let wanted = Naming { device, person, name, agency, grants, told };
            deeds.extend(naming(&Device::default(), &Person::default(), &wanted, &access::covers));
        }
        self.operate(deeds)
    }
}

/// Returns the line that an act decides of.
fn judged(act: &Act) -> Option<(DocumentId, Actor)> {
    match act.deed {
        Deed::Judge { document, actor, .. } => Some((document, actor)),
        _ => None,
    }
}

/// What became of entries that were given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenBack {
    /// Some were not here.
    pub found: bool,
    /// None of them waits for others before it.
    pub whole: bool,
    /// So many are not taken: only somebody who has a key of the hub's that was replaced can have made them.
    pub strange: usize,
}

impl crate::replica::Replica {
    /// Returns whether a device may write a document: a grant of its holder's lets it, and where the
    /// leader has said who writes the inspection, the holder is among them. Grants that are not in force
    /// must have been left out ([`DeviceEntry::in_force`]).
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn lets_write(&self, entry: &DeviceEntry, genesis: &Genesis) -> Result<bool, StoreError> {
        if !access::admits(entry, genesis.kind, &genesis.scope) {
            return Ok(false);
        }
        if genesis.kind != Kind::Inspection {
            return Ok(true);
        }
        let assigned = self.assignment(genesis)?;
        Ok(assigned.is_none_or(|assigned| assigned.persons.contains(&entry.person)))
    }

    /// Returns who writes an inspection, if a leader of its unit has said so.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn assignment(&self, genesis: &Genesis) -> Result<Option<Assignment>, StoreError> {
        let key = rows::of_document_in(ASSIGNED, genesis.document(), &genesis.scope);
        rows::get(&**self.store(), &key)
    }

    /// Returns the registered minutes of a document, as the log of its unit says.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn registered(&self, genesis: &Genesis) -> Result<Option<Sealed>, StoreError> {
        let key = rows::of_document_in(SEALED, genesis.document(), &genesis.scope);
        rows::get(&**self.store(), &key)
    }

    /// Returns what the control log says of a device.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn certified(&self, device: DeviceId) -> Result<Device, StoreError> {
        Ok(rows::get(&**self.store(), &rows::of_certified(device))?.unwrap_or_default())
    }

    /// Returns what the control log says of a person.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn person(&self, person: PersonId) -> Result<Person, StoreError> {
        Ok(rows::get(&**self.store(), &rows::of_person(person))?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
