//! The agreement: a file that a lawyer can read and edit, and that the software enforces.
//!
//! Start at [`Agreement::parse`]. `file` has the form of the file, `words` puts it into sentences for
//! the screen, [`templates`] has one to begin with for each [`Form`], and [`crate::policy::permit`]
//! enforces it; [`Agreement::changes`] says what another version changes. What is signed is the hash of the exact text, comments included ([`AgreementSignature`]).
//!
//! Every node must come to the same agreement from the same text, in later versions too: so the file says
//! `version = 1`, unknown keys are refused, and whether a clause *makes sense* (a flow that lets a CSO
//! issue recommendations) is only advice, [`Agreement::advice`], since the table of kinds grows.

mod clauses;
mod day;
mod diff;
mod file;
mod practice;
mod table;
pub mod templates;
mod words;

#[cfg(test)]
mod tests;

use minicbor::{Decode, Encode};

pub use clauses::{Decisions, DeclarationClause, DocumentClause, Keys, Newcomers, Threshold};
pub use day::Day;
pub use diff::{Change, Effect};
pub use practice::{Exchange, ReleaseClause, VisitsClause};
pub use table::AgreementError;
pub(crate) use words::{kind_words, list, role_words};

use crate::codec::Wire;
use crate::handling::{Kind, Onward, Role, Sensitivity};
use crate::ids::{Hash, OrgId, PartnershipId, Timestamp};
use crate::kinds;
use crate::signed::Statement;
use crate::vocabulary::Additions;

/// An agreement that was read without a fault. Only [`Agreement::parse`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreement {
    title: String,
    form: Form,
    start: Day,
    end: Option<Day>,
    renewal: Option<String>,
    parties: Vec<Party>,
    roles: Vec<Role>,
    flows: Vec<Flow>,
    ceiling: Ceiling,
    decisions: Decisions,
    declaration: Option<DeclarationClause>,
    history: Newcomers,
    keys: Keys,
    document: Option<DocumentClause>,
    practice: practice::Practice,
    survival: Option<String>,
    recorded: Vec<(&'static str, String)>,
    hash: Hash,
    text: String,
}

/// What kind of collaboration it is (the mission's forms 1 to 6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Form {
    /// Exchange of information without a signed memorandum.
    Informal,
    /// A memorandum of understanding.
    Formal,
    /// A council that advises the NPM.
    AdvisoryBody,
    /// One project, visit, report or campaign. It always has an end.
    JointActivity,
    /// Civil society takes part in the NPM itself ("Ombudsman plus").
    WithinNpm,
}

/// A party that the agreement names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Party {
    /// Its name, in any script.
    pub name: String,
    /// The part that it plays.
    pub role: Role,
    /// Its key. Where it is given, no other organisation may take this party's place.
    pub organisation: Option<OrgId>,
    /// Whom to turn to.
    pub focal_point: Option<String>,
}

/// All, or these in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice<T> {
    /// The file says `"any"`.
    Any,
    /// At least one, none twice.
    These(Vec<T>),
}

/// One clause: who may send what to whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    /// The author's role is one of these.
    pub from: Vec<Role>,
    /// `Any` is every known kind that is not confidential; see [`Flow::covers`].
    pub kinds: Choice<Kind>,
    /// `Any` is every other member.
    pub to: Choice<Role>,
}

/// The widest that a record may be. Records may be narrower, never wider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ceiling {
    /// The classes that records may have. A list rather than one bound, since parties do want `public`
    /// without `partnership`, or `partnership` without `public`. Never holds [`Sensitivity::Own`].
    pub sensitivity: Vec<Sensitivity>,
    /// Whether records may hold data about identifiable persons.
    pub personal_data: PersonalData,
    /// The widest onward sharing that an author may grant.
    pub onward: Onward,
}

