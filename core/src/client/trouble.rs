//! What kind of trouble an error is, and what to do about it: the one place where an app's screens decide by
//! errors. It has no texts; those are the app's.

use std::io;
use std::time::Duration;

use super::ClientError;
use crate::checklist::header::HeaderError;
use crate::checklist::{AnswerError, ClocksError, MoveError};
use crate::driver::DriverError;
use crate::model::EditError;
use crate::net::{Advice, NetError};
use crate::replica::ReplicaError;
use crate::store::StoreError;
use crate::sync::{Failure, FailureCode};
use crate::trust::rest::RestError;

/// The kinds of trouble that a person can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Trouble {
    /// The folder has an empty name.
    NoFolderName,
    /// The folder holds no device.
    NoDevice,
    /// The folder holds a device already.
    HasDevice,
    /// What opens the folder was not given, or is another.
    Locked,
    /// The folder's keys were destroyed: this device's rights had ended.
    Destroyed,
    /// Another process has the folder open.
    InUse,
    /// There is no room left on the disk.
    DiskFull,
    /// There is no room left on the hub's disk.
    HubFull,
    /// A later program wrote the folder.
    Newer,
    /// What the disk holds cannot be read.
    Damaged,
    /// No hub is known yet.
    NoHub,
    /// An invitation does not read.
    Invitation,
    /// No invitation was begun.
    NoEnrolment,
    /// What answers, or was given, is another hub than the pinned one.
    WrongHub,
    /// The hub cannot be reached; trying again may help.
    Network,
    /// The hub does not know this device, or takes it in no longer.
    Unknown,
    /// The hub will not.
    Refused,
    /// The hub failed inside.
    HubFailed,
    /// The hub's log is not the one that it showed before.
    LogForked,
    /// The rights of this device were ended, and something is still only here.
    RightsEnded,
    /// Nothing here has the name.
    NotFound,
    /// More than one thing has the name.
    Ambiguous,
    /// The checklist has not arrived.
    NoChecklist,
    /// The plan does not visit the facility, or was cancelled.
    NotPlanned,
    /// The checklist has no such item, section or field.
    UnknownItem,
    /// The value does not fit.
    WrongValue,
    /// An item that is answered in rows was given none, or another's.
    WrongRow,
    /// A text is too long, or there are too many of something.
    TooLong,
    /// A day lies ahead, or a deadline too late.
    WrongDay,
    /// This device's role does not allow it.
    NotYours,
    /// This device may not write in that unit.
    NotHere,
    /// Values that differ stand where one is needed.
    Conflicted,
    /// Nothing is to be settled there.
    NoConflict,
    /// What was to be chosen does not stand there.
    NotStanding,
    /// The life cycle has no such step.
    NoStep,
    /// Something that the law asks for first is missing.
    NotReady,
    /// It was written by another person, and a reason is asked for.
    AnothersWork,
    /// The minutes are sealed.
    Sealed,
    /// There are no sealed minutes.
    NoMinutes,
    /// It was done already, or has ended for good.
    Final,
    /// Devices of the team were not heard.
    Unheard,
    /// Somebody wrote of whom no proof has arrived.
    Unproven,
    /// The system gave no random bytes.
    NoEntropy,
    /// Anything else.
    Other,
}

/// What a person, or the app for them, does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The same again, later: nothing is wrong with what was asked.
    Retry,
    /// The person is told, and decides.
    Tell,
    /// Somebody who can look into it is told.
    Report,
}

impl Trouble {
    /// Returns what to do next.
    #[must_use]
    pub fn remedy(self) -> Remedy {
        match self {
            Self::Network | Self::InUse | Self::HubFull | Self::NoEntropy => Remedy::Retry,
            // A person can name no folder: what the app does is wrong.
            Self::NoFolderName => Remedy::Report,
            Self::Damaged | Self::LogForked | Self::HubFailed | Self::Other => Remedy::Report,
            _ => Remedy::Tell,
        }
    }
}

