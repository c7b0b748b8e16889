// What a checklist shows of an item, and what a touch of it records. Knows no screen.

import Bienban

/// A button of an item.
public struct GradeButton: Equatable, Identifiable, Sendable {
    public let grade: Grade
    public let label: LocalText
    /// It is what counts now.
    public let chosen: Bool

    public var id: String {
        return label.en
    }
}

/// What is left to write for an item beside a grade.
public enum Field: Equatable, Sendable {
    /// Nothing: its buttons are all.
    case nothing
    /// A typed value, in a unit.
    case typed(unit: String?)
    /// One of several options.
    case options([Choice])
    /// What this sample has no field for.
    case elsewhere
}

/// An item as a row shows it.
public struct ItemRow: Equatable, Identifiable, Sendable {
    public let item: ItemView
    /// The row's id, of an item that is answered in rows.
    public let row: String?

    public init(item: ItemView, row: String? = nil) {
        self.item = item
        self.row = row
    }

    public var id: String {
        guard let row = row else {
            return item.key
        }
        return row + "/" + item.key
    }

    /// Its place in the record, as conflicts name it.
    public var place: String {
        return id
    }

    /// The buttons of an item that takes a grade; none of others.
    public var buttons: [GradeButton] {
        guard item.kind == .grade else {
            return []
        }
        var grades: [Grade] = [.pass]
        for severity in item.severities {
            switch severity {
            case .minor: grades.append(.minor)
            case .major: grades.append(.major)
            case .serious: grades.append(.serious)
            }
        }
        if item.mayBeNotApplicable {
            grades.append(.notApplicable)
        }
        return grades.map { grade in
            GradeButton(grade: grade, label: ItemRow.label(of: grade), chosen: item.countsAs == grade)
        }
    }

    /// What else there is to write.
    public var field: Field {
        switch item.kind {
        case .grade: return .nothing
        case .number: return .typed(unit: item.unit)
        case .text, .date: return .typed(unit: nil)
        case .choice: return .options(item.options)
        case .choices, .photo, .position, .signature, .calculation, .unknown: return .elsewhere
        }
    }

    /// Several answers stand: whoever looks at it must see that.
    public var differs: Bool {
        return item.state == .conflict
    }

    /// An answer needs photos, or may have some: the row keeps a place for them.
    public var photosGiven: Int {
        return item.answers.first?.photos.count ?? 0
    }

    /// What is recorded when a button is touched. Photos that were there stay.
    public func draft(_ grade: Grade) -> AnswerDraft {
        return AnswerDraft(item: item.key, row: row, grade: grade, photos: item.answers.first?.photos ?? [])
    }

    /// What is recorded when a value is typed; nil for an empty one, which would say nothing.
    public func draft(value: String) -> AnswerDraft? {
        let bare = ItemRow.trimmed(value)
        if bare.isEmpty {
            return nil
        }
        return AnswerDraft(item: item.key, row: row, grade: .given, value: bare, photos: item.answers.first?.photos ?? [])
    }

    /// What people call a grade.
    public static func label(of grade: Grade) -> LocalText {
        switch grade {
        case .pass: return Words.pass
        case .minor: return Words.minor
        case .major: return Words.major
        case .serious: return Words.serious
        case .notApplicable: return Words.notApplicable
        case .given, .unanswered, .damaged: return LocalText(vi: "", en: "")
        }
    }

    static func trimmed(_ text: String) -> String {
        var bare = Substring(text)
        while let first = bare.first, first.isWhitespace {
            bare = bare.dropFirst()
        }
        while let last = bare.last, last.isWhitespace {
            bare = bare.dropLast()
        }
        return String(bare)
    }
}

/// A section with the rows of it that are shown.
public struct SectionRows: Equatable, Identifiable, Sendable {
    public let id: String
    public let title: LocalText
    public let rows: [ItemRow]
}

/// The checklist of an inspection, as it is drawn from top to bottom.
public struct ChecklistRows: Equatable, Sendable {
    public let sections: [SectionRows]
    public let answered: Int
    public let items: Int

    public init(of screen: InspectionScreen) {
        var made: [SectionRows] = []
        for section in screen.sections {
            var rows: [ItemRow] = []
            if section.rowTitle == nil {
                rows = section.items.map { ItemRow(item: $0) }
            } else {
                for row in section.rows where !row.removed {
                    rows += row.items.map { ItemRow(item: $0, row: row.id) }
                }
            }
            made.append(SectionRows(id: section.code, title: section.title, rows: rows))
        }
        sections = made
        answered = Int(screen.grade.tally.answered)
        items = Int(screen.grade.tally.items)
    }
}
