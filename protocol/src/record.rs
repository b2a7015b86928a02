//! A record: signed once by its author, over salted commitments to its fields.
//!
//! ```text
//!  fields ──salt──▶ disclosures ──hash──▶ commitments ─┐
//!  attachments ────▶ disclosures ──hash──▶ commitments ─┼─▶ Manifest ──sign──▶ RecordParts ──▶ envelope
//!  context (partnership, audience, log, position) ─hash─┘
//!
//!  bytes ──decode──▶ RecordParts ──verify──▶ VerifiedRecord ──policy::permit──▶ shown
//! ```
//! A copy may leave disclosures out (redaction) or the context (a copy for outside): what remains still
//! verifies, and shows *that* something is missing. The construction is that of RFC 9901, in CBOR.

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;

use crate::audience::Audience;
use crate::codec::{self, DecodeError, Wire};
use crate::derive;
use crate::handling::{Handling, Kind, Language, Sensitivity};
use crate::identity::{Introduced, Introduction, IntroductionError};
use crate::ids::{BlobId, Hash, LogId, NodeId, OrgId, PartnershipId, RecordId, Seq, Timestamp};
use crate::limits;
use crate::policy::RecordFacts;
use crate::schema;
use crate::signed::{Signed, Statement, Unverified, VerifyError, sign};
use crate::value::Value;

/// What the author signs.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Manifest {
    /// Commitment to the [`Context`].
    #[n(0)]
    pub context: Hash,
    /// The kind of record.
    #[n(1)]
    pub kind: Kind,
    /// The author's organisation.
    #[n(2)]
    pub author: OrgId,
    /// The author's node, whose key signs.
    #[n(3)]
    pub node: NodeId,
    /// With the author, makes the record's id.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The author's date.
    #[n(5)]
    pub created: Timestamp,
    /// Language of the text.
    #[n(6)]
    pub language: Language,
    /// How widely it may be read.
    #[n(7)]
    pub sensitivity: Sensitivity,
    /// How it may be handled.
    #[n(8)]
    pub handling: Handling,
    /// The record that it answers.
    #[n(9)]
    pub replies_to: Option<RecordId>,
    /// The record that it corrects.
    #[n(10)]
    pub supersedes: Option<RecordId>,
    /// Other records that it is about.
    #[n(11)]
    pub references: Vec<RecordId>,
    /// Commitments to the fields, sorted, so that their order says nothing.
    #[n(12)]
    pub fields: Vec<Hash>,
    /// Commitments to the attachments, sorted.
    #[n(13)]
    pub attachments: Vec<Hash>,
}

impl Wire for Manifest {
    const WHAT: &'static str = "record manifest";
    const MAX: usize = 36 * (limits::MAX_FIELDS + limits::MAX_ATTACHMENTS + limits::MAX_REFERENCES) + 2048;
}
impl Statement for Manifest {
    const LABEL: &'static str = "record";
}

/// Where and for whom a record was signed. Committed to, so that it binds among members and can be left
/// out of copies that go outside.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Context {
    /// Makes the commitment say nothing to who does not know the rest.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// The partnership.
    #[n(1)]
    pub partnership: PartnershipId,
    /// The readers.
    #[n(2)]
    pub audience: Audience,
    /// The author's log.
    #[n(3)]
    pub log: LogId,
    /// The position in it.
    #[n(4)]
    pub seq: Seq,
}

impl Wire for Context {
    const WHAT: &'static str = "record context";
    const MAX: usize = 36 * limits::MAX_NAMED_READERS + 256;
}

/// One field as it is committed to.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct FieldDisclosure {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    salt: [u8; 16],
    #[n(1)]
    name: String,
    #[n(2)]
    value: Value,
}

/// One attachment as it is committed to: what the file is, where its ciphertext is, and its key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Attachment {
    /// Makes the commitment say nothing to who does not know the rest.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// The file's name.
    #[n(1)]
    pub name: String,
    /// Its media type (RFC 6838).
    #[n(2)]
    pub media_type: String,
    /// Its size in bytes.
    #[n(3)]
    pub size: u64,
    /// Its ciphertext.
    #[n(4)]
    pub blob: BlobId,
    /// The key of its ciphertext, used for this blob only.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// A record as it lies in an envelope or a file: the signed manifest and what is disclosed of it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RecordParts {
    /// The signed manifest.
    #[n(0)]
    pub manifest: Unverified<Manifest>,
    /// The context, unless this copy left the partnership.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub context: Option<Vec<u8>>,
    /// The disclosed fields, in the author's order.
    #[n(2)]
    pub fields: Vec<Disclosure>,
    /// The disclosed attachments.
    #[n(3)]
    pub attachments: Vec<Disclosure>,
}

