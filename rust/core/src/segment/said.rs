//! What the words of a query say: the documents that have them, by impacts.
//!
//! Owns which postings are read, and BM25 of levels; must not know meaning. Invariant: a word counts once, whatever
//! stands for it, and sums are made in the order of the words.

use super::ask::{Query, Weighed};
use super::impacts;
use super::leaf::Entry;
use super::remote::{Postings, Remote, ready};
use crate::error::Result;
use crate::file::Answer;
use crate::kernels::ln;
use crate::prefix;
use crate::words::share;

/// Bytes of postings that a query with meaning reads; words that stand in very many documents are left out before. As many
/// are read of all words that begin like one that is still being typed.
const POSTINGS_BYTES: u64 = 24 << 10;

/// What the words of a query say: documents ascending, each with its share of the most that BM25 can give.
pub(super) struct Said {
    pub shares: Vec<(u32, f64)>,
    /// Of each word the documents that have it, with their levels; none where they were not read.
    pub lists: Vec<Vec<(u32, u8)>>,
    pub words: Vec<Weighed>,
    /// The most that BM25 can give.
    pub bound: f64,
    /// Whether all postings were read.
    pub whole: bool,
}

impl Said {
    /// What a document has of the most that BM25 can give.
    pub fn share(&self, document: u32) -> f64 {
        let at = self.shares.binary_search_by_key(&document, |each| each.0);
        at.map_or(0.0, |at| self.shares[at].1)
    }

    /// Whether a document may have all words of a title.
    pub fn may_have_all(&self, query: &Query, title: &str) -> bool {
        let lists = query.words.iter().zip(self.lists.iter().zip(&self.words));
        let own = lists.filter(|(word, _)| title.split(' ').any(|form| form == word.form));
        // Of a word that was not read nothing is known.
        let read = own.filter(|(_, (list, word))| !list.is_empty() || word.df == 0);
        let mut lists: Vec<_> = read.map(|(_, (list, _))| list).collect();
        lists.sort_unstable_by_key(|list| list.len());
        let Some((shortest, others)) = lists.split_first() else {
            return true;
        };
        let has = |document: u32| {
            let mut others = others.iter();
            others.all(|list| list.binary_search_by_key(&document, |each| each.0).is_ok())
        };
        shortest.iter().any(|each| has(each.0))
    }

    /// Forgets documents that `stays` does not keep.
    pub fn retain(&mut self, stays: impl Fn(u32) -> bool) {
        self.shares.retain(|each| stays(each.0));
    }
}

/// What stands for each word: its own terms, and of one that is still being typed those of the most frequent forms that begin
/// like it; and whether that is all of them.
pub(super) fn standing(
    query: &Query,
    own: &[Vec<Option<Entry>>],
    begun: &[Option<(Vec<Entry>, bool)>],
) -> (Vec<Vec<Entry>>, bool) {
    let mut is_all = true;
    let words = query.words.iter().zip(own).zip(begun);
    let standing = words.map(|((word, own), begun)| {
        let mut all: Vec<Entry> = own.iter().flatten().cloned().collect();
        let Some((others, has_all)) = begun else {
            is_all &= !word.is_typed;
            return all;
        };
        let candidates = all.iter().chain(others);
        let held: usize = candidates.clone().map(|entry| entry.forms.len()).sum();
        let forms = candidates.flat_map(|entry| {
            let forms = entry.forms.iter();
            forms.map(move |form| (form.form.as_str(), form.documents, entry))
        });
        let found = prefix::expand(&word.form, forms, prefix::REMOTE_FORMS);
        is_all &= *has_all && held <= prefix::REMOTE_FORMS;
        let (mut left, mut more) = (POSTINGS_BYTES, Vec::new());
        for entry in found {
            let is_new = |known: &Entry| known.term != entry.term;
            if all.iter().all(is_new) && more.iter().all(is_new) {
                match left.checked_sub(entry.postings_bytes()) {
                    Some(rest) => {
                        left = rest;
                        more.push(entry.clone());
                    }
                    None => is_all = false,
                }
            }
        }
        all.append(&mut more);
        all
    });
    (standing.collect(), is_all)
}

