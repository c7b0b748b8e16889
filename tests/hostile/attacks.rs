//! One attack, one test: who is not who it says, or has no right; and what is not what it says.

use bienban_core::clock;
use bienban_core::model::{Actor, AnswerInput, Kind, PersonId, Timestamp};
use bienban_core::net::NetError;
use bienban_core::replica::{Meeting, MeetingOptions, ReplicaError};
use bienban_core::sync::{FailureCode, Frame, PROTOCOL_VERSION, Pack};
use bienban_core::trust::control::{Act, Deed, Whom};
use bienban_core::trust::enrolment::{Claim, Code, EnrolAnswer, EnrolRefusal, Invitation};
use bienban_core::trust::log::{LogEntry, Refusal, Turned};
use bienban_core::trust::{DeviceKey, Tip};
use bienban_tests::fleet;
use bienban_tests::scene::COMMUNE;

use crate::device::{Heard, Hostile, push};
use crate::packs::expect_no_receipt;
use crate::plot::{Plot, life, poisons};
use crate::stage::{ADMIN, LEADER, ONE, Stage, TWO, key};

/// Another commune than everybody's here.
const ELSEWHERE: &str = "06337";

/// Where a pack names its signer, and where its signature stands (docs/protocol.md, 4).
const SIGNER: std::ops::Range<usize> = 2..34;
const SIGNATURE: std::ops::Range<usize> = 50..114;

/// Good changes that follow a poisonous one.
const GOOD: usize = 30;

/// Codes that are guessed.
const GUESSES: u8 = 8;

/// Longer than a phone's lease.
const OUT_OF_TOUCH_MS: i64 = 31 * 86_400_000;

/// A year in which nobody inspected anything with this.
const BACKDATED: Timestamp = Timestamp(1_000_000_000_000);

fn signed(heard: &Heard) -> usize {
    let receipts = heard.frames.iter().map(|frame| match frame {
        Frame::Receipts(receipt) => receipt.items.len(),
        _ => 0,
    });
    receipts.sum()
}

fn failure(heard: &Heard) -> Option<FailureCode> {
    heard.frames.iter().find_map(|frame| match frame {
        Frame::Failed(failure) => Some(failure.code),
        _ => None,
    })
}

fn decide(stage: &Stage, by: u8, deed: Deed) {
    let key = key(by);
    let (hub, scope) = (stage.hub.device(), fleet::unit());
    let act = Act { hub, by: key.device(), scope, nonce: [by; 16], at: clock::now(), deed };
    stage.hub.enter(vec![act.sign(&key).unwrap()], clock::now()).unwrap();
}

/// A pack of one change in a facility of the device's own.
fn good_pack(hostile: &Hostile, nonce: u8) -> Vec<u8> {
    let mut plot = Plot::new(hostile, Kind::Facility, COMMUNE, nonce);
    let change = plot.change(life(nonce), "well formed");
    plot.seal(life(nonce), None, change)
}

#[test]
fn work_in_another_unit_is_kept_aside() {
    let stage = Stage::open();
    let document = stage.during(|hostile| {
        let mut plot = Plot::new(hostile, Kind::Facility, ELSEWHERE, 1);
        let change = plot.change(life(1), "not mine");
        expect_no_receipt(&hostile.say(&push(vec![plot.seal(life(1), None, change)])));
        plot.genesis.document()
    });
    stage.expect_refused(document, Refusal::NotAllowed);
    assert!(stage.hub.replica().load(document).is_err());
    stage.expect_honest(&[]);
}

#[test]
fn work_in_anothers_name_is_not_kept() {
    let stage = Stage::open();
    stage.during(|hostile| {
        let mut pack = good_pack(hostile, 1);
        pack[SIGNER].copy_from_slice(&key(ONE).device().0);
        let heard = hostile.say(&push(vec![pack]));
        expect_no_receipt(&heard);
        assert_eq!(failure(&heard), Some(FailureCode::Misbehaved));
    });
    stage.expect_turned(Turned::NotKept);
    stage.expect_honest(&[]);
}

