//! What an agreement permits: one pure function, run twice, by the author before sealing and by every
//! receiver before showing. Both come to the same answer from the same agreement, members and facts.
//!
//! ```text
//! agreement + roles of the members + facts of the record ──permit──▶ Permitted { exact readers, because }
//!                                                                 └▶ every Refusal { code, reason }
//! ```
//! Start at [`permit`]; where amendments wait for signatures, at [`permit_all`]. The codes, and the rule behind each, are in [`RefusalCode`].
//!
//! **Dates** are judged by [`RecordFacts::created`], the author's claim, so that every receiver judges
//! alike whenever a record arrives. An author with a wrong clock is refused or let through by mistake, and
//! one of bad faith can date a record back into the agreement. What stops the flow for certain is an act of
//! membership (removal, suspension), after which no key is to be had. Whoever shows a record shows the
//! doubt where its date is far from what its place in the log suggests.
//!
//! **Not decided here**, since these facts do not say it: whose name stands in a text (C2), metadata of
//! attachments (C8), small counts (C11), places and themes. The embargo
//! binds on export, not among the members.

mod codes;
mod proposed;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use codes::{Refusal, RefusalCode};
pub use proposed::permit_all;

use crate::agreement::{Agreement, Choice, Flow, PersonalData, kind_words, list, role_words};
use crate::audience::Audience;
use crate::handling::{Handling, IDENTIFIABLE, Kind, Role, Sensitivity};
use crate::ids::{Hash, OrgId, Timestamp};
use crate::kinds;
use crate::limits;

/// What policy looks at in a record. The author fills it from the draft, a receiver from the verified
/// manifest; nothing else in a record changes the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordFacts {
    /// What it is.
    pub kind: Kind,
    /// Whose it is.
    pub author: OrgId,
    /// For whom.
    pub audience: Audience,
    /// Its class.
    pub sensitivity: Sensitivity,
    /// What readers may do with it.
    pub handling: Handling,
    /// When it was written, as its author claims.
    pub created: Timestamp,
    /// How many attachments it has.
    pub attachments: usize,
    /// Its fields that hold data about persons by the schema of its kind ([`crate::schema::personal_fields`]).
    pub personal: Vec<String>,
    /// Is it a report that is published, whatever its class ([`crate::schema::is_publication`])?
    pub publication: bool,
}

impl RecordFacts {
    /// Is it meant for the public?
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.publication || self.sensitivity == Sensitivity::Public
    }
}

/// Proof that an agreement permits a record for exactly these readers. Only [`permit`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permitted {
    agreement: Hash,
    facts: RecordFacts,
    readers: BTreeSet<OrgId>,
    because: Vec<String>,
}

impl Permitted {
    /// The hash of the agreement that permits it.
    #[must_use]
    pub fn agreement(&self) -> Hash {
        self.agreement
    }

    /// The record that is permitted.
    #[must_use]
    pub fn facts(&self) -> &RecordFacts {
        &self.facts
    }

    /// The organisations that will read it, besides its author. Never empty, all members.
    #[must_use]
    pub fn readers(&self) -> &BTreeSet<OrgId> {
        &self.readers
    }

    /// In words, which clause grants it to whom.
    #[must_use]
    pub fn because(&self) -> &[String] {
        &self.because
    }
}

/// Does the agreement permit this record?
///
/// `agreement` and `roles` (all members with their roles) are those at the record's place in history, which
/// its epoch binds: for the author the present ones, for a receiver the same, not today's. Else a member
/// that joined later would turn what was permitted into a refusal.
///
/// # Errors
/// Every [`Refusal`], not only the first, in the order of the table of codes.
pub fn permit(
    agreement: &Agreement,
    roles: &BTreeMap<OrgId, Role>,
    facts: &RecordFacts,
) -> Result<Permitted, Vec<Refusal>> {
    let mut refusals = Vec::new();
    refusals.extend(stays_at_home(facts));
    refusals.extend(outside_the_dates(agreement, facts));
    refusals.extend(class_not_allowed(agreement, facts));
    refusals.extend(named_without_names(facts));
    refusals.extend(personal_data(agreement, facts));
    refusals.extend(passed_on_too_far(agreement, facts));
    refusals.extend(too_many_attachments(facts));
    let readers = readers(roles, facts).unwrap_or_else(|refused| {
        refusals.push(refused.refusal);
        refused.members
    });
    let mut because = Vec::new();
    match roles.get(&facts.author) {
        None => refusals.push(author_not_a_member()),
        Some(role) => {
            refusals.extend(role_cannot_write(role, facts));
            because = by_flow(agreement, roles, role, facts, &readers).unwrap_or_else(|refused| {
                refusals.extend(refused);
                Vec::new()
            });
            refusals.extend(not_released(agreement, role, facts));
        }
    }
    if refusals.is_empty() && !readers.is_empty() {
        Ok(Permitted { agreement: agreement.hash(), facts: facts.clone(), readers, because })
    } else {
        Err(refusals)
    }
}

