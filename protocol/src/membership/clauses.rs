//! What the agreement says about deciding and declaring, as the fold asks it.

use crate::agreement::{Agreement, Threshold};
use crate::declaration::Declaration;
use crate::handling::Role;
use crate::ids::Hash;
use crate::membership::acts::Deed;

/// How many stewards have to sign a deed. `of_steward` says that it puts a steward out; `stewards` counts them,
/// and is asked only where the agreement wants more than one.
pub(super) fn needed(
    agreement: &Agreement,
    deed: &Deed,
    of_steward: bool,
    stewards: impl Fn() -> usize,
) -> usize {
    let decisions = agreement.decisions();
    let threshold = match deed {
        Deed::Approve { .. } => decisions.admit(),
        Deed::Remove(_) if of_steward => decisions.steward(),
        Deed::Remove(_) => decisions.remove(),
        Deed::Role { .. } => decisions.role(),
        Deed::Steward { .. } => decisions.steward(),
        Deed::Terminate { .. } => decisions.terminate(),
        Deed::Grant(_) => decisions.history(),
        // Every member signs these; who asks does not come here.
        Deed::Amend(_) | Deed::Renew { .. } => Threshold::All,
    };
    if threshold == Threshold::Stewards(1) { 1 } else { threshold.needed(stewards()) }
}

/// What a member with this role declares: the text's hash, and for how many days a declaration is good.
pub(super) fn declaration(agreement: &Agreement, role: &Role) -> Option<(Hash, u64)> {
    let clause = agreement.declaration().filter(|clause| clause.wanted_of(role))?;
    Some((clause.hash(), u64::from(clause.valid_days())))
}

/// Whether a declaration is the one asked for, and for no longer than allowed.
pub(super) fn declares(wanted: (Hash, u64), said: &Declaration) -> bool {
    let (text, days) = wanted;
    said.text == text && said.expires <= said.time.plus_days(days)
}
