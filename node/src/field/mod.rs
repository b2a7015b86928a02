//! The records of the field on this node: what became of them, what is owed, and what the rules of their kinds
//! refuse.
//!
//! [`known`] opens a record as a [`Statement`]; [`about`] finds what refers to it, by the index;
//! `entente_protocol::lifecycle` says what that makes of it. Nothing here decides who may read.

pub mod advice;
pub mod due;
pub mod places;
pub mod recommendations;
pub mod rules;
pub mod spreadsheet;
pub mod stats;
pub mod teams;
pub mod visits;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use entente_protocol::derive;
use entente_protocol::ids::{PartnershipId, RecordId};
use entente_protocol::lifecycle::{self, Statement};
use entente_protocol::schema;
use entente_protocol::vocabulary::Vocabularies;

use crate::api::types::{AboutRecord, RefView};
use crate::clock;
use crate::node::Node;
use crate::records::find::org_view;
use crate::records::show;
use crate::rows::{self, RecordRow};
use crate::store::{Position, SEGMENT_BYTES};

/// Opened records that are remembered: about 2 KiB each.
const MAX_OPENED: usize = 32_768;
/// Records that are shown as referring to one.
const MAX_REFERRING: usize = 100;

/// The kinds that have a life cycle.
const MOVING: [&str; 5] = ["recommendation", "visit-report", "consent", "visit", "motion"];

/// Records that were opened: they never change. Gone when the node is locked.
#[derive(Default)]
pub struct Opened(Mutex<BTreeMap<Position, Arc<Statement>>>);

/// A record that can be read here.
#[derive(Clone)]
pub struct Known {
    /// Its row in the index.
    pub row: RecordRow,
    /// What it says.
    pub statement: Arc<Statement>,
}

impl Known {
    /// What it is called.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.row.title
    }
}

/// Opens a record; `None` for a draft that was shared (the shared one counts), and for what cannot be opened.
#[must_use]
pub fn known(node: &Node, position: Position, row: RecordRow) -> Option<Known> {
    let index = &node.shared.ledger.store().index;
    if row.place.is_none() && !rows::shared(index, &row.id).is_empty() {
        return None;
    }
    let cache = || node.opened.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(statement) = cache().get(&position).cloned() {
        return Some(Known { row, statement });
    }
    let statement = Arc::new(open(node, position, &row)?);
    let mut opened = cache();
    if opened.len() >= MAX_OPENED {
        // Lists go through all records in order: forgotten in order, each would be gone just before it is wanted. Of
        // what is forgotten anywhere, most is still there.
        let anywhere = anywhere_before(position);
        let gone = opened.range(anywhere..).next().or(opened.iter().next()).map(|(at, _)| *at);
        gone.map(|at| opened.remove(&at));
    }
    opened.insert(position, statement.clone());
    drop(opened);
    Some(Known { row, statement })
}

/// A place in the journal up to another, as good as by chance.
fn anywhere_before(position: Position) -> Position {
    let mixed = derive::hash(&position.to_bytes()).0;
    let [a, b, c, d, e, f, g, h, ..] = mixed;
    let (segment, offset) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    Position { segment: 1 + segment % position.segment.max(1), offset: u64::from(offset) % SEGMENT_BYTES }
}

fn open(node: &Node, position: Position, row: &RecordRow) -> Option<Statement> {
    let (fields, replies_to, supersedes, embargo_until) = match &row.place {
        None => {
            let content = show::draft(node, position)?;
            (content.fields, content.replies_to, content.supersedes, content.handling.embargo_until)
        }
        Some(place) => {
            let (_, shown) = show::shown(node, position, place)?;
            let m = shown.record.manifest();
            (shown.record.fields().to_vec(), m.replies_to, m.supersedes, m.handling.embargo_until)
        }
    };
    Some(Statement {
        id: row.id,
        kind: row.kind.clone(),
        author: row.author,
        created: row.created,
        fields,
        replies_to,
        supersedes,
        embargo_until,
        draft: row.place.is_none(),
    })
}

/// All records of a kind that can be read here, in the order of their arrival.
pub fn of_kind<'a>(
    node: &'a Node,
    kind: &str,
    within: Option<PartnershipId>,
) -> impl Iterator<Item = Known> + 'a {
    let index = &node.shared.ledger.store().index;
    let here =
        move |row: &RecordRow| within.is_none_or(|p| row.place.is_some_and(|place| place.partnership == p));
    rows::of_kind(index, kind)
        .filter(move |(_, row)| here(row))
        .filter_map(|(position, row)| known(node, position, row))
}

/// All records that refer to one.
#[must_use]
pub fn about(node: &Node, id: &RecordId) -> Vec<Known> {
    let index = &node.shared.ledger.store().index;
    rows::referring(index, id).filter_map(|(position, row)| known(node, position, row)).collect()
}

