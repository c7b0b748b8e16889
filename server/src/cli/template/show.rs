//! `template show`: a checklist as people read it, with everything that is doubtful said.

use bienban_core::checklist::{
    Anomaly, Choice, Clause, Effect, Fallback, Gates, Grading, Item, Knockout, OcopPoints, Part,
    Required, Section, Template, Words,
};
use serde::Serialize;

use super::{Counts, answer_words};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Page};
use crate::cli::words::{grade_named, local, severity_name};
use crate::messages::{Lang, Messages};

#[derive(Debug, Serialize)]
struct ShowData {
    id: String,
    counts: Counts,
    checklist: serde_json::Value,
}

/// Shows a checklist.
pub(super) fn show(template: &Template, m: &Messages) -> Result<Answer, CliError> {
    let data = ShowData {
        id: template.id().to_string(),
        counts: Counts::of(template),
        checklist: template.to_json(),
    };
    let mut page = Page::new();
    head(template, &data, m, &mut page);
    let ocop = match template.grading() {
        Grading::OcopPoints(ocop) => Some(ocop),
        _ => None,
    };
    for section in template.sections() {
        // A part's heading stands before its first section.
        let opens = |part: &&Part| part.sections.first() == Some(&section.code);
        if let Some(part) = ocop.and_then(|ocop| ocop.parts.iter().find(opens)) {
            page.gap();
            let max = part.max.to_string();
            let title = local(m, &part.title);
            page.line(
                m.text("template.part", &[("code", &part.code), ("title", title), ("max", &max)]),
            );
        }
        show_section(template, section, ocop, m, &mut page);
    }
    page.gap();
    grading(template, m, &mut page);
    doubts(template, m, &mut page);
    Answer::new(&data, page)
}

fn head(template: &Template, data: &ShowData, m: &Messages, page: &mut Page) {
    page.line(local(m, template.title()));
    page.line(m.text(
        "template.name",
        &[("code", template.code()), ("edition", template.edition()), ("id", &data.id)],
    ));
    if !template.is_official() {
        page.line(m.text("show.unofficial", &[]));
    }
    match template.verified() {
        Some(verified) => {
            page.line(m.text("template.verified", &[("by", &verified.by), ("day", &verified.on)]))
        }
        None => page.line(m.text("template.unverified", &[])),
    }
    match template.effective_to() {
        Some(to) => {
            page.line(m.text("template.period", &[("from", template.effective_from()), ("to", to)]))
        }
        None => page.line(m.text("template.period_open", &[("from", template.effective_from())])),
    }
    page.line(m.text("template.source", &[("source", template.source())]));
    for basis in template.legal_basis() {
        page.line(m.text("template.basis", &[("text", local(m, &basis.text))]));
    }
    let managed: Vec<_> = template
        .managed_by()
        .iter()
        .filter_map(|code| template.agencies().get(code))
        .map(|agency| local(m, agency))
        .collect();
    if !managed.is_empty() {
        page.line(m.text("template.managed", &[("agencies", &managed.join("; "))]));
    }
    for note in template.notes() {
        page.line(m.text("template.note", &[("text", local(m, note))]));
    }
    page.line(data.counts.line(m));
}

fn show_section(
    template: &Template,
    section: &Section,
    ocop: Option<&OcopPoints>,
    m: &Messages,
    page: &mut Page,
) {
    page.gap();
    let mut line = format!("{}  {}", section.code, local(m, &section.title));
    if let Some(max) = section.max {
        line.push_str(&m.text("template.points", &[("points", &max.to_string())]));
    }
    if let Some(agency) = template.agencies().get(&section.agency) {
        line.push_str(&format!("  [{}]", local(m, agency)));
    }
    line.push_str(&marks(template, &section.code));
    page.line(line);
    if let Some(repeat) = &section.repeat {
        page.block(
            2,
            &m.text(
                "template.repeat",
                &[
                    ("row", local(m, &repeat.row)),
                    ("min", &repeat.min.to_string()),
                    ("max", &repeat.max.to_string()),
                ],
            ),
        );
    }
    if let Some(relevant) = &section.relevant {
        page.block(2, &m.text("template.relevant", &[("expression", relevant)]));
    }
    let mut group = None;
    for item in &section.items {
        if item.group != group {
            group.clone_from(&item.group);
            let found = section.groups.iter().find(|known| Some(&known.code) == group.as_ref());
            if let Some(found) = found {
                let code = &found.code;
                let marks = marks(template, code);
                page.block(2, &format!("{code}  {}{marks}", local(m, &found.title)));
            }
        }
        let knockout =
            ocop.and_then(|ocop| ocop.knockouts.iter().find(|known| known.item == item.key));
        show_item(template, item, knockout, m, page);
    }
}

