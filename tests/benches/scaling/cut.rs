//! Exchanges that a dead battery or a tunnel ends: how many bytes go twice when they run again.

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
        for inspections in sizes("BIENBAN_SCALING_DAY", "50,200,800") {
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

/// Phones that are about to exchange the same.
pub(crate) struct Ready {
    transfer: Transfer,
    inspections: u32,
    /// For an upload each phone has a hub of its own, which is empty.
    served: Option<Served>,
    phones: Vec<Device>,
}

impl Ready {
    pub(crate) async fn of(transfer: Transfer, inspections: u32, count: usize) -> Self {
        let last = WRITER + u8::try_from(count).unwrap();
        let devices: Vec<Device> = match transfer {
            // All are the same phone: what it pushes is the same, to the byte as far as signatures are.
            Transfer::Up => (0..count).map(|_| Device::new(WRITER)).collect(),
            _ => (WRITER + 1..=last).map(Device::new).collect(),
        };
        if transfer == Transfer::Up {
            devices.iter().for_each(|device| device.works(inspections));
            return Self { transfer, inspections, served: None, phones: devices };
        }
        let served = Served::start(WRITER..=last);
        if transfer == Transfer::Lagging {
            for device in &devices {
                device.exchange(&served.address).await.unwrap();
            }
        }
        let writer = Device::new(WRITER);
        writer.works(inspections);
        writer.exchange(&served.address).await.unwrap();
        served.merged().await;
        Self { transfer, inspections, served: Some(served), phones: devices }
    }

    /// Lets the next phone exchange everything, cut once if said so. Returns bytes up, and in all.
    async fn next(&mut self, cut_at: Option<u64>) -> (u64, u64) {
        let (served, phone) = self.take();
        let line = served.line().await;
        let hub = served.over(&line);
        if let Some(bytes) = cut_at {
            line.cut_at(bytes);
            let endpoint = phone.endpoint();
            let options = bienban_core::driver::SyncOptions::default();
            let exchange = bienban_core::driver::sync(&phone.phone, &endpoint, &hub, options);
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
        let served = self.served.take().unwrap_or_else(|| Served::start(WRITER..=WRITER));
        (served, self.phones.pop().unwrap())
    }

    /// Fails unless everything arrived; keeps the hub for the next.
    pub(crate) async fn give_back(&mut self, served: Served, phone: &Device) {
        served.expect_same(phone, self.inspections).await;
        if self.transfer == Transfer::Up {
            served.end().await;
        } else {
            self.served = Some(served);
        }
    }

    pub(crate) async fn end(self) {
        if let Some(served) = self.served {
            served.end().await;
        }
    }
}
