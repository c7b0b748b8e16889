//! Reading a bundle, a chunk at a time.

use std::cmp::Ordering;
use std::io::{ErrorKind, Read};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::chunks::{Opener, TAG_BYTES};
use super::{
    BundleError, CHUNK_BYTES, FORMAT, Head, LETTER_BYTES_MAX, LETTERS_MAX, MAGIC, PART_BYTES_MAX,
    PARTS, statement,
};
use crate::trust::{DeviceKey, Signature, verify};

/// Reads the letter of one device.
///
/// What it gives is the receiver's alone, and whole chunk by chunk; that the maker signed for it is known
/// when the last part was read. So read it once to its end ([`LetterReader::check`]) before anything of it
/// is used, and then again ([`LetterReader::again`]).
pub struct LetterReader<R> {
    input: R,
    head: Head,
    encapsulated: [u8; 32],
    opener: Opener,
    /// Opened and not given yet, from `at` on.
    open: Zeroizing<Vec<u8>>,
    at: usize,
    /// The last chunk was opened.
    last: bool,
    ended: bool,
    said: blake3::Hasher,
    pub(super) bytes: u64,
}

/// A letter that was read to its end: whole, and its maker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    head: Head,
    encapsulated: [u8; 32],
}

impl Checked {
    /// Returns what the letter says of itself.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }
}

impl<R: Read> LetterReader<R> {
    /// Looks for a letter that was checked, to read it once more. What this gives was sealed by the same
    /// maker: nobody else has what chunks under that letter's key are made with.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError::Exchanged`] when another letter stands in its place, and as
    /// [`LetterReader::find`].
    pub fn again(input: R, key: &DeviceKey, checked: &Checked) -> Result<Self, BundleError> {
        let letter = Self::find(input, key)?;
        if (letter.encapsulated, letter.head) != (checked.encapsulated, checked.head) {
            return Err(BundleError::Exchanged);
        }
        Ok(letter)
    }

    /// Looks for the letter of a device.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError::Magic`], [`BundleError::Older`] and [`BundleError::Version`] when these are no
    /// bytes of a bundle that this program reads, [`BundleError::Newer`] when the letter says what only a later one understands,
    /// [`BundleError::NotForThis`] when no letter opens, and as [`LetterReader::next_part`].
    pub fn find(mut input: R, key: &DeviceKey) -> Result<Self, BundleError> {
        let mut begin = [0; 12];
        let length = fill(&mut input, &mut begin)?;
        if length < begin.len() || begin[..8] != MAGIC {
            return Err(BundleError::Magic);
        }
        let mut found = [0; 4];
        found.copy_from_slice(&begin[8..]);
        let found = u32::from_le_bytes(found);
        match found.cmp(&FORMAT) {
            Ordering::Less => return Err(BundleError::Older { found, known: FORMAT }),
            Ordering::Greater => return Err(BundleError::Version { found, known: FORMAT }),
            Ordering::Equal => {}
        }
        // One more, to see whether it ends there.
        for count in 0..=LETTERS_MAX {
            let mut encapsulated = [0; 32];
            match fill(&mut input, &mut encapsulated)? {
                0 => return Err(BundleError::NotForThis),
                _ if count == LETTERS_MAX => break,
                32 => {}
                _ => return Err(BundleError::Cut),
            }
            let Some(first) = chunk(&mut input)? else {
                return Err(BundleError::Damaged { what: "an empty letter" });
            };
            let opened = Opener::new(key, &encapsulated)
                .and_then(|mut opener| Some((opener.open(&first)?, opener)));
            if let Some(((open, last), opener)) = opened {
                return Self::begin(input, key, encapsulated, opener, (open, last));
            }
            while chunk(&mut input)?.is_some() {}
        }
        Err(BundleError::TooLarge { what: "letters", limit: LETTERS_MAX as u64 })
    }

    fn begin(
        input: R,
        key: &DeviceKey,
        encapsulated: [u8; 32],
        opener: Opener,
        (open, last): (Vec<u8>, bool),
    ) -> Result<Self, BundleError> {
        let device = key.device();
        let head = Head { maker: device, receiver: device, made_at: crate::model::Timestamp(0) };
        let (open, said) = (Zeroizing::new(open), blake3::Hasher::new());
        let (at, ended, bytes) = (0, false, 0);
        let mut letter =
            Self { input, head, encapsulated, opener, open, at, last, ended, said, bytes };
        let head = letter.next_part()?.ok_or(BundleError::Damaged { what: "its head" })?;
        letter.head = read_head(&head)?;
        if letter.head.receiver != device {
            return Err(BundleError::Damaged { what: "a letter for another device" });
        }
        Ok(letter)
    }

