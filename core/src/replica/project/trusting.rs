//! The control log in rows: who may do what, as the entries held say.

use std::collections::{BTreeMap, BTreeSet};

use super::{Overlay, Step};
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, PersonId, Scope, TemplateId, Timestamp,
};
use crate::replica::access::covers;
use crate::replica::rows::{
    self, ACTING, ASSIGNED, ActingRow, CERTIFIED, CONTROL, ControlRow, DEVICE, Entry,
    QuarantineRow, SEALED, SelfRow, TRUST_TABLES, meta,
};
use crate::store::{Read, StoreError, Writes};
use crate::sync::FeedItem;
use crate::trust::DeviceEntry;
use crate::trust::control::{
    ActId, Assignment, ChainHead, ControlEntry, Deed, Device, Entered, Folded, HubKeys, Judged,
    Judgement, Link, Log, Person, Sealed, SignedAct, TrustRows, entry_of, fold,
};
use crate::trust::seal::SealId;

/// The rows of the control log, and which devices may have changed with what was folded.
pub(in crate::replica) struct TrustIndex<'i, 'o> {
    pub(super) index: &'i mut Overlay<'o>,
    touched: BTreeSet<DeviceId>,
    /// Documents of which another seal may count now.
    sealed: BTreeSet<DocumentId>,
}

impl<'i, 'o> TrustIndex<'i, 'o> {
    pub(super) fn new(index: &'i mut Overlay<'o>) -> Self {
        Self { index, touched: BTreeSet::new(), sealed: BTreeSet::new() }
    }

    /// Folds one entry that the hub entered after all that are held.
    pub(in crate::replica) fn fold(&mut self, entry: &ControlEntry) -> Result<Folded, StoreError> {
        fold(self, entry, &covers)
    }

    /// Folds entries; where one comes after some that the hub entered later, all that is held is
    /// folded anew in the hub's order, once. Returns what became of each.
    pub(in crate::replica) fn fold_all(
        &mut self,
        entries: &[ControlEntry],
    ) -> Result<Vec<Folded>, StoreError> {
        self.put_links(entries)?;
        let mut folded = Vec::with_capacity(entries.len());
        for entry in entries {
            match self.fold(entry)? {
                Folded::Early => break,
                one => folded.push(one),
            }
        }
        if folded.len() == entries.len() {
            return Ok(folded);
        }
        let held = self.entries()?;
        let late = entries.get(folded.len()..).unwrap_or_default();
        let mut all: Vec<(&ControlEntry, Option<usize>)> =
            held.iter().map(|entry| (entry, None)).collect();
        all.extend(late.iter().enumerate().map(|(place, entry)| (entry, Some(place))));
        all.sort_by_cached_key(|(entry, _)| Entered::of(entry));
        self.clear()?;
        let mut of_late = vec![Folded::Gap; late.len()];
        for (entry, place) in all {
            let outcome = self.fold(entry)?;
            if let Some(place) = place {
                of_late[place] = outcome;
            }
        }
        folded.append(&mut of_late);
        Ok(folded)
    }

