//! The sealed minutes in an exported record: each seal by itself, against the record, and what the control
//! log says of it.

use super::{Fault, Rights, Sealing, Standing};
use crate::model::Document;
use crate::trust::control::{Sealed, TrustRows};
use crate::trust::proof::ExportedRecord;
use crate::trust::seal::{Ending, Seal, SealId};

/// Checks the seals. `all` is the document with all that the file holds.
pub(super) fn check_seals(
    record: &ExportedRecord,
    all: Option<&Document>,
    rights: Option<&Rights>,
    faults: &mut Vec<Fault>,
) -> Vec<Sealing> {
    let document = record.genesis.document();
    let registered: Option<Sealed> = rights.and_then(|rights| {
        let Ok(sealed) = rights.end().sealed(&record.genesis.scope, document);
        sealed
    });
    let mut found = Vec::new();
    for (place, bytes) in (1..).zip(&record.seals) {
        let fault = |reason: String| Fault::Seal { place, reason };
        let (seal, id) = match Seal::decode(bytes) {
            Ok(seal) => (seal, SealId::of(bytes)),
            Err(error) => {
                faults.push(fault(error.to_string()));
                continue;
            }
        };
        if seal.statement.document != document {
            faults.push(fault("it is of another document".to_owned()));
            continue;
        }
        let counts = registered.as_ref().filter(|sealed| sealed.seal == id.0);
        let breaches = match all {
            Some(all) => seal.verify_record(all),
            None => seal.verify(),
        };
        // A rival, or what no hub has registered, may name what has not arrived; what counts may not.
        let wrong = breaches.iter().filter(|breach| counts.is_some() || !breach.is_waiting());
        let wrong: Vec<String> = wrong.map(ToString::to_string).collect();
        // Anybody who leads can sign one that does not hold, and spread it. It counts for nothing, and the record
        // stands without it; bytes that the leader did not sign, or minutes that a hub registered, are no such.
        let stands_apart = counts.is_none() && seal.verify().is_empty();
        if !wrong.is_empty() && !stands_apart {
            faults.push(fault(wrong.join("; ")));
        }
        if counts.is_some() && seal.statement.heads != record.about.heads {
            faults.push(Fault::NotAsSealed { seal: id });
        }
        let standing = match (&registered, counts) {
            (_, Some(sealed)) => {
                Standing::Registered { official: sealed.official.clone(), at: sealed.at }
            }
            _ if !wrong.is_empty() => Standing::Broken { reason: wrong.join("; ") },
            (Some(_), None) => Standing::Rival,
            (None, None) => Standing::Unregistered,
        };
        found.push(Sealing {
            id,
            leader: seal.statement.leader,
            claimed: seal.statement.at,
            refused: matches!(seal.statement.ending, Ending::Refused(_)),
            standing,
        });
    }
    if let Some(sealed) = registered
        && !found.iter().any(|one| one.id.0 == sealed.seal)
    {
        faults.push(Fault::SealMissing { seal: SealId(sealed.seal) });
    }
    found
}
