//! `entente attachment …`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use entente_protocol::handling::Kind;

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
    /// Fetch one of them now, whatever the rule says, and wait until it is here
    #[command(
        after_help = "Example:\n  entente attachment fetch 3fk2q7abcd 0\n\nThe exit code is 7 if no partner who has it is connected: it is fetched when one is back."
    )]
    Fetch {
        /// The record: its id or the beginning of it
        #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
        record: String,
        /// Its number in `attachment list`
        #[arg(value_name = "N")]
        number: usize,
        /// Do not wait for it
        #[arg(long)]
        no_wait: bool,
    },
    /// Show or set which attachments of a partnership come by themselves
    #[command(
        after_help = "Example:\n  entente attachment rule 'Prevention 2026'\n  entente attachment rule 'Prevention 2026' --only --max-size 20M --from Ombudsman\n  entente attachment rule 'Prevention 2026' --nothing"
    )]
    Rule(RuleArgs),
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

/// `attachment rule`.
#[derive(Args, Debug)]
pub struct RuleArgs {
    /// The partnership: its name, its id or the beginning of it
    #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: String,
    /// All attachments come by themselves
    #[arg(long, group = "what")]
    pub all: bool,
    /// None comes by itself; `attachment fetch` gets one
    #[arg(long, group = "what")]
    pub nothing: bool,
    /// Only those that the other options name come by themselves
    #[arg(long, group = "what")]
    pub only: bool,
    /// Only those of records of this kind; may be repeated
    #[arg(long, value_name = "KIND", requires = "only")]
    pub kind: Vec<Kind>,
    /// Only those of records by this organisation; may be repeated
    #[arg(long, value_name = "ORG", requires = "only")]
    pub from: Vec<String>,
    /// Only those of at most so many bytes, such as 500k, 20M or 2G
    #[arg(long, value_name = "SIZE", requires = "only", value_parser = size)]
    pub max_size: Option<u64>,
}

/// `partnership quota`.
#[derive(Args, Debug)]
pub struct QuotaArgs {
    /// The partnership: its name, its id or the beginning of it
    #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: String,
    /// At most so many bytes of theirs, such as 500M or 20G
    #[arg(long, value_name = "SIZE", value_parser = size, conflicts_with = "no_limit")]
    pub bytes: Option<u64>,
    /// At most so many entries of their logs
    #[arg(long, value_name = "N", conflicts_with = "no_limit")]
    pub records: Option<u64>,
    /// As much as the disk holds
    #[arg(long)]
    pub no_limit: bool,
}

/// `partnership priority`.
#[derive(Args, Debug)]
pub struct PriorityArgs {
    /// The partnership: its name, its id or the beginning of it
    #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: String,
    /// What to set; it is shown if absent
    #[arg(value_enum, value_name = "PRIORITY")]
    pub priority: Option<PriorityArg>,
}

/// Whose traffic goes first.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
pub enum PriorityArg {
    /// Four times as much as the usual
    First,
    /// As long as nothing was set
    Usual,
    /// A quarter of the usual
    Last,
}

/// A size such as `500k`, `20M` or `2G`, in units of 1,000.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "B" => 1,
        "k" | "K" | "kB" | "KB" => 1_000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        "T" | "TB" => 1_000_000_000_000,
        _ => return Err("write a size such as 500k, 20M or 2G".to_owned()),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| "write a size such as 500k, 20M or 2G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_units_of_a_thousand() {
        assert_eq!(size("20M"), Ok(20_000_000));
        assert_eq!(size("7"), Ok(7));
        for wrong in ["", "M", "1.5G", "20X", "99999999999999T", "-1"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
