//! What the desk writes into the journal, and the tables that come of it. Each frame says all that its row needs:
//! nothing is read while frames are applied, so that many can be applied at once.

use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::ids::{Hash, OrgId, PartnershipId, RecordId, Timestamp};
use minicbor::{Decode, Encode};

use crate::rows::{self, Batch, Table, row};
use crate::store::{Index, Span};

use super::{AccountId, Person, ReleaseId, StaffRole};

/// Something that was done at the desk. New ones go at the end.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum DeskFrame {
    /// An account as it is from now on, who made it so, and when.
    #[n(0)]
    Account(#[n(0)] Account, #[n(1)] Person, #[n(2)] Timestamp),
    /// Somebody asked for a record to be shared.
    #[n(1)]
    Asked(#[n(0)] Asked),
    /// Somebody else released it.
    #[n(2)]
    Marked(#[n(0)] Mark),
    /// It came to an end.
    #[n(3)]
    Closed(#[n(0)] Closed),
}

/// An account of the staff.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Account {
    /// Which.
    #[n(0)]
    pub id: AccountId,
    /// What its holder is called.
    #[n(1)]
    pub name: String,
    /// What they may do.
    #[n(2)]
    pub role: StaffRole,
    /// The hash of its token ([`entente_protocol::derive::staff_token_hash`]); nothing once it was removed.
    #[n(3)]
    pub token: Option<Hash>,
    /// When it was made, by this node's clock.
    #[n(4)]
    pub made: Timestamp,
}

/// A record that somebody wants to share, and others must release.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Asked {
    /// Which.
    #[n(0)]
    pub id: ReleaseId,
    /// The draft.
    #[n(1)]
    pub draft: RecordId,
    /// Where it is to be shared.
    #[n(2)]
    pub partnership: PartnershipId,
    /// The hash of exactly what is to be shared, what its consent allows included.
    #[n(3)]
    pub content: Hash,
    /// The hash of the agreement in force.
    #[n(4)]
    pub agreement: Hash,
    /// For whom.
    #[n(5)]
    pub audience: Audience,
    /// The organisations that would hold a key, sorted.
    #[n(6)]
    pub readers: Vec<OrgId>,
    /// Attachments with all that they tell beside their contents?
    #[n(7)]
    pub keep_metadata: bool,
    /// How many persons must want it, who asks included.
    #[n(8)]
    pub wanted: u8,
    /// Who asked: the first mark.
    #[n(9)]
    pub by: Person,
    /// When, by this node's clock.
    #[n(10)]
    pub when: Timestamp,
}

/// Somebody released it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Mark {
    /// What.
    #[n(0)]
    pub release: ReleaseId,
    /// Who.
    #[n(1)]
    pub by: Person,
    /// When, by this node's clock.
    #[n(2)]
    pub when: Timestamp,
    /// The draft.
    #[n(3)]
    pub draft: RecordId,
    /// Where it is to be shared.
    #[n(4)]
    pub partnership: PartnershipId,
}

/// How a release ended.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum How {
    /// It was shared under this id.
    #[n(0)]
    Shared(#[n(0)] RecordId),
    /// Somebody said no, and why.
    #[n(1)]
    Declined(#[n(0)] String),
    /// Who asked, or a keeper, took it back.
    #[n(2)]
    Withdrawn,
    /// It was asked for anew, since something had changed.
    #[n(3)]
    Replaced,
}

/// A release that is over.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Closed {
    /// What was asked.
    #[n(0)]
    pub asked: Asked,
    /// Who released it.
    #[n(1)]
    pub marks: Vec<Mark>,
    /// How it ended.
    #[n(2)]
    pub how: How,
    /// Who ended it.
    #[n(3)]
    pub by: Person,
    /// When, by this node's clock.
    #[n(4)]
    pub when: Timestamp,
}

row!(Account, "account row");
row!(Asked, "release row");
row!(Mark, "release mark row");
row!(Closed, "ended release row");

/// Notes in the index what was done.
pub fn apply(index: &Index, batch: &mut Batch, frame: &DeskFrame) {
    match frame {
        DeskFrame::Account(account, ..) => {
            let key = index.name(Table::Account as u8, &account.id.0);
            batch.put(Table::Account as u8, &key, &codec::encode(account));
        }
        DeskFrame::Asked(asked) => {
            batch.put(Table::Release as u8, &release_key(index, &asked.id), &codec::encode(asked));
        }
        DeskFrame::Marked(mark) => {
            batch.put(Table::ReleaseMark as u8, &mark_key(index, mark), &codec::encode(mark));
        }
        DeskFrame::Closed(closed) => {
            batch.delete(Table::Release as u8, &release_key(index, &closed.asked.id));
            for mark in &closed.marks {
                batch.delete(Table::ReleaseMark as u8, &mark_key(index, mark));
            }
            let key = [&closed.when.0.to_be_bytes()[..], &release_key(index, &closed.asked.id)].concat();
            batch.put(Table::ReleaseEnded as u8, &key, &codec::encode(closed));
        }
    }
}

fn release_key(index: &Index, id: &ReleaseId) -> [u8; 16] {
    index.name(Table::Release as u8, &id.0)
}

fn mark_key(index: &Index, mark: &Mark) -> Vec<u8> {
    let person = index.name(Table::ReleaseMark as u8, &mark.by.bytes());
    [release_key(index, &mark.release), person].concat()
}

/// All accounts, the removed ones too.
#[must_use]
pub fn accounts(index: &Index) -> Vec<Account> {
    rows::prefix(index, Table::Account as u8, &[]).filter_map(|(_, row)| rows::decode(&row)).collect()
}

/// An account, removed or not.
#[must_use]
pub fn account(index: &Index, id: &AccountId) -> Option<Account> {
    let key = index.name(Table::Account as u8, &id.0);
    index.get(Table::Account as u8, &key).ok().flatten().and_then(|row| rows::decode(&row))
}

/// The releases that wait, the oldest first.
#[must_use]
pub fn waiting(index: &Index) -> Vec<Asked> {
    let rows = rows::prefix(index, Table::Release as u8, &[]);
    let mut all: Vec<Asked> = rows.filter_map(|(_, row)| rows::decode(&row)).collect();
    all.sort_by_key(|asked| (asked.when, asked.id));
    all
}

/// Who released one that waits, the earliest first.
#[must_use]
pub fn marks(index: &Index, id: &ReleaseId) -> Vec<Mark> {
    let key = release_key(index, id);
    let rows = rows::prefix(index, Table::ReleaseMark as u8, &key);
    let mut all: Vec<Mark> = rows.filter_map(|(_, row)| rows::decode(&row)).collect();
    all.sort_by_key(|mark| (mark.when, mark.by));
    all
}

/// The releases that ended last, the last first, at most so many.
#[must_use]
pub fn ended(index: &Index, most: usize) -> Vec<Closed> {
    let rows = index.range(Table::ReleaseEnded as u8, Span::All, true, most);
    rows.filter_map(Result::ok).filter_map(|(_, row)| rows::decode(&row)).collect()
}
