//! Grades, severities and roles as people type and read them.

use std::str::FromStr;

use bienban_core::checklist::header::HeaderWanted;
use bienban_core::checklist::{AnswerType, Item, Wanted, Words};
use bienban_core::client::Protection;
use bienban_core::clock;
use bienban_core::model::{ActionState, Grade, RaisedBy, Severity};
use bienban_core::sync::DeviceEntry;
use bienban_core::sync::{Role, Verdict};
use bienban_core::trust::control::Judgement;
use clap::ValueEnum;

pub(crate) use super::field_names::{expected, field};
use super::wrong::Wrong;
use crate::messages::{Lang, Messages};

/// A grade as it is typed: the words of the form, or English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypedGrade(pub(crate) Grade);

impl FromStr for TypedGrade {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let grade = match text.to_lowercase().as_str() {
            "dat" | "đạt" | "pass" => Grade::Pass,
            "mi" | "nhe" | "nhẹ" | "minor" => Grade::Minor,
            "ma" | "nang" | "nặng" | "major" => Grade::Major,
            "se" | "nghiem-trong" | "nghiêm-trọng" | "serious" => Grade::Serious,
            "kad" | "na" => Grade::NotApplicable,
            "none" | "unanswered" => Grade::Unanswered,
            _ => return Err(Wrong::Grade),
        };
        Ok(Self(grade))
    }
}

/// A severity as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypedSeverity(pub(crate) Severity);

impl FromStr for TypedSeverity {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        match TypedGrade::from_str(text) {
            Ok(TypedGrade(Grade::Minor)) => Ok(Self(Severity::Minor)),
            Ok(TypedGrade(Grade::Major)) => Ok(Self(Severity::Major)),
            Ok(TypedGrade(Grade::Serious)) => Ok(Self(Severity::Serious)),
            _ => Err(Wrong::Severity),
        }
    }
}

/// A role as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypedRole {
    /// Member of a team.
    Inspector,
    /// Leader of a team.
    Leader,
    /// Reviews what was found.
    Supervisor,
    /// Enrols devices, publishes checklists, imports, plans.
    Admin,
    /// Reads only.
    Auditor,
}

impl From<TypedRole> for Role {
    fn from(role: TypedRole) -> Self {
        match role {
            TypedRole::Inspector => Self::Inspector,
            TypedRole::Leader => Self::Leader,
            TypedRole::Supervisor => Self::Supervisor,
            TypedRole::Admin => Self::Admin,
            TypedRole::Auditor => Self::Auditor,
        }
    }
}

/// Returns the name of a role in data.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Leader => "leader",
        Role::Inspector => "inspector",
        Role::Supervisor => "supervisor",
        Role::Auditor => "auditor",
    }
}

/// Returns the names in data of the roles that a holder has now, each once: not those that ended or have not
/// begun.
pub(crate) fn roles(entry: &DeviceEntry) -> String {
    let entry = entry.clone().in_force(clock::now());
    let names: Vec<&str> = entry.roles().into_iter().map(role).collect();
    names.join(", ")
}

/// Returns a text of a checklist in the user's language.
pub(crate) fn local<'w>(m: &Messages, words: &'w Words) -> &'w str {
    match m.lang() {
        Lang::Vi => &words.vi,
        Lang::En => words.en_or_vi(),
    }
}

/// Returns a grade as people read it.
pub(crate) fn grade(m: &Messages, grade: Grade) -> String {
    match grade {
        Grade::Pass => m.text("grade.pass", &[]),
        Grade::Minor => m.text("grade.minor", &[]),
        Grade::Major => m.text("grade.major", &[]),
        Grade::Serious => m.text("grade.serious", &[]),
        Grade::NotApplicable => m.text("grade.na", &[]),
        Grade::Given => m.text("grade.given", &[]),
        Grade::Unanswered => m.text("grade.unanswered", &[]),
        _ => m.text("grade.damaged", &[]),
    }
}

