//! OCOP: points by part, gates, knock-outs, and the rank with what it misses.

use std::collections::BTreeSet;

use serde::Serialize;

use super::settings::{CouncilGates, Settings};
use super::sheet::{Pick, Sheet};
use crate::checklist::template::{
    Decimal, Effect, Fallback, Gates, Item, Knockout, KnockoutLevel, OcopPoints, Section, Template,
};

/// The points of a part of the sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartPoints {
    /// Its code.
    pub code: String,
    /// The most points.
    pub max: u32,
    /// Its points: of a council the mean, rounded by itself, so that means need not add up.
    pub points: Decimal,
    /// Its points on all sheets together: these add up to the total's.
    pub sum: u64,
    /// Its sections.
    pub sections: Vec<SectionPoints>,
}

/// The points of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SectionPoints {
    /// Its code.
    pub code: String,
    /// The most points.
    pub max: u32,
    /// Its points: of a council the mean, rounded by itself.
    pub points: Decimal,
    /// Its points on all sheets together.
    pub sum: u64,
}

/// What was answered at a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Picked {
    /// An option.
    Option,
    /// No option fits: no points, by the reading that the checklist names.
    None,
    /// Nobody answered, or nothing counts.
    Unanswered,
    /// Answers that differ stand of which some gives no points, here or at what decides whether it
    /// applies: no points until a person settles them.
    Disputed,
    /// Somebody said that it does not apply.
    NotApplicable,
    /// The checklist says that it does not apply.
    NotRelevant,
    /// It is not known yet whether it applies: no points until what decides it is answered.
    Unsettled,
}

impl Picked {
    pub(super) fn of(pick: Pick<'_>) -> Self {
        match pick {
            Pick::Option(_) => Self::Option,
            Pick::None => Self::None,
            Pick::Unanswered => Self::Unanswered,
            Pick::Disputed => Self::Disputed,
            Pick::NotApplicable => Self::NotApplicable,
            Pick::NotRelevant => Self::NotRelevant,
            Pick::Unsettled => Self::Unsettled,
        }
    }
}

/// A criterion (*tiêu chí*) and its points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CriterionPoints {
    /// Its key.
    pub item: String,
    /// The most points.
    pub max: u32,
    /// Its points: of a council the mean.
    pub points: Decimal,
    /// What was answered, member by member.
    pub picked: Vec<Picked>,
    /// The options chosen, member by member.
    pub options: Vec<Option<String>>,
}

/// A gate (*dấu sao*) that is not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnmetGate {
    /// The criterion.
    pub item: String,
    /// The points that it asks for.
    pub needs: u32,
    /// The points that there are: of a council the mean, or the fewest.
    pub points: Decimal,
    /// The stars that the gate is printed with.
    pub gate: u32,
    /// The option that would meet it.
    pub option: String,
}

/// A rank and what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RankCheck {
    /// Its stars.
    pub stars: u32,
    /// The fewest points.
    pub from: u32,
    /// It brings a decision and a certificate.
    pub certificate: bool,
    /// The points suffice.
    pub points_suffice: bool,
    /// The gates that are not met.
    pub unmet: Vec<UnmetGate>,
}

/// A knock-out (*điều kiện loại*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnockoutState {
    /// The item that says whether it holds.
    pub item: String,
    /// What follows if it does.
    pub effect: Effect,
    /// What it stands with.
    pub level: KnockoutLevel,
    /// It holds: of several members one says so.
    pub holds: bool,
}

/// Which readings of the law were used, of those that the decision leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Readings {
    /// Which gates bind a rank.
    pub gates: Gates,
    /// What happens when a gate is not met.
    pub fallback: Fallback,
    /// It is not what the checklist says: it was asked for.
    pub fallback_asked: bool,
    /// What several sheets mean for a gate.
    pub council_gates: CouncilGates,
}

/// The total of one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberTotal {
    /// Who.
    pub name: String,
    /// The points.
    pub total: u32,
    /// Criteria without an answer that counts: no points for them.
    pub unanswered: usize,
}

/// What the points come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointsResult {
    /// The points: of a council the mean of the members' totals, to two decimals, a half upwards.
    pub total: Decimal,
    /// The stars; none when it is knocked out.
    pub stars: Option<u32>,
    /// There is a decision and a certificate (*giấy chứng nhận*).
    pub certificate: bool,
    /// What the knock-out that holds brings; of several the first of the sheet.
    pub knocked_out: Option<Effect>,
    /// Points by part and section.
    pub parts: Vec<PartPoints>,
    /// Points by criterion.
    pub criteria: Vec<CriterionPoints>,
    /// The ranks, best first, each with the gates that are not met.
    pub ranks: Vec<RankCheck>,
    /// The knock-outs.
    pub knockouts: Vec<KnockoutState>,
    /// Which readings of the law were used.
    pub readings: Readings,
    /// Totals of the members; empty without a council.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberTotal>,
}

/// A named sheet; the name is empty where there is no council.
pub(super) type NamedSheet<'a> = (&'a str, Sheet<'a>);

