//! Lists and search. What a person calls something is resolved here too.

use std::sync::Arc;

use entente_protocol::handling::{Language, Sensitivity};
use entente_protocol::identity::OrgKind;
use entente_protocol::ids::{OrgId, PartnershipId, RecordId};

use crate::api::problem::{self, not_found, refuse_input};
use crate::api::types::{OrgView, Problem, RecordPage, RecordQuery, RecordSummary};
use crate::me;
use crate::node::Node;
use crate::partnership::Handle;
use crate::rows::{self, RecordRow, Table};
use crate::store::{Position, Span};

use super::search;

/// Records on a page unless asked otherwise, and at most.
const PAGE: (usize, usize) = (50, 1_000);

/// The partnership that a person means.
///
/// # Errors
/// [`Problem`] `not-found`, or `usage` if several could be meant.
pub fn partnership(node: &Node, text: &str) -> Result<Handle, Problem> {
    let handles = node.handles();
    let named = |h: &Handle| (h.id.to_string(), h.membership().name.clone());
    let found = choose(text, handles.into_iter().map(|h| (named(&h), h)), "partnership")?;
    found.ok_or_else(|| {
        not_found(
            format!("no partnership `{text}` on this node"),
            "Nothing was done.",
            "See `entente partnership list`.",
        )
    })
}

/// The organisation that a person means, among those that were ever members.
///
/// # Errors
/// [`Problem`] `not-found`, or `usage` if several could be meant.
pub fn organisation(handle: &Handle, text: &str) -> Result<OrgId, Problem> {
    let membership = handle.membership();
    let members = membership.members.values().map(|m| (m.organisation.id, m.organisation.name.clone()));
    let waiting = membership.pending.iter().map(|p| (p.organisation.id, p.organisation.name.clone()));
    let former = membership.former.iter().map(|(id, f)| (*id, f.name.clone()));
    let mut all: Vec<(OrgId, String)> = members.chain(waiting).chain(former).collect();
    all.sort_unstable();
    all.dedup_by_key(|(id, _)| *id);
    let found = choose(text, all.into_iter().map(|(id, name)| ((id.to_string(), name), id)), "organisation")?;
    found.ok_or_else(|| {
        not_found(
            format!("no organisation `{text}` in the partnership {}", membership.name),
            "Nothing was done.",
            "See `entente member list`; a name must be written in full, or an id begun.",
        )
    })
}

/// By id, by full name (folded for case), or by an unambiguous beginning of the id of at least 4 letters.
pub(crate) fn choose<T>(
    text: &str,
    all: impl Iterator<Item = ((String, String), T)>,
    what: &str,
) -> Result<Option<T>, Problem> {
    let folded = text.trim().to_lowercase();
    let mut exact = Vec::new();
    let mut begun = Vec::new();
    for ((id, name), value) in all {
        if id == folded || name.to_lowercase() == folded {
            exact.push(value);
        } else if folded.len() >= rows::BEGINNING && id.starts_with(&folded) {
            begun.push(value);
        }
    }
    let mut found = if exact.is_empty() { begun } else { exact };
    if found.len() > 1 {
        return Err(refuse_input(
            format!("`{text}` could mean {} of them", found.len()),
            "Nothing was done.",
            &format!("Write more of the {what}'s id."),
        ));
    }
    Ok(found.pop())
}

/// The record that a person means.
///
/// # Errors
/// [`Problem`] `not-found`, or `usage` if several could be meant.
pub fn record(node: &Node, text: &str) -> Result<(Position, RecordRow), Problem> {
    let index = &node.shared.ledger.store().index;
    let folded = text.trim().to_lowercase();
    let found = match folded.parse::<RecordId>() {
        Ok(id) => rows::record(index, &id).map_err(|e| problem::index(&e))?,
        Err(_) => {
            let begun = rows::records_that_begin(index, &folded);
            choose(&folded, begun.map(|(p, row)| ((row.id.to_string(), String::new()), (p, row))), "record")?
        }
    };
    found.ok_or_else(|| {
        not_found(
            format!("no record `{text}` can be read here"),
            "Nothing was done.",
            "See `entente record list`.",
        )
    })
}

/// Records from the newest, older than a position; drafts that were shared are left out.
pub(super) fn newest(
    node: &Node,
    before: Option<Position>,
) -> impl Iterator<Item = (Position, RecordRow)> + '_ {
    let index = &node.shared.ledger.store().index;
    let end = before.map_or([0xff; 12], Position::to_bytes);
    index
        .range(Table::Order as u8, Span::Between(&[], &end), true, usize::MAX)
        .filter_map(Result::ok)
        .filter_map(|(key, value)| Some((rows::position(&key)?, rows::decode::<RecordRow>(&value)?)))
        .filter(|(_, row)| row.place.is_some() || rows::shared(index, &row.id).is_empty())
}

/// How many records and how many unshared drafts there are.
#[must_use]
pub fn counts(node: &Node) -> (u64, u64) {
    // Each draft has a row in the order, and one that was shared is counted in `Shared`.
    let index = &node.shared.ledger.store().index;
    let [ids, drafts] = [Table::Order, Table::Draft].map(|table| rows::count(index, table));
    let shared = rows::drafts_shared(index);
    (ids.saturating_sub(drafts), drafts.saturating_sub(shared))
}

