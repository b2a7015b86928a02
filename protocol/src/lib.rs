//! What Entente nodes say to each other, and the rules that both ends check. Pure: no input or output, no
//! clock, no randomness of its own.
pub mod ack;
pub mod agreement;
pub mod audience;
pub mod chunk;
pub mod codec;
pub mod declaration;
pub mod derive;
pub mod envelope;
pub mod epoch;
pub mod evidence;
pub mod handling;
pub mod history;
pub mod identity;
pub mod ids;
pub mod invitation;
pub mod kinds;
pub mod limits;
pub mod log;
pub mod membership;
pub mod office;
pub mod policy;
pub mod prekey;
pub mod record;
pub mod redaction;
pub mod root;
pub mod signed;
pub mod sync;
#[cfg(test)]
mod testing;
pub mod value;
pub mod verification;
