//! The bytes of one journal record and of a segment's header, and the hash that chains them.
//!
//! Pure encoding and decoding; where the bytes lie is said by the journals. `docs/store-format.md`
//! holds the tables. All numbers are little endian.

use super::sealing::{NONCE_BYTES, Seal, TAG_BYTES};
use super::{Position, RECORD_BYTES_MAX, Record};

/// The newest journal format that this program writes and reads. Records of format 1 bear no mark;
/// those of format 3 are sealed; those of format 4 may be shorter than they were written, plain or sealed.
pub(super) const FORMAT: u32 = 4;

/// The format of a segment whose records are sealed.
const SEALED_FORMAT: u32 = 3;

/// The format of a segment whose records are plain.
const PLAIN_FORMAT: u32 = 2;

/// Length of a record's header.
pub(super) const ENTRY_HEADER_BYTES: usize = 72;

/// Length of a segment's header.
pub(super) const SEGMENT_HEADER_BYTES: usize = 128;

/// The most records that are written before one sync, so that a record can say in two bytes how far
/// back the first of its group is.
pub(super) const GROUP_RECORDS_MAX: usize = 0xffff;

const ENTRY_MAGIC: [u8; 2] = *b"Bj";
const SEGMENT_MAGIC: [u8; 8] = *b"BIENBANJ";

/// The record is the last of its commit.
const FLAG_LAST: u8 = 1;
/// The record stands for one that was lost; it has no payload.
const FLAG_LOST: u8 = 2;

/// What is bound to a sealed record's payload: all that its header says before the nonce.
const BOUND_BYTES: usize = 24;
/// Where the key's name lies in a record's header.
const KEY_AT: usize = 20;

/// Where the stored part of the chain begins in a record's header; what lies before it is chained.
const CHAIN_AT: usize = 48;
/// How much of the chain a record's header repeats: enough that no accident passes, short enough
/// for a phone.
const CHAIN_STORED_BYTES: usize = 16;
/// Where the store's mark lies in a record's header.
const MARK_AT: usize = 64;
/// Where the checksum lies in a record's header.
const CRC_AT: usize = 68;
/// Where the checksum lies in a segment's header.
const SEGMENT_CRC_AT: usize = 124;
/// Where the header of a shortened segment names the head that it had before: position and chain.
const CLOSING_AT: usize = 80;

/// The hash of everything up to a record. Damage changes it, and so does another history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain(pub(super) [u8; 32]);

impl Chain {
    /// The chain of an empty journal.
    pub(super) fn start(store: StoreId) -> Self {
        Self(blake3::derive_key("bienban 2026-11 journal chain", &store.0))
    }

    fn after(&self, header: &[u8], payload: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(header);
        hasher.update(payload);
        Self(*hasher.finalize().as_bytes())
    }
}

/// Names one store, so that files of two stores are never mixed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoreId(pub(super) [u8; 16]);

/// Tells records that this store wrote from bytes that only look like one. A payload may hold what
/// another device sent, verbatim, a whole record with a good checksum included; where the chain is
/// broken, that must not be taken for ours. The name of a store never leaves it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marker([u8; 32]);

impl Marker {
    /// Returns the marker of a store.
    pub(super) fn of(store: StoreId) -> Self {
        Self(blake3::derive_key("bienban 2026-11 journal record mark", &store.0))
    }

    /// Returns the mark of a record, given its header up to the mark. The header holds the chain, and
    /// so what the record says.
    fn mark(&self, header: &[u8]) -> [u8; CRC_AT - MARK_AT] {
        let hash = blake3::keyed_hash(&self.0, header);
        let mut mark = [0; CRC_AT - MARK_AT];
        mark.copy_from_slice(&hash.as_bytes()[..CRC_AT - MARK_AT]);
        mark
    }

    /// Returns whether the record that begins `bytes` bears the store's mark, or none where `unmarked`
    /// ones are known to be.
    pub(super) fn is_on(&self, bytes: &[u8], unmarked: bool) -> bool {
        let Some((header, rest)) = bytes.split_at_checked(MARK_AT) else { return false };
        let Some(mark) = rest.get(..CRC_AT - MARK_AT) else { return false };
        mark == self.mark(header) || (unmarked && mark == [0; CRC_AT - MARK_AT])
    }
}

/// Where a journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The last record; 0 when there is none.
    pub(super) position: Position,
    /// The chain up to it.
    pub(super) chain: Chain,
}

