//! Typed documents over Automerge. No IO, no clock, no entropy.

mod change;
mod ids;

pub use change::{
    ACTOR_BYTES_MAX, CHANGE_ACTORS_MAX, CHANGE_BYTES_MAX, CHANGE_DEPS_MAX, CHANGE_OPS_MAX,
    CHANGE_PREDS_MAX, COUNTER_MAX, ChangeError, ChangeFacts, KEY_BYTES_MAX, RawChange,
};
pub(crate) use change::{ChangeParts, Cursor, Cut, put_sleb, put_uleb};
pub use ids::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, IdError, Incarnation, Kind, Origin, Scope,
    TemplateId, Timestamp,
};
