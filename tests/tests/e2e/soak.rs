//! Killed again and again at any moment: nothing acknowledged is lost, no position is used twice.
//!
//! A few kills in every run; `ENTENTE_KILLS=1000 cargo test -p entente-tests --test e2e killed_at_random` is the
//! soak (`ENTENTE_JOINS=100 … killed_while_it_comes_in` that of joining), `ENTENTE_SEED` another one. Moments are
//! drawn by what has happened (so many acknowledgements, a question to be let in) and then by a wait, which lands
//! inside whatever is under way.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use entente_cli::client::route;
use entente_node::api::types::{AboutOrg, PartnershipState, Problem};
use entente_protocol::ids::{OrgId, RecordId};
use entente_tests::{
    Partnership, TestNode, approve, ask_to_join, draft, invite, invite_and_ask, publish_on, wait_until,
    wait_until_within,
};

/// Kills of a usual run.
const KILLS: usize = 12;
/// Nodes of a usual run that are killed while they come in.
const JOINS: usize = 4;
/// Kills between two looks at whether both nodes end equal.
const SETTLE: usize = 10;
/// Invitations, each an act of membership; 64 may be open.
const INVITATIONS: usize = 40;
/// Rounds between two attachments, for the disk's sake.
const ATTACH: usize = 4;
/// Rounds between two guests: one is let in in the first and put out in the third.
const GUEST: usize = 5;
/// Rounds between two new keys.
const ROTATE: usize = 5;
const LONG: Duration = Duration::from_secs(300);

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// Did the node end before it answered?
fn is_cut_off(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), "broken-off" | "no-node")
}

/// What each of two nodes acknowledged.
struct Acknowledged {
    records: [RefCell<BTreeSet<RecordId>>; 2],
    with_file: RefCell<BTreeSet<RecordId>>,
    invitations: RefCell<BTreeSet<String>>,
}

/// A third organisation, which the first lets in and puts out again, each while a node is killed.
struct Guest {
    node: TestNode,
    org: OrgId,
    /// Is it a member? Nothing where the answer to that was cut off.
    member: Option<bool>,
}

impl Guest {
    /// It asks to be let in.
    async fn asking(host: &TestNode, turn: usize) -> Guest {
        let node = TestNode::start_new(&format!("Guest {turn}"), "network").await;
        let _pending = invite_and_ask(host, &node, "Prevention").await;
        let org = node.status().await.organisation.unwrap().id;
        Guest { node, org, member: Some(false) }
    }

    /// Lets it in or puts it out, while a node is killed.
    async fn decide(&mut self, host: &TestNode, in_: bool) {
        let client = host.connect().await;
        let about =
            AboutOrg { organisation: self.org.to_string(), reason: (!in_).then(|| "a test".to_owned()) };
        let deed = if in_ { "approve" } else { "remove" };
        let done: Result<serde_json::Value, Problem> =
            client.post(&route(&["partnerships", "Prevention", deed]), &about).await;
        self.member = match done {
            Ok(_) => Some(in_),
            Err(problem) => {
                assert!(is_cut_off(&problem), "{problem:?}");
                None
            }
        };
    }

    /// What was acknowledged holds; what was cut off is one or the other, and is known from here on.
    async fn look(&mut self, host: &TestNode) {
        let members = host.partnership("Prevention").await.unwrap().members_now;
        let is = members.iter().any(|member| member.organisation.id == self.org);
        assert!(
            self.member.is_none_or(|member| member == is),
            "{}: a decision is forgotten",
            self.node.name()
        );
        self.member = Some(is);
    }
}

/// What changes the membership or the keys in a round.
async fn govern(host: &TestNode, turn: usize, guest: Option<&mut Guest>) {
    match guest {
        Some(guest) if turn % GUEST == 1 && guest.member == Some(false) => guest.decide(host, true).await,
        Some(guest) if turn % GUEST == 3 && guest.member == Some(true) => guest.decide(host, false).await,
        _ if turn.is_multiple_of(ROTATE) => {
            let client = host.connect().await;
            let made: Result<serde_json::Value, Problem> =
                client.post(&route(&["partnerships", "Prevention", "rotate"]), &serde_json::json!({})).await;
            assert!(made.as_ref().err().is_none_or(is_cut_off), "{made:?}");
        }
        _ => {}
    }
}

