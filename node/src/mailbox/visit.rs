//! A member's visits: take out what is lacking here, then put in what others may lack.
//!
//! ```text
//!  Look ─▶ parcels that are new ─▶ logs of which more is there ─▶ the same parcels again (keys that were waited for)
//!       ─▶ own and others' entries that are not there ─▶ own parcels that changed
//! ```
//! What is put in is put in that order, so that a parcel never tells of entries that were not there before it. An
//! author whose parcel says more than the mailbox gives was withheld from us; so was one of whom a partner
//! acknowledged more.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor};
use std::path::Path;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::{EpochId, Hash, LogId, PartnershipId, Seq, SpaceId, TransportId};
use entente_protocol::limits;
use entente_protocol::log::Batch;
use entente_protocol::mailbox::{
    Appointment, HeldLog, MailboxMessage, ParcelHeader, RefusedHere, check_parcel,
};
use entente_protocol::signed::{Unverified, sign};
use entente_protocol::sync::Message;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::address::Address;
use crate::bundle::{self, BundleTaken, Lacking};
use crate::clock;
use crate::door::{DoorKey, DoorStream, knock};
use crate::node::Node;
use crate::partnership::carry::PlannedLog;
use crate::partnership::forks::head_at;
use crate::partnership::mailboxes::ParcelPlan;
use crate::partnership::{Command, Handle, apply, read_batch};
use crate::records::find;
use crate::rows;

use super::UsedView;
use super::serve::{give, pieces};
use super::wire::{receive, send};

/// How often it is looked whether a visit is due.
const LOOK: Duration = Duration::from_secs(2);
/// Between visits, where nothing new is to be put in.
const INTERVAL: Duration = Duration::from_secs(30);
/// Between visits, where something new is to be put in.
const REST: Duration = Duration::from_secs(4);
/// After a visit that failed: doubles from the first to the last.
const PAUSE: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(300));
/// One visit; the next goes on where it was.
const VISIT: Duration = Duration::from_secs(300);
/// How long a mailbox may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages of one answer to `Look`.
const ANSWERS: usize = 8;
/// Bytes of parcels that are taken out in one visit: more come with the next.
const TAKEN: usize = 32 * 1024 * 1024;
/// Entries whose epochs are looked up for a parcel.
const EPOCHS_OF: u64 = 50_000;
/// A parcel of which only the frontier changed is put in again after so long.
const FRONTIER: Duration = Duration::from_secs(10);

/// What is remembered of one mailbox between visits.
struct Memory {
    /// Versions of parcels that were taken out.
    seen: BTreeMap<LogId, u64>,
    /// What was put in for each space, and when.
    sent: BTreeMap<SpaceId, (Hash, Hash, Instant)>,
    /// Where the journal ended when the last visit that went well began: nothing new since is nothing to put in.
    journal: Option<[u8; 12]>,
    /// Not before, whatever is new.
    rest: Instant,
    due: Instant,
    pause: Duration,
    /// How far authors hold their own logs, by their parcels.
    told: Told,
    /// Lacking by the last visit: withheld, if it still is after the next.
    lacking: BTreeMap<LogId, u64>,
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            seen: BTreeMap::new(),
            sent: BTreeMap::new(),
            journal: None,
            rest: Instant::now(),
            due: Instant::now(),
            pause: PAUSE.0,
            told: Told::new(),
            lacking: BTreeMap::new(),
        }
    }
}

/// Visits all mailboxes of all partnerships, for as long as the node runs.
pub async fn run(node: Weak<Node>) {
    let mut memories: BTreeMap<(PartnershipId, TransportId), Memory> = BTreeMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(node) = node.upgrade() else { return };
        let mut used = Vec::new();
        for handle in node.handles() {
            for appointment in ask(&handle, Command::Mailboxes).await.unwrap_or_default() {
                let key = (handle.id, appointment.mailbox);
                let memory = memories.entry(key).or_default();
                visit_if_due(&node, &handle, &appointment, memory).await;
                used.push(key);
            }
        }
        memories.retain(|key, _| used.contains(key));
        let mut views = node.visited.write().unwrap_or_else(PoisonError::into_inner);
        views.retain(|key, _| used.contains(key));
    }
}

async fn ask<T>(handle: &Handle, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    handle.commands.send(command(reply)).await.ok()?;
    answer.await.ok()
}

