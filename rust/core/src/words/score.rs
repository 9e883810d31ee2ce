//! BM25 of every document for a query, term after term.
//!
//! Owns the sums and the buffers they are made in; knows nothing of vectors, weights of legs or filters. Invariant: each sum
//! is made in the order of the query's words, and buffers change what is allocated, never what is found.

use super::{FIELDS, Field, Inverted, Query, Words};
use crate::facets::Set;

/// What scoring keeps for the next query, of whatever index.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// Of each document the BM25 of the last query.
    scores: Vec<f32>,
    /// Frequencies of a word for which several terms stand; all 0 between two words.
    frequencies: Vec<u32>,
    /// Which of them are not 0.
    touched: Vec<u32>,
    pub(super) passed: Vec<bool>,
    pub(super) line: Vec<(u32, u32)>,
}

impl Scores {
    /// What the words are worth to a document, from 0 to 1: its BM25 by the most that any could have.
    pub fn share(&self, document: usize, query: &Query) -> f32 {
        share(self.scores[document], query.bound)
    }

    /// Makes `set` the documents that have a word of the last query.
    pub fn mark(&self, set: &mut Set) {
        set.reset(self.scores.len(), false);
        set.fill(&self.scores, |score| *score > 0.0);
    }

    /// Bytes of buffers held.
    pub fn size_bytes(&self) -> usize {
        let numbers =
            self.frequencies.capacity() + self.touched.capacity() + 2 * self.line.capacity();
        (self.scores.capacity() + numbers) * size_of::<u32>() + self.passed.capacity()
    }

    /// Hands on each of `documents` documents that has one of the terms, with what `join` makes of its frequencies, none of
    /// which is 0.
    pub(super) fn gather(
        &mut self,
        documents: usize,
        inverted: &Inverted,
        terms: &[u32],
        join: impl Fn(u32, u32) -> u32,
        mut take: impl FnMut(u32, u32),
    ) {
        if self.frequencies.len() < documents {
            self.frequencies.resize(documents, 0);
        }
        self.touched.clear();
        for term in terms {
            for posting in inverted.postings(*term) {
                let frequency = &mut self.frequencies[posting.document as usize];
                if *frequency == 0 {
                    self.touched.push(posting.document);
                }
                *frequency = join(*frequency, posting.frequency);
            }
        }
        for document in &self.touched {
            let frequency = std::mem::take(&mut self.frequencies[*document as usize]);
            take(*document, frequency);
        }
    }
}

/// What words that add up to `sum` are worth, from 0 to 1, where `bound` is the most that any document could have.
pub fn share(sum: f32, bound: f64) -> f32 {
    if sum == 0.0 {
        return 0.0;
    }
    (f64::from(sum) / bound).min(1.0) as f32
}

/// What a term counts that stands so often in a document of such a length, fields weighed.
pub type Impact<'a> = dyn Fn(u32, u32) -> f32 + 'a;

/// What one word of a query gave a document.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// How often its terms stand in each field.
    pub tf: [u32; FIELDS],
    /// The highest impact of its terms, where impacts were asked for.
    pub impact: Option<f32>,
    /// Its part of the document's share, see [`Scores::share`].
    pub share: f64,
}

impl Words {
    /// Scores all documents for a query that [`Words::prepare`] made since documents came or went: by frequencies and lengths,
    /// or where there is an `impact` by that, of several terms of a word by the highest, as a reader in pieces does.
    pub fn score(&self, query: &Query, impact: Option<&Impact<'_>>, scores: &mut Scores) {
        let documents = self.documents();
        let mut sums = std::mem::take(&mut scores.scores);
        sums.clear();
        sums.resize(documents, 0.0);
        if let (Some(inverted), Some(impact)) = (&self.inverted, impact) {
            for word in &query.words {
                let idf = word.idf as f32;
                let terms = &word.terms;
                scores.gather(
                    documents,
                    inverted,
                    terms,
                    u32::max,
                    |document, frequency| {
                        let document = document as usize;
                        sums[document] += idf * impact(frequency, inverted.lengths[document]);
                    },
                );
            }
        } else if let Some(inverted) = &self.inverted {
            // Both as long as there are documents, so that one comparison of a number does for both.
            let norms = &inverted.norms[..documents];
            for word in &query.words {
                let most = word.bound() as f32;
                let mut add = |document: u32, frequency: u32| {
                    let (document, frequency) = (document as usize, frequency as f32);
                    sums[document] += most * frequency / (frequency + norms[document]);
                };
                match word.terms.as_slice() {
                    [] => {}
                    [term] => {
                        for posting in inverted.postings(*term) {
                            add(posting.document, posting.frequency);
                        }
                    }
                    terms => scores.gather(documents, inverted, terms, u32::saturating_add, add),
                }
            }
        }
        scores.scores = sums;
    }

    /// What each word of a query gave a document, in the order of the words; `impact` as for [`Words::score`].
    pub fn shares(
        &self,
        document: usize,
        query: &Query,
        impact: Option<&Impact<'_>>,
    ) -> Vec<Share> {
        let mut shares = vec![Share::default(); query.words.len()];
        let terms = query.words.iter().map(|word| vec![0; word.terms.len()]);
        let mut frequencies: Vec<Vec<u32>> = terms.collect();
        let Some(inverted) = &self.inverted else {
            return shares;
        };
        for token in Field::ALL
            .into_iter()
            .flat_map(|field| self.tokens(document, field))
        {
            for (number, word) in query.words.iter().enumerate() {
                if let Some(at) = word.terms.iter().position(|term| *term == token.term) {
                    shares[number].tf[token.field as usize] += 1;
                    frequencies[number][at] += token.field.weight();
                }
            }
        }
        for ((share, frequencies), word) in shares.iter_mut().zip(frequencies).zip(&query.words) {
            let most = frequencies.iter().max().copied().unwrap_or(0);
            if let Some(impact) = impact.filter(|_| most > 0) {
                let impact = impact(most, inverted.lengths[document]);
                share.share = word.idf * f64::from(impact) / query.bound;
                share.impact = Some(impact);
            } else if most > 0 {
                let frequency = f64::from(frequencies.iter().sum::<u32>());
                let norm = f64::from(inverted.norms[document]);
                share.share = word.bound() * frequency / (frequency + norm) / query.bound;
            }
        }
        shares
    }
}
