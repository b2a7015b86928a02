//! Setting up a node: keys, folder, vault.

use entente_protocol::identity::{IntroductionError, OrgKind, introduce};
use entente_protocol::ids::{NodeId, OrgId};
use std::net::SocketAddr;

use crate::address::Address;
use crate::clock;
use crate::home::{Config, Home, HomeError};
use crate::secrets::{Secret, Secrets};
use crate::vault::{Vault, VaultError};

/// What a new node is told.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The organisation's name.
    pub name: String,
    /// What it is.
    pub kind: OrgKind,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Where to listen.
    pub listen: SocketAddr,
    /// What partners are told, if that differs.
    pub advertise: Vec<Address>,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The organisation.
    pub organisation: OrgId,
    /// The node.
    pub node: NodeId,
}

/// Why nothing was set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The name or country.
    #[error(transparent)]
    Name(#[from] IntroductionError),
    /// The passphrase.
    #[error("the passphrase is empty")]
    Passphrase,
    /// Randomness.
    #[error("the system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

/// Characters below which a passphrase is called weak. Argon2id makes each guess dear; it cannot make a short
/// passphrase long.
pub const WEAK_PASSPHRASE: usize = 12;

/// Makes an organisation's root key and its first node. The root key goes into a file of its own, to be
/// taken off the machine.
///
/// # Errors
/// [`SetupError`]; nothing is left behind that would stop another attempt.
pub fn set_up(home: &Home, setup: &Setup, passphrase: &str) -> Result<Made, SetupError> {
    set_up_with(home, setup, &Secret::random()?, passphrase, false)
}

/// The same for a root key that exists; `kept` says that its file is in the folder already.
///
/// # Errors
/// As [`set_up`].
pub(crate) fn set_up_with(
    home: &Home,
    setup: &Setup,
    root: &Secret,
    passphrase: &str,
    kept: bool,
) -> Result<Made, SetupError> {
    if passphrase.is_empty() {
        return Err(SetupError::Passphrase);
    }
    let (node, store) = (Secret::random()?, Secret::random()?);
    let id = NodeId(node.signing_key().verifying_key().to_bytes());
    let introduced =
        introduce(&root.signing_key(), &setup.name, setup.kind, &setup.country, id, clock::now())?;
    let config = Config::new(setup.listen, setup.advertise.clone());
    home.create(&config)?;
    if !kept {
        Vault::create(&home.root_key(), passphrase.as_bytes(), root.key().as_ref())?;
    }
    // Last, because its presence is what says that a node is here.
    let secrets = Secrets::new(store, node, &introduced);
    Vault::create(&home.vault(), passphrase.as_bytes(), &secrets.to_bytes())?;
    Ok(Made { organisation: introduced.org(), node: id })
}
