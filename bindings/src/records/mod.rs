//! Plain records that mirror what the core tells: an app's language never sees the core's own types.

mod conflict;
mod grade;
mod review;
mod screen;
mod sealed;

use bienban_core::client::parts::{self, DeviceEntry, Words};
use bienban_core::client::{self, Authors};
use bienban_core::model::{self, Kind, Said, Scope};

pub use conflict::{ConflictValue, ConflictView};
pub use grade::{ExplanationLine, GradeView, MissingPart, Tally};
pub use review::{DecisionView, PinnedView, ReplyView, ReviewView};
pub use screen::{
    AnswerGiven, AnswerKind, Choice, ClockView, FindingView, HeaderFieldView, HeaderKind,
    InspectionScreen, ItemState, ItemView, NoteLine, ParkedEdit, RowView, SectionView, StepView,
    TakenStep,
};
pub use sealed::{MinutesState, MinutesView, WrittenSince};

pub(crate) use conflict::{conflicts, place_label};
pub(crate) use grade::{explanation, grade};
pub(crate) use screen::{answers_given, screen};

use crate::messages;
pub use crate::messages::LocalText;

/// Returns the time by this device's clock, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    parts::now().0
}

/// Turns a text of the core into both languages.
pub(crate) fn words(words: &Words) -> LocalText {
    LocalText { vi: words.vi.clone(), en: words.en_or_vi().to_owned() }
}

/// Counts that a screen shows; more than four billion of anything is shown as that many.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DocumentKind {
    /// *Cơ sở*.
    Facility,
    /// *Kế hoạch kiểm tra*.
    Plan,
    /// *Cuộc kiểm tra*.
    Inspection,
    /// *Xem xét*: a supervisor's decision and comments.
    Review,
    /// *Theo dõi khắc phục*: corrective actions.
    Followup,
}

pub(crate) fn kind_of(kind: Kind) -> DocumentKind {
    match kind {
        Kind::Facility => DocumentKind::Facility,
        Kind::Plan => DocumentKind::Plan,
        Kind::Inspection => DocumentKind::Inspection,
        Kind::Review => DocumentKind::Review,
        Kind::Followup => DocumentKind::Followup,
    }
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Role {
    /// *Quản trị viên*.
    Admin,
    /// *Trưởng đoàn kiểm tra*.
    Leader,
    /// *Thành viên đoàn kiểm tra*.
    Inspector,
    /// *Người giám sát*.
    Supervisor,
    /// *Người kiểm toán*: reads only.
    Auditor,
}

pub(crate) fn role_of(role: parts::Role) -> Role {
    match role {
        parts::Role::Admin => Role::Admin,
        parts::Role::Leader => Role::Leader,
        parts::Role::Inspector => Role::Inspector,
        parts::Role::Supervisor => Role::Supervisor,
        parts::Role::Auditor => Role::Auditor,
    }
}

/// Returns the roles of a device, each once.
pub(crate) fn roles_of(entry: &DeviceEntry) -> Vec<Role> {
    entry.roles().into_iter().map(role_of).collect()
}

/// An administrative unit (*đơn vị hành chính*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct UnitName {
    /// Its code.
    pub code: String,
    /// Its name; empty where this version does not know the unit.
    pub name: String,
}

pub(crate) fn unit_of(scope: &Scope) -> UnitName {
    let name = parts::units().unit(scope).map(|unit| unit.name).unwrap_or_default();
    UnitName { code: scope.to_string(), name }
}

/// A grade (*mức đánh giá*) as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Grade {
    /// *Không áp dụng* (KAD).
    NotApplicable,
    /// *Đạt*.
    Pass,
    /// *Lỗi nhẹ* (Mi).
    Minor,
    /// *Lỗi nặng* (Ma).
    Major,
    /// *Lỗi nghiêm trọng* (Se).
    Serious,
    /// *Đã ghi nhận*: the value or the photos are the answer.
    Given,
    /// Taken back: nobody answers.
    Unanswered,
    /// Content that this version cannot read. It is shown, and cannot be given.
    Damaged,
}

impl Grade {
    pub(crate) fn of(grade: model::Grade) -> Self {
        match grade {
            model::Grade::NotApplicable => Self::NotApplicable,
            model::Grade::Pass => Self::Pass,
            model::Grade::Minor => Self::Minor,
            model::Grade::Major => Self::Major,
            model::Grade::Serious => Self::Serious,
            model::Grade::Given => Self::Given,
            model::Grade::Unanswered => Self::Unanswered,
            _ => Self::Damaged,
        }
    }

    /// Returns the grade as the core takes it.
    pub(crate) fn to_core(self) -> model::Grade {
        match self {
            Self::NotApplicable => model::Grade::NotApplicable,
            Self::Pass => model::Grade::Pass,
            Self::Minor => model::Grade::Minor,
            Self::Major => model::Grade::Major,
            Self::Serious => model::Grade::Serious,
            Self::Given => model::Grade::Given,
            Self::Unanswered => model::Grade::Unanswered,
            Self::Damaged => model::Grade::Damaged,
        }
    }

