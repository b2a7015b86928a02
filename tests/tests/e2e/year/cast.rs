//! Who takes part in the year, and the book in which the story writes down who should see what.
//!
//! The book knows nothing of what the program says: its readers are those that the story names. At the end each
//! node's view is held against it, record by record.

use std::collections::{BTreeMap, BTreeSet};

use entente_protocol::ids::RecordId;
use entente_tests::{Home, TestNode, invite, wait_until};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::forms;

/// A participant, and its number among the nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Who {
    /// The National Preventive Mechanism.
    Npm,
    /// A national organisation that watches prisons.
    Watch,
    /// A committee of families, writing Arabic.
    Families,
    /// An association of physicians, writing Russian; it works within the NPM.
    Doctors,
    /// A network of the neighbouring country.
    Network,
}

use Who::{Doctors, Families, Network, Npm, Watch};

pub const ALL: [Who; 5] = [Npm, Watch, Families, Doctors, Network];

impl Who {
    pub fn name(self) -> &'static str {
        match self {
            Npm => "სახალხო დამცველი",
            Watch => "Prison Watch",
            Families => "لجنة الأسر",
            Doctors => "Врачи за права",
            Network => "Ցանց",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Npm => "npm",
            Watch | Families | Doctors => "cso",
            Network => "network",
        }
    }
}

/// For whom something is.
pub enum To<'a> {
    /// All members of the partnership.
    All(&'a str),
    /// These of its members.
    Only(&'a str, &'a [Who]),
}

/// The nodes, and the book.
pub struct Year {
    nodes: Vec<TestNode>,
    members: BTreeMap<String, BTreeSet<Who>>,
    seen_by: BTreeMap<RecordId, BTreeSet<Who>>,
}

impl Year {
    /// Five organisations set up their nodes.
    pub async fn begin() -> Year {
        let mut making = JoinSet::new();
        for (number, who) in ALL.into_iter().enumerate() {
            making.spawn(async move { (number, Home::init(who.name(), who.kind()).await) });
        }
        let mut made = making.join_all().await;
        made.sort_by_key(|(number, _)| *number);
        let nodes = TestNode::start_all(made.into_iter().map(|(_, home)| home).collect()).await;
        Year { nodes, members: BTreeMap::new(), seen_by: BTreeMap::new() }
    }

    pub fn node(&self, who: Who) -> &TestNode {
        &self.nodes[who as usize]
    }

    /// `with[0]` founds a partnership under an agreement, the others join it, signing what it asks to be signed.
    pub async fn partnership(&mut self, name: &str, agreement: &str, with: &[Who]) {
        let founder = self.node(with[0]);
        let file = founder.home().beside("agreement.toml");
        std::fs::write(&file, agreement).unwrap();
        let file = file.display().to_string();
        founder.cli(&["partnership", "agreement", "check", &file]).await.ok();
        founder.cli(&["partnership", "new", "--name", name, "--agreement", &file]).await.ok();
        for who in &with[1..] {
            let invitation = invite(founder, name, who.kind()).await;
            let joiner = self.node(*who);
            joiner.cli(&["partnership", "join", &invitation, "--yes", "--person", "N. N."]).await.ok();
            founder.cli(&["partnership", "approve", name, who.name()]).await.ok();
        }
        self.members.insert(name.to_owned(), with.iter().copied().collect());
        for who in with {
            wait_until(&format!("{} is connected to all of {name}", who.name()), async || {
                let seen = self.node(*who).partnership(name).await;
                seen.is_ok_and(|p| p.members_now.iter().filter(|m| m.connected).count() + 1 == with.len())
            })
            .await;
        }
    }

    /// Puts an organisation out.
    pub async fn remove(&mut self, by: Who, partnership: &str, whom: Who, reason: &str) {
        let words = ["partnership", "remove", partnership, whom.name(), "--reason", reason];
        self.node(by).cli(&words).await.ok();
        self.members.get_mut(partnership).unwrap().remove(&whom);
        for who in self.members[partnership].clone() {
            wait_until("all have heard of the removal", async || {
                let seen = self.node(who).partnership(partnership).await;
                seen.is_ok_and(|p| p.members_now.iter().all(|m| m.organisation.name != whom.name()))
            })
            .await;
        }
    }