/// A page of records that fit, newest first.
///
/// # Errors
/// [`Problem`] where the query makes no sense.
pub fn page(node: &Arc<Node>, query: &RecordQuery) -> Result<RecordPage, Problem> {
    if query.text.is_some() || query.place.is_some() {
        return search::page(node, query);
    }
    let filter = Filter::new(node, query)?;
    let after = query.after.as_deref().map(parse_after).transpose()?;
    let (mut records, mut last, mut more) = (Vec::new(), None, false);
    for (position, row) in newest(node, after).filter(|(_, row)| filter.fits(row)) {
        if records.len() == limit(query) {
            more = true;
            break;
        }
        records.push(summary(node, &row));
        last = Some(position);
    }
    Ok(RecordPage { records, next: last.filter(|_| more).map(page_end), searched: None })
}

/// How many records a page has.
pub(super) fn limit(query: &RecordQuery) -> usize {
    query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1)
}

/// Where a page ends that has this record at its end.
pub(super) fn page_end(last: Position) -> String {
    data_encoding::HEXLOWER.encode(&last.to_bytes())
}

pub(super) fn parse_after(text: &str) -> Result<Position, Problem> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
    bytes.and_then(|b| rows::position(&b)).ok_or_else(|| {
        refuse_input(
            format!("`{text}` is not where a page ended"),
            "Nothing was listed.",
            "Pass on `next` of the page before, unchanged.",
        )
    })
}

/// What a list is narrowed to, resolved.
pub(super) struct Filter {
    pub(super) partnership: Option<PartnershipId>,
    pub(super) kind: Option<String>,
    pub(super) from: Option<Vec<OrgId>>,
    pub(super) language: Option<Language>,
    pub(super) sensitivity: Option<Sensitivity>,
    pub(super) since: u64,
    pub(super) until: Option<u64>,
}

impl Filter {
    pub(super) fn new(node: &Node, query: &RecordQuery) -> Result<Filter, Problem> {
        let partnership = query.partnership.as_deref().map(|p| partnership(node, p)).transpose()?;
        let from = match &query.from {
            None => None,
            Some(text) => Some(authors(node, partnership.as_ref(), text)?),
        };
        Ok(Filter {
            partnership: partnership.map(|h| h.id),
            kind: query.kind.clone(),
            from,
            language: query.language.clone(),
            sensitivity: query.sensitivity,
            since: query.since.unwrap_or(0),
            until: query.until,
        })
    }

    fn fits(&self, row: &RecordRow) -> bool {
        let language = |wanted: &Language| search::is_in_language(row.language.as_str(), wanted.as_str());
        self.partnership.is_none_or(|p| row.place.is_some_and(|place| place.partnership == p))
            && self.kind.as_ref().is_none_or(|k| row.kind.as_str() == k)
            && self.from.as_ref().is_none_or(|from| from.contains(&row.author))
            && self.language.as_ref().is_none_or(language)
            && self.sensitivity.is_none_or(|s| row.sensitivity == s)
            && row.arrived.0 >= self.since
            && self.until.is_none_or(|until| row.arrived.0 < until)
    }
}

fn authors(node: &Node, within: Option<&Handle>, text: &str) -> Result<Vec<OrgId>, Problem> {
    let own = &node.me.introduced.organisation().name;
    if own.to_lowercase() == text.trim().to_lowercase() {
        return Ok(vec![node.me.org()]);
    }
    if let Some(handle) = within {
        return Ok(vec![organisation(handle, text)?]);
    }
    let found: Vec<OrgId> = node.handles().iter().filter_map(|h| organisation(h, text).ok()).collect();
    if found.is_empty() {
        return Err(not_found(
            format!("no organisation `{text}` in any partnership of this node"),
            "Nothing was listed.",
            "See `entente member list`.",
        ));
    }
    Ok(found)
}

/// A record for a list.
#[must_use]
pub fn summary(node: &Node, row: &RecordRow) -> RecordSummary {
    let handle = row.place.and_then(|p| node.handle(&p.partnership));
    RecordSummary {
        id: row.id,
        kind: row.kind.clone(),
        author: org_view(node, handle.as_ref(), &row.author),
        partnership: row.place.map(|p| p.partnership),
        partnership_name: handle.map(|h| h.membership().name.clone()),
        created: row.created,
        arrived: row.arrived,
        language: row.language.clone(),
        sensitivity: row.sensitivity,
        title: row.title.clone(),
        attachments: row.blobs.len(),
    }
}

/// An organisation for a screen, present or former.
#[must_use]
pub fn org_view(node: &Node, handle: Option<&Handle>, org: &OrgId) -> OrgView {
    if *org == node.me.org() {
        return me::view(node.me.introduced.organisation());
    }
    let membership = handle.map(Handle::membership);
    let unknown = OrgView { id: *org, name: org.short(), kind: OrgKind::Other, country: "ZZ".into() };
    let Some(membership) = membership else { return unknown };
    if let Some(member) = membership.members.get(org) {
        return me::view(&member.organisation);
    }
    let former = membership.former.get(org);
    match former.and_then(|f| f.nodes.values().next()) {
        Some(of) => me::view(of.introduced.organisation()),
        None => unknown,
    }
}
