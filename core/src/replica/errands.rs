//! What a phone asks of its hub by itself: to enter what was decided here, and to take back what an
//! earlier life of its store had.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::ReplicaError;
use super::documents::each_row;
use super::facts::Fact;
use super::phone::Phone;
use super::rows::{self, CONTROL, CONTROL_HEAD, ControlRow, EpochRow, SealingRow, meta};
use super::succession::country;
use super::trusting::Acting;
use crate::model::TemplateId;
use crate::store::StoreError;
use crate::sync::{AdminAnswer, AdminRequest, FRAME_FILL_BYTES, FailureCode};
use crate::trust::control::{ActId, ControlEntry, Deed, HUB_KEYS_MAX};
use crate::trust::seal::SealId;

/// Acts of this device that one exchange brings to the hub; a person decides few a day.
const ACTS_AT_ONCE_MAX: usize = 8;

/// Frames of entries of control logs that one exchange gives back, so that what a person waits for is not held up by them.
const REMINDERS_AT_ONCE_MAX: usize = 4;

/// What one request is for. Bundles hold them: variants are only ever added at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Errand {
    /// To enter an act; that it was entered shows in the control log.
    Act(ActId),
    /// To register minutes.
    Seal(ActId),
    /// To take entries of the control log back, up to a row.
    Remind {
        /// The last row given. Empty for announcements of keys that are told ahead of their place; nothing depends on
        /// what the hub says of these.
        upto: Vec<u8>,
    },
    /// To take a checklist back.
    Template(TemplateId),
    /// To say what is merged and backed up, signed.
    Mark,
}

impl Errand {
    /// Returns whether it is announcements of keys told ahead of their place: they come once more there, so
    /// whatever the hub says of them now changes nothing.
    pub(super) fn is_ahead(&self) -> bool {
        matches!(self, Self::Remind { upto } if upto.is_empty())
    }

    /// Returns whether it is known before the hub's life is: what a person decided here, and what the hub is to
    /// sign.
    pub(super) fn is_of_persons(&self) -> bool {
        matches!(self, Self::Act(_) | Self::Seal(_) | Self::Mark)
    }
}

impl Phone {
    /// Returns what is to be asked in the next exchange.
    pub(super) fn errands(&self) -> Result<Vec<(Errand, AdminRequest)>, ReplicaError> {
        let mut errands = Vec::new();
        let acting = self.acting()?.into_iter().filter(|acting| !acting.refused);
        for Acting { id, act, .. } in acting.take(ACTS_AT_ONCE_MAX) {
            errands.push((Errand::Act(id), AdminRequest::Enter { acts: vec![act.encode()?] }));
        }
        self.present_seals(&mut errands)?;
        if self.awaits_mark()? {
            errands.push((Errand::Mark, AdminRequest::Mark));
        }
        self.remind(&mut errands)?;
        for (template, bytes) in self.unreturned()? {
            errands.push((Errand::Template(template), AdminRequest::PublishObject { bytes }));
        }
        Ok(errands)
    }

    /// Returns whether more is to be asked by itself than what is decided here: that shows when the
    /// hub's life is known.
    pub(super) fn has_errands(&self) -> Result<bool, ReplicaError> {
        Ok(self.errands()?.iter().any(|(errand, _)| !errand.is_of_persons()))
    }

    /// Returns whether a life of the hub's store that was just met is to have something again that an earlier one
    /// had: rights, checklists, and minutes that it kept, which go to this one whole.
    pub(super) fn has_errands_in_new_life(&self) -> Result<bool, ReplicaError> {
        let again = |errand: &Errand| !matches!(errand, Errand::Act(_) | Errand::Mark);
        Ok(self.errands()?.iter().any(|(errand, _)| again(errand)))
    }

    /// Returns whether something that was decided here waits to be entered, and was not refused.
    pub(super) fn has_decided(&self) -> Result<bool, ReplicaError> {
        Ok(self.acting()?.iter().any(|acting| !acting.refused) || !self.sealing()?.is_empty())
    }

