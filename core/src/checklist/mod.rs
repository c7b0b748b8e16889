//! Checklists, administrative units and grading, as versioned data with a legal source.
//!
//! Law changes every year: criteria, severities and units come from files with dates and sources.
//! Only the legal rule of the result itself is code, and it explains every step. No IO, no clock.

mod clocks;
mod day;
pub mod expr;
mod grade;
mod template;
mod units;

pub use clocks::{
    CLOCKS, Clock, Clocks, ClocksError, DayOff, Due, Extension, Frequency, HOLIDAYS, Holidays,
    Length, PastVisit, Period, Year, due, over_frequency,
};
pub use day::{Day, DayError};
pub use grade::{GradeResult, GradeSoFar, Line, grade_so_far};
pub use template::{
    AnswerError, ITEMS_MAX, Item, Section, TEMPLATE_BYTES_MAX, Template, TemplateError, Words,
};
pub use units::{Level, Unit, Units, UnitsError};

/// The tea-facility checklist CL-CHE, edition 0. Not official: levels are proposals.
pub const TEA: &[u8] = include_bytes!("../../data/templates/tea.json");

/// Lạng Sơn and the six communes that were the district of Bắc Sơn until 30 June 2025.
pub const UNITS: &[u8] = include_bytes!("../../data/units.json");
