//! Rights that change while a device connects hold from the first word on.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bienban_core::driver::{self, DriverError, Live, SyncOptions, Wakeup};
use bienban_core::net::{HubAddress, HubEndpoint, Limits, PhoneEndpoint};
use bienban_core::replica::{Hub, HubRunner, Projection, ReplicaError};
use bienban_core::store::{MemoryStore, Read, Store, StoreError};
use bienban_core::sync::{FailureCode, PlainEntry, Role};
use bienban_tests::fleet::{self, HUB_SEED, NOW, SHORT};
use tokio::sync::{Notify, watch};

/// Long enough for any exchange here; one that takes longer waits for something that never comes.
const PATIENCE: Duration = Duration::from_secs(30);

type Hook = Box<dyn FnOnce() + Send>;

/// A store in memory that does something right after one row was read.
struct Hooked {
    below: MemoryStore,
    key: Vec<u8>,
    hook: Mutex<Option<Hook>>,
}

impl Read for Hooked {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.below.get(key);
        if key == self.key {
            let hook = self.hook.lock().unwrap().take();
            hook.into_iter().for_each(|hook| hook());
        }
        value
    }

    crate::store::pass_on!(below; scan);
}

impl Store for Hooked {
    crate::store::pass_on!(below; submit derive record position read verify reopen opened);
}

#[test]
fn an_exchange_begins_with_the_rights_in_force_not_with_those_the_caller_read() {
    let (hub, _) = fleet::hub(SHORT, 1);
    let before = fleet::entry(1);
    hub.trust(PlainEntry { scopes: vec!["06337".parse().unwrap()], ..before.clone() }).unwrap();
    let writer = fleet::phone(2);
    hub.trust(fleet::entry(2)).unwrap();
    let _ = fleet::fill(&writer, SHORT, 0..1);
    fleet::exchange(&writer, &hub);
    // It was told of the unit that the writer works in, before.
    let mut served = HubRunner::start(hub.clone(), before.clone().into(), NOW).unwrap();
    let phone = fleet::phone(1);
    let options =
        bienban_core::replica::PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let mut here = bienban_core::replica::PhoneRunner::start(
        phone.clone(),
        options,
        Box::new(|| [7; 16]),
        NOW,
    )
    .unwrap();
    while here.outcome().is_none() {
        while let Some(frame) = here.poll_frame(NOW).unwrap() {
            served.handle(&frame).unwrap();
        }
        while let Some(frame) = served.poll_frame(NOW).unwrap() {
            here.handle(&frame).unwrap();
        }
    }
    assert_eq!(phone.replica().totals().unwrap().documents, 0, "it sees what it may see now");

    hub.trust(PlainEntry { active: false, ..before.clone() }).unwrap();
    let refused = HubRunner::start(hub.clone(), before.into(), NOW);
    assert!(matches!(refused.err(), Some(ReplicaError::Stranger { .. })));
}

/// Between the reading of a device's rights and the first wait for news there is no moment at which
/// a change goes unnoticed: a session listens before it reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_right_after_the_rights_were_read_ends_the_exchange() {
    let device = fleet::entry(1).device;
    let key = [&b"v"[..], &device.0].concat();
    let below = MemoryStore::new(Arc::new(Projection));
    let store = Arc::new(Hooked { below, key, hook: Mutex::default() });
    let hub = fleet::hub_over(store.clone());
    hub.publish(SHORT.to_vec()).unwrap();
    hub.trust(PlainEntry { role: Role::Inspector, ..fleet::entry(1) }).unwrap();
    let phone = fleet::phone(1);

    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let endpoint =
        HubEndpoint::bind(listen, &HUB_SEED, Arc::new(|_| true), Limits::default()).unwrap();
    let address = HubAddress::at(endpoint.local_addr(), hub.device());
    let (wakeup, (stop, stopped)) = (Wakeup::default(), watch::channel(false));
    let happened = Arc::new(OnceLock::new());
    *store.hook.lock().unwrap() = Some(revocation(&hub, &wakeup, &happened));
    let serving = tokio::spawn(async move {
        let link = endpoint.accept().await.unwrap();
        let served = driver::serve(hub, fleet::entry(1).into(), link, wakeup, stopped).await;
        endpoint.close(Duration::from_secs(1)).await;
        served
    });
    let (_stop_phone, stop_phone) = watch::channel(false);
    let live =
        Live { edited: Arc::new(Notify::new()), stop: stop_phone, observer: Arc::new(|_| {}) };
    let options = SyncOptions { live: Some(live), ..SyncOptions::default() };
    let here = PhoneEndpoint::bind(&fleet::phone_seed(1)).unwrap();
    let synced = tokio::time::timeout(PATIENCE, driver::sync(&phone, &here, &address, options));
    let ended = synced.await.expect("the change was noticed, and the live exchange ends");
    assert!(happened.get().is_some(), "the rights were read");
    let Err(DriverError::Refused { failure }) = ended else { panic!("{ended:?}") };
    assert_eq!(failure.code, FailureCode::NotAllowed);
    drop(stop);
    drop(serving.await.unwrap());
}

