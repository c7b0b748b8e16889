//! *Kế hoạch kiểm tra*: the decision, the team, what is to be visited and by which checklist.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::facility::day;
use crate::model::edit::{EditError, Editor, field, needed};
use crate::model::ids::{DocumentId, Kind, TemplateId};
use crate::model::register::{Register, Said, Told};
use crate::model::text::clean;
use crate::model::view::View;

/// Fields of a plan that [`Editor::set_plan`] takes.
pub const PLAN_FIELDS: [&str; 8] = [
    "title",
    "decision_number",
    "decision_date",
    "decision_signer",
    "issuer_level",
    "from",
    "to",
    "basis",
];

/// The register that a cancelled plan has beside its fields: why it was cancelled. Who did it and when
/// follow from the change that wrote it. It is never taken away, so a plan that one cancelled and
/// another changed without seeing that is cancelled on every replica; programs that do not know it
/// show it as one more field.
const CANCELLED: &str = "cancelled";

/// The number of the decision that cancels a plan, in a register of its own.
const CANCEL_DECISION: &str = "cancel_decision";

/// Level of the agency that decides (*cấp của cơ quan ra quyết định*): the clocks of an inspection
/// depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgencyLevel {
    /// *Cấp xã*.
    Commune,
    /// *Cấp tỉnh*.
    Province,
    /// *Cấp bộ, trung ương*.
    Ministry,
}

impl AgencyLevel {
    /// Every level, the lowest first.
    pub const ALL: [Self; 3] = [Self::Commune, Self::Province, Self::Ministry];

    /// Returns the name used in records and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Commune => "commune",
            Self::Province => "province",
            Self::Ministry => "ministry",
        }
    }

    /// Returns the level of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name.trim())
    }
}

/// Why a facility is inspected although a rule of frequency asks for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitReason {
    /// Which reason of the law, for instance `clear_sign` (*có dấu hiệu vi phạm rõ ràng*).
    pub key: String,
    /// What it rests on.
    pub text: String,
}

/// Most sections of a checklist assigned to one member.
const SECTIONS_MAX: usize = 64;

/// A plan to write. Empty texts are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanInput {
    /// *Trích yếu*: what it is called.
    pub title: String,
    /// *Số quyết định*.
    pub decision_number: String,
    /// *Ngày quyết định*, as YYYY-MM-DD.
    pub decision_date: String,
    /// *Người ký quyết định*.
    pub decision_signer: String,
    /// Level of the agency that decides; none while nobody said.
    pub level: Option<AgencyLevel>,
    /// First day, as YYYY-MM-DD.
    pub from: String,
    /// Last day, as YYYY-MM-DD.
    pub to: String,
    /// Checklists in use, with their titles.
    pub templates: Vec<(TemplateId, String)>,
    /// What is to be visited.
    pub facilities: Vec<(DocumentId, PlannedVisit)>,
    /// *Đoàn kiểm tra*: members by device or person id.
    pub team: Vec<(String, Member)>,
}

/// A planned visit (*cơ sở được kiểm tra*), under the facility's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedVisit {
    /// The checklist.
    pub template: TemplateId,
    /// 1 for the first visit under this plan.
    pub visit: u32,
    /// Name of the facility when it was planned, for lists.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Taken off the plan; kept and shown as such.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// Why it is inspected once more in the same year; none where no rule asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<VisitReason>,
}

/// Role in the team (*vai trò trong đoàn*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// *Trưởng đoàn*.
    Leader,
    /// *Phó trưởng đoàn*.
    Deputy,
    /// *Thư ký*.
    Secretary,
    /// *Thành viên*.
    Member,
}

/// A member of the team (*thành viên đoàn*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// *Họ tên*.
    pub name: String,
    /// *Cơ quan*.
    pub agency: String,
    /// *Chức vụ*.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub position: String,
    /// Role in the team.
    pub role: Role,
    /// Sections of the checklist that the member fills; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<String>,
    /// *Cam kết không xung đột lợi ích*: declared free of conflicts of interest (art. 12).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_conflict: bool,
    /// Taken off the team; kept and shown as such.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// Typed reading of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanView {
    /// Fields that somebody filled, by the names in [`PLAN_FIELDS`].
    pub fields: BTreeMap<String, Register<String>>,
    /// Visits by facility id.
    pub facilities: BTreeMap<String, Register<Told<PlannedVisit>>>,
    /// Members by device or person id.
    pub team: BTreeMap<String, Register<Told<Member>>>,
    /// Titles of checklists by id.
    pub templates: BTreeMap<String, Register<String>>,
    /// Free notes.
    pub notes: String,
}

impl PlanView {
    pub(crate) fn of(view: &View<'_>) -> Self {
        Self {
            fields: view.strings("fields"),
            facilities: view.told("facilities"),
            team: view.told("team"),
            templates: view.strings("templates"),
            notes: view.text("notes"),
        }
    }

    /// Returns the value to show for a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Register::shown).map(String::as_str)
    }

    /// Returns why the plan was cancelled (*hủy kế hoạch*), by whom and when; several where people
    /// cancelled it apart, none while it stands.
    #[must_use]
    pub fn cancelled(&self) -> &[Said<String>] {
        self.fields.get(CANCELLED).map(Register::all).unwrap_or_default()
    }

    /// Returns the number of the decision that cancels the plan, if one was given.
    #[must_use]
    pub fn cancel_decision(&self) -> Option<&str> {
        self.field(CANCEL_DECISION)
    }

    /// Returns the fields that somebody filled, without what a cancelled plan has beside them.
    pub fn filled(&self) -> impl Iterator<Item = (&str, &Register<String>)> {
        let own = self.fields.iter().map(|(name, register)| (name.as_str(), register));
        own.filter(|(name, _)| ![CANCELLED, CANCEL_DECISION].contains(name))
    }

    /// Returns the members of the team who are not taken off it, by the id of a device or person.
    #[must_use]
    pub fn members(&self) -> Vec<(&str, &Member)> {
        let shown = self.team.iter().filter_map(|(id, register)| {
            Some((id.as_str(), register.shown()?.valid()?)).filter(|(_, member)| !member.removed)
        });
        shown.collect()
    }
}

