// The app's logic without a screen and without a folder. `swift test` runs it.

import Bienban
import XCTest

@testable import InspectLogic

final class LogicTests: XCTestCase {
    private func item(_ kind: AnswerKind, severities: [Severity] = []) -> ItemView {
        return ItemView(
            key: "1.1",
            text: LocalText(vi: "Nền nhà sạch", en: "Clean floor"),
            guidance: nil,
            kind: kind,
            severities: severities,
            mayBeNotApplicable: true,
            options: [],
            unit: "°C",
            photosMin: 0,
            state: .unanswered,
            answers: [],
            countsAs: nil,
            countsValue: nil,
            note: "",
            notes: []
        )
    }

    func testAnItemHasAButtonForEachGradeThatItMayHave() {
        let row = ItemRow(item: item(.grade, severities: [.minor, .serious]))
        XCTAssertEqual(row.buttons.map { $0.grade }, [.pass, .minor, .serious, .notApplicable])
        XCTAssertTrue(ItemRow(item: item(.number)).buttons.isEmpty)
    }

    func testAnEmptyValueRecordsNothing() {
        let row = ItemRow(item: item(.number))
        XCTAssertNil(row.draft(value: "  \n"))
        XCTAssertEqual(row.draft(value: " 12,5 ")?.value, "12,5")
        XCTAssertEqual(row.field, .typed(unit: "°C"))
    }

    func testTheWorseValueOfAConflictIsTheOneThatCounts() {
        let author = Author(device: nil, name: "Nông Văn Thắng", agency: "", here: false)
        func value(_ grade: Grade) -> ConflictValue {
            let text = LocalText(vi: "", en: "")
            return ConflictValue(change: "\(grade)", text: text, grade: grade, raw: "", author: author, atMs: 0)
        }
        let view = ConflictView(
            place: "4.1",
            label: LocalText(vi: "", en: ""),
            item: "4.1",
            row: nil,
            isText: false,
            field: nil,
            values: [value(.pass), value(.major)]
        )
        XCTAssertEqual(ConflictRow(view).choices.map { $0.counts }, [false, true])
    }

    func testADrawingKeepsToItsSurfaceAndLimits() {
        var drawing = Drawing()
        XCTAssertNil(drawing.signature(width: 600, height: 200))
        drawing.touch(Drawing.Spot(x: -5, y: 20))
        drawing.touch(Drawing.Spot(x: 900, y: 20))
        drawing.lift()
        let drawn = drawing.signature(width: 600, height: 200)
        XCTAssertEqual(drawn?.strokes.first?.points, [SignaturePoint(x: 0, y: 20), SignaturePoint(x: 600, y: 20)])
        for at in 0..<5_000 {
            drawing.touch(Drawing.Spot(x: Double(at), y: 0))
        }
        XCTAssertEqual(drawing.lines.reduce(0) { $0 + $1.count }, Drawing.pointsMax)
    }

    func testTheLedgerSaysAllArrivedOnlyWhenNothingIsOnlyHere() {
        func ledger(_ here: UInt64) -> Ledger {
            return Ledger(
                records: [],
                onlyHere: here,
                setAside: 0,
                carried: 0,
                notices: [],
                rejected: [],
                minutes: [],
                decisions: [],
                losses: 0,
                refusedAtMs: nil
            )
        }
        XCTAssertEqual(LedgerSummary(ledger(0)).sentence, Words.allArrived)
        XCTAssertTrue(LedgerSummary(ledger(3)).sentence.vi.hasPrefix("3 "))
    }
}
