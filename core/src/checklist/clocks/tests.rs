use super::*;
use crate::model::OwnerKind;

fn clocks() -> Clocks {
    Clocks::parse(CLOCKS).unwrap()
}

fn holidays() -> Holidays {
    Holidays::parse(HOLIDAYS).unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn last(key: &str, from: &str, extensions: u32) -> String {
    let clocks = clocks();
    due(clocks.clock(key).unwrap(), day(from), extensions, &holidays()).unwrap().day.to_string()
}

#[test]
fn the_time_of_an_inspection_depends_on_the_level_of_the_agency() {
    for (key, plain, extended) in [
        ("inspection.ministry", "2026-06-16", "2026-06-23"),
        ("inspection.province", "2026-06-11", "2026-06-16"),
        ("inspection.commune", "2026-06-08", "2026-06-11"),
    ] {
        assert_eq!(last(key, "2026-06-01", 0), plain, "{key}");
        assert_eq!(last(key, "2026-06-01", 1), extended, "{key}");
    }
}

#[test]
fn an_inspection_is_extended_once() {
    let clocks = clocks();
    let clock = clocks.clock("inspection.commune").unwrap();
    let error = due(clock, day("2026-06-01"), 2, &holidays()).unwrap_err();
    assert_eq!(error.to_string(), "clock inspection.commune may be extended 1 times, not 2");
    let clock = clocks.clock("correction").unwrap();
    assert!(due(clock, day("2026-06-01"), 1, &holidays()).is_err());
}

#[test]
fn a_corrective_action_of_the_first_of_june_ends_on_the_first_of_july() {
    assert_eq!(last("correction", "2026-06-01", 0), "2026-07-01");
}

#[test]
fn a_sample_travels_around_weekends_holidays_and_worked_saturdays() {
    // Wednesday to Wednesday.
    assert_eq!(last("sample.laboratory", "2026-06-03", 0), "2026-06-10");
    // 30 April and 1 May are off: Mon 27 (in lieu of Hung Kings' Day) too.
    assert_eq!(last("sample.laboratory", "2026-04-24", 0), "2026-05-06");
    // Saturday 22 August is worked, 31 August to 2 September are off.
    assert_eq!(last("sample.laboratory", "2026-08-21", 0), "2026-08-27");
    assert_eq!(last("sample.laboratory", "2026-08-28", 0), "2026-09-09");
}

#[test]
fn a_year_without_announced_holidays_makes_the_day_provisional() {
    let clocks = clocks();
    let clock = clocks.clock("sample.laboratory").unwrap();
    let due = due(clock, day("2026-12-29"), 0, &holidays()).unwrap();
    assert_eq!(due.day, day("2027-01-06"));
    assert_eq!(due.provisional, [2027]);
    assert!(due.explanation.en_or_vi().contains("2027 are not announced"));
}

#[test]
fn an_ocop_certificate_is_renewed_between_180_and_120_days_before_it_ends() {
    assert_eq!(last("certificate.ocop", "2026-05-22", 0), "2029-05-22");
    let clocks = clocks();
    let clock = clocks.clock("reevaluation.ocop").unwrap();
    let window = due(clock, day("2029-05-22"), 0, &holidays()).unwrap();
    assert_eq!(window.opens, Some(day("2028-11-23")));
    assert_eq!(window.day, day("2029-01-22"));
}

#[test]
fn a_second_inspection_in_a_calendar_year_asks_for_a_reason() {
    let clocks = clocks();
    let rule = clocks.frequency_of(Some(OwnerKind::Household)).unwrap();
    let visit = |text, void| PastVisit { day: day(text), void };
    let planned = day("2026-11-23");
    assert_eq!(over_frequency(rule, &[], planned), None);
    assert_eq!(over_frequency(rule, &[visit("2025-12-31", false)], planned), None);
    assert_eq!(over_frequency(rule, &[visit("2026-01-02", true)], planned), None);
    assert_eq!(over_frequency(rule, &[visit("2026-01-02", false)], planned), Some(1));
}

#[test]
fn every_fault_of_a_file_is_named() {
    let text = std::str::from_utf8(CLOCKS).unwrap();
    let text = text.replacen("{ \"days\": 15 }", "{ \"days\": 0 }", 1);
    let text = text.replacen("\"inspection.province\"", "\"inspection.ministry\"", 1);
    let error = Clocks::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("inspection.ministry: the key is empty or used before"), "{error}");
    assert!(error.contains("inspection.ministry: a length is 0"), "{error}");
    let text = std::str::from_utf8(HOLIDAYS).unwrap();
    let text = text.replacen("2026-01-10", "2026-01-12", 1);
    let error = Holidays::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("2026-01-12: no single Saturday"), "{error}");
    let newer = text.replacen("\"format\": 1", "\"format\": 2", 1);
    assert!(Holidays::parse(newer.as_bytes()).unwrap_err().to_string().contains("update"));
}

