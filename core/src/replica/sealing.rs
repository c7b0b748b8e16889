//! Sealed minutes on any replica: which are held of a document, and which of them counts. On a phone: what
//! was sealed here or heard of, until the hub has registered it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::documents::each_row;
use super::facts::Fact;
use super::phone::Phone;
use super::project::Drafting;
use super::rows::{self, SEAL_REFUSED, SEALING, SealingRow};
use super::{Replica, ReplicaError, covers};
use crate::model::{
    Actor, DeviceId, Document, DocumentId, Incarnation, PersonId, Timestamp, needed,
};
use crate::store::StoreError;
use crate::sync::{DeviceEntry, FeedItem};
use crate::trust::control::{ActId, Deed, Sealed, SignedAct, may_act};
use crate::trust::seal::{Breach, HeardLine, Seal, SealError, SealId};

/// Seals given to one neighbour in one meeting: more than a team signs before one of it meets the hub.
pub(super) const SEALS_GIVEN_MAX: usize = 16;

/// What a seal given to a neighbour starts with; a checklist is JSON and starts otherwise.
const GIVEN_TAG: &[u8] = b"bienban 2026-11 seal given\0";

/// Neighbours whose turn is remembered: far more than meet in one run of a program; a forgotten one begins again.
const TURNS_MAX: usize = 256;

/// Where among the minutes that no hub has registered each neighbour's next ones begin: all are given to each in
/// time, in whatever order neighbours are met. In memory alone.
#[derive(Debug)]
pub(super) struct GivenTurns {
    begin: usize,
    of: Mutex<BTreeMap<DeviceId, usize>>,
}

impl GivenTurns {
    pub(super) fn new(begin: usize) -> Self {
        Self { begin, of: Mutex::default() }
    }

    fn next(&self, peer: DeviceId) -> usize {
        // It is whole at any moment.
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of.len() >= TURNS_MAX && !of.contains_key(&peer) {
            of.clear();
        }
        let turn = of.entry(peer).or_insert(self.begin);
        let from = *turn;
        *turn = from.wrapping_add(SEALS_GIVEN_MAX);
        from
    }
}

/// Where a seal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SealState {
    /// *Đã đăng ký*: the control log names it as the one that counts.
    Registered,
    /// *Đã ký, chưa đăng ký*: signed, and no hub that this device heard of has registered it.
    Waiting,
    /// Another was registered before it. It is kept and shown, and does not count.
    Rival,
    /// The hub will not register it: it does not hold against the record, or its signer may not seal.
    Refused,
    /// A person on this device gave it up.
    GivenUp,
}

/// A seal of a document that is held here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSeal {
    /// Its name.
    pub id: SealId,
    /// What it says.
    pub seal: Seal,
    /// Where it stands.
    pub state: SealState,
    /// It was signed on this device.
    pub here: bool,
    /// A hub keeps it, and has not registered it yet.
    pub stored: bool,
    /// *Số biên bản*, once it is registered.
    pub official: Option<String>,
    /// When the hub registered it.
    pub at: Option<Timestamp>,
    /// Members who signed it too: the device, and when the hub entered that.
    pub countersigned: Vec<(DeviceId, Timestamp)>,
    /// Why and when a person gave it up here.
    pub given_up: Option<(String, Timestamp)>,
}

/// Minutes that were sealed on this device and that no hub has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unregistered {
    /// The act that would register them.
    pub act: ActId,
    /// Their seal.
    pub seal: SealId,
    /// Of what.
    pub document: DocumentId,
    /// When they were sealed, by this device's clock.
    pub at: Timestamp,
    /// The hub refused them: they are asked again only when a right comes back to this device.
    pub refused: bool,
    /// This life of the hub's store keeps them, and has not been heard to refuse them: it registers them without
    /// this device, or has done so in a log that does not come here any more.
    pub kept: bool,
    /// Why and when they were given up here.
    pub given_up: Option<(String, Timestamp)>,
}

/// What is sealed of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Minutes {
    /// The seal that the record is read at: the registered one, or the first signed of those that wait.
    pub standing: Option<HeldSeal>,
    /// All others that are held: rivals, and what the hub refused.
    pub others: Vec<HeldSeal>,
    /// Seals that the control log names and that have not arrived here.
    pub missing: Vec<SealId>,
}

impl Minutes {
    /// Returns whether the document is sealed: its minutes are signed here, or registered and yet to arrive.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.standing.is_some() || !self.missing.is_empty()
    }
}

