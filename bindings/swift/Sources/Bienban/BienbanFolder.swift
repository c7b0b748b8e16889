// The object that an app holds: one folder, open. What can be done in it stands in the other files.

import BienbanGenerated
import Foundation

/// One folder with a device, open: everything an app does goes through it.
///
/// Any number of calls may run at once, from any thread or actor. A call that touches disk or network works on threads of
/// the library, so that a screen may await it directly. Every call throws ``BienbanError``.
public final class BienbanFolder: Sendable {
    let core: BienbanGenerated.Bienban

    init(core: BienbanGenerated.Bienban) {
        self.core = core
    }

    /// Opens a folder, or makes a device in it; all that lies in it is sealed under a key that `keys` keeps.
    ///
    /// One folder is one device, and one process has it open at a time. On Apple's systems the folder is kept out of
    /// backups: its key never leaves this device, so that a restored copy could not be read.
    ///
    /// A task that is cancelled while it opens gets the folder all the same, or its error; close what came too late.
    public static func open(
        at directory: URL,
        keys: KeyStore,
        options: OpenOptions = OpenOptions()
    ) async throws -> BienbanFolder {
        let core = try await calling {
            try await BienbanGenerated.Bienban.open(dir: directory.path, keyStore: keys, options: options)
        }
        excludeFromBackup(directory)
        return BienbanFolder(core: core)
    }

    /// Closes the folder; at any time, as often as one likes. Edits that were begun are recorded first, exchanges,
    /// enrolments and streams of events end. When it returns another process may open the folder.
    public func close() async throws {
        try await calling { try await core.shutdown() }
    }

    /// Whether ``close()`` was called.
    public var isClosed: Bool {
        return (try? core.isClosed()) ?? true
    }

    /// Returns the device's id: its public key, in hexadecimal.
    public func device() throws -> String {
        return try callingNow { try core.device() }
    }

    /// Returns who this device is, as far as the server has told it.
    public func me() async throws -> Me {
        return try await calling { try await core.me() }
    }

    /// Writes one closed part of the journal shorter where that pays, and returns whether one was: for idle minutes,
    /// best on the charger. Nothing is taken out of the record.
    @discardableResult
    public func condense() async throws -> Bool {
        return try await calling { try await core.condense() }
    }

    /// Returns the last errors of this process, at most 64, oldest first: what an app sends with a report.
    public static func recentReports() throws -> [ReportLine] {
        return try callingNow { try BienbanGenerated.recentReports() }
    }
}

/// Best effort: a folder in a backup is of no use, but harms nobody.
private func excludeFromBackup(_ directory: URL) {
    #if canImport(Darwin)
    var place = directory
    var values = URLResourceValues()
    values.isExcludedFromBackup = true
    try? place.setResourceValues(values)
    #endif
}
