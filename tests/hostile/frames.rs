//! Bytes that are no frames, or frames at the wrong moment.

use std::sync::Arc;

use bienban_core::clock;
use bienban_core::model::Timestamp;
use bienban_core::net::NetError;
use bienban_core::sync::{
    FRAME_BYTES_MAX, FRAME_VERSION, FeedPosition, Frame, PROTOCOL_VERSION, Resume, Welcome,
};
use bienban_tests::process::PATIENCE;
use quinn::crypto::rustls::QuicClientConfig;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::device::{Hostile, hello, kept, push};
use crate::stranger;

/// Sessions that send random bytes.
const NOISY_SESSIONS: usize = 30;

/// What the bomb inflates to.
const BOMB_BYTES: usize = 256 << 20;

/// Frames of one session that each cost the hub a look.
const TINY_FRAMES: usize = 10_000;

/// A length that no frame may have.
const HUGE_LENGTH: [u8; 4] = u32::MAX.to_le_bytes();

/// The flag of a compressed payload.
const ZSTD: u8 = 1;

/// Sends every kind of wrong frame; each must end its session and nothing else.
pub(crate) fn attack(hostile: &Hostile, seed: u64) {
    for (name, frames) in wrong_sessions(seed) {
        let heard = hostile.say(&frames);
        assert!(heard.was_thrown_out(), "{name}: {heard:?}");
    }
    // Legal, but many: the hub may serve them or end the session; it must not keep them.
    let mut many = vec![hello(), kept()];
    let nothing = Frame::Push { packs: Vec::new() }.encode().unwrap();
    many.extend(std::iter::repeat_n(nothing, TINY_FRAMES));
    many.push(Frame::Pushed { answered: 0 }.encode().unwrap());
    drop(hostile.say(&many));
    let stranger = hostile.say_as(&[0x5a; 32], &push(Vec::new()));
    assert!(matches!(stranger.error, Some(NetError::DeviceUnknown { .. })), "{stranger:?}");
    hostile.block_on(announce_too_much(hostile));
    assert!(!hostile.say(&push(Vec::new())).was_thrown_out(), "the device is shut out for good");
}

fn wrong_sessions(seed: u64) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let good = hello();
    let mut sessions: Vec<(String, Vec<Vec<u8>>)> = vec![
        ("an empty frame".into(), vec![Vec::new()]),
        ("another version".into(), vec![[&[FRAME_VERSION + 8], &good[1..]].concat()]),
        ("unknown flags".into(), vec![[&[FRAME_VERSION, 7], &good[2..]].concat()]),
        ("an unknown kind".into(), vec![vec![FRAME_VERSION, 0, 200, 1, 2]]),
        ("bytes after the end".into(), vec![[&good[..], &[0]].concat()]),
        ("Hello twice".into(), vec![good.clone(), good.clone()]),
        ("a push before Hello".into(), push(Vec::new())[1..].to_vec()),
        ("too long".into(), vec![good.clone(), vec![FRAME_VERSION; FRAME_BYTES_MAX + 1]]),
        ("a bomb".into(), vec![good.clone(), bomb()]),
        ("no zstd".into(), vec![good.clone(), vec![FRAME_VERSION, ZSTD, 1, 2, 3]]),
        ("no packs".into(), push(vec![vec![1, 2, 3], Vec::new(), vec![0xff; 2000]])),
    ];
    for frame in frames_of_the_hub() {
        let name = format!("{} from a phone", frame.name());
        sessions.push((name, vec![good.clone(), frame.encode().unwrap()]));
    }
    for cut in 1..good.len().min(24) {
        sessions.push((format!("Hello cut at {cut}"), vec![good[..cut].to_vec()]));
    }
    for number in 0..NOISY_SESSIONS {
        let noise: Vec<u8> = (0..rng.random_range(1..4000)).map(|_| rng.random()).collect();
        let frames = if rng.random_bool(0.5) { vec![noise] } else { vec![good.clone(), noise] };
        sessions.push((format!("noise {number}"), frames));
    }
    sessions
}

fn frames_of_the_hub() -> Vec<Frame> {
    let position = FeedPosition { epoch: [1; 16], number: u64::MAX, chain: [2; 32] };
    vec![
        Frame::Welcome(Welcome {
            protocol: PROTOCOL_VERSION,
            epoch: [1; 16],
            hub_time: Timestamp(0),
            hub_head: 1,
            resume: Resume::Feed,
        }),
        Frame::Items { items: Vec::new(), position: Some(position) },
        Frame::Caught { position },
        Frame::Notices { upto: 9, notices: Vec::new() },
    ]
}

/// A small frame that inflates to more than the hub may hold.
fn bomb() -> Vec<u8> {
    let packed = zstd::bulk::compress(&vec![0; BOMB_BYTES], 1).unwrap();
    assert!(packed.len() < FRAME_BYTES_MAX, "the bomb must pass the outer limit");
    [&[FRAME_VERSION, ZSTD], packed.as_slice()].concat()
}

/// Announces a frame of four gigabytes, below our own framing, and sends a little of it.
async fn announce_too_much(hostile: &Hostile) {
    let tls = stranger::tls(b"bienban/1", Some(hostile.seed));
    let crypto = QuicClientConfig::try_from(tls).unwrap();
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let connection =
        endpoint.connect_with(config, hostile.address, "hub.bienban").unwrap().await.unwrap();
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    send.write_all(&HUGE_LENGTH).await.unwrap();
    drop(send.write_all(&[0; 64]).await);
    let watch = clock::Stopwatch::start();
    let closed = connection.closed().await;
    assert!(watch.elapsed() < PATIENCE, "{closed:?}");
}
