//! Showing the hub's log to a phone.

use super::{HubOutput, HubSession, unexpected};
use crate::sync::frame::Frame;
use crate::sync::log::LogMessage;
use crate::sync::session::{Fault, SessionError};
use crate::trust::log::{HEADS_NAMED_MAX, Shown};

/// How far the log was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Showing {
    /// The phone has not said which heads it kept.
    Awaited,
    /// It is being looked up.
    Asked,
    /// The phone has it.
    Shown,
}

impl HubSession {
    /// Answers [`HubOutput::ShowLog`].
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when the answer cannot be said.
    pub fn handle_log(&mut self, shown: Shown) -> Result<(), SessionError> {
        self.log = Showing::Shown;
        let said = self.wire.say(&Frame::Log(LogMessage::Shown(shown)));
        self.wire.settle(said)
    }

    /// Returns how many wishes of this device its role did not allow since this was last asked.
    pub(crate) fn take_forbidden(&mut self) -> u64 {
        std::mem::take(&mut self.forbidden)
    }

    /// Answers [`HubOutput::ShowKeys`].
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when the answer cannot be said.
    pub fn handle_keys(&mut self, acts: Vec<Vec<u8>>) -> Result<(), SessionError> {
        let said = self.wire.say(&Frame::Log(LogMessage::Before { acts }));
        self.wire.settle(said)
    }

    pub(super) fn take_log(&mut self, message: LogMessage) -> Result<(), SessionError> {
        let kept = match message {
            LogMessage::Kept { heads } => heads,
            LogMessage::WhoBefore => return self.take_question(),
            LogMessage::Shown(_) | LogMessage::Before { .. } => {
                return Err(unexpected(&Frame::Log(message), "that only a hub sends"));
            }
        };
        if kept.len() > HEADS_NAMED_MAX {
            let (what, limit) = ("heads of the log", HEADS_NAMED_MAX);
            return Err(SessionError::TooMuch { what, limit, fault: Fault::Peer });
        }
        if self.log != Showing::Awaited {
            return Err(SessionError::Unexpected { frame: "Log", moment: "twice" });
        }
        self.log = Showing::Asked;
        // Behind the lookup of the position: nothing may be said before the Welcome.
        self.events.push_back(HubOutput::ShowLog { kept });
        Ok(())
    }

    fn take_question(&mut self) -> Result<(), SessionError> {
        if self.log != Showing::Awaited || std::mem::replace(&mut self.keys_asked, true) {
            return Err(SessionError::Unexpected { frame: "Log", moment: "twice" });
        }
        self.events.push_back(HubOutput::ShowKeys);
        Ok(())
    }
}
