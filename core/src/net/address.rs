//! Where a hub is and which key it must hold: what an enrolment code says.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::model::DeviceId;

use super::error::NetError;

/// The scheme of the text form.
const SCHEME: &str = "bienban://";
/// The longest host name of DNS.
const HOST_BYTES_MAX: usize = 253;

/// Why a text is not the address of a hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The text does not begin as it must.
    #[error("the address of a hub looks like bienban://HOST:PORT#KEY")]
    Form,
    /// The host is no name and no IP address.
    #[error("{host:?} is neither a host name nor an IP address")]
    Host {
        /// What stands where the host should.
        host: String,
    },
    /// The port is not a number from 1 to 65535.
    #[error("{port:?} is not a port (1 to 65535)")]
    Port {
        /// What stands where the port should.
        port: String,
    },
    /// The key is not 64 hexadecimal digits.
    #[error("the key of a hub is 64 hexadecimal digits")]
    Key,
}

/// Where a hub is, and the key that proves it is that hub.
///
/// The text form is `bienban://HOST:PORT#KEY`, the key in hexadecimal; IPv6 addresses stand in
/// brackets. The name is looked up at every connect, so a hub may move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HubAddress {
    host: String,
    port: u16,
    key: DeviceId,
}

impl HubAddress {
    /// Makes the address from `HOST:PORT` and the pinned key.
    ///
    /// # Errors
    ///
    /// Returns [`AddressError`] when host or port are not valid.
    pub fn parse(host_and_port: &str, key: DeviceId) -> Result<Self, AddressError> {
        let (host, port) = host_and_port.rsplit_once(':').ok_or(AddressError::Form)?;
        let port = match port.parse() {
            Ok(port) if port > 0 => port,
            _ => return Err(AddressError::Port { port: port.to_owned() }),
        };
        let host = parse_host(host)?;
        Ok(Self { host, port, key })
    }

    /// Makes the address from a socket address and the pinned key.
    #[must_use]
    pub fn at(address: SocketAddr, key: DeviceId) -> Self {
        Self { host: address.ip().to_string(), port: address.port(), key }
    }

    /// Returns the key that the hub must hold.
    #[must_use]
    pub fn key(&self) -> DeviceId {
        self.key
    }

    /// Returns host and port, as a person would write them.
    #[must_use]
    pub fn host_and_port(&self) -> String {
        if self.host.parse::<Ipv6Addr>().is_ok() {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Returns whether only this machine comes to what is there: a loopback address, or one that means every
    /// address of whoever asks.
    #[must_use]
    pub fn is_only_here(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => {
                let ip = ip.to_canonical();
                ip.is_loopback() || ip.is_unspecified()
            }
            // RFC 6761: these names are loopback everywhere.
            Err(_) => self.host == "localhost" || self.host.ends_with(".localhost"),
        }
    }

    /// Looks the host up.
    ///
    /// # Errors
    ///
    /// Returns [`NetError::Resolve`] when nothing is found.
    pub(super) async fn resolve(&self) -> Result<Vec<SocketAddr>, NetError> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let failed = |source| NetError::Resolve { hub: self.host_and_port(), source };
        let found: Vec<_> = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|source| failed(Some(source)))?
            .collect();
        if found.is_empty() { Err(failed(None)) } else { Ok(found) }
    }
}

/// Returns the host without brackets, refusing what can be neither a name nor an address.
fn parse_host(host: &str) -> Result<String, AddressError> {
    let wrong = || AddressError::Host { host: host.chars().take(HOST_BYTES_MAX).collect() };
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or_else(wrong)?;
        let address: Ipv6Addr = inner.parse().map_err(|_| wrong())?;
        return Ok(address.to_string());
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if host.is_empty() || host.len() > HOST_BYTES_MAX || !host.bytes().all(named) {
        return Err(wrong());
    }
    Ok(host.to_ascii_lowercase())
}

impl FromStr for HubAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let rest = text.trim().strip_prefix(SCHEME).ok_or(AddressError::Form)?;
        let (place, key) = rest.split_once('#').ok_or(AddressError::Form)?;
        let key = key.parse().map_err(|_| AddressError::Key)?;
        Self::parse(place, key)
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}#{}", self.host_and_port(), self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: DeviceId = DeviceId([0xab; 32]);

    #[test]
    fn an_address_says_whether_another_machine_comes_to_it() {
        let here = |place: &str| HubAddress::parse(place, KEY).unwrap().is_only_here();
        for place in ["127.0.0.1:1", "127.9.9.9:1", "0.0.0.0:1", "[::]:1", "[::1]:1", "localhost:1"]
        {
            assert!(here(place), "{place}");
        }
        assert!(here("[::ffff:127.0.0.1]:1"));
        for place in ["192.168.1.7:1", "hub.langson.vn:1", "[2001:db8::1]:1", "localhost.vn:1"] {
            assert!(!here(place), "{place}");
        }
    }

    #[test]
    fn address_reads_back_from_its_text() {
        for place in ["hub.langson.vn:4433", "192.0.2.7:1", "[2001:db8::1]:65535"] {
            let address = HubAddress::parse(place, KEY).unwrap();
            assert_eq!(address.host_and_port(), place);
            assert_eq!(address.to_string().parse::<HubAddress>().unwrap(), address);
        }
        let at = HubAddress::at("[::1]:9".parse().unwrap(), KEY);
        assert_eq!(at.to_string().parse::<HubAddress>().unwrap(), at);
    }

    #[test]
    fn address_that_cannot_be_one_says_what_is_wrong() {
        let key = KEY.to_string();
        for text in ["", "http://a:1#00", "bienban://a:1", "bienban://a"] {
            assert_eq!(text.parse::<HubAddress>(), Err(AddressError::Form), "{text}");
        }
        for port in ["0", "65536", "", "4433x"] {
            let text = format!("bienban://hub:{port}#{key}");
            assert_eq!(
                text.parse::<HubAddress>(),
                Err(AddressError::Port { port: port.to_owned() }),
                "{text}"
            );
        }
        for host in ["", "a b", "[::1", "::1", "a/b", "[hub]"] {
            let text = format!("bienban://{host}:1#{key}");
            assert_eq!(
                text.parse::<HubAddress>(),
                Err(AddressError::Host { host: host.to_owned() }),
                "{text}"
            );
        }
        assert_eq!("bienban://hub:1#abcd".parse::<HubAddress>(), Err(AddressError::Key));
    }
}
