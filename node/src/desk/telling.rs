//! What is told of releases: those that wait, those that are over, and what a draft would need.

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::ids::RecordId;
use entente_protocol::record::Content;

use crate::api::types::{OrgView, Problem};
use crate::node::Node;
use crate::partnership::Handle;
use crate::records::find::{self, org_view};
use crate::rows;

use super::accounts::{self, name_of};
use super::ending::{MAX_ENDED, find_waiting};
use super::journal::{self, Asked, Closed, How, Mark};
use super::standing::{Standing, clause, persons, standing, wanted};
use super::view::{EndedView, MarkView, ReleaseNeeded, ReleaseState, ReleaseView};
use super::{Caller, Person, StaffRole};

/// Releases: those that wait, the oldest first; then, if asked, those that are over, the last first.
pub async fn list(node: &Arc<Node>, all: bool) -> Vec<ReleaseView> {
    let index = &node.shared.ledger.store().index;
    let mut views = Vec::new();
    for asked in journal::waiting(index) {
        views.push(waiting_view(node, &asked).await);
    }
    if all {
        views.extend(journal::ended(index, MAX_ENDED).iter().map(|closed| ended_view(node, closed)));
    }
    views
}

/// One release, waiting or over.
///
/// # Errors
/// [`Problem`] `not-found`.
pub async fn show(node: &Arc<Node>, text: &str) -> Result<ReleaseView, Problem> {
    let missing = match find_waiting(node, text) {
        Ok(asked) => return Ok(waiting_view(node, &asked).await),
        Err(problem) => problem,
    };
    let ended = journal::ended(&node.shared.ledger.store().index, MAX_ENDED);
    let over = ended.into_iter().map(|c| ((c.asked.id.to_string(), String::new()), c));
    find::choose(text, over, "release")?.map(|closed| ended_view(node, &closed)).ok_or(missing)
}

pub(super) async fn waiting_view(node: &Arc<Node>, asked: &Asked) -> ReleaseView {
    let index = &node.shared.ledger.store().index;
    let (state, reason) = match standing(node, asked).await {
        Standing::Holds(_) => (ReleaseState::Waiting, None),
        Standing::Changed(what) => (ReleaseState::Changed, Some(what)),
        Standing::Refused(problem) => (ReleaseState::Changed, Some(problem.what)),
    };
    let can_release = match state {
        ReleaseState::Waiting => can_release(node, &persons(node, asked), &asked.by),
        _ => Vec::new(),
    };
    let marks = journal::marks(index, &asked.id);
    ReleaseView { state, reason, can_release, ..base(node, asked, &marks, true) }
}

pub(super) fn ended_view(node: &Node, closed: &Closed) -> ReleaseView {
    let index = &node.shared.ledger.store().index;
    let (state, reason, record) = match &closed.how {
        How::Shared(record) => (ReleaseState::Shared, None, Some(*record)),
        How::Declined(reason) => (ReleaseState::Declined, Some(reason.clone()), None),
        How::Withdrawn => (ReleaseState::Withdrawn, None, None),
        How::Replaced => (ReleaseState::Replaced, None, None),
    };
    let ended = EndedView { by: name_of(index, &closed.by), when: closed.when, record };
    ReleaseView { state, reason, ended: Some(ended), ..base(node, &closed.asked, &closed.marks, false) }
}

/// What is told of every release. Whether a mark counts is only asked while it waits.
fn base(node: &Node, asked: &Asked, marks: &[Mark], waits: bool) -> ReleaseView {
    let index = &node.shared.ledger.store().index;
    let row = rows::record(index, &asked.draft).ok().flatten().map(|(_, row)| row);
    let handle = node.handle(&asked.partnership);
    let persons = persons(node, asked);
    let first = [(asked.by, asked.when)];
    let all = first.into_iter().chain(marks.iter().map(|mark| (mark.by, mark.when)));
    let mark = |(by, when): (Person, _)| MarkView {
        by: name_of(index, &by),
        when,
        counts: !waits || persons.contains(&by),
    };
    let readers: Vec<OrgView> = asked.readers.iter().map(|o| org_view(node, handle.as_ref(), o)).collect();
    ReleaseView {
        id: asked.id,
        draft: asked.draft,
        title: row.as_ref().map(|row| row.title.clone()).unwrap_or_default(),
        kind: row.as_ref().map(|row| row.kind.clone()),
        sensitivity: row.as_ref().map(|row| row.sensitivity),
        partnership: asked.partnership,
        partnership_name: handle.map(|h| h.membership().name.clone()).unwrap_or_default(),
        readers,
        state: ReleaseState::Waiting,
        reason: None,
        wanted: asked.wanted,
        marks: all.map(mark).collect(),
        can_release: Vec::new(),
        ended: None,
    }
}

/// Whether others must release it before it is shared, and who has.
#[must_use]
pub fn needed(
    node: &Node,
    caller: &Caller,
    handle: &Handle,
    draft: &RecordId,
    content: &Content,
) -> Option<ReleaseNeeded> {
    let wanted = wanted(node, caller, handle, content)?;
    let index = &node.shared.ledger.store().index;
    let mut waiting = journal::waiting(index).into_iter();
    let found = waiting.find(|asked| asked.draft == *draft && asked.partnership == handle.id);
    let persons = found.as_ref().map(|asked| persons(node, asked)).unwrap_or_default();
    let released = u8::try_from(persons.len()).unwrap_or(u8::MAX);
    let why = if clause(node, handle, content).is_some() {
        "The agreement wants it released by"
    } else {
        "A writer's record is shared once a releaser wants it too: it needs"
    };
    let words = format!("{why} {wanted} different persons of the staff; {released} so far.");
    let by = can_release(node, &persons, &caller.person);
    Some(ReleaseNeeded { wanted, released, release: found.map(|asked| asked.id), by, words })
}

/// Who can release it, by name: nobody who wants it shared already.
pub(super) fn can_release(node: &Node, persons: &BTreeSet<Person>, asks: &Person) -> Vec<String> {
    let index = &node.shared.ledger.store().index;
    let free = |person: &Person| person != asks && !persons.contains(person);
    let able = accounts::live(index).into_iter();
    let able = able.filter(|a| a.role >= StaffRole::Releaser && free(&Person::Account(a.id)));
    let mut all: Vec<String> = able.map(|account| account.name).collect();
    if free(&Person::Keeper) {
        all.push(super::THE_KEEPER.into());
    }
    all
}

/// How many releases wait.
#[must_use]
pub fn count(node: &Node) -> u64 {
    journal::waiting(&node.shared.ledger.store().index).len() as u64
}
