//! The TLS side of a client that is not ours: trusts any hub, shows any key or none.

use std::sync::Arc;

use quinn::rustls::client::AlwaysResolvesClientRawPublicKeys;
use quinn::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use quinn::rustls::crypto::ring;
use quinn::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use quinn::rustls::sign::CertifiedKey;
use quinn::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme, version::TLS13};

/// Returns the settings of a client that speaks `protocol` and, with a seed, has a key.
pub(crate) fn tls(protocol: &[u8], seed: Option<[u8; 32]>) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustsAnyHub));
    let mut config = match seed {
        Some(seed) => builder.with_client_cert_resolver(Arc::new(key(&seed))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

fn key(seed: &[u8; 32]) -> AlwaysResolvesClientRawPublicKeys {
    let private = [&hex::decode("302e020100300506032b657004220420").unwrap(), &seed[..]].concat();
    let signing = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(private)).unwrap();
    let public = signing.public_key().unwrap().to_vec();
    let own = CertifiedKey::new(vec![CertificateDer::from(public)], signing);
    AlwaysResolvesClientRawPublicKeys::new(Arc::new(own))
}

#[derive(Debug)]
struct TrustsAnyHub;

impl ServerCertVerifier for TrustsAnyHub {
    fn verify_server_cert(
        &self,
        _key: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
