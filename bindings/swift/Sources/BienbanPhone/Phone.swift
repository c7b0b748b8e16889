// One device of the shared day, and what it does.

import Bienban
import Foundation

/// What a request lacks, or the program does not know: a fault of the runner or of this program.
struct BadRequest: Error {
    let what: String
}

/// Which inspections the observer was told of.
actor Heard {
    private var inspections: Set<String> = []

    func note(_ changes: Changes) {
        for change in changes.documents where change.content {
            if let inspection = change.inspection {
                inspections.insert(inspection)
            }
        }
    }

    func forget() {
        inspections.removeAll()
    }

    func knows(_ inspection: String) -> Bool {
        return inspections.contains(inspection)
    }
}

/// Reads what a request gives.
struct Request {
    let given: [String: Any]

    func text(_ key: String) throws -> String {
        guard let value = given[key] as? String else {
            throw BadRequest(what: "a request without \(key)")
        }
        return value
    }

    func maybe(_ key: String) -> String? {
        return given[key] as? String
    }

    func flag(_ key: String) throws -> Bool {
        guard let value = given[key] as? Bool else {
            throw BadRequest(what: "a request without \(key)")
        }
        return value
    }

    func grade() throws -> Grade {
        switch try text("grade") {
        case "pass": return .pass
        case "minor": return .minor
        case "major": return .major
        case "serious": return .serious
        case "not_applicable": return .notApplicable
        case "given": return .given
        default: throw BadRequest(what: "an unknown grade")
        }
    }

    func severity() throws -> Severity {
        switch try text("severity") {
        case "minor": return .minor
        case "major": return .major
        case "serious": return .serious
        default: throw BadRequest(what: "an unknown severity")
        }
    }

    func draft() throws -> AnswerDraft {
        return AnswerDraft(
            item: try text("item"),
            grade: try grade(),
            value: maybe("value"),
            note: maybe("note")
        )
    }

    func signed() throws -> SealDraft {
        let strokes = [
            inked([(40, 120), (90, 40), (130, 150)]),
            inked([(200, 110), (560, 50)]),
        ]
        let drawn = DrawnSignature(width: 600, height: 200, strokes: strokes)
        let person = Signatory(name: try text("name"), title: try text("title"), drawn: drawn)
        return SealDraft(person: person, notHeard: "Chưa ghi gì trong cuộc kiểm tra này.")
    }

    private func inked(_ points: [(UInt32, UInt32)]) -> SignatureStroke {
        return SignatureStroke(points: points.map { SignaturePoint(x: $0.0, y: $0.1) })
    }
}

/// The name of a grade in the protocol.
func name(of grade: Grade) -> String {
    switch grade {
    case .pass: return "pass"
    case .minor: return "minor"
    case .major: return "major"
    case .serious: return "serious"
    case .notApplicable: return "not_applicable"
    case .given: return "given"
    case .unanswered: return "unanswered"
    case .damaged: return "damaged"
    }
}

/// The name of a role in the protocol.
func name(of role: Role) -> String {
    switch role {
    case .admin: return "admin"
    case .leader: return "leader"
    case .inspector: return "inspector"
    case .supervisor: return "supervisor"
    case .auditor: return "auditor"
    }
}

/// The name of what to do next in the protocol.
func name(of step: NextStep) -> String {
    switch step {
    case .retry: return "retry"
    case .tell: return "tell"
    case .report: return "report"
    }
}

/// One device. Its requests come one after another.
final class Phone {
    private var opened: BienbanFolder?
    private var enrolment: EnrolmentRun?
    private var listening: Task<Void, Never>?
    private let heard = Heard()

    /// Does what a request says, and returns what to answer.
    func answer(to given: [String: Any]) async -> [String: Any] {
        let request = Request(given: given)
        do {
            return ["ok": try await done(request)]
        } catch let error as BienbanError {
            let told: [String: Any] = [
                "kind": error.kind.rawValue,
                "next": name(of: error.next),
                "message_vi": error.message(in: .vi),
                "message_en": error.message(in: .en),
                "report_id": error.report.reportId,
            ]
            return ["error": told]
        } catch {
            let told = "\(error)"
            return ["error": ["kind": "internal", "next": "report", "message_vi": told, "message_en": told, "report_id": ""]]
        }
    }

    private func folder() throws -> BienbanFolder {
        guard let folder = opened else {
            throw BadRequest(what: "the runner opens a phone first")
        }
        return folder
    }

    private func done(_ request: Request) async throws -> [String: Any] {
        switch try request.text("do") {
        case "open": return try await open(request.text("dir"))
        case "enrol": return try await enrol(request)
        case "enrolled": return try await enrolled()
        case "network":
            try folder().setNetwork(NetworkHint(offline: request.flag("offline")))
            return [:]
        case "sync":
            let outcome = try await folder().sync()
            return [
                "caught_up": outcome.caughtUp, "sent": outcome.sent, "received": outcome.received,
                "only_here": outcome.onlyHere,
            ]
        case "background": return try await keepInTouch(request.flag("on"))
        case "heard": return ["changed": try await hears(request.text("inspection"))]
        case "open_visit": return try await openVisit(facility: request.text("facility"))
        case "ledger":
            let here = try await folder().ledger().onlyHere
            return ["only_here": here, "some_only_here": here > 0]
        case "close":
            try await folder().close()
            try await folder().close()
            return [:]
        default: return try await written(request)
        }
    }

