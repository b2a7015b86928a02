//! Six organisations of two nodes each, an agreement by chance, and what happens among them.

use std::sync::LazyLock;

use ed25519_dalek::SigningKey;
use entente_protocol::agreement::Agreement;
use entente_protocol::declaration::Declaration;
use entente_protocol::derive;
use entente_protocol::identity::{OrgKind, introduce};
use entente_protocol::ids::{ActId, NodeId, OrgId, PartnershipId, Timestamp};
use entente_protocol::membership::acts::{self, Accepted, Act, Author, Founding, Invite, Office, RevokeNode};
use entente_protocol::membership::{ActGraph, VerifiedAct};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use zeroize::Zeroizing;

use crate::me::Me;
use crate::partnership::card;
use crate::secrets::PartnershipSecrets;

/// Milliseconds.
const DAY: u64 = Timestamp::DAY;
pub const ORGS: usize = 6;
pub const NODES: usize = 2;
const ROLES: [&str; 3] = ["npm", "cso", "network"];
const KINDS: [&str; 6] = ["submission", "visit-report", "place", "feedback", "notes", "from-the-future"];
const CONFIDENCE: &str = "I keep confidential what I learn here.";

pub static PARTIES: LazyLock<Vec<Party>> = LazyLock::new(|| (0..ORGS).map(Party::new).collect());

/// An organisation and its two nodes.
pub struct Party {
    number: usize,
    nodes: Vec<(Me, PartnershipSecrets)>,
}

impl Party {
    fn new(number: usize) -> Party {
        let byte = u8::try_from(number).unwrap() + 1;
        let root = SigningKey::from_bytes(&[byte; 32]);
        let kind = if number == 0 { OrgKind::Npm } else { OrgKind::Cso };
        let node = |n: u8| {
            let key = SigningKey::from_bytes(&[byte + 100 * (n + 1); 32]);
            let id = NodeId(key.verifying_key().to_bytes());
            let introduced =
                introduce(&root, &format!("Party {number}"), kind, "GE", id, Timestamp(1)).unwrap();
            (Me { introduced, key }, PartnershipSecrets::fresh(acts::NOT_YET).unwrap())
        };
        Party { number, nodes: vec![node(0), node(1)] }
    }

    pub fn org(&self) -> OrgId {
        self.nodes[0].0.org()
    }

    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.iter().map(|(me, _)| me.node())
    }

    pub fn each(&self, n: usize) -> (&Me, &PartnershipSecrets) {
        let (me, secrets) = &self.nodes[n];
        (me, secrets)
    }

    fn role(&self) -> &'static str {
        ROLES[self.number % ROLES.len()]
    }

    fn author<'a>(&'a self, n: usize, graph: &ActGraph, now: Timestamp) -> Author<'a> {
        let (partnership, parents) = (graph.partnership(), graph.heads());
        Author { partnership, org: self.org(), node: &self.nodes[n].0.key, parents, time: now }
    }
}

pub fn org_of(node: NodeId) -> OrgId {
    PARTIES.iter().find(|p| p.nodes().any(|n| n == node)).unwrap().org()
}

pub fn node(node: NodeId) -> (&'static Me, &'static PartnershipSecrets) {
    let mut all = PARTIES.iter().flat_map(|p| (0..NODES).map(move |n| p.each(n)));
    all.find(|(me, _)| me.node() == node).unwrap()
}

