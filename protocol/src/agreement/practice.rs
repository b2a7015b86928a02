//! The clauses about working together: regular exchanges, what follows a visit, votes, and words of the
//! parties' own. All may be left out.

use super::{Choice, Day, Threshold};
use crate::handling::{Kind, Role, Sensitivity};
use crate::vocabulary::Additions;

/// The clauses about working together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Practice {
    pub(super) exchanges: Vec<Exchange>,
    pub(super) visits: Option<VisitsClause>,
    pub(super) quorum: Option<Threshold>,
    pub(super) additions: Additions,
    pub(super) release: Option<ReleaseClause>,
}

/// Section `[release]`: what leaves its author only once several of its people released it (rule C3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleaseClause {
    pub(super) from: Vec<Role>,
    pub(super) kinds: Choice<Kind>,
    pub(super) sensitivity: Vec<Sensitivity>,
    pub(super) approvals: u8,
}

impl ReleaseClause {
    /// The least and the most persons that a clause can ask for, who proposes it included.
    pub const APPROVALS: core::ops::RangeInclusive<u8> = 2..=8;

    /// Must a record of this kind and class, by a member with this role, be released?
    #[must_use]
    pub fn covers(&self, from: &Role, kind: &Kind, class: Sensitivity) -> bool {
        let kinds = match &self.kinds {
            Choice::Any => true,
            Choice::These(kinds) => kinds.contains(kind),
        };
        kinds
            && self.from.contains(from)
            && (self.sensitivity.is_empty() || self.sensitivity.contains(&class))
    }

    /// Members with these roles.
    #[must_use]
    pub fn from(&self) -> &[Role] {
        &self.from
    }

    /// What.
    #[must_use]
    pub fn kinds(&self) -> &Choice<Kind> {
        &self.kinds
    }

    /// Of these classes; none stands for all.
    #[must_use]
    pub fn sensitivity(&self) -> &[Sensitivity] {
        &self.sensitivity
    }

    /// How many persons, in [`ReleaseClause::APPROVALS`].
    #[must_use]
    pub fn approvals(&self) -> u8 {
        self.approvals
    }
}

/// Section `[[exchange]]`: what is sent regularly. Due and overdue are shown; nothing is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchange {
    pub(super) what: String,
    pub(super) from: Vec<Role>,
    pub(super) kinds: Vec<Kind>,
    pub(super) every_days: u16,
    pub(super) first: Option<Day>,
}

impl Exchange {
    /// The most days between two exchanges: five years.
    pub const MOST_DAYS: u16 = 1830;

    /// What it is called.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Members with these roles owe it.
    #[must_use]
    pub fn from(&self) -> &[Role] {
        &self.from
    }

    /// A record of one of these kinds fulfils it.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Days from one date to the next, 1 to [`Exchange::MOST_DAYS`].
    #[must_use]
    pub fn every_days(&self) -> u16 {
        self.every_days
    }

    /// The first date; so many days after the agreement's start if it names none.
    #[must_use]
    pub fn first(&self) -> Option<Day> {
        self.first
    }
}

/// Section `[visits]`: what follows a visit, where members take part in them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VisitsClause {
    pub(super) contribution_days: Option<u16>,
    pub(super) divergent_views: bool,
}

impl VisitsClause {
    /// Days after a visit within which each member that may send contributions owes one.
    #[must_use]
    pub fn contribution_days(self) -> Option<u16> {
        self.contribution_days
    }

    /// Must the final report carry divergent views as they were signed?
    #[must_use]
    pub fn divergent_views_are_carried(self) -> bool {
        self.divergent_views
    }
}
