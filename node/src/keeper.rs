//! The keeper of the vault: secrets change in one place, and are durable before they are used.

use std::sync::{Arc, Mutex, PoisonError};

use crate::secrets::Secrets;
use crate::vault::{Vault, VaultError};

/// The open vault and what is in it.
#[derive(Clone)]
pub struct Keeper(Arc<Mutex<Kept>>);

struct Kept {
    vault: Vault,
    secrets: Secrets,
}

impl Keeper {
    /// Over an open vault.
    #[must_use]
    pub fn new(vault: Vault, secrets: Secrets) -> Keeper {
        Keeper(Arc::new(Mutex::new(Kept { vault, secrets })))
    }

    /// Changes the secrets and saves them.
    ///
    /// # Errors
    /// [`VaultError`]; then nothing is changed, neither here nor on disk.
    pub fn change<T>(&self, change: impl FnOnce(&mut Secrets) -> T) -> Result<T, VaultError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut secrets = kept.secrets.clone();
        let out = change(&mut secrets);
        kept.vault.save(&secrets.to_bytes())?;
        kept.secrets = secrets;
        Ok(out)
    }

    /// Looks at the secrets.
    pub fn look<T>(&self, look: impl FnOnce(&Secrets) -> T) -> T {
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner).secrets)
    }
}
