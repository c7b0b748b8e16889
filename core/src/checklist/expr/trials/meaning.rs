//! What each operator and function yields, above all about what is missing.

use super::super::*;
use super::*;

#[test]
fn operators_bind_as_in_xpath() {
    assert_eq!(short("1 + 2 * 3", &[]), "7");
    assert_eq!(short("(1 + 2) * 3", &[]), "9");
    assert_eq!(short("10 - 3 - 2", &[]), "5");
    assert_eq!(short("7 mod 4 div 2", &[]), "1.5");
    assert_eq!(short("- 2 * - 3", &[]), "6");
    assert_eq!(short("--2", &[]), "2");
    assert_eq!(short("1 < 2 and 2 < 1 or true()", &[]), "true");
    assert_eq!(short("true() or true() and false()", &[]), "true");
    assert_eq!(short("(1 < 2) = (3 > 2)", &[]), "true");
}

#[test]
fn keys_of_items_may_hold_stops_and_hyphens() {
    assert_eq!(
        short("${5.5} = 'major' and ${ 1.1-ko } = \"no\"", &["5.5=major", "1.1-ko=no"]),
        "true"
    );
    assert_eq!(short("${n}-1", &["n=3"]), "2");
}

#[test]
fn an_unanswered_item_is_not_equal_and_leaves_its_mark() {
    assert_eq!(short("${5.5} = 'major'", &[]), "false [\"unanswered\"]");
    assert_eq!(short("${5.5} != 'major'", &[]), "true [\"unanswered\"]");
    assert_eq!(short("${n} > 0", &[]), "false [\"unanswered\"]");
    assert_eq!(short("not(${n} > 0)", &[]), "true [\"unanswered\"]");
    assert_eq!(short("${n} = ''", &[]), "true [\"unanswered\"]");
    assert_eq!(short("${n} != ''", &["n=0"]), "true");
    assert_eq!(short("answered(${photo})", &["photo=blob"]), "true");
}

#[test]
fn not_applicable_is_neither_unanswered_nor_a_value() {
    assert_eq!(short("${5.5} = 'major'", &["5.5=na"]), "false");
    assert_eq!(short("${n} = ${n2}", &["n=na"]), "false [\"unanswered\"]");
    assert_eq!(short("${n} = ${n2}", &["n=na", "n2=na"]), "true");
    assert_eq!(short("${n} = ''", &["n=na"]), "true");
    assert_eq!(short("applicable(${n})", &["n=na"]), "false");
    assert_eq!(short("applicable(${n})", &[]), "true [\"unanswered\"]");
    assert_eq!(short("${n} + 1", &["n=na"]), "na");
    assert_eq!(short("${n} + ${n2}", &["n=na"]), "? [\"unanswered\"]");
}

#[test]
fn what_settles_a_condition_for_good_takes_the_marks_away() {
    assert_eq!(short("${n} > 0 and false()", &[]), "false");
    assert_eq!(short("${n} > 0 or true()", &[]), "true");
    assert_eq!(short("${n} > 0 or ${n2} > 0", &["n2=1"]), "true");
    assert_eq!(short("${n} > 0 or ${n2} > 0", &["n2=0"]), "false [\"unanswered\"]");
    assert_eq!(short("${n} > 0 and ${n2} > 0", &["n=!1", "n2=1"]), "true [\"conflicted\"]");
    assert_eq!(short("if(true(), 1, ${n})", &[]), "1");
    assert_eq!(short("coalesce(${n}, ${n2})", &["n=1"]), "1");
    assert_eq!(short("coalesce(${n}, ${n2})", &["n2=2"]), "2 [\"unanswered\"]");
    assert_eq!(short("${n} * 2", &["n=!3"]), "6 [\"conflicted\"]");
}

#[test]
fn errors_are_values_with_a_reason() {
    assert_eq!(short("1 div 0", &[]), "a division by zero [\"invalid\"]");
    assert_eq!(short("1 mod 0", &[]), "a division by zero [\"invalid\"]");
    assert_eq!(short("${n} + 1 div 0", &[]), "a division by zero [\"unanswered\", \"invalid\"]");
    assert_eq!(short("1 div 0 = 1 div 0", &[]), "false [\"invalid\"]");
    assert!(short("1000000000000000000 * 10", &[]).starts_with("a number beyond"));
    assert_eq!(short("number(${t})", &["t=abc"]), "a text that is no number [\"invalid\"]");
    assert_eq!(short("coalesce(1 div 0, 1)", &[]), "a division by zero [\"invalid\"]");
    assert_eq!(short("answered(1 div 0) or 1 div 0 = ''", &[]), "false [\"invalid\"]");
    assert_eq!(short("if(1 div 0 > 1, 'a', 'b')", &[]), "b [\"invalid\"]");
}

