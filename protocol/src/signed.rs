//! Signatures: what is signed carries a label, exact bytes are kept, and only checking yields a value.
//!
//! ```text
//! bytes ──decode──▶ Unverified<T> ──verify(key)──▶ Signed<T>
//!                    (no value)                     (value, its exact bytes, its signature)
//! ```
//! [`Signed`] has no public constructor besides [`sign`] and [`Unverified::verify`].

use core::marker::PhantomData;
use std::cell::Cell;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};

use crate::codec::{self, DecodeError, Wire};

/// A kind of statement that somebody signs; the label keeps one kind from passing for another.
pub trait Statement: Wire + Encode<()> + for<'b> Decode<'b, ()> {
    /// Unique among all statements of the protocol.
    const LABEL: &'static str;
}

/// Why a signed statement was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The statement inside is malformed.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The public key is not a point that may sign.
    #[error("{0}: the signer's key is not a valid key")]
    Key(&'static str),
    /// The signature is not this key's over these bytes and label.
    #[error("{0}: the signature is wrong")]
    Signature(&'static str),
}

/// A statement whose signature was checked, or that we made ourselves.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed<T> {
    value: T,
    bytes: Vec<u8>,
    signature: [u8; 64],
}

/// A signed statement as it arrived. Its value cannot be had without naming the key that must have signed.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Unverified<T> {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    bytes: Vec<u8>,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    signature: [u8; 64],
    #[cbor(skip)]
    of: PhantomData<T>,
}

impl<T: Wire> Wire for Unverified<T> {
    const WHAT: &'static str = T::WHAT;
    const MAX: usize = T::MAX + 80;
}

/// Signs `value` under its label.
#[must_use]
pub fn sign<T: Statement>(value: T, key: &SigningKey) -> Signed<T> {
    let bytes = codec::encode(&value);
    let signature = key.sign(&message(T::LABEL, &bytes)).to_bytes();
    Signed { value, bytes, signature }
}

/// Checks a bare signature over exact bytes under a label, strictly (no small-order keys, RFC 8032 §8.4).
///
/// # Errors
/// [`VerifyError::Key`] or [`VerifyError::Signature`].
pub fn check(
    what: &'static str,
    label: &str,
    bytes: &[u8],
    signature: &[u8; 64],
    key: &[u8; 32],
) -> Result<(), VerifyError> {
    let key = point(key).ok_or(VerifyError::Key(what))?;
    key.verify_strict(&message(label, bytes), &Signature::from_bytes(signature))
        .map_err(|_| VerifyError::Signature(what))
}

/// The point of a public key. To find it is an eighth of a check, and what comes together has mostly one author: the
/// last one is remembered.
fn point(key: &[u8; 32]) -> Option<VerifyingKey> {
    thread_local! {
        static LAST: Cell<Option<VerifyingKey>> = const { Cell::new(None) };
    }
    if let Some(last) = LAST.get().filter(|last| last.as_bytes() == key) {
        return Some(last);
    }
    let found = VerifyingKey::from_bytes(key).ok()?;
    LAST.set(Some(found));
    Some(found)
}

/// Signs exact bytes under a label; for what is not a [`Statement`] of its own (log heads).
#[must_use]
pub fn sign_bytes(label: &str, bytes: &[u8], key: &SigningKey) -> [u8; 64] {
    key.sign(&message(label, bytes)).to_bytes()
}

/// `"entente v1 " ‖ label ‖ 0x00 ‖ bytes`: labels hold no zero byte, so no two labels share a message.
fn message(label: &str, bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(12 + label.len() + bytes.len());
    message.extend_from_slice(b"entente v1 ");
    message.extend_from_slice(label.as_bytes());
    message.push(0);
    message.extend_from_slice(bytes);
    message
}

impl<T: Statement> Unverified<T> {
    /// Puts together what was stored apart.
    #[must_use]
    pub fn from_parts(bytes: Vec<u8>, signature: [u8; 64]) -> Self {
        Self { bytes, signature, of: PhantomData }
    }

    /// Checks that `key` signed this, and gives the value.
    ///
    /// # Errors
    /// [`VerifyError`] says what is wrong.
    pub fn verify(&self, key: &[u8; 32]) -> Result<Signed<T>, VerifyError> {
        check(T::WHAT, T::LABEL, &self.bytes, &self.signature, key)?;
        let value = codec::decode(&self.bytes)?;
        Ok(Signed { value, bytes: self.bytes.clone(), signature: self.signature })
    }

    /// Checks a statement that names its own signer.
    ///
    /// # Errors
    /// [`VerifyError`] says what is wrong.
    pub fn verify_self(&self, signer: impl Fn(&T) -> [u8; 32]) -> Result<Signed<T>, VerifyError> {
        let value: T = codec::decode(&self.bytes)?;
        check(T::WHAT, T::LABEL, &self.bytes, &self.signature, &signer(&value))?;
        Ok(Signed { value, bytes: self.bytes.clone(), signature: self.signature })
    }
}

impl<T> Signed<T> {
    /// What was said.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The exact bytes that were signed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The signature over them.
    #[must_use]
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The form that travels.
    #[must_use]
    pub fn to_unverified(&self) -> Unverified<T> {
        Unverified { bytes: self.bytes.clone(), signature: self.signature, of: PhantomData }
    }
}

impl<T: core::fmt::Debug> core::fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Signed").field(&self.value).finish()
    }
}

impl<T> core::fmt::Debug for Unverified<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Unverified({} bytes)", self.bytes.len())
    }
}
