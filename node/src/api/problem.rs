//! Errors as people and scripts get them: what happened, what was not done, what to do next, an exit code.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::joining::BeginError;
use crate::ledger::LedgerError;
use crate::node::NodeError;
use crate::partnership::commands::CommandError;
use crate::partnership::fence::{FenceReason, Fenced};
use crate::partnership::join::JoinError;
use crate::partnership::renew::RenewError;
use crate::records::attach::AttachError;
use crate::store::{IndexError, JournalError};

use super::types::{Problem, RefusalView};

/// Exit codes of the contract.
mod exit {
    pub const FAILED: u8 = 1;
    pub const USAGE: u8 = 2;
    pub const NOT_FOUND: u8 = 3;
    pub const LOCKED: u8 = 4;
    pub const REFUSED: u8 = 5;
    pub const OFFLINE: u8 = 7;
}

fn problem(code: &str, exit: u8, what: impl Into<String>, not_done: &str, next: &str) -> Problem {
    Problem {
        code: code.into(),
        what: what.into(),
        not_done: not_done.into(),
        next: next.into(),
        exit,
        refusals: Vec::new(),
    }
}

/// Something that was named is not here.
#[must_use]
pub fn not_found(what: impl Into<String>, not_done: &str, next: &str) -> Problem {
    problem("not-found", exit::NOT_FOUND, what, not_done, next)
}

/// The request makes no sense.
#[must_use]
pub fn refuse_input(what: impl Into<String>, not_done: &str, next: &str) -> Problem {
    problem("usage", exit::USAGE, what, not_done, next)
}

/// A rule says no.
#[must_use]
pub fn refused(refusals: &[(String, String)], not_done: &str, next: &str) -> Problem {
    let code = refusals.first().map_or("refused", |(code, _)| code.as_str());
    let what: Vec<String> = refusals.iter().map(|(code, reason)| format!("{code}: {reason}")).collect();
    let mut out = problem(code, exit::REFUSED, what.join(" "), not_done, next);
    out.refusals = refusals
        .iter()
        .map(|(code, reason)| RefusalView { code: code.clone(), reason: reason.clone() })
        .collect();
    out
}

/// Something failed.
#[must_use]
pub fn failed(what: impl Into<String>, not_done: &str) -> Problem {
    problem("failed", exit::FAILED, what, not_done, "Look at `entente doctor`, and at what the node printed.")
}

/// The node is locked.
#[must_use]
pub fn locked() -> Problem {
    problem(
        "locked",
        exit::LOCKED,
        "the node is locked: its keys are wiped",
        "Nothing was done.",
        "Unlock it: `entente unlock`.",
    )
}

/// The index failed.
#[must_use]
pub fn index(error: &IndexError) -> Problem {
    let next = "Restart the node: the index is rebuilt from the journal, nothing is lost.";
    problem("index", exit::FAILED, error.to_string(), "Nothing was done.", next)
}

/// Something could not be kept.
#[must_use]
pub fn ledger(error: &LedgerError, not_done: &str) -> Problem {
    match error {
        LedgerError::Journal(error) => journal(error, not_done),
        LedgerError::Index(error) => index(error),
    }
}

/// Little room is left on the disk.
#[must_use]
pub fn disk_low(not_done: &str) -> Problem {
    let next = "Make room on the disk, then try again; the node goes on by itself.";
    problem("disk-full", exit::FAILED, "the disk is nearly full", not_done, next)
}

fn journal(error: &JournalError, not_done: &str) -> Problem {
    if error.is_disk_full() {
        let next = "Make room on the disk, then try again; the node goes on by itself.";
        return problem("disk-full", exit::FAILED, "the disk is full", not_done, next);
    }
    let next = "Look at the disk, then restart the node; everything acknowledged is safe.";
    problem("journal", exit::FAILED, chain(error), not_done, next)
}

/// An error with all its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A command to a partnership.
#[must_use]
pub fn command(error: &CommandError, not_done: &str) -> Problem {
    use crate::partnership::commands::CommandError as E;
    match error {
        E::Ledger(error) => ledger(error, not_done),
        E::Govern(error) => govern(error, not_done),
        E::Publish(error) => refuse_input(error.to_string(), not_done, "Correct the record and try again."),
        E::Verify(error) => verify(*error, not_done),
        E::Fenced(fenced) => self::fenced(*fenced, not_done),
        E::Renew(error) => renew(error, not_done),
        E::DiskLow => disk_low(not_done),
        E::Mailbox(error) => refuse_input(error.to_string(), not_done, "See `entente mailbox list`."),
        E::Vault(_) | E::OutOfOrder | E::Stopping => failed(chain(error), not_done),
    }
}

fn fenced(fenced: Fenced, not_done: &str) -> Problem {
    let next = match fenced {
        Fenced::Until(FenceReason::Moved) => {
            "Connect to a partner: if it holds no more than this node, publishing goes on by itself. \
             `entente sync now`."
        }
        Fenced::Until(_) => {
            "Stay connected until partners have given back what is missing, then go on in a new log: \
             `entente key renew-log` (it needs the organisation's root key)."
        }
        Fenced::Claimed => "Try again in ten seconds.",
    };
    refused(&[("E-FENCED".into(), fenced.to_string())], not_done, next)
}

