//! Exchanges that stay, over a real connection: what they cannot do themselves is done by others at
//! once, and they end so that the phone comes again where it may.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bienban_core::driver::{self, DriverError, Live, SyncEvent, SyncOptions, SyncReport};
use bienban_core::net::{HubAddress, Limits, PhoneEndpoint};
use bienban_core::replica::{Hub, Phone, PhoneOptions, PhoneRunner};
use bienban_core::sync::{FailureCode, PlainEntry, Role, Verdict};
use bienban_server::config::StoreConfig;
use bienban_server::hub::{HubConfig, HubError, RunningHub};
use bienban_tests::fleet::{self, NOW, SHORT};
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

/// Nothing here takes seconds; what takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// More edits than one signing step takes (4,096), in few packs.
const INSPECTIONS: u32 = 1_100;
const ANSWERS: usize = 4;

/// A hub that runs until it is told to stop, and its folder.
struct Place {
    hub: Arc<Hub>,
    address: HubAddress,
    stop: watch::Sender<bool>,
    serving: JoinHandle<Result<(), HubError>>,
    _folder: TempDir,
}

impl Place {
    fn open(shutdown: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = HubConfig {
            dir: folder.path().to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
            limits: Limits::default(),
            shutdown,
            store: StoreConfig::default(),
            merging: bienban_tests::binary::merging(),
            pushes: 1,
            restored: false,
            trust: vec![fleet::entry(1), fleet::entry(2)],
        };
        let running = RunningHub::open(&config).unwrap();
        running.hub().publish(SHORT.to_vec()).unwrap();
        let address = HubAddress::at(running.address(), running.key());
        let hub = running.hub().clone();
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(running.run(stopped));
        Self { hub, address, stop, serving, _folder: folder }
    }

    async fn sync(&self, phone: &Arc<Phone>, number: u8) -> SyncReport {
        let endpoint = PhoneEndpoint::bind(&fleet::phone_seed(number)).unwrap();
        let options = SyncOptions::default();
        let exchange = driver::exchange(phone, &endpoint, &self.address, options);
        let report = tokio::time::timeout(PATIENCE, exchange).await.unwrap().unwrap();
        endpoint.wait_idle(PATIENCE).await;
        report
    }

    async fn end(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.serving).await.unwrap().unwrap().unwrap();
    }

    /// Lets a phone stay connected.
    fn stay(&self, phone: &Arc<Phone>, number: u8) -> Staying {
        let (stop, stopped) = watch::channel(false);
        let (tell, told) = mpsc::unbounded_channel();
        let edited = Arc::new(Notify::new());
        let live = Live {
            edited: edited.clone(),
            stop: stopped,
            observer: Arc::new(move |event| drop(tell.send(event))),
        };
        let (phone, address) = (phone.clone(), self.address.clone());
        let exchange = tokio::spawn(async move {
            let endpoint = PhoneEndpoint::bind(&fleet::phone_seed(number)).unwrap();
            let options = SyncOptions { live: Some(live), ..SyncOptions::default() };
            let outcome = driver::exchange(&phone, &endpoint, &address, options).await;
            endpoint.wait_idle(PATIENCE).await;
            outcome
        });
        Staying { edited, stop, told, exchange }
    }
}

/// A phone that stays connected.
struct Staying {
    edited: Arc<Notify>,
    stop: watch::Sender<bool>,
    told: mpsc::UnboundedReceiver<SyncEvent>,
    exchange: JoinHandle<Result<SyncReport, DriverError>>,
}

impl Staying {
    async fn caught_up(&mut self) {
        self.until(|event| matches!(event, SyncEvent::CaughtUp)).await;
    }

    async fn until(&mut self, wanted: impl Fn(&SyncEvent) -> bool) {
        let come =
            async { while !wanted(&self.told.recv().await.expect("the exchange ended before")) {} };
        tokio::time::timeout(PATIENCE, come).await.unwrap();
    }

    async fn end(self) -> Result<SyncReport, DriverError> {
        self.stop.send_replace(true);
        self.outcome().await
    }

    async fn outcome(self) -> Result<SyncReport, DriverError> {
        tokio::time::timeout(PATIENCE, self.exchange).await.unwrap().unwrap()
    }
}

fn all_sent(phone: &Phone) -> bool {
    phone.only_here().unwrap().is_empty()
}

