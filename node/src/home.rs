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

/// The port that a node listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 7420;

/// A node's folder.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
    /// What partners are told in this run, in place of what the settings say.
    advertise: Vec<SocketAddr>,
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
    pub advertise: Vec<SocketAddr>,
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
        Home { path: path.to_owned(), advertise: Vec::new() }
    }

    /// The same folder, for a run in which partners are told these addresses (if there are any).
    #[must_use]
    pub fn advertising(mut self, advertise: Vec<SocketAddr>) -> Home {
        self.advertise = advertise;
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

/// Reads an address as `/ip4/127.0.0.1/tcp/7420`, `/ip6/::1/tcp/7420` or `127.0.0.1:7420`.
///
/// # Errors
/// A sentence that says what is expected.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || {
        format!(
            "`{text}` is not an address: write /ip4/192.0.2.1/tcp/{DEFAULT_PORT} or 192.0.2.1:{DEFAULT_PORT}"
        )
    };
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let mut parts = text.strip_prefix('/').ok_or_else(wrong)?.split('/');
    let (Some(family), Some(ip), Some("tcp"), Some(port), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    let ip: IpAddr = ip.parse().map_err(|_| wrong())?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    match (family, ip) {
        ("ip4", IpAddr::V4(_)) | ("ip6", IpAddr::V6(_)) => Ok(SocketAddr::new(ip, port)),
        _ => Err(wrong()),
    }
}

/// The addresses that partners are told: those advertised, else the listening one, with the machine's own
/// address in place of "any".
#[must_use]
pub fn told_addresses(home: &Home, config: &Config, bound: SocketAddr) -> Vec<String> {
    if !home.advertise.is_empty() {
        return home.advertise.iter().map(ToString::to_string).collect();
    }
    if !config.advertise.is_empty() {
        return config.advertise.iter().map(ToString::to_string).collect();
    }
    if !bound.ip().is_unspecified() {
        return vec![bound.to_string()];
    }
    own_address().map(|ip| SocketAddr::new(ip, bound.port()).to_string()).into_iter().collect()
}

/// This machine's address towards the internet. Connecting a UDP socket sends nothing.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|a| a.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_both_forms_and_nothing_else() {
        let v4: SocketAddr = "127.0.0.1:7420".parse().unwrap();
        assert_eq!(parse_address("/ip4/127.0.0.1/tcp/7420"), Ok(v4));
        assert_eq!(parse_address("127.0.0.1:7420"), Ok(v4));
        assert_eq!(parse_address("/ip6/::1/tcp/1"), Ok("[::1]:1".parse().unwrap()));
        for wrong in ["", "localhost:1", "/ip4/::1/tcp/1", "/ip4/1.2.3.4/udp/1", "/ip4/1.2.3.4/tcp/1/p2p/x"] {
            assert!(parse_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn settings_survive_and_mistakes_are_explained() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("node"));
        assert!(matches!(home.config(), Err(HomeError::Empty(_))));
        let config = Config { version: 1, listen: "127.0.0.1:0".parse().unwrap(), advertise: vec![] };
        home.create(&config).unwrap();
        fs::write(home.vault(), b"x").unwrap();
        assert_eq!(home.config().unwrap(), config);
        assert!(matches!(home.create(&config), Err(HomeError::Taken(_))));
        fs::write(home.path().join("config.toml"), "version = 1\nlissten = 3").unwrap();
        assert!(home.config().unwrap_err().to_string().contains("lissten"));
    }
}
