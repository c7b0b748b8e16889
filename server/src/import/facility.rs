//! From cells to facilities: what each column takes. Collects problems, never stops at the first.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use super::column::{Column, folded};
use super::problem::{ImportError, Place, Problem, ProblemKind, known_columns};
use super::table::{Cell, Line, Table};
use super::{CELL_CHARS_MAX, CODE_CHARS_MAX, PRODUCTS_MAX, is_blank};

/// One facility (*cơ sở*) as a row of the file gives it. Texts are NFC, without blanks around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacilityRow {
    /// The row's number as spreadsheets count, from 1.
    pub row: u32,
    /// *Mã cơ sở*; no other row of the file has it, upper and lower case being the same.
    pub code: String,
    /// *Tên cơ sở*.
    pub name: String,
    /// *Loại hình chủ thể*.
    pub owner_kind: OwnerKind,
    /// *Mã xã*: five digits, or a name. Which commune that is, and whether there is one, is for the
    /// caller to know.
    pub commune: String,
    /// The header of that column as it stands in the file.
    pub commune_column: String,
    /// *Thôn*.
    pub village: Option<String>,
    /// *Địa chỉ sản xuất*.
    pub address: Option<String>,
    /// *Người đại diện*.
    pub representative: Option<String>,
    /// *Chức vụ* of the representative.
    pub position: Option<String>,
    /// *Điện thoại*: digits only, from the leading 0.
    pub phone: Option<String>,
    /// *Vĩ độ*: decimal degrees with a point, as a text, because a text does not lose digits.
    pub latitude: Option<String>,
    /// *Kinh độ*, as the latitude; given exactly when that is.
    pub longitude: Option<String>,
    /// *Sản phẩm*: names, none of them empty.
    pub products: Vec<String>,
}

/// Kind of owner (*loại hình chủ thể*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OwnerKind {
    /// *Hợp tác xã* (HTX).
    Cooperative,
    /// *Tổ hợp tác* (THT).
    CooperativeGroup,
    /// *Doanh nghiệp* (DN).
    Enterprise,
    /// *Hộ kinh doanh, hộ sản xuất*.
    Household,
    /// *Trang trại*.
    Farm,
    /// *Hội, hiệp hội*.
    Association,
}

impl OwnerKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Cooperative,
        Self::CooperativeGroup,
        Self::Enterprise,
        Self::Household,
        Self::Farm,
        Self::Association,
    ];

    /// Returns the name used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names()[0]
    }

    fn parse(text: &str) -> Option<Self> {
        let text = folded(text);
        Self::ALL.into_iter().find(|kind| kind.names().contains(&text.as_str()))
    }

    /// Names as [`folded`] leaves them, the one of records first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Cooperative => &["cooperative", "htx", "hop_tac_xa"],
            Self::CooperativeGroup => &["cooperative_group", "tht", "to_hop_tac"],
            Self::Enterprise => {
                &["enterprise", "company", "dn", "dnnvv", "doanh_nghiep", "cong_ty"]
            }
            Self::Household => {
                &["household", "ho", "ho_kd", "hkd", "ho_kinh_doanh", "ho_san_xuat", "ho_gia_dinh"]
            }
            Self::Farm => &["farm", "trang_trai", "tt"],
            Self::Association => &["association", "hoi", "hiep_hoi"],
        }
    }
}

/// Turns a table into facilities, or into every problem it has.
pub(super) fn check(table: &Table) -> Result<Vec<FacilityRow>, ImportError> {
    let [header, lines @ ..] = table.lines.as_slice() else { return Err(ImportError::Empty) };
    let mut problems = Vec::new();
    let columns = Columns::read(header, &mut problems);
    if lines.is_empty() && problems.is_empty() {
        return Err(ImportError::Empty);
    }
    let mut facilities = Vec::with_capacity(lines.len());
    let (mut codes, mut places) = (BTreeMap::new(), Vec::new());
    for line in lines {
        let mut row = Row { line, columns: &columns, problems: &mut problems };
        row.check_strays();
        let facility = row.facility(&mut codes, &mut places);
        facilities.extend(facility);
    }
    if problems.is_empty() {
        return Ok(facilities);
    }
    problems.sort_by_key(|problem| problem.row);
    Err(ImportError::Rejected { problems, places })
}

