//! The protocol: packs, frames, one peer's session, reconciliation, back-off.
//!
//! Pure: no socket, file, clock or entropy. Sessions take bytes and answers in through `handle_*`
//! and give work out through `poll_output`; who drives them reads and writes for them. It must not
//! load a document nor decide who may write what. `docs/protocol.md` describes the bytes.

mod backoff;
mod compression;
mod pack;

pub use backoff::{BACKOFF_FIRST, BACKOFF_MAX, Backoff};
pub use pack::{
    PACK_BYTES_MAX, PACK_CHANGE_BYTES_MAX, PACK_CHANGES_MAX, PACK_VERSION, Pack, PackError,
    PackHeader, seal_all,
};
