//! The times that answers claim, in packs that travel together: each is told as its distance from the one before, not in
//! digits. Behind the frame a pack is as it was.

use super::FRAME_INFLATED_BYTES_MAX;
use crate::model::{Cursor, put_sleb, put_uleb};
use crate::sync::pack::{BODY_PLAIN, CLAIMED_AT, FLAGS_AT, body_of};

/// Digits of a number that fits 63 bits, whatever they are.
const DIGITS_MAX: usize = 18;
/// The body is as it is, but for times, which stand in front of it. Only in frames: what keeps packs does not know it.
const BODY_TIMED: u8 = 2;

/// Writes times, or reads them, in the order of the packs of one frame.
#[derive(Debug)]
pub(super) struct Times {
    last: i64,
    /// Bytes that packs may still have once their times are put back: those of one frame, which an honest writer opened
    /// no further.
    room: usize,
}

impl Default for Times {
    fn default() -> Self {
        Self { last: 0, room: FRAME_INFLATED_BYTES_MAX }
    }
}

impl Times {
    /// Returns a pack with a plain body with its times told apart, which is never longer; `None` where it has none, where
    /// one is not written as numbers are, and where it would be longer.
    pub(super) fn told_apart(&mut self, pack: &[u8]) -> Option<Vec<u8>> {
        let body = body_of(pack)?;
        let (mut steps, mut rest, mut last) = (Vec::new(), Vec::new(), self.last);
        let mut from = body;
        while let Some(at) = place(from) {
            let (before, behind) = from.split_at(at);
            let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (digits, behind) = behind.split_at(digits);
            let time = number(digits)?;
            put_sleb(&mut steps, time.wrapping_sub(last));
            last = time;
            rest.extend_from_slice(before);
            from = behind;
        }
        rest.extend_from_slice(from);
        let mut out = pack[..pack.len() - body.len()].to_vec();
        out[FLAGS_AT] = BODY_TIMED;
        put_uleb(&mut out, steps.len() as u64);
        let is_told = !steps.is_empty();
        out.extend(steps);
        out.extend(rest);
        if !is_told || out.len() > pack.len() {
            return None;
        }
        self.last = last;
        Some(out)
    }

    /// Returns a pack with its times put back. What has none, too few or too many, or would be longer than a frame may be,
    /// stays as it is: it is no pack.
    pub(super) fn put_back(&mut self, pack: Vec<u8>) -> Vec<u8> {
        if pack.get(FLAGS_AT) != Some(&BODY_TIMED) {
            return pack;
        }
        let mut plain = pack.clone();
        plain[FLAGS_AT] = BODY_PLAIN;
        self.joined(&plain).unwrap_or(pack)
    }

    fn joined(&mut self, pack: &[u8]) -> Option<Vec<u8>> {
        let told = body_of(pack)?;
        let mut cursor = Cursor::new(told);
        let mut steps = Cursor::new(cursor.prefixed("times").ok()?);
        let mut from = cursor.take(cursor.remaining(), "body").ok()?;
        let mut out = pack[..pack.len() - told.len()].to_vec();
        let mut last = self.last;
        while let Some(at) = place(from) {
            let (before, behind) = from.split_at(at);
            out.extend_from_slice(before);
            last = last.wrapping_add(steps.sleb("times").ok()?);
            out.extend_from_slice(last.to_string().as_bytes());
            if out.len() > self.room {
                return None;
            }
            from = behind;
        }
        if steps.remaining() > 0 {
            return None;
        }
        out.extend_from_slice(from);
        self.room = self.room.checked_sub(out.len())?;
        self.last = last;
        Some(out)
    }
}

/// Returns where the digits of the next time begin.
fn place(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(CLAIMED_AT.len()).position(|window| window == CLAIMED_AT)?;
    Some(at + CLAIMED_AT.len())
}

/// Reads digits as they are written for a number: no sign, no zero in front, not too many.
fn number(digits: &[u8]) -> Option<i64> {
    let written = (1..=DIGITS_MAX).contains(&digits.len()) && (digits[0] != b'0' || digits == b"0");
    std::str::from_utf8(digits).ok().filter(|_| written)?.parse().ok()
}

#[cfg(test)]
mod tests;