#[test]
fn work_on_an_inspection_that_others_were_assigned_is_kept_aside() {
    let stage = Stage::open();
    let inspection = stage.visit().document();
    let mut persons = [ONE, TWO].map(|number| PersonId::of_device(key(number).device())).to_vec();
    persons.sort_unstable();
    decide(&stage, LEADER, Deed::Assign { inspection, persons });
    stage.during(|hostile| {
        let mut plot = Plot::of(hostile, stage.visit(), &stage.shape);
        let change = plot.answer(life(1), &stage.shape.items()[0], fleet::answer("unassigned"));
        expect_no_receipt(&hostile.say(&push(vec![plot.seal(life(1), None, change)])));
    });
    stage.expect_refused(inspection, Refusal::NotAllowed);
    stage.expect_honest(&[]);
}

#[test]
fn a_signature_of_another_pack_and_a_signature_for_another_document_do_not_hold() {
    let stage = Stage::open();
    stage.during(|hostile| {
        let (mut one, mut two) = (good_pack(hostile, 1), good_pack(hostile, 2));
        one[SIGNATURE].swap_with_slice(&mut two[SIGNATURE]);
        // The nonce of its document's birth is in the pack.
        let mut other = good_pack(hostile, 3);
        let at = other.windows(16).rposition(|bytes| bytes == [3; 16]).unwrap();
        other[at..at + 16].fill(4);
        for pack in [one, two, other] {
            expect_no_receipt(&hostile.say(&push(vec![pack])));
        }
    });
    for nonce in 1..=4 {
        let plot = Plot::new(&stage.hostile, Kind::Facility, COMMUNE, nonce);
        assert!(stage.hub.replica().load(plot.genesis.document()).is_err());
    }
    for nonce in [1, 2, 4] {
        let plot = Plot::new(&stage.hostile, Kind::Facility, COMMUNE, nonce);
        stage.expect_refused(plot.genesis.document(), Refusal::Unreadable);
    }
    stage.expect_honest(&[]);
}

#[test]
fn what_lacks_the_change_before_it_is_asked_for_and_not_signed_for() {
    let stage = Stage::open();
    let document = stage.during(|hostile| {
        let mut plot = Plot::new(hostile, Kind::Facility, COMMUNE, 4);
        let first = plot.change(life(5), "first");
        let second = plot.change(life(5), "second");
        let previous = Tip::after(None, first.facts().hash);
        let heard = hostile.say(&push(vec![plot.seal(life(5), Some(previous), second)]));
        expect_no_receipt(&heard);
        assert!(heard.frames.iter().any(|frame| matches!(frame, Frame::Need(_))), "{heard:?}");
        plot.genesis.document()
    });
    assert!(stage.hub.replica().load(document).is_err());
    stage.expect_honest(&[]);
}

#[test]
fn a_backdated_edit_is_kept_as_a_claim_beside_the_hubs_time() {
    let stage = Stage::open();
    let visit = stage.visit().document();
    let device = stage.hostile.key.device();
    let began = clock::now();
    stage.during(|hostile| {
        let mut plot = Plot::of(hostile, stage.visit(), &stage.shape);
        let said = AnswerInput { claimed_at: BACKDATED, ..fleet::answer("backdated") };
        let change = plot.answer(life(1), &stage.shape.items()[0], said);
        let heard = hostile.say(&push(vec![plot.seal(life(1), None, change)]));
        assert_eq!(signed(&heard), 1, "{heard:?}");
    });
    let leaf = stage.expect_leaf("the hub's time", |leaf| {
        matches!(&leaf.entry, LogEntry::Stored { device: by, document, .. }
            if *by == device && *document == visit)
    });
    assert!(leaf.at >= began, "the hub's time is its own: {leaf:?}");
    stage.expect_honest(&["backdated"]);
}