    fn entries(&self) -> Result<Vec<ControlEntry>, StoreError> {
        let held = self.index.rows(&[CONTROL])?;
        let read = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            let row: ControlRow = rows::decode(key, value)?;
            ControlEntry::decode(&row.bytes)
                .map_err(|_| StoreError::Damaged { what: "an entry of a control log".to_owned() })
        };
        held.iter().map(read).collect()
    }

    /// Takes out all that was folded, the pinned key aside. What it said of each device may not hold
    /// after another folding.
    fn clear(&mut self) -> Result<(), StoreError> {
        let certified = self.index.rows(&[CERTIFIED])?;
        self.touched.extend(certified.keys().filter_map(|key| rows::device_in(key)));
        let sealed = self.index.rows(&[SEALED])?;
        self.sealed.extend(sealed.keys().filter_map(|key| rows::document_in(key)));
        for table in TRUST_TABLES {
            for (key, _) in self.index.rows(&[table])? {
                self.index.remove(key);
            }
        }
        // Who follows whom does not depend on what else was decided.
        self.index.remove(rows::single(meta::HUB_RETIRED));
        self.index.remove(rows::single(meta::CONTROL_AT));
        Ok(())
    }

    fn links(&self) -> Result<BTreeMap<Link, Vec<u8>>, StoreError> {
        Ok(self.index.get(&rows::single(meta::HUB_LINKS))?.unwrap_or_default())
    }

    fn all_retired(&self) -> Result<BTreeMap<DeviceId, Timestamp>, StoreError> {
        Ok(self.index.get(&rows::single(meta::HUB_RETIRED))?.unwrap_or_default())
    }

    /// Pins a key of the hub; those that announcements lead to from it count too.
    pub(super) fn pin(&mut self, hub: DeviceId) -> Result<(), StoreError> {
        self.keep(Some(hub), &[])
    }

    /// Pins a key, if one is named, and keeps of the announcements that are held and these the ones that say which
    /// keys are the hub's. They are looked at together: one may hang on another that comes after it.
    pub(super) fn keep(
        &mut self,
        hub: Option<DeviceId>,
        news: &[(Link, &SignedAct)],
    ) -> Result<(), StoreError> {
        let Some(pinned) = hub.or(self.hub_keys()?.first().copied()) else { return Ok(()) };
        let held = self.links()?;
        let all: BTreeSet<Link> =
            held.keys().copied().chain(news.iter().map(|(link, _)| *link)).collect();
        let needed = HubKeys::needed(pinned, &all);
        let mut links = held.clone();
        links.retain(|link, _| needed.contains(link));
        for (link, act) in news.iter().filter(|(link, _)| needed.contains(link)) {
            if !links.contains_key(link) {
                let bytes = act.encode().map_err(|_| StoreError::Damaged {
                    what: "an announcement of a key".to_owned(),
                })?;
                links.insert(*link, bytes);
            }
        }
        if links != held {
            self.index.put(rows::single(meta::HUB_LINKS), &links);
        }
        self.index.put(rows::single(meta::HUB_KEYS), &HubKeys::of(pinned, &needed).all());
        Ok(())
    }

    /// Keeps the announcements among entries before any is folded: those that an earlier key signed count
    /// then, in whatever order they came.
    fn put_links(&mut self, entries: &[ControlEntry]) -> Result<(), StoreError> {
        let news: Vec<(Link, &SignedAct)> =
            entries.iter().filter_map(|entry| Some((entry.announces()?, &entry.act))).collect();
        if news.is_empty() { Ok(()) } else { self.keep(None, &news) }
    }

    /// Returns the devices whose rights may have changed, and the documents of which another seal may count.
    fn into_touched(self) -> (BTreeSet<DeviceId>, BTreeSet<DocumentId>) {
        (self.touched, self.sealed)
    }
}

impl TrustRows for TrustIndex<'_, '_> {
    type Error = StoreError;

    fn head(&self, log: Log<'_>) -> Result<ChainHead, StoreError> {
        Ok(self.index.get(&rows::control_head(log))?.unwrap_or_default())
    }

    fn link(&self, log: Log<'_>, number: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let row: Option<ControlRow> = self.index.get(&rows::of_control(log, number))?;
        Ok(row.map(|row| row.hash))
    }

    fn push(&mut self, entry: &ControlEntry, head: ChainHead) -> Result<(), StoreError> {
        let bytes = entry
            .encode()
            .map_err(|_| StoreError::Damaged { what: "an entry of a control log".to_owned() })?;
        let row = ControlRow { hash: head.hash, bytes };
        self.index.put(rows::of_control(entry.log(), entry.number), &row);
        self.index.put(rows::control_head(entry.log()), &head);
        self.index.put(rows::single(meta::CONTROL_AT), &Entered::of(entry));
        self.note_registered(&entry.act)?;
        self.note_number(entry)
    }