#[test]
fn numbered_options_count_as_numbers() {
    assert_eq!(short("${points} >= 2", &["points=2"]), "true");
    assert_eq!(short("${points} = 2", &["points=3"]), "false");
    assert_eq!(short("${points} * 10 + ${points}", &["points=3"]), "33");
    assert_eq!(short("coalesce(${points}, 0) + if(true(), 1, ${points})", &["points=3"]), "4");
}

#[test]
fn several_choices_are_asked_one_by_one() {
    assert_eq!(short("selected(${many}, 'b')", &["many=a b"]), "true");
    assert_eq!(short("selected(${many}, 'c')", &["many=a b"]), "false");
    assert_eq!(short("selected(${many}, 'c')", &[]), "false [\"unanswered\"]");
    assert_eq!(short("count-selected(${many})", &["many=a b"]), "2");
    assert_eq!(short("count-selected(${many})", &[]), "0 [\"unanswered\"]");
}

#[test]
fn texts_treat_what_is_missing_as_empty() {
    assert_eq!(
        short("concat(${t}, '-', ${n}, '-', ${d})", &["n=1.50", "d=2026-01-02"]),
        "-1.5-2026-01-02 [\"unanswered\"]"
    );
    assert_eq!(short("string-length(${t})", &["t=chè"]), "3");
    assert_eq!(short("contains(${t}, 'hè')", &["t=chè xanh"]), "true");
    assert_eq!(
        short("starts-with(${t}, 'ch') and ends-with(${t}, 'xanh')", &["t=chè xanh"]),
        "true"
    );
    assert_eq!(short("normalize-space('  a \t b ')", &[]), "a b");
    assert_eq!(short("substr(${t}, 1)", &["t=chè"]), "hè");
    assert_eq!(short("substr(${t}, 0, 2)", &["t=chè"]), "ch");
    assert_eq!(short("substr(${t}, -2, -1)", &["t=chè"]), "h");
    assert_eq!(short("substr(${t}, 2, 1)", &["t=chè"]), "");
    assert_eq!(short("substr(${t}, 99999999999, -99999999999)", &["t=chè"]), "");
    assert_eq!(short("string(${y})", &["y=true"]), "true");
}

#[test]
fn a_pattern_must_match_the_whole_text() {
    assert_eq!(short("regex(${t}, '[0-9]{10}')", &["t=0912345678"]), "true");
    assert_eq!(short("regex(${t}, '[0-9]{10}')", &["t=09123456789"]), "false");
    assert_eq!(short("regex(${t}, 'a|b')", &["t=ab"]), "false");
}

#[test]
fn days_are_counted() {
    assert_eq!(short("${d} <= today() + 30", &["d=2026-12-23"]), "true");
    assert_eq!(short("${d} <= today() + 30", &["d=2026-12-24"]), "false");
    assert_eq!(short("today() - ${d}", &["d=2025-11-23"]), "365");
    assert_eq!(short("7 + ${d} - ${d}", &["d=2024-02-28"]), "7");
    assert_eq!(short("number(date('1970-01-02'))", &[]), "1");
    assert_eq!(short("date(today() + 1) = date('2026-11-24')", &[]), "true");
    assert_eq!(short("date(19000)", &[]), "2022-01-08");
    assert_eq!(
        short("format-date(${d}, '%e/%n/%Y, %d-%m-%y')", &["d=2026-03-04"]),
        "4/3/2026, 04-03-26"
    );
    assert!(short("${d} + 99999999", &["d=2026-01-01"]).starts_with("no day between"));
    assert_eq!(short("max(${d}, ${d2})", &["d=2026-01-01", "d2=2025-01-01"]), "2026-01-01");
}

#[test]
fn numbers_are_rounded_as_in_xpath() {
    assert_eq!(short("round(2.5)", &[]), "3");
    assert_eq!(short("round(-2.5)", &[]), "-2");
    assert_eq!(short("round(72.125, 2)", &[]), "72.13");
    assert_eq!(short("int(-2.7)", &[]), "-2");
    assert_eq!(short("int('12.9')", &[]), "12");
    assert_eq!(short("0.1 + 0.2 = 0.3", &[]), "true");
    assert_eq!(short("min(3, ${n}, 2)", &[]), "2 [\"unanswered\"]");
    assert_eq!(short("boolean(0) or boolean(${t})", &["t=a"]), "true");
    assert_eq!(short("number(true())", &[]), "1");
}

