//! `entente key …`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use entente_protocol::ids::OrgId;

use super::PassphraseArgs;

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
