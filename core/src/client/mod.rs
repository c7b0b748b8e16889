//! What an app holds: one folder on the device, opened as typed calls.
//!
//! A folder contains the device's key, its settings and its store. Everything typed is durable when
//! a call returns; nothing here talks to the network but [`Client::sync`].

mod find;
mod groups;
mod moving;
mod read;
mod settings;
mod status;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checklist::{AnswerError, MoveError};
use crate::clock;
use crate::driver::{self, DriverError, SyncOptions, SyncReport};
use crate::model::{DeviceId, IdError, Incarnation, Kind, Timestamp};
use crate::net::{AddressError, HubAddress, NetError, PhoneEndpoint};
use crate::replica::{Phone, Projection, ReplicaError};
use crate::store::{DiskStore, Options, StoreError};
use crate::sync::FailureCode;
use crate::trust::DeviceKey;

pub use moving::{Confirmed, Editions, Reading};
pub use read::{Author, Authors, Named, Shown};
pub use settings::Settings;
pub use status::RecordStatus;
pub use work::{Draft, Note, Sending, Visit};

/// An exchange is followed by at most this many more, when more waits here than one takes or when
/// everything has to be compared.
const FOLLOW_UPS_MAX: usize = 64;

/// Why a client could not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The folder holds no device.
    #[error("there is no device in {path}; make one with `init`")]
    NoDevice {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds a device already.
    #[error("{path} already holds a device; choose another folder")]
    HasDevice {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The settings do not read.
    #[error("the settings in {path} cannot be read: {reason}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No hub is known yet.
    #[error("this device knows no hub; give its address and key with `init --hub`")]
    NoHub,
    /// The hub's address does not read.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A name does not read.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Nothing here has such a name.
    #[error("there is no {what} {name} here; sync, or check the name")]
    NotFound {
        /// What was looked for, for instance `inspection`.
        what: &'static str,
        /// What was given.
        name: String,
    },
    /// More than one thing has such a name.
    #[error("{name} names more than one {what}: {}", candidates.join(", "))]
    Ambiguous {
        /// What was looked for.
        what: &'static str,
        /// What was given.
        name: String,
        /// The short names of some of them.
        candidates: Vec<String>,
    },
    /// The answer does not fit the checklist.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The hub's table of devices does not let this one write such a document.
    #[error("a device of role {role} may not write a {kind}; use another device's folder", kind = kind.name())]
    NotYours {
        /// The role that the hub gave this device.
        role: &'static str,
        /// The kind of document.
        kind: Kind,
    },
    /// The system gave no entropy.
    #[error(transparent)]
    Entropy(#[from] clock::EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The documents failed.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The network failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The exchange failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A document is not of the kind asked for.
    #[error("document {document} is a {found}, not a {wanted}")]
    WrongKind {
        /// Its name.
        document: String,
        /// What it is.
        found: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The record cannot be moved to another edition of its checklist.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// The facility is not in the plan.
    #[error("the plan does not visit this facility")]
    NotPlanned,
}

/// One device's folder, open.
pub struct Client {
    dir: PathBuf,
    settings: Settings,
    phone: Arc<Phone>,
    seed: zeroize::Zeroizing<[u8; 32]>,
}

impl Client {
    /// Makes a device in a folder: its key and, if given, the hub it pins.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::HasDevice`] when the folder holds one already.
    pub fn init(dir: &Path, settings: &Settings) -> Result<DeviceId, ClientError> {
        let seed = zeroize::Zeroizing::new(clock::random::<32>()?);
        settings::create(dir, settings, &seed)?;
        Ok(DeviceKey::from_seed(&seed).device())
    }

    /// Opens a device's folder.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoDevice`] when there is none, and [`StoreError::InUse`] when another
    /// process has it open.
    pub fn open(dir: &Path) -> Result<Self, ClientError> {
        let (settings, seed) = settings::read(dir)?;
        let now = clock::now();
        let store = DiskStore::open(dir.join("store"), Arc::new(Projection), Options::at(now.0))?;
        let fresh = Incarnation(clock::random()?);
        let phone = Phone::open(Arc::new(store), DeviceKey::from_seed(&seed), fresh, now)?;
        let client = Self { dir: dir.to_owned(), settings, phone: Arc::new(phone), seed };
        client.phone.replica().refresh(usize::MAX)?;
        Ok(client)
    }

    /// Returns the folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.phone.device()
    }

    /// Returns the replica.
    #[must_use]
    pub fn phone(&self) -> &Arc<Phone> {
        &self.phone
    }

    /// Returns the hub that this device pins.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoHub`] when none was given.
    pub fn hub(&self) -> Result<HubAddress, ClientError> {
        self.settings.hub.clone().ok_or(ClientError::NoHub)
    }

    /// Exchanges everything with the hub.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Driver`] when the hub cannot be reached or the exchange broke off;
    /// what had arrived stays, and the next exchange goes on from there. Returns
    /// [`ClientError::File`] when it cannot be noted that the hub refused this device, or took it in.
    pub async fn sync(&self, options: SyncOptions) -> Result<SyncReport, ClientError> {
        let outcome = self.exchange(options).await;
        match &outcome {
            // Both mean that the door is shut: at the handshake, or in an exchange under way.
            // That it could not be noted matters less than the refusal itself, which is told.
            Err(error) if is_shut(error) => {
                drop(settings::note_refusal(&self.dir, Some(clock::now())));
            }
            Err(_) => {}
            Ok(_) => settings::note_refusal(&self.dir, None)?,
        }
        outcome
    }

    /// Returns when the hub last refused this device; none if it has exchanged with it since.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::File`] when the note cannot be read.
    pub fn refused_at(&self) -> Result<Option<Timestamp>, ClientError> {
        settings::refusal(&self.dir)
    }

    async fn exchange(&self, options: SyncOptions) -> Result<SyncReport, ClientError> {
        let hub = self.hub()?;
        let mut endpoint = PhoneEndpoint::bind(&self.seed)?;
        if options.live.is_none() {
            endpoint = endpoint.for_short_exchanges();
        }
        let mut report = driver::sync(&self.phone, &endpoint, &hub, options).await?;
        for _ in 0..FOLLOW_UPS_MAX {
            if !report.progress.again && !report.progress.more {
                break;
            }
            let more = driver::sync(&self.phone, &endpoint, &hub, SyncOptions::default()).await?;
            // Where the hub signs for nothing, offering the same again would only cost data.
            let stands_still = !more.progress.again && more.progress.stored == 0;
            report.add(more);
            if stands_still {
                break;
            }
        }
        endpoint.wait_idle(std::time::Duration::from_millis(200)).await;
        Ok(report)
    }
}

/// Whether the hub does not, or no longer, take this device in.
fn is_shut(error: &ClientError) -> bool {
    match error {
        ClientError::Net(error) => matches!(error, NetError::DeviceUnknown { .. }),
        ClientError::Driver(DriverError::Net(error)) => {
            matches!(**error, NetError::DeviceUnknown { .. })
        }
        ClientError::Driver(DriverError::Refused { failure }) => {
            failure.code == FailureCode::NotAllowed
        }
        _ => false,
    }
}
