//! A consent: given → narrowed, withdrawn or expired. It never becomes wider: a new use wants a new consent
//! (rule C7).

use std::collections::BTreeSet;

use super::Statement;
use crate::ids::Timestamp;
use crate::moment::Moment;

/// What a consent is worth.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// As it was given.
    Given,
    /// For fewer uses, or a shorter time, than it was given.
    Narrowed,
    /// Its time is past.
    Expired,
    /// The person took it back.
    Withdrawn,
}

impl Stage {
    /// The word used in JSON and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Given => "given",
            Stage::Narrowed => "narrowed",
            Stage::Expired => "expired",
            Stage::Withdrawn => "withdrawn",
        }
    }
}

/// Where a consent stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// What it is worth.
    pub stage: Stage,
    /// The uses that it still allows; none once it is withdrawn or has expired.
    pub uses: BTreeSet<String>,
    /// Until when.
    pub expires: Option<Moment>,
}

/// Where a consent stands, by everything that its author noted. `statements` may hold others. Each change
/// takes away; so the order in which they came does not matter, and superseding takes nothing back.
#[must_use]
pub fn progress(consent: &Statement, statements: &[&Statement], now: Timestamp) -> Progress {
    let change = |s: &&Statement| {
        s.is("consent") && s.author == consent.author && s.id != consent.id && s.names("changes", &consent.id)
    };
    let given: BTreeSet<String> = consent.texts("uses").into_iter().map(str::to_owned).collect();
    let (mut uses, mut expires) = (given.clone(), consent.moment("expires"));
    let mut withdrawn = consent.yes("withdrawn");
    for change in statements.iter().copied().filter(change) {
        withdrawn |= change.yes("withdrawn");
        if change.field("uses").is_some() {
            let left = change.texts("uses");
            uses.retain(|granted| left.contains(&granted.as_str()));
        }
        expires = match (expires, change.moment("expires")) {
            (Some(a), Some(b)) => Some(if b.is_over() < a.is_over() { b } else { a }),
            (a, b) => a.or(b),
        };
    }
    let narrower = uses != given || expires != consent.moment("expires");
    let stage = match expires {
        _ if withdrawn => Stage::Withdrawn,
        Some(end) if end.is_over() <= now => Stage::Expired,
        _ if narrower => Stage::Narrowed,
        _ => Stage::Given,
    };
    if matches!(stage, Stage::Withdrawn | Stage::Expired) {
        uses.clear();
    }
    Progress { stage, uses, expires }
}