/// Returns the anomalies that concern a place, as a mark behind it.
fn marks(template: &Template, place: &str) -> String {
    let concerned = |anomaly: &&Anomaly| places(template, anomaly).contains(&place);
    let ids: Vec<_> =
        template.anomalies().iter().filter(concerned).map(|anomaly| anomaly.id.as_str()).collect();
    if ids.is_empty() { String::new() } else { format!("  (! {})", ids.join(", ")) }
}

/// Returns the items that an anomaly concerns: those it names, else those whose text is what it says
/// was printed. The decision gives the sentences of its dossier knock-outs no number to name.
fn places<'t>(template: &'t Template, anomaly: &'t Anomaly) -> Vec<&'t str> {
    if !anomaly.place.is_empty() {
        return anomaly.place.iter().map(String::as_str).collect();
    }
    let printed = anomaly.printed.as_str();
    let holds = |item: &Item| !printed.is_empty() && item.text.vi.contains(printed);
    let items = template.each().map(|(_, item)| item).filter(|item| holds(item));
    items.map(|item| item.key.as_str()).collect()
}

/// Returns what the program did about an anomaly. The commonest answer has words of its own.
fn handling(anomaly: &Anomaly, m: &Messages) -> String {
    match anomaly.handling.as_str() {
        "kept as printed" => m.text("template.kept", &[]),
        "not encoded" => m.text("template.not_encoded", &[]),
        other => other.to_owned(),
    }
}

fn show_item(
    template: &Template,
    item: &Item,
    knockout: Option<&Knockout>,
    m: &Messages,
    page: &mut Page,
) {
    let mut line = format!("{}  {}", item.key, local(m, &item.text));
    if let Some(max) = item.max {
        line.push_str(&m.text("template.points", &[("points", &max.to_string())]));
    }
    line.push_str(&marks(template, &item.key));
    page.block(2, &line);
    if let Some(knockout) = knockout {
        let effect = match knockout.effect {
            Effect::Reject => m.text("template.reject", &[]),
            Effect::Stop => m.text("template.stop", &[]),
            Effect::Exclude => m.text("template.exclude", &[]),
        };
        page.block(6, &m.text("template.knockout", &[("effect", &effect)]));
    }
    if let Some(guidance) = &item.guidance {
        page.block(6, local(m, guidance));
    }
    if let Some(evidence) = &item.evidence {
        let words = Words { vi: evidence.vi.clone(), en: evidence.en.clone() };
        let photos = evidence.photos_min.to_string();
        let text = local(m, &words);
        page.block(6, &m.text("template.evidence", &[("text", text), ("photos", &photos)]));
    }
    expressions(item, m, page);
    for case in &item.cases {
        page.block(6, &format!("{}: {}", case.code, local(m, &case.title)));
    }
    if knockout.is_none() || item.answer.options().is_empty() {
        show_answer(item, m, page);
    }
}

fn expressions(item: &Item, m: &Messages, page: &mut Page) {
    if let Some(relevant) = &item.relevant {
        page.block(6, &m.text("template.relevant", &[("expression", relevant)]));
    }
    if let Some(constraint) = &item.constraint {
        page.block(
            6,
            &m.text(
                "template.constraint",
                &[("expression", &constraint.test), ("message", local(m, &constraint.message))],
            ),
        );
    }
    if let Some(Required::When(expression)) = &item.required {
        page.block(6, &m.text("template.required", &[("expression", expression)]));
    }
}

