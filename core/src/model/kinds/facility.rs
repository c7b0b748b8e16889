//! *Cơ sở*: a producer or food facility, its products and certificates.

use std::collections::BTreeMap;

use automerge::ROOT;
use serde::{Deserialize, Serialize};

use crate::model::edit::{EditError, Editor, NoteEdit, field, needed};
use crate::model::ids::{Kind, Scope};
use crate::model::register::{Register, Told};
use crate::model::text::clean;
use crate::model::view::{Place, View};

/// Kind of owner (*loại hình chủ thể*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OwnerKind {
    /// *Hợp tác xã*.
    Cooperative,
    /// *Tổ hợp tác*.
    CooperativeGroup,
    /// *Doanh nghiệp nhỏ và vừa*.
    Enterprise,
    /// *Hộ kinh doanh, hộ sản xuất*.
    Household,
    /// *Trang trại*.
    Farm,
    /// *Hội, tổ chức khác*.
    Association,
}

impl OwnerKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Cooperative,
        Self::CooperativeGroup,
        Self::Enterprise,
        Self::Household,
        Self::Farm,
        Self::Association,
    ];

    /// Returns the kind with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the name used in records and imports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cooperative => "cooperative",
            Self::CooperativeGroup => "cooperative_group",
            Self::Enterprise => "enterprise",
            Self::Household => "household",
            Self::Farm => "farm",
            Self::Association => "association",
        }
    }
}

/// Fields of a facility that [`Editor::set_facility`] takes one by one.
pub const FACILITY_FIELDS: [&str; 12] = [
    "name",
    "owner_kind",
    "code",
    "commune",
    "village",
    "address",
    "representative",
    "position",
    "phone",
    "latitude",
    "longitude",
    "food_safety_path",
];

/// A facility to write. Absent fields are left as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FacilityInput {
    /// *Tên cơ sở*.
    pub name: String,
    /// *Loại hình*.
    pub owner_kind: Option<OwnerKind>,
    /// *Mã số doanh nghiệp, HTX, hộ kinh doanh*.
    pub code: Option<String>,
    /// *Mã xã*: the commune where it produces.
    pub commune: Option<Scope>,
    /// *Thôn*.
    pub village: Option<String>,
    /// *Địa chỉ sản xuất*.
    pub address: Option<String>,
    /// *Người đại diện*.
    pub representative: Option<String>,
    /// *Chức vụ* of the representative.
    pub position: Option<String>,
    /// *Điện thoại*.
    pub phone: Option<String>,
    /// Latitude in decimal degrees, as text: a text does not lose digits.
    pub latitude: Option<String>,
    /// Longitude in decimal degrees, as text.
    pub longitude: Option<String>,
    /// Products by random id.
    pub products: Vec<([u8; 16], Product)>,
}

/// A product (*sản phẩm*).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Product {
    /// *Tên sản phẩm*.
    pub name: String,
    /// *Bộ sản phẩm OCOP*: 1 to 26, QĐ 26/2026/QĐ-TTg; none when it is no OCOP product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocop_set: Option<u8>,
    /// *Hạng sao*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stars: Option<u8>,
    /// *Mã sản phẩm OCOP*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// *Hạn giấy chứng nhận OCOP*, as YYYY-MM-DD.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expires: String,
    /// Taken off the list; kept and shown as such.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// A certificate or commitment (*giấy chứng nhận, bản cam kết*).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Certificate {
    /// What it certifies, for instance `food_safety`, `commitment`, `vietgap`, `iso22000`.
    pub what: String,
    /// *Số*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub number: String,
    /// *Cơ quan cấp*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// *Ngày cấp*, as YYYY-MM-DD.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issued: String,
    /// *Có giá trị đến*, as YYYY-MM-DD.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expires: String,
    /// Taken off the list; kept and shown as such.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// Typed reading of a facility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacilityView {
    /// Fields that somebody filled, by the names in [`FACILITY_FIELDS`].
    pub fields: BTreeMap<String, Register<String>>,
    /// Products by id.
    pub products: BTreeMap<String, Register<Told<Product>>>,
    /// Certificates by id.
    pub certificates: BTreeMap<String, Register<Told<Certificate>>>,
    /// Free notes.
    pub notes: String,
}

impl FacilityView {
    pub(crate) fn of(view: &View<'_>) -> Self {
        Self {
            fields: view.strings("fields"),
            products: view.told("products"),
            certificates: view.told("certificates"),
            notes: view.text("notes"),
        }
    }

    /// Returns the value to show for a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Register::shown).map(String::as_str)
    }
}

/// Highest number of an OCOP product set, QĐ 26/2026/QĐ-TTg.
const OCOP_SETS: u8 = 26;
/// Highest OCOP rank.
const STARS: u8 = 5;

