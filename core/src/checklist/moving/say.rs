//! Why a plan does what it does, in both languages.

use super::matching::is_readable_as;
use super::{Fate, MoveLine};
use crate::checklist::template::{Item, Template};

/// Characters of an item's text that a line quotes.
const QUOTE_CHARS: usize = 60;

/// Fills in why.
pub(super) fn why(line: &mut MoveLine, source: &Template, target: &Template) {
    let of = |template: &Template, key: &Option<String>| {
        let key = key.as_deref()?;
        template.item(key).map(|(_, item)| item.clone())
    };
    let (old, new) = (of(source, &line.from), of(target, &line.to));
    let (mut vi, mut en) = match line.fate {
        Fate::Kept => told(old.as_ref(), new.as_ref(), ("giữ nguyên", "kept")),
        Fate::Moved => match (&line.from, &line.to) {
            (Some(from), Some(to)) => {
                let (vi, en) = told(old.as_ref(), new.as_ref(), ("", ""));
                (
                    format!("chuyển từ mục {from} sang mục {to}{vi}"),
                    format!("goes from item {from} to item {to}{en}"),
                )
            }
            _ => (
                "câu trả lời đã có từ lần dùng phiên bản này trước đây".to_owned(),
                "was answered when the record was filled by this edition before".to_owned(),
            ),
        },
        Fate::NoLongerFits => (
            "câu trả lời không còn được phép ở phiên bản mới; vẫn giữ và hiển thị, không tính, \
             cần trả lời lại"
                .to_owned(),
            "the new edition does not allow the answer; it is kept and shown, not counted, and the \
             item waits for another"
                .to_owned(),
        ),
        Fate::NeedsAnswer if line.from.is_none() => {
            ("mục mới, cần trả lời".to_owned(), "a new item that needs an answer".to_owned())
        }
        Fate::NeedsAnswer => {
            ("chưa có câu trả lời".to_owned(), "nobody has answered it yet".to_owned())
        }
        Fate::NoNewHome if line.row.is_some() && line.from.is_none() => (
            "phiên bản mới không có nhóm của dòng này; vẫn giữ và hiển thị, không tính".to_owned(),
            "the new edition has no group for this row; it is kept and shown, never counted"
                .to_owned(),
        ),
        Fate::NoNewHome if old.as_ref().is_some_and(|old| is_asked_otherwise(old, target)) => (
            "phiên bản mới hỏi khác (kiểu trả lời, đơn vị hoặc nội dung lựa chọn đã đổi) nên câu trả \
             lời cũ không còn cùng nghĩa; vẫn giữ và hiển thị, không tính, cần trả lời lại"
                .to_owned(),
            "the new edition asks it otherwise (another type of answer, unit or wording of an \
             option), so the answer no longer means the same; it is kept and shown, never counted, \
             and the item waits for another"
                .to_owned(),
        ),
        Fate::NoNewHome => (
            "phiên bản mới không có mục tương ứng; vẫn giữ và hiển thị, không tính".to_owned(),
            "the new edition has no item for it; it is kept and shown, never counted".to_owned(),
        ),
    };
    if let Some(item) = new.as_ref().or(old.as_ref()) {
        vi.push_str(&format!(": {}", quote(&item.text.vi)));
        en.push_str(&format!(": {}", quote(item.text.en_or_vi())));
    }
    (line.vi, line.en) = (vi, en);
}

/// Returns whether the new edition has the item, by its key or by its author's word, but its answers
/// would mean something else.
fn is_asked_otherwise(old: &Item, target: &Template) -> bool {
    target.each().any(|(_, item)| {
        let is_the_item =
            item.was.contains(&old.key) || (item.key == old.key && item.text.vi == old.text.vi);
        is_the_item && !is_readable_as(old, item)
    })
}

/// Says when the author of the checklist declared two texts to be the same item.
fn told(old: Option<&Item>, new: Option<&Item>, (vi, en): (&str, &str)) -> (String, String) {
    let reworded = old.zip(new).filter(|(old, new)| old.text.vi != new.text.vi);
    match reworded {
        None => (vi.to_owned(), en.to_owned()),
        Some((old, _)) => (
            format!("{vi} (phiếu mới nói là cùng một mục; trước đây: {})", quote(&old.text.vi)),
            format!(
                "{en} (the new edition says it is the same item; before: {})",
                quote(old.text.en_or_vi())
            ),
        ),
    }
}

fn quote(text: &str) -> String {
    let short: String = text.chars().take(QUOTE_CHARS).collect();
    let short = short.replace('\n', " ");
    if text.chars().nth(QUOTE_CHARS).is_some() { format!("{short}…") } else { short }
}
