//! What must hold at the end: everything that was acknowledged is in the record, once, and all hold the same.

use std::collections::BTreeMap;

use bienban_core::model::{Document, DocumentId};
use bienban_core::store::Store;

use super::person::Life;
use super::stage::{Stage, row_bytes};
use crate::scene::{self, Record};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Acknowledged and not in the hub's record.
    pub(super) lost: Vec<String>,
    /// In it more than once.
    pub(super) twice: Vec<String>,
    /// Phones that hold another record than the hub, or something that is nowhere else.
    pub(super) different: Vec<String>,
    /// What stores say of themselves.
    pub(super) problems: Vec<String>,
    /// Bytes of the rows in the hub's index.
    pub(super) rows: u64,
}

/// Stops the hub and looks at everything.
pub(super) fn judge(stage: &mut Stage, lives: &[Life]) -> Judged {
    let dir = stage.close_hub();
    let hub = scene::open_hub(&dir);
    let mut found = Judged { rows: row_bytes(&**hub.replica().store()), ..Judged::default() };
    found.verify("hub", &**hub.replica().store());
    let mut records: BTreeMap<DocumentId, (Document, Record)> = BTreeMap::new();
    for seat in &stage.seats {
        let id = seat.inspection.document();
        let (document, record) = records.entry(id).or_insert_with(|| {
            let document = hub.replica().load(id).unwrap();
            let record = Record::of(&document);
            (document, record)
        });
        let life = lives.iter().find(|life| life.number == seat.number);
        for typed in life.into_iter().flat_map(|life| &life.told) {
            match record.count(typed) {
                0 => found.lost.push(format!("{typed:?}")),
                1 => {}
                _ => found.twice.push(format!("{typed:?}")),
            }
        }
        found.compare(seat.number, &scene::open_phone(&seat.dir), document);
    }
    found
}

impl Judged {
    fn verify(&mut self, name: &str, store: &dyn Store) {
        match store.verify() {
            Ok(verified) => {
                self.problems.extend(verified.problems.iter().map(|what| format!("{name}: {what}")))
            }
            Err(error) => self.problems.push(format!("{name}: {error}")),
        }
    }

    fn compare(&mut self, number: usize, client: &bienban_core::client::Client, at_hub: &Document) {
        let name = format!("phone {number}");
        let replica = client.phone().replica();
        self.verify(&name, &**replica.store());
        match replica.load(at_hub.genesis().document()) {
            Ok(here) => {
                let same = here.heads() == at_hub.heads()
                    && here.view().record().digest() == at_hub.view().record().digest();
                if !same {
                    self.different.push(format!("{name} holds another record"));
                }
            }
            Err(error) => self.different.push(format!("{name}: {error}")),
        }
        match client.phone().only_here() {
            Ok(left) if left.is_empty() => {}
            Ok(left) => self
                .different
                .push(format!("{name} holds {} things that are only there", left.len())),
            Err(error) => self.different.push(format!("{name}: {error}")),
        }
    }
}