/// Returns what an administrator does at that very moment.
fn revocation(hub: &Arc<Hub>, wakeup: &Wakeup, happened: &Arc<OnceLock<()>>) -> Hook {
    let (hub, wakeup, happened) = (hub.clone(), wakeup.clone(), happened.clone());
    Box::new(move || {
        hub.trust(PlainEntry { active: false, ..fleet::entry(1) }).unwrap();
        wakeup.grown();
        happened.set(()).unwrap();
    })
}

/// A device gets other units for a while, by mistake. What it had sent is in the record and stays
/// stored; only what it wrote meanwhile waits, and nothing is left to be told once its units are right.
#[test]
fn what_was_stored_stays_so_while_units_are_wrong_and_nothing_is_left_once_they_are_right() {
    let (hub, _) = fleet::hub(SHORT, 1);
    let (phone, right) = (fleet::phone(1), fleet::entry(1));
    let template = fleet::fill_answers(&phone, SHORT, 0..3, 2);
    fleet::exchange(&phone, &hub);
    let visit = fleet::visit(template, 0);
    let arrival = || phone.arrival(visit.document()).unwrap();
    let edits = arrival().recorded;
    assert_eq!((arrival().stored, arrival().only_here), (edits, 0));

    hub.trust(PlainEntry { scopes: vec!["06337".parse().unwrap()], ..right.clone() }).unwrap();
    let write = |value: &str| {
        let item = phone.replica().template(template).unwrap().items()[0].clone();
        let again = bienban_core::model::AnswerInput { resolves: true, ..fleet::answer(value) };
        phone.edit(&visit, NOW, |editor| editor.answer(&item, again)).unwrap();
    };
    write("sau");
    for _ in 0..3 {
        fleet::exchange(&phone, &hub);
        assert_eq!((arrival().stored, arrival().only_here), (edits, 1), "{:?}", arrival());
    }
    let aside = hub.waiting().unwrap().set_aside;
    let aside: Vec<_> = aside.iter().map(|one| (one.not_allowed, one.others)).collect();
    assert_eq!(aside, [(1, 0)], "the new edit, and nothing that is in the record");

    hub.trust(right).unwrap();
    for _ in 0..2 {
        fleet::exchange(&phone, &hub);
    }
    assert_eq!((arrival().stored, arrival().only_here), (edits + 1, 0));
    assert_eq!(phone.only_here().unwrap(), []);
    assert_eq!(hub.waiting().unwrap().set_aside.len(), 0);
    assert!(phone.notices().unwrap().is_empty());
}

/// After other units a phone compares everything, and offers once more what it holds and the hub does
/// not show it any more. Nothing of what was signed for is new to the hub, so this costs bytes and no
/// more (docs/reliability.md).
#[test]
fn other_units_cost_a_push_of_what_was_signed_for_and_then_nothing() {
    let (hub, _) = fleet::hub(SHORT, 1);
    let (phone, right) = (fleet::phone(1), fleet::entry(1));
    let _ = fleet::fill_answers(&phone, SHORT, 0..20, 4);
    let sent = || fleet::exchange(&phone, &hub).0.meter.bytes_out;
    let (first, idle) = (sent(), sent());
    let signed = hub.status().unwrap();
    let cost = |scopes: Vec<bienban_core::model::Scope>| -> [u64; 4] {
        hub.trust(PlainEntry { scopes, ..right.clone() }).unwrap();
        std::array::from_fn(|_| sent())
    };
    let narrowed = cost(vec!["06337".parse().unwrap()]);
    let widened = cost(right.scopes.clone());
    println!(
        "20 records, bytes sent: first {first}, idle {idle}, in four exchanges after units were \
         narrowed {narrowed:?}, widened {widened:?}"
    );
    for [some @ .., last] in [narrowed, widened] {
        let all: u64 = some.iter().sum();
        assert!(all <= 3 * first, "{all} after a first push of {first}");
        assert!(last <= 2 * idle, "{last} is sent for ever");
    }
    let status = hub.status().unwrap();
    // The feed has the two changes of rights: each a certificate, a grant, and the end of another.
    assert_eq!((status.documents, status.head), (signed.documents, signed.head + 6));
    assert_eq!((status.pending, status.waiting, status.quarantined), (0, 0, 0));
    assert_eq!(phone.only_here().unwrap(), []);
}
