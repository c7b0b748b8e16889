//! The object that an app holds: one folder, open.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bienban_core::client::parts::{self, StoreKey};
use bienban_core::client::{Client, OpenWith, Settings, Trouble, check_name, holds_device};
use zeroize::Zeroizing;

use crate::engine::{self, Engine};
use crate::error::{BienbanError, Fault};
use crate::events::{Observer, Subscription};
use crate::keystore::{self, KEY_BYTES, KeyStore};
use crate::records::{Role, UnitName, roles_of, unit_of};

/// The name under which the key is saved, where an app gives none.
const KEY_NAME: &str = "bienban.store";

/// Longest wait for a folder that another process has open: more is a screen that seems dead.
const PATIENCE_MAX_MS: u64 = 30_000;

/// How a folder is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct OpenOptions {
    /// The name under which the platform's keystore keeps the key; one for each folder. None for
    /// `bienban.store`.
    #[uniffi(default = None)]
    pub key_name: Option<String>,
    /// How long to wait while another process has the folder open, in milliseconds; at most 30,000. An
    /// app's extension and the app itself are two processes.
    #[uniffi(default = 0)]
    pub patience_ms: u64,
}

/// Who this device is, as far as the server has told it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Me {
    /// The device's id: its public key, in hexadecimal.
    pub device: String,
    /// *Họ tên*; empty while the server has told nothing.
    pub name: String,
    /// *Cơ quan*.
    pub agency: String,
    /// What the holder may do now.
    pub roles: Vec<Role>,
    /// Where.
    pub units: Vec<UnitName>,
    /// The server that this device pins, as `bienban://HOST:PORT#KEY`; none before enrolment.
    pub hub: Option<String>,
    /// It has exchanged with that server.
    pub met_hub: bool,
    /// An invitation was begun and has not ended: [`Bienban::resume_enrolment`] goes on with it.
    pub enrolling: bool,
}

/// One folder with a device, open: everything an app does goes through it.
///
/// Any number of calls may run at once, from any thread. Dropped without [`Bienban::shutdown`], it closes
/// itself in the background.
#[derive(uniffi::Object)]
pub struct Bienban {
    pub(crate) engine: Arc<Engine>,
}

#[uniffi::export]
impl Bienban {
    /// Opens a folder, or makes a device in it with a key of its own; all that lies in it is sealed under a
    /// key that the platform's keystore keeps.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Locked`] when the keystore fails or has lost the key,
    /// [`BienbanError::InUse`] when another process has the folder open, [`BienbanError::Wiped`] when its
    /// data was erased by order, [`BienbanError::Full`] without room for a new one,
    /// [`BienbanError::Damaged`] for what a later version wrote, and [`BienbanError::Invalid`] for a folder whose
    /// name is empty.
    #[uniffi::constructor]
    pub async fn open(
        dir: String,
        key_store: Arc<dyn KeyStore>,
        options: OpenOptions,
    ) -> Result<Arc<Self>, BienbanError> {
        opened(dir, key_store, options).await.map_err(|fault| fault.told("open"))
    }

    /// Closes the folder and frees what was open (`close` in the faces of the languages); at any time, as often as one likes, from a callback too.
    /// Edits that were begun are recorded first, exchanges and enrolments are ended.
    ///
    /// # Errors
    ///
    /// None so far.
    pub async fn shutdown(&self) -> Result<(), BienbanError> {
        self.engine.close().await;
        Ok(())
    }

    /// Returns whether [`Bienban::shutdown`] was called.
    ///
    /// # Errors
    ///
    /// None so far.
    pub fn is_closed(&self) -> Result<bool, BienbanError> {
        Ok(self.engine.is_closed())
    }

    /// Returns the device's id: its public key, in hexadecimal.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Closed`] after [`Bienban::shutdown`].
    pub fn device(&self) -> Result<String, BienbanError> {
        self.engine.check_open().map_err(|fault| fault.told("device"))?;
        Ok(self.engine.device.clone())
    }

    /// Returns who this device is, as far as the server has told it.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Damaged`] when reading fails.
    pub async fn me(&self) -> Result<Me, BienbanError> {
        self.engine.read("me", me).await
    }

    /// Tells an observer of everything that changes after this returns, until what is returned is cancelled
    /// or dropped.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Invalid`] for more than 16 observers at once.
    pub async fn observe(
        &self,
        observer: Arc<dyn Observer>,
    ) -> Result<Arc<Subscription>, BienbanError> {
        let told = |fault: Fault| fault.told("observe");
        self.engine.check_open().map_err(told)?;
        let (number, begun) = self.engine.events.add(observer).map_err(told)?;
        let subscription = Subscription::new(&self.engine.events, number);
        // Nobody answers once the folder is closed.
        begun.await.map_err(|_| told(Fault::Closed))?;
        Ok(subscription)
    }

