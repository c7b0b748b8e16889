//! A line that a phone has from a snapshot alone, longer than a pack: the phone can give it back to a
//! hub that lost everything, in as many frames as that takes and wherever the exchange is cut.

use std::collections::VecDeque;
use std::sync::Arc;

use bienban_core::checklist::Template;
use bienban_core::model::{Document, Genesis};
use bienban_core::replica::Projection;
use bienban_core::replica::{Hub, HubOptions, HubRunner, Phone, PhoneOptions, PhoneRunner};
use bienban_core::store::MemoryStore;
use bienban_core::sync::{PACK_CHANGE_BYTES_MAX, PACK_CHANGES_MAX, PACK_VERSION_LONG, Want};
use bienban_core::trust::DeviceKey;
use bienban_tests::fleet::{self, NOW, SHORT};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Exchanges in which everything must have arrived.
const EXCHANGES: usize = 3;

/// Packs after which the hub saves a document whole.
const SAVED_AFTER: usize = 32;

const AUTHOR: u8 = 1;
const KEEPER: u8 = 2;

/// Steps without progress after which an exchange hangs.
const IDLE_MAX: usize = 8;

/// A hub that lost its store and was told of both devices and the checklist again.
fn empty_hub(epoch: u8) -> Arc<Hub> {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [epoch; 16], now: NOW };
    let hub = Hub::open(store, DeviceKey::from_seed(&fleet::HUB_SEED), options).unwrap();
    hub.publish(SHORT.to_vec()).unwrap();
    for number in [AUTHOR, KEEPER] {
        hub.trust(fleet::entry(number)).unwrap();
    }
    Arc::new(hub)
}

struct Scene {
    author: Arc<Phone>,
    keeper: Arc<Phone>,
    hub: Arc<Hub>,
    visit: Genesis,
    items: Vec<String>,
}

impl Scene {
    /// One phone writes, and another that held nothing gets it as a snapshot.
    fn written(values: impl Iterator<Item = String>) -> Self {
        let (hub, template) = fleet::hub(SHORT, KEEPER);
        let visit = fleet::visit(template, 1);
        let items = Template::parse(SHORT).unwrap().shape().items().to_vec();
        let [author, keeper] = [AUTHOR, KEEPER].map(fleet::phone);
        fleet::exchange(&author, &hub);
        let scene = Self { author, keeper, hub, visit, items };
        // A hub saves a document after so many packs; what came before then travels as a snapshot.
        let values: Vec<String> = values.collect();
        for part in 0..SAVED_AFTER {
            let place = |part: usize| part * values.len() / SAVED_AFTER;
            scene.say(values[place(part)..place(part + 1)].iter().cloned());
            fleet::exchange(&scene.author, &scene.hub);
        }
        for phone in [&scene.author, &scene.keeper] {
            settle(phone, &scene.hub);
        }
        scene
    }

    fn say(&self, values: impl Iterator<Item = String>) {
        for (at, value) in values.enumerate() {
            let item = &self.items[at % self.items.len()];
            let edit = |editor: &mut bienban_core::model::Editor<'_>| {
                editor.answer(item, fleet::answer(&value))
            };
            self.author.edit(&self.visit, NOW, edit).unwrap();
        }
    }

    fn here(&self) -> Document {
        self.keeper.replica().load(self.visit.document()).unwrap()
    }

    fn give_all(&self) -> Vec<Vec<u8>> {
        let (actor, ..) = self.here().tips().into_iter().next().unwrap();
        let actor = bienban_core::model::Actor(actor.as_slice().try_into().unwrap());
        let want = Want { document: self.visit.document(), actor, from_seq: 1 };
        let provided = self.keeper.replica().provide(&[want]).unwrap();
        assert_eq!(provided.missing, []);
        provided.packs
    }

    fn expect_at(&self, hub: &Hub, context: &str) {
        hub.merge_all(NOW).unwrap();
        let (here, there) = (self.here(), hub.replica().load(self.visit.document()).unwrap());
        assert_eq!(there.heads(), here.heads(), "{context}");
        let (here, there) = (here.view().record().digest(), there.view().record().digest());
        assert_eq!(there, here, "{context}");
        let status = hub.status().unwrap();
        assert_eq!((status.pending, status.waiting, status.quarantined), (0, 0, 0), "{context}");
    }
}

fn settle(phone: &Arc<Phone>, hub: &Arc<Hub>) {
    for _ in 0..EXCHANGES {
        fleet::exchange(phone, hub);
    }
}

