//! Two-person release (rule C3): what the agreement wants released by several is kept until as many different
//! persons of the staff want it shared, who asks included. The same way, what a writer shares waits for a releaser.
//!
//! A release is for exactly one content, its readers and the agreement in force. If any of them changes, what was
//! released counts no more, and it must be asked for anew. Nor does the word of somebody count whose account was
//! removed meanwhile, or may not say it any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::derive;
use entente_protocol::ids::Hash;

use crate::api::problem::{self, failed, refuse_input, refused};
use crate::api::types::{Problem, ShareRequest};
use crate::clock;
use crate::node::Node;
use crate::partnership::commands::Released;
use crate::records::share::{self, Ready};

use super::accounts::write;
use super::ending::{closed, find_waiting};
use super::journal::{self, Asked, DeskFrame, How, Mark};
use super::standing::{Standing, as_if_released, clause, hash, persons, standing, wanted};
use super::telling::{can_release, waiting_view};
use super::view::Outcome;
use super::{Caller, Person, ReleaseId};

/// Releases that wait at one time: more than a secretariat looks at in a month.
pub const MAX_WAITING: usize = 200;
/// The code of what has changed since it was asked.
pub const CHANGED: &str = "E-RELEASE-CHANGED";
/// The code of who releases what they released before.
const SELF: &str = "E-RELEASE-SELF";

const NOT_SHARED: &str = "The record was not shared; it is still a draft on this node.";

/// Shares a draft, or keeps it until others have released it.
///
/// # Errors
/// [`Problem`]; then it was neither shared nor kept for that.
pub async fn share(
    node: &Arc<Node>,
    caller: &Caller,
    text: &str,
    request: &ShareRequest,
) -> Result<Outcome, Problem> {
    let (draft, handle, audience) = share::meant(node, text, request)?;
    let at = (draft, handle.id);
    let outcome = match share::ready(node, draft, handle, audience, request.keep_metadata).await {
        Ok(ready) => share_or_ask(node, caller, ready, request.expect_readers).await,
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(problem) => Err(share::noted(node, at, problem).await),
    }
}

async fn share_or_ask(
    node: &Arc<Node>,
    caller: &Caller,
    ready: Ready,
    expect_readers: Option<usize>,
) -> Result<Outcome, Problem> {
    match wanted(node, caller, &ready.handle, &ready.content) {
        None => share_alone(node, caller, ready, expect_readers).await,
        Some(wanted) => {
            let asked = ask(node, caller, &ready, wanted, expect_readers).await?;
            Ok(Outcome::Waiting { release: Box::new(waiting_view(node, &asked).await) })
        }
    }
}

/// Shares it at once. A writer's wish to share the same there is over with that.
async fn share_alone(
    node: &Arc<Node>,
    caller: &Caller,
    ready: Ready,
    expect_readers: Option<usize>,
) -> Result<Outcome, Problem> {
    let (draft, partnership, audience) = (ready.draft, ready.handle.id, ready.audience.clone());
    let shared = share::publish(node, ready, expect_readers, None).await?;
    let index = &node.shared.ledger.store().index;
    let same = |a: &Asked| a.draft == draft && a.partnership == partnership && a.audience == audience;
    if journal::waiting(index).iter().any(same) {
        let _one_at_a_time = node.desk.0.lock().await;
        let same = journal::waiting(index).into_iter().filter(same);
        let over = same.map(|asked| closed(index, asked, How::Shared(shared.record), caller)).collect();
        // It is shared all the same; who asked can take the wish back.
        let kept = write(node, over).await;
        kept.unwrap_or_else(|error| tracing::warn!(%error, "a release that is over still waits"));
    }
    Ok(Outcome::Shared(shared))
}

