//! The hub that merges inspections from the field, and its command line.

mod backup;
pub mod backups;
mod bundles;
pub mod cli;
mod compaction;
pub mod config;
pub mod hub;
pub mod import;
pub mod logging;
pub mod merging;
pub mod messages;
mod reasons;
