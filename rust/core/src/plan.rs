//! Requests and plans: JSON in, checked values out.
//!
//! Owns the keys of every request and their limits; knows nothing of how a request is carried out.
//! Invariant: a request with an unknown key, a wrong type or a number out of range is refused whole, as `bad_request`.

use crate::codes::DIM_CAP;
use crate::error::{Code, Error, Result};
use crate::index::Filter;
use crate::numbers;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::fmt;

/// Hits when a plan names no limit.
pub const DEFAULT_LIMIT: usize = 10;
const LIMIT_CAP: usize = 1 << 20;
const WEIGHT_CAP: f64 = 1e6;
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
    /// At least one text to be found by.
    pub passages: Vec<Text>,
    /// Any JSON, given back with a hit as it stands.
    pub record: Box<RawValue>,
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
}

/// What is searched for.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A text, to be embedded as a query.
    Text(Text),
    /// A ready vector.
    Vector(Vec<f32>),
}

/// A checked plan of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The index to search.
    pub index: String,
    /// What is searched for.
    pub target: Target,
    /// The space of the vector, to be compared with that of the index.
    pub space: Option<String>,
    /// The most hits.
    pub limit: usize,
    /// What the score of the vectors is multiplied by.
    pub dense: f64,
    /// Which documents may be found.
    pub filter: Filter,
    /// Whether to say how the hits came about.
    pub explain: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchJson {
    index: String,
    text: Option<Text>,
    vector: Option<Vec<f32>>,
    space: Option<String>,
    limit: Option<usize>,
    weights: Option<WeightsJson>,
    filter: Option<FilterJson>,
    #[serde(default)]
    explain: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightsJson {
    dense: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterJson {
    ids: Option<Vec<String>>,
    not_ids: Option<Vec<String>>,
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

/// Reads the plan of a search.
///
/// # Errors
/// `bad_request` when it is malformed, has not exactly one of text and vector, or a number is out of its range.
pub fn read_search(request: &[u8]) -> Result<Search> {
    let plan: SearchJson = read(request)?;
    let target = match (plan.text, plan.vector) {
        (Some(text), None) => Target::Text(text),
        (None, Some(vector)) => Target::Vector(vector),
        _ => return Err(refused("a plan has either \"text\" or \"vector\"")),
    };
    let filter = match plan.filter {
        None => Filter::All,
        Some(FilterJson {
            ids: Some(ids),
            not_ids: None,
        }) => Filter::Ids(ids),
        Some(FilterJson {
            ids: None,
            not_ids: Some(ids),
        }) => Filter::NotIds(ids),
        Some(_) => return Err(refused("a filter has either \"ids\" or \"not_ids\"")),
    };
    let limit = plan.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LIMIT_CAP).contains(&limit) {
        return Err(refused("the limit is not between 1 and 1048576").with(json!({"limit": limit})));
    }
    let dense = plan
        .weights
        .and_then(|weights| weights.dense)
        .unwrap_or(1.0);
    if !(dense > 0.0 && dense <= WEIGHT_CAP) {
        return Err(
            refused("the weight \"dense\" is not above 0 and at most 1e6")
                .with(json!({"dense": dense})),
        );
    }
    Ok(Search {
        index: plan.index,
        target,
        space: plan.space,
        limit,
        dense,
        filter,
        explain: plan.explain,
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

/// The reply to an `open`.
#[derive(Debug, Serialize)]
pub struct Opened<'a> {
    /// The name it was opened under.
    pub index: &'a str,
    /// How many documents it has.
    pub documents: usize,
    /// How many passages those have.
    pub passages: usize,
    /// The space of its vectors; null before the first document.
    pub space: Option<&'a str>,
    /// What the file says about itself.
    pub meta: &'a Map<String, Value>,
}

/// One hit of a search.
#[derive(Debug, Serialize)]
pub struct Hit<'a> {
    /// The document.
    pub id: &'a str,
    /// Of its best passage; higher is better.
    pub score: f32,
    /// Which passage that is.
    pub passage: usize,
    /// As it was added.
    pub record: Box<RawValue>,
}

/// One document of a `records` reply.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    /// The document.
    pub id: &'a str,
    /// As it was added.
    pub record: Box<RawValue>,
}

/// A reply as JSON bytes.
///
/// # Errors
/// `bug` when it cannot be written.
pub fn reply(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|cause| Error::new(Code::Bug, format!("a reply could not be written: {cause}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(request: &str) -> Code {
        read_search(request.as_bytes()).unwrap_err().code
    }

    #[test]
    fn a_plan_has_defaults() {
        let plan = read_search(br#"{"index":"a","text":"x"}"#).unwrap();
        assert_eq!(plan.limit, DEFAULT_LIMIT);
        assert_eq!(plan.dense, 1.0);
        assert_eq!(plan.filter, Filter::All);
        assert!(!plan.explain);
    }

    #[test]
    fn a_malformed_plan_is_refused() {
        for request in [
            "",
            "[]",
            "{",
            r#"{"index":"a"}"#,
            r#"{"index":1,"text":"x"}"#,
            r#"{"index":"a","text":"x","vector":[1]}"#,
            r#"{"index":"a","text":"x","colour":1}"#,
            r#"{"index":"a","text":"x","text":"y"}"#,
            r#"{"index":"a","text":"x","limit":0}"#,
            r#"{"index":"a","text":"x","limit":-1}"#,
            r#"{"index":"a","text":"x","limit":1.5}"#,
            r#"{"index":"a","text":"x","limit":1e99}"#,
            r#"{"index":"a","text":"x","weights":{"sparse":1}}"#,
            r#"{"index":"a","text":"x","weights":{"dense":0}}"#,
            r#"{"index":"a","text":"x","weights":{"dense":-1}}"#,
            r#"{"index":"a","text":"x","weights":{"dense":1e300}}"#,
            r#"{"index":"a","text":"x","weights":{"dense":1e999}}"#,
            r#"{"index":"a","text":"x","filter":{}}"#,
            r#"{"index":"a","text":"x","filter":{"ids":[],"not_ids":[]}}"#,
            r#"{"index":"a","text":"x","filter":{"ids":[1]}}"#,
            r#"{"index":"a","vector":["1"]}"#,
            r#"{"index":"a","vector":[NaN]}"#,
        ] {
            assert_eq!(refusal(request), Code::BadRequest, "{request}");
        }
        let deep = format!(
            r#"{{"index":"a","text":"x","filter":{}"#,
            "[".repeat(100_000)
        );
        assert_eq!(refusal(&deep), Code::BadRequest);
    }

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
