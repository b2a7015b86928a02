//! One node that is driven over its stdin, for the harness that compares record stores (`../shared/peers`): a line in,
//! a line out. `docs/benchmarks.md` says how to add it there.
//!
//! ```text
//! entente-peer DIR        prints READY {}
//! CREATE | OPEN | TICKET | FILL from n | SYNC ticket n | EXPECT n | RECV n | LIVE n rate | VERIFY from n
//! ADDR | BADD path | BGET ticket hash | EXIT
//! ```
//! Everything goes the way that staff's records go: drafts apart, a record is permitted, signed, sealed, durable in the
//! journal, and at the other end verified, durable, opened, permitted and indexed before it counts. Record `i` is a
//! text of 2,048 characters made from the bytes of BLAKE3 in output mode over `rec` and `i`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use entente_node::api::types::Event;
use entente_node::clock;
use entente_node::home::Home;
use entente_node::joining;
use entente_node::net::Member;
use entente_node::node::Node;
use entente_node::partnership::Handle;
use entente_node::partnership::commands::{Command, Publish};
use entente_node::partnership::decide::Request;
use entente_node::records::{attach, find, show};
use entente_node::search::Wanted;
use entente_node::setup::{Setup, set_up};
use entente_protocol::audience::Audience;
use entente_protocol::derive;
use entente_protocol::handling::{Handling, Language, Sensitivity};
use entente_protocol::identity::OrgKind;
use entente_protocol::ids::{OrgId, RecordId, TransportId};
use entente_protocol::record::{Attachment, Content};
use entente_protocol::value::Value;
use entente_tests::{PERMISSIVE, percentile};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

const PASSPHRASE: &str = "five random words for benchmarks";
/// Records that are being published at one time while a store is filled.
const WRITERS: usize = 64;
/// More than any workload has receivers.
const INVITATIONS: usize = 24;
/// A harness waits longer than this only for what does not work.
const LONG: Duration = Duration::from_secs(900);

#[tokio::main]
async fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("usage: entente-peer DIR"));
    // A node looks for its partners as soon as it is open: one that has some is opened with the first command.
    let mut peer = None;
    if !folder.join("home").exists() {
        peer = Some(Peer::open(&folder).await);
    }
    say("READY", &json!({}));
    let (lines, mut commands) = mpsc::channel::<String>(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    while let Some(line) = commands.recv().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        if matches!(words.first(), None | Some(&"EXIT")) {
            break;
        }
        if peer.is_none() {
            peer = Some(Peer::open(&folder).await);
        }
        if let Some(peer) = &peer {
            peer.obey(&words).await;
        }
    }
    if let Some(peer) = peer {
        peer.node.close().await;
    }
}

fn say(word: &str, answer: &serde_json::Value) {
    println!("{word} {answer}");
}

struct Peer {
    node: Arc<Node>,
    /// Records of others that became visible since the node was opened.
    arrived: watch::Receiver<u64>,
    folder: PathBuf,
}

async fn open(folder: &Path, name: &str) -> Arc<Node> {
    let home = Home::at(&folder.join(name));
    if !home.vault().exists() {
        let listen = "127.0.0.1:0".parse().unwrap();
        let (name, country) = (name.to_owned(), "XA".to_owned());
        let setup = Setup { name, kind: OrgKind::Cso, country, listen, advertise: Vec::new() };
        set_up(&home, &setup, PASSPHRASE).unwrap();
    } else {
        // Somewhere else each time: else partners find each other before they are told to.
        let mut config = home.config().unwrap();
        config.listen.set_port(0);
        home.save(&config).unwrap();
    }
    Node::open(&home, PASSPHRASE.as_bytes()).await.unwrap()
}