/// An agreement's text.
pub fn terms() -> impl Strategy<Value = String> {
    let some = |all: &'static [&'static str]| {
        prop_oneof![
            1 => Just("\"any\"".to_owned()),
            2 => subsequence(all.to_vec(), 1..=all.len()).prop_map(|some| format!("{some:?}")),
        ]
    };
    let from = subsequence(ROLES.to_vec(), 1..=3).prop_map(|from| format!("{from:?}"));
    let flow = (from, some(&KINDS), some(&ROLES))
        .prop_map(|(from, kinds, to)| format!("[[flow]]\nfrom = {from}\nkinds = {kinds}\nto = {to}\n"));
    // A flow of everything makes sure that many cases are permitted.
    let wide = Just(format!("[[flow]]\nfrom = {ROLES:?}\nkinds = \"any\"\nto = \"any\"\n"));
    let flows = proptest::collection::vec(prop_oneof![2 => wide, 3 => flow], 1..4);
    let all = vec!["named", "partnership", "public"];
    let classes = prop_oneof![3 => Just(all.clone()), 1 => subsequence(all, 1..=3)];
    let declaration = proptest::option::weighted(
        0.4,
        subsequence(ROLES.to_vec(), 1..=3).prop_map(|roles| {
            format!("[declaration]\ntext = \"{CONFIDENCE}\"\nroles = {roles:?}\nvalid_days = 90\n")
        }),
    );
    let personal = select(vec!["never", "with-consent", "allowed"]);
    let newcomers = select(vec!["", "[history]\nnewcomers = \"all\"\n"]);
    (flows, classes, declaration, personal, select(vec!["never", "ask", "allowed"]), newcomers).prop_map(
        |(flows, classes, declaration, personal, onward, newcomers)| {
            format!(
                "version = 1\ntitle = \"P\"\nform = \"formal\"\nstart = 2026-01-01\nroles = {ROLES:?}\n{}\
                 [ceiling]\nsensitivity = {classes:?}\npersonal_data = \"{personal}\"\nonward = \"{onward}\"\n{}{newcomers}",
                flows.concat(),
                declaration.unwrap_or_default(),
            )
        },
    )
}

/// One thing that happens, by an organisation, mostly the founder.
#[derive(Clone, Debug)]
pub struct Step {
    by: usize,
    whom: usize,
    what: What,
    /// Is the declaration that goes with it made, and still good?
    declared: Option<bool>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Admit,
    AskOnly,
    Remove,
    Leave,
    Suspend,
    Resume,
    SecondNode,
    RevokeNode(usize),
    Declare,
}

pub fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        16 => Just(What::Admit),
        1 => Just(What::AskOnly),
        2 => Just(What::Remove),
        1 => Just(What::Leave),
        1 => Just(What::Suspend),
        2 => Just(What::Resume),
        2 => Just(What::SecondNode),
        1 => (0..NODES).prop_map(What::RevokeNode),
        1 => Just(What::Declare),
    ];
    let by = prop_oneof![6 => Just(0), 1 => 0..ORGS];
    let declared = prop_oneof![6 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    (by, 0..ORGS, what, declared).prop_map(|(by, whom, what, declared)| Step { by, whom, what, declared })
}

/// Somebody comes and goes: an organisation that is let in and put out, or a node that is added and revoked. The
/// members are then who they were before.
pub fn there_and_back() -> impl Strategy<Value = Vec<Step>> {
    (0..ORGS, any::<bool>()).prop_map(|(whom, organisation)| {
        let step = |what| Step { by: 0, whom, what, declared: Some(true) };
        if organisation {
            vec![step(What::Admit), step(What::Remove)]
        } else {
            vec![step(What::SecondNode), step(What::RevokeNode(1))]
        }
    })
}

fn declaration(partnership: Option<PartnershipId>, party: &Party, good: bool, now: Timestamp) -> Declaration {
    let (time, expires) = if good { (now.0, now.0 + 30 * DAY) } else { (now.0 - 40 * DAY, now.0 - 10 * DAY) };
    Declaration {
        partnership,
        org: party.org(),
        text: derive::hash(CONFIDENCE.as_bytes()),
        person: "N. N.".into(),
        time: Timestamp(time),
        expires: Timestamp(expires),
    }
}

pub fn founded(terms: &str, now: Timestamp) -> ActGraph {
    let founder = &PARTIES[0];
    let (me, secrets) = founder.each(0);
    let asked = Agreement::parse(terms).unwrap();
    let wants = asked.declaration().is_some_and(|d| d.wanted_of(&"npm".parse().unwrap()));
    let said = Founding {
        name: "P",
        agreement: terms,
        role: "npm".parse().unwrap(),
        nonce: [1; 16],
        time: now,
        declaration: wants.then(|| declaration(None, founder, true, now)),
    };
    let card = card(me, secrets, acts::NOT_YET, &[]).unwrap();
    ActGraph::founded(acts::found(&me.key, &me.introduced, card, said).unwrap()).unwrap()
}

