//! Why a file is no exported record.

use bienban_core::trust::proof::ProofError;

use crate::messages::Messages;

/// Returns the cause; none for what only a program's own fault brings about.
pub(super) fn of_proof(error: &ProofError, m: &Messages) -> Option<String> {
    use ProofError as E;
    Some(match error {
        E::Magic => m.text("cause.proof.magic", &[]),
        E::Version { found, known } => {
            let (found, known) = (found.to_string(), known.to_string());
            m.text("cause.proof.version", &[("found", &found), ("known", &known)])
        }
        E::TooMuch { found, limit, .. } => {
            let (found, limit) = (found.to_string(), limit.to_string());
            m.text("cause.proof.too_much", &[("found", &found), ("limit", &limit)])
        }
        E::Length { at } => m.text("cause.proof.length", &[("at", &at.to_string())]),
        E::Order { kind, at } => {
            let (kind, at) = (kind.to_string(), at.to_string());
            m.text("cause.proof.order", &[("kind", &kind), ("at", &at)])
        }
        E::Missing { what } => m.text("cause.proof.missing", &[("what", &part(what, m))]),
        E::Malformed { what, at } => {
            let (what, at) = (part(what, m), at.to_string());
            m.text("cause.proof.malformed", &[("what", &what), ("at", &at)])
        }
        _ => return None,
    })
}

/// Returns what people call a part of the file.
fn part(what: &str, m: &Messages) -> String {
    match what {
        "readable record" => m.text("proof.part.readable", &[]),
        "description" => m.text("proof.part.about", &[]),
        "birth of the document" => m.text("proof.part.genesis", &[]),
        "checklist" => m.text("proof.part.checklist", &[]),
        "pack" => m.text("proof.part.pack", &[]),
        "decision on rights" => m.text("proof.part.control", &[]),
        "receipt" => m.text("proof.part.receipt", &[]),
        "page of proofs" => m.text("proof.part.proofs", &[]),
        "earlier head" => m.text("proof.part.grown", &[]),
        "seal" => m.text("proof.part.seal", &[]),
        "maker's signature" => m.text("proof.part.maker", &[]),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use bienban_core::trust::proof::ExportedRecord;

    use super::*;
    use crate::messages::Lang;

    #[test]
    fn what_is_no_exported_record_is_told_in_the_language_of_the_person() {
        let whole = b"\x89bienban-record\n\x01";
        let newer = b"\x89bienban-record\n\xff";
        let cut = [&whole[..], &[1, 9, 0]].concat();
        let strange = [&whole[..], &[99, 0, 0, 0, 0]].concat();
        for bytes in [&b""[..], &whole[..9], whole, newer, &cut, &strange] {
            let error = ExportedRecord::decode(bytes).unwrap_err();
            let m = Messages::new(Lang::Vi);
            let told = of_proof(&error, &m).unwrap();
            assert_ne!(told, error.to_string());
            assert!(!told.contains("record") && !told.contains("cut off"), "{told}");
            assert!(of_proof(&error, &Messages::new(Lang::En)).is_some());
        }
    }
}