/// Where each column stands, and how the file calls it.
struct Columns {
    places: BTreeMap<Column, usize>,
    headers: BTreeMap<usize, String>,
}

impl Columns {
    fn read(header: &Line, problems: &mut Vec<Problem>) -> Self {
        let mut columns = Self { places: BTreeMap::new(), headers: BTreeMap::new() };
        let mut report = |column: String, kind| {
            problems.push(Problem { row: header.row, column, kind });
        };
        for (at, cell) in &header.cells {
            let text = match cell {
                Cell::Text(text) => tidied(text),
                Cell::Number(number) => number.to_string(),
                Cell::Other(_) => letters(*at),
            };
            // A header is repeated in messages, so a huge one is not.
            let text: String = text.chars().take(CODE_CHARS_MAX).collect();
            match Column::parse(&text) {
                Some(column) if columns.places.contains_key(&column) => {
                    report(text.clone(), ProblemKind::ColumnTwice);
                }
                Some(column) => drop(columns.places.insert(column, *at)),
                None => {
                    report(text.clone(), ProblemKind::ColumnUnknown { known: known_columns() });
                }
            }
            columns.headers.insert(*at, text);
        }
        for column in Column::ALL {
            if column.needed() && !columns.places.contains_key(&column) {
                report(column.name().to_owned(), ProblemKind::ColumnMissing);
            }
        }
        columns
    }

    /// Returns how the file calls a column, or its English name where the file has none.
    fn called(&self, column: Column) -> String {
        let at = self.places.get(&column);
        at.map_or_else(|| column.name().to_owned(), |at| self.header(*at))
    }

    fn header(&self, at: usize) -> String {
        self.headers.get(&at).cloned().unwrap_or_else(|| letters(at))
    }
}

/// One row under check.
struct Row<'a> {
    line: &'a Line,
    columns: &'a Columns,
    problems: &'a mut Vec<Problem>,
}

