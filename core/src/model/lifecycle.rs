//! The life of an inspection (*vòng đời cuộc kiểm tra*), as a table.
//!
//! Order of NĐ 217/2025/NĐ-CP, in force since 5 August 2025. Which person may move it is not decided
//! here.

use serde::{Deserialize, Serialize};

/// Where an inspection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LifeCycle {
    /// *Nháp*.
    Draft,
    /// *Đã lập kế hoạch*.
    Planned,
    /// *Đã có quyết định kiểm tra*.
    Decided,
    /// *Đã duyệt kế hoạch tiến hành*.
    PlanApproved,
    /// *Đã công bố quyết định*: the legal clock runs.
    Announced,
    /// *Đang kiểm tra tại cơ sở*.
    InField,
    /// *Đã ký biên bản*.
    MinutesSigned,
    /// *Cơ sở không ký biên bản*: a witness signs.
    MinutesRefused,
    /// *Đã báo cáo*.
    Reported,
    /// *Đã yêu cầu chấn chỉnh, khắc phục*.
    CorrectiveIssued,
    /// *Cơ sở đã báo cáo khắc phục*.
    FixSubmitted,
    /// *Đã xác nhận khắc phục*.
    FixVerified,
    /// *Quá hạn khắc phục*.
    Overdue,
    /// *Tái kiểm*.
    Recheck,
    /// *Đã kết thúc*.
    Closed,
    /// *Tạm dừng*: force majeure.
    Suspended,
    /// *Đình chỉ*: the subject is gone, prosecuted, or under a state inspection already.
    Stopped,
    /// *Đã chuyển cơ quan có thẩm quyền*.
    Escalated,
    /// Content that this program cannot read.
    #[serde(skip_deserializing)]
    Damaged,
}

use LifeCycle::{
    Announced, Closed, CorrectiveIssued, Damaged, Decided, Draft, Escalated, FixSubmitted,
    FixVerified, InField, MinutesRefused, MinutesSigned, Overdue, PlanApproved, Planned, Recheck,
    Reported, Stopped, Suspended,
};

impl LifeCycle {
    /// Every state that can be written, in the order of a life.
    pub const ALL: [Self; 18] = [
        Draft,
        Planned,
        Decided,
        PlanApproved,
        Announced,
        InField,
        MinutesSigned,
        MinutesRefused,
        Reported,
        CorrectiveIssued,
        FixSubmitted,
        FixVerified,
        Overdue,
        Recheck,
        Closed,
        Suspended,
        Stopped,
        Escalated,
    ];

    /// Returns the states that may follow.
    #[must_use]
    pub fn next(self) -> &'static [Self] {
        match self {
            // In flagrante cases there is no announcement, but always a decision (art. 11).
            Draft => &[Planned, Decided, Stopped],
            Planned => &[Decided, Stopped],
            Decided => &[PlanApproved, InField, Stopped],
            PlanApproved => &[Announced, Stopped],
            Announced => &[InField, Suspended, Stopped],
            InField => &[MinutesSigned, MinutesRefused, Suspended, Stopped, Escalated],
            MinutesSigned | MinutesRefused => &[Reported, CorrectiveIssued, Closed, Escalated],
            Reported => &[CorrectiveIssued, Closed, Escalated],
            CorrectiveIssued => &[FixSubmitted, Overdue, Escalated],
            FixSubmitted => &[FixVerified, Overdue, CorrectiveIssued, Escalated],
            // What cannot be corrected is handed over, whatever else was verified; what was found
            // since is demanded.
            FixVerified => &[CorrectiveIssued, Closed, Escalated],
            Overdue => &[FixSubmitted, Recheck, Escalated],
            Recheck => &[FixVerified, Overdue, Closed, Escalated],
            Suspended => &[Announced, InField, Stopped],
            Escalated => &[Closed],
            Closed | Stopped => &[],
            // Whoever sees that the state cannot be read must be able to set it right.
            Damaged => &Self::ALL,
        }
    }

    /// Returns whether what was suspended is taken up again in it.
    #[must_use]
    pub fn is_resumed(self) -> bool {
        matches!(self, Announced | InField)
    }

    /// Returns whether the inspection goes on and its minutes are not signed yet.
    #[must_use]
    pub fn is_before_minutes(self) -> bool {
        matches!(self, Draft | Planned | Decided | PlanApproved | Announced | InField | Suspended)
    }

    /// Returns the name used in records and on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Draft => "draft",
            Planned => "planned",
            Decided => "decided",
            PlanApproved => "plan_approved",
            Announced => "announced",
            InField => "in_field",
            MinutesSigned => "minutes_signed",
            MinutesRefused => "minutes_refused",
            Reported => "reported",
            CorrectiveIssued => "corrective_issued",
            FixSubmitted => "fix_submitted",
            FixVerified => "fix_verified",
            Overdue => "overdue",
            Recheck => "recheck",
            Closed => "closed",
            Suspended => "suspended",
            Stopped => "stopped",
            Escalated => "escalated",
            Damaged => "damaged",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_serialised_form() {
        for state in LifeCycle::ALL {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.name()));
        }
    }

    #[test]
    fn every_state_but_the_final_ones_leads_on() {
        for state in LifeCycle::ALL {
            assert_eq!(state.next().is_empty(), matches!(state, Closed | Stopped), "{state:?}");
        }
    }

    #[test]
    fn a_signed_inspection_never_returns_to_the_field() {
        for state in [MinutesSigned, MinutesRefused, Reported, Closed] {
            assert!(!state.next().contains(&InField), "{state:?}");
        }
    }
}
