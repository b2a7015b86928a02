//! A home for one more node of an organisation that exists: by a request that another office certifies, or by
//! the root key itself.
//!
//! ```text
//!   node request ──▶ HOME/node.request (keys, under the passphrase) ──▶ text
//!   node accept GRANT ──▶ HOME/vault; the request is deleted
//!   init --recover-root FILE ──▶ HOME/vault, with the organisation's old id
//! ```

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use entente_protocol::codec::{self, DecodeError, Wire};
use entente_protocol::epoch::PrekeySecret;
use entente_protocol::ids::{NodeId, OrgId};
use entente_protocol::office::{NodeRequest, OfficeError};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::address::Address;
use crate::home::{Config, Home, HomeError};
use crate::recovery::{RootKey, RootKeyError};
use crate::secrets::{Secret, Secrets};
use crate::setup::{self, Made, Setup, SetupError};
use crate::vault::{Vault, VaultError};

/// The keys of a node that is not certified yet.
#[derive(Encode, Decode)]
struct Requested {
    #[n(0)]
    node: Secret,
    #[n(1)]
    store: Secret,
    #[n(2)]
    sealing: Secret,
    #[n(3)]
    organisation: OrgId,
}

impl Wire for Requested {
    const WHAT: &'static str = "keys of a node request";
    const MAX: usize = 256;
}

