//! Typed documents over Automerge. No IO, no clock, no entropy.

mod ids;

pub use ids::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, IdError, Incarnation, Kind, Origin, Scope,
    TemplateId, Timestamp,
};
