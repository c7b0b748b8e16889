//! A merger that ends on some changes, and what is then refused.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::*;
use crate::model::{Genesis, RawChange, Timestamp};
use crate::replica::meeting::{Side, hub, side, sync, visit};
use crate::replica::merge::merger::{InProcess, SealJob, SealWork};
use crate::sync::Pack;

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// Ends on changes that hold one of these texts, as often as it meets them, and once more at random.
struct Fragile {
    poison: Vec<&'static str>,
    /// Calls that are to end whatever they hold, by their number.
    stopped: Vec<usize>,
    /// Changes that one can merge; more of them at once are too much for it.
    changes_max: usize,
    calls: Mutex<usize>,
}

impl Fragile {
    fn on(poison: &[&'static str]) -> Self {
        let poison = poison.to_vec();
        Self { poison, stopped: Vec::new(), changes_max: usize::MAX, calls: Mutex::default() }
    }
}

fn holds(change: &RawChange, text: &str) -> bool {
    change.bytes().windows(text.len()).any(|found| found == text.as_bytes())
}

impl Merger for Fragile {
    fn merge(&self, job: &MergeJob) -> Result<MergeWork, MergerError> {
        let call = {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            *calls - 1
        };
        let mut changes = job.packs.iter().flatten();
        let dies = changes.any(|change| self.poison.iter().any(|text| holds(change, text)));
        let sum = job.packs.iter().map(Vec::len).sum::<usize>();
        if dies || sum > self.changes_max || self.stopped.contains(&call) {
            return Err(MergerError::Died { how: "the test".to_owned() });
        }
        // As a worker would be asked.
        let job = MergeJob::decode(&job.encode()?)?;
        MergeWork::decode(&job.perform()?.encode()?, &job)
    }

