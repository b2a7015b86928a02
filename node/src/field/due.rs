//! What is owed in all partnerships: by us, by partners, by authorities.

use std::collections::BTreeMap;
use std::sync::Arc;

use entente_protocol::due::{self, Due, Member, Sent};
use entente_protocol::ids::{OrgId, RecordId, Timestamp};
use entente_protocol::lifecycle;
use entente_protocol::record::Content;

use crate::api::types::{DueView, Problem};
use crate::clock;
use crate::confide::wanted;
use crate::desk::journal::{self, Asked};
use crate::frames::WantedConsent;
use crate::node::Node;
use crate::partnership::Handle;
use crate::partnership::open::title;
use crate::records::find::{self, org_view};
use crate::records::show;
use crate::rows;

use super::{Known, about, of_kind, statements};

/// The kinds of record that ask for something by a day.
const ASKING: [&str; 4] = ["information-request", "recommendation", "visit", "motion"];
/// Milliseconds after which a wish to share is overdue to be released or declined: a week.
const RELEASE_WITHIN: u64 = 7 * 24 * 60 * 60 * 1000;
/// Those that ask their readers for it.
const ASKING_READERS: [&str; 2] = ["information-request", "motion"];
/// Things that are listed; more than anybody can do.
const MAX_DUE: usize = 2_000;

/// What is owed, the earliest first.
///
/// # Errors
/// [`Problem`] where the partnership is not known.
pub fn list(node: &Arc<Node>, partnership: Option<&str>) -> Result<Vec<DueView>, Problem> {
    let handles = match partnership {
        Some(text) => vec![find::partnership(node, text)?],
        None => node.handles(),
    };
    let mut all: Vec<DueView> = handles.iter().flat_map(|handle| of_partnership(node, handle)).collect();
    all.extend(consents(node, &handles));
    all.extend(to_release(node, &handles));
    all.sort_by(|a, b| (a.due, &a.title).cmp(&(b.due, &b.title)));
    all.truncate(MAX_DUE);
    Ok(all)
}

/// Consents that somebody must be asked for, so that a draft can be shared (C7).
fn consents(node: &Arc<Node>, handles: &[Handle]) -> Vec<DueView> {
    let view = |(wanted, content): (WantedConsent, Content)| {
        let handle = handles.iter().find(|handle| handle.id == wanted.partnership)?;
        Some(DueView {
            what: "consent".into(),
            title: title(&content.fields),
            record: Some(wanted.draft),
            by: None,
            ours: true,
            partnership: handle.id,
            partnership_name: handle.membership().name.clone(),
            due: wanted.when,
            overdue: false,
        })
    };
    wanted::open(node).into_iter().filter_map(view).collect()
}

fn of_partnership(node: &Node, handle: &Handle) -> Vec<DueView> {
    let membership = handle.membership();
    if !membership.members.contains_key(&node.me.org()) || membership.terminated.is_some() {
        return Vec::new();
    }
    let (agreement, now) = (membership.agreement.clone(), clock::now());
    let member = |(org, m): (&OrgId, &entente_protocol::membership::Member)| Member {
        org: *org,
        role: m.role.clone(),
        since: m.since,
    };
    let members: Vec<Member> = membership.members.iter().map(member).collect();
    let vocabularies = super::vocabularies(node, Some(handle.id));
    let mut owed: Vec<Due> = Vec::new();
    for kind in ASKING {
        let asking: Vec<Known> = of_kind(node, kind, Some(handle.id)).collect();
        let by_id: BTreeMap<RecordId, &Known> = asking.iter().map(|known| (known.row.id, known)).collect();
        for statement in lifecycle::current(statements(&asking)) {
            let Some(known) = by_id.get(&statement.id) else { continue };
            let answers = about(node, &known.row.id);
            // To say who reads a record, it must be opened again.
            let readers = if ASKING_READERS.contains(&kind) { readers(node, known) } else { Vec::new() };
            let sent = Sent { statement, readers: &readers, title: &known.row.title };
            owed.extend(due::of_record(
                sent,
                &statements(&answers),
                (&agreement, &members),
                &vocabularies,
                now,
            ));
        }
    }
    owed.extend(regular(node, handle, &members, &agreement));
    owed.into_iter().map(|due| view(node, handle, due)).collect()
}

