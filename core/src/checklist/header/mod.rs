//! *Phần đầu biên bản*: which fields the header of the minutes has, and whether what they say fits.
//!
//! Which fields there are, of which type, and which the minutes need is data
//! (`core/data/header.json`, with the clause of each field); reading what a person types and judging
//! what stands in a record is code. A value that does not fit is never dropped: it is shown with what
//! is wrong. Pure: no IO, no clock.

mod error;
mod form;
mod read;
mod sheet;

pub use error::{HeaderError, HeaderOrder, HeaderWanted};
pub use form::{
    Elsewhere, HEADER_KEY_CHARS_MAX, HeaderField, HeaderForm, HeaderOption, HeaderType, PhoneForm,
};
pub use read::moment_text;
pub use sheet::{FromElsewhere, HeaderRow, HeaderSheet, HeaderSources, HeaderState, HeaderValue};

/// The header fields in force since NĐ 217/2025/NĐ-CP. Not official: nobody in office has confirmed
/// them.
pub const HEADER: &[u8] = include_bytes!("../../../data/header.json");

#[cfg(test)]
mod tests;
