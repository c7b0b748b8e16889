//! Who keeps a connection alive: those who hold it, and nobody else.

use super::*;
use crate::model::DeviceId;

const PATIENCE: Duration = Duration::from_secs(30);
const OFTEN: Duration = Duration::from_millis(20);

/// Two ends of a connection on this machine: the phone's and the hub's.
async fn pair() -> (Open, Open) {
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let hub = tls::device_of(&[2; 32]);
    let acceptor =
        TlsAcceptor::from(Arc::new(tls::hub_config(&[2; 32], Arc::new(|_| true)).unwrap()));
    let accepting = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        accept(stream, &acceptor).await.unwrap().0
    });
    let config = Arc::new(tls::phone_config(&[1; 32], hub).unwrap());
    let ends = Ends { device: DeviceId([1; 32]), peer: hub };
    let phone = connect(address, config, ends, OFTEN).await.unwrap();
    (phone, accepting.await.unwrap())
}

#[tokio::test]
async fn a_connection_that_nobody_holds_ends_at_both_ends() {
    let (phone, hub) = pair().await;
    drop(phone);
    timeout(PATIENCE, hub.connection.gone()).await.expect("the phone's end is gone");
}

#[tokio::test]
async fn signs_of_life_do_not_keep_what_the_hub_let_go() {
    let (phone, hub) = pair().await;
    drop(hub);
    timeout(PATIENCE, phone.connection.gone()).await.expect("the hub's end is gone");
}

#[tokio::test]
async fn one_holder_keeps_a_connection() {
    let (phone, hub) = pair().await;
    let Open { connection, outward, inward } = phone;
    drop((connection, inward));
    tokio::time::sleep(OFTEN * 5).await;
    let gone = timeout(OFTEN, hub.connection.gone()).await;
    assert!(gone.is_err(), "half of the phone's end is held");
    drop(outward);
    timeout(PATIENCE, hub.connection.gone()).await.expect("nobody holds it");
}
