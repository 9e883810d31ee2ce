//! The best documents of a collection that is read in pieces.
//!
//! Owns the steps from a query to its hits, and the fusion of both legs by impacts and short codes; must not know how
//! text became words or how bytes arrive. Invariant: what was asked for is all that is used, so the same query gives the same hits
//! whatever was read before it; words alone are ranked exactly, by score and then by id.

use super::ask::{Found, Hit, Query, Word};
use super::called::Names;
use super::leaf::Entry;
use super::near::Near;
use super::remote::{Remote, ready};
use super::said::{Said, standing};
use crate::error::Result;
use crate::facets::{self, Matching, Set};
use crate::file::{Answer, Need, together};
use crate::pieces::short::{self, Query as ShortQuery};
use crate::prefix;

/// A document on its way to be a hit.
#[derive(Clone, Copy, Debug)]
struct Scored {
    document: u32,
    score: f64,
}

/// What several calls lack together.
#[derive(Default)]
struct Lacking(Vec<Need>);

impl Lacking {
    /// All of it, and more.
    fn and<T>(mut self, more: Vec<Need>) -> Answer<T> {
        self.0.extend(more);
        Answer::Need(together(self.0))
    }

    fn take<T>(&mut self, answer: Answer<T>) -> Option<T> {
        match answer {
            Answer::Ready(ready) => Some(ready),
            Answer::Need(needs) => {
                self.0.extend(needs);
                None
            }
        }
    }
}

/// Gives what a part of a call lacks back to whom called, with what else is lacking.
macro_rules! ready_or {
    ($lacking:expr, $answer:expr) => {
        match $answer {
            Answer::Ready(ready) => ready,
            Answer::Need(needs) => return Ok($lacking.and(needs)),
        }
    };
}

