//! Requests and plans: JSON in, checked values out.
//!
//! Owns the keys of every request and their limits; knows nothing of how a request is carried out.
//! Invariant: a request with an unknown key, a wrong type or a number out of range is refused whole, as `bad_request`.

use crate::analysis::Language;
use crate::codes::DIM_CAP;
use crate::error::{Code, Error, Result};
use crate::facets::Values;
use crate::numbers;
use crate::words::Source;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::fmt;

mod reply;
mod search;

pub use reply::{Hit, Hits, Legs, Opened, Record, need, reply};
pub use search::{DEFAULT_LIMIT, Leg, Precision, Search, Target, read_search, weights};

/// Offsets and lengths cross as doubles.
const FILE_CAP: u64 = 1 << 53;

/// What a text is for: some models put another prefix before each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextKind {
    /// Something that is asked.
    Query,
    /// Something that can be found.
    Passage,
}

/// Text as it came from a host whose strings may hold half a surrogate pair, which becomes U+FFFD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

/// The request of `tokenize`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokenize {
    /// What to tokenise.
    pub text: Text,
    /// Which prefix to put before it, if any.
    pub kind: Option<TextKind>,
    /// The most ids, start and end included; none for no limit.
    pub max_tokens: Option<usize>,
}

/// The request of `embed`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embed {
    /// What to embed, one vector each.
    pub texts: Vec<Text>,
    /// What the texts are for.
    pub kind: TextKind,
    /// The most tokens of a text; the model's own limit when not given.
    pub max_tokens: Option<usize>,
    /// What makes the vectors.
    #[serde(default)]
    pub encoder: Encoder,
}

/// What makes the vector of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoder {
    /// The model.
    #[default]
    Model,
    /// The piece table.
    Static,
    /// The model where it is loaded, else the piece table where that is.
    Auto,
}

/// The request of `open`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The name it is opened under.
    pub index: String,
    /// The file to read; none for a new index.
    pub file: Option<String>,
    /// The length of the file in bytes.
    pub length: Option<u64>,
    /// Whether a published collection is to be read whole, and be an index like any other.
    #[serde(default)]
    pub whole: bool,
}

/// The request of `add`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// The index to add to.
    pub index: String,
    /// What to add.
    pub documents: Vec<Document>,
}

/// The request of `add_vectors`; the vectors come beside it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddVectors {
    /// The index to add to.
    pub index: String,
    /// Which model made the vectors.
    pub space: String,
    /// What to add, one vector for each passage.
    pub documents: Vec<Document>,
}

/// One document of an `add`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Unique within the index.
    pub id: String,
    /// What it says, for the leg of words.
    pub fields: Option<Fields>,
    /// Its language as an ISO 639 code; guessed when not given.
    pub language: Option<String>,
    /// What it can be filtered by.
    #[serde(default)]
    pub values: Values,
    /// At least one text to be found by.
    pub passages: Vec<Text>,
    /// Any JSON, given back with a hit as it stands.
    pub record: Box<RawValue>,
}

/// What a document says, by field.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// Its title.
    pub title: Option<Text>,
    /// Its text.
    pub text: Option<Text>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Text>,
    /// Where it comes from.
    pub path: Option<Text>,
}

impl Document {
    /// What it says; none without fields and language.
    ///
    /// # Errors
    /// `bad_request` when its language is not a code.
    pub fn words(&mut self) -> Result<Option<Source>> {
        let language = match &self.language {
            None => None,
            Some(code) => Some(Language::from_code(code).ok_or_else(|| {
                refused("a language is not an ISO 639 code such as \"en\"")
                    .with(json!({"id": self.id, "language": code}))
            })?),
        };
        if language.is_none() && self.fields.is_none() {
            return Ok(None);
        }
        let fields = self.fields.take().unwrap_or_default();
        let text = |text: Option<Text>| text.map_or_else(String::new, |text| text.0);
        Ok(Some(Source {
            title: text(fields.title),
            text: text(fields.text),
            tags: fields.tags.into_iter().map(|tag| tag.0).collect(),
            path: text(fields.path),
            language,
        }))
    }
}

/// The request of `remove`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// The index to remove from.
    pub index: String,
    /// The documents to remove.
    pub ids: Vec<String>,
}

/// The request of `records`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// The index to read.
    pub index: String,
    /// Only these documents; none for all.
    pub ids: Option<Vec<String>>,
}

/// The request of `dump`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dump {
    /// The index to write.
    pub index: String,
    /// What the file says about itself; that of the index when not given.
    pub meta: Option<Map<String, Value>>,
    /// Whether to learn anew which scores are good ones.
    #[serde(default)]
    pub calibrate: bool,
}

/// The request of `commit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The index to write the changes of.
    pub index: String,
    /// What the pointer says about the collection; that of the index when not given.
    pub meta: Option<Map<String, Value>>,
    /// The digest of the pointer that is stored now; none when nothing is.
    pub on: Option<String>,
    /// The segments whose documents go into the new one.
    #[serde(default)]
    pub merge: Vec<String>,
    /// Whether to learn anew which scores are good ones.
    #[serde(default)]
    pub calibrate: bool,
}

/// The request of `close`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// The index to forget.
    pub index: String,
}