/// Returns a grade as people read it, from its name in data.
pub(crate) fn grade_named(m: &Messages, name: &str) -> String {
    match Grade::ALL.into_iter().find(|grade| grade.name() == name) {
        Some(found) => grade(m, found),
        None => m.text("grade.damaged", &[]),
    }
}

/// Returns a grade as people read it, or the name itself when no grade has it.
pub(crate) fn grade_or(m: &Messages, name: &str) -> String {
    match Grade::ALL.into_iter().find(|grade| grade.name() == name) {
        // In English the names in data are those of the form.
        Some(found) if m.lang() == Lang::Vi => grade(m, found),
        _ => name.to_owned(),
    }
}

/// Returns a grade by its name, as it is typed and with what it means.
pub(crate) fn typed_grade_or(m: &Messages, name: &str) -> String {
    let found = Grade::ALL.into_iter().find(|grade| grade.name() == name);
    found.map_or_else(|| name.to_owned(), |grade| typed_grade(m, grade))
}

/// Returns a number as people read it, from its form in data: in Vietnamese with a decimal comma. Files
/// and `--json` keep the point.
pub(crate) fn number(m: &Messages, number: &str) -> String {
    match m.lang() {
        Lang::Vi => number.replace('.', ","),
        Lang::En => number.to_owned(),
    }
}

/// Returns a value as people read it: with its unit, or with what the options say. None where the
/// value says everything itself.
pub(crate) fn value(m: &Messages, item: Option<&Item>, value: &str) -> Option<String> {
    let item = item?;
    let said = |key: &str| {
        let option = item.option(key).map(|option| local(m, &option.text));
        option.map_or_else(|| key.to_owned(), |text| format!("{key} ({text})"))
    };
    match &item.answer {
        AnswerType::Number { unit, .. } => Some(format!("{} {unit}", number(m, value))),
        AnswerType::Choice { or_none: true, .. } if item.option(value).is_none() => {
            Some(m.text("wanted.no_option", &[]))
        }
        AnswerType::Choice { .. } => Some(said(value)),
        AnswerType::Choices { .. } => {
            Some(value.split(' ').map(said).collect::<Vec<_>>().join(", "))
        }
        _ => None,
    }
}

/// Returns what an item takes, as people type it.
pub(crate) fn wanted(m: &Messages, wanted: &Wanted) -> String {
    let options = |options: &[(String, Words)]| {
        let each = options.iter().map(|(key, text)| format!("{key} ({})", local(m, text)));
        each.collect::<Vec<_>>().join(", ")
    };
    match wanted {
        Wanted::Grade { allowed } => {
            let each: Vec<String> = allowed.iter().map(|one| typed_grade(m, *one)).collect();
            m.text("wanted.grade", &[("grades", &each.join(", "))])
        }
        Wanted::Number { unit, decimals, min, max } => {
            let decimals = decimals.to_string();
            let mut text = m.text("wanted.number", &[("unit", unit), ("decimals", &decimals)]);
            if let Some(min) = min {
                text.push_str(
                    &m.text("wanted.at_least", &[("number", &number(m, &min.to_string()))]),
                );
            }
            if let Some(max) = max {
                text.push_str(
                    &m.text("wanted.at_most", &[("number", &number(m, &max.to_string()))]),
                );
            }
            text
        }
        Wanted::Choice { options: all, or_none } => {
            let mut all = options(all);
            if *or_none {
                all = format!("{all}, khong ({})", m.text("wanted.no_option", &[]));
            }
            m.text("wanted.choice", &[("options", &all)])
        }
        Wanted::Choices { options: all } => m.text("wanted.choices", &[("options", &options(all))]),
        Wanted::Text { chars_max } => m.text("wanted.text", &[("limit", &chars_max.to_string())]),
        Wanted::Day => m.text("wanted.day", &[]),
        Wanted::Photos { min, max } => {
            m.text("wanted.photos", &[("min", &min.to_string()), ("max", &max.to_string())])
        }
        Wanted::Position => m.text("wanted.position", &[]),
        Wanted::Signature => m.text("wanted.signature", &[]),
        _ => m.text("wanted.nothing", &[]),
    }
}