impl Remote {
    /// The best documents for a query, as far as their parts are at hand.
    ///
    /// # Errors
    /// `not_ready` before it is open, `bad_format` or `wrong_digest`, and `bad_input` for a vector without a direction.
    pub fn search(&mut self, query: &Query) -> Result<Answer<Found>> {
        let First {
            entries,
            begun,
            names,
        } = ready!(self.first(query)?);
        let mut entries = entries.into_iter();
        let mut of = |word: &Word| entries.by_ref().take(word.terms.len()).collect();
        let own: Vec<Vec<Option<Entry>>> = query.words.iter().map(&mut of).collect();
        let meant: Vec<Vec<Option<Entry>>> = query.meant.iter().map(&mut of).collect();
        let (by_word, has_all) = standing(query, &own, &begun);
        let by_part: Vec<Vec<Vec<Entry>>> = query
            .conditions
            .iter()
            .map(|condition| {
                let parts = condition.parts.iter();
                parts
                    .map(|(terms, _)| entries.by_ref().take(terms.len()).flatten().collect())
                    .collect()
            })
            .collect();
        let (vector, unknown) = vector(query, &meant);
        let like = ready!(self.like(query, &names)?);
        let without = like.as_ref().map(|like| like.document);
        let vector = like.map_or(vector, |like| like.direction);
        let vector = match vector.filter(|_| self.opened().is_ok_and(|opened| opened.meta.short)) {
            Some(vector) => Some(ShortQuery::new(&vector)?),
            None => None,
        };
        // What was picked of a facet must not hide its other values, so that those are counted over a set of their own.
        let relaxed: Vec<_> = query
            .facets
            .iter()
            .map(|facet| query.filter.as_ref()?.without_any(&facet.field))
            .collect();
        let mut scope = self.allowed(query.filter.as_ref(), None, &names);
        for filter in relaxed.iter().flatten() {
            scope.unite(&self.allowed(Some(filter), None, &names));
        }
        if let Some(document) = without {
            scope.remove(document as usize);
        }
        let mut lacking = Lacking::default();
        let said = self.said(query, &by_word, vector.is_some())?;
        let said = lacking.take(said);
        let meets = match query.conditions.is_empty() {
            true => Answer::Ready(scope),
            false => self.meets(&query.conditions, &by_part, &scope)?,
        };
        let meets = lacking.take(meets);
        let (Some(mut said), Some(scope)) = (said, meets) else {
            return Ok(lacking.and(Vec::new()));
        };
        // What is called like this is sought beside what comes next, and taken to be nothing until it is known, so that it hardly ever
        // takes a step of its own.
        let mut lacking = Lacking::default();
        let called = self.called(query, &said)?;
        let called = lacking.take(called);
        said.retain(|document| scope.contains(document as usize));
        let allowed = self.allowed(query.filter.as_ref(), Some(&scope), &names);
        let exact = called.as_ref().map(|called| called.exact(query));
        let mut exact = exact.unwrap_or_default();
        exact.retain(|document| scope.contains(*document as usize));
        let near = match &vector {
            None => None,
            Some(vector) => {
                let limit = query.offset.saturating_add(query.limit);
                let near = self.near(&said, vector, &scope, &exact, limit)?;
                Some(ready_or!(lacking, near))
            }
        };
        let is_read = near.as_ref().is_none_or(|near| near.read == scope.len());
        let matching = Known::new(query, &said, near.as_ref(), scope.documents());
        let among = |allowed: &Set| {
            let mut set = matching.among(allowed, query.meaning_k);
            let exact = exact.iter().map(|document| *document as usize);
            exact
                .filter(|document| allowed.contains(*document))
                .for_each(|document| set.insert(document));
            set
        };
        let matched = among(&allowed);
        let mut counts = Vec::new();
        if let Some(columns) = &self.columns {
            for (facet, relaxed) in query.facets.iter().zip(&relaxed) {
                counts.push(match relaxed {
                    None => facet.count(columns, &matched),
                    Some(filter) => {
                        let allowed = self.allowed(Some(filter), Some(&scope), &names);
                        facet.count(columns, &among(&allowed))
                    }
                });
            }
        }
        let scores = Scores {
            query,
            said: &said,
            near: near.as_ref(),
            exact: &exact,
        };
        let each = matched.iter().map(|document| scores.of(document as u32));
        let best = each.reduce(f64::max);
        let page = ready_or!(lacking, self.page(&matched, &scores)?);
        let hits = ready_or!(lacking, self.hits(&page, &scores)?);
        if called.is_none() {
            return Ok(lacking.and(Vec::new()));
        }
        Ok(Answer::Ready(Found {
            hits,
            total: matched.len(),
            best,
            exact: is_read && said.whole && has_all,
            counts,
            unknown,
            words: said.words,
            bound: said.bound,
        }))
    }

    /// The entries of words that begin like one that is still being typed, and whether those are all.
    #[allow(clippy::type_complexity)]
    fn begun(&mut self, words: &[Word]) -> Result<Answer<Vec<Option<(Vec<Entry>, bool)>>>> {
        let mut all = Vec::new();
        for word in words {
            let is_long = word.form.chars().count() >= prefix::REMOTE_LETTERS;
            all.push(match word.is_typed && is_long {
                true => Some(ready!(self.beginning(&word.form)?)),
                false => None,
            });
        }
        Ok(Answer::Ready(all))
    }

