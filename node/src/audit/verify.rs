//! `audit verify`: every log read anew, and held against what partners acknowledged and hold.
//!
//! | what was done to the own log | shows because |
//! |---|---|
//! | an entry deleted | the next one does not follow, or the index still expects it |
//! | an entry edited, the rest left | its hash is not the one that the next entry names |
//! | all rewritten from there on, with the right keys | partners acknowledged another hash at a position |
//! | the end cut off, an old copy put back | partners acknowledged more entries than there are |
//! | two versions shown to two partners | their copies differ, and both statements are kept |

use std::collections::BTreeMap;

use entente_protocol::ids::{LogId, OrgId, SpaceId, Timestamp};
use entente_protocol::log::Head;

use crate::node::Node;
use crate::partnership::Handle;
use crate::partnership::commands::{Held, HeldLog};
use crate::records::find::org_view;
use crate::rows;
use crate::store::JournalError;

use super::view::{AuditReport, CheckedLog, Finding, Receipt};
use super::walk::{Broken, Walk, walk};
use super::{name_of, two_faced};

/// A partnership to be checked, and what is held in it.
pub type Part = (Handle, Held);

/// Somebody's word of how far a log goes and what it hashes to there.
struct Word {
    who: String,
    ours: bool,
    head: Head,
    /// When it came, if it is an acknowledgement; `None` for what a connected partner says now.
    arrived: Option<Timestamp>,
}

/// Reads the journal and compares.
///
/// # Errors
/// [`JournalError`] if the journal cannot be read.
pub fn verify(node: &Node, parts: &[Part]) -> Result<AuditReport, JournalError> {
    let store = node.shared.ledger.store();
    let mut walks = BTreeMap::new();
    let mut words: BTreeMap<(SpaceId, LogId), Vec<Word>> = BTreeMap::new();
    for (handle, held) in parts {
        for log in &held.logs {
            let key = (log.space, log.log);
            let mut new = Walk::new(&log.head);
            let said = words_about(node, handle, held, log);
            said.iter().for_each(|word| new.ask(word.head.next));
            walks.insert(key, new);
            words.insert(key, said);
        }
    }
    let damaged = walk(store, &mut walks)?;
    let mut report = AuditReport::default();
    if damaged > 0 {
        report.findings.push(damage(damaged));
    }
    if node.recovery.lost_acknowledged() {
        report.findings.push(journal_cut());
    }
    for (handle, held) in parts {
        for log in &held.logs {
            let key = (log.space, log.log);
            let (Some(walk), Some(said)) = (walks.get(&key), words.get(&key)) else { continue };
            let of = Subject::new(node, handle, log);
            let proved = rows::evidence_position(&store.index, &handle.id, &log.space, &log.log).is_some();
            let found = judge(&of, log, walk, said).into_iter();
            // Where the author is proved to have two faces, that copies differ says nothing new.
            report.findings.extend(found.filter(|finding| !(proved && finding.code == "differs")));
            if walk.head.next.0 > 0 || !said.is_empty() {
                report.logs.push(of.checked(log, walk, said));
            }
        }
        report.findings.extend(two_faced(node, handle).into_iter().map(fork));
    }
    Ok(report)
}

/// Everybody's word about one log: acknowledgements that are kept, and what connected partners say.
fn words_about(node: &Node, handle: &Handle, held: &Held, log: &HeldLog) -> Vec<Word> {
    let index = &node.shared.ledger.store().index;
    let owner = |by: &LogId| held.logs.iter().find(|l| l.space == log.space && l.log == *by).map(|l| l.owner);
    let kept =
        rows::acknowledgements(index, &handle.id, &log.space, &log.log).into_iter().filter_map(|row| {
            let by = owner(&row.by)?;
            let who = name_of(node, handle, &by);
            Some(Word { who, ours: by == node.me.node(), head: row.head, arrived: Some(row.arrived) })
        });
    let name = |org: &OrgId| org_view(node, Some(handle), org).name;
    let now = held.claims.iter().filter(|claim| (claim.space, claim.log) == (log.space, log.log));
    let now = now.map(|claim| Word { who: name(&claim.org), ours: false, head: claim.head, arrived: None });
    kept.chain(now).collect()
}

