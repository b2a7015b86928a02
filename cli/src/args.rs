//! The command line: names, options and examples. The contract is in the user guide; scripts rely on it.

mod agreement;
mod attachment;
mod audit;
mod backup;
mod bundle;
mod desk;
mod field;
mod govern;
mod journal;
mod key;
mod mailbox;
mod network;
mod node;
mod partnership;
mod place;
mod record;
mod redact;
mod visit;
mod withdraw;

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use entente_protocol::identity::OrgKind;

pub use agreement::*;
pub use attachment::*;
pub use audit::*;
pub use backup::*;
pub use bundle::*;
pub use desk::*;
pub use field::*;
pub use govern::*;
pub use journal::*;
pub use key::*;
pub use mailbox::*;
pub use network::*;
pub use node::*;
pub use partnership::*;
pub use place::*;
pub use record::*;
pub use visit::*;

const EXAMPLE: &str = "\
Examples:
  entente init --name 'Ombudsman of Atlantis' --kind npm --country XA
  entente run
  entente partnership new --name 'Prevention 2026' --agreement agreement.toml
  entente record new draft.json

Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 locked, 5 refused by a rule, 6 findings, \
7 queued while offline.";

/// Exchange confidential records between a National Preventive Mechanism and civil society.
#[derive(Parser, Debug)]
#[command(name = "entente", version, after_help = EXAMPLE, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
pub struct Global {
    /// The node's folder [default: ~/.local/share/entente]
    #[arg(long, global = true, value_name = "DIR", env = "ENTENTE_HOME", hide_env_values = true)]
    pub home: Option<PathBuf>,
    /// Act as one of the staff: the file of your token [default: as the keeper of the node]
    #[arg(
        long = "as",
        global = true,
        value_name = "TOKEN_FILE",
        env = "ENTENTE_TOKEN_FILE",
        hide_env_values = true
    )]
    pub token: Option<PathBuf>,
    /// Print one JSON object on stdout; words go to stderr
    #[arg(long, global = true)]
    pub json: bool,
}

