//! The functions of XLSForm that expressions may call, and those that are refused by name.

/// Why a function of XLSForm is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its result depends on the order of rows.
    #[error(
        "rows come from several phones and have no order that all agree on; count, sum, min and \
         max need none"
    )]
    RowOrder,
    /// Its result depends on the clock or on chance.
    #[error(
        "the result must be the same on every phone and every day; today() is the day of record"
    )]
    ClockOrChance,
    /// It reads something outside of the form.
    #[error("it reads what is not part of the form")]
    Outside,
    /// Nobody has needed it yet.
    #[error("no form has needed it; write it with what docs/expressions.md lists")]
    NotOffered,
}

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Answered,
    Applicable,
    Boolean,
    Coalesce,
    Concat,
    Contains,
    Count,
    CountNonEmpty,
    CountSelected,
    Date,
    EndsWith,
    False,
    FormatDate,
    If,
    Int,
    Max,
    Min,
    NormalizeSpace,
    Not,
    Number,
    Regex,
    Round,
    Selected,
    StartsWith,
    String,
    StringLength,
    Substr,
    Sum,
    Today,
    True,
}

/// A function's name, how many arguments it takes, and that in words.
pub(super) struct Signature {
    pub(super) function: Function,
    pub(super) name: &'static str,
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) takes: &'static str,
}

/// No limit but the length of the expression.
const ANY: usize = usize::MAX;

const fn row(
    name: &'static str,
    function: Function,
    least: usize,
    most: usize,
    takes: &'static str,
) -> Signature {
    Signature { function, name, least, most, takes }
}

/// Every function that is offered, by name.
pub(super) const FUNCTIONS: &[Signature] = &[
    row("answered", Function::Answered, 1, 1, "1"),
    row("applicable", Function::Applicable, 1, 1, "1"),
    row("boolean", Function::Boolean, 1, 1, "1"),
    row("coalesce", Function::Coalesce, 2, 2, "2"),
    row("concat", Function::Concat, 1, ANY, "1 or more"),
    row("contains", Function::Contains, 2, 2, "2"),
    row("count", Function::Count, 1, 1, "1"),
    row("count-non-empty", Function::CountNonEmpty, 1, 1, "1"),
    row("count-selected", Function::CountSelected, 1, 1, "1"),
    row("date", Function::Date, 1, 1, "1"),
    row("ends-with", Function::EndsWith, 2, 2, "2"),
    row("false", Function::False, 0, 0, "no"),
    row("format-date", Function::FormatDate, 2, 2, "2"),
    row("if", Function::If, 3, 3, "3"),
    row("int", Function::Int, 1, 1, "1"),
    row("max", Function::Max, 1, ANY, "1 or more"),
    row("min", Function::Min, 1, ANY, "1 or more"),
    row("normalize-space", Function::NormalizeSpace, 1, 1, "1"),
    row("not", Function::Not, 1, 1, "1"),
    row("number", Function::Number, 1, 1, "1"),
    row("regex", Function::Regex, 2, 2, "2"),
    row("round", Function::Round, 1, 2, "1 or 2"),
    row("selected", Function::Selected, 2, 2, "2"),
    row("starts-with", Function::StartsWith, 2, 2, "2"),
    row("string", Function::String, 1, 1, "1"),
    row("string-length", Function::StringLength, 1, 1, "1"),
    row("substr", Function::Substr, 2, 3, "2 or 3"),
    row("sum", Function::Sum, 1, 1, "1"),
    row("today", Function::Today, 0, 0, "no"),
    row("true", Function::True, 0, 0, "no"),
];

/// Functions of XLSForm and XPath that are refused, with the reason.
const REFUSED: &[(&str, Refusal)] = &[
    ("abs", Refusal::NotOffered),
    ("area", Refusal::NotOffered),
    ("boolean-from-string", Refusal::NotOffered),
    ("ceiling", Refusal::NotOffered),
    ("checklist", Refusal::NotOffered),
    ("current", Refusal::Outside),
    ("date-time", Refusal::NotOffered),
    ("decimal-date-time", Refusal::NotOffered),
    ("decimal-time", Refusal::NotOffered),
    ("digest", Refusal::NotOffered),
    ("distance", Refusal::NotOffered),
    ("enclosed-area", Refusal::NotOffered),
    ("floor", Refusal::NotOffered),
    ("format-date-time", Refusal::NotOffered),
    ("geofence", Refusal::NotOffered),
    ("id", Refusal::Outside),
    ("indexed-repeat", Refusal::RowOrder),
    ("instance", Refusal::Outside),
    ("join", Refusal::RowOrder),
    ("jr:choice-name", Refusal::Outside),
    ("jr:itext", Refusal::Outside),
    ("last", Refusal::RowOrder),
    ("now", Refusal::ClockOrChance),
    ("once", Refusal::ClockOrChance),
    ("pi", Refusal::NotOffered),
    ("position", Refusal::RowOrder),
    ("pow", Refusal::NotOffered),
    ("property", Refusal::Outside),
    ("pulldata", Refusal::Outside),
    ("random", Refusal::ClockOrChance),
    ("randomize", Refusal::ClockOrChance),
    ("selected-at", Refusal::NotOffered),
    ("sqrt", Refusal::NotOffered),
    ("substring", Refusal::NotOffered),
    ("substring-after", Refusal::NotOffered),
    ("substring-before", Refusal::NotOffered),
    ("translate", Refusal::NotOffered),
    ("uuid", Refusal::ClockOrChance),
    ("version", Refusal::Outside),
    ("weighted-checklist", Refusal::NotOffered),
];

/// Returns a function that is offered.
pub(super) fn offered(name: &str) -> Option<&'static Signature> {
    FUNCTIONS.iter().find(|signature| signature.name == name)
}

/// Returns a function that is refused, and why.
pub(super) fn refused(name: &str) -> Option<(&'static str, Refusal)> {
    REFUSED.iter().find(|(refused, _)| *refused == name).copied()
}
