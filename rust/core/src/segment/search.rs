//! The best documents of a collection that is read in pieces.
//!
//! Owns which parts a query reads, and the ranking by impacts and short codes; must not know how text became words or how
//! bytes arrive. Invariant: what was asked for is all that is used, so the same query gives the same hits whatever was
//! read before it; words alone are ranked exactly, by score and then by id.

use super::leaf::Entry;
use super::remote::{Postings, Remote, ready};
use super::root::Root;
use super::{CODE_BYTES, impacts};
use crate::error::Result;
use crate::file::Answer;
use crate::kernels::ln;
use crate::pieces::short::{self, Query as ShortQuery};
use std::ops::Range;

/// Large clusters whose headers a query reads for their meaning.
const SUPERS: usize = 8;
/// Bytes of short codes that a query reads: of small clusters, and where there are large ones only.
const CODES_BYTES: usize = 20 << 10;
const LARGE_CODES_BYTES: usize = 44 << 10;
/// Bytes of postings that a query with meaning reads; words that stand in very many documents are left out before.
const POSTINGS_BYTES: u64 = 24 << 10;
/// What closeness and words count when clusters are chosen.
const NEAR: f64 = 0.6;
const SAID: f64 = 0.4;

/// What is searched for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The words, each counting once.
    pub words: Vec<Word>,
    /// A vector of the short space: the query, or what is added to the vectors of its words.
    pub vector: Option<Vec<f32>>,
    /// Whether the vectors that the dictionary has for its words are summed up.
    pub encode: bool,
    /// What meaning and words count; meaning counts nothing where there is no vector.
    pub weights: (f64, f64),
    /// How many documents are wanted.
    pub limit: usize,
}

/// A word of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// As it was typed, folded.
    pub form: String,
    /// Its terms; they count as one.
    pub terms: Vec<String>,
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
    /// Its share of the most that BM25 could give.
    pub words: f64,
    /// The passage that is closest; none where it was not read.
    pub passage: Option<u32>,
}

/// What a query found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The best documents, best first.
    pub hits: Vec<Hit>,
    /// How many documents were ranked: those with a word of the query, and those whose codes were read.
    pub total: usize,
    /// Whether no other document would have come before one of these at the precision of impacts.
    pub exact: bool,
    /// The words that the dictionary has no vector for, by number, when they were to be summed up.
    pub unknown: Vec<usize>,
}

/// A document on its way to be a hit.
#[derive(Clone, Copy, Debug)]
struct Scored {
    document: u32,
    score: f64,
    meaning: Option<f64>,
    words: f64,
    passage: Option<u32>,
}

/// The best documents, how many were ranked, and whether those that were not could not be among the best.
struct Ranked {
    scored: Vec<Scored>,
    total: usize,
    exact: bool,
}

/// What the words of a query say: documents ascending, each with its share of the most that BM25 can give.
struct Said {
    shares: Vec<(u32, f64)>,
    /// Whether all postings were read.
    whole: bool,
}

impl Remote {
    /// The best documents for a query, as far as their parts are at hand.
    ///
    /// # Errors
    /// `not_ready` before it is open, `bad_format` or `wrong_digest`, and `bad_input` for a vector without a direction.
    pub fn search(&mut self, query: &Query) -> Result<Answer<Found>> {
        let terms: Vec<&str> = query
            .words
            .iter()
            .flat_map(|word| &word.terms)
            .map(String::as_str)
            .collect();
        let entries = ready!(self.entries(&terms)?);
        let mut rest = entries.as_slice();
        let by_word: Vec<&[Option<Entry>]> = query
            .words
            .iter()
            .map(|word| {
                let (own, after) = rest.split_at(word.terms.len());
                rest = after;
                own
            })
            .collect();
        let (vector, unknown) = vector(query, &by_word);
        let vector = match vector.filter(|_| self.opened().is_ok_and(|opened| opened.meta.short)) {
            Some(vector) => Some(ShortQuery::new(&vector)?),
            None => None,
        };
        let said = ready!(self.said(&by_word, vector.is_some())?);
        let ranked = match vector {
            None => Ranked {
                scored: ready!(self.by_words(&said, query)?),
                total: said.shares.len(),
                exact: said.whole,
            },
            Some(vector) => ready!(self.by_both(&said, &vector, query)?),
        };
        let hits = ready!(self.hits(&ranked.scored)?);
        Ok(Answer::Ready(Found {
            hits,
            total: ranked.total,
            exact: ranked.exact,
            unknown,
        }))
    }

