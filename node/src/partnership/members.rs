//! The driver's part in membership and epochs: what changes when members or keys change.

use entente_protocol::derive;
use entente_protocol::epoch::{EpochHeader, Slot};
use entente_protocol::ids::{ActId, EpochId, NodeId, OrgId};
use entente_protocol::limits;
use entente_protocol::membership::{ActBody, MemberNode, verify_act};
use entente_protocol::signed::Unverified;
use entente_protocol::sync::{Event, Message, PUSH_FANOUT};
use tokio::sync::oneshot;

use crate::address::Address;
use crate::clock;
use crate::frames::Frame;
use crate::secrets::{EpochSecret, Secret};
use crate::vault::VaultError;

use super::commands::CommandError;
use super::courier::Job;
use super::driver::Driver;
use super::epochs::TakeError;
use super::join::{self, Refusal, Terms, Verdict, Welcome};
use super::landing::Then;
use super::ring::Epoch;
use super::{decide, epochs, govern, office, trust};

/// Who asks to join, and the acts that are new with it.
type Request = ((OrgId, NodeId), Vec<Unverified<ActBody>>);

impl Driver {
    /// Acts from a partner.
    pub(super) fn take_acts(&mut self, acts: &[Unverified<ActBody>]) {
        let new = govern::take(&mut self.state, acts);
        if !new.is_empty() {
            self.keep_acts(new, None);
            self.take_early_epochs();
        }
    }

    /// After acts came: what came before them may fit now.
    pub(super) fn take_early_epochs(&mut self) {
        for (header, slot) in std::mem::take(&mut self.early_epochs).into_values() {
            self.take_epoch(&header, &slot);
        }
    }

    /// What time alone changes: declarations expire, and who should enact a proposal may be gone for good.
    pub(super) fn look_after(&mut self) {
        if !self.state.is_member() {
            return;
        }
        let acts = decide::enact_ready(&mut self.state, true, clock::now());
        if !acts.is_empty() {
            self.keep_acts(acts, None);
        }
        self.mint_if_steward();
        self.look_after_prekeys(clock::now());
        self.look_up_history();
    }

    /// After acts are durable: the machine, the network, the doors and the joiners hear of it.
    pub(super) async fn membership_changed(&mut self) {
        if self.state.is_member() {
            let acts = decide::enact_ready(&mut self.state, false, clock::now());
            if !acts.is_empty() {
                self.keep_acts(acts, None);
            }
        }
        self.finish_renewal();
        self.forget_verifications();
        for (node, courier) in &mut self.couriers {
            courier.former = self.state.membership.node(node).is_none();
        }
        self.event(Event::RosterChanged(self.state.roster(), self.state.graph.heads()));
        self.mint_if_steward();
        self.open_doors();
        let known = std::mem::replace(
            &mut self.parting.revoked,
            self.state.membership.revoked.keys().copied().collect(),
        );
        self.tell_revoked(&known);
        self.refresh_network().await;
        // If all who have the new key gave it to all whom they know, a change among 300 would cost each of them 300
        // slots: the machine sees to it that each gets it once.
        self.tell_current_epoch();
        self.answer_joiners();
        self.look_up_history();
        let event = crate::api::types::Event::Membership { partnership: self.state.id };
        let _nobody_listens = self.shared.events.send(event);
    }

    /// A steward mints the epoch for the new members at once: it opens the door to them, and shuts it.
    pub(super) fn mint_if_steward(&mut self) {
        if self.state.membership.is_steward(&self.state.me.org()) && !self.another_mints() {
            self.mint_now();
        }
    }

    /// Is the newest act another present steward's? Its node mints then, and one key is enough. If it does not,
    /// whoever writes next does.
    fn another_mints(&self) -> bool {
        let heads = self.state.graph.heads();
        let [head] = heads.as_slice() else { return false };
        let by = self.state.graph.get(head).map(|act| act.body().org);
        by.is_some_and(|org| org != self.state.me.org() && self.state.membership.is_steward(&org))
    }

    /// Mints the epoch for the present members, if there is none.
    pub(super) fn mint_now(&mut self) {
        let all = self.state.all();
        let epoch = epochs::writable(&self.state, &all, None, clock::now());
        if epoch.minted
            && let Err(error) = self.keep_epoch(epoch.id, epoch.epoch)
        {
            tracing::error!(%error, "a new key could not be kept in the vault");
        }
    }

    /// Puts an epoch's key into the vault, then into use, and its frame into the journal.
    pub(super) fn keep_epoch(&mut self, id: EpochId, epoch: Epoch) -> Result<(), VaultError> {
        self.keep_epoch_key(id, &epoch)?;
        let frame = epochs::frame(self.state.id, &epoch);
        self.state.ring.add(id, epoch);
        self.append(vec![frame], Then::Nothing);
        Ok(())
    }

