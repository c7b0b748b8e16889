//! The file that holds the units: a line of JSON that says what it is, then one zstd frame of tables
//! sorted by code. Checks everything it reads, so that whoever looks things up cannot fail.
//!
//! Written by `core/data/units/build.py`, whose README describes the form.

use serde::Deserialize;

use super::{UnitKind, UnitsError};
use crate::checklist::Day;

/// The form of unit files that this program reads. 1 was a plain JSON file with six communes.
pub(super) const FORMAT: u32 = 2;
/// Longest first line: names, a licence and a source, some lines of text.
const HEADER_BYTES_MAX: usize = 4096;
/// What the tables may inflate to: today's 220 kB five times over.
const BODY_BYTES_MAX: usize = 1 << 20;
/// A former commune's kind has this bit when two public data sets give it different successors.
const DISPUTED: u8 = 0x80;
/// A successor with this bit is a place in [`Tables::several`].
const SEVERAL: u16 = 0x8000;
/// A district that had communes has no successor of its own.
const NOWHERE: u16 = 0xFFFF;

/// Kinds by the number that the file has for them. Numbers are never given to another kind.
const KINDS: [UnitKind; 9] = [
    UnitKind::Province,
    UnitKind::City,
    UnitKind::Commune,
    UnitKind::Ward,
    UnitKind::SpecialZone,
    UnitKind::UrbanDistrict,
    UnitKind::RuralDistrict,
    UnitKind::Town,
    UnitKind::Township,
];

/// What the first line says.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) effective_from: String,
    pub(super) official: bool,
    pub(super) source: String,
    pub(super) package: Package,
    body: BodyFacts,
}

/// The public data that the file was built from.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licence: String,
    pub(super) copyright: String,
}

#[derive(Debug, Deserialize)]
struct BodyFacts {
    bytes: usize,
    #[cfg(test)]
    sha256: String,
}

/// Reads nothing but the form, which every later form will also have.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

/// One unit. What a table has no use for is 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) code: u16,
    name: u16,
    /// Place of the unit above in its table.
    pub(super) above: u16,
    pub(super) kind: UnitKind,
    pub(super) disputed: bool,
    to: u16,
}

/// All units. Every place in here lies within the table it points to.
#[derive(Debug)]
pub(super) struct Tables {
    names: Vec<String>,
    pub(super) provinces: Vec<Row>,
    pub(super) communes: Vec<Row>,
    pub(super) old_provinces: Vec<Row>,
    pub(super) old_districts: Vec<Row>,
    pub(super) old_communes: Vec<Row>,
    /// A number of successors, then as many places of communes, again and again.
    several: Vec<u16>,
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<(Header, Tables), UnitsError> {
    let start = &bytes[..bytes.len().min(HEADER_BYTES_MAX)];
    let end = start.iter().position(|byte| *byte == b'\n').ok_or(UnitsError::NoHeader)?;
    let json = |source| UnitsError::Header { source };
    let form: Form = serde_json::from_slice(&start[..end]).map_err(json)?;
    if form.format != FORMAT {
        return Err(UnitsError::Format { found: form.format });
    }
    let header: Header = serde_json::from_slice(&start[..end]).map_err(json)?;
    if header.effective_from.parse::<Day>().is_err() {
        return Err(UnitsError::Day);
    }
    if header.body.bytes > BODY_BYTES_MAX {
        return Err(UnitsError::Damaged { what: "size" });
    }
    let body = zstd::bulk::decompress(&bytes[end + 1..], header.body.bytes)
        .map_err(|_| UnitsError::Damaged { what: "packing" })?;
    if body.len() != header.body.bytes {
        return Err(UnitsError::Damaged { what: "size" });
    }
    Ok((header, Tables::read(&body)?))
}

impl Tables {
    fn read(body: &[u8]) -> Result<Self, UnitsError> {
        let mut at = Reader { rest: body };
        let names = at.names()?;
        let provinces = Columns { wide: false, above: false, to: false };
        let communes = Columns { wide: true, above: true, to: false };
        let old_provinces = Columns { wide: false, above: false, to: true };
        let former = Columns { wide: true, above: true, to: true };
        let mut tables = Self {
            names,
            provinces: at.table(provinces)?,
            communes: at.table(communes)?,
            old_provinces: at.table(old_provinces)?,
            old_districts: at.table(former)?,
            old_communes: at.table(former)?,
            several: Vec::new(),
        };
        let count = at.short()?;
        tables.several = at.shorts(count.into())?;
        if !at.rest.is_empty() {
            return Err(UnitsError::Damaged { what: "end" });
        }
        tables.check()?;
        Ok(tables)
    }

