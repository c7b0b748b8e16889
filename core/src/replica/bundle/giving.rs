//! A phone writes a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::{
    ASKS_BYTES_MAX, ASKS_MAX, Asked, BundleEntropy, BundleGiven, Greeting, Part, Receiver, encode,
    too_large, write,
};
use crate::model::{Actor, DeviceId, DocumentId, Scope, TemplateId, Timestamp};
use crate::replica::documents::each_row;
use crate::replica::phone::Phone;
use crate::replica::provide::Provided;
use crate::replica::rows::{
    self, ARRIVAL, CARRIED, CONTROL, CarriedRow, ControlRow, EpochRow, OUTBOX, PACK, PackRow, TIP,
    UNRELEASED, meta,
};
use crate::replica::{ReplicaError, access};
use crate::store::StoreError;
use crate::sync::{DeviceEntry, PackHeader, Want};
use crate::trust::bundle::{LETTERS_MAX, LetterWriter, begin};
use crate::trust::control::ControlEntry;

/// Rows of control logs looked at together.
const PAGE_ROWS: usize = 256;

/// Lines to give, each from which change on.
type Lines = BTreeMap<(DocumentId, Actor), u64>;

/// What is to leave in a bundle.
#[derive(Default)]
struct Leaving {
    /// All that is held, and whatever can still be read of it.
    all: bool,
    lines: Lines,
    /// Own lines in the same documents, for phones: what the hub has of them a phone may lack, and could take
    /// nothing that follows.
    own: BTreeSet<(DocumentId, Actor)>,
    /// Packs that were signed and could not be kept: there is no room.
    unsaved: BTreeMap<(DocumentId, Actor), Vec<Vec<u8>>>,
    /// Lines with edits that could not be signed.
    unsigned: BTreeSet<(DocumentId, Actor)>,
}

impl Leaving {
    /// Returns the lines of which anything is here that may have to leave.
    fn names(&self, to_phone: bool) -> BTreeSet<(DocumentId, Actor)> {
        let mut names = self.lacking_at_hub();
        if to_phone {
            names.extend(&self.own);
        }
        names
    }

    fn lacking_at_hub(&self) -> BTreeSet<(DocumentId, Actor)> {
        let signed = self.lines.keys().chain(self.unsaved.keys());
        signed.chain(&self.unsigned).copied().collect()
    }

    /// Returns what of a line is signed and kept.
    fn wants(&self, (document, actor): (DocumentId, Actor)) -> Option<Want> {
        let from_seq = self.lines.get(&(document, actor)).copied();
        from_seq.map(|from_seq| Want { document, actor, from_seq })
    }

    /// Fails where a failure ends the export: one of the disk, unless all that can still be read is to
    /// leave. Anything else is one line's, or one entry's.
    fn lost(&self, error: ReplicaError) -> Result<(), ReplicaError> {
        match error {
            ReplicaError::Store(StoreError::Io { .. } | StoreError::Poisoned { .. })
                if !self.all =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }
}

impl Phone {
    /// Writes a bundle with a letter to each receiver: what no hub has signed for, own and carried, or `all`
    /// that is held; with the decisions on rights that the receiver is told of, and for a phone with what this
    /// device wrote in the same records before. Each receiver
    /// gets what both this device and it may read, and nothing else.
    ///
    /// What cannot be read here any more is left out and counted, so that it keeps nothing else here.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Stranger`] when a receiver's rights have ended,
    /// [`ReplicaError::LeaseEnded`] when this device has been away from its hub for too long to give
    /// anything to phones, [`ReplicaError::Bundle`] when it could not be written or has more receivers than
    /// one file may have letters, and
    /// [`ReplicaError::Store`] when reading fails. What was written by then is no bundle.
    pub fn write_bundle(
        &self,
        out: &mut dyn Write,
        receivers: &[Receiver],
        all: bool,
        entropy: BundleEntropy<'_>,
        now: Timestamp,
    ) -> Result<Vec<BundleGiven>, ReplicaError> {
        if receivers.len() > LETTERS_MAX {
            return Err(too_large("letters", LETTERS_MAX));
        }
        let leaving = self.leaving(all, now)?;
        begin(out)?;
        let mut given = Vec::with_capacity(receivers.len());
        for receiver in receivers {
            let seed = zeroize::Zeroizing::new(entropy());
            given.push(match receiver {
                Receiver::Hub(hub) => {
                    let mut letter = LetterWriter::new(out, self.key(), *hub, now, &seed)?;
                    let given = self.write_to_hub(&mut letter, *hub, &leaving, now)?;
                    letter.finish()?;
                    given
                }
                Receiver::Device(peer) => {
                    let peer = self.receiver(peer, now)?;
                    let mut letter = LetterWriter::new(out, self.key(), peer.device, now, &seed)?;
                    let given = self.write_to_phone(&mut letter, &peer, &leaving)?;
                    letter.finish()?;
                    given
                }
            });
        }
        Ok(given)
    }

