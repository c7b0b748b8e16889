//! *Cuộc kiểm tra*: one visit. Answers, notes, opinions, header, samples, evidence, life cycle.

use std::collections::BTreeMap;

use automerge::{ObjId, ROOT, ReadDoc};
use serde::{Deserialize, Serialize};

use super::finding::FindingView;
use super::row::{LooseNote, RowView};
use super::sample::{Sample, SampleStep};
use super::steps::{self, Difficulty, Pause, Step};
use crate::model::edit::{EditError, Editor, NoteEdit, field, needed, within};
use crate::model::edition::Edition;
use crate::model::ids::{Kind, Origin, TemplateId, Timestamp};
use crate::model::lifecycle::LifeCycle;
use crate::model::register::{Register, Said, Told, parse};
use crate::model::text::{EVIDENCE_MAX, VALUE_CHARS_MAX, clean};
use crate::model::view::{Place, View};

/// What an answer says of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Grade {
    /// *Không áp dụng* (KAD).
    #[serde(rename = "na")]
    NotApplicable,
    /// *Đạt*.
    Pass,
    /// *Lỗi nhẹ* (Mi): may affect safety, or hinders control.
    Minor,
    /// *Lỗi nặng* (Ma): will affect safety if it lasts.
    Major,
    /// *Lỗi nghiêm trọng* (Se): affects safety.
    Serious,
    /// *Đã ghi nhận*: an answer that is no grade. What it says is its value, in the canonical text
    /// that the checklist asks for, or its photos. It has no place in an order of grades.
    Given,
    /// Taken back: nobody answers.
    Unanswered,
    /// Content that this program cannot read.
    #[serde(skip_deserializing)]
    Damaged,
}

impl Grade {
    /// Every grade that can be written.
    pub const ALL: [Self; 7] = [
        Self::NotApplicable,
        Self::Pass,
        Self::Minor,
        Self::Major,
        Self::Serious,
        Self::Given,
        Self::Unanswered,
    ];

    /// Returns the name used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "na",
            Self::Pass => "pass",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Serious => "serious",
            Self::Given => "given",
            Self::Unanswered => "unanswered",
            Self::Damaged => "damaged",
        }
    }
}

/// An answer to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerInput {
    /// The grade.
    pub grade: Grade,
    /// A measured or written value.
    pub value: Option<String>,
    /// BLAKE3 hashes of photos, in hexadecimal.
    pub evidence: Vec<String>,
    /// When the person says it was observed.
    pub claimed_at: Timestamp,
    /// The person saw all standing answers and settles them with this one.
    pub resolves: bool,
}

/// An answer (*câu trả lời*), replaced whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The grade.
    pub grade: Grade,
    /// A measured or written value; for damaged content, that content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// BLAKE3 hashes of photos, in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// When the person says it was observed.
    pub claimed_at: Timestamp,
    /// The changes whose answers this one settled, in hexadecimal; none for an ordinary answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolves: Vec<String>,
}

impl Answer {
    pub(crate) fn read(raw: &str) -> Self {
        parse(raw).unwrap_or_else(|| Self {
            grade: Grade::Damaged,
            value: Some(raw.to_owned()),
            evidence: Vec::new(),
            claimed_at: Timestamp(0),
            resolves: Vec::new(),
        })
    }

    /// Returns whether both say the same of the item: grade, value and photos. When it was observed
    /// and what it settled are each writer's own and make no difference.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        (self.grade, &self.value, &self.evidence) == (other.grade, &other.value, &other.evidence)
    }
}

/// What is known of one item's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnswerState {
    /// Nobody answered, or the answer was taken back.
    Unanswered,
    /// One answer stands.
    One(Said<Answer>),
    /// Several people gave the same answer (see [`Answer::agrees`]) without seeing each other: it is
    /// the answer, and all of them are its authors. Sorted the same on every replica.
    Agreed(Vec<Said<Answer>>),
    /// Several that differ stand until a person resolves them; sorted the same on every replica.
    Conflict(Vec<Said<Answer>>),
}

