//! Checking an exported record with nothing but the file: who wrote what, by which right, by when the hub
//! had it, and that nothing was changed since. And making one from what a device holds.
//!
//! Pure. [`check`] is total: any bytes are answered with [`Checked`] or [`ProofError`]. What the file cannot
//! prove by itself is said in `docs/exported-record.md`.

mod export;
mod fault;
mod lines;
mod log;
mod rights;
mod seals;

pub use export::{Gathered, KeptHead};
pub use fault::Fault;

use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, Kind, PersonId, Scope, TemplateId, Timestamp,
};
use crate::trust::control::Link;
use crate::trust::log::TreeHead;
use crate::trust::proof::{ExportedRecord, Maker, ProofError, WitnessHead};
use crate::trust::seal::SealId;

use lines::{Line, Rebuilt};
use log::Words;
use rights::Rights;

/// What whoever checks knows already, and the file need not be believed on.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The hub's key.
    pub hub: Option<DeviceId>,
    /// Heads of the hub's log that others were shown.
    pub witnesses: Vec<WitnessHead>,
    /// Announcements of its keys. A file of before a key was replaced holds none.
    pub links: Vec<Link>,
}

/// Whose a device is, as a certificate in the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The person.
    pub person: PersonId,
    /// As shown to people.
    pub name: String,
    /// *Cơ quan*.
    pub agency: String,
}

/// How it is known that the hub had something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// By its receipt.
    Receipt,
    /// By a leaf of its log.
    Log,
}

/// The hub had the changes of a line up to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The last of them.
    pub seq: u64,
    /// By when, by the hub's clock.
    pub at: Timestamp,
    /// How that is known.
    pub told: Told,
}

/// By which right a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// It was in force when the hub took the changes in.
    Then,
    /// It was entered after the hub took them in; they were set aside until then.
    Later {
        /// When it was entered.
        at: Timestamp,
    },
    /// Not all of it is known to be at the hub; the newest decision in the file allows it.
    Newest,
    /// The file names no hub, so nobody's rights are known.
    Unknown,
    /// There was none; a fault says so.
    None,
}

/// What is known of one device's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The device: whoever holds its key wrote them.
    pub device: DeviceId,
    /// The line; it follows from device and document.
    pub actor: Actor,
    /// Whose the device is.
    pub holder: Option<Holder>,
    /// How many changes.
    pub changes: u64,
    /// When the first and the last were made, by the device's clock: a claim.
    pub claimed: Option<(Timestamp, Timestamp)>,
    /// By when the hub had how many of them; in order.
    pub points: Vec<Point>,
    /// By which right.
    pub right: Right,
}

impl Written {
    /// Returns how many changes the hub had, and by when it had all those.
    #[must_use]
    pub fn at_hub(&self) -> Option<Point> {
        let most = self.points.iter().map(|point| point.seq).max()?;
        self.points.iter().filter(|point| point.seq == most).min_by_key(|point| point.at).copied()
    }

    /// Returns how many changes are proved to be in the hub's log.
    #[must_use]
    pub fn in_log(&self) -> u64 {
        let logged = self.points.iter().filter(|point| point.told == Told::Log);
        logged.map(|point| point.seq).max().unwrap_or(0)
    }
}

/// A change that the file holds and the record does not: it came after or beside what the record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// Who wrote it.
    pub device: DeviceId,
    /// Its place in the line.
    pub seq: u64,
    /// The change.
    pub change: ChangeHash,
    /// When, by the device's clock: a claim.
    pub claimed: Timestamp,
}

/// What the control log says of a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is the one that counts.
    Registered {
        /// *Số biên bản*.
        official: Option<String>,
        /// When the hub entered it.
        at: Timestamp,
    },
    /// Another was entered before it: it is shown, and does not count.
    Rival,
    /// No entry in the file names a seal of this document.
    Unregistered,
    /// Its leader signed it, no hub has registered it, and it does not hold against the record. It counts for
    /// nothing, and is no fault of the record.
    Broken {
        /// What does not hold.
        reason: String,
    },
}

/// Sealed minutes in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealing {
    /// The seal.
    pub id: SealId,
    /// *Trưởng đoàn*: the device that signed.
    pub leader: DeviceId,
    /// When, by that device's clock: a claim.
    pub claimed: Timestamp,
    /// *Từ chối ký*: the facility did not sign, which somebody else confirmed.
    pub refused: bool,
    /// What counts.
    pub standing: Standing,
}

