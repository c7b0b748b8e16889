//! Observers: what they are told, and that nothing they do reaches the core.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use bienban_bindings::{
    BienbanError, Changes, Observer, ObserverError, Subscription, SyncProgress, WipeOrder,
};

use crate::{Keys, Watching, open_with};

async fn until(what: impl Fn() -> bool) {
    for _ in 0..500 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come");
}

#[tokio::test]
async fn an_observer_that_throws_or_panics_is_told_on_and_breaks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let throws = Arc::new(Watching { throws: true, ..Watching::default() });
    let panics = Arc::new(Watching { panics: true, ..Watching::default() });
    let sound = Arc::new(Watching::default());
    let first = app.observe(throws.clone()).await.unwrap();
    let _second = app.observe(panics.clone()).await.unwrap();
    let _third = app.observe(sound.clone()).await.unwrap();
    for told in 1..4 {
        drop(app.sync().await);
        until(|| sound.progress.lock().map_or(true, |told_now| told_now.len() >= told)).await;
    }
    assert!(!throws.progress.lock().unwrap().is_empty());
    first.cancel().unwrap();
    first.cancel().unwrap();
    let before = throws.progress.lock().unwrap().len();
    drop(app.sync().await);
    until(|| sound.progress.lock().unwrap().len() > 3).await;
    assert_eq!(throws.progress.lock().unwrap().len(), before);
    app.shutdown().await.unwrap();
}

#[tokio::test]
async fn more_observers_than_screens_are_refused_and_one_that_is_dropped_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(app.observe(Arc::new(Watching::default())).await.unwrap());
    }
    let more = app.observe(Arc::new(Watching::default())).await.err().unwrap();
    assert!(matches!(more, BienbanError::Invalid { .. }), "{more:?}");
    drop(held.pop());
    app.observe(Arc::new(Watching::default())).await.unwrap();
    app.shutdown().await.unwrap();
}

#[tokio::test]
async fn closing_from_an_observer_ends_and_tells_nobody_more() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let sound = Arc::new(Watching::default());
    let subscription = app.observe(sound).await.unwrap();
    app.shutdown().await.unwrap();
    subscription.cancel().unwrap();
    let late = app.observe(Arc::new(Watching::default())).await.err().unwrap();
    assert!(matches!(late, BienbanError::Closed { .. }), "{late:?}");
}

/// A screen as apps write it: it holds its subscription, and nobody else holds either.
#[derive(Default)]
struct Screen(Mutex<Option<Arc<Subscription>>>);

impl Observer for Screen {
    fn changed(&self, _changes: Changes) -> Result<(), ObserverError> {
        Ok(())
    }

    fn sync_progress(&self, _progress: SyncProgress) -> Result<(), ObserverError> {
        Ok(())
    }

    fn wipe_ordered(&self, _order: WipeOrder) -> Result<(), ObserverError> {
        Ok(())
    }
}

async fn let_screens_go() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let screens = [Arc::new(Screen::default()), Arc::new(Screen::default())];
    for screen in &screens {
        let subscription = app.observe(screen.clone()).await.unwrap();
        *screen.0.lock().unwrap() = Some(subscription);
    }
    let [cancelled, left] = screens;
    let subscription = cancelled.0.lock().unwrap().clone().unwrap();
    drop((cancelled, left));
    subscription.cancel().unwrap();
    app.shutdown().await.unwrap();
}

#[test]
fn a_screen_that_owns_its_subscription_is_let_go() {
    let (done, ended) = mpsc::channel();
    // A thread that nobody waits for: what stands still must not hold up the test.
    thread::spawn(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(let_screens_go());
        done.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(60)).expect("letting a screen go came to its end");
}
