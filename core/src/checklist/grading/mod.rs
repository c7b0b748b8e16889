//! *Kết quả tạm tính*: what answers and findings come to by a checklist, and why.
//!
//! Which rule is used, and every number in it, is the checklist's; the rules themselves are here:
//! pass or fail, grades by counts, OCOP points with a council, and whether a recognised product still
//! holds its criteria. The same answers, checklist and day give the same grade and the same words on
//! every replica, in whatever order the answers came. Decides nothing: a person signs. No clock: the
//! day is told.
//!
//! ```
//! use std::sync::Arc;
//! use bienban_core::checklist::{Template, ocop_set};
//! use bienban_core::checklist::grading::{Answers, Grader, Outcome, Response, Settings, Standing};
//!
//! let tea = Arc::new(Template::parse(ocop_set("OCOP-11").unwrap())?);
//! let settings = Settings::new("2026-11-23".parse()?);
//! let mut grader = Grader::new(tea, Answers::default(), settings);
//! grader.set("2.3", Standing::of(Response::Value("3".to_owned())));
//! let graded = grader.grade();
//! let Outcome::OcopPoints(points) = &graded.outcome else { unreachable!() };
//! assert_eq!((points.total.to_string().as_str(), points.stars), ("3", Some(1)));
//! assert!(!graded.is_final && graded.missing.items.count == 34, "most is not answered");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod cells;
mod counting;
mod counts;
mod doubts;
mod explain;
mod file;
mod grade;
mod grader;
mod held;
mod pass_fail;
mod points;
mod result;
mod settings;
mod sheet;

/// The first worked example: a tea with points for four stars and one gate of them not met, so three.
pub const EXAMPLE_TEA: &[u8] = include_bytes!("../../../data/examples/ex1.json");

#[cfg(test)]
mod trials;

pub use answers::{Answers, Entry, FilledBy, Finding, Response, Row, Standing, Verification};
pub use counting::counted_of;
pub use counts::{Counts, CountsResult, RowHeld};
pub use explain::{Cited, Node, NodeKind};
pub use file::{
    ANSWERS_BYTES_MAX, ANSWERS_FORMAT, AnswersError, AnswersFault, AnswersFile, AnswersProblem,
    RecognisedOptions, STANDING_MAX, Wanted,
};
pub use grade::{Council, MEMBERS_MAX, grade};
pub use grader::{Grader, Regraded};
pub use held::{CriterionHeld, CriterionState, HeldResult, Holding};
pub use pass_fail::{FindingStanding, FindingState, PassFailResult, Passing};
pub use points::{
    CriterionPoints, KnockoutState, MemberTotal, PartPoints, Picked, PointsResult, RankCheck,
    Readings, SectionPoints, UnmetGate,
};
pub use result::{
    Aside, AsideReason, At, Graded, GradedBy, LISTED_MAX, Listed, MemberSheet, Missing, Outcome,
    Tally, WrongRows,
};
pub use settings::{CouncilGates, Recognised, Settings};
