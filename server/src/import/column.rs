//! The columns that mean something, and how a header names them.

use unicode_normalization::UnicodeNormalization as _;

/// A column of the table of facilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Column {
    /// *Mã cơ sở*: tells facilities apart within a file.
    Code,
    /// *Tên cơ sở*.
    Name,
    /// *Loại hình chủ thể*.
    OwnerKind,
    /// *Mã xã*: five digits.
    CommuneCode,
    /// *Thôn*.
    Village,
    /// *Địa chỉ sản xuất*.
    Address,
    /// *Người đại diện*.
    Representative,
    /// *Chức vụ* of the representative.
    Position,
    /// *Điện thoại*.
    Phone,
    /// *Vĩ độ*, in decimal degrees.
    Latitude,
    /// *Kinh độ*, in decimal degrees.
    Longitude,
    /// *Sản phẩm*, several in one cell.
    Products,
}

impl Column {
    /// All columns, in the order of the sample file.
    pub const ALL: [Self; 12] = [
        Self::Code,
        Self::Name,
        Self::OwnerKind,
        Self::CommuneCode,
        Self::Village,
        Self::Address,
        Self::Representative,
        Self::Position,
        Self::Phone,
        Self::Latitude,
        Self::Longitude,
        Self::Products,
    ];

    /// Returns the English name, as the sample file has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names()[0]
    }

    /// Returns whether every file must have this column, and every row a value in it.
    #[must_use]
    pub fn needed(self) -> bool {
        matches!(self, Self::Code | Self::Name | Self::OwnerKind | Self::CommuneCode)
    }

    /// Returns whether leading zeros and length count, so that a spreadsheet must keep it as text.
    pub(super) fn is_code(self) -> bool {
        matches!(self, Self::Code | Self::CommuneCode | Self::Phone)
    }

    /// Returns the column that a header names.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let header = folded(header);
        Self::ALL.into_iter().find(|column| column.names().contains(&header.as_str()))
    }

    /// Names as [`folded`] leaves them, the English one first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Code => &["code", "facility_code", "ma", "ma_co_so", "ma_so"],
            Self::Name => &["name", "facility_name", "ten", "ten_co_so"],
            Self::OwnerKind => &["owner_kind", "loai_hinh", "loai_hinh_chu_the"],
            Self::CommuneCode => &["commune_code", "commune", "ma_xa", "xa"],
            Self::Village => &["village", "thon", "ban", "thon_ban"],
            Self::Address => &["address", "dia_chi", "dia_chi_san_xuat"],
            Self::Representative => &["representative", "dai_dien", "nguoi_dai_dien"],
            Self::Position => &["position", "chuc_vu"],
            Self::Phone => &["phone", "dien_thoai", "so_dien_thoai"],
            Self::Latitude => &["latitude", "lat", "vi_do"],
            Self::Longitude => &["longitude", "lon", "lng", "kinh_do"],
            Self::Products => &["products", "san_pham"],
        }
    }
}

/// Returns a text as it is compared: lower case, without accents, words joined by `_`.
pub(super) fn folded(text: &str) -> String {
    let plain: String = text
        .nfd()
        .filter(|&character| !unicode_normalization::char::is_combining_mark(character))
        .flat_map(char::to_lowercase)
        .map(|character| if character == 'đ' { 'd' } else { character })
        .collect();
    let words = plain.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_in_both_languages_with_and_without_accents() {
        for header in ["commune_code", "Mã xã", "MÃ XÃ", " ma xa ", "Mã\u{a0}xã", "ma-xa"] {
            assert_eq!(Column::parse(header), Some(Column::CommuneCode), "{header}");
        }
        // The same letters, composed and decomposed.
        assert_eq!(Column::parse("D\u{323}ia"), None);
        assert_eq!(Column::parse("Đi\u{323}a chi\u{309}"), Some(Column::Address));
        assert_eq!(Column::parse("colour"), None);
        assert_eq!(Column::parse(""), None);
    }

    #[test]
    fn no_two_columns_share_a_name() {
        let mut names: Vec<_> = Column::ALL.iter().flat_map(|column| column.names()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
