//! Sealed minutes, and what was written since something was decided or signed.

use bienban_core::client::parts::{HeldSeal, SealState};
use bienban_core::client::{MinutesShown, Shown, Since, place_name};

use super::{LocalText, count, place_label};

/// What was written to an inspection since somebody decided on it or signed it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WrittenSince {
    /// Nobody can tell: the decision does not say what it was given over, or that has not arrived here.
    pub unknown: bool,
    /// How many items, fields and texts.
    pub count: u32,
    /// Their names, as calls take them.
    pub places: Vec<String>,
    /// What people call them, in the same order.
    pub labels: Vec<LocalText>,
}

pub(crate) fn since(since: &Since, shown: &Shown) -> WrittenSince {
    let (unknown, touched) = match since {
        Since::Written(touched) => (false, touched.as_slice()),
        Since::NotRecorded | Since::NotHere => (true, &[][..]),
    };
    WrittenSince {
        unknown,
        count: count(touched.len()),
        places: touched.iter().map(|one| place_name(&one.place)).collect(),
        labels: touched.iter().map(|one| place_label(&one.place, &shown.template)).collect(),
    }
}

/// Where sealed minutes stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum MinutesState {
    /// *Đã đăng ký*: the server registered them, and they count.
    Registered,
    /// *Đã ký, chưa đăng ký*: signed, and not registered yet.
    Waiting,
    /// Others were registered before them. They are kept and shown.
    Rival,
    /// The server will not register them.
    Refused,
    /// A person on this device gave them up.
    GivenUp,
}

/// Sealed minutes (*biên bản đã niêm phong*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct MinutesView {
    /// The seal's id, in hexadecimal.
    pub seal: String,
    /// *Mã tạm*: its first digits, which name it until it is registered.
    pub code: String,
    /// Where they stand.
    pub state: MinutesState,
    /// *Số biên bản*, once they are registered.
    pub official: Option<String>,
    /// When the server registered them, in milliseconds since 1970.
    pub registered_at_ms: Option<i64>,
    /// When they were signed, by the leader's clock.
    pub at_ms: i64,
    /// The digest of the record as it was sealed, in hexadecimal.
    pub content: String,
    /// The leader's device, in hexadecimal.
    pub leader: String,
    /// Members who signed too: their devices.
    pub countersigned: Vec<String>,
    /// The record is shown as it was sealed.
    pub as_sealed: bool,
    /// What does not hold of the seal, in words for a report; empty when all holds.
    pub broken: Vec<String>,
    /// What was written later or without sight of the seal. Kept, and not in the record.
    pub late: Option<WrittenSince>,
}

pub(crate) fn minutes(minutes: &MinutesShown, shown: &Shown) -> Option<MinutesView> {
    let held: &HeldSeal = minutes.minutes.standing.as_ref()?;
    let statement = &held.seal.statement;
    Some(MinutesView {
        seal: held.id.to_string(),
        code: held.id.short(),
        state: match held.state {
            SealState::Registered => MinutesState::Registered,
            SealState::Waiting => MinutesState::Waiting,
            SealState::Rival => MinutesState::Rival,
            SealState::Refused => MinutesState::Refused,
            SealState::GivenUp => MinutesState::GivenUp,
        },
        official: held.official.clone(),
        registered_at_ms: held.at.map(|at| at.0),
        at_ms: statement.at.0,
        content: hex::encode(statement.content),
        leader: statement.leader.to_string(),
        countersigned: held.countersigned.iter().map(|(device, _)| device.to_string()).collect(),
        as_sealed: minutes.as_sealed,
        broken: minutes.broken.clone(),
        late: shown.since_signed.as_ref().map(|found| since(found, shown)),
    })
}
