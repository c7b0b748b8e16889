//! A hub in this process over real QUIC, its children that merge, two honest phones, and a hostile one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bienban_core::checklist::Template;
use bienban_core::clock::{self, Stopwatch};
use bienban_core::driver::{self, SyncOptions};
use bienban_core::model::{Document, DocumentId, Genesis, Shape, TemplateId, Timestamp};
use bienban_core::net::{HubAddress, Limits, PhoneEndpoint};
use bienban_core::replica::{Hub, Phone};
use bienban_core::sync::{PlainEntry, Role};
use bienban_core::trust::DeviceKey;
use bienban_core::trust::log::{LogEntry, LogLeaf, Refusal, Turned};
use bienban_server::config::StoreConfig;
use bienban_server::hub::{HubConfig, HubError, RunningHub};
use bienban_tests::fleet::{self, SHORT};
use bienban_tests::process::PATIENCE;
use bienban_tests::scene::ROUNDS;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::device::Hostile;

/// The numbers of the devices here, as [`fleet`] counts them.
pub(crate) const ONE: u8 = 1;
pub(crate) const TWO: u8 = 2;
pub(crate) const LEADER: u8 = 50;
pub(crate) const HOSTILE: u8 = 66;
pub(crate) const ADMIN: u8 = 70;

/// Who is turned away is written once a minute.
const MINUTE_MS: i64 = 61_000;

/// Between two looks at what will come soon.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) struct Stage {
    runtime: Runtime,
    pub(crate) hub: Arc<Hub>,
    pub(crate) hostile: Hostile,
    pub(crate) template: TemplateId,
    pub(crate) shape: Shape,
    address: HubAddress,
    phones: [(u8, Arc<Phone>); 2],
    typed: Mutex<Vec<String>>,
    next: AtomicU32,
    stop: watch::Sender<bool>,
    serving: Mutex<Option<JoinHandle<Result<(), HubError>>>>,
    _folder: TempDir,
}

/// Ends the honest work beside an attack, however that ended.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&fleet::phone_seed(number))
}

