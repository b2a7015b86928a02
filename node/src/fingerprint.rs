//! An organisation's key in forms that people compare: words for the telephone, letters for paper, a QR code
//! for a screen.
//!
//! The words are twelve, of the list of BIP-39, for 128 bits of a hash of the key. Why twelve, when the key has
//! 32 bytes: 128 bits are as strong as the key itself against somebody who looks for another that sounds the
//! same; and 24 words are the *secret* words of a back-up or a share. Nobody who was told "twelve words are for
//! reading aloud, 24 are for nobody" shall ever have to think about which of the two lies before them.

use entente_protocol::derive;
use entente_protocol::ids::OrgId;

use crate::recovery::words::public_words;

/// What the text of an organisation's QR code begins with.
pub const QR_PREFIX: &str = "ENTENTE:KEY:";

/// Letters of an id in one group.
const GROUP: usize = 4;

/// Twelve words, with spaces between them.
#[must_use]
pub fn words(org: &OrgId) -> String {
    public_words(&derive::org_fingerprint(org)).join(" ")
}

/// The whole id, in thirteen groups of four letters.
#[must_use]
pub fn letters(org: &OrgId) -> String {
    let letters: Vec<char> = org.to_string().chars().collect();
    letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// What its QR code says: the id in capital letters, which make a smaller code.
#[must_use]
pub fn qr_text(org: &OrgId) -> String {
    format!("{QR_PREFIX}{}", org.to_string().to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_has_twelve_words_and_all_letters_of_the_id() {
        let org = OrgId([4; 32]);
        assert_eq!(words(&org), "ethics ice monitor boil edit gesture fan obey gasp ski crime defense");
        assert_eq!(letters(&org).replace(' ', ""), org.to_string());
        assert_eq!(letters(&org).split(' ').count(), 13);
        assert_eq!(qr_text(&org), format!("ENTENTE:KEY:{}", org.to_string().to_uppercase()));
    }

    #[test]
    fn keys_that_differ_in_one_bit_share_no_fingerprint() {
        for bit in 0..256 {
            let mut other = [4; 32];
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(words(&OrgId(other)), words(&OrgId([4; 32])));
        }
    }
}
