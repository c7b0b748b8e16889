//! The whole state in memory: for checks of exported records, and for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::ControlError;
use super::act::{ActId, Judgement, SignedAct};
use super::entry::{ChainHead, ControlEntry};
use super::state::{
    Assignment, Device, Entered, Folded, Judged, Log, Person, Sealed, TrustRows, entry_of, fold,
};
use super::succession::{HubKeys, Link};
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, PersonId, Scope, TemplateId, Timestamp,
};
use crate::trust::DeviceEntry;
use crate::trust::access::Covers;

/// An entry that was not folded, or changed nothing: its unit, its number, and why.
pub type Left = (Scope, u64, Folded);

/// In the log of which unit, of which document, which seal, by which device.
type Countersigned = (Scope, (DocumentId, [u8; 32], DeviceId));

/// The whole state in memory: for checks of exports, and for tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustState {
    heads: BTreeMap<(Scope, [u8; 16]), ChainHead>,
    links: BTreeMap<(Scope, [u8; 16], u64), [u8; 32]>,
    latest: Option<Entered>,
    keys: HubKeys,
    announced: BTreeSet<Link>,
    retired: BTreeMap<DeviceId, Timestamp>,
    acts: BTreeSet<ActId>,
    persons: BTreeMap<PersonId, Person>,
    devices: BTreeMap<DeviceId, Device>,
    assignments: BTreeMap<(DocumentId, Scope), Assignment>,
    seals: BTreeMap<(DocumentId, Scope), Sealed>,
    judgements: BTreeMap<(DocumentId, Actor, u64, ChangeHash, Scope), Judged>,
    countersigned: BTreeMap<Countersigned, Timestamp>,
    templates: BTreeSet<(Scope, TemplateId, Timestamp)>,
}

impl TrustState {
    /// Returns the changes of a line up to which a supervisor of a unit has admitted what was kept aside.
    pub fn admitted(
        &self,
        scope: &Scope,
        document: DocumentId,
        actor: Actor,
    ) -> impl Iterator<Item = (u64, ChangeHash)> {
        self.judgements
            .iter()
            .filter(move |((of, by, _, _, unit), judged)| {
                (*of, *by) == (document, actor)
                    && unit == scope
                    && judged.judgement == Judgement::Admit
            })
            .map(|((_, _, seq, hash, _), _)| (*seq, *hash))
    }

    /// Folds a set of entries in any order: of each log as far as it goes without a hole, all in the
    /// order in which the hub entered them. Signatures are checked. Returns the state and what was not
    /// taken, with the reason.
    ///
    /// # Errors
    ///
    /// Returns the [`ControlError`] of the first entry whose signature or form does not hold.
    pub fn of<'e>(
        hub: DeviceId,
        entries: impl IntoIterator<Item = &'e ControlEntry>,
        covers: &Covers,
    ) -> Result<(Self, Vec<Left>), ControlError> {
        let mut ordered: Vec<&ControlEntry> = entries.into_iter().collect();
        ordered.sort_by_cached_key(|entry| Entered::of(entry));
        let links = ordered.iter().filter_map(|entry| entry.announces());
        let mut state = Self::begin(hub, links);
        let mut left = Vec::new();
        for entry in ordered {
            entry.verify()?;
            let Ok(folded) = fold(&mut state, entry, covers);
            if !matches!(folded, Folded::Counts | Folded::Known) {
                left.push((entry.scope().clone(), entry.number, folded));
            }
        }
        Ok((state, left))
    }

    /// Returns the state before the first entry, where one key is pinned and some announcements are known.
    #[must_use]
    pub fn begin(pinned: DeviceId, links: impl IntoIterator<Item = Link>) -> Self {
        let announced = HubKeys::needed(pinned, &BTreeSet::from_iter(links));
        Self { keys: HubKeys::of(pinned, &announced), announced, ..Self::default() }
    }

    /// Returns what is known of a device and its holder.
    #[must_use]
    pub fn entry(&self, device: DeviceId, covers: &Covers) -> Option<DeviceEntry> {
        let Ok(entry) = entry_of(self, device, covers);
        entry
    }

    /// Returns the heads of the logs: the prefix that the state is of.
    #[must_use]
    pub fn heads(&self) -> &BTreeMap<(Scope, [u8; 16]), ChainHead> {
        &self.heads
    }
}

impl TrustRows for TrustState {
    type Error = Infallible;

    fn head(&self, log: Log<'_>) -> Result<ChainHead, Infallible> {
        Ok(self.heads.get(&(log.scope.clone(), log.life)).copied().unwrap_or_default())
    }

