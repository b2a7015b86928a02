//! What members decide about their partnership: `partnership …` and `member …`, founding and joining apart.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use entente_protocol::handling::Role;

use super::{OrgInPartnership, ThePartnership};

/// `partnership …`: what is decided.
#[derive(Subcommand, Debug)]
pub enum GovernCommand {
    /// List what was proposed, and who has signed
    #[command(after_help = "Example:\n  entente partnership proposals 'Prevention 2026'")]
    Proposals(ThePartnership),
    /// Sign a proposal; who signs last puts it into effect
    #[command(
        after_help = "Example:\n  entente partnership sign 'Prevention 2026'\n\nOn a terminal it shows the proposal and asks first."
    )]
    Sign(OneProposal),
    /// Take a proposal of ours back
    #[command(after_help = "Example:\n  entente partnership withdraw 'Prevention 2026' 3fk2q7abcd")]
    Withdraw(OneProposal),
    /// Stop all exchange at once (an NPM, alone)
    #[command(
        after_help = "Example:\n  entente partnership suspend 'Prevention 2026' --reason 'a confidence was broken'\n\nOn a terminal it asks first. `partnership resume` ends it."
    )]
    Suspend(WithReason),
    /// End our suspension
    #[command(after_help = "Example:\n  entente partnership resume 'Prevention 2026'")]
    Resume(ThePartnership),
    /// Propose another last day of the agreement; every member signs
    #[command(after_help = "Example:\n  entente partnership renew 'Prevention 2026' 2028-12-31")]
    Renew {
        /// Which.
        #[command(flatten)]
        partnership: ThePartnership,
        /// The last day, as year-month-day
        #[arg(value_name = "DAY")]
        last_day: String,
    },
    /// End the partnership for good; what members hold they keep under the survival clause
    #[command(
        after_help = "Example:\n  entente partnership terminate 'Prevention 2026' --reason 'the project is over'\n\nOn a terminal it asks first."
    )]
    Terminate(WithReason),
    /// Sign the declaration of confidentiality that the agreement asks for
    #[command(after_help = "Example:\n  entente partnership declare 'Prevention 2026' --person 'Nino B.'")]
    Declare {
        /// Where.
        #[command(flatten)]
        partnership: ThePartnership,
        /// Who signs for the organisation
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        person: String,
    },
    /// Let a member read what is older than its membership
    #[command(
        after_help = "Examples:\n  entente partnership grant-history 'Prevention 2026' 'Rights Georgia' --from 2026-01-01\n  entente partnership grant-history 'Prevention 2026' 'Rights Georgia' --record 3fk2q7abcd --record 7abc\n\nIt is what was shared with all members, and is permitted to its role. Of what is granted by --record, it reads these records and no others."
    )]
    GrantHistory {
        /// Who, and where.
        #[command(flatten)]
        target: OrgInPartnership,
        /// How much.
        #[command(flatten)]
        scope: HistoryScopeArgs,
    },
    /// Carry membership acts and signatures by hand, where members are never online together
    #[command(
        subcommand,
        after_help = "Example:\n  entente partnership acts export 'Prevention 2026' acts.json"
    )]
    Acts(ActsCommand),
}

/// How much of the past.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct HistoryScopeArgs {
    /// Everything that was shared with all members
    #[arg(long)]
    pub all: bool,
    /// What was written from this day on
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// A record; may be repeated
    #[arg(long, value_name = "ID")]
    pub record: Vec<String>,
}

/// `partnership acts`.
#[derive(Subcommand, Debug)]
pub enum ActsCommand {
    /// Write all membership acts of a partnership to a file
    #[command(
        after_help = "Example:\n  entente partnership acts export 'Prevention 2026' acts.json\n\nThe file holds names, keys and signatures of the members, and no record. Hand it to members only."
    )]
    Export {
        /// Which.
        #[command(flatten)]
        partnership: ThePartnership,
        /// Where to; it must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Take the membership acts in a file
    #[command(after_help = "Example:\n  entente partnership acts import 'Prevention 2026' acts.json")]
    Import {
        /// Which.
        #[command(flatten)]
        partnership: ThePartnership,
        /// From where
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// A proposal.
#[derive(Args, Debug)]
pub struct OneProposal {
    /// Where.
    #[command(flatten)]
    pub partnership: ThePartnership,
    /// The proposal: its id or the beginning of it; the only open one if left out
    #[arg(value_name = "PROPOSAL")]
    pub proposal: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// A partnership, and why.
#[derive(Args, Debug)]
pub struct WithReason {
    /// Which.
    #[command(flatten)]
    pub partnership: ThePartnership,
    /// Why; all members will read it
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `member …`: what is decided about one.
#[derive(Subcommand, Debug)]
pub enum MemberDecision {
    /// Give a member another role of the agreement
    #[command(after_help = "Example:\n  entente member role 'Prevention 2026' 'Rights Georgia' expert")]
    Role {
        /// Who, and where.
        #[command(flatten)]
        target: OrgInPartnership,
        /// The role
        #[arg(value_name = "ROLE")]
        role: Role,
    },
    /// Make a member a steward
    #[command(
        after_help = "Example:\n  entente member promote 'Prevention 2026' 'Rights Georgia'\n\nStewards invite, approve and remove. Where the agreement wants several to sign, this proposes it."
    )]
    Promote(OrgInPartnership),
    /// Take a stewardship away, or lay down our own
    #[command(after_help = "Example:\n  entente member demote 'Prevention 2026' 'Rights Georgia'")]
    Demote(OrgInPartnership),
}
