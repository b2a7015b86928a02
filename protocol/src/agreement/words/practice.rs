//! The clauses about working together, in plain English.

use super::clauses::{count, signers};
use super::{kind_words, list, role_words};
use crate::agreement::{Agreement, Choice, Exchange, ReleaseClause, VisitsClause};
use crate::vocabulary::{STATUS_AXIS, Vocabularies};

pub(super) fn sentences(agreement: &Agreement) -> Vec<String> {
    let mut all: Vec<String> = agreement.exchanges().iter().map(exchange).collect();
    all.extend(agreement.visits().into_iter().flat_map(visits));
    all.extend(agreement.quorum().map(|quorum| {
        let signed = signers(quorum).replace("stewards", "members").replace("steward", "member");
        format!("No motion is decided unless {} a position.", signed.replace("must sign", "take"))
    }));
    all.extend(agreement.release().map(release));
    for (name, terms) in &agreement.additions().terms {
        let terms = terms.iter().map(|term| format!("\u{201c}{term}\u{201d}"));
        all.push(format!("The parties add to the vocabulary {name}: {}.", list(terms, "and")));
    }
    for (word, axis) in &agreement.additions().scale {
        let label = Vocabularies::shipped().get(STATUS_AXIS).and_then(|v| v.term(axis));
        let means = label.map_or(axis.as_str(), |term| term.label.as_str());
        all.push(format!("Of a recommendation, \u{201c}{word}\u{201d} means: {means}."));
    }
    all
}

pub(in crate::agreement) fn exchange(exchange: &Exchange) -> String {
    let from = list(exchange.from().iter().map(role_words), "and");
    let kinds = list(exchange.kinds().iter().map(kind_words), "or");
    let days = count(exchange.every_days(), "day", "days");
    let first = exchange.first().map(|day| format!(", first on {day}")).unwrap_or_default();
    format!(
        "Every {days}{first}, {from} send {kinds} (\u{201c}{}\u{201d}): what is late is shown as overdue.",
        exchange.what()
    )
}

pub(in crate::agreement) fn release(clause: &ReleaseClause) -> String {
    let from = list(clause.from().iter().map(role_words), "and");
    let what = match clause.kinds() {
        Choice::Any => "records of any kind".to_owned(),
        Choice::These(kinds) => list(kinds.iter().map(kind_words), "and"),
    };
    let of = match clause.sensitivity() {
        [] => String::new(),
        classes => format!(" of the class {}", list(classes.iter().map(|class| class.as_str()), "or")),
    };
    let approvals = clause.approvals();
    format!(
        "{what}{of} by {from} are shared only once {approvals} different persons of the author released them."
    )
}

pub(in crate::agreement) fn visits(clause: VisitsClause) -> Vec<String> {
    let days = clause.contribution_days().map(|days| {
        let days = count(days, "day", "days");
        format!("Within {days} after a visit, members that may send contributions owe one to its report.")
    });
    let views = if clause.divergent_views_are_carried() {
        "The final report of a visit carries the divergent views of members as they were signed, or it is refused."
    } else {
        "Divergent views are shown beside the report of a visit."
    };
    days.into_iter().chain([views.to_owned()]).collect()
}
