//! Names of things: documents, devices, actors, changes, templates, scopes.
//!
//! Every name is a newtype over fixed bytes. Hashes are BLAKE3-256 with a context string for each
//! use, except [`ChangeHash`], which is Automerge's own SHA-256.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text or byte string names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is not hexadecimal of the right length.
    #[error("{what} must be {expected} hexadecimal digits")]
    Hex {
        /// The kind of name, for instance `document`.
        what: &'static str,
        /// How many digits it has.
        expected: usize,
    },
    /// The text is not the code of an administrative unit.
    #[error(
        "an administrative unit is 2 digits (province) or 5 digits (commune), or 00 for the country"
    )]
    Scope,
    /// The text names no kind of document.
    #[error("a document is a facility, plan, inspection, review or followup")]
    Kind,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Returns the bytes of the name.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Returns the first eight hexadecimal digits, enough for a person to tell names apart.
            #[must_use]
            pub fn short(&self) -> String {
                hex::encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| IdError::Hex { what: $what, expected: $len * 2 })?;
                Ok(Self(bytes))
            }
        }
    };
}

id!(
    /// A document: the BLAKE3 hash of its [`Genesis`].
    DocumentId,
    32,
    "document"
);
id!(
    /// A device (*thiết bị*): its Ed25519 public key.
    DeviceId,
    32,
    "device"
);
id!(
    /// A person (*người được cấp quyền*) who holds devices: made when first enrolled.
    PersonId,
    16,
    "person"
);
id!(
    /// One life of a device's store: fresh after every reinstall, restore or suspected clone.
    Incarnation,
    16,
    "incarnation"
);
id!(
    /// Who Automerge says wrote a change: the hash of device, document and incarnation.
    Actor,
    16,
    "actor"
);
id!(
    /// Automerge's SHA-256 of a change.
    ChangeHash,
    32,
    "change"
);
id!(
    /// A checklist template: the BLAKE3 hash of its canonical JSON.
    TemplateId,
    32,
    "template"
);

impl Actor {
    /// Derives the actor of a device in a document, so that nobody can write under another's name.
    #[must_use]
    pub fn derive(device: DeviceId, document: DocumentId, incarnation: Incarnation) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 actor");
        hasher.update(&device.0).update(&document.0).update(&incarnation.0);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(bytes)
    }
}

impl PersonId {
    /// Returns the person of a device that was named alone, without its holder's other devices.
    #[must_use]
    pub fn of_device(device: DeviceId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 person of device");
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.update(&device.0).finalize().as_bytes()[..16]);
        Self(bytes)
    }
}

/// Milliseconds since 1970 UTC, as some clock claimed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

/// The kind of a document, which is its unit of authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// *Cơ sở*: a producer or food facility.
    Facility,
    /// *Kế hoạch kiểm tra*: decision, team, facilities, templates.
    Plan,
    /// *Cuộc kiểm tra*: one visit.
    Inspection,
    /// *Xem xét*: a supervisor's decision and comments on one inspection.
    Review,
    /// *Theo dõi khắc phục*: corrective actions after one inspection.
    Followup,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Facility, Self::Plan, Self::Inspection, Self::Review, Self::Followup];

    /// Returns the name used in files, tables and canonical records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Facility => "facility",
            Self::Plan => "plan",
            Self::Inspection => "inspection",
            Self::Review => "review",
            Self::Followup => "followup",
        }
    }

    /// Returns the number used in keys of the index.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl FromStr for Kind {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(IdError::Kind)
    }
}

/// The code of an administrative unit (*đơn vị hành chính*): `00` the country, two digits a
/// province, five digits a commune (QĐ 19/2025/QĐ-TTg). Codes are texts: leading zeros count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

impl Scope {
    /// Returns the code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Scope {
    type Error = IdError;

    fn try_from(code: String) -> Result<Self, IdError> {
        let digits = code.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (code.len() == 2 || code.len() == 5) {
            Ok(Self(code))
        } else {
            Err(IdError::Scope)
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

impl FromStr for Scope {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.0)
    }
}

/// What a document is born as. Its hash is the document's name, so kind and scope cannot be claimed
/// anew later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Genesis {
    /// The kind, which decides who may write.
    pub kind: Kind,
    /// The administrative unit it belongs to.
    pub scope: Scope,
    /// The checklist it is filled by, for an inspection; pinned for life.
    pub template: Option<TemplateId>,
    /// What makes it unique.
    pub origin: Origin,
}

/// What makes a document unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Origin {
    /// Made by one device, told apart by a random nonce.
    Device {
        /// Who made it.
        creator: DeviceId,
        /// Random.
        nonce: [u8; 16],
    },
    /// A planned visit: two phones that open it offline make the same document.
    Planned {
        /// The plan.
        plan: DocumentId,
        /// The facility visited.
        facility: DocumentId,
        /// 1 for the first visit under this plan.
        visit: u32,
    },
    /// The one review or follow-up of an inspection.
    About {
        /// The inspection.
        inspection: DocumentId,
    },
}

impl Genesis {
    /// Returns the bytes that are hashed and sent: postcard, format 1.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a genesis holds only fixed fields, which always encode")
    }

    /// Returns the document's name.
    #[must_use]
    pub fn document(&self) -> DocumentId {
        DocumentId(blake3::derive_key("bienban 2026-11 genesis", &self.encode()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_phones_that_open_the_same_planned_visit_make_the_same_document() {
        let visit = |visit| Genesis {
            kind: Kind::Inspection,
            scope: "06325".parse().unwrap(),
            template: Some(TemplateId([7; 32])),
            origin: Origin::Planned {
                plan: DocumentId([1; 32]),
                facility: DocumentId([2; 32]),
                visit,
            },
        };
        assert_eq!(visit(1).document(), visit(1).document());
        assert_ne!(visit(1).document(), visit(2).document());
    }

    #[test]
    fn scope_is_two_or_five_digits() {
        assert!("06325".parse::<Scope>().is_ok());
        assert!("20".parse::<Scope>().is_ok());
        for wrong in ["", "6325", "0632a", "063255"] {
            assert_eq!(wrong.parse::<Scope>(), Err(IdError::Scope), "{wrong}");
        }
    }

    #[test]
    fn names_read_back_from_their_text() {
        let id = DocumentId([0xab; 32]);
        assert_eq!(id.to_string().parse::<DocumentId>().unwrap(), id);
        assert!("ab".parse::<DocumentId>().is_err());
    }
}
