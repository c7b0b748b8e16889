//! Exchanges that a dead battery or a tunnel ends: how many bytes go twice when they run again.

use bienban_core::driver::{self, SyncOptions};
use tokio::runtime::Runtime;

use crate::served::{Device, Served, closing, until, within};
use crate::sizes;
use crate::table::{Column, Table, count};

/// Where an exchange is cut, in percent of the bytes of an uncut one.
const CUTS: [u64; 3] = [30, 60, 90];

/// The phone whose work is downloaded.
const WRITER: u8 = 1;

const COLUMNS: [Column; 8] = [
    ("uncut bytes", 0),
    ("of them up", 0),
    ("sent twice, cut at 30 %", 0),
    ("% of uncut", 1),
    ("cut at 60 %", 0),
    ("% of uncut", 1),
    ("cut at 90 %", 0),
    ("% of uncut", 1),
];

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Transfer {
    /// A phone's day to the hub.
    Up,
    /// The same to a phone that was told of everything before.
    Lagging,
    /// The same to a phone that holds nothing.
    Empty,
}

impl Transfer {
    pub(crate) const ALL: [(Self, &'static str); 3] = [
        (Self::Up, "a phone's day to the hub"),
        (Self::Lagging, "the day to a phone that lags behind"),
        (Self::Empty, "the day to an empty phone"),
    ];
}

/// Prints the tables.
pub(crate) fn run() {
    let runtime = Runtime::new().unwrap();
    for (transfer, what) in Transfer::ALL {
        let mut table = Table::new(format!("cut: {what}"), "inspections", &COLUMNS);
        for inspections in sizes("BIENBAN_SCALING_DAY", "50,100,200") {
            table.row(inspections, runtime.block_on(measure(transfer, inspections)));
        }
        table.print();
    }
}

async fn measure(transfer: Transfer, inspections: u32) -> Vec<f64> {
    let mut ready = Ready::of(transfer, inspections, CUTS.len() + 1).await;
    let (up, uncut) = ready.next(None).await;
    let mut row = vec![count(uncut), count(up)];
    for percent in CUTS {
        let (_, bytes) = ready.next(Some(uncut * percent / 100)).await;
        // Frames do not end where others did, so that a cut exchange may be a little shorter.
        let twice = count(bytes) - count(uncut);
        row.extend([twice, twice / count(uncut) * 100.0]);
    }
    ready.end().await;
    row
}

/// Phones that are about to exchange the same, and their hubs.
pub(crate) struct Ready {
    transfer: Transfer,
    inspections: u32,
    /// For an upload each phone has a hub of its own, which is empty.
    hubs: Vec<Served>,
    phones: Vec<Device>,
}

impl Ready {
    pub(crate) async fn of(transfer: Transfer, inspections: u32, count: usize) -> Self {
        if transfer == Transfer::Up {
            return Self::to_send(inspections, count).await;
        }
        let last = WRITER + u8::try_from(count).unwrap();
        let served = Served::start(WRITER..=last);
        let phones: Vec<Device> = (WRITER + 1..=last).map(Device::new).collect();
        if transfer == Transfer::Lagging {
            for phone in &phones {
                phone.exchange(&served.address).await.unwrap();
            }
        }
        let writer = Device::new(WRITER);
        writer.works(inspections);
        writer.exchange(&served.address).await.unwrap();
        served.merged().await;
        Self { transfer, inspections, hubs: vec![served], phones }
    }

    /// As often the same phone, which met its hub in the morning and has worked since.
    async fn to_send(inspections: u32, count: usize) -> Self {
        let (mut hubs, mut phones) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (served, phone) = (Served::start(WRITER..=WRITER), Device::new(WRITER));
            phone.exchange(&served.address).await.unwrap();
            phone.works(inspections);
            hubs.push(served);
            phones.push(phone);
        }
        Self { transfer: Transfer::Up, inspections, hubs, phones }
    }

    /// Lets the next phone exchange everything, cut once if said so. Returns bytes up, and in all.
    async fn next(&mut self, cut_at: Option<u64>) -> (u64, u64) {
        let (served, phone) = self.take();
        let line = served.line().await;
        let hub = served.over(&line);
        if let Some(bytes) = cut_at {
            line.cut_at(bytes);
            let endpoint = phone.endpoint();
            let exchange = driver::exchange(&phone.phone, &endpoint, &hub, SyncOptions::default());
            tokio::select! {
                ended = exchange => panic!("it ended before it was cut: {ended:?}"),
                () = until("the cut", || line.is_cut()) => {}
            }
            drop(endpoint);
            // What the hub still says to the old connection reaches nobody and is not counted.
            line.change_addresses();
            closing().await;
            line.restore();
        }
        within("the exchange", phone.exchange(&hub)).await.unwrap();
        served.merged().await;
        let seen = line.counters();
        self.give_back(served, &phone).await;
        (seen.bytes_up, seen.bytes())
    }

    /// Returns a hub and the next phone.
    pub(crate) fn take(&mut self) -> (Served, Device) {
        (self.hubs.pop().unwrap(), self.phones.pop().unwrap())
    }

    /// Fails unless everything arrived; keeps the hub for the next.
    pub(crate) async fn give_back(&mut self, served: Served, phone: &Device) {
        served.expect_same(phone, self.inspections).await;
        if self.transfer == Transfer::Up {
            served.end().await;
        } else {
            self.hubs.push(served);
        }
    }

    pub(crate) async fn end(self) {
        for served in self.hubs {
            served.end().await;
        }
    }
}
