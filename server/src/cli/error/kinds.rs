//! Which kind of failure an error of the core is.

use std::error::Error;
use std::io;

use super::Failed;
use crate::backups::BackupsError;
use crate::config::ConfigError;
use crate::hub::HubError;
use bienban_core::checklist::header::HeaderError;
use bienban_core::checklist::{AnswerError, ClocksError, MoveError};
use bienban_core::client::{Client, ClientError};
use bienban_core::driver::DriverError;
use bienban_core::model::EditError;
use bienban_core::net::{Advice, NetError};
use bienban_core::replica::ReplicaError;
use bienban_core::store::StoreError;
use bienban_core::sync::{Failure, FailureCode};
use bienban_core::trust::bundle::BundleError;
use bienban_core::trust::rest::RestError;

pub(super) fn of_client(error: &ClientError) -> Failed {
    match error {
        ClientError::NoDevice { .. } => Failed::NoDevice,
        ClientError::NoHub | ClientError::Address(_) | ClientError::Id(_) => Failed::Usage,
        ClientError::Invitation { .. } | ClientError::NoEnrolment => Failed::Usage,
        ClientError::NotFound { .. } | ClientError::Ambiguous { .. } | ClientError::NotPlanned => {
            Failed::NotFound
        }
        ClientError::Answer(AnswerError::UnknownItem { .. }) => Failed::UnknownItem,
        ClientError::Header(HeaderError::Unknown { .. }) => Failed::UnknownField,
        ClientError::Header(_) => Failed::Usage,
        ClientError::NotYours { .. }
        | ClientError::NotAdministrator
        | ClientError::NoRightsLeft { .. }
        | ClientError::NotReviewer { .. }
        | ClientError::NotSupervisor { .. }
        | ClientError::NotHere { .. } => Failed::Refused,
        ClientError::NoRoom { .. } => Failed::Full,
        ClientError::NoAnswer => Failed::Network,
        ClientError::StaysOut { .. } | ClientError::Waits { .. } => Failed::Final,
        ClientError::Answer(AnswerError::UnknownGroup { .. }) => Failed::NotFound,
        ClientError::Answer(
            AnswerError::Value { .. }
            | AnswerError::NotAllowed { .. }
            | AnswerError::Severity { .. }
            | AnswerError::Ambiguous { .. }
            | AnswerError::NeedsRow { .. }
            | AnswerError::OtherRow { .. },
        ) => Failed::Usage,
        ClientError::Move(MoveError::Missing { .. }) => Failed::NotFound,
        ClientError::Move(MoveError::OtherChecklist { .. }) => Failed::Usage,
        ClientError::OtherKey { .. } => Failed::WrongHub,
        ClientError::NotInTeam { .. } => Failed::NotFound,
        ClientError::PlanDays { .. } | ClientError::NeedsLeader { .. } => Failed::Usage,
        ClientError::PlanCancelled { .. } | ClientError::VisitBegun { .. } => Failed::Final,
        ClientError::NotReady { .. } | ClientError::AsksReason { .. } => Failed::NotReady,
        ClientError::Disputed { .. } => Failed::Conflicted,
        ClientError::AlreadySealed { .. } | ClientError::SignedAlready { .. } => Failed::Final,
        ClientError::NoMinutes { .. } => Failed::NotFound,
        ClientError::NotLeader { .. } | ClientError::NotOfTeam { .. } => Failed::Refused,
        ClientError::Unheard { .. } | ClientError::Unproven { .. } => Failed::NotReady,
        ClientError::Clocks(ClocksError::Unknown { .. }) => Failed::NotFound,
        ClientError::NoClock | ClientError::ClockOver { .. } => Failed::NoStep,
        ClientError::UnknownReason { .. }
        | ClientError::DayAhead { .. }
        | ClientError::DeadlineTooLate { .. } => Failed::Usage,
        ClientError::File { source, .. } => of_io(source),
        ClientError::Store(error) => of_store(error),
        ClientError::Replica(error) | ClientError::Bundle { source: error, .. } => {
            of_replica(error)
        }
        ClientError::Rest(RestError::Destroyed) | ClientError::Wiped => Failed::Destroyed,
        ClientError::RightsEnded { .. } => Failed::Ended,
        ClientError::Rest(RestError::Wrong { .. } | RestError::OtherWay { .. })
        | ClientError::Locked { .. } => Failed::Locked,
        ClientError::Rest(RestError::Short { .. })
        | ClientError::KeyText { .. }
        | ClientError::KeyReadable { .. }
        | ClientError::NotSealed { .. }
        | ClientError::NoFolderName => Failed::Usage,
        ClientError::Net(error) => of_net(error),
        ClientError::Driver(error) => of_driver(error),
        _ => Failed::Otherwise,
    }
}

pub(super) fn of_store(error: &StoreError) -> Failed {
    match error {
        StoreError::InUse { .. } => Failed::InUse,
        StoreError::Full { .. } => Failed::Full,
        StoreError::Sealed { .. } | StoreError::Unsealed { .. } | StoreError::OtherKey { .. } => {
            Failed::Locked
        }
        StoreError::Io { source, .. } => of_io(source),
        _ => Failed::Otherwise,
    }
}

