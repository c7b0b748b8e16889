//! What can be wrong with what a person typed, and what is right instead, in their language.

use bienban_core::checklist::DIGITS_MIN;
use bienban_core::model::LifeCycle;
use bienban_core::net::{AddressError, EnrolUriError};

use super::{causes, words};
use crate::import::is_blank;
use crate::messages::Messages;

/// Something typed that does not fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Wrong {
    /// No grade has the word.
    #[error(
        "a grade is dat, mi, ma, se or kad (pass, minor, major, serious, na); none takes an answer \
         back"
    )]
    Grade,
    /// No severity has the word.
    #[error("a severity is mi, ma or se (minor, major, serious)")]
    Severity,
    /// It is no release.
    #[error(
        "a release is the 192 digits that `bienban admin audit release` printed for this device"
    )]
    Release,
    /// It is no head of a hub's log.
    #[error("--head: give a file that `bienban field log head` wrote")]
    Head,
    /// A file should hold announcements of a hub's keys.
    #[error(
        "the file holds no announcements of a hub's keys, as `field hub --keys-to` writes them"
    )]
    Announcements,
    /// It names no doubt.
    #[error("a doubt is named by the 64 digits that `bienban field log show` prints on the device")]
    Doubt,
    /// No state has the name.
    #[error("no state of an inspection has this name")]
    State,
    /// Neither days nor a day.
    #[error("--deadline {given}: give a number of days, or a day as DD/MM/YYYY or YYYY-MM-DD")]
    Deadline {
        /// What was given.
        given: String,
    },
    /// No day of the calendar.
    #[error("{given}: give a day as DD/MM/YYYY or YYYY-MM-DD")]
    Day {
        /// What was given.
        given: String,
    },
    /// A right would have ended before it is given.
    #[error(
        "{day} is over: a right until then would let nothing. `bienban admin withdraw` takes a role back"
    )]
    GrantOver {
        /// Its last day.
        day: String,
    },
    /// A right would end before it begins.
    #[error("the right would end on {until}, before it begins on {from}")]
    GrantDays {
        /// Its first day.
        from: String,
        /// Its last day.
        until: String,
    },
    /// It has the form of a day, and the calendar has none such.
    #[error("{given}: there is no such day")]
    NoSuchDay {
        /// What was given.
        given: String,
    },
    /// Nothing where something must stand.
    #[error("it is empty; write something")]
    Empty,
    /// Nothing in an argument that must say something.
    #[error("{argument} is empty; write something")]
    EmptyArgument {
        /// The argument.
        argument: &'static str,
    },
    /// A value beside a word that says that there is none.
    #[error(
        "{word} has no value beside it; leave --value out, or give the answer that it belongs to"
    )]
    ValueBeside {
        /// The word.
        word: &'static str,
    },
    /// No number of rows from 1 on.
    #[error("give a number from 1 on")]
    Count,
    /// A reason that does not say for which facility, of which kind and why.
    #[error("--reason {given}: give FACILITY=clear_sign:TEXT, for a facility of this plan")]
    Reason {
        /// What was given.
        given: String,
    },
    /// A row of a form with too few or too many parts.
    #[error("--row {given}: {expected}")]
    Row {
        /// What was given.
        given: String,
        /// What it must be.
        expected: &'static str,
    },
    /// What can only be settled by choosing.
    #[error(
        "{place} is settled by choosing one of the values there: --choose CHANGE, as `conflicts` says"
    )]
    Choose {
        /// What was named.
        place: String,
    },
    /// What cannot be the digits of a preview.
    #[error(
        "--apply {given}: these are no digits of a preview, which are hexadecimal (0-9, a-f), at least \
         {DIGITS_MIN}; see the preview without --apply"
    )]
    PreviewDigits {
        /// What was given.
        given: String,
    },
    /// No option of a criterion.
    #[error("--option {given}: give ITEM=OPTION, for instance 2.3=3")]
    Option {
        /// What was given.
        given: String,
    },
    /// Not what a list printed as `next`.
    #[error("--after {given}: give the `next` of the page before")]
    Cursor {
        /// What was given.
        given: String,
    },
    /// No address of a hub.
    #[error("--hub {given}: {source}")]
    Hub {
        /// What was given.
        given: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// Neither a key nor an address.
    #[error(
        "--hub {given}: give the hub's key, which is 64 hexadecimal digits, or its address with the key, \
         bienban://HOST:PORT#KEY"
    )]
    HubOrKey {
        /// What was given.
        given: String,
    },
    /// No invitation.
    #[error("{source}")]
    Invitation {
        /// Why.
        source: EnrolUriError,
    },
    /// No six digits.
    #[error("--digits {given}: give the six digits that the phone shows")]
    CheckDigits {
        /// What was given.
        given: String,
    },
    /// A key that is none.
    #[error("--key {given}: the key of a hub is 64 hexadecimal digits")]
    HubKey {
        /// What was given.
        given: String,
    },
    /// A hub's address without its key, on a device that pins none.
    #[error("this device pins no hub yet: give the address with its key, bienban://HOST:PORT#KEY")]
    HubWithoutKey,
    /// `--key` or `--other-key` without `--set`.
    #[error("{argument} says nothing without --set")]
    WithoutSet {
        /// The argument.
        argument: &'static str,
    },
    /// A change that changes nothing.
    #[error("say what to change: see --help for what of a plan can be changed")]
    NoChange,
    /// A declaration of somebody who is not in the team.
    #[error("a member named by --no-conflict must be the leader or a member: {given}")]
    NotOfTeam {
        /// Who was named.
        given: String,
    },
    /// A reason why a device was not heard that was.
    #[error(
        "--not-heard {given}=…: this device was heard, so it needs no reason; a reason for all that were \
         not heard has no ="
    )]
    WasHeard {
        /// Who was named.
        given: String,
    },
    /// A second reason for a device that was not heard.
    #[error(
        "--not-heard {given}=…: this device was given a reason already; minutes cannot be unsigned, so give one \
         for each device"
    )]
    ReasonAgain {
        /// Who was named.
        given: String,
    },
    /// Several reasons for all devices that were not heard.
    #[error(
        "--not-heard: several reasons for all devices that were not heard; give one without =, and \
         DEVICE=REASON for those with another"
    )]
    ReasonsForAll,
    /// A name in `--not-heard` that several devices have.
    #[error(
        "--not-heard {given}=…: several devices of the team are called so: {candidates}; name one by its \
         digits"
    )]
    SeveralOfTeam {
        /// Who was named.
        given: String,
        /// The devices.
        candidates: String,
    },
    /// The folder is a hub's.
    #[error("{path} is the folder of a hub, and a device needs one of its own")]
    HubFolder {
        /// The folder.
        path: String,
    },
    /// The folder is a device's.
    #[error("{path} is the folder of a device, and a hub needs one of its own")]
    DeviceFolder {
        /// The folder.
        path: String,
    },
    /// Facilities of several provinces.
    #[error("no unit holds every facility; say which the plan belongs to with --scope")]
    NoCommonUnit,
    /// A code that no unit has.
    #[error("{code} is no administrative unit that this program knows")]
    UnknownUnit {
        /// The code.
        code: String,
    },
    /// A role that somebody does not have.
    #[error(
        "{name} has no role {role} in {unit}; `bienban admin access --explain` lists what there is"
    )]
    NoSuchGrant {
        /// Who.
        name: String,
        /// The role's name in data.
        role: &'static str,
        /// The unit.
        unit: String,
    },
    /// A moment that does not read.
    #[error("{given:?} is no moment; write a day, or 2026-12-01T08:00:00Z")]
    Moment {
        /// What was typed.
        given: String,
    },
    /// No drawing within its limits.
    #[error(
        "{path} is no drawn signature: give a PNG of at most 14 KiB, an SVG of lines and paths, or JSON \
         with width, height and strokes; at most 3600 points in 256 strokes"
    )]
    Drawing {
        /// The file.
        path: String,
    },
    /// `--offline` before a command that only the hub can do.
    #[error("only the hub can do this; leave --offline out")]
    OnlyHub,
    /// A batch in a batch.
    #[error("batch cannot stand in a batch")]
    BatchInBatch,
    /// A change of the hub in a batch.
    #[error("hub cannot stand in a batch; run it by itself")]
    HubInBatch,
    /// `key` in a batch.
    #[error("key cannot stand in a batch; run it by itself")]
    KeyInBatch,
    /// A key and a passphrase.
    #[error("give --key-file or --passphrase-file, not both")]
    TwoKeys,
    /// A line of a batch with one quotation mark.
    #[error("a line of the batch has an open quotation mark")]
    OpenQuote,
}