/// Everything that can be done, nouns first.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a node for an organisation on this machine
    Init(InitArgs),
    /// Run the node in the foreground
    Run(RunArgs),
    /// Show who this node is and how it is
    #[command(after_help = "Example:\n  entente status")]
    Status,
    /// Check this node, running or not
    #[command(after_help = "Example:\n  entente doctor\n\nThe exit code is 6 if something needs attention.")]
    Doctor,
    /// Wipe the keys from memory until the passphrase is given again
    #[command(after_help = "Example:\n  entente lock")]
    Lock,
    /// Give the passphrase to a locked node
    #[command(after_help = "Example:\n  entente unlock")]
    Unlock(PassphraseArgs),
    /// Stop the running node
    #[command(after_help = "Example:\n  entente stop")]
    Stop,
    /// Give colleagues accounts of their own on this node, with roles
    #[command(subcommand, after_help = "Example:\n  entente staff list")]
    Staff(StaffCommand),
    /// Release what a colleague wants to share, where the agreement wants more than one person
    #[command(subcommand, after_help = "Example:\n  entente release list")]
    Release(ReleaseCommand),
    /// Found, join and keep partnerships
    #[command(subcommand, after_help = "Example:\n  entente partnership list")]
    Partnership(PartnershipCommand),
    /// See who is a member
    #[command(subcommand, after_help = "Example:\n  entente member list 'Prevention 2026'")]
    Member(MemberCommand),
    /// Add a second office, and see this organisation's nodes
    #[command(subcommand, after_help = "Example:\n  entente node list")]
    Node(NodeCommand),
    /// Back up, share out, rehearse and recover the organisation's root key; see what keys are held
    #[command(subcommand, after_help = "Example:\n  entente key show")]
    Key(KeyCommand),
    /// Back up this node, and bring it back
    #[command(subcommand, after_help = "Example:\n  entente backup create /media/stick/node.backup")]
    Backup(BackupCommand),
    /// Write, share, find and export records
    #[command(subcommand, after_help = "Example:\n  entente record list --since 7d")]
    Record(RecordCommand),
    /// Follow recommendations: replies, assessments, endorsements, shadow information, statistics
    #[command(subcommand, after_help = "Example:\n  entente recommendation board")]
    Recommendation(RecommendationCommand),
    /// Places by all their names: what was said about each, which may be the same, and merging them
    #[command(subcommand, after_help = "Example:\n  entente place list")]
    Place(PlaceCommand),
    /// See what is owed and overdue: answers, replies, regular exchanges, contributions, positions
    Due(DueArgs),
    /// See visits and their teams, and the roster of experts
    #[command(subcommand, after_help = "Example:\n  entente visit list")]
    Visit(VisitCommand),
    /// Work together on one visit, project, report or campaign, in a space of its own with an end
    #[command(subcommand, after_help = "Example:\n  entente activity list")]
    Activity(ActivityCommand),
    /// Advise: agenda, papers, opinions, motions with quorum, the NPM's response
    #[command(subcommand, after_help = "Example:\n  entente advice show 'Advisory council'")]
    Advice(AdviceCommand),
    /// See what files tell, and fetch those attached to records
    #[command(subcommand, after_help = "Example:\n  entente attachment list 3fk2q7abcd")]
    Attachment(AttachmentCommand),
    /// See what partners have, and why
    #[command(subcommand, after_help = "Example:\n  entente sync status")]
    Sync(SyncCommand),
    /// Look after the journal, in which all that lasts is kept
    #[command(subcommand, after_help = "Example:\n  entente journal compact")]
    Journal(JournalCommand),
    /// Exchange with partners by a file that is carried to them
    #[command(subcommand, after_help = "Example:\n  entente bundle import /media/stick/for-rights")]
    Bundle(BundleCommand),
    /// Keep ciphertext for partners who are never online together, or use such a mailbox
    #[command(subcommand, after_help = "Example:\n  entente mailbox list")]
    Mailbox(MailboxCommand),
    /// See and set how this node reaches others, and how much it sends
    #[command(subcommand, after_help = "Example:\n  entente network limit --up 8kB --down 64kB")]
    Network(NetworkCommand),
    /// Check what happened, and that nothing of it was deleted or changed
    #[command(subcommand, after_help = "Example:\n  entente audit verify")]
    Audit(AuditCommand),
    /// Show the whole of it: three nodes on this machine, and who can read what
    Demo(DemoArgs),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  entente completions bash > ~/.local/share/bash-completion/completions/entente"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `init`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  entente init --name 'Ombudsman of Atlantis' --kind npm --country XA --listen /ip4/0.0.0.0/tcp/4001"
)]
pub struct InitArgs {
    /// The organisation's name, in any script
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub name: String,
    /// What it is
    #[arg(long)]
    pub kind: KindOfOrg,
    /// Its country, as two letters (ISO 3166-1)
    #[arg(long, value_name = "XX", value_parser = country)]
    pub country: String,
    /// After a raid: a new node of the existing organisation, by the file of its root key
    #[arg(long, value_name = "FILE")]
    pub recover_root: Option<PathBuf>,
    /// Where the root key's own passphrase comes from, if it is another [default: as the new passphrase, or
    /// asked]
    #[arg(long, value_name = "N", requires = "recover_root")]
    pub root_passphrase_fd: Option<u16>,
    /// Where the node listens
    #[arg(long, value_name = "MULTIADDR", value_parser = NonEmptyStringValueParser::new())]
    pub listen: Option<String>,
    /// An address that partners are told instead of the one listened on; may be repeated
    #[arg(long, value_name = "MULTIADDR", value_parser = NonEmptyStringValueParser::new())]
    pub advertise: Vec<String>,
    /// Where the new passphrase comes from.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}

/// `run`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  entente run --advertise /ip4/203.0.113.7/tcp/4001\n  entente run --proxy socks5h://127.0.0.1:9050 --only-proxy --advertise /onion3/NAME:7420"
)]
pub struct RunArgs {
    /// An address that partners are told in this run; may be repeated
    #[arg(long, value_name = "MULTIADDR", value_parser = NonEmptyStringValueParser::new())]
    pub advertise: Vec<String>,
    /// How others are reached.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// What to log on stderr, such as `info` or `entente_node=debug`
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    pub log: String,
    /// Stop when stdin ends: for programs that start a node, and must not leave it behind
    #[arg(long, hide = true, conflicts_with = "passphrase_fd")]
    pub stop_at_eof: bool,
    /// Where the passphrase comes from.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}

/// `demo`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  entente demo\n  entente demo --json\n  entente demo --dir three-nodes --keep-running\n\nIt takes no node of yours, and ends with 0 only if every claim held. `--home` has no effect on it."
)]
pub struct DemoArgs {
    /// Where the three nodes' folders are made; it must not exist, or be empty [default: a fresh one among
    /// the system's temporary files]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Start the nodes again after the last claim, and leave them running until Ctrl-C
    #[arg(long)]
    pub keep_running: bool,
}

