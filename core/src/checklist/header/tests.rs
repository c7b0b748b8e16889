//! The file, values as people type them, and headers that several wrote.

use super::*;
use crate::checklist::ClocksError;
use crate::model::{
    Actor, Document, DocumentId, Genesis, InspectionView, Kind, LifeCycle, Origin, Shape,
    TemplateId, Timestamp,
};

fn form() -> HeaderForm {
    HeaderForm::parse(HEADER).unwrap()
}

fn document() -> Document {
    let template = TemplateId([7; 32]);
    let shape = Shape::Inspection {
        template,
        items: vec!["1.1".into()],
        calculated: Vec::new(),
        groups: Vec::new(),
    };
    let genesis = Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(template),
        origin: Origin::Planned {
            plan: DocumentId([1; 32]),
            facility: DocumentId([2; 32]),
            visit: 1,
        },
    };
    Document::create(&genesis, &shape)
}

fn with(fields: &[(&str, &str)]) -> InspectionView {
    let mut document = document();
    for (name, value) in fields {
        document.edit(Actor([1; 16]), Timestamp(1), |e| e.set_header(name, value)).unwrap();
    }
    document.view().inspection().unwrap()
}

fn alone(inspection: &InspectionView) -> HeaderSources<'_> {
    HeaderSources { inspection, plan: None, facility_id: None, facility: None, unit: None }
}

#[test]
fn the_file_has_a_clause_and_both_languages_for_every_field_and_is_not_official() {
    let form = form();
    assert!(!form.is_official() && !form.source().is_empty() && !form.edition().is_empty());
    assert_eq!(form.effective_from().to_string(), "2025-08-05");
    assert!(form.fields().iter().all(|field| field.title.en.is_some()));
    // What earlier programs could write is known still.
    for key in ["decision_number", "leader", "witness", "started_at", "report_number", "level"] {
        assert!(form.field(key).is_ok(), "{key}");
    }
}

#[test]
fn a_broken_file_names_every_fault() {
    let text = std::str::from_utf8(HEADER).unwrap();
    let broken = text
        .replacen("\"key\": \"leader\"", "\"key\": \"level\"", 1)
        .replacen("\"not_before\": [\"started_at\"]", "\"not_before\": [\"brand\"]", 1)
        .replacen("\"min\": 2, \"max\": 99", "\"min\": 100, \"max\": 99", 1);
    let error = HeaderForm::parse(broken.as_bytes()).unwrap_err();
    let ClocksError::Faults { faults, .. } = &error else { panic!("{error}") };
    for fault in ["level: the key", "ended_at: cannot be compared with brand", "copies: the least"]
    {
        assert!(faults.iter().any(|found| found.contains(fault)), "{fault}: {faults:?}");
    }
    let newer = text.replacen("\"format\": 1", "\"format\": 2", 1);
    assert!(HeaderForm::parse(newer.as_bytes()).unwrap_err().to_string().contains("update"));
}

#[test]
fn values_are_read_as_people_write_them_and_held_in_one_spelling() {
    let form = form();
    for (field, typed, held) in [
        ("decision_date", "1/11/2026", "2026-11-01"),
        ("decision_date", "2026-11-01", "2026-11-01"),
        ("started_at", "2026-11-23 08:30", "2026-11-23T01:30:00Z"),
        ("started_at", "8h30 23/11/2026", "2026-11-23T01:30:00Z"),
        ("started_at", "8h, 23/11/2026", "2026-11-23T01:00:00Z"),
        ("started_at", "2026-11-23T08:30:15+07:00", "2026-11-23T01:30:15Z"),
        ("started_at", "2026-11-23T01:30:00.250Z", "2026-11-23T01:30:00Z"),
        ("facility_phone", "0912 345.678", "0912345678"),
        ("facility_phone", "(+84) 912-345-678", "+84912345678"),
        ("facility_phone", "1900 1234", "19001234"),
        ("workers", "12", "12"),
        ("copies", "02", "2"),
        ("form", "Đột xuất", "unannounced"),
        ("form", "Planned", "planned"),
        ("level", "commune", "commune"),
        ("witness", "  Nông Thị Ân ", "Nông Thị Ân"),
        ("place", "  ", ""),
        ("documents", "a\nb", "a\nb"),
    ] {
        assert_eq!(form.read(field, typed).as_deref(), Ok(held), "{field}: {typed}");
        // What is held reads back as itself.
        assert_eq!(form.read(field, held).as_deref(), Ok(held), "{field}: {held}");
    }
    assert_eq!(moment_text("2026-11-23T01:30:00Z").as_deref(), Some("2026-11-23 08:30 +07:00"));
}

