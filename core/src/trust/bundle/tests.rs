use super::*;
use crate::trust::DeviceKey;

fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&[number; 32])
}

/// A bundle with a letter to each receiver; its parts begin with the receiver's place.
fn bundle(receivers: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    begin(&mut file).unwrap();
    for receiver in receivers {
        let (maker, to) = (key(1), key(*receiver).device());
        let mut letter =
            LetterWriter::new(&mut file, &maker, to, Timestamp(7), &[receiver ^ 0xa5; 32]).unwrap();
        for part in parts {
            letter.part(part).unwrap();
        }
        letter.finish().unwrap();
    }
    file
}

fn opened(file: &[u8], number: u8) -> Result<Vec<Vec<u8>>, BundleError> {
    let mut letter = LetterReader::find(file, &key(number))?;
    let mut parts = Vec::new();
    while let Some(part) = letter.next_part()? {
        parts.push(part);
    }
    Ok(parts)
}

fn parts() -> Vec<Vec<u8>> {
    // Longer than a chunk, as long as one, and short.
    vec![vec![1; 2 * CHUNK_BYTES + 9], vec![2; CHUNK_BYTES], b"Nguyen Thi Lan".to_vec()]
}

#[test]
fn each_receiver_opens_its_own_letter_and_nobody_else_any() {
    let file = bundle(&[2, 3], &parts());
    for receiver in [2, 3] {
        assert_eq!(opened(&file, receiver).unwrap(), parts());
    }
    let head = LetterReader::find(&*file, &key(3)).unwrap().check().unwrap().head();
    assert_eq!((head.maker, head.receiver), (key(1).device(), key(3).device()));
    for stranger in [1, 4] {
        assert!(matches!(opened(&file, stranger), Err(BundleError::NotForThis)));
    }
}

#[test]
fn nothing_in_the_clear_names_anybody_or_holds_content() {
    let file = bundle(&[2, 3], &parts());
    let holds = |needle: &[u8]| file.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(b"Nguyen"));
    for number in 1..=3 {
        let device = key(number).device();
        assert!(!holds(&device.0[..4]));
        assert!(!holds(&crate::trust::key::agreement_of(device).unwrap()[..4]));
    }
}

#[test]
fn a_changed_byte_anywhere_is_found() {
    let file = bundle(&[2], &[vec![1; CHUNK_BYTES + 5], b"end".to_vec()]);
    // Every byte near the seams, and some between.
    let seams = [0, 12, 44, 48, 48 + CHUNK_BYTES + TAG, file.len() - 4, file.len() - 1];
    let near = |place: &usize| seams.iter().any(|seam| seam.abs_diff(*place) < 20);
    for place in (0..file.len()).filter(|place| near(place) || place % 4_099 == 0) {
        let mut changed = file.clone();
        changed[place] ^= 1;
        assert!(opened(&changed, 2).is_err(), "byte {place}");
    }
}

const TAG: usize = chunks::TAG_BYTES;

#[test]
fn a_file_that_ends_early_is_found_wherever_it_ends() {
    let file = bundle(&[2], &[vec![1; CHUNK_BYTES + 5], b"end".to_vec()]);
    for length in (0..file.len()).filter(|length| *length < 100 || length % 2_039 == 0) {
        assert!(opened(&file[..length], 2).is_err(), "{length} bytes");
    }
    assert!(matches!(opened(&file[..file.len() - 1], 2), Err(BundleError::Cut)));
}

#[test]
fn a_letter_without_its_last_chunk_does_not_pass_as_whole() {
    let file = bundle(&[2], &[vec![1; CHUNK_BYTES + 5], b"end".to_vec()]);
    let first_ends = 12 + 32 + 4 + CHUNK_BYTES + TAG;
    let mut short = file[..first_ends].to_vec();
    short.extend_from_slice(&0_u32.to_le_bytes());
    assert!(opened(&short, 2).is_err());
}

#[test]
fn what_a_maker_did_not_sign_is_not_its_own() {
    // Device 4 says that device 1 made it.
    let (other, to) = (key(4), key(2).device());
    let mut file = Vec::new();
    begin(&mut file).unwrap();
    let (sealer, encapsulated) = chunks::Sealer::new(to, &[9; 32]).unwrap();
    file.extend_from_slice(&encapsulated);
    let mut sealer = sealer;
    let head = Head { maker: key(1).device(), receiver: to, made_at: Timestamp(7) };
    let head = postcard::to_extend(&head, vec![PARTS]).unwrap();
    let mut plain = u32::try_from(head.len()).unwrap().to_le_bytes().to_vec();
    plain.extend_from_slice(&head);
    plain.extend_from_slice(&0_u32.to_le_bytes());
    let signed = other.sign(&statement(&encapsulated, &blake3::hash(&plain)));
    plain.extend_from_slice(&signed.0);
    let sealed = sealer.seal(&plain, true).unwrap();
    file.extend_from_slice(&u32::try_from(sealed.len()).unwrap().to_le_bytes());
    file.extend_from_slice(&sealed);
    file.extend_from_slice(&0_u32.to_le_bytes());
    assert!(matches!(opened(&file, 2), Err(BundleError::Maker { .. })));
}

