//! Every limit of the protocol, in one place, each with its reason. Sizes in bytes.

/// Organisations' nodes in one partnership. 300 must work (`brief.md`); twice that is room, not a goal.
pub const MAX_NODES: usize = 600;
/// Membership acts of one partnership: 30 years of a few hundred changes a year.
pub const MAX_ACTS: usize = 10_000;
/// One membership act. Its largest part is the text of an agreement.
pub const MAX_ACT: usize = 160 * 1024;
/// Acts that one act may name as its causal parents.
pub const MAX_ACT_PARENTS: usize = 64;
/// The text of an agreement: a long memorandum is about 60 KiB.
pub const MAX_AGREEMENT: usize = 128 * 1024;
/// A name of an organisation or partnership, in bytes of UTF-8.
pub const MAX_NAME: usize = 200;
/// Addresses that a node may announce.
pub const MAX_ADDRESSES: usize = 8;
/// One address, as text.
pub const MAX_ADDRESS: usize = 128;

/// One record with all fields, before padding: four times the largest that the field knows.
pub const MAX_RECORD: usize = 256 * 1024;
/// Fields of one record.
pub const MAX_FIELDS: usize = 256;
/// The name of a field.
pub const MAX_FIELD_NAME: usize = 64;
/// How deep values may nest; a table in a list in a field needs three.
pub const MAX_VALUE_DEPTH: usize = 8;
/// Attachments of one record.
pub const MAX_ATTACHMENTS: usize = 64;
/// Named readers of one record, beyond which it is for the whole partnership.
pub const MAX_NAMED_READERS: usize = 64;
/// References of one record to others.
pub const MAX_REFERENCES: usize = 256;

/// The payload of one log entry: a padded record (Padmé adds at most 12 %) and its envelope.
pub const MAX_PAYLOAD: usize = 320 * 1024;
/// Entries in one batch on the wire: enough to hide a round trip, small enough to verify at once.
pub const MAX_BATCH_ENTRIES: usize = 512;
/// Payload bytes in one batch; one entry of the largest size must fit.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// One message of the sync protocol: a batch of the largest size and its headers.
pub const MAX_SYNC_MESSAGE: usize = 1536 * 1024;
/// Circles that one node keeps in one partnership.
pub const MAX_CIRCLES: usize = 4_096;
/// Logs in one space: nodes, and some that were replaced.
pub const MAX_LOGS: usize = 2_048;
/// Logs that one acknowledgement names; a node that holds more writes another.
pub const MAX_ACKNOWLEDGED: usize = 512;
/// Content keys of single records in one message; the giver opens as many records for it.
pub const MAX_RECORD_KEYS: usize = 64;
/// Content keys of single records that one node keeps in one partnership: eight of the largest grants.
pub const MAX_HISTORY_KEYS: usize = 8_192;
/// Refused entries that one acknowledgement tells of; more wait for the next of their log.
pub const MAX_REFUSED_TOLD: usize = 64;
/// The codes of one refusal, as text.
pub const MAX_REFUSAL_CODE: usize = 64;
/// Epochs that one node remembers for a space.
pub const MAX_EPOCHS: usize = 20_000;

/// Days until a node makes a new prekey.
pub const PREKEY_DAYS: u64 = 30;
/// Days after which the secret of a prekey that was replaced is deleted: whoever sealed to it in ignorance of
/// the new one has been back by then, or its epoch is sealed anew by others.
pub const RETIRED_PREKEY_DAYS: u64 = 90;
/// Prekeys in one message: 256 take 350 kB.
pub const MAX_PREKEYS_PER_MESSAGE: usize = 256;

/// Plain bytes in one chunk of an attachment.
pub const CHUNK: usize = 64 * 1024;
/// Chunks of one attachment: 64 GiB. Its list of hashes is then 32 MiB.
pub const MAX_CHUNKS: usize = 1 << 20;
/// Chunk hashes in one message.
pub const MAX_HASHES_PER_MESSAGE: usize = 16 * 1024;
/// The name of an attached file.
pub const MAX_FILE_NAME: usize = 255;

/// Slots of one bundle, a power of two: every node of the largest partnership, and padding.
pub const MAX_BUNDLE_SLOTS: usize = 1024;
/// Slots of the smallest bundle: whether it is for one node or for four shows in nothing.
pub const MIN_BUNDLE_SLOTS: usize = 4;

/// Mailboxes of one partnership.
pub const MAX_MAILBOXES: usize = 8;
/// A parcel in a mailbox: acts, keys for 300 nodes, and no entries.
pub const MAX_PARCEL: usize = 8 * 1024 * 1024;
/// Bytes of a parcel in one message.
pub const PARCEL_PIECE: usize = 1024 * 1024;

/// How long an invitation is good for, in days, unless said otherwise.
pub const INVITATION_DAYS: u64 = 14;
/// How long a node certificate is good for, in days. Offline root keys make renewal a yearly affair.
pub const CERTIFICATE_DAYS: u64 = 800;
/// Invitations that a node keeps open at once.
pub const MAX_OPEN_INVITATIONS: usize = 64;
/// The text of an invitation.
pub const MAX_INVITATION: usize = 2 * 1024;

/// How long a verification of persons may take, in seconds: a telephone call, and typing.
pub const VERIFICATION_SECONDS: u64 = 600;
/// Wrong codes after which a verification is over: mishearing twice is human.
pub const VERIFICATION_TRIES: u8 = 3;
/// Seconds for which a partner that asks for verification is not announced again.
pub const VERIFICATION_PAUSE_SECONDS: u64 = 60;
