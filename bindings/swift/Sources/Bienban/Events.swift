// What an app is told: one sequence of events for each screen, which never grows however slowly it is read.

import BienbanGenerated
import Foundation

/// Something that happened. Read again what it names.
public enum FolderEvent: Equatable, Sendable {
    /// Documents or lists changed.
    case changed(Changes)
    /// An exchange went on, or keeping in touch did.
    case syncProgress(SyncProgress)
    /// This device's rights were ended for good.
    case wipeOrdered(WipeOrder)
}

/// Events, from the moment it was made until the folder is closed, the reading task is cancelled, or nobody holds it.
///
/// Made for one reader. Who reads slowly gets fewer events, each with all that came since the last one.
public struct FolderEvents: AsyncSequence, Sendable {
    public typealias Element = FolderEvent

    let mailbox: Mailbox
    let bells: AsyncStream<Void>

    /// Reads one event after another.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let mailbox: Mailbox
        var bells: AsyncStream<Void>.Iterator

        /// Returns the next event; nil at the end.
        public mutating func next() async -> FolderEvent? {
            while true {
                if let event = mailbox.take() {
                    return event
                }
                if await bells.next() == nil {
                    return mailbox.take()
                }
            }
        }
    }

    /// Begins to read.
    public func makeAsyncIterator() -> AsyncIterator {
        return AsyncIterator(mailbox: mailbox, bells: bells.makeAsyncIterator())
    }

    /// Changes of documents and lists alone. One reader for each ``FolderEvents``: two share its mailbox, and each misses what the other took.
    public var changes: AsyncCompactMapSequence<FolderEvents, Changes> {
        return compactMap { (event: FolderEvent) -> Changes? in
            if case .changed(let changes) = event {
                return changes
            }
            return nil
        }
    }

    /// How exchanges go, alone. One reader for each ``FolderEvents``: two share its mailbox, and each misses what the other took.
    public var progress: AsyncCompactMapSequence<FolderEvents, SyncProgress> {
        return compactMap { (event: FolderEvent) -> SyncProgress? in
            if case .syncProgress(let progress) = event {
                return progress
            }
            return nil
        }
    }

    /// That this device's rights were ended, alone. One reader for each ``FolderEvents``: two share its mailbox, and each misses what the other took.
    public var wipeOrders: AsyncCompactMapSequence<FolderEvents, WipeOrder> {
        return compactMap { (event: FolderEvent) -> WipeOrder? in
            if case .wipeOrdered(let order) = event {
                return order
            }
            return nil
        }
    }
}

extension BienbanFolder {
    /// Returns what happens from now on. At most 16 sequences may be held at once: one for each screen.
    ///
    /// ```swift
    /// for await event in try await folder.events() {
    ///     if case .changed(let changes) = event, changes.inspections { await reload() }
    /// }
    /// ```
    public func events() async throws -> FolderEvents {
        let mailbox = Mailbox()
        var made: AsyncStream<Void>.Continuation?
        // One bell that waits is enough: the mailbox holds what it rang for.
        let bells = AsyncStream<Void>(bufferingPolicy: .bufferingNewest(1)) { made = $0 }
        guard let continuation = made else {
            preconditionFailure("a stream hands over its continuation while it is made")
        }
        let listener = Listener(mailbox: mailbox, bell: continuation)
        let subscription = try await calling { try await core.observe(observer: listener) }
        continuation.onTermination = { _ in try? subscription.cancel() }
        return FolderEvents(mailbox: mailbox, bells: bells)
    }
}

/// What the library holds: it rings when something came. Let go when the folder closes, and then the sequence ends.
final class Listener: BienbanGenerated.Observer, Sendable {
    private let mailbox: Mailbox
    private let bell: AsyncStream<Void>.Continuation

    init(mailbox: Mailbox, bell: AsyncStream<Void>.Continuation) {
        self.mailbox = mailbox
        self.bell = bell
    }

    deinit {
        bell.finish()
    }

    func changed(changes: Changes) throws {
        mailbox.put(changes: changes)
        bell.yield()
    }

    func syncProgress(progress: SyncProgress) throws {
        mailbox.put(progress: progress)
        bell.yield()
    }

    func wipeOrdered(order: WipeOrder) throws {
        mailbox.put(order: order)
        bell.yield()
    }
}

/// What waits for a reader: at most one event of each kind.
final class Mailbox: @unchecked Sendable {
    /// Documents that one event names; as many as the library names at once.
    private static let namedMax = 256

    private let lock = NSLock()
    private var changes: Changes?
    private var progress: SyncProgress?
    private var order: WipeOrder?

    func put(changes later: Changes) {
        lock.lock()
        defer { lock.unlock() }
        changes = Mailbox.merged(changes, with: later)
    }

    func put(progress later: SyncProgress) {
        lock.lock()
        defer { lock.unlock() }
        progress = later
    }

    func put(order later: WipeOrder) {
        lock.lock()
        defer { lock.unlock() }
        order = later
    }

    /// Takes what is most urgent.
    func take() -> FolderEvent? {
        lock.lock()
        defer { lock.unlock() }
        if let told = order {
            order = nil
            return .wipeOrdered(told)
        }
        if let told = changes {
            changes = nil
            return .changed(told)
        }
        if let told = progress {
            progress = nil
            return .syncProgress(told)
        }
        return nil
    }

    /// Returns both as one: nothing that either names is lost.
    static func merged(_ earlier: Changes?, with later: Changes) -> Changes {
        guard let earlier = earlier else {
            return later
        }
        var documents = later.documents
        var more = earlier.more || later.more
        for change in earlier.documents {
            if let at = documents.firstIndex(where: { $0.document == change.document }) {
                let known = documents[at]
                documents[at] = DocumentChange(
                    document: known.document,
                    kind: known.kind,
                    inspection: known.inspection ?? change.inspection,
                    content: known.content || change.content
                )
            } else if documents.count < namedMax {
                documents.append(change)
            } else {
                more = true
            }
        }
        return Changes(
            documents: documents,
            more: more,
            inspections: earlier.inspections || later.inspections,
            plans: earlier.plans || later.plans,
            facilities: earlier.facilities || later.facilities,
            checklists: earlier.checklists || later.checklists,
            rights: earlier.rights || later.rights
        )
    }
}
