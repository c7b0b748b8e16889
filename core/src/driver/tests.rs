use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::model::{Incarnation, Timestamp};
use crate::net::{HubEndpoint, Limits};
use crate::replica::Projection;
use crate::store::MemoryStore;
use crate::sync::Frame;
use crate::trust::DeviceKey;

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// An exchange whose hub has refused it and closed before the phone looked again: what it said has
/// arrived, and nothing can be written any more.
async fn shut_out(failure: Failure) -> PhoneExchange {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let hub = HubEndpoint::bind(listen, &[9; 32], Arc::new(|_| true), Limits::default()).unwrap();
    let here = PhoneEndpoint::bind(&[1; 32]).unwrap();
    let address = HubAddress::at(hub.local_addr(), DeviceKey::from_seed(&[9; 32]).device());
    let refusing = async {
        let (mut sender, receiver) = hub.accept().await.unwrap().split();
        sender.send(&Frame::Failed(failure).encode().unwrap()).await.unwrap();
        sender.finish().await.unwrap();
        drop((sender, receiver));
    };
    let greeting = async {
        let link = here.connect(&address, CONNECT_TIMEOUT).await.unwrap();
        let (out, receiver) = Outgoing::start(link);
        // The hub hears of the stream by its first bytes.
        out.frames.send(vec![0; 64]).await.unwrap();
        (out, receiver)
    };
    let ((out, receiver), ()) = tokio::join!(greeting, refusing);

    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let phone =
        Phone::open(store, DeviceKey::from_seed(&[1; 32]), Incarnation([1; 16]), NOW).unwrap();
    let options = PhoneOptions { hub: address.key(), live: false, asks: Vec::new() };
    let runner = PhoneRunner::start(Arc::new(phone), options, Box::new(|| [7; 16]), NOW).unwrap();
    while !out.writer.is_finished() {
        // Goodbyes of a closed connection take a round trip; each of these finds out whether it came.
        drop(out.frames.try_send(vec![0; 64]));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let report = SyncReport::default();
    PhoneExchange {
        runner: Some(runner),
        out,
        broken: false,
        receiver,
        report,
        patience: Patience::None,
    }
}

/// Which of the two a phone met first, its own broken writing or the word that had arrived, was left
/// to chance once, so this is asked often enough to meet both.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_arrived_before_the_door_shut_is_read() {
    for round in 0..16 {
        let failure = Failure {
            code: FailureCode::NotAllowed,
            message: "revoked".into(),
            retry_after_ms: None,
        };
        let mut exchange = shut_out(failure.clone()).await;
        let outcome = exchange.run(None).await;
        let (_, outcome) = exchange.close(outcome).await;
        let Err(DriverError::Refused { failure: told }) = outcome else {
            panic!("round {round}: {outcome:?}");
        };
        assert_eq!(told, failure, "round {round}");
    }
}

/// A hub that has the phone come again closes as one that refuses it does.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_to_come_again_that_arrived_before_the_door_shut_is_no_broken_link() {
    for round in 0..16 {
        let failure =
            Failure { code: FailureCode::Changed, message: "rights".into(), retry_after_ms: None };
        let mut exchange = shut_out(failure).await;
        let outcome = exchange.run(None).await;
        let (report, outcome) = exchange.close(outcome).await;
        assert!(outcome.is_ok(), "round {round}: {outcome:?}");
        assert!(report.progress.again, "round {round}: another exchange is due");
    }
}
