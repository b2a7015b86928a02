//! `entente journal …`.

use clap::Subcommand;

/// `journal`.
#[derive(Subcommand, Debug)]
pub enum JournalCommand {
    /// Leave out what is not needed any more, when the node starts the next time
    #[command(
        after_help = "Example:\n  entente journal compact\n\nThe exit code is 7: it is done when the node starts. A long journal of which half is dead is compacted without being asked."
    )]
    Compact,
}
