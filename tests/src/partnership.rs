//! Nodes that are partners.

use std::ops::{Index, IndexMut};

use entente_cli::client::{Client, route};
use entente_node::api::types::{
    AboutOrg, InvitationCreated, InvitationView, Invited, Join, NewInvitation, NewPartnership,
    PartnershipCreated, PartnershipState, Problem,
};
use entente_protocol::ids::{OrgId, PartnershipId};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::home::Home;
use crate::node::TestNode;
use crate::wait::wait_until;

/// An agreement under which everybody may send everything to everybody.
pub const PERMISSIVE: &str = r#"
version = 1
title = "An agreement for tests"
form = "informal"
start = 2020-01-01
roles = ["npm", "cso", "network", "other"]

[[flow]]
from = ["npm", "cso", "network", "other"]
kinds = "any"
to = "any"

[ceiling]
sensitivity = ["named", "partnership", "public"]
personal_data = "allowed"
onward = "allowed"
"#;

/// Nodes of different organisations that are members of one partnership; the first founded it.
pub struct Partnership {
    /// Its name, which commands take.
    pub name: String,
    /// Its id.
    pub id: PartnershipId,
    /// Its members, in the order in which they were named.
    pub nodes: Vec<TestNode>,
    /// Their organisations, in the same order.
    pub orgs: Vec<OrgId>,
}

impl Partnership {
    /// Starts a node for each (name, kind), and makes them members of one partnership under [`PERMISSIVE`].
    /// Returns when all are connected and know each other.
    ///
    /// # Panics
    /// If anything of that fails.
    pub async fn of(members: &[(&str, &str)]) -> Partnership {
        Partnership::under(PERMISSIVE, members).await
    }

    /// As [`Partnership::of`], under another agreement (TOML).
    ///
    /// # Panics
    /// If anything of that fails.
    pub async fn under(agreement: &str, members: &[(&str, &str)]) -> Partnership {
        Partnership::among(start_all(members).await, "Prevention", agreement).await
    }

    /// Makes a partnership of nodes that run already.
    ///
    /// # Panics
    /// If anything of that fails.
    pub async fn among(nodes: Vec<TestNode>, name: &str, agreement: &str) -> Partnership {
        let partnership = Partnership::around(nodes, name, agreement).await;
        partnership.wait_until_connected().await;
        partnership
    }

    /// As [`Partnership::among`], of nodes that may reach the first one only: it does not wait until all are connected.
    ///
    /// # Panics
    /// If anything of that fails.
    pub async fn around(nodes: Vec<TestNode>, name: &str, agreement: &str) -> Partnership {
        let (founder, others) = nodes.split_first().expect("a partnership has a founder");
        let id = found(founder, name, agreement).await;
        for other in others {
            join(founder, other, name).await;
        }
        let mut orgs = Vec::new();
        for node in &nodes {
            orgs.push(node.status().await.organisation.expect("an unlocked node says who it is").id);
        }
        Partnership { name: name.to_owned(), id, nodes, orgs }
    }

    /// Waits until every running node is connected to every other one and knows them as members.
    ///
    /// # Panics
    /// If that does not happen.
    pub async fn wait_until_connected(&self) {
        for node in &self.nodes {
            let others = self.nodes.len() - 1;
            let what = format!("{} is connected to all members of {}", node.name(), self.name);
            wait_until(&what, async || {
                let seen = node.partnership(&self.name).await;
                seen.is_ok_and(|p| {
                    p.members_now.iter().filter(|m| m.connected && !m.ourselves).count() == others
                })
            })
            .await;
        }
    }
}

impl Index<usize> for Partnership {
    type Output = TestNode;
    fn index(&self, number: usize) -> &TestNode {
        &self.nodes[number]
    }
}

impl IndexMut<usize> for Partnership {
    fn index_mut(&mut self, number: usize) -> &mut TestNode {
        &mut self.nodes[number]
    }
}

