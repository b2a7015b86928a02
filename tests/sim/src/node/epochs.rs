//! Epochs on a node: `node/src/partnership/epochs.rs`, and the driver's part in `members.rs`.

use std::collections::BTreeSet;
use std::rc::Rc;

use entente_protocol::derive::{self, Key};
use entente_protocol::epoch::{self, EpochHeader, Slot};
use entente_protocol::ids::{EpochId, NodeId, OrgId, SpaceId};
use entente_protocol::membership::Membership;
use entente_protocol::signed::{Unverified, sign};
use entente_protocol::sync::{Event, Message, PUSH_FANOUT};
use rand_core::Rng as _;
use zeroize::Zeroizing;

use super::{Env, Node, Out};
use crate::memo::Header;
use crate::scenario::Crypto;
use crate::store::{Epoch, Write};

/// Door keys that admit: those of the newest epochs.
const DOOR_KEYS: usize = 16;

impl Node {
    /// The epoch whose readers are exactly the present nodes of a space; minted if there is none.
    pub(super) fn writable(
        &mut self,
        env: &mut Env,
        space: &SpaceId,
        circle: Option<&[OrgId]>,
    ) -> Option<(EpochId, Epoch, bool)> {
        let live = self.live.as_ref()?;
        let readers = live.folded.nodes_of(circle);
        if let Some((id, epoch)) = self.newest_for(space, &readers) {
            return Some((id, epoch, false));
        }
        let now = self.now(env);
        let header = EpochHeader {
            space: *space,
            minter: self.id(),
            readers: epoch::readers_hash(&readers),
            commitment: entente_protocol::ids::Hash([0; 32]),
            basis: live.graph.heads(),
            created: now,
        };
        let (id, epoch) = self.mint(env, header, readers);
        env.ledger.minted(id, *space, &epoch.readers);
        env.ledger.holds(id, self.id());
        Some((id, epoch, true))
    }

    fn mint(&self, env: &mut Env, header: EpochHeader, readers: BTreeSet<NodeId>) -> (EpochId, Epoch) {
        let basis = self.live.as_ref().map(|live| live.folded.clone());
        let basis = basis.unwrap_or_else(|| unreachable!("only a node that is on mints"));
        let space = header.space;
        if env.crypto == Crypto::Light {
            let mut key: Key = Zeroizing::new([0; 32]);
            env.rng.fill_bytes(key.as_mut());
            let commitment = derive::epoch_commitment(&key);
            let header = sign(EpochHeader { commitment, ..header }, &self.party.key);
            let header = Rc::new((epoch::id_of(&header), header));
            let id = header.0;
            return (id, Epoch { space, key, header, readers, slots: Rc::default(), basis });
        }
        let publics: Vec<(NodeId, &[u8])> = basis
            .membership
            .nodes()
            .filter(|(_, node, _)| readers.contains(node))
            .map(|(_, node, of)| (node, of.card.prekey.as_slice()))
            .collect();
        let EpochHeader { basis: heads, created, .. } = header;
        let minted = epoch::mint(space, &self.party.key, &publics, heads, created, &mut env.rng).unwrap();
        let (slots, header) = (Rc::new(minted.slots), Rc::new((minted.id, minted.header)));
        (minted.id, Epoch { space, key: minted.key, header, readers, slots, basis: basis.clone() })
    }

    /// The newest epoch here whose readers are exactly these.
    fn newest_for(&self, space: &SpaceId, readers: &BTreeSet<NodeId>) -> Option<(EpochId, Epoch)> {
        let wanted = epoch::readers_hash(readers);
        let live = self.live.as_ref()?;
        let now = &live.folded.membership;
        let same_terms = |then: &Membership| {
            then.readership == now.readership
                && then.agreement.hash() == now.agreement.hash()
                && then.pending_terms.keys().eq(now.pending_terms.keys())
        };
        live.ring
            .iter()
            .filter(|(_, e)| e.space == *space && e.header.1.value().readers == wanted)
            .filter(|(_, e)| readers.contains(&e.header.1.value().minter) && same_terms(&e.basis.membership))
            .max_by_key(|(id, e)| (e.header.1.value().created, **id))
            .map(|(id, e)| (*id, e.clone()))
    }

    /// An epoch from a partner.
    pub(super) fn take_epoch(&mut self, env: &mut Env, header: &Unverified<EpochHeader>, slot: &Slot) {
        let Some(verified) = env.memo.header(header) else { return };
        let Some(live) = &self.live else { return };
        let (id, value) = (verified.0, verified.1.value());
        if live.ring.contains_key(&id) {
            return;
        }
        let Some(circle) = self.circle_of(&value.space) else { return };
        let asked = live.asked.contains(&id);
        // A member when it was minted, if its admission was undone since.
        let then = asked.then(|| env.memo.fold_at(&live.graph, &value.basis)).flatten();
        let then = || Some(then?.membership.node(&value.minter)?.0);
        let minter = live.folded.org_of(&value.minter).or_else(then);
        let Some(minter) = minter else {
            if asked {
                self.keep_early(env, header, slot);
            }
            return;
        };
        if circle.as_ref().is_some_and(|orgs| !orgs.contains(&minter)) {
            return;
        }
        // By acts that are not here yet nobody can say what its members were permitted.
        if !value.basis.iter().all(|act| live.graph.contains(act)) {
            self.keep_early(env, header, slot);
            return;
        }
        let for_present = value.readers == epoch::readers_hash(&live.folded.nodes_of(circle.as_deref()));
        if !for_present && !asked {
            self.keep_early(env, header, slot);
            return;
        }
        let Some(key) = self.open_slot(env, &verified, slot) else { return };
        env.ledger.holds(id, self.id());
        let bound = self.bind(env, verified, key, circle.as_deref());
        self.keep_epoch(env, id, bound);
    }

