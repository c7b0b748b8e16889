//! A grade as text: what a person reads in a terminal.

use bienban_core::checklist::grading::{Graded, Node, NodeKind};

use super::local;
use crate::cli::output::Page;
use crate::messages::Messages;

/// Columns by which each level is indented.
const INDENT: usize = 2;

/// Writes a grade: in short, or with everything that it rests on.
pub(super) fn page(graded: &Graded, explanation: &Node, explain: bool, m: &Messages) -> Page {
    let mut page = Page::new();
    heading(&mut page, graded, m);
    write(&mut page, explanation, 0, explain, "", m);
    if !explain {
        page.gap();
        page.line(m.text("grading.more", &[]));
    }
    page
}

/// Writes a grade in short.
pub(in crate::cli) fn short(graded: &Graded, explanation: &Node, m: &Messages) -> Page {
    let mut page = Page::new();
    heading(&mut page, graded, m);
    write(&mut page, explanation, 0, false, "", m);
    page
}

/// Writes an explanation, below its first line.
pub(in crate::cli) fn tree(page: &mut Page, explanation: &Node, m: &Messages) {
    for child in &explanation.children {
        write(page, child, 1, false, "", m);
    }
}

fn heading(page: &mut Page, graded: &Graded, m: &Messages) {
    let (code, edition) = (graded.template.code.as_str(), graded.template.edition.as_str());
    let day = graded.as_of.to_string();
    page.line(m.text("grading.by", &[("code", code), ("edition", edition), ("day", &day)]));
}

/// Writes a node and what it rests on. `text` is the legal text that was named last on the way here.
fn write(page: &mut Page, node: &Node, depth: usize, whole: bool, text: &str, m: &Messages) {
    if !whole && is_detail(node, depth) {
        return;
    }
    let mut line = local(m, &node.vi, &node.en).to_owned();
    let mut named = text;
    if let Some(cited) = node.clause.as_ref().filter(|_| whole || node.kind == NodeKind::Rule) {
        let full = local(m, &cited.text.vi, cited.text.en_or_vi());
        let full = if cited.basis == text { String::new() } else { format!("; {full}") };
        line.push_str(&format!("  [{}{full}]", cited.clause));
        named = &cited.basis;
    }
    page.block(depth * INDENT, &line);
    for child in &node.children {
        write(page, child, depth + 1, whole, named, m);
    }
}

/// Returns whether a node is left out of the short form: what holds as it should.
fn is_detail(node: &Node, depth: usize) -> bool {
    match node.kind {
        NodeKind::Criterion | NodeKind::Reading | NodeKind::Knockout | NodeKind::TableRow => true,
        NodeKind::Part => depth > INDENT,
        NodeKind::Held => node.children.is_empty(),
        _ => false,
    }
}
