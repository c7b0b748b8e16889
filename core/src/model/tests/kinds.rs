//! What each kind holds, and what it refuses.

use super::*;

pub(super) fn facility() -> Document {
    let mut doc = Document::create(&genesis_of(Kind::Facility), &Shape::Facility);
    let input = FacilityInput {
        name: "HTX chè Nà Lầu".into(),
        owner_kind: Some(OwnerKind::Cooperative),
        commune: Some("06337".parse().unwrap()),
        latitude: Some("21.9012".into()),
        longitude: Some("106.3456".into()),
        products: vec![(
            [1; 16],
            Product {
                name: "Chè xanh".into(),
                ocop_set: Some(11),
                stars: Some(3),
                ..Default::default()
            },
        )],
        ..Default::default()
    };
    edit(&mut doc, 1, |e| e.facility(&input));
    let certificate = Certificate {
        what: "food_safety".into(),
        number: "12/GCN".into(),
        expires: "2027-05-01".into(),
        ..Default::default()
    };
    edit(&mut doc, 2, |e| {
        e.certificate_put([2; 16], &certificate)?;
        e.notes(NoteEdit::Append("Đường vào dốc".into()))
    });
    doc
}

pub(super) fn plan() -> Document {
    let mut doc = Document::create(&genesis_of(Kind::Plan), &Shape::Plan);
    let member = |name: &str, role, sections: &[&str]| Member {
        name: name.into(),
        agency: "UBND xã".into(),
        position: String::new(),
        role,
        sections: sections.iter().map(ToString::to_string).collect(),
        no_conflict: true,
        removed: false,
    };
    let visit = PlannedVisit {
        template: TemplateId([7; 32]),
        visit: 1,
        name: "HTX chè Nà Lầu".into(),
        removed: false,
    };
    let input = PlanInput {
        title: "Kiểm tra quý IV".into(),
        decision_number: "12/QĐ-UBND".into(),
        decision_date: "2026-11-01".into(),
        from: "2026-11-23".into(),
        to: "2026-12-15".into(),
        templates: vec![(TemplateId([7; 32]), "Chè".into())],
        facilities: vec![(DocumentId([2; 32]), visit)],
        team: vec![
            ("d1".into(), member("Trần A", Role::Leader, &[])),
            ("d2".into(), member("Lý B", Role::Member, &["4", "7"])),
        ],
    };
    edit(&mut doc, 1, |e| e.plan(&input));
    doc
}

pub(super) fn review() -> Document {
    let mut doc = Document::create(&genesis_of(Kind::Review), &Shape::Review);
    edit(&mut doc, 1, |e| {
        e.comment([1; 16], Some("1.1"), "Ảnh mờ")?;
        e.request([2; 16], Some("2.1"), "Đo lại độ ẩm")?;
        e.decide(Verdict::SentBack, "Thiếu minh chứng")
    });
    edit(&mut doc, 2, |e| {
        e.reply([3; 16], [2; 16], "Đã đo")?;
        e.request_answered([2; 16], true)
    });
    doc
}

pub(super) fn followup() -> Document {
    let mut doc = Document::create(&genesis_of(Kind::Followup), &Shape::Followup);
    let action = Action {
        finding: Some(hex::encode([9; 16])),
        what: "Thay trần".into(),
        owner: "Chủ cơ sở".into(),
        deadline: Some(Timestamp(5_000)),
    };
    edit(&mut doc, 1, |e| e.action_add([1; 16], &action));
    edit(&mut doc, 2, |e| e.action_update([1; 16], ActionState::Submitted, "ảnh 3"));
    doc
}

#[test]
fn a_facility_reads_back_and_refuses_what_is_malformed() {
    let mut doc = facility();
    let view = doc.view().facility().unwrap();
    assert_eq!(view.field("name"), Some("HTX chè Nà Lầu"));
    assert_eq!(view.field("owner_kind"), Some("cooperative"));
    let product = view.products[&hex::encode([1; 16])].shown().unwrap().valid().unwrap().clone();
    assert_eq!((product.ocop_set, product.stars), (Some(11), Some(3)));
    assert_eq!(view.notes, "Đường vào dốc");
    assert_eq!(doc.summary().title, "HTX chè Nà Lầu");
    for (field, value) in [
        ("latitude", "91"),
        ("longitude", "abc"),
        ("commune", "Bắc Sơn"),
        ("owner_kind", "king"),
        ("colour", "red"),
    ] {
        let done = doc.edit(actor(1), Timestamp(1), |e| e.set_facility(field, value));
        assert!(done.is_err(), "{field}={value}");
    }
    let many = Product { name: "x".into(), stars: Some(6), ..Default::default() };
    assert!(doc.edit(actor(1), Timestamp(1), |e| e.product_put([3; 16], &many)).is_err());
    let nameless = Product::default();
    assert!(doc.edit(actor(1), Timestamp(1), |e| e.product_put([3; 16], &nameless)).is_err());
}

