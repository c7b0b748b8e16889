//! What stands: the answers and findings that a grade is worked out from, whoever held them.
//!
//! Everything is in sorted maps, so that two readings of the same content are equal. Nothing here
//! judges: answers that fit no item are kept like the others.

use std::collections::{BTreeMap, BTreeSet};

use crate::checklist::day::Day;
use crate::checklist::lifecycle::issued;
use crate::checklist::template::Template;
use crate::model::{
    Answer, AnswerState, FindingView, FollowupView, Grade, InspectionView, Severity, Told,
};

/// What one answer says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Response {
    /// Of a graded item: pass, or a severity.
    Grade(Grade),
    /// *Không áp dụng*: somebody says that the item does not apply.
    NotApplicable,
    /// A value in its canonical text (see `Template::check_value`); empty for photos and
    /// signatures, which have none.
    Value(String),
    /// Somebody took an answer back while others gave one.
    Withdrawn,
    /// Content that this program cannot read, as it stands.
    Unreadable(String),
}

impl Response {
    /// Returns the response that a grade alone is.
    #[must_use]
    pub fn of_grade(grade: Grade) -> Self {
        match grade {
            Grade::NotApplicable => Self::NotApplicable,
            Grade::Unanswered => Self::Withdrawn,
            Grade::Damaged => Self::Unreadable(String::new()),
            grade => Self::Grade(grade),
        }
    }

    /// Returns what an answer of a record says.
    #[must_use]
    pub fn of_answer(answer: &Answer) -> Self {
        let text = || answer.value.clone().unwrap_or_default();
        match answer.grade {
            Grade::Damaged => Self::Unreadable(text()),
            // The grade that says only that there is a value; it has no meaning without one.
            grade if grade.name() == "given" => Self::Value(text()),
            grade => Self::of_grade(grade),
        }
    }
}

/// One answer, and who gave it if that is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What it says.
    pub response: Response,
    /// Who said so: only for the explanation.
    pub by: Option<String>,
    /// When: only for the explanation.
    pub on: Option<Day>,
}

impl From<Response> for Entry {
    fn from(response: Response) -> Self {
        Self { response, by: None, on: None }
    }
}

/// All that stands at one item, or at one item of one row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// None when nobody answered; several when people answered without seeing each other. Equal
    /// ones agree, different ones are a conflict. Their order says nothing.
    pub entries: Vec<Entry>,
    /// Photos that belong to it (*minh chứng*).
    pub photos: u32,
}

impl Standing {
    /// Returns what one person said.
    #[must_use]
    pub fn of(response: Response) -> Self {
        Self { entries: vec![response.into()], photos: 0 }
    }

    /// Returns the different responses, sorted.
    #[must_use]
    pub fn responses(&self) -> BTreeSet<&Response> {
        self.entries.iter().map(|entry| &entry.response).collect()
    }

    pub(super) fn of_state(state: &AnswerState, attached: &BTreeSet<&str>) -> Self {
        let said = state.all().iter();
        let mut photos: BTreeSet<&str> = attached.clone();
        photos.extend(said.clone().flat_map(|said| said.value.evidence.iter().map(String::as_str)));
        Self {
            entries: said.map(|said| Response::of_answer(&said.value).into()).collect(),
            photos: u32::try_from(photos.len()).unwrap_or(u32::MAX),
        }
    }
}

/// Whether a correction was verified (*xác nhận khắc phục*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Not yet.
    No,
    /// Yes, on a day that nobody told: it holds for every day.
    Yes,
    /// Yes, on this day: before, the finding was open.
    On(Day),
}

impl Verification {
    /// Returns whether it was verified as of a day.
    #[must_use]
    pub fn holds(self, as_of: Day) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::On(day) => day <= as_of,
        }
    }
}

/// A finding that counts (*điểm không phù hợp*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The items it is about; several where people disagree, none for what no item covers.
    pub items: BTreeSet<String>,
    /// The rows it is about, of items that are answered in rows; several where people disagree, an
    /// empty one where somebody says that it is about none.
    pub rows: BTreeSet<String>,
    /// How bad it is: of several statements the worst.
    pub severity: Severity,
    /// The least that anybody says of how bad it is: a worse answer needs a finding of its own.
    pub least: Severity,
    /// What was found.
    pub text: String,
    /// The clause it breaks.
    pub clause: Option<String>,
    /// The day on which it was put in the minutes; before there are any, that on which it was made.
    pub issued: Option<Day>,
    /// The last day to correct it: of several the earliest.
    pub deadline: Option<Day>,
    /// It cannot be corrected in the required time.
    pub unfixable: bool,
    /// Whether its correction was verified.
    pub verified: Verification,
    /// The day of the last re-check that looked at it (*ngày tái kiểm*).
    pub rechecked: Option<Day>,
}

