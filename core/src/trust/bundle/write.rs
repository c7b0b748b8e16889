//! Writing a bundle, a chunk at a time.

use std::io::Write;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::chunks::Sealer;
use super::{
    BundleError, CHUNK_BYTES, FORMAT, Head, LETTER_BYTES_MAX, MAGIC, PART_BYTES_MAX, PARTS,
    statement,
};
use crate::model::{DeviceId, Timestamp};
use crate::trust::DeviceKey;

/// Writes what every bundle begins with; letters follow.
///
/// # Errors
///
/// Returns [`BundleError::Io`] when it could not be written.
pub fn begin(out: &mut dyn Write) -> Result<(), BundleError> {
    put(out, &MAGIC)?;
    put(out, &FORMAT.to_le_bytes())
}

/// Writes one letter. It is none before [`LetterWriter::finish`].
pub struct LetterWriter<'a> {
    out: &'a mut dyn Write,
    maker: &'a DeviceKey,
    encapsulated: [u8; 32],
    sealer: Sealer,
    /// Plain bytes that do not fill a chunk yet.
    open: Zeroizing<Vec<u8>>,
    said: blake3::Hasher,
    pub(super) bytes: u64,
}

impl<'a> LetterWriter<'a> {
    /// Begins a letter. `entropy` is random, and never used twice: with it the letter can be opened.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError::Maker`] when the receiver's name is no key, and [`BundleError::Io`] when it
    /// could not be written.
    pub fn new(
        out: &'a mut dyn Write,
        maker: &'a DeviceKey,
        receiver: DeviceId,
        made_at: Timestamp,
        entropy: &[u8; 32],
    ) -> Result<Self, BundleError> {
        let head = Head { maker: maker.device(), receiver, made_at };
        Self::with_head(out, maker, receiver, (&head, PARTS), entropy)
    }

    /// Begins a letter that says this of itself, with parts of this version. Tests pretend with it.
    pub(crate) fn with_head(
        out: &'a mut dyn Write,
        maker: &'a DeviceKey,
        receiver: DeviceId,
        (head, parts): (&Head, u8),
        entropy: &[u8; 32],
    ) -> Result<Self, BundleError> {
        let (sealer, encapsulated) = Sealer::new(receiver, entropy)?;
        put(out, &encapsulated)?;
        let open = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
        let said = blake3::Hasher::new();
        let mut letter = Self { out, maker, encapsulated, sealer, open, said, bytes: 0 };
        let head = postcard::to_extend(head, vec![parts])
            .map_err(|source| BundleError::Encode { source })?;
        letter.part(&head)?;
        Ok(letter)
    }

    /// Adds a part.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError::TooLarge`] when it is empty or over a limit, and [`BundleError::Io`] when it
    /// could not be written.
    pub fn part(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        if bytes.is_empty() || bytes.len() > PART_BYTES_MAX {
            let (what, limit) = ("bytes of a part", PART_BYTES_MAX as u64);
            return Err(BundleError::TooLarge { what, limit });
        }
        self.bytes += bytes.len() as u64 + 4;
        if self.bytes > LETTER_BYTES_MAX {
            return Err(BundleError::TooLarge { what: "bytes", limit: LETTER_BYTES_MAX });
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.say(&length)?;
        self.say(bytes)
    }

    /// Signs and ends the letter.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError::Io`] when it could not be written.
    pub fn finish(mut self) -> Result<(), BundleError> {
        self.say(&0_u32.to_le_bytes())?;
        let said = self.said.finalize();
        let signature = self.maker.sign(&statement(&self.encapsulated, &said));
        self.say(&signature.0)?;
        self.flush(true)?;
        put(self.out, &0_u32.to_le_bytes())
    }

    fn say(&mut self, mut bytes: &[u8]) -> Result<(), BundleError> {
        self.said.update(bytes);
        while !bytes.is_empty() {
            if self.open.len() == CHUNK_BYTES {
                self.flush(false)?;
            }
            let (now, rest) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.open.len()));
            self.open.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    fn flush(&mut self, last: bool) -> Result<(), BundleError> {
        let sealed = self.sealer.seal(&self.open, last)?;
        self.open.clear();
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_le_bytes();
        put(self.out, &length)?;
        put(self.out, &sealed)
    }
}

fn put(out: &mut dyn Write, bytes: &[u8]) -> Result<(), BundleError> {
    out.write_all(bytes)
        .map_err(|source| BundleError::Io { action: "written", source: Arc::new(source) })
}
