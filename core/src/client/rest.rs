//! A device's folder under a key: its key file, the sealed secret key beside it, taking a plain folder
//! over, other keys, and destroying them.
//!
//! The key file changes only while the store is held, so that no two processes write it; whoever read
//! it before has to look again once it holds the store. It must not know what is sealed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use zeroize::Zeroizing;

use super::settings::{self, Settings};
use super::{Client, ClientError, notes};
use crate::clock;
use crate::model::DeviceId;
use crate::store::{self, NEW_STORE_BYTES_MIN, NONCE_BYTES, SealedBytes, Sealing};
use crate::trust::DeviceKey;
use crate::trust::rest::{Cost, KEY_BYTES, KeyFile, KeyId, RestError, Sealer, StoreKey, Way};

/// The wrapped data keys.
const KEYS_FILE: &str = "keys";
/// A wrapping key that lies beside what it wraps: for trying things out, and better than plain files
/// only against who gets some of the files.
const OWN_KEY_FILE: &str = "store.key";
/// Held while the key file is made, so that two processes that take a folder over make one.
const KEYS_LOCK: &str = "keys.lock";

/// What stands in a sealed secret key: this, key id, nonce, sealed bytes.
const SEED_MAGIC: &[u8; 8] = b"BIENBAND";
const SEED_CONTEXT: &[u8] = b"bienban 2026-11 sealed device key\0";
const SEED_BYTES: usize = 32;

/// So often an opening looks again where the key file changed meanwhile: once per change, and nobody
/// changes keys more than once while another waits.
pub(super) const KEY_TRIES: usize = 3;

/// How a device's folder is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenWith<'a> {
    /// What opens it; none where it is plain, or its own key lies in it. With a key a plain folder is
    /// taken over: all of it is sealed.
    pub key: Option<&'a StoreKey>,
    /// What others are told who want the folder meanwhile, for instance the name of a command.
    pub holder: &'a str,
    /// How long to wait while another process has the folder open.
    pub patience: Duration,
}

/// How what lies in a folder is kept from who takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    Plain,
    /// Sealed, with the key in the same folder: who takes the folder takes the key.
    OwnKey,
    /// Sealed under a key that lies elsewhere.
    Key,
    /// Sealed under a passphrase.
    Passphrase,
}

/// Says how a folder is kept, without opening it.
///
/// # Errors
///
/// Returns [`ClientError::Rest`] where the keys were destroyed or their file does not read.
pub fn protection(dir: &Path) -> Result<Protection, ClientError> {
    let Some(bytes) = read_if_there(&dir.join(KEYS_FILE))? else { return Ok(Protection::Plain) };
    Ok(match KeyFile::way(&bytes)? {
        Way::Passphrase => Protection::Passphrase,
        Way::Key if dir.join(OWN_KEY_FILE).exists() => Protection::OwnKey,
        Way::Key => Protection::Key,
    })
}

/// A folder's key file, open.
pub(super) struct Rest {
    dir: PathBuf,
    file: KeyFile,
    /// What the file's bytes were.
    bytes: Vec<u8>,
    seal: Arc<FolderSeal>,
}

/// What seals a store, and the device's secret key.
pub(super) struct FolderSeal {
    sealer: Sealer,
    takes_plain: AtomicBool,
}

impl Sealing for FolderSeal {
    fn key(&self) -> u32 {
        self.sealer.current().0
    }

    fn holds(&self, key: u32) -> bool {
        self.sealer.holds(KeyId(key))
    }

    fn takes_plain(&self) -> bool {
        self.takes_plain.load(Ordering::Relaxed)
    }

    fn seal(&self, key: u32, context: &[u8], plain: &[u8]) -> Option<SealedBytes> {
        self.sealer.seal(KeyId(key), context, plain).map(|sealed| (sealed.nonce, sealed.bytes))
    }

