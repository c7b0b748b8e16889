//! Bundles as files: what this device hands to others where there is no network, and takes in from them.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::{Client, ClientError, Leave};
use crate::clock;
use crate::net::HubAddress;
use crate::replica::{BundleGiven, BundleTaken, Receiver, ReplicaError};
use crate::trust::bundle::{BundleError, drawn};

impl Client {
    /// Writes a bundle with a letter to each receiver into a file that the caller has made: what no hub has
    /// signed for, or `all` that is here and both may read. Needs no network and no working exchange. What
    /// failed has left a half bundle, which is no use to anybody; `path` is how errors name the file.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Bundle`] when the file cannot be written, or a receiver is not to be given
    /// anything, and [`ClientError::Replica`] when reading fails.
    pub fn export_bundle(
        &self,
        receivers: &[Receiver],
        all: bool,
        file: &mut File,
        path: &Path,
    ) -> Result<Vec<BundleGiven>, ClientError> {
        // Nothing random may fail to come while a letter is written.
        let mut drawn = Drawn::new()?;
        let mut out = BufWriter::new(file);
        let given = self
            .phone()
            .write_bundle(&mut out, receivers, all, &mut || drawn.next(), clock::now())
            .and_then(|given| {
                let synced = out.flush().and_then(|()| out.get_ref().sync_all());
                synced.map(|()| given).map_err(|source| failed("written", source))
            });
        given.map_err(|error| named(path, error))
    }

    /// Takes in the letter to this device of a bundle, by the rules of a meeting where a phone made it and
    /// as the hub's word where the pinned hub did. Taking it in again changes nothing.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Bundle`] when the file cannot be read or used, as
    /// [`crate::replica::Phone::take_bundle`]; and [`ClientError::RightsEnded`] or [`ClientError::Wiped`]
    /// when it tells that the rights of this device were ended, as an exchange does.
    pub fn import_bundle(&self, path: &Path) -> Result<BundleTaken, ClientError> {
        let mut drawn = Drawn::new()?;
        let mut open = || match File::open(path) {
            Ok(file) => Ok(BufReader::new(file)),
            Err(source) => Err(BundleError::Io { action: "read", source: Arc::new(source) }),
        };
        let hub = self.hub().ok();
        let pinned = hub.as_ref().map(HubAddress::key);
        let taken = self
            .phone()
            .take_bundle(&mut open, pinned, &mut || drawn.next(), clock::now())
            .map_err(|error| named(path, error))?;
        // The hub spoke under a key that it had announced: the next exchange asks for that.
        if let Some(hub) = hub.filter(|hub| taken.of_hub && taken.maker != hub.key()) {
            let now = HubAddress::parse(&hub.host_and_port(), taken.maker)?;
            self.follow(&hub, now)?;
        }
        // Among what came may be that the rights of this device were ended.
        match self.leave_if_ended()? {
            Leave::Stays => Ok(taken),
            Leave::Holds(left) => Err(self.rights_ended(left)),
            Leave::Wiped => Err(ClientError::Wiped),
        }
    }
}

/// Random bytes without end, from some of the system's.
struct Drawn {
    seed: zeroize::Zeroizing<[u8; 32]>,
    count: u64,
}

impl Drawn {
    fn new() -> Result<Self, clock::EntropyError> {
        Ok(Self { seed: zeroize::Zeroizing::new(clock::random()?), count: 0 })
    }

    fn next(&mut self) -> [u8; 32] {
        self.count += 1;
        drawn(&self.seed, self.count)
    }
}

fn failed(action: &'static str, source: std::io::Error) -> ReplicaError {
    BundleError::Io { action, source: Arc::new(source) }.into()
}

/// Names the file where it is at fault.
fn named(path: &Path, error: ReplicaError) -> ClientError {
    match error {
        ReplicaError::Store(_) | ReplicaError::Unkept { .. } => error.into(),
        source => ClientError::Bundle { path: path.to_owned(), source },
    }
}
