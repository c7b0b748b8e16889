//! Every guard by a table, clocks on real days, and random lives of one inspection on two replicas.

mod clocks;
mod corrections;
mod ending;

use proptest::prelude::*;

use super::*;
use crate::checklist::grading::At;
use crate::checklist::header::{HEADER, HeaderForm};
use crate::checklist::{CLOCKS, Clocks, Day, HOLIDAYS, Holidays};
use crate::model::{
    Action, ActionState, Actor, AgencyLevel, AnswerInput, Document, DocumentId, EditError, Editor,
    FindingInput, FollowupView, Genesis, Grade, Handover, HandoverRow, InspectionView, Kind,
    LifeCycle, Member, Origin, PlanInput, PlanView, PlannedVisit, Role, Sample, SampleStep,
    Severity, Shape, Step, TemplateId, Timestamp, VisitReason,
};

const FACILITY: DocumentId = DocumentId([2; 32]);

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// The embedded law, read once for each test.
struct Books {
    rules: Rules,
    clocks: Clocks,
    holidays: Holidays,
    header: HeaderForm,
}

impl Books {
    fn new() -> Self {
        Self {
            rules: Rules::parse(LIFECYCLE).unwrap(),
            clocks: Clocks::parse(CLOCKS).unwrap(),
            holidays: Holidays::parse(HOLIDAYS).unwrap(),
            header: HeaderForm::parse(HEADER).unwrap(),
        }
    }

    fn law(&self) -> Law<'_> {
        let Self { rules, clocks, holidays, header } = self;
        Law { rules, clocks, holidays, header }
    }
}

/// One inspection with its plan and follow-up, edited without guards.
#[derive(Clone)]
struct World {
    inspection: Document,
    plan: Document,
    followup: Document,
    others: Vec<OtherVisit>,
    deviations: Vec<At>,
    managed_by: Vec<String>,
    as_of: Day,
}

fn document(kind: Kind, shape: &Shape, origin: Origin) -> Document {
    let template = (kind == Kind::Inspection).then_some(TemplateId([7; 32]));
    let genesis = Genesis { kind, scope: "06325".parse().unwrap(), template, origin };
    Document::create(&genesis, shape)
}

impl World {
    fn new() -> Self {
        let shape = Shape::Inspection {
            template: TemplateId([7; 32]),
            items: vec!["1.1".into(), "1.2".into()],
            calculated: Vec::new(),
            groups: Vec::new(),
        };
        let origin = Origin::Planned { plan: DocumentId([1; 32]), facility: FACILITY, visit: 1 };
        let inspection = document(Kind::Inspection, &shape, origin);
        let origin = Origin::About { inspection: inspection.id() };
        let creator = crate::model::DeviceId([3; 32]);
        Self {
            followup: document(Kind::Followup, &Shape::Followup, origin),
            plan: document(Kind::Plan, &Shape::Plan, Origin::Device { creator, nonce: [4; 16] }),
            inspection,
            others: Vec::new(),
            deviations: Vec::new(),
            managed_by: Vec::new(),
            as_of: day("2026-11-23"),
        }
    }

    /// With a plan that says everything a decision needs.
    fn planned() -> Self {
        let mut world = Self::new();
        let leader = Member {
            name: "Trần A".into(),
            agency: "UBND xã".into(),
            position: String::new(),
            role: Role::Leader,
            sections: Vec::new(),
            no_conflict: true,
            removed: false,
        };
        let visit = PlannedVisit {
            template: TemplateId([7; 32]),
            visit: 1,
            name: "HTX".into(),
            removed: false,
            reason: None,
        };
        let input = PlanInput {
            title: "Quý IV".into(),
            decision_number: "12/QĐ-UBND".into(),
            decision_date: "2026-11-01".into(),
            decision_signer: "Lý B".into(),
            level: Some(AgencyLevel::Commune),
            from: "2026-11-10".into(),
            to: "2026-11-30".into(),
            facilities: vec![(FACILITY, visit)],
            team: vec![("d1".into(), leader)],
            ..PlanInput::default()
        };
        edit(&mut world.plan, 1, |e| e.plan(&input)).unwrap();
        world
    }

