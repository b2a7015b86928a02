//! How a node reaches others.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

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
