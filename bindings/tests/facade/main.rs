//! The facade as an app uses it: opened and closed at any time, cancelled, watched by observers that throw.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod close;
mod observers;
mod work;

use std::sync::{Arc, Mutex};

use bienban_bindings::{
    Bienban, BienbanError, Changes, KeyStore, KeyStoreError, Observer, ObserverError, OpenOptions,
    SyncProgress, WipeOrder,
};

/// A keystore of one key, in memory.
#[derive(Default)]
pub(crate) struct Keys {
    key: Mutex<Option<Vec<u8>>>,
    fails: bool,
}

impl Keys {
    /// One that does nothing but fail.
    pub(crate) fn failing() -> Arc<Self> {
        Arc::new(Self { key: Mutex::default(), fails: true })
    }

    fn answer(&self) -> Result<(), KeyStoreError> {
        match self.fails {
            true => Err(KeyStoreError::Failed { reason: "locked".to_owned() }),
            false => Ok(()),
        }
    }
}

impl KeyStore for Keys {
    fn load_key(&self, _name: String) -> Result<Option<Vec<u8>>, KeyStoreError> {
        self.answer()?;
        Ok(self.key.lock().unwrap().clone())
    }

    fn save_key(&self, _name: String, key: Vec<u8>) -> Result<(), KeyStoreError> {
        self.answer()?;
        *self.key.lock().unwrap() = Some(key);
        Ok(())
    }

    fn delete_key(&self, _name: String) -> Result<(), KeyStoreError> {
        self.answer()?;
        *self.key.lock().unwrap() = None;
        Ok(())
    }
}

/// Counts what it is told, and throws each time if it is to.
#[derive(Default)]
pub(crate) struct Watching {
    pub(crate) changes: Mutex<Vec<Changes>>,
    pub(crate) progress: Mutex<Vec<SyncProgress>>,
    pub(crate) throws: bool,
    pub(crate) panics: bool,
}

impl Watching {
    fn end(&self) -> Result<(), ObserverError> {
        assert!(!self.panics, "an observer that panics");
        match self.throws {
            true => Err(ObserverError::Failed { reason: "on purpose".to_owned() }),
            false => Ok(()),
        }
    }
}

impl Observer for Watching {
    fn changed(&self, changes: Changes) -> Result<(), ObserverError> {
        self.changes.lock().unwrap().push(changes);
        self.end()
    }

    fn sync_progress(&self, progress: SyncProgress) -> Result<(), ObserverError> {
        self.progress.lock().unwrap().push(progress);
        self.end()
    }

    fn wipe_ordered(&self, _order: WipeOrder) -> Result<(), ObserverError> {
        self.end()
    }
}

/// Opens a folder with a keystore.
pub(crate) async fn open_with(
    dir: &std::path::Path,
    keys: Arc<Keys>,
) -> Result<Arc<Bienban>, BienbanError> {
    let dir = dir.to_str().unwrap().to_owned();
    Bienban::open(dir, keys, OpenOptions::default()).await
}
