//! A file layer that fails on demand: the n-th call that changes something, once or from then on.
//!
//! For tests. It never loses bytes by itself; power cuts are the crash tests' business.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::files::{FileHandle, Files, RealFiles};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The disk is full: a write leaves half of its bytes.
    Full,
    /// The disk is full, and says so even where no room is needed, as file systems do that write
    /// folders anew.
    FullForAll,
    /// The device fails.
    Device,
}

impl Failure {
    fn error(self) -> io::Error {
        match self {
            Self::Full | Self::FullForAll => io::Error::from(io::ErrorKind::StorageFull),
            Self::Device => io::Error::other("simulated device failure"),
        }
    }
}

#[derive(Debug, Default)]
struct Plan {
    calls: u64,
    syncs: u64,
    fail_at: Option<(u64, Failure, bool)>,
    failed: u64,
    delay: Duration,
    free_bytes: Option<u64>,
}

/// Real files whose changing calls can be made to fail or to be slow. Clones share the plan.
#[derive(Debug, Clone, Default)]
pub struct FaultyFiles(Arc<Mutex<Plan>>);

impl FaultyFiles {
    /// Starts without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the `n`-th changing call from now (the first is 1) fail; all later ones too if `stays`.
    pub fn fail_at(&self, n: u64, failure: Failure, stays: bool) {
        let mut plan = self.plan();
        plan.fail_at = Some((plan.calls + n, failure, stays));
        plan.failed = 0;
    }

    /// Makes every sync take this long.
    pub fn slow_down(&self, delay: Duration) {
        self.plan().delay = delay;
    }

    /// Says that the disk has so much room, whatever it has.
    pub fn claim_free(&self, bytes: u64) {
        self.plan().free_bytes = Some(bytes);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.fail_at = None;
        plan.free_bytes = None;
        plan.delay = Duration::ZERO;
    }

    /// How many calls failed since the last [`FaultyFiles::fail_at`].
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.plan().failed
    }

    /// How many syncs of files were asked for.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.plan().syncs
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self) -> Result<(), Failure> {
        let mut plan = self.plan();
        plan.calls += 1;
        let Some((at, failure, stays)) = plan.fail_at else { return Ok(()) };
        if plan.calls == at || (stays && plan.calls > at) {
            plan.failed += 1;
            return Err(failure);
        }
        Ok(())
    }

    /// A call that needs no room: a full disk lets it pass.
    fn step_without_room(&self) -> io::Result<()> {
        match self.step() {
            Err(failure @ (Failure::Device | Failure::FullForAll)) => Err(failure.error()),
            Err(Failure::Full) | Ok(()) => Ok(()),
        }
    }
}

struct FaultyHandle {
    files: FaultyFiles,
    real: Box<dyn FileHandle>,
}

impl Files for FaultyFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        self.step().map_err(Failure::error)?;
        let real = RealFiles.create(path)?;
        Ok(Box::new(FaultyHandle { files: self.clone(), real }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        let real = RealFiles.open(path)?;
        Ok(Box::new(FaultyHandle { files: self.clone(), real }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealFiles.read(path)
    }

    fn read_start(&self, path: &Path, bytes: usize) -> io::Result<(Vec<u8>, u64)> {
        RealFiles.read_start(path, bytes)
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let claimed = self.plan().free_bytes;
        claimed.map_or_else(|| RealFiles.free_bytes(folder), Ok)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        RealFiles.list(folder)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        match self.step() {
            // The system says that it is there before it looks for room.
            Err(Failure::Full | Failure::FullForAll) if path.is_dir() => {}
            stepped => stepped.map_err(Failure::error)?,
        }
        RealFiles.create_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step_without_room()?;
        RealFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step_without_room()?;
        RealFiles.remove(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.step_without_room()?;
        RealFiles.remove_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.step_without_room()?;
        RealFiles.sync_folder(path)
    }
}

impl FileHandle for FaultyHandle {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.files.step() {
            Ok(()) => self.real.write_at(offset, bytes),
            Err(failure) => {
                self.real.write_at(offset, &bytes[..bytes.len() / 2])?;
                Err(failure.error())
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let delay = {
            let mut plan = self.files.plan();
            plan.syncs += 1;
            plan.delay
        };
        std::thread::sleep(delay);
        self.files.step().map_err(Failure::error)?;
        self.real.sync()
    }

    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        self.files.step_without_room()?;
        self.real.set_len(bytes)
    }
}
