//! Files that people bring: lists of facilities, pictures of QR codes, drawn signatures.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::OnceLock;

use bienban_core::net::EnrolUri;
use bienban_core::trust::seal::{DRAWN_BYTES_MAX, Drawn, POINTS_MAX, STROKES_MAX};
use bienban_server::cli::{drawn_in, text_in};
use bienban_server::import::{
    CELL_CHARS_MAX, FacilityRow, ImportError, PRODUCTS_MAX, ROWS_MAX, facilities_from_csv,
    facilities_from_xlsx,
};
use bienban_server::messages::{Lang, Messages};
use image::{GrayImage, ImageFormat, Luma};

use super::bytes::Bytes;

/// Longest side of a picture that is painted from an input, in points.
const SIDE_MAX: u32 = 80;

/// Pixels of one such point.
const SCALE: u32 = 2;

/// What an invitation's text begins with.
const START: &str = "bienban://enrol?";

pub(super) fn facilities_csv(data: &[u8]) {
    check(facilities_from_csv(data));
}

pub(super) fn facilities_xlsx(data: &[u8]) {
    check(facilities_from_xlsx(data));
}

fn messages() -> &'static [Messages; 2] {
    static BOTH: OnceLock<[Messages; 2]> = OnceLock::new();
    BOTH.get_or_init(|| [Lang::En, Lang::Vi].map(Messages::new))
}

/// All rows, each within its limits; or a reason that both languages can tell.
fn check(read: Result<Vec<FacilityRow>, ImportError>) {
    let rows = match read {
        Ok(rows) => rows,
        Err(error) => {
            for messages in messages() {
                assert!(!error.explain(messages).is_empty());
            }
            return;
        }
    };
    assert!(!rows.is_empty() && rows.len() <= ROWS_MAX);
    let codes: BTreeSet<&str> = rows.iter().map(|row| row.code.as_str()).collect();
    assert_eq!(codes.len(), rows.len(), "a code stands twice");
    for row in &rows {
        let texts =
            [Some(&row.name), row.village.as_ref(), row.address.as_ref(), row.phone.as_ref()];
        for text in texts.into_iter().flatten() {
            assert!(!text.trim().is_empty() && text.chars().count() <= CELL_CHARS_MAX, "{text:?}");
        }
        assert!(row.products.len() <= PRODUCTS_MAX);
        assert_eq!(row.latitude.is_some(), row.longitude.is_some());
    }
}

/// The bytes of a picture file; and a picture whose points the input says, which a fuzzer could not give a
/// good checksum.
pub(super) fn pictures(data: &[u8]) {
    look(data);
    if let Some(png) = painted(data) {
        look(&png);
    }
}

fn look(picture: &[u8]) {
    drop(text_in(picture, ""));
    if let Some(text) = text_in(picture, START) {
        assert!(text.trim().starts_with(START));
        drop(text.trim().parse::<EnrolUri>());
    }
}

/// Paints points row by row: the first byte says how many stand in a row, each bit after it is one.
fn painted(data: &[u8]) -> Option<Vec<u8>> {
    let mut input = Bytes::new(data);
    let width = u32::from(input.byte()) % SIDE_MAX + 1;
    let bits = input.rest();
    let height = (u32::try_from(bits.len()).unwrap_or(u32::MAX) * 8 / width).min(SIDE_MAX);
    if height == 0 {
        return None;
    }
    let picture = GrayImage::from_fn(width * SCALE, height * SCALE, |x, y| {
        let at = (y / SCALE * width + x / SCALE) as usize;
        Luma([if bits[at / 8] >> (at % 8) & 1 == 1 { 0 } else { 255 }])
    });
    let mut png = Vec::new();
    picture.write_to(&mut Cursor::new(&mut png), ImageFormat::Png).ok()?;
    Some(png)
}

/// What is taken as a drawing fits a seal.
pub(super) fn drawings(data: &[u8]) {
    let Some(drawn) = drawn_in(data.to_vec()) else { return };
    drawn.check().expect("only what fits is a drawing");
    match drawn {
        Drawn::Png(bytes) => assert!(bytes.len() <= DRAWN_BYTES_MAX),
        Drawn::Strokes { strokes, .. } => {
            assert!(strokes.len() <= STROKES_MAX);
            assert!(strokes.iter().map(Vec::len).sum::<usize>() <= POINTS_MAX);
        }
    }
}
