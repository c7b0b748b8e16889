//! Frames that a hostile side says: saved ones as they are, spoilt and spliced, any bytes, and contents of its
//! own that are signed as they should be.

use bienban_core::model::{Genesis, RawChange};
use bienban_core::sync::{AdminRequest, FRAME_VERSION, FeedItem, Frame};
use bienban_core::trust::HubReceipt;
use bienban_core::trust::control::{Act, ChainHead, ControlEntry};

use super::bytes::Bytes;
use super::stage::{self, rehashed, stage};
use crate::fleet::NOW;

/// Packs of one push.
const PACKS_MAX: usize = 4;

/// What was said in an input.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// A change that the fuzzer wrote itself and the hostile device signed: it may be taken in.
    pub(super) crafted: bool,
}

impl Said {
    /// The next frame of a device to the hub or to another phone.
    pub(super) fn frame(&mut self, input: &mut Bytes<'_>, library: &[Vec<u8>]) -> Vec<u8> {
        match input.byte() % 8 {
            0 | 1 => library[input.below(library.len())].clone(),
            2 => spoilt(&library[input.below(library.len())], library, input),
            3 => input.piece().to_vec(),
            4 => [&[FRAME_VERSION, 0], input.piece()].concat(),
            5 => push(packs(input)),
            6 => match self.crafted(input) {
                Some(pack) => push(vec![pack]),
                None => push(Vec::new()),
            },
            _ => {
                let request_id = input.byte().into();
                match postcard::from_bytes::<AdminRequest>(input.piece()) {
                    Ok(request) => encoded(&Frame::Ask { request_id, request }),
                    Err(_) => push(Vec::new()),
                }
            }
        }
    }

    /// The next frame of somebody who has the hub's key.
    pub(super) fn hub_frame(&mut self, input: &mut Bytes<'_>) -> Vec<u8> {
        let library = &stage().down;
        let items = |items| encoded(&Frame::Items { items, position: None });
        match input.byte() % 10 {
            0..=2 => library[input.below(library.len())].clone(),
            3 => spoilt(&library[input.below(library.len())], library, input),
            4 => input.piece().to_vec(),
            5 => [&[FRAME_VERSION, 0], input.piece()].concat(),
            6 => items(packs(input).into_iter().map(FeedItem::Pack).collect()),
            7 => items(self.crafted(input).map(FeedItem::Pack).into_iter().collect()),
            8 => items(entry(input).map(FeedItem::Control).into_iter().collect()),
            _ => receipt(input).map_or_else(|| items(Vec::new()), |receipt| encoded(&receipt)),
        }
    }

    /// A pack of a change that nobody made so, signed by the hostile device.
    fn crafted(&mut self, input: &mut Bytes<'_>) -> Option<Vec<u8>> {
        let stage = stage();
        let honest = stage.changes[input.below(stage.changes.len())].bytes();
        let visit: &Genesis = &stage.visits[input.below(2)];
        let bytes = rehashed(&spoilt(honest, &[], input));
        self.crafted = true;
        stage::sealed(visit, RawChange::inspect(bytes).ok()?)
    }
}

fn encoded(frame: &Frame) -> Vec<u8> {
    frame.encode().unwrap_or_default()
}

fn push(packs: Vec<Vec<u8>>) -> Vec<u8> {
    encoded(&Frame::Push { packs })
}

/// Saved packs: as they are, twice, spoilt, and one spliced to another.
fn packs(input: &mut Bytes<'_>) -> Vec<Vec<u8>> {
    let all = &stage().packs;
    let mut packs = Vec::new();
    for _ in 0..=input.below(PACKS_MAX) {
        let pack = &all[input.below(all.len())];
        packs.push(if input.byte().is_multiple_of(2) {
            pack.clone()
        } else {
            spoilt(pack, all, input)
        });
    }
    packs
}

/// Returns bytes with up to four changes.
fn spoilt(bytes: &[u8], others: &[Vec<u8>], input: &mut Bytes<'_>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=input.below(4) {
        let at = usize::from(input.short()).checked_rem(bytes.len()).unwrap_or_default();
        match input.byte() % 6 {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << (input.byte() % 8),
            1 if !bytes.is_empty() => bytes[at] = input.byte(),
            2 => bytes.truncate(at),
            3 => bytes.splice(at..at, input.take(8).iter().copied()).for_each(drop),
            4 => {
                let end = (at + 1 + input.below(16)).min(bytes.len());
                bytes.drain(at..end).for_each(drop);
            }
            5 if !others.is_empty() => {
                let other = &others[input.below(others.len())];
                let from = usize::from(input.short()).checked_rem(other.len()).unwrap_or_default();
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => {}
        }
    }
    bytes
}

/// A decision that the hub itself or the hostile device signs, entered by the hub.
fn entry(input: &mut Bytes<'_>) -> Option<Vec<u8>> {
    let hub = stage::hub_key();
    let by =
        if input.byte().is_multiple_of(2) { stage::hub_key() } else { stage::key(stage::HOSTILE) };
    let mut act: Act = postcard::from_bytes(input.piece()).ok()?;
    (act.hub, act.by) = (hub.device(), by.device());
    let signed = act.sign(&by).ok()?;
    let log = ([input.byte(); 16], &ChainHead::default());
    ControlEntry::sign(&hub, log, (NOW, NOW), signed, None).ok()?.encode().ok()
}

/// A receipt that the hub signs, whatever it says.
fn receipt(input: &mut Bytes<'_>) -> Option<Frame> {
    let said: HubReceipt = postcard::from_bytes(input.piece()).ok()?;
    let signed =
        HubReceipt::sign(&stage::hub_key(), said.epoch, said.device, said.items, said.stored_at);
    signed.ok().map(Frame::Receipts)
}
