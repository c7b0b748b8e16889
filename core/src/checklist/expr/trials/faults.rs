//! What is refused when a form is loaded, and how its place is named.

use super::super::*;
use super::*;

fn said(expression: &str) -> String {
    let said = said_of(expression);
    assert_eq!(said.len(), 1, "{said:?}");
    said[0].strip_prefix("section 1, item result, calculation, ").unwrap_or(&said[0]).to_owned()
}

#[test]
fn faults_of_the_grammar_name_the_character() {
    assert_eq!(said(""), "character 1: the expression is empty; leave it out or write one");
    assert_eq!(said("${n} >"), "character 7: the expression ends where a value must follow");
    assert_eq!(said("(${y}"), "character 6: expected )");
    assert_eq!(said("${y})"), "character 5: ) cannot stand here");
    assert_eq!(said("${y} ${y}"), "character 6: ${y} cannot stand here");
    assert_eq!(said("${n} == 1"), "character 6: == cannot stand here");
    assert_eq!(said("${t} = ‘a’"), "character 8: ‘ cannot stand here");
    assert_eq!(said("${t} = 'a"), "character 8: the text that begins here is not closed");
    assert_eq!(
        said("è"),
        "character 1: è is neither a function nor an operator here; an item is written ${è}"
    );
    assert_eq!(
        said("'é' = 1.2.3"),
        "character 7: a number is written with digits and a full stop, for instance -12.5"
    );
    assert!(said("1 < 1.0000000001").contains("decimal places"));
    for path in ["../n > 1", "/data/n > 1", "${lots}[1] = 1", "@n = 1", "1 | 2"] {
        assert!(said(path).contains("paths"), "{path}");
    }
}

#[test]
fn unknown_and_refused_names_are_named() {
    assert_eq!(said("${5.6} = ''"), "character 1: no item or repeat group is named 5.6");
    assert_eq!(said("${1} = ''"), "character 1: no item or repeat group is named 1");
    assert_eq!(said("true() and frob(1)"), "character 12: there is no function frob");
    assert!(said("position(1) = 1").contains("position is not offered: rows come from several"));
    assert!(
        said("true() or jr:choice-name('a', 'b') = ''").contains("jr:choice-name is not offered")
    );
    assert!(said("now() > today()").contains("the same on every phone"));
    assert_eq!(said("if(true(), 1)"), "character 1: if takes 3 arguments, not 2");
    assert_eq!(said("round(1, 2, 3) > 1"), "character 1: round takes 1 or 2 arguments, not 3");
}

#[test]
fn types_are_checked() {
    assert_eq!(
        said("${t} > 1"),
        "character 1: a text cannot be compared with a number; write number(...) around the text, or quotes around the number"
    );
    assert_eq!(
        said("${d} > '2026-01-01'"),
        "character 1: a day cannot be compared with a text; a day is written date('YYYY-MM-DD')"
    );
    assert!(said("${many} = 'a'").ends_with("; ask selected(${item}, 'key')"));
    assert!(said("${n} and true()").contains("expected a yes or no, found a number"));
    assert!(said("${photo} = 'a'").contains("a photo, position or signature"));
    assert!(said("${y} + 1 > 1").contains("expected a number or a day, found a yes or no"));
    assert!(said("${n} - ${d} > 1").contains("a day can only be taken from a day"));
    assert!(said("1 < 2 < 3").contains("compare two values at a time"));
    assert!(said("if(true(), 1, 'a') = 1").contains("cannot both be the result"));
    assert_eq!(said("${n} + 1"), "character 1: expected a yes or no, found a number");
    let spec = with(sample(), calculated(FieldKind::Opaque, "1"));
    assert_eq!(refused(&spec)[0].kind, FaultKind::CalculationKind);
}

#[test]
fn keys_that_an_item_does_not_have_are_found() {
    assert_eq!(said("${5.5} = 'mayor'"), "character 10: 'mayor' is no option of 5.5");
    assert_eq!(said("selected(${many}, 'd')"), "character 19: 'd' is no option of many");
    assert_eq!(said("${points} = 4"), "character 13: '4' is no option of points");
}