/// The exact bytes of something committed to.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct Disclosure(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub Vec<u8>,
);

impl Wire for RecordParts {
    const WHAT: &'static str = "record";
    const MAX: usize = limits::MAX_RECORD;
}

/// What the author wants to say; everything besides where it will stand.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Content {
    /// The kind of record.
    #[n(0)]
    pub kind: Kind,
    /// Language of the text.
    #[n(1)]
    pub language: Language,
    /// How widely it may be read.
    #[n(2)]
    pub sensitivity: Sensitivity,
    /// How it may be handled.
    #[n(3)]
    pub handling: Handling,
    /// The author's date.
    #[n(4)]
    pub created: Timestamp,
    /// The record that it answers.
    #[n(5)]
    pub replies_to: Option<RecordId>,
    /// The record that it corrects.
    #[n(6)]
    pub supersedes: Option<RecordId>,
    /// Other records that it is about.
    #[n(7)]
    pub references: Vec<RecordId>,
    /// The fields, in order.
    #[n(8)]
    pub fields: Vec<(String, Value)>,
    /// The attachments.
    #[n(9)]
    pub attachments: Vec<Attachment>,
}

/// Why a record cannot be made, or was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A signature or the form of the manifest is wrong.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A form is wrong.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Over a limit.
    #[error("{what}: {count}, at most {max} are allowed")]
    Limit {
        /// What.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are allowed.
        max: usize,
    },
    /// A field's name is empty, too long or given twice.
    #[error("field name `{0}`: use 1 to 64 bytes without control characters, and each name once")]
    FieldName(String),
    /// A disclosure that the author did not commit to, or twice.
    #[error("{0} was added or changed after the author signed")]
    NotCommitted(&'static str),
    /// The context is not the one that the author committed to.
    #[error("the record's context was changed after the author signed")]
    Context,
    /// A record that must have a context has none.
    #[error("the record says nothing of its partnership and position")]
    NoContext,
    /// Signed for another place.
    #[error("the record was signed for another {0}")]
    Elsewhere(&'static str),
    /// The introduction in a record file is wrong, or not the author's.
    #[error("who signed the record cannot be told: {0}")]
    Introduction(String),
}

/// Signs `content` for one place.
///
/// # Errors
/// [`RecordError`] where the content is over a limit.
pub fn sign_record(
    content: &Content,
    author: OrgId,
    key: &SigningKey,
    nonce: [u8; 16],
    place: (PartnershipId, Audience, LogId, Seq),
    rng: &mut impl CryptoRng,
) -> Result<RecordParts, RecordError> {
    check_content(content)?;
    let (partnership, audience, log, seq) = place;
    let context = codec::encode(&Context { salt: salt(rng), partnership, audience, log, seq });
    let fields: Vec<Disclosure> = content
        .fields
        .iter()
        .map(|(name, value)| FieldDisclosure { salt: salt(rng), name: name.clone(), value: value.clone() })
        .map(|field| Disclosure(codec::encode(&field)))
        .collect();
    let attachments: Vec<Disclosure> =
        content.attachments.iter().map(|a| Disclosure(codec::encode(a))).collect();
    let manifest = Manifest {
        context: derive::field_commitment(&context),
        kind: content.kind.clone(),
        author,
        node: NodeId(key.verifying_key().to_bytes()),
        nonce,
        created: content.created,
        language: content.language.clone(),
        sensitivity: content.sensitivity,
        handling: content.handling.clone(),
        replies_to: content.replies_to,
        supersedes: content.supersedes,
        references: content.references.clone(),
        fields: commitments(&fields),
        attachments: commitments(&attachments),
    };
    let parts = RecordParts {
        manifest: sign(manifest, key).to_unverified(),
        context: Some(context),
        fields,
        attachments,
    };
    let size = codec::encode(&parts).len();
    limit("bytes in the record", size, limits::MAX_RECORD)?;
    Ok(parts)
}

fn commitments(disclosures: &[Disclosure]) -> Vec<Hash> {
    let mut hashes: Vec<Hash> = disclosures.iter().map(|d| derive::field_commitment(&d.0)).collect();
    hashes.sort_unstable();
    hashes
}

fn salt(rng: &mut impl CryptoRng) -> [u8; 16] {
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    salt
}

fn limit(what: &'static str, count: usize, max: usize) -> Result<(), RecordError> {
    if count > max { Err(RecordError::Limit { what, count, max }) } else { Ok(()) }
}

/// Checks content before anything is signed: numbers of fields, their names, attachments.
///
/// # Errors
/// [`RecordError::Limit`] and [`RecordError::FieldName`].
pub fn check_content(content: &Content) -> Result<(), RecordError> {
    limit("fields", content.fields.len(), limits::MAX_FIELDS)?;
    limit("attachments", content.attachments.len(), limits::MAX_ATTACHMENTS)?;
    limit("references", content.references.len(), limits::MAX_REFERENCES)?;
    let mut seen = BTreeSet::new();
    for (name, _) in &content.fields {
        check_field_name(name)?;
        if !seen.insert(name) {
            return Err(RecordError::FieldName(name.clone()));
        }
    }
    for attachment in &content.attachments {
        check_attachment(attachment)?;
    }
    Ok(())
}

fn check_field_name(name: &str) -> Result<(), RecordError> {
    let fine = (1..=limits::MAX_FIELD_NAME).contains(&name.len()) && !name.chars().any(char::is_control);
    if fine { Ok(()) } else { Err(RecordError::FieldName(name.chars().take(64).collect())) }
}

fn check_attachment(attachment: &Attachment) -> Result<(), RecordError> {
    limit("bytes in a file name", attachment.name.len(), limits::MAX_FILE_NAME)?;
    limit("bytes in a media type", attachment.media_type.len(), limits::MAX_FILE_NAME)?;
    let chunks = attachment.size.div_ceil(limits::CHUNK as u64);
    limit("chunks in an attachment", usize::try_from(chunks).unwrap_or(usize::MAX), limits::MAX_CHUNKS)
}

/// What the parts of a record say, nothing checked but its form: for an index that only tells which records to look at,
/// of those that were verified when they came.
pub struct Said {
    /// Fields by name.
    pub fields: Vec<(String, Value)>,
    /// Attachments.
    pub attachments: Vec<Attachment>,
}

/// A record whose author's signature and commitments were checked. Only [`RecordParts::verify`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedRecord {
    manifest: Signed<Manifest>,
    context: Option<Context>,
    fields: Vec<(String, Value)>,
    attachments: Vec<Attachment>,
    hidden_fields: usize,
    hidden_attachments: usize,
}