    /// Returns what the letter says of itself.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Returns the next part, or nothing behind the last one: the maker's signature holds then.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError::Damaged`] or [`BundleError::Cut`] when it does not hold together,
    /// [`BundleError::TooLarge`] over a limit, [`BundleError::Maker`] when the signature is not the
    /// maker's, and [`BundleError::Io`] when it could not be read.
    pub fn next_part(&mut self) -> Result<Option<Vec<u8>>, BundleError> {
        if self.ended {
            return Ok(None);
        }
        let length = self.hear(4)?;
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&length);
        let length = usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX);
        if length == 0 {
            return self.end().map(|()| None);
        }
        if length > PART_BYTES_MAX {
            let (what, limit) = ("bytes of a part", PART_BYTES_MAX as u64);
            return Err(BundleError::TooLarge { what, limit });
        }
        self.bytes += length as u64 + 4;
        if self.bytes > LETTER_BYTES_MAX {
            return Err(BundleError::TooLarge { what: "bytes", limit: LETTER_BYTES_MAX });
        }
        self.hear(length).map(Some)
    }

    /// Reads to the end, keeping nothing.
    ///
    /// # Errors
    ///
    /// As [`LetterReader::next_part`].
    pub fn check(&mut self) -> Result<Checked, BundleError> {
        while self.next_part()?.is_some() {}
        Ok(Checked { head: self.head, encapsulated: self.encapsulated })
    }

    fn end(&mut self) -> Result<(), BundleError> {
        let said = self.said.finalize();
        let signed = self.hear(64)?;
        if !self.last || self.at != self.open.len() || chunk(&mut self.input)?.is_some() {
            return Err(BundleError::Damaged { what: "more behind its end" });
        }
        let mut signature = [0; 64];
        signature.copy_from_slice(&signed);
        verify(
            self.head.maker,
            &statement(&self.encapsulated, &said),
            &Signature(signature),
            "bundle",
        )
        .map_err(|source| BundleError::Maker { source })?;
        self.ended = true;
        Ok(())
    }

    /// Returns the next plain bytes. Memory grows with what really comes.
    fn hear(&mut self, length: usize) -> Result<Vec<u8>, BundleError> {
        let mut heard = Vec::with_capacity(length.min(CHUNK_BYTES));
        while heard.len() < length {
            if self.at == self.open.len() {
                if self.last {
                    return Err(BundleError::Damaged { what: "a part that does not end" });
                }
                let sealed = chunk(&mut self.input)?.ok_or(BundleError::Cut)?;
                let opened = self.opener.open(&sealed);
                let (open, last) = opened.ok_or(BundleError::Damaged { what: "a chunk" })?;
                (self.open, self.at, self.last) = (Zeroizing::new(open), 0, last);
            }
            let now = (length - heard.len()).min(self.open.len() - self.at);
            heard.extend_from_slice(&self.open[self.at..self.at + now]);
            self.at += now;
        }
        self.said.update(&heard);
        Ok(heard)
    }
}

/// Reads the head of a letter. Its version comes first: of a later one nothing else is to be guessed.
fn read_head(bytes: &[u8]) -> Result<Head, BundleError> {
    let damaged = BundleError::Damaged { what: "its head" };
    match bytes.split_first() {
        Some((&PARTS, head)) => postcard::from_bytes(head).map_err(|_| damaged),
        Some((&found, _)) if found > PARTS => {
            let what = "parts of version";
            Err(BundleError::Newer { what, found: found.into(), known: PARTS.into() })
        }
        _ => Err(damaged),
    }
}

/// Returns the next sealed chunk of a letter; nothing behind its last.
fn chunk(input: &mut impl Read) -> Result<Option<Vec<u8>>, BundleError> {
    let mut length = [0; 4];
    if fill(input, &mut length)? < length.len() {
        return Err(BundleError::Cut);
    }
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length == 0 {
        return Ok(None);
    }
    if !(TAG_BYTES + 1..=TAG_BYTES + CHUNK_BYTES).contains(&length) {
        return Err(BundleError::Damaged { what: "the length of a chunk" });
    }
    let mut bytes = vec![0; length];
    match fill(input, &mut bytes)? == length {
        true => Ok(Some(bytes)),
        false => Err(BundleError::Cut),
    }
}

/// Reads until a buffer is full or the input ends; returns how much came.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize, BundleError> {
    let mut length = 0;
    while length < buffer.len() {
        match input.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(BundleError::Io { action: "read", source: Arc::new(source) });
            }
        }
    }
    Ok(length)
}