impl Replica {
    /// Returns a seal's bytes.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn seal_bytes(&self, seal: SealId) -> Result<Option<Vec<u8>>, StoreError> {
        rows::get(&**self.store(), &rows::of_seal(seal))
    }

    /// Returns the seals of a document that are held, in the order of their names.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn seals_of(&self, document: DocumentId) -> Result<Vec<SealId>, StoreError> {
        let page = self.store().scan(&rows::seals_of(document), None, usize::MAX)?;
        Ok(page.iter().filter_map(|(key, _)| rows::seal_in(key)).collect())
    }

    /// Returns the registered minutes of a document, if it is here.
    fn registered_minutes(&self, document: DocumentId) -> Result<Option<Sealed>, ReplicaError> {
        match self.genesis(document) {
            Err(ReplicaError::UnknownDocument { .. }) => Ok(None),
            genesis => Ok(self.registered(&genesis?)?),
        }
    }

    /// Returns whether a document is sealed, as [`Minutes::is_sealed`] of its minutes. Reads no seal where that
    /// tells nothing more, and loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn is_sealed(&self, document: DocumentId) -> Result<bool, ReplicaError> {
        if self.registered_minutes(document)?.is_some() {
            return Ok(true);
        }
        Ok(!self.seals_of(document)?.is_empty() && self.minutes(document)?.is_sealed())
    }

    /// Returns whether the record here shows that a seal of it does not hold, whatever else arrives. Loads
    /// its document.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn contradicts(&self, seal: &Seal) -> Result<bool, ReplicaError> {
        match self.load(seal.statement.document) {
            Ok(document) => Ok(!seal.verify_record(&document).iter().all(Breach::is_waiting)),
            Err(ReplicaError::UnknownDocument { .. } | ReplicaError::UnknownTemplate { .. }) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns what is sealed of a document. Loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn minutes(&self, document: DocumentId) -> Result<Minutes, ReplicaError> {
        let registered = self.registered_minutes(document)?;
        let (mut waiting, mut refused) = (Vec::new(), Vec::new());
        for (prefix, found) in
            [(vec![SEALING], &mut waiting), (rows::seals_refused(document), &mut refused)]
        {
            each_row(&**self.store(), &prefix, None, |key, value| {
                let row: SealingRow = rows::decode(key, value)?;
                if row.document == document {
                    found.push(row);
                }
                Ok(())
            })?;
        }
        let mut minutes = Minutes::default();
        let mut held = Vec::new();
        for id in self.seals_of(document)? {
            let Some(bytes) = self.seal_bytes(id)? else { continue };
            let waits = waiting.iter().find(|row| row.seal == id);
            let given_up = refused.iter().find(|row| row.seal == id);
            let given_up = given_up.and_then(|row| row.given_up.clone());
            let counts = registered.as_ref().filter(|sealed| sealed.seal == id.0);
            let state = match (counts, waits) {
                (Some(_), _) => SealState::Registered,
                (None, Some(_)) if registered.is_none() => SealState::Waiting,
                _ if given_up.is_some() => SealState::GivenUp,
                _ if refused.iter().any(|row| row.seal == id) => SealState::Refused,
                _ if registered.is_some() => SealState::Rival,
                // Named by nobody: it came with a log that has not arrived.
                _ => SealState::Waiting,
            };
            let seal = Seal::decode(&bytes)?;
            held.push(HeldSeal {
                id,
                state,
                here: waits.is_some_and(|row| row.here),
                stored: waits.is_some_and(|row| row.epoch.is_some()),
                official: counts.and_then(|sealed| sealed.official.clone()),
                at: counts.map(|sealed| sealed.at),
                countersigned: self.countersigned(&seal, id)?,
                given_up,
                seal,
            });
        }
        held.sort_by_key(|one| (one.state, one.seal.statement.at, one.id));
        for one in held {
            // One that no log names and nobody presented here is the hub's word alone: its name may still come.
            let presented = waiting.iter().any(|row| row.seal == one.id);
            let counts = one.state == SealState::Registered
                || (one.state == SealState::Waiting && presented);
            if counts && minutes.standing.is_none() {
                minutes.standing = Some(one);
            } else {
                minutes.others.push(one);
            }
        }
        if let Some(sealed) = registered {
            let named = std::iter::once(sealed.seal).chain(sealed.rivals).map(SealId);
            for id in named {
                if self.seal_bytes(id)?.is_none() {
                    minutes.missing.push(id);
                }
            }
            // Until the one that counts has arrived nothing else stands in its place.
            if minutes.standing.as_ref().is_some_and(|one| one.state != SealState::Registered) {
                minutes.others.extend(minutes.standing.take());
            }
        }
        Ok(minutes)
    }

    /// Returns of every device that wrote in a document up to where it is heard here, in the order of
    /// devices, and how many lines of it have no proof of who wrote them yet: those cannot be sealed.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn heard(
        &self,
        document: &Document,
    ) -> Result<(BTreeMap<DeviceId, Vec<HeardLine>>, usize), ReplicaError> {
        let mut heard: BTreeMap<DeviceId, Vec<HeardLine>> = BTreeMap::new();
        let mut unproven = 0;
        for (actor, seq, hash) in document.tips() {
            let named = <[u8; 16]>::try_from(actor.as_slice()).map(Actor).ok();
            let writer = named.map(|actor| self.writer(document.id(), actor)).transpose()?;
            match writer.flatten() {
                Some((device, incarnation)) => {
                    heard.entry(device).or_default().push(HeardLine { incarnation, seq, hash });
                }
                None => unproven += 1,
            }
        }
        for lines in heard.values_mut() {
            lines.sort_unstable();
        }
        Ok((heard, unproven))
    }

    /// Returns the device behind an actor, and the life of its store in which it wrote.
    fn writer(
        &self,
        document: DocumentId,
        actor: Actor,
    ) -> Result<Option<(DeviceId, Incarnation)>, ReplicaError> {
        let tip: Option<rows::TipRow> =
            rows::get(&**self.store(), &rows::of_actor(rows::TIP, document, actor))?;
        if let Some(tip) = tip {
            return Ok(Some((tip.attestation.device, tip.attestation.incarnation)));
        }
        if let Some(carried) = self.carried_tip(document, actor)? {
            return Ok(Some((carried.device, carried.incarnation)));
        }
        // An actor of our own that has released nothing yet: of one of this store's lives.
        let Some(owner) = self.owner()? else { return Ok(None) };
        let lives = self.store().scan(&[rows::LIFE], None, usize::MAX)?;
        let mut lives = lives.iter().filter_map(|(key, _)| key.get(1..17)?.try_into().ok());
        let own =
            lives.find(|life| Actor::derive(owner.device, document, Incarnation(*life)) == actor);
        Ok(own.map(|life| (owner.device, Incarnation(life))))
    }

    /// Returns the members of the team who signed a seal too, as the log of its record's unit says. The
    /// word of somebody who is no member is left out.
    fn countersigned(
        &self,
        seal: &Seal,
        id: SealId,
    ) -> Result<Vec<(DeviceId, Timestamp)>, StoreError> {
        let statement = &seal.statement;
        let prefix = rows::countersigned(&statement.genesis, id);
        let page = self.store().scan(&prefix, None, usize::MAX)?;
        if page.is_empty() {
            return Ok(Vec::new());
        }
        let members = self.members_of(seal)?;
        let mut signed = Vec::new();
        for (key, value) in &page {
            let Some(device) = rows::countersigner_in(key) else { continue };
            if members.contains(&self.holder_of(device)?) {
                signed.push((device, rows::decode(key, value)?));
            }
        }
        Ok(signed)
    }

    /// Returns the holders of the devices that a seal names, and of the one that signed it.
    fn members_of(&self, seal: &Seal) -> Result<BTreeSet<PersonId>, StoreError> {
        let devices = seal.statement.members.iter().map(|member| member.device);
        devices.chain([seal.statement.leader]).map(|device| self.holder_of(device)).collect()
    }

    /// Returns whether the holder of a device is of the team whose minutes a seal is: the seal names a device of
    /// the holder's, and where a leader has said who writes the inspection, the holder is among them or signed the
    /// seal. A seal names those too who wrote and are of no team.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub(crate) fn is_of_team(&self, seal: &Seal, device: DeviceId) -> Result<bool, StoreError> {
        let holder = self.holder_of(device)?;
        if !self.members_of(seal)?.contains(&holder) {
            return Ok(false);
        }
        let assigned = self.assignment(&seal.statement.genesis)?;
        Ok(assigned.is_none_or(|assigned| assigned.persons.contains(&holder))
            || holder == self.holder_of(seal.statement.leader)?)
    }

    /// Returns whose a device is: a person's with each phone that the person has had.
    pub(crate) fn holder_of(&self, device: DeviceId) -> Result<PersonId, StoreError> {
        let known = self.certified(device)?.certificate;
        Ok(known.map_or_else(|| PersonId::of_device(device), |known| known.person))
    }
}

