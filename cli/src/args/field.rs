//! The records of the field: `recommendation`, `visit`, `activity`, `advice`, `due`, and what `record` knows of
//! kinds and vocabularies.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use entente_node::api::types::RecommendationQuery;
use entente_protocol::handling::{Language, Sensitivity};

use super::TheRecord;

/// What `record` knows of kinds and vocabularies.
#[derive(Subcommand, Debug)]
pub enum KindCommand {
    /// List the kinds of record: what each is for, who writes it
    #[command(after_help = "Example:\n  entente record kinds")]
    Kinds,
    /// Print a draft of a kind to fill in; what each field means goes to stderr
    #[command(
        after_help = "Example:\n  entente record template recommendation > draft.json\n  entente record new draft.json"
    )]
    Template {
        /// The kind, as `record kinds` lists them
        #[arg(value_name = "KIND", value_parser = NonEmptyStringValueParser::new())]
        kind: String,
    },
    /// Show the vocabularies, or the terms of one
    #[command(
        after_help = "Example:\n  entente record vocabulary theme\n\nAn agreement can add terms: see [vocabulary] and [scale] in `partnership agreement template formal`."
    )]
    Vocabulary {
        /// Its name
        #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: Option<String>,
        /// With what the agreement of this partnership adds
        #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
}

/// `recommendation`.
#[derive(Subcommand, Debug)]
pub enum RecommendationCommand {
    /// List recommendations, newest first, and where each stands
    #[command(after_help = "Example:\n  entente recommendation list --overdue")]
    List(RecommendationFilters),
    /// Show one, with the NPM's status and the views of others beside it
    #[command(after_help = "Example:\n  entente recommendation show 3fk2q7abcd")]
    Show(TheRecord),
    /// Everything that was said about one, in order, each with author and date
    #[command(after_help = "Example:\n  entente recommendation timeline 3fk2q7abcd")]
    Timeline(TheRecord),
    /// All of them by stage, what is overdue marked
    #[command(after_help = "Example:\n  entente recommendation board --partnership 'Prevention 2026'")]
    Board(RecommendationFilters),
    /// Count them, as a table and a chart
    #[command(
        after_help = "Example:\n  entente recommendation stats --by theme --publish --svg themes.svg\n\n--publish leaves out counts below 5, which identify people."
    )]
    Stats {
        /// Only of this partnership
        #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
        /// What to count by
        #[arg(long, value_enum, default_value_t = CountBy::Stage)]
        by: CountBy,
        /// Leave out what is small enough to identify people
        #[arg(long)]
        publish: bool,
        /// Save a bar chart; the file must not exist
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// Take recommendations from a spreadsheet saved as CSV
    #[command(
        after_help = "Example:\n  entente recommendation import old.csv --column 'Номер=external-id' --column 'Текст=text' --dry-run\n\nThe first row names the columns: those of `record template recommendation`, or others that --column\nexplains. A row whose external-id is known corrects that recommendation; a row that says the same is\npassed over. If one row is wrong, none is taken."
    )]
    Import {
        /// The file, in UTF-8: comma, semicolon or tab between cells
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A column and the field that it is; may be repeated
        #[arg(long, value_name = "COLUMN=FIELD", value_parser = column)]
        column: Vec<(String, String)>,
        /// Only say what would happen
        #[arg(long)]
        dry_run: bool,
        /// Language of the text (BCP 47)
        #[arg(long, value_name = "TAG", value_parser = language)]
        language: Option<Language>,
        /// Class of the records [default: partnership]
        #[arg(long, value_name = "CLASS", value_parser = sensitivity)]
        sensitivity: Option<Sensitivity>,
        /// Share them at once in this partnership, with all its members
        #[arg(long, value_name = "P", requires = "yes", value_parser = NonEmptyStringValueParser::new())]
        share: Option<String>,
        /// Share without being asked
        #[arg(long)]
        yes: bool,
    },
    /// Save them as a table that spreadsheets open, with no formula in it
    #[command(after_help = "Example:\n  entente recommendation export recommendations.csv")]
    Export {
        /// Where to save it; the file must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Which.
        #[command(flatten)]
        filters: RecommendationFilters,
    },
    /// Write down what the authority replied (the NPM)
    #[command(
        after_help = "Example:\n  entente recommendation reply 3fk2q7abcd --text 'Accepted.' --promised 2027-03-31 --yes"
    )]
    Reply {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// What it said
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        text: String,
        /// What it promised, for which day
        #[arg(long, value_name = "DAY")]
        promised: Option<String>,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
    /// Say how far it is carried out, in the words of your own scale (the NPM)
    #[command(
        after_help = "Example:\n  entente recommendation assess 3fk2q7abcd --status 'partially implemented' --evidence 'Visit of May' --yes"
    )]
    Assess {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// The status, and what it rests on.
        #[command(flatten)]
        status: StatusArgs,
        /// The recommendation is done with
        #[arg(long)]
        closes: bool,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
    /// Say how you see its status; it stands beside the NPM's and never changes it
    #[command(
        after_help = "Example:\n  entente recommendation shadow 3fk2q7abcd --status 'not implemented' --evidence '12 families' --yes"
    )]
    Shadow {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// The status, and what it rests on.
        #[command(flatten)]
        status: StatusArgs,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
    /// Stand behind it
    #[command(
        after_help = "Example:\n  entente recommendation endorse 3fk2q7abcd --text 'We support this.' --yes"
    )]
    Endorse {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// In your own words
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        text: Option<String>,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
    /// Log what you did for it
    #[command(
        after_help = "Example:\n  entente recommendation advocate 3fk2q7abcd --action 'Hearing in parliament' --addressee parliament --yes"
    )]
    Advocate {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// What was done
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        action: String,
        /// Whom it addressed
        #[arg(long, value_name = "TERM", value_parser = NonEmptyStringValueParser::new())]
        addressee: Option<String>,
        /// What came of it
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        outcome: Option<String>,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
}

