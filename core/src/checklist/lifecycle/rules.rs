//! The file of guards: what each state needs, in words, with its clause.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::checklist::clocks::{ClocksError, read_file};
use crate::checklist::day::Day;
use crate::checklist::template::Words;
use crate::model::LifeCycle;

const FORMAT: u32 = 1;
/// What errors call the file.
const WHAT: &str = "life cycle";

/// Something that a state needs. The file says which state needs which, and what to do about it;
/// only how to tell whether it is there is code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// *Số quyết định*.
    DecisionNumber,
    /// *Ngày quyết định*.
    DecisionDate,
    /// *Người ký quyết định*.
    DecisionSigner,
    /// No other inspection of the facility in the same year, or the reason that the law accepts.
    OnceAYear,
    /// No inspection of the same content at the same time, or how the overlap is handled.
    NoOverlap,
    /// *Trưởng đoàn*.
    TeamLeader,
    /// Who approved the conduct plan.
    ConductPlanApprover,
    /// Level of the agency, which the clock depends on.
    Level,
    /// A day that is not in the future and not before the steps that came first.
    OrderOfDays,
    /// The decision was announced, or there is a reason why not.
    Announced,
    /// No register in which values that differ stand.
    NoConflicts,
    /// No corrective action in which values that differ stand.
    ActionsAgree,
    /// *Đại diện cơ sở*.
    FacilityRepresentative,
    /// *Người chứng kiến*, or a representative of the commune.
    Witness,
    /// Why the facility does not sign.
    RefusalReason,
    /// Something to correct.
    Findings,
    /// A corrective action for each open finding.
    Actions,
    /// Who is responsible for each corrective action.
    Owners,
    /// A deadline for each corrective action, within the longest time.
    Deadlines,
    /// Proof for each open corrective action.
    Proof,
    /// Every corrective action verified or cancelled.
    Verified,
    /// A deadline of an open corrective action has passed.
    DeadlinePassed,
    /// No open finding and no open corrective action.
    NothingOpen,
    /// *Lý do*.
    Reason,
    /// The fields of the minutes' header that the state needs and no other need of it asks for.
    HeaderFields,
    /// Values of the minutes' header that have the form that their fields ask for.
    HeaderFits,
}

/// What a need is called, what to do about it, and the clause that asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Which need.
    pub key: Need,
    /// What must be there.
    pub title: Words,
    /// How to bring it about.
    pub todo: Words,
    /// The clause that asks for it.
    pub clause: String,
    /// The fields of the minutes' header that it is written in; none when it stands elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// A reason that a rule of frequency accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedReason {
    /// Its name, for instance `clear_sign`.
    pub key: String,
    /// The rules of frequency that accept it, by their keys in the file of clocks.
    pub rules: Vec<String>,
    /// What it is.
    pub title: Words,
    /// The clause that accepts it.
    pub clause: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateNeeds {
    state: LifeCycle,
    needs: Vec<Need>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "format")]
    _format: u32,
    edition: String,
    effective_from: Day,
    official: bool,
    #[serde(rename = "verified")]
    _verified: Option<String>,
    source: String,
    requirements: Vec<Requirement>,
    states: Vec<StateNeeds>,
    reasons: Vec<AcceptedReason>,
}

/// The guards in force from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    file: File,
    requirements: BTreeMap<Need, Requirement>,
    needs: BTreeMap<LifeCycle, Vec<Need>>,
}

impl Rules {
    /// Reads a file of guards and checks it whole.
    ///
    /// # Errors
    ///
    /// Returns [`ClocksError`] naming the line, or every fault with its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClocksError> {
        let file: File = read_file(WHAT, FORMAT, bytes)?;
        let mut faults = Vec::new();
        let mut requirements = BTreeMap::new();
        for one in &file.requirements {
            if one.clause.trim().is_empty() {
                faults.push(format!("{:?}: the clause is empty", one.key));
            }
            if requirements.insert(one.key, one.clone()).is_some() {
                faults.push(format!("{:?}: the requirement occurs twice", one.key));
            }
        }
        let mut needs = BTreeMap::new();
        for one in &file.states {
            let name = one.state.name();
            for need in one.needs.iter().filter(|need| !requirements.contains_key(need)) {
                faults.push(format!("{name}: {need:?} has no requirement that says what it is"));
            }
            if needs.insert(one.state, one.needs.clone()).is_some() {
                faults.push(format!("{name}: the state occurs twice"));
            }
        }
        let mut keys = BTreeSet::new();
        for reason in &file.reasons {
            if reason.key.trim().is_empty() || !keys.insert(&reason.key) {
                faults.push(format!("{}: the reason is empty or used before", reason.key));
            }
        }
        if !faults.is_empty() {
            return Err(ClocksError::Faults { what: WHAT, faults });
        }
        Ok(Self { file, requirements, needs })
    }

    /// Returns the edition.
    #[must_use]
    pub fn edition(&self) -> &str {
        &self.file.edition
    }

    /// Returns the first day on which they apply.
    #[must_use]
    pub fn effective_from(&self) -> Day {
        self.file.effective_from
    }

    /// Returns whether somebody in office has confirmed them.
    #[must_use]
    pub fn is_official(&self) -> bool {
        self.file.official
    }

    /// Returns where they come from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.file.source
    }

    /// Returns what a state needs.
    #[must_use]
    pub fn needs(&self, state: LifeCycle) -> &[Need] {
        self.needs.get(&state).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns what a need is called and what to do about it.
    #[must_use]
    pub fn requirement(&self, need: Need) -> Option<&Requirement> {
        self.requirements.get(&need)
    }

    /// Returns the reasons that a rule of frequency accepts.
    #[must_use]
    pub fn reasons(&self, rule: &str) -> Vec<&AcceptedReason> {
        let accepts = |reason: &&AcceptedReason| reason.rules.iter().any(|known| known == rule);
        self.file.reasons.iter().filter(accepts).collect()
    }
}
