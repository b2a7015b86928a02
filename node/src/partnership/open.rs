//! From a stored entry to a record that may be shown: open, verify, permit.
//!
//! ```text
//! entry ──open(epoch key, or its own)──▶ parts ──verify_in(place)──▶ VerifiedRecord ──permit──▶ shown, or refused with a code
//! ```

use entente_protocol::ack::{self, Acknowledgement};
use entente_protocol::codec;
use entente_protocol::envelope::Place;
use entente_protocol::ids::{EpochId, NodeId, OrgId, PartnershipId, RecordId, SpaceId, Timestamp};
use entente_protocol::log::{Entry, EntryHeader};
use entente_protocol::membership::Membership;
use entente_protocol::notice::{self, Notice};
use entente_protocol::policy::RefusalCode;
use entente_protocol::policy::{Permitted, Refusal};
use entente_protocol::record::{RecordParts, Said, VerifiedRecord};
use entente_protocol::{divergent, limits, passed, schema};

use crate::rows::{RecordPlace, RecordRow};

use super::ring::{Opener, Ring, Terms};
use super::standing;

/// What became of an entry.
pub enum Judgement {
    /// It may be shown.
    Shown(Box<Shown>),
    /// It is no record: its author acknowledges what it holds.
    Acknowledged(Acknowledgement),
    /// It is no record: its author says something about records.
    Noticed(Notice),
    /// The key of its epoch is not here yet.
    Waiting(EpochId),
    /// It was erased by its author or by time.
    Erased,
    /// It may not be shown.
    Refused {
        /// Stable code.
        code: String,
        /// In words.
        reason: String,
    },
}

/// A record that may be shown.
pub struct Shown {
    /// The record, verified.
    pub record: VerifiedRecord,
    /// Its exact parts, for passing on where that is allowed.
    pub parts: RecordParts,
    /// The proof that the agreement permits it.
    pub permitted: Permitted,
}

/// Whose log an entry stands in.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The organisation.
    pub org: OrgId,
    /// The node.
    pub node: NodeId,
}

/// When an entry is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It arrives: what was narrowed or stopped meanwhile counts as well (C10).
    Arriving,
    /// It was permitted when it arrived, and is shown again.
    Held,
}

/// Judges an entry: every node does this for itself, whatever the author's node did.
#[must_use]
pub fn judge(
    partnership: &PartnershipId,
    (membership, when): (&Membership, When),
    ring: &Ring,
    owner: Owner,
    entry: &Entry,
) -> Judgement {
    let Some(payload) = &entry.payload else { return Judgement::Erased };
    let Some(opener) = ring.opener(&entry.header) else { return Judgement::Waiting(entry.header.epoch) };
    match open(partnership, (membership, when), &opener, owner, entry, payload) {
        Ok(judgement) => judgement,
        Err((code, reason)) => Judgement::Refused { code, reason },
    }
}

/// What a record says, not judged again: for search, which only tells which of the records that were judged to show.
#[must_use]
pub fn said(ring: &Ring, entry: &Entry) -> Option<Said> {
    let opener = ring.opener(&entry.header)?;
    let opened = opener.open(entry.payload.as_ref()?, &place(&entry.header)).ok()?;
    codec::decode::<RecordParts>(&opened).ok()?.said().ok()
}

fn place(header: &EntryHeader) -> Place {
    Place { space: header.space, log: header.log, seq: header.seq, epoch: header.epoch }
}

type Refused = (String, String);