    fn keep_early(&mut self, env: &mut Env, header: &Unverified<EpochHeader>, slot: &Slot) {
        let Some(verified) = env.memo.header(header) else { return };
        let Some(live) = &mut self.live else { return };
        let (minter, created) = (verified.1.value().minter, verified.1.value().created);
        let known = live.early.get(&minter).and_then(|(known, _)| env.memo.header(known));
        let newer = known.is_none_or(|known| known.1.value().created < created);
        if newer {
            live.early.insert(minter, (header.clone(), slot.clone()));
        }
    }

    /// Epochs that overtook the acts that they were minted under are tried again.
    pub(super) fn try_early(&mut self, env: &mut Env) {
        let early = self.live.as_mut().map(|live| std::mem::take(&mut live.early)).unwrap_or_default();
        for (header, slot) in early.into_values() {
            self.take_epoch(env, &header, &slot);
        }
    }

    fn bind(&self, env: &mut Env, header: Header, key: Key, circle: Option<&[OrgId]>) -> Epoch {
        let value = header.1.value();
        let live = self.live.as_ref().unwrap_or_else(|| unreachable!("only a node that is on takes epochs"));
        let then = env.memo.fold_at(&live.graph, &value.basis).unwrap_or_else(|| live.folded.clone());
        let nodes = then.nodes_of(circle);
        let told = value.readers == epoch::readers_hash(&nodes);
        let readers = if told { nodes } else { BTreeSet::new() };
        Epoch { space: value.space, key, readers, slots: Rc::default(), basis: then, header: header.clone() }
    }

    pub(super) fn keep_epoch(&mut self, env: &mut Env, id: EpochId, epoch: Epoch) {
        if let Some(live) = &mut self.live {
            live.ring.insert(id, epoch.clone());
        }
        self.write(env, Write::Epoch(id, Box::new(epoch)));
    }

    /// The organisations of a space: `Some(None)` for that of all members, `None` if it is unknown.
    pub(super) fn circle_of(&self, space: &SpaceId) -> Option<Option<Vec<OrgId>>> {
        if *space == self.all() {
            return Some(None);
        }
        let mut logs = self.store.logs.iter();
        logs.find(|((s, _), _)| s == space).map(|(_, log)| log.circle.as_ref().map(|(orgs, _)| orgs.clone()))
    }

    /// An epoch for a node that may read it.
    pub(super) fn give(&self, env: &mut Env, to: &NodeId, id: &EpochId) -> Option<Message> {
        let live = self.live.as_ref()?;
        let epoch = live.ring.get(id)?;
        if !epoch.readers.contains(to) {
            return None;
        }
        let ready = epoch.slots.iter().find(|s| s.node == *to).cloned();
        let slot = match ready {
            Some(slot) => slot,
            None => {
                let (_, of) = live.folded.membership.node(to)?;
                let prekey = of.card.prekey.clone();
                seal(env, id, &epoch.key, to, &prekey)?
            }
        };
        env.ledger.sealed += 1;
        Some(Message::Epoch(epoch.header.1.to_unverified(), slot))
    }

    pub(super) fn send_epoch(&mut self, env: &mut Env, to: &NodeId, id: &EpochId) {
        if let Some(message) = self.give(env, to, id) {
            env.out.push(Out::Send(*to, message));
        }
    }

    /// Tells the machine under which epoch all members write now: it passes it on.
    pub(super) fn tell_current_epoch(&mut self, env: &mut Env) {
        let Some(epoch) = self.current_epoch() else { return };
        let minter =
            self.live.as_ref().and_then(|live| live.ring.get(&epoch)).map(|e| e.header.1.value().minter);
        self.event(env, Event::EpochCurrent { epoch, mine: minter == Some(self.id()) });
    }

    pub(super) fn current_epoch(&self) -> Option<EpochId> {
        let readers = self.live.as_ref()?.folded.nodes_of(None);
        self.newest_for(&self.all(), &readers).map(|(id, _)| id)
    }

    /// The epoch that opens the members' doors to who was let in: the current one, or, from who is a member no more,
    /// the last that both were to read.
    pub(super) fn epoch_for_newcomer(&self, to: &NodeId) -> Option<EpochId> {
        let live = self.live.as_ref()?;
        if !live.folded.roster.nodes.contains_key(to) {
            return None;
        }
        if self.is_member() {
            return self.current_epoch();
        }
        let is_for = |e: &Epoch| e.readers.contains(to) && e.readers.contains(&e.header.1.value().minter);
        self.newest_epochs().into_iter().find(|(_, epoch)| is_for(epoch)).map(|(id, _)| *id)
    }

