//! What a check found, in the words of a person.

use bienban_core::model::Timestamp;
use bienban_core::replica::{Checked, Continued, Fault, Known, Right, Sealing, Standing, Written};

use crate::cli::output::Page;
use crate::cli::{page, time};
use crate::messages::Messages;

/// Changes beside the record that are named one by one; the JSON names all.
const BESIDE_SHOWN_MAX: usize = 20;

fn at(moment: Timestamp) -> String {
    time::minute(&time::rfc3339(moment))
}

fn short(id: impl std::fmt::Display) -> String {
    id.to_string().chars().take(page::SHORT).collect()
}

/// Returns the name of a fault for programs, and what it says.
pub(super) fn fault(fault: &Fault, m: &Messages) -> (&'static str, String) {
    match fault {
        Fault::Maker { device } => {
            ("maker", m.text("proof.fault.maker", &[("device", &short(device))]))
        }
        Fault::PackUnread { .. }
        | Fault::PackElsewhere { .. }
        | Fault::PackUnsigned { .. }
        | Fault::PackBroken { .. } => of_pack(fault, m),
        Fault::Checklist { wanted } => {
            ("checklist", m.text("proof.fault.checklist", &[("id", &short(wanted))]))
        }
        Fault::Heads { change } => {
            ("heads", m.text("proof.fault.heads", &[("change", &short(change))]))
        }
        Fault::Rebuild { reason } => {
            ("rebuild", m.text("proof.fault.rebuild", &[("reason", reason)]))
        }
        Fault::Readable { place } => {
            let place = if place.is_empty() { "/" } else { place.as_str() };
            ("readable", m.text("proof.fault.readable", &[("place", place)]))
        }
        Fault::NoHub => ("no_hub", m.text("proof.fault.no_hub", &[])),
        Fault::OtherHub { given, found } => {
            let (given, found) = (given.to_string(), found.to_string());
            let values = [("given", given.as_str()), ("found", found.as_str())];
            ("other_hub", m.text("proof.fault.other_hub", &values))
        }
        Fault::ControlUnread { .. }
        | Fault::ControlUnsigned { .. }
        | Fault::ControlBroken { .. }
        | Fault::ControlStrange { .. }
        | Fault::NotAllowed { .. } => of_rights(fault, m),
        Fault::ReceiptUnsigned { place } => {
            let place = place.to_string();
            ("receipt_unsigned", m.text("proof.fault.receipt_unsigned", &[("place", &place)]))
        }
        Fault::ReceiptElse { place, device, seq } => {
            let (place, seq, device) = (place.to_string(), seq.to_string(), short(device));
            let values = [("place", place.as_str()), ("seq", &seq), ("device", &device)];
            ("receipt_else", m.text("proof.fault.receipt_else", &values))
        }
        Fault::Seal { place, reason } => {
            let place = place.to_string();
            ("seal", m.text("proof.fault.seal", &[("place", &place), ("reason", reason)]))
        }
        Fault::NotAsSealed { seal } => {
            ("not_as_sealed", m.text("proof.fault.not_as_sealed", &[("seal", &seal.short())]))
        }
        Fault::SealMissing { seal } => {
            ("seal_missing", m.text("proof.fault.seal_missing", &[("seal", &seal.short())]))
        }
        other => of_log(other, m),
    }
}

fn of_pack(fault: &Fault, m: &Messages) -> (&'static str, String) {
    match fault {
        Fault::PackUnread { place, reason } => {
            let place = place.to_string();
            let values = [("place", place.as_str()), ("reason", reason)];
            ("pack_unread", m.text("proof.fault.pack_unread", &values))
        }
        Fault::PackElsewhere { place, document } => {
            let (place, document) = (place.to_string(), short(document));
            let values = [("place", place.as_str()), ("document", document.as_str())];
            ("pack_elsewhere", m.text("proof.fault.pack_elsewhere", &values))
        }
        Fault::PackUnsigned { place, device } => {
            let (place, device) = (place.to_string(), short(device));
            let values = [("place", place.as_str()), ("device", device.as_str())];
            ("pack_unsigned", m.text("proof.fault.pack_unsigned", &values))
        }
        Fault::PackBroken { place, device, seq } => {
            let (place, device, seq) = (place.to_string(), short(device), seq.to_string());
            let values = [("place", place.as_str()), ("device", &device), ("seq", &seq)];
            ("pack_broken", m.text("proof.fault.pack_broken", &values))
        }
        other => ("other", other.to_string()),
    }
}

