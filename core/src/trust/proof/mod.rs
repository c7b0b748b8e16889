//! The exported record: one file that holds the evidence for one document, to be checked by somebody who
//! has no network, no folder and no reason to trust whoever hands it over.
//!
//! Pure, and only the container: which parts there are, their one encoding, and the signature of the device
//! that made the file. What the parts prove together is for `crate::replica` to say, which knows packs and
//! checklists. The bytes are in `docs/exported-record.md`,
//! [why so](../../../../docs/adr/0030-exported-record.md).

mod container;
mod witness;

pub use container::{
    About, CHECKLIST_BYTES_MAX, CONTROL_ENTRIES_MAX, EXPORT_BYTES_MAX, ExportedRecord, GROWN_MAX,
    Grown, HEADS_MAX, Maker, PACKS_MAX, PROOF_PAGES_MAX, ProofPage, ProvedLeaf, READABLE_BYTES_MAX,
    RECEIPTS_MAX, SEALS_MAX,
};
pub use witness::{HEAD_LINES_MAX, WitnessHead};

/// Why bytes are no exported record, or one cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// It does not begin as one.
    #[error("this is no exported record: it does not begin as one")]
    Magic,
    /// Another version than this program knows.
    #[error("the exported record has version {found}, but this program reads {known}; update it")]
    Version {
        /// The version found.
        found: u8,
        /// The one known.
        known: u8,
    },
    /// Over a limit.
    #[error("{what} of an exported record: {found}, over the limit of {limit}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// It is cut off, or bytes follow its end.
    #[error("the exported record is cut off or goes on behind its end, at byte {at}")]
    Length {
        /// Where.
        at: usize,
    },
    /// A part has a number that this program does not know, or stands where it may not.
    #[error("part {kind} of the exported record is unknown or out of place, at byte {at}")]
    Order {
        /// Its number.
        kind: u8,
        /// Where.
        at: usize,
    },
    /// A part that must be there is missing.
    #[error("the exported record has no {what}")]
    Missing {
        /// The part.
        what: &'static str,
    },
    /// A part is not in its one encoding.
    #[error("the {what} of the exported record cannot be read, at byte {at}")]
    Malformed {
        /// The part.
        what: &'static str,
        /// Where the part begins.
        at: usize,
    },
    /// A part does not encode.
    #[error("the {what} of an exported record cannot be encoded")]
    Encode {
        /// The part.
        what: &'static str,
        /// Why.
        source: postcard::Error,
    },
}