/// Returns what a field of the header takes, as people type it.
pub(crate) fn header_wanted(m: &Messages, wanted: &HeaderWanted) -> String {
    match wanted {
        HeaderWanted::Text { chars_max, lines_max } => {
            let limit = chars_max.to_string();
            match lines_max {
                1 => m.text("wanted.one_line", &[("limit", &limit)]),
                _ => m.text("wanted.text", &[("limit", &limit)]),
            }
        }
        HeaderWanted::Person { chars_max } => {
            m.text("wanted.person", &[("limit", &chars_max.to_string())])
        }
        HeaderWanted::Date => m.text("wanted.day", &[]),
        HeaderWanted::DateTime => m.text("wanted.moment", &[]),
        HeaderWanted::Phone { examples } => {
            m.text("wanted.phone", &[("examples", &examples.join(", "))])
        }
        HeaderWanted::Number { min, max } => {
            m.text("wanted.whole", &[("min", &min.to_string()), ("max", &max.to_string())])
        }
        HeaderWanted::Choice { options } => {
            let each = options.iter().map(|one| format!("{} ({})", one.key, local(m, &one.title)));
            m.text("wanted.choice", &[("options", &each.collect::<Vec<_>>().join(", "))])
        }
        other => other.to_string(),
    }
}

/// Returns a grade as people type it, with what it means.
fn typed_grade(m: &Messages, one: Grade) -> String {
    let typed = match one {
        Grade::Pass => "dat",
        Grade::Minor => "mi",
        Grade::Major => "ma",
        Grade::Serious => "se",
        Grade::NotApplicable => "kad",
        other => other.name(),
    };
    // What explains itself in brackets stands in one pair with its name.
    let said = grade(m, one);
    let said =
        said.strip_suffix(')').map_or_else(|| said.clone(), |said| said.replacen(" (", ", ", 1));
    format!("{typed} ({said})")
}

/// Returns what people call a thing that has a name here.
pub(crate) fn thing(m: &Messages, what: &str) -> String {
    match what {
        "inspection" => m.text("kind.inspection", &[]),
        "facility" => m.text("kind.facility", &[]),
        "plan" => m.text("kind.plan", &[]),
        "checklist" => m.text("thing.checklist", &[]),
        "device" => m.text("thing.device", &[]),
        "invitation" => m.text("thing.invitation", &[]),
        "change" => m.text("thing.change", &[]),
        "finding" => m.text("thing.finding", &[]),
        "row" => m.text("thing.row", &[]),
        "comment" => m.text("thing.comment", &[]),
        "action" => m.text("thing.action", &[]),
        "sample" => m.text("thing.sample", &[]),
        "seal, handover or result" => m.text("thing.sample_step", &[]),
        "difficulty" => m.text("thing.difficulty", &[]),
        "decision" => m.text("thing.decision", &[]),
        "minutes" => m.text("thing.minutes", &[]),
        "re-check" => m.text("thing.recheck", &[]),
        other => other.to_owned(),
    }
}

/// Returns roles as people read them, from their names in data.
pub(crate) fn role_text(m: &Messages, names: &str) -> String {
    let texts: Vec<String> = names.split(", ").map(|name| one_role(m, name)).collect();
    texts.join(", ")
}

/// Returns the command by which an administrator gives a device the role that seals in a unit.
pub(crate) fn grant_leader(device: &str, unit: &str) -> String {
    format!("bienban admin grant {device} --role leader --scope {unit}")
}

fn one_role(m: &Messages, name: &str) -> String {
    match name {
        "" => "-".to_owned(),
        "admin" => m.text("role.admin", &[]),
        "leader" => m.text("role.leader", &[]),
        "inspector" => m.text("role.inspector", &[]),
        "supervisor" => m.text("role.supervisor", &[]),
        _ => m.text("role.auditor", &[]),
    }
}