/// The log that a finding is about, in words.
struct Subject {
    handle: Handle,
    author: String,
    ours: bool,
    circle: bool,
}

impl Subject {
    fn new(node: &Node, handle: &Handle, log: &HeldLog) -> Subject {
        let author = name_of(node, handle, &log.owner);
        Subject { handle: handle.clone(), author, ours: log.owner == node.me.node(), circle: log.circle }
    }

    fn log(&self) -> String {
        let circle = if self.circle { " for named readers" } else { "" };
        if self.ours {
            format!("your own log{circle}")
        } else {
            format!("the log{circle} of {}", self.author)
        }
    }

    fn finding(&self, code: &str, entry: u64, witnesses: Vec<String>, words: String, next: &str) -> Finding {
        Finding {
            code: code.into(),
            partnership: Some(self.handle.id),
            partnership_name: Some(self.handle.membership().name.clone()),
            author: Some(self.author.clone()),
            entry: Some(entry),
            witnesses,
            words,
            next: next.into(),
        }
    }

    fn checked(&self, log: &HeldLog, walk: &Walk, said: &[Word]) -> CheckedLog {
        let receipts = said.iter().filter(|word| !word.ours).filter_map(|word| {
            Some(Receipt { by: word.who.clone(), entries: word.head.next.0, arrived: word.arrived? })
        });
        CheckedLog {
            partnership: self.handle.id,
            partnership_name: self.handle.membership().name.clone(),
            author: self.author.clone(),
            ours: self.ours,
            circle: log.circle,
            entries: walk.head.next.0,
            acknowledged: receipts.collect(),
        }
    }
}

/// What to do about an own log that is not what it was.
const OWN: &str = "Do not publish in this partnership. Keep the folder as it is and copy it aside; ask who had \
                   access to this machine; restore the newest back-up. Partners still hold what they acknowledged.";
/// What to do about a copy of a partner's log.
const COPY: &str = "Keep the folder as it is and copy it aside; ask who had access to this machine. The author and \
                    other partners hold the log too.";

fn judge(of: &Subject, log: &HeldLog, walk: &Walk, said: &[Word]) -> Vec<Finding> {
    let log_name = of.log();
    let next = if of.ours { OWN } else { COPY };
    let mut found = Vec::new();
    let at = walk.head.next.0 + 1;
    match walk.broken {
        Some(Broken::Missing(seq)) => {
            let words = format!(
                "Entry {at} of {log_name} is missing from the journal; later ones, such as {}, are there: it was \
                 deleted, or destroyed.",
                seq.0 + 1
            );
            found.push(of.finding("deleted", at, holders(said, at), words, next));
        }
        Some(Broken::Follows(_)) => {
            let words = format!(
                "Entry {at} of {log_name} does not follow from the one before it: one of the two was changed."
            );
            found.push(of.finding("edited", at, holders(said, at), words, next));
        }
        None => found.extend(shorter_or_other(of, walk, said)),
    }
    if let Some(seq) = walk.other_payload {
        let words =
            format!("The content of entry {} of {log_name} is not the one that was signed.", seq.0 + 1);
        found.push(of.finding("edited", seq.0 + 1, Vec::new(), words, next));
    }
    if !walk.is_signed(&log.log) {
        let words = format!("The last signature in {log_name} is not its author's.");
        found.push(of.finding("signature", walk.head.next.0, Vec::new(), words, next));
    }
    let agrees = walk.chain_at(log.head.next) == Some(log.head.chain) && walk.not_indexed.is_none();
    if !agrees && found.is_empty() {
        let words = format!(
            "The index says that {log_name} has {} entries, and the journal shows {}.",
            log.head.next.0, walk.head.next.0
        );
        let restart = "Restart the node: the index is built anew from the journal. Then verify again.";
        found.push(of.finding(
            "index",
            walk.not_indexed.map_or(at, |seq| seq.0 + 1),
            Vec::new(),
            words,
            restart,
        ));
    }
    found
}

