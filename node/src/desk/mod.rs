//! The desk: who of an organisation's people may do what at its node, and what several of them must release before
//! it leaves (rule C3).
//!
//! ```text
//!  request with a token ──accounts──▶ Caller { person, role } ──api/roles──▶ may, or E-ROLE
//!                                                                  │
//!  share ──▶ release wanted? ──no──▶ shared                        ▼
//!               └─yes──▶ Asked (the first mark) ──▶ another person's mark … ──▶ as many as wanted: shared
//! ```
//! Start at [`accounts::authenticate`] and [`release::share`]; [`standing`] says whether what was asked still holds. What lasts is in [`journal`]. All of it stays at home:
//! partners get marks that say how many persons there were, and nothing else
//! ([`entente_protocol::derive::release_mark`]).
//!
//! **What this cannot do.** The keeper's own token lies in the node's folder: who has the node's account on the
//! machine is the keeper. And a node knows accounts, not people: whoever holds two tokens counts as two.

pub mod accounts;
pub mod ending;
pub mod journal;
pub mod release;
pub mod standing;
pub mod telling;
pub mod view;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use core::fmt;
use core::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What somebody may do at a node, from least to most. Each may do what those before it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum StaffRole {
    /// Reads everything that this node can read.
    #[n(0)]
    Reader,
    /// Writes drafts, and asks for them to be shared.
    #[n(1)]
    Writer,
    /// Shares, exports and withdraws, and releases what others ask to share.
    #[n(2)]
    Releaser,
    /// Everything: keys, partnerships, staff.
    #[n(3)]
    Keeper,
}

impl StaffRole {
    /// All of them, from least to most.
    pub const ALL: [StaffRole; 4] =
        [StaffRole::Reader, StaffRole::Writer, StaffRole::Releaser, StaffRole::Keeper];

    /// The word used on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StaffRole::Reader => "reader",
            StaffRole::Writer => "writer",
            StaffRole::Releaser => "releaser",
            StaffRole::Keeper => "keeper",
        }
    }
}

impl fmt::Display for StaffRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StaffRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = StaffRole::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| "use reader, writer, releaser or keeper".to_owned())
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] #[cbor(with = "minicbor::bytes")] pub [u8; 16]);
    };
}
id!(
    /// An account: stays with a person through new tokens and other roles. Random.
    AccountId
);
id!(
    /// A wish to share a record that others must release. Random.
    ReleaseId
);

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl Serialize for ReleaseId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ReleaseId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?.to_ascii_uppercase();
        let bytes = data_encoding::BASE32_NOPAD.decode(text.as_bytes()).ok();
        let id = bytes.and_then(|bytes| bytes.try_into().ok()).map(ReleaseId);
        id.ok_or_else(|| serde::de::Error::custom("a release's id is 26 letters and digits"))
    }
}

/// Who acts, as far as a node can know: by which token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Person {
    /// Whoever has the token that lies in the node's folder.
    #[n(0)]
    Keeper,
    /// Whoever has an account's token.
    #[n(1)]
    Account(#[n(0)] AccountId),
}

impl Person {
    /// What marks are derived from.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Person::Keeper => vec![0],
            Person::Account(id) => [&[1][..], &id.0].concat(),
        }
    }
}

/// Who makes a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// By which token.
    pub person: Person,
    /// What they are called.
    pub name: String,
    /// What they may do.
    pub role: StaffRole,
}

/// What the keeper's own token is called.
pub const THE_KEEPER: &str = "the keeper";

impl Caller {
    /// Whoever has the token in the node's folder.
    #[must_use]
    pub fn keeper() -> Caller {
        Caller { person: Person::Keeper, name: THE_KEEPER.into(), role: StaffRole::Keeper }
    }
}

/// Orders what is done at the desk: one thing after the other, so that two who release at once do not share twice.
#[derive(Default)]
pub struct Desk(tokio::sync::Mutex<()>);
