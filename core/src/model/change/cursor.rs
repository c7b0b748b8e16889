//! A reader over foreign bytes that only ever fails: no panic, no allocation.

/// Bits of a number in one LEB128 byte.
const LEB_BITS: u32 = 7;

/// The bytes end early, or a number is out of range or not in its shortest form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The field being read.
    pub(crate) what: &'static str,
}

/// The bytes not yet read.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Cut> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(Cut { what })?;
        self.rest = tail;
        Ok(head)
    }

    /// Reads a length and that many bytes.
    pub(crate) fn prefixed(&mut self, what: &'static str) -> Result<&'a [u8], Cut> {
        let length = self.length(what)?;
        self.take(length, what)
    }

    pub(crate) fn length(&mut self, what: &'static str) -> Result<usize, Cut> {
        usize::try_from(self.uleb(what)?).map_err(|_| Cut { what })
    }

    /// Reads an unsigned number in its shortest form.
    pub(crate) fn uleb(&mut self, what: &'static str) -> Result<u64, Cut> {
        let mut value = 0_u64;
        let mut shift = 0;
        loop {
            let byte = self.take(1, what)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Cut { what });
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let overlong = byte == 0 && shift > 0;
                return if overlong { Err(Cut { what }) } else { Ok(value) };
            }
            shift += LEB_BITS;
            if shift > 63 {
                return Err(Cut { what });
            }
        }
    }

    /// Reads a signed number in its shortest form.
    pub(crate) fn sleb(&mut self, what: &'static str) -> Result<i64, Cut> {
        let mut value = 0_i64;
        let mut shift = 0;
        let mut before = 0_u8;
        loop {
            let byte = self.take(1, what)?[0];
            value |= i64::from(byte & 0x7f) << shift;
            let last = byte & 0x80 == 0;
            if shift == 63 && (!last || (byte != 0 && byte != 0x7f)) {
                return Err(Cut { what });
            }
            if last {
                let overlong = shift > 0
                    && ((byte == 0 && before & 0x40 == 0) || (byte == 0x7f && before & 0x40 != 0));
                if overlong {
                    return Err(Cut { what });
                }
                if shift < 63 - LEB_BITS + 1 && byte & 0x40 != 0 {
                    value |= -1 << (shift + LEB_BITS);
                }
                return Ok(value);
            }
            before = byte;
            shift += LEB_BITS;
        }
    }
}
