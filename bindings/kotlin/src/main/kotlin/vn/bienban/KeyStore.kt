package vn.bienban

import vn.bienban.generated.KeyStore as GeneratedKeyStore
import vn.bienban.generated.KeyStoreException as GeneratedKeyStoreException

/**
 * Where the key lies that opens a folder: the Android Keystore, a file of a test.
 *
 * Called on a thread of the library while a folder is opened or erased, never on a screen's. Whatever it throws
 * becomes [BienbanException.Locked]; what the exception says is neither shown nor logged.
 */
public interface KeyStore {
    /**
     * Returns the 32 bytes that were saved under a name; null if there are none. To throw is not the same: it says
     * that the keystore cannot be asked now.
     */
    public fun loadKey(name: String): ByteArray?

    /** Saves 32 bytes under a name. They must be durable when it returns: data is sealed under them next. */
    public fun saveKey(
        name: String,
        key: ByteArray,
    )

    /** Deletes what was saved under a name: this device's rights were ended, and its data is erased. */
    public fun deleteKey(name: String)
}

internal class KeyStoreAdapter(private val store: KeyStore) : GeneratedKeyStore {
    override fun loadKey(name: String): ByteArray? = told { store.loadKey(name) }

    override fun saveKey(
        name: String,
        key: ByteArray,
    ) = told { store.saveKey(name, key) }

    override fun deleteKey(name: String) = told { store.deleteKey(name) }

    /**
     * Any `Throwable`: the generated code catches an `Exception` only, and an `Error` that passes it is taken for success.
     * Data would be sealed under a key that nobody keeps.
     */
    private inline fun <T> told(call: () -> T): T =
        try {
            call()
        } catch (error: Throwable) {
            throw GeneratedKeyStoreException.Failed(error.javaClass.name)
        }
}
