//! `bienban units`: looking up administrative units, of today and of before July 2025. Needs no
//! device and no folder, and chooses nothing: where several fit, it shows them.

use bienban_core::checklist::{FormerUnit, Found, FoundUnit, Level, Unit};
use bienban_core::model::Scope;
use bienban_core::replica::units;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::{CliError, Failed};
use super::output::{Answer, Output, Page};
use crate::messages::Messages;

/// Candidates when nobody says how many: a terminal shows them with their origins at once.
const LIMIT: usize = 20;

/// Digits of the longest codes, those of communes.
const CODE_DIGITS: usize = 5;

/// Fewer digits than this begin the codes of a good part of the country.
const PREFIX_DIGITS_MIN: usize = 2;

#[derive(Debug, Args)]
pub(super) struct UnitsArgs {
    #[command(subcommand)]
    command: UnitsCommand,
}

#[derive(Debug, Subcommand)]
enum UnitsCommand {
    /// Find units by name, with or without accents, or by code.
    Find {
        /// A name; the unit above may follow behind a comma: bac son, lang son.
        #[arg(required = true)]
        text: Vec<String>,
        /// At most this many.
        #[arg(long, default_value_t = LIMIT, value_name = "COUNT")]
        limit: usize,
    },
    /// Show what has a code, now or before July 2025, with what it came from or became.
    Show {
        /// Two digits a province, five a commune, three a district of before July 2025. Of part of a code
        /// all that begin so are shown.
        code: String,
    },
}

/// One unit, of today or of before.
#[derive(Debug, Serialize)]
struct UnitRow {
    code: String,
    title: String,
    name: String,
    kind: serde_json::Value,
    level: serde_json::Value,
    in_force: bool,
    /// The units above it, the nearest first.
    within: Vec<String>,
    /// Of a unit in force: what it was formed from.
    formed_from: Vec<Named>,
    /// Of a former unit: all that hold its land. Several mean that it was divided.
    successors: Vec<Named>,
    /// Public sources name different successors.
    disputed: bool,
}

#[derive(Debug, Serialize)]
struct Named {
    code: String,
    title: String,
    /// Only a part of it.
    part: bool,
}

#[derive(Debug, Serialize)]
struct FindData {
    total: usize,
    units: Vec<UnitRow>,
}

#[derive(Debug, Serialize)]
struct ShowData {
    now: Option<UnitRow>,
    former: Option<UnitRow>,
    /// Of a province: its communes.
    communes: Vec<Named>,
    effective_from: String,
    official: bool,
    source: String,
    data: String,
    /// Where the code is none: what may be meant, those in force first.
    candidates: Vec<UnitRow>,
}

/// Looks units up.
pub(super) fn run(arguments: &UnitsArgs, output: &Output) -> Result<Answer, CliError> {
    match &arguments.command {
        UnitsCommand::Find { text, limit } => find(&text.join(" "), *limit, output.messages()),
        UnitsCommand::Show { code } => show(code, output.messages()),
    }
}

fn find(text: &str, limit: usize, m: &Messages) -> Result<Answer, CliError> {
    let findings = units().find(text, limit);
    let row = |found: &Found| match &found.unit {
        FoundUnit::Now(unit) => now(unit),
        FoundUnit::Former(unit) => former(unit),
    };
    let data = FindData { total: findings.total, units: findings.found.iter().map(row).collect() };
    let mut page = Page::new();
    for row in &data.units {
        lines(&mut page, row, m);
    }
    if data.units.is_empty() {
        page.line(m.text("units.none", &[]));
    } else if data.units.len() < data.total {
        let [shown, total] = [data.units.len(), data.total].map(|count| count.to_string());
        page.line(m.text("units.more", &[("shown", &shown), ("total", &total)]));
    }
    answer(&data, data.total > 0, page)
}

/// Returns the digits of what was typed as a code, with the zeros in front that spreadsheets take away
/// where only so it is a code. Nothing where there are none, or in two places.
fn digits_of(typed: &str) -> Option<String> {
    let mut runs = typed.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    let digits = runs.next()?;
    if runs.next().is_some() || digits.len() > CODE_DIGITS {
        return None;
    }
    let padded = [2, 3, CODE_DIGITS].map(|width| format!("{digits:0>width$}"));
    let exact = padded.into_iter().find(|code| code.len() >= digits.len() && is_code(code));
    Some(if is_code(digits) {
        digits.to_owned()
    } else {
        exact.unwrap_or_else(|| digits.to_owned())
    })
}

