//! What tests of whole nodes share: real processes of the real program, each in a folder of its own, talking
//! over the loopback interface. Nothing is simulated and nothing is shortened, Argon2id included.
//!
//! Start at [`Partnership::of`], which gives nodes that know each other, or at [`TestNode::start_new`] for a
//! node alone. [`wait_until`] is the only way to wait: for a condition, with an end.

// A harness for tests: where it panics, a test fails, which is its purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod figures;
mod home;
mod link;
mod node;
mod partnership;
mod records;
mod routers;
mod socks;
mod wait;

pub use figures::percentile;
pub use home::{Home, Output, PASSPHRASE, program};
pub use link::{Link, Shape};
pub use node::TestNode;
pub use partnership::{PERMISSIVE, Partnership, approve, ask_to_join, invite, invite_and_ask, join};
pub use records::{DraftBuilder, draft, publish_on};
pub use routers::Routers;
pub use socks::{Asked, Socks};
pub use wait::{PATIENCE, wait_for, wait_until, wait_until_within};
