//! A head of a hub's log, as one device keeps it, for use as a witness somewhere else.

use crate::model::{DeviceId, Timestamp};
use crate::trust::Signature;
use crate::trust::log::TreeHead;
use crate::trust::merkle::TreeHash;

/// What a line begins with.
const PREFIX: &str = "bienban-head-1:";

/// Bytes behind it, as hexadecimal digits: hub, epoch, size, time, root, signature.
const HEAD_BYTES: usize = 32 + 16 + 8 + 8 + 32 + 64;

/// Heads that one file may hold: two for each life of a hub's store.
pub const HEAD_LINES_MAX: usize = 64;

/// A head that a hub signed, and by which key. It travels as one line of text, so that it can be printed,
/// or sent in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WitnessHead {
    /// The hub's key.
    pub hub: DeviceId,
    /// The head.
    pub head: TreeHead,
}

impl WitnessHead {
    /// Returns the line.
    #[must_use]
    pub fn to_text(&self) -> String {
        let head = &self.head;
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend_from_slice(&self.hub.0);
        bytes.extend_from_slice(&head.epoch);
        bytes.extend_from_slice(&head.size.to_le_bytes());
        bytes.extend_from_slice(&head.at.0.to_le_bytes());
        bytes.extend_from_slice(&head.root.0);
        bytes.extend_from_slice(&head.signature.0);
        format!("{PREFIX}{}", hex::encode(bytes))
    }

    /// Reads a line. Whether the hub signed it is for [`TreeHead::verify`] to say.
    #[must_use]
    pub fn from_text(line: &str) -> Option<Self> {
        let bytes = hex::decode(line.trim().strip_prefix(PREFIX)?).ok()?;
        if bytes.len() != HEAD_BYTES {
            return None;
        }
        let (hub, rest) = bytes.split_first_chunk::<32>()?;
        let (epoch, rest) = rest.split_first_chunk::<16>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let (root, rest) = rest.split_first_chunk::<32>()?;
        let signature = Signature(rest.try_into().ok()?);
        let head = TreeHead {
            epoch: *epoch,
            size: u64::from_le_bytes(*size),
            root: TreeHash(*root),
            at: Timestamp(i64::from_le_bytes(*at)),
            signature,
        };
        Some(Self { hub: DeviceId(*hub), head })
    }

    /// Reads a file of such lines; `None` where it holds none, too many, or anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Vec<Self>> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let heads: Vec<Self> =
            lines.take(HEAD_LINES_MAX + 1).map(Self::from_text).collect::<Option<_>>()?;
        (!heads.is_empty() && heads.len() <= HEAD_LINES_MAX).then_some(heads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::DeviceKey;

    #[test]
    fn a_head_reads_back_from_its_line_and_no_changed_line_is_signed() {
        let key = DeviceKey::from_seed(&[1; 32]);
        let head = TreeHead::sign(&key, [2; 16], (3, TreeHash([4; 32])), Timestamp(5));
        let line = WitnessHead { hub: key.device(), head }.to_text();
        assert_eq!(WitnessHead::read(&format!("{line}\r\n\n")).unwrap()[0].head, head);
        for at in PREFIX.len()..line.len() {
            let mut changed = line.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let read = WitnessHead::from_text(&String::from_utf8(changed).unwrap());
            assert!(read.is_none_or(|read| read.head.verify(read.hub).is_err()), "at {at}");
        }
        assert_eq!(WitnessHead::read("anything else"), None);
    }
}
