// The first screen: inspections, plans, enrolment, and the way to the ledger.

import Bienban
import InspectLogic
import SwiftUI

struct ListScreen: View {
    @EnvironmentObject var model: AppModel
    @State private var shownLedger = false

    var body: some View {
        NavigationView {
            List {
                notices
                if let me = model.me, me.hub == nil {
                    EnrolSection()
                }
                Section(header: Text(model.text(Words.inspections))) {
                    if model.lines.isEmpty {
                        Text(model.text(Words.noInspections))
                    }
                    ForEach(model.lines) { line in
                        NavigationLink(destination: ChecklistScreen(inspection: line.id)) {
                            InspectionCell(line: line)
                        }
                    }
                    if model.goesOn {
                        Button(model.text(Words.more)) {
                            Task { await model.readOn() }
                        }
                        .frame(minHeight: touchHeight)
                    }
                }
                Section(header: Text(model.text(Words.plans))) {
                    ForEach(model.plans, id: \.id) { plan in
                        NavigationLink(destination: PlanScreen(plan: plan)) {
                            Text(plan.title).frame(minHeight: touchHeight)
                        }
                    }
                }
            }
            .navigationTitle(model.text(Words.inspections))
            .toolbar {
                ToolbarItemGroup {
                    Button(model.text(model.syncing ? Words.stop : Words.sync)) { model.toggleSync() }
                    Button(model.text(Words.ledger)) { shownLedger = true }
                    Button(model.language == .vi ? "EN" : "VI") {
                        model.language = model.language == .vi ? .en : .vi
                    }
                }
            }
            .sheet(isPresented: $shownLedger) { LedgerScreen().environmentObject(model) }
        }
    }

    @ViewBuilder private var notices: some View {
        if let progress = model.progress {
            Text(model.text(Words.state(progress.state)))
        }
        if let wipe = model.wipe {
            Text(model.text(wipe.erased ? Words.wiped : Words.rightsEnded))
                .foregroundColor(.red)
        }
    }
}

/// One inspection in the list.
struct InspectionCell: View {
    @EnvironmentObject var model: AppModel
    let line: InspectionLine

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text(line.title).font(.headline)
            Text(line.place + " · " + model.text(line.state)).font(.subheadline)
            Text(line.progress + " " + model.text(Words.answered)).font(.footnote)
            if line.conflicts > 0 {
                Label("\(line.conflicts) " + model.text(Words.conflicts), systemImage: "exclamationmark.triangle")
                    .foregroundColor(.orange)
            }
            if line.onlyHere > 0 {
                Label("\(line.onlyHere) " + model.text(Words.onlyHere), systemImage: "iphone")
                    .font(.footnote)
            }
        }
        .frame(minHeight: touchHeight)
    }
}

/// The visits of a plan: touching one opens its inspection, with no network.
struct PlanScreen: View {
    @EnvironmentObject var model: AppModel
    let plan: PlanRow
    @State private var visits: [VisitRow] = []

    var body: some View {
        List {
            ForEach(visits, id: \.inspection) { visit in
                NavigationLink(destination: ChecklistScreen(inspection: visit.inspection)) {
                    VStack(alignment: .leading) {
                        Text(visit.name).font(.headline)
                        Text(model.text(Words.begin)).font(.footnote)
                    }
                    .frame(minHeight: touchHeight)
                }
            }
        }
        .navigationTitle(plan.title)
        .task { visits = await model.visits(of: plan) }
    }
}

/// Taking up an invitation.
struct EnrolSection: View {
    @EnvironmentObject var model: AppModel
    @State private var invitation = ""
    @State private var label = ""

    var body: some View {
        Section(header: Text(model.text(Words.enrol))) {
            if let digits = model.digits {
                Text(model.text(Words.compare))
                Text(digits).font(.largeTitle)
                Button(model.text(Words.cancel)) { model.stopEnrolling() }
                    .frame(minHeight: touchHeight)
            } else {
                TextField(model.text(Words.invitation), text: $invitation)
                TextField(model.text(Words.phoneLabel), text: $label)
                Button(model.text(Words.enrol)) { model.enrol(invitation: invitation, label: label) }
                    .frame(minHeight: touchHeight)
                    .disabled(invitation.isEmpty)
            }
        }
    }
}
