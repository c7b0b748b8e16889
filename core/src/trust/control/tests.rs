use proptest::prelude::*;

use super::*;
use crate::model::{Actor, ChangeHash, DocumentId, PersonId, Scope, TemplateId, Timestamp};
use crate::trust::{DeviceKey, Grant, Role, Signature};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

const LIFE: [u8; 16] = [7; 16];

fn log_of(scope: &Scope) -> Log<'_> {
    Log { scope, life: LIFE }
}

fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&[number; 32])
}

fn hub() -> DeviceKey {
    key(200)
}

fn scope(code: &str) -> Scope {
    code.parse().unwrap()
}

fn person(number: u8) -> PersonId {
    PersonId([number; 16])
}

/// A small country: a province 20 with two communes, and a province 24.
fn covers(outer: &Scope, inner: &Scope) -> bool {
    let above = |unit: &str| match unit {
        "06325" | "06337" => "20",
        _ => "00",
    };
    let (outer, mut unit) = (outer.as_str(), inner.as_str());
    loop {
        if unit == outer {
            return true;
        }
        if unit == "00" {
            return false;
        }
        unit = above(unit);
    }
}

/// A hub's log as it grows; `nonce` makes each act its own.
struct Hub {
    state: TrustState,
    entries: Vec<ControlEntry>,
    nonce: u8,
}

impl Hub {
    fn new() -> Self {
        let (state, _) = TrustState::of(hub().device(), [], &covers).unwrap();
        Self { state, entries: Vec::new(), nonce: 0 }
    }

    fn act(&mut self, by: &DeviceKey, unit: &str, deed: Deed) -> SignedAct {
        self.nonce += 1;
        let act = Act {
            hub: hub().device(),
            by: by.device(),
            scope: scope(unit),
            nonce: [self.nonce; 16],
            at: NOW,
            deed,
        };
        act.sign(by).unwrap()
    }

    /// Enters an act as a hub does that enters everything; returns what became of it.
    fn enter(&mut self, act: SignedAct) -> Folded {
        let at = Timestamp(NOW.0 + i64::try_from(self.entries.len()).unwrap());
        let Ok(head) = self.state.head(log_of(&act.act.scope));
        let is_first = match &act.act.deed {
            Deed::Seal { document, .. } => {
                let Ok(sealed) = self.state.sealed(&act.act.scope, *document);
                sealed.is_none()
            }
            _ => false,
        };
        let official = is_first.then(|| "01/2026".to_owned());
        let entry = ControlEntry::sign(&hub(), (LIFE, &head), (at, at), act, official).unwrap();
        entry.verify().unwrap();
        let Ok(folded) = fold(&mut self.state, &entry, &covers);
        self.entries.push(entry);
        folded
    }

    fn enact(&mut self, by: &DeviceKey, unit: &str, deed: Deed) -> Folded {
        let act = self.act(by, unit, deed);
        self.enter(act)
    }

    fn certify(&mut self, by: &DeviceKey, unit: &str, device: u8, who: u8) -> Folded {
        let (device, person) = (key(device).device(), person(who));
        let (name, agency) = ("An".to_owned(), "Y tế".to_owned());
        self.enact(by, unit, Deed::Certify { device, person, name, agency })
    }

    fn grant(&mut self, by: &DeviceKey, unit: &str, who: u8, role: Role) -> Folded {
        let grant = Grant::always(role, scope(unit));
        self.enact(by, unit, Deed::Grant { person: person(who), grant })
    }

    fn may(&self, device: u8, role: Role, unit: &str) -> bool {
        self.state.entry(key(device).device(), &covers).is_some_and(|entry| {
            let fits = |grant: &Grant| grant.role == role && covers(&grant.scope, &scope(unit));
            entry.active && entry.grants.iter().any(fits)
        })
    }
}