/// Keeps the wish to share it. One that waits for just the same is answered with; one that has changed is replaced.
async fn ask(
    node: &Arc<Node>,
    caller: &Caller,
    ready: &Ready,
    wanted: u8,
    expect_readers: Option<usize>,
) -> Result<Asked, Problem> {
    let _one_at_a_time = node.desk.0.lock().await;
    let mut as_if = ready.content.clone();
    as_if_released(&ready.handle, node, &mut as_if);
    let foreseen = share::foresee(ready, as_if).await?;
    let readers = foreseen.key_holders;
    if let Some(expected) = expect_readers.filter(|expected| *expected != readers.len()) {
        let reason = format!("{} organisations could read it, and {expected} were expected", readers.len());
        let next = "Look at `entente record preview`, then share with the right number.";
        return Err(refused(&[("E-EXPECT".into(), reason)], NOT_SHARED, next));
    }
    share::look_into(node, ready).await?;
    let asked = Asked {
        id: ReleaseId(clock::nonce()),
        draft: ready.draft,
        partnership: ready.handle.id,
        content: hash(&ready.content),
        agreement: ready.handle.membership().agreement.hash(),
        audience: ready.audience.clone(),
        readers,
        keep_metadata: ready.keep_metadata,
        wanted,
        by: caller.person,
        when: clock::now(),
    };
    let index = &node.shared.ledger.store().index;
    let waiting = journal::waiting(index);
    let mut frames = Vec::new();
    if let Some(before) =
        waiting.iter().find(|a| a.draft == asked.draft && a.partnership == asked.partnership)
    {
        if is_same(before, &asked) && persons(node, before).contains(&before.by) {
            return Ok(before.clone());
        }
        frames.push(closed(index, before.clone(), How::Replaced, caller));
    } else if waiting.len() >= MAX_WAITING {
        let what = format!("{} records wait for release, and no more than {MAX_WAITING} may", waiting.len());
        let next = "Release or decline some: `entente release list`.";
        return Err(refuse_input(what, NOT_SHARED, next));
    }
    frames.push(DeskFrame::Asked(asked.clone()));
    write(node, frames).await.map_err(|e| problem::ledger(&e, NOT_SHARED))?;
    Ok(asked)
}

/// The same wish, whoever has it and whenever.
fn is_same(before: &Asked, now: &Asked) -> bool {
    *before == Asked { id: before.id, by: before.by, when: before.when, ..now.clone() }
}

/// Releases a record. The last of as many as are wanted shares it.
///
/// # Errors
/// [`Problem`] `E-RELEASE-SELF` from who said so before, `E-RELEASE-CHANGED` where it must be asked for anew, and
/// what a rule refuses. Where sharing itself failed the release is kept, and the same person can try again.
pub async fn approve(node: &Arc<Node>, caller: &Caller, text: &str) -> Result<Outcome, Problem> {
    let _one_at_a_time = node.desk.0.lock().await;
    let asked = find_waiting(node, text)?;
    let index = &node.shared.ledger.store().index;
    let ready = match standing(node, &asked).await {
        Standing::Holds(ready) => *ready,
        Standing::Refused(problem) => return Err(problem),
        Standing::Changed(what) => {
            let reason = format!("{what} since it was asked, so nobody's release of it counts");
            let next = "Ask anew: `entente record share`. Then it waits for new releases.";
            return Err(refused(&[(CHANGED.into(), reason)], NOT_SHARED, next));
        }
    };
    let wanted = usize::from(asked.wanted.max(clause(node, &ready.handle, &ready.content).unwrap_or(0)));
    let before = persons(node, &asked);
    if before.contains(&caller.person) {
        if before.len() < wanted {
            return Err(once(node, &before, caller));
        }
    } else {
        let (release, draft, partnership) = (asked.id, asked.draft, asked.partnership);
        let mark = Mark { release, by: caller.person, when: clock::now(), draft, partnership };
        let kept = write(node, vec![DeskFrame::Marked(mark)]).await;
        kept.map_err(|e| problem::ledger(&e, "It was not released."))?;
    }
    let persons = persons(node, &asked);
    if persons.len() < wanted {
        return Ok(Outcome::Waiting { release: Box::new(waiting_view(node, &asked).await) });
    }
    let mut ready = ready;
    ready.content.handling.released_by = match clause(node, &ready.handle, &ready.content) {
        Some(_) => Some(marks_for_readers(node, &asked, &persons)?),
        None => None,
    };
    let marks = journal::marks(index, &asked.id);
    let released = Box::new(Released { asked, marks, by: caller.person });
    Ok(Outcome::Shared(share::publish(node, ready, None, Some(released)).await?))
}

fn once(node: &Node, persons: &BTreeSet<Person>, caller: &Caller) -> Problem {
    let reason = format!("{} wants it shared already, and everybody counts once", caller.name);
    let others = can_release(node, persons, &caller.person);
    let next = format!("Ask one of: {}.", others.join(", "));
    refused(&[(SELF.into(), reason)], NOT_SHARED, &next)
}

/// The marks that leave the node: readers can tell how many persons there were, and nothing else.
fn marks_for_readers(node: &Node, asked: &Asked, persons: &BTreeSet<Person>) -> Result<Vec<Hash>, Problem> {
    let seed = node.shared.keeper.look(|s| s.partnership(&asked.partnership).map(|p| p.log.key()));
    let seed = seed.ok_or_else(|| failed("the keys of the partnership are not here", NOT_SHARED))?;
    let mark =
        |person: &Person| derive::release_mark(&seed, &asked.partnership, &asked.id.0, &person.bytes());
    let mut marks: Vec<Hash> = persons.iter().map(mark).collect();
    // Sorted, so that their order does not say who asked.
    marks.sort_unstable();
    Ok(marks)
}