async fn visit_if_due(node: &Arc<Node>, handle: &Handle, appointment: &Appointment, memory: &mut Memory) {
    let (end, now) = (node.shared.ledger.store().journal.end().to_bytes(), Instant::now());
    let news = memory.journal != Some(end) && memory.pause == PAUSE.0 && now >= memory.rest;
    if !news && now < memory.due {
        return;
    }
    let Some(plans) = ask(handle, Command::PlanVisit).await else { return };
    let mut visit = Visit { node, handle, appointment, memory, full: false };
    let ended = match timeout(VISIT, visit.all(&plans)).await {
        Ok(ended) => ended,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    let full = visit.full;
    let lacking = visit.lacking();
    let withheld: BTreeMap<LogId, u64> =
        lacking.iter().filter(|(log, _)| memory.lacking.contains_key(log)).map(|(l, n)| (*l, *n)).collect();
    match &ended {
        Ok(()) => {
            memory.lacking = lacking;
            (memory.journal, memory.pause, memory.rest) = (Some(end), PAUSE.0, Instant::now() + REST);
            memory.due = Instant::now() + if memory.lacking.is_empty() { INTERVAL } else { LOOK };
        }
        Err(_) => {
            memory.due = Instant::now() + memory.pause;
            memory.pause = (memory.pause * 2).min(PAUSE.1);
        }
    }
    note(node, handle, appointment, (ended, full), &withheld).await;
}

/// Tells the rest of the node how a visit went.
async fn note(
    node: &Arc<Node>,
    handle: &Handle,
    appointment: &Appointment,
    (ended, full): (io::Result<()>, bool),
    withheld: &BTreeMap<LogId, u64>,
) {
    let held = ask(handle, Command::Held).await.unwrap_or_default();
    let author = |log: &LogId| held.logs.iter().find(|known| known.log == *log).and_then(|known| known.org);
    let mut by_author = BTreeMap::new();
    for (log, entries) in withheld {
        if let Some(org) = author(log) {
            *by_author.entry(org).or_insert(0) += entries;
        }
    }
    let view = |(org, entries)| Lacking { author: find::org_view(node, Some(handle), &org), entries };
    let mut views = node.visited.write().unwrap_or_else(PoisonError::into_inner);
    let before = views.get(&(handle.id, appointment.mailbox));
    let visited = if ended.is_ok() { Some(clock::now()) } else { before.and_then(|before| before.visited) };
    let used = UsedView {
        partnership: handle.id,
        partnership_name: handle.membership().name.clone(),
        mailbox: appointment.mailbox,
        addresses: appointment.addresses.clone(),
        visited,
        last_error: ended.err().map(|error| error.to_string()),
        full,
        withheld: by_author.into_iter().map(view).collect(),
    };
    views.insert((handle.id, appointment.mailbox), used);
}

/// What authors' parcels said: how far they hold their own logs.
type Told = BTreeMap<(SpaceId, LogId), u64>;

struct Visit<'a> {
    node: &'a Arc<Node>,
    handle: &'a Handle,
    appointment: &'a Appointment,
    memory: &'a mut Memory,
    full: bool,
}

