//! What must hold for every expression, every answer and every order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::*;
use super::*;

/// Pieces of which texts are made that look like expressions.
const PIECES: [&str; 40] = [
    "${n}",
    "${w}",
    "${lots}",
    "${5.5}",
    "${many}",
    "${d}",
    "${t}",
    "${photo}",
    "${nobody}",
    "${",
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    " div ",
    " mod ",
    " and ",
    " or ",
    "=",
    "!=",
    "<=",
    ">",
    ".",
    "..",
    "'a'",
    "'",
    "1",
    "0.5",
    "1000000000000000000",
    "if(",
    "sum(",
    "count(",
    "max(",
    "regex(",
    "date(",
    "today()",
    "frob(",
    "\u{a0}è",
];

fn tree() -> impl Strategy<Value = Tree> {
    let here = |node| Tree { node, at: 1 };
    let leaf = prop_oneof![
        (0_u32..1_000).prop_map(move |n| here(Node::Number(Number::whole(n)))),
        "[a-z\"]{0,4}".prop_map(move |text| here(Node::Text(text))),
        "[a-z']{0,4}".prop_map(move |text| here(Node::Text(text))),
        prop_oneof![Just("n"), Just("5.5"), Just("1.1-ko"), Just("w"), Just("d")]
            .prop_map(move |name| here(Node::Reference(name.to_owned()))),
        Just(here(Node::Own)),
    ];
    let levels: [&[Operator]; 6] = [
        &[Operator::Or],
        &[Operator::And],
        &[Operator::Equal, Operator::NotEqual],
        &[Operator::Less, Operator::LessOrEqual, Operator::Greater, Operator::GreaterOrEqual],
        &[Operator::Add, Operator::Subtract],
        &[Operator::Multiply, Operator::Divide, Operator::Modulo],
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let chain = (
            0..levels.len(),
            inner.clone(),
            prop::collection::vec((0_usize..4, inner.clone()), 1..4),
        )
            .prop_map(move |(level, first, rest)| {
                let signs = levels[level];
                let rest = rest.into_iter().map(|(at, tree)| (signs[at % signs.len()], tree));
                here(Node::Chain(Box::new(first), rest.collect()))
            });
        let name = prop_oneof![
            Just("if"),
            Just("max"),
            Just("concat"),
            Just("not"),
            Just("date"),
            Just("number"),
            Just("string"),
            Just("selected"),
            Just("coalesce"),
            Just("substr"),
            Just("mod")
        ];
        let call = (name, prop::collection::vec(inner.clone(), 0..4))
            .prop_map(move |(name, arguments)| here(Node::Call(name.to_owned(), arguments)));
        let negate = inner.prop_map(move |tree| here(Node::Negate(Box::new(tree))));
        prop_oneof![3 => chain, 2 => call, 1 => negate]
    })
}

fn number_text(row: bool) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        "[0-9]{1,2}",
        "[0-9]\\.[0-9]{1,3}",
        Just("${a}".to_owned()),
        Just("${points}".to_owned()),
        Just("(today() - ${d})".to_owned()),
        Just("count-selected(${many})".to_owned()),
        Just("string-length(${t})".to_owned()),
        Just(if row { "${w}" } else { "sum(${w})" }.to_owned()),
        Just(if row { "${w}" } else { "max(${w})" }.to_owned()),
        Just(if row { "${a}" } else { "count(${w})" }.to_owned()),
        Just("count(${lots})".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let truth = (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} < {b}"));
        prop_oneof![
            (
                inner.clone(),
                inner.clone(),
                prop_oneof![Just("+"), Just("-"), Just("*"), Just("div"), Just("mod")]
            )
                .prop_map(|(a, b, sign)| format!("({a} {sign} {b})")),
            (truth, inner.clone(), inner.clone())
                .prop_map(|(t, a, b)| format!("if({t}, {a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("coalesce({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("min({a}, {b})")),
            inner.prop_map(|a| format!("round({a}, 1)")),
        ]
    })
    .boxed()
}

fn truth_text(row: bool) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        (number_text(row), number_text(row)).prop_map(|(a, b)| format!("{a} <= {b}")),
        Just("${5.5} = 'major'".to_owned()),
        Just("${5.5} != 'pass'".to_owned()),
        Just("selected(${many}, 'b')".to_owned()),
        Just("${a} = ''".to_owned()),
        Just("applicable(${5.5})".to_owned()),
        Just("answered(${t})".to_owned()),
        Just("${d} < today()".to_owned()),
        Just("regex(${t}, '[a-z]+')".to_owned()),
        Just(if row { "${kind} = 'tea'" } else { "max(${made}) > today()" }.to_owned()),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not({a})")),
        ]
    })
    .boxed()
}

