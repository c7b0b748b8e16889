//! The canonical record: the same on every replica, and the same next year.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Three phones work offline on the same items.
fn team() -> Document {
    let mut phones = [inspection(), inspection(), inspection()];
    for (who, phone) in (1..).zip(&mut phones) {
        let grade = [Grade::Pass, Grade::Minor, Grade::Minor][usize::from(who) - 1];
        edit(phone, who, |e| e.answer("1.1", answer(grade)));
        edit(phone, who, |e| e.set_header("place", "Xã Tân Tri"));
        edit(phone, who, |e| e.note("1.2", NoteEdit::Append(format!("Ghi chú {who}\n"))));
        edit(phone, who, |e| e.finding_add([who; 16], finding("Nền nhà \"nứt\"")));
    }
    let [mut all, b, c] = phones;
    all.apply(&all_changes(&b));
    edit(&mut all, 1, |e| e.finding_delete([2; 16]));
    edit(&mut all, 4, |e| e.resolve("1.1", answer(Grade::Minor)));
    all.apply(&all_changes(&c));
    edit(&mut all, 2, |e| e.opinion("conclusion", NoteEdit::Append("Đạt".into())));
    all
}

/// The same with answers that are no grades, rows, and a note that no text was foreseen for.
fn team_with_rows() -> Document {
    let mut all = team();
    edit(&mut all, 1, |e| e.row_add([0xa1; 16], "lots", "Lô \"xuân\"\n"));
    edit(&mut all, 1, |e| e.row_answer([0xa1; 16], "l.1", given("12.5")));
    let mut other = all.clone();
    edit(&mut all, 1, |e| e.answer("1.2", given("2026-12-01")));
    edit(&mut all, 1, |e| e.row_answer([0xa1; 16], "l.2", given("7")));
    edit(&mut other, 2, |e| e.row_answer([0xa1; 16], "l.2", given("8")));
    edit(&mut other, 2, |e| e.row_add([0xa2; 16], "lots", ""));
    edit(&mut other, 2, |e| e.row_remove([0xa2; 16]));
    edit(&mut other, 3, |e| e.row_answer([0xa2; 16], "l.1", answer(Grade::NotApplicable)));
    edit(&mut other, 3, |e| e.loose_note_add([0xb1; 16], "l.1", "Cân lại"));
    all.apply(&all_changes(&other));
    edit(&mut all, 2, |e| e.row_note([0xa1; 16], NoteEdit::Append("Đủ nhãn".into())));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_and_any_partition_give_the_same_record(
        order in Just(all_changes(&team())).prop_shuffle(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = team();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(order.len())).collect();
        places.push(order.len());
        places.sort_unstable();
        let mut doc = inspection();
        let mut waiting: Vec<RawChange> = Vec::new();
        let mut from = 0;
        for place in places {
            waiting.extend_from_slice(&order[from..place]);
            from = place;
            let applied = doc.apply(&waiting);
            prop_assert!(applied.refused.is_empty());
            waiting.retain(|change| applied.waiting.contains(&change.facts().hash));
        }
        prop_assert!(waiting.is_empty());
        prop_assert_eq!(doc.heads(), whole.heads());
        prop_assert_eq!(doc.view().record().digest(), whole.view().record().digest());
        prop_assert_eq!(doc.view().inspection(), whole.view().inspection());
        prop_assert_eq!(doc.view().history("1.1"), whole.view().history("1.1"));
        prop_assert_eq!(doc.summary(), whole.summary());
        hostile::expect_walk_as_lookups(&doc);
    }
}

/// The same with texts that two replaced apart: each place holds both.
fn team_with_replaced_texts() -> Document {
    let mut all = team_with_rows();
    let mut other = all.clone();
    let replace = |document: &mut Document, who: u8, text: &str| {
        edit(document, who, |e| e.opinion("conclusion", NoteEdit::Replace(text.into())));
        edit(document, who, |e| e.note("1.2", NoteEdit::Replace(format!("{text}\n"))));
        edit(document, who, |e| e.row_note([0xa1; 16], NoteEdit::Replace(text.into())));
    };
    replace(&mut all, 1, "Không đạt");
    replace(&mut other, 2, "Đạt \"có điều kiện\"");
    all.apply(&all_changes(&other));
    all
}

