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
        reason: None,
    };
    let input = PlanInput {
        title: "Kiểm tra quý IV".into(),
        decision_number: "12/QĐ-UBND".into(),
        decision_date: "2026-11-01".into(),
        decision_signer: String::new(),
        level: None,
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

/// A review whose verdict says what it was given over.
pub(super) fn review_over_heads() -> Document {
    let mut doc = review();
    let over = [ChangeHash([0xab; 32]), ChangeHash([0x12; 32])];
    edit(&mut doc, 1, |e| e.decide_over(Verdict::Accepted, "", &over));
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
    let step = |day: &str| Step { day: day.to_owned(), reason: String::new(), ..Step::default() };
    let mut go = |to| doc.edit(actor(1), Timestamp(1), |e| e.move_to(to, &step("2026-11-23")));
    assert!(matches!(
        go(LifeCycle::InField),
        Err(EditError::Transition { from: "planned", to: "in_field" })
    ));
    for to in [LifeCycle::Decided, LifeCycle::PlanApproved, LifeCycle::Announced] {
        go(to).unwrap();
    }
    go(LifeCycle::InField).unwrap();
    edit(&mut doc, 1, |e| e.extend("đường sạt lở", "2026-11-04"));
    let again = doc.edit(actor(1), Timestamp(1), |e| e.extend("lần nữa", "2026-11-05"));
    assert!(matches!(again, Err(EditError::ExtendedBefore)));
    let odd = doc.edit(actor(1), Timestamp(1), |e| e.move_to(LifeCycle::Stopped, &step("hôm qua")));
    assert!(matches!(odd, Err(EditError::Invalid { what: "day of the step", .. })));
    assert_eq!(doc.summary().state, "in_field");
    assert_eq!(doc.summary().day, "2026-11-23");
}

#[test]
fn states_moved_apart_are_a_conflict_that_a_step_settles() {
    let mut a = inspection();
    let step = |day: &str, reason: &str| Step {
        day: day.into(),
        reason: reason.into(),
        ..Step::default()
    };
    for to in [LifeCycle::Decided, LifeCycle::InField] {
        edit(&mut a, 1, |e| e.move_to(to, &step("2026-11-20", "quả tang")));
    }
    let mut b = a.clone();
    edit(&mut a, 1, |e| e.move_to(LifeCycle::Suspended, &step("2026-11-21", "mưa lũ")));
    let stop = step("2026-11-22", "cơ sở giải thể");
    let from_b = edit(&mut b, 2, |e| e.move_to(LifeCycle::Stopped, &stop));
    a.apply(&[from_b]);
    let states = read(&a).states();
    assert_eq!(states, [LifeCycle::Suspended, LifeCycle::Stopped]);
    assert_eq!(a.summary().state, "suspended|stopped");
    let open: Vec<_> = a.view().conflicts().into_iter().map(|c| c.place.key).collect();
    assert_eq!(open, ["state"]);
    // Whoever looks at both chooses one, also the one that nothing leads to.
    edit(&mut a, 3, |e| e.move_to(LifeCycle::Stopped, &stop));
    assert_eq!(read(&a).states(), [LifeCycle::Stopped]);
    assert!(a.view().conflicts().is_empty());
}

#[test]
fn samples_carry_the_fields_of_the_forms_and_old_rows_still_read() {
    let mut doc = inspection();
    let old = r#"{"lot":"L1","name":"Chè khô"}"#;
    let sample: Sample = serde_json::from_str(old).unwrap();
    assert_eq!((sample.name.as_str(), sample.taken_on.as_str()), ("Chè khô", ""));
    assert_eq!(
        serde_json::to_value(&sample).unwrap(),
        serde_json::from_str::<serde_json::Value>(old).unwrap()
    );
    edit(&mut doc, 1, |e| e.sample_put([4; 16], &sample));
    let id = hex::encode([4; 16]);
    let row = HandoverRow { sample: id.clone(), parameters: "chì".into(), ..Default::default() };
    let handover = Handover {
        giver: "Đoàn".into(),
        receiver: "Phòng thử nghiệm".into(),
        day: "2026-11-25".into(),
        to_laboratory: true,
        rows: vec![row],
        ..Default::default()
    };
    let step = SampleStep::Handover(handover.clone());
    edit(&mut doc, 1, |e| e.sample_step([5; 16], &step));
    let read_back = read(&doc).sample_steps[&hex::encode([5; 16])].shown().cloned();
    assert_eq!(read_back.unwrap().valid(), Some(&step));
    for wrong in [
        Handover { giver: String::new(), ..handover.clone() },
        Handover { day: "25/11".into(), ..handover.clone() },
        Handover { rows: Vec::new(), ..handover.clone() },
    ] {
        let done = doc
            .edit(actor(1), Timestamp(1), |e| e.sample_step([6; 16], &SampleStep::Handover(wrong)));
        assert!(matches!(done, Err(EditError::Invalid { .. })), "{done:?}");
    }
    let seal = Seal {
        sample: hex::encode([9; 16]),
        number: "1".into(),
        day: "2026-11-25".into(),
        ..Default::default()
    };
    let done =
        doc.edit(actor(1), Timestamp(1), |e| e.sample_step([6; 16], &SampleStep::Seal(seal)));
    assert!(matches!(done, Err(EditError::UnknownRow { what: "sample", .. })));
    let result = |rows: &[bool]| LabResult {
        rows: rows.iter().map(|pass| Parameter { pass: *pass, ..Default::default() }).collect(),
        ..Default::default()
    };
    assert!(result(&[true, true]).passes());
    assert!(!result(&[true, false]).passes());
    assert!(!result(&[]).passes());
}

#[test]
fn of_two_words_on_an_action_the_worse_counts() {
    let mut doc = followup();
    let mut other = doc.clone();
    let id = hex::encode([1; 16]);
    edit(&mut doc, 1, |e| e.action_update([1; 16], ActionState::Verified, "ảnh 3"));
    assert_eq!(doc.summary().deadline, None);
    let apart = edit(&mut other, 2, |e| e.action_update([1; 16], ActionState::Recheck, "ảnh 3"));
    doc.apply(&[apart]);
    let view = doc.view().followup().unwrap();
    assert_eq!(view.state(&id), ActionState::Recheck);
    assert!(!view.is_settled(&id));
    assert_eq!((doc.summary().open_requests, doc.summary().deadline), (1, Some(Timestamp(5_000))));
    assert_eq!(view.about(&hex::encode([9; 16])), [id.as_str()]);
}

fn recheck(day: &str, finding: u8, result: RecheckResult) -> Recheck {
    Recheck {
        day: day.into(),
        with: String::new(),
        visit: None,
        rows: vec![RecheckRow {
            finding: hex::encode([finding; 16]),
            result,
            remark: "nền còn nứt".into(),
            photos: vec!["ab".repeat(32)],
        }],
        removed: false,
        removed_reason: String::new(),
    }
}

#[test]
fn of_re_checks_the_last_day_counts_and_of_one_day_the_worst() {
    use RecheckResult::{Corrected, NotCorrected, Partly};
    let mut doc = followup();
    let mut other = doc.clone();
    let rechecked = |doc: &Document| {
        let view = doc.view().followup().unwrap();
        view.rechecked(&hex::encode([7; 16])).map(|(day, result)| (day.to_owned(), result))
    };
    assert_eq!(rechecked(&doc), None);
    let first = recheck("2026-11-20", 7, NotCorrected);
    edit(&mut doc, 1, |e| e.recheck_put([1; 16], &first));
    let second = recheck("2026-11-27", 7, Corrected);
    edit(&mut doc, 1, |e| e.recheck_put([2; 16], &second));
    assert_eq!(rechecked(&doc), Some(("2026-11-27".into(), Corrected)));
    // Another person saw it otherwise on the same day, apart from the first.
    let apart = edit(&mut other, 2, |e| e.recheck_put([3; 16], &recheck("2026-11-27", 7, Partly)));
    doc.apply(&[apart]);
    assert_eq!(rechecked(&doc), Some(("2026-11-27".into(), Partly)));
    let reason = "ghi nhầm cơ sở".to_owned();
    let withdrawn =
        Recheck { removed: true, removed_reason: reason, ..recheck("2026-11-27", 7, Partly) };
    edit(&mut doc, 1, |e| e.recheck_put([3; 16], &withdrawn));
    assert_eq!(rechecked(&doc), Some(("2026-11-27".into(), Corrected)));
    let view = doc.view().followup().unwrap();
    assert_eq!(view.rechecks.len(), 3, "what was taken back is kept");
    assert_eq!(view.rechecks[&hex::encode([1; 16])].shown().unwrap().valid(), Some(&first));
    assert_eq!(view.actions.len(), 1, "a re-check is no action");
    for wrong in [
        Recheck { rows: Vec::new(), ..first.clone() },
        Recheck { day: String::new(), ..first.clone() },
        Recheck { day: "27/11".into(), ..first },
    ] {
        let done = doc.edit(actor(1), Timestamp(1), |e| e.recheck_put([4; 16], &wrong));
        assert!(matches!(done, Err(EditError::Invalid { .. })), "{done:?}");
    }
}

#[test]
fn what_is_withdrawn_keeps_all_that_it_said() {
    let mut doc = inspection();
    let sample = Sample { name: "Chè khô".into(), lot: "L-07".into(), ..Default::default() };
    edit(&mut doc, 1, |e| e.sample_put([4; 16], &sample));
    let seal = SampleStep::Seal(Seal {
        sample: hex::encode([4; 16]),
        number: "NP-07".into(),
        day: "2026-11-25".into(),
        ..Default::default()
    });
    edit(&mut doc, 1, |e| e.sample_step([5; 16], &seal));
    let withdrawn = seal.clone().withdrawn("ghi nhầm số");
    edit(&mut doc, 2, |e| e.sample_step([5; 16], &withdrawn));
    let view = read(&doc);
    let stands = view.sample_steps[&hex::encode([5; 16])].shown().unwrap().valid().unwrap();
    assert!(stands.is_removed());
    assert_eq!(stands.removed_reason(), "ghi nhầm số");
    assert_eq!(stands.samples(), seal.samples());
    let SampleStep::Seal(kept) = stands else { panic!("{stands:?}") };
    assert_eq!(kept.number, "NP-07");
    // What programs before wrote reads as it did.
    let before: Sample = serde_json::from_str(r#"{"name":"Chè","removed":true}"#).unwrap();
    assert_eq!((before.removed, before.removed_reason.as_str()), (true, ""));
}

#[test]
fn difficulties_are_counted_in_the_row_of_their_inspection() {
    let mut doc = inspection();
    let raised = Difficulty {
        by: RaisedBy::Commune,
        topic: "nhân lực".into(),
        text: "Thiếu cán bộ".into(),
        removed: false,
        removed_reason: String::new(),
    };
    edit(&mut doc, 1, |e| e.difficulty_put([1; 16], &raised));
    assert_eq!(doc.summary().difficulties, 1);
    let taken_back = Difficulty { removed: true, ..raised.clone() };
    edit(&mut doc, 1, |e| e.difficulty_put([1; 16], &taken_back));
    assert_eq!(doc.summary().difficulties, 0);
    let empty = Difficulty { text: " ".into(), ..raised };
    let done = doc.edit(actor(1), Timestamp(1), |e| e.difficulty_put([2; 16], &empty));
    assert!(matches!(done, Err(EditError::Invalid { .. })));
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

#[test]
fn a_cancelled_plan_stays_cancelled_whatever_others_wrote_meanwhile() {
    let mut doc = plan();
    let mut other = doc.clone();
    let cancelled = edit(&mut doc, 1, |e| e.cancel_plan("Trùng với đoàn của tỉnh", "15/QĐ"));
    let renamed = edit(&mut other, 2, |e| e.set_plan("title", "Kế hoạch quý IV"));
    doc.apply(&[renamed]);
    other.apply(&[cancelled]);
    for replica in [&doc, &other] {
        let view = replica.view().plan().unwrap();
        let [said] = view.cancelled() else { panic!("{:?}", view.cancelled()) };
        assert_eq!(said.value, "Trùng với đoàn của tỉnh");
        assert_eq!(
            (said.actor.as_slice(), view.cancel_decision()),
            (&actor(1).0[..], Some("15/QĐ"))
        );
        assert_eq!(view.field("title"), Some("Kế hoạch quý IV"), "the rename is kept");
        assert!(view.filled().all(|(name, _)| PLAN_FIELDS.contains(&name)));
        assert!(replica.summary().is_cancelled());
    }
    assert_eq!(doc.heads(), other.heads());
    assert_eq!(doc.view().record().digest(), other.view().record().digest());
}

#[test]
fn nothing_of_a_cancelled_plan_can_be_changed() {
    let mut doc = plan();
    let blank = doc.edit(actor(1), Timestamp(1), |e| e.cancel_plan(" ", ""));
    assert!(matches!(blank, Err(EditError::Invalid { .. })), "{blank:?}");
    assert!(!doc.summary().is_cancelled());
    edit(&mut doc, 1, |e| e.cancel_plan("Hoãn", ""));
    let again = doc.edit(actor(2), Timestamp(2), |e| e.cancel_plan("Lý do khác", ""));
    assert!(matches!(again, Err(EditError::Cancelled)), "{again:?}");
    let renamed = doc.edit(actor(2), Timestamp(2), |e| e.set_plan("title", "Khác"));
    assert!(matches!(renamed, Err(EditError::Cancelled)), "{renamed:?}");
}

#[test]
fn two_who_cancel_a_plan_apart_leave_both_reasons_until_one_is_chosen() {
    let mut doc = plan();
    let mut other = doc.clone();
    edit(&mut doc, 1, |e| e.cancel_plan("Hoãn", ""));
    let apart = edit(&mut other, 2, |e| e.cancel_plan("Trùng", ""));
    doc.apply(&[apart]);
    assert_eq!(doc.view().plan().unwrap().cancelled().len(), 2);
    assert_eq!(doc.summary().conflicts, 1);
    edit(&mut doc, 1, |e| e.cancel_plan("Trùng", ""));
    assert_eq!(doc.view().plan().unwrap().cancelled().len(), 1);
    assert_eq!(doc.summary().conflicts, 0);
}
