//! What users of comparable products complain of, one test for each class of failure that can occur here
//! already. Each opens with the complaint in one sentence; `docs/reliability.md` lists them, and those that
//! wait for what is not built.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests do as tests do, but clippy only knows functions marked as tests"
)]

mod arrival;
mod conflicts;
mod cost;
mod field;
mod heap;
mod line;
#[path = "../reach/store.rs"]
mod store;
mod stuck;
mod weigh;
