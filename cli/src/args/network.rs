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
    /// Look for partners on the local network, and let them find this node there; never with a proxy
    #[arg(long, conflicts_with_all = ["proxy", "only_proxy"])]
    pub lan: bool,
}

/// `network`.
#[derive(Subcommand, Debug)]
pub enum NetworkCommand {
    /// Show the proxy, the limits, who relays, and who is reached through whom
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
    /// Let partners that cannot dial each other reach each other through this node, or not any more
    #[command(
        after_help = "Example:\n  entente network relay on --per-hour 2GB\n  entente network relay off\n\nOnly members of the same partnership pass, and what passes is encrypted between the two: this node sees that they talk, when, and how much. Both have to be connected with this node; they try each other directly first."
    )]
    Relay {
        /// on or off
        #[arg(value_enum)]
        state: Switch,
        /// The most that passes in an hour, of which half at most for one partner [default: what holds, or 1 GiB]
        #[arg(long, value_name = "SIZE", value_parser = size)]
        per_hour: Option<u64>,
    },
    /// Meet partners who are reached through a relay: both dial each other where it sees them; or not any more
    #[command(
        after_help = "Example:\n  entente network punch off\n  entente network punch on\n\nIt is on unless switched off. The relay tells each of the two where it sees the other, if both are for it, and both dial from the port that they listen on (hole punching). Then no relay carries what they say. A node behind a proxy takes no part in it."
    )]
    Punch {
        /// on or off
        #[arg(value_enum)]
        state: Switch,
    },
    /// Look for partners on the local network, and let them find this node there, or not any more
    #[command(
        after_help = "Example:\n  entente network lan on\n  entente network lan off\n\nBeacons of 32 bytes are sent to everybody on the network. Only members can read them; others see that somebody sends noise there. It is refused where a proxy is set."
    )]
    Lan {
        /// on or off
        #[arg(value_enum)]
        state: Switch,
    },
}

/// On or off.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}
