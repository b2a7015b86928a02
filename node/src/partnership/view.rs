//! What the rest of the node sees of a partnership without asking its driver.

use std::collections::BTreeMap;
use std::sync::Arc;

use entente_protocol::ids::OrgId;
use entente_protocol::membership::Membership;

use super::trust::Trusted;

/// A snapshot.
#[derive(Clone)]
pub struct View {
    /// The membership.
    pub membership: Arc<Membership>,
    /// Invitations of this node that are open.
    pub invitations: Vec<entente_protocol::ids::ActId>,
    /// How sure this node is of each member, itself apart.
    pub trust: Arc<BTreeMap<OrgId, Trusted>>,
    /// Set while this node must not go on in its logs.
    pub fenced: Option<super::fence::FenceReason>,
}
