//! Whether a release that waits still holds, who wants it, and how many must.

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::{Hash, OrgId};
use entente_protocol::record::Content;

use crate::api::types::Problem;
use crate::node::Node;
use crate::partnership::Handle;
use crate::records::drafts;
use crate::records::find::org_view;
use crate::records::share::{self, Ready};

use super::accounts::role_of;
use super::journal::{self, Asked};
use super::{Caller, Person, StaffRole};

/// Persons that must want what a writer shares where the agreement asks for none: the writer and a releaser.
const WITH_A_RELEASER: u8 = 2;

/// How many persons the agreement wants, by its version in force and by all that were proposed.
pub(super) fn clause(node: &Node, handle: &Handle, content: &Content) -> Option<u8> {
    let membership = handle.membership();
    let role = &membership.members.get(&node.me.org())?.role;
    let all = [&membership.agreement].into_iter().chain(membership.pending_terms.values());
    all.filter_map(|agreement| agreement.release())
        .filter(|clause| clause.covers(role, &content.kind, content.sensitivity))
        .map(|clause| clause.approvals())
        .max()
}

/// How many persons must want it, if one is not enough.
pub(super) fn wanted(node: &Node, caller: &Caller, handle: &Handle, content: &Content) -> Option<u8> {
    let by_role = (caller.role < StaffRole::Releaser).then_some(WITH_A_RELEASER);
    clause(node, handle, content).max(by_role)
}

/// Marks a record as if as many had released it as the agreement wants, to see what else is refused.
pub fn as_if_released(handle: &Handle, node: &Node, content: &mut Content) {
    content.handling.released_by =
        clause(node, handle, content).map(|wanted| (0..wanted).map(|n| Hash([n; 32])).collect());
}

/// What is to be shared, without the marks.
pub(super) fn hash(content: &Content) -> Hash {
    derive::hash(&codec::encode(content))
}

/// The different persons who want it and may: who asked, and who released it.
pub(super) fn persons(node: &Node, asked: &Asked) -> BTreeSet<Person> {
    let index = &node.shared.ledger.store().index;
    let may = |person: &Person, role| role_of(index, person) >= Some(role);
    let marks = journal::marks(index, &asked.id).into_iter().map(|mark| mark.by);
    let mut all: BTreeSet<Person> = marks.filter(|by| may(by, StaffRole::Releaser)).collect();
    if may(&asked.by, StaffRole::Writer) {
        all.insert(asked.by);
    }
    all
}

/// Does a release that waits still hold?
pub(super) enum Standing {
    /// It does; this is what would be shared.
    Holds(Box<Ready>),
    /// Something has changed: what, in words.
    Changed(String),
    /// A rule refuses it now.
    Refused(Problem),
}

pub(super) async fn standing(node: &Arc<Node>, asked: &Asked) -> Standing {
    let Some(handle) = node.handle(&asked.partnership) else {
        return Standing::Changed("the partnership is not on this node any more".into());
    };
    if handle.membership().agreement.hash() != asked.agreement {
        return Standing::Changed("another version of the agreement is in force".into());
    }
    let ready = share::ready(node, asked.draft, handle, asked.audience.clone(), asked.keep_metadata);
    let ready = match ready.await {
        Ok(ready) => ready,
        Err(_) if drafts::read(node, &asked.draft).is_err() => {
            return Standing::Changed("the draft is not here any more".into());
        }
        Err(problem) => return Standing::Refused(problem),
    };
    if hash(&ready.content) != asked.content {
        return Standing::Changed("what would be shared, or what its consent allows, is not the same".into());
    }
    let mut as_if = ready.content.clone();
    as_if_released(&ready.handle, node, &mut as_if);
    match share::foresee(&ready, as_if).await {
        Ok(foreseen) if foreseen.key_holders == asked.readers => Standing::Holds(Box::new(ready)),
        Ok(foreseen) => {
            let now = names(node, &ready.handle, &foreseen.key_holders);
            Standing::Changed(format!("other organisations would read it now: {}", now.join(", ")))
        }
        Err(problem) => Standing::Refused(problem),
    }
}

fn names(node: &Node, handle: &Handle, orgs: &[OrgId]) -> Vec<String> {
    orgs.iter().map(|org| org_view(node, Some(handle), org).name).collect()
}
