//! Mailboxes: kept here for others, and visited by this node for its own partnerships.
//!
//! `serve` and [`shelf`] are the keeping side: a box has a door and a folder, and knows nobody. `visit` is the
//! members' side: it takes out what this node lacks, and puts in what others may lack. What it takes out goes to the
//! partnership's driver as a carried message ([`crate::bundle`]), so a mailbox can do no more than a stick.

mod serve;
pub mod shelf;
mod visit;
mod wire;

use std::sync::{Arc, PoisonError};

use entente_protocol::derive;
use entente_protocol::ids::{PartnershipId, Timestamp, TransportId};
use entente_protocol::mailbox::{Offer, OfferError};
use serde::{Deserialize, Serialize};

use crate::bundle::Lacking;
use crate::clock;
use crate::door::{Door, DoorKey};
use crate::home::Home;
use crate::node::Node;
use crate::secrets::{BoxSecret, Secret};
use crate::vault::VaultError;

pub use serve::Open;
pub use visit::run;

/// Boxes that one node keeps.
pub const MAX_BOXES: usize = 64;

/// A box that is open here.
pub struct Served {
    /// Its transport identity, which is its name.
    pub id: TransportId,
    shelf: Open,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why no box was made.
#[derive(Debug, thiserror::Error)]
pub enum BoxError {
    /// Enough of them.
    #[error("this node keeps {MAX_BOXES} mailboxes already")]
    TooMany,
    /// Its folder.
    #[error("the mailbox's folder: {0}")]
    Io(#[from] std::io::Error),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Its text.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// Randomness.
    #[error("the system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

/// A box that is kept here, for its keeper.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BoxView {
    /// Its name.
    pub mailbox: TransportId,
    /// When it was made.
    pub made: Timestamp,
    /// Bytes that are kept, and that may be.
    pub bytes: (u64, u64),
    /// Entries that are kept, and that may be.
    pub entries: (u64, u64),
    /// Days for which anything is kept.
    pub days: u64,
    /// Logs, under names that tell the keeper nothing.
    pub logs: usize,
    /// Parcels.
    pub parcels: usize,
}

/// A mailbox that a partnership of this node uses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UsedView {
    /// The partnership.
    pub partnership: PartnershipId,
    /// Its name.
    pub partnership_name: String,
    /// The mailbox.
    pub mailbox: TransportId,
    /// Where it may be reached.
    pub addresses: Vec<String>,
    /// When this node last was there and everything was said.
    pub visited: Option<Timestamp>,
    /// Why the last visit failed.
    pub last_error: Option<String>,
    /// It has no room for more.
    pub full: bool,
    /// What there must be, by its author's parcel or by what others acknowledged, and what it does not give.
    pub withheld: Vec<Lacking>,
}

/// `GET /v1/mailboxes`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Mailboxes {
    /// Those that are kept here.
    pub kept: Vec<BoxView>,
    /// Those that are used.
    pub used: Vec<UsedView>,
}

/// Opens a box that is kept here.
///
/// # Errors
/// What the system says of its folder.
pub fn open(home: &Home, door: &Door, secret: &BoxSecret) -> std::io::Result<Served> {
    let id = derive::transport_id(&secret.transport.key());
    let shelf = serve::open(&home.path().join("mailbox").join(id.to_string()), secret.allowed)?;
    let registration = door.register(&DoorKey(secret.door.key()), id);
    let task = tokio::spawn(serve::serve(registration, shelf.clone()));
    Ok(Served { id, shelf, task })
}

/// Makes a box, and gives the line of text for a steward of whichever partnership it is for.
///
/// # Errors
/// [`BoxError`]; there is no box then.
pub fn offer(node: &Node, allowed: shelf::Allowed) -> Result<(TransportId, String), BoxError> {
    let secret =
        BoxSecret { door: Secret::random()?, transport: Secret::random()?, made: clock::now(), allowed };
    let id = derive::transport_id(&secret.transport.key());
    let text = Offer::new(&secret.door.key(), id, node.shared.addresses.clone()).to_text()?;
    if node.boxes.read().unwrap_or_else(PoisonError::into_inner).len() >= MAX_BOXES {
        return Err(BoxError::TooMany);
    }
    let served = open(&node.home, &node.shared.door, &secret)?;
    node.shared.keeper.change(|secrets| secrets.boxes.get_or_insert_default().push(secret.clone()))?;
    node.boxes.write().unwrap_or_else(PoisonError::into_inner).push(served);
    Ok((id, text))
}

/// The mailboxes that partnerships of this node use, and how the last visits went.
#[must_use]
pub fn used(node: &Node) -> Vec<UsedView> {
    node.visited.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
}

/// The boxes that are kept here.
#[must_use]
pub fn kept(node: &Arc<Node>) -> Vec<BoxView> {
    let secrets = node.shared.keeper.look(|secrets| secrets.boxes.clone()).unwrap_or_default();
    let boxes = node.boxes.read().unwrap_or_else(PoisonError::into_inner);
    let view = |secret: &BoxSecret| {
        let id = derive::transport_id(&secret.transport.key());
        let served = boxes.iter().find(|served| served.id == id)?;
        let shelf = served.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let ((bytes, entries), (logs, parcels)) = (shelf.used(), shelf.counts());
        let allowed = secret.allowed;
        Some(BoxView {
            mailbox: id,
            made: secret.made,
            bytes: (bytes, allowed.bytes),
            entries: (entries, allowed.entries),
            days: allowed.days,
            logs,
            parcels,
        })
    };
    secrets.iter().filter_map(view).collect()
}
