//! Trials of the grading engine.

mod effort;
mod examples;
mod held;
mod merged;
mod merging;
mod models;
mod orders;
mod random;
mod record;
mod sets;
mod worse;

use std::sync::Arc;

use super::{
    Answers, AnswersFile, Council, Graded, Grader, Node, Outcome, PointsResult, Response, Settings,
    Standing,
};
use crate::checklist::{Day, TEA, Template, ocop_set};

pub(super) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub(super) fn template(bytes: &[u8]) -> Arc<Template> {
    Arc::new(Template::parse(bytes).unwrap())
}

pub(super) fn set_11() -> Arc<Template> {
    template(ocop_set("OCOP-11").unwrap())
}

pub(super) fn tea() -> Arc<Template> {
    template(TEA)
}

pub(super) fn settings() -> Settings {
    Settings::new(day("2026-11-23"))
}

pub(super) fn value(text: &str) -> Standing {
    Standing::of(Response::Value(text.to_owned()))
}

/// Returns what several people said without seeing each other.
pub(super) fn several(responses: &[Response]) -> Standing {
    Standing { entries: responses.iter().cloned().map(Into::into).collect(), photos: 0 }
}

/// Grades an answers file as of its own day, or of another.
pub(super) fn graded(
    template: &Arc<Template>,
    bytes: &[u8],
    as_of: Option<&str>,
) -> (Graded, Node) {
    let file = AnswersFile::parse(bytes, template).unwrap();
    let settings = Settings::new(as_of.map(day).or(file.as_of).unwrap());
    if file.members.is_empty() {
        return Grader::new(Arc::clone(template), file.answers, settings).explain();
    }
    Council::new(template, &file.answers, &file.members, &settings).explain().unwrap()
}

pub(super) fn points(graded: &Graded) -> &PointsResult {
    match &graded.outcome {
        Outcome::OcopPoints(points) => points,
        other => panic!("no points: {other:?}"),
    }
}

pub(super) fn grader(template: &Arc<Template>) -> Grader {
    Grader::new(Arc::clone(template), Answers::default(), settings())
}

/// Returns whether a line of the explanation holds both texts.
pub(super) fn says(node: &Node, vi: &str, en: &str) -> bool {
    node.flat().iter().any(|(_, node)| node.vi.contains(vi) && node.en.contains(en))
}
