//! The harness that the tests, benches and fuzz targets share.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a harness stops a test at the first surprise, and says what it was"
)]

pub mod binary;
pub mod fleet;
pub mod link;
pub mod process;
pub mod scene;
pub mod tcp_link;