/// What waits here until colleagues release it: after a week it is overdue.
fn to_release(node: &Node, handles: &[Handle]) -> Vec<DueView> {
    let index = &node.shared.ledger.store().index;
    let view = |asked: Asked| {
        let handle = handles.iter().find(|handle| handle.id == asked.partnership)?;
        let row = rows::record(index, &asked.draft).ok().flatten().map(|(_, row)| row);
        let due = Timestamp(asked.when.0.saturating_add(RELEASE_WITHIN));
        Some(DueView {
            what: "release".into(),
            title: row.map_or_else(|| asked.draft.short(), |row| row.title),
            record: Some(asked.draft),
            by: Some(crate::me::view(node.me.introduced.organisation())),
            ours: true,
            partnership: handle.id,
            partnership_name: handle.membership().name.clone(),
            due,
            overdue: due < clock::now(),
        })
    };
    journal::waiting(index).into_iter().filter_map(view).collect()
}

/// Regular exchanges; of each kind only author and date matter.
fn regular(
    node: &Node,
    handle: &Handle,
    members: &[Member],
    agreement: &entente_protocol::agreement::Agreement,
) -> Vec<Due> {
    let kinds: std::collections::BTreeSet<&str> =
        agreement.exchanges().iter().flat_map(|e| e.kinds()).map(|kind| kind.as_str()).collect();
    let index = &node.shared.ledger.store().index;
    let mut sent = Vec::new();
    for kind in kinds {
        let here = rows::of_kind(index, kind)
            .filter(|(_, row)| row.place.is_some_and(|p| p.partnership == handle.id));
        sent.extend(here.map(|(_, row)| (row.author, kind, row.created)));
    }
    // What others exchange without us cannot be seen to be late here.
    let ours = members.iter().find(|m| m.org == node.me.org());
    let reaches_us = |due: &Due| {
        let by = members.iter().find(|m| Some(m.org) == due.by);
        let clause = agreement.exchanges().iter().find(|e| e.what() == due.title);
        ours.zip(by).zip(clause).is_some_and(|((ours, by), clause)| {
            let covers = |kind| agreement.flows().iter().any(|flow| flow.covers(&by.role, kind, &ours.role));
            by.org == ours.org || clause.kinds().iter().any(covers)
        })
    };
    let mut all = due::of_agreement(agreement, members, sent.into_iter(), clock::now());
    all.retain(reaches_us);
    all
}

/// The other organisations that read a record.
fn readers(node: &Node, known: &Known) -> Vec<OrgId> {
    let Some(place) = known.row.place else { return Vec::new() };
    let index = &node.shared.ledger.store().index;
    let Ok(Some((position, _))) = rows::record(index, &known.row.id) else { return Vec::new() };
    let Some((handle, shown)) = show::shown(node, position, &place) else { return Vec::new() };
    let all = show::readers(node, &handle, &shown).into_iter().map(|org| org.id);
    all.filter(|org| *org != known.row.author).collect()
}

fn view(node: &Node, handle: &Handle, due: Due) -> DueView {
    let asked = due.record.and_then(|id| super::by_id(node, &id));
    // What an authority owes is for the author of the recommendation to follow up.
    let ours = match due.by {
        Some(org) => org == node.me.org(),
        None => asked.is_some_and(|known| known.row.author == node.me.org()),
    };
    DueView {
        what: due.what.as_str().into(),
        title: due.title,
        record: due.record,
        by: due.by.map(|org| org_view(node, Some(handle), &org)),
        ours,
        partnership: handle.id,
        partnership_name: handle.membership().name.clone(),
        due: due.due,
        overdue: due.overdue,
    }
}