fn vectors() -> Vec<(&'static str, Document)> {
    vec![
        ("inspection-3", team_with_replaced_texts()),
        ("inspection-2", team_with_rows()),
        ("facility", kinds::facility()),
        ("plan", kinds::plan()),
        ("review", kinds::review()),
        ("review-2", kinds::review_over_heads()),
        ("followup", kinds::followup()),
    ]
}

/// A vector: everything another implementation needs, and what it must come to.
fn vector(doc: &Document) -> Value {
    let record = doc.view().record();
    let changes: Vec<String> =
        all_changes(doc).iter().map(|change| hex::encode(change.bytes())).collect();
    let mut vector = json!({
        "genesis": hex::encode(doc.genesis().encode()),
        "items": doc.shape().items(),
        "first_change": doc.first().to_string(),
        "changes": changes,
        "heads": doc.heads().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "record": String::from_utf8(record.bytes().to_vec()).unwrap(),
        "digest": hex::encode(record.digest()),
    });
    if doc.schema() > layout::BORN {
        let groups = doc.shape().groups().iter();
        vector["groups"] = groups.map(|group| json!({group.code.as_str(): group.items})).collect();
        vector["addition"] = json!(addition(doc).to_string());
    }
    vector
}

/// The computed change that newer containers came with.
fn addition(doc: &Document) -> ChangeHash {
    let computed = doc.known.iter().filter(|(_, known)| known.actor == FIRST_ACTOR);
    computed.map(|(hash, _)| *hash).find(|hash| *hash != doc.first()).unwrap()
}

