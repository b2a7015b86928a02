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
//! Each with the tests (in `tests/`) that prove it.
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
//! | M10 | Leaving is removal by oneself, before anything else that one does concurrently. It names how far the leaver's logs go: what lies beyond is not taken, and not shown where it is held | `what_a_leaver_does_elsewhere_is_void`, `a_leaver_says_how_far_its_logs_go` |
//! | M11 | There is always a steward: a removal or departure after which none would remain is void, at its place in the order, also where the steward is the only member. (Who is alone and wants out deletes the copy.) | `the_last_steward_stays`, `there_is_always_a_steward` |
//! | M12 | Times are shown, never judged, those of invitations included | `time_is_never_judged` |
//! | M13 | What the agreement wants several stewards for is void by one: it is proposed. A steward gives up its own stewardship alone | `what_wants_two_stewards_is_void_by_one_and_counts_once_two_signed`, `two_stewards_who_demote_each_other_leave_one` |
//! | M14 | Stewards change a member's role, to one that the agreement in force has. The last word counts | `a_role_is_changed_by_a_steward_to_one_that_the_agreement_has` |
//! | M15 | A node more comes in through a door that any member opened for its organisation, with the certificate of that organisation's root key; it then acts for it. Also where the organisation lost all its nodes | `a_second_office_acts_for_its_organisation`, `a_node_without_its_roots_certificate_or_through_anothers_door_is_not_added`, `an_organisation_that_lost_its_only_node_comes_back_through_any_members_door` |
//! | M16 | Stewardship is given and taken by stewards. Demotion voids what its target does as a steward elsewhere, and wins over a concurrent promotion; the last steward stays one (M11) | `a_demotion_voids_what_the_demoted_steward_does_elsewhere`, `of_promotion_and_demotion_at_once_the_demotion_wins`, `the_last_steward_steps_down_only_when_there_is_another` |
//! | M17 | A proposal is signed by others, withdrawn by its author until it is in effect, and enacted once, by any member, when enough have signed that still count: of stewards, or of all members (M19). Whoever enacts lends it nothing: it has the seniority of its most senior signer. A signature of who was removed meanwhile does not count | `what_wants_two_stewards_is_void_by_one_and_counts_once_two_signed`, `a_signature_of_who_was_removed_meanwhile_does_not_count`, `a_proposal_is_taken_back_by_its_author_only_and_not_once_in_effect`, `nothing_is_enacted_without_enough_signatures` |
//! | M18 | A node is revoked by another of its organisation, by a steward, or by whoever brings the root key's word; it never comes back. What it did outside the revocation's past is void. The root's word comes first; of two nodes that revoke each other the one that came in earlier wins | `a_node_is_revoked_by_its_sibling_a_steward_or_its_root_and_by_nobody_else`, `what_a_seized_node_does_elsewhere_is_void_and_the_older_node_wins_between_siblings`, `the_roots_word_beats_what_the_seized_node_does_at_the_same_time`, `no_reader_is_a_removed_member_or_a_revoked_node` |
//! | M19 | Amendments and renewals are signed by every member. An amendment counts one version on; until it is in force its narrower limits hold (R-POL-18); of concurrent ones one comes into force, the others are void. Who joined meanwhile signs it before it gets a key | `an_amendment_is_in_force_once_every_member_signed`, `of_two_amendments_at_once_one_comes_into_force`, `who_joins_while_the_agreement_is_amended_gets_no_key_before_signing_it`, `renewing_wants_every_member` |
//! | M20 | An NPM suspends all exchange alone and at once; only itself ends that. A termination is for good | `an_npm_suspends_alone_and_nobody_else_does`, `a_partnership_is_ended_for_good_by_as_many_as_the_agreement_says` |
//! | M21 | A node that cannot know which positions it used goes on in a new log, with the root key's word; of the old one, entries below the position named stay welcome | `a_new_log_wants_the_roots_word_and_ends_the_old_one` |
//! | M22 | A member whose role declares gets no key without a declaration of the agreement's text, good for no longer than the agreement says, and none after it expired. Only here a clock is asked: the reader's, never the fold | `no_key_before_the_declaration_and_none_after_it_expired` |

pub mod acts;
mod clauses;
mod fold;
mod graph;
mod history;
mod state;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use acts::{Act, ActBody, ActError, Deed, VerifiedAct, verify_act};
pub use graph::{ActGraph, GraphError, Inserted};
pub use history::History;
pub use state::{
    Declared, Departure, Former, Invitation, Member, MemberNode, Membership, NoKey, OpenOffice, Pending,
    Proposal, ProposalState, Revoked, Seniority, Signers, Stopped, Verdict, VoidReason,
};
