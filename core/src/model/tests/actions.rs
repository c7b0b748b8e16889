//! Corrective actions that people change apart: every value stands until a person chooses.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const ID: [u8; 16] = [1; 16];

fn name() -> String {
    hex::encode(ID)
}

fn demanded() -> Document {
    let mut doc = Document::create(&genesis_of(Kind::Followup), &Shape::Followup);
    let action = Action {
        finding: Some(hex::encode([9; 16])),
        what: "Dời chuồng".into(),
        owner: String::new(),
        deadline: Some(Timestamp(5_000)),
    };
    edit(&mut doc, 1, |e| e.action_add(ID, &action));
    doc
}

fn owner(text: &str) -> ActionPatch {
    ActionPatch { owner: Some(text.into()), ..ActionPatch::default() }
}

fn deadline(at: i64) -> ActionPatch {
    ActionPatch { deadline: Some(Timestamp(at)), ..ActionPatch::default() }
}

fn places(doc: &Document) -> Vec<String> {
    doc.view().conflicts().iter().map(|open| place_name(&open.place)).collect()
}

fn action(doc: &Document) -> ActionView {
    doc.view().followup().unwrap().actions.remove(&name()).unwrap()
}

#[test]
fn a_deadline_and_an_owner_that_two_change_apart_both_hold() {
    let mut a = demanded();
    let mut b = a.clone();
    let from_a = edit(&mut a, 1, |e| e.action_change(ID, &owner("Bà C")));
    let from_b = edit(&mut b, 2, |e| e.action_change(ID, &deadline(7_000)));
    a.apply(&[from_b]);
    b.apply(&[from_a]);
    assert_eq!(a.view().record(), b.view().record());
    assert!(places(&a).is_empty(), "{:?}", places(&a));
    let read = action(&a);
    assert_eq!(read.owner.shown(), Some(&Told::Valid("Bà C".into())));
    assert_eq!(read.deadline.shown(), Some(&Told::Valid(Some(Timestamp(7_000)))));
    assert_eq!(read.what.shown(), Some(&Told::Valid("Dời chuồng".into())));
}

#[test]
fn two_deadlines_stand_the_earlier_counts_and_a_third_has_to_wait() {
    let mut a = demanded();
    let mut b = a.clone();
    edit(&mut a, 1, |e| e.action_change(ID, &deadline(7_000)));
    let from_b = edit(&mut b, 2, |e| e.action_change(ID, &deadline(6_000)));
    a.apply(std::slice::from_ref(&from_b));
    assert_eq!(places(&a), ["actions/01010101/deadline"]);
    assert_eq!(a.view().followup().unwrap().deadline(&name()), Some(Timestamp(6_000)));
    assert_eq!((a.summary().conflicts, a.summary().deadline), (1, Some(Timestamp(6_000))));
    let refused = a.edit(actor(1), Timestamp(9), |e| e.action_change(ID, &deadline(8_000)));
    assert!(matches!(refused, Err(EditError::Contested { values: 2, .. })), "{refused:?}");
    // What nobody disputes can be changed all the same.
    edit(&mut a, 1, |e| e.action_change(ID, &owner("Bà C")));
    let place = a.view().conflicts()[0].place.clone();
    assert!(matches!(a.view().contest(&place), Contest::Open(values) if values.len() == 2));
    edit(&mut a, 1, |e| e.choose(&place, from_b.facts().hash));
    assert!(places(&a).is_empty());
    assert_eq!(action(&a).deadline.all().len(), 1);
    assert_eq!(a.view().followup().unwrap().deadline(&name()), Some(Timestamp(6_000)));
    assert!(matches!(a.view().contest(&place), Contest::Settled(_)));
    let told: Vec<String> = a.view().history_of(&place).into_iter().map(|s| s.value).collect();
    assert_eq!(told, ["5000", "7000", "6000", "6000"].map(String::from), "nothing is forgotten");
    edit(&mut a, 1, |e| e.action_change(ID, &deadline(8_000)));
    assert_eq!(action(&a).deadline.shown(), Some(&Told::Valid(Some(Timestamp(8_000)))));
}