fn is_taken(expression: &str) -> bool {
    Program::compile(&with(sample(), calculated(FieldKind::Bool, expression))).is_ok()
}

#[test]
fn what_can_never_have_a_value_is_found() {
    assert!(said("${5.5} > 2").contains("the options of 5.5 have keys that are no numbers"));
    assert!(said("number(${1.1-ko}) = 1").contains("1.1-ko have keys that are no numbers"));
    assert!(said("${5.5} + 1 > 1").contains("5.5 have keys"));
    assert!(is_taken("${points} > 2 and number(${points}) > 2"));
    assert_eq!(said("number('abc') = 1"), "character 8: 'abc' is no number");
    assert_eq!(said("int('x') = 1"), "character 5: 'x' is no number");
    let mut spec = sample();
    spec.fields[0].relevant = Some("''".to_owned());
    assert_eq!(refused(&spec)[0].kind, FaultKind::EmptyCondition);
}

#[test]
fn whether_an_item_applies_is_asked_by_applicable() {
    let fault = said("${5.5} = 'na'");
    assert!(
        fault
            .ends_with("'na' is no option of 5.5; ask applicable(${item}) whether an item applies"),
        "{fault}"
    );
    assert!(is_taken("not(applicable(${5.5}))"));
}

#[test]
fn equal_patterns_are_compiled_once_and_different_ones_are_limited() {
    let spec = |different: usize, all: usize| {
        let mut spec = sample();
        for number in 0..all {
            let pattern = format!("regex(${{t}}, 'a{}')", number % different);
            let name = format!("p{number}");
            spec.fields.push(FieldSpec {
                constraint: Some(pattern),
                ..FieldSpec::new(&name, FieldKind::Text)
            });
        }
        spec
    };
    assert!(Program::compile(&spec(PATTERNS_MAX, 3 * PATTERNS_MAX)).is_ok());
    let faults = refused(&spec(PATTERNS_MAX + 1, PATTERNS_MAX + 1));
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].kind, FaultKind::TooManyPatterns);
}

#[test]
fn rows_are_read_only_where_that_has_a_meaning() {
    assert!(said("${w} > 1").contains("has a value for each row of lots"));
    assert!(said("${lots} = ''").contains("only count(${lots}) can read it"));
    assert!(said("sum(${n}) > 1").contains("sum counts over the rows of a repeat group"));
    assert!(said("sum(${w} + 1) > 1").contains("sum counts over the rows"));
    assert!(said("sum(${kind}) > 1").contains("calculate a number in each row"));
    assert!(said("max(${name}) = ''").contains("calculate a number in each row"));
    let inside = FieldSpec {
        group: Some(1),
        calculation: Some("sum(${w})".to_owned()),
        ..FieldSpec::new("inside", FieldKind::Number)
    };
    let faults = refused(&with(sample(), inside));
    assert!(matches!(faults[0].kind, FaultKind::NotRows { function: "sum" }));
    assert_eq!(faults[0].group.as_deref(), Some("lots"));
}

#[test]
fn patterns_and_formats_are_checked_now() {
    assert!(said("regex(${t}, ${t})").contains("written out"));
    for pattern in ["(?=a)", "(a)\\1", "a{1000}{1000}", "a)|(?:b", "[", "(?x)a #"] {
        assert!(said(&format!("regex(${{t}}, '{pattern}')")).contains("the pattern"), "{pattern}");
    }
    assert!(said("format-date(${d}, '%H') = ''").contains("not %H"));
    assert!(said("${d} = date('2026-02-30')").contains("YYYY-MM-DD"));
}

