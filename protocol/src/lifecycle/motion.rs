//! A motion: open → decided, rejected, no quorum or withdrawn.
//!
//! Each organisation has one position, its newest that was said before the motion closed. Who declared a
//! conflict of interest counts neither for the majority nor for the quorum. A motion that names no quorum is
//! never decided: a decision without quorum is not a decision.

use std::collections::{BTreeMap, BTreeSet};

use super::{Statement, current};
use crate::ids::{OrgId, RecordId, Timestamp};
use crate::moment::Moment;

/// What became of a motion.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// Positions can still be taken.
    Open,
    /// More for than against, and enough took part.
    Decided,
    /// Not more for than against, and enough took part.
    Rejected,
    /// Too few took part.
    NoQuorum,
    /// Its author took it back before it closed.
    Withdrawn,
}

impl Stage {
    /// The word used in JSON and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Open => "open",
            Stage::Decided => "decided",
            Stage::Rejected => "rejected",
            Stage::NoQuorum => "no-quorum",
            Stage::Withdrawn => "withdrawn",
        }
    }
}

/// What one member says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// Who.
    pub author: OrgId,
    /// `for`, `against` or `abstain`; anything else counts as abstaining.
    pub says: String,
    /// Why.
    pub reason: Option<String>,
    /// Its interest in the matter; then it does not count.
    pub conflict: Option<String>,
    /// When.
    pub said: Timestamp,
    /// In which record.
    pub record: RecordId,
}

/// Where a motion stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// What became of it.
    pub stage: Stage,
    /// Positions that count.
    pub in_favour: usize,
    /// Against.
    pub against: usize,
    /// Abstaining.
    pub abstaining: usize,
    /// Members who declared a conflict of interest; they do not count.
    pub conflicted: usize,
    /// How many must take part; `None` if the motion does not say, and then it is never decided.
    pub quorum: Option<u64>,
    /// Until when positions count.
    pub closes: Option<Moment>,
    /// The position of each member, by author.
    pub positions: Vec<Position>,
}

/// Where a motion stands, by everything that is known of it. `members` may take positions, and `least` is the
/// quorum that the agreement asks for at least; `statements` may hold others.
#[must_use]
pub fn progress(
    motion: &Statement,
    statements: &[&Statement],
    (members, least): (&BTreeSet<OrgId>, u64),
    now: Timestamp,
) -> Progress {
    let all = current(statements.iter().copied().filter(|s| !s.draft || motion.draft));
    let closes = motion.moment("closes");
    let in_time = |s: &Statement| closes.is_none_or(|end| s.created < end.is_over());
    let mut newest: BTreeMap<OrgId, &Statement> = BTreeMap::new();
    for s in all.iter().copied().filter(|s| s.is("position") && s.is_about("motion", &motion.id)) {
        // By the author's clock: the field `date` could be any day.
        if in_time(s) && members.contains(&s.author) {
            let known = newest.entry(s.author).or_insert(s);
            if (known.created, known.id) < (s.created, s.id) {
                *known = s;
            }
        }
    }
    let positions: Vec<Position> = newest.into_values().map(position).collect();
    let counted = || positions.iter().filter(|p| p.conflict.is_none());
    let count = |says: &str| counted().filter(|p| p.says == says).count();
    let (in_favour, against) = (count("for"), count("against"));
    let quorum = motion.number("quorum").filter(|n| *n > 0).map(|n| n.max(least));
    let enough = quorum.is_some_and(|n| counted().count() as u64 >= n);
    let closed = closes.is_some_and(|end| end.is_over() <= now);
    let withdrawn = all.iter().any(|s| {
        s.is("motion") && s.author == motion.author && s.names("withdraws", &motion.id) && in_time(s)
    });
    let stage = match (withdrawn, closed, enough) {
        (true, ..) => Stage::Withdrawn,
        (_, false, _) => Stage::Open,
        (.., false) => Stage::NoQuorum,
        _ if in_favour > against => Stage::Decided,
        _ => Stage::Rejected,
    };
    Progress {
        stage,
        in_favour,
        against,
        abstaining: counted().count() - in_favour - against,
        conflicted: positions.len() - counted().count(),
        quorum,
        closes,
        positions,
    }
}

fn position(statement: &Statement) -> Position {
    Position {
        author: statement.author,
        says: statement.text("position").unwrap_or("abstain").to_lowercase(),
        reason: statement.text("reason").map(str::to_owned),
        conflict: statement.text("conflict").map(str::to_owned),
        said: statement.created,
        record: statement.id,
    }
}
