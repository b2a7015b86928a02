//! Activities and advisory bodies: partnerships whose agreement has that form (forms 4 and 5).

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::agreement::Form;
use entente_protocol::ids::{OrgId, PartnershipId, RecordId, Timestamp};
use entente_protocol::lifecycle::motion::{self, Progress};
use entente_protocol::lifecycle::{self, Statement};
use entente_protocol::moment::Moment;

use crate::api::problem::not_found;
use crate::api::types::{AdviceView, MotionView, PositionView, Problem, RefView, SpaceMember, SpaceView};
use crate::clock;
use crate::node::Node;
use crate::partnership::Handle;
use crate::records::find::{self, org_view};

use super::{Known, about, of_kind, ref_view, statements};

/// The kinds that belong to an advisory body.
const OF_ADVICE: [&str; 5] = ["meeting", "opinion", "response", "material", "annual-report"];
/// The kinds that belong to a joint activity.
const OF_ACTIVITY: [&str; 7] =
    ["activity", "visit", "contribution", "visit-report", "material", "training", "information-request"];
/// Records that are listed of a space.
const MAX_LISTED: usize = 200;

/// The activities that this node takes part in.
#[must_use]
pub fn activities(node: &Arc<Node>) -> Vec<SpaceView> {
    let of = |h: &Handle| h.membership().agreement.form() == Form::JointActivity;
    node.handles().iter().filter(|h| of(h)).map(|h| space(node, h, &[])).collect()
}

/// One of them, with its records.
///
/// # Errors
/// [`Problem`] if it is not here, or no activity.
pub fn activity(node: &Arc<Node>, text: &str) -> Result<SpaceView, Problem> {
    let handle = find::partnership(node, text)?;
    of_form(&handle, Form::JointActivity, "activity", "`entente activity list`")?;
    Ok(space(node, &handle, &OF_ACTIVITY))
}

/// The advisory bodies that this node takes part in.
#[must_use]
pub fn bodies(node: &Arc<Node>) -> Vec<AdviceView> {
    let of = |h: &Handle| h.membership().agreement.form() == Form::AdvisoryBody;
    node.handles().iter().filter(|h| of(h)).map(|h| body(node, h)).collect()
}

/// One of them. Motions can be put in any partnership, so any will do.
///
/// # Errors
/// [`Problem`] if it is not here.
pub fn advice(node: &Arc<Node>, text: &str) -> Result<AdviceView, Problem> {
    Ok(body(node, &find::partnership(node, text)?))
}

fn of_form(handle: &Handle, form: Form, what: &str, list: &str) -> Result<(), Problem> {
    let membership = handle.membership();
    if membership.agreement.form() == form {
        return Ok(());
    }
    let is = membership.agreement.form().as_str();
    let says = format!("{} is no {what}: the form of its agreement is {is}", membership.name);
    Err(not_found(says, "Nothing was shown.", &format!("See {list}.")))
}

fn space(node: &Node, handle: &Handle, kinds: &[&str]) -> SpaceView {
    let (membership, now) = (handle.membership(), clock::now());
    let agreement = &membership.agreement;
    let ends =
        membership.renewed.map(|last| last.plus_days(1)).or_else(|| agreement.end().map(|day| day.is_over()));
    // A proposed version that ends earlier holds at once.
    let proposed = membership.pending_terms.values().filter_map(|a| a.end()).map(|day| day.is_over()).min();
    let ends = match (ends, proposed) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let members = membership.members.iter().map(|(org, member)| SpaceMember {
        organisation: org_view(node, Some(handle), org),
        role: member.role.to_string(),
        no_key: membership.may_read(org, now).err().map(|why| why.to_string()),
        declared_until: member.declared.as_ref().map(|declared| declared.expires),
    });
    let mut records: Vec<RefView> = kinds
        .iter()
        .flat_map(|kind| of_kind(node, kind, Some(handle.id)))
        .map(|known| ref_view(node, &known))
        .collect();
    records.sort_by_key(|r| core::cmp::Reverse((r.said, r.record)));
    records.truncate(MAX_LISTED);
    let objectives = agreement.recorded().iter().find(|(key, _)| *key == "objectives");
    SpaceView {
        partnership: handle.id,
        name: membership.name.clone(),
        form: agreement.form().as_str().into(),
        objectives: objectives.map(|(_, text)| text.clone()),
        start: agreement.start().begins(),
        ends,
        over: ends.is_some_and(|end| end <= now) || membership.terminated.is_some(),
        members: members.collect(),
        records,
    }
}

