//! The plan of a search.
//!
//! Owns its keys, limits and defaults; knows nothing of how it is carried out. Invariant: as for every request.

use super::{Encoder, Text, read, refused};
use crate::error::Result;
use crate::facets::{self, Facet, FacetJson, Filter, FilterJson, SortJson, SortKey};
use crate::words::{Clause, Field, Request};
use serde::Deserialize;
use serde_json::json;

/// Hits when a plan names no limit.
pub const DEFAULT_LIMIT: usize = 10;
const LIMIT_CAP: usize = 1 << 20;
/// Documents that are in the match set for their meaning alone, when a plan does not say and asks for no more.
const MEANING_K: usize = 100;
const WEIGHT_CAP: f64 = 1e6;
/// The weight of meaning where words count too, and theirs: measured, see docs/RANKING.md.
const MEANING: f64 = 0.65;
const WORDS: f64 = 0.35;
/// The same where the query's vector comes from pieces, which are less sure of what is meant.
const MEANING_OF_PIECES: f64 = 0.6;
const WORDS_BESIDE_PIECES: f64 = 0.4;

/// What is searched for by meaning.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A text, to be embedded as a query.
    Text(Text),
    /// A ready vector.
    Vector(Vec<f32>),
    /// The vector of a document, which is not found itself.
    Like(String),
}

/// What one leg is asked, and what its value is multiplied by.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg<T> {
    /// What it is asked.
    pub asked: T,
    /// From 0 on.
    pub weight: f64,
    /// The same where the query is encoded by pieces.
    pub static_weight: f64,
}

/// How words are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// By frequencies and lengths.
    Exact,
    /// By the impacts of a published collection, as it is scored where it is read in pieces.
    Impacts,
}

