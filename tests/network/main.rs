//! Real QUIC over bad networks: phones, hubs, strangers and relays on loopback.

mod bad_links;
mod harness;
mod limits;
mod stranger;
mod trust;
