//! How QUIC is set up on both ends.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::{CryptoError, HmacKey};
use quinn::{EndpointConfig, IdleTimeout, TransportConfig, VarInt};
use quinn_proto::HashedConnectionIdGenerator;

use super::limits::{
    CONNECTION_WINDOW_BYTES, IDLE_TIMEOUT, SEND_WINDOW_BYTES, STREAM_WINDOW_BYTES, STREAMS_MAX,
};

/// Which end is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Hub,
    /// And how often it shows that it lives.
    Phone(Duration),
}

pub(super) fn transport(end: End) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .max_idle_timeout(IdleTimeout::try_from(IDLE_TIMEOUT).ok())
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        // Probing for larger packets costs several kilobytes at the start of each connection, more
        // than a whole catch-up, to save 1 % of a long transfer.
        .mtu_discovery_config(None);
    match end {
        End::Hub => {
            config.max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX));
        }
        End::Phone(keep_alive) => {
            // The hub opens no stream. A sleeping phone runs no timer, so it sends nothing; the
            // hub forgets it after the idle timeout, and says so when it wakes.
            config.max_concurrent_bidi_streams(VarInt::from_u32(0));
            config.keep_alive_interval(Some(keep_alive));
        }
    }
    Arc::new(config)
}

/// Returns the endpoint settings of the hub. Its stateless resets are keyed by its own secret, so
/// that a hub that was restarted can tell its phones at once that their connections are gone.
pub(super) fn hub_endpoint(seed: &[u8; 32]) -> EndpointConfig {
    let key = blake3::derive_key("bienban 2026-11 stateless reset", seed);
    let mut config = EndpointConfig::new(Arc::new(ResetKey(key)));
    // The hub only resets what looks like a connection of its own, so the mark that it puts on
    // their names must outlive a restart too. It keeps noise out and protects nothing.
    let mark = blake3::derive_key("bienban 2026-11 connection mark", seed);
    let mark = u64::from_le_bytes(mark[..8].try_into().expect("eight of thirty-two bytes"));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(mark)));
    config
}

/// Keyed BLAKE3 where quinn wants a MAC.
struct ResetKey([u8; 32]);

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        let mac = blake3::keyed_hash(&self.0, data);
        let len = signature_out.len().min(blake3::OUT_LEN);
        signature_out[..len].copy_from_slice(&mac.as_bytes()[..len]);
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let claimed: [u8; blake3::OUT_LEN] = signature.try_into().map_err(|_| CryptoError)?;
        // `blake3::Hash` compares in constant time.
        if blake3::keyed_hash(&self.0, data) == claimed { Ok(()) } else { Err(CryptoError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_key_knows_its_own_mac_only() {
        let key = ResetKey([1; 32]);
        let mut mac = [0; blake3::OUT_LEN];
        key.sign(b"connection", &mut mac);
        assert!(key.verify(b"connection", &mac).is_ok());
        assert!(key.verify(b"connectiom", &mac).is_err());
        assert!(ResetKey([2; 32]).verify(b"connection", &mac).is_err());
        assert!(key.verify(b"connection", &mac[1..]).is_err());
    }
}
