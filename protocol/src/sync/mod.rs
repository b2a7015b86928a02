//! The sync machine: events in, effects out. No sockets, no clock, no store.
//!
//! Start at [`SyncMachine::handle`]. The same machine runs over libp2p and in the simulator.
//!
//! Rules, each with its test in `sync/tests.rs`:
//! - **S1** A node streams its own logs to connected partners that may read them, from where they say they
//!   are, with at most [`machine::WINDOW`] entries not yet acknowledged
//!   (`a_record_reaches_everybody_who_may_read_it`).
//! - **S2** A log that somebody holds and nobody streams is asked for, at once if its author is away, else
//!   when a tick passed without progress (`a_third_node_passes_on_what_the_author_cannot`).
//! - **S3** What a node holds it tells by frontiers: on connecting, to the sender as soon as stored, to the
//!   others at each tick. Frontiers never call for frontiers (`a_quiet_network_falls_silent`). Who
//!   learns of members is told again of the logs of which it never spoke (`who_learns_whose_log_it_is_is_told_again`).
//! - **S4** A circle, its logs and its epochs are spoken of only to members of the circle
//!   (`nothing_of_a_circle_is_ever_sent_to_others`).
//! - **S5** A peer may feed at most bounded state: circles, logs, open requests
//!   (`a_peer_cannot_make_the_machine_grow_without_end`).
//! - **S6** Honest nodes that stay connected end with equal logs, whatever was cut and delayed before
//!   (`all_end_equal_whatever_the_network_does`).
//! - **S7** Whoever sees that a peer holds another version of a log asks for proof, keeps it, tells everybody who
//!   shares the space, and takes nothing more of that log from the proved position on
//!   (`every_honest_machine_flags_an_author_with_two_faces_after_healing`).
//! - **S8** A key that is missing is asked for ever more rarely, since a newcomer never gets those of before; who
//!   gets it later gives it to whoever asked in vain (`who_asked_in_vain_is_given_the_key_once_it_is_here`).
//! - **S9** A former member's log is taken up to where it is welcome, from whoever holds it, in batches that may
//!   end beyond (`logs_of_the_removed_meet_at_their_cutoff`).
//! - **S10** A fresh key of all members is pushed to a few by who made it, and asked for by the others once somebody
//!   says that it has it: each downloads one slot (`a_fresh_key_reaches_everybody_in_one_slot_each`,
//!   `who_does_not_give_a_key_that_it_says_it_has_is_not_asked_again`).
//! - **S11** With a node whose organisation is a member no more, or that was revoked, a node *parleys*: it takes acts
//!   of membership from it, which the fold judges as ever, and gives it the acts that put it out with what they
//!   follow; no entries, no keys, nothing of what came later. So two sides that put each other out agree when they
//!   meet, and who was away hears that it was put out. Parleys are few, short, and end
//!   (`in_a_parley_nothing_but_acts_is_taken_or_given`, `two_who_put_each_other_out_hear_each_other`,
//!   `who_was_away_hears_that_it_was_put_out_and_nothing_later`, `a_parley_ends_and_costs_little`).
//! - **S12** What was carried in a file or left with a mailbox is judged as if its author were connected, and
//!   speaks of a circle only to its members (`what_was_carried_is_taken_like_what_was_said`).

pub mod machine;
pub mod message;
#[cfg(test)]
mod parleys;
mod peer;
#[cfg(test)]
mod tests;

pub use machine::{Effect, Event, PUSH_FANOUT, Roster, SyncMachine};
pub use message::{Announcement, BlobMessage, Frontier, Hello, LogOwner, LogPoint, Message, Proof, VERSION};
