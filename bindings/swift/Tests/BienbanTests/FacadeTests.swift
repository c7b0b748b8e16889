// What the facade itself promises, without a server. `swift test` runs it; bindings/ios/verify.sh does.

import Foundation
import XCTest

@testable import Bienban

final class FacadeTests: XCTestCase {
    private var place = URL(fileURLWithPath: NSTemporaryDirectory())

    override func setUpWithError() throws {
        place = place.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws {
        try FileManager.default.removeItem(at: place)
    }

    private func openFolder() async throws -> BienbanFolder {
        let keys = FileKeyStore(file: place.appendingPathComponent("store.key"))
        return try await BienbanFolder.open(at: place.appendingPathComponent("store"), keys: keys)
    }

    private func kind(of work: () async throws -> Void) async -> BienbanError.Kind? {
        do {
            try await work()
            return nil
        } catch {
            return (error as? BienbanError)?.kind
        }
    }

    /// An invitation to a place where nobody answers, so that an enrolment waits.
    private func invitation() -> String {
        let key = String(repeating: "ab", count: 32)
        let code = String(repeating: "03", count: 16)
        return "bienban://enrol?hub=127.0.0.1:9&key=\(key)&code=\(code)&until=4102444800"
    }

    func testFolderOpensAgainAsTheSameDevice() async throws {
        let folder = try await openFolder()
        let device = try folder.device()
        try await folder.close()
        try await folder.close()
        XCTAssertTrue(folder.isClosed)
        let closed = await kind { _ = try await folder.me() }
        XCTAssertEqual(closed, .closed)
        let again = try await openFolder()
        XCTAssertEqual(try again.device(), device)
        try await again.close()
    }

    func testErrorsSpeakTwoLanguagesAndNameNobodyInLogs() async throws {
        let folder = try await openFolder()
        do {
            try await folder.sync()
            XCTFail("an exchange without enrolment went through")
        } catch let error as BienbanError {
            XCTAssertEqual(error.kind, .notEnrolled)
            XCTAssertNotEqual(error.message(in: .vi), error.message(in: .en))
            XCTAssertEqual("\(error)", "not_enrolled [\(error.report.reportId)]")
        }
        try await folder.close()
    }

    func testCancelledTaskEndsTheEnrolment() async throws {
        let folder = try await openFolder()
        let run = try await folder.enrol(invitation: invitation(), label: "test")
        let waiting = Task { try await run.admitted() }
        waiting.cancel()
        let outcome = await waiting.result
        if case .success = outcome {
            XCTFail("a cancelled enrolment was admitted")
        }
        XCTAssertEqual(try run.status().state, .ended)
        try await folder.close()
    }

    func testClosingEndsTheEvents() async throws {
        let folder = try await openFolder()
        let events = try await folder.events()
        let reading = Task { () -> Int in
            var count = 0
            for await _ in events {
                count += 1
            }
            return count
        }
        _ = await kind { try await folder.sync() }
        try await folder.close()
        // Ends, or the test never does.
        _ = await reading.value
    }

    func testASequenceThatNobodyHoldsMakesRoom() async throws {
        let folder = try await openFolder()
        for _ in 0..<40 {
            _ = try await folder.events()
        }
        try await folder.close()
    }

    func testMergedChangesLoseNothing() {
        func change(_ document: String, content: Bool) -> DocumentChange {
            return DocumentChange(document: document, kind: .inspection, inspection: document, content: content)
        }
        func changes(_ documents: [DocumentChange], plans: Bool) -> Changes {
            return Changes(
                documents: documents,
                more: false,
                inspections: false,
                plans: plans,
                facilities: false,
                checklists: false,
                rights: false
            )
        }
        let earlier = changes([change("a", content: true), change("b", content: false)], plans: true)
        let merged = Mailbox.merged(earlier, with: changes([change("a", content: false)], plans: false))
        XCTAssertTrue(merged.plans)
        XCTAssertEqual(merged.documents.count, 2)
        XCTAssertEqual(merged.documents.first { $0.document == "a" }?.content, true)
        let many = changes((0..<300).map { change("\($0)", content: true) }, plans: false)
        XCTAssertTrue(Mailbox.merged(earlier, with: many).more)
    }
}