/// The request of `pack`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// What the file holds.
    pub kind: crate::format::Kind,
    /// What it says about itself, an object.
    pub meta: Value,
    /// The sections in file order.
    pub sections: Vec<PackSection>,
}

/// One section of a `pack`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackSection {
    /// Unique within the file.
    pub name: String,
    /// Bytes of the payload that are its content.
    pub length: u64,
    /// Bytes that one digest covers.
    #[serde(default = "default_block")]
    pub block: u32,
}

fn default_block() -> u32 {
    crate::format::DEFAULT_BLOCK
}

/// Reads a request.
///
/// # Errors
/// `bad_request` when it is not JSON of that shape.
pub fn read<T: DeserializeOwned>(request: &[u8]) -> Result<T> {
    serde_json::from_slice(request).map_err(|cause| {
        Error::new(
            Code::BadRequest,
            format!(
                "the request is not understood: {cause}; see the engine's methods for its keys"
            ),
        )
        .with(json!({"line": cause.line(), "column": cause.column()}))
    })
}

impl Open {
    /// The file with its length, or none for a new index.
    ///
    /// # Errors
    /// `bad_request` when only one of the two is given or the length is beyond 2^53.
    pub fn source(&self) -> Result<Option<(&str, u64)>> {
        match (&self.file, self.length) {
            (None, None) => Ok(None),
            (Some(file), Some(length)) if length < FILE_CAP => Ok(Some((file, length))),
            _ => Err(refused(
                "\"file\" needs a \"length\" below 2^53, and neither stands alone",
            )),
        }
    }
}

/// A byte offset that came as a double.
///
/// # Errors
/// `bad_request` when it is not a whole number from 0 to 2^53.
pub fn offset(number: f64) -> Result<u64> {
    if number >= 0.0 && number < FILE_CAP as f64 && number.fract() == 0.0 {
        return Ok(number as u64);
    }
    Err(refused("an offset is not a whole number from 0 to 2^53"))
}

/// Vectors that came as raw little-endian f32, one row for each of `passages`, and their number of components.
///
/// # Errors
/// `bad_request` when the bytes are not rows of one length from 1 to 4096 components.
pub fn rows(payload: &[u8], passages: usize) -> Result<(usize, Vec<f32>)> {
    let dim = payload.len() / size_of::<f32>() / passages.max(1);
    if payload.len() != dim * passages * size_of::<f32>()
        || (passages > 0 && !(1..=DIM_CAP).contains(&dim))
    {
        return Err(
            refused("the payload is not one row of 1 to 4096 f32 for each passage")
                .with(json!({"payload_bytes": payload.len(), "passages": passages})),
        );
    }
    Ok((dim, numbers::read(payload)))
}

/// The number of tokens a text may have: `wanted`, or the model's own.
///
/// # Errors
/// `bad_request` when it is less than 2 or more than `most`.
pub fn max_tokens(wanted: Option<usize>, most: usize) -> Result<usize> {
    let tokens = wanted.unwrap_or(most);
    if tokens < crate::tokenizer::MIN_TOKENS || tokens > most {
        return Err(
            refused("\"max_tokens\" is below 2 or above what the model takes")
                .with(json!({"max_tokens": tokens, "limit": most})),
        );
    }
    Ok(tokens)
}

fn refused(what: &str) -> Error {
    Error::new(Code::BadRequest, format!("{what}; correct the request"))
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Text, D::Error> {
        // NOTE: asked for bytes, serde_json gives a string's bytes and lets a lone surrogate through in its
        // three-byte form, where asked for a string it would refuse the whole request.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Text, E> {
        Ok(Text(text.to_owned()))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> std::result::Result<Text, E> {
        let mut text = String::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Err(error) = std::str::from_utf8(rest) {
            let (valid, after) = rest.split_at(error.valid_up_to());
            let [0xed, 0xa0..=0xbf, 0x80..=0xbf, after @ ..] = after else {
                return Err(E::custom("a string is not UTF-8"));
            };
            text.push_str(&String::from_utf8_lossy(valid));
            text.push(char::REPLACEMENT_CHARACTER);
            rest = after;
        }
        text.push_str(&String::from_utf8_lossy(rest));
        Ok(Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        let read = |text: &str| read::<Text>(text.as_bytes()).map(|text| text.0);
        assert_eq!(read(r#""a\ud83db""#).unwrap(), "a\u{fffd}b");
        assert_eq!(read(r#""\udc00\udc00""#).unwrap(), "\u{fffd}\u{fffd}");
        assert_eq!(read(r#""\ud83e\udd12\u0000""#).unwrap(), "\u{1f912}\0");
        assert!(super::read::<Text>(b"\"\xff\"").is_err());
        assert!(super::read::<Text>(b"\"\xed\xa0\"").is_err());
        assert!(super::read::<Text>(b"7").is_err());
    }

    #[test]
    fn offsets_are_whole_numbers_below_2_to_the_53() {
        assert_eq!(offset(65_536.0).unwrap(), 65_536);
        for number in [-1.0, 0.5, f64::NAN, f64::INFINITY, 9_007_199_254_740_992.0] {
            assert_eq!(offset(number).unwrap_err().code, Code::BadRequest);
        }
    }
}