impl Phone {
    /// Keeps minutes that were sealed here, and the act that registers them, as one commit; the next
    /// exchange brings both to the hub. They are durable when it returns.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Seal`] when the act does not name the seal, and [`ReplicaError::Store`]
    /// when it could not be recorded.
    pub fn seal(&self, act: &SignedAct, seal: &Seal) -> Result<SealId, ReplicaError> {
        self.seal_as_it_stands(|| Ok((act.clone(), seal.clone())))
    }

    /// As [`Phone::seal`], of minutes that are looked at, made and kept in one step: nothing is written and
    /// nothing comes from others in between. `make` must not write.
    ///
    /// # Errors
    ///
    /// As [`Phone::seal`], and what `make` returns; nothing is kept then.
    pub fn seal_as_it_stands<E: From<ReplicaError>>(
        &self,
        make: impl FnOnce() -> Result<(SignedAct, Seal), E>,
    ) -> Result<SealId, E> {
        let editing = self.editing().lock()?;
        let (act, seal) = make()?;
        let id = self.keep_seal(&act, &seal)?;
        self.show_sealed(seal.statement.document, &editing);
        Ok(id)
    }

    fn keep_seal(&self, act: &SignedAct, seal: &Seal) -> Result<SealId, ReplicaError> {
        act.verify()?;
        let bytes = seal.encode()?;
        let id = SealId::of(&bytes);
        let document = seal.statement.document;
        if act.act.deed != (Deed::Seal { document, seal: id.0 }) {
            let breaches = vec![Breach::Document];
            return Err(SealError::Breached { breaches }.into());
        }
        self.record(Fact::Signed { act: act.encode()?, seal: bytes })?;
        Ok(id)
    }

