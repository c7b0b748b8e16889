//! Looking units up by what a person types: a name with or without accents and kind, perhaps with
//! the district or province behind a comma, or a code. Shows every candidate and chooses none.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{Row, Tables, place};
use super::{FormerUnit, Level, Place, Unit, UnitKind, Units, digits, fold};
use crate::model::Scope;

/// How well a name fits what was typed, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closeness {
    /// It is the code.
    Code,
    /// The same letters, accents included.
    Same,
    /// The same letters but for accents.
    WithoutAccents,
    /// The name begins so.
    Begins,
    /// A later word of the name begins so.
    Within,
}

/// A unit of today or of before July 2025.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundUnit {
    /// In force.
    Now(Unit),
    /// In force until 30 June 2025.
    Former(FormerUnit),
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How well it fits.
    pub closeness: Closeness,
    /// The unit.
    pub unit: FoundUnit,
}

/// What a search brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// How many units fit.
    pub total: usize,
    /// The best of them, best first; at equal closeness those in force stand first, then by code.
    pub found: Vec<Found>,
}

/// Which commune in force somebody means who wrote a code or name, perhaps an old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// A commune in force.
    Now(Unit),
    /// A unit of before July 2025 that went whole into one commune.
    Became {
        /// What was written.
        former: FormerUnit,
        /// The commune in force.
        unit: Unit,
    },
    /// It may be any of these communes in force; a person must say which.
    Several {
        /// The candidates, those that have the name now before those that hold land of one that had
        /// it. Only one, when it is disputed whether it is the only one.
        candidates: Vec<Unit>,
    },
    /// Nothing that is known here.
    Unknown,
}

/// Names as [`fold`] leaves them, and who has which.
#[derive(Debug)]
pub(super) struct Index {
    /// By number of the name.
    plain: Vec<String>,
    units: BTreeMap<u16, Vec<Place>>,
}

/// A candidate before it is shown.
struct Hit {
    closeness: Closeness,
    /// The kind of unit that was typed is another.
    other_kind: bool,
    place: Place,
}

/// What was typed, in parts.
struct Query {
    /// Ways to read the name: as a whole, and without the kind that it seems to begin with.
    readings: Vec<Reading>,
    /// Units that it must lie in, folded, each with and without its kind.
    within: Vec<Vec<String>>,
}

struct Reading {
    plain: String,
    spelled: String,
    kind: Option<UnitKind>,
}

impl Query {
    fn parse(text: &str) -> Self {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        let (plain, spelled) = (fold::plain(name), fold::spelled(name));
        let mut readings = Vec::new();
        if let Some((kind, rest)) = fold::kind(&plain) {
            let spelled = fold::without_kind(&spelled, &plain, rest).to_owned();
            readings.push(Reading { plain: rest.to_owned(), spelled, kind: Some(kind) });
        }
        readings.push(Reading { plain, spelled, kind: None });
        let within = parts.map(fold::plain).filter(|part| !part.is_empty());
        let within = within.map(|part| {
            let bare = fold::kind(&part).map(|(_, name)| name.to_owned());
            bare.into_iter().chain([part]).collect()
        });
        Self { readings, within: within.collect() }
    }
}

impl Index {
    fn new(tables: &Tables) -> Self {
        let mut units: BTreeMap<u16, Vec<Place>> = BTreeMap::new();
        let mut add = |table: &[Row], place: fn(usize) -> Place| {
            for (at, row) in table.iter().enumerate() {
                units.entry(Tables::name_number(row)).or_default().push(place(at));
            }
        };
        add(&tables.provinces, Place::Province);
        add(&tables.communes, Place::Commune);
        add(&tables.old_provinces, Place::OldProvince);
        add(&tables.old_districts, Place::OldDistrict);
        add(&tables.old_communes, Place::OldCommune);
        Self { plain: tables.names().iter().map(|name| fold::plain(name)).collect(), units }
    }
}

impl Units {
    /// Finds units by code or name, in force and former ones alike, at most `limit` of them.
    ///
    /// Accents, upper and lower case, the kind before the name and the place of a tone mark may be
    /// missing or different. What stands behind a comma must be the name of a unit above, of now or
    /// of then: `bac son, lang son`.
    #[must_use]
    pub fn find(&self, text: &str, limit: usize) -> Findings {
        let mut hits = self.hits_by_code(text.trim());
        if hits.is_empty() {
            hits = self.hits(&Query::parse(text));
        }
        let total = hits.len();
        let found = hits.iter().take(limit).filter_map(|hit| self.found(hit)).collect();
        Findings { total, found }
    }

    /// Tells which commune in force is meant by a code or name, as [`Units::find`] reads them, but
    /// whole. A code in force means the commune that has it now, whatever had it before.
    #[must_use]
    pub fn resolve(&self, text: &str) -> Resolved {
        let text = text.trim();
        let mut hits = if digits(text).is_some() {
            self.hits_by_code(text)
        } else {
            let whole = [Closeness::Same, Closeness::WithoutAccents];
            let mut hits = self.hits(&Query::parse(text));
            hits.retain(|hit| {
                let commune = matches!(hit.place, Place::Commune(_) | Place::OldCommune(_));
                commune && whole.contains(&hit.closeness)
            });
            let best = hits.first().map(|hit| (hit.closeness, hit.other_kind));
            hits.retain(|hit| Some((hit.closeness, hit.other_kind)) == best);
            hits
        };
        hits.retain(|hit| !matches!(hit.place, Place::Province(_) | Place::OldProvince(_)));
        if digits(text).is_some() && hits.iter().any(|hit| matches!(hit.place, Place::Commune(_))) {
            hits.retain(|hit| matches!(hit.place, Place::Commune(_)));
        }
        let found: Vec<FoundUnit> =
            hits.iter().filter_map(|hit| self.found(hit)).map(|found| found.unit).collect();
        self.one(found)
    }

