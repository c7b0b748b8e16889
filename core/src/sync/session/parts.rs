//! Long packs, cut into frames and joined again. A part proves nothing: only the whole pack is signed
//! for, so parts are held in memory until the last one came, and forgotten if the session ends before.

use std::collections::VecDeque;

use super::SessionError;
use crate::sync::frame::FRAME_FILL_BYTES;
use crate::sync::pack::{LONG_PACK_BYTES_MAX, is_long};

/// A long pack of more than this travels in parts of this length, one per frame: no frame is longer
/// for it, and receiver and sender may do something else between two.
pub const PACK_PART_BYTES: usize = FRAME_FILL_BYTES;

/// One part of a long pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackPart {
    /// From 0.
    pub(super) index: u32,
    /// How many parts there are.
    pub(super) count: u32,
    pub(super) bytes: Vec<u8>,
}

impl PackPart {
    /// Returns whether nothing follows.
    pub(super) fn is_last(&self) -> bool {
        self.index.checked_add(1) == Some(self.count)
    }
}

/// Returns whether a pack travels in parts.
pub(super) fn is_cut(pack: &[u8]) -> bool {
    is_long(pack) && pack.len() > PACK_PART_BYTES
}

/// Cuts a pack.
pub(super) fn cut(pack: &[u8]) -> VecDeque<PackPart> {
    let count = u32::try_from(pack.len().div_ceil(PACK_PART_BYTES)).unwrap_or(u32::MAX);
    let chunks = pack.chunks(PACK_PART_BYTES).zip(0..);
    chunks.map(|(bytes, index)| PackPart { index, count, bytes: bytes.to_vec() }).collect()
}

/// Joins the parts of one pack at a time.
#[derive(Debug, Default)]
pub(super) struct PackJoiner {
    /// How many parts were heard, how many there are, and their bytes.
    current: Option<(u32, u32, Vec<u8>)>,
}

impl PackJoiner {
    /// Takes a part and returns the pack whose last one it was.
    pub(super) fn join(&mut self, part: PackPart) -> Result<Option<Vec<u8>>, SessionError> {
        let (next, count, mut whole) = self.current.take().unwrap_or((0, part.count, Vec::new()));
        // An empty part would be one of endlessly many.
        let fits = part.index == next
            && part.count == count
            && part.index < count
            && !part.bytes.is_empty()
            && whole.len() + part.bytes.len() <= LONG_PACK_BYTES_MAX;
        if !fits {
            return Err(SessionError::Parts);
        }
        whole.extend_from_slice(&part.bytes);
        if part.is_last() {
            return Ok(Some(whole));
        }
        self.current = Some((next + 1, count, whole));
        Ok(None)
    }

    /// Fails while parts are still missing: nothing else may come between them.
    pub(super) fn expect_closed(&self) -> Result<(), SessionError> {
        if self.current.is_some() { Err(SessionError::Parts) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::pack::PACK_VERSION_LONG;

    fn long(length: usize) -> Vec<u8> {
        let mut pack: Vec<u8> = (0..=250_u8).cycle().take(length).collect();
        pack[0] = PACK_VERSION_LONG;
        pack
    }

    #[test]
    fn parts_join_to_the_pack_they_were_cut_from() {
        for length in [PACK_PART_BYTES + 1, 3 * PACK_PART_BYTES, 3 * PACK_PART_BYTES + 7] {
            let pack = long(length);
            assert!(is_cut(&pack));
            let mut joiner = PackJoiner::default();
            let mut whole = None;
            for part in cut(&pack) {
                assert_eq!(whole, None);
                whole = joiner.join(part).unwrap();
            }
            assert_eq!(whole, Some(pack));
            assert!(joiner.expect_closed().is_ok());
        }
    }

    #[test]
    fn parts_out_of_order_of_another_count_empty_or_without_end_are_refused() {
        let parts = cut(&long(3 * PACK_PART_BYTES));
        let [first, second, third] = [0, 1, 2].map(|at| parts[at].clone());
        let wrong = [
            vec![second.clone()],
            vec![first.clone(), third.clone()],
            vec![first.clone(), first.clone()],
            vec![first.clone(), PackPart { count: 4, ..second.clone() }],
            vec![PackPart { bytes: Vec::new(), ..first.clone() }],
            vec![PackPart { index: 0, count: 0, bytes: vec![1] }],
        ];
        for parts in wrong {
            let mut joiner = PackJoiner::default();
            let mut last = Ok(None);
            for part in parts {
                last = joiner.join(part);
            }
            assert!(matches!(last, Err(SessionError::Parts)), "{last:?}");
        }
        let mut joiner = PackJoiner::default();
        let refused = (0..).find_map(|index| {
            let bytes = vec![0; PACK_PART_BYTES];
            joiner.join(PackPart { index, count: u32::MAX, bytes }).err().map(|_| index)
        });
        assert_eq!(refused, u32::try_from(LONG_PACK_BYTES_MAX / PACK_PART_BYTES).ok());
    }
}
