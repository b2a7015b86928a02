//! Out of the fence: a new log, certified by the organisation's root key.
//!
//! ```text
//! prepare: fresh seed into the vault ──log──▶ root key signs LogRenewal ──▶ renew: act NewLog ──journal──▶
//! the fresh seed becomes the log's, and the fence falls
//! ```
//! The root key never enters the node: who has it signs beside it. The fence falls when the act is durable and
//! counts, so a crash anywhere leaves either a fenced node or a renewed one.

use entente_protocol::identity::MemberCard;
use entente_protocol::ids::{LogId, NodeId, Seq};
use entente_protocol::membership::acts;
use entente_protocol::root::LogRenewal;
use entente_protocol::signed::Unverified;

use crate::clock;
use crate::secrets::Secret;

use super::commands::{CommandError, Reply};
use super::driver::Driver;
use super::govern;

/// Why the log is not renewed now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenewError {
    /// It goes on as it is.
    #[error("this node's log is in order: there is nothing to renew")]
    NotFenced,
    /// Nobody is there to tell what was signed.
    #[error("no partner is connected, so nobody can tell what this node signed before")]
    Alone,
    /// Not all came yet.
    #[error("not all that the connected partners hold has arrived yet")]
    Behind,
    /// The certificate is for another log.
    #[error("the root key's certificate is for another log, node or partnership: {0}")]
    Certificate(String),
}

/// What the root key is to certify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextLog {
    /// This node.
    pub node: NodeId,
    /// Its next log.
    pub log: LogId,
}

fn log_of(seed: &Secret) -> LogId {
    LogId(seed.signing_key().verifying_key().to_bytes())
}

impl Driver {
    /// The log that follows; its seed is kept until it is used.
    pub(super) fn prepare_log(&mut self) -> Result<NextLog, CommandError> {
        let node = self.state.me.node();
        let fence = self.state.secrets.fenced.as_ref().ok_or(RenewError::NotFenced)?;
        if let Some(next) = &fence.next {
            return Ok(NextLog { node, log: log_of(next) });
        }
        self.all_is_here()?;
        let next = Secret::random().map_err(govern::GovernError::from)?;
        let (id, log) = (self.state.id, log_of(&next));
        self.shared.keeper.change(|secrets| {
            if let Some(fence) = secrets.partnership_mut(&id).and_then(|ours| ours.fenced.as_mut()) {
                fence.next = Some(next.clone());
            }
        })?;
        if let Some(fence) = &mut self.state.secrets.fenced {
            fence.next = Some(next);
        }
        Ok(NextLog { node, log })
    }

    /// Ends the old log where it ends here, and begins the next.
    pub(super) fn renew_log(&mut self, certificate: Unverified<LogRenewal>, reply: Reply<()>) {
        match self.new_log(certificate) {
            Ok(act) => self.keep_acts(vec![act], Some(reply)),
            Err(error) => {
                let _gone = reply.send(Err(error));
            }
        }
    }

    fn new_log(
        &mut self,
        certificate: Unverified<LogRenewal>,
    ) -> Result<Unverified<entente_protocol::membership::ActBody>, CommandError> {
        let fence = self.state.secrets.fenced.as_ref().ok_or(RenewError::NotFenced)?;
        let next = fence.next.clone().ok_or(RenewError::NotFenced)?;
        self.all_is_here()?;
        let (_, of) =
            self.state.membership.node(&self.state.me.node()).ok_or(govern::GovernError::NotAMember)?;
        let ended = of.card.log;
        let until = self.state.logs.get(&(self.state.all(), ended)).map(|log| log.queued.next);
        let card = MemberCard { log: log_of(&next), ..of.card.clone() };
        let author = govern::author(&self.state, clock::now());
        let act = acts::new_log(author, card, certificate, (ended, until.unwrap_or(Seq(0))))
            .map_err(|e| RenewError::Certificate(e.to_string()))?;
        Ok(govern::add(&mut self.state, act)?)
    }

    /// Everything that the connected partners hold: entries, ours included, and acts.
    pub(super) fn all_is_here(&self) -> Result<(), RenewError> {
        let mut nobody = true;
        for (node, _) in self.couriers.iter().filter(|(_, courier)| !courier.former) {
            let Some(heads) = self.told_heads.get(node) else { return Err(RenewError::Behind) };
            let acts = heads.iter().all(|head| self.state.graph.contains(head));
            if !acts || !self.machine.caught_up_with(node) {
                return Err(RenewError::Behind);
            }
            nobody = false;
        }
        if nobody { Err(RenewError::Alone) } else { Ok(()) }
    }

    /// The act counts: its log is ours now. After a crash in between, at the next start.
    pub(super) fn finish_renewal(&mut self) {
        let Some(next) = self.state.secrets.fenced.as_ref().and_then(|fence| fence.next.clone()) else {
            return;
        };
        let card = self.state.membership.node(&self.state.me.node()).map(|(_, of)| of.card.log);
        if card != Some(log_of(&next)) {
            return;
        }
        let id = self.state.id;
        let saved = self.shared.keeper.change(|secrets| {
            if let Some(ours) = secrets.partnership_mut(&id) {
                (ours.log, ours.fenced) = (next.clone(), None);
            }
        });
        match saved {
            Ok(()) => {
                self.state.go_on_in(next);
                self.show_fence();
            }
            Err(error) => tracing::error!(%error, "the new log's key could not be kept in the vault"),
        }
    }
}