impl Head {
    /// The head of an empty journal.
    pub(super) fn start(store: StoreId) -> Self {
        Self { position: Position(0), chain: Chain::start(store) }
    }
}

/// One record as it lies in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its place.
    pub(super) position: Position,
    /// How many records before it the first of its group is. A group is written only after the
    /// sync of the one before, so all that lies before its first record had been durable.
    pub(super) group_offset: u16,
    /// Nothing more belongs to its commit.
    pub(super) last: bool,
    /// It stands for a record that neither journal nor index had any more.
    pub(super) lost: bool,
    /// What seals it; none of a plain one.
    pub(super) seal: Option<Seal>,
    /// What it says; its payload as it lies on disk, so sealed where there is a seal.
    pub(super) record: Record,
}

impl Entry {
    /// A stand-in for a record that is gone.
    pub(super) fn lost(position: Position) -> Self {
        let record = Record { kind: 0, payload: Vec::new() };
        Self { position, group_offset: 0, last: true, lost: true, seal: None, record }
    }

    /// Bytes that it takes.
    pub(super) fn len(&self) -> usize {
        ENTRY_HEADER_BYTES + self.record.payload.len()
    }

    /// Returns whether bytes are the beginning of it as it was written, when it may have been longer, and end
    /// before its end; of what it says nothing is compared.
    pub(super) fn is_begun_by(&self, bytes: &[u8]) -> bool {
        let Some(header) = bytes.get(..ENTRY_HEADER_BYTES) else {
            let most = bytes.len().min(ENTRY_MAGIC.len() + 1);
            return bytes[..most] == [ENTRY_MAGIC[0], ENTRY_MAGIC[1], self.record.kind][..most];
        };
        let length = usize::try_from(u32_at(header, 4)).unwrap_or(usize::MAX);
        header[0..2] == ENTRY_MAGIC
            && header[2] == self.record.kind
            && u64_at(header, 8) == self.position.0
            && length >= self.record.payload.len()
            && length <= RECORD_BYTES_MAX + TAG_BYTES
            && bytes.len() - ENTRY_HEADER_BYTES < length
    }

    /// Returns its bytes and the chain after it.
    pub(super) fn encode(&self, before: &Chain, marker: &Marker) -> (Vec<u8>, Chain) {
        let payload = &self.record.payload;
        let mut bytes = vec![0; ENTRY_HEADER_BYTES];
        let key = self.seal.map_or(0, |seal| seal.key);
        bytes[..BOUND_BYTES].copy_from_slice(&self.bound(payload.len(), key));
        if let Some(seal) = self.seal {
            bytes[BOUND_BYTES..CHAIN_AT].copy_from_slice(&seal.nonce);
        }
        let after = before.after(&bytes[..CHAIN_AT], payload);
        bytes[CHAIN_AT..CHAIN_AT + CHAIN_STORED_BYTES]
            .copy_from_slice(&after.0[..CHAIN_STORED_BYTES]);
        let mark = marker.mark(&bytes[..MARK_AT]);
        bytes[MARK_AT..CRC_AT].copy_from_slice(&mark);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..CRC_AT]), payload);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(payload);
        (bytes, after)
    }

    /// Returns the header before the nonce, for a payload of a length and a key (0 for none).
    pub(super) fn bound(&self, length: usize, key: u32) -> [u8; BOUND_BYTES] {
        let length = u32::try_from(length).expect("a record is checked against its limit");
        let mut bytes = [0; BOUND_BYTES];
        bytes[0..2].copy_from_slice(&ENTRY_MAGIC);
        bytes[2] = self.record.kind;
        bytes[3] = (u8::from(self.last) * FLAG_LAST) | (u8::from(self.lost) * FLAG_LOST);
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.position.0.to_le_bytes());
        bytes[16..18].copy_from_slice(&self.group_offset.to_le_bytes());
        // 18..20 are free.
        bytes[KEY_AT..BOUND_BYTES].copy_from_slice(&key.to_le_bytes());
        bytes
    }

    /// Reads the record that begins `bytes`, if it is whole and its checksum holds. More bytes may
    /// follow. Whether it continues a certain chain is said by [`chain_after`], and whether this store
    /// wrote it by [`Marker::is_on`].
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..ENTRY_HEADER_BYTES)?;
        if header[0..2] != ENTRY_MAGIC {
            return None;
        }
        let length = usize::try_from(u32_at(header, 4)).ok()?;
        let key = key_of(header);
        let seal_bytes = if key == 0 { 0 } else { TAG_BYTES };
        if length > RECORD_BYTES_MAX + seal_bytes {
            return None;
        }
        let payload = bytes.get(ENTRY_HEADER_BYTES..ENTRY_HEADER_BYTES + length)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..CRC_AT]), payload);
        if crc != u32_at(header, CRC_AT) || header[3] & !(FLAG_LAST | FLAG_LOST) != 0 {
            return None;
        }
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&header[BOUND_BYTES..CHAIN_AT]);
        Some(Self {
            seal: (key != 0).then_some(Seal { key, nonce }),
            position: Position(u64_at(header, 8)),
            group_offset: u16::from_le_bytes([header[16], header[17]]),
            last: header[3] & FLAG_LAST != 0,
            lost: header[3] & FLAG_LOST != 0,
            record: Record { kind: header[2], payload: payload.to_vec() },
        })
    }
}