impl Acknowledged {
    fn count(&self) -> usize {
        self.records.iter().map(|records| records.borrow().len()).sum()
    }

    fn all(&self) -> BTreeSet<RecordId> {
        self.records.iter().flat_map(|records| records.borrow().clone()).collect()
    }
}

/// Publishes until its node is killed, or until all is over.
async fn publish(node: &TestNode, own: usize, title: &str, done: &Acknowledged, over: &RefCell<bool>) {
    let client = node.connect().await;
    let other = [["Rights", "Ombudsman"][own]];
    for count in 0.. {
        if *over.borrow() {
            return;
        }
        let readers = (count % 3 == 0).then_some(other.as_slice());
        let record = draft("training", &format!("{title} {count}"));
        match publish_on(&client, record, "Prevention", readers).await {
            Ok(id) => assert!(done.records[own].borrow_mut().insert(id), "an id came twice"),
            Err(problem) => {
                assert!(is_cut_off(&problem), "{problem:?}");
                return;
            }
        }
    }
}

/// One round: both publish and fetch, the first changes membership or keys, and one of them is killed.
async fn round(
    p: &mut Partnership,
    turn: usize,
    random: &mut Random,
    done: &Acknowledged,
    guest: &mut Option<Guest>,
) {
    let victim = usize::try_from(random.below(2)).unwrap();
    if turn.is_multiple_of(ATTACH) {
        let path = p[1 - victim].home().beside("file.bin");
        std::fs::write(&path, vec![u8::try_from(turn % 251).unwrap(); 700_000]).unwrap();
        let file = p[1 - victim].attach(&path).await.unwrap();
        let record = draft("training", "With a file").attachment(file);
        let id = p[1 - victim].publish(record, "Prevention", None).await;
        done.records[1 - victim].borrow_mut().insert(id);
        done.with_file.borrow_mut().insert(id);
    }
    if turn.is_multiple_of(3) && done.invitations.borrow().len() < INVITATIONS {
        let invitation = invite(&p[0], "Prevention", "cso").await;
        done.invitations.borrow_mut().insert(invitation);
    }
    if turn % GUEST == 1 && guest.is_none() {
        *guest = Some(Guest::asking(&p[0], turn).await);
    }
    let enough = done.count() + usize::try_from(random.below(12)).unwrap();
    let pause = Duration::from_micros(random.below(30_000));
    let over = RefCell::new(false);
    let killer = async {
        wait_until("enough is acknowledged", async || done.count() >= enough).await;
        tokio::time::sleep(pause).await;
        p[victim].send_sigkill();
        *over.borrow_mut() = true;
    };
    let title = format!("Turn {turn}");
    let was_in = guest.as_ref().is_some_and(|guest| guest.member == Some(true));
    tokio::join!(
        publish(&p[0], 0, &title, done, &over),
        publish(&p[1], 1, &title, done, &over),
        govern(&p[0], turn, guest.as_mut()),
        killer
    );
    p[victim].kill();
    p[victim].start().await;
    if let Some(guest) = guest {
        guest.look(&p[0]).await;
    }
    // Who was put out goes; who was not let in after all is let in next time.
    if was_in && guest.as_ref().is_some_and(|guest| guest.member == Some(false)) {
        *guest = None;
    }
    let here = p[victim].shared_ids().await;
    let lost: Vec<_> = done.records[victim].borrow().difference(&here).copied().collect();
    assert!(lost.is_empty(), "turn {turn}: node {victim} acknowledged and lost {lost:?}");
    p[victim].frames().await;
}