fn show_answer(item: &Item, m: &Messages, page: &mut Page) {
    if !item.severities().is_empty() {
        let names = item.severities().iter().copied().map(severity_name);
        let names: Vec<_> = names.map(|name| grade_named(m, name)).collect();
        page.block(6, &format!("[{}]", names.join(", ")));
        return;
    }
    if item.answer.options().is_empty() {
        page.block(6, &format!("[{}]", answer_words(&item.answer, m)));
    }
    for option in item.answer.options() {
        page.block(6, &option_line(option, m));
    }
    if matches!(item.answer, bienban_core::checklist::AnswerType::Choice { or_none: true, .. }) {
        page.block(6, &m.text("template.or_none", &[]));
    }
}

fn option_line(option: &Choice, m: &Messages) -> String {
    let stars = option.gate.map_or(0, |gate| gate as usize);
    let points = match option.points {
        Some(points) if option.key != points.to_string() => format!("{} = {points}", option.key),
        _ => option.key.clone(),
    };
    let implied = if option.implied { m.text("template.implied", &[]) } else { String::new() };
    format!("{points:>6} {:5} {}{implied}", "*".repeat(stars.min(5)), local(m, &option.text))
}

fn grading(template: &Template, m: &Messages, page: &mut Page) {
    page.line(m.text("template.grading", &[("model", template.grading().name())]));
    if let Some(clause) = template.grading().clause() {
        page.block(2, &cited(template, clause, m));
    }
    match template.grading() {
        Grading::PassFail(rule) => {
            let days = rule.deadline_days_max.to_string();
            page.block(2, &m.text("template.deadline", &[("days", &days)]));
        }
        Grading::CountsTable(counts) => {
            for row in &counts.table {
                page.block(
                    2,
                    &m.text(
                        "template.counts_row",
                        &[
                            ("grade", local(m, &row.grade.title)),
                            ("minor", &row.minor_max.to_string()),
                            ("major", &row.major_max.to_string()),
                            ("serious", &row.serious_max.to_string()),
                        ],
                    ),
                );
            }
            let title = local(m, &counts.otherwise.title);
            page.block(2, &m.text("template.counts_otherwise", &[("grade", title)]));
        }
        Grading::OcopPoints(ocop) => ocop_rule(ocop, m, page),
        Grading::CriteriaHeld(held) => {
            page.block(2, &m.text("template.held", &[("code", &held.of)]));
        }
        _ => {}
    }
}

fn ocop_rule(ocop: &OcopPoints, m: &Messages, page: &mut Page) {
    for rank in &ocop.ranks {
        page.block(
            2,
            &m.text(
                "template.rank",
                &[("stars", &rank.stars.to_string()), ("from", &rank.from.to_string())],
            ),
        );
    }
    let stars = ocop.certificate_from_stars.to_string();
    page.block(2, &m.text("template.certificate", &[("stars", &stars)]));
    page.block(2, local(m, &ocop.gates_note));
    let gates = match ocop.gates {
        Gates::Cumulative => m.text("template.gates_cumulative", &[]),
        Gates::OwnRankOnly => m.text("template.gates_own", &[]),
    };
    let fallback = match ocop.fallback {
        Fallback::NextLowerRank => m.text("template.fallback_next", &[]),
        Fallback::NoRank => m.text("template.fallback_none", &[]),
    };
    page.block(2, &format!("{gates}; {fallback}"));
    page.block(2, local(m, &ocop.fallback_note));
    page.block(2, local(m, &ocop.none_note));
    for items in &ocop.same_case {
        page.block(2, &m.text("template.same_case", &[("items", &items.join(", "))]));
    }
}

fn cited(template: &Template, clause: &Clause, m: &Messages) -> String {
    let basis = template.basis(&clause.basis).map(|basis| local(m, &basis.text));
    format!("{}, {}", clause.clause, basis.unwrap_or(&clause.basis))
}

