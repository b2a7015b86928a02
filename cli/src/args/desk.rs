//! `entente staff …` and `entente release …`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use entente_node::desk::StaffRole;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Reads everything that this node can read
    Reader,
    /// Writes drafts, and asks for them to be shared
    Writer,
    /// Shares, exports and withdraws, and releases what others ask to share
    Releaser,
    /// Everything: keys, partnerships, staff
    Keeper,
}

impl From<RoleArg> for StaffRole {
    fn from(role: RoleArg) -> StaffRole {
        match role {
            RoleArg::Reader => StaffRole::Reader,
            RoleArg::Writer => StaffRole::Writer,
            RoleArg::Releaser => StaffRole::Releaser,
            RoleArg::Keeper => StaffRole::Keeper,
        }
    }
}

/// `staff`.
#[derive(Subcommand, Debug)]
pub enum StaffCommand {
    /// Make an account for somebody, and write its token into a new file
    #[command(
        after_help = "Example:\n  entente staff add 'Nino B.' --role writer --token-file nino.token\n\nOnly whoever made the file can read it. Give it to Nino; who has it acts in this name:\n  entente --as nino.token record list\nThe token is shown nowhere else, and this node keeps no copy of it."
    )]
    Add {
        /// The name, as colleagues say it
        #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// What they may do
        #[arg(long)]
        role: RoleArg,
        /// Where the token goes.
        #[command(flatten)]
        file: TokenFile,
    },
    /// List the accounts, and say as whom you act
    #[command(after_help = "Example:\n  entente staff list\n  entente --as nino.token staff list")]
    List,
    /// Give somebody another role; it holds at once
    #[command(after_help = "Example:\n  entente staff role 'Nino B.' releaser")]
    Role {
        /// Whose
        #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// What they may do from now on
        role: RoleArg,
    },
    /// Give somebody a new token; the old one opens nothing any more
    #[command(
        after_help = "Example:\n  entente staff token 'Nino B.' --token-file nino-2.token\n\nFor a token that was lost, or seen by others. What Nino released still counts."
    )]
    Token {
        /// Whose
        #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// Where the token goes.
        #[command(flatten)]
        file: TokenFile,
    },
    /// Remove an account: its token opens nothing from now on
    #[command(
        after_help = "Example:\n  entente staff remove 'Nino B.'\n\nWhat they released and is not shared yet counts no more."
    )]
    Remove {
        /// Whose
        #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: String,
    },
}

/// Where a token is written.
#[derive(Args, Debug)]
pub struct TokenFile {
    /// The file to be made for the token; only its owner can read it
    #[arg(long, value_name = "PATH")]
    pub token_file: PathBuf,
}

/// `release`.
#[derive(Subcommand, Debug)]
pub enum ReleaseCommand {
    /// List what waits to be released
    #[command(after_help = "Example:\n  entente release list\n  entente release list --all")]
    List {
        /// What is over, too
        #[arg(long)]
        all: bool,
    },
    /// Show one: what would be shared with whom, and who wants it
    #[command(
        after_help = "Example:\n  entente release show q7abcd\n\nRead the record itself with `entente record show`, by the draft's id."
    )]
    Show(TheRelease),
    /// Release it; the last of as many as are wanted shares it
    #[command(
        after_help = "Example:\n  entente --as maka.token release approve q7abcd\n\nAnother person than who asked. The exit code is 7 if more are still wanted."
    )]
    Approve {
        /// Which.
        #[command(flatten)]
        which: TheRelease,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Say no: the record stays a draft
    #[command(
        after_help = "Example:\n  entente --as maka.token release decline q7abcd --reason 'paragraph 3 names the place'"
    )]
    Decline {
        /// Which.
        #[command(flatten)]
        which: TheRelease,
        /// Why, for who asked
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        reason: String,
    },
    /// Take back what you asked for
    #[command(after_help = "Example:\n  entente --as nino.token release withdraw q7abcd")]
    Withdraw(TheRelease),
}

/// A release.
#[derive(Args, Debug)]
pub struct TheRelease {
    /// The release: its id, the draft's id, or the beginning of one
    #[arg(value_name = "RELEASE", value_parser = NonEmptyStringValueParser::new())]
    pub release: String,
}
