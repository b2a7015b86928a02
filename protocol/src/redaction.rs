//! A redacted copy: parts of a record left out or replaced, still signed by its author, and by who redacted it.
//!
//! ```text
//!  author  ──signs──▶ manifest: a commitment to each field           (record.rs)
//!  redactor ─signs──▶ Redaction: of that very manifest, each field in the author's order:
//!                     shown │ left out, under this name │ left out, with this text instead
//!
//!  bytes ──decode──▶ RedactedFile ──verify──▶ VerifiedCopy: every place, and whose words stand in it
//! ```
//! The author's signature holds for what is shown, whoever redacts. The redactor's signature holds for what was
//! left out and for the words put there: names, order and replacements are its claims, and are shown as such.
//! Taking more away breaks the redactor's signature; who wants to do so redacts in their own name.

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};

use crate::codec::{self, Wire};
use crate::derive;
use crate::identity::{Introduced, Introduction};
use crate::ids::{Hash, NodeId, OrgId, Timestamp};
use crate::limits;
use crate::record::{Disclosure, Manifest, RecordError, RecordParts, VerifiedRecord};
use crate::signed::{Statement, Unverified, sign};
use crate::value::Value;

/// What the redactor signs.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Redaction {
    /// Hash of the author's signed manifest, signature included.
    #[n(0)]
    pub manifest: Hash,
    /// The redactor's organisation.
    #[n(1)]
    pub redactor: OrgId,
    /// The redactor's node, whose key signs.
    #[n(2)]
    pub node: NodeId,
    /// When, by the redactor's clock.
    #[n(3)]
    pub when: Timestamp,
    /// Every field of the record, in the author's order.
    #[n(4)]
    pub fields: Vec<Treated>,
    /// Every attachment of the record, in the author's order.
    #[n(5)]
    pub attachments: Vec<Treated>,
    /// Why, for people.
    #[n(6)]
    pub reason: Option<String>,
}

impl Wire for Redaction {
    const WHAT: &'static str = "redaction";
    const MAX: usize = limits::MAX_RECORD + 128 * (limits::MAX_FIELDS + limits::MAX_ATTACHMENTS) + 2048;
}
impl Statement for Redaction {
    const LABEL: &'static str = "redaction";
}

/// What became of one field or attachment. One that is shown has neither a name nor anything instead.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Treated {
    /// The author's commitment to it.
    #[n(0)]
    pub commitment: Hash,
    /// Is it in the copy?
    #[n(1)]
    pub shown: bool,
    /// If it was left out: what it is called, where the redactor says so.
    #[n(2)]
    pub name: Option<String>,
    /// If it was left out: the redactor's words in its place.
    #[n(3)]
    pub instead: Option<Value>,
}

/// A redacted copy in a file of its own, with what is needed to verify it offline.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RedactedFile {
    /// Always `entente redacted record 1`.
    #[n(0)]
    format: String,
    /// Who signed the record.
    #[n(1)]
    author: Introduction,
    /// What is left of the record; never with its context.
    #[n(2)]
    parts: RecordParts,
    /// Who redacted it.
    #[n(3)]
    redactor: Introduction,
    /// What was done.
    #[n(4)]
    redaction: Unverified<Redaction>,
}

impl Wire for RedactedFile {
    const WHAT: &'static str = "redacted record file";
    const MAX: usize = limits::MAX_RECORD + Redaction::MAX + 4096;
}

const REDACTED_FILE: &str = "entente redacted record 1";
/// Bytes of a reason.
const MAX_REASON: usize = 1_000;

/// What to leave out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cuts {
    /// Fields to leave out, by name.
    pub fields: BTreeSet<String>,
    /// Fields to replace, by name, with the redactor's words.
    pub replaced: BTreeMap<String, Value>,
    /// Attachments to leave out, by number from 0.
    pub attachments: BTreeSet<usize>,
    /// Keep to oneself what the parts left out are called.
    pub nameless: bool,
    /// Why, for people; at most 1,000 bytes.
    pub reason: Option<String>,
}

