//! How a head that was kept stands in the log that is shown: the log grew from it, or says itself that it
//! does not hold it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LogEntry, LogLeaf, TreeHead};
use crate::model::DeviceId;
use crate::trust::merkle::{TreeHash, verify_consistency, verify_inclusion};

/// A leaf and the way from it to a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvedLeaf {
    /// Its number.
    pub index: u64,
    /// Its bytes.
    pub leaf: Vec<u8>,
    /// From the leaf up.
    pub path: Vec<TreeHash>,
}

impl ProvedLeaf {
    /// Returns what the leaf says, where it is in the log of a head.
    #[must_use]
    pub fn entry_in(&self, head: &TreeHead) -> Option<LogEntry> {
        let hash = TreeHash::of_leaf(&self.leaf);
        let held = verify_inclusion(hash, self.index, head.size, head.root, &self.path);
        LogLeaf::decode(&self.leaf).filter(|_| held).map(|leaf| leaf.entry)
    }
}

/// How a head that was named stands in the log that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The log grew from it: the proof; empty where none is needed, and where there is none.
    Grew(Vec<TreeHash>),
    /// The log does not hold it, and says so.
    Lost(Box<Loss>),
}

/// Where a log says that it does not hold a head of an earlier life of the hub's store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Where the head's life begins in this log; nothing where the log holds nothing of that life.
    pub life: Option<ProvedLeaf>,
    /// Where it says so: where a later life begins that does not claim to be whole so far; or, where the
    /// log holds nothing of that life, where a head of it is named.
    pub said: ProvedLeaf,
}

impl Loss {
    /// Returns whether this accounts for a head in the log of another. Both are the hub's.
    #[must_use]
    pub fn accounts_for(&self, kept: &TreeHead, hub: &[DeviceId], shown: &TreeHead) -> bool {
        let mut lives = Lives::default();
        for proved in self.life.iter().chain([&self.said]) {
            let Some(entry) = proved.entry_in(shown) else { return false };
            lives.see(proved.index, &entry, hub);
        }
        lives.account_for(kept).is_some()
    }
}

impl Standing {
    /// Returns what becomes of a head that was kept, where the hub with these keys shows another.
    #[must_use]
    pub fn of(&self, kept: &TreeHead, hub: &[DeviceId], shown: &TreeHead) -> Stands {
        match self {
            Self::Grew(proof)
                if verify_consistency((kept.size, kept.root), (shown.size, shown.root), proof) =>
            {
                Stands::Continued
            }
            // What the present life itself has signed it holds.
            Self::Lost(loss)
                if shown.epoch != kept.epoch && loss.accounts_for(kept, hub, shown) =>
            {
                Stands::Lost
            }
            Self::Grew(_) | Self::Lost(_) => Stands::Nowhere,
        }
    }
}

/// What became of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// The log grew from it.
    Continued,
    /// The log says that it does not hold it.
    Lost,
    /// Neither.
    Nowhere,
}

/// Where a log accounts for a head that it does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The leaf where the head's life begins, if that life is in the log.
    pub life: Option<u64>,
    /// The leaf that says that it is not whole, or that names the life.
    pub said: u64,
}

/// What a log says of the lives of the hub's store: which it holds, and how far later ones claim that those
/// before them are whole. Few, however long the log is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lives {
    /// Life → the leaf where it begins.
    begun: BTreeMap<[u8; 16], u64>,
    /// Leaf where a life begins → how many leaves before it are known to be all that there were.
    continues: BTreeMap<u64, u64>,
    /// Life of a head that is named as not held → the first leaf that names one.
    named: BTreeMap<[u8; 16], u64>,
}

impl Lives {
    /// Takes in what one leaf of the log of the hub with these keys says.
    pub fn see(&mut self, index: u64, entry: &LogEntry, hub: &[DeviceId]) {
        match entry {
            LogEntry::Begun { epoch } => {
                self.begun.insert(*epoch, index);
            }
            LogEntry::Epoch { epoch, continues, .. } => {
                self.begun.insert(*epoch, index);
                self.continues.insert(index, *continues);
            }
            // Of another's head nothing follows.
            LogEntry::Surpassed { head: Some(head), .. } if head.is_by(hub) => {
                self.named.entry(head.epoch).or_insert(index);
            }
            _ => {}
        }
    }

    /// Returns whether the store was ever set back, as far as its log says.
    #[must_use]
    pub fn was_set_back(&self) -> bool {
        !self.continues.is_empty()
    }

    /// Returns whether this entry changes what is known of lives.
    #[must_use]
    pub fn concern(entry: &LogEntry) -> bool {
        use LogEntry as E;
        matches!(entry, E::Begun { .. } | E::Epoch { .. } | E::Surpassed { .. })
    }

    /// Returns where the log says that it does not hold a head; nothing where it claims to hold it, or does
    /// not know its life.
    #[must_use]
    pub fn account_for(&self, head: &TreeHead) -> Option<Account> {
        let Some(&life) = self.begun.get(&head.epoch) else {
            return self.named.get(&head.epoch).map(|said| Account { life: None, said: *said });
        };
        let mut later = self.continues.range(life + 1..);
        let (said, _) = later.find(|(_, continues)| **continues < head.size)?;
        Some(Account { life: Some(life), said: *said })
    }
}
