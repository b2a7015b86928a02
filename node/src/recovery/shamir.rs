//! Sharing 32 bytes among three so that any two have them and one has nothing: A. Shamir, *How to share a
//! secret*, CACM 22 (1979), byte by byte over GF(256) with the polynomial of AES (x⁸+x⁴+x³+x+1).
//!
//! The polynomial has degree 1, `f(x) = secret + slope · x`, and share `n` is `f(n)`. The slope is uniform, zero
//! included: leaving zero out would tell a holder of one share what the secret is not. There are no tables and
//! no branches on secrets. Why this is here and not a crate: `docs/decisions`.

use zeroize::Zeroizing;

use entente_protocol::derive::Key;

/// The share of `secret` at `x`, which must not be 0: that is the secret itself.
pub(super) fn share(secret: &Key, slope: &Key, x: u8) -> Key {
    let mut y = Zeroizing::new([0; 32]);
    for ((y, secret), slope) in y.iter_mut().zip(secret.iter()).zip(slope.iter()) {
        *y = secret ^ times(*slope, x);
    }
    y
}

/// The secret of two shares; `None` if they stand at the same place.
pub(super) fn combine(a: (u8, &Key), b: (u8, &Key)) -> Option<Key> {
    if a.0 == b.0 {
        return None;
    }
    let unit = inverse(a.0 ^ b.0);
    let mut secret = Zeroizing::new([0; 32]);
    for ((secret, ya), yb) in secret.iter_mut().zip(a.1.iter()).zip(b.1.iter()) {
        *secret = times(times(*ya, b.0) ^ times(*yb, a.0), unit);
    }
    Some(secret)
}

/// The product in GF(256). Both factors may be secret.
fn times(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..8 {
        // All ones where the bit is set: a mask takes the place of a branch.
        product ^= a & 0_u8.wrapping_sub((b >> bit) & 1);
        let carry = 0_u8.wrapping_sub(a >> 7);
        a = (a << 1) ^ (carry & 0x1b);
    }
    product
}

/// `a⁻¹ = a²⁵⁴`; 0 for 0.
fn inverse(a: u8) -> u8 {
    let mut power = 1;
    for _ in 0..254 {
        power = times(power, a);
    }
    power
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The five bytes of a published vector, at the start of 32.
    fn padded(bytes: [u8; 5]) -> Key {
        let mut key = Zeroizing::new([0; 32]);
        key[..5].copy_from_slice(&bytes);
        key
    }

    /// D. McGrew, *Threshold Secret Sharing*, draft-mcgrew-tss-03, section 9: two of two.
    #[test]
    fn shares_of_the_published_vector_give_its_secret() {
        let (one, two) = (padded([0xb9, 0xfa, 0x07, 0xe1, 0x85]), padded([0xf5, 0x40, 0x9b, 0x45, 0x11]));
        let secret = combine((1, &one), (2, &two)).unwrap();
        assert_eq!(secret[..5], [0x74, 0x65, 0x73, 0x74, 0x00]);
        assert_eq!(secret, combine((2, &two), (1, &one)).unwrap());
        // The slope that the vector was made with makes its shares again.
        let slope = padded([0xcd, 0x9f, 0x74, 0x95, 0x85]);
        assert_eq!((share(&secret, &slope, 1), share(&secret, &slope, 2)), (one, two));
    }

    /// FIPS 197, section 4.2: {57}·{83} = {c1}, {57}·{13} = {fe}; and {53}·{ca} = {01}.
    #[test]
    fn products_are_those_of_the_aes_standard() {
        assert_eq!((times(0x57, 0x83), times(0x57, 0x13), times(0x53, 0xca)), (0xc1, 0xfe, 1));
        assert_eq!(inverse(0x53), 0xca);
        for a in 0..=255_u8 {
            assert_eq!(times(a, inverse(a)), u8::from(a != 0));
            for b in 0..=255 {
                assert_eq!(times(a, b), times(b, a));
                assert_eq!(times(a ^ 0x35, b), times(a, b) ^ times(0x35, b));
            }
        }
    }

    #[test]
    fn any_two_of_three_give_the_secret_and_one_place_twice_gives_nothing() {
        let (secret, slope) = (Zeroizing::new([0xa5; 32]), Zeroizing::new(core::array::from_fn(|i| i as u8)));
        let shares = [1, 2, 3].map(|x| (x, share(&secret, &slope, x)));
        for (a, b) in [(0, 1), (1, 0), (0, 2), (1, 2), (2, 1)] {
            let (a, b) = (&shares[a], &shares[b]);
            assert_eq!(combine((a.0, &a.1), (b.0, &b.1)).unwrap(), secret);
        }
        assert!(combine((2, &shares[1].1), (2, &shares[1].1)).is_none());
    }

    #[test]
    fn every_secret_is_as_likely_behind_one_share_as_any_other() {
        // For each share and each secret there is exactly one slope that joins them.
        for x in 1..=3 {
            for secret in 0..=255_u8 {
                let reached: std::collections::BTreeSet<u8> =
                    (0..=255).map(|slope| secret ^ times(slope, x)).collect();
                assert_eq!(reached.len(), 256);
            }
        }
    }
}
