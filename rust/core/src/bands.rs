//! How good a score is in a collection: strong, fair or weak, and whether anything is close at all.
//!
//! Owns what is learned of a collection for that, and how; knows nothing of requests and files. Invariant: what is learned is a function of
//! the documents by id and of the model file, whatever the order of adding and the target.
//!
//! Scores mean the same for every query of a collection, not for every collection: among few documents the best for a senseless
//! query is far, among all words of a language it is near. So two kinds of queries are made: pairs of words drawn from the
//! model's vocabulary, which ask for nothing, and beginnings of the collection's own documents, which are not allowed to find themselves.

use crate::embedder::Embedder;
use crate::error::Result;
use crate::facets::Filter;
use crate::file::Answer;
use crate::finder::{Encoders, missing_model};
use crate::index::{Ask, Buffers, Index};
use crate::model::Model;
use crate::pieces::Pieces;
use crate::plan::{self, Encoder, Search, Target, TextKind};
use crate::stored::bad;
use crate::words::{Field, Request};
use serde::{Deserialize, Serialize};

/// Senseless queries, of so many words each.
const FOREIGN: usize = 200;
const FOREIGN_WORDS: usize = 2;
/// Letters that a word of them has at least.
const LETTERS: usize = 4;
/// Queries of the collection's own, of at most so many words.
const OWN: usize = 100;
const OWN_WORDS: usize = 12;
/// A fair hit is better than the best of so many senseless queries (measured, see docs/RANKING.md).
const FAIR: f64 = 0.6;
/// A strong one than that of so many.
const STRONG: f64 = 0.95;
/// But so many of the collection's own queries find something fair in any case, and so many something strong.
const OWN_FAIR: f64 = 0.95;
const OWN_STRONG: f64 = 0.5;
/// Cuts are kept to so many parts of 1.
const PARTS: f64 = 1000.0;
const SEED: u64 = 0x6669_6e64;

/// The least score of a fair hit and that of a strong one.
pub type Cuts = [f64; 2];

/// What is learned of a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    words: Cuts,
    model: Encoded,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "static")]
    by_pieces: Option<Encoded>,
}

/// The cuts where an encoder makes the vectors of queries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    meaning: Cuts,
    both: Cuts,
}

/// How good a hit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// Hardly any senseless query finds one like it.
    Strong,
    /// Most senseless queries find none like it.
    Fair,
    /// It is what a senseless query finds.
    Weak,
}

/// The band of a score.
pub fn band(score: f32, [fair, strong]: Cuts) -> Band {
    match f64::from(score) {
        score if score >= strong => Band::Strong,
        score if score >= fair => Band::Fair,
        _ => Band::Weak,
    }
}

/// Whether the best of all scores is more than weak.
pub fn is_close(best: Option<f32>, cuts: Cuts) -> bool {
    best.is_some_and(|best| band(best, cuts) != Band::Weak)
}

impl Bands {
    /// Refuses numbers that no collection can have.
    ///
    /// # Errors
    /// `bad_format`.
    pub fn check(&self) -> Result<()> {
        let encoded = [Some(&self.model), self.by_pieces.as_ref()];
        let of_meaning = encoded
            .into_iter()
            .flatten()
            .flat_map(|each| [each.meaning, each.both]);
        for [fair, strong] in of_meaning.chain([self.words]) {
            if !(0.0 <= fair && fair <= strong && strong <= 2.0) {
                return Err(bad("its bands are not in order"));
            }
        }
        Ok(())
    }

    /// What holds for a plan whose text `encoder` encoded; none where scores are of another kind: weighed by the
    /// plan itself, of documents like one, or of no query at all.
    pub fn cuts(&self, plan: &Search, encoder: Option<Encoder>) -> Option<Cuts> {
        let encoded = match encoder {
            Some(Encoder::Static) => self.by_pieces.as_ref(),
            _ => Some(&self.model),
        };
        match (plan.meaning.as_ref().map(|leg| &leg.asked), &plan.words) {
            _ if plan.is_weighed => None,
            (Some(Target::Like(_)), _) => None,
            (Some(_), None) => encoded.map(|each| each.meaning),
            (Some(_), Some(_)) => encoded.map(|each| each.both),
            (None, Some(words)) => (!words.asked.is_blank()).then_some(self.words),
            (None, None) => None,
        }
    }
}

/// The best scores of queries: by words, by meaning, by both.
#[derive(Default)]
struct Best([Vec<f32>; 3]);

/// Learns the bands of an index that is in memory whole, and has it keep them.
///
/// # Errors
/// `not_ready` without a model, `wrong_space` or `wrong_dim` where the index holds vectors of another one.
pub fn calibrate(embedder: &mut Embedder, encoders: Encoders<'_>, index: &mut Index) -> Result<()> {
    let model = encoders.model.ok_or_else(missing_model)?;
    let bands = learn(embedder, model, encoders.pieces, index)?;
    index.set_bands(bands);
    Ok(())
}