/// Why a record was not redacted, or a redacted copy not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedactionError {
    /// The record, or what the author signed of it.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Not of a known version.
    #[error("not a redacted record file of a known version")]
    Format,
    /// No field of that name.
    #[error("the record has no field `{0}`")]
    NoField(String),
    /// No attachment of that number.
    #[error("the record has no attachment number {0}; they are numbered from 0")]
    NoAttachment(usize),
    /// Nothing to do.
    #[error("nothing was named to be left out")]
    Nothing,
    /// A reason that is too long or holds control characters.
    #[error("a reason has at most {MAX_REASON} bytes and no control characters")]
    Reason,
    /// The redactor's introduction, or its signature.
    #[error("who redacted the copy cannot be told: {0}")]
    Redactor(String),
    /// The redaction is of another record, or of another version of it.
    #[error("the redaction was signed for another record")]
    OtherRecord,
    /// What is shown is not what the redactor left, or a place is missing or there twice.
    #[error("{0} of the copy are not as the redactor left them")]
    Parts(&'static str),
}

/// One place of a redacted copy, and whose words stand in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// The author's words.
    Shown(String, Value),
    /// Nothing; the name as the redactor says.
    LeftOut(Option<String>),
    /// The redactor's words.
    Replaced(Option<String>, Value),
}

/// A copy of which both signatures were checked. Only [`RedactedFile::verify`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedCopy {
    author: Introduced,
    redactor: Introduced,
    record: VerifiedRecord,
    redaction: Redaction,
    places: Vec<Place>,
}

impl VerifiedCopy {
    /// Who signed the record.
    #[must_use]
    pub fn author(&self) -> &Introduced {
        &self.author
    }

    /// Who redacted it.
    #[must_use]
    pub fn redactor(&self) -> &Introduced {
        &self.redactor
    }

    /// What is left of the record.
    #[must_use]
    pub fn record(&self) -> &VerifiedRecord {
        &self.record
    }

    /// What the redactor signed.
    #[must_use]
    pub fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// The fields, in the author's order as the redactor says.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }
}

/// Makes a redacted copy of a record and signs it with the redactor's node key.
///
/// # Errors
/// [`RedactionError`] where there is nothing to leave out, or what is named is not there.
pub fn redact(
    author: Introduction,
    mut parts: RecordParts,
    cuts: &Cuts,
    (redactor, key): (Introduction, &SigningKey),
    (organisation, when): (OrgId, Timestamp),
) -> Result<RedactedFile, RedactionError> {
    let record = parts.verify()?;
    check_cuts(&record, cuts)?;
    let names: Vec<&str> = record.fields().iter().map(|(name, _)| name.as_str()).collect();
    let (kept, fields) = cut_fields(&parts.fields, &names, cuts);
    let files: Vec<&str> = record.attachments().iter().map(|a| a.name.as_str()).collect();
    let (kept_files, attachments) = cut_attachments(&parts.attachments, &files, cuts);
    let redaction = Redaction {
        manifest: binding(&parts.manifest),
        redactor: organisation,
        node: NodeId(key.verifying_key().to_bytes()),
        when,
        fields,
        attachments,
        reason: cuts.reason.clone(),
    };
    parts.context = None;
    parts.fields = kept;
    parts.attachments = kept_files;
    let redaction = sign(redaction, key).to_unverified();
    Ok(RedactedFile { format: REDACTED_FILE.into(), author, parts, redactor, redaction })
}

/// The hash by which a redaction names the manifest and signature that it is of.
fn binding(manifest: &Unverified<Manifest>) -> Hash {
    derive::hash(&codec::encode(manifest))
}

fn check_cuts(record: &VerifiedRecord, cuts: &Cuts) -> Result<(), RedactionError> {
    if cuts.fields.is_empty() && cuts.replaced.is_empty() && cuts.attachments.is_empty() {
        return Err(RedactionError::Nothing);
    }
    let has = |name: &String| record.fields().iter().any(|(field, _)| field == name);
    if let Some(missing) = cuts.fields.iter().chain(cuts.replaced.keys()).find(|name| !has(name)) {
        return Err(RedactionError::NoField(missing.clone()));
    }
    if let Some(missing) = cuts.attachments.iter().find(|n| **n >= record.attachments().len()) {
        return Err(RedactionError::NoAttachment(*missing));
    }
    check_reason(cuts.reason.as_deref())
}

fn check_reason(reason: Option<&str>) -> Result<(), RedactionError> {
    let fine = |text: &str| text.len() <= MAX_REASON && !text.chars().any(char::is_control);
    if reason.is_none_or(fine) { Ok(()) } else { Err(RedactionError::Reason) }
}

fn cut_fields(all: &[Disclosure], names: &[&str], cuts: &Cuts) -> (Vec<Disclosure>, Vec<Treated>) {
    let mut kept = Vec::new();
    let treated = all.iter().zip(names).map(|(disclosure, name)| {
        let instead = cuts.replaced.get(*name).cloned();
        let out = instead.is_some() || cuts.fields.contains(*name);
        if !out {
            kept.push(disclosure.clone());
        }
        treated(disclosure, !out, name, cuts, instead)
    });
    let treated = treated.collect();
    (kept, treated)
}

