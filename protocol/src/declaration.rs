//! The declaration of confidentiality: signed before any key is given (brief, C5), good until a day.

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::ids::{Hash, OrgId, PartnershipId, Timestamp};
use crate::limits;
use crate::signed::Statement;

/// An organisation's word that it keeps the partnership's confidences. Signed by one of its nodes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Declaration {
    /// The partnership; `None` in the founding act, which has no id yet.
    #[n(0)]
    pub partnership: Option<PartnershipId>,
    /// Who declares.
    #[n(1)]
    pub org: OrgId,
    /// [`crate::derive::hash`] of the text that the agreement asks to be declared.
    #[n(2)]
    pub text: Hash,
    /// The person who signed for the organisation, in its own words; at most [`limits::MAX_NAME`] bytes.
    #[n(3)]
    pub person: String,
    /// When, by the signer's clock.
    #[n(4)]
    pub time: Timestamp,
    /// Until when it is good, by the signer's clock.
    #[n(5)]
    pub expires: Timestamp,
}

impl Wire for Declaration {
    const WHAT: &'static str = "declaration of confidentiality";
    const MAX: usize = 160 + limits::MAX_NAME;
}
impl Statement for Declaration {
    const LABEL: &'static str = "declaration";
}
