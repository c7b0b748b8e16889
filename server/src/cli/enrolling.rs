//! What keeps a device from being enrolled, in the language of the person; and how the six digits are
//! asked for.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use bienban_core::trust::enrolment::{CheckDigits, EnrolRefusal};

use super::error::{CliError, Failed};
use super::output::Output;
use crate::messages::Messages;

/// How often a person may mistype the digits before the claim is turned down.
const TRIES: usize = 3;

/// Why a device is not enrolled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum EnrolError {
    /// The hub refused the claim.
    #[error("the hub does not take this device in by this invitation ({why:?})")]
    Refused {
        /// Why.
        why: EnrolRefusal,
    },
    /// Nobody has confirmed yet.
    #[error("no administrator has confirmed this device yet")]
    Waiting,
    /// No phone has claimed yet.
    #[error("no phone has taken this invitation up yet")]
    NotClaimed,
    /// The claim was not made by a holder of the code.
    #[error("the claim that the hub shows was not made by the phone that saw the code")]
    Swapped,
    /// The digits are not those of the claim.
    #[error("the digits are not those that this device works out; nobody was enrolled")]
    Digits,
    /// Nobody typed digits, so that the claim was turned down.
    #[error("no digits were typed: the claim was turned down; nobody was enrolled")]
    NotTyped,
    /// Wrong digits were typed too often, so that the claim was turned down.
    #[error(
        "other digits were typed {TRIES} times: the claim was turned down; nobody was enrolled"
    )]
    TooOften,
    /// While the digits were asked for, another command saw to the claim.
    #[error(
        "another command has confirmed this claim or turned it down meanwhile; nothing was done here"
    )]
    Settled,
    /// The file holds no picture that can be read.
    #[error("{path} is no PNG or JPEG picture, or too large")]
    Picture {
        /// The file.
        path: PathBuf,
    },
    /// The picture shows no invitation.
    #[error("{path} shows no QR code of an invitation")]
    NoCode {
        /// The file.
        path: PathBuf,
    },
}

impl EnrolError {
    pub(crate) fn failed(&self) -> Failed {
        match self {
            Self::Refused { .. } | Self::Swapped => Failed::NotEnrolled,
            Self::Waiting
            | Self::NotClaimed
            | Self::Digits
            | Self::NotTyped
            | Self::TooOften
            | Self::Settled => Failed::NotConfirmed,
            Self::Picture { .. } => Failed::Usage,
            Self::NoCode { .. } => Failed::NotFound,
        }
    }

    /// Returns what is wrong, and what to do.
    pub(crate) fn explain(&self, m: &Messages) -> String {
        match self {
            Self::Refused { why } => match why {
                EnrolRefusal::Unknown => m.text("enrol.unknown", &[]),
                EnrolRefusal::Expired => m.text("enrol.expired", &[]),
                EnrolRefusal::Taken => m.text("enrol.taken", &[]),
                EnrolRefusal::Denied => m.text("enrol.denied", &[]),
                EnrolRefusal::Revoked => m.text("enrol.revoked", &[]),
                EnrolRefusal::Malformed => m.text("enrol.malformed", &[]),
            },
            Self::Waiting => m.text("enrol.waiting", &[]),
            Self::NotClaimed => m.text("enrol.not_claimed", &[]),
            Self::Swapped => m.text("enrol.swapped", &[]),
            Self::Digits => m.text("enrol.digits_differ", &[]),
            Self::NotTyped => m.text("enrol.not_typed", &[]),
            Self::TooOften => m.text("enrol.too_often", &[("count", &TRIES.to_string())]),
            Self::Settled => m.text("enrol.settled", &[]),
            Self::Picture { path } => {
                m.text("enrol.picture", &[("path", &path.display().to_string())])
            }
            Self::NoCode { path } => {
                m.text("enrol.no_code", &[("path", &path.display().to_string())])
            }
        }
    }
}

/// Returns the digits as they are read out: two groups of three.
pub(super) fn grouped(digits: CheckDigits) -> String {
    let text = digits.to_string();
    format!("{} {}", &text[..3], &text[3..])
}

/// Returns whether a person can be asked.
pub(super) fn somebody_is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for the digits that the phone shows until they are right; an empty line or the end of the input
/// gives up.
///
/// # Errors
///
/// Returns [`EnrolError::NotTyped`] and [`EnrolError::TooOften`] when they were not typed right: the caller
/// turns the claim down then.
pub(super) async fn ask(expected: CheckDigits, output: &Output) -> Result<(), CliError> {
    let m = output.messages();
    for _ in 0..TRIES {
        output.remark(&m.text("enrol.type_digits", &[]));
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|read| (read, line))
        });
        let Ok(Ok((read, line))) = line.await else { return Err(EnrolError::NotTyped.into()) };
        if read == 0 || line.trim().is_empty() {
            return Err(EnrolError::NotTyped.into());
        }
        if CheckDigits::parse(&line) == Some(expected) {
            return Ok(());
        }
        output.remark(&m.text("enrol.not_those", &[]));
    }
    Err(EnrolError::TooOften.into())
}
