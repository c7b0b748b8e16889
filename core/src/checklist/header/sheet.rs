//! The header of one inspection: every known field with what stands in it, what is missing, and what
//! does not fit.

use super::error::{HeaderError, HeaderOrder};
use super::form::{Elsewhere, HeaderField, HeaderForm};
use super::read::{Point, point};
use crate::model::{FacilityView, InspectionView, LifeCycle, PlanView, Register, Said};

/// What a header is read from.
#[derive(Debug, Clone, Copy)]
pub struct HeaderSources<'a> {
    /// The inspection.
    pub inspection: &'a InspectionView,
    /// The plan, if there is one and it is here.
    pub plan: Option<&'a PlanView>,
    /// The facility's id in the plan.
    pub facility_id: Option<&'a str>,
    /// The facility, if there is one and it is here.
    pub facility: Option<&'a FacilityView>,
    /// What to call the administrative unit.
    pub unit: Option<&'a str>,
}

/// A value that stands in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderValue {
    /// What was written, by whom and when. Never changed, whether or not it fits.
    pub said: Said<String>,
    /// Why it does not fit; none when it does.
    pub problem: Option<HeaderError>,
}

/// What is found elsewhere for a field that nobody filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromElsewhere {
    /// Where.
    pub place: Elsewhere,
    /// What it says.
    pub text: String,
}

/// How it stands with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderState {
    /// Nobody filled it, and nothing else says it.
    Missing,
    /// Nobody filled it; the plan, facility or life cycle says it.
    Elsewhere,
    /// One value, or several that say the same.
    Set,
    /// Values that differ stand until a person chooses.
    Conflict,
}

impl HeaderState {
    /// Returns its name in data.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Elsewhere => "elsewhere",
            Self::Set => "set",
            Self::Conflict => "conflict",
        }
    }
}

/// One field with what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRow {
    /// Its name in the record.
    pub key: String,
    /// What the form says of it; none when the form does not have it.
    pub field: Option<HeaderField>,
    /// How it stands with it.
    pub state: HeaderState,
    /// Everything that stands.
    pub values: Vec<HeaderValue>,
    /// What counts while nobody fills it.
    pub elsewhere: Option<FromElsewhere>,
}

impl HeaderRow {
    /// Returns whether something in it does not fit. A name that the form does not have is not
    /// judged: a newer form may have it.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.field.is_some() && self.values.iter().any(|value| value.problem.is_some())
    }

    /// Returns whether a state of the inspection needs it.
    #[must_use]
    pub fn is_required(&self, state: LifeCycle) -> bool {
        self.field.as_ref().is_some_and(|field| field.required.contains(&state))
    }
}

/// The whole header of an inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderSheet {
    /// The fields of the form in its order, then those that it does not have.
    pub rows: Vec<HeaderRow>,
    /// The minutes are sealed without a step of the life cycle: no state is waiting for a field.
    pub seals_without_step: bool,
}

impl HeaderSheet {
    /// Returns the fields that a state needs and that nothing says; none where its minutes need no state.
    #[must_use]
    pub fn missing(&self, state: LifeCycle) -> Vec<&str> {
        if self.seals_without_step {
            return Vec::new();
        }
        let rows = self.rows.iter().filter(|row| {
            let says = row.values.iter().any(|value| !value.said.value.trim().is_empty());
            row.is_required(state) && !says && row.elsewhere.is_none()
        });
        rows.map(|row| row.key.as_str()).collect()
    }

    /// Returns the fields in which something does not fit.
    #[must_use]
    pub fn wrong(&self) -> Vec<&str> {
        self.rows.iter().filter(|row| row.is_wrong()).map(|row| row.key.as_str()).collect()
    }
}

impl HeaderForm {
    /// Reads the header of an inspection by this form.
    #[must_use]
    pub fn sheet(&self, sources: HeaderSources<'_>) -> HeaderSheet {
        let mut rows: Vec<HeaderRow> =
            self.fields().iter().map(|field| self.row(field, sources)).collect();
        let strange = sources.inspection.header.iter().filter(|(key, _)| self.find(key).is_none());
        rows.extend(strange.map(|(key, register)| {
            HeaderRow {
                key: key.clone(),
                field: None,
                state: state_of(register),
                values: register
                    .all()
                    .iter()
                    .map(|said| HeaderValue { said: said.clone(), problem: self.field(key).err() })
                    .collect(),
                elsewhere: None,
            }
        }));
        HeaderSheet { rows, seals_without_step: sources.inspection.seals_without_step() }
    }

