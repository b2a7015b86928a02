//! The audit of a node: what happened, whether it is all still there, and whether partners hold the same.
//!
//! [`verify`] compares three things: the journal, read anew from its first frame; what partners acknowledged, in
//! signed entries of their own logs; and what connected partners say that they hold now. [`story`] tells what
//! happened in order, [`export`] writes it with the signed bytes so that others can check it.

mod desk;
pub mod export;
pub mod story;
pub mod verify;
pub mod view;
mod walk;

use entente_protocol::ids::NodeId;
use entente_protocol::membership::MemberNode;

use crate::frames::Frame;
use crate::node::Node;
use crate::partnership::Handle;
use crate::records::find::org_view;
use crate::rows;
use crate::store::Position;

use view::TwoFacedView;

/// The nodes of a partnership that signed two entries at one position, by the evidence that is kept.
#[must_use]
pub fn two_faced(node: &Node, handle: &Handle) -> Vec<TwoFacedView> {
    let store = node.shared.ledger.store();
    let found = rows::all_evidence(&store.index, &handle.id).into_iter().filter_map(|position| {
        let bytes = store.journal.read(position).ok()?;
        let Ok(Frame::Evidence(_, evidence, arrived)) = Frame::from_bytes(&bytes) else { return None };
        let proof = evidence.verify().ok()?;
        let key = rows::log_key(&store.index, &handle.id, &proof.space(), &proof.log());
        let row = store.index.get(rows::Table::Log as u8, &key).ok().flatten();
        let owner = row.and_then(|row| rows::decode::<rows::LogRow>(&row)).map(|row| row.owner);
        let owner = owner.or_else(|| main_log_owner(handle, &proof.log()))?;
        Some(TwoFacedView {
            partnership: handle.id,
            partnership_name: handle.membership().name.clone(),
            author: name_of(node, handle, &owner),
            node: owner,
            ours: owner == node.me.node(),
            log: proof.log(),
            seq: proof.seq().0,
            arrived,
        })
    });
    found.collect()
}

/// A log of the space of all members belongs to the node whose card names it.
fn main_log_owner(handle: &Handle, log: &entente_protocol::ids::LogId) -> Option<NodeId> {
    let membership = handle.membership();
    let holds = |of: &MemberNode| of.card.log == *log || of.ended.contains_key(log);
    membership.nodes_ever().find(|(_, _, of)| holds(of)).map(|(_, node, _)| node)
}

/// What the organisation of a node is called, present or former.
fn name_of(node: &Node, handle: &Handle, of: &NodeId) -> String {
    let membership = handle.membership();
    let org = membership.nodes_ever().find(|(_, node, _)| node == of).map(|(org, _, _)| org);
    org.map_or_else(|| of.short(), |org| org_view(node, Some(handle), &org).name)
}

/// A place in the journal, as pages name it.
fn place(position: Position) -> String {
    data_encoding::HEXLOWER.encode(&position.to_bytes())
}

/// Reads where a page ended.
pub(crate) fn parse_place(text: &str) -> Option<Position> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| rows::position(&bytes))
}
