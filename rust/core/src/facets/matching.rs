//! The match set: which documents a search is about, of which the hits are the best.
//!
//! Owns the rule; knows nothing of how documents are scored, filtered or shown.
//! Invariant: the match set depends on the query and the collection only, not on which page of hits is asked for.

use super::Set;
use std::cmp::Ordering;

/// What is known of a query's documents before they are counted, sorted and shown.
#[derive(Clone, Copy)]
pub struct Matching<'a> {
    /// Whether a document contains a word of the query; none where the query has no words.
    pub words: Option<&'a dyn Fn(usize) -> bool>,
    /// The score by meaning of each document, never NaN; none where the query has no meaning.
    pub meaning: Option<&'a [f32]>,
    /// How many of the best by meaning belong to the match set.
    pub meaning_k: usize,
}

impl Matching<'_> {
    /// Makes `set` the documents out of `allowed` (those that pass operators and filters) that contain a word of the query,
    /// and the `meaning_k` best of `allowed` by meaning; of equal scores those that `ties` puts first. All of `allowed`
    /// where the query has neither words nor meaning. `room` is overwritten.
    pub fn mark(
        &self,
        allowed: &Set,
        ties: impl Fn(usize, usize) -> Ordering,
        room: &mut Vec<u32>,
        set: &mut Set,
    ) {
        set.reset(allowed.documents(), false);
        match (self.words, self.meaning) {
            (None, None) => set.unite(allowed),
            (None, Some(_)) => {}
            (Some(has_word), _) => {
                let with_word = allowed.iter().filter(|document| has_word(*document));
                with_word.for_each(|document| set.insert(document));
            }
        }
        let Some(scores) = self.meaning else {
            return;
        };
        room.clear();
        room.extend(allowed.iter().map(|document| document as u32));
        let last = self.meaning_k.checked_sub(1);
        if let Some(last) = last.filter(|last| *last < room.len()) {
            room.select_nth_unstable_by(last, |a, b| {
                let (a, b) = (*a as usize, *b as usize);
                scores[b].total_cmp(&scores[a]).then_with(|| ties(a, b))
            });
        }
        room.truncate(self.meaning_k);
        room.iter()
            .for_each(|document| set.insert(*document as usize));
    }
}
