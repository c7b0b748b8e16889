//! What must hold after a run, and all through it.

use std::collections::{BTreeMap, BTreeSet};

use bienban_core::model::{Actor, DeviceId, Document, DocumentId, Genesis};
use bienban_core::replica::{Replica, ReplicaError, StoredTree};
use bienban_core::store::Store;
use bienban_core::sync::{FeedItem, Frame, ItemTree, PackHeader, Prefix, Verdict};
use bienban_core::trust::seal::Seal;

use crate::aside::Aside;
use crate::node::{Fate, PhoneNode, What};
use crate::rights;
use crate::sealing;
use crate::tally::{Peak, Seen};
use crate::world::World;

/// Tokens of what was typed, with how often each is there.
pub(crate) type Tokens = BTreeMap<String, (What, usize)>;

/// Returns what a replica holds of the visits.
pub(crate) fn held_by(replica: &Replica, visits: &[Genesis]) -> Tokens {
    let mut held = Tokens::new();
    for genesis in visits {
        match replica.load(genesis.document()) {
            Ok(document) => held.append(&mut tokens(&document)),
            Err(ReplicaError::UnknownDocument { .. } | ReplicaError::UnknownTemplate { .. }) => {}
            Err(error) => panic!("a record does not open: {error}"),
        }
    }
    held
}

fn tokens(document: &Document) -> Tokens {
    let mut found = Tokens::new();
    let mut count = |token: String, what| found.entry(token).or_insert((what, 0)).1 += 1;
    let view = document.view();
    let Some(inspection) = view.inspection() else { return found };
    for item in ["1.1", "1.2", "2.1", "2.2"] {
        for said in view.history(item) {
            count(said.value.value.clone().unwrap_or_default(), What::Answer);
        }
    }
    for note in inspection.notes.values() {
        for token in note.split('[').filter_map(|part| part.split_once(']')) {
            count(token.0.to_owned(), What::Note);
        }
    }
    for finding in inspection.findings.values() {
        count(finding.text.clone(), What::Finding);
    }
    found
}

/// Compares all replicas with each other, and with what people were told.
pub(crate) fn check(world: &mut World) -> Result<(), String> {
    audit(world)?;
    for visit in 0..world.visits.len() {
        let id = world.visits[visit].document();
        let at_hub = match world.hub.hub.replica().load(id) {
            Ok(document) => document,
            Err(ReplicaError::UnknownDocument { .. }) => {
                find_all(world, visit, &Tokens::new(), &Tokens::new())?;
                continue;
            }
            Err(error) => return Err(format!("hub: {error}")),
        };
        let judging = expect_equal(world, visit, &at_hub)?;
        world.tally.notes(Seen::Conflicts, at_hub.view().conflicts().len());
        let shown = if judging { shown(world, visit) } else { Tokens::new() };
        find_all(world, visit, &tokens(&at_hub), &shown)?;
        // Of a record of which all waits there are no minutes, and who never had it does not know it.
        if !at_hub.tips().is_empty() {
            sealing::check(world, visit, &at_hub)?;
        }
    }
    for at in 0..world.phones.len() {
        rights::expect_own(world, at)?;
        if world.is_ended(at) {
            check_ended(world, at)?
        } else {
            check_phone(world, at)?
        }
        let node = &world.phones[at];
        verify(&node.name, &*node.store)?;
    }
    let status = world.hub.hub.status().map_err(|error| error.to_string())?;
    if status.pending > 0 {
        return Err(format!("the hub has yet to merge {} packs", status.pending));
    }
    verify("the hub", &*world.hub.store)
}

/// Returns what phones with rights show of a visit.
fn shown(world: &World, visit: usize) -> Tokens {
    let visit = std::slice::from_ref(&world.visits[visit]);
    let phones = world.phones.iter().enumerate().filter(|(at, _)| !world.is_ended(*at));
    phones.flat_map(|(_, node)| held_by(node.phone.replica(), visit)).collect()
}

