//! The end of a fork. The hub's lines under names that were used twice are here whole: what was here
//! under these names before leaves the documents, and own edits among it, or on top of it, are made
//! anew.
//!
//! All of a document in one commit, and only once phone and hub have compared everything: until then
//! nothing of what a person typed changes its place, however often an exchange is cut.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::documents::{each_row, is_closed};
use super::facts::{Fact, Renewal, Replaced, pieces};
use super::fork::{OwnEdit, REPLACED_BYTES, Sourced, adoption, rejection};
use super::phone::Phone;
use super::rows::{self, FORK, ForkRow, TIP, TipRow};
use crate::model::{Actor, ChangeHash, DocumentId, Incarnation, RawChange, Timestamp};
use crate::store::StoreError;

/// The forked lines of one document.
type Forks = BTreeMap<Actor, ForkRow>;

/// What is to become of a document's changes.
struct Parted {
    /// Those that leave it: not the hub's, or building on such a change.
    gone: BTreeSet<ChangeHash>,
    /// Own edits among them, in order, each once.
    orphaned: Vec<OwnEdit>,
    /// The same, once for each source that is this edit alone.
    replaced: Vec<OwnEdit>,
    /// Own edits behind the end of the hub's line.
    left: BTreeMap<Actor, Vec<Replaced>>,
}

impl Phone {
    /// Returns whether a line of the hub is not here whole.
    pub(super) fn has_forks(&self) -> Result<bool, ReplicaError> {
        Ok(!self.replica().store().scan(&[FORK], None, 1)?.is_empty())
    }

    /// Returns the documents in which a line of this device was withdrawn, and the hub's is not here
    /// whole; those with such a line of others as well where `others` says so.
    pub(super) fn forked_documents(&self, others: bool) -> Result<Vec<DocumentId>, StoreError> {
        let mut documents = Vec::new();
        each_row(&**self.replica().store(), &[FORK], None, |key, value| {
            if others || rows::decode::<ForkRow>(key, value)?.own {
                documents.extend(rows::document_in(key));
            }
            Ok(())
        })?;
        Ok(documents)
    }

    /// Follows the hub in all lines that were forked. Returns whether own edits wait to be sent under
    /// another name now, or again. Call it with the edit lock held.
    pub(super) fn follow(&self, fresh: Incarnation, now: Timestamp) -> Result<bool, ReplicaError> {
        let mut forks: BTreeMap<DocumentId, Forks> = BTreeMap::new();
        each_row(&**self.replica().store(), &[FORK], None, |key, value| {
            if let (Some(document), Some(actor)) = (rows::document_in(key), rows::actor_in(key)) {
                forks.entry(document).or_default().insert(actor, rows::decode(key, value)?);
            }
            Ok(())
        })?;
        let mut waits = false;
        for (document, lines) in forks {
            waits |= self.follow_in(document, &lines, fresh, now)?;
        }
        Ok(waits)
    }

    fn follow_in(
        &self,
        document: DocumentId,
        lines: &Forks,
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let genesis = self.replica().genesis(document)?;
        let sourced = match self.sourced(&genesis) {
            // Nothing was ever written here without its checklist.
            Err(ReplicaError::UnknownTemplate { .. } | ReplicaError::Template { .. }) => Vec::new(),
            sourced => sourced?,
        };
        let mut parted = self.part(document, lines, &sourced)?;
        let mut facts = Vec::new();
        if let Some(cause) = lines.keys().next().copied()
            && !(parted.replaced.is_empty() && parted.orphaned.is_empty())
        {
            // Numbers of edits that leave must not be given again.
            facts.push(self.renewal(fresh, Renewal::Equivocation, now));
            let mut stays = self.replica().empty(&genesis)?;
            let (out, kept): (Vec<&Sourced>, Vec<&Sourced>) =
                sourced.iter().partition(|one| parted.gone.contains(&one.change.facts().hash));
            stays.replay(&kept.iter().map(|one| one.change.clone()).collect::<Vec<_>>());
            let own = sourced.iter().filter(|one| one.written).map(|one| one.actor);
            let owners = self.owners(document, own, &[])?;
            // Another phone with the same edits may have been here first.
            let done: BTreeSet<ChangeHash> = stays.renamed_originals(&owners).into_iter().collect();
            let making: Vec<&OwnEdit> = parted
                .orphaned
                .iter()
                .filter(|edit| !done.contains(&edit.change.facts().hash))
                .collect();
            let made: BTreeSet<ChangeHash> =
                making.iter().map(|edit| edit.change.facts().hash).collect();
            let without: BTreeMap<ChangeHash, RawChange> = out
                .iter()
                .map(|one| (one.change.facts().hash, one.change.clone()))
                .filter(|(hash, _)| !made.contains(hash))
                .collect();
            let without: Vec<RawChange> = without.into_values().collect();
            let anew = self.anew(&stays, document, (&making, &without), &owners)?;
            let life = anew.life.unwrap_or(fresh);
            let (name, replaced) = ((genesis, cause), &parted.replaced);
            facts.extend(adoption(name, life, Vec::new(), &anew.changes, replaced, now));
            facts.extend(rejection(document, anew.rejected, now));
        }
        let mut waits = facts.len() > 1;
        for actor in lines.keys() {
            let left = parted.left.remove(actor).unwrap_or_default();
            waits |= !left.is_empty();
            let mut left = pieces(left.into_iter(), |_| REPLACED_BYTES).into_iter();
            let (actor, first) = (*actor, left.next().unwrap_or_default());
            facts.push(Fact::Followed { document, actor, left: first, at: now });
            facts.extend(left.map(|left| Fact::Followed { document, actor, left, at: now }));
        }
        self.record_all(&facts)?;
        Ok(waits)
    }