#[test]
fn verified_apart_from_rejected_is_named_and_nobody_judges_on_top_of_it() {
    let mut a = demanded();
    let mut b = a.clone();
    edit(&mut a, 1, |e| e.action_update(ID, ActionState::Verified, "ảnh"));
    let rejected = edit(&mut b, 2, |e| e.action_update(ID, ActionState::Recheck, "ảnh"));
    a.apply(std::slice::from_ref(&rejected));
    assert_eq!(places(&a), ["progress/01010101"]);
    let view = a.view().followup().unwrap();
    assert_eq!((view.state(&name()), view.is_settled(&name())), (ActionState::Recheck, false));
    let again =
        a.edit(actor(1), Timestamp(9), |e| e.action_update(ID, ActionState::Verified, "ảnh"));
    assert!(matches!(again, Err(EditError::Contested { .. })), "{again:?}");
    let place = a.view().conflicts()[0].place.clone();
    edit(&mut a, 1, |e| e.choose(&place, rejected.facts().hash));
    assert!(places(&a).is_empty());
    edit(&mut a, 1, |e| e.action_update(ID, ActionState::Verified, "ảnh"));
    assert!(a.view().followup().unwrap().is_settled(&name()));
}

/// Writes the whole action as programs before this one did.
fn whole(doc: &mut Document, who: u8, action: &Action) -> RawChange {
    edit(doc, who, |e| e.put_row("actions", &name(), action))
}

#[test]
fn what_an_earlier_program_wrote_over_the_whole_action_is_neither_hidden_nor_hides() {
    let base = demanded();
    let old = Action { owner: "Ông D".into(), ..base_action(&base) };
    // Apart: both stand, and either can be chosen.
    for by_new in [true, false] {
        let (mut a, mut b) = (base.clone(), base.clone());
        let new = edit(&mut a, 1, |e| e.action_change(ID, &owner("Bà C")));
        let from_b = whole(&mut b, 2, &old);
        a.apply(std::slice::from_ref(&from_b));
        assert_eq!(places(&a), ["actions/01010101/owner"]);
        let place = a.view().conflicts()[0].place.clone();
        let (chosen, says) = if by_new { (&new, "Bà C") } else { (&from_b, "Ông D") };
        edit(&mut a, 1, |e| e.choose(&place, chosen.facts().hash));
        assert!(places(&a).is_empty());
        assert_eq!(action(&a).owner.shown(), Some(&Told::Valid(says.into())));
    }
    // After it: the later one holds, whichever program wrote it.
    let mut a = base.clone();
    edit(&mut a, 1, |e| e.action_change(ID, &owner("Bà C")));
    whole(&mut a, 2, &old);
    assert_eq!(action(&a).owner.shown(), Some(&Told::Valid("Ông D".into())));
    edit(&mut a, 1, |e| e.action_change(ID, &owner("Bà C")));
    assert_eq!(action(&a).owner.shown(), Some(&Told::Valid("Bà C".into())));
    assert!(places(&a).is_empty());
}

fn base_action(doc: &Document) -> Action {
    let Register::One(said) = doc.view().told::<Action>("actions").remove(&name()).unwrap() else {
        panic!("one action stands")
    };
    said.value.valid().unwrap().clone()
}

#[derive(Debug, Clone)]
enum Doing {
    Owner(u8),
    Deadline(u8),
    What(u8),
    Step(u8, u8),
    Whole(u8),
    Take(usize),
}

fn doing() -> impl Strategy<Value = Doing> {
    prop_oneof![
        (0..4_u8).prop_map(Doing::Owner),
        (0..4_u8).prop_map(Doing::Deadline),
        (0..4_u8).prop_map(Doing::What),
        (0..5_u8, 0..3_u8).prop_map(|(state, proof)| Doing::Step(state, proof)),
        (0..4_u8).prop_map(Doing::Whole),
        (0..3_usize).prop_map(Doing::Take),
    ]
}

/// What an earlier program writes is new each time: choosing what is shown anyway would put nothing.
fn act(doc: &mut Document, who: u8, turn: usize, doing: &Doing) {
    let said = |n: &u8| format!("người {n} của {who}");
    let done = doc.edit(actor(who), Timestamp(i64::from(who)), |e| match doing {
        Doing::Owner(n) => e.action_change(ID, &owner(&said(n))),
        Doing::Deadline(n) => e.action_change(ID, &deadline(6_000 + i64::from(n * 10 + who))),
        Doing::What(n) => {
            e.action_change(ID, &ActionPatch { what: Some(said(n)), ..ActionPatch::default() })
        }
        Doing::Step(state, n) => {
            e.action_update(ID, ActionState::ALL[usize::from(*state)], &said(n))
        }
        Doing::Whole(n) => {
            let text = format!("{} lần {turn}", said(n));
            let action = Action { what: text.clone(), owner: text, ..Action::default() };
            e.put_row("actions", &name(), &action)
        }
        Doing::Take(_) => Ok(()),
    });
    assert!(matches!(done, Ok(_) | Err(EditError::Contested { .. })), "{done:?}");
}

