//! The sealing of a letter: HPKE (RFC 9180) to an X25519 key, one context for all its chunks, so that none
//! can be left out, repeated or moved.

use std::convert::Infallible;

use hpke::aead::{AeadCtxR, AeadCtxS, ChaCha20Poly1305};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256 as Dh;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver};
use zeroize::Zeroizing;

use super::{BundleError, INFO};
use crate::model::DeviceId;
use crate::trust::key::agreement_of;
use crate::trust::{DeviceKey, TrustError};

/// Length of the tag behind each chunk, in bytes.
pub(super) const TAG_BYTES: usize = 16;

/// What is bound to a chunk: that others follow it, or that it is the last.
fn bound(last: bool) -> [u8; 1] {
    [u8::from(last)]
}

/// Seals the chunks of one letter.
pub(super) struct Sealer(AeadCtxS<ChaCha20Poly1305, HkdfSha256, Dh>);

impl Sealer {
    /// Begins a letter. `entropy` is random and never used twice.
    pub(super) fn new(
        receiver: DeviceId,
        entropy: &[u8; 32],
    ) -> Result<(Self, [u8; 32]), BundleError> {
        let weak = || BundleError::Maker { source: TrustError::Key { device: receiver } };
        let public = agreement_of(receiver).map_err(|source| BundleError::Maker { source })?;
        let public = <Dh as Kem>::PublicKey::from_bytes(&public).map_err(|_| weak())?;
        let mut drawn = Drawn::from(entropy);
        let (encapsulated, context): (_, AeadCtxS<_, _, Dh>) =
            hpke::setup_sender_with_rng(&OpModeS::Base, &public, INFO, &mut drawn)
                .map_err(|_| weak())?;
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&encapsulated.to_bytes());
        Ok((Self(context), bytes))
    }

    pub(super) fn seal(&mut self, plain: &[u8], last: bool) -> Result<Vec<u8>, BundleError> {
        let limit = u64::MAX;
        self.0
            .seal(plain, &bound(last))
            .map_err(|_| BundleError::TooLarge { what: "chunks", limit })
    }
}

/// Opens the chunks of one letter.
pub(super) struct Opener(AeadCtxR<ChaCha20Poly1305, HkdfSha256, Dh>);

impl Opener {
    /// Returns what opens a letter, if it is for this key; only its first chunk shows that.
    pub(super) fn new(key: &DeviceKey, encapsulated: &[u8; 32]) -> Option<Self> {
        let secret: Zeroizing<[u8; 32]> = key.agreement();
        let secret = <Dh as Kem>::PrivateKey::from_bytes(&*secret).ok()?;
        let encapsulated = <Dh as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
        setup_receiver(&OpModeR::Base, &secret, &encapsulated, INFO).ok().map(Self)
    }

    /// Returns a chunk and whether it is the last; `None` where it is not this letter's next.
    pub(super) fn open(&mut self, sealed: &[u8]) -> Option<(Vec<u8>, bool)> {
        // A chunk that does not open leaves the context where it was.
        [false, true]
            .into_iter()
            .find_map(|last| Some((self.0.open(sealed, &bound(last)).ok()?, last)))
    }
}

/// Random bytes that are drawn from those that were handed in.
struct Drawn(blake3::OutputReader);

impl From<&[u8; 32]> for Drawn {
    fn from(entropy: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 bundle entropy");
        hasher.update(entropy);
        Self(hasher.finalize_xof())
    }
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