    fn row(&self, field: &HeaderField, sources: HeaderSources<'_>) -> HeaderRow {
        let empty = Register::Empty;
        let register = sources.inspection.header.get(&field.key).unwrap_or(&empty);
        let values: Vec<HeaderValue> = register
            .all()
            .iter()
            .map(|said| HeaderValue {
                said: said.clone(),
                problem: self.problem(field, &said.value, sources),
            })
            .collect();
        let says = values.iter().any(|value| !value.said.value.trim().is_empty());
        let elsewhere = if says { None } else { self.elsewhere(field, sources) };
        let state = match state_of(register) {
            HeaderState::Missing if elsewhere.is_some() => HeaderState::Elsewhere,
            state => state,
        };
        HeaderRow { key: field.key.clone(), field: Some(field.clone()), state, values, elsewhere }
    }

    fn problem(
        &self,
        field: &HeaderField,
        value: &str,
        sources: HeaderSources<'_>,
    ) -> Option<HeaderError> {
        if self.read_as(field, value).is_none() {
            return Some(self.wrong(field));
        }
        self.check_order(&field.key, value, sources).err()
    }

    /// Checks that a value of a field lies where it must beside what the other fields say. Of a field
    /// in which several values stand all must be against it.
    ///
    /// # Errors
    ///
    /// Returns [`HeaderError::Order`] naming both fields.
    pub fn check_order(
        &self,
        key: &str,
        value: &str,
        sources: HeaderSources<'_>,
    ) -> Result<(), HeaderError> {
        let Some(field) = self.find(key) else { return Ok(()) };
        let Some(own) = point(field, value) else { return Ok(()) };
        for later in self.fields() {
            for earlier in later.not_before.iter().filter_map(|key| self.find(key)) {
                let other = match (later.key == key, earlier.key == key) {
                    (true, _) => earlier,
                    (false, true) => later,
                    (false, false) => continue,
                };
                let against = |point: &Point| match later.key == key {
                    true => own.is_too_early_for(*point),
                    false => point.is_too_early_for(own),
                };
                let said = self.texts(other, sources);
                let points: Vec<Point> =
                    said.iter().filter_map(|text| point(other, text)).collect();
                if points.is_empty() || !points.iter().all(against) {
                    continue;
                }
                let earlier_value = match later.key == key {
                    true => said.last().cloned().unwrap_or_default(),
                    false => value.to_owned(),
                };
                return Err(HeaderError::Order(Box::new(HeaderOrder {
                    field: later.key.clone(),
                    title: later.title.clone(),
                    other: earlier.key.clone(),
                    other_title: earlier.title.clone(),
                    other_value: earlier_value,
                })));
            }
        }
        Ok(())
    }

    /// Returns everything that a field says: what stands in the header, else what is found elsewhere.
    fn texts(&self, field: &HeaderField, sources: HeaderSources<'_>) -> Vec<String> {
        let standing = said(sources.inspection.header.get(&field.key));
        if !standing.is_empty() {
            return standing;
        }
        self.elsewhere(field, sources).map(|found| found.text).into_iter().collect()
    }

    fn elsewhere(&self, field: &HeaderField, sources: HeaderSources<'_>) -> Option<FromElsewhere> {
        field.elsewhere.iter().find_map(|place| {
            let text = found(place, sources).filter(|text| !text.trim().is_empty())?;
            Some(FromElsewhere { place: place.clone(), text })
        })
    }
}

fn state_of(register: &Register<String>) -> HeaderState {
    let values = register.all();
    let differ = values.windows(2).any(|pair| pair[0].value != pair[1].value);
    match values {
        _ if differ => HeaderState::Conflict,
        [] => HeaderState::Missing,
        [said, ..] if said.value.trim().is_empty() => HeaderState::Missing,
        _ => HeaderState::Set,
    }
}

fn said(register: Option<&Register<String>>) -> Vec<String> {
    let all = register.map(Register::all).unwrap_or_default();
    all.iter().map(|said| said.value.clone()).filter(|text| !text.trim().is_empty()).collect()
}

fn found(place: &Elsewhere, sources: HeaderSources<'_>) -> Option<String> {
    match place {
        Elsewhere::Plan(name) => sources.plan?.field(name).map(str::to_owned),
        Elsewhere::PlanVisit(name) if name == "name" => {
            let visit = sources.plan?.facilities.get(sources.facility_id?)?;
            Some(visit.shown()?.valid()?.name.clone())
        }
        Elsewhere::PlanVisit(_) => None,
        Elsewhere::Team(role) => {
            let members = sources.plan?.members();
            let named = members.iter().filter(|(_, member)| member.role == *role);
            let names: Vec<&str> = named.map(|(_, member)| member.name.as_str()).collect();
            Some(names.join(", "))
        }
        Elsewhere::Facility(name) => sources.facility?.field(name).map(str::to_owned),
        Elsewhere::Step(state) => {
            let steps = sources.inspection.step(*state);
            steps.iter().map(|step| step.day.as_str()).min().map(str::to_owned)
        }
        Elsewhere::Unit => sources.unit.map(str::to_owned),
    }
}
