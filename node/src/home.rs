//! A node's folder: what lies where, and the settings that a person may edit.
//!
//! ```text
//! HOME/config.toml        addresses; the only file that a person edits
//! HOME/vault              keys, under the passphrase
//! HOME/organisation.key   the organisation's root key, under the passphrase; take it off this machine
//! HOME/journal/ index/ blobs/ lock   the store, encrypted
//! HOME/node.sock api.token           the local API, for this user only
//! ```

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::door::Proxy;

/// The port that a node listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 7420;

/// A node's folder.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
    /// What was said when it was started.
    run: RunNetwork,
}

/// What whoever starts a node says of its network, beside what `config.toml` does.
#[derive(Clone, Debug, Default)]
pub struct RunNetwork {
    /// What partners are told in this run, in place of what the settings say, if it is anything.
    pub advertise: Vec<Address>,
    /// The proxy of this run, in place of the settings'.
    pub proxy: Option<Proxy>,
    /// As in [`Config::only_proxy`].
    pub only_proxy: bool,
    /// As in [`Config::lan`].
    pub lan: bool,
}

/// How a node reaches others in a run, and is reached.
#[derive(Clone, Debug)]
pub struct Network {
    /// What all that is dialled goes through.
    pub proxy: Option<Proxy>,
    /// Does nothing leave or enter this machine but through the proxy?
    pub only_proxy: bool,
    /// Are partners looked for on the local network?
    pub lan: bool,
    /// What partners are told; if nothing, what the machine sees, but with `only_proxy` nothing at all.
    advertise: Vec<Address>,
}

/// `config.toml`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Always 1.
    pub version: u32,
    /// Where the front door listens. Port 0: any free one, remembered.
    pub listen: SocketAddr,
    /// What partners are told, where that differs from what the machine sees (behind a router, say).
    #[serde(default)]
    pub advertise: Vec<Address>,
    /// A SOCKS5 proxy that everything dialled goes through, such as `socks5h://127.0.0.1:9050` for Tor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Hide where this node is: listen on loopback only, tell partners none of the machine's own addresses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_proxy: bool,
    /// The most that is sent in a second, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_up: Option<u64>,
    /// The most that is received in a second, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_down: Option<u64>,
    /// Bytes in an hour that partners of one partnership may pass through this node to each other; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<u64>,
    /// Look for partners on the local network, and let them find this node there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lan: bool,
    /// Meet partners who are reached through a relay, where it sees them, and be told of to them (hole punching). Not
    /// where a proxy is set, whatever this says.
    #[serde(default = "on", skip_serializing_if = "Clone::clone")]
    pub punch: bool,
}

fn on() -> bool {
    true
}

/// Why a folder's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Nothing was set up here.
    #[error("there is no node in {0}")]
    Empty(PathBuf),
    /// Something was.
    #[error("there is a node in {0} already")]
    Taken(PathBuf),
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is to hide where it is, and something would show that.
    #[error("with `only_proxy`, {0}")]
    Exposed(&'static str),
    /// It would show itself on the local network, and dials through a proxy.
    #[error(
        "a proxy hides where this node is, and `lan` shows it on the local network: take one of them out"
    )]
    Seen,
    /// The file makes no sense.
    #[error("{path}: {detail}")]
    Config {
        /// Which.
        path: PathBuf,
        /// Where and why.
        detail: String,
    },
}

impl Home {
    /// The folder at `path`, which need not exist.
    #[must_use]
    pub fn at(path: &Path) -> Home {
        Home { path: path.to_owned(), run: RunNetwork::default() }
    }

    /// The same folder, for a run whose network is as said.
    #[must_use]
    pub fn running(mut self, run: RunNetwork) -> Home {
        self.run = run;
        self
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The vault.
    #[must_use]
    pub fn vault(&self) -> PathBuf {
        self.path.join("vault")
    }

    /// The organisation's root key.
    #[must_use]
    pub fn root_key(&self) -> PathBuf {
        self.path.join("organisation.key")
    }

    /// The local API's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path.join("node.sock")
    }

    /// The local API's token.
    #[must_use]
    pub fn token(&self) -> PathBuf {
        self.path.join("api.token")
    }

    /// First messages that the front door has answered, so that replays stay unanswered over restarts.
    #[must_use]
    pub fn door_memory(&self) -> PathBuf {
        self.path.join("door.seen")
    }

    fn config_file(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// Was a node set up here?
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.vault().exists()
    }

