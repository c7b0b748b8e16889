//! Files that devices hand on: exported records and bundles.

use std::io::Cursor;
use std::sync::Arc;

use bienban_core::replica::{Checked, Known, ReplicaError, check_exported};
use bienban_core::trust::bundle::{LetterReader, LetterWriter, begin};
use bienban_core::trust::proof::{ExportedRecord, ProofError};

use super::bytes::Bytes;
use super::stage::{self, HONEST, HOSTILE};
use crate::fleet::{self, NOW};

/// Parts of one letter.
const PARTS_MAX: usize = 64;

/// An exported record as it came, and signed anew by whoever holds it.
pub(super) fn records(data: &[u8]) {
    let hub = stage::hub_key().device();
    let known = [
        Known { hub: Some(hub), ..Known::default() },
        Known::default(),
        Known { hub: Some(stage::device(HOSTILE)), ..Known::default() },
    ];
    for known in &known {
        told(check_exported(data, known));
    }
    let Ok((record, _)) = ExportedRecord::decode(data) else { return };
    let Ok(bytes) = record.encode(&stage::key(HOSTILE)) else { return };
    let (again, maker) = ExportedRecord::decode(&bytes).expect("a record reads as it is written");
    assert!(again == record && maker.signed && maker.device == stage::device(HOSTILE));
    let (as_it_came, signed) = (check_exported(data, &known[0]), check_exported(&bytes, &known[0]));
    let (Ok(as_it_came), Ok(signed)) = (as_it_came, signed) else { return };
    assert!(
        signed.faults.len() <= as_it_came.faults.len(),
        "who hands a record on changes nothing of what it proves"
    );
    assert_eq!(signed.digest, as_it_came.digest);
}

fn told(checked: Result<Checked, ProofError>) {
    match checked {
        Err(error) => drop(error.to_string()),
        Ok(checked) => {
            checked.faults.iter().for_each(|fault| drop(fault.to_string()));
            assert_eq!(checked.holds(), checked.faults.is_empty());
            let valid = checked.holds() && checked.not_compared().count() == 0;
            assert_eq!(checked.is_valid(), valid);
        }
    }
}

/// Behind a byte that says which: a bundle as it came, or the parts of one letter, sealed and signed as they
/// should be by the hub or a device, for the hub or the honest phone.
pub(super) fn bundles(data: &[u8]) {
    let mut input = Bytes::new(data);
    let kind = input.byte();
    if kind.is_multiple_of(8) {
        let bytes = input.rest();
        drop(to_hub(bytes));
        drop(to_phone(bytes));
        return;
    }
    let maker = match kind & 3 {
        0 => stage::hub_key(),
        1 => stage::key(HONEST),
        _ => stage::key(HOSTILE),
    };
    let for_hub = kind & 4 == 0;
    let receiver = if for_hub { stage::hub_key() } else { stage::key(HONEST) };
    let mut bytes = Vec::new();
    begin(&mut bytes).unwrap();
    let mut letter =
        LetterWriter::new(&mut bytes, &maker, receiver.device(), NOW, &[5; 32]).unwrap();
    let mut parts = 0;
    while !input.is_empty() && parts < PARTS_MAX {
        parts += usize::from(letter.part(input.piece()).is_ok());
    }
    letter.finish().unwrap();
    let read = LetterReader::find(Cursor::new(&bytes), &receiver).and_then(|mut l| l.check());
    assert_eq!(read.expect("a letter reads as it is written").head().maker, maker.device());
    let taken = if for_hub { to_hub(&bytes) } else { to_phone(&bytes) };
    let Err(error) = taken else { return };
    // What a letter says may be refused; the replica itself has not failed.
    assert!(!matches!(error, ReplicaError::Store(_)), "{error}: {error:?}");
}

fn entropy() -> impl FnMut() -> [u8; 32] {
    let mut count = 0_u8;
    move || {
        count = count.wrapping_add(1);
        [count; 32]
    }
}

fn to_hub(bytes: &[u8]) -> Result<(), ReplicaError> {
    let (hub, _) = stage::hub();
    let before = stage::answers(&stage::stage().document);
    let mut out = Vec::new();
    let taken = hub.take_bundle(&mut || Ok(Cursor::new(bytes)), &mut out, &mut entropy(), NOW);
    hub.merge_all(NOW).expect("a hub goes on merging");
    let document = stage::stage().document.id();
    let now = stage::answers(&hub.replica().load(document).unwrap());
    assert!(before.iter().all(|text| now.contains(text)), "{before:?} became {now:?}");
    taken.map(drop)
}

fn to_phone(bytes: &[u8]) -> Result<(), ReplicaError> {
    let (phone, store) = stage::honest();
    let hub = Some(stage::hub_key().device());
    let taken = phone.take_bundle(&mut || Ok(Cursor::new(bytes)), hub, &mut entropy(), NOW);
    drop(phone);
    let disk = store.disk();
    drop(store);
    // Whatever it took in: it opens again, and what was typed here is here.
    let phone = fleet::phone_over(stage::store_on(&disk), HONEST);
    stage::expect_typed(&Arc::clone(&phone));
    taken.map(drop)
}
