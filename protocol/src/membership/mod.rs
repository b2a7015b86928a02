//! Who belongs to a partnership: a signed graph of acts, whose meaning is a pure function of the set of acts.
//!
//! Start from [`Membership::of`]. [`acts`] is what is said and signed, [`ActGraph`] the set that nodes
//! exchange, `fold` the judgement, [`Membership`] its result. The problem is that of group membership
//! without an order of events: Matrix' state resolution (v2), the "strong removal" of p2panda-auth and
//! Keyhive, and "Making CRDTs Byzantine Fault Tolerant" (Kleppmann 2022) were read; no code is theirs.
//!
//! # How a set of acts is judged
//! First each act alone, by the state that its own causal past amounts to. What fails there is void for
//! ever. The rest is applied in one order, which follows causality: the most senior author's removal first,
//! each act after all that it follows; then everything else, senior first too. An act that follows
//! everything else comes last in that order, so histories without concurrency mean what they say.
//!
//! # Rules
//! Each with the tests (in `tests.rs`) that prove it.
//!
//! | rule | | test |
//! |---|---|---|
//! | M0 | The result depends on the set of acts only | `every_order_and_split_of_arrival_gives_the_same_membership` |
//! | M1 | An act counts only if its organisation is a member by the act's own causal past, and the signing node is that organisation's; only found and join come from others | `strangers_have_no_effect`, `a_member_cannot_act_for_another` |
//! | M2 | Only stewards invite, approve and remove. The founder is one; an invitation may make another | `members_who_are_not_stewards_cannot_invite_approve_or_remove` |
//! | M3 | A join answers an invitation that its past holds, signs the very agreement, takes the very role, and comes from no member | `a_join_must_sign_the_agreement_and_take_the_role` |
//! | M4 | An invitation admits one organisation. The causally earlier approval wins; of concurrent ones the one that comes first in the order above (the senior approver's), and what the loser did is void. If the winner's approval is voided later in the order, the loser stays void: it can be invited again | `an_invitation_is_used_once`, `an_invitation_admits_one_organisation` |
//! | M5 | A card whose node, transport or log key is another organisation's here, now or before, is not admitted; nor more members than [`crate::limits::MAX_NODES`] | `keys_of_others_are_not_admitted` |
//! | M6 | A removal names a member other than its author. A member leaves alone | `a_member_leaves_alone` |
//! | M7 | Seniority is the path of approvals from the founder ([`Seniority`]): the shorter is senior, then the approver's own order. Neither clocks, nor hashes that somebody could grind for gain, nor stale parents move anybody before others' admissions | `seniority_follows_approvals`, `time_is_never_judged` |
//! | M8 | Removals apply senior first. One that is applied stands; it voids what its target did outside its past, unless applied before it (the removals of a more senior target, and what those rest on). In mutual removal the senior wins, unless a removal by one more senior than both builds on the other | `every_pairing_of_two_stewards_has_one_result`, `what_the_removed_did_elsewhere_is_void`, `what_the_removed_did_elsewhere_is_void_even_where_a_senior_saw_it`, `a_senior_who_built_on_a_removal_confirms_it` |
//! | M9 | Removal beats a concurrent approval. Re-admission needs a join that follows every effective removal of its organisation, and an approval of it | `removal_beats_concurrent_approval_and_readmission_follows` |
//! | M10 | Leaving is removal by oneself, before anything else that one does concurrently | `what_a_leaver_does_elsewhere_is_void` |
//! | M11 | There is always a steward: a removal or departure after which none would remain is void, at its place in the order, also where the steward is the only member. (Who is alone and wants out deletes the copy.) | `the_last_steward_stays`, `there_is_always_a_steward` |
//! | M12 | Times are shown, never judged, those of invitations included | `time_is_never_judged` |

pub mod acts;
mod clauses;
mod fold;
mod graph;
mod state;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use acts::{Act, ActBody, ActError, Deed, VerifiedAct, verify_act};
pub use graph::{ActGraph, GraphError, Inserted};
pub use state::{
    Declared, Departure, Former, Invitation, Member, MemberNode, Membership, NoKey, OpenOffice, Pending,
    Proposal, ProposalState, Revoked, Seniority, Signers, Stopped, Verdict, VoidReason,
};
