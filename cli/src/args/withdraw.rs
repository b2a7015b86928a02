//! `entente record correct`, `withdraw`, `receipts`, `versions`, `ask`, `grant`, `end-consent`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::TheRecord;

/// What can be done to records that were shared already.
#[derive(Subcommand, Debug)]
pub enum AfterwardsCommand {
    /// Keep a draft that corrects a record of ours; share it like any other
    #[command(
        after_help = "Example:\n  entente record correct 3fk2q7abcd corrected.json\n\nThe earlier version stays where it is, marked as corrected; `record versions` shows what changed."
    )]
    Correct {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// The whole of the new version: a JSON file as in `record new`, or - for stdin
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Show all versions of a record, and what each changed
    #[command(after_help = "Example:\n  entente record versions 3fk2q7abcd")]
    Versions(TheRecord),
    /// Take a record of ours back: it is erased here, and every reader's node is asked to erase it
    Withdraw(WithdrawArgs),
    /// Show who has confirmed that it erased a record that was withdrawn, or has expired
    #[command(
        after_help = "Example:\n  entente record receipts 3fk2q7abcd\n\nA receipt is a partner's signed word. That nothing was copied elsewhere before cannot be proven."
    )]
    Receipts(TheRecord),
    /// Ask a record's author whether it may be passed on
    #[command(after_help = "Example:\n  entente record ask 3fk2q7abcd --for 'our annual report'")]
    Ask {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// What for
        #[arg(long = "for", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        purpose: String,
    },
    /// Let an organisation pass a record of ours on, or do not
    #[command(
        after_help = "Example:\n  entente record grant 3fk2q7abcd 'Rights Georgia' --words 'without the annex'\n  entente record grant 3fk2q7abcd 'Rights Georgia' --no\n\nThe last answer counts. Whoever reads the record sees it."
    )]
    Grant {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// The organisation: its name, its id or the beginning of it
        #[arg(value_name = "ORG", value_parser = NonEmptyStringValueParser::new())]
        org: String,
        /// Under which conditions, or why not
        #[arg(long, value_name = "TEXT", default_value = "")]
        words: String,
        /// Refuse it, or take back what was granted
        #[arg(long)]
        no: bool,
    },
    /// Tell partners that a consent has ended: nothing more is published or passed on that refers to it
    #[command(after_help = "Example:\n  entente record end-consent C-12")]
    EndConsent {
        /// The reference by which records name it (`handling.consent`)
        #[arg(value_name = "CONSENT", value_parser = NonEmptyStringValueParser::new())]
        consent: String,
    },
}

/// `record withdraw`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  entente record withdraw 3fk2q7abcd --reason 'it named a person'\n\nIt cannot be undone. `record receipts` shows who has confirmed."
)]
pub struct WithdrawArgs {
    /// Which.
    #[command(flatten)]
    pub record: TheRecord,
    /// Why; every reader sees it
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub reason: String,
    /// Do it without being asked
    #[arg(long)]
    pub yes: bool,
}