#[test]
fn a_plan_reads_back_with_its_team_and_visits() {
    let doc = plan();
    let view = doc.view().plan().unwrap();
    assert_eq!(view.field("from"), Some("2026-11-23"));
    assert_eq!(view.team.len(), 2);
    let leader = view.team["d1"].shown().unwrap().valid().unwrap().clone();
    assert_eq!(leader.role, Role::Leader);
    let visit = view.facilities[&DocumentId([2; 32]).to_string()].shown().unwrap().clone();
    assert_eq!(visit.valid().unwrap().template, TemplateId([7; 32]));
    assert_eq!(doc.summary().title, "Kiểm tra quý IV");
}

#[test]
fn a_review_keeps_requests_open_until_they_are_answered() {
    let mut doc = review();
    let view = doc.view().review().unwrap();
    assert_eq!(doc.view().judged(|_| true).unwrap().verdict, Verdict::SentBack);
    assert!(view.open_requests().is_empty());
    assert_eq!(view.open_comments().len(), 1);
    assert_eq!(view.replies.len(), 1);
    edit(&mut doc, 1, |e| e.request_answered([2; 16], false));
    assert_eq!(doc.summary().open_requests, 1);
    assert_eq!(doc.summary().state, "sent_back");
    edit(&mut doc, 1, |e| e.comment_done([1; 16], true));
    assert!(doc.view().review().unwrap().open_comments().is_empty());
    let again = doc.edit(actor(1), Timestamp(1), |e| e.comment([1; 16], None, "x"));
    assert!(matches!(again, Err(EditError::Exists { .. })));
    let nowhere = doc.edit(actor(1), Timestamp(1), |e| e.reply([9; 16], [8; 16], "x"));
    assert!(matches!(nowhere, Err(EditError::UnknownRow { .. })));
    let silent = doc.edit(actor(1), Timestamp(1), |e| e.decide(Verdict::SentBack, " "));
    assert!(matches!(silent, Err(EditError::Invalid { .. })));
}

#[test]
fn a_verdict_of_who_may_not_decide_is_shown_and_takes_nothing_away() {
    let mut doc = review();
    edit(&mut doc, 7, |e| e.decide(Verdict::Accepted, "tự duyệt"));
    let raw = doc.view().review().unwrap();
    assert_eq!(raw.decision.all().len(), 1, "it wrote over the supervisor's");
    let judged = doc.view().judged(|by| by == &actor(1).0[..]).unwrap();
    assert_eq!(judged.verdict, Verdict::SentBack);
    let standings: Vec<Standing> = judged.decisions.iter().map(|(_, standing)| *standing).collect();
    assert_eq!(standings, [Standing::Stands, Standing::NotBySupervisor]);
    assert!(!judged.is_conflict());
    // Who decides, having seen both, takes the place of what stood.
    edit(&mut doc, 1, |e| e.decide(Verdict::Accepted, "đã xem"));
    let judged = doc.view().judged(|by| by == &actor(1).0[..]).unwrap();
    assert_eq!(judged.verdict, Verdict::Accepted);
    assert_eq!(judged.decisions[0].1, Standing::Replaced);
}

#[test]
fn of_two_verdicts_made_apart_the_one_that_asks_for_more_counts_until_somebody_decides_again() {
    let mut doc = review();
    let mut other = doc.clone();
    edit(&mut doc, 1, |e| e.decide(Verdict::Accepted, ""));
    let (_, apart) =
        other.edit(actor(2), Timestamp(9), |e| e.decide(Verdict::SentBack, "thiếu sổ")).unwrap();
    doc.apply(&[apart.unwrap()]);
    let both = |by: &[u8]| by == &actor(1).0[..] || by == &actor(2).0[..];
    let judged = doc.view().judged(both).unwrap();
    assert!(judged.is_conflict());
    assert_eq!(judged.verdict, Verdict::SentBack);
    edit(&mut doc, 1, |e| e.decide(Verdict::Accepted, "đã bổ sung"));
    let judged = doc.view().judged(both).unwrap();
    assert!(!judged.is_conflict());
    assert_eq!(judged.verdict, Verdict::Accepted);
}

#[test]
fn requests_of_who_may_not_ask_are_shown_and_ask_for_nothing() {
    let mut doc = review();
    edit(&mut doc, 7, |e| e.request([9; 16], None, "việc của người khác"));
    edit(&mut doc, 1, |e| e.request([8; 16], None, "bổ sung ảnh"));
    let judged = doc.view().judged(|by| by == &actor(1).0[..]).unwrap();
    assert_eq!(judged.uncounted.into_iter().collect::<Vec<_>>(), [hex::encode([9; 16])]);
    assert_eq!(judged.open_requests, [hex::encode([8; 16])]);
}

