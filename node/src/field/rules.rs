//! What the kinds of the field ask of a record before it is kept, and before it is shared.

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::divergent;
use entente_protocol::ids::RecordId;
use entente_protocol::lifecycle::{Statement, report, visit};
use entente_protocol::passed;
use entente_protocol::policy::{Refusal, RefusalCode};
use entente_protocol::record::Content;
use entente_protocol::schema::{self, Weight};
use entente_protocol::value::Value;
use entente_protocol::vocabulary::Vocabularies;

use crate::api::problem::refused;
use crate::api::types::Problem;
use crate::clock;
use crate::node::Node;
use crate::partnership::Handle;
use crate::records::{leave, show};

use super::{Known, by_id, of_kind, statements};

/// A draft as a statement of ours.
fn statement(node: &Node, content: &Content, id: RecordId) -> Statement {
    Statement {
        id,
        kind: content.kind.clone(),
        author: node.me.org(),
        created: content.created,
        fields: content.fields.clone(),
        replies_to: content.replies_to,
        supersedes: content.supersedes,
        embargo_until: content.handling.embargo_until,
        draft: false,
    }
}

/// Checks a new draft against the schema of its kind and the rules of its form; puts the divergent views into a
/// report that must carry them. Answers what is odd about it.
///
/// # Errors
/// [`Problem`] `E-FIELDS` or `E-TEAM` with every reason; then it is not kept.
pub fn of_draft(node: &Arc<Node>, content: &mut Content) -> Result<Vec<String>, Problem> {
    carry(node, content);
    let draft = schema::Draft {
        kind: &content.kind,
        fields: &content.fields,
        replies: content.replies_to.is_some(),
        attached: !content.attachments.is_empty(),
    };
    // It is not known yet where it will be shared: a term of any of our agreements is one.
    let mut vocabularies = Vocabularies::shipped().clone();
    for handle in node.handles() {
        vocabularies = vocabularies.with(handle.membership().agreement.additions());
    }
    let findings = schema::check(draft, &vocabularies);
    let (wrong, odd): (Vec<_>, Vec<_>) = findings.into_iter().partition(|f| f.weight == Weight::Wrong);
    let code = |code: RefusalCode| code.as_str().to_owned();
    let mut refusals: Vec<(String, String)> =
        wrong.iter().map(|f| (code(RefusalCode::Fields), f.to_string())).collect();
    if let Err(error) = passed::carried(&content.fields) {
        refusals.push((code(RefusalCode::Copy), error.to_string()));
    }
    let kind = &content.kind;
    let next = format!("Correct it; `entente record template {kind}` shows what the kind has.");
    if refusals.is_empty() {
        let unfit = unfit_team(node, &statement(node, content, RecordId([0; 32])));
        refusals.extend(unfit.into_iter().map(|r| (code(r.code), r.reason)));
    }
    if refusals.is_empty() {
        return Ok(odd.iter().map(ToString::to_string).collect());
    }
    Err(refused(&refusals, "No draft was kept.", &next))
}

/// What the rules of the forms refuse when a draft is shared in a partnership.
#[must_use]
pub fn of_sharing(node: &Arc<Node>, handle: &Handle, content: &Content, id: &RecordId) -> Vec<Refusal> {
    let said = statement(node, content, *id);
    let mut refusals = unfit_team(node, &said);
    refusals.extend(divergent_views(node, handle, &said));
    refusals
}

/// Form 3: nobody goes on a visit whose declaration or training does not hold until its end.
fn unfit_team(node: &Node, said: &Statement) -> Vec<Refusal> {
    if !said.is("visit") || said.field("team").is_none() {
        return Vec::new();
    }
    let roster: Vec<Known> = of_kind(node, "expert", None).collect();
    let unfit = visit::unfit(said, &statements(&roster), clock::now());
    let refusal = |u: visit::Unfit| {
        let name = if u.name.is_empty() { u.expert.short() } else { u.name };
        let reason =
            format!("{name} {}. Take the person off the team, or have the roster brought up to date", u.why);
        Refusal { code: RefusalCode::Team, reason }
    };
    unfit.into_iter().map(refusal).collect()
}