prop_compose! {
    /// A form in layers, so that there is no circle: answers, then what is calculated from them.
    fn form()(
        group in prop::option::of(prop_oneof![
            Just("${5.5} != 'pass'"), Just("answered(${t})"), Just("${a} > 3")
        ]),
        weight in prop::option::of(prop_oneof![Just("${kind} = 'tea'"), Just("${a} > 2"), Just("answered(${made})")]),
        row_number in number_text(true),
        row_truth in truth_text(true),
        total in number_text(false),
        shown in truth_text(false),
        constraint in truth_text(true),
        required in truth_text(true),
    ) -> FormSpec {
        let field = |name: &str, kind, group| FieldSpec { group, ..FieldSpec::new(name, kind) };
        let calculated = |calculation: &str, field: FieldSpec| FieldSpec {
            calculation: Some(calculation.to_owned()), ..field
        };
        let lots = Some(0);
        let w = FieldSpec {
            relevant: weight.map(str::to_owned),
            constraint: Some(format!(". > 3 or {constraint}")),
            required: Some(required),
            ..field("w", FieldKind::Number, lots)
        };
        FormSpec {
            groups: vec![GroupSpec { name: "lots".to_owned(), repeats: true, relevant: group.map(str::to_owned) }],
            fields: vec![
                field("a", FieldKind::Number, None),
                field("t", FieldKind::Text, None),
                field("5.5", FieldKind::Choice(options(&["pass", "minor", "major"])), None),
                field("points", FieldKind::Choice(options(&["1", "2", "3"])), None),
                field("many", FieldKind::Choices(options(&["a", "b", "c"])), None),
                field("d", FieldKind::Date, None),
                field("kind", FieldKind::Choice(options(&["tea", "rice"])), lots),
                field("made", FieldKind::Date, lots),
                w,
                calculated(&row_number, field("r", FieldKind::Number, lots)),
                calculated(&row_truth, field("rt", FieldKind::Bool, lots)),
                calculated(&format!("{total} + sum(${{r}})"), field("total", FieldKind::Number, None)),
                calculated("${w} div ${total}", field("share", FieldKind::Number, lots)),
                FieldSpec {
                    relevant: Some(shown),
                    ..calculated("max(${share})", field("most", FieldKind::Number, None))
                },
            ],
        }
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Set(usize, usize, usize, bool),
    Add(usize),
    Remove(usize),
    AsOf(i64),
    Settle,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        8 => (0_usize..9, 0_usize..4, 0_usize..7, prop::bool::weighted(0.2))
            .prop_map(|(item, row, value, conflict)| Edit::Set(item, row, value, conflict)),
        3 => (0_usize..4).prop_map(Edit::Add),
        1 => (0_usize..4).prop_map(Edit::Remove),
        1 => (0_i64..900).prop_map(Edit::AsOf),
        3 => Just(Edit::Settle),
    ]
}

fn row_name(row: usize) -> RowId {
    RowId::new(["one", "two", "three", "four"][row])
}

/// The items that [`Edit::Set`] may answer, and the values it may give them.
fn value_of(program: &Program, item: usize, value: usize) -> (Field, Given) {
    const TEXTS: [(&str, [&str; 5]); 9] = [
        ("a", ["0", "1", "3.5", "-2", "100"]),
        ("t", ["a", "chè", "12", "x y", "b"]),
        ("5.5", ["pass", "minor", "major", "pass", "major"]),
        ("points", ["1", "2", "3", "1", "2"]),
        ("many", ["a", "b", "a b", "a b c", "c"]),
        ("d", ["2026-11-23", "2026-11-24", "1999-12-31", "2024-02-29", "2030-01-01"]),
        ("kind", ["tea", "rice", "tea", "rice", "tea"]),
        ("made", ["2026-11-23", "2026-11-24", "1999-12-31", "2024-02-29", "2030-01-01"]),
        ("w", ["0", "0.1", "3", "7.25", "1000000000000000000"]),
    ];
    let (name, texts) = TEXTS[item];
    let field = program.field(name).unwrap();
    let given = match value {
        5 => Given::unanswered(),
        6 => Given::not_applicable(),
        _ => Given::value(program.read(field, texts[value]).unwrap()),
    };
    (field, given)
}

type State = BTreeMap<(Place, Aspect), String>;