fn of_rights(fault: &Fault, m: &Messages) -> (&'static str, String) {
    match fault {
        Fault::ControlUnread { place, reason } => {
            let place = place.to_string();
            let values = [("place", place.as_str()), ("reason", reason)];
            ("control_unread", m.text("proof.fault.control_unread", &values))
        }
        Fault::ControlUnsigned { scope, number } => {
            let (unit, number) = (scope.to_string(), number.to_string());
            let values = [("unit", unit.as_str()), ("number", number.as_str())];
            ("control_unsigned", m.text("proof.fault.control_unsigned", &values))
        }
        Fault::ControlBroken { scope, number } => {
            let (unit, number) = (scope.to_string(), number.to_string());
            let values = [("unit", unit.as_str()), ("number", number.as_str())];
            ("control_broken", m.text("proof.fault.control_broken", &values))
        }
        Fault::ControlStrange { scope, number } => {
            let (unit, number) = (scope.to_string(), number.to_string());
            let values = [("unit", unit.as_str()), ("number", number.as_str())];
            ("control_strange", m.text("proof.fault.control_strange", &values))
        }
        Fault::NotAllowed { device, seq, at: taken, .. } => {
            let (device, seq) = (short(device), seq.to_string());
            let mut values = vec![("device", device.as_str()), ("seq", seq.as_str())];
            let taken = taken.map(at);
            let said = match &taken {
                Some(taken) => {
                    values.push(("time", taken));
                    m.text("proof.fault.not_allowed", &values)
                }
                None => m.text("proof.fault.not_allowed_here", &values),
            };
            ("not_allowed", said)
        }
        other => ("other", other.to_string()),
    }
}

fn of_log(fault: &Fault, m: &Messages) -> (&'static str, String) {
    match fault {
        Fault::HeadUnsigned { size } => {
            ("head_unsigned", m.text("proof.fault.head_unsigned", &[("size", &size.to_string())]))
        }
        Fault::NotIncluded { index, size } => {
            let (index, size) = (index.to_string(), size.to_string());
            let values = [("index", index.as_str()), ("size", size.as_str())];
            ("not_included", m.text("proof.fault.not_included", &values))
        }
        Fault::LeafElse { index } => {
            ("leaf_else", m.text("proof.fault.leaf_else", &[("index", &index.to_string())]))
        }
        Fault::NotGrown { size, newest } => {
            let (size, newest) = (size.to_string(), newest.to_string());
            let values = [("size", size.as_str()), ("newest", newest.as_str())];
            ("not_grown", m.text("proof.fault.not_grown", &values))
        }
        Fault::WitnessUnsigned { size } => {
            let size = size.to_string();
            ("witness_unsigned", m.text("proof.fault.witness_unsigned", &[("size", &size)]))
        }
        Fault::WitnessContradicts { size, at: signed } => {
            let (size, time) = (size.to_string(), at(*signed));
            let values = [("size", size.as_str()), ("time", time.as_str())];
            ("witness_contradicts", m.text("proof.fault.witness_contradicts", &values))
        }
        other => ("other", other.to_string()),
    }
}

/// Says of each head that the file cannot be compared with what is missing, and what to do.
pub(super) fn not_compared(checked: &Checked, m: &Messages) -> Vec<String> {
    let each = checked.not_compared().map(|(witness, said)| {
        let (size, time) = (witness.head.size.to_string(), at(witness.head.at));
        if *said == Continued::OtherHub {
            let (key, own) = (witness.hub.to_string(), checked.hub);
            let own = own.map_or_else(|| "–".to_owned(), |own| own.to_string());
            let values = [("size", size.as_str()), ("time", &time), ("key", &key), ("own", &own)];
            return m.text("proof.head_of_other_hub", &values);
        }
        m.text("proof.head_not_carried", &[("size", &size), ("time", &time)])
    });
    each.collect()
}

/// Returns what the file proves. Nothing where it is not valid: half a proof is read as a whole one.
pub(super) fn proved(checked: &Checked, m: &Messages) -> Vec<String> {
    if !checked.holds() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for written in &checked.written {
        lines.push(who(written, m));
        lines.extend(when(written, m));
        lines.extend(right(written, m));
    }
    lines.push(m.text("proof.unchanged", &[]));
    lines.extend(checked.seals.iter().map(|seal| sealed(seal, m)));
    for (witness, said) in &checked.witnesses {
        if *said == Continued::Shown {
            let (size, time) = (witness.head.size.to_string(), at(witness.head.at));
            lines.push(m.text("proof.witnessed", &[("size", &size), ("time", &time)]));
        }
    }
    lines
}

