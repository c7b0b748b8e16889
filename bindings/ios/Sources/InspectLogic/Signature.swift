// A signature while it is drawn: points of a surface become what the minutes keep. Knows no screen.

import Bienban

/// Lines as they are drawn, in points of the surface.
public struct Drawing: Equatable, Sendable {
    /// Lines and points that the record takes; beyond that nothing is added, and what was drawn stays.
    public static let linesMax = 256
    public static let pointsMax = 3_600

    public struct Spot: Equatable, Sendable {
        public let x: Double
        public let y: Double

        public init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    public private(set) var lines: [[Spot]] = []
    private var open = false

    public init() {}

    public var isEmpty: Bool {
        return lines.isEmpty
    }

    /// Adds where the finger is. The first call after ``lift()`` begins a line.
    public mutating func touch(_ spot: Spot) {
        let points = lines.reduce(0) { $0 + $1.count }
        if points >= Drawing.pointsMax {
            return
        }
        if open, var line = lines.last {
            if line.last != spot {
                line.append(spot)
                lines[lines.count - 1] = line
            }
            return
        }
        if lines.count < Drawing.linesMax {
            lines.append([spot])
            open = true
        }
    }

    /// Ends a line.
    public mutating func lift() {
        open = false
    }

    public mutating func clear() {
        lines = []
        open = false
    }

    /// Returns it for the minutes; nil where nothing was drawn. Points outside the surface are moved to its edge.
    public func signature(width: Double, height: Double) -> DrawnSignature? {
        let (wide, high) = (Drawing.whole(width), Drawing.whole(height))
        if isEmpty || wide == 0 || high == 0 {
            return nil
        }
        let strokes = lines.map { line in
            SignatureStroke(points: line.map { spot in
                SignaturePoint(x: min(Drawing.whole(spot.x), wide), y: min(Drawing.whole(spot.y), high))
            })
        }
        return DrawnSignature(width: wide, height: high, strokes: strokes)
    }

    /// Rounds to what the record takes: 0 to 65,535.
    static func whole(_ length: Double) -> UInt32 {
        if !length.isFinite || length <= 0 {
            return 0
        }
        return UInt32(min(length.rounded(), 65_535))
    }
}

/// What stands between an inspection and its seal, for the person who would sign.
public struct SigningState: Equatable, Sendable {
    public let maySign: Bool
    public let sealed: Bool
    /// Devices that have not synchronised: then a reason is needed.
    public let silent: [String]
    public let missing: [MissingThing]
    public let conflicts: [String]

    public init(_ check: SealCheck) {
        maySign = check.ready && check.maySeal
        sealed = check.sealed
        silent = check.team.filter { !$0.heard }.map { $0.author.name }
        missing = check.missing
        conflicts = check.conflicts
    }

    /// Returns what is sealed; nil while something is missing that the person must give.
    public func draft(name: String, title: String, drawn: DrawnSignature?, notHeard: String) -> SealDraft? {
        let (who, reason) = (ItemRow.trimmed(name), ItemRow.trimmed(notHeard))
        if !maySign || who.isEmpty || (!silent.isEmpty && reason.isEmpty) {
            return nil
        }
        let person = Signatory(name: who, title: ItemRow.trimmed(title), drawn: drawn)
        return SealDraft(person: person, notHeard: reason.isEmpty ? nil : reason)
    }
}