    fn lacks(&self, to: LifeCycle, on: Day, reason: &str, books: &Books) -> Vec<Need> {
        let (read, plan, followup) = self.read();
        let case = self.case(&read, &plan, &followup);
        let attempt = Attempt { to, on, reason };
        missing(&case, attempt, books.law()).into_iter().map(|lack| lack.need).collect()
    }

    fn read(&self) -> (InspectionView, PlanView, FollowupView) {
        let read = self.inspection.view().inspection().unwrap();
        (read, self.plan.view().plan().unwrap(), self.followup.view().followup().unwrap())
    }

    fn case<'a>(
        &'a self,
        inspection: &'a InspectionView,
        plan: &'a PlanView,
        followup: &'a FollowupView,
    ) -> Case<'a> {
        let open = self.inspection.view().conflicts();
        Case {
            managed_by: &self.managed_by,
            inspection,
            conflicts: open.iter().filter(|c| c.place.container != "lifecycle").count(),
            plan: Some(plan),
            facility: Some("0202020202020202020202020202020202020202020202020202020202020202"),
            facility_read: None,
            unit: Some("Xã Bắc Sơn"),
            owner: None,
            followup: Some(followup),
            deviations: &self.deviations,
            others: &self.others,
            as_of: self.as_of,
        }
    }

    fn put(&mut self, to: LifeCycle, on: &str) {
        let step = Step { day: on.to_owned(), reason: "thử".to_owned(), ..Step::default() };
        edit(&mut self.inspection, 1, |e| e.move_to(to, &step)).unwrap();
    }

    fn header(&mut self, name: &str, value: &str) {
        edit(&mut self.inspection, 1, |e| e.set_header(name, value)).unwrap();
    }

    fn finding(&mut self, id: u8, unfixable: bool) {
        let input = FindingInput {
            item: None,
            row: None,
            severity: Severity::Major,
            text: "Nền nứt".into(),
            clause: None,
            deadline: None,
            unfixable,
        };
        edit(&mut self.inspection, 1, |e| e.finding_add([id; 16], input)).unwrap();
    }

    fn action(&mut self, id: u8, finding: Option<u8>, owner: &str, deadline: Option<&str>) {
        let action = Action {
            finding: finding.map(|id| hex::encode([id; 16])),
            what: "Trát nền".into(),
            owner: owner.into(),
            deadline: deadline.map(|text| day(text).end()),
        };
        edit(&mut self.followup, 1, |e| e.action_add([id; 16], &action)).unwrap();
    }

    fn progress(&mut self, id: u8, state: ActionState, proof: &str) {
        edit(&mut self.followup, 1, |e| e.action_update([id; 16], state, proof)).unwrap();
    }
}

fn edit(
    document: &mut Document,
    who: u8,
    f: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>,
) -> Result<(), EditError> {
    document.edit(Actor([who; 16]), Timestamp(1_000 + i64::from(who)), f).map(|_| ())
}

fn other(on: Option<&str>) -> OtherVisit {
    OtherVisit {
        name: "Kế hoạch tỉnh".into(),
        day: on.map(day),
        until: on.map(day),
        same_checklist: false,
        void: false,
        over: true,
    }
}

#[test]
fn the_file_names_a_requirement_for_every_need_and_only_known_states() {
    let rules = Rules::parse(LIFECYCLE).unwrap();
    assert!(!rules.is_official() && !rules.source().is_empty() && !rules.edition().is_empty());
    for state in LifeCycle::ALL {
        for need in rules.needs(state) {
            let requirement = rules.requirement(*need).unwrap();
            assert!(requirement.title.en.is_some() && requirement.todo.en.is_some(), "{need:?}");
        }
    }
    let text = std::str::from_utf8(LIFECYCLE).unwrap();
    let broken = text.replacen("\"key\": \"proof\"", "\"key\": \"witness\"", 1);
    let error = Rules::parse(broken.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("Witness: the requirement occurs twice"), "{error}");
    assert!(error.contains("fix_submitted: Proof has no requirement"), "{error}");
    let newer = text.replacen("\"format\": 1", "\"format\": 2", 1);
    assert!(Rules::parse(newer.as_bytes()).unwrap_err().to_string().contains("update"));
}

