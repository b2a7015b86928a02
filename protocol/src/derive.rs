//! Every key derivation and every labelled hash, in one short file.
//!
//! Hashes and derived keys are BLAKE3 in its key-derivation mode (BLAKE3 paper §2.3; the context string
//! is the label), so no two uses can collide. HKDF-SHA-256 appears only inside HPKE (RFC 9180).

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::ids::{ActId, BlobId, EpochId, Hash, OrgId, PartnershipId, RecordId, SpaceId, TransportId};

/// Key material that is wiped when dropped.
pub type Key = Zeroizing<[u8; 32]>;

mod label {
    pub const HASH: &str = "entente v1 hash";
    pub const ACT: &str = "entente v1 act id";
    pub const PARTNERSHIP: &str = "entente v1 partnership id";
    pub const SPACE_ALL: &str = "entente v1 space: all members";
    pub const SPACE_CIRCLE: &str = "entente v1 space: circle of named readers";
    pub const EPOCH: &str = "entente v1 epoch id";
    pub const EPOCH_COMMIT: &str = "entente v1 epoch key commitment";
    pub const RECORD: &str = "entente v1 record id";
    pub const FIELD: &str = "entente v1 field commitment";
    pub const CHAIN: &str = "entente v1 log chain";
    pub const PAYLOAD: &str = "entente v1 log payload";
    pub const CONTENT_COMMIT: &str = "entente v1 content key commitment";
    pub const CONTENT_CIPHER: &str = "entente v1 content key cipher";
    pub const CONTENT_WRAP: &str = "entente v1 content key wrap";
    pub const CHUNK: &str = "entente v1 attachment chunk";
    pub const BLOB: &str = "entente v1 attachment id";
    pub const CIRCLE_LOG: &str = "entente v1 circle log seed";
    pub const DOOR_COMMIT: &str = "entente v1 door key commitment";
    pub const TOPIC: &str = "entente v1 gossip topic";
    pub const FINGERPRINT: &str = "entente v1 organisation fingerprint";
    pub const DOOR_NEXT: &str = "entente v1 door key from epoch";
    pub const BEACON: &str = "entente v1 local beacon";
    pub const VERIFY_COMMIT: &str = "entente v1 verification commitment";
    pub const VERIFY_CODES: &str = "entente v1 verification codes";
    pub const BUNDLE_BODY: &str = "entente v1 bundle body";
    pub const PARCEL_KEY: &str = "entente v1 mailbox parcel seed";
    pub const BUNDLE_HASH: &str = "entente v1 bundle hash";
    pub const RELEASE_MARK: &str = "entente v1 release mark";
    pub const STAFF_TOKEN: &str = "entente v1 staff token";
    pub const FILE: &str = "entente v1 attachment key";
}