impl Finding {
    /// Returns the one item, in its row if it is in rows, that it is about; none while people
    /// disagree, since it is then about neither for certain.
    #[must_use]
    pub fn place(&self) -> Option<(&str, Option<&str>)> {
        let is_one = self.items.len() == 1 && self.rows.len() <= 1;
        let item = self.items.first().filter(|_| is_one)?;
        Some((item, self.rows.first().map(String::as_str).filter(|row| !row.is_empty())))
    }

    fn of_view(view: &FindingView, inspection: &InspectionView) -> Self {
        let item = view.item.all().iter();
        // Before there are minutes, the earliest time that any field claims: one may have been changed
        // later.
        let times = item.clone().map(|said| said.at);
        let times = times.chain(view.severity.all().iter().map(|said| said.at));
        let times = times.chain(view.unfixable.all().iter().map(|said| said.at));
        Self {
            items: item.map(|said| said.value.clone()).collect(),
            rows: view.row.all().iter().map(|said| row_of(&said.value)).collect(),
            severity: view.worst(),
            least: view.least(),
            text: view.text.clone(),
            clause: view.clause.shown().cloned(),
            issued: issued(view, inspection).or_else(|| times.min().and_then(Day::of)),
            deadline: view.earliest_deadline().and_then(Day::of),
            unfixable: view.is_unfixable(),
            verified: if view.is_fixed() { Verification::Yes } else { Verification::No },
            rechecked: None,
        }
    }
}

/// Returns the row that a finding is said to be about. What cannot be read is no row's name.
fn row_of(told: &Told<Option<String>>) -> String {
    match told {
        Told::Valid(row) => row.clone().unwrap_or_default(),
        Told::Damaged(_) => "?".to_owned(),
    }
}

/// The answers of a row, by item.
pub type Row = BTreeMap<String, Standing>;

/// Which checklist answers say they were given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledBy {
    /// Its code.
    pub code: String,
    /// Its edition.
    pub edition: String,
}

impl FilledBy {
    /// Returns whether it is this checklist.
    #[must_use]
    pub fn names(&self, template: &Template) -> bool {
        self.code == template.code() && self.edition == template.edition()
    }
}

/// All that stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Items that are answered once.
    pub items: BTreeMap<String, Standing>,
    /// Rows of repeat groups: section, row, item.
    pub rows: BTreeMap<String, BTreeMap<String, Row>>,
    /// Findings that count, by a name that is the same for everybody.
    pub findings: BTreeMap<String, Finding>,
    /// The checklist they say they were given to. Another code or edition than the one graded by
    /// sets them all aside: what an item means may have changed.
    pub filled_by: Option<FilledBy>,
}

impl Answers {
    /// Reads what stands in an inspection.
    #[must_use]
    pub fn of_inspection(view: &InspectionView) -> Self {
        let mut attached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (hash, register) in &view.evidence {
            let photo = register.shown().and_then(|told| told.valid());
            if let Some(photo) = photo.filter(|photo| !photo.removed)
                && let Some(item) = &photo.item
            {
                attached.entry(item).or_default().insert(hash);
            }
        }
        let none = BTreeSet::new();
        let standing = |(item, state): (&String, &AnswerState)| {
            let photos = attached.get(item.as_str()).unwrap_or(&none);
            (item.clone(), Standing::of_state(state, photos))
        };
        let live = view.findings.iter().filter(|(_, finding)| finding.is_live());
        let mut answers = Self {
            items: view.answers.iter().map(standing).collect(),
            rows: BTreeMap::new(),
            findings: live
                .map(|(id, finding)| (id.clone(), Finding::of_view(finding, view)))
                .collect(),
            filled_by: None,
        };
        for (id, row) in view.rows.iter().filter(|(_, row)| row.is_live()) {
            answers.put_row(row.group(), id, &row.answers);
        }
        answers
    }

    /// Notes until when findings must be corrected by what was demanded about them, which were looked
    /// at again, and when last. Of a finding's own deadline and those of its open actions the earliest
    /// counts. Whether findings are corrected stands in the inspection's reading
    /// (`lifecycle::apply_corrections`).
    pub fn note_followup(&mut self, followup: &FollowupView) {
        for (id, finding) in &mut self.findings {
            finding.rechecked = followup.rechecked(id).and_then(|(day, _)| day.parse().ok());
            let open = followup.about(id).into_iter().filter(|action| !followup.is_settled(action));
            let demanded = open.filter_map(|action| Day::of(followup.deadline(action)?));
            finding.deadline = finding.deadline.into_iter().chain(demanded).min();
        }
    }

    /// Adds what a record holds of a row of a repeat group.
    pub fn put_row<'a>(
        &mut self,
        section: &str,
        row: &str,
        answers: impl IntoIterator<Item = (&'a String, &'a AnswerState)>,
    ) {
        let none = BTreeSet::new();
        let standing = |(item, state): (&String, &AnswerState)| {
            (item.clone(), Standing::of_state(state, &none))
        };
        let row = self.rows.entry(section.to_owned()).or_default().entry(row.to_owned());
        row.or_default().extend(answers.into_iter().map(standing));
    }
}
