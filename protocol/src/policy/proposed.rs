//! Amendments that are proposed: their narrower limits hold at once (design 6, brief "An agreement is data").
//!
//! No merged agreement is made: a record must be permitted by the agreement in force **and** by every
//! amendment that waits for signatures. What is wider in one of them thereby waits, what is narrower counts.

use std::collections::BTreeMap;

use super::{Permitted, RecordFacts, Refusal, permit};
use crate::agreement::Agreement;
use crate::handling::Role;
use crate::ids::OrgId;

/// Do the agreement in force and all proposed amendments permit this record?
///
/// As [`permit`]; what is answered is [`Permitted`] by `in_force`, for the readers that all of them permit:
/// each permits exactly the readers that the record names, or none. An amendment says nothing of records
/// that are dated before it begins, so that proposing next year's renewal does not stop this year's flow.
///
/// # Errors
/// Every [`Refusal`] once, in the order of the table of codes. Those that only a proposed amendment makes
/// say so.
pub fn permit_all(
    in_force: &Agreement,
    proposed: &[&Agreement],
    roles: &BTreeMap<OrgId, Role>,
    facts: &RecordFacts,
) -> Result<Permitted, Vec<Refusal>> {
    let answer = permit(in_force, roles, facts);
    let mut refusals = answer.as_ref().err().cloned().unwrap_or_default();
    for amendment in proposed.iter().filter(|amendment| facts.created >= amendment.start().begins()) {
        let Err(more) = permit(amendment, roles, facts) else { continue };
        for refusal in more {
            let marked = by_amendment(&refusal);
            if !refusals.contains(&refusal) && !refusals.contains(&marked) {
                refusals.push(marked);
            }
        }
    }
    // Codes are ordered as in the table. Of one code, those of the agreement in force stay first.
    refusals.sort_by_key(|refusal| refusal.code);
    match answer {
        Ok(permitted) if refusals.is_empty() => Ok(permitted),
        _ => Err(refusals),
    }
}

fn by_amendment(refusal: &Refusal) -> Refusal {
    let reason =
        format!("{} (by the amendment that was proposed; its narrower limits hold at once)", refusal.reason);
    Refusal { code: refusal.code, reason }
}
