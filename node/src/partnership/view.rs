//! What the rest of the node sees of a partnership without asking its driver.

use std::sync::Arc;

use entente_protocol::membership::Membership;

/// A snapshot.
#[derive(Clone)]
pub struct View {
    /// The membership.
    pub membership: Arc<Membership>,
    /// Invitations of this node that are open.
    pub invitations: Vec<entente_protocol::ids::ActId>,
}