#[test]
fn a_value_that_does_not_fit_names_the_field_and_what_it_takes() {
    let form = form();
    for (field, typed, said) in [
        ("decision_date", "30/02/2026", "a day as YYYY-MM-DD"),
        ("decision_date", "hôm nay", "decision_date (day of the decision) takes a day"),
        ("started_at", "2026-11-23", "a day with the time"),
        ("started_at", "25:00 23/11/2026", "a day with the time"),
        ("started_at", "08:30 23/11/2026 x", "a day with the time"),
        ("started_at", "08:30+99:00 2026-11-23", "a day with the time"),
        ("facility_phone", "091234567", "a phone number, for instance 0205 3812 345"),
        ("facility_phone", "0912345678x", "a phone number"),
        ("copies", "1", "a whole number from 2 to 99"),
        ("workers", "-1", "a whole number"),
        ("workers", "99999999999", "a whole number"),
        ("form", "gấp", "one of planned, unannounced, recheck"),
        ("witness", "0912", "the name of a person"),
        ("witness", "Bà C\nÔng D", "on one line"),
        ("place", &"x".repeat(201), "a text of at most 200 characters on one line"),
    ] {
        let error = form.read(field, typed).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(field), "{field}: {error}");
    }
    let unknown = form.read("witnes", "x").unwrap_err().to_string();
    assert!(unknown.contains("no field witnes") && unknown.contains("witness"), "{unknown}");
}

#[test]
fn an_end_lies_after_its_start_and_a_start_not_before_the_decision() {
    let form = form();
    let read = with(&[("started_at", "2026-11-23T01:30:00Z"), ("decision_date", "2026-11-23")]);
    let check = |field: &str, value: &str| form.check_order(field, value, alone(&read));
    assert_eq!(check("ended_at", "2026-11-23T01:31:00Z"), Ok(()));
    for early in ["2026-11-23T01:30:00Z", "2026-11-22T09:00:00Z"] {
        let error = check("ended_at", early).unwrap_err().to_string();
        assert!(error.contains("ended_at") && error.contains("2026-11-23T01:30:00Z"), "{error}");
    }
    // Looked at from the other side too, and a day counts for all its moments.
    assert_eq!(check("decision_date", "2026-11-23"), Ok(()));
    let HeaderError::Order(order) = check("decision_date", "2026-11-24").unwrap_err() else {
        panic!("another error")
    };
    let (field, other) = (&order.field, &order.other);
    assert_eq!((field.as_str(), other.as_str()), ("started_at", "decision_date"));
}

#[test]
fn what_another_replica_wrote_is_kept_and_marked() {
    let form = form();
    let read = with(&[("facility_phone", "hỏi bác Ba"), ("drone_number", "7"), ("pages", "4")]);
    let sheet = form.sheet(alone(&read));
    let row = |key: &str| sheet.rows.iter().find(|row| row.key == key).unwrap();
    let phone = row("facility_phone");
    assert_eq!(phone.values[0].said.value, "hỏi bác Ba");
    assert!(phone.is_wrong() && matches!(phone.values[0].problem, Some(HeaderError::Value { .. })));
    let strange = row("drone_number");
    assert_eq!((strange.values[0].said.value.as_str(), strange.is_wrong()), ("7", false));
    assert!(strange.field.is_none());
    assert!(!row("pages").is_wrong());
    assert_eq!(sheet.wrong(), ["facility_phone"]);
    let missing = sheet.missing(LifeCycle::MinutesRefused);
    assert!(missing.contains(&"refusal_reason") && !missing.contains(&"pages"), "{missing:?}");
    assert!(!sheet.missing(LifeCycle::MinutesSigned).contains(&"refusal_reason"));
}

#[test]
fn what_the_plan_says_needs_no_typing_and_the_header_goes_before_it() {
    let form = form();
    let read = with(&[]);
    let named = HeaderSources { unit: Some("Xã Bắc Sơn"), ..alone(&read) };
    let sheet = form.sheet(named);
    let place = sheet.rows.iter().find(|row| row.key == "place").unwrap();
    assert_eq!(place.state, HeaderState::Elsewhere);
    assert_eq!(place.elsewhere.as_ref().unwrap().text, "Xã Bắc Sơn");
    let filled = with(&[("place", "Thôn Nà Lầu")]);
    let sheet = form.sheet(HeaderSources { unit: Some("Xã Bắc Sơn"), ..alone(&filled) });
    let place = sheet.rows.iter().find(|row| row.key == "place").unwrap();
    assert_eq!((place.state, place.elsewhere.is_none()), (HeaderState::Set, true));
}

#[test]
fn two_who_wrote_apart_are_a_conflict_unless_they_said_the_same() {
    for (one, other, state) in
        [("Lý B", "Bà C", HeaderState::Conflict), ("Lý B", "Lý B", HeaderState::Set)]
    {
        let (mut a, mut b) = (document(), document());
        a.edit(Actor([1; 16]), Timestamp(1), |e| e.set_header("witness", one)).unwrap();
        b.edit(Actor([2; 16]), Timestamp(2), |e| e.set_header("witness", other)).unwrap();
        a.apply(&b.changes_of(&[2; 16], 1));
        let read = a.view().inspection().unwrap();
        let sheet = form().sheet(alone(&read));
        let row = sheet.rows.iter().find(|row| row.key == "witness").unwrap();
        assert_eq!((row.state, row.values.len()), (state, 2));
    }
}
