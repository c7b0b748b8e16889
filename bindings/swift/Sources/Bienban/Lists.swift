// Lists in pages, and the ledger: where this device's work has arrived.

import BienbanGenerated
import Foundation

extension BienbanFolder {
    /// Lists plans.
    public func plans(query: ListQuery = ListQuery()) async throws -> PlanPage {
        return try await calling { try await core.plans(query: query) }
    }

    /// Lists the visits that a plan foresees, those taken off it too.
    public func visits(plan: String) async throws -> [VisitRow] {
        return try await calling { try await core.visits(plan: plan) }
    }

    /// Lists facilities.
    public func facilities(query: ListQuery = ListQuery()) async throws -> FacilityPage {
        return try await calling { try await core.facilities(query: query) }
    }

    /// Lists the checklists that are here.
    public func checklists() async throws -> [ChecklistRow] {
        return try await calling { try await core.checklists() }
    }

    /// Lists inspections that somebody has begun. Visits that nobody has begun are in ``visits(plan:)``.
    public func inspections(
        query: ListQuery = ListQuery(),
        filter: InspectionFilter = InspectionFilter()
    ) async throws -> InspectionPage {
        return try await calling { try await core.inspections(query: query, filter: filter) }
    }

    /// Returns where this device's work has arrived. Loads no document.
    public func ledger() async throws -> Ledger {
        return try await calling { try await core.ledger() }
    }

    /// Gives up a decision that the server has refused; what was signed stays in the journal. Where the rights of this
    /// device were ended, one that waits too.
    public func giveUpDecision(code: String) async throws {
        try await calling { try await core.giveUpDecision(code: code) }
    }

    /// Gives up minutes that the server has refused, with a reason that stays here; the seal stays too. Where the
    /// rights of this device were ended, minutes that wait as well.
    public func giveUpMinutes(code: String, reason: String) async throws {
        try await calling { try await core.giveUpMinutes(code: code, reason: reason) }
    }
}