impl Remote {
    /// What the words say, each as the union of what stands for it.
    pub(super) fn said(
        &mut self,
        query: &Query,
        by_word: &[Vec<Entry>],
        with_meaning: bool,
    ) -> Result<Answer<Said>> {
        let bytes = |word: usize| -> u64 { by_word[word].iter().map(Entry::postings_bytes).sum() };
        let mut order: Vec<(u64, usize)> =
            (0..by_word.len()).map(|word| (bytes(word), word)).collect();
        order.sort_unstable();
        let (mut left, mut read) = (POSTINGS_BYTES, vec![true; by_word.len()]);
        for (bytes, word) in order.into_iter().filter(|_| with_meaning) {
            read[word] = bytes <= left;
            left = left.saturating_sub(bytes);
        }
        let wanted: Vec<&Entry> = by_word
            .iter()
            .zip(&read)
            .filter(|(_, read)| **read)
            .flat_map(|(word, _)| word)
            .collect();
        let mut lists = ready!(self.postings(&wanted)?).into_iter();
        let opened = self.opened()?;
        let count = opened.living() as f64;
        let levels = &opened.parameters.levels;
        let mut said = Said {
            shares: Vec::new(),
            lists: Vec::new(),
            words: Vec::new(),
            bound: 0.0,
            whole: read.iter().all(|read| *read),
        };
        let mut given: Vec<(u32, u32, f32)> = Vec::new();
        for (number, (standing, read)) in by_word.iter().zip(&read).enumerate() {
            let own: Vec<Postings> = match read {
                true => lists.by_ref().take(standing.len()).collect(),
                false => Vec::new(),
            };
            let mut union = union(&own);
            union.retain(|each| opened.alive.contains(each.0 as usize));
            let asked = &query.words[number];
            let mut terms: Vec<&str> = standing.iter().map(|entry| entry.term.as_str()).collect();
            let more = asked.terms.iter().map(String::as_str);
            let is_long = asked.form.chars().count() >= prefix::REMOTE_LETTERS;
            let begun = (asked.is_typed && is_long).then(|| opened.live.beginning(&asked.form));
            let begun = begun.into_iter().flatten();
            for term in more.chain(begun) {
                if opened.live.knows(term) && !terms.contains(&term) {
                    terms.push(term);
                }
            }
            let first = opened.meta.documents;
            let live = opened.live.levels(&terms, &opened.parameters, first);
            // Of a word that is not read, the terms may share documents; this only scales down what the others say. What is gone
            // has the common words as often as what is left.
            let unread: usize = match read {
                true => 0,
                false => {
                    let all: usize = standing.iter().map(|entry| entry.count).sum();
                    let share = opened.living_published() as f64 / f64::from(first.max(1));
                    live.len() + (all as f64 * share).round() as usize
                }
            };
            union.extend(live.into_iter().filter(|_| *read));
            let df = union.len() + unread;
            let idf = ln(1.0 + ((count - df as f64).max(0.0) + 0.5) / (df as f64 + 0.5));
            said.bound += idf * (impacts::K1 + 1.0);
            let value = |level: u8| idf as f32 * levels[usize::from(level)];
            given.extend(
                union
                    .iter()
                    .map(|(document, level)| (*document, number as u32, value(*level))),
            );
            said.lists.push(union);
            said.words.push(Weighed {
                form: query.words[number].form.clone(),
                terms: terms.into_iter().map(str::to_owned).collect(),
                df,
                idf,
            });
        }
        // The contributions of a document stay in the order of the words, and are summed as those of a loaded index are.
        given.sort_unstable_by_key(|each| (each.0, each.1));
        for own in given.chunk_by(|a, b| a.0 == b.0) {
            let sum: f32 = own.iter().map(|each| each.2).sum();
            let share = share(sum, said.bound);
            said.shares.push((own[0].0, f64::from(share)));
        }
        Ok(Answer::Ready(said))
    }

    /// What each word added to the share of a document, and the level it was made from.
    pub(super) fn shares(&self, said: &Said, document: u32) -> Result<Vec<(f64, f64)>> {
        let levels = &self.opened()?.parameters.levels;
        let each = said.lists.iter().zip(&said.words).map(|(list, word)| {
            let at = list.binary_search_by_key(&document, |each| each.0);
            let level = at.map_or(0.0, |at| f64::from(levels[usize::from(list[at].1)]));
            (word.idf * level / said.bound, level)
        });
        Ok(each.collect())
    }
}

/// Documents of any of the lists, ascending, each with its highest level.
pub(super) fn union(lists: &[Postings]) -> Vec<(u32, u8)> {
    let mut all: Vec<(u32, u8)> = Vec::new();
    for list in lists {
        all.extend(
            list.documents
                .iter()
                .copied()
                .zip(list.levels.iter().copied()),
        );
    }
    if lists.len() > 1 {
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        all.dedup_by_key(|each| each.0);
    }
    all
}