    fn latest(&self) -> Result<Option<Entered>, StoreError> {
        self.index.get(&rows::single(meta::CONTROL_AT))
    }

    fn hub_keys(&self) -> Result<Vec<DeviceId>, StoreError> {
        Ok(self.index.get(&rows::single(meta::HUB_KEYS))?.unwrap_or_default())
    }

    fn put_link(&mut self, link: Link, act: &SignedAct) -> Result<(), StoreError> {
        if self.has_link(link)? { Ok(()) } else { self.keep(None, &[(link, act)]) }
    }

    fn has_link(&self, link: Link) -> Result<bool, StoreError> {
        Ok(self.links()?.contains_key(&link))
    }

    fn retired(&self, key: DeviceId) -> Result<Option<Timestamp>, StoreError> {
        let retired = self.all_retired()?;
        let Some(pinned) = self.hub_keys()?.first().copied().filter(|_| !retired.is_empty()) else {
            return Ok(None);
        };
        Ok(HubKeys::of(pinned, &self.links()?.into_keys().collect()).retired(key, &retired))
    }

    fn put_retired(&mut self, key: DeviceId, at: Timestamp) -> Result<(), StoreError> {
        let mut retired = self.all_retired()?;
        retired.insert(key, at);
        self.index.put(rows::single(meta::HUB_RETIRED), &retired);
        Ok(())
    }

    fn has_act(&self, act: ActId) -> Result<bool, StoreError> {
        Ok(self.index.get::<()>(&rows::of_act(act))?.is_some())
    }

    fn put_act(&mut self, act: ActId) -> Result<(), StoreError> {
        self.index.put(rows::of_act(act), &());
        // A decision made here is registered now, if it was.
        self.index.remove(rows::of_acting(act));
        self.index.remove(rows::of_sealing(act));
        Ok(())
    }

    fn person(&self, person: PersonId) -> Result<Person, StoreError> {
        Ok(self.index.get(&rows::of_person(person))?.unwrap_or_default())
    }

    fn put_person(&mut self, person: PersonId, value: Person) -> Result<(), StoreError> {
        self.touched.extend(value.devices.iter().copied());
        self.index.put(rows::of_person(person), &value);
        Ok(())
    }

    fn device(&self, device: DeviceId) -> Result<Device, StoreError> {
        Ok(self.index.get(&rows::of_certified(device))?.unwrap_or_default())
    }

    fn put_device(&mut self, device: DeviceId, value: Device) -> Result<(), StoreError> {
        self.touched.insert(device);
        self.index.put(rows::of_certified(device), &value);
        Ok(())
    }

    fn assignment(&self, scope: &Scope, of: DocumentId) -> Result<Option<Assignment>, StoreError> {
        self.index.get(&rows::of_document_in(ASSIGNED, of, scope))
    }

    fn put_assignment(
        &mut self,
        scope: &Scope,
        inspection: DocumentId,
        value: Assignment,
    ) -> Result<(), StoreError> {
        self.index.put(rows::of_document_in(ASSIGNED, inspection, scope), &value);
        Ok(())
    }

    fn sealed(&self, scope: &Scope, of: DocumentId) -> Result<Option<Sealed>, StoreError> {
        self.index.get(&rows::of_document_in(SEALED, of, scope))
    }

    fn put_sealed(
        &mut self,
        scope: &Scope,
        document: DocumentId,
        value: Sealed,
    ) -> Result<(), StoreError> {
        self.sealed.insert(document);
        self.index.put(rows::of_document_in(SEALED, document, scope), &value);
        Ok(())
    }

    fn countersigned(
        &self,
        scope: &Scope,
        (document, seal, device): (DocumentId, [u8; 32], DeviceId),
    ) -> Result<Option<Timestamp>, StoreError> {
        self.index.get(&rows::of_countersigned((scope, document), SealId(seal), device))
    }

