//! A phone writes a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::{BundleEntropy, BundleGiven, Greeting, Part, Receiver, write};
use crate::model::{Actor, DeviceId, DocumentId, Scope, TemplateId, Timestamp};
use crate::replica::documents::each_row;
use crate::replica::phone::Phone;
use crate::replica::rows::{
    self, CARRIED, CONTROL, CarriedRow, ControlRow, EpochRow, OUTBOX, PACK, PackRow, TIP, meta,
};
use crate::replica::{ReplicaError, access};
use crate::store::StoreError;
use crate::sync::{DeviceEntry, Want};
use crate::trust::bundle::{LetterWriter, begin};
use crate::trust::control::ControlEntry;

/// Rows of control logs looked at together.
const PAGE_ROWS: usize = 256;

/// Lines to give, each from which change on.
type Lines = BTreeMap<(DocumentId, Actor), u64>;

impl Phone {
    /// Writes a bundle with a letter to each receiver: what no hub has signed for, own and carried, or `all`
    /// that is held; with the decisions on rights that the receiver is told of. Each receiver gets what
    /// both this device and it may read, and nothing else.
    ///
    /// What cannot be read here any more is left out and counted, so that it keeps nothing else here.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Stranger`] when a receiver's rights have ended,
    /// [`ReplicaError::LeaseEnded`] when this device has been away from its hub for too long to give
    /// anything to phones, [`ReplicaError::Bundle`] when it could not be written, and
    /// [`ReplicaError::Store`] when reading fails. What was written by then is no bundle.
    pub fn write_bundle(
        &self,
        out: &mut dyn Write,
        receivers: &[Receiver],
        all: bool,
        entropy: BundleEntropy<'_>,
        now: Timestamp,
    ) -> Result<Vec<BundleGiven>, ReplicaError> {
        begin(out)?;
        let mut given = Vec::with_capacity(receivers.len());
        for receiver in receivers {
            let seed = zeroize::Zeroizing::new(entropy());
            given.push(match receiver {
                Receiver::Hub(hub) => {
                    let mut letter = LetterWriter::new(out, self.key(), *hub, now, &seed)?;
                    let given = self.write_to_hub(&mut letter, *hub, all, now)?;
                    letter.finish()?;
                    given
                }
                Receiver::Device(peer) => {
                    let peer = self.receiver(peer, now)?;
                    let mut letter = LetterWriter::new(out, self.key(), peer.device, now, &seed)?;
                    let given = self.write_to_phone(&mut letter, &peer, all)?;
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
        self.sign_what_waits(now)?;
        Ok(peer.in_force(now))
    }

    /// Fails where this device has been away from its hub for too long to exchange with phones.
    pub(super) fn expect_lease(&self, now: Timestamp) -> Result<(), ReplicaError> {
        match self.replica().lease()?.filter(|until| *until < now) {
            Some(until) => Err(ReplicaError::LeaseEnded { until }),
            None => Ok(()),
        }
    }

    /// Signs all edits. Returns whether there was no room to keep what was signed.
    fn sign_what_waits(&self, now: Timestamp) -> Result<bool, ReplicaError> {
        loop {
            match self.release_some(now) {
                Ok((_, true)) => {}
                Ok((_, false)) => return Ok(false),
                Err(ReplicaError::Store(StoreError::Full { .. })) => return Ok(true),
                Err(error) => return Err(error),
            }
        }
    }

    fn write_to_phone(
        &self,
        letter: &mut LetterWriter<'_>,
        peer: &DeviceEntry,
        all: bool,
    ) -> Result<BundleGiven, ReplicaError> {
        let mut given = none_for(peer.device);
        self.write_control(letter, peer, &mut given)?;
        let heads = self.heads_told()?;
        if !heads.is_empty() {
            write(letter, &Part::Heads(heads))?;
        }
        for seal in self.seals_for(peer)? {
            given.decisions += 1;
            write(letter, &Part::Seal(seal))?;
        }
        self.write_packs(letter, Some(peer), all, &mut given)?;
        Ok(given)
    }

    /// Writes the control logs of the units that concern a device, from their beginnings: what it holds it
    /// leaves out, and behind a hole it could use nothing.
    fn write_control(
        &self,
        letter: &mut LetterWriter<'_>,
        peer: &DeviceEntry,
        given: &mut BundleGiven,
    ) -> Result<(), ReplicaError> {
        let told: BTreeSet<Scope> = access::governing(peer).into_iter().collect();
        let store = self.replica().store();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(&[CONTROL], after.as_deref(), PAGE_ROWS)?;
            for (key, value) in &page {
                let row: ControlRow = rows::decode(key, value)?;
                if told.contains(ControlEntry::decode(&row.bytes)?.scope()) {
                    given.control += 1;
                    write(letter, &Part::Control(row.bytes))?;
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
        all: bool,
        now: Timestamp,
    ) -> Result<BundleGiven, ReplicaError> {
        let mut given = none_for(hub);
        let full = self.sign_what_waits(now)?;
        let (start, _) = self.start(hub, false, now)?;
        let (position, heads) = (start.position, start.heads);
        let greeting = Greeting { position, notices: start.notices, empty: start.empty, heads };
        write(letter, &Part::Greeting(greeting))?;
        for (_, request) in self.errands()? {
            given.decisions += 1;
            write(letter, &Part::Ask(request))?;
        }
        if full {
            // Signed, and in no row, because there is no room for one.
            for pack in start.outbox {
                given.packs += 1;
                write(letter, &Part::Pack(pack))?;
            }
        }
        self.write_packs(letter, None, all, &mut given)?;
        Ok(given)
    }

    /// Writes packs line by line: one line is in memory. A phone gets the checklists with them.
    fn write_packs(
        &self,
        letter: &mut LetterWriter<'_>,
        peer: Option<&DeviceEntry>,
        all: bool,
        given: &mut BundleGiven,
    ) -> Result<(), ReplicaError> {
        let lines = if all { self.all_lines()? } else { self.unconfirmed_lines()? };
        let own = self.replica().device(self.device())?;
        let mut shown: BTreeSet<TemplateId> = BTreeSet::new();
        for ((document, actor), from_seq) in lines {
            let genesis = match self.replica().genesis(document) {
                Err(ReplicaError::UnknownDocument { .. }) => continue,
                genesis => genesis?,
            };
            if let Some(peer) = peer {
                let both = own.as_ref().is_none_or(|own| access::reads(own, &genesis.scope))
                    && access::reads(peer, &genesis.scope);
                if !both {
                    continue;
                }
                if let Some(template) = genesis.template.filter(|template| shown.insert(*template))
                    && let Some(bytes) = self.replica().object(template)?
                {
                    write(letter, &Part::Object(bytes))?;
                }
            }
            match self.replica().provide(&[Want { document, actor, from_seq }]) {
                Ok(provided) => {
                    given.withheld += provided.missing.len();
                    for pack in provided.packs {
                        given.packs += 1;
                        write(letter, &Part::Pack(pack))?;
                    }
                }
                // One document that does not open must not keep the others here.
                Err(error @ ReplicaError::Store(StoreError::Io { .. })) => return Err(error),
                Err(_) => given.withheld += 1,
            }
        }
        Ok(())
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
                let held: Option<PackRow> = rows::get(store, &held)?;
                note(&mut lines, (document, actor), held.map_or(seq, |held| held.first_seq));
            }
            Ok(())
        })?;
        each_row(store, &[CARRIED], None, |key, value| {
            let row: CarriedRow = rows::decode(key, value)?;
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
