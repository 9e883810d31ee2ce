//! Which documents of an index are nearest to a query, by meaning, by words, or by both.
//!
//! Owns filters, the order of blocks, the fusion of the legs and the buffers of a search; knows nothing of ids beyond a
//! filter, or of records. Invariant: every document is scored by every leg that is asked for, ties are broken by id, and
//! buffers change what is allocated, never what is found.

use super::rows::Rows;
use super::{Document, Index, lost, wrong_dim};
use crate::codes::{self, Query};
use crate::error::Result;
use crate::file::Answer;
use crate::rank::{Ranked, Top};
use crate::words::{self, Request, Scores, Words};
use std::ops::Range;

/// Rows whose dot products are computed at once, so that they stay in the first-level cache.
const SCAN_ROWS: usize = 64;

/// Which documents a search may find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    All,
    /// Only these; ids that are not in the index are ignored.
    Ids(Vec<String>),
    /// All but these.
    NotIds(Vec<String>),
}

/// What is searched for, with the weight of each leg.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The query of the leg of meaning.
    pub meaning: Option<(&'a Query, f64)>,
    /// The request of the leg of words.
    pub words: Option<(&'a Request, f64)>,
    /// Which documents may be found.
    pub filter: &'a Filter,
    /// The most documents.
    pub limit: usize,
}

/// A document that was found, by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The number of the document, for [`Index::id`] and [`Index::records`].
    pub document: usize,
    /// Higher is better.
    pub score: f32,
    /// Which of its passages is nearest; the first, where the leg of meaning was not asked.
    pub passage: usize,
    /// How near it is, where the leg of meaning was asked.
    pub meaning: Option<Meaning>,
    /// What it has of all that the words could give, from 0 to 1, where the leg of words was asked.
    pub words: Option<f32>,
}

/// How near a document is to a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meaning {
    /// Its nearest passage.
    pub best: f32,
    /// The whole document, where that is compared too.
    pub whole: Option<f32>,
}

impl Meaning {
    /// The passage; of a document that is compared as a whole half of it, and half of that.
    pub fn closeness(&self) -> f32 {
        match self.whole {
            None => self.best,
            Some(whole) => ((f64::from(self.best) + f64::from(whole)) * 0.5) as f32,
        }
    }
}

/// What a search keeps for the next one, of whatever index.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    allowed: Vec<bool>,
    top: Top,
    found: Vec<Found>,
    scores: Scores,
    words: words::Query,
}

impl Buffers {
    /// Bytes of buffers held.
    pub fn size_bytes(&self) -> usize {
        self.allowed.capacity()
            + self.top.size_bytes()
            + self.found.capacity() * size_of::<Found>()
            + self.scores.size_bytes()
    }

    /// The words of the last search, in the terms of its index.
    pub fn words(&self) -> &words::Query {
        &self.words
    }

    /// The documents of the last search.
    pub fn found(&self) -> &[Found] {
        &self.found
    }
}

