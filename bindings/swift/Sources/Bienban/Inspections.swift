// Reading one inspection and writing to it. Each write is one edit and is on the disk when it returns.

import BienbanGenerated
import Foundation

extension BienbanFolder {
    /// Opens a planned visit and returns the inspection's id, the same on every device. Nothing is recorded before the
    /// first edit. Works offline.
    public func openVisit(plan: String, facility: String, visit: UInt32? = nil) async throws -> String {
        return try await calling { try await core.openVisit(plan: plan, facility: facility, visit: visit) }
    }

    /// Returns an inspection as a screen shows it, whole.
    public func inspection(id: String) async throws -> InspectionScreen {
        return try await calling { try await core.inspection(id: id) }
    }

    /// Returns the digest of an inspection's record, 32 bytes in hexadecimal: equal on every device that holds the
    /// same. Once minutes are sealed it is that of the record as it was sealed.
    public func digest(id: String) async throws -> String {
        return try await calling { try await core.digest(id: id) }
    }

    /// Returns what an inspection amounts to so far.
    public func grade(id: String) async throws -> GradeView {
        return try await calling { try await core.grade(id: id) }
    }

    /// Returns why an inspection amounts to what it does, from the result down to each answer and clause.
    public func explain(id: String) async throws -> [ExplanationLine] {
        return try await calling { try await core.explain(id: id) }
    }

    /// Answers an item. An earlier answer that this device has seen is replaced; it stays in the history.
    @discardableResult
    public func answer(inspection: String, answer: AnswerDraft) async throws -> Edited {
        return try await calling { try await core.answer(inspection: inspection, answer: answer) }
    }

    /// Edits the note of an item.
    @discardableResult
    public func note(inspection: String, item: String, edit: TextEdit) async throws -> Edited {
        return try await calling { try await core.note(inspection: inspection, item: item, edit: edit) }
    }

    /// Adds a finding and returns its id.
    @discardableResult
    public func addFinding(inspection: String, finding: FindingDraft) async throws -> String {
        return try await calling { try await core.addFinding(inspection: inspection, finding: finding) }
    }

    /// Deletes a finding. It stays visible with who and why, and so does what others write to it meanwhile.
    @discardableResult
    public func deleteFinding(inspection: String, finding: String, reason: String) async throws -> Edited {
        return try await calling {
            try await core.deleteFinding(inspection: inspection, finding: finding, reason: reason)
        }
    }

    /// Brings a deleted finding back.
    @discardableResult
    public func restoreFinding(inspection: String, finding: String) async throws -> Edited {
        return try await calling { try await core.restoreFinding(inspection: inspection, finding: finding) }
    }

    /// Adds a row to a repeated section, by the section's code, and returns its id.
    @discardableResult
    public func addRow(inspection: String, section: String, note: String? = nil) async throws -> String {
        return try await calling { try await core.addRow(inspection: inspection, section: section, note: note) }
    }

    /// Removes a row, or brings a removed one back. It stays visible.
    @discardableResult
    public func removeRow(inspection: String, row: String, removed: Bool) async throws -> Edited {
        return try await calling { try await core.removeRow(inspection: inspection, row: row, removed: removed) }
    }

    /// Edits the note of a row.
    @discardableResult
    public func rowNote(inspection: String, row: String, edit: TextEdit) async throws -> Edited {
        return try await calling { try await core.rowNote(inspection: inspection, row: row, edit: edit) }
    }

    /// Writes a field of the minutes' header, as a person types it; an empty text takes it back.
    @discardableResult
    public func setHeader(inspection: String, field: String, value: String) async throws -> Edited {
        return try await calling { try await core.setHeader(inspection: inspection, field: field, value: value) }
    }

    /// Writes an opinion: of the facility, of others, or the conclusion of the team.
    @discardableResult
    public func opinion(inspection: String, opinion: Opinion, edit: TextEdit) async throws -> Edited {
        return try await calling { try await core.opinion(inspection: inspection, opinion: opinion, edit: edit) }
    }

    /// Moves an inspection on in its life cycle (*vòng đời cuộc kiểm tra*), one step.
    @discardableResult
    public func takeStep(inspection: String, step: StepDraft) async throws -> Edited {
        return try await calling { try await core.takeStep(inspection: inspection, step: step) }
    }
}
