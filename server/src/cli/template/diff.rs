//! `template diff`: what changed from one checklist to another.

use bienban_core::checklist::{Changed, Difference, Template, differences};
use serde::Serialize;
use serde_json::Value;

use crate::cli::error::CliError;
use crate::cli::output::{Answer, Page};
use crate::cli::readable;
use crate::messages::Messages;

#[derive(Debug, Serialize)]
struct DiffData {
    before: String,
    after: String,
    rows: Vec<Difference>,
}

/// Compares two checklists.
pub(super) fn diff(before: &Template, after: &Template, m: &Messages) -> Result<Answer, CliError> {
    let data = DiffData {
        before: before.id().to_string(),
        after: after.id().to_string(),
        rows: differences(before, after),
    };
    let mut page = Page::new();
    let name = |template: &Template| format!("{} {}", template.code(), template.edition());
    page.line(m.text("template.diff", &[("before", &name(before)), ("after", &name(after))]));
    for row in &data.rows {
        let mut place = row.place.clone().unwrap_or_default();
        if let Some(option) = &row.option {
            place = m.text("template.diff_option", &[("item", &place), ("option", option)]);
        }
        let what = m.text(key(row.what), &[]);
        page.line(if place.is_empty() { what } else { format!("{place}: {what}") });
        for (sign, value) in [("-", &row.before), ("+", &row.after)] {
            for line in value.iter().flat_map(|value| lines(value, m)) {
                page.block(2, &format!("{sign} {line}"));
            }
        }
    }
    if data.rows.is_empty() {
        page.line(m.text("template.diff_none", &[]));
    }
    Answer::new(&data, page)
}

/// Returns a value as people read it: structures and truths are JSON in the data.
fn lines(value: &str, m: &Messages) -> Vec<String> {
    match serde_json::from_str::<Value>(value) {
        Ok(value @ (Value::Object(_) | Value::Array(_) | Value::Bool(_))) => {
            readable::lines(m, &value)
        }
        _ => value.lines().map(str::to_owned).collect(),
    }
}

fn key(what: Changed) -> &'static str {
    match what {
        Changed::Name => "template.changed_name",
        Changed::Standing => "template.changed_standing",
        Changed::Period => "template.changed_period",
        Changed::Source => "template.changed_source",
        Changed::Agencies => "template.changed_agencies",
        Changed::Orders => "template.changed_orders",
        Changed::Grading => "template.changed_grading",
        Changed::Anomalies => "template.changed_anomalies",
        Changed::SectionAdded => "template.section_added",
        Changed::SectionRemoved => "template.section_removed",
        Changed::Section => "template.changed_section",
        Changed::ItemAdded => "template.item_added",
        Changed::ItemRemoved => "template.item_removed",
        Changed::ItemMoved => "template.item_moved",
        Changed::Text => "template.changed_text",
        Changed::Guidance => "template.changed_guidance",
        Changed::Answer => "template.changed_answer",
        Changed::Severities => "template.changed_severities",
        Changed::OptionAdded => "template.option_added",
        Changed::OptionRemoved => "template.option_removed",
        Changed::OptionText => "template.option_text",
        Changed::Points => "template.changed_points",
        Changed::Gate => "template.changed_gate",
        Changed::Expression => "template.changed_expression",
        _ => "template.changed_details",
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;
    use crate::messages::Lang;

    fn compared(before: &str, after: &str) -> String {
        let m = Messages::new(Lang::En);
        diff(&load(before).unwrap(), &load(after).unwrap(), &m).unwrap().text().to_owned()
    }

    #[test]
    fn two_sets_differ_in_points_and_gates_by_item() {
        let text = compared("OCOP-11", "OCOP-12");
        assert!(text.starts_with("From OCOP-11 2026-2 to OCOP-12 2026-2"), "{text}");
        assert!(text.contains("the item is new"), "{text}");
        assert!(text.contains("the item is gone"), "{text}");
    }

    #[test]
    fn the_second_edition_of_the_tea_checklist_drops_no_item() {
        let text = compared("tea", "tea-1");
        assert!(!text.contains("the item is gone") && !text.contains("severities"), "{text}");
        assert!(text.contains("lots: the section is new"), "{text}");
        assert!(text.contains("8.4: an expression differs"), "{text}");
    }

    #[test]
    fn values_are_told_in_words_of_the_reader_and_stay_structures_in_data() {
        let told = |lang| {
            let (before, after) = (load("tea").unwrap(), load("tea-1").unwrap());
            diff(&before, &after, &Messages::new(lang)).unwrap()
        };
        let (vi, en) = (told(Lang::Vi), told(Lang::En));
        for text in [vi.text(), en.text()] {
            assert!(!text.contains("{\"") && !text.contains("[{"), "{text}");
        }
        assert!(vi.text().contains("Ảnh phiếu kiểm nghiệm") && !vi.text().contains("Photo of"));
        assert!(en.text().contains("Photo of the test report") && !en.text().contains("Ảnh"));
        let rows = vi.data()["rows"].as_array().unwrap();
        let is_json = |row: &Value| row["after"].as_str().is_some_and(|text| text.starts_with('{'));
        assert!(rows.iter().any(is_json), "programs still get what they parsed");
    }

    #[test]
    fn one_checklist_shows_no_difference() {
        assert!(compared("tea", "TEA").contains("No difference"));
    }
}