#[test]
fn an_empty_inspection_is_told_everything_that_each_state_needs() {
    use Need as N;
    let (books, world) = (Books::new(), World::new());
    let on = day("2026-11-23");
    for (to, wanted) in [
        (LifeCycle::Decided, &[N::DecisionNumber, N::DecisionDate, N::DecisionSigner][..]),
        (LifeCycle::PlanApproved, &[N::TeamLeader, N::ConductPlanApprover]),
        (LifeCycle::Announced, &[N::Level]),
        (LifeCycle::InField, &[N::Announced, N::Level]),
        (LifeCycle::MinutesSigned, &[N::TeamLeader, N::FacilityRepresentative, N::HeaderFields]),
        (
            LifeCycle::MinutesRefused,
            &[N::TeamLeader, N::Witness, N::RefusalReason, N::HeaderFields],
        ),
        (LifeCycle::Reported, &[]),
        (LifeCycle::CorrectiveIssued, &[N::Findings]),
        (LifeCycle::FixVerified, &[N::Verified]),
        (LifeCycle::Overdue, &[N::DeadlinePassed]),
        (LifeCycle::Closed, &[]),
        (LifeCycle::Suspended, &[N::Reason]),
        (LifeCycle::Stopped, &[N::Reason]),
        (LifeCycle::Escalated, &[N::Reason]),
    ] {
        assert_eq!(world.lacks(to, on, "", &books), wanted, "{to:?}");
    }
}

#[test]
fn what_is_filled_in_is_no_longer_asked_for() {
    let (books, mut world) = (Books::new(), World::planned());
    let on = day("2026-11-23");
    assert_eq!(world.lacks(LifeCycle::Decided, on, "", &books), []);
    assert_eq!(world.lacks(LifeCycle::PlanApproved, on, "", &books), [Need::ConductPlanApprover]);
    world.header("conduct_plan_approver", "Lý B");
    assert_eq!(world.lacks(LifeCycle::PlanApproved, on, "", &books), []);
    // In flagrante nobody announces, and says why.
    assert_eq!(world.lacks(LifeCycle::InField, on, "", &books), [Need::Announced]);
    assert_eq!(world.lacks(LifeCycle::InField, on, "quả tang", &books), []);
    world.put(LifeCycle::Decided, "2026-11-10");
    world.put(LifeCycle::InField, "2026-11-12");
    world.header("commune_representative", "Phó chủ tịch");
    world.header("refusal_reason", "không đồng ý");
    assert_eq!(world.lacks(LifeCycle::MinutesRefused, on, "", &books), []);
    assert_eq!(world.lacks(LifeCycle::Stopped, on, " ", &books), [Need::Reason]);
    // A blank word says nothing.
    world.header("commune_representative", " ");
    assert_eq!(world.lacks(LifeCycle::MinutesRefused, on, "", &books), [Need::Witness]);
}

#[test]
fn minutes_name_the_header_fields_that_they_lack_and_those_that_do_not_fit() {
    let (books, mut world) = (Books::new(), World::planned());
    world.header("facility_representative", "Bà C");
    let on = day("2026-11-23");
    let of = |world: &World| {
        let (read, plan, followup) = world.read();
        let case = world.case(&read, &plan, &followup);
        let attempt = Attempt { to: LifeCycle::MinutesSigned, on, reason: "" };
        let missing = missing(&case, attempt, books.law());
        missing.into_iter().map(|lack| (lack.need, lack.fields)).collect::<Vec<_>>()
    };
    let started = vec!["started_at".to_owned()];
    assert_eq!(of(&world), [(Need::HeaderFields, started.clone())]);
    // Another replica may have written anything.
    world.header("started_at", "sáng sớm");
    world.header("facility_phone", "12");
    let wrong = vec!["facility_phone".to_owned(), "started_at".to_owned()];
    assert_eq!(of(&world), [(Need::HeaderFits, wrong)]);
    world.header("started_at", "2026-11-20T01:00:00Z");
    world.header("facility_phone", "0912345678");
    assert_eq!(of(&world), []);
    // The decision of the plan is of the first of the month.
    world.header("started_at", "2026-10-31T01:00:00Z");
    assert_eq!(of(&world), [(Need::HeaderFits, started)]);
    // A name that this form does not have is no fault: a newer one may have it.
    world.header("started_at", "2026-11-20T01:00:00Z");
    world.header("drone_number", "7");
    assert_eq!(of(&world), []);
    // A need that stands in the header says where.
    world.header("facility_representative", " ");
    let place = vec!["facility_representative".to_owned()];
    assert_eq!(of(&world), [(Need::FacilityRepresentative, place)]);
}