#[test]
fn an_exchange_says_that_more_waits_than_it_takes() {
    let phone = fleet::phone(1);
    let _ = fleet::fill_answers(&phone, SHORT, 0..INSPECTIONS, ANSWERS);
    let start = || {
        let hub = fleet::entry(9).device;
        let options = PhoneOptions { hub, live: false, asks: Vec::new() };
        PhoneRunner::start(phone.clone(), options, Box::new(|| [9; 16]), NOW).unwrap()
    };
    assert!(start().progress().more, "4,400 edits wait");
    assert!(!start().progress().more, "the rest was signed by now");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_exchange_after_the_other_sends_all_that_waits() {
    let place = Place::open(Duration::from_secs(5));
    let phone = fleet::phone(1);
    place.sync(&phone, 1).await;
    let _ = fleet::fill_answers(&phone, SHORT, 0..INSPECTIONS, ANSWERS);
    let report = place.sync(&phone, 1).await;
    assert!(!report.progress.more && report.caught_up);
    assert!(all_sent(&phone));
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_stays_sends_more_than_one_step_signs() {
    let place = Place::open(Duration::from_secs(5));
    let phone = fleet::phone(1);
    let _ = fleet::fill_answers(&phone, SHORT, 0..INSPECTIONS, ANSWERS);
    let mut staying = place.stay(&phone, 1);
    staying.caught_up().await;
    assert!(all_sent(&phone), "before it says that it is caught up");
    // And what is recorded while it is connected.
    let more = INSPECTIONS..2 * INSPECTIONS;
    let _ = fleet::fill_answers(&phone, SHORT, more.clone(), ANSWERS);
    staying.edited.notify_one();
    staying.caught_up().await;
    assert!(all_sent(&phone), "nobody rang again for the rest");
    let report = staying.end().await.unwrap();
    assert!(report.progress.stored >= 2 * INSPECTIONS as usize, "{report:?}");
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_whose_role_is_corrected_comes_back_by_itself_with_what_was_refused() {
    let place = Place::open(Duration::from_secs(5));
    let wrong = PlainEntry { role: Role::Auditor, ..fleet::entry(1) };
    place.hub.trust(wrong).unwrap();
    let phone = fleet::phone(1);
    place.sync(&phone, 1).await;
    let template = fleet::fill(&phone, SHORT, 0..3);
    let report = place.sync(&phone, 1).await;
    assert_eq!((report.progress.refused, report.progress.stored), (3, 0));
    let document = fleet::visit(template, 0).document();
    let refused = phone.notices().unwrap();
    assert!(refused.iter().all(|notice| notice.verdict == Verdict::NotAllowed));
    assert_eq!((refused.len(), phone.arrival(document).unwrap().only_here), (3, 1));

    let mut staying = place.stay(&phone, 1);
    staying.caught_up().await;
    assert_eq!(phone.arrival(document).unwrap().only_here, 1, "nothing has changed");
    place.hub.trust(fleet::entry(1)).unwrap();
    // Whatever grows makes the hub look at the rights of those who are connected.
    let other = fleet::phone(2);
    let _ = fleet::fill(&other, SHORT, 7..8);
    place.sync(&other, 2).await;
    staying.caught_up().await;
    // The hub merges one record after the other, and tells of each as it is done.
    let all_taken = async {
        while !phone.notices().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_taken).await.expect("it is in the record");
    assert_eq!(phone.arrival(document).unwrap().only_here, 0);
    staying.end().await.unwrap();
    assert!(place.hub.replica().load(document).is_ok());
    place.end().await;
}

#[test]
fn a_phone_whose_role_or_units_were_changed_compares_everything_once() {
    let (hub, _) = fleet::hub(SHORT, 1);
    let phone = fleet::phone(1);
    fleet::exchange(&phone, &hub);
    let usual = fleet::entry(1);
    let changes = [
        (PlainEntry { name: "another name".to_owned(), ..usual.clone() }, false),
        (PlainEntry { role: Role::Leader, ..usual.clone() }, true),
        (PlainEntry { scopes: vec!["20".parse().unwrap()], ..usual }, true),
    ];
    for (entry, compares) in changes {
        hub.trust(entry.clone()).unwrap();
        let (_, progress) = fleet::exchange(&phone, &hub);
        assert_eq!(progress.again, compares, "{entry:?}");
        assert_eq!(phone.position().unwrap().is_none(), compares, "without one both compare");
        let (_, progress) = fleet::exchange(&phone, &hub);
        assert!(!progress.again && phone.position().unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_renamed_stays_connected() {
    let place = Place::open(Duration::from_secs(5));
    let (phone, other) = (fleet::phone(1), fleet::phone(2));
    let mut staying = place.stay(&phone, 1);
    staying.caught_up().await;
    let renamed = PlainEntry { name: "another name".to_owned(), ..fleet::entry(1) };
    place.hub.trust(renamed).unwrap();
    let _ = fleet::fill(&other, SHORT, 7..8);
    place.sync(&other, 2).await;
    staying
        .until(|event| matches!(event, SyncEvent::Moved(progress) if progress.received > 0))
        .await;
    let report = staying.end().await.unwrap();
    assert_eq!(report.round_trips, 1, "one connection");
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_whose_rights_end_is_told_so() {
    let place = Place::open(Duration::from_secs(5));
    let (phone, other) = (fleet::phone(1), fleet::phone(2));
    let mut staying = place.stay(&phone, 1);
    staying.caught_up().await;
    place.hub.trust(PlainEntry { active: false, ..fleet::entry(1) }).unwrap();
    let _ = fleet::fill(&other, SHORT, 7..8);
    place.sync(&other, 2).await;
    let Err(DriverError::Refused { failure }) = staying.outcome().await else { panic!("it stays") };
    assert_eq!(failure.code, FailureCode::NotAllowed);
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_stops_tells_those_who_stay_and_waits_for_nobody_else() {
    // So long that the test would fail if the hub waited for it.
    let place = Place::open(PATIENCE * 10);
    let phone = fleet::phone(1);
    let mut staying = place.stay(&phone, 1);
    staying.caught_up().await;
    place.stop.send_replace(true);
    let Err(DriverError::Refused { failure }) = staying.outcome().await else { panic!("it stays") };
    assert_eq!(failure.code, FailureCode::Closing);
    assert!(failure.retry_after_ms.is_some());
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_under_way_is_finished_by_a_hub_that_stops() {
    let place = Place::open(PATIENCE * 10);
    let phone = fleet::phone(1);
    place.sync(&phone, 1).await;
    let _ = fleet::fill(&phone, SHORT, 0..3);
    let endpoint = PhoneEndpoint::bind(&fleet::phone_seed(1)).unwrap();
    let mut link = endpoint.connect(&place.address, PATIENCE).await.unwrap();
    let options = PhoneOptions { hub: place.hub.device(), live: false, asks: Vec::new() };
    let mut runner = PhoneRunner::start(phone.clone(), options, Box::new(|| [9; 16]), NOW).unwrap();
    let hello = runner.poll_frame(NOW).unwrap().unwrap();
    link.send(&hello).await.unwrap();
    let welcome = link.receive().await.unwrap().unwrap();
    // The hub has met the phone, and its packs are still to come.
    place.stop.send_replace(true);
    runner.handle(&welcome).unwrap();
    while runner.outcome().is_none() {
        while let Some(frame) = runner.poll_frame(NOW).unwrap() {
            link.send(&frame).await.unwrap();
        }
        if runner.outcome().is_none() {
            let frame = tokio::time::timeout(PATIENCE, link.receive()).await.unwrap();
            runner.handle(&frame.unwrap().expect("the hub says goodbye")).unwrap();
        }
    }
    link.finish().await.ok();
    assert_eq!(runner.progress().stored, 3);
    assert!(all_sent(&phone));
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_says_nothing_holds_up_a_stopping_hub_no_longer_than_was_set() {
    let place = Place::open(Duration::ZERO);
    let phone = fleet::phone(1);
    let endpoint = PhoneEndpoint::bind(&fleet::phone_seed(1)).unwrap();
    let mut link = endpoint.connect(&place.address, PATIENCE).await.unwrap();
    let options = PhoneOptions { hub: place.hub.device(), live: false, asks: Vec::new() };
    let mut runner = PhoneRunner::start(phone, options, Box::new(|| [9; 16]), NOW).unwrap();
    let hello = runner.poll_frame(NOW).unwrap().unwrap();
    link.send(&hello).await.unwrap();
    link.receive().await.unwrap().unwrap();
    place.end().await;
}
