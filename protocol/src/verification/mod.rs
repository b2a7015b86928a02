//! Verification of persons: two people who talk on the telephone make sure that the keys on their screens are
//! each other's. Each reads a short code to the other, who types it in.
//!
//! ```text
//!        Alice                                                     Bob
//!        begins ──── Commit(H(a, who commits to whom)) ──────────▶ is told that Alice asks
//!               ◀─── Commit(H(b, who commits to whom)) ─────────── begins
//!               ──── Reveal(a) ──▶     ◀── Reveal(b) ─────────────
//!        codes = H(partnership, both parties, both nonces): one that Alice reads, another that Bob reads
//!        reads hers ─────────────── on the telephone ────────────▶ types it: Alice is who she says
//!        types his  ◀────────────── on the telephone ───────────── reads his
//! ```
//!
//! Start at [`Verifier`]. This is the short authentication string of Vaudenay (*Secure Communications over
//! Insecure Channels Based on Short Authenticated Strings*, CRYPTO 2005) as ZRTP uses it (RFC 6189, section 4.5),
//! with three differences, each for a reason (`docs/decisions`): both sides commit, so that it does not
//! matter who begins; there are two codes, so that nobody confirms by retyping what the own screen shows; and
//! the keys are long-term ones, signed elsewhere, so nothing is agreed on here but whether they are genuine.
//!
//! Who sits between the two shows each of them other keys, so their codes are independent: one guess in a
//! million for each side. More guesses take more runs, and each is begun by a person on both sides.
//!
//! Rules, each with its tests in `docs/spec/rules.md`: R-VER-1 to R-VER-8.

mod code;
mod machine;
mod message;
#[cfg(test)]
mod tests;

pub use code::{Codes, Nonce, NotACode, Party, ShortCode};
pub use machine::{Effect, Ending, Stage, Typed, Verifier};
pub use message::VerifyMessage;