    /// The documents of a page of the match set, in order, with their scores.
    fn page(&mut self, matched: &Set, scores: &Scores<'_>) -> Result<Answer<Vec<Scored>>> {
        let (query, near) = (scores.query, scores.near);
        let scored = |document: usize| {
            let (document, score) = (document as u32, scores.of(document as u32));
            Scored { document, score }
        };
        let end = query.offset.saturating_add(query.limit).min(matched.len());
        if query.offset >= end {
            return Ok(Answer::Ready(Vec::new()));
        }
        if !query.sort.is_empty() {
            let documents: Vec<u32> = matched.iter().map(|document| document as u32).collect();
            let ranks = ready!(self.ranks(&documents)?);
            let mut turns = vec![0; matched.documents()];
            for (document, rank) in documents.iter().zip(ranks) {
                turns[*document as usize] = rank;
            }
            let ties = |a: usize, b: usize| turns[a].cmp(&turns[b]);
            let sorted = self.columns.as_ref().map(|columns| {
                let (offset, limit) = (query.offset, query.limit);
                facets::page(columns, &query.sort, matched, &ties, offset, limit)
            });
            return Ok(Answer::Ready(
                sorted.into_iter().flatten().map(scored).collect(),
            ));
        }
        let mut all: Vec<Scored> = matched.iter().map(scored).collect();
        let order = |a: &Scored, b: &Scored| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then(a.document.cmp(&b.document))
        };
        all.sort_unstable_by(order);
        // Of equal ones those whose ids come first; meaning is guessed too often for that to be worth a range.
        for border in [query.offset, end].into_iter().filter(|_| near.is_none()) {
            let Some(at) = all.get(border).map(|each| each.score) else {
                continue;
            };
            let start = all.partition_point(|each| each.score > at);
            let stop = all.partition_point(|each| each.score >= at);
            if start == border {
                continue;
            }
            let tied: Vec<u32> = all[start..stop].iter().map(|each| each.document).collect();
            let ranks = ready!(self.ranks(&tied)?);
            let mut ranked: Vec<(u32, u32)> = ranks.into_iter().zip(tied).collect();
            ranked.sort_unstable();
            for (each, (_, document)) in all[start..stop].iter_mut().zip(ranked) {
                each.document = document;
            }
        }
        Ok(Answer::Ready(all[query.offset..end].to_vec()))
    }

    /// The large clusters of documents, each once, ascending.
    pub(super) fn supers_of(&self, documents: impl Iterator<Item = u32>) -> Result<Vec<usize>> {
        let root = &self.opened()?.root;
        // Those of live segments lie in none.
        let published = self.published() as u32;
        let documents = documents.filter(|document| *document < published);
        let mut supers: Vec<usize> = documents.map(|document| root.super_of(document)).collect();
        supers.sort_unstable();
        supers.dedup();
        Ok(supers)
    }

    /// Records and ids; where nothing else sorts them, equal scores stand in the order of ids.
    fn hits(&mut self, page: &[Scored], scores: &Scores<'_>) -> Result<Answer<Vec<Hit>>> {
        let (query, said) = (scores.query, scores.said);
        let documents: Vec<u32> = page.iter().map(|each| each.document).collect();
        let supers = self.supers_of(documents.iter().copied())?;
        ready!(self.headers(&supers)?);
        let records = ready!(self.records(&documents)?);
        let mut hits = Vec::with_capacity(page.len());
        for (each, stored) in page.iter().zip(records) {
            let near = scores.near.and_then(|near| near.of(each.document));
            hits.push(Hit {
                id: stored.id,
                record: stored.record,
                score: each.score,
                meaning: near.map(|near| near.0),
                near: near.and_then(|near| near.1),
                words: said.share(each.document),
                lift: scores.lift(each.document),
                shares: self.shares(said, each.document)?,
            });
        }
        if query.sort.is_empty() {
            let order =
                |a: &Hit, b: &Hit| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id));
            hits.sort_unstable_by(order);
        }
        Ok(Answer::Ready(hits))
    }

    /// Reads what every query needs first.
    fn first(&mut self, query: &Query) -> Result<Answer<First>> {
        let parts = query.conditions.iter().flat_map(|each| &each.parts);
        let terms: Vec<&str> = query
            .words
            .iter()
            .chain(&query.meant)
            .map(|word| &word.terms)
            .chain(parts.map(|part| &part.0))
            .flatten()
            .map(String::as_str)
            .collect();
        let mut lacking = Lacking::default();
        let columns = self.fetch_columns(query)?;
        let columns = lacking.take(columns);
        let entries = self.entries(&terms)?;
        let entries = lacking.take(entries);
        let begun = self.begun(&query.words)?;
        let begun = lacking.take(begun);
        let names = self.ids(query)?;
        let names = lacking.take(names);
        match (columns, entries, begun, names) {
            (Some(()), Some(entries), Some(begun), Some(names)) => Ok(Answer::Ready(First {
                entries,
                begun,
                names,
            })),
            _ => Ok(Answer::Need(together(lacking.0))),
        }
    }

    /// Reads what a query will need first: columns, the leaves of its words, and their postings. To be called while it is
    /// typed, or while it is not known yet whether it is spelled right.
    ///
    /// # Errors
    /// As for [`Remote::search`].
    pub fn prepare(&mut self, query: &Query) -> Result<Answer<()>> {
        let First { entries, begun, .. } = ready!(self.first(query)?);
        let mut entries = entries.into_iter();
        let mut of = |word: &Word| entries.by_ref().take(word.terms.len()).collect();
        let own: Vec<Vec<Option<Entry>>> = query.words.iter().map(&mut of).collect();
        let (by_word, _) = standing(query, &own, &begun);
        let with_meaning = query.encode || query.vector.is_some();
        Ok(self.said(query, &by_word, with_meaning)?.map(|_| ()))
    }
}

