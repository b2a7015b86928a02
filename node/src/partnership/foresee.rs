//! The preview: who will be able to read a record, told by the keys and not by the words.
//!
//! Both come from what publishing itself asks: `publish::permit` for the rules, `epochs::writable` for the nodes
//! that the key is for. `tests.rs` holds the promise: over random agreements, memberships and audiences, those who
//! are foreseen are exactly those who can decrypt.

use entente_protocol::agreement::Newcomers;
use entente_protocol::audience::Audience;
use entente_protocol::ids::{OrgId, Timestamp};
use entente_protocol::policy::Permitted;
use entente_protocol::record::Content;

use super::epochs;
use super::publish::{self, PublishError};
use super::state::State;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

/// Who would read a record.
#[derive(Debug)]
pub struct Foreseen {
    /// The proof that it is permitted.
    pub permitted: Permitted,
    /// The organisations besides ourselves whose nodes would hold the key, from the keys.
    pub key_holders: Vec<OrgId>,
    /// How many nodes hold it.
    pub nodes: usize,
    /// Would a fresh key be made?
    pub fresh_key: bool,
    /// Who may be given it later, in words; nobody if absent.
    pub later: Option<String>,
}

/// Who would read a draft if it were shared now.
///
/// # Errors
/// [`PublishError::Refused`] with every reason, or [`PublishError::NotAMember`].
pub fn foresee(
    state: &State,
    content: &Content,
    audience: &Audience,
    now: Timestamp,
) -> Result<Foreseen, PublishError> {
    let permitted = publish::permit(state, content, audience, now)?;
    let (space, circle) = state.space_of(audience);
    let epoch = epochs::writable(state, &space, circle.as_deref(), now);
    let mut key_holders: Vec<OrgId> = epoch.epoch.readers.iter().filter_map(|n| state.org_of(n)).collect();
    key_holders.sort_unstable();
    key_holders.dedup();
    let me = state.me.org();
    key_holders.retain(|o| *o != me);
    let later = later(state, audience);
    Ok(Foreseen { permitted, key_holders, nodes: epoch.epoch.readers.len(), fresh_key: epoch.minted, later })
}

/// What is for all members may reach newcomers, as far back as the agreement or a grant says.
fn later(state: &State, audience: &Audience) -> Option<String> {
    let Audience::Everyone = audience else { return None };
    let who = match state.membership.agreement.history() {
        Newcomers::None => {
            "Members that join later cannot read it, unless stewards grant them history.".into()
        }
        Newcomers::All => "Members that join later will be able to read it too.".into(),
        Newcomers::Since(day) => {
            format!("Members that join later will be able to read it too if it is dated {day} or later.")
        }
    };
    Some(who)
}
