//! The hub's secret keys, as a backup holds them. They are read, compared and copied, and shown to nobody.

use std::path::Path;

use bienban_core::model::DeviceId;
use bienban_core::trust::DeviceKey;
use zeroize::Zeroizing;

use super::error::BackupsError;
use super::files;
use super::manifest::Part;
use crate::hub::{KEY_FILE, NEXT_FILE};

/// Where keys lie in a backup.
pub(super) const FOLDER: &str = "keys";

/// How the names of key files end there.
pub(super) const ENDING: &str = ".key";

/// A secret key and the public one that belongs to it.
#[derive(PartialEq)]
pub(super) struct Key {
    pub(super) device: DeviceId,
    /// As it lies in its file: 64 hexadecimal digits.
    text: Zeroizing<Vec<u8>>,
}

/// The keys of a hub's folder.
#[derive(PartialEq)]
pub(super) struct Keys {
    pub(super) present: Key,
    pub(super) next: Option<Key>,
}

impl Key {
    /// Reads a key file, none where it is not there.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, BackupsError> {
        let Some(text) = files::read_if_there(path)?.map(Zeroizing::new) else { return Ok(None) };
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_ascii(), seed.as_mut())
            .map_err(|_| BackupsError::Key { path: path.to_owned() })?;
        Ok(Some(Self { device: DeviceKey::from_seed(&seed).device(), text }))
    }

    /// Writes it into a folder under a name.
    pub(super) fn write(&self, path: &Path) -> Result<(), BackupsError> {
        files::replace(path, &self.text)
    }

    /// Puts it into a backup, unless it is there. Says whether it was not.
    pub(super) fn keep(&self, backup: &Path) -> Result<(Part, bool), BackupsError> {
        let path = format!("{FOLDER}/{}{ENDING}", self.device.short());
        let (bytes, hash) = (self.text.len() as u64, *blake3::hash(&self.text).as_bytes());
        let file = backup.join(&path);
        let lacks = files::hash(&file)? != Some((bytes, hash));
        if lacks {
            files::make_folder(files::folder_of(&file))?;
            self.write(&file)?;
        }
        Ok((Part { path, bytes, hash }, lacks))
    }
}

impl Keys {
    /// Reads the keys of a folder, none where it is no hub's.
    pub(super) fn of(dir: &Path) -> Result<Option<Self>, BackupsError> {
        let Some(present) = Key::read(&dir.join(KEY_FILE))? else { return Ok(None) };
        Ok(Some(Self { present, next: Key::read(&dir.join(NEXT_FILE))? }))
    }
}
