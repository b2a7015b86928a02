//! An unlocked node: its keys, its store, its partnerships.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::epoch as protocol_epoch;
use entente_protocol::handling::Role;
use entente_protocol::identity::IntroductionError;
use entente_protocol::ids::{PartnershipId, Timestamp, TransportId};
use entente_protocol::membership::acts::{self, Founding};
use entente_protocol::membership::{ActBody, ActGraph, Inserted, verify_act};
use entente_protocol::signed::Unverified;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use crate::api::types::Event;
use crate::clock::{self, SystemRandom};
use crate::compaction;
use crate::door::{Door, Punching, Way};
use crate::frames::{Frame, KnownEpoch};
use crate::home::{self, Config, Home, HomeError};
use crate::keeper::Keeper;
use crate::lan::Lan;
use crate::ledger::{Ledger, LedgerError};
use crate::mailbox::{Served, UsedView};
use crate::me::Me;
use crate::net::Relaying;
use crate::partnership::apply::{self, apply};
use crate::partnership::commands::Command;
use crate::partnership::epochs;
use crate::partnership::fence::{self, FenceReason};
use crate::partnership::join::Welcome;
use crate::partnership::quarantine;
use crate::partnership::state::State;
use crate::partnership::{self, Handle, Shared, StartError};
use crate::records;
use crate::replaying::{Replaying, bytes_in};
use crate::rows::Batch;
use crate::secrets::{EpochSecret, PartnershipSecrets, Place, Prekeys, Secret, Secrets};
use crate::store::{Begun, Locked, Position, Recovery, Store, StoreError, StoreKey};
use crate::vault::{Vault, VaultError};

/// Events that a slow listener may lag behind by.
const EVENTS: usize = 4_096;

/// An unlocked node.
pub struct Node {
    /// Its folder.
    pub home: Home,
    /// Who it is.
    pub me: Arc<Me>,
    /// What its partnerships share.
    pub shared: Shared,
    /// Since when it is unlocked.
    pub started: Timestamp,
    /// Whether partners are looked for on the local network.
    pub lan: Lan,
    /// What opening the store found.
    pub recovery: Recovery,
    pub(crate) partnerships: RwLock<BTreeMap<PartnershipId, Handle>>,
    pub(crate) joining: RwLock<BTreeMap<PartnershipId, JoinHandle<()>>>,
    pub(crate) coming: RwLock<Vec<JoinHandle<()>>>,
    /// Mailboxes that are kept here for others.
    pub(crate) boxes: RwLock<Vec<Served>>,
    /// How visits to the mailboxes of our partnerships went.
    pub(crate) visited: RwLock<BTreeMap<(PartnershipId, TransportId), UsedView>>,
    /// Files that no draft names yet.
    pub uploads: records::attach::Uploads,
    /// Records that were opened to see what became of them.
    pub opened: crate::field::Opened,
    /// What its records say, to be searched.
    pub search: crate::search::Search,
    /// What is done at the desk, one thing after the other.
    pub desk: crate::desk::Desk,
}