#[test]
fn all_faults_are_listed_at_once() {
    let mut spec = sample();
    spec.groups[0].relevant = Some(".".to_owned());
    spec.fields[0].relevant = Some("${x} and ${z} and frob(${y2})".to_owned());
    spec.fields[1].constraint = Some(". > ".to_owned());
    spec.fields[2].required = Some("1".to_owned());
    let faults: Vec<String> = refused(&spec).iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "section 1, relevance, character 1: a full stop means the item's own value; a group has none",
            "section 1, item n, relevance, character 1: no item or repeat group is named x",
            "section 1, item n, relevance, character 10: no item or repeat group is named z",
            "section 1, item n, relevance, character 24: no item or repeat group is named y2",
            "section 1, item n, relevance, character 19: there is no function frob",
            "section 1, item n2, constraint, character 5: the expression ends where a value must follow",
            "section 1, item t, requirement, character 1: expected a yes or no, found a number; compare it with a number, for instance > 0",
        ]
    );
}

fn number(name: &str, relevant: Option<&str>, calculation: Option<&str>) -> FieldSpec {
    FieldSpec {
        relevant: relevant.map(str::to_owned),
        calculation: calculation.map(str::to_owned),
        ..FieldSpec::new(name, FieldKind::Number)
    }
}

fn circles(spec: &FormSpec) -> Vec<String> {
    refused(spec)
        .iter()
        .map(|fault| match &fault.kind {
            FaultKind::Cycle { path } => path.join(" -> "),
            other => panic!("{other}"),
        })
        .collect()
}

#[test]
fn circles_are_shown_with_their_way() {
    let mut spec = FormSpec::default();
    spec.fields.push(number("a", None, Some("${b} + 1")));
    spec.fields.push(number("b", Some("${c} > 1"), None));
    spec.fields.push(number("c", None, Some("${a}")));
    spec.fields.push(number("d", Some(". > 1"), None));
    spec.fields.push(number("e", None, Some(". + 1")));
    // Neither an own constraint nor an own requirement is a circle.
    spec.fields.push(FieldSpec {
        constraint: Some("${f} > 1".to_owned()),
        required: Some(". = ''".to_owned()),
        ..number("f", None, None)
    });
    assert_eq!(
        circles(&spec),
        [
            "calculation of a -> b -> relevance of b -> calculation of c -> calculation of a",
            "relevance of d -> d -> relevance of d",
            "calculation of e -> calculation of e",
        ]
    );
}

#[test]
fn circles_through_groups_and_rows_are_found() {
    let mut spec = sample();
    spec.groups[0].relevant = Some("${n} > 1".to_owned());
    assert_eq!(
        circles(&spec),
        ["relevance of section 1 -> n -> relevance of n -> relevance of section 1"]
    );
    let mut spec = sample();
    let share = FieldSpec {
        group: Some(1),
        calculation: Some("${w} div ${result}".to_owned()),
        ..FieldSpec::new("share", FieldKind::Number)
    };
    spec = with(with(spec, share), calculated(FieldKind::Number, "sum(${share})"));
    assert_eq!(
        circles(&spec),
        ["calculation of share -> calculation of result -> calculation of share"]
    );
    let mut spec = sample();
    spec.groups[1].relevant = Some("count(${lots}) > 1".to_owned());
    assert_eq!(circles(&spec), ["relevance of section lots -> relevance of section lots"]);
}

#[test]
fn a_chain_of_all_items_is_no_circle_and_no_stack() {
    let mut spec = FormSpec::default();
    for at in 0..FIELDS_MAX {
        let before = format!("${{i{}}} + 1", at + 1);
        let calculation = (at + 1 < FIELDS_MAX).then_some(before.as_str());
        spec.fields.push(number(&format!("i{at}"), None, calculation));
    }
    let program = compiled(&spec);
    let mut evaluation = Evaluation::new(Arc::clone(&program), day("2026-11-23"));
    let last = program.field(&format!("i{}", FIELDS_MAX - 1)).unwrap();
    evaluation.set(last, None, Given::value(Value::Number(Number::ZERO))).unwrap();
    let first = evaluation.settle().value(program.field("i0").unwrap(), None).unwrap().clone();
    assert_eq!(first.datum, Datum::Value(Value::Number(Number::whole(4_999))));
    let closed = Some(format!("${{i0}} + {}", FIELDS_MAX));
    spec.fields[FIELDS_MAX - 1].calculation = closed;
    assert_eq!(circles(&spec).len(), 1);
}

