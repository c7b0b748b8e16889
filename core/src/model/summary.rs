//! The row that a list shows, computed from a document when it changes, so that no document is
//! loaded to list it.

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::ids::{ChangeHash, DocumentId, Kind, Origin, Scope, TemplateId, Timestamp};
use super::kinds::inspection::{InspectionView, supplement_state};
use super::kinds::review::Judged;
use super::kinds::steps::Difficulty;
use super::layout::FIRST_ACTOR;
use super::lifecycle::LifeCycle;
use super::register::{Register, Told};
use super::touched::Touched;
use super::view::{Conflict, View};

/// The version of the row's encoding. Version 1 had no `codes`, version 2 nothing behind them,
/// version 3 nothing behind `difficulties`, version 4 nothing behind `since_signed`.
const SUMMARY_VERSION: u8 = 5;
/// The versions before, which are still read until the row is computed again.
const SUMMARY_VERSION_4: u8 = 4;
const SUMMARY_VERSION_3: u8 = 3;
const SUMMARY_VERSION_2: u8 = 2;
const SUMMARY_VERSION_1: u8 = 1;
/// Longest title kept in a row, in characters: a list has one or two lines for it.
const TITLE_CHARS_MAX: usize = 120;
/// Most codes kept in a row: one, and what people wrote apart beside it.
const CODES_MAX: usize = 4;

/// The state of a plan that was cancelled (*kế hoạch đã hủy*), in its row.
pub const CANCELLED: &str = "cancelled";

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// Another program's encoding.
    #[error("summary row has version {found}, this program reads {SUMMARY_VERSION}; rebuild it")]
    Version {
        /// The version found.
        found: u8,
    },
    /// The bytes do not decode.
    #[error("summary row of {len} bytes is damaged; rebuild it")]
    Damaged {
        /// Size of the row.
        len: usize,
        /// What the decoder stumbled over.
        #[source]
        source: postcard::Error,
    },
    /// There is no byte at all.
    #[error("summary row is empty; rebuild it")]
    Empty,
}

/// What a list shows of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The kind.
    pub kind: Kind,
    /// The document.
    pub document: DocumentId,
    /// The administrative unit.
    pub scope: Scope,
    /// What to call it; may be empty when nobody gave it a name yet.
    pub title: String,
    /// The facility visited, for a planned inspection.
    pub facility: Option<DocumentId>,
    /// The plan, for a planned inspection.
    pub plan: Option<DocumentId>,
    /// The inspection that a review or follow-up is about.
    pub inspection: Option<DocumentId>,
    /// The checklist.
    pub template: Option<TemplateId>,
    /// Where it stands: the life cycle of an inspection, the verdict of a review, [`CANCELLED`] for a
    /// plan that was cancelled; empty otherwise.
    pub state: String,
    /// Items that have an answer, of those in `items`.
    pub answered: u32,
    /// Answers that the checklist asks for: its items that are not worked out, those of repeat
    /// groups once for each row that counts. Relevance is the checklist's to judge and not seen here.
    pub items: u32,
    /// Registers in which values stand that differ.
    pub conflicts: u32,
    /// Findings that count.
    pub findings: u32,
    /// Requests of a review, or actions of a follow-up, that are open.
    pub open_requests: u32,
    /// The latest time any writer claims.
    pub updated_at: Timestamp,
    /// Changes held, the computed first one not counted.
    pub changes: u32,
    /// BLAKE3 of the sorted heads: equal rows of two replicas have equal heads.
    pub heads_digest: [u8; 32],
    /// *Mã cơ sở*: the code of a facility; several where people wrote different ones. Empty for
    /// other kinds, and in a row that an earlier program wrote.
    pub codes: Vec<String>,
    /// First day of a plan, or the day on which an inspection was announced or began, as YYYY-MM-DD;
    /// empty when nobody said.
    pub day: String,
    /// Last day of a plan.
    pub until: String,
    /// *Hạn khắc phục*: the earliest deadline of a follow-up's open actions.
    pub deadline: Option<Timestamp>,
    /// *Khó khăn, vướng mắc* that were raised in an inspection.
    pub difficulties: u32,
    /// BLAKE3 of the heads of an inspection's content, which leave its last steps out; none for other
    /// kinds, and in a row that an earlier program wrote.
    pub content_digest: Option<[u8; 32]>,
    /// The same of the heads that the verdict of a review was given over; none while nothing is
    /// decided and where the verdict does not say.
    pub over_digest: Option<[u8; 32]>,
    /// Items, fields and texts of an inspection that were written to after its minutes were signed, or
    /// without sight of that.
    pub since_signed: u32,
    /// The seal that an inspection supplements, as its header names it: it is a supplementary record
    /// (*biên bản bổ sung*) of the inspection whose minutes those are, and no inspection more.
    pub supplements: Option<[u8; 32]>,
    /// What its sealed minutes hold. None where nothing is sealed, or does not hold; a hub's own rows are
    /// not kept up in this.
    pub sealed: Option<SealedCounts>,
}