    /// Writes one closed part of the journal shorter where that pays, and returns whether one was: for idle
    /// minutes, best on the charger. Nothing is taken out of the record.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Full`] or [`BienbanError::Damaged`] when the store fails; what was
    /// recorded is not touched by that.
    pub async fn condense(&self) -> Result<bool, BienbanError> {
        self.engine.read("condense", |client| Ok(client.condense()?.is_some())).await
    }
}

impl Drop for Bienban {
    fn drop(&mut self) {
        self.engine.begin_closing();
    }
}

async fn opened(
    dir: String,
    key_store: Arc<dyn KeyStore>,
    options: OpenOptions,
) -> Result<Arc<Bienban>, Fault> {
    let runtime = engine::start_runtime()?;
    let (threads, mut starting) = (runtime.handle().clone(), Starting(Some(runtime)));
    let key_name = options.key_name.unwrap_or_else(|| KEY_NAME.to_owned());
    let patience = Duration::from_millis(options.patience_ms.min(PATIENCE_MAX_MS));
    let (store, name) = (Arc::clone(&key_store), key_name.clone());
    let work = move || open_client(Path::new(&dir), &*store, &name, patience);
    let (client, leave) = engine::joined(threads.spawn_blocking(work).await)?;
    let runtime = starting.0.take().ok_or(Fault::Closed)?;
    let engine = Engine::new(runtime, client, key_store, key_name);
    engine.note_leave(leave);
    Ok(Arc::new(Bienban { engine }))
}

/// Threads that no folder has yet. Whoever drops them, a caller that gave up among them, never waits for their end.
struct Starting(Option<tokio::runtime::Runtime>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Held while a folder's key is looked for or made: two that open a new folder at once would each make one, and the
/// keystore keeps the last.
static MAKING: Mutex<()> = Mutex::new(());

fn open_client(
    dir: &Path,
    store: &dyn KeyStore,
    name: &str,
    patience: Duration,
) -> Result<(Client, bienban_core::client::Leave), Fault> {
    // Before the keystore is given a key for it.
    check_name(dir)?;
    let making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let saved = keystore::load(store, name)?;
    let key = match (saved, holds_device(dir)) {
        (Some(key), true) => StoreKey::key(&key),
        (None, true) => return Err(lost_key(dir)),
        (saved, false) => {
            let key = match saved {
                // Of a folder that was never made, or deleted since.
                Some(key) => key,
                None => fresh_key(store, name)?,
            };
            let opens = StoreKey::key(&key);
            let _device = Client::init_sealed(dir, &Settings::default(), &opens)?;
            // Another process may have been here too: it did not make the folder, but it may have saved its key.
            if keystore::load(store, name)?.as_deref() != Some(&*key) {
                keystore::save(store, name, &key)?;
            }
            opens
        }
    };
    drop(making);
    let with = OpenWith { key: Some(&key), holder: "an app", patience };
    let client = match Client::open_with(dir, with) {
        Err(error) if error.trouble() == Trouble::Destroyed => {
            // The data was erased by order in an earlier run; the keystore may have failed then.
            drop(store.delete_key(name.to_owned()));
            return Err(error.into());
        }
        opened => opened?,
    };
    let leave = client.leave_if_ended()?;
    Ok((client, leave))
}

/// The keystore has no key for a folder that is there: it was erased by order, or the key is lost.
fn lost_key(dir: &Path) -> Fault {
    match bienban_core::client::protection(dir) {
        Err(error) => Fault::from(error),
        Ok(_) => Fault::KeyLost,
    }
}

/// Makes a key and saves it before anything is sealed under it.
fn fresh_key(store: &dyn KeyStore, name: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, Fault> {
    let key = parts::random::<KEY_BYTES>().map_err(bienban_core::client::ClientError::from)?;
    let key = Zeroizing::new(key);
    keystore::save(store, name, &key)?;
    Ok(key)
}

/// Reads who this device is.
pub(crate) fn me(client: &Client) -> Result<Me, Fault> {
    let own = client.own_entry()?;
    let known = own.as_ref();
    let roles = known.map(roles_of).unwrap_or_default();
    let units = known.map(|own| own.scopes().into_iter().map(|scope| unit_of(&scope)).collect());
    Ok(Me {
        device: client.device().to_string(),
        name: known.map(|own| own.name.clone()).unwrap_or_default(),
        agency: known.map(|own| own.agency.clone()).unwrap_or_default(),
        roles,
        units: units.unwrap_or_default(),
        hub: client.hub().ok().map(|hub| hub.to_string()),
        met_hub: client.hub().is_ok() && client.has_met_hub(),
        enrolling: client.enrolment()?.is_some(),
    })
}