/// What every query needs first, beside its columns.
struct First {
    /// The entries of all its terms.
    entries: Vec<Option<Entry>>,
    /// Of each word that is still being typed the entries that it begins, and whether those are all.
    begun: Vec<Option<(Vec<Entry>, bool)>>,
    names: Names,
}

/// What documents are ranked by.
struct Scores<'a> {
    query: &'a Query,
    said: &'a Said,
    near: Option<&'a Near>,
    /// The documents whose title or id is what was asked for, ascending.
    exact: &'a [u32],
}

impl Scores<'_> {
    /// What a document is ranked by, as it is shown.
    fn of(&self, document: u32) -> f64 {
        let weights = self.query.weights;
        let words = weights.1 * self.said.share(document);
        let near = self.near.and_then(|near| near.of(document));
        let score = match (near, self.query.asks_words) {
            (None, _) => words,
            (Some((near, _)), true) => weights.0 * near.max(0.0) + words,
            (Some((near, _)), false) => weights.0 * near,
        };
        f64::from((score + self.lift(document)) as f32)
    }

    /// What is on top of that: for a document that was named, the most that all legs can give.
    fn lift(&self, document: u32) -> f64 {
        match self.exact.binary_search(&document) {
            Ok(_) => self.query.weights.1 + self.near.map_or(0.0, |_| self.query.weights.0),
            Err(_) => 0.0,
        }
    }
}

/// What is known of documents, by which the match set is made.
struct Known {
    /// Those that have a word; none where no word has to be there.
    with_word: Option<Set>,
    closeness: Option<Vec<f32>>,
    /// Those of which either is known.
    known: Set,
}

impl Known {
    fn new(query: &Query, said: &Said, near: Option<&Near>, documents: usize) -> Known {
        let mut with_word = Set::none(documents);
        for (document, share) in &said.shares {
            if *share > 0.0 {
                with_word.insert(*document as usize);
            }
        }
        let mut known = match near {
            None => Set::all(documents),
            Some(_) => with_word.clone(),
        };
        let closeness = near.map(|near| {
            let mut closeness = vec![f32::NEG_INFINITY; documents];
            for (document, near, _) in &near.documents {
                closeness[*document as usize] = *near as f32;
                known.insert(*document as usize);
            }
            closeness
        });
        // Where nothing has a meaning, the words that only told where to look are what there is.
        let has_to = match query.asks_words {
            true => !query.is_blank,
            false => near.is_none(),
        };
        Known {
            with_word: has_to.then_some(with_word),
            closeness,
            known,
        }
    }

    /// The match set among the documents that may be found.
    fn among(&self, allowed: &Set, meaning_k: usize) -> Set {
        let mut allowed = allowed.clone();
        allowed.intersect(&self.known);
        let matching = Matching {
            words: self.with_word.as_ref(),
            meaning: self.closeness.as_deref(),
            meaning_k: meaning_k.max(1),
        };
        let mut set = Set::none(allowed.documents());
        let ties = |a: usize, b: usize| a.cmp(&b);
        matching.mark(&allowed, &ties, &mut Vec::new(), &mut set);
        set
    }
}

/// The vector of a query, of length 1, and the words that none was found for.
fn vector(query: &Query, meant: &[Vec<Option<Entry>>]) -> (Option<Vec<f32>>, Vec<usize>) {
    if !query.encode {
        return (query.vector.clone(), Vec::new());
    }
    let (mut sum, mut unknown) = (vec![0.0_f64; short::DIM], Vec::new());
    for (number, (word, entries)) in query.meant.iter().zip(meant).enumerate() {
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
