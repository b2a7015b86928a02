//! Taking records back and correcting them; who confirmed that it has erased one; asking to pass one on.

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::ids::{OrgId, RecordId};
use entente_protocol::notice::{Answer, Cause, Said};

use crate::api::problem::{self, not_found, refused};
use crate::api::types::{
    AnswerRequest, DraftInput, Problem, ReceiptView, Receipts, RecordCreated, VersionChange, VersionView,
    WordsRequest,
};
use crate::confide::sources;
use crate::frames::Erased;
use crate::node::Node;
use crate::partnership::notices::{self, NOT_AUTHOR};
use crate::partnership::{Command, Handle};
use crate::rows::{self, NoticeRow, RecordPlace, RecordRow, Table};

use super::find::{self, org_view};
use super::{drafts, show};

const NOT_WITHDRAWN: &str = "The record was not withdrawn.";
const NOT_SAID: &str = "Nobody was told anything.";

/// A record that was shared, in its partnership.
fn shared(node: &Node, text: &str, nothing: &str) -> Result<(RecordRow, RecordPlace, Handle), Problem> {
    let (_, row) = find::record(node, text)?;
    let next = "See `entente record list`.";
    let place = row.place.ok_or_else(|| not_found("that is a draft: nobody else has it", nothing, next))?;
    let handle = node.handle(&place.partnership);
    let handle =
        handle.ok_or_else(|| not_found("its partnership is not on this node any more", nothing, next))?;
    Ok((row, place, handle))
}

fn only_its_author(node: &Node, row: &RecordRow, nothing: &str) -> Result<(), Problem> {
    if row.author == node.me.org() {
        return Ok(());
    }
    let reason = "only the organisation that wrote a record may do this to it".to_owned();
    let next = "Answer it with a record of your own, or ask its author: `entente record ask ID`.";
    Err(refused(&[(NOT_AUTHOR.into(), reason)], nothing, next))
}

async fn say(handle: &Handle, place: &RecordPlace, said: Said, nothing: &str) -> Result<(), Problem> {
    let space = place.space;
    handle
        .ask(|reply| Command::Say(space, said, reply))
        .await
        .map(|_| ())
        .map_err(|e| problem::command(&e, nothing))
}

/// Takes a record back: it is erased here, and whoever has it is asked to erase it.
///
/// # Errors
/// [`Problem`], `E-NOT-AUTHOR` among them.
pub async fn withdraw(node: &Arc<Node>, text: &str, request: WordsRequest) -> Result<Receipts, Problem> {
    let (row, place, handle) = shared(node, text, NOT_WITHDRAWN)?;
    only_its_author(node, &row, NOT_WITHDRAWN)?;
    sources::in_words(node, &request.words, NOT_WITHDRAWN)?;
    say(&handle, &place, Said::Withdrawn(row.id, request.words), NOT_WITHDRAWN).await?;
    receipts(node, &row.id.to_string())
}

/// Who has confirmed that it erased a record.
///
/// # Errors
/// [`Problem`] `not-found` where nothing was erased or withdrawn.
pub fn receipts(node: &Arc<Node>, text: &str) -> Result<Receipts, Problem> {
    let store = node.shared.ledger.store();
    let erased = erased(node, text)?;
    let place = erased.place.ok_or_else(show::gone)?;
    let handle = node.handle(&place.partnership).ok_or_else(show::gone)?;
    let cause = match erased.cause {
        Cause::Withdrawn => "withdrawn",
        Cause::Expired => "expired",
    };
    let mut receipts = asked(node, &handle, erased.record, &place, cause);
    receipts.erased_here = Some(erased.when);
    let reason = notices::about(store, &erased.record).into_iter().find_map(|row| match row.notice.said() {
        Said::Withdrawn(_, reason) if row.org == erased.author => Some(reason.clone()),
        _ => None,
    });
    receipts.reason = reason.unwrap_or_default();
    Ok(receipts)
}