impl Index {
    /// The `limit` best documents, best first, of equal scores the lower id first. They lie in `buffers` until the next
    /// search; where those are large enough nothing is allocated but for the words of the query.
    ///
    /// One leg: its value times its weight; documents without any of the words are not found by words alone. Both: the
    /// sum of both, a negative closeness counting as none.
    ///
    /// # Errors
    /// `wrong_dim` when the query has another number of components, `bad_format` or `wrong_digest` for a damaged file.
    pub fn search<'a>(
        &mut self,
        ask: &Ask<'_>,
        buffers: &'a mut Buffers,
    ) -> Result<Answer<&'a [Found]>> {
        buffers.found.clear();
        buffers.words = words::Query::default();
        let Some(space) = &self.space else {
            return Ok(Answer::Ready(&[]));
        };
        let dim = space.dim;
        if let Some((query, _)) = ask.meaning
            && query.codes.len() != dim
        {
            return Err(wrong_dim(query.codes.len(), dim));
        }
        let mut needs = Vec::new();
        if ask.meaning.is_some() {
            needs.extend(self.fetch_rows()?.needs());
        }
        if ask.words.is_some() {
            needs.extend(self.fetch_words()?.needs());
        }
        if !needs.is_empty() {
            return Ok(Answer::Need(needs));
        }
        self.take_turns();
        let Buffers {
            allowed,
            top,
            found,
            scores,
            words,
        } = buffers;
        let mut is_filtered = self.allow(ask.filter, allowed);
        if let Some((request, _)) = ask.words {
            let own = self.words.as_mut().ok_or_else(lost)?;
            own.settle();
            *words = own.prepare(request, scores);
            own.score(words, scores);
            if !words.conditions.is_empty() {
                if !is_filtered {
                    allowed.clear();
                    allowed.resize(self.documents.len(), true);
                }
                own.narrow(words, allowed, scores);
                is_filtered = true;
            }
        }
        let mut scan = match ask.meaning {
            None => None,
            Some((query, weight)) => Some((self.scan(query)?, weight)),
        };
        let (weight_of_words, words) = match ask.words {
            None => (0.0, None),
            Some((_, weight)) => (weight, Some(&*words)),
        };
        top.reset(ask.limit.min(self.documents.len()));
        for (number, document) in self.documents.iter().enumerate() {
            if is_filtered && !allowed[number] {
                continue;
            }
            let share = words.map_or(0.0, |words| scores.share(number, words));
            let (score, row) = match &mut scan {
                None if share > 0.0 => (f64::from(share) * weight_of_words, document.first_row),
                None => continue,
                Some((scan, weight)) => {
                    let (meaning, row) = scan.meaning(document);
                    let closeness = f64::from(meaning.closeness());
                    let score = match words {
                        None => closeness * *weight,
                        Some(_) => {
                            closeness.max(0.0) * *weight + f64::from(share) * weight_of_words
                        }
                    };
                    (score, row)
                }
            };
            top.offer(Ranked {
                score: score as f32,
                turn: self.turns[number] as usize,
                row,
                document: number,
            });
        }
        top.drain_sorted(|best| {
            let document = &self.documents[best.document];
            found.push(Found {
                document: best.document,
                score: best.score,
                passage: best.row - document.first_row,
                meaning: scan
                    .as_ref()
                    .map(|(scan, _)| scan.again(document, best.row)),
                words: words.map(|words| scores.share(best.document, words)),
            });
        });
        Ok(Answer::Ready(found))
    }

    /// The words of an index whose words have been fetched.
    ///
    /// # Errors
    /// `bug` when they have not.
    pub fn words(&self) -> Result<&Words> {
        self.words.as_ref().ok_or_else(lost)
    }

    fn scan<'a>(&'a self, query: &'a Query) -> Result<Scan<'a>> {
        let (Some(rows), Some(whole_rows)) = (&self.rows, &self.whole_rows) else {
            return Err(lost());
        };
        Ok(Scan {
            passages: Cursor::new(query, rows),
            wholes: Cursor::new(query, whole_rows),
        })
    }

    /// Gives every document its turn among equals, by its id.
    fn take_turns(&mut self) {
        if self.turns.len() != self.documents.len() {
            self.turns.resize(self.documents.len(), 0);
            for (turn, number) in self.numbers.values().enumerate() {
                self.turns[*number] = turn as u32;
            }
        }
    }

    /// Marks in `allowed` the documents that may be found; false where all may, and nothing is marked.
    fn allow(&self, filter: &Filter, allowed: &mut Vec<bool>) -> bool {
        let (ids, listed) = match filter {
            Filter::All => return false,
            Filter::Ids(ids) => (ids, true),
            Filter::NotIds(ids) => (ids, false),
        };
        allowed.clear();
        allowed.resize(self.documents.len(), !listed);
        for number in ids.iter().filter_map(|id| self.number(id)) {
            allowed[number] = listed;
        }
        true
    }
}

/// The leg of meaning on its way through the documents.
struct Scan<'a> {
    passages: Cursor<'a>,
    wholes: Cursor<'a>,
}

impl Scan<'_> {
    /// How near a document is, and the row of its nearest passage, of equal ones the first.
    fn meaning(&mut self, document: &Document) -> (Meaning, usize) {
        let (mut best, mut nearest) = (f32::NEG_INFINITY, document.first_row);
        for row in document.first_row..document.first_row + document.passages {
            let closeness = self.passages.closeness(row);
            if closeness > best {
                (best, nearest) = (closeness, row);
            }
        }
        let whole = document.whole.map(|row| self.wholes.closeness(row));
        (Meaning { best, whole }, nearest)
    }

    /// The same of a document whose nearest passage is known.
    fn again(&self, document: &Document, nearest: usize) -> Meaning {
        Meaning {
            best: self.passages.alone(nearest),
            whole: document.whole.map(|row| self.wholes.alone(row)),
        }
    }
}

/// Rows that are asked for mostly in their order, and multiplied in blocks.
struct Cursor<'a> {
    query: &'a Query,
    rows: &'a Rows,
    block: Range<usize>,
    dots: [i32; SCAN_ROWS],
}

impl<'a> Cursor<'a> {
    fn new(query: &'a Query, rows: &'a Rows) -> Cursor<'a> {
        Cursor {
            query,
            rows,
            block: 0..0,
            dots: [0; SCAN_ROWS],
        }
    }

    fn closeness(&mut self, row: usize) -> f32 {
        if !self.block.contains(&row) {
            self.block = row..(row + SCAN_ROWS).min(self.rows.scales.len());
            let dots = &mut self.dots[..self.block.len()];
            codes::dots(&self.query.codes, self.rows.codes(&self.block), dots);
        }
        self.score(self.dots[row - self.block.start], row)
    }

    fn alone(&self, row: usize) -> f32 {
        let mut dot = [0];
        codes::dots(
            &self.query.codes,
            self.rows.codes(&(row..row + 1)),
            &mut dot,
        );
        self.score(dot[0], row)
    }

    fn score(&self, dot: i32, row: usize) -> f32 {
        codes::score(dot, self.query.scale, self.rows.scales[row], 1.0)
    }
}
