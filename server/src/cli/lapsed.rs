//! The revocation that something came after, where its device had the right to write it until then: as data,
//! and as text for a terminal.

use bienban_core::model::Timestamp;
use bienban_core::replica::Lapsed;
use serde::Serialize;

use super::time;
use crate::messages::Messages;

/// A revocation.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LapsedData {
    /// Whose rights it ended: `device` or `person`.
    revoked: &'static str,
    /// When the hub entered it.
    at: String,
    /// Since when the device was out of its holder's hands, as reported.
    lost_since: Option<String>,
}

impl From<Lapsed> for LapsedData {
    fn from(lapsed: Lapsed) -> Self {
        Self {
            revoked: if lapsed.person { "person" } else { "device" },
            at: time::rfc3339(lapsed.end.at),
            lost_since: lapsed.end.lost_since.map(time::rfc3339),
        }
    }
}

impl LapsedData {
    /// Says, to those who decide of it, why it is kept aside.
    pub(super) fn aside(&self, m: &Messages) -> String {
        let at = time::minute(&self.at);
        let values = [("at", at.as_str())];
        let mut text = match self.revoked {
            "person" => m.text("aside.after_person", &values),
            _ => m.text("aside.after_revocation", &values),
        };
        if let Some(since) = &self.lost_since {
            let since = m.text("aside.lost_since", &[("since", &time::minute(since))]);
            text = format!("{text}; {since}");
        }
        text
    }

    /// Says the same on the device that wrote it.
    pub(super) fn notice(&self, m: &Messages) -> String {
        let at = time::minute(&self.at);
        let values = [("at", at.as_str())];
        match self.revoked {
            "person" => m.text("notice.after_person", &values),
            _ => m.text("notice.after_revocation", &values),
        }
    }
}

/// Where the clock of a device puts what it wrote, beside the end of its rights. The clock is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Claim {
    /// While the device was in its holder's hands, as far as anybody reported, and had the right.
    Before,
    /// Before its rights ended, and after it was out of its holder's hands.
    AfterLoss,
    /// When its rights had ended.
    After,
}

impl Claim {
    /// Returns what a time claims.
    pub(super) fn of(at: Timestamp, lapsed: &Lapsed) -> Self {
        if at >= lapsed.end.at {
            Self::After
        } else if lapsed.end.lost_since.is_some_and(|since| at >= since) {
            Self::AfterLoss
        } else {
            Self::Before
        }
    }

    /// Says it.
    pub(super) fn text(self, m: &Messages) -> String {
        match self {
            Self::Before => m.text("quarantine.claims_before", &[]),
            Self::AfterLoss => m.text("quarantine.claims_after_loss", &[]),
            Self::After => m.text("quarantine.claims_after", &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use bienban_core::model::DeviceId;
    use bienban_core::trust::control::Revocation;

    use super::*;
    use crate::messages::Lang;

    #[test]
    fn a_clock_claims_a_time_before_the_loss_the_end_or_after_both() {
        let (at, lost_since) = (Timestamp(300), Some(Timestamp(200)));
        let end = Revocation { at, lost_since, by: DeviceId([1; 32]) };
        let lapsed = Lapsed { end, person: false };
        let of = |at| Claim::of(Timestamp(at), &lapsed);
        assert_eq!([of(100), of(200), of(300)], [Claim::Before, Claim::AfterLoss, Claim::After]);
        let told = LapsedData::from(lapsed);
        for lang in [Lang::En, Lang::Vi] {
            let m = Messages::new(lang);
            assert!(told.aside(&m).contains("1970") && told.notice(&m).contains("1970"));
        }
    }
}
