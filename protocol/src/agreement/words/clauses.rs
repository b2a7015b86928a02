//! The sections that may be left out, in plain English: also what holds where they are.

use super::{capitalised, list, quoted, role_words};
use crate::agreement::{Agreement, Choice, DeclarationClause, DocumentClause, Keys, Newcomers, Threshold};
use crate::handling::Role;
use crate::kinds;

/// Days after which keys are advised to be older than is good: what a thief of one reads grows with them.
const OLD: u16 = 90;
/// The kinds that show what happens inside a place, before a report is made of it.
const VISITS: [&str; 2] = ["visit", "notes"];

/// Who decides what; how long keys and declarations hold; what newcomers read; what is attached.
pub(super) fn sentences(agreement: &Agreement) -> Vec<String> {
    let mut all = decisions(agreement);
    all.extend(agreement.declaration().map(declaration));
    all.push(newcomers(*agreement.history()));
    all.push(keys(agreement.keys()));
    all.extend(agreement.document().map(document));
    all
}

/// One sentence for each number of signatures, fewest first.
fn decisions(agreement: &Agreement) -> Vec<String> {
    let mut groups: Vec<(Threshold, Vec<&str>)> = Vec::new();
    for (threshold, what) in agreement.decisions().each() {
        match groups.iter_mut().find(|(of, _)| *of == threshold) {
            Some((_, decisions)) => decisions.push(what),
            None => groups.push((threshold, vec![what])),
        }
    }
    let sentence = |(of, what): &(Threshold, Vec<&str>)| format!("{} to {}.", signers(*of), list(what, "or"));
    let mut all: Vec<String> = groups.iter().map(|group| capitalised(&sentence(group))).collect();
    all.push("Changing or renewing this agreement always wants the signature of every member; narrower limits on records hold as soon as they are proposed.".into());
    all
}

/// "two stewards must sign".
pub(in crate::agreement) fn signers(of: Threshold) -> String {
    match of {
        Threshold::Stewards(1) => "one steward must sign".into(),
        Threshold::Stewards(n) => format!("{n} stewards must sign (all of them where there are fewer)"),
        Threshold::Majority => "more than half of the stewards must sign".into(),
        Threshold::All => "all stewards must sign".into(),
    }
}

fn declaration(clause: &DeclarationClause) -> String {
    let who = declarers(clause.roles());
    let days = count(clause.valid_days(), "day", "days");
    let asked = format!(
        "A declaration of confidentiality is asked of {who}: no key before it is signed, and none once the signature is older than {days}. It reads"
    );
    quoted(&asked, clause.text())
}

/// Those who must sign the declaration of confidentiality.
pub(in crate::agreement) fn declarers(roles: &Choice<Role>) -> String {
    match roles {
        Choice::Any => "all members".into(),
        Choice::These(roles) => list(roles.iter().map(role_words), "and"),
    }
}

pub(in crate::agreement) fn newcomers(newcomers: Newcomers) -> String {
    match newcomers {
        Newcomers::None => "Newcomers read nothing that was shared before they were admitted.".into(),
        Newcomers::All => {
            "Newcomers may read all that was shared with everyone before they were admitted.".into()
        }
        Newcomers::Since(day) => {
            format!(
                "Newcomers may read what was shared with everyone from {day} (UTC) on, before they were admitted."
            )
        }
    }
}

fn keys(keys: Keys) -> String {
    let days = count(keys.rotate_days(), "day", "days");
    format!("Keys are renewed whenever a member goes or comes, and at least every {days}.")
}

fn document(document: &DocumentClause) -> String {
    let size = document.size().map(|size| format!("{size} bytes, ")).unwrap_or_default();
    format!(
        "The file \u{201c}{}\u{201d} ({size}hash {}) is part of what is signed. The software makes sure that it is that very file, and enforces nothing that stands in it.",
        document.name(),
        document.hash()
    )
}

/// "1 day", "30 days".
pub(in crate::agreement) fn count(n: u16, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// See [`Agreement::advice`].
pub(super) fn advice(agreement: &Agreement) -> Vec<String> {
    let mut all = Vec::new();
    if let Newcomers::Since(day) = agreement.history() {
        let start = agreement.start();
        if *day <= start {
            all.push(format!("Newcomers may read what was shared from {day} on, and nothing was shared before the agreement begins on {start}: \u{201c}all\u{201d} says the same."));
        }
        if agreement.end().is_some_and(|end| *day > end) {
            all.push(format!("Newcomers may read what was shared from {day} on, when the agreement has ended: \u{201c}none\u{201d} says the same."));
        }
    }
    let rotate_days = agreement.keys().rotate_days();
    if rotate_days > OLD {
        all.push(format!("Keys are renewed every {rotate_days} days only: who takes one reads as many days of records. {} are usual.", Keys::USUAL_DAYS));
    }
    all.extend(sent_unbound(agreement));
    all
}

/// C4, C5: what is the NPM's own and confidential goes to who is bound.
fn sent_unbound(agreement: &Agreement) -> Vec<String> {
    let mut all = Vec::new();
    let bound = |role| agreement.declaration().is_some_and(|clause| clause.wanted_of(role));
    for (n, flow) in (1..).zip(agreement.flows()) {
        let Choice::These(kinds) = &flow.kinds else { continue };
        let inside = kinds.iter().filter_map(kinds::known).filter(|facts| VISITS.contains(&facts.name));
        let inside = list(inside.map(|facts| facts.plural), "and");
        let readers: Vec<String> = agreement
            .roles()
            .iter()
            .filter(|role| role.as_str() != kinds::NPM && !bound(role))
            .filter(|role| match &flow.to {
                Choice::Any => true,
                Choice::These(to) => to.contains(role),
            })
            .map(role_words)
            .collect();
        if !inside.is_empty() && !readers.is_empty() {
            let who = list(readers, "and");
            all.push(format!(
                "Flow {n} lets {who} read {inside}, and no [declaration] of confidentiality is asked of them."
            ));
        }
    }
    all
}