fn is_code(code: &str) -> bool {
    let scope: Option<Scope> = code.parse().ok();
    scope.is_some_and(|scope| units().unit(&scope).is_some()) || units().former(code).is_some()
}

/// Returns what has a code that begins so, those in force first.
fn beginning(digits: &str) -> Vec<UnitRow> {
    let (mut in_force, mut before) = (Vec::new(), Vec::new());
    for width in digits.len()..=CODE_DIGITS {
        let rest = u32::try_from(width - digits.len()).unwrap_or(0);
        for tail in 0..10_u32.pow(rest) {
            let code = match rest {
                0 => digits.to_owned(),
                _ => format!("{digits}{tail:0>width$}", width = width - digits.len()),
            };
            let scope: Option<Scope> = code.parse().ok();
            in_force.extend(scope.and_then(|scope| units().unit(&scope)).as_ref().map(now));
            before.extend(units().former(&code).as_ref().map(former));
        }
    }
    in_force.append(&mut before);
    in_force
}

/// Returns what may be meant by what is no code.
fn candidates(typed: &str) -> Vec<UnitRow> {
    match digits_of(typed) {
        // Of fewer digits too many begin so, a code of them would have been found.
        Some(digits) if digits.len() >= PREFIX_DIGITS_MIN => beginning(&digits),
        Some(_) => Vec::new(),
        None => {
            let found = units().find(typed, LIMIT).found.into_iter();
            found
                .map(|found| match &found.unit {
                    FoundUnit::Now(unit) => now(unit),
                    FoundUnit::Former(unit) => former(unit),
                })
                .collect()
        }
    }
}

fn show(typed: &str, m: &Messages) -> Result<Answer, CliError> {
    let code = digits_of(typed).filter(|code| is_code(code));
    let code = code.as_deref().unwrap_or(typed);
    let scope: Option<Scope> = code.parse().ok();
    let unit = scope.and_then(|scope| units().unit(&scope));
    let communes = match &unit {
        Some(unit) if unit.level == Level::Province => {
            let within = units().within(&unit.code).into_iter();
            within.filter(|code| *code != unit.code).map(|code| named(&code)).collect()
        }
        _ => Vec::new(),
    };
    let data = ShowData {
        now: unit.as_ref().map(now),
        former: units().former(code).as_ref().map(former),
        communes,
        effective_from: units().effective_from().to_owned(),
        official: units().is_official(),
        source: units().source().to_owned(),
        data: units().built_from(),
        candidates: if is_code(code) { Vec::new() } else { candidates(typed) },
    };
    let mut page = Page::new();
    if code != typed && is_code(code) {
        page.line(m.text("units.taken_as", &[("typed", typed), ("code", code)]));
    }
    for row in data.now.iter().chain(&data.former) {
        lines(&mut page, row, m);
    }
    if !data.communes.is_empty() {
        let count = data.communes.len().to_string();
        page.line(m.text("units.communes", &[("count", &count)]));
        for commune in &data.communes {
            page.line(format!("  {}  {}", commune.code, commune.title));
        }
    }
    let found = data.now.is_some() || data.former.is_some();
    if found {
        let values = [("day", data.effective_from.as_str()), ("source", &data.source)];
        page.line(m.text("units.source", &values));
        page.line(m.text("units.data", &[("data", &data.data)]));
        if !data.official {
            page.line(m.text("units.unofficial", &[]));
        }
    } else if data.candidates.is_empty() {
        page.line(m.text("units.none", &[]));
        page.line(m.text("units.codes", &[]));
    } else {
        page.line(m.text("units.no_code", &[("typed", typed)]));
        for row in data.candidates.iter().take(LIMIT) {
            lines(&mut page, row, m);
        }
        if let Some(more) = data.candidates.len().checked_sub(LIMIT).filter(|more| *more > 0) {
            let [shown, total] = [LIMIT, LIMIT + more].map(|count| count.to_string());
            page.line(m.text("units.more", &[("shown", &shown), ("total", &total)]));
        }
    }
    answer(&data, found, page)
}

/// Nothing found is the same failure everywhere, though there is nothing to fetch or to narrow.
fn answer<T: Serialize>(data: &T, found: bool, page: Page) -> Result<Answer, CliError> {
    let answer = Answer::new(data, page)?;
    Ok(if found { answer } else { answer.with_code(Failed::NotFound.code()) })
}

