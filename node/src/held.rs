//! What keys this node holds, since when, and what a thief would get of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entente_protocol::ids::{PartnershipId, SpaceId, Timestamp};
use entente_protocol::{derive, limits};

use crate::api::keys::{HeldKey, HeldKind, KeysView, PartnershipKeys};
use crate::api::types::{PartnershipState, Problem};
use crate::node::Node;
use crate::partnership::ring::Ring;
use crate::records::find;
use crate::rows::{self, RecordRow, Table};
use crate::secrets::PartnershipSecrets;

/// Whoever takes a locked computer has to guess the passphrase for nearly everything.
const NOTHING: &str = "nothing without the passphrase";

/// Everything that is held here; of one partnership where one is named.
///
/// # Errors
/// Where the named one is not here.
pub fn keys(node: &Arc<Node>, partnership: Option<&str>) -> Result<KeysView, Problem> {
    let named = partnership.map(|text| find::partnership(node, text)).transpose()?.map(|handle| handle.id);
    let (all, recovery) =
        node.shared.keeper.look(|s| (s.partnerships.clone(), s.recovery.clone().unwrap_or_default()));
    let counts = records_by_space(node);
    let wanted = all.iter().filter(|p| named.is_none_or(|id| id == p.id));
    Ok(KeysView {
        organisation: crate::me::view(node.me.introduced.organisation()),
        fingerprint: crate::fingerprint::words(&node.me.org()),
        own: own(node),
        partnerships: wanted.map(|p| of_partnership(node, p, &counts)).collect(),
        recovery,
    })
}

fn held(kind: HeldKind, what: impl Into<String>, unlocked: &str) -> HeldKey {
    HeldKey {
        kind,
        what: what.into(),
        count: 1,
        since: None,
        until: None,
        opens: None,
        locked: NOTHING.into(),
        unlocked: unlocked.into(),
    }
}

fn own(node: &Node) -> Vec<HeldKey> {
    let certificate = node.me.introduced.certificate();
    let root_key = node.home.root_key();
    let root = if root_key.exists() {
        HeldKey {
            locked:
                "its file: whoever guesses the passphrase is this organisation for ever. Move it off this \
                     machine once it is backed up"
                    .into(),
            ..held(
                HeldKind::Root,
                format!("the organisation's root key, in {}", root_key.display()),
                "its file, still under its passphrase: the running node never opens it",
            )
        }
    } else {
        HeldKey {
            count: 0,
            locked: "nothing: it is not here".into(),
            ..held(
                HeldKind::Root,
                "the organisation's root key is not in this folder",
                "nothing: it is not here",
            )
        }
    };
    let node_key = HeldKey {
        since: Some(certificate.issued),
        until: Some(certificate.expires),
        ..held(
            HeldKind::Node,
            "this node's key, which signs its acts and records; the root key certified it",
            "it can sign as this node, in every partnership, until the node is revoked",
        )
    };
    let store = held(
        HeldKind::Store,
        "the key that this node's files are encrypted under",
        "every draft, record and attachment that is kept here",
    );
    vec![root, node_key, store]
}

fn of_partnership(
    node: &Node,
    ours: &PartnershipSecrets,
    counts: &BTreeMap<(PartnershipId, SpaceId), u64>,
) -> PartnershipKeys {
    let handle = node.handle(&ours.id);
    let (name, state, ring) = match (&handle, &ours.joining) {
        (Some(handle), _) => {
            let membership = handle.membership();
            let member = membership.is_member(&node.me.org());
            let state = if member { PartnershipState::Member } else { PartnershipState::Former };
            (membership.name.clone(), state, handle.ring.clone())
        }
        (None, joining) => (
            joining.as_ref().map(|j| j.name.clone()).unwrap_or_default(),
            PartnershipState::AwaitingApproval,
            Ring::default(),
        ),
    };
    let mut keys = vec![
        held(HeldKind::Transport, "the identity that partners connect to", "it can connect as this node"),
        held(HeldKind::Log, "the key that signs this node's logs", "it can add entries to this node's logs"),
    ];
    keys.extend(prekeys(ours));
    keys.extend(epochs(ours, &ring, counts));
    keys.extend(invitations(ours));
    PartnershipKeys { id: ours.id, name, state, keys }
}

