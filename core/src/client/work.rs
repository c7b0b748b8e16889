//! What a person does: visits, answers, notes, findings, reviews, facilities, plans.
//!
//! Every call is one edit, durable when it returns. Whether a grade fits the checklist is checked
//! here, because the record itself takes any; so is whether the hub will take the edit in, by the
//! rights that it told of.

use super::corrections::within;
use super::read::wrong_kind;
use super::{Author, Candidate, Client, ClientError};
use crate::checklist::{AnswerError, Day, Template};
use crate::clock;
use crate::model::{
    Answer, AnswerInput, AnswerState, ChangeHash, DocumentId, EditError, Editor, FacilityInput,
    FindingInput, FindingPatch, Genesis, Grade, Kind, NoteEdit, Origin, PlanInput, Said, Scope,
    TemplateId, Timestamp, Verdict, place_name,
};
use crate::replica::{EditOutcome, ReplicaError, ReviewAct, admits};
use crate::sync::{DeviceEntry, Role};

/// A planned visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// What the inspection is born as.
    pub genesis: Genesis,
    /// The inspection's name, the same on every phone.
    pub document: DocumentId,
    /// The facility visited.
    pub facility: DocumentId,
    /// The facility's name when it was planned.
    pub name: String,
    /// The checklist.
    pub template: TemplateId,
    /// 1 for the first visit under the plan.
    pub visit: u32,
    /// Taken off the plan.
    pub removed: bool,
}

impl Visit {
    /// Returns another visit of the same facility under the same plan.
    #[must_use]
    pub fn numbered(mut self, number: u32) -> Self {
        if let Origin::Planned { visit, .. } = &mut self.genesis.origin {
            *visit = number;
        }
        self.visit = number;
        self.document = self.genesis.document();
        self
    }
}

/// An answer as a person gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The grade; [`Grade::Given`] where the value or the photos are the answer.
    pub grade: Grade,
    /// A measured or written value. As an answer it is in the one text that the checklist asks for
    /// (see [`Template::read_value`]).
    pub value: Option<String>,
    /// BLAKE3 hashes of photos, in hexadecimal.
    pub evidence: Vec<String>,
    /// A line to add to the item's note.
    pub note: Option<String>,
}

impl Draft {
    /// Returns a draft of a grade alone.
    #[must_use]
    pub fn graded(grade: Grade) -> Self {
        Self { grade, value: None, evidence: Vec::new(), note: None }
    }

    /// Returns a draft of a value that is the answer.
    #[must_use]
    pub fn given(value: String) -> Self {
        Self { value: Some(value), ..Self::graded(Grade::Given) }
    }

    /// Checks the draft against the item and turns it into what the record takes.
    pub(super) fn checked(
        self,
        template: &Template,
        item: &str,
        resolves: bool,
        now: Timestamp,
    ) -> Result<(AnswerInput, Option<String>), AnswerError> {
        template.check_whole(item, self.grade, self.value.as_deref(), self.evidence.len())?;
        let (grade, value, evidence) = (self.grade, self.value, self.evidence);
        Ok((AnswerInput { grade, value, evidence, claimed_at: now, resolves }, self.note))
    }
}

/// What to do with a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Adds a line at the end.
    Append(String),
    /// Makes the note this text; what others typed elsewhere in it meanwhile survives.
    Replace(String),
}

/// Work that a supervisor sends back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The item to go back to; none for the whole inspection.
    pub item: Option<String>,
    /// What is asked.
    pub text: String,
    /// The heads that the person saw; none for what is here now.
    pub seen: Option<Vec<ChangeHash>>,
}

impl Client {
    /// Returns the visits that a plan foresees, those taken off it too.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the plan is not here.
    pub fn visits(&self, plan: DocumentId) -> Result<Vec<Visit>, ClientError> {
        let mut visits = Vec::new();
        for (facility, register) in self.plan(plan)?.facilities {
            let (Ok(facility), Some(planned)) =
                (facility.parse::<DocumentId>(), register.shown().and_then(|told| told.valid()))
            else {
                continue;
            };
            // The facility's own unit, not the plan's: it is fixed at birth, so it is the same on
            // every phone. Before the facility has arrived its visits cannot be named.
            let Ok(born) = self.phone().replica().genesis(facility) else { continue };
            let genesis = Genesis {
                kind: Kind::Inspection,
                scope: born.scope,
                template: Some(planned.template),
                origin: Origin::Planned { plan, facility, visit: planned.visit },
            };
            visits.push(Visit {
                document: genesis.document(),
                genesis,
                facility,
                name: planned.name.clone(),
                template: planned.template,
                visit: planned.visit,
                removed: planned.removed,
            });
        }
        Ok(visits)
    }

