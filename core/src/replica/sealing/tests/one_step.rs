//! What is sealed is looked at, recorded and shown in one step, whatever comes at the same moment.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use super::*;
use crate::replica::meeting::Hooked;

/// How often it is looked whether something was let in, every 2 ms; it takes milliseconds.
const LOOKS: usize = 350;

/// Waits until a thread is done, or would have been if anything let it in.
fn give_chance(work: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if work() {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// What 3 sealed of an inspection, as it is given to a neighbour; 1 has the same changes and not the seal.
fn given() -> ([Side; 2], Genesis, Vec<u8>) {
    let (_, [one, _, three], genesis) = team();
    three.answer(&genesis, "1.1", "three");
    meet(&three, &one);
    seal(&three, &genesis);
    let given = three.phone.seals_for(&leader(1).into()).unwrap().remove(0);
    ([one, three], genesis, given)
}

fn hear(phone: &Phone, given: &[u8]) {
    assert!(phone.hear_seal(key(3).device(), given, NOW).unwrap());
}

/// The same phone, which does something once, while an edit's row in lists is being written.
fn during_an_edit(
    side: &Side,
    genesis: &Genesis,
    work: impl FnOnce(&Phone) + Send + 'static,
) -> Arc<Phone> {
    let store = MemoryStore::open(&side.store.disk().copy_unnoticed(), Arc::new(Projection));
    let phone: Arc<OnceLock<Arc<Phone>>> = Arc::default();
    let under_way: Arc<Mutex<Option<thread::JoinHandle<()>>>> = Arc::default();
    let (at_hook, started, mut work) = (phone.clone(), under_way.clone(), Some(work));
    let deriving = Box::new(move || {
        let Some(phone) = at_hook.get().cloned() else { return };
        let Some(work) = work.take() else { return };
        let other = thread::spawn(move || work(&phone));
        give_chance(|| other.is_finished());
        *started.lock().unwrap() = Some(other);
    });
    let store = Hooked::over(store.unwrap(), Box::new(|_| ()), deriving);
    let opened = Phone::open(store, key(side.number), Incarnation([201; 16]), NOW).unwrap();
    phone.set(Arc::new(opened)).ok().unwrap();
    let phone = phone.get().unwrap().clone();
    let note = crate::model::NoteEdit::Append("late".to_owned());
    phone.edit(genesis, NOW, |editor| editor.note("1.2", note)).unwrap();
    under_way.lock().unwrap().take().unwrap().join().unwrap();
    phone
}

fn sealed_in_list(phone: &Phone, genesis: &Genesis) -> Option<[u8; 32]> {
    phone.replica().summary(genesis.document()).unwrap().unwrap().sealed.map(|then| then.seal)
}

#[test]
fn no_neighbour_s_minutes_come_between_the_last_look_and_the_seal() {
    let ([one, _], genesis, given) = given();
    let (act, own) = sign(&one, &genesis);
    let replica = one.phone.replica();
    thread::scope(|scope| {
        let sealed = one.phone.seal_as_it_stands(|| {
            let other = scope.spawn(|| hear(&one.phone, &given));
            give_chance(|| other.is_finished());
            // Nothing stands, so this device seals.
            assert!(replica.minutes(genesis.document()).unwrap().standing.is_none());
            Ok::<_, ReplicaError>((act, own.clone()))
        });
        assert_eq!(sealed.unwrap(), own.id().unwrap());
    });
    // It comes behind it, and is not lost.
    assert_eq!(replica.seals_of(genesis.document()).unwrap().len(), 2);
}

#[test]
fn minutes_that_a_neighbour_gives_during_an_edit_are_shown_in_the_list() {
    let ([one, three], genesis, given) = given();
    let id = standing(three.phone.replica(), &genesis).0;
    let phone = during_an_edit(&one, &genesis, move |phone| hear(phone, &given));
    assert_eq!(sealed_in_list(&phone, &genesis), Some(id.0));
}

#[test]
fn minutes_that_are_given_up_during_an_edit_leave_the_list() {
    let ([_, three], genesis, _) = given();
    let phone = during_an_edit(&three, &genesis, |phone| {
        let act = phone.unregistered().unwrap()[0].act;
        phone.drop_seal(act, "a mistake", NOW).unwrap();
    });
    assert_eq!(sealed_in_list(&phone, &genesis), None);
}

#[test]
fn minutes_that_the_hub_refuses_during_an_edit_leave_the_list() {
    use crate::replica::errands::Errand;
    use crate::sync::{AdminAnswer, Failure, FailureCode};

    let ([_, three], genesis, _) = given();
    let phone = during_an_edit(&three, &genesis, |phone| {
        let act = phone.unregistered().unwrap()[0].act;
        let refused = AdminAnswer::Refused(Failure {
            code: FailureCode::NotAllowed,
            message: String::new(),
            retry_after_ms: None,
        });
        assert!(phone.ran_errand(&Errand::Seal(act), &refused, [7; 16]).unwrap());
    });
    assert!(phone.unregistered().unwrap()[0].refused);
    phone.replica().refresh_one(genesis.document()).unwrap();
    assert_eq!(sealed_in_list(&phone, &genesis), None);
}
