//! A phone takes in a bundle. What the hub wrote is taken in as an exchange would bring it.

use std::io::Read;

use super::hearing::{BYTES_AT_ONCE, fresh};
use super::{
    Asked, BundleEntropy, BundleTaken, Greeting, Part, decode, look_through, misplaced, read,
};
use crate::checklist::Template;
use crate::model::{DeviceId, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::errands::Errand;
use crate::replica::phone::Phone;
use crate::replica::rows::{self, ARRIVAL, ArrivalRow, EpochRow, meta};
use crate::sync::{AdminAnswer, Failure, FeedItem, FeedPosition};
use crate::trust::HubReceipt;
use crate::trust::bundle::{BundleError, LetterReader};
use crate::trust::log::Shown;
use crate::trust::seal::SealId;

/// What is read of the hub's letter and not taken in yet.
struct Told<'a> {
    phone: &'a Phone,
    hub: DeviceId,
    epoch: [u8; 16],
    /// The greeting that is answered, where this phone is still as it said then.
    greeting: Option<Greeting>,
    /// How the hub's log stands was heard, and nothing speaks against it.
    judged: bool,
    /// What this phone knew of its own rights before it took in anything of this letter, as a digest.
    rights: [u8; 32],
    /// Entries of control logs that were given back were not taken, so those after them were not either.
    unreminded: bool,
    items: Vec<FeedItem>,
    bytes: usize,
    taken: BundleTaken,
    now: Timestamp,
}

impl Phone {
    /// Takes in the letter to this device of a bundle, which `open` opens: it is read once to see that all
    /// of it is whole and its maker's, before anything of it is used, and then again. Taking in the same
    /// once more changes nothing. `hub` is the pinned hub.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Bundle`] when the bundle is not for this device or does not hold together,
    /// [`ReplicaError::Stranger`] when it is by a device that this one was not told of or whose rights have
    /// ended, [`ReplicaError::LeaseEnded`] when this device must be in touch with its hub first,
    /// [`ReplicaError::LogForked`] when the hub's log is in doubt, [`ReplicaError::OtherLife`] when the
    /// hub's store was set back since, and [`ReplicaError::Store`] when it could not be recorded; what was
    /// recorded by then stays, and taking in the bundle again brings the rest.
    pub fn take_bundle<R: Read>(
        &self,
        open: &mut dyn FnMut() -> Result<R, BundleError>,
        hub: Option<DeviceId>,
        entropy: BundleEntropy<'_>,
        now: Timestamp,
    ) -> Result<BundleTaken, ReplicaError> {
        let mut letter = LetterReader::find(open()?, self.key())?;
        let head = letter.head();
        // The hub, under the key that is pinned or under one that it announced; never under one that it has
        // replaced.
        let hub = hub.map(|hub| self.replica().present_key(hub)).transpose()?;
        let is_hub = hub == Some(head.maker)
            || (hub.is_some()
                && self.replica().hub_keys()?.after.contains(&head.maker)
                && self.replica().replaced_at(head.maker)?.is_none());
        // What a phone writes is encoded in itself; of a stranger nothing is decoded.
        let checked = look_through(&mut letter, &mut |part| match is_hub {
            true => decode(part).map(drop),
            false => Ok(()),
        })?;
        let mut letter = LetterReader::again(open()?, self.key(), &checked)?;
        match Some(head.maker).filter(|_| is_hub) {
            Some(hub) => self.take_of_hub(&mut letter, hub, entropy, now),
            None => {
                if let Some(hub) = hub {
                    self.pin(hub, now)?;
                }
                self.take_of_phone(&mut letter, entropy, now)
            }
        }
    }

