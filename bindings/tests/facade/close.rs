//! Opening and closing, at any time.

use std::sync::Arc;
use std::time::Duration;

use bienban_bindings::{
    Bienban, BienbanError, InspectionFilter, KeyStore, KeyStoreError, ListQuery, NextStep,
    OpenOptions,
};

use crate::{Keys, open_with};

#[tokio::test]
async fn a_folder_is_made_sealed_closed_and_opened_again_as_the_same_device() {
    let dir = tempfile::tempdir().unwrap();
    let (dir, keys) = (dir.path().join("store"), Arc::new(Keys::default()));
    let app = open_with(&dir, keys.clone()).await.unwrap();
    let device = app.device().unwrap();
    assert_eq!(device.len(), 64);
    let me = app.me().await.unwrap();
    assert_eq!((me.device.as_str(), me.hub, me.met_hub), (device.as_str(), None, false));
    app.shutdown().await.unwrap();
    let again = open_with(&dir, keys).await.unwrap();
    assert_eq!(again.device().unwrap(), device);
    again.shutdown().await.unwrap();
    // The key lies in the keystore alone.
    assert!(!dir.join("store.key").exists());
    let other = open_with(&dir, Arc::new(Keys::default())).await.err().unwrap();
    let BienbanError::Locked { report } = other else { panic!("{other:?}") };
    assert_eq!(report.next, NextStep::Report);
    assert_eq!(report.report_id.len(), 8);
}

#[tokio::test]
async fn a_folder_without_a_name_is_refused_before_a_key_is_made() {
    let keys = Arc::new(Keys::default());
    let refused = open_with(std::path::Path::new(""), keys.clone()).await.err().unwrap();
    let BienbanError::Invalid { report } = refused else { panic!("{refused:?}") };
    assert_eq!(report.next, NextStep::Report);
    assert_eq!(keys.load_key(String::new()).unwrap(), None);
    assert!(!std::path::Path::new("keys").exists(), "a key file lies in the current folder");
}

/// A keystore that takes its time, as one that asks for a finger does.
#[derive(Default)]
struct SlowKeys(Keys);

impl KeyStore for SlowKeys {
    fn load_key(&self, name: String) -> Result<Option<Vec<u8>>, KeyStoreError> {
        let key = self.0.load_key(name);
        std::thread::sleep(Duration::from_millis(100));
        key
    }

    fn save_key(&self, name: String, key: Vec<u8>) -> Result<(), KeyStoreError> {
        self.0.save_key(name, key)
    }

    fn delete_key(&self, name: String) -> Result<(), KeyStoreError> {
        self.0.delete_key(name)
    }
}

#[tokio::test]
async fn several_that_open_a_new_folder_at_once_agree_on_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let (path, keys) = (dir.path().to_str().unwrap(), Arc::new(SlowKeys::default()));
    let open = || Bienban::open(path.to_owned(), keys.clone(), OpenOptions::default());
    let opened: Vec<_> = (0..4).map(|_| tokio::spawn(open())).collect();
    let mut devices = Vec::new();
    for opening in opened {
        match opening.await.unwrap() {
            Ok(app) => {
                devices.push(app.device().unwrap());
                app.shutdown().await.unwrap();
            }
            Err(other) => assert!(matches!(other, BienbanError::InUse { .. }), "{other:?}"),
        }
    }
    let again = open().await.unwrap();
    devices.push(again.device().unwrap());
    devices.dedup();
    assert_eq!(devices.len(), 1);
    assert!(again.shutdown().await.is_ok());
}

#[tokio::test]
async fn an_opening_that_is_given_up_waits_for_nothing_and_the_next_one_opens() {
    let dir = tempfile::tempdir().unwrap();
    let (path, keys) = (dir.path().to_str().unwrap(), Arc::new(SlowKeys::default()));
    let patient = OpenOptions { patience_ms: 20_000, ..OpenOptions::default() };
    let open = || Bienban::open(path.to_owned(), keys.clone(), patient.clone());
    let given_up = tokio::time::timeout(Duration::from_millis(10), open()).await;
    assert!(given_up.is_err(), "it opened before it was given up");
    open().await.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn a_keystore_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let failed = open_with(&dir.path().join("store"), Keys::failing()).await.err().unwrap();
    assert!(matches!(failed, BienbanError::Locked { .. }), "{failed:?}");
    assert!(!dir.path().join("store").exists());
}

#[tokio::test]
async fn a_folder_that_is_open_is_not_opened_twice() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(Keys::default());
    let app = open_with(dir.path(), keys.clone()).await.unwrap();
    let second = open_with(dir.path(), keys).await.err().unwrap();
    assert!(matches!(second, BienbanError::InUse { .. }), "{second:?}");
    app.shutdown().await.unwrap();
}

#[tokio::test]
async fn every_call_after_close_says_closed_and_closing_twice_is_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let run = app.start_sync().unwrap();
    app.shutdown().await.unwrap();
    app.shutdown().await.unwrap();
    assert!(app.is_closed().unwrap());
    let closed = [
        app.device().err(),
        app.me().await.err(),
        app.plans(ListQuery::default()).await.err(),
        app.inspections(ListQuery::default(), InspectionFilter::default()).await.err(),
        app.ledger().await.err(),
        app.sync().await.err(),
        app.start_sync().err(),
        app.start_background_sync().await.err(),
        app.stop_background_sync().await.err(),
        app.resume_enrolment().await.err(),
    ];
    for error in closed {
        assert!(matches!(error, Some(BienbanError::Closed { .. })), "{error:?}");
    }
    // What was under way has ended one way or another.
    assert!(run.wait().await.is_err());
    run.cancel().unwrap();
}

#[tokio::test]
async fn closing_while_calls_run_lets_each_of_them_end() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(Keys::default());
    let app = open_with(dir.path(), keys.clone()).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..200 {
        let app = Arc::clone(&app);
        calls.push(tokio::spawn(async move { app.checklists().await }));
    }
    let closing = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.shutdown().await })
    };
    for call in calls {
        match call.await.unwrap() {
            Ok(rows) => assert!(rows.is_empty()),
            Err(error) => assert!(matches!(error, BienbanError::Closed { .. }), "{error:?}"),
        }
    }
    closing.await.unwrap().unwrap();
    // Nothing of it is open any more.
    open_with(dir.path(), keys).await.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn an_object_that_is_dropped_closes_itself() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(Keys::default());
    drop(open_with(dir.path(), keys.clone()).await.unwrap());
    let mut tries = 0;
    while let Err(error) = open_with(dir.path(), keys.clone()).await {
        assert!(matches!(error, BienbanError::InUse { .. }), "{error:?}");
        tries += 1;
        assert!(tries < 200, "it stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
