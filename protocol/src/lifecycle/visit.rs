//! A visit: planned → team confirmed (declarations valid) → done → reported → followed up.

use super::{Statement, current};
use crate::ids::{RecordId, Timestamp};
use crate::moment::Moment;

/// How far a visit is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// A plan.
    Planned,
    /// The team is confirmed, and everybody in it may go.
    TeamConfirmed,
    /// It took place.
    Done,
    /// There is a report.
    Reported,
    /// Another visit followed it up.
    FollowedUp,
}

impl Stage {
    /// The word used in JSON and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Planned => "planned",
            Stage::TeamConfirmed => "team-confirmed",
            Stage::Done => "done",
            Stage::Reported => "reported",
            Stage::FollowedUp => "followed-up",
        }
    }
}

/// Why somebody cannot be on a team.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit {
    /// The entry in the roster.
    pub expert: RecordId,
    /// The person's name there.
    pub name: String,
    /// Why, as the end of a sentence.
    pub why: String,
}

/// Where a visit stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// How far it is.
    pub stage: Stage,
    /// Who is on the team and may not go; the team is not confirmed before that is mended.
    pub unfit: Vec<Unfit>,
    /// Its last day, or its first where no last one is named.
    pub ends: Option<Moment>,
}

/// When a visit ends: its last day, or its first.
#[must_use]
pub fn ends(visit: &Statement) -> Option<Moment> {
    visit.moment("until").or_else(|| visit.moment("from"))
}

/// Where a visit stands, by everything that is known of it. `statements` may hold others; `experts` are
/// entries of the roster.
#[must_use]
pub fn progress(
    visit: &Statement,
    statements: &[&Statement],
    experts: &[&Statement],
    now: Timestamp,
) -> Progress {
    let all = current(statements.iter().copied().filter(|s| !s.draft || visit.draft));
    let own = |s: &&Statement| s.author == visit.author && s.id != visit.id;
    let steps = || all.iter().copied().filter(own).filter(|s| s.is("visit") && s.names("visit", &visit.id));
    let reported =
        all.iter().copied().filter(own).any(|s| s.is("visit-report") && s.names("visit", &visit.id));
    let followed = all.iter().copied().filter(own).any(|s| s.is("visit") && s.names("follows", &visit.id));
    let unfit = unfit(visit, experts, now);
    let done = visit.yes("done") || steps().any(|s| s.yes("done"));
    let confirmed = visit.yes("confirmed") || steps().any(|s| s.yes("confirmed"));
    let stage = if followed {
        Stage::FollowedUp
    } else if reported {
        Stage::Reported
    } else if done {
        Stage::Done
    } else if confirmed && unfit.is_empty() {
        Stage::TeamConfirmed
    } else {
        Stage::Planned
    };
    Progress { stage, unfit, ends: ends(visit) }
}

/// Who is on a visit's team although training or declaration do not hold until its end (or are not known): by
/// the newest version of each entry of the roster. What names no day does not expire; what is not in the
/// roster cannot be judged, and may not go.
#[must_use]
pub fn unfit(visit: &Statement, experts: &[&Statement], now: Timestamp) -> Vec<Unfit> {
    let until = ends(visit).map_or(now, Moment::begins).max(now);
    let mut all = Vec::new();
    for id in visit.ids("team") {
        let Some(expert) = newest(&id, experts) else {
            all.push(Unfit {
                expert: id,
                name: String::new(),
                why: "is not in the roster of experts here".into(),
            });
            continue;
        };
        let name = expert.text("name").or_else(|| expert.text("title")).unwrap_or_default().to_owned();
        for (field, what) in [
            ("declaration-until", "declaration of confidentiality"),
            ("training-until", "training as a monitor"),
        ] {
            if let Some(end) = expert.moment(field).filter(|end| end.is_over() <= until) {
                let day = crate::agreement::Day::of(end.begins());
                let why = format!("has a {what} that holds until {day}, which is before the visit is over");
                all.push(Unfit { expert: id, name: name.clone(), why });
            }
        }
    }
    all
}

/// An entry, or what superseded it.
fn newest<'a>(id: &RecordId, experts: &[&'a Statement]) -> Option<&'a Statement> {
    let mut found = experts.iter().copied().find(|s| s.is("expert") && s.id == *id)?;
    // Each step goes to a record that was not seen: superseding in a circle ends too.
    for _ in 0..experts.len() {
        let next = experts.iter().copied().filter(|s| s.is("expert") && s.author == found.author);
        match next.filter(|s| s.supersedes == Some(found.id)).max_by_key(|s| s.order()) {
            Some(next) => found = next,
            None => break,
        }
    }
    Some(found)
}
