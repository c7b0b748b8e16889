// Android's keystore as the app has it, over a provider that stands in for the system's.
package vn.bienban.tests

import android.security.keystore.KeyGenParameterSpec
import java.io.File
import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.SecureRandom
import java.security.Security
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.util.Collections
import java.util.Date
import java.util.Enumeration
import java.util.concurrent.ConcurrentHashMap
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey
import javax.crypto.spec.SecretKeySpec
import vn.bienban.AndroidKeyStore
import vn.bienban.Bienban
import vn.bienban.BienbanException
import vn.bienban.NextStep
import vn.bienban.use

/** The system's keys, by alias. */
private val system = ConcurrentHashMap<String, SecretKey>()

/** As much of a keystore as an app may ask of Android's. */
class SystemKeys : KeyStoreSpi() {
    override fun engineGetKey(
        alias: String,
        password: CharArray?,
    ): Key? = system[alias]

    override fun engineDeleteEntry(alias: String) {
        system.remove(alias)
    }

    override fun engineLoad(
        stream: InputStream?,
        password: CharArray?,
    ) = Unit

    override fun engineAliases(): Enumeration<String> = Collections.enumeration(system.keys)

    override fun engineContainsAlias(alias: String) = system.containsKey(alias)

    override fun engineSize() = system.size

    override fun engineIsKeyEntry(alias: String) = system.containsKey(alias)

    override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null

    override fun engineGetCertificate(alias: String): Certificate? = null

    override fun engineGetCreationDate(alias: String): Date? = null

    override fun engineIsCertificateEntry(alias: String) = false

    override fun engineGetCertificateAlias(certificate: Certificate): String? = null

    override fun engineSetKeyEntry(
        alias: String,
        key: Key,
        password: CharArray?,
        chain: Array<Certificate>?,
    ) = throw UnsupportedOperationException()

    override fun engineSetKeyEntry(
        alias: String,
        key: ByteArray,
        chain: Array<Certificate>?,
    ) = throw UnsupportedOperationException()

    override fun engineSetCertificateEntry(
        alias: String,
        certificate: Certificate,
    ) = throw UnsupportedOperationException()

    override fun engineStore(
        stream: OutputStream?,
        password: CharArray?,
    ) = throw UnsupportedOperationException()
}

/** Makes keys under the alias that Android's specification of a key names. */
class SystemKeyMaker : KeyGeneratorSpi() {
    private var spec: KeyGenParameterSpec? = null

    override fun engineInit(
        params: AlgorithmParameterSpec,
        random: SecureRandom?,
    ) {
        spec = params as KeyGenParameterSpec
    }

    override fun engineInit(random: SecureRandom?) = throw UnsupportedOperationException()

    override fun engineInit(
        size: Int,
        random: SecureRandom?,
    ) = throw UnsupportedOperationException()

    override fun engineGenerateKey(): SecretKey {
        val spec = checkNotNull(spec)
        val key = SecretKeySpec(ByteArray(spec.keySize / 8).also { SecureRandom().nextBytes(it) }, "AES")
        system[spec.keystoreAlias] = key
        return key
    }
}

private class SystemProvider : Provider("AndroidKeyStore", "1", "stands in for Android's") {
    init {
        put("KeyStore.AndroidKeyStore", SystemKeys::class.java.name)
        put("KeyGenerator.AES", SystemKeyMaker::class.java.name)
    }
}

private fun keys(): Pair<AndroidKeyStore, File> {
    // Last, so that whoever asks for AES without naming a provider gets the JVM's.
    if (Security.getProvider("AndroidKeyStore") == null) Security.addProvider(SystemProvider())
    val dir = scratch()
    return AndroidKeyStore(File(dir, "keys")) to File(dir, "keys")
}

val androidKeys =
    listOf(
        test("a key of Android's keystore opens its folder again, and lies nowhere in the open") {
            val (keys, files) = keys()
            val dir = scratch()
            val device = Bienban.open(dir, keys).use { it.device }
            Bienban.open(dir, AndroidKeyStore(files)).use { same(it.device, device) }
            val key = checkNotNull(keys.loadKey("bienban.store"))
            same(key.size, 32)
            val file = File(files, "bienban.store.key").readBytes()
            claim(file.toList().windowed(32).none { it == key.toList() }) { "the key is in its file" }
        },
        test("a key whose file was changed, moved to another name or shortened is refused") {
            val (keys, files) = keys()
            keys.saveKey("a", ByteArray(32) { 7 })
            keys.saveKey("b", ByteArray(32) { 8 })
            same(keys.loadKey("a")?.first(), 7.toByte())
            val file = File(files, "a.key")
            val whole = file.readBytes()
            file.writeBytes(whole.copyOf().also { it[20] = (it[20] + 1).toByte() })
            fails<java.security.GeneralSecurityException> { keys.loadKey("a") }
            file.writeBytes(whole.copyOf(8))
            fails<java.io.IOException> { keys.loadKey("a") }
            file.writeBytes(File(files, "b.key").readBytes())
            fails<java.security.GeneralSecurityException> { keys.loadKey("a") }
            fails<IllegalArgumentException> { keys.loadKey("../a") }
            same(keys.loadKey("nobody"), null)
        },
        test("saved twice the later key stands; deleted, both the file and the system's key are gone") {
            val (keys, files) = keys()
            keys.saveKey("a", ByteArray(32) { 1 })
            keys.saveKey("a", ByteArray(32) { 2 })
            same(keys.loadKey("a")?.toList(), List(32) { 2.toByte() })
            keys.deleteKey("a")
            same(keys.loadKey("a"), null)
            same(files.list()?.toList(), emptyList())
            same(system.keys.none { it == "vn.bienban.a" }, true)
            keys.deleteKey("a")
        },
        test("with the system's key gone the folder is Locked, with a report") {
            val (keys, _) = keys()
            val dir = scratch()
            Bienban.open(dir, keys).use {}
            system.clear()
            same(fails<BienbanException.Locked> { Bienban.open(dir, keys) }.next, NextStep.REPORT)
        },
    )