/// The hub's operator enrols an administrator of province 20 on device 1, who is person 1.
fn with_admin() -> Hub {
    let mut log = Hub::new();
    assert_eq!(log.certify(&hub(), "20", 1, 1), Folded::Counts);
    assert_eq!(log.grant(&hub(), "20", 1, Role::Admin), Folded::Counts);
    log
}

#[test]
fn an_administrator_gives_rights_only_below_the_own_unit() {
    let mut log = with_admin();
    assert_eq!(log.certify(&key(1), "06325", 2, 2), Folded::Counts);
    assert_eq!(log.grant(&key(1), "06325", 2, Role::Inspector), Folded::Counts);
    assert!(log.may(2, Role::Inspector, "06325") && !log.may(2, Role::Inspector, "06337"));
    for unit in ["24", "00"] {
        assert_eq!(log.grant(&key(1), unit, 2, Role::Admin), Folded::Void(Void::NotAllowed));
        assert!(!log.may(2, Role::Admin, unit));
    }
    let inspector = log.grant(&key(2), "06325", 2, Role::Admin);
    assert_eq!(inspector, Folded::Void(Void::NotAllowed), "nobody raises himself");
}

#[test]
fn a_right_ends_with_its_withdrawal_and_all_of_them_with_a_revocation() {
    let mut log = with_admin();
    log.certify(&key(1), "06325", 2, 2);
    log.grant(&key(1), "06325", 2, Role::Leader);
    let given = log.entries.last().unwrap().act.act.id().unwrap();
    let withdraw = Deed::Withdraw { person: person(2), grant: given };
    assert_eq!(
        log.enact(&key(1), "06337", withdraw.clone()),
        Folded::Void(Void::NoSuchGrant),
        "it stands in another log"
    );
    assert_eq!(log.enact(&key(1), "06325", withdraw), Folded::Counts);
    assert!(!log.may(2, Role::Leader, "06325"));
    log.grant(&key(1), "06325", 2, Role::Inspector);
    assert!(log.may(2, Role::Inspector, "06325"));
    let whom = Whom::Device(key(2).device());
    log.enact(&key(1), "06325", Deed::Revoke { whom, lost_since: Some(NOW) });
    assert!(!log.may(2, Role::Inspector, "06325"));
    log.certify(&key(1), "06325", 2, 2);
    assert!(!log.may(2, Role::Inspector, "06325"), "no certificate brings a revoked key back");
    log.certify(&key(1), "06325", 3, 2);
    assert!(log.may(3, Role::Inspector, "06325"), "the person's next phone has the same rights");
}

#[test]
fn a_revoked_administrator_decides_nothing_any_more() {
    let mut log = with_admin();
    log.certify(&hub(), "20", 4, 4);
    log.grant(&hub(), "20", 4, Role::Admin);
    let whom = Whom::Person(person(1));
    assert_eq!(log.enact(&key(4), "20", Deed::Revoke { whom, lost_since: None }), Folded::Counts);
    assert_eq!(log.grant(&key(1), "06325", 1, Role::Leader), Folded::Void(Void::NotAllowed));
}

#[test]
fn the_first_seal_counts_and_its_rivals_are_named() {
    let mut log = with_admin();
    log.certify(&key(1), "06325", 2, 2);
    log.grant(&key(1), "06325", 2, Role::Leader);
    let document = DocumentId([9; 32]);
    let seal = |seal: u8| Deed::Seal { document, seal: [seal; 32] };
    let by_admin = log.enact(&key(1), "06325", seal(1));
    assert_eq!(by_admin, Folded::Void(Void::NotAllowed), "the hub and its admins seal nothing");
    assert_eq!(log.enact(&hub(), "06325", seal(1)), Folded::Void(Void::NotAllowed));
    assert_eq!(log.enact(&key(2), "06325", seal(2)), Folded::Counts);
    assert_eq!(log.enact(&key(2), "06325", seal(3)), Folded::Void(Void::Surpassed));
    let Ok(sealed) = log.state.sealed(&scope("06325"), document);
    let sealed = sealed.unwrap();
    assert_eq!((sealed.seal, sealed.rivals), ([2; 32], vec![[3; 32]]));
}

