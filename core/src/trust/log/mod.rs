//! The hub's log: what it accepted, refused, showed and was told by administrators, in a Merkle tree whose
//! heads the hub signs and phones keep.
//!
//! Pure. [`LogLeaf`] is what a leaf says, [`TreeHead`] the hub's word on the whole, [`judge`] what a phone
//! makes of a head in the light of those that it kept. Entries hold ids, hashes and counts: no content and
//! nothing of a person. It must not know where leaves come from. The bytes are in `docs/protocol.md`.

mod doubt;
mod entry;
mod head;
mod judge;
mod standing;

pub use doubt::{Doubt, DoubtReason, Release};
pub use entry::{Act, LEAF_BYTES_MAX, LogEntry, LogLeaf, Refusal, Turned};
pub use head::TreeHead;
pub use judge::{HEADS_NAMED_MAX, Judgement, Shown, judge};
pub use standing::{Account, Lives, Loss, ProvedLeaf, Standing, Stands};

#[cfg(test)]
mod tests;
