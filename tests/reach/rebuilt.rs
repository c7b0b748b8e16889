//! A hub that lost its store and keeps its key: whatever the order in which an administrator names the
//! devices and they come, it ends with everything, and nobody is left with a word that is not true.

use std::collections::BTreeMap;
use std::sync::Arc;

use bienban_core::checklist::Template;
use bienban_core::model::{DocumentId, FacilityInput, Genesis, Kind, Origin, PlanInput};
use bienban_core::replica::{Hub, HubOptions, Phone, Projection};
use bienban_core::store::MemoryStore;
use bienban_core::sync::{PlainEntry, Role};
use bienban_core::trust::DeviceKey;
use bienban_tests::fleet::{self, NOW, SHORT};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// Orders of a plain `cargo test`.
const ORDERS: u64 = 60;

/// Exchanges that may follow one another at once.
const FOLLOW_UPS_MAX: usize = 8;

/// The administrator's phone; it alone may publish checklists.
const ADMIN: u8 = 1;
const LEADER: u8 = 2;
const PHONES: u8 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Trust(u8),
    /// With a role that may write nothing, corrected by a later [`Step::Trust`].
    Mistake(u8),
    Sync(u8),
}

fn entry(number: u8) -> PlainEntry {
    let role = match number {
        ADMIN => Role::Admin,
        LEADER => Role::Leader,
        _ => Role::Inspector,
    };
    PlainEntry { role, ..fleet::entry(number) }
}

fn new_hub(epoch: [u8; 16]) -> Arc<Hub> {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: epoch, now: NOW };
    let hub = Hub::open(store, DeviceKey::from_seed(&fleet::HUB_SEED), options).unwrap();
    hub.trust(entry(ADMIN)).unwrap();
    Arc::new(hub)
}

/// Exchanges, and again while more waits. A device that the hub does not take in stays as it is.
fn sync(phone: &Arc<Phone>, hub: &Arc<Hub>) {
    if !hub.knows_device(phone.device()) {
        return;
    }
    for _ in 0..FOLLOW_UPS_MAX {
        let (_, progress) = fleet::exchange(phone, hub);
        if !progress.again && !progress.more {
            return;
        }
    }
}

fn made(phone: &Phone, kind: Kind) -> Genesis {
    let origin = Origin::Device { creator: phone.device(), nonce: [kind.number(); 16] };
    Genesis { kind, scope: fleet::unit(), template: None, origin }
}

struct Team {
    phones: Vec<Arc<Phone>>,
    visit: Genesis,
    items: Vec<String>,
}

impl Team {
    /// A team that has worked with a hub for a while: everything builds on what others wrote.
    fn at_work() -> (Self, Arc<Hub>) {
        let hub = new_hub([9; 16]);
        let template = hub.publish(SHORT.to_vec()).unwrap();
        for number in 2..=PHONES {
            hub.trust(entry(number)).unwrap();
        }
        let phones: Vec<Arc<Phone>> = (1..=PHONES).map(fleet::phone).collect();
        phones.iter().for_each(|phone| sync(phone, &hub));
        let items = Template::parse(SHORT).unwrap().shape().items().to_vec();
        let team = Self { phones, visit: fleet::visit(template, 1), items };
        let facility = made(team.phone(ADMIN), Kind::Facility);
        let input = FacilityInput { name: "Bắc Sơn".to_owned(), ..FacilityInput::default() };
        team.phone(ADMIN).edit(&facility, NOW, |editor| editor.facility(&input)).unwrap();
        let plan = made(team.phone(LEADER), Kind::Plan);
        let input = PlanInput { title: "Quý 4".to_owned(), ..PlanInput::default() };
        team.phone(LEADER).edit(&plan, NOW, |editor| editor.plan(&input)).unwrap();
        for round in 0..2 {
            for number in 2..=PHONES {
                team.answer(number, &format!("{number}-{round}"));
                sync(team.phone(number), &hub);
            }
        }
        team.settle(&hub);
        (team, hub)
    }

    fn phone(&self, number: u8) -> &Arc<Phone> {
        &self.phones[usize::from(number) - 1]
    }

    fn answer(&self, number: u8, value: &str) {
        let item = &self.items[usize::from(number) % self.items.len()];
        let edit = self
            .phone(number)
            .edit(&self.visit, NOW, |editor| editor.answer(item, fleet::answer(value)));
        edit.unwrap();
    }

    fn settle(&self, hub: &Arc<Hub>) {
        for _ in 0..3 {
            self.phones.iter().for_each(|phone| sync(phone, hub));
        }
    }

    fn run(&self, hub: &Arc<Hub>, steps: &[Step]) {
        for step in steps {
            match *step {
                Step::Trust(number) => hub.trust(entry(number)).unwrap(),
                Step::Mistake(number) => {
                    hub.trust(PlainEntry { role: Role::Auditor, ..entry(number) }).unwrap();
                }
                Step::Sync(number) => sync(self.phone(number), hub),
            }
            hub.merge_all(NOW).unwrap();
        }
    }

