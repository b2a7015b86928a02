//! Every key of the store, derived in one place from the one [`StoreKey`] that the vault keeps.

use zeroize::Zeroizing;

/// The root key of a store: 32 uniformly random bytes. All other keys of the store derive from it.
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    /// Takes a key that the vault kept.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// Makes a fresh key from the operating system's random source.
    ///
    /// # Errors
    /// Fails if that source does.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    /// The 32 bytes, for the vault to keep.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key for one purpose (BLAKE3 `derive_key`, whose context strings never repeat).
    pub(crate) fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(purpose.context(), self.0.as_ref()))
    }
}

/// What a derived key is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Encrypts the frames of the journal.
    FrameCipher,
    /// Marks the headers of frames and segments, so that they can be found again after damage.
    FrameCheck,
    /// Encrypts the pages of the index.
    IndexCipher,
    /// Hashes those keys of the index whose order does not matter.
    IndexNames,
    /// Hashes the ids of attachments into file names.
    BlobNames,
}

impl Purpose {
    fn context(self) -> &'static str {
        match self {
            Self::FrameCipher => "entente store v1 journal frame cipher",
            Self::FrameCheck => "entente store v1 journal header check",
            Self::IndexCipher => "entente store v1 index value cipher",
            Self::IndexNames => "entente store v1 index key names",
            Self::BlobNames => "entente store v1 attachment file names",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_a_key_of_its_own() {
        let key = StoreKey::from_bytes(Zeroizing::new([7; 32]));
        let all = [
            Purpose::FrameCipher,
            Purpose::FrameCheck,
            Purpose::IndexCipher,
            Purpose::IndexNames,
            Purpose::BlobNames,
        ];
        let distinct: std::collections::BTreeSet<[u8; 32]> = all.iter().map(|p| *key.derive(*p)).collect();
        assert_eq!(distinct.len(), all.len());
    }
}