/// A checked plan of a search; it has one leg at least.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The index to search.
    pub index: String,
    /// The leg of meaning.
    pub meaning: Option<Leg<Target>>,
    /// The leg of words.
    pub words: Option<Leg<Request>>,
    /// The space of the vector, to be compared with that of the index.
    pub space: Option<String>,
    /// What makes the vector of a text.
    pub encoder: Encoder,
    /// How words are scored; none for the best that is at hand.
    pub precision: Option<Precision>,
    /// How many of the best hits are left out.
    pub offset: usize,
    /// The most hits.
    pub limit: usize,
    /// How many of the best by meaning are in the match set.
    pub meaning_k: usize,
    /// Which documents may be found.
    pub filter: Filter,
    /// What is counted over the match set.
    pub facets: Vec<Facet>,
    /// The fields that hits are sorted by; by score if there are none.
    pub sort: Vec<SortKey>,
    /// Whether to say how the hits came about.
    pub explain: bool,
    /// Whether to tell where the next page begins.
    pub pages: bool,
    /// Whether the plan has weights of its own.
    pub is_weighed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchJson {
    index: String,
    text: Option<Text>,
    vector: Option<Vec<f32>>,
    like: Option<String>,
    words: Option<WordsJson>,
    space: Option<String>,
    encoder: Option<Encoder>,
    precision: Option<Precision>,
    offset: Option<usize>,
    limit: Option<usize>,
    meaning_k: Option<usize>,
    cursor: Option<String>,
    weights: Option<WeightsJson>,
    filter: Option<FilterJson>,
    facets: Option<Vec<FacetJson>>,
    sort: Option<Vec<SortJson>>,
    #[serde(default)]
    explain: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightsJson {
    meaning: Option<f64>,
    words: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordsJson {
    text: Option<Text>,
    #[serde(default)]
    phrases: Vec<ClauseJson>,
    #[serde(default, rename = "in")]
    within: Vec<ClauseJson>,
    #[serde(default)]
    not: Vec<ClauseJson>,
    #[serde(default)]
    typing: bool,
    #[serde(default)]
    correct: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClauseJson {
    text: Text,
    field: Option<Field>,
}

/// The weights of meaning and of words where both are asked for and the plan has none.
pub const fn weights(encoder: Encoder) -> (f64, f64) {
    match encoder {
        Encoder::Static => (MEANING_OF_PIECES, WORDS_BESIDE_PIECES),
        Encoder::Model | Encoder::Auto => (MEANING, WORDS),
    }
}

/// Reads the plan of a search.
///
/// # Errors
/// `bad_request` when it is malformed, has several of text, vector and like or nothing to search for, or a number is out of its
/// range.
pub fn read_search(request: &[u8]) -> Result<Search> {
    let plan: SearchJson = read(request)?;
    let target = match (plan.text, plan.vector, plan.like) {
        (None, None, None) => None,
        (Some(text), None, None) => Some(Target::Text(text)),
        (None, Some(vector), None) => Some(Target::Vector(vector)),
        (None, None, Some(id)) => Some(Target::Like(id)),
        _ => {
            return Err(refused(
                "a plan has at most one of \"text\", \"vector\" and \"like\"",
            ));
        }
    };
    let words = plan.words.map(read_words).transpose()?;
    let is_weighed = plan.weights.is_some();
    let (meaning, words) = weigh(target, words, &plan.weights.unwrap_or_default())?;
    let limit = plan.limit.unwrap_or(DEFAULT_LIMIT);
    let pages = plan.cursor.is_some();
    let (offset, meaning_k) = match plan.cursor.filter(|cursor| !cursor.is_empty()) {
        None => (plan.offset.unwrap_or(0), plan.meaning_k),
        Some(cursor) => {
            let place =
                read_cursor(&cursor).filter(|_| plan.offset.is_none() && plan.meaning_k.is_none());
            let (meaning_k, offset) = place.ok_or_else(|| {
                refused("a cursor is not one that a reply gave, or stands beside \"offset\" or \"meaning_k\"")
            })?;
            (offset, Some(meaning_k))
        }
    };
    if !(1..=LIMIT_CAP).contains(&limit) || offset > LIMIT_CAP - limit {
        return Err(refused(
            "the limit is not between 1 and 1048576, or the offset and the limit together are above that",
        )
        .with(json!({"offset": offset, "limit": limit})));
    }
    let meaning_k = meaning_k.unwrap_or(MEANING_K.max(offset + limit));
    if !(1..=LIMIT_CAP).contains(&meaning_k) {
        return Err(refused("\"meaning_k\" is not between 1 and 1048576")
            .with(json!({"meaning_k": meaning_k})));
    }
    Ok(Search {
        index: plan.index,
        meaning,
        words,
        space: plan.space,
        encoder: plan.encoder.unwrap_or(Encoder::Auto),
        precision: plan.precision,
        offset,
        limit,
        meaning_k,
        filter: plan.filter.map_or(Ok(Filter::All), facets::read_filter)?,
        facets: facets::read_facets(plan.facets.unwrap_or_default())?,
        sort: facets::read_sort(plan.sort.unwrap_or_default())?,
        explain: plan.explain,
        pages,
        is_weighed,
    })
}

/// The match set and the place in it that a cursor stands for.
fn read_cursor(cursor: &str) -> Option<(usize, usize)> {
    let (meaning_k, offset) = cursor.split_once('-')?;
    Some((meaning_k.parse().ok()?, offset.parse().ok()?))
}

impl Search {
    /// The cursor of the page behind one of `shown` hits of `total`, where that is asked for and there is one. It fixes what belongs to the
    /// match set, so that pages are parts of one list.
    pub fn next(&self, shown: usize, total: usize) -> Option<String> {
        let end = self.offset + shown;
        let more = self.pages && shown > 0 && end < total;
        more.then(|| format!("{}-{end}", self.meaning_k))
    }

    /// Gives the legs the weights they have where the query is encoded by pieces.
    pub fn weigh_statically(&mut self) {
        if let Some(leg) = &mut self.meaning {
            leg.weight = leg.static_weight;
        }
        if let Some(leg) = &mut self.words {
            leg.weight = leg.static_weight;
        }
    }
}

fn read_words(words: WordsJson) -> Result<Request> {
    let clauses = |clauses: Vec<ClauseJson>| -> Vec<Clause> {
        let clauses = clauses.into_iter();
        clauses
            .map(|clause| Clause {
                text: clause.text.0,
                field: clause.field,
            })
            .collect()
    };
    if words.within.iter().any(|clause| clause.field.is_none()) {
        return Err(refused("words \"in\" a field do not say in which"));
    }
    Ok(Request {
        text: words.text.map_or_else(String::new, |text| text.0),
        phrases: clauses(words.phrases),
        within: clauses(words.within),
        not: clauses(words.not),
        typing: words.typing,
        correct: words.correct,
    })
}

/// The legs with their weights: those of the plan, else those of both together, else 1.
#[allow(clippy::type_complexity)]
fn weigh(
    target: Option<Target>,
    words: Option<Request>,
    weights: &WeightsJson,
) -> Result<(Option<Leg<Target>>, Option<Leg<Request>>)> {
    for (name, weight) in [("meaning", weights.meaning), ("words", weights.words)] {
        if weight.is_some_and(|weight| !(0.0..=WEIGHT_CAP).contains(&weight)) {
            return Err(refused("a weight is not between 0 and 1e6")
                .with(json!({"leg": name, "weight": weight})));
        }
    }
    let both = target.is_some() && words.is_some();
    let own = |measured: f64| if both { measured } else { 1.0 };
    let meaning = target.map(|asked| Leg {
        asked,
        weight: weights.meaning.unwrap_or(own(MEANING)),
        static_weight: weights.meaning.unwrap_or(own(MEANING_OF_PIECES)),
    });
    let words = words.map(|asked| Leg {
        asked,
        weight: weights.words.unwrap_or(own(WORDS)),
        static_weight: weights.words.unwrap_or(own(WORDS_BESIDE_PIECES)),
    });
    let legs = [
        meaning.as_ref().map(|leg| leg.weight),
        words.as_ref().map(|leg| leg.weight),
    ];
    if legs == [None, None] {
        return Err(refused(
            "a plan has neither \"text\" nor \"vector\" nor \"words\"",
        ));
    }
    if legs.into_iter().flatten().all(|weight| weight == 0.0) {
        return Err(refused("no leg of a plan has a weight above 0"));
    }
    Ok((meaning, words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn refusal(request: &str) -> Code {
        read_search(request.as_bytes()).unwrap_err().code
    }

    /// The weights of a plan that has these keys beside its index.
    fn weights(keys: &str) -> (Option<f64>, Option<f64>) {
        let plan = read_search(format!(r#"{{"index":"a",{keys}}}"#).as_bytes()).unwrap();
        (
            plan.meaning.map(|leg| leg.weight),
            plan.words.map(|leg| leg.weight),
        )
    }

    #[test]
    fn a_plan_has_defaults() {
        let plan = read_search(br#"{"index":"a","text":"x"}"#).unwrap();
        assert_eq!(plan.limit, DEFAULT_LIMIT);
        assert_eq!((plan.offset, plan.meaning_k), (0, 100));
        assert_eq!(plan.filter, Filter::All);
        assert!(plan.facets.is_empty() && plan.sort.is_empty());
        let plan = read_search(br#"{"index":"a","text":"x","limit":30,"offset":90}"#).unwrap();
        assert_eq!(plan.meaning_k, 120);
        assert!(!plan.explain);
    }

    #[test]
    fn legs_weigh_what_the_plan_says_or_what_they_weigh_together_or_one() {
        for (keys, legs) in [
            (r#""text":"x""#, (Some(1.0), None)),
            (r#""vector":[1],"weights":{"meaning":2}"#, (Some(2.0), None)),
            (r#""words":{"text":"x"}"#, (None, Some(1.0))),
            (r#""text":"x","words":{}"#, (Some(0.65), Some(0.35))),
            (
                r#""text":"x","words":{},"weights":{"words":0}"#,
                (Some(0.65), Some(0.0)),
            ),
        ] {
            assert_eq!(weights(keys), legs, "{keys}");
        }
    }

    #[test]
    fn legs_that_are_not_weighed_weigh_less_by_meaning_where_pieces_encode() {
        for (keys, legs) in [
            (r#""text":"x","words":{}"#, [0.6, 0.4]),
            (r#""text":"x","words":{},"weights":{"words":3}"#, [0.6, 3.0]),
        ] {
            let request = format!(r#"{{"index":"a","encoder":"static",{keys}}}"#);
            let mut plan = read_search(request.as_bytes()).unwrap();
            assert_eq!(plan.encoder, Encoder::Static);
            plan.weigh_statically();
            assert_eq!(
                [plan.meaning.unwrap().weight, plan.words.unwrap().weight],
                legs
            );
        }
    }

    #[test]
    fn clauses_are_read_with_their_fields() {
        let plan = read_search(
            br#"{"index":"a","words":{"phrases":[{"text":"a b"}],"in":[{"text":"c","field":"title"}],"not":[{"text":"d","field":"path"}]}}"#,
        );
        let clause = |text: &str, field| Clause {
            text: text.to_owned(),
            field,
        };
        assert_eq!(
            plan.unwrap().words.unwrap().asked,
            Request {
                text: String::new(),
                phrases: vec![clause("a b", None)],
                within: vec![clause("c", Some(Field::Title))],
                not: vec![clause("d", Some(Field::Path))],
                ..Request::default()
            }
        );
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
            r#"{"index":"a","text":"x","encoder":"none"}"#,
            r#"{"index":"a","text":"x","precision":"high"}"#,
            r#"{"index":"a","text":"x","text":"y"}"#,
            r#"{"index":"a","text":"x","limit":0}"#,
            r#"{"index":"a","text":"x","limit":-1}"#,
            r#"{"index":"a","text":"x","limit":1.5}"#,
            r#"{"index":"a","text":"x","limit":1e99}"#,
            r#"{"index":"a","text":"x","weights":{"sparse":1}}"#,
            r#"{"index":"a","text":"x","weights":{"meaning":0}}"#,
            r#"{"index":"a","text":"x","weights":{"meaning":0,"words":1}}"#,
            r#"{"index":"a","text":"x","weights":{"meaning":-1}}"#,
            r#"{"index":"a","text":"x","weights":{"meaning":1e300}}"#,
            r#"{"index":"a","text":"x","weights":{"meaning":1e999}}"#,
            r#"{"index":"a","text":"x","weights":{"words":-1}}"#,
            r#"{"index":"a","words":"x"}"#,
            r#"{"index":"a","words":{"text":1}}"#,
            r#"{"index":"a","words":{"phrases":["x"]}}"#,
            r#"{"index":"a","words":{"in":[{"text":"x"}]}}"#,
            r#"{"index":"a","words":{"not":[{"text":"x","field":"body"}]}}"#,
            r#"{"index":"a","words":{"text":"x"},"weights":{"words":0}}"#,
            r#"{"index":"a","text":"x","cursor":"10"}"#,
            r#"{"index":"a","text":"x","cursor":"0-10"}"#,
            r#"{"index":"a","text":"x","cursor":"100-1048576"}"#,
            r#"{"index":"a","text":"x","cursor":"100-10","offset":10}"#,
            r#"{"index":"a","text":"x","offset":-1}"#,
            r#"{"index":"a","text":"x","offset":1048576}"#,
            r#"{"index":"a","text":"x","limit":1048576,"offset":1}"#,
            r#"{"index":"a","text":"x","meaning_k":0}"#,
            r#"{"index":"a","text":"x","meaning_k":1048577}"#,
            r#"{"index":"a","text":"x","facets":{"field":"a"}}"#,
            r#"{"index":"a","text":"x","facets":["a"]}"#,
            r#"{"index":"a","text":"x","sort":"a"}"#,
            r#"{"index":"a","text":"x","sort":[{"by":"a"}]}"#,
            r#"{"index":"a","text":"x","filter":{"field":"a"}}"#,
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
}
