//! *Đơn vị hành chính*: administrative units as data. The provinces and communes in force since
//! 1 July 2025, and the provinces, districts and communes that became them.
//!
//! A code alone does not say of which time it is: many a commune of today has the code of one of the
//! communes it was formed from. Old and new are therefore looked up apart, and an old unit that was
//! divided has several successors of which none is the right one by default.

mod file;
mod find;
mod fold;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use self::file::{Header, Row, Tables, place};
use self::find::Index;
pub use self::find::{Closeness, Findings, Found, FoundUnit, Resolved};
use crate::model::Scope;

/// The code of the country, which has no row in the file.
const COUNTRY: &str = "00";
/// The name of the country.
const COUNTRY_NAME: &str = "Việt Nam";

/// Why a file is no list of units.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitsError {
    /// There is no first line, or it is far too long.
    #[error("this is no units file: it does not begin with a line that says what it holds")]
    NoHeader,
    /// The first line is no JSON, or a field of it is missing.
    #[error("the first line of the units file cannot be read: {source}")]
    Header {
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file is of another form.
    #[error("the units file has format {found}, this program reads {}", file::FORMAT)]
    Format {
        /// Its format.
        found: u32,
    },
    /// The first day is not a day.
    #[error("the units file's effective_from must be a day as YYYY-MM-DD")]
    Day,
    /// The tables are not what such a file holds.
    #[error("the units file is damaged in its {what}; build it anew")]
    Damaged {
        /// Which part of it.
        what: &'static str,
    },
}

/// Level of a unit in force. There is no district since 1 July 2025.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// *Cả nước*.
    Country,
    /// *Tỉnh, thành phố*.
    Province,
    /// *Xã, phường, đặc khu*.
    Commune,
}

/// Level of a unit that was in force until 30 June 2025.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormerLevel {
    /// *Tỉnh, thành phố trực thuộc trung ương*.
    Province,
    /// *Huyện, quận, thị xã, thành phố thuộc tỉnh*.
    District,
    /// *Xã, phường, thị trấn*.
    Commune,
}

/// What a unit is called beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnitKind {
    /// *Cả nước*.
    Country,
    /// *Tỉnh*.
    Province,
    /// *Thành phố*: of a province's rank, or until June 2025 of a district's.
    City,
    /// *Xã*.
    Commune,
    /// *Phường*.
    Ward,
    /// *Đặc khu*: an island.
    SpecialZone,
    /// *Quận*, until June 2025.
    UrbanDistrict,
    /// *Huyện*, until June 2025.
    RuralDistrict,
    /// *Thị xã*, until June 2025.
    Town,
    /// *Thị trấn*, until June 2025.
    Township,
}

impl UnitKind {
    /// Returns the official word, which stands before the name; empty for the country.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Country => "",
            Self::Province => "Tỉnh",
            Self::City => "Thành phố",
            Self::Commune => "Xã",
            Self::Ward => "Phường",
            Self::SpecialZone => "Đặc khu",
            Self::UrbanDistrict => "Quận",
            Self::RuralDistrict => "Huyện",
            Self::Town => "Thị xã",
            Self::Township => "Thị trấn",
        }
    }

    /// Returns a name with its kind, as official texts write it.
    fn title(self, name: &str) -> String {
        format!("{} {name}", self.word()).trim_start().to_owned()
    }
}

/// A unit in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its code.
    pub code: Scope,
    /// Its name, without the kind of unit.
    pub name: String,
    /// What it is called beside its name.
    pub kind: UnitKind,
    /// Its level.
    pub level: Level,
    /// The unit above it.
    pub parent: Option<Scope>,
}

impl Unit {
    /// Returns kind and name, as official texts write them.
    #[must_use]
    pub fn title(&self) -> String {
        self.kind.title(&self.name)
    }
}

/// A unit that was in force until 30 June 2025.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerUnit {
    /// Its code: two digits a province, three a district, five a commune.
    pub code: String,
    /// Its name, without the kind of unit.
    pub name: String,
    /// What it was called beside its name.
    pub kind: UnitKind,
    /// Its level.
    pub level: FormerLevel,
    /// The units above it, the nearest first, with their kinds.
    pub within: Vec<String>,
    /// The units in force that hold its land, by code: of a province the province, else communes.
    /// More than one means that it was divided, and never that the first is meant.
    pub successors: Vec<Scope>,
    /// Two public data sets name different successors; only the resolution itself tells.
    pub disputed: bool,
}

impl FormerUnit {
    /// Returns kind and name, as official texts wrote them.
    #[must_use]
    pub fn title(&self) -> String {
        self.kind.title(&self.name)
    }

    /// Returns the one unit that it went into whole, if that is beyond doubt.
    #[must_use]
    pub fn successor(&self) -> Option<&Scope> {
        match self.successors.as_slice() {
            [only] if !self.disputed => Some(only),
            _ => None,
        }
    }
}