    /// Puts an epoch's key into the vault.
    pub(super) fn keep_epoch_key(&mut self, id: EpochId, epoch: &Epoch) -> Result<(), VaultError> {
        let secret =
            EpochSecret { id, space: epoch.space, key: Secret::new(&epoch.key), since: Some(clock::now()) };
        let partnership = self.state.id;
        self.shared.keeper.change(|secrets| {
            if let Some(ours) = secrets.partnership_mut(&partnership) {
                ours.epochs.push(secret.clone());
            }
        })?;
        self.state.secrets.epochs.push(secret);
        Ok(())
    }

    /// An epoch from a partner.
    pub(super) fn take_epoch(&mut self, header: &Unverified<EpochHeader>, slot: &Slot) {
        let asked = |id: &EpochId| self.asked_epochs.contains(id);
        match epochs::take(&self.state, header, slot, asked, clock::now()) {
            Ok(Some((id, epoch))) => {
                if let Err(error) = self.keep_epoch(id, epoch) {
                    tracing::error!(%error, "a partner's key could not be kept in the vault");
                }
            }
            Ok(None) => {}
            Err(TakeError::Unasked | TakeError::Early) => self.keep_early_epoch(header, slot),
            Err(error) => tracing::warn!(%error, "a partner's key was not taken"),
        }
    }

    /// An epoch can overtake the acts that it was minted under, or that let its minter in: it is tried again
    /// when acts come. One for each minter, the newest.
    fn keep_early_epoch(&mut self, header: &Unverified<EpochHeader>, slot: &Slot) {
        let created = |header: &Unverified<EpochHeader>| {
            header.verify_self(|h| h.minter.0).ok().map(|h| (h.value().minter, h.value().created))
        };
        let Some((minter, time)) = created(header) else { return };
        let known = self.early_epochs.get(&minter).and_then(|(header, _)| created(header));
        let room = known.is_some() || self.early_epochs.len() < limits::MAX_NODES;
        if room && known.is_none_or(|(_, known)| known < time) {
            self.early_epochs.insert(minter, (header.clone(), slot.clone()));
        }
    }

    /// Tells the machine under which epoch all members write now, if its key is here: it passes it on.
    pub(super) fn tell_current_epoch(&mut self) {
        let nodes = self.state.readers_of(None, clock::now());
        if let Some((epoch, now)) = self.state.ring.writable(&self.state.all(), &nodes, |_| true) {
            let mine = now.header.value().minter == self.state.me.node();
            self.event(Event::EpochCurrent { epoch, mine });
        }
    }

    /// A partner has the key of an epoch: it is asked for where it is not here.
    pub(super) fn epoch_told(&mut self, from: NodeId, epoch: EpochId) {
        if self.state.ring.get(&epoch).is_none() {
            self.event(Event::EpochLacked(from, epoch));
        }
    }

    /// Sends an epoch of a circle that was minted here to readers that are connected, ahead of what is sealed in
    /// it. It is no more of them than entries are pushed to; the others ask when an entry reaches them.
    pub(super) fn give_if_minted_here(&mut self, id: EpochId) {
        let me = self.state.me.node();
        let Some(epoch) = self.state.ring.get(&id) else { return };
        if epoch.space == self.state.all() || epoch.header.value().minter != me {
            return;
        }
        let reads = |node: &&NodeId| epoch.readers.contains(*node);
        let connected: Vec<NodeId> = self.couriers.keys().filter(reads).take(PUSH_FANOUT).copied().collect();
        for node in connected {
            if let Some((header, slot)) = epochs::give(&self.state, &node, &id) {
                self.send(node, Job::Message(Message::Epoch(header, slot)));
            }
        }
    }

    /// Tells the network who may connect, where they may be, and which keys open the door.
    pub(super) async fn refresh_network(&mut self) {
        let members = self.network_members();
        let _stopping = self.net.set_members(members).await;
        let (admit, knock) = self.door_keys();
        self.parting.admitting = admit.len();
        let _stopping = self.net.set_door_keys(admit, knock).await;
        self.refresh_view();
    }

    /// Shows the rest of the node how things stand now.
    pub(super) fn refresh_view(&self) {
        let invitations = self.state.secrets.invitations.iter().map(|i| i.act).collect();
        let trust = std::sync::Arc::new(trust::of_all(&self.state));
        self.view.send_modify(|view| {
            view.membership = self.state.membership.clone();
            view.invitations = invitations;
            view.trust = trust;
        });
    }