/// Every phone that may read a visit holds the hub's record of it. Returns whether some hold more, for which a
/// supervisor is waited for.
fn expect_equal(world: &World, visit: usize, at_hub: &Document) -> Result<bool, String> {
    let mut judging = false;
    let digest = at_hub.view().record().digest();
    for (at, node) in world.phones.iter().enumerate() {
        if world.is_ended(at) || !node.reads(&world.visits[visit].scope) {
            continue;
        }
        let (name, replica) = (&node.name, node.phone.replica());
        let here = match replica.load(at_hub.id()) {
            // All of it waits at the hub, which hands on what is in its record.
            Err(ReplicaError::UnknownDocument { .. }) if at_hub.tips().is_empty() => continue,
            here => here.map_err(|error| format!("{name}: {error}"))?,
        };
        if here.heads() != at_hub.heads() {
            if lacks_only_what_it_set_aside(world, at, &here, at_hub)? {
                judging = true;
                continue;
            }
            return Err(format!("{name} has other heads than the hub in visit {visit}"));
        }
        if here.view().record().digest() != digest {
            return Err(format!("{name} has another digest in visit {visit}"));
        }
    }
    Ok(judging)
}

/// A hub that was set back, and heard that the rights of a device have ended before others gave back what it had
/// taken of that device, cannot know when that was written: it sets it aside, for a supervisor to decide, and what
/// others wrote on top of it waits there. Those who hold it go on showing it. Returns whether a phone holds that more
/// than the hub's record, and nothing else.
///
/// # Errors
///
/// Fails where the hub has neither set aside nor kept waiting what its record lacks.
pub(crate) fn lacks_only_what_it_set_aside(
    world: &World,
    at: usize,
    here: &Document,
    at_hub: &Document,
) -> Result<bool, String> {
    if world.first_seals.is_some() {
        return Ok(false);
    }
    let tips = |document: &Document| -> BTreeMap<_, _> {
        document.tips().into_iter().map(|(actor, seq, hash)| (actor, (seq, hash))).collect()
    };
    let (here, at_hub, id) = (tips(here), tips(at_hub), at_hub.id());
    if at_hub.iter().any(|(actor, tip)| here.get(actor).is_none_or(|held| held.0 < tip.0)) {
        return Ok(false);
    }
    let replica = world.phones[at].phone.replica();
    let waiting = world.hub.hub.waiting().map_err(|error| error.to_string())?;
    let waits = waiting.causes.iter().any(|(document, _)| *document == id);
    let (taken, aside) = (taken(world.hub.hub.replica())?, Aside::of(&world.hub.hub)?);
    for (actor, tip) in &here {
        let merged = at_hub.get(actor);
        if merged == Some(tip) {
            continue;
        }
        let Ok(actor) = <[u8; 16]>::try_from(actor.as_slice()) else { return Ok(false) };
        let actor = Actor(actor);
        let author = replica.author(id, actor).map_err(|error| error.to_string())?;
        let by_ended = author.is_some_and(|device| world.ended.contains_key(&device));
        if !(by_ended || waits) {
            return Ok(false);
        }
        // Every change beyond the record is in the hub's hands.
        let known = taken.get(&(id, actor)).copied().unwrap_or_default();
        let first = known.max(merged.map_or(0, |merged| merged.0)) + 1;
        if let Some(seq) = (first..=tip.0).find(|seq| !aside.has(id, actor, *seq)) {
            let (name, actor) = (&world.phones[at].name, actor.short());
            return Err(format!(
                "the hub does not keep change {seq} of {actor}, which {name} shows"
            ));
        }
    }
    // A pack waits whole: of one whose second change builds on what was set aside, others may hold the first alone.
    Ok(aside.has_of(id, world.ended.keys()))
}

/// Of a phone with rights: the hub has all that it may write, it carries nothing any more, and knows whose
/// rights have ended.
fn check_phone(world: &mut World, at: usize) -> Result<(), String> {
    let node = &world.phones[at];
    let (name, phone) = (&node.name, &node.phone);
    let foreign =
        |id: &DocumentId| rights::scope_of(world, *id).is_none_or(|scope| !node.reads(scope));
    let left = phone.only_here().map_err(|error| error.to_string())?;
    if !left.iter().all(foreign) {
        return Err(format!("{name} still holds edits that are only there"));
    }
    let carried = phone.carried().map_err(|error| error.to_string())?;
    if !carried.is_empty() {
        return Err(format!("{name} still carries packs to the hub"));
    }
    for device in world.ended.keys() {
        let known = world.hub.hub.replica().ended(*device).map_err(|error| error.to_string())?;
        let here = phone.replica().ended(*device).map_err(|error| error.to_string())?;
        if known.is_some() && here.is_none() {
            return Err(format!("{name} does not know whose rights have ended"));
        }
    }
    let notices = phone.notices().map_err(|error| error.to_string())?;
    let forks = notices.iter().filter(|notice| notice.verdict == Verdict::Equivocation).count();
    world.tally.notes(Seen::Forks, forks);
    Ok(())
}

