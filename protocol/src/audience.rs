//! Who a record is for: everyone in the partnership, or readers named one by one. Never nobody (rule C12).

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::derive;
use crate::ids::{OrgId, PartnershipId, SpaceId};
use crate::limits;

/// The readers that an author chose, besides itself.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Audience {
    /// All members of the partnership.
    #[n(0)]
    Everyone,
    /// These organisations only.
    #[n(1)]
    Named(#[n(0)] NamedReaders),
}

/// One or more organisations, sorted, without repetition.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
#[cbor(transparent)]
pub struct NamedReaders(#[n(0)] Vec<OrgId>);

/// Why a list of readers is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AudienceError {
    /// An empty audience means nobody, never everybody (C12).
    #[error("no reader is named; an empty list means nobody")]
    Empty,
    /// Too many.
    #[error(
        "more than {} readers are named; share it with the whole partnership, or name fewer",
        limits::MAX_NAMED_READERS
    )]
    TooMany,
}

impl NamedReaders {
    /// Takes readers in any order.
    ///
    /// # Errors
    /// [`AudienceError`].
    pub fn new(orgs: impl IntoIterator<Item = OrgId>) -> Result<Self, AudienceError> {
        let orgs: BTreeSet<OrgId> = orgs.into_iter().collect();
        match orgs.len() {
            0 => Err(AudienceError::Empty),
            n if n > limits::MAX_NAMED_READERS => Err(AudienceError::TooMany),
            _ => Ok(Self(orgs.into_iter().collect())),
        }
    }

    /// The readers, sorted.
    #[must_use]
    pub fn orgs(&self) -> &[OrgId] {
        &self.0
    }
}

impl<'b, C> Decode<'b, C> for NamedReaders {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let orgs: Vec<OrgId> = d.decode_with(ctx)?;
        // Sorting is undone by the canonical gate: an unsorted list does not encode back to itself.
        NamedReaders::new(orgs).map_err(|e| minicbor::decode::Error::message(e.to_string()))
    }
}

impl Audience {
    /// The organisations that share the circle of a record by `author`: the named readers and the author.
    /// `None` for the space of all members.
    #[must_use]
    pub fn circle(&self, author: &OrgId) -> Option<Vec<OrgId>> {
        match self {
            Audience::Everyone => None,
            Audience::Named(readers) => {
                let mut orgs: BTreeSet<OrgId> = readers.0.iter().copied().collect();
                orgs.insert(*author);
                Some(orgs.into_iter().collect())
            }
        }
    }

    /// The space in which a record by `author` for this audience lives.
    #[must_use]
    pub fn space(&self, partnership: &PartnershipId, author: &OrgId) -> SpaceId {
        match self.circle(author) {
            None => derive::space_of_all(partnership),
            Some(orgs) => derive::space_of_circle(partnership, &orgs),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_not_everybody() {
        assert_eq!(NamedReaders::new([]), Err(AudienceError::Empty));
        // An encoded empty list is refused as well: [1, [[]]].
        assert!(crate::codec::decode_bounded::<Audience>(&[0x82, 0x01, 0x81, 0x80], "audience", 64).is_err());
    }

    #[test]
    fn the_same_people_meet_in_the_same_circle_whoever_writes() {
        let (a, b) = (OrgId([1; 32]), OrgId([2; 32]));
        let p = PartnershipId([9; 32]);
        let from_a = Audience::Named(NamedReaders::new([b]).unwrap());
        let from_b = Audience::Named(NamedReaders::new([a]).unwrap());
        assert_eq!(from_a.space(&p, &a), from_b.space(&p, &b));
        assert_ne!(from_a.space(&p, &a), Audience::Everyone.space(&p, &a));
        let other = PartnershipId([8; 32]);
        assert_ne!(from_a.space(&p, &a), from_a.space(&other, &a));
    }
}
