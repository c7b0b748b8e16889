//! What went wrong below, in the language of a person, as far as a hub tells it too: it writes why it does not take
//! a bundle. The rest, that only commands tell, is in `server/src/cli/causes.rs`.

use std::error::Error;
use std::io;

use bienban_core::replica::ReplicaError;
use bienban_core::store::StoreError;
use bienban_core::sync::{BackupCause, BackupFault, Failure, FailureCode};
use bienban_core::trust::bundle::BundleError;

use crate::backups::NEW_DISK;
use crate::messages::Messages;

/// Returns why a bundle was not taken in, in one line. What is not known here keeps its English words.
pub(crate) fn of_refused(error: &ReplicaError, m: &Messages) -> String {
    match error {
        ReplicaError::Bundle { source } => of_bundle(source, m),
        ReplicaError::Stranger { device } => m.text("cause.stranger", &[("device", device)]),
        ReplicaError::Store(StoreError::Full { .. }) => m.text("cause.full", &[]),
        other => described(other),
    }
}

/// An error and its causes in one line.
fn described(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Returns what is wrong with a bundle.
pub(crate) fn of_bundle(error: &BundleError, m: &Messages) -> String {
    use BundleError as E;
    match error {
        E::Magic => m.text("bundle.magic", &[]),
        E::Version { found, known } => {
            let (found, known) = (found.to_string(), known.to_string());
            m.text("bundle.version", &[("found", &found), ("known", &known)])
        }
        E::Newer { .. } => m.text("bundle.newer", &[]),
        E::Older { .. } => m.text("bundle.older", &[]),
        E::NotForThis => m.text("bundle.not_for_this", &[]),
        E::Cut => m.text("bundle.cut", &[]),
        E::TooLarge { .. } => m.text("bundle.too_large", &[]),
        E::Maker { .. } => m.text("bundle.maker", &[]),
        E::Io { action, source } => {
            let why = of_io(source, m).unwrap_or_else(|| source.to_string());
            let key = if *action == "written" { "bundle.not_written" } else { "bundle.not_read" };
            m.text(key, &[("why", &why)])
        }
        _ => m.text("bundle.damaged", &[]),
    }
}

/// Returns why the other side ended it, in our words: what it said itself is for a log.
pub(crate) fn of_failure(failure: &Failure, m: &Messages) -> String {
    match failure.code {
        FailureCode::Misbehaved => m.text("cause.misbehaved", &[]),
        FailureCode::Version => m.text("cause.incompatible", &[]),
        FailureCode::NotAllowed => m.text("cause.not_allowed", &[]),
        FailureCode::TooLarge => m.text("cause.over_limit", &[]),
        FailureCode::Busy => m.text("cause.busy", &[]),
        FailureCode::Full => m.text("cause.hub_full", &[]),
        FailureCode::Closing => m.text("cause.closing", &[]),
        FailureCode::Internal => m.text("cause.hub_failed", &[]),
        FailureCode::Changed => m.text("cause.rights_changed", &[]),
    }
}

/// Returns why a hub's second disk does not hold what is new, in the language of a person; what the hub's system
/// says of it stays as it came.
pub(crate) fn of_second_disk(fault: &BackupFault, m: &Messages) -> String {
    let key = match fault.cause {
        BackupCause::Gone => "second_disk.gone",
        BackupCause::Otherwise => "second_disk.otherwise",
        BackupCause::Nothing => "second_disk.nothing",
        BackupCause::Inside => "second_disk.inside",
        BackupCause::OtherHub => "second_disk.other_hub",
        BackupCause::Unfit => "second_disk.unfit",
        BackupCause::NotMade => "second_disk.not_made",
        BackupCause::NotRead => "second_disk.not_read",
        BackupCause::NotWritten => "second_disk.not_written",
        BackupCause::Unrecorded => "second_disk.unrecorded",
        BackupCause::Stopped => "second_disk.stopped",
        BackupCause::Filling => "second_disk.filling",
    };
    m.text(key, &[("path", &fault.path), ("said", &fault.said), ("file", NEW_DISK)])
}

/// Returns what the operating system means, where it is common.
pub(crate) fn of_io(error: &io::Error, m: &Messages) -> Option<String> {
    Some(match error.kind() {
        io::ErrorKind::NotFound => m.text("cause.io_not_found", &[]),
        io::ErrorKind::PermissionDenied => m.text("cause.io_denied", &[]),
        io::ErrorKind::AddrInUse => m.text("cause.io_address_in_use", &[]),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => m.text("cause.full", &[]),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            m.text("cause.io_unreachable", &[])
        }
        io::ErrorKind::ConnectionRefused => m.text("cause.io_refused", &[]),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            m.text("cause.io_reset", &[])
        }
        io::ErrorKind::TimedOut => m.text("cause.io_timed_out", &[]),
        io::ErrorKind::ReadOnlyFilesystem => m.text("cause.io_read_only", &[]),
        io::ErrorKind::NotADirectory => m.text("cause.io_no_folder", &[]),
        io::ErrorKind::AlreadyExists => m.text("cause.io_there", &[]),
        io::ErrorKind::IsADirectory => m.text("cause.io_folder", &[]),
        _ => return None,
    })
}