    private func open(_ directory: String) async throws -> [String: Any] {
        let keys = FileKeyStore(file: URL(fileURLWithPath: directory + ".key"))
        // A phone that was killed may hold the folder for a moment.
        let options = OpenOptions(patienceMs: 10_000)
        let folder = try await BienbanFolder.open(at: URL(fileURLWithPath: directory), keys: keys, options: options)
        let events = try await folder.events()
        let heard = self.heard
        listening = Task {
            for await event in events {
                if case .changed(let changes) = event {
                    await heard.note(changes)
                }
            }
        }
        opened = folder
        return ["device": try folder.device()]
    }

    private func enrol(_ request: Request) async throws -> [String: Any] {
        let run = try await folder().enrol(invitation: request.text("uri"), label: request.text("label"))
        enrolment = run
        return ["digits": try await run.digits().digits]
    }

    private func enrolled() async throws -> [String: Any] {
        guard let run = enrolment else {
            throw BadRequest(what: "the runner enrols first")
        }
        let me = try await run.admitted()
        return ["name": me.name, "roles": me.roles.map { name(of: $0) }]
    }

    private func keepInTouch(_ on: Bool) async throws -> [String: Any] {
        await heard.forget()
        if on {
            try await folder().startBackgroundSync()
        } else {
            try await folder().stopBackgroundSync()
        }
        return [:]
    }

    private func hears(_ inspection: String) async throws -> Bool {
        for _ in 0..<300 {
            if await heard.knows(inspection) {
                return true
            }
            try await Task.sleep(nanoseconds: 100_000_000)
        }
        return false
    }

    private func openVisit(facility: String) async throws -> [String: Any] {
        let found = try await folder().facilities(query: ListQuery(text: facility))
        let plans = try await folder().plans()
        guard let place = found.rows.first, let plan = plans.rows.first else {
            throw BadRequest(what: "no such facility, or no plan")
        }
        return ["inspection": try await folder().openVisit(plan: plan.id, facility: place.id)]
    }
}

/// Requests about the inspection.
extension Phone {
    private func written(_ request: Request) async throws -> [String: Any] {
        let folder = try self.folder()
        let inspection = try request.text("inspection")
        switch try request.text("do") {
        case "header":
            let field = try request.text("field")
            let edited = try await folder.setHeader(inspection: inspection, field: field, value: request.text("value"))
            return ["recorded": edited.recorded]
        case "step":
            let edited = try await folder.takeStep(inspection: inspection, step: StepDraft(to: request.text("to")))
            return ["recorded": edited.recorded]
        case "answer":
            let edited = try await folder.answer(inspection: inspection, answer: request.draft())
            return ["recorded": edited.recorded]
        case "note":
            let edit = TextEdit.append(line: try request.text("line"))
            let edited = try await folder.note(inspection: inspection, item: request.text("item"), edit: edit)
            return ["recorded": edited.recorded]
        case "finding":
            let draft = FindingDraft(
                item: try request.text("item"),
                severity: try request.severity(),
                text: try request.text("text")
            )
            return ["finding": try await folder.addFinding(inspection: inspection, finding: draft)]
        case "resolve":
            let settled = try await folder.resolveAnswer(inspection: inspection, answer: request.draft())
            return ["settled": settled == .now ? "now" : "before"]
        case "history":
            let answers = try await folder.answerHistory(inspection: inspection, item: request.text("item"))
            return ["answers": answers.count]
        default: return try await reviewed(request, in: folder, about: inspection)
        }
    }

    private func reviewed(
        _ request: Request,
        in folder: BienbanFolder,
        about inspection: String
    ) async throws -> [String: Any] {
        switch try request.text("do") {
        case "send_back":
            let sent = try await folder.sendBack(
                inspection: inspection,
                item: request.text("item"),
                text: request.text("text"),
                seenHeads: []
            )
            return ["id": sent.id]
        case "reply":
            let screen = try await folder.inspection(id: inspection)
            guard let asked = screen.review?.requests.first(where: { !$0.settled }) else {
                throw BadRequest(what: "no request is open")
            }
            return ["id": try await folder.reply(inspection: inspection, to: asked.id, text: request.text("text")).id]
        case "accept":
            let screen = try await folder.inspection(id: inspection)
            let text = try request.text("text")
            let edited = try await folder.accept(inspection: inspection, text: text, seenHeads: screen.heads)
            return ["recorded": edited.recorded]
        case "seal": return ["seal": try await folder.seal(inspection: inspection, draft: request.signed())]
        case "countersign": return ["seal": try await folder.countersign(inspection: inspection)]
        case "show": return try await shown(folder.inspection(id: inspection), digest: folder.digest(id: inspection))
        case "export":
            let made = try await folder.exportRecord(inspection: inspection, path: request.text("path"))
            return ["bytes": made.bytes, "unhelped": made.unhelped]
        default: throw BadRequest(what: "an unknown request")
        }
    }

    private func shown(_ screen: InspectionScreen, digest: String) throws -> [String: Any] {
        if digest != screen.digest {
            throw BadRequest(what: "two calls say two digests")
        }
        var items: [String: Any] = [:]
        for section in screen.sections {
            for item in section.items {
                if let grade = item.countsAs {
                    items[item.key] = name(of: grade)
                }
            }
        }
        let requests = screen.review?.requests ?? []
        return [
            "digest": screen.digest,
            "states": screen.states.map { $0.key },
            "conflicts": screen.conflicts.map { $0.place },
            "items": items,
            "findings": screen.findings.filter { !$0.deleted }.count,
            "verdict": screen.review?.verdict.key ?? "pending",
            "open_requests": requests.filter { !$0.settled }.count,
            "sealed": screen.sealed,
            "numbered": screen.minutes?.official != nil,
        ]
    }
}