    /// Opens a planned visit: two phones that do so offline fill the same document. Nothing is
    /// recorded before the first edit.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotPlanned`] when the plan does not visit the facility, and
    /// [`ClientError::Replica`] when plan or checklist are not here. Returns
    /// [`ClientError::PlanCancelled`] when the plan was cancelled before anybody began the visit.
    pub fn open_visit(
        &self,
        plan: DocumentId,
        facility: DocumentId,
        number: Option<u32>,
    ) -> Result<Visit, ClientError> {
        let planned = self.visits(plan)?.into_iter().find(|visit| visit.facility == facility);
        let visit = planned.filter(|visit| !visit.removed).ok_or(ClientError::NotPlanned)?;
        let visit = match number {
            Some(number) => visit.numbered(number),
            None => visit,
        };
        self.check_beginning(&visit.genesis)?;
        self.phone().replica().template(visit.template)?;
        Ok(visit)
    }

    /// Answers an item. An earlier answer that this device has seen is replaced; it stays in the
    /// history.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Answer`] when the checklist does not have the item, answers it in rows,
    /// or takes something else, and [`ClientError::Replica`] while several answers stand (see [`Client::resolve`]), or when it could not be recorded.
    pub fn answer(
        &self,
        inspection: &Genesis,
        item: &str,
        draft: Draft,
    ) -> Result<EditOutcome<()>, ClientError> {
        self.give(inspection, item, draft, false)
    }

