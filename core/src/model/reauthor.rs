//! Making edits anew under another actor, so that a line that cannot stay loses nothing.
//!
//! A line stays out of a document for one of two reasons: its actor wrote other changes under the
//! same numbers (a cloned phone, or one restored from an old copy), or it begins with a change that
//! the record refused. What was typed on it is written again under a new actor: the same operations
//! in the same order. What they refer to in changes that stay out is looked through: an answer that
//! replaced a refused one replaces what that one had replaced, and a word typed behind a refused
//! word stands where that one stood. Only what lies inside an object that a refused change made has
//! no place any more; it is named to the caller, never dropped silently.
//!
//! Each change made anew names its original in its message.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ExpandedChange};

use super::change::RawChange;
use super::document::{Document, DocumentError, contain, to_automerge};
use super::history::decode;
use super::ids::{Actor, ChangeHash, DeviceId};

/// Begins the message of a renamed change. The old actor and the original's hash follow, in
/// hexadecimal, each after a space. Where the operations are not the original's with the same
/// counters, the original's first counter follows, and the places of the operations left out.
pub const RENAMED: &str = "renamed";

/// What [`Document::reauthor`] made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remade {
    /// The changes, in order. An original that left nothing to make has none.
    pub changes: Vec<RawChange>,
    /// Originals with operations that have no place any more, and the places of those operations.
    pub lost: Vec<(ChangeHash, Vec<u32>)>,
}

/// Operations `from..=to` of an actor are now `start..` of another.
#[derive(Debug, Clone)]
struct Range {
    from: u64,
    to: u64,
    start: u64,
    actor: ActorId,
}

/// The device that writes under each name, as signatures show.
pub type Owners = BTreeMap<Actor, DeviceId>;

/// What has been renamed to what.
#[derive(Debug, Default)]
struct Renames {
    hashes: BTreeMap<ChangeHash, ChangeHash>,
    operations: BTreeMap<Vec<u8>, Vec<Range>>,
}

impl Renames {
    fn operation(&mut self, old: &OpId, new: u64, actor: &ActorId) {
        let ranges = self.operations.entry(old.1.to_bytes().to_vec()).or_default();
        match ranges.last_mut() {
            Some(last)
                if last.actor == *actor
                    && last.to.checked_add(1) == Some(old.0)
                    && last.start.saturating_add(old.0.saturating_sub(last.from)) == new =>
            {
                last.to = old.0;
            }
            _ => {
                let actor = actor.clone();
                ranges.push(Range { from: old.0, to: old.0, start: new, actor });
            }
        }
    }

    fn id(&self, id: &OpId) -> Option<OpId> {
        let ranges = self.operations.get(id.1.to_bytes())?;
        // Two lines of one actor use the same numbers, and another may have been made anew before: what this run
        // made stands last.
        let range = ranges.iter().rev().find(|range| (range.from..=range.to).contains(&id.0))?;
        let counter = range.start.checked_add(id.0 - range.from)?;
        Some(OpId(counter, range.actor.clone()))
    }
}

/// An operation that is in no document any more, and what stood there before it.
#[derive(Debug)]
struct Former {
    preds: Vec<OpId>,
    /// What an inserted element stood behind.
    behind: Option<ElementId>,
}

/// Changes that stay out of the document.
#[derive(Debug, Default)]
struct Gone {
    deps: BTreeMap<ChangeHash, Vec<ChangeHash>>,
    operations: BTreeMap<(u64, Vec<u8>), Former>,
}

impl Gone {
    fn change(&mut self, change: &RawChange) {
        self.deps.insert(change.facts().hash, change.facts().deps.clone());
        let Some(decoded) = decode(change) else { return };
        for (id, op) in numbered(&decoded) {
            self.operation(&id, &op);
        }
    }

    fn operation(&mut self, id: &OpId, op: &Op) {
        let behind = match &op.key {
            Key::Seq(element) if op.insert => Some(element.clone()),
            _ => None,
        };
        let former = Former { preds: op.pred.iter().cloned().collect(), behind };
        self.operations.insert((id.0, id.1.to_bytes().to_vec()), former);
    }

