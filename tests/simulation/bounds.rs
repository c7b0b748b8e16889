//! What an exchange may hold in memory here. The sessions' own limits are for the largest records; those of this
//! simulation are small, so these are tighter, and growth that nobody drains is seen.

use bienban_core::sync::Load;

use crate::tally::{Peak, Tally};

/// Frames that wait to be written: a page of what the hub sends in small frames, and answers.
const FRAMES_MAX: usize = 64;

/// Bytes of packs that wait to be said, or that came and are not kept: all that a schedule can type is less.
const BYTES_MAX: usize = 256 << 10;

/// Batches that came and are not kept yet, on a phone; a hub holds fewer.
const BATCHES_MAX: usize = bienban_core::sync::session::APPLIES_MAX + 2;

/// Wishes and events: one for each line of each document.
const SMALL_MAX: usize = 64;

/// Fails where an exchange holds more.
pub(crate) fn check(load: &Load, tally: &mut Tally) {
    let Load { frames, outward_bytes, wishes, batches, inward_bytes, events } = *load;
    for (peak, value, limit) in [
        (Peak::FramesWaiting, frames, FRAMES_MAX),
        (Peak::BytesOutward, outward_bytes, BYTES_MAX),
        (Peak::BytesInward, inward_bytes, BYTES_MAX),
        (Peak::Batches, batches, BATCHES_MAX),
        (Peak::Wishes, wishes, SMALL_MAX),
        (Peak::Events, events, SMALL_MAX),
    ] {
        tally.peak(peak, value);
        assert!(value <= limit, "an exchange holds {value} of {peak:?}, over {limit}");
    }
}
