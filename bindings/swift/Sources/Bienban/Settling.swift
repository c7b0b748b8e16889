// What people answered apart: places, values, and settling them. Nothing that was written is lost.

import BienbanGenerated
import Foundation

extension BienbanFolder {
    /// Returns the places of an inspection and of its corrective actions in which values that differ stand.
    public func conflicts(inspection: String) async throws -> [ConflictView] {
        return try await calling { try await core.conflicts(inspection: inspection) }
    }

    /// Settles an item in which several answers stand, by an answer that names them. All that was written stays in the
    /// history.
    @discardableResult
    public func resolveAnswer(inspection: String, answer: AnswerDraft) async throws -> Settled {
        return try await calling { try await core.resolveAnswer(inspection: inspection, answer: answer) }
    }

    /// Settles any place by one of the values that stand in it, named by the change that wrote it.
    @discardableResult
    public func choose(inspection: String, place: String, change: String) async throws -> Settled {
        return try await calling { try await core.choose(inspection: inspection, place: place, change: change) }
    }

    /// Settles a text that several replaced apart by a text that a person made of them.
    @discardableResult
    public func resolveText(inspection: String, place: String, text: String) async throws -> Settled {
        return try await calling { try await core.resolveText(inspection: inspection, place: place, text: text) }
    }

    /// Settles a field of the header by a value that a person types.
    @discardableResult
    public func resolveHeader(inspection: String, field: String, value: String) async throws -> Settled {
        return try await calling {
            try await core.resolveHeader(inspection: inspection, field: field, value: value)
        }
    }

    /// Returns every answer ever given to an item, oldest first.
    public func answerHistory(inspection: String, item: String, row: String? = nil) async throws -> [AnswerGiven] {
        return try await calling { try await core.answerHistory(inspection: inspection, item: item, row: row) }
    }

    /// Returns every value ever written to a place, oldest first; of a text what each change made of it.
    public func placeHistory(inspection: String, place: String) async throws -> [HistoryLine] {
        return try await calling { try await core.placeHistory(inspection: inspection, place: place) }
    }
}
