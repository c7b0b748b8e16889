//! A hub that serves over QUIC, its phones on disk, and a day's work to move between them over a line that counts
//! bytes.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bienban_core::checklist::TEA;
use bienban_core::driver::{self, DriverError, SyncOptions, SyncReport};
use bienban_core::net::{HubAddress, Limits, PhoneEndpoint, Transport, Ways};
use bienban_core::replica::{Hub, Phone};
use bienban_server::config::StoreConfig;
use bienban_server::hub::{HubConfig, HubError, RunningHub};
use bienban_tests::fleet;
use bienban_tests::link::{Path, UdpLink};
use bienban_tests::process::PATIENCE;
use bienban_tests::{binary, stock};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::folder;

/// Answers that a phone gives in one inspection of a day: a fourth of sixty.
const ANSWERS: usize = 15;

/// Between two looks at something that will come soon.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How long ended connections may still be closing.
const CLOSING: Duration = Duration::from_millis(300);

/// A line of a commune on a fair day.
const LINE: Path = Path {
    delay: Duration::from_millis(40),
    jitter: Duration::ZERO,
    lost_per_mille: 0,
    doubled_per_mille: 0,
    late_per_mille: 0,
    bytes_per_second: Some(128 << 10),
};

/// A hub in this process, which merges in children as every hub does.
pub(crate) struct Served {
    _folder: TempDir,
    pub(crate) hub: Arc<Hub>,
    pub(crate) address: HubAddress,
    udp: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<Result<(), HubError>>,
}

impl Served {
    /// Starts it; it knows these phones.
    pub(crate) fn start(phones: RangeInclusive<u8>) -> Self {
        let folder = folder();
        let config = HubConfig {
            dir: folder.path().to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
            limits: Limits::default(),
            shutdown: Duration::from_secs(1),
            store: StoreConfig::default(),
            merging: binary::merging(),
            pushes: 1,
            restored: false,
            trust: phones.map(fleet::entry).collect(),
        };
        let running = RunningHub::open(&config).unwrap();
        running.hub().publish(TEA.to_vec()).unwrap();
        let (hub, udp) = (running.hub().clone(), running.address());
        let address = HubAddress::at(udp, running.key());
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(running.run(stopped));
        Self { _folder: folder, hub, address, udp, stop, serving }
    }

    /// Puts a line before it.
    pub(crate) async fn line(&self) -> UdpLink {
        UdpLink::start(1, self.udp, LINE, LINE).await.unwrap()
    }

    /// Returns where it is found over a line.
    pub(crate) fn over(&self, line: &UdpLink) -> HubAddress {
        HubAddress::at(line.address(), self.address.key())
    }

    /// Waits until everything that came is merged.
    pub(crate) async fn merged(&self) {
        until("the hub merges", || self.hub.status().unwrap().pending == 0).await;
        let status = self.hub.status().unwrap();
        assert_eq!((status.waiting, status.quarantined), (0, 0), "nothing is kept aside");
    }

    pub(crate) async fn end(self) {
        self.stop.send_replace(true);
        self.serving.await.unwrap().unwrap();
    }

    /// Fails unless a phone holds each inspection as the hub does.
    pub(crate) async fn expect_same(&self, phone: &Device, inspections: u32) {
        self.merged().await;
        let template = bienban_core::checklist::Template::parse(TEA).unwrap().id();
        assert_eq!(phone.phone.outbox().unwrap().len(), 0, "everything is on the hub");
        for number in 0..inspections {
            let document = fleet::visit(template, number).document();
            let heads = |replica: &bienban_core::replica::Replica| {
                replica.load(document).map(|document| document.heads()).unwrap()
            };
            let (here, there) = (heads(phone.phone.replica()), heads(self.hub.replica()));
            assert_eq!(here, there, "inspection {number} is the same on both sides");
        }
    }
}

/// A phone and its folder.
pub(crate) struct Device {
    _folder: TempDir,
    pub(crate) number: u8,
    pub(crate) phone: Arc<Phone>,
}

impl Device {
    pub(crate) fn new(number: u8) -> Self {
        let folder = folder();
        let phone = fleet::phone_over(stock::open(folder.path()), number);
        Self { _folder: folder, number, phone }
    }

    /// A day of work in so many inspections, a pack each; no two answers say the same.
    pub(crate) fn works(&self, inspections: u32) {
        let say = |number: u32, at: usize| {
            let hash = blake3::hash(format!("{} {number} {at}", self.number).as_bytes());
            hash.to_hex()[..6].to_owned()
        };
        let _ = fleet::fill_saying(&self.phone, TEA, 0..inspections, ANSWERS, &say);
        self.phone.replica().refresh(usize::MAX).unwrap();
    }

    /// Where connections of this phone come from: QUIC alone, so that no second way counts bytes elsewhere.
    pub(crate) fn endpoint(&self) -> PhoneEndpoint {
        let endpoint = PhoneEndpoint::bind(&fleet::phone_seed(self.number)).unwrap();
        endpoint.by(Ways::Only(Transport::Quic)).for_short_exchanges()
    }

    /// Exchanges until nothing more is due.
    pub(crate) async fn exchange(&self, hub: &HubAddress) -> Result<SyncReport, DriverError> {
        let endpoint = self.endpoint();
        let report = driver::exchange(&self.phone, &endpoint, hub, SyncOptions::default()).await;
        endpoint.wait_idle(PATIENCE).await;
        report
    }
}

/// Waits until `ready`.
pub(crate) async fn until(what: &str, mut ready: impl FnMut() -> bool) {
    within(what, async {
        while !ready() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
    .await;
}

/// Waits for what must end.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Lets the last words of ended connections pass, so that the next transfer's bytes are its own.
pub(crate) async fn closing() {
    tokio::time::sleep(CLOSING).await;
}
