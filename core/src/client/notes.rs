//! Small files of a folder that hold what is secret for a while: one-time codes and whom they are for. Where
//! the folder is sealed, so are they.

use std::fs;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::rest::{Rest, wipe};
use super::settings::write_beside;
use super::{Client, ClientError};
use crate::store::NONCE_BYTES;
use crate::trust::rest::{KeyId, RestError};

/// Invitations of this device whose codes are not used up.
pub(super) const INVITATIONS: Note = Note("invitations.json");

/// The invitation that this device is taking up.
pub(super) const ENROLMENT: Note = Note("enrolment.json");

const ALL: [Note; 2] = [INVITATIONS, ENROLMENT];

/// What stands in a sealed one: this, key id, nonce, sealed bytes. JSON starts otherwise.
const MAGIC: &[u8; 8] = b"BIENBANN";

/// The version of both files.
pub(super) const FILE_VERSION: u32 = 1;

/// What every version of them says.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// A file, by its name in the folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note(pub(super) &'static str);

impl Note {
    /// A file put in the place of another does not open.
    fn context(self) -> Vec<u8> {
        [b"bienban 2026-11 sealed note\0", self.0.as_bytes()].concat()
    }
}

impl Rest {
    fn seal_note(&self, note: Note, plain: &[u8]) -> Result<Vec<u8>, ClientError> {
        let (key, nonce, sealed) = self.seal(&note.context(), plain).ok_or(RestError::NotFresh)?;
        Ok([&MAGIC[..], &key.0.to_le_bytes(), &nonce, &sealed].concat())
    }

    /// Opens a sealed one.
    fn open_note(&self, note: Note, bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = key_of(bytes)?;
        let (nonce, sealed) = bytes.get(MAGIC.len() + 4..)?.split_at_checked(NONCE_BYTES)?;
        self.open_sealed(key, nonce.try_into().ok()?, &note.context(), sealed)
    }

    /// Seals what is plain or under an older key. The older key goes only once this is done.
    pub(super) fn settle_notes(&self, dir: &Path) -> Result<(), ClientError> {
        for note in ALL {
            let path = dir.join(note.0);
            let Some(bytes) = read(&path)? else { continue };
            if key_of(&bytes) == Some(self.current()) {
                continue;
            }
            let opened = match bytes.starts_with(MAGIC) {
                true => self.open_note(note, &bytes),
                // Where all was sealed once, a plain one is somebody else's.
                false if self.is_whole() => None,
                false => Some(bytes),
            };
            // One that does not open stays as it is: its reader says so.
            if let Some(plain) = opened {
                write_beside(&path, &self.seal_note(note, &plain)?)?;
            }
        }
        Ok(())
    }
}

impl Client {
    /// Returns what a file says; none where there is none.
    pub(super) fn read_note<T: DeserializeOwned>(
        &self,
        note: Note,
    ) -> Result<Option<T>, ClientError> {
        let path = self.dir().join(note.0);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        let fails = |reason: String| ClientError::Settings { path: path.clone(), reason };
        let plain = match (bytes.starts_with(MAGIC), self.rest.as_ref()) {
            (true, Some(rest)) => rest
                .open_note(note, &bytes)
                .ok_or_else(|| fails("it is sealed under another key".to_owned()))?,
            // The program has sealed all of its own: this was put here by somebody else.
            (false, Some(rest)) if rest.is_whole() => {
                return Err(fails("it is not sealed, and the folder is".to_owned()));
            }
            (true, None) => return Err(fails("it is sealed, and the folder is not".to_owned())),
            (false, _) => bytes,
        };
        // First of all, for the rest of a newer one may be anything.
        if let Ok(Version { version }) = serde_json::from_slice(&plain)
            && version > FILE_VERSION
        {
            return Err(fails(format!("format {version} is newer than this program")));
        }
        serde_json::from_slice(&plain).map(Some).map_err(|error| fails(error.to_string()))
    }