fn refuse(code: RefusalCode, reason: impl Into<String>) -> Option<Refusal> {
    Some(Refusal { code, reason: reason.into() })
}

/// C2: sources and consents, and whatever has the class `own`.
fn stays_at_home(facts: &RecordFacts) -> Option<Refusal> {
    let kind = &facts.kind;
    if never_leaves(kind) {
        let what = kind_words(kind);
        let reason = format!(
            "{what} never leave the node of their author. Share a record that says what is needed, without the person"
        );
        return refuse(RefusalCode::Own, reason);
    }
    if facts.sensitivity == Sensitivity::Own {
        let reason = "the record has the class own, which never leaves its author's node. Give it another class to share it";
        return refuse(RefusalCode::Own, reason);
    }
    None
}

fn never_leaves(kind: &Kind) -> bool {
    kinds::known(kind).is_some_and(|known| known.never_leaves)
}

fn outside_the_dates(agreement: &Agreement, facts: &RecordFacts) -> Option<Refusal> {
    if agreement.holds_at(facts.created) {
        return None;
    }
    let clock = "Look whether the clock of the author's computer is right";
    match agreement.end() {
        Some(end) if facts.created >= end.is_over() => {
            let reason = format!(
                "the agreement ended with {end}, and the record is dated later. {clock}, or have the members sign a new version of the agreement"
            );
            refuse(RefusalCode::Ended, reason)
        }
        _ => {
            let start = agreement.start();
            let reason = format!(
                "the agreement begins on {start}, and the record is dated earlier. {clock}, or wait for that day"
            );
            refuse(RefusalCode::NotStarted, reason)
        }
    }
}

fn class_not_allowed(agreement: &Agreement, facts: &RecordFacts) -> Option<Refusal> {
    let allowed = &agreement.ceiling().sensitivity;
    if facts.sensitivity == Sensitivity::Own || allowed.contains(&facts.sensitivity) {
        return None;
    }
    let class = facts.sensitivity.as_str();
    let choices = list(allowed.iter().map(|class| class.as_str()), "or");
    let reason = format!("the agreement does not allow the class {class}. Choose {choices}");
    refuse(RefusalCode::Sensitivity, reason)
}

/// Classes and kinds that want their readers by name. C3, C4: confidential kinds do, whatever their class.
fn named_without_names(facts: &RecordFacts) -> Vec<Refusal> {
    let to_all = facts.audience == Audience::Everyone;
    let mut refusals = Vec::new();
    if to_all && facts.sensitivity == Sensitivity::Named {
        let reason = "the record has the class named, but is addressed to everyone. Name its readers, or give it the class partnership";
        refusals.extend(refuse(RefusalCode::NamedToAll, reason));
    }
    let confidential = kinds::known(&facts.kind).filter(|known| known.confidential && !known.never_leaves);
    if let Some(known) = confidential.filter(|_| to_all || facts.sensitivity > Sensitivity::Named) {
        let what = known.plural;
        let reason = format!(
            "{what} are confidential. Give the record the class named, and name its readers one by one"
        );
        refusals.extend(refuse(RefusalCode::Confidential, reason));
    }
    refusals
}

