//! Wrong as signatures: labels, signers, and the corners of Ed25519.

use ed25519_dalek::SigningKey;
use entente_protocol::codec;
use entente_protocol::identity::{LogCertificate, Organisation};
use entente_protocol::ids::OrgId;
use entente_protocol::signed::{Unverified, sign_bytes};
use sha2::{Digest, Sha512};

use crate::common::WORLD;
use crate::{Wrong, replaced, sample, travelling};

#[test]
fn the_small_order_signatures_pass_a_check_that_is_not_strict() {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};
    let message = b"anything";
    let weak = VerifyingKey::from_bytes(&IDENTITY).unwrap();
    assert!(weak.verify(message, &Signature::from_bytes(&identity_signature([0; 32]))).is_ok());
    let key = &WORLD.alice.node;
    let crafted = small_order_r(&[0x12; 32], message);
    assert!(key.verifying_key().verify(message, &Signature::from_bytes(&crafted)).is_ok());
    assert!(key.verifying_key().verify_strict(message, &Signature::from_bytes(&crafted)).is_err());
}

pub fn all() -> Vec<Wrong> {
    let w = &*WORLD;
    let certificate = w.certificate.value().clone();
    let bytes = w.certificate.bytes().to_vec();
    let unverified = |bytes: &[u8], signature: [u8; 64]| {
        codec::encode(&Unverified::<LogCertificate>::from_parts(bytes.to_vec(), signature))
    };
    let labelled = |label| unverified(&bytes, sign_bytes(label, &bytes, &w.alice.node));
    let unlabelled = ed25519_dalek::Signer::sign(&w.alice.node, &bytes).to_bytes();
    let message = [b"entente v1 log-certificate\0".as_slice(), &bytes].concat();
    // S + order is the same scalar: a second signature for one message.
    let mut malleable = *w.certificate.signature();
    let s: [u64; 4] =
        core::array::from_fn(|i| u64::from_le_bytes(malleable[32 + 8 * i..40 + 8 * i].try_into().unwrap()));
    malleable[32..].copy_from_slice(&raw_sum(s, ORDER).map(u64::to_le_bytes).concat());
    let weak = Organisation {
        id: OrgId(IDENTITY),
        name: "Nobody".into(),
        kind: entente_protocol::identity::OrgKind::Cso,
        country: "GE".into(),
    };
    let no_point = Organisation { id: OrgId(NOT_A_POINT), ..weak.clone() };
    let weak_bytes = codec::encode(&weak);
    let by = |org: &[u8]| {
        codec::encode(&Unverified::<Organisation>::from_parts(org.to_vec(), identity_signature([0; 32])))
    };
    let overlong = replaced(&bytes, &[0x83, 0x58, 0x20], &[0x83, 0x59, 0x00, 0x20]);
    let signed_overlong = unverified(&overlong, sign_bytes("log-certificate", &overlong, &w.alice.node));
    let reads = "log certificate";
    vec![
        ("label-of-another-statement", reads, labelled("organisation"), "signature is wrong"),
        ("label-of-a-longer-name", reads, labelled("log-certificate2"), "signature is wrong"),
        ("no-label", reads, unverified(&bytes, unlabelled), "signature is wrong"),
        ("signed-by-another", reads, travelling(certificate, &w.bob.node), "signature is wrong"),
        ("signature-of-zeroes", reads, unverified(&bytes, [0; 64]), "signature is wrong"),
        (
            "signature-small-order-r",
            reads,
            unverified(&bytes, small_order_r(&[0x12; 32], &message)),
            "signature is wrong",
        ),
        ("signature-scalar-plus-order", reads, unverified(&bytes, malleable), "signature is wrong"),
        ("small-order-key", "organisation", by(&weak_bytes), "signature is wrong"),
        ("key-that-is-no-point", "organisation", by(&codec::encode(&no_point)), "not a valid key"),
        ("signed-but-not-canonical", reads, signed_overlong, "canonical"),
        (
            "signature-of-63-bytes",
            reads,
            replaced(&sample("log-certificate"), &[0x58, 0x40], &[0x58, 0x3f]),
            "malformed",
        ),
    ]
}

/// The neutral element of the curve: a public key under which one signature fits every message.
const IDENTITY: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
};

/// 2 is not the ordinate of any point of the curve.
const NOT_A_POINT: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 2;
    bytes
};

fn identity_signature(s: [u8; 32]) -> [u8; 64] {
    [IDENTITY, s].concat().try_into().unwrap()
}

/// A signature with a commitment `R` of small order, which its maker can give only with the secret key:
/// `S = k·a`, so that `S·B = R + k·A` without a nonce.
fn small_order_r(seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let key = SigningKey::from_bytes(seed);
    let mut secret: [u8; 32] = Sha512::digest(seed)[..32].try_into().unwrap();
    secret[0] &= 248;
    secret[31] = (secret[31] & 127) | 64;
    let k = Sha512::digest([&IDENTITY[..], &key.verifying_key().to_bytes(), message].concat());
    identity_signature(times(&k, &secret))
}

/// The group's order, little-endian words.
const ORDER: [u64; 4] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000];

/// `a · b` modulo the group's order; slow and not constant-time, for making wrong signatures only.
fn times(a: &[u8], b: &[u8]) -> [u8; 32] {
    let one = [1, 0, 0, 0];
    let bits = |bytes: &[u8]| {
        bytes.iter().rev().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1)).collect::<Vec<_>>()
    };
    let scaled = |bits: Vec<u8>, by: [u64; 4]| {
        bits.iter().fold([0; 4], |sum, bit| {
            let doubled = plus(sum, sum);
            if *bit == 1 { plus(doubled, by) } else { doubled }
        })
    };
    let product = scaled(bits(a), scaled(bits(b), one));
    product.map(u64::to_le_bytes).concat().try_into().unwrap()
}

/// `a + b` modulo the group's order, for both below it.
fn plus(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let sum = raw_sum(a, b);
    if sum.iter().rev().lt(ORDER.iter().rev()) {
        return sum;
    }
    let mut borrow = 0_i128;
    let mut out = [0; 4];
    for i in 0..4 {
        let word = i128::from(sum[i]) - i128::from(ORDER[i]) + borrow;
        out[i] = word as u64;
        borrow = word >> 64;
    }
    out
}

fn raw_sum(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let mut carry = 0_u128;
    let mut out = [0; 4];
    for i in 0..4 {
        let word = u128::from(a[i]) + u128::from(b[i]) + carry;
        out[i] = word as u64;
        carry = word >> 64;
    }
    out
}
