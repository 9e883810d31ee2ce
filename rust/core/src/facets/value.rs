//! A value of a field: a text or a number.
//!
//! Owns how a value is read, ordered and kept as bytes; knows nothing of fields and documents.
//! Invariant: equal values have equal keys, and keys compare bytewise as values do: numbers by size, then texts bytewise.

use crate::error::{Code, Error, Result};
use crate::plan::Text;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;
use serde_json::value::RawValue;
use std::fmt;

/// Bytes of the longest text that is a value.
pub const VALUE_CAP: usize = 4096;

const NUMBER: u8 = 0;
const TEXT: u8 = 1;
const SIGN: u64 = 1 << 63;

/// What a document has in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word, a name, a date, or a path with `/` between its levels.
    Text(String),
    /// A finite number.
    Number(f64),
}

impl Value {
    /// The bytes by which it is kept and compared.
    ///
    /// # Errors
    /// `bad_input` for a number that is not finite, or a text of more than [`VALUE_CAP`] bytes.
    pub fn key(&self) -> Result<Vec<u8>> {
        match self {
            Value::Text(text) if text.len() <= VALUE_CAP => {
                let mut key = Vec::with_capacity(1 + text.len());
                key.push(TEXT);
                key.extend_from_slice(text.as_bytes());
                Ok(key)
            }
            Value::Text(text) => Err(Error::new(
                Code::BadInput,
                "a value of a field is longer than 4096 bytes; put long texts into the text of the document",
            )
            .with(json!({"size_bytes": text.len()}))),
            Value::Number(number) if number.is_finite() => {
                // Minus zero is zero. Flipped like this, the bits of numbers are ordered as the numbers are.
                let bits = (number + 0.0).to_bits();
                let bits = if bits & SIGN == 0 { bits | SIGN } else { !bits };
                let mut key = vec![NUMBER];
                key.extend_from_slice(&bits.to_be_bytes());
                Ok(key)
            }
            Value::Number(_) => Err(Error::new(
                Code::BadInput,
                "a value of a field is not a finite number; leave it out",
            )),
        }
    }

    /// The value of a key; none for bytes that are no key.
    pub fn from_key(key: &[u8]) -> Option<Value> {
        text(key)
            .map(|text| Value::Text(text.to_owned()))
            .or_else(|| number(key).map(Value::Number))
    }
}

/// The text that a key stands for, if it is one.
pub fn text(key: &[u8]) -> Option<&str> {
    let text = key.strip_prefix(&[TEXT])?;
    (text.len() <= VALUE_CAP).then(|| std::str::from_utf8(text).ok())?
}

/// The number that a key stands for, if it is one.
pub fn number(key: &[u8]) -> Option<f64> {
    let bits = u64::from_be_bytes(key.strip_prefix(&[NUMBER])?.try_into().ok()?);
    let bits = if bits & SIGN == 0 { !bits } else { bits ^ SIGN };
    let number = f64::from_bits(bits);
    (number.is_finite() && bits != SIGN).then_some(number)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Value, D::Error> {
        // A host's string may hold half a surrogate pair, which only `Text` takes.
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let value = if raw.get().starts_with('"') {
            serde_json::from_slice::<Text>(raw.get().as_bytes()).map(|text| Value::Text(text.0))
        } else {
            serde_json::Deserializer::from_slice(raw.get().as_bytes())
                .deserialize_f64(Number)
                .map(Value::Number)
        };
        value.map_err(|cause| D::Error::custom(format!("a value is a string or a number: {cause}")))
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_f64<E>(self, number: f64) -> std::result::Result<f64, E> {
        Ok(number)
    }

    fn visit_u64<E>(self, number: u64) -> std::result::Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_i64<E>(self, number: i64) -> std::result::Result<f64, E> {
        Ok(number as f64)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Value::Text(text) => serializer.serialize_str(text),
            // Whole numbers are written as such, so that what was added comes back.
            Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                serializer.serialize_i64(*number as i64)
            }
            Value::Number(number) => serializer.serialize_f64(*number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_strings_and_numbers() {
        let read = |text: &str| serde_json::from_str::<Value>(text).ok();
        assert_eq!(read(r#""a\u00e4""#), Some(Value::Text("aä".to_owned())));
        assert_eq!(
            read(r#""\ud800""#),
            Some(Value::Text("\u{fffd}".to_owned()))
        );
        assert_eq!(read("-2"), Some(Value::Number(-2.0)));
        assert_eq!(
            read("18446744073709551615"),
            Some(Value::Number(18_446_744_073_709_551_615.0))
        );
        assert_eq!(read(" 2.5"), Some(Value::Number(2.5)));
        for other in ["null", "true", "[1]", "{}", "1e999", "NaN"] {
            assert_eq!(read(other), None, "{other}");
        }
        let written: Vec<String> = [-2.0, 0.5, 1e300]
            .map(|number| serde_json::to_string(&Value::Number(number)).unwrap_or_default())
            .to_vec();
        assert_eq!(written, ["-2", "0.5", "1e+300"]);
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        assert!(Value::Text("x".repeat(VALUE_CAP)).key().is_ok());
        assert!(Value::Text("x".repeat(VALUE_CAP + 1)).key().is_err());
        assert!(Value::Number(f64::NAN).key().is_err());
        assert!(Value::Number(f64::INFINITY).key().is_err());
        for key in [
            &b""[..],
            b"\x02a",
            b"\x01\xff",
            b"\x00",
            b"\x00\xff\xf0\0\0\0\0\0\0",
            b"\x00\x7f\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(Value::from_key(key), None, "{key:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..ProptestConfig::default() })]

        #[test]
        fn keys_are_ordered_as_numbers_are(a: f64, b: f64) {
            prop_assume!(a.is_finite() && b.is_finite());
            let (x, y) = (Value::Number(a).key().unwrap(), Value::Number(b).key().unwrap());
            prop_assert_eq!(a.partial_cmp(&b), Some(x.cmp(&y)));
            prop_assert_eq!(number(&x), Some(a));
        }

        #[test]
        fn any_bytes_are_a_key_or_none(bytes: Vec<u8>) {
            if let Some(value) = Value::from_key(&bytes) {
                prop_assert_eq!(value.key().unwrap(), bytes);
            }
        }
    }
}
