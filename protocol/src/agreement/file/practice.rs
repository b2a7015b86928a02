//! The sections about working together.
//!
//! ```toml
//! [[exchange]]                 # what is sent regularly: due and overdue are shown
//! what = "Quarterly figures on remand prisons"
//! from = ["cso"]
//! kinds = ["baseline"]
//! every_days = 90              # 1 to 1830
//! first = 2026-03-31           # may be left out
//!
//! [visits]                     # what follows a visit
//! contribution_days = 15       # members owe a contribution so many days after it
//! divergent_views = "carried"  # the final report carries them as they were signed; else "shown"
//!
//! [council]
//! quorum = "majority"          # the least for any motion: 1 to 64, "majority" or "all" of the members
//!
//! [vocabulary]                 # terms that the parties add
//! place-category = ["nursing-home"]
//!
//! [scale]                      # words for status, and what each means on the common axis
//! "დაწყებულია" = "initial-steps"
//!
//! [release]                    # what several persons of its author must release (C3)
//! from = ["npm"]               # may be left out: every member
//! kinds = ["visit-report"]     # or "any"
//! sensitivity = ["named"]      # may be left out: every class
//! approvals = 2                # 2 to 8 persons, who proposes it included
//! ```

use super::{kind, of_parties};
use crate::agreement::Choice;
use crate::agreement::practice::{Exchange, Practice, ReleaseClause, VisitsClause};
use crate::agreement::table::{AgreementError, Table, readable};
use crate::handling::Role;
use crate::limits;
use crate::vocabulary::Additions;

/// Regular exchanges: more than any real agreement has.
const MAX_EXCHANGES: usize = 32;
/// Vocabularies that one agreement extends.
const MAX_VOCABULARIES: usize = 32;
/// Terms that it adds to one, and words for status.
const MAX_TERMS: usize = 256;
/// A term, in bytes of UTF-8.
const MAX_TERM: usize = 96;

pub(super) fn practice(root: &Table<'_>, roles: &[Role]) -> Result<Practice, AgreementError> {
    Ok(Practice {
        exchanges: exchanges(root, roles)?,
        visits: visits(root)?,
        quorum: match root.section("council")? {
            None => None,
            Some(table) => {
                table.only(&["quorum"])?;
                let field = table.need("quorum", "quorum = \"majority\", or delete [council]")?;
                Some(super::clauses::threshold(&field)?)
            }
        },
        additions: Additions { terms: terms(root)?, scale: scale(root)? },
        release: release(root, roles)?,
    })
}

fn release(root: &Table<'_>, roles: &[Role]) -> Result<Option<ReleaseClause>, AgreementError> {
    let Some(table) = root.section("release")? else { return Ok(None) };
    table.only(&["from", "kinds", "sensitivity", "approvals"])?;
    let kinds = table.need("kinds", "what is released, as in kinds = [\"visit-report\"]")?;
    let approvals = table.need("approvals", "how many persons release it: approvals = 2")?;
    let mut choices = ReleaseClause::APPROVALS;
    let many = choices
        .find(|many| approvals.is_number(&many.to_string()))
        .ok_or_else(|| approvals.wrong("is not a number from 2 to 8", "write approvals = 2"))?;
    Ok(Some(ReleaseClause {
        from: match table.get("from") {
            Some(field) => of_parties(&field, roles)?,
            None => roles.to_vec(),
        },
        kinds: match kinds.is_word("any") {
            true => Choice::Any,
            false => Choice::These(kinds.list("[\"visit-report\"]", super::MAX_KINDS, kind)?),
        },
        sensitivity: match table.get("sensitivity") {
            Some(field) => field.list("[\"named\"]", 3, super::sensitivity)?,
            None => Vec::new(),
        },
        approvals: many,
    }))
}

fn exchanges(root: &Table<'_>, roles: &[Role]) -> Result<Vec<Exchange>, AgreementError> {
    let mut all = Vec::new();
    for table in root.sections("exchange", MAX_EXCHANGES)? {
        table.only(&["what", "from", "kinds", "every_days", "first"])?;
        let example = "[\"baseline\"]";
        let days = super::clauses::days(&table, "every_days", Exchange::MOST_DAYS)?;
        all.push(Exchange {
            what: table.need("what", "what it is called, as in what = \"...\"")?.line(limits::MAX_NAME)?,
            from: of_parties(&table.need("from", "who sends, as in from = [\"cso\"]")?, roles)?,
            kinds: table.need("kinds", &format!("what is sent, as in kinds = {example}"))?.list(
                example,
                super::MAX_KINDS,
                kind,
            )?,
            every_days: days
                .ok_or_else(|| table.missing("every_days", "write every_days = 90, for example".into()))?,
            first: table.get("first").map(|field| field.day()).transpose()?,
        });
    }
    Ok(all)
}

fn visits(root: &Table<'_>) -> Result<Option<VisitsClause>, AgreementError> {
    let Some(table) = root.section("visits")? else { return Ok(None) };
    table.only(&["contribution_days", "divergent_views"])?;
    let contribution_days = super::clauses::days(&table, "contribution_days", Exchange::MOST_DAYS)?;
    let read = |word: &str| match word {
        "carried" => Some(true),
        "shown" => Some(false),
        _ => None,
    };
    let carried = table.get("divergent_views").map(|field| field.word("carried, shown", read)).transpose()?;
    Ok(Some(VisitsClause { contribution_days, divergent_views: carried.unwrap_or(false) }))
}

type Terms = std::collections::BTreeMap<String, Vec<String>>;

fn terms(root: &Table<'_>) -> Result<Terms, AgreementError> {
    let Some(table) = root.section("vocabulary")? else { return Ok(Terms::new()) };
    let example = "[\"nursing-home\"]";
    let mut all = Terms::new();
    for field in table.fields(MAX_VOCABULARIES)? {
        if kind(field.key()).is_err() {
            let instead = "write the name of one, as `entente record vocabulary` shows them";
            return Err(field.wrong("is not the name of a vocabulary", instead));
        }
        all.insert(field.key().to_owned(), field.list(example, MAX_TERMS, term)?);
    }
    Ok(all)
}

fn scale(root: &Table<'_>) -> Result<std::collections::BTreeMap<String, String>, AgreementError> {
    let Some(table) = root.section("scale")? else { return Ok(Default::default()) };
    let mut all = std::collections::BTreeMap::new();
    for field in table.fields(MAX_TERMS)? {
        let word = term(field.key()).map_err(|why| field.wrong(why, "write a word for status"))?;
        let axis = field.line(MAX_TERM)?;
        if kind(&axis).is_err() {
            let instead = "write a step of the common axis: `entente record vocabulary status-axis`";
            return Err(field.wrong(format!("means \"{}\", which is no step", readable(&axis)), instead));
        }
        all.insert(word, axis);
    }
    Ok(all)
}

fn term(word: &str) -> Result<String, String> {
    let word = word.trim();
    let fine = (1..=MAX_TERM).contains(&word.len()) && readable(word) == word && !word.contains(['\n', '\t']);
    if fine { Ok(word.to_owned()) } else { Err(format!("names \"{}\", which is no term", readable(word))) }
}
