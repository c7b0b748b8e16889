//! The core as a library for Android, iOS and Python: a small facade that UniFFI exports.
//!
//! Thin objects around [`bienban_core::client`], plain records that mirror the core's types, and errors
//! that a screen can act on. The mirror types belong here and not in the core, so that an app's language
//! never freezes them.
//!
//! What must never be here: logic. Whatever two apps would both need belongs in `client`. No other
//! module of the core than `client` and `model` may be named; the tidy test holds that.
//!
//! Rules that hold for every exported call (docs/bindings.md tells them to app developers):
//!
//! - It returns a result, and no panic crosses: a panic is caught on a thread of this library and comes
//!   out as [`BienbanError::Internal`].
//! - What touches the disk or the network is `async` and runs on threads of this library; the caller's
//!   thread is never held. What is not `async` answers from memory.
//! - An edit whose future is dropped is still made whole; an exchange whose future is dropped is ended.
//! - After [`Bienban::shutdown`] every call answers [`BienbanError::Closed`].

#![allow(
    clippy::result_large_err,
    reason = "UniFFI lowers an error's records by value and has no boxed ones"
)]

mod bienban;
mod engine;
mod enrolment;
mod error;
mod events;
mod inspections;
mod keystore;
mod ledger;
mod lists;
mod messages;
mod minutes;
mod records;
mod review;
mod settling;
mod sync;

pub use bienban::{Bienban, Me, OpenOptions};
pub use enrolment::{Enrolment, EnrolmentState, EnrolmentStatus};
pub use error::{BienbanError, NextStep, Report, ReportLine, recent_reports};
pub use events::{Changes, DocumentChange, Observer, ObserverError, Subscription};
pub use inspections::{AnswerDraft, Edited, FindingDraft, Opinion, StepDraft, TextEdit};
pub use keystore::{KeyStore, KeyStoreError};
pub use ledger::{
    ExportRun, Exported, Ledger, LedgerRow, Notice, RejectedWork, WaitingDecision, WaitingMinutes,
};
pub use lists::{
    ChecklistRow, FacilityPage, FacilityRow, InspectionFilter, InspectionListRow, InspectionPage,
    ListQuery, PlanPage, PlanRow, VisitRow,
};
pub use minutes::{DrawnSignature, Point, SealCheck, SealDraft, Signatory, Stroke, TeamDevice};
pub use records::*;
pub use review::Sent;
pub use settling::{HistoryLine, Settled};
pub use sync::{NetworkHint, SyncOutcome, SyncProgress, SyncRun, SyncState};

uniffi::setup_scaffolding!();
