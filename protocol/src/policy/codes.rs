//! Every code with which a record can be refused, the rule behind it, and what it means, in one table.

use core::fmt;

/// Why a record is refused: stable, for documents, logs and tests. [`RefusalCode::as_str`] is what people
/// quote, and never changes its meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RefusalCode {
    /// `E-OWN`
    Own,
    /// `E-NOT-STARTED`
    NotStarted,
    /// `E-ENDED`
    Ended,
    /// `E-SENSITIVITY`
    Sensitivity,
    /// `E-NAMED-TO-ALL`
    NamedToAll,
    /// `E-CONFIDENTIAL`
    Confidential,
    /// `E-PERSONAL-DATA`
    PersonalData,
    /// `E-CONSENT`
    Consent,
    /// `E-ONWARD`
    Onward,
    /// `E-ATTACHMENTS`
    Attachments,
    /// `E-NO-READER`
    NoReader,
    /// `E-SELF-ONLY`
    SelfOnly,
    /// `E-NOT-MEMBER`
    NotMember,
    /// `E-AUTHOR-ROLE`
    AuthorRole,
    /// `E-FLOW`
    Flow,
    /// `E-SUSPENDED`
    Suspended,
    /// `E-TERMINATED`
    Terminated,
    /// `E-DECLARATION`
    Declaration,
    /// `E-VERIFY`
    Verify,
    /// `E-FIELDS`
    Fields,
    /// `E-TEAM`
    Team,
    /// `E-DIVERGENT`
    Divergent,
    /// `E-RELEASE`
    Release,
    /// `E-SOURCE`
    Source,
    /// `E-NOT-ON-TEAM`
    NotOnTeam,
    /// `E-COPY`
    Copy,
    /// `E-EMBARGO`
    Embargo,
}

/// A row of the table: code, as quoted, the rule or clause behind it, what it means.
type Row = (RefusalCode, &'static str, &'static str, &'static str);

/// The table, in the order in which [`super::permit`] checks. From `E-SUSPENDED` on they are not its, but for
/// `E-RELEASE`: the node, which knows how the partnership, its members and other records stand, raises them.
const TABLE: [Row; 27] = {
    use RefusalCode::*;
    [
        (Own, "E-OWN", "C2, sensitivity `own`", "the record never leaves the node of its author"),
        (NotStarted, "E-NOT-STARTED", "clause `start`", "the record is dated before the agreement holds"),
        (Ended, "E-ENDED", "C10, clause `end`", "the record is dated after the agreement ended"),
        (
            Sensitivity,
            "E-SENSITIVITY",
            "clause `sensitivity`",
            "the agreement does not allow the record's class",
        ),
        (NamedToAll, "E-NAMED-TO-ALL", "sensitivity `named`", "the class is named, and no reader is named"),
        (Confidential, "E-CONFIDENTIAL", "C3, C4", "a confidential kind is shared wider than named readers"),
        (PersonalData, "E-PERSONAL-DATA", "clause `personal_data`", "the agreement allows no personal data"),
        (Consent, "E-CONSENT", "C1, C7, clause `personal_data`", "personal data without a recorded consent"),
        (
            Onward,
            "E-ONWARD",
            "C6, clause `onward`",
            "the record grants more onward sharing than the agreement",
        ),
        (Attachments, "E-ATTACHMENTS", "limit `MAX_ATTACHMENTS`", "too many attachments"),
        (NoReader, "E-NO-READER", "C12", "there is no other member to read it"),
        (SelfOnly, "E-SELF-ONLY", "C12", "the only reader named is the author"),
        (NotMember, "E-NOT-MEMBER", "C5, clause `party`", "the author or a reader is not a member"),
        (AuthorRole, "E-AUTHOR-ROLE", "table of kinds", "a member with this role does not write this kind"),
        (Flow, "E-FLOW", "clause `flow`", "no clause lets the author send this kind to a reader"),
        (Suspended, "E-SUSPENDED", "C10", "the NPM suspended the partnership"),
        (Terminated, "E-TERMINATED", "C10", "the partnership was ended"),
        (
            Declaration,
            "E-DECLARATION",
            "C5, clause `declaration`",
            "the author or a reader has signed no declaration of confidentiality that still holds",
        ),
        (
            Verify,
            "E-VERIFY",
            "verification of persons",
            "the keys of a reader changed since they were verified",
        ),
        (
            Fields,
            "E-FIELDS",
            "schema of the kind",
            "a field is missing that the kind needs, or has a wrong type",
        ),
        (
            Team,
            "E-TEAM",
            "form 3",
            "somebody on a visit's team has no declaration or training that holds until its end",
        ),
        (
            Divergent,
            "E-DIVERGENT",
            "form 6, clause `visits`",
            "a final report carries a divergent view not as it was signed, or leaves one out",
        ),
        (Release, "E-RELEASE", "C3, clause `release`", "fewer persons released it than the agreement wants"),
        (Source, "E-SOURCE", "C2", "a text names somebody whom this node records as a source"),
        (
            NotOnTeam,
            "E-NOT-ON-TEAM",
            "C4, the visit's plan",
            "notes of a visit are shared with somebody who is not on its declared team",
        ),
        (Copy, "E-COPY", "C6", "a redacted copy is passed on otherwise than it was signed"),
        (Embargo, "E-EMBARGO", "C6", "a copy of another's record is passed on before its embargo is over"),
    ]
};

impl RefusalCode {
    /// All codes, in the order in which they are checked.
    pub fn all() -> impl Iterator<Item = RefusalCode> {
        TABLE.iter().map(|row| row.0)
    }

    /// The code as people quote it, such as `E-FLOW`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The rule of confidentiality (C1 to C12) or the clause of the agreement that it enforces.
    #[must_use]
    pub fn rule(self) -> &'static str {
        self.row().2
    }

    /// What it means, in one line.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().3
    }

    fn row(self) -> &'static Row {
        // A test walks the table; a code that is missing there reads as the last row.
        let [.., last] = &TABLE;
        TABLE.iter().find(|row| row.0 == self).unwrap_or(last)
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One reason why a record may not be shared or shown.
///
/// The reason is plain, says what to do next, and is made only from the agreement, the members' roles and
/// the record's own facts: it reveals nothing that its reader does not already hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}: {reason}")]
pub struct Refusal {
    /// The stable code.
    pub code: RefusalCode,
    /// What is wrong and what to do next, for people.
    pub reason: String,
}