impl ClientError {
    /// Returns what kind of trouble it is.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        self.of_device().or_else(|| self.of_work()).unwrap_or_else(|| self.of_below())
    }

    /// Returns how long the hub asked to be left alone, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Driver(DriverError::Refused { failure }) => {
                failure.retry_after_ms.map(Duration::from_millis)
            }
            _ => None,
        }
    }

    /// What is about the folder, the hub and the rights.
    fn of_device(&self) -> Option<Trouble> {
        Some(match self {
            Self::NoFolderName => Trouble::NoFolderName,
            Self::NoDevice { .. } => Trouble::NoDevice,
            Self::HasDevice { .. } => Trouble::HasDevice,
            Self::Locked { .. } | Self::NotSealed { .. } => Trouble::Locked,
            Self::KeyText { .. } | Self::KeyReadable { .. } => Trouble::Locked,
            Self::NoKeyFile { .. } | Self::Settings { .. } => Trouble::Damaged,
            Self::Wiped => Trouble::Destroyed,
            Self::RightsEnded { .. } => Trouble::RightsEnded,
            Self::NoRoom { .. } => Trouble::DiskFull,
            Self::NoHub | Self::Address(_) => Trouble::NoHub,
            Self::Invitation { .. } => Trouble::Invitation,
            Self::NoEnrolment => Trouble::NoEnrolment,
            Self::OtherKey { .. } => Trouble::WrongHub,
            Self::NoAnswer => Trouble::Network,
            Self::NotYours { .. }
            | Self::NotReviewer { .. }
            | Self::NotLeader { .. }
            | Self::NotOfTeam { .. }
            | Self::NotAdministrator
            | Self::NotSupervisor { .. } => Trouble::NotYours,
            Self::NotHere { .. } => Trouble::NotHere,
            Self::NoRightsLeft { .. } => Trouble::Refused,
            Self::Entropy(_) => Trouble::NoEntropy,
            _ => return None,
        })
    }

    /// What is about an inspection and what is done to it.
    fn of_work(&self) -> Option<Trouble> {
        Some(match self {
            Self::NotFound { .. } | Self::WrongKind { .. } | Self::Id(_) => Trouble::NotFound,
            Self::NotInTeam { .. } | Self::Move(MoveError::Missing { .. }) => Trouble::NotFound,
            Self::Clocks(ClocksError::Unknown { .. }) => Trouble::NotFound,
            Self::Ambiguous { .. } => Trouble::Ambiguous,
            Self::NotPlanned | Self::PlanCancelled { .. } => Trouble::NotPlanned,
            Self::Answer(error) => of_answer(error),
            Self::Header(HeaderError::Unknown { .. }) => Trouble::UnknownItem,
            Self::Header(_) | Self::UnknownReason { .. } | Self::SampleThere { .. } => {
                Trouble::WrongValue
            }
            Self::DayAhead { .. } | Self::DeadlineTooLate { .. } | Self::PlanDays { .. } => {
                Trouble::WrongDay
            }
            Self::NotReady { .. } | Self::AsksReason { .. } => Trouble::NotReady,
            Self::NoClock | Self::ClockOver { .. } => Trouble::NoStep,
            Self::Disputed { .. } => Trouble::Conflicted,
            Self::NotStanding { .. } => Trouble::NotStanding,
            Self::OthersFinding { .. } | Self::OthersStep { .. } => Trouble::AnothersWork,
            Self::AlreadySealed { .. } => Trouble::Sealed,
            Self::NoMinutes { .. } => Trouble::NoMinutes,
            Self::SignedAlready { .. }
            | Self::StaysOut { .. }
            | Self::Waits { .. }
            | Self::VisitBegun { .. } => Trouble::Final,
            Self::Unheard { .. } => Trouble::Unheard,
            Self::Unproven { .. } => Trouble::Unproven,
            _ => return None,
        })
    }

    /// What comes from the modules below.
    fn of_below(&self) -> Trouble {
        match self {
            Self::File { source, .. } => of_io(source),
            Self::Store(error) => of_store(error),
            Self::Replica(error) | Self::Bundle { source: error, .. } => of_replica(error),
            Self::Rest(error) => of_rest(error),
            Self::Net(error) => of_net(error),
            Self::Driver(error) => of_driver(error),
            _ => Trouble::Other,
        }
    }
}

fn of_answer(error: &AnswerError) -> Trouble {
    match error {
        AnswerError::UnknownItem { .. } | AnswerError::UnknownGroup { .. } => Trouble::UnknownItem,
        AnswerError::NeedsRow { .. } | AnswerError::OtherRow { .. } => Trouble::WrongRow,
        AnswerError::TooManyRows { .. } => Trouble::TooLong,
        _ => Trouble::WrongValue,
    }
}

fn of_rest(error: &RestError) -> Trouble {
    match error {
        RestError::Destroyed => Trouble::Destroyed,
        RestError::Newer { .. } => Trouble::Newer,
        RestError::Damaged { .. } => Trouble::Damaged,
        _ => Trouble::Locked,
    }
}

