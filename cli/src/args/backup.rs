//! `entente backup …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::PassphraseArgs;

/// `backup`.
#[derive(Subcommand, Debug)]
pub enum BackupCommand {
    /// Write all of this node into one encrypted file, while it runs or not
    #[command(
        after_help = "Example:\n  entente backup create /media/stick/node-2026-03.backup\n\nThe passphrase that you type opens the back-up, and the node that is made of it. The\norganisation's root key is not in it: see `entente key backup`."
    )]
    Create {
        /// The file and its passphrase.
        #[command(flatten)]
        file: BackupFile,
        /// Attachments too: the file gets as large as they are
        #[arg(long)]
        attachments: bool,
    },
    /// Open a back-up and check every byte of it
    #[command(after_help = "Example:\n  entente backup verify /media/stick/node-2026-03.backup")]
    Verify(BackupFile),
    /// Make a node of a back-up, in the folder that `--home` names, which must be empty
    #[command(
        after_help = "Example:\n  entente --home restored backup restore /media/stick/node-2026-03.backup\n\nThe node reads and catches up, and publishes nothing before `entente key renew-log`: it may\nhave published more after the back-up was made."
    )]
    Restore(BackupFile),
}

/// A back-up and what opens it.
#[derive(Args, Debug)]
pub struct BackupFile {
    /// The back-up's file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where its passphrase comes from.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}