/// Whether records may hold data about identifiable persons, from narrowest to widest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PersonalData {
    /// No.
    Never,
    /// Where a consent is recorded for it.
    WithConsent,
    /// Yes among the members; what is `public` needs a consent all the same (OPCAT 21(2)).
    Allowed,
}

/// The clauses of `[recorded]`: shown and signed, not enforced.
pub(crate) const RECORDED: [&str; 6] =
    ["objectives", "visits", "gross_violation", "money", "disputes", "law"];

impl Agreement {
    /// Reads an agreement of at most [`crate::limits::MAX_AGREEMENT`] bytes.
    ///
    /// # Errors
    /// [`AgreementError`] for the first fault, with its line and what to write instead.
    pub fn parse(text: &str) -> Result<Agreement, AgreementError> {
        file::parse(text)
    }

    /// The exact text that it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The hash of the exact text, comments included: [`crate::derive::hash`].
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Its title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its form.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The first day on which it holds.
    #[must_use]
    pub fn start(&self) -> Day {
        self.start
    }

    /// The last day on which it holds; `None` for one without end.
    #[must_use]
    pub fn end(&self) -> Option<Day> {
        self.end
    }

    /// Does it hold at `time`? From 00:00 UTC of the first day until the last day is over. A time is a
    /// clock's claim: clocks are wrong by years in this field, so show the doubt.
    #[must_use]
    pub fn holds_at(&self, time: Timestamp) -> bool {
        time >= self.start.begins() && self.end.is_none_or(|end| time < end.is_over())
    }

    /// The same agreement, text and hash unchanged, with another last day: what its parties renewed it to.
    #[must_use]
    pub fn renewed_until(&self, last_day: Timestamp) -> Agreement {
        Agreement { end: Some(Day::of(last_day)), ..self.clone() }
    }

    /// What is said of renewal; words only.
    #[must_use]
    pub fn renewal(&self) -> Option<&str> {
        self.renewal.as_deref()
    }

    /// The parties that it names. Others may join in one of its [`Agreement::roles`].
    #[must_use]
    pub fn parties(&self) -> &[Party] {
        &self.parties
    }

    /// The roles that members can have, without repetition.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The role that the agreement gives to this very organisation, where it names its id.
    #[must_use]
    pub fn role_of(&self, org: &OrgId) -> Option<&Role> {
        self.parties.iter().find(|p| p.organisation == Some(*org)).map(|p| &p.role)
    }

    /// Who may send what to whom; at least one. What none of them covers is refused.
    #[must_use]
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// The widest that a record may be.
    #[must_use]
    pub fn ceiling(&self) -> &Ceiling {
        &self.ceiling
    }

    /// How many stewards must sign what. Amending and renewing want every member, whatever stands here.
    #[must_use]
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// The declaration of confidentiality that is asked before any key is given; `None` if none is.
    #[must_use]
    pub fn declaration(&self) -> Option<&DeclarationClause> {
        self.declaration.as_ref()
    }

    /// What newcomers may read of what was shared before them.
    #[must_use]
    pub fn history(&self) -> &Newcomers {
        &self.history
    }

