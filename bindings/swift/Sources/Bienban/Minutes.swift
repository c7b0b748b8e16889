// Review, and the minutes: checked, sealed, signed too, supplemented, exported.

import BienbanGenerated
import Foundation

extension BienbanFolder {
    /// Sends an inspection back (*trả lại để bổ sung*), as a whole or to one item.
    @discardableResult
    public func sendBack(
        inspection: String,
        item: String?,
        text: String,
        seenHeads: [String]
    ) async throws -> Sent {
        return try await calling {
            try await core.sendBack(inspection: inspection, item: item, text: text, seenHeads: seenHeads)
        }
    }

    /// Pins a comment to an item, or to the whole inspection.
    @discardableResult
    public func comment(inspection: String, item: String?, text: String) async throws -> Sent {
        return try await calling { try await core.comment(inspection: inspection, item: item, text: text) }
    }

    /// Replies to a comment or request, by its id. A request counts as answered then.
    @discardableResult
    public func reply(inspection: String, to: String, text: String) async throws -> Sent {
        return try await calling { try await core.reply(inspection: inspection, to: to, text: text) }
    }

    /// Accepts an inspection (*chấp nhận*) as it was at the heads that the person saw, which ``InspectionScreen/heads``
    /// tells; without any as it is here now.
    @discardableResult
    public func accept(
        inspection: String,
        text: String,
        seenHeads: [String],
        despite: String? = nil
    ) async throws -> Edited {
        return try await calling {
            try await core.accept(inspection: inspection, text: text, seenHeads: seenHeads, despite: despite)
        }
    }

    /// Returns what stands between an inspection and its seal. Writes nothing.
    public func sealCheck(inspection: String) async throws -> SealCheck {
        return try await calling { try await core.sealCheck(inspection: inspection) }
    }

    /// Signs and seals the minutes as the team's leader, and returns the seal's id. Works offline: durable when it
    /// returns, registered and numbered once the server has it.
    public func seal(inspection: String, draft: SealDraft) async throws -> String {
        return try await calling { try await core.seal(inspection: inspection, draft: draft) }
    }

    /// Signs sealed minutes too, as a member of the team (*thành viên đoàn ký*), and returns their seal.
    public func countersign(inspection: String) async throws -> String {
        return try await calling { try await core.countersign(inspection: inspection) }
    }

    /// Begins a record that supplements sealed minutes (*biên bản bổ sung*), and returns its id. Nothing unseals.
    public func supplement(inspection: String) async throws -> String {
        return try await calling { try await core.supplement(inspection: inspection) }
    }

    /// Writes a record with its evidence into a file, which anybody checks without this app. Unless `offline`,
    /// everything is exchanged first and the server proves that the record is in its log. Cancelling the task ends it,
    /// and no file is written unless that has begun.
    public func exportRecord(inspection: String, path: String, offline: Bool = false) async throws -> Exported {
        return try await startExport(inspection: inspection, path: path, offline: offline).outcome()
    }

    /// Begins what ``exportRecord(inspection:path:offline:)`` does and returns at once.
    public func startExport(inspection: String, path: String, offline: Bool = false) throws -> Export {
        return Export(run: try callingNow {
            try core.startExport(inspection: inspection, path: path, offline: offline)
        })
    }
}

/// An export under way.
public final class Export: Sendable {
    let run: BienbanGenerated.ExportRun

    init(run: BienbanGenerated.ExportRun) {
        self.run = run
    }

    /// Waits for the end. Several may wait. Cancelling the task that waits ends the export.
    public func outcome() async throws -> Exported {
        let run = self.run
        return try await waiting(ending: { try? run.cancel() }, for: { try await run.wait() })
    }

    /// Ends it, at any time and as often as one likes; no file is written unless that has begun.
    public func cancel() {
        try? run.cancel()
    }
}
