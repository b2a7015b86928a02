//! The API's words about keys: what is held here, what a thief would get, and how the root key comes back.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use entente_protocol::ids::{PartnershipId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::held;
use crate::recovery::{Fact, RecoveryFacts};

use super::problem::{self, failed};
use super::routes::{Answer, blocking};
use super::server::Server;
use super::types::{OrgView, PartnershipState};

/// `GET /v1/keys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeysView {
    /// Whose keys these are.
    pub organisation: OrgView,
    /// The organisation's key as twelve words.
    pub fingerprint: String,
    /// What belongs to no partnership.
    pub own: Vec<HeldKey>,
    /// What each partnership has.
    pub partnerships: Vec<PartnershipKeys>,
    /// How the root key comes back if its file is lost.
    pub recovery: RecoveryFacts,
}

/// The keys of one partnership.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartnershipKeys {
    /// Which.
    pub id: PartnershipId,
    /// Its name.
    pub name: String,
    /// Where we stand in it.
    pub state: PartnershipState,
    /// Its keys.
    pub keys: Vec<HeldKey>,
}

/// A key, or several of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldKey {
    /// What it is.
    pub kind: HeldKind,
    /// In words: what it is, and where.
    pub what: String,
    /// How many there are.
    pub count: usize,
    /// Since when it is held, where that is known; of several, the oldest.
    pub since: Option<Timestamp>,
    /// Until when it is good; of several, the last.
    pub until: Option<Timestamp>,
    /// How many records that can be read here it opens.
    pub opens: Option<u64>,
    /// What whoever takes this computer while it is locked or off gets of it.
    pub locked: String,
    /// What whoever takes it while it is unlocked gets of it.
    pub unlocked: String,
}

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldKind {
    /// The organisation's root key, in its file.
    Root,
    /// The node's key.
    Node,
    /// What the store is encrypted under.
    Store,
    /// The identity that partners connect to.
    Transport,
    /// What signs the logs.
    Log,
    /// What epochs are sealed to.
    Prekey,
    /// Prekeys of before, kept until what was sealed to them has arrived.
    RetiredPrekey,
    /// Keys of what all members read.
    Epochs,
    /// Keys of what named readers read.
    CircleEpochs,
    /// Doors that are open to who was invited.
    Invitations,
}

/// Which keys are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    partnership: Option<String>,
}

pub(super) async fn show(State(server): State<Arc<Server>>, Query(which): Query<Which>) -> Answer<KeysView> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || held::keys(&node, which.partnership.as_deref())).await?))
}

/// `POST /v1/keys/recovery`: something was done with the root key, and the vault shall know.
pub(super) async fn note(State(server): State<Arc<Server>>, Json(fact): Json<Fact>) -> Answer<RecoveryFacts> {
    let node = server.unlocked()?;
    let noted = blocking(move || {
        let now = crate::clock::now();
        let noted = node.shared.keeper.change(|secrets| {
            let facts = secrets.recovery.get_or_insert_default();
            facts.note(fact, now);
            facts.clone()
        });
        noted.map_err(|e| failed(problem::chain(&e), "The date was not noted."))
    });
    Ok(Json(noted.await?))
}
