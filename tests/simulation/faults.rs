//! What goes wrong: power, disks, clocks, partitions, copies put back, devices twice, a hub that is lost.

use bienban_core::replica::{HubRunner, ReplicaError};
use bienban_core::store::Fault;
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::node::{Clock, Fate, HubNode};
use crate::oracle;
use crate::tally::Seen;
use crate::world::{HUB, World};

/// Clones that a world has at most.
const CLONES_MAX: usize = 2;

/// Ten years, in milliseconds: the most that a clock is off.
const OFF_MAX: i64 = 315_000_000_000;

impl World {
    /// A phone and the hub write closed parts of their journals shorter, in the midst of whatever goes on.
    pub(crate) fn condense(&mut self, at: usize) {
        let (now, hub_now) = (self.now(at), self.hub_now());
        for (name, replica, now) in [
            (self.phones[at].name.clone(), self.phones[at].phone.replica(), now),
            ("the hub".to_owned(), self.hub.hub.replica(), hub_now),
        ] {
            loop {
                match replica.condense_eagerly(now) {
                    Ok(Some(done)) if done.lengths.after < done.lengths.before => {
                        self.tally.note(Seen::Shortened);
                        self.say(|| format!("{name} shortens part {}", done.segment));
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    // A disk that is ill or full: nothing is lost by not being shorter.
                    Err(ReplicaError::Store(_)) => break,
                    Err(error) => panic!("{name} cannot shorten its journal: {error}"),
                }
            }
        }
    }

    pub(crate) fn power_cut_phone(&mut self, at: usize) {
        self.tally.note(Seen::PowerCuts);
        self.say(|| format!("{} loses power", self.phones[at].name));
        self.fall_silent(at);
        let kept = self.rng.random_bool(0.5);
        self.phones[at].store.power_cut(kept).unwrap();
        self.start_again(at);
    }

    /// The power goes in the midst of what is being written.
    pub(crate) fn torn_cut_phone(&mut self, at: usize) {
        self.tally.note(Seen::TornWrites);
        self.phones[at].store.set_fault(Some(Fault::SyncFails));
        if at == self.desk || (self.phones[at].exchange.is_some() && self.rng.random_bool(0.5)) {
            for _ in 0..4 {
                // What fails here fails because the power goes.
                drop(self.phone_hears(at).and_then(|_| self.phone_speaks(at, self.clock)));
            }
        } else {
            let own = |visit: &usize| self.phones[at].reads(&self.visits[*visit].scope);
            let visit = (0..self.visits.len()).find(own).unwrap();
            self.type_in(at, visit, false);
        }
        let torn = self.rng.random_range(0..100_000);
        self.say(|| format!("{} loses power as it writes", self.phones[at].name));
        self.fall_silent(at);
        self.phones[at].store.power_cut_torn(torn).unwrap();
        self.start_again(at);
    }

    fn fall_silent(&mut self, at: usize) {
        self.part_from(at);
        self.cut(at);
    }

    /// A disk that was full is full still; one that failed does well after a restart.
    fn start_again(&mut self, at: usize) {
        let Self { phones, rng, .. } = self;
        let node = &mut phones[at];
        if !node.full {
            node.store.set_fault(None);
        }
        (node.slow, node.busy_until) = (false, 0);
        node.reopen(rng);
    }

    pub(crate) fn power_cut_hub(&mut self) {
        self.tally.note(Seen::PowerCuts);
        self.say(|| "the hub loses power".to_owned());
        self.cut_all();
        let kept = self.rng.random_bool(0.5);
        self.hub.store.power_cut(kept).unwrap();
        self.start_hub_again();
    }

    pub(crate) fn torn_cut_hub(&mut self) {
        self.tally.note(Seen::TornWrites);
        self.hub.store.set_fault(Some(Fault::SyncFails));
        if self.rng.random_bool(0.5) {
            self.deliver();
        } else {
            self.merge();
        }
        self.say(|| "the hub loses power as it writes".to_owned());
        self.cut_all();
        let torn = self.rng.random_range(0..100_000);
        self.hub.store.power_cut_torn(torn).unwrap();
        self.hub.full = false;
        self.start_hub_again();
    }

    /// What phones were told stands on the hub's disk, before any of them could bring it again.
    fn start_hub_again(&mut self) {
        if !self.hub.full {
            self.hub.store.set_fault(None);
        }
        (self.hub.slow, self.hub.busy_until) = (false, 0);
        self.hub.reopen(&mut self.rng);
        oracle::audit(self).unwrap_or_else(|wrong| panic!("after a power cut: {wrong}"));
    }

    pub(crate) fn sicken_phone(&mut self, at: usize) {
        let ill = self.rng.random_range(0..5);
        let fault = self.ill(ill);
        let node = &mut self.phones[at];
        node.store.set_fault(fault);
        (node.full, node.slow) = (fault == Some(Fault::Full), ill == 2);
        self.say(|| format!("the disk of {}: {fault:?}, slow {}", self.phones[at].name, ill == 2));
    }

    pub(crate) fn sicken_hub(&mut self) {
        let ill = self.rng.random_range(0..5);
        let fault = self.ill(ill);
        self.hub.store.set_fault(fault);
        (self.hub.full, self.hub.slow) = (fault == Some(Fault::Full), ill == 2);
        self.say(|| format!("the disk of the hub: {fault:?}, slow {}", ill == 2));
    }

    fn ill(&mut self, ill: u32) -> Option<Fault> {
        let (seen, fault) = match ill {
            0 => (Seen::FullDisks, Some(Fault::Full)),
            1 => (Seen::FailingDisks, Some(Fault::SyncFails)),
            2 => (Seen::SlowDisks, None),
            _ => return None,
        };
        self.tally.note(seen);
        fault
    }

    pub(crate) fn jump_clock(&mut self, at: usize) {
        self.tally.note(Seen::ClockJumps);
        let met = self.links.iter().any(|link| link.is_of(at));
        if met || self.phones[at].exchange.is_some() {
            self.tally.note(Seen::ClockJumpsMidway);
        }
        let clock = if self.rng.random_bool(0.2) {
            self.tally.note(Seen::ClocksStopped);
            Clock::Stopped(self.now(at).0)
        } else {
            Clock::Off(self.rng.random_range(-OFF_MAX..OFF_MAX))
        };
        self.say(|| format!("the clock of {}: {clock:?}", self.phones[at].name));
        self.phones[at].clock = clock;
    }

    /// Nothing passes between two ends any more, or does again.
    pub(crate) fn partition(&mut self) {
        if self.rng.random_bool(0.4) && self.partitions.pop_first().is_some() {
            return;
        }
        let one = self.rng.random_range(0..self.phones.len());
        let two = self.rng.random_range(0..self.phones.len());
        let two = if one == two || self.rng.random_bool(0.6) { HUB } else { two };
        self.tally.note(Seen::Partitions);
        self.say(|| format!("nothing passes between {one} and {two}"));
        self.partitions.insert((one.min(two), one.max(two)));
    }

    pub(crate) fn back_up(&mut self, at: usize) {
        let node = &mut self.phones[at];
        node.backup = Some((node.store.disk().copy(), node.said.len()));
    }

    /// Puts yesterday's copy in the place of a phone's folder; half the time nothing about the files
    /// gives it away. What was recorded since and never left the phone is physically gone; what the hub has
    /// stays.
    pub(crate) fn restore(&mut self, at: usize) {
        let Some((image, count)) = self.phones[at].backup.clone() else { return };
        if at == self.desk {
            return;
        }
        let moved = self.rng.random_bool(0.5);
        self.say(|| {
            format!("{} is restored from a backup, visibly: {moved}", self.phones[at].name)
        });
        self.tally.note(Seen::Restores);
        self.fall_silent(at);
        let held = oracle::held_by(self.hub.hub.replica(), &self.visits);
        let Self { phones, rng, .. } = self;
        let node = &mut phones[at];
        let mut gone = node.said.split_off(count);
        // One that was signed just then may be in the copy or not.
        node.sealed.retain(|(after, ..)| *after < count);
        node.restore(&image, moved, rng);
        node.full = false;
        for said in gone.iter_mut().filter(|said| said.fate == Fate::Must) {
            if !held.contains_key(&said.token) {
                said.fate = Fate::May;
            }
        }
        self.kept.append(&mut gone);
        self.reconsider();
    }

    pub(crate) fn clone_phone(&mut self, at: usize) {
        if self.phones.len() > self.desk + CLONES_MAX || at == self.desk {
            return;
        }
        self.say(|| format!("{} is cloned", self.phones[at].name));
        self.tally.note(Seen::Clones);
        let Self { phones, rng, .. } = self;
        let (moved, name) = (rng.random_bool(0.5), format!("clone-{}", phones.len()));
        let node = phones[at].cloned(name, moved, rng);
        phones.push(node);
    }

    /// The network repeats an old first flight as if it were a new exchange; `garbled`, the phone changed a
    /// byte of it before it was sealed for the way.
    pub(crate) fn ghost(&mut self, at: usize, garbled: bool) {
        let Some(mut flight) = self.phones[at].flights.choose(&mut self.rng).cloned() else {
            return;
        };
        self.tally.note(if garbled { Seen::Garbled } else { Seen::Ghosts });
        if garbled && !flight.is_empty() {
            let place = self.rng.random_range(0..flight.len());
            let flipped = self.rng.random_range(0..flight[place].len() * 8);
            flight[place][flipped / 8] ^= 1 << (flipped % 8);
        }
        let (now, entry) = (self.hub_now(), self.phones[at].entry());
        let Ok(mut runner) = HubRunner::start(self.hub.hub.clone(), entry.into(), now) else {
            return;
        };
        self.say(|| {
            format!("an old flight of {} comes once more, garbled {garbled}", self.phones[at].name)
        });
        for frame in flight {
            let heard = runner.handle(&frame).is_ok();
            let polled = loop {
                match runner.poll_frame(now) {
                    Ok(Some(_)) => {}
                    polled => break polled.is_ok(),
                }
            };
            // This exchange too may be the one that meets a full disk.
            self.hub.failed |= runner.take_full() || !polled;
            if runner.take_announced() {
                self.grown();
            }
            if !heard || !polled {
                break;
            }
        }
    }

    /// The hub is backed up; sometimes it is set back to its backup.
    pub(crate) fn back_up_hub(&mut self) {
        match self.hub_backup.take() {
            Some(image) if self.rng.random_bool(0.5) => {
                let shows = self.rng.random_bool(0.5);
                self.say(|| format!("the hub is restored from a backup, visibly: {shows}"));
                self.tally.note(Seen::HubRestores);
                self.cut_all();
                self.hub.restore(&image, shows, &mut self.rng);
                (self.hub.full, self.hub.slow) = (false, false);
                self.was_set_back();
                for at in 0..self.phones.len() {
                    if !self.is_ended(at) {
                        self.name(at);
                    }
                }
            }
            _ => self.hub_backup = Some(self.hub.store.disk().copy()),
        }
    }

    /// The hub loses all but its key. It is told of the administrator's desk; the rest comes from phones.
    pub(crate) fn lose_hub(&mut self) {
        self.say(|| "the hub loses all but its key".to_owned());
        self.tally.note(Seen::HubsLost);
        self.cut_all();
        self.hub = HubNode::new(&mut self.rng);
        self.hub_backup = None;
        self.was_set_back();
        self.name(self.desk);
    }

    /// What the hub knew of rights it may not know any more, and what only it held is gone.
    fn was_set_back(&mut self) {
        self.lawful = false;
        self.first_seals = None;
        self.ended.values_mut().for_each(|certain| *certain = false);
        let phones = self.phones.iter_mut().flat_map(|phone| &mut phone.said);
        for said in phones.chain(&mut self.kept) {
            if said.fate == Fate::Never && said.after_the_end {
                said.fate = Fate::May;
            }
        }
        self.reconsider();
    }

    /// Of edits that their authors' devices have no more, or may not give any more, those are safe that the hub
    /// or a phone with rights holds.
    pub(crate) fn reconsider(&mut self) {
        let ended: Vec<bool> = (0..self.phones.len()).map(|at| self.is_ended(at)).collect();
        let detached = |said: &&mut crate::node::Said| said.fate == Fate::Must;
        let owners = self.phones.iter().zip(&ended).filter(|(_, ended)| **ended);
        if !owners
            .flat_map(|(phone, _)| &phone.said)
            .chain(&self.kept)
            .any(|said| said.fate == Fate::Must)
        {
            return;
        }
        let mut held = oracle::held_by(self.hub.hub.replica(), &self.visits);
        for (phone, _) in self.phones.iter().zip(&ended).filter(|(_, ended)| !**ended) {
            held.append(&mut oracle::held_by(phone.phone.replica(), &self.visits));
        }
        let owners = self.phones.iter_mut().zip(&ended).filter(|(_, ended)| **ended);
        let said = owners.flat_map(|(phone, _)| &mut phone.said).chain(&mut self.kept);
        for said in said.filter(detached) {
            if !held.contains_key(&said.token) {
                said.fate = Fate::May;
            }
        }
    }
}
