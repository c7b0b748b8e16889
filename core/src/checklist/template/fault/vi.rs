//! What can be wrong with a template file, in Vietnamese. Names of fields and models are the format's
//! own and stay what they are.

use super::{Fault, FaultKind, ITEMS_MAX, ROWS_MAX, quoted};

impl Fault {
    /// Returns it in Vietnamese; [`std::fmt::Display`] is English.
    #[must_use]
    pub fn vi(&self) -> String {
        let mut said = String::new();
        if let Some(section) = &self.section {
            said.push_str(&format!("mục {}, ", quoted(section)));
        }
        if let Some(item) = &self.item {
            said.push_str(&format!("chỉ tiêu {}, ", quoted(item)));
        }
        said.push_str(if self.pointer.is_empty() { "tệp" } else { &self.pointer });
        if let Some(position) = self.position {
            said.push_str(&format!(", ký tự {position}"));
        }
        format!("{said}: {}", self.kind.vi())
    }
}

impl FaultKind {
    /// Returns it in Vietnamese.
    #[must_use]
    pub fn vi(&self) -> String {
        if let Some(form) = self.of_form() {
            return form;
        }
        match self {
            Self::Gate { gate, ranks } => {
                format!("dấu sao {gate} không hợp lệ; các hạng được cấp giấy chứng nhận là {ranks}")
            }
            Self::GateOrder { gate, points } => {
                format!("dấu {gate} sao chỉ cần {points} điểm, ít hơn dấu của hạng thấp hơn")
            }
            Self::NoMeaning { field, model } => {
                format!("{field} không có nghĩa trong cách xếp loại {model}")
            }
            Self::Sum { what, found, expected } => {
                format!("{} cộng lại là {found}, nhưng ghi là {expected}", named(what))
            }
            Self::Best { found, expected } => {
                format!("phương án tốt nhất được {found} điểm, nhưng điểm tối đa là {expected}")
            }
            Self::Parts { section, parts } => format!(
                "mục {section} được tính ở {parts} phần; mỗi mục có điểm thuộc đúng một phần"
            ),
            Self::Ranks => {
                "các hạng giảm dần về sao và điểm, hạng đầu từ nhiều nhất 100 và hạng cuối từ 0"
                    .into()
            }
            Self::NeedsStars { field } => format!(
                "{field} không có nghĩa khi thiếu stars, chỉ tiêu cho biết sản phẩm đang giữ mấy sao"
            ),
            Self::Stars { stars } => format!("không có hạng nào {stars} sao"),
            Self::Knockout => {
                "chỉ tiêu của điều kiện loại là lựa chọn có phương án yes, hoặc phép tính kiểu bool"
                    .into()
            }
            Self::CountsFall => "các giới hạn không được giảm từ dòng này sang dòng sau".into(),
            Self::Expression { kind } => kind.vi(),
            Self::InRepeat { item } => {
                format!("chỉ tiêu {item} nằm trong nhóm lặp; hãy nêu chỉ tiêu chỉ trả lời một lần")
            }
            other => other.to_string(),
        }
    }

    /// Returns what is wrong with the form of a file, its names, bounds and orders.
    fn of_form(&self) -> Option<String> {
        Some(match self {
            Self::Missing => "thiếu trường này".into(),
            Self::UnknownField { known } => {
                format!("không có trường này ở đây; các trường có là {known}")
            }
            Self::FieldTwice => {
                "trường này có hai lần trong một đối tượng; chỉ một lần được tính".into()
            }
            Self::Type { reason } => format!("giá trị không đúng kiểu hoặc thiếu một phần ({reason})"),
            Self::Null => "null không có nghĩa ở đây; hãy bỏ trường này".into(),
            Self::Needless => {
                "trường này nói điều vốn đã đúng khi không có nó; hãy bỏ đi để phiếu chỉ có một dạng".into()
            }
            Self::Empty => "văn bản trống".into(),
            Self::NotNfc => "văn bản không ở dạng Unicode NFC; hãy chuẩn hóa".into(),
            Self::NoEnglish => "thiếu bản tiếng Anh".into(),
            Self::NoEntries => "danh sách trống; hãy nêu ít nhất một".into(),
            Self::Day => "ngày viết YYYY-MM-DD và phải có trong lịch".into(),
            Self::DaysReversed => "effective_to trước effective_from; hãy đổi chỗ hoặc sửa".into(),
            Self::Key { allowed } => {
                format!("mã gồm 1 đến 16 ký tự trong {}", allowed.replace("full stop and hyphen", "dấu chấm, dấu nối"))
            }
            Self::Twice { name, first } => format!("{name} đã dùng ở {}; hãy chọn mã khác", named(first)),
            Self::Unknown { what, name } => format!("phiếu này không có {} {name}", named(what)),
            Self::TooManyItems { items } => {
                format!("có {items} chỉ tiêu, quá giới hạn {ITEMS_MAX}")
            }
            Self::NoItems => "không có chỉ tiêu nào".into(),
            Self::OverLimit { number, limit } => format!("{number} vượt giới hạn {limit}"),
            Self::Bounds { min, max } => {
                format!("mức ít nhất là {min}, lớn hơn mức nhiều nhất là {max}")
            }
            Self::BoundDigits { bound, decimals } => {
                format!("{bound} có nhiều chữ số thập phân hơn {decimals} của câu trả lời")
            }
            Self::GradeOrder => {
                "thứ tự phải nêu na, pass, minor, major và serious mỗi mức một lần, tốt nhất trước".into()
            }
            Self::Order { order, answer } => {
                format!("thứ tự {order} không hợp với câu trả lời kiểu {answer}")
            }
            Self::NoPoints { option } => {
                format!("các phương án xếp theo điểm nhưng phương án {option} không có điểm")
            }
            Self::Severities => "các mức lỗi phải tăng dần và không lặp lại".into(),
            Self::Rows => {
                format!("nhóm lặp có nhiều nhất {ROWS_MAX} dòng, và số nhiều nhất không ít hơn số ít nhất")
            }
            _ => return None,
        })
    }
}

/// Returns the Vietnamese of what a fault names by kind; a place or a name stays.
fn named(what: &str) -> &str {
    match what {
        "agency" => "cơ quan",
        "legal basis" => "căn cứ pháp lý",
        "group of the section" => "nhóm của mục",
        "case of the item" => "trường hợp của chỉ tiêu",
        "part, section, group or item" => "phần, mục, nhóm hoặc chỉ tiêu",
        "choice of numbers of stars" => "lựa chọn số sao",
        "criterion with a maximum" => "tiêu chí có điểm tối đa",
        "choice" => "lựa chọn",
        "item with cases" => "chỉ tiêu chia trường hợp",
        "item" => "chỉ tiêu",
        "section" => "mục",
        "the parts" => "các phần",
        "its sections" => "các mục",
        "its criteria" => "các tiêu chí",
        "the word for no option" => "từ chỉ “không phương án nào”",
        other => other,
    }
}
