//! What a phone makes of a head that is shown, in the light of those that it kept. Logs are in memory here: no
//! store, no session.

use crate::model::{DeviceId, Timestamp};
use crate::trust::DeviceKey;
use crate::trust::log::*;
use crate::trust::merkle::{Frontier, MemoryNodes, TreeHash, consistency, inclusion};

fn key() -> DeviceKey {
    DeviceKey::from_seed(&[7; 32])
}

fn hub() -> DeviceId {
    key().device()
}

/// A log in memory, with all that it was.
struct Log {
    nodes: MemoryNodes,
    frontier: Frontier,
    roots: Vec<TreeHash>,
    leaves: Vec<Vec<u8>>,
    lives: Lives,
}

impl Log {
    /// A log that begins in life 1 and grows to a size; leaves from `other` on have another content.
    fn new(size: u64, other: u64) -> Self {
        let frontier = Frontier::default();
        let roots = vec![frontier.root()];
        let (nodes, leaves, lives) = (MemoryNodes::default(), Vec::new(), Lives::default());
        let mut log = Self { nodes, frontier, roots, leaves, lives };
        log.say(LogEntry::Begun { epoch: [1; 16] });
        log.grow(size, other);
        log
    }

    fn say(&mut self, entry: LogEntry) {
        let index = self.frontier.size();
        self.lives.see(index, &entry, &[hub()]);
        let bytes = LogLeaf { record: [0; 32], at: Timestamp(1), entry }.encode();
        self.nodes.keep(self.frontier.append(TreeHash::of_leaf(&bytes)));
        self.roots.push(self.frontier.root());
        self.leaves.push(bytes);
    }

    fn grow(&mut self, size: u64, other: u64) {
        for number in self.frontier.size()..size {
            self.say(LogEntry::Recorded { kind: if number >= other { 2 } else { 1 } });
        }
    }

    fn begin(&mut self, epoch: u8, continues: u64) {
        self.say(LogEntry::Epoch { epoch: [epoch; 16], lost: 0, continues });
    }

    fn head(&self, epoch: u8, size: u64) -> TreeHead {
        let root = self.roots[usize::try_from(size).unwrap()];
        TreeHead::sign(&key(), [epoch; 16], (size, root), Timestamp(5))
    }

    fn proved(&self, index: u64) -> ProvedLeaf {
        let Ok::<_, std::convert::Infallible>(path) =
            inclusion(&self.nodes, index, self.frontier.size());
        let leaf = self.leaves[usize::try_from(index).unwrap()].clone();
        ProvedLeaf { index, leaf, path }
    }

    fn loss(&self, life: Option<u64>, said: u64) -> Standing {
        let life = life.map(|index| self.proved(index));
        Standing::Lost(Box::new(Loss { life, said: self.proved(said) }))
    }

    fn grew(&self, kept: &TreeHead) -> Standing {
        let Ok::<_, std::convert::Infallible>(proof) =
            consistency(&self.nodes, kept.size, self.frontier.size());
        Standing::Grew(proof)
    }

    fn holds(&self, head: &TreeHead) -> bool {
        let root = usize::try_from(head.size).ok().and_then(|size| self.roots.get(size));
        root == Some(&head.root)
    }

    /// What an honest hub with this log answers to these heads.
    fn show(&self, epoch: u8, named: &[TreeHead]) -> Shown {
        let standing = |kept: &TreeHead| match self.lives.account_for(kept) {
            Some(Account { life, said }) if !self.holds(kept) => self.loss(life, said),
            _ => self.grew(kept),
        };
        let standings = named.iter().map(standing).collect();
        Shown { head: self.head(epoch, self.frontier.size()), standings }
    }
}

fn judged(named: &[TreeHead], shown: &Shown) -> Judgement {
    judge(named, &[], shown, &[hub()])
}

fn forked(judgement: &Judgement) -> Option<DoubtReason> {
    match judgement {
        Judgement::Forked { reason, .. } => Some(*reason),
        _ => None,
    }
}

#[test]
fn a_log_that_only_grew_continues_what_was_kept_across_lives() {
    let log = Log::new(40, 40);
    for size in 0..=40 {
        let named = [log.head(1, size), log.head(1, size / 2)];
        assert_eq!(judged(&named, &log.show(1, &named)), Judgement::Continues);
        // A new life whose log still holds all.
        assert_eq!(judge(&named, &[[0; 16]], &log.show(2, &named), &[hub()]), Judgement::Continues);
    }
    assert_eq!(judged(&[], &log.show(1, &[])), Judgement::Continues);
}

