//! Answers as a file: what `bienban grade --answers` reads. `docs/answers.md` explains it.
//!
//! The reader is strict about the form and lists every fault with its place. What an answer says is
//! not the form's: answers that fit no item are taken in, shown, and do not count.

mod fault;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

pub use self::fault::{AnswersError, AnswersFault, AnswersProblem, Wanted};
use super::answers::{Answers, Entry, FilledBy, Finding, Response, Row, Standing, Verification};
use super::grade::MEMBERS_MAX;
use crate::checklist::day::Day;
use crate::checklist::template::{AnswerType, Template, strict};
use crate::model::{Grade, Severity};

/// Largest answers file: 2,000 items and 500 rows of twenty, by a few people, of 100 bytes each.
pub const ANSWERS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The newest form of answers files that this program reads.
pub const ANSWERS_FORMAT: u64 = 1;
/// Most answers that stand at one item: more devices than any team has.
pub const STANDING_MAX: usize = 64;

/// The recognition that a product holds, as a file tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecognisedOptions {
    /// The code of the checklist that it was recognised by; none for the one graded by.
    pub template: Option<String>,
    /// The stars it holds.
    pub stars: u32,
    /// The option recognised at each criterion.
    pub options: BTreeMap<String, String>,
}

/// What an answers file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswersFile {
    /// What the file is about, for people.
    pub note: Option<String>,
    /// The day as of which to grade, if the file says so.
    pub as_of: Option<Day>,
    /// What stands; for a council, what stands on every sheet.
    pub answers: Answers,
    /// The sheets of a council's members; empty without a council.
    pub members: BTreeMap<String, Answers>,
    /// The recognition to compare with.
    pub recognised: Option<RecognisedOptions>,
}

impl AnswersFile {
    /// Reads an answers file. The checklist says only whether a short answer is a grade or a value.
    ///
    /// # Errors
    ///
    /// Returns [`AnswersError::Faults`] with everything that is wrong, each with its place, and the
    /// other variants when the file cannot be read at all.
    pub fn parse(bytes: &[u8], template: &Template) -> Result<Self, AnswersError> {
        if bytes.len() > ANSWERS_BYTES_MAX {
            return Err(AnswersError::TooLarge { bytes: bytes.len() });
        }
        let (value, twice) = strict::read(bytes).map_err(|source| AnswersError::Json {
            line: source.line(),
            column: source.column(),
            source,
        })?;
        match value.get("format").and_then(Value::as_u64) {
            Some(found) if found != ANSWERS_FORMAT => return Err(AnswersError::Format { found }),
            _ => {}
        }
        let twice = twice.into_iter().map(|fault| AnswersFault {
            pointer: fault.pointer,
            problem: AnswersProblem::FieldTwice,
        });
        let mut reader = Reader { faults: twice.collect(), template };
        let file = reader.file(&value);
        if reader.faults.is_empty() {
            Ok(file)
        } else {
            Err(AnswersError::Faults { faults: reader.faults })
        }
    }
}

struct Reader<'t> {
    faults: Vec<AnswersFault>,
    template: &'t Template,
}

