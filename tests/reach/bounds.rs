//! What one device may make the hub hold in memory: bounded, with an answer that loses nothing.

use std::sync::Arc;

use bienban_core::checklist::Template;
use bienban_core::model::{Actor, ChangeHash, Document, DocumentId, Incarnation};
use bienban_core::replica::{Fact, Hub, HubRunner, Quarantined};
use bienban_core::sync::{
    Ending, FailureCode, Fingerprint, Frame, Hello, LogMessage, Notice, PROTOCOL_VERSION, Pack,
    Verdict,
};
use bienban_core::trust::{DeviceKey, Tip};
use bienban_tests::fleet::{self, NOW, SHORT};
use bienban_tests::overheard::Overheard;

/// More lines than one exchange follows.
const LINES: u32 = 5_000;

/// As many as one exchange follows: what a device pushes in its first flight.
const FOLLOWED: usize = 4_096;

/// Packs of one frame.
const AT_ONCE: usize = 500;

fn hello(live: bool) -> Frame {
    Frame::Hello(Hello {
        protocol: PROTOCOL_VERSION,
        device_time: NOW,
        position: None,
        notices: 0,
        live,
        root: Fingerprint([0; 16]),
        empty: true,
    })
}

/// A device that speaks to the hub without any program behind it.
struct Speaker {
    served: HubRunner,
    overheard: Overheard,
    heard: Vec<Frame>,
}

impl Speaker {
    fn start(hub: &Arc<Hub>, live: bool) -> Self {
        let served = HubRunner::start(hub.clone(), fleet::entry(1).into(), NOW).unwrap();
        let mut speaker = Self { served, overheard: Overheard::default(), heard: Vec::new() };
        speaker.say(&hello(live));
        speaker.say(&Frame::Log(LogMessage::Kept { heads: Vec::new() }));
        speaker
    }

    fn say(&mut self, frame: &Frame) {
        let said = frame.encode().unwrap();
        self.overheard.phone(&said).unwrap();
        self.served.handle(&said).unwrap();
        self.listen();
    }

    fn listen(&mut self) {
        while let Some(bytes) = self.served.poll_frame(NOW).unwrap() {
            self.heard.push(self.overheard.hub(&bytes).unwrap());
        }
    }

    fn push(&mut self, packs: &[Vec<u8>]) {
        for some in packs.chunks(AT_ONCE) {
            self.say(&Frame::Push { packs: some.to_vec() });
        }
    }

    fn asked(&self) -> usize {
        self.heard.iter().filter(|frame| matches!(frame, Frame::Need(_))).count()
    }

    fn signed(&self) -> usize {
        let receipts = self.heard.iter().filter_map(|frame| match frame {
            Frame::Receipts(receipt) => Some(receipt.items.len()),
            _ => None,
        });
        receipts.sum()
    }
}

/// For every visit the first change of a phone as one pack, and the second as another.
fn packs_of_two() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let parsed = Template::parse(SHORT).unwrap();
    let (template, shape) = (parsed.id(), parsed.shape());
    let (key, life) = (DeviceKey::from_seed(&fleet::phone_seed(1)), Incarnation([1; 16]));
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for number in 0..LINES {
        let genesis = fleet::visit(template, number);
        let actor = Actor::derive(key.device(), genesis.document(), life);
        let mut document = Document::create(&genesis, &shape);
        let mut previous = None;
        for (value, packs) in [("một", &mut first), ("hai", &mut second)] {
            let edited =
                document.edit(actor, NOW, |editor| editor.answer("1.1", fleet::answer(value)));
            let change = edited.unwrap().1.unwrap();
            let hash = change.facts().hash;
            let pack = Pack::seal(&key, genesis.clone(), life, previous, vec![change]).unwrap();
            packs.push(pack.encode());
            previous = Some(Tip::after(previous.as_ref(), hash));
        }
    }
    (first, second)
}