#[test]
fn a_rival_does_not_count_where_the_first_was_left_out() {
    let mut log = with_admin();
    log.certify(&key(1), "06325", 2, 2);
    log.grant(&key(1), "06325", 2, Role::Leader);
    let document = DocumentId([9; 32]);
    let act = log.act(&key(2), "06325", Deed::Seal { document, seal: [3; 32] });
    let Ok(head) = log.state.head(log_of(&act.act.scope));
    let at = Timestamp(NOW.0 + 100);
    let rival = ControlEntry::sign(&hub(), (LIFE, &head), (at, at), act, None).unwrap();
    let Ok(folded) = fold(&mut log.state, &rival, &covers);
    assert_eq!(folded, Folded::Void(Void::Surpassed));
    assert_eq!(log.state.sealed(&scope("06325"), document), Ok(None));
}

#[test]
fn an_act_counts_once_however_often_it_is_entered() {
    let mut log = with_admin();
    let grant = Grant::always(Role::Inspector, scope("06325"));
    let act = log.act(&key(1), "06325", Deed::Grant { person: person(2), grant });
    let given = act.act.id().unwrap();
    assert_eq!(log.enter(act.clone()), Folded::Counts);
    log.enact(&key(1), "06325", Deed::Withdraw { person: person(2), grant: given });
    log.certify(&key(1), "06325", 2, 2);
    assert_eq!(log.enter(act), Folded::Void(Void::Repeated));
    assert!(!log.may(2, Role::Inspector, "06325"), "a replay gives nothing back");
}

#[test]
fn a_grant_holds_by_the_hubs_time_of_what_is_decided() {
    let mut log = with_admin();
    log.certify(&key(1), "06325", 2, 2);
    let grant =
        Grant { until: Some(Timestamp(NOW.0 + 5)), ..Grant::always(Role::Leader, scope("06325")) };
    log.enact(&key(1), "06325", Deed::Grant { person: person(2), grant });
    let assign = |number: u8| Deed::Assign {
        inspection: DocumentId([number; 32]),
        persons: vec![person(2)],
    };
    assert_eq!(log.enact(&key(2), "06325", assign(1)), Folded::Counts);
    assert_eq!(log.enact(&key(2), "06325", assign(2)), Folded::Void(Void::NotAllowed));
}

#[test]
fn only_the_hubs_own_keys_count_and_a_successor_is_one_once_it_was_announced() {
    let mut log = with_admin();
    let next = key(201);
    let announced =
        Deed::Successor { key: next.device(), proof: prove_successor(hub().device(), &next) };
    let by_next = |log: &Hub, nonce: u8| {
        let deed = Deed::Template { template: TemplateId([1; 32]), from: NOW };
        let (hub, by, unit) = (hub().device(), next.device(), scope("20"));
        let act = Act { hub, by, scope: unit, nonce: [nonce; 16], at: NOW, deed };
        let Ok(head) = log.state.head(log_of(&scope("20")));
        let act = act.sign(&next).unwrap();
        ControlEntry::sign(&next, (LIFE, &head), (Timestamp(NOW.0 + 100), NOW), act, None).unwrap()
    };
    let early = by_next(&log, 90);
    let Ok(folded) = fold(&mut log.state, &early, &covers);
    assert_eq!(folded, Folded::Stranger);
    let by_admin = log.enact(&key(1), "00", announced.clone());
    assert_eq!(by_admin, Folded::Void(Void::NotAllowed));
    let false_proof =
        Deed::Successor { key: key(202).device(), proof: prove_successor(hub().device(), &next) };
    assert_eq!(log.enact(&hub(), "00", false_proof), Folded::Void(Void::Surpassed));
    assert_eq!(log.enact(&hub(), "00", announced), Folded::Counts);
    let after = by_next(&log, 91);
    let Ok(folded) = fold(&mut log.state, &after, &covers);
    assert_eq!(folded, Folded::Counts);
}

