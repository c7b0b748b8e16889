//! The files beside a device's store: its key, and what it was told.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rest::Rest;
use super::{Client, ClientError};
use crate::clock;
use crate::model::{DeviceId, Timestamp};
use crate::net::{HubAddress, PhoneEndpoint};
use crate::store::make_private_folder;

/// The device's secret key: sealed as the store is, or 64 hexadecimal digits in a plain folder.
const KEY_FILE: &str = "device.key";

/// What the device was told.
const SETTINGS_FILE: &str = "settings.json";

/// When the hub last refused this device, in milliseconds since 1970; not there when it does not.
const REFUSED_FILE: &str = "refused-at";

/// There once the device has had a store.
const STORE_FILE: &str = "has-store";
/// There while this device was told of another hub and has not exchanged with that yet: what it knows
/// of rights is from the hub before.
const UNMET_FILE: &str = "hub-unmet";

/// The hub to which only TCP led, and until when that is believed; see [`note_tcp`].
const TCP_FILE: &str = "tcp-leads";

/// What a device was told when it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The hub: its address and pinned key.
    pub hub: Option<HubAddress>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    hub: Option<String>,
}

/// The version of the settings file.
const SETTINGS_VERSION: u32 = 1;

/// Refuses a folder whose name is empty, for who would write something elsewhere before the folder is made.
///
/// # Errors
///
/// Returns [`ClientError::NoFolderName`].
pub fn check_name(dir: &Path) -> Result<(), ClientError> {
    if dir.as_os_str().is_empty() { Err(ClientError::NoFolderName) } else { Ok(()) }
}

/// Makes the folder, and its name durable: a device that was said to be made must not vanish.
pub(super) fn make_folder(dir: &Path) -> Result<(), ClientError> {
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
    let make = || {
        make_private_folder(dir)?;
        match fs::File::open(above.unwrap_or_else(|| Path::new("."))) {
            Ok(above) => above.sync_all(),
            // An app's own folder may lie in one that it must not open; the system made that durable.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            Err(error) => Err(error),
        }
    };
    make().map_err(|source| ClientError::File { action: "make", path: dir.to_owned(), source })
}

/// Makes a device in a folder. `key` is its secret key, sealed or as digits.
pub(super) fn create(dir: &Path, settings: &Settings, key: &[u8]) -> Result<(), ClientError> {
    make_folder(dir)?;
    let path = dir.join(KEY_FILE);
    if path.exists() {
        return Err(ClientError::HasDevice { path: dir.to_owned() });
    }
    write_new(&dir.join(SETTINGS_FILE), &encode(dir, settings)?, false)?;
    // The key last: a folder with a key is a whole device.
    write_new(&path, key, true)?;
    sync_folder_of(&path).map_err(|source| ClientError::File {
        action: "save",
        path: dir.to_owned(),
        source,
    })
}

/// Writes a plain secret key as digits.
pub(super) fn digits(seed: &[u8; 32]) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(hex::encode(seed))
}

/// Makes the name of a file durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    fs::File::open(path.parent().unwrap_or(path))?.sync_all()
}

/// Writes a secret file so that a power cut leaves the old one or the new one.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    let beside = path.with_extension("new");
    write_new(&beside, bytes, true)?;
    fs::rename(&beside, path)
        .and_then(|()| sync_folder_of(path))
        .map_err(|source| ClientError::File { action: "write", path: path.to_owned(), source })
}

/// Writes another form of the secret key, and overwrites the one before where it lay.
pub(super) fn replace_key(dir: &Path, key: &[u8]) -> Result<(), ClientError> {
    let path = dir.join(KEY_FILE);
    let before = secret_options().truncate(false).open(&path);
    replace_file(&path, key)?;
    let scrub = || {
        let mut before = before?;
        let length = usize::try_from(before.metadata()?.len()).unwrap_or(0);
        before.write_all(&vec![0; length])?;
        before.sync_all()
    };
    scrub().map_err(|source: io::Error| ClientError::File { action: "overwrite", path, source })
}