/// A status and what it rests on.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// The status, in the words of your own scale
    #[arg(long, value_name = "WORDS", value_parser = NonEmptyStringValueParser::new())]
    pub status: String,
    /// What that means on the common axis, where no scale says
    #[arg(long, value_name = "STEP", value_parser = NonEmptyStringValueParser::new())]
    pub axis: Option<String>,
    /// What it rests on
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub evidence: Option<String>,
    /// On which day it was so
    #[arg(long, value_name = "DAY", value_parser = NonEmptyStringValueParser::new())]
    pub date: Option<String>,
}

/// How a statement is shared.
#[derive(Args, Debug)]
pub struct Say {
    /// Only these organisations, separated by commas; all members if absent
    #[arg(long, value_name = "ORG,ORG")]
    pub readers: Option<String>,
    /// Keep it as a draft instead of sharing it
    #[arg(long, conflicts_with = "yes")]
    pub draft: bool,
    /// Share without being asked
    #[arg(long)]
    pub yes: bool,
    /// Refuse unless exactly so many other organisations could read it
    #[arg(long, value_name = "N")]
    pub expect_readers: Option<usize>,
    /// Language of the text (BCP 47)
    #[arg(long, value_name = "TAG", value_parser = language)]
    pub language: Option<Language>,
}

/// Which recommendations.
#[derive(Args, Debug)]
pub struct RecommendationFilters {
    /// Only of this partnership
    #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    partnership: Option<String>,
    /// Only in this stage: draft, issued, overdue, replied, assessed, closed, repeated, superseded
    #[arg(long, value_name = "STAGE", value_parser = NonEmptyStringValueParser::new())]
    stage: Option<String>,
    /// Only about this theme
    #[arg(long, value_name = "TERM", value_parser = NonEmptyStringValueParser::new())]
    theme: Option<String>,
    /// Only to this addressee
    #[arg(long, value_name = "TERM", value_parser = NonEmptyStringValueParser::new())]
    addressee: Option<String>,
    /// Only where a reply or a promise is overdue
    #[arg(long)]
    overdue: bool,
    /// Drafts and superseded ones too
    #[arg(long)]
    all: bool,
    /// At most so many (up to 1,000)
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Pass over the first N
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip: usize,
}

impl RecommendationFilters {
    /// As the node wants it.
    #[must_use]
    pub fn query(&self) -> RecommendationQuery {
        RecommendationQuery {
            partnership: self.partnership.clone(),
            stage: self.stage.clone(),
            theme: self.theme.clone(),
            addressee: self.addressee.clone(),
            overdue: self.overdue,
            all: self.all,
            limit: Some(usize::from(self.limit)),
            skip: self.skip,
        }
    }
}

/// What recommendations are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CountBy {
    /// How far they are
    Stage,
    /// The NPM's status, on the common axis
    Status,
    /// What they are about
    Theme,
    /// Who is to act
    Addressee,
    /// Where
    Place,
    /// When they were made
    Year,
}

impl CountBy {
    /// As the node wants it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CountBy::Stage => "stage",
            CountBy::Status => "status",
            CountBy::Theme => "theme",
            CountBy::Addressee => "addressee",
            CountBy::Place => "place",
            CountBy::Year => "year",
        }
    }
}