    /// Says what becomes of each change. The hub's line of a forked actor is what came after the fork
    /// was noticed.
    fn part(
        &self,
        document: DocumentId,
        lines: &Forks,
        sourced: &[Sourced],
    ) -> Result<Parted, ReplicaError> {
        let hash = |one: &Sourced| one.change.facts().hash;
        let seq = |one: &Sourced| one.change.facts().seq;
        let forked = |one: &&Sourced| lines.contains_key(&one.actor);
        let hubs: BTreeSet<ChangeHash> = sourced
            .iter()
            .filter(|one| {
                let fork = lines.get(&one.actor);
                !one.written && fork.is_some_and(|fork| one.place.at > fork.at)
            })
            .map(hash)
            .collect();
        let written: BTreeSet<ChangeHash> =
            sourced.iter().filter(|one| one.written).map(hash).collect();
        let closed = self.replica().closed(document)?;
        // The first change of each line that is not the hub's: all behind it is not either.
        let mut from: BTreeMap<Actor, u64> = BTreeMap::new();
        for one in sourced.iter().filter(forked).filter(|one| !hubs.contains(&hash(one))) {
            let key = rows::of_actor(TIP, document, one.actor);
            let tip: Option<TipRow> = rows::get(&**self.replica().store(), &key)?;
            let end = tip.map_or(0, |row| row.attestation.tip.seq);
            let goes_on =
                written.contains(&hash(one)) && seq(one) > end && !is_closed(&closed, &one.change);
            if !goes_on {
                let first = from.entry(one.actor).or_insert(u64::MAX);
                *first = seq(one).min(*first);
            }
        }
        let first_gone = sourced
            .iter()
            .filter(|one| !hubs.contains(&hash(one)))
            .filter(|one| from.get(&one.actor).is_some_and(|from| seq(one) >= *from))
            .map(hash);
        let gone = with_dependents(sourced, first_gone.collect());
        let (mut orphaned, mut replaced, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut left: BTreeMap<Actor, Vec<Replaced>> = BTreeMap::new();
        for one in sourced {
            let edit =
                || OwnEdit { place: one.place, actor: one.actor, change: one.change.clone() };
            let own = one.written || lines.get(&one.actor).is_some_and(|fork| fork.own);
            if gone.contains(&hash(one)) {
                if one.written {
                    replaced.push(edit());
                }
                if own && seen.insert(hash(one)) {
                    orphaned.push(edit());
                }
            } else if one.written && forked(&one) && !hubs.contains(&hash(one)) {
                let (place, actor, seq) = (one.place, one.actor, seq(one));
                left.entry(actor).or_default().push(Replaced { place, actor, seq });
            }
        }
        Ok(Parted { gone, orphaned, replaced, left })
    }
}

/// Adds to changes all that build on them.
fn with_dependents(sourced: &[Sourced], first: Vec<ChangeHash>) -> BTreeSet<ChangeHash> {
    let mut dependents: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
    for one in sourced {
        for dep in &one.change.facts().deps {
            dependents.entry(*dep).or_default().push(one.change.facts().hash);
        }
    }
    let (mut gone, mut open) = (BTreeSet::new(), first);
    while let Some(hash) = open.pop() {
        if gone.insert(hash) {
            open.extend(dependents.get(&hash).into_iter().flatten());
        }
    }
    gone
}
