//! Refusals that neither the agreement nor the record explains: the partnership stands still, has ended, or
//! somebody's word or key is wanting. The node, which knows how things stand, raises them.

use super::{Refusal, RefusalCode, some};
use crate::ids::OrgId;

impl Refusal {
    /// `E-SUSPENDED`: the NPM suspended the partnership.
    #[must_use]
    pub fn suspended() -> Refusal {
        let reason = "the NPM suspended the partnership, and nothing is exchanged until it is resumed. Keep the record as a draft, and ask the NPM";
        Refusal { code: RefusalCode::Suspended, reason: reason.into() }
    }

    /// `E-TERMINATED`: the partnership was ended before its time.
    #[must_use]
    pub fn terminated() -> Refusal {
        let reason = "the partnership was ended, and nothing is exchanged in it any more. Share the record in another partnership, or found a new one";
        Refusal { code: RefusalCode::Terminated, reason: reason.into() }
    }

    /// `E-DECLARATION`: these organisations, the author or readers that it named, have signed no declaration
    /// of confidentiality that still holds.
    #[must_use]
    pub fn undeclared(orgs: &[OrgId]) -> Refusal {
        let reason = format!(
            "the agreement asks for a declaration of confidentiality, and none that still holds is signed by {}. Have it signed first, or leave them out",
            some(orgs)
        );
        Refusal { code: RefusalCode::Declaration, reason }
    }

    /// `E-VERIFY`: the keys of these readers are not those that were verified with the persons.
    #[must_use]
    pub fn unverified(readers: &[OrgId]) -> Refusal {
        let reason = format!(
            "the keys of {} changed since you verified them. Speak to them by another channel and verify the new keys first, or leave them out",
            some(readers)
        );
        Refusal { code: RefusalCode::Verify, reason }
    }
}