/// Lists what is odd in the text and what was put right.
fn doubts(template: &Template, m: &Messages, page: &mut Page) {
    if !template.anomalies().is_empty() {
        page.gap();
        let number = template.anomalies().len().to_string();
        page.line(m.text("template.anomalies", &[("anomalies", &number)]));
    }
    for anomaly in template.anomalies() {
        let place = match &places(template, anomaly)[..] {
            [] => m.text("template.whole", &[]),
            places => places.join(", "),
        };
        let words = Words { vi: anomaly.vi.clone(), en: anomaly.en.clone() };
        let person =
            if anomaly.needs_person { m.text("template.person", &[]) } else { String::new() };
        page.block(2, &format!("{}  {place}: {}{person}", anomaly.id, local(m, &words)));
        let likely = match &anomaly.likely {
            Some(likely) => m.text("template.likely", &[("likely", likely)]),
            None => String::new(),
        };
        page.block(
            9,
            &m.text(
                "template.printed",
                &[
                    ("printed", &anomaly.printed),
                    ("likely", &likely),
                    ("handling", &handling(anomaly, m)),
                ],
            ),
        );
    }
    if !template.corrections().is_empty() {
        page.gap();
        page.line(m.text("template.corrections", &[]));
    }
    for correction in template.corrections() {
        let place = if correction.place.is_empty() {
            m.text("template.whole", &[])
        } else {
            correction.place.clone()
        };
        let why = match (m.lang(), &correction.en) {
            (Lang::En, Some(en)) => en,
            _ => &correction.vi,
        };
        page.block(
            2,
            &m.text(
                "template.correction",
                &[
                    ("place", &place),
                    ("field", &correction.field),
                    ("printed", &correction.printed),
                    ("read_as", &correction.read_as),
                    ("why", why),
                ],
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    fn shown(name: &str, lang: Lang) -> String {
        show(&load(name).unwrap(), &Messages::new(lang)).unwrap().text().to_owned()
    }

    #[test]
    fn every_anomaly_of_every_set_is_visible() {
        for (code, _) in bienban_core::checklist::ocop_sets() {
            let template = load(code).unwrap();
            let (vi, en) = (shown(code, Lang::Vi), shown(code, Lang::En));
            for anomaly in template.anomalies() {
                let heading = format!("{}  ", anomaly.id);
                assert!(vi.contains(&heading) && en.contains(&heading), "{code} {}", anomaly.id);
                assert!(vi.contains(&anomaly.vi), "{code} {}", anomaly.id);
                let english = anomaly.en.as_deref().unwrap();
                assert!(en.contains(english), "{code} {}", anomaly.id);
            }
            assert!(vi.contains("chưa được đối chiếu"), "{code}");
        }
    }

    #[test]
    fn a_set_shows_points_gates_knockouts_and_the_policies_that_are_a_reading() {
        let text = shown("ocop-11", Lang::Vi);
        for part in [
            "Chè tươi, chè chế biến",
            "2.3  ",
            "3 ****  ",
            "Bị loại nếu sử dụng toàn bộ nguyên liệu nhập khẩu",
            "number(${5.1}) >= 1",
            "Cách hiểu của chương trình",
            "Phụ lục II, bộ 11",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }

    #[test]
    fn an_anomaly_of_a_knockout_without_number_stands_at_the_knockout() {
        for (set, id) in [("OCOP-17", "AN-20"), ("OCOP-18", "AN-21")] {
            let text = shown(set, Lang::Vi);
            let at = text.lines().find(|line| line.trim_start().starts_with("ko-1 ")).unwrap();
            assert!(at.contains(&format!("(! {id})")), "{set}: {at}");
            let told = text.lines().find(|line| line.trim_start().starts_with(id)).unwrap();
            assert!(told.contains("ko-1:") && !told.contains("toàn phiếu"), "{told}");
            assert!(!text.contains("kept as printed"), "{set}");
        }
    }

    #[test]
    fn what_no_authority_published_says_so_on_top() {
        let text = shown("tea", Lang::En);
        let top: Vec<_> = text.lines().take(4).collect();
        assert!(top.iter().any(|line| line.contains("no authority has published")), "{top:?}");
    }
}
