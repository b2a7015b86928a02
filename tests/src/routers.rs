//! Networks behind routers that translate addresses, of network namespaces on this machine: a machine that everybody
//! reaches, and two behind a router each, with Linux' own connection tracking and masquerading.
//!
//! ```text
//!   first 10.7.1.2 ── router 203.0.113.2 ──┐
//!                                          core ── 198.51.100.2 open
//!  second 10.7.2.2 ── router 203.0.113.6 ──┘
//! ```

use std::io::Write;
use std::process::{Command, Stdio};

/// What a router does: what comes from within goes out under the router's address, and in comes only what belongs to that.
const RULES: &str = "
table ip translate {
  chain out { type nat hook postrouting priority 100; oifname \"out\" masquerade; }
}
table ip keep {
  chain through { type filter hook forward priority 0; policy drop;
    ct state established,related accept; iifname \"in\" accept; }
  chain here { type filter hook input priority 0; policy drop;
    ct state established,related accept; iifname \"in\" accept; }
}
";

/// The networks, until dropped.
pub struct Routers {
    prefix: String,
}

impl Routers {
    /// Sets them up.
    ///
    /// # Errors
    /// Why they cannot be had: it takes the rights of root, `ip` and `nft`, and a kernel with namespaces and netfilter.
    pub fn set_up() -> Result<Routers, String> {
        let routers = Routers { prefix: format!("entente-{}-", std::process::id()) };
        for space in SPACES {
            run("ip", &["netns", "add", &routers.space(space)], "")?;
            routers.within(space, "ip", &["link", "set", "lo", "up"], "")?;
        }
        routers.cable(("open", "out", "198.51.100.2/30"), ("core", "to-open", "198.51.100.1/30"))?;
        for (number, [inner, router]) in [["first", "router1"], ["second", "router2"]].into_iter().enumerate()
        {
            let (net, host) = (number + 1, 4 * number);
            let outer = [format!("203.0.113.{}/30", host + 2), format!("203.0.113.{}/30", host + 1)];
            let within = [format!("10.7.{net}.2/24"), format!("10.7.{net}.1/24")];
            routers.cable((router, "out", &outer[0]), ("core", &format!("to-{router}"), &outer[1]))?;
            routers.cable((inner, "out", &within[0]), (router, "in", &within[1]))?;
            routers.within(router, "nft", &["-f", "-"], RULES)?;
        }
        for space in ["core", "router1", "router2"] {
            routers.within(space, "sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"], "")?;
        }
        let gateways = [
            ("open", "198.51.100.1"),
            ("router1", "203.0.113.1"),
            ("router2", "203.0.113.5"),
            ("first", "10.7.1.1"),
            ("second", "10.7.2.1"),
        ];
        for (space, gateway) in gateways {
            routers.within(space, "ip", &["route", "add", "default", "via", gateway], "")?;
        }
        Ok(routers)
    }

    /// The namespace called `open`, `first` or `second` here.
    #[must_use]
    pub fn space(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A cable between two of them, with an interface and its address at each end.
    fn cable(&self, one: (&str, &str, &str), other: (&str, &str, &str)) -> Result<(), String> {
        let spaces = [self.space(one.0), self.space(other.0)];
        let [here, there] = &spaces;
        let link =
            ["link", "add", one.1, "netns", here, "type", "veth", "peer", "name", other.1, "netns", there];
        run("ip", &link, "")?;
        for (space, interface, address) in [one, other] {
            self.within(space, "ip", &["addr", "add", address, "dev", interface], "")?;
            self.within(space, "ip", &["link", "set", interface, "up"], "")?;
        }
        Ok(())
    }

    fn within(&self, space: &str, program: &str, arguments: &[&str], input: &str) -> Result<(), String> {
        let space = self.space(space);
        run("ip", &[&["netns", "exec", &space, program], arguments].concat(), input)
    }
}

const SPACES: [&str; 6] = ["core", "open", "router1", "router2", "first", "second"];

impl Drop for Routers {
    fn drop(&mut self) {
        for space in SPACES {
            let _never_made = run("ip", &["netns", "del", &self.space(space)], "");
        }
    }
}

fn run(program: &str, arguments: &[&str], input: &str) -> Result<(), String> {
    let failed = |why: String| format!("{program} {}: {why}", arguments.join(" "));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        let _it_may_not_read = stdin.write_all(input.as_bytes());
    }
    let ended = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if ended.status.success() {
        Ok(())
    } else {
        Err(failed(String::from_utf8_lossy(&ended.stderr).into_owned()))
    }
}