impl Editor<'_> {
    /// Fills a new facility, or overwrites what the input names.
    ///
    /// # Errors
    ///
    /// Returns which field is missing, malformed or too long.
    pub fn facility(&mut self, input: &FacilityInput) -> Result<(), EditError> {
        self.set_facility("name", &needed("name of the facility", &input.name)?)?;
        let pairs = [
            ("owner_kind", input.owner_kind.map(OwnerKind::name)),
            ("code", input.code.as_deref()),
            ("commune", input.commune.as_ref().map(Scope::as_str)),
            ("village", input.village.as_deref()),
            ("address", input.address.as_deref()),
            ("representative", input.representative.as_deref()),
            ("position", input.position.as_deref()),
            ("phone", input.phone.as_deref()),
            ("latitude", input.latitude.as_deref()),
            ("longitude", input.longitude.as_deref()),
        ];
        for (name, value) in pairs {
            if let Some(value) = value {
                self.set_facility(name, value)?;
            }
        }
        for (id, product) in &input.products {
            self.product_put(*id, product)?;
        }
        Ok(())
    }

    /// Sets one field of a facility; one of [`FACILITY_FIELDS`].
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownField`], or which value is malformed or too long.
    pub fn set_facility(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        self.require(Kind::Facility, "facility fields")?;
        if !FACILITY_FIELDS.contains(&name) {
            let name = clean(name).chars().take(64).collect();
            return Err(EditError::UnknownField { kind: Kind::Facility, field: name });
        }
        let value = field(name, value)?;
        let wrong = |what, expected| Err(EditError::Invalid { what, expected });
        match name {
            "latitude" if !is_degrees(&value, 90) => {
                return wrong("latitude", "decimal degrees from -90 to 90");
            }
            "longitude" if !is_degrees(&value, 180) => {
                return wrong("longitude", "decimal degrees from -180 to 180");
            }
            "commune" if value.parse::<Scope>().is_err() => {
                return wrong("commune", "the five digits of a commune");
            }
            "owner_kind" if serde_json::from_value::<OwnerKind>(value.clone().into()).is_err() => {
                return wrong("kind of owner", "one of the known kinds");
            }
            _ => {}
        }
        let map = self.map("fields")?;
        self.put(&map, name, &value)
    }

    /// Writes a product's row.
    ///
    /// # Errors
    ///
    /// Returns which field is missing, malformed or too long.
    pub fn product_put(&mut self, id: [u8; 16], product: &Product) -> Result<(), EditError> {
        self.require(Kind::Facility, "products")?;
        if product.ocop_set.is_some_and(|set| !(1..=OCOP_SETS).contains(&set)) {
            return Err(EditError::Invalid { what: "OCOP set", expected: "from 1 to 26" });
        }
        if product.stars.is_some_and(|stars| !(1..=STARS).contains(&stars)) {
            return Err(EditError::Invalid { what: "OCOP rank", expected: "from 1 to 5 stars" });
        }
        let product = Product {
            name: needed("name of the product", &product.name)?,
            code: field("code", &product.code)?,
            expires: day("OCOP certificate's end", &product.expires)?,
            ..product.clone()
        };
        self.put_row("products", &hex::encode(id), &product)
    }

    /// Writes a certificate's row.
    ///
    /// # Errors
    ///
    /// Returns which field is missing, malformed or too long.
    pub fn certificate_put(&mut self, id: [u8; 16], row: &Certificate) -> Result<(), EditError> {
        self.require(Kind::Facility, "certificates")?;
        let row = Certificate {
            what: needed("kind of certificate", &row.what)?,
            number: field("number", &row.number)?,
            issuer: field("issuer", &row.issuer)?,
            issued: day("certificate's date", &row.issued)?,
            expires: day("certificate's end", &row.expires)?,
            removed: row.removed,
        };
        self.put_row("certificates", &hex::encode(id), &row)
    }

    /// Edits the free notes of a facility, plan or follow-up.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownField`] for other kinds, or why the text cannot be edited so.
    pub fn notes(&mut self, edit: NoteEdit) -> Result<(), EditError> {
        let text = self.text("notes")?;
        let place = Place { container: "texts".to_owned(), key: "notes".to_owned(), field: None };
        self.edit_whole((&text, &ROOT, "notes"), "notes", place, edit)
    }
}

/// Returns whether the text is a plain decimal number within plus and minus the limit.
fn is_degrees(text: &str, limit: u32) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(part) || whole.len() > 3 || part.len() > 10 {
        return false;
    }
    let whole = whole.parse::<u32>().unwrap_or(u32::MAX);
    whole < limit || (whole == limit && part.bytes().all(|byte| byte == b'0'))
}

/// Checks a day written as YYYY-MM-DD; blank stays blank.
pub(crate) fn day(what: &'static str, text: &str) -> Result<String, EditError> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse().ok());
    let well = bytes.len() == 10
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && bytes.iter().enumerate().all(|(at, b)| matches!(at, 4 | 7) || b.is_ascii_digit())
        && matches!(number(5, 7), Some(1..=12))
        && matches!(number(8, 10), Some(1..=31));
    if text.is_empty() || well {
        Ok(text.to_owned())
    } else {
        Err(EditError::Invalid { what, expected: "a day as YYYY-MM-DD" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_plain_decimals_within_range() {
        for good in ["21.9", "-0.5", "90", "90.000", "0"] {
            assert!(is_degrees(good, 90), "{good}");
        }
        for bad in ["", "-", "90.1", "1e5", "21,9", ".5", "5.", "NaN", "0x5", "１"] {
            assert!(!is_degrees(bad, 90), "{bad}");
        }
    }

    #[test]
    fn days_are_checked() {
        assert!(day("x", "2026-11-23").is_ok());
        assert!(day("x", "").is_ok());
        for bad in ["2026-13-01", "2026-00-01", "23/11/2026", "2026-1-1", "2026-11-32", "ééééé"]
        {
            assert!(day("x", bad).is_err(), "{bad}");
        }
    }
}
