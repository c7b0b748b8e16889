//! The producer's tea by OCOP set 11: points for four stars, and the gate that costs one.

use std::sync::Arc;

use bienban_core::checklist::grading::{
    AnswersFile, EXAMPLE_TEA, Graded, Grader, Node, Outcome, Settings,
};
use bienban_core::checklist::{Day, Template, ocop_set};
use bienban_core::clock;
use serde::Serialize;

use super::super::error::CliError;
use super::super::serve::service;

/// The set of tea.
const SET: &str = "OCOP-11";

/// What the sheet came to, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct OcopReport {
    template: String,
    total: String,
    stars: Option<u32>,
    /// Criteria whose gate of one star more is not met.
    unmet: Vec<String>,
}

/// Grades the sheet that is inside the program.
pub(super) fn grade() -> Result<(OcopReport, Graded, Node), CliError> {
    let bytes = ocop_set(SET).ok_or_else(|| service("demo", std::io::Error::other(SET)))?;
    let template = Template::parse(bytes)
        .map_err(|source| CliError::Checklist { path: SET.into(), source })?;
    let file = AnswersFile::parse(EXAMPLE_TEA, &template)
        .map_err(|reason| CliError::Answers { path: SET.into(), reason })?;
    let day = file.as_of.unwrap_or_else(|| Day::nearest(clock::now()));
    let mut grader = Grader::new(Arc::new(template), file.answers, Settings::new(day));
    let (graded, explanation) = grader.explain();
    let mut report = OcopReport {
        template: SET.to_owned(),
        total: String::new(),
        stars: None,
        unmet: Vec::new(),
    };
    if let Outcome::OcopPoints(points) = &graded.outcome {
        report.total = points.total.to_string();
        report.stars = points.stars;
        let above = points.stars.map(|stars| stars + 1);
        let missed = points.ranks.iter().filter(|rank| Some(rank.stars) == above);
        report.unmet = missed.flat_map(|r| &r.unmet).map(|gate| gate.item.clone()).collect();
    }
    Ok((report, graded, explanation))
}
