package vn.bienban.phone

import java.io.File
import java.io.FileOutputStream
import java.nio.file.Files
import java.nio.file.StandardCopyOption
import java.nio.file.attribute.PosixFilePermissions
import vn.bienban.KeyStore

/** A key in a file that only its owner may read: for programs like this one, not for phones. */
class FileKeyStore(private val file: File) : KeyStore {
    override fun loadKey(name: String): ByteArray? = if (file.exists()) file.readBytes() else null

    override fun saveKey(
        name: String,
        key: ByteArray,
    ) {
        val beside = File(file.path + ".new").toPath()
        Files.deleteIfExists(beside)
        val onlyMe = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
        Files.createFile(beside, onlyMe)
        FileOutputStream(beside.toFile()).use {
            it.write(key)
            it.fd.sync()
        }
        Files.move(beside, file.toPath(), StandardCopyOption.ATOMIC_MOVE)
    }

    override fun deleteKey(name: String) {
        Files.deleteIfExists(file.toPath())
    }
}
