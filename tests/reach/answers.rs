//! Recording an answer: one sync of the journal, and not before it is done.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use bienban_core::replica::Projection;
use bienban_core::store::faults::FaultyFiles;
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
