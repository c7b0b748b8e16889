//! Random edits, moves and ways back of three people who exchange now and then.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What one person does.
#[derive(Debug, Clone)]
enum Act {
    Answer { who: usize, item: usize, grade: usize },
    Row { who: usize },
    RowAnswer { who: usize, row: usize, item: usize },
    Note { who: usize, item: usize },
    Finding { who: usize, item: usize },
    Move { who: usize, to: usize },
    Back { who: usize },
    Exchange { from: usize, to: usize },
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..3_usize;
    prop_oneof![
        4 => (who.clone(), 0..8_usize, 0..4_usize)
            .prop_map(|(who, item, grade)| Act::Answer { who, item, grade }),
        1 => who.clone().prop_map(|who| Act::Row { who }),
        2 => (who.clone(), 0..4_usize, 0..4_usize)
            .prop_map(|(who, row, item)| Act::RowAnswer { who, row, item }),
        1 => (who.clone(), 0..8_usize).prop_map(|(who, item)| Act::Note { who, item }),
        1 => (who.clone(), 0..8_usize).prop_map(|(who, item)| Act::Finding { who, item }),
        3 => (who.clone(), 1..=4_usize).prop_map(|(who, to)| Act::Move { who, to }),
        1 => who.clone().prop_map(|who| Act::Back { who }),
        2 => (who.clone(), who).prop_map(|(from, to)| Act::Exchange { from, to }),
    ]
}

const GRADES: [Grade; 4] = [Grade::Pass, Grade::Minor, Grade::Major, Grade::NotApplicable];

struct World {
    known: Vec<Template>,
    phones: [Document; 3],
    made: u8,
    /// Answers written.
    written: usize,
    /// By which edition each answer that is given once was given, and to which item, by the time it
    /// claims.
    given: BTreeMap<Timestamp, (TemplateId, String)>,
}

impl World {
    fn template(&self, who: usize) -> &Template {
        let id = read(&self.phones[who]).template.unwrap();
        self.known.iter().find(|template| template.id() == id).unwrap()
    }

    /// The item with a number, of those that are answered once, or of a group.
    fn item(&self, who: usize, group: Option<&str>, number: usize) -> Option<String> {
        let items: Vec<String> = self
            .template(who)
            .each()
            .filter(|(section, item)| {
                let home = section.repeat.as_ref().map(|_| section.code.as_str());
                home == group && !item.is_calculated()
            })
            .map(|(_, item)| item.key.clone())
            .collect();
        (!items.is_empty()).then(|| items[number % items.len()].clone())
    }

    fn write(&mut self, who: usize, f: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>) {
        edit(&mut self.phones[who], u8::try_from(who + 1).unwrap(), f);
    }

    fn fresh(&mut self) -> [u8; 16] {
        self.made += 1;
        [self.made; 16]
    }

    fn perform(&mut self, act: &Act) {
        match *act {
            Act::Answer { who, item, grade } => {
                let item = self.item(who, None, item).unwrap();
                self.written += 1;
                // A time of its own makes every answer another one.
                let claimed_at = Timestamp(1_000 + i64::try_from(self.written).unwrap());
                self.given.insert(claimed_at, (self.template(who).id(), item.clone()));
                let answer =
                    AnswerInput { claimed_at, resolves: true, ..said(GRADES[grade], None) };
                self.write(who, |e| e.answer(&item, answer));
            }
            Act::Row { who } => {
                let id = self.fresh();
                self.write(who, |e| e.row_add(id, "lots", "lô"));
            }
            Act::RowAnswer { who, row, item } => {
                let rows = read(&self.phones[who]).rows.into_iter();
                let rows: Vec<_> =
                    rows.filter(|(_, row)| row.group() == "lots").map(|(id, _)| id).collect();
                let (Some(id), Some(item)) = (rows.get(row), self.item(who, Some("lots"), item))
                else {
                    return;
                };
                let mut bytes = [0; 16];
                hex::decode_to_slice(id, &mut bytes).unwrap();
                self.written += 1;
                let claimed_at = Timestamp(1_000 + i64::try_from(self.written).unwrap());
                let answer = AnswerInput { claimed_at, resolves: true, ..given("x") };
                self.write(who, |e| e.row_answer(bytes, &item, answer));
            }
            Act::Note { who, item } => {
                let (item, id) = (self.item(who, None, item).unwrap(), self.fresh());
                self.write(who, |e| match e.shared_note(&item)? {
                    Some(_) => e.note(&item, NoteEdit::Append("dòng\n".into())),
                    None => e.loose_note_add(id, &item, "dòng\n"),
                });
            }
            Act::Finding { who, item } => {
                let (item, id) = (self.item(who, None, item).unwrap(), self.fresh());
                self.write(who, |e| e.finding_add(id, finding(&item)));
            }
            Act::Move { who, to } => self.go(who, self.known[to - 1].id()),
            Act::Back { who } => {
                if let Ok(to) = way_back(&self.phones[who].view()) {
                    self.go(who, to);
                }
            }
            Act::Exchange { from, to } => {
                let changes = changes_of(&self.phones[from]);
                self.phones[to].apply(&changes);
            }
        }
    }

