//! Real QUIC and TLS/TCP over bad networks: phones, hubs, strangers and relays on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, but clippy only knows functions marked as tests"
)]

mod bad_links;
mod crowd;
mod fallback;
mod harness;
mod limits;
mod places;
mod raw;
mod stranger;
mod trust;
