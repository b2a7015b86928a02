//! The agreement as a file: which sections and keys it has, and what each may say.
//!
//! ```toml
//! version = 1
//! title = "Cooperation in the prevention of torture"
//! form = "formal"              # informal, formal, advisory-body, joint-activity, within-npm
//! start = 2026-01-01           # holds from 00:00 UTC of this day
//! end = 2027-12-31             # holds until this day is over, UTC; without it, without end
//! renewal = "..."              # words only
//! roles = ["npm", "cso"]       # roles of members that are not named below
//!
//! [[party]]
//! name = "..."
//! role = "npm"
//! organisation = "..."         # its id, 52 letters and digits; may be left out
//! focal_point = "..."          # may be left out
//!
//! [[flow]]                     # what no flow allows is refused
//! from = ["cso"]
//! kinds = ["submission"]       # or "any": every known kind that is not confidential
//! to = ["npm"]                 # or "any"
//!
//! [ceiling]                    # records may be narrower, never wider
//! sensitivity = ["named", "partnership", "public"]
//! personal_data = "never"      # never, with-consent, allowed
//! onward = "never"             # never, ask, allowed
//!
//! [survival]
//! text = "..."
//!
//! [recorded]                   # shown and signed, not enforced
//! objectives = "..."           # visits, gross_violation, money, disputes, law
//! ```
//! The sections `[decisions]`, `[declaration]`, `[history]`, `[keys]` and `[document]` are in [`clauses`], those about
//! working together (`[[exchange]]`, `[visits]`, `[council]`, `[vocabulary]`, `[scale]`, `[release]`) in [`practice`].

mod clauses;
mod practice;

use super::table::{AgreementError, Document, Field, Table, readable};
use super::{Agreement, Ceiling, Choice, Day, Flow, Form, Party, PersonalData, RECORDED};
use crate::derive;
use crate::handling::{Kind, Onward, Role, Sensitivity};
use crate::identity::check_name;
use crate::ids::OrgId;
use crate::limits;

/// Named parties: as many as there may be organisations.
const MAX_PARTIES: usize = limits::MAX_NODES;
/// Roles of one agreement. Real memoranda have two to five.
const MAX_ROLES: usize = 32;
/// Flows: four times as many as there are kinds. Policy looks at each for every role.
const MAX_FLOWS: usize = 128;
/// Kinds in one flow: twice as many as are known.
const MAX_KINDS: usize = 64;

/// The word for all kinds, or all members. No role and no kind can be called so.
const ANY: &str = "any";

const ROOT: [&str; 23] = [
    "version",
    "title",
    "form",
    "start",
    "end",
    "renewal",
    "roles",
    "party",
    "flow",
    "ceiling",
    "decisions",
    "declaration",
    "history",
    "keys",
    "document",
    "exchange",
    "visits",
    "council",
    "vocabulary",
    "scale",
    "release",
    "survival",
    "recorded",
];

/// Reads the text of an agreement.
pub(super) fn parse(text: &str) -> Result<Agreement, AgreementError> {
    let document = Document::parse(text)?;
    let root = document.root();
    // Before all else: a later version may have keys that we do not know.
    let version = root.need("version", "version = 1")?;
    if !version.is_number("1") {
        return Err(version.wrong("is not 1", "write version = 1, or use a newer program"));
    }
    root.only(&ROOT)?;
    let title = root.need("title", "title = \"...\"")?.line(limits::MAX_NAME)?;
    let form = root.need("form", "form = \"formal\"")?.word(&Form::choices(), Form::from_word)?;
    let start = root.need("start", "the first day, as in start = 2026-01-31")?.day()?;
    let end = end(&root, form, start)?;
    let renewal = root.get("renewal").map(|f| f.text(limits::MAX_AGREEMENT)).transpose()?;
    let parties = parties(&root)?;
    let roles = roles(&root, &parties)?;
    let flows = flows(&root, &roles)?;
    let ceiling = ceiling(&root)?;
    let declaration = clauses::declaration(&root, &roles)?;
    let practice = practice::practice(&root, &roles)?;
    let survival = survival(&root)?;
    let recorded = recorded(&root)?;
    Ok(Agreement {
        title,
        form,
        start,
        end,
        renewal,
        parties,
        roles,
        flows,
        ceiling,
        decisions: clauses::decisions(&root)?,
        declaration,
        history: clauses::history(&root)?,
        keys: clauses::keys(&root)?,
        document: clauses::document(&root)?,
        practice,
        survival,
        recorded,
        hash: derive::hash(text.as_bytes()),
        text: text.to_owned(),
    })
}