    fn go(&mut self, who: usize, to: TemplateId) {
        match plan_move(&self.phones[who].view(), to, &self.known) {
            Ok(plan) => {
                let before = standing(&read(&self.phones[who]));
                self.write(who, |e| e.move_edition(&plan.told));
                let after = read(&self.phones[who]);
                assert_eq!(after.answers, plan.after.answers, "the preview is what happens");
                assert_eq!(standing(&after), before, "a move loses and doubles no answer");
                assert_eq!(after.template, Some(to));
            }
            Err(MoveError::Same { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Every change but the computed ones, in an order that respects cause.
fn changes_of(document: &Document) -> Vec<RawChange> {
    let hashes: Vec<_> = document.view().past().iter().map(|past| past.change).collect();
    let changes = document.changes(&hashes).into_iter();
    changes.map(|change| RawChange::inspect(change.raw_bytes().to_vec()).unwrap()).collect()
}

/// Counts every answer ever written, by walking the history of all that stands anywhere. One that stands
/// under two keys is one answer, also where nothing asks it and it is left over under both.
fn ever_written(document: &Document) -> usize {
    let view = document.view();
    let read = read(document);
    let once = read.answers.keys().flat_map(|item| view.history(item));
    let in_rows = read.rows.iter().flat_map(|(id, row)| {
        row.answers.keys().flat_map(|item| view.row_history(id, item)).collect::<Vec<_>>()
    });
    let written = once.chain(in_rows).map(|said| format!("{} {:?}", said.change, said.value));
    written.collect::<BTreeSet<_>>().len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_moves_and_edits_gives_one_reading_and_loses_no_answer(
        acts in prop::collection::vec(act(), 1..28),
        turn in 0..3_usize,
    ) {
        let known = editions();
        let start = filled();
        let mut world = World {
            phones: [start.clone(), start.clone(), start.clone()],
            known,
            made: 20,
            written: 0,
            given: BTreeMap::new(),
        };
        for act in &acts {
            world.perform(act);
        }
        let begun = ever_written(&start);
        // Merged in three different orders.
        let all: Vec<Vec<RawChange>> = world.phones.iter().map(changes_of).collect();
        let merged: Vec<Document> = (0..3)
            .map(|first| {
                let mut document = world.phones[first].clone();
                for step in 0..3 {
                    document.apply(&all[(first + turn + 2 * step) % 3]);
                }
                document
            })
            .collect();
        for other in &merged[1..] {
            prop_assert_eq!(read(&merged[0]), read(other));
            prop_assert_eq!(merged[0].view().record(), other.view().record());
            prop_assert_eq!(merged[0].view().conflicts(), other.view().conflicts());
            let (mut one, mut two) = (merged[0].summary(), other.summary());
            (one.updated_at, two.updated_at) = (Timestamp(0), Timestamp(0));
            prop_assert_eq!(one, two);
            for to in &world.known {
                let plan = |document: &Document| {
                    plan_move(&document.view(), to.id(), &world.known).map(|plan| plan.digest)
                };
                prop_assert_eq!(plan(&merged[0]), plan(other));
            }
        }
        // Whatever way people came to an edition, what they answered by it answers it.
        for to in &world.known {
            let mut settled = merged[0].clone();
            match plan_move(&settled.view(), to.id(), &world.known) {
                Ok(plan) => drop(edit(&mut settled, 1, |e| e.move_edition(&plan.told))),
                Err(error) => prop_assert!(matches!(error, MoveError::Same { .. }), "{}", error),
            }
            for (item, state) in read(&settled).answers {
                for said in state.all() {
                    if let Some((edition, asked)) = world.given.get(&said.value.claimed_at)
                        && *edition == to.id()
                    {
                        prop_assert_eq!(asked, &item, "answered by edition {}", to.edition());
                    }
                }
            }
        }
        prop_assert_eq!(ever_written(&merged[0]), begun + world.written);
        let by_pinned = merged[0].view().by_pinned().inspection().unwrap();
        prop_assert_eq!(standing(&read(&merged[0])), standing(&by_pinned));
    }
}
