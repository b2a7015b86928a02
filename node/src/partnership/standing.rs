//! What stops a record whatever the agreement says of it: suspension, the end, a missing declaration.

use entente_protocol::audience::Audience;
use entente_protocol::ids::{OrgId, Timestamp};
use entente_protocol::membership::{Membership, NoKey};
use entente_protocol::policy::{Refusal, RefusalCode};

/// Why nothing is exchanged at all (C10).
pub(super) fn stopped(membership: &Membership) -> Vec<Refusal> {
    let who = |org: &OrgId| name(membership, org);
    let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let mut refusals = Vec::new();
    if let Some(ended) = &membership.terminated {
        let reason = format!(
            "{} ended the partnership{}. Found a new one to go on",
            who(&ended.by),
            because(&ended.reason)
        );
        refusals.push(Refusal { code: RefusalCode::Terminated, reason });
    }
    for stopped in membership.suspensions.values() {
        let reason = format!(
            "{} suspended the partnership{}. Nothing is exchanged until it resumes it",
            who(&stopped.by),
            because(&stopped.reason)
        );
        refusals.push(Refusal { code: RefusalCode::Suspended, reason });
    }
    refusals
}

/// C5: the author, or a reader that is named, gets no key. Readers that are not named are left out instead.
pub(super) fn undeclared(
    membership: &Membership,
    author: &OrgId,
    audience: &Audience,
    now: Timestamp,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if let Err(why @ (NoKey::NotSigned | NoKey::NotDeclared | NoKey::DeclarationExpired(_))) =
        membership.may_read(author, now)
    {
        refusals.push(no_key("this organisation", why, "Declare it: `entente partnership declare`"));
    }
    if let Audience::Named(readers) = audience {
        for org in readers.orgs().iter().filter(|org| *org != author) {
            match membership.may_read(org, now) {
                Ok(()) | Err(NoKey::NotAMember) => {}
                Err(why) => {
                    refusals.push(no_key(&name(membership, org), why, "Leave it out, or wait until it has"))
                }
            }
        }
    }
    refusals
}

fn no_key(who: &str, why: NoKey, next: &str) -> Refusal {
    let what = match why {
        NoKey::NotSigned => "has not signed the version of the agreement that is in force",
        NoKey::NoNode => "has no node left: all were revoked",
        NoKey::NotDeclared => "has not signed the declaration of confidentiality",
        NoKey::DeclarationExpired(_) => {
            "signed a declaration of confidentiality that has expired (by this computer's clock)"
        }
        NoKey::NotAMember => "is not a member",
    };
    Refusal {
        code: RefusalCode::Declaration,
        reason: format!("{who} {what}, so there is no key for it. {next}"),
    }
}

fn name(membership: &Membership, org: &OrgId) -> String {
    let member = membership.members.get(org).map(|m| m.organisation.name.clone());
    member.or_else(|| membership.former.get(org).map(|f| f.name.clone())).unwrap_or_else(|| org.short())
}