    pub(super) fn give(
        &self,
        inspection: &Genesis,
        item: &str,
        draft: Draft,
        resolves: bool,
    ) -> Result<EditOutcome<()>, ClientError> {
        let (by, template) = self.template_of(inspection)?;
        if let Some(section) = template.group_of(item)? {
            let (item, group) = (item.to_owned(), section.code.clone());
            return Err(AnswerError::NeedsRow { item, group }.into());
        }
        let now = clock::now();
        let (answer, line) = draft.checked(&template, item, resolves, now)?;
        let id = clock::random::<16>()?;
        let edit = |editor: &mut Editor<'_>| {
            editor.answer(item, answer)?;
            match &line {
                Some(line) => append_line(editor, id, item, line),
                None => Ok(()),
            }
        };
        self.edit_by(inspection, by, edit)
    }

    /// Edits the note of an item.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Answer`] for an unknown item, and [`ClientError::Replica`] for a text
    /// over its limit, or when it could not be recorded.
    pub fn note(
        &self,
        inspection: &Genesis,
        item: &str,
        note: Note,
    ) -> Result<EditOutcome<()>, ClientError> {
        let (by, template) = self.template_of(inspection)?;
        template.check_answer(item, Grade::Unanswered)?;
        let id = clock::random::<16>()?;
        let edit = |editor: &mut Editor<'_>| match note {
            // An item that the first change did not foresee has no text that all share.
            Note::Append(text) | Note::Replace(text) if editor.shared_note(item)?.is_none() => {
                editor.loose_note_add(id, item, &format!("{}\n", text.trim_end()))
            }
            Note::Append(line) => append_line(editor, id, item, &line),
            Note::Replace(text) => editor.note(item, NoteEdit::Replace(text)),
        };
        self.edit_by(inspection, by, edit)
    }

    /// Adds a finding and returns its name. Its row may be named by the first digits of its id.
    ///
    /// # Errors
    ///
    /// As [`Client::note`]; [`ClientError::Answer`] too for a severity that the item does not allow,
    /// and when an item that is answered in rows comes without one, because then nobody knows which it
    /// is about. The day on which it was put in the minutes is theirs if nobody says another;
    /// [`ClientError::DeadlineTooLate`] for a deadline behind the longest time from it. Before that day is
    /// known none is refused; see [`Client::latest_by_today`].
    pub fn finding(
        &self,
        inspection: &Genesis,
        mut input: FindingInput,
        issued: Option<Day>,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        self.check_rights(inspection)?;
        let (by, template) = self.template_of(inspection)?;
        if let Some(item) = &input.item {
            template.check_severity(item, input.severity)?;
        }
        input.row = self.row_of_finding(inspection, &template, &input)?;
        input.deadline = within(input.deadline, self.latest_of_new(inspection, issued)?)?;
        let id = clock::random::<16>()?;
        let edit = |editor: &mut Editor<'_>| {
            editor.finding_add(id, input)?;
            let Some(day) = issued else { return Ok(()) };
            let issued = Some(day.to_string());
            editor.finding_update(id, FindingPatch { issued, ..FindingPatch::default() })
        };
        Ok((id, self.edit_by(inspection, by, edit)?))
    }

    /// Returns the row's whole id, or why the item and the row do not belong together.
    fn row_of_finding(
        &self,
        inspection: &Genesis,
        template: &Template,
        input: &FindingInput,
    ) -> Result<Option<String>, ClientError> {
        let group = input.item.as_deref().map(|item| template.group_of(item)).transpose()?;
        let group = group.flatten().map(|section| section.code.clone());
        let item = input.item.clone().unwrap_or_default();
        let Some(row) = &input.row else {
            let needs = group.map(|group| AnswerError::NeedsRow { item, group });
            return needs.map_or(Ok(None), |error| Err(error.into()));
        };
        let (id, of) = self.find_row(inspection, row)?;
        if group.as_ref() != Some(&of) {
            return Err(AnswerError::OtherRow { item, group: of }.into());
        }
        Ok(Some(hex::encode(id)))
    }

    /// Says on which day a finding was put in the minutes (*ngày ghi vào biên bản*), which the time to
    /// correct it is counted from. None takes that back: the day of the minutes counts then.
    ///
    /// # Errors
    ///
    /// As [`Client::delete_finding`].
    pub fn issue_finding(
        &self,
        inspection: &Genesis,
        finding: &str,
        day: Option<Day>,
    ) -> Result<EditOutcome<()>, ClientError> {
        let id = self.find_finding(inspection, finding)?;
        let issued = Some(day.map(|day| day.to_string()).unwrap_or_default());
        let patch = FindingPatch { issued, ..FindingPatch::default() };
        let edit = |editor: &mut Editor<'_>| editor.finding_update(id, patch);
        self.edit(inspection, edit)
    }

    /// Deletes a finding by a tombstone, which stays visible with who and why; what others write to it
    /// without knowing is parked and shown. Returns whose it was.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for the finding's name, and
    /// [`ClientError::OthersFinding`] when another wrote it and no reason is given.
    pub fn delete_finding(
        &self,
        inspection: &Genesis,
        finding: &str,
        reason: &str,
    ) -> Result<(Author, EditOutcome<()>), ClientError> {
        let id = self.find_finding(inspection, finding)?;
        let (read, authors) = self.read_authored(inspection)?;
        let made = read.findings.get(&hex::encode(id)).map(|row| row.made.actor.clone());
        let author = authors.of(&made.unwrap_or_default());
        if !author.here && reason.trim().is_empty() {
            return Err(ClientError::OthersFinding { finding: finding.to_owned(), author });
        }
        let edit = |editor: &mut Editor<'_>| editor.finding_strike(id, reason);
        Ok((author, self.edit(inspection, edit)?))
    }

    /// Returns the answers that stand to an item, or to an item in a row by its full id, each with who
    /// gave it: what an answer given now replaces.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the inspection or its checklist is not here.
    pub fn standing_answers(
        &self,
        inspection: &Genesis,
        row: Option<&str>,
        item: &str,
    ) -> Result<Vec<(Said<Answer>, Author)>, ClientError> {
        let (read, authors) = self.read_authored(inspection)?;
        let state = match row {
            Some(row) => read.rows.get(row).and_then(|row| row.answers.get(item)),
            None => read.answers.get(item),
        };
        let all = state.map(AnswerState::all).unwrap_or_default().iter();
        Ok(all.map(|said| (said.clone(), authors.of(&said.actor))).collect())
    }

    /// Takes a finding's tombstone away.
    ///
    /// # Errors
    ///
    /// As [`Client::delete_finding`].
    pub fn restore_finding(
        &self,
        inspection: &Genesis,
        finding: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        let id = self.find_finding(inspection, finding)?;
        let edit = |editor: &mut Editor<'_>| editor.finding_restore(id);
        self.edit(inspection, edit)
    }

    pub(super) fn find_finding(
        &self,
        inspection: &Genesis,
        name: &str,
    ) -> Result<[u8; 16], ClientError> {
        let document = self.open_inspection(inspection)?;
        let view = document.view().inspection();
        let ids = view.into_iter().flat_map(|view| view.findings.into_keys());
        row_named("finding", name, ids)
    }

    /// Accepts an inspection (*chấp nhận*) as it was at the heads that the person saw; without any as
    /// it is here now. Whatever was written since is told from then on. While values that differ stand,
    /// in it or in its corrective actions, it is accepted only for a reason, which is recorded.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Disputed`] while values that differ stand and no reason is given,
    /// [`ClientError::NotReviewer`] when this device may not judge, and
    /// [`ClientError::Replica`] for heads that are not here, or when it could not be recorded.
    pub fn accept(
        &self,
        inspection: &Genesis,
        text: &str,
        seen: Option<&[ChangeHash]>,
        despite: Option<&str>,
    ) -> Result<EditOutcome<()>, ClientError> {
        self.check_review(inspection, ReviewAct::Judge)?;
        let over = self.content_at(inspection, seen)?;
        // Judged is what was seen, so what differed then counts.
        let disputed = match seen {
            None => self.conflicts(inspection)?.0,
            Some(heads) => {
                let document = self.open_inspection(inspection)?;
                self.reading(&document, Some(heads))?.view.conflicts()
            }
        };
        let despite = match despite.map(str::trim).filter(|reason| !reason.is_empty()) {
            // Where nothing is disputed there is nothing to accept it in spite of.
            Some(reason) if !disputed.is_empty() => reason,
            _ if disputed.is_empty() => "",
            _ => {
                let places = disputed.iter().map(|open| place_name(&open.place)).collect();
                return Err(ClientError::Disputed { places });
            }
        };
        self.review(inspection, ReviewAct::Judge, |editor| {
            editor.decide_despite((Verdict::Accepted, text), &over, despite)
        })
    }

    /// Returns the heads of an inspection's content, as it is here or as somebody saw it.
    fn content_at(
        &self,
        inspection: &Genesis,
        seen: Option<&[ChangeHash]>,
    ) -> Result<Vec<ChangeHash>, ClientError> {
        let document = self.open_inspection(inspection)?;
        let Some(heads) = seen else { return Ok(document.content_heads()) };
        let then = document.at(heads).map_err(|source| ReplicaError::Document {
            document: document.id(),
            source: std::sync::Arc::new(source),
        })?;
        Ok(then.content_heads())
    }

    /// Pins a comment to an item, or to the whole inspection, and returns its name.
    ///
    /// # Errors
    ///
    /// As [`Client::accept`], and [`ClientError::Answer`] for an unknown item.
    pub fn comment(
        &self,
        inspection: &Genesis,
        item: Option<&str>,
        text: &str,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        let item = self.key_of(inspection, item)?;
        let item = item.as_deref();
        let id = clock::random::<16>()?;
        Ok((
            id,
            self.review(inspection, ReviewAct::Judge, |editor| editor.comment(id, item, text))?,
        ))
    }

    /// Sends an inspection back (*trả lại để bổ sung*), as a whole or to one item, and returns the
    /// name of the request.
    ///
    /// # Errors
    ///
    /// As [`Client::comment`].
    pub fn send_back(
        &self,
        inspection: &Genesis,
        sending: &Sending,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        let item = self.key_of(inspection, sending.item.as_deref())?;
        let item = item.as_deref();
        let over = self.content_at(inspection, sending.seen.as_deref())?;
        let id = clock::random::<16>()?;
        let outcome = self.review(inspection, ReviewAct::Judge, |editor| {
            editor.decide_over(Verdict::SentBack, &sending.text, &over)?;
            editor.request(id, item, &sending.text)
        })?;
        Ok((id, outcome))
    }

    /// Replies to a comment or request, by the first digits of its name. A request counts as
    /// answered then.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for the comment's name.
    pub fn reply(
        &self,
        inspection: &Genesis,
        to: &str,
        text: &str,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        let document = self.review_document(inspection)?;
        let view = document.and_then(|review| review.view().review());
        let (comments, requests) =
            view.map(|view| (view.comments, view.requests)).unwrap_or_default();
        let asked: Vec<String> = requests.into_keys().collect();
        let ids = comments.into_keys().chain(asked.iter().cloned());
        let to = row_named("comment", to, ids)?;
        let answers = asked.contains(&hex::encode(to));
        let id = clock::random::<16>()?;
        let outcome = self.review(inspection, ReviewAct::Reply, |editor| {
            editor.reply(id, to, text)?;
            if answers { editor.request_answered(to, true) } else { Ok(()) }
        })?;
        Ok((id, outcome))
    }

    fn review<T>(
        &self,
        inspection: &Genesis,
        act: ReviewAct,
        edit: impl FnOnce(&mut Editor<'_>) -> Result<T, EditError>,
    ) -> Result<EditOutcome<T>, ClientError> {
        self.check_review(inspection, act)?;
        self.edit(&review_of(inspection), edit)
    }

    /// Fails when this device may not say that in a review.
    fn check_review(&self, inspection: &Genesis, act: ReviewAct) -> Result<(), ClientError> {
        if inspection.kind != Kind::Inspection {
            return Err(wrong_kind(inspection, Kind::Inspection));
        }
        let own = self.phone().replica().device(self.device())?;
        if let Some(own) = own.map(|own| own.in_force(clock::now()))
            && !own.may_review(act)
        {
            let role = role_names(&own);
            return Err(match act {
                ReviewAct::Judge => ClientError::NotReviewer { role },
                ReviewAct::Reply => ClientError::NotYours { role, kind: Kind::Review },
            });
        }
        Ok(())
    }

    /// Records an edit that the hub will take in, as far as this device was told. Sealed minutes take
    /// none.
    pub(super) fn edit<T>(
        &self,
        genesis: &Genesis,
        edit: impl FnOnce(&mut Editor<'_>) -> Result<T, EditError>,
    ) -> Result<EditOutcome<T>, ClientError> {
        self.check_unsealed(genesis)?;
        self.edit_course(genesis, edit)
    }

    /// As [`Client::edit`], of what goes on after the minutes: steps, what laboratories report,
    /// difficulties.
    pub(super) fn edit_course<T>(
        &self,
        genesis: &Genesis,
        edit: impl FnOnce(&mut Editor<'_>) -> Result<T, EditError>,
    ) -> Result<EditOutcome<T>, ClientError> {
        self.check_rights(genesis)?;
        self.check_beginning(genesis)?;
        Ok(self.phone().edit(genesis, clock::now(), edit)?)
    }

    /// Returns the key that stands for an item in the record, so that a comment stays with its item
    /// when the record is moved to another edition of its checklist.
    fn key_of(
        &self,
        inspection: &Genesis,
        item: Option<&str>,
    ) -> Result<Option<String>, ClientError> {
        let Some(item) = item else { return Ok(None) };
        let document = self.open_inspection(inspection)?;
        let reading = self.reading(&document, None)?;
        // Taking an answer back is allowed for every item, so only an unknown item is refused.
        reading.template.check_answer(item, Grade::Unanswered)?;
        let key = reading.view.edition().map_or(item, |edition| edition.about(item));
        Ok(Some(key.to_owned()))
    }

    /// Makes and updates facilities as one commit, all or none: the name of one that is here, or the
    /// unit of one that is to be made, and what to write. Returns each one's name, and whether
    /// anything changed.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotYours`] when this device may not write facilities, and
    /// [`ClientError::Replica`] when a field is wrong or they could not be recorded. Nothing is
    /// recorded then.
    pub fn put_facilities(
        &self,
        facilities: &[(Result<DocumentId, Scope>, FacilityInput)],
    ) -> Result<Vec<(DocumentId, bool)>, ClientError> {
        let mut edits = Vec::with_capacity(facilities.len());
        for (place, input) in facilities {
            let genesis = match place {
                Ok(facility) => self.phone().replica().genesis(*facility)?,
                Err(scope) => self.born(Kind::Facility, scope.clone())?,
            };
            self.check_rights(&genesis)?;
            edits.push((genesis, |editor: &mut Editor<'_>| editor.facility(input)));
        }
        let names: Vec<DocumentId> = edits.iter().map(|(genesis, _)| genesis.document()).collect();
        let changed = self.phone().edit_each(clock::now(), edits)?;
        Ok(names.into_iter().zip(changed).collect())
    }

    /// Makes a plan and returns its name.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotYours`] when this device may not write plans,
    /// [`ClientError::AsksReason`] for facilities that are inspected in the same year already and for
    /// which the plan gives no reason of the law, and [`ClientError::Replica`] when a field is wrong
    /// or it could not be recorded.
    pub fn make_plan(&self, scope: Scope, input: &PlanInput) -> Result<DocumentId, ClientError> {
        self.check_frequency(input)?;
        self.make(Kind::Plan, scope, |editor| editor.plan(input))
    }

    fn make(
        &self,
        kind: Kind,
        scope: Scope,
        edit: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>,
    ) -> Result<DocumentId, ClientError> {
        let genesis = self.born(kind, scope)?;
        self.edit(&genesis, edit)?;
        Ok(genesis.document())
    }

    /// Names a document that this device makes.
    fn born(&self, kind: Kind, scope: Scope) -> Result<Genesis, ClientError> {
        let origin = Origin::Device { creator: self.device(), nonce: clock::random()? };
        Ok(Genesis { kind, scope, template: None, origin })
    }

    /// Refuses early what the hub would refuse later. A device that was told nothing yet may write:
    /// recording never waits for the hub.
    pub(super) fn check_rights(&self, genesis: &Genesis) -> Result<(), ClientError> {
        self.check_may_write(genesis.kind, &genesis.scope)
    }

    /// Refuses, as every edit does, to write a kind of document in a unit where this device may not.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotYours`] for the kind and [`ClientError::NotHere`] for the unit.
    pub fn check_may_write(&self, kind: Kind, scope: &Scope) -> Result<(), ClientError> {
        let Some(own) = self.phone().replica().device(self.device())? else { return Ok(()) };
        let own = own.in_force(clock::now());
        if !own.may_write(kind) {
            return Err(ClientError::NotYours { role: role_names(&own), kind });
        }
        // Rights that have ended may come back; what is written meanwhile waits here.
        let own = DeviceEntry { active: true, ..own };
        if !admits(&own, kind, scope) {
            let scopes = own.scopes().iter().map(ToString::to_string).collect();
            return Err(ClientError::NotHere { scope: scope.to_string(), scopes });
        }
        Ok(())
    }
}

/// Returns the holder's roles, for an error's text.
pub(super) fn role_names(entry: &DeviceEntry) -> String {
    let names: Vec<&str> = entry.roles().into_iter().map(role_name).collect();
    names.join(", ")
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Leader => "leader",
        Role::Inspector => "inspector",
        Role::Supervisor => "supervisor",
        Role::Auditor => "auditor",
    }
}

/// Returns the one review of an inspection.
pub(super) fn review_of(inspection: &Genesis) -> Genesis {
    Genesis {
        kind: Kind::Review,
        scope: inspection.scope.clone(),
        template: None,
        origin: Origin::About { inspection: inspection.document() },
    }
}

/// Adds a line to a note. Each line ends itself, so that lines which two people added without
/// seeing each other stay lines when they merge.
///
/// An item that the first change did not foresee has no text that all share: the line gets the fresh
/// random id.
fn append_line(
    editor: &mut Editor<'_>,
    id: [u8; 16],
    item: &str,
    line: &str,
) -> Result<(), EditError> {
    let added = match editor.shared_note(item) {
        Ok(Some(before)) => editor.note(item, NoteEdit::Append(as_line(&before, line))),
        Ok(None) => return editor.loose_note_add(id, item, &as_line("", line)),
        Err(error) => Err(error),
    };
    match added {
        // That two others replaced the note apart stops nobody from adding to it.
        Err(EditError::Contested { .. }) => editor.loose_note_add(id, item, &as_line("", line)),
        added => added,
    }
}

/// Returns a line to put behind a text, on a line of its own.
pub(super) fn as_line(before: &str, line: &str) -> String {
    let open = !before.is_empty() && !before.ends_with('\n');
    format!("{}{}\n", if open { "\n" } else { "" }, line.trim_end())
}

/// Finds a row by the first digits of its random name.
pub(super) fn row_named(
    what: &'static str,
    name: &str,
    ids: impl Iterator<Item = String>,
) -> Result<[u8; 16], ClientError> {
    let digits = name.trim().to_ascii_lowercase();
    let found: Vec<String> =
        ids.filter(|id| !digits.is_empty() && id.starts_with(&digits)).collect();
    let named = name.to_owned();
    match found.as_slice() {
        [id] => {
            let mut bytes = [0; 16];
            hex::decode_to_slice(id, &mut bytes)
                .map_err(|_| ClientError::NotFound { what, name: named })?;
            Ok(bytes)
        }
        [] => Err(ClientError::NotFound { what, name: named }),
        several => {
            let short = |id: &String| Candidate::bare(id.chars().take(8).collect());
            Err(ClientError::Ambiguous {
                what,
                name: named,
                candidates: several.iter().take(8).map(short).collect(),
            })
        }
    }
}