    fn open(
        &self,
        key: u32,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        self.sealer.open(KeyId(key), nonce, context, sealed).map(|plain| plain.to_vec())
    }
}

impl Rest {
    /// Opens a folder's key file, or makes it where the folder is to be taken over; none where the
    /// folder is plain and stays so. A key that does not fit changes nothing.
    pub(super) fn open(dir: &Path, key: Option<&StoreKey>) -> Result<Option<Self>, ClientError> {
        let own = || read_key(&dir.join(OWN_KEY_FILE));
        match (read_if_there(&dir.join(KEYS_FILE))?, key) {
            (Some(bytes), Some(key)) => Self::of(dir, bytes, key).map(Some),
            (Some(bytes), None) => {
                let needed = KeyFile::way(&bytes)?;
                if needed == Way::Passphrase || !dir.join(OWN_KEY_FILE).exists() {
                    return Err(ClientError::Locked { path: dir.to_owned(), needed });
                }
                Self::of(dir, bytes, &own()?).map(Some)
            }
            (None, _) if settings::key_is_sealed(dir)? => {
                Err(ClientError::NoKeyFile { path: dir.join(KEYS_FILE) })
            }
            (None, Some(key)) => Self::make(dir, key).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn of(dir: &Path, bytes: Vec<u8>, key: &StoreKey) -> Result<Self, ClientError> {
        let file = KeyFile::open(&bytes, key)?;
        let sealer = Sealer::new(file.ring(), clock::random()?);
        let takes_plain = AtomicBool::new(!file.is_whole());
        let seal = Arc::new(FolderSeal { sealer, takes_plain });
        Ok(Self { dir: dir.to_owned(), file, bytes, seal })
    }

    /// Makes a key file, unless another process was faster.
    fn make(dir: &Path, key: &StoreKey) -> Result<Self, ClientError> {
        let lock = dir.join(KEYS_LOCK);
        let held = fs::File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let held = held.map_err(|source| ClientError::File { action: "lock", path: lock, source });
        let held = held?;
        let path = dir.join(KEYS_FILE);
        if read_if_there(&path)?.is_none() {
            let data_key = Zeroizing::new(clock::random::<KEY_BYTES>()?);
            let file = KeyFile::create(key, Cost::default(), &data_key, clock::random()?)?;
            settings::replace_file(&path, &file.encode(&clock::random()?))?;
        }
        drop(held);
        let bytes = read_if_there(&path)?.unwrap_or_default();
        Self::of(dir, bytes, key)
    }

    /// What the store's options take.
    pub(super) fn sealing(&self) -> Arc<dyn Sealing> {
        Arc::<FolderSeal>::clone(&self.seal)
    }

    /// Whether another process changed the key file since it was read.
    pub(super) fn changed(&self) -> Result<bool, ClientError> {
        Ok(read_if_there(&self.dir.join(KEYS_FILE))?.as_ref() != Some(&self.bytes))
    }

    /// Ends what an opening began, while the store is held: the secret key is sealed, and once no
    /// record needs an older key or is plain, the key file says so. On a full disk the next opening
    /// does it.
    pub(super) fn settle(&mut self, seed: &[u8; 32], older_keys: bool) -> Result<(), ClientError> {
        let settled = self.settle_now(seed, older_keys);
        match settled {
            Err(ClientError::File { source, .. })
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                Ok(())
            }
            settled => settled,
        }
    }

    fn settle_now(&mut self, seed: &[u8; 32], older_keys: bool) -> Result<(), ClientError> {
        if settings::sealed_key(&self.dir)?.and_then(|sealed| key_of(&sealed))
            != Some(self.file.ring().current())
        {
            settings::replace_key(&self.dir, &self.seal_seed(seed)?)?;
        }
        self.settle_notes(&self.dir)?;
        let due = !self.file.is_whole() || self.file.ring().count() > 1;
        if older_keys || !due {
            return Ok(());
        }
        self.file.retire_older();
        self.file.set_whole();
        self.write()?;
        self.seal.takes_plain.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Wraps the data keys anew. Where that cannot be written, the wrapping before it stays, here too.
    fn change_wrapping(&mut self, key: &StoreKey) -> Result<(), ClientError> {
        let before = self.file.clone();
        let changed = self.file.change_wrapping(key, Cost::default(), clock::random()?);
        let written = changed.map_err(ClientError::from).and_then(|()| self.write());
        if written.is_err() {
            self.file = before;
        }
        written
    }

    fn write(&mut self) -> Result<(), ClientError> {
        let bytes = self.file.encode(&clock::random()?);
        settings::replace_file(&self.dir.join(KEYS_FILE), &bytes)?;
        self.bytes = bytes;
        Ok(())
    }

    /// Whether everything in the folder was sealed once.
    pub(super) fn is_whole(&self) -> bool {
        self.file.is_whole()
    }

    /// Returns the key that seals now.
    pub(super) fn current(&self) -> KeyId {
        self.file.ring().current()
    }

    /// Seals under the current key; none where no fresh nonce is left.
    pub(super) fn seal(
        &self,
        context: &[u8],
        plain: &[u8],
    ) -> Option<(KeyId, [u8; NONCE_BYTES], Vec<u8>)> {
        let key = self.seal.sealer.current();
        let sealed = self.seal.sealer.seal(key, context, plain)?;
        Some((key, sealed.nonce, sealed.bytes))
    }

    /// Opens what was sealed under a key that the file holds.
    pub(super) fn open_sealed(
        &self,
        key: KeyId,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.seal.sealer.open(key, nonce, context, sealed)
    }

    fn seal_seed(&self, seed: &[u8; 32]) -> Result<Vec<u8>, ClientError> {
        let key = self.seal.sealer.current();
        let sealed = self.seal.sealer.seal(key, SEED_CONTEXT, seed);
        let sealed = sealed.ok_or(RestError::NotFresh)?;
        Ok([&SEED_MAGIC[..], &key.0.to_le_bytes(), &sealed.nonce, &sealed.bytes].concat())
    }

    /// Opens the sealed secret key.
    pub(super) fn open_seed(&self, sealed: &[u8]) -> Option<Zeroizing<[u8; SEED_BYTES]>> {
        let key = key_of(sealed)?;
        let rest = sealed.get(SEED_MAGIC.len() + 4..)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES)?;
        let plain = self.seal.sealer.open(key, nonce.try_into().ok()?, SEED_CONTEXT, sealed)?;
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        if plain.len() != SEED_BYTES {
            return None;
        }
        seed.copy_from_slice(&plain);
        Some(seed)
    }
}

/// Returns the key that seals a secret key; none where it is not sealed.
pub(super) fn key_of(sealed: &[u8]) -> Option<KeyId> {
    let id = sealed.strip_prefix(SEED_MAGIC)?.get(..4)?;
    Some(KeyId(u32::from_le_bytes(id.try_into().ok()?)))
}

impl Client {
    /// As [`Client::init`]; all that the folder will hold is sealed under a key.
    ///
    /// # Errors
    ///
    /// As [`Client::init`], and [`ClientError::Rest`] for a passphrase that is too short.
    pub fn init_sealed(
        dir: &Path,
        settings: &Settings,
        key: &StoreKey,
    ) -> Result<DeviceId, ClientError> {
        let seed = Self::prepare(dir)?;
        settings::make_folder(dir)?;
        let data_key = Zeroizing::new(clock::random::<KEY_BYTES>()?);
        let file = KeyFile::create(key, Cost::default(), &data_key, clock::random()?)?;
        let bytes = file.encode(&clock::random()?);
        settings::replace_file(&dir.join(KEYS_FILE), &bytes)?;
        let rest = Self::rest_of(dir, bytes, file)?;
        settings::create(dir, settings, &rest.seal_seed(&seed)?)?;
        Ok(DeviceKey::from_seed(&seed).device())
    }

