// One inspection: its checklist with large buttons, and the ways to conflicts and signature.

import Bienban
import InspectLogic
import SwiftUI

/// What the screen of one inspection holds.
@MainActor
final class InspectionModel: ObservableObject {
    @Published private(set) var screen: InspectionScreen?
    @Published private(set) var rows: ChecklistRows?

    func read(_ inspection: String, with model: AppModel) async {
        await model.attempt { folder in
            let screen = try await folder.inspection(id: inspection)
            self.screen = screen
            self.rows = ChecklistRows(of: screen)
        }
    }
}

struct ChecklistScreen: View {
    @EnvironmentObject var model: AppModel
    @StateObject private var shown = InspectionModel()
    @State private var conflict: ConflictRow?
    @State private var signing = false
    let inspection: String

    var body: some View {
        List {
            if let screen = shown.screen, let rows = shown.rows {
                head(screen, rows)
                ForEach(rows.sections) { section in
                    Section(header: Text(model.text(section.title))) {
                        ForEach(section.rows) { row in
                            ItemCell(row: row, sealed: screen.sealed) { draft in
                                await answer(draft)
                            } note: { line in
                                await note(line, of: row)
                            } settle: {
                                conflict = screen.conflicts.first { $0.place == row.place }.map { ConflictRow($0) }
                            }
                        }
                    }
                }
                Section {
                    Button(model.text(Words.sign)) { signing = true }
                        .frame(minHeight: touchHeight)
                        .disabled(screen.sealed)
                }
            } else {
                ProgressView()
            }
        }
        .task(id: model.stale) {
            model.openInspection = inspection
            await shown.read(inspection, with: model)
        }
        .onDisappear { model.openInspection = nil }
        .sheet(item: $conflict) { row in
            ConflictSheet(inspection: inspection, row: row) { await shown.read(inspection, with: model) }
                .environmentObject(model)
        }
        .sheet(isPresented: $signing) {
            SignatureSheet(inspection: inspection) { await shown.read(inspection, with: model) }
                .environmentObject(model)
        }
    }

    private func head(_ screen: InspectionScreen, _ rows: ChecklistRows) -> some View {
        Section {
            Text(screen.facility?.title ?? "").font(.title2)
            Text(model.text(screen.grade.result))
            Text("\(rows.answered)/\(rows.items) " + model.text(Words.answered)).font(.footnote)
            if screen.sealed {
                Label(model.text(Words.sealed), systemImage: "lock")
                Text(screen.minutes?.official ?? model.text(Words.waitsForNumber))
            }
        }
    }

    private func answer(_ draft: AnswerDraft) async {
        await model.attempt { try await $0.answer(inspection: inspection, answer: draft) }
        await shown.read(inspection, with: model)
    }

    private func note(_ line: String, of row: ItemRow) async {
        await model.attempt { folder in
            if let id = row.row {
                try await folder.rowNote(inspection: inspection, row: id, edit: .append(line: line))
            } else {
                try await folder.note(inspection: inspection, item: row.item.key, edit: .append(line: line))
            }
        }
        await shown.read(inspection, with: model)
    }
}

/// One item: what is asked, and what a finger records.
struct ItemCell: View {
    @EnvironmentObject var model: AppModel
    @State private var typed = ""
    @State private var line = ""
    let row: ItemRow
    let sealed: Bool
    let record: (AnswerDraft) async -> Void
    let note: (String) async -> Void
    let settle: () -> Void

    init(
        row: ItemRow,
        sealed: Bool,
        record: @escaping (AnswerDraft) async -> Void,
        note: @escaping (String) async -> Void,
        settle: @escaping () -> Void
    ) {
        self.row = row
        self.sealed = sealed
        self.record = record
        self.note = note
        self.settle = settle
    }

    var body: some View {
        VStack(alignment: .leading, spacing: 8) {
            Text(row.item.key + "  " + model.text(row.item.text))
            if row.differs {
                Button(action: settle) {
                    Label(model.text(Words.conflict), systemImage: "exclamationmark.triangle")
                        .frame(maxWidth: .infinity, minHeight: touchHeight)
                }
                .buttonStyle(.bordered)
                .tint(.orange)
            }
            ForEach(row.buttons) { button in
                Button(action: { touch(button) }) {
                    Label(model.text(button.label), systemImage: button.chosen ? "checkmark.circle.fill" : "circle")
                        .frame(maxWidth: .infinity, minHeight: touchHeight, alignment: .leading)
                }
                .buttonStyle(.bordered)
                .disabled(sealed)
            }
            values
            photos
            if !row.item.note.isEmpty {
                Text(model.text(Words.note) + ": " + row.item.note).font(.footnote)
            }
            HStack {
                TextField(model.text(Words.addNote), text: $line)
                Button(model.text(Words.save)) {
                    let written = line
                    line = ""
                    Task { await note(written) }
                }
                .frame(minHeight: touchHeight)
                .disabled(sealed || line.isEmpty)
            }
            .buttonStyle(.borderless)
        }
    }

    @ViewBuilder private var values: some View {
        switch row.field {
        case .typed(let unit):
            HStack {
                TextField(model.text(Words.value), text: $typed)
                Text(unit ?? "")
                Button(model.text(Words.save)) { save(typed) }
                    .frame(minHeight: touchHeight)
                    .disabled(sealed)
            }
            .buttonStyle(.borderless)
            Text(row.item.countsValue ?? "")
        case .options(let choices):
            ForEach(choices, id: \.key) { choice in
                Button(action: { save(choice.key) }) {
                    Text(model.text(choice.text)).frame(maxWidth: .infinity, minHeight: touchHeight)
                }
                .buttonStyle(.bordered)
                .disabled(sealed)
            }
        case .nothing, .elsewhere:
            EmptyView()
        }
    }

    /// Where an app that takes photos shows them.
    @ViewBuilder private var photos: some View {
        if row.item.photosMin > 0 || row.photosGiven > 0 {
            HStack {
                Image(systemName: "photo")
                    .resizable()
                    .scaledToFit()
                    .frame(width: touchHeight, height: touchHeight)
                Text("\(model.text(Words.photos)): \(row.photosGiven)/\(row.item.photosMin). " + model.text(Words.photoPlace))
                    .font(.footnote)
            }
        }
    }

    private func touch(_ button: GradeButton) {
        Task { await record(row.draft(button.grade)) }
    }

    private func save(_ value: String) {
        if let draft = row.draft(value: value) {
            typed = ""
            Task { await record(draft) }
        }
    }
}