    /// Fails unless the hub and all phones hold the same, and say so.
    fn expect_whole(&self, hub: &Hub, what: &str) {
        let mut digests: BTreeMap<DocumentId, [u8; 32]> = BTreeMap::new();
        for row in Kind::ALL.into_iter().flat_map(|kind| {
            let query = bienban_core::replica::ListQuery { limit: 100, ..Default::default() };
            hub.replica().refresh(usize::MAX).unwrap();
            hub.replica().list(kind, &query).unwrap()
        }) {
            let document = hub.replica().load(row.document).unwrap();
            digests.insert(row.document, document.view().record().digest());
        }
        assert_eq!(digests.len(), 3, "{what}: the hub has a facility, a plan and a visit");
        let status = hub.status().unwrap();
        let waiting = (status.pending, status.waiting, status.quarantined);
        assert_eq!(waiting, (0, 0, 0), "{what}: to be merged, waiting, set aside");
        for phone in &self.phones {
            for (document, digest) in &digests {
                let here = phone.replica().load(*document).unwrap();
                assert_eq!(&here.view().record().digest(), digest, "{what}: {document}");
            }
            assert_eq!(phone.notices().unwrap(), [], "{what}");
            assert_eq!(phone.only_here().unwrap(), [], "{what}");
        }
        let visit = hub.replica().load(self.visit.document()).unwrap();
        let view = visit.view();
        for number in 2..=PHONES {
            let item = &self.items[usize::from(number) % self.items.len()];
            assert_eq!(view.history(item).len(), 3, "{what}: answers of phone {number}");
        }
    }
}

fn order(seed: u64) -> Vec<Step> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut steps: Vec<Step> = (2..=PHONES).map(Step::Trust).collect();
    steps.extend((1..=PHONES).map(Step::Sync));
    steps.extend((1..=PHONES).map(Step::Sync));
    if random.random_bool(0.5) {
        steps.push(Step::Mistake(random.random_range(2..=PHONES)));
    }
    steps.shuffle(&mut random);
    // A mistake is corrected at the latest at the end.
    let mistakes: Vec<Step> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Mistake(number) => Some(Step::Trust(*number)),
            _ => None,
        })
        .collect();
    steps.extend(mistakes);
    steps
}

#[test]
fn a_hub_that_lost_its_store_gets_everything_back_in_every_order_of_trust_and_sync() {
    for seed in 0..ORDERS {
        let (team, _) = Team::at_work();
        for number in 2..=PHONES {
            team.answer(number, "not sent when the hub was lost");
        }
        let hub = new_hub([8; 16]);
        let steps = order(seed);
        team.run(&hub, &steps);
        team.settle(&hub);
        team.expect_whole(&hub, &format!("seed {seed}, {steps:?}"));
    }
}

#[test]
fn work_of_a_phone_that_is_gone_comes_back_from_the_others_and_so_do_its_rights() {
    let (team, _) = Team::at_work();
    for number in 2..=PHONES {
        team.answer(number, "the last of it");
    }
    let before = team.phone(LEADER).replica().load(team.visit.document()).unwrap();
    assert_eq!(before.tips().len(), usize::from(PHONES - 1), "all of the team wrote");
    let hub = new_hub([8; 16]);
    let gone = PHONES;
    let steps: Vec<Step> = (1..gone).flat_map(|n| [Step::Trust(n), Step::Sync(n)]).collect();
    team.run(&hub, &steps);
    // Nobody names the device again: the others give back what the hub had decided of it.
    assert!(hub.knows_device(fleet::entry(gone).device));
    let status = hub.status().unwrap();
    assert_eq!((status.pending, status.waiting, status.quarantined), (0, 0, 0));
    let visit = hub.replica().load(team.visit.document()).unwrap();
    let item = &team.items[usize::from(gone) % team.items.len()];
    assert_eq!(visit.view().history(item).len(), 2, "what the others held of it");
}

#[test]
fn both_orders_of_a_pack_and_its_devices_rights_end_in_the_same_state() {
    let ends =
        [[Step::Trust(3), Step::Sync(3)], [Step::Sync(ADMIN), Step::Trust(3)]].map(|first| {
            let (team, _) = Team::at_work();
            team.answer(3, "a third");
            let hub = new_hub([8; 16]);
            hub.publish(SHORT.to_vec()).unwrap();
            team.run(&hub, &[Step::Trust(2), Step::Trust(4)]);
            team.run(&hub, &first);
            team.settle(&hub);
            let visit = hub.replica().load(team.visit.document()).unwrap();
            let status = hub.status().unwrap();
            let waiting = (status.pending, status.waiting, status.quarantined);
            (visit.view().record().digest(), visit.heads(), waiting)
        });
    assert_eq!(ends[0], ends[1]);
}