impl AnswerState {
    pub(crate) fn from_register(register: Register<Answer>) -> Self {
        match register {
            Register::Empty => Self::Unanswered,
            Register::One(said) if said.value.grade == Grade::Unanswered => Self::Unanswered,
            Register::One(said) => Self::One(said),
            Register::Conflict(values) if !all_agree(&values) => Self::Conflict(values),
            Register::Conflict(values)
                if values.iter().all(|said| said.value.grade == Grade::Unanswered) =>
            {
                Self::Unanswered
            }
            Register::Conflict(values) => Self::Agreed(values),
        }
    }

    /// Returns every standing answer.
    #[must_use]
    pub fn all(&self) -> &[Said<Answer>] {
        match self {
            Self::Unanswered => &[],
            Self::One(said) => std::slice::from_ref(said),
            Self::Agreed(values) | Self::Conflict(values) => values,
        }
    }

    /// Returns the worst standing grade by an order from best to worst. None when nothing stands or
    /// a standing grade has no place in the order, as [`Grade::Given`] has none: of grades, such an
    /// item has none that counts.
    #[must_use]
    pub fn worst(&self, order: &[Grade]) -> Option<Grade> {
        let ranks: Option<Vec<usize>> = self
            .all()
            .iter()
            .map(|said| order.iter().position(|grade| *grade == said.value.grade))
            .collect();
        ranks?.into_iter().max().and_then(|rank| order.get(rank).copied())
    }
}

fn all_agree(values: &[Said<Answer>]) -> bool {
    values.windows(2).all(|pair| pair[0].value.agrees(&pair[1].value))
}

/// Longest name of a header field, in bytes: names are data, and no form needs a longer one.
pub const HEADER_KEY_BYTES_MAX: usize = 64;

/// Returns whether a text can be the name of a field of the minutes' header (*phần đầu biên bản*).
/// Which fields there are is data, and the checklist module's to say.
#[must_use]
pub fn is_header_key(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    name.len() <= HEADER_KEY_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(plain)
}

/// A photo or scan named by its hash (*minh chứng*).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// What it shows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub caption: String,
    /// Its media type, for instance `image/jpeg`.
    pub media: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The item it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Taken off the list; kept and shown as such.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// Typed reading of an inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectionView {
    /// The edition of the checklist that it is read by.
    pub template: Option<TemplateId>,
    /// Which edition it pins, and where people moved it to.
    pub edition: Option<Edition>,
    /// Header fields that somebody filled.
    pub header: BTreeMap<String, Register<String>>,
    /// Every item of the edition, answered or not, and answers under keys that it does not have.
    pub answers: BTreeMap<String, AnswerState>,
    /// Rows of repeat groups by id, removed ones too.
    pub rows: BTreeMap<String, RowView>,
    /// Notes that are not empty: the shared text of an item, and behind it what stands in
    /// `loose_notes` about it.
    pub notes: BTreeMap<String, String>,
    /// Notes on items that the first change did not foresee, by id, with who made each.
    pub loose_notes: BTreeMap<String, LooseNote>,
    /// Findings by id, deleted ones too.
    pub findings: BTreeMap<String, FindingView>,
    /// Samples by id.
    pub samples: BTreeMap<String, Register<Told<Sample>>>,
    /// Seals, handovers and results of samples by id.
    pub sample_steps: BTreeMap<String, Register<Told<SampleStep>>>,
    /// Difficulties that a facility or commune raised, by id.
    pub difficulties: BTreeMap<String, Register<Told<Difficulty>>>,
    /// Photos by hash.
    pub evidence: BTreeMap<String, Register<Told<Evidence>>>,
    /// *Ý kiến của cơ sở*.
    pub facility_opinion: String,
    /// *Ý kiến khác*.
    pub other_opinions: String,
    /// *Nhận xét, kết luận của đoàn*.
    pub conclusion: String,
    /// Where it stands; empty means [`InspectionView::initial`].
    pub state: Register<LifeCycle>,
    /// The state of an inspection that nobody has moved yet.
    pub initial: LifeCycle,
    /// When and why it came to each state, by the state's name.
    pub steps: BTreeMap<String, Register<Told<Step>>>,
    /// The times during which it was suspended and that are over, in their order.
    pub pauses: Vec<Pause>,
    /// Whether the legal clock was extended, and why.
    pub extended: Register<String>,
    /// The day on which it was, as YYYY-MM-DD.
    pub extended_on: Register<String>,
}