#[test]
fn minutes_wait_for_conflicts_to_be_settled() {
    let (books, mut world) = (Books::new(), World::planned());
    world.header("facility_representative", "Bà C");
    world.put(LifeCycle::Decided, "2026-11-10");
    world.put(LifeCycle::InField, "2026-11-12");
    let on = day("2026-11-23");
    assert_eq!(world.lacks(LifeCycle::MinutesSigned, on, "", &books), []);
    let answer = |grade| AnswerInput {
        grade,
        value: None,
        evidence: Vec::new(),
        claimed_at: Timestamp(5),
        resolves: false,
    };
    let mut apart = world.inspection.clone();
    edit(&mut world.inspection, 1, |e| e.answer("1.1", answer(Grade::Pass))).unwrap();
    let (_, change) = apart
        .edit(Actor([2; 16]), Timestamp(9), |e| e.answer("1.1", answer(Grade::Major)))
        .unwrap();
    world.inspection.apply(&[change.unwrap()]);
    for to in [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused] {
        assert!(world.lacks(to, on, "", &books).contains(&Need::NoConflicts), "{to:?}");
    }
}

#[test]
fn a_step_lies_between_the_step_before_and_today() {
    let (books, mut world) = (Books::new(), World::planned());
    world.put(LifeCycle::Decided, "2026-11-10");
    world.header("conduct_plan_approver", "Lý B");
    for (on, wanted) in [
        ("2026-11-09", &[Need::OrderOfDays][..]),
        ("2026-11-10", &[]),
        ("2026-11-23", &[]),
        ("2026-11-24", &[Need::OrderOfDays]),
    ] {
        assert_eq!(world.lacks(LifeCycle::PlanApproved, day(on), "", &books), wanted, "{on}");
    }
}

#[test]
fn a_second_inspection_in_the_year_needs_the_reason_of_the_law() {
    let (books, mut world) = (Books::new(), World::planned());
    let on = day("2026-11-23");
    for (others, wanted) in [
        (vec![other(Some("2025-12-31"))], &[][..]),
        (vec![other(Some("2026-01-02"))], &[Need::OnceAYear]),
        (vec![OtherVisit { void: true, ..other(Some("2026-01-02")) }], &[]),
        // Nobody said when: the worse counts.
        (vec![other(None)], &[Need::OnceAYear]),
    ] {
        world.others = others;
        assert_eq!(world.lacks(LifeCycle::Decided, on, "", &books), wanted, "{:?}", world.others);
    }
    let (read, plan, followup) = world.read();
    world.others = vec![other(Some("2026-03-04"))];
    let case = world.case(&read, &plan, &followup);
    let attempt = Attempt { to: LifeCycle::Decided, on, reason: "" };
    let lacks = missing(&case, attempt, books.law());
    assert_eq!(lacks[0].about, ["Kế hoạch tỉnh (2026-03-04)"]);
    assert!(lacks[0].clause.contains("198/2025"), "{lacks:?}");
    let mut in_header = world.clone();
    in_header.header("clear_sign_reason", "Có phản ánh của dân");
    assert_eq!(in_header.lacks(LifeCycle::Decided, on, "", &books), []);
    // A reason in the plan counts as well, if it is one that the law knows.
    for (key, wanted) in [("clear_sign", &[][..]), ("because", &[Need::OnceAYear])] {
        let mut in_plan = world.clone();
        let visit = PlannedVisit {
            template: TemplateId([7; 32]),
            visit: 1,
            name: "HTX".into(),
            removed: false,
            reason: Some(VisitReason { key: key.into(), text: "phản ánh".into() }),
        };
        edit(&mut in_plan.plan, 1, |e| e.plan_facility(FACILITY, &visit)).unwrap();
        assert_eq!(in_plan.lacks(LifeCycle::Decided, on, "", &books), wanted, "{key}");
    }
}

