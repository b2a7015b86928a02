//! The promise of the preview: over random agreements, memberships and audiences, those who are foreseen are exactly
//! those whose nodes can decrypt what is then published; and where a rule refuses, nothing is published.
//!
//! A case is a partnership of up to six organisations with twelve nodes, made by random acts; then a record is
//! published, more acts follow, and a second record is foreseen and published by the same node, whose ring holds the
//! keys of the first. Every node that there is, members or not, asks for keys after every act, keeps what it gets, and
//! tries to read.

mod world;

use std::collections::{BTreeMap, BTreeSet};

use entente_protocol::audience::{Audience, NamedReaders};
use entente_protocol::handling::{Handling, Onward, Sensitivity};
use entente_protocol::ids::{EpochId, NodeId, OrgId, Timestamp};
use entente_protocol::log::{Entry, Head};
use entente_protocol::membership::{ActGraph, Membership};
use entente_protocol::record::Content;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::apply::{self, Applied};
use super::super::epochs::{self, TakeError};
use super::super::open::{Judgement, Owner, When, judge};
use super::super::publish::{Publication, publish};
use super::super::state::{Log, State};
use super::super::taking::a_place;
use super::*;
use crate::clock;
use crate::frames::Frame;
use crate::rows::Batch;
use crate::store::{Store, StoreKey};
use world::{ORGS, PARTIES, Step, step, terms};

/// An agreement under which the founder shares everything with everybody.
const PLAIN: &str = "version = 1\ntitle = \"P\"\nform = \"formal\"\nstart = 2026-01-01\nroles = [\"npm\", \"cso\", \"network\"]\n\
                 [[flow]]\nfrom = [\"npm\", \"cso\", \"network\"]\nkinds = \"any\"\nto = \"any\"\n\
                 [ceiling]\nsensitivity = [\"partnership\"]\npersonal_data = \"never\"\nonward = \"never\"\n";

/// What is shared, and with whom.
#[derive(Clone, Debug)]
struct Draft {
    kind: &'static str,
    sensitivity: Sensitivity,
    onward: Onward,
    personal_data: bool,
    consent: bool,
    /// Named readers, each by number among the members or among all organisations; everyone if absent.
    readers: Option<Vec<(usize, bool)>>,
}

/// Most drafts have a chance: what is refused at once teaches little.
fn draft() -> impl Strategy<Value = Draft> {
    let kinds = ["submission", "visit-report", "feedback", "notes", "source"];
    let kind = prop_oneof![2 => select(vec!["place", "from-the-future"]), 1 => select(kinds.to_vec())];
    let reader = (0..ORGS, prop::bool::weighted(0.1));
    let readers = prop_oneof![1 => Just(None), 1 => proptest::collection::vec(reader, 0..4).prop_map(Some)];
    let class = select(vec![Sensitivity::Partnership, Sensitivity::Public]);
    let any_class = select(vec![Sensitivity::Own, Sensitivity::Named, Sensitivity::Partnership]);
    let onward = prop_oneof![6 => Just(Onward::Never), 1 => Just(Onward::Ask), 1 => Just(Onward::Allowed)];
    let rest = (onward, prop::bool::weighted(0.1), any::<bool>(), prop::bool::weighted(0.9));
    (kind, readers, class, any_class, rest).prop_map(
        |(kind, readers, class, other, (onward, personal_data, consent, fits))| {
            let fitting = if readers.is_some() { Sensitivity::Named } else { class };
            let sensitivity = if fits { fitting } else { other };
            Draft { kind, sensitivity, onward, personal_data, consent, readers }
        },
    )
}

impl Draft {
    fn content(&self, now: Timestamp) -> Content {
        Content {
            kind: self.kind.parse().unwrap(),
            sensitivity: self.sensitivity,
            handling: Handling {
                onward: self.onward,
                personal_data: self.personal_data,
                consent: self.consent.then(|| "C-1".into()),
                embargo_until: None,
                keep_until: None,
                ..Handling::default()
            },
            created: now,
            ..a_place()
        }
    }

    /// `None` where the readers are none: no such audience can be written down (C12).
    fn audience(&self, members: &Membership) -> Option<Audience> {
        let Some(readers) = &self.readers else { return Some(Audience::Everyone) };
        let members: Vec<OrgId> = members.members.keys().copied().collect();
        let org = |(n, anybody): &(usize, bool)| {
            if *anybody { PARTIES[*n].org() } else { members[*n % members.len()] }
        };
        NamedReaders::new(readers.iter().map(org)).ok().map(Audience::Named)
    }
}

