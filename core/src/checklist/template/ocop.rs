//! The 26 product sets of OCOP 2026, as files inside the program. Nothing is parsed before it is
//! asked for.

/// A checklist inside the program: its code, for instance `OCOP-11`, and its file.
pub type Embedded = (&'static str, &'static [u8]);

/// *Bộ tiêu chí OCOP*: the 26 sets of Decision 26/2026/QĐ-TTg, in their order. The script
/// `core/data/scripts/ocop.py` makes them from the transcript.
const SETS: [Embedded; 26] = [
    ("OCOP-01", include_bytes!("../../../data/templates/ocop-2026/set-01.json")),
    ("OCOP-02", include_bytes!("../../../data/templates/ocop-2026/set-02.json")),
    ("OCOP-03", include_bytes!("../../../data/templates/ocop-2026/set-03.json")),
    ("OCOP-04", include_bytes!("../../../data/templates/ocop-2026/set-04.json")),
    ("OCOP-05", include_bytes!("../../../data/templates/ocop-2026/set-05.json")),
    ("OCOP-06", include_bytes!("../../../data/templates/ocop-2026/set-06.json")),
    ("OCOP-07", include_bytes!("../../../data/templates/ocop-2026/set-07.json")),
    ("OCOP-08", include_bytes!("../../../data/templates/ocop-2026/set-08.json")),
    ("OCOP-09", include_bytes!("../../../data/templates/ocop-2026/set-09.json")),
    ("OCOP-10", include_bytes!("../../../data/templates/ocop-2026/set-10.json")),
    ("OCOP-11", include_bytes!("../../../data/templates/ocop-2026/set-11.json")),
    ("OCOP-12", include_bytes!("../../../data/templates/ocop-2026/set-12.json")),
    ("OCOP-13", include_bytes!("../../../data/templates/ocop-2026/set-13.json")),
    ("OCOP-14", include_bytes!("../../../data/templates/ocop-2026/set-14.json")),
    ("OCOP-15", include_bytes!("../../../data/templates/ocop-2026/set-15.json")),
    ("OCOP-16", include_bytes!("../../../data/templates/ocop-2026/set-16.json")),
    ("OCOP-17", include_bytes!("../../../data/templates/ocop-2026/set-17.json")),
    ("OCOP-18", include_bytes!("../../../data/templates/ocop-2026/set-18.json")),
    ("OCOP-19", include_bytes!("../../../data/templates/ocop-2026/set-19.json")),
    ("OCOP-20", include_bytes!("../../../data/templates/ocop-2026/set-20.json")),
    ("OCOP-21", include_bytes!("../../../data/templates/ocop-2026/set-21.json")),
    ("OCOP-22", include_bytes!("../../../data/templates/ocop-2026/set-22.json")),
    ("OCOP-23", include_bytes!("../../../data/templates/ocop-2026/set-23.json")),
    ("OCOP-24", include_bytes!("../../../data/templates/ocop-2026/set-24.json")),
    ("OCOP-25", include_bytes!("../../../data/templates/ocop-2026/set-25.json")),
    ("OCOP-26", include_bytes!("../../../data/templates/ocop-2026/set-26.json")),
];

/// Returns the 26 product sets, in their order, unparsed.
#[must_use]
pub fn ocop_sets() -> &'static [Embedded] {
    &SETS
}

/// Returns the file of a product set by its code, such as `OCOP-11`, in capitals or not.
#[must_use]
pub fn ocop_set(code: &str) -> Option<&'static [u8]> {
    SETS.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, bytes)| *bytes)
}

#[cfg(test)]
mod tests;
