//! Laws that hold for all values: what is written reads as the same and in one spelling, and packs give one
//! record in whatever order and company they come.

use std::io::Cursor;
use std::sync::OnceLock;

use bienban_core::model::{
    Actor, ChangeHash, DeviceId, DocumentId, PersonId, Scope, TemplateId, Timestamp,
};
use bienban_core::net::{ENROL_ADDRESSES_MAX, EnrolUri, HubAddress};
use bienban_core::replica::{Fact, Hub};
use bienban_core::store::Position;
use bienban_core::sync::reconcile::{Item, Node};
use bienban_core::sync::{ClosedLine, FeedPosition, Notice, Verdict, Want};
use bienban_core::trust::bundle::{LetterReader, LetterWriter, begin};
use bienban_core::trust::control::{Act, ChainHead, ControlEntry, Deed, SignedAct};
use bienban_core::trust::enrolment::{CheckDigits, Code};
use bienban_core::trust::log::{LogEntry, LogLeaf, Release, TreeHead};
use bienban_core::trust::merkle::TreeHash;
use bienban_core::trust::proof::{About, ExportedRecord, WitnessHead};
use bienban_core::trust::{DeviceKey, Grant, HubMark, HubReceipt, ReceiptItem, Role};
use bienban_tests::fleet::{self, NOW};
use bienban_tests::fuzzing::stage::{self, HONEST, HOSTILE, stage};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn unit() -> impl Strategy<Value = Scope> {
    prop_oneof![Just("00"), Just("20"), Just("06325"), Just("06337")]
        .prop_map(|code| code.parse().unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

fn key() -> impl Strategy<Value = DeviceKey> {
    any::<[u8; 32]>().prop_map(|seed| DeviceKey::from_seed(&seed))
}

fn deed(unit: Scope) -> impl Strategy<Value = Deed> {
    let ids = any::<([u8; 32], [u8; 32], [u8; 16], u64)>();
    let roles = prop_oneof![Just(Role::Admin), Just(Role::Leader), Just(Role::Auditor)];
    let name = "[A-Za-zàôễ][A-Za-z àôễ]{0,30}[a-z]";
    (ids, roles, name, 0..6_usize).prop_map(move |((one, two, actor, seq), role, name, kind)| {
        let (person, document) = (PersonId::of_device(DeviceId(one)), DocumentId(two));
        match kind {
            0 => Deed::Certify { device: DeviceId(one), person, name, agency: "Y tế".to_owned() },
            1 => Deed::Grant { person, grant: Grant::always(role, unit.clone()) },
            2 => Deed::Assign { inspection: document, persons: vec![person] },
            3 => Deed::Judge {
                document,
                actor: Actor(actor),
                seq,
                hash: ChangeHash(one),
                judgement: bienban_core::trust::control::Judgement::Admit,
            },
            4 => Deed::Template { template: TemplateId(two), from: Timestamp(seq.cast_signed()) },
            _ => Deed::Countersign { document, seal: one },
        }
    })
}

fn act() -> impl Strategy<Value = (Act, DeviceKey)> {
    (unit(), key(), any::<([u8; 32], [u8; 16])>(), time()).prop_flat_map(
        |(scope, key, (hub, nonce), at)| {
            deed(scope.clone()).prop_map(move |deed| {
                let scope = scope.clone();
                (Act { hub: DeviceId(hub), by: key.device(), scope, nonce, at, deed }, key.clone())
            })
        },
    )
}

/// Fails if one changed, added or missing byte of what was written reads as the same.
fn one_spelling<T: PartialEq>(
    bytes: &[u8],
    value: &T,
    at: &Index,
    read: impl Fn(&[u8]) -> Option<T>,
) {
    assert!(read(bytes).as_ref() == Some(value), "it does not read as it was written");
    let mut other = bytes.to_vec();
    other[at.index(bytes.len())] ^= 0x80;
    assert!(read(&other).as_ref() != Some(value), "another spelling");
    assert!(read(&[bytes, &[0]].concat()).as_ref() != Some(value), "more behind it");
    assert!(read(&bytes[..at.index(bytes.len())]).as_ref() != Some(value), "less of it");
}

/// The digest and heads of each inspection.
type Records = Vec<([u8; 32], Vec<ChangeHash>)>;

/// Takes all packs into a fresh hub, in the order and portions told, and returns what its record is then.
fn merged(packs: &[Vec<u8>], portion: usize, merges: u8) -> Records {
    let (hub, _) = stage::hub();
    let record = |hub: &Hub| {
        let document = |visit: &bienban_core::model::Genesis| {
            let document = hub.replica().load(visit.document()).unwrap();
            let mut heads = document.heads();
            heads.sort_unstable();
            (document.view().record().digest(), heads)
        };
        stage().visits.iter().map(document).collect()
    };
    for (number, some) in packs.chunks(portion).enumerate() {
        drop(hub.accept(stage::device(HOSTILE), some, NOW).unwrap());
        if merges >> (number % 8) & 1 == 1 {
            hub.merge_all(NOW).unwrap();
        }
    }
    // What lacked its forerunner was asked for; the device brings it again, in order.
    drop(hub.accept(stage::device(HOSTILE), &singles(), NOW).unwrap());
    hub.merge_all(NOW).unwrap();
    record(&hub)
}

/// One pack for each change of the hostile device, and those of the honest one.
fn singles() -> Vec<Vec<u8>> {
    use bienban_core::model::Incarnation;
    use bienban_core::sync::Pack;
    use bienban_core::trust::Tip;
    let (mut packs, mut tip) = (Vec::new(), None);
    for change in &stage().changes {
        let next = Tip::after(tip.as_ref(), change.facts().hash);
        let (key, life) = (stage::key(HOSTILE), Incarnation([HOSTILE; 16]));
        let genesis = stage().visits[0].clone();
        packs.push(Pack::seal(&key, genesis, life, tip, vec![change.clone()]).unwrap().encode());
        tip = Some(next);
    }
    let (phone, _) = stage::honest();
    packs.extend(phone.release(NOW).unwrap());
    packs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn packs_in_any_order_and_company_give_one_record(
        order in Just(singles()).prop_shuffle(), portion in 1..6_usize, merges: u8,
    ) {
        static ONCE: OnceLock<Records> = OnceLock::new();
        let expected = ONCE.get_or_init(|| merged(&singles(), 99, 0));
        prop_assert_eq!(&merged(&order, portion, merges), expected);
    }

    #[test]
    fn any_parts_of_a_letter_come_back(
        parts in vec(vec(any::<u8>(), 1..2_000), 0..12), long in 0..200_000_usize, random: [u8; 32],
        maker in key(), receiver in key(), at in time(),
    ) {
        let mut parts = parts;
        parts.push(vec![7; long + 1]);
        let mut bytes = Vec::new();
        begin(&mut bytes).unwrap();
        let to = receiver.device();
        let mut letter = LetterWriter::new(&mut bytes, &maker, to, at, &random).unwrap();
        parts.iter().for_each(|part| letter.part(part).unwrap());
        letter.finish().unwrap();
        let mut letter = LetterReader::find(Cursor::new(&bytes), &receiver).unwrap();
        prop_assert_eq!((letter.head().maker, letter.head().made_at), (maker.device(), at));
        let mut read = Vec::new();
        while let Some(part) = letter.next_part().unwrap() {
            read.push(part);
        }
        prop_assert_eq!(read, parts);
        prop_assert!(LetterReader::find(Cursor::new(&bytes), &maker).is_err() || maker.device() == to);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn acts_and_entries_have_one_spelling(
        (act, key) in act(), hub in key(), life: [u8; 16], number in 0..u64::MAX, hash: [u8; 32],
        at in time(), clock in time(), official in proptest::option::of("[0-9]{1,6}/BB-ĐKT"), place: Index,
    ) {
        let act = act.sign(&key).unwrap();
        one_spelling(&act.encode().unwrap(), &act, &place, |bytes| SignedAct::decode(bytes).ok());
        prop_assert!(act.verify().is_ok());
        let head = ChainHead { number, hash };
        let entry = ControlEntry::sign(&hub, (life, &head), (at, clock), act, official).unwrap();
        prop_assert!(entry.verify().is_ok());
        one_spelling(&entry.encode().unwrap(), &entry, &place, |bytes| ControlEntry::decode(bytes).ok());
    }

    #[test]
    fn leaves_heads_releases_and_nodes_read_as_they_are_written(
        record: [u8; 32], at in time(), epoch: [u8; 16], size: u64, hub in key(), other in key(),
        document: [u8; 32], actor: [u8; 16], seq: u64, place: Index,
    ) {
        let (device, document) = (other.device(), DocumentId(document));
        let (actor, hash) = (Actor(actor), ChangeHash(record));
        let head = TreeHead::sign(&hub, epoch, (size, TreeHash(record)), at);
        let entries = [
            LogEntry::Stored { from: device, device, document, actor, seq, hash },
            LogEntry::Epoch { epoch, lost: seq, continues: size },
            LogEntry::Surpassed { by: device, head: Some(head) },
            LogEntry::Recorded { kind: epoch[0] },
        ];
        for entry in entries {
            let leaf = LogLeaf { record, at, entry };
            prop_assert_eq!(LogLeaf::decode(&leaf.encode()), Some(leaf.clone()));
            let mut other = leaf.encode();
            let at = place.index(other.len());
            other[at] ^= 1;
            prop_assert_ne!(LogLeaf::decode(&other), Some(leaf));
        }
        let witness = WitnessHead { hub: hub.device(), head };
        prop_assert_eq!(WitnessHead::from_text(&witness.to_text()), Some(witness));
        let line = witness.to_text();
        prop_assert_eq!(WitnessHead::read(&format!("{line}\n{line}\n")).map(|all| all.len()), Some(2));
        let release = Release::sign(&hub, device, record);
        prop_assert_eq!(Release::from_text(&release.to_text()), Some(release));
        let item = Item { document, actor, seq, hash };
        let mut node = Node::default();
        node.add(&item);
        prop_assert_eq!(Node::decode(&node.encode()).unwrap(), node);
        node.remove(&item);
        prop_assert_eq!(node, Node::default());
    }

    #[test]
    fn invitations_addresses_codes_and_digits_read_as_they_are_written(
        hosts in vec("[a-z]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z]([a-z0-9-]{0,20}[a-z0-9])?){0,3}", 1..=ENROL_ADDRESSES_MAX),
        port in 1..u16::MAX, key in key(), code: [u8; 16], until in -9_000_000_000_000_i64..9_000_000_000_000, six: [u8; 2],
    ) {
        let hub = key.device();
        let six = format!("[fe80::{:x}]", u16::from_le_bytes(six));
        let hosts = hosts.into_iter().map(|host| if host.len() % 5 == 0 { six.clone() } else { host });
        let hubs: Vec<HubAddress> =
            hosts.map(|host| HubAddress::parse(&format!("{host}:{port}"), hub).unwrap()).collect();
        for address in &hubs {
            prop_assert_eq!(&address.to_string().parse::<HubAddress>().unwrap(), address);
        }
        let code = Code::new(code);
        let digits = CheckDigits::of(&code, hub, hub);
        prop_assert_eq!(CheckDigits::parse(&digits.to_string()), Some(digits));
        prop_assert_eq!(Code::parse(&code.reveal()), Some(code.clone()));
        let uri = EnrolUri::new(hubs, code, Timestamp(until)).unwrap();
        prop_assert!(uri.reveal().parse::<EnrolUri>().unwrap() == uri, "another invitation");
    }

    #[test]
    fn receipts_and_marks_hold_for_what_was_signed_alone(
        hub in key(), other in key(), epoch: [u8; 16],
        items in vec(any::<([u8; 32], [u8; 16], u64, [u8; 32])>(), 0..20), at in time(), mark: (u64, u64, bool),
    ) {
        let items = items.into_iter().map(|(document, actor, seq, hash)| ReceiptItem {
            document: DocumentId(document), actor: Actor(actor), seq, hash: ChangeHash(hash),
        });
        let receipt = HubReceipt::sign(&hub, epoch, other.device(), items.collect(), at).unwrap();
        let bytes = postcard::to_stdvec(&receipt).unwrap();
        let read: HubReceipt = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&read, &receipt);
        prop_assert!(read.verify(hub.device()).is_ok() && read.verify(other.device()).is_err());
        let (merged, backed, backs_up) = mark;
        let mark = HubMark::sign(&hub, (epoch, merged, [1; 32]), (backs_up, backed, at), at);
        let read: HubMark = postcard::from_bytes(&postcard::to_stdvec(&mark).unwrap()).unwrap();
        prop_assert!(read == mark && read.verify(hub.device()).is_ok());
    }

    #[test]
    fn an_exported_record_reads_as_it_is_written_and_no_byte_may_change(
        packs in vec(vec(any::<u8>(), 0..200), 0..8), control in vec(vec(any::<u8>(), 0..90), 0..8),
        seals in vec(vec(any::<u8>(), 0..90), 0..3), readable in vec(any::<u8>(), 1..400), maker in key(),
        at in time(), place: Index,
    ) {
        let record = ExportedRecord {
            readable, about: About { hub: None, heads: vec![ChangeHash([1; 32]), ChangeHash([2; 32])], at },
            genesis: stage().visits[0].clone(), checklist: None, packs, control, receipts: Vec::new(),
            proofs: Vec::new(), grown: Vec::new(), seals,
        };
        let bytes = record.encode(&maker).unwrap();
        let (read, signed) = ExportedRecord::decode(&bytes).unwrap();
        prop_assert!(read == record && signed.signed && signed.device == maker.device());
        let mut other = bytes.clone();
        let at = place.index(bytes.len());
        other[at] ^= 4;
        let unharmed = ExportedRecord::decode(&other).is_ok_and(|(_, maker)| maker.signed);
        prop_assert!(!unharmed, "byte {} may be another", at);
    }

    #[test]
    fn facts_read_as_they_are_written(
        document: [u8; 32], actor: [u8; 16], seq: u64, hash: [u8; 32], epoch: [u8; 16], at in time(), place: Index,
    ) {
        let (document, actor, hash) = (DocumentId(document), Actor(actor), ChangeHash(hash));
        let verdict = Verdict::Poison;
        let notice = Notice { document, actor, seq, hash, verdict };
        let line =
            ClosedLine { document, actor, from_seq: seq, culprit: hash, verdict, before: None };
        let facts = [
            Fact::Lacking { wants: vec![Want { document, actor, from_seq: seq }] },
            Fact::Noticed { upto: seq, notices: vec![notice] },
            Fact::Received {
                items: vec![bienban_core::sync::FeedItem::Closed(line)],
                position: Some(FeedPosition { epoch, number: seq, chain: hash.0 }),
                at,
            },
            Fact::Lagging,
        ];
        for fact in facts {
            let record = fact.record().unwrap();
            let read = |bytes: &[u8]| {
                let record = bienban_core::store::Record { kind: record.kind, payload: bytes.to_vec() };
                Fact::read(Position(1), &record).ok()
            };
            one_spelling(&record.payload, &fact, &place, read);
        }
    }
}

#[test]
fn the_laws_speak_of_the_devices_of_the_stage() {
    assert_eq!(fleet::entry(HONEST).device, stage::device(HONEST));
    assert!(singles().len() > 4, "packs of both devices");
}