    fn hold(&self, job: &SealJob) -> Result<SealWork, MergerError> {
        InProcess.hold(job)
    }
}

/// Packs of two phones in one document, each answer a pack; the second phone's with some texts.
fn job(second: &[&str]) -> (MergeJob, Genesis) {
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    sync(&one, &hub);
    sync(&two, &hub);
    let genesis = visit("06325", 1);
    let mut packs = written(&one, &genesis, &["honest 1", "honest 2", "honest 3"]);
    packs.extend(written(&two, &genesis, second));
    let packs = packs.iter().map(|bytes| Pack::decode(bytes).unwrap().into_changes()).collect();
    let shape = one.phone.replica().shape(&genesis).unwrap();
    let job = MergeJob {
        genesis: genesis.clone(),
        shape,
        base: None,
        held: Vec::new(),
        packs,
        judges: BTreeSet::new(),
        saves: true,
    };
    (job, genesis)
}

fn written(side: &Side, genesis: &Genesis, texts: &[&str]) -> Vec<Vec<u8>> {
    let mut packs = Vec::new();
    for text in texts {
        side.answer(genesis, "1.1", text);
        packs.extend(side.phone.release(NOW).unwrap());
    }
    packs
}

fn refused(work: &MergeWork) -> Vec<usize> {
    let fates = work.fates.iter().enumerate();
    fates.filter(|(_, fate)| matches!(fate, Fate::Refused { .. })).map(|(index, _)| index).collect()
}

#[test]
fn the_change_that_ends_workers_is_found_and_the_rest_is_merged() {
    let (job, _) = job(&["fine", "poison a", "after it"]);
    let work = merge(&Fragile::on(&["poison"]), &job).unwrap();
    assert_eq!(refused(&work), [4]);
    let Fate::Refused { culprit, verdict } = work.fates[4] else { panic!("it was refused") };
    assert_eq!((culprit, verdict), (job.packs[4][0].facts().hash, Verdict::Poison));
    assert_eq!(work.fates[..4], [Fate::Ready; 4]);
    assert_eq!(work.fates[5], Fate::Parked, "it follows the poison in its line");
    assert!(work.saved.is_some());
}

#[test]
fn several_are_found_and_what_is_left_waits_for_the_next_batch() {
    let texts: Vec<String> = (0..DEADLY_MAX + 2).map(|n| format!("poison {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (job, _) = job(&texts);
    let work = merge(&Fragile::on(&["poison"]), &job).unwrap();
    assert_eq!(refused(&work).len(), DEADLY_MAX);
    let waits = work.fates.iter().filter(|fate| **fate == Fate::Parked).count();
    assert_eq!(waits, job.packs.len() - DEADLY_MAX, "looked at again, and nobody is blamed");
}

#[test]
fn a_worker_that_somebody_else_stopped_costs_nobody_a_pack() {
    let (job, _) = job(&["fine"]);
    let merger = Fragile { stopped: vec![0], ..Fragile::on(&[]) };
    let work = merge(&merger, &job).unwrap();
    assert_eq!(work.fates, [Fate::Ready; 4]);
    // Stopped twice, it looks for a culprit and finds none.
    let merger = Fragile { stopped: vec![0, 1], ..Fragile::on(&[]) };
    assert_eq!(merge(&merger, &job).unwrap(), work);
    // Stopped while it looks for one, it blames nobody else.
    let (job, _) = self::job(&["fine", "poison"]);
    for stopped in 2..9 {
        let merger = Fragile { stopped: vec![stopped], ..Fragile::on(&["poison"]) };
        assert_eq!(refused(&merge(&merger, &job).unwrap()), [4], "stopped at {stopped}");
    }
}

#[test]
fn a_document_that_ends_workers_by_itself_blames_no_pack() {
    let (job, _) = job(&["fine"]);
    let merger = Fragile { stopped: (0..99).collect(), ..Fragile::on(&[]) };
    assert!(matches!(merge(&merger, &job), Err(MergerError::Died { .. })));
}

#[test]
fn a_batch_that_is_too_much_as_a_sum_is_merged_in_pieces_and_blames_nobody() {
    let texts: Vec<String> = (0..20).map(|number| format!("fine {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (mut job, _) = job(&texts);
    let whole = merge(&InProcess, &job).unwrap();
    // As many in one pack too: it enters whole, in pieces.
    for packed in [false, true] {
        if packed {
            let last = job.packs.split_off(3);
            job.packs.push(last.into_iter().flatten().collect());
        }
        for changes_max in 1..7 {
            let merger = Fragile { changes_max, ..Fragile::on(&[]) };
            let work = merge(&merger, &job).unwrap();
            assert!(work.fates.iter().all(|fate| *fate == Fate::Ready), "{changes_max}: {work:?}");
            assert_eq!((&work.tips, &work.summary), (&whole.tips, &whole.summary));
            assert!(work.saved.is_some() && work.whole);
            MergeWork::decode(&work.encode().unwrap(), &job).unwrap();
        }
    }
}

#[test]
fn of_a_sum_with_poison_in_it_the_poison_alone_is_refused() {
    let (job, _) = job(&["fine 1", "fine 2", "poison", "after it"]);
    for changes_max in 1..4 {
        let merger = Fragile { changes_max, ..Fragile::on(&["poison"]) };
        let work = merge(&merger, &job).unwrap();
        assert_eq!(refused(&work), [5], "{changes_max}");
        assert_eq!(work.fates[..5], [Fate::Ready; 5], "{changes_max}");
        assert_eq!(work.fates[6], Fate::Parked, "it follows the poison in its line");
    }
}

#[test]
fn a_pack_that_waits_for_its_cause_enters_with_no_change_of_it() {
    let (mut job, _) = job(&["cause", "one", "two"]);
    let cause = job.packs.remove(3);
    // The pack of which nothing is missing but the cause.
    let rest = job.packs.split_off(3).into_iter().flatten().collect();
    job.packs.push(rest);
    let work = merge(&Fragile { changes_max: 2, ..Fragile::on(&[]) }, &job).unwrap();
    assert_eq!(work.fates, [Fate::Ready, Fate::Ready, Fate::Ready, Fate::Parked]);
    let base = work.saved.clone();
    let next = MergeJob { base, packs: vec![cause, job.packs.pop().unwrap()], ..job };
    let work = merge(&Fragile { changes_max: 2, ..Fragile::on(&[]) }, &next).unwrap();
    assert_eq!(work.fates, [Fate::Ready; 2]);
}

#[test]
fn an_outcome_that_does_not_fit_its_job_is_garbled() {
    let (job, _) = job(&["fine"]);
    let work = job.perform().unwrap();
    assert_eq!(MergeWork::decode(&work.encode().unwrap(), &job), Ok(work.clone()));
    let stranger = ChangeHash([7; 32]);
    let blames = Fate::Refused { culprit: stranger, verdict: Verdict::Poison };
    let other = job.packs.len() - 1;
    let mut foreign = work.fates.clone();
    foreign[other] = blames;
    for wrong in [
        MergeWork { fates: vec![Fate::Ready], ..work.clone() },
        MergeWork { fates: foreign, ..work.clone() },
        MergeWork { summary: vec![1, 2, 3], ..work.clone() },
        MergeWork { saved: None, ..work.clone() },
        MergeWork { saved: Some(vec![0; 100]), ..work.clone() },
    ] {
        let decoded = MergeWork::decode(&wrong.encode().unwrap(), &job);
        assert!(matches!(decoded, Err(MergerError::Garbled { .. })), "{decoded:?}");
    }
    assert!(MergeWork::decode(&[0xff; 40], &job).is_err());
    assert!(MergeJob::decode(&[0xff; 40]).is_err());
}

#[test]
fn a_job_whose_shape_is_of_another_kind_of_document_is_none() {
    let (job, _) = job(&["another"]);
    let job = MergeJob { shape: crate::model::Shape::Facility, ..job };
    let decoded = MergeJob::decode(&job.encode().unwrap());
    assert!(matches!(decoded, Err(MergerError::Garbled { what: "the shape" })), "{decoded:?}");
}