fn renew(error: &RenewError, not_done: &str) -> Problem {
    let what = error.to_string();
    match error {
        RenewError::NotFenced => refuse_input(what, not_done, "Nothing is to be done."),
        RenewError::Alone => problem(
            "alone",
            exit::OFFLINE,
            what,
            not_done,
            "Try again when a partner is connected: `entente sync now`, `entente sync status`.",
        ),
        RenewError::Behind => problem(
            "behind",
            exit::OFFLINE,
            what,
            not_done,
            "Try again in a moment; `entente sync status` says how much is missing.",
        ),
        RenewError::Certificate(_) => {
            refuse_input(what, not_done, "Sign the log that this node named: `entente key renew-log`.")
        }
    }
}

fn govern(error: &crate::partnership::GovernError, not_done: &str) -> Problem {
    use crate::partnership::GovernError as E;
    let what = error.to_string();
    match error {
        E::NotASteward | E::Void(entente_protocol::membership::VoidReason::NotASteward) => refused(
            &[("E-STEWARD".into(), what)],
            not_done,
            "Ask a steward; `entente partnership show` says who they are.",
        ),
        E::Void(reason) => refused(&[("E-VOID".into(), what)], not_done, after_void(*reason)),
        E::Agreement(_) => refuse_input(
            what,
            not_done,
            "Correct the file; `entente partnership agreement check FILE` reads it before anybody signs.",
        ),
        E::SameAgreement => refuse_input(what, not_done, "Change the file first."),
        E::NoSuchProposal => not_found(what, not_done, "`entente partnership proposals` lists them."),
        E::NotSuspended => not_found(what, not_done, "`entente partnership show` says who suspended it."),
        E::NothingToDeclare => refuse_input(
            what,
            not_done,
            "Nothing needs to be declared. See `entente partnership agreement show`.",
        ),
        E::NoRoles => failed(what, not_done),
        E::NobodyWaits => not_found(what, not_done, "`entente partnership show` lists who waits to join."),
        E::NoSuchNode => not_found(what, not_done, "`entente member list` shows each member's nodes."),
        E::OwnNode | E::MayNotRevoke => refused(
            &[("E-REVOKE".into(), what)],
            not_done,
            "With the root key any member may: `entente key revoke NODE --root-key FILE`.",
        ),
        E::NotAMember => not_found(what, not_done, "See `entente member list`."),
        E::NoSuchRole(_) => {
            refuse_input(what, not_done, "`entente partnership agreement show` lists the roles.")
        }
        E::Act(_) => refuse_input(what, not_done, "Correct it and try again."),
        E::TooManyInvitations => refuse_input(what, not_done, "Wait until some are used or have expired."),
        E::Graph(_) | E::Invitation(_) | E::Random(_) => failed(what, not_done),
    }
}

/// What to do after an act was found to have no effect.
fn after_void(reason: entente_protocol::membership::VoidReason) -> &'static str {
    use entente_protocol::membership::VoidReason as V;
    match reason {
        V::LastSteward => "Make another member a steward first: `entente member promote P ORG`.",
        V::NotASteward => "Ask a steward; `entente partnership show` says who they are.",
        V::NotAnNpm => "Ask the NPM; a steward can remove a member instead.",
        V::AlreadySigned | V::AlreadyDone | V::Withdrawn => "See `entente partnership proposals`.",
        V::UnknownRole => "`entente partnership agreement show` lists the roles.",
        _ => "See `entente partnership show`.",
    }
}

fn verify(error: crate::partnership::VerifyError, not_done: &str) -> Problem {
    use crate::partnership::VerifyError as E;
    let what = error.to_string();
    match error {
        E::Ourselves => refuse_input(what, not_done, "Name the other organisation."),
        E::NotAMember => not_found(what, not_done, "See `entente member list`."),
        E::WeAreNot => refused(&[("E-NOT-MEMBER".into(), what)], not_done, "See `entente partnership show`."),
        E::NotConnected => problem(
            "not-connected",
            exit::OFFLINE,
            what,
            not_done,
            "Ask them to start their node, then try again; `entente sync now` tries to reach it at once.",
        ),
        E::NoCodes(_) => problem(
            "no-codes",
            exit::FAILED,
            what,
            not_done,
            "Begin (again) at both ends: `entente member verify P ORG`.",
        ),
        E::OwnCode => problem(
            "own-code",
            exit::USAGE,
            what,
            not_done,
            "Type the code that they read to you from their screen.",
        ),
        E::WrongCode(0) => refused(
            &[("wrong-code".into(), format!("{what}. The verification is over"))],
            "Nothing was verified, and a warning stays until it is.",
            "Hang up, call them on a number that you had before, and begin again at both ends: \
             `entente member verify P ORG`. If it fails again, share nothing with them.",
        ),
        E::WrongCode(_) => {
            refused(&[("wrong-code".into(), what)], not_done, "Ask them to read it again, slowly.")
        }
    }
}

