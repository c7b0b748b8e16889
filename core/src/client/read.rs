//! One record as a screen shows it: content, authors, grade so far, where it has arrived.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::moving::{Reading, named_by};
use super::{Client, ClientError, Corrections, Life, MinutesShown};
use crate::checklist::grading::{Answers, Graded, Grader, Node, Settings};
use crate::checklist::header::HeaderSheet;
use crate::checklist::lifecycle::apply_corrections;
use crate::checklist::{AnswerError, Day, Template};
use crate::clock;
use crate::model::{
    Actor, Answer, ChangeHash, Conflict, DeviceId, Document, DocumentId, FollowupView, Genesis,
    InspectionView, Judged, Kind, Origin, Place, PlanView, ReviewView, Said, Summary, TemplateId,
    Touched, Verdict,
};
use crate::replica::{Arrival, ReplicaError};

/// Who stands behind an edit, as far as this device was told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Author {
    /// The device; none while the proof of who wrote has not arrived.
    pub device: Option<DeviceId>,
    /// *Họ tên*; empty when the hub has not told.
    pub name: String,
    /// *Cơ quan*.
    pub agency: String,
    /// It is this device.
    pub here: bool,
}

/// The authors of a record, by actor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authors(BTreeMap<Vec<u8>, Author>);

impl Authors {
    /// Returns who stands behind an actor.
    #[must_use]
    pub fn of(&self, actor: &[u8]) -> Author {
        self.0.get(actor).cloned().unwrap_or_default()
    }

    fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

/// A document with what to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The document.
    pub document: DocumentId,
    /// Its title; empty when it is not here.
    pub title: String,
}

/// An inspection as a screen shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What it was born as.
    pub genesis: Genesis,
    /// Its name.
    pub document: DocumentId,
    /// The facility visited, for a planned visit.
    pub facility: Option<Named>,
    /// The plan, for a planned visit.
    pub plan: Option<Named>,
    /// The number of the visit under the plan.
    pub visit: Option<u32>,
    /// The name of the edition that it is read by.
    pub template_id: TemplateId,
    /// The edition that it was moved to, when that is not here: it is read by the pinned one.
    pub lacks: Option<TemplateId>,
    /// The checklist.
    pub template: Template,
    /// The heads shown: now, or the past ones asked for.
    pub heads: Vec<ChangeHash>,
    /// The digest of the canonical record.
    pub digest: [u8; 32],
    /// The content.
    pub view: InspectionView,
    /// What it amounts to so far, as of today.
    pub grade: Graded,
    /// Why.
    pub explanation: Node,
    /// Registers in which several values stand, those of its corrective actions too unless the past is
    /// shown.
    pub conflicts: Vec<Conflict>,
    /// Who wrote, in the inspection, its review and its corrective actions.
    pub authors: Authors,
    /// How far this device's edits have come.
    pub arrival: Arrival,
    /// The supervisor's decision, comments and requests, if there are any; none when the past is
    /// shown, because a review has a past of its own.
    pub review: Option<ReviewView>,
    /// What the review comes to: whose words count.
    pub judged: Option<Judged>,
    /// Its steps and clocks; none when the past is shown, or when its days lie outside of the
    /// calendar.
    pub life: Option<Life>,
    /// The header of the minutes; none when the past is shown, because plan and facility have pasts
    /// of their own.
    pub header: Option<HeaderSheet>,
    /// What was written since the verdict that counts; none while nothing is decided.
    pub since_verdict: Option<Since>,
    /// What was written since the minutes were signed; none before that.
    pub since_signed: Option<Since>,
    /// Its sealed minutes, and what was written since; none where nothing is sealed, or when the past is
    /// shown.
    pub minutes: Option<MinutesShown>,
    /// Its corrective actions; none when the past is shown, because they have a past of their own.
    pub corrections: Option<Corrections>,
}

/// What was written to an inspection since somebody decided on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// The decision is of an earlier program and does not say what it was given over.
    NotRecorded,
    /// Some of what the decision was given over has not arrived here, so nobody can tell.
    NotHere,
    /// Everything that was written to; nothing when it stands as it was.
    Written(Vec<Touched>),
}

