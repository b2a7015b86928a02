//! What becomes of records over time: pure functions from the set of statements that were made to a state.
//!
//! ```text
//! { recommendation, replies, assessments, shadow information, … } ──progress(now)──▶ Progress { stage, … }
//! ```
//! Start at [`Statement`], then [`recommendation`], [`visit`], [`report`], [`consent`], [`motion`]. A state
//! never depends on the order in which statements arrived: partners hear of them in different orders, and
//! must see the same. Where two statements compete, the later one counts by what it says of its date, then by
//! its author's clock, then by its id. Whoever shows a state shows each statement with author and date.
//!
//! Superseded statements do not count ([`current`]), and only a record's own author supersedes it.

pub mod consent;
pub mod motion;
pub mod recommendation;
pub mod report;
pub mod visit;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::handling::Kind;
use crate::ids::{OrgId, RecordId, Timestamp};
use crate::moment::Moment;
use crate::value::Value;

/// A record, as far as life cycles look at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Its id.
    pub id: RecordId,
    /// What it is.
    pub kind: Kind,
    /// Whose it is.
    pub author: OrgId,
    /// When it was written, by its author's clock.
    pub created: Timestamp,
    /// What it says.
    pub fields: Vec<(String, Value)>,
    /// The record that it answers.
    pub replies_to: Option<RecordId>,
    /// The record that it corrects.
    pub supersedes: Option<RecordId>,
    /// Until when nobody outside may see it.
    pub embargo_until: Option<Timestamp>,
    /// Is it a draft that nobody else has seen?
    pub draft: bool,
}

impl Statement {
    /// Is it of this kind?
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_str() == kind
    }

    /// A field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// A field's text, if it is one that says something.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.field(name) {
            Some(Value::Text(text)) if !text.trim().is_empty() => Some(text.trim()),
            _ => None,
        }
    }

    /// All texts of a field.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let mut all = Vec::new();
        if let Some(value) = self.field(name) {
            value.each_text(&mut |text| all.push(text));
        }
        all
    }

    /// Does a field say yes?
    #[must_use]
    pub fn yes(&self, name: &str) -> bool {
        self.field(name) == Some(&Value::Bool(true))
    }

    /// A field's number, 0 or more.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.field(name) {
            Some(Value::Int(n)) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A field's date.
    #[must_use]
    pub fn moment(&self, name: &str) -> Option<Moment> {
        self.field(name).and_then(Moment::of)
    }

    /// The records that a field names.
    #[must_use]
    pub fn ids(&self, name: &str) -> Vec<RecordId> {
        self.texts(name).into_iter().filter_map(|text| text.trim().parse().ok()).collect()
    }

    /// Does a field name this record?
    #[must_use]
    pub fn names(&self, field: &str, id: &RecordId) -> bool {
        self.ids(field).contains(id)
    }

    /// Is it about this record, by a field or by replying to it?
    #[must_use]
    pub fn is_about(&self, field: &str, id: &RecordId) -> bool {
        self.replies_to == Some(*id) || self.names(field, id)
    }

    /// When it was said: its field `date`, else its author's clock.
    #[must_use]
    pub fn said(&self) -> Timestamp {
        self.moment("date").map_or(self.created, Moment::begins)
    }

    /// What decides which of two statements is the later one.
    #[must_use]
    pub fn order(&self) -> (Timestamp, Timestamp, RecordId) {
        (self.said(), self.created, self.id)
    }
}

/// The statements that no other of the same author and kind supersedes, each once, in the order in which they
/// were said.
#[must_use]
pub fn current<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> Vec<&'a Statement> {
    let mut once: BTreeMap<RecordId, &Statement> = BTreeMap::new();
    for statement in statements {
        let known = once.entry(statement.id).or_insert(statement);
        if statement.order() < known.order() {
            *known = statement;
        }
    }
    let mut all: Vec<&Statement> = once.into_values().collect();
    all.sort_by_key(|s| s.order());
    let replaced: BTreeSet<(RecordId, OrgId, &Kind)> =
        all.iter().filter_map(|s| s.supersedes.map(|old| (old, s.author, &s.kind))).collect();
    let gone = |s: &Statement| replaced.contains(&(s.id, s.author, &s.kind));
    all.iter().copied().filter(|s| !gone(s)).collect()
}