fn now(unit: &Unit) -> UnitRow {
    let from = units().formed_from(&unit.code);
    UnitRow {
        code: unit.code.to_string(),
        title: unit.title(),
        name: unit.name.clone(),
        kind: serde_json::json!(unit.kind),
        level: serde_json::json!(unit.level),
        in_force: true,
        within: (unit.level == Level::Commune)
            .then(|| unit.parent.as_ref().map(|code| named(code).title))
            .flatten()
            .into_iter()
            .collect(),
        formed_from: from
            .into_iter()
            .map(|former| Named {
                title: former.title(),
                part: former.successors.len() > 1,
                code: former.code,
            })
            .collect(),
        successors: Vec::new(),
        disputed: false,
    }
}

fn former(unit: &FormerUnit) -> UnitRow {
    UnitRow {
        code: unit.code.clone(),
        title: unit.title(),
        name: unit.name.clone(),
        kind: serde_json::json!(unit.kind),
        level: serde_json::json!(unit.level),
        in_force: false,
        within: unit.within.clone(),
        formed_from: Vec::new(),
        successors: unit.successors.iter().map(named).collect(),
        disputed: unit.disputed,
    }
}

fn named(code: &Scope) -> Named {
    let title = units().unit(code).map(|unit| unit.title()).unwrap_or_default();
    Named { code: code.to_string(), title, part: false }
}

/// Writes a unit and, below it, what it came from or became.
fn lines(page: &mut Page, row: &UnitRow, m: &Messages) {
    let above = row.within.iter().map(|title| format!(", {title}")).collect::<String>();
    let mut title = format!("{}{above}", row.title);
    if !row.in_force {
        title = m.text("units.former", &[("unit", &title), ("day", units().effective_from())]);
    }
    page.line(format!("{}  {title}", row.code));
    let list = |units: &[Named]| {
        let name = |unit: &Named| {
            let text = format!("{} {}", unit.code, unit.title);
            if unit.part { m.text("units.part", &[("unit", &text)]) } else { text }
        };
        units.iter().map(name).collect::<Vec<_>>().join("; ")
    };
    if !row.formed_from.is_empty() {
        page.block(7, &m.text("units.formed_from", &[("units", &list(&row.formed_from))]));
    }
    if !row.successors.is_empty() {
        page.block(7, &m.text("units.now", &[("units", &list(&row.successors))]));
    }
    if row.disputed {
        page.block(7, &m.text("units.disputed", &[]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Lang;

    #[test]
    fn a_code_of_two_times_shows_what_it_is_and_what_it_was() {
        assert_eq!(show("06337", &Messages::new(Lang::En)).unwrap().code(), 0);
        let today = now(&units().unit(&"06337".parse().unwrap()).unwrap());
        assert_eq!(
            (today.title.as_str(), &today.within),
            ("Xã Tân Tri", &vec!["Tỉnh Lạng Sơn".to_owned()])
        );
        let codes: Vec<&str> = today.formed_from.iter().map(|unit| unit.code.as_str()).collect();
        assert_eq!(codes, ["06331", "06337", "06340"]);
        let then = former(&units().former("06337").unwrap());
        assert_eq!((then.title.as_str(), then.in_force), ("Xã Đồng Ý", false));
        assert_eq!(then.successors[0].title, "Xã Tân Tri");
    }

    #[test]
    fn part_of_a_code_shows_what_it_may_mean() {
        let m = Messages::new(Lang::En);
        for typed in ["6325", "06325", "xã 06325", " 6325 "] {
            let shown = show(typed, &m).unwrap();
            assert_eq!(shown.code(), 0, "{typed}");
            assert!(shown.text().contains("06325  Xã Bắc Sơn"), "{typed}: {}", shown.text());
        }
        assert!(show("6325", &m).unwrap().text().contains("6325 is taken as 06325"));
        // 0633 begins several codes and is none.
        let several = show("0633", &m).unwrap();
        assert_eq!(several.code(), 3);
        for code in ["06331", "06337"] {
            assert!(several.text().contains(code), "{}", several.text());
        }
        assert!(show("Tân Tri", &m).unwrap().text().contains("06337  Xã Tân Tri"));
        let nothing = show("123456", &m).unwrap();
        assert_eq!(nothing.code(), 3);
        assert!(nothing.text().contains("units find"), "{}", nothing.text());
    }

    #[test]
    fn what_is_nowhere_ends_with_the_code_of_not_found() {
        let m = Messages::new(Lang::Vi);
        assert_eq!(show("99999", &m).unwrap().code(), 3);
        assert_eq!(find("Không có xã này", 5, &m).unwrap().code(), 3);
        assert_eq!(find("185", 5, &m).unwrap().code(), 0);
    }
}