    fn get(&self, id: &OpId) -> Option<&Former> {
        self.operations.get(&(id.0, id.1.to_bytes().to_vec()))
    }
}

/// One run of making changes anew.
struct Remaking<'d> {
    document: &'d Document,
    new: Actor,
    renames: Renames,
    gone: Gone,
    /// The last operation's counter of each change made here.
    ends: BTreeMap<ChangeHash, u64>,
    previous: Option<(u64, ChangeHash)>,
    remade: Remade,
}

impl Document {
    /// Writes changes that cannot stay again, under a new actor.
    ///
    /// `self` is what stays. `orphaned` are changes that it does not hold, causes before effects;
    /// they may also depend on changes that were renamed before and are in `self`. `gone` are
    /// changes that are in no document any more and are not made anew here: the refused change, and
    /// other actors' changes that build on it. Nothing is applied.
    /// `owners` tells who writes under which name: that a change is another one made anew is believed
    /// of the device that wrote the other.
    ///
    /// # Errors
    ///
    /// Returns [`DocumentError::Reauthor`] when a change does not decode or could not be written.
    pub fn reauthor(
        &self,
        orphaned: &[RawChange],
        gone: &[RawChange],
        new: Actor,
        owners: &Owners,
    ) -> Result<Remade, DocumentError> {
        // What builds on the containers of a newer schema builds on what this document may not hold.
        let raised = self.raised_for(orphaned).map(|(raised, _)| raised);
        let mut remaking = Remaking {
            document: raised.as_ref().unwrap_or(self),
            new,
            renames: self.renames(owners, &causes_of(orphaned.iter().chain(gone))),
            gone: Gone::default(),
            ends: BTreeMap::new(),
            previous: self.tips.get(new.as_bytes()).copied(),
            remade: Remade::default(),
        };
        for change in gone {
            remaking.gone.change(change);
        }
        for change in orphaned {
            remaking.change(change)?;
        }
        Ok(remaking.remade)
    }

    /// Returns the originals of the renamed changes held here, so that none is renamed twice.
    #[must_use]
    pub fn renamed_originals(&self, owners: &Owners) -> Vec<ChangeHash> {
        self.renames(owners, &BTreeSet::new()).hashes.into_keys().collect()
    }

    /// Collects the renames that changes held here tell of. A change can say of itself that it is
    /// another device's made anew; that would keep the other's from being made anew, so it is passed
    /// over.
    ///
    /// Lines that part from each other use the same numbers for operations. So what became of operations is told
    /// only of changes that `causes` are, or that come before those: no other is referred to.
    fn renames(&self, owners: &Owners, causes: &BTreeSet<ChangeHash>) -> Renames {
        let (mut renames, mut before) = (Renames::default(), BTreeSet::new());
        let metas = contain(|| self.automerge.get_changes_meta(&[])).unwrap_or_default();
        // Effects before causes.
        for meta in metas.into_iter().rev() {
            let Some(named) = meta.message.as_deref().and_then(Named::parse) else { continue };
            let actor = meta.actor.clone().into_owned();
            let writer = <[u8; 16]>::try_from(actor.to_bytes()).ok().map(Actor);
            let writer = writer.and_then(|writer| owners.get(&writer));
            if writer.is_none() || writer != owners.get(&named.old) {
                continue;
            }
            let hash = ChangeHash(meta.hash.0);
            renames.hashes.entry(named.original).or_insert(hash);
            if !causes.contains(&named.original) && !before.contains(&hash) {
                continue;
            }
            before.extend(meta.deps.iter().map(|dep| ChangeHash(dep.0)));
            let (mut left, old) =
                (named.left_out.into_iter().peekable(), ActorId::from(named.old.0));
            let mut counter = named.start.unwrap_or(meta.start_op);
            for new in meta.start_op..=meta.max_op {
                while left.peek().is_some_and(|range| range.1 < counter) {
                    left.next();
                }
                if let Some((from, to)) = left.peek()
                    && (*from..=*to).contains(&counter)
                {
                    let Some(next) = to.checked_add(1) else { break };
                    counter = next;
                }
                renames.operation(&OpId(counter, old.clone()), new, &actor);
                let Some(next) = counter.checked_add(1) else { break };
                counter = next;
            }
        }
        renames
    }
}

