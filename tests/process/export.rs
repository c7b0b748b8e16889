//! An export through the library for apps, while the hub is there and says nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bienban_bindings::{Bienban, BienbanError, KeyStore, KeyStoreError, OpenOptions};
use bienban_tests::process::PATIENCE;
use bienban_tests::scene::{Scene, items};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::program::text;

/// How long the export is seen not to end before it is cancelled: waiting for the hub, or still on its way to it. It gives
/// up by itself after several seconds.
const UNDER_WAY: Duration = Duration::from_millis(500);

/// The keystore of an app that took over the folder of a command: it has the key that lay beside it.
struct OneKey(Vec<u8>);

impl OneKey {
    fn of(phone: &Path) -> Arc<Self> {
        let key = std::fs::read_to_string(phone.join("store.key")).unwrap();
        Arc::new(Self(hex::decode(key.trim()).unwrap()))
    }
}

impl KeyStore for OneKey {
    fn load_key(&self, _name: String) -> Result<Option<Vec<u8>>, KeyStoreError> {
        Ok(Some(self.0.clone()))
    }

    fn save_key(&self, _name: String, _key: Vec<u8>) -> Result<(), KeyStoreError> {
        Ok(())
    }

    fn delete_key(&self, _name: String) -> Result<(), KeyStoreError> {
        Ok(())
    }
}

fn signal(process: u32, name: &str) {
    let told = Command::new("kill").args([name, &process.to_string()]).status().unwrap();
    assert!(told.success());
}

/// Returns the names of a folder's files, those half written among them.
fn files(dir: &Path) -> BTreeSet<String> {
    let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name().into_string();
    std::fs::read_dir(dir).unwrap().map(|file| name(file).unwrap()).collect()
}

#[test]
fn an_export_that_is_cancelled_while_the_hub_is_silent_writes_no_file_and_the_next_one_does() {
    let scene = Scene::with_phones(1);
    let phone = &scene.phones[0];
    scene.field(phone, &["answer", &scene.inspection, &items()[0], "dat"]);
    scene.sync(phone);
    let (hub, out) = (scene.hub.as_ref().unwrap().id(), scene.path("out"));
    std::fs::create_dir(&out).unwrap();
    let file = |name: &str| text(&out.join(name)).to_owned();
    signal(hub, "-STOP");
    Runtime::new().unwrap().block_on(async {
        let opened =
            Bienban::open(text(phone).to_owned(), OneKey::of(phone), OpenOptions::default());
        let app = opened.await.unwrap();
        let export =
            |name: &str, offline| app.export_record(scene.inspection.clone(), file(name), offline);
        let run = app.start_export(scene.inspection.clone(), file("cancelled"), false).unwrap();
        assert!(timeout(UNDER_WAY, run.wait()).await.is_err(), "it did not wait for the hub");
        run.cancel().unwrap();
        let ended = timeout(PATIENCE, run.wait()).await.unwrap().err().unwrap();
        assert!(matches!(ended, BienbanError::Cancelled { .. }), "{ended:?}");
        // The same for a future that is dropped.
        let dropped = timeout(UNDER_WAY, export("dropped", false)).await;
        assert!(dropped.is_err(), "it did not wait for the hub");
        // Nothing is in the way of the next one, with the hub or without.
        let alone = timeout(PATIENCE, export("alone", true)).await.unwrap().unwrap();
        assert_eq!(alone.leaves, None);
        signal(hub, "-CONT");
        let proved = timeout(PATIENCE, export("proved", false)).await.unwrap().unwrap();
        assert!(proved.leaves > Some(0) && !proved.unhelped, "{proved:?}");
        // Had they gone on, they would have had the line before, and would have ended by now.
        assert_eq!(files(&out), ["alone", "proved"].map(str::to_owned).into());
        assert_eq!(std::fs::metadata(file("proved")).unwrap().len(), proved.bytes);
        app.shutdown().await.unwrap();
    });
}