impl Peer {
    async fn open(folder: &Path) -> Peer {
        let node = open(folder, "home").await;
        let (count, arrived) = watch::channel(0);
        let mut events = node.shared.events.subscribe();
        tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(Event::Record { .. }) => count.send_modify(|n| *n += 1),
                    Err(RecvError::Lagged(many)) => panic!("{many} events were missed"),
                    Err(RecvError::Closed) => break,
                    Ok(_) => {}
                }
            }
        });
        Peer { node, arrived, folder: folder.to_owned() }
    }

    fn handle(&self) -> Handle {
        self.node.handles().pop().expect("CREATE or SYNC comes first")
    }

    async fn obey(&self, words: &[&str]) {
        let number = |at: usize| words.get(at).and_then(|w| w.parse::<u64>().ok()).unwrap_or(0);
        match words[0] {
            "CREATE" => {
                self.found().await;
                say("OK", &json!({}));
            }
            "OPEN" => say("OK", &json!({})),
            "TICKET" | "ADDR" => self.ticket().await,
            "FILL" => self.fill(number(1), number(2)).await,
            "SYNC" => self.sync(words[1], number(2)).await,
            "EXPECT" | "RECV" => self.receive(number(1)).await,
            "LIVE" => self.live(number(1), number(2)).await,
            "VERIFY" => self.verify(number(1), number(2)),
            "BADD" => self.add_file(Path::new(words[1])).await,
            "BGET" => self.get_file(words[1], words[2]).await,
            other => say("ERR", &json!({ "unknown": other })),
        }
    }

    /// Invitations, where nobody has come yet, and where this node is; whoever comes by them is approved.
    async fn ticket(&self) {
        if self.node.handles().is_empty() {
            self.found().await;
        }
        let handle = self.handle();
        let mut invitations = Vec::new();
        if handle.membership().members.len() == 2 {
            for _ in 0..INVITATIONS {
                invitations.push(self.invite().await);
            }
            tokio::spawn(approve_all(handle.clone()));
        }
        let (address, invitations) = (self.node.shared.door.local_addr(), invitations.join(","));
        say("OK", &json!({ "ticket": format!("{}|{address}|{invitations}", handle.net.id()) }));
    }

    /// Founds a partnership, with a partner who never comes back: nobody shares a record with nobody.
    async fn found(&self) {
        // Who comes later reads all of it: a harness fills one side before there is another.
        let agreement = format!("{PERMISSIVE}\n[history]\nnewcomers = \"all\"\n");
        self.node.found("Benchmark", &agreement, "cso".parse().unwrap(), None).await.unwrap();
        let silent = open(&self.folder, "silent").await;
        let approving = tokio::spawn(approve_all(self.handle()));
        join(&silent, &self.invite().await).await;
        silent.close().await;
        approving.abort();
    }

    async fn invite(&self) -> String {
        let role = Some("cso".parse().unwrap());
        self.handle().ask(|reply| Command::Invite { role, days: 1, reply }).await.unwrap().text
    }

    /// Becomes a member, unless it is one, and waits for `n` records of others.
    async fn sync(&self, ticket: &str, n: u64) {
        let began = Instant::now();
        let before = *self.arrived.borrow();
        self.reach(ticket).await;
        self.until(before + n).await;
        say("DONE", &json!({ "wall": began.elapsed().as_secs_f64() }));
    }

    /// Joins by a ticket; a member dials where the ticket says.
    async fn reach(&self, ticket: &str) {
        let [transport, address, invitations] = ticket.split('|').collect::<Vec<_>>()[..] else {
            panic!("that is no ticket");
        };
        if self.node.handles().is_empty() {
            return join_by_one(&self.node, &self.folder, invitations).await;
        }
        let id: TransportId = transport.parse().unwrap();
        let member = Member::at(id, vec![address.parse().unwrap()]);
        let net = self.handle().net;
        net.set_members(vec![member]).await.unwrap();
        net.dial_now().await.unwrap();
    }

    /// Waits until so many records of others have become visible since the node was opened.
    async fn until(&self, count: u64) {
        let mut arrived = self.arrived.clone();
        let enough = tokio::time::timeout(LONG, arrived.wait_for(|n| *n >= count)).await;
        assert!(enough.is_ok(), "{} of {count} after {LONG:?}", *self.arrived.borrow());
    }

    async fn fill(&self, from: u64, n: u64) {
        let mut writing = JoinSet::new();
        for number in from..from + n {
            if writing.len() >= WRITERS {
                writing.join_next().await.unwrap().unwrap();
            }
            writing.spawn(publish(self.handle(), text(number)));
        }
        while let Some(written) = writing.join_next().await {
            written.unwrap();
        }
        // Filled is what can be searched as well: else that would go on within what is measured next.
        let node = self.node.clone();
        let searched = move || while node.search.find(&node, &Wanted::default(), 1).1.waiting > 0 {};
        tokio::task::spawn_blocking(searched).await.unwrap();
        say("OK", &json!({ "n": n }));
    }

    /// Publishes, each record stamped as it is handed to the node; `rate` a second, 0 as fast as it goes.
    async fn live(&self, n: u64, rate: u64) {
        let (began, start) = (tokio::time::Instant::now(), clock::now_ns());
        let mut writing = JoinSet::new();
        for number in 0..n {
            if rate > 0 {
                #[allow(clippy::cast_precision_loss)]
                let due = Duration::from_secs_f64(number as f64 / rate as f64);
                tokio::time::sleep_until(began + due).await;
            } else if writing.len() >= WRITERS {
                writing.join_next().await.unwrap().unwrap();
            }
            let text = text(number);
            let stamped = format!("{:020}{}", clock::now_ns(), &text[20..]);
            writing.spawn(publish(self.handle(), stamped));
        }
        while let Some(written) = writing.join_next().await {
            written.unwrap();
        }
        say("PUBLISHED", &json!({ "wall": began.elapsed().as_secs_f64(), "start_ns": start.to_string() }));
    }

    /// Waits for `n` records of others, and tells how long each was on its way.
    async fn receive(&self, n: u64) {
        let mut events = self.node.shared.events.subscribe();
        say("WAITING", &json!({}));
        let node = self.node.clone();
        // Beside the commands: the harness asks both sides at once.
        tokio::spawn(async move {
            let (began, us) = (Instant::now(), node.me.org());
            let (mut times, mut got, mut last) = (Vec::new(), 0, clock::now_ns());
            while got < n {
                let Ok(event) = tokio::time::timeout(Duration::from_secs(30), events.recv()).await else {
                    break;
                };
                let (record, visible_ns) = match event {
                    Ok(Event::Record { record, visible_ns }) => (record, visible_ns),
                    Err(RecvError::Lagged(many)) => {
                        eprintln!("{many} events were missed");
                        got += many;
                        continue;
                    }
                    _ => continue,
                };
                if let Some(sent) = stamp(&node, &record, &us) {
                    #[allow(clippy::cast_precision_loss)]
                    times.push(visible_ns.saturating_sub(sent) as f64 / 1e6);
                }
                (got, last) = (got + 1, visible_ns);
            }
            let wall = began.elapsed().as_secs_f64();
            let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
            say(
                "DONE",
                &json!({ "wall": wall, "p50": p50, "p99": p99, "end_ns": last.to_string(), "got": got }),
            );
        });
    }

    fn verify(&self, from: u64, n: u64) {
        let wanted: std::collections::HashSet<String> = (from..from + n).map(text).collect();
        let found: std::collections::HashSet<String> =
            all_texts(&self.node).into_iter().filter(|text| wanted.contains(text)).collect();
        say("VERIFIED", &json!({ "n": found.len() }));
    }

    /// Takes a file in, and publishes a record that it is attached to.
    async fn add_file(&self, path: &Path) {
        let began = Instant::now();
        if self.node.handles().is_empty() {
            self.found().await;
        }
        let (pieces, coming) = mpsc::channel(8);
        let path = path.to_owned();
        std::thread::spawn(move || {
            use std::io::Read;
            let mut file = std::fs::File::open(path).unwrap();
            loop {
                let mut piece = vec![0; 256 * 1024];
                let read = file.read(&mut piece).unwrap();
                piece.truncate(read);
                if read == 0 || pieces.blocking_send(Ok(piece.into())).is_err() {
                    break;
                }
            }
        });
        let (id, _) = attach::take_in(&self.node, "big", "application/octet-stream", coming).await.unwrap();
        let attachment = attach::uploaded(&self.node, &id).unwrap();
        let record = publish_with(self.handle(), text(0), vec![attachment]).await;
        say("OK", &json!({ "hash": record.to_string(), "wall": began.elapsed().as_secs_f64() }));
    }

    async fn get_file(&self, ticket: &str, record: &str) {
        let began = Instant::now();
        self.reach(ticket).await;
        let mut events = self.node.shared.events.subscribe();
        while show::attachment(&self.node, record, 0).is_err() {
            assert!(began.elapsed() < LONG, "the file did not come");
            let _something_came = tokio::time::timeout(Duration::from_millis(200), events.recv()).await;
        }
        say("DONE", &json!({ "wall": began.elapsed().as_secs_f64() }));
    }
}

