//! Why does a partner have a record, or not?
//!
//! In this order: who may not read it, who refused it by its own word, who holds it, who is on the way, who is away.

use std::collections::BTreeSet;

use entente_protocol::ids::{LogId, NodeId, OrgId, SpaceId};
use entente_protocol::policy::RefusalCode;

use crate::api::types::Explanation;
use crate::clock;
use crate::net::DialReason;
use crate::rows::{self, AckRow, RecordPlace, RefusedThere};

use super::driver::Driver;
use super::epochs;
use super::serve::QUOTA_FULL;

fn say(code: &str, words: String, next: &str) -> Explanation {
    Explanation { code: code.into(), words, next: next.into(), refusal: None }
}

impl Driver {
    /// Why an organisation has what stands at a place, or has it not.
    pub(super) fn explain(&self, place: &RecordPlace, org: &OrgId) -> Explanation {
        let Some(member) = self.state.membership.members.get(org) else {
            return say("not-a-reader", "It is not a member of this partnership.".into(), "");
        };
        let name = member.organisation.name.as_str();
        if *org == self.state.me.org() {
            return say("has-it", format!("{name} is this organisation, and it is here."), "");
        }
        let nodes: BTreeSet<NodeId> = member.nodes.keys().copied().collect();
        self.never_sent(place, org, name)
            .or_else(|| self.refused_there(place, org, name))
            .or_else(|| self.stopped_here(place))
            .or_else(|| self.held_there(place, org, name, &nodes))
            .map(|said| self.with_way(said, name, &nodes))
            .unwrap_or_else(|| self.away(org, name, &nodes))
    }

    /// Adds through whom it is reached, if it is through somebody.
    fn with_way(&self, mut said: Explanation, name: &str, nodes: &BTreeSet<NodeId>) -> Explanation {
        if let Some(way) = self.way_in_words(name, nodes) {
            said.words = format!("{} {way}", said.words);
        }
        said
    }

    /// It may not read it: by the author's choice, or because nobody gives it the key.
    fn never_sent(&self, place: &RecordPlace, org: &OrgId, name: &str) -> Option<Explanation> {
        let circle = epochs::circle_of(&self.state, &place.space).flatten();
        if circle.is_some_and(|orgs| !orgs.contains(org)) {
            let words =
                format!("It was never sent to {name}, which is not among the readers that the author named.");
            return Some(say(
                "not-a-reader",
                words,
                "To let it read, share the record again with it as a reader.",
            ));
        }
        if self.is_not_given(place, org) {
            let words = format!(
                "{name} holds it sealed and cannot read it: it was shared before {name} could read, and neither the \
                 agreement nor a grant gives it what was before."
            );
            let next = "A steward can give it: `entente partnership grant-history` with --record.";
            return Some(say("not-given", words, next));
        }
        self.state.membership.may_read(org, clock::now()).is_err().then(|| {
            let words =
                format!("{name} may have no keys now: it has not declared what the agreement asks for.");
            say("not-a-reader", words, "See `entente partnership show`.")
        })
    }

    /// Its own node said that it holds it and does not show it.
    fn refused_there(&self, place: &RecordPlace, org: &OrgId, name: &str) -> Option<Explanation> {
        let index = &self.shared.ledger.store().index;
        let by_org =
            |row: &RefusedThere| self.state.owner(&place.space, &row.by).is_some_and(|(o, _)| o == *org);
        let row = rows::refused_there(index, &self.state.id, place).into_iter().find(by_org)?;
        let first = row.code.split(' ').next().unwrap_or_default();
        let meaning = RefusalCode::all().find(|code| code.as_str() == first).map(RefusalCode::meaning);
        let when = clock::words(row.arrived);
        let mut said = match meaning {
            Some(meaning) => say(
                "refused",
                format!(
                    "{name} received it, and its policy refuses it: {} ({meaning}). It said so on {when}.",
                    row.code
                ),
                "Compare the agreements that both nodes have: `entente partnership show`.",
            ),
            None => say(
                "quarantined",
                format!("{name} received it and put it into quarantine: {}. It said so on {when}.", row.code),
                "Ask them what `entente sync status` shows there.",
            ),
        };
        said.refusal = Some(row.code);
        Some(said)
    }