/// What the file says to a witness's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continued {
    /// The hub's log in the file continues it.
    Shown,
    /// Nothing in the file shows that.
    NotShown,
    /// The two cannot both be of one log.
    Contradicted,
    /// It is another hub's, by its signature: it says nothing of this one.
    OtherHub,
    /// Nobody's signature is under it that could be this hub's.
    Unsigned,
}

/// What was found in an exported record.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What is in the file.
    pub record: ExportedRecord,
    /// Who made the file.
    pub maker: Maker,
    /// The document.
    pub document: DocumentId,
    /// Its kind.
    pub kind: Kind,
    /// Its unit.
    pub scope: Scope,
    /// The checklist: name, code and edition.
    pub checklist: Option<(TemplateId, String, String)>,
    /// The digest of the record as the signed changes give it; nothing where they give none.
    pub digest: Option<[u8; 32]>,
    /// The hub's key that all was checked with.
    pub hub: Option<DeviceId>,
    /// Keys that were the hub's before that one.
    pub older_keys: usize,
    /// Decisions on rights that hold.
    pub decisions: u64,
    /// The sealed minutes.
    pub seals: Vec<Sealing>,
    /// Who wrote.
    pub written: Vec<Written>,
    /// What is in the file and not in the record.
    pub beside: Vec<Beside>,
    /// The newest head of the hub's log.
    pub head: Option<TreeHead>,
    /// What the file says to each witness; nothing where it is of another hub.
    pub witnesses: Vec<(WitnessHead, Continued)>,
    /// What does not hold.
    pub faults: Vec<Fault>,
}

impl Checked {
    /// Returns whether everything in the file holds. That is not all where it cannot be compared with a head
    /// that was given: see [`Self::is_valid`].
    #[must_use]
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }

    /// Returns whether what rests on a hub's key was looked at: not where the file is of another hub than the one
    /// that is known, or names none although it holds such things. Then nothing of that is known either way.
    #[must_use]
    pub fn looked_at_hub(&self) -> bool {
        let of_hub = |fault: &Fault| matches!(fault, Fault::OtherHub { .. } | Fault::NoHub);
        !self.faults.iter().any(of_hub)
    }

    /// Returns whether everything holds, and the file continues every head that was given.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.holds() && self.not_compared().next().is_none()
    }

    /// Returns the heads of witnesses with which the file cannot be compared, and why: since it carries no proof to
    /// them, so that it is open whether the hub has rewritten what they were shown, or since they are another hub's.
    pub fn not_compared(&self) -> impl Iterator<Item = &(WitnessHead, Continued)> {
        let open = [Continued::NotShown, Continued::OtherHub];
        self.witnesses.iter().filter(move |(_, said)| open.contains(said))
    }
}

/// Checks an exported record.
///
/// # Errors
///
/// Returns [`ProofError`] when the bytes are no exported record at all; everything else that is wrong is in
/// [`Checked::faults`].
pub fn check(bytes: &[u8], known: &Known) -> Result<Checked, ProofError> {
    let (record, maker) = ExportedRecord::decode(bytes)?;
    let mut faults = Vec::new();
    if !maker.signed {
        faults.push(Fault::Maker { device: maker.device });
    }
    let genesis = &record.genesis;
    let document = genesis.document();
    let lines = lines::lines_of(&record, &mut faults);
    let checklist = lines::checklist_of(&record, &mut faults);
    let rebuilt = lines::rebuild(&record, checklist.as_ref(), &lines, &mut faults);
    if let Some(Rebuilt { sealed, .. }) = &rebuilt {
        lines::compare(&record, sealed, &mut faults);
    }
    let hub = known.hub.or(record.about.hub);
    let mut of_rights = Vec::new();
    let rights = hub.map(|hub| Rights::of(hub, &known.links, &record.control, &mut of_rights));
    let keys = rights.as_ref().map(Rights::keys).unwrap_or_default();
    let strange = check_hub(&record, known, &keys);
    let is_other = matches!(strange, Some(Fault::OtherHub { .. }));
    // Nothing of one hub holds by the key of another, so that is told alone, and first.
    let rights = rights.filter(|_| !is_other);
    if is_other {
        faults.splice(0..0, strange);
    } else {
        faults.extend(of_rights);
        faults.extend(strange);
    }
    let points = vec![Vec::new(); lines.len()];
    let mut words = Words { keys: &keys, document, lines: &lines, points };
    let mut witnesses = Vec::new();
    if rights.is_some() {
        words.receipts(&record.receipts, &mut faults);
        words.pages(&record.proofs, &mut faults);
        words.growth(&record, &mut faults);
        for witness in &known.witnesses {
            let said = words.witness(&record, witness);
            faults.extend(fault_of(witness, said));
            witnesses.push((*witness, said));
        }
    }
    let points = words.points;
    let written = written(&record, &lines, points, rights.as_ref(), &mut faults);
    let all = rebuilt.as_ref().map(|rebuilt| &rebuilt.all);
    let seals = seals::check_seals(&record, all, rights.as_ref(), &mut faults);
    Ok(Checked {
        maker,
        document,
        kind: genesis.kind,
        scope: genesis.scope.clone(),
        checklist: checklist
            .map(|read| (read.id(), read.code().to_owned(), read.edition().to_owned())),
        digest: rebuilt.as_ref().map(|rebuilt| rebuilt.sealed.view().record().digest()),
        hub,
        older_keys: rights.as_ref().map_or(0, Rights::older_keys),
        decisions: rights.as_ref().map_or(0, Rights::count),
        seals,
        written,
        beside: rebuilt.as_ref().map(|rebuilt| beside(&lines, rebuilt)).unwrap_or_default(),
        head: record.proofs.last().map(|page| page.head),
        witnesses,
        faults,
        record,
    })
}

