//! How much memory the hub and the phones hold, looked at each second.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bienban_core::clock::Stopwatch;

use crate::gauge::{resident, slope, with_children};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What was seen at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) at: Duration,
    /// The hub's process with its children, in kB; none where the system does not say.
    pub(super) hub: Option<u64>,
    /// The processes that phones live in, in kB.
    pub(super) phones: Option<u64>,
}

/// All that was seen.
pub(super) struct Samples {
    pub(super) all: Vec<Sample>,
    /// When the hub that ran last was there.
    pub(super) last_start: Duration,
}

/// Looks until it is ended.
pub(super) struct Meter {
    hub: Arc<AtomicU32>,
    over: Arc<AtomicBool>,
    last_start: Mutex<Duration>,
    thread: JoinHandle<Vec<Sample>>,
}

impl Meter {
    /// `phones` are the processes that phones live in.
    pub(super) fn start(hub: u32, phones: impl Fn() -> Vec<u32> + Send + 'static) -> Self {
        let (hub, over) = (Arc::new(AtomicU32::new(hub)), Arc::new(AtomicBool::new(false)));
        let (of, until) = (hub.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            let (watch, mut seen) = (Stopwatch::start(), Vec::new());
            while !until.load(Ordering::Relaxed) {
                let hub = with_children(of.load(Ordering::Relaxed));
                let phones = phones().into_iter().map(resident).sum();
                seen.push(Sample { at: watch.elapsed(), hub, phones });
                std::thread::sleep(LOOK_EVERY);
            }
            seen
        });
        Self { hub, over, last_start: Mutex::default(), thread }
    }

    /// Goes on with the process that took the hub's place.
    pub(super) fn follow(&self, hub: u32, at: Duration) {
        self.hub.store(hub, Ordering::Relaxed);
        *self.last_start.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    pub(super) fn end(self) -> Samples {
        self.over.store(true, Ordering::Relaxed);
        let last_start = *self.last_start.lock().unwrap_or_else(PoisonError::into_inner);
        Samples { all: self.thread.join().unwrap(), last_start }
    }
}

/// Returns how fast something grows, per hour, by least squares; none where there is too little to say.
pub(super) fn slope_per_hour(points: &[(Duration, u64)]) -> Option<f64> {
    if points.len() < 5 {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "kilobytes are far below 2^52")]
    let points: Vec<(f64, f64)> =
        points.iter().map(|(at, value)| (at.as_secs_f64() / 3600.0, *value as f64)).collect();
    slope(&points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope_and_noise_none() {
        let minute = |nth: u64| Duration::from_secs(60 * nth);
        let line: Vec<_> = (0..30).map(|nth| (minute(nth), 1_000 + nth * 10)).collect();
        assert!((slope_per_hour(&line).unwrap() - 600.0).abs() < 0.1);
        let flat: Vec<_> = (0..30).map(|nth| (minute(nth), 1_000 + nth % 2)).collect();
        assert!(slope_per_hour(&flat).unwrap().abs() < 1.0);
        assert!(slope_per_hour(&line[..3]).is_none());
    }
}
