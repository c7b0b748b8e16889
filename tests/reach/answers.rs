//! Recording an answer: one sync of the journal, and not before it is done.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use bienban_core::model::Editor;
use bienban_core::replica::{Projection, ReplicaError};
use bienban_core::store::faults::{Failure, FaultyFiles};
use bienban_core::store::{DiskStore, Options};
use bienban_tests::fleet::{self, NOW, SHORT};

/// Far longer than a sync takes, far shorter than the slow one of the test.
const AT_ONCE: Duration = Duration::from_millis(300);
const SLOW_SYNC: Duration = Duration::from_millis(1_500);

fn opened(folder: &std::path::Path, files: &FaultyFiles) -> Arc<DiskStore> {
    let options = Options { files: Arc::new(files.clone()), ..Options::at(NOW.0) };
    Arc::new(DiskStore::open(folder, Arc::new(Projection), options).unwrap())
}

#[test]
fn an_answer_costs_one_sync_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let files = FaultyFiles::new();
    let phone = fleet::phone_over(opened(folder.path(), &files), 1);
    let genesis = fleet::visit(fleet::fill(&phone, SHORT, 0..1), 0);
    for number in 0..20 {
        let before = files.syncs();
        let text = format!("value {number}");
        let done = phone.edit(&genesis, NOW, |editor| editor.answer("1.1", fleet::answer(&text)));
        assert!(done.unwrap().recorded.is_some());
        assert_eq!(files.syncs() - before, 1, "answer {number}");
    }
}

#[test]
fn an_answer_returns_only_after_its_sync() {
    let folder = tempfile::tempdir().unwrap();
    let files = FaultyFiles::new();
    let phone = fleet::phone_over(opened(folder.path(), &files), 1);
    let genesis = fleet::visit(fleet::fill(&phone, SHORT, 0..1), 0);
    files.slow_down(SLOW_SYNC);
    let (send, receive) = sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let answer = fleet::answer("slow");
            let done = phone.edit(&genesis, NOW, |editor| editor.answer("1.1", answer));
            send.send(done.unwrap().recorded).unwrap();
        });
        assert_eq!(receive.recv_timeout(AT_ONCE), Err(RecvTimeoutError::Timeout));
        assert!(receive.recv().unwrap().is_some());
    });
}

#[test]
fn edits_of_many_documents_are_one_commit_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let files = FaultyFiles::new();
    let phone = fleet::phone_over(opened(folder.path(), &files), 1);
    let plan = fleet::fill(&phone, SHORT, 0..1);
    let answer = |number: u32, item: &'static str| {
        let answer = fleet::answer("imported");
        (fleet::visit(plan, number), move |editor: &mut Editor<'_>| editor.answer(item, answer))
    };
    let held = phone.replica().store().position();
    let faulty = (1..40).map(|n| answer(n, if n == 39 { "no such item" } else { "1.1" }));
    phone.edit_each(NOW, faulty).unwrap_err();
    files.fail_at(1, Failure::Full, false);
    phone.edit_each(NOW, (1..40).map(|n| answer(n, "1.1"))).unwrap_err();
    files.heal();
    // The phone opens its store anew with the next edit.
    let one = fleet::answer("by itself");
    phone.edit(&fleet::visit(plan, 0), NOW, |editor| editor.answer("1.2", one)).unwrap();
    let now = phone.replica().store().position();
    assert_eq!(now.0, held.0 + 1, "nothing of either was recorded");
    let before = files.syncs();
    let done = phone.edit_each(NOW, (1..40).map(|n| answer(n, "1.1"))).unwrap();
    assert_eq!((done, files.syncs() - before), (vec![true; 39], 1));
    let twice = [answer(1, "1.1"), answer(1, "1.2")];
    assert!(matches!(phone.edit_each(NOW, twice), Err(ReplicaError::Twice { .. })));
}
