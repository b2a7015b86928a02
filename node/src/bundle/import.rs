//! Taking one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

use entente_protocol::bundle::BundleStatement;
use entente_protocol::codec;
use entente_protocol::ids::{LogId, OrgId, PartnershipId, SpaceId, Timestamp};
use entente_protocol::sync::{Message, VERSION};

use crate::clock;
use crate::node::Node;
use crate::partnership::carry::Carried;
use crate::partnership::{Command, Handle};
use crate::records::find;
use crate::rows::{self, RefusedRow, Table};
use crate::store::Span;

use super::attachments::{self, Incoming};
use super::export::ask;
use super::read::{self, Opened};
use super::{BundleTaken, ImportError, Lacking};

/// Logs of which it is remembered how far the author holds them.
const LOGS: usize = 65_536;

/// Takes a bundle: whichever partnership it is of, or only if it is of this one.
///
/// # Errors
/// [`ImportError`]. Nothing was taken, except with [`ImportError::Command`], [`ImportError::Message`] and errors of the
/// file, where it may be the beginning; importing it again goes on from there.
pub fn import(node: &Node, path: &Path, wanted: Option<PartnershipId>) -> Result<BundleTaken, ImportError> {
    let file = BufReader::new(File::open(path).map_err(read::at(path))?);
    take(node, file, path, wanted)
}

/// As [`import`], from anything that can be read twice; `path` is for errors.
///
/// # Errors
/// As [`import`].
pub fn take<R: BufRead + Seek>(
    node: &Node,
    file: R,
    path: &Path,
    wanted: Option<PartnershipId>,
) -> Result<BundleTaken, ImportError> {
    let started = clock::now();
    let keys = node.shared.keeper.look(|secrets| {
        let keys = |p: &crate::secrets::PartnershipSecrets| {
            let id = p.id;
            p.prekey_secrets().map(|secret| (id, secret)).collect::<Vec<_>>()
        };
        secrets.partnerships.iter().flat_map(keys).collect::<Vec<_>>()
    });
    let mut file = read::open(file, path, &keys)?;
    if wanted.is_some_and(|wanted| wanted != file.partnership) {
        return Err(ImportError::OtherPartnership);
    }
    let handle = node.handle(&file.partnership).ok_or(ImportError::OtherPartnership)?;
    // All of it is checked before anything of it is used.
    let verified = file.read(path, |_| Ok(()))?;
    let said = verified.said();
    is_for_us(node, &handle, said)?;
    let author = author(node, &handle, said, &mut file, path)?;
    let mut taking = Taking::new(node, &handle, said);
    file.read(path, |message| taking.take(&message))?;
    taking.account(author, started)
}

fn is_for_us(node: &Node, handle: &Handle, said: &BundleStatement) -> Result<(), ImportError> {
    if said.partnership != handle.id {
        return Err(ImportError::OtherPartnership);
    }
    if !said.to.contains(&node.me.node()) {
        return Err(ImportError::OtherNode);
    }
    Ok(())
}

/// Who made it. A node that nobody here has heard of may be introduced by the acts in its bundle, which say for
/// themselves whether they count; all else is taken from members only.
fn author<R: BufRead + Seek>(
    node: &Node,
    handle: &Handle,
    said: &BundleStatement,
    file: &mut Opened<R>,
    path: &Path,
) -> Result<OrgId, ImportError> {
    let member = || handle.membership().node(&said.from).map(|(org, _)| org);
    let ever = handle.membership().nodes_ever().any(|(_, id, _)| id == said.from);
    if member().is_none() && !ever {
        let mut taking = Taking::new(node, handle, said);
        file.read(path, |message| taking.take_acts(&message))?;
    }
    member().ok_or(ImportError::NotAMember)
}

struct Taking<'a> {
    node: &'a Node,
    handle: &'a Handle,
    said: &'a BundleStatement,
    sum: Carried,
    attachments: u64,
    incoming: Incoming,
    /// How far the author holds which log.
    theirs: BTreeMap<(SpaceId, LogId), u64>,
}