/// The field of the minutes' header that names the seal which an inspection supplements.
pub const SUPPLEMENTS: &str = "supplements";
/// Where a supplementary record stands that has no course of its own.
pub const SUPPLEMENT: &str = "supplement";
/// Where it stands once its minutes are sealed.
pub const SUPPLEMENT_SEALED: &str = "supplement_sealed";

pub(crate) fn supplement_state(sealed: bool) -> &'static str {
    if sealed { SUPPLEMENT_SEALED } else { SUPPLEMENT }
}

impl InspectionView {
    pub(crate) fn of(view: &View<'_>) -> Self {
        let document = view.document();
        let mut answers: BTreeMap<String, AnswerState> = view
            .shape()
            .items()
            .iter()
            .map(|item| (item.clone(), AnswerState::Unanswered))
            .collect();
        for (item, register) in view.joined(view.registers("answers"), |key| view.name(key)) {
            answers.insert(item, AnswerState::from_register(register.map(|raw| view.answer(&raw))));
        }
        let lifecycle = |key| view.register("lifecycle", key);
        let (mut notes, loose_notes) = (view.notes(), super::row::read_loose(view));
        super::row::join(&mut notes, &loose_notes);
        let edition = view.edition().cloned();
        let state = lifecycle("state").map(|raw| parse(&raw).unwrap_or(LifeCycle::Damaged));
        Self {
            template: edition.as_ref().map(|edition| edition.template),
            edition,
            header: view.strings("header"),
            answers,
            rows: super::row::read_all(view),
            notes,
            loose_notes,
            findings: super::finding::read_all(view),
            samples: view.told("samples"),
            sample_steps: view.told("handovers"),
            difficulties: view.told("difficulties"),
            evidence: evidence(view),
            facility_opinion: view.text("facility_opinion"),
            other_opinions: view.text("other_opinions"),
            conclusion: view.text("conclusion"),
            initial: match document.genesis.origin {
                Origin::Planned { .. } => LifeCycle::Planned,
                _ => LifeCycle::Draft,
            },
            steps: steps::read(view),
            pauses: steps::pauses(view, &state),
            state,
            extended_on: lifecycle(steps::EXTENDED_ON)
                .map(|raw| crate::model::view::read_string(&raw)),
            extended: lifecycle(steps::EXTENDED).map(|raw| crate::model::view::read_string(&raw)),
        }
    }

    /// Returns the states that stand: one, or several when people moved it apart.
    #[must_use]
    pub fn states(&self) -> Vec<LifeCycle> {
        match &self.state {
            Register::Empty => vec![self.initial],
            register => register.all().iter().map(|said| said.value).collect(),
        }
    }

    /// Returns the seal that it supplements, where it is a supplementary record (*biên bản bổ sung*).
    #[must_use]
    pub fn supplements(&self) -> Option<[u8; 32]> {
        let named = self.header.get(SUPPLEMENTS)?.shown()?;
        let mut seal = [0; 32];
        hex::decode_to_slice(named, &mut seal).ok()?;
        Some(seal)
    }

    /// Returns whether its minutes are sealed without a step of the life cycle, so that they need nothing of what
    /// such a step does: those of a supplementary record, unless it was taken into the field of its own.
    #[must_use]
    pub fn seals_without_step(&self) -> bool {
        self.supplements().is_some() && self.states() != [LifeCycle::InField]
    }