/// Starts a node for each (name, kind), all at the same time.
async fn start_all(members: &[(&str, &str)]) -> Vec<TestNode> {
    let mut making = JoinSet::new();
    for (number, (name, kind)) in members.iter().enumerate() {
        let (name, kind) = ((*name).to_owned(), (*kind).to_owned());
        making.spawn(async move { (number, Home::init(&name, &kind).await) });
    }
    let mut made = making.join_all().await;
    made.sort_by_key(|(number, _)| *number);
    TestNode::start_all(made.into_iter().map(|(_, home)| home).collect()).await
}

async fn found(founder: &TestNode, name: &str, agreement: &str) -> PartnershipId {
    let new =
        NewPartnership { name: name.to_owned(), agreement: agreement.to_owned(), role: None, person: None };
    let made: Result<PartnershipCreated, Problem> =
        founder.client().post(&route(&["partnerships"]), &new).await;
    made.unwrap_or_else(|e| panic!("{} founds {name}: {e:?}", founder.name())).partnership
}

/// Makes an invitation for the role of a kind of organisation.
///
/// # Panics
/// If the inviter refuses.
pub async fn invite(inviter: &TestNode, partnership: &str, role: &str) -> String {
    let new = NewInvitation { role: Some(role.parse().expect("a role")), days: None };
    let made: Result<InvitationCreated, Problem> =
        inviter.client().post(&route(&["partnerships", partnership, "invitations"]), &new).await;
    made.unwrap_or_else(|e| panic!("{} invites: {e:?}", inviter.name())).invitation
}

/// Invites a node in the role of its kind and lets it ask to join. Returns the invitation and where it stands.
///
/// # Panics
/// If anything of that fails.
pub async fn invite_and_ask(
    inviter: &TestNode,
    joiner: &TestNode,
    partnership: &str,
) -> (String, PartnershipState) {
    let kind = joiner.status().await.organisation.expect("an unlocked node says who it is").kind;
    let invitation = invite(inviter, partnership, kind.as_str()).await;
    let asked = ask_to_join(joiner.client(), &invitation).await;
    let asked = asked.unwrap_or_else(|e| panic!("{} asks to join: {e:?}", joiner.name()));
    (invitation, asked.state)
}

/// Looks at an invitation, accepts its agreement and asks to be let in.
///
/// # Errors
/// What the node says against it.
pub async fn ask_to_join(client: &Client, invitation: &str) -> Result<PartnershipCreated, Problem> {
    let invited = Invited { invitation: invitation.to_owned() };
    let seen: InvitationView = client.post(&route(&["invitations", "look"]), &invited).await?;
    let ask = Join { invitation: invited.invitation, agreement: seen.agreement.hash, person: None };
    client.post(&route(&["partnerships", "join"]), &ask).await
}

/// Lets in an organisation that has asked.
///
/// # Panics
/// If the inviter's node refuses.
pub async fn approve(inviter: &TestNode, organisation: &OrgId, partnership: &str) {
    let about = AboutOrg { organisation: organisation.to_string(), reason: None };
    let approved: Result<Value, Problem> =
        inviter.client().post(&route(&["partnerships", partnership, "approve"]), &about).await;
    approved.unwrap_or_else(|e| panic!("{} approves {organisation}: {e:?}", inviter.name()));
}

/// Invites a node, lets it ask, approves it, and waits until it is a member.
///
/// # Panics
/// If anything of that fails.
pub async fn join(inviter: &TestNode, joiner: &TestNode, partnership: &str) {
    invite_and_ask(inviter, joiner, partnership).await;
    let organisation = joiner.status().await.organisation.expect("an unlocked node says who it is").id;
    approve(inviter, &organisation, partnership).await;
    wait_until(&format!("{} is a member", joiner.name()), async || {
        let seen = joiner.partnership(partnership).await;
        seen.is_ok_and(|p| p.summary.state == PartnershipState::Member)
    })
    .await;
}
