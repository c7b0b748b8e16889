//! The platform's keystore, as an app hands it in.

use zeroize::Zeroizing;

use crate::error::Fault;

/// Bytes of the key that opens a folder.
pub(crate) const KEY_BYTES: usize = 32;

/// Why the platform's keystore did not do as asked. What it says is not shown and not logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum KeyStoreError {
    /// The keystore failed, is locked, or the app's code threw.
    #[error("the key store failed")]
    Failed {
        /// For the app's own use.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for KeyStoreError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}

/// Where the key lies that opens the folder: the Android Keystore, the iOS Keychain, a file of a test.
///
/// Called on a thread of this library, never on a screen's. An exception is a [`KeyStoreError`].
#[uniffi::export(foreign)]
pub trait KeyStore: Send + Sync {
    /// Returns the 32 bytes that were saved under a name; none if there are none.
    ///
    /// # Errors
    ///
    /// Returns [`KeyStoreError`] when the keystore cannot be asked now; that is not the same as none.
    fn load_key(&self, name: String) -> Result<Option<Vec<u8>>, KeyStoreError>;

    /// Saves 32 bytes under a name. They must be durable when it returns: data is sealed under them next.
    ///
    /// # Errors
    ///
    /// Returns [`KeyStoreError`] when they were not saved; no data is written then.
    fn save_key(&self, name: String, key: Vec<u8>) -> Result<(), KeyStoreError>;

    /// Deletes what was saved under a name: this device's rights were ended, and its data is erased.
    ///
    /// # Errors
    ///
    /// Returns [`KeyStoreError`] when it is still there. The data cannot be read any more all the same.
    fn delete_key(&self, name: String) -> Result<(), KeyStoreError>;
}

/// Reads the key of a name; none where the keystore has none.
pub(crate) fn load(
    store: &dyn KeyStore,
    name: &str,
) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, Fault> {
    let Some(bytes) = store.load_key(name.to_owned()).map_err(|_| Fault::KeyStore)? else {
        return Ok(None);
    };
    let bytes = Zeroizing::new(bytes);
    let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| Fault::KeyStore)?;
    Ok(Some(Zeroizing::new(key)))
}

/// Saves a key.
pub(crate) fn save(store: &dyn KeyStore, name: &str, key: &[u8; KEY_BYTES]) -> Result<(), Fault> {
    store.save_key(name.to_owned(), key.to_vec()).map_err(|_| Fault::KeyStore)
}