/// Returns what changes directly depend on.
fn causes_of<'c>(changes: impl Iterator<Item = &'c RawChange>) -> BTreeSet<ChangeHash> {
    changes.flat_map(|change| change.facts().deps.iter().copied()).collect()
}

impl Remaking<'_> {
    fn change(&mut self, raw: &RawChange) -> Result<(), DocumentError> {
        let fail = |reason| DocumentError::Reauthor { reason };
        let facts = raw.facts();
        let mut change = decode(raw).ok_or_else(|| fail("Automerge cannot decode a change"))?;
        let deps = self.causes(&facts.deps);
        let Some(end) = self.end(&deps) else {
            // Nobody knows what it builds on, so nobody can say what it means.
            self.gone.change(raw);
            let all = 0..u32::try_from(change.operations.len()).unwrap_or(u32::MAX);
            self.remade.lost.push((facts.hash, all.collect()));
            return Ok(());
        };
        let start = end.checked_add(1).ok_or_else(|| fail("there are no numbers left"))?;
        let actor = ActorId::from(self.new.0);
        let (mut kept, mut left_out, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for (offset, (id, op)) in (0_u32..).zip(numbered(&change)) {
            let counter = start.saturating_add(kept.len() as u64);
            match self.operation(&op) {
                Ok(op) => {
                    self.renames.operation(&id, counter, &actor);
                    kept.push(op);
                }
                Err(missed) => {
                    self.gone.operation(&id, &op);
                    left_out.push(offset);
                    if missed {
                        lost.push(offset);
                    }
                }
            }
        }
        if !lost.is_empty() {
            self.remade.lost.push((facts.hash, lost));
        }
        if kept.is_empty() {
            self.gone.deps.insert(facts.hash, facts.deps.clone());
            return Ok(());
        }
        let old: Actor = facts
            .actor
            .as_slice()
            .try_into()
            .map(Actor)
            .map_err(|_| fail("an actor's name is not 16 bytes"))?;
        let seq = self.previous.map_or(1, |(seq, _)| seq + 1);
        let same = start == facts.start_op && left_out.is_empty();
        change.message =
            Some(message(old, facts.hash, (!same).then_some(facts.start_op), &left_out));
        change.operations = kept;
        change.start_op = start.try_into().map_err(|_| fail("there are no numbers left"))?;
        change.seq = seq;
        change.deps = deps.iter().map(to_automerge).collect();
        change.deps.sort_unstable();
        change.actor_id = actor;
        change.hash = None;
        let bytes = contain(|| Change::from(change).raw_bytes().to_vec())
            .ok_or_else(|| fail("Automerge cannot encode a change"))?;
        let made =
            RawChange::inspect(bytes).map_err(|_| fail("a renamed change is over a limit"))?;
        let hash = made.facts().hash;
        self.renames.hashes.insert(facts.hash, hash);
        self.ends.insert(hash, start.saturating_add(made.facts().ops.saturating_sub(1)));
        self.previous = Some((seq, hash));
        self.remade.changes.push(made);
        Ok(())
    }

    /// Returns the last operation's counter among changes; `None` when one is not held.
    fn end(&self, changes: &BTreeSet<ChangeHash>) -> Option<u64> {
        let mut end = 0;
        for change in changes {
            let known = self.document.known.get(change).map(|known| known.max_op);
            end = end.max(known.or_else(|| self.ends.get(change).copied())?);
        }
        Some(end)
    }

    /// Returns what a change made anew depends on: what its original did, looked through what is
    /// gone, and the actor's change before it.
    fn causes(&self, deps: &[ChangeHash]) -> BTreeSet<ChangeHash> {
        let mut causes: BTreeSet<ChangeHash> =
            self.previous.iter().map(|(_, hash)| *hash).collect();
        let (mut open, mut seen) = (deps.to_vec(), BTreeSet::new());
        while let Some(dep) = open.pop() {
            if !seen.insert(dep) {
                continue;
            }
            match (self.renames.hashes.get(&dep), self.gone.deps.get(&dep)) {
                (Some(renamed), _) => drop(causes.insert(*renamed)),
                (None, Some(before)) => open.extend(before),
                (None, None) => drop(causes.insert(dep)),
            }
        }
        causes
    }

    /// Returns an operation with what it refers to, or whether leaving it out loses something.
    fn operation(&self, op: &Op) -> Result<Op, bool> {
        // Taking away what is not there needs no operation.
        let missed = op.action != OpType::Delete;
        let mut op = op.clone();
        if let ObjectId::Id(id) = &mut op.obj {
            *id = self.place(id).ok_or(missed)?;
        }
        if let Key::Seq(element) = &mut op.key {
            *element = if op.insert {
                self.behind(element.clone()).ok_or(missed)?
            } else if let ElementId::Id(id) = element {
                ElementId::Id(self.place(id).ok_or(missed)?)
            } else {
                element.clone()
            };
        }
        let (preds, before) = (self.preds(op.pred.iter()), op.pred.len());
        let needs = matches!(op.action, OpType::Delete | OpType::Increment(_));
        if needs && preds.is_empty() && before > 0 {
            return Err(missed);
        }
        op.pred = preds.into_iter().collect();
        Ok(op)
    }

    /// Returns the name of what an operation made; `None` when that is gone.
    fn place(&self, id: &OpId) -> Option<OpId> {
        self.renames.id(id).or_else(|| self.gone.get(id).is_none().then(|| id.clone()))
    }

    fn preds<'o>(&self, preds: impl Iterator<Item = &'o OpId>) -> BTreeSet<OpId> {
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open: Vec<OpId> = preds.cloned().collect();
        while let Some(id) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            match self.place(&id) {
                Some(place) => drop(found.insert(place)),
                None => open.extend(self.gone.get(&id).into_iter().flat_map(|f| f.preds.clone())),
            }
        }
        found
    }

    /// Returns the element that still stands before a place in a list or text.
    fn behind(&self, mut element: ElementId) -> Option<ElementId> {
        let mut seen = BTreeSet::new();
        loop {
            let ElementId::Id(id) = &element else { return Some(element) };
            if let Some(place) = self.place(id) {
                return Some(ElementId::Id(place));
            }
            if !seen.insert(id.clone()) {
                return None;
            }
            element = self.gone.get(id)?.behind.clone()?;
        }
    }
}

