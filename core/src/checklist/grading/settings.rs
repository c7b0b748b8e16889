//! What a grade is asked for: the day, and the readings of the law that may be switched.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::checklist::day::Day;
use crate::checklist::template::{Fallback, Template};

/// What several members' sheets mean for a gate. The decision does not say: it speaks only of the
/// mean of the totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CouncilGates {
    /// The mean of the members' points at the criterion meets it, as the mean of the totals meets
    /// the points of a rank.
    #[default]
    Mean,
    /// Every member's points meet it.
    EveryMember,
}

/// The recognition that a product holds (*quyết định công nhận*).
#[derive(Debug, Clone)]
pub struct Recognised {
    /// The checklist that it was recognised by.
    pub template: Arc<Template>,
    /// The stars it holds.
    pub stars: u32,
    /// The option recognised at each criterion.
    pub options: BTreeMap<String, String>,
}

/// How to grade.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The day as of which everything is worked out. Nothing reads a clock.
    pub as_of: Day,
    /// What happens when a gate is not met, instead of what the checklist says.
    pub fallback: Option<Fallback>,
    /// What several members' sheets mean for a gate.
    pub council_gates: CouncilGates,
    /// The recognition whose criteria are checked.
    pub recognised: Option<Recognised>,
}

impl Settings {
    /// Returns the settings that the checklist itself has.
    #[must_use]
    pub fn new(as_of: Day) -> Self {
        Self { as_of, fallback: None, council_gates: CouncilGates::default(), recognised: None }
    }
}
