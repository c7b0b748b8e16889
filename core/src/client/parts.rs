//! The parts of other modules that calls of [`super::Client`] take and give, by name: who holds a client
//! through the bindings names `client` and `model` alone.
//!
//! A list, and nothing else.

pub use crate::checklist::grading::{At, Graded, Node, NodeKind, Response, counted_of};
pub use crate::checklist::header::{HeaderRow, HeaderSheet, HeaderType};
pub use crate::checklist::lifecycle::{Missing, Running, issued};
pub use crate::checklist::{AnswerType, Day, Item, Section, Template, Words};
pub use crate::clock::{Stopwatch, now, random};
pub use crate::driver::{SyncEvent, SyncOptions, SyncReport};
pub use crate::net::{EnrolUri, HubAddress, Transport};
pub use crate::replica::{
    Arrival, EditOutcome, HeldSeal, ListQuery, Progress, RejectedEdit, SealState, units,
};
pub use crate::sync::{DeviceEntry, Notice, Role};
pub use crate::trust::enrolment::{CheckDigits, EnrolAnswer, EnrolRefusal};
pub use crate::trust::rest::StoreKey;
pub use crate::trust::seal::{Confirmer, Drawn, Ending, Presence, Refusal};
