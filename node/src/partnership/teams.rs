//! The declared teams of visits, as every reader's node knows them, and notes that are set aside by them (rule C4).
//!
//! ```text
//! plan of a visit ──note──▶ its team, for it and for the plans that it corrects ──▶ notes that waited are judged again
//! notes ──judge──▶ shown, or set aside until a plan says otherwise
//! ```
//! Notes are judged by the newest plan that is here when they come. A team that becomes smaller later takes back nothing
//! that was shown, as decision 11 has it for agreements; one that becomes larger lets in what was set aside.

use std::collections::BTreeSet;

use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::ids::{OrgId, PartnershipId, RecordId, Timestamp};
use entente_protocol::policy::Refusal;
use entente_protocol::team::{self, Plan};
use minicbor::{Decode, Encode};

use crate::rows::{self, Batch, Table};
use crate::store::{Index, Position, Store};

use super::open::Shown;

/// Plans that one corrects, one after the other, for which its team counts.
const MAX_CORRECTED: usize = 64;
/// Notes that are judged again when a plan comes; others wait for the next one.
const MAX_AGAIN: usize = 4_096;

/// The team that counts for a plan.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TeamRow {
    /// The plan that says so: this one, or one that corrects it.
    #[n(0)]
    pub record: RecordId,
    /// Does it correct this one?
    #[n(1)]
    pub later: bool,
    /// Its date.
    #[n(2)]
    pub created: Timestamp,
    /// The organisations.
    #[n(3)]
    pub orgs: Vec<OrgId>,
}

rows::row!(TeamRow, "team row");

fn team_key(index: &Index, partnership: &PartnershipId, plan: &RecordId, author: &OrgId) -> Vec<u8> {
    let name = index.name(Table::Team as u8, &[plan.0, author.0].concat());
    [rows::partnership_name(index, partnership), name].concat()
}

fn waiting_name(index: &Index, partnership: &PartnershipId, visit: &RecordId) -> [u8; 16] {
    index.name(Table::AwaitsPlan as u8, &[partnership.0, visit.0].concat())
}

/// What is known here of the plan of a visit, once a batch is applied.
#[must_use]
pub fn plan(batch: &Batch, store: &Store, partnership: &PartnershipId, visit: Option<RecordId>) -> Plan {
    let Some(visit) = visit else { return Plan::Unnamed };
    let index = &store.index;
    let here = rows::known_row(batch, index, &visit).filter(|row| {
        row.kind.as_str() == team::PLAN && row.place.is_some_and(|place| place.partnership == *partnership)
    });
    let Some(row) = here else { return Plan::Unread(visit) };
    let key = team_key(index, partnership, &visit, &row.author);
    match batch.row::<TeamRow>(index, Table::Team, &key) {
        Some(team) => Plan::Of(team.orgs.into_iter().chain([row.author]).collect()),
        None => Plan::WithoutTeam,
    }
}

/// The organisations that have a record for named readers: these and its author.
#[must_use]
pub fn readers(author: OrgId, audience: &Audience) -> BTreeSet<OrgId> {
    audience.circle(&author).into_iter().flatten().collect()
}

/// Why a record that came is not shown, if a team stands in the way, and the visit that it waits for.
pub(super) fn refusal(
    batch: &Batch,
    store: &Store,
    partnership: &PartnershipId,
    shown: &Shown,
) -> Option<(Refusal, Option<RecordId>)> {
    let (manifest, fields) = (shown.record.manifest(), shown.record.fields());
    let readers = readers(manifest.author, &shown.permitted.facts().audience);
    let check = |plan: &Plan| team::permit(plan, &readers, OrgId::short).err();
    if let Some(own) = team::declared(&manifest.kind, manifest.author, fields) {
        return check(&Plan::Of(own)).map(|refusal| (refusal, None));
    }
    let visit = team::visit_of(&manifest.kind, fields, manifest.replies_to)?;
    check(&plan(batch, store, partnership, visit)).map(|refusal| (refusal, visit))
}

/// Notes wait for another plan of their visit.
pub(super) fn wait(
    batch: &mut Batch,
    store: &Store,
    partnership: &PartnershipId,
    visit: &RecordId,
    position: Position,
) {
    let key = rows::positioned(waiting_name(&store.index, partnership, visit), position);
    batch.put(Table::AwaitsPlan as u8, &key, &[]);
}

/// Takes in the team that a plan declares, after the plan was put into the lists. Answers what is to be judged again.
pub(super) fn note(
    batch: &mut Batch,
    store: &Store,
    partnership: &PartnershipId,
    shown: &Shown,
) -> Vec<Position> {
    let manifest = shown.record.manifest();
    if manifest.kind.as_str() != team::PLAN {
        return Vec::new();
    }
    let index = &store.index;
    let (own, fields) = (shown.record.id(), shown.record.fields());
    let author = manifest.author;
    let declared = team::declared(&manifest.kind, author, fields).map(|orgs| TeamRow {
        record: own,
        later: false,
        created: manifest.created,
        orgs: orgs.into_iter().collect(),
    });
    put_if_newer(batch, index, team_key(index, partnership, &own, &author), declared);
    // What counts for this plan counts for those that it corrects, also where a later one was here before it.
    let counts: Option<TeamRow> = batch.row(index, Table::Team, &team_key(index, partnership, &own, &author));
    let earlier = corrected(batch, index, own, (manifest.supersedes, team::named(fields, team::PLAN)));
    for plan in &earlier {
        let later = counts.clone().map(|row| TeamRow { later: true, ..row });
        put_if_newer(batch, index, team_key(index, partnership, plan, &author), later);
    }
    let all = earlier.iter().chain([&own]).map(|visit| waiting_name(index, partnership, visit));
    let mut again = Vec::new();
    for name in all.collect::<Vec<_>>() {
        let kept = rows::keys(index, Table::AwaitsPlan as u8, &name);
        let coming = batch.written(Table::AwaitsPlan, &name).map(|(key, _)| key.to_vec());
        let keys: BTreeSet<Vec<u8>> = kept.chain(coming).take(MAX_AGAIN).collect();
        for key in keys.into_iter().filter(|key| !batch.deletes(Table::AwaitsPlan, key)).collect::<Vec<_>>() {
            again.extend(key.get(16..).and_then(rows::position));
            batch.delete(Table::AwaitsPlan as u8, &key);
        }
    }
    again
}

fn put_if_newer(batch: &mut Batch, index: &Index, key: Vec<u8>, team: Option<TeamRow>) {
    let Some(team) = team else { return };
    let known: Option<TeamRow> = batch.row(index, Table::Team, &key);
    let order = |row: &TeamRow| (row.later, row.created, row.record);
    if known.is_none_or(|known| order(&known) < order(&team)) {
        batch.put(Table::Team as u8, &key, &codec::encode(&team));
    }
}

/// The plans that one corrects or carries on, and those that these corrected, as far as they are here.
fn corrected(
    batch: &Batch,
    index: &Index,
    own: RecordId,
    (supersedes, named): (Option<RecordId>, Vec<RecordId>),
) -> Vec<RecordId> {
    let mut found: Vec<RecordId> = Vec::new();
    let mut next: Vec<RecordId> = supersedes.into_iter().chain(named).collect();
    while let Some(id) = next.pop() {
        if id == own || found.contains(&id) || found.len() >= MAX_CORRECTED {
            continue;
        }
        found.push(id);
        next.extend(rows::known_row(batch, index, &id).and_then(|row| row.supersedes));
    }
    found
}