#[test]
fn the_same_content_at_the_same_time_is_an_overlap() {
    let (books, mut world) = (Books::new(), World::planned());
    world.header("clear_sign_reason", "x");
    let on = day("2026-11-23");
    let same = OtherVisit { same_checklist: true, over: false, ..other(Some("2026-11-20")) };
    for (one, wanted) in [
        (same.clone(), &[Need::NoOverlap][..]),
        (OtherVisit { same_checklist: false, ..same.clone() }, &[]),
        (OtherVisit { over: true, ..same.clone() }, &[]),
        (OtherVisit { void: true, ..same.clone() }, &[]),
        (OtherVisit { day: Some(day("2026-12-01")), until: None, ..same.clone() }, &[]),
        (OtherVisit { until: Some(day("2026-11-09")), ..same.clone() }, &[]),
        (OtherVisit { day: None, until: None, ..same }, &[Need::NoOverlap]),
    ] {
        world.others = vec![one];
        assert_eq!(world.lacks(LifeCycle::Decided, on, "", &books), wanted, "{:?}", world.others);
    }
    world.header("overlap_handling", "Công văn 5");
    assert_eq!(world.lacks(LifeCycle::Decided, on, "", &books), []);
}

#[test]
fn a_demand_names_an_owner_and_a_deadline_within_thirty_days_for_each_finding() {
    let (books, mut world) = (Books::new(), World::planned());
    let on = day("2026-06-01");
    world.as_of = day("2026-07-30");
    let lacks = |world: &World| world.lacks(LifeCycle::CorrectiveIssued, on, "", &books);
    world.finding(1, false);
    world.finding(2, true);
    // What cannot be corrected needs no demand.
    assert_eq!(lacks(&world), [Need::Actions, Need::OrderOfDays]);
    let (read, plan, followup) = world.read();
    let case = world.case(&read, &plan, &followup);
    let attempt = Attempt { to: LifeCycle::CorrectiveIssued, on, reason: "" };
    assert_eq!(missing(&case, attempt, books.law())[0].about, ["01010101"]);
    for (deadline, owner, wanted) in [
        (Some("2026-07-01"), "Chủ cơ sở", &[Need::OrderOfDays][..]),
        (Some("2026-07-02"), "Chủ cơ sở", &[Need::Deadlines, Need::OrderOfDays]),
        (None, " ", &[Need::Owners, Need::Deadlines, Need::OrderOfDays]),
    ] {
        let mut world = world.clone();
        world.action(1, Some(1), owner, deadline);
        assert_eq!(lacks(&world), wanted, "{deadline:?}");
    }
}

#[test]
fn deviations_that_nobody_wrote_up_stand_in_the_way() {
    let (mut world, books) = (World::planned(), Books::new());
    let on = day("2026-11-20");
    for to in [
        LifeCycle::Decided,
        LifeCycle::PlanApproved,
        LifeCycle::Announced,
        LifeCycle::InField,
        LifeCycle::MinutesSigned,
    ] {
        world.put(to, "2026-11-20");
    }
    let lacks = |world: &World, to| world.lacks(to, on, "", &books);
    assert_eq!(lacks(&world, LifeCycle::Closed), []);
    let before = lacks(&world, LifeCycle::CorrectiveIssued);
    assert!(before.contains(&Need::Findings) && !before.contains(&Need::Actions));
    world.deviations = vec![
        At { item: "2.1".into(), row: None },
        At { item: "lot-g".into(), row: Some("ab".repeat(8)) },
    ];
    assert_eq!(lacks(&world, LifeCycle::Closed), [Need::NothingOpen]);
    let after = lacks(&world, LifeCycle::CorrectiveIssued);
    assert!(!after.contains(&Need::Findings) && after.contains(&Need::Actions), "{after:?}");
    let (read, plan, followup) = world.read();
    let case = world.case(&read, &plan, &followup);
    let attempt = Attempt { to: LifeCycle::Closed, on, reason: "" };
    assert_eq!(missing(&case, attempt, books.law())[0].about, ["2.1", "abababab/lot-g"]);
}

