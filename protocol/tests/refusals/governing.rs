//! Wrong as acts by which members govern, though their authors signed them.

use entente_protocol::codec;
use entente_protocol::declaration::Declaration;
use entente_protocol::ids::{ActId, LogId, NodeId, OrgId, PartnershipId, Seq, Timestamp};
use entente_protocol::membership::acts::{
    Act, AddNode, Amend, Deed, HistoryGrant, HistoryScope, NewLog, Remove, RevokeNode,
};
use entente_protocol::root::{LogRenewal, renew_log, revoke};
use entente_protocol::signed::{Unverified, sign};

use crate::common::governing::{
    declaration, forged, introduced_office, new_log, office_card, office_id, renewal, revocation, revoking,
};
use crate::common::{NOW, WORLD};
use crate::{Wrong, travelling};

pub fn all() -> Vec<Wrong> {
    [deeds(), grants(), offices(), revocations(), logs(), declarations(), roots()].concat()
}

fn act(name: &'static str, act: Act, error: &'static str) -> Wrong {
    (name, "act", forged(act), error)
}

fn decide(deed: Deed) -> Act {
    Act::Decide(Box::new(deed))
}

fn propose(deed: Deed) -> Act {
    Act::Propose(Box::new(deed))
}

fn removal(reason: &str, logs: &[u8]) -> Deed {
    let cutoff = logs.iter().map(|n| (LogId([*n; 32]), Seq(1))).collect();
    Deed::Remove(Remove { org: WORLD.alice.org(), reason: reason.into(), cutoff })
}

fn amend(version: u32, text: &str) -> Deed {
    Deed::Amend(Amend { version, text: text.into() })
}

fn deeds() -> Vec<Wrong> {
    let (own_act, every) = ("acts of their own", "every member signs");
    let renew = |last_day| Deed::Renew { last_day };
    let terminate = |reason: String| Deed::Terminate { reason };
    let text = WORLD.agreement.text();
    vec![
        act("decide-an-approval", decide(Deed::Approve { join: ActId([1; 32]) }), own_act),
        act("decide-a-removal", decide(removal("", &[])), own_act),
        act("decide-an-amendment", decide(amend(2, text)), every),
        act("decide-a-renewal", decide(renew(NOW)), every),
        act("amend-to-version-1", propose(amend(1, text)), "version 2 or later"),
        act("amend-to-version-0", propose(amend(0, text)), "version 2 or later"),
        act("amend-to-no-agreement", propose(amend(2, "version = 2\n")), "agreement"),
        act("renew-to-the-middle-of-a-day", propose(renew(Timestamp(NOW.0 + 1))), "first millisecond"),
        act("propose-a-removal-with-an-escape", propose(removal("\u{1b}", &[])), "control characters"),
        act("propose-a-removal-with-a-log-twice", propose(removal("", &[1, 1])), "not in order"),
        act("terminate-with-1001-bytes-of-reason", decide(terminate("x".repeat(1001))), "reason is too long"),
        act("terminate-with-an-escape", decide(terminate("\u{1b}".into())), "control characters"),
        act("suspend-with-1001-bytes-of-reason", Act::Suspend { reason: "x".repeat(1001) }, "too long"),
        act("suspend-with-a-line-break", Act::Suspend { reason: "a\nb".into() }, "control characters"),
    ]
}

fn grants() -> Vec<Wrong> {
    let records = |places: Vec<(u8, u64)>| {
        let places = places.into_iter().map(|(log, seq)| (LogId([log; 32]), Seq(seq))).collect();
        decide(Deed::Grant(HistoryGrant { org: WORLD.alice.org(), scope: HistoryScope::Records(places) }))
    };
    vec![
        act("grant-of-no-records", records(vec![]), "names no records"),
        act("grant-of-1025-records", records((0..1_025).map(|n| (1, n)).collect()), "too many"),
        act("grant-with-logs-out-of-order", records(vec![(2, 1), (1, 1)]), "not in order"),
        act("grant-with-positions-out-of-order", records(vec![(1, 2), (1, 1)]), "not in order"),
        act("grant-of-a-record-twice", records(vec![(1, 1), (1, 1)]), "not in order"),
    ]
}

/// Bob's first node says that it is the second.
fn offices() -> Vec<Wrong> {
    let w = &*WORLD;
    let add = |introduction, card| {
        let office = ActId([1; 32]);
        Act::AddNode(Box::new(AddNode { office, introduction, card }))
    };
    let own = w.bob.introduced.to_introduction();
    let card = |key, card| sign(card, key).to_unverified();
    let right = card(&w.bob.node, w.bob.card(w.partnership));
    let elsewhere = card(&w.bob.node, w.bob.card(PartnershipId([9; 32])));
    vec![
        act(
            "add-node-with-anothers-certificate",
            add(introduced_office().to_introduction(), right.clone()),
            "introduction is not its author's",
        ),
        act(
            "add-node-of-another-organisation",
            add(w.alice.introduced.to_introduction(), right.clone()),
            "introduction is not its author's",
        ),
        act(
            "add-node-with-anothers-card",
            add(own.clone(), card(&w.bob.node, office_card())),
            "another node's",
        ),
        act(
            "add-node-with-a-card-that-another-signed",
            add(own.clone(), card(&w.alice.node, w.bob.card(w.partnership))),
            "signature is wrong",
        ),
        act("add-node-with-a-card-from-elsewhere", add(own, elsewhere), "for another partnership"),
    ]
}