impl Reader<'_> {
    fn fault(&mut self, at: &str, problem: AnswersProblem) {
        self.faults.push(AnswersFault { pointer: at.to_owned(), problem });
    }

    fn wanted(&mut self, at: &str, wanted: Wanted) {
        self.fault(at, AnswersProblem::Type { wanted });
    }

    fn file(&mut self, value: &Value) -> AnswersFile {
        let known = &[
            "format",
            "note",
            "as_of",
            "template",
            "answers",
            "rows",
            "findings",
            "members",
            "recognised",
        ];
        let mut file = AnswersFile::default();
        let Some(fields) = self.object("", value, known) else { return file };
        if fields.get("format").and_then(Value::as_u64).is_none() {
            self.fault("/format", AnswersProblem::Missing);
        }
        file.note = self.text_in(fields, "", "note");
        file.as_of = self.day_in(fields, "", "as_of");
        file.answers = self.sheet(fields, "");
        file.answers.filled_by = fields.get("template").and_then(|value| self.filled_by(value));
        file.members = self.members(fields);
        file.recognised = fields.get("recognised").and_then(|value| self.recognised(value));
        file
    }

    /// Reads answers, rows and findings.
    fn sheet(&mut self, fields: &Map<String, Value>, at: &str) -> Answers {
        let mut answers = Answers::default();
        if let Some(value) = fields.get("answers") {
            answers.items = self.row(&format!("{at}/answers"), value);
        }
        if let Some(value) = fields.get("rows") {
            answers.rows = self.rows(&format!("{at}/rows"), value);
        }
        if let Some(value) = fields.get("findings") {
            answers.findings = self.findings(&format!("{at}/findings"), value);
        }
        answers
    }

    fn rows(&mut self, at: &str, value: &Value) -> BTreeMap<String, BTreeMap<String, Row>> {
        let mut sections = BTreeMap::new();
        for (section, value) in self.map(at, value) {
            let at = strict::field(at, section);
            let mut rows = BTreeMap::new();
            for (row, value) in self.map(&at, value) {
                let at = strict::field(&at, row);
                if row.trim().is_empty() {
                    self.fault(&at, AnswersProblem::Empty);
                }
                rows.insert(row.clone(), self.row(&at, value));
            }
            sections.insert(section.clone(), rows);
        }
        sections
    }

    fn row(&mut self, at: &str, value: &Value) -> Row {
        let mut items = Row::new();
        for (item, value) in self.map(at, value) {
            let at = strict::field(at, item);
            items.insert(item.clone(), self.standing(&at, item, value));
        }
        items
    }

    fn standing(&mut self, at: &str, item: &str, value: &Value) -> Standing {
        let mut standing = Standing::default();
        let Value::Array(several) = value else {
            self.entry(at, item, value, &mut standing);
            return standing;
        };
        if several.is_empty() {
            self.fault(at, AnswersProblem::Empty);
        }
        if several.len() > STANDING_MAX {
            self.fault(at, AnswersProblem::OverLimit { limit: STANDING_MAX });
            return standing;
        }
        for (n, value) in several.iter().enumerate() {
            self.entry(&format!("{at}/{n}"), item, value, &mut standing);
        }
        standing
    }

    fn entry(&mut self, at: &str, item: &str, value: &Value, standing: &mut Standing) {
        if let Value::String(text) = value {
            standing.entries.push(self.short(item, text).into());
            return;
        }
        if !value.is_object() {
            return self.wanted(at, Wanted::Answer);
        }
        let known = &["grade", "value", "na", "taken_back", "photos", "by", "on"];
        let Some(fields) = self.object(at, value, known) else { return };
        let photos = fields.get("photos").map(|value| self.count(&format!("{at}/photos"), value));
        standing.photos = standing.photos.saturating_add(photos.unwrap_or(0));
        let responses = self.responses(at, fields);
        let by = self.text_in(fields, at, "by");
        let on = self.day_in(fields, at, "on");
        match responses {
            1 => {
                if let Some(response) = self.response(at, fields) {
                    standing.entries.push(Entry { response, by, on });
                }
            }
            0 if photos.is_some() => {
                let response = Response::Value(String::new());
                standing.entries.push(Entry { response, by, on });
            }
            _ => self.fault(at, AnswersProblem::OneOf { fields: "grade, value, na, taken_back" }),
        }
    }

    /// Returns how many fields say what the answer is.
    fn responses(&mut self, at: &str, fields: &Map<String, Value>) -> usize {
        for name in ["na", "taken_back"] {
            if fields.get(name).is_some_and(|value| *value != Value::Bool(true)) {
                self.wanted(&format!("{at}/{name}"), Wanted::TrueOnly);
            }
        }
        let fields =
            ["grade", "value", "na", "taken_back"].iter().filter(|f| fields.contains_key(**f));
        fields.count()
    }

    fn response(&mut self, at: &str, fields: &Map<String, Value>) -> Option<Response> {
        if fields.contains_key("na") {
            return Some(Response::NotApplicable);
        }
        if fields.contains_key("taken_back") {
            return Some(Response::Withdrawn);
        }
        if fields.contains_key("grade") {
            let name = self.text_in(fields, at, "grade")?;
            let found = graded(&name);
            if found.is_none() {
                self.wanted(&format!("{at}/grade"), Wanted::Grade);
            }
            return found;
        }
        self.text_in(fields, at, "value").map(Response::Value)
    }

    /// Reads an answer that is only a text: a grade where the item takes one, else a value.
    fn short(&self, item: &str, text: &str) -> Response {
        let takes_grade = self
            .template
            .item(item)
            .is_some_and(|(_, item)| matches!(item.answer, AnswerType::Grade { .. }));
        let grade = takes_grade.then(|| graded(text)).flatten();
        grade.unwrap_or_else(|| Response::Value(text.to_owned()))
    }

    fn findings(&mut self, at: &str, value: &Value) -> BTreeMap<String, Finding> {
        let Value::Array(list) = value else {
            self.wanted(at, Wanted::List);
            return BTreeMap::new();
        };
        let mut findings = BTreeMap::new();
        for (n, value) in list.iter().enumerate() {
            if let Some(finding) = self.finding(&format!("{at}/{n}"), value) {
                findings.insert(format!("{:04}", n + 1), finding);
            }
        }
        findings
    }

    fn finding(&mut self, at: &str, value: &Value) -> Option<Finding> {
        let known = &[
            "item",
            "row",
            "severity",
            "text",
            "clause",
            "issued",
            "deadline",
            "unfixable",
            "verified",
            "rechecked",
        ];
        let fields = self.object(at, value, known)?;
        let severity = self.severity(fields, at);
        let text = self.text_in(fields, at, "text");
        if text.is_none() {
            self.fault(&format!("{at}/text"), AnswersProblem::Missing);
        }
        let item = self.text_in(fields, at, "item");
        let row = self.text_in(fields, at, "row");
        let unfixable = fields.get("unfixable").map(|value| value.as_bool());
        if unfixable == Some(None) {
            self.wanted(&format!("{at}/unfixable"), Wanted::TrueOrFalse);
        }
        let verified = match fields.get("verified") {
            None | Some(Value::Bool(false)) => Verification::No,
            Some(Value::Bool(true)) => Verification::Yes,
            Some(_) => {
                self.day_in(fields, at, "verified").map_or(Verification::No, Verification::On)
            }
        };
        let (clause, issued) =
            (self.text_in(fields, at, "clause"), self.day_in(fields, at, "issued"));
        let deadline = self.day_in(fields, at, "deadline");
        let rechecked = self.day_in(fields, at, "rechecked");
        let severity = severity?;
        Some(Finding {
            items: item.into_iter().collect::<BTreeSet<_>>(),
            rows: row.into_iter().collect(),
            severity,
            least: severity,
            text: text.unwrap_or_default(),
            clause,
            issued,
            deadline,
            unfixable: unfixable.flatten().unwrap_or(false),
            verified,
            rechecked,
        })
    }

    fn severity(&mut self, fields: &Map<String, Value>, at: &str) -> Option<Severity> {
        let place = format!("{at}/severity");
        let Some(value) = fields.get("severity") else {
            self.fault(&place, AnswersProblem::Missing);
            return None;
        };
        match value.as_str() {
            Some("minor") => Some(Severity::Minor),
            Some("major") => Some(Severity::Major),
            Some("serious") => Some(Severity::Serious),
            _ => {
                self.wanted(&place, Wanted::Severity);
                None
            }
        }
    }

    fn members(&mut self, fields: &Map<String, Value>) -> BTreeMap<String, Answers> {
        let mut members = BTreeMap::new();
        let Some(value) = fields.get("members") else { return members };
        let Value::Array(list) = value else {
            self.wanted("/members", Wanted::List);
            return members;
        };
        if list.is_empty() {
            self.fault("/members", AnswersProblem::Empty);
        }
        if list.len() > MEMBERS_MAX {
            self.fault("/members", AnswersProblem::OverLimit { limit: MEMBERS_MAX });
            return members;
        }
        for (n, value) in list.iter().enumerate() {
            let at = format!("/members/{n}");
            let Some(fields) = self.object(&at, value, &["name", "answers", "rows"]) else {
                continue;
            };
            let name = self.text_in(fields, &at, "name").filter(|name| !name.trim().is_empty());
            let Some(name) = name else {
                self.fault(&format!("{at}/name"), AnswersProblem::Missing);
                continue;
            };
            let sheet = self.sheet(fields, &at);
            if members.insert(name, sheet).is_some() {
                self.fault(&format!("{at}/name"), AnswersProblem::MemberTwice);
            }
        }
        members
    }

    fn recognised(&mut self, value: &Value) -> Option<RecognisedOptions> {
        let at = "/recognised";
        let fields = self.object(at, value, &["template", "stars", "answers"])?;
        let stars = fields.get("stars").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        if stars.is_none() {
            self.wanted(&format!("{at}/stars"), Wanted::Stars);
        }
        let mut options = BTreeMap::new();
        if let Some(value) = fields.get("answers") {
            let at = format!("{at}/answers");
            for (item, value) in self.map(&at, value) {
                match value {
                    Value::String(option) => drop(options.insert(item.clone(), option.clone())),
                    _ => self.wanted(&strict::field(&at, item), Wanted::OptionKey),
                }
            }
        }
        let template = self.text_in(fields, at, "template");
        Some(RecognisedOptions { template, stars: stars?, options })
    }

    fn filled_by(&mut self, value: &Value) -> Option<FilledBy> {
        let at = "/template";
        let fields = self.object(at, value, &["code", "edition"])?;
        let (code, edition) =
            (self.text_in(fields, at, "code"), self.text_in(fields, at, "edition"));
        for (name, found) in [("code", &code), ("edition", &edition)] {
            if found.is_none() && !fields.contains_key(name) {
                self.fault(&format!("{at}/{name}"), AnswersProblem::Missing);
            }
        }
        Some(FilledBy { code: code?, edition: edition? })
    }

    fn count(&mut self, at: &str, value: &Value) -> u32 {
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
        if count.is_none() {
            self.wanted(at, Wanted::WholeNumber);
        }
        count.unwrap_or(0)
    }

    fn text_in(&mut self, fields: &Map<String, Value>, at: &str, name: &str) -> Option<String> {
        match fields.get(name)? {
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wanted(&format!("{at}/{name}"), Wanted::Text);
                None
            }
        }
    }

    fn day_in(&mut self, fields: &Map<String, Value>, at: &str, name: &str) -> Option<Day> {
        let day = fields.get(name)?.as_str().and_then(|text| text.parse().ok());
        if day.is_none() {
            self.fault(&format!("{at}/{name}"), AnswersProblem::Day);
        }
        day
    }

    /// Returns the entries of an object whose names are free.
    fn map<'v>(&mut self, at: &str, value: &'v Value) -> Vec<(&'v String, &'v Value)> {
        match value {
            Value::Object(map) => map.iter().collect(),
            _ => {
                self.wanted(at, Wanted::Object);
                Vec::new()
            }
        }
    }

    /// Returns the fields of an object that may have only these.
    fn object<'v>(
        &mut self,
        at: &str,
        value: &'v Value,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let Value::Object(map) = value else {
            self.wanted(at, Wanted::Object);
            return None;
        };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            let problem = AnswersProblem::UnknownField { known: known.join(", ") };
            self.fault(&strict::field(at, name), problem);
        }
        Some(map)
    }
}

fn graded(name: &str) -> Option<Response> {
    let grades = [Grade::Pass, Grade::Minor, Grade::Major, Grade::Serious, Grade::NotApplicable];
    grades.into_iter().find(|grade| grade.name() == name).map(Response::of_grade)
}