fn cut_attachments(all: &[Disclosure], names: &[&str], cuts: &Cuts) -> (Vec<Disclosure>, Vec<Treated>) {
    let mut kept = Vec::new();
    let treated = all.iter().zip(names).enumerate().map(|(number, (disclosure, name))| {
        let out = cuts.attachments.contains(&number);
        if !out {
            kept.push(disclosure.clone());
        }
        treated(disclosure, !out, name, cuts, None)
    });
    let treated = treated.collect();
    (kept, treated)
}

fn treated(disclosure: &Disclosure, shown: bool, name: &str, cuts: &Cuts, instead: Option<Value>) -> Treated {
    let name = (!shown && !cuts.nameless).then(|| name.to_owned());
    Treated { commitment: derive::field_commitment(&disclosure.0), shown, name, instead }
}

impl RedactedFile {
    /// Checks everything that can be checked offline: who signed, who redacted, that nothing shown was changed,
    /// and that exactly that is left out of which the redactor says so.
    ///
    /// # Errors
    /// [`RedactionError`].
    pub fn verify(&self) -> Result<VerifiedCopy, RedactionError> {
        if self.format != REDACTED_FILE || self.parts.context.is_some() {
            return Err(RedactionError::Format);
        }
        let author = self.author.verify().map_err(|e| RecordError::Introduction(e.to_string()))?;
        let record = self.parts.verify()?;
        if record.manifest().node != author.node() || record.manifest().author != author.org() {
            return Err(RecordError::Elsewhere("author").into());
        }
        let unknown = |e: &dyn std::fmt::Display| RedactionError::Redactor(e.to_string());
        let redactor = self.redactor.verify().map_err(|e| unknown(&e))?;
        let redaction = self.redaction.verify(&redactor.node().0).map_err(|e| unknown(&e))?;
        let redaction = redaction.value().clone();
        if redaction.node != redactor.node() || redaction.redactor != redactor.org() {
            return Err(RedactionError::Redactor("it is signed in the name of another".into()));
        }
        if redaction.manifest != binding(&self.parts.manifest) {
            return Err(RedactionError::OtherRecord);
        }
        check_reason(redaction.reason.as_deref())?;
        let m = record.manifest();
        account_for("the fields", &redaction.fields, &m.fields, &self.parts.fields)?;
        account_for("the attachments", &redaction.attachments, &m.attachments, &self.parts.attachments)?;
        if redaction.attachments.iter().any(|a| a.instead.is_some()) {
            return Err(RedactionError::Parts("the attachments"));
        }
        let places = places(&redaction.fields, &self.parts.fields, &record);
        Ok(VerifiedCopy { author, redactor, record, redaction, places })
    }
}

/// Every commitment has one place, in the order of what is shown; what is shown was not treated.
fn account_for(
    what: &'static str,
    treated: &[Treated],
    committed: &[Hash],
    shown: &[Disclosure],
) -> Result<(), RedactionError> {
    let mut hashes: Vec<Hash> = treated.iter().map(|t| t.commitment).collect();
    hashes.sort_unstable();
    let mut shown = shown.iter().map(|d| derive::field_commitment(&d.0)).peekable();
    let mut fits = hashes == committed;
    for place in treated {
        let here = shown.next_if_eq(&place.commitment).is_some();
        fits &= here == place.shown && (!here || (place.name.is_none() && place.instead.is_none()));
        fits &= place.name.as_ref().is_none_or(|name| name.len() <= limits::MAX_FILE_NAME);
    }
    if fits && shown.next().is_none() { Ok(()) } else { Err(RedactionError::Parts(what)) }
}

fn places(treated: &[Treated], shown: &[Disclosure], record: &VerifiedRecord) -> Vec<Place> {
    let mut shown = shown.iter().map(|d| derive::field_commitment(&d.0)).zip(record.fields()).peekable();
    let of = |place: &Treated| match shown.next_if(|(hash, _)| *hash == place.commitment) {
        Some((_, (name, value))) => Place::Shown(name.clone(), value.clone()),
        None => match &place.instead {
            Some(instead) => Place::Replaced(place.name.clone(), instead.clone()),
            None => Place::LeftOut(place.name.clone()),
        },
    };
    treated.iter().map(of).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