impl Since {
    fn of(document: &Document, heads: Option<&[ChangeHash]>) -> Self {
        let Some(heads) = heads else { return Self::NotRecorded };
        document.touched_since(heads).map_or(Self::NotHere, Self::Written)
    }

    /// Leaves out what comes after minutes by its nature.
    fn signed(self) -> Self {
        match self {
            Self::Written(mut touched) => {
                touched.retain(|touched| !touched.is_after_minutes());
                Self::Written(touched)
            }
            other => other,
        }
    }
}

impl Shown {
    /// Returns whether its minutes are sealed, as far as is known here; the past is shown without them.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.minutes.as_ref().is_some_and(|shown| shown.minutes.is_sealed())
    }
}

impl Client {
    /// Returns an inspection, now or at past heads. Once its minutes are sealed, now is how they were
    /// sealed; what goes on after minutes is shown as it stands.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when it or its checklist is not here, or when the heads are
    /// unknown.
    pub fn show(&self, genesis: &Genesis, at: Option<&[ChangeHash]>) -> Result<Shown, ClientError> {
        let document = self.open_inspection(genesis)?;
        let id = genesis.document();
        let minutes = if at.is_none() { self.minutes(genesis, &document)? } else { None };
        let sealed = minutes.as_ref().filter(|shown| shown.as_sealed);
        let sealed = sealed.and_then(|shown| shown.minutes.standing.as_ref());
        let heads = at.or_else(|| sealed.map(|held| held.seal.statement.heads.as_slice()));
        let Reading { view, template_id, template, lacks } = self.reading(&document, heads)?;
        let mut read = view.inspection().ok_or_else(|| wrong_kind(genesis, Kind::Inspection))?;
        if sealed.is_some() {
            go_on(&mut read, &document);
        }
        let mut conflicts = view.conflicts();
        let mut authors = self.authors(id, &document)?;
        let Beside { life, corrections, followup } = match at {
            None => self.beside(genesis, &mut read, &mut conflicts, &mut authors)?,
            Some(_) => Beside::default(),
        };
        let About { facility, plan, visit } = self.about(genesis)?;
        let review = match at {
            None => self.review_document(genesis)?,
            Some(_) => None,
        };
        if let Some(review) = &review {
            authors.extend(self.authors(review.id(), review)?);
        }
        let judged = review.as_ref().map(|review| self.phone().replica().judged(review));
        let judged = judged.transpose()?.flatten();
        let signing = if at.is_none() { read.signing() } else { None };
        let header = match at {
            None => Some(self.header_of(genesis, &read)?),
            Some(_) => None,
        };
        let (grade, explanation) = graded(&template, &read, followup.as_ref());
        Ok(Shown {
            since_verdict: judged
                .as_ref()
                .filter(|judged| judged.verdict != Verdict::Pending)
                .map(|judged| Since::of(&document, judged.over.as_deref())),
            since_signed: match &minutes {
                Some(shown) if shown.minutes.standing.is_some() => Some(shown.late.clone()),
                _ => signing.map(|signing| Since::of(&document, Some(&[signing])).signed()),
            },
            minutes,
            header,
            judged,
            genesis: genesis.clone(),
            document: id,
            facility,
            plan,
            visit,
            template_id,
            lacks,
            heads: view.document().heads(),
            digest: view.record().digest(),
            grade,
            explanation,
            conflicts,
            template,
            view: read,
            authors,
            life,
            corrections,
            arrival: self.phone().arrival(id)?,
            review: review
                .as_ref()
                .and_then(|review| review.view().review())
                .map(|review| named_by(review, view.edition())),
        })
    }

    /// Returns what goes on beside an inspection, and takes into it what that says.
    fn beside(
        &self,
        genesis: &Genesis,
        read: &mut InspectionView,
        conflicts: &mut Vec<Conflict>,
        authors: &mut Authors,
    ) -> Result<Beside, ClientError> {
        let document = self.followup_document(genesis)?;
        if let Some(document) = &document {
            conflicts.extend(document.view().conflicts());
            authors.extend(self.authors(document.id(), document)?);
        }
        let followup = document.and_then(|document| document.view().followup());
        if let Some(followup) = &followup {
            apply_corrections(read, followup);
        }
        let life = match self.life(genesis, None) {
            Err(ClientError::Clocks(_)) => None,
            other => Some(other?),
        };
        let corrections = Some(self.corrections(genesis, None)?);
        Ok(Beside { life, corrections, followup })
    }

