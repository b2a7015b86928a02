//! An agreement in plain English: one clause, one sentence. What the software enforces comes first, what
//! is only recorded last, and which is which is said.

pub(in crate::agreement) mod clauses;
pub(in crate::agreement) mod practice;

use super::{Agreement, Choice, Flow, Form, PersonalData};
use crate::handling::{Kind, Onward, Role, Sensitivity};
use crate::kinds::{self, KINDS};

/// See [`Agreement::sentences`].
pub(super) fn sentences(agreement: &Agreement) -> Vec<String> {
    let mut all = vec![
        format!("\u{201c}{}\u{201d} is {}.", agreement.title, form(agreement.form)),
        duration(agreement),
    ];
    all.extend(agreement.renewal.as_ref().map(|text| quoted("On renewal the parties say", text)));
    all.extend(parties(agreement));
    all.extend(agreement.flows.iter().map(flow));
    all.push("What none of these clauses lets a member send is refused, and so is a record without a reader other than its author.".into());
    all.push("Sources and consents never leave the node of their author.".into());
    all.push(sensitivity(&agreement.ceiling.sensitivity));
    all.push(personal_data(agreement.ceiling.personal_data).into());
    all.push(onward(agreement.ceiling.onward).into());
    all.extend(clauses::sentences(agreement));
    all.extend(practice::sentences(agreement));
    all.extend(
        agreement.survival.as_ref().map(|text| quoted("After the end the parties remain bound", text)),
    );
    all.extend(agreement.recorded.iter().map(|(key, text)| {
        quoted(&format!("Recorded and signed, but not enforced by the software, on {}", topic(key)), text)
    }));
    all
}

/// See [`Agreement::advice`].
pub(super) fn advice(agreement: &Agreement) -> Vec<String> {
    let mut all = Vec::new();
    for (n, flow) in (1..).zip(&agreement.flows) {
        let Choice::These(kinds) = &flow.kinds else { continue };
        for kind in kinds {
            let Some(facts) = kinds::known(kind) else {
                all.push(format!("Flow {n} names the kind {kind}, which this version does not know: look whether it is spelt right."));
                continue;
            };
            if facts.never_leaves {
                all.push(format!(
                    "Flow {n} names {kind}, which never leaves its author's node: take it out."
                ));
            }
            for role in flow.from.iter().filter(|role| !facts.authors.include(role)) {
                let who = facts.authors.words();
                all.push(format!("Flow {n} lets {} send {kind}, but only {who} can write it: the clause has no effect for them.", role_words(role)));
            }
        }
    }
    for role in &agreement.roles {
        let sends = agreement.flows.iter().any(|f| f.from.contains(role));
        let reads = agreement.flows.iter().any(|f| match &f.to {
            Choice::Any => true,
            Choice::These(roles) => roles.contains(role),
        });
        if !sends && !reads {
            all.push(format!("No flow lets {} send or read anything.", role_words(role)));
        }
    }
    all.extend(clauses::advice(agreement));
    all
}

/// "The NPM may send visit reports to civil-society organisations."
pub(super) fn flow(flow: &Flow) -> String {
    let from = list(flow.from.iter().map(role_words), "and");
    let kinds = match &flow.kinds {
        Choice::These(kinds) => list(kinds.iter().map(kind_words), "and"),
        Choice::Any => {
            let confidential = KINDS.iter().filter(|k| k.confidential && !k.never_leaves).map(|k| k.plural);
            let except = list(confidential, "and");
            format!("records of every known kind that is not confidential (so not {except})")
        }
    };
    let to = match &flow.to {
        Choice::Any => "any other member".into(),
        Choice::These(roles) => list(roles.iter().map(role_words), "and"),
    };
    capitalised(&format!("{from} may send {kinds} to {to}."))
}