fn state(evaluation: &mut Evaluation) -> State {
    let program = Arc::clone(evaluation.program());
    let settled = evaluation.settle();
    let lots = program.group("lots").unwrap();
    let mut state = State::new();
    state.insert(
        (Place::Group(lots), Aspect::Relevance),
        format!("{:?}", settled.group_relevance(lots)),
    );
    for field in program.fields() {
        let rows: Vec<Option<RowId>> = match program.rows_of(field) {
            Some(group) => settled.rows(group).cloned().map(Some).collect(),
            None => vec![None],
        };
        for row in rows {
            let place = Place::Field(field, row.clone());
            let at = row.as_ref();
            for (aspect, said) in [
                (Aspect::Value, format!("{:?}", settled.value(field, at))),
                (Aspect::Relevance, format!("{:?}", settled.relevance(field, at))),
                (Aspect::Constraint, format!("{:?}", settled.constraint(field, at))),
                (Aspect::Requirement, format!("{:?}", settled.requirement(field, at))),
            ] {
                state.insert((place.clone(), aspect), said);
            }
        }
    }
    state
}

/// What has been answered, from which an evaluation can be made anew.
#[derive(Default)]
struct Answers {
    as_of: Option<i64>,
    rows: BTreeSet<usize>,
    given: BTreeMap<(Field, Option<usize>), Given>,
}

impl Answers {
    fn day(&self) -> Day {
        day("2024-01-01").plus_days(self.as_of.unwrap_or(0)).unwrap()
    }

    fn apply(&mut self, evaluation: &mut Evaluation, edit: &Edit) {
        let program = Arc::clone(evaluation.program());
        let lots = program.group("lots").unwrap();
        match *edit {
            Edit::Set(item, row, value, conflict) => {
                let (field, given) = value_of(&program, item, value);
                let given = if conflict { given.conflicted() } else { given };
                let row = program.rows_of(field).map(|_| row);
                let done = evaluation.set(field, row.map(row_name).as_ref(), given.clone());
                assert_eq!(done.is_ok(), row.is_none_or(|row| self.rows.contains(&row)));
                if done.is_ok() {
                    self.given.insert((field, row), given);
                }
            }
            Edit::Add(row) => {
                let done = evaluation.add_row(lots, &row_name(row));
                assert_eq!(done.is_ok(), self.rows.insert(row));
            }
            Edit::Remove(row) => {
                let done = evaluation.remove_row(lots, &row_name(row));
                assert_eq!(done.is_ok(), self.rows.remove(&row));
                self.given.retain(|(_, at), _| *at != Some(row));
            }
            Edit::AsOf(days) => {
                self.as_of = Some(days);
                evaluation.set_as_of(self.day());
            }
            Edit::Settle => assert!(evaluation.settle().changes().len() < 1_000),
        }
    }

