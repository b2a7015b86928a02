//! `entente partnership …`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use entente_protocol::handling::Role;

use super::AgreementCommand;

/// `partnership`.
#[derive(Subcommand, Debug)]
pub enum PartnershipCommand {
    /// Found a partnership under an agreement
    #[command(
        after_help = "Example:\n  entente partnership agreement template informal > agreement.toml\n  entente partnership new --name 'Prevention 2026' --agreement agreement.toml"
    )]
    New {
        /// Its name
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// The agreement (TOML)
        #[arg(long, value_name = "FILE")]
        agreement: PathBuf,
        /// Our role in it, where it is not the organisation's kind
        #[arg(long)]
        role: Option<Role>,
        /// Who signs for us, where the agreement asks our role for a declaration of confidentiality
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        person: Option<String>,
    },
    /// Show or set how much partners may store on this node
    #[command(
        after_help = "Example:\n  entente partnership quota 'Prevention 2026' --bytes 20G --records 100000\n\nOver it, their entries are refused, they are told so, and other partnerships go on."
    )]
    Quota(super::QuotaArgs),
    /// Show or set whether its traffic goes before that of other partnerships, where `network limit` holds both back
    #[command(
        after_help = "Example:\n  entente partnership priority 'Prevention 2026' first\n\nWho comes last gets less, and never nothing. Without a limit, all get what the line gives."
    )]
    Priority(super::PriorityArgs),
    /// List the partnerships of this node
    #[command(after_help = "Example:\n  entente partnership list")]
    List,
    /// Show members, agreement and invitations of a partnership
    #[command(after_help = "Example:\n  entente partnership show 'Prevention 2026'")]
    Show(ThePartnership),
    /// Invite one organisation
    #[command(
        after_help = "Example:\n  entente partnership invite 'Prevention 2026' --role cso\n\nHand the line over by a channel that both trust. It works once."
    )]
    Invite {
        /// Where.
        #[command(flatten)]
        partnership: ThePartnership,
        /// The role offered
        #[arg(long)]
        role: Option<Role>,
        /// Days until it expires
        #[arg(long, value_name = "N")]
        days: Option<u64>,
        /// Show it as a QR code too, on the terminal
        #[arg(long)]
        qr: bool,
    },
    /// Read an invitation and its agreement, and join
    #[command(after_help = "Example:\n  entente partnership join invitation.txt")]
    Join {
        /// The invitation: its text, a file that holds it, or - for stdin
        #[arg(value_name = "INVITATION", value_parser = NonEmptyStringValueParser::new())]
        invitation: String,
        /// Accept the agreement without being asked
        #[arg(long)]
        yes: bool,
        /// Who signs for us, where the agreement asks for a declaration of confidentiality
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        person: Option<String>,
    },
    /// Let in an organisation that asked to join
    #[command(
        after_help = "Example:\n  entente partnership approve 'Prevention 2026' 'Rights Georgia'\n\nCheck by another channel that the organisation is who it says."
    )]
    Approve(OrgInPartnership),
    /// Open a door for one more node of a member, such as one that lost all of its own in a raid
    #[command(
        after_help = "Example:\n  entente partnership office 'Prevention 2026' 'Rights Georgia'\n\nHand the line over by a channel that both trust. It is of use only to a node that the member's root key\ncertified, which types: entente partnership join INVITATION"
    )]
    Office {
        /// Whose, and where.
        #[command(flatten)]
        target: OrgInPartnership,
        /// Days until the door closes
        #[arg(long, value_name = "N")]
        days: Option<u64>,
    },
    /// Remove a member; nothing new reaches it, what it holds it keeps
    #[command(
        after_help = "Example:\n  entente partnership remove 'Prevention 2026' 'Rights Georgia' --reason 'agreement ended'\n\nOn a terminal it asks first."
    )]
    Remove {
        /// Who, and where.
        #[command(flatten)]
        target: OrgInPartnership,
        /// Why; all members will read it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Leave a partnership; what is here stays here
    #[command(
        after_help = "Example:\n  entente partnership leave 'Prevention 2026'\n\nOn a terminal it asks first."
    )]
    Leave {
        /// Which.
        #[command(flatten)]
        partnership: ThePartnership,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// What is decided.
    #[command(flatten)]
    Govern(super::GovernCommand),
    /// Begin, check, compare or read an agreement
    #[command(
        subcommand,
        after_help = "Example:\n  entente partnership agreement template formal > agreement.toml"
    )]
    Agreement(AgreementCommand),
}

/// A partnership.
#[derive(Args, Debug)]
pub struct ThePartnership {
    /// The partnership: its name, its id or the beginning of it
    #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: String,
}

/// An organisation in a partnership.
#[derive(Args, Debug)]
pub struct OrgInPartnership {
    /// The partnership: its name, its id or the beginning of it
    #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: String,
    /// The organisation: its name, its id or the beginning of it
    #[arg(value_name = "ORG", value_parser = NonEmptyStringValueParser::new())]
    pub org: String,
}
