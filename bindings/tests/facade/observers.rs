//! Observers: what they are told, and that nothing they do reaches the core.

use std::sync::Arc;
use std::time::Duration;

use bienban_bindings::BienbanError;

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