/// Returns the secret key as it is sealed; none where it is plain or not there.
pub(super) fn sealed_key(dir: &Path) -> Result<Option<Vec<u8>>, ClientError> {
    let path = dir.join(KEY_FILE);
    match fs::read(&path) {
        Ok(bytes) => Ok(super::rest::key_of(&bytes).map(|_| bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ClientError::File { action: "read", path, source }),
    }
}

/// Whether the secret key is sealed.
pub(super) fn key_is_sealed(dir: &Path) -> Result<bool, ClientError> {
    Ok(sealed_key(dir)?.is_some())
}

fn encode(dir: &Path, settings: &Settings) -> Result<Vec<u8>, ClientError> {
    let hub = settings.hub.as_ref().map(ToString::to_string);
    serde_json::to_vec_pretty(&Stored { version: SETTINGS_VERSION, hub }).map_err(|error| {
        ClientError::Settings { path: dir.join(SETTINGS_FILE), reason: error.to_string() }
    })
}

/// Writes the settings of a device that is there, so that a power cut leaves the old ones or the new
/// ones. Damaged settings would keep the device from opening.
pub(super) fn replace(dir: &Path, settings: &Settings) -> Result<(), ClientError> {
    let path = dir.join(SETTINGS_FILE);
    let beside = path.with_extension("new");
    write_new(&beside, &encode(dir, settings)?, false)?;
    fs::rename(&beside, &path)
        .and_then(|()| fs::File::open(dir)?.sync_all())
        .map_err(|source| ClientError::File { action: "write", path, source })
}

/// Writes a file that holds a secret, so that a power cut leaves the old one or the new one.
pub(super) fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    let beside = path.with_extension("new");
    write_new(&beside, bytes, true)?;
    let folder = path.parent().unwrap_or(path);
    fs::rename(&beside, path)
        .and_then(|()| fs::File::open(folder)?.sync_all())
        .map_err(|source| ClientError::File { action: "write", path: path.to_owned(), source })
}

/// Returns whether a folder is a device's.
#[must_use]
pub fn holds_device(dir: &Path) -> bool {
    dir.join(KEY_FILE).exists()
}

/// Reads the settings.
pub(super) fn read(dir: &Path) -> Result<Settings, ClientError> {
    let path = dir.join(SETTINGS_FILE);
    let text = fs::read_to_string(&path).map_err(|source| ClientError::File {
        action: "read",
        path: path.clone(),
        source,
    })?;
    let wrong = |reason: String| ClientError::Settings { path: path.clone(), reason };
    let stored: Stored = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if stored.version > SETTINGS_VERSION {
        return Err(wrong(format!("format {} is newer than this program", stored.version)));
    }
    let hub = stored.hub.as_deref().map(str::parse).transpose()?;
    Ok(Settings { hub })
}

/// Reads the secret key.
pub(super) fn read_seed(
    dir: &Path,
    rest: Option<&Rest>,
) -> Result<zeroize::Zeroizing<[u8; 32]>, ClientError> {
    let path = dir.join(KEY_FILE);
    let bytes = fs::read(&path).map_err(|source| ClientError::File {
        action: "read",
        path: path.clone(),
        source,
    });
    let bytes = zeroize::Zeroizing::new(bytes?);
    let wrong = |reason: &str| {
        let path = path.clone();
        ClientError::Settings { path, reason: reason.to_owned() }
    };
    if super::rest::key_of(&bytes).is_some() {
        let rest = rest.ok_or_else(|| wrong("it is sealed, and its key file is missing"))?;
        return rest.open_seed(&bytes).ok_or_else(|| wrong("its seal is broken"));
    }
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    hex::decode_to_slice(bytes.trim_ascii(), seed.as_mut())
        .map_err(|_| wrong("the key must be 64 hexadecimal digits"))?;
    Ok(seed)
}

/// How a file is written that nobody else may read.
pub(super) fn secret_options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

fn write_new(path: &Path, bytes: &[u8], secret: bool) -> Result<(), ClientError> {
    let mut options = if secret { secret_options() } else { fs::OpenOptions::new() };
    options.write(true).create(true).truncate(true);
    options
        .open(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(|source| ClientError::File { action: "write", path: path.to_owned(), source })
}

/// Notes that this device has had a store, so that one that disappears is missed.
pub(super) fn note_store(dir: &Path) -> Result<(), ClientError> {
    if had_store(dir) { Ok(()) } else { write_new(&dir.join(STORE_FILE), b"", false) }
}

/// Returns whether this device has had a store.
pub(super) fn had_store(dir: &Path) -> bool {
    dir.join(STORE_FILE).exists()
}

/// Notes that this device has not exchanged with its hub yet, since it was told of another one; or that
/// it has.
pub(super) fn note_unmet(dir: &Path, unmet: bool) -> Result<(), ClientError> {
    let path = dir.join(UNMET_FILE);
    if unmet { write_new(&path, b"", false) } else { remove(path) }
}

/// Returns what [`note_unmet`] noted.
pub(super) fn is_unmet(dir: &Path) -> bool {
    dir.join(UNMET_FILE).exists()
}

/// Removes a file, if it is there.
pub(super) fn remove(path: PathBuf) -> Result<(), ClientError> {
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ClientError::File { action: "remove", path, source })
        }
        _ => Ok(()),
    }
}

