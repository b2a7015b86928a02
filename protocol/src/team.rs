//! The declared team of a visit, and who may read what it wrote down (rule C4).
//!
//! The plan of a visit names the organisations on its team in the field [`FIELD`]; the NPM's node puts them in, from
//! the roster's entries that the plan names. Notes of the visit, with their extracts of registers, go to these
//! organisations only, and so does the plan. [`permit`] is asked by the author's node before sharing and by every
//! receiver's before showing; what either knows of the plan is a [`Plan`].
//!
//! Where the plan declares no team there is only the rule for all confidential kinds: readers named one by one.

use std::collections::BTreeSet;

use crate::handling::Kind;
use crate::ids::{OrgId, RecordId};
use crate::policy::{Refusal, RefusalCode};
use crate::value::Value;

/// The field of a visit's plan with the ids of the organisations on its team.
pub const FIELD: &str = "team-organisations";
/// The kind of the plans that declare teams.
pub const PLAN: &str = "visit";
/// The kind that only the team reads.
pub const NOTES: &str = "notes";
/// Organisations that are named in a refusal.
const SHOWN: usize = 3;

/// What a node knows of the plan of a visit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Plan {
    /// The notes name no visit.
    Unnamed,
    /// It cannot be read here.
    Unread(RecordId),
    /// It declares no team.
    WithoutTeam,
    /// It declares one. Whoever wrote the plan is on it.
    Of(BTreeSet<OrgId>),
}

/// The visit that a record belongs to; nothing where the kind asks for no team. Notes name it, or reply to it.
#[must_use]
pub fn visit_of(
    kind: &Kind,
    fields: &[(String, Value)],
    replies_to: Option<RecordId>,
) -> Option<Option<RecordId>> {
    (kind.as_str() == NOTES).then(|| named(fields, PLAN).first().copied().or(replies_to))
}

/// The organisations on the team that a plan declares, its author among them; nothing where it declares none, and for
/// every other kind.
#[must_use]
pub fn declared(kind: &Kind, author: OrgId, fields: &[(String, Value)]) -> Option<BTreeSet<OrgId>> {
    let mut team: BTreeSet<OrgId> = BTreeSet::new();
    if kind.as_str() == PLAN {
        each(fields, FIELD, |text| team.extend(text.trim().parse::<OrgId>().ok()));
    }
    (!team.is_empty()).then(|| {
        team.insert(author);
        team
    })
}

/// The records that a field names, such as the earlier plan that a record carries on.
#[must_use]
pub fn named(fields: &[(String, Value)], field: &str) -> Vec<RecordId> {
    let mut found = Vec::new();
    each(fields, field, |text| found.extend(text.trim().parse::<RecordId>().ok()));
    found
}

fn each(fields: &[(String, Value)], field: &str, mut of: impl FnMut(&str)) {
    for (_, value) in fields.iter().filter(|(name, _)| name == field) {
        value.each_text(&mut of);
    }
}

/// May these organisations, of which one is the author, have notes that belong to this plan, or the plan itself?
/// `name` says what to call an organisation.
///
/// # Errors
/// [`RefusalCode::NotOnTeam`] with who is not on the team, or what is not known of the plan.
pub fn permit(
    plan: &Plan,
    readers: &BTreeSet<OrgId>,
    name: impl Fn(&OrgId) -> String,
) -> Result<(), Refusal> {
    let refuse = |reason: String| Err(Refusal { code: RefusalCode::NotOnTeam, reason });
    match plan {
        Plan::WithoutTeam => Ok(()),
        Plan::Unnamed => refuse(
            "notes belong to a visit, whose plan says who is on its team, and these name none. Name it in the field \
             `visit`"
                .into(),
        ),
        Plan::Unread(visit) => refuse(format!(
            "the plan of the visit ({}) cannot be read here, and only its team reads its notes. Ask the NPM for the \
             plan; the notes are shown once it is here",
            visit.short()
        )),
        Plan::Of(team) => {
            let outside: Vec<&OrgId> = readers.difference(team).collect();
            if outside.is_empty() {
                return Ok(());
            }
            let shown: Vec<String> = outside.iter().take(SHOWN).map(|org| name(org)).collect();
            let more = match outside.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            refuse(format!(
                "not on the declared team of the visit: {}{more}. Leave them out; or the NPM puts them on the team, in a \
                 correction of the plan",
                shown.join(", ")
            ))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NPM: OrgId = OrgId([1; 32]);
    const DOCTORS: OrgId = OrgId([2; 32]);
    const OTHERS: OrgId = OrgId([3; 32]);

    fn kind(name: &str) -> Kind {
        name.parse().unwrap()
    }

    fn field(name: &str, texts: &[String]) -> Vec<(String, Value)> {
        vec![(name.to_owned(), Value::List(texts.iter().cloned().map(Value::Text).collect()))]
    }

    fn set(orgs: &[OrgId]) -> BTreeSet<OrgId> {
        orgs.iter().copied().collect()
    }

    #[test]
    fn the_team_is_what_the_plan_declares_and_who_wrote_it() {
        let fields = field(FIELD, &[DOCTORS.to_string(), "a name".into()]);
        assert_eq!(declared(&kind("visit"), NPM, &fields), Some(set(&[NPM, DOCTORS])));
        assert_eq!(declared(&kind("activity"), NPM, &fields), None);
        for nobody in
            [field(FIELD, &[]), field(FIELD, &["Doctors".into()]), field("team", &[NPM.to_string()])]
        {
            assert_eq!(declared(&kind("visit"), NPM, &nobody), None);
        }
    }

    #[test]
    fn notes_belong_to_the_visit_that_they_name_or_reply_to() {
        let (visit, other) = (RecordId([7; 32]), RecordId([8; 32]));
        let naming = field("visit", &[visit.to_string()]);
        assert_eq!(visit_of(&kind("notes"), &naming, Some(other)), Some(Some(visit)));
        assert_eq!(visit_of(&kind("notes"), &[], Some(other)), Some(Some(other)));
        assert_eq!(visit_of(&kind("notes"), &[], None), Some(None));
        assert_eq!(visit_of(&kind("contribution"), &naming, None), None);
    }

    #[test]
    fn only_the_declared_team_has_its_notes() {
        let name = |org: &OrgId| org.short();
        let plan = Plan::Of(set(&[NPM, DOCTORS]));
        assert!(permit(&plan, &set(&[NPM, DOCTORS]), name).is_ok());
        assert!(permit(&Plan::WithoutTeam, &set(&[OTHERS]), name).is_ok());
        let refused = permit(&plan, &set(&[NPM, OTHERS]), name).unwrap_err();
        assert_eq!(refused.code, RefusalCode::NotOnTeam);
        assert!(
            refused.reason.contains(&OTHERS.short()) && !refused.reason.contains(&NPM.short()),
            "{refused}"
        );
        for unknown in [Plan::Unnamed, Plan::Unread(RecordId([9; 32]))] {
            assert_eq!(permit(&unknown, &set(&[NPM]), name).unwrap_err().code, RefusalCode::NotOnTeam);
        }
    }
}
