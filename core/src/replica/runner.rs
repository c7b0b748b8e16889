//! Joins a pure session to a replica: carries out what the session asks for, and hands back what
//! came of it. Frames go in, frames come out; whoever moves them (QUIC, TCP, the simulator) is not
//! known here.

use std::sync::Arc;

use super::ReplicaError;
use super::delivering::OUTBOX_AT_ONCE_MAX;
use super::errands::Errand;
use super::phone::Phone;
use super::tree::StoredTree;
use crate::model::{DeviceId, Incarnation, Timestamp};
use crate::sync::{
    AdminAnswer, AdminRequest, Ending, FailureCode, Load, Outcome, PhoneOutput, PhoneSession,
    Resume, Want,
};
use crate::trust::log::{Shown, TreeHead};

mod hub;

pub use hub::HubRunner;

/// When a device should come again to a hub that shuts down: mostly it is only started anew, which
/// takes seconds.
const CLOSING_RETRY_MS: u64 = 5_000;
/// Missing changes that the hub asks a device for in one exchange. What a device pushes at first lacks
/// its forerunners in at most so many lines; a device that goes on is told to come again, so that it
/// cannot fill the hub's memory with what it never sends.
const ASKED_MAX: usize = OUTBOX_AT_ONCE_MAX;

/// Lines whose merging one exchange waits for. What comes on top is stored and signed for just the
/// same; the device learns at its next contact that it was merged.
const UNMERGED_MAX: usize = OUTBOX_AT_ONCE_MAX;

/// Random bytes for a fresh incarnation, should one be needed.
pub type Entropy = Box<dyn FnMut() -> [u8; 16] + Send>;

/// What a phone's exchange has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Packs and snapshots taken in.
    pub received: usize,
    /// Packs sent.
    pub sent: usize,
    /// Packs that the hub signed for.
    pub stored: usize,
    /// Packs that the hub set aside.
    pub refused: usize,
    /// Packs of others that the hub said it does not take; they are carried no longer.
    pub declined: usize,
    /// Snapshots that could not be taken; another exchange asks for the packs they were made of.
    pub skipped: usize,
    /// Another exchange should follow at once, and mostly compare everything: the hub holds another
    /// line under some name, which has to be taken over, own edits were made anew, or the rights of this device were changed.
    pub again: bool,
    /// More waits here than one exchange takes: another should follow at once.
    pub more: bool,
    /// By how many milliseconds the clock of this device is ahead of the hub's, or behind where negative; nothing
    /// where they agree within [`CLOCK_SKEW_MAX_MS`](crate::sync::CLOCK_SKEW_MAX_MS).
    pub clock_ahead_ms: Option<i64>,
}

/// A phone in an exchange with the hub.
pub struct PhoneRunner {
    phone: Arc<Phone>,
    session: PhoneSession,
    entropy: Entropy,
    /// The row of the last pack of others that was offered.
    delivered: Option<Vec<u8>>,
    progress: Progress,
    /// What the owner asked the hub for; what is asked beyond that gives checklists back.
    wishes: usize,
    /// What this device asks by itself, after those.
    errands: Vec<Errand>,
    /// Entries of control logs that were given back were not taken, so those after them were not either.
    unreminded: bool,
    answers: Vec<AdminAnswer>,
    /// The hub's key, and the heads of its log that it must continue.
    hub: DeviceId,
    heads: Vec<TreeHead>,
    /// What the hub lacks and this phone holds and cannot give.
    withheld: Vec<Want>,
    /// The hub was given what it asked for, or a comparison found that it lacked.
    gave: bool,
    /// The hub named packs that it does not keep.
    named: bool,
    /// Its store lives another life than when this phone was last there.
    met_anew: bool,
    /// What it was to have again was chosen for that other life.
    chosen_for_another: bool,
    outcome: Option<Outcome>,
    caught_up: bool,
}

impl PhoneRunner {
    /// Begins an exchange: releases what waits and prepares the first flight.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when the store fails.
    pub fn start(
        phone: Arc<Phone>,
        options: PhoneOptions,
        entropy: Entropy,
        now: Timestamp,
    ) -> Result<Self, ReplicaError> {
        phone.expect_one_log()?;
        let (mut start, more) = phone.start(options.hub, options.live, now)?;
        let (errands, given): (Vec<_>, Vec<_>) = phone.errands()?.into_iter().unzip();
        let wishes = options.asks.len();
        start.asks = (0..).zip(options.asks.into_iter().chain(given)).collect();
        let heads = start.heads.clone();
        let session = PhoneSession::new(start);
        let more = more || session.has_left_behind();
        let progress = Progress { more, ..Progress::default() };
        Ok(Self {
            phone,
            session,
            entropy,
            delivered: None,
            progress,
            wishes,
            errands,
            unreminded: false,
            answers: Vec::new(),
            hub: options.hub,
            heads,
            withheld: Vec::new(),
            gave: false,
            named: false,
            met_anew: false,
            chosen_for_another: false,
            outcome: None,
            caught_up: false,
        })
    }