/// C1, C7: an unknown consent is none. What is published needs one that allows just that, whatever the
/// agreement says (OPCAT 21(2)), and whatever its author says of fields that the schema knows better.
fn personal_data(agreement: &Agreement, facts: &RecordFacts) -> Option<Refusal> {
    let marked = facts.is_published() && !facts.personal.is_empty();
    if !facts.handling.personal_data && !marked {
        return None;
    }
    let consent = facts.handling.named_consent().is_some();
    let unpublishable = facts.is_published() && !facts.handling.allows(IDENTIFIABLE);
    match agreement.ceiling().personal_data {
        PersonalData::Never => {
            let reason = "the record holds data about identifiable persons, which the agreement does not allow. Take them out";
            refuse(RefusalCode::PersonalData, reason)
        }
        PersonalData::WithConsent | PersonalData::Allowed if unpublishable => {
            refuse(RefusalCode::Consent, unpublished(facts, consent))
        }
        PersonalData::WithConsent if !consent => {
            let reason = "the record holds data about identifiable persons, and names no consent. Ask for the consent and refer to it, or take the data out";
            refuse(RefusalCode::Consent, reason)
        }
        PersonalData::WithConsent | PersonalData::Allowed => None,
    }
}

/// Which fields cannot be published, and what to do.
fn unpublished(facts: &RecordFacts, named: bool) -> String {
    let fields = match facts.personal.as_slice() {
        [] => "its author marks it so".to_owned(),
        fields => format!("the fields {}", list(fields, "and")),
    };
    let why = if named {
        "the consent that it names is not known to allow the use identifiable-publication"
    } else {
        "it names no consent"
    };
    format!(
        "the record is for the public and holds data about identifiable persons ({fields}), and {why}. Ask the person \
         for a consent that allows it, take the data out, or choose a narrower class"
    )
}

/// C3: what two persons must release is released by so many.
fn not_released(agreement: &Agreement, role: &Role, facts: &RecordFacts) -> Option<Refusal> {
    let clause = agreement.release().filter(|clause| clause.covers(role, &facts.kind, facts.sensitivity))?;
    let (has, wanted) = (facts.handling.approvals(), usize::from(clause.approvals()));
    if has >= wanted {
        return None;
    }
    let reason = format!(
        "the agreement wants {wanted} different persons of its author to release {}, and {has} did",
        kind_words(&facts.kind)
    );
    refuse(RefusalCode::Release, reason)
}

/// C6: an author cannot grant more than the parties agreed on.
fn passed_on_too_far(agreement: &Agreement, facts: &RecordFacts) -> Option<Refusal> {
    let (wanted, ceiling) = (facts.handling.onward, agreement.ceiling().onward);
    if wanted <= ceiling {
        return None;
    }
    let (wanted, ceiling) = (wanted.as_str(), ceiling.as_str());
    let reason = format!(
        "the record says \u{201c}{wanted}\u{201d} on passing it on, the agreement at most \u{201c}{ceiling}\u{201d}. Set it to {ceiling}"
    );
    refuse(RefusalCode::Onward, reason)
}

fn too_many_attachments(facts: &RecordFacts) -> Option<Refusal> {
    let (has, max) = (facts.attachments, limits::MAX_ATTACHMENTS);
    if has <= max {
        return None;
    }
    let reason = format!("the record has {has} attachments, and at most {max} are possible. Split it");
    refuse(RefusalCode::Attachments, reason)
}

/// Refused, with those of the readers that are members, so that the flows to them are judged all the same.
struct NoReaders {
    refusal: Refusal,
    members: BTreeSet<OrgId>,
}

/// C12: the readers besides the author are members, and at least one.
fn readers(roles: &BTreeMap<OrgId, Role>, facts: &RecordFacts) -> Result<BTreeSet<OrgId>, NoReaders> {
    let others = |org: &&OrgId| **org != facts.author;
    let mut strangers = Vec::new();
    let members: BTreeSet<OrgId> = match &facts.audience {
        Audience::Everyone => roles.keys().filter(others).copied().collect(),
        Audience::Named(readers) => {
            let named = readers.orgs().iter().filter(others).copied();
            let (members, others): (Vec<OrgId>, Vec<OrgId>) = named.partition(|org| roles.contains_key(org));
            strangers = others;
            members.into_iter().collect()
        }
    };
    let refusal = if !strangers.is_empty() {
        let reason = format!(
            "not all readers are members of the partnership: {}. Take them out, or invite them first",
            some(&strangers)
        );
        refuse(RefusalCode::NotMember, reason)
    } else if !members.is_empty() {
        None
    } else if facts.audience == Audience::Everyone {
        let reason = "the partnership has no other member yet, so nobody would read the record. Invite a partner first";
        refuse(RefusalCode::NoReader, reason)
    } else {
        refuse(RefusalCode::SelfOnly, "the only reader named is the author. Name another member")
    };
    match refusal {
        None => Ok(members),
        Some(refusal) => Err(NoReaders { refusal, members }),
    }
}