#[test]
fn names_are_checked() {
    let mut spec = sample();
    for name in ["n", "lots", "", " a", "a}b", &"x".repeat(NAME_CHARS_MAX + 1), "\u{7}"] {
        spec.fields.push(FieldSpec::new(name, FieldKind::Number));
    }
    spec.fields.push(FieldSpec { group: Some(9), ..FieldSpec::new("lost", FieldKind::Number) });
    spec.groups.push(GroupSpec { name: "lots".to_owned(), repeats: true, relevant: None });
    // A section may be named as one of its items is; it cannot be referred to.
    spec.groups.push(GroupSpec { name: "n".to_owned(), ..GroupSpec::default() });
    let faults = refused(&spec);
    let twice = faults.iter().filter(|f| matches!(f.kind, FaultKind::Twice { .. })).count();
    let bad = faults.iter().filter(|f| f.kind == FaultKind::BadName).count();
    let lost = faults.iter().filter(|f| f.kind == FaultKind::NoGroup).count();
    assert_eq!((twice, bad, lost, faults.len()), (3, 5, 1, 9));
}

#[test]
fn sizes_are_limited() {
    let long = format!("1 = {}", "1".repeat(EXPRESSION_CHARS_MAX));
    assert!(said(&long).contains("over the limit of 8192"));
    let deep = |levels: usize| format!("{}true(){}", "(".repeat(levels), ")".repeat(levels));
    assert!(said(&deep(NESTING_MAX as usize + 1)).contains("nested more than"));
    assert_eq!(short(&deep(NESTING_MAX as usize), &[]), "true");
    let minus = format!("{}1 = 1", "-".repeat(NESTING_MAX as usize + 1));
    assert!(said(&minus).contains("nested more than"));
    let mut spec = FormSpec::default();
    for at in 0..=FIELDS_MAX {
        spec.fields.push(number(&at.to_string(), None, None));
    }
    assert!(matches!(refused(&spec)[0].kind, FaultKind::TooMany { what: "items", .. }));
    let mut spec = FormSpec::default();
    let many = vec!["${x}"; 500].join(" and ");
    for at in 0..3 {
        spec.fields.push(number(&at.to_string(), Some(&many), None));
    }
    let faults = refused(&spec);
    assert_eq!(faults.len(), FAULTS_MAX + 1);
    assert_eq!(faults[FAULTS_MAX].kind, FaultKind::More);
}

/// The least stack that a thread of ours may have.
const STACK_BYTES: usize = 512 * 1024;

#[test]
fn the_deepest_expression_fits_a_small_stack() {
    // Each turn nests twice, with a chain of every level of binding around the next.
    let turns = NESTING_MAX / 2;
    let widest = (0..turns).fold("${n}".to_owned(), |inner, _| {
        format!("if(false() or true() and 1 < 2 = true(), 1 + 1 * ({inner}), 2)")
    });
    let nested = "coalesce(".repeat(NESTING_MAX as usize);
    let deepest = format!("{nested}${{n}}{}", ", 1 + 2 * 3)".repeat(NESTING_MAX as usize));
    let run = move || {
        assert_eq!(short(&widest, &["n=1"]), (turns + 1).to_string());
        assert_eq!(short(&deepest, &["n=1"]), "1");
        assert!(parse(&"(".repeat(EXPRESSION_CHARS_MAX)).is_err());
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap();
}

#[test]
fn an_explanation_can_ask_what_is_read() {
    let spec = with(sample(), calculated(FieldKind::Number, "sum(${w}) + ${n} + ${n}"));
    let program = compiled(&spec);
    let result = program.field("result").unwrap();
    let read: Vec<&str> =
        program.reads(result, Part::Calculation).into_iter().map(|f| program.name(f)).collect();
    assert_eq!(read, ["n", "w"]);
    assert!(program.reads(result, Part::Relevance).is_empty());
}
