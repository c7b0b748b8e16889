//! Rights that end at bad moments, who writes without one, and what a supervisor decides of that.

use bienban_core::model::{DocumentId, Scope};
use bienban_core::replica::Replica;
use bienban_core::trust::control::{Act, Deed, Judgement, Whom};
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::aside;
use crate::node::{self, Fate};
use crate::oracle;
use crate::tally::Seen;
use crate::world::{SUPERVISOR, World};

/// Those in the field whose rights end, at most: one of so many.
const ENDS_ONE_OF: usize = 3;

impl World {
    /// An administrator ends the rights of a phone: at the hub, or at a desk whose next exchange brings it.
    pub(crate) fn revoke(&mut self) {
        let at = self.rng.random_range(0..self.desk);
        let device = self.phones[at].device();
        if self.ended.len() + self.ending.len() >= self.desk / ENDS_ONE_OF
            || self.ended.contains_key(&device)
            || self.ending.contains(&device)
        {
            return;
        }
        self.lawful = false;
        let act = self.end_of(at);
        let at_hub = self.rng.random_bool(0.5);
        let decided = if at_hub {
            let (act, now) = (self.phones[self.desk].phone.sign_act(act).unwrap(), self.hub_now());
            self.hub.hub.enter(vec![act], now).is_ok()
        } else {
            let desk = &self.phones[self.desk].phone;
            desk.act(&desk.sign_act(act).unwrap()).is_ok()
        };
        // An act whose sync failed was promised to nobody, and may be there after a restart all the same.
        self.say(|| {
            format!("{} is revoked, at the hub: {at_hub}, surely: {decided}", self.phones[at].name)
        });
        self.ending.insert(device);
        if at_hub && decided {
            self.grown();
            self.note_ends();
        }
    }

    fn end_of(&mut self, at: usize) -> Act {
        let (hub, by) = (self.hub.hub.device(), self.phones[self.desk].device());
        let deed = Deed::Revoke { whom: Whom::Device(self.phones[at].device()), lost_since: None };
        let (scope, nonce) = (self.phones[at].scopes[0].clone(), self.rng.random());
        Act { hub, by, scope, nonce, at: self.hub_now(), deed }
    }

    /// Notes whose rights the hub has ended by now: what it holds of theirs stays, what they type from now on
    /// must not enter the record.
    pub(crate) fn note_ends(&mut self) {
        let hub = self.hub.hub.replica();
        let is_ended = |device: &_| matches!(hub.ended(*device), Ok(Some(_)));
        let ended: Vec<_> = self.ending.iter().copied().filter(is_ended).collect();
        if ended.is_empty() {
            return;
        }
        let held = oracle::held_by(self.hub.hub.replica(), &self.visits);
        for device in ended {
            self.ending.remove(&device);
            self.ended.insert(device, true);
            self.tally.note(Seen::Revocations);
            for phone in self.phones.iter_mut().filter(|phone| phone.device() == device) {
                if phone.exchange.is_some() {
                    self.tally.note(Seen::RevocationsMidway);
                }
                if phone.phone.only_here().is_ok_and(|left| !left.is_empty()) {
                    self.tally.note(Seen::RevocationsWithEdits);
                }
                for said in phone.said.iter_mut().filter(|said| said.fate == Fate::Must) {
                    if !held.contains_key(&said.token) {
                        said.fate = Fate::May;
                    }
                }
            }
        }
        self.reconsider();
    }

    /// Ends rights again that the hub has forgotten with its store, as an operator does who puts a copy back.
    /// Returns whether there were any.
    pub(crate) fn say_ends_again(&mut self) -> bool {
        let mut any = false;
        for at in 0..self.desk {
            let (device, hub) = (self.phones[at].device(), self.hub.hub.replica());
            let forgotten = self.ended.contains_key(&device)
                && hub.ended(device).unwrap().is_none()
                && hub.certified(device).unwrap().certificate.is_some();
            if forgotten {
                let act = self.end_of(at);
                let act = self.phones[self.desk].phone.sign_act(act).unwrap();
                self.hub.hub.enter(vec![act], self.hub_now()).unwrap();
                self.grown();
                any = true;
            }
        }
        any
    }