fn sealed(sealing: &Sealing, m: &Messages) -> String {
    let (seal, leader) = (sealing.id.short(), short(sealing.leader));
    let mut values = vec![("seal", seal.as_str()), ("device", leader.as_str())];
    match &sealing.standing {
        Standing::Registered { official, at: entered } => {
            let time = at(*entered);
            values.extend([("number", official.as_deref().unwrap_or("–")), ("time", &time)]);
            m.text("proof.registered", &values)
        }
        Standing::Rival => m.text("proof.rival", &values),
        Standing::Unregistered => m.text("proof.unregistered", &values),
        Standing::Broken { reason } => {
            values.push(("reason", reason));
            m.text("proof.broken", &values)
        }
    }
}

fn who(written: &Written, m: &Messages) -> String {
    let (count, device) = (written.changes.to_string(), short(written.device));
    match &written.holder {
        Some(holder) => {
            let values = [
                ("count", count.as_str()),
                ("device", &device),
                ("name", &holder.name),
                ("agency", &holder.agency),
            ];
            m.text("proof.wrote", &values)
        }
        None => m.text("proof.wrote_unnamed", &[("count", &count), ("device", &device)]),
    }
}

fn when(written: &Written, m: &Messages) -> Option<String> {
    let point = written.at_hub()?;
    let device = short(written.device);
    let (count, time, all) = (point.seq.to_string(), at(point.at), written.changes.to_string());
    let values = [("device", device.as_str()), ("count", &count), ("all", &all), ("time", &time)];
    Some(if written.in_log() >= point.seq {
        m.text("proof.in_log", &values)
    } else {
        m.text("proof.by_receipt", &values)
    })
}

fn right(written: &Written, m: &Messages) -> Option<String> {
    let device = short(written.device);
    match written.right {
        Right::Then => Some(m.text("proof.right_then", &[("device", &device)])),
        Right::Later { at: entered } => {
            let time = at(entered);
            Some(m.text("proof.right_later", &[("device", &device), ("time", &time)]))
        }
        Right::Newest => Some(m.text("proof.right_newest", &[("device", &device)])),
        Right::Unknown | Right::None => None,
    }
}

/// Returns what the file holds and does not prove.
pub(super) fn claimed(checked: &Checked, m: &Messages) -> Vec<String> {
    let mut lines = vec![m.text("proof.claim_time", &[]), m.text("proof.claim_person", &[])];
    let maker = (short(checked.maker.device), at(checked.record.about.at));
    lines.push(m.text("proof.claim_made", &[("device", &maker.0), ("time", &maker.1)]));
    if !checked.looked_at_hub() {
        lines.push(m.text("proof.not_looked_at", &[]));
        return lines;
    }
    let away: Vec<String> = checked
        .written
        .iter()
        .filter(|written| written.in_log() < written.changes)
        .map(|written| short(written.device))
        .collect();
    if !away.is_empty() {
        lines.push(m.text("proof.not_included", &[("devices", &away.join(", "))]));
    }
    if checked.hub.is_none() {
        lines.push(m.text("proof.no_rights", &[]));
    }
    lines
}

/// Returns what would need somebody else's word.
pub(super) fn needs(checked: &Checked, known: &Known, m: &Messages) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(hub) = checked.hub.filter(|_| known.hub.is_none()) {
        lines.push(m.text("proof.need_key", &[("key", &hub.to_string())]));
    }
    if let Some(hub) = checked.hub.filter(|_| checked.older_keys > 0) {
        lines.push(m.text("proof.need_old_key", &[("key", &hub.to_string())]));
    }
    let shown = checked.witnesses.iter().any(|(_, said)| *said == Continued::Shown);
    if !shown {
        lines.push(m.text("proof.need_witness", &[]));
    }
    lines.push(m.text("proof.need_later", &[]));
    lines
}

/// Lists what is in the file and not in the record.
pub(super) fn beside(checked: &Checked, page: &mut Page, m: &Messages) {
    if checked.beside.is_empty() {
        return;
    }
    let count = checked.beside.len().to_string();
    page.line(m.text("proof.beside", &[("count", &count)]));
    for one in checked.beside.iter().take(BESIDE_SHOWN_MAX) {
        let (device, seq) = (short(one.device), one.seq.to_string());
        let (change, time) = (short(one.change), at(one.claimed));
        let values =
            [("device", device.as_str()), ("seq", &seq), ("change", &change), ("time", &time)];
        page.line(format!("  - {}", m.text("proof.beside_one", &values)));
    }
}
