//! What the QR code of an invitation says: where the hub is, its key, and the one-time code.

use std::fmt;
use std::str::FromStr;

use super::address::{AddressError, HubAddress};
use crate::model::{DeviceId, Timestamp};
use crate::trust::enrolment::Code;

/// What the text begins with. No address of a hub begins so: those have a port.
const START: &str = "bienban://enrol?";

/// Addresses of one hub in an invitation: inside the office, outside, and two more.
pub const ENROL_ADDRESSES_MAX: usize = 4;

/// The longest text that is read: four long names with a key and a code stay below half of it.
pub const ENROL_URI_BYTES_MAX: usize = 2_048;

/// Why a text is no invitation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolUriError {
    /// It does not begin as it must, or a part is missing.
    #[error("an invitation looks like bienban://enrol?hub=HOST:PORT&key=KEY&code=CODE&until=TIME")]
    Form,
    /// It is too long, or names too many addresses.
    #[error("the invitation is longer than any that this program makes")]
    TooLong,
    /// An address of the hub does not read.
    #[error("the invitation names a hub wrongly")]
    Hub {
        /// Why.
        #[source]
        source: AddressError,
    },
    /// The code is not 32 hexadecimal digits.
    #[error("the code of the invitation is damaged; scan or copy it again, whole")]
    Code,
}

/// An invitation as the phone is shown it.
///
/// The text form is `bienban://enrol?hub=HOST:PORT&key=KEY&code=CODE&until=TIME`: up to four `hub`, key and
/// code in hexadecimal, the time in seconds since 1970. Parts that this program does not know are passed
/// over, so that later ones may say more. Whoever holds the text may claim.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolUri {
    hubs: Vec<HubAddress>,
    code: Code,
    until: Timestamp,
}

impl EnrolUri {
    /// Makes an invitation for addresses of one hub. `until` is cut to whole seconds.
    ///
    /// # Errors
    ///
    /// Returns [`EnrolUriError`] for no address, too many, or addresses of different hubs.
    pub fn new(hubs: Vec<HubAddress>, code: Code, until: Timestamp) -> Result<Self, EnrolUriError> {
        let first = hubs.first().ok_or(EnrolUriError::Form)?.key();
        if hubs.iter().any(|hub| hub.key() != first) {
            return Err(EnrolUriError::Hub { source: AddressError::Key });
        }
        if hubs.len() > ENROL_ADDRESSES_MAX {
            return Err(EnrolUriError::TooLong);
        }
        let until = Timestamp(until.0.div_euclid(1_000) * 1_000);
        Ok(Self { hubs, code, until })
    }

    /// Returns where the hub is; the first is tried first.
    #[must_use]
    pub fn hubs(&self) -> &[HubAddress] {
        &self.hubs
    }

    /// Returns the key that the hub must prove.
    #[must_use]
    pub fn key(&self) -> DeviceId {
        self.hubs[0].key()
    }

    /// Returns the one-time code.
    #[must_use]
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// Returns until when it may be claimed, by the hub's clock.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Returns the text form. It holds the code: it is shown to the phone, and goes into no log.
    #[must_use]
    pub fn reveal(&self) -> zeroize::Zeroizing<String> {
        let mut text = START.to_owned();
        for hub in &self.hubs {
            text.push_str("hub=");
            text.push_str(&hub.host_and_port());
            text.push('&');
        }
        text.push_str(&format!("key={}&code=", self.key()));
        text.push_str(&self.code.reveal());
        text.push_str(&format!("&until={}", self.until.0 / 1_000));
        zeroize::Zeroizing::new(text)
    }
}

impl fmt::Debug for EnrolUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrolUri({:?}, secret hidden)", self.hubs)
    }
}

impl FromStr for EnrolUri {
    type Err = EnrolUriError;