    fn take_of_hub<R: Read>(
        &self,
        letter: &mut LetterReader<R>,
        hub: DeviceId,
        entropy: BundleEntropy<'_>,
        now: Timestamp,
    ) -> Result<BundleTaken, ReplicaError> {
        self.expect_one_log()?;
        let Some(Part::Answer { epoch, greeting }) = read(letter)? else {
            return Err(misplaced());
        };
        self.pin(hub, now)?;
        let store = &**self.replica().store();
        let position: Option<FeedPosition> = rows::position(store, meta::POSITION)?;
        let last = self.heads_named(hub)?.first().copied();
        let life: Option<EpochRow> = rows::get(store, &rows::single(meta::EPOCH))?;
        let greeting = greeting.filter(|greeting| {
            greeting.position == position
                && greeting.heads.first().copied() == last
                && greeting.life == life.as_ref().map(|life| life.epoch)
        });
        match &greeting {
            // The hub answers what this phone is now, so this is its last word.
            Some(_) => self.met(epoch)?,
            None if life.is_some_and(|life| life.epoch != epoch) => {
                return Err(ReplicaError::OtherLife);
            }
            None => {}
        }
        let mut taken = BundleTaken::by(hub, true);
        taken.old = greeting.is_none();
        let mut told = Told {
            phone: self,
            hub,
            epoch,
            greeting,
            judged: false,
            rights: self.rights_digest()?,
            unreminded: false,
            items: Vec::new(),
            bytes: 0,
            taken,
            now,
        };
        while let Some(part) = read(letter)? {
            told.take(part, entropy)?;
        }
        told.keep(None, entropy)?;
        Ok(told.taken)
    }
}

