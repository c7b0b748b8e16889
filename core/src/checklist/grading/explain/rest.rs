//! Explains what every grade has: conflicts, what is missing, what does not apply or does not count.

use super::super::answers::{Entry, Response};
use super::super::cells::{Flag, Flags};
use super::super::counting::{self, Counted};
use super::super::points::NamedSheet;
use super::super::result::{Aside, AsideReason, At, Graded, Listed};
use super::super::sheet::Sheet;
use super::say::{Line, quote};
use super::{Node, NodeKind, named, say};
use crate::checklist::expr::RowId;
use crate::checklist::template::{AnswerType, Item, Worse};

/// Most items that a line names; it always says how many there are.
const NAMED_MAX: usize = 60;

/// Explains all of it.
pub(super) fn nodes(graded: &Graded, sheets: &[NamedSheet<'_>]) -> Vec<Node> {
    let (_, first) = sheets[0];
    let mut nodes: Vec<Node> = sheets
        .iter()
        .flat_map(|(member, sheet)| {
            let cells =
                sheet.cells.all(Flag::Conflicted).iter().chain(sheet.cells.all(Flag::NoOrder));
            cells.take(NAMED_MAX).map(|cell| conflict(&sheet.at(cell), member, sheet))
        })
        .collect();
    nodes.extend(missing(graded, &first));
    let listed = |list: &Listed, vi: &str, en: &str| line_of(list, NodeKind::NotApplicable, vi, en);
    nodes.extend(listed(
        &graded.not_applicable,
        "Không áp dụng (có người xác nhận)",
        "Not applicable, as somebody says",
    ));
    nodes.extend(listed(
        &graded.not_relevant,
        "Không thuộc diện áp dụng theo phiếu",
        "Does not apply by the checklist",
    ));
    nodes.extend(graded.aside.iter().take(NAMED_MAX).map(aside));
    nodes
}

/// Returns what holds of a place.
pub(super) fn flags(at: &At, sheet: &Sheet<'_>) -> Flags {
    let row = at.row.as_deref().map(RowId::new);
    sheet.by_key.get(&at.item).map(|place| sheet.cells.of(&(*place, row))).unwrap_or_default()
}

/// Explains answers that differ: which stand, which counts, and why.
fn conflict(at: &At, member: &str, sheet: &Sheet<'_>) -> Node {
    let Some((section, item)) = sheet.template.item(&at.item) else {
        return Node::new(NodeKind::Conflict, Line::new(&at.item, &at.item));
    };
    let row = at.row.as_deref().map(RowId::new);
    let place = sheet.by_key.get(&at.item).copied().unwrap_or_default();
    let cell = (place, row);
    let stand = sheet.responses(&cell).len();
    let reading =
        sheet.standing(&cell).map(|standing| counting::read(sheet.template, item, standing));
    let partly = reading.as_ref().is_some_and(|reading| reading.partly);
    let counted = reading.map(|reading| reading.counted);
    let why = match &counted {
        Some(Counted::Answer(response)) if partly => beside(item, response),
        Some(Counted::Answer(response)) => counts(item, response, sheet),
        Some(Counted::NotApplicable) => counts(item, &Response::NotApplicable, sheet),
        _ => Line::new(
            "không so sánh được theo phiếu, tính là chưa trả lời",
            "the checklist has no order for them, so it counts as unanswered",
        ),
    };
    let name = named(item);
    let who = if member.is_empty() { String::new() } else { format!(" ({})", quote(member)) };
    let row = at.row.as_ref().map(|row| format!(" [{row}]")).unwrap_or_default();
    let line = Line::new(
        format!("{}{row}{who}: có {stand} câu trả lời khác nhau, {}", name.vi, why.vi),
        format!("{}{row}{who}: {stand} different answers stand, {}", name.en, why.en),
    );
    let mut node = Node::new(NodeKind::Conflict, line).of_item(&item.key).of_section(&section.code);
    node.row.clone_from(&at.row);
    let mut entries: Vec<&Entry> =
        sheet.standing(&cell).map(|standing| standing.entries.iter().collect()).unwrap_or_default();
    entries.sort();
    entries.dedup();
    node.children = entries.iter().map(|entry| said(item, entry)).collect();
    node
}

/// Says what counts where others stand that it cannot be compared with.
fn beside(item: &Item, response: &Response) -> Line {
    let answer = answer(item, response);
    let points = match item.max {
        Some(_) => Line::new(", không tính điểm", ", without points"),
        None => Line::new("", ""),
    };
    Line::new(
        format!(
            "tạm tính theo câu trả lời xấu nhất so sánh được: {}, cho đến khi có người giải quyết",
            answer.vi
        ),
        format!(
            "the worst that can be compared counts until a person resolves them: {}",
            answer.en
        ),
    )
    .then("", &points)
}

fn counts(item: &Item, response: &Response, sheet: &Sheet<'_>) -> Line {
    let answer = answer(item, response);
    let order = match (&item.answer, sheet.template.worse(item)) {
        (AnswerType::Grade { .. }, _) => Line::new("mức xấu hơn", "the worse grade"),
        (_, Some(Worse::FewerPoints)) => {
            Line::new("phương án ít điểm hơn", "the option with fewer points")
        }
        (_, Some(Worse::ListedWorstFirst)) => {
            Line::new("phương án đứng trước", "the option listed earlier")
        }
        (_, Some(Worse::ListedBestFirst)) => {
            Line::new("phương án đứng sau", "the option listed later")
        }
        (_, Some(Worse::LowerIsWorse)) => Line::new("số nhỏ hơn", "the lower number"),
        (_, Some(Worse::HigherIsWorse)) => Line::new("số lớn hơn", "the higher number"),
        (_, Some(Worse::EarlierIsWorse)) => Line::new("ngày sớm hơn", "the earlier day"),
        (_, Some(Worse::LaterIsWorse)) => Line::new("ngày muộn hơn", "the later day"),
        (_, Some(Worse::FewerIsWorse)) => {
            Line::new("câu trả lời ít lựa chọn hơn", "the answer with fewer choices")
        }
        (_, Some(Worse::MoreIsWorse)) => {
            Line::new("câu trả lời nhiều lựa chọn hơn", "the answer with more choices")
        }
        (_, None) => Line::new("theo phiếu", "by the checklist"),
    };
    Line::new(
        format!("tạm tính theo {}: {}, cho đến khi có người giải quyết", order.vi, answer.vi),
        format!("{} counts until a person resolves them: {}", order.en, answer.en),
    )
}

fn said(item: &Item, entry: &Entry) -> Node {
    let mut line = answer(item, &entry.response);
    let by = entry.by.as_deref().map(quote);
    let on = entry.on.map(|day| day.to_string());
    let who: Vec<String> = by.into_iter().chain(on).collect();
    if !who.is_empty() {
        let who = who.join(", ");
        line = Line::new(format!("{} ({who})", line.vi), format!("{} ({who})", line.en));
    }
    Node::new(NodeKind::Conflict, line).of_item(&item.key)
}

/// Returns an answer as people read it.
fn answer(item: &Item, response: &Response) -> Line {
    match response {
        Response::Grade(grade) => say::grade(*grade),
        Response::NotApplicable => Line::new("không áp dụng", "not applicable"),
        Response::Withdrawn => Line::new("rút lại", "taken back"),
        Response::Unreadable(text) => Line::new(
            format!("không đọc được: {}", quote(text)),
            format!("unreadable: {}", quote(text)),
        ),
        Response::Value(text) => match item.option(text) {
            Some(option) => Line::new(
                format!("{text} – {}", quote(&option.text.vi)),
                format!("{text} – {}", quote(option.text.en_or_vi())),
            ),
            None => Line::new(quote(text), quote(text)),
        },
    }
}

fn missing(graded: &Graded, sheet: &Sheet<'_>) -> Vec<Node> {
    let missing = &graded.missing;
    let line = |list: &Listed, vi: &str, en: &str| line_of(list, NodeKind::Missing, vi, en);
    let mut nodes: Vec<Node> = Vec::new();
    nodes.extend(line(&missing.items, "Chưa trả lời", "Not answered"));
    nodes.extend(missing.rows.iter().map(|wrong| {
        let (section, rows, min, max) = (&wrong.section, wrong.rows, wrong.min, wrong.max);
        let line = Line::new(
            format!("Nhóm {section}: có {rows} dòng, phải từ {min} đến {max}"),
            format!("Group {section}: {rows} rows, it must have {min} to {max}"),
        );
        Node::new(NodeKind::Missing, line).of_section(section)
    }));
    nodes.extend(line(&missing.evidence, "Thiếu ảnh minh chứng", "Photos as evidence are missing"));
    nodes.extend(violated(&missing.violated, sheet));
    nodes.extend(line(
        &missing.unsettled,
        "Chưa rõ có phải trả lời không hoặc kết quả ra sao, còn tùy câu trả lời khác",
        "Whether these must be answered, or what they come to, is not known yet: other answers decide it",
    ));
    for items in &missing.cases {
        let items = items.join(", ");
        let line = Line::new(
            format!("Các tiêu chí {items} phải chọn phương án của cùng một trường hợp"),
            format!("Criteria {items} must have options of one case"),
        );
        nodes.push(Node::new(NodeKind::Missing, line));
    }
    nodes
}

/// Explains answers that do not fulfil their constraint, each with the checklist's message.
fn violated(list: &Listed, sheet: &Sheet<'_>) -> Vec<Node> {
    let node = |at: &At| {
        let (section, item) = sheet.template.item(&at.item)?;
        let message = &item.constraint.as_ref()?.message;
        let row = at.row.as_ref().map(|row| format!(" [{row}]")).unwrap_or_default();
        let name = named(item);
        let line = Line::new(
            format!("{}{row}: câu trả lời không hợp lệ: {}", name.vi, message.vi),
            format!("{}{row}: the answer is not allowed: {}", name.en, message.en_or_vi()),
        );
        let mut node =
            Node::new(NodeKind::Missing, line).of_item(&item.key).of_section(&section.code);
        node.row.clone_from(&at.row);
        Some(node)
    };
    list.at.iter().take(NAMED_MAX).filter_map(node).collect()
}

fn line_of(list: &Listed, kind: NodeKind, vi: &str, en: &str) -> Option<Node> {
    if list.is_empty() {
        return None;
    }
    let count = list.count;
    let name = |at: &At| match &at.row {
        Some(row) => format!("{} [{row}]", at.item),
        None => at.item.clone(),
    };
    let mut names: Vec<String> = list.at.iter().take(NAMED_MAX).map(name).collect();
    if names.len() < count {
        names.push("…".to_owned());
    }
    let names = names.join(", ");
    let line = Line::new(format!("{vi} ({count}): {names}"), format!("{en} ({count}): {names}"));
    Some(Node::new(kind, line))
}

fn aside(aside: &Aside) -> Node {
    let why = match aside.reason {
        AsideReason::UnknownItem => {
            Line::new("phiếu không có chỉ tiêu này", "the checklist has no such item")
        }
        AsideReason::UnknownSection => {
            Line::new("phiếu không có nhóm lặp này", "the checklist has no such repeat group")
        }
        AsideReason::WrongPlace => Line::new(
            "chỉ tiêu này không trả lời ở chỗ này",
            "the item is not answered in this place",
        ),
        AsideReason::DoesNotFit => {
            Line::new("không phải câu trả lời của chỉ tiêu này", "it is no answer of this item")
        }
        AsideReason::Row => Line::new("quá số dòng tính được", "there are too many rows"),
        AsideReason::OtherEdition => Line::new(
            "trả lời theo phiếu hoặc phiên bản khác",
            "it was given to another checklist or edition",
        ),
    };
    let said: Vec<String> = aside.said.iter().map(|said| quote(said)).collect();
    let said = said.join(" | ");
    let key = quote(&aside.item);
    let row = aside.row.as_ref().map(|row| format!(" [{}]", quote(row))).unwrap_or_default();
    let line = Line::new(
        format!("{key}{row}: giữ lại, không tính ({}): {said}", why.vi),
        format!("{key}{row}: kept, not counted ({}): {said}", why.en),
    );
    let mut node = Node::new(NodeKind::Aside, line).of_item(&aside.item);
    node.section.clone_from(&aside.section);
    node.row.clone_from(&aside.row);
    node
}
