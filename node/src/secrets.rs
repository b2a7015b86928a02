//! What lies in the vault: every key of this node, as one CBOR value that is wiped when dropped.

use ed25519_dalek::SigningKey;
use entente_protocol::codec::{self, DecodeError, Wire};
use entente_protocol::derive::Key;
use entente_protocol::epoch::PrekeySecret;
use entente_protocol::identity::{Introduced, Introduction};
use entente_protocol::ids::{ActId, EpochId, LogId, NodeId, OrgId, PartnershipId, Seq, SpaceId, Timestamp};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use crate::mailbox::shelf::Allowed;
use crate::partnership::fence::Fence;
use crate::recovery::RecoveryFacts;

/// 32 secret bytes.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Secret(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    [u8; 32],
);

/// What it is stays out of logs.
impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Secret {
    /// Wraps a key.
    #[must_use]
    pub fn new(key: &Key) -> Secret {
        Secret(**key)
    }

    /// Fresh random bytes.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn random() -> Result<Secret, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Secret(*bytes))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> Key {
        Zeroizing::new(self.0)
    }

    /// As the seed of an Ed25519 key.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.0)
    }
}

/// All secrets of a node.
#[derive(Clone, Encode, Decode)]
pub struct Secrets {
    #[n(0)]
    version: u32,
    /// Opens the store.
    #[n(1)]
    pub store: Secret,
    /// The node's key.
    #[n(2)]
    pub node: Secret,
    /// The organisation's card and the node's certificate.
    #[n(3)]
    pub introduction: Introduction,
    /// One for each partnership.
    #[n(4)]
    pub partnerships: Vec<PartnershipSecrets>,
    /// When the root key was backed up, shared out and rehearsed; absent until then.
    #[n(5)]
    pub recovery: Option<RecoveryFacts>,
    /// Where this vault lay when its node last ran; absent in vaults of before that was noted.
    #[n(6)]
    pub place: Option<Place>,
    /// When this node was last backed up.
    #[n(7)]
    pub backed_up: Option<Timestamp>,
    /// Invitations to partnerships of our organisation that this node has not come into yet.
    #[n(8)]
    pub offices: Option<Vec<String>>,
    /// Mailboxes that this node keeps for partnerships of others.
    #[n(9)]
    pub boxes: Option<Vec<BoxSecret>>,
}

/// A mailbox that is kept here: a door, a transport identity, and nothing that opens what lies in it.
#[derive(Clone, Encode, Decode)]
pub struct BoxSecret {
    /// Its door key, which the members of the partnership know.
    #[n(0)]
    pub door: Secret,
    /// Its transport identity.
    #[n(1)]
    pub transport: Secret,
    /// When it was made.
    #[n(2)]
    pub made: Timestamp,
    /// How much it takes.
    #[n(3)]
    pub allowed: Allowed,
}

/// The inodes of a node's folder and of its journal. A copy has others, nearly always; a device number would
/// change with every start of some machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Place {
    /// Of the folder.
    #[n(0)]
    pub home: u64,
    /// Of the journal's folder.
    #[n(1)]
    pub journal: u64,
}

/// The secrets of one partnership. None is used anywhere else.
#[derive(Clone, Encode, Decode)]
pub struct PartnershipSecrets {
    /// The partnership.
    #[n(0)]
    pub id: PartnershipId,
    /// Its transport identity.
    #[n(1)]
    pub transport: Secret,
    /// The seed of its log keys.
    #[n(2)]
    pub log: Secret,
    /// The X-Wing seed of its prekey.
    #[n(3)]
    pub prekey: Secret,
    /// The epochs that can be read.
    #[n(4)]
    pub epochs: Vec<EpochSecret>,
    /// Invitations that are open.
    #[n(5)]
    pub invitations: Vec<OpenInvitation>,
    /// While a steward has not approved yet: how to ask again.
    #[n(6)]
    pub joining: Option<Joining>,
    /// The prekeys before the present one, and when that was made; absent in vaults of before they rotated.
    #[n(7)]
    pub prekeys: Option<Prekeys>,
    /// Set while this node must not go on in its logs.
    #[n(8)]
    pub fenced: Option<Fence>,
    /// Keys of single entries that were given as history; absent while there are none.
    #[n(9)]
    pub history: Option<Vec<RecordSecret>>,
    /// Door keys of before this node came, told by who let it in: it knocks with them until its own are as many.
    #[n(10)]
    pub doors: Option<Vec<Secret>>,
}

/// How prekeys follow each other.
#[derive(Clone, Encode, Decode)]
pub struct Prekeys {
    /// Of the present one; 0 is the member card's.
    #[n(0)]
    pub generation: u32,
    /// When the present one was made, by this node's clock.
    #[n(1)]
    pub made: Timestamp,
    /// Those before, newest first.
    #[n(2)]
    pub retired: Vec<RetiredPrekey>,
}

/// A prekey that was replaced.
#[derive(Clone, Encode, Decode)]
pub struct RetiredPrekey {
    /// Its X-Wing seed.
    #[n(0)]
    pub secret: Secret,
    /// When it was replaced, by this node's clock.
    #[n(1)]
    pub replaced: Timestamp,
}

