//! Real processes of the program `bienban`: what it prints, how it exits, how several work together.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do, but clippy only knows functions marked as tests"
)]

mod cli;
mod hub;
mod join;
mod program;
