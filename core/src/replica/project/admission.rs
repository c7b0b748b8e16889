//! What waits at the hub's door: packs that their device may not write, and packs whose checklist is
//! not here.

use super::super::facts::{PackPlace, Quarantined, Trouble};
use super::super::rows::{
    self, DEVICE, DOCUMENT, DocumentRow, Evidence, GIVEN, GivenRow, LATER, NAMED, OBJECT, ORDER,
    PENDING, QuarantineRow, RIPE, SHUT, STALE, STRANDED, ShareRow, ShutRow, StrandedRow, TROUBLE,
    TroubleRow, UNKNOWN_LIFE, meta,
};
use super::Step;
use crate::model::{DeviceId, DocumentId, Kind, Scope, TemplateId, Timestamp};
use crate::replica::short::PackFacts;
use crate::store::StoreError;
use crate::sync::{DeviceEntry, Notice, PackHeader, Verdict};
use crate::trust::Tip;
use crate::trust::access::ReviewAct;
use crate::trust::control::{Judged, Judgement};

impl Step<'_> {
    /// Puts a pack among what is to be merged, or apart where its checklist is not here: nothing
    /// that is to be merged waits behind it then.
    pub(super) fn queue(&mut self, pack: &PackFacts, place: PackPlace) -> Result<(), StoreError> {
        let document = pack.document();
        if let Some(template) = pack.genesis().template
            && !self.has(&rows::of_template(OBJECT, template))?
        {
            self.index.put(rows::of_later_place(template, document, place), &pack.device());
            self.count(rows::later_of(pack.device()), 1)?;
            return self.totals(|totals| totals.later += 1);
        }
        self.index.put(rows::of_place(PENDING, document, place), &());
        self.totals(|totals| totals.pending += 1)
    }

    /// Takes a pack that was merged, parked or refused out of what waited for a checklist.
    pub(super) fn leave_queue(
        &mut self,
        document: DocumentId,
        place: PackPlace,
    ) -> Result<(), StoreError> {
        let row: Option<DocumentRow> = self.index.get(&rows::of_document(DOCUMENT, document))?;
        let Some(template) = row.and_then(|row| row.genesis.template) else { return Ok(()) };
        let key = rows::of_later_place(template, document, place);
        if let Some(device) = self.index.get::<DeviceId>(&key)? {
            self.index.remove(key);
            self.count(rows::later_of(device), -1)?;
            self.totals(|totals| totals.later = totals.later.saturating_sub(1))?;
        }
        Ok(())
    }

    /// Notes that a checklist is here now, if packs waited for it.
    pub(super) fn ripen(&mut self, template: TemplateId) -> Result<(), StoreError> {
        let waiting = rows::of_template(LATER, template);
        if !self.index.below.scan(&waiting, None, 1)?.is_empty() {
            self.index.put(rows::of_template(RIPE, template), &());
        }
        Ok(())
    }

    /// Keeps a pack aside that one device brought.
    pub(super) fn shut_out(
        &mut self,
        (from, at): (DeviceId, Timestamp),
        place: PackPlace,
        entry: &Quarantined,
    ) -> Result<(), StoreError> {
        let aside = rows::aside_of(entry.device);
        let header = PackHeader::peek(&entry.bytes).ok();
        let row = QuarantineRow {
            verdict: entry.notice.verdict,
            device: entry.device,
            from: Some(from),
            evidence: Evidence::Aside(place),
            scope: header.map(|header| header.genesis.scope),
            at,
        };
        let Notice { document, actor, seq, .. } = entry.notice;
        self.index.put(rows::of_seq(NAMED, document, actor, seq), &());
        let Some(number) = self.set_aside(entry, &row, aside)? else { return Ok(()) };
        if entry.notice.verdict == Verdict::NotAllowed {
            let stranger = !self.has(&rows::key(DEVICE, &[&entry.device.0]))?;
            let row = ShutRow { place, from, stranger, number };
            self.index.put(rows::of_shut(entry.device, &entry.notice), &row);
            if stranger {
                self.count(rows::strangers_of(from), 1)?;
            }
        }
        if entry.notice.verdict == Verdict::Orphan
            && let Ok(header) = PackHeader::peek(&entry.bytes)
        {
            let row = StrandedRow { place, first_seq: header.first_seq, number };
            self.index.put(rows::of_stranded(&entry.notice), &row);
            self.count(rows::stranded_of(entry.device), 1)?;
        }
        Ok(())
    }

    /// Keeps what was refused at merging as evidence.
    pub(super) fn quarantine(
        &mut self,
        place: PackPlace,
        entry: &Quarantined,
        (scope, at): (&Scope, Timestamp),
    ) -> Result<(), StoreError> {
        let row = QuarantineRow {
            verdict: entry.notice.verdict,
            device: entry.device,
            from: None,
            evidence: Evidence::Taken(place),
            scope: Some(scope.clone()),
            at,
        };
        self.set_aside(entry, &row, rows::refused_of(entry.device)).map(drop)
    }

    /// Counts a pack that was taken in into its device's share of the document.
    pub(super) fn use_up(&mut self, pack: &PackFacts) -> Result<(), StoreError> {
        let key = rows::of_share(pack.document(), pack.device());
        let used: ShareRow = self.index.get(&key)?.unwrap_or_default();
        self.index.put(key, &used.and(pack.previous().is_none(), pack.used));
        Ok(())
    }

    /// As [`Self::quarantine`], counted under a key; returns the number of the notice to the device,
    /// unless it has it.
    fn set_aside(
        &mut self,
        entry: &Quarantined,
        row: &QuarantineRow,
        counted: Vec<u8>,
    ) -> Result<Option<u64>, StoreError> {
        let known = rows::of_quarantine(&entry.notice);
        if self.has(&known)? {
            return Ok(None);
        }
        let head = rows::notices_of(entry.device);
        let number = self.index.get::<u64>(&head)?.unwrap_or(0) + 1;
        self.index.put(head, &number);
        self.index.put(rows::notice_of_device(entry.device, number), &entry.notice);
        self.index.put(known, row);
        self.note_owed(&entry.notice, row)?;
        self.count(counted, 1)?;
        self.totals(|totals| totals.quarantined += 1)?;
        Ok(Some(number))
    }

    /// Marks what was admitted before it came: a start of the hub looks at what is marked and at no other
    /// decision.
    fn note_owed(&mut self, notice: &Notice, row: &QuarantineRow) -> Result<(), StoreError> {
        let Some(scope) = row.scope.as_ref().filter(|scope| row.may_enter_by(scope)) else {
            return Ok(());
        };
        let Notice { document, actor, seq, hash, .. } = *notice;
        let name = (document, actor, seq, hash);
        let judged: Option<Judged> = self.index.get(&rows::of_judged(scope, name))?;
        if judged.is_some_and(|judged| judged.judgement == Judgement::Admit) {
            self.index.put(rows::of_owed(name), &());
        }
        Ok(())
    }

    /// Takes back what was said of a pack while its device was not allowed to write it, or while what
    /// comes before it was missing: it is in the record now, or on its way there.
    pub(super) fn readmit(&mut self, pack: &PackFacts) -> Result<(), StoreError> {
        self.let_in(pack)?;
        self.reach(pack)
    }

    /// As [`Self::readmit`], of what was kept beyond a hole.
    fn reach(&mut self, pack: &PackFacts) -> Result<(), StoreError> {
        let (document, actor) = (pack.document(), pack.actor());
        if self.index.below.scan(&rows::of_actor(STRANDED, document, actor), None, 1)?.is_empty() {
            return Ok(());
        }
        for Tip { seq, hash, .. } in pack.known().iter().copied() {
            let verdict = Verdict::Orphan;
            let notice = Notice { document, actor, seq, hash, verdict };
            let key = rows::of_stranded(&notice);
            let Some(row) = self.index.get::<StrandedRow>(&key)? else { continue };
            self.index.remove(key);
            self.count(rows::stranded_of(pack.device()), -1)?;
            self.take_back(pack.device(), &notice, row.number)?;
        }
        Ok(())
    }

    /// Takes back a notice to a device, and that its pack is set aside.
    fn take_back(
        &mut self,
        device: DeviceId,
        notice: &Notice,
        number: u64,
    ) -> Result<(), StoreError> {
        let Notice { document, actor, seq, hash, .. } = *notice;
        self.index.remove(rows::of_quarantine(notice));
        self.index.remove(rows::of_owed((document, actor, seq, hash)));
        self.index.remove(rows::notice_of_device(device, number));
        self.count(rows::aside_of(device), -1)?;
        self.totals(|totals| totals.quarantined = totals.quarantined.saturating_sub(1))
    }

    /// As [`Self::readmit`], of what its device might not write.
    fn let_in(&mut self, pack: &PackFacts) -> Result<(), StoreError> {
        let (document, actor) = (pack.document(), pack.actor());
        let prefix = rows::key(SHUT, &[&pack.device().0, &document.0, &actor.0]);
        if self.index.below.scan(&prefix, None, 1)?.is_empty() {
            return Ok(());
        }
        for Tip { seq, hash, .. } in pack.known().iter().copied() {
            let verdict = Verdict::NotAllowed;
            let notice = Notice { document, actor, seq, hash, verdict };
            let key = rows::of_shut(pack.device(), &notice);
            let Some(row) = self.index.get::<ShutRow>(&key)? else { continue };
            self.index.remove(key);
            if row.stranger {
                self.count(rows::strangers_of(row.from), -1)?;
            }
            self.take_back(pack.device(), &notice, row.number)?;
        }
        Ok(())
    }

    /// Says of which life of the hub's store the checklists are that came before the hub was met.
    pub(super) fn name_life(&mut self, epoch: [u8; 16]) -> Result<(), StoreError> {
        for (key, value) in self.index.below.scan(&[GIVEN], None, usize::MAX)? {
            if rows::decode::<GivenRow>(&key, &value)?.epoch == UNKNOWN_LIFE {
                self.index.put(key, &GivenRow { epoch });
            }
        }
        Ok(())
    }

    /// Notes what was gone when the store was opened.
    pub(super) fn troubled(&mut self, trouble: &Trouble, at: Timestamp) -> Result<(), StoreError> {
        let told: u64 = self.index.get(&rows::single(meta::TOLD))?.unwrap_or(0);
        self.index.put(rows::single(meta::TOLD), &told.saturating_add(trouble.lost));
        let row = TroubleRow { trouble: trouble.clone(), at };
        self.index.put(rows::of_number(TROUBLE, self.at.0), &row);
        Ok(())
    }

    /// Ends the telling of what a person has seen.
    pub(super) fn acknowledged(&mut self, upto: u64) -> Result<(), StoreError> {
        self.see_restored(upto)?;
        for (key, _) in self.index.below.scan(&[TROUBLE], None, usize::MAX)? {
            if rows::number_in(&key).is_some_and(|number| number <= upto) {
                self.index.remove(key);
            }
        }
        Ok(())
    }

    /// Notes what the hub knows of a device. Where it may decide a review now, or no more, the rows
    /// of reviews say what counts only once they are made anew.
    pub(super) fn device(&mut self, entry: &DeviceEntry) -> Result<(), StoreError> {
        let key = rows::key(DEVICE, &[&entry.device.0]);
        let before: Option<DeviceEntry> = self.index.get(&key)?;
        let judges = |entry: &DeviceEntry| entry.may_review(ReviewAct::Judge);
        if before.is_some_and(|before| judges(&before) != judges(entry)) {
            let reviews = rows::key(ORDER, &[&[Kind::Review.number()]]);
            for (row, _) in self.index.below.scan(&reviews, None, usize::MAX)? {
                if let Some(document) = row.get(10..42).and_then(|name| name.try_into().ok()) {
                    self.index.put(rows::of_document(STALE, DocumentId(document)), &());
                }
            }
        }
        self.index.remove(rows::refused_of(entry.device));
        self.index.put(key, entry);
        Ok(())
    }

    fn has(&self, key: &[u8]) -> Result<bool, StoreError> {
        match self.index.above.0.get(key) {
            Some(above) => Ok(above.is_some()),
            None => Ok(self.index.below.get(key)?.is_some()),
        }
    }

    fn count(&mut self, key: Vec<u8>, by: i64) -> Result<(), StoreError> {
        let count = self.index.get::<u64>(&key)?.unwrap_or(0).saturating_add_signed(by);
        if count == 0 {
            self.index.remove(key);
        } else {
            self.index.put(key, &count);
        }
        Ok(())
    }
}
