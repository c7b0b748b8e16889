// A conflict as a person settles it: the values that stand, who wrote them, and the call that settles.

import Bienban

/// One value to choose.
public struct ConflictChoice: Equatable, Identifiable, Sendable {
    /// The change that wrote it: what the choice is recorded by.
    public let change: String
    public let text: LocalText
    public let author: String
    /// This device wrote it.
    public let own: Bool
    /// The worse one, which counts until somebody settles.
    public let counts: Bool

    public var id: String {
        return change
    }
}

/// One place in which values differ.
public struct ConflictRow: Equatable, Identifiable, Sendable {
    public let place: String
    public let label: LocalText
    public let choices: [ConflictChoice]

    public var id: String {
        return place
    }

    public init(_ conflict: ConflictView) {
        place = conflict.place
        label = conflict.label
        let worst = conflict.values.compactMap { $0.grade }.map(ConflictRow.weight).max()
        choices = conflict.values.map { value in
            let weight = value.grade.map(ConflictRow.weight)
            return ConflictChoice(
                change: value.change,
                text: value.text,
                author: value.author.name.isEmpty ? value.author.agency : value.author.name,
                own: value.author.here,
                counts: weight != nil && weight == worst
            )
        }
    }

    /// How bad a grade is; only for telling which of several counts.
    static func weight(_ grade: Grade) -> Int {
        switch grade {
        case .serious: return 4
        case .major: return 3
        case .minor: return 2
        case .pass: return 1
        case .notApplicable, .given, .unanswered, .damaged: return 0
        }
    }
}
