//! When the root key was backed up, shared out and rehearsed. The vault keeps it: a thief of a locked computer
//! shall not learn that there are trustees.

use std::path::Path;

use entente_protocol::codec::DecodeError;
use entente_protocol::ids::{OrgId, Timestamp};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::share::SetId;
use crate::clock;
use crate::home::Home;
use crate::secrets::Secrets;
use crate::store::LockError;
use crate::store::lock::Lock;
use crate::vault::{Vault, VaultError};

/// Sets of shares that are remembered, the newest: older ones still open the key, and this is said.
const SETS: usize = 16;

/// What this node knows of its organisation's back-ups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct RecoveryFacts {
    /// When the words were last written down.
    #[n(0)]
    pub backup: Option<Timestamp>,
    /// Sets of shares, oldest first.
    #[n(1)]
    pub sets: Vec<ShareSet>,
    /// The last rehearsal that succeeded.
    #[n(2)]
    pub drill: Option<Drill>,
}

/// Shares that were made together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ShareSet {
    /// Which.
    #[n(0)]
    pub id: SetId,
    /// When.
    #[n(1)]
    pub made: Timestamp,
}

/// A rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Drill {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// With what.
    #[n(1)]
    pub with: Rehearsed,
}

/// What was rehearsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rehearsed {
    /// The 24 words.
    #[n(0)]
    Words,
    /// Two shares of a set.
    #[n(1)]
    Shares(#[n(0)] SetId),
}

/// Something that was done now; `POST /v1/keys/recovery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The words were written down.
    Backup,
    /// Shares were made.
    Split(SetId),
    /// A rehearsal succeeded.
    Drill(Rehearsed),
}

impl RecoveryFacts {
    /// Notes what was done.
    pub fn note(&mut self, fact: Fact, now: Timestamp) {
        match fact {
            Fact::Backup => self.backup = Some(now),
            Fact::Split(id) => {
                self.sets.push(ShareSet { id, made: now });
                let old = self.sets.len().saturating_sub(SETS);
                self.sets.drain(..old);
            }
            Fact::Drill(with) => self.drill = Some(Drill { at: now, with }),
        }
    }
}

/// The vault of a node that does not run, held so that none starts meanwhile.
pub struct StoppedNode {
    vault: Vault,
    secrets: Secrets,
    organisation: OrgId,
    _lock: Lock,
}

/// Why a stopped node's vault cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoppedNodeError {
    /// A node runs, or starts just now.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Its contents.
    #[error("the vault's contents: {0}")]
    Secrets(#[from] DecodeError),
    /// Who this is.
    #[error("the vault's certificate: {0}")]
    Identity(#[from] entente_protocol::identity::IntroductionError),
}

impl StoppedNode {
    /// Opens the vault in a node's folder.
    ///
    /// # Errors
    /// [`StoppedNodeError`].
    pub fn open(home: &Path, passphrase: &[u8]) -> Result<StoppedNode, StoppedNodeError> {
        let home = Home::at(home);
        let lock = Lock::acquire(&home.path().join("lock"))?;
        let (vault, contents) = Vault::open(&home.vault(), passphrase)?;
        let secrets = Secrets::from_bytes(&contents)?;
        let organisation = secrets.introduction.verify()?.org();
        Ok(StoppedNode { vault, secrets, organisation, _lock: lock })
    }

    /// Whose node it is.
    #[must_use]
    pub fn organisation(&self) -> OrgId {
        self.organisation
    }

    /// Notes what was done, durably.
    ///
    /// # Errors
    /// [`VaultError`]; then it is not noted.
    pub fn note(&mut self, fact: Fact) -> Result<(), VaultError> {
        self.secrets.recovery.get_or_insert_default().note(fact, clock::now());
        self.vault.save(&self.secrets.to_bytes())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn set(text: &str) -> SetId {
        SetId::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn the_newest_sets_and_the_last_dates_are_kept() {
        let mut facts = RecoveryFacts::default();
        for day in 0..40 {
            facts.note(Fact::Backup, Timestamp(day));
            facts.note(Fact::Split(set("k7q2x")), Timestamp(day));
            facts.note(Fact::Drill(Rehearsed::Shares(set("aaaaa"))), Timestamp(day));
        }
        assert_eq!((facts.backup, facts.sets.len()), (Some(Timestamp(39)), SETS));
        assert_eq!(facts.sets[0].made, Timestamp(24));
        assert_eq!(facts.drill.unwrap().with, Rehearsed::Shares(set("aaaaa")));
    }

    #[test]
    fn facts_read_as_they_were_written_in_both_forms() {
        let fact = Fact::Drill(Rehearsed::Shares(set("k7q2x")));
        let json = serde_json::to_string(&fact).unwrap();
        assert_eq!(json, r#"{"drill":{"shares":"k7q2x"}}"#);
        assert_eq!(serde_json::from_str::<Fact>(&json).unwrap(), fact);
        assert!(serde_json::from_str::<Fact>(r#"{"split":"K7Q2X!"}"#).is_err());
    }
}
