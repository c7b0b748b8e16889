//! Whether a recognised product still holds its criteria (QĐ 26/2026/QĐ-TTg, article 9).

use serde::Serialize;

use std::collections::BTreeMap;

use super::points::{Picked, UnmetGate, criteria, gate};
use super::sheet::{Pick, Sheet};
use crate::checklist::template::{
    CriteriaHeld, Decimal, Gates, Grading, Item, Knockout, NONE_KEY, Rank, Template,
};

/// How a criterion stands against the recognition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CriterionState {
    /// *Duy trì*: as good as recognised, or better.
    Held,
    /// *Giảm điểm*: fewer points than recognised, and still what the rank asks for.
    ScoreDrop,
    /// *Dưới mức dấu sao*: less than the least that the rank asks for.
    BelowGate,
    /// *Chưa xem*: nothing was observed that counts.
    NotObserved,
}

/// One criterion, recognised and observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CriterionHeld {
    /// Its key.
    pub item: String,
    /// The option recognised; none when the recognition does not tell.
    pub recognised: Option<String>,
    /// Its points.
    pub recognised_points: Option<u32>,
    /// The option observed.
    pub observed: Option<String>,
    /// What was answered.
    pub picked: Picked,
    /// Its points; none when nothing was observed.
    pub observed_points: Option<u32>,
    /// How many points fewer than recognised.
    pub drop: u32,
    /// What the rank asks for and is not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<UnmetGate>,
    /// How it stands.
    pub state: CriterionState,
}

/// What the check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// Every criterion is held.
    Held,
    /// Points were lost, and the rank is still deserved.
    ScoreDrop,
    /// The rank that is held is no longer deserved: a gate is not met, the points do not suffice, or
    /// a knock-out holds.
    NotHeld,
    /// *Chưa xem đủ*: not everything was observed, and what was says nothing against the rank.
    NotObserved,
    /// Every gate of the rank is met. Whether points were lost cannot be said: the recognition does
    /// not tell every option.
    GatesMet,
    /// No recognition was given to compare with.
    NoRecognition,
}

/// How the criteria of a recognised product stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldResult {
    /// What the check comes to.
    pub result: Holding,
    /// The code of the checklist that the product was recognised by.
    pub of: String,
    /// The stars it holds.
    pub stars: Option<u32>,
    /// Points as recognised, of the criteria that the recognition tells.
    pub recognised_total: u32,
    /// Points as observed; nothing for what was not observed.
    pub observed_total: u32,
    /// The fewest points of the rank.
    pub from: Option<u32>,
    /// Criteria that are held.
    pub held: usize,
    /// Criteria with fewer points.
    pub score_drops: usize,
    /// Criteria below what the rank asks for.
    pub below_gate: usize,
    /// Criteria of which nothing was observed.
    pub not_observed: usize,
    /// Criteria of which the recognition does not tell the option.
    pub not_recognised: usize,
    /// Items of knock-outs that hold (*điều kiện loại*).
    pub knocked_out: Vec<String>,
    /// Every criterion.
    pub criteria: Vec<CriterionHeld>,
}

/// A recognition to compare with, told by whoever grades or by the sheet itself.
pub(super) struct Recognition<'a> {
    /// The checklist whose criteria, points and gates count.
    pub(super) template: &'a Template,
    stars: u32,
    ranks: &'a [Rank],
    gates: Gates,
    /// None in a check of its own: the assessment looked at what stops a dossier.
    knockouts: &'a [Knockout],
    options: BTreeMap<String, String>,
}

impl<'a> Recognition<'a> {
    /// Returns the recognition that whoever grades tells, else what the sheet says of it; none where
    /// nobody does.
    pub(super) fn of(sheet: &Sheet<'a>) -> Option<Self> {
        if let Some(told) = &sheet.settings.recognised {
            let Grading::OcopPoints(ocop) = told.template.grading() else { return None };
            return Some(Self {
                template: &told.template,
                stars: told.stars,
                ranks: &ocop.ranks,
                gates: ocop.gates,
                knockouts: &ocop.knockouts,
                options: told.options.clone(),
            });
        }
        match sheet.template.grading() {
            Grading::CriteriaHeld(rule) => Self::said(sheet, rule),
            _ => None,
        }
    }

    fn said(sheet: &Sheet<'a>, rule: &'a CriteriaHeld) -> Option<Self> {
        let said = |key: &String| sheet.template.item(key).and_then(|(_, i)| sheet.pick(i).key());
        let stars = rule.stars.as_ref().and_then(said)?.parse().ok()?;
        let options = rule
            .recognised
            .iter()
            .filter_map(|(criterion, item)| Some((criterion.clone(), said(item)?)));
        Some(Self {
            template: sheet.template,
            stars,
            ranks: &rule.ranks,
            gates: rule.gates.unwrap_or(Gates::Cumulative),
            knockouts: &[],
            options: options.collect(),
        })
    }
}