    /// What the words say, each as the union of its terms.
    fn said(&mut self, by_word: &[&[Option<Entry>]], with_meaning: bool) -> Result<Answer<Said>> {
        let mut order: Vec<usize> = (0..by_word.len()).collect();
        let bytes = |word: usize| {
            by_word[word]
                .iter()
                .flatten()
                .map(Entry::postings_bytes)
                .sum::<u64>()
        };
        order.sort_by_key(|word| bytes(*word));
        let (mut left, mut read) = (POSTINGS_BYTES, vec![true; by_word.len()]);
        for word in order.into_iter().filter(|_| with_meaning) {
            read[word] = bytes(word) <= left;
            left = left.saturating_sub(bytes(word));
        }
        let wanted: Vec<&Entry> = by_word
            .iter()
            .zip(&read)
            .filter(|(_, read)| **read)
            .flat_map(|(word, _)| word.iter().flatten())
            .collect();
        let mut lists = ready!(self.postings(&wanted)?).into_iter();
        let opened = self.opened()?;
        let count = f64::from(opened.meta.documents);
        let (mut most, mut given) = (0.0, Vec::new());
        for (word, read) in by_word.iter().zip(&read) {
            let own: Vec<Postings> = word
                .iter()
                .flatten()
                .filter_map(|_| if *read { lists.next() } else { None })
                .collect();
            let union = union(&own);
            // Of a word that is not read, the terms may share documents; this only scales down what the others say.
            let unread: usize = word
                .iter()
                .flatten()
                .filter(|_| !read)
                .map(|entry| entry.count)
                .sum();
            let found = (union.len() + unread) as f64;
            let idf = ln(1.0 + ((count - found).max(0.0) + 0.5) / (found + 0.5));
            most += idf * (impacts::K1 + 1.0);
            let levels = &opened.parameters.levels;
            given.extend(
                union.into_iter().map(|(document, level)| {
                    (document, idf * f64::from(levels[usize::from(level)]))
                }),
            );
        }
        // Stable: the contributions of a document stay in the order of the words.
        given.sort_by_key(|each: &(u32, f64)| each.0);
        let mut shares: Vec<(u32, f64)> = Vec::new();
        for (document, share) in given {
            match shares.last_mut() {
                Some(last) if last.0 == document => last.1 += share,
                _ => shares.push((document, share)),
            }
        }
        shares.iter_mut().for_each(|each| each.1 /= most);
        Ok(Answer::Ready(Said {
            shares,
            whole: read.into_iter().all(|read| read),
        }))
    }

    /// The best documents by words alone; of those with the score of the last, the ones whose ids come first.
    fn by_words(&mut self, said: &Said, query: &Query) -> Result<Answer<Vec<Scored>>> {
        let mut scored: Vec<Scored> = said
            .shares
            .iter()
            .map(|(document, share)| Scored {
                document: *document,
                score: query.weights.1 * share,
                meaning: None,
                words: *share,
                passage: None,
            })
            .collect();
        scored.sort_by(|a, b| b.score.total_cmp(&a.score));
        if let Some(last) = query.limit.checked_sub(1).and_then(|last| scored.get(last)) {
            let least = last.score;
            let sure = scored.partition_point(|each| each.score > least);
            let end = scored.partition_point(|each| each.score >= least);
            if end > query.limit {
                let tied: Vec<u32> = scored[sure..end].iter().map(|each| each.document).collect();
                let ranks = ready!(self.ranks(&tied)?);
                let mut ranked: Vec<(u32, Scored)> = ranks
                    .into_iter()
                    .zip(scored[sure..end].iter().copied())
                    .collect();
                ranked.sort_unstable_by_key(|each| each.0);
                scored.truncate(sure);
                scored.extend(ranked.into_iter().map(|each| each.1));
            }
        }
        scored.truncate(query.limit);
        let supers = self.supers_of(scored.iter().map(|each| each.document))?;
        ready!(self.headers(&supers)?);
        Ok(Answer::Ready(scored))
    }

