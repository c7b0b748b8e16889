//! From the packs of an exported record to lines, and from these to the document.

use std::collections::BTreeMap;

use super::Fault;
use crate::checklist::Template;
use crate::model::{
    Actor, ChangeHash, DeviceId, Document, Genesis, Kind, RawChange, Shape, TemplateId,
};
use crate::sync::Pack;
use crate::trust::proof::ExportedRecord;

/// All changes of one actor, each signed for.
pub(super) struct Line {
    pub(super) device: DeviceId,
    pub(super) actor: Actor,
    pub(super) changes: Vec<RawChange>,
}

impl Line {
    /// Returns the change at a place, from 1.
    pub(super) fn at(&self, seq: u64) -> Option<ChangeHash> {
        let place = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.changes.get(place).map(|change| change.facts().hash)
    }

    /// Returns how many changes there are.
    pub(super) fn length(&self) -> u64 {
        self.changes.len() as u64
    }
}

/// Reads the packs, checks each signature, and joins them to lines, in the order of actors. What does not
/// hold enters no line.
pub(super) fn lines_of(record: &ExportedRecord, faults: &mut Vec<Fault>) -> Vec<Line> {
    let document = record.genesis.document();
    let mut lines: BTreeMap<Actor, Line> = BTreeMap::new();
    for (place, bytes) in (1..).zip(&record.packs) {
        let pack = match Pack::decode(bytes) {
            Ok(pack) => pack,
            Err(error) => {
                faults.push(Fault::PackUnread { place, reason: error.to_string() });
                continue;
            }
        };
        if pack.document() != document {
            faults.push(Fault::PackElsewhere { place, document: pack.document() });
            continue;
        }
        let (device, actor) = (pack.device(), pack.actor());
        if pack.verify().is_err() {
            faults.push(Fault::PackUnsigned { place, device });
            continue;
        }
        let line =
            lines.entry(actor).or_insert_with(|| Line { device, actor, changes: Vec::new() });
        if let Err(seq) = join(line, pack) {
            faults.push(Fault::PackBroken { place, device, seq });
        }
    }
    lines.into_values().filter(|line| !line.changes.is_empty()).collect()
}

/// Adds a pack's changes; returns the place of the first that does not fit. The hash of the line, which the
/// pack's device signed, says of each change before the pack what it must be.
fn join(line: &mut Line, pack: Pack) -> Result<(), u64> {
    let first = pack.first_seq();
    if first > line.length() + 1 {
        return Err(first);
    }
    let before = line.changes.iter().take(usize::try_from(first - 1).unwrap_or(usize::MAX));
    let tip = before.fold(None, |tip: Option<crate::trust::Tip>, change| {
        Some(crate::trust::Tip::after(tip.as_ref(), change.facts().hash))
    });
    if tip.as_ref() != pack.previous() {
        return Err(first);
    }
    let held = line.length();
    for change in pack.into_changes() {
        let seq = change.facts().seq;
        if seq > held {
            line.changes.push(change);
        } else if line.at(seq) != Some(change.facts().hash) {
            return Err(seq);
        }
    }
    Ok(())
}

/// Returns the checklist in the file, if it is the one that the document is filled by.
pub(super) fn checklist_of(record: &ExportedRecord, faults: &mut Vec<Fault>) -> Option<Template> {
    let wanted = record.genesis.template?;
    let read = record.checklist.as_ref().and_then(|bytes| Template::parse(bytes).ok());
    let read = read.filter(|read| read.id() == wanted);
    if read.is_none() {
        faults.push(Fault::Checklist { wanted });
    }
    read
}

/// Returns the shape of a document's first change.
fn shape_of(genesis: &Genesis, checklist: Option<&Template>) -> Option<Shape> {
    Some(match genesis.kind {
        Kind::Facility => Shape::Facility,
        Kind::Plan => Shape::Plan,
        Kind::Review => Shape::Review,
        Kind::Followup => Shape::Followup,
        Kind::Inspection => checklist?.shape(),
    })
}

/// A document made anew from signed changes alone.
pub(super) struct Rebuilt {
    /// As it is at the heads that the file names.
    pub(super) sealed: Document,
    /// With all that the file holds.
    pub(super) all: Document,
}

/// Makes the document anew, as a phone does that opens it, and goes to the heads that the file names.
pub(super) fn rebuild(
    record: &ExportedRecord,
    checklist: Option<&Template>,
    lines: &[Line],
    faults: &mut Vec<Fault>,
) -> Option<Rebuilt> {
    let Some(shape) = shape_of(&record.genesis, checklist) else {
        if record.genesis.template.is_none() {
            faults.push(Fault::Checklist { wanted: TemplateId([0; 32]) });
        }
        return None;
    };
    let mut all = Document::create(&record.genesis, &shape);
    let changes: Vec<RawChange> =
        lines.iter().flat_map(|line| line.changes.iter().cloned()).collect();
    // As foreign changes: nothing in the file is to be trusted not to break Automerge.
    all.apply(&changes);
    if let Some(missing) = record.about.heads.iter().find(|head| !all.has(head)) {
        faults.push(Fault::Heads { change: *missing });
        return None;
    }
    match all.at(&record.about.heads) {
        Ok(sealed) => Some(Rebuilt { sealed, all }),
        Err(error) => {
            faults.push(Fault::Rebuild { reason: error.to_string() });
            None
        }
    }
}

/// Compares the readable record with what the signed changes give.
pub(super) fn compare(record: &ExportedRecord, rebuilt: &Document, faults: &mut Vec<Fault>) {
    let given = rebuilt.view().record();
    if given.bytes() == record.readable {
        return;
    }
    let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    let place = match (read(&record.readable), read(given.bytes())) {
        (Some(found), Some(given)) => difference(&found, &given).unwrap_or_default(),
        _ => String::new(),
    };
    faults.push(Fault::Readable { place });
}

/// Returns where two values first differ: the keys on the way.
fn difference(one: &serde_json::Value, two: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    let within = |key: &str, deeper: String| match deeper.as_str() {
        "" => key.to_owned(),
        deeper => format!("{key}/{deeper}"),
    };
    match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            let keys = one.keys().chain(two.keys().filter(|key| !one.contains_key(*key)));
            keys.into_iter().find_map(|key| match (one.get(key), two.get(key)) {
                (Some(one), Some(two)) => difference(one, two).map(|deeper| within(key, deeper)),
                _ => Some(key.clone()),
            })
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            one.iter().zip(two).enumerate().find_map(|(place, (one, two))| {
                difference(one, two).map(|deeper| within(&place.to_string(), deeper))
            })
        }
        _ if one == two => None,
        _ => Some(String::new()),
    }
}