#[test]
fn a_blank_result_is_not_applicable() {
    assert_eq!(short("if(false(), 1, '')", &[]), "na");
    assert_eq!(short("number('')", &[]), "na");
    assert_eq!(short("if(${n} > 0, ${n}, '') = ''", &["n=0"]), "true");
}

#[test]
fn rows_are_counted_and_summed() {
    let rows = ["a/w=1.5", "b/w=2", "c/=", "d/w=na"];
    assert_eq!(short("count(${lots})", &rows), "4");
    assert_eq!(short("count(${w})", &rows), "3 [\"unanswered\"]");
    assert_eq!(short("count-non-empty(${w})", &rows), "2 [\"unanswered\"]");
    assert_eq!(short("sum(${w})", &rows), "3.5 [\"unanswered\"]");
    assert_eq!(short("max(${w}) - min(${w})", &rows[..2]), "0.5");
    assert_eq!(short("max(${w})", &["c/="]), "? [\"unanswered\"]");
    assert_eq!(short("max(${w})", &["d/w=na"]), "na");
    assert_eq!(short("max(${w})", &[]), "na");
    assert_eq!(short("sum(${w})", &[]), "0");
    assert_eq!(short("max(${made}) > date('2026-01-01')", &["a/made=2026-02-01"]), "true");
    let most = ["a/w=1000000000000000000", "b/w=1"];
    assert!(short("sum(${w})", &most).starts_with("a number beyond"));
}

fn settled_form(fields: Vec<FieldSpec>) -> Evaluation {
    let mut spec = sample();
    spec.fields.extend(fields);
    Evaluation::new(compiled(&spec), day("2026-11-23"))
}

fn given(evaluation: &mut Evaluation, item: &str, row: Option<&RowId>, text: &str) {
    let program = Arc::clone(evaluation.program());
    let field = program.field(item).unwrap();
    let value = program.read(field, text).unwrap();
    evaluation.set(field, row, Given::value(value)).unwrap();
}

#[test]
fn an_irrelevant_answer_is_kept_and_not_counted() {
    let mut weight = FieldSpec { group: Some(1), ..FieldSpec::new("net", FieldKind::Number) };
    weight.relevant = Some("${kind} = 'tea'".to_owned());
    let mut evaluation =
        settled_form(vec![weight, calculated(FieldKind::Number, "sum(${net}) + count(${net})")]);
    let program = Arc::clone(evaluation.program());
    let (lots, net) = (program.group("lots").unwrap(), program.field("net").unwrap());
    let total = program.field("result").unwrap();
    let row = RowId::new("r1");
    evaluation.add_row(lots, &row).unwrap();
    given(&mut evaluation, "net", Some(&row), "5");
    given(&mut evaluation, "kind", Some(&row), "rice");
    let settled = evaluation.settle();
    assert_eq!(settled.relevance(net, Some(&row)), Some(Truth::NO));
    assert_eq!(settled.value(net, Some(&row)).unwrap().datum, Datum::NotApplicable);
    let number = |settled: &Settled<'_>| settled.value(total, None).unwrap().datum.clone();
    assert_eq!(number(&settled), Datum::Value(Value::Number(Number::ZERO)));
    given(&mut evaluation, "kind", Some(&row), "tea");
    let settled = evaluation.settle();
    assert_eq!(number(&settled), Datum::Value(Value::Number(Number::whole(6))));
    evaluation.remove_row(lots, &row).unwrap();
    let settled = evaluation.settle();
    assert_eq!(number(&settled), Datum::Value(Value::Number(Number::ZERO)));
    assert_eq!(settled.value(net, Some(&row)), None);
    assert_eq!(settled.relevance(net, Some(&row)), None);
}

#[test]
fn a_group_that_does_not_apply_takes_its_items_with_it() {
    let mut spec = sample();
    spec.groups[1].relevant = Some("${y}".to_owned());
    let spec = with(spec, calculated(FieldKind::Number, "count(${lots}) + sum(${w})"));
    let program = compiled(&spec);
    let mut evaluation = Evaluation::new(Arc::clone(&program), day("2026-11-23"));
    let lots = program.group("lots").unwrap();
    let total = program.field("result").unwrap();
    evaluation.add_row(lots, &RowId::new("r")).unwrap();
    given(&mut evaluation, "w", Some(&RowId::new("r")), "4");
    let settled = evaluation.settle();
    let relevance = settled.group_relevance(lots);
    assert!(!relevance.holds && relevance.marks.has(Marks::UNANSWERED));
    assert!(settled.value(total, None).unwrap().marks.has(Marks::UNANSWERED));
    given(&mut evaluation, "y", None, "true");
    let settled = evaluation.settle();
    assert_eq!(settled.group_relevance(lots), Truth::YES);
    let five = Datum::Value(Value::Number(Number::whole(5)));
    assert_eq!(settled.value(total, None).unwrap().datum, five);
    assert!(
        settled
            .changes()
            .contains(&Change { place: Place::Group(lots), aspect: Aspect::Relevance })
    );
}