#[test]
fn a_device_whose_packs_lack_their_forerunners_is_asked_so_often_and_then_told_to_come_again() {
    let (hub, _) = fleet::hub(SHORT, 1);
    let (first, second) = packs_of_two();
    let mut speaker = Speaker::start(&hub, false);
    speaker.push(&second);
    // Once more: what was asked for is not asked again.
    speaker.push(&second[..AT_ONCE]);
    assert_eq!((speaker.asked(), speaker.signed()), (FOLLOWED, 0));
    assert!(speaker.served.outcome().is_none(), "it may still bring what is missing");
    // It brings some of it: that is taken and signed for.
    speaker.push(&first[..AT_ONCE]);
    assert_eq!(speaker.signed(), AT_ONCE);
    let answered = u32::try_from(FOLLOWED).unwrap();
    speaker.say(&Frame::Pushed { answered });
    hub.merge_all(NOW).unwrap();
    speaker.served.grown().unwrap();
    speaker.listen();
    let Some(Frame::Failed(failure)) = speaker.heard.last() else { panic!("it is told why") };
    assert_eq!(failure.code, FailureCode::Busy);
    let ending = &speaker.served.outcome().expect("and the exchange is over").ending;
    assert!(matches!(ending, Ending::Refused(_)), "{ending:?}");
    // The next exchange takes the rest.
    let mut speaker = Speaker::start(&hub, false);
    speaker.push(&first);
    speaker.push(&second);
    assert_eq!(speaker.signed(), 2 * LINES as usize);
    assert_eq!(speaker.asked(), 0);
}

#[test]
fn an_exchange_waits_for_so_many_merges_and_signs_for_the_others_all_the_same() {
    let (hub, _) = fleet::hub(SHORT, 1);
    let mut packs: Vec<(DocumentId, Vec<u8>)> = packs_of_two()
        .0
        .into_iter()
        .map(|bytes| (Pack::decode(&bytes).unwrap().document(), bytes))
        .collect();
    // In the order in which the hub merges.
    packs.sort();
    let packs: Vec<Vec<u8>> = packs.into_iter().map(|(_, bytes)| bytes).collect();
    let mut speaker = Speaker::start(&hub, false);
    speaker.push(&packs);
    speaker.say(&Frame::Pushed { answered: 0 });
    assert_eq!(speaker.signed(), LINES as usize);
    for _ in 0..FOLLOWED - 1 {
        hub.merge_next(NOW).unwrap().unwrap();
    }
    speaker.served.grown().unwrap();
    assert!(speaker.served.waits_for_merge());
    hub.merge_next(NOW).unwrap().unwrap();
    speaker.served.grown().unwrap();
    assert!(!speaker.served.waits_for_merge(), "it followed more than its limit");
    assert!(hub.status().unwrap().pending > 0);
    speaker.listen();
    speaker.say(&Frame::Bye);
    assert_eq!(speaker.served.outcome().unwrap().ending, Ending::Done);
    // What it did not wait for is merged like the rest.
    hub.merge_all(NOW).unwrap();
    assert_eq!(hub.status().unwrap().documents, u64::from(LINES));
}

#[test]
fn a_device_hears_all_its_notices_in_one_exchange_however_many() {
    const NOTICES: u64 = 2_500;
    let (hub, _) = fleet::hub(SHORT, 1);
    let phone = fleet::phone(1);
    fleet::exchange(&phone, &hub);
    let device = phone.device();
    let quarantined = (1..=NOTICES)
        .map(|seq| {
            let (document, actor) = (DocumentId([7; 32]), Actor([7; 16]));
            let (hash, verdict) = (ChangeHash([7; 32]), Verdict::NotAllowed);
            let notice = Notice { document, actor, seq, hash, verdict };
            Quarantined { device, notice, bytes: Vec::new() }
        })
        .collect();
    let fact = Fact::Accepted { from: device, packs: Vec::new(), quarantined, at: NOW };
    hub.replica().store().commit(vec![fact.record().unwrap()]).unwrap();
    let (outcome, progress) = fleet::exchange(&phone, &hub);
    assert_eq!(outcome.ending, Ending::Done);
    assert_eq!(progress.refused as u64, NOTICES);
    let seqs: Vec<u64> = phone.notices().unwrap().iter().map(|notice| notice.seq).collect();
    assert_eq!(seqs, (1..=NOTICES).collect::<Vec<_>>());
    let (_, progress) = fleet::exchange(&phone, &hub);
    assert_eq!(progress.refused, 0, "none is told twice");
}