#[test]
fn any_changed_byte_of_an_entry_is_refused() {
    let mut log = with_admin();
    log.certify(&key(1), "06325", 2, 2);
    let good = log.entries.last().unwrap();
    let bytes = good.encode().unwrap();
    assert_eq!(ControlEntry::decode(&bytes).unwrap(), *good);
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut bad = bytes.clone();
            bad[place] ^= 1 << bit;
            let accepted = ControlEntry::decode(&bad).and_then(|entry| entry.verify());
            assert!(accepted.is_err(), "byte {place}, bit {bit}");
        }
    }
}

#[test]
fn a_log_that_skips_or_rewrites_is_not_followed() {
    let mut log = with_admin();
    for who in 2..5 {
        log.grant(&key(1), "06325", who, Role::Inspector);
    }
    let of_commune: Vec<_> =
        log.entries.iter().filter(|entry| entry.scope().as_str() == "06325").cloned().collect();
    let first: Vec<_> = log.entries.iter().take(2).cloned().collect();
    let (mut state, _) = TrustState::of(hub().device(), &first, &covers).unwrap();
    let Ok(gap) = fold(&mut state, &of_commune[1], &covers);
    assert_eq!(gap, Folded::Gap);
    let Ok(next) = fold(&mut state, &of_commune[0], &covers);
    assert_eq!(next, Folded::Counts);
    let Ok(again) = fold(&mut state, &of_commune[0], &covers);
    assert_eq!(again, Folded::Known);
    // The operator signs another first entry.
    let other = log.act(
        &key(1),
        "06325",
        Deed::Grant { person: person(9), grant: Grant::always(Role::Admin, scope("06325")) },
    );
    let other =
        ControlEntry::sign(&hub(), (LIFE, &ChainHead::default()), (NOW, NOW), other, None).unwrap();
    let Ok(fork) = fold(&mut state, &other, &covers);
    assert_eq!(fork, Folded::Fork);
}

/// An administrator of the country on device 5 (person 5), one of commune 06325 on device 6 (person 6).
fn with_two_levels() -> Hub {
    let mut log = Hub::new();
    log.certify(&hub(), "00", 5, 5);
    log.grant(&hub(), "00", 5, Role::Admin);
    log.certify(&key(5), "06325", 6, 6);
    assert_eq!(log.grant(&key(5), "06325", 6, Role::Admin), Folded::Counts);
    log
}

#[test]
fn an_administrator_decides_of_nobody_who_stands_higher() {
    let mut log = with_two_levels();
    let refused = Folded::Void(Void::NotAllowed);
    assert_eq!(log.certify(&key(6), "06325", 7, 5), refused, "an own key as the higher one's");
    assert_eq!(log.certify(&key(6), "06325", 5, 8), refused, "the higher one's key as nobody's");
    let revoke = |whom| Deed::Revoke { whom, lost_since: None };
    assert_eq!(log.enact(&key(6), "06325", revoke(Whom::Person(person(5)))), refused);
    assert_eq!(log.enact(&key(6), "06325", revoke(Whom::Device(key(5).device()))), refused);
    // A role given below does not bring the person down.
    assert_eq!(log.grant(&key(6), "06325", 5, Role::Inspector), Folded::Counts);
    assert_eq!(log.enact(&key(6), "06325", revoke(Whom::Person(person(5)))), refused);
    assert!(log.may(5, Role::Admin, "06337"));
    assert_eq!(log.enact(&key(5), "06325", revoke(Whom::Person(person(6)))), Folded::Counts);
    // The operator alone stands above everybody.
    assert_eq!(log.enact(&hub(), "00", revoke(Whom::Device(key(5).device()))), Folded::Counts);
}

