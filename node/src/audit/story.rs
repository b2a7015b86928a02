//! `audit show`: what happened in the partnerships of this node, in the order in which the journal has it.

use std::collections::VecDeque;

use entente_protocol::ack::{self, Acknowledgement};
use entente_protocol::envelope::Place;
use entente_protocol::ids::{PartnershipId, Timestamp};
use entente_protocol::log::Entry;
use entente_protocol::membership::{ActBody, verify_act};
use entente_protocol::signed::Unverified;

use crate::frames::Frame;
use crate::node::Node;
use crate::partnership::Handle;
use crate::records::find::org_view;
use crate::rows::{self, LogRow, RecordRow, RefusedRow, Table};
use crate::store::{JournalError, Position};

use super::view::{AuditPage, Happening};
use super::{desk, main_log_owner, name_of, place, two_faced};

/// The most that is told at once.
pub const PAGE: usize = 1_000;

/// Which part of the story is wanted.
pub struct Wanted {
    /// Only of this partnership.
    pub partnership: Option<PartnershipId>,
    /// From where in the journal on.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: usize,
    /// The newest, and not the first that come.
    pub newest: bool,
}

/// Tells it.
///
/// # Errors
/// [`JournalError`] if the journal cannot be read.
pub fn tell(node: &Node, wanted: &Wanted) -> Result<AuditPage, JournalError> {
    let mut happened: VecDeque<Happening> = VecDeque::new();
    let mut last = None;
    for (position, frame) in scan(node, wanted.after)? {
        let one = match frame {
            Frame::Desk(done) => desk::happening(node, wanted.partnership.as_ref(), &done),
            frame => happening(node, wanted.partnership.as_ref(), position, frame),
        };
        if let Some(one) = one {
            if happened.len() == wanted.limit {
                if !wanted.newest {
                    return Ok(AuditPage { happened: happened.into(), next: last.map(place) });
                }
                happened.pop_front();
            }
            happened.push_back(one);
            last = Some(position);
        }
    }
    Ok(AuditPage { happened: happened.into(), next: None })
}

/// The frames after a place, those that cannot be read left out.
pub(super) fn scan(
    node: &Node,
    after: Option<Position>,
) -> Result<impl Iterator<Item = (Position, Frame)>, JournalError> {
    let from = after.unwrap_or(Position::START);
    let frames = node.shared.ledger.store().journal.scan(from)?;
    let frames = frames.filter_map(|(at, bytes)| Some((at, Frame::from_bytes(&bytes.ok()?).ok()?)));
    Ok(frames.filter(move |(at, _)| after.is_none_or(|after| *at > after)))
}

/// The partnership that a frame belongs to, if it tells of something that happened there.
pub(super) fn partnership_of(frame: &Frame) -> Option<PartnershipId> {
    match frame {
        Frame::Act(id, _) | Frame::Entry(id, _, _) | Frame::Evidence(id, _, _) | Frame::Denied(id, _) => {
            Some(*id)
        }
        _ => None,
    }
}

fn happening(node: &Node, only: Option<&PartnershipId>, at: Position, frame: Frame) -> Option<Happening> {
    let id = partnership_of(&frame).filter(|id| only.is_none_or(|only| only == id))?;
    let handle = node.handle(&id)?;
    let (kind, who, when, words) = match frame {
        Frame::Act(_, act) => act_in_words(node, &handle, &act)?,
        Frame::Entry(_, entry, arrived) => entry_in_words(node, &handle, at, &entry, arrived)?,
        Frame::Evidence(_, evidence, arrived) => {
            let proof = evidence.verify().ok()?;
            let seq = proof.seq().0;
            let known = two_faced(node, &handle).into_iter().find(|of| of.log == proof.log());
            let author = known.map_or_else(|| proof.log().short(), |of| of.author);
            let words = format!("signed two different entries at position {} of its log", seq + 1);
            ("two-faced", author, arrived, words)
        }
        Frame::Denied(_, denied) => {
            let why =
                if denied.expired { "its declaration has expired" } else { "it has signed no declaration" };
            let words = format!("asked for a key and was given none: {why}");
            ("denied", org_view(node, Some(&handle), &denied.org).name, denied.when, words)
        }
        _ => return None,
    };
    let partnership_name = handle.membership().name.clone();
    Some(Happening { partnership: Some(id), partnership_name, kind: kind.into(), who, when, words })
}

type InWords = (&'static str, String, Timestamp, String);

fn act_in_words(node: &Node, handle: &Handle, act: &Unverified<ActBody>) -> Option<InWords> {
    let act = verify_act(act).ok()?;
    let body = act.body();
    let words = crate::api::deeds::act_in_words(node, handle, &act);
    let who = org_view(node, Some(handle), &body.org).name;
    Some(("act", who, body.time, words))
}

fn entry_in_words(
    node: &Node,
    handle: &Handle,
    at: Position,
    entry: &Entry,
    arrived: Timestamp,
) -> Option<InWords> {
    let index = &node.shared.ledger.store().index;
    let row = |table: Table| index.get(table as u8, &at.to_bytes()).ok().flatten();
    if let Some(record) = row(Table::Order).and_then(|row| rows::decode::<RecordRow>(&row)) {
        let ours = record.author == node.me.org();
        let who = org_view(node, Some(handle), &record.author).name;
        let words = format!("shared “{}” ({}, {})", record.title, record.kind.as_str(), record.id.short());
        return ours.then_some(("shared", who, arrived, words));
    }
    if let Some(refused) = row(Table::Refused).and_then(|row| rows::decode::<RefusedRow>(&row)) {
        let who = name_of(node, handle, &refused.owner);
        let words = format!("sent something that is not shown: {}: {}", refused.code, refused.reason);
        return Some(("refused", who, arrived, words));
    }
    let said = acknowledgement(handle, entry)?;
    let owner = |log| {
        let key = rows::log_key(index, &handle.id, &entry.header.space, log);
        let row = index.get(Table::Log as u8, &key).ok().flatten();
        let row = row.and_then(|row| rows::decode::<LogRow>(&row)).map(|row| row.owner);
        row.or_else(|| main_log_owner(handle, log))
    };
    let held = said.points().iter().filter_map(|point| {
        Some(format!("{} of {}", point.head.next.0, name_of(node, handle, &owner(&point.log)?)))
    });
    let held: Vec<String> = held.take(10).collect();
    let who = owner(&entry.header.log).map(|node_id| name_of(node, handle, &node_id))?;
    Some(("acknowledged", who, arrived, format!("acknowledged entries that it holds: {}", held.join(", "))))
}

/// The acknowledgement that an entry is, if it is one and can be opened.
pub(super) fn acknowledgement(handle: &Handle, entry: &Entry) -> Option<Acknowledgement> {
    let header = &entry.header;
    let opener = handle.ring.opener(header).filter(|opener| opener.space == header.space)?;
    let place = Place { space: header.space, log: header.log, seq: header.seq, epoch: header.epoch };
    let opened = opener.open(entry.payload.as_ref()?, &place).ok()?;
    ack::read(&opened).ok().flatten()
}