/// Returns a part of the program that failed as a whole, as people read it.
pub(crate) fn part(m: &Messages, name: &str) -> String {
    match name {
        "hub" => m.text("part.hub", &[]),
        "settings" => m.text("part.settings", &[]),
        "key" => m.text("part.key", &[]),
        "log" => m.text("part.log", &[]),
        "temporary folder" => m.text("part.temporary_folder", &[]),
        _ => name.to_owned(),
    }
}

/// Returns where a corrective action stands, as people read it.
pub(crate) fn action_state(m: &Messages, state: ActionState) -> String {
    match state {
        ActionState::Open => m.text("action.open", &[]),
        ActionState::Submitted => m.text("action.submitted", &[]),
        ActionState::Verified => m.text("action.verified", &[]),
        ActionState::Recheck => m.text("action.recheck", &[]),
        _ => m.text("action.cancelled", &[]),
    }
}

/// Returns who raised a difficulty, as people read it.
pub(crate) fn raised_by(m: &Messages, by: RaisedBy) -> String {
    match by {
        RaisedBy::Facility => m.text("difficulty.facility", &[]),
        RaisedBy::Commune => m.text("difficulty.commune", &[]),
    }
}

/// Returns the name of a severity in data.
pub(crate) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Minor => "minor",
        Severity::Major => "major",
        Severity::Serious => "serious",
    }
}

/// Returns what became of a change that was not merged, as people read it.
pub(crate) fn verdict(m: &Messages, verdict: Verdict) -> String {
    match verdict {
        Verdict::Equivocation => m.text("notice.equivocation", &[]),
        Verdict::Poison => m.text("notice.poison", &[]),
        Verdict::ChainBroken => m.text("notice.chain_broken", &[]),
        Verdict::NotAllowed => m.text("notice.not_allowed", &[]),
        Verdict::Orphan => m.text("notice.orphan", &[]),
        Verdict::OverQuota => m.text("notice.over_quota", &[]),
        Verdict::Unreadable => m.text("notice.unreadable", &[]),
        Verdict::OnRefused => m.text("notice.on_refused", &[]),
        Verdict::Full => m.text("notice.full", &[]),
    }
}

/// Returns why something is kept aside, as those read it who decide of it.
pub(super) fn aside(m: &Messages, verdict: Verdict) -> String {
    match verdict {
        Verdict::Equivocation => m.text("aside.equivocation", &[]),
        Verdict::Poison => m.text("aside.poison", &[]),
        Verdict::ChainBroken => m.text("aside.chain_broken", &[]),
        Verdict::NotAllowed => m.text("aside.not_allowed", &[]),
        Verdict::Orphan => m.text("aside.orphan", &[]),
        Verdict::OverQuota => m.text("aside.over_quota", &[]),
        Verdict::Unreadable => m.text("aside.unreadable", &[]),
        Verdict::OnRefused => m.text("aside.on_refused", &[]),
        Verdict::Full => m.text("aside.full", &[]),
    }
}

/// Returns what was decided of something that is kept aside, for data.
pub(super) fn judgement(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Admit => "admit",
        Judgement::Keep => "keep",
    }
}

/// Returns a kind of decision as people read it, from its name in data; of a later program that name.
pub(super) fn deed(m: &Messages, name: &str) -> String {
    match name {
        "certify" => m.text("deed.certify", &[]),
        "grant" => m.text("deed.grant", &[]),
        "withdraw" => m.text("deed.withdraw", &[]),
        "revoke" => m.text("deed.revoke", &[]),
        "assign" => m.text("deed.assign", &[]),
        "seal" => m.text("deed.seal", &[]),
        "judge" => m.text("deed.judge", &[]),
        "template" => m.text("deed.template", &[]),
        "successor" => m.text("deed.successor", &[]),
        "countersign" => m.text("deed.countersign", &[]),
        "switch" => m.text("deed.switch", &[]),
        other => other.to_owned(),
    }
}

/// Returns a kind of document as people read it, from its name in data.
pub(crate) fn kind(m: &Messages, name: &str) -> String {
    match name {
        "facility" => m.text("kind.facility", &[]),
        "plan" => m.text("kind.plan", &[]),
        "inspection" => m.text("kind.inspection", &[]),
        "review" => m.text("kind.review", &[]),
        _ => m.text("kind.followup", &[]),
    }
}