impl RecordParts {
    /// Checks the author's node's signature, and every disclosure against the manifest. Whether that node
    /// speaks for that organisation is for the caller to know: [`Self::verify_in`] or a [`RecordFile`].
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn verify(&self) -> Result<VerifiedRecord, RecordError> {
        let manifest = self.manifest.verify_self(|m| m.node.0)?;
        let m = manifest.value();
        limit("fields", m.fields.len(), limits::MAX_FIELDS)?;
        limit("attachments", m.attachments.len(), limits::MAX_ATTACHMENTS)?;
        limit("references", m.references.len(), limits::MAX_REFERENCES)?;
        let context = match &self.context {
            None => None,
            Some(bytes) if derive::field_commitment(bytes) == m.context => {
                Some(codec::decode::<Context>(bytes)?)
            }
            Some(_) => return Err(RecordError::Context),
        };
        committed("a field", &self.fields, &m.fields)?;
        committed("an attachment", &self.attachments, &m.attachments)?;
        let Said { fields, attachments } = self.said()?;
        Ok(VerifiedRecord {
            hidden_fields: m.fields.len() - fields.len(),
            hidden_attachments: m.attachments.len() - attachments.len(),
            manifest,
            context,
            fields,
            attachments,
        })
    }

    /// What is said, unverified.
    ///
    /// # Errors
    /// [`RecordError`] if a field or an attachment is not of the right form.
    pub fn said(&self) -> Result<Said, RecordError> {
        limit("fields", self.fields.len(), limits::MAX_FIELDS)?;
        limit("attachments", self.attachments.len(), limits::MAX_ATTACHMENTS)?;
        let fields = self.fields.iter().map(decode_field).collect::<Result<_, _>>()?;
        let attachments = self.attachments.iter().map(decode_attachment).collect::<Result<_, _>>()?;
        Ok(Said { fields, attachments })
    }

