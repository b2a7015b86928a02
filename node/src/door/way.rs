//! The way out: straight, or through a SOCKS5 proxy such as Tor's.
//!
//! With a proxy every connection goes through it, and nothing is tried beside it when it fails: who hides
//! where they are must not be found because a proxy was down for a minute. Names go to the proxy as they are,
//! so nothing is ever looked up here. Each partnership shows the proxy a name and password of its own, made
//! anew in each run: Tor builds no circuit for two of them (`IsolateSOCKSAuth`, on unless switched off), so
//! that nobody who watches exits or onion services sees that two partnerships are one node.
//!
//! ```text
//! we     05 01 02                                greeting: a name and password is all we offer (RFC 1928)
//! proxy  05 02
//! we     01 | len | name | len | password        RFC 1929
//! proxy  01 00
//! we     05 01 00 | 01 ip4, 03 len name, 04 ip6 | port
//! proxy  05 00 00 | 01 ip4, 03 len name, 04 ip6 | port
//! ```
//!
//! A proxy that takes no name and password is refused rather than used without isolation. Written here and
//! not taken from a crate: of SOCKS it needs one method and one command, and the crates choose the weaker
//! method by themselves if the proxy prefers it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use blake3::keyed_hash;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use zeroize::Zeroizing;

use crate::address::Address;

use super::HANDSHAKE_TIMEOUT;
use super::limit::Limits;
use super::punch::{Punching, dial_from};

/// How long a proxy may take to reach somebody. Tor may have to build a circuit to an onion service, and try again.
pub const PROXY_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a partner may take to answer a knock through a proxy: some seconds are normal on a poor link.
const FAR_HANDSHAKE: Duration = Duration::from_secs(30);
/// Addresses of one name that are tried.
const MAX_LOOKED_UP: usize = 4;
/// The scheme of a proxy that looks names up itself.
const SCHEME: &str = "socks5h://";

/// A SOCKS5 proxy that looks names up itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Proxy(SocketAddr);

/// A text does not name a proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a proxy: write {SCHEME}127.0.0.1:9050 (a SOCKS5 proxy at an IP address, which looks names up itself)"
)]
pub struct NotAProxy(String);

impl FromStr for Proxy {
    type Err = NotAProxy;

    fn from_str(text: &str) -> Result<Self, NotAProxy> {
        let address = text.strip_prefix(SCHEME).map(|rest| rest.trim_end_matches('/'));
        let address = address.and_then(|address| address.parse().ok()).map(Proxy);
        address.ok_or_else(|| NotAProxy(text.to_owned()))
    }
}

impl std::fmt::Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{SCHEME}{}", self.0)
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        proxy.to_string()
    }
}

impl TryFrom<String> for Proxy {
    type Error = NotAProxy;

    fn try_from(text: String) -> Result<Self, NotAProxy> {
        text.parse()
    }
}

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// The proxy cannot be reached, or is no SOCKS5 proxy that takes a name and password. Nothing was tried without it.
    #[error("the proxy {proxy} cannot be used; nothing is tried without it")]
    Proxy {
        /// Which.
        proxy: Proxy,
        /// Why.
        source: io::Error,
    },
    /// There is no way to the address.
    #[error("no way there")]
    NoWay(#[source] io::Error),
}

/// How one partnership reaches out. Clones are the same way.
#[derive(Clone, Debug)]
pub struct Way {
    proxy: Option<Proxy>,
    secret: Arc<Zeroizing<[u8; 32]>>,
    /// What sets the circuits of this partnership apart.
    apart: [u8; 16],
    limits: Limits,
    /// The port that dials leave from while this is on.
    outlet: Option<(u16, Punching)>,
}