/// An epoch's key.
#[derive(Clone, Encode, Decode)]
pub struct EpochSecret {
    /// The epoch.
    #[n(0)]
    pub id: EpochId,
    /// Its space.
    #[n(1)]
    pub space: SpaceId,
    /// Its key.
    #[n(2)]
    pub key: Secret,
    /// Since when it is held, by this node's clock; absent in vaults of before that was noted.
    #[n(3)]
    pub since: Option<Timestamp>,
}

/// The key of one entry, without its epoch's.
#[derive(Clone, Encode, Decode)]
pub struct RecordSecret {
    /// The epoch that the entry is sealed under.
    #[n(0)]
    pub epoch: EpochId,
    /// The log.
    #[n(1)]
    pub log: LogId,
    /// The position.
    #[n(2)]
    pub seq: Seq,
    /// The content key.
    #[n(3)]
    pub key: Secret,
}

/// An invitation that this node gave.
#[derive(Clone, Encode, Decode)]
pub struct OpenInvitation {
    /// The act.
    #[n(0)]
    pub act: ActId,
    /// The one-use door key.
    #[n(1)]
    pub door: Secret,
    /// Until when.
    #[n(2)]
    pub expires: Timestamp,
    /// Who used it: from then on it serves this node only.
    #[n(3)]
    pub used_by: Option<(OrgId, NodeId)>,
}

/// A join that waits for approval.
#[derive(Clone, Encode, Decode)]
pub struct Joining {
    /// The text of the invitation.
    #[n(0)]
    pub invitation: String,
    /// The encoded join act.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub act: Vec<u8>,
    /// The partnership's name.
    #[n(2)]
    pub name: String,
}

impl Wire for Secrets {
    const WHAT: &'static str = "vault contents";
    const MAX: usize = 16 * 1024 * 1024;
}

const VERSION: u32 = 1;

impl Secrets {
    /// The secrets of a new node.
    #[must_use]
    pub fn new(store: Secret, node: Secret, introduced: &Introduced) -> Secrets {
        let introduction = introduced.to_introduction();
        Secrets {
            version: VERSION,
            store,
            node,
            introduction,
            partnerships: Vec::new(),
            recovery: None,
            backed_up: None,
            place: None,
            offices: None,
            boxes: None,
        }
    }

    /// As bytes for the vault.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(codec::encode(self))
    }

    /// From the vault's bytes.
    ///
    /// # Errors
    /// [`DecodeError`] if they are of another version, or no secrets.
    pub fn from_bytes(bytes: &[u8]) -> Result<Secrets, DecodeError> {
        let secrets: Secrets = codec::decode(bytes)?;
        if secrets.version == VERSION {
            Ok(secrets)
        } else {
            let detail = format!("version {} is not known to this program", secrets.version);
            Err(DecodeError::Malformed { what: Secrets::WHAT, detail })
        }
    }

    /// The secrets of a partnership.
    #[must_use]
    pub fn partnership(&self, id: &PartnershipId) -> Option<&PartnershipSecrets> {
        self.partnerships.iter().find(|p| p.id == *id)
    }

    /// The secrets of a partnership, to be changed.
    pub fn partnership_mut(&mut self, id: &PartnershipId) -> Option<&mut PartnershipSecrets> {
        self.partnerships.iter_mut().find(|p| p.id == *id)
    }
}

