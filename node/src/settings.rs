//! What the keeper of this node set for a partnership: which attachments come by themselves, how much partners may
//! store here, and whose traffic goes first. Known to this node only.

use entente_protocol::codec::Wire;
use entente_protocol::handling::Kind;
use entente_protocol::ids::{OrgId, PartnershipId};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::door::Priority;

/// Kinds or organisations that one rule can name.
pub const MAX_NAMED: usize = 300;

/// Settings of one partnership.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PartnershipSettings {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// Which attachments come by themselves.
    #[n(1)]
    pub fetch: FetchRule,
    /// How much partners may store here.
    #[n(2)]
    pub quota: Quota,
    /// Whose traffic goes before that of other partnerships, where a limit holds both back; usual if absent.
    #[n(3)]
    pub priority: Option<Priority>,
}

/// Which attachments are fetched without being asked for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchRule {
    /// Are any?
    #[n(0)]
    pub automatic: bool,
    /// Only those of records of these kinds; empty: of all.
    #[n(1)]
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Only those of records by these organisations; empty: by all.
    #[n(2)]
    #[serde(default)]
    pub authors: Vec<OrgId>,
    /// Only those of at most so many bytes.
    #[n(3)]
    #[serde(default)]
    pub max_size: Option<u64>,
}

/// How much partners may store on this node in a partnership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Bytes of log entries and attachments; no limit if absent.
    #[n(0)]
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Log entries; no limit if absent.
    #[n(1)]
    #[serde(default)]
    pub records: Option<u64>,
}

/// What partners store on this node in a partnership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes of log entries and attachments.
    pub bytes: u64,
    /// Log entries.
    pub records: u64,
}

impl Wire for PartnershipSettings {
    const WHAT: &'static str = "settings of a partnership";
    const MAX: usize = 64 << 10;
}

impl PartnershipSettings {
    /// As long as nobody set anything: all attachments come by themselves, and there is no quota.
    #[must_use]
    pub fn unset(partnership: PartnershipId) -> PartnershipSettings {
        let fetch = FetchRule { automatic: true, kinds: Vec::new(), authors: Vec::new(), max_size: None };
        PartnershipSettings { partnership, fetch, quota: Quota::default(), priority: None }
    }
}

impl FetchRule {
    /// Does an attachment of this size come by itself? `of` is the kind and the author of its record, where that
    /// is known.
    #[must_use]
    pub fn takes(&self, of: Option<(&Kind, &OrgId)>, size: u64) -> bool {
        let kind = self.kinds.is_empty() || of.is_some_and(|(kind, _)| self.kinds.contains(kind));
        let author = self.authors.is_empty() || of.is_some_and(|(_, author)| self.authors.contains(author));
        self.automatic && kind && author && self.max_size.is_none_or(|most| size <= most)
    }
}

impl Quota {
    /// Is there no room for `more` bytes, or for one record more?
    #[must_use]
    pub fn is_full(&self, used: Usage, more: u64) -> bool {
        self.bytes.is_some_and(|most| used.bytes.saturating_add(more) > most)
            || self.records.is_some_and(|most| used.records >= most)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_takes_what_it_names_and_nothing_that_is_not_known_to_be_that() {
        let (training, visit): (Kind, Kind) = ("training".parse().unwrap(), "visit-report".parse().unwrap());
        let (one, two) = (OrgId([1; 32]), OrgId([2; 32]));
        let all = PartnershipSettings::unset(PartnershipId([0; 32])).fetch;
        assert!(all.takes(None, u64::MAX));
        let narrow =
            FetchRule { kinds: vec![training.clone()], authors: vec![one], max_size: Some(10), ..all };
        assert!(narrow.takes(Some((&training, &one)), 10));
        for (of, size) in [
            (Some((&visit, &one)), 1),
            (Some((&training, &two)), 1),
            (Some((&training, &one)), 11),
            (None, 1),
        ] {
            assert!(!narrow.takes(of, size));
        }
        assert!(!FetchRule { automatic: false, ..narrow }.takes(Some((&training, &one)), 1));
    }

    #[test]
    fn a_quota_is_full_at_its_last_record_and_its_last_byte() {
        let quota = Quota { bytes: Some(100), records: Some(3) };
        assert!(!quota.is_full(Usage { bytes: 90, records: 2 }, 10));
        assert!(quota.is_full(Usage { bytes: 90, records: 2 }, 11));
        assert!(quota.is_full(Usage { bytes: 0, records: 3 }, 0));
        assert!(!Quota::default().is_full(Usage { bytes: u64::MAX, records: u64::MAX }, u64::MAX));
    }
}