/// Becomes a member by an invitation that no peer beside this one has taken.
///
/// All receivers are given the same ticket, and a door whose invitation is used is as silent as one that never was,
/// for several seconds: so they agree by files beside their folders who takes which.
async fn join_by_one(node: &Arc<Node>, folder: &Path, invitations: &str) {
    let mine = invitations.split(',').enumerate().find(|(number, _)| {
        std::fs::File::create_new(folder.with_file_name(format!("taken-{number}"))).is_ok()
    });
    join(node, mine.expect("one invitation for each receiver").1).await;
}

async fn join(node: &Arc<Node>, invitation: &str) {
    let offer = joining::look(&node.shared.way, invitation, &node.me.org()).await.unwrap();
    let accepted = offer.terms.agreement.hash().to_string();
    joining::begin(node, invitation, &accepted, None).await.unwrap();
    let began = Instant::now();
    while node.handles().is_empty() {
        assert!(began.elapsed() < LONG, "nobody approved");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Lets in whoever asks.
async fn approve_all(partnership: Handle) {
    loop {
        let waiting: Vec<OrgId> =
            partnership.membership().pending.iter().map(|p| p.organisation.id).collect();
        for org in waiting {
            let _voided = partnership.ask(|reply| Command::Decide(Request::Approve(org), reply)).await;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn publish(partnership: Handle, text: String) -> RecordId {
    publish_with(partnership, text, Vec::new()).await
}

async fn publish_with(partnership: Handle, text: String, attachments: Vec<Attachment>) -> RecordId {
    let content = Content {
        kind: "material".parse().unwrap(),
        language: Language::undetermined(),
        sensitivity: Sensitivity::Partnership,
        handling: Handling::default(),
        created: clock::now(),
        replies_to: None,
        supersedes: None,
        references: Vec::new(),
        fields: vec![("text".into(), Value::Text(text))],
        attachments,
    };
    let nonce = clock::nonce();
    let (audience, draft) = (Audience::Everyone, RecordId([0; 32]));
    let publish = Publish { content, audience, nonce, draft, expect_readers: None, released: None };
    partnership.ask(|reply| Command::Publish(Box::new(publish), reply)).await.unwrap().record
}

/// When a record of another was handed to its author's node: what its text begins with, and so its title in lists.
fn stamp(node: &Node, record: &RecordId, us: &OrgId) -> Option<u64> {
    let (_, row) = find::record(node, &record.to_string()).ok().filter(|(_, row)| row.author != *us)?;
    row.title.get(..20)?.parse().ok()
}

fn all_texts(node: &Node) -> Vec<String> {
    let records = node.shared.ledger.store();
    let rows = entente_node::rows::prefix(&records.index, entente_node::rows::Table::Order as u8, &[]);
    rows.filter_map(|(_, row)| {
        let row: entente_node::rows::RecordRow = entente_node::rows::decode(&row)?;
        let (position, row) = find::record(node, &row.id.to_string()).ok()?;
        show::fields(node, position, &row)?.into_iter().find_map(|(_, value)| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    })
    .collect()
}

fn text(number: u64) -> String {
    let seed = derive::hash(format!("rec{number}").as_bytes());
    let mut out = String::with_capacity(2_048);
    let mut block = seed.0;
    while out.len() < 2_048 {
        block = derive::hash(&block).0;
        out.extend(block.iter().map(|byte| char::from(33 + byte % 94)));
    }
    out.truncate(2_048);
    out
}