    fn put_countersigned(
        &mut self,
        scope: &Scope,
        (document, seal, device): (DocumentId, [u8; 32], DeviceId),
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.index.put(rows::of_countersigned((scope, document), SealId(seal), device), &at);
        Ok(())
    }

    fn put_judgement(
        &mut self,
        scope: &Scope,
        line: (DocumentId, Actor, u64, ChangeHash),
        judged: Judged,
    ) -> Result<(), StoreError> {
        self.index.put(rows::of_judged(scope, line), &judged);
        let (document, actor, seq, hash) = line;
        let aside: Option<QuarantineRow> =
            self.index.get(&rows::of_set_aside(document, actor, seq, &hash))?;
        if aside.is_some_and(|row| row.may_enter_by(scope)) {
            match judged.judgement {
                Judgement::Admit => self.index.put(rows::of_owed(line), &()),
                Judgement::Keep => self.index.remove(rows::of_owed(line)),
            }
        }
        Ok(())
    }

    fn put_template(
        &mut self,
        scope: &Scope,
        template: TemplateId,
        from: Timestamp,
    ) -> Result<(), StoreError> {
        self.index.put(rows::of_in_force(scope, template, from), &from);
        Ok(())
    }
}

impl Step<'_> {
    /// Hub: enters what it has signed into the log and the feed.
    pub(super) fn controlled(&mut self, entries: &[Vec<u8>]) -> Result<(), StoreError> {
        for entry in self.enter_control(entries.iter())?.0 {
            let (scope, life, number) = (entry.scope().clone(), entry.life, entry.number);
            // The seal comes before the word that it counts: whoever learns of it can show it.
            if let Deed::Seal { seal, .. } = entry.act.act.deed {
                self.enter_feed(scope.as_str(), Entry::Seal { seal: SealId(seal) })?;
            }
            self.enter_feed("", Entry::Control { scope, life, number })?;
        }
        Ok(())
    }

    /// Phone: takes in the entries that the hub, or another phone, brought.
    pub(super) fn control(&mut self, items: &[FeedItem]) -> Result<(), StoreError> {
        for document in self.enter_control(control_bytes(items))?.1 {
            self.counts_anew(document)?;
        }
        Ok(())
    }

    /// Phone: keeps what was decided here until the hub has entered it.
    pub(super) fn acted(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let act = SignedAct::decode(bytes).and_then(|signed| signed.act.id());
        let act = act.map_err(|error| self.meaningless(&error.to_string()))?;
        if self.index.get::<()>(&rows::of_act(act))?.is_none() {
            let row = ActingRow { at: self.at.0, refused: false, bytes: bytes.to_vec() };
            self.index.put(rows::of_acting(act), &row);
        }
        Ok(())
    }

    /// Phone: notes that the hub does not enter what was decided here.
    pub(super) fn unentered(&mut self, act: ActId) -> Result<(), StoreError> {
        let key = rows::of_acting(act);
        if let Some(row) = self.index.get::<ActingRow>(&key)? {
            self.index.put(key, &ActingRow { refused: true, ..row });
        }
        Ok(())
    }

    /// Another hub's key counts from now on: what the one before said of rights, and of devices, does
    /// not any more, and what was decided for it is not this one's to enter. A phone then compares all
    /// that it has, so that it learns every right anew.
    pub(super) fn pinned(&mut self, hub: DeviceId) -> Result<(), StoreError> {
        let mut index = TrustIndex::new(&mut self.index);
        let first = index.hub_keys()?.is_empty();
        index.clear()?;
        let (_, sealed) = index.into_touched();
        for document in sealed {
            self.counts_anew(document)?;
        }
        let own = self.index.get::<SelfRow>(&rows::single(meta::SELF))?;
        if !first && own.is_some_and(|own| own.device != hub) {
            for table in [DEVICE, ACTING] {
                for key in self.index.rows(&[table])?.into_keys() {
                    self.index.remove(key);
                }
            }
            self.index.remove(rows::single(meta::POSITION));
        }
        self.index.remove(rows::single(meta::HUB_LINKS));
        TrustIndex::new(&mut self.index).pin(hub)
    }

    /// Returns a device that was known and is certified by nobody any more, without any right.
    fn unknown(&self, device: DeviceId) -> Result<Option<DeviceEntry>, StoreError> {
        let before: Option<DeviceEntry> = self.index.get(&rows::key(DEVICE, &[&device.0]))?;
        Ok(before.map(|before| DeviceEntry { grants: Vec::new(), active: false, ..before }))
    }

    /// Returns the entries that are in their logs now and were not before, and the documents of which another
    /// seal may count.
    fn enter_control<'b>(
        &mut self,
        encoded: impl Iterator<Item = &'b Vec<u8>>,
    ) -> Result<(Vec<ControlEntry>, BTreeSet<DocumentId>), StoreError> {
        let mut entries = Vec::new();
        for bytes in encoded {
            let entry = ControlEntry::decode(bytes);
            entries.push(entry.map_err(|error| self.meaningless(&error.to_string()))?);
        }
        if entries.is_empty() {
            return Ok((entries, BTreeSet::new()));
        }
        let mut index = TrustIndex::new(&mut self.index);
        let folded = index.fold_all(&entries)?;
        let (touched, sealed) = index.into_touched();
        for device in touched {
            let known = match entry_of(&TrustIndex::new(&mut self.index), device, &covers)? {
                None => self.unknown(device)?,
                known => known,
            };
            if let Some(known) = known {
                self.device(&known)?;
            }
        }
        let entered = |outcome: &Folded| matches!(outcome, Folded::Counts | Folded::Void(_));
        let mut folded = folded.iter();
        entries.retain(|_| folded.next().is_some_and(entered));
        Ok((entries, sealed))
    }
}

