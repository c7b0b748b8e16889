//! The recorder's log, read.

use std::fs;
use std::path::Path;

const HEAD_BYTES: usize = 25;

/// A log in memory.
pub(crate) struct Log {
    bytes: Vec<u8>,
}

/// One call of the recorded program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    Create { inode: u64, path: &'a str },
    Mkdir { path: &'a str },
    Write { inode: u64, offset: usize, data: &'a [u8] },
    Truncate { inode: u64, length: usize },
    Sync { inode: u64 },
    SyncFolder { path: &'a str },
    Rename { from: &'a str, to: &'a str },
    Unlink { path: &'a str },
    Rmdir { path: &'a str },
    Ack { text: &'a str },
    SyncFailed { inode: u64 },
}

impl Log {
    /// Reads a log file.
    pub(crate) fn read(path: &Path) -> Self {
        Self { bytes: fs::read(path).unwrap() }
    }

    /// The events, in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = Event<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (event, later) = next(rest)?;
            rest = later;
            Some(event)
        })
    }

    /// The acknowledgements among the first `count` events.
    pub(crate) fn acks(&self, count: usize) -> Vec<&str> {
        let acks = self.events().take(count).filter_map(|event| match event {
            Event::Ack { text } => Some(text.trim_end()),
            _ => None,
        });
        acks.collect()
    }
}

fn next(bytes: &[u8]) -> Option<(Event<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let number = |at: usize, length: usize| {
        head[at..at + length].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let length = |at, bytes| usize::try_from(number(at, bytes)).unwrap();
    let (inode, offset) = (number(1, 8), length(9, 8));
    let (path, rest) = rest.split_at_checked(length(21, 2))?;
    let (to, rest) = rest.split_at_checked(length(23, 2))?;
    let has_data = matches!(head[0], 3 | 10);
    let (data, rest) = rest.split_at_checked(if has_data { length(17, 4) } else { 0 })?;
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    let (path, to) = (text(path), text(to));
    let event = match head[0] {
        1 => Event::Create { inode, path },
        2 => Event::Mkdir { path },
        3 => Event::Write { inode, offset, data },
        4 => Event::Truncate { inode, length: offset },
        5 => Event::Sync { inode },
        6 => Event::SyncFolder { path },
        7 => Event::Rename { from: path, to },
        8 => Event::Unlink { path },
        9 => Event::Rmdir { path },
        10 => Event::Ack { text: text(data) },
        11 => Event::SyncFailed { inode },
        op => panic!("the recorder writes no entry of kind {op}"),
    };
    Some((event, rest))
}