/// The newest records that refer to one.
fn newest_about(node: &Node, id: &RecordId) -> Vec<Known> {
    let index = &node.shared.ledger.store().index;
    let rows: Vec<(Position, RecordRow)> = rows::referring(index, id).collect();
    let skip = rows.len().saturating_sub(MAX_REFERRING);
    rows.into_iter().skip(skip).filter_map(|(position, row)| known(node, position, row)).collect()
}

/// The record with an id, if it can be read here.
#[must_use]
pub fn by_id(node: &Node, id: &RecordId) -> Option<Known> {
    let index = &node.shared.ledger.store().index;
    let (position, row) = rows::record(index, id).ok().flatten()?;
    known(node, position, row)
}

/// The statements of records, as life cycles take them.
#[must_use]
pub fn statements(known: &[Known]) -> Vec<&Statement> {
    known.iter().map(|k| &*k.statement).collect()
}

/// The vocabularies of a partnership, what its agreement adds included; the shipped ones elsewhere.
#[must_use]
pub fn vocabularies(node: &Node, partnership: Option<PartnershipId>) -> Vocabularies {
    let handle = partnership.and_then(|p| node.handle(&p));
    let shipped = Vocabularies::shipped();
    handle.map_or_else(|| shipped.clone(), |h| shipped.with(h.membership().agreement.additions()))
}

/// A record that refers to another, on a screen.
#[must_use]
pub fn ref_view(node: &Node, known: &Known) -> RefView {
    let handle = known.row.place.and_then(|p| node.handle(&p.partnership));
    RefView {
        record: known.row.id,
        kind: known.row.kind.to_string(),
        author: org_view(node, handle.as_ref(), &known.row.author),
        said: known.statement.said(),
        title: known.row.title.clone(),
        draft: known.statement.draft,
    }
}

/// What became of a record, who refers to it, and what does not fit its schema.
#[must_use]
pub fn about_record(node: &Node, position: Position, row: &RecordRow) -> AboutRecord {
    let Some(known) = open(node, position, row) else { return AboutRecord::default() };
    let partnership = row.place.map(|p| p.partnership);
    let vocabularies = vocabularies(node, partnership);
    let draft = schema::Draft {
        kind: &known.kind,
        fields: &known.fields,
        replies: known.replies_to.is_some(),
        attached: !row.blobs.is_empty(),
    };
    let findings = schema::check(draft, &vocabularies).iter().map(ToString::to_string).collect();
    // What has no life cycle, such as a place, may be referred to by thousands: only the newest are opened.
    let referring = if MOVING.contains(&known.kind.as_str()) {
        about(node, &row.id)
    } else {
        newest_about(node, &row.id)
    };
    let (stage, progress) = stage(node, &known, &referring, partnership, &vocabularies).unzip();
    let skip = referring.len().saturating_sub(MAX_REFERRING);
    AboutRecord {
        findings,
        stage,
        progress: progress.unwrap_or_default(),
        supersedes: known.supersedes,
        referred_by: referring.iter().skip(skip).map(|k| ref_view(node, k)).collect(),
    }
}

/// How far a record is, and why, for kinds that have a life cycle.
fn stage(
    node: &Node,
    known: &Statement,
    referring: &[Known],
    partnership: Option<PartnershipId>,
    vocabularies: &Vocabularies,
) -> Option<(String, Vec<String>)> {
    let (about, now) = (statements(referring), clock::now());
    let (stage, words) = match known.kind.as_str() {
        "recommendation" => {
            let progress = lifecycle::recommendation::progress(known, &about, vocabularies, now);
            let status = progress.status.map(|s| format!("status: {} ({})", s.word, s.axis));
            let overdue = progress.reply_overdue.then(|| "a reply is overdue".to_owned());
            (progress.stage.as_str(), status.into_iter().chain(overdue).collect())
        }
        "visit-report" => {
            let progress = lifecycle::report::progress(known, &about, now);
            let count = progress.corrections.len();
            let corrections = (count > 0).then(|| format!("corrections of facts beside it: {count}"));
            (progress.stage.as_str(), progress.reason.into_iter().chain(corrections).collect())
        }
        "consent" => {
            let progress = lifecycle::consent::progress(known, &about, now);
            let uses = progress.uses.into_iter().collect::<Vec<_>>().join(", ");
            (
                progress.stage.as_str(),
                vec![format!("allows: {}", if uses.is_empty() { "nothing" } else { &uses })],
            )
        }
        "visit" => {
            let progress = visits::progress(node, known, &about, now);
            let unfit = progress.unfit.iter().map(|u| format!("{} {}", u.name, u.why)).collect();
            (progress.stage.as_str(), unfit)
        }
        "motion" => {
            let progress = advice::progress(node, known, &about, partnership, now);
            let quorum = progress.quorum.map_or_else(|| "none".into(), |n| n.to_string());
            let words = format!(
                "{} for, {} against, {} abstaining, {} not counted; quorum {quorum}",
                progress.in_favour, progress.against, progress.abstaining, progress.conflicted
            );
            (progress.stage.as_str(), vec![words])
        }
        _ => return None,
    };
    Some((stage.to_owned(), words))
}
