//! The hub's secret keys: the one that signs, and the one that is announced to follow it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use bienban_core::clock;
use bienban_core::model::DeviceId;
use bienban_core::replica::{Replica, ReplicaError};
use bienban_core::trust::DeviceKey;
use zeroize::Zeroizing;

use super::HubError;

/// The hub's secret key, 64 hexadecimal digits. Phones pin its public half.
pub(crate) const KEY_FILE: &str = "hub.key";

/// The secret key that will follow it; there from its announcement on until the hub takes it.
pub(crate) const NEXT_FILE: &str = "hub-next.key";

/// A secret key.
pub(super) type Seed = Zeroizing<[u8; 32]>;

/// Returns whether a folder is a hub's.
pub(super) fn holds_hub(dir: &Path) -> bool {
    dir.join(KEY_FILE).exists()
}

/// Reads the hub's key, or makes one in a new folder.
pub(super) fn key(dir: &Path) -> Result<Seed, HubError> {
    read_or_make(&dir.join(KEY_FILE))
}

/// Reads the key that will follow, or makes it.
pub(super) fn next_key(dir: &Path) -> Result<Seed, HubError> {
    read_or_make(&dir.join(NEXT_FILE))
}

/// Returns the key that will follow, if one is made.
pub(super) fn made_next(dir: &Path) -> Result<Option<Seed>, HubError> {
    read(&dir.join(NEXT_FILE))
}

/// Returns the key with which a store is to be opened: the next one where the operator says so, and where an
/// earlier start took it and was cut off before the file of the one before was gone.
/// `restored`: the folder was set back to a copy.
pub(super) fn key_for(
    dir: &Path,
    store: &Replica,
    switch: bool,
    restored: bool,
) -> Result<Seed, HubError> {
    let owner = store.owner().map_err(ReplicaError::from)?.map(|owner| owner.device);
    match made_next(dir)? {
        Some(next) if switch || owner == Some(DeviceKey::from_seed(&next).device()) => Ok(next),
        None if switch => {
            let present = key(dir)?;
            let keys = store.hub_keys().map_err(ReplicaError::from)?;
            // Said again at a later start, it was done.
            match keys.before.is_empty() {
                true => Err(HubError::NoNextKey { restored }),
                false => Ok(present),
            }
        }
        _ => key(dir),
    }
}

/// Fails where the next key would be a second one: another was announced, as this store knows or has heard of
/// devices since it was set back, or it was set back just now and nobody could tell yet.
pub(super) fn expect_to_announce(
    dir: &Path,
    store: &Replica,
    restored: bool,
) -> Result<(), HubError> {
    let made = made_next(dir)?.map(|seed| DeviceKey::from_seed(&seed).device());
    let announced = store.hub_keys().map_err(ReplicaError::from)?.after.first().copied();
    match announced {
        Some(announced) if made != Some(announced) => Err(HubError::AnnouncedBefore { announced }),
        None if made.is_none() && restored => Err(HubError::AnnouncedSince),
        _ => Ok(()),
    }
}

/// Puts the next key in the place of the one before, which is overwritten, once the store is the next one's.
pub(super) fn settle(dir: &Path, used: DeviceId) -> Result<(), HubError> {
    let Some(next) = made_next(dir)? else { return Ok(()) };
    if DeviceKey::from_seed(&next).device() != used {
        return Ok(());
    }
    let (from, to) = (dir.join(NEXT_FILE), dir.join(KEY_FILE));
    let before = fs::OpenOptions::new().write(true).open(&to);
    let renamed = fs::rename(&from, &to).and_then(|()| fs::File::open(dir)?.sync_all());
    renamed.map_err(|source| HubError::File { action: "rename", path: from, source })?;
    let scrub = || -> io::Result<()> {
        let mut before = before?;
        let length = usize::try_from(before.metadata()?.len()).unwrap_or(0);
        before.write_all(&vec![0; length])?;
        before.sync_all()
    };
    match scrub() {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(HubError::File { action: "overwrite", path: to, source })
        }
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Option<Seed>, HubError> {
    let mut seed = Zeroizing::new([0; 32]);
    match fs::read_to_string(path) {
        Ok(text) => {
            let text = Zeroizing::new(text);
            hex::decode_to_slice(text.trim(), seed.as_mut())
                .map_err(|_| HubError::Key { path: path.to_owned() })?;
            Ok(Some(seed))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HubError::File { action: "read", path: path.to_owned(), source }),
    }
}

fn read_or_make(path: &Path) -> Result<Seed, HubError> {
    if let Some(seed) = read(path)? {
        return Ok(seed);
    }
    let seed = Zeroizing::new(clock::random()?);
    write_key(path, &seed).map_err(|source| HubError::File {
        action: "write",
        path: path.to_owned(),
        source,
    })?;
    Ok(seed)
}

/// Writes the key beside its place and renames it, so that a power cut leaves all or nothing.
fn write_key(path: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&beside)?;
    file.write_all(Zeroizing::new(hex::encode(seed)).as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
