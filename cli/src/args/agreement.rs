//! `entente partnership agreement …`.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};

use super::ThePartnership;
use crate::node_calls::FORMS;

/// `partnership agreement`.
#[derive(Subcommand, Debug)]
pub enum AgreementCommand {
    /// Propose a new version of the agreement; every member signs
    #[command(
        after_help = "Example:\n  entente partnership agreement propose 'Prevention 2026' agreement.toml\n\nNarrower limits on records hold at once, the rest when all have signed. `agreement diff` shows which is which."
    )]
    Propose {
        /// Where.
        #[command(flatten)]
        partnership: ThePartnership,
        /// The new text (TOML)
        #[arg(value_name = "FILE")]
        agreement: PathBuf,
    },
    /// Sign a proposed version
    #[command(after_help = "Example:\n  entente partnership agreement sign 'Prevention 2026'")]
    Sign(super::OneProposal),
    /// Print a commented agreement to edit
    #[command(after_help = "Example:\n  entente partnership agreement template formal > agreement.toml")]
    Template {
        /// The form of collaboration
        #[arg(value_name = "FORM", value_parser = PossibleValuesParser::new(FORMS))]
        form: String,
    },
    /// Show the agreement of a partnership in plain sentences
    #[command(after_help = "Example:\n  entente partnership agreement show 'Prevention 2026'")]
    Show {
        /// Which.
        #[command(flatten)]
        partnership: ThePartnership,
        /// The text that was signed (TOML) instead; --json has it to the byte
        #[arg(long)]
        text: bool,
    },
    /// Read a file as an agreement: what it says, what to look at again, whether its document is the one
    #[command(
        after_help = "Examples:\n  entente partnership agreement check agreement.toml\n  entente partnership agreement check agreement.toml --document memorandum.pdf\n\nThe exit code is 6 if it is no agreement, or the document is not the one whose hash it has."
    )]
    Check {
        /// The agreement (TOML)
        #[arg(value_name = "AGREEMENT")]
        agreement: PathBuf,
        /// The file that is said to be the document of the agreement
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
    },
    /// Make a file (a signed scan, say) part of an agreement: its hash is written into the text
    #[command(
        after_help = "Examples:\n  entente partnership agreement attach agreement.toml memorandum.pdf > with-document.toml\n  entente partnership agreement attach agreement.toml memorandum.pdf --in-place\n\nThe file itself is not sent: hand it over, and each party checks it with `agreement check`."
    )]
    Attach {
        /// The agreement (TOML)
        #[arg(value_name = "AGREEMENT")]
        agreement: PathBuf,
        /// The file, of at most 256 MiB
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write the agreement's file instead of stdout
        #[arg(long)]
        in_place: bool,
    },
    /// Say what another version of an agreement changes, and for whom
    #[command(
        after_help = "Examples:\n  entente partnership agreement diff 'Prevention 2026' amended.toml\n  entente partnership agreement diff agreement.toml amended.toml"
    )]
    Diff {
        /// The agreement in force: a partnership (its name, its id or the beginning of it), or a file
        #[arg(value_name = "OLD", value_parser = NonEmptyStringValueParser::new())]
        old: String,
        /// The file with the other version (TOML)
        #[arg(value_name = "NEW")]
        new: PathBuf,
    },
}