/// Reads a vector of a version of the form.
fn read_vector(version: u32, name: &str, genesis: &Genesis, shape: &Shape) -> (Value, Document) {
    let path = format!("{}/fixtures/{}", env!("CARGO_MANIFEST_DIR"), file_name(version, name));
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let changes: Vec<RawChange> = fixture["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hex| RawChange::inspect(hex::decode(hex.as_str().unwrap()).unwrap()).unwrap())
        .collect();
    let mut read = Document::create(genesis, shape);
    assert_eq!(read.apply(&changes).applied.len(), changes.len(), "{name}");
    (fixture, read)
}

fn file_name(version: u32, name: &str) -> String {
    match version {
        1 => format!("record-{name}.json"),
        _ => format!("record-v{version}-{name}.json"),
    }
}

/// Gives a vector's record the form of version 1, which differs in the number alone where no text
/// stands several times.
fn as_version_1(mut vector: Value) -> Value {
    let text = vector["record"].as_str().unwrap();
    let (new, old) = ("\"record\":2,", "\"record\":1,");
    assert_eq!(text.matches(new).count(), 1);
    let text = text.replace(new, old);
    let digest = blake3::derive_key("bienban 2026-11 record", text.as_bytes());
    vector["digest"] = json!(hex::encode(digest));
    vector["record"] = json!(text);
    vector
}

#[test]
fn records_of_version_1_differ_in_their_number_alone() {
    let mut known = vec![("inspection", genesis(), shape())];
    let still = vectors().into_iter().filter(|(name, _)| *name != "inspection-3");
    known.extend(still.map(|(name, doc)| (name, doc.genesis().clone(), doc.shape().clone())));
    for (name, genesis, shape) in known {
        let (fixture, read) = read_vector(1, name, &genesis, &shape);
        assert_eq!(as_version_1(vector(&read)), fixture, "{name}");
    }
}

#[test]
fn the_vector_of_schema_1_holds_although_nobody_writes_it_any_more() {
    let (_, read) = read_vector(1, "inspection", &genesis(), &shape());
    assert_eq!(read.schema(), 1);
}

#[test]
fn texts_that_stand_apart_are_an_array_in_the_order_of_their_bytes() {
    let (fixture, _) = read_vector(RECORD_VERSION, "inspection-3", &genesis(), &shape());
    let record: Value = serde_json::from_str(fixture["record"].as_str().unwrap()).unwrap();
    assert_eq!(record["record"], 2);
    let both = json!(["Không đạt", "Đạt \"có điều kiện\""]);
    assert_eq!(record["conclusion"], both);
    assert_eq!(record["notes"]["1.2"], json!(["Không đạt\n", "Đạt \"có điều kiện\"\n"]));
    assert_eq!(record["rows"][hex::encode([0xa1; 16])]["note"], both);
}

#[test]
fn the_test_vectors_still_hold() {
    for (name, doc) in vectors() {
        let (fixture, read) = read_vector(RECORD_VERSION, name, doc.genesis(), doc.shape());
        assert_eq!(vector(&read), fixture, "{name}: the record's form or the writer changed");
        assert_eq!(vector(&doc), fixture, "{name}: the same edits now make other changes");
    }
}

#[test]
#[ignore = "writes the vectors; run it only when docs/record.md gets a new version"]
fn write_the_test_vectors() {
    for (name, doc) in vectors() {
        let text = serde_json::to_string_pretty(&vector(&doc)).unwrap();
        let path = format!("fixtures/{}", file_name(RECORD_VERSION, name));
        std::fs::write(path, text + "\n").unwrap();
    }
}

#[test]
fn both_values_of_a_conflict_and_their_writers_are_in_the_record() {
    let (mut a, mut b) = (inspection(), inspection());
    let from_b = edit(&mut b, 2, |e| e.answer("1.1", answer(Grade::Major)));
    edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    a.apply(&[from_b]);
    let record: Value = serde_json::from_slice(a.view().record().bytes()).unwrap();
    let values = record["answers"]["1.1"].as_array().unwrap();
    assert_eq!(values.len(), 2);
    assert_eq!(values[0]["actor"], hex::encode([1; 16]));
    assert_eq!(values[1]["value"]["grade"], "major");
}

#[test]
fn a_summary_tells_what_a_list_needs() {
    let summary = team().summary();
    assert_eq!((summary.items, summary.answered, summary.findings), (3, 1, 2));
    // The third phone's answer was not seen by whoever resolved the first two, but says the same.
    assert_eq!(summary.conflicts, 0, "as do the three who wrote the place");
    assert_eq!(summary.state, "planned");
    assert_eq!(summary.plan, Some(DocumentId([1; 32])));
    assert_eq!(summary.updated_at, Timestamp(1004));
    let bytes = summary.encode();
    assert_eq!(Summary::decode(&bytes).unwrap(), summary);
    assert!(matches!(Summary::decode(&[9, 9]), Err(SummaryError::Version { found: 9 })));
    assert!(matches!(Summary::decode(&[]), Err(SummaryError::Empty)));
    assert!(matches!(
        Summary::decode(&bytes[..bytes.len() - 1]),
        Err(SummaryError::Damaged { .. })
    ));
}

#[test]
fn a_row_of_an_earlier_program_is_read_without_codes() {
    let mut facility = Document::create(&genesis_of(Kind::Facility), &Shape::Facility);
    let input = |code: &str| FacilityInput {
        name: "HTX chè".to_owned(),
        code: Some(code.to_owned()),
        ..FacilityInput::default()
    };
    let mut other = facility.clone();
    edit(&mut facility, 1, |e| e.facility(&input("BS-001")));
    assert_eq!(facility.summary().codes, ["BS-001"]);
    // The only difference between the versions is the list of codes at the end.
    let mut row = facility.summary();
    let bytes = row.encode();
    row.codes.clear();
    let mut old = row.encode();
    // Supplements nothing, nothing sealed: one zero byte each.
    assert_eq!((bytes[0], old.split_off(old.len() - 2)), (5, vec![0; 2]));
    // No content, no verdict, nothing since signed: one zero byte each.
    assert_eq!(old.split_off(old.len() - 3), vec![0; 3]);
    // Two empty texts, no deadline, no difficulty: one zero byte each.
    assert_eq!(old.split_off(old.len() - 4), vec![0; 4]);
    let mut second = facility.summary();
    let mut bytes = second.encode();
    bytes.truncate(bytes.len() - 2);
    bytes[0] = 4;
    assert_eq!(
        Summary::decode(&bytes).unwrap(),
        second,
        "version 4 ends with what is since signed"
    );
    bytes.truncate(bytes.len() - 3);
    bytes[0] = 3;
    assert_eq!(Summary::decode(&bytes).unwrap(), second, "version 3 ends with the difficulties");
    bytes.truncate(bytes.len() - 4);
    bytes[0] = 2;
    assert_eq!(Summary::decode(&bytes).unwrap(), second, "version 2 ends with the codes");
    second.codes.clear();
    assert_eq!(old.pop(), Some(0), "an empty list is one zero byte");
    old[0] = 1;
    assert_eq!(Summary::decode(&old).unwrap(), row);
    // Two codes written apart are both kept, so that each finds the facility.
    let apart = edit(&mut other, 2, |e| e.facility(&input("BS-002")));
    facility.apply(&[apart]);
    assert_eq!(facility.summary().codes, ["BS-002", "BS-001"]);
}
