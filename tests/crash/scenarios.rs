//! What is recorded, cut and made to fail: one entry of [`SCENARIOS`] for each kind of work of a store.
//!
//! A step is a function that runs in a process of its own; those of a scenario run one after another on
//! one folder. Each is recorded for power cuts, has each of its calls fail, and what its cuts leave is
//! recovered under the recorder and cut again. A new kind of work is one function here, and its entry.

use std::fs;
use std::path::Path;

use crate::stage::{Opening, PLAIN, Stage, sample_row};

/// A kind of work.
pub(crate) struct Scenario {
    /// How it is told of.
    pub name: &'static str,
    /// Puts into an empty folder what is there before, and returns what of it must be found.
    pub before: fn(&Path) -> Vec<String>,
    /// What happens, a process each.
    pub steps: &'static [fn(&Stage)],
}

impl Scenario {
    const fn new(name: &'static str, steps: &'static [fn(&Stage)]) -> Self {
        Self { name, before: nothing, steps }
    }

    /// Finds one by its name.
    pub(crate) fn named(name: &str) -> &'static Self {
        SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap()
    }
}

/// Every kind of work. The first ones are short: calls fail in this order, and the last is long.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("first-second", &[first_second]),
    Scenario::new("rolling", &[rolling, rolling_closed]),
    Scenario::new("rebuilding", &[filled, without_index, with_damaged_index, another_projection]),
    Scenario { before: first_format, ..Scenario::new("upgrade-1", UPGRADE) },
    Scenario { before: second_format, ..Scenario::new("upgrade-2", UPGRADE) },
    Scenario::new("sealing", &[filled, sealed, sealed_anew]),
    Scenario::new("shortening", &[padded, shortened, shortened_beside_work]),
    Scenario::new("repairing", &[filled, with_damaged_journal, with_damaged_journal]),
    Scenario::new(WORK, &[many_writers, closed, another_projection, killed]),
];

/// The one that can go on from its own end, for as long as calls are to fail.
pub(crate) const WORK: &str = "work";

const UPGRADE: &[fn(&Stage)] = &[taken_up, closed, sealed];

/// Few commits begin another segment.
const SHORT: Opening = Opening { segment_bytes: 2 << 10, ..PLAIN };

fn nothing(_: &Path) -> Vec<String> {
    Vec::new()
}

/// Rows of the samples that the store's own tests wrote.
const SAMPLE_ROWS: [&str; 4] = ["k000", "k002", "k004", "k006"];

fn sample(root: &Path, name: &str) -> Vec<String> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/store/fixtures");
    let journal = root.join("store/journal");
    fs::create_dir_all(&journal).unwrap();
    fs::copy(fixtures.join(name), journal.join("00000001.seg")).unwrap();
    // Whoever wrote it locked the folder; of the rest nothing has come along.
    fs::write(root.join("store/lock"), "bienban lock\n").unwrap();
    SAMPLE_ROWS.map(sample_row).to_vec()
}

fn first_format(root: &Path) -> Vec<String> {
    sample(root, "journal-v1.seg")
}

fn second_format(root: &Path) -> Vec<String> {
    sample(root, "journal-v2.seg")
}

/// A store is made, and killed after its first commits.
fn first_second(stage: &Stage) {
    stage.open(PLAIN);
    stage.commits(2, 3);
}

/// Nearly each commit begins a segment.
fn rolling(stage: &Stage) {
    stage.open(SHORT);
    stage.commits(2, 8);
}

fn rolling_closed(stage: &Stage) {
    stage.open(SHORT);
    stage.commits(1, 8);
    stage.reopen();
    stage.commits(1, 1);
    stage.close();
}

fn filled(stage: &Stage) {
    stage.open(SHORT);
    stage.commits(1, 20);
    stage.close();
}

/// The index is gone, and is made from the journal.
fn without_index(stage: &Stage) {
    stage.remove_index();
    stage.open(SHORT);
    stage.commits(1, 3);
}

/// The index has changed bytes, which is found in one that was not closed.
fn with_damaged_index(stage: &Stage) {
    stage.damage("store/index/db", 3_000);
    stage.open(SHORT);
    stage.commits(1, 3);
    stage.close();
}

/// What records mean is another thing than before.
fn another_projection(stage: &Stage) {
    stage.open(Opening { projection: 2, ..SHORT });
    stage.commits(1, 10);
    stage.close();
}

/// The second segment's header is damaged; no record is.
fn with_damaged_journal(stage: &Stage) {
    stage.damage("store/journal/00000002.seg", 20);
    stage.open(SHORT);
    stage.commits(1, 4);
    stage.close();
}

/// What an earlier program wrote is opened by this one.
fn taken_up(stage: &Stage) {
    stage.open(SHORT);
    stage.commits(1, 4);
}

/// A plain store is sealed.
fn sealed(stage: &Stage) {
    stage.open(Opening { key: 7, ..SHORT });
    stage.commits(1, 3);
    stage.close();
}

/// A sealed one gets another key.
fn sealed_anew(stage: &Stage) {
    stage.open(Opening { key: 8, ..SHORT });
    stage.commits(1, 3);
}

/// Records hold what means nothing, for later.
fn padded(stage: &Stage) {
    stage.open(SHORT);
    stage.pad();
    stage.commits(1, 16);
    stage.close();
}

/// Closed segments are written shorter, and work goes on behind them.
fn shortened(stage: &Stage) {
    stage.open(SHORT);
    stage.shorten();
    stage.commits(1, 3);
}

/// As above in a store that was not closed, sealed, with commits in between; then the index is made anew.
fn shortened_beside_work(stage: &Stage) {
    stage.open(Opening { key: 7, ..SHORT });
    stage.pad();
    stage.commits(2, 6);
    stage.shorten();
    stage.commits(1, 2);
    stage.reopen();
    stage.shorten();
    stage.close();
    stage.remove_index();
    stage.open(Opening { key: 7, ..SHORT });
    stage.commits(1, 1);
}

fn many_writers(stage: &Stage) {
    stage.open(PLAIN);
    stage.commits(4, 50);
}

fn closed(stage: &Stage) {
    stage.open(PLAIN);
    stage.commits(2, 20);
    stage.close();
}

fn killed(stage: &Stage) {
    stage.open(Opening { projection: 2, ..PLAIN });
    stage.commits(4, 10);
}
