//! A motion: open → decided, rejected, no quorum or withdrawn.
//!
//! Each organisation has one position, its newest that was said before the motion closed. Who declared a
//! conflict of interest counts neither for the majority nor for the quorum. A motion that names no quorum is
//! never decided: a decision without quorum is not a decision.
//!
//! What is dated before the closing may have been written after it: clocks lie. So until the motion's author counted
//! the positions, in a record of the kind `motion` with `tally`, the outcome is provisional. From then on exactly the
//! positions count that it names, whatever comes later and however it is dated; and everybody sees what it left out.
//! Two tallies that name different positions contradict each other, and decide nothing.

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
    /// Its author counted it twice, and differently.
    Contested,
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
            Stage::Contested => "contested",
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
    /// The record in which its author counted the positions; without one, the outcome is provisional.
    pub tally: Option<RecordId>,
    /// What does not count: dated after the closing, or not named by the tally. Oldest first.
    pub uncounted: Vec<Position>,
}

/// A record of the motion's author with these fields counts the positions: of which motion, and which they are.
pub const TALLY: &str = "tally";
/// The positions that a tally names.
pub const COUNTED: &str = "counted";

/// Where a motion stands, by everything that is known of it. `members` may take positions, and `least` is the
/// quorum that the agreement asks for at least; `statements` may hold others.
#[must_use]
pub fn progress(
    motion: &Statement,
    statements: &[&Statement],
    (members, least): (&BTreeSet<OrgId>, u64),
    now: Timestamp,
) -> Progress {
    let said = || statements.iter().copied().filter(|s| !s.draft || motion.draft);
    let all = current(said());
    let closes = motion.moment("closes");
    let in_time = |s: &Statement| closes.is_none_or(|end| s.created < end.is_over());
    let tallies: Vec<&Statement> = all
        .iter()
        .copied()
        .filter(|s| s.is("motion") && s.author == motion.author && s.names(TALLY, &motion.id) && !in_time(s))
        .collect();
    let named: BTreeSet<BTreeSet<RecordId>> =
        tallies.iter().map(|s| s.ids(COUNTED).into_iter().collect()).collect();
    let tally = tallies.first().filter(|_| named.len() == 1);
    let of_motion = |s: &&Statement| s.is("position") && s.is_about("motion", &motion.id);
    let counted: Vec<&Statement> = match (tally, named.first()) {
        // Named is named, also if its author corrected it later or is no member any more.
        (Some(_), Some(named)) => said().filter(of_motion).filter(|s| named.contains(&s.id)).collect(),
        _ => all
            .iter()
            .copied()
            .filter(of_motion)
            .filter(|s| in_time(s) && members.contains(&s.author))
            .collect(),
    };
    let newest = newest_of_each(&counted);
    let left_out = |s: &&Statement| match tally {
        Some(_) => counted.iter().all(|c| c.id != s.id),
        None => !in_time(s),
    };
    let uncounted = all.iter().copied().filter(of_motion).filter(left_out).map(position).collect();
    let positions: Vec<Position> = newest.into_values().map(position).collect();
    let counted = || positions.iter().filter(|p| p.conflict.is_none());
    let count = |says: &str| counted().filter(|p| p.says == says).count();
    let (in_favour, against) = (count("for"), count("against"));
    let quorum = motion.number("quorum").filter(|n| *n > 0).map(|n| n.max(least));
    let enough = quorum.is_some_and(|n| counted().count() as u64 >= n);
    let closed = tally.is_some() || closes.is_some_and(|end| end.is_over() <= now);
    let withdrawn = all.iter().any(|s| {
        s.is("motion") && s.author == motion.author && s.names("withdraws", &motion.id) && in_time(s)
    });
    let stage = match (withdrawn, closed, enough) {
        (true, ..) => Stage::Withdrawn,
        _ if named.len() > 1 => Stage::Contested,
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
        tally: tally.map(|s| s.id),
        uncounted,
    }
}

/// The newest position of each author, by its author's clock: the field `date` could be any day.
fn newest_of_each<'a>(positions: &[&'a Statement]) -> BTreeMap<OrgId, &'a Statement> {
    let mut newest: BTreeMap<OrgId, &Statement> = BTreeMap::new();
    for s in positions.iter().copied() {
        let known = newest.entry(s.author).or_insert(s);
        if (known.created, known.id) < (s.created, s.id) {
            *known = s;
        }
    }
    newest
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