/// The erased record that a person means.
fn erased(node: &Node, text: &str) -> Result<Erased, Problem> {
    let index = &node.shared.ledger.store().index;
    let all =
        rows::prefix(index, Table::Erased as u8, &[]).filter_map(|(_, row)| rows::decode::<Erased>(&row));
    let named = all.map(|erased| ((erased.record.to_string(), String::new()), erased));
    find::choose(text, named, "record")?.ok_or_else(|| {
        not_found(
            format!("no record `{text}` was withdrawn or has expired here"),
            "Nothing was listed.",
            "`entente record withdraw ID` takes one back.",
        )
    })
}

fn asked(node: &Node, handle: &Handle, record: RecordId, place: &RecordPlace, cause: &str) -> Receipts {
    let store = node.shared.ledger.store();
    let said = notices::about(store, &record);
    let confirmed = |org: &OrgId| {
        said.iter().find(|row| row.org == *org && matches!(row.notice.said(), Said::Erased(..)))
    };
    let membership = handle.membership();
    let view = |org: &OrgId| ReceiptView {
        organisation: org_view(node, Some(handle), org),
        confirmed: confirmed(org).map(|row| row.arrived),
        reachable: membership.members.contains_key(org),
    };
    let readers = readers(node, handle, place);
    let readers = readers.iter().filter(|org| **org != node.me.org()).map(view).collect();
    Receipts { record, cause: cause.into(), reason: String::new(), erased_here: None, readers }
}

/// The organisations that a space is for: a circle's, or all that are members or ever were.
fn readers(node: &Node, handle: &Handle, place: &RecordPlace) -> BTreeSet<OrgId> {
    let index = &node.shared.ledger.store().index;
    let key = rows::log_key(index, &place.partnership, &place.space, &place.log);
    let row: Option<rows::LogRow> =
        index.get(Table::Log as u8, &key).ok().flatten().and_then(|b| rows::decode(&b));
    match row.and_then(|row| row.circle) {
        Some(circle) => circle.orgs.into_iter().collect(),
        None => {
            let membership = handle.membership();
            membership.members.keys().chain(membership.former.keys()).copied().collect()
        }
    }
}

/// Asks a record's author whether it may be passed on.
///
/// # Errors
/// [`Problem`].
pub async fn ask(node: &Arc<Node>, text: &str, request: WordsRequest) -> Result<(), Problem> {
    let (row, place, handle) = shared(node, text, NOT_SAID)?;
    sources::in_words(node, &request.words, NOT_SAID)?;
    say(&handle, &place, Said::Asked(row.id, request.words), NOT_SAID).await
}

/// Answers who asked to pass a record of ours on.
///
/// # Errors
/// [`Problem`], `E-NOT-AUTHOR` among them.
pub async fn answer(node: &Arc<Node>, text: &str, request: AnswerRequest) -> Result<(), Problem> {
    let (row, place, handle) = shared(node, text, NOT_SAID)?;
    only_its_author(node, &row, NOT_SAID)?;
    let to = find::organisation(&handle, &request.organisation)?;
    sources::in_words(node, &request.words, NOT_SAID)?;
    let answer = Answer { record: row.id, to, yes: request.yes, words: request.words };
    say(&handle, &place, Said::Answered(answer), NOT_SAID).await
}

/// Tells all partners that a consent, which records of ours refer to, holds no longer. Answers how many spaces heard.
///
/// # Errors
/// [`Problem`] `not-found` where no record of ours names it.
pub async fn end_consent(node: &Arc<Node>, reference: &str) -> Result<usize, Problem> {
    let mut spaces = BTreeSet::new();
    for (position, row) in find::newest(node, None).filter(|(_, row)| row.author == node.me.org()) {
        let Some(place) = row.place else { continue };
        let Some((_, shown)) = show::shown(node, position, &place) else { continue };
        if shown.record.manifest().handling.consent.as_deref() == Some(reference) {
            spaces.insert((place.partnership, place.space));
        }
    }
    for (partnership, space) in &spaces {
        let Some(handle) = node.handle(partnership) else { continue };
        let (space, said) = (*space, Said::ConsentEnded(reference.to_owned()));
        let told = handle.ask(|reply| Command::Say(space, said, reply)).await;
        told.map_err(|e| problem::command(&e, "Not all readers were told."))?;
    }
    if spaces.is_empty() {
        let what = format!("no record that this organisation shared refers to the consent `{reference}`");
        return Err(not_found(what, NOT_SAID, "The reference is `handling.consent` of the records."));
    }
    Ok(spaces.len())
}

