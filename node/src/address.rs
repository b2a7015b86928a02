//! Where a node may be reached: a socket address, or a name that only a proxy looks up.
//!
//! ```text
//! written                        read as well
//! 192.0.2.1:7420                 /ip4/192.0.2.1/tcp/7420
//! [2001:db8::1]:7420             /ip6/2001:db8::1/tcp/7420
//! /dns/office.example/tcp/7420   /dns4/…, /dns6/…, office.example:7420
//! /onion3/56 letters:7420        56 letters.onion:7420
//! ```

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::home::DEFAULT_PORT;

/// The longest name, bytes (RFC 1035, section 2.3.4); a SOCKS request holds 255.
const MAX_NAME: usize = 253;
/// Letters of an onion service's name, version 3 (Tor rend-spec-v3, section 6).
const ONION: usize = 56;

/// Where a node may be reached over TCP.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// An address of the internet.
    Ip(SocketAddr),
    /// A name, and a port.
    Name(Name, u16),
}

/// The name of a machine or of an onion service, in small letters. Only [`Address`] reads one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// A text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an address: write /ip4/192.0.2.1/tcp/{DEFAULT_PORT}, 192.0.2.1:{DEFAULT_PORT}, \
     /dns/NAME/tcp/{DEFAULT_PORT} or /onion3/NAME:{DEFAULT_PORT}"
)]
pub struct NotAnAddress(String);

impl Name {
    /// The name as it is looked up.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it an onion service, which no name server may ever be asked for (RFC 7686)?
    #[must_use]
    pub fn is_onion(&self) -> bool {
        self.0.ends_with(".onion")
    }

    pub(crate) fn read(text: &str) -> Option<Name> {
        let name = text.to_ascii_lowercase();
        let label = |label: &str| {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            (1..=63).contains(&label.len()) && label.bytes().all(fits)
        };
        let onion = |service: &str| {
            service.len() == ONION && service.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
        };
        let right = match name.strip_suffix(".onion") {
            Some(service) => onion(service),
            // What ends with a number is read as an address of the internet by some (RFC 3696, section 2).
            None => {
                let last = name.rsplit('.').next().unwrap_or_default();
                name.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
            }
        };
        (right && name.len() <= MAX_NAME).then_some(Name(name))
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let address = match text.strip_prefix('/') {
            Some(parts) => multiaddr(parts),
            None => text.parse().ok().map(Address::Ip).or_else(|| named(text)),
        };
        address.ok_or_else(|| NotAnAddress(text.to_owned()))
    }
}

fn multiaddr(parts: &str) -> Option<Address> {
    let mut parts = parts.split('/');
    let (family, host) = (parts.next()?, parts.next()?);
    if family == "onion3" {
        let (service, port) = host.split_once(':')?;
        let end = parts.next().is_none();
        return named(&format!("{service}.onion:{port}")).filter(|_| end);
    }
    let (Some("tcp"), Some(port), None) = (parts.next(), parts.next(), parts.next()) else { return None };
    let port = port.parse().ok()?;
    match family {
        "ip4" => Some(Address::Ip(SocketAddr::new(IpAddr::V4(host.parse().ok()?), port))),
        "ip6" => Some(Address::Ip(SocketAddr::new(IpAddr::V6(host.parse().ok()?), port))),
        "dns" | "dns4" | "dns6" => Some(Address::Name(Name::read(host)?, port)),
        _ => None,
    }
}

/// A name and a port. A word without a dot is a mistake more often than a machine's name.
fn named(text: &str) -> Option<Address> {
    let (name, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    name.contains('.').then(|| Some(Address::Name(Name::read(name)?, port)))?
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => address.fmt(f),
            Address::Name(name, port) => match name.0.strip_suffix(".onion") {
                Some(service) => write!(f, "/onion3/{service}:{port}"),
                None => write!(f, "/dns/{}/tcp/{port}", name.0),
            },
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address::Ip(address)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        text.parse()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_all_their_forms_and_written_in_one() {
        let onion = "a".repeat(ONION);
        for (text, written) in [
            ("/ip4/127.0.0.1/tcp/7420", "127.0.0.1:7420".to_owned()),
            ("127.0.0.1:7420", "127.0.0.1:7420".to_owned()),
            ("/ip6/::1/tcp/1", "[::1]:1".to_owned()),
            ("Office.Example:9", "/dns/office.example/tcp/9".to_owned()),
            ("/dns4/office.example/tcp/9", "/dns/office.example/tcp/9".to_owned()),
            ("/dns/office/tcp/9", "/dns/office/tcp/9".to_owned()),
            (&format!("{onion}.onion:9"), format!("/onion3/{onion}:9")),
            (&format!("/onion3/{onion}:9"), format!("/onion3/{onion}:9")),
        ] {
            let read: Address = text.parse().unwrap();
            assert_eq!(read.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(read), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let short = "a".repeat(ONION - 1);
        for wrong in [
            "",
            "localhost:1",
            "/ip4/::1/tcp/1",
            "/ip4/1.2.3.4/udp/1",
            "/ip4/1.2.3.4/tcp/1/p2p/x",
            "1.2.3:4",
            "256.1.1.1:4",
            "exa mple.org:1",
            "example.org:65536",
            "example..org:1",
            "/dns/example.org\u{0}/tcp/1",
            "/dns/пример.example/tcp/1",
            &format!("{short}.onion:1"),
            &format!("www.{short}a.onion:1"),
            &format!("/onion3/{short}a:1/tcp/2"),
            &format!("{}.example:1", "a.".repeat(130)),
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
