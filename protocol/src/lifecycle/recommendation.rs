//! A recommendation: draft → issued → replied or overdue → assessed (any number of times) → closed, repeated
//! or superseded.
//!
//! What the NPM says of its own recommendation moves it on. Shadow information, endorsements and advocacy
//! stand beside it, each with author and date, and are never a transition.

use super::{Statement, current};
use crate::ids::{OrgId, RecordId, Timestamp};
use crate::moment::Moment;
use crate::vocabulary::Vocabularies;

/// How far a recommendation is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// On its author's node only.
    Draft,
    /// Made, and nothing was heard yet.
    Issued,
    /// The day for a reply is past, and there is none.
    Overdue,
    /// The authority answered.
    Replied,
    /// The NPM said how far it is carried out.
    Assessed,
    /// The NPM is done with it.
    Closed,
    /// A later recommendation repeats it.
    Repeated,
    /// Another one stands in its place.
    Superseded,
}

impl Stage {
    /// All, in the order of a board.
    pub const ALL: [Stage; 8] = [
        Stage::Draft,
        Stage::Issued,
        Stage::Overdue,
        Stage::Replied,
        Stage::Assessed,
        Stage::Closed,
        Stage::Repeated,
        Stage::Superseded,
    ];

    /// The word used in JSON and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Draft => "draft",
            Stage::Issued => "issued",
            Stage::Overdue => "overdue",
            Stage::Replied => "replied",
            Stage::Assessed => "assessed",
            Stage::Closed => "closed",
            Stage::Repeated => "repeated",
            Stage::Superseded => "superseded",
        }
    }
}

/// What somebody says of the status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// In the words of its own scale: always shown.
    pub word: String,
    /// On the common axis.
    pub axis: String,
    /// Who says so.
    pub author: OrgId,
    /// When.
    pub said: Timestamp,
    /// In which record.
    pub record: RecordId,
}

/// Where a recommendation stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// How far it is.
    pub stage: Stage,
    /// The NPM's newest assessment.
    pub status: Option<Status>,
    /// The newest view of each organisation of civil society, beside the NPM's.
    pub shadow: Vec<Status>,
    /// Until when the authority should answer.
    pub due: Option<Moment>,
    /// Is that past without an answer, whatever was said of the status meanwhile?
    pub reply_overdue: bool,
    /// The last day that the authority promised, if it is past and nothing was assessed since.
    pub promise_overdue: Option<Moment>,
    /// How often the authority replied.
    pub replies: usize,
    /// Organisations that endorse it.
    pub endorsements: usize,
    /// Records of advocacy for it.
    pub advocacy: usize,
}

/// The kinds of record that are about a recommendation, and the field that names it.
pub const ABOUT: [(&str, &str); 5] = [
    ("authority-reply", "recommendation"),
    ("status-assessment", "recommendation"),
    ("endorsement", "recommendation"),
    ("shadow-information", "recommendation"),
    ("advocacy", "recommendations"),
];

/// Is a statement about this recommendation?
#[must_use]
pub fn is_about(statement: &Statement, recommendation: &RecordId) -> bool {
    ABOUT.iter().any(|(kind, field)| statement.is(kind) && statement.is_about(field, recommendation))
}

/// Where a recommendation stands, by everything that is known of it. `statements` may hold others.
#[must_use]
pub fn progress(
    recommendation: &Statement,
    statements: &[&Statement],
    vocabularies: &Vocabularies,
    now: Timestamp,
) -> Progress {
    let own = |s: &&Statement| s.author == recommendation.author;
    let all = current(statements.iter().copied().filter(|s| !s.draft || recommendation.draft));
    let about = |kind: &'static str| {
        all.iter().copied().filter(move |s| s.is(kind) && is_about(s, &recommendation.id))
    };
    let replies: Vec<&Statement> = about("authority-reply").filter(own).collect();
    let assessments: Vec<&Statement> = about("status-assessment").filter(own).collect();
    let newest = assessments.last().copied();
    let status = newest.map(|s| status_of(s, vocabularies));
    let due = recommendation.moment("due");
    let past = |moment: Moment| moment.is_over() <= now;
    let reply_overdue = replies.is_empty() && due.is_some_and(past);
    let promise = replies.last().and_then(|s| s.moment("promised").map(|m| (m, s.order())));
    let promise_overdue = promise
        .filter(|(m, said)| past(*m) && newest.is_none_or(|a| a.order() < *said || a.said() < m.begins()));
    let stage =
        stage_of(recommendation, statements, (newest, status.as_ref()), !replies.is_empty(), reply_overdue);
    Progress {
        stage,
        shadow: shadow(about("shadow-information").filter(|s| !own(s)), vocabularies),
        status,
        due,
        reply_overdue: reply_overdue && !is_done(stage),
        promise_overdue: promise_overdue.map(|(m, _)| m).filter(|_| !is_done(stage)),
        replies: replies.len(),
        endorsements: authors(about("endorsement")),
        advocacy: about("advocacy").count(),
    }
}

fn is_done(stage: Stage) -> bool {
    matches!(stage, Stage::Closed | Stage::Repeated | Stage::Superseded)
}

fn stage_of(
    recommendation: &Statement,
    statements: &[&Statement],
    (newest, status): (Option<&Statement>, Option<&Status>),
    replied: bool,
    overdue: bool,
) -> Stage {
    let others = || {
        let same = |s: &&Statement| s.is("recommendation") && s.author == recommendation.author && !s.draft;
        statements.iter().copied().filter(same)
    };
    let superseded = others().any(|s| s.supersedes == Some(recommendation.id))
        || status.is_some_and(|status| status.axis == "superseded");
    if recommendation.draft {
        Stage::Draft
    } else if superseded {
        Stage::Superseded
    } else if others().any(|s| s.id != recommendation.id && s.names("repeats", &recommendation.id)) {
        Stage::Repeated
    } else if newest.is_some_and(|s| s.yes("closes")) {
        Stage::Closed
    } else if newest.is_some() {
        Stage::Assessed
    } else if replied {
        Stage::Replied
    } else if overdue {
        Stage::Overdue
    } else {
        Stage::Issued
    }
}

/// What a statement says of the status: its word, and what that means on the common axis.
#[must_use]
pub fn status_of(statement: &Statement, vocabularies: &Vocabularies) -> Status {
    let word = statement.text("status").unwrap_or_default().to_owned();
    let said = statement.text("axis").map(str::to_owned);
    let axis = said.or_else(|| vocabularies.axis_of(&word).map(str::to_owned));
    Status {
        word,
        axis: axis.unwrap_or_else(|| "unknown".into()),
        author: statement.author,
        said: statement.said(),
        record: statement.id,
    }
}

/// The newest view of each author; `statements` come in the order in which they were said.
fn shadow<'a>(statements: impl Iterator<Item = &'a Statement>, vocabularies: &Vocabularies) -> Vec<Status> {
    let mut newest: Vec<Status> = Vec::new();
    for statement in statements {
        newest.retain(|status| status.author != statement.author);
        newest.push(status_of(statement, vocabularies));
    }
    newest
}

fn authors<'a>(statements: impl Iterator<Item = &'a Statement>) -> usize {
    let mut authors: Vec<OrgId> = statements.map(|s| s.author).collect();
    authors.sort_unstable();
    authors.dedup();
    authors.len()
}
