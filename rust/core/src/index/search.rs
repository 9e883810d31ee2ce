//! Which documents of an index are nearest to a query, by meaning, by words, or by both; how many there are, and of what kinds.
//!
//! Owns the order of blocks, the fusion of the legs, the steps from filter to hits and the buffers of a search; knows nothing
//! of records. Invariant: every document is scored by every leg that is asked for, ties are broken by id, and buffers change
//! what is allocated, never what is found.

use super::rows::Rows;
use super::{Document, Index, lost, wrong_dim};
use crate::analysis::Language;
use crate::codes::{self, Query};
use crate::error::Result;
use crate::facets::{self, Counts, Facet, Filter, Matching, Set, SortKey};
use crate::file::Answer;
use crate::rank::{Ranked, Top};
use crate::words::{self, Request, Scores, Words};
use std::ops::Range;

/// Rows whose dot products are computed at once, so that they stay in the first-level cache.
const SCAN_ROWS: usize = 64;

/// What is searched for, with the weight of each leg.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The query of the leg of meaning.
    pub meaning: Option<(&'a Query, f64)>,
    /// The request of the leg of words.
    pub words: Option<(&'a Request, f64)>,
    /// Whether words are scored by impacts, as a reader in pieces scores them.
    pub by_impacts: bool,
    /// Which documents may be found.
    pub filter: &'a Filter,
    /// What may be the id of a document, as it was typed.
    pub named: Option<&'a str>,
    /// A document that is not found.
    pub without: Option<usize>,
    /// How many of the best are left out.
    pub offset: usize,
    /// The most documents.
    pub limit: usize,
    /// How many of the best by meaning are in the match set.
    pub meaning_k: usize,
    /// The fields that the match set is sorted by; by score if there are none.
    pub sort: &'a [SortKey],
    /// What is counted over the match set.
    pub facets: &'a [Facet],
}

impl<'a> Ask<'a> {
    /// A search for the best documents of all, without legs.
    pub fn new(limit: usize) -> Ask<'a> {
        Ask {
            meaning: None,
            words: None,
            by_impacts: false,
            named: None,
            filter: &Filter::All,
            without: None,
            offset: 0,
            limit,
            meaning_k: limit,
            sort: &[],
            facets: &[],
        }
    }
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
    /// What is added to its score because its title or id is what was asked for.
    pub lift: f32,
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
    allowed: Set,
    matched: Set,
    with_word: Set,
    /// Of each document how near it is.
    closeness: Vec<f32>,
    room: Vec<u32>,
    top: Top,
    found: Vec<Found>,
    total: usize,
    best: Option<f32>,
    counts: Vec<Counts>,
    scores: Scores,
    words: words::Query,
}

impl Buffers {
    /// Bytes of buffers held.
    pub fn size_bytes(&self) -> usize {
        let numbers = self.closeness.capacity() + self.room.capacity();
        self.allowed.size_bytes()
            + self.matched.size_bytes()
            + self.with_word.size_bytes()
            + numbers * size_of::<u32>()
            + self.top.size_bytes()
            + self.found.capacity() * size_of::<Found>()
            + self.scores.size_bytes()
    }

    /// How many documents were in the match set of the last search.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The score of the best of them; none where there are none.
    pub fn best(&self) -> Option<f32> {
        self.best
    }

    /// The best closeness and the best share of words among the documents that the last search allowed, from 0 on.
    pub fn best_of_legs(&self) -> [f32; 2] {
        let allowed = || self.allowed.iter();
        let closeness = allowed().filter_map(|document| self.closeness.get(document).copied());
        let shares = allowed().map(|document| self.scores.share(document, &self.words));
        [closeness.fold(0.0, f32::max), shares.fold(0.0, f32::max)]
    }

