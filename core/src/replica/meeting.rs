//! Two phones that meet without a hub: joins a [`PeerSession`] to a phone on each side. Frames go in,
//! frames come out; how the phones find each other and what moves the frames is not known here.
//!
//! What arrives is kept as carried, never as confirmed by the hub. See `carried.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ReplicaError;
use super::access;
use super::phone::Phone;
use super::runner::Entropy;
use super::sealing::SEALS_GIVEN_MAX;
use super::taking::{Giving, LIMITS, Offered};
use super::tree::{self, StoredTree};
use crate::checklist::Template;
use crate::model::{Actor, DocumentId, Incarnation, Scope, TemplateId, Timestamp};
use crate::store::{Read, StoreError};
use crate::sync::{
    DeviceEntry, Failure, FailureCode, Item, ItemKey, ItemTree, Load, Node, OBJECTS_OFFERED_MAX,
    Outcome, PeerOutput, PeerSession, Prefix, TreeError, Want,
};

/// What a meeting is for.
#[derive(Debug, Clone)]
pub struct MeetingOptions {
    /// The device at the other end, which the transport has authenticated. What the hub told of it
    /// goes first; this counts for a phone that no hub has told of it yet, and is then what a person
    /// vouches for.
    pub peer: DeviceEntry,
    /// This side opened the connection, and so opens the comparison.
    pub opens: bool,
}

/// What a meeting has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeetingProgress {
    /// Packs taken in.
    pub received: usize,
    /// Packs given.
    pub given: usize,
    /// Packs left with the peer: of devices that this phone was not told of.
    pub strangers: usize,
    /// Packs left with the peer: their signer may not write that, this device may not read it, or no
    /// document can hold it.
    pub refused: usize,
    /// Packs left with the peer because something else stands here in their place, and lines that
    /// differ in their last change. The hub decides between them; nothing of either is lost.
    pub conflicting: usize,
    /// Packs left with the peer because this phone can carry no more, in all, of their signer or for
    /// the peer, before it has met the hub.
    pub no_room: usize,
    /// Lines that the peer lacks and this phone holds and cannot give.
    pub withheld: usize,
    /// Another store writes under this device's name; this one has taken a fresh incarnation.
    pub cloned: bool,
    /// The hub has shown the two phones different logs of one length: nothing is exchanged with it any
    /// more until an administrator says so.
    pub two_logs: bool,
    /// Heads of the hub's log that the peer told and that found no room here before this phone has met the
    /// hub; the peer keeps them.
    pub heads_left: usize,
    /// More waits on one of the sides than one meeting takes: another should follow.
    pub more: bool,
}

/// A phone in an exchange with another phone.
pub struct Meeting {
    phone: Arc<Phone>,
    peer: DeviceEntry,
    /// What both may read; `None` for everything.
    scopes: Option<Vec<Scope>>,
    session: PeerSession,
    entropy: Entropy,
    /// Checklists that the peer has sent, until a pack needs them.
    offered: Offered,
    /// Checklists that were sent to the peer.
    shown: BTreeSet<TemplateId>,
    progress: MeetingProgress,
    outcome: Option<Outcome>,
}

impl Meeting {
    /// Begins an exchange: releases what waits, so that it can travel.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Stranger`] when the peer's rights have ended, [`ReplicaError::LeaseEnded`]
    /// when this device has not been in touch with its hub for too long, and
    /// [`ReplicaError::Store`] when the store fails.
    pub fn start(
        phone: Arc<Phone>,
        options: MeetingOptions,
        entropy: Entropy,
        now: Timestamp,
    ) -> Result<Self, ReplicaError> {
        let MeetingOptions { peer, opens } = options;
        let peer = phone.replica().device(peer.device)?.unwrap_or(peer);
        if !peer.active {
            return Err(ReplicaError::Stranger { device: peer.device.short() });
        }
        if let Some(until) = phone.replica().lease()?.filter(|until| *until < now) {
            return Err(ReplicaError::LeaseEnded { until });
        }
        match phone.release(now) {
            // What was signed before can still be given.
            Ok(_) | Err(ReplicaError::Store(StoreError::Full { .. })) => {}
            Err(error) => return Err(error),
        }
        let own = phone.replica().device(phone.device())?.map(|own| own.in_force(now));
        let scopes = shared(own.as_ref(), &peer.clone().in_force(now));
        let rows = phone.replica().store().clone();
        let mut session = PeerSession::new(opens, &MeetingTree::read(&phone, &*rows, &scopes)?)?;
        session.tell_heads(phone.heads_told()?)?;
        session.offer(phone.seals_for(&peer)?);
        Ok(Self {
            phone,
            peer,
            scopes,
            session,
            entropy,
            offered: Offered::new(),
            shown: BTreeSet::new(),
            progress: MeetingProgress::default(),
            outcome: None,
        })
    }

