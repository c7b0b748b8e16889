// The sample app: where it begins.

import Bienban
import InspectLogic
import SwiftUI

@main
struct InspectApp: App {
    @StateObject private var model = AppModel()

    var body: some Scene {
        WindowGroup {
            ListScreen()
                .environmentObject(model)
                .task { await model.live() }
                .alert(item: $model.failure) { failure in
                    Alert(
                        title: Text(failure.error.message(in: model.language)),
                        message: Text(model.text(Words.reportCode) + ": " + failure.error.report.reportId)
                    )
                }
        }
    }
}

/// At least as high as a gloved finger needs.
let touchHeight: CGFloat = 56
