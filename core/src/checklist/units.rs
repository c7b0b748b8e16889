//! *Đơn vị hành chính*: administrative units as data, with parents and a date.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Scope;

/// The form of unit files that this program reads.
const FORMAT: u32 = 1;

/// Why a file is no list of units.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitsError {
    /// It is no JSON, a field is missing or unknown, or a value is of the wrong type.
    #[error("units file line {line}, column {column}: {source}")]
    Json {
        /// Line of the file, from 1.
        line: usize,
        /// Column of the line.
        column: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file is of another form.
    #[error("the units file has format {found}, this program reads {FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
    /// The first day is not a day.
    #[error("the units file's effective_from must be a day as YYYY-MM-DD")]
    Day,
    /// A code occurs twice.
    #[error("unit {code} occurs twice")]
    Twice {
        /// The code.
        code: Scope,
    },
    /// A parent is missing.
    #[error("unit {code} has the parent {parent}, which stands nowhere before it")]
    Parent {
        /// The unit.
        code: Scope,
        /// Its parent.
        parent: Scope,
    },
}

/// Level of a unit. There is no district since 1 July 2025.
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

/// One administrative unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Its code.
    pub code: Scope,
    /// Its name, without the kind of unit.
    pub name: String,
    /// Its level.
    pub level: Level,
    /// The unit above it.
    pub parent: Option<Scope>,
    /// The units it was formed from, by name.
    pub formed_from: Vec<String>,
}

/// The units in force from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    effective_from: String,
    source: String,
    units: BTreeMap<Scope, Unit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    effective_from: String,
    source: String,
    units: Vec<Unit>,
}

impl Units {
    /// Reads a list of units; parents stand before their children.
    ///
    /// # Errors
    ///
    /// Returns [`UnitsError`] naming the line or the unit.
    pub fn parse(bytes: &[u8]) -> Result<Self, UnitsError> {
        let file: File = serde_json::from_slice(bytes).map_err(|source| UnitsError::Json {
            line: source.line(),
            column: source.column(),
            source,
        })?;
        if file.format != FORMAT {
            return Err(UnitsError::Format { found: file.format });
        }
        if !super::template::is_day(&file.effective_from) {
            return Err(UnitsError::Day);
        }
        let mut units: BTreeMap<Scope, Unit> = BTreeMap::new();
        for unit in file.units {
            let code = unit.code.clone();
            if let Some(parent) = &unit.parent
                && !units.contains_key(parent)
            {
                return Err(UnitsError::Parent { code, parent: parent.clone() });
            }
            if units.insert(code.clone(), unit).is_some() {
                return Err(UnitsError::Twice { code });
            }
        }
        Ok(Self { effective_from: file.effective_from, source: file.source, units })
    }

    /// Returns the first day these units are in force, as YYYY-MM-DD.
    #[must_use]
    pub fn effective_from(&self) -> &str {
        &self.effective_from
    }

    /// Returns the legal source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns a unit by its code.
    #[must_use]
    pub fn unit(&self, code: &Scope) -> Option<&Unit> {
        self.units.get(code)
    }

    /// Returns all units by code.
    pub fn all(&self) -> impl Iterator<Item = &Unit> {
        self.units.values()
    }

    /// Returns whether a unit is the other or lies within it.
    #[must_use]
    pub fn is_within(&self, inner: &Scope, outer: &Scope) -> bool {
        // Parents stand before children, so the way up is finite.
        let mut at = Some(inner);
        while let Some(code) = at {
            if code == outer {
                return true;
            }
            at = self.units.get(code).and_then(|unit| unit.parent.as_ref());
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::UNITS;

    fn scope(code: &str) -> Scope {
        code.parse().unwrap()
    }

    #[test]
    fn the_six_communes_of_bac_son_lie_in_lang_son() {
        let units = Units::parse(UNITS).unwrap();
        let communes: Vec<&Unit> =
            units.all().filter(|unit| unit.level == Level::Commune).collect();
        assert_eq!(communes.len(), 6);
        for commune in communes {
            assert!(units.is_within(&commune.code, &scope("20")), "{}", commune.name);
            assert!(units.is_within(&commune.code, &scope("00")));
            assert!(!units.is_within(&scope("20"), &commune.code));
        }
        assert_eq!(units.unit(&scope("06325")).unwrap().name, "Bắc Sơn");
    }

    #[test]
    fn a_unit_without_its_parent_is_refused_by_name() {
        let text =
            std::str::from_utf8(UNITS).unwrap().replace("\"parent\": \"20\"", "\"parent\": \"21\"");
        let error = Units::parse(text.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unit 06325 has the parent 21, which stands nowhere before it"
        );
    }
}