impl Way {
    /// A way for a whole run of a node.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn new(proxy: Option<Proxy>) -> Result<Way, getrandom::Error> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice())?;
        Ok(Way { proxy, secret: Arc::new(secret), apart: [0; 16], limits: Limits::default(), outlet: None })
    }

    /// The same way, under these limits.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Way {
        self.limits = limits;
        self
    }

    /// The same way, from the door's port while holes are punched: then a relay sees where this node can be met. Not
    /// for what is no partner's, such as a mailbox: the port would tell who comes again. Nothing to a proxy.
    #[must_use]
    pub fn leaving_from(mut self, port: u16, punching: Punching) -> Way {
        self.outlet = Some((port, punching));
        self
    }

    /// How much may pass in a second, and which priority it has.
    pub fn limits(&self) -> Limits {
        self.limits.clone()
    }

    /// A way whose circuits are shared with nobody else's, and whose priority is its own: `whose` names a partnership.
    #[must_use]
    pub fn apart(&self, whose: &[u8]) -> Way {
        let hash = keyed_hash(&self.secret, whose);
        let mut way = Way { limits: self.limits.apart(), ..self.clone() };
        way.apart.copy_from_slice(hash.as_bytes().split_at(16).0);
        way
    }

    /// Does all go through a proxy?
    #[must_use]
    pub fn is_proxied(&self) -> bool {
        self.proxy.is_some()
    }

    /// How long to wait for a connection, and then for the answer to a knock.
    pub(super) fn patience(&self) -> (Duration, Duration) {
        match self.proxy {
            Some(_) => (PROXY_TIMEOUT, FAR_HANDSHAKE),
            None => (HANDSHAKE_TIMEOUT, HANDSHAKE_TIMEOUT),
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// [`WayError`]. It waits as long as the system or the proxy does.
    pub async fn connect(&self, to: &Address) -> Result<TcpStream, WayError> {
        let Some(proxy) = self.proxy else { return self.straight(to).await.map_err(WayError::NoWay) };
        let failed = |source| WayError::Proxy { proxy, source };
        let mut tcp = TcpStream::connect(proxy.0).await.map_err(failed)?;
        greet(&mut tcp, &self.apart).await.map_err(failed)?;
        ask(&mut tcp, to).await.map_err(WayError::NoWay)?;
        Ok(tcp)
    }

    async fn straight(&self, to: &Address) -> io::Result<TcpStream> {
        let (name, port) = match to {
            Address::Ip(address) => return self.dial(*address).await,
            Address::Name(name, port) => (name, *port),
        };
        if name.is_onion() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "an onion service is reached through Tor only",
            ));
        }
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in lookup_host((name.as_str(), port)).await?.take(MAX_LOOKED_UP) {
            match self.dial(address).await {
                Ok(tcp) => return Ok(tcp),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// From the door's port if that can be; else from any.
    async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        use io::ErrorKind::{AddrInUse, AddrNotAvailable};
        if let Some((port, punching)) = &self.outlet
            && punching.is_on()
        {
            match dial_from(*port, to).await {
                Err(error) if matches!(error.kind(), AddrInUse | AddrNotAvailable) => {}
                dialled => return dialled,
            }
        }
        TcpStream::connect(to).await
    }
}

async fn greet(tcp: &mut TcpStream, apart: &[u8; 16]) -> io::Result<()> {
    tcp.write_all(&[5, 1, 2]).await?;
    let mut chosen = [0; 2];
    tcp.read_exact(&mut chosen).await?;
    if chosen != [5, 2] {
        return Err(wrong("it is no SOCKS5 proxy that takes a name and password"));
    }
    let word = data_encoding::HEXLOWER.encode(apart);
    let (name, password) = word.split_at(word.len() / 2);
    let mut login = vec![1];
    for part in [name, password] {
        login.push(u8::try_from(part.len()).map_err(io::Error::other)?);
        login.extend_from_slice(part.as_bytes());
    }
    tcp.write_all(&login).await?;
    let mut taken = [0; 2];
    tcp.read_exact(&mut taken).await?;
    if taken[1] == 0 { Ok(()) } else { Err(wrong("it does not take the name and password")) }
}

async fn ask(tcp: &mut TcpStream, to: &Address) -> io::Result<()> {
    let mut request = vec![5, 1, 0];
    let port = match to {
        Address::Ip(address) => {
            match address.ip() {
                IpAddr::V4(ip) => request.extend([&[1][..], &ip.octets()].concat()),
                IpAddr::V6(ip) => request.extend([&[4][..], &ip.octets()].concat()),
            }
            address.port()
        }
        Address::Name(name, port) => {
            request.push(3);
            request.push(u8::try_from(name.as_str().len()).map_err(io::Error::other)?);
            request.extend_from_slice(name.as_str().as_bytes());
            *port
        }
    };
    request.extend_from_slice(&port.to_be_bytes());
    tcp.write_all(&request).await?;
    let mut answer = [0; 4];
    tcp.read_exact(&mut answer).await?;
    if answer[1] != 0 {
        return Err(wrong(reply(answer[1])));
    }
    // Where the proxy is bound tells nothing here; it only has to be read.
    let rest = match answer[3] {
        1 => 4 + 2,
        4 => 16 + 2,
        3 => usize::from(tcp.read_u8().await?) + 2,
        _ => return Err(wrong("the proxy's answer makes no sense")),
    };
    let mut bound = [0; 257];
    tcp.read_exact(bound.get_mut(..rest).unwrap_or_default()).await?;
    Ok(())
}