    pub(crate) fn label(self) -> LocalText {
        messages::text(match self {
            Self::NotApplicable => "grade.not_applicable",
            Self::Pass => "grade.pass",
            Self::Minor => "grade.minor",
            Self::Major => "grade.major",
            Self::Serious => "grade.serious",
            Self::Given => "grade.given",
            Self::Unanswered => "grade.unanswered",
            Self::Damaged => "grade.damaged",
        })
    }
}

/// How bad a deviation is (*mức lỗi*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Severity {
    /// *Nhẹ*.
    Minor,
    /// *Nặng*.
    Major,
    /// *Nghiêm trọng*.
    Serious,
}

impl Severity {
    pub(crate) fn of(severity: model::Severity) -> Self {
        match severity {
            model::Severity::Minor => Self::Minor,
            model::Severity::Major => Self::Major,
            model::Severity::Serious => Self::Serious,
        }
    }

    pub(crate) fn to_core(self) -> model::Severity {
        match self {
            Self::Minor => model::Severity::Minor,
            Self::Major => model::Severity::Major,
            Self::Serious => model::Severity::Serious,
        }
    }
}

/// Where something stands, with what people call it: a state of an inspection, a verdict.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Named {
    /// Its name in data, for instance `in_field`; see docs/bindings.md for all of them.
    pub key: String,
    /// What people read.
    pub label: LocalText,
}

/// Names a state of an inspection (*vòng đời cuộc kiểm tra*).
pub(crate) fn state_named(key: &str) -> Named {
    Named { key: key.to_owned(), label: messages::text(&format!("state.{key}")) }
}

/// Names a verdict of a review.
pub(crate) fn verdict_named(key: &str) -> Named {
    Named { key: key.to_owned(), label: messages::text(&format!("verdict.{key}")) }
}

/// A document with what to call it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DocumentName {
    /// Its id.
    pub id: String,
    /// Its title; empty while it is not here.
    pub title: String,
}

impl DocumentName {
    pub(crate) fn of(named: &client::Named) -> Self {
        Self { id: named.document.to_string(), title: named.title.clone() }
    }
}

/// Who wrote something, as far as the server has told this device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Author {
    /// The device, in hexadecimal; none while the proof of who wrote has not arrived.
    pub device: Option<String>,
    /// *Họ tên*; empty while nobody has told.
    pub name: String,
    /// *Cơ quan*.
    pub agency: String,
    /// It is this device.
    pub here: bool,
}

impl Author {
    pub(crate) fn of(author: &client::Author) -> Self {
        Self {
            device: author.device.map(|device| device.to_string()),
            name: author.name.clone(),
            agency: author.agency.clone(),
            here: author.here,
        }
    }

    /// Returns who said something.
    pub(crate) fn said<T>(said: &Said<T>, authors: &Authors) -> Self {
        Self::of(&authors.of(&said.actor))
    }
}

/// Something that a step lacks.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct MissingThing {
    /// What is missing.
    pub title: LocalText,
    /// What to do.
    pub todo: LocalText,
    /// The clause of the law that asks for it.
    pub clause: String,
    /// Fields of the minutes' header that it can be written in; see [`HeaderFieldView::key`].
    pub fields: Vec<String>,
    /// What it is about: ids of findings, names of inspections, days.
    pub about: Vec<String>,
}

impl MissingThing {
    pub(crate) fn of(missing: &parts::Missing) -> Self {
        Self {
            title: words(&missing.title),
            todo: words(&missing.todo),
            clause: missing.clause.clone(),
            fields: missing.fields.clone(),
            about: missing.about.clone(),
        }
    }
}

/// How far this device's edits of one record have come. Every number is of edits, and true: nothing counts
/// as arrived that the server has not signed for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, uniffi::Record)]
pub struct Arrival {
    /// Made on this device.
    pub recorded: u64,
    /// Of these, signed for by the server as stored.
    pub stored: u64,
    /// Of these, merged into the record.
    pub merged: u64,
    /// Of these, on the server's second disk, by its signature.
    pub backed_up: u64,
    /// Nowhere but here.
    pub only_here: u64,
    /// When the server last signed for storing, in milliseconds since 1970, by its clock.
    pub stored_at_ms: Option<i64>,
    /// When it last signed for merging.
    pub merged_at_ms: Option<i64>,
    /// When its second disk was last verified.
    pub backed_up_at_ms: Option<i64>,
}

impl Arrival {
    pub(crate) fn of(arrival: &parts::Arrival) -> Self {
        Self {
            recorded: arrival.recorded,
            stored: arrival.stored,
            merged: arrival.merged,
            backed_up: arrival.backed,
            only_here: arrival.only_here,
            stored_at_ms: arrival.stored_at.map(|at| at.0),
            merged_at_ms: arrival.merged_at.map(|at| at.0),
            backed_up_at_ms: arrival.backed_at.map(|at| at.0),
        }
    }
}

/// The end of this device's rights (*thu hồi*), proven by decisions that it verified itself.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WipeOrder {
    /// The keys are destroyed and nothing can be read any more; close the object and begin anew. If not,
    /// something is still only here and waits for an exchange.
    pub erased: bool,
    /// Packs, lines, minutes and decisions that are only here.
    pub left: u64,
}