    /// Sees to it that every place lies in its table, and every code has its digits.
    fn check(&self) -> Result<(), UnitsError> {
        let damaged = |what| UnitsError::Damaged { what };
        let sorted = |table: &[Row], most: u16| {
            table.windows(2).all(|pair| pair[0].code < pair[1].code)
                && table.iter().all(|row| {
                    (1..=most).contains(&row.code) && usize::from(row.name) < self.names.len()
                })
        };
        let under = |table: &[Row], above: &[Row]| {
            table.iter().all(|row| usize::from(row.above) < above.len())
        };
        let codes = sorted(&self.provinces, 99)
            && sorted(&self.communes, u16::MAX)
            && sorted(&self.old_provinces, 99)
            && sorted(&self.old_districts, 999)
            && sorted(&self.old_communes, u16::MAX);
        if !codes {
            return Err(damaged("codes"));
        }
        let parents = under(&self.communes, &self.provinces)
            && under(&self.old_districts, &self.old_provinces)
            && under(&self.old_communes, &self.old_districts);
        if !parents {
            return Err(damaged("parents"));
        }
        let lies = |place: u16, table: &[Row]| usize::from(place) < table.len();
        let successors = self.old_provinces.iter().all(|row| lies(row.to, &self.provinces))
            && self
                .old_districts
                .iter()
                .all(|row| row.to == NOWHERE || lies(row.to, &self.communes))
            && self.old_communes.iter().all(|row| {
                let to = self.successors(row);
                !to.is_empty() && to.iter().all(|place| lies(*place, &self.communes))
            });
        if successors { Ok(()) } else { Err(damaged("successors")) }
    }

    /// Returns a unit's name.
    pub(super) fn name(&self, row: &Row) -> &str {
        self.named(row.name)
    }

    /// Returns the number of a unit's name.
    pub(super) fn name_number(row: &Row) -> u16 {
        row.name
    }

    /// Returns a name by its number.
    pub(super) fn named(&self, number: u16) -> &str {
        self.names.get(usize::from(number)).map_or("", String::as_str)
    }

    /// Returns all names, each once, by number.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the places of a former commune's successors.
    pub(super) fn successors<'a>(&'a self, row: &'a Row) -> &'a [u16] {
        if row.to & SEVERAL == 0 {
            return std::slice::from_ref(&row.to);
        }
        let rest = self.several.get(usize::from(row.to & !SEVERAL)..).unwrap_or_default();
        let Some((count, rest)) = rest.split_first() else { return &[] };
        rest.get(..usize::from(*count)).unwrap_or_default()
    }

    /// Returns the place of the province that a former province went into.
    pub(super) fn province_after(row: &Row) -> u16 {
        row.to
    }