fn revocations() -> Vec<Wrong> {
    let w = &*WORLD;
    let with = |name, error, change: &dyn Fn(&mut RevokeNode)| {
        let mut said = revoking(Some(revocation().to_unverified()));
        change(&mut said);
        act(name, Act::RevokeNode(Box::new(said)), error)
    };
    // Signed by Alice's root key in Bob's name.
    let stolen = sign(revocation().value().clone(), &w.alice.root).to_unverified();
    vec![
        with("revoke-with-the-roots-word-on-another-node", "revokes another node", &|r| {
            r.root = Some(revoke(&w.bob.root, NodeId([1; 32]), NOW));
        }),
        with("revoke-with-a-word-of-another-root", "signature is wrong", &|r| r.root = Some(stolen.clone())),
        with("revoke-with-1001-bytes-of-reason", "too long", &|r| r.reason = "x".repeat(1001)),
        with("revoke-with-an-escape", "control characters", &|r| r.reason = "\u{1b}".into()),
        with("revoke-with-a-log-twice", "not in order", &|r| r.cutoff = vec![(LogId([1; 32]), Seq(1)); 2]),
        with("revoke-with-65-logs", "too many logs", &|r| {
            r.cutoff = (0..65).map(|n| (LogId([n; 32]), Seq(1))).collect();
        }),
    ]
}

fn logs() -> Vec<Wrong> {
    let w = &*WORLD;
    let with = |name, error, certificate: Unverified<LogRenewal>, log, ended| {
        let mut card = w.bob.card(w.partnership);
        card.log = log;
        let card = sign(card, &w.bob.node).to_unverified();
        act(name, Act::NewLog(Box::new(NewLog { card, certificate, ended, cutoff: Seq(4) })), error)
    };
    let (root, here, node, old, new) =
        (&w.bob.root, w.partnership, w.bob.node_id(), w.bob.log_id(), new_log());
    let another = "another log, node or partnership";
    let elsewhere = PartnershipId([9; 32]);
    vec![
        with("new-log-that-was-not-certified", another, renewal().to_unverified(), LogId([1; 32]), old),
        with("new-log-for-another-node", another, renew_log(root, here, office_id(), new, NOW), new, old),
        with("new-log-elsewhere", another, renew_log(root, elsewhere, node, new, NOW), new, old),
        with(
            "new-log-by-a-foreign-root",
            "signature is wrong",
            renew_log(&w.alice.root, here, node, new, NOW),
            new,
            old,
        ),
        with("new-log-that-ends-itself", "the one that ends", renewal().to_unverified(), new, new),
    ]
}

fn declarations() -> Vec<Wrong> {
    let w = &*WORLD;
    let with = |name, error, change: &dyn Fn(&mut Declaration)| {
        let mut said = declaration(&w.bob, Some(w.partnership));
        change(&mut said);
        act(name, Act::Declare(sign(said, &w.bob.node).to_unverified()), error)
    };
    let (anothers, nobody) = ("another organisation's or another partnership's", "does not say who signed");
    let by_alice = sign(declaration(&w.bob, Some(w.partnership)), &w.alice.node).to_unverified();
    let mut joins = w.join.body().act.clone();
    if let Act::Join(join) = &mut joins {
        join.declaration = Some(sign(declaration(&w.bob, None), &w.bob.node).to_unverified());
    }
    vec![
        with("declaration-of-another-organisation", anothers, &|d| d.org = w.alice.org()),
        with("declaration-for-another-partnership", anothers, &|d| {
            d.partnership = Some(PartnershipId([9; 32]))
        }),
        with("declaration-for-no-partnership", anothers, &|d| d.partnership = None),
        with("declaration-without-a-person", nobody, &|d| d.person = " ".into()),
        with("declaration-by-201-bytes", nobody, &|d| d.person = "x".repeat(201)),
        with("declaration-by-an-escape", nobody, &|d| d.person = "a\u{1b}[31m".into()),
        with("declaration-that-ends-before-it-begins", "before it begins", &|d| {
            d.expires = Timestamp(d.time.0 - 1);
        }),
        with("declaration-that-ends-as-it-begins", "before it begins", &|d| d.expires = d.time),
        act("declaration-that-another-signed", Act::Declare(by_alice), "signature is wrong"),
        act("join-with-a-declaration-for-no-partnership", joins, anothers),
    ]
}

/// What a root key says, on its own.
fn roots() -> Vec<Wrong> {
    let w = &*WORLD;
    let mut renewed = renewal().value().clone();
    renewed.organisation = OrgId(w.alice.org().0);
    vec![
        (
            "revocation-by-a-node",
            "node revocation",
            travelling(revocation().value().clone(), &w.bob.node),
            "signature is wrong",
        ),
        (
            "log-renewal-in-anothers-name",
            "log renewal",
            travelling(renewed, &w.bob.root),
            "signature is wrong",
        ),
        (
            "log-renewal-for-a-revocation",
            "node revocation",
            codec::encode(&renewal().to_unverified()),
            "at most",
        ),
        (
            "declaration-by-the-root-key",
            "declaration",
            travelling(declaration(&w.bob, Some(w.partnership)), &w.bob.root),
            "signature is wrong",
        ),
    ]
}