impl Wrong {
    /// Returns what is wrong, in the language of `m`.
    pub(crate) fn explain(&self, m: &Messages) -> String {
        match self {
            Self::Grade => m.text("wrong.grade", &[]),
            Self::Severity => m.text("wrong.severity", &[]),
            Self::State => m.text("wrong.state", &[("states", &states(&LifeCycle::ALL, m))]),
            Self::Deadline { given } => m.text("wrong.deadline", &[("given", given)]),
            Self::Day { given } => m.text("wrong.day", &[("given", given)]),
            Self::GrantOver { day } => m.text("wrong.grant_over", &[("day", day)]),
            Self::GrantDays { from, until } => {
                m.text("wrong.grant_days", &[("from", from), ("until", until)])
            }
            Self::NoSuchDay { given } => m.text("wrong.no_such_day", &[("given", given)]),
            Self::Empty => m.text("wrong.empty", &[]),
            Self::EmptyArgument { argument } => {
                m.text("wrong.empty_argument", &[("argument", argument)])
            }
            Self::ValueBeside { word } => m.text("wrong.value_beside", &[("word", word)]),
            Self::Count => m.text("wrong.count", &[]),
            Self::Reason { given } => m.text("wrong.reason", &[("given", given)]),
            Self::Row { given, expected } => {
                let expected = row_form(expected, m);
                m.text("wrong.row", &[("given", given), ("expected", &expected)])
            }
            Self::Choose { place } => m.text("wrong.choose", &[("place", place)]),
            Self::PreviewDigits { given } => {
                let least = DIGITS_MIN.to_string();
                m.text("wrong.preview_digits", &[("given", given), ("least", &least)])
            }
            Self::Option { given } => m.text("wrong.option", &[("given", given)]),
            Self::Cursor { given } => m.text("wrong.cursor", &[("given", given)]),
            Self::Hub { given, source } => {
                let why = causes::of_address(source, m);
                m.text("wrong.hub", &[("given", given), ("why", &why)])
            }
            Self::HubOrKey { given } => m.text("wrong.hub_or_key", &[("given", given)]),
            Self::Invitation { source } => causes::of_invitation(source, m),
            Self::CheckDigits { given } => m.text("wrong.check_digits", &[("given", given)]),
            Self::HubKey { given } => m.text("wrong.hub_key", &[("given", given)]),
            Self::HubWithoutKey => m.text("wrong.hub_without_key", &[]),
            Self::WithoutSet { argument } => m.text("wrong.without_set", &[("argument", argument)]),
            Self::NoChange => m.text("wrong.no_change", &[]),
            Self::NotOfTeam { given } => m.text("wrong.not_of_team", &[("given", given)]),
            Self::WasHeard { given } => m.text("wrong.was_heard", &[("given", given)]),
            Self::ReasonAgain { given } => m.text("wrong.reason_again", &[("given", given)]),
            Self::ReasonsForAll => m.text("wrong.reasons_for_all", &[]),
            Self::SeveralOfTeam { given, candidates } => {
                let values = [("given", given.as_str()), ("candidates", candidates)];
                m.text("wrong.several_of_team", &values)
            }
            Self::HubFolder { path } => m.text("wrong.hub_folder", &[("path", path)]),
            Self::DeviceFolder { path } => m.text("wrong.device_folder", &[("path", path)]),
            Self::NoCommonUnit => m.text("wrong.no_common_unit", &[]),
            Self::UnknownUnit { code } => m.text("wrong.unknown_unit", &[("code", code)]),
            Self::NoSuchGrant { name, role, unit } => {
                let values = [("name", name.as_str()), ("role", role), ("unit", unit)];
                m.text("wrong.no_such_grant", &values)
            }
            Self::Moment { given } => m.text("wrong.moment", &[("given", given)]),
            Self::OnlyHub => m.text("wrong.only_hub", &[]),
            Self::Drawing { path } => m.text("wrong.drawing", &[("path", path)]),
            Self::Release => m.text("wrong.release", &[]),
            Self::Head => m.text("wrong.head", &[]),
            Self::Announcements => m.text("wrong.announcements", &[]),
            Self::Doubt => m.text("wrong.doubt", &[]),
            Self::BatchInBatch => m.text("wrong.batch_in_batch", &[]),
            Self::KeyInBatch => m.text("wrong.key_in_batch", &[]),
            Self::TwoKeys => m.text("wrong.two_keys", &[]),
            Self::HubInBatch => m.text("wrong.hub_in_batch", &[]),
            Self::OpenQuote => m.text("wrong.open_quote", &[]),
        }
    }
}