    fn readers(&self, to: &To) -> BTreeSet<Who> {
        match to {
            To::All(partnership) => self.members[*partnership].clone(),
            To::Only(_, named) => named.iter().copied().collect(),
        }
    }

    /// Writes in the book that a record should be seen by its author and its readers.
    pub fn note(&mut self, id: &str, author: Who, to: &To) {
        let mut seen = self.readers(to);
        seen.insert(author);
        self.seen_by.insert(id.parse().unwrap(), seen);
    }

    /// Writes in the book that nobody should see a record any more.
    pub fn strike(&mut self, id: &str) {
        self.seen_by.remove(&id.parse::<RecordId>().unwrap()).unwrap();
    }

    pub fn count(&self) -> usize {
        self.seen_by.len()
    }

    /// Writes a draft as a person does, looks at the preview, which must say what the book says, and shares it.
    pub async fn tell(&mut self, who: Who, draft: &Value, to: To<'_>) -> String {
        let draft = self.keep(who, draft).await;
        let id = self.share(who, &draft, &to).await;
        self.note(&id, who, &to);
        id
    }

    /// Shares a draft that is there.
    async fn share(&self, who: Who, draft: &str, to: &To<'_>) -> String {
        let named = match to {
            To::All(_) => String::new(),
            To::Only(_, named) => named.iter().map(|w| w.name()).collect::<Vec<_>>().join(","),
        };
        let (To::All(partnership) | To::Only(partnership, _)) = to;
        let mut words = vec![draft, "--partnership", partnership];
        if !named.is_empty() {
            words.extend(["--readers", &named]);
        }
        let node = self.node(who);
        let preview = node.cli(&[&["record", "preview"][..], &words].concat()).await.done();
        let foreseen: BTreeSet<&str> =
            preview["readers"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
        let mut expected: BTreeSet<&str> = self.readers(to).iter().map(|w| w.name()).collect();
        expected.remove(who.name());
        assert_eq!(foreseen, expected, "{preview}");
        let shared = node.cli(&[&["record", "share", "--yes"][..], &words].concat()).await.done();
        shared["record"].as_str().unwrap().to_owned()
    }

    /// A command that shares something by itself, such as a reply to a recommendation; its record, in the book.
    pub async fn say(&mut self, who: Who, words: &[&str], to: To<'_>) -> String {
        let said = self.node(who).cli(&[words, &["--yes"]].concat()).await.done();
        let id = said["record"].as_str().unwrap().to_owned();
        self.note(&id, who, &to);
        id
    }

    /// Writes a draft as a person does, which stays on the node.
    pub async fn keep(&self, who: Who, draft: &Value) -> String {
        forms::keep(self.node(who), draft.clone()).await
    }

    /// Waits until somebody can read a record, and answers what is shown of it.
    pub async fn arrived(&self, who: Who, id: &str) -> Value {
        forms::arrived(self.node(who), id).await
    }

    /// Holds each node's view against the book: every record that it should see, and none besides.
    pub async fn hold_against_the_book(&self) {
        for who in ALL {
            let should = self.seen_by.iter().filter(|(_, seen)| seen.contains(&who));
            let should: BTreeSet<RecordId> = should.map(|(id, _)| *id).collect();
            wait_until(&format!("{} has {} records", who.name(), should.len()), async || {
                should.is_subset(&self.node(who).shared_ids().await)
            })
            .await;
            let sees = self.node(who).shared_ids().await;
            let too_many: Vec<_> = sees.difference(&should).collect();
            assert!(too_many.is_empty(), "{} sees what it should not: {too_many:?}", who.name());
            // Nor by asking for it by its id.
            for id in self.seen_by.keys().filter(|id| !should.contains(id)) {
                assert!(self.node(who).record(*id).await.is_err(), "{} reads {id}", who.name());
            }
        }
    }
}
