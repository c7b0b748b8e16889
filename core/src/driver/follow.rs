//! Exchanges that follow one another: when more waits than one takes, when everything has to be
//! compared, or when the rights of this device were changed.

use std::sync::Arc;

use super::{DriverError, Live, SyncEvent, SyncOptions, SyncReport, once, total};
use crate::net::{HubAddress, PhoneEndpoint};
use crate::replica::{Phone, Progress};

/// An exchange is followed by at most this many more, so that a hub which never has enough costs a
/// bounded amount of data.
const FOLLOW_UPS_MAX: usize = 64;

/// Exchanges everything with the hub, in as many exchanges as that takes. With [`SyncOptions::live`] it
/// goes on until stopped: where more is due than the live exchange can do, others do it, and then it
/// is live again.
///
/// # Errors
///
/// As [`super::sync`]. What earlier exchanges brought and delivered stays so.
pub async fn exchange(
    phone: &Arc<Phone>,
    endpoint: &PhoneEndpoint,
    hub: &HubAddress,
    options: SyncOptions,
) -> Result<SyncReport, DriverError> {
    let SyncOptions { live, mut asks, tally } = options;
    let mut report = SyncReport::default();
    let mut patient = false;
    loop {
        let asks = std::mem::take(&mut asks);
        let told = after(live.as_ref(), report.progress);
        let options = SyncOptions { live: told, asks, tally: tally.clone() };
        report.add(once(phone, endpoint, hub, options, patient).await?);
        let due = is_due(&report);
        for _ in 0..FOLLOW_UPS_MAX {
            if !is_due(&report) || live.as_ref().is_some_and(Live::is_stopped) {
                break;
            }
            let options = SyncOptions { tally: tally.clone(), ..SyncOptions::default() };
            let next = once(phone, endpoint, hub, options, false).await?;
            // Where the hub signs for nothing, offering the same again would only cost data.
            let stands_still = !next.progress.again && next.progress.stored == 0;
            report.add(next);
            if let Some(live) = &live {
                (live.observer)(SyncEvent::Moved(report.progress));
            }
            if stands_still {
                break;
            }
        }
        let goes_on = live.as_ref().is_some_and(|live| !live.is_stopped());
        // An exchange that stayed ends by itself only because another was due.
        if !due || patient || !goes_on {
            return Ok(report);
        }
        patient = is_due(&report);
    }
}

fn is_due(report: &SyncReport) -> bool {
    report.progress.again || report.progress.more
}

/// Returns the strings of a live exchange that tells what all have done, earlier ones included.
fn after(live: Option<&Live>, before: Progress) -> Option<Live> {
    let live = live?.clone();
    let told = live.observer.clone();
    let observer = Arc::new(move |event| {
        told(match event {
            SyncEvent::Moved(now) => SyncEvent::Moved(total(before, now)),
            SyncEvent::CaughtUp => SyncEvent::CaughtUp,
        });
    });
    Some(Live { observer, ..live })
}
