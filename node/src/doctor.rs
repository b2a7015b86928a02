//! The doctor: looks at everything that can go wrong in the first hour and in the tenth year.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use entente_protocol::ids::Timestamp;

use crate::api::types::Check;
use crate::home::{Home, HomeError};
use crate::node::Node;
use crate::recovery::RecoveryFacts;
use crate::rows::Table;

/// Bytes that should be free on the disk: the journal rolls at 16 MiB, and a catch-up needs some of them.
const LOW_DISK: u64 = 512 * 1024 * 1024;
/// A clock before this program was made is wrong: 2026-01-01.
const PROGRAM_MADE: u64 = 1_767_225_600_000;

fn check(name: &str, ok: bool, seen: impl Into<String>, next: &str) -> Check {
    let next = if ok { String::new() } else { next.to_owned() };
    Check { name: name.into(), ok, seen: seen.into(), next }
}

/// What can be told without the node running.
#[must_use]
pub fn offline(path: &Path) -> Vec<Check> {
    let home = Home::at(path);
    let mut checks = vec![match home.config() {
        Ok(config) => check("settings", true, format!("listens on {}", config.listen), ""),
        Err(HomeError::Empty(path)) => {
            return vec![check(
                "folder",
                false,
                format!("there is no node in {}", path.display()),
                "Set one up: `entente init --help` shows how.",
            )];
        }
        Err(error) => check("settings", false, error.to_string(), "Correct config.toml."),
    }];
    checks.push(permissions(path));
    checks.push(vault(&home));
    checks.push(root_key(&home));
    checks.push(disk(path));
    checks.push(clock());
    checks
}

/// What a running node can tell.
#[must_use]
pub fn online(node: &Arc<Node>) -> Vec<Check> {
    let mut checks = offline(node.home.path());
    let facts = node.shared.keeper.look(|s| s.recovery.clone().unwrap_or_default());
    checks.extend(root_key_recovery(&facts, crate::clock::now()));
    checks.push(journal(node));
    checks.push(recovery(node));
    checks.push(addresses(node));
    checks.extend(partners(node));
    checks.extend(verification(node));
    checks.extend(fences(node));
    checks.push(backed_up(node));
    checks.extend(revoked(node));
    checks.push(quarantine(node));
    checks
}

fn permissions(path: &Path) -> Check {
    let mode = std::fs::metadata(path).map_or(0, |m| m.permissions().mode() & 0o777);
    let seen = format!("mode {mode:o}");
    check("folder is private", mode & 0o077 == 0, seen, "Run `chmod 700` on the node's folder.")
}

fn vault(home: &Home) -> Check {
    let vault = crate::vault::inspect(&home.vault());
    let seen = match &vault {
        Ok(()) => "whole".to_owned(),
        Err(error) => error.to_string(),
    };
    check("vault", vault.is_ok(), seen, "Put back the vault file from a back-up; do not delete anything.")
}

/// Days after which a rehearsal is too long ago: people forget, and paper gets lost.
const DRILL_DAYS: u64 = 180;

fn root_key(home: &Home) -> Check {
    let here = home.root_key().exists();
    let seen = if here {
        "the organisation's root key is on this machine, under its passphrase"
    } else {
        "the organisation's root key is not on this machine: good, if you have it elsewhere"
    };
    let next = "Back it up (`entente key backup`, `entente key split`), then move the file `organisation.key` to \
                a stick that lies elsewhere: the node runs without it.";
    check("root key", !here, seen, next)
}

/// Is there a back-up of the root key, and does it work?
fn root_key_recovery(facts: &RecoveryFacts, now: Timestamp) -> Vec<Check> {
    let backed_up = facts.backup.or(facts.sets.last().map(|set| set.made));
    let (name, rehearsed) = ("root key back-up", "root key drill");
    let Some(backed_up) = backed_up else {
        let seen = "this node knows of no back-up of the organisation's root key: if its file is lost, so is the \
                    organisation";
        return vec![check(name, false, seen, "`entente key backup` or `entente key split`.")];
    };
    let days = |since: Timestamp| now.0.saturating_sub(since.0) / Timestamp::DAY;
    let (fresh, seen) = match &facts.drill {
        Some(drill) => (days(drill.at) <= DRILL_DAYS, format!("last rehearsed {} days ago", days(drill.at))),
        None => (false, "the back-up was never rehearsed: nobody knows whether it works".to_owned()),
    };
    vec![
        check(name, true, format!("made {} days ago", days(backed_up)), ""),
        check(rehearsed, fresh, seen, "`entente key drill`, with two trustees, or with `--words`."),
    ]
}

fn disk(path: &Path) -> Check {
    match rustix::fs::statvfs(path) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let seen = format!("{} MiB free", free / (1024 * 1024));
            check("disk", free > LOW_DISK, seen, "Make room: what cannot be written is not acknowledged.")
        }
        Err(error) => check("disk", false, error.to_string(), "Is the folder's disk there?"),
    }
}

fn clock() -> Check {
    let now = crate::clock::now();
    let fine = now.0 > PROGRAM_MADE;
    let ms = i64::try_from(now.0).unwrap_or(i64::MAX);
    let seen =
        jiff::Timestamp::from_millisecond(ms).map_or("beyond every calendar".into(), |t| t.to_string());
    check("clock", fine, seen, "Set this machine's clock.")
}