fn end(root: &Table<'_>, form: Form, start: Day) -> Result<Option<Day>, AgreementError> {
    let Some(field) = root.get("end") else {
        if form == Form::JointActivity {
            let why = "a joint activity ends: write the last day, as in end = 2026-12-31";
            return Err(root.missing("end", why.into()));
        }
        return Ok(None);
    };
    match field.day()? {
        day if day < start => Err(field.wrong("is before the start", "write a later day")),
        day => Ok(Some(day)),
    }
}

fn parties(root: &Table<'_>) -> Result<Vec<Party>, AgreementError> {
    let mut parties: Vec<Party> = Vec::new();
    for table in root.sections("party", MAX_PARTIES)? {
        table.only(&["name", "role", "organisation", "focal_point"])?;
        let name_field = table.need("name", "name = \"...\"")?;
        let name = name_field.line(limits::MAX_NAME)?;
        check_name(&name).map_err(|e| name_field.wrong("is not a name", e.to_string()))?;
        if parties.iter().any(|p| p.name == name) {
            return Err(name_field.wrong("is the name of two parties", "name each party once"));
        }
        let role = table
            .need("role", "role = \"npm\"")?
            .word("npm, cso, network, or a word of your own", |w| role(w).ok())?;
        let organisation = match table.get("organisation") {
            None => None,
            Some(field) => {
                let id: OrgId = field.line(64)?.parse().map_err(|_| {
                    let instead = "copy the 52 letters and digits that its node shows, or delete the line";
                    field.wrong("is not the id of an organisation", instead)
                })?;
                if parties.iter().any(|p| p.organisation == Some(id)) {
                    return Err(field.wrong("is the id of two parties", "give each party its own"));
                }
                Some(id)
            }
        };
        let focal_point = table.get("focal_point").map(|f| f.line(limits::MAX_NAME)).transpose()?;
        parties.push(Party { name, role, organisation, focal_point });
    }
    Ok(parties)
}

/// The roles of the parties, then those that `roles` adds.
fn roles(root: &Table<'_>, parties: &[Party]) -> Result<Vec<Role>, AgreementError> {
    let listed = match root.get("roles") {
        Some(field) => field.list("[\"npm\", \"cso\"]", MAX_ROLES, role)?,
        None => Vec::new(),
    };
    let mut roles: Vec<Role> = Vec::new();
    for role in parties.iter().map(|p| &p.role).chain(&listed) {
        if !roles.contains(role) {
            roles.push(role.clone());
        }
    }
    if roles.is_empty() {
        return Err(root.missing("roles", "write roles = [\"npm\", \"cso\"], or name each [[party]]".into()));
    }
    Ok(roles)
}

fn flows(root: &Table<'_>, roles: &[Role]) -> Result<Vec<Flow>, AgreementError> {
    let mut flows = Vec::new();
    for table in root.sections("flow", MAX_FLOWS)? {
        table.only(&["from", "kinds", "to"])?;
        let from = of_parties(&table.need("from", "who sends, as in from = [\"cso\"]")?, roles)?;
        let kinds = table.need("kinds", "what is sent, as in kinds = [\"submission\"], or \"any\"")?;
        let kinds = match kinds.is_word(ANY) {
            true => Choice::Any,
            false => Choice::These(kinds.list("[\"submission\", \"priority\"]", MAX_KINDS, kind)?),
        };
        let to = table.need("to", "who may read it, as in to = [\"npm\"], or \"any\"")?;
        let to = match to.is_word(ANY) {
            true => Choice::Any,
            false => Choice::These(of_parties(&to, roles)?),
        };
        flows.push(Flow { from, kinds, to });
    }
    if flows.is_empty() {
        let why = "without it nobody may send anything: write [[flow]] with from, kinds and to";
        return Err(root.missing("flow", why.into()));
    }
    Ok(flows)
}

