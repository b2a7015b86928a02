//! A partnership on this node. The way of a record: out through [`publish`], in through `ingest`,
//! [`apply`] and [`open`].
//!
//! ```text
//!   API ──Command──▶ ┌────────────┐ ──frames──▶ journal ──▶ apply ──▶ index
//!                    │   Driver   │
//!   partners ──────▶ │ (one task) │ ──Event──▶ SyncMachine ──Effect──▶ couriers ──▶ partners
//!                    └────────────┘
//! ```

mod acknowledge;
mod ahead;
pub mod apply;
mod attachments;
pub mod carry;
pub mod chunks;
pub mod commands;
mod courier;
pub mod decide;
mod driver;
mod effects;
pub mod epochs;
mod explain;
pub mod fence;
mod fetch;
pub mod foresee;
pub mod forks;
mod govern;
mod history;
mod ingest;
pub mod join;
mod landing;
pub mod mailboxes;
mod members;
mod news;
pub mod notices;
mod office;
pub mod open;
mod outflow;
mod pacing;
mod parting;
pub mod prekeys;
pub mod publish;
pub mod quarantine;
mod relays;
pub mod renew;
pub mod ring;
mod rotate;
mod serve;
mod settings;
mod standing;
pub mod state;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod taking;
pub mod teams;
pub mod trust;
mod verify;
mod view;

use std::sync::Arc;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::evidence::Evidence;
use entente_protocol::ids::{LogId, PartnershipId};
use entente_protocol::membership::{ActGraph, Membership, verify_act};
use entente_protocol::sync::Announcement;
use tokio::sync::{mpsc, oneshot, watch};

use crate::frames::Frame;
use crate::me::Me;
use crate::net::{NetConfig, NetError, Tunables};
use crate::rows::{self, Table};
use crate::secrets::{PartnershipSecrets, Secret};
use crate::store::{Position, Store};

pub use commands::{Command, CommandError};
pub(crate) use courier::read_batch;
pub use driver::Shared;
pub use govern::{GovernError, card};
pub use office::Revoke;
pub use verify::{VerifyAct, VerifyError, ending_words};
pub use view::View;

use driver::Driver;
use ring::Ring;
use state::State;

/// Commands that may wait for a driver.
const COMMANDS: usize = 1_024;

/// The rest of the node's hand on a partnership.
#[derive(Clone)]
pub struct Handle {
    /// The partnership.
    pub id: PartnershipId,
    /// To the driver.
    pub commands: mpsc::Sender<Command>,
    /// What can be seen without asking.
    view: watch::Receiver<View>,
    /// The epochs that can be opened.
    pub ring: Ring,
    /// Who talks to whom now.
    pub net: Arc<crate::net::NetHandle>,
}

impl Handle {
    /// Asks the driver something and waits for the answer.
    ///
    /// # Errors
    /// [`CommandError::Stopping`] if there is no driver any more, or what the driver answers.
    pub async fn ask<T>(
        &self,
        command: impl FnOnce(commands::Reply<T>) -> Command,
    ) -> Result<T, CommandError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| CommandError::Stopping)?;
        answer.await.map_err(|_| CommandError::Stopping)?
    }

    /// What can be seen now. A copy, since a guard that is held while another is asked for waits for ever once
    /// the driver wants to write in between.
    #[must_use]
    pub fn seen(&self) -> View {
        self.view.borrow().clone()
    }

    /// The membership now.
    #[must_use]
    pub fn membership(&self) -> Arc<Membership> {
        self.seen().membership
    }
}

/// Why a partnership could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its founding act is not in the store.
    #[error("the founding act of the partnership is not in the store")]
    NotFounded,
    /// The network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The index.
    #[error(transparent)]
    Index(#[from] crate::store::IndexError),
}