/// Where a passphrase comes from. `ENTENTE_PASSPHRASE_FILE` may name a file; otherwise a person is asked.
#[derive(Args, Debug)]
pub struct PassphraseArgs {
    /// Read the passphrase from this file descriptor instead of asking; the variable
    /// ENTENTE_PASSPHRASE_FILE may name a file instead
    #[arg(long, value_name = "N")]
    pub passphrase_fd: Option<u16>,
}

/// What an organisation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindOfOrg {
    /// A National Preventive Mechanism
    Npm,
    /// A civil-society organisation
    Cso,
    /// A network of organisations
    Network,
    /// Anything else
    Other,
}

impl From<KindOfOrg> for OrgKind {
    fn from(kind: KindOfOrg) -> OrgKind {
        match kind {
            KindOfOrg::Npm => OrgKind::Npm,
            KindOfOrg::Cso => OrgKind::Cso,
            KindOfOrg::Network => OrgKind::Network,
            KindOfOrg::Other => OrgKind::Other,
        }
    }
}

fn country(text: &str) -> Result<String, String> {
    if text.len() == 2 && text.chars().all(|c| c.is_ascii_alphabetic()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("use two letters, such as GE (ISO 3166-1)".to_owned())
    }
}

/// `sync`.
#[derive(Subcommand, Debug)]
pub enum SyncCommand {
    /// Show how things stand with each partner
    #[command(after_help = "Example:\n  entente sync status")]
    Status,
    /// Try to reach all partners now
    #[command(
        after_help = "Example:\n  entente sync now\n\nThe exit code is 7 if no partner could be reached."
    )]
    Now,
    /// Say why a partner has a record, or has not
    #[command(after_help = "Example:\n  entente sync explain 3fk2q7abcd 'Rights Georgia'")]
    Explain {
        /// The record: its id or the beginning of it
        #[arg(value_name = "RECORD", value_parser = NonEmptyStringValueParser::new())]
        record: String,
        /// The organisation: its name, its id or the beginning of it
        #[arg(value_name = "ORG", value_parser = NonEmptyStringValueParser::new())]
        org: String,
    },
}

/// `member`.
#[derive(Subcommand, Debug)]
pub enum MemberCommand {
    /// What is decided about one.
    #[command(flatten)]
    Decide(MemberDecision),
    /// List the members of a partnership, or of all
    #[command(after_help = "Example:\n  entente member list 'Prevention 2026'")]
    List {
        /// The partnership: its name, its id or the beginning of it
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
    /// Show an organisation's key in forms that two people can compare: words, letters, a QR code
    #[command(
        after_help = "Example:\n  entente member show 'Rights Georgia'\n\nTwelve words are public: read them to each other on the telephone. Words of which\nthere are 24 are secret, always."
    )]
    Show {
        /// The organisation: its name, its id or the beginning of it
        #[arg(value_name = "ORG", value_parser = NonEmptyStringValueParser::new())]
        org: String,
        /// The partnership to look in, where two have organisations of one name
        #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
    /// Make sure on the telephone that a member is who it says: each reads a short code to the other
    #[command(
        after_help = "Example:\n  entente member verify 'Prevention 2026' 'Rights Georgia'\n\nBoth sides type it, in any order. Call a person whom you know, on a number that did not come with the\ninvitation; read them your code, and type theirs.\n\nA script begins with --start, again until `stage` is `codes`, and types with --code 123456."
    )]
    Verify(VerifyArgs),
}

/// `member verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Whom, and where.
    #[command(flatten)]
    pub target: OrgInPartnership,
    /// Begin and say how far it is, instead of leading through it
    #[arg(long, conflicts_with = "code")]
    pub start: bool,
    /// Type what they read: six digits
    #[arg(long, value_name = "NNNNNN", value_parser = NonEmptyStringValueParser::new())]
    pub code: Option<String>,
    /// Do it although it was done, and nothing has changed since
    #[arg(long)]
    pub again: bool,
}
