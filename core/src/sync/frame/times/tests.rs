use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::sync::pack::tests::{sealed, sealed_by};
use crate::sync::{Frame, Pack, PackError};

/// A pack with this body. It need not decode: frames carry what a phone holds.
fn with_body(body: &[u8]) -> Vec<u8> {
    let whole = Pack::opened(&sealed(40).encode(), 1 << 20).unwrap();
    let header = whole.len() - body_of(&whole).unwrap().len();
    [&whole[..header], body].concat()
}

/// Tells the times of all apart and puts them back; returns how many bytes that saved.
fn there_and_back(packs: &[Vec<u8>]) -> usize {
    let (mut out, mut back) = (Times::default(), Times::default());
    let mut saved = 0;
    for pack in packs {
        let told = out.told_apart(pack).unwrap_or_else(|| pack.clone());
        saved += pack.len().checked_sub(told.len()).expect("it is never longer");
        assert_eq!(&back.put_back(told), pack);
    }
    saved
}

#[test]
fn times_of_real_packs_take_a_byte_or_two_each() {
    let packs: Vec<Vec<u8>> =
        (1..5).map(|seed| Pack::opened(&sealed_by(seed, 40).encode(), 1 << 20).unwrap()).collect();
    // Of 40 changes in each pack 34 or 35 have a time of 13 digits.
    assert!(there_and_back(&packs) > 4 * 34 * 10);
}

#[test]
fn what_only_looks_like_a_time_travels_as_it_is() {
    let bodies = [
        "",
        "\"claimed_at\":",
        "\"claimed_at\":x",
        "\"claimed_at\":-5",
        "\"claimed_at\":007",
        "\"claimed_at\":1234567890123456789012",
        "\"claimed_at\":1\"claimed_at\":",
        "no time at all",
    ];
    let bodies = bodies.map(|body| with_body(body.as_bytes()));
    assert_eq!(there_and_back(&bodies), 0);
    let told =
        ["\"claimed_at\":0", "\"claimed_at\":17000000000000\"claimed_at\":17000000000001", "5"];
    let told = told.map(|body| with_body(body.as_bytes()));
    assert!(there_and_back(&told) > 10);
    // Far apart a time takes more bytes than its digits.
    let far = with_body(
        b"\"claimed_at\":999999999999999999\"claimed_at\":1\"claimed_at\":999999999999999999",
    );
    assert!(Times::default().told_apart(&far).is_some());
    let far = with_body(b"\"claimed_at\":1\"claimed_at\":9\"claimed_at\":1");
    let mut times = Times { last: 999_999_999_999_999_999, ..Times::default() };
    assert_eq!(times.told_apart(&far), None);
    assert_eq!(times.last, 999_999_999_999_999_999);
}

#[test]
fn too_few_and_too_many_times_make_no_pack() {
    let pack = with_body(b"\"claimed_at\":17000000000000\"claimed_at\":17000000000001");
    let told = Times::default().told_apart(&pack).unwrap();
    let at = pack.len() - body_of(&pack).unwrap().len();
    for wrong in [told[at] - 1, told[at] + 1, 0, 255] {
        let mut bent = told.clone();
        bent[at] = wrong;
        assert_eq!(Times::default().put_back(bent.clone()), bent);
        assert_eq!(Pack::decode(&bent), Err(PackError::Malformed { what: "flags" }));
    }
}

#[test]
fn times_put_back_fill_no_more_than_a_frame() {
    let body = b"\"claimed_at\":".repeat(40_000);
    let told = [&[0xc0, 0xb8, 0x02][..], &vec![1; 40_000], &body].concat();
    let mut told = with_body(&told);
    told[FLAGS_AT] = BODY_TIMED;
    let mut times = Times::default();
    let packs: Vec<_> = (0..4).map(|_| times.put_back(told.clone())).collect();
    let put_back = packs.iter().filter(|pack| pack[FLAGS_AT] == BODY_PLAIN);
    let bytes: usize = put_back.clone().map(Vec::len).sum();
    assert!(put_back.count() > 0 && bytes <= FRAME_INFLATED_BYTES_MAX, "{bytes}");
    assert!(packs.contains(&told));
}

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/frame-v4-push-timed.hex")
}

fn pushed() -> Frame {
    Frame::Push { packs: (1..4).map(|seed| sealed_by(seed, 8).encode()).collect() }
}

#[test]
fn a_frame_with_times_told_apart_written_by_an_earlier_version_still_reads() {
    let kept = hex::decode(std::fs::read_to_string(fixture()).unwrap().trim()).unwrap();
    assert_eq!(Frame::decode(&kept), Ok(pushed()));
}

/// A fixture that is there is never rewritten.
#[test]
#[ignore = "writes a file; run it by name after a new version"]
fn write_the_missing_fixture() {
    if !fixture().exists() {
        std::fs::write(fixture(), hex::encode(pushed().encode().unwrap()) + "\n").unwrap();
    }
}

proptest! {
    #[test]
    fn any_body_comes_back_as_it_was(
        bodies in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    Just(CLAIMED_AT.to_vec()),
                    any::<u64>().prop_map(|number| number.to_string().into_bytes()),
                    (0..10_u8).prop_map(|digit| vec![b'0' + digit]),
                    prop::collection::vec(any::<u8>(), 0..6),
                ],
                0..12,
            ),
            0..6,
        ),
    ) {
        let packs: Vec<Vec<u8>> = bodies.iter().map(|body| with_body(&body.concat())).collect();
        there_and_back(&packs);
    }

    #[test]
    fn random_told_bodies_never_panic(noise in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut told = with_body(&noise);
        told[FLAGS_AT] = BODY_TIMED;
        drop(Times::default().put_back(told));
    }
}