#[test]
fn a_right_holds_only_on_a_device_that_was_certified_where_it_holds() {
    let mut log = with_two_levels();
    log.certify(&hub(), "06337", 8, 8);
    log.grant(&hub(), "06337", 8, Role::Admin);
    // Officer 7 of the commune, with a phone (7), and one of its administrator's own (9).
    log.certify(&key(6), "06325", 7, 7);
    log.grant(&key(6), "06325", 7, Role::Inspector);
    assert_eq!(log.certify(&key(6), "06325", 9, 7), Folded::Counts);
    assert!(log.may(7, Role::Inspector, "06325") && log.may(9, Role::Inspector, "06325"));
    // The officer is given something in another commune, and higher up.
    assert_eq!(log.certify(&key(8), "06337", 7, 7), Folded::Counts);
    assert_eq!(log.grant(&key(8), "06337", 7, Role::Admin), Folded::Counts);
    assert_eq!(log.certify(&key(5), "20", 7, 7), Folded::Counts);
    assert_eq!(log.grant(&key(5), "20", 7, Role::Admin), Folded::Counts);
    assert!(log.may(7, Role::Admin, "06337") && log.may(7, Role::Admin, "20"));
    assert!(!log.may(9, Role::Admin, "06337") && !log.may(9, Role::Admin, "20"));
    let refused = Folded::Void(Void::NotAllowed);
    assert_eq!(log.grant(&key(9), "06337", 1, Role::Leader), refused, "nor does it decide there");
    assert_eq!(log.grant(&key(7), "06337", 1, Role::Leader), Folded::Counts);
}

#[test]
fn who_certifies_what_another_has_certified_says_the_same_of_it() {
    let mut log = with_two_levels();
    log.certify(&hub(), "06337", 8, 8);
    log.grant(&hub(), "06337", 8, Role::Admin);
    log.certify(&hub(), "20", 2, 2);
    log.grant(&hub(), "20", 2, Role::Supervisor);
    assert_eq!(log.certify(&key(8), "06337", 2, 2), Folded::Counts);
    let (device, person) = (key(2).device(), person(2));
    let name = || "Somebody else".to_owned();
    let renamed = Deed::Certify { device, person, name: name(), agency: name() };
    let refused = Folded::Void(Void::NotAllowed);
    assert_eq!(log.enact(&key(8), "06337", renamed), refused, "of one who stands higher");
    assert_eq!(log.certify(&key(8), "06337", 3, 2), refused, "nor is another device the person's");
}

#[test]
fn what_was_said_of_a_device_ends_with_its_holder() {
    let mut log = with_two_levels();
    log.certify(&hub(), "06337", 7, 7);
    log.certify(&hub(), "06325", 7, 8);
    log.grant(&hub(), "06337", 8, Role::Inspector);
    log.grant(&hub(), "06325", 8, Role::Inspector);
    assert!(log.may(7, Role::Inspector, "06325"));
    assert!(!log.may(7, Role::Inspector, "06337"), "there it was another's");
}

#[test]
fn nobody_uses_up_the_room_of_a_person_in_another_unit() {
    let mut log = with_two_levels();
    let mut last = Folded::Counts;
    for until in 0..=i64::try_from(GRANTS_PER_PERSON_AND_UNIT_MAX).unwrap() {
        log.nonce = 0;
        let until = Some(Timestamp(NOW.0 + 1_000_000 + until));
        let grant = Grant { until, ..Grant::always(Role::Auditor, scope("06325")) };
        last = log.enact(&key(6), "06325", Deed::Grant { person: person(5), grant });
    }
    assert_eq!(last, Folded::Void(Void::TooMany));
    assert_eq!(log.grant(&hub(), "06337", 5, Role::Inspector), Folded::Counts);
}