    /// Makes the folder, readable by this user only, and writes the settings.
    ///
    /// # Errors
    /// [`HomeError::Taken`] if there is a node already; nothing is changed then.
    pub fn create(&self, config: &Config) -> Result<(), HomeError> {
        if self.is_set_up() {
            return Err(HomeError::Taken(self.path.clone()));
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .and_then(|()| fs::set_permissions(&self.path, fs::Permissions::from_mode(0o700)))
            .map_err(|source| HomeError::Io { path: self.path.clone(), source })?;
        self.save(config)
    }

    /// Writes the settings.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn save(&self, config: &Config) -> Result<(), HomeError> {
        let body = toml::to_string(config)
            .map_err(|e| HomeError::Config { path: self.config_file(), detail: e.to_string() })?;
        let text = format!(
            "# Where this node listens (ip:port), and what partners are told if that differs.\n\
             # A change takes effect when the node starts.\n{body}"
        );
        write_private(&self.config_file(), text.as_bytes())
            .map_err(|source| HomeError::Io { path: self.config_file(), source })
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// [`HomeError::Empty`] where nothing was set up; [`HomeError::Config`] says where the file is wrong.
    pub fn config(&self) -> Result<Config, HomeError> {
        if !self.is_set_up() {
            return Err(HomeError::Empty(self.path.clone()));
        }
        let path = self.config_file();
        let text =
            fs::read_to_string(&path).map_err(|source| HomeError::Io { path: path.clone(), source })?;
        let config: Config = toml::from_str(&text)
            .map_err(|e| HomeError::Config { path: path.clone(), detail: e.to_string() })?;
        if config.version != 1 {
            let detail = format!("version {} is not known to this program", config.version);
            return Err(HomeError::Config { path, detail });
        }
        Ok(config)
    }
}

/// Writes a file that only this user can read, whole or not at all.
///
/// # Errors
/// As of the file system.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
    }
    fs::rename(temporary, path)
}

impl Config {
    /// Of a new node, which dials directly and is not limited.
    #[must_use]
    pub fn new(listen: SocketAddr, advertise: Vec<Address>) -> Config {
        Config {
            version: 1,
            listen,
            advertise,
            proxy: None,
            only_proxy: false,
            limit_up: None,
            limit_down: None,
            relay: None,
            lan: false,
            punch: true,
        }
    }
}

impl Home {
    /// How this node reaches others, and is reached, by its settings and by what was said when it was started.
    ///
    /// # Errors
    /// [`HomeError::Exposed`] if it is to hide where it is, and the settings would show that.
    pub fn network(&self, config: &Config) -> Result<Network, HomeError> {
        let advertise = match self.run.advertise.is_empty() {
            true => config.advertise.clone(),
            false => self.run.advertise.clone(),
        };
        let proxy = self.run.proxy.or(config.proxy);
        let only_proxy = self.run.only_proxy || config.only_proxy;
        if only_proxy {
            let shows = |address: &Address| matches!(address, Address::Ip(ip) if !ip.ip().is_loopback());
            if proxy.is_none() {
                return Err(HomeError::Exposed("a proxy has to be named"));
            }
            if !config.listen.ip().is_loopback() {
                return Err(HomeError::Exposed("`listen` has to be on loopback, such as 127.0.0.1:7420"));
            }
            if advertise.iter().any(shows) {
                return Err(HomeError::Exposed(
                    "no address of the internet may be advertised: name an onion service",
                ));
            }
        }
        let lan = self.run.lan || config.lan;
        if lan && proxy.is_some() {
            return Err(HomeError::Seen);
        }
        Ok(Network { proxy, only_proxy, lan, advertise })
    }
}

impl Network {
    /// The addresses that partners are told: those advertised, else the listening one, with the machine's own
    /// address in place of "any". A node that hides where it is tells what was advertised and nothing else.
    #[must_use]
    pub fn told_addresses(&self, bound: SocketAddr) -> Vec<String> {
        if !self.advertise.is_empty() || self.only_proxy {
            return self.advertise.iter().map(ToString::to_string).collect();
        }
        if !bound.ip().is_unspecified() {
            return vec![bound.to_string()];
        }
        own_address().map(|ip| SocketAddr::new(ip, bound.port()).to_string()).into_iter().collect()
    }
}

/// This machine's address towards the internet. Connecting a UDP socket sends nothing.
pub(crate) fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|a| a.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_and_mistakes_are_explained() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("node"));
        assert!(matches!(home.config(), Err(HomeError::Empty(_))));
        let config = Config::new("127.0.0.1:0".parse().unwrap(), vec![]);
        home.create(&config).unwrap();
        fs::write(home.vault(), b"x").unwrap();
        assert_eq!(home.config().unwrap(), config);
        assert!(matches!(home.create(&config), Err(HomeError::Taken(_))));
        fs::write(home.path().join("config.toml"), "version = 1\nlissten = 3").unwrap();
        assert!(home.config().unwrap_err().to_string().contains("lissten"));
    }

    #[test]
    fn a_node_that_hides_tells_and_opens_nothing_that_shows_where_it_is() {
        let proxy: Proxy = "socks5h://127.0.0.1:9050".parse().unwrap();
        let onion: Address = format!("/onion3/{}:7420", "a".repeat(56)).parse().unwrap();
        let hiding = |listen: &str, advertise: Vec<Address>, proxy| {
            let config =
                Config { proxy, only_proxy: true, ..Config::new(listen.parse().unwrap(), advertise) };
            Home::at(Path::new("/nowhere")).network(&config)
        };
        let hidden = hiding("127.0.0.1:7420", vec![], Some(proxy)).unwrap();
        assert!(hidden.told_addresses("127.0.0.1:7420".parse().unwrap()).is_empty());
        let named = hiding("127.0.0.1:7420", vec![onion.clone()], Some(proxy)).unwrap();
        assert_eq!(named.told_addresses("127.0.0.1:7420".parse().unwrap()), [onion.to_string()]);
        assert!(hiding("127.0.0.1:7420", vec![], None).is_err());
        assert!(hiding("0.0.0.0:7420", vec![], Some(proxy)).is_err());
        assert!(hiding("127.0.0.1:7420", vec!["192.0.2.1:1".parse().unwrap()], Some(proxy)).is_err());
    }
}