/// Both nodes end equal: a position used twice would be refused, and reported as evidence.
async fn settle(p: &Partnership, done: &Acknowledged) {
    for node in &p.nodes {
        node.dial_now().await;
    }
    wait_until_within(LONG, "both have all", async || {
        let (one, two) = (p[0].shared_ids().await, p[1].shared_ids().await);
        one == two && done.all().is_subset(&one)
    })
    .await;
    wait_until_within(LONG, "both logs end at the same place", async || {
        let (one, two) = (p[0].sync_status().await, p[1].sync_status().await);
        let partners = one.partners.iter().chain(&two.partners);
        partners.map(|x| x.ahead + x.behind).sum::<u64>() == 0
    })
    .await;
    let with_file = std::mem::take(&mut *done.with_file.borrow_mut());
    for id in with_file {
        for node in &p.nodes {
            wait_until_within(LONG, "attachments are complete", async || {
                node.record(id).await.is_ok_and(|record| record.attachment_list[0].complete)
            })
            .await;
        }
    }
    let open = p[0].partnership("Prevention").await.unwrap().invitations.len();
    assert!(open >= done.invitations.borrow().len(), "an invitation that was made is forgotten: {open}");
    for node in &p.nodes {
        assert!(node.sync_status().await.quarantined.is_empty(), "{}", node.name());
        let audit = node.cli(&["audit", "verify"]).await;
        assert_eq!(audit.code, 0, "{audit:?}");
    }
}

#[tokio::test]
async fn killed_at_random_moments_a_node_loses_nothing_acknowledged_and_uses_no_position_twice() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let mut random = Random(number("ENTENTE_SEED", 4711) as u64 | 1);
    let done = Acknowledged {
        records: Default::default(),
        with_file: RefCell::default(),
        invitations: RefCell::default(),
    };
    let mut guest = None;
    let kills = number("ENTENTE_KILLS", KILLS);
    for turn in 1..=kills {
        round(&mut p, turn, &mut random, &done, &mut guest).await;
        if turn.is_multiple_of(SETTLE) || turn == kills {
            settle(&p, &done).await;
            eprintln!("{turn} kills, {} acknowledged", done.count());
        }
    }
}

#[tokio::test]
async fn a_node_killed_while_it_comes_in_is_in_afterwards_and_has_all() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let mut random = Random(number("ENTENTE_SEED", 4711) as u64 | 1);
    for turn in 1..=number("ENTENTE_JOINS", JOINS) {
        let mut joiner = TestNode::start_new(&format!("Guest {turn}"), "network").await;
        let org = joiner.status().await.organisation.unwrap().id;
        let invitation = invite(&p[0], "Prevention", "network").await;
        let pause = Duration::from_micros(random.below(120_000));
        let coming = async {
            let asked = ask_to_join(&joiner.connect().await, &invitation).await;
            if asked.is_ok() {
                approve(&p[0], &org, "Prevention").await;
            }
            asked
        };
        let killer = async {
            tokio::time::sleep(pause).await;
            joiner.send_sigkill();
        };
        let (asked, ()) = tokio::join!(coming, killer);
        joiner.kill();
        joiner.start().await;
        if let Err(problem) = asked {
            assert!(is_cut_off(&problem), "{problem:?}");
            ask_to_join(joiner.client(), &invitation).await.unwrap();
            approve(&p[0], &org, "Prevention").await;
        }
        wait_until_within(LONG, "it is a member", async || {
            let seen = joiner.partnership("Prevention").await;
            seen.is_ok_and(|p| p.summary.state == PartnershipState::Member)
        })
        .await;
        let (theirs, own) = (
            p[1].publish(draft("training", "For the new one"), "Prevention", None).await,
            joiner.publish(draft("training", "From the new one"), "Prevention", None).await,
        );
        wait_until_within(LONG, "each has what the other published", async || {
            joiner.record(theirs).await.is_ok() && p[1].record(own).await.is_ok()
        })
        .await;
        assert!(joiner.sync_status().await.quarantined.is_empty(), "turn {turn}");
        let remove = ["partnership", "remove", "Prevention", &org.to_string(), "--reason", "a test"];
        p[0].cli(&remove).await.ok();
        eprintln!("{turn} came in, killed after {pause:?}");
    }
}