impl PartnershipSecrets {
    /// Fresh keys for a partnership that has no name yet.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn fresh(id: PartnershipId) -> Result<PartnershipSecrets, getrandom::Error> {
        Ok(PartnershipSecrets {
            id,
            transport: Secret::random()?,
            log: Secret::random()?,
            prekey: Secret::random()?,
            epochs: Vec::new(),
            invitations: Vec::new(),
            joining: None,
            prekeys: None,
            fenced: None,
            history: None,
            doors: None,
        })
    }

    /// The prekey's secret half.
    #[must_use]
    pub fn prekey_secret(&self) -> PrekeySecret {
        PrekeySecret::from_seed(self.prekey.key())
    }

    /// The secret halves that may open an epoch: the present prekey's, then those before.
    pub fn prekey_secrets(&self) -> impl Iterator<Item = PrekeySecret> {
        let retired = self.prekeys.iter().flat_map(|p| &p.retired).map(|r| &r.secret);
        std::iter::once(&self.prekey).chain(retired).map(|secret| PrekeySecret::from_seed(secret.key()))
    }

    /// Which generation the present prekey is.
    #[must_use]
    pub fn prekey_generation(&self) -> u32 {
        self.prekeys.as_ref().map_or(0, |p| p.generation)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use entente_protocol::identity::{OrgKind, introduce};

    use crate::partnership::fence::FenceReason;

    use super::*;

    #[test]
    fn secrets_survive_the_vault_and_nothing_else_passes_for_them() {
        let (root, node) = (Secret([1; 32]), Secret([2; 32]));
        let id = NodeId(node.signing_key().verifying_key().to_bytes());
        let introduced =
            introduce(&root.signing_key(), "ორგანიზაცია", OrgKind::Cso, "GE", id, Timestamp(1)).unwrap();
        let mut secrets = Secrets::new(Secret([3; 32]), node, &introduced);
        secrets.partnerships.push(PartnershipSecrets::fresh(PartnershipId([4; 32])).unwrap());
        let bytes = secrets.to_bytes();
        let back = Secrets::from_bytes(&bytes).unwrap();
        assert_eq!(*back.to_bytes(), *bytes);
        assert!(back.partnership(&PartnershipId([4; 32])).is_some());
        assert!(Secrets::from_bytes(&bytes[1..]).is_err());
        let mut newer = secrets.clone();
        newer.version = 2;
        assert!(Secrets::from_bytes(&newer.to_bytes()).is_err());
    }

    #[test]
    fn a_vault_of_before_there_were_recovery_facts_opens_and_stays_as_it_was() {
        #[derive(Encode)]
        struct Before<'a>(
            #[n(0)] u32,
            #[n(1)] &'a Secret,
            #[n(2)] &'a Secret,
            #[n(3)] &'a Introduction,
            #[n(4)] &'a [PartnershipSecrets],
        );
        let node = Secret([2; 32]);
        let id = NodeId(node.signing_key().verifying_key().to_bytes());
        let root = Secret([1; 32]).signing_key();
        let introduced = introduce(&root, "Office", OrgKind::Npm, "GE", id, Timestamp(1)).unwrap();
        let mut now = Secrets::new(Secret([3; 32]), node.clone(), &introduced);
        let before = minicbor::to_vec(Before(1, &now.store, &node, &now.introduction, &[])).unwrap();
        assert_eq!(*now.to_bytes(), before);
        assert_eq!(*Secrets::from_bytes(&before).unwrap().to_bytes(), before);
        now.recovery.get_or_insert_default().note(crate::recovery::Fact::Backup, Timestamp(5));
        let noted = Secrets::from_bytes(&now.to_bytes()).unwrap();
        assert_eq!(noted.recovery.unwrap().backup, Some(Timestamp(5)));
    }

    #[test]
    fn a_partnership_of_before_prekeys_rotated_opens_and_stays_as_it_was() {
        #[derive(Encode)]
        struct EpochBefore<'a>(#[n(0)] EpochId, #[n(1)] SpaceId, #[n(2)] &'a Secret);
        #[derive(Encode)]
        struct Before<'a>(
            #[n(0)] PartnershipId,
            #[n(1)] &'a Secret,
            #[n(2)] &'a Secret,
            #[n(3)] &'a Secret,
            #[n(4)] [EpochBefore<'a>; 1],
            #[n(5)] &'a [OpenInvitation],
            #[n(6)] Option<&'a Joining>,
        );
        let mut now = PartnershipSecrets::fresh(PartnershipId([1; 32])).unwrap();
        let (id, space, key) = (EpochId([2; 32]), SpaceId([3; 32]), Secret([4; 32]));
        let epoch = EpochBefore(id, space, &key);
        let before = Before(now.id, &now.transport, &now.log, &now.prekey, [epoch], &[], None);
        let before = minicbor::to_vec(before).unwrap();
        let read: PartnershipSecrets = minicbor::decode(&before).unwrap();
        assert!(read.prekeys.is_none() && read.fenced.is_none() && read.epochs[0].since.is_none());
        assert_eq!(minicbor::to_vec(&read).unwrap(), before);
        now.epochs.push(EpochSecret { id, space, key, since: Some(Timestamp(9)) });
        now.fenced = Some(Fence { why: FenceReason::Restored, since: Timestamp(5), next: None });
        let after: PartnershipSecrets = minicbor::decode(&minicbor::to_vec(&now).unwrap()).unwrap();
        assert_eq!(after.epochs[0].since, Some(Timestamp(9)));
        assert_eq!(after.fenced.unwrap().why, FenceReason::Restored);
    }

    #[test]
    fn the_secrets_of_who_was_given_no_history_are_as_they_were() {
        let mut ours = PartnershipSecrets::fresh(PartnershipId([4; 32])).unwrap();
        let before = codec::encode(&ours);
        let key = Secret([5; 32]);
        ours.history =
            Some(vec![RecordSecret { epoch: EpochId([1; 32]), log: LogId([2; 32]), seq: Seq(3), key }]);
        let with: PartnershipSecrets =
            codec::decode_bounded(&codec::encode(&ours), "secrets", Secrets::MAX).unwrap();
        assert_eq!(with.history.unwrap().len(), 1);
        let without: PartnershipSecrets = codec::decode_bounded(&before, "secrets", Secrets::MAX).unwrap();
        assert!(without.history.is_none());
    }

    #[test]
    fn no_two_partnerships_share_a_key() {
        let (a, b) = (
            PartnershipSecrets::fresh(PartnershipId([1; 32])).unwrap(),
            PartnershipSecrets::fresh(PartnershipId([2; 32])).unwrap(),
        );
        let keys = |p: &PartnershipSecrets| [p.transport.0, p.log.0, p.prekey.0];
        for one in keys(&a) {
            assert!(!keys(&b).contains(&one));
        }
    }
}
