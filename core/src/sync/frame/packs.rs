//! Packs in frames: kept, each is compressed alone; sent together, they are compressed together, which takes two
//! thirds of the bytes (docs/performance.md).

use super::Frame;
use crate::sync::message::FeedItem;
use crate::sync::pack;

/// Returns a frame in which packs have plain bodies, as far as the frame may grow by `room` bytes. `None` where there
/// is none to open: a single one is as short alone.
pub(super) fn opened(frame: &Frame, mut room: usize) -> Option<Frame> {
    let mut open = |kept: &[u8]| {
        let opened = pack::opened(kept, kept.len() + room).unwrap_or_else(|| kept.to_vec());
        // The length in front of it may take two bytes more.
        room = room.saturating_sub((opened.len() + 2).saturating_sub(kept.len()));
        opened
    };
    match frame {
        Frame::Push { packs } if packs.len() > 1 => {
            Some(Frame::Push { packs: packs.iter().map(|pack| open(pack)).collect() })
        }
        Frame::Items { items, position } if is_pack_twice(items) => {
            let items = items.iter().map(|item| match item {
                FeedItem::Pack(pack) => FeedItem::Pack(open(pack)),
                other => other.clone(),
            });
            Some(Frame::Items { items: items.collect(), position: *position })
        }
        _ => None,
    }
}

fn is_pack_twice(items: &[FeedItem]) -> bool {
    items.iter().filter(|item| matches!(item, FeedItem::Pack(_))).nth(1).is_some()
}

/// Returns a frame in which packs are as they are kept.
pub(super) fn closed(frame: Frame) -> Frame {
    match frame {
        Frame::Push { packs } => {
            Frame::Push { packs: packs.into_iter().map(pack::closed).collect() }
        }
        Frame::Items { items, position } => {
            let items = items.into_iter().map(|item| match item {
                FeedItem::Pack(kept) => FeedItem::Pack(pack::closed(kept)),
                other => other,
            });
            Frame::Items { items: items.collect(), position }
        }
        other => other,
    }
}