impl Visit<'_> {
    async fn all(&mut self, plans: &[ParcelPlan]) -> io::Result<()> {
        let mut stream = self.reach().await?;
        let (logs, parcels) = look(&mut stream).await?;
        let ours: BTreeSet<LogId> = plans.iter().map(|plan| self.name(&plan.space)).collect();
        let there: BTreeSet<LogId> =
            parcels.iter().filter_map(|header| Some(check_parcel(header).ok()?.value().name)).collect();
        self.memory.seen.retain(|name, _| there.contains(name));
        let (mut bundles, mut taken) = (Vec::new(), 0);
        for header in parcels.iter().filter_map(|header| check_parcel(header).ok()) {
            let said = header.value();
            let known = self.memory.seen.get(&said.name).is_some_and(|seen| *seen >= said.version);
            if known || ours.contains(&said.name) {
                continue;
            }
            if taken > TAKEN {
                break;
            }
            if let Some(bundle) = take_parcel(&mut stream, said.name).await? {
                taken += bundle.len();
                bundles.push((said.name, said.version, bundle));
            }
        }
        for (.., bundle) in &bundles {
            self.import(bundle.clone()).await;
        }
        self.take_logs(&mut stream, &logs).await?;
        for (name, version, bundle) in bundles {
            self.import(bundle).await;
            self.memory.seen.insert(name, version);
        }
        for plan in plans {
            let epochs = self.put_logs(&mut stream, plan, &logs).await?;
            self.put_parcel(&mut stream, plan, epochs, &parcels).await?;
        }
        Ok(())
    }

    async fn reach(&self) -> io::Result<DoorStream> {
        let key = DoorKey(self.appointment.door());
        let way = self.node.shared.way.apart(&self.handle.id.0);
        let mut last = io::Error::other("the mailbox names no usable address");
        for address in &self.appointment.addresses {
            let Ok(address) = address.parse::<Address>() else { continue };
            match knock(&way, &address, &key, &self.appointment.mailbox).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = io::Error::other(error.to_string()),
            }
        }
        Err(last)
    }

    fn name(&self, space: &SpaceId) -> LogId {
        LogId(self.parcel_key(space).verifying_key().to_bytes())
    }

    fn parcel_key(&self, space: &SpaceId) -> ed25519_dalek::SigningKey {
        let id = self.handle.id;
        let seed = self.node.shared.keeper.look(|s| s.partnership(&id).map(|p| p.log.key()));
        derive::parcel_key(&seed.unwrap_or_default(), space, &self.appointment.mailbox)
    }

    /// Gives a parcel to the driver, as a bundle. One that is not for us, or damaged, changes nothing.
    async fn import(&mut self, bundle: Vec<u8>) {
        let (node, id) = (self.node.clone(), self.handle.id);
        let take = move || bundle::take(&node, Cursor::new(bundle), Path::new("a parcel"), Some(id));
        match tokio::task::spawn_blocking(take).await {
            Ok(Ok(BundleTaken { own, .. })) => {
                for (key, next) in own {
                    let told = self.memory.told.entry(key).or_default();
                    *told = (*told).max(next);
                }
            }
            Ok(Err(error)) => tracing::info!(%error, "a parcel from a mailbox was not taken"),
            Err(error) => tracing::warn!(%error, "a parcel from a mailbox was not taken"),
        }
    }

    async fn take_logs(&mut self, stream: &mut DoorStream, logs: &[HeldLog]) -> io::Result<()> {
        let held = ask(self.handle, Command::Held).await.unwrap_or_default();
        for known in held.logs {
            let there = logs.iter().find(|l| l.log == known.log && l.space == known.space);
            let Some(there) = there.filter(|there| there.next > known.head.next) else { continue };
            let mut at = known.head.next.max(there.first);
            while at < there.next {
                send(stream, &MailboxMessage::WantLog(known.log, at)).await?;
                let MailboxMessage::Entries(batch, _) = receive(stream, PATIENCE).await? else { break };
                let end = Seq(batch.from.0.saturating_add(batch.items.len() as u64));
                if batch.log != known.log || batch.space != known.space || end <= at {
                    break;
                }
                let (me, message) = (self.node.me.node(), Box::new(Message::Batch(batch)));
                let carried = self.handle.ask(|reply| Command::Carry(me, message, reply)).await;
                if !carried.is_ok_and(|carried| carried.entries > 0) {
                    break;
                }
                at = end;
            }
        }
        Ok(())
    }

    /// Puts in what is not there yet; gives the epochs of what others may lack.
    async fn put_logs(
        &mut self,
        stream: &mut DoorStream,
        plan: &ParcelPlan,
        there: &[HeldLog],
    ) -> io::Result<BTreeSet<EpochId>> {
        let mut epochs: BTreeSet<EpochId> = plan.current.into_iter().collect();
        for log in &plan.logs {
            epochs.extend(self.epochs_of(log));
            let kept = there.iter().find(|l| l.log == log.log && l.space == log.space);
            let mut at = kept.map_or(log.from, |kept| kept.next);
            while at < log.to && !self.full {
                let Some((batch, start)) = self.read(log, at) else { break };
                let end = Seq(at.0 + batch.items.len() as u64);
                send(stream, &MailboxMessage::Entries(batch, start)).await?;
                match receive(stream, PATIENCE).await? {
                    MailboxMessage::Kept => at = end,
                    MailboxMessage::Refused(RefusedHere::Full) => self.full = true,
                    // Somebody else put it in meanwhile, or it has another version: the next visit sees.
                    MailboxMessage::Refused(_) => break,
                    _ => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
        }
        Ok(epochs)
    }

    fn read(&self, log: &PlannedLog, at: Seq) -> Option<(Batch, Hash)> {
        let store = self.node.shared.ledger.store();
        let start = head_at(store, &log.space, &log.log, at)?.chain;
        let entries = read_batch(store, &log.space, &log.log, at, limits::MAX_BATCH_BYTES);
        Some((Batch::pack(&entries).ok()?, start))
    }

    fn epochs_of(&self, log: &PlannedLog) -> BTreeSet<EpochId> {
        let store = self.node.shared.ledger.store();
        let first = log.from.0.max(log.to.0.saturating_sub(EPOCHS_OF));
        let epoch = |seq| {
            let position = rows::entry_position(&store.index, &log.space, &log.log, Seq(seq)).ok()??;
            apply::read_entry(store, position).map(|(entry, _)| entry.header.epoch)
        };
        (first..log.to.0).filter_map(epoch).collect()
    }

    async fn put_parcel(
        &mut self,
        stream: &mut DoorStream,
        plan: &ParcelPlan,
        epochs: BTreeSet<EpochId>,
        there: &[Unverified<ParcelHeader>],
    ) -> io::Result<()> {
        let (what, frontier) = says(plan, &epochs);
        let name = self.name(&plan.space);
        let known = there.iter().filter_map(|header| check_parcel(header).ok());
        let known = known.map(|header| header.value().clone()).find(|header| header.name == name);
        let same = self.memory.sent.get(&plan.space).is_some_and(|(before, front, at)| {
            *before == what && (*front == frontier || at.elapsed() < FRONTIER)
        });
        if (same && known.is_some()) || self.full {
            return Ok(());
        }
        let (node, handle) = (self.node.clone(), self.handle.clone());
        let (readers, first) = (plan.readers.clone(), plan.first.clone());
        let made =
            tokio::task::spawn_blocking(move || bundle::parcel(&node, &handle, &readers, &first, &epochs));
        let bundle = made.await.map_err(io::Error::other)?.map_err(|e| io::Error::other(e.to_string()))?;
        let version = clock::now().0.max(known.map_or(0, |known| known.version.saturating_add(1)));
        let length = u32::try_from(bundle.len()).map_err(io::Error::other)?;
        let header = ParcelHeader { name, version, length, hash: derive::hash(&bundle) };
        let header = sign(header, &self.parcel_key(&plan.space)).to_unverified();
        let given = give(stream, header, &bundle).await;
        given.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        match receive(stream, PATIENCE).await? {
            MailboxMessage::Kept => {
                self.memory.sent.insert(plan.space, (what, frontier, Instant::now()));
            }
            MailboxMessage::Refused(RefusedHere::Full) => self.full = true,
            MailboxMessage::Refused(why) => return Err(io::Error::other(format!("{why:?}"))),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(())
    }

    /// By log, the entries that there are, by their author's parcel or by what partners acknowledged, and that are
    /// not here after all was taken.
    fn lacking(&self) -> BTreeMap<LogId, u64> {
        let index = &self.node.shared.ledger.store().index;
        let mut most = self.memory.told.clone();
        for row in rows::all_acknowledgements(index, &self.handle.id) {
            let told = most.entry((row.space, row.log)).or_default();
            *told = (*told).max(row.head.next.0);
        }
        let here = |space: &SpaceId, log: &LogId| {
            let key = rows::log_key(index, &self.handle.id, space, log);
            let row = index.get(rows::Table::Log as u8, &key).ok().flatten();
            row.and_then(|row| rows::decode::<rows::LogRow>(&row)).map_or(0, |row| row.head.next.0)
        };
        let lacks = |((space, log), told): (&(SpaceId, LogId), &u64)| {
            let lacking = told.saturating_sub(here(space, log));
            (lacking > 0).then_some((*log, lacking))
        };
        most.iter().filter_map(lacks).collect()
    }
}

/// What a parcel says, and how far it says that logs are held.
fn says(plan: &ParcelPlan, epochs: &BTreeSet<EpochId>) -> (Hash, Hash) {
    let (fronts, rest): (Vec<&Message>, Vec<&Message>) =
        plan.first.iter().partition(|message| matches!(message, Message::Frontier(_)));
    let mut what: Vec<u8> = rest.iter().flat_map(|message| codec::encode(*message)).collect();
    what.extend(epochs.iter().flat_map(|epoch| epoch.0));
    what.extend(plan.readers.iter().flat_map(|(node, prekey)| [node.0.as_slice(), prekey].concat()));
    for message in &fronts {
        if let Message::Frontier(frontier) = message {
            what.extend(frontier.logs.iter().flat_map(|point| point.log.0));
        }
    }
    let front: Vec<u8> = fronts.iter().flat_map(|message| codec::encode(*message)).collect();
    (derive::hash(&what), derive::hash(&front))
}

async fn look(stream: &mut DoorStream) -> io::Result<(Vec<HeldLog>, Vec<Unverified<ParcelHeader>>)> {
    send(stream, &MailboxMessage::Look).await?;
    let (mut logs, mut parcels) = (Vec::new(), Vec::new());
    for _ in 0..ANSWERS {
        let MailboxMessage::Held(some, more, last) = receive(stream, PATIENCE).await? else { break };
        logs.extend(some);
        parcels.extend(more);
        if last {
            return Ok((logs, parcels));
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

async fn take_parcel(stream: &mut DoorStream, name: LogId) -> io::Result<Option<Vec<u8>>> {
    send(stream, &MailboxMessage::WantParcel(name)).await?;
    let MailboxMessage::Parcel(header) = receive(stream, PATIENCE).await? else { return Ok(None) };
    let bundle = pieces(stream, &header).await.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    let right = check_parcel(&header)
        .is_ok_and(|said| said.value().name == name && said.value().hash == derive::hash(&bundle));
    Ok(right.then_some(bundle))
}
