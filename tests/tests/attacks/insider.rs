//! A member's own keys in hostile hands: its home, opened without its program, and forgeries made with them.

use ed25519_dalek::SigningKey;
use entente_node::clock::SystemRandom;
use entente_node::frames::Frame;
use entente_node::me::Me;
use entente_node::secrets::{PartnershipSecrets, Secrets};
use entente_node::store::{Position, Store, StoreKey};
use entente_node::vault::Vault;
use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::derive::{self, Key};
use entente_protocol::envelope::{self, Place};
use entente_protocol::epoch;
use entente_protocol::handling::{Handling, Language, Sensitivity};
use entente_protocol::ids::{EpochId, LogId, OrgId, PartnershipId, Seq, SpaceId, Timestamp};
use entente_protocol::log::{self, Entry, Head};
use entente_protocol::membership::{ActGraph, Membership, verify_act};
use entente_protocol::record::{Content, RecordParts, sign_record};
use entente_protocol::value::Value;
use entente_tests::{Home, PASSPHRASE, TestNode};

/// The home of a node that does not run.
pub struct Insider {
    pub secrets: Secrets,
    pub me: Me,
    pub store: Store,
}

impl Insider {
    pub fn open(home: &Home) -> Insider {
        Insider::open_at(&home.path())
    }

    /// The home may be a copy.
    pub fn open_at(home: &std::path::Path) -> Insider {
        let (_vault, contents) = Vault::open(&home.join("vault"), PASSPHRASE.as_bytes()).unwrap();
        let secrets = Secrets::from_bytes(&contents).unwrap();
        let me = Me::from_secrets(&secrets).unwrap();
        let (store, _) = Store::open(home, &StoreKey::from_bytes(secrets.store.key())).unwrap();
        Insider { secrets, me, store }
    }

    /// Stops a node and takes its home.
    pub async fn seize(node: &mut TestNode) -> Insider {
        node.stop().await;
        Insider::open(node.home())
    }

    /// Writes the journal anew with these frames; the index is made of it at the next start.
    pub fn rewrite(self, home: &std::path::Path, frames: &[Frame]) {
        let key = StoreKey::from_bytes(self.secrets.store.key());
        self.close();
        for part in ["journal", "index"] {
            std::fs::remove_dir_all(home.join(part)).unwrap();
        }
        let (store, _) = Store::open(home, &key).unwrap();
        store.journal.append(frames.iter().map(Frame::to_bytes).collect()).wait().unwrap();
        store.close().unwrap();
    }

    pub fn close(self) {
        self.store.close().unwrap();
    }

    pub fn keys(&self, partnership: &PartnershipId) -> &PartnershipSecrets {
        self.secrets.partnership(partnership).unwrap()
    }

    pub fn frames(&self) -> Vec<Frame> {
        let scan = self.store.journal.scan(Position::START).unwrap();
        scan.map(|(_, bytes)| Frame::from_bytes(&bytes.unwrap()).unwrap()).collect()
    }

    pub fn graph(&self, partnership: &PartnershipId) -> ActGraph {
        let mut graph: Option<ActGraph> = None;
        for frame in self.frames() {
            let Frame::Act(id, act) = frame else { continue };
            if id != *partnership {
                continue;
            }
            let act = verify_act(&act).unwrap();
            match &mut graph {
                Some(graph) => {
                    graph.insert(act).unwrap();
                }
                None => graph = Some(ActGraph::founded(act).unwrap()),
            }
        }
        graph.unwrap()
    }

    pub fn membership(&self, partnership: &PartnershipId) -> Membership {
        Membership::of(&self.graph(partnership))
    }

    pub fn entries(&self, space: &SpaceId, log: &LogId) -> Vec<Entry> {
        let own = |frame| match frame {
            Frame::Entry(_, entry, _) if entry.header.space == *space && entry.header.log == *log => {
                Some(entry)
            }
            _ => None,
        };
        self.frames().into_iter().filter_map(own).collect()
    }

    /// The spaces in which this node holds entries of this log's owner and of others.
    pub fn all_entries(&self, partnership: &PartnershipId) -> Vec<Entry> {
        let ours = |frame| match frame {
            Frame::Entry(id, entry, _) if id == *partnership => Some(entry),
            _ => None,
        };
        self.frames().into_iter().filter_map(ours).collect()
    }

    pub fn epoch_key(&self, partnership: &PartnershipId, id: &EpochId) -> Option<Key> {
        self.keys(partnership).epochs.iter().find(|e| e.id == *id).map(|e| e.key.key())
    }

    /// The newest epoch of a space of which the key is here.
    pub fn newest_epoch(&self, partnership: &PartnershipId, space: &SpaceId) -> (EpochId, Key) {
        let found = self.frames().into_iter().filter_map(|frame| match frame {
            Frame::Epoch(known) => known.header.verify_self(|h| h.minter.0).ok(),
            _ => None,
        });
        let (_, id) = found
            .filter(|header| header.value().space == *space)
            .map(|header| (header.value().created, epoch::id_of(&header)))
            .filter(|(_, id)| self.epoch_key(partnership, id).is_some())
            .max()
            .unwrap();
        (id, self.epoch_key(partnership, &id).unwrap())
    }