    /// [`Self::verify`], and that the record was signed for this very place by this very node.
    ///
    /// # Errors
    /// [`RecordError::Elsewhere`] names what does not fit.
    pub fn verify_in(
        &self,
        partnership: &PartnershipId,
        author: &OrgId,
        node: &NodeId,
        log: &LogId,
        seq: Seq,
    ) -> Result<VerifiedRecord, RecordError> {
        let record = self.verify()?;
        let context = record.context.as_ref().ok_or(RecordError::NoContext)?;
        if record.manifest.value().node != *node || record.manifest.value().author != *author {
            return Err(RecordError::Elsewhere("author"));
        }
        if context.partnership != *partnership {
            return Err(RecordError::Elsewhere("partnership"));
        }
        if context.log != *log || context.seq != seq {
            return Err(RecordError::Elsewhere("position"));
        }
        Ok(record)
    }
}

/// Each disclosure must be one of the committed hashes, and none may come twice.
fn committed(what: &'static str, disclosures: &[Disclosure], hashes: &[Hash]) -> Result<(), RecordError> {
    let mut open: BTreeSet<&Hash> = hashes.iter().collect();
    if open.len() != hashes.len() {
        return Err(RecordError::NotCommitted(what));
    }
    for disclosure in disclosures {
        if !open.remove(&derive::field_commitment(&disclosure.0)) {
            return Err(RecordError::NotCommitted(what));
        }
    }
    Ok(())
}

fn decode_field(disclosure: &Disclosure) -> Result<(String, Value), RecordError> {
    let field: FieldDisclosure = codec::decode_bounded(&disclosure.0, "field", limits::MAX_RECORD)?;
    check_field_name(&field.name)?;
    Ok((field.name, field.value))
}

fn decode_attachment(disclosure: &Disclosure) -> Result<Attachment, RecordError> {
    let attachment: Attachment = codec::decode_bounded(&disclosure.0, "attachment", 2048)?;
    check_attachment(&attachment)?;
    Ok(attachment)
}

impl VerifiedRecord {
    /// The record's id.
    #[must_use]
    pub fn id(&self) -> RecordId {
        derive::record_id(&self.manifest.value().author, &self.manifest.value().nonce)
    }

    /// What the author signed.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.manifest.value()
    }

    /// Where and for whom it was signed, if this copy says so.
    #[must_use]
    pub fn context(&self) -> Option<&Context> {
        self.context.as_ref()
    }

    /// The disclosed fields, in the author's order.
    #[must_use]
    pub fn fields(&self) -> &[(String, Value)] {
        &self.fields
    }

    /// The disclosed attachments.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// How many fields and attachments were left out of this copy.
    #[must_use]
    pub fn hidden(&self) -> (usize, usize) {
        (self.hidden_fields, self.hidden_attachments)
    }

    /// What the policy judges.
    ///
    /// # Errors
    /// [`RecordError::NoContext`] for a copy without one.
    pub fn facts(&self) -> Result<RecordFacts, RecordError> {
        let context = self.context.as_ref().ok_or(RecordError::NoContext)?;
        let m = self.manifest.value();
        Ok(RecordFacts {
            kind: m.kind.clone(),
            author: m.author,
            audience: context.audience.clone(),
            sensitivity: m.sensitivity,
            handling: m.handling.clone(),
            created: m.created,
            attachments: m.attachments.len(),
            personal: schema::personal_fields(&m.kind, &self.fields),
            publication: schema::is_publication(&m.kind, &self.fields),
        })
    }
}

/// A record in a file of its own, with what is needed to verify it offline.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RecordFile {
    /// Always `entente record 1`.
    #[n(0)]
    format: String,
    /// Who signed.
    #[n(1)]
    introduction: Introduction,
    /// The record.
    #[n(2)]
    parts: RecordParts,
}

impl Wire for RecordFile {
    const WHAT: &'static str = "record file";
    const MAX: usize = limits::MAX_RECORD + 2048;
}

const RECORD_FILE: &str = "entente record 1";

impl RecordFile {
    /// Puts a record into a file. The context is left out: it would tell an outsider of the partnership.
    #[must_use]
    pub fn new(introduction: Introduction, mut parts: RecordParts) -> Self {
        parts.context = None;
        Self { format: RECORD_FILE.into(), introduction, parts }
    }

    /// Checks everything that can be checked offline: who signed, and that nothing was changed.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn verify(&self) -> Result<(Introduced, VerifiedRecord), RecordError> {
        if self.format != RECORD_FILE {
            return Err(RecordError::Introduction("not a record file of a known version".into()));
        }
        let who = self
            .introduction
            .verify()
            .map_err(|e: IntroductionError| RecordError::Introduction(e.to_string()))?;
        let record = self.parts.verify()?;
        if record.manifest().node != who.node() || record.manifest().author != who.org() {
            return Err(RecordError::Elsewhere("author"));
        }
        Ok((who, record))
    }
}