    /// The best documents by meaning and words, as far as the nearest clusters tell; and whether all were read.
    fn by_both(
        &mut self,
        said: &Said,
        vector: &ShortQuery,
        query: &Query,
    ) -> Result<Answer<Ranked>> {
        let opened = self.opened()?;
        let gamma = f64::from(opened.parameters.gamma);
        let near = near(&opened.root, vector);
        let said_in = |documents: Range<u32>| -> f64 {
            let start = said.shares.partition_point(|each| each.0 < documents.start);
            let within = said.shares[start..]
                .iter()
                .take_while(|each| each.0 < documents.end);
            within.fold(0.0, |most, each| each.1.max(most))
        };
        let supers = opened.root.supers.clone();
        let worth = |near: f64, documents: Range<u32>| NEAR * near + SAID * said_in(documents);
        let mut order: Vec<(f64, usize)> = supers
            .iter()
            .zip(&near)
            .enumerate()
            .map(|(number, (place, near))| (worth(*near, place.documents.clone()), number))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.truncate(SUPERS);
        let mut chosen: Vec<usize> = order.iter().map(|each| each.1).collect();
        // The records of the documents that the words find are asked for together with those of near ones.
        let mut named = said.shares.clone();
        named.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        named.truncate(query.limit);
        let more = self.supers_of(named.iter().map(|each| each.0))?;
        chosen.extend(
            more.into_iter()
                .filter(|number| !order.iter().any(|each| each.1 == *number)),
        );
        ready!(self.headers(&chosen)?);
        let mut small: Vec<SmallPlace> = Vec::new();
        for number in &chosen {
            let Some(header) = self.header(*number) else {
                continue;
            };
            let (mut document, mut row) =
                (supers[*number].documents.start, supers[*number].rows.start);
            let (count, mut centroids) = (header.small.len(), Vec::new());
            header
                .small
                .iter()
                .for_each(|each| centroids.extend_from_slice(&each.centroid));
            let mut near = Vec::new();
            vector.closeness(&centroids, &mut near);
            for (at, each) in header.small.iter().enumerate() {
                let (first, first_row) = (document, row);
                document += each.documents.len() as u32;
                row += each.documents.iter().map(|shape| shape.rows()).sum::<u64>();
                let near = f64::from(near[at]);
                small.push(SmallPlace {
                    worth: worth(near, first..document),
                    near,
                    large: *number,
                    at,
                    documents: first..document,
                    rows: first_row..row,
                    mark: each.digest,
                    is_alone: count == 1,
                });
            }
        }
        small.sort_by(|a, b| {
            b.worth
                .total_cmp(&a.worth)
                .then(a.documents.start.cmp(&b.documents.start))
        });
        let budget = if small.iter().all(|each| each.is_alone) {
            LARGE_CODES_BYTES
        } else {
            CODES_BYTES
        };
        let (mut held, mut taken) = (0, 0);
        for each in &small {
            held += (each.rows.end - each.rows.start) as usize * CODE_BYTES;
            if taken > 0 && held > budget {
                break;
            }
            taken += 1;
        }
        let stretches: Vec<_> = small[..taken]
            .iter()
            .map(|each| (each.rows.clone(), each.mark))
            .collect();
        let codes = ready!(self.codes(&stretches)?);
        let mut scored = self.read(&small[..taken], &codes, vector, query, said);
        let opened = self.opened()?;
        let everything = scored.len() == opened.meta.documents as usize;
        scored.sort_unstable_by_key(|each| each.document);
        let mut unread = Vec::new();
        for (document, share) in &said.shares {
            if scored
                .binary_search_by_key(document, |each| each.document)
                .is_ok()
            {
                continue;
            }
            let own = small.iter().find(|each| each.documents.contains(document));
            let near = own.map_or_else(|| near[opened.root.super_of(*document)], |own| own.near);
            unread.push(query.scored(*document, (near + gamma * share).min(1.0), *share, None));
        }
        scored.extend(unread);
        let total = scored.len();
        scored.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then(a.document.cmp(&b.document))
        });
        scored.truncate(query.limit);
        let supers = self.supers_of(scored.iter().map(|each| each.document))?;
        ready!(self.headers(&supers)?);
        Ok(Answer::Ready(Ranked {
            scored,
            total,
            exact: everything && said.whole,
        }))
    }

    /// The documents of clusters whose codes were read.
    fn read(
        &self,
        small: &[SmallPlace],
        codes: &[Vec<u8>],
        vector: &ShortQuery,
        query: &Query,
        said: &Said,
    ) -> Vec<Scored> {
        let mut scored = Vec::new();
        for (place, codes) in small.iter().zip(codes) {
            let Some(header) = self.header(place.large) else {
                continue;
            };
            let mut near = Vec::new();
            vector.closeness(codes, &mut near);
            let (mut document, mut rest) = (place.documents.start, near.as_slice());
            for shape in &header.small[place.at].documents {
                let (own, after) = rest.split_at(shape.rows() as usize);
                rest = after;
                let passages = &own[..shape.passages as usize];
                let mut best = (0, f32::NEG_INFINITY);
                for (at, near) in passages.iter().enumerate() {
                    if *near > best.1 {
                        best = (at, *near);
                    }
                }
                let whole = own.get(passages.len()).map(|near| f64::from(*near));
                let best_near = f64::from(best.1.max(-1.0));
                let meaning = whole.map_or(best_near, |whole| (best_near + whole) / 2.0);
                let share = said.shares.binary_search_by_key(&document, |each| each.0);
                let share = share.map_or(0.0, |at| said.shares[at].1);
                scored.push(query.scored(document, meaning, share, Some(best.0 as u32)));
                document += 1;
            }
        }
        scored
    }

    /// The large clusters of documents, each once, ascending.
    fn supers_of(&self, documents: impl Iterator<Item = u32>) -> Result<Vec<usize>> {
        let root = &self.opened()?.root;
        let mut supers: Vec<usize> = documents.map(|document| root.super_of(document)).collect();
        supers.sort_unstable();
        supers.dedup();
        Ok(supers)
    }

    /// Records and ids; equal scores in the order of ids.
    fn hits(&mut self, scored: &[Scored]) -> Result<Answer<Vec<Hit>>> {
        let documents: Vec<u32> = scored.iter().map(|each| each.document).collect();
        let records = ready!(self.records(&documents)?);
        let mut hits: Vec<Hit> = scored
            .iter()
            .zip(records)
            .map(|(each, stored)| Hit {
                id: stored.id,
                record: stored.record,
                score: each.score,
                meaning: each.meaning,
                words: each.words,
                passage: each.passage,
            })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        Ok(Answer::Ready(hits))
    }

    /// Reads what a query will need first: the leaves of its words, and their postings. To be called while it is typed.
    ///
    /// # Errors
    /// As for [`Remote::search`].
    pub fn prepare(&mut self, words: &[Word]) -> Result<Answer<()>> {
        let terms: Vec<&str> = words
            .iter()
            .flat_map(|word| &word.terms)
            .map(String::as_str)
            .collect();
        let entries = ready!(self.entries(&terms)?);
        let some: Vec<&[Option<Entry>]> = vec![&entries];
        ready!(self.said(&some, true)?);
        Ok(Answer::Ready(()))
    }
}