    /// Returns the names of the states that stand. A supplementary record on which nobody took a step has no
    /// course of its own: it is [`SUPPLEMENT`], and once its minutes are sealed [`SUPPLEMENT_SEALED`].
    #[must_use]
    pub fn state_names(&self, sealed: bool) -> Vec<&'static str> {
        let states = self.states();
        match states.as_slice() {
            [only] if *only == self.initial && self.supplements().is_some() => {
                vec![supplement_state(sealed)]
            }
            _ => states.iter().map(|state| state.name()).collect(),
        }
    }

    /// Returns whether the item has an answer.
    #[must_use]
    pub fn is_answered(&self, item: &str) -> bool {
        self.answers.get(item).is_some_and(AnswerState::is_answered)
    }
}

/// Reads the photos, each with the item that it belongs to in this edition.
fn evidence(view: &View<'_>) -> BTreeMap<String, Register<Told<Evidence>>> {
    let mut photos = view.told("evidence");
    for register in photos.values_mut() {
        *register = std::mem::take(register).map(|told| match told {
            Told::Valid(Evidence { item: Some(item), caption, media, bytes, removed }) => {
                let item = Some(view.name_about(item));
                Told::Valid(Evidence { item, caption, media, bytes, removed })
            }
            told => told,
        });
    }
    photos
}