/// Reads every frame of the journal.
fn journal(node: &Node) -> Check {
    let store = node.shared.ledger.store();
    let next = "Keep the node's folder as it is, make a copy, and ask for help; partners still hold what they acknowledged.";
    let scan = match store.journal.scan(crate::store::Position::START) {
        Ok(scan) => scan,
        Err(error) => return check("journal", false, error.to_string(), next),
    };
    let (mut frames, mut damaged) = (0_u64, 0_u64);
    for (_, frame) in scan {
        match frame {
            Ok(_) => frames += 1,
            Err(_) => damaged += 1,
        }
    }
    check("journal", damaged == 0, format!("{frames} frames are whole, {damaged} damaged"), next)
}

fn recovery(node: &Node) -> Check {
    let lost = node.recovery.lost_acknowledged();
    let seen = if lost {
        "the journal ends before what was once acknowledged: an old copy, or damage"
    } else {
        "nothing acknowledged was missing at the last start"
    };
    check("start", !lost, seen, "Do not publish; restore the newest back-up, or start a new node.")
}

fn addresses(node: &Node) -> Check {
    let addresses = &node.shared.addresses;
    let seen = if addresses.is_empty() { "none".to_owned() } else { addresses.join(", ") };
    let next = "Set `advertise` in config.toml to where partners can reach this machine.";
    check("address told to partners", !addresses.is_empty(), seen, next)
}

fn partners(node: &Node) -> Vec<Check> {
    let handles = node.handles();
    handles
        .iter()
        .map(|handle| {
            let peers = handle.net.peers();
            let connected = peers.iter().filter(|p| p.connected_since.is_some()).count();
            let errors: Vec<String> =
                peers.iter().filter_map(|p| p.last_error).map(|e| e.to_string()).collect();
            let mut seen = format!("{connected} of {} partners' nodes are connected", peers.len());
            if let Some(error) = errors.first() {
                seen = format!("{seen}; the last attempt: {error}");
            }
            let name = format!("partnership {}", handle.membership().name);
            let fine = connected > 0 || peers.is_empty();
            check(&name, fine, seen, "Are their nodes running? `entente sync now` tries again.")
        })
        .collect()
}

/// Members that no person verified are no fault; changed keys and failed verifications are.
fn verification(node: &Node) -> Vec<Check> {
    let of = |handle: &crate::partnership::Handle| {
        let trust = handle.seen().trust;
        let suspect = trust.values().filter(|t| t.suspicion.is_some()).count();
        let (unverified, changed) = crate::api::verify::counts(handle);
        let mut seen = format!("{unverified} of {} other members are not verified", trust.len());
        if changed > 0 {
            seen = format!("{seen}; the keys of {changed} changed since");
        }
        if suspect > 0 {
            seen = format!("{seen}; with {suspect}, verification failed");
        }
        let name = format!("members of {}", handle.membership().name);
        let next =
            "`entente member list` says which; `entente member verify P ORG` verifies, on the telephone.";
        check(&name, changed == 0 && suspect == 0, seen, next)
    };
    node.handles().iter().map(of).collect()
}

/// The last back-up, or the age of the node, is at most so many days old.
const BACK_UP_DAYS: u64 = 30;

fn backed_up(node: &Node) -> Check {
    let last = node.shared.keeper.look(|secrets| secrets.backed_up);
    let since = last.unwrap_or(node.me.introduced.certificate().issued);
    let days = crate::clock::now().0.saturating_sub(since.0) / (24 * 60 * 60 * 1000);
    let seen = match last {
        Some(_) => format!("this node was last backed up {days} days ago"),
        None => "this node was never backed up".to_owned(),
    };
    let next = "Back it up onto a stick: `entente backup create FILE`.";
    check("back-up of the node", days < BACK_UP_DAYS, seen, next)
}

/// Only where there is one: a partnership in which this node may not go on in its log.
fn fences(node: &Node) -> Vec<Check> {
    let fenced = |handle: &crate::partnership::Handle| {
        let view = handle.seen();
        let name = format!("log in {}", view.membership.name);
        let next =
            "Stay connected until partners have given back what is missing, then `entente key renew-log`.";
        view.fenced.map(|why| check(&name, false, format!("nothing is signed: {why}"), next))
    };
    node.handles().iter().filter_map(fenced).collect()
}

/// Told, not blamed: what is to be done about a seizure no program can check.
fn revoked(node: &Node) -> Vec<Check> {
    let told = |r: crate::api::nodes::RevokedView| {
        let seen = format!(
            "node {} of {} was revoked by {}; `entente key exposed {}` lists what it could read",
            r.node.short(),
            r.organisation.name,
            r.by.name,
            r.node.short(),
        );
        check(&format!("revoked in {}", r.partnership_name), true, seen, "")
    };
    node.handles().iter().flat_map(|h| crate::api::nodes::revoked(node, h)).map(told).collect()
}

fn quarantine(node: &Node) -> Check {
    let count = crate::rows::count(&node.shared.ledger.store().index, Table::Refused);
    let seen = format!("{count} entries arrived that this node does not show");
    check("quarantine", count == 0, seen, "`entente sync status` lists them with their reasons.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::{Fact, Rehearsed};

    fn oks(facts: &RecoveryFacts, day: u64) -> Vec<bool> {
        root_key_recovery(facts, Timestamp(day * Timestamp::DAY)).iter().map(|c| c.ok).collect()
    }

    #[test]
    fn a_back_up_that_is_missing_unrehearsed_or_long_unrehearsed_is_nagged_about() {
        let mut facts = RecoveryFacts::default();
        assert_eq!(oks(&facts, 0), [false]);
        facts.note(Fact::Backup, Timestamp(0));
        assert_eq!(oks(&facts, 1), [true, false]);
        facts.note(Fact::Drill(Rehearsed::Words), Timestamp(Timestamp::DAY));
        assert_eq!(oks(&facts, 181), [true, true]);
        assert_eq!(oks(&facts, 182), [true, false]);
    }
}
