//! QR codes: shown in a terminal, and read from a picture.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use image::{ImageReader, Limits};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::enrolling::EnrolError;
use super::error::CliError;

/// The largest picture file that is read: a phone's photograph stays well below.
const IMAGE_BYTES_MAX: u64 = 16 << 20;

/// Longest side of a picture, in pixels: more than any phone's camera has.
const IMAGE_SIDE_MAX: u32 = 12_000;

/// Memory that decoding a picture may take: one of 50 megapixels with its colours.
const IMAGE_MEMORY_BYTES_MAX: u64 = 256 << 20;

/// Returns the code for a text, two rows of it in a line of the terminal: light on dark, as most are.
/// None for a text that no QR code holds.
pub(super) fn drawn(text: &str) -> Option<String> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    let (light, dark) = (Dense1x2::Light, Dense1x2::Dark);
    Some(code.render::<Dense1x2>().dark_color(light).light_color(dark).build())
}

/// Reads the text of the QR code in a PNG or JPEG file: the first of several that begins with `start`.
///
/// # Errors
///
/// Returns [`CliError::File`] when the file cannot be read, and [`EnrolError`] when it is no such picture
/// or shows no such code.
pub(super) fn read(path: &Path, start: &str) -> Result<String, CliError> {
    let failed = |source| CliError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() > IMAGE_BYTES_MAX {
        return Err(EnrolError::Picture { path: path.to_owned() }.into());
    }
    let mut bytes = Vec::new();
    BufReader::new(file).take(IMAGE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    let picture = picture(&bytes).ok_or_else(|| EnrolError::Picture { path: path.to_owned() })?;
    text_of(&picture, start).ok_or_else(|| EnrolError::NoCode { path: path.to_owned() }.into())
}

/// Returns the text of the QR code in the bytes of a PNG or JPEG file, as `bienban field enrol --image` reads
/// it: the first of several that begins with `start`. None for what is no such picture or shows no such code.
#[must_use]
pub fn text_in(bytes: &[u8], start: &str) -> Option<String> {
    text_of(&picture(bytes)?, start)
}

/// Finds the codes in a picture.
fn text_of(picture: &image::GrayImage, start: &str) -> Option<String> {
    let size = (picture.width() as usize, picture.height() as usize);
    let light = |x: usize, y: usize| {
        let at = u32::try_from(x).ok().zip(u32::try_from(y).ok());
        at.and_then(|(x, y)| picture.get_pixel_checked(x, y)).map_or(0, |pixel| pixel.0[0])
    };
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(size.0, size.1, light);
    let texts = prepared.detect_grids().into_iter().filter_map(|grid| grid.decode().ok());
    let mut texts = texts.map(|(_, text)| text);
    texts.find(|text| text.trim().starts_with(start))
}

/// Decodes a picture within its limits.
fn picture(bytes: &[u8]) -> Option<image::GrayImage> {
    let mut reader = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(IMAGE_SIDE_MAX);
    limits.max_image_height = Some(IMAGE_SIDE_MAX);
    limits.max_alloc = Some(IMAGE_MEMORY_BYTES_MAX);
    reader.limits(limits);
    Some(reader.decode().ok()?.into_luma8())
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};

    use super::*;

    const TEXT: &str = "bienban://enrol?hub=hub.langson.vn:4433&hub=10.0.0.7:4433&\
        key=abababababababababababababababababababababababababababababababab&\
        code=0123456789abcdef0123456789abcdef&until=1795000000";

    /// Paints what [`drawn`] prints, as a camera would see it.
    fn painted(drawn: &str) -> GrayImage {
        const SIDE: u32 = 6;
        let rows: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        let count = |number: usize| u32::try_from(number).unwrap();
        let (width, height) = (count(rows[0].len()), count(rows.len()) * 2);
        GrayImage::from_fn(width * SIDE, height * SIDE, |x, y| {
            let (column, row) = ((x / SIDE) as usize, y / SIDE);
            let (upper, lower) = match rows[(row / 2) as usize][column] {
                '█' => (true, true),
                '▀' => (true, false),
                '▄' => (false, true),
                _ => (false, false),
            };
            let lit = if row % 2 == 0 { upper } else { lower };
            Luma([if lit { 255 } else { 0 }])
        })
    }

    #[test]
    fn what_a_terminal_shows_is_read_from_its_picture() {
        let picture = painted(&drawn(TEXT).unwrap());
        let dir = tempfile::tempdir().unwrap();
        for name in ["code.png", "code.jpg"] {
            let path = dir.path().join(name);
            picture.save(&path).unwrap();
            assert_eq!(read(&path, "bienban://enrol?").unwrap(), TEXT, "{name}");
            assert!(matches!(
                read(&path, "https:").unwrap_err(),
                CliError::Enrol(EnrolError::NoCode { .. })
            ));
        }
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.png");
        for bytes in [&b""[..], b"bienban://enrol?", b"\x89PNG\r\n\x1a\n", b"GIF89a\x01\0\x01\0"] {
            std::fs::write(&path, bytes).unwrap();
            let error = read(&path, "").unwrap_err();
            assert!(matches!(error, CliError::Enrol(EnrolError::Picture { .. })), "{error}");
        }
        // A header that claims a picture of a hundred gigabytes takes no memory.
        let mut png = Vec::new();
        GrayImage::new(1, 1)
            .write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)
            .unwrap();
        png[16..24].copy_from_slice(&[0, 4, 0, 0, 0, 4, 0, 0]);
        std::fs::write(&path, &png).unwrap();
        assert!(read(&path, "").is_err());
        let file = File::create(&path).unwrap();
        file.set_len(IMAGE_BYTES_MAX + 1).unwrap();
        assert!(read(&path, "").is_err());
    }
}
