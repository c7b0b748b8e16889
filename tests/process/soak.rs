//! The soak in small: seconds in place of minutes. The long one is a program of its own.

use std::time::Duration;

use bienban_tests::soak::{self, Plan};

#[test]
fn a_small_crowd_with_faults_loses_nothing() {
    let millis = Duration::from_millis;
    let plan = Plan {
        typing: millis(5_000),
        quiet: millis(500),
        hub_kills: 1,
        phones_per_process: 0,
        pause: (millis(150), millis(500)),
        connected: (millis(600), millis(2_000)),
        away: (millis(50), millis(600)),
        ..Plan::of(6, Duration::from_secs(5), crate::seed("soak"))
    };
    let report = soak::run(&plan);
    println!("{}", report.text());
    assert!(report.ok, "{}", report.text());
    // A run in which little happened proves nothing.
    assert!(report.recorded > 10 && report.acknowledged > 5, "{}", report.text());
    assert!(report.hub_kills == 1 && report.cuts + report.phone_restarts > 0, "{}", report.text());
    assert!(report.minutes.iter().all(|minute| minute.phones_kb.is_some()));
}