    /// Returns the minutes that were sealed on this device and that no hub has registered, as far as is known
    /// here, oldest first: those that wait, those that the hub refused, and those that were given up.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn unregistered(&self) -> Result<Vec<Unregistered>, ReplicaError> {
        let mut found = Vec::new();
        for (table, refused) in [(SEALING, false), (SEAL_REFUSED, true)] {
            each_row(&**self.replica().store(), &[table], None, |key, value| {
                let row: SealingRow = rows::decode(key, value)?;
                if row.here {
                    found.push((row, refused));
                }
                Ok(())
            })?;
        }
        let life = self.hub_life()?;
        let mut minutes = Vec::with_capacity(found.len());
        for (row, refused) in found {
            let kept = !refused && row.is_kept(life);
            let act = SignedAct::decode(&row.act)?;
            let (at, act) = (act.act.at, act.act.id()?);
            let SealingRow { seal, document, given_up, .. } = row;
            minutes.push(Unregistered { act, seal, document, at, refused, kept, given_up });
        }
        minutes.sort_by_key(|one| (one.at, one.seal));
        Ok(minutes)
    }

    /// Gives up minutes that were sealed here and that no hub registers. The seal stays here, with the reason, of
    /// [`FIELD_CHARS_MAX`] characters at most.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::SealKept`] for minutes that the hub keeps: they are not this device's to give up any
    /// more. Returns [`ReplicaError::Edit`] for a reason that is blank or too long, and [`ReplicaError::Store`] when
    /// it could not be recorded.
    ///
    /// [`FIELD_CHARS_MAX`]: crate::model::FIELD_CHARS_MAX
    pub fn drop_seal(&self, act: ActId, reason: &str, at: Timestamp) -> Result<(), ReplicaError> {
        let reason = needed("reason", reason)?;
        // Until it is recorded the hub's word that it keeps them is not taken in.
        let editing = self.editing().lock()?;
        let waiting = self.unregistered()?;
        let named = waiting.iter().find(|one| one.act == act);
        if let Some(kept) = named.filter(|one| one.kept) {
            return Err(ReplicaError::SealKept { seal: kept.seal.short() });
        }
        self.record(Fact::SealDropped { act, reason, at })?;
        if let Some(dropped) = named {
            self.show_sealed(dropped.document, &editing);
        }
        Ok(())
    }

    /// Signs a seal with this device's key.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Seal`] when the statement is another device's or does not hold.
    pub fn sign_seal(
        &self,
        statement: crate::trust::seal::SealStatement,
    ) -> Result<Seal, ReplicaError> {
        Ok(statement.sign(self.key())?)
    }

    /// Returns the seals that no hub has registered yet, own ones and others': the act, the encoded seal,
    /// and the life of the hub's store that keeps it.
    pub(super) fn sealing(&self) -> Result<Vec<(ActId, SealingRow, Vec<u8>)>, ReplicaError> {
        let mut found = Vec::new();
        each_row(&**self.replica().store(), &[SEALING], None, |key, value| {
            let row: SealingRow = rows::decode(key, value)?;
            found.push(row);
            Ok(())
        })?;
        let mut read = Vec::with_capacity(found.len());
        for row in found {
            let Some(bytes) = self.replica().seal_bytes(row.seal)? else { continue };
            read.push((SignedAct::decode(&row.act)?.act.id()?, row, bytes));
        }
        Ok(read)
    }

    /// Leaves out seals among what the hub sent that do not hold by themselves.
    pub(super) fn check_seals(items: &mut Vec<FeedItem>) {
        items.retain(|item| match item {
            FeedItem::Seal(bytes) => Seal::decode(bytes).is_ok_and(|seal| seal.verify().is_empty()),
            _ => true,
        });
    }

    /// Returns what a neighbour is given of seals that no hub has registered, for documents that it reads.
    pub(super) fn seals_for(&self, peer: &DeviceEntry) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let mut read = Vec::new();
        for (_, row, seal) in self.sealing()? {
            if super::reads(peer, &Seal::decode(&seal)?.statement.genesis.scope) {
                read.push((row.act, seal));
            }
        }
        if read.len() > SEALS_GIVEN_MAX {
            // Behind those of the time before, so that all are given in time.
            let from = self.given_turns().next(peer.device);
            let count = read.len();
            read.rotate_left(from % count);
            read.truncate(SEALS_GIVEN_MAX);
        }
        let mut given = Vec::with_capacity(read.len());
        for pair in read {
            let bytes = postcard::to_extend(&pair, GIVEN_TAG.to_vec())
                .map_err(|source| ReplicaError::Encode { what: "seal", source })?;
            given.push(bytes);
        }
        Ok(given)
    }

    /// Keeps a seal that a neighbour gave, if it holds by itself, its signer may seal there as far as
    /// this device was told, and it is not here. Returns whether the bytes were a seal at all.
    pub(super) fn hear_seal(
        &self,
        from: DeviceId,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let Some(pair) = bytes.strip_prefix(GIVEN_TAG) else { return Ok(false) };
        let Ok((act, seal)) = postcard::from_bytes::<(Vec<u8>, Vec<u8>)>(pair) else {
            return Ok(true);
        };
        let (Ok(signed), Ok(read)) = (SignedAct::decode(&act), Seal::decode(&seal)) else {
            return Ok(true);
        };
        let (id, statement) = (SealId::of(&seal), &read.statement);
        let named = Deed::Seal { document: statement.document, seal: id.0 };
        let fits = signed.act.deed == named
            && signed.act.by == statement.leader
            && signed.act.scope == statement.genesis.scope
            && signed.verify().is_ok()
            && read.verify().is_empty();
        if !fits {
            return Ok(true);
        }
        // Nothing is sealed or edited here between the look and the record.
        let editing = self.editing().lock_behind_edits()?;
        let store = self.replica().store();
        let own = self.replica().device(self.device())?;
        let readable = own.is_none_or(|own| super::reads(&own, &statement.genesis.scope));
        let known = store.get(&rows::of_seal(id))?.is_some();
        if !readable || known || !self.may_seal(&signed, now)? {
            return Ok(true);
        }
        // One that can be seen here not to hold would keep this device from writing.
        if self.replica().contradicts(&read)? {
            return Ok(true);
        }
        let document = statement.document;
        self.record(Fact::HeardSeal { act, seal, from, at: now })?;
        self.show_sealed(document, &editing);
        Ok(true)
    }

    fn may_seal(&self, act: &SignedAct, now: Timestamp) -> Result<bool, StoreError> {
        let mut draft = Drafting::new(&**self.replica().store());
        draft.with(|rows| may_act(rows, &act.act, now, &covers))
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::{leader, seal};