impl Editor<'_> {
    /// Returns the keys that the answers to an item stand under.
    fn item(&self, item: &str) -> Result<Vec<String>, EditError> {
        self.require(Kind::Inspection, "checklist items")?;
        if self.shape().has_item(item) {
            Ok(self.storages(item))
        } else {
            Err(EditError::UnknownItem { item: clean(item).chars().take(64).collect() })
        }
    }

    /// Fails for an item that is answered neither once nor in rows; returns the key that stands for
    /// it.
    pub(crate) fn about_item(&self, item: &str) -> Result<String, EditError> {
        if self.shape().knows_item(item) {
            Ok(self.storage_about(item))
        } else {
            Err(EditError::UnknownItem { item: clean(item).chars().take(64).collect() })
        }
    }

    /// Writes an answer. Whether the checklist allows the grade is the checklist's to say.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownItem`], [`EditError::Conflicted`] when answers that differ stand
    /// and this one does not say that it resolves them, or which limit it passes.
    pub fn answer(&mut self, item: &str, input: AnswerInput) -> Result<(), EditError> {
        let storages = self.item(item)?;
        let map = self.map("answers")?;
        self.write_answer(&map, &storages, item, input)
    }

    /// Writes an answer into a map of answers, under every key that answers to its item stand under.
    /// The label is what errors call the item.
    pub(crate) fn write_answer(
        &mut self,
        map: &ObjId,
        keys: &[String],
        label: &str,
        input: AnswerInput,
    ) -> Result<(), EditError> {
        let mut standing = Vec::new();
        for key in keys {
            standing.extend(self.standing(map, key)?);
        }
        standing.sort_unstable();
        standing.dedup();
        if !input.resolves && standing.len() > 1 && self.differ(map, keys)? {
            return Err(EditError::Conflicted { item: label.to_owned(), values: standing.len() });
        }
        if input.grade == Grade::Damaged {
            return Err(EditError::Invalid { what: "grade", expected: "one that can be written" });
        }
        if input.evidence.len() > EVIDENCE_MAX {
            return Err(EditError::TooMany { what: "photos of one answer", limit: EVIDENCE_MAX });
        }
        for hash in &input.evidence {
            evidence_hash(hash)?;
        }
        let value = input.value.as_deref().map(clean).filter(|value| !value.trim().is_empty());
        if let Some(value) = &value {
            within("value", value, VALUE_CHARS_MAX)?;
        }
        if input.grade == Grade::Given && value.is_none() && input.evidence.is_empty() {
            return Err(EditError::Invalid { what: "answer", expected: "a value or photos" });
        }
        let mut resolves: Vec<String> = Vec::new();
        if input.resolves && standing.len() > 1 {
            resolves = standing.iter().map(ToString::to_string).collect();
            resolves.sort_unstable();
        }
        let (grade, claimed_at) = (input.grade, input.claimed_at);
        let answer = Answer { grade, value, evidence: input.evidence, claimed_at, resolves };
        keys.iter().try_for_each(|key| self.put(map, key, &answer))
    }

    /// Returns whether the answers that stand say different things.
    fn differ(&self, map: &ObjId, keys: &[String]) -> Result<bool, EditError> {
        let mut values = Vec::new();
        for key in keys {
            values.extend(self.tx.get_all(map, key.as_str())?);
        }
        let given: Vec<Answer> =
            values.iter().filter_map(|(value, _)| value.as_str()).map(Answer::read).collect();
        // What is no text is no answer that another could agree with.
        let unreadable = given.len() < values.len();
        Ok(unreadable || given.windows(2).any(|pair| !pair[0].agrees(&pair[1])))
    }

    /// Writes an answer that settles every answer standing now.
    ///
    /// # Errors
    ///
    /// As [`Editor::answer`].
    pub fn resolve(&mut self, item: &str, input: AnswerInput) -> Result<(), EditError> {
        self.answer(item, AnswerInput { resolves: true, ..input })
    }

    /// Edits the note of an item.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownItem`], or why the text cannot be edited so.
    pub fn note(&mut self, item: &str, edit: NoteEdit) -> Result<(), EditError> {
        let mut keys = self.item(item)?.into_iter();
        let layout = &self.document.layout;
        let text = keys.find_map(|key| Some((layout.notes.get(&key)?, key)));
        let (Some((born, key)), Some(map)) = (text, &layout.notes_map) else {
            return Err(EditError::UnknownItem { item: item.to_owned() });
        };
        let place = Place { container: "notes".to_owned(), key: item.to_owned(), field: None };
        self.edit_whole((born, map, &key), "note", place, edit)
    }

    /// Fills a header field of the minutes. Which fields there are, and what each takes, is the
    /// checklist module's to say.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownField`] for what can be no name of a field,
    /// [`EditError::ContestedField`] while values that differ stand, or [`EditError::TooLong`].
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        self.require(Kind::Inspection, "header of minutes")?;
        if !is_header_key(name) {
            let name = clean(name).chars().take(HEADER_KEY_BYTES_MAX).collect();
            return Err(EditError::UnknownField { kind: Kind::Inspection, field: name });
        }
        let value = field(name, value)?;
        let map = self.map("header")?;
        self.uncontested(&map, name)?;
        self.put(&map, name, &value)
    }

    /// Fills a header field with a value that settles every value standing now.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownField`] or [`EditError::TooLong`].
    pub fn resolve_header(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        self.require(Kind::Inspection, "header of minutes")?;
        let value = field(name, value)?;
        let map = self.map("header")?;
        self.put(&map, name, &value)
    }

    /// Edits an opinion: `facility_opinion`, `other_opinions` or `conclusion`.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownField`], or why the text cannot be edited so.
    pub fn opinion(&mut self, name: &str, edit: NoteEdit) -> Result<(), EditError> {
        self.require(Kind::Inspection, "opinions")?;
        let text = self.text(name)?;
        let place = Place { container: "texts".to_owned(), key: name.to_owned(), field: None };
        self.edit_whole((&text, &ROOT, name), name, place, edit)
    }

    /// Names a photo or scan by its BLAKE3 hash.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownItem`] or which field is too long.
    pub fn evidence_put(&mut self, hash: [u8; 32], evidence: &Evidence) -> Result<(), EditError> {
        self.require(Kind::Inspection, "evidence")?;
        let item = evidence.item.as_deref().map(|item| self.about_item(item)).transpose()?;
        let evidence = Evidence {
            item,
            caption: field("caption", &evidence.caption)?,
            media: needed("media type", &evidence.media)?,
            ..evidence.clone()
        };
        self.put_row("evidence", &hex::encode(hash), &evidence)
    }
}

pub(super) fn evidence_hash(hash: &str) -> Result<(), EditError> {
    let hexadecimal = hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hexadecimal && hash.len() == 64 {
        Ok(())
    } else {
        Err(EditError::Invalid { what: "photo", expected: "named by 64 hexadecimal digits" })
    }
}
