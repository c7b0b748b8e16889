//! A phone whose address changes in the middle of a transfer: what that costs, and whether its connection survives.

use std::time::Duration;

use bienban_core::clock::Stopwatch;
use bienban_core::driver::{self, SyncOptions};
use tokio::runtime::Runtime;

use crate::cut::{Ready, Transfer};
use crate::served::{closing, until, within};
use crate::sizes;
use crate::table::{Column, Table, count};

/// What happens to the phone's address at half of the bytes.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    /// Nothing.
    None,
    /// The network between gives it another, and the phone does not know.
    Between,
    /// The phone goes to another network.
    Phone,
}

const CHANGES: [Change; 3] = [Change::None, Change::Between, Change::Phone];

const COLUMNS: [Column; 9] = [
    ("unchanged s", 2),
    ("bytes", 0),
    ("connections", 0),
    ("network between s", 2),
    ("bytes", 0),
    ("connections", 0),
    ("phone's network s", 2),
    ("bytes", 0),
    ("connections", 0),
];

/// What one transfer cost.
struct Seen {
    took: Duration,
    bytes: u64,
    /// As many as without a change where none was made anew.
    connections: u64,
}

/// Prints the tables.
pub(crate) fn run() {
    let runtime = Runtime::new().unwrap();
    for (transfer, what) in Transfer::ALL {
        let title = format!("moving: {what}, the address changes at half of the bytes");
        let mut table = Table::new(title, "inspections", &COLUMNS);
        for inspections in sizes("BIENBAN_SCALING_DAY", "50,100,200") {
            table.row(inspections, runtime.block_on(measure(transfer, inspections)));
        }
        table.print();
    }
}

async fn measure(transfer: Transfer, inspections: u32) -> Vec<f64> {
    let mut ready = Ready::of(transfer, inspections, CHANGES.len()).await;
    let (mut row, mut half) = (Vec::new(), u64::MAX);
    for change in CHANGES {
        let seen = once(&mut ready, change, half).await;
        row.extend([seen.took.as_secs_f64(), count(seen.bytes), count(seen.connections)]);
        if change == Change::None {
            half = seen.bytes / 2;
        }
    }
    ready.end().await;
    row
}

/// One transfer. Were its connection lost, it would fail: nothing dials anew after an error.
async fn once(ready: &mut Ready, change: Change, half: u64) -> Seen {
    let (served, phone) = ready.take();
    let line = served.line().await;
    let (hub, endpoint) = (served.over(&line), phone.endpoint());
    let watch = Stopwatch::start();
    let exchange = driver::exchange(&phone.phone, &endpoint, &hub, SyncOptions::default());
    let moves = async {
        if change == Change::None {
            return;
        }
        until("half of the bytes", || line.counters().bytes() >= half).await;
        match change {
            Change::Phone => endpoint.rebind().unwrap(),
            _ => line.change_addresses(),
        }
    };
    let (report, ()) = within("the exchange", async { tokio::join!(exchange, moves) }).await;
    let took = watch.elapsed();
    let report = report.unwrap();
    assert!(report.caught_up && !report.progress.more && !report.progress.again);
    closing().await;
    let seen = line.counters();
    // What was merged after the exchange had ended is told in another, which is not counted.
    drop(line);
    served.merged().await;
    phone.exchange(&served.address).await.unwrap();
    ready.give_back(served, &phone).await;
    Seen { took, bytes: seen.bytes(), connections: seen.connections }
}
