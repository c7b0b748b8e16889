//! The protocol: packs, frames, one peer's session, reconciliation, back-off.
//!
//! Pure: no socket, file, clock or entropy. Sessions take bytes and answers in through `handle_*`
//! and give work out through `poll_output`; who drives them reads and writes for them. It must not
//! load a document nor decide who may write what. `docs/protocol.md` describes the bytes.

mod backoff;
pub(crate) mod bytes;
mod compression;
mod frame;
mod log;
mod message;
mod names;
mod pack;
mod quarantine;
pub mod reconcile;
mod seals;
pub mod session;

pub use crate::trust::{DeviceEntry, PlainEntry, Role};
pub use backoff::{BACKOFF_FIRST, BACKOFF_MAX, Backoff};
pub(crate) use compression::{deflate, inflate};
pub use frame::{
    FRAME_BYTES_MAX, FRAME_FILL_BYTES, FRAME_INFLATED_BYTES_MAX, FRAME_VERSION, Frame, FrameError,
    PROTOCOL_VERSION,
};
pub use log::{
    LOG_PAGE_LEAVES_MAX, LOG_PROOFS_MAX, LogAnswer, LogMessage, LogPage, LogProofs, LogRequest,
    ProvedLeaf,
};
pub use message::{
    AdminAnswer, AdminRequest, BackupCause, BackupFault, BackupStatus, ClosedLine, DoubleNumber,
    Failure, FailureCode, FeedItem, FeedPosition, Hello, HubStatus, HubWaiting, Notice, Resume,
    SetAside, Snapshot, Stored, Verdict, Want, Welcome,
};
pub use names::{NAMES_PACKS_MAX, Names, Pushed};
pub use pack::{
    LONG_PACK_BYTES_MAX, LONG_PACK_CHANGE_BYTES_MAX, LONG_PACK_CHANGES_MAX, PACK_BYTES_MAX,
    PACK_CHANGE_BYTES_MAX, PACK_CHANGES_MAX, PACK_VERSION, PACK_VERSION_LONG, Pack, PackError,
    PackHeader, seal_all,
};
pub use quarantine::{
    AdmissionStop, AsideEntry, AsideName, QUARANTINE_BYTES_MAX, QUARANTINE_DIGITS_MAX,
    QUARANTINE_PAGE_MAX, QuarantineAnswer, QuarantineFilter, QuarantineRequest, StopCause,
};
pub use reconcile::{
    Differences, Equivocation, Fingerprint, Item, ItemKey, ItemTree, MemoryTree, Node, Prefix,
    ReconcileError, ReconcileMessage, TreeError, node_keys,
};
pub use seals::{LackingLine, LinePlace, SealWait, SealsWaiting, WaitingSeal};
pub use session::{
    Accepted, Apply, BasePage, CLOCK_SKEW_MAX_MS, Ending, Fault, FeedPage, HubOutput, HubSession,
    HubStart, Load, Meter, NOTICES_MAX, OBJECTS_OFFERED_MAX, Outcome, PeerOutput, PeerSession,
    PhoneOutput, PhoneSession, SessionError, SnapshotPage, Start,
};
