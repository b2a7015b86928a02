//! The form of acts, and the statements inside them: what anybody can check without knowing anything else.

use super::{
    Act, ActBody, ActError, AddNode, Deed, Entrant, Found, HistoryScope, Inner, Join, MAX_CUTOFFS,
    MAX_GRANTED_RECORDS, MAX_REASON, NOT_YET, NewLog, NodeKeys, Remove, RevokeNode,
};
use crate::agreement::{Agreement, AgreementSignature};
use crate::declaration::Declaration;
use crate::epoch::PREKEY_LEN;
use crate::handling::Role;
use crate::identity::{Introduction, MemberCard, check_name};
use crate::ids::{LogId, Seq};
use crate::limits;
use crate::signed::{Signed, Unverified};

/// Partnership and parents: a founding act has neither, every other act has both.
pub(super) fn check_place(body: &ActBody) -> Result<(), ActError> {
    let founds = matches!(body.act, Act::Found(_));
    if founds != body.partnership.is_none() {
        return Err(ActError::Form("a founding act names no partnership, and every other act names one"));
    }
    if body.partnership == Some(NOT_YET) {
        return Err(ActError::Form("it names no real partnership"));
    }
    if founds != body.parents.is_empty() {
        return Err(ActError::Form("a founding act has no parents, and every other act has some"));
    }
    if body.parents.len() > limits::MAX_ACT_PARENTS {
        return Err(ActError::Form("it has too many parents"));
    }
    if !body.parents.is_sorted_by(|a, b| a < b) {
        return Err(ActError::Form("its parents are not in order, or repeat"));
    }
    Ok(())
}

pub(super) fn found(body: &ActBody, found: &Found) -> Result<Inner, ActError> {
    check_name(&found.name)?;
    let agreement = Agreement::parse(&found.agreement)?;
    let said = (&found.introduction, &found.card, &found.signature);
    let entrant = check_entrant(body, said, found.declaration.as_ref())?;
    let signed = entrant.signature.value();
    if signed.agreement != agreement.hash() || signed.role != found.role {
        return Err(ActError::Form("the founder signed another agreement or role"));
    }
    if !has_role(&agreement, &found.role) {
        return Err(ActError::Form("the agreement has no such role for the founder"));
    }
    Ok(Inner::Founding(Box::new(entrant), agreement))
}

pub(super) fn join(body: &ActBody, join: &Join) -> Result<Inner, ActError> {
    let said = (&join.introduction, &join.card, &join.signature);
    Ok(Inner::Entrant(Box::new(check_entrant(body, said, join.declaration.as_ref())?)))
}

/// Whether the agreement knows the role.
pub(in crate::membership) fn has_role(agreement: &Agreement, role: &Role) -> bool {
    agreement.roles().contains(role)
}

/// What somebody who comes in says of itself.
type Said<'a> = (&'a Introduction, &'a Unverified<MemberCard>, &'a Unverified<AgreementSignature>);

fn check_entrant(
    body: &ActBody,
    (introduction, card, signature): Said<'_>,
    declared: Option<&Unverified<Declaration>>,
) -> Result<Entrant, ActError> {
    let keys = introduced(body, introduction, card)?;
    let signature = signature.verify(&body.author.0)?;
    if signature.value().org != body.org {
        return Err(ActError::Form("the agreement is signed for another organisation"));
    }
    if signature.value().partnership != body.partnership {
        return Err(ActError::Form("the agreement is signed for another partnership"));
    }
    let declaration = declared.map(|it| declaration(body, it)).transpose()?;
    Ok(Entrant { keys, signature, declaration })
}

/// A node that its organisation introduces, and that signs its card and the act.
fn introduced(
    body: &ActBody,
    introduction: &Introduction,
    card: &Unverified<MemberCard>,
) -> Result<NodeKeys, ActError> {
    let introduced = introduction.verify()?;
    if introduced.org() != body.org || introduced.node() != body.author {
        return Err(ActError::Form("the introduction is not its author's"));
    }
    Ok(NodeKeys { introduced: Some(introduced), card: check_card(body, card)? })
}

fn check_card(body: &ActBody, card: &Unverified<MemberCard>) -> Result<Signed<MemberCard>, ActError> {
    let signed = card.verify(&body.author.0)?;
    let card = signed.value();
    if card.node != body.author {
        return Err(ActError::Form("the member card is another node's"));
    }
    if card.partnership != body.partnership.unwrap_or(NOT_YET) {
        return Err(ActError::Form("the member card is for another partnership"));
    }
    if card.prekey.len() != PREKEY_LEN {
        return Err(ActError::Form("the member card's prekey is not of X-Wing's length"));
    }
    let too_long = |address: &String| address.len() > limits::MAX_ADDRESS;
    if card.addresses.len() > limits::MAX_ADDRESSES || card.addresses.iter().any(too_long) {
        return Err(ActError::Form("the member card's addresses are too many or too long"));
    }
    if card.addresses.iter().any(|address| address.chars().any(char::is_control)) {
        return Err(ActError::Form("an address holds control characters"));
    }
    Ok(signed)
}

