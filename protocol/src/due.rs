//! What is owed, by whom, until when: dates that the agreement and the records set, and what is overdue.
//!
//! Pure: from statements, the agreement's clauses and the time to a list. Nothing is sent because of it; it is
//! for people.

use crate::agreement::{Agreement, Day, Exchange};
use crate::handling::Role;
use crate::ids::{OrgId, RecordId, Timestamp};
use crate::lifecycle::recommendation::Stage;
use crate::lifecycle::{self, Statement};
use crate::vocabulary::Vocabularies;

/// What kind of thing is owed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum What {
    /// An answer to a request for information.
    Answer,
    /// A reply of the authority to a recommendation.
    Reply,
    /// What the authority promised.
    Promise,
    /// A regular exchange of the agreement.
    Exchange,
    /// A contribution to the report of a visit.
    Contribution,
    /// A position on a motion.
    Position,
}

impl What {
    /// The word used in JSON and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            What::Answer => "answer",
            What::Reply => "reply",
            What::Promise => "promise",
            What::Exchange => "exchange",
            What::Contribution => "contribution",
            What::Position => "position",
        }
    }
}

/// One thing that is owed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// What.
    pub what: What,
    /// Which record asks for it; none for a regular exchange.
    pub record: Option<RecordId>,
    /// What it is called: the record's title, or the clause.
    pub title: String,
    /// By whom; `None` where it is an authority, which is no member.
    pub by: Option<OrgId>,
    /// When it is overdue.
    pub due: Timestamp,
    /// Is that past?
    pub overdue: bool,
}

/// Who is in a partnership, and since when.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub org: OrgId,
    /// The part it plays.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
}

/// Something that was shared, with its readers.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// What was said.
    pub statement: &'a Statement,
    /// The other organisations that read it.
    pub readers: &'a [OrgId],
    /// What it is called.
    pub title: &'a str,
}

/// What is owed because of one record. `about` are the statements that refer to it.
#[must_use]
pub fn of_record(
    sent: Sent<'_>,
    about: &[&Statement],
    (agreement, members): (&Agreement, &[Member]),
    vocabularies: &Vocabularies,
    now: Timestamp,
) -> Vec<Due> {
    let statement = sent.statement;
    let owed = |what, by, due: Timestamp| Due {
        what,
        record: Some(statement.id),
        title: sent.title.to_owned(),
        by,
        due,
        overdue: due <= now,
    };
    let due = statement.moment("due").map(crate::moment::Moment::is_over);
    match statement.kind.as_str() {
        "information-request" => due.map_or_else(Vec::new, |due| {
            let answered =
                |org: &OrgId| about.iter().any(|s| s.author == *org && s.replies_to == Some(statement.id));
            // A question to all is answered by whoever knows; one to named readers by each of them.
            let to_all = sent.readers.len() + 1 >= members.len() && sent.readers.len() > 1;
            if to_all && sent.readers.iter().any(answered) {
                return Vec::new();
            }
            sent.readers
                .iter()
                .filter(|org| !answered(org))
                .map(|org| owed(What::Answer, Some(*org), due))
                .collect()
        }),
        "recommendation" => {
            let progress = lifecycle::recommendation::progress(statement, about, vocabularies, now);
            let waits = progress.replies == 0
                && !matches!(progress.stage, Stage::Closed | Stage::Repeated | Stage::Superseded);
            let reply = due.filter(|_| waits).map(|due| owed(What::Reply, None, due));
            let promise = progress.promise_overdue.map(|m| owed(What::Promise, None, m.is_over()));
            reply.into_iter().chain(promise).collect()
        }
        "visit" => contributions(statement, about, (agreement, members), &owed),
        // A record that takes a motion back, or counts it, asks for no positions.
        "motion" if statement.field("withdraws").or(statement.field(lifecycle::motion::TALLY)).is_some() => {
            Vec::new()
        }
        "motion" => {
            let voters = members.iter().map(|m| m.org).collect();
            let least = agreement.quorum().map_or(0, |quorum| quorum.needed(members.len()) as u64);
            let progress = lifecycle::motion::progress(statement, about, (&voters, least), now);
            let silent = |org: &OrgId| progress.positions.iter().all(|p| p.author != *org);
            let open = progress.stage == lifecycle::motion::Stage::Open;
            let due = progress.closes.filter(|_| open).map(crate::moment::Moment::is_over);
            let all = due.into_iter().flat_map(|due| {
                let asked = sent.readers.iter().chain([&statement.author]).filter(|org| silent(org));
                asked.map(|org| owed(What::Position, Some(*org), due)).collect::<Vec<_>>()
            });
            all.collect()
        }
        _ => Vec::new(),
    }
}