/// The reports that a record continues, itself included, and the visits that they are about.
fn chain(node: &Node, said: &Statement) -> (Vec<Statement>, BTreeSet<RecordId>) {
    let before = said.ids("report").into_iter().filter_map(|id| by_id(node, &id));
    let own = before.filter(|k| k.row.author == said.author).map(|k| (*k.statement).clone());
    let reports: Vec<Statement> = std::iter::once(said.clone()).chain(own).collect();
    let about = reports.iter().flat_map(|r| r.ids("visit").into_iter().chain(r.ids("report"))).collect();
    (reports, about)
}

/// The divergent views of other members on a visit, or on the draft of its report, that nobody superseded.
fn views_on(node: &Node, about: &BTreeSet<RecordId>, handle: &Handle) -> Vec<Known> {
    let on = |k: &Known| {
        ["visit", "report"].iter().any(|f| k.statement.ids(f).iter().any(|id| about.contains(id)))
            || k.statement.replies_to.is_some_and(|id| about.contains(&id))
    };
    let all: Vec<Known> = of_kind(node, divergent::KIND, Some(handle.id))
        .filter(|k| k.row.author != node.me.org() && on(k))
        .collect();
    let current: BTreeSet<RecordId> =
        entente_protocol::lifecycle::current(statements(&all)).into_iter().map(|s| s.id).collect();
    all.into_iter().filter(|k| current.contains(&k.row.id)).collect()
}

fn carries(handle: &Handle) -> bool {
    handle.membership().agreement.visits().is_some_and(|clause| clause.divergent_views_are_carried())
}

/// Form 6: a final report carries every divergent view as it was signed, where the agreement grants it.
fn divergent_views(node: &Node, handle: &Handle, said: &Statement) -> Vec<Refusal> {
    if !said.is("visit-report") {
        return Vec::new();
    }
    let refusal = |reason: String| Refusal { code: RefusalCode::Divergent, reason };
    let (reports, about) = chain(node, said);
    let mut carried = BTreeSet::new();
    for report in &reports {
        match divergent::carried(&report.fields) {
            Ok(ids) => carried.extend(ids),
            Err(error) => return vec![refusal(error.to_string())],
        }
    }
    if !carries(handle) || !report::stage_of(said).is_final() {
        return Vec::new();
    }
    let missing = views_on(node, &about, handle).into_iter().filter(|k| !carried.contains(&k.row.id));
    missing
        .map(|k| {
            let author = crate::records::find::org_view(node, Some(handle), &k.row.author).name;
            let id = k.row.id.short();
            refusal(format!(
                "the divergent view of {author} ({id}) is not in the report. Write the draft anew without the field \
                 `{}`: the node puts the signed views in", divergent::FIELD
            ))
        })
        .collect()
}

/// Puts the signed views into a final report that does not say which it carries.
fn carry(node: &Arc<Node>, content: &mut Content) {
    let said = statement(node, content, RecordId([0; 32]));
    let written = content
        .fields
        .iter()
        .any(|(name, value)| name == divergent::FIELD && *value != Value::List(Vec::new()));
    if !said.is("visit-report") || written || !report::stage_of(&said).is_final() {
        return;
    }
    let (_, about) = chain(node, &said);
    let mut entries = Vec::new();
    for handle in node.handles().iter().filter(|handle| carries(handle)) {
        for view in views_on(node, &about, handle) {
            let position = crate::rows::record(&node.shared.ledger.store().index, &view.row.id);
            let Some((position, place)) = position.ok().flatten().map(|(p, _)| p).zip(view.row.place) else {
                continue;
            };
            let file =
                show::shown(node, position, &place).and_then(|(h, shown)| leave::file(node, &h, &shown));
            entries.extend(file.and_then(|file| divergent::entry(&file).ok()));
        }
    }
    if !entries.is_empty() {
        content.fields.retain(|(name, _)| name != divergent::FIELD);
        content.fields.push((divergent::FIELD.to_owned(), Value::List(entries)));
    }
}