/// Why a node could not be opened, or a partnership not made.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The vault's contents.
    #[error("the vault's contents: {0}")]
    Secrets(#[from] codec::DecodeError),
    /// Who this is.
    #[error("the vault's certificate: {0}")]
    Identity(#[from] IntroductionError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Bringing the index up to the journal.
    #[error(transparent)]
    Replay(#[from] crate::store::ReplayError<crate::store::IndexError>),
    /// Writing.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The port.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A partnership.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Founding or joining.
    #[error(transparent)]
    Act(#[from] acts::ActError),
    /// A key.
    #[error(transparent)]
    Epoch(#[from] protocol_epoch::EpochError),
    /// Randomness.
    #[error("the system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
    /// A welcome that does not fit.
    #[error("the inviter's welcome is not what was asked for: {0}")]
    Welcome(&'static str),
}

impl Node {
    /// Opens the vault and the store, listens, and starts the partnerships.
    ///
    /// # Errors
    /// [`NodeError`]; nothing runs then.
    pub async fn open(home: &Home, passphrase: &[u8]) -> Result<Arc<Node>, NodeError> {
        let mut config = home.config()?;
        let (vault, mut secrets, store) = unlock(home, passphrase)?;
        let me = Arc::new(Me::from_secrets(&secrets)?);
        let (store, recovery) = store.open(&StoreKey::from_bytes(secrets.store.key()))?;
        if recovery.lost_acknowledged() {
            fence_all(&vault, &mut secrets, FenceReason::JournalCut)?;
            Store::cut_is_known(home.path())?;
        }
        notice_place(home, &vault, &mut secrets)?;
        let (mut states, damaged) = replay(&store, &me, &secrets, bytes_in(&home.path().join("journal")))?;
        if damaged {
            fence_all(&vault, &mut secrets, FenceReason::JournalDamaged)?;
            for state in &mut states {
                state.secrets.fenced = secrets.partnership(&state.id).and_then(|p| p.fenced.clone());
            }
        }
        let network = home.network(&config)?;
        let door = listen(home, &mut config).await?;
        let way = Way::new(network.proxy)?.limited(door.limits());
        door.limits().up.set(config.limit_up);
        door.limits().down.set(config.limit_down);
        let addresses = network.told_addresses(door.local_addr());
        let (events, _) = broadcast::channel(EVENTS);
        let shared = Shared {
            ledger: Ledger::new(store),
            keeper: Keeper::new(vault, secrets),
            door,
            way,
            relaying: Relaying::new(config.relay),
            punching: Punching::new(config.punch),
            addresses,
            events,
            lost_acknowledged: recovery.lost_acknowledged(),
        };
        let boxes = open_boxes(home, &shared);
        let lan = Lan::new(network.lan);
        let node = Arc::new(Node {
            home: home.clone(),
            me,
            shared,
            started: clock::now(),
            lan: lan.clone(),
            recovery,
            partnerships: RwLock::default(),
            joining: RwLock::default(),
            coming: RwLock::default(),
            boxes: RwLock::new(boxes),
            visited: RwLock::default(),
            uploads: records::attach::Uploads::default(),
            opened: crate::field::Opened::default(),
            search: crate::search::Search::in_folder(home.path().to_owned()),
            desk: crate::desk::Desk::default(),
        });
        for state in states {
            node.start(state)?;
        }
        crate::joining::resume(&node);
        crate::joining::come_in(&node);
        let door = node.shared.door.local_addr();
        let looking = tokio::spawn(crate::lan::run(Arc::downgrade(&node), lan, door));
        let visiting = tokio::spawn(crate::mailbox::run(Arc::downgrade(&node)));
        let indexing = tokio::spawn(crate::search::run(Arc::downgrade(&node)));
        let compacting = tokio::spawn(compaction::look_later(Arc::downgrade(&node)));
        let running = [visiting, indexing, looking, compacting];
        node.coming.write().unwrap_or_else(PoisonError::into_inner).extend(running);
        Ok(node)
    }

    fn start(&self, state: State) -> Result<(), NodeError> {
        let handle = partnership::start(self.shared.clone(), state)?;
        self.partnerships.write().unwrap_or_else(PoisonError::into_inner).insert(handle.id, handle);
        self.search.try_again(self);
        Ok(())
    }

    /// The partnerships that run.
    #[must_use]
    pub fn handles(&self) -> Vec<Handle> {
        self.partnerships.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// A partnership that runs.
    #[must_use]
    pub fn handle(&self, id: &PartnershipId) -> Option<Handle> {
        self.partnerships.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Tells the API's listeners.
    pub fn tell(&self, event: Event) {
        let _nobody_listens = self.shared.events.send(event);
    }

    /// Founds a partnership.
    ///
    /// # Errors
    /// [`NodeError`]; then there is no partnership.
    pub async fn found(
        &self,
        name: &str,
        agreement: &str,
        role: Role,
        person: Option<&str>,
    ) -> Result<PartnershipId, NodeError> {
        let now = clock::now();
        let mut secrets = PartnershipSecrets::fresh(acts::NOT_YET)?;
        let card = partnership::card(&self.me, &secrets, acts::NOT_YET, &self.shared.addresses)?;
        let who = (self.me.org(), person.unwrap_or_default());
        let parsed =
            entente_protocol::agreement::Agreement::parse(agreement).map_err(acts::ActError::from)?;
        let declaration = partnership::decide::declaration(&parsed, &role, who, None, now);
        let said = Founding { name, agreement, role, nonce: clock::nonce(), time: now, declaration };
        let act = acts::found(&self.me.key, &self.me.introduced, card, said)?;
        let travelling = act.signed().to_unverified();
        let graph = ActGraph::founded(act).map_err(|_| NodeError::Welcome("the founding act"))?;
        secrets.id = graph.partnership();
        let prekey = secrets.prekey_secret().public()?;
        let minted = protocol_epoch::mint(
            derive::space_of_all(&secrets.id),
            &self.me.key,
            &[(self.me.node(), prekey.as_slice())],
            graph.heads(),
            now,
            &mut SystemRandom,
        )?;
        let epoch = KnownEpoch {
            partnership: secrets.id,
            header: minted.header.to_unverified(),
            readers: vec![self.me.node()],
            slots: minted.slots,
        };
        let key = (minted.id, Secret::new(&minted.key));
        self.begin(secrets, graph, vec![travelling], epoch, key).await
    }

    /// Becomes a member: takes the acts and the epoch that the inviter's node gave.
    ///
    /// # Errors
    /// [`NodeError`]; then this node is not a member, and asks again.
    pub async fn welcomed(&self, id: PartnershipId, welcome: Welcome) -> Result<PartnershipId, NodeError> {
        let secrets = self.shared.keeper.look(|s| s.partnership(&id).cloned());
        let mut secrets = secrets.ok_or(NodeError::Welcome("we did not ask"))?;
        secrets.doors = Some(welcome.doors);
        let acts: Vec<Unverified<ActBody>> = welcome.acts.into_iter().flatten().collect();
        let graph = graph_of(&acts).ok_or(NodeError::Welcome("its acts do not hang together"))?;
        if graph.partnership() != id {
            return Err(NodeError::Welcome("another partnership"));
        }
        let state = State::new(self.me.clone(), secrets.clone(), graph.clone());
        if state.membership.node(&self.me.node()).is_none() {
            return Err(NodeError::Welcome("we are not a member by its acts"));
        }
        let header = welcome.header.verify_self(|h| h.minter.0).map_err(|_| NodeError::Welcome("its key"))?;
        let key = partnership::prekeys::open_slot(&secrets, &header, &welcome.slot)?;
        let minted = protocol_epoch::id_of(&header);
        // Who left since it let us in gives the key of before: it opens doors, and nobody writes under it any more.
        let epoch = epochs::bind(&state, header, key, None);
        if epoch.space != derive::space_of_all(&id) || !epoch.is_for(&self.me.node()) {
            return Err(NodeError::Welcome("its key is not for us, or not from a member"));
        }
        let key = (minted, Secret::new(&epoch.key));
        let readers = epoch.readers.into_iter().collect();
        let epoch = KnownEpoch { partnership: id, header: welcome.header, readers, slots: Vec::new() };
        self.begin(secrets, graph, acts, epoch, key).await
    }

    /// Keys into the vault, acts and epoch into the journal, then the driver.
    async fn begin(
        &self,
        mut secrets: PartnershipSecrets,
        graph: ActGraph,
        acts: Vec<Unverified<ActBody>>,
        epoch: KnownEpoch,
        key: (entente_protocol::ids::EpochId, Secret),
    ) -> Result<PartnershipId, NodeError> {
        let id = graph.partnership();
        let space = derive::space_of_all(&id);
        let joining = secrets.joining.take();
        secrets.prekeys.get_or_insert_with(|| Prekeys::first(clock::now()));
        secrets.epochs.push(EpochSecret { id: key.0, space, key: key.1, since: Some(clock::now()) });
        // Who does not have everything on its disk when the power goes asks again.
        let asked = joining.is_some();
        self.shared.keeper.change(|all| {
            all.partnerships.retain(|p| p.id != id);
            all.partnerships.push(PartnershipSecrets { joining: joining.clone(), ..secrets.clone() });
        })?;
        let mut state = State::new(self.me.clone(), secrets, graph);
        let mut frames: Vec<Frame> = acts.into_iter().map(|act| Frame::Act(id, act)).collect();
        frames.push(Frame::Epoch(epoch));
        let ledger = &self.shared.ledger;
        let landed = ledger.append(frames).landed(ledger).await.map_err(LedgerError::Journal)?;
        let mut batch = Batch::default();
        for (position, frame) in &landed.frames {
            let _nothing_to_tell = apply(&mut state, ledger.store(), &mut batch, *position, frame);
        }
        ledger.settle(landed.ticket, batch).map_err(LedgerError::Index)?;
        if asked {
            self.no_longer_joining(&id)?;
        }
        self.start(state)?;
        self.tell(Event::Membership { partnership: id });
        Ok(id)
    }

    /// It is in, and asks no more.
    pub(crate) fn no_longer_joining(&self, id: &PartnershipId) -> Result<(), VaultError> {
        self.shared.keeper.change(|all| {
            if let Some(ours) = all.partnership_mut(id) {
                ours.joining = None;
            }
        })
    }

    /// Stops everything in order; nothing acknowledged is lost if it is not called.
    pub async fn close(&self) {
        for (_, task) in std::mem::take(&mut *self.joining.write().unwrap_or_else(PoisonError::into_inner)) {
            task.abort();
        }
        for task in std::mem::take(&mut *self.coming.write().unwrap_or_else(PoisonError::into_inner)) {
            task.abort();
        }
        self.boxes.write().unwrap_or_else(PoisonError::into_inner).clear();
        for handle in self.handles() {
            let (done, stopped) = oneshot::channel();
            if handle.commands.send(Command::Stop(done)).await.is_ok() {
                let _stopped = stopped.await;
            }
            handle.ring.clear();
        }
        self.partnerships.write().unwrap_or_else(PoisonError::into_inner).clear();
        let seen = self.shared.door.export_seen();
        if let Err(error) = home::write_private(&self.home.door_memory(), &seen) {
            tracing::warn!(%error, "the front door's memory could not be written");
        }
        self.shared.door.close().await;
    }
}

/// Opens the vault. The passphrase takes a third of a second, by intention: what takes no key is opened meanwhile.
fn unlock(home: &Home, passphrase: &[u8]) -> Result<(Vault, Secrets, Begun), NodeError> {
    // First, so that nobody changes the vault after it was read.
    let store = Store::lock(home.path())?;
    let open_vault = || -> Result<_, NodeError> {
        let (vault, contents) = Vault::open(&home.vault(), passphrase)?;
        Ok((vault, Secrets::from_bytes(&contents)?))
    };
    if compaction::is_requested(home.path()) {
        let (vault, mut secrets) = open_vault()?;
        compact(&store, &vault, &mut secrets);
        return Ok((vault, secrets, store.begin()?));
    }
    let (opened, begun) = std::thread::scope(|threads| {
        let beginning = threads.spawn(|| store.begin());
        (open_vault(), beginning.join())
    });
    let begun = begun.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))?;
    match opened {
        Ok((vault, secrets)) => Ok((vault, secrets, begun)),
        Err(error) => {
            if let Err(error) = begun.leave() {
                tracing::warn!(%error, "the index could not be closed");
            }
            Err(error)
        }
    }
}

/// Compacts the journal, as was asked for. A node whose journal could not be compacted goes on with the old one.
fn compact(store: &Locked, vault: &Vault, secrets: &mut Secrets) {
    let key = StoreKey::from_bytes(secrets.store.key());
    let mut damaged =
        || fence_all(vault, secrets, FenceReason::JournalDamaged).map_err(|error| error.to_string());
    match compaction::as_requested(store, &key, &mut damaged) {
        Ok(done) => tracing::info!(?done, "the journal was compacted"),
        Err(error) => tracing::warn!(%error, "the journal was not compacted"),
    }
}

/// Mailboxes that are kept here. One whose folder cannot be read stays shut, and all else goes on.
fn open_boxes(home: &Home, shared: &Shared) -> Vec<Served> {
    let secrets = shared.keeper.look(|secrets| secrets.boxes.clone()).unwrap_or_default();
    let open = |secret| match crate::mailbox::open(home, &shared.door, secret) {
        Ok(served) => Some(served),
        Err(error) => {
            tracing::error!(%error, "a mailbox could not be opened");
            None
        }
    };
    secrets.iter().filter_map(open).collect()
}

/// A folder that was copied or moved is noticed by its inodes: another copy may have signed more.
fn notice_place(home: &Home, vault: &Vault, secrets: &mut Secrets) -> Result<(), NodeError> {
    let inode = |path: &std::path::Path| {
        let read = std::fs::metadata(path).map(|m| std::os::unix::fs::MetadataExt::ino(&m));
        read.map_err(|source| HomeError::Io { path: path.to_owned(), source })
    };
    let here = Place { home: inode(home.path())?, journal: inode(&home.path().join("journal"))? };
    if secrets.place == Some(here) {
        return Ok(());
    }
    if secrets.place.replace(here).is_some() {
        fence::everywhere(secrets, FenceReason::Moved, clock::now());
    }
    Ok(vault.save(&secrets.to_bytes())?)
}

/// The end of our own logs may be lost: nothing is signed in them any more (F16). Durable before it is used.
fn fence_all(vault: &Vault, secrets: &mut Secrets, why: FenceReason) -> Result<(), VaultError> {
    fence::everywhere(secrets, why, clock::now());
    vault.save(&secrets.to_bytes())
}

/// Applies whatever the index missed, and gives the state of each partnership, and whether damage was met.
fn replay(
    store: &Store,
    me: &Arc<Me>,
    secrets: &Secrets,
    journal_bytes: u64,
) -> Result<(Vec<State>, bool), NodeError> {
    let mut states: BTreeMap<PartnershipId, State> = BTreeMap::new();
    for ours in &secrets.partnerships {
        if let Ok(state) = partnership::load(store, me.clone(), ours) {
            states.insert(ours.id, state);
        }
    }
    let mut replaying = Replaying::begin(journal_bytes, Instant::now());
    let replayed = store.replay(|position, bytes, batch| {
        if let Some(percent) = replaying.read(bytes.len(), Instant::now()) {
            tracing::warn!(
                "the index is made from the journal, {percent} % of it so far; then the node is ready"
            );
        }
        let mut changes = Batch::default();
        if let Ok(frame) = Frame::from_bytes(bytes) {
            apply_again(&mut states, store, me, secrets, &mut changes, position, &frame);
        }
        changes.write_into(batch)
    })?;
    for state in states.values_mut() {
        state.refold();
        if replayed.frames > 0 {
            judge_again(store, state)?;
        }
        partnership::apply::judge_what_can_be_opened(state, store).map_err(LedgerError::Index)?;
    }
    Ok((states.into_values().collect(), replayed.damaged_count > 0))
}

/// While frames were read again, the entries just before a revocation were not in the index yet.
fn judge_again(store: &Store, state: &mut State) -> Result<(), NodeError> {
    state.marks.clear();
    let mut changes = Batch::default();
    let _known_when_started = quarantine::judge_again(state, store, &mut changes);
    let mut batch = store.index.batch();
    changes.write_into(&mut batch).map_err(LedgerError::Index)?;
    store.index.apply(batch, store.index.cursor()).map_err(LedgerError::Index)?;
    Ok(())
}

fn apply_again(
    states: &mut BTreeMap<PartnershipId, State>,
    store: &Store,
    me: &Arc<Me>,
    secrets: &Secrets,
    batch: &mut Batch,
    position: Position,
    frame: &Frame,
) {
    let id = match frame {
        Frame::Act(id, act) => {
            if !states.contains_key(id) {
                let founded = verify_act(act).ok().and_then(|act| ActGraph::founded(act).ok());
                if let (Some(graph), Some(ours)) = (founded, secrets.partnership(id)) {
                    states.insert(*id, State::new(me.clone(), ours.clone(), graph));
                }
            }
            *id
        }
        Frame::Entry(id, _, _)
        | Frame::Evidence(id, _, _)
        | Frame::Prekey(id, _)
        | Frame::Mailbox(id, _)
        | Frame::Denied(id, _) => *id,
        Frame::Log(log) => log.partnership,
        Frame::Epoch(epoch) => epoch.partnership,
        Frame::History(history) => history.partnership,
        Frame::Verified(verification) => verification.partnership,
        Frame::Settings(settings) => settings.partnership,
        Frame::Erased(erased) if erased.place.is_some() => erased.partnership,
        Frame::Draft(_)
        | Frame::Shared(..)
        | Frame::Blob(_)
        | Frame::Erased(_)
        | Frame::WantedConsent(_)
        | Frame::Desk(_)
        | Frame::Nothing => {
            records::apply(store, batch, position, frame, me);
            return;
        }
    };
    if let Some(state) = states.get_mut(&id) {
        let _known_when_started = apply(state, store, batch, position, frame);
        if matches!(frame, Frame::Act(..)) {
            let _nobody_to_tell = apply::after_acts(state, store, batch);
        }
    }
}

/// The graph of acts that came in causal order.
fn graph_of(acts: &[Unverified<ActBody>]) -> Option<ActGraph> {
    let mut acts = acts.iter().map(verify_act);
    let mut graph = ActGraph::founded(acts.next()?.ok()?).ok()?;
    for act in acts {
        match graph.insert(act.ok()?) {
            Ok(Inserted::New | Inserted::Known) => {}
            Ok(Inserted::Missing(_)) | Err(_) => return None,
        }
    }
    Some(graph)
}

/// Opens the front door; port 0 is replaced by the port that was given, for the next time.
async fn listen(home: &Home, config: &mut Config) -> Result<Door, NodeError> {
    let address = config.listen;
    let door = Door::open(address).await.map_err(|source| NodeError::Listen { address, source })?;
    if address.port() == 0 {
        config.listen.set_port(door.local_addr().port());
        home.save(config)?;
    }
    if let Ok(seen) = std::fs::read(home.door_memory()) {
        door.import_seen(&seen);
    }
    Ok(door)
}