/// `activity`.
#[derive(Subcommand, Debug)]
pub enum ActivityCommand {
    /// Open a space for a joint visit, project, report or campaign: members join it, sign its declaration first,
    /// and get nothing new after its last day
    #[command(
        after_help = "Example:\n  entente activity new --name 'Joint visit, spring' --ends 2027-06-30 --objectives 'Health care in remand prisons'\n  entente partnership invite 'Joint visit, spring' --role expert\n\nThe agreement is made from `partnership agreement template joint-activity`; to change more of it, edit that\nfile and use `partnership new`."
    )]
    New {
        /// What it is called
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// Its last day
        #[arg(long, value_name = "DAY", value_parser = NonEmptyStringValueParser::new())]
        ends: String,
        /// Its first day [default: today]
        #[arg(long, value_name = "DAY", value_parser = NonEmptyStringValueParser::new())]
        begins: Option<String>,
        /// What it is to achieve
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        objectives: String,
    },
    /// List the activities that you take part in
    #[command(after_help = "Example:\n  entente activity list")]
    List,
    /// Who takes part, who has declared confidentiality, until when, and what was shared
    #[command(after_help = "Example:\n  entente activity show 'Joint visit, spring'")]
    Show {
        /// The activity: its name, its id or the beginning of it
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: String,
    },
}

/// `advice`.
#[derive(Subcommand, Debug)]
pub enum AdviceCommand {
    /// List advisory bodies and their open motions
    #[command(after_help = "Example:\n  entente advice list")]
    List,
    /// Agenda, papers, opinions, motions with their votes, and the NPM's responses
    #[command(after_help = "Example:\n  entente advice show 'Advisory council'")]
    Show {
        /// The body: its name, its id or the beginning of it
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: String,
    },
    /// Put something to the vote
    #[command(
        name = "move",
        after_help = "Example:\n  entente advice move 'Advisory council' --question 'Advise on night visits?' --quorum 5 --closes 2027-02-01 --yes"
    )]
    Move {
        /// Where
        #[arg(value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: String,
        /// What is to be decided
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        question: String,
        /// How many members must take part: with fewer it is no decision
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        quorum: u32,
        /// Until when: 2027-02-01, or 2027-02-01T18:00Z
        #[arg(long, value_name = "WHEN", value_parser = NonEmptyStringValueParser::new())]
        closes: String,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
    /// Take a position on a motion; your newest one counts
    #[command(
        after_help = "Example:\n  entente advice vote 3fk2q7abcd for --reason 'It is urgent.' --yes\n\nWho has an interest in the matter says so with --conflict, and is not counted."
    )]
    Vote {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// For, against, or neither
        #[arg(value_enum)]
        position: Vote,
        /// Why
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        reason: Option<String>,
        /// Your interest in the matter
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        conflict: Option<String>,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
    /// Count the positions on a motion of ours, once it has closed
    #[command(
        after_help = "Example:\n  entente advice close 3fk2q7abcd --yes\n\nIt names the positions that were here in time. What comes later does not count, however it is dated; all see it, and what was left out."
    )]
    Close {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// Count also what is dated in time and came here after the closing
        #[arg(long)]
        with_late: bool,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
    /// Answer an opinion or a decision (the NPM)
    #[command(
        after_help = "Example:\n  entente advice respond 3fk2q7abcd --text 'We will do so from March on.' --yes"
    )]
    Respond {
        /// Which.
        #[command(flatten)]
        record: TheRecord,
        /// The answer
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        text: String,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
}

/// A position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Vote {
    /// In favour
    For,
    /// Against
    Against,
    /// Neither
    Abstain,
}

impl Vote {
    /// As the record says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Vote::For => "for",
            Vote::Against => "against",
            Vote::Abstain => "abstain",
        }
    }
}

/// `due`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  entente due --ours\n\nThe exit code is 6 if something is overdue. Where a record was refused for want of a person's consent, the\nconsent to be asked for stands here until it is recorded, or dropped: entente due --drop ID"
)]
pub struct DueArgs {
    /// Only in this partnership
    #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: Option<String>,
    /// Only what waits for you
    #[arg(long)]
    pub ours: bool,
    /// Only what is overdue
    #[arg(long)]
    pub overdue: bool,
    /// A consent is not to be asked for any more: the draft that wanted it, its id or the beginning of it
    #[arg(long, value_name = "ID", conflicts_with_all = ["partnership", "ours", "overdue"], value_parser = NonEmptyStringValueParser::new())]
    pub drop: Option<String>,
}

fn column(text: &str) -> Result<(String, String), String> {
    let parted =
        text.rsplit_once('=').map(|(column, field)| (column.trim().to_owned(), field.trim().to_owned()));
    parted.filter(|(c, f)| !c.is_empty() && !f.is_empty()).ok_or_else(|| "write COLUMN=FIELD".to_owned())
}

pub(super) fn language(text: &str) -> Result<Language, String> {
    Language::try_from(text.to_owned()).map_err(|e| e.to_string())
}

pub(super) fn sensitivity(text: &str) -> Result<Sensitivity, String> {
    let all = [Sensitivity::Own, Sensitivity::Named, Sensitivity::Partnership, Sensitivity::Public];
    let found = all.into_iter().find(|class| class.as_str() == text);
    found.ok_or_else(|| "use own, named, partnership or public".to_owned())
}
