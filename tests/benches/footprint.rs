//! What stored inspections cost: bytes of memory and of disk for each, on a phone. A plain program
//! that prints a table. `BIENBAN_FOOTPRINT=10000,100000` says how many to store.
#![allow(clippy::print_stdout, reason = "a report is what this program is for")]
#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bienban_core::checklist::TEA;
use bienban_core::clock::Stopwatch;
use bienban_core::model::Kind;
use bienban_core::replica::{ListQuery, Projection};
use bienban_core::store::{DiskStore, Options};
use bienban_tests::fleet::{self, NOW, resident_bytes};

/// How many inspections, unless told otherwise.
const COUNTS: &str = "10000,100000";
const COUNTS_NAME: &str = "BIENBAN_FOOTPRINT";
/// The folder that a child process opens and measures: memory is a process's own.
const CHILD: &str = "BIENBAN_FOOTPRINT_CHILD";
const NEWEST: usize = 50;

fn open(folder: &Path) -> Arc<DiskStore> {
    Arc::new(DiskStore::open(folder, Arc::new(Projection), Options::at(NOW.0)).unwrap())
}

fn main() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return measure(Path::new(&folder));
    }
    let counts = std::env::var(COUNTS_NAME).unwrap_or_else(|_| COUNTS.to_owned());
    println!("inspections, one answer each | opened and listed | after reading every row | disk");
    for count in std::iter::once(0).chain(counts.split(',').map(|count| count.parse().unwrap())) {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let watch = Stopwatch::start();
        let phone = fleet::phone_over(open(folder.path()), 1);
        let _ = fleet::fill(&phone, TEA, 0..count);
        phone.replica().refresh(usize::MAX).unwrap();
        drop(phone);
        let (journal, index) =
            (size(&folder.path().join("journal")), size(&folder.path().join("index")));
        print!("{count:>8} (made in {:.0?}): ", watch.elapsed());
        let program = std::env::current_exe().unwrap();
        let told = Command::new(program).env(CHILD, folder.path()).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        print!("{}", String::from_utf8_lossy(&told.stdout).trim_end());
        let each = |bytes: u64| bytes / u64::from(count.max(1));
        println!("; journal {} B each, index {} B each", each(journal), each(index));
    }
}

fn measure(folder: &Path) {
    let watch = Stopwatch::start();
    let phone = fleet::phone_over(open(folder), 1);
    phone.replica().refresh(usize::MAX).unwrap();
    let count = u32::try_from(phone.replica().totals().unwrap().documents).unwrap();
    let query = ListQuery { limit: NEWEST, ..ListQuery::default() };
    phone.replica().list(Kind::Inspection, &query).unwrap();
    let (took, listed) = (watch.elapsed(), resident_bytes().unwrap_or(0));
    let mut query = ListQuery { limit: 500, ..ListQuery::default() };
    loop {
        let page = phone.replica().list(Kind::Inspection, &query).unwrap();
        let Some(last) = page.last() else { break };
        query.after = Some((last.updated_at.0, last.document));
    }
    let all = resident_bytes().unwrap_or(0);
    let each = |bytes: u64| bytes / u64::from(count.max(1));
    print!("{took:.1?}, {listed} B, {} B each; {all} B, {} B each", each(listed), each(all));
}

fn size(folder: &Path) -> u64 {
    let Ok(items) = std::fs::read_dir(folder) else { return 0 };
    items
        .map(|item| {
            let item = item.unwrap();
            let about = item.metadata().unwrap();
            if about.is_dir() { size(&item.path()) } else { about.len() }
        })
        .sum()
}