fn body(node: &Node, handle: &Handle) -> AdviceView {
    let all: Vec<Known> = of_kind(node, "motion", Some(handle.id)).collect();
    let current = lifecycle::current(statements(&all));
    // A record that takes a motion back, or counts it, is none of its own.
    let moved =
        current.iter().rev().filter(|s| s.field("withdraws").is_none() && s.field(motion::TALLY).is_none());
    let motions =
        moved.filter_map(|s| all.iter().find(|k| k.row.id == s.id)).map(|k| motion(node, handle, k));
    AdviceView { motions: motions.collect(), space: space(node, handle, &OF_ADVICE) }
}

/// Where a motion stands, by the members of its partnership and the least quorum of their agreement.
#[must_use]
pub fn progress(
    node: &Node,
    motion: &Statement,
    about: &[&Statement],
    partnership: Option<PartnershipId>,
    now: Timestamp,
) -> Progress {
    let membership = partnership.and_then(|p| node.handle(&p)).map(|h| h.membership());
    let members: BTreeSet<OrgId> = membership.iter().flat_map(|m| m.members.keys().copied()).collect();
    let least = membership.as_ref().and_then(|m| m.agreement.quorum());
    let least = least.map_or(0, |quorum| quorum.needed(members.len()) as u64);
    motion::progress(motion, about, (&members, least), now)
}

fn motion(node: &Node, handle: &Handle, known: &Known) -> MotionView {
    let about = about(node, &known.row.id);
    let progress = progress(node, &known.statement, &statements(&about), Some(handle.id), clock::now());
    let org = |org: &OrgId| org_view(node, Some(handle), org);
    let arrived = |id: &RecordId| about.iter().find(|k| k.row.id == *id).map(|k| k.row.arrived);
    let closes = progress.closes.map(Moment::is_over);
    let late = |id: &RecordId| closes.zip(arrived(id)).is_some_and(|(closes, arrived)| arrived >= closes);
    let position = |p: &motion::Position| PositionView {
        record: p.record,
        author: org(&p.author),
        says: p.says.clone(),
        reason: p.reason.clone(),
        conflict: p.conflict.clone(),
        said: p.said,
        came_late: late(&p.record),
    };
    // What its author can count for sure: of what was here before it closed, the newest of each.
    let here: Vec<&Statement> = statements(&about).into_iter().filter(|s| !late(&s.id)).collect();
    let before = self::progress(node, &known.statement, &here, Some(handle.id), clock::now());
    let question = known.statement.text("question").map_or_else(|| known.row.title.clone(), str::to_owned);
    MotionView {
        id: known.row.id,
        question,
        author: org(&known.row.author),
        partnership_name: Some(handle.membership().name.clone()),
        stage: progress.stage.as_str().into(),
        in_favour: progress.in_favour,
        against: progress.against,
        abstaining: progress.abstaining,
        conflicted: progress.conflicted,
        quorum: progress.quorum,
        closes,
        positions: progress.positions.iter().map(position).collect(),
        provisional: progress.tally.is_none() && progress.stage != motion::Stage::Open,
        tally: progress.tally,
        uncounted: progress.uncounted.iter().map(position).collect(),
        to_count: before.positions.iter().map(|p| p.record).collect(),
        responses: about.iter().filter(|k| k.statement.is("response")).map(|k| ref_view(node, k)).collect(),
    }
}