impl Told<'_> {
    fn take(&mut self, part: Part, entropy: BundleEntropy<'_>) -> Result<(), ReplicaError> {
        match part {
            Part::Keys(acts) => self.phone.hear_keys(self.hub, &acts, self.now),
            Part::Shown(shown) if !self.judged => self.judge(&shown),
            // A hub whose log has forked must not get around saying so by leaving it out. What it refused is told
            // to a leaving device before, as in an exchange, and says nothing of what it has.
            Part::Notices { .. } if !self.judged => self.notices(part, entropy),
            _ if !self.judged => Err(misplaced()),
            Part::Item(item) if self.is_known(&item)? => Ok(()),
            Part::Item(item) => {
                self.bytes += weight(&item);
                self.items.push(item);
                if self.bytes >= BYTES_AT_ONCE { self.keep(None, entropy) } else { Ok(()) }
            }
            Part::Reached(position) => self.keep(position, entropy),
            Part::Receipt(receipt) => self.receipt(receipt),
            Part::Notices { .. } => self.notices(part, entropy),
            Part::Declined(notices) => {
                self.taken.refused += notices.len();
                self.taken.again |= self.phone.disowned(&notices, fresh(entropy), self.now)?;
                self.phone.declined(&notices, self.epoch, self.now).map(drop)
            }
            Part::Mark(mark) => self.phone.marked(&mark, self.epoch),
            Part::Answered { of, refused } => self.answered(of, refused),
            _ => Err(misplaced()),
        }
    }

    fn notices(&mut self, part: Part, entropy: BundleEntropy<'_>) -> Result<(), ReplicaError> {
        // What is counted is counted from where this phone was.
        if let Part::Notices { upto, notices } = part
            && self.greeting.is_some()
        {
            self.taken.refused += self.phone.unheard(&notices)?;
            self.taken.again |= self.phone.noticed(upto, notices, fresh(entropy), self.now)?;
        }
        Ok(())
    }

    /// Judges the log that the hub shows against the heads that this phone had named, before anything is
    /// taken in. An answer to an earlier greeting, or to none, cannot account for them: its head is kept
    /// as one that was heard of, and the hub has to account for it too.
    fn judge(&mut self, shown: &Shown) -> Result<(), ReplicaError> {
        if shown.head.verify(self.hub).is_err() || shown.head.epoch != self.epoch {
            return Err(BundleError::Damaged { what: "the head of the hub's log" }.into());
        }
        self.judged = true;
        let Some(greeting) = &self.greeting else {
            let heard = self.phone.hear_heads(self.hub, &[shown.head], self.now)?;
            self.taken.two_logs |= heard.two_logs;
            return self.phone.expect_one_log();
        };
        if self.phone.rights_begun(&shown.head)? {
            self.phone.lag()?;
            self.taken.again = true;
        }
        self.phone.judge_log(self.hub, &greeting.heads, shown, self.now)
    }

    /// Returns whether an entry would only be recorded once more: answers are taken in twice, and each
    /// begins with the checklists.
    fn is_known(&self, item: &FeedItem) -> Result<bool, ReplicaError> {
        let replica = self.phone.replica();
        Ok(match item {
            FeedItem::Yours { document, actor, seq } if self.taken.old => {
                let key = rows::of_actor(ARRIVAL, *document, *actor);
                let row: Option<ArrivalRow> = rows::get(&**replica.store(), &key)?;
                row.is_some_and(|row| row.merged >= *seq)
            }
            FeedItem::Object { bytes } => match Template::parse(bytes) {
                Ok(template) => replica.object(template.id())?.is_some(),
                Err(_) => false,
            },
            FeedItem::Seal(bytes) if self.taken.old => {
                replica.seal_bytes(SealId::of(bytes))?.is_some()
            }
            _ => false,
        })
    }

    fn keep(
        &mut self,
        position: Option<FeedPosition>,
        entropy: BundleEntropy<'_>,
    ) -> Result<(), ReplicaError> {
        self.bytes = 0;
        let items = std::mem::take(&mut self.items);
        let current = self.greeting.is_some() && !self.taken.again;
        let position = position.filter(|at| current && at.epoch == self.epoch);
        if items.is_empty() && position.is_none() {
            return Ok(());
        }
        let taken = self.phone.apply(items, position, fresh(entropy), self.now)?;
        self.taken.received += taken.recorded;
        self.taken.again |= taken.cloned || taken.widened || taken.remade;
        self.taken.again |= taken.gapped || taken.forked || taken.skipped > 0;
        Ok(())
    }

    /// Takes in what the hub said to a request of this phone, as in an exchange. An answer to an earlier state
    /// of this phone is no last word: that the hub keeps minutes it has signed for, and all else is asked
    /// once more.
    fn answered(&mut self, of: Asked, refused: Option<Failure>) -> Result<(), ReplicaError> {
        let Asked { errand, rights } = of;
        let current = self.greeting.is_some() && rights == self.rights;
        let counts = current || (refused.is_none() && matches!(errand, Errand::Seal(_)));
        if !counts {
            return Ok(());
        }
        if errand.is_ahead() {
            return Ok(());
        }
        if matches!(errand, Errand::Remind { .. }) {
            // What comes behind an entry that was not taken is given again after it.
            self.unreminded |= refused.is_some();
            // It was chosen for the life that was met last, and what that had signed itself was left out.
            let chosen_for = self.greeting.as_ref().and_then(|greeting| greeting.life);
            if self.unreminded || chosen_for != Some(self.epoch) {
                return Ok(());
            }
        }
        let last = refused.as_ref().is_some_and(Failure::is_last_word);
        let done = refused.is_none();
        let answer = refused.map_or(AdminAnswer::Done, AdminAnswer::Refused);
        let noted = self.phone.ran_errand(&errand, &answer, self.epoch)?;
        match errand {
            Errand::Act(_) | Errand::Seal(_) | Errand::Template(_) if done => self.taken.done += 1,
            // What there was no room to note is asked once more, and listed nowhere.
            Errand::Act(_) | Errand::Seal(_) if last && noted => self.taken.unentered += 1,
            _ => {}
        }
        Ok(())
    }

    fn receipt(&mut self, receipt: HubReceipt) -> Result<(), ReplicaError> {
        receipt
            .verify(self.hub)
            .map_err(|_| BundleError::Damaged { what: "a receipt of the hub" })?;
        if receipt.device != self.phone.device() || receipt.epoch != self.epoch {
            return Err(BundleError::Damaged { what: "a receipt for another device" }.into());
        }
        self.taken.stored += receipt.items.len();
        self.phone.receipted(receipt)
    }
}

/// About how long an entry is.
fn weight(item: &FeedItem) -> usize {
    match item {
        FeedItem::Pack(bytes)
        | FeedItem::Object { bytes }
        | FeedItem::Control(bytes)
        | FeedItem::Seal(bytes)
        | FeedItem::SnapshotPart { bytes, .. }
        | FeedItem::PackPart { bytes, .. } => bytes.len(),
        FeedItem::Snapshot(snapshot) => snapshot.bytes.len(),
        FeedItem::Yours { .. } | FeedItem::Device(_) | FeedItem::Closed(_) => 256,
    }
}