impl Row<'_> {
    fn facility(
        &mut self,
        codes: &mut BTreeMap<String, u32>,
        places: &mut Vec<Place>,
    ) -> Option<FacilityRow> {
        let code = self.code(codes);
        let name = self.needed(Column::Name);
        let owner_kind = self.needed(Column::OwnerKind);
        let owner_kind = owner_kind.and_then(|text| {
            self.valid(Column::OwnerKind, OwnerKind::parse(&text), ProblemKind::OwnerKind)
        });
        let commune = self.needed(Column::CommuneCode).and_then(|text| {
            let digits = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
            // No commune's name begins with a number; a code that lost a digit is none either.
            let name = !text.starts_with(char::is_numeric);
            let usable = (digits || name).then_some(text);
            self.valid(Column::CommuneCode, usable, ProblemKind::CommuneCode)
        });
        if let Some(commune) = &commune {
            let (code, commune) = (code.clone(), commune.clone());
            let column = self.columns.called(Column::CommuneCode);
            places.push(Place { row: self.line.row, code, commune, column });
        }
        let phone = self
            .text(Column::Phone)
            .and_then(|text| self.valid(Column::Phone, phone(&text), ProblemKind::Phone));
        let (latitude, longitude) = self.position();
        let village = self.text(Column::Village);
        let address = self.text(Column::Address);
        let representative = self.text(Column::Representative);
        let position = self.text(Column::Position);
        let products = self.products();
        Some(FacilityRow {
            row: self.line.row,
            code: code?,
            name: name?,
            owner_kind: owner_kind?,
            commune: commune?,
            commune_column: self.columns.called(Column::CommuneCode),
            village,
            address,
            representative,
            position,
            phone,
            latitude,
            longitude,
            products,
        })
    }

    /// Reports cells that stand under no header: a shifted row, or a separator inside a text.
    fn check_strays(&mut self) {
        for (at, _) in &self.line.cells {
            if !self.columns.headers.contains_key(at) {
                self.report_at(*at, ProblemKind::NoHeader);
            }
        }
    }

    fn code(&mut self, codes: &mut BTreeMap<String, u32>) -> Option<String> {
        let code = self.needed(Column::Code)?;
        let plain = |mark: char| mark.is_ascii_alphanumeric() || ".-_/".contains(mark);
        if code.len() > CODE_CHARS_MAX || !code.chars().all(plain) {
            self.report(Column::Code, ProblemKind::Code);
            return None;
        }
        if let Some(&first) = codes.get(&code.to_ascii_uppercase()) {
            self.report(Column::Code, ProblemKind::CodeTwice { first });
            return None;
        }
        codes.insert(code.to_ascii_uppercase(), self.line.row);
        Some(code)
    }

    fn position(&mut self) -> (Option<String>, Option<String>) {
        let latitude = self.degrees(Column::Latitude);
        let longitude = self.degrees(Column::Longitude);
        let (north, east) = match (latitude, longitude) {
            (Given::Blank, Given::Blank) => return (None, None),
            (Given::Blank, _) => {
                self.report(Column::Latitude, ProblemKind::HalfPosition);
                return (None, None);
            }
            (_, Given::Blank) => {
                self.report(Column::Longitude, ProblemKind::HalfPosition);
                return (None, None);
            }
            (Given::Degrees(north), Given::Degrees(east)) => (north, east),
            _ => return (None, None),
        };
        let inside = |text: &str, (least, most): (f64, f64)| {
            text.parse().is_ok_and(|degrees: f64| (least..=most).contains(&degrees))
        };
        if inside(&north, VIETNAM_EAST) && inside(&east, VIETNAM_NORTH) {
            self.report(Column::Latitude, ProblemKind::Swapped);
            return (None, None);
        }
        let checks =
            [(Column::Latitude, &north, VIETNAM_NORTH), (Column::Longitude, &east, VIETNAM_EAST)];
        for (column, text, range) in checks {
            if !inside(text, range) {
                self.report(column, ProblemKind::OutsideVietnam);
            }
        }
        (Some(north), Some(east))
    }

    fn degrees(&mut self, column: Column) -> Given {
        let text = match self.cell(column) {
            None => return Given::Blank,
            // Seven digits are a centimetre; what lies behind is the float's.
            Some(Cell::Number(number)) => format!("{number:.7}"),
            Some(_) => match self.text(column) {
                Some(text) => text.replace(',', "."),
                None => return Given::Wrong,
            },
        };
        if !is_degrees(&text) {
            self.report(column, ProblemKind::Degrees);
            return Given::Wrong;
        }
        // Spreadsheets drop the zeros at the end, so texts do too: the same place is the same value.
        let short = match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.'),
            false => &text,
        };
        Given::Degrees(short.to_owned())
    }

    fn products(&mut self) -> Vec<String> {
        let text = self.text(Column::Products).unwrap_or_default();
        let products: Vec<_> = text
            .split([';', '|'])
            .map(str::trim)
            .filter(|product| !product.is_empty())
            .map(str::to_owned)
            .collect();
        if products.len() > PRODUCTS_MAX {
            let kind =
                ProblemKind::TooManyProducts { products: products.len(), limit: PRODUCTS_MAX };
            self.report(Column::Products, kind);
        }
        products
    }

    fn needed(&mut self, column: Column) -> Option<String> {
        // A column that is missing altogether is one problem, not one in each row.
        if self.cell(column).is_none() && self.columns.places.contains_key(&column) {
            self.report(column, ProblemKind::Missing);
        }
        let text = self.text(column)?;
        if is_blank(&text) {
            self.report(column, ProblemKind::Missing);
            return None;
        }
        Some(text)
    }

    /// Returns a cell's text, or nothing when it is empty or wrong; wrong is reported.
    fn text(&mut self, column: Column) -> Option<String> {
        let text = match self.cell(column)? {
            Cell::Text(text) => tidied(text),
            Cell::Number(_) if column.is_code() => {
                self.report(column, ProblemKind::NumberForCode);
                return None;
            }
            Cell::Number(number) => number.to_string(),
            Cell::Other(kind) => {
                self.report(column, kind.clone());
                return None;
            }
        };
        let chars = text.chars().count();
        if chars > CELL_CHARS_MAX {
            self.report(column, ProblemKind::TooLong { chars, limit: CELL_CHARS_MAX });
            return None;
        }
        if text.chars().any(|character| character.is_control() || character == '\u{fffd}') {
            self.report(column, ProblemKind::Unprintable);
            return None;
        }
        Some(text)
    }

    fn cell(&self, column: Column) -> Option<&Cell> {
        let at = self.columns.places.get(&column)?;
        self.line.cells.iter().find(|(place, _)| place == at).map(|(_, cell)| cell)
    }

    fn valid<T>(&mut self, column: Column, value: Option<T>, otherwise: ProblemKind) -> Option<T> {
        if value.is_none() {
            self.report(column, otherwise);
        }
        value
    }

    fn report(&mut self, column: Column, kind: ProblemKind) {
        match self.columns.places.get(&column) {
            Some(&at) => self.report_at(at, kind),
            None => self.push(column.name().to_owned(), kind),
        }
    }

    fn report_at(&mut self, at: usize, kind: ProblemKind) {
        self.push(self.columns.header(at), kind);
    }

    fn push(&mut self, column: String, kind: ProblemKind) {
        self.problems.push(Problem { row: self.line.row, column, kind });
    }
}

