use std::collections::BTreeMap;
use std::sync::OnceLock;

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization as _;

use super::*;
use crate::checklist::UNITS;

fn units() -> &'static Units {
    static READ: OnceLock<Units> = OnceLock::new();
    READ.get_or_init(|| Units::parse(UNITS).unwrap())
}

fn code(code: &str) -> Scope {
    code.parse().unwrap()
}

fn titles(former: &[FormerUnit]) -> Vec<String> {
    former.iter().map(|unit| format!("{} {}", unit.code, unit.title())).collect()
}

fn codes(scopes: &[Scope]) -> Vec<&str> {
    scopes.iter().map(Scope::as_str).collect()
}

#[test]
fn there_are_as_many_units_of_each_kind_as_the_law_names() {
    let mut counts: BTreeMap<(Level, UnitKind), usize> = BTreeMap::new();
    for unit in units().all() {
        *counts.entry((unit.level, unit.kind)).or_default() += 1;
    }
    let expected = [
        ((Level::Country, UnitKind::Country), 1),
        ((Level::Province, UnitKind::Province), 28),
        ((Level::Province, UnitKind::City), 6),
        ((Level::Commune, UnitKind::Commune), 2621),
        ((Level::Commune, UnitKind::Ward), 687),
        ((Level::Commune, UnitKind::SpecialZone), 13),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(units().within(&code("00")).len(), 1 + 34 + 3321);
}

#[test]
fn the_six_communes_of_bac_son_were_formed_from_the_eighteen_of_its_district() {
    let six: [(&str, &str, &[&str]); 6] = [
        (
            "06325",
            "Xã Bắc Sơn",
            &["06325 Thị trấn Bắc Sơn", "06328 Xã Long Đống", "06343 Xã Bắc Quỳnh"],
        ),
        ("06337", "Xã Tân Tri", &["06331 Xã Vạn Thủy", "06337 Xã Đồng Ý", "06340 Xã Tân Tri"]),
        ("06349", "Xã Hưng Vũ", &["06349 Xã Hưng Vũ", "06370 Xã Trấn Yên"]),
        ("06364", "Xã Vũ Lễ", &["06355 Xã Vũ Sơn", "06364 Xã Chiến Thắng", "06373 Xã Vũ Lễ"]),
        (
            "06367",
            "Xã Vũ Lăng",
            &["06352 Xã Tân Lập", "06358 Xã Chiêu Vũ", "06361 Xã Tân Hương", "06367 Xã Vũ Lăng"],
        ),
        (
            "06376",
            "Xã Nhất Hòa",
            &["06376 Xã Nhất Hòa", "06379 Xã Tân Thành", "06382 Xã Nhất Tiến"],
        ),
    ];
    for (unit, title, formed_from) in six {
        let unit = units().unit(&code(unit)).unwrap();
        assert_eq!(unit.title(), title);
        assert_eq!(unit.parent, Some(code("20")));
        let former = units().formed_from(&unit.code);
        assert_eq!(titles(&former), formed_from);
        for former in former {
            assert_eq!(former.successor(), Some(&unit.code));
            assert_eq!(former.within, ["Huyện Bắc Sơn", "Tỉnh Lạng Sơn"]);
            assert!(units().is_within(&unit.code, &code("20")));
        }
    }
    let district = units().former("185").unwrap();
    assert_eq!(district.title(), "Huyện Bắc Sơn");
    assert_eq!(codes(&district.successors), ["06325", "06337", "06349", "06364", "06367", "06376"]);
    assert_eq!(district.successor(), None, "a district is never one commune by default");
}

#[test]
fn units_lie_in_their_province_and_the_country_and_nowhere_else() {
    let units = units();
    assert!(units.is_within(&code("06325"), &code("20")));
    assert!(units.is_within(&code("06325"), &code("00")));
    assert!(units.is_within(&code("20"), &code("00")));
    assert!(!units.is_within(&code("20"), &code("06325")));
    assert!(!units.is_within(&code("00"), &code("20")));
    assert!(!units.is_within(&code("06325"), &code("19")));
    assert!(!units.is_within(&code("06325"), &code("06337")));
    assert!(!units.is_within(&code("99999"), &code("00")), "not a unit");
    assert!(units.is_within(&code("99999"), &code("99999")));
    assert_eq!(units.within(&code("20")).len(), 66);
    assert_eq!(codes(&units.within(&code("06325"))), ["06325"]);
    assert!(units.within(&code("99999")).is_empty());
}

#[test]
fn nothing_is_lost_between_old_and_new() {
    let units = units();
    let mut successors = BTreeSet::new();
    let (mut communes, mut divided) = (0, 0);
    for number in 1..=u16::MAX {
        let Some(former) = units.former(&commune_code(number)) else { continue };
        communes += 1;
        divided += usize::from(former.successors.len() > 1);
        successors.extend(former.successors);
    }
    assert_eq!((communes, divided), (10_035, 471));
    // The other five were islands that were districts without communes.
    let islands: Vec<Unit> = units
        .all()
        .filter(|unit| unit.level == Level::Commune && !successors.contains(&unit.code))
        .collect();
    assert_eq!(islands.len(), 5);
    for island in islands {
        let former = units.formed_from(&island.code);
        assert_eq!(island.kind, UnitKind::SpecialZone);
        assert_eq!(former.len(), 1);
        assert_eq!(former[0].level, FormerLevel::District);
        assert_eq!(former[0].successor(), Some(&island.code));
    }
    let provinces = (1..100).filter_map(|number| units.former(&province_code(number)));
    assert_eq!(provinces.count(), 63);
    assert_eq!((1..1000).filter_map(|number| units.former(&format!("{number:03}"))).count(), 696);
}

#[test]
fn a_merged_province_knows_its_predecessors() {
    let names = titles(&units().formed_from(&code("79")));
    assert_eq!(
        names,
        ["74 Tỉnh Bình Dương", "77 Tỉnh Bà Rịa - Vũng Tàu", "79 Thành phố Hồ Chí Minh"]
    );
    assert_eq!(units().former("77").unwrap().successor(), Some(&code("79")));
    assert!(units().unit(&code("77")).is_none(), "not in force");
}

#[test]
fn a_commune_that_was_divided_has_every_successor_and_none_by_default() {
    let former = units().former("00019").unwrap();
    assert_eq!(codes(&former.successors), ["00004", "00070", "00190", "00226"]);
    assert_eq!(former.successor(), None);
    // Its code is not in force today; everything that holds its land is a candidate.
    let Resolved::Several { candidates } = units().resolve("00019") else { panic!("divided") };
    let candidates: Vec<&str> = candidates.iter().map(|unit| unit.code.as_str()).collect();
    assert_eq!(candidates, codes(&former.successors));
    for successor in &former.successors {
        assert!(units().formed_from(successor).contains(&former), "{successor}");
    }
}

#[test]
fn a_disputed_mapping_is_shown_and_never_followed() {
    let former = units().former("01615").unwrap();
    assert!(former.disputed);
    assert_eq!(former.successors.len(), 1);
    assert_eq!(former.successor(), None);
    assert!(
        matches!(units().resolve("01615"), Resolved::Several { candidates } if candidates.len() == 1)
    );
}

#[test]
fn names_are_found_without_accents_kind_case_or_one_way_of_writing_tones() {
    for text in ["Nhất Hòa", "Nhất Hoà", "nhat hoa", "XÃ NHẤT HOÀ", "xa nhat hoa, lang son"]
    {
        for text in [text.nfc().collect::<String>(), text.nfd().collect()] {
            let findings = units().find(&text, 10);
            let FoundUnit::Now(first) = &findings.found[0].unit else { panic!("{findings:?}") };
            assert_eq!(first.code, code("06376"), "{text}");
            assert_eq!(units().resolve(&text), Resolved::Now(first.clone()), "{text}");
        }
    }
}

#[test]
fn an_ambiguous_name_lists_all_and_its_province_settles_it() {
    let every_former = || {
        let communes = (1..=u16::MAX).map(commune_code);
        let others = (1..1000).map(|code| format!("{code:03}"));
        communes.chain(others).filter_map(|code| units().former(&code))
    };
    for (name, now_at_least) in [("Bắc Sơn", 1), ("Tân Lập", 2)] {
        let findings = units().find(name, usize::MAX);
        assert_eq!(findings.total, findings.found.len());
        let same = findings.found.iter().filter(|found| found.closeness == Closeness::Same);
        let now = units().all().filter(|unit| unit.name == name).count();
        let before = every_former().filter(|unit| unit.name == name).count();
        assert!(now >= now_at_least && before > 1, "{name}: {now}, {before}");
        assert_eq!(same.count(), now + before, "{name}");
        assert_eq!(units().find(name, 2).found.len(), 2);
        assert_eq!(units().find(name, 2).total, findings.total);
        let Resolved::Several { candidates } = units().resolve(name) else { panic!("{name}") };
        assert!(candidates.len() >= now && candidates.len() > 1, "{candidates:?}");
        assert!(candidates[..now].iter().all(|unit| unit.name == name), "{candidates:?}");
    }
    let Resolved::Now(unit) = units().resolve("bac son, tinh lang son") else { panic!("not one") };
    assert_eq!(unit.code.as_str(), "06325");
    let text = "thị trấn bắc sơn, huyện bắc sơn, tỉnh lạng sơn";
    let Resolved::Became { former, unit } = units().resolve(text) else { panic!("not one") };
    assert_eq!((former.title().as_str(), unit.code.as_str()), ("Thị trấn Bắc Sơn", "06325"));
}

#[test]
fn old_codes_and_names_lead_to_the_one_commune_they_became() {
    for (text, was, now) in [
        ("06340", "Xã Tân Tri", "06337"),
        ("06328", "Xã Long Đống", "06325"),
        ("Long Đống", "Xã Long Đống", "06325"),
        ("vạn thuỷ, bắc sơn", "Xã Vạn Thủy", "06337"),
        ("dong y, huyen bac son", "Xã Đồng Ý", "06337"),
        ("318", "Huyện Bạch Long Vĩ", "11948"),
    ] {
        let Resolved::Became { former, unit } = units().resolve(text) else {
            panic!("{text}: {:?}", units().resolve(text));
        };
        assert_eq!((former.title().as_str(), unit.code.as_str()), (was, now), "{text}");
    }
}

#[test]
fn a_code_in_force_is_the_unit_of_today_whoever_had_it_before() {
    let Resolved::Now(unit) = units().resolve("06337") else { panic!("in force") };
    assert_eq!(unit.title(), "Xã Tân Tri");
    assert_eq!(units().former("06337").unwrap().title(), "Xã Đồng Ý");
    assert!(
        matches!(units().resolve("185"), Resolved::Several { candidates } if candidates.len() == 6)
    );
    for text in ["", " ", ",", "99999", "20", "1", "06325x", "Không Có Xã Này", "bắc sơn, huế"]
    {
        assert_eq!(units().resolve(text), Resolved::Unknown, "{text}");
    }
}

#[test]
fn a_name_that_looks_like_a_kind_is_still_found() {
    for text in ["Quan Hóa", "quan hoa"] {
        let findings = units().find(text, 50);
        let found = findings.found.iter().any(|found| match &found.unit {
            FoundUnit::Now(unit) => unit.name == "Quan Hóa",
            FoundUnit::Former(former) => former.name == "Quan Hóa",
        });
        assert!(found, "{text}: {findings:?}");
    }
}

#[test]
fn the_data_says_where_it_is_from_and_that_it_is_not_official() {
    let units = units();
    assert!(!units.is_official());
    assert_eq!(units.effective_from(), "2025-07-01");
    assert!(units.source().contains("19/2025/QĐ-TTg"));
    assert_eq!(
        units.built_from(),
        "vietnamadminunits 1.0.4 (MIT; Copyright (c) 2025 Tran Ngoc Minh Hieu)"
    );
}

#[test]
fn every_unit_is_found_by_its_own_code_and_resolves_to_itself() {
    for unit in units().all().filter(|unit| unit.level == Level::Commune) {
        assert_eq!(units().resolve(unit.code.as_str()), Resolved::Now(unit.clone()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_commune_is_found_by_its_name_in_any_writing(at in 0_usize..3321, how in 0_usize..5) {
        let unit = units().all().filter(|unit| unit.level == Level::Commune).nth(at).unwrap();
        let text = units().full_title(&unit);
        let text = match how {
            0 => text,
            1 => text.to_uppercase(),
            2 => text.nfd().collect(),
            3 => fold::plain(&unit.title()),
            _ => fold::plain(&unit.name),
        };
        let findings = units().find(&text, usize::MAX);
        let found = findings.found.iter().any(|found| found.unit == FoundUnit::Now(unit.clone()));
        prop_assert!(found, "{}", text);
    }

    #[test]
    fn whatever_is_typed_finds_or_not_but_never_panics(text in "\\PC{0,24}") {
        prop_assert!(units().find(&text, 3).found.len() <= 3);
        drop(units().resolve(&text));
        drop(units().former(&text));
    }
}