/// Why a node was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The vault, or the file of the request.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// No request was made in this folder.
    #[error("no request was made in this folder")]
    NoRequest,
    /// The file of the request holds something else.
    #[error("the file of the request: {0}")]
    Damaged(#[from] DecodeError),
    /// The text.
    #[error(transparent)]
    Office(#[from] OfficeError),
    /// The root key.
    #[error(transparent)]
    Root(#[from] RootKeyError),
    /// Setting up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The passphrase.
    #[error("the passphrase is empty")]
    Passphrase,
    /// Randomness.
    #[error("the system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

/// Where and how the new node listens.
#[derive(Clone, Debug)]
pub struct Listening {
    /// Where.
    pub listen: SocketAddr,
    /// What partners are told, if that differs.
    pub advertise: Vec<Address>,
}

fn file(home: &Home) -> std::path::PathBuf {
    home.path().join("node.request")
}

/// Makes keys for a new node, and the text that asks an organisation to certify it. Asked again, the same
/// keys give the same text, for the organisation named then.
///
/// # Errors
/// [`EnrolError`]; a folder without a node may be left, which does not stop another attempt.
pub fn request(
    home: &Home,
    listening: &Listening,
    organisation: OrgId,
    passphrase: &str,
) -> Result<(NodeRequest, String), EnrolError> {
    if passphrase.is_empty() {
        return Err(EnrolError::Passphrase);
    }
    let config = Config::new(listening.listen, listening.advertise.clone());
    home.create(&config)?;
    let (node, store, sealing) = (Secret::random()?, Secret::random()?, Secret::random()?);
    let requested = Requested { node, store, sealing, organisation };
    let path = file(home);
    let requested = if path.exists() {
        opened(home, passphrase)?
    } else {
        let bytes = Zeroizing::new(codec::encode(&requested));
        Vault::create(&path, passphrase.as_bytes(), &bytes)?;
        requested
    };
    let request = request_of(&requested)?;
    let text = request.to_text()?;
    Ok((request, text))
}

fn opened(home: &Home, passphrase: &str) -> Result<Requested, EnrolError> {
    let (_, contents) = Vault::open(&file(home), passphrase.as_bytes()).map_err(|error| match error {
        VaultError::NotFound { .. } => EnrolError::NoRequest,
        other => other.into(),
    })?;
    Ok(codec::decode(&contents)?)
}

fn request_of(requested: &Requested) -> Result<NodeRequest, EnrolError> {
    let node = NodeId(requested.node.signing_key().verifying_key().to_bytes());
    let sealing = PrekeySecret::from_seed(requested.sealing.key());
    Ok(NodeRequest::new(node, requested.organisation, &sealing)?)
}

/// Completes the home of a request with the grant that came back. The node comes into the partnerships by itself
/// when it runs.
///
/// # Errors
/// [`EnrolError`]; the request can be answered again then.
pub fn accept(home: &Home, grant: &str, passphrase: &str) -> Result<(Made, usize), EnrolError> {
    if home.is_set_up() {
        return Err(HomeError::Taken(home.path().to_owned()).into());
    }
    let requested = opened(home, passphrase)?;
    let sealing = PrekeySecret::from_seed(requested.sealing.key());
    let (introduced, grant) = request_of(&requested)?.open(&sealing, grant)?;
    let made = Made { organisation: introduced.org(), node: introduced.node() };
    let mut secrets = Secrets::new(requested.store.clone(), requested.node.clone(), &introduced);
    let doors = grant.invitations.len();
    secrets.offices = (doors > 0).then(|| grant.invitations.clone());
    // Its presence is what says that a node is here; the request is of no use from then on.
    Vault::create(&home.vault(), passphrase.as_bytes(), &secrets.to_bytes())?;
    let _harmless_if_it_stays = fs::remove_file(file(home));
    Ok((made, doors))
}

/// Makes a new node of an existing organisation with its root key, which goes into the new folder as in a new
/// organisation's. The organisation's card is signed anew; partners go on showing the one that they know.
///
/// # Errors
/// [`EnrolError`]; nothing is left behind that would stop another attempt.
pub fn recover(
    home: &Home,
    setup: &Setup,
    root_file: &Path,
    root_passphrase: &str,
    passphrase: &str,
) -> Result<Made, EnrolError> {
    let root = RootKey::open(root_file, root_passphrase.as_bytes())?;
    let copied = root_file.canonicalize().ok() == home.root_key().canonicalize().ok();
    Ok(setup::set_up_with(home, setup, root.secret(), passphrase, copied && home.root_key().exists())?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use entente_protocol::identity::{Introduction, OrgKind, certify, introduce};
    use entente_protocol::ids::Timestamp;
    use entente_protocol::office::Grant;

    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn a_request_that_the_root_key_certified_becomes_a_node_of_the_organisation() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("second"));
        let listening = Listening { listen: "127.0.0.1:0".parse().unwrap(), advertise: vec![] };
        let root = Secret::random().unwrap().signing_key();
        let organisation = OrgId(root.verifying_key().to_bytes());
        let first = introduce(&root, "Rights", OrgKind::Cso, "GE", NodeId([9; 32]), Timestamp(1)).unwrap();
        let (request, text) = request(&home, &listening, organisation, "five words").unwrap();
        let again = super::request(&home, &listening, organisation, "five words").unwrap();
        assert_eq!(again.1, text, "asked again, it is the same node");
        let introduction = Introduction {
            organisation: first.to_introduction().organisation,
            certificate: certify(&root, request.node, Timestamp(2)),
        };
        let grant = Grant { introduction, invitations: vec!["entente1q".into()] };
        let grant = NodeRequest::from_text(&text).unwrap().grant(&grant, &mut SystemRandom).unwrap();
        assert!(accept(&home, &grant, "other words").is_err());
        let (made, doors) = accept(&home, &grant, "five words").unwrap();
        assert_eq!((made.organisation, made.node, doors), (organisation, request.node, 1));
        let (_, contents) = Vault::open(&home.vault(), b"five words").unwrap();
        let secrets = Secrets::from_bytes(&contents).unwrap();
        assert_eq!(secrets.offices, Some(vec!["entente1q".into()]));
        assert!(matches!(accept(&home, &grant, "five words"), Err(EnrolError::Home(HomeError::Taken(_)))));
    }

    #[test]
    fn the_root_key_brings_its_organisation_back_on_a_fresh_machine() {
        let dir = tempfile::tempdir().unwrap();
        let (lost, fresh) = (Home::at(&dir.path().join("lost")), Home::at(&dir.path().join("fresh")));
        let setup = Setup {
            name: "Rights".into(),
            kind: OrgKind::Cso,
            country: "GE".into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            advertise: vec![],
        };
        let before = setup::set_up(&lost, &setup, "five words").unwrap();
        let wrong = recover(&fresh, &setup, &lost.root_key(), "not these", "other words");
        assert!(matches!(wrong, Err(EnrolError::Root(_))) && !fresh.is_set_up());
        let now = recover(&fresh, &setup, &lost.root_key(), "five words", "other words").unwrap();
        assert_eq!(now.organisation, before.organisation);
        assert_ne!(now.node, before.node);
        assert!(Vault::open(&fresh.root_key(), b"other words").is_ok());
    }
}