    fn rest_of(dir: &Path, bytes: Vec<u8>, file: KeyFile) -> Result<Rest, ClientError> {
        let sealer = Sealer::new(file.ring(), clock::random()?);
        let seal = Arc::new(FolderSeal { sealer, takes_plain: AtomicBool::new(true) });
        Ok(Rest { dir: dir.to_owned(), file, bytes, seal })
    }

    /// As [`Client::init_sealed`], under a key that is made and lies in the same folder, from where
    /// [`Client::open`] takes it: who takes the folder takes the key. [`Client::change_key`] gives it a
    /// better one.
    ///
    /// # Errors
    ///
    /// As [`Client::init`].
    pub fn init_with_own_key(dir: &Path, settings: &Settings) -> Result<DeviceId, ClientError> {
        drop(Self::prepare(dir)?);
        settings::make_folder(dir)?;
        let key = Zeroizing::new(clock::random::<KEY_BYTES>()?);
        let text = Zeroizing::new(hex::encode(*key));
        settings::replace_file(&dir.join(OWN_KEY_FILE), text.as_bytes())?;
        Self::init_sealed(dir, settings, &StoreKey::key(&key))
    }

    /// Draws a device's secret key, unless the folder has no name, holds a device or has no room for one.
    pub(super) fn prepare(dir: &Path) -> Result<Zeroizing<[u8; 32]>, ClientError> {
        settings::check_name(dir)?;
        let (needed, free) = (NEW_STORE_BYTES_MIN, store::free_bytes(dir));
        if let Some(free) = free.filter(|free| *free < needed) {
            return Err(ClientError::NoRoom { path: dir.to_owned(), needed, free });
        }
        // A store without its device is somebody's, and another key file would be its end.
        let sealed = dir.join(KEYS_FILE).exists() && dir.join("store").exists();
        if settings::holds_device(dir) || sealed {
            return Err(ClientError::HasDevice { path: dir.to_owned() });
        }
        Ok(Zeroizing::new(clock::random::<32>()?))
    }