/// The members with a role, as the subject or object of a sentence.
pub(crate) fn role_words(role: &Role) -> String {
    match role.as_str() {
        kinds::NPM => "the NPM".into(),
        "cso" => "civil-society organisations".into(),
        "network" => "networks".into(),
        "expert" => "experts".into(),
        other => format!("members with the role {other}"),
    }
}

/// Several records of a kind, as the object of a sentence.
pub(crate) fn kind_words(kind: &Kind) -> String {
    match kinds::known(kind) {
        Some(facts) => facts.plural.into(),
        None => format!("records of the kind {kind}"),
    }
}

/// "a", "a and b", "a, b and c".
pub(crate) fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>, and: &str) -> String {
    let items: Vec<T> = items.into_iter().collect();
    let mut text = String::new();
    for (n, item) in items.iter().enumerate() {
        match n {
            0 => {}
            n if n + 1 == items.len() => text.extend([" ", and, " "]),
            _ => text.push_str(", "),
        }
        text.push_str(item.as_ref());
    }
    text
}

pub(super) fn form(form: Form) -> &'static str {
    match form {
        Form::Informal => "an informal arrangement to exchange information",
        Form::Formal => "a formal agreement",
        Form::AdvisoryBody => "the agreement of an advisory body",
        Form::JointActivity => "the agreement of a joint activity",
        Form::WithinNpm => "an agreement on taking part in the NPM itself",
    }
}

fn duration(agreement: &Agreement) -> String {
    let start = agreement.start;
    match agreement.end {
        Some(end) => format!("It holds from {start} until the end of {end} (both in UTC)."),
        None => format!("It holds from {start} (UTC), without an end date."),
    }
}

fn parties(agreement: &Agreement) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for party in &agreement.parties {
        let mut sentence = format!("{} takes part with the role {}", party.name, party.role);
        if let Some(id) = &party.organisation {
            sentence.push_str(&format!(", as the organisation {id}"));
        }
        if let Some(person) = &party.focal_point {
            sentence.push_str(&format!("; its focal point is {person}"));
        }
        all.push(sentence + ".");
    }
    let roles = list(agreement.roles.iter().map(Role::as_str), "or");
    all.push(format!("Members have the role {roles}."));
    all
}

fn sensitivity(classes: &[Sensitivity]) -> String {
    let classes = classes.iter().map(|it| class(*it));
    format!("Every record has one of these classes: {}.", list(classes, "or"))
}

/// A class with its label of the Traffic Light Protocol, and what it means.
pub(super) fn class(class: Sensitivity) -> &'static str {
    match class {
        Sensitivity::Own => "own (never leaves its author's node)",
        Sensitivity::Named => "named (TLP:RED, only the readers named)",
        Sensitivity::Partnership => "partnership (TLP:AMBER+STRICT, the members only)",
        Sensitivity::Public => "public (TLP:CLEAR, anyone)",
    }
}

pub(super) fn personal_data(rule: PersonalData) -> &'static str {
    match rule {
        PersonalData::Never => "Records hold no data about identifiable persons.",
        PersonalData::WithConsent => {
            "Records hold data about identifiable persons only where their consent is recorded."
        }
        PersonalData::Allowed => {
            "Records may hold data about identifiable persons; a public record only with their recorded consent."
        }
    }
}

pub(super) fn onward(ceiling: Onward) -> &'static str {
    match ceiling {
        Onward::Never => "Nobody passes on what they received.",
        Onward::Ask => {
            "Records are passed on only after their author said yes, or not at all where the author says so."
        }
        Onward::Allowed => "Records may be passed on, unless their author says otherwise.",
    }
}

pub(super) fn topic(key: &str) -> &str {
    match key {
        "visits" => "roles in visits",
        "gross_violation" => "what to do on finding a gross violation",
        "law" => "the governing law",
        other => other,
    }
}

/// Somebody's own words, in one line, as a sentence.
pub(super) fn quoted(before: &str, text: &str) -> String {
    format!("{before}: \u{201c}{}\u{201d}.", one_line(text))
}

/// A text without its line breaks.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

pub(super) fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(rest).collect()
}