    pub(super) fn addresses_of(&self, node: &NodeId, of: &MemberNode) -> Vec<Address> {
        let told = self.told.get(node).into_iter().flatten().filter_map(|a| a.parse().ok());
        let mut addresses: Vec<Address> = told.collect();
        for address in govern::card_addresses(&of.card) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses.truncate(entente_protocol::limits::MAX_ADDRESSES);
        addresses
    }

    /// Opens the doors of open invitations, and shuts those of others.
    pub(super) fn open_doors(&mut self) {
        self.forget_old_invitations();
        let me = derive::transport_id(&self.state.secrets.transport.key());
        let open: Vec<(ActId, Secret)> =
            self.state.secrets.invitations.iter().map(|i| (i.act, i.door.clone())).collect();
        self.doors.retain(|act, task| {
            let keep = open.iter().any(|(o, _)| o == act);
            if !keep {
                task.abort();
            }
            keep
        });
        let Some(driver) = self.myself.upgrade() else { return };
        for (act, key) in open {
            let door = &self.shared.door;
            self.doors.entry(act).or_insert_with(|| {
                let registration = join::open_door(door, key.key(), me);
                tokio::spawn(join::serve(registration, act, driver.clone()))
            });
        }
    }

    /// Drops invitations that expired unused, those whose member was seen here, and those of who is out again. Who was
    /// cut off before it had an answer may come back until the invitation expires.
    pub(super) fn forget_old_invitations(&mut self) {
        let (now, seen) = (clock::now(), &self.last_seen);
        let (membership, graph) = (&self.state.membership, &self.state.graph);
        let waits_or_is_in = |node: &NodeId| {
            membership.node(node).is_some() || membership.pending.iter().any(|p| p.node == *node)
        };
        let was_answered = |act: &ActId| graph.iter().any(|known| office::answers(known) == Some(*act));
        let done = |i: &crate::secrets::OpenInvitation| match i.used_by {
            None => i.expires <= now,
            Some((_, node)) if waits_or_is_in(&node) => seen.contains_key(&node),
            Some(_) => i.expires <= now || was_answered(&i.act),
        };
        let gone: Vec<ActId> =
            self.state.secrets.invitations.iter().filter(|i| done(i)).map(|i| i.act).collect();
        if gone.is_empty() {
            return;
        }
        let id = self.state.id;
        let saved = self.shared.keeper.change(|secrets| {
            if let Some(ours) = secrets.partnership_mut(&id) {
                ours.invitations.retain(|i| !gone.contains(&i.act));
            }
        });
        if saved.is_ok() {
            self.state.secrets.invitations.retain(|i| !gone.contains(&i.act));
        }
    }

    /// What somebody at the door of an invitation would sign.
    pub(super) fn terms(&self, invitation: &ActId) -> Option<Terms> {
        let open = self.state.secrets.invitations.iter().find(|i| i.act == *invitation)?;
        if open.used_by.is_none() && open.expires <= clock::now() {
            return None;
        }
        let found = self.state.graph.iter().next()?;
        let invite = self.state.graph.get(invitation)?;
        Some(Terms {
            found: found.signed().to_unverified(),
            invite: invite.signed().to_unverified(),
            inviter: self.state.me.introduced.to_introduction(),
            amended: (self.state.membership.version > 1)
                .then(|| self.state.membership.agreement.text().to_owned()),
        })
    }

    /// Somebody at the door of an invitation asks to be let in. The answer comes when the request is durable
    /// and a steward could approve it.
    pub(super) fn ask(
        &mut self,
        invitation: ActId,
        act: &Unverified<ActBody>,
        reply: oneshot::Sender<Verdict>,
    ) {
        match self.judge_join(invitation, act) {
            Ok((who, new)) => {
                let id = self.state.id;
                let frames = new.into_iter().map(|act| Frame::Act(id, act)).collect();
                self.append(frames, Then::Asked(who.0, who.1, reply));
            }
            Err(refusal) => {
                let _gone = reply.send(Verdict::Refused(refusal));
            }
        }
    }