/// Notes that the hub refused this device, or that it takes it in.
pub(super) fn note_refusal(dir: &Path, at: Option<Timestamp>) -> Result<(), ClientError> {
    let path = dir.join(REFUSED_FILE);
    match at {
        Some(at) => write_new(&path, at.0.to_string().as_bytes(), false),
        None => remove(path),
    }
}

/// Returns what [`note_refusal`] noted. A note that does not read is a refusal at an unknown time.
pub(super) fn refusal(dir: &Path) -> Result<Option<Timestamp>, ClientError> {
    let path = dir.join(REFUSED_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(Timestamp(text.trim().parse().unwrap_or_default()))),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ClientError::File { action: "read", path, source }),
    }
}

/// Notes that only TCP leads to a hub, until a time; or that nothing of the kind is known. It is a hint
/// that only saves time, so the note is not waited for on the disk.
pub(super) fn note_tcp(dir: &Path, hub: DeviceId, until: Option<Timestamp>) -> io::Result<()> {
    let path = dir.join(TCP_FILE);
    match until {
        Some(until) => fs::write(&path, format!("{hub} {}", until.0)),
        None => match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

/// Returns until when it is believed that only TCP leads to the hub. A note that does not read, or is
/// about another hub, is none.
pub(super) fn tcp_until(dir: &Path, hub: DeviceId) -> Option<Timestamp> {
    let text = fs::read_to_string(dir.join(TCP_FILE)).ok()?;
    let (name, until) = text.trim().split_once(' ')?;
    (name.parse() == Ok(hub)).then_some(())?;
    until.parse().ok().map(Timestamp)
}

impl Client {
    /// Tells the endpoint what an earlier process found out about the way to the hub.
    pub(super) fn recall_way(&self, endpoint: &PhoneEndpoint, hub: DeviceId) {
        let Some(until) = tcp_until(&self.dir, hub) else { return };
        // A clock that was set back makes it long; the endpoint believes it no longer than it would its own.
        if let Ok(rest) = u64::try_from(until.0.saturating_sub(clock::now().0)) {
            endpoint.remember_tcp(hub, Duration::from_millis(rest));
        }
    }

    /// Keeps what the endpoint has found out about the way to the hub.
    pub(super) fn note_way(&self, endpoint: &PhoneEndpoint, hub: DeviceId) {
        let rest = endpoint.tcp_remembered(hub);
        let rest = rest.and_then(|rest| i64::try_from(rest.as_millis()).ok());
        let until = rest.map(|rest| Timestamp(clock::now().0.saturating_add(rest)));
        if let Err(error) = note_tcp(&self.dir, hub, until) {
            tracing::debug!(%error, "cannot note the way to the hub; the next exchange finds it again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_by_tcp_is_remembered_for_one_hub_and_damage_is_no_note() {
        let dir = tempfile::tempdir().unwrap();
        let (hub, other) = (DeviceId([1; 32]), DeviceId([2; 32]));
        assert_eq!(tcp_until(dir.path(), hub), None);
        note_tcp(dir.path(), hub, Some(Timestamp(7))).unwrap();
        assert_eq!(tcp_until(dir.path(), hub), Some(Timestamp(7)));
        assert_eq!(tcp_until(dir.path(), other), None);
        fs::write(dir.path().join(TCP_FILE), b"what is this").unwrap();
        assert_eq!(tcp_until(dir.path(), hub), None);
        note_tcp(dir.path(), hub, None).unwrap();
        note_tcp(dir.path(), hub, None).unwrap();
        assert!(!dir.path().join(TCP_FILE).exists());
    }

    #[test]
    fn settings_are_replaced_whole_and_leave_nothing_beside_them() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), &Settings::default(), digits(&[7; 32]).as_bytes()).unwrap();
        assert!(holds_device(dir.path()));
        let hub: HubAddress = format!("bienban://hub:9#{}", "ab".repeat(32)).parse().unwrap();
        replace(dir.path(), &Settings { hub: Some(hub.clone()) }).unwrap();
        let (settings, seed) = (read(dir.path()).unwrap(), read_seed(dir.path(), None).unwrap());
        assert_eq!((settings.hub, *seed), (Some(hub), [7; 32]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_refusal_is_remembered_until_the_hub_takes_the_device_in() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(refusal(dir.path()).unwrap(), None);
        note_refusal(dir.path(), Some(Timestamp(7))).unwrap();
        assert_eq!(refusal(dir.path()).unwrap(), Some(Timestamp(7)));
        note_refusal(dir.path(), None).unwrap();
        note_refusal(dir.path(), None).unwrap();
        assert_eq!(refusal(dir.path()).unwrap(), None);
    }
}
