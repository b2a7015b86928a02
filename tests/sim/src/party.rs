//! An organisation with its node: keys that follow from a number, real in every respect.

use ed25519_dalek::SigningKey;
use entente_protocol::derive::{self, Key};
use entente_protocol::epoch::PrekeySecret;
use entente_protocol::handling::Role;
use entente_protocol::identity::{Introduced, MemberCard, OrgKind, introduce};
use entente_protocol::ids::{Hash, LogId, NodeId, OrgId, PartnershipId, SpaceId, Timestamp, TransportId};
use entente_protocol::membership::acts::Accepted;
use zeroize::Zeroizing;

use crate::scenario::Crypto;

/// Its keys, and what others know of it.
#[derive(Clone)]
pub struct Party {
    /// Its number.
    pub number: usize,
    /// The node's key.
    pub key: SigningKey,
    /// Organisation and node, certified.
    pub introduced: Introduced,
    /// The seed of its logs' keys.
    log: Key,
    /// Opens epoch keys.
    pub prekey: PrekeySecret,
    /// Made once, since it costs some.
    public: Vec<u8>,
}

impl Party {
    /// Organisation `number`.
    ///
    /// # Panics
    /// Never: the keys are sound.
    #[must_use]
    pub fn new(number: usize, crypto: Crypto) -> Party {
        let root = SigningKey::from_bytes(&seed(number, 1));
        let key = SigningKey::from_bytes(&seed(number, 2));
        let id = NodeId(key.verifying_key().to_bytes());
        let name = format!("Organisation {number}");
        let introduced = introduce(&root, &name, OrgKind::Cso, "GE", id, Timestamp(1)).unwrap();
        let prekey = PrekeySecret::from_seed(Zeroizing::new(seed(number, 4)));
        let public = match crypto {
            Crypto::Full => prekey.public().unwrap(),
            Crypto::Light => light_prekey(&prekey),
        };
        Party { number, key, introduced, log: Zeroizing::new(seed(number, 3)), prekey, public }
    }

    /// Makes it a National Preventive Mechanism: of another kind, with the same keys.
    ///
    /// # Panics
    /// Never: the keys are sound.
    pub fn become_npm(&mut self) {
        let root = SigningKey::from_bytes(&seed(self.number, 1));
        let (name, id) = (format!("Organisation {}", self.number), self.id());
        self.introduced = introduce(&root, &name, OrgKind::Npm, "GE", id, Timestamp(1)).unwrap();
    }

    /// The organisation.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.introduced.org()
    }

    /// Its node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.introduced.node()
    }

    /// The key of its log in a space.
    #[must_use]
    pub fn log_key(&self, partnership: &PartnershipId, space: &SpaceId) -> SigningKey {
        if *space == derive::space_of_all(partnership) {
            SigningKey::from_bytes(&self.log)
        } else {
            derive::circle_log_key(&self.log, space)
        }
    }

    /// Its card.
    #[must_use]
    pub fn card(&self, partnership: PartnershipId) -> MemberCard {
        MemberCard {
            partnership,
            node: self.id(),
            transport: TransportId(SigningKey::from_bytes(&seed(self.number, 5)).verifying_key().to_bytes()),
            log: LogId(SigningKey::from_bytes(&self.log).verifying_key().to_bytes()),
            prekey: self.public.clone(),
            addresses: vec![format!("192.0.2.{}:4747", self.number % 256)],
        }
    }
}

/// A stand-in for an X-Wing key of the same length: the seed itself, and zeroes.
fn light_prekey(secret: &PrekeySecret) -> Vec<u8> {
    let mut key = secret.seed().to_vec();
    key.resize(entente_protocol::epoch::PREKEY_LEN, 0);
    key
}

/// What all accept on joining.
#[must_use]
pub fn accepted(agreement: Hash) -> Accepted {
    Accepted { agreement, role: role(), declaration: None }
}

/// The role that all take.
///
/// # Panics
/// Never.
#[must_use]
pub fn role() -> Role {
    "cso".parse().unwrap()
}

fn seed(number: usize, kind: u8) -> [u8; 32] {
    let mut seed = [kind; 32];
    seed[..8].copy_from_slice(&(number as u64 + 1).to_le_bytes());
    seed
}
