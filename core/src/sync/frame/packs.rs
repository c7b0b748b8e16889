//! Packs in frames: kept, each is compressed alone; sent together, they are compressed together and tell their times apart,
//! which takes fewer bytes (docs/performance.md).

use super::Frame;
use super::times::Times;
use crate::sync::message::FeedItem;
use crate::sync::pack::{self, Pack};
use crate::sync::session::PUSH_PACKS_MAX;

/// The length in front of a pack takes so many bytes more once it is opened, at most.
const LENGTH_GROWS_BY: usize = 2;

/// Packs are closed again in a frame that inflated to at most so many times its length: closing costs more than
/// inflating, and what honest packs compress by together is a tenth of this.
const INFLATION_TO_CLOSE_MAX: usize = 64;

/// Returns whether the packs of a frame are closed again: its bytes as they came, and inflated. Where not, they are
/// kept as they came.
pub(super) fn is_worth_closing(came: usize, inflated: usize) -> bool {
    inflated / INFLATION_TO_CLOSE_MAX <= came
}

/// Returns a frame in which packs have plain bodies, as far as the frame may grow by `room` bytes, and their times told
/// apart. `None` where there is none to open: a single one is as short alone.
pub(super) fn opened(frame: &Frame, mut room: usize) -> Option<Frame> {
    let mut times = Times::default();
    let mut open = |kept: Vec<u8>| {
        let longest = (kept.len() + room).saturating_sub(LENGTH_GROWS_BY);
        let length = kept.len();
        let opened = Pack::opened(&kept, longest).unwrap_or(kept);
        room = room.saturating_sub((opened.len() + LENGTH_GROWS_BY).saturating_sub(length));
        times.told_apart(&opened).unwrap_or(opened)
    };
    match frame {
        Frame::Push { packs } if packs.len() > 1 => Some(each_pack(frame.clone(), &mut open)),
        Frame::Items { items, .. } if is_pack_twice(items) => {
            Some(each_pack(frame.clone(), &mut open))
        }
        _ => None,
    }
}

fn is_pack_twice(items: &[FeedItem]) -> bool {
    items.iter().filter(|item| matches!(item, FeedItem::Pack(_))).nth(1).is_some()
}

/// Returns a frame in which times stand where they belong.
pub(super) fn put_back(frame: Frame) -> Frame {
    let mut times = Times::default();
    each_pack(frame, &mut |pack| times.put_back(pack))
}

/// Returns a frame in which packs are as they are kept; not one of more packs than may be pushed, which is refused.
pub(super) fn closed(frame: Frame) -> Frame {
    match &frame {
        Frame::Push { packs } if packs.len() > PUSH_PACKS_MAX => frame,
        _ => each_pack(frame, &mut pack::closed),
    }
}

fn each_pack(frame: Frame, make: &mut dyn FnMut(Vec<u8>) -> Vec<u8>) -> Frame {
    match frame {
        Frame::Push { packs } => Frame::Push { packs: packs.into_iter().map(make).collect() },
        Frame::Items { items, position } => {
            let items = items.into_iter().map(|item| match item {
                FeedItem::Pack(kept) => FeedItem::Pack(make(kept)),
                other => other,
            });
            Frame::Items { items: items.collect(), position }
        }
        other => other,
    }
}