    /// Returns whether the next frame should be read now; frames to send come first.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.session.wants_input()
    }

    /// Takes in one frame from the peer. Call [`Self::poll_frame`] until it gives nothing before the
    /// next.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Session`] when the peer misbehaves. Poll on: the session tells the
    /// peer why and ends.
    pub fn handle(&mut self, frame: &[u8]) -> Result<(), ReplicaError> {
        let rows = self.phone.replica().store().clone();
        let read = MeetingTree::read(&self.phone, &*rows, &self.scopes);
        let tree = read.inspect_err(|error| self.session.handle_failure(failure(error)))?;
        self.session.handle_frame(frame, &tree)?;
        Ok(())
    }

    /// Does the work that is due and returns the next frame to send; write it before polling again.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when the store fails or the peer sent packs that are none. Poll on:
    /// the session tells the peer and ends; nothing is half-taken.
    pub fn poll_frame(&mut self, now: Timestamp) -> Result<Option<Vec<u8>>, ReplicaError> {
        while let Some(output) = self.session.poll_output() {
            match output {
                PeerOutput::Send(frame) => return Ok(Some(frame)),
                PeerOutput::Objects(objects) => {
                    let heard = self.hear_of(objects, now);
                    self.told(heard)?;
                }
                PeerOutput::Accept(packs) => self.accept(&packs, now)?,
                PeerOutput::Provide(wants) => {
                    let provided = self.provide(&wants);
                    self.told(provided)?;
                }
                PeerOutput::Heads(heads) => {
                    let heard = self.phone.hear_heads(self.peer.device, &heads, now);
                    let heard = self.told(heard)?;
                    self.progress.two_logs |= heard.two_logs;
                    self.progress.heads_left += heard.left;
                }
                PeerOutput::Equivocations(found) => {
                    self.progress.conflicting += found.len();
                    let fresh = Incarnation((self.entropy)());
                    let disputed = self.phone.disputed(&found, fresh, now);
                    self.progress.cloned |= self.told(disputed)?;
                }
                PeerOutput::Finished(outcome) => {
                    self.progress.more |= outcome.left_behind;
                    self.outcome = Some(outcome);
                }
            }
        }
        Ok(None)
    }

    /// Tells the peer that this side cannot go on, if it cannot.
    fn told<T>(&mut self, done: Result<T, ReplicaError>) -> Result<T, ReplicaError> {
        done.inspect_err(|error| self.session.handle_failure(failure(error)))
    }

    /// Notes that the connection is gone.
    pub fn closed(&mut self) {
        self.session.handle_closed();
    }

    /// Returns what was done so far.
    #[must_use]
    pub fn progress(&self) -> MeetingProgress {
        self.progress
    }

    /// Returns what the exchange holds at the moment.
    #[must_use]
    pub fn load(&self) -> Load {
        self.session.load()
    }

    /// Returns how the exchange ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Notes checklists by the names that their content gives them. One that does not read is none. Keeps
    /// sealed minutes among them.
    fn hear_of(&mut self, objects: Vec<Vec<u8>>, now: Timestamp) -> Result<(), ReplicaError> {
        for bytes in objects {
            if self.phone.hear_seal(self.peer.device, &bytes, now)? {
                continue;
            }
            if let Ok(template) = Template::parse(&bytes) {
                self.offered.insert(template.id(), bytes);
            }
        }
        Ok(())
    }

    fn accept(&mut self, packs: &[Vec<u8>], now: Timestamp) -> Result<(), ReplicaError> {
        let fresh = Incarnation((self.entropy)());
        let (peer, offered) = (&self.peer, &self.offered);
        let giving = Giving { peer, offered, limits: &LIMITS, fresh, now };
        match self.phone.take(&giving, packs) {
            Ok(took) => {
                self.progress.received += took.recorded;
                self.progress.strangers += took.strangers;
                self.progress.refused += took.refused;
                self.progress.conflicting += took.conflicting + took.lacking;
                self.progress.no_room += took.no_room;
                self.progress.cloned |= took.cloned;
                self.session.handle_accepted(None);
                Ok(())
            }
            Err(error) => {
                self.session.handle_accepted(Some(failure(&error)));
                Err(error)
            }
        }
    }

    fn provide(&mut self, wants: &[Want]) -> Result<(), ReplicaError> {
        let (templates, provided) = self.phone.give(&self.peer, wants)?;
        let mut objects = Vec::new();
        for template in templates {
            if self.shown.len() + SEALS_GIVEN_MAX < OBJECTS_OFFERED_MAX
                && self.shown.insert(template)
            {
                objects.extend(self.phone.replica().object(template)?);
            }
        }
        self.progress.given += provided.packs.len();
        self.progress.withheld += provided.missing.len();
        self.session.handle_provided(objects, provided.packs);
        Ok(())
    }
}

