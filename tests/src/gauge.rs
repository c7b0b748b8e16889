//! What a process holds and has taken, what a folder holds, and how a cost grows: read from the system and from
//! figures, judged by nobody.
#![allow(clippy::unwrap_used, reason = "a harness stops at the first surprise")]

use std::fs;
use std::path::Path;

/// Ticks of a second in which Linux tells programs what CPU was taken.
const TICKS: f64 = 100.0;

/// Returns how much memory of a process is resident, in kB; none where the system does not say.
#[must_use]
pub fn resident(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Returns what a process and those that it started hold, in kB.
#[must_use]
pub fn with_children(process: u32) -> Option<u64> {
    let below = children(process).into_iter().filter_map(with_children);
    Some(resident(process)? + below.sum::<u64>())
}

/// Returns how many seconds of CPU a process and those that it started have taken, those that ended too.
#[must_use]
pub fn cpu_seconds(process: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name stands in parentheses, and may hold spaces. The times are fields 14 to 17 of all.
    let (_, after) = text.rsplit_once(')')?;
    let times = after.split_whitespace().skip(11).take(4);
    let own: f64 = times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    let below = children(process).into_iter().filter_map(cpu_seconds);
    Some(own / TICKS + below.sum::<f64>())
}

fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let of = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children"));
    let told: Vec<String> = threads.flatten().filter_map(|thread| of(thread).ok()).collect();
    let numbers = told.iter().flat_map(|text| text.split_whitespace());
    numbers.filter_map(|number| number.parse().ok()).collect()
}

/// Returns the length of a file, or of all files below a folder; 0 where there is nothing.
///
/// # Panics
///
/// Panics when what is there cannot be read.
#[must_use]
pub fn size(path: &Path) -> u64 {
    let Ok(about) = fs::metadata(path) else { return 0 };
    if !about.is_dir() {
        return about.len();
    }
    fs::read_dir(path).unwrap().map(|item| size(&item.unwrap().path())).sum()
}

/// Returns the slope of a line through points, by least squares; none where all stand above one another.
#[must_use]
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "a number of points")]
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mid, level) = (mean(|point| point.0), mean(|point| point.1));
    let across: f64 = points.iter().map(|(at, value)| (at - mid) * (value - level)).sum();
    let spread: f64 = points.iter().map(|(at, _)| (at - mid).powi(2)).sum();
    (spread > 0.0).then(|| across / spread)
}

/// Returns the power of its size by which a cost grows: the slope of one's logarithm over the other's. None where
/// there are fewer than two sizes, or where something is free.
#[must_use]
pub fn power(costs: &[(f64, f64)]) -> Option<f64> {
    let logs = costs.iter().map(|(size, cost)| (size.ln(), cost.ln()));
    let logs: Vec<(f64, f64)> = logs.collect();
    let whole = logs.iter().all(|(size, cost)| size.is_finite() && cost.is_finite());
    if whole { slope(&logs) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_with_the_square_of_its_size_has_the_power_two_and_what_is_free_none() {
        let square = [(1.0, 3.0), (10.0, 300.0), (100.0, 30_000.0)];
        assert!((power(&square).unwrap() - 2.0).abs() < 1e-9);
        assert!(power(&[(1.0, 5.0), (10.0, 5.0)]).unwrap().abs() < 1e-9);
        assert_eq!(power(&[(1.0, 0.0), (10.0, 5.0)]), None);
        assert_eq!(power(&[(10.0, 5.0)]), None);
        assert_eq!(power(&[]), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_process_started_is_counted_with_it() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let own = std::process::id();
        let (alone, together) = (resident(own).unwrap(), with_children(own).unwrap());
        assert!(cpu_seconds(own).is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(together > alone, "{together} {alone}");
    }
}
