//! `entente record …`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use entente_node::api::types::{RecordQuery, ShareRequest};
use entente_protocol::handling::{Kind, Language, Sensitivity};

use super::KindCommand;
use super::field::{language, sensitivity};
pub use super::redact::{PassOnArgs, RedactArgs};
pub use super::withdraw::{AfterwardsCommand, WithdrawArgs};
use crate::times::parse_since;

/// Records in a list unless said otherwise: about a screen.
const PAGE: u16 = 50;

/// `record`.
#[derive(Subcommand, Debug)]
pub enum RecordCommand {
    /// What can be written, and with which words.
    #[command(flatten)]
    Kind(KindCommand),
    /// Keep a draft; nobody else sees it until it is shared
    #[command(after_help = "\
Example:
  echo '{\"kind\":\"baseline\",\"language\":\"en\",\"fields\":{\"title\":\"Remand prison 8\"},\"sensitivity\":\"partnership\",\"attachments\":[\"plan.pdf\"]}' | entente record new -

Paths of attachments are relative to the working folder, or to the folder of FILE.")]
    New {
        /// A JSON file, or - for stdin
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Share a draft; shows who could read it, and asks
    #[command(
        after_help = "Example:\n  entente record share 3fk2q7abcd --partnership 'Prevention 2026' --readers Ombudsman\n  entente record share 3fk2q7abcd --partnership 'Prevention 2026' --yes --expect-readers 2\n\nThe exit code is 7 if no reader is connected: it is sent when they are back."
    )]
    Share {
        /// What, where and to whom.
        #[command(flatten)]
        target: ShareTarget,
        /// Share without being asked
        #[arg(long)]
        yes: bool,
        /// Refuse unless exactly so many other organisations could read it
        #[arg(long, value_name = "N")]
        expect_readers: Option<usize>,
    },
    /// Show who could read a draft if it were shared so
    #[command(after_help = "Example:\n  entente record preview 3fk2q7abcd --partnership 'Prevention 2026'")]
    Preview(ShareTarget),
    /// List records, newest first
    #[command(after_help = "Example:\n  entente record list --kind submission --since 7d")]
    List(Filters),
    /// Find records that hold all these words, in any script
    #[command(
        after_help = "Example:\n  entente record search solitary confinement --since 2026-01-01\n  entente record search ციხე 8 --kind submission --place ქუთაისი\n\nCase, accents, vowel signs and the digits of a script make no difference; of the last word the beginning is enough.\nThe index is kept in memory only: just after a start, what is not indexed yet is said."
    )]
    Search {
        /// The words
        #[arg(value_name = "TEXT", required = true)]
        text: Vec<String>,
        /// Which.
        #[command(flatten)]
        filters: Filters,
    },
    /// Show a record
    #[command(after_help = "Example:\n  entente record show 3fk2q7abcd")]
    Show(TheRecord),
    /// Keep many drafts at once
    #[command(
        after_help = "Example:\n  entente record import drafts.ndjson --dry-run\n\nEach draft is as in `record new`. All are checked before the first is kept."
    )]
    Import {
        /// A JSON array of drafts, or one draft a line
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only check
        #[arg(long)]
        dry_run: bool,
        /// Pass over the first N, to go on after an interruption
        #[arg(long, value_name = "N", default_value_t = 0)]
        skip: usize,
    },
    /// Save a signed copy that others can verify without a node
    #[command(
        after_help = "Example:\n  entente record export 3fk2q7abcd report.entente --for reports\n\nThe uses are listed by `entente record vocabulary consent-use`."
    )]
    Export {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// Where to save it; the file must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Where the record tells of a person: the use that the copy is for, which the person must have allowed
        #[arg(long = "for", value_name = "USE", value_parser = NonEmptyStringValueParser::new())]
        purpose: Option<String>,
    },
    /// What was shared already.
    #[command(flatten)]
    Afterwards(AfterwardsCommand),
    /// Save a signed copy with parts left out or replaced; it still verifies under its author's signature
    Redact(RedactArgs),
    /// Pass a redacted copy on: share a record that carries it, as its author signed it
    PassOn(PassOnArgs),
    /// Verify a signed copy, whole or redacted, without a node
    #[command(
        after_help = "Example:\n  entente record verify report.entente\n\nThe exit code is 6 if it does not verify. `docs/spec/verify_record.py` does the same without this program."
    )]
    Verify {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// A record.
#[derive(Args, Debug)]
pub struct TheRecord {
    /// The record: its id or the beginning of it
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub record: String,
}

/// What to share, where and to whom.
#[derive(Args, Debug)]
pub struct ShareTarget {
    /// What.
    #[command(flatten)]
    pub record: TheRecord,
    /// The partnership: its name, its id or the beginning of it
    #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: String,
    /// Only these organisations, separated by commas; all members if absent
    #[arg(long, value_name = "ORG,ORG")]
    readers: Option<String>,
    /// One more organisation, whose name may hold commas; may be repeated
    #[arg(long, value_name = "ORG")]
    reader: Vec<String>,
    /// Let readers have all that attached files tell beside their contents: place, author, device, dates
    #[arg(long)]
    keep_metadata: bool,
}

impl ShareTarget {
    /// A draft that a command made.
    #[must_use]
    pub fn of(record: String, partnership: String, readers: Option<String>) -> ShareTarget {
        let record = TheRecord { record };
        ShareTarget { record, partnership, readers, reader: Vec::new(), keep_metadata: false }
    }

    /// As the node wants it.
    #[must_use]
    pub fn request(&self, expect_readers: Option<usize>) -> ShareRequest {
        ShareRequest {
            partnership: self.partnership.clone(),
            readers: self.named_readers(),
            expect_readers,
            keep_metadata: self.keep_metadata,
        }
    }

    /// `None` where no reader was named; an empty list where the option was given and empty, which means
    /// nobody (C12).
    fn named_readers(&self) -> Option<Vec<String>> {
        if self.readers.is_none() && self.reader.is_empty() {
            return None;
        }
        let listed = self.readers.iter().flat_map(|list| list.split(','));
        let all = listed.chain(self.reader.iter().map(String::as_str));
        Some(all.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }
}

/// Which records to list.
#[derive(Args, Debug)]
pub struct Filters {
    /// Only of this partnership
    #[arg(long, value_name = "P")]
    partnership: Option<String>,
    /// Only of this kind
    #[arg(long, value_name = "K")]
    kind: Option<Kind>,
    /// Only by this organisation
    #[arg(long, value_name = "ORG")]
    from: Option<String>,
    /// Only what arrived since: 2026-11-01, 7d, 12h, or RFC 3339
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    since: Option<u64>,
    /// Only what arrived before: written as for --since
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    until: Option<u64>,
    /// Only in this language: ka is any Georgian, ka-Latn only what says so
    #[arg(long, value_name = "TAG", value_parser = language)]
    language: Option<Language>,
    /// Only what may be read so widely: own, named, partnership or public
    #[arg(long, value_name = "S", value_parser = sensitivity)]
    sensitivity: Option<Sensitivity>,
    /// Only about a place whose name holds these words
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    place: Option<String>,
    /// At most so many (up to 1,000)
    #[arg(long, value_name = "N", default_value_t = PAGE, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// Go on where a page ended
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
}

impl Filters {
    /// As the node wants it.
    #[must_use]
    pub fn query(&self, text: Option<String>) -> RecordQuery {
        RecordQuery {
            text,
            partnership: self.partnership.clone(),
            kind: self.kind.as_ref().map(ToString::to_string),
            from: self.from.clone(),
            language: self.language.clone(),
            sensitivity: self.sensitivity,
            place: self.place.clone(),
            since: self.since,
            until: self.until,
            limit: Some(usize::from(self.limit)),
            after: self.after.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(readers: Option<&str>, reader: &[&str]) -> ShareTarget {
        ShareTarget {
            keep_metadata: false,
            record: TheRecord { record: "r".into() },
            partnership: "p".into(),
            readers: readers.map(Into::into),
            reader: reader.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn no_reader_named_is_everybody_and_an_empty_list_is_nobody() {
        assert_eq!(target(None, &[]).named_readers(), None);
        assert_eq!(target(Some(""), &[]).named_readers(), Some(vec![]));
        assert_eq!(target(Some(" , "), &[]).named_readers(), Some(vec![]));
        assert_eq!(target(None, &[""]).named_readers(), Some(vec![]));
    }

    #[test]
    fn names_with_commas_are_given_one_by_one() {
        let readers = target(Some("A, B"), &["C, of D"]).named_readers();
        assert_eq!(readers, Some(vec!["A".into(), "B".into(), "C, of D".into()]));
    }
}