    /// Says how what lies in the folder is kept from who takes it.
    ///
    /// # Errors
    ///
    /// As [`protection`].
    pub fn protection(&self) -> Result<Protection, ClientError> {
        protection(&self.dir)
    }

    /// Changes what opens the folder; what is sealed stays as it is. A key of its own that lay in the
    /// folder is removed. Durable when it returns.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotSealed`] for a plain folder, and [`ClientError::Rest`] for a passphrase
    /// that is too short; nothing is changed then.
    pub fn change_key(&mut self, key: &StoreKey) -> Result<(), ClientError> {
        let Some(rest) = &mut self.rest else {
            return Err(ClientError::NotSealed { path: self.dir.clone() });
        };
        rest.change_wrapping(key)?;
        wipe(&self.dir.join(OWN_KEY_FILE))
    }

    /// Makes a new data key and seals everything anew under it: what an older copy of the key file opens
    /// is not what is written from now on. Where there is no room for it, new records are sealed
    /// under the new key, and the rest at a later opening.
    ///
    /// # Errors
    ///
    /// As [`Client::open_with`] and [`Client::change_key`].
    pub fn rotate_key(mut self, with: OpenWith<'_>) -> Result<Self, ClientError> {
        let dir = self.dir.clone();
        let Some(rest) = &mut self.rest else { return Err(ClientError::NotSealed { path: dir }) };
        let fresh = Zeroizing::new(clock::random::<KEY_BYTES>()?);
        rest.file.add_data_key(&fresh)?;
        rest.write()?;
        drop(self);
        Self::open_with(&dir, with)
    }

    /// Destroys the keys for good: what the folder holds can never be read again, whatever its disk
    /// keeps. Every later opening says so.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::File`] when a file cannot be overwritten; the others are, all the same.
    pub fn destroy_key(self) -> Result<(), ClientError> {
        self.wipe()
    }

