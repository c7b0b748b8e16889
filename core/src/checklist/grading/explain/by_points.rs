//! Explains points, gates, knock-outs and stars.

use super::super::points::{
    CriterionPoints, KnockoutState, NamedSheet, Picked, PointsResult, RankCheck, UnmetGate,
};
use super::super::settings::CouncilGates;
use super::super::sheet::Sheet;
use super::say::{Line, counted, in_vietnamese, quote};
use super::{Node, NodeKind, named, rule, say};
use crate::checklist::template::{Fallback, Gates, Grading, Item, OcopPoints, Section};

/// Explains the result of an OCOP sheet, or of a council's sheets.
pub(super) fn nodes(result: &PointsResult, sheets: &[NamedSheet<'_>]) -> Vec<Node> {
    let (_, sheet) = sheets[0];
    let Grading::OcopPoints(ocop) = sheet.template.grading() else { return Vec::new() };
    let mut nodes = vec![ranking(result, &sheet, ocop)];
    nodes.extend(knockouts(result, &sheet));
    nodes.push(points(result, &sheet, ocop));
    nodes
}

/// Explains the rank: each rank with what it lacks, and the readings of the law.
fn ranking(result: &PointsResult, sheet: &Sheet<'_>, ocop: &OcopPoints) -> Node {
    let total = result.total;
    let comma = in_vietnamese(total);
    let line = match result.stars {
        None => Line::new(
            format!("Không xét hạng vì có điều kiện loại (tổng điểm {comma})"),
            format!("No rank because a knock-out holds (total {})", counted(total, "point")),
        ),
        Some(stars) => {
            let (vi, en) = match result.certificate {
                true => ("được cấp giấy chứng nhận", "with a certificate"),
                false => ("không được cấp giấy chứng nhận", "without a certificate"),
            };
            Line::new(
                format!("Tổng {comma} điểm, {stars} sao, {vi}"),
                format!("Total {}, {}, {en}", counted(total, "point"), counted(stars, "star")),
            )
        }
    };
    let mut children: Vec<Node> = result
        .ranks
        .iter()
        .filter(|rank| rank.certificate)
        .map(|r| rank(r, result, sheet))
        .collect();
    children.extend(readings(result, ocop));
    rule(sheet, line).with_points(total).with(children)
}

fn rank(rank: &RankCheck, result: &PointsResult, sheet: &Sheet<'_>) -> Node {
    let (stars, from, total) = (rank.stars, rank.from, result.total);
    let comma = in_vietnamese(total);
    let points = match rank.points_suffice {
        true => Line::new(
            format!("{stars} sao: đủ điểm ({comma} ≥ {from})"),
            format!("{}: the points suffice ({total} ≥ {from})", counted(stars, "star")),
        ),
        false => Line::new(
            format!("{stars} sao: thiếu điểm ({comma} < {from})"),
            format!("{}: too few points ({total} < {from})", counted(stars, "star")),
        ),
    };
    let gates = match rank.unmet.len() {
        0 => Line::new("đạt mọi dấu sao", "every gate is met"),
        unmet => Line::new(
            format!("{unmet} tiêu chí chưa đạt dấu sao"),
            format!("gates not met: {unmet}"),
        ),
    };
    let mut line = points.then(", ", &gates);
    if result.stars == Some(stars) {
        line = line.then(" → ", &Line::new("xếp hạng này", "this is the rank"));
    }
    let children = rank.unmet.iter().map(|gate| unmet(gate, sheet)).collect();
    Node::new(NodeKind::Rank, line).with(children)
}

/// Explains a gate that is not met.
pub(super) fn unmet(gate: &UnmetGate, sheet: &Sheet<'_>) -> Node {
    let (needs, points, stars) = (gate.needs, gate.points, "*".repeat(gate.gate as usize));
    let found = sheet.template.item(&gate.item);
    let name = found.map(|(_, item)| named(item));
    let name = name.unwrap_or_else(|| Line::new(&gate.item, &gate.item));
    let option = found.and_then(|(_, item)| item.option(&gate.option));
    let option =
        option.map(|option| Line::new(quote(&option.text.vi), quote(option.text.en_or_vi())));
    let option = option.unwrap_or_else(|| Line::new(&gate.option, &gate.option));
    let line = Line::new(
        format!(
            "{}: cần ít nhất {needs} điểm ({stars}), có {}; tối thiểu: {}",
            name.vi,
            in_vietnamese(points),
            option.vi
        ),
        format!(
            "{}: needs at least {} ({stars}), has {points}; the least: {}",
            name.en,
            counted(needs, "point"),
            option.en
        ),
    );
    let mut node = Node::new(NodeKind::Gate, line).of_item(&gate.item).with_points(points);
    if let Some((section, item)) = found {
        node = node.of_section(&section.code).with_clause(sheet.template, item.clause.as_ref());
    }
    node
}

/// Returns the readings of the law that the result rests on.
fn readings(result: &PointsResult, ocop: &OcopPoints) -> Vec<Node> {
    let readings = result.readings;
    let mut lines = vec![
        Line::new(&ocop.gates_note.vi, ocop.gates_note.en_or_vi()),
        Line::new(&ocop.fallback_note.vi, ocop.fallback_note.en_or_vi()),
    ];
    let policy = match readings.fallback {
        Fallback::NextLowerRank => Line::new(
            "xét hạng thấp kế tiếp (next_lower_rank)",
            "the next lower rank is looked at (next_lower_rank)",
        ),
        Fallback::NoRank => Line::new(
            "không xét hạng có giấy chứng nhận nào khác (none)",
            "no other rank with a certificate is looked at (none)",
        ),
    };
    let (vi, en) = match readings.fallback_asked {
        true => ("Áp dụng theo yêu cầu, khác với phiếu", "Used as asked, unlike the checklist"),
        false => ("Áp dụng theo phiếu", "Used as the checklist says"),
    };
    lines.push(
        Line::new(
            format!("{vi}: không đạt dấu sao thì "),
            format!("{en}: when a gate is not met "),
        )
        .then("", &policy),
    );
    let gates = match readings.gates {
        Gates::Cumulative => Line::new(
            "Dấu sao của hạng thấp cũng bắt buộc với hạng cao",
            "The gates of lower ranks bind higher ones too",
        ),
        Gates::OwnRankOnly => Line::new(
            "Mỗi hạng chỉ xét dấu sao của chính hạng đó",
            "A rank is bound by its own gates only",
        ),
    };
    lines.push(gates);
    if result.criteria.iter().any(|criterion| criterion.picked.contains(&Picked::None)) {
        lines.push(Line::new(&ocop.none_note.vi, ocop.none_note.en_or_vi()));
    }
    if !result.members.is_empty() {
        lines.push(council(readings.council_gates));
    }
    lines.into_iter().map(|line| Node::new(NodeKind::Reading, line)).collect()
}

fn council(gates: CouncilGates) -> Line {
    let policy = match gates {
        CouncilGates::Mean => Line::new(
            "dấu sao xét theo điểm bình quân của tiêu chí (mean)",
            "a gate is met by the mean of the points at the criterion (mean)",
        ),
        CouncilGates::EveryMember => Line::new(
            "dấu sao phải đạt ở phiếu của mọi thành viên (every_member)",
            "a gate is met when every member's points meet it (every_member)",
        ),
    };
    Line::new(
        "Cách hiểu của chương trình, quyết định không nói: tổng điểm bình quân làm tròn đến hai chữ số thập phân, từ nửa trở lên làm tròn lên; tiêu chí chưa chấm tính 0 điểm; điều kiện loại tính khi một thành viên xác nhận; ",
        "The program's reading, the decision does not say: the mean total is rounded to two decimals, a half upwards; a criterion without an answer is worth 0; a knock-out holds when one member says so; ",
    )
    .then("", &policy)
}

fn knockouts(result: &PointsResult, sheet: &Sheet<'_>) -> Vec<Node> {
    let node = |state: &KnockoutState| {
        let (section, item) = sheet.template.item(&state.item)?;
        let name = named(item);
        let what = match state.holds {
            true => say::knocked_out(state.effect),
            false => Line::new("không có", "does not hold"),
        };
        let (vi, en) = ("Điều kiện loại", "Knock-out");
        let line = Line::new(
            format!("{vi} {}: {}", name.vi, what.vi),
            format!("{en} {}: {}", name.en, what.en),
        );
        let node = Node::new(NodeKind::Knockout, line).of_item(&item.key).of_section(&section.code);
        Some(node.with_clause(sheet.template, item.clause.as_ref()))
    };
    // Those that hold first: they decide.
    let (holding, others): (Vec<_>, Vec<_>) =
        result.knockouts.iter().partition(|knockout| knockout.holds);
    holding.into_iter().chain(others).filter_map(node).collect()
}

/// Explains the points: members, parts, sections, criteria.
fn points(result: &PointsResult, sheet: &Sheet<'_>, ocop: &OcopPoints) -> Node {
    let total = result.total;
    let mut children = Vec::new();
    for member in &result.members {
        let (name, points, unanswered) = (quote(&member.name), member.total, member.unanswered);
        let mut line =
            Line::new(format!("{name}: {points} điểm"), format!("{name}: {points} points"));
        if unanswered > 0 {
            line = line.then(
                ", ",
                &Line::new(
                    format!("còn {unanswered} tiêu chí chưa chấm"),
                    format!("{unanswered} criteria without an answer"),
                ),
            );
        }
        children.push(Node::new(NodeKind::Member, line));
    }
    for (part, shown) in ocop.parts.iter().zip(&result.parts) {
        let sections = part.sections.iter().zip(&shown.sections).filter_map(|(code, points)| {
            let section = sheet.template.sections().iter().find(|section| section.code == *code)?;
            let line = scored(&format!("{code} "), &section.title, points.points, points.max)
                .then("", &together(points.sum, result));
            let criteria = criteria(section, result, sheet);
            let node = Node::new(NodeKind::Part, line).of_section(code).with_points(points.points);
            let node = node.with_clause(sheet.template, section.clause.as_ref());
            Some(node.with(criteria))
        });
        let code = &part.code;
        let line = scored(&format!("Phần {code} "), &part.title, shown.points, shown.max);
        let line = Line { en: line.en.replacen("Phần", "Part", 1), ..line };
        let line = line.then("", &together(shown.sum, result));
        children.push(
            Node::new(NodeKind::Part, line).with_points(shown.points).with(sections.collect()),
        );
    }
    let comma = in_vietnamese(total);
    let line = match result.members.len() {
        0 => Line::new(format!("Tổng điểm {comma}/100"), format!("Total {total} of 100 points")),
        members => Line::new(
            format!(
                "Tổng điểm {comma}/100, bình quân của {members} thành viên; mỗi điểm bình quân được làm tròn riêng nên cộng lại có thể lệch, điểm cộng của các phiếu thì khớp"
            ),
            format!(
                "Total {total} of 100 points, the mean of {members} members; each mean is rounded by itself, so means may not add up, the sums of all sheets do"
            ),
        ),
    };
    let sum = result.parts.iter().map(|part| part.sum).sum();
    let line = line.then("", &together(sum, result));
    Node::new(NodeKind::Part, line).with_points(total).with(children)
}

/// Says what the points of all members' sheets are together; nothing without a council.
fn together(sum: u64, result: &PointsResult) -> Line {
    if result.members.is_empty() {
        return Line::new("", "");
    }
    Line::new(format!(" (cộng các phiếu: {sum})"), format!(" (all sheets together: {sum})"))
}

fn scored(
    before: &str,
    title: &crate::checklist::template::Words,
    points: crate::checklist::template::Decimal,
    max: u32,
) -> Line {
    let (vi, en) = (quote(&title.vi), quote(title.en_or_vi()));
    let comma = in_vietnamese(points);
    Line::new(
        format!("{before}{vi}: {comma}/{max} điểm"),
        format!("{before}{en}: {points} of {max} points"),
    )
}

fn criteria(section: &Section, result: &PointsResult, sheet: &Sheet<'_>) -> Vec<Node> {
    let items = section.items.iter();
    let scored = items.filter_map(|item| {
        let points = result.criteria.iter().find(|criterion| criterion.item == item.key)?;
        Some(criterion(item, points, sheet).of_section(&section.code))
    });
    scored.collect()
}

fn criterion(item: &Item, points: &CriterionPoints, sheet: &Sheet<'_>) -> Node {
    let name = named(item);
    let (got, max) = (points.points, points.max);
    let line = Line::new(
        format!("{}: {}/{max} điểm", name.vi, in_vietnamese(got)),
        format!("{}: {got} of {max} points", name.en),
    );
    let said = points.picked.iter().zip(&points.options);
    let mut said: Vec<Line> = said.map(|(picked, option)| chosen(item, *picked, option)).collect();
    if said.len() > 1 {
        // Members who chose alike are named once.
        said.dedup();
    }
    let line = said.iter().fold(line, |line, said| line.then("; ", said));
    let node = Node::new(NodeKind::Criterion, line).of_item(&item.key).with_points(got);
    node.with_clause(sheet.template, item.clause.as_ref())
}

/// Returns what was answered at a choice.
pub(super) fn chosen(item: &Item, picked: Picked, option: &Option<String>) -> Line {
    let option = option.as_deref().and_then(|key| item.option(key));
    match (picked, option) {
        (Picked::Option, Some(option)) => {
            let gate = option.gate.map(|gate| format!(" {}", "*".repeat(gate as usize)));
            let gate = gate.unwrap_or_default();
            Line::new(
                format!("{}{gate}", quote(&option.text.vi)),
                format!("{}{gate}", quote(option.text.en_or_vi())),
            )
        }
        (Picked::None, _) => Line::new("không phương án nào phù hợp", "no option fits"),
        (Picked::Disputed, _) => Line::new(
            "còn ý kiến khác nhau, chưa tính điểm cho đến khi có người giải quyết",
            "in dispute, no points until a person settles it",
        ),
        (Picked::NotApplicable, _) => Line::new("không áp dụng", "not applicable"),
        (Picked::NotRelevant, _) => {
            Line::new("không thuộc diện áp dụng theo phiếu", "does not apply by the checklist")
        }
        (Picked::Unsettled, _) => {
            Line::new("chưa rõ có thuộc diện áp dụng không", "not known yet whether it applies")
        }
        _ => Line::new("chưa trả lời", "not answered"),
    }
}
