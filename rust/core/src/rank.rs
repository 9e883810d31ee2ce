//! The best of many, without sorting them all.
//!
//! Owns the order of hits; knows nothing of where scores come from.
//! Invariant: a higher score comes first, of equal scores the one whose turn is earlier; the order does not depend on that of
//! the offers.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A document with its best row and score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Higher is better; never NaN.
    pub score: f32,
    /// Of equal scores the lower turn comes first; no two have the same.
    pub turn: usize,
    /// The row that has this score.
    pub row: usize,
    /// The document of that row.
    pub document: usize,
}

impl Ranked {
    fn order(&self, other: &Ranked) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then(self.turn.cmp(&other.turn))
    }
}

/// Orders the worst first, so that a max-heap gives up the worst.
#[derive(Clone, Copy, Debug)]
struct Worst(Ranked);

impl PartialEq for Worst {
    fn eq(&self, other: &Worst) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Worst {}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Worst) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Worst {
    fn cmp(&self, other: &Worst) -> Ordering {
        self.0.order(&other.0)
    }
}

/// Keeps the best `limit` of everything it is offered, at O(log limit) an offer.
#[derive(Clone, Debug, Default)]
pub struct Top {
    limit: usize,
    heap: BinaryHeap<Worst>,
}

impl Top {
    /// Forgets what it kept and keeps at most `limit` from now on, in the room it has.
    pub fn reset(&mut self, limit: usize) {
        self.heap.clear();
        self.limit = limit;
    }

    /// Whether it keeps as many as it may.
    pub fn is_full(&self) -> bool {
        self.heap.len() == self.limit
    }

    /// What is below this score is not kept any more.
    pub fn bar(&self) -> f32 {
        if !self.is_full() {
            return f32::NEG_INFINITY;
        }
        let worst = self.heap.peek();
        worst.map_or(f32::INFINITY, |worst| worst.0.score)
    }

    /// Takes a candidate, and drops the worst when there are too many.
    pub fn offer(&mut self, ranked: Ranked) {
        if self.heap.len() < self.limit {
            self.heap.push(Worst(ranked));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && ranked.order(&worst.0) == Ordering::Less
        {
            *worst = Worst(ranked);
        }
    }

    /// Hands on what was kept, best first, and keeps the room for the next time.
    pub fn drain_sorted(&mut self, mut take: impl FnMut(Ranked)) {
        let mut sorted = std::mem::take(&mut self.heap).into_sorted_vec();
        sorted.drain(..).for_each(|worst| take(worst.0));
        self.heap = sorted.into();
    }

    /// Bytes of room it has.
    pub fn size_bytes(&self) -> usize {
        self.heap.capacity() * size_of::<Worst>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_equal_scores_in_turn() {
        let scores = [0.5, 2.0, 0.5, -1.0, 2.0, 0.5];
        for turn in 0..scores.len() {
            let mut top = Top::default();
            top.reset(4);
            for at in 0..scores.len() {
                let row = (at + turn) % scores.len();
                top.offer(Ranked {
                    score: scores[row],
                    turn: row,
                    row,
                    document: row,
                });
            }
            let mut rows = Vec::new();
            top.drain_sorted(|best| rows.push(best.row));
            assert_eq!(rows, [1, 4, 0, 2]);
            top.reset(1);
            top.drain_sorted(|best| panic!("{best:?} was forgotten"));
        }
    }

    #[test]
    fn nothing_is_kept_with_limit_zero() {
        let mut top = Top::default();
        top.offer(Ranked {
            score: 1.0,
            turn: 0,
            row: 0,
            document: 0,
        });
        top.drain_sorted(|best| panic!("{best:?} was kept"));
    }
}