impl<'a> Taking<'a> {
    fn new(node: &'a Node, handle: &'a Handle, said: &'a BundleStatement) -> Self {
        let (sum, incoming, theirs) = (Carried::default(), Incoming::default(), BTreeMap::new());
        Taking { node, handle, said, sum, attachments: 0, incoming, theirs }
    }

    fn take_acts(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        match codec::decode(bytes)? {
            Message::Acts(acts) => {
                ask(self.handle, |reply| Command::TakeActs(acts, reply))??;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        let message: Message = codec::decode(bytes)?;
        match message {
            Message::Hello(hello) if hello.version != VERSION => {
                return Err(ImportError::Version(hello.version));
            }
            Message::Blob(blob) => {
                let store = self.node.shared.ledger.store();
                if let Some(whole) = self.incoming.take(store, self.handle.id, blob) {
                    self.attachments += 1;
                    let came = Command::AttachmentCame(Box::new(whole));
                    self.handle.commands.blocking_send(came).map_err(|_| stopping())?;
                }
                return Ok(());
            }
            Message::Frontier(ref frontier) => {
                for point in frontier.logs.iter().take(LOGS.saturating_sub(self.theirs.len())) {
                    self.theirs.insert((frontier.space, point.log), point.next.0);
                }
            }
            _ => {}
        }
        let from = self.said.from;
        let carried = ask(self.handle, |reply| Command::Carry(from, Box::new(message), reply))??;
        self.sum.entries += carried.entries;
        self.sum.known += carried.known;
        self.sum.acts += carried.acts;
        Ok(())
    }

    /// What came of it.
    fn account(self, author: OrgId, started: Timestamp) -> Result<BundleTaken, ImportError> {
        // A last message of nothing: when it is answered, all before it has landed.
        let from = self.said.from;
        ask(self.handle, |reply| Command::Carry(from, Box::new(Message::Heads(Vec::new())), reply))??;
        let held = ask(self.handle, Command::Held)?;
        let mut lacking: BTreeMap<OrgId, u64> = BTreeMap::new();
        let mut own = Vec::new();
        for log in &held.logs {
            let theirs = self.theirs.get(&(log.space, log.log)).copied().unwrap_or(0);
            if log.owner == from && theirs > 0 {
                own.push(((log.space, log.log), theirs));
            }
            let behind = theirs.saturating_sub(log.head.next.0);
            if let Some(org) = log.org.filter(|_| behind > 0) {
                *lacking.entry(org).or_default() += behind;
            }
        }
        let view = |org: &OrgId| find::org_view(self.node, Some(self.handle), org);
        Ok(BundleTaken {
            partnership: self.handle.id,
            partnership_name: self.handle.membership().name.clone(),
            from: view(&author),
            made: self.said.created,
            entries: self.sum.entries,
            known: self.sum.known,
            acts: self.sum.acts,
            attachments: self.attachments,
            missing: lacking.iter().map(|(org, n)| Lacking { author: view(org), entries: *n }).collect(),
            attachments_missing: attachments::lacking(self.node.shared.ledger.store(), self.handle.id),
            own,
            refused: refused_since(self.node, self.handle.id, started),
        })
    }
}

fn stopping() -> ImportError {
    crate::partnership::CommandError::Stopping.into()
}

/// Entries of a partnership that came since then and are not shown.
fn refused_since(node: &Node, partnership: PartnershipId, since: Timestamp) -> u64 {
    let index = &node.shared.ledger.store().index;
    let newest = index.range(Table::Refused as u8, Span::All, true, usize::MAX).filter_map(Result::ok);
    let rows = newest.filter_map(|(_, value)| rows::decode::<RefusedRow>(&value));
    let new = rows.take_while(|row| row.arrived >= since);
    new.filter(|row| row.place.partnership == partnership).count() as u64
}
