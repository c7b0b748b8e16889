//! What every document of one shape holds from birth: its computed first change.
//!
//! Every map and text that two people could share is made here, by a fixed actor at time 0, so it
//! is the same object on every replica. Nothing else may create a container under a shared key:
//! Automerge would keep one and hide the content of the other. Containers are later found by the
//! identity they got here, not by the path that leads to them, so nobody can hide what they hold by
//! writing over that path.
//!
//! A newer schema adds containers by another computed change, the addition, on top of the first one.
//! Nobody sends it either: a change that needs it names its hash, and whoever reads that change
//! computes the addition. So devices whose programs differ in age begin one document and not two,
//! and a document begun by an older program gains what the newer one offers with its next edit.
//! Whether a document holds the addition follows from the changes it holds, on every replica alike.

use std::collections::BTreeMap;

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{
    ActorId, Automerge, AutomergeError, Change, ObjId, ObjType, ROOT, ReadDoc, TextEncoding,
};

use serde::{Deserialize, Serialize};

use super::ids::{ChangeHash, Kind, TemplateId};

/// The newest schema. An inspection comes to it with the first edit by a program that knows it;
/// other kinds have nothing newer than `BORN`.
pub const SCHEMA: u32 = 2;

/// The schema whose first change new documents begin with.
pub(crate) const BORN: u32 = 1;

/// Returns the newest schema of a kind.
pub(crate) fn newest(kind: Kind) -> u32 {
    match kind {
        Kind::Inspection => SCHEMA,
        _ => BORN,
    }
}

/// The actor of every first change. No device may write under it.
pub const FIRST_ACTOR: [u8; 16] = [0; 16];

/// A part of a checklist whose items are answered once per row (*lô, mẫu, sản phẩm*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowGroup {
    /// Its code in the checklist.
    pub code: String,
    /// Every item's key, in the checklist's order, but those that are worked out.
    pub items: Vec<String>,
}

/// What the first change of a document holds, and what else its edits are checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// *Cơ sở*.
    Facility,
    /// *Kế hoạch kiểm tra*.
    Plan,
    /// *Cuộc kiểm tra*.
    Inspection {
        /// The checklist, pinned for life.
        template: TemplateId,
        /// The key of every item that is answered once, in the checklist's order.
        items: Vec<String>,
        /// Those of them that nobody answers, because they are worked out.
        calculated: Vec<String>,
        /// What is answered once per row. Rows are made later, so the first change is the same
        /// whatever stands here.
        groups: Vec<RowGroup>,
    },
    /// *Xem xét*.
    Review,
    /// *Theo dõi khắc phục*.
    Followup,
}

impl Shape {
    /// Returns the kind of document that has this shape.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Facility => Kind::Facility,
            Self::Plan => Kind::Plan,
            Self::Inspection { .. } => Kind::Inspection,
            Self::Review => Kind::Review,
            Self::Followup => Kind::Followup,
        }
    }

    /// Returns the item keys of an inspection; none for other kinds.
    #[must_use]
    pub fn items(&self) -> &[String] {
        match self {
            Self::Inspection { items, .. } => items,
            _ => &[],
        }
    }

    /// Returns whether the item exists and is answered once.
    #[must_use]
    pub fn has_item(&self, item: &str) -> bool {
        self.items().iter().any(|known| known == item)
    }

    /// Returns the items of an inspection that somebody is to answer, rows not counted.
    pub fn answerable(&self) -> impl Iterator<Item = &String> {
        let calculated = match self {
            Self::Inspection { calculated, .. } => calculated.as_slice(),
            _ => &[],
        };
        self.items().iter().filter(move |item| !calculated.contains(item))
    }

    /// Returns what an inspection answers once per row; none for other kinds.
    #[must_use]
    pub fn groups(&self) -> &[RowGroup] {
        match self {
            Self::Inspection { groups, .. } => groups,
            _ => &[],
        }
    }

    /// Returns the group with a code.
    #[must_use]
    pub fn group(&self, code: &str) -> Option<&RowGroup> {
        self.groups().iter().find(|group| group.code == code)
    }

    /// Returns whether the item exists, answered once or once per row.
    #[must_use]
    pub fn knows_item(&self, item: &str) -> bool {
        self.has_item(item)
            || self.groups().iter().any(|group| group.items.iter().any(|known| known == item))
    }
}

/// Maps of registers that the first change of a kind and schema makes.
fn registers(kind: Kind, schema: u32) -> &'static [&'static str] {
    match (kind, schema) {
        (Kind::Facility, _) => &["fields", "products", "certificates"],
        (Kind::Plan, _) => &["fields", "facilities", "team", "templates"],
        // Schema 0 knew no photos.
        (Kind::Inspection, 0) => &["header", "answers", "samples", "lifecycle"],
        (Kind::Inspection, _) => &["header", "answers", "samples", "evidence", "lifecycle"],
        (Kind::Review, _) => &["fields", "comments", "done", "requests", "answered", "replies"],
        (Kind::Followup, _) => &["fields", "actions", "progress"],
    }
}

/// Maps of rows that the first change makes: each row is a map that one actor made under a random
/// key.
fn rows(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Inspection => &["findings"],
        _ => &[],
    }
}

/// Maps of registers that the addition of schema 2 makes in an inspection.
const ADDED_REGISTERS: [&str; 2] = ["difficulties", "handovers"];

