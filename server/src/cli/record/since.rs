//! What was written since a verdict or since the minutes were signed: as data, and as text.

use std::collections::BTreeSet;

use bienban_core::client::{Authors, Shown, Since, place_name};
use bienban_core::model::Touched;
use serde::Serialize;

use super::{AuthorData, author, conflicts};
use crate::cli::output::Page;
use crate::cli::{page, time};
use crate::messages::Messages;

/// What was written since.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct SinceData {
    /// Whether anything was; none when nobody can tell.
    pub(in crate::cli) changed: Option<bool>,
    /// Why nobody can tell: `not_recorded` or `not_here`.
    pub(in crate::cli) unknown: Option<&'static str>,
    /// How many items, fields and texts.
    pub(in crate::cli) count: usize,
    pub(in crate::cli) places: Vec<TouchedData>,
}

/// An item, field or text that was written to.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct TouchedData {
    /// As `resolve` names it.
    name: String,
    /// What people call it; may be empty.
    label: String,
    container: String,
    key: String,
    field: Option<String>,
    by: Vec<ByData>,
}

#[derive(Debug, Serialize)]
struct ByData {
    at: String,
    author: AuthorData,
    change: String,
}

/// Turns what was written since into data.
pub(super) fn since(since: &Since, shown: &Shown, m: &Messages) -> SinceData {
    let unknown = match since {
        Since::Written(_) => None,
        Since::NotRecorded => Some("not_recorded"),
        Since::NotHere => Some("not_here"),
    };
    let touched = match since {
        Since::Written(touched) => touched.as_slice(),
        _ => &[],
    };
    let authors = &shown.authors;
    SinceData {
        changed: unknown.is_none().then_some(!touched.is_empty()),
        unknown,
        count: touched.len(),
        places: touched.iter().map(|one| place(one, shown, authors, m)).collect(),
    }
}

fn place(one: &Touched, shown: &Shown, authors: &Authors, m: &Messages) -> TouchedData {
    TouchedData {
        name: place_name(&one.place),
        label: conflicts::label(&one.place, &shown.template, m),
        container: one.place.container.clone(),
        key: one.place.key.clone(),
        field: one.place.field.clone(),
        by: one
            .by
            .iter()
            .map(|said| ByData {
                at: time::rfc3339(said.at),
                author: author(&said.actor, authors),
                change: said.change.to_string(),
            })
            .collect(),
    }
}

/// Writes what was written since; `decided` is what was decided then.
pub(in crate::cli) fn text(page: &mut Page, data: &SinceData, decided: &str, m: &Messages) {
    match (data.unknown, data.count) {
        (Some("not_recorded"), _) => {
            page.line(format!("  {}", m.text("since.not_recorded", &[("decided", decided)])));
        }
        (Some(_), _) => {
            page.line(format!("  {}", m.text("since.not_here", &[("decided", decided)])));
        }
        (None, 0) => {
            page.line(format!("  {}", m.text("since.nothing", &[("decided", decided)])));
        }
        (None, count) => {
            let values = [("decided", decided), ("count", &count.to_string())];
            page.line(format!("  {}", m.text("since.changed", &values)));
        }
    }
    for place in &data.places {
        let mut authors = BTreeSet::new();
        // Everybody once, with the last time.
        let by: Vec<String> = place
            .by
            .iter()
            .rev()
            .filter(|by| authors.insert((by.author.device.clone(), by.author.name.clone())))
            .map(|by| page::by(&by.author, &by.at, m))
            .collect();
        let label =
            if place.label.is_empty() { String::new() } else { format!(" ({})", place.label) };
        page.line(format!("    {}{label}  {}", place.name, by.join(" ")));
    }
}