    /// Adds minutes that no hub has registered: whole to a life of the hub's store that has not said that it
    /// keeps them, own ones first; then by their act alone those that it keeps, others each time, so that none
    /// that waits there for long holds up the rest.
    fn present_seals(&self, errands: &mut Vec<(Errand, AdminRequest)>) -> Result<(), ReplicaError> {
        let epoch: Option<EpochRow> =
            rows::get(&**self.replica().store(), &rows::single(meta::EPOCH))?;
        let life = epoch.map(|row| row.epoch);
        let keeps = |row: &SealingRow| row.epoch.is_some() && row.epoch == life;
        let (mut kept, mut new): (Vec<_>, Vec<_>) =
            self.sealing()?.into_iter().partition(|(_, row, _)| keeps(row));
        new.sort_by_key(|(_, row, _)| !row.here);
        if !kept.is_empty() {
            let turn = self.turn().fetch_add(1, Ordering::Relaxed);
            let count = kept.len();
            kept.rotate_left(turn % count);
        }
        let kept = kept.into_iter().take(ACTS_AT_ONCE_MAX);
        for (id, row, seal) in new.into_iter().take(ACTS_AT_ONCE_MAX).chain(kept) {
            let seal = if keeps(&row) { Vec::new() } else { seal };
            errands.push((Errand::Seal(id), AdminRequest::Seal { act: row.act, seal }));
        }
        Ok(())
    }

    /// Notes what the hub said of minutes that were presented. Returns whether that is here.
    fn seal_answered(
        &self,
        act: ActId,
        answer: &AdminAnswer,
        epoch: [u8; 16],
    ) -> Result<bool, ReplicaError> {
        // A person who gives them up, and an edit that renews a row in lists, find it before or after this.
        let _editing = self.editing().lock_behind_edits()?;
        let held: Option<SealingRow> =
            rows::get(&**self.replica().store(), &rows::of_sealing(act))?;
        let Some(held) = held else { return Ok(false) };
        let refused = match answer {
            AdminAnswer::Done if held.epoch == Some(epoch) => return Ok(true),
            AdminAnswer::Done => false,
            AdminAnswer::Refused(failure) if failure.is_last_word() => true,
            // It was left out there for want of a right that may be back: it is sent whole the next time.
            AdminAnswer::Refused(failure)
                if failure.code == FailureCode::Changed && held.epoch == Some(epoch) =>
            {
                return self.noted(Fact::SealForgotten { act });
            }
            _ => return Ok(false),
        };
        self.noted(Fact::SealAnswered { act, epoch, refused })
    }

    /// Notes what the hub said of minutes.
    fn noted(&self, fact: Fact) -> Result<bool, ReplicaError> {
        // Where the disk is full they are presented once more, which changes nothing.
        unless_full(self.record(fact).map(drop))
    }

    /// Adds entries that earlier lives of the hub's store signed, where this life has not been given
    /// them by this device.
    fn remind(&self, errands: &mut Vec<(Errand, AdminRequest)>) -> Result<(), ReplicaError> {
        let store = self.replica().store();
        let epoch: Option<EpochRow> = rows::get(&**store, &rows::single(meta::EPOCH))?;
        let Some(EpochRow { epoch, .. }) = epoch else { return Ok(()) };
        let given: Option<([u8; 16], Vec<u8>)> =
            rows::get(&**store, &rows::single(meta::REMINDED))?;
        let mut after = given.filter(|(life, _)| *life == epoch).map(|(_, upto)| upto);
        if after.is_none() && !self.has_other_lives(epoch)? {
            return Ok(());
        }
        let mut ahead = Some(self.announced_before(epoch)?);
        for _ in 0..REMINDERS_AT_ONCE_MAX {
            let (mut entries, mut seals, mut bytes) = (Vec::new(), Vec::new(), 0);
            while bytes < FRAME_FILL_BYTES {
                let page = store.scan(&[CONTROL], after.as_deref(), 1)?;
                let Some((key, value)) = page.into_iter().next() else { break };
                let row: ControlRow = rows::decode(&key, &value)?;
                if rows::life_in(&key).is_some_and(|life| !rows::is_of(life, epoch)) {
                    bytes += row.bytes.len();
                    seals.extend(self.sealed_by(&row.bytes)?);
                    entries.push(row.bytes);
                }
                after = Some(key);
            }
            let Some(upto) = after.clone().filter(|_| !entries.is_empty()) else { return Ok(()) };
            if let Some(entries) = ahead.take().filter(|ahead| !ahead.is_empty()) {
                let upto = Vec::new();
                errands.push((Errand::Remind { upto }, AdminRequest::TakeBack { entries }));
            }
            errands.push((Errand::Remind { upto }, AdminRequest::TakeBack { entries }));
            errands.extend(seals);
        }
        Ok(())
    }