/// Entries that are tried before they are recorded.
pub(in crate::replica) struct Drafting<'d> {
    below: &'d dyn Read,
    writes: Writes,
    touched: BTreeSet<DeviceId>,
}

impl<'d> Drafting<'d> {
    pub(in crate::replica) fn new(below: &'d dyn Read) -> Self {
        Self { below, writes: Writes::default(), touched: BTreeSet::new() }
    }

    /// Looks at the rows as they will be, and may fold more into them.
    pub(in crate::replica) fn with<T, E>(
        &mut self,
        look: impl FnOnce(&mut TrustIndex<'_, '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut index = Overlay { below: self.below, above: &mut self.writes };
        let mut trust = TrustIndex::new(&mut index);
        let found = look(&mut trust);
        self.touched.append(&mut trust.touched);
        found
    }

    /// Returns the devices whose rights may change.
    pub(in crate::replica) fn into_touched(self) -> BTreeSet<DeviceId> {
        self.touched
    }
}

/// What entries would do.
pub(in crate::replica) struct Foreseen {
    /// What became of each entry, in order.
    pub(in crate::replica) folded: Vec<Folded>,
    /// What is said of a device then.
    pub(in crate::replica) entry: Option<DeviceEntry>,
}

/// Folds what arrived over what is held, and keeps nothing.
pub(in crate::replica) fn foresee(
    below: &dyn Read,
    entries: &[ControlEntry],
    device: DeviceId,
) -> Result<Foreseen, StoreError> {
    let mut writes = Writes::default();
    let mut index = Overlay { below, above: &mut writes };
    let mut trust = TrustIndex::new(&mut index);
    let folded = trust.fold_all(entries)?;
    let entry = entry_of(&trust, device, &covers)?;
    Ok(Foreseen { folded, entry })
}

/// Returns the control entries among what arrived.
pub(in crate::replica) fn control_bytes(items: &[FeedItem]) -> impl Iterator<Item = &Vec<u8>> {
    items.iter().filter_map(|item| match item {
        FeedItem::Control(bytes) => Some(bytes),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