/// Maps of rows that the addition of schema 2 makes in an inspection.
const ADDED_ROWS: [&str; 2] = ["rows", "loose_notes"];

/// Texts that everybody may edit at once.
fn texts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Facility | Kind::Plan | Kind::Followup => &["notes"],
        Kind::Inspection => &["facility_opinion", "other_opinions", "conclusion"],
        Kind::Review => &[],
    }
}

/// Where the containers of a document are.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The schema the document is at.
    pub(crate) schema: u32,
    /// The computed first change.
    pub(crate) first: ChangeHash,
    /// Maps of registers, by name.
    pub(crate) registers: BTreeMap<&'static str, ObjId>,
    /// Maps of rows, by name.
    pub(crate) rows: BTreeMap<&'static str, ObjId>,
    /// Texts by name.
    pub(crate) texts: BTreeMap<&'static str, ObjId>,
    /// The text of each item's note.
    pub(crate) notes: BTreeMap<String, ObjId>,
    /// The map that these stand in; none for kinds without notes of items.
    pub(crate) notes_map: Option<ObjId>,
}

/// The computed changes of a shape.
#[derive(Debug)]
pub(crate) struct Computed {
    /// A document that holds the first change alone.
    pub(crate) born: Automerge,
    /// Where its containers are.
    pub(crate) layout: Layout,
    /// What a newer schema adds; none where there is nothing to add.
    pub(crate) addition: Option<Addition>,
}

/// A computed change on top of the first one.
#[derive(Debug)]
pub(crate) struct Addition {
    /// The change.
    pub(crate) change: Change,
    /// Its hash.
    pub(crate) hash: ChangeHash,
    /// Where all containers are once it is held.
    pub(crate) layout: Layout,
}

impl Computed {
    /// Computes the changes of a shape that was born with a schema: `BORN`, or the older 0, which
    /// nothing was ever added to.
    pub(crate) fn of(shape: &Shape, schema: u32) -> Self {
        let (born, layout) = first_change(shape, schema);
        let adds = schema == BORN && newest(shape.kind()) > BORN;
        let addition = adds.then(|| addition(&born, &layout));
        Self { born, layout, addition }
    }
}

/// Makes a document that holds only the first change of a shape at a schema.
pub(crate) fn first_change(shape: &Shape, schema: u32) -> (Automerge, Layout) {
    let mut doc = Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint);
    doc.set_actor(ActorId::from(FIRST_ACTOR));
    let layout = build(&mut doc, shape, schema)
        .expect("maps and texts can always be made in an empty document");
    (doc, layout)
}

fn build(doc: &mut Automerge, shape: &Shape, schema: u32) -> Result<Layout, AutomergeError> {
    let kind = shape.kind();
    let mut layout = Layout {
        schema,
        first: ChangeHash([0; 32]),
        registers: BTreeMap::new(),
        rows: BTreeMap::new(),
        texts: BTreeMap::new(),
        notes: BTreeMap::new(),
        notes_map: None,
    };
    let mut tx = doc.transaction();
    tx.put(ROOT, "schema", i64::from(schema))?;
    tx.put(ROOT, "kind", kind.name())?;
    if let Shape::Inspection { template, .. } = shape {
        tx.put(ROOT, "template", template.to_string())?;
    }
    for name in registers(kind, schema) {
        layout.registers.insert(name, tx.put_object(ROOT, *name, ObjType::Map)?);
    }
    for name in rows(kind) {
        layout.rows.insert(name, tx.put_object(ROOT, *name, ObjType::Map)?);
    }
    for name in texts(kind) {
        layout.texts.insert(name, tx.put_object(ROOT, *name, ObjType::Text)?);
    }
    if kind == Kind::Inspection {
        let notes = tx.put_object(ROOT, "notes", ObjType::Map)?;
        for item in shape.items() {
            let text = tx.put_object(&notes, item.as_str(), ObjType::Text)?;
            layout.notes.insert(item.clone(), text);
        }
        layout.notes_map = Some(notes);
    }
    layout.first = commit(tx);
    Ok(layout)
}

/// Computes what [`SCHEMA`] adds to an inspection that holds its first change.
fn addition(born: &Automerge, layout: &Layout) -> Addition {
    let mut doc = born.clone();
    let mut layout = Layout { schema: SCHEMA, ..layout.clone() };
    let hash = add(&mut doc, &mut layout)
        .expect("maps can always be made in a document that holds its first change alone");
    let change = doc
        .get_change_by_hash(&automerge::ChangeHash(hash.0))
        .expect("the change was committed just now");
    Addition { change, hash, layout }
}

fn add(doc: &mut Automerge, layout: &mut Layout) -> Result<ChangeHash, AutomergeError> {
    let mut tx = doc.transaction();
    tx.put(ROOT, "schema", i64::from(SCHEMA))?;
    for name in ADDED_REGISTERS {
        layout.registers.insert(name, tx.put_object(ROOT, name, ObjType::Map)?);
    }
    for name in ADDED_ROWS {
        layout.rows.insert(name, tx.put_object(ROOT, name, ObjType::Map)?);
    }
    Ok(commit(tx))
}

fn commit(tx: Transaction<'_>) -> ChangeHash {
    let (hash, _) = tx.commit_with(CommitOptions::default().with_time(0));
    hash.map(|hash| ChangeHash(hash.0))
        .expect("a computed change puts the schema, so it is never empty")
}
