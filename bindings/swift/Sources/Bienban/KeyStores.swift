// Where the key of a folder lies: the Keychain on phones, a file in tests and scripts.

import BienbanGenerated
import Foundation

#if canImport(Security)
import Security

/// Keeps keys in the Keychain, readable after the first unlock since the phone started, and on this device alone.
///
/// After the first unlock, because background exchanges run while the screen is locked. An entry outlives the app: after
/// a new installation the old key seals the new folder.
public final class KeychainKeyStore: KeyStore, Sendable {
    private let service: String
    private let accessGroup: String?

    /// Makes one. An app and its extension that open the same folder need a common `accessGroup`.
    public init(service: String = "vn.bienban", accessGroup: String? = nil) {
        self.service = service
        self.accessGroup = accessGroup
    }

    public func loadKey(name: String) throws -> Data? {
        var query = entry(name)
        query[kSecReturnData as String] = true
        query[kSecMatchLimit as String] = kSecMatchLimitOne
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &found)
        if status == errSecItemNotFound {
            return nil
        }
        try check(status)
        guard let key = found as? Data else {
            throw KeyStoreError.Failed(reason: "the Keychain returned no data")
        }
        return key
    }

    public func saveKey(name: String, key: Data) throws {
        var added = entry(name)
        added[kSecValueData as String] = key
        added[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        let status = SecItemAdd(added as CFDictionary, nil)
        if status == errSecDuplicateItem {
            let changed: [String: Any] = [
                kSecValueData as String: key,
                kSecAttrAccessible as String: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
            ]
            try check(SecItemUpdate(entry(name) as CFDictionary, changed as CFDictionary))
            return
        }
        try check(status)
    }

    public func deleteKey(name: String) throws {
        let status = SecItemDelete(entry(name) as CFDictionary)
        if status != errSecItemNotFound {
            try check(status)
        }
    }

    private func entry(_ name: String) -> [String: Any] {
        var query: [String: Any] = [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: service,
            kSecAttrAccount as String: name,
            // As on a phone, on a Mac too.
            kSecUseDataProtectionKeychain as String: true,
        ]
        if let accessGroup = accessGroup {
            query[kSecAttrAccessGroup as String] = accessGroup
        }
        return query
    }

    private func check(_ status: OSStatus) throws {
        if status != errSecSuccess {
            throw KeyStoreError.Failed(reason: "OSStatus \(status)")
        }
    }
}
#endif

/// Keeps one key in a file that only its owner may read: for tests and scripts, not for phones.
///
/// Who has that file and the folder can read everything.
public final class FileKeyStore: KeyStore, Sendable {
    private let file: URL

    /// Makes one that keeps its key in `file`.
    public init(file: URL) {
        self.file = file
    }

    public func loadKey(name: String) throws -> Data? {
        do {
            return try Data(contentsOf: file)
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return nil
        } catch {
            // Not being able to look is not the same as none.
            throw KeyStoreError.Failed(reason: error.localizedDescription)
        }
    }

    public func saveKey(name: String, key: Data) throws {
        let beside = file.appendingPathExtension("new")
        do {
            try? FileManager.default.removeItem(at: beside)
            // Its owner's alone before the key is in it, and on the disk before anything is sealed under the key.
            let owner: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
            if !FileManager.default.createFile(atPath: beside.path, contents: nil, attributes: owner) {
                throw KeyStoreError.Failed(reason: "the file cannot be made")
            }
            let handle = try FileHandle(forWritingTo: beside)
            try handle.write(contentsOf: key)
            try handle.synchronize()
            try handle.close()
        } catch let error as KeyStoreError {
            throw error
        } catch {
            throw KeyStoreError.Failed(reason: error.localizedDescription)
        }
        if rename(beside.path, file.path) != 0 {
            throw KeyStoreError.Failed(reason: "errno \(errno)")
        }
    }

    public func deleteKey(name: String) throws {
        if FileManager.default.fileExists(atPath: file.path) {
            do {
                try FileManager.default.removeItem(at: file)
            } catch {
                throw KeyStoreError.Failed(reason: error.localizedDescription)
            }
        }
    }
}
