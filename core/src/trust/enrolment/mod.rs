//! Enrolment: how a phone that nobody knows becomes a person's, without a password.
//!
//! An administrator's device makes a one-time [`Code`] and shows it to the phone, in a text or as a QR
//! code. The hub is told its hash only ([`InvitationId`]). The phone *claims* the invitation with its own
//! key and proves with the code that the claim is its own, so a hub that puts another key in its place is
//! found. Both ends then show the same six digits, a person compares them, and the administrator's device
//! signs the certificate ([why](../../../../docs/adr/0028-enrolment.md)).
//!
//! Nothing here reads a clock or makes a code: both come in.

mod invitation;

#[cfg(test)]
mod tests;

pub use invitation::{Invitation, OpenInvitation, SignedInvitation, Step};

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::model::{DeviceId, Timestamp, clean};

/// How long a code may be used: long enough to scan it or read it out, too short to be of use in a
/// photograph that is found later. In milliseconds.
pub const INVITATION_MS: i64 = 10 * 60 * 1_000;

/// How long a claim that came in time may be confirmed: the administrator may be called away, or offline,
/// for a day. In milliseconds.
pub const CLAIM_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// Invitations of one device that are open at once: a whole class is enrolled together.
pub const INVITATIONS_PER_DEVICE_MAX: usize = 64;

/// Open invitations in all. Each is a small row, and looked through where a new one is entered.
pub const INVITATIONS_MAX: usize = 512;

/// Longest name that a phone gives itself in a claim, in characters: a person's or a phone's.
pub const LABEL_CHARS_MAX: usize = 64;

/// An enrolment frame on the wire: a claim is some 200 bytes. Who is not known gets no room for more.
pub const ENROL_FRAME_BYTES_MAX: usize = 1 << 10;

/// Bytes of a one-time code: 128 bits, which nobody guesses in ten minutes or ever.
pub const CODE_BYTES: usize = 16;

/// A one-time code (*mã dùng một lần*). It stays between the administrator's device and the phone; wiped
/// from memory when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; CODE_BYTES]);

impl Code {
    /// Takes random bytes as a code.
    #[must_use]
    pub fn new(random: [u8; CODE_BYTES]) -> Self {
        Self(random)
    }

    /// Reads a code from 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = Self([0; CODE_BYTES]);
        hex::decode_to_slice(text, &mut code.0).ok()?;
        Some(code)
    }

    /// Returns the digits that the phone is shown. They are the secret.
    #[must_use]
    pub fn reveal(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(hex::encode(self.0))
    }

    /// Returns the name by which the hub knows it; the code does not follow from it.
    #[must_use]
    pub fn id(&self) -> InvitationId {
        InvitationId(blake3::derive_key("bienban 2026-11 invitation id", &self.0))
    }

    fn mac_key(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(blake3::derive_key("bienban 2026-11 enrolment claim", &self.0))
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(secret hidden)")
    }
}

/// The name of an invitation: a one-way hash of its code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InvitationId(pub [u8; 32]);

impl InvitationId {
    /// Returns the first eight hexadecimal digits, by which a person names it.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvitationId({})", self.short())
    }
}

/// What a phone says to take up an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which.
    pub invitation: InvitationId,
    /// The phone's own key, as TLS proves it too.
    pub device: DeviceId,
    /// How its user names phone or person; shown to the administrator, and believed by nobody.
    pub label: String,
    /// Under the code, over the hub's key, the phone's and the label: the hub cannot make it.
    mac: [u8; 32],
}

impl Claim {
    /// Claims an invitation for a device at the hub whose key stood beside the code.
    #[must_use]
    pub fn make(code: &Code, hub: DeviceId, device: DeviceId, label: &str) -> Self {
        let label: String = one_line(label).chars().take(LABEL_CHARS_MAX).collect();
        let mac = mac(code, hub, device, &label);
        Self { invitation: code.id(), device, label, mac }
    }

    /// Returns whether it was made by somebody who holds the code, for this hub, this device and label.
    #[must_use]
    pub fn is_by_holder_of(&self, code: &Code, hub: DeviceId) -> bool {
        let good = blake3::Hash::from(mac(code, hub, self.device, &self.label));
        // Compares in constant time.
        self.invitation == code.id() && good == blake3::Hash::from(self.mac)
    }

    /// Returns whether an honest program could have made it, as far as the hub can tell.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        self.label.chars().count() <= LABEL_CHARS_MAX && one_line(&self.label) == self.label
    }
}

/// Returns a text as it may be shown in a line of a list.
fn one_line(text: &str) -> String {
    let text: String = clean(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}

fn mac(code: &Code, hub: DeviceId, device: DeviceId, label: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(&code.mac_key());
    hasher.update(&hub.0).update(&device.0).update(label.as_bytes());
    *hasher.finalize().as_bytes()
}

/// The six digits that both ends show (*mã đối chiếu*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckDigits(u32);

impl CheckDigits {
    /// How many numbers there are: six digits.
    const COUNT: u64 = 1_000_000;

    /// Returns the digits of a phone that claims with this code at this hub.
    #[must_use]
    pub fn of(code: &Code, hub: DeviceId, device: DeviceId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 enrolment digits");
        hasher.update(&code.0).update(&hub.0).update(&device.0);
        let mut head = [0; 8];
        head.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        let digits = u64::from_le_bytes(head) % Self::COUNT;
        Self(u32::try_from(digits).unwrap_or_default())
    }

    /// Reads what a person typed: six digits, with or without spaces.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let six = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        six.then(|| digits.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for CheckDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// Why an invitation is not open to a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrolRefusal {
    /// The hub knows no such invitation.
    Unknown,
    /// Its time is over.
    Expired,
    /// Another phone has taken it up.
    Taken,
    /// The administrator turned it down.
    Denied,
    /// The phone's key was revoked here; a new one is needed.
    Revoked,
    /// The claim is none that an honest program makes.
    Malformed,
}

/// What the hub answers to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EnrolAnswer {
    /// It is kept, and an administrator is to confirm it until then, by the hub's clock.
    Waiting {
        /// The hub's clock now.
        now: Timestamp,
        /// When it ends.
        until: Timestamp,
    },
    /// The phone is known: it may exchange.
    Admitted,
    /// It is not.
    Refused(EnrolRefusal),
}