    /// Returns what is known of a phone that something is to be given to, as a meeting asks it.
    fn receiver(&self, peer: &DeviceEntry, now: Timestamp) -> Result<DeviceEntry, ReplicaError> {
        let peer = self.replica().device(peer.device)?.unwrap_or_else(|| peer.clone());
        if !peer.active {
            return Err(ReplicaError::Stranger { device: peer.device.short() });
        }
        self.expect_lease(now)?;
        Ok(peer.in_force(now))
    }

    /// Fails where this device has been away from its hub for too long to exchange with phones.
    pub(super) fn expect_lease(&self, now: Timestamp) -> Result<(), ReplicaError> {
        match self.replica().lease()?.filter(|until| *until < now) {
            Some(until) => Err(ReplicaError::LeaseEnded { until }),
            None => Ok(()),
        }
    }

    fn write_to_phone(
        &self,
        letter: &mut LetterWriter<'_>,
        peer: &DeviceEntry,
        leaving: &Leaving,
    ) -> Result<BundleGiven, ReplicaError> {
        let mut given = none_for(peer.device);
        self.write_control(letter, peer, leaving, &mut given)?;
        let heads = self.heads_told()?;
        if !heads.is_empty() {
            write(letter, &Part::Heads(heads))?;
        }
        for seal in self.seals_for(peer)? {
            given.decisions += 1;
            write(letter, &Part::Seal(seal))?;
        }
        self.write_packs(letter, Some(peer), leaving, &mut given)?;
        Ok(given)
    }

    /// Writes the control logs of the units that concern a device, from their beginnings: what it holds it
    /// leaves out, and behind a hole it could use nothing.
    fn write_control(
        &self,
        letter: &mut LetterWriter<'_>,
        peer: &DeviceEntry,
        leaving: &Leaving,
        given: &mut BundleGiven,
    ) -> Result<(), ReplicaError> {
        let told: BTreeSet<Scope> = access::governing(peer).into_iter().collect();
        let store = self.replica().store();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(&[CONTROL], after.as_deref(), PAGE_ROWS)?;
            for (key, value) in &page {
                let entry = rows::decode(key, value).map_err(ReplicaError::from);
                let entry = entry.and_then(|row: ControlRow| {
                    Ok((ControlEntry::decode(&row.bytes)?.scope().clone(), row.bytes))
                });
                match entry {
                    Ok((scope, bytes)) if told.contains(&scope) => {
                        given.control += 1;
                        write(letter, &Part::Control(bytes))?;
                    }
                    Ok(_) => {}
                    Err(error) => leaving.lost(error)?,
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE_ROWS => after = Some(key.clone()),
                _ => return Ok(()),
            }
        }
    }

    fn write_to_hub(
        &self,
        letter: &mut LetterWriter<'_>,
        hub: DeviceId,
        leaving: &Leaving,
        now: Timestamp,
    ) -> Result<BundleGiven, ReplicaError> {
        let mut given = none_for(hub);
        let greeting = match self.greeting(hub, leaving, now) {
            Ok(greeting) => greeting,
            Err(error) => {
                // The hub answers one that knows nothing, and what is here still leaves.
                leaving.lost(error)?;
                Greeting::default()
            }
        };
        write(letter, &Part::Greeting(greeting))?;
        let errands = self.errands();
        match errands.and_then(|errands| Ok((errands, self.rights_digest()?))) {
            Ok((errands, rights)) => {
                let (mut count, mut bytes) = (0, 0);
                for (errand, request) in errands {
                    let part = Part::Ask(request, Asked { errand, rights });
                    let encoded = encode(&part)?;
                    (count, bytes) = (count + 1, bytes + encoded.len());
                    // The others are asked the next time.
                    if count > ASKS_MAX || bytes > ASKS_BYTES_MAX {
                        break;
                    }
                    given.decisions += 1;
                    letter.part(&encoded)?;
                }
            }
            Err(error) => leaving.lost(error)?,
        }
        self.write_packs(letter, None, leaving, &mut given)?;
        Ok(given)
    }

