//! A drawn signature from a file: strokes as JSON, lines and paths of an SVG, or a PNG.
//!
//! It is a record of presence (*chữ ký vẽ tay xác nhận có mặt*) and never a digital signature.

use std::path::Path;

use bienban_core::trust::seal::{DRAWN_BYTES_MAX, Drawn, POINTS_MAX};
use kurbo::{BezPath, PathEl, Point, flatten};
use serde::Deserialize;

use crate::cli::error::CliError;
use crate::cli::wrong::Wrong;

/// Largest file that is read: far more than a drawing within its limits takes in any of the forms.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How far a line may be from the curve that it stands for, in units of the drawing's thousandth.
const TOLERANCE: f64 = 0.5;

/// Points of the longer side of an SVG's drawing: as fine as a finger draws on a phone.
const SIDE: f64 = 2_000.0;

/// Digits before the point of a number in an SVG's path: no surface is a million units wide.
const DIGITS_MAX: usize = 6;

/// Strokes as an app writes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strokes {
    width: u16,
    height: u16,
    strokes: Vec<Vec<(u16, u16)>>,
}

/// Reads a drawn signature.
pub(super) fn read(path: &Path) -> Result<Drawn, CliError> {
    let failed = |source| CliError::File { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    let wrong = || Wrong::Drawing { path: path.display().to_string() };
    if bytes > FILE_BYTES_MAX {
        return Err(wrong().into());
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    Ok(drawn_in(bytes).ok_or_else(wrong)?)
}

/// Returns the drawn signature in the bytes of a file, as `bienban field seal` reads it; none for what is no
/// drawing within its limits.
#[must_use]
pub fn drawn_in(bytes: Vec<u8>) -> Option<Drawn> {
    parse(bytes).filter(|drawn| drawn.check().is_ok())
}

fn parse(bytes: Vec<u8>) -> Option<Drawn> {
    if bytes.starts_with(b"\x89PNG") {
        return (bytes.len() <= DRAWN_BYTES_MAX).then_some(Drawn::Png(bytes));
    }
    let text = String::from_utf8(bytes).ok()?;
    if text.trim_start().starts_with('{') {
        let Strokes { width, height, strokes } = serde_json::from_str(&text).ok()?;
        return Some(Drawn::Strokes { width, height, strokes });
    }
    of_svg(&text)
}

/// Returns whether all numbers in a path's text are plain and below a million. A curve to the end of what a number
/// can say would be cut into more lines than there is memory for.
fn is_plain(text: &str) -> bool {
    let number = |mark: char| mark.is_ascii_digit() || mark == '.';
    let mut numbers = text.split(|mark| !number(mark));
    !text.contains(['e', 'E'])
        && numbers
            .all(|number| number.split('.').next().is_none_or(|whole| whole.len() <= DIGITS_MAX))
}

/// Takes the lines and paths of an SVG as strokes; whatever else it holds is passed over, for a signature
/// is nothing else.
fn of_svg(text: &str) -> Option<Drawn> {
    let document = roxmltree::Document::parse(text).ok()?;
    let (mut lines, mut points) = (Vec::<Vec<Point>>::new(), 0);
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let path = match node.tag_name().name() {
            "path" => node.attribute("d")?.to_owned(),
            "polyline" => format!("M{}", node.attribute("points")?),
            _ => continue,
        };
        let path = BezPath::from_svg(Some(path).filter(|path| is_plain(path))?.as_str()).ok()?;
        flatten(path, TOLERANCE, |element| {
            points += usize::from(matches!(element, PathEl::MoveTo(_) | PathEl::LineTo(_)));
            match (element, lines.last_mut()) {
                // That there are more than fit is known by their number.
                _ if points > POINTS_MAX => {}
                (PathEl::MoveTo(point), _) => lines.push(vec![point]),
                (PathEl::LineTo(point), Some(line)) => line.push(point),
                _ => {}
            }
        });
        if points > POINTS_MAX {
            return None;
        }
    }
    scaled(&lines)
}

/// Moves a drawing to the corner and scales it to whole points.
fn scaled(lines: &[Vec<Point>]) -> Option<Drawn> {
    let points = || lines.iter().flatten();
    if points().any(|point| !point.is_finite()) {
        return None;
    }
    let least = |of: fn(&Point) -> f64| points().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&Point) -> f64| points().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (left, top) = (least(|p| p.x), least(|p| p.y));
    let (wide, high) = (most(|p| p.x) - left, most(|p| p.y) - top);
    let longer = wide.max(high);
    if !longer.is_finite() || longer <= 0.0 {
        return None;
    }
    let scale = SIDE / longer;
    let whole = |value: f64| {
        let value = (value * scale).round().clamp(0.0, SIDE);
        // Between 0 and 2,000, so it fits.
        format!("{value:.0}").parse::<u16>().unwrap_or_default()
    };
    let stroke = |line: &Vec<Point>| {
        line.iter().map(|point| (whole(point.x - left), whole(point.y - top))).collect()
    };
    let strokes = lines.iter().map(stroke).collect();
    Some(Drawn::Strokes { width: whole(wide), height: whole(high), strokes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_curves_of_an_svg_are_strokes() {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 100">
            <rect width="300" height="100"/>
            <path d="M10 10 C 60 0, 90 90, 110 60 L 210 60"/>
            <polyline points="10,80 20,90 30,80"/></svg>"#;
        let Some(drawn @ Drawn::Strokes { .. }) = parse(svg.as_bytes().to_vec()) else {
            panic!("no strokes");
        };
        drawn.check().unwrap();
        let Drawn::Strokes { width, strokes, .. } = drawn else { unreachable!() };
        assert_eq!((width, strokes.len()), (2_000, 2));
        assert!(strokes[0].len() > 3, "a curve is more than its ends");
    }

    #[test]
    fn curves_to_the_end_of_what_numbers_can_say_are_no_drawing() {
        let end = "9".repeat(40);
        for path in [
            format!("M0 0 C 1 1, 2 2, {end} 3"),
            "M0 0 A 1e200 1e200 0 0 1 9 9".to_owned(),
            "M0 0 Q 1E300 0 5 5".to_owned(),
            // Each within its limit, and together far more points than a signature has.
            format!("M0 0 {}", "C 999999 0 0 999999 999999 999999 C 0 0 9 9 0 0 ".repeat(2_000)),
        ] {
            let svg =
                format!(r#"<svg xmlns="http://www.w3.org/2000/svg"><path d="{path}"/></svg>"#);
            assert_eq!(parse(svg.into_bytes()), None, "{path:.40}");
        }
    }

    #[test]
    fn strokes_are_read_as_they_stand_and_other_files_are_none() {
        let json = br#"{"width": 600, "height": 200, "strokes": [[[1, 2], [3, 4]]]}"#;
        let strokes = vec![vec![(1, 2), (3, 4)]];
        assert_eq!(parse(json.to_vec()), Some(Drawn::Strokes { width: 600, height: 200, strokes }));
        for none in [&b"{}"[..], b"<svg/>", b"no drawing", b"\xff\xfe"] {
            assert_eq!(parse(none.to_vec()), None);
        }
    }
}
