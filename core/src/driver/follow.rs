//! Exchanges that follow one another: when more waits than one takes, when everything has to be
//! compared, or when the rights of this device were changed.

use std::sync::Arc;

use super::{DriverError, Live, SyncEvent, SyncOptions, SyncReport, once, total};
use crate::net::{HubAddress, PhoneEndpoint};
use crate::replica::{Phone, Progress};

/// An exchange is followed by at most this many more, so that a hub which never has enough costs a
/// bounded amount of data.
const FOLLOW_UPS_MAX: usize = 64;

/// An exchange that stays is taken up so often after others that it made due; then whoever keeps it dials anew, with
/// the pauses of its own: a hub that makes one due each time costs no more data than that.
const TAKEN_UP_MAX: usize = 16;

/// What an exchange that stays does not end for, because the one before could do nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Nothing is known to be in vain.
    None,
    /// More waits here, of which the hub signs for nothing. That everything is to be compared is another matter: it
    /// came up in this exchange, and would wait for hours.
    More,
    /// As many exchanges as may follow have followed.
    All,
}

impl Patience {
    /// Returns whether another exchange should follow.
    #[must_use]
    pub fn is_due(self, progress: Progress) -> bool {
        match self {
            Self::None => progress.again || progress.more,
            Self::More => progress.again,
            Self::All => false,
        }
    }

    /// Returns what the next exchange that stays does not end for, after those that followed.
    #[must_use]
    pub fn after(progress: Progress) -> Self {
        match progress {
            Progress { again: true, .. } => Self::All,
            Progress { more: true, .. } => Self::More,
            _ => Self::None,
        }
    }
}

/// Exchanges everything with the hub, in as many exchanges as that takes. With [`SyncOptions::live`] it
/// goes on until stopped: where more is due than the live exchange can do, others do it, and then it
/// is live again, up to 16 times; then it ends without an error, for its owner to dial anew.
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
    let mut patience = Patience::None;
    for _ in 0..TAKEN_UP_MAX {
        let asks = std::mem::take(&mut asks);
        let told = after(live.as_ref(), report.progress);
        let options = SyncOptions { live: told, asks, tally: tally.clone() };
        report.add(once(phone, endpoint, hub, options, patience).await?);
        let due = patience.is_due(report.progress);
        for _ in 0..FOLLOW_UPS_MAX {
            if !Patience::None.is_due(report.progress)
                || live.as_ref().is_some_and(Live::is_stopped)
            {
                break;
            }
            let options = SyncOptions { tally: tally.clone(), ..SyncOptions::default() };
            let next = once(phone, endpoint, hub, options, Patience::None).await?;
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
        if !due || !goes_on {
            break;
        }
        patience = Patience::after(report.progress);
    }
    Ok(report)
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
