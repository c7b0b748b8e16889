//! The pipeline of changes: what a hub does with the changes of a pack before and behind Automerge, and what
//! it makes of the answer of a process that merged.

use bienban_core::model::{ChangeError, Document, RawChange};
use bienban_core::replica::{MergeJob, MergeWork, SealJob, SealWork};

use super::bytes::Bytes;
use super::stage::{self, rehashed, stage};

/// Changes of one batch.
const CHANGES_MAX: usize = 16;

/// Changes by anybody, or a whole document, behind a byte that says which.
pub(super) fn changes(data: &[u8]) {
    let mut input = Bytes::new(data);
    if input.byte().is_multiple_of(4) {
        let bytes = input.rest();
        snapshot(bytes);
        snapshot(&rehashed(bytes));
        return;
    }
    let mut batch = Vec::new();
    while !input.is_empty() && batch.len() < CHANGES_MAX {
        let bytes = input.piece();
        let inspected = match RawChange::inspect(bytes.to_vec()) {
            Err(ChangeError::Checksum | ChangeError::Malformed { .. }) => {
                RawChange::inspect(rehashed(bytes))
            }
            inspected => inspected,
        };
        if let Ok(change) = inspected {
            let again = RawChange::inspect(change.bytes().to_vec());
            assert_eq!(again.as_ref(), Ok(&change));
            batch.push(change);
        }
    }
    apply(&batch);
}

fn apply(batch: &[RawChange]) {
    let before = &stage().document;
    let mut document = before.clone();
    let outcome = document.apply(batch);
    for hash in &outcome.applied {
        assert!(document.has(hash));
    }
    for (hash, _) in &outcome.refused {
        assert!(before.has(hash) || !document.has(hash), "a refused change left a trace");
    }
    let digest = document.view().record().digest();
    let again = Document::load(document.genesis(), document.shape(), &document.save());
    let again = again.expect("what was merged opens again");
    assert_eq!((again.heads(), again.view().record().digest()), (document.heads(), digest));
    // Nothing that was said is unsaid by another's changes.
    let (said, now) = (stage::answers(before), stage::answers(&document));
    assert!(said.iter().all(|text| now.contains(text)), "{said:?} became {now:?}");
    drop(document.view().conflicts());
    let twice = document.apply(batch);
    assert_eq!((twice.applied.len(), document.heads()), (0, again.heads()), "twice is once");
    let mut backwards = before.clone();
    let reversed: Vec<RawChange> = batch.iter().rev().cloned().collect();
    let other = backwards.apply(&reversed);
    if outcome.refused.is_empty() && other.refused.is_empty() {
        assert_eq!(backwards.heads(), document.heads(), "the order of arrival shows");
        assert_eq!(backwards.view().record().digest(), digest, "the order of arrival shows");
    }
}

/// A whole document that another replica saved.
fn snapshot(bytes: &[u8]) {
    let of = &stage().document;
    if Document::inspect_foreign(bytes).is_err() {
        return;
    }
    let Ok(document) = Document::load(of.genesis(), of.shape(), bytes) else { return };
    let digest = document.view().record().digest();
    let again = Document::load(of.genesis(), of.shape(), &document.save());
    let again = again.expect("a document that was read opens again");
    assert_eq!((again.heads(), again.view().record().digest()), (document.heads(), digest));
}

/// A job for who merges, or the answer to one, behind a byte that says which.
pub(super) fn work(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    match first % 4 {
        0 => {
            let Ok(job) = MergeJob::decode(rest) else { return };
            let Ok(done) = job.perform() else { return };
            let bytes = done.encode().unwrap();
            MergeWork::decode(&bytes, &job).expect("an honest answer fits its job");
        }
        1 => {
            let job = MergeJob::decode(&stage().job).unwrap();
            drop(MergeWork::decode(rest, &job));
        }
        2 => {
            let Ok(job) = SealJob::decode(rest) else { return };
            drop(job.perform());
        }
        _ => drop(SealWork::decode(rest)),
    }
}