/// The mean of whole points over the sheets, kept as a sum so that nothing is rounded before it is
/// shown.
#[derive(Clone, Copy)]
struct Mean {
    sum: u64,
    sheets: u64,
}

impl Mean {
    fn of(points: impl Iterator<Item = u32>, sheets: usize) -> Self {
        Self { sum: points.map(u64::from).sum(), sheets: (sheets as u64).max(1) }
    }

    fn add(&mut self, other: Self) {
        self.sum += other.sum;
    }

    /// Returns the mean in hundredths, a half upwards.
    fn hundredths(self) -> u64 {
        (self.sum * 200 + self.sheets) / (self.sheets * 2)
    }

    fn shown(self) -> Decimal {
        Decimal::of_hundredths(self.hundredths())
    }

    /// Returns whether it is at least so many points, before rounding.
    fn reaches(self, points: u32) -> bool {
        self.sum >= u64::from(points) * self.sheets
    }
}

/// Works out points and rank.
pub(super) fn result(
    sheets: &[NamedSheet<'_>],
    ocop: &OcopPoints,
    template: &Template,
    settings: &Settings,
) -> PointsResult {
    let scored: Vec<Scored<'_>> = criteria(template).map(|part| score(part, sheets)).collect();
    let total = summed(&scored, sheets.len(), |_| true);
    let readings = Readings {
        gates: ocop.gates,
        fallback: settings.fallback.unwrap_or(ocop.fallback),
        fallback_asked: settings.fallback.is_some_and(|asked| asked != ocop.fallback),
        council_gates: settings.council_gates,
    };
    let ranks = ranks(&scored, total, ocop, readings);
    let knockouts: Vec<KnockoutState> =
        ocop.knockouts.iter().map(|knockout| knocked(knockout, sheets)).collect();
    let knocked_out = knockouts.iter().find(|knockout| knockout.holds).map(|k| k.effect);
    let stars = match knocked_out {
        Some(_) => None,
        None => stars(&ranks, readings.fallback),
    };
    PointsResult {
        total: total.shown(),
        stars,
        certificate: stars.is_some_and(|stars| stars >= ocop.certificate_from_stars),
        knocked_out,
        parts: parts(&scored, sheets.len(), ocop, template),
        criteria: scored.iter().map(Scored::shown).collect(),
        ranks,
        knockouts,
        readings,
        members: members(&scored, sheets),
    }
}

/// Returns what OCOP sheets miss beside answers: groups of criteria whose options are of different
/// cases, on one sheet or on those of several members together.
pub(super) fn mixed_cases(sheets: &[NamedSheet<'_>], ocop: &OcopPoints) -> Vec<Vec<String>> {
    let is_mixed = |group: &&Vec<String>| {
        let mut cases = BTreeSet::new();
        for (_, sheet) in sheets {
            let items = group.iter().filter_map(|key| sheet.template.item(key));
            cases.extend(items.flat_map(|(_, item)| sheet.cases(item)));
        }
        cases.len() > 1
    };
    ocop.same_case.iter().filter(is_mixed).cloned().collect()
}

/// Returns the criteria of a checklist: the items that give points.
pub(super) fn criteria(template: &Template) -> impl Iterator<Item = (&Section, &Item)> {
    template.each().filter(|(section, item)| item.max.is_some() && section.repeat.is_none())
}

struct Scored<'t> {
    section: &'t Section,
    item: &'t Item,
    picks: Vec<Pick<'t>>,
    /// The cases of the options that stand on the sheets.
    cases: BTreeSet<&'t str>,
    mean: Mean,
}

impl Scored<'_> {
    fn shown(&self) -> CriterionPoints {
        CriterionPoints {
            item: self.item.key.clone(),
            max: self.item.max.unwrap_or(0),
            points: self.mean.shown(),
            picked: self.picks.iter().map(|pick| Picked::of(*pick)).collect(),
            options: self.picks.iter().map(|pick| pick.key()).collect(),
        }
    }
}

fn score<'t>(part: (&'t Section, &'t Item), sheets: &[NamedSheet<'t>]) -> Scored<'t> {
    let (section, item) = part;
    let picks: Vec<Pick<'t>> = sheets.iter().map(|(_, sheet)| sheet.pick(item)).collect();
    let mean = Mean::of(picks.iter().map(|pick| pick.points()), sheets.len());
    let cases = sheets.iter().flat_map(|(_, sheet)| sheet.cases(item)).collect();
    Scored { section, item, picks, cases, mean }
}

