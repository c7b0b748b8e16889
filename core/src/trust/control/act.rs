//! What a person decides about rights and records, signed on that person's device.

use serde::{Deserialize, Serialize};

use super::ControlError;
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, PersonId, Scope, TemplateId, Timestamp, clean,
};
use crate::trust::{DeviceKey, Grant, Signature, verify};

/// What every signed act starts with.
const TAG: &[u8] = b"bienban 2026-11 act\0";

/// The version of an act's encoding.
const ACT_VERSION: u8 = 2;

/// An act is small: the largest names people for one inspection.
pub const ACT_BYTES_MAX: usize = 8 << 10;

/// Longest name of a person or agency, in characters: the longest official agency names stay below
/// half of it.
pub const NAME_CHARS_MAX: usize = 200;

/// Persons that one inspection may be assigned to: several teams' worth.
pub const ASSIGNED_MAX: usize = 64;

/// The name of an act: the hash of what is signed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActId(pub [u8; 32]);

impl ActId {
    /// Returns the first eight hexadecimal digits, enough for a person to tell acts apart.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl std::fmt::Display for ActId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for ActId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ActId({})", self.short())
    }
}

/// Whose rights end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Whom {
    /// One device: lost, stolen, replaced.
    Device(DeviceId),
    /// A person with all devices: left the service.
    Person(PersonId),
}

/// What is decided of something that was kept aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Judgement {
    /// It enters the record.
    Admit,
    /// It stays out; the reason was seen and found right.
    Keep,
}

/// What an act does. The order of the variants is the encoding's; new ones come last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// *Chứng nhận thiết bị*: a device is a person's, who works for an agency. A later one for the same
    /// device takes the earlier one's place.
    Certify {
        /// The device.
        device: DeviceId,
        /// Whose it is.
        person: PersonId,
        /// As shown to people.
        name: String,
        /// *Cơ quan*.
        agency: String,
    },
    /// *Phân quyền*: a person gets a role in the act's unit. Its grant's unit is the act's.
    Grant {
        /// Who.
        person: PersonId,
        /// What, and for how long.
        grant: Grant,
    },
    /// *Thu hồi quyền*: a grant of the same unit ends.
    Withdraw {
        /// Whose.
        person: PersonId,
        /// The act that gave it.
        grant: ActId,
    },
    /// *Thu hồi thiết bị*: a device, or all of a person's, may never exchange again. What it wrote and
    /// no receipt covers waits for a supervisor.
    Revoke {
        /// Whose rights end.
        whom: Whom,
        /// Since when it was out of its holder's hands, as reported; a claim.
        lost_since: Option<Timestamp>,
    },
    /// *Phân công*: the leader says who writes one inspection. The last one counts; an inspection that
    /// was never assigned is open to everybody with a grant for it.
    Assign {
        /// The inspection.
        inspection: DocumentId,
        /// Who writes it.
        persons: Vec<PersonId>,
    },
    /// *Đăng ký biên bản*: the minutes of a document were signed; the seal is an object of its own.
    Seal {
        /// The document.
        document: DocumentId,
        /// BLAKE3 of the seal.
        seal: [u8; 32],
    },
    /// *Quyết định về phần bị giữ riêng*: what becomes of a line that was kept aside, by its last change.
    Judge {
        /// The document.
        document: DocumentId,
        /// Whose line.
        actor: Actor,
        /// Place of the last change.
        seq: u64,
        /// The last change.
        hash: ChangeHash,
        /// What becomes of it.
        judgement: Judgement,
    },
    /// *Mẫu áp dụng*: a checklist is in force in the unit from a day on.
    Template {
        /// The checklist.
        template: TemplateId,
        /// From when on.
        from: Timestamp,
    },
    /// The hub announces the key that will follow its own. Only the hub itself says so, in the log of the
    /// whole country.
    Successor {
        /// The next key.
        key: DeviceId,
        /// That key's signature over the present one's id, to show that somebody holds it.
        proof: Signature,
    },
    /// *Thành viên đoàn ký biên bản*: a member of the team signs sealed minutes too. Nothing depends on
    /// it: NĐ 217/2025/NĐ-CP art. 15 asks for the leader's signature and the facility's.
    Countersign {
        /// The document.
        document: DocumentId,
        /// The seal.
        seal: [u8; 32],
    },
    /// The hub signs with the key that it announced from here on, and nothing that the one before signs counts
    /// any more. Only that key itself says so, in the log of the whole country.
    Switch {
        /// The key that it follows.
        from: DeviceId,
    },
}

/// The names of deeds for tables, logs and errors, by their numbers.
pub const DEED_NAMES: [&str; 11] = [
    "certify",
    "grant",
    "withdraw",
    "revoke",
    "assign",
    "seal",
    "judge",
    "template",
    "successor",
    "countersign",
    "switch",
];

