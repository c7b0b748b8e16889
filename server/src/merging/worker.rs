//! The child: reads jobs, does them within its limits, and answers. It has no folder, no key, no socket
//! and no settings; all it knows is in the job.

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use bienban_core::replica::{MergeJob, MergerError, SealJob};

use super::{Answer, FRAME_BYTES_MAX, Request, hello, read_frame, write_frame};

/// Called with each job before it is read. Only the program that the tests build has one: it ends or
/// hangs on jobs that hold certain words.
pub type Hook = fn(&[u8]);

/// Memory beside the heap: the program itself, which is mapped whole.
#[cfg(target_os = "linux")]
const PROGRAM_MIB: u64 = 512;

/// Serves jobs until the hub is gone.
pub(crate) fn serve(memory_mib: u64, cpu_seconds: u64, hook: Option<Hook>) -> ExitCode {
    // What a contained panic says may hold what somebody wrote.
    std::panic::set_hook(Box::new(|_| ()));
    match work(memory_mib, cpu_seconds, hook) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn work(memory_mib: u64, cpu_seconds: u64, hook: Option<Hook>) -> io::Result<()> {
    let mut out = answers()?;
    limit_memory(memory_mib)?;
    let mut jobs = io::stdin().lock();
    write_frame(&mut out, &[&hello()])?;
    while let Some(job) = read_frame(&mut jobs, FRAME_BYTES_MAX)? {
        limit_time(cpu_seconds)?;
        if let Some(hook) = hook {
            hook(&job);
        }
        let done = done(&job);
        drop(job);
        let (answer, bytes) = match done {
            Ok(bytes) => (Answer::Done, bytes),
            Err(MergerError::Base) => (Answer::Base, Vec::new()),
            Err(_) => (Answer::Unread, Vec::new()),
        };
        write_frame(&mut out, &[&[answer.number()], &bytes])?;
    }
    Ok(())
}

/// Does a job; returns the bytes of its outcome.
fn done(job: &[u8]) -> Result<Vec<u8>, MergerError> {
    let unread = MergerError::Garbled { what: "its kind" };
    let (number, bytes) = job.split_first().ok_or_else(|| unread.clone())?;
    match Request::of(*number).ok_or(unread)? {
        Request::Merge => MergeJob::decode(bytes)?.perform()?.encode(),
        Request::Hold => SealJob::decode(bytes)?.perform()?.encode(),
    }
}

/// Returns where answers go, and sends elsewhere what libraries print: Automerge prints of what it meets.
#[cfg(unix)]
fn answers() -> io::Result<impl Write> {
    let answers = rustix::io::dup(io::stdout())?;
    rustix::stdio::dup2_stdout(File::create("/dev/null")?)?;
    Ok(File::from(answers))
}

#[cfg(not(unix))]
fn answers() -> io::Result<impl Write> {
    Ok(io::stdout())
}

/// Whoever asks for more memory than this ends: an allocation that fails aborts.
#[cfg(unix)]
fn limit_memory(mib: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let at = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    // A core would hold the record, and takes time to write.
    setrlimit(Resource::Core, at(0))?;
    let heap = mib.saturating_mul(1 << 20);
    #[cfg(target_os = "linux")]
    {
        setrlimit(Resource::Data, at(heap))?;
        setrlimit(Resource::As, at(heap.saturating_add(PROGRAM_MIB << 20)))?;
    }
    // Some systems know these limits and do not hold to them; the watchdog is left there.
    #[cfg(not(target_os = "linux"))]
    setrlimit(Resource::Data, at(heap)).ok();
    Ok(())
}

#[cfg(not(unix))]
fn limit_memory(_mib: u64) -> io::Result<()> {
    Ok(())
}

/// The next job may use so much processor time; the system counts from the start of the process.
#[cfg(unix)]
fn limit_time(seconds: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use rustix::time::{ClockId, clock_gettime};
    let used = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or(0);
    let current = Some(used.saturating_add(seconds).saturating_add(1));
    setrlimit(Resource::Cpu, Rlimit { current, ..getrlimit(Resource::Cpu) })?;
    Ok(())
}

#[cfg(not(unix))]
fn limit_time(_seconds: u64) -> io::Result<()> {
    Ok(())
}
