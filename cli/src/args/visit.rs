//! `visit`: visits, their reports and the roster.

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use super::{Say, TheRecord};

/// `visit`.
#[derive(Subcommand, Debug)]
pub enum VisitCommand {
    /// List visits that you can see, with their teams and what followed them
    #[command(
        after_help = "Example:\n  entente visit list\n\nPlan one with `record template visit`. A later record of the kind `visit` that names it in its field\n`visit` says how it went on: \"confirmed\": true, \"done\": true."
    )]
    List {
        /// Only of this partnership
        #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
    /// Write down which facts an authority corrected in a draft report (the NPM); the draft stays as it is
    #[command(
        after_help = "Example:\n  entente visit correct 3fk2q7abcd --authority 'Prison Service' --part findings --text 'Cell 4 holds two.' --yes\n\nThe correction stands beside the draft, for as long as the draft is there. Beside a draft that was not shared\nit is a draft too."
    )]
    Correct {
        /// The report: its id or the beginning of it
        #[command(flatten)]
        record: TheRecord,
        /// Who corrected it
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        authority: String,
        /// What it says is right
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        text: String,
        /// The field of the report that it corrects, such as `findings`
        #[arg(long, value_name = "FIELD", value_parser = NonEmptyStringValueParser::new())]
        part: Option<String>,
        /// How to share it.
        #[command(flatten)]
        say: Say,
    },
    /// Show a report, field by field, with the corrections of facts that stand beside it
    #[command(after_help = "Example:\n  entente visit corrections 3fk2q7abcd")]
    Corrections(TheRecord),
    /// The roster of experts: who may go on visits, and until when
    #[command(after_help = "Example:\n  entente visit experts\n\nEntries are records of the kind `expert`.")]
    Experts {
        /// Only of this partnership
        #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
        partnership: Option<String>,
    },
}