    /// Returns the place of the commune that a district without communes became.
    pub(super) fn commune_after(district: &Row) -> Option<u16> {
        (district.to != NOWHERE).then_some(district.to)
    }
}

/// Returns the place of a code in its table.
pub(super) fn place(table: &[Row], code: u16) -> Option<usize> {
    table.binary_search_by_key(&code, |row| row.code).ok()
}

/// Which columns a table has beside codes, names and kinds.
#[derive(Clone, Copy)]
struct Columns {
    /// Codes of two bytes.
    wide: bool,
    above: bool,
    to: bool,
}

/// What is left to read.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], UnitsError> {
        let (taken, rest) =
            self.rest.split_at_checked(bytes).ok_or(UnitsError::Damaged { what: "length" })?;
        self.rest = rest;
        Ok(taken)
    }

    fn short(&mut self) -> Result<u16, UnitsError> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn shorts(&mut self, count: usize) -> Result<Vec<u16>, UnitsError> {
        let bytes = self.take(count * 2)?;
        Ok(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
    }

    fn names(&mut self) -> Result<Vec<String>, UnitsError> {
        let count = self.short()?;
        let mut names = Vec::with_capacity(count.into());
        for _ in 0..count {
            let length = self.take(1)?[0];
            let name = std::str::from_utf8(self.take(length.into())?);
            names.push(name.map_err(|_| UnitsError::Damaged { what: "names" })?.to_owned());
        }
        Ok(names)
    }

    fn table(&mut self, columns: Columns) -> Result<Vec<Row>, UnitsError> {
        let count = usize::from(self.short()?);
        let codes = if columns.wide {
            self.shorts(count)?
        } else {
            self.take(count)?.iter().map(|code| u16::from(*code)).collect()
        };
        let names = self.shorts(count)?;
        let above = if columns.above { self.shorts(count)? } else { vec![0; count] };
        let kinds = self.take(count)?;
        let to = if columns.to { self.shorts(count)? } else { vec![0; count] };
        (0..count)
            .map(|at| {
                let kind = KINDS.get(usize::from(kinds[at] & !DISPUTED));
                Ok(Row {
                    code: codes[at],
                    name: names[at],
                    above: above[at],
                    kind: *kind.ok_or(UnitsError::Damaged { what: "kinds" })?,
                    disputed: kinds[at] & DISPUTED != 0,
                    to: to[at],
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};
    use unicode_normalization::is_nfc;

    use super::*;
    use crate::checklist::UNITS;

    const SAMPLE: &[u8] = include_bytes!("../../../data/units/sample.bin");

    fn body(bytes: &[u8]) -> (usize, Vec<u8>) {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        (end, zstd::bulk::decompress(&bytes[end..], BODY_BYTES_MAX).unwrap())
    }

    #[test]
    fn both_files_are_what_their_headers_say_and_composed() {
        for bytes in [UNITS, SAMPLE] {
            let (header, tables) = read(bytes).unwrap();
            assert_eq!(hex::encode(Sha256::digest(body(bytes).1)), header.body.sha256);
            assert!(tables.names.iter().all(|name| is_nfc(name)));
            assert!(!header.official, "nobody has compared it with the signed decision");
            assert_eq!(header.package.licence, "MIT");
        }
        assert!(UNITS.len() < 150_000, "{} bytes in every program", UNITS.len());
    }

    #[test]
    fn a_newer_form_is_refused_by_its_number_whatever_else_it_says() {
        let error = read(b"{\"format\":3,\"units\":\"elsewhere\"}\n\x01\x02").unwrap_err();
        assert_eq!(error.to_string(), "the units file has format 3, this program reads 2");
        let old = b"{ \"format\": 1, \"units\": [] }\n";
        assert!(matches!(read(old), Err(UnitsError::Format { found: 1 })));
        assert!(matches!(read(b"units"), Err(UnitsError::NoHeader)));
        assert!(matches!(read(b"{\n"), Err(UnitsError::Header { .. })));
    }

    #[test]
    fn a_body_that_claims_too_much_is_refused_before_it_is_inflated() {
        let text = String::from_utf8_lossy(&SAMPLE[..body(SAMPLE).0]).into_owned();
        let (before, after) = text.split_once("\"bytes\":").unwrap();
        let after = after.split_once(',').unwrap().1;
        let claim = format!("{before}\"bytes\":{},{after}", 1_u64 << 40);
        let error = read(claim.as_bytes()).unwrap_err();
        assert!(matches!(error, UnitsError::Damaged { what: "size" }), "{error}");
    }

    #[test]
    fn a_cut_file_is_refused_at_every_length() {
        let whole = body(SAMPLE).1;
        for length in 0..whole.len() {
            assert!(Tables::read(&whole[..length]).is_err(), "{length}");
        }
        for length in 0..SAMPLE.len() {
            assert!(read(&SAMPLE[..length]).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn foreign_tables_never_panic_and_what_is_accepted_can_be_walked(
            at in 0_usize..10_000, byte in any::<u8>(),
        ) {
            let mut whole = body(SAMPLE).1;
            let at = at % whole.len();
            whole[at] = byte;
            if let Ok(tables) = Tables::read(&whole) {
                for row in &tables.old_communes {
                    for place in tables.successors(row) {
                        let commune = &tables.communes[usize::from(*place)];
                        let province = &tables.provinces[usize::from(commune.above)];
                        prop_assert!(province.code < 100 && tables.name(commune).len() < 256);
                    }
                    prop_assert!(tables.old_districts[usize::from(row.above)].code < 1000);
                }
            }
        }
    }
}