    pub fn append(&self, frames: &[Frame]) {
        let bytes = frames.iter().map(Frame::to_bytes).collect();
        self.store.journal.append(bytes).wait().unwrap();
    }

    /// Opens an entry with the keys of this vault.
    pub fn read(&self, partnership: &PartnershipId, entry: &Entry) -> Option<RecordParts> {
        let key = self.epoch_key(partnership, &entry.header.epoch)?;
        let opened = envelope::open(entry.payload.as_ref()?, &place_of(entry), &key).ok()?;
        codec::decode(&opened).ok()
    }
}

pub fn place_of(entry: &Entry) -> Place {
    let header = &entry.header;
    Place { space: header.space, log: header.log, seq: header.seq, epoch: header.epoch }
}

/// Writes a member's own log as its program never would, with all the right keys.
pub struct Forge<'a> {
    pub insider: &'a Insider,
    pub partnership: PartnershipId,
    pub space: SpaceId,
    pub epoch: (EpochId, Key),
    key: SigningKey,
    pub head: Head,
    frames: Vec<Frame>,
}

impl<'a> Forge<'a> {
    /// In the log of the space of all members.
    pub fn new(insider: &'a Insider, partnership: PartnershipId) -> Forge<'a> {
        let space = derive::space_of_all(&partnership);
        let key = insider.keys(&partnership).log.signing_key();
        let log = LogId(key.verifying_key().to_bytes());
        let head = insider.entries(&space, &log).last().map_or(Head::EMPTY, head_after);
        let epoch = insider.newest_epoch(&partnership, &space);
        Forge { insider, partnership, space, epoch, key, head, frames: Vec::new() }
    }

    /// In the log of a circle in which this member has shared something already.
    pub fn in_circle(insider: &'a Insider, partnership: PartnershipId, orgs: &[OrgId]) -> Forge<'a> {
        let space = derive::space_of_circle(&partnership, orgs);
        let key = derive::circle_log_key(&insider.keys(&partnership).log.key(), &space);
        let log = LogId(key.verifying_key().to_bytes());
        let head = insider.entries(&space, &log).last().map(head_after).unwrap();
        let epoch = insider.newest_epoch(&partnership, &space);
        Forge { insider, partnership, space, epoch, key, head, frames: Vec::new() }
    }

    pub fn log(&self) -> LogId {
        LogId(self.key.verifying_key().to_bytes())
    }

    /// A record signed by this node for the next position.
    pub fn sign(&self, content: &Content, audience: Audience) -> RecordParts {
        self.sign_with(content, audience, [7; 16])
    }

    pub fn sign_with(&self, content: &Content, audience: Audience, nonce: [u8; 16]) -> RecordParts {
        let place = (self.partnership, audience, self.log(), self.head.next);
        let me = &self.insider.me;
        sign_record(content, me.org(), &me.key, nonce, place, &mut SystemRandom).unwrap()
    }

    /// Puts a record at the next position, properly sealed.
    pub fn put(&mut self, record: &RecordParts) -> Seq {
        self.put_bytes(&codec::encode(record))
    }

    pub fn put_bytes(&mut self, record: &[u8]) -> Seq {
        let place = Place { space: self.space, log: self.log(), seq: self.head.next, epoch: self.epoch.0 };
        let payload = envelope::seal(record, &place, &self.epoch.1, &mut SystemRandom).unwrap();
        self.put_payload(self.epoch.0, payload)
    }

    pub fn put_payload(&mut self, epoch: EpochId, payload: Vec<u8>) -> Seq {
        let now = entente_node::clock::now();
        let seq = self.head.next;
        let (entry, head) = log::append(&self.head, self.space, &self.key, epoch, payload, now).unwrap();
        self.head = head;
        self.frames.push(Frame::Entry(self.partnership, entry, now));
        seq
    }

    /// The crafted entries, for whoever sends them by other ways.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Writes all into the journal, where the program finds it as if it were its own.
    pub fn commit(self) {
        self.insider.append(&self.frames);
    }
}

pub fn head_after(entry: &Entry) -> Head {
    let chain = derive::chain(&codec::encode(&entry.header));
    Head { next: entry.header.seq.next().unwrap(), chain }
}

/// Content without attachments, for the partnership, dated now.
pub fn content(kind: &str, title: &str) -> Content {
    Content {
        kind: kind.parse().unwrap(),
        language: Language::undetermined(),
        sensitivity: Sensitivity::Partnership,
        handling: Handling::default(),
        created: entente_node::clock::now(),
        replies_to: None,
        supersedes: None,
        references: Vec::new(),
        fields: vec![("title".into(), Value::Text(title.into()))],
        attachments: Vec::new(),
    }
}

/// A date in a year, by an author's clock.
pub fn year(year: u64) -> Timestamp {
    Timestamp((year - 1970) * 31_557_600_000)
}
