//! What every document of one shape holds from birth: its computed first change.
//!
//! Every map and text that two people could share is made here, by a fixed actor at time 0, so it
//! is the same object on every replica. Nothing else may create a container under a shared key:
//! Automerge would keep one and hide the content of the other. Containers are later found by the
//! identity they got here, not by the path that leads to them, so nobody can hide what they hold by
//! writing over that path.

use std::collections::BTreeMap;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, AutomergeError, ObjId, ObjType, ROOT, TextEncoding};

use super::ids::{ChangeHash, Kind, TemplateId};

/// The schema that new documents are born with. A document keeps the schema it was born with.
pub const SCHEMA: u32 = 1;

/// The actor of every first change. No device may write under it.
pub const FIRST_ACTOR: [u8; 16] = [0; 16];

/// What the first change of a document holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// *Cơ sở*.
    Facility,
    /// *Kế hoạch kiểm tra*.
    Plan,
    /// *Cuộc kiểm tra*.
    Inspection {
        /// The checklist, pinned for life.
        template: TemplateId,
        /// Every item's key, in the checklist's order.
        items: Vec<String>,
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

    /// Returns whether the item exists.
    #[must_use]
    pub fn has_item(&self, item: &str) -> bool {
        self.items().iter().any(|known| known == item)
    }
}

/// Maps of registers, for each kind and schema.
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

/// Maps of rows: each row is a map that one actor made under a random key.
fn rows(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Inspection => &["findings"],
        _ => &[],
    }
}

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
    /// The schema the document was born with.
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
    }
    let (hash, _) = tx.commit_with(CommitOptions::default().with_time(0));
    layout.first = hash
        .map(|hash| ChangeHash(hash.0))
        .expect("the first change puts the schema, so it is never empty");
    Ok(layout)
}