    /// The counts of its facets, in the order in which they were asked for.
    pub fn counts(&self) -> &[Counts] {
        &self.counts
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
    /// A page of the match set (see [`Matching`]), the best documents first, of equal scores the lower id first, or in the
    /// order of fields. They lie in `buffers` until the next search; where those are large enough nothing is allocated but
    /// for the words of the query, fields and facets.
    ///
    /// One leg: its value times its weight. Both: the sum of both, a negative closeness counting as none. A document whose title or
    /// id is all that the words say gets the most that any could have on top, so that it comes first.
    ///
    /// # Errors
    /// `wrong_dim` when the query has another number of components, `unsupported` for impacts of an index that was not published,
    /// `bad_format` or `wrong_digest` for a damaged file.
    pub fn search<'a>(
        &mut self,
        ask: &Ask<'_>,
        buffers: &'a mut Buffers,
    ) -> Result<Answer<&'a [Found]>> {
        buffers.words = words::Query::default();
        if let (Some((query, _)), Some(space)) = (ask.meaning, &self.space)
            && query.codes.len() != space.dim
        {
            return Err(wrong_dim(query.codes.len(), space.dim));
        }
        let mut needs = Vec::new();
        if ask.meaning.is_some() {
            needs.extend(self.fetch_rows()?.needs());
        }
        if let Some((request, _)) = ask.words {
            // What stands where is asked of the tokens.
            let fetched = match request.clauses().next() {
                None => self.fetch_terms()?,
                Some(_) => self.fetch_words(false)?,
            };
            needs.extend(fetched.needs());
        }
        if !needs.is_empty() {
            return Ok(Answer::Need(needs));
        }
        self.take_turns();
        if let Some((request, _)) = ask.words {
            let own = self.words.as_mut().ok_or_else(lost)?;
            own.settle();
            buffers.words = own.prepare(request, &mut buffers.scores);
            let (own, scores) = (self.words()?, &mut buffers.scores);
            match ask.by_impacts {
                false => own.score(&buffers.words, None, scores),
                true => {
                    let parameters = self.parameters()?;
                    let impact = |frequency, length| parameters.impact(frequency, length);
                    own.score(&buffers.words, Some(&impact), scores);
                }
            }
        }
        self.allow(ask.filter, ask.without, buffers)?;
        // What was picked of a facet must not hide its other values, so that those are counted over a match set of their own.
        let mut relaxed = Vec::new();
        for facet in ask.facets {
            let filter = ask.filter.without_any(&facet.field);
            relaxed.push(match filter {
                None => None,
                Some(filter) => {
                    let narrow = std::mem::take(&mut buffers.allowed);
                    self.allow(&filter, ask.without, buffers)?;
                    Some(std::mem::replace(&mut buffers.allowed, narrow))
                }
            });
        }
        let mut scan = match ask.meaning {
            None => None,
            Some((query, _)) => Some(self.measure(query, &relaxed, buffers)?),
        };
        let Buffers {
            allowed,
            matched,
            with_word,
            closeness,
            room,
            top,
            found,
            total,
            best,
            counts,
            scores,
            words,
        } = buffers;
        let ties = |a: usize, b: usize| self.turns[a].cmp(&self.turns[b]);
        let asks_words = ask.words.is_some_and(|(request, _)| !request.is_blank());
        if asks_words {
            scores.mark(with_word);
        }
        let matching = Matching {
            words: asks_words.then_some(&*with_word),
            meaning: ask.meaning.map(|_| &closeness[..]),
            meaning_k: ask.meaning_k,
        };
        let (exact, lift) = self.exact(ask, words)?;
        matching.mark(allowed, &ties, room, matched);
        insert_all(matched, &exact, allowed);
        *total = matched.len();
        counts.clear();
        let mut other = Set::default();
        for (facet, relaxed) in ask.facets.iter().zip(&relaxed) {
            let set = match relaxed {
                None => &*matched,
                Some(allowed) => {
                    matching.mark(allowed, &ties, room, &mut other);
                    insert_all(&mut other, &exact, allowed);
                    &other
                }
            };
            counts.push(facet.count(&self.columns, set));
        }
        let lift = |document: usize| match exact.binary_search(&document) {
            Ok(_) => lift,
            Err(_) => 0.0,
        };
        let score = |document: usize| {
            let share = |weight| f64::from(scores.share(document, words)) * weight;
            let meaning = ask
                .meaning
                .map(|(_, weight)| (f64::from(closeness[document]), weight));
            let score = match (meaning, ask.words) {
                (None, None) => 0.0,
                (None, Some((_, weight))) => share(weight),
                (Some((closeness, weight)), None) => closeness * weight,
                (Some((closeness, weight)), Some((_, of_words))) => {
                    closeness.max(0.0) * weight + share(of_words)
                }
            };
            (score + lift(document)) as f32
        };
        found.clear();
        let mut take = |document: usize, score: f32| {
            let own = &self.documents[document];
            let near = scan.as_mut().map(|scan| scan.meaning(own));
            found.push(Found {
                document,
                score,
                passage: near.map_or(0, |(_, row)| row - own.first_row),
                meaning: near.map(|(meaning, _)| meaning),
                words: ask.words.map(|_| scores.share(document, words)),
                lift: lift(document) as f32,
            });
        };
        if !ask.sort.is_empty() {
            *best = matched.iter().map(score).reduce(f32::max);
            for document in facets::page(
                &self.columns,
                ask.sort,
                matched,
                &ties,
                ask.offset,
                ask.limit,
            ) {
                take(document, score(document));
            }
            return Ok(Answer::Ready(found));
        }
        top.reset(ask.offset.saturating_add(ask.limit).min(*total));
        for document in matched.iter() {
            top.offer(Ranked {
                score: score(document),
                turn: self.turns[document] as usize,
                row: 0,
                document,
            });
        }
        let mut place = 0;
        *best = None;
        top.drain_sorted(|ranked| {
            place += 1;
            best.get_or_insert(ranked.score);
            if place > ask.offset {
                take(ranked.document, ranked.score);
            }
        });
        Ok(Answer::Ready(found))
    }

    /// The documents whose title or id is all that the words of a search say, ascending, and what each of them gets for it.
    fn exact(&self, ask: &Ask<'_>, query: &words::Query) -> Result<(Vec<usize>, f64)> {
        let Some((request, weight)) = ask.words.filter(|(request, _)| !request.text.is_empty())
        else {
            return Ok((Vec::new(), 0.0));
        };
        let mut exact = self.words()?.titled(&request.text, query);
        exact.extend(ask.named.and_then(|id| self.number(id)));
        exact.sort_unstable();
        exact.dedup();
        Ok((
            exact,
            weight + ask.meaning.map_or(0.0, |(_, weight)| weight),
        ))
    }

    /// Marks the documents that a filter and the conditions of the query's words let pass.
    fn allow(&self, filter: &Filter, without: Option<usize>, buffers: &mut Buffers) -> Result<()> {
        let Buffers {
            allowed,
            scores,
            words,
            ..
        } = buffers;
        filter.mark(&self.columns, &|id| self.number(id), allowed);
        if let Some(document) = without {
            allowed.remove(document);
        }
        if !words.conditions.is_empty() {
            self.words()?.narrow(words, allowed, scores);
        }
        Ok(())
    }

    /// Measures how near the allowed documents are, and those that are allowed where a filter is relaxed.
    fn measure<'a>(
        &'a self,
        query: &'a Query,
        relaxed: &[Option<Set>],
        buffers: &mut Buffers,
    ) -> Result<Scan<'a>> {
        let Buffers {
            allowed,
            matched,
            closeness,
            ..
        } = buffers;
        let mut scan = self.scan(query)?;
        closeness.clear();
        closeness.resize(self.documents.len(), 0.0);
        matched.copy_from(allowed);
        relaxed.iter().flatten().for_each(|set| matched.unite(set));
        for number in matched.iter() {
            closeness[number] = scan.meaning(&self.documents[number]).0.closeness();
        }
        Ok(scan)
    }

    /// Brings the words up to date, so that [`Index::words`] can be asked.
    ///
    /// # Errors
    /// `bad_format` or `wrong_digest` for a damaged file.
    pub fn settle_words(&mut self) -> Result<Answer<()>> {
        let answer = self.fetch_terms()?;
        if let Some(words) = &mut self.words {
            words.settle();
        }
        Ok(answer)
    }

    /// The words of an index whose words have been fetched.
    ///
    /// # Errors
    /// `bug` when they have not.
    pub fn words(&self) -> Result<&Words> {
        self.words.as_ref().ok_or_else(lost)
    }

    /// The words, once all their tokens are at hand.
    pub(super) fn all_words(&self) -> Option<&Words> {
        self.words.as_ref().filter(|words| !words.lacks_tokens())
    }

    /// Gives documents without a language this one.
    ///
    /// # Errors
    /// `bug` when its words have not been fetched.
    pub fn assume_language(&mut self, language: Language) -> Result<()> {
        self.words.as_mut().ok_or_else(lost)?.assume(language);
        Ok(())
    }

    /// The languages that a query is stemmed in, as ISO 639-1, that of most documents first.
    ///
    /// # Errors
    /// `bug` when its words have not been fetched.
    pub fn languages(&self) -> Result<Vec<String>> {
        let (main, all) = self.words()?.languages();
        let others = all.into_iter().filter(|each| *each != main);
        let languages = [main].into_iter().chain(others);
        Ok(languages.map(|each| each.code().to_owned()).collect())
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
}

/// Puts those of `documents` that are allowed into a set.
fn insert_all(set: &mut Set, documents: &[usize], allowed: &Set) {
    let allowed = documents
        .iter()
        .filter(|document| allowed.contains(**document));
    allowed.for_each(|document| set.insert(*document));
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

    fn score(&self, dot: i32, row: usize) -> f32 {
        codes::score(dot, self.query.scale, self.rows.scales[row], 1.0)
    }
}
