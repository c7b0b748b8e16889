//! The name that was most likely meant where one was typed that nothing has.

use bienban_core::checklist::{AnswerError, Resolved};
use bienban_core::client::{Client, ClientError};
use bienban_core::model::{EditError, Kind};
use bienban_core::replica::{ReplicaError, units};
use unicode_normalization::UnicodeNormalization as _;

use super::error::CliError;
use super::template;

/// Slips of the finger between what was typed and a name for which it is still taken.
const SLIPS_MAX: usize = 2;

/// Letters from which on what was typed may be a part of a name.
const PART_MIN: usize = 4;

/// Marks that stand above or below letters, once they are taken apart.
const MARKS: std::ops::RangeInclusive<char> = '\u{300}'..='\u{36f}';

/// Returns the name that was most likely meant: the fewest slips away, and not all of it; else the only
/// one that holds what was typed. Accents and case count for nothing. A name that differs in its digits
/// alone is another one, not a slip.
pub(super) fn closest<'k>(
    typed: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let given = typed.trim();
    let plain_given = plain(given);
    let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let mut near: Option<(usize, &str)> = None;
    let mut holding: Vec<&str> = Vec::new();
    for name in known {
        let plain_name = plain(name);
        let slips = strsim::levenshtein(&plain_given, &plain_name);
        let numbered = plain_name != plain_given && letters(&plain_name) == letters(&plain_given);
        let fits = slips <= SLIPS_MAX && slips < plain_name.chars().count() && !numbered;
        if fits && near.is_none_or(|(least, _)| slips < least) {
            near = Some((slips, name));
        }
        let part = plain_given.chars().count() >= PART_MIN && plain_name.contains(&plain_given);
        if part && !holding.contains(&name) {
            holding.push(name);
        }
    }
    match (near, &holding[..]) {
        (Some((_, name)), _) => Some(name),
        (None, [name]) => Some(name),
        _ => None,
    }
}

/// Returns a text in small letters without their marks.
fn plain(text: &str) -> String {
    let apart = text.nfd().filter(|mark| !MARKS.contains(mark));
    apart.collect::<String>().to_lowercase().replace('đ', "d")
}

/// Returns the unit that a code or name most likely means, as people read it.
pub(super) fn unit(typed: &str) -> Option<String> {
    let (Resolved::Now(unit) | Resolved::Became { unit, .. }) = units().resolve(typed) else {
        return None;
    };
    Some(format!("{} {}", unit.code, units().full_title(&unit)))
}

/// Adds to an error about a name that nothing has the one that was most likely meant.
pub(super) fn with_meant(error: CliError, client: &Client) -> CliError {
    // That nothing can be suggested is no error to tell beside the one that there is.
    match meant(&error, client).ok().flatten() {
        Some(name) => CliError::Meant { source: Box::new(error), name },
        None => error,
    }
}

fn meant(error: &CliError, client: &Client) -> Result<Option<String>, ClientError> {
    let (typed, known) = match error {
        CliError::NoSuchDevice { given } => (given, holders(client)?),
        CliError::Client(ClientError::NotFound { what, name }) => (name, named(client, what)?),
        CliError::Client(ClientError::Answer(AnswerError::UnknownItem { item })) => {
            (item, items(client)?)
        }
        CliError::Client(ClientError::Replica(ReplicaError::Edit(edit))) => match &**edit {
            EditError::UnknownItem { item } => (item, items(client)?),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    // What was typed itself: there is a facility of this name, and no inspection of it.
    let near =
        closest(typed, known.iter().map(String::as_str)).filter(|near| *near != typed.trim());
    Ok(near.map(str::to_owned))
}

/// Returns what things of a kind may be called.
fn named(client: &Client, what: &str) -> Result<Vec<String>, ClientError> {
    match what {
        "device" => holders(client),
        // An inspection is named by its facility.
        "facility" | "inspection" => {
            let rows = client.all(Kind::Facility)?.into_iter();
            Ok(rows.flat_map(|row| row.codes.into_iter().chain([row.title])).collect())
        }
        "plan" => Ok(client.all(Kind::Plan)?.into_iter().map(|row| row.title).collect()),
        "checklist" => {
            let mut names = template::names();
            let replica = client.phone().replica();
            for id in replica.templates()? {
                names.push(replica.template(id)?.code().to_owned());
            }
            Ok(names)
        }
        _ => Ok(Vec::new()),
    }
}

fn holders(client: &Client) -> Result<Vec<String>, ClientError> {
    let known = client.phone().replica().devices()?;
    Ok(known.into_iter().map(|entry| entry.name).collect())
}

/// Returns the keys of the items of all checklists here.
fn items(client: &Client) -> Result<Vec<String>, ClientError> {
    let replica = client.phone().replica();
    let mut keys = Vec::new();
    for id in replica.templates()? {
        let template = replica.template(id)?;
        keys.extend(template.each().map(|(_, item)| item.key.clone()));
    }
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_suggested_for_a_slip_for_missing_accents_and_for_its_part() {
        let people = ["Nông Thị An", "Hoàng Văn Bình", "Đàm Thu Đào"];
        assert_eq!(closest("Nong Thi An", people), Some("Nông Thị An"));
        assert_eq!(closest("Hoàng Văn Bính", people), Some("Hoàng Văn Bình"));
        assert_eq!(closest("dam thu dao", people), Some("Đàm Thu Đào"));
        assert_eq!(closest("Văn Bình", people), Some("Hoàng Văn Bình"));
        assert_eq!(closest("Trần Quốc Toản", people), None);
        let shops = ["HTX Chè Bắc Sơn", "HTX Chè Tân Tri"];
        assert_eq!(closest("HTX Chè", shops), None, "it may be either");
        assert_eq!(closest("BS-002", ["BS-001"]), None, "another number is another facility");
        assert_eq!(closest("BS001", ["BS-001"]), Some("BS-001"));
        assert_eq!(closest("1,1", ["1.1", "1.2"]), Some("1.1"));
    }

    #[test]
    fn a_unit_is_suggested_by_its_name_and_by_what_it_was_before() {
        assert!(unit("Tân Tri, Lạng Sơn").unwrap().starts_with("06337 "));
        assert_eq!(unit("99999"), None);
    }
}
