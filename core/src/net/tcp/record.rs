//! The records that carry a link's stream over TLS/TCP, where QUIC has frames of its own for it.
//!
//! A record is its kind (one byte), a number (three bytes, little endian) and, for data, as many bytes
//! as the number says. Closing and signs of life so pass between two pieces of a long frame.

use super::super::error::CloseReason;

/// Bytes before each record's content.
pub(super) const HEADER_BYTES: usize = 4;

/// The most bytes in one record: with its header it fills one record of TLS (2^14), so that a piece
/// leaves as soon as it is whole and a word in between waits for no more than that.
pub(super) const DATA_BYTES_MAX: usize = 16 * 1024 - HEADER_BYTES;

/// What one record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// So many bytes of the stream follow, at least one.
    Data(usize),
    /// Nothing more follows in this direction.
    End,
    /// This direction was given up in the middle.
    Reset(CloseReason),
    /// The connection is closed, and why.
    Close(CloseReason),
    /// This end lives, and wants to hear that the other does.
    Ping,
    /// This end lives.
    Alive,
    /// Everything up to the other's [`Record::End`] has arrived.
    Arrived,
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record of kind {kind} with {number} is not one of this protocol")]
pub(super) struct RecordError {
    kind: u8,
    number: u32,
}

const DATA: u8 = 0;
const END: u8 = 1;
const RESET: u8 = 2;
const CLOSE: u8 = 3;
const PING: u8 = 4;
const ALIVE: u8 = 5;
const ARRIVED: u8 = 6;

impl Record {
    pub(super) fn header(self) -> [u8; HEADER_BYTES] {
        let (kind, number) = match self {
            Self::Data(len) => (DATA, u32::try_from(len).unwrap_or(u32::MAX)),
            Self::End => (END, 0),
            Self::Reset(reason) => (RESET, reason.number()),
            Self::Close(reason) => (CLOSE, reason.number()),
            Self::Ping => (PING, 0),
            Self::Alive => (ALIVE, 0),
            Self::Arrived => (ARRIVED, 0),
        };
        debug_assert!(number < 1 << 24, "writers cut data to DATA_BYTES_MAX");
        let [low, middle, high, _] = number.to_le_bytes();
        [kind, low, middle, high]
    }

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError`] for a kind that is not known, and for data that is empty or longer than
    /// [`DATA_BYTES_MAX`]: nothing is allocated for it.
    pub(super) fn parse(header: [u8; HEADER_BYTES]) -> Result<Self, RecordError> {
        let [kind, low, middle, high] = header;
        let number = u32::from_le_bytes([low, middle, high, 0]);
        let wrong = RecordError { kind, number };
        Ok(match (kind, number) {
            (DATA, _) => match usize::try_from(number) {
                Ok(len) if (1..=DATA_BYTES_MAX).contains(&len) => Self::Data(len),
                _ => return Err(wrong),
            },
            (RESET, _) => Self::Reset(CloseReason::of_number(number.into())),
            (CLOSE, _) => Self::Close(CloseReason::of_number(number.into())),
            (END, 0) => Self::End,
            (PING, 0) => Self::Ping,
            (ALIVE, 0) => Self::Alive,
            (ARRIVED, 0) => Self::Arrived,
            _ => return Err(wrong),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_record_reads_back_and_is_the_same_bytes_for_ever() {
        let records = [
            (Record::Data(1), [0, 1, 0, 0]),
            (Record::Data(DATA_BYTES_MAX), [0, 0xfc, 0x3f, 0]),
            (Record::End, [1, 0, 0, 0]),
            (Record::Reset(CloseReason::Abandoned), [2, 1, 0, 0]),
            (Record::Close(CloseReason::NoSession), [3, 8, 0, 0]),
            (Record::Ping, [4, 0, 0, 0]),
            (Record::Alive, [5, 0, 0, 0]),
            (Record::Arrived, [6, 0, 0, 0]),
        ];
        for (record, header) in records {
            assert_eq!(record.header(), header, "{record:?}");
            assert_eq!(Record::parse(header), Ok(record));
        }
    }

    #[test]
    fn data_that_is_empty_or_too_long_is_refused_by_its_header() {
        for header in [[0, 0, 0, 0], [0, 0xfd, 0x3f, 0], [0, 255, 255, 255]] {
            assert!(Record::parse(header).is_err(), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_one_record_or_an_error(header: [u8; HEADER_BYTES]) {
            if let Ok(record) = Record::parse(header) {
                // A reason that this version does not know keeps no number.
                let unknown = matches!(
                    record,
                    Record::Close(CloseReason::Unknown) | Record::Reset(CloseReason::Unknown)
                );
                prop_assert!(unknown || record.header() == header);
            }
        }
    }
}
