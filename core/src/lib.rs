//! Inspection records that merge: what runs on a phone and inside the hub.
//!
//! The pure half (`model`, `checklist`, `sync`, `trust`, `replica` and the traits of `store`) does no
//! IO and reads neither clock nor entropy: it is told the time and returns work. The feature `io`
//! adds what touches the machine: the journal's files, sled, QUIC, the driver and the client.

pub mod checklist;
pub mod model;
pub mod replica;
pub mod store;
pub mod sync;
pub mod trust;

#[cfg(feature = "io")]
pub mod client;
#[cfg(feature = "io")]
pub mod clock;
#[cfg(feature = "io")]
pub mod driver;
#[cfg(feature = "io")]
pub mod net;
