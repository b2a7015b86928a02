//! What happens when something has reached the disk: `node/src/partnership/apply.rs` and the driver's `react`.

use std::rc::Rc;

use entente_protocol::ids::{NodeId, Seq};
use entente_protocol::log::{Entry, Head};
use entente_protocol::sync::{Announcement, Event};

use super::{Env, Node, Out};
use crate::store::{Judged, Log, LogKey, Write};

impl Node {
    /// The disk confirms the oldest write.
    pub fn landed(&mut self, env: &mut Env) {
        let Some(write) = self.live.as_mut().and_then(|live| live.disk.pop_front()) else { return };
        match write {
            Write::Acts(acts) => {
                self.store.acts.extend(acts);
                self.membership_changed(env);
            }
            Write::Epoch(id, epoch) => {
                self.store.epochs.insert(id, *epoch);
                if let Some(live) = &mut self.live {
                    live.asked.remove(&id);
                }
                for (key, seq) in self.store.waiting.remove(&id).unwrap_or_default() {
                    self.judge(env, key, seq);
                }
                self.event(env, Event::EpochKnown(id));
                self.tell_current_epoch(env);
                self.give_if_minted_here(env, &id);
            }
            Write::Log(key, ..) => self.tell_log(env, key),
            Write::Entries(key, entries, head, from) => self.entries_landed(env, key, entries, head, from),
        }
    }

    fn entries_landed(
        &mut self,
        env: &mut Env,
        key: LogKey,
        entries: Vec<Rc<Entry>>,
        head: Head,
        from: Option<NodeId>,
    ) {
        let continues = self.append(key, &entries, head);
        if !continues {
            if let Some(live) = &mut self.live {
                live.queued.insert(key, self.store.logs.get(&key).map_or(Head::EMPTY, |log| log.head));
            }
            if let Some(from) = from {
                self.event(env, Event::Refused { from, space: key.0, log: key.1 });
            }
            return;
        }
        for entry in &entries {
            self.judge(env, key, entry.header.seq);
        }
        if key == self.main_log() {
            env.out.push(Out::Announce(Announcement { log: key.1, next: head.next, chain: head.chain }));
        }
        self.event(env, Event::Stored { space: key.0, log: key.1, head });
    }

    fn append(&mut self, key: LogKey, entries: &[Rc<Entry>], head: Head) -> bool {
        let Some(log) = self.store.logs.get_mut(&key) else { return false };
        let continues =
            entries.first().is_some_and(|e| e.header.seq == log.head.next && e.header.prev == log.head.chain);
        if continues {
            log.entries.extend_from_slice(entries);
            log.head = head;
        }
        continues
    }

    /// A write that reached the disk of a node whose power went: nobody hears of it before the node is back.
    pub(super) fn land_quietly(&mut self) -> bool {
        let Some(write) = self.live.as_mut().and_then(|live| live.disk.pop_front()) else { return false };
        match write {
            Write::Acts(acts) => self.store.acts.extend(acts),
            Write::Epoch(id, epoch) => {
                self.store.epochs.insert(id, *epoch);
            }
            Write::Log(..) => {}
            Write::Entries(key, entries, head, _) => {
                if self.append(key, &entries, head) {
                    self.judge_later(key, &entries);
                }
            }
        }
        true
    }

    /// What is lost with the power: logs of circles that were known and not yet kept.
    pub(super) fn forget_unkept_logs(&mut self) {
        let lost = self.live.iter_mut().flat_map(|live| live.disk.drain(..));
        let keys: Vec<LogKey> =
            lost.filter_map(|w| if let Write::Log(key, ..) = w { Some(key) } else { None }).collect();
        for key in keys {
            if self.store.logs.get(&key).is_some_and(|log| log.entries.is_empty()) {
                self.store.logs.remove(&key);
            }
        }
    }

    /// An entry that was not judged before the crash is judged when the node starts.
    fn judge_later(&mut self, key: LogKey, entries: &[Rc<Entry>]) {
        for entry in entries {
            let place = (key, entry.header.seq);
            self.store.judged.insert(place, Judged::Waiting(entry.header.epoch));
            self.store.waiting.entry(entry.header.epoch).or_default().insert(place);
        }
    }

    /// Entries whose key came with the crash are judged on starting.
    pub(super) fn judge_what_waited(&mut self, env: &mut Env) {
        let known: Vec<_> =
            self.store.waiting.keys().filter(|e| self.store.epochs.contains_key(e)).copied().collect();
        for epoch in known {
            for (key, seq) in self.store.waiting.remove(&epoch).unwrap_or_default() {
                self.judge(env, key, seq);
            }
        }
    }

    /// The logs of all members, present and former, are known from the roster.
    pub(super) fn learn_main_logs(&mut self) {
        let all = self.all();
        let Some(live) = &mut self.live else { return };
        for (log, (owner, _)) in &live.folded.roster.logs {
            let key = (all, *log);
            let stored = self.store.logs.entry(key).or_insert_with(|| Log::new(*owner, None));
            live.queued.entry(key).or_insert(stored.head);
        }
    }

    /// How many entries of a log are stored.
    #[must_use]
    pub fn stored(&self, key: &LogKey) -> Seq {
        self.store.logs.get(key).map_or(Seq(0), |log| log.head.next)
    }
}