#[test]
fn a_constraint_is_asked_of_answers_only_and_a_requirement_of_relevant_items() {
    let tested = FieldSpec {
        constraint: Some(". <= ${n} and . >= 0".to_owned()),
        required: Some("${y}".to_owned()),
        relevant: Some("${5.5} != 'pass'".to_owned()),
        ..FieldSpec::new("tested", FieldKind::Number)
    };
    let mut evaluation = settled_form(vec![tested]);
    let tested = evaluation.program().field("tested").unwrap();
    given(&mut evaluation, "5.5", None, "minor");
    given(&mut evaluation, "y", None, "true");
    given(&mut evaluation, "n", None, "10");
    let settled = evaluation.settle();
    assert_eq!(settled.constraint(tested, None), None);
    assert_eq!(settled.requirement(tested, None), Some(Truth::YES));
    given(&mut evaluation, "tested", None, "11");
    assert_eq!(evaluation.settle().constraint(tested, None), Some(Truth::NO));
    given(&mut evaluation, "5.5", None, "pass");
    let settled = evaluation.settle();
    assert_eq!(settled.constraint(tested, None), None);
    assert_eq!(settled.requirement(tested, None), Some(Truth::NO));
}

#[test]
fn the_day_of_record_is_told_and_can_be_told_anew() {
    let mut evaluation = settled_form(vec![calculated(FieldKind::Number, "today() - ${d}")]);
    let result = evaluation.program().field("result").unwrap();
    given(&mut evaluation, "d", None, "2026-11-20");
    let days = |evaluation: &mut Evaluation| {
        evaluation.settle().value(result, None).unwrap().datum.value().unwrap().to_string()
    };
    assert_eq!(days(&mut evaluation), "3");
    evaluation.set_as_of(day("2026-12-01"));
    assert_eq!(days(&mut evaluation), "11");
}

#[test]
fn wrong_edits_are_refused_and_change_nothing() {
    let mut evaluation = settled_form(vec![calculated(FieldKind::Number, "${n} + 1")]);
    let program = Arc::clone(evaluation.program());
    let (n, w) = (program.field("n").unwrap(), program.field("w").unwrap());
    let result = program.field("result").unwrap();
    let (lots, one) = (program.group("lots").unwrap(), program.group("1").unwrap());
    let row = RowId::new("r");
    let number = || Given::value(Value::Number(Number::ZERO));
    assert!(evaluation.settle().effort().nodes > 0);
    assert!(matches!(
        evaluation.set(result, None, number()),
        Err(EvaluationError::Calculated { .. })
    ));
    let text = Given::value(Value::text("a"));
    assert!(matches!(evaluation.set(n, None, text), Err(EvaluationError::Type { .. })));
    assert!(matches!(evaluation.set(n, Some(&row), number()), Err(EvaluationError::Row { .. })));
    assert!(matches!(evaluation.set(w, None, number()), Err(EvaluationError::Row { .. })));
    assert!(matches!(evaluation.set(w, Some(&row), number()), Err(EvaluationError::NoRow { .. })));
    assert!(matches!(evaluation.add_row(one, &row), Err(EvaluationError::NoRows { .. })));
    assert!(matches!(evaluation.remove_row(lots, &row), Err(EvaluationError::NoRow { .. })));
    assert_eq!(evaluation.add_row(lots, &RowId::new("")), Err(EvaluationError::RowName));
    evaluation.add_row(lots, &row).unwrap();
    assert!(matches!(evaluation.add_row(lots, &row), Err(EvaluationError::RowTwice { .. })));
    assert!(evaluation.settle().effort().nodes > 0);
    assert_eq!(evaluation.settle().effort(), Effort::default());
}

#[test]
fn rows_are_limited() {
    let mut evaluation = settled_form(Vec::new());
    let lots = evaluation.program().group("lots").unwrap();
    for row in 0..ROWS_MAX {
        evaluation.add_row(lots, &RowId::new(&row.to_string())).unwrap();
    }
    let more = evaluation.add_row(lots, &RowId::new("more"));
    assert_eq!(more, Err(EvaluationError::TooManyRows));
}