    /// A supervisor decides of something that the hub keeps aside.
    pub(crate) fn judge(&mut self) {
        let (by, hub) = (node::key(SUPERVISOR), self.hub.hub.clone());
        let Ok(mut entries) = aside::entries(&hub) else { return };
        entries.retain(|entry| entry.verdict.may_be_admitted());
        let Some(entry) = entries.choose(&mut self.rng) else { return };
        let Some(scope) = entry.scope.clone() else { return };
        let admits = self.rng.random_bool(0.5);
        let name = entry.name;
        let judgement = if admits { Judgement::Admit } else { Judgement::Keep };
        let deed = Deed::Judge {
            document: name.document,
            actor: name.actor,
            seq: name.seq,
            hash: name.hash,
            judgement,
        };
        let (at, nonce) = (self.hub_now(), self.rng.random());
        let act = Act { hub: hub.device(), by: by.device(), scope, nonce, at, deed };
        if hub.enter(vec![act.sign(&by).unwrap()], at).is_err() {
            return;
        }
        self.tally.note(Seen::Judged);
        self.say(|| format!("a supervisor decides of {}: {judgement:?}", name.actor.short()));
        if admits {
            let visits = &self.visits;
            let of = |visit: usize| visits[visit].document() == name.document;
            let theirs = self.phones.iter_mut().filter(|phone| phone.device() == entry.device);
            let said = theirs.flat_map(|phone| &mut phone.said).chain(&mut self.kept);
            for said in said.filter(|said| of(said.visit) && said.fate == Fate::Never) {
                if said.trespass || said.after_the_end {
                    said.fate = Fate::May;
                }
            }
        }
        self.grown();
    }

    /// Somebody writes in a unit where that device may neither write nor read.
    pub(crate) fn trespass(&mut self) {
        let narrow = |at: &usize| self.phones[*at].scopes.len() < self.visits.len();
        let narrow: Vec<usize> = (0..self.phones.len()).filter(narrow).collect();
        let Some(at) = narrow.choose(&mut self.rng).copied() else { return };
        let foreign = |visit: &usize| !self.phones[at].reads(&self.visits[*visit].scope);
        let Some(visit) = (0..self.visits.len()).find(foreign) else { return };
        self.type_in(at, visit, true);
    }

    /// The first registered seal of a record stays it, as long as the hub was never set back.
    pub(crate) fn note_seals(&mut self) {
        let Some(first) = &mut self.first_seals else { return };
        for (visit, genesis) in self.visits.iter().enumerate() {
            let Ok(Some(sealed)) = self.hub.hub.replica().registered(genesis) else { continue };
            let before = *first.entry(visit).or_insert(sealed.seal);
            assert!(before == sealed.seal, "another seal of visit {visit} counts than before");
        }
    }
}

/// Fails where a replica holds something of a unit that its device may not read, beyond what that device wrote.
pub(crate) fn expect_own(world: &World, at: usize) -> Result<(), String> {
    let node = &world.phones[at];
    let wrote = |visit: usize| node.said.iter().any(|said| said.trespass && said.visit == visit);
    let of_copy = |visit: usize| {
        let same = world.phones.iter().filter(|phone| phone.number == node.number);
        same.flat_map(|phone| &phone.said).chain(&world.kept).any(|said| said.visit == visit)
    };
    for (visit, genesis) in world.visits.iter().enumerate() {
        if node.reads(&genesis.scope) || !knows(node.phone.replica(), genesis.document()) {
            continue;
        }
        let (name, id) = (&node.name, genesis.document());
        if !wrote(visit) && !of_copy(visit) {
            return Err(format!("{name} holds visit {visit}, which it may not read"));
        }
        let document = node.phone.replica().load(id).map_err(|error| error.to_string())?;
        let (heard, _) = node.phone.replica().heard(&document).map_err(|e| e.to_string())?;
        if heard.keys().any(|device| *device != node.device()) {
            return Err(format!("{name} holds what others wrote in visit {visit}"));
        }
    }
    Ok(())
}

fn knows(replica: &Replica, document: DocumentId) -> bool {
    replica.genesis(document).is_ok()
}

/// Returns the unit of a document of this world.
pub(crate) fn scope_of(world: &World, document: DocumentId) -> Option<&Scope> {
    world.visits.iter().find(|visit| visit.document() == document).map(|visit| &visit.scope)
}