#[test]
fn of_two_lines_of_a_cloned_device_the_second_is_kept_aside() {
    let stage = Stage::open();
    let document = stage.during(|hostile| {
        let plots = [1, 2].map(|_| Plot::new(hostile, Kind::Facility, COMMUNE, 2));
        for (mut plot, (name, taken)) in plots.into_iter().zip([("one", 1), ("clone", 0)]) {
            let change = plot.change(life(2), name);
            let heard = hostile.say(&push(vec![plot.seal(life(2), None, change)]));
            assert_eq!(signed(&heard), taken, "{name}: {heard:?}");
        }
        Plot::new(hostile, Kind::Facility, COMMUNE, 2).genesis.document()
    });
    stage.expect_refused(document, Refusal::Equivocation);
    stage.expect_honest(&[]);
}

#[test]
fn a_revoked_key_brings_what_it_has_aside_and_is_given_nothing() {
    let stage = Stage::open();
    let device = stage.hostile.key.device();
    let whom = Whom::Device(device);
    decide(&stage, ADMIN, Deed::Revoke { whom, lost_since: None });
    let document = stage.during(|hostile| {
        let mut plot = Plot::of(hostile, stage.visit(), &stage.shape);
        let change = plot.answer(life(1), &stage.shape.items()[0], fleet::answer("revoked"));
        let heard = hostile.say(&push(vec![plot.seal(life(1), None, change)]));
        expect_no_receipt(&heard);
        assert_eq!(failure(&heard), Some(FailureCode::NotAllowed), "{heard:?}");
        let fed = heard.frames.iter().any(|frame| match frame {
            Frame::Items { items, .. } => {
                items.iter().any(|item| !matches!(item, bienban_core::sync::FeedItem::Control(_)))
            }
            _ => false,
        });
        assert!(!fed, "a revoked device is given records: {heard:?}");
        plot.genesis.document()
    });
    stage.expect_refused(document, Refusal::NotAllowed);
    stage.expect_honest(&[]);
}

