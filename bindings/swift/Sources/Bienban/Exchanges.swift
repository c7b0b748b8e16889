// Exchanges with the server and enrolment. Cancelling a task ends what it waits for.

import BienbanGenerated
import Foundation

/// An exchange under way.
public final class Exchange: Sendable {
    let run: BienbanGenerated.SyncRun

    init(run: BienbanGenerated.SyncRun) {
        self.run = run
    }

    /// Waits for the end. Several may wait.
    ///
    /// Cancelling the task that waits ends the exchange; what had arrived stays, and the next one goes on from there.
    public func outcome() async throws -> SyncOutcome {
        let run = self.run
        return try await waiting(ending: { try? run.cancel() }, for: { try await run.wait() })
    }

    /// Ends the exchange, at any time and as often as one likes. What had arrived stays.
    public func cancel() {
        try? run.cancel()
    }

    /// Whether it has ended.
    public var isEnded: Bool {
        return (try? run.isEnded()) ?? true
    }
}

/// An enrolment under way. One goes on at a time: the next ends it as cancelled.
///
/// Cancelling a task that waits ends the attempt on this phone, not the claim: the server keeps it, and
/// ``BienbanFolder/resumeEnrolment()`` goes on with it, also after a restart.
public final class EnrolmentRun: Sendable {
    let enrolment: BienbanGenerated.Enrolment

    init(enrolment: BienbanGenerated.Enrolment) {
        self.enrolment = enrolment
    }

    /// Returns where it stands.
    public func status() throws -> EnrolmentStatus {
        return try callingNow { try enrolment.status() }
    }

    /// Waits until the server keeps the claim, and returns the six digits to show.
    public func digits() async throws -> EnrolmentStatus {
        let enrolment = self.enrolment
        return try await waiting(ending: { try? enrolment.cancel() }, for: { try await enrolment.waitForDigits() })
    }

    /// Waits until an administrator has compared the digits and confirmed this device, and returns who it is now.
    public func admitted() async throws -> Me {
        let enrolment = self.enrolment
        return try await waiting(ending: { try? enrolment.cancel() }, for: { try await enrolment.wait() })
    }

    /// Ends the attempt, at any time and as often as one likes.
    public func cancel() {
        try? enrolment.cancel()
    }
}

extension BienbanFolder {
    /// Takes up an invitation that was scanned or pasted. `label` is how the phone or its holder is called.
    ///
    /// `otherHub` says that another server than the pinned one is meant.
    public func enrol(invitation: String, label: String, otherHub: Bool = false) async throws -> EnrolmentRun {
        let enrolment = try await calling {
            try await core.enrol(invitation: invitation, label: label, otherHub: otherHub)
        }
        return EnrolmentRun(enrolment: enrolment)
    }

    /// Goes on with the invitation that was begun, also after a restart; nil where none was.
    public func resumeEnrolment() async throws -> EnrolmentRun? {
        let enrolment = try await calling { try await core.resumeEnrolment() }
        return enrolment.map { EnrolmentRun(enrolment: $0) }
    }

    /// Forgets the invitation that was begun.
    public func forgetEnrolment() async throws {
        try await calling { try await core.forgetEnrolment() }
    }

    /// Exchanges everything with the server once. Cancelling the task ends the exchange.
    @discardableResult
    public func sync() async throws -> SyncOutcome {
        return try await startSync().outcome()
    }

    /// Begins to exchange once and returns at once.
    public func startSync() throws -> Exchange {
        return Exchange(run: try callingNow { try core.startSync() })
    }

    /// Begins to keep in touch in the background, unless that is under way.
    public func startBackgroundSync() async throws {
        try await calling { try await core.startBackgroundSync() }
    }

    /// Ends keeping in touch, and waits until it has ended.
    public func stopBackgroundSync() async throws {
        try await calling { try await core.stopBackgroundSync() }
    }

    /// Tells what the system says of the network: `NWPathMonitor` knows it.
    public func setNetwork(_ hint: NetworkHint) throws {
        try callingNow { try core.setNetwork(hint: hint) }
    }
}