    /// Returns whether the next frame should be read now; frames to send come first.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.session.wants_input()
    }

    /// Takes in one frame from the hub. Call [`Self::poll_frame`] until it gives nothing before the
    /// next.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Session`] when the hub misbehaves. Poll on: the session tells the hub
    /// why and ends.
    pub fn handle(&mut self, frame: &[u8]) -> Result<(), ReplicaError> {
        let rows = self.phone.replica().store().clone();
        let met = self.session.epoch().is_some();
        self.session.handle_frame(frame, &StoredTree::new(&*rows))?;
        if let Some(epoch) = self.session.epoch().filter(|_| !met) {
            let before = self.phone.hub_life()?;
            self.phone.met(epoch)?;
            self.met_anew = before != Some(epoch);
            self.chosen_for_another = self.met_anew;
        }
        Ok(())
    }

    /// Releases and sends what was recorded since (live exchanges).
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when the store fails.
    pub fn offer(&mut self, now: Timestamp) -> Result<(), ReplicaError> {
        let (packs, more) = self.phone.release_some(now)?;
        let packs = self.phone.sendable(self.session.epoch(), packs, now)?;
        self.session.handle_new_outbox(packs);
        self.progress.more |= more || self.session.has_left_behind();
        Ok(())
    }

    /// Asks to end once everything under way has arrived.
    pub fn finish(&mut self) {
        self.session.finish();
    }

    /// Does the work that is due and returns the next frame to send; write it before polling again.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when the store fails: the exchange is over then, and nothing
    /// is half-taken.
    pub fn poll_frame(&mut self, now: Timestamp) -> Result<Option<Vec<u8>>, ReplicaError> {
        while let Some(output) = self.session.poll_output() {
            match output {
                PhoneOutput::Send(frame) => return Ok(Some(frame)),
                PhoneOutput::Apply(apply) => {
                    let fresh = Incarnation((self.entropy)());
                    // After a fork or a clone was noticed the position stays unknown, so that the
                    // next exchange compares everything.
                    let position = apply.position.filter(|_| !self.progress.again);
                    let taken = self.phone.apply(apply.items, position, fresh, now);
                    self.session.handle_applied(taken.is_ok());
                    let taken = taken?;
                    self.progress.received += taken.recorded;
                    self.progress.again |= taken.cloned || taken.widened || taken.remade;
                    self.progress.again |= taken.gapped || taken.forked || taken.skipped > 0;
                    self.progress.skipped += taken.skipped;
                }
                PhoneOutput::Receipts(receipt) => {
                    self.progress.stored += receipt.items.len();
                    self.phone.receipted(receipt)?;
                }
                PhoneOutput::Notices { upto, notices } => {
                    self.progress.refused += self.phone.unheard(&notices)?;
                    let fresh = Incarnation((self.entropy)());
                    self.progress.again |= self.phone.noticed(upto, notices, fresh, now)?;
                }
                PhoneOutput::Provide(wants) => {
                    self.phone.lacking(&wants)?;
                    let provided = self.phone.replica().provide(&wants)?;
                    self.gave |= !provided.packs.is_empty();
                    self.session.handle_provided(provided.packs, provided.missing.is_empty());
                    self.withheld.extend(provided.missing);
                }
                PhoneOutput::Deliver => self.deliver(now)?,
                PhoneOutput::Equivocations(found) => {
                    let fresh = Incarnation((self.entropy)());
                    self.progress.again |= self.phone.differing(&found, fresh, now)?;
                }
                PhoneOutput::Declined(notices) => {
                    self.named |= notices.iter().any(|notice| !notice.verdict.is_kept());
                    let fresh = Incarnation((self.entropy)());
                    self.progress.again |= self.phone.disowned(&notices, fresh, now)?;
                    if let Some(epoch) = self.session.epoch() {
                        self.progress.declined += self.phone.declined(&notices, epoch, now)?;
                    }
                }
                PhoneOutput::Keys(acts) => {
                    let heard = self.phone.hear_keys(self.hub, &acts, now);
                    self.session.handle_keys(heard.is_ok());
                    heard?;
                }
                PhoneOutput::Judge(shown) => self.judge(&shown, now)?,
                PhoneOutput::Caught(_) => self.catch_up()?,
                PhoneOutput::Answered { request_id, answer } => {
                    self.answered(request_id, answer)?
                }
                PhoneOutput::Finished(outcome) => {
                    self.progress.more |= outcome.left_behind;
                    self.progress.again |= is_changed(&outcome);
                    let left_out = leaves_out_unnamed(&outcome, self.named);
                    self.outcome = Some(outcome);
                    let resume = self.session.welcome().map(|(resume, _)| resume);
                    if self.gave && left_out && resume == Some(Resume::Reconcile) {
                        self.phone.lag()?;
                    }
                    let met_anew = self.errands.iter().all(Errand::is_of_persons);
                    self.progress.more |= met_anew && self.phone.has_errands()?;
                }
            }
        }
        Ok(None)
    }

    /// Notes that everything the hub had is here.
    fn catch_up(&mut self) -> Result<(), ReplicaError> {
        self.caught_up = true;
        // What this life of the hub's store is to have again was not known when the exchange began, and would
        // wait for as long as one that follows the feed stays.
        if std::mem::take(&mut self.met_anew) {
            self.progress.more |= self.phone.has_errands_in_new_life()?;
        }
        Ok(())
    }

    /// Judges what the hub shows of its log.
    fn judge(&mut self, shown: &Shown, now: Timestamp) -> Result<(), ReplicaError> {
        if self.phone.rights_begun(&shown.head)? {
            self.phone.lag()?;
            self.progress.again = true;
        }
        let judged = self.phone.judge_log(self.hub, &self.heads, shown, now);
        self.session.handle_judged(judged.is_ok());
        judged
    }

    fn answered(&mut self, request_id: u64, answer: AdminAnswer) -> Result<(), ReplicaError> {
        let place = usize::try_from(request_id).unwrap_or(usize::MAX).checked_sub(self.wishes);
        let Some(place) = place else {
            self.answers.push(answer);
            return Ok(());
        };
        let (Some(errand), Some(epoch)) = (self.errands.get(place), self.session.epoch()) else {
            return Ok(());
        };
        if errand.is_ahead() {
            return Ok(());
        }
        if matches!(errand, Errand::Remind { .. }) {
            // What comes behind an entry that was not taken is given again after it.
            self.unreminded |= answer != AdminAnswer::Done;
            // And what that other life had signed itself was left out: all is chosen anew for this one.
            if self.unreminded || self.chosen_for_another {
                return Ok(());
            }
        }
        let reminds = matches!(errand, Errand::Remind { .. });
        if self.phone.ran_errand(errand, &answer, epoch)? && reminds {
            // What was refused for want of the rights that the hub has again now is asked at once: the end of
            // a device's rights may be among it.
            self.progress.more |= self.phone.has_decided()?;
        }
        Ok(())
    }

    /// Fetches the next packs of others for the hub.
    fn deliver(&mut self, now: Timestamp) -> Result<(), ReplicaError> {
        // The session asks once the hub has said which life of its store listens.
        let Some(epoch) = self.session.epoch() else { return Ok(()) };
        let delivery = self.phone.deliver(epoch, self.delivered.take(), now)?;
        self.delivered = delivery.next;
        self.session.handle_delivery(delivery.packs, self.delivered.is_some());
        Ok(())
    }

    /// Returns the hub's answers to [`PhoneOptions::asks`], in order.
    #[must_use]
    pub fn answers(&self) -> &[AdminAnswer] {
        &self.answers
    }

    /// Returns what was done so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let sent = usize::try_from(self.session.packs_sent()).unwrap_or(usize::MAX);
        Progress { sent, clock_ahead_ms: self.session.clock_ahead_ms(), ..self.progress }
    }

    /// Returns what the exchange holds at the moment.
    #[must_use]
    pub fn load(&self) -> Load {
        self.session.load()
    }

    /// Returns whether everything the hub had at the last answer is here.
    #[must_use]
    pub fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Returns what the hub lacks and this phone holds and could not give, each from the first change
    /// on that was left out. The phone has no position until that is mended.
    #[must_use]
    pub fn withheld(&self) -> &[Want] {
        &self.withheld
    }

    /// Returns how the exchange ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }
}

/// Whether the hub ended the exchange so that the device comes again under its new rights.
fn is_changed(outcome: &Outcome) -> bool {
    matches!(&outcome.ending, Ending::Told(failure) if failure.code == FailureCode::Changed)
}

/// Whether the hub ended the exchange with packs left out that no word of it may have named: more was
/// missing before them than it asks for, or not even their heads read. Those that waited here still do;
/// what was given back after a comparison waits nowhere. What cannot be read is named where its head can.
fn leaves_out_unnamed(outcome: &Outcome, named: bool) -> bool {
    let Ending::Told(failure) = &outcome.ending else { return false };
    match failure.code {
        FailureCode::Busy => true,
        FailureCode::Version | FailureCode::TooLarge => !named,
        _ => false,
    }
}

/// What a phone's exchange is for.
#[derive(Debug, Clone)]
pub struct PhoneOptions {
    /// The hub's pinned key.
    pub hub: DeviceId,
    /// Stay and follow the feed.
    pub live: bool,
    /// What to ask the hub for, as an administrator.
    pub asks: Vec<AdminRequest>,
}

#[cfg(test)]
mod tests;