/// RFC 1928, section 6.
fn reply(code: u8) -> &'static str {
    match code {
        2 => "the proxy's rules forbid it",
        3 => "the proxy finds no network there",
        4 => "the proxy finds no such name or machine",
        5 => "the proxy was turned away there",
        6 => "the proxy's patience is over",
        _ => "the proxy failed",
    }
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn proxy() -> (TcpListener, Proxy) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy(listener.local_addr().unwrap());
        (listener, proxy)
    }

    #[test]
    fn only_a_proxy_that_looks_names_up_itself_is_read() {
        for right in ["socks5h://127.0.0.1:9050", "socks5h://[::1]:9150/"] {
            assert!(right.parse::<Proxy>().is_ok(), "{right}");
        }
        for wrong in [
            "socks5://127.0.0.1:9050",
            "127.0.0.1:9050",
            "socks5h://tor.example:9050",
            "http://127.0.0.1:1",
            "",
        ] {
            assert!(wrong.parse::<Proxy>().is_err(), "{wrong}");
        }
    }

    /// Byte for byte what RFC 1928 and RFC 1929 say.
    #[tokio::test]
    async fn a_name_is_given_to_the_proxy_as_it_is_and_never_looked_up() {
        let (listener, proxy) = proxy().await;
        let way = Way::new(Some(proxy)).unwrap().apart(b"one");
        let serve = async {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 3];
            tcp.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard, [5, 1, 2]);
            tcp.write_all(&[5, 2]).await.unwrap();
            let mut login = vec![0; 1 + 1 + 16 + 1 + 16];
            tcp.read_exact(&mut login).await.unwrap();
            assert_eq!((login[0], login[1], login[18]), (1, 16, 16));
            tcp.write_all(&[1, 0]).await.unwrap();
            let mut asked = vec![0; 4 + 1 + 14 + 2];
            tcp.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, [&[5, 1, 0, 3, 14][..], b"office.invalid", &7420_u16.to_be_bytes()].concat());
            tcp.write_all(&[5, 0, 0, 3, 1, b'x', 0, 0, b'!']).await.unwrap();
            tcp
        };
        let to = "office.invalid:7420".parse().unwrap();
        let (tcp, _theirs) = tokio::join!(way.connect(&to), serve);
        assert_eq!(tcp.unwrap().read_u8().await.unwrap(), b'!', "what follows the answer is the partner's");
    }

    #[tokio::test]
    async fn a_proxy_without_isolation_is_not_used() {
        let (listener, proxy) = proxy().await;
        let serve = async {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tcp.write_all(&[5, 0]).await.unwrap();
            let mut heard = Vec::new();
            let _cut = tcp.read_to_end(&mut heard).await;
            heard
        };
        let way = Way::new(Some(proxy)).unwrap();
        let to = "192.0.2.1:1".parse().unwrap();
        let connect = async { way.connect(&to).await.map(drop) };
        let (refused, heard) = tokio::join!(connect, serve);
        assert!(matches!(refused, Err(WayError::Proxy { .. })), "{refused:?}");
        assert_eq!(heard, [5, 1, 2], "nobody's address was told");
    }

    #[tokio::test]
    async fn while_the_proxy_is_down_nothing_is_dialled() {
        let (listener, proxy) = proxy().await;
        drop(listener);
        let (partner, _) = self::proxy().await;
        let to = partner.local_addr().unwrap().into();
        let refused = Way::new(Some(proxy)).unwrap().connect(&to).await;
        assert!(matches!(refused, Err(WayError::Proxy { .. })));
        let reached = tokio::time::timeout(Duration::from_millis(100), partner.accept()).await;
        assert!(reached.is_err(), "the partner would have been reached directly");
    }

    #[tokio::test]
    async fn an_onion_service_is_never_looked_up_without_a_proxy() {
        let onion: Address = format!("/onion3/{}:1", "a".repeat(56)).parse().unwrap();
        let refused = Way::new(None).unwrap().connect(&onion).await;
        let Err(WayError::NoWay(source)) = refused else { panic!("{refused:?}") };
        assert_eq!(source.kind(), io::ErrorKind::Unsupported);
    }

    #[test]
    fn partnerships_are_set_apart_and_so_are_runs() {
        let (run, later) = (Way::new(None).unwrap(), Way::new(None).unwrap());
        assert_eq!(run.apart(b"one").apart, run.apart(b"one").apart);
        assert_ne!(run.apart(b"one").apart, run.apart(b"two").apart);
        assert_ne!(run.apart(b"one").apart, later.apart(b"one").apart);
    }
}