/// Returns the state of an inspection as people read it. A state that people moved apart comes as
/// several names.
pub(crate) fn state(m: &Messages, names: &str) -> String {
    let each = names.split('|').map(|name| match name {
        "draft" => m.text("state.draft", &[]),
        "planned" => m.text("state.planned", &[]),
        "decided" => m.text("state.decided", &[]),
        "plan_approved" => m.text("state.plan_approved", &[]),
        "announced" => m.text("state.announced", &[]),
        "in_field" => m.text("state.in_field", &[]),
        "minutes_signed" => m.text("state.minutes_signed", &[]),
        "minutes_refused" => m.text("state.minutes_refused", &[]),
        "reported" => m.text("state.reported", &[]),
        "corrective_issued" => m.text("state.corrective_issued", &[]),
        "fix_submitted" => m.text("state.fix_submitted", &[]),
        "fix_verified" => m.text("state.fix_verified", &[]),
        "overdue" => m.text("state.overdue", &[]),
        "recheck" => m.text("state.recheck", &[]),
        "closed" => m.text("state.closed", &[]),
        "suspended" => m.text("state.suspended", &[]),
        "stopped" => m.text("state.stopped", &[]),
        "escalated" => m.text("state.escalated", &[]),
        "supplement" => m.text("state.supplement", &[]),
        "supplement_sealed" => m.text("state.supplement_sealed", &[]),
        "pending" => m.text("verdict.pending", &[]),
        "accepted" => m.text("verdict.accepted", &[]),
        "sent_back" => m.text("verdict.sent_back", &[]),
        other => other.to_owned(),
    });
    each.collect::<Vec<_>>().join(" | ")
}

/// Says how what lies in a folder is kept.
pub(super) fn protection(m: &Messages, protection: Protection) -> String {
    match protection {
        Protection::Plain => m.text("key.plain", &[]),
        Protection::OwnKey => m.text("key.own_key", &[]),
        Protection::Key => m.text("key.key", &[]),
        Protection::Passphrase => m.text("key.passphrase", &[]),
    }
}

/// The same, for data.
pub(super) fn protection_name(protection: Protection) -> &'static str {
    match protection {
        Protection::Plain => "plain",
        Protection::OwnKey => "own_key",
        Protection::Key => "key",
        Protection::Passphrase => "passphrase",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_are_read_in_both_languages() {
        let typed = |text: &str| text.parse::<TypedGrade>().map(|typed| typed.0);
        for (vietnamese, english, grade) in [
            ("Đạt", "pass", Grade::Pass),
            ("Mi", "minor", Grade::Minor),
            ("MA", "major", Grade::Major),
            ("se", "Serious", Grade::Serious),
            ("KAD", "na", Grade::NotApplicable),
        ] {
            assert_eq!(typed(vietnamese).unwrap(), grade);
            assert_eq!(typed(english).unwrap(), grade);
        }
        assert!(matches!(typed("good"), Err(Wrong::Grade)));
    }

    #[test]
    fn what_is_typed_for_a_grade_stands_beside_its_meaning_in_one_pair_of_brackets() {
        for (lang, said) in [(Lang::Vi, "ma (Ma, lỗi nặng)"), (Lang::En, "ma (major)")] {
            assert_eq!(typed_grade(&Messages::new(lang), Grade::Major), said);
        }
        assert_eq!(typed_grade(&Messages::new(Lang::Vi), Grade::Pass), "dat (Đạt)");
    }

    #[test]
    fn numbers_have_the_decimal_mark_of_the_reader() {
        assert_eq!(number(&Messages::new(Lang::Vi), "73.33"), "73,33");
        assert_eq!(number(&Messages::new(Lang::En), "73.33"), "73.33");
    }

    #[test]
    fn only_faults_are_severities() {
        assert!("ma".parse::<TypedSeverity>().is_ok());
        assert!("pass".parse::<TypedSeverity>().is_err());
    }
}