fn author_not_a_member() -> Refusal {
    let reason = "the author of the record is not a member of the partnership. It has to join, and sign the agreement, before it can share anything".into();
    Refusal { code: RefusalCode::NotMember, reason }
}

fn role_cannot_write(role: &Role, facts: &RecordFacts) -> Option<Refusal> {
    let known = kinds::known(&facts.kind).filter(|known| !known.authors.include(role))?;
    let (what, who) = (known.plural, known.authors.words());
    let reason = format!(
        "{what} are written by {who}, and the author has the role {role}. Choose another kind of record"
    );
    refuse(RefusalCode::AuthorRole, reason)
}

/// Finds a clause for each role among the readers: the clauses in words, or what is not covered.
fn by_flow(
    agreement: &Agreement,
    roles: &BTreeMap<OrgId, Role>,
    from: &Role,
    facts: &RecordFacts,
    readers: &BTreeSet<OrgId>,
) -> Result<Vec<String>, Option<Refusal>> {
    // No clause can let these out, so there is nothing to say about clauses.
    if never_leaves(&facts.kind) {
        return Err(None);
    }
    let mut of_role: BTreeMap<&Role, Vec<OrgId>> = BTreeMap::new();
    for reader in readers {
        if let Some(role) = roles.get(reader) {
            of_role.entry(role).or_default().push(*reader);
        }
    }
    let (mut because, mut uncovered) = (Vec::new(), Vec::new());
    for (role, orgs) in &of_role {
        let clause = (1..).zip(agreement.flows()).find(|(_, flow)| flow.covers(from, &facts.kind, role));
        match clause {
            Some((n, flow)) => because.push(granted(n, flow, role, orgs.len())),
            None => uncovered.push(format!("{} ({})", role_words(role), some(orgs))),
        }
    }
    if uncovered.is_empty() {
        return Ok(because);
    }
    Err(Some(Refusal { code: RefusalCode::Flow, reason: not_covered(agreement, from, facts, &uncovered) }))
}

fn granted(n: usize, flow: &Flow, role: &Role, readers: usize) -> String {
    let members = if readers == 1 { "member" } else { "members" };
    format!("{readers} {members} with the role {role} read it because of flow {n}: {}", flow.sentence())
}

fn not_covered(agreement: &Agreement, from: &Role, facts: &RecordFacts, uncovered: &[String]) -> String {
    let what = kind_words(&facts.kind);
    let who = role_words(from);
    let to_whom = list(uncovered, "or");
    let mut reason = format!("no clause of the agreement lets {who} send {what} to {to_whom}. ");
    // Who may read it, of the roles of this agreement. Says nothing about members.
    let may: Vec<String> = agreement
        .roles()
        .iter()
        .filter(|to| agreement.flows().iter().any(|flow| flow.covers(from, &facts.kind, to)))
        .map(role_words)
        .collect();
    let by_name_only = match kinds::known(&facts.kind) {
        None => true,
        Some(known) => known.confidential,
    };
    if !may.is_empty() {
        let may = list(may, "or");
        reason.push_str(&match facts.audience {
            Audience::Everyone => format!("Name the readers instead of everyone; they can be {may}"),
            Audience::Named(_) => format!("Leave them out; readers can be {may}"),
        });
        return reason;
    }
    let any_is_there =
        agreement.flows().iter().any(|flow| flow.kinds == Choice::Any && flow.from.contains(from));
    if by_name_only && any_is_there {
        reason.push_str(
            "The word \u{201c}any\u{201d} in a clause does not cover this kind; it has to be named. ",
        );
    }
    reason.push_str("Choose another kind of record, or propose a new version of the agreement");
    reason
}

/// Some organisations by the beginning of their ids; reasons stay short however many there are.
fn some(orgs: &[OrgId]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = orgs.iter().take(SHOWN).map(OrgId::short).collect();
    match orgs.len().saturating_sub(SHOWN) {
        0 => list(shown, "and"),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
