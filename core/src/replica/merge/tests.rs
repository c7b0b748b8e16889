//! Who merges, and how many documents at once.

use std::sync::Mutex as Shared;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::merger::{SealJob, SealWork};
use super::*;
use crate::model::Genesis;
use crate::replica::meeting::{hub, key, side, sync, values, visit};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// A hub with one answer waiting in each of two documents.
fn two_documents() -> (Arc<Hub>, [Genesis; 2]) {
    let (hub, one) = (hub(&[1]), side(1));
    sync(&one, &hub);
    let documents = [visit("06325", 1), visit("06325", 2)];
    for genesis in &documents {
        one.answer(genesis, "1.1", "typed");
        let packs = one.phone.release(NOW).unwrap();
        assert!(hub.accept(key(1).device(), &packs, NOW).unwrap().receipt.is_some());
    }
    (hub, documents)
}

/// Says which document it is asked for, and waits for leave with one of them.
struct Slow {
    slow: DocumentId,
    leave: Shared<Receiver<()>>,
    asked: Shared<Sender<DocumentId>>,
}

impl Merger for Slow {
    fn merge(&self, job: &MergeJob) -> Result<MergeWork, MergerError> {
        self.asked.lock().unwrap().send(job.document()).unwrap();
        if job.document() == self.slow {
            self.leave.lock().unwrap().recv().unwrap();
        }
        InProcess.merge(job)
    }

    fn hold(&self, job: &SealJob) -> Result<SealWork, MergerError> {
        InProcess.hold(job)
    }
}

#[test]
fn a_slow_document_holds_up_no_other_and_is_merged_by_one_at_a_time() {
    let (hub, documents) = two_documents();
    // The first that is looked for.
    let mut names = documents.each_ref().map(Genesis::document);
    names.sort_unstable();
    let [slow, other] = names;
    let ((leave, left), (asked, heard)) = (channel(), channel());
    hub.merge_by(Arc::new(Slow { slow, leave: left.into(), asked: asked.into() })).unwrap();
    let begun = Shared::new(0);
    std::thread::scope(|scope| {
        let slowly = scope
            .spawn(|| hub.merge_next_and(NOW, &|| *begun.lock().unwrap() += 1).unwrap().unwrap());
        assert_eq!(heard.recv().unwrap(), slow);
        assert_eq!(*begun.lock().unwrap(), 1, "others are told before it is done");
        let report = hub.merge_next(NOW).unwrap().unwrap();
        assert_eq!(report.document, Some(other));
        assert_eq!(heard.recv().unwrap(), other);
        assert_eq!(hub.merge_next(NOW).unwrap(), None, "the rest is being merged");
        leave.send(()).unwrap();
        assert_eq!(slowly.join().unwrap().document, Some(slow));
    });
    for genesis in &documents {
        assert_eq!(values(hub.replica(), genesis, "1.1"), ["typed"]);
    }
}

/// Cannot be started.
struct Nobody;

impl Merger for Nobody {
    fn merge(&self, _: &MergeJob) -> Result<MergeWork, MergerError> {
        Err(MergerError::Unavailable { reason: "no processes".to_owned() })
    }

    fn hold(&self, _: &SealJob) -> Result<SealWork, MergerError> {
        Err(MergerError::Unavailable { reason: "no processes".to_owned() })
    }
}

#[test]
fn a_hub_that_finds_nobody_to_merge_says_so_goes_on_taking_in_and_merges_later() {
    let (hub, documents) = two_documents();
    hub.merge_by(Arc::new(Nobody)).unwrap();
    let error = hub.merge_next(NOW).unwrap_err();
    assert!(error.is_idle(), "{error:?}");
    let two = side(1);
    sync(&two, &hub);
    assert_eq!(hub.status().unwrap().pending, 2, "nothing was merged around it, nothing was lost");
    hub.merge_by(Arc::new(InProcess)).unwrap();
    assert_eq!(hub.merge_all(NOW).unwrap(), 2);
    for genesis in &documents {
        assert_eq!(values(hub.replica(), genesis, "1.1"), ["typed"]);
    }
}

/// Ends on one document, whatever it is given.
struct EndsOn(DocumentId);

impl Merger for EndsOn {
    fn merge(&self, job: &MergeJob) -> Result<MergeWork, MergerError> {
        if job.document() == self.0 {
            return Err(MergerError::Died { how: "the test".to_owned() });
        }
        InProcess.merge(job)
    }

    fn hold(&self, job: &SealJob) -> Result<SealWork, MergerError> {
        if job.document() == self.0 {
            return Err(MergerError::Died { how: "the test".to_owned() });
        }
        InProcess.hold(job)
    }
}

#[test]
fn a_document_that_cannot_be_merged_waits_and_the_others_are_merged() {
    let (hub, [first, second]) = two_documents();
    hub.merge_by(Arc::new(EndsOn(first.document()))).unwrap();
    assert_eq!(hub.merge_next(NOW).unwrap().unwrap().document, Some(second.document()));
    let error = hub.merge_next(NOW).unwrap_err();
    assert!(
        matches!(error, ReplicaError::Merging { document, .. } if document == first.document())
    );
    assert_eq!(hub.status().unwrap().quarantined, 0, "no pack is blamed for it");
    hub.merge_by(Arc::new(InProcess)).unwrap();
    assert_eq!(hub.merge_all(NOW).unwrap(), 1);
}
