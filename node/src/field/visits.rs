//! Visits and the roster of experts (forms 1, 3, 4 and 6).

use std::sync::Arc;

use entente_protocol::ids::{RecordId, Timestamp};
use entente_protocol::lifecycle::visit::{self, Progress};
use entente_protocol::lifecycle::{self, Statement};
use entente_protocol::moment::Moment;
use entente_protocol::team;

use crate::api::types::{ExpertView, Problem, VisitView};
use crate::clock;
use crate::node::Node;
use crate::records::find::org_view;

use super::recommendations::within;
use super::{Known, about, of_kind, ref_view, statements};

/// Where a visit stands, by the roster that is here.
#[must_use]
pub fn progress(node: &Node, visit: &Statement, about: &[&Statement], now: Timestamp) -> Progress {
    let roster: Vec<Known> = of_kind(node, "expert", None).collect();
    visit::progress(visit, about, &statements(&roster), now)
}

/// All visits that can be seen here, newest first.
///
/// # Errors
/// [`Problem`] where the partnership is not known.
pub fn list(node: &Arc<Node>, partnership: Option<&str>) -> Result<Vec<VisitView>, Problem> {
    let all: Vec<Known> = of_kind(node, "visit", within(node, partnership)?).collect();
    let roster: Vec<Known> = of_kind(node, "expert", None).collect();
    let now = clock::now();
    let current = lifecycle::current(statements(&all));
    // A record that says how a visit went on is no visit of its own.
    let plans = current.iter().rev().filter(|s| s.field("visit").is_none());
    let known = plans.filter_map(|s| all.iter().find(|k| k.row.id == s.id));
    Ok(known
        .map(|known| {
            let about = about(node, &known.row.id);
            let progress = visit::progress(&known.statement, &statements(&about), &statements(&roster), now);
            view(node, known, &about, &roster, &progress)
        })
        .collect())
}

fn view(node: &Node, known: &Known, about: &[Known], roster: &[Known], progress: &Progress) -> VisitView {
    let statement = &known.statement;
    let handle = known.row.place.and_then(|p| node.handle(&p.partnership));
    let declared = team::declared(&statement.kind, statement.author, &statement.fields);
    let mut team_organisations: Vec<String> =
        declared.into_iter().flatten().map(|org| org_view(node, handle.as_ref(), &org).name).collect();
    team_organisations.sort();
    let name = |id: &RecordId| {
        roster.iter().find(|k| k.row.id == *id).map_or_else(|| id.short(), |k| k.row.title.clone())
    };
    VisitView {
        id: known.row.id,
        title: known.row.title.clone(),
        author: org_view(node, handle.as_ref(), &known.row.author),
        partnership_name: handle.map(|h| h.membership().name.clone()),
        place: statement.text("place").map(str::to_owned),
        stage: progress.stage.as_str().into(),
        from: statement.moment("from").map(Moment::begins),
        until: progress.ends.map(Moment::is_over),
        team: statement.ids("team").iter().map(name).collect(),
        team_organisations,
        unfit: progress.unfit.iter().map(|u| format!("{} {}", name(&u.expert), u.why)).collect(),
        records: about.iter().map(|k| ref_view(node, k)).collect(),
    }
}

/// The roster: the newest version of each entry, by name.
///
/// # Errors
/// [`Problem`] where the partnership is not known.
pub fn experts(node: &Arc<Node>, partnership: Option<&str>) -> Result<Vec<ExpertView>, Problem> {
    let all: Vec<Known> = of_kind(node, "expert", within(node, partnership)?).collect();
    let now = clock::now();
    let current = lifecycle::current(statements(&all));
    let mut roster: Vec<ExpertView> = current
        .into_iter()
        .filter_map(|s| all.iter().find(|k| k.row.id == s.id))
        .map(|known| {
            let s = &known.statement;
            let handle = known.row.place.and_then(|p| node.handle(&p.partnership));
            let texts = |field: &str| s.texts(field).into_iter().map(str::to_owned).collect();
            let until = |field: &str| s.moment(field).map(Moment::is_over);
            let (training_until, declaration_until) = (until("training-until"), until("declaration-until"));
            let holds = |end: Option<Timestamp>| end.is_none_or(|end| end > now);
            ExpertView {
                id: known.row.id,
                name: s.text("name").map_or_else(|| known.row.title.clone(), str::to_owned),
                author: org_view(node, handle.as_ref(), &known.row.author),
                expertise: texts("expertise"),
                languages: texts("languages"),
                training_until,
                declaration_until,
                fit: holds(training_until) && holds(declaration_until),
            }
        })
        .collect();
    roster.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(roster)
}