/// What an inspection comes to in its sealed minutes. The counts beside them are of the document as it
/// stands, with what was written later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedCounts {
    /// The seal.
    pub seal: [u8; 32],
    /// Items that have an answer.
    pub answered: u32,
    /// Answers that the checklist asks for.
    pub items: u32,
    /// Findings that count.
    pub findings: u32,
    /// Registers in which values stand that differ: of what was sealed, and of the course of the
    /// inspection, which goes on.
    pub conflicts: u32,
    /// Items, fields and texts that were written to since, or without sight of the seal.
    pub late: u32,
}

/// A row as version 4 wrote it.
#[derive(Deserialize)]
struct SummaryOf4 {
    before: SummaryOf3,
    content_digest: Option<[u8; 32]>,
    over_digest: Option<[u8; 32]>,
    since_signed: u32,
}

impl From<SummaryOf4> for Summary {
    fn from(row: SummaryOf4) -> Self {
        Self {
            content_digest: row.content_digest,
            over_digest: row.over_digest,
            since_signed: row.since_signed,
            ..row.before.into()
        }
    }
}

/// A row as version 3 wrote it.
#[derive(Deserialize)]
struct SummaryOf3 {
    before: SummaryOf2,
    day: String,
    until: String,
    deadline: Option<Timestamp>,
    difficulties: u32,
}

impl From<SummaryOf3> for Summary {
    fn from(row: SummaryOf3) -> Self {
        Self {
            day: row.day,
            until: row.until,
            deadline: row.deadline,
            difficulties: row.difficulties,
            ..row.before.into()
        }
    }
}

/// A row as version 2 wrote it: postcard puts fields behind each other, so a row of version 1 and
/// what came behind it.
#[derive(Deserialize)]
struct SummaryOf2 {
    before: SummaryOf1,
    codes: Vec<String>,
}

impl From<SummaryOf2> for Summary {
    fn from(row: SummaryOf2) -> Self {
        Self { codes: row.codes, ..row.before.into() }
    }
}

/// A row as version 1 wrote it: the fields up to `heads_digest`, in the same order.
#[derive(Serialize, Deserialize)]
struct SummaryOf1 {
    kind: Kind,
    document: DocumentId,
    scope: Scope,
    title: String,
    facility: Option<DocumentId>,
    plan: Option<DocumentId>,
    inspection: Option<DocumentId>,
    template: Option<TemplateId>,
    state: String,
    answered: u32,
    items: u32,
    conflicts: u32,
    findings: u32,
    open_requests: u32,
    updated_at: Timestamp,
    changes: u32,
    heads_digest: [u8; 32],
}

impl From<SummaryOf1> for Summary {
    fn from(row: SummaryOf1) -> Self {
        Self {
            kind: row.kind,
            document: row.document,
            scope: row.scope,
            title: row.title,
            facility: row.facility,
            plan: row.plan,
            inspection: row.inspection,
            template: row.template,
            state: row.state,
            answered: row.answered,
            items: row.items,
            conflicts: row.conflicts,
            findings: row.findings,
            open_requests: row.open_requests,
            updated_at: row.updated_at,
            changes: row.changes,
            heads_digest: row.heads_digest,
            codes: Vec::new(),
            day: String::new(),
            until: String::new(),
            deadline: None,
            difficulties: 0,
            content_digest: None,
            over_digest: None,
            since_signed: 0,
            supplements: None,
            sealed: None,
        }
    }
}

