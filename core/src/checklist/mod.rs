//! Checklists, administrative units and grading, as versioned data with a legal source.
//!
//! Law changes every year: criteria, severities, thresholds, gates and units come from files with
//! dates and sources. Only the rules of grading themselves are code, in `grading`, and they explain
//! every step. No IO, no clock.

mod clocks;
mod day;
pub mod expr;
pub mod grading;
pub mod header;
pub mod lifecycle;
mod moving;
mod numbers;
mod template;
mod units;

pub use clocks::{
    CLOCKS, Clock, Clocks, ClocksError, DayOff, Due, Extension, Frequency, HOLIDAYS, Holidays,
    LastDayOff, Length, PastVisit, Period, Suspended, Suspension, Year, due, due_suspended,
    over_frequency,
};
pub use day::{Day, DayError};
pub use moving::{
    DIGITS_MIN, Fate, MoveError, MoveLine, MovePlan, editions_needed, plan_move, way_back,
};
pub use numbers::{NUMBERS, number_in_series, number_source, number_year, official_number};
pub use template::{
    Anomaly, AnswerError, AnswerType, Basis, Case, Changed, Choice, Clause, Constraint, Correction,
    CountsGrade, CountsRow, CountsTable, CriteriaHeld, DECIMAL_DIGITS_MAX, Decimal, DecimalError,
    Difference, Effect, Embedded, Evidence, FORMAT, Fallback, Fault, FaultKind, Gates, Grading,
    Group, ITEMS_MAX, Item, Knockout, KnockoutLevel, NONE_KEY, NoGrade, OPTIONS_MAX, OcopPoints,
    Orders, Overlap, PHOTOS_MAX, Part, PassFail, ProductSet, ROWS_MAX, Rank, Repeat, Required,
    ResultType, Section, TEMPLATE_BYTES_MAX, TEXT_CHARS_MAX, Template, TemplateError, Verified,
    Wanted, Words, Worse, differences, held_codes, held_set, in_force, ocop_set, ocop_sets,
    overlaps,
};
pub use units::{
    Closeness, Findings, FormerLevel, FormerUnit, Found, FoundUnit, Level, Resolved, Unit,
    UnitKind, Units, UnitsError,
};

/// The tea-facility checklist CL-CHE, edition 0. Not official: levels are proposals.
pub const TEA: &[u8] = include_bytes!("../../data/templates/tea.json");

/// Edition 1 of the tea-facility checklist, in format 2: the same items with evidence, clauses,
/// conditions, and the lots and samples looked at. Not official either.
pub const TEA_1: &[u8] = include_bytes!("../../data/templates/tea-1.json");

/// The provinces and communes in force since 1 July 2025, and the units they came from. Not official:
/// nobody has compared them with the signed decision. `core/data/units/README.md` says where they
/// are from.
pub const UNITS: &[u8] = include_bytes!("../../data/units/units.bin");