    /// Makes an evaluation of the answers, in the opposite order of their names.
    fn anew(&self, program: &Arc<Program>) -> Evaluation {
        let lots = program.group("lots").unwrap();
        let mut evaluation = Evaluation::new(Arc::clone(program), self.day());
        for row in self.rows.iter().rev() {
            evaluation.add_row(lots, &row_name(*row)).unwrap();
        }
        for ((field, row), given) in self.given.iter().rev() {
            evaluation.set(*field, row.map(row_name).as_ref(), given.clone()).unwrap();
        }
        evaluation
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,60}") {
        if let Ok(tree) = parse(&text) {
            prop_assert_eq!(parse(&tree.to_string()), Ok(tree));
        }
    }

    #[test]
    fn pieces_in_any_order_compile_or_are_refused_at_a_place(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..14)
    ) {
        let text: String = pieces.concat();
        let characters = u32::try_from(text.chars().count()).unwrap();
        let spec = with(sample(), calculated(FieldKind::Bool, &text));
        if let Err(faults) = Program::compile(&spec) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert!(!fault.to_string().is_empty());
                if let Some(position) = fault.position {
                    prop_assert!((1..=characters + 1).contains(&position), "{}", fault);
                }
            }
        }
    }

    #[test]
    fn a_printed_tree_parses_to_the_same_tree(tree in tree()) {
        let printed = tree.to_string();
        match parse(&printed) {
            Ok(parsed) => prop_assert_eq!(parsed, tree, "{}", printed),
            Err((_, reason)) => prop_assert!(
                matches!(reason, FaultKind::TooDeep | FaultKind::TooLong { .. }), "{}: {}", printed, reason
            ),
        }
    }

    #[test]
    fn a_checked_tree_evaluates_whatever_is_answered(
        tree in tree(), answers in prop::sample::subsequence(
            vec!["n=-1.5", "5.5=major", "1.1-ko=na", "d=2999-12-31", "n2=!0", "many=a b"], 0..6)
    ) {
        let text = tree.to_string();
        let kinds = [FieldKind::Bool, FieldKind::Number, FieldKind::Text, FieldKind::Date];
        let fits = |kind| Program::compile(&with(sample(), calculated(kind, &text))).is_ok();
        if kinds.into_iter().any(fits) {
            let outcome = outcome(&text, &answers);
            let invalid = matches!(outcome.datum, Datum::Invalid(_));
            prop_assert!(!invalid || outcome.marks.has(Marks::INVALID));
        }
    }

    #[test]
    fn edits_one_by_one_end_where_a_fresh_start_does(
        spec in form(), edits in prop::collection::vec(edit(), 0..40)
    ) {
        let program = compiled(&spec);
        let mut answers = Answers::default();
        let mut evaluation = Evaluation::new(Arc::clone(&program), answers.day());
        let mut before = state(&mut evaluation);
        for edit in &edits {
            answers.apply(&mut evaluation, edit);
            if matches!(edit, Edit::Settle) {
                before = state(&mut evaluation);
            }
        }
        // What is said to have changed is what did.
        let changes: BTreeSet<(Place, Aspect)> = evaluation
            .settle()
            .changes()
            .iter()
            .map(|change| (change.place.clone(), change.aspect))
            .collect();
        let after = state(&mut evaluation);
        for (key, said) in &after {
            if before.get(key).is_some_and(|before| before != said) {
                prop_assert!(changes.contains(key), "{:?}", key);
            }
        }
        prop_assert_eq!(&after, &state(&mut answers.anew(&program)));
        prop_assert!(evaluation.settle().effort().nodes == 0);
    }

    #[test]
    fn a_result_without_marks_stands_whatever_is_answered_next(
        spec in form(), edits in prop::collection::vec(edit(), 0..25), later in prop::collection::vec(edit(), 1..12)
    ) {
        let program = compiled(&spec);
        let mut answers = Answers::default();
        let mut evaluation = Evaluation::new(Arc::clone(&program), answers.day());
        for edit in &edits {
            answers.apply(&mut evaluation, edit);
        }
        let before = state(&mut evaluation);
        for edit in &later {
            // Only what nobody has answered is answered, or what conflicts is settled.
            if let Edit::Set(item, row, value, _) = *edit {
                let (field, _) = value_of(&program, item, value);
                let row = program.rows_of(field).map(|_| row);
                let given = answers.given.get(&(field, row));
                let conflicts = given.is_some_and(|given| *given == given.clone().conflicted());
                let is_open = given.is_none_or(|given| *given == Given::unanswered());
                if (is_open || conflicts) && row.is_none_or(|row| answers.rows.contains(&row)) {
                    answers.apply(&mut evaluation, edit);
                }
            }
        }
        let after = state(&mut evaluation);
        for (key, said) in before.iter().filter(|(_, said)| said.contains("marks: []")) {
            // A conflict may end in there being no answer; its constraint is then not asked any more.
            let asked_no_more = after.get(key).is_some_and(|said| said == "None");
            if key.1 == Aspect::Constraint && asked_no_more {
                continue;
            }
            prop_assert_eq!(Some(said), after.get(key), "{:?}", key);
        }
    }

    #[test]
    fn the_order_of_answers_does_not_show(
        spec in form(), edits in prop::collection::vec(edit(), 0..30).prop_shuffle(), seed in 0_usize..31
    ) {
        // Each item is answered once, so that every order means the same.
        let program = compiled(&spec);
        let mut once: BTreeMap<(usize, usize), Edit> = BTreeMap::new();
        for edit in edits {
            if let Edit::Set(item, row, ..) = edit {
                once.insert((item, if item < 6 { 0 } else { row }), edit);
            }
        }
        let rows: Vec<Edit> = (0..4).map(Edit::Add).collect();
        let run = |sets: &[&Edit]| {
            let mut answers = Answers::default();
            let mut evaluation = Evaluation::new(Arc::clone(&program), answers.day());
            for edit in rows.iter().chain(sets.iter().copied()) {
                answers.apply(&mut evaluation, edit);
                answers.apply(&mut evaluation, &Edit::Settle);
            }
            state(&mut evaluation)
        };
        let sets: Vec<&Edit> = once.values().collect();
        let mut other = sets.clone();
        let turn = seed % other.len().max(1);
        other.rotate_left(turn);
        other.reverse();
        prop_assert_eq!(run(&sets), run(&other));
    }
}
