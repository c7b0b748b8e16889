//! Merging in child processes of this program: what Automerge does with foreign bytes may end one of
//! them and never the hub.
//!
//! `pool` is the hub's end, `worker` the child's. Between them go frames of limited length. The child
//! limits itself before it reads a foreign byte; the hub watches the clock.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use bienban_core::replica::{JOB_BYTES_MAX, WORK_VERSION};

mod pool;
mod worker;

pub use pool::ChildMerger;
pub use worker::Hook;
pub(crate) use worker::serve;

/// The name of the hidden command that a child runs.
pub(crate) const COMMAND: &str = "merge-worker";

/// How many times the processor time a merge may use it may last: a child that waits for a busy machine
/// is not taken for one that hangs.
pub(crate) const WALL_FACTOR: u32 = 12;

/// How merges are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// Where the hub runs: for tests.
    InProcess,
    /// In child processes.
    Children(MergeConfig),
}

/// What children that merge may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeConfig {
    /// How many there are at most, and so how many documents are merged at once.
    pub workers: usize,
    /// Memory of each, in MiB.
    pub memory_mib: u64,
    /// Processor time that one merge may use, in seconds; it may last twelve times as long by the clock.
    pub cpu_seconds: u64,
    /// The program; none for the one that runs.
    pub program: Option<PathBuf>,
}

impl Default for MergeConfig {
    fn default() -> Self {
        Self { workers: 2, memory_mib: 512, cpu_seconds: 10, program: None }
    }
}

/// What a child says first. Both ends are the same program, unless it was replaced meanwhile.
fn hello() -> Vec<u8> {
    format!("bienban merge {WORK_VERSION} {}", env!("CARGO_PKG_VERSION")).into_bytes()
}

/// The longest frame of a job: it, and the kind of it before it.
const FRAME_BYTES_MAX: usize = JOB_BYTES_MAX + 1;

/// The longest first word of a child.
const HELLO_BYTES_MAX: usize = 256;

/// What is wanted, before the bytes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    /// A merge.
    Merge,
    /// A seal is to be held against its record.
    Hold,
}

impl Request {
    const ALL: [(Self, u8); 2] = [(Self::Merge, 0), (Self::Hold, 1)];

    fn number(self) -> u8 {
        match self {
            Self::Merge => 0,
            Self::Hold => 1,
        }
    }

    fn of(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == number).map(|(request, _)| *request)
    }
}

/// What came of a job, before its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// An outcome follows.
    Done,
    /// The saved document does not open.
    Base,
    /// The job could not be read.
    Unread,
}

impl Answer {
    const ALL: [(Self, u8); 3] = [(Self::Done, 0), (Self::Base, 1), (Self::Unread, 2)];

    fn number(self) -> u8 {
        Self::ALL.iter().find(|(answer, _)| *answer == self).map_or(2, |(_, number)| *number)
    }

    fn of(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == number).map(|(answer, _)| *answer)
    }
}

/// Writes a frame: its length (u32, little endian) and its bytes.
fn write_frame(to: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let len = u32::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    to.write_all(&len.to_le_bytes())?;
    for part in parts {
        to.write_all(part)?;
    }
    to.flush()
}

/// Reads a frame; none when the other end is gone. Memory grows with what came, not with what was said.
fn read_frame(from: &mut impl Read, max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; 4];
    match from.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let len = u64::from(u32::from_le_bytes(header));
    if len > max as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too long a frame"));
    }
    let mut bytes = Vec::new();
    from.take(len).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < len {
        return Ok(None);
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_arrives_whole_or_not_at_all() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &[b"a", b"bc"]).unwrap();
        assert_eq!(read_frame(&mut bytes.as_slice(), 3).unwrap().unwrap(), b"abc");
        assert!(read_frame(&mut bytes.as_slice(), 2).is_err(), "longer than allowed");
        for cut in 0..bytes.len() {
            assert_eq!(read_frame(&mut &bytes[..cut], 3).unwrap(), None);
        }
    }

    #[test]
    fn every_request_and_answer_reads_back() {
        for (answer, number) in Answer::ALL {
            assert_eq!((answer.number(), Answer::of(number)), (number, Some(answer)));
        }
        assert_eq!(Answer::of(99), None);
        for (request, number) in Request::ALL {
            assert_eq!((request.number(), Request::of(number)), (number, Some(request)));
        }
        assert_eq!(Request::of(99), None);
    }
}
