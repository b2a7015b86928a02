//! What the agreement says about deciding and declaring, as the fold asks it.

use crate::agreement::Agreement;
use crate::handling::Role;
use crate::ids::{Hash, Timestamp};
use crate::membership::acts::Deed;

/// How many stewards have to sign a deed.
pub(super) fn needed(
    _agreement: &Agreement,
    _deed: &Deed,
    _of_steward: bool,
    _stewards: impl Fn() -> usize,
) -> usize {
    1
}

/// What a member with this role declares: the text's hash, and for how long a declaration is good.
pub(super) fn declaration(_agreement: &Agreement, _role: &Role) -> Option<(Hash, u64)> {
    None
}

/// Whether a declaration is the one asked for, and for no longer than allowed.
pub(super) fn declares(wanted: (Hash, u64), said: &crate::declaration::Declaration) -> bool {
    let (text, days) = wanted;
    let longest: Timestamp = said.time.plus_days(days);
    said.text == text && said.expires <= longest
}