/// Of a phone whose rights have ended: it knows, by proof, and has brought all that it held.
fn check_ended(world: &World, at: usize) -> Result<(), String> {
    let node = &world.phones[at];
    let known = world.hub.hub.replica().ended(node.device()).map_err(|error| error.to_string())?;
    if known.is_none() {
        // Nobody who was left had heard of this device, so the hub does not let it in.
        return Ok(());
    }
    if node.phone.ended().map_err(|error| error.to_string())?.is_none() {
        return Err(format!("{} was not shown that its rights have ended", node.name));
    }
    let left = node.phone.undelivered().map_err(|error| error.to_string())?;
    let unentered = node.phone.unentered().map_err(|error| error.to_string())?;
    if left != unentered {
        return Err(format!(
            "{} could not bring {left} things, {unentered} of it decisions",
            node.name
        ));
    }
    Ok(())
}

fn verify(name: &str, store: &dyn Store) -> Result<(), String> {
    let verified = store.verify().map_err(|error| error.to_string())?;
    if verified.problems.is_empty() {
        Ok(())
    } else {
        Err(format!("{name}: {:?}", verified.problems))
    }
}

/// Every edit is in the record as it must be, and nothing that nobody typed.
/// What is not in the record because a supervisor is waited for is `shown` by those who hold it.
fn find_all(world: &World, visit: usize, held: &Tokens, shown: &Tokens) -> Result<(), String> {
    let mut known = Tokens::new();
    let phones = world.phones.iter().flat_map(|phone| &phone.said);
    let ended = world.phones.iter().filter(|phone| world.ended.contains_key(&phone.device()));
    let by_ended: BTreeSet<_> = ended.flat_map(|phone| &phone.said).map(|s| &s.token).collect();
    for said in phones.chain(&world.kept).filter(|said| said.visit == visit) {
        let (token, what) = (&said.token, said.what);
        let count = held.get(token).map_or(0, |(_, count)| *count);
        // A hub that forgot what it had of a device whose rights have ended gets it back, and keeps it aside.
        let judged = || -> Result<bool, String> {
            let forgot = world.tally.count(Seen::HubRestores) + world.tally.count(Seen::HubsLost);
            if forgot == 0 || !by_ended.contains(token) {
                return Ok(false);
            }
            Ok(Aside::of(&world.hub.hub)?.says(world.visits[visit].document(), token))
        };
        let right = match said.fate {
            Fate::Must => count == 1 || (count == 0 && (shown.contains_key(token) || judged()?)),
            Fate::May => count <= 1,
            Fate::Never => count == 0,
        };
        if !right {
            let fate = said.fate;
            return Err(format!("{what:?} {token} is in the record {count} times ({fate:?})"));
        }
        known.insert(token.clone(), (what, count));
    }
    match held.iter().find(|(token, (what, _))| known.get(*token).map(|said| said.0) != Some(*what))
    {
        Some((token, _)) => Err(format!("nobody typed {token}")),
        None => Ok(()),
    }
}

