//! Why a grade is what it is: a tree in Vietnamese and English, from the result down to each answer,
//! rule and clause. Says nothing that the grade does not hold.

mod by_counts;
mod by_points;
mod held;
mod rest;
mod say;

use serde::Serialize;

use self::say::Line;
use super::points::NamedSheet;
use super::result::{Graded, Outcome, Tally};
use super::sheet::Sheet;
use crate::checklist::template::{Clause, Decimal, Item, Template, Words};

pub(super) use self::say::headline;

/// What a node of the explanation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// The result: the root.
    Result,
    /// What a reader must know before anything else, such as that the checklist is a proposal.
    Notice,
    /// The rule that was used.
    Rule,
    /// A reading of the law that the text itself does not give.
    Reading,
    /// A part of the sheet, or a section.
    Part,
    /// A criterion and its answer.
    Criterion,
    /// A rank and what it asks for.
    Rank,
    /// A gate that is not met.
    Gate,
    /// A knock-out.
    Knockout,
    /// A member of the council.
    Member,
    /// A row of the table of counts.
    TableRow,
    /// A finding.
    Finding,
    /// A deviation that no finding is about.
    Deviation,
    /// A criterion of a recognised product.
    Held,
    /// One with fewer points than it was recognised with.
    ScoreDrop,
    /// Answers that differ, and which of them counts.
    Conflict,
    /// What is missing.
    Missing,
    /// Items that do not apply.
    NotApplicable,
    /// Answers that are kept and do not count.
    Aside,
}

/// A clause of a legal text, as people cite it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cited {
    /// The short name of the text.
    pub basis: String,
    /// The text.
    pub text: Words,
    /// Where in it.
    pub clause: String,
}

impl Cited {
    fn of(template: &Template, clause: &Clause) -> Self {
        let text = template.basis(&clause.basis).map(|basis| basis.text.clone());
        let unknown = || Words { vi: clause.basis.clone(), en: None };
        Self {
            basis: clause.basis.clone(),
            text: text.unwrap_or_else(unknown),
            clause: clause.clause.clone(),
        }
    }
}

/// One statement of the explanation, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// What it is about.
    pub kind: NodeKind,
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
    /// The section it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The item it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The row it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The clause it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<Cited>,
    /// Its points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Decimal>,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Self>,
}

impl Node {
    fn new(kind: NodeKind, line: Line) -> Self {
        Self {
            kind,
            vi: line.vi,
            en: line.en,
            section: None,
            item: None,
            row: None,
            clause: None,
            points: None,
            children: Vec::new(),
        }
    }

    fn of_item(mut self, item: &str) -> Self {
        self.item = Some(item.to_owned());
        self
    }

    fn of_section(mut self, section: &str) -> Self {
        self.section = Some(section.to_owned());
        self
    }

    fn with_points(mut self, points: Decimal) -> Self {
        self.points = Some(points);
        self
    }

    fn with_clause(mut self, template: &Template, clause: Option<&Clause>) -> Self {
        self.clause = clause.map(|clause| Cited::of(template, clause));
        self
    }

    fn with(mut self, children: Vec<Self>) -> Self {
        self.children = children;
        self
    }

    /// Returns every node, each before what it rests on, with its depth.
    #[must_use]
    pub fn flat(&self) -> Vec<(usize, &Self)> {
        let mut all = Vec::new();
        self.walk(0, &mut all);
        all
    }

    fn walk<'n>(&'n self, depth: usize, all: &mut Vec<(usize, &'n Self)>) {
        all.push((depth, self));
        self.children.iter().for_each(|child| child.walk(depth + 1, all));
    }
}

/// Explains a grade. There is at least one sheet.
pub(super) fn tree(graded: &Graded, sheets: &[NamedSheet<'_>]) -> Node {
    let (_, sheet) = sheets[0];
    let template = sheet.template;
    let mut children = notices(graded, template);
    match &graded.outcome {
        Outcome::PassFail(result) => children.extend(by_counts::pass_fail(result, &sheet)),
        Outcome::CountsTable(result) => children.push(by_counts::table(result, &sheet)),
        Outcome::OcopPoints(result) => children.extend(by_points::nodes(result, sheets)),
        Outcome::CriteriaHeld(result) => children.push(held::node(result, &sheet)),
        Outcome::None => children.push(Node::new(NodeKind::Rule, say::no_grade())),
    }
    children.extend(graded.held.iter().map(|result| held::node(result, &sheet)));
    children.extend(rest::nodes(graded, sheets));
    let line = Line { vi: graded.result.vi.clone(), en: graded.result.en_or_vi().to_owned() };
    Node::new(NodeKind::Result, line).with(children)
}

fn notices(graded: &Graded, template: &Template) -> Vec<Node> {
    let by = &graded.template;
    let mut notices = Vec::new();
    let mut say = |vi: String, en: String| {
        notices.push(Node::new(NodeKind::Notice, Line { vi, en }));
    };
    if !by.official {
        say(
            "Phiếu là bản đề xuất, chưa phải biểu mẫu chính thức: chưa được dùng để kết luận đối với ai."
                .to_owned(),
            "The checklist is a proposal, not an official form: nobody may be judged by it.".to_owned(),
        );
    }
    if !by.verified {
        say(
            "Chưa có người có thẩm quyền đối chiếu số liệu của phiếu với văn bản đã ký.".to_owned(),
            "Nobody in office has compared the checklist's data with the signed text.".to_owned(),
        );
    }
    if !by.in_force {
        let (day, from) = (graded.as_of, template.effective_from());
        let to = template.effective_to().unwrap_or("–");
        say(
            format!("Phiếu không có hiệu lực vào ngày {day} (hiệu lực từ {from} đến {to})."),
            format!("The checklist is not in force on {day} (in force from {from} to {to})."),
        );
    }
    notices
}

/// Returns an item as people name it: its key and the beginning of its text.
fn named(item: &Item) -> Line {
    let key = &item.key;
    Line {
        vi: format!("{key} {}", say::quote(&item.text.vi)),
        en: format!("{key} {}", say::quote(item.text.en_or_vi())),
    }
}

/// Returns how many items of how many are answered.
fn answered(tally: &Tally) -> Line {
    let (answered, items) = (tally.answered, tally.items);
    Line {
        vi: format!("đã trả lời {answered}/{items} chỉ tiêu"),
        en: format!("{answered} of {items} items answered"),
    }
}

/// Returns the clause of the rule as a node.
fn rule(sheet: &Sheet<'_>, line: Line) -> Node {
    let clause = sheet.template.grading().clause();
    Node::new(NodeKind::Rule, line).with_clause(sheet.template, clause)
}
