//! Who stood for the facility, or confirms that it did not sign.

use serde::{Deserialize, Serialize};

use super::breach::Breach;
use super::drawn::Drawn;
use super::statement::{REASON_CHARS_MAX, fits};
use crate::trust::control::NAME_CHARS_MAX;

/// Longest title or agency of a person who stood by, in characters: official ones stay below half of it.
pub const TITLE_CHARS_MAX: usize = 200;

/// *Người có mặt*: a person who stood by when the minutes were read out and signed for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// *Họ tên*.
    pub name: String,
    /// *Chức vụ*, or as what the person stood by: owner, director, head of the village.
    pub title: String,
    /// *Chữ ký vẽ tay xác nhận có mặt*: a record of presence, never a digital signature. None where the
    /// person signs the printed minutes by hand.
    pub drawn: Option<Drawn>,
}

impl Presence {
    fn check(&self, whose: &'static str, breaches: &mut Vec<Breach>) {
        if !fits(&self.name, NAME_CHARS_MAX) {
            breaches.push(Breach::Text { what: "a name" });
        }
        if !fits(&self.title, TITLE_CHARS_MAX) {
            breaches.push(Breach::Text { what: "a title" });
        }
        check_drawn(self.drawn.as_ref(), whose, breaches);
    }
}

/// As what somebody confirms that the facility did not sign (NĐ 217/2025/NĐ-CP art. 15.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Confirmer {
    /// *Đại diện chính quyền cấp xã*.
    Commune,
    /// *Người chứng kiến*.
    Witness,
}

/// *Từ chối ký*: the facility did not sign, why, and who confirms that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// *Lý do*, as it was said, or that none was given.
    pub reason: String,
    /// Who confirms it, and as what. At least one.
    pub confirmed: Vec<(Confirmer, Presence)>,
}

/// Most persons who confirm a refusal: one is asked for, two are usual.
const CONFIRMED_MAX: usize = 3;

impl Refusal {
    pub(super) fn check(&self, breaches: &mut Vec<Breach>) {
        if !fits(&self.reason, REASON_CHARS_MAX) {
            breaches.push(Breach::Text { what: "the reason of the refusal" });
        }
        if self.confirmed.is_empty() || self.confirmed.len() > CONFIRMED_MAX {
            breaches.push(Breach::Unconfirmed);
        }
        for (as_what, person) in &self.confirmed {
            let whose = match as_what {
                Confirmer::Commune => "the commune's representative",
                Confirmer::Witness => "the witness",
            };
            person.check(whose, breaches);
        }
    }
}

pub(super) fn check_representative(person: &Presence, breaches: &mut Vec<Breach>) {
    person.check("the facility's representative", breaches);
}

pub(super) fn check_drawn(drawn: Option<&Drawn>, whose: &'static str, breaches: &mut Vec<Breach>) {
    if drawn.is_some_and(|drawn| drawn.check().is_err()) {
        breaches.push(Breach::Drawing { whose });
    }
}
