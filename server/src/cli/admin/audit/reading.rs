//! The hub's log, read from the hub leaf by leaf and checked on the way: whatever its length, no more than a
//! session's pages are in memory.

use std::collections::BTreeMap;

use bienban_core::client::{Client, ClientError};
use bienban_core::driver::SyncOptions;
use bienban_core::model::DeviceId;
use bienban_core::replica::HeadRow;
use bienban_core::sync::{
    AdminAnswer, AdminRequest, LOG_PAGE_LEAVES_MAX, LogAnswer, LogPage, LogRequest,
};
use bienban_core::trust::log::{Lives, LogLeaf, TreeHead};
use bienban_core::trust::merkle::{Frontier, TreeHash};

use super::VerifyData;
use crate::cli::error::CliError;
use crate::cli::folder as device_folder;
use crate::cli::output::Output;

/// Pages asked for in one session: as many requests as may wait for an answer.
const PAGES_AT_ONCE: u64 = 16;

/// Heads that this device keeps, before it is known which of them are of the hub that it pins.
pub(super) struct Before(Vec<HeadRow>);

impl Before {
    /// Reads them. To be done before anything is asked, so that none is compared with itself.
    pub(super) fn of(client: &Client) -> Result<Self, CliError> {
        Ok(Self(client.phone().replica().heads().map_err(ClientError::from)?))
    }

    /// Returns those of the pinned hub, under its present key and those before it. Where a person said that
    /// the key is another now, only an exchange shows that the hub is the same.
    pub(super) fn of_hub(self, client: &Client) -> Result<Kept, CliError> {
        let mut hub = vec![client.hub()?.key()];
        let keys = client.phone().replica().hub_keys().map_err(ClientError::from)?;
        if keys.holds(hub[0]) {
            hub = keys.all();
        }
        let rows = self.0.iter().filter(|row| hub.contains(&row.hub));
        let heads: Vec<TreeHead> = rows.flat_map(|row| [row.first, row.last]).collect();
        let mut kept = Kept { heads, roots: BTreeMap::new(), lives: Lives::default(), hub };
        kept.note(&Frontier::default());
        Ok(kept)
    }
}

/// Heads that this device keeps of the log of the hub that it pins.
pub(super) struct Kept {
    heads: Vec<TreeHead>,
    /// The hash of the log at the sizes of these heads, as far as it was read.
    roots: BTreeMap<u64, TreeHash>,
    lives: Lives,
    hub: Vec<DeviceId>,
}

impl Kept {
    /// Takes in a leaf, by its number, and the tree with it.
    pub(super) fn see(&mut self, number: u64, leaf: Option<&LogLeaf>, tree: &Frontier) {
        if let Some(leaf) = leaf {
            self.lives.see(number, &leaf.entry, &self.hub);
        }
        self.note(tree);
    }

    fn note(&mut self, tree: &Frontier) {
        if self.heads.iter().any(|head| head.size == tree.size()) {
            self.roots.insert(tree.size(), tree.root());
        }
    }

    /// Says of each head how it stands in the log that was read; `of_copy` where that may have been copied
    /// before a head was signed, as a backup is. The hub itself may never have less than it signed for.
    pub(super) fn compare(&self, data: &mut VerifyData, of_copy: bool) {
        for head in &self.heads {
            if self.roots.get(&head.size) == Some(&head.root) {
                data.continued += 1;
            } else if self.lives.account_for(head).is_some() {
                data.lost.push(head.into());
            } else if of_copy && head.size > data.leaves {
                data.newer.push(head.into());
            } else {
                data.not_continued.push(head.into());
            }
        }
    }
}

/// Reads the whole log. `each` sees every leaf by its number, before it is known whether the log holds
/// together.
pub(super) async fn read(
    client: &Client,
    output: &Output,
    mut each: impl FnMut(u64, LogLeaf),
) -> Result<VerifyData, CliError> {
    let m = output.messages();
    let before = Before::of(client)?;
    let mut waiting = pages(client, 0, 1, output).await?;
    let mut kept = before.of_hub(client)?;
    let head = waiting.first().ok_or(CliError::NoAnswer)?.head;
    let mut data = VerifyData { head: Some((&head).into()), ..VerifyData::default() };
    if head.verify(client.hub()?.key()).is_err() {
        data.problems.push(m.text("audit.unsigned", &[]));
        return Ok(data);
    }
    let mut tree = Frontier::default();
    loop {
        let before = tree.size();
        for bytes in leaves_from(before, waiting) {
            if tree.size() == head.size {
                break;
            }
            let (number, leaf) = (tree.size(), LogLeaf::decode(&bytes));
            data.unread += u64::from(leaf.is_none());
            tree.append(TreeHash::of_leaf(&bytes));
            kept.see(number, leaf.as_ref(), &tree);
            if let Some(leaf) = leaf {
                each(number, leaf);
            }
        }
        // A hub that has fewer than it signs for is judged by what it has.
        if tree.size() == head.size || tree.size() == before {
            break;
        }
        let left = (head.size - tree.size()).div_ceil(LOG_PAGE_LEAVES_MAX as u64);
        waiting = pages(client, tree.size(), left.min(PAGES_AT_ONCE), output).await?;
    }
    (data.leaves, data.root) = (tree.size(), tree.root().to_string());
    if (tree.size(), tree.root()) != (head.size, head.root) {
        data.problems.push(m.text("audit.other_root", &[]));
    }
    kept.compare(&mut data, false);
    Ok(data)
}

/// Returns the leaves of pages that follow each other, from one on.
fn leaves_from(from: u64, pages: Vec<LogPage>) -> impl Iterator<Item = Vec<u8>> {
    let mut next = from;
    pages.into_iter().flat_map(move |page| {
        let follows = page.from == next;
        let leaves = if follows { page.leaves } else { Vec::new() };
        next += leaves.len() as u64;
        leaves
    })
}

/// Asks for some pages, one after the other, in one session.
async fn pages(
    client: &Client,
    from: u64,
    count: u64,
    output: &Output,
) -> Result<Vec<LogPage>, CliError> {
    let at_once = LOG_PAGE_LEAVES_MAX as u64;
    let page = |number| AdminRequest::Log(LogRequest::Page { from: from + number * at_once });
    let asks = (0..count).map(page).collect();
    let spinner = output.spinner(output.messages().text("sync.running", &[]));
    let report = client.sync(SyncOptions { asks, ..SyncOptions::default() }).await;
    spinner.finish_and_clear();
    let mut pages = Vec::new();
    for answer in report.map_err(|error| device_folder::told(client, error))?.answers {
        match answer {
            AdminAnswer::Log(LogAnswer::Page(page)) => pages.push(page),
            AdminAnswer::Refused(failure) => return Err(CliError::Refused { failure }),
            _ => return Err(CliError::NoAnswer),
        }
    }
    Ok(pages)
}
