//! What the design promises in numbers, as counts that do not depend on the machine: syncs, loaded
//! documents, round trips, bytes. Times are the benches' business.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod answers;
mod asked;
mod bounds;
mod condense;
mod enrol;
mod exchanges;
mod forks;
mod golden;
mod heap;
mod holes;
mod hub;
mod later;
mod lists;
mod live;
mod lives;
mod long;
mod marks;
mod memory;
mod page_table;
mod proof;
mod quic;
mod rebuilt;
mod records;
mod recover;
mod refused;
mod rewritten;
mod rights;
mod store;
