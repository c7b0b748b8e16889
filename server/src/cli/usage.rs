//! What is wrong with the arguments, in the language of the person: clap knows, but speaks English.

use std::error::Error;

use bienban_core::model::IdError;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{causes, help, nearest};
use crate::merging;
use crate::messages::Messages;

/// What clap writes before an error.
const CLAP_ERROR: &str = "error:";

/// Returns what is wrong and how the command is used.
pub(super) fn explain(error: &clap::Error, m: &Messages) -> String {
    let Some(said) = sentence(error, m) else {
        let text = error.to_string();
        return text.trim_start_matches(CLAP_ERROR).trim().to_owned();
    };
    let usage = value(error, ContextKind::Usage);
    if usage.trim().is_empty() {
        return said;
    }
    format!("{said}\n{}", help::usage(&usage, m))
}

fn sentence(error: &clap::Error, m: &Messages) -> Option<String> {
    let argument = value(error, ContextKind::InvalidArg);
    let given = value(error, ContextKind::InvalidValue);
    Some(match error.kind() {
        ErrorKind::InvalidValue if given.is_empty() => {
            m.text("usage.no_value", &[("argument", &argument)])
        }
        ErrorKind::InvalidValue => {
            let allowed = value(error, ContextKind::ValidValue);
            let values =
                [("argument", argument.as_str()), ("given", &given), ("allowed", &allowed)];
            m.text("usage.not_among", &values)
        }
        ErrorKind::ValueValidation => {
            let why = error.source().map(|source| causes::explain(source, m)).unwrap_or_default();
            let values = [("argument", argument.as_str()), ("given", &given), ("why", &why)];
            let said = m.text("usage.bad_value", &values);
            // Whoever does not know the code types the name.
            let of_unit = error.source().is_some_and(|source| {
                matches!(source.downcast_ref::<IdError>(), Some(IdError::Scope))
            });
            let unit = Some(&given).filter(|_| of_unit).and_then(|given| nearest::unit(given));
            suggested(said, &unit.unwrap_or_default(), m)
        }
        ErrorKind::UnknownArgument => {
            let said = m.text("usage.unknown_argument", &[("argument", &argument)]);
            suggested(said, &value(error, ContextKind::SuggestedArg), m)
        }
        ErrorKind::InvalidSubcommand => {
            let name = value(error, ContextKind::InvalidSubcommand);
            let said = m.text("usage.unknown_command", &[("name", &name)]);
            suggested(said, &value(error, ContextKind::SuggestedSubcommand), m)
        }
        ErrorKind::MissingRequiredArgument => {
            m.text("usage.missing_argument", &[("arguments", &argument)])
        }
        ErrorKind::MissingSubcommand => {
            let known = commands(error);
            m.text("usage.missing_command", &[("commands", &known)])
        }
        ErrorKind::ArgumentConflict => {
            let other = value(error, ContextKind::PriorArg);
            if other.is_empty() || other == argument {
                m.text("usage.given_twice", &[("argument", &argument)])
            } else {
                m.text("usage.not_together", &[("argument", &argument), ("other", &other)])
            }
        }
        ErrorKind::TooManyValues
        | ErrorKind::TooFewValues
        | ErrorKind::WrongNumberOfValues
        | ErrorKind::NoEquals => m.text("usage.value_count", &[("argument", &argument)]),
        _ => return None,
    })
}

fn suggested(said: String, suggestion: &str, m: &Messages) -> String {
    if suggestion.is_empty() {
        return said;
    }
    format!("{said} {}", m.text("usage.suggestion", &[("name", suggestion)]))
}

/// Returns the commands that a person can run: clap names those that it hides, too.
fn commands(error: &clap::Error) -> String {
    let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidSubcommand) else {
        return value(error, ContextKind::ValidSubcommand);
    };
    let known = known.iter().map(String::as_str).filter(|name| *name != merging::COMMAND);
    known.collect::<Vec<_>>().join(", ")
}

fn value(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Arguments;
    use crate::messages::Lang;

    fn said(lang: Lang, words: &str) -> String {
        told(lang, &words.split(' ').collect::<Vec<_>>())
    }

    fn told(lang: Lang, words: &[&str]) -> String {
        let m = Messages::new(lang);
        let mut command = help::translated(Arguments::command(), "", &m);
        let error = command.try_get_matches_from_mut(words).unwrap_err();
        explain(&error, &m)
    }

    #[test]
    fn a_unit_that_is_named_where_its_code_is_wanted_is_looked_up() {
        let words = ["bienban", "admin", "--dir", "x", "access", "An", "plan", "Tân Tri, Lạng Sơn"];
        let [vi, en] = [Lang::Vi, Lang::En].map(|lang| told(lang, &words));
        assert!(en.contains("did you mean “06337"), "{en}");
        assert!(vi.contains("có phải là “06337"), "{vi}");
    }

    #[test]
    fn a_command_that_is_missing_is_one_that_a_person_can_run() {
        let said = said(Lang::En, "bienban --lang en");
        assert!(said.contains("field") && said.contains("clocks"), "{said}");
        assert!(!said.contains("merge-worker"), "{said}");
    }

    #[test]
    fn mistakes_are_told_in_the_language_that_was_asked_for() {
        let device = "ab".repeat(32);
        let role = format!(
            "bienban admin --dir x trust {device} --name A --agency B --role chief --scope 20"
        );
        for (words, vi, en) in [
            ("bienban field --dir x answr", "không có lệnh “answr”", "there is no command"),
            ("bienban field --dir x list --limt 3", "không có tham số", "there is no argument"),
            ("bienban field --dir x list --limit x", "--limit", "--limit"),
            ("bienban field --dir x answer a", "thiếu", "missing"),
            ("bienban field --dir x finding a 1.1 good x", "mức lỗi là mi", "a severity is mi"),
            ("bienban field --dir x state a somewhere", "in_field (", "in_field (in the field)"),
            ("bienban field --dir x list --commune", "cần một giá trị", "needs a value"),
            ("bienban field --dir x sync --watch --watch", "hai lần", "twice"),
            (&role, "inspector, leader", "inspector, leader"),
        ] {
            let [in_vi, in_en] = [Lang::Vi, Lang::En].map(|lang| said(lang, words));
            assert!(in_vi.contains(vi), "{in_vi}");
            assert!(in_en.contains(en), "{in_en}");
            assert!(!in_vi.contains("Usage:") && !in_vi.contains("error:"), "{in_vi}");
        }
    }
}
