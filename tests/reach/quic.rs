//! The same over a real connection: what the session counts is what the network carries.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bienban_core::driver::{self, SyncOptions, SyncReport};
use bienban_core::net::{HubAddress, Limits, PhoneEndpoint};
use bienban_core::replica::Phone;
use bienban_server::config::StoreConfig;
use bienban_server::hub::{HubConfig, RunningHub};
use bienban_tests::fleet::{self, SHORT};
use std::sync::Arc;

const DOCUMENTS: u32 = 200;
const PATIENCE: Duration = Duration::from_secs(30);
const IDLE_BYTES_MAX: u64 = 1_000;

async fn sync(phone: &Arc<Phone>, number: u8, hub: &HubAddress) -> SyncReport {
    let endpoint = PhoneEndpoint::bind(&fleet::phone_seed(number)).unwrap();
    let exchange = driver::sync(phone, &endpoint, hub, SyncOptions::default());
    let report = tokio::time::timeout(PATIENCE, exchange).await.unwrap().unwrap();
    endpoint.wait_idle(PATIENCE).await;
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn catching_up_over_quic_costs_one_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let config = HubConfig {
        dir: folder.path().to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
        limits: Limits::default(),
        shutdown: Duration::from_secs(1),
        store: StoreConfig::default(),
        merging: bienban_tests::binary::merging(),
        pushes: 1,
        restored: false,
        trust: vec![fleet::entry(1), fleet::entry(2)],
    };
    let running = RunningHub::open(&config).unwrap();
    running.hub().publish(SHORT.to_vec()).unwrap();
    let address = HubAddress::at(running.address(), running.key());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let serving = tokio::spawn(running.run(stopped));

    let (writer, reader) = (fleet::phone(1), fleet::phone(2));
    sync(&reader, 2, &address).await;
    let _ = fleet::fill(&writer, SHORT, 0..DOCUMENTS);
    sync(&writer, 1, &address).await;

    let caught_up = sync(&reader, 2, &address).await;
    assert!(caught_up.caught_up);
    assert_eq!(caught_up.round_trips, 1);
    assert_eq!(reader.replica().totals().unwrap().documents, u64::from(DOCUMENTS));

    let idle = sync(&reader, 2, &address).await;
    assert_eq!(idle.round_trips, 1);
    assert!(idle.payload_sent < IDLE_BYTES_MAX, "sent {}", idle.payload_sent);
    assert!(idle.payload_received < IDLE_BYTES_MAX, "got {}", idle.payload_received);
    println!("{DOCUMENTS} documents: {caught_up:?}");
    println!("nothing new: {idle:?}");

    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
}