/// The key that epochs are sealed to, and those before it, which are kept for what is still under way.
fn prekeys(ours: &PartnershipSecrets) -> Vec<HeldKey> {
    let day = |days: u64| days * 24 * 60 * 60 * 1000;
    let made = ours.prekeys.as_ref().map(|p| p.made);
    let present = HeldKey {
        since: made,
        until: made.map(|made| Timestamp(made.0.saturating_add(day(limits::PREKEY_DAYS)))),
        ..held(
            HeldKind::Prekey,
            "the key that new epochs are sealed to; a new one takes its place after 30 days",
            "it opens what partners seal to this node from now on, until they hear that it is revoked",
        )
    };
    let retired = ours.prekeys.as_ref().map(|p| p.retired.as_slice()).unwrap_or_default();
    let until = retired.iter().map(|r| r.replaced.0.saturating_add(day(limits::RETIRED_PREKEY_DAYS))).max();
    let before = HeldKey {
        count: retired.len(),
        until: until.map(Timestamp),
        ..held(
            HeldKind::RetiredPrekey,
            "keys before it, kept for what was sealed while this node was away, then deleted",
            "they open epochs that were sealed to them, if it has a copy of what was sent",
        )
    };
    [present, before].into_iter().filter(|key| key.count > 0).collect()
}

/// Epochs of all members, and of circles.
fn epochs(
    ours: &PartnershipSecrets,
    ring: &Ring,
    counts: &BTreeMap<(PartnershipId, SpaceId), u64>,
) -> Vec<HeldKey> {
    let all = derive::space_of_all(&ours.id);
    let since = |id| ring.get(id).map(|epoch| epoch.header.value().created);
    let group = |kind, circles: bool| {
        let of_it = || ours.epochs.iter().filter(|e| (e.space != all) == circles);
        let spaces: BTreeSet<SpaceId> = of_it().map(|e| e.space).collect();
        let what = if circles {
            format!("keys of what named readers read, in circles: {}", spaces.len())
        } else {
            "keys of what all members read".to_owned()
        };
        let opens = spaces.iter().filter_map(|space| counts.get(&(ours.id, *space))).sum();
        let unlocked = "every record that was sealed under them, here or wherever ciphertext was copied";
        HeldKey {
            count: of_it().count(),
            since: of_it().filter_map(|e| since(&e.id)).min(),
            opens: Some(opens),
            ..held(kind, what, unlocked)
        }
    };
    let groups = [group(HeldKind::Epochs, false), group(HeldKind::CircleEpochs, true)];
    groups.into_iter().filter(|key| key.count > 0).collect()
}

fn invitations(ours: &PartnershipSecrets) -> Option<HeldKey> {
    let until: Option<Timestamp> = ours.invitations.iter().map(|i| i.expires).max();
    until.map(|until| HeldKey {
        count: ours.invitations.len(),
        until: Some(until),
        ..held(
            HeldKind::Invitations,
            "doors that are open to who was invited",
            "it can ask to join with them; a steward must still approve",
        )
    })
}

/// Records that can be read here, by where they stand.
fn records_by_space(node: &Node) -> BTreeMap<(PartnershipId, SpaceId), u64> {
    let mut counts = BTreeMap::new();
    let index = &node.shared.ledger.store().index;
    let rows = rows::prefix(index, Table::Order as u8, &[]);
    for place in rows.filter_map(|(_, row)| rows::decode::<RecordRow>(&row)?.place) {
        *counts.entry((place.partnership, place.space)).or_default() += 1;
    }
    counts
}