/// What the peer is told when its packs were not kept.
fn failure(error: &ReplicaError) -> Failure {
    let (code, message) = match error {
        ReplicaError::Pack { .. } => (FailureCode::Misbehaved, "a pack does not hold"),
        ReplicaError::Store(StoreError::Full { .. }) => {
            (FailureCode::Full, "the disk of the other phone is full; it took nothing in")
        }
        _ => (FailureCode::Internal, "the other phone could not keep what it received"),
    };
    Failure { code, message: message.to_owned(), retry_after_ms: None }
}

/// Returns the units whose documents both devices may read, each once; `None` if that is all. A
/// device that no hub has told of its own rights does not narrow what the peer may read.
fn shared(own: Option<&DeviceEntry>, peer: &DeviceEntry) -> Option<Vec<Scope>> {
    let everywhere = |entry: &DeviceEntry| access::is_everywhere(entry);
    match own {
        None if everywhere(peer) => None,
        None => Some(access::readable(peer)),
        Some(own) if everywhere(own) && everywhere(peer) => None,
        Some(own) if everywhere(own) => Some(access::readable(peer)),
        Some(own) => {
            let mut scopes = access::readable(own);
            scopes.retain(|scope| access::reads(peer, scope));
            Some(scopes)
        }
    }
}

/// What a phone may show to its peer: what the hub confirmed, own released edits, and what is carried.
struct MeetingTree<'a> {
    stored: StoredTree<'a>,
    /// Items that are carried further than they are stored, with the stored ones.
    carried: BTreeMap<ItemKey, (Option<Item>, Item)>,
}

impl<'a> MeetingTree<'a> {
    fn read(
        phone: &Phone,
        rows: &'a dyn Read,
        scopes: &Option<Vec<Scope>>,
    ) -> Result<Self, ReplicaError> {
        let stored = match scopes {
            None => StoredTree::new(rows),
            Some(scopes) => StoredTree::of_scopes(rows, scopes),
        };
        let mut carried = BTreeMap::new();
        for (scope, attestation) in phone.replica().carried_tips()? {
            if scopes.as_ref().is_some_and(|scopes| scopes.binary_search(&scope).is_err()) {
                continue;
            }
            let item = tree::item(&attestation);
            let before = stored
                .item(item.document, item.actor)
                .map_err(|error| StoreError::Damaged { what: error.to_string() })?;
            carried.insert(item.key(), (before, item));
        }
        Ok(Self { stored, carried })
    }

    fn under(&self, prefix: &Prefix) -> impl Iterator<Item = &(Option<Item>, Item)> {
        let (first, last) = prefix.range();
        self.carried.range(first..=last).map(|(_, pair)| pair)
    }
}

impl ItemTree for MeetingTree<'_> {
    fn node(&self, prefix: &Prefix) -> Result<Node, TreeError> {
        let mut node = self.stored.node(prefix)?;
        for (before, item) in self.under(prefix) {
            if let Some(before) = before {
                node.remove(before);
            }
            node.add(item);
        }
        Ok(node)
    }

    fn items(&self, prefix: &Prefix, limit: usize) -> Result<Vec<Item>, TreeError> {
        let mut items: BTreeMap<ItemKey, Item> =
            self.stored.items(prefix, limit)?.into_iter().map(|item| (item.key(), item)).collect();
        items.extend(self.under(prefix).map(|(_, item)| (item.key(), *item)));
        Ok(items.into_values().take(limit).collect())
    }

    fn item(&self, document: DocumentId, actor: Actor) -> Result<Option<Item>, TreeError> {
        match self.carried.get(&ItemKey::of(document, actor)) {
            Some((_, item)) => Ok(Some(*item)),
            None => self.stored.item(document, actor),
        }
    }
}

#[cfg(test)]
mod failures;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::{
    Hooked, Pair, Side, ask_at, ending_at, entry, hub, key, meet, once, side, sync, sync_at,
    values, visit,
};
