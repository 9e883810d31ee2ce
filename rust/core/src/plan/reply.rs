//! Replies: what a call answers, as JSON.
//!
//! Owns the keys of every reply; knows nothing of how an answer is found. Invariant: a key without a value is left out,
//! but for those that say `null` in their own words.

use super::Encoder;
use crate::bands::Band;
use crate::error::{Code, Error, Result};
use crate::facets::Counts;
use crate::file::Need;
use crate::sorted::SortedMap;
use crate::words::Correction;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

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
    /// What documents can be filtered by, where it is read in pieces and `status` does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<&'a str>>,
}

/// One hit of a search.
#[derive(Debug, Serialize)]
pub struct Hit<'a> {
    /// The document.
    pub id: &'a str,
    /// Higher is better.
    pub score: f32,
    /// Its nearest passage; the first, where only words were asked for.
    pub passage: usize,
    /// What each leg that was asked says about it.
    pub legs: Legs,
    /// As it was added.
    pub record: Box<RawValue>,
    /// How good its score is, where the collection knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// How the score came about, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Value>,
}

/// The legs of a hit, unweighted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Legs {
    /// How near it is, as a cosine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<f32>,
    /// BM25 as a share of the most that the words could give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<f32>,
}

/// The reply to a search.
#[derive(Debug, Default, Serialize)]
pub struct Hits<'a> {
    /// Best first.
    pub hits: &'a [Hit<'a>],
    /// How many documents match.
    pub total: usize,
    /// Whether `total` and `facets` are those of all documents.
    pub exact: bool,
    /// Whether the best of all that match is more than weak, where the collection knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close: Option<bool>,
    /// Where the next page begins, where there is one and that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// As they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facets: Option<&'a [Counts]>,
    /// What was searched for in place of misspelt words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrections: Option<&'a [Correction]>,
    /// What made a vector of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Encoder>,
    /// What holds for all hits, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Value>,
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

/// The reply of a call that lacks bytes.
///
/// # Errors
/// `bug` when it cannot be written.
pub fn need(needs: &[Need]) -> Result<Vec<u8>> {
    reply(&SortedMap::from([("need", needs)]))
}
