//! `entente attachment …`.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

/// `attachment`.
#[derive(Subcommand, Debug)]
pub enum AttachmentCommand {
    /// List the files attached to a record
    #[command(after_help = "Example:\n  entente attachment list 3fk2q7abcd")]
    List {
        /// The record: its id or the beginning of it
        #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
        record: String,
    },
    /// Save one of them
    #[command(after_help = "Example:\n  entente attachment get 3fk2q7abcd 0 report.pdf")]
    Get {
        /// The record: its id or the beginning of it
        #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
        record: String,
        /// Its number in `attachment list`
        #[arg(value_name = "N")]
        number: usize,
        /// Where to save it; the file must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Of an own record: as it was attached, with all that it tells, and not the copy that partners got
        #[arg(long)]
        original: bool,
    },
    /// Show what a file tells beside its contents: place, author, device, dates; without a node
    #[command(
        after_help = "Example:\n  entente attachment inspect photo.jpg\n\nThe exit code is 6 if it tells something that sharing could not leave out."
    )]
    Inspect {
        /// The file; it stays as it is
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