/// A change's operations with their names.
fn numbered(change: &ExpandedChange) -> Vec<(OpId, Op)> {
    let (start, actor) = (change.start_op.get(), &change.actor_id);
    let ids = (start..).map(|counter| OpId(counter, actor.clone()));
    ids.zip(change.operations.iter().cloned()).collect()
}

/// What the message of a renamed change says.
struct Named {
    old: Actor,
    original: ChangeHash,
    start: Option<u64>,
    /// Counters of the original's operations that were left out, in ranges, ascending.
    left_out: Vec<(u64, u64)>,
}

impl Named {
    fn parse(message: &str) -> Option<Self> {
        let mut words = message.split(' ');
        if words.next() != Some(RENAMED) {
            return None;
        }
        let (old, original) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let start = words.next().map(str::parse).transpose().ok()?;
        let mut left_out = Vec::new();
        for range in words.next().into_iter().flat_map(|ranges| ranges.split(',')) {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let first: u64 = start?;
            let counter = |text: &str| first.checked_add(text.parse::<u32>().ok()?.into());
            left_out.push((counter(from)?, counter(to)?));
        }
        // A foreign message may say anything; the walk over it expects this order.
        let ordered = left_out.windows(2).all(|pair| pair[0].1 < pair[1].0)
            && left_out.iter().all(|(from, to)| from <= to);
        ordered.then_some(Self { old, original, start, left_out })
    }
}

fn message(old: Actor, original: ChangeHash, start: Option<u64>, left_out: &[u32]) -> String {
    let mut message = format!("{RENAMED} {old} {original}");
    let Some(start) = start else { return message };
    message.push_str(&format!(" {start}"));
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for offset in left_out {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == *offset => *to = *offset,
            _ => ranges.push((*offset, *offset)),
        }
    }
    let ranges: Vec<String> = ranges
        .iter()
        .map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") })
        .collect();
    if !ranges.is_empty() {
        message.push(' ');
        message.push_str(&ranges.join(","));
    }
    message
}