#[test]
fn what_was_revoked_is_certified_and_granted_nothing_again() {
    let mut log = with_admin();
    log.certify(&key(1), "06325", 2, 2);
    log.grant(&key(1), "06325", 2, Role::Leader);
    let revoke = Deed::Revoke { whom: Whom::Person(person(2)), lost_since: None };
    assert_eq!(log.enact(&key(1), "06325", revoke), Folded::Counts);
    let refused = Folded::Void(Void::NotAllowed);
    for by in [key(1), hub()] {
        assert_eq!(log.grant(&by, "06337", 2, Role::Inspector), refused);
        assert_eq!(log.certify(&by, "06337", 3, 2), refused);
        assert_eq!(log.certify(&by, "06337", 2, 4), refused, "its device as another person's");
    }
}

#[test]
fn a_leader_says_nothing_of_an_inspection_of_another_unit() {
    let mut log = with_admin();
    log.certify(&key(1), "06325", 2, 2);
    log.grant(&key(1), "06325", 2, Role::Leader);
    let inspection = DocumentId([9; 32]);
    log.enact(&key(2), "06325", Deed::Assign { inspection, persons: Vec::new() });
    log.enact(&key(2), "06325", Deed::Seal { document: inspection, seal: [1; 32] });
    let (own, other) = (scope("06325"), scope("06337"));
    assert_eq!(log.state.assignment(&other, inspection), Ok(None));
    assert_eq!(log.state.sealed(&other, inspection), Ok(None));
    assert!(log.state.assignment(&own, inspection).unwrap().is_some());
    assert!(log.state.sealed(&own, inspection).unwrap().is_some());
}

#[test]
fn a_decision_for_another_hub_decides_nothing_here() {
    let mut log = with_admin();
    let grant = Grant::always(Role::Inspector, scope("06325"));
    let good = log.act(&key(1), "06325", Deed::Grant { person: person(2), grant });
    let elsewhere = Act { hub: key(202).device(), ..good.act }.sign(&key(1)).unwrap();
    assert_eq!(log.enter(elsewhere), Folded::Void(Void::NotAllowed));
}

#[test]
fn a_clock_that_ran_ahead_once_ends_no_right_for_ever() {
    let mut log = with_admin();
    log.certify(&key(1), "06325", 2, 2);
    let until = Some(Timestamp(NOW.0 + 1_000));
    let grant = Grant { until, ..Grant::always(Role::Leader, scope("06325")) };
    log.enact(&key(1), "06325", Deed::Grant { person: person(2), grant });
    let deed = Deed::Assign { inspection: DocumentId([1; 32]), persons: vec![person(2)] };
    let enter = |log: &mut Hub, at: i64, clock: i64| {
        let act = log.act(&key(2), "06325", deed.clone());
        let Ok(head) = log.state.head(log_of(&act.act.scope));
        let times = (Timestamp(NOW.0 + at), Timestamp(NOW.0 + clock));
        let entry = ControlEntry::sign(&hub(), (LIFE, &head), times, act, None).unwrap();
        let Ok(folded) = fold(&mut log.state, &entry, &covers);
        folded
    };
    assert_eq!(enter(&mut log, 9_000, 9_000), Folded::Void(Void::NotAllowed));
    assert_eq!(enter(&mut log, 9_001, 500), Folded::Counts);
}

#[derive(Debug, Clone)]
struct Step {
    by: u8,
    unit: usize,
    what: u8,
    who: u8,
}

fn step() -> impl Strategy<Value = Step> {
    (0..6_u8, 0..4_usize, 0..8_u8, 0..5_u8).prop_map(|(by, unit, what, who)| Step {
        by,
        unit,
        what,
        who,
    })
}

