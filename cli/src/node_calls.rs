//! The few things that the program does without a running node: making one, running one, looking at one
//! that is down. Everything else goes over the socket.

use std::path::{Path, PathBuf};

use std::net::SocketAddr;

use entente_node::address::{Address, NotAnAddress};
use entente_node::api::problem as node_problem;
use entente_node::api::types::{Check, Problem, Status};
use entente_node::door::{NotAProxy, Proxy};
use entente_node::enrol::{self, EnrolError, Listening};
use entente_node::home::{DEFAULT_PORT, Home, HomeError, RunNetwork};
use entente_node::recovery::RootKeyError;
use entente_node::setup::{Setup, SetupError, WEAK_PASSPHRASE, set_up};
use entente_node::vault::VaultError;
use entente_protocol::agreement::Form;
use entente_protocol::agreement::templates::template;
use entente_protocol::identity::OrgKind;
use entente_protocol::ids::{NodeId, OrgId};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::problem::{problem, usage};

/// The forms of agreement that templates exist for.
pub const FORMS: [&str; 5] = ["informal", "formal", "advisory-body", "joint-activity", "within-npm"];

/// What a new node is made of.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The organisation's name.
    pub name: String,
    /// What it is.
    pub kind: OrgKind,
    /// ISO 3166-1 alpha-2, capital letters.
    pub country: String,
    /// Where the node listens.
    pub listen: Listen,
    /// The file of the root key, and its passphrase, where the organisation exists.
    pub root: Option<(PathBuf, Zeroizing<String>)>,
}

/// Where a node listens.
#[derive(Clone, Debug, Default)]
pub struct Listen {
    /// As a multiaddr; the node's default if absent.
    pub listen: Option<String>,
    /// Addresses that partners are told instead, as multiaddrs.
    pub advertise: Vec<String>,
}

impl Listen {
    fn read(&self) -> Result<Listening, Problem> {
        let listen = match &self.listen {
            Some(text) => match address(text)? {
                Address::Ip(address) => address,
                Address::Name(..) => {
                    return Err(usage(
                        "a node listens on an address of this machine",
                        "write /ip4/0.0.0.0/tcp/7420, and name the rest with `--advertise`",
                    ));
                }
            },
            None => SocketAddr::from(([0, 0, 0, 0], DEFAULT_PORT)),
        };
        let advertise = self.advertise.iter().map(|a| address(a)).collect::<Result<Vec<_>, _>>()?;
        Ok(Listening { listen, advertise })
    }
}

/// A request of a new node.
#[derive(Clone, Debug, Serialize)]
pub struct RequestMade {
    /// The new node.
    pub node: NodeId,
    /// The organisation that it asks.
    pub organisation: OrgId,
    /// One line of text.
    pub request: String,
}

/// A request was granted.
#[derive(Clone, Debug, Serialize)]
pub struct Accepted {
    /// The organisation.
    pub organisation: OrgId,
    /// The node.
    pub node: NodeId,
    /// How many partnerships it has a door into.
    pub partnerships: usize,
}

/// Makes a home for one more node of an organisation, and the request to it.
///
/// # Errors
/// If there is a node already, or the folder cannot be written.
pub fn request(
    home: &Path,
    listen: &Listen,
    organisation: OrgId,
    passphrase: &str,
) -> Result<RequestMade, Problem> {
    let made = enrol::request(&Home::at(home), &listen.read()?, organisation, passphrase);
    let (made, request) = made.map_err(|e| not_enrolled(&e))?;
    Ok(RequestMade { node: made.node, organisation, request })
}

/// Completes the home of a request.
///
/// # Errors
/// If the grant is for another request, or the folder cannot be written.
pub fn accept(home: &Path, grant: &str, passphrase: &str) -> Result<Accepted, Problem> {
    let (made, partnerships) =
        enrol::accept(&Home::at(home), grant, passphrase).map_err(|e| not_enrolled(&e))?;
    Ok(Accepted { organisation: made.organisation, node: made.node, partnerships })
}

fn not_enrolled(error: &EnrolError) -> Problem {
    let what = error.to_string();
    match error {
        EnrolError::Setup(error) => not_set_up(error),
        EnrolError::Home(HomeError::Taken(_)) => {
            usage(what, "choose another folder with `--home DIR`; nothing here was changed")
        }
        EnrolError::NoRequest => problem(
            crate::problem::NOT_FOUND,
            "no-request",
            what,
            NOT_MADE,
            "make one first: `entente node request`, with the same `--home`",
        ),
        EnrolError::Vault(VaultError::WrongPassphrase)
        | EnrolError::Root(RootKeyError::Vault(VaultError::WrongPassphrase)) => {
            problem(crate::problem::LOCKED, "wrong-passphrase", what, NOT_MADE, "try again")
        }
        EnrolError::Office(_) => usage(what, "copy the whole line that `entente node certify` printed"),
        EnrolError::Passphrase => usage(what, "correct it, then try again"),
        EnrolError::Root(_) => problem(
            crate::problem::FAILED,
            "root-key",
            what,
            NOT_MADE,
            "name the root key's file: `--recover-root FILE`; words and shares give it back: `entente key recover`",
        ),
        EnrolError::Home(_) | EnrolError::Vault(_) | EnrolError::Damaged(_) | EnrolError::Random(_) => {
            node_problem::failed(what, NOT_MADE)
        }
    }
}