/// The places of an action that a person can settle.
fn all_places() -> Vec<Place> {
    let of = |container: &str, field: Option<&str>| Place {
        container: container.into(),
        key: name(),
        field: field.map(str::to_owned),
    };
    let fields = ["finding", "what", "owner", "deadline"];
    let mut all: Vec<Place> = fields.iter().map(|field| of("actions", Some(field))).collect();
    all.push(of("progress", None));
    all
}

/// What a reader sees of a place.
fn current(doc: &Document, place: &Place) -> BTreeSet<String> {
    let read = action(doc);
    let text = |register: &Register<Told<String>>| register.shown().cloned().map(canonical);
    let shown = match place.field.as_deref() {
        Some("finding") => read.finding.shown().cloned().map(canonical),
        Some("what") => text(&read.what),
        Some("owner") => text(&read.owner),
        Some(_) => read.deadline.shown().cloned().map(canonical),
        None => doc.view().register("progress", &place.key).shown().cloned(),
    };
    shown.into_iter().collect()
}

fn canonical<T: serde::Serialize>(told: Told<T>) -> String {
    let Told::Valid(value) = told else { panic!("everything here can be read") };
    serde_json::to_string(&value).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever three phones do to one action, with and without sight of each other: every value that
    /// nobody overwrote who had seen it stands, and where several that differ do, a conflict lists all.
    #[test]
    fn every_value_written_apart_is_current_or_listed(
        deeds in prop::collection::vec((0..3_usize, doing()), 1..24),
        order in any::<u64>(),
    ) {
        let mut phones = [demanded(), demanded(), demanded()];
        for (turn, (phone, doing)) in deeds.iter().enumerate() {
            if let Doing::Take(from) = doing {
                let changes = all_changes(&phones[*from]);
                phones[*phone].apply(&changes);
            } else {
                act(&mut phones[*phone], u8::try_from(*phone).unwrap() + 1, turn, doing);
            }
        }
        let changes: Vec<RawChange> = phones.iter().flat_map(all_changes).collect();
        let mut merged = demanded();
        merged.apply(&changes);
        // Another order of arrival, one change at a time.
        let mut other = demanded();
        let mut shuffled = changes.clone();
        let turn = usize::try_from(order % (shuffled.len() as u64 + 1)).unwrap();
        shuffled.rotate_left(turn);
        for change in shuffled.iter().chain(&changes) {
            other.apply(std::slice::from_ref(change));
        }
        prop_assert_eq!(merged.heads(), other.heads());
        prop_assert_eq!(merged.view().conflicts(), other.view().conflicts());
        for place in all_places() {
            let written = merged.view().history_of(&place);
            // By causes alone: what no later writer of the same place had seen.
            let standing: BTreeSet<String> = written
                .iter()
                .filter(|one| {
                    !written.iter().any(|later| {
                        later.change != one.change
                            && merged.seen_by(&[later.change]).contains(&one.change)
                    })
                })
                .map(|one| one.value.clone())
                .collect();
            let open = merged.view().conflicts().into_iter().find(|open| open.place == place);
            let listed: BTreeSet<String> = match &open {
                Some(open) => open.values.iter().map(|said| said.value.clone()).collect(),
                None => current(&merged, &place),
            };
            prop_assert_eq!(open.is_some(), standing.len() > 1, "{:?}", place);
            prop_assert_eq!(listed, standing.clone());
            if let Some(open) = open {
                // Each can be chosen, and nothing is disputed then.
                for said in &open.values {
                    let mut settled = merged.clone();
                    edit(&mut settled, 9, |e| e.choose(&place, said.change));
                    prop_assert!(settled.view().conflicts().iter().all(|left| left.place != place));
                }
            }
        }
    }
}
