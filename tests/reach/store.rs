//! The core's stores, and what passes on to one of them all that a test's store does not change: the core's own tests
//! write theirs with it too.

pub(crate) use bienban_core::store::{
    Done, Opened, Position, Read, Record, Row, StoreError, Verified, Writes,
};

#[path = "../../core/src/store/passing.rs"]
mod passing;

pub(crate) use passing::pass_on;