#[test]
fn thirty_good_changes_follow_a_poisonous_one_and_all_enter_the_record() {
    let stage = Stage::open();
    stage.during(|hostile| {
        for (number, op) in (1..).zip(poisons()) {
            let mut bad = Plot::of(hostile, stage.visit(), &stage.shape);
            let change = bad.forged_answer(life(number), &stage.shape.items()[0], op);
            hostile.say(&push(vec![bad.seal(life(number), None, change)]));
        }
        // Under another life: the line of the poison is closed.
        let mut plot = Plot::of(hostile, stage.visit(), &stage.shape);
        let (mut packs, mut previous) = (Vec::new(), None);
        for number in 0..GOOD {
            let said = fleet::answer(&format!("good-{number}"));
            let change = plot.answer(life(99), &stage.shape.items()[0], said);
            let hash = change.facts().hash;
            packs.push(plot.seal(life(99), previous, change));
            previous = Some(Tip::after(previous.as_ref(), hash));
        }
        assert_eq!(signed(&hostile.say(&push(packs))), GOOD);
    });
    stage.expect_refused(stage.visit().document(), Refusal::Poison);
    let good: Vec<String> = (0..GOOD).map(|number| format!("good-{number}")).collect();
    stage.expect_honest(&good.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_phone_out_of_touch_meets_nobody() {
    let stage = Stage::open();
    let options = MeetingOptions { peer: fleet::entry(TWO).into(), opens: true };
    let late = Timestamp(clock::now().0.max(fleet::NOW.0) + OUT_OF_TOUCH_MS);
    let met = Meeting::start(stage.phone(0).clone(), options, Box::new(|| [1; 16]), late);
    assert!(matches!(met.err(), Some(ReplicaError::LeaseEnded { .. })));
    stage.expect_honest(&[]);
}

#[test]
fn a_stranger_and_a_guessed_code_are_not_enrolled() {
    let stage = Stage::open();
    let seed = [0x5a; 32];
    let stranger = DeviceKey::from_seed(&seed).device();
    stage.during(|hostile| {
        let claim = Claim::make(&Code::new([7; 16]), stage.hub.device(), stranger, "Máy lạ");
        let frame = Frame::Enrol { protocol: PROTOCOL_VERSION, claim }.encode().unwrap();
        let heard = hostile.say_as(&seed, &[frame]);
        assert!(matches!(heard.error, Some(NetError::DeviceUnknown { .. })), "{heard:?}");
    });
    assert!(!stage.hub.knows_device(stranger));
    stage.expect_turned_of(stranger, Turned::Stranger);
    stage.expect_honest(&[]);
}

#[test]
fn a_guessed_code_is_of_no_use_while_an_invitation_is_open() {
    let stage = Stage::open();
    let (admin, open) = (key(ADMIN), Code::new([9; 16]));
    let (by, hub, scope) = (admin.device(), stage.hub.device(), fleet::unit());
    let invitation = Invitation { by, hub, id: open.id(), scope, at: clock::now() };
    stage.hub.invite(invitation.sign(&admin), by, clock::now()).unwrap();
    let guessers: Vec<[u8; 32]> = (0..GUESSES).map(|number| [0xa0 + number; 32]).collect();
    stage.during(|hostile| {
        for (number, seed) in (0..).zip(&guessers) {
            let guesser = DeviceKey::from_seed(seed).device();
            let claim = Claim::make(&Code::new([number; 16]), hub, guesser, "Máy lạ");
            let frame = Frame::Enrol { protocol: PROTOCOL_VERSION, claim }.encode().unwrap();
            let answer = hostile.claim_as(seed, frame);
            assert_eq!(answer, EnrolAnswer::Refused(EnrolRefusal::Unknown), "guess {number}");
        }
    });
    for seed in &guessers {
        let guesser = DeviceKey::from_seed(seed).device();
        assert!(!stage.hub.knows_device(guesser));
        stage.expect_turned_of(guesser, Turned::Stranger);
    }
    // Nobody has taken the invitation's place: whoever was given the code is heard.
    let seed = [0xb0; 32];
    let invited = DeviceKey::from_seed(&seed).device();
    let answer =
        stage.hub.claim(&Claim::make(&open, hub, invited, "Máy mới"), invited, clock::now());
    assert!(matches!(answer.unwrap(), EnrolAnswer::Waiting { .. }));
    stage.expect_honest(&[]);
}

#[test]
fn a_pack_that_is_validly_signed_around_anothers_change_is_not_kept() {
    let stage = Stage::open();
    let pack = {
        let hostile = &stage.hostile;
        let mut plot = Plot::new(hostile, Kind::Facility, COMMUNE, 6);
        let genesis = plot.genesis.clone();
        let change = plot.forged(life(1), |change| {
            let other = Actor::derive(key(ONE).device(), genesis.document(), life(1));
            change.actor_id = automerge::ActorId::from(other.0);
        });
        // The signer of a pack names its actor; the change inside has a name of its own.
        assert!(Pack::seal(&hostile.key, genesis, life(1), None, vec![change.clone()]).is_err());
        crate::limits::sealed_around(&plot, &change)
    };
    stage.during(|hostile| {
        let heard = hostile.say(&push(vec![pack.clone()]));
        expect_no_receipt(&heard);
        assert_eq!(signed(&heard), 0, "{heard:?}");
    });
    let document = Plot::new(&stage.hostile, Kind::Facility, COMMUNE, 6).genesis.document();
    assert!(stage.hub.replica().load(document).is_err());
    stage.expect_refused(document, Refusal::Unreadable);
    stage.expect_honest(&[]);
}

#[test]
fn wrong_frames_end_their_session_and_are_counted_in_the_log() {
    let seed = crate::seed("wrong frames");
    let stage = Stage::open();
    stage.during(|hostile| crate::frames::attack(hostile, seed));
    stage.expect_turned(Turned::Misbehaved);
    stage.expect_honest(&[]);
}