    /// Returns how far this phone is, as an exchange says it. Of what waits to leave nothing is read: what
    /// is damaged there must not keep the rest here.
    fn greeting(
        &self,
        hub: DeviceId,
        leaving: &Leaving,
        now: Timestamp,
    ) -> Result<Greeting, ReplicaError> {
        let store = &**self.replica().store();
        let gap = self.has_gap()?;
        let noted = if gap { self.lag() } else { Ok(()) };
        match noted.and_then(|()| self.pin(hub, now)) {
            // Without room to note it, it is found again the next time.
            Ok(()) | Err(ReplicaError::Store(StoreError::Full { .. })) => {}
            Err(error) => leaving.lost(error)?,
        }
        let position = rows::position(store, meta::POSITION)?.filter(|_| !gap);
        let notices: Option<u64> = rows::get(store, &rows::single(meta::NOTICES))?;
        let tips = store.scan(&[TIP], None, 1)?;
        let life: Option<EpochRow> = rows::get(store, &rows::single(meta::EPOCH))?;
        Ok(Greeting {
            life: life.map(|row| row.epoch),
            position,
            notices: notices.unwrap_or(0),
            empty: tips.is_empty() && position.is_none() && self.awaits_all()?,
            heads: self.heads_named(hub)?,
        })
    }

