//! Whole nodes, end to end: what is promised to whoever keeps one, proved on real processes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::too_many_lines
)]

#[allow(dead_code)]
#[path = "../attacks/hostile.rs"]
mod hostile;
#[allow(dead_code)]
#[path = "../attacks/insider.rs"]
mod insider;

mod attachments;
mod auditing;
mod carrying;
mod catching_up;
mod confiding;
mod copies;
mod crashes;
mod damage;
mod explaining;
mod files;
mod fixtures;
mod forms;
mod governing;
mod hiding;
mod history;
mod joining;
mod leaving;
mod locking;
mod mailboxes;
mod meeting;
mod migrating;
mod narrow;
mod nearby;
mod placing;
mod prekeys;
mod raid;
mod recovering;
mod relaying;
mod releasing;
mod renewing;
mod running;
mod searching;
mod sharing;
mod soak;
mod verifying;
mod withdrawing;
mod year;