    fn judge_join(
        &mut self,
        invitation: ActId,
        travelling: &Unverified<ActBody>,
    ) -> Result<Request, Refusal> {
        let refuse = |code: &str, reason: String| Refusal { code: code.into(), reason };
        let act = verify_act(travelling).map_err(|e| refuse("void", e.to_string()))?;
        let Some(answered) = office::answers(&act) else {
            return Err(refuse("void", "it is not a request to join".into()));
        };
        let (id, who) = (act.id(), (act.body().org, act.body().author));
        let open = self.state.secrets.invitations.iter().find(|i| i.act == invitation);
        match open {
            Some(open) if answered == invitation => {
                if !govern::usable(open, who, clock::now()) {
                    let used = open.used_by.is_some();
                    let (code, what) =
                        if used { ("used", "was used by another node") } else { ("expired", "has expired") };
                    return Err(refuse(code, format!("the invitation {what}")));
                }
            }
            _ => return Err(refuse("void", "the request is for another invitation".into())),
        }
        if self.state.graph.contains(&id) {
            return Ok((who, Vec::new()));
        }
        self.use_invitation(invitation, who).map_err(|e| refuse("failed", e.to_string()))?;
        let new = govern::take(&mut self.state, std::slice::from_ref(travelling));
        let waits = self.state.membership.pending.iter().any(|p| p.join == id);
        let is_in = self.state.membership.node(&who.1).is_some();
        if new.is_empty() || !(waits || is_in) {
            let why = match self.state.membership.verdicts.get(&id) {
                Some(entente_protocol::membership::Verdict::Void(reason)) => reason.to_string(),
                _ => "it does not follow from the invitation".into(),
            };
            return Err(refuse("void", why));
        }
        Ok((who, new))
    }

    fn use_invitation(&mut self, invitation: ActId, who: (OrgId, NodeId)) -> Result<(), VaultError> {
        let id = self.state.id;
        self.shared.keeper.change(|secrets| {
            let ours = secrets.partnership_mut(&id);
            if let Some(open) = ours.and_then(|p| p.invitations.iter_mut().find(|i| i.act == invitation)) {
                open.used_by = Some(who);
            }
        })?;
        if let Some(open) = self.state.secrets.invitations.iter_mut().find(|i| i.act == invitation) {
            open.used_by = Some(who);
        }
        Ok(())
    }

    pub(super) fn wait_or_welcome(&mut self, org: OrgId, node: NodeId) -> Verdict {
        if self.state.membership.node(&node).is_some() && self.state.is_member() {
            // A second node needs nobody's approval, and the key for it nobody else's time.
            self.mint_now();
        }
        if let Some(welcome) = self.welcome(&node) {
            return Verdict::Welcome(welcome);
        }
        if self.state.membership.former.contains_key(&org) {
            let reason = "the organisation was removed from the partnership".into();
            return Verdict::Refused(Refusal { code: "void".into(), reason });
        }
        let (decided, decision) = oneshot::channel();
        self.joiners.retain(|(_, line)| !line.is_closed());
        self.joiners.push((node, decided));
        Verdict::Waiting(decision)
    }

    fn welcome(&self, node: &NodeId) -> Option<Welcome> {
        self.state.membership.node(node)?;
        let id = epochs::for_newcomer(&self.state, node, clock::now())?;
        let (header, slot) = epochs::give(&self.state, node, &id)?;
        let doors = self.door_keys().1.iter().map(|door| Secret::new(&door.0)).collect();
        Some(Welcome { acts: govern::missing(&self.state, &[]), header, slot, doors })
    }

    fn answer_joiners(&mut self) {
        for (node, line) in std::mem::take(&mut self.joiners) {
            match self.welcome(&node) {
                Some(welcome) => {
                    let _hung_up = line.send(welcome);
                }
                None => self.joiners.push((node, line)),
            }
        }
    }

    /// Makes an invitation: its door key is in the vault before its act is spread.
    pub(super) fn invite(
        &mut self,
        role: Option<entente_protocol::handling::Role>,
        days: u64,
        reply: super::commands::Reply<super::commands::InvitationMade>,
    ) {
        let made = self.make_invitation(role, days);
        let _gone = reply.send(made);
    }

    fn make_invitation(
        &mut self,
        role: Option<entente_protocol::handling::Role>,
        days: u64,
    ) -> Result<super::commands::InvitationMade, CommandError> {
        self.forget_old_invitations();
        let invited = govern::invite(&mut self.state, role, days, &self.shared.addresses, clock::now())?;
        self.keep_invitation(invited)
    }

    /// Puts an invitation's door key into the vault, then opens its door.
    pub(super) fn keep_invitation(
        &mut self,
        invited: govern::Invited,
    ) -> Result<super::commands::InvitationMade, CommandError> {
        let (id, open) = (self.state.id, invited.open.clone());
        self.shared.keeper.change(|secrets| {
            if let Some(ours) = secrets.partnership_mut(&id) {
                ours.invitations.push(open.clone());
            }
        })?;
        self.state.secrets.invitations.push(open);
        self.keep_acts(vec![invited.act], None);
        self.open_doors();
        Ok(super::commands::InvitationMade {
            text: invited.text,
            role: invited.role,
            expires: invited.open.expires,
        })
    }
}
