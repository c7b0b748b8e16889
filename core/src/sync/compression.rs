//! zstd over bytes in memory, with inflation bounded before anything is allocated.

use std::io::Read;

/// A good ratio at a cost that a 2 GB phone does not notice on a few hundred kilobytes.
const LEVEL: i32 = 9;
/// A twentieth fewer bytes than that for six times the work: some 50 ms for the 300 kB of a day's answers on the machine that
/// docs/performance.md names.
const WELL: i32 = 16;
/// A foreign frame may ask for a window of at most 8 MiB, which is what its decoder allocates.
const WINDOW_LOG_MAX: u32 = 23;
/// Below this a frame costs more than it saves.
const BYTES_MIN: usize = 128;
/// What compression must save to be used: a sixteenth, or the other side inflates for nothing.
const SAVING_DIVISOR: usize = 16;

/// The bytes are not one zstd frame, or inflate beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InflateFailed;

/// Compresses when it pays.
pub(crate) fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    deflate_at(LEVEL, bytes)
}

/// Compresses when it pays, with more work: for several packs that are pushed together.
pub(crate) fn deflate_well(bytes: &[u8]) -> Option<Vec<u8>> {
    deflate_at(WELL, bytes)
}

fn deflate_at(level: i32, bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < BYTES_MIN {
        return None;
    }
    paying(bytes, zstd::bulk::compress(bytes, level).ok()?)
}

/// Compresses when it pays, with what the other side has already to point at.
pub(crate) fn deflate_after(known: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < BYTES_MIN {
        return None;
    }
    let mut compressor = zstd::bulk::Compressor::with_dictionary(LEVEL, known).ok()?;
    paying(bytes, compressor.compress(bytes).ok()?)
}

fn paying(bytes: &[u8], packed: Vec<u8>) -> Option<Vec<u8>> {
    (packed.len() + bytes.len() / SAVING_DIVISOR < bytes.len()).then_some(packed)
}

/// Inflates exactly one frame to at most `limit` bytes. Memory grows with what comes out, never by
/// a claimed size.
pub(crate) fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, InflateFailed> {
    inflate_after(&[], bytes, limit)
}

/// Inflates what [`deflate_after`] compressed, as [`inflate`] does.
pub(crate) fn inflate_after(
    known: &[u8],
    bytes: &[u8],
    limit: usize,
) -> Result<Vec<u8>, InflateFailed> {
    let decoder = zstd::stream::read::Decoder::with_ref_prefix(bytes, known);
    let mut decoder = decoder.map_err(|_| InflateFailed)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(|_| InflateFailed)?;
    let mut out = Vec::new();
    decoder.by_ref().take(limit as u64 + 1).read_to_end(&mut out).map_err(|_| InflateFailed)?;
    if out.len() > limit || !decoder.finish().is_empty() {
        return Err(InflateFailed);
    }
    Ok(out)
}

/// Inflates the first bytes of a frame, at most so many. Whether the rest is one is not looked at.
pub(crate) fn inflate_begin(bytes: &[u8], count: usize) -> Option<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).ok()?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).ok()?;
    let mut out = Vec::new();
    decoder.take(count as u64).read_to_end(&mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 19).unwrap();
        assert!(bomb.len() < 16 << 10);
        assert_eq!(inflate(&bomb, 1 << 20), Err(InflateFailed));
    }

    #[test]
    fn what_was_deflated_inflates_and_nothing_may_follow() {
        let bytes = b"one line of an inspection record\n".repeat(40);
        let mut packed = deflate(&bytes).unwrap();
        assert_eq!(inflate(&packed, bytes.len()).unwrap(), bytes);
        packed.push(0);
        assert_eq!(inflate(&packed, bytes.len()), Err(InflateFailed));
    }

    #[test]
    fn what_the_other_side_has_takes_no_room() {
        let mut known = vec![0; 20_000];
        blake3::Hasher::new().finalize_xof().fill(&mut known);
        let bytes: Vec<u8> = known.chunks(100).rev().flatten().copied().collect();
        let packed = deflate_after(&known, &bytes).unwrap();
        assert!(packed.len() < 3_000, "{}", packed.len());
        assert_eq!(inflate_after(&known, &packed, bytes.len()).unwrap(), bytes);
        assert_eq!(inflate_after(&known, &packed, bytes.len() - 1), Err(InflateFailed));
        assert_eq!(deflate(&bytes), None);
    }

    #[test]
    fn random_bytes_are_sent_plain() {
        let mut noise = vec![0; 1_000];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        assert_eq!(deflate(&noise), None);
    }
}
