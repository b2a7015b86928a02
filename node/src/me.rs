//! Who this node is.

use ed25519_dalek::SigningKey;
use entente_protocol::identity::{Introduced, IntroductionError, Organisation};
use entente_protocol::ids::{NodeId, OrgId};

use crate::api::types::OrgView;
use crate::secrets::Secrets;

/// This node's organisation and key.
#[derive(Clone)]
pub struct Me {
    /// The organisation's card and the node's certificate.
    pub introduced: Introduced,
    /// The node's key.
    pub key: SigningKey,
}

impl Me {
    /// From the vault.
    ///
    /// # Errors
    /// [`IntroductionError`] if the vault holds another node's certificate.
    pub fn from_secrets(secrets: &Secrets) -> Result<Me, IntroductionError> {
        let introduced = secrets.introduction.verify()?;
        let key = secrets.node.signing_key();
        if introduced.node().0 == key.verifying_key().to_bytes() {
            Ok(Me { introduced, key })
        } else {
            Err(IntroductionError::Mismatch)
        }
    }

    /// The organisation.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.introduced.org()
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.introduced.node()
    }
}

/// An organisation for a screen.
#[must_use]
pub fn view(organisation: &Organisation) -> OrgView {
    OrgView {
        id: organisation.id,
        name: organisation.name.clone(),
        kind: organisation.kind,
        country: organisation.country.clone(),
    }
}
