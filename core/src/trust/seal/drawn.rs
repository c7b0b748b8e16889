//! *Chữ ký vẽ tay*: a signature drawn on the screen, as a record that somebody was there.

use serde::{Deserialize, Serialize};

/// Largest drawing, in bytes of its encoding: a signature of 600 points takes 3 kB, an image of one 10.
pub const DRAWN_BYTES_MAX: usize = 14 << 10;

/// Most strokes of one signature: nobody lifts the pen more often.
pub const STROKES_MAX: usize = 256;

/// Most points of one signature: a minute of drawing at the rate at which screens report.
pub const POINTS_MAX: usize = 3_600;

/// Widest and highest image, in pixels: a screen's width.
const SIDE_PX_MAX: u32 = 4_096;

/// What every PNG starts with, up to the name of its first chunk.
const PNG: [u8; 16] = *b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";

/// Why something is no drawn signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Nothing was drawn.
    #[error("nothing is drawn; a signature has at least one stroke of two points")]
    Empty,
    /// Over a limit.
    #[error("the drawing is over the limit on its {what}; draw it simpler or smaller")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
    },
    /// A point lies outside.
    #[error("a point lies outside of the drawing's width and height")]
    Outside,
    /// The bytes are no PNG.
    #[error("the image is no PNG of at most 4096 pixels a side")]
    NoImage,
}

/// A drawn signature. It is a record of presence (*xác nhận có mặt*) and never a digital signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Drawn {
    /// Vector strokes, each a line through its points, on a surface of this size.
    Strokes {
        /// Width of the surface; no point lies beyond.
        width: u16,
        /// Height of it.
        height: u16,
        /// The strokes in the order in which they were drawn.
        strokes: Vec<Vec<(u16, u16)>>,
    },
    /// A PNG image.
    Png(Vec<u8>),
}

impl Drawn {
    /// Checks form and limits. Whether it looks like anybody's signature is not for a program to say.
    ///
    /// # Errors
    ///
    /// Returns [`SignatureError`] naming what does not fit.
    pub fn check(&self) -> Result<(), SignatureError> {
        match self {
            Self::Strokes { width, height, strokes } => check_strokes(*width, *height, strokes),
            Self::Png(bytes) => check_png(bytes),
        }
    }
}

fn check_strokes(
    width: u16,
    height: u16,
    strokes: &[Vec<(u16, u16)>],
) -> Result<(), SignatureError> {
    if strokes.len() > STROKES_MAX {
        return Err(SignatureError::TooLarge { what: "strokes" });
    }
    if strokes.iter().map(Vec::len).sum::<usize>() > POINTS_MAX {
        return Err(SignatureError::TooLarge { what: "points" });
    }
    if strokes.iter().flatten().any(|(x, y)| *x > width || *y > height) {
        return Err(SignatureError::Outside);
    }
    let drawn = strokes.iter().any(|stroke| stroke.windows(2).any(|pair| pair[0] != pair[1]));
    if drawn { Ok(()) } else { Err(SignatureError::Empty) }
}

/// Looks at the head alone: whoever shows an image decodes it, and must expect anything there.
fn check_png(bytes: &[u8]) -> Result<(), SignatureError> {
    if bytes.len() > DRAWN_BYTES_MAX {
        return Err(SignatureError::TooLarge { what: "bytes" });
    }
    let side = |at: usize| {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(four)).filter(|side| (1..=SIDE_PX_MAX).contains(side))
    };
    let is_png = bytes.starts_with(&PNG) && side(16).is_some() && side(20).is_some();
    if is_png { Ok(()) } else { Err(SignatureError::NoImage) }
}