    fn from_str(text: &str) -> Result<Self, EnrolUriError> {
        let text = text.trim();
        if text.len() > ENROL_URI_BYTES_MAX {
            return Err(EnrolUriError::TooLong);
        }
        let rest = text.strip_prefix(START).ok_or(EnrolUriError::Form)?;
        let (mut places, mut key, mut code, mut until) = (Vec::new(), None, None, None);
        for part in rest.split('&') {
            let (name, value) = part.split_once('=').ok_or(EnrolUriError::Form)?;
            match name {
                "hub" => places.push(value),
                "key" => {
                    let read = value.parse::<DeviceId>().map_err(|_| AddressError::Key);
                    key = Some(read.map_err(|source| EnrolUriError::Hub { source })?);
                }
                "code" => code = Some(Code::parse(value).ok_or(EnrolUriError::Code)?),
                "until" => until = value.parse::<i64>().ok(),
                _ => {}
            }
        }
        let (Some(key), Some(code), Some(until)) = (key, code, until) else {
            return Err(EnrolUriError::Form);
        };
        let hubs = places.into_iter().map(|place| HubAddress::parse(place, key));
        let hubs: Result<Vec<_>, _> = hubs.collect();
        let hubs = hubs.map_err(|source| EnrolUriError::Hub { source })?;
        Self::new(hubs, code, Timestamp(until.saturating_mul(1_000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: DeviceId = DeviceId([0xab; 32]);

    fn hub(place: &str) -> HubAddress {
        HubAddress::parse(place, KEY).unwrap()
    }

    #[test]
    fn an_invitation_reads_back_from_its_text() {
        let hubs = vec![hub("hub.langson.vn:4433"), hub("[2001:db8::1]:443"), hub("10.0.0.7:1")];
        let uri = EnrolUri::new(hubs, Code::new([3; 16]), Timestamp(1_795_000_000_123)).unwrap();
        let text = uri.reveal();
        assert_eq!(text.parse::<EnrolUri>().unwrap(), uri);
        assert_eq!(format!(" {}&later=x\n", *text).parse::<EnrolUri>().unwrap(), uri);
        assert!(!format!("{uri:?}").contains("0303"), "no log shows the code");
    }

    /// An invitation as the first release printed it into a code: paper stays.
    const PRINTED: &str = include_str!("../../fixtures/enrol-uri-v1.txt");

    #[test]
    fn an_invitation_of_the_first_release_still_reads() {
        let hubs = vec![hub("hub.langson.vn:4433"), hub("10.0.0.7:1")];
        let uri = EnrolUri::new(hubs, Code::new([3; 16]), Timestamp(1_795_000_000_000)).unwrap();
        assert_eq!(PRINTED.parse::<EnrolUri>().unwrap(), uri);
        assert_eq!(*uri.reveal(), PRINTED.trim_end());
    }

    #[test]
    fn what_is_no_invitation_says_what_is_wrong() {
        let uri = EnrolUri::new(vec![hub("a:1")], Code::new([3; 16]), Timestamp(9_000)).unwrap();
        let good = uri.reveal();
        let read = |text: String| text.parse::<EnrolUri>().unwrap_err();
        assert_eq!(read(format!("bienban://hub:1#{KEY}")), EnrolUriError::Form);
        assert_eq!(read(good.replace("hub=a:1&", "")), EnrolUriError::Form);
        assert_eq!(read(good.replace("&until=9", "")), EnrolUriError::Form);
        assert_eq!(read(good.replace("code=03", "code=3")), EnrolUriError::Code);
        assert!(matches!(read(good.replace("key=ab", "key=x")), EnrolUriError::Hub { .. }));
        assert!(matches!(read(good.replace("a:1", "a:0")), EnrolUriError::Hub { .. }));
        assert_eq!(read(good.replace("hub=a:1&", &"hub=a:1&".repeat(5))), EnrolUriError::TooLong);
        assert_eq!(read(format!("{}{}", *good, "x".repeat(3_000))), EnrolUriError::TooLong);
        // Every cut of it is refused, but one inside the time, which the hub decides anyway.
        for length in 0..good.len() - 1 {
            assert!(good[..length].parse::<EnrolUri>().is_err(), "{length}");
        }
    }
}
