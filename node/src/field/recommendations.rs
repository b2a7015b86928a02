//! Recommendations: where each stands, and everything that was said about it (form 2).

use std::collections::BTreeMap;
use std::sync::Arc;

use entente_protocol::csv;
use entente_protocol::ids::{OrgId, PartnershipId, RecordId, Timestamp};
use entente_protocol::lifecycle::recommendation::{self, Progress, Stage, Status};
use entente_protocol::lifecycle::{self, Statement};
use entente_protocol::moment::Moment;
use entente_protocol::vocabulary::Vocabularies;

use crate::api::problem::not_found;
use crate::api::types::{
    OrgView, Problem, RecommendationDetail, RecommendationPage, RecommendationQuery, RecommendationView,
    Spreadsheet, StatusView, TimelineEntry,
};
use crate::clock;
use crate::node::Node;
use crate::records::find::{self, org_view};

use super::{Known, about, known, of_kind, statements};

/// Recommendations on a page unless asked otherwise, and at most.
const PAGE: (usize, usize) = (100, 1_000);

/// A recommendation, where it stands, and its vocabulary's words.
pub struct Standing {
    /// The recommendation.
    pub known: Known,
    /// What was said about it.
    pub about: Vec<Known>,
    /// Where it stands.
    pub progress: Progress,
}

/// Where all recommendations stand, newest first.
#[must_use]
pub fn all(node: &Node, within: Option<PartnershipId>) -> Vec<Standing> {
    let mut words: BTreeMap<Option<PartnershipId>, Vocabularies> = BTreeMap::new();
    let now = clock::now();
    let mut all: Vec<Standing> = of_kind(node, "recommendation", within)
        .map(|known| {
            let place = known.row.place.map(|p| p.partnership);
            let vocabularies = words.entry(place).or_insert_with(|| super::vocabularies(node, place));
            standing(node, known, vocabularies, now)
        })
        .collect();
    all.sort_by_key(|s| core::cmp::Reverse(s.known.statement.order()));
    all
}

fn standing(node: &Node, known: Known, vocabularies: &Vocabularies, now: Timestamp) -> Standing {
    let about = about(node, &known.row.id);
    let progress = recommendation::progress(&known.statement, &statements(&about), vocabularies, now);
    Standing { known, about, progress }
}

/// A page of recommendations that fit.
///
/// # Errors
/// [`Problem`] where the partnership is not known.
pub fn page(node: &Arc<Node>, query: &RecommendationQuery) -> Result<RecommendationPage, Problem> {
    let within = within(node, query.partnership.as_deref())?;
    let limit = query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let fitting: Vec<Standing> = all(node, within).into_iter().filter(|s| fits(s, query)).collect();
    let shown = fitting.iter().skip(query.skip).take(limit);
    Ok(RecommendationPage { recommendations: shown.map(|s| view(node, s)).collect(), total: fitting.len() })
}

/// The partnership that is meant, if one is.
pub(super) fn within(node: &Node, text: Option<&str>) -> Result<Option<PartnershipId>, Problem> {
    Ok(text.map(|p| find::partnership(node, p)).transpose()?.map(|h| h.id))
}

fn fits(standing: &Standing, query: &RecommendationQuery) -> bool {
    let (statement, progress) = (&standing.known.statement, &standing.progress);
    let theme = |wanted: &String| {
        let below = format!("{wanted}/");
        statement.texts("themes").iter().any(|theme| theme == wanted || theme.starts_with(&below))
    };
    let gone = matches!(progress.stage, Stage::Draft | Stage::Superseded);
    (query.all || !gone || query.stage.is_some())
        && query.stage.as_ref().is_none_or(|stage| progress.stage.as_str() == stage)
        && query.theme.as_ref().is_none_or(theme)
        && query.addressee.as_ref().is_none_or(|a| statement.text("addressee") == Some(a))
        && (!query.overdue || progress.reply_overdue || progress.promise_overdue.is_some())
}

/// For a screen.
#[must_use]
pub fn view(node: &Node, standing: &Standing) -> RecommendationView {
    let (known, progress) = (&standing.known, &standing.progress);
    let statement = &known.statement;
    let handle = known.row.place.and_then(|p| node.handle(&p.partnership));
    let org = |org: &OrgId| org_view(node, handle.as_ref(), org);
    let status = |s: &Status| StatusView {
        word: s.word.clone(),
        axis: s.axis.clone(),
        author: org(&s.author),
        said: s.said,
        record: s.record,
    };
    RecommendationView {
        id: known.row.id,
        title: known.row.title.clone(),
        author: org(&known.row.author),
        partnership: known.row.place.map(|p| p.partnership),
        partnership_name: handle.as_ref().map(|h| h.membership().name.clone()),
        said: statement.said(),
        place: statement.text("place").map(str::to_owned),
        themes: statement.texts("themes").into_iter().map(str::to_owned).collect(),
        addressee: statement.text("addressee").map(str::to_owned),
        external_id: statement.text("external-id").map(str::to_owned),
        stage: progress.stage.as_str().into(),
        status: progress.status.as_ref().map(status),
        shadow: progress.shadow.iter().map(status).collect(),
        due: progress.due.map(Moment::is_over),
        reply_overdue: progress.reply_overdue,
        promise_overdue: progress.promise_overdue.map(Moment::is_over),
        replies: progress.replies,
        endorsements: progress.endorsements,
        advocacy: progress.advocacy,
    }
}