    pub(super) fn give_if_minted_here(&mut self, env: &mut Env, id: &EpochId) {
        let Some(live) = &self.live else { return };
        let me = self.id();
        let Some(epoch) = live.ring.get(id) else { return };
        if epoch.space == self.all() || epoch.header.1.value().minter != me {
            return;
        }
        let readers = live.connected.iter().filter(|node| epoch.readers.contains(node));
        for node in readers.take(PUSH_FANOUT).copied().collect::<Vec<_>>() {
            self.send_epoch(env, &node, id);
        }
    }

    /// A steward mints the epoch for the new members at once, unless another did what changed them, and mints it.
    pub(super) fn mint_if_steward(&mut self, env: &mut Env) {
        let org = self.party.org();
        if !self.live.as_ref().is_some_and(|live| live.folded.membership.is_steward(&org)) {
            return;
        }
        if self.another_mints() {
            return;
        }
        if let Some((id, epoch, true)) = self.writable(env, &self.all(), None) {
            self.keep_epoch(env, id, epoch);
        }
    }

    fn another_mints(&self) -> bool {
        let Some(live) = &self.live else { return true };
        let heads = live.graph.heads();
        let [head] = heads.as_slice() else { return false };
        let by = live.graph.get(head).map(|act| act.body().org);
        by.is_some_and(|org| org != self.party.org() && live.folded.membership.is_steward(&org))
    }

    /// At the beginning of a scenario: the founder makes the first epoch.
    ///
    /// # Panics
    /// If this node is no steward.
    pub fn first_epoch(&mut self, env: &mut Env) -> EpochId {
        self.mint_if_steward(env);
        self.current_epoch().unwrap()
    }

    /// What a member is sent of it.
    ///
    /// # Panics
    /// If it is for others.
    pub fn first_epoch_for(&self, env: &mut Env, to: &NodeId, id: &EpochId) -> Message {
        self.give(env, to, id).unwrap()
    }

    /// A member takes it.
    pub fn take_first_epoch(&mut self, env: &mut Env, message: &Message) {
        if let Message::Epoch(header, slot) = message {
            self.take_epoch(env, header, slot);
        }
    }

    /// The epochs whose door keys it knocks with: those that admit, and those that it was told when it came.
    #[must_use]
    pub fn knocks(&self) -> BTreeSet<EpochId> {
        let mut knocks = self.doors();
        let room = DOOR_KEYS.saturating_sub(knocks.len());
        let told = self.store.doors.difference(&self.doors()).take(room).copied().collect::<Vec<_>>();
        knocks.extend(told);
        knocks
    }

    /// The epochs whose door keys admit.
    #[must_use]
    pub fn doors(&self) -> BTreeSet<EpochId> {
        self.newest_epochs().into_iter().map(|(id, _)| *id).collect()
    }

    /// Those whose keys open doors, the newest first.
    fn newest_epochs(&self) -> Vec<(&EpochId, &Epoch)> {
        let Some(live) = &self.live else { return Vec::new() };
        let all = self.all();
        let mut epochs: Vec<_> = live.ring.iter().filter(|(_, e)| e.space == all).collect();
        epochs.sort_by_key(|(id, e)| std::cmp::Reverse((e.header.1.value().created, **id)));
        epochs.truncate(DOOR_KEYS);
        epochs
    }

    fn open_slot(&self, env: &mut Env, header: &Header, slot: &Slot) -> Option<Key> {
        if env.crypto == Crypto::Full {
            return epoch::open_slot(&header.1, slot, &self.party.prekey).ok();
        }
        let sealed: [u8; 32] = slot.sealed.get(..32)?.try_into().ok()?;
        let key = Zeroizing::new(masked(&sealed, self.party.prekey.seed(), &header.0));
        (derive::epoch_commitment(&key) == header.1.value().commitment).then_some(key)
    }
}

fn seal(env: &mut Env, id: &EpochId, key: &Key, to: &NodeId, prekey: &[u8]) -> Option<Slot> {
    if env.crypto == Crypto::Full {
        return epoch::seal_slot(id, key, to, prekey, &mut env.rng).ok();
    }
    let secret: [u8; 32] = prekey.get(..32)?.try_into().ok()?;
    let mut sealed = masked(key, &secret, id).to_vec();
    sealed.resize(1_168, 0);
    Some(Slot { node: *to, sealed })
}

/// The stand-in for HPKE: whoever does not know the secret gets another key, which the commitment shows.
fn masked(key: &[u8; 32], secret: &[u8; 32], id: &EpochId) -> [u8; 32] {
    let mut mask = derive::hash(&[secret.as_slice(), &id.0].concat()).0;
    mask.iter_mut().zip(key).for_each(|(m, k)| *m ^= k);
    mask
}