    /// Its author signed two entries at one position: nobody takes what comes from there on.
    fn stopped_here(&self, place: &RecordPlace) -> Option<Explanation> {
        let forked = self.state.forks.get(&(place.space, place.log))?;
        (place.seq >= *forked).then(|| {
            let words = "Its author signed two different entries at one position, so nobody takes anything more from \
                         that log."
                .to_owned();
            say("quarantined", words, "See `entente audit verify`.")
        })
    }

    /// It holds it, or some of what stands before it.
    fn held_there(
        &self,
        place: &RecordPlace,
        org: &OrgId,
        name: &str,
        nodes: &BTreeSet<NodeId>,
    ) -> Option<Explanation> {
        let key: (SpaceId, LogId) = (place.space, place.log);
        let now = nodes.iter().filter_map(|n| self.machine.peer_has(n, &key.0, &key.1)).max();
        let receipt = self.receipt(org, place);
        if let Some(receipt) = &receipt {
            let words = format!(
                "{name} has had it since {} at the latest: it acknowledged it.",
                clock::words(receipt.arrived)
            );
            return Some(say("has-it", words, ""));
        }
        if now.is_some_and(|next| next > place.seq) {
            return Some(say(
                "has-it",
                format!("{name} holds it: its node, which is connected, says so."),
                "",
            ));
        }
        if nodes.iter().any(|node| self.bounds.full_there.contains(node)) {
            let words = format!("{name} does not take it now: {QUOTA_FULL}.");
            return Some(say(
                "quota",
                words,
                "Ask whoever keeps its node to make room or to raise the quota.",
            ));
        }
        if let Some(next) = now {
            let all = self.state.logs.get(&key).map_or(place.seq.0 + 1, |log| log.stored.next.0);
            let words = format!(
                "{name} is connected and on its way: it holds {next} of {all} entries of this log, and this is \
                 number {}.",
                place.seq.0 + 1
            );
            return Some(say("behind", words, "Wait a moment, or look at `entente sync status`."));
        }
        let before = nodes.iter().filter_map(|n| self.last_known.get(n)?.get(&key)).max();
        before.filter(|next| **next > place.seq)?;
        Some(say("has-it", format!("{name} held it when it was last connected."), ""))
    }

    /// It is not connected, and nothing says that it has it.
    fn away(&self, org: &OrgId, name: &str, nodes: &BTreeSet<NodeId>) -> Explanation {
        let seen = nodes.iter().filter_map(|n| self.last_seen.get(n)).max();
        let index = &self.shared.ledger.store().index;
        let of_org = |row: &AckRow| self.state.owner(&row.space, &row.by).is_some_and(|(o, _)| o == *org);
        let words = match seen {
            Some(seen) => {
                format!("{name} has been offline since {}, before it had this record.", clock::words(*seen))
            }
            None => {
                let heard = rows::all_acknowledgements(index, &self.state.id).into_iter().filter(of_org);
                match heard.map(|row| row.arrived).max() {
                    Some(heard) => format!(
                        "{name} has not been connected since this node started; its last acknowledgement came on {}.",
                        clock::words(heard)
                    ),
                    None => format!("{name} has not been connected since this node started."),
                }
            }
        };
        let why =
            self.why_not_reached(nodes).map_or(String::new(), |why| format!(" The last attempt: {why}."));
        let words = format!("{words}{why}");
        let next = "It will get it when it is back; `entente sync now` tries to reach it at once, `entente bundle \
                    export` makes a file for it.";
        say("offline", words, next)
    }

    /// Why the last attempt to reach it failed.
    fn why_not_reached(&self, nodes: &BTreeSet<NodeId>) -> Option<DialReason> {
        self.peers_of(nodes).into_iter().find_map(|peer| peer.last_error)
    }

    /// The acknowledgement of a node of this organisation that covers a position, if one came.
    fn receipt(&self, org: &OrgId, place: &RecordPlace) -> Option<AckRow> {
        let index = &self.shared.ledger.store().index;
        let by_org = |row: &AckRow| self.state.owner(&row.space, &row.by).is_some_and(|(o, _)| o == *org);
        rows::acknowledgements(index, &self.state.id, &place.space, &place.log)
            .into_iter()
            .find(|row| row.head.next > place.seq && by_org(row))
    }
}
