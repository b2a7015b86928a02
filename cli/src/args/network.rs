//! How a node reaches others.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::attachment::size;

/// Of `run`.
#[derive(Args, Debug)]
pub struct NetworkArgs {
    /// A SOCKS5 proxy, such as Tor's, that every connection to others goes through and that looks names up
    /// [default: `proxy` in config.toml]
    #[arg(long, value_name = "socks5h://IP:PORT", value_parser = NonEmptyStringValueParser::new())]
    pub proxy: Option<String>,
    /// Hide where this node is: nothing but the proxy is connected to, only loopback is listened on, and partners
    /// are told no address but those advertised
    #[arg(long)]
    pub only_proxy: bool,
}

/// `network`.
#[derive(Subcommand, Debug)]
pub enum NetworkCommand {
    /// Show the proxy and the limits
    #[command(after_help = "Example:\n  entente network show")]
    Show,
    /// Limit what is sent and received in a second; it holds at once, and after a restart
    #[command(
        after_help = "Example:\n  entente network limit --up 8kB --down 64kB\n  entente network limit --up 0\n\nOn a narrow way records go before attachments, with or without a limit."
    )]
    Limit {
        /// The most that is sent in a second, such as 8kB; 0 for no limit
        #[arg(long, value_name = "SIZE", value_parser = size, required_unless_present = "down")]
        up: Option<u64>,
        /// The most that is received in a second; 0 for no limit
        #[arg(long, value_name = "SIZE", value_parser = size)]
        down: Option<u64>,
    },
}
