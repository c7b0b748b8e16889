//! Which agencies fill a section, and answers in it by people of others. Shown and flagged, never enforced.

use std::collections::BTreeSet;

use bienban_core::client::Shown;

use super::{ItemData, SectionData};
use crate::cli::record::ByOtherData;

/// Returns the agencies of the members of the team whom the plan gives a section; empty where it gives it
/// to nobody.
fn owners(shown: &Shown, section: &str) -> Vec<String> {
    let team = shown.life.as_ref().map(|life| life.team.as_slice()).unwrap_or_default();
    let fills = team.iter().filter(|one| one.sections.iter().any(|named| named == section));
    let agencies: BTreeSet<&String> = fills.map(|member| &member.agency).collect();
    agencies.into_iter().cloned().collect()
}

/// Notes of a section whose it is, and what others answered in it.
pub(super) fn note(shown: &Shown, section: &mut SectionData) {
    section.owners = owners(shown, &section.code);
    if section.owners.is_empty() {
        return;
    }
    let in_rows = section.rows.iter().flat_map(|row| &row.items);
    let items: Vec<&ItemData> = section.items.iter().chain(in_rows).collect();
    let mut found = Vec::new();
    for item in items {
        let others = item.answers.iter().filter(|answer| {
            let agency = &answer.author.agency;
            !agency.is_empty() && !section.owners.contains(agency)
        });
        found.extend(
            others.map(|answer| ByOtherData {
                item: item.key.clone(),
                author: answer.author.clone(),
            }),
        );
    }
    section.by_others = found;
}
