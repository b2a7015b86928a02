//! What the rules of confidentiality ask of this node beyond the agreement: consents that gate publication (C1, C7)
//! and sources that are never named (C2).
//!
//! [`of_sharing`] is asked before every preview and sharing; [`sources::named_in`] also before words leave otherwise.
//! What was refused for want of a consent opens a request for it ([`wanted`]).

pub mod consents;
pub mod sources;
pub mod wanted;

use std::sync::Arc;

use entente_protocol::policy::Refusal;
use entente_protocol::record::Content;

use crate::node::Node;

/// Puts what only this node knows into the handling of a record that is about to be shared, and answers what the
/// rules refuse. What a person wrote there is not believed.
#[must_use]
pub fn of_sharing(node: &Arc<Node>, content: &mut Content) -> Vec<Refusal> {
    content.handling.released_by = None;
    let mut refusals = consents::gate(node, content);
    refusals.extend(sources::refusals(node, content));
    refusals
}