/// Returns the name of the key that seals the record whose header begins `bytes`, whole or not; 0 where
/// it is plain, or there is no such header.
fn key_of(bytes: &[u8]) -> u32 {
    match bytes.get(..BOUND_BYTES) {
        Some(header) if header[0..2] == ENTRY_MAGIC => u32_at(header, KEY_AT),
        _ => 0,
    }
}

/// Returns the chain after the record that `bytes` hold (exactly one, already decoded), or `None`
/// when it was written after something other than `before`.
pub(super) fn chain_after(bytes: &[u8], before: &Chain) -> Option<Chain> {
    let (header, payload) = bytes.split_at_checked(ENTRY_HEADER_BYTES)?;
    let after = before.after(&header[..CHAIN_AT], payload);
    let stored = &header[CHAIN_AT..CHAIN_AT + CHAIN_STORED_BYTES];
    (after.0[..CHAIN_STORED_BYTES] == *stored).then_some(after)
}

/// What a segment file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The store that it belongs to.
    pub(super) store: StoreId,
    /// Its number; the first is 1.
    pub(super) number: u64,
    /// The head of the segment before it.
    pub(super) before: Head,
    /// The key that seals its records; 0 where they are plain.
    pub(super) key: u32,
    /// What became of its records since they were written.
    pub(super) form: Form,
}

/// Whether a segment's records are as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// They are.
    Written,
    /// Some may be shorter; they were taken over so from another segment.
    Short,
    /// Some are shorter: they have a chain of their own, and the next segment continues the head that
    /// this one had when it was written.
    Shortened(Head),
}

impl Form {
    /// Returns the head that a later segment continues, where the records' own chain does not lead to it.
    pub(super) fn closing(self) -> Option<Head> {
        match self {
            Self::Shortened(head) => Some(head),
            Self::Written | Self::Short => None,
        }
    }

    /// Returns the chain after a record of the segment, given what its own bytes say.
    pub(super) fn after(self, position: Position, chain: Chain) -> Chain {
        self.closing().filter(|head| head.position == position).map_or(chain, |head| head.chain)
    }
}

/// Why a segment's header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Its checksum fails, or it is cut short.
    Damaged,
    /// It was written by a newer program.
    Newer(u32),
}