pub(super) fn declaration(
    body: &ActBody,
    declaration: &Unverified<Declaration>,
) -> Result<Signed<Declaration>, ActError> {
    let signed = declaration.verify(&body.author.0)?;
    let value = signed.value();
    if value.org != body.org || value.partnership != body.partnership {
        return Err(ActError::Form("the declaration is another organisation's or another partnership's"));
    }
    if check_name(&value.person).is_err() {
        return Err(ActError::Form(
            "the declaration does not say who signed it, or not in acceptable characters",
        ));
    }
    if value.expires <= value.time {
        return Err(ActError::Form("the declaration ends before it begins"));
    }
    Ok(signed)
}

pub(super) fn remove(remove: &Remove) -> Result<(), ActError> {
    reason(&remove.reason)?;
    cutoff(&remove.cutoff)
}

pub(super) fn reason(reason: &str) -> Result<(), ActError> {
    if reason.len() > MAX_REASON || reason.chars().any(char::is_control) {
        return Err(ActError::Form("the reason is too long or holds control characters"));
    }
    Ok(())
}

pub(super) fn cutoff(cutoff: &[(LogId, Seq)]) -> Result<(), ActError> {
    if cutoff.len() > MAX_CUTOFFS {
        return Err(ActError::Form("a removal names too many logs"));
    }
    if !cutoff.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(ActError::Form("the logs of a removal are not in order, or repeat"));
    }
    Ok(())
}

/// A deed: which ones may be decided, and which are proposed only.
pub(super) fn deed(act: &Act, deed: &Deed) -> Result<Inner, ActError> {
    let decided = matches!(act, Act::Decide(_));
    match deed {
        Deed::Approve { .. } | Deed::Remove(_) if decided => {
            return Err(ActError::Form("approving and removing are acts of their own"));
        }
        Deed::Amend(_) | Deed::Renew { .. } if decided => {
            return Err(ActError::Form("amending and renewing are proposed, since every member signs"));
        }
        Deed::Remove(it) => remove(it)?,
        Deed::Terminate { reason: it } => reason(it)?,
        Deed::Grant(grant) => granted(&grant.scope)?,
        Deed::Amend(amend) => {
            if amend.version < 2 {
                return Err(ActError::Form("an amendment is version 2 or later"));
            }
            return Ok(Inner::Amended(Agreement::parse(&amend.text)?));
        }
        Deed::Renew { last_day } if !last_day.0.is_multiple_of(crate::ids::Timestamp::DAY) => {
            return Err(ActError::Form("a last day is named by its first millisecond"));
        }
        Deed::Approve { .. } | Deed::Role { .. } | Deed::Steward { .. } | Deed::Renew { .. } => {}
    }
    Ok(Inner::Nothing)
}

fn granted(scope: &HistoryScope) -> Result<(), ActError> {
    let HistoryScope::Records(places) = scope else { return Ok(()) };
    if places.is_empty() || places.len() > MAX_GRANTED_RECORDS {
        return Err(ActError::Form("a grant names no records, or too many"));
    }
    if !places.is_sorted_by(|a, b| a < b) {
        return Err(ActError::Form("the records of a grant are not in order, or repeat"));
    }
    Ok(())
}

pub(super) fn add_node(body: &ActBody, add: &AddNode) -> Result<Inner, ActError> {
    Ok(Inner::Node(Box::new(introduced(body, &add.introduction, &add.card)?)))
}

pub(super) fn revoke_node(revoke: &RevokeNode) -> Result<(), ActError> {
    reason(&revoke.reason)?;
    cutoff(&revoke.cutoff)?;
    if let Some(root) = &revoke.root {
        let signed = root.verify_self(|r| r.organisation.0)?;
        if signed.value().node != revoke.node {
            return Err(ActError::Form("the root key revokes another node"));
        }
    }
    Ok(())
}

pub(super) fn new_log(body: &ActBody, new: &NewLog) -> Result<Inner, ActError> {
    let card = check_card(body, &new.card)?;
    let certificate = new.certificate.verify(&body.org.0)?;
    let says = certificate.value();
    let right = says.organisation == body.org
        && says.node == body.author
        && Some(says.partnership) == body.partnership
        && says.log == card.value().log;
    if !right {
        return Err(ActError::Form("the root key certifies another log, node or partnership"));
    }
    if new.ended == card.value().log {
        return Err(ActError::Form("the new log is the one that ends"));
    }
    Ok(Inner::Node(Box::new(NodeKeys { introduced: None, card })))
}