/// Publishes as the driver does: what was minted is in the ring from then on.
fn publish_as(
    state: &mut State,
    content: &Content,
    audience: Audience,
    now: Timestamp,
) -> Result<Entry, PublishError> {
    let Publication { frames, minted, .. } = publish(state, content.clone(), audience, clock::nonce(), now)?;
    if let Some(minted) = minted {
        state.ring.add(minted.id, minted.epoch.clone());
    }
    let entry = frames.into_iter().rev().find_map(|f| match f {
        Frame::Entry(_, entry, _) => Some(entry),
        _ => None,
    });
    Ok(entry.unwrap())
}

/// Keys that nodes were given while they might have them. A node forgets nothing, whatever becomes of it.
#[derive(Default)]
struct Hoard(BTreeMap<EpochId, BTreeSet<NodeId>>);

impl Hoard {
    /// Every node that there is asks for every key.
    fn gather(&mut self, state: &State) {
        for (id, _) in state.ring.all() {
            let had = self.0.entry(id).or_default();
            let nodes = PARTIES.iter().flat_map(world::Party::nodes).filter(|node| !had.contains(node));
            let given: Vec<_> = nodes.filter(|node| epochs::give(state, node, &id).is_some()).collect();
            had.extend(given);
        }
    }

    fn has(&self, entry: &Entry, node: NodeId) -> bool {
        self.0.get(&entry.header.epoch).is_some_and(|had| had.contains(&node))
    }
}

/// A node that holds these acts.
fn state_of(node: NodeId, graph: &ActGraph) -> State {
    let (me, secrets) = world::node(node);
    let mut secrets = secrets.clone();
    secrets.id = graph.partnership();
    State::new(me.clone().into(), secrets, graph.clone())
}

/// Does this node get the key from the author, and show the record? It comes with the same acts, since a node that
/// lacks acts waits for them.
fn reads(author: &State, node: NodeId, entry: &Entry, circle: Option<&[OrgId]>, now: Timestamp) -> bool {
    let Some((header, slot)) = epochs::give(author, &node, &entry.header.epoch) else { return false };
    let mut state = state_of(node, &author.graph);
    let space = entry.header.space;
    let _known = super::super::publish::new_circle_log(
        &mut state,
        space,
        circle.map(<[OrgId]>::to_vec),
        entry.header.log,
    );
    let Ok(Some((id, epoch))) = epochs::take(&state, &header, &slot, |_| true, now) else { return false };
    state.ring.add(id, epoch);
    let owner = Owner { org: author.me.org(), node: author.me.node() };
    let judged = judge(&state.id, (&state.membership, When::Arriving), &state.ring, owner, entry);
    matches!(judged, Judgement::Shown(_))
}

/// Foresees, publishes, and lets every node try.
fn check(state: &mut State, hoard: &Hoard, draft: &Draft, now: Timestamp) -> Result<(), TestCaseError> {
    let Some(audience) = draft.audience(&state.membership) else { return Ok(()) };
    let content = draft.content(now);
    let foreseen = foresee(state, &content, &audience, now);
    let published = publish_as(state, &content, audience.clone(), now);
    let (foreseen, entry) = match (foreseen, published) {
        (Ok(foreseen), Ok(entry)) => (foreseen, entry),
        (Err(_), Err(_)) => return Ok(()),
        (foreseen, published) => {
            prop_assert!(false, "foreseen {foreseen:?}, published {:?}", published.is_ok());
            return Ok(());
        }
    };
    let circle = audience.circle(&state.me.org());
    let mut can: BTreeSet<OrgId> = BTreeSet::new();
    let mut nodes = 0;
    for node in PARTIES.iter().flat_map(world::Party::nodes) {
        if hoard.has(&entry, node) || reads(state, node, &entry, circle.as_deref(), now) {
            can.insert(world::org_of(node));
            nodes += 1;
        }
    }
    prop_assert!(can.remove(&state.me.org()), "the author's own node reads it");
    prop_assert_eq!(&can, &foreseen.key_holders.iter().copied().collect::<BTreeSet<_>>());
    prop_assert_eq!(&can, foreseen.permitted.readers(), "what the words say is what the keys allow");
    prop_assert_eq!(nodes, foreseen.nodes);
    Ok(())
}

/// The first node of a party, by these acts.
fn first_of(party: usize, graph: &ActGraph) -> State {
    state_of(PARTIES[party].each(0).0.node(), graph)
}