impl SegmentHeader {
    /// Returns its bytes.
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(&SEGMENT_MAGIC);
        let format = match (self.form, self.key) {
            (Form::Written, 0) => PLAIN_FORMAT,
            (Form::Written, _) => SEALED_FORMAT,
            (Form::Short | Form::Shortened(_), _) => FORMAT,
        };
        bytes[8..12].copy_from_slice(&format.to_le_bytes());
        bytes[12..28].copy_from_slice(&self.store.0);
        bytes[28..36].copy_from_slice(&self.number.to_le_bytes());
        bytes[36..44].copy_from_slice(&self.before.position.0.to_le_bytes());
        bytes[44..76].copy_from_slice(&self.before.chain.0);
        bytes[76..80].copy_from_slice(&self.key.to_le_bytes());
        if let Some(head) = self.form.closing() {
            bytes[CLOSING_AT..CLOSING_AT + 8].copy_from_slice(&head.position.0.to_le_bytes());
            bytes[CLOSING_AT + 8..CLOSING_AT + 40].copy_from_slice(&head.chain.0);
        }
        let crc = crc32c::crc32c(&bytes[..SEGMENT_CRC_AT]);
        bytes[SEGMENT_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Returns the format of the header that begins `bytes`, if it can be read.
    pub(super) fn format(bytes: &[u8]) -> Option<u32> {
        Self::decode(bytes).ok().map(|_| u32_at(bytes, 8))
    }

    /// Reads the header that begins `bytes`. Magic, format, length and checksum keep their places
    /// in every format, so that a newer one is told from a damaged one.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let header = bytes.get(..SEGMENT_HEADER_BYTES).ok_or(HeaderFault::Damaged)?;
        let crc = crc32c::crc32c(&header[..SEGMENT_CRC_AT]);
        if header[0..8] != SEGMENT_MAGIC || crc != u32_at(header, SEGMENT_CRC_AT) {
            return Err(HeaderFault::Damaged);
        }
        let format = u32_at(header, 8);
        if format > FORMAT {
            return Err(HeaderFault::Newer(format));
        }
        let mut store = [0; 16];
        store.copy_from_slice(&header[12..28]);
        let mut chain = [0; 32];
        chain.copy_from_slice(&header[44..76]);
        let mut closing = [0; 32];
        closing.copy_from_slice(&header[CLOSING_AT + 8..CLOSING_AT + 40]);
        let form = match (format, u64_at(header, CLOSING_AT)) {
            (FORMAT, 0) => Form::Short,
            (FORMAT, position) => {
                Form::Shortened(Head { position: Position(position), chain: Chain(closing) })
            }
            _ => Form::Written,
        };
        Ok(Self {
            store: StoreId(store),
            number: u64_at(header, 28),
            before: Head { position: Position(u64_at(header, 36)), chain: Chain(chain) },
            key: u32_at(header, 76),
            form,
        })
    }
}

/// Reads a number; the caller has checked that the bytes are there.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// Reads a number; the caller has checked that the bytes are there.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(position: u64, payload: Vec<u8>) -> Entry {
        Entry {
            position: Position(position),
            group_offset: 3,
            last: true,
            lost: false,
            seal: Some(Seal { key: 5, nonce: [6; NONCE_BYTES] }),
            record: Record { kind: 7, payload },
        }
    }

    proptest! {
        #[test]
        fn an_encoded_entry_decodes_to_itself(payload in proptest::collection::vec(any::<u8>(), 0..300), position in 1_u64..) {
            let before = Chain::start(StoreId([1; 16]));
            let entry = entry(position, payload);
            let marker = Marker::of(StoreId([1; 16]));
            let (bytes, after) = entry.encode(&before, &marker);
            prop_assert!(marker.is_on(&bytes, false));
            prop_assert!(!Marker::of(StoreId([2; 16])).is_on(&bytes, true));
            prop_assert_eq!(bytes.len(), entry.len());
            prop_assert_eq!(Entry::decode(&bytes), Some(entry));
            prop_assert_eq!(chain_after(&bytes, &before), Some(after));
            prop_assert_eq!(chain_after(&bytes, &after), None);
        }

        #[test]
        fn a_flipped_bit_in_an_entry_is_seen(bit in 0_usize..(ENTRY_HEADER_BYTES + 40) * 8) {
            let (mut bytes, _) = entry(5, vec![9; 40]).encode(&Chain([4; 32]), &Marker::of(StoreId([1; 16])));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Entry::decode(&bytes), None);
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Entry::decode(&bytes));
            let known = SegmentHeader::decode(&bytes).is_ok();
            prop_assert!(!known && chain_after(&bytes, &Chain([0; 32])).is_none());
        }

        #[test]
        fn a_flipped_bit_in_a_segment_header_is_seen(bit in 0_usize..SEGMENT_HEADER_BYTES * 8, form in 0..3) {
            let form = match form {
                0 => Form::Written,
                1 => Form::Short,
                _ => Form::Shortened(Head { position: Position(12), chain: Chain([7; 32]) }),
            };
            let header = SegmentHeader {
                store: StoreId([2; 16]),
                number: 3,
                before: Head { position: Position(9), chain: Chain([8; 32]) },
                key: 4,
                form,
            };
            let mut bytes = header.encode();
            prop_assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderFault::Damaged));
        }
    }

    #[test]
    fn a_newer_segment_is_told_from_a_damaged_one() {
        let header = SegmentHeader {
            store: StoreId([2; 16]),
            number: 1,
            before: Head::start(StoreId([2; 16])),
            key: 0,
            form: Form::Written,
        };
        let mut bytes = header.encode();
        bytes[8..12].copy_from_slice(&(FORMAT + 1).to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..SEGMENT_CRC_AT]);
        bytes[SEGMENT_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderFault::Newer(FORMAT + 1)));
    }
}
