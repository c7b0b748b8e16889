package vn.bienban

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.security.KeyStore as JavaKeyStore
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * Keys in files that only this phone can read: each is sealed under a key that the Android Keystore makes and never
 * hands out. Give it a folder that no backup takes along, `context.noBackupFilesDir`: on another phone its files are
 * of no use.
 */
public class AndroidKeyStore(private val dir: File) : KeyStore {
    override fun loadKey(name: String): ByteArray? {
        val file = fileOf(name)
        if (!file.exists()) return null
        // With the system's key gone for good, none is left: to try again later would not help.
        val key = systemKey(name) ?: return null
        val sealed = file.readBytes()
        if (sealed.size <= IV_BYTES) throw IOException("a file of a key that is too short")
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(TAG_BITS, sealed, 0, IV_BYTES))
        cipher.updateAAD(name.toByteArray())
        return cipher.doFinal(sealed, IV_BYTES, sealed.size - IV_BYTES)
    }

    override fun saveKey(
        name: String,
        key: ByteArray,
    ) {
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.ENCRYPT_MODE, systemKey(name) ?: newSystemKey(name))
        check(cipher.iv.size == IV_BYTES) { "another length of the IV than $IV_BYTES" }
        cipher.updateAAD(name.toByteArray())
        val sealed = cipher.doFinal(key)
        dir.mkdirs()
        val beside = File(dir, fileOf(name).name + ".new")
        FileOutputStream(beside).use {
            it.write(cipher.iv)
            it.write(sealed)
            // Data is sealed under it next: it must not be lost with the battery.
            it.fd.sync()
        }
        if (!beside.renameTo(fileOf(name))) throw IOException("the key's file cannot be put in its place")
    }

    override fun deleteKey(name: String) {
        // The system's key first: without it the file is noise.
        system().run { if (containsAlias(aliasOf(name))) deleteEntry(aliasOf(name)) }
        if (!fileOf(name).delete() && fileOf(name).exists()) throw IOException("the key's file cannot be deleted")
    }

    private fun system(): JavaKeyStore = JavaKeyStore.getInstance(PROVIDER).apply { load(null) }

    private fun systemKey(name: String): SecretKey? = system().getKey(aliasOf(name), null) as SecretKey?

    private fun newSystemKey(name: String): SecretKey {
        val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec =
            KeyGenParameterSpec.Builder(aliasOf(name), purposes)
                .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                .setKeySize(KEY_BITS)
                .build()
        val generator = KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, PROVIDER)
        generator.init(spec)
        return generator.generateKey()
    }

    private fun aliasOf(name: String) = "vn.bienban.$name"

    /** Names come from the app: one that is no name of a file must not leave the folder. */
    private fun fileOf(name: String): File {
        require(NAME.matches(name)) { "a key's name is made of letters, digits, dots, dashes and underscores" }
        return File(dir, "$name.key")
    }

    private companion object {
        const val PROVIDER = "AndroidKeyStore"
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val KEY_BITS = 256
        const val TAG_BITS = 128
        const val IV_BYTES = 12
        val NAME = Regex("[A-Za-z0-9_-][A-Za-z0-9._-]*")
    }
}