/// Returns what a row of a form must be, in the words of the reader.
fn row_form(expected: &str, m: &Messages) -> String {
    match expected {
        "FINDING|corrected, FINDING|partly|REMARK, FINDING|not_corrected|REMARK" => {
            m.text("wrong.row_recheck", &[])
        }
        "SAMPLE|QUANTITY|PARAMETERS|STANDARD|CODED NAME" => m.text("wrong.row_handover", &[]),
        "NAME|VALUE|LIMIT|pass, NAME|VALUE|LIMIT|fail" => m.text("wrong.row_parameter", &[]),
        other => other.to_owned(),
    }
}

/// Reads a text that must say something.
///
/// # Errors
///
/// Returns [`Wrong::Empty`].
pub(super) fn something(text: &str) -> Result<String, Wrong> {
    if is_blank(text) { Err(Wrong::Empty) } else { Ok(text.to_owned()) }
}

/// Reads how many rows to show.
///
/// # Errors
///
/// Returns [`Wrong::Count`] for what is no number, and for none at all.
pub(super) fn count(text: &str) -> Result<usize, Wrong> {
    text.parse().ok().filter(|count| *count > 0).ok_or(Wrong::Count)
}

/// Lists states as they are typed, each with what it means.
pub(super) fn states(states: &[LifeCycle], m: &Messages) -> String {
    let each = states.iter().map(|state| {
        let name = state.name();
        format!("{name} ({})", words::state(m, name))
    });
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Lang;

    #[test]
    fn english_texts_are_those_of_the_errors() {
        let m = Messages::new(Lang::En);
        let given = || "x".to_owned();
        for wrong in [
            Wrong::Grade,
            Wrong::Severity,
            Wrong::Deadline { given: given() },
            Wrong::Day { given: given() },
            Wrong::GrantOver { day: given() },
            Wrong::GrantDays { from: given(), until: "B".to_owned() },
            Wrong::NoSuchDay { given: given() },
            Wrong::Empty,
            Wrong::EmptyArgument { argument: "--name" },
            Wrong::ValueBeside { word: "na" },
            Wrong::Count,
            Wrong::Reason { given: given() },
            Wrong::Row { given: given(), expected: "A|B" },
            Wrong::Choose { place: given() },
            Wrong::PreviewDigits { given: given() },
            Wrong::Option { given: given() },
            Wrong::Cursor { given: given() },
            Wrong::Hub { given: given(), source: AddressError::Form },
            Wrong::HubOrKey { given: given() },
            Wrong::Invitation { source: EnrolUriError::Form },
            Wrong::CheckDigits { given: given() },
            Wrong::HubKey { given: given() },
            Wrong::HubWithoutKey,
            Wrong::WithoutSet { argument: "--key" },
            Wrong::NoChange,
            Wrong::NotOfTeam { given: given() },
            Wrong::WasHeard { given: given() },
            Wrong::SeveralOfTeam { given: given(), candidates: given() },
            Wrong::HubFolder { path: given() },
            Wrong::DeviceFolder { path: given() },
            Wrong::NoCommonUnit,
            Wrong::UnknownUnit { code: given() },
            Wrong::NoSuchGrant { name: given(), role: "leader", unit: given() },
            Wrong::Moment { given: given() },
            Wrong::OnlyHub,
            Wrong::Drawing { path: given() },
            Wrong::Release,
            Wrong::Doubt,
            Wrong::BatchInBatch,
            Wrong::HubInBatch,
            Wrong::KeyInBatch,
            Wrong::TwoKeys,
            Wrong::OpenQuote,
        ] {
            assert_eq!(wrong.explain(&m), wrong.to_string());
        }
        for blank in ["", " ", "\u{a0}", "\u{200b}\u{feff}", "\t\n"] {
            assert!(matches!(something(blank), Err(Wrong::Empty)), "{blank:?}");
        }
        assert_eq!(something(" An ").unwrap(), " An ");
        assert!(Wrong::State.explain(&m).contains("in_field (in the field)"));
    }
}