fn put(graph: &mut ActGraph, act: VerifiedAct) -> ActId {
    let id = act.id();
    graph.insert(act).unwrap();
    id
}

/// Whether it has an effect is for the fold to say.
pub fn happen(graph: &mut ActGraph, step: &Step, now: Timestamp) {
    let (by, whom) = (&PARTIES[step.by], &PARTIES[step.whom]);
    let author = by.author(0, graph, now);
    let act = match step.what {
        What::Admit | What::AskOnly => return admit(graph, step, now),
        What::Remove => acts::remove(author, whom.org(), "", []),
        What::Leave => acts::leave(whom.author(0, graph, now), []),
        What::Suspend => acts::suspend(author, "a reason"),
        What::Resume => {
            let suspensions = graph.iter().filter(|a| matches!(a.body().act, Act::Suspend { .. }));
            let Some(last) = suspensions.last() else { return };
            acts::resume(author, last.id())
        }
        What::SecondNode => return second_node(graph, whom, now),
        What::RevokeNode(n) => {
            let node = whom.each(n).0.node();
            let revoke =
                RevokeNode { node, reason: "lost".into(), seized_at: None, cutoff: Vec::new(), root: None };
            acts::revoke_node(author, revoke)
        }
        What::Declare => {
            let good = step.declared == Some(true);
            let declaration = declaration(Some(graph.partnership()), whom, good, now);
            acts::declare(whom.author(0, graph, now), declaration)
        }
    };
    put(graph, act.unwrap());
}

/// Two sides that do not hear of each other: the founder puts a steward out, who lets somebody in. What that one holds,
/// and all acts together.
pub fn apart(terms: &str, now: Timestamp) -> (ActGraph, ActGraph) {
    let step = |by, whom, what| Step { by, whom, what, declared: None };
    let mut graph = founded(terms, now);
    happen(&mut graph, &step(0, 1, What::Admit), now);
    happen(&mut graph, &step(0, 3, What::Admit), now);
    let mut theirs = graph.clone();
    happen(&mut theirs, &step(1, 2, What::Admit), now);
    happen(&mut graph, &step(0, 1, What::Remove), now);
    let all = theirs.iter().fold(graph, |mut all, act| {
        all.insert(act.clone()).unwrap();
        all
    });
    (theirs, all)
}

fn admit(graph: &mut ActGraph, step: &Step, now: Timestamp) {
    let (by, whom) = (&PARTIES[step.by], &PARTIES[step.whom]);
    let door = derive::door_commitment(&Zeroizing::new([7; 32]));
    let place = Invite {
        door,
        role: whom.role().parse().unwrap(),
        steward: step.whom == 1,
        expires: Timestamp(now.0 + DAY),
    };
    let invitation = put(graph, acts::invite(by.author(0, graph, now), place).unwrap());
    let partnership = graph.partnership();
    let agreement = graph.iter().next().and_then(VerifiedAct::agreement).unwrap().hash();
    let declaration = step.declared.map(|good| declaration(Some(partnership), whom, good, now));
    let accepted = Accepted { agreement, role: whom.role().parse().unwrap(), declaration };
    let (me, secrets) = whom.each(0);
    let card = card(me, secrets, partnership, &[]).unwrap();
    let join = acts::join(whom.author(0, graph, now), invitation, &me.introduced, card, accepted).unwrap();
    let join = put(graph, join);
    if matches!(step.what, What::Admit) {
        put(graph, acts::approve(by.author(0, graph, now), join).unwrap());
    }
}

fn second_node(graph: &mut ActGraph, whom: &Party, now: Timestamp) {
    let door = derive::door_commitment(&Zeroizing::new([8; 32]));
    let office = Office { org: whom.org(), door, expires: Timestamp(now.0 + DAY) };
    let office = put(graph, acts::office(whom.author(0, graph, now), office).unwrap());
    let (me, secrets) = whom.each(1);
    let card = card(me, secrets, graph.partnership(), &[]).unwrap();
    let act = acts::add_node(whom.author(1, graph, now), office, &me.introduced, card);
    put(graph, act.unwrap());
}
