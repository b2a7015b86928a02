//! What runs on an organisation's machine.
//!
//! Start at [`run::run`] and [`node::Node`]. The way of a record is in [`partnership`].
// A `Problem` has four sentences for people; it is made once per failed request, never in a loop.
#![allow(clippy::result_large_err)]

pub mod address;
pub mod api;
pub mod audit;
pub mod backup;
pub mod bundle;
pub mod clock;
pub mod compaction;
pub mod confide;
pub mod desk;
pub mod doctor;
pub mod door;
pub mod enrol;
pub mod field;
pub mod fingerprint;
pub mod frames;
pub mod held;
pub mod home;
pub mod joining;
pub mod keeper;
pub mod lan;
pub mod ledger;
pub mod mailbox;
pub mod me;
pub mod metadata;
pub mod net;
pub mod node;
pub mod partnership;
pub mod records;
pub mod recovery;
mod replaying;
pub mod rows;
pub mod run;
pub mod search;
pub mod secrets;
pub mod settings;
pub mod setup;
pub mod store;
pub mod vault;