/// Compares what was observed with the recognition. `of` is the checklist that the rule names.
pub(super) fn result(sheet: &Sheet<'_>, of: &str) -> HeldResult {
    let mut held = HeldResult {
        result: Holding::NoRecognition,
        of: of.to_owned(),
        stars: None,
        recognised_total: 0,
        observed_total: 0,
        from: None,
        held: 0,
        score_drops: 0,
        below_gate: 0,
        not_observed: 0,
        not_recognised: 0,
        knocked_out: Vec::new(),
        criteria: Vec::new(),
    };
    let Some(recognised) = Recognition::of(sheet) else { return held };
    held.stars = Some(recognised.stars);
    let rank = recognised.ranks.iter().find(|rank| rank.stars == recognised.stars);
    held.from = rank.map(|rank| rank.from);
    let knockouts = recognised.knockouts.iter().map(|knockout| &knockout.item);
    held.knocked_out = knockouts.filter(|item| sheet.knocks(item)).cloned().collect();
    for (_, item) in criteria(recognised.template) {
        let criterion = criterion(sheet, item, &recognised);
        held.recognised_total += criterion.recognised_points.unwrap_or(0);
        held.observed_total += criterion.observed_points.unwrap_or(0);
        held.not_recognised += usize::from(criterion.recognised.is_none());
        match criterion.state {
            CriterionState::Held => held.held += 1,
            CriterionState::ScoreDrop => held.score_drops += 1,
            CriterionState::BelowGate => held.below_gate += 1,
            CriterionState::NotObserved => held.not_observed += 1,
        }
        held.criteria.push(criterion);
    }
    // While something is not observed the points say nothing against the rank.
    let short = held.not_observed == 0 && held.from.is_some_and(|from| held.observed_total < from);
    held.result = if short || held.below_gate > 0 || !held.knocked_out.is_empty() {
        Holding::NotHeld
    } else if held.not_observed > 0 {
        Holding::NotObserved
    } else if held.score_drops > 0 {
        Holding::ScoreDrop
    } else if held.not_recognised > 0 {
        Holding::GatesMet
    } else {
        Holding::Held
    };
    held
}

fn criterion(sheet: &Sheet<'_>, item: &Item, recognised: &Recognition<'_>) -> CriterionHeld {
    let option = recognised.options.get(&item.key);
    let recognised_points = option.map(|key| points(item, key));
    let pick = sheet.template.item(&item.key).map(|(_, own)| sheet.pick(own));
    let pick = pick.unwrap_or(Pick::Unanswered);
    // Neither points nor their absence say anything while it is not known whether it applies.
    let pick = match pick {
        Pick::Disputed => pick,
        _ if sheet.is_unsettled(&item.key) => Pick::Unsettled,
        _ => pick,
    };
    let observed = pick.key();
    // An option that the recognising checklist does not have cannot be compared.
    let is_known = |key: &String| pick == Pick::None || item.option(key).is_some();
    let observed_points = match pick {
        Pick::Unanswered | Pick::Disputed | Pick::Unsettled => None,
        Pick::NotApplicable | Pick::NotRelevant => Some(0),
        Pick::Option(_) | Pick::None => {
            observed.as_ref().filter(|key| is_known(key)).map(|key| points(item, key))
        }
    };
    let named = option.filter(|key| *key != NONE_KEY).or(observed.as_ref());
    let case = named.and_then(|key| item.option(key)?.case.as_deref());
    let asked = gate(item, recognised.stars, recognised.gates, case);
    let below = asked.zip(observed_points).filter(|(gate, points)| *points < gate.needs);
    let below = below.map(|(gate, points)| UnmetGate {
        points: Decimal::of_hundredths(u64::from(points) * 100),
        ..gate
    });
    let drop = recognised_points.unwrap_or(0).saturating_sub(observed_points.unwrap_or(0));
    let state = match observed_points {
        None => CriterionState::NotObserved,
        Some(_) if below.is_some() => CriterionState::BelowGate,
        Some(_) if drop > 0 => CriterionState::ScoreDrop,
        Some(_) => CriterionState::Held,
    };
    CriterionHeld {
        item: item.key.clone(),
        recognised: option.cloned(),
        recognised_points,
        observed,
        picked: Picked::of(pick),
        observed_points,
        drop: if observed_points.is_some() { drop } else { 0 },
        below,
        state,
    }
}

fn points(item: &Item, key: &str) -> u32 {
    item.option(key).and_then(|option| option.points).unwrap_or(0)
}
