//! Releases that end without sharing: somebody says no, or takes the wish back.

use std::sync::Arc;

use crate::api::problem::{self, failed, not_found, refuse_input, refused};
use crate::api::types::Problem;
use crate::clock;
use crate::node::Node;
use crate::records::find;

use super::accounts::{name_of, write};
use super::journal::{self, Asked, Closed, DeskFrame, How};
use super::telling::ended_view;
use super::view::ReleaseView;
use super::{Caller, StaffRole};

/// Releases that are over and can be listed.
pub(super) const MAX_ENDED: usize = 500;
/// Characters of a reason.
const MAX_REASON: usize = 1_000;

const NOTHING: &str = "Nothing was changed.";

/// Says no: the record stays a draft.
///
/// # Errors
/// [`Problem`]; then it waits as before.
pub async fn decline(
    node: &Arc<Node>,
    caller: &Caller,
    text: &str,
    reason: &str,
) -> Result<ReleaseView, Problem> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON {
        let next = "Say in a few words why: `--reason 'the place is named in paragraph 3'`.";
        return Err(refuse_input("a reason has 1 to 1,000 letters", NOTHING, next));
    }
    close(node, caller, text, How::Declined(reason.to_owned())).await
}

/// Takes it back: by who asked, or by a keeper.
///
/// # Errors
/// [`Problem`]; then it waits as before.
pub async fn withdraw(node: &Arc<Node>, caller: &Caller, text: &str) -> Result<ReleaseView, Problem> {
    close(node, caller, text, How::Withdrawn).await
}

async fn close(node: &Arc<Node>, caller: &Caller, text: &str, how: How) -> Result<ReleaseView, Problem> {
    let _one_at_a_time = node.desk.0.lock().await;
    let asked = find_waiting(node, text)?;
    let index = &node.shared.ledger.store().index;
    if how == How::Withdrawn && asked.by != caller.person && caller.role < StaffRole::Keeper {
        let by = name_of(index, &asked.by);
        let reason = format!("{by} asked for it, and only who asked or a keeper takes it back");
        let next = "Decline it, as a releaser: `entente release decline`.";
        return Err(refused(&[("E-ROLE".into(), reason)], NOTHING, next));
    }
    let id = asked.id;
    write(node, vec![closed(index, asked, how, caller)]).await.map_err(|e| problem::ledger(&e, NOTHING))?;
    let ended = journal::ended(index, MAX_ENDED).into_iter().find(|closed| closed.asked.id == id);
    ended.map(|closed| ended_view(node, &closed)).ok_or_else(|| failed("it is gone", NOTHING))
}

pub(super) fn closed(index: &crate::store::Index, asked: Asked, how: How, caller: &Caller) -> DeskFrame {
    let marks = journal::marks(index, &asked.id);
    DeskFrame::Closed(Closed { asked, marks, how, by: caller.person, when: clock::now() })
}

pub(super) fn find_waiting(node: &Node, text: &str) -> Result<Asked, Problem> {
    let index = &node.shared.ledger.store().index;
    let all = journal::waiting(index).into_iter().map(|a| ((a.id.to_string(), a.draft.to_string()), a));
    find::choose(text, all, "release")?.ok_or_else(|| {
        let ended = journal::ended(index, MAX_ENDED);
        let over = ended.iter().any(|c| text.len() >= 4 && c.asked.id.to_string().starts_with(text));
        let what = match over {
            true => format!("the release `{text}` is over already"),
            false => format!("no release `{text}` waits on this node"),
        };
        not_found(what, NOTHING, "See `entente release list --all`.")
    })
}
