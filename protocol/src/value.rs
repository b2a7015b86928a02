//! The value of a record's field: text, whole numbers, yes or no, lists and tables of them.
//!
//! Floating-point numbers are left out on purpose: they have many encodings and no exact decimal meaning.
//! Write `"3.5"` as text.

use std::collections::BTreeMap;

use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::limits::MAX_VALUE_DEPTH;

/// One value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text in any script.
    Text(String),
    /// Several values in order.
    List(Vec<Value>),
    /// Named values.
    Table(BTreeMap<String, Value>),
}

/// Why a JSON value cannot be a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A number with a fraction, or beyond 64 bits.
    #[error("the number {0} is not a whole number of 64 bits; write it as text, in quotes")]
    Number(String),
    /// `null`.
    #[error("an empty value (null); leave the field out instead")]
    Null,
    /// Too deep.
    #[error("values nest deeper than {MAX_VALUE_DEPTH} levels")]
    Depth,
}

impl Value {
    /// Reads a JSON value.
    ///
    /// # Errors
    /// [`ValueError`] for fractions, nulls and deep nesting.
    pub fn from_json(json: &serde_json::Value) -> Result<Value, ValueError> {
        Self::from_json_at(json, MAX_VALUE_DEPTH)
    }

    fn from_json_at(json: &serde_json::Value, depth: usize) -> Result<Value, ValueError> {
        let deeper = depth.checked_sub(1).ok_or(ValueError::Depth)?;
        Ok(match json {
            serde_json::Value::Null => return Err(ValueError::Null),
            serde_json::Value::Bool(yes) => Value::Bool(*yes),
            serde_json::Value::Number(n) => {
                Value::Int(n.as_i64().ok_or_else(|| ValueError::Number(n.to_string()))?)
            }
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(items) => {
                Value::List(items.iter().map(|i| Self::from_json_at(i, deeper)).collect::<Result<_, _>>()?)
            }
            serde_json::Value::Object(table) => Value::Table(
                table.iter().map(|(k, v)| Ok((k.clone(), Self::from_json_at(v, deeper)?))).collect::<Result<
                    _,
                    ValueError,
                >>(
                )?,
            ),
        })
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Bool(yes) => (*yes).into(),
            Value::Int(n) => (*n).into(),
            Value::Text(text) => text.clone().into(),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Table(table) => table.iter().map(|(k, v)| (k.clone(), v.to_json())).collect(),
        }
    }

    /// All text in it, for search.
    pub fn each_text<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match self {
            Value::Text(text) => visit(text),
            Value::List(items) => items.iter().for_each(|i| i.each_text(visit)),
            Value::Table(table) => table.values().for_each(|v| v.each_text(visit)),
            Value::Bool(_) | Value::Int(_) => {}
        }
    }
}

impl<C> Encode<C> for Value {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Value::Bool(yes) => e.bool(*yes)?.ok(),
            Value::Int(n) => e.i64(*n)?.ok(),
            Value::Text(text) => e.str(text)?.ok(),
            Value::List(items) => {
                e.array(items.len() as u64)?;
                items.iter().try_for_each(|i| i.encode(e, ctx))
            }
            Value::Table(table) => {
                // RFC 8949 §4.2.1: keys in bytewise order of their encodings, that is, shorter first.
                let mut entries: Vec<_> = table.iter().collect();
                entries.sort_by(|a, b| (a.0.len(), a.0).cmp(&(b.0.len(), b.0)));
                e.map(entries.len() as u64)?;
                entries.into_iter().try_for_each(|(k, v)| {
                    e.str(k)?;
                    v.encode(e, ctx)
                })
            }
        }
    }
}

impl<'b, C> Decode<'b, C> for Value {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        decode_at(d, MAX_VALUE_DEPTH)
    }
}

fn decode_at(d: &mut Decoder<'_>, depth: usize) -> Result<Value, minicbor::decode::Error> {
    let refuse = |why: &str| minicbor::decode::Error::message(why.to_owned());
    let deeper = depth.checked_sub(1).ok_or_else(|| refuse("values nest too deep"))?;
    Ok(match d.datatype()? {
        Type::Bool => Value::Bool(d.bool()?),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
            Value::Int(d.i64()?)
        }
        Type::String => Value::Text(d.str()?.to_owned()),
        Type::Array => {
            let len = d.array()?.ok_or_else(|| refuse("indefinite length"))?;
            // Not reserved: the length is a claim. Each item takes at least a byte of what really came.
            let mut items = Vec::new();
            for _ in 0..len {
                items.push(decode_at(d, deeper)?);
            }
            Value::List(items)
        }
        Type::Map => {
            let len = d.map()?.ok_or_else(|| refuse("indefinite length"))?;
            let mut table = BTreeMap::new();
            for _ in 0..len {
                let key = d.str()?.to_owned();
                if table.insert(key, decode_at(d, deeper)?).is_some() {
                    return Err(refuse("a key twice"));
                }
            }
            Value::Table(table)
        }
        other => return Err(refuse(&format!("a value cannot be {other}"))),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::codec::{decode_bounded, encode};
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            ".{0,12}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::btree_map(".{0,6}", inner, 0..6).prop_map(Value::Table),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_survives_cbor_and_json(value in any_value()) {
            prop_assert_eq!(decode_bounded::<Value>(&encode(&value), "value", 1 << 20).unwrap(), value.clone());
            prop_assert_eq!(Value::from_json(&value.to_json()).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_bounded::<Value>(&bytes, "value", 1 << 20);
        }
    }

    #[test]
    fn a_depth_of_ten_thousand_is_refused() {
        let mut bytes = vec![0x81; 10_000];
        bytes.push(0x01);
        assert!(decode_bounded::<Value>(&bytes, "value", 1 << 20).is_err());
    }

    #[test]
    fn fractions_and_nulls_are_refused_with_advice() {
        let error = Value::from_json(&serde_json::json!(3.5)).unwrap_err();
        assert!(error.to_string().contains("write it as text"));
        assert_eq!(Value::from_json(&serde_json::json!([null])), Err(ValueError::Null));
    }
}
