//! A visit report: draft → fact check → sent → embargoed → published, or withheld with a reason.
//!
//! A step is a `visit-report` of the same author with the fields `report` and `stage`. Steps only go
//! forward: what was published stays published, and what was sent cannot become a draft again. Corrections of
//! facts by the authority stand beside it (rule C9).

use super::{Statement, current};
use crate::ids::{RecordId, Timestamp};

/// How far a report is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// Being written.
    Draft,
    /// With the authority, for correction of facts.
    FactCheck,
    /// Issued to its readers.
    Sent,
    /// Kept back, with a reason.
    Withheld,
    /// Issued, and nobody outside may see it before a day.
    Embargoed,
    /// Public.
    Published,
}

impl Stage {
    /// The word used in JSON and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Draft => "draft",
            Stage::FactCheck => "fact-check",
            Stage::Sent => "sent",
            Stage::Withheld => "withheld",
            Stage::Embargoed => "embargoed",
            Stage::Published => "published",
        }
    }

    /// Is it final: must what the agreement grants to members (divergent views) be in it?
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Stage::Sent | Stage::Embargoed | Stage::Published)
    }
}

/// Where a report stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// How far it is.
    pub stage: Stage,
    /// Why it is withheld.
    pub reason: Option<String>,
    /// Until when it is under embargo.
    pub embargo_until: Option<Timestamp>,
    /// Replies that correct facts, in the order in which they were said.
    pub corrections: Vec<RecordId>,
}

/// How far one statement alone says that the report is.
#[must_use]
pub fn stage_of(statement: &Statement) -> Stage {
    match statement.text("stage") {
        Some("draft") => Stage::Draft,
        Some("fact-check") => Stage::FactCheck,
        Some("published") => Stage::Published,
        // A reason is what makes it more than silence.
        Some("withheld") if statement.text("reason").is_some() => Stage::Withheld,
        _ if statement.draft => Stage::Draft,
        // A report that names no stage, or one of a newer partner's, is issued to its readers.
        _ => Stage::Sent,
    }
}

/// Where a report stands, by everything that is known of it. `statements` may hold others.
#[must_use]
pub fn progress(report: &Statement, statements: &[&Statement], now: Timestamp) -> Progress {
    let all = current(statements.iter().copied().filter(|s| !s.draft || report.draft));
    let step =
        |s: &&&Statement| s.is("visit-report") && s.author == report.author && s.names("report", &report.id);
    let steps: Vec<&Statement> = std::iter::once(report).chain(all.iter().filter(step).copied()).collect();
    let mut stage = steps.iter().map(|s| stage_of(s)).max().unwrap_or(Stage::Draft);
    let reason = steps.iter().filter(|s| stage_of(s) == Stage::Withheld).max_by_key(|s| s.order());
    let reason = reason.and_then(|s| s.text("reason")).map(str::to_owned);
    let issued = steps.iter().filter(|s| stage_of(s).is_final());
    let embargo_until = issued.filter_map(|s| s.embargo_until).max().filter(|until| *until > now);
    if stage.is_final() && embargo_until.is_some() {
        stage = Stage::Embargoed;
    }
    let correction = |s: &&&Statement| s.replies_to == Some(report.id) && !s.is("visit-report");
    Progress {
        stage,
        reason: reason.filter(|_| stage == Stage::Withheld),
        embargo_until,
        corrections: all.iter().filter(correction).map(|s| s.id).collect(),
    }
}