/// Keeps a draft that corrects a record of ours, to be shared like any other.
///
/// # Errors
/// [`Problem`], `E-NOT-AUTHOR` among them.
pub async fn correct(node: &Arc<Node>, text: &str, input: DraftInput) -> Result<RecordCreated, Problem> {
    let nothing = "No draft was made.";
    let (row, ..) = shared(node, text, nothing)?;
    only_its_author(node, &row, nothing)?;
    let input = DraftInput { supersedes: Some(row.id), ..input };
    drafts::keep(node, vec![input]).await?.pop().ok_or_else(|| problem::failed("no draft was made", nothing))
}

/// All versions of a record that are here, oldest first, with what each changed.
///
/// # Errors
/// [`Problem`] `not-found`.
pub fn versions(node: &Arc<Node>, text: &str) -> Result<Vec<VersionView>, Problem> {
    let (position, row) = find::record(node, text)?;
    let all: Vec<_> = find::newest(node, None)
        .filter(|(_, other)| other.author == row.author && other.place.is_some() == row.place.is_some())
        .collect();
    let mut chain = vec![(position, row)];
    while let Some(older) = chain.first().and_then(|(_, row)| row.supersedes)
        && let Some(found) = all.iter().find(|(_, row)| row.id == older)
        && chain.len() < MAX_VERSIONS
    {
        chain.insert(0, found.clone());
    }
    while let Some(last) = chain.last().map(|(_, row)| row.id)
        && let Some(found) = all.iter().find(|(_, row)| row.supersedes == Some(last))
        && chain.len() < MAX_VERSIONS
    {
        chain.push(found.clone());
    }
    let mut before: Option<Vec<(String, serde_json::Value)>> = None;
    let mut versions = Vec::new();
    for (position, row) in &chain {
        let fields = show::fields(node, *position, row).unwrap_or_default();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
        let changes = before.as_ref().map(|before| changes(before, &fields)).unwrap_or_default();
        versions.push(VersionView { summary: find::summary(node, row), supersedes: row.supersedes, changes });
        before = Some(fields);
    }
    Ok(versions)
}

/// Versions of one record that are shown.
const MAX_VERSIONS: usize = 100;

fn changes(
    before: &[(String, serde_json::Value)],
    now: &[(String, serde_json::Value)],
) -> Vec<VersionChange> {
    let of = |fields: &[(String, serde_json::Value)], name: &str| {
        fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
    };
    let names: BTreeSet<&str> = before.iter().chain(now).map(|(name, _)| name.as_str()).collect();
    let change =
        |name: &str| VersionChange { field: name.into(), before: of(before, name), now: of(now, name) };
    names.into_iter().map(change).filter(|change| change.before != change.now).collect()
}

/// What was said about a record, for people: requests and answers (C6).
#[must_use]
pub fn said_about(node: &Node, handle: &Handle, record: &RecordId) -> Vec<String> {
    let words = |row: NoticeRow| {
        let who = org_view(node, Some(handle), &row.org).name;
        match row.notice.said() {
            Said::Asked(_, words) => Some(format!("{who} asks to pass it on: {words}")),
            Said::Answered(answer) => {
                let to = org_view(node, Some(handle), &answer.to).name;
                let may = if answer.yes { "may" } else { "may not" };
                Some(format!("{who} answers that {to} {may} pass it on. {}", answer.words))
            }
            _ => None,
        }
    };
    notices::about(node.shared.ledger.store(), record).into_iter().filter_map(words).collect()
}