    /// As [`Client::destroy_key`], of a device that stays open: what it holds in memory goes with its
    /// process.
    pub(super) fn wipe(&self) -> Result<(), ClientError> {
        destroy(&self.dir, self.rest.as_ref().is_some_and(|rest| rest.file.is_whole()))
    }
}

/// Destroys a folder's keys. Where not all of it was sealed, the store itself goes too.
pub(super) fn destroy(dir: &Path, whole: bool) -> Result<(), ClientError> {
    let path = dir.join(KEYS_FILE);
    let overwrite = || {
        let length = fs::metadata(&path).map_or(0, |there| there.len());
        let mut file = settings::secret_options().truncate(false).open(&path)?;
        let zeros = vec![0; usize::try_from(length).unwrap_or(0)];
        io::Write::write_all(&mut file, &zeros)?;
        file.sync_all()
    };
    let gone = overwrite().map_err(|source| ClientError::File {
        action: "overwrite",
        path: path.clone(),
        source,
    });
    // A power cut may have left the one that was being written.
    let beside = wipe(&path.with_extension("new"));
    let note = settings::replace_file(&path, &KeyFile::destroyed());
    let own = wipe(&dir.join(OWN_KEY_FILE));
    // Each is tried, whatever became of the others.
    let codes = notes::destroy(dir);
    let rest = if whole { Ok(()) } else { destroy_plain(dir) };
    gone.and(beside).and(note).and(own).and(codes).and(rest)
}

/// What was never sealed can only be removed.
fn destroy_plain(dir: &Path) -> Result<(), ClientError> {
    let seed = settings::replace_key(dir, b"destroyed");
    let path = dir.join("store");
    match fs::remove_dir_all(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ClientError::File { action: "remove", path, source })
        }
        _ => seed,
    }
}

/// Overwrites a secret file and removes it, if it is there.
pub(super) fn wipe(path: &Path) -> Result<(), ClientError> {
    if !path.exists() {
        return Ok(());
    }
    let gone = || {
        let length = fs::metadata(path)?.len();
        let mut file = settings::secret_options().truncate(false).open(path)?;
        io::Write::write_all(&mut file, &vec![0; usize::try_from(length).unwrap_or(0)])?;
        file.sync_all()?;
        fs::remove_file(path)?;
        settings::sync_folder_of(path)
    };
    gone().map_err(|source| ClientError::File { action: "remove", path: path.to_owned(), source })
}

/// Reads a key of 64 hexadecimal digits from a file.
///
/// # Errors
///
/// Returns [`ClientError::KeyText`] when the file says something else, [`ClientError::KeyReadable`] when
/// others may read it, and [`ClientError::File`] when it cannot be read.
pub fn read_key(path: &Path) -> Result<StoreKey, ClientError> {
    let text = Zeroizing::new(read_secret(path)?);
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    hex::decode_to_slice(text.trim(), key.as_mut())
        .map_err(|_| ClientError::KeyText { path: path.to_owned() })?;
    Ok(StoreKey::key(&key))
}

/// Reads a passphrase, the first line of a file.
///
/// # Errors
///
/// As [`read_key`].
pub fn read_passphrase(path: &Path) -> Result<StoreKey, ClientError> {
    let text = Zeroizing::new(read_secret(path)?);
    Ok(StoreKey::passphrase(text.lines().next().unwrap_or_default()))
}

/// Reads a file that nobody else may read.
fn read_secret(path: &Path) -> Result<String, ClientError> {
    let fault = |source| ClientError::File { action: "read", path: path.to_owned(), source };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_err(fault)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(ClientError::KeyReadable { path: path.to_owned(), mode: mode & 0o777 });
        }
    }
    fs::read_to_string(path).map_err(fault)
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, ClientError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ClientError::File { action: "read", path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests;