/// Attachments.
#[must_use]
pub fn attach(error: &AttachError, not_done: &str) -> Problem {
    match error {
        AttachError::Chunk(_) | AttachError::Name | AttachError::TooMany => {
            refuse_input(error.to_string(), not_done, "Choose another file or name.")
        }
        AttachError::DiskLow => disk_low(not_done),
        AttachError::Hidden { .. } => refused(
            &[("E-HIDDEN-DATA".into(), error.to_string())],
            not_done,
            "See `entente record preview`. Attach a cleaned file, or share with --keep-metadata if readers may \
             know all that it tells.",
        ),
        AttachError::Blob(_) | AttachError::Broken(_) => failed(chain(error), not_done),
    }
}

/// Joining.
#[must_use]
pub fn begin(error: &BeginError) -> Problem {
    let nothing = "Nothing was signed, and you did not join.";
    match error {
        BeginError::Invitation(error) => refuse_input(
            error.to_string(),
            nothing,
            "Copy the whole line that begins with `entente1`, or ask for a new invitation.",
        ),
        BeginError::Join(error) => join(error, nothing),
        BeginError::Node(error) => node(error, nothing),
        BeginError::OtherAgreement => refused(
            &[("E-AGREEMENT".into(), error.to_string())],
            nothing,
            "Read it again: `entente partnership join INVITATION` shows it.",
        ),
        BeginError::Undeclared => refused(
            &[("E-DECLARATION".into(), error.to_string())],
            nothing,
            "Say who signs it: `entente partnership join INVITATION --person 'NAME'`.",
        ),
        BeginError::OtherOrganisation => refused(
            &[("E-ORGANISATION".into(), error.to_string())],
            nothing,
            "It is of use only to a node that the other organisation's root key certified.",
        ),
        BeginError::AlreadyMember => {
            refused(&[("E-MEMBER".into(), error.to_string())], nothing, "See `entente partnership list`.")
        }
    }
}

fn join(error: &JoinError, nothing: &str) -> Problem {
    let what = chain(error);
    match error {
        JoinError::NobodyAnswers { .. } | JoinError::NoAddress => problem(
            "unreachable",
            exit::OFFLINE,
            format!("{what}. An invitation that has expired or was used is not answered either"),
            nothing,
            "Is the inviter's node running, and can this machine reach it? Else ask for a new invitation.",
        ),
        JoinError::Refused(refusal) => refused(
            &[(format!("E-INVITATION-{}", refusal.code.to_uppercase()), refusal.reason.clone())],
            nothing,
            "Ask the inviter for a new invitation.",
        ),
        JoinError::Unproven(_) => refused(
            &[("E-UNPROVEN".into(), what)],
            nothing,
            "Do not go on. Ask the inviter by another channel whether the invitation is theirs.",
        ),
        JoinError::Broken(_) => problem("broken", exit::OFFLINE, what, nothing, "Try again in a moment."),
    }
}

/// Opening a node, founding a partnership.
#[must_use]
pub fn node(error: &NodeError, not_done: &str) -> Problem {
    use crate::home::HomeError;
    use crate::store::{LockError, StoreError};
    use crate::vault::VaultError;
    let what = chain(error);
    match error {
        NodeError::Home(HomeError::Empty(_)) => {
            not_found(what, not_done, "Set one up: `entente init --help` shows how.")
        }
        NodeError::Home(_) => refuse_input(what, not_done, "Correct the file, then start again."),
        NodeError::Vault(VaultError::WrongPassphrase) => problem(
            "wrong-passphrase",
            exit::LOCKED,
            what,
            not_done,
            "Try again. Without the passphrase nobody can open this node, its makers included.",
        ),
        NodeError::Vault(_) | NodeError::Secrets(_) | NodeError::Identity(_) => problem(
            "vault",
            exit::FAILED,
            what,
            not_done,
            "Put back the vault file from a back-up; do not delete anything.",
        ),
        NodeError::Store(StoreError::Lock(LockError::LockedBy { .. })) => problem(
            "in-use",
            exit::LOCKED,
            format!("another process uses this node's folder: {what}"),
            not_done,
            "Is the node running already? `entente status` tells; `entente stop` stops it.",
        ),
        NodeError::Listen { .. } => problem(
            "port-in-use",
            exit::FAILED,
            what,
            not_done,
            "Stop the program that uses the port, or change `listen` in config.toml.",
        ),
        NodeError::Ledger(error) => ledger(error, not_done),
        NodeError::Act(_) => refuse_input(what, not_done, "Correct it and try again."),
        _ => failed(what, not_done),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = match self.exit {
            exit::USAGE => StatusCode::BAD_REQUEST,
            exit::NOT_FOUND => StatusCode::NOT_FOUND,
            exit::LOCKED => StatusCode::LOCKED,
            exit::REFUSED => StatusCode::FORBIDDEN,
            exit::OFFLINE => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(self)).into_response()
    }
}