    /// Writes a file, sealed where the folder is.
    pub(super) fn write_note<T: Serialize>(
        &self,
        note: Note,
        value: &T,
    ) -> Result<(), ClientError> {
        let path = self.dir().join(note.0);
        let plain = serde_json::to_vec(value).map(Zeroizing::new).map_err(|error| {
            ClientError::Settings { path: path.clone(), reason: error.to_string() }
        })?;
        match &self.rest {
            Some(rest) => write_beside(&path, &rest.seal_note(note, &plain)?),
            None => write_beside(&path, &plain),
        }
    }

    /// Removes a file.
    pub(super) fn remove_note(&self, note: Note) -> Result<(), ClientError> {
        super::settings::remove(self.dir().join(note.0))
    }
}

/// Overwrites and removes all of them.
pub(super) fn destroy(dir: &Path) -> Result<(), ClientError> {
    ALL.into_iter().map(|note| wipe(&dir.join(note.0))).fold(Ok(()), Result::and)
}

fn key_of(bytes: &[u8]) -> Option<KeyId> {
    let id = bytes.strip_prefix(MAGIC)?.get(..4)?;
    Some(KeyId(u32::from_le_bytes(id.try_into().ok()?)))
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, ClientError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ClientError::File { action: "read", path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{OpenWith, Settings};
    use crate::trust::rest::StoreKey;

    fn raw(dir: &Path) -> Vec<u8> {
        fs::read(dir.join(INVITATIONS.0)).unwrap()
    }

    #[test]
    fn a_note_is_sealed_where_the_folder_is_and_follows_its_keys() {
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path();
        Client::init(plain, &Settings::default()).unwrap();
        let client = Client::open(plain).unwrap();
        client.write_note(INVITATIONS, &"mã một lần").unwrap();
        drop(client);
        assert_eq!(raw(plain), "\"mã một lần\"".as_bytes());
        let key = StoreKey::key(&[1; 32]);
        let with = || OpenWith { key: Some(&key), ..OpenWith::default() };
        let client = Client::open_with(plain, with()).unwrap();
        let taken_over = raw(plain);
        assert!(taken_over.starts_with(MAGIC), "taken over with the folder");
        assert_eq!(client.read_note(INVITATIONS).unwrap(), Some("mã một lần".to_owned()));
        let client = client.rotate_key(with()).unwrap();
        assert_ne!(raw(plain), taken_over);
        assert_eq!(client.read_note(INVITATIONS).unwrap(), Some("mã một lần".to_owned()));
        drop(client);
        let client = Client::open_with(plain, with()).unwrap();
        // What was sealed under the older key, or as another file, does not open.
        for (wrong, name) in [(taken_over, INVITATIONS.0), (raw(plain), ENROLMENT.0)] {
            fs::write(plain.join(name), wrong).unwrap();
            let read = client.read_note::<String>(Note(name)).unwrap_err();
            assert!(matches!(read, ClientError::Settings { .. }), "{read}");
        }
        fs::write(plain.join(INVITATIONS.0), "\"planted\"").unwrap();
        drop(client);
        let client = Client::open_with(plain, with()).unwrap();
        let planted = client.read_note::<String>(INVITATIONS).unwrap_err();
        assert!(matches!(planted, ClientError::Settings { .. }), "{planted}");
        client.destroy_key().unwrap();
        assert!(!plain.join(INVITATIONS.0).exists() && !plain.join(ENROLMENT.0).exists());
    }

    #[test]
    fn a_file_of_a_later_program_is_named_as_such_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("phone");
        Client::init(&dir, &Settings { hub: None }).unwrap();
        let client = Client::open(&dir).unwrap();
        let later = br#"{"version": 2, "invitations": "elsewhere"}"#;
        for note in ALL {
            fs::write(dir.join(note.0), later).unwrap();
        }
        let invitations = client.invitations().map(drop);
        let enrolment = client.enrolment().map(drop);
        for refused in [invitations, enrolment] {
            let said = refused.unwrap_err().to_string();
            assert!(said.contains("format 2 is newer than this program"), "{said}");
        }
        assert!(ALL.iter().all(|note| fs::read(dir.join(note.0)).unwrap() == later));
    }
}
