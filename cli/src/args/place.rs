//! `entente place`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::{Say, WithdrawArgs};

/// `place`.
#[derive(Subcommand, Debug)]
pub enum PlaceCommand {
    /// List places, each once, by a name in your language if it has one
    #[command(
        after_help = "Example:\n  entente place list --partnership 'Prevention 2026'\n\nDescribe one with `record template place`: names by language, aliases, category, locality."
    )]
    List {
        /// Only of this partnership
        #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
    /// Show a place: its names, and what was said about it under any of them
    #[command(after_help = "Example:\n  entente place show 'ქუთაისის ციხე'\n  entente place show 3fk2q7abcd")]
    Show {
        /// The place: one of its names in full, or the beginning of an id
        #[arg(value_name = "PLACE", value_parser = NonEmptyStringValueParser::new())]
        place: String,
    },
    /// List places that may be the same, and why
    #[command(
        after_help = "Example:\n  entente place duplicates\n\nNames are compared across scripts, by their consonants. Nothing is merged before you say so."
    )]
    Duplicates {
        /// Only of this partnership
        #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
    /// Say that places are the same: one entry in lists, with the names and the history of all
    #[command(
        after_help = "Example:\n  entente place merge 'Gldani 8' 'გლდანის ციხე' --partnership 'Prevention 2026'\n\nIt is a record of ours, which tells the places' ids and nothing else. Nothing is lost: `place split` undoes it."
    )]
    Merge(MergeArgs),
    /// Say that places are not the same: they stand apart here, whoever says otherwise
    #[command(
        after_help = "Example:\n  entente place apart 3fk2q7abcd 5bq7wxyzab --partnership 'Prevention 2026'\n\nGive the ids of their descriptions: `place show` lists them. Partners see that you say so, and who says otherwise; on their nodes their own view counts. `place split` takes it back."
    )]
    Apart(MergeArgs),
    /// Take a merge of ours back, or that places are not the same
    #[command(
        after_help = "Example:\n  entente place split 3fk2q7abcd --reason 'two buildings'\n\nGive the merge's id: `entente place show` lists the merges of a place. Only who said it takes it back; if another organisation did, say `place apart`."
    )]
    Split(WithdrawArgs),
}

/// `place merge` and `place apart`.
#[derive(Args, Debug)]
pub struct MergeArgs {
    /// The places: a name in full, or the beginning of an id
    #[arg(value_name = "PLACE", required = true, num_args = 2..=16, value_parser = NonEmptyStringValueParser::new())]
    pub places: Vec<String>,
    /// The partnership in which it is said, and in which the places were described
    #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: String,
    /// To whom, and whether to ask.
    #[command(flatten)]
    pub say: Say,
}