/// Roles in a flow: each must be a party's, or stand in `roles`.
fn of_parties(field: &Field<'_>, roles: &[Role]) -> Result<Vec<Role>, AgreementError> {
    let named = field.list("[\"npm\", \"cso\"]", MAX_ROLES, role)?;
    match named.iter().find(|r| !roles.contains(r)) {
        None => Ok(named),
        Some(stranger) => {
            let known: Vec<&str> = roles.iter().map(Role::as_str).collect();
            let problem = format!("names the role \"{stranger}\", which no party has");
            let instead = format!("write one of {}, or add it to roles = [...]", known.join(", "));
            Err(field.wrong(problem, instead))
        }
    }
}

fn ceiling(root: &Table<'_>) -> Result<Ceiling, AgreementError> {
    let Some(table) = root.section("ceiling")? else {
        let what = "write [ceiling] with sensitivity, personal_data and onward below it";
        return Err(root.missing("[ceiling]", what.into()));
    };
    table.only(&["sensitivity", "personal_data", "onward"])?;
    let example = "[\"named\", \"partnership\", \"public\"]";
    let sensitivity = table
        .need("sensitivity", &format!("the classes of record that may be exchanged, as in {example}"))?
        .list(example, 3, sensitivity)?;
    let personal_data = table
        .need("personal_data", "personal_data = \"never\", \"with-consent\" or \"allowed\"")?
        .word("never, with-consent, allowed", PersonalData::from_word)?;
    let onward = table
        .need("onward", "onward = \"never\", \"ask\" or \"allowed\"")?
        .word("never, ask, allowed", onward)?;
    Ok(Ceiling { sensitivity, personal_data, onward })
}

fn survival(root: &Table<'_>) -> Result<Option<String>, AgreementError> {
    let Some(table) = root.section("survival")? else { return Ok(None) };
    table.only(&["text"])?;
    table.need("text", "text = \"...\", or delete [survival]")?.text(limits::MAX_AGREEMENT).map(Some)
}

fn recorded(root: &Table<'_>) -> Result<Vec<(&'static str, String)>, AgreementError> {
    let Some(table) = root.section("recorded")? else { return Ok(Vec::new()) };
    table.only(&RECORDED)?;
    let clause = |key| table.get(key).map(|field| field.text(limits::MAX_AGREEMENT).map(|text| (key, text)));
    RECORDED.into_iter().filter_map(clause).collect()
}

fn role(word: &str) -> Result<Role, String> {
    if word == ANY {
        return Err("uses \"any\" where a role is wanted".into());
    }
    word.parse().map_err(|_| not_a_token(word, "role"))
}

fn kind(word: &str) -> Result<Kind, String> {
    if word == ANY {
        return Err("has \"any\" in a list; write kinds = \"any\" alone, or name the kinds".into());
    }
    word.parse().map_err(|_| not_a_token(word, "kind"))
}

fn not_a_token(word: &str, what: &str) -> String {
    format!("names \"{}\", which is no {what} (1 to 40 of a-z, 0-9 and -, a letter first)", readable(word))
}

fn sensitivity(word: &str) -> Result<Sensitivity, String> {
    match word {
        "named" => Ok(Sensitivity::Named),
        "partnership" => Ok(Sensitivity::Partnership),
        "public" => Ok(Sensitivity::Public),
        "own" => Err("names \"own\", the class of what never leaves its author's node".into()),
        _ => Err(format!("names a class that does not exist, \"{}\"", readable(word))),
    }
}

fn onward(word: &str) -> Option<Onward> {
    [Onward::Never, Onward::Ask, Onward::Allowed].into_iter().find(|o| o.as_str() == word)
}
