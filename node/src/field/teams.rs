//! The declared team of a visit at the author's: who is put into the plan, and to whom its notes may go (rule C4).

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::audience::Audience;
use entente_protocol::ids::{OrgId, RecordId};
use entente_protocol::policy::{Refusal, RefusalCode};
use entente_protocol::record::Content;
use entente_protocol::team::{self, Plan};
use entente_protocol::value::Value;

use crate::node::Node;
use crate::partnership::{Handle, teams};
use crate::records::{find, show};
use crate::rows::{self, Batch};

/// Puts into a plan that is about to be shared which organisations are on its team: those that keep the roster's
/// entries it names, and those that a person wrote there by name. Answers what stands in the way.
#[must_use]
pub fn fill(node: &Arc<Node>, handle: &Handle, content: &mut Content) -> Vec<Refusal> {
    if content.kind.as_str() != team::PLAN {
        return Vec::new();
    }
    let (mut orgs, mut refusals) = (BTreeSet::new(), Vec::new());
    let membership = handle.membership();
    for text in texts(content, team::FIELD) {
        match find::organisation(handle, &text) {
            Ok(org) if membership.members.contains_key(&org) => orgs.extend([org]),
            _ => refusals.push(Refusal {
                code: RefusalCode::Fields,
                reason: format!(
                    "the field `{}` names `{text}`, which is no member of this partnership. Write a member's name in \
                     full, or its id",
                    team::FIELD
                ),
            }),
        }
    }
    for id in team::named(&content.fields, "team") {
        // An entry from another partnership can be of somebody that partners here have not heard of.
        let keeper = super::by_id(node, &id).map(|entry| entry.row.author);
        orgs.extend(keeper.filter(|org| membership.members.contains_key(org)));
    }
    let declares = !orgs.is_empty() || !team::named(&content.fields, "team").is_empty();
    if refusals.is_empty() && declares {
        orgs.insert(node.me.org());
        let value = Value::List(orgs.iter().map(|org| Value::Text(org.to_string())).collect());
        content.fields.retain(|(name, _)| name != team::FIELD);
        content.fields.push((team::FIELD.to_owned(), value));
    }
    refusals
}

fn texts(content: &Content, field: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (_, value) in content.fields.iter().filter(|(name, _)| name == field) {
        value.each_text(&mut |text| all.push(text.trim().to_owned()));
    }
    all.retain(|text| !text.is_empty());
    all
}

/// What the declared team says of sharing a record with these readers: nothing for kinds that ask for none.
enum Asked {
    /// The plan is shared with its own team.
    Plan(Plan),
    /// Notes are shared with the team of their visit.
    Notes(Plan, Option<RecordId>),
}

fn asked(node: &Arc<Node>, handle: &Handle, content: &Content) -> Option<Asked> {
    if let Some(own) = team::declared(&content.kind, node.me.org(), &content.fields) {
        return Some(Asked::Plan(Plan::Of(own)));
    }
    let visit = team::visit_of(&content.kind, &content.fields, content.replies_to)?;
    let plan = teams::plan(&Batch::default(), node.shared.ledger.store(), &handle.id, visit);
    Some(Asked::Notes(plan, visit))
}

/// What the declared team refuses: readers outside it, and readers that could not see that they are on it.
#[must_use]
pub fn of_sharing(node: &Arc<Node>, handle: &Handle, content: &Content, audience: &Audience) -> Vec<Refusal> {
    // What is for everyone is refused for being confidential.
    let readers = teams::readers(node.me.org(), audience);
    let name = |org: &OrgId| find::org_view(node, Some(handle), org).name;
    let Some(asked) = asked(node, handle, content).filter(|_| !readers.is_empty()) else { return Vec::new() };
    let (plan, visit) = match &asked {
        Asked::Plan(plan) => (plan, None),
        Asked::Notes(plan, visit) => (plan, *visit),
    };
    if let Err(refusal) = team::permit(plan, &readers, name) {
        return vec![refusal];
    }
    let Some(visit) = visit else { return Vec::new() };
    let without: Vec<String> = without_plan(node, &visit, &readers).iter().map(name).collect();
    if without.is_empty() {
        return Vec::new();
    }
    let reason = format!(
        "who cannot read the plan of the visit cannot see that it is on the team, and its node shows none of the notes: \
         {}. Have the NPM share the plan with them first, or leave them out",
        without.join(", ")
    );
    vec![Refusal { code: RefusalCode::NotOnTeam, reason }]
}

/// The readers that were not sent the plan.
fn without_plan(node: &Arc<Node>, visit: &RecordId, readers: &BTreeSet<OrgId>) -> Vec<OrgId> {
    let found = rows::record(&node.shared.ledger.store().index, visit).ok().flatten();
    let shown = found.and_then(|(position, row)| show::shown(node, position, &row.place?));
    let Some((_, shown)) = shown else { return readers.iter().copied().collect() };
    let facts = shown.permitted.facts();
    match facts.audience.circle(&facts.author) {
        None => Vec::new(),
        Some(circle) => readers.iter().filter(|org| !circle.contains(org)).copied().collect(),
    }
}

/// What the preview says about the team, where nothing is refused.
#[must_use]
pub fn because(node: &Arc<Node>, handle: &Handle, content: &Content) -> Option<String> {
    let plan = match asked(node, handle, content)? {
        Asked::Plan(plan) | Asked::Notes(plan, _) => plan,
    };
    match plan {
        Plan::Of(team) => {
            let mut names: Vec<String> =
                team.iter().map(|org| find::org_view(node, Some(handle), org).name).collect();
            names.sort();
            Some(format!("All readers are on the declared team of the visit: {} (C4).", names.join(", ")))
        }
        Plan::WithoutTeam => Some(
            "The plan of the visit declares no team, so the notes go to the readers named one by one (C4)."
                .into(),
        ),
        Plan::Unnamed | Plan::Unread(_) => None,
    }
}