/// Who holds an entry, by their word.
fn holders(said: &[Word], entry: u64) -> Vec<String> {
    names(said.iter().filter(|word| word.head.next.0 >= entry))
}

fn names<'a>(words: impl Iterator<Item = &'a Word>) -> Vec<String> {
    let mut names: Vec<String> = words.filter(|word| !word.ours).map(|word| word.who.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// A log that is whole in itself, and not what others know.
fn shorter_or_other(of: &Subject, walk: &Walk, said: &[Word]) -> Vec<Finding> {
    let here = walk.head.next;
    let mut found = Vec::new();
    // Of a partner's log others may well hold more than we do; of it we acknowledged what we had ourselves.
    let longer: Vec<&Word> =
        said.iter().filter(|word| word.head.next > here && (of.ours || word.ours)).collect();
    let other: Vec<&Word> = said
        .iter()
        .filter(|word| word.head.next <= here && walk.chain_at(word.head.next) != Some(word.head.chain))
        .collect();
    if let Some(most) = longer.iter().max_by_key(|word| word.head.next) {
        let words = format!(
            "{} {} {} entries of {}{}, and {} are here: the end was cut off, or an old copy was put back.",
            if most.ours { "This node" } else { &most.who },
            if most.arrived.is_some() { "acknowledged" } else { "holds" },
            most.head.next.0,
            of.log(),
            most.arrived
                .map(|at| format!(" (the receipt came {})", crate::clock::words(at)))
                .unwrap_or_default(),
            here.0
        );
        let next = if of.ours { OWN } else { COPY };
        found.push(of.finding("truncated", here.0 + 1, names(longer.iter().copied()), words, next));
    }
    if let Some(first) = other.iter().min_by_key(|word| word.head.next) {
        let by_us = other.iter().any(|word| word.ours);
        let who = if first.ours { "this node acknowledged".into() } else { format!("{} holds", first.who) };
        let words = format!(
            "The first {} entries of {} are not those that {who}: something among them was changed.",
            first.head.next.0,
            of.log()
        );
        let (code, next) = match (of.ours, by_us) {
            (true, _) => ("edited", OWN),
            (false, true) => ("edited", COPY),
            (false, false) => (
                "differs",
                "Compare over another channel: either the author shows different versions \
                to different partners, or one of the copies was changed. `entente audit show` lists the evidence.",
            ),
        };
        found.push(of.finding(code, first.head.next.0, names(other.iter().copied()), words, next));
    }
    found
}

fn damage(places: usize) -> Finding {
    Finding {
        code: "damaged".into(),
        partnership: None,
        partnership_name: None,
        author: None,
        entry: None,
        witnesses: Vec::new(),
        words: format!("{places} places in the journal cannot be read: damaged, or changed without the key."),
        next: "Keep the folder as it is and copy it aside. `entente doctor` says more.".into(),
    }
}

fn journal_cut() -> Finding {
    Finding {
        code: "journal-cut".into(),
        words: "The journal ends before what was once written to it: its end was cut off, or an old copy was put \
                back."
            .into(),
        next: OWN.into(),
        ..damage(0)
    }
}

fn fork(of: super::view::TwoFacedView) -> Finding {
    let entry = of.seq + 1;
    let (code, words, next) = if of.ours {
        (
            "own-fork",
            format!(
                "This node signed two different entries at position {entry} of its own log, and partners have the \
                 proof: an old copy of it ran, or somebody else has its keys. They take nothing more of this log."
            ),
            "Do not publish in this partnership. Find out whether a copy of this node runs elsewhere; if its keys \
             may be stolen, have the node revoked.",
        )
    } else {
        (
            "two-faced",
            format!(
                "{} signed two different entries at position {entry} of its log. Both are kept as evidence; nothing \
                 after them is taken from anybody.",
                of.author
            ),
            "Speak with them: an old back-up put back does this too. `entente audit export` writes both signed \
             entries to a file that others can check.",
        )
    };
    Finding {
        code: code.into(),
        partnership: Some(of.partnership),
        partnership_name: Some(of.partnership_name),
        author: Some(of.author),
        entry: Some(entry),
        words,
        next: next.into(),
        ..damage(0)
    }
}