/// After a visit is over, each member that may send contributions owes one within the days of the agreement.
fn contributions(
    visit: &Statement,
    about: &[&Statement],
    (agreement, members): (&Agreement, &[Member]),
    owed: &impl Fn(What, Option<OrgId>, Timestamp) -> Due,
) -> Vec<Due> {
    let days = agreement.visits().and_then(|clause| clause.contribution_days());
    let (Some(days), Some(ends)) = (days, lifecycle::visit::ends(visit)) else { return Vec::new() };
    if visit.field("visit").is_some() {
        return Vec::new();
    }
    let Ok(kind) = "contribution".parse() else { return Vec::new() };
    let owes = |member: &&Member| {
        let author = members.iter().find(|m| m.org == visit.author);
        let flows = |to: &Role| agreement.flows().iter().any(|flow| flow.covers(&member.role, &kind, to));
        let sent = about.iter().any(|s| {
            s.author == member.org
                && (s.is("contribution") || s.is("divergent-view"))
                && s.is_about("visit", &visit.id)
        });
        member.org != visit.author && author.is_some_and(|a| flows(&a.role)) && !sent
    };
    let due = ends.is_over().plus_days(u64::from(days));
    members.iter().filter(owes).map(|m| owed(What::Contribution, Some(m.org), due)).collect()
}

/// The next date of each regular exchange, for each member that owes it. `sent` are the records that were
/// shared: author, kind and date of each.
#[must_use]
pub fn of_agreement<'a>(
    agreement: &Agreement,
    members: &[Member],
    sent: impl Iterator<Item = (OrgId, &'a str, Timestamp)> + Clone,
    now: Timestamp,
) -> Vec<Due> {
    let mut all = Vec::new();
    for exchange in agreement.exchanges() {
        for member in members.iter().filter(|m| exchange.from().contains(&m.role)) {
            let last = sent
                .clone()
                .filter(|(author, kind, _)| {
                    *author == member.org && exchange.kinds().iter().any(|k| k.as_str() == *kind)
                })
                .map(|(.., when)| when)
                .max();
            let due = next(exchange, agreement.start(), member.since, last);
            if agreement.holds_at(Timestamp(due.0.saturating_sub(1))) {
                all.push(Due {
                    what: What::Exchange,
                    record: None,
                    title: exchange.what().to_owned(),
                    by: Some(member.org),
                    due,
                    overdue: due <= now,
                });
            }
        }
    }
    all
}

/// The first date of the schedule that nothing was sent for: within the days before it, or later. Of the dates
/// before a member came only the last binds it, and only where the agreement names the first date: it signed
/// that.
fn next(exchange: &Exchange, start: Day, since: Timestamp, last: Option<Timestamp>) -> Timestamp {
    let every = u64::from(exchange.every_days()).max(1) * Timestamp::DAY;
    let first = exchange.first().map_or_else(|| Timestamp(start.begins().0 + every), Day::is_over).0;
    let from = last.map_or(since.0, |last| last.0.max(since.0));
    // What was sent within a period counts for the date that ends it.
    let periods = match last {
        Some(_) if from >= first.saturating_sub(every) => (from.saturating_add(every) - first) / every + 1,
        None if from >= first => (from - first) / every + u64::from(exchange.first().is_none()),
        _ => 0,
    };
    Timestamp(first.saturating_add(periods.saturating_mul(every)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
