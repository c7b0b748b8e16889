//! From what is typed as an answer to what the checklist takes.

use bienban_core::checklist::{AnswerError, AnswerType, Template, Wanted};
use bienban_core::client::{Client, ClientError, Draft};
use bienban_core::model::{Genesis, Grade};

use crate::cli::error::CliError;
use crate::cli::time;
use crate::cli::words::TypedGrade;

/// An answer as it was typed.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// The grade or the value; none where photos are the answer.
    pub(super) answer: Option<String>,
    /// A measured or written value beside a grade.
    pub(super) value: Option<String>,
    /// Hashes of photos.
    pub(super) photos: Vec<String>,
    /// A line for the note.
    pub(super) note: Option<String>,
}

/// Returns the row and the item that were named: `ROW/ITEM`, as conflicts are listed, or the item
/// with the row beside it. An item whose own key has a slash is that item.
pub(super) fn place(
    client: &Client,
    inspection: &Genesis,
    item: &str,
    row: Option<&str>,
) -> Result<(Option<String>, String), ClientError> {
    let parts = match (row, item.split_once('/')) {
        (Some(row), _) => return Ok((Some(row.to_owned()), item.to_owned())),
        (None, None) => return Ok((None, item.to_owned())),
        (None, Some(parts)) => parts,
    };
    let (_, template) = client.template_of(inspection)?;
    if template.item(item).is_some() {
        return Ok((None, item.to_owned()));
    }
    Ok((Some(parts.0.to_owned()), parts.1.to_owned()))
}

/// Reads an answer by what its item takes; a day that there is not is told as such.
pub(super) fn read_answer(
    template: &Template,
    item: &str,
    typed: Typed,
) -> Result<Draft, CliError> {
    let answer = typed.answer.clone();
    read(template, item, typed).map_err(|error| {
        let day = matches!(&error, AnswerError::Value { wanted, .. } if **wanted == Wanted::Day);
        let error = ClientError::from(error).into();
        match answer.filter(|_| day) {
            Some(answer) => time::not_a_day(item, &answer, error),
            None => error,
        }
    })
}

/// Reads an answer by what its item takes.
fn read(template: &Template, item: &str, typed: Typed) -> Result<Draft, AnswerError> {
    let wrong = || match template.wanted(item) {
        Ok(wanted) => AnswerError::Value { item: item.to_owned(), wanted: Box::new(wanted) },
        Err(unknown) => unknown,
    };
    let Typed { answer, value, photos: evidence, note } = typed;
    let Some((_, entry)) = template.item(item) else { return Err(wrong()) };
    let graded = matches!(entry.answer, AnswerType::Grade { .. });
    let (grade, value) = match answer.as_deref() {
        None if evidence.is_empty() => return Err(wrong()),
        None => (Grade::Given, value),
        Some(typed) if graded => {
            let TypedGrade(grade) = typed.parse().map_err(|_| wrong())?;
            (grade, value)
        }
        // A key of the checklist goes before the words that fit every item.
        Some(typed) => match typed.parse() {
            Ok(TypedGrade(grade @ (Grade::NotApplicable | Grade::Unanswered)))
                if entry.option(typed).is_none() =>
            {
                (grade, None)
            }
            _ if value.is_some() => return Err(wrong()),
            _ => (Grade::Given, Some(template.read_value(item, typed)?)),
        },
    };
    Ok(Draft { grade, value, evidence, note })
}

#[cfg(test)]
mod tests {
    use bienban_core::checklist::TEA_1;

    use super::*;

    fn read_one(item: &str, answer: &str) -> Result<(Grade, Option<String>), AnswerError> {
        let template = Template::parse(TEA_1).unwrap();
        let typed = Typed { answer: Some(answer.to_owned()), ..Typed::default() };
        read(&template, item, typed).map(|draft| (draft.grade, draft.value))
    }

    #[test]
    fn words_for_every_item_and_values_are_told_apart() {
        for (item, typed, grade, value) in [
            ("1.1", "ma", Grade::Major, None),
            ("g.1", "yes", Grade::Given, Some("yes")),
            ("g.1", "KAD", Grade::NotApplicable, None),
            ("g.1", "none", Grade::Unanswered, None),
            ("lot-kg", "12,5", Grade::Given, Some("12.5")),
            ("lot-kg", "na", Grade::NotApplicable, None),
            ("lot-code", "Lô 7", Grade::Given, Some("Lô 7")),
            ("lot-code", "mi", Grade::Given, Some("mi")),
        ] {
            assert_eq!(read_one(item, typed), Ok((grade, value.map(str::to_owned))), "{item}");
        }
    }

    #[test]
    fn a_wrong_answer_names_what_the_item_takes() {
        for (item, typed, said) in [
            ("1.1", "good", "item 1.1 takes a grade: pass, major, na"),
            ("g.1", "dat", "item g.1 takes one of no, yes"),
            ("zz", "1", "the checklist has no item zz; choose one of its items"),
        ] {
            assert_eq!(read_one(item, typed).unwrap_err().to_string(), said);
        }
        let template = Template::parse(TEA_1).unwrap();
        assert!(read(&template, "g.1", Typed::default()).is_err(), "nothing is no answer");
    }
}
