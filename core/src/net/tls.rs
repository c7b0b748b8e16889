//! TLS 1.3 with raw public keys (RFC 7250): an end is its Ed25519 key, and there is nothing else.
//!
//! No certificate, no name, no date: the phone demands one pinned key, the hub asks a callback
//! whether it knows the device. No session is resumed and no early data is taken, so every
//! connection proves both keys anew and a revocation bites at the next one.

use std::fmt;
use std::sync::Arc;

use ed25519_dalek::{SigningKey, VerifyingKey};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{
    CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms, ring,
};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer,
    UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::{CertifiedKey, SigningKey as TlsKey};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    SignatureScheme,
};
use zeroize::Zeroizing;

use crate::model::DeviceId;

use super::error::NetError;

/// The protocol's name in the handshake; another version of the frames gets another name.
pub(super) const ALPN: &[u8] = b"bienban/1";

/// DER of a SubjectPublicKeyInfo of Ed25519 up to the 32 bytes of the key (RFC 8410).
const SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// DER of a version 1 private key of Ed25519 up to the 32 bytes of the seed (RFC 8410).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Whether the hub knows a device.
pub type Admit = dyn Fn(DeviceId) -> bool + Send + Sync;

/// Returns the public key of a seed.
pub(super) fn device_of(seed: &[u8; 32]) -> DeviceId {
    DeviceId(SigningKey::from_bytes(seed).verifying_key().to_bytes())
}

/// Returns who is let through the handshake: whom the hub knows, and while it awaits any, newcomers.
pub(super) fn either(admit: Arc<Admit>, newcomers: Arc<Admit>) -> Arc<Admit> {
    Arc::new(move |device| admit(device) || newcomers(device))
}

/// Makes the hub's side: it holds `seed` and lets in whom `admit` knows.
pub(super) fn hub_config(
    seed: &[u8; 32],
    admit: Arc<Admit>,
) -> Result<rustls::ServerConfig, NetError> {
    let provider = Arc::new(provider());
    let verifier = HubVerifier { admit, algorithms: provider.signature_verification_algorithms };
    let own = AlwaysResolvesServerRawPublicKeys::new(own_key(seed)?);
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|source| NetError::OwnKey { source })?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(own));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Makes a phone's side: it holds `seed` and accepts only the key `pinned`.
pub(super) fn phone_config(
    seed: &[u8; 32],
    pinned: DeviceId,
) -> Result<rustls::ClientConfig, NetError> {
    let provider = Arc::new(provider());
    let verifier = PhoneVerifier { pinned, algorithms: provider.signature_verification_algorithms };
    let own = AlwaysResolvesClientRawPublicKeys::new(own_key(seed)?);
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|source| NetError::OwnKey { source })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(own));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    // The hub is known by its key; its name in the clear would only tell onlookers where we go.
    config.enable_sni = false;
    Ok(config)
}

/// What both ends compute with: keys of Ed25519 and an exchange over X25519, which every build before offered first. The
/// provider's own choice would bring RSA and NIST's curves along: 0.2 MB on a phone, for peers that do not exist.
fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: ring::DEFAULT_CIPHER_SUITES.to_vec(),
        kx_groups: vec![ring::kx_group::X25519],
        signature_verification_algorithms: ED25519_ONLY,
        secure_random: &Own,
        key_provider: &Own,
    }
}

const ED25519_ONLY: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[webpki::ring::ED25519],
    mapping: &[(SignatureScheme::ED25519, &[webpki::ring::ED25519])],
};

/// What the provider's own would do, without what only its other algorithms need.
#[derive(Debug)]
struct Own;

impl SecureRandom for Own {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        getrandom::fill(bytes).map_err(|_| GetRandomFailed)
    }
}

impl KeyProvider for Own {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn TlsKey>, Error> {
        match &key {
            PrivateKeyDer::Pkcs8(key) => ring::sign::any_eddsa_type(key),
            _ => Err(Error::General("the key is none of Ed25519".to_owned())),
        }
    }
}

/// Returns the device whose key the peer proved.
pub(super) fn peer_of(connection: &quinn::Connection) -> Option<DeviceId> {
    let identity = connection.peer_identity()?;
    let keys = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    parse_key(keys.first()?)
}

fn own_key(seed: &[u8; 32]) -> Result<Arc<CertifiedKey>, NetError> {
    let mut private = Zeroizing::new(PKCS8_PREFIX.to_vec());
    private.extend_from_slice(seed);
    let signing = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(private.as_slice()))
        .map_err(|source| NetError::OwnKey { source })?;
    let mut public = SPKI_PREFIX.to_vec();
    public.extend_from_slice(device_of(seed).as_bytes());
    Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], signing)))
}

/// Reads a SubjectPublicKeyInfo that holds a usable Ed25519 key. Keys of small order are refused:
/// signatures under them can be made without a secret.
pub(super) fn parse_key(spki: &CertificateDer<'_>) -> Option<DeviceId> {
    let key: [u8; 32] = spki.strip_prefix(&SPKI_PREFIX)?.try_into().ok()?;
    let usable = VerifyingKey::from_bytes(&key).is_ok_and(|key| !key.is_weak());
    usable.then_some(DeviceId(key))
}

fn verify_signature(
    message: &[u8],
    key: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let spki = SubjectPublicKeyInfoDer::from(key.as_ref());
    rustls::crypto::verify_tls13_signature_with_raw_key(message, &spki, signed, algorithms)
}

fn no_tls12() -> Error {
    Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic)
}

struct HubVerifier {
    admit: Arc<Admit>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for HubVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubVerifier")
    }
}

impl ClientCertVerifier for HubVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let device = parse_key(key).ok_or(CertificateError::BadEncoding)?;
        if (self.admit)(device) {
            Ok(ClientCertVerified::assertion())
        } else {
            // Becomes the alert `access_denied`, which the phone shows as "not known".
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, key, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct PhoneVerifier {
    pinned: DeviceId,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for PhoneVerifier {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if parse_key(key) == Some(self.pinned) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, key, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_reads_back_from_its_raw_public_key() {
        let key = own_key(&[7; 32]).unwrap();
        assert_eq!(parse_key(&key.cert[0]), Some(device_of(&[7; 32])));
    }

    #[test]
    fn key_that_is_malformed_or_weak_is_none() {
        let spki = |key: &[u8]| CertificateDer::from([&SPKI_PREFIX, key].concat());
        assert_eq!(parse_key(&spki(&[1; 31])), None);
        assert_eq!(parse_key(&spki(&[1; 33])), None);
        // The neutral element: every message has a signature under it.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert_eq!(parse_key(&spki(&neutral)), None);
        assert_eq!(parse_key(&CertificateDer::from(vec![0x30; 44])), None);
        assert_eq!(parse_key(&CertificateDer::from(Vec::new())), None);
    }
}