/// Compares the hub that the file names with the one that is known.
fn check_hub(record: &ExportedRecord, known: &Known, keys: &[DeviceId]) -> Option<Fault> {
    let signs = !record.control.is_empty()
        || !record.receipts.is_empty()
        || !record.proofs.is_empty()
        || !known.witnesses.is_empty();
    match (known.hub, record.about.hub) {
        (None, None) if signs => Some(Fault::NoHub),
        (Some(given), Some(found)) if !keys.contains(&found) => {
            Some(Fault::OtherHub { given, found })
        }
        _ => None,
    }
}

fn fault_of(witness: &WitnessHead, said: Continued) -> Option<Fault> {
    let (size, at) = (witness.head.size, witness.head.at);
    match said {
        // That the file does not carry the proof says nothing against what it does carry.
        Continued::Shown | Continued::NotShown | Continued::OtherHub => None,
        Continued::Contradicted => Some(Fault::WitnessContradicts { size, at }),
        Continued::Unsigned => Some(Fault::WitnessUnsigned { size }),
    }
}

fn written(
    record: &ExportedRecord,
    lines: &[Line],
    points: Vec<Vec<Point>>,
    rights: Option<&Rights>,
    faults: &mut Vec<Fault>,
) -> Vec<Written> {
    let mut lines: Vec<(&Line, Vec<Point>)> = lines.iter().zip(points).collect();
    for (_, points) in &mut lines {
        points.sort_unstable();
        points.dedup();
    }
    let judged = match rights {
        Some(rights) => rights.judge(&record.genesis, &lines, faults),
        None => vec![Right::Unknown; lines.len()],
    };
    let of_line = |((line, points), right): ((&Line, Vec<Point>), Right)| Written {
        device: line.device,
        actor: line.actor,
        holder: rights.and_then(|rights| rights.holder(line.device)),
        changes: line.length(),
        claimed: claimed(line),
        points,
        right,
    };
    lines.into_iter().zip(judged).map(of_line).collect()
}

fn claimed(line: &Line) -> Option<(Timestamp, Timestamp)> {
    let times = || line.changes.iter().map(|change| Timestamp(change.facts().time));
    times().min().zip(times().max())
}

fn beside(lines: &[Line], rebuilt: &Rebuilt) -> Vec<Beside> {
    let mut beside = Vec::new();
    if rebuilt.all.heads() == rebuilt.sealed.heads()
        && lines.iter().all(|line| {
            line.changes.last().is_none_or(|last| rebuilt.sealed.has(&last.facts().hash))
        })
    {
        return beside;
    }
    for line in lines {
        for change in &line.changes {
            let facts = change.facts();
            if !rebuilt.sealed.has(&facts.hash) {
                beside.push(Beside {
                    device: line.device,
                    seq: facts.seq,
                    change: facts.hash,
                    claimed: Timestamp(facts.time),
                });
            }
        }
    }
    beside
}
