// The one error that every call of this module throws, with what to show of it in two languages.

import BienbanGenerated
import Foundation

/// A language of the messages and texts.
public enum Language: String, CaseIterable, Sendable {
    /// Vietnamese.
    case vi
    /// English.
    case en

    /// The language of the person who holds this phone: English where they chose it, and Vietnamese otherwise.
    public static var current: Language {
        let preferred = Locale.preferredLanguages.first ?? ""
        return preferred.hasPrefix("en") ? .en : .vi
    }
}

extension BienbanGenerated.LocalText {
    /// Returns the text of a language.
    public func text(in language: Language = Language.current) -> String {
        switch language {
        case .vi: return vi
        case .en: return en
        }
    }
}

/// Why a call could not do as asked.
///
/// `kind` tells the program what to do, ``message(in:)`` tells people. Its description names the kind and the report's code
/// alone: what an error is about may name people, and must not reach an app's log.
public struct BienbanError: Error, Equatable, Sendable {
    /// Which error it is. The raw values are those of the shared day's protocol.
    public enum Kind: String, CaseIterable, Sendable {
        /// The folder was closed.
        case closed
        /// `cancel()` was called.
        case cancelled
        /// The key store failed, or its key is lost or another.
        case locked
        /// This device's rights were ended and its data erased.
        case wiped
        /// This device's rights were ended, and `left` things are only here.
        case rightsEnded = "rights_ended"
        /// No invitation was taken up, it was refused, or it does not read.
        case notEnrolled = "not_enrolled"
        /// The server cannot be reached.
        case network
        /// Another server answers.
        case wrongHub = "wrong_hub"
        /// The server refused, or does not know this device.
        case refused
        /// No room here or on the server.
        case full
        /// Another process has the folder open.
        case inUse = "in_use"
        /// Nothing has this name, or several do.
        case notFound = "not_found"
        /// A value, row, day or length does not fit.
        case invalid
        /// This device's role or unit does not allow it.
        case notAllowed = "not_allowed"
        /// Values that differ stand, or nothing is left to settle.
        case conflict
        /// Something is missing; `missing` says what.
        case notReady = "not_ready"
        /// Sealed minutes, or done already.
        case `final`
        /// Stored data cannot be read, or a later version wrote it.
        case damaged
        /// Anything else, a caught panic among it.
        case internalFault = "internal"
    }

    /// Which error it is.
    public let kind: Kind
    /// What to tell, and what to do next.
    public let report: Report
    /// How many things are only here; of ``Kind/rightsEnded`` alone.
    public let left: UInt64?
    /// What is missing, why, and where to write it; of ``Kind/notReady`` alone.
    public let missing: [MissingThing]

    /// Makes an error, for an app's previews and tests.
    public init(kind: Kind, report: Report, left: UInt64? = nil, missing: [MissingThing] = []) {
        self.kind = kind
        self.report = report
        self.left = left
        self.missing = missing
    }

    /// Returns what happened and what helps, fit for a screen.
    public func message(in language: Language = Language.current) -> String {
        switch language {
        case .vi: return report.messageVi
        case .en: return report.messageEn
        }
    }

    /// What the person, or the app for them, does next.
    public var next: NextStep {
        return report.next
    }
}

extension BienbanError: LocalizedError {
    /// The message in the language of the phone.
    public var errorDescription: String? {
        return message()
    }
}

extension BienbanError: CustomStringConvertible, CustomDebugStringConvertible {
    /// The kind and the report's code, and nothing of what it is about.
    public var description: String {
        return "\(kind.rawValue) [\(report.reportId)]"
    }

    /// As ``description``.
    public var debugDescription: String {
        return description
    }
}

extension BienbanError {
    /// Returns what is thrown for an error that came out of the generated code.
    static func told(_ error: Error) -> Error {
        if let error = error as? BienbanGenerated.BienbanError {
            return BienbanError(error)
        }
        if error is CancellationError || error is BienbanError {
            return error
        }
        // What the generated code itself throws: the library and it do not fit each other.
        let report = Report(
            messageVi: "Đã chặn một lỗi bất ngờ. Những gì đã lưu không bị mất. Hãy báo lỗi kèm mã hiển thị.",
            messageEn: "An unexpected fault was caught. Nothing that was saved is lost. Report it with the code shown.",
            next: .report,
            reportId: "SWIFT",
            about: []
        )
        return BienbanError(kind: .internalFault, report: report)
    }

    init(_ error: BienbanGenerated.BienbanError) {
        switch error {
        case .Closed(let report): self.init(kind: .closed, report: report)
        case .Cancelled(let report): self.init(kind: .cancelled, report: report)
        case .Locked(let report): self.init(kind: .locked, report: report)
        case .Wiped(let report): self.init(kind: .wiped, report: report)
        case .RightsEnded(let report, let left): self.init(kind: .rightsEnded, report: report, left: left)
        case .NotEnrolled(let report): self.init(kind: .notEnrolled, report: report)
        case .Network(let report): self.init(kind: .network, report: report)
        case .WrongHub(let report): self.init(kind: .wrongHub, report: report)
        case .Refused(let report): self.init(kind: .refused, report: report)
        case .Full(let report): self.init(kind: .full, report: report)
        case .InUse(let report): self.init(kind: .inUse, report: report)
        case .NotFound(let report): self.init(kind: .notFound, report: report)
        case .Invalid(let report): self.init(kind: .invalid, report: report)
        case .NotAllowed(let report): self.init(kind: .notAllowed, report: report)
        case .Conflict(let report): self.init(kind: .conflict, report: report)
        case .NotReady(let report, let missing): self.init(kind: .notReady, report: report, missing: missing)
        case .Final(let report): self.init(kind: .final, report: report)
        case .Damaged(let report): self.init(kind: .damaged, report: report)
        case .Internal(let report): self.init(kind: .internalFault, report: report)
        }
    }
}

/// Runs a call of the generated code and throws what this module promises.
func calling<T>(_ work: () async throws -> T) async throws -> T {
    do {
        return try await work()
    } catch {
        throw BienbanError.told(error)
    }
}

/// As the one above, for a call that answers from memory.
func callingNow<T>(_ work: () throws -> T) throws -> T {
    do {
        return try work()
    } catch {
        throw BienbanError.told(error)
    }
}

/// Runs a call that waits, and ends what it waits for when the task is cancelled: the generated code alone would wait on.
///
/// A task that was cancelled gets a `CancellationError`; whoever else waits gets ``BienbanError/Kind/cancelled``.
func waiting<T>(ending: @escaping @Sendable () -> Void, for work: () async throws -> T) async throws -> T {
    do {
        return try await withTaskCancellationHandler(operation: work, onCancel: ending)
    } catch {
        let told = BienbanError.told(error)
        if Task.isCancelled, let known = told as? BienbanError, known.kind == .cancelled {
            throw CancellationError()
        }
        throw told
    }
}
