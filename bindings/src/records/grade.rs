//! What an inspection amounts to so far, and why.

use bienban_core::client::parts::{At, Graded, Node, NodeKind};

use super::{LocalText, count, words};

/// How many items there are of each kind; items of rows count in every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Tally {
    /// Items that people answer and that apply.
    pub items: u32,
    /// Of these, items with an answer that counts.
    pub answered: u32,
    /// Items that must be answered and are not.
    pub missing: u32,
    /// Items with answers that differ.
    pub conflicted: u32,
    /// Graded items that pass.
    pub pass: u32,
    /// With a minor deviation.
    pub minor: u32,
    /// With a major deviation.
    pub major: u32,
    /// With a serious deviation.
    pub serious: u32,
    /// Of which somebody said that they do not apply.
    pub not_applicable: u32,
}

/// What a grade still misses.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct MissingPart {
    /// Items that must be answered, as `ITEM` or `ROW/ITEM`.
    pub items: Vec<String>,
    /// Items with too few photos.
    pub evidence: Vec<String>,
    /// Items whose answer does not fulfil what is asked of it.
    pub violated: Vec<String>,
    /// Items with answers that differ.
    pub conflicts: Vec<String>,
}

/// A grade: decided by nobody, worked out from what stands. A person signs.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GradeView {
    /// The result in a few words.
    pub result: LocalText,
    /// Nothing is missing and nothing is in conflict. If not, it is provisional (*tạm tính*).
    pub is_final: bool,
    /// The day as of which it is worked out, as YYYY-MM-DD.
    pub as_of: String,
    /// The checklist is the one that an authority issued; if not, nobody may be judged by it.
    pub official: bool,
    /// The counts.
    pub tally: Tally,
    /// What is missing.
    pub missing: MissingPart,
}

/// One statement of why a grade is what it is. Lines stand in the order in which they are read.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ExplanationLine {
    /// How deep it stands below the first line, which has 0: what it rests on follows one deeper.
    pub depth: u32,
    /// What it says.
    pub text: LocalText,
    /// What it is about: `result`, `rule`, `part`, `criterion`, `finding`, `conflict`, `missing` or another
    /// name of docs/bindings.md.
    pub kind: String,
    /// The item that it is about.
    pub item: Option<String>,
    /// The row that it is about.
    pub row: Option<String>,
    /// The clause that it rests on, with the legal text.
    pub clause: Option<LocalText>,
}

pub(crate) fn grade(graded: &Graded) -> GradeView {
    let (tally, missing) = (&graded.tally, &graded.missing);
    let at = |listed: &[At]| {
        let name = |at: &At| match &at.row {
            Some(row) => format!("{row}/{}", at.item),
            None => at.item.clone(),
        };
        listed.iter().map(name).collect()
    };
    GradeView {
        result: words(&graded.result),
        is_final: graded.is_final,
        as_of: graded.as_of.to_string(),
        official: graded.template.official,
        tally: Tally {
            items: count(tally.items),
            answered: count(tally.answered),
            missing: count(tally.missing),
            conflicted: count(tally.conflicted),
            pass: count(tally.pass),
            minor: count(tally.minor),
            major: count(tally.major),
            serious: count(tally.serious),
            not_applicable: count(tally.not_applicable),
        },
        missing: MissingPart {
            items: at(&missing.items.at),
            evidence: at(&missing.evidence.at),
            violated: at(&missing.violated.at),
            conflicts: at(&missing.conflicts.at),
        },
    }
}

/// Lays the tree of an explanation out as lines.
pub(crate) fn explanation(root: &Node) -> Vec<ExplanationLine> {
    let mut lines = Vec::new();
    let mut waiting = vec![(root, 0_u32)];
    while let Some((node, depth)) = waiting.pop() {
        lines.push(ExplanationLine {
            depth,
            text: LocalText { vi: node.vi.clone(), en: node.en.clone() },
            kind: kind_name(node.kind).to_owned(),
            item: node.item.clone(),
            row: node.row.clone(),
            clause: node.clause.as_ref().map(|cited| LocalText {
                vi: format!("{}; {}", cited.clause, cited.text.vi),
                en: format!("{}; {}", cited.clause, cited.text.en_or_vi()),
            }),
        });
        waiting.extend(node.children.iter().rev().map(|child| (child, depth + 1)));
    }
    lines
}

fn kind_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Result => "result",
        NodeKind::Notice => "notice",
        NodeKind::Rule => "rule",
        NodeKind::Reading => "reading",
        NodeKind::Part => "part",
        NodeKind::Criterion => "criterion",
        NodeKind::Rank => "rank",
        NodeKind::Gate => "gate",
        NodeKind::Knockout => "knockout",
        NodeKind::Member => "member",
        NodeKind::TableRow => "table_row",
        NodeKind::Finding => "finding",
        NodeKind::Deviation => "deviation",
        NodeKind::Held => "held",
        NodeKind::ScoreDrop => "score_drop",
        NodeKind::Conflict => "conflict",
        NodeKind::Missing => "missing",
        NodeKind::NotApplicable => "not_applicable",
        NodeKind::Aside => "aside",
        _ => "other",
    }
}