impl Summary {
    /// Returns the bytes to keep: a version byte, then postcard.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![SUMMARY_VERSION];
        bytes.extend(
            postcard::to_stdvec(self).expect("a summary holds only plain fields, which encode"),
        );
        bytes
    }

    /// Reads a row.
    ///
    /// # Errors
    ///
    /// Returns [`SummaryError`] when the row is of another version or damaged; rows can always be
    /// computed again.
    pub fn decode(bytes: &[u8]) -> Result<Self, SummaryError> {
        match bytes.split_first() {
            None => Err(SummaryError::Empty),
            Some((&SUMMARY_VERSION, rest)) => postcard::from_bytes(rest)
                .map_err(|source| SummaryError::Damaged { len: bytes.len(), source }),
            Some((&SUMMARY_VERSION_4, rest)) => postcard::from_bytes::<SummaryOf4>(rest)
                .map(Self::from)
                .map_err(|source| SummaryError::Damaged { len: bytes.len(), source }),
            Some((&SUMMARY_VERSION_3, rest)) => postcard::from_bytes::<SummaryOf3>(rest)
                .map(Self::from)
                .map_err(|source| SummaryError::Damaged { len: bytes.len(), source }),
            Some((&SUMMARY_VERSION_2, rest)) => postcard::from_bytes::<SummaryOf2>(rest)
                .map(Self::from)
                .map_err(|source| SummaryError::Damaged { len: bytes.len(), source }),
            Some((&SUMMARY_VERSION_1, rest)) => postcard::from_bytes::<SummaryOf1>(rest)
                .map(Self::from)
                .map_err(|source| SummaryError::Damaged { len: bytes.len(), source }),
            Some((&found, _)) => Err(SummaryError::Version { found }),
        }
    }
}

impl Summary {
    /// Returns whether it is the row of a plan that was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.kind == Kind::Plan && self.state == CANCELLED
    }

    /// Returns where an inspection stands, as [`InspectionView::state_names`], with a bar between several.
    #[must_use]
    pub fn state_name(&self, sealed: bool) -> &str {
        let initial = [LifeCycle::Planned.name(), LifeCycle::Draft.name()];
        match self.supplements {
            Some(_) if initial.contains(&self.state.as_str()) => supplement_state(sealed),
            _ => &self.state,
        }
    }

    /// Takes in what a review comes to.
    pub(crate) fn judge(&mut self, judged: &Judged) {
        self.open_requests = count(judged.open_requests.len());
        self.state = judged.verdict.name().to_owned();
        self.over_digest = judged.over.as_deref().map(digest);
    }
}

impl Document {
    /// Computes the row that a list shows.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let view = self.view();
        let mut summary = self.bare_summary(&view);
        match self.genesis.kind {
            Kind::Inspection => inspection(&view, &mut summary),
            Kind::Facility => {
                if let Some(read) = view.facility() {
                    summary.title = read.field("name").map(title).unwrap_or_default();
                    let codes = read.fields.get("code").map(Register::all).unwrap_or_default();
                    let mut codes: Vec<String> =
                        codes.iter().rev().map(|said| title(&said.value)).collect();
                    // The last one is the one shown where there is room for one only.
                    codes.dedup();
                    codes.truncate(CODES_MAX);
                    summary.codes = codes;
                }
            }
            Kind::Plan => {
                if let Some(read) = view.plan() {
                    let field = |name| read.field(name).map(title).unwrap_or_default();
                    summary.title = field("title");
                    summary.day = field("from");
                    summary.until = field("to");
                    if !read.cancelled().is_empty() {
                        CANCELLED.clone_into(&mut summary.state);
                    }
                }
            }
            Kind::Review => {
                // As if everybody might decide; whoever knows the authors judges once more.
                if let Some(judged) = view.judged(|_| true) {
                    summary.judge(&judged);
                }
            }
            Kind::Followup => {
                if let Some(read) = view.followup() {
                    let open = read.actions.keys().filter(|id| !read.is_settled(id));
                    summary.open_requests = count(open.count());
                    summary.deadline = read.earliest_deadline();
                }
            }
        }
        summary
    }

    /// Computes what the minutes that were sealed over some heads hold, and what was written later. None
    /// where they cannot be read: some of it has not arrived, or the document is of another kind.
    #[must_use]
    pub fn sealed_counts(&self, seal: [u8; 32], heads: &[ChangeHash]) -> Option<SealedCounts> {
        let late = self.touched_since(heads)?;
        let then = self.view_at(heads).ok()?;
        let read = then.inspection()?;
        let (answered, items) = answers(&then, &read);
        let of_content = then.conflicts().into_iter().filter(Conflict::is_of_content).count();
        let now = self.view().conflicts();
        let of_course = now.iter().filter(|open| !open.is_of_content()).count();
        Some(SealedCounts {
            seal,
            answered,
            items,
            findings: findings(&read),
            conflicts: count(of_content + of_course),
            late: after(&late),
        })
    }

    fn bare_summary(&self, view: &View<'_>) -> Summary {
        let (plan, facility) = match self.genesis.origin {
            Origin::Planned { plan, facility, .. } => (Some(plan), Some(facility)),
            _ => (None, None),
        };
        let inspection = match self.genesis.origin {
            Origin::About { inspection } => Some(inspection),
            _ => None,
        };
        let written = self.known.values().filter(|known| known.actor != FIRST_ACTOR);
        Summary {
            kind: self.genesis.kind,
            document: self.id,
            scope: self.genesis.scope.clone(),
            title: String::new(),
            facility,
            plan,
            inspection,
            template: view.edition().map(|edition| edition.template),
            state: String::new(),
            answered: 0,
            items: 0,
            conflicts: count(view.conflicts().len()),
            findings: 0,
            open_requests: 0,
            updated_at: written.clone().map(|known| known.at).max().unwrap_or_default(),
            changes: count(written.count()),
            heads_digest: digest(&self.heads()),
            codes: Vec::new(),
            day: String::new(),
            until: String::new(),
            deadline: None,
            difficulties: 0,
            content_digest: None,
            over_digest: None,
            since_signed: 0,
            supplements: None,
            sealed: None,
        }
    }
}