#[test]
fn an_unknown_clock_is_answered_with_those_there_are() {
    let error = clocks().clock("inspection.district").unwrap_err().to_string();
    assert!(error.contains("choose one of inspection.ministry"), "{error}");
}

#[test]
fn lengths_at_the_end_of_the_calendar_are_an_error() {
    let clocks = clocks();
    let clock = clocks.clock("certificate.ocop").unwrap();
    assert!(due(clock, day("2998-01-01"), 0, &holidays()).is_err());
}

#[test]
fn every_kind_of_owner_is_protected_by_one_rule_which_names_its_source() {
    let clocks = clocks();
    let key = |owner| clocks.frequency_of(owner).unwrap().key.as_str();
    for (owner, rule) in [
        (OwnerKind::Enterprise, "once_a_year"),
        (OwnerKind::Household, "once_a_year"),
        (OwnerKind::Cooperative, "periodic_once_a_year"),
        (OwnerKind::CooperativeGroup, "periodic_once_a_year"),
        (OwnerKind::Farm, "periodic_once_a_year"),
        (OwnerKind::Association, "periodic_once_a_year"),
    ] {
        assert_eq!(key(Some(owner)), rule, "{owner:?}");
    }
    assert_eq!(key(None), "once_a_year", "of an unknown owner the first rule counts");
    for owner in OwnerKind::ALL {
        let naming = clocks.frequencies().iter().filter(|rule| rule.owners.contains(&owner));
        assert_eq!(naming.count(), 1, "{owner:?}");
        assert_eq!(OwnerKind::named(owner.name()), Some(owner));
    }
    for rule in clocks.frequencies() {
        assert!(!rule.official && rule.source.contains("20"), "{}", rule.key);
    }
    let text = std::str::from_utf8(CLOCKS).unwrap();
    let none = text.replacen("[\"enterprise\", \"household\"]", "[]", 1);
    let error = Clocks::parse(none.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("once_a_year: it names no kind of owner"), "{error}");
}

#[test]
fn a_last_day_that_is_a_day_off_moves_where_the_data_say_so() {
    let (clocks, holidays) = (Clocks::parse(CLOCKS).unwrap(), Holidays::parse(HOLIDAYS).unwrap());
    let last = |key: &str, from: &str| {
        let due = due(clocks.clock(key).unwrap(), from.parse().unwrap(), 0, &holidays).unwrap();
        (due.day.to_string(), due.explanation)
    };
    // Thirty days after 13 November is Sunday 13 December.
    let (day, why) = last("correction", "2026-11-13");
    assert_eq!(day, "2026-12-14");
    assert!(why.vi.contains("ngày làm việc tiếp theo"), "{why:?}");
    assert_eq!(last("correction", "2026-11-16").0, "2026-12-16");
    // Seven days after 14 November is Saturday 21 November: it binds the agency.
    let (day, why) = last("inspection.commune", "2026-11-14");
    assert_eq!(day, "2026-11-21");
    assert!(why.en_or_vi().contains("does not move"), "{why:?}");
    assert!(
        last("inspection.commune", "2025-08-01").1.vi.contains("trước khi quy định có hiệu lực")
    );
    // 30 April and 1 May 2026 are Thursday and Friday.
    assert_eq!(last("correction", "2026-03-31").0, "2026-05-04");
}
