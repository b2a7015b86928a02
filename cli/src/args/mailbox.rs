//! `entente mailbox …`.

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

/// `mailbox`.
#[derive(Subcommand, Debug)]
pub enum MailboxCommand {
    /// Keep a mailbox on this node for a partnership that this node need not be in
    #[command(
        after_help = "Example:\n  entente mailbox offer --days 60 --megabytes 500\n\nIt prints one line of text, which is a secret: give it to a steward of the partnership, who\ntypes `entente mailbox appoint`. This node then keeps, while it runs, what it cannot read."
    )]
    Offer {
        /// Delete what came after so many days
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
        days: u64,
        /// Take no more than so many megabytes
        #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        megabytes: u64,
        /// Take no more than so many entries
        #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
        entries: u64,
    },
    /// Use an offered mailbox in a partnership, as one of its stewards
    #[command(
        after_help = "Example:\n  entente mailbox appoint 'Prevention 2026' entebox1…\n\nAll members' nodes put into it what others may lack, and take out what they lack themselves."
    )]
    Appoint {
        /// The partnership: its name, its id or the beginning of it
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: String,
        /// The line of text that the mailbox's keeper gave
        #[arg(value_name = "OFFER", value_parser = NonEmptyStringValueParser::new())]
        offer: String,
    },
    /// Use a mailbox no more
    #[command(after_help = "Example:\n  entente mailbox dismiss 'Prevention 2026' q7abcd")]
    Dismiss {
        /// The partnership: its name, its id or the beginning of it
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: String,
        /// The mailbox: the beginning of its name in `mailbox list`
        #[arg(value_name = "MAILBOX", value_parser = NonEmptyStringValueParser::new())]
        mailbox: String,
    },
    /// List the mailboxes that this node keeps, and those that it uses
    #[command(
        after_help = "Example:\n  entente mailbox list\n\nThe exit code is 6 if one of them withholds what it must have."
    )]
    List,
}
