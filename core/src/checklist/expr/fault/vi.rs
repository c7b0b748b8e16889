//! What is wrong with an expression, in Vietnamese. Names of functions and types stay what they are.

use super::FaultKind;

impl FaultKind {
    /// Returns it in Vietnamese. What is rare is told in the words of the language of expressions,
    /// behind a Vietnamese opening.
    #[must_use]
    pub fn vi(&self) -> String {
        match self {
            Self::Empty => "biểu thức trống; hãy bỏ đi hoặc viết biểu thức".into(),
            Self::TooLong { characters } => format!(
                "biểu thức có {characters} ký tự, quá giới hạn {}; hãy tách bằng chỉ tiêu tính toán",
                crate::checklist::expr::EXPRESSION_CHARS_MAX
            ),
            Self::TooDeep => format!(
                "biểu thức lồng quá {} cấp; hãy tách bằng chỉ tiêu tính toán",
                crate::checklist::expr::NESTING_MAX
            ),
            Self::Unexpected { found } => format!("{found} không thể đứng ở đây"),
            Self::EndsEarly => "biểu thức kết thúc ở chỗ còn thiếu một giá trị".into(),
            Self::Name { found } => {
                format!("{found} không phải hàm hay phép toán ở đây; chỉ tiêu viết là ${{{found}}}")
            }
            Self::Path => {
                "không dùng đường dẫn, thuộc tính và vị từ XPath; hãy viết ${mã chỉ tiêu}".into()
            }
            Self::UnknownName { name } => {
                format!("không có chỉ tiêu hay nhóm lặp nào tên {name}")
            }
            Self::GroupAsValue { name } => {
                format!("{name} là nhóm lặp; chỉ count(${{{name}}}) đọc được")
            }
            Self::ManyValues { name, group } => format!(
                "{name} có một giá trị cho mỗi dòng của {group}; ngoài nhóm ấy chỉ dùng được trong count, count-non-empty, sum, min hoặc max"
            ),
            Self::UnknownFunction { name } => format!("không có hàm {name}"),
            Self::Arguments { function, found, .. } => {
                format!("hàm {function} không nhận {found} đối số")
            }
            Self::CompareTwice => "mỗi lần so sánh hai giá trị và nối các so sánh bằng and".into(),
            Self::NotAnOption { option, item, .. } => {
                format!("“{option}” không phải phương án của {item}")
            }
            Self::KeysNoNumbers { item } => format!(
                "mã các phương án của {item} không phải số; hãy so sánh với mã trong dấu nháy"
            ),
            Self::NoNumber { text } => format!("“{text}” không phải số"),
            Self::EmptyCondition => {
                "văn bản trống không phải điều kiện; hãy bỏ biểu thức, hoặc viết true() hay false()"
                    .into()
            }
            Self::Day => {
                "ngày viết date('YYYY-MM-DD') và nằm trong khoảng 1900-01-01 đến 2999-12-31".into()
            }
            Self::OwnValue => {
                "dấu chấm là giá trị của chính chỉ tiêu; nhóm không có giá trị".into()
            }
            Self::Cycle { path } => format!("giá trị cần chính nó: {}", path.join(" -> ")),
            Self::CalculationKind => "chỉ tiêu tính toán là số, văn bản, có/không hoặc ngày".into(),
            Self::Twice { name } => format!("tên {name} đã được dùng"),
            other => format!("biểu thức không đúng ({other})"),
        }
    }
}
