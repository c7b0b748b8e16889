// Lists in pages, and the ledger in words. Knows no screen.

import Bienban

/// A list that grows page by page.
public struct Paged<Row: Sendable>: Sendable {
    public private(set) var rows: [Row] = []
    /// What the next page begins after; nil at the end, and before the first page.
    public private(set) var next: String?

    public init() {}

    /// Adds a page. `first` begins the list anew.
    public mutating func add(_ page: [Row], next: String?, first: Bool) {
        rows = first ? page : rows + page
        self.next = next
    }

    public var goesOn: Bool {
        return next != nil
    }
}

/// An inspection as its line in the list says it.
public struct InspectionLine: Equatable, Identifiable, Sendable {
    public let id: String
    public let title: String
    public let place: String
    public let state: LocalText
    public let progress: String
    public let conflicts: Int
    public let onlyHere: Int

    public init(_ row: InspectionListRow) {
        id = row.id
        title = row.facility?.title ?? row.id
        place = row.unit.name
        state = row.state.label
        progress = "\(row.answered)/\(row.items)"
        conflicts = Int(row.conflicts)
        onlyHere = Int(row.onlyHere)
    }
}

/// One line of the ledger: how far this device's work on a record has come.
public struct LedgerLine: Equatable, Identifiable, Sendable {
    public let id: String
    public let title: String
    /// The stages in their order, with how many edits reached each.
    public let stages: [Stage]
    public let onlyHere: Int

    public struct Stage: Equatable, Identifiable, Sendable {
        public let label: LocalText
        public let count: Int
        /// Every edit of this device reached it.
        public let whole: Bool

        public var id: String {
            return label.en
        }
    }

    public init(_ row: LedgerRow) {
        let arrival = row.arrival
        func stage(_ label: LocalText, _ count: UInt64) -> Stage {
            return Stage(label: label, count: Int(count), whole: count == arrival.recorded)
        }
        id = row.document
        title = row.title.isEmpty ? row.document : row.title
        stages = [
            stage(Words.recorded, arrival.recorded),
            stage(Words.stored, arrival.stored),
            stage(Words.merged, arrival.merged),
            stage(Words.backedUp, arrival.backedUp),
        ]
        onlyHere = Int(arrival.onlyHere)
    }
}

/// The ledger as the screen tells it: what the library says, and no guess of the app's.
public struct LedgerSummary: Equatable, Sendable {
    public let lines: [LedgerLine]
    public let onlyHere: Int
    public let rejected: [RejectedWork]

    public init(_ ledger: Ledger) {
        lines = ledger.records.map { LedgerLine($0) }
        onlyHere = Int(ledger.onlyHere)
        rejected = ledger.rejected
    }

    /// The sentence on top.
    public var sentence: LocalText {
        if onlyHere == 0 {
            return Words.allArrived
        }
        return LocalText(vi: "\(onlyHere) \(Words.onlyHere.vi)", en: "\(onlyHere) \(Words.onlyHere.en)")
    }
}

/// What a change means for a screen.
public struct Refresh: Equatable, Sendable {
    public let list: Bool
    public let inspection: Bool

    /// Of the inspection that is open, if one is.
    public init(_ changes: Changes, open: String?) {
        list = changes.inspections || changes.plans || changes.more
        inspection = open != nil && (changes.more || changes.documents.contains { $0.inspection == open })
    }
}