/// What a cell of a position holds.
enum Given {
    Blank,
    Wrong,
    Degrees(String),
}

/// Latitudes of Vietnam, islands included, rounded outwards.
const VIETNAM_NORTH: (f64, f64) = (6.0, 24.0);

/// Longitudes of Vietnam, islands included, rounded outwards. They share no value with the latitudes,
/// so that a swapped pair is always noticed.
const VIETNAM_EAST: (f64, f64) = (102.0, 118.0);

/// Digits after the 0 of a number: nine of a mobile or ten of a fixed line.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 9..=10;

/// Returns a telephone number as digits from the leading 0.
fn phone(text: &str) -> Option<String> {
    let kept: String =
        text.chars().filter(|mark| !mark.is_whitespace() && !".-()".contains(*mark)).collect();
    let rest = kept.strip_prefix("+84").or_else(|| kept.strip_prefix('0'))?;
    // Some write the 0 also behind the code of the country.
    let rest = rest.strip_prefix('0').unwrap_or(rest);
    let digits = rest.bytes().all(|byte| byte.is_ascii_digit());
    (digits && PHONE_DIGITS.contains(&rest.len())).then(|| format!("0{rest}"))
}

/// Returns whether a text is decimal degrees with a point.
fn is_degrees(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    plain(whole, 3) && plain(part, 10)
}

/// Returns a text in NFC with single blanks between words and none around them.
fn tidied(text: &str) -> String {
    let composed: String = text.nfc().collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the letters by which spreadsheets call a column, from 0.
fn letters(at: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = at + 1;
    while rest > 0 {
        letters.push(char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(rest - 1) % 26]));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_called_as_spreadsheets_call_them() {
        let called = [0, 25, 26, 51, 52, 701, 702].map(letters);
        assert_eq!(called, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn telephone_numbers_are_digits_from_the_leading_zero() {
        for text in ["0912 345 678", "+84 912.345.678", "(+84) 0912-345-678"] {
            assert_eq!(phone(text).as_deref(), Some("0912345678"), "{text}");
        }
        assert_eq!(phone("0205 3812 345").as_deref(), Some("02053812345"));
        for text in ["912345678", "091234567", "0912 345 678 9 0 1", "không có", "113"] {
            assert_eq!(phone(text), None, "{text}");
        }
    }

    #[test]
    fn kinds_of_owner_are_known_by_word_and_abbreviation() {
        for (text, kind) in [
            ("HTX", OwnerKind::Cooperative),
            ("Hợp tác xã", OwnerKind::Cooperative),
            ("Tổ hợp tác", OwnerKind::CooperativeGroup),
            ("DN", OwnerKind::Enterprise),
            ("hộ", OwnerKind::Household),
            ("Hộ kinh doanh", OwnerKind::Household),
            ("Trang trại", OwnerKind::Farm),
            ("farm", OwnerKind::Farm),
        ] {
            assert_eq!(OwnerKind::parse(text), Some(kind), "{text}");
        }
        assert_eq!(OwnerKind::parse("chính phủ"), None);
    }

    #[test]
    fn no_two_kinds_of_owner_share_a_name() {
        let mut names: Vec<_> = OwnerKind::ALL.iter().flat_map(|kind| kind.names()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
