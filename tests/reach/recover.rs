//! A phone whose store failed finds its own way back: the next sync opens the store again, without a
//! restart, wherever the failure was met.

use std::collections::VecDeque;
use std::sync::Arc;

use bienban_core::model::Genesis;
use bienban_core::replica::{Hub, HubRunner, Phone, PhoneOptions, PhoneRunner, Projection};
use bienban_core::store::faults::{Failure, FaultyFiles};
use bienban_core::store::{DiskStore, Fault, MemoryStore, Options, Store};
use bienban_core::sync::Ending;
use bienban_tests::fleet::{self, NOW, SHORT};

/// A phone that has synced once, and news for it at the hub.
struct Scene {
    hub: Arc<Hub>,
    phone: Arc<Phone>,
    genesis: Genesis,
}

impl Scene {
    fn new(store: Arc<dyn Store>) -> Self {
        let (hub, template) = fleet::hub(SHORT, 2);
        let (phone, other) = (fleet::phone_over(store, 1), fleet::phone(2));
        fleet::exchange(&phone, &hub);
        fleet::exchange(&other, &hub);
        let genesis = fleet::visit(template, 1);
        other.edit(&genesis, NOW, |editor| editor.answer("1.1", fleet::answer("other"))).unwrap();
        fleet::exchange(&other, &hub);
        Self { hub, phone, genesis }
    }

    fn edit(&self, value: &str) -> bool {
        let answer = fleet::answer(value);
        self.phone.edit(&self.genesis, NOW, |editor| editor.answer("2.1", answer)).is_ok()
    }

    /// An exchange in which the phone's store fails.
    fn fail_in_exchange(&self) {
        let options = PhoneOptions { hub: self.hub.device(), live: false, asks: Vec::new() };
        let started = PhoneRunner::start(self.phone.clone(), options, Box::new(|| [8; 16]), NOW);
        let Ok(mut here) = started else { return };
        let mut there = HubRunner::start(self.hub.clone(), fleet::entry(1).into(), NOW).unwrap();
        let mut down = VecDeque::new();
        for _ in 0..64 {
            loop {
                match here.poll_frame(NOW) {
                    Ok(Some(frame)) => there.handle(&frame).unwrap(),
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
            while let Some(frame) = there.poll_frame(NOW).unwrap() {
                down.push_back(frame);
            }
            if let Some(frame) = down.pop_front()
                && here.handle(&frame).is_err()
            {
                return;
            }
        }
        panic!("the store did not fail");
    }

    /// One sync and nothing else: the phone has what is new, and keeps what it is told.
    fn check(&self, context: &str) {
        let (outcome, _) = fleet::exchange(&self.phone, &self.hub);
        assert_eq!(outcome.ending, Ending::Done, "{context}");
        let id = self.genesis.document();
        let here = self.phone.replica().load(id).unwrap_or_else(|e| panic!("{context}: {e}"));
        let said = here.view().history("1.1").len();
        assert_eq!(said, 1, "{context}: what is new came with the first sync");
        assert!(self.edit("after"), "{context}");
        fleet::exchange(&self.phone, &self.hub);
        let (here, there) = (&self.phone, self.hub.replica().load(id).unwrap());
        let here = here.replica().load(id).unwrap();
        assert_eq!(here.view().record().digest(), there.view().record().digest(), "{context}");
        assert_eq!(self.phone.only_here().unwrap(), [], "{context}");
        let verified = self.phone.replica().store().verify().unwrap();
        assert_eq!(verified.problems, Vec::<String>::new(), "{context}");
    }
}

#[test]
fn a_phone_recovers_by_syncing_alone_wherever_its_store_failed() {
    for fault in [Fault::Full, Fault::SyncFails] {
        for in_exchange in [false, true] {
            let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
            let scene = Scene::new(store.clone());
            store.set_fault(Some(fault));
            if in_exchange {
                scene.fail_in_exchange();
            } else {
                assert!(!scene.edit("refused"));
            }
            store.set_fault(None);
            scene.check(&format!("{fault:?}, met while syncing: {in_exchange}"));
        }
    }
}

#[test]
fn a_phone_over_files_recovers_by_syncing_alone_after_any_failed_call() {
    for failure in [Failure::Full, Failure::Device] {
        for call in 1..=4 {
            let (folder, files) = (tempfile::tempdir().unwrap(), FaultyFiles::new());
            let options = Options { files: Arc::new(files.clone()), ..Options::at(NOW.0) };
            let store = DiskStore::open(folder.path(), Arc::new(Projection), options).unwrap();
            let scene = Scene::new(Arc::new(store));
            files.fail_at(call, failure, true);
            scene.fail_in_exchange();
            assert!(files.failed() > 0, "{failure:?} {call}");
            files.heal();
            scene.check(&format!("{failure:?} at call {call}"));
        }
    }
}
