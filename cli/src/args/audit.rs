//! `audit`.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

/// `audit`.
#[derive(Subcommand, Debug)]
pub enum AuditCommand {
    /// Read all logs anew, and compare them with what partners acknowledged and hold
    #[command(
        after_help = "Example:\n  entente audit verify 'Prevention 2026'\n\nFinds entries that were deleted, changed or cut off, old copies that were put back, and nodes that show different\nversions of their log to different partners. The exit code is 6 if anything was found."
    )]
    Verify {
        /// The partnership: its name, its id or the beginning of it; all if none is named
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
    /// List what happened: shares, acts of membership, receipts, refusals and evidence
    #[command(after_help = "Example:\n  entente audit show 'Prevention 2026' --newest 100")]
    Show {
        /// The partnership: its name, its id or the beginning of it; all if none is named
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
        /// How many, the newest last
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        newest: u64,
    },
    /// Write what happened to a file of JSON lines, with the signed bytes, so that others can check it
    #[command(
        after_help = "Example:\n  entente audit export audit.jsonl 'Prevention 2026'\n\nIt holds no contents of records, but who wrote when, and that circles of named readers exist: give it only to those\nwho may know."
    )]
    Export {
        /// Where to write it; the file must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The partnership: its name, its id or the beginning of it; all if none is named
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
    /// Acknowledge to partners now what is held, instead of when it is quiet
    #[command(after_help = "Example:\n  entente audit acknowledge")]
    Acknowledge {
        /// The partnership: its name, its id or the beginning of it; all if none is named
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
}
