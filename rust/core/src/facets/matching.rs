//! The match set: which documents a search is about, of which the hits are the best.
//!
//! Owns the rule; knows nothing of how documents are scored, filtered or shown.
//! Invariant: the match set depends on the query and the collection only, not on which page of hits is asked for.

use super::Set;
use std::cmp::Ordering;

/// What is known of a query's documents before they are counted, sorted and shown.
#[derive(Clone, Copy, Debug)]
pub struct Matching<'a> {
    /// The documents that contain a word of the query; none where the query has no words.
    pub words: Option<&'a Set>,
    /// The score by meaning of each document, never NaN; none where the query has no meaning.
    pub meaning: Option<&'a [f32]>,
    /// How many of the best by meaning belong to the match set.
    pub meaning_k: usize,
}

impl Matching<'_> {
    /// The documents out of `allowed` (those that pass operators and filters) that contain a word of the query, and the
    /// `meaning_k` best of `allowed` by meaning; of equal scores those that `ties` puts first. All of `allowed` where the
    /// query has neither words nor meaning.
    pub fn documents(&self, allowed: &Set, ties: impl Fn(usize, usize) -> Ordering) -> Set {
        if self.words.is_none() && self.meaning.is_none() {
            return allowed.clone();
        }
        let mut set = match self.words {
            None => Set::none(allowed.documents()),
            Some(words) => {
                let mut set = words.clone();
                set.intersect(allowed);
                set
            }
        };
        let Some(scores) = self.meaning else {
            return set;
        };
        let mut best: Vec<u32> = allowed.iter().map(|document| document as u32).collect();
        if let Some(last) = self
            .meaning_k
            .checked_sub(1)
            .filter(|last| *last < best.len())
        {
            best.select_nth_unstable_by(last, |a, b| {
                let (a, b) = (*a as usize, *b as usize);
                scores[b].total_cmp(&scores[a]).then_with(|| ties(a, b))
            });
        }
        best.truncate(self.meaning_k);
        best.into_iter()
            .for_each(|document| set.insert(document as usize));
        set
    }
}
