//! What is asked of a collection that is read in pieces, and what it answers.
//!
//! Owns the shapes of both; must not know how anything is found. Invariant: all in the collection's own terms, so that it
//! never has to know how text becomes words.

use crate::facets::{Counts, Facet, Filter, SortKey};
use crate::words::Field;

/// What is searched for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The words, each counting once.
    pub words: Vec<Word>,
    /// Whether the leg of words is asked; without it words only tell where to look.
    pub asks_words: bool,
    /// Whether that leg names no word at all, so that every document will do.
    pub is_blank: bool,
    /// The words whose vectors are summed up when the query is encoded here.
    pub meant: Vec<Word>,
    /// A vector of the short space: the query, or what is added to the vectors of its words.
    pub vector: Option<Vec<f32>>,
    /// Whether the vectors that the dictionary has for its words are summed up.
    pub encode: bool,
    /// What meaning and words count; meaning counts nothing where there is no vector.
    pub weights: (f64, f64),
    /// The document to which others are to be near, by its id, in place of a vector.
    pub like: Option<String>,
    /// What the title of a document would be called by ([`super::title`]) that comes first.
    pub title: Option<String>,
    /// The id of a document that comes first.
    pub id: Option<String>,
    /// What documents have to meet.
    pub conditions: Vec<Condition>,
    /// Which documents may be found.
    pub filter: Option<Filter>,
    /// What is counted.
    pub facets: Vec<Facet>,
    /// The fields that are sorted by; by score if there are none.
    pub sort: Vec<SortKey>,
    /// How many of the best documents are left out.
    pub offset: usize,
    /// How many documents are wanted.
    pub limit: usize,
    /// How many of the best by meaning are in the match set.
    pub meaning_k: usize,
}

/// A word of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// As it was typed, folded.
    pub form: String,
    /// Its terms; they count as one.
    pub terms: Vec<String>,
    /// Whether it is still being typed, so that it stands for all that begin like it.
    pub is_typed: bool,
}

/// A phrase, or words of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// By position: the terms of a word, any of which will do, and its place.
    pub parts: Vec<(Vec<String>, u32)>,
    /// Where; none for any field, though never across two.
    pub field: Option<Field>,
    /// Whether the words have to stand as they do here, one behind the other.
    pub ordered: bool,
    /// Whether documents have to meet it, or must not.
    pub wanted: bool,
}

/// How near a document is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearness {
    /// Its nearest passage, and how near that is.
    pub best: (u32, f64),
    /// The whole of it, where that has a code.
    pub whole: Option<f64>,
}

impl Nearness {
    /// Out of how near its rows are: its passages, and then the whole of it, where that has a code.
    pub(super) fn of(rows: &[f32], passages: usize) -> Nearness {
        let mut best = (0, f32::NEG_INFINITY);
        for (at, near) in rows[..passages].iter().enumerate() {
            if *near > best.1 {
                best = (at, *near);
            }
        }
        Nearness {
            best: (best.0 as u32, f64::from(best.1.max(-1.0))),
            whole: rows.get(passages).map(|near| f64::from(*near)),
        }
    }

    /// The passage; with the whole half of each.
    pub fn closeness(&self) -> f64 {
        self.whole
            .map_or(self.best.1, |whole| (self.best.1 + whole) / 2.0)
    }
}

/// A document that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its id.
    pub id: String,
    /// Its record, a JSON text.
    pub record: Vec<u8>,
    /// What it was ranked by.
    pub score: f64,
    /// How close it is in meaning; guessed from its cluster where its codes were not read.
    pub meaning: Option<f64>,
    /// The same in parts; none where it was guessed.
    pub near: Option<Nearness>,
    /// Its share of the most that BM25 could give.
    pub words: f64,
    /// What is on top of its score because its title or id is what was asked for.
    pub lift: f64,
    /// What each word added to that share, and the saturated frequency it was made from.
    pub shares: Vec<(f64, f64)>,
}

/// What is known of a word of the query.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// As it was typed, folded.
    pub form: String,
    /// The terms that documents have of those that stand for it.
    pub terms: Vec<String>,
    /// How many documents have any of them.
    pub df: usize,
    /// ln(1 + (N - df + 0.5) / (df + 0.5)).
    pub idf: f64,
}

/// What a query found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The best documents, best first.
    pub hits: Vec<Hit>,
    /// How many documents match: those with a word of the query, and those that are nearest among those that were read.
    pub total: usize,
    /// Whether no other document would have been counted or come before one of these at the precision of impacts.
    pub exact: bool,
    /// The best score of those that match.
    pub best: Option<f64>,
    /// What was counted, as it was asked for.
    pub counts: Vec<Counts>,
    /// The words that the dictionary has no vector for, by number, when they were to be summed up.
    pub unknown: Vec<usize>,
    /// The words with what they weigh.
    pub words: Vec<Weighed>,
    /// The most that all words together can give a document.
    pub bound: f64,
}
