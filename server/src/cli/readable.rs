//! Values that records and checklists hold as data, as people read them.
//!
//! What has words of its own (an answer, a grade) is shown by `page` and `words`; here is the rest: what
//! a program would show as JSON.

use bienban_core::checklist::Words;
use bienban_core::model::RecheckResult;
use serde_json::{Map, Value};

use super::{page, time, words};
use crate::messages::{Lang, Messages};

/// Fields that say nothing to people: the changes that other changes are about.
const UNSAID: [&str; 2] = ["taken_by", "written"];
/// Fields that hold the name of another thing, of which the first digits are enough.
const NAMES: [&str; 2] = ["finding", "visit"];

/// Returns a value as people read it, from the name of the field that holds it; empty for none.
pub(crate) fn value(m: &Messages, name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => m.text("value.yes", &[]),
        Value::Bool(false) => m.text("value.no", &[]),
        Value::Number(number) => words::number(m, &number.to_string()),
        Value::String(said) => text(m, name, said),
        Value::Array(each) => {
            let each = each.iter().map(|one| match one {
                Value::Object(_) => format!("({})", self::value(m, name, one)),
                _ => self::value(m, name, one),
            });
            each.collect::<Vec<_>>().join(", ")
        }
        Value::Object(fields) => object(m, fields),
    }
}

/// Returns the lines of a list, one for each of its values; one line of anything else.
pub(crate) fn lines(m: &Messages, value: &Value) -> Vec<String> {
    match value {
        Value::Array(each) => each.iter().map(|one| self::value(m, "", one)).collect(),
        _ => vec![self::value(m, "", value)],
    }
}

fn object(m: &Messages, fields: &Map<String, Value>) -> String {
    let is_words = fields.contains_key("vi") && fields.keys().all(|key| key == "vi" || key == "en");
    let said = fields.clone();
    if is_words && let Ok(said) = serde_json::from_value::<Words>(Value::Object(said)) {
        return words::local(m, &said).to_owned();
    }
    // Of a text in two languages beside other fields only the reader's own is told.
    let other = match m.lang() {
        Lang::Vi => "en",
        Lang::En => "vi",
    };
    let translated = fields.contains_key("vi") && fields.contains_key("en");
    let told = fields.iter().filter(|(name, _)| {
        let unsaid = UNSAID.contains(&name.as_str());
        !(unsaid || translated && name.as_str() == other)
    });
    let told = told.filter_map(|(name, value)| {
        let said = self::value(m, name, value);
        match name.as_str() {
            _ if said.is_empty() || *value == Value::Bool(false) => None,
            "vi" | "en" => Some(said),
            _ if is_nested(value) => Some(format!("{}: ({said})", field(m, name))),
            _ => Some(format!("{}: {said}", field(m, name))),
        }
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Whether a value is an object of several fields, which would run into those beside it.
fn is_nested(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| fields.keys().any(|key| key != "vi" && key != "en"))
}

fn text(m: &Messages, name: &str, said: &str) -> String {
    match name {
        "severity" | "grade" => words::grade_named(m, said),
        "state" => words::state(m, said),
        "result" => {
            let known = RecheckResult::ALL.into_iter().find(|result| result.name() == said);
            known.map_or_else(|| said.to_owned(), |_| recheck_result(m, said))
        }
        "deadline" => time::day_of(said),
        name if name.ends_with("_at") => time::minute(said),
        name if NAMES.contains(&name) => said.chars().take(page::SHORT).collect(),
        _ => said.to_owned(),
    }
}

fn recheck_result(m: &Messages, name: &str) -> String {
    match name {
        "corrected" => m.text("recheck.corrected", &[]),
        "partly" => m.text("recheck.partly", &[]),
        _ => m.text("recheck.not_corrected", &[]),
    }
}

fn field(m: &Messages, name: &str) -> String {
    match name {
        "result" => m.text("value.result", &[]),
        "rows" => m.text("value.rows", &[]),
        "from" => m.text("value.from", &[]),
        "until" => m.text("value.until", &[]),
        "with" => m.text("value.with", &[]),
        "photos" => m.text("value.photos", &[]),
        _ => words::field(m, name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(lang: Lang, name: &str, value: &Value) -> String {
        super::value(&Messages::new(lang), name, value)
    }

    #[test]
    fn data_reads_as_words_and_not_as_json() {
        let recheck = json!({
            "day": "2026-11-29",
            "rows": [{"finding": "8c7f462eec4347c888b9ef70c950a81d", "result": "partly", "remark": "Còn ẩm"}],
            "removed": false,
            "taken_by": "ab",
        });
        let told = said(Lang::Vi, "", &recheck);
        assert_eq!(
            told,
            "ngày: 2026-11-29; từng điểm: (điểm không phù hợp: 8c7f462e; nhận xét: Còn ẩm; kết quả: khắc phục một phần)"
        );
        assert_eq!(said(Lang::Vi, "severity", &json!("minor")), "Mi (lỗi nhẹ)");
        assert_eq!(said(Lang::Vi, "deadline", &json!("2026-12-19T16:59:59.000Z")), "2026-12-19");
        assert_eq!(said(Lang::Vi, "unfixable", &json!(true)), "có");
        assert_eq!(said(Lang::En, "", &json!({"vi": "Lô", "en": "Lot"})), "Lot");
        let photo = json!({"en": "Photo of the lot", "photos_min": 1, "vi": "Ảnh lô"});
        assert_eq!(said(Lang::Vi, "", &photo), "photos_min: 1; Ảnh lô");
    }
}