    fn link(&self, log: Log<'_>, number: u64) -> Result<Option<[u8; 32]>, Infallible> {
        Ok(self.links.get(&(log.scope.clone(), log.life, number)).copied())
    }

    fn push(&mut self, entry: &ControlEntry, head: ChainHead) -> Result<(), Infallible> {
        let (scope, life) = (entry.scope().clone(), entry.life);
        self.heads.insert((scope.clone(), life), head);
        self.links.insert((scope, life, head.number), head.hash);
        self.latest = Some(Entered::of(entry));
        Ok(())
    }

    fn latest(&self) -> Result<Option<Entered>, Infallible> {
        Ok(self.latest.clone())
    }

    fn hub_keys(&self) -> Result<Vec<DeviceId>, Infallible> {
        Ok(self.keys.all())
    }

    fn put_link(&mut self, link: Link, _act: &SignedAct) -> Result<(), Infallible> {
        if let Some(pinned) = self.keys.pinned
            && self.announced.insert(link)
        {
            self.announced = HubKeys::needed(pinned, &self.announced);
            self.keys = HubKeys::of(pinned, &self.announced);
        }
        Ok(())
    }

    fn has_link(&self, link: Link) -> Result<bool, Infallible> {
        Ok(self.announced.contains(&link))
    }

    fn retired(&self, key: DeviceId) -> Result<Option<Timestamp>, Infallible> {
        Ok(self.keys.retired(key, &self.retired))
    }

    fn put_retired(&mut self, key: DeviceId, at: Timestamp) -> Result<(), Infallible> {
        self.retired.insert(key, at);
        Ok(())
    }

    fn has_act(&self, act: ActId) -> Result<bool, Infallible> {
        Ok(self.acts.contains(&act))
    }

    fn put_act(&mut self, act: ActId) -> Result<(), Infallible> {
        self.acts.insert(act);
        Ok(())
    }

    fn person(&self, person: PersonId) -> Result<Person, Infallible> {
        Ok(self.persons.get(&person).cloned().unwrap_or_default())
    }

    fn put_person(&mut self, person: PersonId, value: Person) -> Result<(), Infallible> {
        self.persons.insert(person, value);
        Ok(())
    }

    fn device(&self, device: DeviceId) -> Result<Device, Infallible> {
        Ok(self.devices.get(&device).cloned().unwrap_or_default())
    }

    fn put_device(&mut self, device: DeviceId, value: Device) -> Result<(), Infallible> {
        self.devices.insert(device, value);
        Ok(())
    }

    fn assignment(&self, scope: &Scope, of: DocumentId) -> Result<Option<Assignment>, Infallible> {
        Ok(self.assignments.get(&(of, scope.clone())).cloned())
    }

    fn put_assignment(
        &mut self,
        scope: &Scope,
        inspection: DocumentId,
        value: Assignment,
    ) -> Result<(), Infallible> {
        self.assignments.insert((inspection, scope.clone()), value);
        Ok(())
    }

    fn sealed(&self, scope: &Scope, of: DocumentId) -> Result<Option<Sealed>, Infallible> {
        Ok(self.seals.get(&(of, scope.clone())).cloned())
    }

    fn put_sealed(
        &mut self,
        scope: &Scope,
        document: DocumentId,
        value: Sealed,
    ) -> Result<(), Infallible> {
        self.seals.insert((document, scope.clone()), value);
        Ok(())
    }

    fn countersigned(
        &self,
        scope: &Scope,
        of: (DocumentId, [u8; 32], DeviceId),
    ) -> Result<Option<Timestamp>, Infallible> {
        Ok(self.countersigned.get(&(scope.clone(), of)).copied())
    }

    fn put_countersigned(
        &mut self,
        scope: &Scope,
        of: (DocumentId, [u8; 32], DeviceId),
        at: Timestamp,
    ) -> Result<(), Infallible> {
        self.countersigned.insert((scope.clone(), of), at);
        Ok(())
    }

    fn put_judgement(
        &mut self,
        scope: &Scope,
        (document, actor, seq, hash): (DocumentId, Actor, u64, ChangeHash),
        judged: Judged,
    ) -> Result<(), Infallible> {
        self.judgements.insert((document, actor, seq, hash, scope.clone()), judged);
        Ok(())
    }

    fn put_template(
        &mut self,
        scope: &Scope,
        template: TemplateId,
        from: Timestamp,
    ) -> Result<(), Infallible> {
        self.templates.insert((scope.clone(), template, from));
        Ok(())
    }
}