    /// How old keys may get.
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.keys
    }

    /// The file that is bound by its hash, if there is one.
    #[must_use]
    pub fn document(&self) -> Option<&DocumentClause> {
        self.document.as_ref()
    }

    /// What is sent regularly.
    #[must_use]
    pub fn exchanges(&self) -> &[Exchange] {
        &self.practice.exchanges
    }

    /// What follows a visit, where it is settled.
    #[must_use]
    pub fn visits(&self) -> Option<VisitsClause> {
        self.practice.visits
    }

    /// How many members must at least take part in a vote, where it is settled.
    #[must_use]
    pub fn quorum(&self) -> Option<Threshold> {
        self.practice.quorum
    }

    /// What several persons of its author must release, where it is settled (rule C3).
    #[must_use]
    pub fn release(&self) -> Option<&ReleaseClause> {
        self.practice.release.as_ref()
    }

    /// The words that the parties add to the vocabularies.
    #[must_use]
    pub fn additions(&self) -> &Additions {
        &self.practice.additions
    }

    /// What stays in force after the end; words only.
    #[must_use]
    pub fn survival(&self) -> Option<&str> {
        self.survival.as_deref()
    }

    /// Clauses that are shown and signed but not enforced: the key in the file, and the text.
    #[must_use]
    pub fn recorded(&self) -> &[(&'static str, String)] {
        &self.recorded
    }

    /// The agreement in plain English, one clause a sentence, for the screen and before signing.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        words::sentences(self)
    }

    /// What `new` changes, for whom, in plain sentences: dates, roles and parties, then who may send what,
    /// limits, who decides, words. Empty for the very same text, and for no other.
    #[must_use]
    pub fn changes(&self, new: &Agreement) -> Vec<Change> {
        diff::changes(self, new)
    }

    /// What its drafters may want to look at again: clauses that can never be used. Never a reason to
    /// refuse an agreement, since other versions know other kinds.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        words::advice(self)
    }
}

impl Flow {
    /// The clause in plain English.
    #[must_use]
    pub fn sentence(&self) -> String {
        words::flow(self)
    }

    /// Does this clause let a member with the role `from` send a record of this kind to a member with the
    /// role `to`? `kinds = "any"` leaves out what is confidential (rules C3, C4: it must be named) and what
    /// is unknown (nobody could know what they signed).
    #[must_use]
    pub fn covers(&self, from: &Role, kind: &Kind, to: &Role) -> bool {
        let kind_covered = match &self.kinds {
            Choice::Any => kinds::known(kind).is_some_and(|facts| !facts.confidential),
            Choice::These(kinds) => kinds.contains(kind),
        };
        let to_covered = match &self.to {
            Choice::Any => true,
            Choice::These(roles) => roles.contains(to),
        };
        kind_covered && to_covered && self.from.contains(from)
    }
}

impl Form {
    /// All forms, from the loosest to the closest.
    pub const ALL: [Form; 5] =
        [Form::Informal, Form::Formal, Form::AdvisoryBody, Form::JointActivity, Form::WithinNpm];

    /// The word used in files and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Informal => "informal",
            Form::Formal => "formal",
            Form::AdvisoryBody => "advisory-body",
            Form::JointActivity => "joint-activity",
            Form::WithinNpm => "within-npm",
        }
    }

    /// The form that a word means.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.as_str() == word)
    }

    pub(crate) fn choices() -> String {
        Form::ALL.map(Form::as_str).join(", ")
    }
}

impl PersonalData {
    /// The word used in files and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PersonalData::Never => "never",
            PersonalData::WithConsent => "with-consent",
            PersonalData::Allowed => "allowed",
        }
    }

    fn from_word(word: &str) -> Option<PersonalData> {
        let all = [PersonalData::Never, PersonalData::WithConsent, PersonalData::Allowed];
        all.into_iter().find(|it| it.as_str() == word)
    }
}

/// An organisation's word that it accepts an agreement, in a role. Signed by one of its nodes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct AgreementSignature {
    /// The partnership; `None` in the founding act, which has no id yet.
    #[n(0)]
    pub partnership: Option<PartnershipId>,
    /// [`Agreement::hash`] of what is signed.
    #[n(1)]
    pub agreement: Hash,
    /// Who accepts.
    #[n(2)]
    pub org: OrgId,
    /// The part that it takes on.
    #[n(3)]
    pub role: Role,
    /// When, by the signer's clock.
    #[n(4)]
    pub time: Timestamp,
}

impl Wire for AgreementSignature {
    const WHAT: &'static str = "signature of an agreement";
    /// Three ids of 34 bytes, a role of at most 42, a time of at most 9, and the array around them.
    const MAX: usize = 192;
}
impl Statement for AgreementSignature {
    const LABEL: &'static str = "agreement-signature";
}