/// Exchanges until so many frames were moved, either way; returns how many there were.
fn exchange_until(phone: &Arc<Phone>, hub: &Arc<Hub>, cut: usize) -> usize {
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let mut here = PhoneRunner::start(phone.clone(), options, Box::new(|| [7; 16]), NOW).unwrap();
    let entry = hub.replica().device(phone.device()).unwrap().unwrap();
    let mut there = HubRunner::start(hub.clone(), entry, NOW).unwrap();
    let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
    let (mut moved, mut idle) = (0, 0);
    while moved < cut && here.outcome().is_none() {
        let before = moved;
        up.extend(std::iter::from_fn(|| here.poll_frame(NOW).unwrap()));
        if there.wants_input()
            && let Some(frame) = up.pop_front()
        {
            there.handle(&frame).unwrap();
            moved += 1;
        }
        down.extend(std::iter::from_fn(|| there.poll_frame(NOW).unwrap()));
        if moved < cut
            && here.wants_input()
            && let Some(frame) = down.pop_front()
        {
            here.handle(&frame).unwrap();
            while let Some(frame) = here.poll_frame(NOW).unwrap() {
                up.push_back(frame);
            }
            moved += 1;
        }
        idle = if moved == before { idle + 1 } else { 0 };
        if idle > 0 {
            hub.merge_all(NOW).unwrap();
            there.grown().unwrap();
        }
        assert!(idle < IDLE_MAX || here.outcome().is_some(), "the exchange hangs");
    }
    moved
}

/// Text that does not compress well.
fn noise(count: usize, chars: usize) -> impl Iterator<Item = String> {
    let mut random = SmallRng::seed_from_u64(11);
    std::iter::repeat_with(move || {
        (0..chars).map(|_| char::from(random.random_range(b'!'..=b'~'))).collect()
    })
    .take(count)
}

fn short(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|at| format!("value {at}"))
}

#[test]
fn a_line_of_three_thousand_changes_comes_back_from_a_phone_that_has_it_from_a_snapshot() {
    let scene = Scene::written(short(3_000));
    let packs = scene.give_all();
    assert_eq!(packs.len(), 1, "one attestation came with the snapshot");
    assert_eq!(packs[0][0], PACK_VERSION_LONG);
    let hub = empty_hub(8);
    settle(&scene.keeper, &hub);
    scene.expect_at(&hub, "3,000 changes");
}

#[test]
fn a_line_of_more_than_a_mebibyte_comes_back_wherever_the_exchange_is_cut() {
    let scene = Scene::written(noise(170, 9_000));
    assert!(scene.give_all()[0].len() > 1 << 20, "it is longer than a pack may be");
    let hub = empty_hub(7);
    // The hub learns first that it is another life of the one that the phone knows.
    exchange_until(&scene.keeper, &hub, usize::MAX);
    let whole = exchange_until(&scene.keeper, &hub, usize::MAX);
    assert!(whole > 8, "the line travels in several frames: {whole}");
    for cut in 0..=whole {
        let hub = empty_hub(8);
        let scene = Scene { keeper: again(&scene), ..scene.shallow() };
        exchange_until(&scene.keeper, &hub, usize::MAX);
        exchange_until(&scene.keeper, &hub, cut);
        settle(&scene.keeper, &hub);
        scene.expect_at(&hub, &format!("cut after {cut} frames"));
    }
}

/// A phone that has everything from a snapshot of the first hub.
fn again(scene: &Scene) -> Arc<Phone> {
    let phone = fleet::phone(KEEPER);
    settle(&phone, &scene.hub);
    phone
}

impl Scene {
    fn shallow(&self) -> Self {
        Self {
            author: self.author.clone(),
            keeper: self.keeper.clone(),
            hub: self.hub.clone(),
            visit: self.visit.clone(),
            items: self.items.clone(),
        }
    }
}

#[test]
fn what_came_in_a_snapshot_stays_proven_when_packs_follow() {
    let scene = Scene::written(short(PACK_CHANGES_MAX + 100));
    scene.say(short(5).map(|value| format!("later {value}")));
    settle(&scene.author, &scene.hub);
    settle(&scene.keeper, &scene.hub);
    let packs = scene.give_all();
    let ends: Vec<u64> = packs
        .iter()
        .map(|pack| bienban_core::sync::PackHeader::peek(pack).unwrap().last_seq)
        .collect();
    let last = *ends.last().unwrap();
    assert_eq!(ends, [last - 5, last], "the snapshot's part, and the pack as it came");
    let hub = empty_hub(8);
    settle(&scene.keeper, &hub);
    scene.expect_at(&hub, "a snapshot and a pack");
}

#[test]
fn a_hub_that_was_given_a_long_line_hands_it_on() {
    let scene = Scene::written(noise(60, 9_000));
    let length = scene.give_all()[0].len();
    assert!(length > PACK_CHANGE_BYTES_MAX, "{length}");
    // This phone was told of everything before, so it gets packs and no snapshot.
    let hub = empty_hub(8);
    let third = fleet::phone(3);
    hub.trust(fleet::entry(3)).unwrap();
    fleet::exchange(&third, &hub);
    let other = fleet::visit(scene.visit.template.unwrap(), 2);
    third
        .edit(&other, NOW, |editor| editor.answer(&scene.items[0], fleet::answer("mine")))
        .unwrap();
    settle(&third, &hub);
    settle(&scene.keeper, &hub);
    settle(&third, &hub);
    scene.expect_at(&hub, "the hub");
    let there = third.replica().load(scene.visit.document()).unwrap();
    assert_eq!(there.heads(), scene.here().heads());
}