/// What was made.
#[derive(Clone, Debug, Serialize)]
pub struct InitReport {
    /// The organisation.
    pub organisation: OrgId,
    /// Its first node.
    pub node: NodeId,
    /// The first 30 letters of the organisation's id, in groups.
    pub fingerprint: String,
    /// What to read aloud when somebody asks whether the key is the right one: twelve words.
    pub fingerprint_words: String,
    /// The folder.
    pub home: String,
    /// What was made, one sentence each.
    pub made: Vec<String>,
}

/// How to run a node.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Addresses that partners are told in this run, as multiaddrs; those of `init` if empty.
    pub advertise: Vec<String>,
    /// A SOCKS5 proxy that everything dialled goes through; that of the settings if absent.
    pub proxy: Option<String>,
    /// Hide where the node is.
    pub only_proxy: bool,
    /// Look for partners on the local network.
    pub lan: bool,
}

const NOT_MADE: &str = "no node was made";

/// Makes a node in `home`.
///
/// # Errors
/// If there is one already, or the folder cannot be written.
pub fn init(home: &Path, options: InitOptions, passphrase: &str) -> Result<InitReport, Problem> {
    let Listening { listen, advertise } = options.listen.read()?;
    let setup = Setup { name: options.name, kind: options.kind, country: options.country, listen, advertise };
    let folder = Home::at(home);
    let made = match &options.root {
        None => set_up(&folder, &setup, passphrase).map_err(|e| not_set_up(&e))?,
        Some((file, root)) => {
            enrol::recover(&folder, &setup, file, root, passphrase).map_err(|e| not_enrolled(&e))?
        }
    };
    let mut report = InitReport {
        organisation: made.organisation,
        node: made.node,
        fingerprint: fingerprint(&made.organisation),
        fingerprint_words: entente_node::fingerprint::words(&made.organisation),
        home: home.display().to_string(),
        made: vec![
            "The organisation's root key, in `organisation.key`, under the passphrase. Back it up as \
             words or shares, then take the file off this machine; the node runs without it."
                .into(),
            "This node's keys, in `vault`, under the passphrase. Without the passphrase nobody can open \
             them, the makers of this program included."
                .into(),
            format!("Settings, in `config.toml`: it will listen on {listen}."),
        ],
    };
    if passphrase.chars().count() < WEAK_PASSPHRASE {
        let warning = "The passphrase is short: whoever takes this machine could guess it. Use a new folder and \
                       several words for anything that matters.";
        report.made.push(warning.into());
    }
    Ok(report)
}

/// The first 30 letters of an id in groups of five: what can be read over the phone.
fn fingerprint(org: &OrgId) -> String {
    let letters: Vec<char> = org.to_string().chars().take(30).collect();
    letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn address(text: &str) -> Result<Address, Problem> {
    text.parse()
        .map_err(|wrong: NotAnAddress| usage(wrong.to_string(), "correct the address, then try again"))
}

fn not_set_up(error: &SetupError) -> Problem {
    let what = error.to_string();
    match error {
        SetupError::Home(HomeError::Taken(_)) => {
            usage(what, "choose another folder with `--home DIR`; nothing here was changed")
        }
        SetupError::Name(_) | SetupError::Passphrase => usage(what, "correct it, then try again"),
        SetupError::Vault(VaultError::Io { source, .. }) => {
            node_problem::failed(format!("{what}: {source}"), NOT_MADE)
        }
        SetupError::Home(_) | SetupError::Vault(_) | SetupError::Random(_) => {
            node_problem::failed(what, NOT_MADE)
        }
    }
}

/// Runs the node of `home` until it is stopped (SIGINT, SIGTERM or `POST /v1/stop`); calls `ready` once the
/// socket answers and the addresses are known.
///
/// # Errors
/// If the passphrase is wrong, another node runs there, or it cannot go on.
pub async fn run(
    home: &Path,
    options: RunOptions,
    passphrase: &str,
    ready: impl FnOnce(Status),
) -> Result<(), Problem> {
    let advertise = options.advertise.iter().map(|a| address(a)).collect::<Result<Vec<_>, _>>()?;
    let proxy = options.proxy.as_deref().map(str::parse::<Proxy>).transpose();
    let proxy = proxy.map_err(|wrong: NotAProxy| usage(wrong.to_string(), "correct it, then try again"))?;
    let network = RunNetwork { advertise, proxy, only_proxy: options.only_proxy, lan: options.lan };
    entente_node::run::run(home, network, passphrase, ready).await
}

/// What can be checked while the node is down.
#[must_use]
pub fn doctor_offline(home: &Path) -> Vec<Check> {
    entente_node::doctor::offline(home)
}

/// The commented TOML to begin an agreement of this form with.
#[must_use]
pub fn templates(form: &str) -> Option<&'static str> {
    Form::from_word(form).map(template)
}

/// Is there a node in this folder, running or not?
#[must_use]
pub fn initialised(home: &Path) -> bool {
    Home::at(home).is_set_up()
}
