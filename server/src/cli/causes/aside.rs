//! Why something that is kept aside cannot be shown or decided of, and a decision not be given up.

use bienban_core::client::ClientError;

use crate::cli::words;
use crate::messages::Messages;

/// Returns the cause, where it is one of these.
pub(super) fn of_client(error: &ClientError, m: &Messages) -> Option<String> {
    Some(match error {
        ClientError::NoAnswer => m.text("cause.no_answer", &[]),
        ClientError::OtherEvidence { change } => {
            m.text("cause.other_evidence", &[("change", &change.short())])
        }
        ClientError::StaysOut { change, verdict } => {
            let (change, why) = (change.short(), words::aside(m, *verdict));
            m.text("cause.stays_out", &[("change", &change), ("why", &why)])
        }
        ClientError::NotSupervisor { role, scope } => {
            let role = words::role_text(m, role);
            m.text("cause.not_supervisor", &[("role", &role), ("unit", scope)])
        }
        ClientError::Waits { decision } => m.text("cause.waits", &[("id", decision)]),
        _ => return None,
    })
}