#[test]
fn the_follow_up_alone_decides_whether_a_finding_is_corrected() {
    let mut world = World::planned();
    world.finding(1, false);
    world.finding(2, false);
    let corrected = |world: &World, id: u8| {
        let (mut read, _, followup) = world.read();
        let id = hex::encode([id; 16]);
        let said = is_corrected(&read.findings[&id], &id, Some(&followup));
        // Whoever reads the inspection sees the same.
        apply_corrections(&mut read, &followup);
        assert_eq!(read.findings[&id].is_fixed(), said);
        said
    };
    world.action(1, Some(1), "Chủ", None);
    world.action(2, Some(1), "Chủ", None);
    assert!(!corrected(&world, 1));
    world.progress(1, ActionState::Verified, "ảnh");
    assert!(!corrected(&world, 1), "one of two");
    world.progress(2, ActionState::Cancelled, "");
    assert!(corrected(&world, 1));
    world.progress(1, ActionState::Cancelled, "");
    assert!(!corrected(&world, 1), "demands that were taken back correct nothing");
    // Without an action the register of earlier programs decides.
    let fixed = crate::model::FindingPatch { fixed: Some(true), ..Default::default() };
    edit(&mut world.inspection, 1, |e| e.finding_update([2; 16], fixed)).unwrap();
    assert!(corrected(&world, 2));
}