    fn one(&self, found: Vec<FoundUnit>) -> Resolved {
        let mut codes: Vec<&Scope> = Vec::new();
        let mut disputed = false;
        for unit in &found {
            match unit {
                FoundUnit::Now(unit) => codes.push(&unit.code),
                FoundUnit::Former(former) => {
                    codes.extend(&former.successors);
                    disputed |= former.disputed;
                }
            }
        }
        let mut seen: BTreeSet<&Scope> = BTreeSet::new();
        codes.retain(|code| seen.insert(*code));
        let mut candidates: Vec<Unit> = codes.iter().filter_map(|code| self.unit(code)).collect();
        if candidates.is_empty() {
            return Resolved::Unknown;
        }
        if candidates.len() > 1 || disputed {
            return Resolved::Several { candidates };
        }
        let unit = candidates.remove(0);
        // Those in force stand first.
        match found.into_iter().next() {
            Some(FoundUnit::Former(former)) => Resolved::Became { former, unit },
            _ => Resolved::Now(unit),
        }
    }

    fn hits_by_code(&self, text: &str) -> Vec<Hit> {
        let Some(number) = digits(text) else { return Vec::new() };
        let tables = &self.tables;
        let places = match text.len() {
            2 => [
                place(&tables.provinces, number).map(Place::Province),
                place(&tables.old_provinces, number).map(Place::OldProvince),
            ],
            3 => [place(&tables.old_districts, number).map(Place::OldDistrict), None],
            5 => [
                place(&tables.communes, number).map(Place::Commune),
                place(&tables.old_communes, number).map(Place::OldCommune),
            ],
            _ => [None, None],
        };
        let hit = |place| Hit { closeness: Closeness::Code, other_kind: false, place };
        places.into_iter().flatten().map(hit).collect()
    }

    fn hits(&self, query: &Query) -> Vec<Hit> {
        let index = self.index.get_or_init(|| Index::new(&self.tables));
        let mut hits = Vec::new();
        for (name, places) in &index.units {
            let Some(plain) = index.plain.get(usize::from(*name)) else { continue };
            let fits: Vec<(Closeness, Option<UnitKind>)> = query
                .readings
                .iter()
                .filter_map(|typed| Some((self.closeness(typed, *name, plain)?, typed.kind)))
                .collect();
            if fits.is_empty() {
                continue;
            }
            for place in places {
                // A kind that is another is less of a fault than accents that are.
                let kind = self.row(*place).kind;
                let best = fits
                    .iter()
                    .map(|(closeness, typed)| {
                        (*closeness, typed.is_some_and(|typed| typed != kind))
                    })
                    .min();
                if let Some((closeness, other_kind)) = best
                    && self.lies_in(*place, &query.within)
                {
                    hits.push(Hit { closeness, other_kind, place: *place });
                }
            }
        }
        hits.sort_by_key(|hit| {
            let former = !matches!(hit.place, Place::Province(_) | Place::Commune(_));
            (hit.closeness, hit.other_kind, former, hit.place)
        });
        hits
    }

    fn closeness(&self, reading: &Reading, name: u16, plain: &str) -> Option<Closeness> {
        let typed = reading.plain.as_str();
        if typed.is_empty() {
            return None;
        }
        if plain == typed {
            let same = fold::spelled(self.tables.named(name)) == reading.spelled;
            return Some(if same { Closeness::Same } else { Closeness::WithoutAccents });
        }
        if plain.starts_with(typed) {
            return Some(Closeness::Begins);
        }
        let later = plain.match_indices(' ').any(|(at, _)| plain[at + 1..].starts_with(typed));
        later.then_some(Closeness::Within)
    }

    /// Returns whether a unit lies in units of all these names, of now or of then.
    fn lies_in(&self, place: Place, within: &[Vec<String>]) -> bool {
        if within.is_empty() {
            return true;
        }
        let tables = &self.tables;
        let row = self.row(place);
        let mut above = self.above(place);
        match place {
            Place::Commune(_) => above.push(&tables.provinces[usize::from(row.above)]),
            Place::OldDistrict(_) | Place::OldCommune(_) => {
                // The province of today, which holds all that its predecessors held.
                let province = above.last().map(|old| usize::from(Tables::province_after(old)));
                above.extend(province.map(|at| &tables.provinces[at]));
            }
            Place::Province(_) | Place::OldProvince(_) => {}
        }
        let names: Vec<String> = above.iter().map(|row| fold::plain(tables.name(row))).collect();
        within.iter().all(|part| part.iter().any(|name| names.contains(name)))
    }

    fn found(&self, hit: &Hit) -> Option<Found> {
        let unit = match hit.place {
            Place::Province(_) | Place::Commune(_) => FoundUnit::Now(self.unit_at(hit.place)?),
            _ => FoundUnit::Former(self.former_at(hit.place)?),
        };
        Some(Found { closeness: hit.closeness, unit })
    }

    /// Returns a unit with the province it lies in, as a list of candidates shows it.
    #[must_use]
    pub fn full_title(&self, unit: &Unit) -> String {
        let province = unit.parent.as_ref().filter(|_| unit.level == Level::Commune);
        match province.and_then(|code| self.unit(code)) {
            Some(province) => format!("{}, {}", unit.title(), province.name),
            None => unit.title(),
        }
    }
}