    /// Signs all edits and returns what is to leave.
    fn leaving(&self, all: bool, now: Timestamp) -> Result<Leaving, ReplicaError> {
        let mut leaving = Leaving { all, ..Leaving::default() };
        let signed = loop {
            match self.release_some(now) {
                Ok((_, true)) => {}
                Ok((_, false)) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        match signed {
            Err(ReplicaError::Store(StoreError::Full { .. })) => self.sign_unsaved(&mut leaving)?,
            Err(error) => {
                leaving.lost(error)?;
                self.sign_unsaved(&mut leaving)?;
            }
            Ok(()) => {}
        }
        leaving.lines = if all { self.all_lines()? } else { self.unconfirmed_lines()? };
        // What is not signed yet, or could not be: such a line must not look as if it had left.
        let unsaved: BTreeMap<_, _> = leaving
            .unsaved
            .iter()
            .map(|(name, packs)| {
                let last = packs.last().and_then(|pack| PackHeader::peek(pack).ok());
                (*name, last.map_or(0, |header| header.last_seq))
            })
            .collect();
        each_row(&**self.replica().store(), &[UNRELEASED], None, |key, _| {
            if let (Some(document), Some(actor), Some(seq)) =
                (rows::document_in(key), rows::actor_in(key), rows::number_in(key))
            {
                let name = (document, actor);
                if unsaved.get(&name).is_none_or(|last| *last < seq) {
                    leaving.unsigned.insert(name);
                }
            }
            Ok(())
        })?;
        leaving.own = self.own_lines(&leaving)?;
        Ok(leaving)
    }

    /// Signs edits that cannot be noted as signed. Later the same changes are signed again, and whoever got
    /// them has them already.
    fn sign_unsaved(&self, leaving: &mut Leaving) -> Result<(), ReplicaError> {
        let mut after = None;
        loop {
            let signed = match self.sign_after(after) {
                Ok(signed) => signed,
                Err(error) => return leaving.lost(error),
            };
            for pack in signed.packs {
                if let Ok(header) = PackHeader::peek(&pack) {
                    let name = (header.document, header.actor);
                    leaving.unsaved.entry(name).or_default().push(pack);
                }
            }
            if !signed.more {
                return Ok(());
            }
            after = signed.after;
        }
    }

    /// Writes packs line by line: one line is in memory. A phone gets the checklists with them. A line that
    /// cannot be read is counted, and keeps no other here.
    fn write_packs(
        &self,
        letter: &mut LetterWriter<'_>,
        peer: Option<&DeviceEntry>,
        leaving: &Leaving,
        given: &mut BundleGiven,
    ) -> Result<(), ReplicaError> {
        let own = match peer {
            Some(_) => self.replica().device(self.device())?,
            None => None,
        };
        let mut shown: BTreeSet<TemplateId> = BTreeSet::new();
        for name in leaving.names(peer.is_some()) {
            let genesis = match self.replica().genesis(name.0) {
                Ok(genesis) => genesis,
                Err(error) => {
                    leaving.lost(error)?;
                    given.withheld += 1;
                    continue;
                }
            };
            if let Some(peer) = peer {
                let both = own.as_ref().is_none_or(|own| access::reads(own, &genesis.scope))
                    && access::reads(peer, &genesis.scope);
                if !both {
                    continue;
                }
                if let Some(template) = genesis.template.filter(|template| shown.insert(*template))
                {
                    match self.replica().object(template) {
                        Ok(Some(bytes)) => write(letter, &Part::Object(bytes))?,
                        Ok(None) => {}
                        Err(error) => leaving.lost(error.into())?,
                    }
                }
            }
            let mut withheld = usize::from(leaving.unsigned.contains(&name));
            let packs = match self.provided(leaving, name, peer.is_some()) {
                Ok(provided) => {
                    withheld += provided.missing.len();
                    provided.packs
                }
                Err(error) => {
                    leaving.lost(error)?;
                    withheld += 1;
                    Vec::new()
                }
            };
            given.withheld += withheld.min(1);
            for pack in
                packs.into_iter().chain(leaving.unsaved.get(&name).cloned().unwrap_or_default())
            {
                given.packs += 1;
                write(letter, &Part::Pack(pack))?;
            }
        }
        Ok(())
    }

    /// Returns what leaves of a line: to a phone an own line whole, where all of it can be given still, and of
    /// another's all that is carried.
    fn provided(
        &self,
        leaving: &Leaving,
        name: (DocumentId, Actor),
        to_phone: bool,
    ) -> Result<Provided, ReplicaError> {
        if to_phone && leaving.own.contains(&name) {
            let whole = Want { document: name.0, actor: name.1, from_seq: 1 };
            // What is damaged in what the hub has keeps nothing else here.
            if let Ok(provided) = self.replica().provide(&[whole])
                && provided.missing.is_empty()
            {
                return Ok(provided);
            }
        }
        let mut wants: Vec<Want> = leaving.wants(name).into_iter().collect();
        if to_phone && let Some(want) = wants.first_mut() {
            // What the hub has of it is not in the record here yet, so whoever gets the rest may lack it too.
            let prefix = rows::of_actor(CARRIED, name.0, name.1);
            let first = self.replica().store().scan(&prefix, None, 1)?.pop();
            // A row that does not read says nothing of where its pack begins; the rest leaves all the same.
            let first = first.and_then(|(key, row)| rows::decode::<CarriedRow>(&key, &row).ok());
            want.from_seq = first.map_or(want.from_seq, |row| row.first_seq.min(want.from_seq));
        }
        self.replica().provide(&wants)
    }

    /// Returns the own lines in the documents of which something is to leave.
    fn own_lines(&self, leaving: &Leaving) -> Result<BTreeSet<(DocumentId, Actor)>, ReplicaError> {
        let documents: BTreeSet<DocumentId> =
            leaving.lacking_at_hub().into_iter().map(|(document, _)| document).collect();
        let mut lines = BTreeSet::new();
        for document in documents {
            let prefix = rows::of_document(ARRIVAL, document);
            each_row(&**self.replica().store(), &prefix, None, |key, _| {
                lines.extend(rows::actor_in(key).map(|actor| (document, actor)));
                Ok(())
            })?;
        }
        Ok(lines)
    }

    /// Returns the lines of which something is here that no hub has signed for in the life of its store that
    /// was met last, from there on.
    fn unconfirmed_lines(&self) -> Result<Lines, ReplicaError> {
        let store = &**self.replica().store();
        let life: Option<EpochRow> = rows::get(store, &rows::single(meta::EPOCH))?;
        let life = life.map(|row| row.epoch);
        let mut lines = Lines::new();
        each_row(store, &[OUTBOX], None, |key, _| {
            if let (Some(document), Some(actor), Some(seq)) =
                (rows::document_in(key), rows::actor_in(key), rows::number_in(key))
            {
                let held = rows::of_seq(PACK, document, actor, seq);
                // A row that does not read says nothing of where its pack begins.
                let held: Option<PackRow> = rows::get(store, &held).unwrap_or_default();
                note(&mut lines, (document, actor), held.map_or(seq, |held| held.first_seq));
            }
            Ok(())
        })?;
        each_row(store, &[CARRIED], None, |key, value| {
            let Ok(row) = rows::decode::<CarriedRow>(key, value) else {
                if let (Some(document), Some(actor)) = (rows::document_in(key), rows::actor_in(key))
                {
                    note(&mut lines, (document, actor), 1);
                }
                return Ok(());
            };
            if row.stored.is_none() || row.stored != life {
                let name = (row.attestation.document, row.attestation.actor());
                note(&mut lines, name, row.first_seq);
            }
            Ok(())
        })?;
        Ok(lines)
    }

    fn all_lines(&self) -> Result<Lines, ReplicaError> {
        let store = &**self.replica().store();
        let mut lines = Lines::new();
        for table in [TIP, CARRIED] {
            each_row(store, &[table], None, |key, _| {
                if let (Some(document), Some(actor)) = (rows::document_in(key), rows::actor_in(key))
                {
                    note(&mut lines, (document, actor), 1);
                }
                Ok(())
            })?;
        }
        Ok(lines)
    }
}

fn note(lines: &mut Lines, name: (DocumentId, Actor), from: u64) {
    let first = lines.entry(name).or_insert(from);
    *first = (*first).min(from);
}

fn none_for(receiver: DeviceId) -> BundleGiven {
    BundleGiven { receiver, packs: 0, control: 0, decisions: 0, withheld: 0 }
}