/// Something that a person may do.
#[derive(Debug, Clone)]
enum Doing {
    Move { to: LifeCycle, day: u8, reason: bool },
    Header(&'static str),
    Find(u8),
    Demand(u8),
    Progress(u8, ActionState),
    Meet,
}

fn doing() -> impl Strategy<Value = (bool, Doing)> {
    let states = prop::sample::select(LifeCycle::ALL.to_vec());
    let headers = prop::sample::select(vec![
        "conduct_plan_approver",
        "facility_representative",
        "witness",
        "refusal_reason",
    ]);
    let progress = prop::sample::select(ActionState::ALL.to_vec());
    let one = prop_oneof![
        6 => (states, 10_u8..24, any::<bool>())
            .prop_map(|(to, day, reason)| Doing::Move { to, day, reason }),
        2 => headers.prop_map(Doing::Header),
        1 => (0_u8..3).prop_map(Doing::Find),
        1 => (0_u8..3).prop_map(Doing::Demand),
        2 => (0_u8..3, progress).prop_map(|(id, state)| Doing::Progress(id, state)),
        1 => Just(Doing::Meet),
    ];
    (any::<bool>(), one)
}

/// Does as asked where the guards allow it; says whether the state moved.
fn act(world: &mut World, who: u8, doing: &Doing, books: &Books) -> Option<LifeCycle> {
    match doing {
        Doing::Move { to, day: on, reason } => {
            let on = day(&format!("2026-11-{on:02}"));
            let reason = if *reason { "thử" } else { "" };
            if !world.lacks(*to, on, reason, books).is_empty() {
                return None;
            }
            let step = Step { day: on.to_string(), reason: reason.to_owned(), ..Step::default() };
            return edit(&mut world.inspection, who, |e| e.move_to(*to, &step))
                .is_ok()
                .then_some(*to);
        }
        Doing::Header(name) => {
            edit(&mut world.inspection, who, |e| e.set_header(name, "có")).unwrap();
        }
        Doing::Find(id) => {
            let id = [16 * who + id; 16];
            let input = FindingInput {
                item: None,
                row: None,
                severity: Severity::Minor,
                text: "x".into(),
                clause: None,
                deadline: None,
                unfixable: false,
            };
            // A second one under the same id is refused, which is all right here.
            drop(edit(&mut world.inspection, who, |e| e.finding_add(id, input)));
        }
        Doing::Demand(id) => {
            let action = Action {
                finding: Some(hex::encode([16 * who + id; 16])),
                what: "x".into(),
                owner: "y".into(),
                deadline: Some(day("2026-11-15").end()),
            };
            drop(edit(&mut world.followup, who, |e| e.action_add([16 * who + id; 16], &action)));
        }
        Doing::Progress(id, state) => {
            let id = [16 * who + id; 16];
            drop(edit(&mut world.followup, who, |e| e.action_update(id, *state, "ảnh")));
        }
        Doing::Meet => {}
    }
    None
}

/// What must be true of a state, told once more and in other words than the guards.
fn holds(world: &World, state: LifeCycle) -> bool {
    let (read, _, followup) = world.read();
    let filled = |name: &str| read.header.contains_key(name);
    let settled = |id: &String| {
        let state = followup.state(id);
        state == ActionState::Verified || state == ActionState::Cancelled
    };
    match state {
        LifeCycle::PlanApproved => filled("conduct_plan_approver"),
        LifeCycle::MinutesSigned => filled("facility_representative"),
        LifeCycle::MinutesRefused => filled("witness") && filled("refusal_reason"),
        LifeCycle::InField => {
            !read.step(LifeCycle::Announced).is_empty()
                || read.step(LifeCycle::InField).iter().any(|step| !step.reason.is_empty())
        }
        LifeCycle::CorrectiveIssued => !followup.actions.is_empty() || !read.findings.is_empty(),
        LifeCycle::FixVerified => {
            !followup.actions.is_empty() && followup.actions.keys().all(settled)
        }
        LifeCycle::Suspended | LifeCycle::Stopped | LifeCycle::Escalated => {
            read.step(state).iter().any(|step| !step.reason.is_empty())
        }
        LifeCycle::Overdue => followup.actions.keys().any(|id| !settled(id)),
        _ => true,
    }
}

fn meet(one: &mut Document, other: &mut Document) {
    let all = |from: &Document| -> Vec<_> {
        from.tips().iter().flat_map(|(actor, _, _)| from.changes_of(actor, 1)).collect()
    };
    let (left, right) = (all(one), all(other));
    one.apply(&right);
    other.apply(&left);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_doings_reaches_a_state_whose_guards_do_not_hold(
        doings in prop::collection::vec(doing(), 1..60),
    ) {
        let books = Books::new();
        let mut worlds = [World::planned(), World::planned()];
        for (second, doing) in &doings {
            if matches!(doing, Doing::Meet) {
                let [one, other] = &mut worlds;
                meet(&mut one.inspection, &mut other.inspection);
                meet(&mut one.followup, &mut other.followup);
                let states = [&*one, &*other].map(|world| world.read().0.states());
                prop_assert_eq!(&states[0], &states[1]);
                let view = one.inspection.view();
                let shown = view.conflicts().iter().any(|c| c.place.key == "state");
                let mut apart = states[0].clone();
                apart.dedup();
                prop_assert_eq!(apart.len() > 1, shown, "states moved apart are shown");
                continue;
            }
            let at = usize::from(*second);
            let before = worlds[at].read().0.states();
            let who = u8::from(*second) + 1;
            let moved = act(&mut worlds[at], who, doing, &books);
            let after = worlds[at].read().0.states();
            match moved {
                Some(to) => {
                    prop_assert_eq!(&after, &[to]);
                    let contested = before.len() > 1 && before.contains(&to);
                    let led = before.iter().any(|from| from.next().contains(&to));
                    prop_assert!(led || contested || before == [to], "{:?} to {:?}", before, to);
                    prop_assert!(holds(&worlds[at], to), "{:?}", to);
                }
                None => prop_assert_eq!(before, after),
            }
        }
    }
}
