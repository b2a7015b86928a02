//! The organisation's root key while it is out of its file.

use std::path::Path;

use entente_protocol::derive::Key;
use entente_protocol::ids::{LogId, NodeId, OrgId, PartnershipId, Timestamp};
use entente_protocol::root::{self, LogRenewal};
use entente_protocol::signed::Unverified;

use super::words::{Typed, WordsError, words_of};
use crate::secrets::Secret;
use crate::vault::{Vault, VaultError};

/// An organisation's root key. Wiped when dropped.
pub struct RootKey(Secret);

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// Its file.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file holds something else.
    #[error("the file holds no root key")]
    NotAKey,
    /// The words.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// Every word is from the list, and one slip explains why they give nothing.
    #[error("the words do not give this organisation's root key: {0}")]
    Slip(super::words::Slip),
    /// They are the words of something else: of another root key, or of a share.
    #[error(
        "these words belong together, but are not this organisation's root key: another organisation's, or a share without its label"
    )]
    OtherKey,
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
    /// The shares do not fit together: a fault of this program or machine, found before anything was handed out.
    #[error("the shares that were made do not give the key back: this machine cannot be trusted with it")]
    Arithmetic,
}

impl RootKey {
    /// From the seed of its Ed25519 key (RFC 8032).
    #[must_use]
    pub fn from_seed(seed: &Key) -> RootKey {
        RootKey(Secret::new(seed))
    }

    /// Opens a root key's file.
    ///
    /// # Errors
    /// [`RootKeyError::Vault`], [`RootKeyError::NotAKey`].
    pub fn open(file: &Path, passphrase: &[u8]) -> Result<RootKey, RootKeyError> {
        let (_, contents) = Vault::open(file, passphrase)?;
        let seed: &[u8; 32] = contents.as_slice().try_into().map_err(|_| RootKeyError::NotAKey)?;
        Ok(RootKey::from_seed(&zeroize::Zeroizing::new(*seed)))
    }

    /// From its 24 words, which must give this organisation's key.
    ///
    /// # Errors
    /// [`RootKeyError`] says which word is wrong, where that can be told.
    pub fn from_words(words: &Typed, organisation: &OrgId) -> Result<RootKey, RootKeyError> {
        let right = |seed: &Key| RootKey::from_seed(seed).id() == *organisation;
        match words.secret() {
            Ok(seed) if right(&seed) => Ok(RootKey::from_seed(&seed)),
            Ok(_) => Err(words.slip(right).map_or(RootKeyError::OtherKey, RootKeyError::Slip)),
            Err(WordsError::Checksum) => {
                Err(words.slip(right).map_or(WordsError::Checksum.into(), RootKeyError::Slip))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The organisation whose key this is.
    #[must_use]
    pub fn id(&self) -> OrgId {
        OrgId(self.0.signing_key().verifying_key().to_bytes())
    }

    /// Its 24 words.
    ///
    /// # Errors
    /// As [`words_of`]: never.
    pub fn words(&self) -> Result<Vec<&'static str>, bip39::Error> {
        words_of(&self.seed())
    }

    /// Writes its file, under a passphrase; the file must not exist.
    ///
    /// # Errors
    /// [`VaultError`]; then there is no file.
    pub fn write(&self, file: &Path, passphrase: &[u8]) -> Result<(), VaultError> {
        Vault::create(file, passphrase, self.seed().as_ref()).map(|_vault| ())
    }

    /// Certifies that a node goes on in a new log.
    #[must_use]
    pub fn renew_log(
        &self,
        partnership: PartnershipId,
        node: NodeId,
        log: LogId,
        time: Timestamp,
    ) -> Unverified<LogRenewal> {
        root::renew_log(&self.0.signing_key(), partnership, node, log, time)
    }

    /// The key itself, for whoever certifies or revokes with it.
    #[must_use]
    pub fn signing_key(&self) -> ed25519_dalek::SigningKey {
        self.0.signing_key()
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }

    pub(super) fn seed(&self) -> Key {
        self.0.key()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn root(byte: u8) -> RootKey {
        RootKey::from_seed(&Zeroizing::new([byte; 32]))
    }

    fn typed(root: &RootKey) -> Typed {
        Typed::read(&root.words().unwrap().join(" "), 0).unwrap()
    }

    #[test]
    fn words_give_their_own_organisations_key_and_no_other() {
        let (ours, theirs) = (root(1), root(2));
        assert_eq!(RootKey::from_words(&typed(&ours), &ours.id()).unwrap().id(), ours.id());
        let other = RootKey::from_words(&typed(&theirs), &ours.id());
        assert!(matches!(other, Err(RootKeyError::OtherKey)));
    }

    #[test]
    fn a_mistyped_word_is_named_whether_or_not_the_checksum_noticed() {
        let ours = root(3);
        let words = ours.words().unwrap();
        let (mut noticed, mut missed) = (false, false);
        for other in bip39::Language::English.word_list().iter().filter(|w| **w != words[0]) {
            if noticed && missed {
                break;
            }
            let mut wrong = words.clone();
            wrong[0] = other;
            let wrong = Typed::read(&wrong.join(" "), 0).unwrap();
            let passes = wrong.secret().is_ok();
            if (passes && missed) || (!passes && noticed) {
                continue;
            }
            (noticed, missed) = (noticed || !passes, missed || passes);
            let Err(RootKeyError::Slip(slip)) = RootKey::from_words(&wrong, &ours.id()) else {
                panic!("{other}")
            };
            assert_eq!(slip.to_string(), format!("word 1 should be `{}`", words[0]));
        }
        assert!(noticed && missed, "both kinds were tried");
    }

    #[test]
    fn a_root_key_survives_its_file_and_another_passphrase_does_not_open_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("organisation.key");
        root(4).write(&file, b"new passphrase").unwrap();
        assert_eq!(RootKey::open(&file, b"new passphrase").unwrap().id(), root(4).id());
        assert!(matches!(
            RootKey::open(&file, b"old"),
            Err(RootKeyError::Vault(VaultError::WrongPassphrase))
        ));
        assert!(matches!(root(4).write(&file, b"x"), Err(VaultError::Exists { .. })));
    }
}
