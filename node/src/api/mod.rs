//! The local API: HTTP over a Unix socket that only this user can open, with a token on every request.
//!
//! [`types`] is what is said, `routes` who answers, [`server`] how it is served.

mod audit;
pub mod backups;
pub mod bundles;
mod copies;
pub(crate) mod deeds;
mod desk;
mod field;
mod govern;
pub mod keys;
pub mod logs;
pub mod mailboxes;
pub mod network;
pub mod nodes;
mod places;
pub mod problem;
mod roles;
pub(crate) mod routes;
pub mod server;
pub mod settings;
pub mod types;
pub(crate) mod verify;
mod views;
mod withdrawals;
