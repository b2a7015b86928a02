//! `entente key …`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use entente_protocol::ids::OrgId;

use super::PassphraseArgs;
use crate::times::parse_since;

/// `key`.
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Say which keys are on this node, since when, and what a thief would get
    #[command(after_help = "Example:\n  entente key show 'Prevention 2026'")]
    Show {
        /// One partnership: its name, its id or the beginning of it
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
    /// Show the organisation's root key as 24 words, to be written on paper
    #[command(
        after_help = "Example:\n  entente key backup\n\nWhoever reads the words is the organisation, for ever. Write them by hand; do not photograph,\nprint or type them anywhere."
    )]
    Backup(RootKeyArgs),
    /// Make three shares of the root key for three trustees, any two of which recover it
    #[command(
        after_help = "Example:\n  entente key split\n\nEach share is shown alone (with --json all at once). One share tells its holder nothing. Shares of earlier sets go on to\nwork: have two of the three destroyed."
    )]
    Split(RootKeyArgs),
    /// Make a new key at once for what all members read
    #[command(
        after_help = "Example:\n  entente key rotate 'Prevention 2026'\n\nIt happens by itself as often as the agreement says, and at every change of members or terms.\nWhat was shared before stays readable to who could read it."
    )]
    Rotate {
        /// The partnership: its name, its id or the beginning of it
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: String,
    },
    /// Go on in a new log after an old back-up was restored, once partners gave back what is missing
    #[command(
        after_help = "Example:\n  entente key renew-log 'Prevention 2026'\n  entente key renew-log 'Prevention 2026' --key /media/stick/organisation.key\n\nThe node must be connected to a partner, and have caught up. Partners that are away may hold\nmore: wait for as many as you can."
    )]
    RenewLog {
        /// The partnership: its name, its id or the beginning of it
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: String,
        /// The root key's file [default: organisation.key in the node's folder]
        #[arg(long, visible_alias = "root-key", value_name = "FILE")]
        key: Option<PathBuf>,
        /// Where the passphrase of the root key's file comes from.
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// Rehearse recovery: trustees type two shares, and nothing is written or used up
    #[command(
        after_help = "Example:\n  entente key drill\n  entente key drill --words\n\nOn a computer without a node, name the organisation:\n  entente key drill --organisation aco3u7suasfvniv5g4s436csjasczlaqix75kai7zgnqhynoti6a"
    )]
    Drill {
        /// Rehearse with the 24 words instead of two shares
        #[arg(long)]
        words: bool,
        /// The organisation's id, on a computer without its node
        #[arg(long, value_name = "ID")]
        organisation: Option<OrgId>,
        /// Where the node's passphrase comes from, if it does not run.
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// After a raid: revoke a node for ever, make new keys without it, and list what it could read
    #[command(
        after_help = "Example:\n  entente key revoke 3fk2q7abcd --seized-at 2026-11-23T06:00:00Z --reason 'taken in a raid'\n  entente key revoke 3fk2q7abcd --root-key /media/stick/organisation.key\n\nA node of the same organisation or a steward may; with the root key, any member's node."
    )]
    Revoke(RevokeArgs),
    /// List what a node could read, as far as this node can tell
    #[command(
        after_help = "Example:\n  entente key exposed 3fk2q7abcd\n  entente --json key exposed 'Rights Georgia'"
    )]
    Exposed {
        /// The node: its id, the beginning of it, or the name of an organisation with one node
        #[arg(value_name = "NODE", value_parser = NonEmptyStringValueParser::new())]
        node: String,
    },
    /// Make the root key's file again, from 24 words or from two shares
    #[command(
        after_help = "Example:\n  entente key recover\n  entente key recover --organisation aco3u7suasfvniv5g4s436csjasczlaqix75kai7zgnqhynoti6a --out organisation.key\n\nWords and shares are typed when asked for, or come on stdin. Partners see the id of the\norganisation beside its name."
    )]
    Recover {
        /// The file to make; it must not exist [default: organisation.key in the node's folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The organisation's id, on a computer without its node
        #[arg(long, value_name = "ID")]
        organisation: Option<OrgId>,
        /// Where the file's new passphrase comes from.
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
}

/// What opens the root key.
#[derive(Args, Debug)]
pub struct RootKeyArgs {
    /// The root key's file [default: organisation.key in the node's folder]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Show secret words even where no terminal is: whatever reads them keeps them
    #[arg(long)]
    pub yes: bool,
    /// Where the passphrase comes from.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}

/// `key revoke`.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// The node: its id, the beginning of it, or the name of an organisation with one node
    #[arg(value_name = "NODE", value_parser = NonEmptyStringValueParser::new())]
    pub node: String,
    /// Since when it may have been in other hands: 2026-11-23, 12h, or RFC 3339; what it signed since is not
    /// shown
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    pub seized_at: Option<u64>,
    /// Why; all members will read it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The file of the root key of the node's organisation
    #[arg(long, value_name = "FILE")]
    pub root_key: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Where the root key's passphrase comes from.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}
