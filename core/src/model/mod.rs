//! Typed documents over Automerge. No IO, no clock, no entropy.
//!
//! Every document is born from a [`Genesis`] and a [`Shape`]: a computed first change holds each map
//! and text that two people could share. What people answer stands in registers, replaced whole; what
//! they write stands in texts that merge. Nothing here decides who may write, and nothing is
//! overwritten without a trace.

mod apply;
mod canonical;
mod change;
mod chunk;
mod document;
mod edit;
mod edition;
mod history;
mod ids;
mod kinds;
mod layout;
mod lifecycle;
mod migrate;
mod reauthor;
mod record;
mod register;
mod settle;
mod summary;
mod text;
mod touched;
mod view;
mod whole;

#[cfg(test)]
mod tests;

pub use apply::{Applied, Refusal};
pub use canonical::canonical_bytes;
pub use change::{
    ACTOR_BYTES_MAX, CHANGE_ACTORS_MAX, CHANGE_BYTES_MAX, CHANGE_DEPS_MAX, CHANGE_OPS_MAX,
    CHANGE_PREDS_MAX, COUNTER_MAX, ChangeError, ChangeFacts, KEY_BYTES_MAX, RawChange,
};
pub(crate) use change::{ChangeParts, Cursor, Cut, put_sleb, put_uleb};
pub(crate) use document::changes_in;
pub use document::{
    DOCUMENT_ACTORS_MAX, DOCUMENT_BYTES_MAX, DOCUMENT_OPS_MAX, Document, DocumentError,
};
pub(crate) use edit::needed;
pub use edit::{EditError, Editor, NoteEdit, ROWS_MAX};
pub use edition::{Edition, Move};
pub use history::{Past, Written, written};
pub use ids::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, IdError, Incarnation, Kind, Origin, PersonId,
    Scope, TemplateId, Timestamp,
};
pub use kinds::action::{Action, ActionPatch, ActionView};
pub use kinds::facility::{
    Certificate, FACILITY_FIELDS, FacilityInput, FacilityView, OwnerKind, Product,
};
pub use kinds::finding::{FindingInput, FindingPatch, FindingView, Parked, Severity};
pub use kinds::followup::{
    ActionState, FollowupView, Progress, Recheck, RecheckResult, RecheckRow,
};
pub use kinds::inspection::{
    Answer, AnswerInput, AnswerState, Evidence, Grade, HEADER_KEY_BYTES_MAX, InspectionView,
    SUPPLEMENT, SUPPLEMENT_SEALED, SUPPLEMENTS, is_header_key,
};
pub use kinds::plan::{
    AgencyLevel, Member, PLAN_FIELDS, PlanInput, PlanView, PlannedVisit, Role, VisitReason,
};
pub use kinds::review::{Decision, Judged, Pinned, Reply, ReviewView, Standing, Verdict};
pub use kinds::row::{LooseNote, RowView};
pub use kinds::sample::{Handover, HandoverRow, LabResult, Parameter, Sample, SampleStep, Seal};
pub use kinds::steps::{Difficulty, Pause, RaisedBy, Step};
pub use layout::{FIRST_ACTOR, RowGroup, SCHEMA, Shape};
pub use lifecycle::LifeCycle;
pub use reauthor::{Owners, RENAMED, Remade};
pub use record::{RECORD_VERSION, Record};
pub use register::{Register, Said, Told};
pub use settle::Contest;
pub use summary::{CANCELLED, SealedCounts, Summary, SummaryError};
pub use text::{
    EVIDENCE_MAX, FIELD_CHARS_MAX, SPLICE_CHARS_MAX, TEXT_CHARS_MAX, VALUE_CHARS_MAX, clean,
};
pub use touched::Touched;
#[cfg(feature = "io")]
pub(crate) use view::read_string;
pub use view::{Conflict, Place, View, place_name};
