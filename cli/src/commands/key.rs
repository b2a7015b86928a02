//! `entente key …`: the organisation's root key on paper, with trustees, and back.

mod back;
mod out;
mod renew;
mod revoke;
mod show;
mod typed;

use std::path::Path;

use entente_node::api::types::{Problem, Status};
use entente_node::recovery::facts::{StoppedNode, StoppedNodeError};
use entente_node::recovery::{Fact, RecoveryFacts, RootKeyError};
use entente_node::vault::VaultError;
use entente_protocol::ids::OrgId;
use zeroize::Zeroizing;

use crate::args::{KeyCommand, PassphraseArgs};
use crate::client::{Client, route};
use crate::problem::{self, Exit};
use crate::{Context, node_calls, passphrase};

/// Dispatches.
pub(super) async fn key(context: &Context, command: KeyCommand) -> Result<Exit, Problem> {
    match command {
        KeyCommand::Show { partnership } => show::show(context, partnership).await,
        KeyCommand::Backup(args) => out::backup(context, &args).await,
        KeyCommand::Split(args) => out::split(context, &args).await,
        KeyCommand::Rotate { partnership } => renew::rotate(context, &partnership).await,
        KeyCommand::RenewLog { partnership, key, passphrase } => {
            renew::renew_log(context, &partnership, key, &passphrase).await
        }
        KeyCommand::Drill { words, organisation, passphrase } => {
            back::drill(context, words, organisation, &passphrase).await
        }
        KeyCommand::Revoke(args) => revoke::revoke(context, args).await,
        KeyCommand::Exposed { node } => revoke::exposed(context, &node).await,
        KeyCommand::Recover { out, organisation, passphrase } => {
            back::recover(context, out, organisation, &passphrase).await
        }
    }
}

/// What was not done when the root key could not be read.
const NOT_READ: &str = "the root key was not read, and nothing was shown";

/// Where it is noted that the root key was backed up or rehearsed.
enum Notebook {
    /// The node runs: it owns the vault.
    Node(Client, OrgId),
    /// It does not: its vault is open here, by this passphrase, and no node can start meanwhile.
    Vault(Box<StoppedNode>, Zeroizing<String>),
    /// There is no node on this computer.
    Nowhere,
}

impl Notebook {
    /// The node of this folder, if there is one. Asked before anything secret is shown or typed, so that
    /// nothing has to be done again because it could not be noted.
    async fn open(context: &Context, args: &PassphraseArgs) -> Result<Notebook, Problem> {
        match context.client().await {
            Ok(client) => {
                let status: Status = client.get(&route(&["status"])).await?;
                let organisation = status.organisation.ok_or_else(|| locked(context))?.id;
                Ok(Notebook::Node(client, organisation))
            }
            Err(problem) if problem.code == "no-node" && node_calls::initialised(&context.home) => {
                let passphrase = passphrase::known(args)?;
                let stopped = StoppedNode::open(&context.home, passphrase.as_bytes());
                Ok(Notebook::Vault(Box::new(stopped.map_err(|e| not_opened(context, &e))?), passphrase))
            }
            Err(problem) if ["no-node", "not-initialised"].contains(&problem.code.as_str()) => {
                Ok(Notebook::Nowhere)
            }
            Err(problem) => Err(problem),
        }
    }

    /// Whose node it is.
    fn organisation(&self) -> Option<OrgId> {
        match self {
            Notebook::Node(_, organisation) => Some(*organisation),
            Notebook::Vault(stopped, _) => Some(stopped.organisation()),
            Notebook::Nowhere => None,
        }
    }

    /// Notes what was done; false if there is nowhere to.
    async fn note(&mut self, fact: Fact) -> Result<bool, Problem> {
        match self {
            Notebook::Node(client, _) => {
                let _: RecoveryFacts = client.post(&route(&["keys", "recovery"]), &fact).await?;
                Ok(true)
            }
            Notebook::Vault(stopped, _) => stopped.note(fact).map(|()| true).map_err(|e| {
                let next = "look at the disk; what was done counts all the same";
                problem::problem(problem::FAILED, "vault", e.to_string(), "the date was not noted", next)
            }),
            Notebook::Nowhere => Ok(false),
        }
    }
}

fn locked(context: &Context) -> Problem {
    problem::problem(
        problem::LOCKED,
        "locked",
        "the node is locked, so the date cannot be noted",
        "nothing was shown, asked or noted",
        context.command("unlock"),
    )
}

fn not_opened(context: &Context, error: &StoppedNodeError) -> Problem {
    let not_done = "nothing was shown, asked or noted";
    match error {
        StoppedNodeError::Vault(VaultError::WrongPassphrase) => wrong_passphrase(not_done),
        StoppedNodeError::Lock(_) => problem::problem(
            problem::LOCKED,
            "in-use",
            format!("the node is just starting or stopping: {error}"),
            not_done,
            context.command("status"),
        ),
        other => problem::problem(
            problem::FAILED,
            "vault",
            other.to_string(),
            not_done,
            "put back the vault file from a back-up; do not delete anything",
        ),
    }
}

fn wrong_passphrase(not_done: &str) -> Problem {
    problem::problem(problem::LOCKED, "wrong-passphrase", "the passphrase is wrong", not_done, "try again")
}

/// A root key's file that cannot be read.
pub(super) fn not_read(file: &Path, error: &RootKeyError) -> Problem {
    match error {
        RootKeyError::Vault(VaultError::WrongPassphrase) => wrong_passphrase(NOT_READ),
        RootKeyError::Vault(VaultError::NotFound { .. }) => problem::problem(
            problem::NOT_FOUND,
            "no-root-key",
            format!("there is no root key at {}", file.display()),
            NOT_READ,
            "name its file, on a stick say: --key FILE; or make it again: entente key recover",
        ),
        other => problem::problem(
            problem::FAILED,
            "root-key",
            format!("{}: {other}", file.display()),
            NOT_READ,
            "use another copy of the file, or make it again: entente key recover",
        ),
    }
}