    /// Returns every answer ever given to an item, oldest first, and who gave them.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Answer`] for an item that the checklist does not have.
    pub fn history(
        &self,
        genesis: &Genesis,
        item: &str,
    ) -> Result<(Vec<Said<Answer>>, Authors), ClientError> {
        let document = self.open_inspection(genesis)?;
        let Reading { view, template, .. } = self.reading(&document, None)?;
        // What has no item in this edition has a history still.
        let kept = view.inspection().is_some_and(|read| read.answers.contains_key(item));
        if !kept && let Some(section) = template.group_of(item)? {
            let (item, group) = (item.to_owned(), section.code.clone());
            return Err(AnswerError::NeedsRow { item, group }.into());
        }
        Ok((view.history(item), self.authors(genesis.document(), &document)?))
    }

    /// Returns the registers of an inspection and of its corrective actions in which several values
    /// stand, and who wrote them.
    ///
    /// # Errors
    ///
    /// As [`Client::show`].
    pub fn conflicts(&self, genesis: &Genesis) -> Result<(Vec<Conflict>, Authors), ClientError> {
        let document = self.open_inspection(genesis)?;
        let mut conflicts = self.reading(&document, None)?.view.conflicts();
        let mut authors = self.authors(genesis.document(), &document)?;
        if let Some(followup) = self.followup_document(genesis)? {
            conflicts.extend(followup.view().conflicts());
            authors.extend(self.authors(followup.id(), &followup)?);
        }
        Ok((conflicts, authors))
    }

    /// Returns every value ever written to a place of an inspection or of its corrective actions, as
    /// canonical JSON, oldest first, and who wrote them. Of a text it is what each change made of it.
    ///
    /// # Errors
    ///
    /// As [`Client::show`].
    pub fn place_history(
        &self,
        genesis: &Genesis,
        place: &Place,
    ) -> Result<(Vec<Said<String>>, Authors), ClientError> {
        if super::is_of_followup(place) {
            let Some(document) = self.followup_document(genesis)? else {
                return Ok((Vec::new(), Authors::default()));
            };
            let authors = self.authors(document.id(), &document)?;
            return Ok((document.view().history_of(place), authors));
        }
        let document = self.open_inspection(genesis)?;
        let values = self.reading(&document, None)?.view.history_of(place);
        Ok((values, self.authors(genesis.document(), &document)?))
    }

    /// Opens an inspection, or what it would be before its first edit.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::WrongKind`] for another kind of document, and
    /// [`ClientError::Replica`] when the checklist is not here.
    pub fn open_inspection(&self, genesis: &Genesis) -> Result<Document, ClientError> {
        if genesis.kind != Kind::Inspection {
            return Err(wrong_kind(genesis, Kind::Inspection));
        }
        Ok(self.phone().view(genesis)?)
    }

    /// Returns the edition of its checklist that an inspection is read by here: the one that it was
    /// moved to, or the pinned one while that is not here.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the pinned one has not arrived.
    pub fn template_of(&self, genesis: &Genesis) -> Result<(TemplateId, Template), ClientError> {
        let document = self.open_inspection(genesis)?;
        let Reading { template_id, template, .. } = self.reading(&document, None)?;
        Ok((template_id, template))
    }

    /// Returns a plan.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::WrongKind`] for another kind of document, and
    /// [`ClientError::Replica`] when it is not here.
    pub fn plan(&self, plan: DocumentId) -> Result<PlanView, ClientError> {
        let document = self.phone().replica().load(plan)?;
        let read = document.view().plan();
        read.ok_or_else(|| wrong_kind(document.genesis(), Kind::Plan))
    }

    /// Returns the digest of a document's canonical record.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the document is not here.
    pub fn digest(&self, genesis: &Genesis) -> Result<[u8; 32], ClientError> {
        Ok(self.phone().view(genesis)?.view().record().digest())
    }

