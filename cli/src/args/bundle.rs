//! `entente bundle …`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use crate::times::parse_since;

/// `bundle`.
#[derive(Subcommand, Debug)]
pub enum BundleCommand {
    /// Write what partners do not have yet into one encrypted file, to be carried to them
    #[command(
        after_help = "Example:\n  entente bundle export /media/stick/for-rights --partnership 'Prevention 2026' --to 'Rights Georgia'\n\nOnly those named can open it (all members, if nobody is named), and nothing outside tells for\nwhom it is or from where it comes. Records for named readers are in it only where everybody who\ncan open the file reads them. It holds what they are not known to have: what they acknowledged,\nover the network or with a bundle of their own, is left out."
    )]
    Export(BundleExport),
    /// Take what a partner's bundle holds
    #[command(
        after_help = "Example:\n  entente bundle import /media/stick/for-rights --answer /media/stick/answer\n\nAll of the file is checked before any of it is used. Importing it twice changes nothing. The\nanswer tells its maker what arrived, so that the next bundle is small, and holds what it lacks."
    )]
    Import(BundleImport),
}

/// `bundle export`.
#[derive(Args, Debug)]
pub struct BundleExport {
    /// The file to make
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The partnership: its name, its id or the beginning of it
    #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: String,
    /// For this organisation; may be repeated [default: all members]
    #[arg(long, value_name = "ORG", value_parser = NonEmptyStringValueParser::new())]
    pub to: Vec<String>,
    /// Only what arrived here since: 2026-11-01, 7d, 12h, or RFC 3339
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    pub since: Option<u64>,
    /// Everything, also what they are known to have
    #[arg(long, conflicts_with = "since")]
    pub all: bool,
    /// The attached files of the records in it
    #[arg(long)]
    pub attachments: bool,
}

/// `bundle import`.
#[derive(Args, Debug)]
pub struct BundleImport {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Refuse it unless it is of this partnership
    #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: Option<String>,
    /// Then make a bundle for its maker, which says what arrived
    #[arg(long, value_name = "FILE")]
    pub answer: Option<PathBuf>,
}
