//! The hub: what it is set up with and what it says while it runs.

pub mod config;
pub mod logging;
