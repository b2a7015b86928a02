//! Who speaks: an organisation is a key; a node is a key that it certifies.
//!
//! ```text
//! organisation root key ──signs──▶ Organisation (name, kind, country)
//!                       └─signs──▶ NodeCertificate (node key, until)
//! node key              ──signs──▶ MemberCard (transport id, log key, prekey: one partnership only)
//! ```
//! [`Introduction`] carries the first two; [`Introduction::verify`] yields [`Introduced`], which nothing
//! else can make.

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::codec::Wire;
use crate::ids::{LogId, NodeId, OrgId, PartnershipId, Timestamp, TransportId};
use crate::limits;
use crate::signed::{Signed, Statement, Unverified, VerifyError, sign};

/// What an organisation is, in its own words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum OrgKind {
    /// A National Preventive Mechanism (OPCAT Article 17).
    #[n(0)]
    Npm,
    /// A civil-society organisation.
    #[n(1)]
    Cso,
    /// A network of organisations.
    #[n(2)]
    Network,
    /// Anything else.
    #[n(3)]
    Other,
}

impl OrgKind {
    /// The word used in files and on screens, and the role it takes unless an agreement says otherwise.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OrgKind::Npm => "npm",
            OrgKind::Cso => "cso",
            OrgKind::Network => "network",
            OrgKind::Other => "other",
        }
    }
}

/// An organisation's card, signed by its root key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Organisation {
    /// Its root public key.
    #[n(0)]
    pub id: OrgId,
    /// Its name, in any script.
    #[n(1)]
    pub name: String,
    /// What it is.
    #[n(2)]
    pub kind: OrgKind,
    /// ISO 3166-1 alpha-2, upper case.
    #[n(3)]
    pub country: String,
}

impl Wire for Organisation {
    const WHAT: &'static str = "organisation card";
    const MAX: usize = limits::MAX_NAME + 80;
}
impl Statement for Organisation {
    const LABEL: &'static str = "organisation";
}

/// The root key's word that a node speaks for the organisation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct NodeCertificate {
    /// The organisation.
    #[n(0)]
    pub organisation: OrgId,
    /// The node's public key.
    #[n(1)]
    pub node: NodeId,
    /// When it was issued, by the issuer's clock.
    #[n(2)]
    pub issued: Timestamp,
    /// Until when it is good. Judged with doubt: clocks are wrong.
    #[n(3)]
    pub expires: Timestamp,
}

impl Wire for NodeCertificate {
    const WHAT: &'static str = "node certificate";
    const MAX: usize = 128;
}
impl Statement for NodeCertificate {
    const LABEL: &'static str = "node-certificate";
}

/// An organisation's card and a node's certificate together, as they travel.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Introduction {
    /// The card.
    #[n(0)]
    pub organisation: Unverified<Organisation>,
    /// The certificate.
    #[n(1)]
    pub certificate: Unverified<NodeCertificate>,
}

impl Wire for Introduction {
    const WHAT: &'static str = "introduction";
    const MAX: usize = 1024;
}

/// Why an introduction was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntroductionError {
    /// A signature or a form is wrong.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The certificate is another organisation's.
    #[error("the node certificate is not of the organisation that presents it")]
    Mismatch,
    /// A name that nobody should have.
    #[error("the organisation's name or country is not acceptable: {0}")]
    Name(&'static str),
}

/// A verified introduction: this node speaks for this organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Introduced {
    organisation: Signed<Organisation>,
    certificate: Signed<NodeCertificate>,
}

impl Introduction {
    /// Checks both signatures and that they belong together.
    ///
    /// # Errors
    /// [`IntroductionError`].
    pub fn verify(&self) -> Result<Introduced, IntroductionError> {
        let organisation = self.organisation.verify_self(|o| o.id.0)?;
        let certificate = self.certificate.verify(&organisation.value().id.0)?;
        if certificate.value().organisation != organisation.value().id {
            return Err(IntroductionError::Mismatch);
        }
        check_name(&organisation.value().name)?;
        check_country(&organisation.value().country)?;
        Ok(Introduced { organisation, certificate })
    }
}

impl Introduced {
    /// The organisation's card.
    #[must_use]
    pub fn organisation(&self) -> &Organisation {
        self.organisation.value()
    }

    /// The organisation's id.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.organisation.value().id
    }

    /// The node's id.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.certificate.value().node
    }

    /// The node's certificate.
    #[must_use]
    pub fn certificate(&self) -> &NodeCertificate {
        self.certificate.value()
    }

    /// The form that travels.
    #[must_use]
    pub fn to_introduction(&self) -> Introduction {
        Introduction {
            organisation: self.organisation.to_unverified(),
            certificate: self.certificate.to_unverified(),
        }
    }
}

