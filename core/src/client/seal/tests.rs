use super::*;
use crate::checklist::TEA;
use crate::client::Settings as DeviceSettings;
use crate::model::{Actor, AnswerInput, DocumentId, Grade, Incarnation, Timestamp};
use crate::net::HubAddress;
use crate::sync::{FeedItem, Pack};
use crate::trust::DeviceKey;
use crate::trust::seal::Presence;

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const LIFE: Incarnation = Incarnation([2; 16]);

fn visit() -> Genesis {
    let (plan, facility) = (DocumentId([1; 32]), DocumentId([2; 32]));
    Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(crate::checklist::Template::parse(TEA).unwrap().id()),
        origin: Origin::Planned { plan, facility, visit: 1 },
    }
}

fn answer(grade: Grade) -> AnswerInput {
    AnswerInput { grade, value: None, evidence: Vec::new(), claimed_at: NOW, resolves: false }
}

/// A phone that was given these, and its folder.
fn phone(given: Vec<FeedItem>) -> (tempfile::TempDir, Client) {
    let dir = tempfile::tempdir().unwrap();
    let hub = DeviceKey::from_seed(&[99; 32]).device();
    let hub = HubAddress::parse("127.0.0.1:1", hub).unwrap();
    Client::init(dir.path(), &DeviceSettings { hub: Some(hub) }).unwrap();
    let client = Client::open(dir.path()).unwrap();
    client.phone().apply(given, None, LIFE, NOW).unwrap();
    (dir, client)
}

fn tea() -> FeedItem {
    FeedItem::Object { bytes: TEA.to_vec() }
}

/// A phone that holds an answer of its own, and its folder.
fn leader() -> (tempfile::TempDir, Client) {
    let (dir, client) = phone(vec![tea()]);
    let edited = |editor: &mut Editor<'_>| editor.answer("1.1", answer(Grade::Pass));
    client.phone().edit(&visit(), NOW, edited).unwrap();
    (dir, client)
}

fn signed() -> SealInput {
    let (name, title) = ("Mận".to_owned(), "Chủ cơ sở".to_owned());
    SealInput {
        ending: Ending::Signed(Presence { name, title, drawn: None }),
        leader_drawn: None,
        unheard: BTreeMap::new(),
        on: None,
    }
}

/// Another answer to the same item, as the hub gives it.
fn of_a_colleague() -> FeedItem {
    let (key, genesis) = (DeviceKey::from_seed(&[7; 32]), visit());
    let shape = crate::checklist::Template::parse(TEA).unwrap().shape();
    let mut document = Document::create(&genesis, &shape);
    let actor = Actor::derive(key.device(), genesis.document(), LIFE);
    let edit = |editor: &mut Editor<'_>| editor.answer("1.1", answer(Grade::Major));
    let change = document.edit(actor, NOW, edit).unwrap().1.unwrap();
    FeedItem::Pack(Pack::seal(&key, genesis, LIFE, None, vec![change]).unwrap().encode())
}

#[test]
fn what_came_since_the_first_look_hinders_the_seal() {
    let (_dir, client) = leader();
    let check = client.seal_check(&visit()).unwrap();
    client.check_sealable(&check, &signed()).unwrap();
    client.phone().apply(vec![of_a_colleague()], None, LIFE, NOW).unwrap();
    let error = client.seal_now(&visit(), &signed()).unwrap_err();
    assert!(matches!(error, ClientError::Disputed { .. }), "{error}");
    let minutes = client.seal_check(&visit()).unwrap().minutes;
    assert_eq!((minutes.standing, minutes.others), (None, Vec::new()));
}

/// The phone's record holds a colleague's answer alone.
fn who_wrote_nothing() -> (tempfile::TempDir, Client) {
    phone(vec![tea(), of_a_colleague()])
}

#[test]
fn the_device_that_signs_is_heard_although_it_wrote_nothing() {
    let (_dir, client) = who_wrote_nothing();
    let mut check = client.seal_check(&visit()).unwrap();
    let (own, device) = (client.device(), DeviceKey::from_seed(&[7; 32]).device());
    let author = client.person(own).unwrap();
    let member = MemberCheck { author, device: own, heard: Vec::new(), signs: true };
    assert!(!member.is_silent());
    assert!(MemberCheck { signs: false, ..member.clone() }.is_silent());
    check.members.push(member);
    client.check_sealable(&check, &signed()).unwrap();
    // Neither a reason nor an empty hearing of it gets into what is sealed.
    let reasoned = |reason: &str| SealInput {
        unheard: BTreeMap::from([(own, reason.to_owned())]),
        ..signed()
    };
    for input in [signed(), reasoned("x")] {
        let statement = client.statement(&visit(), &check, &input).unwrap().0;
        let named: Vec<DeviceId> = statement.members.iter().map(|one| one.device).collect();
        assert_eq!(named, [device]);
    }
}

#[test]
fn minutes_are_signed_too_once_by_one_holder() {
    let (_dir, client) = leader();
    let error = client.countersign(&visit()).unwrap_err();
    assert!(matches!(error, ClientError::NoMinutes { .. }), "{error}");
    client.seal_now(&visit(), &signed()).unwrap();
    client.countersign(&visit()).unwrap();
    let error = client.countersign(&visit()).unwrap_err();
    assert!(matches!(error, ClientError::SignedAlready { .. }), "{error}");
    assert_eq!(client.decisions().unwrap().len(), 1);
}

#[test]
fn of_two_who_seal_at_once_one_does() {
    let (_dir, client) = leader();
    let ends = std::thread::scope(|scope| {
        let seal = || scope.spawn(|| client.seal_now(&visit(), &signed()));
        [seal(), seal()].map(|thread| thread.join().unwrap())
    });
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
    let sealed =
        |end: &Result<SealId, ClientError>| matches!(end, Err(ClientError::AlreadySealed { .. }));
    assert_eq!(ends.iter().filter(|end| sealed(end)).count(), 1, "{ends:?}");
    assert_eq!(client.seal_check(&visit()).unwrap().minutes.others, Vec::new());
}
