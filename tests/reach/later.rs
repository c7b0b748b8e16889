//! Packs whose checklist nobody has published: they neither hold up the merging of others nor fill the
//! disk, and are merged once the checklist comes.

use bienban_core::checklist::Template;
use bienban_core::model::{Actor, Document, Genesis, Incarnation, TemplateId};
use bienban_core::replica::Hub;
use bienban_core::sync::Pack;
use bienban_core::trust::DeviceKey;
use bienban_tests::fleet::{self, NOW, SHORT};

/// The hub's bound on packs of one device that wait for checklists.
const BOUND: usize = 1_024;

/// A pack with one answer of a visit under a checklist, made by phone 1.
fn pack(template: TemplateId, number: u32) -> Vec<u8> {
    let genesis: Genesis = fleet::visit(template, number);
    let shape = Template::parse(SHORT).unwrap().shape();
    let (key, life) = (DeviceKey::from_seed(&fleet::phone_seed(1)), Incarnation([1; 16]));
    let actor = Actor::derive(key.device(), genesis.document(), life);
    let mut document = Document::create(&genesis, &shape);
    let item = shape.items()[0].clone();
    let ((), change) =
        document.edit(actor, NOW, |editor| editor.answer(&item, fleet::answer("đạt"))).unwrap();
    Pack::seal(&key, genesis, life, None, vec![change.unwrap()]).unwrap().encode()
}

fn invented(number: u32) -> TemplateId {
    TemplateId(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

fn signed(hub: &Hub, packs: &[Vec<u8>]) -> usize {
    let device = fleet::entry(1).device;
    packs
        .chunks(64)
        .map(|some| hub.accept(device, some, NOW).unwrap())
        .map(|accepted| accepted.receipt.map_or(0, |receipt| receipt.items.len()))
        .sum()
}

#[test]
fn packs_of_invented_checklists_are_bounded_and_merging_never_reads_them() {
    let (hub, template) = fleet::hub(SHORT, 2);
    let flood: Vec<Vec<u8>> = (0..2 * 1_024).map(|n| pack(invented(n), n)).collect();
    let kept = signed(&hub, &flood);
    assert!((BOUND..BOUND + 64).contains(&kept), "{kept} are kept");
    let status = hub.status().unwrap();
    assert_eq!((status.pending, status.waiting), (0, kept as u64));
    assert_eq!(hub.merge_next(NOW).unwrap(), None, "there is nothing to merge");
    assert_eq!(hub.replica().documents_loaded(), 0);
    // Its honest work goes on.
    assert_eq!(signed(&hub, &[pack(template, 1)]), 1);
    assert_eq!(hub.merge_all(NOW).unwrap(), 1);
    assert_eq!(hub.replica().documents_loaded(), 1);
    let waiting = hub.waiting().unwrap();
    assert!(waiting.more && waiting.checklists.iter().all(|(_, packs)| *packs == 1));
}

#[test]
fn packs_are_merged_once_their_checklist_is_published_and_make_room_for_others() {
    let hub = fleet::hub_over(std::sync::Arc::new(bienban_core::store::MemoryStore::new(
        std::sync::Arc::new(bienban_core::replica::Projection),
    )));
    hub.trust(fleet::entry(1)).unwrap();
    let template = Template::parse(SHORT).unwrap().id();
    let all: Vec<Vec<u8>> = (0..1_200).map(|n| pack(template, n)).collect();
    let kept = signed(&hub, &all);
    assert!(kept < all.len());
    assert_eq!(hub.waiting().unwrap().checklists, [(template, kept as u64)]);
    assert_eq!(hub.publish(SHORT.to_vec()).unwrap(), template);
    assert_eq!(hub.merge_all(NOW).unwrap(), kept);
    assert_eq!(signed(&hub, &all), all.len(), "what was held, and what there is room for now");
    hub.merge_all(NOW).unwrap();
    let status = hub.status().unwrap();
    assert_eq!((status.pending, status.waiting, status.documents), (0, 0, all.len() as u64));
    assert_eq!(hub.waiting().unwrap().checklists, []);
}
