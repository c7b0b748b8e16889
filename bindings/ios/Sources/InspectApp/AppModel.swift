// What the app holds: the open folder, the list, how exchanges go. Screens read it; it draws nothing.

import Bienban
import Foundation
import InspectLogic
import SwiftUI

/// An error as an alert shows it.
struct Failure: Identifiable {
    let id = UUID()
    let error: BienbanError
}

@MainActor
final class AppModel: ObservableObject {
    @Published var language = Language.current
    @Published private(set) var lines: [InspectionLine] = []
    @Published private(set) var goesOn = false
    @Published private(set) var plans: [PlanRow] = []
    @Published private(set) var me: Me?
    @Published private(set) var progress: SyncProgress?
    @Published private(set) var syncing = false
    @Published private(set) var wipe: WipeOrder?
    @Published private(set) var ledger: LedgerSummary?
    @Published private(set) var digits: String?
    @Published var failure: Failure?
    /// Counts up whenever the inspection that is open has to be read again.
    @Published private(set) var stale = 0

    var openInspection: String?
    private(set) var folder: BienbanFolder?
    private var paged = Paged<InspectionLine>()
    private var exchange: Task<Void, Never>?
    private var enrolling: Task<Void, Never>?

    func text(_ words: LocalText) -> String {
        return words.text(in: language)
    }

    /// Opens the folder and listens until the task is cancelled: the first screen's task.
    func live() async {
        do {
            let folder = try await BienbanFolder.open(at: AppModel.place(), keys: AppModel.keys())
            self.folder = folder
            let events = try await folder.events()
            me = try await folder.me()
            await reload()
            for await event in events {
                await take(event)
            }
        } catch {
            show(error)
        }
    }

    private func take(_ event: FolderEvent) async {
        switch event {
        case .changed(let changes):
            let refresh = Refresh(changes, open: openInspection)
            if refresh.list {
                await reload()
            }
            if refresh.inspection {
                stale += 1
            }
            if changes.rights {
                await attempt { self.me = try await $0.me() }
            }
        case .syncProgress(let told):
            progress = told
        case .wipeOrdered(let order):
            wipe = order
        }
    }

    /// Runs a call on the folder and shows its error.
    func attempt(_ work: (BienbanFolder) async throws -> Void) async {
        guard let folder = folder else {
            return
        }
        do {
            try await work(folder)
        } catch {
            show(error)
        }
    }

    func show(_ error: Error) {
        // What the person cancelled needs no message.
        if let told = error as? BienbanError, told.kind != .cancelled, told.kind != .closed {
            failure = Failure(error: told)
        }
    }

    func reload() async {
        await attempt { folder in
            let page = try await folder.inspections()
            self.paged.add(page.rows.map { InspectionLine($0) }, next: page.next, first: true)
            self.plans = try await folder.plans().rows
            self.lines = self.paged.rows
            self.goesOn = self.paged.goesOn
        }
    }

    func readOn() async {
        guard let after = paged.next else {
            return
        }
        await attempt { folder in
            let page = try await folder.inspections(query: ListQuery(after: after))
            self.paged.add(page.rows.map { InspectionLine($0) }, next: page.next, first: false)
            self.lines = self.paged.rows
            self.goesOn = self.paged.goesOn
        }
    }

    func visits(of plan: PlanRow) async -> [VisitRow] {
        var rows: [VisitRow] = []
        await attempt { folder in
            rows = try await folder.visits(plan: plan.id).filter { !$0.removed }
        }
        return rows
    }

    func readLedger() async {
        await attempt { self.ledger = LedgerSummary(try await $0.ledger()) }
    }

    /// Begins an exchange, or ends the one that goes on: cancelling the task really ends it.
    func toggleSync() {
        if syncing {
            exchange?.cancel()
            return
        }
        syncing = true
        exchange = Task {
            await attempt { try await $0.sync() }
            syncing = false
        }
    }

    func enrol(invitation: String, label: String) {
        enrolling?.cancel()
        enrolling = Task {
            await attempt { folder in
                let run = try await folder.enrol(invitation: invitation, label: label)
                self.digits = try await run.digits().digitsGrouped
                self.me = try await run.admitted()
            }
            digits = nil
        }
    }

    func stopEnrolling() {
        enrolling?.cancel()
    }

    /// Where the folder lies. Application Support is the app's own and not shown to people.
    private static func place() throws -> URL {
        let support = try FileManager.default.url(
            for: .applicationSupportDirectory,
            in: .userDomainMask,
            appropriateFor: nil,
            create: true
        )
        return support.appendingPathComponent("bienban", isDirectory: true)
    }

    private static func keys() throws -> KeyStore {
        #if os(iOS)
        return KeychainKeyStore()
        #else
        // A program without entitlements, as `swift run` starts one on a Mac, has no Keychain of its own.
        return FileKeyStore(file: try place().appendingPathExtension("key"))
        #endif
    }
}