/// Checks a name for use: not empty, not too long, no control characters.
///
/// # Errors
/// [`IntroductionError::Name`] says what is wrong.
pub fn check_name(name: &str) -> Result<(), IntroductionError> {
    if name.trim().is_empty() {
        return Err(IntroductionError::Name("it is empty"));
    }
    if name.len() > limits::MAX_NAME {
        return Err(IntroductionError::Name("it is longer than 200 bytes"));
    }
    if name.chars().any(char::is_control) {
        return Err(IntroductionError::Name("it holds control characters"));
    }
    Ok(())
}

fn check_country(country: &str) -> Result<(), IntroductionError> {
    if country.len() == 2 && country.chars().all(|c| c.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(IntroductionError::Name("the country is not two capital letters (ISO 3166-1)"))
    }
}

/// Makes an organisation's card and certifies its first node.
///
/// # Errors
/// [`IntroductionError::Name`].
pub fn introduce(
    root: &SigningKey,
    name: &str,
    kind: OrgKind,
    country: &str,
    node: NodeId,
    now: Timestamp,
) -> Result<Introduced, IntroductionError> {
    check_name(name)?;
    check_country(country)?;
    let id = OrgId(root.verifying_key().to_bytes());
    let organisation = Organisation { id, name: name.into(), kind, country: country.into() };
    Ok(Introduced { organisation: sign(organisation, root), certificate: certified(root, node, now) })
}

/// Certifies one more node of an organisation that has its card already.
#[must_use]
pub fn certify(root: &SigningKey, node: NodeId, now: Timestamp) -> Unverified<NodeCertificate> {
    certified(root, node, now).to_unverified()
}

fn certified(root: &SigningKey, node: NodeId, now: Timestamp) -> Signed<NodeCertificate> {
    let organisation = OrgId(root.verifying_key().to_bytes());
    let expires = now.plus_days(limits::CERTIFICATE_DAYS);
    sign(NodeCertificate { organisation, node, issued: now, expires }, root)
}

/// A node's keys for one partnership, signed by the node. Nothing in it is used anywhere else.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct MemberCard {
    /// The partnership; for a founding act, which has no id yet, all zeroes.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The node that signs.
    #[n(1)]
    pub node: NodeId,
    /// Its libp2p identity here.
    #[n(2)]
    pub transport: TransportId,
    /// The key of its log in the space of all members.
    #[n(3)]
    pub log: LogId,
    /// Its HPKE public key (X-Wing, 1,216 bytes).
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub prekey: Vec<u8>,
    /// Where it may be reached, as `ip:port`.
    #[n(5)]
    pub addresses: Vec<String>,
}

impl Wire for MemberCard {
    const WHAT: &'static str = "member card";
    const MAX: usize = 1536 + limits::MAX_ADDRESSES * limits::MAX_ADDRESS;
}
impl Statement for MemberCard {
    const LABEL: &'static str = "member-card";
}

/// The certificate of a node's log in a circle, shown to the circle's members only.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct LogCertificate {
    /// The circle.
    #[n(0)]
    pub space: crate::ids::SpaceId,
    /// The node that signs.
    #[n(1)]
    pub node: NodeId,
    /// The log's key.
    #[n(2)]
    pub log: LogId,
}

impl Wire for LogCertificate {
    const WHAT: &'static str = "log certificate";
    const MAX: usize = 128;
}
impl Statement for LogCertificate {
    const LABEL: &'static str = "log-certificate";
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn introduced() -> Introduced {
        let node = NodeId(key(2).verifying_key().to_bytes());
        introduce(&key(1), "Комітет", OrgKind::Cso, "UA", node, Timestamp(1)).unwrap()
    }

    #[test]
    fn an_introduction_survives_the_wire() {
        let travelling = crate::codec::encode(&introduced().to_introduction());
        let back: Introduction = crate::codec::decode(&travelling).unwrap();
        assert_eq!(back.verify().unwrap(), introduced());
    }

    #[test]
    fn a_certificate_of_another_organisation_is_refused() {
        let other =
            introduce(&key(9), "Other", OrgKind::Npm, "GE", introduced().node(), Timestamp(1)).unwrap();
        let mixed = Introduction {
            organisation: introduced().to_introduction().organisation,
            certificate: other.to_introduction().certificate,
        };
        assert!(mixed.verify().is_err());
    }

    #[test]
    fn a_node_that_was_certified_later_speaks_for_the_same_organisation() {
        let first = introduced();
        let node = NodeId(key(3).verifying_key().to_bytes());
        let certificate = certify(&key(1), node, Timestamp(2));
        let organisation = first.to_introduction().organisation;
        let second = Introduction { organisation, certificate }.verify().unwrap();
        assert_eq!((second.org(), second.node()), (first.org(), node));
    }

    #[test]
    fn names_with_control_characters_are_refused() {
        let node = introduced().node();
        for wrong in ["", "  ", "a\u{1b}[31mb", &"x".repeat(201)] {
            assert!(introduce(&key(1), wrong, OrgKind::Cso, "UA", node, Timestamp(1)).is_err());
        }
        assert!(introduce(&key(1), "ok", OrgKind::Cso, "ua", node, Timestamp(1)).is_err());
    }
}
