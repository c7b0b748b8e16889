//! A phone takes in what another phone wrote, by the rules of a meeting.

use std::io::Read;

use super::{BundleEntropy, BundleTaken, Part, decode, misplaced, next, tags};
use crate::checklist::Template;
use crate::model::{DeviceId, Incarnation, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::phone::Phone;
use crate::replica::taking::{Giving, LIMITS, Offered};
use crate::sync::{DeviceEntry, FeedItem, OBJECTS_OFFERED_MAX};
use crate::trust::bundle::{BundleError, LetterReader};

/// Packs taken in at once. What is durable is a slice of one document at a time in any case.
const PACKS_AT_ONCE: usize = 256;

/// Bytes of packs, or of entries of control logs, in memory at once, besides the last one.
pub(super) const BYTES_AT_ONCE: usize = 1 << 20;

/// What is read of a letter and not taken in yet.
struct Hearing<'a> {
    phone: &'a Phone,
    maker: DeviceId,
    peer: Option<DeviceEntry>,
    control: Vec<FeedItem>,
    packs: Vec<Vec<u8>>,
    bytes: usize,
    offered: Offered,
    taken: BundleTaken,
    now: Timestamp,
}

impl Phone {
    /// Takes in another phone's letter.
    pub(super) fn take_of_phone<R: Read>(
        &self,
        letter: &mut LetterReader<R>,
        entropy: BundleEntropy<'_>,
        now: Timestamp,
    ) -> Result<BundleTaken, ReplicaError> {
        self.expect_lease(now)?;
        let maker = letter.head().maker;
        let mut hearing = Hearing {
            phone: self,
            maker,
            peer: None,
            control: Vec::new(),
            packs: Vec::new(),
            bytes: 0,
            offered: Offered::new(),
            taken: BundleTaken::by(maker, false),
            now,
        };
        while let Some(part) = next(letter)? {
            // Of a stranger nothing is decoded but what the hub may have said of it.
            if part.first() != Some(&tags::CONTROL) {
                hearing.meet(entropy)?;
            }
            hearing.take(decode(&part)?, entropy)?;
        }
        hearing.meet(entropy)?;
        hearing.take_packs(entropy)?;
        Ok(hearing.taken)
    }
}

impl Hearing<'_> {
    fn take(&mut self, part: Part, entropy: BundleEntropy<'_>) -> Result<(), ReplicaError> {
        if let Part::Control(entry) = part {
            // They come first: who the maker is may be among them.
            if self.peer.is_some() {
                return Err(misplaced());
            }
            self.bytes += entry.len();
            self.control.push(FeedItem::Control(entry));
            return if self.bytes >= BYTES_AT_ONCE { self.take_control(entropy) } else { Ok(()) };
        }
        match part {
            Part::Heads(heads) => {
                let heard = self.phone.hear_heads(self.maker, &heads, self.now)?;
                self.taken.two_logs |= heard.two_logs;
            }
            Part::Seal(bytes) => {
                self.phone.hear_seal(self.maker, &bytes, self.now)?;
            }
            Part::Object(bytes) => {
                if self.offered.len() >= OBJECTS_OFFERED_MAX {
                    // They are needed by the packs behind them: those before have had theirs.
                    self.take_packs(entropy)?;
                    self.offered.clear();
                }
                if let Ok(template) = Template::parse(&bytes) {
                    self.offered.insert(template.id(), bytes);
                }
            }
            Part::Pack(pack) => {
                self.bytes += pack.len();
                self.packs.push(pack);
                if self.packs.len() >= PACKS_AT_ONCE || self.bytes >= BYTES_AT_ONCE {
                    self.take_packs(entropy)?;
                }
            }
            _ => return Err(misplaced()),
        }
        Ok(())
    }

    /// Fails unless the maker is a device whose rights this one was told of, and that they have not ended.
    fn meet(&mut self, entropy: BundleEntropy<'_>) -> Result<(), ReplicaError> {
        if self.peer.is_some() {
            return Ok(());
        }
        self.take_control(entropy)?;
        let peer = self.phone.replica().device(self.maker)?.filter(|peer| peer.active);
        let stranger = || ReplicaError::Stranger { device: self.maker.short() };
        self.peer = Some(peer.ok_or_else(stranger)?);
        Ok(())
    }

    /// Takes in entries that the hub has signed, whoever brings them; those of a key that it has replaced
    /// only the hub itself can bring, for whoever has that key now could make them.
    fn take_control(&mut self, entropy: BundleEntropy<'_>) -> Result<(), ReplicaError> {
        self.bytes = 0;
        if self.control.is_empty() {
            return Ok(());
        }
        let mut entries = std::mem::take(&mut self.control);
        self.taken.again |= self.phone.leave_out_replaced(&mut entries)?;
        let taken = self.phone.apply(entries, None, fresh(entropy), self.now)?;
        self.taken.received += taken.recorded;
        self.taken.again |= taken.widened;
        Ok(())
    }

    fn take_packs(&mut self, entropy: BundleEntropy<'_>) -> Result<(), ReplicaError> {
        self.bytes = 0;
        let packs = std::mem::take(&mut self.packs);
        let Some(peer) = self.peer.as_ref().filter(|_| !packs.is_empty()) else { return Ok(()) };
        let (offered, limits, now) = (&self.offered, &LIMITS, self.now);
        let giving = Giving { peer, offered, limits, fresh: fresh(entropy), now };
        let took = match self.phone.take(&giving, &packs) {
            Err(ReplicaError::Pack { .. }) => {
                return Err(BundleError::Damaged { what: "a pack" }.into());
            }
            took => took?,
        };
        self.taken.received += took.recorded;
        self.taken.strangers += took.strangers;
        self.taken.refused += took.refused;
        self.taken.conflicting += took.conflicting;
        self.taken.lacking += took.lacking;
        self.taken.no_room += took.no_room;
        Ok(())
    }
}

/// An incarnation, should one be needed.
pub(super) fn fresh(entropy: BundleEntropy<'_>) -> Incarnation {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&entropy()[..16]);
    Incarnation(bytes)
}
