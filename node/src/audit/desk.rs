//! What the staff did, for `audit show`. It stays at home: `audit export`, which others read, says nothing of it.

use entente_protocol::ids::{PartnershipId, RecordId, Timestamp};

use crate::desk::accounts::name_of;
use crate::desk::journal::{DeskFrame, How};
use crate::desk::{Person, ReleaseId};
use crate::node::Node;
use crate::rows;

use super::view::Happening;

/// Tells it, if it belongs to the partnership that is wanted.
pub(super) fn happening(node: &Node, only: Option<&PartnershipId>, done: &DeskFrame) -> Option<Happening> {
    let (kind, partnership, by, when, words) = match done {
        DeskFrame::Account(account, by, when) => {
            let words = match account.token {
                Some(_) => format!("account of {}: {}, with a token", account.name, account.role),
                None => format!("removed the account of {}", account.name),
            };
            ("staff", None, by, when, words)
        }
        DeskFrame::Asked(asked) => {
            let words = format!("asked to share {}", named(node, &asked.draft, &asked.id));
            ("release", Some(asked.partnership), &asked.by, &asked.when, words)
        }
        DeskFrame::Marked(mark) => {
            let words = format!("released {}", named(node, &mark.draft, &mark.release));
            ("release", Some(mark.partnership), &mark.by, &mark.when, words)
        }
        DeskFrame::Closed(closed) => {
            let what = named(node, &closed.asked.draft, &closed.asked.id);
            let words = match &closed.how {
                How::Shared(_) => format!("was the last to release {what}: it was shared"),
                How::Declined(reason) => format!("declined {what}: {reason}"),
                How::Withdrawn => format!("took back the wish to share {what}"),
                How::Replaced => format!("asked anew to share {what}"),
            };
            ("release", Some(closed.asked.partnership), &closed.by, &closed.when, words)
        }
    };
    told(node, only, (kind, partnership, by, *when, words))
}

type InWords<'a> = (&'static str, Option<PartnershipId>, &'a Person, Timestamp, String);

fn told(node: &Node, only: Option<&PartnershipId>, told: InWords<'_>) -> Option<Happening> {
    let (kind, partnership, by, when, words) = told;
    if only.is_some_and(|only| partnership != Some(*only)) {
        return None;
    }
    let handle = partnership.and_then(|id| node.handle(&id));
    let partnership_name = handle.map(|handle| handle.membership().name.clone()).unwrap_or_default();
    let who = name_of(&node.shared.ledger.store().index, by);
    Some(Happening { partnership, partnership_name, kind: kind.into(), who, when, words })
}

fn named(node: &Node, draft: &RecordId, release: &ReleaseId) -> String {
    let row = rows::record(&node.shared.ledger.store().index, draft).ok().flatten();
    let title = row.map_or_else(|| draft.short(), |(_, row)| format!("“{}”", row.title));
    let release: String = release.to_string().chars().take(10).collect();
    format!("{title} (release {release})")
}