fn keyed(context: &str, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(key);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// The key of an attachment: a secret of the node that shares it, the space in which, and what the file holds. The same
/// file shared there again by the same node has the same key, and so the same id; anywhere else it has another, which
/// nobody without the secret can tell to be of the same file.
#[must_use]
pub fn attachment_key(
    secret: &Key,
    partnership: &PartnershipId,
    space: &SpaceId,
    contents: &[u8; 32],
) -> Key {
    Zeroizing::new(keyed(label::FILE, secret, &[&partnership.0, &space.0, contents]))
}

/// Each part is preceded by its length, so that no two lists of parts collide.
fn hashed(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// The hash of some bytes that need no name of their own (an agreement's text, say).
#[must_use]
pub fn hash(bytes: &[u8]) -> Hash {
    Hash(hashed(label::HASH, &[bytes]))
}

/// The id of a membership act: over its exact bytes and signature.
#[must_use]
pub fn act_id(bytes: &[u8], signature: &[u8; 64]) -> ActId {
    ActId(hashed(label::ACT, &[bytes, signature]))
}

/// The id of a partnership: over its founding act.
#[must_use]
pub fn partnership_id(found: &ActId) -> PartnershipId {
    PartnershipId(hashed(label::PARTNERSHIP, &[&found.0]))
}

/// The space in which all members exchange.
#[must_use]
pub fn space_of_all(partnership: &PartnershipId) -> SpaceId {
    SpaceId(hashed(label::SPACE_ALL, &[&partnership.0]))
}

/// The space of a circle. `orgs` must be sorted and without repetition; the same readers always meet in
/// the same circle.
#[must_use]
pub fn space_of_circle(partnership: &PartnershipId, orgs: &[OrgId]) -> SpaceId {
    let mut parts: Vec<&[u8]> = vec![&partnership.0];
    parts.extend(orgs.iter().map(|o| o.0.as_slice()));
    SpaceId(hashed(label::SPACE_CIRCLE, &parts))
}

/// The id of an epoch: over its signed header.
#[must_use]
pub fn epoch_id(header: &[u8], signature: &[u8; 64]) -> EpochId {
    EpochId(hashed(label::EPOCH, &[header, signature]))
}

/// What an epoch's header says of its key, so that a reader knows that the key it got is the right one.
#[must_use]
pub fn epoch_commitment(key: &Key) -> Hash {
    Hash(keyed(label::EPOCH_COMMIT, key, &[]))
}

/// The id of a record: nobody else can produce an id under this organisation's name by chance or design.
#[must_use]
pub fn record_id(author: &OrgId, nonce: &[u8; 16]) -> RecordId {
    RecordId(hashed(label::RECORD, &[&author.0, nonce]))
}

/// The salted commitment to one field (the construction of RFC 9901 §4.2, over CBOR).
#[must_use]
pub fn field_commitment(disclosure: &[u8]) -> Hash {
    Hash(hashed(label::FIELD, &[disclosure]))
}

/// The hash that the next entry of a log points to.
#[must_use]
pub fn chain(header: &[u8]) -> Hash {
    Hash(hashed(label::CHAIN, &[header]))
}

/// The hash of an entry's payload.
#[must_use]
pub fn payload_hash(payload: &[u8]) -> Hash {
    Hash(hashed(label::PAYLOAD, &[payload]))
}

/// The public commitment to a content key: Poly1305 alone commits to nothing.
#[must_use]
pub fn content_commitment(key: &Key) -> [u8; 32] {
    keyed(label::CONTENT_COMMIT, key, &[])
}

/// The key that the content is encrypted under.
#[must_use]
pub fn content_cipher_key(key: &Key) -> Key {
    Zeroizing::new(keyed(label::CONTENT_CIPHER, key, &[]))
}

/// The key that wraps one content key in an epoch. It depends on the content key's commitment, so it
/// wraps nothing else even if a position were ever used twice, and needs no nonce.
#[must_use]
pub fn content_wrap_key(epoch_key: &Key, commitment: &[u8; 32]) -> Key {
    Zeroizing::new(keyed(label::CONTENT_WRAP, epoch_key, &[commitment]))
}

/// The hash of one encrypted chunk at its place in an attachment.
#[must_use]
pub fn chunk_hash(index: u64, ciphertext: &[u8]) -> Hash {
    Hash(hashed(label::CHUNK, &[&index.to_le_bytes(), ciphertext]))
}

/// The id of an attachment: over the hashes of its encrypted chunks, in order.
#[must_use]
pub fn blob_id(chunks: &[Hash]) -> BlobId {
    let mut hasher = blake3::Hasher::new_derive_key(label::BLOB);
    hasher.update(&(chunks.len() as u64).to_le_bytes());
    for chunk in chunks {
        hasher.update(&chunk.0);
    }
    BlobId(*hasher.finalize().as_bytes())
}

/// The key that signs a node's log in one circle: nobody outside can link it to the node's other logs.
#[must_use]
pub fn circle_log_key(log_seed: &Key, space: &SpaceId) -> SigningKey {
    SigningKey::from_bytes(&Zeroizing::new(keyed(label::CIRCLE_LOG, log_seed, &[&space.0])))
}

/// The key that names and signs a node's parcels for the readers of a space in one mailbox: whoever keeps the
/// mailbox can link it to nothing.
#[must_use]
pub fn parcel_key(log_seed: &Key, space: &SpaceId, mailbox: &TransportId) -> SigningKey {
    SigningKey::from_bytes(&Zeroizing::new(keyed(label::PARCEL_KEY, log_seed, &[&space.0, &mailbox.0])))
}

/// What a membership act says of an invitation's door key.
#[must_use]
pub fn door_commitment(door_key: &Key) -> Hash {
    Hash(keyed(label::DOOR_COMMIT, door_key, &[]))
}

/// The name of the gossip topic: says nothing to who does not know the door key.
#[must_use]
pub fn gossip_topic(partnership: &PartnershipId) -> Hash {
    Hash(hashed(label::TOPIC, &[&partnership.0]))
}

/// The door key that goes with an epoch of the whole partnership: whoever can read can knock, and who
/// was removed cannot.
#[must_use]
pub fn door_key(epoch_key: &Key) -> Key {
    Zeroizing::new(keyed(label::DOOR_NEXT, epoch_key, &[]))
}

/// The key of the beacons of an hour (since 1970, UTC) on a local network: another one each hour, and useless at the
/// door.
#[must_use]
pub fn beacon_key(door_key: &Key, hour: u64) -> Key {
    Zeroizing::new(keyed(label::BEACON, door_key, &[&hour.to_be_bytes()]))
}

/// What one side of a verification commits to: its nonce, and who says so to whom. A party is organisation,
/// node, transport identity and log, 32 bytes each.
#[must_use]
pub fn verify_commitment(partnership: &PartnershipId, from: &[u8; 128], to: &[u8; 128], nonce: &Key) -> Hash {
    Hash(keyed(label::VERIFY_COMMIT, nonce, &[&partnership.0, from, to]))
}

/// What the two codes of a verification are taken from; each side is its party and nonce, the one with the
/// lower node id first.
#[must_use]
pub fn verify_codes(
    partnership: &PartnershipId,
    first: (&[u8; 128], &Key),
    second: (&[u8; 128], &Key),
) -> [u8; 32] {
    let (a, b) = (first.1.as_slice(), second.1.as_slice());
    hashed(label::VERIFY_CODES, &[&partnership.0, first.0, a, second.0, b])
}

/// The key that the chunks of a bundle are encrypted under.
#[must_use]
pub fn bundle_body_key(file_key: &Key) -> Key {
    Zeroizing::new(keyed(label::BUNDLE_BODY, file_key, &[]))
}

/// The mark of a person who released a record ([`crate::handling::Handling::released_by`]). Who does not know the
/// author's log seed can tell marks of one release apart, and learns nothing else: the same person has another mark
/// in every release.
#[must_use]
pub fn release_mark(log_seed: &Key, partnership: &PartnershipId, release: &[u8; 16], person: &[u8]) -> Hash {
    Hash(keyed(label::RELEASE_MARK, log_seed, &[&partnership.0, release, person]))
}

/// What a node keeps of the token of one of its staff. The token is 256 random bits, so no salt and no slow hash
/// is needed: nobody guesses it.
#[must_use]
pub fn staff_token_hash(token: &Key) -> Hash {
    Hash(keyed(label::STAFF_TOKEN, token, &[]))
}

/// Hashes what a bundle says, piece by piece.
pub struct BundleHasher(blake3::Hasher);

impl Default for BundleHasher {
    fn default() -> Self {
        Self(blake3::Hasher::new_derive_key(label::BUNDLE_HASH))
    }
}

impl BundleHasher {
    /// Adds a message, preceded by its length.
    pub fn add(&mut self, message: &[u8]) {
        self.0.update(&(message.len() as u64).to_le_bytes());
        self.0.update(message);
    }

    /// The hash of all messages so far.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash(*self.0.finalize().as_bytes())
    }
}

/// The transport identity of a seed: its Ed25519 public key.
#[must_use]
pub fn transport_id(seed: &Key) -> TransportId {
    TransportId(SigningKey::from_bytes(seed).verifying_key().to_bytes())
}

/// What people compare to know that they mean the same organisation: 128 bits. To find another key with the
/// same ones takes 2^128 tries, which nobody has; two *own* keys that share them are of no use to anybody.
#[must_use]
pub fn org_fingerprint(org: &OrgId) -> [u8; 16] {
    let hash = hashed(label::FINGERPRINT, &[&org.0]);
    core::array::from_fn(|i| hash[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_one_mark_in_a_release_and_another_in_every_other() {
        let (seed, other_seed) = (Zeroizing::new([1; 32]), Zeroizing::new([2; 32]));
        let (here, there) = (PartnershipId([3; 32]), PartnershipId([4; 32]));
        let mark = release_mark(&seed, &here, &[5; 16], &[0]);
        assert_eq!(mark, release_mark(&seed, &here, &[5; 16], &[0]), "nobody counts twice");
        let others = [
            release_mark(&seed, &here, &[5; 16], &[1]),
            release_mark(&seed, &here, &[6; 16], &[0]),
            release_mark(&seed, &there, &[5; 16], &[0]),
            release_mark(&other_seed, &here, &[5; 16], &[0]),
        ];
        assert!(!others.contains(&mark));
    }
}
