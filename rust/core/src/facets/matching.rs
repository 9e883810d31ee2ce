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
    /// Makes `set` the documents out of `allowed` (those that pass operators and filters) that contain a word of the query,
    /// and the `meaning_k` best of `allowed` by meaning; of equal scores those that `ties` puts first. All of `allowed`
    /// where the query has neither words nor meaning. `room` is overwritten.
    pub fn mark(
        &self,
        allowed: &Set,
        ties: &dyn Fn(usize, usize) -> Ordering,
        room: &mut Vec<u32>,
        set: &mut Set,
    ) {
        match self.words {
            None => set.reset(allowed.documents(), self.meaning.is_none()),
            Some(words) => set.copy_from(words),
        }
        set.intersect(allowed);
        let Some(scores) = self.meaning else {
            return;
        };
        let better = |a: &u32, b: &u32| {
            let (a, b) = (*a as usize, *b as usize);
            scores[b].total_cmp(&scores[a]).then_with(|| ties(a, b))
        };
        // The best so far and as many more, of which the worse half is given up now and then: most documents cost no more
        // than a look at whether they are good enough.
        let most = self.meaning_k.saturating_mul(2);
        let mut bar = f32::NEG_INFINITY;
        room.clear();
        for document in allowed.iter() {
            if scores[document] < bar {
                continue;
            }
            room.push(document as u32);
            if room.len() == most {
                let (_, last, _) = room.select_nth_unstable_by(self.meaning_k - 1, better);
                bar = scores[*last as usize];
                room.truncate(self.meaning_k);
            }
        }
        if (1..room.len()).contains(&self.meaning_k) {
            room.select_nth_unstable_by(self.meaning_k - 1, better);
        }
        room.truncate(self.meaning_k);
        room.iter()
            .for_each(|document| set.insert(*document as usize));
    }
}