impl Deed {
    /// Returns its name for tables, logs and errors.
    #[must_use]
    pub fn name(&self) -> &'static str {
        DEED_NAMES.get(usize::from(self.number())).copied().unwrap_or_default()
    }

    /// Returns its number in encodings: its place among the variants, which never changes.
    #[must_use]
    pub fn number(&self) -> u8 {
        match self {
            Self::Certify { .. } => 0,
            Self::Grant { .. } => 1,
            Self::Withdraw { .. } => 2,
            Self::Revoke { .. } => 3,
            Self::Assign { .. } => 4,
            Self::Seal { .. } => 5,
            Self::Judge { .. } => 6,
            Self::Template { .. } => 7,
            Self::Successor { .. } => 8,
            Self::Countersign { .. } => 9,
            Self::Switch { .. } => 10,
        }
    }

    /// Refuses what no honest program writes.
    fn check(&self, scope: &Scope) -> Result<(), ControlError> {
        let bad = |what| Err(ControlError::Deed { deed: self.name(), what });
        match self {
            Self::Certify { name, agency, .. } => {
                let fits = |text: &String| {
                    let chars = text.chars().count();
                    chars > 0 && chars <= NAME_CHARS_MAX && clean(text) == *text
                };
                if fits(name) && fits(agency) { Ok(()) } else { bad("a name") }
            }
            Self::Grant { grant, .. } if grant.scope != *scope => bad("the unit"),
            Self::Grant { grant, .. }
                if grant.from.zip(grant.until).is_some_and(|(from, until)| until <= from) =>
            {
                bad("the time")
            }
            Self::Assign { persons, .. } => {
                let sorted = persons.windows(2).all(|pair| pair[0] < pair[1]);
                if sorted && persons.len() <= ASSIGNED_MAX { Ok(()) } else { bad("the persons") }
            }
            Self::Successor { .. } | Self::Switch { .. } if scope.as_str() != COUNTRY => {
                bad("the unit")
            }
            _ => Ok(()),
        }
    }
}

/// The unit of what concerns everybody.
pub(super) const COUNTRY: &str = "00";

/// A decision, by whom, where and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The hub that it is for, by its key as the signer knows it: at another it decides nothing.
    pub hub: DeviceId,
    /// The device that signs: a person's, or the hub's own key where its operator decides.
    pub by: DeviceId,
    /// The unit in whose log it stands.
    pub scope: Scope,
    /// Random, so that the same decision can be made twice and each counts once.
    pub nonce: [u8; 16],
    /// When, by the signer's clock: a claim.
    pub at: Timestamp,
    /// What is decided.
    pub deed: Deed,
}

/// An act with its signature, as it travels and rests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAct {
    /// What is signed.
    pub act: Act,
    /// By `act.by`.
    pub signature: Signature,
}

impl Act {
    /// Signs the act with the key of the device that it says to be by.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError`] when it is another device's, or holds what no log takes.
    pub fn sign(self, key: &DeviceKey) -> Result<SignedAct, ControlError> {
        if key.device() != self.by {
            return Err(ControlError::Signer { by: self.by });
        }
        self.deed.check(&self.scope)?;
        let signature = key.sign(&self.statement()?);
        let signed = SignedAct { act: self, signature };
        signed.encode()?;
        Ok(signed)
    }

    /// Returns the act's name.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::Encode`] when a field does not encode.
    pub fn id(&self) -> Result<ActId, ControlError> {
        Ok(ActId(blake3::derive_key("bienban 2026-11 act id", &self.statement()?)))
    }

    /// The bytes signed: tag, version, postcard of the act.
    fn statement(&self) -> Result<Vec<u8>, ControlError> {
        let mut bytes = TAG.to_vec();
        bytes.push(ACT_VERSION);
        postcard::to_extend(self, bytes).map_err(|source| ControlError::Encode { source })
    }
}

impl SignedAct {
    /// Checks form and signature. Whether the signer may decide this is the state's to say.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError`] naming what does not hold.
    pub fn verify(&self) -> Result<(), ControlError> {
        self.act.deed.check(&self.act.scope)?;
        verify(self.act.by, &self.act.statement()?, &self.signature, "act")
            .map_err(|source| ControlError::Signature { source })
    }

    /// Returns the bytes that travel: version, postcard.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::TooLarge`] over [`ACT_BYTES_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, ControlError> {
        let bytes = postcard::to_extend(self, vec![ACT_VERSION])
            .map_err(|source| ControlError::Encode { source })?;
        if bytes.len() > ACT_BYTES_MAX {
            return Err(ControlError::TooLarge { what: "act", bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads an act; only the one encoding of it is accepted. Checks no signature.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError`] when the bytes are no act of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, ControlError> {
        if bytes.len() > ACT_BYTES_MAX {
            return Err(ControlError::TooLarge { what: "act", bytes: bytes.len() });
        }
        super::read(bytes, ACT_VERSION, "act")
    }
}
