//! People who move one draft to one edition on different ways, and answers whose meaning changed.

use super::*;

fn apply(to: &mut Document, from: &Document) {
    let hashes: Vec<_> = from.view().past().iter().map(|past| past.change).collect();
    let changes = from.changes(&hashes).into_iter();
    let raw: Vec<RawChange> =
        changes.map(|change| RawChange::inspect(change.raw_bytes().to_vec()).unwrap()).collect();
    to.apply(&raw);
}

fn conflicts(document: &Document) -> Vec<String> {
    document
        .view()
        .conflicts()
        .iter()
        .map(|it| format!("{}/{}", it.place.container, it.place.key))
        .collect()
}

fn grades(document: &Document, item: &str) -> Vec<Grade> {
    let view = read(document);
    let mut all: Vec<Grade> =
        view.answers[item].all().iter().map(|said| said.value.grade).collect();
    all.sort_unstable();
    all
}

/// Item 7 is new in edition 2, and edition 3 asks the same.
#[test]
fn whoever_moves_to_one_edition_on_whatever_way_answers_one_item_in_one_place() {
    let mut an = begun_by(&editions()[0]);
    let mut binh = an.clone();
    move_to(&mut an, 1, 2);
    edit(&mut an, 1, |e| e.answer("7", said(Grade::Minor, None)));
    let by_way = move_to(&mut an, 1, 3);
    let at_once = move_to(&mut binh, 2, 3);
    edit(&mut binh, 2, |e| e.answer("7", said(Grade::Pass, None)));
    assert!(by_way.told.agrees(&at_once.told), "{:?} {:?}", by_way.told, at_once.told);
    apply(&mut an, &binh);
    assert_eq!(read(&an).template, Some(editions()[2].id()), "nobody has to choose an edition");
    assert_eq!(conflicts(&an), ["answers/7"]);
    assert_eq!(grades(&an, "7"), [Grade::Pass, Grade::Minor]);
}

/// Edition 4 words item 7 anew and says that it is the same.
#[test]
fn answers_given_under_different_keys_become_one_conflict_once_an_edition_is_chosen() {
    let mut an = begun_by(&editions()[0]);
    let mut binh = an.clone();
    edit(&mut an, 1, |e| e.row_add([1; 16], "lots", "lô đầu"));
    apply(&mut binh, &an);
    move_to(&mut an, 1, 2);
    edit(&mut an, 1, |e| {
        e.answer("7", said(Grade::Minor, None))?;
        e.row_answer([1; 16], "l-seal", given("no"))
    });
    move_to(&mut an, 1, 4);
    move_to(&mut binh, 2, 4);
    edit(&mut binh, 2, |e| {
        e.answer("7", said(Grade::Pass, None))?;
        e.row_answer([1; 16], "l-seal", given("yes"))
    });
    apply(&mut an, &binh);
    assert!(conflicts(&an).contains(&"lifecycle/template".to_owned()));
    let plan = move_to(&mut an, 1, 4);
    assert_eq!(plan.of(Fate::NoNewHome).count(), 0, "{:?}", plan.lines);
    let row = hex::encode([1; 16]);
    assert_eq!(conflicts(&an), ["answers/7".to_owned(), format!("rows/{row}/l-seal")]);
    assert_eq!(grades(&an, "7"), [Grade::Pass, Grade::Minor]);
    assert_eq!(an.view().history("7").len(), 2);
    assert_eq!(an.view().row_history(&row, "l-seal").len(), 2);

    // One who has not heard of the choice, and one who settles what both see.
    let settle = |document: &mut Document, who, grade| {
        edit(document, who, |e| e.answer("7", AnswerInput { resolves: true, ..said(grade, None) }));
    };
    let refused =
        an.clone().edit(Actor([1; 16]), Timestamp(9), |e| e.answer("7", said(Grade::Pass, None)));
    assert!(matches!(refused, Err(EditError::Conflicted { values: 2, .. })), "{refused:?}");
    settle(&mut an, 1, Grade::Minor);
    assert_eq!(conflicts(&an), [format!("rows/{row}/l-seal")]);
    assert_eq!(read(&an).answers["7"].all().len(), 1);
    assert_eq!(an.view().history("7").len(), 3, "one edit, though it stands under two keys");
    edit(&mut binh, 2, |e| e.answer("7", said(Grade::NotApplicable, None)));
    apply(&mut an, &binh);
    assert_eq!(grades(&an, "7"), [Grade::NotApplicable, Grade::Minor], "what was not seen differs");
    settle(&mut an, 1, Grade::Minor);

    // Further moves take both keys along.
    move_to(&mut an, 1, 3);
    move_to(&mut an, 1, 4);
    assert_eq!(grades(&an, "7"), [Grade::Minor]);
    assert_eq!(an.view().history("7").len(), 5);
}

/// Nothing of edition 1 asks item 7, whose answer stands under two keys after the way there and back.
#[test]
fn an_answer_under_two_keys_is_left_over_where_nothing_asks_it_and_comes_back_once() {
    let mut document = filled();
    for to in [4, 2, 4] {
        move_to(&mut document, 1, to);
    }
    edit(&mut document, 1, |e| e.answer("7", said(Grade::Pass, None)));
    let before = standing(&read(&document));
    move_to(&mut document, 1, 1);
    assert_eq!(standing(&read(&document)), before);
    move_to(&mut document, 1, 4);
    assert_eq!(standing(&read(&document)), before);
    assert_eq!(grades(&document, "7"), [Grade::Pass]);
}

#[test]
fn an_answer_whose_unit_or_option_means_something_else_is_asked_again() {
    let mut document = begun_by(&editions()[0]);
    edit(&mut document, 1, |e| {
        e.answer("2", given("9.5"))?;
        e.answer("3", given("well"))
    });
    let plan = move_to(&mut document, 1, 4);
    // 9.5 % is not 9.5 g/kg, though the author names the item's earlier keys; and the wells of edition
    // 1 are the surface water of edition 4.
    assert_eq!(told(&plan, Fate::NoNewHome), [(Some("2"), None), (Some("3"), None)]);
    assert!(plan.of(Fate::NoNewHome).all(|line| line.en.contains("asks it otherwise")));
    let asked: Vec<_> = told(&plan, Fate::NeedsAnswer).into_iter().map(|(_, to)| to).collect();
    assert!(asked.contains(&Some("2")) && asked.contains(&Some("3")), "{asked:?}");
    let view = read(&document);
    assert!(!view.answers["2"].is_answered() && !view.answers["3"].is_answered());
    move_to(&mut document, 1, 1);
    assert!(read(&document).answers["2"].is_answered(), "nothing is lost on the way back");
}

#[test]
fn moves_by_which_two_items_would_share_an_answer_make_no_sense() {
    let mut document = begun_by(&editions()[0]);
    let plan = move_to(&mut document, 1, 2);
    let wrong = |f: fn(&mut Move)| {
        let mut told = plan.told.clone();
        f(&mut told);
        Edition::by(document.shape(), editions()[0].id(), &told).is_none()
    };
    assert!(!wrong(|_| {}));
    assert!(wrong(|told| drop(told.also.insert("1".into(), ["2".to_owned()].into()))));
    assert!(wrong(|told| drop(told.also.insert("none".into(), ["x".to_owned()].into()))));
    assert!(wrong(|told| drop(told.also.insert("1".into(), [String::new()].into()))));
    assert!(wrong(|told| drop(told.also_in.insert("none".into(), BTreeMap::new()))));
}