#[test]
fn an_entry_whose_author_nobody_knows_yet_is_kept_and_shown_once_the_acts_are_here() {
    let now = clock::now();
    let (theirs, all) = world::apart(PLAIN, now);
    let (mut author, mut reader) = (first_of(2, &theirs), first_of(3, &all));
    let content = Content {
        kind: "place".parse().unwrap(),
        sensitivity: Sensitivity::Partnership,
        created: now,
        ..a_place()
    };
    let entry = publish_as(&mut author, &content, Audience::Everyone, now).unwrap();
    let (header, slot) = epochs::give(&author, &reader.me.node(), &entry.header.epoch).unwrap();
    let (id, epoch) = epochs::take(&reader, &header, &slot, |_| true, now).unwrap().unwrap();
    reader.ring.add(id, epoch);
    let (space, log) = (entry.header.space, entry.header.log);
    reader.logs.insert((space, log), Log::new(author.me.node(), None, Head::EMPTY));

    let home = tempfile::tempdir().unwrap();
    let key = StoreKey::from_bytes(zeroize::Zeroizing::new([7; 32]));
    let (store, _) = Store::open(home.path(), &key).unwrap();
    let frame = Frame::Entry(reader.id, entry, now);
    let at = store.journal.append(vec![frame.to_bytes()]).wait().unwrap()[0];
    let mut batch = Batch::default();
    let applied = apply::apply(&mut reader, &store, &mut batch, at, &frame);
    let refused = |one: &Applied| matches!(one, Applied::Refused(code, _) if code == "E-OWNER");
    assert!(applied.iter().any(refused), "{applied:?}");
    let again = apply::after_acts(&mut reader, &store, &mut batch);
    assert!(again.iter().any(refused), "not yet: {again:?}");
    // As if the acts that undid its admission were undone.
    reader.graph = theirs;
    reader.refold();
    let shown = apply::after_acts(&mut reader, &store, &mut batch);
    assert!(shown.iter().any(|one| matches!(one, Applied::Record(_))), "{shown:?}");
    assert!(apply::after_acts(&mut reader, &store, &mut batch).is_empty(), "once");
}

#[test]
fn a_key_of_whose_admission_was_undone_is_taken_where_an_entry_waits_for_it_and_else_not() {
    let now = clock::now();
    let (theirs, all) = world::apart(PLAIN, now);
    let (minter, reader) = (first_of(2, &theirs), first_of(3, &all));
    let minted = epochs::mint(&minter, &minter.all(), None, now);
    minter.ring.add(minted.id, minted.epoch);
    let (header, slot) = epochs::give(&minter, &reader.me.node(), &minted.id).unwrap();
    assert_eq!(reader.org_of(&minter.me.node()), None, "it never was a member by all acts together");
    let take = |asked: bool| epochs::take(&reader, &header, &slot, |_| asked, now);
    assert!(matches!(take(false), Err(TakeError::NotAMember)));
    let (id, epoch) = take(true).unwrap().unwrap();
    assert!(id == minted.id && epoch.readers.contains(&reader.me.node()));
    // Who holds no more than the first acts cannot know, and waits.
    let early = world::founded(PLAIN, now);
    let early = epochs::take(&first_of(0, &early), &header, &slot, |_| true, now);
    assert!(matches!(early, Err(TakeError::Early)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn those_who_are_foreseen_are_exactly_those_who_can_decrypt(
        terms in terms(),
        before in proptest::collection::vec(step(), 1..10),
        after in prop_oneof![proptest::collection::vec(step(), 0..4), world::there_and_back()],
        author in any::<prop::sample::Index>(),
        outsider in prop::bool::weighted(0.05),
        (first, other, same) in (draft(), draft(), any::<bool>()),
    ) {
        let now = clock::now();
        let mut graph = world::founded(&terms, now);
        before.iter().for_each(|s: &Step| world::happen(&mut graph, s, now));
        let members = Membership::of(&graph);
        let nodes = PARTIES.iter().flat_map(world::Party::nodes);
        let nodes: Vec<NodeId> = nodes.filter(|n| outsider || members.node(n).is_some()).collect();
        prop_assume!(!nodes.is_empty());
        let (me, secrets) = world::node(*author.get(&nodes));
        let mut secrets = secrets.clone();
        secrets.id = graph.partnership();
        let mut state = State::new(me.clone().into(), secrets, graph);
        let mut hoard = Hoard::default();
        check(&mut state, &hoard, &first, now)?;
        for step in &after {
            world::happen(&mut state.graph, step, now);
            state.refold();
            hoard.gather(&state);
        }
        check(&mut state, &hoard, if same { &first } else { &other }, now)?;
    }
}
