//! What another version of an agreement changes, for whom, in plain sentences.
//!
//! ```text
//! in force ─┐
//!           ├─changes─▶ Change { narrower | wider | words, at once?, which roles, sentence }
//! proposed ─┘
//! ```
//! [`Effect`] is conservative: what might let anybody do more is [`Effect::Wider`]. So if no change is wider,
//! whatever [`crate::policy::permit`] permits under the new version, it permits under the old one; a test
//! tries that over random agreements.

mod clauses;
mod flows;
mod limits;
mod parties;
mod practice;
mod texts;

#[cfg(test)]
mod tests;

use super::Agreement;
use crate::handling::Role;

/// What a change does to what members can do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Effect {
    /// Less is allowed, or more is asked before it is.
    Narrower,
    /// More is allowed, or less is asked before it is.
    Wider,
    /// Nothing that the software enforces.
    Words,
}

impl Effect {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Narrower => "narrower",
            Effect::Wider => "wider",
            Effect::Words => "words",
        }
    }
}

/// One thing that another version changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    effect: Effect,
    at_once: bool,
    roles: Vec<Role>,
    sentence: String,
}

impl Change {
    /// What it does.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Does it hold as soon as it is proposed? Only narrower limits on records do
    /// ([`crate::policy::permit_all`]); all else waits until every member has signed.
    #[must_use]
    pub fn at_once(&self) -> bool {
        self.at_once
    }

    /// The roles that it concerns, without repetition; empty for everybody.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// What changes for whom, in plain English.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// A limit on records: a narrower one holds at once.
    fn of_records(effect: Effect, sentence: String) -> Change {
        Change { effect, at_once: effect == Effect::Narrower, roles: Vec::new(), sentence }
    }

    /// What is not a limit on records: it waits for the signatures.
    fn of_rules(effect: Effect, sentence: String) -> Change {
        Change { effect, at_once: false, roles: Vec::new(), sentence }
    }

    fn words(sentence: String) -> Change {
        Change::of_rules(Effect::Words, sentence)
    }

    fn concerning(self, roles: Vec<Role>) -> Change {
        Change { roles, ..self }
    }
}

/// See [`Agreement::changes`].
pub(super) fn changes(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let mut all = limits::dates(old, new);
    all.extend(parties::roles(old, new));
    all.extend(parties::parties(old, new));
    all.extend(flows::changes(old, new));
    all.extend(limits::ceiling(old.ceiling(), new.ceiling()));
    all.extend(clauses::changes(old, new));
    all.extend(practice::changes(old, new));
    all.extend(texts::changes(old, new));
    if all.is_empty() && old.hash() != new.hash() {
        let only = "Only explanations, the order or the layout of the text change; it is another text to sign all the same.";
        all.push(Change::words(only.into()));
    }
    all
}

/// The roles of both versions, those of the old one first.
fn roles_of_both<'a>(old: &'a Agreement, new: &'a Agreement) -> Vec<&'a Role> {
    let added = new.roles().iter().filter(|role| !old.roles().contains(role));
    old.roles().iter().chain(added).collect()
}

/// Narrower if the value fell, wider if it rose; `None` if it did neither.
fn by_order<T: Ord>(old: &T, new: &T) -> Option<Effect> {
    match new.cmp(old) {
        core::cmp::Ordering::Less => Some(Effect::Narrower),
        core::cmp::Ordering::Equal => None,
        core::cmp::Ordering::Greater => Some(Effect::Wider),
    }
}