fn of_store(error: &StoreError) -> Trouble {
    match error {
        StoreError::InUse { .. } | StoreError::Busy { .. } => Trouble::InUse,
        StoreError::Full { .. } => Trouble::DiskFull,
        StoreError::Newer { .. } => Trouble::Newer,
        StoreError::Sealed { .. } | StoreError::Unsealed { .. } | StoreError::OtherKey { .. } => {
            Trouble::Locked
        }
        StoreError::Io { source, .. } => of_io(source),
        StoreError::TooLarge { .. } => Trouble::TooLong,
        _ => Trouble::Damaged,
    }
}

fn of_replica(error: &ReplicaError) -> Trouble {
    match error {
        ReplicaError::Store(error) | ReplicaError::Unkept { source: error, .. } => of_store(error),
        ReplicaError::LogForked { .. } | ReplicaError::OtherRights { .. } => Trouble::LogForked,
        ReplicaError::Parted => Trouble::Destroyed,
        ReplicaError::SealKept { .. } => Trouble::Final,
        ReplicaError::NotSuccessor { .. }
        | ReplicaError::KeyReplaced { .. }
        | ReplicaError::TwoSuccessors { .. }
        | ReplicaError::TooManyKeys { .. }
        | ReplicaError::Unannounced => Trouble::WrongHub,
        ReplicaError::NotReleased { .. } | ReplicaError::Stranger { .. } => Trouble::Refused,
        ReplicaError::UnknownDocument { .. } => Trouble::NotFound,
        ReplicaError::UnknownTemplate { .. } => Trouble::NoChecklist,
        ReplicaError::Document { .. } | ReplicaError::Template { .. } => Trouble::Damaged,
        ReplicaError::Seal { .. } => Trouble::WrongValue,
        ReplicaError::Edit(error) => of_edit(error),
        _ => Trouble::Other,
    }
}

fn of_edit(error: &EditError) -> Trouble {
    match error {
        EditError::UnknownItem { .. }
        | EditError::UnknownGroup { .. }
        | EditError::UnknownField { .. } => Trouble::UnknownItem,
        EditError::UnknownRow { .. } => Trouble::NotFound,
        EditError::TooLong { .. } | EditError::TooMany { .. } => Trouble::TooLong,
        EditError::Invalid { .. } | EditError::OutOfText { .. } => Trouble::WrongValue,
        EditError::Conflicted { .. }
        | EditError::Contested { .. }
        | EditError::ContestedField { .. } => Trouble::Conflicted,
        EditError::NotContested { .. } => Trouble::NoConflict,
        EditError::Transition { .. } => Trouble::NoStep,
        EditError::PastMinutes { .. } | EditError::ExtendedBefore | EditError::Cancelled => {
            Trouble::Final
        }
        _ => Trouble::Other,
    }
}

fn of_net(error: &NetError) -> Trouble {
    match error {
        NetError::HubKeyMismatch { .. } => Trouble::WrongHub,
        NetError::DeviceUnknown { .. } => Trouble::Unknown,
        _ if error.advice() == Advice::RetryLater => Trouble::Network,
        _ => Trouble::Other,
    }
}

fn of_driver(error: &DriverError) -> Trouble {
    match error {
        DriverError::Net(error) => of_net(error),
        DriverError::Replica(error) => of_replica(error),
        DriverError::Cut => Trouble::Network,
        DriverError::Refused { failure } => of_failure(failure),
        DriverError::Entropy => Trouble::NoEntropy,
        DriverError::Stopped => Trouble::Other,
    }
}

fn of_failure(failure: &Failure) -> Trouble {
    match failure.code {
        FailureCode::Busy | FailureCode::Closing | FailureCode::Changed => Trouble::Network,
        FailureCode::Full => Trouble::HubFull,
        FailureCode::NotAllowed => Trouble::Unknown,
        FailureCode::Internal => Trouble::HubFailed,
        _ => Trouble::Refused,
    }
}

fn of_io(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Trouble::DiskFull,
        io::ErrorKind::NotFound => Trouble::NotFound,
        _ => Trouble::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_same_trouble_is_told_however_deep_it_lies() {
        let full = || StoreError::Full { action: "write" };
        let below = ReplicaError::Store(full());
        let told = [
            ClientError::Store(full()),
            ClientError::Replica(below.clone()),
            ClientError::Driver(DriverError::Replica(below)),
        ];
        assert!(told.iter().all(|error| error.trouble() == Trouble::DiskFull));
    }

    #[test]
    fn a_line_that_breaks_is_tried_again_and_another_hub_is_not() {
        let net = |error: NetError| ClientError::Driver(DriverError::Net(Arc::new(error)));
        assert_eq!(net(NetError::Busy).trouble().remedy(), Remedy::Retry);
        let path = PathBuf::from("x");
        assert_eq!(ClientError::NoDevice { path }.trouble().remedy(), Remedy::Tell);
    }
}