fn summed(scored: &[Scored<'_>], sheets: usize, of: impl Fn(&Section) -> bool) -> Mean {
    let mut sum = Mean::of(std::iter::empty(), sheets);
    scored.iter().filter(|scored| of(scored.section)).for_each(|scored| sum.add(scored.mean));
    sum
}

fn parts(
    scored: &[Scored<'_>],
    sheets: usize,
    ocop: &OcopPoints,
    template: &Template,
) -> Vec<PartPoints> {
    let section = |code: &String| {
        let found = template.sections().iter().find(|section| section.code == *code);
        let mean = summed(scored, sheets, |section| section.code == *code);
        SectionPoints {
            code: code.clone(),
            max: found.and_then(|section| section.max).unwrap_or(0),
            points: mean.shown(),
            sum: mean.sum,
        }
    };
    let part = |part: &crate::checklist::template::Part| {
        let mean = summed(scored, sheets, |section| part.sections.contains(&section.code));
        PartPoints {
            code: part.code.clone(),
            max: part.max,
            points: mean.shown(),
            sum: mean.sum,
            sections: part.sections.iter().map(section).collect(),
        }
    };
    ocop.parts.iter().map(part).collect()
}

fn members(scored: &[Scored<'_>], sheets: &[NamedSheet<'_>]) -> Vec<MemberTotal> {
    let total = |(n, (name, _)): (usize, &NamedSheet<'_>)| {
        let picks = || scored.iter().filter_map(|scored| scored.picks.get(n));
        MemberTotal {
            name: (*name).to_owned(),
            total: picks().map(|pick| pick.points()).sum(),
            unanswered: picks().filter(|pick| **pick == Pick::Unanswered).count(),
        }
    };
    let named = sheets.iter().enumerate().filter(|(_, (name, _))| !name.is_empty());
    named.map(total).collect()
}

fn knocked(knockout: &Knockout, sheets: &[NamedSheet<'_>]) -> KnockoutState {
    KnockoutState {
        item: knockout.item.clone(),
        effect: knockout.effect,
        level: knockout.level,
        holds: sheets.iter().any(|(_, sheet)| sheet.knocks(&knockout.item)),
    }
}

fn ranks(
    scored: &[Scored<'_>],
    total: Mean,
    ocop: &OcopPoints,
    readings: Readings,
) -> Vec<RankCheck> {
    let check = |rank: &crate::checklist::template::Rank| {
        let certificate = rank.stars >= ocop.certificate_from_stars;
        let unmet = scored.iter().filter(|_| certificate);
        RankCheck {
            stars: rank.stars,
            from: rank.from,
            certificate,
            // The total of the council has two decimals: that is what is compared.
            points_suffice: total.hundredths() >= u64::from(rank.from) * 100,
            unmet: unmet.filter_map(|scored| unmet_gate(scored, rank.stars, readings)).collect(),
        }
    };
    ocop.ranks.iter().map(check).collect()
}

/// Returns the gate of a criterion that a rank does not meet.
fn unmet_gate(scored: &Scored<'_>, stars: u32, readings: Readings) -> Option<UnmetGate> {
    // Options divided between cases are compared with those of the case that was chosen; where
    // people chose several, with those that ask for the most.
    let asked = |case: Option<&str>| gate(scored.item, stars, readings.gates, case);
    let gate = match scored.cases.len() {
        0 => asked(None),
        _ => {
            let gates = scored.cases.iter().filter_map(|case| asked(Some(case)));
            gates.max_by_key(|gate| (gate.needs, gate.gate))
        }
    }?;
    let met = |pick: &Pick<'_>| pick.points() >= gate.needs;
    let (is_met, points) = match readings.council_gates {
        CouncilGates::Mean => (scored.mean.reaches(gate.needs), scored.mean.shown()),
        CouncilGates::EveryMember => {
            let fewest = scored.picks.iter().map(|pick| pick.points()).min().unwrap_or(0);
            let fewest = Decimal::of_hundredths(u64::from(fewest) * 100);
            (scored.picks.iter().all(met), fewest)
        }
    };
    (!is_met).then_some(UnmetGate { points, ..gate })
}

/// Returns what the gates of a criterion ask of a rank; none when nothing. The points are nought.
pub(super) fn gate(item: &Item, stars: u32, gates: Gates, case: Option<&str>) -> Option<UnmetGate> {
    let binds = |gate: u32| match gates {
        Gates::Cumulative => gate <= stars,
        Gates::OwnRankOnly => gate == stars,
    };
    let options = item.answer.options().iter();
    let bound = options
        .filter(|option| case.is_none() || option.case.as_deref() == case)
        .filter_map(|option| Some((option.points?, option.gate?, option)))
        .filter(|(_, gate, _)| binds(*gate));
    let (needs, gate, option) = bound.max_by_key(|(points, gate, _)| (*points, *gate))?;
    Some(UnmetGate {
        item: item.key.clone(),
        needs,
        points: Decimal::of_hundredths(0),
        gate,
        option: option.key.clone(),
    })
}

/// Returns the stars that points and gates come to.
fn stars(ranks: &[RankCheck], fallback: Fallback) -> Option<u32> {
    let mut failed = false;
    for rank in ranks.iter().filter(|rank| rank.points_suffice) {
        let skipped = failed && rank.certificate && fallback == Fallback::NoRank;
        if rank.unmet.is_empty() && !skipped {
            return Some(rank.stars);
        }
        failed = true;
    }
    None
}
