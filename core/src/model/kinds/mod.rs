//! What each kind of document holds: its inputs, its edits and its typed reading.

pub(crate) mod action;
pub(crate) mod facility;
pub(crate) mod finding;
pub(crate) mod followup;
pub(crate) mod inspection;
pub(crate) mod plan;
pub(crate) mod review;
pub(crate) mod row;
pub(crate) mod sample;
pub(crate) mod steps;