impl Editor<'_> {
    /// Fills a plan.
    ///
    /// # Errors
    ///
    /// Returns which field is missing, malformed or too long.
    pub fn plan(&mut self, input: &PlanInput) -> Result<(), EditError> {
        self.set_plan("title", &needed("title of the plan", &input.title)?)?;
        let pairs = [
            ("decision_number", &input.decision_number),
            ("decision_date", &input.decision_date),
            ("decision_signer", &input.decision_signer),
            ("from", &input.from),
            ("to", &input.to),
        ];
        for (name, value) in pairs {
            if !value.is_empty() {
                self.set_plan(name, value)?;
            }
        }
        if let Some(level) = input.level {
            self.set_plan("issuer_level", level.name())?;
        }
        for (template, title) in &input.templates {
            self.plan_template(*template, title)?;
        }
        for (facility, visit) in &input.facilities {
            self.plan_facility(*facility, visit)?;
        }
        for (id, member) in &input.team {
            self.plan_member(id, member)?;
        }
        Ok(())
    }

    /// Sets one field of a plan; one of [`PLAN_FIELDS`].
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownField`], or which value is malformed or too long.
    pub fn set_plan(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        self.require_standing("plan fields")?;
        if !PLAN_FIELDS.contains(&name) {
            let name = clean(name).chars().take(64).collect();
            return Err(EditError::UnknownField { kind: Kind::Plan, field: name });
        }
        let value = match name {
            "decision_date" => day("date of the decision", value)?,
            "from" => day("first day", value)?,
            "to" => day("last day", value)?,
            "issuer_level" => {
                let expected = "commune, province or ministry";
                let level = AgencyLevel::named(value);
                level.ok_or(EditError::Invalid { what: "level", expected })?.name().to_owned()
            }
            _ => field(name, value)?,
        };
        let map = self.map("fields")?;
        self.put(&map, name, &value)
    }

    /// Cancels the plan (*hủy kế hoạch*) for good: it stays visible as cancelled, and nothing else of
    /// it can be changed. Where the decision that cancels it has a number, that is kept too. Where people
    /// cancelled it apart, doing it once more says which reason holds.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Cancelled`] when it was cancelled before, or which text is missing or too
    /// long.
    pub fn cancel_plan(&mut self, reason: &str, decision: &str) -> Result<(), EditError> {
        self.require(Kind::Plan, "plan")?;
        let map = self.map("fields")?;
        if self.standing(&map, CANCELLED)?.len() == 1 {
            return Err(EditError::Cancelled);
        }
        let reason = needed("reason of the cancellation", reason)?;
        let decision = field("number of the decision", decision)?;
        if !decision.trim().is_empty() {
            self.put(&map, CANCEL_DECISION, &decision)?;
        }
        self.put(&map, CANCELLED, &reason)
    }

    /// Fails on another kind of document, and on a plan that was cancelled.
    fn require_standing(&self, what: &'static str) -> Result<(), EditError> {
        self.require(Kind::Plan, what)?;
        if self.exists(&self.map("fields")?, CANCELLED)? {
            return Err(EditError::Cancelled);
        }
        Ok(())
    }

    /// Puts a facility on the plan.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Invalid`] for visit 0, or which limit it passes.
    pub fn plan_facility(
        &mut self,
        facility: DocumentId,
        visit: &PlannedVisit,
    ) -> Result<(), EditError> {
        self.require_standing("facilities")?;
        if visit.visit == 0 {
            return Err(EditError::Invalid { what: "visit", expected: "1 or more" });
        }
        let reason = match &visit.reason {
            Some(reason) => Some(VisitReason {
                key: needed("kind of reason", &reason.key)?,
                text: needed("reason", &reason.text)?,
            }),
            None => None,
        };
        let visit = PlannedVisit { name: field("name", &visit.name)?, reason, ..visit.clone() };
        self.put_row("facilities", &facility.to_string(), &visit)
    }

    /// Names a checklist that the plan uses.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Cancelled`], or that the title is too long.
    pub fn plan_template(&mut self, template: TemplateId, title: &str) -> Result<(), EditError> {
        self.require_standing("checklists")?;
        let title = field("title of the checklist", title)?;
        self.put_row("templates", &template.to_string(), &title)
    }

    /// Puts a member on the team, under the id of a device or person.
    ///
    /// # Errors
    ///
    /// Returns which field is missing or too long.
    pub fn plan_member(&mut self, id: &str, member: &Member) -> Result<(), EditError> {
        self.require_standing("team")?;
        let id = needed("id of the member", id)?;
        if member.sections.len() > SECTIONS_MAX {
            return Err(EditError::TooMany { what: "sections of one member", limit: SECTIONS_MAX });
        }
        let sections: Result<Vec<String>, EditError> =
            member.sections.iter().map(|section| field("section", section)).collect();
        let member = Member {
            name: needed("name of the member", &member.name)?,
            agency: needed("agency of the member", &member.agency)?,
            position: field("position", &member.position)?,
            sections: sections?,
            ..member.clone()
        };
        self.put_row("team", &id, &member)
    }
}
