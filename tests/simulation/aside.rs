//! What the hub keeps aside, read as a supervisor reads it.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::OpType;
use automerge::{Change, ScalarValue};
use bienban_core::model::{Actor, DeviceId, DocumentId};
use bienban_core::replica::Hub;
use bienban_core::sync::{
    AsideEntry, AsideName, Pack, QuarantineAnswer, QuarantineFilter, QuarantineRequest,
};

use crate::node;
use crate::world::SUPERVISOR;

/// What lies in the packs that are kept aside.
#[derive(Default)]
pub(crate) struct Aside {
    changes: BTreeSet<(DocumentId, Actor, u64)>,
    /// Who signed something of a document that is there.
    signers: BTreeSet<(DocumentId, DeviceId)>,
    /// All texts and letters that were written, in a row.
    letters: BTreeMap<DocumentId, String>,
}

impl Aside {
    /// Reads everything that is kept aside; nothing where the hub knows no supervisor.
    pub(crate) fn of(hub: &Hub) -> Result<Self, String> {
        let mut aside = Self::default();
        for entry in entries(hub)? {
            // What was damaged on its way is no pack.
            let Ok(pack) = Pack::decode(&bytes(hub, &entry.name)?) else { continue };
            let document = pack.document();
            aside.signers.insert((document, pack.device()));
            for seq in pack.first_seq()..=pack.last_seq() {
                aside.changes.insert((document, pack.actor(), seq));
            }
            let letters = aside.letters.entry(document).or_default();
            for change in pack.changes() {
                let change = Change::from_bytes(change.bytes().to_vec());
                for op in change.map_err(|error| error.to_string())?.decode().operations {
                    if let OpType::Put(ScalarValue::Str(text)) = op.action {
                        letters.push_str(&text);
                    }
                }
            }
        }
        Ok(aside)
    }

    /// Returns whether a change is there.
    pub(crate) fn has(&self, document: DocumentId, actor: Actor, seq: u64) -> bool {
        self.changes.contains(&(document, actor, seq))
    }

    /// Returns whether something of a document is there that one of these devices signed.
    pub(crate) fn has_of<'a>(
        &self,
        document: DocumentId,
        mut devices: impl Iterator<Item = &'a DeviceId>,
    ) -> bool {
        devices.any(|device| self.signers.contains(&(document, *device)))
    }

    /// Returns whether what somebody typed is there.
    pub(crate) fn says(&self, document: DocumentId, token: &str) -> bool {
        let Some(letters) = self.letters.get(&document) else { return false };
        // `phone-1e12` does not say `phone-1e1`.
        let is_whole =
            |at: usize| !letters[at + token.len()..].starts_with(|c: char| c.is_ascii_digit());
        letters.match_indices(token).any(|(at, _)| is_whole(at))
    }
}

/// Returns the names of all that the hub shows a supervisor.
pub(crate) fn entries(hub: &Hub) -> Result<Vec<AsideEntry>, String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let which = QuarantineFilter::default();
        let asked = ask(hub, &QuarantineRequest::Page { which, after })?;
        let Some(QuarantineAnswer::Page { entries, next }) = asked else { return Ok(all) };
        all.extend(entries);
        after = next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn bytes(hub: &Hub, name: &AsideName) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    loop {
        let request = QuarantineRequest::Bytes { name: *name, from: all.len() as u64 };
        match ask(hub, &request)? {
            Some(QuarantineAnswer::Bytes { bytes, total }) if !bytes.is_empty() => {
                all.extend(bytes);
                if all.len() as u64 >= total {
                    return Ok(all);
                }
            }
            _ => return Ok(all),
        }
    }
}

/// Asks as the supervisor whom the hub knows, if any.
fn ask(hub: &Hub, request: &QuarantineRequest) -> Result<Option<QuarantineAnswer>, String> {
    let known = hub.replica().device(node::key(SUPERVISOR).device());
    let Some(known) = known.map_err(|error| error.to_string())? else { return Ok(None) };
    hub.show_aside(request, &known).map(Some).map_err(|error| error.to_string())
}
