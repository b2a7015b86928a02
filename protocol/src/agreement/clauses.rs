//! The clauses that an agreement may have or leave out: who decides, the declaration of confidentiality,
//! what newcomers read, how old keys get, the text that is attached. What each is when left out stands
//! with it.

use super::{Choice, Day};
use crate::derive;
use crate::handling::Role;
use crate::ids::Hash;

/// How many stewards must sign a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Threshold {
    /// So many, 1 to [`Threshold::MOST`]; all of them where there are fewer.
    Stewards(u16),
    /// More than half.
    Majority,
    /// Every one.
    All,
}

impl Threshold {
    /// The largest number of stewards that an agreement may ask for.
    pub const MOST: u16 = 64;

    /// How many of `stewards` must sign: at least 1, and never more than there are, so that a partnership
    /// whose stewards left can still decide. 1 if there are none.
    #[must_use]
    pub fn needed(self, stewards: usize) -> usize {
        let wanted = match self {
            Threshold::Stewards(wanted) => usize::from(wanted),
            Threshold::Majority => stewards / 2 + 1,
            Threshold::All => stewards,
        };
        wanted.min(stewards).max(1)
    }
}

/// Section `[decisions]`: how many stewards must sign what. One for each where it is left out. Amending and
/// renewing are not here: they always want every member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decisions {
    pub(super) admit: Threshold,
    pub(super) role: Threshold,
    pub(super) remove: Threshold,
    pub(super) steward: Threshold,
    pub(super) history: Threshold,
    pub(super) terminate: Threshold,
}

impl Default for Decisions {
    fn default() -> Self {
        let one = Threshold::Stewards(1);
        Self { admit: one, role: one, remove: one, steward: one, history: one, terminate: one }
    }
}

impl Decisions {
    /// To let in who asked to join.
    #[must_use]
    pub fn admit(&self) -> Threshold {
        self.admit
    }

    /// To give a member another role.
    #[must_use]
    pub fn role(&self) -> Threshold {
        self.role
    }

    /// To remove a member that is no steward.
    #[must_use]
    pub fn remove(&self) -> Threshold {
        self.remove
    }

    /// To make a member a steward, take that from it, or remove a member that is one.
    #[must_use]
    pub fn steward(&self) -> Threshold {
        self.steward
    }

    /// To give a member records from before it joined.
    #[must_use]
    pub fn history(&self) -> Threshold {
        self.history
    }

    /// To end the partnership before its time.
    #[must_use]
    pub fn terminate(&self) -> Threshold {
        self.terminate
    }

    /// Each decision as the end of "must sign to …", in the order of the file.
    pub(super) fn each(&self) -> [(Threshold, &'static str); 6] {
        [
            (self.admit, "admit a member"),
            (self.role, "give a member another role"),
            (self.remove, "remove a member"),
            (self.steward, "appoint, demote or remove a steward"),
            (self.history, "give a member records from before it joined"),
            (self.terminate, "end the partnership early"),
        ]
    }
}

/// Section `[declaration]`: no key before the confidentiality declaration is signed, none after it expired
/// (rule C5). Nobody declares where it is left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeclarationClause {
    pub(super) text: String,
    pub(super) roles: Choice<Role>,
    pub(super) valid_days: u16,
}

impl DeclarationClause {
    /// The most days that a declaration may hold: ten years, with leap days.
    pub const MOST_DAYS: u16 = 3660;
    /// The days that a declaration holds where the file does not say.
    pub const USUAL_DAYS: u16 = 365;

    /// What is declared, white space around it cut.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What a declaration signs: [`derive::hash`] of [`DeclarationClause::text`]. Another text wants new
    /// signatures.
    #[must_use]
    pub fn hash(&self) -> Hash {
        derive::hash(self.text.as_bytes())
    }

    /// Who must declare; everybody where the file does not say.
    #[must_use]
    pub fn roles(&self) -> &Choice<Role> {
        &self.roles
    }

    /// Must members with this role declare?
    #[must_use]
    pub fn wanted_of(&self, role: &Role) -> bool {
        match &self.roles {
            Choice::Any => true,
            Choice::These(roles) => roles.contains(role),
        }
    }

    /// Days from the signature until it expires, 1 to [`DeclarationClause::MOST_DAYS`].
    #[must_use]
    pub fn valid_days(&self) -> u16 {
        self.valid_days
    }
}

/// Section `[history]`: from which records on newcomers may read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Newcomers {
    /// From their admission on; where the section is left out, too.
    #[default]
    None,
    /// All that was ever exchanged among all members.
    All,
    /// What is dated on this day (from 00:00 UTC) or later.
    Since(Day),
}

/// Section `[keys]`: how old a key may get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keys {
    pub(super) rotate_days: u16,
}

impl Default for Keys {
    fn default() -> Self {
        Self { rotate_days: Keys::USUAL_DAYS }
    }
}

impl Keys {
    /// The most days between two rotations.
    pub const MOST_DAYS: u16 = 365;
    /// The days between two rotations where the file does not say.
    pub const USUAL_DAYS: u16 = 30;

    /// The days after which members write under a new key even if nothing else changed, 1 to
    /// [`Keys::MOST_DAYS`].
    #[must_use]
    pub fn rotate_days(self) -> u16 {
        self.rotate_days
    }
}

/// Section `[document]`: a file (the signed scan, say) that is part of what is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentClause {
    pub(super) name: String,
    pub(super) hash: Hash,
    pub(super) size: Option<u64>,
}

impl DocumentClause {
    /// The file's name: no folder, nothing that a system could not store.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// [`derive::hash`] of the file's bytes.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The file's length in bytes, where it is said. The hash alone binds.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Are these the bytes that were signed?
    #[must_use]
    pub fn is(&self, bytes: &[u8]) -> bool {
        derive::hash(bytes) == self.hash && self.size.is_none_or(|size| size == bytes.len() as u64)
    }
}