#[test]
fn a_followup_counts_what_is_open() {
    let mut doc = followup();
    assert_eq!(doc.summary().open_requests, 1);
    edit(&mut doc, 1, |e| e.action_update([1; 16], ActionState::Verified, "đã xem"));
    assert_eq!(doc.summary().open_requests, 0);
    let done =
        doc.edit(actor(1), Timestamp(1), |e| e.action_update([7; 16], ActionState::Verified, ""));
    assert!(matches!(done, Err(EditError::UnknownRow { .. })));
}

#[test]
fn an_operation_of_another_kind_is_refused_by_name() {
    let mut doc = facility();
    let done = doc.edit(actor(1), Timestamp(1), |e| e.answer("1.1", answer(Grade::Pass)));
    assert!(matches!(done, Err(EditError::WrongKind { kind: Kind::Facility, .. })));
    assert!(doc.view().inspection().is_none());
    let done = doc.edit(Actor(FIRST_ACTOR), Timestamp(1), |e| e.set_facility("name", "x"));
    assert!(matches!(done, Err(EditError::ReservedActor)));
}

#[test]
fn an_inspection_moves_only_along_its_life() {
    let mut doc = inspection();
    let mut go = |to| doc.edit(actor(1), Timestamp(1), |e| e.set_state(to)).map(|_| ());
    assert!(matches!(
        go(LifeCycle::InField),
        Err(EditError::Transition { from: "planned", to: "in_field" })
    ));
    for to in [LifeCycle::Decided, LifeCycle::PlanApproved, LifeCycle::Announced] {
        go(to).unwrap();
    }
    go(LifeCycle::InField).unwrap();
    assert!(matches!(go(LifeCycle::MinutesRefused), Err(EditError::NoWitness)));
    edit(&mut doc, 1, |e| e.extend("đường sạt lở"));
    let again = doc.edit(actor(1), Timestamp(1), |e| e.extend("lần nữa"));
    assert!(matches!(again, Err(EditError::ExtendedBefore)));
    edit(&mut doc, 1, |e| e.set_header("witness", "Hoàng C"));
    edit(&mut doc, 1, |e| e.set_state(LifeCycle::MinutesRefused));
    assert_eq!(doc.summary().state, "minutes_refused");
}

#[test]
fn minutes_are_not_signed_over_open_conflicts() {
    let (mut a, mut b) = (inspection(), inspection());
    for to in [LifeCycle::Decided, LifeCycle::InField] {
        edit(&mut a, 1, |e| e.set_state(to));
    }
    edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let from_b = edit(&mut b, 2, |e| e.answer("1.1", answer(Grade::Minor)));
    a.apply(&[from_b]);
    let done = a.edit(actor(1), Timestamp(1), |e| e.set_state(LifeCycle::MinutesSigned));
    assert!(matches!(done, Err(EditError::OpenConflicts { count: 1 })));
    edit(&mut a, 1, |e| e.resolve("1.1", answer(Grade::Minor)));
    edit(&mut a, 1, |e| e.set_state(LifeCycle::MinutesSigned));
    assert_eq!(read(&a).states(), [LifeCycle::MinutesSigned]);
}

#[test]
fn an_answer_names_its_photos_by_hash() {
    let mut doc = inspection();
    let with = |evidence: Vec<String>| AnswerInput { evidence, ..answer(Grade::Pass) };
    edit(&mut doc, 1, |e| e.answer("1.1", with(vec!["ab".repeat(32)])));
    for wrong in ["", "xyz", &"AB".repeat(32)] {
        let done =
            doc.edit(actor(1), Timestamp(1), |e| e.answer("1.1", with(vec![wrong.to_owned()])));
        assert!(matches!(done, Err(EditError::Invalid { .. })), "{wrong}");
    }
    let many = vec!["ab".repeat(32); EVIDENCE_MAX + 1];
    let done = doc.edit(actor(1), Timestamp(1), |e| e.answer("1.1", with(many)));
    assert!(matches!(done, Err(EditError::TooMany { .. })));
    let photo = Evidence { media: "image/jpeg".into(), bytes: 5, ..Default::default() };
    edit(&mut doc, 1, |e| e.evidence_put([0xab; 32], &photo));
    let sample = Sample { name: "Chè khô".into(), ..Default::default() };
    edit(&mut doc, 1, |e| e.sample_put([4; 16], &sample));
    let view = read(&doc);
    assert_eq!(view.evidence.len(), 1);
    assert_eq!(view.samples[&hex::encode([4; 16])].shown().unwrap().valid(), Some(&sample));
}
