//! Parleys (S11): what is said with a node that is a member's no more, or that takes us for none.
//!
//! ```text
//!  X takes Y for former                          Y takes X for a member, or for former too
//!    ── Parley(acts that put Y out) ──────────▶    lacks them
//!    ◀──────────────────── WantActs(heads) ──
//!    ── Acts(those, and what they follow) ────▶    takes them, is out in its own eyes, or not
//!    ◀────────────────── Heard(the same acts) ──
//!    ◀── Parley(heads; or acts that put X out) ──   and the same the other way
//! ```
//! What X gives is bound by its drivers, which know the graph ([`Effect::SendActs`]); here nothing else can be said,
//! since who parleys is no [`Peer`](super::super::peer::Peer). Each side answers `Heard` once it holds what the other
//! named; when both have, the parley is over. If one side then takes the other for a member (again), it hangs up,
//! and the two begin anew.

use crate::ids::{ActId, NodeId};
use crate::limits;

use super::super::message::{Message, VERSION};
use super::{Effect, OTHER_VERSION, SyncMachine};

/// Parleys at one time. Who comes meanwhile tries again later.
pub const MAX_PARLEYS: usize = 16;
/// Acts that one message of a parley names.
pub const MAX_POINTS: usize = limits::MAX_ACT_PARENTS;
/// Messages that are taken in one parley. All acts that a partnership may have come in fewer.
const MAX_SAID: u32 = 128;
/// Ticks without a message after which a parley is given up: 30 s.
const PATIENCE: u32 = 120;

/// What is known of one parley.
#[derive(Debug)]
pub(super) struct Parley {
    /// Do we take it for former? Else it is a member to us, and takes us for former.
    former: bool,
    /// What we would have it hear.
    told: Vec<ActId>,
    /// It holds that.
    heard: bool,
    /// What it would have us hear, and whether we hold that.
    named: Option<(Vec<ActId>, bool)>,
    /// Both have heard each other.
    over: bool,
    /// Messages taken.
    said: u32,
    /// Acts taken: reading them costs.
    acts: usize,
    /// Ticks since the last one.
    quiet: u32,
}

impl SyncMachine {
    /// Speaks with a connected node that is no member's, if it may parley.
    pub(super) fn parley_or_hang_up(&mut self, peer: NodeId, why: &'static str) {
        let room = self.parleys.len() < MAX_PARLEYS || self.parleys.contains_key(&peer);
        match self.roster.former.get(&peer).cloned() {
            Some(points) if room => self.begin_parley(peer, true, points),
            _ => self.out.push(Effect::HangUp(peer, why)),
        }
    }

    fn begin_parley(&mut self, peer: NodeId, former: bool, told: Vec<ActId>) {
        self.out.push(Effect::Send(peer, Message::Parley(told.clone())));
        let parley =
            Parley { former, told, heard: false, named: None, over: false, said: 0, acts: 0, quiet: 0 };
        self.parleys.insert(peer, parley);
    }

    /// Something was said in a parley, or by a member that begins one.
    pub(super) fn parley_said(&mut self, from: NodeId, message: Message) {
        if self.peers.contains_key(&from) {
            self.gone(from);
            self.begin_parley(from, false, self.heads.clone());
        }
        let Some(parley) = self.parleys.get_mut(&from) else { return };
        match message {
            Message::Hello(hello) if hello.version != VERSION => {
                self.out.push(Effect::HangUp(from, OTHER_VERSION));
            }
            _ if parley.said >= MAX_SAID => {
                self.out.push(Effect::HangUp(from, "it is no member, and says too much"));
            }
            Message::Hello(hello) => self.named(from, hello.heads),
            Message::Heads(points) | Message::Parley(points) => self.named(from, points),
            Message::WantActs(have) => {
                parley.count();
                self.out.push(Effect::SendActs(from, have));
            }
            Message::Acts(acts) => {
                parley.count();
                parley.acts = parley.acts.saturating_add(acts.len());
                if parley.acts > limits::MAX_ACTS {
                    self.out
                        .push(Effect::HangUp(from, "it is no member, and sends more acts than there can be"));
                    return;
                }
                self.out.push(Effect::TakeActs(from, acts));
            }
            Message::Heard(points) => {
                parley.count();
                parley.heard |= points == parley.told;
                self.end_if_both_heard(from);
            }
            // It takes us for a member. Entries, keys and all else are not for us to take.
            _ => {}
        }
    }

    fn named(&mut self, from: NodeId, points: Vec<ActId>) {
        let Some(parley) = self.parleys.get_mut(&from) else { return };
        if points.len() > MAX_POINTS {
            self.out.push(Effect::HangUp(from, "it names more acts than there can be heads"));
            return;
        }
        parley.count();
        parley.named = Some((points.clone(), false));
        self.out.push(Effect::ComparePoints(from, points, true));
    }

    /// All acts are here that a peer named.
    pub(super) fn holds(&mut self, peer: NodeId, points: Vec<ActId>) {
        let Some(parley) = self.parleys.get_mut(&peer) else { return };
        match &mut parley.named {
            Some((named, held)) if *named == points && !*held => *held = true,
            _ => return,
        }
        self.out.push(Effect::Send(peer, Message::Heard(points)));
        self.end_if_both_heard(peer);
    }

    fn end_if_both_heard(&mut self, peer: NodeId) {
        let Some(parley) = self.parleys.get_mut(&peer) else { return };
        let held = parley.named.as_ref().is_some_and(|(_, held)| *held);
        if parley.heard && held && !parley.over {
            parley.over = true;
            self.out.push(Effect::ParleyOver(peer));
        }
    }

    /// Membership changed: who is a member again begins anew, the others hear what is new of what they may hear.
    pub(super) fn parleys_go_on(&mut self) {
        for peer in self.parleys.keys().copied().collect::<Vec<_>>() {
            let member = self.roster.nodes.contains_key(&peer);
            let points = match self.roster.former.get(&peer) {
                None if member => Some(&self.heads),
                former => former,
            };
            let Some(parley) = self.parleys.get_mut(&peer) else { continue };
            let Some(points) = points.filter(|_| !(member && parley.former)) else {
                self.parleys.remove(&peer);
                let why = if member { "a member again" } else { "no longer a member" };
                self.out.push(Effect::HangUp(peer, why));
                continue;
            };
            parley.former = !member;
            if *points != parley.told {
                parley.told.clone_from(points);
                (parley.heard, parley.over) = (false, false);
                self.out.push(Effect::Send(peer, Message::Parley(parley.told.clone())));
            }
            if let Some((points, false)) = &parley.named {
                self.out.push(Effect::ComparePoints(peer, points.clone(), false));
            }
        }
    }

    /// A tick passed.
    pub(super) fn end_silent_parleys(&mut self) {
        for (peer, parley) in &mut self.parleys {
            parley.quiet = parley.quiet.saturating_add(1);
            if parley.quiet == PATIENCE {
                self.out.push(Effect::HangUp(*peer, "the parley led nowhere"));
            }
        }
    }
}

impl Parley {
    fn count(&mut self) {
        self.said = self.said.saturating_add(1);
        self.quiet = 0;
    }
}
