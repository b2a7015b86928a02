//! Consents that are to be asked for (C7): whoever was refused for want of one finds it among what is owed, until the
//! person allowed it, the draft was shared elsewise, or somebody says that it is not wanted any more.

use std::sync::Arc;

use entente_protocol::handling::{IDENTIFIABLE, Sensitivity};
use entente_protocol::ids::{PartnershipId, RecordId};
use entente_protocol::record::Content;

use crate::api::problem::{self, not_found};
use crate::api::types::Problem;
use crate::clock;
use crate::frames::{Frame, WantedConsent};
use crate::ledger::LedgerError;
use crate::node::Node;
use crate::records::{self, drafts, find};
use crate::rows::{self, Table};

use super::consents;

/// Opens a request for a draft that was refused for want of a consent, if none is open for it there.
///
/// # Errors
/// [`LedgerError`]; then none was opened.
pub async fn note(
    node: &Arc<Node>,
    (draft, partnership): (RecordId, PartnershipId),
) -> Result<(), LedgerError> {
    if row(node, &draft).is_some_and(|known| known.open && known.partnership == partnership) {
        return Ok(());
    }
    let wanted = WantedConsent { draft, partnership, when: clock::now(), open: true };
    records::write(node, vec![Frame::WantedConsent(wanted)]).await
}

/// The requests that are open, each with its draft.
#[must_use]
pub fn open(node: &Arc<Node>) -> Vec<(WantedConsent, Content)> {
    let index = &node.shared.ledger.store().index;
    let all = rows::prefix(index, Table::WantedConsent as u8, &[]);
    let all = all.filter_map(|(_, row)| rows::decode::<WantedConsent>(&row));
    all.filter(|wanted| wanted.open)
        .filter(|wanted| rows::shared(index, &wanted.draft).is_empty())
        .filter_map(|wanted| Some((drafts::read(node, &wanted.draft).ok()?.content, wanted)))
        .filter_map(|(content, wanted)| still(node, content).map(|content| (wanted, content)))
        .collect()
}

/// The draft, if the person has not allowed yet what it is for.
fn still(node: &Arc<Node>, mut content: Content) -> Option<Content> {
    let refused = !consents::gate(node, &mut content).is_empty();
    let named = content.handling.named_consent().is_some();
    let unpublishable = content.sensitivity == Sensitivity::Public && !content.handling.allows(IDENTIFIABLE);
    (refused || !named || unpublishable).then_some(content)
}

/// Closes the request for a draft: the person said no, or it is not needed.
///
/// # Errors
/// [`Problem`] `not-found` where none is open.
pub async fn drop_request(node: &Arc<Node>, text: &str) -> Result<(), Problem> {
    let (_, record) = find::record(node, text)?;
    let Some(known) = row(node, &record.id).filter(|known| known.open) else {
        let next = "See `entente due`: the consents to be asked for are among what is owed.";
        return Err(not_found("no consent is asked for that record", "Nothing was changed.", next));
    };
    let closed = WantedConsent { open: false, ..known };
    let closed = records::write(node, vec![Frame::WantedConsent(closed)]).await;
    closed.map_err(|e| problem::ledger(&e, "It is still among what is owed."))
}

fn row(node: &Node, draft: &RecordId) -> Option<WantedConsent> {
    let index = &node.shared.ledger.store().index;
    let name = index.name(Table::WantedConsent as u8, &draft.0);
    rows::decode(&index.get(Table::WantedConsent as u8, &name).ok()??)
}
