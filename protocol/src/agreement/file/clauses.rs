//! The sections that may be left out.
//!
//! ```toml
//! [decisions]                  # how many stewards sign; 1 each where nothing is said
//! admit = 1                    # 1 to 64, "majority" or "all"
//! role = 1
//! remove = 2
//! steward = "majority"
//! history = "all"
//! terminate = "all"
//!
//! [declaration]                # no key before it is signed, none after it expired
//! text = "..."
//! roles = ["expert"]           # or "any", as where nothing is said
//! valid_days = 365             # 1 to 3660; 365 where nothing is said
//!
//! [history]
//! newcomers = "none"           # none, all, or a day: what newcomers may read of what was before
//!
//! [keys]
//! rotate_days = 30             # 1 to 365
//!
//! [document]                   # a file that is bound by its hash
//! name = "memorandum.pdf"
//! hash = "..."                 # 52 letters and digits
//! size = 123456                # bytes; may be left out
//! ```

use super::{ANY, of_parties};
use crate::agreement::Choice;
use crate::agreement::clauses::{Decisions, DeclarationClause, DocumentClause, Keys, Newcomers, Threshold};
use crate::agreement::table::{AgreementError, Field, Table};
use crate::handling::Role;
use crate::limits;

/// Longest file name in bytes, as on every common file system.
const MAX_FILE_NAME: usize = 255;
/// The largest size that every program can hold exactly (2^53 - 1).
const MAX_FILE_SIZE: u64 = (1 << 53) - 1;

pub(super) fn decisions(root: &Table<'_>) -> Result<Decisions, AgreementError> {
    let Some(table) = root.section("decisions")? else { return Ok(Decisions::default()) };
    table.only(&["admit", "role", "remove", "steward", "history", "terminate"])?;
    let signed_by = |key| match table.get(key) {
        None => Ok(Threshold::Stewards(1)),
        Some(field) => threshold(&field),
    };
    Ok(Decisions {
        admit: signed_by("admit")?,
        role: signed_by("role")?,
        remove: signed_by("remove")?,
        steward: signed_by("steward")?,
        history: signed_by("history")?,
        terminate: signed_by("terminate")?,
    })
}

pub(super) fn threshold(field: &Field<'_>) -> Result<Threshold, AgreementError> {
    if field.is_word("majority") {
        return Ok(Threshold::Majority);
    }
    if field.is_word("all") {
        return Ok(Threshold::All);
    }
    let most = u64::from(Threshold::MOST);
    let wanted =
        field.number().and_then(|n| u16::try_from(n).ok()).filter(|n| (1..=Threshold::MOST).contains(n));
    wanted.map(Threshold::Stewards).ok_or_else(|| {
        let instead = format!("write a number from 1 to {most}, \"majority\" or \"all\"");
        field.wrong("is not a number of stewards", instead)
    })
}

pub(super) fn declaration(
    root: &Table<'_>,
    roles: &[Role],
) -> Result<Option<DeclarationClause>, AgreementError> {
    let Some(table) = root.section("declaration")? else { return Ok(None) };
    table.only(&["text", "roles", "valid_days"])?;
    let text = table
        .need("text", "what is declared, as in text = \"...\", or delete [declaration]")?
        .text(limits::MAX_AGREEMENT)?;
    let roles = match table.get("roles") {
        None => Choice::Any,
        Some(field) if field.is_word(ANY) => Choice::Any,
        Some(field) => Choice::These(of_parties(&field, roles)?),
    };
    let valid_days = days(&table, "valid_days", DeclarationClause::MOST_DAYS)?;
    Ok(Some(DeclarationClause {
        text,
        roles,
        valid_days: valid_days.unwrap_or(DeclarationClause::USUAL_DAYS),
    }))
}

pub(super) fn history(root: &Table<'_>) -> Result<Newcomers, AgreementError> {
    let Some(table) = root.section("history")? else { return Ok(Newcomers::None) };
    table.only(&["newcomers"])?;
    let example = "newcomers = \"none\", \"all\" or a day, as in newcomers = 2026-01-31";
    let field = table.need("newcomers", example)?;
    if field.is_word("none") {
        return Ok(Newcomers::None);
    }
    if field.is_word("all") {
        return Ok(Newcomers::All);
    }
    if field.is_text() {
        let instead = "write \"none\", \"all\" or a day without quotation marks, as in 2026-01-31";
        return Err(field.wrong("is neither \"none\" nor \"all\"", instead));
    }
    field.day().map(Newcomers::Since)
}

pub(super) fn keys(root: &Table<'_>) -> Result<Keys, AgreementError> {
    let Some(table) = root.section("keys")? else { return Ok(Keys::default()) };
    table.only(&["rotate_days"])?;
    let rotate_days = days(&table, "rotate_days", Keys::MOST_DAYS)?;
    Ok(rotate_days.map_or_else(Keys::default, |rotate_days| Keys { rotate_days }))
}

/// A number of days from 1 to `most`.
pub(super) fn days(table: &Table<'_>, key: &str, most: u16) -> Result<Option<u16>, AgreementError> {
    let Some(field) = table.get(key) else { return Ok(None) };
    let days = field.number().and_then(|n| u16::try_from(n).ok()).filter(|n| (1..=most).contains(n));
    let instead = || format!("write a number from 1 to {most}, without quotation marks");
    days.map(Some).ok_or_else(|| field.wrong("is not a number of days", instead()))
}

pub(super) fn document(root: &Table<'_>) -> Result<Option<DocumentClause>, AgreementError> {
    let Some(table) = root.section("document")? else { return Ok(None) };
    table.only(&["name", "hash", "size"])?;
    let name_field = table.need("name", "the file's name, as in name = \"memorandum.pdf\"")?;
    let name = name_field.line(MAX_FILE_NAME)?;
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(
            name_field.wrong("is not the name of a file", "write it without a folder, and no . first")
        );
    }
    let how = "let `entente partnership agreement attach` write this section";
    let hash_field = table.need("hash", &format!("the hash of the file; {how}"))?;
    let hash = hash_field
        .line(64)?
        .parse()
        .map_err(|_| hash_field.wrong("is not a hash of 52 letters and digits", how))?;
    let size =
        match table.get("size") {
            None => None,
            Some(field) => {
                let size = field.number().filter(|n| (1..=MAX_FILE_SIZE).contains(n));
                Some(size.ok_or_else(|| {
                    field.wrong("is not a size in bytes", format!("{how}, or delete the line"))
                })?)
            }
        };
    Ok(Some(DocumentClause { name, hash, size }))
}
