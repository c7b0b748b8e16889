//! The hub's end: children that are started when there is work, reused, watched and replaced.

use std::io::{self, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bienban_core::model::DocumentId;
use bienban_core::replica::{
    MergeJob, MergeWork, Merger, MergerError, OUTCOME_BYTES_MAX, SealJob, SealWork,
};

use super::{
    Answer, COMMAND, HELLO_BYTES_MAX, MergeConfig, Request, WALL_FACTOR, hello, read_frame,
    write_frame,
};

/// Jobs that one child does before another takes its place: what a heap loses to holes is given back.
const CHILD_JOBS_MAX: u32 = 1_000;

/// How long a child may take to say its first word.
const HELLO_WAIT: Duration = Duration::from_secs(20);

/// How long the next child waits when one ended at its work, doubled for each that ended before and
/// since then none did any: a hub that can start none must not start hundreds.
const BACKOFF_FIRST: Duration = Duration::from_millis(20);

/// The longest such wait. A search for a culprit ends some ten children in a row.
const BACKOFF_MAX: Duration = Duration::from_millis(640);

/// Merges in children of a program. Each merge has a child for itself; more callers than children wait.
#[derive(Debug)]
pub struct ChildMerger {
    config: MergeConfig,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Children that wait for a job.
    idle: Vec<Running>,
    /// Callers that may have a child.
    places: usize,
    /// Children that ended at their work since one did any.
    ended: u32,
}

impl ChildMerger {
    /// Makes a pool. No child is started before there is work.
    #[must_use]
    pub fn new(config: MergeConfig) -> Self {
        let places = config.workers.max(1);
        let state = Mutex::new(State { idle: Vec::new(), places, ended: 0 });
        Self { config, state, freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> Place<'_> {
        let mut state = self.lock();
        while state.places == 0 {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.places -= 1;
        Place(self)
    }

    /// Returns a child that waits, or starts one.
    fn child(&self) -> Result<Running, MergerError> {
        let (idle, ended) = {
            let mut state = self.lock();
            (state.idle.pop(), state.ended)
        };
        if let Some(idle) = idle {
            return Ok(idle);
        }
        if let Some(doublings) = ended.checked_sub(1) {
            let wait = BACKOFF_FIRST.saturating_mul(2_u32.saturating_pow(doublings));
            thread::sleep(wait.min(BACKOFF_MAX));
        }
        Running::start(&self.config).inspect_err(|_| self.note(false))
    }

    fn note(&self, went_well: bool) {
        let mut state = self.lock();
        state.ended = if went_well { 0 } else { state.ended.saturating_add(1) };
    }
}

impl ChildMerger {
    /// Has a child do a job, and reads its outcome.
    fn ask<T>(
        &self,
        request: Request,
        job: Vec<u8>,
        document: DocumentId,
        read: impl Fn(&[u8]) -> Result<T, MergerError>,
    ) -> Result<T, MergerError> {
        let _place = self.place();
        let child = self.child()?;
        let wall = Duration::from_secs(self.config.cpu_seconds).saturating_mul(WALL_FACTOR);
        let (child, answer) = match child.ask(request, job, wall) {
            Ok(answered) => answered,
            Err(how) => {
                self.note(false);
                let document = document.short();
                tracing::warn!(document, how, "a merge worker ended at its work");
                return Err(MergerError::Died { how });
            }
        };
        let work = match answer.split_first() {
            Some((number, bytes)) => match Answer::of(*number) {
                Some(Answer::Done) => read(bytes),
                Some(Answer::Base) => Err(MergerError::Base),
                Some(Answer::Unread) => {
                    Err(MergerError::Garbled { what: "it cannot read the job" })
                }
                None => Err(MergerError::Garbled { what: "the kind of its answer" }),
            },
            None => Err(MergerError::Garbled { what: "an empty answer" }),
        };
        let is_sound = !matches!(work, Err(MergerError::Garbled { .. }));
        self.note(is_sound);
        // One that talks nonsense has been led astray, and is dropped.
        if is_sound && child.jobs < CHILD_JOBS_MAX {
            self.lock().idle.push(child);
        }
        work
    }
}

impl Merger for ChildMerger {
    fn merge(&self, job: &MergeJob) -> Result<MergeWork, MergerError> {
        let read = |bytes: &[u8]| MergeWork::decode(bytes, job);
        self.ask(Request::Merge, job.encode()?, job.document(), read)
    }

    fn hold(&self, job: &SealJob) -> Result<SealWork, MergerError> {
        self.ask(Request::Hold, job.encode()?, job.document(), SealWork::decode)
    }
}

/// The right to have a child.
struct Place<'a>(&'a ChildMerger);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().places += 1;
        self.0.freed.notify_one();
    }
}