#[test]
fn a_letter_with_an_empty_part_is_damaged() {
    let (maker, to) = (key(1), key(2).device());
    let mut file = Vec::new();
    begin(&mut file).unwrap();
    let (mut sealer, encapsulated) = chunks::Sealer::new(to, &[9; 32]).unwrap();
    file.extend_from_slice(&encapsulated);
    let head = Head { maker: maker.device(), receiver: to, made_at: Timestamp(7) };
    let head = postcard::to_extend(&head, vec![PARTS]).unwrap();
    let mut plain = Vec::new();
    // Long enough behind the empty one that what stands where the signature would be is there.
    for part in [&head[..], &[], &[7; 100], &[]] {
        plain.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
        plain.extend_from_slice(part);
    }
    plain.extend_from_slice(&maker.sign(&statement(&encapsulated, &blake3::hash(&plain))).0);
    let sealed = sealer.seal(&plain, true).unwrap();
    file.extend_from_slice(&u32::try_from(sealed.len()).unwrap().to_le_bytes());
    file.extend_from_slice(&sealed);
    file.extend_from_slice(&0_u32.to_le_bytes());
    assert!(matches!(opened(&file, 2), Err(BundleError::Damaged { .. })));
}

#[test]
fn a_letter_that_was_exchanged_since_it_was_checked_is_not_read() {
    let file = bundle(&[2], &parts());
    let checked = LetterReader::find(&*file, &key(2)).unwrap().check().unwrap();
    assert!(LetterReader::again(&*file, &key(2), &checked).is_ok());
    // By another, with the very same head: only the key of the letter tells them apart.
    let (other, to) = (key(1), key(2).device());
    let mut file = Vec::new();
    begin(&mut file).unwrap();
    let letter = LetterWriter::new(&mut file, &other, to, Timestamp(7), &[9; 32]).unwrap();
    letter.finish().unwrap();
    assert!(matches!(LetterReader::again(&*file, &key(2), &checked), Err(BundleError::Exchanged)));
}

#[test]
fn parts_and_letters_over_a_limit_are_refused() {
    let (mut file, maker, to) = (Vec::new(), key(1), key(2).device());
    let mut letter = LetterWriter::new(&mut file, &maker, to, Timestamp(7), &[1; 32]).unwrap();
    let long = letter.part(&vec![0; PART_BYTES_MAX + 1]);
    assert!(matches!(long, Err(BundleError::TooLarge { .. })));
    assert!(matches!(letter.part(&[]), Err(BundleError::TooLarge { .. })));
    let many = bundle(&[3; LETTERS_MAX], &[b"short".to_vec()]);
    assert!(matches!(opened(&many, 2), Err(BundleError::NotForThis)));
    let many = bundle(&[3; LETTERS_MAX + 1], &[b"short".to_vec()]);
    assert!(matches!(opened(&many, 2), Err(BundleError::TooLarge { .. })));
}

#[test]
fn a_letter_that_never_ends_is_given_up() {
    let (mut file, maker, to) = (Vec::new(), key(1), key(2).device());
    begin(&mut file).unwrap();
    let mut letter = LetterWriter::new(&mut file, &maker, to, Timestamp(7), &[1; 32]).unwrap();
    letter.part(&[7; 100]).unwrap();
    letter.bytes = LETTER_BYTES_MAX - 14;
    letter.part(&[7; 10]).unwrap();
    assert!(matches!(letter.part(&[7]), Err(BundleError::TooLarge { what: "bytes", .. })));
    letter.finish().unwrap();
    let mut letter = LetterReader::find(&*file, &key(2)).unwrap();
    assert!(letter.next_part().unwrap().is_some());
    letter.bytes = LETTER_BYTES_MAX - 13;
    assert!(matches!(letter.next_part(), Err(BundleError::TooLarge { what: "bytes", .. })));
}

#[test]
fn another_version_and_other_files_are_named() {
    let mut file = bundle(&[2], &parts());
    file[8] = 3;
    assert!(matches!(opened(&file, 2), Err(BundleError::Version { found: 3, known: FORMAT })));
    let (mut later, maker, to) = (Vec::new(), key(1), key(2).device());
    begin(&mut later).unwrap();
    let head = Head { maker: maker.device(), receiver: to, made_at: Timestamp(7) };
    LetterWriter::with_head(&mut later, &maker, to, (&head, PARTS + 1), &[9; 32])
        .and_then(LetterWriter::finish)
        .unwrap();
    assert!(matches!(opened(&later, 2), Err(BundleError::Newer { found: 2, known: 1, .. })));
    for other in [&b"PK\x03\x04 something else"[..], b"", b"BIENBANB"] {
        assert!(matches!(opened(other, 2), Err(BundleError::Magic)));
    }
}

/// A bundle as this program writes it.
const SAMPLE: &[u8] = include_bytes!("../../../fixtures/bundle-v2.bin");

/// A bundle of the first format, whose letters do not name the version of their parts.
const FIRST: &[u8] = include_bytes!("../../../fixtures/bundle-v1.bin");

#[test]
fn a_bundle_of_the_first_format_is_refused_as_older() {
    for receiver in [2, 3] {
        let refused = opened(FIRST, receiver).unwrap_err();
        assert!(matches!(refused, BundleError::Older { found: 1, known: FORMAT }), "{refused:?}");
        let told = refused.to_string();
        assert!(told.contains("older") && told.contains("make it again"), "{told}");
    }
}

#[test]
fn a_bundle_of_the_second_format_is_still_read() {
    assert_eq!(opened(SAMPLE, 2).unwrap(), [b"a part".to_vec(), vec![7; 300]]);
    assert_eq!(opened(SAMPLE, 3).unwrap(), [b"a part".to_vec(), vec![7; 300]]);
    assert_eq!(bundle(&[2, 3], &[b"a part".to_vec(), vec![7; 300]]), SAMPLE);
}

#[test]
#[ignore = "writes the sample"]
fn write_the_samples() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bundle-v2.bin");
    std::fs::write(path, bundle(&[2, 3], &[b"a part".to_vec(), vec![7; 300]])).unwrap();
}
