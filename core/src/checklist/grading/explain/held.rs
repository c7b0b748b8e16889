//! Explains whether the criteria of a recognised product are held.

use super::super::held::{CriterionHeld, CriterionState, HeldResult, Recognition};
use super::super::points::Picked;
use super::super::sheet::Sheet;
use super::by_points::{chosen, unmet};
use super::say::{Line, counted, holding};
use super::{Node, NodeKind, named, rule};
use crate::checklist::template::{Item, NONE_KEY};

/// Explains the check.
pub(super) fn node(result: &HeldResult, sheet: &Sheet<'_>) -> Node {
    let Some(stars) = result.stars else {
        return rule(sheet, holding(result.result));
    };
    let (before, now) = (result.recognised_total, result.observed_total);
    let counts = Line::new(
        format!(
            "công nhận {stars} sao {before} điểm, nay {now} điểm; duy trì {}, giảm điểm {}, dưới mức dấu sao {}, chưa xem {}, không rõ phương án đã công nhận {}",
            result.held,
            result.score_drops,
            result.below_gate,
            result.not_observed,
            result.not_recognised
        ),
        format!(
            "recognised with {} and {}, now {now}; held {}, fewer points {}, below a gate {}, not observed {}, recognised option not known {}",
            counted(stars, "star"),
            counted(before, "point"),
            result.held,
            result.score_drops,
            result.below_gate,
            result.not_observed,
            result.not_recognised
        ),
    );
    let line = holding(result.result).then(": ", &counts);
    // What is not held first: it is what somebody must look at.
    let order = |state: CriterionState| match state {
        CriterionState::BelowGate => 0,
        CriterionState::ScoreDrop => 1,
        CriterionState::NotObserved => 2,
        CriterionState::Held => 3,
    };
    let mut criteria: Vec<&CriterionHeld> = result.criteria.iter().collect();
    criteria.sort_by_key(|criterion| order(criterion.state));
    let template = Recognition::of(sheet).map(|recognised| recognised.template);
    let children = criteria.into_iter().filter_map(|held| {
        let (section, item) = template?.item(&held.item)?;
        let kind = match held.state {
            CriterionState::ScoreDrop => NodeKind::ScoreDrop,
            _ => NodeKind::Held,
        };
        let mut node = Node::new(kind, criterion(held, item));
        node = node.of_item(&held.item).of_section(&section.code);
        node = node.with_clause(template?, item.clause.as_ref());
        node.children.extend(held.below.iter().map(|gate| unmet(gate, sheet)));
        Some(node)
    });
    let knocked = result.knocked_out.iter().filter_map(|key| {
        let (section, item) = sheet.template.item(key)?;
        let name = named(item);
        let line = Line::new(
            format!("Điều kiện loại {}: có", name.vi),
            format!("Knock-out {}: it holds", name.en),
        );
        let node = Node::new(NodeKind::Knockout, line).of_item(key).of_section(&section.code);
        Some(node.with_clause(sheet.template, item.clause.as_ref()))
    });
    rule(sheet, line).with(knocked.chain(children).collect())
}

fn criterion(held: &CriterionHeld, item: &Item) -> Line {
    let state = match held.state {
        CriterionState::Held => Line::new("duy trì", "held"),
        CriterionState::ScoreDrop => {
            let drop = held.drop;
            Line::new(format!("giảm {drop} điểm"), format!("{drop} points fewer"))
        }
        CriterionState::BelowGate => Line::new("dưới mức dấu sao", "below the gate"),
        CriterionState::NotObserved => Line::new("chưa xem", "not observed"),
    };
    let points =
        |points: Option<u32>| points.map_or_else(|| "–".to_owned(), |points| points.to_string());
    let (before, now) = (points(held.recognised_points), points(held.observed_points));
    let name = named(item);
    let observed = chosen(item, held.picked, &held.observed);
    let recognised = match held.recognised.as_deref() {
        None => Line::new("không rõ phương án", "option not told"),
        Some(NONE_KEY) => chosen(item, Picked::None, &None),
        Some(_) => chosen(item, Picked::Option, &held.recognised),
    };
    Line::new(
        format!(
            "{}: {}; công nhận {before} điểm: {}; nay {now} điểm: {}",
            name.vi, state.vi, recognised.vi, observed.vi
        ),
        format!(
            "{}: {}; recognised {before} points: {}; now {now}: {}",
            name.en, state.en, recognised.en, observed.en
        ),
    )
}
