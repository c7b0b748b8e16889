//! A hub that stops while it merges.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::store::{Done, Read, Record, Store};

/// A store that takes no merge before it is told to, and says when one begins.
struct Slow {
    store: MemoryStore,
    begun: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
}

/// The kind of the record of a merge.
const MERGED: u8 = 9;

impl Read for Slow {
    crate::store::pass_on!(store; get scan);
}

impl Store for Slow {
    fn submit(&self, records: Vec<Record>, done: Done) {
        if records.iter().any(|record| record.kind == MERGED) {
            self.begun.lock().unwrap().send(()).unwrap();
            // Without a sender nothing waits.
            self.go.lock().unwrap().recv().unwrap_or_default();
        }
        self.store.submit(records, done);
    }

    crate::store::pass_on!(store; derive record position read verify reopen opened);
}

/// A hub with two records to merge, and how its merges are heard of and let go.
fn slow() -> (Arc<Hub>, Receiver<()>, Sender<()>) {
    let ((begun, heard), (let_go, go)) = (channel(), channel());
    let store = MemoryStore::new(Arc::new(Projection));
    let store = Slow { store, begun: Mutex::new(begun), go: Mutex::new(go) };
    let options = HubOptions { fresh_epoch: [99; 16], now: NOW };
    let hub = Arc::new(Hub::open(Arc::new(store), key(99), options).unwrap());
    hub.publish(TEA.to_vec()).unwrap();
    hub.trust(entry(1)).unwrap();
    let phone = phone(1);
    let items = vec![FeedItem::Object { bytes: TEA.to_vec() }];
    phone.apply(items, None, Incarnation([8; 16]), NOW).unwrap();
    for visit in 1..=2 {
        let note = NoteEdit::Append("typed".to_owned());
        phone.edit(&genesis(visit), NOW, |editor| editor.note("1.1", note)).unwrap();
    }
    let packs = phone.release(NOW).unwrap();
    hub.accept(phone.device(), &packs, NOW).unwrap();
    assert_eq!(hub.status().unwrap().pending, 2);
    (hub, heard, let_go)
}

fn genesis(visit: u32) -> Genesis {
    Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(Template::parse(TEA).unwrap().id()),
        origin: Origin::Planned { plan: DocumentId([1; 32]), facility: DocumentId([2; 32]), visit },
    }
}

async fn heard(receiver: &Receiver<()>) {
    while receiver.try_recv().is_err() {
        tokio::task::yield_now().await;
    }
}

/// Lets tasks that are ready run.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_stops_waits_for_a_merge_within_its_limit_and_loses_nothing() {
    let (hub, begun, let_go) = slow();
    let (stop, stopping) = watch::channel(false);
    let worker = tokio::spawn(merge_worker(hub.clone(), Wakeup::default(), stopping));
    heard(&begun).await;
    let before = hub.head().unwrap().number;
    stop.send_replace(true);
    settle().await;
    tokio::time::advance(MERGE_STOP_MAX - Duration::from_millis(1)).await;
    settle().await;
    assert!(!worker.is_finished(), "it does not wait for the batch");
    tokio::time::advance(Duration::from_millis(2)).await;
    worker.await.unwrap().unwrap();
    assert_eq!(hub.status().unwrap().pending, 2);
    // What was accepted is merged as at the next start.
    drop(let_go);
    while hub.status().unwrap().pending == 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.merge_all(NOW).unwrap(), 1);
    assert_eq!(hub.head().unwrap().number, before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_stops_ends_the_batch_under_way_and_begins_no_other() {
    let (hub, begun, let_go) = slow();
    let (stop, stopping) = watch::channel(false);
    let worker = tokio::spawn(merge_worker(hub.clone(), Wakeup::default(), stopping));
    heard(&begun).await;
    stop.send_replace(true);
    settle().await;
    let_go.send(()).unwrap();
    worker.await.unwrap().unwrap();
    assert_eq!(hub.status().unwrap().pending, 1);
}
