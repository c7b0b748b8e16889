//! What can be wrong with what a person typed, and what is right instead, in their language.

use bienban_core::model::LifeCycle;
use bienban_core::net::AddressError;

use super::{causes, words};
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
    /// No state has the name.
    #[error("no state of an inspection has this name")]
    State,
    /// Neither days nor a day.
    #[error("--deadline {given}: give a number of days, or a day as YYYY-MM-DD")]
    Deadline {
        /// What was given.
        given: String,
    },
    /// No day of the calendar.
    #[error("{given}: give a day as YYYY-MM-DD")]
    Day {
        /// What was given.
        given: String,
    },
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
    /// The days of a plan are in the wrong order.
    #[error("the plan ends ({to}) before it begins ({from})")]
    PlanDays {
        /// The first day.
        from: String,
        /// The last day.
        to: String,
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
    /// `--offline` before a command that only the hub can do.
    #[error("only the hub can do this; leave --offline out")]
    OnlyHub,
    /// A batch in a batch.
    #[error("batch cannot stand in a batch")]
    BatchInBatch,
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
            Self::Reason { given } => m.text("wrong.reason", &[("given", given)]),
            Self::Row { given, expected } => {
                m.text("wrong.row", &[("given", given), ("expected", expected)])
            }
            Self::Option { given } => m.text("wrong.option", &[("given", given)]),
            Self::Cursor { given } => m.text("wrong.cursor", &[("given", given)]),
            Self::Hub { given, source } => {
                let why = causes::of_address(source, m);
                m.text("wrong.hub", &[("given", given), ("why", &why)])
            }
            Self::PlanDays { from, to } => m.text("wrong.plan_days", &[("from", from), ("to", to)]),
            Self::NoCommonUnit => m.text("wrong.no_common_unit", &[]),
            Self::UnknownUnit { code } => m.text("wrong.unknown_unit", &[("code", code)]),
            Self::OnlyHub => m.text("wrong.only_hub", &[]),
            Self::BatchInBatch => m.text("wrong.batch_in_batch", &[]),
            Self::OpenQuote => m.text("wrong.open_quote", &[]),
        }
    }
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
            Wrong::Reason { given: given() },
            Wrong::Row { given: given(), expected: "A|B" },
            Wrong::Option { given: given() },
            Wrong::Cursor { given: given() },
            Wrong::Hub { given: given(), source: AddressError::Form },
            Wrong::PlanDays { from: given(), to: "y".to_owned() },
            Wrong::NoCommonUnit,
            Wrong::UnknownUnit { code: given() },
            Wrong::OnlyHub,
            Wrong::BatchInBatch,
            Wrong::OpenQuote,
        ] {
            assert_eq!(wrong.explain(&m), wrong.to_string());
        }
        assert!(Wrong::State.explain(&m).contains("in_field (in the field)"));
    }
}
