//! Stores of many inspections, made once for all laws that need them, and deleted at the end.

use std::collections::BTreeMap;
use std::path::Path;

use bienban_core::clock::Stopwatch;
use bienban_tests::stock;
use tempfile::TempDir;

use crate::{folder, sizes};

/// Phones that each hub knows: the one that made the inspections, and those that bring news.
pub(crate) const PHONES: u8 = 32;

/// Folders by how many inspections are in them.
#[derive(Default)]
pub(crate) struct Stocks(BTreeMap<u32, (TempDir, u8)>);

impl Stocks {
    /// Returns the folder of a phone and a hub with so many inspections.
    pub(crate) fn of(&mut self, count: u32) -> &Path {
        self.entry(count).0.path()
    }

    /// Returns a phone that the hub of this store knows and that brought nothing yet.
    pub(crate) fn stranger(&mut self, count: u32) -> u8 {
        let entry = self.entry(count);
        entry.1 += 1;
        assert!(entry.1 <= PHONES, "the hub knows no more phones");
        entry.1
    }

    fn entry(&mut self, count: u32) -> &mut (TempDir, u8) {
        self.0.entry(count).or_insert_with(|| {
            let (root, watch) = (folder(), Stopwatch::start());
            stock::make(root.path(), count, PHONES);
            eprintln!("  {count} inspections made in {:.0} s", watch.elapsed().as_secs_f64());
            (root, 1)
        })
    }
}

/// Returns how many documents are stored, smallest first.
pub(crate) fn counts() -> Vec<u32> {
    let mut counts = sizes("BIENBAN_SCALING_STORED", "100,1000,10000");
    counts.sort_unstable();
    counts
}