/// Returns a digest of sorted heads: equal ones of two replicas have equal heads.
fn digest(heads: &[ChangeHash]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 heads");
    for head in heads {
        hasher.update(&head.0);
    }
    *hasher.finalize().as_bytes()
}

fn inspection(view: &View<'_>, summary: &mut Summary) {
    let Some(read) = view.inspection() else { return };
    let named = read.header.get("facility_name").and_then(Register::shown);
    summary.title = named.map(|name| title(name)).unwrap_or_default();
    // Where people moved it apart, the list shows both.
    let mut states: Vec<&str> = read.states().into_iter().map(|state| state.name()).collect();
    states.dedup();
    summary.state = states.join("|");
    let begun = [LifeCycle::Announced, LifeCycle::InField].map(|state| read.step(state));
    let days = begun.iter().flatten().map(|step| step.day.as_str());
    summary.day = days.filter(|day| !day.is_empty()).min().unwrap_or_default().to_owned();
    summary.difficulties = count(read.difficulties.values().filter(|row| stands(row)).count());
    summary.supplements = read.supplements();
    (summary.answered, summary.items) = answers(view, &read);
    let document = view.document();
    summary.content_digest = Some(digest(&document.content_heads()));
    let late = read.signing().and_then(|signing| document.touched_since(&[signing]));
    summary.since_signed = late.map_or(0, |late| after(&late));
    summary.findings = findings(&read);
}

/// Returns how much of what was touched minutes would hold.
fn after(touched: &[Touched]) -> u32 {
    count(touched.iter().filter(|it| !it.is_after_minutes()).count())
}

fn findings(read: &InspectionView) -> u32 {
    count(read.findings.values().filter(|row| row.is_live()).count())
}

/// Returns how many items have an answer, and how many answers the checklist asks for.
fn answers(view: &View<'_>, read: &InspectionView) -> (u32, u32) {
    let shape = view.shape();
    let (mut answered, mut items) = (0, 0);
    for item in shape.answerable() {
        items += 1;
        answered += usize::from(read.is_answered(item));
    }
    for row in read.rows.values().filter(|row| row.is_live()) {
        for item in shape.group(row.group()).into_iter().flat_map(|group| &group.items) {
            items += 1;
            answered += usize::from(row.is_answered(item));
        }
    }
    (count(answered), count(items))
}

/// Returns whether a difficulty stands: nobody took it back, or not everybody did.
fn stands(row: &Register<Told<Difficulty>>) -> bool {
    row.all().iter().any(|said| said.value.valid().is_none_or(|row| !row.removed))
}

fn title(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TITLE_CHARS_MAX).collect()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
