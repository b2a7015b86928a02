//! The words that say what a record is and how it may be handled: kind, role, language, sensitivity,
//! onward sharing. Vocabularies grow, so kinds and roles are checked tokens, never closed enums.

use core::fmt;
use core::str::FromStr;

use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Serialize};

use crate::ids::{Hash, Timestamp};

/// Why a text is not a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{text}`: use 1 to {max} of a-z, 0-9 and - (a letter first)")]
pub struct TokenError {
    what: &'static str,
    text: String,
    max: usize,
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The token as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TokenError;
            fn try_from(text: String) -> Result<Self, TokenError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(token: $name) -> String {
                token.0
            }
        }

        impl FromStr for $name {
            type Err = TokenError;
            fn from_str(text: &str) -> Result<Self, TokenError> {
                let well_formed = (1..=$max).contains(&text.len())
                    && text.starts_with(|c: char| c.is_ascii_lowercase())
                    && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
                if well_formed {
                    Ok(Self(text.to_owned()))
                } else {
                    let text = text.chars().take(40).collect();
                    Err(TokenError { what: $what, text, max: $max })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                d.str()?.parse().map_err(|e: TokenError| minicbor::decode::Error::message(e.to_string()))
            }
        }
    };
}

token!(
    /// A kind of record, such as `submission` or `visit-report`.
    Kind,
    "kind",
    40
);
token!(
    /// A part that a party plays in an agreement, such as `npm`, `cso` or `network`.
    Role,
    "role",
    40
);

/// A language tag (BCP 47), such as `ka` or `sr-Cyrl`. Only its form is checked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

impl Language {
    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// No language given (BCP 47 `und`).
    #[must_use]
    pub fn undetermined() -> Language {
        Language("und".into())
    }
}

impl TryFrom<String> for Language {
    type Error = TokenError;
    fn try_from(text: String) -> Result<Self, TokenError> {
        let subtags_fine = text
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()));
        if text.len() <= 35 && subtags_fine && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            Ok(Self(text))
        } else {
            let text = text.chars().take(40).collect();
            Err(TokenError { what: "language tag (BCP 47)", text, max: 35 })
        }
    }
}

impl From<Language> for String {
    fn from(language: Language) -> String {
        language.0
    }
}

impl<C> Encode<C> for Language {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Language {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Language::try_from(d.str()?.to_owned()).map_err(|e| minicbor::decode::Error::message(e.to_string()))
    }
}

/// How widely a record may be read, from narrowest to widest, with its TLP 2.0 label.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Never leaves this node.
    #[n(0)]
    Own,
    /// Only the readers named (TLP:RED).
    #[n(1)]
    Named,
    /// The members of the partnership (TLP:AMBER+STRICT).
    #[n(2)]
    Partnership,
    /// Anyone (TLP:CLEAR).
    #[n(3)]
    Public,
}

impl Sensitivity {
    /// The word used in files and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Sensitivity::Own => "own",
            Sensitivity::Named => "named",
            Sensitivity::Partnership => "partnership",
            Sensitivity::Public => "public",
        }
    }

    /// The label of the Traffic Light Protocol 2.0; `own` has none, since it is never shared.
    #[must_use]
    pub fn tlp(self) -> Option<&'static str> {
        match self {
            Sensitivity::Own => None,
            Sensitivity::Named => Some("TLP:RED"),
            Sensitivity::Partnership => Some("TLP:AMBER+STRICT"),
            Sensitivity::Public => Some("TLP:CLEAR"),
        }
    }
}

/// Whether readers may pass a record on, from narrowest to widest.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Onward {
    /// Never.
    #[n(0)]
    #[default]
    Never,
    /// Only after the originator said yes.
    #[n(1)]
    Ask,
    /// Yes.
    #[n(2)]
    Allowed,
}

impl Onward {
    /// The word used in files and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Onward::Never => "never",
            Onward::Ask => "ask",
            Onward::Allowed => "allowed",
        }
    }
}

/// How the author wants a record handled. Every reader's node enforces it too.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", default, deny_unknown_fields)]
pub struct Handling {
    /// May readers pass it on?
    #[n(0)]
    pub onward: Onward,
    /// Holds data about identifiable persons.
    #[n(1)]
    pub personal_data: bool,
    /// The consent that covers it, as a reference that says nothing about the person.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// Not to be published before.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embargo_until: Option<Timestamp>,
    /// To be deleted after.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_until: Option<Timestamp>,
    /// What the consent allows: terms of the vocabulary `consent-use`. The author's node puts them in, from the
    /// consent that it holds; nothing means that no consent is known (rules C1, C7).
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses: Option<Vec<String>>,
    /// Who released it at its author's, by marks that hold for this release only ([`crate::derive::release_mark`],
    /// rule C3). The author's node puts them in.
    #[n(6)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released_by: Option<Vec<Hash>>,
}

/// The use of a consent without which nothing about a person is published ([`Handling::uses`]).
pub const IDENTIFIABLE: &str = "identifiable-publication";
/// The use that lets a redacted copy out.
pub const ANONYMISED: &str = "anonymised-publication";

impl Handling {
    /// The reference to a consent, if there is one and it is not empty.
    #[must_use]
    pub fn named_consent(&self) -> Option<&str> {
        self.consent.as_deref().filter(|consent| !consent.trim().is_empty())
    }

    /// Does the consent that it names allow this use? An unknown consent allows nothing.
    #[must_use]
    pub fn allows(&self, purpose: &str) -> bool {
        self.named_consent().is_some() && self.uses.iter().flatten().any(|granted| granted == purpose)
    }

    /// How many different persons released it.
    #[must_use]
    pub fn approvals(&self) -> usize {
        self.released_by.iter().flatten().collect::<std::collections::BTreeSet<_>>().len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_tokens() {
        assert_eq!("visit-report".parse::<Kind>().unwrap().as_str(), "visit-report");
        for wrong in ["", "Visit", "9a", "a b", "a_b", "-a", &"a".repeat(41), "подання"] {
            assert!(wrong.parse::<Kind>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sensitivities_are_ordered_from_narrow_to_wide() {
        assert!(Sensitivity::Own < Sensitivity::Named);
        assert!(Sensitivity::Named < Sensitivity::Partnership);
        assert!(Sensitivity::Partnership < Sensitivity::Public);
        assert!(Onward::Never < Onward::Ask && Onward::Ask < Onward::Allowed);
    }
}
