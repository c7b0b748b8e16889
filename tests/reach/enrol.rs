//! Row 20 of the scorecard, at the hub's door: whoever has no right to be enrolled is not.

use std::sync::Arc;

use bienban_core::model::{DeviceId, Timestamp};
use bienban_core::replica::{Hub, InviteError};
use bienban_core::sync::{PlainEntry, Role};
use bienban_core::trust::DeviceKey;
use bienban_core::trust::enrolment::{
    CLAIM_KEPT_MS, CheckDigits, Claim, Code, EnrolAnswer, EnrolRefusal, INVITATION_MS,
    INVITATIONS_PER_DEVICE_MAX, Invitation,
};
use bienban_tests::fleet::{self, NOW, SHORT};

/// Tries of each kind.
const TRIES: u8 = 50;

const ADMIN_SEED: [u8; 32] = [150; 32];

fn hub() -> Arc<Hub> {
    let (hub, _) = fleet::hub(SHORT, 1);
    hub.trust(PlainEntry {
        device: DeviceKey::from_seed(&ADMIN_SEED).device(),
        name: "Quản trị".to_owned(),
        agency: "Sở".to_owned(),
        role: Role::Admin,
        scopes: vec!["20".parse().unwrap()],
        active: true,
    })
    .unwrap();
    hub
}