pub(super) fn of_replica(error: &ReplicaError) -> Failed {
    match error {
        ReplicaError::Store(error) | ReplicaError::Unkept { source: error, .. } => of_store(error),
        ReplicaError::LogForked { .. } => Failed::LogForked,
        ReplicaError::Parted => Failed::Destroyed,
        ReplicaError::SealKept { .. } => Failed::Final,
        ReplicaError::NotReleased { .. } => Failed::Refused,
        ReplicaError::NotSuccessor { .. }
        | ReplicaError::KeyReplaced { .. }
        | ReplicaError::TwoSuccessors { .. }
        | ReplicaError::TooManyKeys { .. }
        | ReplicaError::Unannounced => Failed::WrongHub,
        ReplicaError::Bundle { source: BundleError::Io { action: "read", source } }
            if source.kind() == io::ErrorKind::NotFound =>
        {
            Failed::NotFound
        }
        ReplicaError::Bundle { source: BundleError::Io { source, .. } } => of_io(source),
        ReplicaError::Stranger { .. } => Failed::Refused,
        ReplicaError::UnknownDocument { .. } => Failed::NotFound,
        ReplicaError::UnknownTemplate { .. } => Failed::NoChecklist,
        ReplicaError::Edit(error) => match &**error {
            EditError::UnknownItem { .. } => Failed::UnknownItem,
            EditError::UnknownField { .. } => Failed::UnknownField,
            EditError::Transition { .. } => Failed::NoStep,
            EditError::UnknownRow { .. } => Failed::NotFound,
            EditError::Invalid { what: "photo", .. } => Failed::Usage,
            EditError::Conflicted { .. }
            | EditError::Contested { .. }
            | EditError::ContestedField { .. } => Failed::Conflicted,
            EditError::NotContested { .. } => Failed::NoConflict,
            _ => Failed::Otherwise,
        },
        _ => Failed::Otherwise,
    }
}

/// Returns the exit code of a command that only tells of doubts in the hub's log.
pub(crate) fn code_of_doubts(client: &Client) -> Result<u8, ClientError> {
    let stopped = client.phone().replica().stopping_doubt()?.is_some();
    Ok(if stopped { Failed::LogForked.code() } else { 0 })
}

pub(super) fn of_net(error: &NetError) -> Failed {
    match error {
        NetError::HubKeyMismatch { .. } => Failed::WrongHub,
        NetError::DeviceUnknown { .. } => Failed::Unknown,
        _ if error.advice() == Advice::RetryLater => Failed::Network,
        _ => Failed::Otherwise,
    }
}

pub(super) fn of_driver(error: &DriverError) -> Failed {
    match error {
        DriverError::Net(error) => of_net(error),
        DriverError::Replica(error) => of_replica(error),
        DriverError::Cut => Failed::Network,
        DriverError::Refused { failure } => of_failure(failure),
        _ => Failed::Otherwise,
    }
}

pub(super) fn of_failure(failure: &Failure) -> Failed {
    match failure.code {
        FailureCode::Busy | FailureCode::Closing | FailureCode::Changed => Failed::Network,
        FailureCode::Full => Failed::HubFull,
        _ => Failed::Refused,
    }
}

pub(super) fn of_io(error: &io::Error) -> Failed {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failed::Full,
        _ => Failed::Otherwise,
    }
}

/// An error that is passed on as it is does not show among its own causes, so it is looked into.
pub(super) fn of_hub(error: &HubError) -> Failed {
    match error {
        HubError::Store(error) => of_store(error),
        HubError::Replica(error) => of_replica(error),
        HubError::Net(error) => of_net(error),
        HubError::Driver(error) => of_driver(error),
        HubError::File { source, .. } => of_io(source),
        _ => Failed::Otherwise,
    }
}

pub(super) fn of_backups(error: &BackupsError) -> Failed {
    use BackupsError as E;
    match error {
        E::File { source, .. } => of_io(source),
        E::Store(error) => of_store(error),
        E::Replica(error) => of_replica(error),
        E::NoHub { .. } | E::NoBackup { .. } | E::NoManifest { .. } => Failed::NotFound,
        E::Device { .. } | E::Sealed { .. } => Failed::NotFound,
        E::Running { .. } | E::Busy { .. } => Failed::InUse,
        E::Inside { .. } | E::Above { .. } | E::SecondDisk { .. } | E::HubFolder { .. } => {
            Failed::Usage
        }
        E::NoKey | E::DamagedKey { .. } | E::OtherKey { .. } | E::Key { .. } => Failed::Usage,
        E::Taken { .. } | E::NotEmpty { .. } | E::Foreign { .. } => Failed::FileThere,
        _ => Failed::Otherwise,
    }
}

/// Looks through the causes of what the hub or the demo met.
pub(super) fn of_service(error: &(dyn Error + 'static)) -> Failed {
    let mut cause = Some(error);
    while let Some(found) = cause {
        let failed = if found.is::<ConfigError>() {
            Failed::Usage
        } else if let Some(error) = found.downcast_ref::<HubError>() {
            of_hub(error)
        } else if let Some(error) = found.downcast_ref::<StoreError>() {
            of_store(error)
        } else if let Some(error) = found.downcast_ref::<NetError>() {
            of_net(error)
        } else if let Some(error) = found.downcast_ref::<ClientError>() {
            of_client(error)
        } else if let Some(error) = found.downcast_ref::<io::Error>() {
            of_io(error)
        } else {
            Failed::Otherwise
        };
        if failed != Failed::Otherwise {
            return failed;
        }
        cause = found.source();
    }
    Failed::Otherwise
}
