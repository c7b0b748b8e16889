//! *Vòng đời cuộc kiểm tra*: whether an inspection may take its next step, and which clocks run.
//!
//! The table of states is the model's ([`LifeCycle`]); what each state needs is data
//! (`core/data/lifecycle.json`, with the clause of each guard); this module looks whether it is
//! there, and names everything that is missing at once. `docs/lifecycle.md` has it as a table. Pure:
//! the day that is today is told. Who may take a step is not decided here.

mod case;
mod guards;
mod rules;
mod running;

pub use case::{Attempt, Case, Law, OtherVisit, apply_corrections, is_corrected, issued};
pub use guards::{Missing, latest_correction, missing};
pub use rules::{AcceptedReason, Need, Requirement, Rules};
pub use running::{Running, running, settled_on};

/// The guards in force since NĐ 217/2025/NĐ-CP. Not official: nobody in office has confirmed them.
pub const LIFECYCLE: &[u8] = include_bytes!("../../../data/lifecycle.json");

use crate::model::LifeCycle;

/// Returns the states from which a state may be reached, in the order of a life.
#[must_use]
pub fn before(to: LifeCycle) -> Vec<LifeCycle> {
    LifeCycle::ALL.into_iter().filter(|from| from.next().contains(&to)).collect()
}

#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;
