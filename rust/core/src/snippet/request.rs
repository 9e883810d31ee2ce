//! `snippets` as the bindings offer it: JSON in, JSON out.
//!
//! Owns the keys of the request and of the reply, and the ellipsis; knows nothing of how a window is chosen.
//! Invariant: a request with an unknown key, a place outside its text or a number out of range is refused whole.

use super::{Piece, Query, Snippet, WORDS, Words, mark, sentences, snippet};
use crate::analysis::Language;
use crate::error::{Code, Error, Result};
use crate::plan::{self, Encoder, Text};
use crate::sorted::SortedMap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ops::Range;

const DEFAULT_WORDS: usize = 30;
/// Sentences of a passage that are chosen from: a passage has eighty words.
const SENTENCES: usize = 16;

/// A request of `snippets`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The index whose languages and weights of words are taken where the request gives none.
    pub index: Option<String>,
    items: Vec<Item>,
    query: Words,
    #[serde(default)]
    languages: Vec<String>,
    #[serde(default)]
    corrections: SortedMap<String, String>,
    weights: Option<SortedMap<String, f64>>,
    words: Option<usize>,
    /// What chooses a sentence where no word of the query is.
    pub encoder: Option<Encoder>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    title: Option<Text>,
    text: Option<Text>,
    #[serde(default)]
    spans: Vec<(usize, usize)>,
    #[serde(default)]
    passage: usize,
}

#[derive(Serialize)]
struct Reply {
    items: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    title: Vec<Piece>,
    snippet: Vec<Piece>,
    passage: usize,
}

/// Which of some sentences says best what was asked for.
pub type Choose<'a> = dyn FnMut(&[&str]) -> Result<usize> + 'a;

impl Request {
    /// Every text of the query whose words are marked.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let clauses = self.query.phrases.iter().chain(&self.query.within);
        let free = self.query.text.iter();
        free.chain(clauses.map(|clause| &clause.text))
            .map(|text| text.0.as_str())
    }
}

/// What is shown of documents for a query.
///
/// `{"items":[{"title"?,"text"?,"spans"?:[[start,end],..],"passage"?}],"query":{"text"?,"phrases"?:[{"text"}],"in"?,"not"?,
/// "typing"?},"index"?,"languages"?:[code,..],"corrections"?:{form: word},"weights"?:{form: idf},"words"?:30,
/// "encoder"?:"static"|"model"}` -> `{"items":[{"title":[{"text","hit"}],"snippet":[{"text","hit"}],"passage"}]}`.
/// `spans` are the passages in code points, one that is all of the text when not given; `passage` is the best of them, in the
/// reply the one that is shown. The pieces of a title are all of it. Those of a snippet are a stretch of the text, of about
/// `words` words; where a sentence is cut, `"… "` stands before or `" …"` behind as a piece of its own. A text in which no word of
/// the query is shows the sentence of its best passage that `choose` takes, or the passage's beginning where nobody chooses.
/// `languages` and `weights` are those of the index, for a request that gives none.
///
/// # Errors
/// `bad_request`: the request is malformed, a language is no code, a span is outside its text or a number out of its range; or
/// that of `choose`.
pub fn answer(
    request: &Request,
    languages: &[Language],
    weights: SortedMap<String, f64>,
    mut choose: Option<&mut Choose<'_>>,
) -> Result<Vec<u8>> {
    let words = request.words.unwrap_or(DEFAULT_WORDS);
    if !WORDS.contains(&words) {
        return Err(refused("the words of a snippet are not between 1 and 1000")
            .with(json!({"words": words})));
    }
    let given = request.languages.iter().map(|code| {
        Language::from_code(code).ok_or_else(|| {
            refused(
                "this is no code of a language; give one of two or three letters, such as \"en\"",
            )
            .with(json!({"language": code}))
        })
    });
    let given = given.collect::<Result<Vec<Language>>>()?;
    let query = Query::new(
        &request.query,
        if given.is_empty() { languages } else { &given },
        &request.corrections,
        request.weights.as_ref().unwrap_or(&weights),
    );
    let items = request
        .items
        .iter()
        .map(|item| shown(item, &query, words, choose.as_deref_mut()))
        .collect::<Result<_>>()?;
    plan::reply(&Reply { items })
}

fn shown(
    item: &Item,
    query: &Query,
    words: usize,
    choose: Option<&mut Choose<'_>>,
) -> Result<Shown> {
    let text = item.text.as_ref().map_or("", |text| &text.0);
    let title = item.title.as_ref().map_or("", |title| &title.0);
    let spans = spans(text, &item.spans)?;
    let best = spans.get(item.passage).cloned().ok_or_else(|| {
        refused("there is no such passage")
            .with(json!({"passage": item.passage, "passages": spans.len()}))
    })?;
    let mut cut = snippet(text, query, best.clone(), words);
    if let Some(choose) = choose.filter(|_| !cut.pieces.iter().any(|piece| piece.hit)) {
        let passage = &text[best.clone()];
        let found = sentences(passage);
        let found = &found[..found.len().min(SENTENCES)];
        let texts: Vec<&str> = found.iter().map(|range| &passage[range.clone()]).collect();
        if let Some(chosen) = (texts.len() > 1).then(|| choose(&texts)).transpose()? {
            let start = best.start + found.get(chosen).map_or(0, |range| range.start);
            cut = snippet(text, query, start..best.end, words);
        }
    }
    let passage = if best.contains(&cut.focus) {
        item.passage
    } else {
        let mut spans = spans.iter();
        spans
            .position(|span| span.contains(&cut.focus))
            .unwrap_or(item.passage)
    };
    Ok(Shown {
        title: mark(title, query),
        snippet: with_ellipsis(cut),
        passage,
    })
}

/// Passages in bytes, from code points.
fn spans(text: &str, spans: &[(usize, usize)]) -> Result<Vec<Range<usize>>> {
    if spans.is_empty() {
        return Ok(std::iter::once(0..text.len()).collect());
    }
    let mut borders: Vec<usize> = spans
        .iter()
        .flat_map(|(start, end)| [*start, *end])
        .collect();
    borders.sort_unstable();
    borders.dedup();
    let mut bytes = SortedMap::new();
    let mut wanted = borders.into_iter().peekable();
    for (number, at) in text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .enumerate()
    {
        if wanted.next_if_eq(&number).is_some() {
            bytes.insert(number, at);
        }
    }
    let range = |(start, end): &(usize, usize)| Some(*bytes.get(start)?..*bytes.get(end)?);
    spans
        .iter()
        .map(|span| {
            range(span).filter(|range| range.start <= range.end).ok_or_else(|| {
                refused("a passage is not inside its text; spans are pairs of code points, start and end")
                    .with(json!({"start": span.0, "end": span.1}))
            })
        })
        .collect()
}

fn with_ellipsis(snippet: Snippet) -> Vec<Piece> {
    let ellipsis = |cut: bool, text: &str| {
        cut.then(|| Piece {
            text: text.to_owned(),
            hit: false,
        })
    };
    ellipsis(snippet.cut_before, "… ")
        .into_iter()
        .chain(snippet.pieces)
        .chain(ellipsis(snippet.cut_after, " …"))
        .collect()
}

fn refused(message: &str) -> Error {
    Error::new(Code::BadRequest, message)
}