    /// Returns the entries by which keys before the hub's present one announced the next: a hub that kept nothing but
    /// its key takes no entry of theirs before it has heard of them, and their place may be far behind.
    fn announced_before(&self, epoch: [u8; 16]) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let (store, mut found) = (self.replica().store(), Vec::new());
        let before = self.replica().hub_keys()?.before;
        if before.is_empty() {
            return Ok(found);
        }
        each_row(&**store, &rows::control_of(&country()), None, |key, value| {
            let row: ControlRow = rows::decode(key, value)?;
            let other = rows::life_in(key).is_some_and(|life| !rows::is_of(life, epoch));
            let link = ControlEntry::decode(&row.bytes).ok().and_then(|entry| entry.announces());
            if other
                && found.len() < HUB_KEYS_MAX
                && link.is_some_and(|link| before.contains(&link.from))
            {
                found.push(row.bytes);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Returns the minutes that an entry of a control log registers, to be given back behind it.
    fn sealed_by(&self, entry: &[u8]) -> Result<Option<(Errand, AdminRequest)>, ReplicaError> {
        let entry = ControlEntry::decode(entry)?;
        let Deed::Seal { seal, .. } = entry.act.act.deed else { return Ok(None) };
        let Some(seal) = self.replica().seal_bytes(SealId(seal))? else { return Ok(None) };
        let (id, act) = (entry.act.act.id()?, entry.act.encode()?);
        Ok(Some((Errand::Seal(id), AdminRequest::Seal { act, seal })))
    }

    fn has_other_lives(&self, epoch: [u8; 16]) -> Result<bool, StoreError> {
        let heads = self.replica().store().scan(&[CONTROL_HEAD], None, usize::MAX)?;
        Ok(heads
            .iter()
            .any(|(key, _)| rows::life_in(key).is_some_and(|life| !rows::is_of(life, epoch))))
    }

    /// Notes what the hub said of a decision. One that it may not take is not asked again: those made
    /// after it must not wait behind it.
    fn heard_of(&self, act: ActId, answer: &AdminAnswer) -> Result<bool, ReplicaError> {
        match answer {
            // Where the disk is full it is asked once more.
            AdminAnswer::Refused(failure) if failure.is_last_word() => {
                unless_full(self.note_unentered(act))
            }
            _ => Ok(false),
        }
    }

    /// Notes how an errand went. Returns whether there was something to note and it is here: on a full disk it
    /// is not, and the errand is run once more.
    pub(super) fn ran_errand(
        &self,
        errand: &Errand,
        answer: &AdminAnswer,
        epoch: [u8; 16],
    ) -> Result<bool, ReplicaError> {
        let noted = match (errand, answer) {
            (Errand::Act(act), _) => return self.heard_of(*act, answer),
            (Errand::Seal(act), _) => return self.seal_answered(*act, answer, epoch),
            (Errand::Mark, AdminAnswer::Mark(mark)) => {
                return self.marked(mark, epoch).map(|()| true);
            }
            (Errand::Mark, _) => return Ok(false),
            _ if *answer != AdminAnswer::Done => return Ok(false),
            (Errand::Template(template), _) => {
                return self.returned(vec![*template], epoch).map(|()| true);
            }
            (Errand::Remind { upto }, _) => {
                let _editing = self.editing().lock_behind_edits()?;
                let noted = self.record(Fact::Reminded { epoch, upto: upto.clone() }).map(drop);
                // The grant that allows what was refused may have been among them.
                noted.and_then(|()| self.ask_again())
            }
        };
        // Where the disk is full they are given once more, which changes nothing.
        unless_full(noted)
    }
}

/// Returns whether something was recorded; that there was no room for it is no error.
fn unless_full(recorded: Result<(), ReplicaError>) -> Result<bool, ReplicaError> {
    match recorded {
        Err(ReplicaError::Store(StoreError::Full { .. })) => Ok(false),
        recorded => recorded.map(|()| true),
    }
}
