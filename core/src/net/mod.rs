//! Sessions between phones and a hub over QUIC, or TLS over TCP where UDP is blocked: bytes and keys,
//! no documents.
//!
//! A phone makes a [`PhoneEndpoint`] and connects to the [`HubAddress`] it pinned; a hub makes a
//! [`HubEndpoint`] and accepts. Both then hold a [`Link`]: frames each way on one stream, with the
//! key that the other end proved. Over QUIC connections survive a change of address. How ends prove their
//! keys is in `docs/adr/0006-raw-public-keys.md`; every limit is in [`limits`].
//!
//! This module must not know what a frame says, decide what is sent, or try again by itself:
//! [`NetError::advice`] tells the driver, which waits and retries.

mod address;
mod carrier;
mod door;
mod enrol_uri;
mod error;
mod hub;
pub mod limits;
mod link;
mod phone;
mod tcp;
mod tls;
mod transport;

pub use address::{AddressError, HubAddress};
pub use carrier::{Traffic, Transport};
pub use door::Load;
pub use enrol_uri::{ENROL_ADDRESSES_MAX, ENROL_URI_BYTES_MAX, EnrolUri, EnrolUriError};
pub use error::{Advice, CloseReason, Fault, NetError};
pub use hub::{HubEndpoint, Listen, ListenTcp};
pub use limits::{FRAME_WIRE_BYTES_MAX, Limits};
pub use link::{FrameReceiver, FrameSender, Link};
pub use phone::{PhoneEndpoint, Ways};
pub use tls::Admit;
