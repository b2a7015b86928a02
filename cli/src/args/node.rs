//! `entente node …`.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use entente_protocol::ids::OrgId;

use super::PassphraseArgs;

/// `node`.
#[derive(Subcommand, Debug)]
pub enum NodeCommand {
    /// List the nodes of this organisation in each partnership
    #[command(after_help = "Example:\n  entente node list")]
    List,
    /// On a new machine: make keys, and a request to become one more node of an organisation
    #[command(
        after_help = "Example:\n  entente node request --organisation ID > request.txt\n\nThe request is no secret. Its first node shows the organisation's id with `status`."
    )]
    Request {
        /// The organisation's id: only its certificate will be accepted
        #[arg(long, value_name = "ID")]
        organisation: OrgId,
        /// Where the node listens
        #[arg(long, value_name = "MULTIADDR", value_parser = NonEmptyStringValueParser::new())]
        listen: Option<String>,
        /// An address that partners are told instead of the one listened on; may be repeated
        #[arg(long, value_name = "MULTIADDR", value_parser = NonEmptyStringValueParser::new())]
        advertise: Vec<String>,
        /// Where the new passphrase comes from.
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// On a node of the organisation: certify a request with the root key, and open doors for the new node
    #[command(
        after_help = "Example:\n  entente node certify request.txt > grant.txt\n\nThe grant is of use to the machine that made the request, and to no other."
    )]
    Certify {
        /// The request: its text, a file that holds it, or - for stdin
        #[arg(value_name = "REQUEST", value_parser = NonEmptyStringValueParser::new())]
        request: String,
        /// The root key's file [default: organisation.key in the node's folder]
        #[arg(long, value_name = "FILE")]
        root_key: Option<PathBuf>,
        /// Where the root key's passphrase comes from.
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// On the new machine: take the grant; the node comes into the partnerships by itself when it runs
    #[command(after_help = "Example:\n  entente node accept grant.txt\n  entente run")]
    Accept {
        /// The grant: its text, a file that holds it, or - for stdin
        #[arg(value_name = "GRANT", value_parser = NonEmptyStringValueParser::new())]
        grant: String,
        /// Where the passphrase comes from.
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
}
