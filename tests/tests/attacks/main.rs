//! Attacks on whole nodes: what SECURITY.md promises, tried on real processes by somebody who wants it broken.
//!
//! Tools: [`insider`] opens a member's home and forges with its keys, [`hostile`] speaks the protocol as a
//! member without being a node, [`wiretap`] records what passes between nodes, [`needles`] looks for what
//! must not be there. The other modules are adversaries, one each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hostile;
mod insider;
mod needles;
mod wiretap;

mod bundles;
mod curious;
mod flood;
mod forger;
mod local_api;
mod newcomer;
mod off_team;
mod passing_on;
mod passphrase;
mod promises;
mod rehearsed;
mod removed;
mod seized;
mod stranger;
mod tampering;
mod tapped;
mod two_faced;
mod verifier;
mod votes;