/// What a phone says of how far its edits have come is so. A phone that has yet to learn that the hub's store was
/// set back says what was so.
pub(crate) fn audit(world: &mut World) -> Result<(), String> {
    let hub = world.hub.hub.clone();
    let epoch = hub.head().map_err(|error| error.to_string())?.epoch;
    let held = stored(hub.replica())?;
    for visit in 0..world.visits.len() {
        let id = world.visits[visit].document();
        let mut merged = None;
        for node in &world.phones {
            let life = node.phone.hub_life().map_err(|error| error.to_string())?;
            if life != Some(epoch) {
                continue;
            }
            let arrival = node.phone.arrival(id).map_err(|error| error.to_string())?;
            let has = held.get(&(node.device(), id)).copied().unwrap_or_default();
            let (name, says) = (&node.name, arrival.stored);
            if says > has {
                return Err(format!("{name} says that {says} edits are stored, the hub has {has}"));
            }
            if arrival.merged == 0 {
                continue;
            }
            let merged = match &merged {
                Some(merged) => merged,
                None => merged.insert(merged_of(hub.replica(), id)?),
            };
            let has = merged.get(&node.device()).copied().unwrap_or_default();
            if arrival.merged > has {
                let says = arrival.merged;
                return Err(format!("{name} says that {says} edits are merged, the hub has {has}"));
            }
        }
    }
    for node in &world.phones {
        let waits = node.phone.outbox().map_err(|error| error.to_string())?.len();
        world.tally.peak(Peak::Outbox, waits);
        let same = world.phones.iter().filter(|other| other.number == node.number);
        let typed: usize = same.map(|other| other.said.len()).sum();
        if waits > typed + world.kept.len() {
            return Err(format!("{} keeps {waits} packs, more than was typed there", node.name));
        }
    }
    let status = hub.status().map_err(|error| error.to_string())?;
    let waits = usize::try_from(status.pending + status.waiting).unwrap_or(usize::MAX);
    world.tally.peak(Peak::HubWaiting, waits);
    world.tally.note(Seen::Audits);
    Ok(())
}

/// Returns how many changes of each device a replica has stored, by document.
fn stored(replica: &Replica) -> Result<BTreeMap<(DeviceId, DocumentId), u64>, String> {
    let mut held = BTreeMap::new();
    for ((document, actor), seq) in taken(replica)? {
        let author = replica.author(document, actor).map_err(|e| e.to_string())?;
        let Some(author) = author else { continue };
        *held.entry((author, document)).or_default() += seq;
    }
    Ok(held)
}

/// Returns how far a replica has each line, merged or waiting.
fn taken(replica: &Replica) -> Result<BTreeMap<(DocumentId, Actor), u64>, String> {
    let store = replica.store().clone();
    let items = StoredTree::new(&*store).items(&Prefix::ROOT, usize::MAX);
    let items = items.map_err(|error| error.to_string())?;
    Ok(items.into_iter().map(|item| ((item.document, item.actor), item.seq)).collect())
}

/// Returns how many changes of each device are in a record.
fn merged_of(replica: &Replica, id: DocumentId) -> Result<BTreeMap<DeviceId, u64>, String> {
    let document = match replica.load(id) {
        Ok(document) => document,
        Err(ReplicaError::UnknownDocument { .. } | ReplicaError::UnknownTemplate { .. }) => {
            return Ok(BTreeMap::new());
        }
        Err(error) => return Err(error.to_string()),
    };
    let (heard, _) = replica.heard(&document).map_err(|error| error.to_string())?;
    let sum = |lines: Vec<bienban_core::trust::seal::HeardLine>| lines.iter().map(|l| l.seq).sum();
    Ok(heard.into_iter().map(|(device, lines)| (device, sum(lines))).collect())
}

/// Fails where the hub gives a device what it may not read: records of another unit, or any once its rights have
/// ended.
pub(crate) fn expect_readable(world: &World, at: usize, frame: &Frame) {
    if world.lawful {
        // Everybody may read all.
        return;
    }
    let node = &world.phones[at];
    let Frame::Items { items, .. } = frame else { return };
    let leaves = world.hub.hub.lets_leave(node.device());
    for item in items {
        let (what, document) = match item {
            FeedItem::Control(_) => continue,
            FeedItem::Pack(bytes) => ("a pack", PackHeader::peek(bytes).unwrap().document),
            FeedItem::Snapshot(snapshot) => ("a snapshot", snapshot.genesis.document()),
            FeedItem::Yours { document, .. } => ("word of a pack", *document),
            FeedItem::Closed(line) => ("the end of a line", line.document),
            FeedItem::Seal(bytes) => ("a seal", Seal::decode(bytes).unwrap().statement.document),
            _ => continue,
        };
        let own = matches!(item, FeedItem::Yours { .. } | FeedItem::Closed(_));
        assert!(!leaves || own, "{} is given {what} after its rights have ended", node.name);
        let scope = rights::scope_of(world, document);
        let reads = scope.is_some_and(|scope| PhoneNode::reads(node, scope));
        assert!(reads || own, "{} is given {what} that it may not read", node.name);
    }
}