/// The bands of an index; none without documents, or words in the vocabulary of the model.
///
/// # Errors
/// `wrong_space` or `wrong_dim` where the index holds vectors of another model.
fn learn(
    embedder: &mut Embedder,
    model: &Model,
    pieces: Option<&Pieces>,
    index: &mut Index,
) -> Result<Option<Bands>> {
    if index.documents() == 0 {
        return Ok(None);
    }
    let meta = model.meta();
    index.check_space(&meta.space, meta.dim)?;
    index.settle_words()?;
    let mut queries = own_queries(index)?;
    let own = queries.len();
    queries.extend(
        senseless(model.tokenizer().words())
            .into_iter()
            .map(|text| (text, None)),
    );
    if queries.len() == own {
        return Ok(None);
    }
    let texts: Vec<&str> = queries.iter().map(|query| query.0.as_str()).collect();
    let vectors = embedder.embed(model, TextKind::Query, &texts, meta.max_tokens)?;
    let mut rows = vectors.chunks_exact(meta.dim);
    let by_model = measure(index, Encoder::Model, &queries, |_| {
        Ok(rows.next().map(<[f32]>::to_vec))
    })?;
    let by_pieces = match pieces.filter(|pieces| pieces.space() == meta.space) {
        None => None,
        Some(pieces) => Some(measure(index, Encoder::Static, &queries, |text| {
            pieces.encode_fully(text)
        })?),
    };
    let encoded = |best: &Best| Encoded {
        meaning: cuts(&best.0[1], own),
        both: cuts(&best.0[2], own),
    };
    Ok(Some(Bands {
        // What has a word of the query at all is what was asked for; how much of a query a good answer has depends on its length.
        words: [0.0, cuts(&by_model.0[0], own)[1]],
        model: encoded(&by_model),
        by_pieces: by_pieces.as_ref().map(encoded),
    }))
}

/// Beginnings of documents, evenly spread over their ids: the title, or the text where there is none; each with its document.
fn own_queries(index: &Index) -> Result<Vec<(String, Option<usize>)>> {
    let words = index.words()?;
    let step = index.documents().div_ceil(OWN);
    let mut queries = Vec::new();
    for document in index.by_id().step_by(step) {
        for field in [Field::Title, Field::Text] {
            let tokens = words
                .tokens(document, field)
                .filter(|token| !token.whole)
                .take(OWN_WORDS);
            let forms: Vec<&str> = tokens
                .map(|token| words.lexicon().get(token.form))
                .collect();
            if !forms.is_empty() {
                queries.push((forms.join(" "), Some(document)));
                break;
            }
        }
    }
    Ok(queries)
}

/// Queries of words that have nothing to do with each other.
fn senseless<'a>(vocabulary: impl Iterator<Item = &'a str>) -> Vec<String> {
    let is_word =
        |word: &&str| word.chars().count() >= LETTERS && word.chars().all(char::is_alphabetic);
    let mut words: Vec<&str> = vocabulary.filter(is_word).collect();
    words.sort_unstable();
    if words.is_empty() {
        return Vec::new();
    }
    // SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    let mut state = SEED;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        words[((mixed ^ mixed >> 31) % words.len() as u64) as usize]
    };
    (0..FOREIGN)
        .map(|_| [(); FOREIGN_WORDS].map(|()| next()).join(" "))
        .collect()
}

/// The best scores that queries find, those that come with a document without it.
fn measure(
    index: &mut Index,
    encoder: Encoder,
    queries: &[(String, Option<usize>)],
    mut encode: impl FnMut(&str) -> Result<Option<Vec<f32>>>,
) -> Result<Best> {
    let (of_meaning, of_words) = plan::weights(encoder);
    let (mut best, mut buffers) = (Best::default(), Buffers::default());
    let mut query = crate::codes::Query::default();
    for (text, without) in queries {
        let vector = encode(text)?;
        if let Some(vector) = &vector {
            query.set(vector)?;
        }
        let request = Request {
            text: text.clone(),
            ..Request::default()
        };
        let ask = Ask {
            meaning: vector.as_ref().map(|_| (&query, of_meaning)),
            words: Some((&request, of_words)),
            filter: &Filter::All,
            without: *without,
            ..Ask::new(1)
        };
        let both = match index.search(&ask, &mut buffers)? {
            Answer::Ready(found) => found.first().map_or(0.0, |found| found.score),
            Answer::Need(_) => 0.0,
        };
        let [meaning, words] = buffers.best_of_legs();
        for (scores, score) in best.0.iter_mut().zip([words, meaning, both]) {
            scores.push(score);
        }
    }
    Ok(best)
}

/// The cuts by the best scores of the collection's own queries, of which there are `own`, and of senseless ones.
fn cuts(best: &[f32], own: usize) -> Cuts {
    let (own, foreign) = best.split_at(own);
    let fair = quantile(foreign, FAIR).min(quantile(own, 1.0 - OWN_FAIR));
    let strong = quantile(foreign, STRONG).min(quantile(own, 1.0 - OWN_STRONG));
    [fair, strong.max(fair)]
}

/// The value that a share of `values` does not reach; above all where there are none.
fn quantile(values: &[f32], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let at = (share * sorted.len().saturating_sub(1) as f64).round_ties_even();
    let value = sorted
        .get(at as usize)
        .map_or(1.0, |value| f64::from(*value));
    (value.max(0.0) * PARTS).round_ties_even() / PARTS
}
