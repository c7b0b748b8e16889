//! Phones whose network blocks UDP, with a real hub and real commands.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use bienban_core::net::limits::TRANSPORT_STAGGER;

use crate::hub::Hub;
use crate::program::Folders;

/// A port at which UDP is swallowed, and TCP is free for the hub.
pub(crate) fn black_hole() -> (UdpSocket, u16) {
    loop {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        if TcpListener::bind(address).is_ok() {
            return (socket, address.port());
        }
    }
}

#[test]
fn a_phone_without_udp_syncs_by_tcp_says_so_and_does_not_wait_again() {
    let folders = Folders::new();
    let (_swallows, port) = black_hole();
    let listen = format!("127.0.0.1:{port}");
    let hub = Hub::start_with(&folders, &[("BIENBAN_LISTEN_TCP", &listen)]);
    let device = hub.enrol(&folders, "phone", "Test", "inspector");
    let key = hub.uri.split_once('#').unwrap().1;
    let blocked = format!("bienban://{listen}#{key}");

    let open = folders.field_json("phone", &["sync"]);
    assert_eq!(open["transport"], "quic", "{device}: {open}");
    folders.field("phone", &["hub", "--set", &blocked]).ok();
    let first = folders.field_json("phone", &["sync"]);
    assert_eq!(
        (&first["transport"], &first["caught_up"]),
        (&"tcp".into(), &true.into()),
        "{first}"
    );
    assert!(folders.path("phone").join("tcp-leads").exists(), "the next command knows");
    // Waiting for QUIC takes at least the stagger, so one that is faster has not waited.
    let stagger = u64::try_from(TRANSPORT_STAGGER.as_millis()).unwrap();
    let mut fastest = u64::MAX;
    for _ in 0..5 {
        let again = folders.field_json("phone", &["sync"]);
        assert_eq!(again["transport"], "tcp", "{again}");
        fastest = fastest.min(again["milliseconds"].as_u64().unwrap());
    }
    assert!(fastest < stagger, "{fastest} ms");
}
