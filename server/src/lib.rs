//! The hub that merges inspections from the field, and the texts of its command line.

pub mod cli;
pub mod import;
pub mod messages;
