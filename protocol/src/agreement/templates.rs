//! An agreement to begin with for each form: commented, for a lawyer to edit.

use super::Form;

/// The template of a form. Each is an agreement as it stands; the dates, the parties and the clauses are
/// for the parties to change.
#[must_use]
pub fn template(form: Form) -> &'static str {
    match form {
        Form::Informal => include_str!("templates/informal.toml"),
        Form::Formal => include_str!("templates/formal.toml"),
        Form::AdvisoryBody => include_str!("templates/advisory-body.toml"),
        Form::JointActivity => include_str!("templates/joint-activity.toml"),
        Form::WithinNpm => include_str!("templates/within-npm.toml"),
    }
}
