//! From a stored entry to a record that may be shown: `node/src/partnership/open.rs`.

use entente_protocol::codec;
use entente_protocol::envelope::{self, Place};
use entente_protocol::ids::{NodeId, OrgId, RecordId, Seq};
use entente_protocol::log::Entry;
use entente_protocol::policy;
use entente_protocol::record::RecordParts;
use entente_protocol::sync::Event;

use super::{Env, Node};
use crate::ledger::JudgedKey;
use crate::scenario::Crypto;
use crate::store::{Epoch, Judged, LogKey};

/// Why an entry is not shown whose author no act that is here let in.
const NOBODYS: &str = "nobody's log";

impl Node {
    pub(super) fn judge(&mut self, env: &mut Env, key: LogKey, seq: Seq) {
        let Some(entry) = self.entry(&key, seq).cloned() else { return };
        let judged = self.judgement(env, &key, &entry);
        if let Judged::Waiting(epoch) = judged {
            self.store.waiting.entry(epoch).or_default().insert((key, seq));
            let Some(live) = &mut self.live else { return };
            if live.asked.insert(epoch) {
                self.event(env, Event::EpochMissing(key.0, epoch));
            }
        }
        self.store.judged.insert((key, seq), judged);
    }

    /// After acts: entries whose author nobody knew are judged again.
    pub(super) fn judge_nobodys(&mut self, env: &mut Env) {
        let all = self.store.judged.iter();
        let nobodys = all.filter(|(_, judged)| matches!(judged, Judged::Refused(why) if why == NOBODYS));
        for (key, seq) in nobodys.map(|(place, _)| *place).collect::<Vec<_>>() {
            self.judge(env, key, seq);
        }
    }

    fn judgement(&self, env: &mut Env, key: &LogKey, entry: &Entry) -> Judged {
        let Some(live) = &self.live else { return Judged::Waiting(entry.header.epoch) };
        let Some(epoch) = live.ring.get(&entry.header.epoch) else {
            return Judged::Waiting(entry.header.epoch);
        };
        let owner = self.store.logs.get(key).map(|log| log.owner);
        let Some((node, org)) = owner.and_then(|n| live.folded.org_of(&n).map(|org| (n, org))) else {
            return Judged::Refused(NOBODYS.into());
        };
        let former = live.folded.membership.former.get(&org);
        let until = former.and_then(|former| former.cutoff.get(&key.1));
        if until.is_some_and(|until| entry.header.seq >= *until) {
            return Judged::Late;
        }
        if env.crypto == Crypto::Full {
            return self.open(epoch, (org, node), entry);
        }
        let known =
            JudgedKey { log: entry.header.log, payload: entry.header.payload, basis: epoch.basis.set };
        if let Some(judged) = env.ledger.judged.get(&known) {
            return judged.clone();
        }
        let judged = self.open(epoch, (org, node), entry);
        env.ledger.judged.insert(known, judged.clone());
        judged
    }

    fn open(&self, epoch: &Epoch, owner: (OrgId, NodeId), entry: &Entry) -> Judged {
        self.try_open(epoch, owner, entry).map_or_else(Judged::Refused, Judged::Shown)
    }

    fn try_open(&self, epoch: &Epoch, owner: (OrgId, NodeId), entry: &Entry) -> Result<RecordId, String> {
        let header = &entry.header;
        if epoch.space != header.space {
            return Err("a key of another circle".into());
        }
        let payload = entry.payload.as_ref().ok_or("erased")?;
        let place = Place { space: header.space, log: header.log, seq: header.seq, epoch: header.epoch };
        let opened = envelope::open(payload, &place, &epoch.key).map_err(|e| e.to_string())?;
        let parts: RecordParts = codec::decode(&opened).map_err(|e| e.to_string())?;
        let record = parts
            .verify_in(&self.partnership, &owner.0, &owner.1, &header.log, header.seq)
            .map_err(|e| e.to_string())?;
        let facts = record.facts().map_err(|e| e.to_string())?;
        if facts.audience.space(&self.partnership, &owner.0) != header.space {
            return Err("signed for other readers".into());
        }
        let then = &epoch.basis.membership;
        policy::permit(&then.agreement, &then.roles(), &facts)
            .map_err(|refusals| refusals.iter().map(|r| r.reason.clone()).collect::<Vec<_>>().join(" "))?;
        Ok(record.id())
    }
}