/// One recommendation with everything that was said about it.
///
/// # Errors
/// [`Problem`] `not-found` if there is no such recommendation here.
pub fn detail(node: &Arc<Node>, text: &str) -> Result<RecommendationDetail, Problem> {
    let (position, row) = find::record(node, text)?;
    let found = known(node, position, row).filter(|k| k.statement.is("recommendation"));
    let known = found.ok_or_else(|| {
        let next = "See `entente recommendation list`.";
        not_found(format!("`{text}` is no recommendation that can be read here"), "Nothing was shown.", next)
    })?;
    let vocabularies = super::vocabularies(node, known.row.place.map(|p| p.partnership));
    let standing = standing(node, known, &vocabularies, clock::now());
    let text = standing.known.statement.text("text").unwrap_or_default().to_owned();
    let mut timeline = vec![entry(node, &standing.known, &standing.known)];
    let said = |k: &&Known| {
        recommendation::is_about(&k.statement, &standing.known.row.id) || k.statement.is("recommendation")
    };
    timeline.extend(standing.about.iter().filter(said).map(|k| entry(node, &standing.known, k)));
    timeline.sort_by_key(|e| (e.said, e.record));
    Ok(RecommendationDetail { view: view(node, &standing), text, timeline })
}

fn entry(node: &Node, of: &Known, known: &Known) -> TimelineEntry {
    let reference = super::ref_view(node, known);
    let own = known.row.author == of.row.author;
    let moves = ["recommendation", "authority-reply", "status-assessment"];
    TimelineEntry {
        said: reference.said,
        words: words(&known.statement, &known.row.title),
        beside: !own || !moves.contains(&reference.kind.as_str()),
        kind: reference.kind,
        author: reference.author,
        record: reference.record,
    }
}

/// The original words first: they are always shown.
fn words(statement: &Statement, title: &str) -> String {
    let own = ["status", "position", "statement", "action", "text", "outcome"];
    let said = own.iter().find_map(|field| statement.text(field));
    let promised = statement.text("promised").map(|day| format!("; promised for {day}"));
    match said {
        Some(said) => said.to_owned() + &promised.unwrap_or_default(),
        None => title.to_owned(),
    }
}

/// The columns of an export that are fields, which an import takes again.
const FIELDS: [&str; 10] =
    ["external-id", "title", "text", "date", "place", "themes", "populations", "addressee", "due", "report"];

/// Those behind them, which an import passes over: where a recommendation stands follows from records.
pub(super) const DERIVED: [&str; 10] = [
    "record",
    "author",
    "stage",
    "status",
    "status-axis",
    "status-date",
    "shadow-information",
    "reply-overdue",
    "endorsements",
    "advocacy",
];

fn columns() -> impl Iterator<Item = &'static str> {
    FIELDS.into_iter().chain(DERIVED)
}

/// All that fit as a table: no cell begins a formula.
///
/// # Errors
/// [`Problem`] where the partnership is not known.
pub fn export(node: &Arc<Node>, query: &RecommendationQuery) -> Result<Spreadsheet, Problem> {
    let within = within(node, query.partnership.as_deref())?;
    let fitting: Vec<Standing> = all(node, within).into_iter().filter(|s| fits(s, query)).collect();
    let header: Vec<String> = columns().map(str::to_owned).collect();
    let rows = fitting.iter().map(|s| row(node, s));
    Ok(Spreadsheet { csv: csv::write(std::iter::once(header).chain(rows)), rows: fitting.len() })
}

fn row(node: &Node, standing: &Standing) -> Vec<String> {
    let view = view(node, standing);
    let statement = &standing.known.statement;
    let day = |time: Timestamp| time.0.checked_div(1000).map(iso_day).unwrap_or_default();
    let status = view.status.as_ref();
    let shadow = |s: &StatusView| format!("{}: {} ({})", s.author.name, s.word, day(s.said));
    columns()
        .map(|column| match column {
            "record" => view.id.to_string(),
            "author" => view.author.name.clone(),
            "stage" => view.stage.clone(),
            "status" => status.map(|s| s.word.clone()).unwrap_or_default(),
            "status-axis" => status.map(|s| s.axis.clone()).unwrap_or_default(),
            "status-date" => status.map(|s| day(s.said)).unwrap_or_default(),
            "shadow-information" => view.shadow.iter().map(shadow).collect::<Vec<_>>().join("; "),
            "reply-overdue" => (if view.reply_overdue { "yes" } else { "" }).to_owned(),
            "endorsements" => view.endorsements.to_string(),
            "advocacy" => view.advocacy.to_string(),
            field => statement.texts(field).join("; "),
        })
        .collect()
}

/// `2026-12-31`.
fn iso_day(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    time.map(|t| t.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// The current recommendation of ours with each number of another system.
#[must_use]
pub fn by_external_id(node: &Node, ours: &OrgView) -> BTreeMap<String, Known> {
    let own: Vec<Known> = of_kind(node, "recommendation", None).filter(|k| k.row.author == ours.id).collect();
    let current: std::collections::BTreeSet<RecordId> =
        lifecycle::current(statements(&own)).into_iter().map(|s| s.id).collect();
    let mut found = BTreeMap::new();
    for known in own.into_iter().filter(|k| current.contains(&k.row.id)) {
        if let Some(id) = known.statement.text("external-id").map(str::to_owned) {
            found.insert(id, known);
        }
    }
    found
}