/// Plays random decisions, allowed or not, into a hub's log.
fn play(steps: &[Step]) -> Hub {
    let mut log = with_admin();
    for Step { by, unit, what, who } in steps {
        let by = if *by == 0 { hub() } else { key(*by) };
        let unit = ["00", "20", "06325", "06337"][*unit];
        let (device, document) = (key(*who + 1).device(), DocumentId([*who; 32]));
        match what {
            0 => {
                let _: Folded = log.certify(&by, unit, *who + 1, *who + 1);
            }
            1 => {
                let _: Folded = log.grant(&by, unit, *who + 1, Role::Admin);
            }
            2 => {
                let _: Folded = log.grant(&by, unit, *who + 1, Role::Leader);
            }
            3 => {
                let last = &log.entries[usize::from(*who) % log.entries.len()];
                let grant = last.act.act.id().unwrap();
                {
                    let _: Folded =
                        log.enact(&by, unit, Deed::Withdraw { person: person(*who + 1), grant });
                }
            }
            4 => {
                let whom = Whom::Device(device);
                {
                    let _: Folded = log.enact(&by, unit, Deed::Revoke { whom, lost_since: None });
                }
            }
            5 => {
                let persons = vec![person(*who)];
                {
                    let _: Folded =
                        log.enact(&by, unit, Deed::Assign { inspection: document, persons });
                }
            }
            6 => {
                let _: Folded = log.enact(&by, unit, Deed::Seal { document, seal: [*who; 32] });
            }
            _ => {
                let judgement = Judgement::Admit;
                let (actor, hash) = (Actor([*who; 16]), ChangeHash([*who; 32]));
                let deed = Deed::Judge { document, actor, seq: 1, hash, judgement };
                {
                    let _: Folded = log.enact(&by, unit, deed);
                }
            }
        }
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Trust is a function of the set of entries, in whatever order they come.
    #[test]
    fn the_same_entries_in_any_order_give_the_same_state(
        steps in prop::collection::vec(step(), 0..40),
        shuffle in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let log = play(&steps);
        let mut entries = log.entries.clone();
        let cut = shuffle.index(entries.len());
        entries.rotate_left(cut);
        let mut state = seed | 1;
        for place in (1..entries.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            entries.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
        }
        let (shuffled, left) = TrustState::of(hub().device(), &entries, &covers).unwrap();
        prop_assert!(left.iter().all(|(_, _, folded)| matches!(folded, Folded::Void(_))));
        prop_assert_eq!(&shuffled, &log.state);
        // A prefix of each log gives the state of that prefix, whatever else is missing.
        entries.truncate(cut);
        let (one, _) = TrustState::of(hub().device(), &entries, &covers).unwrap();
        entries.reverse();
        let (two, _) = TrustState::of(hub().device(), &entries, &covers).unwrap();
        prop_assert_eq!(one, two);
    }
}

/// One deed of each kind.
fn deeds() -> [Deed; 11] {
    let proof = Signature([0; 64]);
    let (device, person, document) = (DeviceId([1; 32]), PersonId([2; 16]), DocumentId([3; 32]));
    let scope: Scope = "06325".parse().unwrap();
    let text = || "x".to_owned();
    [
        Deed::Certify { device, person, name: text(), agency: text() },
        Deed::Grant { person, grant: Grant::always(Role::Leader, scope) },
        Deed::Withdraw { person, grant: ActId([4; 32]) },
        Deed::Revoke { whom: Whom::Device(device), lost_since: None },
        Deed::Assign { inspection: document, persons: vec![person] },
        Deed::Seal { document, seal: [5; 32] },
        Deed::Judge {
            document,
            actor: Actor([6; 16]),
            seq: 1,
            hash: ChangeHash([7; 32]),
            judgement: Judgement::Keep,
        },
        Deed::Template { template: TemplateId([8; 32]), from: Timestamp(9) },
        Deed::Successor { key: device, proof },
        Deed::Countersign { document, seal: [5; 32] },
        Deed::Switch { from: device },
    ]
}

#[test]
fn a_deeds_number_is_the_one_of_its_encoding_and_has_a_name() {
    let deeds = deeds();
    assert_eq!(deeds.len(), DEED_NAMES.len());
    for (deed, name) in deeds.iter().zip(DEED_NAMES) {
        assert_eq!(postcard::to_stdvec(deed).unwrap()[0], deed.number());
        assert_eq!(deed.name(), name);
    }
}

/// An entry of each kind of deed by version 2, a line each, that must always read and hold.
const SAMPLES: &str = include_str!("../../../fixtures/control-v2.txt");

fn samples() -> Vec<ControlEntry> {
    let mut head = ChainHead::default();
    let one = |deed: Deed| {
        // What concerns the hub's keys stands in the log of the country.
        let code = match deed {
            Deed::Successor { .. } | Deed::Switch { .. } => "00",
            _ => "06325",
        };
        let (scope, by, nonce) = (scope(code), key(1).device(), [deed.number(); 16]);
        let act = Act { hub: hub().device(), by, scope, nonce, at: NOW, deed };
        let signed = act.sign(&key(1)).unwrap();
        let official = (signed.act.deed.number() == 5).then(|| "12/BB-ATTP".to_owned());
        let entry =
            ControlEntry::sign(&hub(), (LIFE, &head), (NOW, NOW), signed, official).unwrap();
        head = entry.head().unwrap();
        entry
    };
    deeds().into_iter().map(one).collect()
}

#[test]
fn entries_of_version_2_still_read_and_hold() {
    let expected = samples();
    assert_eq!(SAMPLES.lines().count(), expected.len());
    for (line, entry) in SAMPLES.lines().zip(expected) {
        let bytes = hex::decode(line).unwrap();
        let read = ControlEntry::decode(&bytes).unwrap();
        assert_eq!((&read, read.verify()), (&entry, Ok(())));
        assert_eq!(read.encode().unwrap(), bytes, "what was signed is encoded the same");
        // One of a later version is not taken for this.
        let later = [&[3], &bytes[1..]].concat();
        assert!(ControlEntry::decode(&later).is_err());
    }
}

#[test]
#[ignore = "writes the samples; once, for a new version, beside those of the one before"]
fn write_the_samples() {
    let line = |entry: &ControlEntry| hex::encode(entry.encode().unwrap()) + "\n";
    let text: String = samples().iter().map(line).collect();
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/control-v2.txt"), text).unwrap();
}

#[test]
fn naming_one_device_of_a_person_ends_nothing_that_holds_on_another_alone() {
    let mut log = with_two_levels();
    log.certify(&key(6), "06325", 7, 7);
    log.grant(&key(6), "06325", 7, Role::Inspector);
    log.certify(&key(5), "20", 8, 7);
    log.grant(&key(5), "20", 7, Role::Supervisor);
    let (Ok(device), Ok(held)) = (log.state.device(key(7).device()), log.state.person(person(7)));
    let wanted = |grants| Naming {
        device: key(7).device(),
        person: person(7),
        name: "An".to_owned(),
        agency: "Y tế".to_owned(),
        grants,
        told: Vec::new(),
    };
    let more = vec![
        Grant::always(Role::Inspector, scope("06325")),
        Grant::always(Role::Leader, scope("06325")),
    ];
    let deeds = naming(&device, &held, &wanted(more), &covers);
    let names = |deeds: &[(Scope, Deed)]| {
        deeds.iter().map(|(unit, deed)| format!("{} {unit}", deed.name())).collect::<Vec<_>>()
    };
    assert_eq!(names(&deeds), ["certify 06325", "grant 06325"]);
    let deeds = naming(&device, &held, &wanted(Vec::new()), &covers);
    assert_eq!(names(&deeds), ["withdraw 06325"], "the role in the province is the other phone's");
}

#[test]
fn of_whom_nobody_has_said_anything_only_the_operator_decides_the_end() {
    let mut log = with_two_levels();
    let refused = Folded::Void(Void::NotAllowed);
    let revoke = |whom| Deed::Revoke { whom, lost_since: None };
    for whom in [Whom::Device(key(50).device()), Whom::Person(person(50))] {
        assert_eq!(log.enact(&key(6), "06325", revoke(whom)), refused);
    }
    assert_eq!(log.enact(&hub(), "00", revoke(Whom::Person(person(50)))), Folded::Counts);
}
