//! The simulator: partnerships of up to 300 nodes in one process, in virtual time, the same for the same seed.
//!
//! ```text
//!  scenario (TOML) + seed ──▶ World ──▶ queue of what is to happen, by virtual time
//!                               │             │
//!                               │             ▼
//!                               │        Node: keys, store, ActGraph, SyncMachine, epochs   (real protocol)
//!                               │             │ messages, encoded
//!                               ▼             ▼
//!                        Ledger, check    network: latency, loss, partitions; faults: crashes, clocks
//! ```
//! Start at [`seeds::run`], which tests call, and [`World::run`]. No sockets, tasks, clock or randomness of the
//! system's: what a run does follows from the scenario and the seed alone. Everything that a node says and
//! checks is `entente-protocol`'s; what surrounds it (`node/`) mirrors `node/src/partnership`.

// A harness for tests: where it panics, a test fails, which is its purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod check;
pub mod ledger;
pub mod memo;
pub mod node;
pub mod party;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod seeds;
pub mod store;
mod world;

pub use report::Report;
pub use scenario::Scenario;
pub use world::World;
