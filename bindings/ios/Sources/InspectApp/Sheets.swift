// What comes over a screen: settling a conflict, signing, and the ledger.

import Bienban
import InspectLogic
import SwiftUI

/// The values that stand in one place; touching one settles it.
struct ConflictSheet: View {
    @EnvironmentObject var model: AppModel
    @Environment(\.dismiss) private var dismiss
    let inspection: String
    let row: ConflictRow
    let settled: () async -> Void

    var body: some View {
        VStack(alignment: .leading, spacing: 12) {
            Text(model.text(Words.settle)).font(.title2)
            Text(model.text(row.label))
            ForEach(row.choices) { choice in
                Button(action: { take(choice) }) {
                    VStack(alignment: .leading) {
                        Text(model.text(choice.text)).font(.headline)
                        Text(choice.author).font(.footnote)
                    }
                    .frame(maxWidth: .infinity, minHeight: touchHeight, alignment: .leading)
                }
                .buttonStyle(.bordered)
                .tint(choice.counts ? Color.orange : Color.accentColor)
            }
            Text(model.text(Words.keepsAll)).font(.footnote)
            Button(model.text(Words.back)) { dismiss() }
                .frame(minHeight: touchHeight)
        }
        .padding()
    }

    private func take(_ choice: ConflictChoice) {
        Task {
            await model.attempt {
                try await $0.choose(inspection: inspection, place: row.place, change: choice.change)
            }
            await settled()
            dismiss()
        }
    }
}

/// The leader seals the minutes with the representative's drawn signature.
struct SignatureSheet: View {
    @EnvironmentObject var model: AppModel
    @Environment(\.dismiss) private var dismiss
    @State private var state: SigningState?
    @State private var name = ""
    @State private var title = ""
    @State private var notHeard = ""
    @State private var drawing = Drawing()
    @State private var size = CGSize(width: 0, height: 0)
    let inspection: String
    let sealed: () async -> Void

    var body: some View {
        ScrollView {
            VStack(alignment: .leading, spacing: 12) {
                Text(model.text(Words.sign)).font(.title2)
                if let state = state {
                    lacking(state)
                    TextField(model.text(Words.signerName), text: $name)
                    TextField(model.text(Words.signerTitle), text: $title)
                    if !state.silent.isEmpty {
                        Text(state.silent.joined(separator: ", ")).font(.footnote)
                        TextField(model.text(Words.notHeard), text: $notHeard)
                    }
                    Text(model.text(Words.drawHere))
                    surface
                    Button(model.text(Words.clear)) { drawing.clear() }
                        .frame(minHeight: touchHeight)
                    Button(model.text(Words.sign)) { sign() }
                        .frame(maxWidth: .infinity, minHeight: touchHeight)
                        .buttonStyle(.borderedProminent)
                        .disabled(draft(in: state) == nil)
                } else {
                    ProgressView()
                }
                Button(model.text(Words.back)) { dismiss() }
                    .frame(minHeight: touchHeight)
            }
            .padding()
        }
        .task { await check() }
    }

    private func lacking(_ state: SigningState) -> some View {
        VStack(alignment: .leading) {
            if !state.missing.isEmpty || !state.conflicts.isEmpty {
                Text(model.text(Words.missing)).font(.headline)
            }
            ForEach(state.missing.indices, id: \.self) { at in
                Text("• " + model.text(state.missing[at].title) + ": " + model.text(state.missing[at].todo))
            }
            ForEach(state.conflicts, id: \.self) { place in
                Text("• " + place + ": " + model.text(Words.conflict))
            }
        }
    }

    private var surface: some View {
        GeometryReader { geometry in
            Path { path in
                for line in drawing.lines {
                    path.addLines(line.map { CGPoint(x: $0.x, y: $0.y) })
                }
            }
            .stroke(lineWidth: 3)
            .frame(width: geometry.size.width, height: geometry.size.height)
            .background(Color.gray.opacity(0.15))
            .contentShape(Rectangle())
            .gesture(
                DragGesture(minimumDistance: 0)
                    .onChanged { drag in
                        size = geometry.size
                        drawing.touch(Drawing.Spot(x: Double(drag.location.x), y: Double(drag.location.y)))
                    }
                    .onEnded { _ in drawing.lift() }
            )
        }
        .frame(height: 200)
    }

    private func draft(in state: SigningState) -> SealDraft? {
        let drawn = drawing.signature(width: Double(size.width), height: Double(size.height))
        return state.draft(name: name, title: title, drawn: drawn, notHeard: notHeard)
    }

    private func check() async {
        await model.attempt { state = SigningState(try await $0.sealCheck(inspection: inspection)) }
    }

    private func sign() {
        guard let state = state, let made = draft(in: state) else {
            return
        }
        Task {
            await model.attempt { folder in
                _ = try await folder.seal(inspection: inspection, draft: made)
                dismiss()
            }
            await sealed()
        }
    }
}

/// Where this device's work has arrived.
struct LedgerScreen: View {
    @EnvironmentObject var model: AppModel
    @Environment(\.dismiss) private var dismiss

    var body: some View {
        VStack(alignment: .leading) {
            Text(model.text(Words.ledger)).font(.title2)
            if let ledger = model.ledger {
                Text(model.text(ledger.sentence)).font(.headline)
                List {
                    ForEach(ledger.lines) { line in
                        VStack(alignment: .leading) {
                            Text(line.title).font(.headline)
                            ForEach(line.stages) { stage in
                                Label(
                                    model.text(stage.label) + ": \(stage.count)",
                                    systemImage: stage.whole ? "checkmark.circle" : "clock"
                                )
                            }
                        }
                    }
                    if !ledger.rejected.isEmpty {
                        Section(header: Text(model.text(Words.refusedWork))) {
                            ForEach(ledger.rejected, id: \.change) { work in
                                Text(work.texts.joined(separator: "; "))
                            }
                        }
                    }
                }
            } else {
                ProgressView()
            }
            Button(model.text(Words.back)) { dismiss() }
                .frame(minHeight: touchHeight)
        }
        .padding()
        .task { await model.readLedger() }
    }
}