/// A small cluster that may be read.
struct SmallPlace {
    worth: f64,
    near: f64,
    large: usize,
    at: usize,
    documents: Range<u32>,
    rows: Range<u64>,
    mark: [u8; 8],
    is_alone: bool,
}

impl Query {
    fn scored(&self, document: u32, meaning: f64, words: f64, passage: Option<u32>) -> Scored {
        Scored {
            document,
            score: self.weights.0 * meaning.max(0.0) + self.weights.1 * words,
            meaning: Some(meaning),
            words,
            passage,
        }
    }
}

/// How near the middle of each large cluster is.
fn near(root: &Root, vector: &ShortQuery) -> Vec<f64> {
    let mut centroids = Vec::with_capacity(root.supers.len() * CODE_BYTES);
    root.supers
        .iter()
        .for_each(|place| centroids.extend_from_slice(&place.centroid));
    let mut near = Vec::new();
    vector.closeness(&centroids, &mut near);
    near.into_iter().map(f64::from).collect()
}

/// The vector of a query, of length 1, and the words that none was found for.
fn vector(query: &Query, by_word: &[&[Option<Entry>]]) -> (Option<Vec<f32>>, Vec<usize>) {
    if !query.encode {
        return (query.vector.clone(), Vec::new());
    }
    let (mut sum, mut unknown) = (vec![0.0_f64; short::DIM], Vec::new());
    for (number, (word, entries)) in query.words.iter().zip(by_word).enumerate() {
        let mut forms = entries.iter().flatten().flat_map(|entry| &entry.forms);
        match forms
            .find(|form| form.form == word.form && form.code.is_some())
            .and_then(|form| form.code)
        {
            None => unknown.push(number),
            Some(code) => {
                for (sum, x) in sum.iter_mut().zip(short::dequantize(&code)) {
                    *sum += f64::from(x);
                }
            }
        }
    }
    if let Some(more) = query
        .vector
        .as_ref()
        .filter(|more| more.len() == short::DIM)
    {
        sum.iter_mut()
            .zip(more)
            .for_each(|(sum, x)| *sum += f64::from(*x));
    }
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    let unit = (length > 1e-9).then(|| sum.iter().map(|x| (x / length) as f32).collect());
    (unit, unknown)
}

/// Documents of any of the lists, ascending, each with its highest level.
fn union(lists: &[Postings]) -> Vec<(u32, u8)> {
    let each = lists.iter().flat_map(|list| {
        list.documents
            .iter()
            .copied()
            .zip(list.levels.iter().copied())
    });
    let mut all: Vec<(u32, u8)> = each.collect();
    if lists.len() > 1 {
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        all.dedup_by_key(|each| each.0);
    }
    all
}
