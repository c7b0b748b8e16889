//! A bundle taken in twice, and an exchange after it, come to what the exchange alone comes to.

use super::*;
use crate::model::DocumentId;
use crate::replica::{Arrival, Replica};
use crate::sync::{FeedPosition, Fingerprint};

/// What there is at the end, on phones and hub.
#[derive(Debug, PartialEq)]
struct State {
    /// How far its feed goes, and what it keeps aside.
    hub: (u64, u64),
    /// Of each record at the hub its heads and official number.
    records: Vec<(Vec<ChangeHash>, Option<String>)>,
    phones: Vec<Held>,
}

#[derive(Debug, PartialEq)]
struct Held {
    arrivals: Vec<Arrival>,
    values: Vec<Vec<String>>,
    records: Vec<(Vec<ChangeHash>, Option<String>)>,
    position: Option<FeedPosition>,
    fingerprint: Fingerprint,
    acting: Vec<bool>,
    notices: Vec<Notice>,
    carried: Vec<DocumentId>,
    undelivered: u64,
}

fn held(side: &Side, records: &[Genesis]) -> Held {
    let phone = &side.phone;
    let stored = |genesis: &Genesis| {
        // When the hub signed is not what it signed.
        let arrival = phone.arrival(genesis.document()).unwrap();
        Arrival { stored_at: None, merged_at: None, backed_at: None, ..arrival }
    };
    let values = |genesis: &Genesis| match phone.replica().load(genesis.document()) {
        Ok(_) => ["9.1", "9.5"].map(|item| side.values(genesis, item)).concat(),
        Err(_) => Vec::new(),
    };
    Held {
        arrivals: records.iter().map(stored).collect(),
        values: records.iter().map(values).collect(),
        records: records.iter().map(|genesis| at(phone.replica(), genesis)).collect(),
        position: phone.position().unwrap(),
        fingerprint: phone.fingerprint().unwrap(),
        acting: phone.acting().unwrap().iter().map(|acting| acting.refused).collect(),
        notices: phone.notices().unwrap(),
        carried: phone.carried().unwrap(),
        undelivered: phone.undelivered().unwrap(),
    }
}

/// A day: edits of two, one where its author may not write, a decision that counts and one that does not,
/// minutes. Then `between`, and an exchange.
fn day(between: impl FnOnce(&Arc<Hub>, &Side, &Side)) -> State {
    use crate::replica::sealing::{leader, seal};
    let hub = hub(&[2]);
    hub.trust(leader(1)).unwrap();
    let (a, b) = (side(1), side(2));
    [&a, &b].into_iter().for_each(|side| sync_at(side, &hub, NOW));
    let records = [visit("06325", 1), visit("06337", 2), visit("06325", 3)];
    b.answer(&records[0], "9.5", "of B");
    sync_at(&b, &hub, later(1));
    a.answer(&records[0], "9.1", "of A");
    a.answer(&records[1], "9.1", "elsewhere");
    a.answer(&records[2], "9.1", "sealed");
    a.phone.release(later(1)).unwrap();
    seal(&a, &records[2]);
    for (number, scope) in [(1, "06325"), (2, "06337")] {
        let persons = vec![PersonId::of_device(key(1).device())];
        let inspection = visit(scope, 7).document();
        let deed = Deed::Assign { inspection, persons };
        let (scope, by) = (scope.parse().unwrap(), key(1).device());
        let act = Act { hub: hub.device(), by, scope, nonce: [number; 16], at: NOW, deed };
        a.phone.act(&a.phone.sign_act(act).unwrap()).unwrap();
    }
    between(&hub, &a, &b);
    for at in [9, 10] {
        [&a, &b].into_iter().for_each(|side| sync_at(side, &hub, later(at)));
    }
    State {
        hub: (hub.head().unwrap().number, hub.status().unwrap().quarantined),
        records: records.iter().map(|genesis| at(hub.replica(), genesis)).collect(),
        phones: [&a, &b].into_iter().map(|side| held(side, &records)).collect(),
    }
}

fn at(replica: &Replica, genesis: &Genesis) -> (Vec<ChangeHash>, Option<String>) {
    let minutes = replica.minutes(genesis.document()).unwrap();
    (heads(replica, genesis), minutes.standing.and_then(|one| one.official))
}

fn heads(replica: &Replica, genesis: &Genesis) -> Vec<ChangeHash> {
    replica.load(genesis.document()).map(|document| document.heads()).unwrap_or_default()
}

#[test]
fn a_bundle_taken_in_twice_and_an_exchange_come_to_what_the_exchange_alone_comes_to() {
    let alone = day(|_, _, _| {});
    assert_eq!(alone.phones[0].acting, [true], "one decision counts and one is refused");
    assert!(alone.records[2].1.is_some(), "the minutes have a number");
    let twice = day(|hub, a, b| {
        let file = export(a, &[to_hub(), to(2)]);
        for _ in 0..2 {
            import(b, &file).unwrap();
            let (_, answer) = at_hub(hub, &file).unwrap();
            for _ in 0..2 {
                import(a, &answer).unwrap();
            }
        }
    });
    assert_eq!(twice, alone);
}