fn open(
    partnership: &PartnershipId,
    (membership, when): (&Membership, When),
    opener: &Opener,
    owner: Owner,
    entry: &Entry,
    payload: &[u8],
) -> Result<Judgement, Refused> {
    let header = &entry.header;
    if opener.space != header.space {
        return Err(refused("E-EPOCH", "it is sealed under a key of another circle"));
    }
    let opened = opener.open(payload, &place(header)).map_err(|e| refused("E-SEALED", e))?;
    if let Some(said) = ack::read(&opened).map_err(|e| refused("E-FORM", e))? {
        return Ok(Judgement::Acknowledged(said));
    }
    if let Some(said) = notice::read(&opened).map_err(|e| refused("E-FORM", e))? {
        return Ok(Judgement::Noticed(said));
    }
    let parts: RecordParts = codec::decode(&opened).map_err(|e| refused("E-FORM", e))?;
    let record = parts
        .verify_in(partnership, &owner.org, &owner.node, &header.log, header.seq)
        .map_err(|e| refused("E-SIGNATURE", e))?;
    let facts = record.facts().map_err(|e| refused("E-SIGNATURE", e))?;
    if facts.audience.space(partnership, &owner.org) != header.space {
        return Err(refused("E-AUDIENCE", "it is signed for other readers than those it was sent to"));
    }
    let permitted = opener.terms.permit(&facts).map_err(|refusals| in_words(&refusals))?;
    if when == When::Arriving {
        let mut refusals = standing::stopped(membership);
        // What became narrower since the key was made holds at once, for who has not heard of it yet too.
        let now = Terms { roles: opener.terms.roles.clone(), ..Terms::of(membership, |_| true) };
        if now.agreement.hash() != opener.terms.agreement.hash() || now.proposed != opener.terms.proposed {
            refusals.extend(now.permit(&facts).err().into_iter().flatten());
        }
        if !refusals.is_empty() {
            return Err(in_words(&refusals));
        }
    }
    if let Some(copy) =
        passed::carried(record.fields()).map_err(|e| refused(RefusalCode::Copy.as_str(), e))?
    {
        let refusals = passed::permit(&copy, &facts);
        if !refusals.is_empty() {
            return Err(in_words(&refusals));
        }
    }
    divergent::carried(record.fields()).map_err(|e| refused(RefusalCode::Divergent.as_str(), e))?;
    Ok(Judgement::Shown(Box::new(Shown { record, parts, permitted })))
}

fn in_words(refusals: &[Refusal]) -> Refused {
    let codes: Vec<String> = refusals.iter().map(|r| r.code.to_string()).collect();
    let reasons: Vec<String> = refusals.iter().map(|r| r.reason.clone()).collect();
    (codes.join(" "), reasons.join(" "))
}

fn refused(code: &str, reason: impl ToString) -> Refused {
    (code.to_owned(), reason.to_string())
}

/// The row of a record for the index.
#[must_use]
pub fn row(shown: &Shown, place: (PartnershipId, SpaceId), entry: &Entry, arrived: Timestamp) -> RecordRow {
    let manifest = shown.record.manifest();
    RecordRow {
        id: shown.record.id(),
        kind: manifest.kind.clone(),
        author: manifest.author,
        place: Some(RecordPlace {
            partnership: place.0,
            space: place.1,
            log: entry.header.log,
            seq: entry.header.seq,
        }),
        created: manifest.created,
        arrived,
        language: manifest.language.clone(),
        sensitivity: manifest.sensitivity,
        title: title(shown.record.fields()),
        blobs: shown.record.attachments().iter().map(|a| a.blob).collect(),
        refers: refers(
            shown.record.fields(),
            [manifest.replies_to, manifest.supersedes],
            &manifest.references,
        ),
        supersedes: manifest.supersedes,
    }
}

/// The records that a record refers to, in whatever way; none as nothing.
#[must_use]
pub fn refers(
    fields: &[(String, entente_protocol::value::Value)],
    answered: [Option<RecordId>; 2],
    references: &[RecordId],
) -> Option<Vec<RecordId>> {
    let mut all: Vec<RecordId> = answered.into_iter().flatten().collect();
    for id in references.iter().copied().chain(schema::references(fields)) {
        if all.len() < limits::MAX_REFERENCES && !all.contains(&id) {
            all.push(id);
        }
    }
    (!all.is_empty()).then_some(all)
}

/// What a record is called in lists: its title, name or summary, else the beginning of its first text.
#[must_use]
pub fn title(fields: &[(String, entente_protocol::value::Value)]) -> String {
    let named = ["title", "name", "summary", "subject", "question"];
    let by_name = named.iter().find_map(|n| fields.iter().find(|(name, _)| name == n));
    let mut found = String::new();
    for (_, value) in by_name.into_iter().chain(fields) {
        value.each_text(&mut |text| {
            if found.is_empty() {
                found = beginning(text);
            }
        });
        if !found.is_empty() {
            break;
        }
    }
    if found.chars().count() > TITLE {
        found = found.chars().take(TITLE - 1).chain(['…']).collect();
    }
    found
}

/// As much of a text as a title can hold and a little more, with one space between words. Texts can be long, and each
/// record that comes gets a title.
fn beginning(text: &str) -> String {
    let mut begins = String::new();
    let mut apart = false;
    for letter in text.chars() {
        if letter.is_whitespace() {
            apart = !begins.is_empty();
            continue;
        }
        if begins.len() > TITLE * char::MAX.len_utf8() {
            break;
        }
        if std::mem::take(&mut apart) {
            begins.push(' ');
        }
        begins.push(letter);
    }
    begins
}

/// Characters of a title in a list.
const TITLE: usize = 120;