/// A child that has said its first word. It ends when this is dropped.
#[derive(Debug)]
struct Running {
    process: Process,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    jobs: u32,
}

#[derive(Debug)]
struct Process(Child);

impl Process {
    /// Ends it if it has not ended by itself; returns how it ended.
    fn end(&mut self) -> String {
        // Both fail only where it has ended and was waited for.
        self.0.kill().ok();
        self.0.wait().map_or_else(|_| "unknown".to_owned(), |status| told(&status))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn told(status: &ExitStatus) -> String {
    status.to_string()
}

impl Running {
    fn start(config: &MergeConfig) -> Result<Self, MergerError> {
        let unavailable = |reason: String| MergerError::Unavailable { reason };
        let program = config.program.clone().map_or_else(this_program, Ok);
        let program = program.map_err(|error| unavailable(error.to_string()))?;
        let mut child = Command::new(&program)
            .arg(COMMAND)
            .args(["--memory-mib", &config.memory_mib.to_string()])
            .args(["--cpu-seconds", &config.cpu_seconds.to_string()])
            // Of what the hub was told in its environment a child needs nothing.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| unavailable(error.to_string()))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unavailable("it has no pipes".to_owned()));
        };
        let mut process = Process(child);
        let (said, heard) = mpsc::channel();
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            let first = read_frame(&mut from, HELLO_BYTES_MAX);
            // Nobody waits for it any more where this fails.
            said.send((from, first)).ok();
        });
        match heard.recv_timeout(HELLO_WAIT) {
            Ok((from, Ok(Some(first)))) if first == hello() => {
                Ok(Self { process, to, from, jobs: 0 })
            }
            Ok((_, Ok(Some(_)))) => {
                Err(unavailable("it is another version; was the program replaced?".to_owned()))
            }
            Ok((_, Ok(None) | Err(_))) => Err(unavailable(format!("it ended: {}", process.end()))),
            Err(_) => Err(unavailable(format!("it said nothing for {HELLO_WAIT:?}"))),
        }
    }

    /// Has a job done; returns the child with its answer.
    ///
    /// # Errors
    ///
    /// Returns how it ended when it did not answer.
    fn ask(
        self,
        request: Request,
        job: Vec<u8>,
        wall: Duration,
    ) -> Result<(Self, Vec<u8>), String> {
        let Self { mut process, to, from, jobs } = self;
        let (said, heard) = mpsc::channel();
        // Pipes block in both directions; the clock must not.
        thread::spawn(move || {
            let (mut to, mut from) = (to, from);
            let answer = exchange(&mut to, &mut from, (request, &job));
            said.send((to, from, answer)).ok();
        });
        match heard.recv_timeout(wall) {
            Ok((to, from, Ok(Some(answer)))) => {
                Ok((Self { process, to, from, jobs: jobs + 1 }, answer))
            }
            Err(RecvTimeoutError::Timeout) => {
                process.end();
                Err(format!("it took longer than {wall:?}"))
            }
            Ok((_, _, Ok(None) | Err(_))) | Err(RecvTimeoutError::Disconnected) => {
                Err(process.end_of_itself())
            }
        }
    }
}

fn exchange(
    to: &mut ChildStdin,
    from: &mut BufReader<ChildStdout>,
    (request, job): (Request, &[u8]),
) -> io::Result<Option<Vec<u8>>> {
    write_frame(to, &[&[request.number()], job])?;
    read_frame(from, OUTCOME_BYTES_MAX)
}

impl Process {
    /// Returns how a child ended that has closed its pipes; it may take a moment until it is gone.
    fn end_of_itself(&mut self) -> String {
        for _ in 0..LAST_MOMENTS {
            if let Ok(Some(status)) = self.0.try_wait() {
                return told(&status);
            }
            thread::sleep(LAST_MOMENT);
        }
        self.end()
    }
}

/// How often, and how far apart, it is looked whether such a child is gone.
const LAST_MOMENTS: u32 = 100;
const LAST_MOMENT: Duration = Duration::from_millis(10);

/// Returns the program that runs, also where its file was replaced meanwhile.
fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(program: &str) -> ChildMerger {
        ChildMerger::new(MergeConfig { program: Some(program.into()), ..MergeConfig::default() })
    }

    #[test]
    fn a_program_that_is_not_there_or_says_something_else_is_named_and_not_merged_around() {
        for (program, named) in
            [("/nowhere/bienban", "No such file"), ("/bin/echo", "frame"), ("/bin/true", "ended")]
        {
            let error = pool(program).child().unwrap_err();
            assert!(matches!(&error, MergerError::Unavailable { .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(named) || text.contains("ended"), "{text}");
        }
    }
}
