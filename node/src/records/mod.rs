//! Records for people: drafts, lists, one record in full, sharing, attachments.

pub mod attach;
pub mod drafts;
pub mod exposed;
pub mod find;
pub mod hidden;
pub mod leave;
pub mod pass;
pub mod search;
pub mod share;
pub mod show;
pub mod withdraw;

use std::sync::Arc;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::RecordId;

use crate::frames::{Draft, Frame};
use crate::ledger::LedgerError;
use crate::me::Me;
use crate::node::Node;
use crate::partnership::notices;
use crate::partnership::open::{refers, title};
use crate::rows::{self, Batch, RecordRow, Table};
use crate::store::{Position, Store};

/// Applies frames that belong to no partnership's state: drafts, and what became of them.
pub fn apply(store: &Store, batch: &mut Batch, position: Position, frame: &Frame, me: &Arc<Me>) {
    match frame {
        Frame::Draft(draft) => {
            let row = draft_row(draft, me);
            rows::put_record(batch, &store.index, position, &row);
            let name = store.index.name(Table::Draft as u8, &row.id.0);
            batch.put(Table::Draft as u8, &name, &position.to_bytes());
        }
        Frame::Shared(draft, partnership, record) => {
            rows::put_shared(batch, &store.index, draft, partnership, record);
        }
        Frame::Blob(blob) => rows::put_blob(batch, &store.index, blob),
        Frame::WantedConsent(wanted) => {
            let name = store.index.name(Table::WantedConsent as u8, &wanted.draft.0);
            batch.put(Table::WantedConsent as u8, &name, &codec::encode(wanted));
        }
        Frame::Erased(erased) => {
            let _nobody_to_tell = notices::apply_erased(store, batch, erased);
        }
        Frame::Desk(done) => crate::desk::journal::apply(&store.index, batch, done),
        Frame::Act(..)
        | Frame::Log(_)
        | Frame::Entry(..)
        | Frame::Epoch(_)
        | Frame::Nothing
        | Frame::Verified(_)
        | Frame::Prekey(..)
        | Frame::History(_)
        | Frame::Settings(_)
        | Frame::Denied(..)
        | Frame::Evidence(..)
        | Frame::Mailbox(..) => {}
    }
}

/// Writes frames that belong to no partnership's state, and waits until they last.
///
/// # Errors
/// [`LedgerError`]; then none of them is kept.
pub async fn write(node: &Node, frames: Vec<Frame>) -> Result<(), LedgerError> {
    let ledger = &node.shared.ledger;
    let write = |batch: &mut Batch, position, frame: &Frame| {
        apply(ledger.store(), batch, position, frame, &node.me);
    };
    ledger.write(frames, write).await
}

/// The id of a draft of ours.
#[must_use]
pub fn draft_id(draft: &Draft, me: &Me) -> RecordId {
    derive::record_id(&me.org(), &draft.nonce)
}

fn draft_row(draft: &Draft, me: &Me) -> RecordRow {
    let content = &draft.content;
    RecordRow {
        id: draft_id(draft, me),
        kind: content.kind.clone(),
        author: me.org(),
        place: None,
        created: content.created,
        arrived: content.created,
        language: content.language.clone(),
        sensitivity: content.sensitivity,
        title: title(&content.fields),
        blobs: content.attachments.iter().map(|a| a.blob).collect(),
        refers: refers(&content.fields, [content.replies_to, content.supersedes], &content.references),
        supersedes: content.supersedes,
    }
}