impl Stage {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let role = |number, role| PlainEntry { role, ..fleet::entry(number) };
        let config = HubConfig {
            dir: folder.path().to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
            limits: Limits::default(),
            shutdown: Duration::from_secs(1),
            store: StoreConfig::default(),
            merging: bienban_tests::binary::merging(),
            pushes: 1,
            restored: false,
            trust: vec![
                fleet::entry(ONE),
                fleet::entry(TWO),
                fleet::entry(HOSTILE),
                role(LEADER, Role::Leader),
                role(ADMIN, Role::Admin),
            ],
        };
        let runtime = Runtime::new().unwrap();
        let running = {
            let _inside = runtime.enter();
            RunningHub::open(&config).unwrap()
        };
        let template = running.hub().publish(SHORT.to_vec()).unwrap();
        let (hub, at) = (running.hub().clone(), running.address());
        let address = HubAddress::at(at, running.key());
        let (stop, stopped) = watch::channel(false);
        let serving = Mutex::new(Some(runtime.spawn(running.run(stopped))));
        let stage = Self {
            hub,
            hostile: Hostile::new(fleet::phone_seed(HOSTILE), address.clone(), at),
            template,
            shape: Template::parse(SHORT).unwrap().shape(),
            address,
            phones: [ONE, TWO].map(|number| (number, fleet::phone(number))),
            typed: Mutex::default(),
            next: AtomicU32::new(0),
            stop,
            serving,
            runtime,
            _folder: folder,
        };
        stage.sync_all();
        stage.work();
        stage
    }

    /// The visit that the honest phones fill.
    pub(crate) fn visit(&self) -> Genesis {
        fleet::visit(self.template, 1)
    }

    pub(crate) fn phone(&self, which: usize) -> &Arc<Phone> {
        &self.phones[which].1
    }

    fn sync_all(&self) {
        for (number, phone) in &self.phones {
            self.runtime.block_on(async {
                let endpoint = PhoneEndpoint::bind(&fleet::phone_seed(*number)).unwrap();
                let exchange =
                    driver::exchange(phone, &endpoint, &self.address, SyncOptions::default());
                let report = tokio::time::timeout(PATIENCE, exchange).await.unwrap().unwrap();
                assert_eq!(report.progress.refused, 0, "an honest phone: {report:?}");
                endpoint.wait_idle(PATIENCE).await;
            });
        }
    }

    /// Each honest phone answers an item and exchanges.
    pub(crate) fn work(&self) {
        for (device, phone) in &self.phones {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let token = format!("honest-{number}");
            // An item of its own each: the first is for attacks, and conflicts are not what is tested.
            let item = &self.shape.items()[usize::from(*device)];
            let told = fleet::answer(&token);
            phone.edit(&self.visit(), clock::now(), |editor| editor.answer(item, told)).unwrap();
            self.typed.lock().unwrap().push(token);
        }
        self.sync_all();
    }

    /// Lets the honest phones work before, while and after something is done to the hub.
    pub(crate) fn during<T>(&self, attack: impl FnOnce(&Hostile) -> T) -> T {
        let over = AtomicBool::new(false);
        let done = std::thread::scope(|scope| {
            let honest = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    self.work();
                }
            });
            let done = {
                let _over = Over(&over);
                attack(&self.hostile)
            };
            honest.join().unwrap();
            done
        });
        self.work();
        done
    }

    /// Returns the log's leaves, those of the minute under way too.
    pub(crate) fn log(&self) -> Vec<LogLeaf> {
        self.hub.settle_log(Timestamp(clock::now().0 + MINUTE_MS)).unwrap();
        let mut leaves = Vec::new();
        loop {
            let page = self.hub.log_page(leaves.len() as u64, clock::now()).unwrap();
            if page.leaves.is_empty() {
                return leaves;
            }
            leaves.extend(page.leaves.iter().map(|leaf| LogLeaf::decode(leaf).unwrap()));
        }
    }

    /// Waits for a leaf of the log.
    pub(crate) fn expect_leaf(&self, what: &str, wanted: impl Fn(&LogLeaf) -> bool) -> LogLeaf {
        let watch = Stopwatch::start();
        loop {
            let leaves = self.log();
            if let Some(leaf) = leaves.iter().find(|leaf| wanted(leaf)) {
                return leaf.clone();
            }
            assert!(watch.elapsed() < PATIENCE, "{what} is not in the log: {leaves:#?}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until the log says that a document's changes were refused, and why.
    pub(crate) fn expect_refused(&self, of: DocumentId, reason: Refusal) {
        self.expect_leaf(&format!("{reason:?}"), |leaf| {
            matches!(&leaf.entry, LogEntry::Refused { document, why, .. }
                if *document == of && *why == reason)
        });
    }

    /// Waits until the log says that the hostile device, or what it sent, was turned away.
    pub(crate) fn expect_turned(&self, reason: Turned) {
        self.expect_turned_of(self.hostile.key.device(), reason);
    }

    pub(crate) fn expect_turned_of(&self, who: bienban_core::model::DeviceId, reason: Turned) {
        self.expect_leaf(&format!("{reason:?}"), |leaf| {
            matches!(&leaf.entry, LogEntry::TurnedAway { why, device, .. }
                if *why == reason && *device == Some(who))
        });
    }

    /// What the hub's record of a document says in all answers, sorted.
    pub(crate) fn answers(&self, document: &Document) -> Vec<String> {
        let view = document.view();
        let said = self.shape.items().iter().flat_map(|item| view.history(item));
        let mut values: Vec<String> =
            said.map(|said| said.value.value.clone().unwrap_or_default()).collect();
        values.sort();
        values
    }

    /// Fails unless hub and honest phones hold the same record of the visit, with all that was typed
    /// and, besides, `more`; and nothing is only on a phone.
    pub(crate) fn expect_honest(self, more: &[&str]) {
        for _ in 0..ROUNDS {
            self.work();
            self.merged();
        }
        self.sync_all();
        self.sync_all();
        let at_hub = self.hub.replica().load(self.visit().document()).unwrap();
        let digest = at_hub.view().record().digest();
        for (number, phone) in &self.phones {
            let here = phone.replica().load(self.visit().document()).unwrap();
            assert_eq!(here.view().record().digest(), digest, "phone {number} has another digest");
            assert_eq!(phone.only_here().unwrap(), [], "phone {number}");
        }
        let mut typed = self.typed.lock().unwrap().clone();
        typed.extend(more.iter().map(|text| (*text).to_owned()));
        typed.sort();
        assert_eq!(self.answers(&at_hub), typed, "all that was typed, once, and nothing else");
        self.stop.send_replace(true);
        let serving = self.serving.lock().unwrap().take().unwrap();
        self.runtime.block_on(serving).unwrap().unwrap();
    }

    /// Waits until nothing waits to be merged.
    pub(crate) fn merged(&self) {
        let watch = Stopwatch::start();
        while self.hub.status().unwrap().pending > 0 {
            assert!(watch.elapsed() < PATIENCE, "the hub does not merge");
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