#[test]
fn another_history_in_the_same_life_is_a_fork() {
    let (seen, shown) = (Log::new(40, 40), Log::new(50, 20));
    let reason = |size: u64, log: &Log| {
        let named = [seen.head(1, size)];
        forked(&judged(&named, &log.show(1, &named)))
    };
    assert_eq!(reason(20, &shown), None, "the part before the change is the same");
    assert_eq!(reason(21, &shown), Some(DoubtReason::Inconsistent));
    assert_eq!(reason(40, &shown), Some(DoubtReason::Inconsistent));
    assert_eq!(reason(40, &Log::new(40, 20)), Some(DoubtReason::Inconsistent));
    assert_eq!(reason(40, &Log::new(39, 39)), Some(DoubtReason::Shorter));
    // A proof that is left out proves nothing.
    let named = [seen.head(1, 30)];
    let silent = Shown { standings: vec![], ..seen.show(1, &named) };
    assert!(forked(&judged(&named, &silent)).is_some());
}

#[test]
fn a_restored_hub_is_told_from_one_that_lies_about_it() {
    let seen = Log::new(40, 40);
    let named = [seen.head(1, 40)];
    let mut short = Log::new(30, 30);
    short.begin(2, 30);
    short.grow(45, 0);
    let lost = named.to_vec();
    assert_eq!(judged(&named, &short.show(2, &named)), Judgement::Restored { lost });
    // What it says to hold it must hold.
    let held = [seen.head(1, 30), seen.head(1, 17)];
    assert_eq!(judged(&held, &short.show(2, &held)), Judgement::Continues);
    let mut lying = Log::new(40, 20);
    lying.begin(2, 40);
    let shown = Shown { standings: vec![lying.loss(Some(0), 40)], ..lying.show(2, &named) };
    assert_eq!(forked(&judged(&named, &shown)), Some(DoubtReason::Unaccounted));
    // A life that had ended does not come back.
    let back = judge(&[seen.head(2, 40)], &[[1; 16]], &seen.show(1, &named), &[hub()]);
    assert_eq!(forked(&back), Some(DoubtReason::EarlierLife));
    assert!(!DoubtReason::Restored.stops() && DoubtReason::Unaccounted.stops());
}

#[test]
fn another_life_excuses_nothing_that_its_log_does_not_account_for() {
    // Two faces of one hub that differ in everything but the key, each consistent for ever.
    let (one, mut other) = (Log::new(40, 40), Log::new(10, 0));
    other.begin(2, 10);
    other.grow(30, 0);
    let named = [one.head(1, 40)];
    let mut alone = Log::new(0, 0);
    alone.lives = Lives::default();
    alone.begin(3, 0);
    alone.grow(30, 0);
    let shown = alone.show(3, &named);
    let unsaid = |standing| {
        let shown = Shown { standings: vec![standing], ..shown.clone() };
        assert_eq!(forked(&judged(&named, &shown)), Some(DoubtReason::Unaccounted));
    };
    unsaid(Standing::Grew(Vec::new()));
    unsaid(alone.grew(&named[0]));
    // The life's beginning must be in the log, and before what ends it; in this one; and named rightly.
    unsaid(alone.loss(None, 1));
    unsaid(alone.loss(Some(1), 1));
    unsaid(alone.loss(Some(2), 1));
    unsaid(other.loss(Some(0), 10));
    let stranger = DeviceKey::from_seed(&[8; 32]);
    let TreeHead { epoch, size, root, at, .. } = named[0];
    let false_head = TreeHead::sign(&stranger, epoch, (size, root), at);
    for head in [None, Some(false_head), Some(one.head(9, 3))] {
        alone.say(LogEntry::Surpassed { by: hub(), head });
        let said = alone.frontier.size() - 1;
        let standings = vec![alone.loss(None, said)];
        let shown = Shown { standings, ..alone.show(3, &named) };
        assert_eq!(forked(&judged(&named, &shown)), Some(DoubtReason::Unaccounted));
    }
    // Once the log names the life, everybody is told that it is not there.
    alone.say(LogEntry::Surpassed { by: hub(), head: Some(one.head(1, 7)) });
    let lost = named.to_vec();
    assert_eq!(judged(&named, &alone.show(3, &named)), Judgement::Restored { lost });
}

#[test]
fn a_hubs_own_life_excuses_nothing_of_itself() {
    let seen = Log::new(40, 40);
    let named = [seen.head(1, 40)];
    let mut shown = Log::new(30, 30);
    shown.begin(2, 0);
    let standings = vec![shown.loss(Some(0), 30)];
    let shown = Shown { standings, head: shown.head(1, 31) };
    assert_eq!(forked(&judged(&named, &shown)), Some(DoubtReason::Shorter));
}

#[test]
fn a_head_that_another_phone_was_shown_is_demanded_too() {
    let (own, others) = (Log::new(40, 40), Log::new(44, 25));
    let named = [own.head(1, 40), others.head(1, 44)];
    let longer = Log::new(60, 60);
    let reason = DoubtReason::Inconsistent;
    let expected = Judgement::Forked { reason, kept: named[1] };
    assert_eq!(judged(&named, &longer.show(1, &named)), expected);
}
