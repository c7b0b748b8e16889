//! What of a later program's letters is refused, and that letters of this format are still read.

use super::*;
use crate::model::{Actor, DocumentId};
use crate::sync::{FailureCode, FeedPosition};
use crate::trust::control::ActId;
use crate::trust::merkle::TreeHash;
use crate::trust::{HubMark, ReceiptItem};

const SAMPLES: &str = include_str!("../../../../fixtures/bundle-v2-parts.txt");

/// One part of each kind, as the second format has them.
fn each() -> Vec<Part> {
    let (document, actor, life) = (DocumentId([4; 32]), Actor([5; 16]), [8; 16]);
    let hub = key(99);
    let head = TreeHead::sign(&hub, life, (6, TreeHash([9; 32])), NOW);
    let position = Some(FeedPosition { epoch: life, number: 6, chain: [1; 32] });
    let greeting =
        Greeting { life: Some(life), position, notices: 3, empty: false, heads: vec![head] };
    let hash = ChangeHash([7; 32]);
    let notice = Notice { document, actor, seq: 6, hash, verdict: Verdict::NotAllowed };
    let item = ReceiptItem { document, actor, seq: 6, hash };
    let of = Asked { errand: Errand::Act(ActId([2; 32])), rights: [3; 32] };
    let code = FailureCode::NotAllowed;
    let refused = Some(Failure { code, message: "no".to_owned(), retry_after_ms: None });
    let seal = AdminRequest::Seal { act: vec![1, 2], seal: vec![3] };
    vec![
        Part::Greeting(greeting.clone()),
        Part::Ask(seal, Asked { errand: Errand::Seal(ActId([2; 32])), rights: [3; 32] }),
        Part::Pack(vec![1, 2, 3]),
        Part::Control(vec![4, 5]),
        Part::Object(b"{}".to_vec()),
        Part::Seal(vec![6]),
        Part::Heads(vec![head]),
        Part::Answer { epoch: life, greeting: Some(greeting) },
        Part::Shown(Shown { head, standings: Vec::new() }),
        Part::Item(FeedItem::Yours { document, actor, seq: 6 }),
        Part::Reached(position),
        Part::Receipt(HubReceipt::sign(&hub, life, key(1).device(), vec![item], NOW).unwrap()),
        Part::Notices { upto: 3, notices: vec![notice.clone()] },
        Part::Declined(vec![notice]),
        Part::Mark(HubMark::sign(&hub, (life, 9, [7; 32]), (true, 6, NOW), NOW)),
        Part::Keys(vec![vec![7, 8]]),
        Part::Answered { of: of.clone(), refused },
        Part::Answered { of, refused: None },
        ask(AdminRequest::Mark),
        Part::Ask(
            AdminRequest::TakeBack { entries: vec![vec![1]] },
            Asked { errand: Errand::Remind { upto: vec![9] }, rights: [3; 32] },
        ),
    ]
}

#[test]
fn parts_of_the_second_format_are_still_read() {
    let lines: Vec<Vec<u8>> = SAMPLES.lines().map(|line| hex::decode(line).unwrap()).collect();
    assert_eq!(lines.len(), each().len());
    for (line, part) in lines.iter().zip(each()) {
        assert_eq!(decode(line).unwrap(), part);
        assert_eq!(&encode(&part).unwrap(), line);
    }
    assert!(lines.iter().all(|line| line[0] <= tags::LAST));
}

#[test]
#[ignore = "writes the samples anew; only for a new version"]
fn write_the_samples() {
    let line = |part: Part| format!("{}\n", hex::encode(encode(&part).unwrap()));
    let text: String = each().into_iter().map(line).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bundle-v2-parts.txt");
    std::fs::write(path, text).unwrap();
}

/// The encoded parts of a letter.
fn encoded(file: &[u8], number: u8) -> Vec<Vec<u8>> {
    parts_of(file, number).iter().map(|part| encode(part).unwrap()).collect()
}

#[test]
fn a_letter_that_only_a_newer_program_understands_is_refused_whole() {
    let (hub, a, b, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    let from_a = export(&a, &[to(2), to_hub()]);
    let (hub_device, made_at) = (key(99).device(), NOW);
    let (_, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    // From phone to phone, from phone to hub, and the hub's answer.
    for (maker, receiver, file) in [(1, 2, &from_a), (1, 99, &from_a), (99, 1, &answer)] {
        let to = key(receiver).device();
        let head = Head { maker: key(maker).device(), receiver: to, made_at };
        let known = encoded(file, receiver);
        let with = |parts: u8, more: &[u8]| {
            let mut all = known.clone();
            all.push(more.to_vec());
            raw((&head, parts), &key(maker), to, &all)
        };
        let store = match receiver {
            1 => a.phone.replica().store(),
            2 => b.phone.replica().store(),
            _ => hub.replica().store(),
        };
        let before = store.position();
        let take = |file: &[u8]| match receiver {
            1 => import(&a, file).map(drop),
            2 => import(&b, file).map(drop),
            _ => at_hub(&hub, file).map(drop),
        };
        let last = known.last().unwrap().clone();
        for file in
            [with(PARTS + 1, &last), with(PARTS, &[tags::LAST + 1, 1]), with(PARTS, &[0x7f])]
        {
            let refused = take(&file).unwrap_err();
            let newer =
                matches!(&refused, ReplicaError::Bundle { source: BundleError::Newer { .. } });
            assert!(newer, "to {receiver}: {refused:?}");
            assert!(refused.to_string().contains("newer"), "{refused}");
            assert_eq!(store.position(), before, "to {receiver}: nothing is changed");
        }
        // What may be passed over is as if it were not there.
        take(&with(PARTS, &[tags::PASSED_OVER, 1, 2, 3])).unwrap();
    }
    assert_eq!(b.phone.carried().unwrap(), [genesis.document()]);
    assert_eq!(stored(&a.phone, &genesis), (1, 1, 0));
    assert_eq!(hub.device(), hub_device);
}
