//! The way of a record out of a node: `node/src/partnership/publish.rs`.

use std::rc::Rc;

use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::envelope::{self, Place};
use entente_protocol::handling::{Handling, Language, Sensitivity};
use entente_protocol::identity::LogCertificate;
use entente_protocol::ids::{LogId, RecordId, Timestamp};
use entente_protocol::log::{self, Head};
use entente_protocol::record::{Content, sign_record};
use entente_protocol::signed::sign;
use entente_protocol::value::Value;
use rand_core::Rng as _;

use super::{Env, Node};
use crate::ledger::Publication;
use crate::store::Write;

impl Node {
    /// Publishes a record of a kilobyte or so; `None` where the node is no member that may read, or exchange is suspended.
    ///
    /// # Panics
    /// If a step fails that never may.
    pub fn publish(&mut self, env: &mut Env, audience: Audience, text: &str) -> Option<RecordId> {
        let folded = self.live.as_ref()?.folded.clone();
        let stopped = !folded.membership.suspensions.is_empty() || folded.membership.terminated.is_some();
        // As a real node refuses it: whoever put all others out has no reader left.
        let alone = folded.membership.members.len() < 2;
        if stopped || alone || !folded.readers.contains_key(&self.id()) {
            return None;
        }
        let me = self.party.org();
        let (space, circle) = (audience.space(&self.partnership, &me), audience.circle(&me));
        let (epoch_id, epoch, minted) = self.writable(env, &space, circle.as_deref())?;
        env.ledger.check_writable(&epoch_id, &folded, circle.as_deref());

        let key = self.party.log_key(&self.partnership, &space);
        let log = LogId(key.verifying_key().to_bytes());
        let head = self.live.as_ref()?.queued.get(&(space, log)).copied().unwrap_or(Head::EMPTY);
        let mut nonce = [0; 16];
        env.rng.fill_bytes(&mut nonce);
        let place = (self.partnership, audience, log, head.next);
        let content = content(text, circle.is_some());
        let parts = sign_record(&content, me, &self.party.key, nonce, place, &mut env.rng).unwrap();
        let place = Place { space, log, seq: head.next, epoch: epoch_id };
        let payload = envelope::seal(&codec::encode(&parts), &place, &epoch.key, &mut env.rng).unwrap();
        let (entry, next) = log::append(&head, space, &key, epoch_id, payload, self.now(env)).unwrap();

        if let Some(orgs) = circle.filter(|_| !self.store.logs.contains_key(&(space, log))) {
            let certificate = LogCertificate { space, node: self.id(), log };
            let certificate = sign(certificate, &self.party.key).to_unverified();
            self.keep_log(env, (space, log), self.id(), (orgs, certificate));
        }
        if minted {
            self.keep_epoch(env, epoch_id, epoch);
        }
        let record = derive::record_id(&me, &nonce);
        let entry = Rc::new(entry);
        env.ledger.published(Publication { record, author: self.id(), entry: entry.clone(), under: folded });
        self.live.as_mut()?.queued.insert((space, log), next);
        self.write(env, Write::Entries((space, log), vec![entry], next, None));
        Some(record)
    }
}

fn content(text: &str, named: bool) -> Content {
    Content {
        kind: "material".parse().unwrap(),
        language: Language::undetermined(),
        sensitivity: if named { Sensitivity::Named } else { Sensitivity::Partnership },
        handling: Handling::default(),
        // The date that the author writes on it, not that of a clock.
        created: Timestamp(1_767_225_600_000),
        replies_to: None,
        supersedes: None,
        references: Vec::new(),
        fields: vec![("title".into(), Value::Text(text.into()))],
        attachments: Vec::new(),
    }
}