/// Reads a partnership from the store: acts, logs and epochs as far as the index knows them.
///
/// # Errors
/// [`StartError::NotFounded`] if there are no acts; the index is behind the journal then.
pub fn load(store: &Store, me: Arc<Me>, secrets: &PartnershipSecrets) -> Result<State, StartError> {
    let index = &store.index;
    let name = rows::partnership_name(index, &secrets.id);
    let mut graph: Option<ActGraph> = None;
    for key in rows::keys(index, Table::Act as u8, &name) {
        let position = key.get(16..).and_then(rows::position);
        let Some(Frame::Act(_, act)) = position.and_then(|p| read(store, p)) else { continue };
        let Ok(act) = verify_act(&act) else { continue };
        match &mut graph {
            Some(graph) => {
                let _known_or_new = graph.insert(act);
            }
            None => graph = ActGraph::founded(act).ok(),
        }
    }
    let graph = graph.ok_or(StartError::NotFounded)?;
    let mut state = State::new(me, secrets.clone(), graph);
    for (_, row) in rows::prefix(index, Table::Log as u8, &name) {
        if let Some(row) = rows::decode(&row) {
            state.load_log(&row);
        }
    }
    for verification in rows::verifications(index, &secrets.id) {
        state.trust.note(&verification);
    }
    for (_, position) in rows::prefix(index, Table::Prekey as u8, &name) {
        let frame = rows::position(&position).and_then(|p| read(store, p));
        if let Some(Frame::Prekey(_, prekey)) = frame {
            apply::learn_prekey(&mut state, &prekey);
        }
    }
    for (_, position) in rows::prefix(index, Table::Mailbox as u8, &name) {
        let frame = rows::position(&position).and_then(|p| read(store, p));
        if let Some(Frame::Mailbox(_, said)) = frame
            && let Ok(said) = said.verify_self(|said| said.by.0)
        {
            state.learn_mailbox(said);
        }
    }
    for (_, position) in rows::prefix(index, Table::Epoch as u8, &name) {
        let position = rows::position(&position);
        if let Some(Frame::Epoch(epoch)) = position.and_then(|p| read(store, p)) {
            apply::load_epoch(&mut state, &epoch);
        }
    }
    for key in rows::keys(index, Table::History as u8, &name) {
        let position = key.get(16..).and_then(rows::position);
        if let Some(Frame::History(known)) = position.and_then(|p| read(store, p)) {
            history::load(&mut state, &known);
        }
    }
    let mine: Vec<LogId> =
        state.logs.iter().filter(|(_, log)| log.owner == state.me.node()).map(|((_, log), _)| *log).collect();
    for row in rows::all_acknowledgements(index, &secrets.id) {
        if mine.contains(&row.by) {
            state.acknowledged.insert((row.space, row.log), row.head.next);
        }
    }
    for position in rows::all_evidence(index, &secrets.id) {
        if let Some(Ok(proof)) = forks::read(store, position).map(Evidence::verify) {
            state.forks.insert((proof.space(), proof.log()), proof.seq());
        }
    }
    for (position, row) in rows::prefix(index, Table::Refused as u8, &[]) {
        let row: Option<rows::RefusedRow> = rows::decode(&row);
        let held =
            row.as_ref().is_some_and(|r| r.place.partnership == state.id && apply::is_held_back(&r.code));
        let ours = |row: &&rows::RefusedRow| row.place.partnership == state.id;
        state.held_back.extend(rows::position(&position).filter(|_| held));
        if let Some(row) = row.as_ref().filter(ours) {
            state.note_refusal(&row.place, &row.code);
        }
    }
    Ok(state)
}

fn read(store: &Store, position: Position) -> Option<Frame> {
    store.journal.read(position).ok().and_then(|bytes| Frame::from_bytes(&bytes).ok())
}

/// Starts the driver of a partnership.
///
/// # Errors
/// [`StartError`].
pub fn start(shared: Shared, state: State) -> Result<Handle, StartError> {
    let seed = state.secrets.transport.key();
    let keys = govern::door_keys(&state, driver::DOOR_KEYS);
    // A partnership without an epoch yet (its frame is still on its way) admits nobody: an unguessable key.
    let keys =
        if keys.is_empty() { Secret::random().map(|s| vec![s.key()]).unwrap_or_default() } else { keys };
    let way = shared.way.apart(&state.id.0);
    let limits = way.limits();
    let config = NetConfig {
        door: shared.door.clone(),
        way,
        door_keys: keys.into_iter().map(crate::door::DoorKey).collect(),
        identity_seed: seed,
        topic: derive::gossip_topic(&state.id).to_string(),
        relaying: shared.relaying.clone(),
        punching: shared.punching.clone(),
        members: Vec::new(),
        valid_announcement: |bytes| codec::decode::<Announcement>(bytes).is_ok(),
        tunables: Tunables::default(),
    };
    let (net, events) = crate::net::spawn(config)?;
    let id = state.id;
    let view = View {
        membership: state.membership.clone(),
        invitations: state.secrets.invitations.iter().map(|i| i.act).collect(),
        trust: Arc::new(trust::of_all(&state)),
        fenced: state.secrets.fenced.as_ref().map(|fence| fence.why),
    };
    let (see, view) = watch::channel(view);
    let (commands, queue) = mpsc::channel(COMMANDS);
    let ring = state.ring.clone();
    let (driver, sent) = Driver::new(shared, state, (net, limits), see, commands.downgrade());
    let net = driver.net.clone();
    tokio::spawn(driver.run(queue, events, sent));
    Ok(Handle { id, commands, view, ring, net })
}