fn later(ms: i64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

fn code(number: u8) -> Code {
    Code::new([number; 16])
}

fn phone(number: u8) -> DeviceId {
    let mut seed = [number; 32];
    seed[0] = 77;
    DeviceKey::from_seed(&seed).device()
}

fn invite(hub: &Hub, code: &Code, now: Timestamp) -> Result<Timestamp, InviteError> {
    let admin = DeviceKey::from_seed(&ADMIN_SEED);
    let (by, scope) = (admin.device(), "20".parse().unwrap());
    let ask = Invitation { by, hub: hub.device(), id: code.id(), scope, at: now };
    hub.invite(ask.sign(&admin), by, now)
}

fn refused(answer: EnrolAnswer) -> EnrolRefusal {
    match answer {
        EnrolAnswer::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reused_expired_and_guessed_codes_enrol_nobody() {
    let hub = hub();
    for n in 0..TRIES {
        let (code, at) = (code(n), later(i64::from(n) * 2 * CLAIM_KEPT_MS));
        let after = |ms: i64| Timestamp(at.0 + ms);
        assert!(!hub.awaits_newcomers(at), "nobody is let in while nobody is invited");
        let until = invite(&hub, &code, at).unwrap();
        assert_eq!(until, after(INVITATION_MS));
        assert!(hub.awaits_newcomers(at));
        let claim = |code: &Code, device| Claim::make(code, hub.device(), device, "Máy 1");
        let guessed = claim(&Code::new([n ^ 0xff; 16]), phone(n));
        assert_eq!(
            refused(hub.claim(&guessed, phone(n), at).unwrap()),
            EnrolRefusal::Unknown,
            "guessed"
        );
        let late = hub.claim(&claim(&code, phone(n)), phone(n), until).unwrap();
        assert_eq!(refused(late), EnrolRefusal::Expired);
        let borrowed = hub.claim(&claim(&code, phone(n)), phone(n + 100), at).unwrap();
        assert_eq!(refused(borrowed), EnrolRefusal::Malformed, "TLS proved another key");
        let kept = hub.claim(&claim(&code, phone(n)), phone(n), at).unwrap();
        assert!(matches!(kept, EnrolAnswer::Waiting { .. }));
        let again = hub.claim(&claim(&code, phone(n + 100)), phone(n + 100), at).unwrap();
        assert_eq!(refused(again), EnrolRefusal::Taken, "reused");
        let day_after = hub.claim(&claim(&code, phone(n)), phone(n), after(CLAIM_KEPT_MS)).unwrap();
        assert_eq!(refused(day_after), EnrolRefusal::Expired);
        assert!(matches!(invite(&hub, &code, at), Err(InviteError::Again)), "a code is for once");
    }
    let known = (0..TRIES).flat_map(|n| [phone(n), phone(n + 100)]);
    assert_eq!(known.filter(|device| hub.knows_device(*device)).count(), 0);
}

#[test]
fn a_hub_that_changes_a_claim_is_found_and_what_nobody_confirmed_enrols_nobody() {
    let hub = hub();
    let by = DeviceKey::from_seed(&ADMIN_SEED).device();
    let mut same_digits = 0;
    for n in 0..TRIES {
        let code = code(n);
        invite(&hub, &code, NOW).unwrap();
        let claim = Claim::make(&code, hub.device(), phone(n), "Máy 1");
        hub.claim(&claim, phone(n), NOW).unwrap();
        let shown = hub.claim_of(code.id(), by, NOW).unwrap().unwrap().unwrap();
        assert!(shown.is_by_holder_of(&code, hub.device()));
        // The hub puts its own key in its place, or a phone was led to another hub's key.
        let mut swapped = shown.clone();
        swapped.device = phone(n + 100);
        assert!(!swapped.is_by_holder_of(&code, hub.device()));
        let elsewhere = Claim::make(&code, phone(n + 101), phone(n), "Máy 1");
        assert!(!elsewhere.is_by_holder_of(&code, hub.device()));
        // A bystander who saw the code and is first shows other digits than the phone.
        let digits = |device| CheckDigits::of(&code, hub.device(), device);
        same_digits += usize::from(digits(phone(n)) == digits(phone(n + 100)));
        assert_eq!(hub.claim_of(code.id(), phone(n), NOW).unwrap(), Err(EnrolRefusal::Unknown));
        if n % 2 == 0 {
            assert!(hub.deny(code.id(), by, NOW).unwrap());
            let told = hub.claim(&claim, phone(n), NOW).unwrap();
            assert_eq!(refused(told), EnrolRefusal::Denied);
        }
    }
    assert!(same_digits <= 1, "{same_digits} of {TRIES} had the same six digits");
    let known = (0..TRIES).flat_map(|n| [phone(n), phone(n + 100)]);
    assert_eq!(known.filter(|device| hub.knows_device(*device)).count(), 0);
}

#[test]
fn only_an_administrator_of_the_unit_invites_and_not_without_end() {
    let hub = hub();
    let admin = DeviceKey::from_seed(&ADMIN_SEED);
    let ask = |key: &DeviceKey, scope: &str, to: DeviceId| {
        let (by, scope) = (key.device(), scope.parse().unwrap());
        Invitation { by, hub: to, id: code(9).id(), scope, at: NOW }.sign(key)
    };
    let inspector = DeviceKey::from_seed(&fleet::phone_seed(1));
    let tried = hub.invite(ask(&inspector, "20", hub.device()), inspector.device(), NOW);
    assert!(matches!(tried, Err(InviteError::NotAllowed { .. })), "{tried:?}");
    let tried = hub.invite(ask(&admin, "00", hub.device()), admin.device(), NOW);
    assert!(matches!(tried, Err(InviteError::NotAllowed { .. })), "a province is not the country");
    let tried = hub.invite(ask(&admin, "20", phone(1)), admin.device(), NOW);
    assert!(matches!(tried, Err(InviteError::NotItsOwn)), "for another hub");
    let tried = hub.invite(ask(&admin, "20", hub.device()), inspector.device(), NOW);
    assert!(matches!(tried, Err(InviteError::NotItsOwn)), "brought by another");
    let mut changed = ask(&admin, "20", hub.device());
    changed.invitation.id = code(10).id();
    assert!(matches!(hub.invite(changed, admin.device(), NOW), Err(InviteError::NotItsOwn)));
    let most = u8::try_from(INVITATIONS_PER_DEVICE_MAX).unwrap();
    for n in 0..most {
        invite(&hub, &code(n), NOW).unwrap();
    }
    assert!(matches!(invite(&hub, &code(most), NOW), Err(InviteError::TooMany)));
    // When they have ended there is room again.
    invite(&hub, &code(most), later(INVITATION_MS)).unwrap();
}

#[test]
fn the_door_closes_behind_the_last_phone_that_was_awaited() {
    let hub = hub();
    let by = DeviceKey::from_seed(&ADMIN_SEED).device();
    for n in 0..2 {
        invite(&hub, &code(n), NOW).unwrap();
        hub.claim(&Claim::make(&code(n), hub.device(), phone(n), ""), phone(n), NOW).unwrap();
    }
    assert!(hub.awaits_newcomers(later(INVITATION_MS)), "claims wait for a day");
    let mut entry = fleet::entry(1);
    entry.device = phone(0);
    hub.trust(entry).unwrap();
    assert!(hub.awaits_newcomers(NOW), "one is still awaited");
    let claim = Claim::make(&code(0), hub.device(), phone(0), "");
    assert_eq!(hub.claim(&claim, phone(0), NOW).unwrap(), EnrolAnswer::Admitted);
    hub.deny(code(1).id(), by, NOW).unwrap();
    assert!(!hub.awaits_newcomers(NOW));
}

#[test]
fn a_revoked_key_cannot_come_back_by_an_invitation() {
    let hub = hub();
    let admin = DeviceKey::from_seed(&ADMIN_SEED);
    let lost = fleet::entry(1).device;
    let deed = bienban_core::trust::control::Deed::Revoke {
        whom: bienban_core::trust::control::Whom::Device(lost),
        lost_since: None,
    };
    let (by, scope) = (admin.device(), fleet::entry(1).scopes[0].clone());
    let act = bienban_core::trust::control::Act {
        hub: hub.device(),
        by,
        scope,
        nonce: [1; 16],
        at: NOW,
        deed,
    };
    hub.enter(vec![act.sign(&admin).unwrap()], NOW).unwrap();
    assert!(!hub.knows_device(lost));
    invite(&hub, &code(1), NOW).unwrap();
    let claim = Claim::make(&code(1), hub.device(), lost, "");
    assert_eq!(refused(hub.claim(&claim, lost, NOW).unwrap()), EnrolRefusal::Revoked);
}