/// A place in one of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Province(usize),
    Commune(usize),
    OldProvince(usize),
    OldDistrict(usize),
    OldCommune(usize),
}

/// The units in force from a day on, and those before them.
pub struct Units {
    header: Header,
    tables: Tables,
    /// Made by the first search by name; look-ups by code never need it.
    index: OnceLock<Index>,
}

impl fmt::Debug for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Units").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Units {
    /// Reads a file of units.
    ///
    /// # Errors
    ///
    /// Returns [`UnitsError`] when the file is of another form, or anything in it is out of place.
    pub fn parse(bytes: &[u8]) -> Result<Self, UnitsError> {
        let (header, tables) = file::read(bytes)?;
        Ok(Self { header, tables, index: OnceLock::new() })
    }

    /// Returns the first day these units are in force, as YYYY-MM-DD.
    #[must_use]
    pub fn effective_from(&self) -> &str {
        &self.header.effective_from
    }

    /// Returns the legal source, and how far the data was compared with it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.header.source
    }

    /// Returns whether somebody in office has compared the data with the signed decision.
    #[must_use]
    pub fn is_official(&self) -> bool {
        self.header.official
    }

    /// Returns the public data that this was built from, with its licence and its author's notice.
    #[must_use]
    pub fn built_from(&self) -> String {
        let package = &self.header.package;
        let (name, version) = (&package.name, &package.version);
        format!("{name} {version} ({}; {})", package.licence, package.copyright)
    }

    /// Returns a unit in force by its code.
    #[must_use]
    pub fn unit(&self, code: &Scope) -> Option<Unit> {
        if code.as_str() == COUNTRY {
            return Some(Unit {
                code: code.clone(),
                name: COUNTRY_NAME.to_owned(),
                kind: UnitKind::Country,
                level: Level::Country,
                parent: None,
            });
        }
        self.place(code).and_then(|place| self.unit_at(place))
    }

    /// Returns all units in force: the country, the provinces by code, the communes by code.
    pub fn all(&self) -> impl Iterator<Item = Unit> {
        let country = scope(COUNTRY.to_owned()).and_then(|code| self.unit(&code));
        let provinces = (0..self.tables.provinces.len()).map(Place::Province);
        let communes = (0..self.tables.communes.len()).map(Place::Commune);
        country.into_iter().chain(provinces.chain(communes).filter_map(|place| self.unit_at(place)))
    }

    /// Returns the codes of all units in force within one, itself included, in order. Empty when the
    /// unit is not known.
    #[must_use]
    pub fn within(&self, outer: &Scope) -> Vec<Scope> {
        let mut codes = match self.place(outer) {
            None if outer.as_str() != COUNTRY => Vec::new(),
            None => self.all().map(|unit| unit.code).collect(),
            Some(Place::Province(at)) => self
                .tables
                .communes
                .iter()
                .filter(|row| usize::from(row.above) == at)
                .filter_map(|row| scope(commune_code(row.code)))
                .chain([outer.clone()])
                .collect(),
            Some(_) => vec![outer.clone()],
        };
        codes.sort();
        codes
    }

    /// Returns the units in force that contain one, itself not included, from the country down.
    #[must_use]
    pub fn containing(&self, inner: &Scope) -> Vec<Scope> {
        let mut above = Vec::new();
        if inner.as_str() != COUNTRY {
            above.extend(scope(COUNTRY.to_owned()));
        }
        if let Some(Place::Commune(at)) = self.place(inner) {
            let province = usize::from(self.tables.communes[at].above);
            above.extend(self.unit_at(Place::Province(province)).map(|unit| unit.code));
        }
        above
    }

    /// Returns whether a unit in force is the other or lies within it.
    #[must_use]
    pub fn is_within(&self, inner: &Scope, outer: &Scope) -> bool {
        if inner == outer {
            return true;
        }
        match (self.place(inner), self.place(outer)) {
            (Some(_), None) => outer.as_str() == COUNTRY,
            (Some(Place::Commune(at)), Some(Place::Province(above))) => {
                usize::from(self.tables.communes[at].above) == above
            }
            _ => false,
        }
    }

    /// Returns a unit of before July 2025 by its code: two digits a province, three a district, five
    /// a commune.
    #[must_use]
    pub fn former(&self, code: &str) -> Option<FormerUnit> {
        let number = digits(code)?;
        let tables = &self.tables;
        let place = match code.len() {
            2 => Place::OldProvince(place(&tables.old_provinces, number)?),
            3 => Place::OldDistrict(place(&tables.old_districts, number)?),
            5 => Place::OldCommune(place(&tables.old_communes, number)?),
            _ => return None,
        };
        self.former_at(place)
    }

    /// Returns the units that a unit in force was formed from, wholly or in part, by code: of a
    /// province the provinces, of a commune the communes, and of an island the district it was.
    #[must_use]
    pub fn formed_from(&self, code: &Scope) -> Vec<FormerUnit> {
        let tables = &self.tables;
        let to = |at: usize| move |place: &u16| usize::from(*place) == at;
        let places: Vec<Place> = match self.place(code) {
            Some(Place::Province(at)) => (0..tables.old_provinces.len())
                .filter(|old| to(at)(&Tables::province_after(&tables.old_provinces[*old])))
                .map(Place::OldProvince)
                .collect(),
            Some(Place::Commune(at)) => {
                let districts = (0..tables.old_districts.len())
                    .filter(|old| {
                        Tables::commune_after(&tables.old_districts[*old])
                            .is_some_and(|place| to(at)(&place))
                    })
                    .map(Place::OldDistrict);
                let communes = (0..tables.old_communes.len())
                    .filter(|old| tables.successors(&tables.old_communes[*old]).iter().any(to(at)))
                    .map(Place::OldCommune);
                districts.chain(communes).collect()
            }
            _ => Vec::new(),
        };
        places.into_iter().filter_map(|place| self.former_at(place)).collect()
    }

    fn place(&self, code: &Scope) -> Option<Place> {
        let number = digits(code.as_str())?;
        match code.as_str().len() {
            2 => place(&self.tables.provinces, number).map(Place::Province),
            _ => place(&self.tables.communes, number).map(Place::Commune),
        }
    }

    fn row(&self, place: Place) -> &Row {
        let tables = &self.tables;
        match place {
            Place::Province(at) => &tables.provinces[at],
            Place::Commune(at) => &tables.communes[at],
            Place::OldProvince(at) => &tables.old_provinces[at],
            Place::OldDistrict(at) => &tables.old_districts[at],
            Place::OldCommune(at) => &tables.old_communes[at],
        }
    }

    fn unit_at(&self, place: Place) -> Option<Unit> {
        let row = self.row(place);
        let (code, level, parent) = match place {
            Place::Province(_) => (province_code(row.code), Level::Province, COUNTRY.to_owned()),
            Place::Commune(_) => {
                let above = &self.tables.provinces[usize::from(row.above)];
                (commune_code(row.code), Level::Commune, province_code(above.code))
            }
            _ => return None,
        };
        let name = self.tables.name(row).to_owned();
        Some(Unit { code: scope(code)?, name, kind: row.kind, level, parent: scope(parent) })
    }

    fn former_at(&self, place: Place) -> Option<FormerUnit> {
        let tables = &self.tables;
        let row = self.row(place);
        let (level, code, successors) = match place {
            Place::OldProvince(_) => {
                let province = &tables.provinces[usize::from(Tables::province_after(row))];
                let successors = scope(province_code(province.code)).into_iter().collect();
                (FormerLevel::Province, province_code(row.code), successors)
            }
            Place::OldDistrict(at) => {
                let communes = tables.old_communes.iter();
                let communes = communes.filter(|commune| usize::from(commune.above) == at);
                let places: BTreeSet<u16> = communes
                    .flat_map(|commune| tables.successors(commune))
                    .copied()
                    .chain(Tables::commune_after(row))
                    .collect();
                (FormerLevel::District, format!("{:03}", row.code), self.communes(&places))
            }
            Place::OldCommune(_) => {
                let places = tables.successors(row).iter().copied().collect();
                (FormerLevel::Commune, commune_code(row.code), self.communes(&places))
            }
            Place::Province(_) | Place::Commune(_) => return None,
        };
        let name = tables.name(row).to_owned();
        let within = self.above(place).into_iter().map(|row| row.kind.title(tables.name(row)));
        Some(FormerUnit {
            code,
            name,
            kind: row.kind,
            level,
            within: within.collect(),
            successors,
            disputed: row.disputed,
        })
    }

    /// Returns the rows above a former unit, the nearest first.
    fn above(&self, place: Place) -> Vec<&Row> {
        let tables = &self.tables;
        let row = self.row(place);
        match place {
            Place::OldDistrict(_) => vec![&tables.old_provinces[usize::from(row.above)]],
            Place::OldCommune(_) => {
                let district = &tables.old_districts[usize::from(row.above)];
                vec![district, &tables.old_provinces[usize::from(district.above)]]
            }
            _ => Vec::new(),
        }
    }

    fn communes(&self, places: &BTreeSet<u16>) -> Vec<Scope> {
        let codes = places.iter().map(|at| self.tables.communes[usize::from(*at)].code);
        codes.filter_map(|code| scope(commune_code(code))).collect()
    }
}

fn province_code(code: u16) -> String {
    format!("{code:02}")
}

fn commune_code(code: u16) -> String {
    format!("{code:05}")
}

/// Returns the number of a code of nothing but digits.
fn digits(code: &str) -> Option<u16> {
    let plain = code.bytes().all(|byte| byte.is_ascii_digit());
    if plain { code.parse().ok() } else { None }
}

fn scope(code: String) -> Option<Scope> {
    Scope::try_from(code).ok()
}