    /// Returns who wrote in a document.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn authors(&self, id: DocumentId, document: &Document) -> Result<Authors, ClientError> {
        let mut authors = BTreeMap::new();
        for (actor, _, _) in document.tips() {
            let Ok(known) = <[u8; 16]>::try_from(actor.as_slice()) else { continue };
            let author = match self.phone().replica().author(id, Actor(known))? {
                None => Author::default(),
                Some(device) => self.person(device)?,
            };
            authors.insert(actor, author);
        }
        Ok(Authors(authors))
    }

    /// Returns the person and agency that the hub named for a device.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn person(&self, device: DeviceId) -> Result<Author, ClientError> {
        let here = device == self.device();
        let entry = self.phone().replica().device(device)?;
        let (name, agency) = entry.map(|entry| (entry.name, entry.agency)).unwrap_or_default();
        Ok(Author { device: Some(device), name, agency, here })
    }

    /// Returns the review of an inspection if one has begun here.
    pub(super) fn review_document(
        &self,
        inspection: &Genesis,
    ) -> Result<Option<Document>, ClientError> {
        let review = super::work::review_of(inspection).document();
        match self.phone().replica().load(review) {
            Err(ReplicaError::UnknownDocument { .. }) => Ok(None),
            other => Ok(other.map(Some)?),
        }
    }

    /// Returns the row of an inspection's review if one has begun here. Loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn review_summary(&self, inspection: &Genesis) -> Result<Option<Summary>, ClientError> {
        let review = super::work::review_of(inspection).document();
        Ok(self.phone().replica().summary(review)?)
    }

    /// Returns how many places of an inspection and of its corrective actions hold values that differ.
    /// Loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn conflict_count(&self, row: &Summary) -> Result<u32, ClientError> {
        let Ok(genesis) = self.phone().replica().genesis(row.document) else {
            return Ok(row.conflicts);
        };
        let followup = super::corrections::followup_of(&genesis).document();
        let more = self.phone().replica().summary(followup)?.map(|row| row.conflicts);
        Ok(row.conflicts.saturating_add(more.unwrap_or_default()))
    }

    fn about(&self, genesis: &Genesis) -> Result<About, ClientError> {
        let Origin::Planned { plan, facility, visit } = genesis.origin else {
            return Ok(About::default());
        };
        Ok(About {
            facility: Some(self.named(facility)?),
            plan: Some(self.named(plan)?),
            visit: Some(visit),
        })
    }

    /// Returns a document with what to call it, as [`Client::title`]. Loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn named(&self, document: DocumentId) -> Result<Named, ClientError> {
        let row = self.phone().replica().summary(document)?;
        let title = row.map(|row| self.title(&row)).transpose()?.unwrap_or_default();
        Ok(Named { document, title })
    }
}

/// What goes on beside an inspection; nothing where the past is shown.
#[derive(Default)]
struct Beside {
    life: Option<Life>,
    corrections: Option<Corrections>,
    followup: Option<FollowupView>,
}

/// Takes into a record that is read as it was sealed what goes on after minutes.
fn go_on(read: &mut InspectionView, document: &Document) {
    let Some(now) = document.view().inspection() else { return };
    read.state = now.state;
    read.steps = now.steps;
    read.pauses = now.pauses;
    read.extended = now.extended;
    read.extended_on = now.extended_on;
    read.sample_steps = now.sample_steps;
    read.difficulties = now.difficulties;
}

/// What a planned visit is about; nothing for another inspection.
#[derive(Default)]
struct About {
    facility: Option<Named>,
    plan: Option<Named>,
    visit: Option<u32>,
}

pub(super) fn wrong_kind(genesis: &Genesis, wanted: Kind) -> ClientError {
    ClientError::WrongKind {
        document: genesis.document().short(),
        found: genesis.kind.name(),
        wanted: wanted.name(),
    }
}

/// Grades what stands today, re-checks included.
fn graded(
    template: &Template,
    read: &InspectionView,
    followup: Option<&FollowupView>,
) -> (Graded, Node) {
    let mut answers = Answers::of_inspection(read);
    if let Some(followup) = followup {
        answers.note_followup(followup);
    }
    let settings = Settings::new(Day::nearest(clock::now()));
    Grader::new(Arc::new(template.clone()), answers, settings).explain()
}
